/* Frames of one signal file, whatever it is packed in. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "io/recording/wfdb.h"

/* ---- FLAC ---- */

/* Fewer bytes than this hold no block, and no block more than 65535 samples: what a stream says of its length can be
 * compared with the size of the file. */
enum { FLAC_LEAST_BLOCK_BYTES = 10, FLAC_MOST_BLOCK_SAMPLES = 65535 };

static enum status open_flac(struct wfdb_group *group, uint64_t frames, const char *path)
{
    enum status status;
    struct wfdb_flac_shape shape;
    uint64_t a_frame = (uint64_t)group->signals[0].samples_per_frame, wanted = 0; /* all, also if it is beyond all */
    if (frames > 0 && frames <= WFDB_MOST_SAMPLES && group->offset <= WFDB_MOST_SAMPLES)
        wanted = group->offset + frames * a_frame;
    TRY(wfdb_flac_open(&group->flac, &shape, group->map, group->bytes, wanted, group->path));
    REQUIRE(shape.channels == group->n_signals, STATUS_DATA,
            "%s: signal file %s: FLAC stream has %u channels, the header names %zu signals in it; restore the files",
            path, group->path, shape.channels, group->n_signals);
    REQUIRE(shape.bits <= (unsigned)group->format->bits, STATUS_DATA,
            "%s: signal file %s: FLAC stream has samples of %u bits, format %d has %d at most; correct the header",
            path, group->path, shape.bits, group->format->number, group->format->bits);
    REQUIRE(shape.samples / FLAC_MOST_BLOCK_SAMPLES <= group->bytes / FLAC_LEAST_BLOCK_BYTES, STATUS_DATA,
            "%s: signal file %s: FLAC stream says %" PRIu64 " samples, a file of %" PRIu64
            " bytes cannot hold them; restore it",
            path, group->path, shape.samples, group->bytes);
    REQUIRE(group->offset <= shape.samples, STATUS_DATA,
            "%s: signal file %s: sample offset %" PRIu64 " in the header, but there are %" PRIu64
            " samples; correct the header",
            path, group->path, group->offset, shape.samples);
    group->flac_samples = shape.samples - group->offset;
    return STATUS_OK;
fail:
    return status;
}

/* A FLAC stream has a sample of each signal in turn; a frame has all samples of a signal, then those of the next. */
static enum status read_flac(struct wfdb_group *group, uint64_t first, size_t count, int32_t *frames)
{
    size_t n = group->n_signals, per_frame = group->frame_samples / n;
    enum status status = wfdb_flac_read(group->flac, group->offset + first * per_frame, count * per_frame, frames);
    if (status != STATUS_OK)
        return status;
    int32_t *frame = per_frame > 1 ? NEW_ARRAY(int32_t, group->frame_samples) : NULL;
    for (size_t f = 0; frame && f < count; f++) {
        int32_t *target = frames + f * group->frame_samples;
        memcpy(frame, target, group->frame_samples * sizeof *frame);
        for (size_t k = 0; k < per_frame; k++)
            for (size_t s = 0; s < n; s++)
                target[s * per_frame + k] = frame[k * n + s];
    }
    free(frame);
    for (size_t i = 0; i < count * group->frame_samples; i++)
        if (frames[i] == group->format->invalid)
            frames[i] = RECORDING_INVALID;
    return STATUS_OK;
}

/* ---- differences ---- */

enum { STEP = 4096 }; /* frames between the values that are kept, so that reading may begin anywhere */

static void keep_sums(struct wfdb_group *group, const int32_t *values)
{
    GROW_ARRAY(group->sums, group->sums_capacity, (group->n_sums + 1) * group->n_signals);
    memcpy(group->sums + group->n_sums * group->n_signals, values, group->n_signals * sizeof *values);
    group->n_sums++;
}

/* Adds the differences of one frame to the values of the signals; writes the samples if frame is not NULL. Values may
 * run over in a hostile file: they are added as unsigned. */
static void add_frame(const struct wfdb_group *group, const uint8_t *bytes, int32_t *values, int32_t *frame)
{
    for (size_t s = 0, i = 0; s < group->n_signals; s++)
        for (int64_t k = 0; k < group->signals[s].samples_per_frame; k++, i++) {
            values[s] = (int32_t)((uint32_t)values[s] + (uint32_t)(int8_t)bytes[i]);
            if (frame)
                frame[i] = values[s];
        }
}

static void read_differences(struct wfdb_group *group, uint64_t first, size_t count, int32_t *frames)
{
    int32_t values[RECORDING_MAX_LEADS];
    uint64_t step = first / STEP < group->n_sums ? first / STEP : group->n_sums - 1;
    memcpy(values, group->sums + step * group->n_signals, group->n_signals * sizeof *values);
    for (uint64_t at = step * STEP; at < first + count; at++) {
        const uint8_t *bytes = group->map + group->offset + at * group->frame_samples;
        if (at == group->n_sums * (uint64_t)STEP)
            keep_sums(group, values);
        add_frame(group, bytes, values, at < first ? NULL : frames + (at - first) * group->frame_samples);
    }
}

/* ---- all ---- */

enum status wfdb_group_open(struct wfdb_group *group, uint64_t frames, const char *path)
{
    int32_t initial[RECORDING_MAX_LEADS];
    if (group->format->coding == SAMPLES_FLAC)
        return open_flac(group, frames, path);
    if (group->format->coding == SAMPLES_DIFFERENCES) {
        for (size_t s = 0; s < group->n_signals; s++)
            initial[s] = (int32_t)(uint32_t)group->signals[s].initial;
        keep_sums(group, initial);
    }
    return STATUS_OK;
}

uint64_t wfdb_group_frames(const struct wfdb_group *group)
{
    uint64_t samples;
    if (group->format->coding == SAMPLES_FLAC)
        samples = group->flac_samples * group->n_signals;
    else
        samples = group->bytes > group->offset ? group->format->capacity(group->bytes - group->offset) : 0;
    return samples / group->frame_samples;
}

/* A recording of a day is read several times: pages of the file that were read go out of memory again. */
static void let_go(struct wfdb_group *group, uint64_t bytes)
{
    enum { MOST_BYTES_HELD = 16 << 20 };
    group->bytes_read += bytes;
    if (group->bytes <= MOST_BYTES_HELD || group->bytes_read <= MOST_BYTES_HELD)
        return;
    madvise((void *)(uintptr_t)group->map, group->bytes, MADV_DONTNEED);
    group->bytes_read = 0;
}

enum status wfdb_group_read(struct wfdb_group *group, uint64_t first, size_t count, int32_t *frames)
{
    if (group->format->coding == SAMPLES_FLAC)
        return read_flac(group, first, count, frames);
    if (group->format->coding == SAMPLES_DIFFERENCES)
        read_differences(group, first, count, frames);
    else
        group->format->decode(frames, group->map + group->offset, first * group->frame_samples,
                              count * group->frame_samples);
    let_go(group, (uint64_t)count * group->frame_samples * sizeof *frames);
    return STATUS_OK;
}

void wfdb_group_close(struct wfdb_group *group)
{
    wfdb_flac_close(group->flac);
    free(group->sums);
    free(group->path);
}
