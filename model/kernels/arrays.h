/* model/kernels/arrays.h — plain operations on arrays: sums, gathering and scattering of rows. */
#ifndef MODEL_KERNELS_ARRAYS_H
#define MODEL_KERNELS_ARRAYS_H

#include <stddef.h>
#include <stdint.h>

#include "model/real.h"

/* y += x. */
void array_add(real *y, const real *x, size_t count);

/* y = factor·x; y may be x. */
void array_scale(real *y, const real *x, real factor, size_t count);

/* sum[c] += sum_r x[r, c]. x: [rows, width]. */
void column_sum_add(real *sum, const real *x, size_t rows, size_t width);

/* y[r] = x[index[r]]: rows of the mask, codewords of the codebook. y: [count, width]. */
void gather_rows(real *y, const real *x, const uint32_t *index, size_t count, size_t width);

/* Rows index[0] < index[1] < … of x [rows, width] to its front, in place; and back again, all other rows 0. */
void close_rows(real *x, const uint32_t *index, size_t count, size_t width);
void spread_rows(real *x, const uint32_t *index, size_t count, size_t rows, size_t width);

/* y[index[r]] += x[r], in order of r. x: [count, width]. */
void scatter_rows_add(real *y, const real *x, const uint32_t *index, size_t count, size_t width);

#endif
