#include "model/block.h"

#include <math.h>
#include <stdio.h>

#include "model/kernels/activation.h"
#include "model/kernels/arrays.h"
#include "model/kernels/attention.h"
#include "model/kernels/layernorm.h"
#include "model/kernels/linear.h"

static size_t head_dimension(const struct block_config *config)
{
    return config->width / config->heads;
}

static size_t add_vector(struct parameters *parameters, size_t count, int layer, enum tensor_init init, double scale,
                         const char *prefix, const char *name)
{
    return parameters_add(parameters, (size_t[4]){count}, false, layer, init, scale, "%s.%s", prefix, name);
}

void block_plan(struct block *block, struct parameters *parameters, const char *prefix,
                const struct block_config *config, int layer, unsigned depth)
{
    size_t width = config->width, head_dim = head_dimension(config);
    double last_matrix_gain = 1 / sqrt(2.0 * depth);
    char name[TENSOR_NAME_BYTES];

    *block = (struct block){.config = *config, .first = parameters->count, .place = profile_place("%s", prefix)};
    snprintf(name, sizeof name, "%s.norm1", prefix);
    block->norm1 = norm_layer_plan(parameters, name, width, layer);
    block->qkv = parameters_add(parameters, (size_t[4]){3 * width, width}, true, layer, INIT_NORMAL,
                                linear_init_std(width), "%s.attention.qkv.weight", prefix);
    block->q_scale = add_vector(parameters, head_dim, layer, INIT_ONE, 0, prefix, "attention.q_norm.scale");
    block->q_shift = add_vector(parameters, head_dim, layer, INIT_ZERO, 0, prefix, "attention.q_norm.shift");
    block->k_scale = add_vector(parameters, head_dim, layer, INIT_ONE, 0, prefix, "attention.k_norm.scale");
    block->k_shift = add_vector(parameters, head_dim, layer, INIT_ZERO, 0, prefix, "attention.k_norm.shift");
    snprintf(name, sizeof name, "%s.attention.projection", prefix);
    block->projection = linear_layer_plan(parameters, name, width, width, layer, last_matrix_gain);
    block->layer_scale1 =
        add_vector(parameters, width, layer, INIT_CONSTANT, config->layer_scale, prefix, "layer_scale1");
    snprintf(name, sizeof name, "%s.norm2", prefix);
    block->norm2 = norm_layer_plan(parameters, name, width, layer);
    snprintf(name, sizeof name, "%s.mlp.linear1", prefix);
    block->mlp1 = linear_layer_plan(parameters, name, width, config->mlp, layer, 1);
    snprintf(name, sizeof name, "%s.mlp.linear2", prefix);
    block->mlp2 = linear_layer_plan(parameters, name, config->mlp, width, layer, last_matrix_gain);
    block->layer_scale2 =
        add_vector(parameters, width, layer, INIT_CONSTANT, config->layer_scale, prefix, "layer_scale2");
    block->end = parameters->count;
}

void block_activations_take(struct block_activations *activations, struct arena *arena,
                            const struct block_config *config, size_t tokens, bool training)
{
    struct block_activations *a = activations;
    size_t narrow = checked_multiply(tokens, config->width), wide = checked_multiply(tokens, config->mlp);

    *a = (struct block_activations){0};
    a->x = take_reals(arena, narrow);
    a->normed1 = take_reals(arena, narrow);
    a->mean1 = take_reals(arena, tokens);
    a->inverse_std1 = take_reals(arena, tokens);
    a->qkv = take_reals(arena, 3 * narrow);
    a->attended = take_reals(arena, narrow);
    a->log_sum_exp = take_reals(arena, config->heads * tokens);
    a->hidden = take_reals(arena, wide);
    if (training) {
        a->qk_normalised = take_reals(arena, 2 * narrow);
        a->qk_inverse_std = take_reals(arena, 2 * config->heads * tokens);
        a->branch1 = take_reals(arena, narrow);
        a->middle = take_reals(arena, narrow);
        a->normed2 = take_reals(arena, narrow);
        a->mean2 = take_reals(arena, tokens);
        a->inverse_std2 = take_reals(arena, tokens);
        a->activated = take_reals(arena, wide);
        a->slope = a->hidden; /* what is in front of GELU is not needed again */
        a->branch2 = take_reals(arena, narrow);
    } else {
        a->branch1 = a->normed2 = a->branch2 = a->normed1;
        a->middle = a->out = a->x;
        a->mean2 = a->mean1;
        a->inverse_std2 = a->inverse_std1;
        a->activated = a->hidden;
    }
}

void block_scratch_take(struct block_scratch *scratch, struct arena *arena, size_t width, size_t heads,
                        const struct batch_bounds *bounds, bool training)
{
    size_t narrow = checked_multiply(bounds->tokens, width);
    *scratch = (struct block_scratch){0};
    scratch->attention =
        take_reals(arena, attention_workspace_bound(bounds->span_tokens, bounds->span_seconds, width / heads));
    if (training) {
        scratch->flow = take_reals(arena, narrow);
        scratch->wide = take_reals(arena, 3 * narrow);
    }
}

/* Every pair of tokens takes `products` inner products or sums of head_dimension() terms; `arrays` arrays [T, W] are
 * read or written. */
static void count_attention(const struct block *block, size_t pairs, double products, double arrays, size_t tokens)
{
    profile_count(2 * products * (double)pairs * (double)head_dimension(&block->config), 0);
    profile_passes(arrays, tokens * block->config.width);
}

static void attend(const struct block *block, const struct block_activations *a, const struct block_scratch *scratch,
                   const struct batch *batch)
{
    const struct block_config *config = &block->config;
    size_t pairs = 0;
    for (size_t s = 0; s < batch->n_spans; s++) {
        const struct span *span = &batch->spans[s];
        size_t t = span->first_token;
        pairs += attention_forward(a->attended + t * config->width, a->log_sum_exp + t * config->heads,
                                   a->qkv + t * 3 * config->width, scratch->attention, span->leads, span->seconds,
                                   config->tolerance, config->heads, head_dimension(config))
                     .pairs;
    }
    count_attention(block, pairs, 2, 4, batch->n_tokens); /* scores, sums of values; q, k, v, out */
}

void block_forward(const struct block *block, const struct block_activations *activations,
                   const struct block_scratch *scratch, const real *weights, const struct batch *batch,
                   const struct block_options *options)
{
    const struct block_activations *a = activations;
    const struct block_config *config = &block->config;
    const real *w = weights, *residual = a->x, *factors = options->factors;
    size_t tokens = batch->n_tokens, rows = tokens, width = config->width;

    profile_enter(block->place, PROFILE_LAYER_NORM);
    norm_layer_forward(&block->norm1, w, a->normed1, a->mean1, a->inverse_std1, a->x, tokens);
    profile_next(PROFILE_QKV);
    linear_forward(a->qkv, a->normed1, w + block->qkv, NULL, tokens, width, 3 * width);
    profile_next(PROFILE_HEAD_NORM);
    head_norm_forward(a->qkv, a->qk_normalised, a->qk_inverse_std, w + block->q_scale, w + block->q_shift,
                      w + block->k_scale, w + block->k_shift, tokens, config->heads, head_dimension(config));
    profile_passes(6, tokens * width); /* q and k read, written, kept */
    profile_next(PROFILE_ATTENTION);
    attend(block, a, scratch, batch);
    if (options->wanted) {
        rows = options->n_wanted;
        close_rows(a->attended, options->wanted, rows, width);
        gather_rows(a->middle, a->x, options->wanted, rows, width);
        residual = a->middle;
    }
    profile_next(PROFILE_PROJECTION);
    linear_layer_forward(&block->projection, w, a->branch1, a->attended, rows);
    profile_next(PROFILE_RESIDUAL);
    residual_forward(a->middle, residual, a->branch1, w + block->layer_scale1, factors, rows, width);
    profile_passes(3, rows * width);

    profile_next(PROFILE_LAYER_NORM);
    norm_layer_forward(&block->norm2, w, a->normed2, a->mean2, a->inverse_std2, a->middle, rows);
    profile_next(PROFILE_MLP);
    linear_layer_forward_no_bias(&block->mlp1, w, a->hidden, a->normed2, rows);
    profile_next(PROFILE_ACTIVATION);
    gelu_forward(a->activated, a->slope, a->hidden, w + block->mlp1.bias, rows, config->mlp);
    profile_passes(a->slope ? 4 : 2, rows * config->mlp);
    profile_next(PROFILE_MLP);
    linear_layer_forward(&block->mlp2, w, a->branch2, a->activated, rows);
    profile_next(PROFILE_RESIDUAL);
    residual_forward(a->out, a->middle, a->branch2, w + block->layer_scale2,
                     factors ? factors + options->factor_stride : NULL, rows, width);
    profile_passes(3, rows * width);
    profile_leave();
}

static void attend_backward(const struct block *block, const struct block_activations *a,
                            const struct block_scratch *scratch, const real *dattended, const struct batch *batch)
{
    const struct block_config *config = &block->config;
    size_t pairs = 0;
    for (size_t s = 0; s < batch->n_spans; s++) {
        const struct span *span = &batch->spans[s];
        size_t t = span->first_token, width = config->width;
        pairs +=
            attention_backward(scratch->wide + t * 3 * width, dattended + t * width, a->attended + t * width,
                               a->log_sum_exp + t * config->heads, a->qkv + t * 3 * width, scratch->attention,
                               span->leads, span->seconds, config->tolerance, config->heads, head_dimension(config))
                .pairs;
    }
    /* Scores again and the gradients of probabilities, q, k, v; qkv, dqkv, out, dout. */
    count_attention(block, pairs, 5, 8, batch->n_tokens);
}

/* Back from the wanted tokens to all: the others' gradients are 0, and so is what attention gave them. */
static void return_to_all(const struct block_activations *a, const struct block_options *options, real *dattended,
                          real *flow, size_t tokens, size_t width)
{
    spread_rows(dattended, options->wanted, options->n_wanted, tokens, width);
    spread_rows(a->attended, options->wanted, options->n_wanted, tokens, width);
    spread_rows(flow, options->wanted, options->n_wanted, tokens, width);
}

/* Gradients take the place of activations that are no longer needed. */
void block_backward(const struct block *block, const struct block_activations *activations,
                    const struct block_scratch *scratch, const real *weights, real *gradient, const struct batch *batch,
                    const struct block_options *options)
{
    const struct block_activations *a = activations;
    const struct block_config *config = &block->config;
    const real *w = weights, *factors = options->factors;
    real *g = gradient, *flow = scratch->flow;
    size_t tokens = batch->n_tokens, rows = options->wanted ? options->n_wanted : tokens, width = config->width;

    real *dbranch2 = a->branch2, *dactivated = a->activated, *dnormed2 = a->normed2;
    profile_enter(block->place, PROFILE_RESIDUAL);
    residual_backward(dbranch2, g + block->layer_scale2, flow, a->branch2, w + block->layer_scale2,
                      factors ? factors + options->factor_stride : NULL, rows, width);
    profile_passes(3, rows * width);
    profile_next(PROFILE_MLP);
    linear_layer_backward(&block->mlp2, w, g, dactivated, dbranch2, a->activated, rows);
    profile_next(PROFILE_ACTIVATION);
    gelu_backward(dactivated, dactivated, a->slope, rows * config->mlp);
    profile_passes(3, rows * config->mlp);
    profile_next(PROFILE_MLP);
    linear_layer_backward(&block->mlp1, w, g, dnormed2, dactivated, a->normed2, rows);
    profile_next(PROFILE_LAYER_NORM);
    norm_layer_backward(&block->norm2, w, g, flow, dnormed2, a->middle, a->mean2, a->inverse_std2, rows);

    real *dbranch1 = a->branch1, *dattended = a->normed2, *dqkv = scratch->wide, *dnormed1 = a->normed1;
    profile_next(PROFILE_RESIDUAL);
    residual_backward(dbranch1, g + block->layer_scale1, flow, a->branch1, w + block->layer_scale1, factors, rows,
                      width);
    profile_passes(3, rows * width);
    profile_next(PROFILE_PROJECTION);
    linear_layer_backward(&block->projection, w, g, dattended, dbranch1, a->attended, rows);
    profile_next(PROFILE_ATTENTION);
    if (options->wanted)
        return_to_all(a, options, dattended, flow, tokens, width);
    attend_backward(block, a, scratch, dattended, batch);
    profile_next(PROFILE_HEAD_NORM);
    head_norm_backward(dqkv, g + block->q_scale, g + block->q_shift, g + block->k_scale, g + block->k_shift,
                       a->qk_normalised, a->qk_inverse_std, w + block->q_scale, w + block->k_scale, tokens,
                       config->heads, head_dimension(config));
    profile_passes(6, tokens * width);
    profile_next(PROFILE_QKV);
    linear_backward(dnormed1, g + block->qkv, NULL, dqkv, a->normed1, w + block->qkv, tokens, width, 3 * width);
    profile_next(PROFILE_LAYER_NORM);
    norm_layer_backward(&block->norm1, w, g, flow, dnormed1, a->x, a->mean1, a->inverse_std1, tokens);
    profile_leave();
}
