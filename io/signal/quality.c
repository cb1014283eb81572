/* io/signal/quality.c — what the raw samples of a lead say about its worth, counted while they stream by. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/signal/quality.h"
#include "io/signal/steps.h"

enum {
    EXACT_SAMPLES = 1 << 17, /* up to here the samples are kept and the span is exact: 100 s at 1000 Hz and more */
    SPAN_BINS = 1 << 13,
    MOST_RATE = 1000000, /* Hz; what is above it is refused later, and must not size anything here */
    RAIL_RUN = 3,        /* equal samples in a row that make an extreme value a rail */
    NOISE_ORDER = 4,
    /* Bins of |fourth difference|: 16 an octave, cut out of the bits of a float, from 2^-20 to 2^12 mV. */
    NOISE_BINS = 32 * 16,
    NOISE_FIRST_BIN = (127 - 20) * 16,
};
static const double flat_mv = 0.00101;  /* 1 µV, and what rounding to float adds */
static const double bin_mv = 0.01;      /* histogram: ±41 mV about the first valid sample */
static const double tail_share = 0.005; /* cut off on each side of the middle 99 % */
static const double least_rail_mv = 1;  /* an extreme closer than this to the other one is a quiet lead, not a rail */
static const double output_rail_mv = 32.767;
static const double wild_mv = 1e6;

/* Samples that stand at an extreme value; a value beyond it starts anew. */
struct rail {
    float sign; /* +1: the greatest value, −1: the least */
    float value;
    uint64_t held, run; /* samples in runs of RAIL_RUN and more; length of the run that is under way */
};

struct quality_meter {
    double rate_hz;
    uint64_t samples, valid, beyond;
    float first;   /* the first valid sample */
    bool is_exact; /* a short lead, whose samples are kept */
    float *kept;   /* the valid ones */
    size_t kept_capacity;
    uint64_t *bins;          /* [SPAN_BINS] of a long lead */
    struct rail top, bottom; /* `value` of these is the greatest and the least sample */
    float anchor;            /* where the constant run that is under way began */
    uint64_t constant, longest_constant;
    /* Fourth differences x[n] − 4 x[n − lag] + 6 x[n − 2 lag] − …, which pass most at 75 Hz and little of the heart. */
    float *recent; /* [2 · NOISE_ORDER · lag] the last samples, in front, and room for as many */
    size_t lag, recent_capacity;
    size_t in_row; /* of them, no invalid one between */
    uint64_t noise_bins[NOISE_BINS];
};

bool sample_is_valid(float mv)
{
    return fabsf(mv) <= (float)wild_mv; /* false for NaN */
}

struct quality_meter *quality_meter_create(void)
{
    return xcalloc(1, sizeof(struct quality_meter));
}

void quality_meter_free(struct quality_meter *meter)
{
    if (meter == NULL)
        return;
    free(meter->kept);
    free(meter->recent);
    free(meter->bins);
    free(meter);
}

void quality_meter_begin(struct quality_meter *meter, uint64_t samples, double rate_hz)
{
    *meter = (struct quality_meter){.rate_hz = rate_hz,
                                    .is_exact = samples <= EXACT_SAMPLES,
                                    .kept = meter->kept,
                                    .kept_capacity = meter->kept_capacity,
                                    .bins = meter->bins,
                                    .recent = meter->recent,
                                    .recent_capacity = meter->recent_capacity,
                                    .lag = rate_hz > 225 && rate_hz < MOST_RATE ? (size_t)lround(rate_hz / 150) : 1,
                                    .top = {.sign = 1, .value = -INFINITY},
                                    .bottom = {.sign = -1, .value = INFINITY}};
    if (meter->is_exact)
        GROW_ARRAY(meter->kept, meter->kept_capacity, samples + 1);
    else if (meter->bins == NULL)
        meter->bins = NEW_ARRAY(uint64_t, SPAN_BINS);
    if (!meter->is_exact)
        memset(meter->bins, 0, SPAN_BINS * sizeof *meter->bins);
    GROW_ARRAY(meter->recent, meter->recent_capacity, 2 * NOISE_ORDER * meter->lag);
}

static inline struct rail rail_after(struct rail rail, const float *mv, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float beyond = rail.sign * mv[i], edge = rail.sign * rail.value;

        if (beyond < edge) {
            rail.run = 0;
        } else if (beyond > edge) {
            rail.value = mv[i];
            rail.held = 0;
            rail.run = 1;
        } else {
            rail.run++;
            if (rail.run >= RAIL_RUN)
                rail.held += rail.run == RAIL_RUN ? RAIL_RUN : 1;
        }
    }
    return rail;
}

static void add_constant_runs(struct quality_meter *meter, const float *mv, size_t count)
{
    uint64_t constant = meter->constant, longest = meter->longest_constant;
    float anchor = meter->anchor;

    for (size_t i = 0; i < count; i++) {
        if (constant == 0 || fabs((double)mv[i] - anchor) > flat_mv) {
            anchor = mv[i];
            constant = 0;
        }
        constant++;
        if (constant > longest)
            longest = constant;
    }
    meter->anchor = anchor;
    meter->constant = constant;
    meter->longest_constant = longest;
}

/* Bins |fourth differences| of `count` samples, of which mv[-4 lag] is the first that is looked at. */
static void bin_noise(uint64_t *bins, const float *mv, size_t count, ptrdiff_t lag)
{
    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {
        float difference = fabsf(mv[i] - 4 * mv[i - lag] + 6 * mv[i - 2 * lag] - 4 * mv[i - 3 * lag] + mv[i - 4 * lag]);
        uint32_t bits;
        int32_t bin;

        memcpy(&bits, &difference, sizeof bits);
        bin = (int32_t)(bits >> 19) - NOISE_FIRST_BIN;
        bins[bin < 0 ? 0 : bin < NOISE_BINS ? bin : NOISE_BINS - 1]++;
    }
}

static void add_noise(struct quality_meter *meter, const float *mv, size_t count)
{
    size_t span = NOISE_ORDER * meter->lag, head = count < span ? count : span, kept = meter->in_row;

    /* Behind what came before, so that the first differences of these samples lie in one piece. */
    memcpy(meter->recent + kept, mv, head * sizeof *mv);
    if (kept + head > span)
        bin_noise(meter->noise_bins, meter->recent + span, kept + head - span, (ptrdiff_t)meter->lag);
    if (count > span)
        bin_noise(meter->noise_bins, mv + span, count - span, (ptrdiff_t)meter->lag);
    meter->in_row = kept + count < span ? kept + count : span;
    if (count >= span)
        memcpy(meter->recent, mv + count - span, span * sizeof *mv);
    else
        memmove(meter->recent, meter->recent + kept + count - meter->in_row, meter->in_row * sizeof *mv);
}

static void add_histogram(struct quality_meter *meter, const float *mv, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double bin = floor(((double)mv[i] - meter->first) / bin_mv) + SPAN_BINS / 2;

        meter->bins[(size_t)fmin(fmax(bin, 0), SPAN_BINS - 1)]++;
    }
}

/* Samples in a row that are all valid: a pass for each measure, since each then stays in registers. */
static void add_valid(struct quality_meter *meter, const float *mv, size_t count)
{
    size_t beyond = 0;

    if (meter->valid == 0)
        meter->first = mv[0];
    meter->top = rail_after(meter->top, mv, count);
    meter->bottom = rail_after(meter->bottom, mv, count);
    add_constant_runs(meter, mv, count);
    add_noise(meter, mv, count);
    for (size_t i = 0; i < count; i++)
        beyond += fabsf(mv[i]) > (float)output_rail_mv;
    meter->beyond += beyond;
    if (meter->is_exact)
        memcpy(meter->kept + meter->valid, mv, count * sizeof *mv);
    else
        add_histogram(meter, mv, count);
    meter->valid += count;
}

static void break_runs(struct quality_meter *meter)
{
    meter->constant = meter->top.run = meter->bottom.run = meter->in_row = 0;
}

void quality_meter_add(struct quality_meter *meter, const float *mv, size_t count)
{
    meter->samples += count;
    for (size_t i = 0, end; i < count; i = end) {
        end = i;
        while (end < count && sample_is_valid(mv[end]))
            end++;
        if (end > i)
            add_valid(meter, mv + i, end - i);
        if (end < count)
            break_runs(meter);
        while (end < count && !sample_is_valid(mv[end]))
            end++;
    }
}

/* The bin that holds the sample of this rank, counted from the least. */
static size_t bin_of_rank(const struct quality_meter *meter, uint64_t rank)
{
    uint64_t below = 0;
    size_t bin = 0;

    while (bin + 1 < SPAN_BINS && below + meter->bins[bin] <= rank)
        below += meter->bins[bin++];
    return bin;
}

static double middle_span(struct quality_meter *meter)
{
    uint64_t low = (uint64_t)(tail_share * (double)(meter->valid - 1)), high = meter->valid - 1 - low;
    float least;

    if (!meter->is_exact)
        return bin_mv * (double)(bin_of_rank(meter, high) - bin_of_rank(meter, low));
    least = select_kth(meter->kept, meter->valid, low);
    return (double)select_kth(meter->kept + low, meter->valid - low, high - low) - least;
}

/* The samples at the rails, or beyond what the output can hold. */
static double clipped_percent(const struct quality_meter *meter, double width)
{
    uint64_t held = width >= least_rail_mv ? meter->top.held + meter->bottom.held : 0;

    return 100.0 * (double)(held > meter->beyond ? held : meter->beyond) / (double)meter->valid;
}

/* The median of |fourth difference| stands for the noise: QRS complexes are too rare to move it. White noise of
 * standard deviation σ has fourth differences of σ·sqrt(1 + 16 + 36 + 16 + 1). */
static double noise(const struct quality_meter *meter)
{
    uint64_t total = 0, below = 0;
    size_t bin = 0;

    for (size_t i = 0; i < NOISE_BINS; i++)
        total += meter->noise_bins[i];
    if (total == 0 || meter->noise_bins[0] > total / 2)
        return 0;
    while (below + meter->noise_bins[bin] <= total / 2)
        below += meter->noise_bins[bin++];
    /* The middle of the bin: an octave has 16 of equal width. */
    return ldexp(1 + ((double)(bin % 16) + 0.5) / 16, (int)(bin / 16) - 20) / 0.6745 / sqrt(70);
}

void quality_meter_measures(struct quality_meter *meter, struct lead_measures *measures)
{
    double width = (double)meter->top.value - meter->bottom.value;

    *measures = (struct lead_measures){.invalid_percent = 100};
    if (meter->valid == 0)
        return;
    *measures = (struct lead_measures){
        .span_mv = middle_span(meter),
        .width_mv = width,
        .noise_mv = noise(meter),
        .invalid_percent = 100.0 * (double)(meter->samples - meter->valid) / (double)meter->samples,
        .clipped_percent = clipped_percent(meter, width),
        .constant_s = (double)meter->longest_constant / meter->rate_hz,
        .is_flat = width <= flat_mv,
    };
}

unsigned quality_meter_result(struct quality_meter *meter, double *span_mv)
{
    struct quality_limits limits = quality_limits_default();
    struct lead_measures measures;

    quality_meter_measures(meter, &measures);
    *span_mv = measures.span_mv;
    return quality_lead_flags(&measures, &limits);
}
