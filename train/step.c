#include "train/step.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "model/optimiser.h"
#include "train/metrics_file.h"
#include "train/profile_table.h"
#include "train/run_folder.h"
#include "train/saving.h"

/* What lies between two log lines. */
struct loop {
    struct run *run;
    struct progress progress;
    struct step_report report;
    uint64_t first_step;                /* of this process */
    double tokens;                      /* of its steps */
    double tokens_since, started_since; /* since the last line of metrics.jsonl */
    uint64_t steps_since;
    double gradient_norm; /* of the last step */
    real *fault_copy;     /* of FAULT_NO_REDUCTION; else NULL */
};

static void hand_over(void *context, size_t first, size_t count)
{
    profile_enter(0, PROFILE_REDUCE);
    reducer_ready(context, first, count);
    profile_leave();
}

/* Forward and backward of the micro-batches of this rank. */
static enum status own_micro_batches(struct run *run, const struct batch_plan *plan)
{
    struct stage *stage = run->stage;
    struct gradient_listener listener = {hand_over, run->reducer};
    bool repeats = run->config->test.fault == FAULT_DOUBLE_MICRO_BATCH;
    size_t own = loader_own_count(run->loader), turns = own + repeats;
    double terms[MOST_TERMS];
    enum status status = STATUS_OK;

    for (size_t turn = 0; turn < turns; turn++) {
        size_t i = turn < own ? turn : own - 1;
        struct batch batch;

        timers_switch(&run->timers, PHASE_LOAD);
        TRY(run_micro_batch(run->loader, plan, i, &batch));
        timers_switch(&run->timers, PHASE_REDUCE);
        reducer_begin_micro(run->reducer, turn + 1 == turns);
        if (batch.n_spans > 0) {
            memset(terms, 0, sizeof terms);
            timers_switch(&run->timers, PHASE_FORWARD);
            stage->operations->micro_batch(stage, &batch, loader_own_index(run->loader, i), &listener, terms);
            timers_switch(&run->timers, PHASE_REDUCE);
            reducer_sums_add(run->terms, terms);
        }
        TRY(reducer_end_micro(run->reducer));
    }
fail:
    return status;
}

/* Sums over ranks, with the faults that tests ask for. Collective. */
static enum status reduce(struct loop *loop)
{
    struct run *run = loop->run;
    struct stage *stage = run->stage;
    size_t count = stage->parameters->count;
    enum status status;

    if (loop->fault_copy != NULL)
        memcpy(loop->fault_copy, run->gradient, count * sizeof(real));
    TRY(reducer_finish(run->reducer));
    TRY(reducer_sums_finish(run->terms, stage->terms));
    if (stage->operations->reduce != NULL)
        TRY(stage->operations->reduce(stage));
    if (loop->fault_copy != NULL)
        memcpy(run->gradient, loop->fault_copy, count * sizeof(real));
    if (run->config->test.fault == FAULT_SCALE_BY_RANKS)
        for (size_t i = 0; i < count; i++)
            run->gradient[i] *= (real)run->world->size;
fail:
    return status;
}

static enum status guard(const struct loop *loop)
{
    const struct run *run = loop->run;
    const struct stage *stage = run->stage;

    if (isfinite(loop->gradient_norm) && isfinite(stage->terms[0]))
        return STATUS_OK;
    return status_set(
        STATUS_NOT_FINITE,
        "step %" PRIu64 ": loss %g, gradient norm %g; the weights were left as they were; lower "
        "optimiser.learning_rate or optimiser.clip, also in the run folder's config.yaml, with which --resume compares, "
        "or look at the data, and go on with --resume from the last checkpoint",
        run->step, stage->terms[0], loop->gradient_norm);
}

/* Each tensor as a line "name count" and its numbers, for the tests. */
static enum status dump_gradient(const struct run *run)
{
    const struct parameters *parameters = run->stage->parameters;
    const char *path = run->config->test.dump_gradient;
    FILE *file;
    bool is_written;

    if (path[0] == 0 || run->step != 0 || run->world->rank != 0)
        return STATUS_OK;
    file = fopen(path, "w");
    if (file == NULL)
        return status_set(STATUS_IO, "test.dump_gradient: %s: %s", path, strerror(errno));
    for (size_t i = 0; i < parameters->n_tensors; i++) {
        const struct tensor *tensor = &parameters->tensors[i];

        fprintf(file, "%s %zu\n", tensor->name, tensor->count);
        fwrite(run->gradient + tensor->first, sizeof(real), tensor->count, file);
    }
    is_written = ferror(file) == 0;
    is_written &= fclose(file) == 0;
    return is_written ? STATUS_OK : status_set(STATUS_IO, "test.dump_gradient: %s: cannot be written", path);
}

static void optimise(struct loop *loop)
{
    struct run *run = loop->run;
    struct stage *stage = run->stage;
    const struct optimiser_config *config = &run->schedule->optimiser;
    double norm = loop->gradient_norm, scale = config->clip > 0 && norm > config->clip ? config->clip / norm : 1;

    run->rate = schedule_rate(config, run->step, run->warmup_steps, run->total_steps);
    adamw_step(stage->parameters, config, stage->weights, run->gradient, run->moment1, run->moment2, run->rate, scale,
               run->step + 1, (int)stage->trunk->layers + 1);
}

static enum status take_step(struct loop *loop)
{
    struct run *run = loop->run;
    struct stage *stage = run->stage;
    const struct batch_plan *plan;
    double count = (double)stage->parameters->count;
    bool ends_epoch;
    enum status status;

    if (stage->operations->before_step != NULL)
        TRY(stage->operations->before_step(stage));
    timers_switch(&run->timers, PHASE_LOAD);
    TRY(loader_next(run->loader, &plan));
    stage->operations->begin_batch(stage, plan, run->step);
    reducer_begin_step(run->reducer);
    reducer_sums_reset(run->terms);
    status = own_micro_batches(run, plan);
    timers_switch(&run->timers, PHASE_REDUCE);
    profile_enter(0, PROFILE_WAIT);
    TRY(comm_agree(run->world, status));
    profile_next(PROFILE_REDUCE);
    TRY(reduce(loop));
    profile_count(0, 2 * count * sizeof(real)); /* own and foreign sums */
    profile_next(PROFILE_OPTIMISER);
    loop->gradient_norm = gradient_norm(run->gradient, stage->parameters->count);
    profile_count(0, count * sizeof(real));
    status = guard(loop);
    if (status == STATUS_OK)
        status = dump_gradient(run);
    profile_next(PROFILE_WAIT);
    TRY(comm_agree(run->world, status));
    profile_next(PROFILE_OPTIMISER);
    timers_switch(&run->timers, PHASE_OPTIMISER);
    optimise(loop);
    profile_count(0, 7 * count * sizeof(real)); /* gradient read; weights and both moments read and written */
    profile_next(PROFILE_CODEBOOK);
    ends_epoch = plan->epoch > run->epoch;
    if (stage->operations->after_step != NULL)
        stage->operations->after_step(stage, ends_epoch);
    profile_leave();
    timers_switch(&run->timers, PHASE_BETWEEN);
    loop->tokens += (double)plan->n_tokens;
    loop->tokens_since += (double)plan->n_tokens;
    loop->steps_since++;
    run->step++;
    run->epoch = plan->epoch;
    run->position = plan->position;
fail:
    return status;
}

/* One line in metrics.jsonl; times and memory are those of the slowest and largest rank. Collective. */
static void log_step(struct loop *loop)
{
    struct run *run = loop->run;
    struct step_report *report = &loop->report;
    double most[N_PHASES + 1], now = clock_seconds();

    for (int i = 0; i < N_PHASES; i++)
        most[i] = run->timers.seconds[i] / (double)loop->steps_since;
    most[N_PHASES] = resident_megabytes();
    comm_max_double(run->world, most, N_PHASES + 1);
    memcpy(report->phase_seconds, most, sizeof report->phase_seconds);
    report->memory_mb = most[N_PHASES];
    report->gradient_norm = loop->gradient_norm;
    report->tokens_per_second = loop->tokens_since / (now - loop->started_since);
    if (run->folder != NULL)
        metrics_write_step(run->folder->metrics, run, report);
    log_debug("step %" PRIu64
              ": loss %.5g, lr %.3g, gradient norm %.3g, %.0f tokens/s; slowest rank: load %.1f, forward "
              "%.1f, backward %.1f, reduce %.1f, optimiser %.1f ms",
              run->step, run->stage->terms[0], run->rate, loop->gradient_norm, report->tokens_per_second,
              1e3 * most[PHASE_LOAD], 1e3 * most[PHASE_FORWARD], 1e3 * most[PHASE_BACKWARD], 1e3 * most[PHASE_REDUCE],
              1e3 * most[PHASE_OPTIMISER]);
    timers_reset(&run->timers, PHASE_BETWEEN);
    loop->tokens_since = 0;
    loop->steps_since = 0;
    loop->started_since = now;
}

/* Validates, writes the figures, keeps the best weights. Collective. */
static enum status validate(struct run *run, bool is_final)
{
    struct stage *stage = run->stage;
    double figure = NAN;
    enum status status;

    if (!run->has_validation)
        return STATUS_OK;
    timers_switch(&run->timers, PHASE_VALIDATE);
    stage->n_results = 0;
    TRY(stage->operations->validate(stage, is_final, &figure));
    if (!isnan(figure) && (isnan(stage->best_figure) || figure > stage->best_figure)) {
        stage->best_figure = figure;
        stage->best_step = run->step;
        if (run->best_weights != NULL)
            memcpy(run->best_weights, stage->weights, stage->parameters->count * sizeof(real));
    }
    if (run->folder != NULL)
        metrics_write_validation(run->folder->metrics, run);
    timers_switch(&run->timers, PHASE_BETWEEN);
fail:
    return status;
}

/* Whether any rank wants to stop; the strongest reason. Collective. */
static enum stop_reason stop_agreed(struct run *run)
{
    double reason = stop_wanted(&run->stop);

    comm_max_double(run->world, &reason, 1);
    return (enum stop_reason)reason;
}

static bool is_turn(uint64_t step, unsigned every)
{
    return every > 0 && step % every == 0;
}

static enum status save(struct run *run)
{
    enum status status;

    timers_switch(&run->timers, PHASE_SAVE);
    status = save_checkpoint(run);
    timers_switch(&run->timers, PHASE_BETWEEN);
    return status;
}

/* In tokens of this process; how many are to come is known from the mean of a step. */
static void show_progress(struct loop *loop)
{
    const struct run *run = loop->run;

    loop->progress.total =
        loop->tokens / (double)(run->step - loop->first_step) * (double)(run->last_step - loop->first_step);
    progress_update(&loop->progress, loop->tokens, "step %" PRIu64 "/%" PRIu64 ", loss %.4g", run->step,
                    run->total_steps, run->stage->terms[0]);
}

/* What comes between two steps; *reason: why to stop here, if any. */
static enum status between_steps(struct loop *loop, enum stop_reason *reason)
{
    struct run *run = loop->run;
    const struct config *config = run->config;
    bool is_end = run->step == run->total_steps, is_last = run->step == run->last_step;
    enum status status;

    show_progress(loop);
    if (is_turn(run->step, config->log.every_steps) || run->step == 1 || is_last)
        log_step(loop);
    if (!is_end && is_turn(run->step, config->validation.every_steps))
        TRY(validate(run, false));
    *reason = is_last ? STOP_NONE : stop_agreed(run);
    if (!is_end && (is_last || *reason != STOP_NONE || is_turn(run->step, config->checkpoint.every_steps)))
        TRY(save(run));
    status = STATUS_OK;
fail:
    return status;
}

/* At the end of the schedule: the last validation, the best weights if they are kept, the last checkpoint. */
static enum status finish(struct run *run)
{
    struct stage *stage = run->stage;
    enum status status;

    TRY(validate(run, run->best_weights == NULL));
    if (run->best_weights != NULL) {
        if (!isnan(stage->best_figure)) {
            log_info("the weights of step %" PRIu64 " were the best on validation (%.4f); they become the result",
                     stage->best_step, stage->best_figure);
            memcpy(stage->weights, run->best_weights, stage->parameters->count * sizeof(real));
        }
        TRY(validate(run, true)); /* thresholds and figures of the weights that are kept */
    }
    TRY(save(run));
fail:
    return status;
}

enum status train_steps(struct run *run)
{
    struct loop loop = {.run = run, .first_step = run->step, .started_since = clock_seconds()};
    enum stop_reason reason = STOP_NONE;
    double product_rate = run->command->profile ? profile_begin(run) : 0;
    enum status status = STATUS_OK;

    timers_reset(&run->timers, PHASE_BETWEEN);
    if (run->config->test.fault == FAULT_NO_REDUCTION)
        loop.fault_copy = NEW_ARRAY(real, run->stage->parameters->count);
    progress_start(&loop.progress, stage_kind_name(run->command->kind), "tokens", 0);
    while (run->step < run->last_step && reason == STOP_NONE) {
        double started = clock_seconds();

        TRY(take_step(&loop));
        TRY(between_steps(&loop, &reason));
        if (clock_seconds() - started > run->stop.slowest_step)
            run->stop.slowest_step = clock_seconds() - started;
    }
    progress_finish(&loop.progress);
    if (reason == STOP_FILE && run->stop.file != NULL)
        unlink(run->stop.file); /* it has been obeyed; --resume must not meet it again */
    if (reason != STOP_NONE)
        FAIL(STATUS_STOPPED, "stopped after step %" PRIu64 " of %" PRIu64 ", because %s; saved, continue with --resume",
             run->step, run->total_steps, stop_reason_text(reason));
    if (run->step == run->total_steps)
        TRY(finish(run));
    else
        log_info("ended after step %" PRIu64 " of %" PRIu64 " (--max-steps); continue with --resume", run->step,
                 run->total_steps);
fail:
    if (run->command->profile && (status == STATUS_OK || status == STATUS_STOPPED) && run->step > loop.first_step)
        profile_print(run, run->step - loop.first_step, product_rate);
    free(loop.fault_copy);
    return status;
}
