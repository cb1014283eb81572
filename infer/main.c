/* The program anyecg-infer: command line, and the division of inputs over ranks. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/command_line.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/startup.h"
#include "base/text.h"
#include "base/version.h"
#include "comm/cores.h"
#include "infer/describe.h"
#include "infer/evaluate.h"
#include "infer/run.h"
#include "infer/withdrawn.h"

const char *argp_program_version = "anyecg-infer " ANYECG_VERSION;

static const char description[] =
    "Answers four tasks on ECG recordings from a checkpoint of anyecg-train.\n\n"
    "  anomaly INPUT...      is the recording abnormal?\n"
    "  arrhythmia INPUT...   probability of each class of the checkpoint\n"
    "  leadgen INPUT...      makes lost leads from the others: WFDB records in -o\n"
    "  longecg INPUT...      episodes in long recordings\n"
    "  tokenize INPUT...     rhythm codes\n"
    "  embed INPUT...        mean of the features\n"
    "  evaluate TASK         figures on a split of a corpus, beside simple methods\n"
    "  info CHECKPOINT       what a checkpoint is; checks all its checksums. With\n"
    "                        --corpus: whether it was trained on what was withdrawn\n"
    "  export CHECKPOINT     copies it to -o without optimiser state and patients\n\n"
    "INPUT: a folder (searched), @list file, a recording of any format that anyecg-pack build takes (a WFDB header, an "
    "EDF file, FILE/NAME of one of many in an HDF5 file, ...), or --corpus, --split and --source. Results are JSON "
    "lines.\v"
    "Exit codes: 0 done, 2 usage, 3 some inputs were refused (listed), 4 bad data (all were refused), 5 bad config, "
    "6 input or output failed, 7 checkpoint or corpus damaged or not matching.\nNot a medical device.";

enum option_key { OPTION_CHECKPOINT = 1000, OPTION_CORPUS, OPTION_SPLIT, OPTION_SOURCE, OPTION_LEADS, OPTION_GAIN };

static const struct argp_option options[] = {
    {"checkpoint", OPTION_CHECKPOINT, "CHECKPOINT", 0, "a step folder, or a run folder (its newest complete step)", 0},
    {"output", 'o', "FILE", 0, "where results go (leadgen, export: a folder); default stdout", 0},
    {"corpus", OPTION_CORPUS, "CORPUS", 0, "take the records of a corpus", 0},
    {"split", OPTION_SPLIT, "SPLIT", 0, "train, validation or test (default)", 0},
    {"source", OPTION_SOURCE, "NAME", 0, "only records of this source of the corpus; may be given again", 0},
    {"recipe", 'c', "RECIPE", 0,
     "sources of raw files as anyecg-pack build -c takes them, before the built-in ones: descriptions of arrays, gains, "
     "limits of warnings",
     0},
    {"leads", OPTION_LEADS, "V1,V2,...", 0, "leadgen: leads to be made; default: those missing or without signal", 0},
    {"gain", OPTION_GAIN, "UNITS", 0, "ADC units a mV of raw files, baseline 0, where their headers are wrong", 0},
    {0},
};

struct command_line {
    const char *command, *checkpoint, *output, *corpus, *split, *leads, *gain, *recipe;
    const char **sources; /* [n_sources] */
    size_t n_sources;
    char **arguments; /* behind the command */
    size_t n_arguments;
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct command_line *line = state->input;
    switch (key) {
    case OPTION_CHECKPOINT:
        line->checkpoint = value;
        return 0;
    case OPTION_CORPUS:
        line->corpus = value;
        return 0;
    case OPTION_SPLIT:
        line->split = value;
        return 0;
    case OPTION_SOURCE:
        line->sources[line->n_sources++] = value;
        return 0;
    case 'c':
        line->recipe = value;
        return 0;
    case OPTION_LEADS:
        line->leads = value;
        return 0;
    case OPTION_GAIN:
        line->gain = value;
        return 0;
    case 'o':
        line->output = value;
        return 0;
    case ARGP_KEY_ARG:
        if (!line->command)
            line->command = value;
        else
            line->arguments[line->n_arguments++] = value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static enum status need(const char *value, const char *command, const char *option)
{
    if (value)
        return STATUS_OK;
    return status_set(STATUS_USAGE, "%s needs %s; see anyecg-infer --help", command, option);
}

static enum status set_leads(struct anyecg *model, const char *list)
{
    const char *leads[N_LEADS];
    size_t n = 0;
    if (!list)
        return STATUS_OK;
    char *copy = duplicate_text(list), *rest = copy, *lead;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && (lead = next_field(&rest, ","))) {
        if (n == N_LEADS)
            status = status_set(STATUS_USAGE, "--leads '%s': too many leads", list);
        else
            leads[n++] = trim(lead);
    }
    if (status == STATUS_OK)
        status = (enum status)anyecg_set_leads(model, leads, n);
    free(copy);
    return status;
}

static enum status set_gain(struct anyecg *model, const char *text)
{
    double gain;
    if (!text)
        return STATUS_OK;
    if (!parse_double(text, &gain) || gain <= 0)
        return status_set(STATUS_USAGE, "--gain %s: must be a number above 0", text);
    return (enum status)anyecg_set_gain(model, gain);
}

static enum status read_selection(struct selection *selection, const struct command_line *line)
{
    *selection = (struct selection){.sources = line->sources, .n_sources = line->n_sources};
    if (!split_from_name(line->split, &selection->split))
        return status_set(STATUS_USAGE, "--split '%s': must be train, validation or test", line->split);
    return STATUS_OK;
}

/* Before hours of evaluation, not after them. */
static enum status check_report_folder(const char *path)
{
    char *folder = duplicate_text(path), *slash = strrchr(folder, '/');
    enum status status = STATUS_OK;
    if (slash)
        slash[slash == folder] = '\0'; /* "/" stays */
    if (access(slash ? folder : ".", W_OK) < 0)
        status = status_set(STATUS_IO, "%s: cannot be written: %s", path, strerror(errno));
    free(folder);
    return status;
}

static enum status run_evaluate(const struct command_line *line, const struct world *world)
{
    enum status status;
    enum task task;
    struct selection selection;
    struct anyecg *model = NULL;
    struct corpus *corpus = NULL;
    json_t *report = json_object();

    REQUIRE(line->n_arguments == 1 && task_from_name(line->arguments[0], &task), STATUS_USAGE,
            "evaluate needs one task: anomaly, arrhythmia, leadgen or longecg");
    TRY(need(line->checkpoint, "evaluate", "--checkpoint"));
    TRY(need(line->corpus, "evaluate", "--corpus"));
    REQUIRE(!line->recipe, STATUS_USAGE, "-c is for raw files; a corpus needs no recipe");
    TRY(read_selection(&selection, line));
    TRY(comm_agree(world, line->output && world->rank == 0 ? check_report_folder(line->output) : STATUS_OK));
    TRY(comm_agree(world, (enum status)anyecg_open(&model, line->checkpoint)));
    TRY(corpus_open(&corpus, line->corpus, world));
    TRY(evaluate_run(model, task, corpus, &selection, world, report));
    if (line->output && world->rank == 0)
        TRY(json_write_file(line->output, report));
fail:
    json_decref(report);
    anyecg_close(model);
    corpus_close(corpus);
    return status;
}

static enum status run_task(const struct command_line *line, enum anyecg_task task, const struct world *world)
{
    enum status status;
    struct anyecg *model = NULL;
    struct recipe recipe = {0};
    struct run_request request = {.task = task,
                                  .arguments = line->arguments,
                                  .n_arguments = line->n_arguments,
                                  .recipe = &recipe,
                                  .has_gain = line->gain != NULL,
                                  .corpus = line->corpus,
                                  .output = line->output};

    TRY(need(line->checkpoint, line->command, "--checkpoint"));
    REQUIRE((line->n_arguments > 0) != (line->corpus != NULL), STATUS_USAGE,
            "%s needs either INPUTs or --corpus CORPUS; see anyecg-infer --help", line->command);
    TRY(read_selection(&request.selection, line));
    REQUIRE(!line->gain || !line->corpus, STATUS_USAGE, "--gain is for raw files; the gains of a corpus are settled");
    REQUIRE(!line->recipe || !line->corpus, STATUS_USAGE, "-c is for raw files; a corpus needs no recipe");
    REQUIRE(line->n_sources == 0 || line->corpus, STATUS_USAGE, "--source names sources of a corpus; give --corpus");
    if (task == ANYECG_LEADGEN)
        TRY(need(line->output, line->command, "-o FOLDER for the WFDB records"));
    if (!line->corpus)
        TRY(comm_agree(world, recipe_read(&recipe, line->recipe, NULL, 0)));
    TRY(comm_agree(world, (enum status)anyecg_open(&model, line->checkpoint)));
    TRY(set_leads(model, line->leads));
    TRY(set_gain(model, line->gain));
    if (!line->corpus)
        stream_set_limits(model->stream, &recipe.quality);
    TRY(run_inputs(model, &request, world));
fail:
    anyecg_close(model);
    recipe_free(&recipe);
    return status;
}

static enum status run_on_checkpoint(const struct command_line *line, const struct world *world)
{
    enum status status = STATUS_OK;
    if (line->n_arguments != 1)
        return status_set(STATUS_USAGE, "%s needs one CHECKPOINT", line->command);
    if (world->rank == 0 && strcmp(line->command, "info") == 0)
        status = describe_checkpoint(line->arguments[0]);
    if (world->rank == 0 && strcmp(line->command, "info") == 0 && line->corpus && status == STATUS_OK)
        status = describe_withdrawn(line->arguments[0], line->corpus);
    if (world->rank == 0 && strcmp(line->command, "export") == 0 &&
        (status = need(line->output, "export", "-o FOLDER")) == STATUS_OK)
        status = export_checkpoint(line->arguments[0], line->output);
    return comm_agree(world, status);
}

static enum status dispatch(const struct command_line *line, const struct world *world)
{
    static const char *const tasks[] = {"anomaly", "arrhythmia", "leadgen", "longecg", "tokenize", "embed"};
    if (!line->command)
        return status_set(STATUS_USAGE, "no command was given; see anyecg-infer --help");
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(line->command, tasks[i]) == 0)
            return run_task(line, (enum anyecg_task)i, world);
    if (strcmp(line->command, "evaluate") == 0)
        return run_evaluate(line, world);
    if (strcmp(line->command, "info") == 0 || strcmp(line->command, "export") == 0)
        return run_on_checkpoint(line, world);
    return status_set(STATUS_USAGE, "unknown command '%s'; see anyecg-infer --help", line->command);
}

int main(int argc, char **argv)
{
    startup_choose_blas(argv);
    static const struct argp parser = {options, parse_option, "COMMAND [ARGUMENT...]", description, NULL, NULL, NULL};
    struct command_line line = {.split = "test",
                                .sources = calloc((size_t)argc, sizeof(char *)),
                                .arguments = calloc((size_t)argc, sizeof(char *))};
    struct world world;
    enum status status = STATUS_OK;

    command_line_parse(&parser, argc, argv, &line);
    world_single(&world);
    if (world_is_launched())
        status = world_start(&world, &argc, &argv);
    if (status == STATUS_OK)
        cores_warn(&world, startup_blas_threads());
    if (status == STATUS_OK)
        status = dispatch(&line, &world);
    if (status != STATUS_OK && world.rank == 0)
        log_error("%s", status_message());
    status = command_line_end(status);
    world_end(&world);
    free(line.sources);
    free(line.arguments);
    return (int)status;
}
