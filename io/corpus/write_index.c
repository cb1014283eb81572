#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/corpus/hdf5_access.h"
#include "io/corpus/layout.h"

static int compare_numbers(const void *a, const void *b)
{
    const struct shard_info *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Ranks number their shards rank, rank + R, …, which leaves gaps. Files and records get dense numbers in the same
 * order; no new number is larger than the old one, so that renaming in this order never meets a file still waiting. */
static enum status number_densely(const char *folder, struct shard_info *shards, size_t n_shards,
                                  struct corpus_record *records, size_t n_records)
{
    enum status status;
    char *from = NULL, *to = NULL, name[SHARD_NAME_BYTES];
    struct shard_info *found, wanted;
    qsort(shards, n_shards, sizeof *shards, compare_numbers);
    for (size_t i = 1; i < n_shards; i++)
        REQUIRE(shards[i].number != shards[i - 1].number, STATUS_INTERNAL, "%s: two shards have number %u", folder,
                shards[i].number);
    for (size_t i = 0; i < n_records; i++) {
        wanted.number = records[i].shard;
        found = n_shards ? bsearch(&wanted, shards, n_shards, sizeof *shards, compare_numbers) : NULL;
        REQUIRE(found, STATUS_INTERNAL, "%s: record '%s' lies in shard %u, which is not listed", folder,
                records[i].name, records[i].shard);
        records[i].shard = (uint32_t)(found - shards);
    }
    for (size_t i = 0; i < n_shards; i++) {
        if (shards[i].number == i)
            continue;
        from = corpus_file_path(folder, shard_file_name(name, shards[i].number));
        to = corpus_file_path(folder, shard_file_name(name, (uint32_t)i));
        TRY(file_rename(from, to));
        free(from);
        free(to);
        from = to = NULL;
        shards[i].number = (uint32_t)i;
    }
    return STATUS_OK;
fail:
    free(from);
    free(to);
    return status;
}

/* What corpus_open() will check, checked before anybody relies on it. */
static enum status check_before(const char *folder, struct corpus_record *records, size_t n_records,
                                const struct corpus_description *description)
{
    struct corpus view = {
        .path = (char *)folder,
        .n_records = n_records,
        .n_classes = description->n_classes,
        .n_sources = description->n_sources,
        .n_events = description->n_events,
        .n_shards = description->n_shards,
        .records = records,
        .classes = (struct corpus_class *)description->classes,
        .sources = (struct corpus_source *)description->sources,
        .events = (struct corpus_event *)description->events,
        .shards = (struct shard_info *)description->shards,
    };
    return corpus_check(&view);
}

enum status corpus_write_index(const char *folder, struct corpus_record *records, size_t n_records,
                               struct corpus_description *description)
{
    enum status status;
    size_t n_shards = description->n_shards;
    const struct shard_info *given = description->shards;
    struct shard_info *shards = NEW_ARRAY(struct shard_info, n_shards + 1);
    char *manifest = corpus_file_path(folder, MANIFEST_NAME), *index = corpus_file_path(folder, INDEX_NAME);
    struct index_identity identity;
    if (n_shards > 0)
        memcpy(shards, given, n_shards * sizeof *shards);
    description->shards = shards;
    TRY(hdf5_start());
    REQUIRE(unlink(manifest) == 0 || errno == ENOENT, STATUS_IO, "%s: the old one cannot be removed: %s", manifest,
            strerror(errno));
    TRY(number_densely(folder, shards, n_shards, records, n_records));
    TRY(check_before(folder, records, n_records, description));
    TRY(index_write(folder, records, n_records, description->n_classes, description->events, description->n_events));
    TRY(file_hash(index, &identity.hash, &identity.bytes));
    TRY(manifest_write(folder, description, n_records, &identity));
    status = STATUS_OK;
fail:
    description->shards = given;
    free(index);
    free(manifest);
    free(shards);
    return status;
}
