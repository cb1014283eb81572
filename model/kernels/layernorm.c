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

KERNEL_CLONES void head_norm_forward(real *qkv, real *normalised, real *inverse_std, const real *q_scale,
                                     const real *q_shift, const real *k_scale, const real *k_shift, size_t tokens,
                                     size_t heads, size_t head_dim)
{
    for (size_t t = 0; t < tokens; t++)
        for (size_t head = 0; head < 2 * heads; head++) { /* heads of q, then heads of k */
            real *x = qkv + t * 3 * heads * head_dim + head * head_dim;
            const real *scale = head < heads ? q_scale : k_scale, *shift = head < heads ? q_shift : k_shift;
            real centre, inverse;
            row_statistics(&centre, &inverse, x, head_dim);
            if (normalised != NULL) {
                real *n = normalised + (t * 2 * heads + head) * head_dim;
#pragma omp simd
                for (size_t c = 0; c < head_dim; c++)
                    n[c] = (x[c] - centre) * inverse;
            }
#pragma omp simd
            for (size_t c = 0; c < head_dim; c++)
                x[c] = (x[c] - centre) * inverse * scale[c] + shift[c];
            if (inverse_std != NULL)
                inverse_std[t * 2 * heads + head] = inverse;
        }
}

KERNEL_CLONES void head_norm_backward(real *dqkv, real *dq_scale, real *dq_shift, real *dk_scale, real *dk_shift,
                                      const real *normalised, const real *inverse_std, const real *q_scale,
                                      const real *k_scale, size_t tokens, size_t heads, size_t head_dim)
{
    for (size_t t = 0; t < tokens; t++)
        for (size_t head = 0; head < 2 * heads; head++) {
            real *gradient = dqkv + t * 3 * heads * head_dim + head * head_dim;
            const real *n = normalised + (t * 2 * heads + head) * head_dim;
            const real *scale = head < heads ? q_scale : k_scale;
            real *dscale = head < heads ? dq_scale : dk_scale, *dshift = head < heads ? dq_shift : dk_shift;
            real inverse = inverse_std[t * 2 * heads + head], sum = 0, product = 0;
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
}
