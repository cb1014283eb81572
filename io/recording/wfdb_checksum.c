/* Checksums and first values of headers against the samples. A checksum is the low 16 bits of the sum of all samples of
 * a signal, as they stand in the file: before skew and averaging, missing samples with their mark. */
#include <inttypes.h>

#include "base/text.h"
#include "io/recording/wfdb.h"

/* What a header says of a channel, and what the samples say. */
struct sum {
    bool is_wanted;
    uint32_t sum;
    int32_t first;
};

static void add_channel(struct sum *sum, const struct wfdb_channel *channel, const struct wfdb_group *group,
                        const int32_t *frames, size_t count, bool is_start)
{
    for (size_t f = 0; f < count; f++) {
        const int32_t *samples = frames + f * group->frame_samples + channel->place;
        for (size_t k = 0; k < channel->samples_per_frame; k++)
            sum->sum += (uint32_t)(samples[k] == RECORDING_INVALID ? group->format->invalid : samples[k]);
    }
    if (is_start)
        sum->first = frames[channel->place] == RECORDING_INVALID ? group->format->invalid : frames[channel->place];
}

/* Of the channels of one file. */
static enum status sum_group(struct wfdb_state *state, const struct wfdb_segment *segment, size_t g, size_t n_leads,
                             struct sum *sums)
{
    struct wfdb_group *group = &state->files.groups[g];
    size_t step = wfdb_frames_at_a_time(&state->files);
    bool is_wanted = false;
    for (size_t i = 0; i < n_leads; i++)
        is_wanted |= sums[i].is_wanted && segment->channels[i].group == g;
    for (uint64_t done = 0; is_wanted && done < segment->frames;) {
        size_t part = segment->frames - done < step ? (size_t)(segment->frames - done) : step;
        enum status status = wfdb_group_read(group, done, part, state->frames);
        if (status != STATUS_OK)
            return status;
        for (size_t i = 0; i < n_leads; i++)
            if (sums[i].is_wanted && segment->channels[i].group == g)
                add_channel(&sums[i], &segment->channels[i], group, state->frames, part, done == 0);
        done += part;
    }
    return STATUS_OK;
}

/* True if the first value of the header is that of the file; the fields of formats up to 16 bits are 16 bits. */
static bool first_holds(const struct wfdb_signal *signal, int32_t first)
{
    const struct sample_format *format = sample_format_find(signal->format);
    if (format->coding == SAMPLES_DIFFERENCES) /* it is where the differences begin */
        return true;
    return format->bits <= 16 ? (uint16_t)signal->initial == (uint16_t)first
                              : (uint32_t)signal->initial == (uint32_t)first;
}

/* Compares one channel; *status keeps the first mismatch. */
static void compare(struct recording *recording, const struct wfdb_segment *segment, size_t lead_index,
                    const struct sum *sum, enum status *status)
{
    struct recording_lead *lead = &recording->leads[lead_index];
    const struct wfdb_signal *signal = &segment->header.signals[segment->channels[lead_index].signal];
    int16_t said = (int16_t)(uint16_t)signal->checksum, is = (int16_t)(uint16_t)sum->sum;
    if (said != is) {
        lead->checksum_fails = true;
        if (*status == STATUS_OK)
            *status = status_set(STATUS_DATA,
                                 "%s: lead %s: checksum mismatch: %d in the header, %d of the samples; restore the "
                                 "files or leave the record out",
                                 segment->part->path, lead->name, said, is);
    }
    if (signal->initial_given && !first_holds(signal, sum->first))
        recording_warn(recording, "%s: lead %s: first value is %" PRId64 " in the header, %d in the file",
                       base_name(segment->part->path), lead->name, signal->initial, sum->first);
}

static enum status verify_segment(struct wfdb_state *state, struct recording *recording, size_t index)
{
    enum status status;
    const struct wfdb_segment *segment = &state->segments[index];
    struct sum sums[RECORDING_MAX_LEADS] = {{0}};
    if (!segment->channels)
        return STATUS_OK;
    TRY(wfdb_open_segment(state, index));
    for (size_t i = 0; i < recording->n_leads; i++) {
        const struct wfdb_channel *channel = &segment->channels[i];
        /* samples of a file are read through also where the header gives no sum: a damaged FLAC stream shows so */
        sums[i].is_wanted = channel->is_there;
    }
    for (size_t g = 0; g < state->files.n_groups; g++)
        TRY(sum_group(state, segment, g, recording->n_leads, sums));
    for (size_t i = 0; i < recording->n_leads; i++)
        if (sums[i].is_wanted && !segment->checksums_mean_nothing &&
            segment->header.signals[segment->channels[i].signal].checksum_given)
            compare(recording, segment, i, &sums[i], &status);
    return status;
fail:
    return status;
}

enum status wfdb_verify(struct recording *recording)
{
    struct wfdb_state *state = recording->source->state;
    enum status first = STATUS_OK;
    char message[STATUS_MESSAGE_BYTES];
    for (size_t i = 0; i < recording->n_leads; i++)
        recording->leads[i].checksum_fails = false;
    for (size_t i = 0; i < state->n_segments; i++) {
        enum status status = verify_segment(state, recording, i);
        if (status != STATUS_OK && first == STATUS_OK) {
            first = status;
            copy_text(message, sizeof message, status_message());
        }
    }
    return first == STATUS_OK ? STATUS_OK : status_set(first, "%s", message);
}
