#include "io/corpus/edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/folder_lock.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/corpus/layout.h"
#include "io/corpus/read_record.h"

#define LOCK_NAME "writing.tmp"

/* ---- the lock ------------------------------------------------------------------------------------------------------
 */

enum status corpus_lock_take(struct corpus_lock *lock, const char *folder)
{
    struct folder_lock own;
    enum status status = folder_lock_take(&own, folder, LOCK_NAME, "anyecg-pack");
    *lock = (struct corpus_lock){own.file, own.path};
    return status;
}

void corpus_lock_release(struct corpus_lock *lock)
{
    folder_lock_release(&(struct folder_lock){lock->file, lock->path});
    *lock = (struct corpus_lock){.file = -1};
}

/* ---- edits ---------------------------------------------------------------------------------------------------------
 */

uint32_t corpus_next_revision(const struct corpus *corpus)
{
    uint32_t last = corpus->index_revision;
    for (size_t i = 0; i < corpus->n_shards; i++)
        if (corpus->shards[i].revision > last)
            last = corpus->shards[i].revision;
    return last + 1;
}

static enum status copy_record(struct record_reader *reader, struct shard_writer *writer, size_t index,
                               struct corpus_record *record, int16_t *samples)
{
    enum { PIECE_SECONDS = 10 };
    enum status status;
    TRY(record_reader_begin(reader, index));
    TRY(shard_writer_begin_record(writer, record));
    for (uint32_t done = 0, take; done < record->seconds; done += take) {
        take = record->seconds - done < PIECE_SECONDS ? record->seconds - done : PIECE_SECONDS;
        TRY(record_reader_next(reader, take, samples));
        TRY(shard_writer_append(writer, samples, take));
    }
    TRY(shard_writer_end_record(writer, record));
fail:
    return status;
}

enum status corpus_rewrite_shard(const struct corpus *corpus, uint32_t shard, const size_t *keep, size_t n_keep,
                                 uint32_t number, uint32_t revision, struct corpus_record *records,
                                 struct shard_info *info)
{
    enum status status;
    struct record_reader *reader = record_reader_create(corpus);
    struct shard_writer *writer = NULL;
    struct shard_info *made = NULL;
    int16_t *samples = NEW_ARRAY(int16_t, 10 * MAX_SPAN_LEADS * PATCH_SAMPLES);
    size_t n_made = 0;
    TRY(shard_writer_create_revision(&writer, corpus->path, number, revision));
    for (size_t i = 0; i < n_keep; i++) {
        REQUIRE(corpus->records[keep[i]].shard == shard, STATUS_INTERNAL, "%s: record '%s' is not in shard %u",
                corpus->path, corpus->records[keep[i]].name, shard);
        TRY(copy_record(reader, writer, keep[i], &records[keep[i]], samples));
    }
    TRY(shard_writer_finish(writer, &made, &n_made));
    REQUIRE(n_made == 1, STATUS_INTERNAL, "%s: shard %u became %zu shards", corpus->path, shard, n_made);
    *info = made[0];
    status = STATUS_OK;
fail:
    free(made);
    free(samples);
    shard_writer_free(writer);
    record_reader_free(reader);
    return status;
}

enum status corpus_commit(const char *folder, struct corpus_record *records, size_t n_records,
                          const struct corpus_description *description, uint32_t revision)
{
    enum status status;
    char name[SHARD_NAME_BYTES], *index = corpus_file_path(folder, index_file_name(name, revision));
    struct index_identity identity = {.revision = revision};
    struct world alone;
    struct corpus *corpus = NULL;
    char **names = NULL;
    size_t n_names = 0;
    TRY(corpus_check_description(folder, records, n_records, description));
    TRY(index_write(folder, revision, records, n_records, description));
    TRY(file_hash(index, &identity.hash, &identity.bytes));
    TRY(manifest_write(folder, description, n_records, &identity));
    world_single(&alone);
    TRY(corpus_open(&corpus, folder, &alone));
    TRY(corpus_sweep(corpus, true, &names, &n_names));
fail:
    folder_free_names(names, n_names);
    corpus_close(corpus);
    free(index);
    return status;
}

/* ---- what is not listed --------------------------------------------------------------------------------------------
 */

static bool is_listed(const struct corpus *corpus, const char *name)
{
    char listed[SHARD_NAME_BYTES];
    if (strcmp(name, MANIFEST_NAME) == 0 || strcmp(name, MANIFEST_SUM_NAME) == 0 || strcmp(name, SHARD_FOLDER) == 0 ||
        strcmp(name, LOCK_NAME) == 0 || strcmp(name, index_file_name(listed, corpus->index_revision)) == 0)
        return true;
    if (!has_prefix(name, SHARD_FOLDER "/"))
        return false;
    size_t number = strtoul(name + strlen(SHARD_FOLDER "/"), NULL, 10);
    return number < corpus->n_shards &&
           strcmp(name, shard_file_name(listed, (uint32_t)number, corpus->shards[number].revision)) == 0;
}

/* Only what these programs make is theirs to remove: *.tmp, index*.h5, and everything in shards/ that ends in .h5. */
static bool is_ours(const char *name)
{
    return has_suffix(name, ".tmp") ||
           (has_suffix(name, ".h5") && (has_prefix(name, "index") || has_prefix(name, SHARD_FOLDER "/")));
}

static enum status sweep_folder(const struct corpus *corpus, const char *below, bool remove, char ***names,
                                size_t *n_names, size_t *capacity)
{
    enum status status;
    char **found = NULL, *folder = corpus_file_path(corpus->path, below);
    size_t n_found = 0;
    TRY(folder_list(folder, &found, &n_found));
    for (size_t i = 0; i < n_found; i++) {
        char *name = format_text("%s%s%s", below, *below ? "/" : "", found[i]);
        if (is_listed(corpus, name) || !is_ours(name)) {
            free(name);
            continue;
        }
        GROW_ARRAY(*names, *capacity, *n_names + 1);
        (*names)[(*n_names)++] = name;
        char *path = corpus_file_path(corpus->path, name);
        if (remove && folder_exists(path))
            status = folder_remove(path);
        else if (remove && unlink(path) != 0)
            status = status_set(STATUS_IO, "%s: cannot be removed: %s", path, strerror(errno));
        free(path);
        TRY(status);
    }
fail:
    folder_free_names(found, n_found);
    free(folder);
    return status;
}

enum status corpus_sweep(const struct corpus *corpus, bool remove, char ***names, size_t *n_names)
{
    enum status status;
    size_t capacity = 0;
    *names = NULL;
    *n_names = 0;
    TRY(sweep_folder(corpus, "", remove, names, n_names, &capacity));
    TRY(sweep_folder(corpus, SHARD_FOLDER, remove, names, n_names, &capacity));
fail:
    return status;
}
