/* train/stage_tokenizer.c — stage 1: the step. */
#include "train/stage_tokenizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model_message/model_message.h"
#include "train/saving.h"

static bool has_statistics(const struct tokenizer_stage *own)
{
    return own->model.quantize && own->model.codebook_update == CODEBOOK_EMA;
}

/* Whether the step at hand takes statistics and moves the codebook. */
static bool takes_statistics(const struct tokenizer_stage *own)
{
    return has_statistics(own) && tokenizer_quantizes(own->tokenizer);
}

static enum status choose(struct stage *stage)
{
    struct tokenizer_stage *own = (struct tokenizer_stage *)stage;

    own->model = stage->run->config->tokenizer.model;
    stage->trunk = &own->model.encoder;
    return STATUS_OK;
}

static enum status create(struct stage *stage, const struct batch_bounds *bounds)
{
    struct tokenizer_stage *own = (struct tokenizer_stage *)stage;
    size_t codes = own->model.codes, micro_batches = stage->run->schedule->micro_batches;

    own->tokenizer = tokenizer_create(&own->model, bounds, true);
    own->ages = NEW_ARRAY(float, bounds->spans);
    own->sexes = NEW_ARRAY(int8_t, bounds->spans);
    own->statistics = NEW_ARRAY(double, tokenizer_statistics_count(own->tokenizer));
    own->use = xcalloc(codes, sizeof *own->use);
    own->candidates = NEW_ARRAY(double, codes * own->model.code_dimension);
    own->candidate_token = NEW_ARRAY(size_t, codes);
    own->micro_token = NEW_ARRAY(size_t, micro_batches + 1);
    stage->parameters = tokenizer_parameters(own->tokenizer);
    return STATUS_OK;
}

static size_t memory(const struct stage *stage, const struct batch_bounds *bounds)
{
    return tokenizer_plan_memory(&((const struct tokenizer_stage *)stage)->model, bounds, true);
}

static enum status weights(struct stage *stage)
{
    parameters_initialise(stage->parameters, stage->weights, stage->run->config->seed);
    return STATUS_OK;
}

struct demography tokenizer_demography(struct tokenizer_stage *own, const struct batch *batch)
{
    const struct corpus *corpus = own->stage.run->corpus;

    for (size_t i = 0; i < batch->n_spans; i++) {
        const struct corpus_record *record = &corpus->records[batch->spans[i].record_index];

        own->ages[i] = record->age_years;
        own->sexes[i] = record->sex;
    }
    return (struct demography){own->ages, own->sexes};
}

static void begin_batch(struct stage *stage, const struct batch_plan *plan, uint64_t step)
{
    struct tokenizer_stage *own = (struct tokenizer_stage *)stage;
    const struct run *run = stage->run;

    own->step = step;
    own->counts = (struct tokenizer_counts){.tokens = (double)plan->n_tokens};
    for (size_t i = 0; i < plan->n_spans; i++) {
        const struct corpus_record *record = &run->corpus->records[plan->spans[i].record_index];

        own->counts.spans_with_age += !isnan(record->age_years);
        own->counts.spans_with_sex += record->sex >= 0;
    }
    if (!takes_statistics(own))
        return;
    reducer_sums_reset(own->sums);
    own->may_restart = run->config->tokenizer.restart_unused && plan->epoch > run->epoch;
    if (own->may_restart)
        tokenizer_draw_candidates(own, plan);
}

static void micro_batch(struct stage *stage, const struct batch *batch, size_t micro,
                        const struct gradient_listener *listener, double *terms)
{
    struct tokenizer_stage *own = (struct tokenizer_stage *)stage;
    struct run *run = stage->run;
    struct demography demography = tokenizer_demography(own, batch);
    struct tokenizer_losses losses;

    tokenizer_forward(own->tokenizer, stage->weights, batch, &demography, &own->counts, &losses);
    timers_switch(&run->timers, PHASE_BACKWARD);
    tokenizer_backward(own->tokenizer, stage->weights, run->gradient, listener);
    timers_switch(&run->timers, PHASE_REDUCE);
    terms[0] = losses.total;
    terms[1] = losses.morphology;
    terms[2] = losses.frequency;
    terms[3] = losses.age;
    terms[4] = losses.sex;
    terms[5] = losses.commitment;
    terms[6] = losses.codebook;
    if (!takes_statistics(own))
        return;
    reducer_sums_add_float(own->sums, 0, tokenizer_statistics(own->tokenizer),
                           tokenizer_statistics_count(own->tokenizer));
    if (own->may_restart)
        tokenizer_add_candidates(own, micro);
}

static enum status reduce(struct stage *stage)
{
    struct tokenizer_stage *own = (struct tokenizer_stage *)stage;
    enum status status = STATUS_OK;

    if (!takes_statistics(own))
        return STATUS_OK;
    TRY(reducer_sums_finish(own->sums, own->statistics));
    if (own->may_restart)
        TRY(reducer_sums_finish(own->candidate_sums, own->candidates));
fail:
    return status;
}

static void after_step(struct stage *stage, bool ends_epoch)
{
    struct tokenizer_stage *own = (struct tokenizer_stage *)stage;

    if (!takes_statistics(own))
        return;
    tokenizer_update_codebook(own->tokenizer, stage->weights, own->statistics);
    for (size_t code = 0; code < own->model.codes; code++)
        own->use[code] += own->statistics[code];
    if (own->may_restart)
        tokenizer_restart_codes(own);
    else if (ends_epoch)
        memset(own->use, 0, own->model.codes * sizeof *own->use);
}

/* The sums belong to the reducer, which is made after the model. */
static void make_sums(struct tokenizer_stage *own)
{
    struct reducer *reducer = own->stage.run->reducer;

    own->sums = reducer_sums_create(reducer, tokenizer_statistics_count(own->tokenizer));
    own->candidate_sums = reducer_sums_create(reducer, (size_t)own->model.codes * own->model.code_dimension);
}

/* The codebook begins with the vectors of the step in which quantising begins; a resumed run finds itself on the same
 * side of that step. */
static enum status before_step(struct stage *stage)
{
    struct tokenizer_stage *own = (struct tokenizer_stage *)stage;
    const struct run *run = stage->run;
    uint64_t first = (uint64_t)lround(run->config->tokenizer.quantize_from * (double)run->total_steps);

    if (!own->model.quantize)
        return STATUS_OK;
    if (own->sums == NULL)
        make_sums(own);
    tokenizer_quantize(own->tokenizer, run->step >= first);
    return run->step == first ? tokenizer_start_codebook(own) : STATUS_OK;
}

static void describe(struct stage *stage, struct message_store *store)
{
    struct tokenizer_stage *own = (struct tokenizer_stage *)stage;
    size_t codes = own->model.codes;

    message_add_tokenizer(store, &own->model);
    if (!has_statistics(own))
        return;
    store->code_use = NEW_ARRAY(uint64_t, codes);
    for (size_t code = 0; code < codes; code++)
        store->code_use[code] = (uint64_t)own->use[code];
    store->training.n_code_use = codes;
    store->training.code_use = store->code_use;
}

static enum status restore(struct stage *stage, const Anyecg__Checkpoint *message)
{
    struct tokenizer_stage *own = (struct tokenizer_stage *)stage;
    const Anyecg__TrainingState *training = message->training;

    if (!has_statistics(own))
        return STATUS_OK;
    if (training->n_code_use != own->model.codes)
        return status_set(STATUS_DAMAGED, "checkpoint: code_use has %zu entries, the codebook has %u codes",
                          training->n_code_use, own->model.codes);
    for (size_t code = 0; code < own->model.codes; code++)
        own->use[code] = (double)training->code_use[code];
    return STATUS_OK;
}

static void free_stage(struct stage *stage)
{
    struct tokenizer_stage *own = (struct tokenizer_stage *)stage;

    tokenizer_free(own->tokenizer);
    reducer_sums_free(own->sums);
    reducer_sums_free(own->candidate_sums);
    free(own->ages);
    free(own->sexes);
    free(own->statistics);
    free(own->use);
    free(own->candidates);
    free(own->candidate_token);
    free(own->micro_token);
}

const struct stage_operations tokenizer_stage_operations = {
    .bytes = sizeof(struct tokenizer_stage),
    .term_names = {"loss", "morphology", "frequency", "age", "sex", "commitment", "codebook"},
    .choose = choose,
    .accepts = stage_accepts_all,
    .create = create,
    .memory = memory,
    .weights = weights,
    .before_step = before_step,
    .begin_batch = begin_batch,
    .micro_batch = micro_batch,
    .reduce = reduce,
    .after_step = after_step,
    .validate = tokenizer_validate,
    .describe = describe,
    .restore = restore,
    .free = free_stage,
};
