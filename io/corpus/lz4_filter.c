#include "io/corpus/lz4_filter.h"

#include <hdf5.h>
#include <lz4.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "io/corpus/hdf5_access.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "samples are stored and hashed as little-endian int16");

enum { HEADER_BYTES = 12, BLOCK_HEADER_BYTES = 4, LZ4_LARGEST_RATIO = 255 };
static const size_t largest_block = (size_t)1 << 30;

static void put_big_endian(unsigned char *bytes, uint64_t value, int count)
{
    while (count--) {
        bytes[count] = (unsigned char)value;
        value >>= 8;
    }
}

static uint64_t get_big_endian(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

size_t lz4_frame_bound(size_t bytes)
{
    return HEADER_BYTES + BLOCK_HEADER_BYTES + bytes + bytes / LZ4_LARGEST_RATIO + 16;
}

size_t lz4_frame_encode(unsigned char *frame, const void *data, size_t bytes)
{
    put_big_endian(frame, bytes, 8);
    put_big_endian(frame + 8, bytes, 4);
    if (bytes == 0)
        return HEADER_BYTES;
    unsigned char *block = frame + HEADER_BYTES;
    int room = (int)(lz4_frame_bound(bytes) - HEADER_BYTES - BLOCK_HEADER_BYTES);
    int packed = LZ4_compress_default(data, (char *)block + BLOCK_HEADER_BYTES, (int)bytes, room);
    if (packed <= 0 || (size_t)packed >= bytes) {
        memcpy(block + BLOCK_HEADER_BYTES, data, bytes);
        packed = (int)bytes;
    }
    put_big_endian(block, (uint64_t)packed, BLOCK_HEADER_BYTES);
    return HEADER_BYTES + BLOCK_HEADER_BYTES + (size_t)packed;
}

bool lz4_frame_decode(void *data, size_t bytes, const unsigned char *frame, size_t frame_bytes)
{
    if (frame_bytes < HEADER_BYTES || get_big_endian(frame, 8) != bytes)
        return false;
    size_t block_bytes = get_big_endian(frame + 8, 4), done = 0;
    const unsigned char *next = frame + HEADER_BYTES, *end = frame + frame_bytes;
    if (bytes > 0 && (block_bytes == 0 || block_bytes > largest_block))
        return false;
    while (done < bytes) {
        if ((size_t)(end - next) < BLOCK_HEADER_BYTES)
            return false;
        size_t size = bytes - done < block_bytes ? bytes - done : block_bytes;
        size_t packed = get_big_endian(next, BLOCK_HEADER_BYTES);
        next += BLOCK_HEADER_BYTES;
        if (packed > size || packed > (size_t)(end - next))
            return false;
        if (packed == size)
            memcpy((char *)data + done, next, size);
        else if (LZ4_decompress_safe((const char *)next, (char *)data + done, (int)packed, (int)size) != (int)size)
            return false;
        next += packed;
        done += size;
    }
    return next == end;
}

void shuffle_samples(unsigned char *restrict shuffled, const int16_t *restrict samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t sample = (uint16_t)samples[i];
        shuffled[i] = (unsigned char)sample;
        shuffled[count + i] = (unsigned char)(sample >> 8);
    }
}

void unshuffle_samples(int16_t *restrict samples, const unsigned char *restrict shuffled, size_t first, size_t count,
                       size_t total)
{
    const unsigned char *restrict low = shuffled + first, *restrict high = shuffled + total + first;
    for (size_t i = 0; i < count; i++)
        samples[i] = (int16_t)(uint16_t)(low[i] | high[i] << 8);
}

static struct frame_log *watching;

void lz4_filter_watch(struct frame_log *log)
{
    watching = log;
    if (log) {
        log->count = 0;
        log->bytes = 0;
    }
}

/* One direction of the filter: returns the new size of the data in *buffer, 0 on failure. */
static size_t undo(size_t bytes, size_t *buffer_bytes, void **buffer)
{
    const unsigned char *frame = *buffer;
    uint64_t size = bytes >= HEADER_BYTES ? get_big_endian(frame, 8) : 0;
    if (watching) {
        GROW_ARRAY(watching->hashes, watching->capacity, watching->count + 1);
        watching->hashes[watching->count++] = XXH64(frame, bytes, 0);
        watching->bytes += bytes;
        size = watching->chunk_bytes;
    }
    if (size == 0 || size / LZ4_LARGEST_RATIO > bytes) /* more than LZ4 can give from so few bytes */
        if (!watching)
            return 0;
    void *data = H5allocate_memory(size, false);
    if (!data)
        return 0;
    if (!lz4_frame_decode(data, size, frame, bytes)) {
        if (!watching) {
            H5free_memory(data);
            return 0;
        }
        memset(data, 0, size);
    }
    H5free_memory(*buffer);
    *buffer = data;
    *buffer_bytes = size;
    return size;
}

static size_t apply(size_t bytes, size_t *buffer_bytes, void **buffer)
{
    if (bytes == 0 || bytes > largest_block)
        return 0;
    size_t bound = lz4_frame_bound(bytes);
    unsigned char *frame = H5allocate_memory(bound, false);
    if (!frame)
        return 0;
    size_t size = lz4_frame_encode(frame, *buffer, bytes);
    H5free_memory(*buffer);
    *buffer = frame;
    *buffer_bytes = bound;
    return size;
}

static size_t filter(unsigned flags, size_t n_parameters, const unsigned parameters[], size_t bytes,
                     size_t *buffer_bytes, void **buffer)
{
    (void)n_parameters, (void)parameters; /* a block size: only the plug-in's writer has use for it */
    return flags & H5Z_FLAG_REVERSE ? undo(bytes, buffer_bytes, buffer) : apply(bytes, buffer_bytes, buffer);
}

enum status lz4_filter_register(void)
{
    static const H5Z_class2_t class = {
        .version = H5Z_CLASS_T_VERS,
        .id = LZ4_FILTER,
        .encoder_present = 1,
        .decoder_present = 1,
        .name = "LZ4 (anyecg)",
        .filter = filter,
    };
    enum status status;
    TRY_H5(H5Zregister(&class), STATUS_INTERNAL, "HDF5: LZ4 filter %d cannot be registered", LZ4_FILTER);
    return STATUS_OK;
fail:
    return status;
}
