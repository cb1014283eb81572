/* io/signal/quality.c — what the raw samples of a lead say about its worth, counted while they stream by. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/signal/steps.h"

enum {
    EXACT_SAMPLES = 1 << 17, /* up to here the samples are kept and the span is exact: 100 s at 1000 Hz and more */
    SPAN_BINS = 1 << 13,
    RAIL_RUN = 3, /* equal samples in a row that make an extreme value a rail */
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
                                    .top.sign = 1,
                                    .bottom.sign = -1};
    if (meter->is_exact)
        GROW_ARRAY(meter->kept, meter->kept_capacity, samples + 1);
    else if (meter->bins == NULL)
        meter->bins = NEW_ARRAY(uint64_t, SPAN_BINS);
    if (!meter->is_exact)
        memset(meter->bins, 0, SPAN_BINS * sizeof *meter->bins);
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

static void break_runs(struct quality_meter *meter)
{
    meter->constant = meter->top.run = meter->bottom.run = 0;
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

unsigned quality_meter_result(struct quality_meter *meter, double *span_mv)
{
    uint64_t invalid = meter->samples - meter->valid;
    double width = (double)meter->top.value - meter->bottom.value;
    unsigned flags = 0;

    *span_mv = 0;
    if (meter->valid == 0)
        return QUALITY_INVALID;
    *span_mv = middle_span(meter);
    if (2 * invalid > meter->samples)
        flags |= QUALITY_INVALID;
    else if (invalid > 0)
        flags |= QUALITY_PARTLY_INVALID;
    if (width <= flat_mv) {
        /* A lead that stands still at a rail is both; at 0 it is only flat. */
        return flags | QUALITY_FLAT | (100 * meter->beyond > meter->valid ? QUALITY_SATURATED : 0);
    }
    if ((double)meter->longest_constant > 2 * meter->rate_hz)
        flags |= QUALITY_PARTLY_FLAT;
    if (100 * meter->beyond > meter->valid ||
        (width >= least_rail_mv && 100 * (meter->top.held + meter->bottom.held) > meter->valid))
        flags |= QUALITY_SATURATED;
    if (*span_mv < 0.05 || *span_mv > 10)
        flags |= QUALITY_AMPLITUDE;
    return flags;
}
