#include "model/backbone.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "model/kernels/losses.h"
#include "model/trunk.h"

struct backbone {
    struct trunk_config config;
    bool training;
    unsigned codes;
    struct parameters parameters;
    struct arena arena;
    struct trunk trunk;
    struct block_scratch scratch;
    struct linear_layer head;
    unsigned place; /* of the head, for the profile */
    size_t head_first, head_end;
    uint32_t *rows, *labels; /* [T]: hidden tokens of the batch and their codes */
    real *logits;            /* [T, K], then their gradient */
    /* of the last forward */
    struct batch batch;
    struct trunk_options options;
    size_t n_hidden;
};

static void plan(struct backbone *backbone, const struct trunk_config *config, unsigned codes, bool training)
{
    backbone->config = *config;
    backbone->training = training;
    backbone->codes = codes;
    trunk_plan(&backbone->trunk, &backbone->parameters, "backbone", config, true);
    backbone->head_first = backbone->parameters.count;
    backbone->head =
        linear_layer_plan(&backbone->parameters, "code_head", config->width, codes, (int)config->layers + 1, 1);
    backbone->place = profile_place("code_head");
    backbone->head_end = backbone->parameters.count;
}

static void take(struct backbone *backbone, struct arena *arena, const struct batch_bounds *bounds)
{
    size_t tokens = bounds->tokens, width = backbone->config.width;
    block_scratch_take(&backbone->scratch, arena, width, backbone->config.heads, bounds, backbone->training);
    trunk_take(&backbone->trunk, arena, tokens, backbone->training);
    if (!backbone->training)
        return;
    backbone->rows = arena_take(arena, tokens * sizeof *backbone->rows);
    backbone->labels = arena_take(arena, tokens * sizeof *backbone->labels);
    backbone->logits = take_reals(arena, checked_multiply(tokens, backbone->codes));
}

static struct backbone *create(const struct trunk_config *config, unsigned codes, const struct batch_bounds *bounds,
                               bool training)
{
    struct backbone *backbone = xcalloc(1, sizeof *backbone);
    struct arena counting = arena_counting();
    plan(backbone, config, codes, training);
    take(backbone, &counting, bounds);
    arena_create(&backbone->arena, counting.peak);
    take(backbone, &backbone->arena, bounds);
    return backbone;
}

struct backbone *backbone_create(const struct trunk_config *config, unsigned codes, const struct batch_bounds *bounds)
{
    return create(config, codes, bounds, true);
}

struct backbone *backbone_create_inference(const struct trunk_config *config, unsigned codes,
                                           const struct batch_bounds *bounds)
{
    return create(config, codes, bounds, false);
}

void backbone_free(struct backbone *backbone)
{
    if (!backbone)
        return;
    trunk_free(&backbone->trunk);
    parameters_free(&backbone->parameters);
    arena_destroy(&backbone->arena);
    free(backbone);
}

const struct parameters *backbone_parameters(const struct backbone *backbone)
{
    return &backbone->parameters;
}

size_t backbone_memory_bytes(const struct backbone *backbone)
{
    return backbone->arena.capacity;
}

size_t backbone_plan_memory(const struct trunk_config *config, unsigned codes, const struct batch_bounds *bounds)
{
    struct backbone *backbone = xcalloc(1, sizeof *backbone);
    struct arena counting = arena_counting();
    plan(backbone, config, codes, true);
    take(backbone, &counting, bounds);
    backbone_free(backbone);
    return counting.peak;
}

void backbone_forward(struct backbone *backbone, const real *weights, const struct batch *batch, const uint32_t *codes,
                      const uint8_t *masked, bool second, double global_masked, struct backbone_losses *losses)
{
    struct backbone *b = backbone;
    size_t correct = 0;

    assert(b->training);
    b->batch = *batch;
    b->options = (struct trunk_options){.mask = {.masked = masked, .value = second ? 0 : 1}};
    b->n_hidden = 0;
    for (size_t t = 0; t < batch->n_tokens; t++)
        if (masked[t] == b->options.mask.value) {
            b->rows[b->n_hidden] = (uint32_t)t;
            b->labels[b->n_hidden++] = codes[t];
        }

    b->options.blocks.wanted = b->rows;
    b->options.blocks.n_wanted = b->n_hidden;

    const real *features = trunk_forward(&b->trunk, &b->scratch, weights, batch, &b->options);
    *losses = (struct backbone_losses){.masked = (double)b->n_hidden};
    if (b->n_hidden == 0)
        return;
    profile_enter(b->place, PROFILE_HEAD);
    linear_layer_forward(&b->head, weights, b->logits, features, b->n_hidden);
    profile_next(PROFILE_LOSS);
    losses->loss =
        cross_entropy_loss(b->logits, &correct, b->logits, b->labels, 0, 1.0 / global_masked, b->n_hidden, b->codes);
    losses->correct = (double)correct;
    profile_passes(2, b->n_hidden * b->codes);
    profile_leave();
}

void backbone_backward(struct backbone *backbone, const real *weights, real *gradient,
                       const struct gradient_listener *listener)
{
    struct backbone *b = backbone;
    real *features = trunk_feature_gradient(&b->trunk);

    profile_enter(b->place, PROFILE_HEAD);
    linear_layer_backward(&b->head, weights, gradient, features, b->logits, features, b->n_hidden);
    gradient_is_ready(listener, b->head_first, b->head_end);
    profile_leave();
    trunk_backward(&b->trunk, &b->scratch, weights, gradient, &b->batch, &b->options, listener);
}

const real *backbone_features(struct backbone *backbone, const real *weights, const struct batch *batch)
{
    const struct trunk_options options = {0};
    return trunk_forward(&backbone->trunk, &backbone->scratch, weights, batch, &options);
}
