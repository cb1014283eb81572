#include "model/kernels/activation.h"

#include <string.h>

#include "model/kernels/mathematics.h"

KERNEL_CLONES static void gelu_run(real *y, const real *x, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        y[i] = gelu_value(x[i], gelu_parts(x[i]));
}

KERNEL_CLONES static void gelu_slope_run(real *y, real *slope, const real *x, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        real z = x[i];
        struct gelu_parts parts = gelu_parts(z);
        y[i] = gelu_value(z, parts);
        slope[i] = gelu_slope(z, parts);
    }
}

KERNEL_CLONES static void add_bias(real *x, const real *bias, size_t width)
{
#pragma omp simd
    for (size_t c = 0; c < width; c++)
        x[c] += bias[c];
}

void gelu_forward(real *y, real *slope, real *x, const real *bias, size_t tokens, size_t width)
{
    if (bias == NULL) { /* one run: no remainder at the end of each token */
        width *= tokens;
        tokens = 1;
    }
    for (size_t first = 0; first < tokens * width; first += width) {
        if (bias != NULL) /* a row stays in the first-level cache */
            add_bias(x + first, bias, width);
        if (slope != NULL)
            gelu_slope_run(y + first, slope + first, x + first, width);
        else
            gelu_run(y + first, x + first, width);
    }
}

KERNEL_CLONES void gelu_backward(real *dx, const real *dy, const real *slope, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dx[i] = dy[i] * slope[i];
}

KERNEL_CLONES void tanh_forward(real *y, const real *x, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        y[i] = real_tanh(x[i]);
}

KERNEL_CLONES void tanh_backward(real *dx, const real *dy, const real *y, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dx[i] = dy[i] * (1 - y[i] * y[i]);
}

KERNEL_CLONES void residual_forward(real *out, const real *x, const real *y, const real *gamma, const real *factor,
                                    size_t tokens, size_t width)
{
    for (size_t t = 0; t < tokens; t++) {
        const real *in = x + t * width, *branch = y + t * width;
        real *sum = out + t * width, keep = factor != NULL ? factor[t] : 1;
        if (keep == 0) {
            memmove(sum, in, width * sizeof(real));
            continue;
        }
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            sum[c] = in[c] + keep * gamma[c] * branch[c];
    }
}

KERNEL_CLONES void residual_backward(real *dy, real *dgamma, const real *dout, const real *y, const real *gamma,
                                     const real *factor, size_t tokens, size_t width)
{
    for (size_t t = 0; t < tokens; t++) {
        const real *gradient = dout + t * width, *branch = y + t * width;
        real *out = dy + t * width, keep = factor != NULL ? factor[t] : 1;
        if (keep == 0) {
            memset(out, 0, width * sizeof(real));
            continue;
        }
#pragma omp simd
        for (size_t c = 0; c < width; c++) {
            real g = keep * gradient[c];
            dgamma[c] += g * branch[c];
            out[c] = g * gamma[c];
        }
    }
}
