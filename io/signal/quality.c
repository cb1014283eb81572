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
    double sign; /* +1: the greatest value, −1: the least */
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
    float *recent; /* [NOISE_ORDER · lag] the last samples, in a ring */
    size_t lag, recent_capacity, recent_place;
    uint64_t in_row; /* valid samples since the last invalid one */
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
                                    .top.sign = 1,
                                    .bottom.sign = -1};
    if (meter->is_exact)
        GROW_ARRAY(meter->kept, meter->kept_capacity, samples + 1);
    else if (meter->bins == NULL)
        meter->bins = NEW_ARRAY(uint64_t, SPAN_BINS);
    if (!meter->is_exact)
        memset(meter->bins, 0, SPAN_BINS * sizeof *meter->bins);
    GROW_ARRAY(meter->recent, meter->recent_capacity, NOISE_ORDER * meter->lag);
}

static inline void rail_add(struct rail *rail, float mv, bool is_first)
{
    double beyond = is_first ? 1 : rail->sign * ((double)mv - rail->value);

    if (beyond < 0) {
        rail->run = 0;
    } else if (beyond > 0) {
        rail->value = mv;
        rail->held = 0;
        rail->run = 1;
    } else {
        rail->run++;
        if (rail->run >= RAIL_RUN)
            rail->held += rail->run == RAIL_RUN ? RAIL_RUN : 1;
    }
}

static inline void constant_run_add(struct quality_meter *meter, float mv)
{
    if (meter->constant == 0 || fabs((double)mv - meter->anchor) > flat_mv) {
        meter->anchor = mv;
        meter->constant = 0;
    }
    meter->constant++;
    if (meter->constant > meter->longest_constant)
        meter->longest_constant = meter->constant;
}

/* The sample `lags` lags ago. */
static inline float earlier(const struct quality_meter *meter, size_t lags)
{
    size_t place = meter->recent_place + (NOISE_ORDER - lags) * meter->lag;

    return meter->recent[place < NOISE_ORDER * meter->lag ? place : place - NOISE_ORDER * meter->lag];
}

static inline void noise_add(struct quality_meter *meter, float mv)
{
    if (meter->in_row >= NOISE_ORDER * meter->lag) {
        float difference =
            fabsf(mv - 4 * earlier(meter, 1) + 6 * earlier(meter, 2) - 4 * earlier(meter, 3) + earlier(meter, 4));
        uint32_t bits;
        int64_t bin;

        memcpy(&bits, &difference, sizeof bits);
        bin = (int64_t)(bits >> 19) - NOISE_FIRST_BIN;
        meter->noise_bins[bin < 0 ? 0 : bin < NOISE_BINS ? bin : NOISE_BINS - 1]++;
    }
    meter->recent[meter->recent_place] = mv;
    meter->recent_place = meter->recent_place + 1 < NOISE_ORDER * meter->lag ? meter->recent_place + 1 : 0;
    meter->in_row++;
}

static void break_runs(struct quality_meter *meter)
{
    meter->constant = meter->top.run = meter->bottom.run = meter->in_row = 0;
}

void quality_meter_add(struct quality_meter *meter, const float *mv, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        meter->samples++;
        if (!sample_is_valid(mv[i])) {
            break_runs(meter);
            continue;
        }
        if (meter->valid == 0)
            meter->first = mv[i];
        rail_add(&meter->top, mv[i], meter->valid == 0);
        rail_add(&meter->bottom, mv[i], meter->valid == 0);
        constant_run_add(meter, mv[i]);
        noise_add(meter, mv[i]);
        meter->beyond += fabsf(mv[i]) > (float)output_rail_mv;
        if (meter->is_exact) {
            meter->kept[meter->valid] = mv[i];
        } else {
            double bin = floor(((double)mv[i] - meter->first) / bin_mv) + SPAN_BINS / 2;

            meter->bins[(size_t)fmin(fmax(bin, 0), SPAN_BINS - 1)]++;
        }
        meter->valid++;
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
