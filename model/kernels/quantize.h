/* model/kernels/quantize.h — rows of length 1, the nearest codeword, and sums for the codebook's update
 * (PAPER 3.5, 4.1). */
#ifndef MODEL_KERNELS_QUANTIZE_H
#define MODEL_KERNELS_QUANTIZE_H

#include <stddef.h>
#include <stdint.h>

#include "model/real.h"

/* y[r] = x[r]·inverse_norm[r], inverse_norm = 1/max(|x[r]|, 1e-12), kept for the backward pass (may be NULL).
 * x, y: [rows, width]; y may be x. */
void normalise_rows_forward(real *y, real *inverse_norm, const real *x, size_t rows, size_t width);

/* dx = inverse_norm·(dy - y·(y·dy)); y: the normalised rows. dx may be dy. */
void normalise_rows_backward(real *dx, const real *dy, const real *y, const real *inverse_norm, size_t rows,
                             size_t width);

/* Elements of workspace of quantize_nearest(). */
size_t quantize_workspace(size_t n_codes);

/* codes[r] = the codeword of the largest inner product with vectors[r] (rows of length 1: the nearest); ties: the
 * lowest index. codes: [count]; vectors: [count, dimension]; codebook: [n_codes, dimension]. */
void quantize_nearest(uint32_t *codes, const real *vectors, const real *codebook, real *workspace, size_t count,
                      size_t n_codes, size_t dimension);

/* statistics: counts [n_codes], then sums [n_codes, dimension]; both are ADDED to. */
void quantize_statistics(float *statistics, const uint32_t *codes, const real *vectors, size_t count, size_t n_codes,
                         size_t dimension);
void quantize_statistics_double(double *statistics, const uint32_t *codes, const real *vectors, size_t count,
                                size_t n_codes, size_t dimension);

#endif
