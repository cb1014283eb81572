/* io/corpus/loader_internal.h — what loader.c (batches, read ahead) and loader_read.c (the two ways to read) share. */
#ifndef IO_CORPUS_LOADER_INTERNAL_H
#define IO_CORPUS_LOADER_INTERNAL_H

#include "io/corpus/loader.h"
#include "io/corpus/open_shards.h"
#include "io/corpus/unpacker.h"

/* A batch that is current or read ahead. */
struct slot {
    struct batch_plan plan; /* with arrays of its own */
    struct span *spans;
    size_t spans_capacity;
    size_t *micro_first;  /* [micro_batches + 1] */
    size_t *own_first;    /* [own_count + 1]: first token in `rows` of each own micro-batch */
    int16_t *rows;        /* [own tokens, 300] */
    size_t rows_capacity; /* in samples */
};

/* Rows [first, first + count) of a shard, and where they lie in the buffer of a joint read. */
struct row_range {
    uint64_t first, count;
};

struct loader {
    const struct corpus *corpus;
    struct sampler *sampler;
    const struct world *world;
    enum read_mode mode;
    size_t micro_batches, own_count;
    struct open_shards open;
    struct unpacker *unpacker;
    struct slot *slots; /* ring */
    size_t n_slots, current, n_filled;
    bool has_current, ended;
    enum status failed;
    char message[STATUS_MESSAGE_BYTES];
    uint64_t batches; /* fetched so far */
    uint32_t *shards; /* of the batch being fetched */
    size_t n_shards, shards_capacity;
    uint64_t *shard_batch; /* [corpus->n_shards]: 1 + the batch that listed it last */
    float *signal_mv;      /* [limits.tokens, 300] */
    struct loader_counts counts;
    /* of joint reads */
    struct frame_log frames;
    struct row_range *ranges;
    size_t n_ranges, ranges_capacity;
    int16_t *joint_rows; /* [rows of the largest shard, 300], mapped: only what was just read is in memory */
    size_t joint_bytes;
};

/* Each own span of a slot: calls visit(loader, slot_number, span, its tokens). Stops at the first failure. */
typedef enum status (*span_visitor)(struct loader *loader, size_t slot, const struct span *span, int16_t *tokens,
                                    void *context);
enum status loader_each_own_span(struct loader *loader, size_t slot, span_visitor visit, void *context);

/* Direct chunk reads of this rank's spans; the helper thread does the rest. Local. */
enum status loader_read_independent(struct loader *loader, size_t slot);

/* One H5Dread a shard listed in loader->shards. Collective; a rank that failed still takes part in every read. */
enum status loader_read_collective(struct loader *loader, size_t slot);

#endif
