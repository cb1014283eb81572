#include "model/trunk.h"

#include "base/random.h"

void trunk_plan(struct trunk *trunk, struct parameters *parameters, const char *prefix,
                const struct trunk_config *config, bool has_mask)
{
    struct block_config blocks = {.width = config->width,
                                  .heads = config->heads,
                                  .mlp = config->mlp,
                                  .tolerance = config->tolerance,
                                  .layer_scale = config->layer_scale};
    trunk->config = *config;
    token_embedding_plan(&trunk->embedding, parameters, prefix, config->channels, config->width, has_mask);
    stack_plan(&trunk->stack, parameters, prefix, &blocks, config->layers, 1);
}

void trunk_take(struct trunk *trunk, struct arena *arena, size_t tokens, bool training)
{
    token_embedding_take(&trunk->embedding, arena, tokens, training);
    stack_take(&trunk->stack, arena, tokens, training);
}

void trunk_free(struct trunk *trunk)
{
    stack_free(&trunk->stack);
}

const real *trunk_forward(const struct trunk *trunk, const struct block_scratch *scratch, const real *weights,
                          const struct batch *batch, const struct trunk_options *options)
{
    token_embedding_forward(&trunk->embedding, weights, trunk->stack.input, batch, options->mask);
    stack_forward(&trunk->stack, scratch, weights, batch, &options->blocks);
    return trunk->stack.output;
}

real *trunk_feature_gradient(const struct trunk *trunk)
{
    return trunk->stack.output;
}

void trunk_backward(const struct trunk *trunk, const struct block_scratch *scratch, const real *weights, real *gradient,
                    const struct batch *batch, const struct trunk_options *options,
                    const struct gradient_listener *listener)
{
    stack_backward(&trunk->stack, scratch, weights, gradient, batch, &options->blocks, listener);
    token_embedding_backward(&trunk->embedding, weights, gradient, scratch->flow, batch, options->mask, listener);
}

void trunk_draw_drop_path(real *factors, size_t stride, unsigned layers, double rate, const struct span *spans,
                          size_t n_spans, uint64_t seed, uint64_t step)
{
    for (size_t s = 0; s < n_spans; s++) {
        struct random random = random_stream(seed, step, spans[s].record, RANDOM_DROP_PATH);
        for (unsigned branch = 0; branch < 2 * layers; branch++) {
            double dropped = layers > 1 ? rate * (branch / 2) / (layers - 1) : 0;
            real factor = random_uniform(&random) < dropped ? 0 : (real)(1.0 / (1.0 - dropped));
            real *row = factors + branch * stride + spans[s].first_token;
            for (size_t t = 0; t < span_tokens(&spans[s]); t++)
                row[t] = factor;
        }
    }
}
