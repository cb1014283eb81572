/* train/run.c — puts a run together: config, corpus, stage, model, reducer, folder; then the step loop. */
#include "train/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/startup.h"
#include "base/text.h"
#include "base/version.h"
#include "comm/cores.h"
#include "model/kernels/product.h"
#include "train/dry_run.h"
#include "train/recipe_json.h"
#include "train/run_folder.h"
#include "train/saving.h"
#include "train/source_weights.h"
#include "train/step.h"

const char *stage_kind_name(enum stage_kind kind)
{
    static const char *const names[] = {"tokenizer", "pretrain", "finetune"};

    return names[kind];
}

unsigned run_leads_mask(const struct run *run)
{
    unsigned mask = 0;
    enum lead lead;

    for (unsigned i = 0; i < run->config->data.n_leads; i++)
        if (lead_from_name(run->config->data.leads[i], &lead))
            mask |= 1u << lead;
    return mask;
}

struct sampler_settings run_sampler_settings(const struct run *run, enum split split, bool shuffle)
{
    const struct config *config = run->config;
    struct sampler_settings settings = {
        .seed = config->seed,
        .split = split,
        .micro_batches = run->schedule->micro_batches,
        .batch_tokens = run->schedule->batch_tokens,
        .window_seconds = config->data.window_seconds,
        .width = run->stage->trunk->width,
        .tolerance = run->stage->trunk->tolerance,
        .shuffle = shuffle,
        .leads_mask = run_leads_mask(run),
        .skip_bad_leads = config->data.skip_bad_leads,
        .accepts = run->stage->operations->accepts,
        .context = run->stage,
    };

    if (run->stage->operations->sampling != NULL)
        run->stage->operations->sampling(run->stage, &settings);
    return settings;
}

/* --- before anything is made -------------------------------------------------------------------------------------- */

/* Ranks against micro-batches. */
static enum status check_ranks(const struct run *run)
{
    const struct world *world = run->world;
    unsigned micro_batches = run->schedule->micro_batches;
    enum status status;

    REQUIRE(
        (unsigned)world->size <= micro_batches, STATUS_CONFIG,
        "%s.batch.micro_batches: %u is below the number of ranks, %d, so some would have nothing to do; raise it or "
        "start fewer ranks",
        stage_kind_name(run->command->kind), micro_batches, world->size);
    if (micro_batches % (unsigned)world->size != 0)
        log_warning("%u micro-batches do not divide evenly among %d ranks: in every step some ranks wait",
                    micro_batches, world->size);
    return STATUS_OK;
fail:
    return status;
}

static enum status apply_folds(struct run *run)
{
    const struct data_config *data = &run->config->data;
    struct fold_lists folds = {
        .n_train = data->n_train_folds, .n_validation = data->n_validation_folds, .n_test = data->n_test_folds};

    if (folds.n_train + folds.n_validation + folds.n_test == 0)
        return STATUS_OK;
    for (size_t i = 0; i < folds.n_train; i++)
        folds.train[i] = data->train_folds[i];
    for (size_t i = 0; i < folds.n_validation; i++)
        folds.validation[i] = data->validation_folds[i];
    for (size_t i = 0; i < folds.n_test; i++)
        folds.test[i] = data->test_folds[i];
    return corpus_apply_folds(run->corpus, &folds);
}

static enum status read_config(struct run *run)
{
    const struct command *command = run->command;
    const struct config *config;
    enum status status;

    TRY(config_load(&run->config, &run->config_text, command->config_path, command->settings, command->n_settings));
    config = run->config;
    run->schedule = command->kind == STAGE_TOKENIZER  ? &config->tokenizer.stage
                    : command->kind == STAGE_PRETRAIN ? &config->pretrain.stage
                                                      : &config->finetune.stage;
    TRY(check_ranks(run));
    if (run->world->rank == 0 && !command->dry_run)
        TRY(run_folder_check(command->out, command->resume, run->config_text));
fail:
    return status;
}

/* Whether all ranks want the same. A config on a node's own disk, or edited while ranks start, would let them part:
 * one validates or saves while another goes on. Collective, ends in agreement. */
static enum status compare_ranks(const struct run *run)
{
    const struct command *command = run->command;
    char *own =
        format_text("%s\nstage %d, task %d, steps %" PRIu64 ", flags %d %d %d", run->config_text, (int)command->kind,
                    (int)command->task, command->max_steps, command->resume, command->dry_run, command->profile);
    size_t bytes = strlen(own) + 1;
    uint64_t root_bytes = bytes;
    char *roots;
    enum status status = STATUS_OK;

    comm_broadcast(run->world, &root_bytes, sizeof root_bytes, 0);
    roots = xmalloc(root_bytes);
    memcpy(roots, own, root_bytes < bytes ? root_bytes : bytes);
    comm_broadcast(run->world, roots, root_bytes, 0);
    if (root_bytes != bytes || memcmp(own, roots, bytes) != 0)
        status = status_set(STATUS_CONFIG, "its config or options differ from those of rank 0; start all ranks with "
                                           "the same command and a config that all nodes see");
    free(roots);
    free(own);
    return comm_agree(run->world, status);
}

static enum status open_corpus(struct run *run)
{
    enum status status;

    TRY(corpus_open(&run->corpus, run->command->corpus_path, run->world));
    status = apply_folds(run);
    if (status == STATUS_OK)
        status = source_weights_apply(run->corpus, &run->config->data);
    if (status == STATUS_OK)
        status = recipe_from_json(&run->recipe, run->corpus->recipe_json, run->corpus->recipe_hash, run->corpus->path);
    TRY(comm_agree(run->world, status));
fail:
    return status;
}

/* --- order of records --------------------------------------------------------------------------------------------- */

static void widen(struct batch_bounds *bounds, struct batch_limits limits)
{
    bounds->tokens = limits.tokens > bounds->tokens ? limits.tokens : bounds->tokens;
    bounds->spans = limits.spans > bounds->spans ? limits.spans : bounds->spans;
    bounds->span_tokens = limits.span_tokens > bounds->span_tokens ? limits.span_tokens : bounds->span_tokens;
    bounds->span_pairs = limits.span_pairs > bounds->span_pairs ? limits.span_pairs : bounds->span_pairs;
    bounds->pairs = limits.pairs > bounds->pairs ? limits.pairs : bounds->pairs;
}

static bool has_records(const struct run *run, enum split split)
{
    for (size_t i = 0; i < run->corpus->n_records; i++) {
        const struct corpus_record *record = &run->corpus->records[i];

        if (record->split == split && run->stage->operations->accepts(record, run->stage))
            return true;
    }
    return false;
}

static enum status make_sampler(struct run *run)
{
    struct sampler_settings settings = run_sampler_settings(run, SPLIT_TRAIN, true);
    struct sampler *validation = NULL;
    uint64_t batches;
    double steps;
    enum status status;

    TRY(sampler_create(&run->sampler, run->corpus, &settings));
    run->bounds.span_seconds = settings.window_seconds;
    widen(&run->bounds, sampler_limits(run->sampler));
    run->has_validation = has_records(run, SPLIT_VALIDATION);
    if (run->has_validation) {
        settings = run_sampler_settings(run, SPLIT_VALIDATION, false);
        TRY(sampler_create(&validation, run->corpus, &settings));
        widen(&run->bounds, sampler_limits(validation));
        sampler_free(validation);
    } else {
        log_warning("the validation split holds no record of use to this stage: nothing is validated");
    }
    batches = sampler_epoch_batches(run->sampler);
    steps = ceil(run->schedule->epochs * (double)batches);
    run->total_steps = run->schedule->steps > 0 ? run->schedule->steps : (uint64_t)fmax(steps, 1);
    run->warmup_steps = (uint64_t)lround(run->schedule->warmup * (double)run->total_steps);
    run->last_step = run->total_steps;
    if (run->command->max_steps > 0 && run->command->max_steps < run->total_steps)
        run->last_step = run->command->max_steps;
fail:
    return status;
}

/* --- model -------------------------------------------------------------------------------------------------------- */

static real *new_zeros(size_t count)
{
    return xcalloc(count, sizeof(real));
}

static enum status make_model(struct run *run)
{
    struct stage *stage = run->stage;
    size_t count;
    enum status status;

    TRY(comm_agree(run->world, stage->operations->create(stage, &run->bounds)));
    count = stage->parameters->count;
    stage->weights = new_zeros(count);
    TRY(stage->operations->weights(stage));
    run->moment1 = new_zeros(count);
    run->moment2 = new_zeros(count);
    if (stage->keeps_best)
        run->best_weights = new_zeros(count);
    TRY(reducer_create(&run->reducer, &run->gradient, run->world, count, run->config->reduction,
                       (size_t)run->config->reduction_bucket_mb << 20));
    run->terms = reducer_sums_create(run->reducer, MOST_TERMS);
fail:
    return status;
}

static void count_splits(const struct corpus *corpus, size_t records[3], double hours[3])
{
    for (size_t i = 0; i < corpus->n_records; i++) {
        const struct corpus_record *record = &corpus->records[i];

        if (record->split >= SPLIT_TRAIN && record->split <= SPLIT_TEST) {
            records[record->split]++;
            hours[record->split] += record->seconds / 3600.0;
        }
    }
}

/* What runs on what: the first lines of every log. */
static void print_banner(const struct run *run)
{
    const char *threads = getenv("OPENBLAS_NUM_THREADS");
    const struct stage *stage = run->stage;
    size_t records[3] = {0};
    double hours[3] = {0};
    char ranks[512];

    world_describe(run->world, ranks, sizeof ranks);
    count_splits(run->corpus, records, hours);
    log_info("anyecg-train %s: %s%s%s; %s, BLAS threads a rank: %s; %s", ANYECG_VERSION,
             stage_kind_name(run->command->kind), run->command->kind == STAGE_FINETUNE ? " " : "",
             run->command->kind == STAGE_FINETUNE ? task_name(run->command->task) : "", ranks,
             threads != NULL ? threads : "1", product_library());
    log_info("corpus %s (%016" PRIx64 "): %zu training, %zu validation, %zu test records, %.1f + %.1f + %.1f h",
             run->corpus->path, run->corpus->hash, records[0], records[1], records[2], hours[0], hours[1], hours[2]);
    log_info("model: %.3f M weights; %zu tensors; reduction %s", (double)parameters_real_count(stage->parameters) / 1e6,
             stage->parameters->n_tensors, reducer_description(run->reducer));
    log_info("%" PRIu64 " steps (%" PRIu64 " an epoch), %" PRIu64
             " of warm-up; up to %u tokens in %u micro-batches a step",
             run->total_steps, sampler_epoch_batches(run->sampler), run->warmup_steps, run->schedule->batch_tokens,
             run->schedule->micro_batches);
}

static enum status make_loader(struct run *run)
{
    const struct loader_config *config = &run->config->loader;
    struct loader_settings settings = {config->read, config->io_hints, config->batches_ahead};

    return loader_create(&run->loader, run->corpus, run->sampler, &settings, run->world);
}

/* Two runs in one folder (a chain submitted twice) would take each other's checkpoints apart. */
static enum status lock_folder(struct run *run)
{
    const char *folder = run->command->out;
    enum status status = STATUS_OK;

    if (run->world->rank == 0) {
        status = folder_make(folder);
        if (status == STATUS_OK)
            status = folder_lock_take(&run->lock, folder, "running.lock", "anyecg-train");
    }
    return comm_agree(run->world, status);
}

/* Continues or begins; opens the folder. */
static enum status enter(struct run *run)
{
    bool found = false;
    enum status status = STATUS_OK;

    TRY(lock_folder(run));
    if (run->command->resume)
        TRY(restore_checkpoint(run, &found));
    if (run->world->rank == 0) {
        /* First of all: what a full disk left of a checkpoint may be what fills it. */
        if (checkpoint_sweep(run->command->out) != STATUS_OK)
            log_warning("left of an interrupted run: %s", status_message());
        status = run_folder_open(&run->folder, run->command->out, run->config_text, run->step);
    }
    TRY(comm_agree(run->world, status));
    print_banner(run);
    if (found) {
        log_info("continues behind step %" PRIu64 " of %" PRIu64 ", the newest complete checkpoint", run->step,
                 run->total_steps);
        sampler_seek(run->sampler, run->epoch, run->position);
    } else if (run->command->resume) {
        log_info("--resume: %s holds no complete checkpoint; the run begins at step 0", run->command->out);
    }
fail:
    return status;
}

static void end_run(struct run *run)
{
    loader_free(run->loader);
    sampler_free(run->sampler);
    stage_free(run->stage);
    reducer_sums_free(run->terms);
    reducer_free(run->reducer);
    free(run->moment1);
    free(run->moment2);
    free(run->best_weights);
    subjects_free(&run->subjects);
    stop_end(&run->stop);
    if (run->corpus != NULL)
        corpus_close(run->corpus);
    run_folder_close(run->folder);
    folder_lock_release(&run->lock);
    config_free(run->config);
    free(run->config_text);
}

static const struct stage_operations *choose_stage(const struct command *command)
{
    if (command->kind == STAGE_TOKENIZER)
        return &tokenizer_stage_operations;
    if (command->kind == STAGE_PRETRAIN)
        return &pretrain_stage_operations;
    return command->task == TASK_LONGECG ? &longecg_stage_operations : &finetune_stage_operations;
}

enum status run_start(const struct command *command, const struct world *world)
{
    struct run run = {.command = command, .world = world, .lock = {.file = -1}};
    enum status status;

    TRY(comm_agree(world, read_config(&run)));
    TRY(compare_ranks(&run));
    cores_warn(world, startup_blas_threads());
    TRY(open_corpus(&run));
    run.stage = stage_new(choose_stage(command), &run);
    TRY(run.stage->operations->choose(run.stage));
    TRY(comm_agree(world, subjects_refuse_overlap(&run.subjects, run.corpus)));
    subjects_add_corpus(&run.subjects, run.corpus);
    TRY(comm_agree(world, make_sampler(&run)));
    if (command->dry_run) {
        TRY(comm_agree(world, dry_run(&run)));
        goto fail;
    }
    TRY(make_model(&run));
    stop_start(&run.stop, world->rank == 0 ? command->out : NULL, command->max_hours);
    TRY(enter(&run));
    TRY(make_loader(&run));
    if (run.step >= run.last_step)
        log_info("step %" PRIu64 " of %" PRIu64 " is done already: nothing is left to do", run.step, run.last_step);
    else
        TRY(train_steps(&run));
fail:
    if (status == STATUS_STOPPED)
        log_info("%s", status_message());
    else if (status != STATUS_OK)
        log_error("%s", status_message());
    end_run(&run);
    return status;
}
