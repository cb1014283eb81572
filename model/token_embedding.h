/* model/token_embedding.h — from patches to the input of the blocks (PAPER 3.1, 3.2, 4.2).
 *
 *     h' = GELU(features(patch)·Wᵀ + b), or the mask vector for hidden tokens
 *     h  = h' + time_table[time] + lead_table[lead]
 * features: convolutions and two amplitudes (kernels/patch_encoder.h). The mask stands before the tables are added, so
 * a hidden token keeps its place. Patches of hidden tokens pass no convolution: the two halves of stage 2 together cost
 * one pass. */
#ifndef MODEL_TOKEN_EMBEDDING_H
#define MODEL_TOKEN_EMBEDDING_H

#include <stdbool.h>

#include "model/activations.h"
#include "model/batch.h"
#include "model/config.h"
#include "model/kernels/patch_encoder.h"
#include "model/linear_layer.h"

struct token_embedding {
    size_t channels, width;
    bool training;
    unsigned place;                                                        /* of the profile */
    size_t first, end;                                                     /* its range of the flat arrays */
    size_t weight[PATCH_CONVOLUTIONS], bias[PATCH_CONVOLUTIONS];           /* convolutions */
    size_t norm_scale[PATCH_CONVOLUTIONS], norm_shift[PATCH_CONVOLUTIONS]; /* GroupNorm */
    struct linear_layer linear;                                            /* [W, 38·C + 2] */
    size_t time_table, lead_table;                                         /* [MAX_TIMES, W], [N_LEADS, W] */
    bool has_mask;
    size_t mask;    /* [W] */
    size_t at_once; /* patches that pass the convolutions together: all when training, else a few */
    real *features; /* [at_once, 38·C + 2] */
    real *saved;    /* kept by the convolutions; training only */
    real *slope;    /* of GELU: [T, W], the visible tokens' first; training only */
    real *workspace;
    uint32_t *visible;     /* [T], tokens that a mask leaves; with a mask vector only */
    real *visible_patches; /* [at_once, 300], their patches side by side */
};

/* Which tokens are hidden: those with masked[t] == value; masked NULL: none. */
struct token_mask {
    const uint8_t *masked; /* [T] */
    uint8_t value;
};

/* Adds "<prefix>.patch_encoder.…", "<prefix>.time_table", "<prefix>.lead_table" and, if asked for, "<prefix>.mask". */
void token_embedding_plan(struct token_embedding *embedding, struct parameters *parameters, const char *prefix,
                          size_t channels, size_t width, bool has_mask);
void token_embedding_take(struct token_embedding *embedding, struct arena *arena, size_t tokens, bool training);

/* y: [T, W]. */
void token_embedding_forward(const struct token_embedding *embedding, const real *weights, real *y,
                             const struct batch *batch, struct token_mask mask);

/* dy: [T, W], gradient of y; destroyed. */
void token_embedding_backward(const struct token_embedding *embedding, const real *weights, real *gradient, real *dy,
                              const struct batch *batch, struct token_mask mask,
                              const struct gradient_listener *listener);

#endif
