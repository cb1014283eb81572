/* io/signal/filter.c — runs a chain of second-order sections forward and backward over a signal. */
#include <assert.h>

#include "io/signal/steps.h"

/* The memory of each section: what it would hold after a constant input of 1 had gone on for ever
 * (scipy.signal.sosfilt_zi). */
static void steady_state(const struct filter *filter, double state[][2])
{
    double level = 1; /* what arrives at the section */

    for (size_t s = 0; s < filter->n_sections; s++) {
        const double *b = filter->section[s].b, *a = filter->section[s].a;
        double out = level * (b[0] + b[1] + b[2]) / (a[0] + a[1] + a[2]);

        state[s][0] = out - b[0] * level;
        state[s][1] = b[2] * level - a[2] * out;
        level = out;
    }
}

/* One section over `count` samples from `x` on, each next one `step` (±1) further, in place. */
static void run_section(const struct filter_section *section, const double state[2], double level, double *x,
                        size_t count, ptrdiff_t step)
{
    double b0 = section->b[0], b1 = section->b[1], b2 = section->b[2], a1 = section->a[1], a2 = section->a[2];
    double first = state[0] * level, second = state[1] * level;

    for (size_t i = 0; i < count; i++, x += step) {
        double in = *x, out = b0 * in + first;

        first = b1 * in - a1 * out + second;
        second = b2 * in - a2 * out;
        *x = out;
    }
}

/* Two sections in one loop: the recursion of one waits for its own last result, the other works meanwhile. */
static void run_two_sections(const struct filter_section *section, double state[][2], double level, double *x,
                             size_t count, ptrdiff_t step)
{
    const struct filter_section p = section[0], q = section[1];
    double p1 = state[0][0] * level, p2 = state[0][1] * level, q1 = state[1][0] * level, q2 = state[1][1] * level;

    for (size_t i = 0; i < count; i++, x += step) {
        double in = *x, between = p.b[0] * in + p1, out = q.b[0] * between + q1;

        p1 = p.b[1] * in - p.a[1] * between + p2;
        p2 = p.b[2] * in - p.a[2] * between;
        q1 = q.b[1] * between - q.a[1] * out + q2;
        q2 = q.b[2] * between - q.a[2] * out;
        *x = out;
    }
}

static void run_chain(const struct filter *filter, double state[][2], double *x, size_t count, ptrdiff_t step)
{
    double level = *x;
    size_t s = 0;

    for (; s + 1 < filter->n_sections; s += 2)
        run_two_sections(&filter->section[s], &state[s], level, x, count, step);
    if (s < filter->n_sections)
        run_section(&filter->section[s], state[s], level, x, count, step);
}

size_t filter_work_samples(size_t count, size_t padding)
{
    return count + 2 * padding;
}

void filter_zero_phase(const struct filter *filter, double *signal, size_t count, size_t padding, double *work)
{
    double state[MAX_FILTER_ORDER][2];
    size_t pad = padding < count - 1 ? padding : count - 1, total = count + 2 * pad;
    double first, last;

    assert(count > 0);
    first = signal[0];
    last = signal[count - 1];
    for (size_t i = 0; i < pad; i++) {
        work[i] = 2 * first - signal[pad - i];
        work[pad + count + i] = 2 * last - signal[count - 2 - i];
    }
    for (size_t i = 0; i < count; i++)
        work[pad + i] = signal[i];
    steady_state(filter, state);
    run_chain(filter, state, work, total, 1);
    /* The way back ends at the first sample of the signal: nothing is needed of the padding before it. */
    run_chain(filter, state, work + total - 1, count + pad, -1);
    for (size_t i = 0; i < count; i++)
        signal[i] = work[pad + i];
}
