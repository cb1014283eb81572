/* train/main.c — the command line of anyecg-train. */
#include <stdlib.h>
#include <string.h>

#include "base/command_line.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/startup.h"
#include "base/text.h"
#include "base/version.h"
#include "train/run.h"

enum option_key {
    OPTION_CORPUS = 256,
    OPTION_SET,
    OPTION_MAX_STEPS,
    OPTION_MAX_HOURS,
    OPTION_RESUME,
    OPTION_DRY_RUN,
    OPTION_PROFILE,
    OPTION_TOKENIZER,
    OPTION_INIT,
};

const char *argp_program_version = "anyecg-train " ANYECG_VERSION;

static const char arguments_text[] = "tokenizer\npretrain\nfinetune anomaly|arrhythmia|leadgen|longecg";
static const char description[] =
    "Trains AnyECG, data-parallel over MPI ranks: tokenizer, then pretrain, then finetune for a task.\v"
    "CHECKPOINT is a step folder or a run folder (its newest complete step).\n"
    "SIGUSR1, SIGTERM, Ctrl-C or a file STOP in the run folder: save and end with exit code 16.\n"
    "Exit codes: 0 done, 2 usage, 4 bad data, 5 bad config, 6 input or output, 7 damaged, 8 not finite, 16 stopped.\n"
    "docs/CONFIG.md explains the config.";

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "what differs from the defaults, YAML (configs/tiny.yaml, configs/small.yaml)", 0},
    {"corpus", OPTION_CORPUS, "FOLDER", 0, "corpus made by anyecg-pack", 0},
    {"out", 'o', "FOLDER", 0, "run folder, made anew", 0},
    {"output", 0, NULL, OPTION_ALIAS, NULL, 0}, /* as the other programs call theirs */
    {"set", OPTION_SET, "KEY.SUB=VALUE", 0, "one value over the config; may be given again", 0},
    {"tokenizer", OPTION_TOKENIZER, "CHECKPOINT", 0, "pretrain: whose codes are predicted", 1},
    {"init", OPTION_INIT, "CHECKPOINT", 0, "finetune: the trunk to start from; none: an untrained one", 1},
    {"resume", OPTION_RESUME, NULL, 0, "continue the run in --out behind its newest checkpoint", 2},
    {"max-steps", OPTION_MAX_STEPS, "N", 0, "save and end after step N; the schedule stays", 2},
    {"max-hours", OPTION_MAX_HOURS, "H", 0, "save and end with exit code 16 after H hours (else: what Slurm has left)",
     2},
    {"dry-run", OPTION_DRY_RUN, NULL, 0, "print sizes, memory and steps, and end", 2},
    {"profile", OPTION_PROFILE, NULL, 0, "where the time goes, by phase, part and layer, as a table at the end", 2},
    {0}};

struct parsing {
    struct command command;
    bool has_stage, has_task;
};

/* Words that are no options: the stage, then the task. Mistakes end the program. */
static void take_word(struct parsing *parsing, const char *word, const struct argp_state *state)
{
    struct command *command = &parsing->command;

    if (!parsing->has_stage) {
        parsing->has_stage = true;
        for (int kind = STAGE_TOKENIZER; kind <= STAGE_FINETUNE; kind++) {
            if (strcmp(word, stage_kind_name((enum stage_kind)kind)) == 0) {
                command->kind = (enum stage_kind)kind;
                return;
            }
        }
        argp_error(state, "'%s' is no stage; the stages are tokenizer, pretrain and finetune", word);
    } else if (command->kind == STAGE_FINETUNE && !parsing->has_task) {
        parsing->has_task = true;
        if (!task_from_name(word, &command->task))
            argp_error(state, "finetune: '%s' is no task; the tasks are anomaly, arrhythmia, leadgen and longecg",
                       word);
    } else {
        argp_error(state, "'%s' is one word too many", word);
    }
}

static void take_number(struct command *command, int key, const char *text, const struct argp_state *state)
{
    int64_t steps;
    double hours;

    if (key == OPTION_MAX_STEPS) {
        if (!parse_int(text, 1, INT64_MAX, &steps))
            argp_error(state, "--max-steps %s: must be a whole number above 0", text);
        command->max_steps = (uint64_t)steps;
    } else {
        if (!parse_double(text, &hours) || hours <= 0)
            argp_error(state, "--max-hours %s: must be a number above 0", text);
        command->max_hours = hours;
    }
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
    case 'o':
        command->out = text;
        return 0;
    case OPTION_SET:
        command->settings = xrealloc(command->settings, (command->n_settings + 1) * sizeof *command->settings);
        command->settings[command->n_settings++] = text;
        return 0;
    case OPTION_MAX_STEPS:
    case OPTION_MAX_HOURS:
        take_number(command, key, text, state);
        return 0;
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
    case ARGP_KEY_ARG:
        take_word(parsing, text, state);
        return 0;
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

int main(int argc, char **argv)
{
    static const struct argp parser = {options, parse, arguments_text, description, NULL, NULL, NULL};
    struct parsing parsing = {0};
    struct world world;
    enum status status;

    startup_choose_blas(argv);
    command_line_parse(&parser, argc, argv, &parsing);
    if (check_command(&parsing) != STATUS_OK)
        command_line_refuse();
    status = world_start(&world, &argc, &argv);
    if (status != STATUS_OK) {
        log_error("%s", status_message());
        return (int)status;
    }
    status = run_start(&parsing.command, &world);
    free(parsing.command.settings);
    world_end(&world);
    return (int)status;
}
