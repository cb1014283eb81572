/* train/stage_pretrain.c — stage 2: codes of hidden patches. The step. */
#include "train/stage_pretrain.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model_message/model_message.h"
#include "train/parent.h"
#include "train/saving.h"

static enum status choose(struct stage *stage)
{
    struct pretrain_stage *own = (struct pretrain_stage *)stage;
    struct run *run = stage->run;
    enum status status;

    own->model = run->config->pretrain.model;
    stage->trunk = &own->model;
    TRY(parent_open(&own->parent, run->command->tokenizer_path, run));
    status = tokenizer_from_message(&own->tokenizer_model, own->parent->message->tokenizer, own->parent->folder);
    if (status == STATUS_OK && !own->tokenizer_model.quantize)
        status = status_set(STATUS_DATA,
                            "%s: was trained without quantizer and has no codes; train a tokenizer with "
                            "tokenizer.model.quantize: true",
                            own->parent->folder);
    TRY(comm_agree(run->world, status));
fail:
    return status;
}

/* Pairs are counted with the trunk's tolerance; the tokenizer may attend further. */
static struct batch_bounds tokenizer_bounds(const struct pretrain_stage *own, const struct batch_bounds *bounds)
{
    struct batch_bounds wider = *bounds;

    if (own->tokenizer_model.encoder.tolerance > own->model.tolerance) {
        wider.span_pairs = bounds->span_tokens * bounds->span_tokens;
        wider.pairs = bounds->tokens * bounds->span_tokens;
    }
    return wider;
}

static enum status create(struct stage *stage, const struct batch_bounds *bounds)
{
    struct pretrain_stage *own = (struct pretrain_stage *)stage;
    struct batch_bounds wider = tokenizer_bounds(own, bounds);

    own->tokenizer = tokenizer_create(&own->tokenizer_model, &wider, false);
    own->backbone = backbone_create(&own->model, own->tokenizer_model.codes, bounds);
    own->codes = NEW_ARRAY(uint32_t, bounds->tokens);
    own->masked = NEW_ARRAY(uint8_t, bounds->tokens);
    stage->parameters = backbone_parameters(own->backbone);
    stage->frozen_parameters = tokenizer_parameters(own->tokenizer);
    own->tokenizer_weights = xcalloc(stage->frozen_parameters->count, sizeof(real));
    stage->frozen_weights = own->tokenizer_weights;
    return STATUS_OK;
}

static size_t memory(const struct stage *stage, const struct batch_bounds *bounds)
{
    const struct pretrain_stage *own = (const struct pretrain_stage *)stage;
    struct batch_bounds wider = tokenizer_bounds(own, bounds);

    return tokenizer_plan_memory(&own->tokenizer_model, &wider, false) +
           backbone_plan_memory(&own->model, own->tokenizer_model.codes, bounds);
}

static enum status weights(struct stage *stage)
{
    struct pretrain_stage *own = (struct pretrain_stage *)stage;
    enum status status;

    parameters_initialise(stage->parameters, stage->weights, stage->run->config->seed);
    TRY(parent_weights(own->parent, stage->frozen_parameters, own->tokenizer_weights, "tokenizer.", stage->run->world));
fail:
    return status;
}

static void begin_batch(struct stage *stage, const struct batch_plan *plan, uint64_t step)
{
    struct pretrain_stage *own = (struct pretrain_stage *)stage;
    enum mask_pattern mask = stage->run->config->pretrain.mask;

    own->step = step;
    own->global_masked[0] = 0;
    for (size_t i = 0; i < plan->n_spans; i++)
        own->global_masked[0] += (double)backbone_masked_count(&plan->spans[i], mask);
    own->global_masked[1] = (double)plan->n_tokens - own->global_masked[0];
}

/* Two halves, each the other's complement; gradients are final after the second one only. */
static void micro_batch(struct stage *stage, const struct batch *batch, size_t micro,
                        const struct gradient_listener *listener, double *terms)
{
    struct pretrain_stage *own = (struct pretrain_stage *)stage;
    struct run *run = stage->run;
    double predicted = own->global_masked[0] + own->global_masked[1];

    (void)micro;
    tokenizer_encode(own->tokenizer, own->tokenizer_weights, batch, own->codes);
    backbone_draw_mask(batch, run->config->pretrain.mask, run->config->seed, own->step, own->masked);
    for (int half = 0; half < 2; half++) {
        struct backbone_losses losses;

        timers_switch(&run->timers, PHASE_FORWARD);
        backbone_forward(own->backbone, stage->weights, batch, own->codes, own->masked, half == 1,
                         own->global_masked[half], &losses);
        timers_switch(&run->timers, PHASE_BACKWARD);
        backbone_backward(own->backbone, stage->weights, run->gradient, half == 1 ? listener : NULL);
        terms[0] += losses.loss;
        terms[1] += losses.correct / predicted;
    }
}

static void describe(struct stage *stage, struct message_store *store)
{
    struct pretrain_stage *own = (struct pretrain_stage *)stage;

    message_add_tokenizer(store, &own->tokenizer_model);
    message_add_backbone(store, &own->model, own->tokenizer_model.codes);
}

static void free_stage(struct stage *stage)
{
    struct pretrain_stage *own = (struct pretrain_stage *)stage;

    checkpoint_close(own->parent);
    tokenizer_free(own->tokenizer);
    backbone_free(own->backbone);
    free(own->tokenizer_weights);
    free(own->codes);
    free(own->masked);
}

const struct stage_operations pretrain_stage_operations = {
    .bytes = sizeof(struct pretrain_stage),
    .term_names = {"loss", "accuracy"},
    .choose = choose,
    .accepts = stage_accepts_all,
    .create = create,
    .memory = memory,
    .weights = weights,
    .begin_batch = begin_batch,
    .micro_batch = micro_batch,
    .validate = pretrain_validate,
    .describe = describe,
    .free = free_stage,
};
