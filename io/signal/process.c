/* io/signal/process.c — one lead from raw samples to patches of 1 µV, in blocks.
 *
 * Reading and resampling stream once through the lead. The other steps work on pieces: a block of 60 s with 20 s of the
 * lead on both sides, of which only the block is kept; the time constant of the band-pass is 2.3 s, so what the end of
 * a piece does has faded to e^−9. When 100 s or less are left they are one block, so a lead of up to 100 s is one piece
 * and what comes out is the plain definition, without blocks. Blocks, stretches of 10 s and the grid of the wavelets
 * (8 samples) all begin at whole multiples from the start of the lead: a block gives the same bits however long the
 * lead goes on behind its margin.
 *
 * Edges of a lead: constant for the resampler; turned about the end point for the band-pass (10 s) and the notch (2 s);
 * mirrored for the wavelets. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/signal/steps.h"

enum {
    BLOCK_SAMPLES = 60 * SAMPLE_RATE_HZ,
    MARGIN_SAMPLES = 20 * SAMPLE_RATE_HZ,
    LAST_BLOCK_SAMPLES = 100 * SAMPLE_RATE_HZ,
    LONGEST_PIECE = MARGIN_SAMPLES + LAST_BLOCK_SAMPLES,
    MAX_STRETCHES = LONGEST_PIECE / STRETCH_SAMPLES,
    MARGIN_STRETCHES = MARGIN_SAMPLES / STRETCH_SAMPLES,
    BAND_PADDING = STRETCH_SAMPLES,
};

/* A lead on its way. Positions count samples at 300 Hz. */
struct lead {
    const struct signal_recipe *recipe;
    struct filter band;
    struct resampler *resampler;
    uint64_t total;
    float *held; /* resampled samples from held_first on */
    uint64_t held_first;
    size_t held_count;
    double *signal, *work;
    unsigned margin_lines[MARGIN_STRETCHES]; /* what was removed in the last stretches of the block before */
    uint64_t stretches, stretches_50, stretches_60;
};

static enum status check_arguments(const struct signal_recipe *recipe, double rate_hz)
{
    enum status status;

    REQUIRE(recipe->version == 1, STATUS_CONFIG, "signal recipe: version %d: this program knows version 1",
            recipe->version);
    REQUIRE(recipe->low_hz > 0 && recipe->low_hz < recipe->high_hz && recipe->high_hz < SAMPLE_RATE_HZ / 2.0,
            STATUS_CONFIG, "signal recipe: band %g to %g Hz: must be 0 < low < high < %d", recipe->low_hz,
            recipe->high_hz, SAMPLE_RATE_HZ / 2);
    REQUIRE(recipe->order >= 1 && recipe->order <= MAX_FILTER_ORDER, STATUS_CONFIG,
            "signal recipe: order %d: must be 1 to %d", recipe->order, MAX_FILTER_ORDER);
    REQUIRE(recipe->notch >= NOTCH_NONE && recipe->notch <= NOTCH_BOTH, STATUS_CONFIG,
            "signal recipe: notch %d: must be none, detect, 50, 60 or both", (int)recipe->notch);
    REQUIRE(recipe->notch_q >= 1 && recipe->notch_q <= 1000, STATUS_CONFIG,
            "signal recipe: notch_q %g: must be 1 to 1000", recipe->notch_q);
    REQUIRE(rate_hz >= 10 && rate_hz <= 100000, STATUS_DATA,
            "sampling rate %g Hz: must be 10 to 100000; correct the header or leave the recording out", rate_hz);
    return STATUS_OK;
fail:
    return status;
}

/* What the recipe does about the lines that were found. */
static unsigned lines_to_remove(enum notch_mode mode, unsigned found)
{
    switch (mode) {
    case NOTCH_NONE:
        return 0;
    case NOTCH_50:
        return MAINS_50;
    case NOTCH_60:
        return MAINS_60;
    case NOTCH_BOTH:
        return MAINS_50 | MAINS_60;
    case NOTCH_DETECT:
        break;
    }
    return found;
}

/* The lines to remove in each stretch of the piece lead->signal[count], of which [begin, end) is the block. The
 * stretches before the block keep what was decided in their own block; only those of the block are counted. */
static void decide_lines(struct lead *lead, unsigned *lines, size_t count, size_t begin, size_t end)
{
    for (size_t stretch = 0; stretch < stretch_count(count); stretch++) {
        size_t from = stretch * STRETCH_SAMPLES, to = stretch_end(count, stretch);
        unsigned found;

        if (from < begin) {
            lines[stretch] = lead->margin_lines[stretch];
            continue;
        }
        found = mains_detect(lead->signal + from, to - from);
        lines[stretch] = lines_to_remove(lead->recipe->notch, found);
        if (from < end) {
            memmove(lead->margin_lines, lead->margin_lines + 1, (MARGIN_STRETCHES - 1) * sizeof *lines);
            lead->margin_lines[MARGIN_STRETCHES - 1] = lines[stretch];
            lead->stretches++;
            lead->stretches_50 += (found & MAINS_50) != 0;
            lead->stretches_60 += (found & MAINS_60) != 0;
        }
    }
}

/* Filters the piece lead->signal[count], of which [begin, end) is the block. */
static void process_piece(struct lead *lead, size_t count, size_t begin, size_t end)
{
    unsigned lines[MAX_STRETCHES];

    filter_zero_phase(&lead->band, lead->signal, count, BAND_PADDING, lead->work);
    decide_lines(lead, lines, count, begin, end);
    mains_remove(lead->signal, count, lines, lead->recipe->notch_q, lead->work);
    if (lead->recipe->denoise)
        denoise_shrink(lead->signal, count);
}

/* Rounds `count` samples from number `first` of the lead into its patches; what lies behind the last patch is left. */
static void write_patches(int16_t *out, size_t stride, size_t seconds, uint64_t first, const double *mv, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t second = (first + i) / PATCH_SAMPLES;
        double microvolts = fmin(fmax(1000 * mv[i], -32767), 32767);

        if (second >= seconds)
            return;
        out[second * stride + (first + i) % PATCH_SAMPLES] = (int16_t)lrint(microvolts);
    }
}

/* Brings the piece [first, end) into lead->held, of which the first part may be there already. */
static enum status hold_piece(struct lead *lead, uint64_t first, uint64_t end)
{
    size_t gone = first - lead->held_first, wanted = end - first;
    enum status status;

    lead->held_count -= gone;
    memmove(lead->held, lead->held + gone, lead->held_count * sizeof *lead->held);
    lead->held_first = first;
    TRY(resampler_read(lead->resampler, lead->held + lead->held_count, wanted - lead->held_count));
    lead->held_count = wanted;
    return STATUS_OK;
fail:
    return status;
}

static enum status process_blocks(struct lead *lead, int16_t *out, size_t stride, size_t seconds)
{
    enum status status;

    for (uint64_t begin = 0, end; begin < lead->total; begin = end) {
        uint64_t piece_begin = begin < MARGIN_SAMPLES ? 0 : begin - MARGIN_SAMPLES, piece_end = lead->total;
        size_t count;

        end = lead->total;
        if (lead->total - begin > LAST_BLOCK_SAMPLES) {
            end = begin + BLOCK_SAMPLES;
            piece_end = end + MARGIN_SAMPLES;
        }
        TRY(hold_piece(lead, piece_begin, piece_end));
        count = lead->held_count;
        for (size_t i = 0; i < count; i++)
            lead->signal[i] = lead->held[i];
        process_piece(lead, count, begin - piece_begin, end - piece_begin);
        write_patches(out, stride, seconds, begin, lead->signal + (begin - piece_begin), end - begin);
    }
    return STATUS_OK;
fail:
    return status;
}

static void clear_patches(int16_t *out, size_t stride, size_t seconds)
{
    for (size_t second = 0; second < seconds; second++)
        memset(out + second * stride, 0, PATCH_SAMPLES * sizeof *out);
}

static double most_found_line(const struct lead *lead)
{
    uint64_t found = lead->stretches_50 > lead->stretches_60 ? lead->stretches_50 : lead->stretches_60;

    if (2 * found <= lead->stretches)
        return 0;
    return found == lead->stretches_50 ? 50 : 60;
}

enum status signal_process(const struct signal_recipe *recipe, signal_source source, void *context, uint64_t samples,
                           double rate_hz, int16_t *out, size_t stride, struct signal_result *result)
{
    struct lead lead = {.recipe = recipe};
    struct quality_meter *meter = NULL;
    struct bridge *bridge = NULL;
    size_t capacity;
    enum status status;

    *result = (struct signal_result){0};
    TRY(check_arguments(recipe, rate_hz));
    result->seconds = signal_seconds(samples, rate_hz);
    clear_patches(out, stride, result->seconds);
    meter = quality_meter_create(samples, rate_hz);
    TRY(bridge_open(&bridge, source, context, samples, meter));
    if (!bridge_is_empty(bridge) && result->seconds > 0) {
        lead.band =
            filter_butterworth_bandpass((unsigned)recipe->order, recipe->low_hz, recipe->high_hz, SAMPLE_RATE_HZ);
        lead.total = resampled_samples(samples, rate_hz);
        capacity = lead.total < LONGEST_PIECE ? lead.total : LONGEST_PIECE;
        lead.held = NEW_ARRAY(float, capacity);
        lead.signal = NEW_ARRAY(double, capacity);
        lead.work = NEW_ARRAY(double, filter_work_samples(capacity, BAND_PADDING) + 2 * capacity);
        TRY(resampler_open(&lead.resampler, bridge, rate_hz));
        TRY(process_blocks(&lead, out, stride, result->seconds));
    }
    TRY(bridge_finish(bridge));
    result->quality = quality_meter_result(meter, &result->span_mv);
    result->mains_hz = most_found_line(&lead);
    if (result->quality & QUALITY_FLAT)
        clear_patches(out, stride, result->seconds);
    status = STATUS_OK;
fail:
    resampler_close(lead.resampler);
    bridge_close(bridge);
    quality_meter_free(meter);
    free(lead.held);
    free(lead.signal);
    free(lead.work);
    return status;
}

struct array_source {
    const float *mv;
};

static enum status read_array(void *context, uint64_t first, uint64_t count, float *mv)
{
    const struct array_source *array = context;

    memcpy(mv, array->mv + first, count * sizeof *mv);
    return STATUS_OK;
}

enum status signal_process_array(const struct signal_recipe *recipe, const float *mv, uint64_t samples, double rate_hz,
                                 int16_t *out, size_t stride, struct signal_result *result)
{
    struct array_source array = {mv};

    return signal_process(recipe, read_array, &array, samples, rate_hz, out, stride, result);
}
