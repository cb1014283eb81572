/* model/trunk.h — the encoder of every stage: token embedding, blocks, final norm. patches → features [T, W].
 *
 * The tensors of a trunk with mask vector are the same in stage 2 and in all tasks, in names and order, and stand first
 * in the flat arrays. */
#ifndef MODEL_TRUNK_H
#define MODEL_TRUNK_H

#include "model/stack.h"
#include "model/token_embedding.h"

struct trunk {
    struct trunk_config config;
    struct token_embedding embedding;
    struct stack stack;
};

void trunk_plan(struct trunk *trunk, struct parameters *parameters, const char *prefix,
                const struct trunk_config *config, bool has_mask);
void trunk_take(struct trunk *trunk, struct arena *arena, size_t tokens, bool training);
void trunk_free(struct trunk *trunk);

/* What a pass through the trunk depends on besides weights and batch. */
struct trunk_options {
    struct token_mask mask;
    struct block_options blocks;
};

/* Features of the tokens, or of those wanted: [T, W], kept in the trunk. */
const real *trunk_forward(const struct trunk *trunk, const struct block_scratch *scratch, const real *weights,
                          const struct batch *batch, const struct trunk_options *options);

/* Where the caller puts the gradient of the features before trunk_backward(): the place of the features. */
real *trunk_feature_gradient(const struct trunk *trunk);

/* With the batch and the options of the last forward. */
void trunk_backward(const struct trunk *trunk, const struct block_scratch *scratch, const real *weights, real *gradient,
                    const struct batch *batch, const struct trunk_options *options,
                    const struct gradient_listener *listener);

/* Drop-path (Huang et al. 2016, arXiv 1603.09382): each branch of each block is left out for a whole span with a
 * probability that rises linearly from 0 in the first block to `rate` in the last; what stays is divided by its
 * probability. factors: [2·layers, stride] of tokens. Keyed by (seed, step, span.record), so the same for any rank. */
void trunk_draw_drop_path(real *factors, size_t stride, unsigned layers, double rate, const struct span *spans,
                          size_t n_spans, uint64_t seed, uint64_t step);

#endif
