#include "io/corpus/corpus.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/corpus/hdf5_access.h"
#include "io/corpus/layout.h"

static const char *const split_names[] = {"excluded", "train", "validation", "test"};

const char *split_name(enum split split)
{
    return split_names[split + 1];
}

bool split_from_name(const char *name, enum split *split)
{
    for (int i = SPLIT_EXCLUDED; i <= SPLIT_TEST; i++)
        if (strcmp(name, split_names[i + 1]) == 0) {
            *split = (enum split)i;
            return true;
        }
    return false;
}

static enum status read_and_check(struct corpus *corpus)
{
    enum status status;
    struct index_identity index;
    TRY(hdf5_start());
    TRY(manifest_read(corpus, &index));
    TRY(index_read(corpus, &index));
    TRY(corpus_check(corpus));
    return STATUS_OK;
fail:
    return status;
}

/* Makes room for `count` elements on the ranks that did not read, then gives them rank 0's. */
static void *receive(const struct world *world, void *array, size_t count, size_t bytes)
{
    if (world->rank != 0)
        array = xcalloc(count + 1, bytes);
    if (count > 0)
        comm_broadcast(world, array, checked_multiply(count, bytes), 0);
    return array;
}

/* What rank 0 read becomes known to all. */
static void share(struct corpus *corpus, const struct world *world)
{
    uint64_t sizes[] = {
        corpus->n_records,      corpus->n_classes,
        corpus->n_sources,      corpus->n_events,
        corpus->n_shards,       corpus->hash,
        corpus->n_refusals,     corpus->recipe_json ? strlen(corpus->recipe_json) : 0,
        corpus->n_contributors, corpus->n_withdrawals,
        corpus->index_revision, corpus->n_findings,
    };
    comm_broadcast(world, sizes, sizeof sizes, 0);
    corpus->n_records = sizes[0];
    corpus->n_classes = sizes[1];
    corpus->n_sources = sizes[2];
    corpus->n_events = sizes[3];
    corpus->n_shards = sizes[4];
    corpus->hash = sizes[5];
    corpus->n_refusals = sizes[6];
    corpus->n_contributors = sizes[8];
    corpus->n_withdrawals = sizes[9];
    corpus->index_revision = (uint32_t)sizes[10];
    corpus->n_findings = sizes[11];
    corpus->records = receive(world, corpus->records, corpus->n_records, sizeof *corpus->records);
    corpus->classes = receive(world, corpus->classes, corpus->n_classes, sizeof *corpus->classes);
    corpus->sources = receive(world, corpus->sources, corpus->n_sources, sizeof *corpus->sources);
    corpus->events = receive(world, corpus->events, corpus->n_events, sizeof *corpus->events);
    corpus->shards = receive(world, corpus->shards, corpus->n_shards, sizeof *corpus->shards);
    corpus->refusals = receive(world, corpus->refusals, corpus->n_refusals, sizeof *corpus->refusals);
    corpus->contributors = receive(world, corpus->contributors, corpus->n_contributors, sizeof *corpus->contributors);
    corpus->withdrawals = receive(world, corpus->withdrawals, corpus->n_withdrawals, sizeof *corpus->withdrawals);
    corpus->findings = receive(world, corpus->findings, corpus->n_findings, sizeof *corpus->findings);
    corpus->labels = receive(world, corpus->labels, corpus->n_records * corpus->n_classes, 1);
    corpus->recipe_json = receive(world, corpus->recipe_json, sizes[7], 1);
    comm_broadcast(world, corpus->recipe_hash, sizeof corpus->recipe_hash, 0);
    comm_broadcast(world, corpus->key_id, sizeof corpus->key_id, 0);
    for (size_t i = 0; i < corpus->n_records; i++)
        corpus->records[i].labels = corpus->labels + i * corpus->n_classes;
    if (world->rank != 0) {
        char name[SHARD_NAME_BYTES];
        corpus->shard_paths = xcalloc(corpus->n_shards + 1, sizeof *corpus->shard_paths);
        for (size_t i = 0; i < corpus->n_shards; i++)
            corpus->shard_paths[i] =
                corpus_file_path(corpus->path, shard_file_name(name, (uint32_t)i, corpus->shards[i].revision));
    }
}

enum status corpus_open(struct corpus **out, const char *path, const struct world *world)
{
    enum status status;
    struct corpus *corpus = xcalloc(1, sizeof *corpus);
    corpus->path = duplicate_text(path);
    status = world->rank == 0 ? read_and_check(corpus) : hdf5_start();
    TRY(comm_agree(world, status));
    if (world->size > 1)
        share(corpus, world);
    *out = corpus;
    return STATUS_OK;
fail:
    corpus_close(corpus);
    return status;
}

void corpus_close(struct corpus *corpus)
{
    if (!corpus)
        return;
    for (size_t i = 0; corpus->shard_paths && i < corpus->n_shards; i++)
        free(corpus->shard_paths[i]);
    free(corpus->shard_paths);
    free(corpus->records);
    free(corpus->classes);
    free(corpus->sources);
    free(corpus->events);
    free(corpus->shards);
    free(corpus->refusals);
    free(corpus->contributors);
    free(corpus->withdrawals);
    free(corpus->findings);
    free(corpus->labels);
    free(corpus->recipe_json);
    free(corpus->path);
    free(corpus);
}

static bool is_listed(int fold, const int *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == fold)
            return true;
    return false;
}

static enum status fold_split(const struct fold_lists *folds, int fold, int8_t *split)
{
    int found = 0;
    if (is_listed(fold, folds->train, folds->n_train)) {
        *split = SPLIT_TRAIN;
        found++;
    }
    if (is_listed(fold, folds->validation, folds->n_validation)) {
        *split = SPLIT_VALIDATION;
        found++;
    }
    if (is_listed(fold, folds->test, folds->n_test)) {
        *split = SPLIT_TEST;
        found++;
    }
    return found < 2 ? STATUS_OK
                     : status_set(STATUS_CONFIG, "folds: %d is listed for more than one split; list it once", fold);
}

enum status corpus_apply_folds(struct corpus *corpus, const struct fold_lists *folds)
{
    enum status status;
    size_t n = corpus->n_records;
    struct group_place *places = NEW_ARRAY(struct group_place, n + 1);
    int8_t *splits = xmalloc(n + 1);
    for (size_t i = 0; i < n; i++) {
        splits[i] = corpus->records[i].split;
        if (splits[i] == SPLIT_EXCLUDED) /* excluded for a reason that no fold undoes */
            continue;
        if (corpus->records[i].fold >= 0)
            TRY(fold_split(folds, corpus->records[i].fold, &splits[i]));
    }
    size_t count = group_places(corpus, places);
    for (size_t first = 0, end; first < count; first = end) {
        int8_t strictest = SPLIT_TRAIN; /* test > validation > train, as their numbers */
        for (end = first; end < count && places[end].group == places[first].group; end++)
            if (splits[places[end].record] > strictest)
                strictest = splits[places[end].record];
        for (size_t i = first; i < end; i++)
            corpus->records[places[i].record].split = strictest;
    }
    status = STATUS_OK;
fail:
    free(splits);
    free(places);
    return status;
}
