/* io/corpus/open_shards.h — the shards that all ranks have open together.
 *
 * Which shards are opened and closed follows from the plans of batches, which all ranks know; so these collective calls
 * meet without a message. A shard stays open until others of the next pools need its place. */
#ifndef IO_CORPUS_OPEN_SHARDS_H
#define IO_CORPUS_OPEN_SHARDS_H

#include "io/corpus/loader.h"
#include "io/corpus/shard.h"

struct open_shard {
    struct shard shard;
    uint32_t number;
    uint64_t last_used; /* batch */
};

struct open_shards {
    const struct corpus *corpus;
    const struct world *world;
    struct shard_access access;
    hid_t read_transfer; /* of /signal through the filters: collective, or default without MPI */
    struct open_shard *entries;
    size_t count, capacity;
    uint64_t opens;
};

/* Collective. io_hints as in struct loader_settings: STATUS_CONFIG if it cannot be read. */
enum status open_shards_create(struct open_shards *open, const struct corpus *corpus, const struct world *world,
                               enum read_mode mode, const char *io_hints);
void open_shards_close(struct open_shards *open); /* collective */

/* Makes all of these shards open; numbers must be the same on all ranks. Collective, ends in agreement. */
enum status open_shards_require(struct open_shards *open, const uint32_t *numbers, size_t count, uint64_t batch);

/* An open one. */
struct shard *open_shards_find(struct open_shards *open, uint32_t number);

#endif
