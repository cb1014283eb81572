#include "model/kernels/standardise.h"

#include <math.h>

#include "base/dispatch.h"

KERNEL_CLONES static double sum_of(const real *x, size_t count)
{
    double sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < count; i++)
        sum += (double)x[i];
    return sum;
}

KERNEL_CLONES static double square_deviations(const real *x, double mean, size_t count)
{
    double sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < count; i++)
        sum += ((double)x[i] - mean) * ((double)x[i] - mean);
    return sum;
}

KERNEL_CLONES static void centre_and_scale(real *y, const real *x, real mean, real inverse, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        y[i] = (x[i] - mean) * inverse;
}

void standardise_spans(real *y, real *mean_mv, real *sigma_mv, const real *patches, const struct span *spans,
                       size_t n_spans)
{
    for (size_t s = 0; s < n_spans; s++) {
        size_t first = spans[s].first_token * PATCH_SAMPLES, count = span_tokens(&spans[s]) * PATCH_SAMPLES;
        double mean = sum_of(patches + first, count) / (double)count;
        double sigma = fmax(sqrt(square_deviations(patches + first, mean, count) / (double)count), SIGMA_FLOOR_MV);
        if (mean_mv != NULL)
            mean_mv[s] = (real)mean;
        if (sigma_mv != NULL)
            sigma_mv[s] = (real)sigma;
        if (y != NULL)
            centre_and_scale(y + first, patches + first, (real)mean, (real)(1 / sigma), count);
    }
}
