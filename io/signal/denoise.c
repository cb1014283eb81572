/* io/signal/denoise.c — wavelet shrinkage (Donoho, Johnstone 1994: universal threshold; Donoho 1995: soft).
 *
 * The noise is measured in D2 (37.5 to 75 Hz), not as usual in D1: behind a band-pass that ends at 75 Hz, D1 holds next
 * to nothing. */
#include <math.h>

#include "io/signal/steps.h"

enum { SHRINK_LEVELS = 3, NOISE_LEVEL = 2 };

/* The number of the first coefficient of this level whose time is not before `sample`. The time of a coefficient is the
 * middle of the samples that enter it: 2^level · i − 4.5 · (2^level − 1), from x[2i − 10] to x[2i + 1] a level. */
static size_t first_coefficient(size_t sample, int level, size_t coefficients)
{
    double step = (double)(1 << level), first = ceil(((double)sample + 4.5 * (step - 1)) / step);

    if (sample == 0)
        return 0;
    return first < (double)coefficients ? (size_t)first : coefficients;
}

/* The range [*begin, *end) of coefficients that belong to a stretch; the ends of the piece take what lies beyond. */
static void stretch_coefficients(size_t count, size_t stretch, int level, size_t coefficients, size_t *begin,
                                 size_t *end)
{
    bool is_last = stretch + 1 == stretch_count(count);

    *begin = stretch == 0 ? 0 : first_coefficient(stretch_end(count, stretch - 1), level, coefficients);
    *end = is_last ? coefficients : first_coefficient(stretch_end(count, stretch), level, coefficients);
}

static void shrink(double *detail, size_t count, double threshold)
{
    for (size_t i = 0; i < count; i++) {
        double over = fabs(detail[i]) - threshold;

        detail[i] = over > 0 ? copysign(over, detail[i]) : 0;
    }
}

static double noise_level(const double *detail, size_t count, float *work)
{
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        work[i] = (float)fabs(detail[i]);
    return select_median(work, count) / 0.6745;
}

size_t denoise_work_samples(size_t count)
{
    size_t length = count, total = wavelet_work_samples(count);

    for (int level = 1; level <= SHRINK_LEVELS; level++) {
        length = wavelet_coefficients(length);
        total += 2 * length;
        if (level == NOISE_LEVEL)
            total += length; /* magnitudes, floats */
    }
    return total;
}

void denoise_shrink(double *signal, size_t count, double *work)
{
    size_t length[SHRINK_LEVELS + 1] = {count};
    double *approximation[SHRINK_LEVELS + 1] = {signal}, *detail[SHRINK_LEVELS + 1], *next;
    float *magnitudes = (float *)work;

    for (int level = 1; level <= SHRINK_LEVELS; level++)
        length[level] = wavelet_coefficients(length[level - 1]);
    next = work + length[NOISE_LEVEL];
    for (int level = 1; level <= SHRINK_LEVELS; level++) {
        approximation[level] = next;
        detail[level] = next + length[level];
        next += 2 * length[level];
    }
    for (int level = 1; level <= SHRINK_LEVELS; level++) /* `next` is now the work space */
        wavelet_forward(approximation[level], detail[level], approximation[level - 1], length[level - 1], next);

    for (size_t stretch = 0; stretch < stretch_count(count); stretch++) {
        size_t samples = stretch_end(count, stretch) - stretch * STRETCH_SAMPLES, begin, end;
        double threshold;

        stretch_coefficients(count, stretch, NOISE_LEVEL, length[NOISE_LEVEL], &begin, &end);
        threshold = noise_level(detail[NOISE_LEVEL] + begin, end - begin, magnitudes) * sqrt(2 * log((double)samples));
        for (int level = 1; level <= SHRINK_LEVELS; level++) {
            stretch_coefficients(count, stretch, level, length[level], &begin, &end);
            shrink(detail[level] + begin, end - begin, threshold);
        }
    }
    for (int level = SHRINK_LEVELS; level >= 1; level--)
        wavelet_inverse(approximation[level - 1], approximation[level], detail[level], length[level - 1]);
}
