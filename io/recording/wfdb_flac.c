/* FLAC streams as signal files (formats 508, 516, 524), decoded by libFLAC block after block. A stream may expand a
 * thousand times; no more than one block of it (65535 samples of 8 channels at most) is held. */
#include <FLAC/stream_decoder.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/recording/wfdb.h"

enum { SKIPPED_BY_DECODING = 1 << 16 }; /* samples; a stretch farther ahead is looked for by a seek */

struct wfdb_flac {
    FLAC__StreamDecoder *decoder;
    const char *path; /* for messages */
    const uint8_t *bytes;
    uint64_t count, place; /* of the bytes */
    struct wfdb_flac_shape shape;
    bool has_shape, is_damaged;
    int32_t *block; /* [block_samples, channels] */
    size_t block_capacity;
    uint64_t block_first;
    size_t block_samples; /* 0: none is held */
};

/* ---- what libFLAC calls ---- */

static FLAC__StreamDecoderReadStatus give_bytes(const FLAC__StreamDecoder *decoder, FLAC__byte buffer[], size_t *bytes,
                                                void *client)
{
    struct wfdb_flac *flac = client;
    uint64_t left = flac->count - flac->place;
    (void)decoder;
    *bytes = *bytes < left ? *bytes : (size_t)left;
    memcpy(buffer, flac->bytes + flac->place, *bytes);
    flac->place += *bytes;
    return *bytes ? FLAC__STREAM_DECODER_READ_STATUS_CONTINUE : FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM;
}

static FLAC__StreamDecoderSeekStatus move_place(const FLAC__StreamDecoder *decoder, FLAC__uint64 place, void *client)
{
    struct wfdb_flac *flac = client;
    (void)decoder;
    if (place > flac->count)
        return FLAC__STREAM_DECODER_SEEK_STATUS_ERROR;
    flac->place = place;
    return FLAC__STREAM_DECODER_SEEK_STATUS_OK;
}

static FLAC__StreamDecoderTellStatus tell_place(const FLAC__StreamDecoder *decoder, FLAC__uint64 *place, void *client)
{
    const struct wfdb_flac *flac = client;
    (void)decoder;
    *place = flac->place;
    return FLAC__STREAM_DECODER_TELL_STATUS_OK;
}

static FLAC__StreamDecoderLengthStatus tell_length(const FLAC__StreamDecoder *decoder, FLAC__uint64 *length,
                                                   void *client)
{
    const struct wfdb_flac *flac = client;
    (void)decoder;
    *length = flac->count;
    return FLAC__STREAM_DECODER_LENGTH_STATUS_OK;
}

static FLAC__bool is_at_end(const FLAC__StreamDecoder *decoder, void *client)
{
    const struct wfdb_flac *flac = client;
    (void)decoder;
    return flac->place == flac->count;
}

static FLAC__StreamDecoderWriteStatus take_block(const FLAC__StreamDecoder *decoder, const FLAC__Frame *frame,
                                                 const FLAC__int32 *const channels[], void *client)
{
    struct wfdb_flac *flac = client;
    const FLAC__FrameHeader *header = &frame->header;
    size_t n = flac->shape.channels;
    (void)decoder;
    if (!flac->has_shape || header->channels != n || header->bits_per_sample != flac->shape.bits) {
        flac->is_damaged = true;
        return FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
    }
    GROW_ARRAY(flac->block, flac->block_capacity, (size_t)header->blocksize * n);
    for (size_t c = 0; c < n; c++)
        for (size_t i = 0; i < header->blocksize; i++)
            flac->block[i * n + c] = channels[c][i];
    flac->block_first = header->number.sample_number; /* libFLAC counts samples also where the stream counts blocks */
    flac->block_samples = header->blocksize;
    return FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE;
}

static void take_metadata(const FLAC__StreamDecoder *decoder, const FLAC__StreamMetadata *metadata, void *client)
{
    struct wfdb_flac *flac = client;
    (void)decoder;
    if (metadata->type != FLAC__METADATA_TYPE_STREAMINFO || flac->has_shape)
        return;
    const FLAC__StreamMetadata_StreamInfo *info = &metadata->data.stream_info;
    flac->shape = (struct wfdb_flac_shape){info->channels, info->bits_per_sample, info->total_samples};
    flac->has_shape = true;
}

static void take_error(const FLAC__StreamDecoder *decoder, FLAC__StreamDecoderErrorStatus error, void *client)
{
    struct wfdb_flac *flac = client;
    (void)decoder;
    (void)error;
    flac->is_damaged = true;
}

/* ---- opening ---- */

static bool is_at_end_of_stream(const struct wfdb_flac *flac)
{
    return FLAC__stream_decoder_get_state(flac->decoder) == FLAC__STREAM_DECODER_END_OF_STREAM;
}

/* The next block to flac->block; false: the stream ends or is damaged. */
static bool next_block(struct wfdb_flac *flac)
{
    flac->block_samples = 0;
    while (flac->block_samples == 0 && !is_at_end_of_stream(flac))
        if (!FLAC__stream_decoder_process_single(flac->decoder) || flac->is_damaged)
            return false;
    return flac->block_samples > 0;
}

static bool rewind_stream(struct wfdb_flac *flac)
{
    flac->block_samples = 0;
    return FLAC__stream_decoder_reset(flac->decoder) &&
           FLAC__stream_decoder_process_until_end_of_metadata(flac->decoder) && !flac->is_damaged;
}

static enum status damaged(const struct wfdb_flac *flac, uint64_t sample)
{
    return status_set(STATUS_DATA,
                      "%s: FLAC stream is damaged or ends at sample %" PRIu64
                      " of each signal; restore the file or leave the record out",
                      flac->path, sample);
}

/* Of a stream made through a pipe: its header holds 0 samples. No more than `wanted` (0: all) are counted: each of many
 * segments of a file opens it. */
static enum status count_samples(struct wfdb_flac *flac, uint64_t wanted)
{
    enum status status;
    uint64_t end = 0;
    while ((wanted == 0 || end < wanted) && next_block(flac))
        end = flac->block_first + flac->block_samples;
    bool is_counted = (wanted > 0 && end >= wanted) || is_at_end_of_stream(flac);
    REQUIRE(!flac->is_damaged && is_counted && rewind_stream(flac), STATUS_DATA,
            "%s: FLAC stream is damaged behind sample %" PRIu64 " of each signal; restore the file", flac->path, end);
    flac->shape.samples = wanted > 0 && end > wanted ? wanted : end;
    return STATUS_OK;
fail:
    return status;
}

enum status wfdb_flac_open(struct wfdb_flac **out, struct wfdb_flac_shape *shape, const uint8_t *bytes, uint64_t count,
                           uint64_t wanted, const char *path)
{
    enum status status;
    struct wfdb_flac *flac = xcalloc(1, sizeof *flac);
    flac->path = path;
    flac->bytes = bytes;
    flac->count = count;
    flac->decoder = FLAC__stream_decoder_new();
    REQUIRE(flac->decoder, STATUS_INTERNAL, "%s: no memory for a FLAC decoder", path);
    REQUIRE(FLAC__stream_decoder_init_stream(flac->decoder, give_bytes, move_place, tell_place, tell_length, is_at_end,
                                             take_block, take_metadata, take_error,
                                             flac) == FLAC__STREAM_DECODER_INIT_STATUS_OK,
            STATUS_INTERNAL, "%s: the FLAC decoder cannot be started", path);
    REQUIRE(count >= 4 && memcmp(bytes, "fLaC", 4) == 0 &&
                FLAC__stream_decoder_process_until_end_of_metadata(flac->decoder) && flac->has_shape &&
                !flac->is_damaged,
            STATUS_DATA, "%s: is not a FLAC stream; restore the file or correct the format in the header", path);
    if (flac->shape.samples == 0)
        TRY(count_samples(flac, wanted));
    *shape = flac->shape;
    *out = flac;
    return STATUS_OK;
fail:
    wfdb_flac_close(flac);
    return status;
}

void wfdb_flac_close(struct wfdb_flac *flac)
{
    if (!flac)
        return;
    if (flac->decoder)
        FLAC__stream_decoder_delete(flac->decoder);
    free(flac->block);
    free(flac);
}

/* ---- samples ---- */

/* Makes flac->block hold sample `at`. A seek that fails is no fault yet: the stream is decoded from its start. */
static enum status hold_sample(struct wfdb_flac *flac, uint64_t at)
{
    uint64_t end = flac->block_first + flac->block_samples;
    if (flac->block_samples == 0 || at < flac->block_first || at >= end + SKIPPED_BY_DECODING) {
        flac->block_samples = 0;
        bool is_found = at > 0 && FLAC__stream_decoder_seek_absolute(flac->decoder, at) && !flac->is_damaged;
        if (!is_found && (flac->is_damaged || !rewind_stream(flac)))
            return damaged(flac, at);
    }
    while (flac->block_samples == 0 || flac->block_first + flac->block_samples <= at)
        if (!next_block(flac))
            return damaged(flac, at);
    return flac->block_first <= at ? STATUS_OK : damaged(flac, at);
}

enum status wfdb_flac_read(struct wfdb_flac *flac, uint64_t first, size_t count, int32_t *samples)
{
    size_t n = flac->shape.channels;
    for (size_t done = 0; done < count;) {
        enum status status = hold_sample(flac, first + done);
        if (status != STATUS_OK)
            return status;
        size_t inside = (size_t)(first + done - flac->block_first), left = flac->block_samples - inside;
        size_t part = left < count - done ? left : count - done;
        memcpy(samples + done * n, flac->block + inside * n, part * n * sizeof *samples);
        done += part;
    }
    return STATUS_OK;
}
