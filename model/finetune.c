#include "model/finetune.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "model/kernels/activation.h"
#include "model/kernels/arrays.h"
#include "model/kernels/losses.h"
#include "model/kernels/pooling.h"
#include "model/kernels/standardise.h"
#include "model/task_head.h"
#include "model/trunk.h"

struct finetune {
    struct trunk_config config;
    struct head_config head_config;
    bool training, generates; /* generates: leadgen */
    struct parameters parameters;
    struct arena arena;
    struct trunk trunk;
    struct block_scratch scratch;
    unsigned place; /* of the head, for the profile */
    size_t head_first, head_end;
    real *embeddings; /* [spans, W] */
    real *factors;    /* [2·layers, T] of drop-path; training only */
    size_t factor_stride;

    struct norm_layer norm; /* anomaly, arrhythmia */
    struct linear_layer output;
    real *normed, *mean, *inverse_std; /* [spans, W], [spans], [spans] */
    real *logits, *dlogits;            /* [spans, outputs] */

    struct linear_layer linear1, linear2;   /* leadgen */
    uint32_t *rows;                         /* [T]: corrupted tokens */
    real *row_features, *activated, *slope; /* [T, W]; behind GELU, and its slope if training */
    real *row_output, *row_target;          /* [T, 300] */
    real *row_scale, *sigma_mv;             /* [T], [spans] */
    real *generated;                        /* [T, 300] */
    size_t n_rows;

    struct batch batch; /* of the last forward */
    struct trunk_options options;
};

static void plan(struct finetune *finetune, const struct trunk_config *trunk, const struct head_config *head,
                 bool training)
{
    struct finetune *f = finetune;
    size_t width = trunk->width;
    int layer = (int)trunk->layers + 1;

    f->config = *trunk;
    f->head_config = *head;
    f->training = training;
    f->generates = head->task == TASK_LEADGEN;
    trunk_plan(&f->trunk, &f->parameters, "backbone", trunk, true);
    f->head_first = f->parameters.count;
    if (f->generates) {
        f->linear1 = linear_layer_plan(&f->parameters, "head.linear1", width, width, layer, 1);
        f->linear2 = linear_layer_plan(&f->parameters, "head.linear2", width, PATCH_SAMPLES, layer, 1);
    } else {
        f->norm = norm_layer_plan(&f->parameters, "head.norm", width, layer);
        f->output = linear_layer_plan(&f->parameters, "head.linear", width, head->outputs, layer, LABEL_HEAD_GAIN);
    }
    f->head_end = f->parameters.count;
    f->place = profile_place("head");
}

static void take_generator(struct finetune *finetune, struct arena *arena, const struct batch_bounds *bounds)
{
    struct finetune *f = finetune;
    size_t wide = checked_multiply(bounds->tokens, f->config.width);
    size_t samples = checked_multiply(bounds->tokens, PATCH_SAMPLES);
    f->rows = arena_take(arena, bounds->tokens * sizeof *f->rows);
    f->row_features = take_reals(arena, wide);
    f->activated = take_reals(arena, wide);
    f->slope = f->training ? take_reals(arena, wide) : NULL;
    f->row_output = take_reals(arena, samples);
    f->row_target = take_reals(arena, samples);
    f->row_scale = take_reals(arena, bounds->tokens);
    f->sigma_mv = take_reals(arena, bounds->spans);
    f->generated = take_reals(arena, samples);
}

static void take(struct finetune *finetune, struct arena *arena, const struct batch_bounds *bounds)
{
    struct finetune *f = finetune;
    size_t outputs = checked_multiply(bounds->spans, f->head_config.outputs);
    block_scratch_take(&f->scratch, arena, f->config.width, f->config.heads, bounds, f->training);
    trunk_take(&f->trunk, arena, bounds->tokens, f->training);
    f->embeddings = take_reals(arena, checked_multiply(bounds->spans, f->config.width));
    f->factor_stride = bounds->tokens;
    if (f->training)
        f->factors = take_reals(arena, checked_multiply(2 * (size_t)f->config.layers, bounds->tokens));
    if (f->generates) {
        take_generator(f, arena, bounds);
        return;
    }
    f->normed = take_reals(arena, bounds->spans * f->config.width);
    f->mean = take_reals(arena, bounds->spans);
    f->inverse_std = take_reals(arena, bounds->spans);
    f->logits = take_reals(arena, outputs);
    f->dlogits = take_reals(arena, outputs);
}

struct finetune *finetune_create(const struct trunk_config *trunk, const struct head_config *head,
                                 const struct batch_bounds *bounds, bool training)
{
    struct finetune *finetune = xcalloc(1, sizeof *finetune);
    struct arena counting = arena_counting();
    assert(head->task != TASK_LONGECG);
    plan(finetune, trunk, head, training);
    take(finetune, &counting, bounds);
    arena_create(&finetune->arena, counting.peak);
    take(finetune, &finetune->arena, bounds);
    return finetune;
}

void finetune_free(struct finetune *finetune)
{
    if (!finetune)
        return;
    trunk_free(&finetune->trunk);
    parameters_free(&finetune->parameters);
    arena_destroy(&finetune->arena);
    free(finetune);
}

const struct parameters *finetune_parameters(const struct finetune *finetune)
{
    return &finetune->parameters;
}

size_t finetune_memory_bytes(const struct finetune *finetune)
{
    return finetune->arena.capacity;
}

size_t finetune_plan_memory(const struct trunk_config *trunk, const struct head_config *head,
                            const struct batch_bounds *bounds, bool training)
{
    struct finetune *finetune = xcalloc(1, sizeof *finetune);
    struct arena counting = arena_counting();
    plan(finetune, trunk, head, training);
    take(finetune, &counting, bounds);
    finetune_free(finetune);
    return counting.peak;
}

/* embeddings → logits and the loss of known labels. */
static double classify(struct finetune *finetune, const real *weights, const struct finetune_targets *targets)
{
    struct finetune *f = finetune;
    size_t spans = f->batch.n_spans, outputs = f->head_config.outputs;
    norm_layer_forward(&f->norm, weights, f->normed, f->mean, f->inverse_std, f->embeddings, spans);
    linear_layer_forward(&f->output, weights, f->logits, f->normed, spans);
    return label_loss(f->dlogits, f->logits, targets ? targets->labels : NULL,
                      targets ? targets->positive_weight : NULL, targets ? targets->global_labels : 0, spans, outputs);
}

/* Corrupted tokens: their rows, targets in mV and 1/σ² of their span. */
static void collect_corrupted(struct finetune *finetune, const uint8_t *corrupted)
{
    struct finetune *f = finetune;
    const struct batch *batch = &f->batch;
    f->n_rows = 0;
    standardise_spans(NULL, NULL, f->sigma_mv, batch->patches, batch->spans, batch->n_spans);
    for (size_t s = 0; s < batch->n_spans; s++)
        for (size_t t = batch->spans[s].first_token, i = 0; i < span_tokens(&batch->spans[s]); i++)
            if (corrupted && corrupted[t + i] == 1) {
                f->row_scale[f->n_rows] = 1 / (f->sigma_mv[s] * f->sigma_mv[s]);
                f->rows[f->n_rows++] = (uint32_t)(t + i);
            }
}

/* features → waveforms of corrupted tokens and their loss; row_output becomes its gradient. */
static double generate(struct finetune *finetune, const real *weights, const real *features,
                       const struct finetune_targets *targets)
{
    struct finetune *f = finetune;
    size_t width = f->config.width, rows;
    collect_corrupted(f, targets ? targets->corrupted : NULL);
    rows = f->n_rows;
    if (rows == 0)
        return 0;
    gather_rows(f->row_features, features, f->rows, rows, width);
    linear_layer_forward_no_bias(&f->linear1, weights, f->activated, f->row_features, rows);
    gelu_forward(f->activated, f->slope, f->activated, weights + f->linear1.bias, rows, width);
    linear_layer_forward(&f->linear2, weights, f->row_output, f->activated, rows);
    for (size_t i = 0; i < rows; i++)
        memcpy(f->generated + (size_t)f->rows[i] * PATCH_SAMPLES, f->row_output + i * PATCH_SAMPLES,
               PATCH_SAMPLES * sizeof *f->generated);
    if (!(targets->global_labels > 0))
        return 0;
    gather_rows(f->row_target, f->batch.patches, f->rows, rows, PATCH_SAMPLES);
    return mse_loss(f->row_output, f->row_output, f->row_target, f->row_scale, NULL,
                    1.0 / (targets->global_labels * PATCH_SAMPLES), rows, PATCH_SAMPLES);
}

void finetune_forward(struct finetune *finetune, const real *weights, const struct batch *batch,
                      const struct finetune_targets *targets, double *loss)
{
    struct finetune *f = finetune;
    bool drops = f->training && targets && !targets->evaluating && f->head_config.drop_path > 0;

    f->batch = *batch;
    f->options =
        (struct trunk_options){.blocks = {.factors = drops ? f->factors : NULL, .factor_stride = f->factor_stride}};
    if (f->generates && targets && targets->corrupted)
        f->options.mask = (struct token_mask){.masked = targets->corrupted, .value = 1};
    if (drops)
        trunk_draw_drop_path(f->factors, f->factor_stride, f->config.layers, f->head_config.drop_path, batch->spans,
                             batch->n_spans, targets->seed, targets->step);
    const real *features = trunk_forward(&f->trunk, &f->scratch, weights, batch, &f->options);
    profile_enter(f->place, PROFILE_HEAD);
    pool_spans_forward(f->embeddings, features, batch->spans, batch->n_spans, f->config.width);
    *loss = f->generates ? generate(f, weights, features, targets) : classify(f, weights, targets);
    profile_leave();
}

static void classify_backward(struct finetune *finetune, const real *weights, real *gradient, real *dfeatures)
{
    struct finetune *f = finetune;
    size_t spans = f->batch.n_spans;
    real *dembeddings = f->scratch.flow;
    linear_layer_backward(&f->output, weights, gradient, f->normed, f->dlogits, f->normed, spans);
    memset(dembeddings, 0, spans * f->config.width * sizeof *dembeddings);
    norm_layer_backward(&f->norm, weights, gradient, dembeddings, f->normed, f->embeddings, f->mean, f->inverse_std,
                        spans);
    pool_spans_backward(dfeatures, dembeddings, f->batch.spans, f->batch.n_spans, f->config.width);
}

static void generate_backward(struct finetune *finetune, const real *weights, real *gradient, real *dfeatures)
{
    struct finetune *f = finetune;
    size_t rows = f->n_rows, width = f->config.width;
    linear_layer_backward(&f->linear2, weights, gradient, f->activated, f->row_output, f->activated, rows);
    gelu_backward(f->activated, f->activated, f->slope, rows * width);
    linear_layer_backward(&f->linear1, weights, gradient, f->row_features, f->activated, f->row_features, rows);
    scatter_rows_add(dfeatures, f->row_features, f->rows, rows, width);
}

void finetune_backward(struct finetune *finetune, const real *weights, real *gradient,
                       const struct gradient_listener *listener)
{
    struct finetune *f = finetune;
    real *dfeatures = trunk_feature_gradient(&f->trunk);

    assert(f->training);
    profile_enter(f->place, PROFILE_HEAD);
    memset(dfeatures, 0, f->batch.n_tokens * f->config.width * sizeof *dfeatures);
    if (f->generates)
        generate_backward(f, weights, gradient, dfeatures);
    else
        classify_backward(f, weights, gradient, dfeatures);
    profile_leave();
    gradient_is_ready(listener, f->head_first, f->head_end);
    trunk_backward(&f->trunk, &f->scratch, weights, gradient, &f->batch, &f->options, listener);
}

const real *finetune_logits(const struct finetune *finetune)
{
    return finetune->logits;
}

const real *finetune_generated(const struct finetune *finetune)
{
    return finetune->generated;
}

const real *finetune_embeddings(const struct finetune *finetune)
{
    return finetune->embeddings;
}
