/* tests/bench/bench_steps.c — what a step of each stage computes. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/backbone.h"
#include "model/finetune.h"
#include "model/tokenizer.h"
#include "tests/bench/bench_model.h"

/* --- stage 1 ------------------------------------------------------------------------------------------------------ */

static const struct stage_config *tokenizer_schedule(const struct config *config)
{
    return &config->tokenizer.stage;
}

static void create_tokenizer(struct bench *bench, const struct batch_bounds *bounds)
{
    size_t spans = bench->batch.n_spans;

    bench->tokenizer = tokenizer_create(&bench->config->tokenizer.model, bounds, true);
    bench->parameters = tokenizer_parameters(bench->tokenizer);
    bench->trunk_layers = (int)bench->config->tokenizer.model.encoder.layers;
    bench->statistics = NEW_ARRAY(double, tokenizer_statistics_count(bench->tokenizer));
    bench->ages = NEW_ARRAY(float, spans);
    bench->sexes = NEW_ARRAY(int8_t, spans);
    for (size_t s = 0; s < spans; s++) {
        bench->ages[s] = 40 + (float)s;
        bench->sexes[s] = (int8_t)(s % 2);
    }
}

static double tokenizer_micro_batch(struct bench *bench, const struct gradient_listener *listener)
{
    double spans = bench->global_tokens / (double)bench->batch.n_tokens * (double)bench->batch.n_spans;
    struct tokenizer_counts counts = {bench->global_tokens, spans, spans};
    struct demography demography = {bench->ages, bench->sexes};
    size_t n_statistics = tokenizer_statistics_count(bench->tokenizer);
    struct tokenizer_losses losses;

    if (bench->sums == NULL)
        bench->sums = reducer_sums_create(bench->reducer, n_statistics);
    tokenizer_forward(bench->tokenizer, bench->weights, &bench->batch, &demography, &counts, &losses);
    tokenizer_backward(bench->tokenizer, bench->weights, bench->gradient, listener);
    reducer_sums_add_float(bench->sums, 0, tokenizer_statistics(bench->tokenizer), n_statistics);
    return losses.total;
}

static void move_codebook(struct bench *bench)
{
    reducer_sums_finish(bench->sums, bench->statistics);
    tokenizer_update_codebook(bench->tokenizer, bench->weights, bench->statistics);
    reducer_sums_reset(bench->sums);
}

static void free_tokenizer(struct bench *bench)
{
    reducer_sums_free(bench->sums);
    tokenizer_free(bench->tokenizer);
    free(bench->statistics);
    free(bench->ages);
    free(bench->sexes);
}

/* --- stage 2 ------------------------------------------------------------------------------------------------------ */

static const struct stage_config *pretrain_schedule(const struct config *config)
{
    return &config->pretrain.stage;
}

static void create_pretrain(struct bench *bench, const struct batch_bounds *bounds)
{
    const struct tokenizer_config *tokenizer = &bench->config->tokenizer.model;

    bench->tokenizer = tokenizer_create(tokenizer, bounds, false);
    bench->backbone = backbone_create(&bench->config->pretrain.model, tokenizer->codes, bounds);
    bench->parameters = backbone_parameters(bench->backbone);
    bench->trunk_layers = (int)bench->config->pretrain.model.layers;
    bench->codes = NEW_ARRAY(uint32_t, bounds->tokens);
    bench->masked = NEW_ARRAY(uint8_t, bounds->tokens);
}

static void frozen_weights(struct bench *bench)
{
    const struct parameters *parameters = tokenizer_parameters(bench->tokenizer);

    bench->frozen_weights = NEW_ARRAY(real, parameters->count);
    parameters_initialise(parameters, bench->frozen_weights, 1);
}

static double pretrain_micro_batch(struct bench *bench, const struct gradient_listener *listener)
{
    double parts = bench->global_tokens / (double)bench->batch.n_tokens, loss = 0;
    size_t hidden;

    tokenizer_encode(bench->tokenizer, bench->frozen_weights, &bench->batch, bench->codes);
    hidden = backbone_draw_mask(&bench->batch, MASK_RANDOM, 1, bench->step, bench->masked);
    for (int half = 0; half < 2; half++) {
        double of_half = (double)(half == 0 ? hidden : bench->batch.n_tokens - hidden);
        struct backbone_losses losses;

        backbone_forward(bench->backbone, bench->weights, &bench->batch, bench->codes, bench->masked, half == 1,
                         parts * of_half, &losses);
        backbone_backward(bench->backbone, bench->weights, bench->gradient, half == 1 ? listener : NULL);
        loss += losses.loss;
    }
    return loss;
}

static void free_pretrain(struct bench *bench)
{
    tokenizer_free(bench->tokenizer);
    backbone_free(bench->backbone);
    free(bench->frozen_weights);
    free(bench->codes);
    free(bench->masked);
}

/* --- anomaly: fine-tuning and inference --------------------------------------------------------------------------- */

static const struct stage_config *finetune_schedule(const struct config *config)
{
    return &config->finetune.stage;
}

static void create_finetune(struct bench *bench, const struct batch_bounds *bounds)
{
    struct head_config head = {
        .task = TASK_ANOMALY, .outputs = 1, .window_seconds = 30, .drop_path = bench->config->finetune.drop_path};

    bench->finetune = finetune_create(&bench->config->pretrain.model, &head, bounds, bench->task->trains);
    bench->parameters = finetune_parameters(bench->finetune);
    bench->trunk_layers = (int)bench->config->pretrain.model.layers;
    bench->labels = NEW_ARRAY(int8_t, bench->batch.n_spans);
    for (size_t s = 0; s < bench->batch.n_spans; s++)
        bench->labels[s] = (int8_t)(s % 2);
}

static double finetune_micro_batch(struct bench *bench, const struct gradient_listener *listener)
{
    double spans = bench->global_tokens / (double)bench->batch.n_tokens * (double)bench->batch.n_spans, loss;
    struct finetune_targets targets = {.labels = bench->labels, .global_labels = spans, .seed = 1, .step = bench->step};

    finetune_forward(bench->finetune, bench->weights, &bench->batch, &targets, &loss);
    finetune_backward(bench->finetune, bench->weights, bench->gradient, listener);
    return loss;
}

/* The logits stand for the loss: they too must be finite. */
static double infer_micro_batch(struct bench *bench, const struct gradient_listener *listener)
{
    double loss, sum = 0;

    (void)listener;
    finetune_forward(bench->finetune, bench->weights, &bench->batch, NULL, &loss);
    for (size_t s = 0; s < bench->batch.n_spans; s++)
        sum += (double)finetune_logits(bench->finetune)[s];
    return sum;
}

static void free_finetune(struct bench *bench)
{
    finetune_free(bench->finetune);
    free(bench->labels);
}

const struct bench_task *bench_task_find(const char *name)
{
    static const struct bench_task tasks[] = {
        {"tokenizer", true, tokenizer_schedule, create_tokenizer, NULL, tokenizer_micro_batch, move_codebook,
         free_tokenizer},
        {"pretrain", true, pretrain_schedule, create_pretrain, frozen_weights, pretrain_micro_batch, NULL,
         free_pretrain},
        {"finetune", true, finetune_schedule, create_finetune, NULL, finetune_micro_batch, NULL, free_finetune},
        {"infer", false, finetune_schedule, create_finetune, NULL, infer_micro_batch, NULL, free_finetune},
    };

    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(tasks[i].name, name) == 0)
            return &tasks[i];
    return NULL;
}
