#include "model/kernels/wavelet_targets.h"

#include <math.h>

#include "base/dispatch.h"
#include "model/kernels/standardise.h"

enum {
    TAPS = 12,
    MARGIN = 4,                              /* samples of the periodic continuation kept on either side of a phase */
    PHASE_SAMPLES = (PATCH_SAMPLES + 1) / 2, /* even or odd samples of the longest level */
    PHASE_ROOM = PHASE_SAMPLES + 2 * MARGIN,
};

const size_t wavelet_group_first[WAVELET_GROUPS] = {0, 150, 225, 263, 282, 432, 507, 545};
const size_t wavelet_group_count[WAVELET_GROUPS] = {150, 75, 38, 19, 150, 75, 38, 19};

/* Decomposition filters of Daubechies' wavelet with 6 vanishing moments (Daubechies 1992, table 6.1; PyWavelets 'db6').
 */
static const real low_pass[TAPS] = {
    REAL(-0.0010773010853084796), REAL(0.004777257510945511), REAL(0.0005538422011614961), REAL(-0.03158203931748603),
    REAL(0.027522865530305727),   REAL(0.09750160558732304),  REAL(-0.12976686756726194),  REAL(-0.22626469396543983),
    REAL(0.31525035170919763),    REAL(0.7511339080210954),   REAL(0.49462389039845306),   REAL(0.11154074335010947)};
static const real high_pass[TAPS] = {
    REAL(-0.11154074335010947), REAL(0.49462389039845306),   REAL(-0.7511339080210954),   REAL(0.31525035170919763),
    REAL(0.22626469396543983),  REAL(-0.12976686756726194),  REAL(-0.09750160558732304),  REAL(0.027522865530305727),
    REAL(0.03158203931748603),  REAL(0.0005538422011614961), REAL(-0.004777257510945511), REAL(-0.0010773010853084796)};

/* Even and odd samples of x, periodic, each with MARGIN samples before and behind. An odd count is made even by its
 * last sample. */
static void split_phases(real *even, real *odd, const real *x, size_t count)
{
    size_t half = (count + 1) / 2;

    for (size_t i = 0; i < half; i++) {
        even[MARGIN + i] = x[2 * i];
        odd[MARGIN + i] = 2 * i + 1 < count ? x[2 * i + 1] : x[count - 1];
    }
    for (size_t i = 0; i < MARGIN; i++) {
        even[i] = even[half + i];
        odd[i] = odd[half + i];
        even[MARGIN + half + i] = even[MARGIN + i];
        odd[MARGIN + half + i] = odd[MARGIN + i];
    }
}

/* approximation[n] = sum_j low[j]·x[2n + 6 - j], detail[n] likewise with high, x periodic; `half` of each. */
KERNEL_CLONES static void filter_phases(real *restrict approximation, real *restrict detail, const real *restrict even,
                                        const real *restrict odd, size_t half)
{
#pragma omp simd
    for (size_t n = 0; n < half; n++) {
        real a = 0, d = 0;
#pragma GCC unroll 6
        for (size_t j = 0; j < TAPS / 2; j++) {
            real first = even[MARGIN + n + 3 - j], second = odd[MARGIN + n + 2 - j];
            a += low_pass[2 * j] * first + low_pass[2 * j + 1] * second;
            d += high_pass[2 * j] * first + high_pass[2 * j + 1] * second;
        }
        approximation[n] = a;
        detail[n] = d;
    }
}

void wavelet_analyse(real *coefficients, const real *patches, size_t n_patches)
{
    real even[PHASE_ROOM], odd[PHASE_ROOM];

    for (size_t p = 0; p < n_patches; p++) {
        real *row = coefficients + p * WAVELET_TARGETS;
        const real *x = patches + p * PATCH_SAMPLES;
        size_t count = PATCH_SAMPLES;
        for (size_t level = 0; level < WAVELET_LEVELS; level++) {
            real *approximation = row + wavelet_group_first[level];
            split_phases(even, odd, x, count);
            filter_phases(approximation, row + wavelet_group_first[WAVELET_LEVELS + level], even, odd,
                          wavelet_group_count[level]);
            x = approximation;
            count = wavelet_group_count[level];
        }
    }
}

KERNEL_CLONES static double group_sum(const real *x, size_t rows, size_t count)
{
    double sum = 0;

    for (size_t r = 0; r < rows; r++, x += WAVELET_TARGETS) {
#pragma omp simd reduction(+ : sum)
        for (size_t c = 0; c < count; c++)
            sum += (double)x[c];
    }
    return sum;
}

KERNEL_CLONES static double group_squares(const real *x, double mean, size_t rows, size_t count)
{
    double sum = 0;

    for (size_t r = 0; r < rows; r++, x += WAVELET_TARGETS) {
#pragma omp simd reduction(+ : sum)
        for (size_t c = 0; c < count; c++)
            sum += ((double)x[c] - mean) * ((double)x[c] - mean);
    }
    return sum;
}

KERNEL_CLONES static void group_scale(real *x, real mean, real inverse, size_t rows, size_t count)
{
    for (size_t r = 0; r < rows; r++, x += WAVELET_TARGETS) {
#pragma omp simd
        for (size_t c = 0; c < count; c++)
            x[c] = (x[c] - mean) * inverse;
    }
}

void wavelet_standardise(real *coefficients, const struct span *spans, size_t n_spans)
{
    for (size_t s = 0; s < n_spans; s++)
        for (size_t group = 0; group < WAVELET_GROUPS; group++) {
            real *x = coefficients + spans[s].first_token * WAVELET_TARGETS + wavelet_group_first[group];
            size_t rows = span_tokens(&spans[s]), count = wavelet_group_count[group];
            double n = (double)(rows * count), mean = group_sum(x, rows, count) / n;
            double sigma = fmax(sqrt(group_squares(x, mean, rows, count) / n), SIGMA_FLOOR_MV);
            group_scale(x, (real)mean, (real)(1 / sigma), rows, count);
        }
}

void wavelet_column_scale(real *column_scale)
{
    for (size_t group = 0; group < WAVELET_GROUPS; group++)
        for (size_t c = 0; c < wavelet_group_count[group]; c++)
            column_scale[wavelet_group_first[group] + c] = 1 / (real)(WAVELET_GROUPS * wavelet_group_count[group]);
}
