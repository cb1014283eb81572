/* corpus_verify(): every byte of a corpus against the hashes that were made when it was built. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "io/corpus/columns.h"
#include "io/corpus/edit.h"
#include "io/corpus/shard.h"
#include "io/corpus/writer.h"

/* Reports kept for printing by rank 0; what goes beyond is only counted. */
enum { MOST_REPORT_BYTES = 256 * 1024 };

struct verifier {
    const struct corpus *corpus;
    const struct world *world;
    int64_t faults;
    char *reports; /* lines of this rank that rank 0 has to print */
    size_t report_bytes, report_capacity;
    char first[STATUS_MESSAGE_BYTES];
    unsigned char *frame, *shuffled;
    int16_t *samples; /* [CHUNK_SAMPLES] */
    XXH64_state_t *content;
};

static void report(struct verifier *verifier, const char *message)
{
    verifier->faults++;
    if (verifier->faults == 1)
        copy_text(verifier->first, sizeof verifier->first, message);
    if (verifier->world->rank == 0) {
        log_error("%s", message);
        return;
    }
    size_t length = strlen(message);
    if (verifier->report_bytes + length + 1 > MOST_REPORT_BYTES)
        return;
    GROW_ARRAY(verifier->reports, verifier->report_capacity, verifier->report_bytes + length + 1);
    memcpy(verifier->reports + verifier->report_bytes, message, length);
    verifier->report_bytes += length;
    verifier->reports[verifier->report_bytes++] = '\n';
}

__attribute__((format(printf, 2, 3))) static void fault(struct verifier *verifier, const char *format, ...)
{
    char message[STATUS_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    report(verifier, message);
}

/* One chunk into verifier->samples; false (and reported) if it cannot be had. */
static bool read_chunk(struct verifier *verifier, struct shard *shard, uint64_t chunk)
{
    size_t bytes;
    if (shard_read_frame(shard, chunk, verifier->frame, &bytes) != STATUS_OK ||
        chunk_undo(shard->path, chunk, shard->chunk_hash[chunk], verifier->frame, bytes, verifier->shuffled) !=
            STATUS_OK) {
        report(verifier, status_message());
        return false;
    }
    unshuffle_samples(verifier->samples, verifier->shuffled, 0, CHUNK_SAMPLES, CHUNK_SAMPLES);
    return true;
}

static void verify_record(struct verifier *verifier, struct shard *shard, const struct corpus_record *record)
{
    uint64_t rows = (uint64_t)record->seconds * record->n_leads, first_chunk = record->first_row / CHUNK_ROWS;
    bool is_whole = true;
    XXH64_reset(verifier->content, 0);
    for (uint64_t done = 0; done < rows; done += CHUNK_ROWS) {
        size_t used = (size_t)(rows - done < CHUNK_ROWS ? rows - done : CHUNK_ROWS) * PATCH_SAMPLES;
        if (!read_chunk(verifier, shard, first_chunk + done / CHUNK_ROWS)) {
            is_whole = false;
            continue;
        }
        XXH64_update(verifier->content, verifier->samples, used * sizeof *verifier->samples);
        for (size_t i = used; i < CHUNK_SAMPLES; i++)
            if (verifier->samples[i] != 0) {
                fault(verifier, "%s: record '%s': unused row %" PRIu64 " holds %d, must be 0", shard->path,
                      record->name, record->first_row + done + i / PATCH_SAMPLES, verifier->samples[i]);
                break;
            }
    }
    uint64_t hash = XXH64_digest(verifier->content);
    if (is_whole && hash != record->content)
        fault(verifier, "%s: record '%s': XXH64 of its samples is %016" PRIx64 ", the index says %016" PRIx64,
              shard->path, record->name, hash, record->content);
}

/* The shard's own table against the index. Both are written from the same structs, so they must agree bit by bit. */
static void verify_table(struct verifier *verifier, struct shard *shard, uint32_t number)
{
    const struct corpus *corpus = verifier->corpus;
    size_t count = corpus->shards[number].records;
    uint64_t found;
    struct corpus_record *records = NULL;
    if (table_length(&shard_table, shard->file, shard->path, shard->bytes, &found) != STATUS_OK) {
        report(verifier, status_message());
        return;
    }
    if (found != count) {
        fault(verifier, "%s: /records has %" PRIu64 " rows, the manifest says %zu", shard->path, found, count);
        return;
    }
    records = xcalloc(count + 1, sizeof *records);
    if (table_read(&shard_table, shard->file, shard->path, shard->bytes, records, count) != STATUS_OK) {
        report(verifier, status_message());
        free(records);
        return;
    }
    for (size_t i = 0; i < corpus->n_records; i++) {
        const struct corpus_record *record = &corpus->records[i];
        if (record->shard != number)
            continue;
        const struct column *column = table_compare(&shard_table, &records[record->row], record);
        if (column)
            fault(verifier, "%s: /records/%s, row %u: differs from record '%s' of the index", shard->path, column->name,
                  record->row, record->name);
    }
    free(records);
}

static void verify_shard(struct verifier *verifier, uint32_t number)
{
    const struct corpus *corpus = verifier->corpus;
    const char *path = corpus->shard_paths[number];
    const struct shard_info *info = &corpus->shards[number];
    struct shard shard = {0};
    char found[17], expected[17];
    uint64_t hash, bytes;
    if (shard_check_size(path, info) != STATUS_OK || file_hash(path, &hash, &bytes) != STATUS_OK) {
        report(verifier, status_message());
        return;
    }
    if (hash != info->hash)
        fault(verifier, "%s: XXH64 of the file is %s, the manifest says %s", path, format_hash(found, hash),
              format_hash(expected, info->hash));
    /* What follows finds which records are hit. */
    if (shard_open(&shard, path, info, NULL) != STATUS_OK) {
        report(verifier, status_message());
        shard_free(&shard);
        return;
    }
    verify_table(verifier, &shard, number);
    for (size_t i = 0; i < corpus->n_records; i++)
        if (corpus->records[i].shard == number)
            verify_record(verifier, &shard, &corpus->records[i]);
    shard_free(&shard);
}

/* Rank 0 prints what the others found; all learn the sum. */
static enum status gather(struct verifier *verifier, uint64_t *faults)
{
    enum status own = STATUS_OK;
    char *all = NULL;
    size_t bytes = 0;
    if (verifier->faults > 0)
        own = status_set(STATUS_DAMAGED, "%s", verifier->first);
    comm_gather_bytes(verifier->world, verifier->reports, verifier->report_bytes, &all, &bytes);
    for (char *line = all, *end; line && line < all + bytes; line = end + 1) {
        end = memchr(line, '\n', (size_t)(all + bytes - line));
        if (!end)
            break;
        log_error("%.*s", (int)(end - line), line);
    }
    free(all);
    comm_sum_int64(verifier->world, &verifier->faults, 1);
    *faults = (uint64_t)verifier->faults;
    return comm_agree(verifier->world, own);
}

static enum status verify_all(struct verifier *verifier, uint64_t *faults)
{
    struct progress progress;
    size_t n_shards = verifier->corpus->n_shards;
    verifier->frame = xmalloc(FRAME_CAPACITY);
    verifier->shuffled = xmalloc(CHUNK_BYTES);
    verifier->samples = NEW_ARRAY(int16_t, CHUNK_SAMPLES);
    verifier->content = XXH64_createState();
    progress_start(&progress, "verifying", "shards", (double)n_shards);
    for (size_t i = (size_t)verifier->world->rank; i < n_shards; i += (size_t)verifier->world->size) {
        verify_shard(verifier, (uint32_t)i);
        progress_update(&progress, (double)(i + 1), "%" PRId64 " faults", verifier->faults);
    }
    progress_finish(&progress);
    enum status status = gather(verifier, faults);
    XXH64_freeState(verifier->content);
    free(verifier->samples);
    free(verifier->shuffled);
    free(verifier->frame);
    free(verifier->reports);
    return status;
}

/* No fault, but they may hold what was withdrawn. */
static void warn_of_leftovers(const struct corpus *corpus)
{
    char **names = NULL;
    size_t n_names = 0;
    if (corpus_sweep(corpus, false, &names, &n_names) == STATUS_OK && n_names > 0)
        log_warning("%s: holds %zu files that the manifest does not list (%s%s), left by an interrupted edit or build; "
                    "the next anyecg-pack remove or label clears them away",
                    corpus->path, n_names, names[0], n_names > 1 ? ", ..." : "");
    folder_free_names(names, n_names);
}

enum status corpus_verify(const char *path, const struct world *world, uint64_t *faults)
{
    struct corpus *corpus;
    *faults = 0;
    enum status status = corpus_open(&corpus, path, world);
    if (status != STATUS_OK) { /* the message is the caller's to print, as of any corpus that cannot be opened */
        *faults = 1;
        return status;
    }
    struct verifier verifier = {.corpus = corpus, .world = world};
    if (world->rank == 0)
        warn_of_leftovers(corpus);
    status = verify_all(&verifier, faults);
    corpus_close(corpus);
    return status;
}
