#include "model/kernels/quantize.h"

#include "model/kernels/mathematics.h"
#include "model/kernels/product.h"

enum { TILE_VECTORS = 64, TILE_CODES = 512 }; /* 128 kB of similarities: stays in the second-level cache */

static const real LEAST_NORM = REAL(1e-12);

KERNEL_CLONES void normalise_rows_forward(real *y, real *inverse_norm, const real *x, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++) {
        const real *in = x + r * width;
        real *out = y + r * width, squares = 0;
#pragma omp simd reduction(+ : squares)
        for (size_t c = 0; c < width; c++)
            squares += in[c] * in[c];
        real norm = real_sqrt(squares), inverse = 1 / (norm > LEAST_NORM ? norm : LEAST_NORM);
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            out[c] = in[c] * inverse;
        if (inverse_norm != NULL)
            inverse_norm[r] = inverse;
    }
}

KERNEL_CLONES void normalise_rows_backward(real *dx, const real *dy, const real *y, const real *inverse_norm,
                                           size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++) {
        const real *gradient = dy + r * width, *unit = y + r * width;
        real *out = dx + r * width, along = 0, inverse = inverse_norm[r];
#pragma omp simd reduction(+ : along)
        for (size_t c = 0; c < width; c++)
            along += unit[c] * gradient[c];
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            out[c] = inverse * (gradient[c] - unit[c] * along);
    }
}

size_t quantize_workspace(size_t n_codes)
{
    return TILE_VECTORS * (n_codes < TILE_CODES ? n_codes : TILE_CODES);
}

KERNEL_CLONES static real largest(const real *x, size_t count)
{
    real most = -INFINITY;

#pragma omp simd reduction(max : most)
    for (size_t i = 0; i < count; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

void quantize_nearest(uint32_t *codes, const real *vectors, const real *codebook, real *workspace, size_t count,
                      size_t n_codes, size_t dimension)
{
    for (size_t v = 0; v < count; v += TILE_VECTORS) {
        size_t rows = count - v < TILE_VECTORS ? count - v : TILE_VECTORS;
        real best[TILE_VECTORS];
        for (size_t r = 0; r < rows; r++) {
            best[r] = -INFINITY;
            codes[v + r] = 0;
        }
        for (size_t first = 0; first < n_codes; first += TILE_CODES) {
            size_t width = n_codes - first < TILE_CODES ? n_codes - first : TILE_CODES;
            product_nt(workspace, vectors + v * dimension, codebook + first * dimension, PRODUCT_SET, rows, width,
                       dimension, width, dimension, dimension);
            for (size_t r = 0; r < rows; r++) {
                const real *row = workspace + r * width;
                real most = largest(row, width);
                if (!(most > best[r]))
                    continue;
                size_t place = 0;
                while (row[place] != most)
                    place++;
                best[r] = most;
                codes[v + r] = (uint32_t)(first + place);
            }
        }
    }
}

void quantize_statistics(float *statistics, const uint32_t *codes, const real *vectors, size_t count, size_t n_codes,
                         size_t dimension)
{
    for (size_t r = 0; r < count; r++) {
        float *sum = statistics + n_codes + codes[r] * dimension;
        statistics[codes[r]] += 1;
        for (size_t c = 0; c < dimension; c++)
            sum[c] += (float)vectors[r * dimension + c];
    }
}

void quantize_statistics_double(double *statistics, const uint32_t *codes, const real *vectors, size_t count,
                                size_t n_codes, size_t dimension)
{
    for (size_t r = 0; r < count; r++) {
        double *sum = statistics + n_codes + codes[r] * dimension;
        statistics[codes[r]] += 1;
        for (size_t c = 0; c < dimension; c++)
            sum[c] += (double)vectors[r * dimension + c];
    }
}
