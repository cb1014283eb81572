/* io/signal/mains.c — finds lines of 50 and 60 Hz in a stretch and cuts them out where they are. */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "io/signal/steps.h"

/* Bins are 0.5 Hz apart, as windows of 2 s give them. */
enum {
    WINDOW = 2 * SAMPLE_RATE_HZ,
    HOP = SAMPLE_RATE_HZ,
    LINE_BINS = 3, /* line − 0.5, line, line + 0.5 Hz */
    SIDE_BINS = 5, /* 2, 2.5, 3, 3.5, 4 Hz from it, on each side */
    BINS_A_LINE = LINE_BINS + 2 * SIDE_BINS,
    COLUMNS = 2 * 2 * BINS_A_LINE, /* two lines, cosine and sine */
};
static const double least_ratio = 4;
static const double least_amplitude_mv = 0.002;

/* wave[n][c]: Hann window times cosine (c < COLUMNS / 2) or sine of the bins, the three of the line first. */
static float wave[WINDOW][COLUMNS];
static pthread_once_t wave_is_made = PTHREAD_ONCE_INIT;

static double bin_hz(double line_hz, int bin)
{
    int side = bin - LINE_BINS;

    if (side < 0)
        return line_hz + 0.5 * (bin - 1);
    return side < SIDE_BINS ? line_hz - 4 + 0.5 * side : line_hz + 2 + 0.5 * (side - SIDE_BINS);
}

static void make_wave(void)
{
    for (int n = 0; n < WINDOW; n++) {
        double window = 0.5 - 0.5 * cos(2 * M_PI * n / WINDOW);

        for (int c = 0; c < COLUMNS / 2; c++) {
            double hz = bin_hz(c < BINS_A_LINE ? 50 : 60, c % BINS_A_LINE);
            /* Whole turns are taken out first: hz · 2 is whole, so the angle is exact. */
            double angle = 2 * M_PI / WINDOW * (double)((int)(2 * hz) * n % WINDOW);

            wave[n][c] = (float)(window * cos(angle));
            wave[n][COLUMNS / 2 + c] = (float)(window * sin(angle));
        }
    }
}

/* power[c] += |bin c|² of one window. */
static void add_window(float power[COLUMNS / 2], const double *signal)
{
    float sum[COLUMNS] = {0};

    for (int n = 0; n < WINDOW; n++) {
        float x = (float)signal[n];

        for (int c = 0; c < COLUMNS; c++)
            sum[c] += x * wave[n][c];
    }
    for (int c = 0; c < COLUMNS / 2; c++)
        power[c] += sum[c] * sum[c] + sum[COLUMNS / 2 + c] * sum[COLUMNS / 2 + c];
}

static bool stands_out(const float power[BINS_A_LINE], double windows)
{
    double line = 0, side = 0, amplitude;

    for (int c = 0; c < BINS_A_LINE; c++) {
        if (c < LINE_BINS)
            line = fmax(line, power[c]);
        else
            side = fmax(side, power[c]);
    }
    /* A line of amplitude A gives |bin| = A · (sum of the window) / 2, and the sum is WINDOW / 2. */
    amplitude = sqrt(line / windows) / (WINDOW / 4.0);
    return line > least_ratio * side && amplitude > least_amplitude_mv;
}

unsigned mains_detect(const double *signal, size_t count)
{
    float power[COLUMNS / 2] = {0};
    size_t windows = 0;
    unsigned lines = 0;

    pthread_once(&wave_is_made, make_wave);
    for (size_t first = 0; first + WINDOW <= count; first += HOP, windows++)
        add_window(power, signal + first);
    if (windows == 0)
        return 0;
    if (stands_out(power, (double)windows))
        lines |= MAINS_50;
    if (stands_out(power + BINS_A_LINE, (double)windows))
        lines |= MAINS_60;
    return lines;
}

/* out = signal less the lines of the set. */
static void notched(double *out, const double *signal, size_t count, unsigned lines, double q, double *work)
{
    memcpy(out, signal, count * sizeof *out);
    for (int i = 0; i < 2; i++) {
        if (lines & (i == 0 ? MAINS_50 : MAINS_60)) {
            struct filter notch = filter_notch(i == 0 ? 50 : 60, q, SAMPLE_RATE_HZ);

            filter_zero_phase(&notch, out, count, MAINS_PADDING, work);
        }
    }
}

/* How much of the version with the set `lines` enters sample i: 1 inside its stretches, with ramps of a second at the
 * start of a stretch whose set differs from the one before. */
static void add_share(double *sum, const double *version, size_t count, const unsigned *lines, unsigned set)
{
    for (size_t stretch = 0; stretch < stretch_count(count); stretch++) {
        size_t begin = stretch * STRETCH_SAMPLES, end = stretch_end(count, stretch), i = begin;
        bool is_own = lines[stretch] == set, was_own = stretch == 0 ? is_own : lines[stretch - 1] == set;

        for (; is_own != was_own && i < begin + SAMPLE_RATE_HZ; i++) {
            double later = ((double)(i - begin) + 0.5) / SAMPLE_RATE_HZ;

            sum[i] += (is_own ? later : 1 - later) * version[i];
        }
        for (; is_own && i < end; i++)
            sum[i] += version[i];
    }
}

void mains_remove(double *signal, size_t count, const unsigned *lines, double notch_q, double *work)
{
    double *version = work, *sum = work + count;
    unsigned sets = 0; /* bit s: the set s occurs */

    for (size_t stretch = 0; stretch < stretch_count(count); stretch++)
        sets |= 1u << lines[stretch];
    if (sets == 1u << 0)
        return;
    memset(sum, 0, count * sizeof *sum);
    for (unsigned set = 0; set < 4; set++) {
        if (!(sets & 1u << set))
            continue;
        notched(version, signal, count, set, notch_q, work + 2 * count);
        add_share(sum, version, count, lines, set);
    }
    memcpy(signal, sum, count * sizeof *signal);
}
