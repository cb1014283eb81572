#include "model/kernels/layernorm.h"

#include "model/kernels/mathematics.h"

/* Mean and 1/standard deviation of a row, in two passes: the sum of squares alone loses small deviations from a large
 * mean. */
KERNEL_INLINE void row_statistics(real *mean, real *inverse_std, const real *x, size_t width)
{
    real sum = 0, squares = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t c = 0; c < width; c++)
        sum += x[c];
    real centre = sum / (real)width;
#pragma omp simd reduction(+ : squares)
    for (size_t c = 0; c < width; c++)
        squares += (x[c] - centre) * (x[c] - centre);
    *mean = centre;
    *inverse_std = 1 / real_sqrt(squares / (real)width + LAYERNORM_EPSILON);
}

KERNEL_CLONES void layernorm_forward(real *y, real *mean, real *inverse_std, const real *x, const real *scale,
                                     const real *shift, size_t tokens, size_t width)
{
    for (size_t t = 0; t < tokens; t++) {
        const real *in = x + t * width;
        real *out = y + t * width;
        real centre, inverse;
        row_statistics(&centre, &inverse, in, width);
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            out[c] = (in[c] - centre) * inverse * scale[c] + shift[c];
        mean[t] = centre;
        inverse_std[t] = inverse;
    }
}

KERNEL_CLONES void layernorm_backward(real *dx, real *dscale, real *dshift, const real *dy, const real *x,
                                      const real *mean, const real *inverse_std, const real *scale, size_t tokens,
                                      size_t width)
{
    for (size_t t = 0; t < tokens; t++) {
        const real *in = x + t * width, *gradient = dy + t * width;
        real *out = dx + t * width;
        real centre = mean[t], inverse = inverse_std[t], sum = 0, product = 0;
#pragma omp simd reduction(+ : sum, product)
        for (size_t c = 0; c < width; c++) {
            real n = (in[c] - centre) * inverse, g = gradient[c] * scale[c];
            dscale[c] += gradient[c] * n;
            dshift[c] += gradient[c];
            sum += g;
            product += g * n;
        }
        sum /= (real)width;
        product /= (real)width;
#pragma omp simd
        for (size_t c = 0; c < width; c++) {
            real n = (in[c] - centre) * inverse;
            out[c] += inverse * (gradient[c] * scale[c] - sum - n * product);
        }
    }
}

/* Heads in work at a time: their sums do not wait for one another, and roots and divisions are done in vectors. */
enum { CHUNK_HEADS = 16 };

/* Mean and inverse standard deviation of `count` rows that follow one another. */
KERNEL_INLINE void chunk_statistics(real *restrict mean, real *restrict inverse, const real *x, size_t count,
                                    size_t head_dim)
{
    real sums[CHUNK_HEADS] = {0}, squares[CHUNK_HEADS] = {0};

    for (size_t i = 0; i < count; i++) {
        real sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t c = 0; c < head_dim; c++)
            sum += x[i * head_dim + c];
        sums[i] = sum;
    }
#pragma omp simd
    for (size_t i = 0; i < CHUNK_HEADS; i++)
        mean[i] = sums[i] / (real)head_dim;
    for (size_t i = 0; i < count; i++) {
        real centre = mean[i], sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t c = 0; c < head_dim; c++)
            sum += (x[i * head_dim + c] - centre) * (x[i * head_dim + c] - centre);
        squares[i] = sum;
    }
#pragma omp simd
    for (size_t i = 0; i < CHUNK_HEADS; i++)
        inverse[i] = 1 / real_sqrt(squares[i] / (real)head_dim + LAYERNORM_EPSILON);
}

KERNEL_CLONES void head_norm_forward(real *qkv, real *normalised, real *inverse_std, const real *q_scale,
                                     const real *q_shift, const real *k_scale, const real *k_shift, size_t tokens,
                                     size_t heads, size_t head_dim)
{
    for (size_t t = 0; t < tokens; t++)
        for (size_t first = 0; first < 2 * heads; first += CHUNK_HEADS) { /* heads of q, then heads of k */
            size_t count = 2 * heads - first < CHUNK_HEADS ? 2 * heads - first : CHUNK_HEADS;
            real *x = qkv + (t * 3 * heads + first) * head_dim, mean[CHUNK_HEADS], inverse[CHUNK_HEADS];
            chunk_statistics(mean, inverse, x, count, head_dim);
            for (size_t i = 0; i < count; i++, x += head_dim) {
                size_t head = t * 2 * heads + first + i;
                const real *scale = first + i < heads ? q_scale : k_scale;
                const real *shift = first + i < heads ? q_shift : k_shift;
                real *n = normalised != NULL ? normalised + head * head_dim : x;
                real centre = mean[i], factor = inverse[i];
#pragma omp simd
                for (size_t c = 0; c < head_dim; c++) {
                    real value = (x[c] - centre) * factor;
                    n[c] = value;
                    x[c] = value * scale[c] + shift[c];
                }
                if (inverse_std != NULL)
                    inverse_std[head] = factor;
            }
        }
}

/* One head of head_norm_backward(). */
KERNEL_INLINE void head_backward(real *gradient, real *dscale, real *dshift, const real *n, real inverse,
                                 const real *scale, size_t head_dim)
{
    real sum = 0, product = 0;

#pragma omp simd reduction(+ : sum, product)
    for (size_t c = 0; c < head_dim; c++) {
        real g = gradient[c] * scale[c];
        dscale[c] += gradient[c] * n[c];
        dshift[c] += gradient[c];
        sum += g;
        product += g * n[c];
    }
    sum /= (real)head_dim;
    product /= (real)head_dim;
#pragma omp simd
    for (size_t c = 0; c < head_dim; c++)
        gradient[c] = inverse * (gradient[c] * scale[c] - sum - n[c] * product);
}

KERNEL_CLONES void head_norm_backward(real *dqkv, real *dq_scale, real *dq_shift, real *dk_scale, real *dk_shift,
                                      const real *normalised, const real *inverse_std, const real *q_scale,
                                      const real *k_scale, size_t tokens, size_t heads, size_t head_dim)
{
    for (size_t t = 0; t < tokens; t++)
        for (size_t head = 0; head < heads; head++) { /* q and k in turn: their sums do not wait for one another */
            size_t q = t * 2 * heads + head, k = q + heads;
            real *gradient = dqkv + (t * 3 * heads + head) * head_dim;
            head_backward(gradient, dq_scale, dq_shift, normalised + q * head_dim, inverse_std[q], q_scale, head_dim);
            head_backward(gradient + heads * head_dim, dk_scale, dk_shift, normalised + k * head_dim, inverse_std[k],
                          k_scale, head_dim);
        }
}
