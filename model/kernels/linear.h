/* model/kernels/linear.h — y = x·Wᵀ + b, forward and backward. */
#ifndef MODEL_KERNELS_LINEAR_H
#define MODEL_KERNELS_LINEAR_H

#include <stddef.h>

#include "model/real.h"

/* y[t, o] = sum_i x[t, i]·weight[o, i] + bias[o].
 * y: [tokens, out]; x: [tokens, in]; weight: [out, in]; bias: [out] or NULL. */
void linear_forward(real *y, const real *x, const real *weight, const real *bias, size_t tokens, size_t in, size_t out);

/* dx = dy·W (set; NULL: not wanted), dweight += dyᵀ·x, dbias += sum_t dy (NULL: no bias).
 * dx: [tokens, in]; dy: [tokens, out]; x: [tokens, in]. dx may be the place of x, but not of dy. */
void linear_backward(real *dx, real *dweight, real *dbias, const real *dy, const real *x, const real *weight,
                     size_t tokens, size_t in, size_t out);

#endif
