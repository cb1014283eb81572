#include "model/token_embedding.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/lead.h"
#include "model/kernels/activation.h"
#include "model/kernels/arrays.h"
#include "model/kernels/embedding.h"

/* Convolutions begin as PyTorch's default does, with variance 1/(3·fan-in); GroupNorm follows, so the scale matters
 * little. */
static void plan_convolutions(struct token_embedding *embedding, struct parameters *parameters, const char *prefix)
{
    size_t channels = embedding->channels;
    for (int i = 0; i < PATCH_CONVOLUTIONS; i++) {
        size_t fan_in = i == 0 ? PATCH_KERNEL : 3 * channels;
        size_t first_shape[4] = {channels, PATCH_KERNEL}, next_shape[4] = {channels, 3, channels};
        embedding->weight[i] =
            parameters_add(parameters, i == 0 ? first_shape : next_shape, true, 0, INIT_NORMAL,
                           1.0 / sqrt(3.0 * (double)fan_in), "%s.patch_encoder.conv%d.weight", prefix, i + 1);
        embedding->bias[i] = parameters_add(parameters, (size_t[4]){channels}, false, 0, INIT_ZERO, 0,
                                            "%s.patch_encoder.conv%d.bias", prefix, i + 1);
        embedding->norm_scale[i] = parameters_add(parameters, (size_t[4]){channels}, false, 0, INIT_ONE, 0,
                                                  "%s.patch_encoder.norm%d.scale", prefix, i + 1);
        embedding->norm_shift[i] = parameters_add(parameters, (size_t[4]){channels}, false, 0, INIT_ZERO, 0,
                                                  "%s.patch_encoder.norm%d.shift", prefix, i + 1);
    }
}

void token_embedding_plan(struct token_embedding *embedding, struct parameters *parameters, const char *prefix,
                          size_t channels, size_t width, bool has_mask)
{
    char name[TENSOR_NAME_BYTES];
    *embedding = (struct token_embedding){.channels = channels,
                                          .width = width,
                                          .has_mask = has_mask,
                                          .place = profile_place("%s", prefix),
                                          .first = parameters->count};
    plan_convolutions(embedding, parameters, prefix);
    snprintf(name, sizeof name, "%s.patch_encoder.linear", prefix);
    embedding->linear = linear_layer_plan(parameters, name, patch_features(channels), width, 0, 1);
    embedding->time_table = parameters_add(parameters, (size_t[4]){MAX_TIMES, width}, false, 0, INIT_NORMAL,
                                           TABLE_INIT_STD, "%s.time_table", prefix);
    embedding->lead_table = parameters_add(parameters, (size_t[4]){N_LEADS, width}, false, 0, INIT_NORMAL,
                                           TABLE_INIT_STD, "%s.lead_table", prefix);
    if (has_mask)
        embedding->mask =
            parameters_add(parameters, (size_t[4]){width}, false, 0, INIT_NORMAL, TABLE_INIT_STD, "%s.mask", prefix);
    embedding->end = parameters->count;
}

void token_embedding_take(struct token_embedding *embedding, struct arena *arena, size_t tokens, bool training)
{
    enum { PATCHES_AT_ONCE = 256 }; /* features of so many patches stay in the cache */
    size_t at_once = training || tokens < PATCHES_AT_ONCE ? tokens : PATCHES_AT_ONCE;
    embedding->training = training;
    embedding->at_once = at_once;
    embedding->features = take_reals(arena, checked_multiply(at_once, patch_features(embedding->channels)));
    embedding->workspace = take_reals(arena, patch_encoder_workspace(embedding->channels));
    if (embedding->has_mask) {
        embedding->visible = arena_take(arena, tokens * sizeof *embedding->visible);
        embedding->visible_patches = take_reals(arena, checked_multiply(at_once, PATCH_SAMPLES));
    }
    if (training) {
        embedding->saved = take_reals(arena, checked_multiply(at_once, patch_encoder_saved(embedding->channels)));
        embedding->slope = take_reals(arena, checked_multiply(tokens, embedding->width));
    }
}

static struct patch_encoder_weights convolution_weights(const struct token_embedding *embedding, const real *weights)
{
    struct patch_encoder_weights w;
    for (int i = 0; i < PATCH_CONVOLUTIONS; i++) {
        w.weight[i] = weights + embedding->weight[i];
        w.bias[i] = weights + embedding->bias[i];
        w.scale[i] = weights + embedding->norm_scale[i];
        w.shift[i] = weights + embedding->norm_shift[i];
    }
    return w;
}

static struct patch_encoder_gradient convolution_gradient(const struct token_embedding *embedding, real *gradient)
{
    struct patch_encoder_gradient g;
    for (int i = 0; i < PATCH_CONVOLUTIONS; i++) {
        g.weight[i] = gradient + embedding->weight[i];
        g.bias[i] = gradient + embedding->bias[i];
        g.scale[i] = gradient + embedding->norm_scale[i];
        g.shift[i] = gradient + embedding->norm_shift[i];
    }
    return g;
}

/* Operations of the three convolutions over `patches` patches. The first has one input channel; its input needs no
 * gradient, so backward takes it once more and the others twice. */
static void count_convolutions(const struct token_embedding *embedding, size_t patches, double first, double others)
{
    double outputs = (double)patches * PATCH_POSITIONS * (double)embedding->channels;
    double inputs = first * PATCH_KERNEL + others * (PATCH_CONVOLUTIONS - 1) * 3 * (double)embedding->channels;

    profile_count(2 * outputs * inputs, 0);
    profile_passes(1, patches * PATCH_SAMPLES);
    profile_passes(1, patches * patch_features(embedding->channels));
    if (embedding->training)
        profile_passes(1, patches * patch_encoder_saved(embedding->channels));
}

/* Lists the tokens that the mask leaves visible; returns how many. */
static size_t list_visible(const struct token_embedding *embedding, struct token_mask mask, size_t tokens)
{
    size_t n = 0;

    assert(embedding->has_mask);
    for (size_t t = 0; t < tokens; t++)
        if (mask.masked[t] != mask.value)
            embedding->visible[n++] = (uint32_t)t;
    return n;
}

/* The n patches from place `first` on: of all tokens, or of the visible ones, brought side by side. */
static const real *patches_from(const struct token_embedding *embedding, const struct batch *batch, bool is_masked,
                                size_t first, size_t n)
{
    if (!is_masked)
        return batch->patches + first * PATCH_SAMPLES;
    gather_rows(embedding->visible_patches, batch->patches, embedding->visible + first, n, PATCH_SAMPLES);
    return embedding->visible_patches;
}

/* y [n, W] of n patches, whose place in slope begins at row `first`. */
static void embed_patches(const struct token_embedding *embedding, const real *weights, real *y, const real *patches,
                          size_t first, size_t n)
{
    struct patch_encoder_weights convolutions = convolution_weights(embedding, weights);
    size_t width = embedding->width;
    real *slope = embedding->training ? embedding->slope + first * width : NULL;
    patch_encoder_forward(embedding->features, embedding->saved, patches, &convolutions, embedding->workspace, n,
                          embedding->channels);
    count_convolutions(embedding, n, 1, 1);
    linear_layer_forward_no_bias(&embedding->linear, weights, y, embedding->features, n);
    gelu_forward(y, slope, y, weights + embedding->linear.bias, n, width);
}

void token_embedding_forward(const struct token_embedding *embedding, const real *weights, real *y,
                             const struct batch *batch, struct token_mask mask)
{
    size_t tokens = batch->n_tokens, width = embedding->width;
    size_t n = mask.masked ? list_visible(embedding, mask, tokens) : tokens;
    profile_enter(embedding->place, PROFILE_PATCH_ENCODER);
    for (size_t first = 0; first < n; first += embedding->at_once) {
        size_t count = n - first < embedding->at_once ? n - first : embedding->at_once;
        embed_patches(embedding, weights, y + first * width,
                      patches_from(embedding, batch, mask.masked != NULL, first, count), first, count);
    }
    profile_next(PROFILE_TABLES);
    if (mask.masked) {
        spread_rows(y, embedding->visible, n, tokens, width);
        mask_forward(y, weights + embedding->mask, mask.masked, mask.value, tokens, width);
    }
    embedding_forward(y, weights + embedding->lead_table, weights + embedding->time_table, batch->spans, batch->n_spans,
                      width);
    profile_passes(2, tokens * width);
    profile_leave();
}

void token_embedding_backward(const struct token_embedding *embedding, const real *weights, real *gradient, real *dy,
                              const struct batch *batch, struct token_mask mask,
                              const struct gradient_listener *listener)
{
    struct patch_encoder_weights convolutions = convolution_weights(embedding, weights);
    struct patch_encoder_gradient dconvolutions = convolution_gradient(embedding, gradient);
    size_t tokens = batch->n_tokens, width = embedding->width;
    size_t n = mask.masked ? list_visible(embedding, mask, tokens) : tokens;
    const real *patches = mask.masked ? embedding->visible_patches : batch->patches; /* as forward left them */
    real *dfeatures = embedding->features;

    assert(embedding->training);
    profile_enter(embedding->place, PROFILE_TABLES);
    embedding_backward(gradient + embedding->lead_table, gradient + embedding->time_table, dy, batch->spans,
                       batch->n_spans, width);
    if (mask.masked) {
        mask_backward(dy, gradient + embedding->mask, mask.masked, mask.value, tokens, width);
        close_rows(dy, embedding->visible, n, width);
    }
    profile_passes(1, tokens * width);
    profile_next(PROFILE_PATCH_ENCODER);
    gelu_backward(dy, dy, embedding->slope, n * width);
    if (n > 0)
        linear_layer_backward(&embedding->linear, weights, gradient, dfeatures, dy, embedding->features, n);
    patch_encoder_backward(&dconvolutions, dfeatures, embedding->saved, patches, &convolutions, embedding->workspace, n,
                           embedding->channels);
    count_convolutions(embedding, n, 1, 2);
    profile_leave();
    gradient_is_ready(listener, embedding->first, embedding->end);
}
