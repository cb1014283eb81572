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
        from = corpus_file_path(folder, shard_file_name(name, shards[i].number, 0));
        to = corpus_file_path(folder, shard_file_name(name, (uint32_t)i, 0));
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

enum status corpus_check_description(const char *folder, struct corpus_record *records, size_t n_records,
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
        .n_contributors = description->n_contributors ? description->n_contributors : 1,
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
    char name[SHARD_NAME_BYTES], *manifest = corpus_file_path(folder, MANIFEST_NAME);
    char *index = corpus_file_path(folder, index_file_name(name, 0));
    struct index_identity identity = {0};
    if (n_shards > 0)
        memcpy(shards, given, n_shards * sizeof *shards);
    description->shards = shards;
    TRY(hdf5_start());
    REQUIRE(unlink(manifest) == 0 || errno == ENOENT, STATUS_IO, "%s: the old one cannot be removed: %s", manifest,
            strerror(errno));
    TRY(number_densely(folder, shards, n_shards, records, n_records));
    TRY(corpus_check_description(folder, records, n_records, description));
    TRY(index_write(folder, 0, records, n_records, description));
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

struct corpus_description corpus_describe(const struct corpus *corpus)
{
    return (struct corpus_description){
        .classes = corpus->classes,
        .n_classes = corpus->n_classes,
        .sources = corpus->sources,
        .n_sources = corpus->n_sources,
        .events = corpus->events,
        .n_events = corpus->n_events,
        .shards = corpus->shards,
        .n_shards = corpus->n_shards,
        .refusals = corpus->refusals,
        .n_refusals = corpus->n_refusals,
        .contributors = corpus->contributors,
        .n_contributors = corpus->n_contributors,
        .withdrawals = corpus->withdrawals,
        .n_withdrawals = corpus->n_withdrawals,
        .findings = corpus->findings,
        .n_findings = corpus->n_findings,
        .recipe_json = corpus->recipe_json,
        .recipe_hash = corpus->recipe_hash,
        .key_id = corpus->key_id,
    };
}
