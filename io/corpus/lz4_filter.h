/* io/corpus/lz4_filter.h — how a chunk of samples is stored: byte shuffle, then the frame of HDF5 filter 32004 (LZ4).
 *
 * The writer and the loader make and undo these frames themselves (H5Dwrite_chunk, H5Dread_chunk), which is faster than
 * the filter pipeline and may happen in a thread that must not call HDF5. The same code is registered as filter 32004,
 * so that reading through HDF5 needs no plug-in; h5py with hdf5-filter-plugin reads the same samples.
 *
 * Frame: size of the data (8 bytes, big endian), block size (4), then for each block its compressed size (4) and bytes;
 * a block that did not shrink is stored as it is, with a compressed size equal to its size. */
#ifndef IO_CORPUS_LZ4_FILTER_H
#define IO_CORPUS_LZ4_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/status.h"
#include "io/corpus/corpus.h"

enum {
    LZ4_FILTER = 32004, /* registered with The HDF Group */
    CHUNK_SAMPLES = CHUNK_ROWS * PATCH_SAMPLES,
    CHUNK_BYTES = CHUNK_SAMPLES * 2,
    FRAME_CAPACITY = 72 * 1024, /* holds the frame of any chunk, also one that did not shrink */
};

/* Bytes that the frame of `bytes` of data may need. */
size_t lz4_frame_bound(size_t bytes);

/* Makes a frame of one block; returns its size. frame: [lz4_frame_bound(bytes)]; bytes is at most 1 GiB. */
size_t lz4_frame_encode(unsigned char *frame, const void *data, size_t bytes);

/* Undoes a frame that must hold exactly `bytes` of data. False if anything in it contradicts that; then data is
 * undefined, but nothing outside of it was touched. */
bool lz4_frame_decode(void *data, size_t bytes, const unsigned char *frame, size_t frame_bytes);

/* HDF5's shuffle of 2-byte elements: all low bytes, then all high bytes. shuffled: [2 * count]. */
void shuffle_samples(unsigned char *restrict shuffled, const int16_t *restrict samples, size_t count);

/* Samples [first, first + count) out of `total` shuffled ones. */
void unshuffle_samples(int16_t *restrict samples, const unsigned char *restrict shuffled, size_t first, size_t count,
                       size_t total);

/* Registers filter 32004 with HDF5. */
enum status lz4_filter_register(void);

/* While a log is set, the filter notes the XXH64 of every frame that it undoes, and gives zeros instead of failing: in
 * a collective read a rank that failed would leave the others waiting, so damage is found afterwards from the hashes.
 * chunk_bytes: what a frame must hold. Grows as needed. NULL ends it. Main thread only. */
struct frame_log {
    uint64_t *hashes;
    size_t count, capacity, chunk_bytes;
    uint64_t bytes; /* of the frames */
};
void lz4_filter_watch(struct frame_log *log);

#endif
