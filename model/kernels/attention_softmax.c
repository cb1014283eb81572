#include "model/kernels/attention_softmax.h"

#include "model/kernels/mathematics.h"
#include "model/kernels/small_product.h"

/* padded is a multiple of PRODUCT_LANES: said so that loops need no remainder. */
#define WHOLE_VECTORS(padded) ((padded) / PRODUCT_LANES * PRODUCT_LANES)

KERNEL_INLINE real row_maximum(real *row, real start, size_t keys, size_t padded)
{
    real most = start;

    for (size_t j = keys; j < padded; j++)
        row[j] = -INFINITY;
#pragma omp simd reduction(max : most)
    for (size_t j = 0; j < WHOLE_VECTORS(padded); j++)
        most = row[j] > most ? row[j] : most;
    return most;
}

KERNEL_INLINE real row_exponentials(real *row, real most, size_t padded)
{
    real sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < WHOLE_VECTORS(padded); j++) {
        real e = real_exp(row[j] - most);
        row[j] = e;
        sum += e;
    }
    return sum;
}

KERNEL_CLONES void softmax_begin(real *scores, real *row_max, real *row_sum, size_t rows, size_t keys, size_t padded)
{
    for (size_t r = 0; r < rows; r++) {
        real *row = scores + r * padded;
        row_max[r] = row_maximum(row, -INFINITY, keys, padded);
        row_sum[r] = row_exponentials(row, row_max[r], padded);
    }
}

KERNEL_CLONES void softmax_join(real *scores, real *out, real *log_sum_exp, const real *row_max, const real *row_sum,
                                size_t rows, size_t keys, size_t padded, size_t stride, size_t ld_out, size_t head_dim)
{
    for (size_t r = 0; r < rows; r++) {
        real *row = scores + r * padded, *y = out + r * ld_out;
        real before = row_sum[r * stride];
        real most = row_maximum(row, before == 0 ? -INFINITY : row_max[r * stride], keys, padded);
        real sum = row_exponentials(row, most, padded);
        real factor = before == 0 ? 0 : real_exp(row_max[r * stride] - most);
        real total = before * factor + sum, inverse = 1 / total;
#pragma omp simd
        for (size_t j = 0; j < WHOLE_VECTORS(padded); j++)
            row[j] *= inverse;
        if (before != 0) {
            factor *= inverse;
#pragma omp simd
            for (size_t c = 0; c < head_dim; c++)
                y[c] *= factor;
        }
        log_sum_exp[r * stride] = most + (real)log((double)total);
    }
}

KERNEL_CLONES void softmax_close(real *out, real *log_sum_exp, const real *row_max, const real *row_sum, size_t rows,
                                 size_t ld_out, size_t head_dim)
{
    for (size_t r = 0; r < rows; r++) {
        real *y = out + r * ld_out, inverse = 1 / row_sum[r];
#pragma omp simd
        for (size_t c = 0; c < head_dim; c++)
            y[c] *= inverse;
        log_sum_exp[r] = row_max[r] + (real)log((double)row_sum[r]);
    }
}

KERNEL_CLONES void softmax_gradient(real *scores, real *dp, const real *log_sum_exp, const real *delta, size_t rows,
                                    size_t padded, size_t stride)
{
    for (size_t r = 0; r < rows; r++) {
        real *restrict row = scores + r * padded, *restrict drow = dp + r * padded;
        real log_sum = log_sum_exp[r * stride], subtract = delta[r * stride];
#pragma omp simd
        for (size_t j = 0; j < WHOLE_VECTORS(padded); j++) {
            real p = real_exp(row[j] - log_sum);
            row[j] = p;
            drow[j] = p * (drow[j] - subtract);
        }
    }
}

KERNEL_CLONES void softmax_delta(real *delta, const real *dout, const real *out, size_t rows, size_t ld_out,
                                 size_t head_dim)
{
    for (size_t r = 0; r < rows; r++) {
        const real *y = out + r * ld_out, *dy = dout + r * ld_out;
        real sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t c = 0; c < head_dim; c++)
            sum += dy[c] * y[c];
        delta[r] = sum;
    }
}
