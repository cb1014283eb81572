/* Records read one at a time: whole, or second after second. */
#include "io/corpus/read_record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "io/corpus/shard.h"

enum { NO_SHARD = UINT32_MAX };

struct record_reader {
    const struct corpus *corpus;
    struct shard shard;
    uint32_t shard_number; /* that is open, or NO_SHARD */
    const struct corpus_record *record;
    uint64_t rows, next_row; /* of the record */
    bool has_chunk;
    uint64_t chunk; /* of the shard, in `samples` */
    XXH64_state_t *hash;
    int16_t samples[CHUNK_SAMPLES];
    unsigned char frame[FRAME_CAPACITY], shuffled[CHUNK_BYTES];
};

struct record_reader *record_reader_create(const struct corpus *corpus)
{
    struct record_reader *reader = xcalloc(1, sizeof *reader);
    reader->corpus = corpus;
    reader->shard_number = NO_SHARD;
    reader->hash = XXH64_createState();
    return reader;
}

void record_reader_free(struct record_reader *reader)
{
    if (!reader)
        return;
    shard_free(&reader->shard);
    XXH64_freeState(reader->hash);
    free(reader);
}

enum status record_reader_begin(struct record_reader *reader, size_t index)
{
    enum status status = STATUS_OK;
    const struct corpus *corpus = reader->corpus;
    const struct corpus_record *record = &corpus->records[index];
    const struct shard_info *info = &corpus->shards[record->shard];
    const char *path = corpus->shard_paths[record->shard];

    reader->record = NULL;
    if (reader->shard_number != record->shard) {
        shard_close(&reader->shard);
        reader->shard_number = NO_SHARD;
        TRY(shard_check_size(path, info));
        TRY(shard_open(&reader->shard, path, info, NULL));
        reader->shard_number = record->shard;
    }
    reader->record = record;
    reader->rows = (uint64_t)record->seconds * record->n_leads;
    reader->next_row = 0;
    reader->has_chunk = false;
    XXH64_reset(reader->hash, 0);
fail:
    return status;
}

static enum status hold_chunk(struct record_reader *reader, uint64_t chunk)
{
    enum status status;
    size_t bytes;
    if (reader->has_chunk && reader->chunk == chunk)
        return STATUS_OK;
    reader->has_chunk = false;
    TRY(shard_read_frame(&reader->shard, chunk, reader->frame, &bytes));
    TRY(chunk_undo(reader->shard.path, chunk, reader->shard.chunk_hash[chunk], reader->frame, bytes, reader->shuffled));
    unshuffle_samples(reader->samples, reader->shuffled, 0, CHUNK_SAMPLES, CHUNK_SAMPLES);
    reader->chunk = chunk;
    reader->has_chunk = true;
fail:
    return status;
}

enum status record_reader_next(struct record_reader *reader, uint32_t seconds, int16_t *samples)
{
    enum status status;
    const struct corpus_record *record = reader->record;
    /* corpus_check() made sure that these rows lie in the shard. */
    uint64_t end = reader->next_row + (uint64_t)seconds * record->n_leads;
    REQUIRE(end <= reader->rows, STATUS_DATA, "%s: record '%s': seconds behind its end were asked for",
            reader->shard.path, record->name);
    while (reader->next_row < end) {
        uint64_t row = record->first_row + reader->next_row, inside = row % CHUNK_ROWS;
        uint64_t take = CHUNK_ROWS - inside < end - reader->next_row ? CHUNK_ROWS - inside : end - reader->next_row;
        size_t count = (size_t)take * PATCH_SAMPLES;
        TRY(hold_chunk(reader, row / CHUNK_ROWS));
        memcpy(samples, reader->samples + inside * PATCH_SAMPLES, count * sizeof *samples);
        XXH64_update(reader->hash, samples, count * sizeof *samples);
        samples += count;
        reader->next_row += take;
    }
    uint64_t hash = XXH64_digest(reader->hash);
    REQUIRE(reader->next_row < reader->rows || hash == record->content, STATUS_DAMAGED,
            "%s: record '%s': XXH64 of its samples is %016" PRIx64 ", the index says %016" PRIx64
            "; copy shard and index again from where the corpus came",
            reader->shard.path, record->name, hash, record->content);
    return STATUS_OK;
fail:
    return status;
}

enum status corpus_read_record(const struct corpus *corpus, size_t index, int16_t **out)
{
    enum status status;
    const struct corpus_record *record = &corpus->records[index];
    struct record_reader *reader = record_reader_create(corpus);
    int16_t *samples = NULL;

    TRY(record_reader_begin(reader, index));
    samples = NEW_ARRAY(int16_t, (size_t)record->seconds * record->n_leads * PATCH_SAMPLES);
    TRY(record_reader_next(reader, record->seconds, samples));
    *out = samples;
    samples = NULL;
fail:
    free(samples);
    record_reader_free(reader);
    return status;
}
