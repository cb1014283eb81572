/* model/kernels/layernorm.h — LayerNorm over the width of a token, and over each head of q and k.
 *
 * Ba, Kiros, Hinton 2016 (arXiv 1607.06450); eps 1e-6 (PAPER 3.4). Variance is the mean square deviation (divided by
 * n). */
#ifndef MODEL_KERNELS_LAYERNORM_H
#define MODEL_KERNELS_LAYERNORM_H

#include <stddef.h>

#include "model/real.h"

#define LAYERNORM_EPSILON REAL(1e-6)

/* y[t] = (x[t] - mean[t])·inverse_std[t]·scale + shift.
 * x, y: [tokens, width]; scale, shift: [width]; mean, inverse_std: [tokens], kept for the backward pass. y may be x
 * only if no backward pass follows. */
void layernorm_forward(real *y, real *mean, real *inverse_std, const real *x, const real *scale, const real *shift,
                       size_t tokens, size_t width);

/* With n = (x - mean)·inverse_std and g = dy·scale: dx += inverse_std·(g - mean(g) - n·mean(g·n)), dscale += sum_t
 * dy·n, dshift += sum_t dy. ADDS to dx: in a pre-norm block dx already holds the gradient of the residual path. */
void layernorm_backward(real *dx, real *dscale, real *dshift, const real *dy, const real *x, const real *mean,
                        const real *inverse_std, const real *scale, size_t tokens, size_t width);

/* LayerNorm of every head of q and of k, in place on the packed array (PAPER 3.4).
 * qkv: [tokens, 3·heads·head_dim], q first, then k, then v (untouched). q_scale … k_shift: [head_dim], shared by the
 * heads. Kept for the backward pass: normalised [tokens, 2·heads·head_dim] (before scale and shift), inverse_std
 * [tokens, 2·heads]; both may be NULL if no backward pass follows. */
void head_norm_forward(real *qkv, real *normalised, real *inverse_std, const real *q_scale, const real *q_shift,
                       const real *k_scale, const real *k_shift, size_t tokens, size_t heads, size_t head_dim);

/* In place on dqkv: gradients of the normed q and k become those of the raw ones; dv is untouched. ADDS to dq_scale ….
 */
void head_norm_backward(real *dqkv, real *dq_scale, real *dq_shift, real *dk_scale, real *dk_shift,
                        const real *normalised, const real *inverse_std, const real *q_scale, const real *k_scale,
                        size_t tokens, size_t heads, size_t head_dim);

#endif
