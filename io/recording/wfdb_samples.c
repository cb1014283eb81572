/* From frames of signal files to leads of one rate: skew taken out, several samples of a frame averaged or kept, gaps
 * filled with missing samples. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/recording/wfdb.h"

/* ---- files of a segment ---- */

size_t wfdb_frames_at_a_time(const struct wfdb_files *files)
{
    size_t count = WFDB_FRAME_MOST_SAMPLES / files->widest;
    return count < RECORDING_BLOCK ? count : RECORDING_BLOCK;
}

enum status wfdb_open_segment(struct wfdb_state *state, size_t index)
{
    struct wfdb_segment *segment = &state->segments[index];
    uint64_t frames = segment->frames;
    if (state->open_segment == index)
        return STATUS_OK;
    wfdb_files_close(&state->files);
    state->open_segment = state->n_segments;
    enum status status = wfdb_files_open(&state->files, segment->part, &segment->header, &frames);
    if (status != STATUS_OK) {
        wfdb_files_close(&state->files);
        return status;
    }
    segment->frames = frames;
    GROW_ARRAY(state->frames, state->frames_capacity, state->files.widest * (wfdb_frames_at_a_time(&state->files) + 1));
    state->open_segment = index;
    return STATUS_OK;
}

/* ---- one lead of some frames ---- */

/* Decoded frames of a group, and the samples of one lead that are wanted of them. */
struct stretch {
    const int32_t *frames;
    size_t frame_samples, n_frames;   /* n_frames: that are there, perhaps fewer than wanted */
    size_t rate_factor, first, count; /* samples [first, first + count) of the recording, from the first frame on */
};

/* Sample number i of the signal, from the first frame on. */
static int32_t sample_at(const struct stretch *stretch, const struct wfdb_channel *channel, size_t i)
{
    size_t frame = i / channel->samples_per_frame, inside = i % channel->samples_per_frame;
    return frame < stretch->n_frames ? stretch->frames[frame * stretch->frame_samples + channel->place + inside]
                                     : RECORDING_INVALID;
}

static void take_singles(int32_t *restrict adc, const struct stretch *stretch, const struct wfdb_channel *channel)
{
    const int32_t *restrict from = stretch->frames + channel->place + stretch->first * stretch->frame_samples;
    size_t there = stretch->n_frames > stretch->first ? stretch->n_frames - stretch->first : 0;
    there = there < stretch->count ? there : stretch->count;
    for (size_t i = 0; i < there; i++)
        adc[i] = from[i * stretch->frame_samples];
    for (size_t i = there; i < stretch->count; i++)
        adc[i] = RECORDING_INVALID;
}

/* The mean of those that are not missing, cut to a whole number as the WFDB library does. */
static void take_means(int32_t *adc, const struct stretch *stretch, const struct wfdb_channel *channel)
{
    size_t n = channel->samples_per_frame / stretch->rate_factor;
    for (size_t i = 0; i < stretch->count; i++) {
        int64_t sum = 0, valid = 0;
        for (size_t k = 0; k < n; k++) {
            int32_t value = sample_at(stretch, channel, (stretch->first + i) * n + k);
            sum += value == RECORDING_INVALID ? 0 : value;
            valid += value != RECORDING_INVALID;
        }
        adc[i] = valid ? (int32_t)(sum / valid) : RECORDING_INVALID;
    }
}

/* Straight lines between samples; behind the last one its value. */
static void take_lines(int32_t *adc, const struct stretch *stretch, const struct wfdb_channel *channel)
{
    for (size_t i = 0; i < stretch->count; i++) {
        size_t scaled = (stretch->first + i) * channel->samples_per_frame;
        size_t at = scaled / stretch->rate_factor, rest = scaled % stretch->rate_factor;
        int32_t left = sample_at(stretch, channel, at), right = left;
        if (rest && (at + 1) / channel->samples_per_frame < stretch->n_frames)
            right = sample_at(stretch, channel, at + 1);
        if (left == RECORDING_INVALID || right == RECORDING_INVALID)
            adc[i] = rest ? RECORDING_INVALID : left;
        else
            adc[i] = (int32_t)lround(left + ((double)right - left) * (double)rest / (double)stretch->rate_factor);
    }
}

static void scale_samples(int32_t *adc, size_t count, const struct wfdb_channel *channel)
{
    for (size_t i = 0; i < count; i++) {
        double value = channel->scale * adc[i] + channel->shift;
        value = value < -INT32_MAX ? -INT32_MAX : value > INT32_MAX ? INT32_MAX : value;
        adc[i] = adc[i] == RECORDING_INVALID ? RECORDING_INVALID : (int32_t)lround(value);
    }
}

static bool is_interpolated(const struct wfdb_channel *channel, size_t rate_factor)
{
    return channel->samples_per_frame % rate_factor != 0;
}

static void take_lead(int32_t *adc, const struct stretch *stretch, const struct wfdb_channel *channel)
{
    if (is_interpolated(channel, stretch->rate_factor))
        take_lines(adc, stretch, channel);
    else if (channel->samples_per_frame == 1)
        take_singles(adc, stretch, channel);
    else
        take_means(adc, stretch, channel);
    if (channel->is_scaled)
        scale_samples(adc, stretch->count, channel);
}

/* ---- all leads ---- */

/* Where samples go: those of lead i from adc + i * stride on. */
struct target {
    int32_t *adc;
    size_t stride, n_leads;
};

static bool are_decoded_together(const struct wfdb_channel *a, const struct wfdb_channel *b)
{
    return b->is_there && a->group == b->group && a->skew == b->skew;
}

/* True if a lead before stands in the same frames: they were decoded and taken with it. */
static bool is_taken(const struct wfdb_channel *channels, size_t lead)
{
    for (size_t i = 0; i < lead; i++)
        if (are_decoded_together(&channels[lead], &channels[i]))
            return true;
    return false;
}

/* Decodes the frames in which lead `first_lead` stands, for all leads that stand there. frame: of the segment. */
static enum status take_together(struct wfdb_state *state, const struct wfdb_segment *segment, size_t first_lead,
                                 uint64_t frame, size_t n_frames, struct stretch stretch, const struct target *target)
{
    const struct wfdb_channel *channels = segment->channels, *first = &channels[first_lead];
    struct wfdb_group *group = &state->files.groups[first->group];
    uint64_t begin = frame + first->skew, left = begin < segment->frames ? segment->frames - begin : 0;
    for (size_t i = first_lead; i < target->n_leads; i++)
        if (are_decoded_together(first, &channels[i]) && is_interpolated(&channels[i], state->rate_factor)) {
            n_frames++; /* a line ends in the next frame */
            break;
        }
    stretch.frames = state->frames;
    stretch.frame_samples = group->frame_samples;
    stretch.n_frames = n_frames < left ? n_frames : (size_t)left;
    if (stretch.n_frames > 0) {
        enum status status = wfdb_group_read(group, begin, stretch.n_frames, state->frames);
        if (status != STATUS_OK)
            return status;
    }
    for (size_t i = first_lead; i < target->n_leads; i++)
        if (are_decoded_together(first, &channels[i]))
            take_lead(target->adc + i * target->stride, &stretch, &channels[i]);
    return STATUS_OK;
}

static void fill_missing(int32_t *adc, size_t count)
{
    for (size_t i = 0; i < count; i++)
        adc[i] = RECORDING_INVALID;
}

/* Samples [first, first + count) of a segment whose files are open; count spans no more frames than are decoded at a
 * time. */
static enum status take_stretch(struct wfdb_state *state, const struct wfdb_segment *segment, uint64_t first,
                                size_t count, const struct target *target)
{
    size_t factor = state->rate_factor;
    uint64_t frame = first / factor;
    struct stretch stretch = {.rate_factor = factor, .first = (size_t)(first % factor), .count = count};
    size_t n_frames = (stretch.first + count + factor - 1) / factor;
    for (size_t i = 0; i < target->n_leads; i++) {
        enum status status = STATUS_OK;
        if (!segment->channels[i].is_there)
            fill_missing(target->adc + i * target->stride, count);
        else if (!is_taken(segment->channels, i))
            status = take_together(state, segment, i, frame, n_frames, stretch, target);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* The segment that holds a frame. */
static size_t find_segment(const struct wfdb_state *state, uint64_t frame)
{
    size_t low = 0, high = state->n_segments - 1;
    while (low < high) {
        size_t middle = (low + high + 1) / 2;
        if (state->segments[middle].first_frame <= frame)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

enum status wfdb_read(const struct recording *recording, uint64_t first, uint64_t count, int32_t *adc)
{
    enum status status;
    struct wfdb_state *state = recording->source->state;
    size_t factor = state->rate_factor;
    for (uint64_t done = 0; done < count;) {
        uint64_t at = first + done;
        size_t index = find_segment(state, at / factor);
        const struct wfdb_segment *segment = &state->segments[index];
        uint64_t inside = at - segment->first_frame * factor, left = segment->frames * factor - inside;
        struct target target = {adc + done, (size_t)count, recording->n_leads};
        left = left < count - done ? left : count - done;
        if (!segment->channels) {
            for (size_t i = 0; i < recording->n_leads; i++)
                fill_missing(target.adc + i * target.stride, (size_t)left);
        } else {
            TRY(wfdb_open_segment(state, index));
            uint64_t most = wfdb_frames_at_a_time(&state->files) * factor - inside % factor;
            left = left < most ? left : most;
            TRY(take_stretch(state, segment, inside, (size_t)left, &target));
        }
        done += left;
    }
    return STATUS_OK;
fail:
    return status;
}
