#include "model/kernels/arrays.h"

#include <string.h>

#include "base/dispatch.h"

KERNEL_CLONES void array_add(real *y, const real *x, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        y[i] += x[i];
}

KERNEL_CLONES void array_scale(real *y, const real *x, real factor, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        y[i] = factor * x[i];
}

KERNEL_CLONES void column_sum_add(real *sum, const real *x, size_t rows, size_t width)
{
    size_t r = 0;

    for (; r + 4 <= rows; r += 4, x += 4 * width) /* four rows for one visit to the sums */
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            sum[c] += (x[c] + x[width + c]) + (x[2 * width + c] + x[3 * width + c]);
    for (; r < rows; r++, x += width)
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            sum[c] += x[c];
}

void gather_rows(real *y, const real *x, const uint32_t *index, size_t count, size_t width)
{
    for (size_t r = 0; r < count; r++)
        memcpy(y + r * width, x + index[r] * width, width * sizeof(real));
}

void close_rows(real *x, const uint32_t *index, size_t count, size_t width)
{
    for (size_t r = 0; r < count; r++)
        if (index[r] != r)
            memcpy(x + r * width, x + index[r] * width, width * sizeof(real));
}

/* From the last on, so that none is overwritten before it has moved. */
void spread_rows(real *x, const uint32_t *index, size_t count, size_t rows, size_t width)
{
    size_t end = rows;

    for (size_t r = count; r-- > 0; end = index[r]) {
        memset(x + (index[r] + 1) * width, 0, (end - index[r] - 1) * width * sizeof(real));
        if (index[r] != r)
            memcpy(x + index[r] * width, x + r * width, width * sizeof(real));
    }
    memset(x, 0, end * width * sizeof(real));
}

void scatter_rows_add(real *y, const real *x, const uint32_t *index, size_t count, size_t width)
{
    for (size_t r = 0; r < count; r++)
        array_add(y + index[r] * width, x + r * width, width);
}
