/* model/block.h — one transformer block (PAPER 3.4).
 *
 *     x1  = x  + f1·γ1 ⊙ (CSA(qkv)·Wpᵀ + bp),   qkv = LN1(x)·Wqkvᵀ, q and k normed per head
 *     out = x1 + f2·γ2 ⊙ (GELU(LN2(x1)·W1ᵀ + b1)·W2ᵀ + b2)
 * γ: LayerScale [width]; f: drop-path factor of the token's span. */
#ifndef MODEL_BLOCK_H
#define MODEL_BLOCK_H

#include <stdbool.h>

#include "model/activations.h"
#include "model/batch.h"
#include "model/linear_layer.h"

/* Shape of a block. */
struct block_config {
    size_t width, heads, mlp, tolerance;
    double layer_scale;
};

/* Places of a block's tensors in the flat arrays. */
struct block {
    struct block_config config;
    size_t first, end; /* its range of the flat arrays */
    unsigned place;    /* of the profile */
    struct norm_layer norm1, norm2;
    size_t qkv;                                /* weight [3·width, width], no bias */
    size_t q_scale, q_shift, k_scale, k_shift; /* [head dimension], shared by the heads */
    struct linear_layer projection, mlp1, mlp2;
    size_t layer_scale1, layer_scale2; /* [width] */
};

/* What forward keeps for backward, T tokens, W = width. Without training the layers share one set, and arrays that are
 * not alive at the same time share their place. */
struct block_activations {
    real *x;                                    /* [T, W] input */
    real *normed1, *mean1, *inverse_std1;       /* [T, W], [T], [T] */
    real *qkv, *qk_normalised, *qk_inverse_std; /* [T, 3W], [T, 2W], [T, 2·heads]; the last two NULL if not training */
    real *attended, *log_sum_exp;               /* [T, W]; of each span [heads, its tokens] */
    real *branch1, *middle;                     /* [T, W] */
    real *normed2, *mean2, *inverse_std2;       /* [T, W], [T], [T] */
    real *hidden, *activated;                   /* [T, mlp] before and behind GELU */
    real *slope;                                /* of GELU, in the place of hidden; NULL if not training */
    real *branch2;                              /* [T, W] */
    real *out;                                  /* [T, W], lent by the caller: the next block's x */
};

/* Shared by all blocks that run one after another. */
struct block_scratch {
    real *attention; /* workspace of the attention kernel */
    real *flow;      /* [T, W]: gradient on its way down; training only */
    real *wide;      /* [T, 3W]: gradient of qkv; training only */
};

/* layer: for layer decay; depth: 1, 2, … for the start values of the branches' last matrices. */
void block_plan(struct block *block, struct parameters *parameters, const char *prefix,
                const struct block_config *config, int layer, unsigned depth);

void block_activations_take(struct block_activations *activations, struct arena *arena,
                            const struct block_config *config, size_t tokens, bool training);
void block_scratch_take(struct block_scratch *scratch, struct arena *arena, size_t width, size_t heads,
                        const struct batch_bounds *bounds, bool training);

/* What a pass through blocks depends on besides weights and batch. */
struct block_options {
    const real *factors;    /* drop-path factors of the tokens, [2, factor_stride] a block (both branches); NULL: 1 */
    size_t factor_stride;   /* of the whole stack: [2·layers, factor_stride] */
    const uint32_t *wanted; /* the last block puts out these tokens alone, ascending, one after another; NULL: all. */
    size_t n_wanted;        /* Not together with factors */
};

/* x → out of `activations`. Of the batch only spans and counts are read. What follows attention works token by token,
 * so tokens that nobody wants end there. */
void block_forward(const struct block *block, const struct block_activations *activations,
                   const struct block_scratch *scratch, const real *weights, const struct batch *batch,
                   const struct block_options *options);

/* scratch->flow: gradient of out at entry, of x at the end. Destroys the activations. */
void block_backward(const struct block *block, const struct block_activations *activations,
                    const struct block_scratch *scratch, const real *weights, real *gradient, const struct batch *batch,
                    const struct block_options *options);

#endif
