#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "io/corpus/corpus.h"
#include "io/corpus/shard.h"

/* All rows of a record from an open shard: samples int16 [rows, 300]. */
static enum status read_rows(struct shard *shard, const struct corpus_record *record, int16_t *samples)
{
    enum status status;
    unsigned char *frame = xmalloc(FRAME_CAPACITY), *shuffled = xmalloc(CHUNK_BYTES);
    uint64_t rows = (uint64_t)record->seconds * record->n_leads, first_chunk = record->first_row / CHUNK_ROWS;
    for (uint64_t done = 0; done < rows; done += CHUNK_ROWS) {
        uint64_t chunk = first_chunk + done / CHUNK_ROWS, take = rows - done < CHUNK_ROWS ? rows - done : CHUNK_ROWS;
        size_t bytes;
        TRY(shard_read_frame(shard, chunk, frame, &bytes));
        TRY(chunk_undo(shard->path, chunk, shard->chunk_hash[chunk], frame, bytes, shuffled));
        unshuffle_samples(samples + done * PATCH_SAMPLES, shuffled, 0, take * PATCH_SAMPLES, CHUNK_SAMPLES);
    }
    status = STATUS_OK;
fail:
    free(shuffled);
    free(frame);
    return status;
}

enum status corpus_read_record(const struct corpus *corpus, size_t index, int16_t **out)
{
    enum status status;
    const struct corpus_record *record = &corpus->records[index];
    const struct shard_info *info = &corpus->shards[record->shard];
    const char *path = corpus->shard_paths[record->shard];
    struct shard shard = {0};
    int16_t *samples = NULL;
    /* corpus_check() made sure that these rows lie in the shard, shard_open() that the shard can have so many. */
    size_t bytes = (size_t)record->seconds * record->n_leads * PATCH_SAMPLES * sizeof *samples;
    TRY(shard_check_size(path, info));
    TRY(shard_open(&shard, path, info, NULL));
    samples = xmalloc(bytes);
    TRY(read_rows(&shard, record, samples));
    uint64_t hash = XXH64(samples, bytes, 0);
    REQUIRE(hash == record->content, STATUS_DAMAGED,
            "%s: record '%s': XXH64 of its samples is %016" PRIx64 ", the index says %016" PRIx64
            "; copy shard and index again from where the corpus came",
            path, record->name, hash, record->content);
    *out = samples;
    samples = NULL;
    status = STATUS_OK;
fail:
    free(samples);
    shard_free(&shard);
    return status;
}
