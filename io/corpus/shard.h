/* io/corpus/shard.h — one shard file, open for reading.
 *
 * /signal int16 [rows, 300] in chunks of CHUNK_ROWS rows (shuffle, filter 32004), /chunks XXH64 of each stored chunk,
 * /records the immutable columns. Chunks are read as they are stored and undone by the caller, who checks the hash. */
#ifndef IO_CORPUS_SHARD_H
#define IO_CORPUS_SHARD_H

#include "comm/world.h"
#include "io/corpus/hdf5_access.h"
#include "io/corpus/lz4_filter.h"

/* Zeroed before the first use; keeps its array of hashes from one file to the next. */
struct shard {
    const char *path; /* borrowed */
    hid_t file, signal;
    uint64_t rows, n_chunks, bytes;
    uint64_t *chunk_hash; /* [n_chunks] */
    size_t capacity;
};

/* How a shard is opened by all ranks together. */
struct shard_access {
    hid_t file;     /* file access properties */
    hid_t dataset;  /* dataset access properties */
    hid_t transfer; /* of the read of /chunks */
};

/* Opens a shard that must have the size and the rows that the manifest gives. access NULL: serial, local. Otherwise
 * collective over the ranks of the access's communicator. STATUS_DAMAGED if it contradicts the format. */
enum status shard_open(struct shard *shard, const char *path, const struct shard_info *info,
                       const struct shard_access *access);
void shard_close(struct shard *shard);
void shard_free(struct shard *shard); /* closes, and frees the array of hashes */

/* Compares a shard file's size with the manifest, which finds missing and cut files without opening them. Local. */
enum status shard_check_size(const char *path, const struct shard_info *info);

/* One chunk as stored: frame[FRAME_CAPACITY], *bytes. Local. */
enum status shard_read_frame(struct shard *shard, uint64_t chunk, unsigned char *frame, size_t *bytes);

/* The frame's hash against the stored one, then the samples, still shuffled: shuffled[CHUNK_BYTES]. Needs no HDF5, may
 * run in any thread. STATUS_DAMAGED names the chunk. */
enum status chunk_undo(const char *path, uint64_t chunk, uint64_t expected_hash, const unsigned char *frame,
                       size_t bytes, unsigned char *shuffled);

#endif
