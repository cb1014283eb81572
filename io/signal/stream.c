/* io/signal/stream.c — one lead from raw samples to patches of 1 µV, block after block.
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
#include "io/signal/stream.h"

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

struct signal_work {
    double *values;
    size_t capacity;
};

/* Positions count samples at 300 Hz. */
struct signal_stream {
    struct signal_work *work;
    struct signal_recipe recipe;
    struct filter band;
    struct bridge *bridge;
    struct resampler *resampler;
    bool is_empty; /* no valid sample: all patches are zero */
    uint64_t total;
    size_t seconds, next_second;

    float *held; /* resampled samples from held_first on */
    uint64_t held_first;
    size_t held_count, held_capacity;
    int16_t *block; /* the samples from block_first on that are done */
    uint64_t block_first, block_end;
    size_t block_capacity;

    unsigned margin_lines[MARGIN_STRETCHES]; /* what was removed in the last stretches of the block before */
    uint64_t stretches, stretches_50, stretches_60;
};

struct signal_work *signal_work_create(void)
{
    return xcalloc(1, sizeof(struct signal_work));
}

void signal_work_free(struct signal_work *work)
{
    if (!work)
        return;
    free(work->values);
    free(work);
}

struct signal_stream *signal_stream_create(struct signal_work *work)
{
    struct signal_stream *stream = xcalloc(1, sizeof *stream);

    stream->work = work;
    stream->bridge = bridge_create();
    stream->resampler = resampler_create();
    return stream;
}

void signal_stream_free(struct signal_stream *stream)
{
    if (!stream)
        return;
    bridge_free(stream->bridge);
    resampler_free(stream->resampler);
    free(stream->held);
    free(stream->block);
    free(stream);
}

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

/* The lines to remove in each stretch of the piece signal[count], of which [begin, end) is the block. The stretches
 * before the block keep what was decided in their own block; only those of the block are counted. */
static void decide_lines(struct signal_stream *stream, const double *signal, unsigned *lines, size_t count,
                         size_t begin, size_t end)
{
    for (size_t stretch = 0; stretch < stretch_count(count); stretch++) {
        size_t from = stretch * STRETCH_SAMPLES, to = stretch_end(count, stretch);
        unsigned found;

        if (from < begin) {
            lines[stretch] = stream->margin_lines[stretch];
            continue;
        }
        found = mains_detect(signal + from, to - from);
        lines[stretch] = lines_to_remove(stream->recipe.notch, found);
        if (from < end) {
            memmove(stream->margin_lines, stream->margin_lines + 1, (MARGIN_STRETCHES - 1) * sizeof *lines);
            stream->margin_lines[MARGIN_STRETCHES - 1] = lines[stretch];
            stream->stretches++;
            stream->stretches_50 += (found & MAINS_50) != 0;
            stream->stretches_60 += (found & MAINS_60) != 0;
        }
    }
}

/* The most work space that a step needs: mains_remove takes two more arrays than its filter. */
static size_t piece_work_samples(size_t count)
{
    size_t filters = filter_work_samples(count, BAND_PADDING) + 2 * count, wavelets = denoise_work_samples(count);

    return filters > wavelets ? filters : wavelets;
}

/* Filters the piece signal[count], of which [begin, end) is the block. */
static void process_piece(struct signal_stream *stream, double *signal, size_t count, size_t begin, size_t end,
                          double *work)
{
    unsigned lines[MAX_STRETCHES];

    filter_zero_phase(&stream->band, signal, count, BAND_PADDING, work);
    decide_lines(stream, signal, lines, count, begin, end);
    mains_remove(signal, count, lines, stream->recipe.notch_q, work);
    if (stream->recipe.denoise)
        denoise_shrink(signal, count, work);
}

/* Brings the piece [first, end) into stream->held, of which the first part may be there already. */
static enum status hold_piece(struct signal_stream *stream, uint64_t first, uint64_t end)
{
    size_t gone = first - stream->held_first, wanted = end - first;
    enum status status;

    stream->held_count -= gone;
    memmove(stream->held, stream->held + gone, stream->held_count * sizeof *stream->held);
    stream->held_first = first;
    TRY(resampler_read(stream->resampler, stream->held + stream->held_count, wanted - stream->held_count));
    stream->held_count = wanted;
    return STATUS_OK;
fail:
    return status;
}

/* Rounds `count` samples to 1 µV. */
static void round_samples(int16_t *out, const double *mv, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double counts = 1000 * mv[i];

        counts = counts > -32767 ? counts : -32767;
        out[i] = (int16_t)lrint(counts < 32767 ? counts : 32767);
    }
}

/* Makes the block behind the last one. */
static enum status process_block(struct signal_stream *stream)
{
    uint64_t begin = stream->block_end, end = stream->total, piece_end = stream->total;
    uint64_t piece_begin = begin < MARGIN_SAMPLES ? 0 : begin - MARGIN_SAMPLES;
    double *signal = stream->work->values;
    size_t count;
    enum status status;

    if (stream->total - begin > LAST_BLOCK_SAMPLES) {
        end = begin + BLOCK_SAMPLES;
        piece_end = end + MARGIN_SAMPLES;
    }
    TRY(hold_piece(stream, piece_begin, piece_end));
    count = stream->held_count;
    for (size_t i = 0; i < count; i++)
        signal[i] = stream->held[i];
    process_piece(stream, signal, count, begin - piece_begin, end - piece_begin, signal + count);
    GROW_ARRAY(stream->block, stream->block_capacity, (size_t)(end - begin));
    round_samples(stream->block, signal + (begin - piece_begin), end - begin);
    stream->block_first = begin;
    stream->block_end = end;
    return STATUS_OK;
fail:
    return status;
}

enum status signal_stream_begin(struct signal_stream *stream, const struct signal_recipe *recipe, signal_source source,
                                void *context, uint64_t samples, double rate_hz, struct quality_meter *meter)
{
    struct signal_work *work = stream->work;
    size_t longest;
    enum status status;

    stream->seconds = stream->next_second = 0;
    TRY(check_arguments(recipe, rate_hz));
    TRY(bridge_begin(stream->bridge, source, context, samples, meter));
    stream->recipe = *recipe;
    stream->is_empty = bridge_is_empty(stream->bridge);
    stream->total = resampled_samples(samples, rate_hz);
    stream->held_first = stream->block_first = stream->block_end = 0;
    stream->held_count = 0;
    memset(stream->margin_lines, 0, sizeof stream->margin_lines);
    stream->stretches = stream->stretches_50 = stream->stretches_60 = 0;
    if (!stream->is_empty && samples > 0) {
        longest = stream->total < LONGEST_PIECE ? (size_t)stream->total : LONGEST_PIECE;
        GROW_ARRAY(stream->held, stream->held_capacity, longest);
        GROW_ARRAY(work->values, work->capacity, longest + piece_work_samples(longest));
        stream->band =
            filter_butterworth_bandpass((unsigned)recipe->order, recipe->low_hz, recipe->high_hz, SAMPLE_RATE_HZ);
        TRY(resampler_begin(stream->resampler, stream->bridge, rate_hz));
    }
    stream->seconds = signal_seconds(samples, rate_hz);
    return STATUS_OK;
fail:
    return status;
}

enum status signal_stream_next(struct signal_stream *stream, size_t seconds, int16_t *out, size_t stride, size_t *got)
{
    size_t left = stream->seconds - stream->next_second;
    enum status status;

    *got = 0;
    for (size_t i = 0; i < seconds && i < left; i++) {
        uint64_t first = (uint64_t)stream->next_second * PATCH_SAMPLES, there = 0;
        int16_t *patch = out + i * stride;

        /* A block begins at a whole second, and only the last one ends elsewhere. */
        if (!stream->is_empty && first >= stream->block_end && first < stream->total)
            TRY(process_block(stream));
        if (first < stream->block_end)
            there = stream->block_end - first < PATCH_SAMPLES ? stream->block_end - first : PATCH_SAMPLES;
        if (there > 0)
            memcpy(patch, stream->block + (first - stream->block_first), there * sizeof *patch);
        memset(patch + there, 0, (PATCH_SAMPLES - there) * sizeof *patch);
        stream->next_second++;
        (*got)++;
    }
    return STATUS_OK;
fail:
    return status;
}

enum status signal_stream_finish(struct signal_stream *stream)
{
    return bridge_finish(stream->bridge);
}

double signal_stream_mains_hz(const struct signal_stream *stream)
{
    uint64_t found = stream->stretches_50 > stream->stretches_60 ? stream->stretches_50 : stream->stretches_60;

    if (2 * found <= stream->stretches)
        return 0;
    return found == stream->stretches_50 ? 50 : 60;
}
