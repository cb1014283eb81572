/* io/signal/butterworth.c — design of Butterworth band-passes and notches as second-order sections.
 *
 * The way of scipy.signal: poles of the analog low-pass on the unit circle → band-pass → bilinear transform → sections,
 * poles nearest to the unit circle last, each pole pair with the zeros nearest to it (SciPy's pairing 'nearest'). */
#include <assert.h>
#include <complex.h>
#include <math.h>
#include <string.h>

#include "io/signal/steps.h"

/* What the bilinear transform of a band-pass of order n has: n zeros at +1, n at −1, 2n poles. */
struct band_poles {
    size_t count;
    double complex pole[2 * MAX_FILTER_ORDER];
    double gain;
};

static struct band_poles design_poles(unsigned order, double low_hz, double high_hz, double rate_hz)
{
    /* Frequencies bent so that the bilinear transform (with rate 2) puts them where they belong. */
    double low = 4 * tan(M_PI * low_hz / rate_hz), high = 4 * tan(M_PI * high_hz / rate_hz);
    double width = high - low, centre_square = low * high;
    double complex denominator = 1;
    struct band_poles band = {.count = 2 * order};

    for (unsigned i = 0; i < order; i++) {
        double angle = M_PI * (2.0 * i + 1 - order) / (2.0 * order);
        /* The one real pole of an odd order must be exactly real to be told from a pair. */
        double complex prototype = 2 * i + 1 == order ? -1 : -cexp(I * angle);
        double complex half = prototype * width / 2, root = csqrt(half * half - centre_square);
        double complex analog[2] = {half + root, half - root};

        for (int j = 0; j < 2; j++) {
            band.pole[2 * i + j] = (4 + analog[j]) / (4 - analog[j]);
            denominator *= 4 - analog[j];
        }
    }
    band.gain = pow(width, order) * pow(4, order) / creal(denominator);
    return band;
}

static bool is_real(double complex pole)
{
    return fabs(cimag(pole)) <= 1e-13 * cabs(pole);
}

/* Takes out of poles[*count] the one nearest to the unit circle among all, or among the real ones. */
static double complex take_worst(double complex *poles, size_t *count, bool only_real)
{
    double complex taken;
    size_t worst = *count;

    for (size_t i = 0; i < *count; i++) {
        if (only_real && !is_real(poles[i]))
            continue;
        if (worst == *count || fabs(1 - cabs(poles[i])) < fabs(1 - cabs(poles[worst])))
            worst = i;
    }
    assert(worst < *count);
    taken = poles[worst];
    *count -= 1;
    memmove(poles + worst, poles + worst + 1, (*count - worst) * sizeof *poles);
    return taken;
}

struct filter filter_butterworth_bandpass(unsigned order, double low_hz, double high_hz, double rate_hz)
{
    struct band_poles band;
    struct filter filter = {.n_sections = order};
    size_t zeros_left[2] = {order, order}; /* at −1, at +1 */
    size_t count = 0;

    assert(order >= 1 && order <= MAX_FILTER_ORDER && 0 < low_hz && low_hz < high_hz && high_hz < rate_hz / 2);
    band = design_poles(order, low_hz, high_hz, rate_hz);
    /* Of a conjugate pair one is kept; real poles come in twos, both from the real pole of an odd order. */
    for (size_t i = 0; i < band.count; i++) {
        if (is_real(band.pole[i]) || cimag(band.pole[i]) > 0)
            band.pole[count++] = band.pole[i];
    }
    for (size_t s = order; s-- > 0;) {
        struct filter_section *section = &filter.section[s];
        double complex first = take_worst(band.pole, &count, false), second = conj(first);
        double zero[2];

        if (is_real(first))
            second = take_worst(band.pole, &count, true);
        for (int j = 0; j < 2; j++) {
            bool positive = cabs(first - 1) < cabs(first + 1);

            if (zeros_left[positive] == 0)
                positive = !positive;
            zeros_left[positive]--;
            zero[j] = positive ? 1 : -1;
        }
        *section = (struct filter_section){
            .b = {1, -(zero[0] + zero[1]), zero[0] * zero[1]},
            .a = {1, -creal(first + second), creal(first * second)},
        };
    }
    for (int j = 0; j < 3; j++)
        filter.section[0].b[j] *= band.gain;
    return filter;
}

struct filter filter_notch(double hz, double q, double rate_hz)
{
    double angle = 2 * M_PI * hz / rate_hz, gain = 1 / (1 + tan(angle / q / 2));

    return (struct filter){
        .n_sections = 1,
        .section = {{
            .b = {gain, -2 * gain * cos(angle), gain},
            .a = {1, -2 * gain * cos(angle), 2 * gain - 1},
        }},
    };
}
