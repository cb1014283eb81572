/* io/corpus/loader.h — brings the samples of batches: parallel HDF5 reads ahead of use, LZ4 undone by a helper thread.
 *
 * The plan being common, ranks jointly open the shards of the next pool, close the last, and read; only the main thread
 * calls HDF5 and MPI. Both modes give the same bytes:
 *   independent  direct chunk reads (H5Dread_chunk) of the chunks this rank needs
 *   collective   one H5Dread a shard in which all ranks take part, empty selections join (MPI-IO aggregators, io.hints)
 * Every stored chunk is checked against its XXH64. Opens and bytes of each rank are counted. */
#ifndef IO_CORPUS_LOADER_H
#define IO_CORPUS_LOADER_H

#include "io/corpus/sampler.h"

enum read_mode { READ_INDEPENDENT, READ_COLLECTIVE };

struct loader_settings {
    enum read_mode mode;
    const char *io_hints; /* "key=value,key=value" for MPI_Info; NULL or "" for none */
    size_t batches_ahead; /* global batches read ahead; 0 = 2 */
};

struct loader_counts {
    uint64_t opens, bytes_read, bytes_stored;          /* shards opened; samples delivered; compressed bytes read */
    double read_seconds, unpack_seconds, wait_seconds; /* HDF5; LZ4 in the helper thread; main thread waiting for it */
};

struct loader;

/* Takes over `sampler`'s sequence (the caller keeps it alive and does not call sampler_next itself).
 * Collective. STATUS_CONFIG if micro_batches < world size. */
enum status loader_create(struct loader **out, const struct corpus *corpus, struct sampler *sampler,
                          const struct loader_settings *settings, const struct world *world);
void loader_free(struct loader *loader);

/* The next global batch: its plan (NULL at the end), the same on all ranks. Reads what this rank will need of it and of
 * the batches ahead. Collective, ends in agreement: a damaged chunk on one rank fails all. */
enum status loader_next(struct loader *loader, const struct batch_plan **plan);

/* Micro-batches of this rank in the current batch: rank, rank + R, … */
size_t loader_own_count(const struct loader *loader);
size_t loader_own_index(const struct loader *loader, size_t i); /* index m in the plan */

/* Samples of own micro-batch i in mV: float [tokens, 300], tokens of its spans one after another in the plan's order.
 * Valid until the next call of this or of loader_next(). Local. */
enum status loader_micro_batch(struct loader *loader, size_t i, const float **signal_mv);

struct loader_counts loader_counts(const struct loader *loader);

#endif
