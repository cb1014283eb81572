#include "model/kernels/attention_softmax.h"

#include "model/kernels/mathematics.h"
#include "model/kernels/small_product.h"

/* Rows go in chunks, so that what is one number a row (exponentials of maxima, inverses, logarithms) is computed in
 * vectors over the rows as well. */
enum { CHUNK_ROWS = PRODUCT_LANES };

/* padded is a multiple of PRODUCT_LANES: said so that loops need no remainder. */
#define WHOLE_VECTORS(padded) ((int32_t)((padded) / PRODUCT_LANES * PRODUCT_LANES))

KERNEL_INLINE int is_masked(struct softmax_mask mask, int32_t own, int32_t j)
{
    int32_t apart = j - own;
    return (j >= mask.keys) | ((apart <= mask.window) & (apart >= -mask.window));
}

/* Puts -infinity where a column does not count; the largest of `start` and the others. */
KERNEL_INLINE real row_maximum(real *row, real start, struct softmax_mask mask, int32_t own, size_t padded)
{
    real most = start;

#pragma omp simd reduction(max : most)
    for (int32_t j = 0; j < WHOLE_VECTORS(padded); j++) {
        real score = is_masked(mask, own, j) ? -INFINITY : row[j];
        row[j] = score;
        most = score > most ? score : most;
    }
    return most;
}

KERNEL_INLINE real row_exponentials(real *row, real most, size_t padded)
{
    real sum = 0;

#pragma omp simd reduction(+ : sum)
    for (int32_t j = 0; j < WHOLE_VECTORS(padded); j++) {
        real e = real_exp(row[j] - most);
        row[j] = e;
        sum += e;
    }
    return sum;
}

KERNEL_INLINE void scale_row(real *row, real factor, size_t count)
{
#pragma omp simd
    for (size_t c = 0; c < count; c++)
        row[c] *= factor;
}

KERNEL_CLONES void softmax_begin(real *scores, real *row_max, real *row_sum, struct softmax_mask mask, size_t rows,
                                 size_t padded)
{
    for (size_t r = 0; r < rows; r++)
        row_max[r] = row_maximum(scores + r * padded, -INFINITY, mask, mask.first_row + (int32_t)r, padded);
    for (size_t r = 0; r < rows; r++)
        row_sum[r] = row_exponentials(scores + r * padded, row_max[r], padded);
}

KERNEL_CLONES void softmax_join(real *scores, real *out, real *log_sum_exp, const real *row_max, const real *row_sum,
                                struct softmax_mask mask, size_t rows, size_t padded, size_t stride, size_t ld_out,
                                size_t head_dim)
{
    for (size_t first = 0; first < rows; first += CHUNK_ROWS) {
        size_t count = rows - first < CHUNK_ROWS ? rows - first : CHUNK_ROWS;
        real before[CHUNK_ROWS] = {0}, begun[CHUNK_ROWS] = {0}, most[CHUNK_ROWS] = {0}, sum[CHUNK_ROWS];
        real factor[CHUNK_ROWS], inverse[CHUNK_ROWS], log_sum[CHUNK_ROWS];
        for (size_t r = 0; r < CHUNK_ROWS; r++)
            sum[r] = 1;
        for (size_t r = 0; r < count; r++) {
            before[r] = row_sum[(first + r) * stride];
            begun[r] = before[r] == 0 ? -INFINITY : row_max[(first + r) * stride];
            most[r] = row_maximum(scores + (first + r) * padded, begun[r], mask, mask.first_row + (int32_t)(first + r),
                                  padded);
        }
        for (size_t r = 0; r < count; r++)
            sum[r] = row_exponentials(scores + (first + r) * padded, most[r], padded);
#pragma omp simd
        for (size_t r = 0; r < CHUNK_ROWS; r++) {
            real rescale = before[r] == 0 ? 0 : real_exp(begun[r] - most[r]);
            real total = before[r] * rescale + sum[r];
            inverse[r] = 1 / total;
            factor[r] = rescale * inverse[r];
            log_sum[r] = most[r] + real_log(total);
        }
        for (size_t r = 0; r < count; r++) {
            scale_row(scores + (first + r) * padded, inverse[r], (size_t)WHOLE_VECTORS(padded));
            if (before[r] != 0)
                scale_row(out + (first + r) * ld_out, factor[r], head_dim);
            log_sum_exp[(first + r) * stride] = log_sum[r];
        }
    }
}

KERNEL_CLONES void softmax_close(real *out, real *log_sum_exp, const real *row_max, const real *row_sum, size_t rows,
                                 size_t ld_out, size_t head_dim)
{
    for (size_t r = 0; r < rows; r++) {
        scale_row(out + r * ld_out, 1 / row_sum[r], head_dim);
        log_sum_exp[r] = row_max[r] + real_log(row_sum[r]);
    }
}

KERNEL_CLONES void softmax_gradient(real *scores, real *dp, const real *log_sum_exp, const real *delta,
                                    struct softmax_mask mask, size_t rows, size_t padded, size_t stride)
{
    for (size_t r = 0; r < rows; r++) {
        real *restrict row = scores + r * padded, *restrict drow = dp + r * padded;
        real log_sum = log_sum_exp[r * stride], subtract = delta[r * stride];
        int32_t own = mask.first_row + (int32_t)r;
#pragma omp simd
        for (int32_t j = 0; j < WHOLE_VECTORS(padded); j++) {
            real p = is_masked(mask, own, j) ? 0 : real_exp(row[j] - log_sum);
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
