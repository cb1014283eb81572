/* train/main.c — the command line of anyecg-train. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/startup.h"
#include "base/text.h"
#include "base/version.h"
#include "train/run.h"

enum option_key {
    OPTION_CORPUS = 256,
    OPTION_OUT,
    OPTION_SET,
    OPTION_MAX_STEPS,
    OPTION_MAX_HOURS,
    OPTION_RESUME,
    OPTION_DRY_RUN,
    OPTION_PROFILE,
    OPTION_TOKENIZER,
    OPTION_INIT,
    OPTION_HELP,
    OPTION_USAGE,
    OPTION_VERSION,
};

static const char arguments_text[] = "tokenizer\npretrain\nfinetune anomaly|arrhythmia|leadgen|longecg";
static const char description[] =
    "Trains AnyECG, data-parallel over MPI ranks: tokenizer, then pretrain, then finetune for a task.\v"
    "CHECKPOINT is a step folder or a run folder (its newest complete step).\n"
    "SIGUSR1, SIGTERM, Ctrl-C or a file STOP in the run folder: save and end with exit code 16.\n"
    "Exit codes: 0 done, 2 usage, 4 bad data, 5 bad config, 6 input or output, 7 damaged, 8 not finite, 16 stopped.\n"
    "docs/CONFIG.md explains the config.";

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "What differs from the defaults, YAML (configs/tiny.yaml, configs/small.yaml)", 0},
    {"corpus", OPTION_CORPUS, "FOLDER", 0, "Made by anyecg-pack", 0},
    {"out", OPTION_OUT, "FOLDER", 0, "Run folder, made anew", 0},
    {"set", OPTION_SET, "KEY.SUB=VALUE", 0, "One value over the config; may be given again", 0},
    {"tokenizer", OPTION_TOKENIZER, "CHECKPOINT", 0, "pretrain: whose codes are predicted", 1},
    {"init", OPTION_INIT, "CHECKPOINT", 0, "finetune: the trunk to start from; none: an untrained one", 1},
    {"resume", OPTION_RESUME, NULL, 0, "Continue the run in --out behind its newest checkpoint", 2},
    {"max-steps", OPTION_MAX_STEPS, "N", 0, "Save and end after step N; the schedule stays", 2},
    {"max-hours", OPTION_MAX_HOURS, "H", 0, "Save and end with exit code 16 after H hours (else: what Slurm has left)",
     2},
    {"dry-run", OPTION_DRY_RUN, NULL, 0, "Print sizes, memory and steps, and end", 2},
    {"profile", OPTION_PROFILE, NULL, 0, "Where the time goes, by phase, part and layer, as a table at the end", 2},
    {"quiet", 'q', NULL, 0, "Warnings only", 3},
    {"verbose", 'v', NULL, 0, "More", 3},
    {"help", OPTION_HELP, NULL, 0, "Give this help", -1},
    {"usage", OPTION_USAGE, NULL, 0, "Give a short usage message", -1},
    {"version", OPTION_VERSION, NULL, 0, "Print the version", -1},
    {0}};

struct parsing {
    struct command command;
    bool has_stage, has_task;
    bool prints; /* rank 0 */
    enum status status;
};

static error_t refuse(struct parsing *parsing)
{
    parsing->status = STATUS_USAGE;
    return EINVAL;
}

/* Words that are no options: the stage, then the task. */
static error_t take_word(struct parsing *parsing, const char *word)
{
    struct command *command = &parsing->command;

    if (!parsing->has_stage) {
        parsing->has_stage = true;
        for (int kind = STAGE_TOKENIZER; kind <= STAGE_FINETUNE; kind++) {
            if (strcmp(word, stage_kind_name((enum stage_kind)kind)) == 0) {
                command->kind = (enum stage_kind)kind;
                return 0;
            }
        }
        status_set(STATUS_USAGE, "'%s' is no stage; the stages are tokenizer, pretrain and finetune", word);
        return refuse(parsing);
    }
    if (command->kind == STAGE_FINETUNE && !parsing->has_task) {
        parsing->has_task = true;
        if (task_from_name(word, &command->task))
            return 0;
        status_set(STATUS_USAGE, "finetune: '%s' is no task; the tasks are anomaly, arrhythmia, leadgen and longecg",
                   word);
        return refuse(parsing);
    }
    status_set(STATUS_USAGE, "'%s' is one word too many; see --help", word);
    return refuse(parsing);
}

static error_t take_number(struct parsing *parsing, int key, const char *text)
{
    int64_t steps;
    double hours;

    if (key == OPTION_MAX_STEPS) {
        if (parse_int(text, 1, INT64_MAX, &steps)) {
            parsing->command.max_steps = (uint64_t)steps;
            return 0;
        }
        status_set(STATUS_USAGE, "--max-steps %s: must be a whole number above 0", text);
    } else {
        if (parse_double(text, &hours) && hours > 0) {
            parsing->command.max_hours = hours;
            return 0;
        }
        status_set(STATUS_USAGE, "--max-hours %s: must be a number above 0", text);
    }
    return refuse(parsing);
}

static error_t answer(struct parsing *parsing, struct argp_state *state, unsigned flags)
{
    parsing->command.is_answered = true;
    if (parsing->prints && flags != 0)
        argp_state_help(state, stdout, flags);
    else if (parsing->prints)
        printf("anyecg-train %s\n", ANYECG_VERSION);
    return ECANCELED; /* nothing behind it is looked at */
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct parsing *parsing = state->input;
    struct command *command = &parsing->command;

    switch (key) {
    case 'c':
        command->config_path = text;
        return 0;
    case OPTION_CORPUS:
        command->corpus_path = text;
        return 0;
    case OPTION_OUT:
        command->out = text;
        return 0;
    case OPTION_SET:
        command->settings = xrealloc(command->settings, (command->n_settings + 1) * sizeof *command->settings);
        command->settings[command->n_settings++] = text;
        return 0;
    case OPTION_MAX_STEPS:
    case OPTION_MAX_HOURS:
        return take_number(parsing, key, text);
    case OPTION_RESUME:
        command->resume = true;
        return 0;
    case OPTION_DRY_RUN:
        command->dry_run = true;
        return 0;
    case OPTION_PROFILE:
        command->profile = true;
        return 0;
    case OPTION_TOKENIZER:
        command->tokenizer_path = text;
        return 0;
    case OPTION_INIT:
        command->init_path = text;
        return 0;
    case 'q':
        log_set_level(LOG_WARNING);
        return 0;
    case 'v':
        log_set_level(LOG_DEBUG);
        return 0;
    case OPTION_HELP:
        return answer(parsing, state, ARGP_HELP_STD_HELP & ~(unsigned)ARGP_HELP_EXIT_OK);
    case OPTION_USAGE:
        return answer(parsing, state, ARGP_HELP_USAGE);
    case OPTION_VERSION:
        return answer(parsing, state, 0);
    case ARGP_KEY_ARG:
        return take_word(parsing, text);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Whether all is given that the stage needs, and nothing else. */
static enum status check_command(const struct parsing *parsing)
{
    const struct command *command = &parsing->command;
    const char *stage = stage_kind_name(command->kind);
    enum status status;

    REQUIRE(parsing->has_stage, STATUS_USAGE, "name a stage: tokenizer, pretrain or finetune TASK; see --help");
    REQUIRE(command->kind != STAGE_FINETUNE || parsing->has_task, STATUS_USAGE,
            "finetune: name a task: anomaly, arrhythmia, leadgen or longecg");
    REQUIRE(command->corpus_path != NULL, STATUS_USAGE, "%s: --corpus FOLDER is missing", stage);
    REQUIRE(command->out != NULL || command->dry_run, STATUS_USAGE, "%s: --out FOLDER is missing", stage);
    REQUIRE(command->kind != STAGE_PRETRAIN || command->tokenizer_path != NULL, STATUS_USAGE,
            "pretrain: --tokenizer CHECKPOINT is missing; `anyecg-train tokenizer` makes one");
    REQUIRE(command->kind == STAGE_PRETRAIN || command->tokenizer_path == NULL, STATUS_USAGE,
            "%s: takes no --tokenizer; that is for pretrain", stage);
    REQUIRE(
        command->kind != STAGE_FINETUNE || command->init_path != NULL, STATUS_USAGE,
        "finetune: --init CHECKPOINT is missing; `anyecg-train pretrain` makes one, `--init none` starts untrained");
    REQUIRE(command->kind == STAGE_FINETUNE || command->init_path == NULL, STATUS_USAGE,
            "%s: takes no --init; that is for finetune", stage);
    return STATUS_OK;
fail:
    return status;
}

static enum status read_command(struct parsing *parsing, int argc, char **argv)
{
    static const struct argp parser = {options, parse, arguments_text, description, NULL, NULL, NULL};
    unsigned flags = ARGP_NO_EXIT | ARGP_NO_HELP | (parsing->prints ? 0 : ARGP_NO_ERRS);
    error_t error = argp_parse(&parser, argc, argv, flags, NULL, parsing);

    if (parsing->command.is_answered)
        return STATUS_OK;
    if (parsing->status != STATUS_OK)
        return parsing->status;
    if (error != 0)
        return status_set(STATUS_USAGE, "the command line cannot be read; see --help");
    return check_command(parsing);
}

int main(int argc, char **argv)
{
    struct parsing parsing = {0};
    struct world world;
    enum status status;

    startup_choose_blas(argv);
    status = world_start(&world, &argc, &argv);
    if (status != STATUS_OK) {
        log_error("%s", status_message());
        return (int)status;
    }
    parsing.prints = world.rank == 0;
    status = comm_agree(&world, read_command(&parsing, argc, argv));
    if (status != STATUS_OK)
        log_error("%s", status_message());
    else if (!parsing.command.is_answered)
        status = run_start(&parsing.command, &world);
    free(parsing.command.settings);
    world_end(&world);
    return (int)status;
}
