/* io/signal/wavelet.c — the db6 wavelet: one level with mirrored ends, and its inverse. Filters and conventions are
 * those of PyWavelets (its mode 'symmetric'). */
#include "io/signal/steps.h"

enum { TAPS = WAVELET_TAPS };

/* Low-pass of the synthesis (Daubechies 1988, 6 vanishing moments). The other three follow:
 * analysis low-pass h[j] = scaling[11 − j], analysis high-pass (−1)^(j+1) · scaling[j], synthesis high-pass
 * (−1)^j · scaling[11 − j]. */
static const double scaling[TAPS] = {
    0.11154074335010947,  0.49462389039845306,   0.7511339080210954,   0.31525035170919763,
    -0.22626469396543983, -0.12976686756726194,  0.09750160558732304,  0.027522865530305727,
    -0.03158203931748603, 0.0005538422011614961, 0.004777257510945511, -0.0010773010853084796,
};

static inline double low_tap(int j)
{
    return scaling[TAPS - 1 - j];
}

static inline double high_tap(int j)
{
    return j % 2 == 0 ? -scaling[j] : scaling[j];
}

size_t wavelet_coefficients(size_t count)
{
    return (count + TAPS - 1) / 2;
}

size_t wavelet_work_samples(size_t count)
{
    return 2 * (wavelet_coefficients(count) + TAPS);
}

/* Sample i of the signal continued on both sides by its mirror image. */
static double mirrored(const double *signal, size_t count, ptrdiff_t i)
{
    ptrdiff_t period = 2 * (ptrdiff_t)count;

    i = ((i % period) + period) % period;
    return signal[i < (ptrdiff_t)count ? i : period - 1 - i];
}

/* approximation[i] = Σ_j low[j] x[2i + 1 − j], detail[i] = Σ_j high[j] x[2i + 1 − j]. x is first split into its even
 * and odd samples, from x[−10] on, so that neighbouring coefficients need neighbouring numbers. */
void wavelet_forward(double *approximation, double *detail, const double *signal, size_t count, double *work)
{
    size_t n = wavelet_coefficients(count), length = n + TAPS / 2 - 1;
    double *even = work, *odd = work + length;

    for (size_t i = 0; i < length; i++) {
        ptrdiff_t place = 2 * (ptrdiff_t)i - (TAPS - 2);

        if (place >= 0 && place + 1 < (ptrdiff_t)count) {
            even[i] = signal[place];
            odd[i] = signal[place + 1];
        } else {
            even[i] = mirrored(signal, count, place);
            odd[i] = mirrored(signal, count, place + 1);
        }
    }
    /* x[2i + 1 − j] is odd[i + 5 − j / 2] for an even j, even[i + 5 − (j − 1) / 2] for an odd one. */
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        double low = 0, high = 0;

        for (int m = 0; m < TAPS / 2; m++) {
            double x_odd = odd[i + TAPS / 2 - 1 - m], x_even = even[i + TAPS / 2 - 1 - m];

            low += low_tap(2 * m) * x_odd + low_tap(2 * m + 1) * x_even;
            high += high_tap(2 * m) * x_odd + high_tap(2 * m + 1) * x_even;
        }
        approximation[i] = low;
        detail[i] = high;
    }
}

/* signal[2i] = Σ_m scaling[2m] a[i + 5 − m] + …, the transpose of the forward step; so each pair of samples takes six
 * neighbouring coefficients of each kind. */
void wavelet_inverse(double *signal, const double *approximation, const double *detail, size_t count)
{
    size_t pairs = count / 2;

#pragma omp simd
    for (size_t i = 0; i < pairs; i++) {
        double even = 0, odd = 0;

        for (int m = 0; m < TAPS / 2; m++) {
            double a = approximation[i + TAPS / 2 - 1 - m], d = detail[i + TAPS / 2 - 1 - m];

            even += scaling[2 * m] * a + scaling[TAPS - 1 - 2 * m] * d;
            odd += scaling[2 * m + 1] * a - scaling[TAPS - 2 - 2 * m] * d;
        }
        signal[2 * i] = even;
        signal[2 * i + 1] = odd;
    }
    if (count % 2 == 1) {
        double even = 0;

        for (int m = 0; m < TAPS / 2; m++)
            even += scaling[2 * m] * approximation[pairs + TAPS / 2 - 1 - m] +
                    scaling[TAPS - 1 - 2 * m] * detail[pairs + TAPS / 2 - 1 - m];
        signal[count - 1] = even;
    }
}
