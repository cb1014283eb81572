/* io/corpus/unpacker.h — the helper thread: checks stored chunks, undoes LZ4 and shuffle, and puts rows where they
 * belong.
 *
 * The main thread reads a chunk into a place of the bounded queue and goes on; this thread calls neither HDF5 nor MPI.
 */
#ifndef IO_CORPUS_UNPACKER_H
#define IO_CORPUS_UNPACKER_H

#include "io/corpus/lz4_filter.h"

/* Some rows of a span, and where their samples go. A record's rows are time-major, lead-minor; a span takes some leads.
 */
struct row_target {
    int16_t *tokens;  /* the span's first token: [seconds * leads, 300] */
    size_t first_row; /* counted from the span's first row in the record */
    size_t rows;
    uint16_t n_leads, leads;       /* of the record, of the span */
    int8_t column[MAX_SPAN_LEADS]; /* lead of the record → lead of the span; -1: not taken */
};

struct unpack_job {
    const char *path; /* borrowed, of the shard */
    uint64_t chunk, hash;
    size_t chunk_row; /* where in the chunk target's rows begin */
    struct row_target target;
    size_t batch; /* slot whose work this is part of */
    size_t bytes;
    unsigned char frame[FRAME_CAPACITY];
};

struct unpacker;

/* n_batches: batches that can be under way at a time. */
enum status unpacker_create(struct unpacker **out, size_t n_batches);
void unpacker_free(struct unpacker *unpacker); /* what is queued is thrown away */

/* A place to read the next chunk into; waits while the queue is full. unpacker_submit() hands it over. */
struct unpack_job *unpacker_next_job(struct unpacker *unpacker);
void unpacker_submit(struct unpacker *unpacker);

/* Waits until all of a batch's chunks are done; the first failure of any batch, with its message. */
enum status unpacker_wait(struct unpacker *unpacker, size_t batch);

/* Seconds the thread worked, seconds the caller waited for it. */
void unpacker_times(struct unpacker *unpacker, double *working, double *waited);

/* Rows that already lie in memory, one after another. */
void rows_copy(const struct row_target *target, const int16_t *rows);

#endif
