/* model/kernels/activation.h — GELU (erf form), tanh, and the end of a branch: LayerScale and residual sum. */
#ifndef MODEL_KERNELS_ACTIVATION_H
#define MODEL_KERNELS_ACTIVATION_H

#include <stddef.h>

#include "model/real.h"

/* x += bias; y = x·Phi(x), Phi(x) = (1 + erf(x/√2))/2. Hendrycks, Gimpel 2016 (arXiv 1606.08415).
 * slope = Phi(x) + x·phi(x), the derivative, is all that the backward pass needs and comes almost for free here; NULL:
 * not wanted. y, slope, x: [tokens, width]; y or slope may be x; bias: [width] or NULL. */
void gelu_forward(real *y, real *slope, real *x, const real *bias, size_t tokens, size_t width);

/* dx = dy·slope. dx may be dy. The bias gradient is column_sum_add() of dx, or dbias of linear_backward(). */
void gelu_backward(real *dx, const real *dy, const real *slope, size_t count);

/* y = tanh(x); y may be x. */
void tanh_forward(real *y, const real *x, size_t count);

/* dx = dy·(1 - y²); dx may be dy. */
void tanh_backward(real *dx, const real *dy, const real *y, size_t count);

/* out[t] = x[t] + factor[t]·gamma·y[t]: LayerScale (Touvron et al. 2021, arXiv 2103.17239) and drop-path.
 * out, x, y: [tokens, width]; gamma: [width]; factor: [tokens], the token's span is dropped (0) or kept (1/(1-p));
 * NULL: 1. out may be x. A factor of 0 leaves out = x even where y is not finite. */
void residual_forward(real *out, const real *x, const real *y, const real *gamma, const real *factor, size_t tokens,
                      size_t width);

/* dy = factor·gamma·dout, dgamma += sum_t factor·dout·y. The gradient of x is dout itself. dy may be the place of y. */
void residual_backward(real *dy, real *dgamma, const real *dout, const real *y, const real *gamma, const real *factor,
                       size_t tokens, size_t width);

#endif
