#include "io/pack/assembly.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/version.h"
#include "io/pack/doubles.h"
#include "io/pack/journal.h"

/* ---- the folder ----------------------------------------------------------------------------------------------------
 */

static bool is_own_name(const char *name)
{
    return strcmp(name, "shards") == 0 || strcmp(name, "index.h5") == 0 || strcmp(name, "manifest.json") == 0 ||
           strcmp(name, "manifest.json.xxh64") == 0 || has_suffix(name, ".tmp");
}

/* All but the lock. */
static enum status remove_leftovers(const char *folder, char *const *names, size_t n)
{
    enum status status = STATUS_OK;
    log_info("%s: removing what an interrupted build left", folder);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        char *path = join_path(folder, names[i]);
        if (folder_exists(path))
            status = folder_remove(path);
        else if (strcmp(names[i], "writing.tmp") != 0)
            unlink(path);
        free(path);
    }
    return status;
}

static enum status prepare_folder(struct corpus_lock *lock, const char *folder, enum leftovers leftovers)
{
    char **names = NULL, *manifest = join_path(folder, "manifest.json");
    size_t n = 0;
    uint64_t plan;
    enum status status;
    REQUIRE(!file_exists(folder) || folder_exists(folder), STATUS_USAGE, "-o %s: is a file; name a folder", folder);
    REQUIRE(!file_exists(manifest) || (leftovers == LEFTOVERS_KEEP && journal_is_sealed(folder, &plan)), STATUS_USAGE,
            "-o %s: already holds a corpus; name another folder, or remove that one first", folder);
    TRY(folder_make(folder));
    TRY(corpus_lock_take(lock, folder));
    TRY(folder_list(folder, &names, &n));
    for (size_t i = 0; i < n; i++)
        REQUIRE(is_own_name(names[i]), STATUS_USAGE, "-o %s: is not empty (%s); name another folder", folder, names[i]);
    bool is_empty = n == 0 || (n == 1 && strcmp(names[0], "writing.tmp") == 0);
    REQUIRE(is_empty || leftovers != LEFTOVERS_REFUSE, STATUS_USAGE,
            "-o %s: holds what an interrupted build left (no manifest); go on with --resume, start afresh with "
            "--overwrite, or name another folder",
            folder);
    if (!is_empty && leftovers == LEFTOVERS_REMOVE)
        TRY(remove_leftovers(folder, names, n));
    if (leftovers != LEFTOVERS_KEEP)
        TRY(journal_remove(folder)); /* of an earlier build there */
fail:
    if (status != STATUS_OK)
        corpus_lock_release(lock);
    folder_free_names(names, n);
    free(manifest);
    return status;
}

enum status prepare_corpus_folder(struct corpus_lock *lock, const char *folder, enum leftovers leftovers,
                                  const struct world *world)
{
    *lock = (struct corpus_lock){.file = -1};
    enum status status = comm_agree(world, world->rank == 0 ? prepare_folder(lock, folder, leftovers) : STATUS_OK);
    if (status != STATUS_OK)
        corpus_lock_release(lock);
    return status;
}

/* ---- groups and splits ---------------------------------------------------------------------------------------------
 */

/* A group's split comes from its smallest patient hash, its fold from its records: the lowest where they differ. */
void assembly_set_splits(struct corpus_record *records, size_t n_records, size_t n_groups, const struct site_key *key,
                         const double percent[3])
{
    const uint8_t **least = xcalloc(n_groups + 1, sizeof *least);
    int *fold = NEW_ARRAY(int, n_groups + 1);
    size_t n_conflicts = 0, counts[3] = {0};
    for (size_t g = 0; g < n_groups; g++)
        fold[g] = -1;
    for (size_t i = 0; i < n_records; i++) {
        uint32_t g = records[i].group;
        if (!least[g] || memcmp(records[i].patient, least[g], PATIENT_HASH_BYTES) < 0)
            least[g] = records[i].patient;
        if (records[i].fold >= 0) {
            n_conflicts += fold[g] >= 0 && fold[g] != records[i].fold;
            if (fold[g] < 0 || records[i].fold < fold[g])
                fold[g] = records[i].fold;
        }
    }
    for (size_t i = 0; i < n_records; i++) {
        uint32_t g = records[i].group;
        records[i].fold = (int16_t)fold[g];
        records[i].split = (int8_t)keyed_split(key, least[g], percent);
        counts[records[i].split]++;
    }
    if (n_conflicts > 0)
        log_warning("%zu records share a patient or samples with one of another fold; the group takes the lowest fold",
                    n_conflicts);
    for (int split = 0; split < 3; split++)
        if (counts[split] == 0 && percent[split] > 0)
            log_warning("no record fell to split '%s'; so few patients need folds of a label table, or other "
                        "percentages (--set split.%s=...)",
                        split_name((enum split)split), split_name((enum split)split));
    free(least);
    free(fold);
}

/* ---- what goes into the index --------------------------------------------------------------------------------------
 */

struct assembly {
    struct corpus_record *records;
    int8_t *labels;
    struct corpus_class classes[N_VOCABULARY_CLASSES];
    size_t n_classes;
    struct corpus_source *sources;
    size_t n_sources;
    struct corpus_event *events;
    size_t n_events;
    struct corpus_key *keys;
    size_t n_keys;
    struct corpus_finding *findings;
    size_t n_findings;
};

/* The 26 scored classes, then those of the others that some record shows. */
static void set_labels(struct assembly *assembly, const struct packed_items *items)
{
    size_t chosen[N_VOCABULARY_CLASSES];
    for (size_t c = 0; c < N_VOCABULARY_CLASSES; c++) {
        bool occurs = c < N_SCORED_CLASSES;
        for (size_t i = 0; i < items->n && !occurs; i++)
            occurs = items->items[i].packed.labels.state[c] == LABEL_PRESENT;
        if (!occurs)
            continue;
        const struct vocabulary_class *class = vocabulary_class(c);
        struct corpus_class *target = &assembly->classes[assembly->n_classes];
        copy_text(target->code, sizeof target->code, class->code);
        copy_text(target->name, sizeof target->name, class->name);
        chosen[assembly->n_classes++] = c;
    }
    assembly->labels = NEW_ARRAY(int8_t, checked_multiply(items->n, assembly->n_classes));
    for (size_t i = 0; i < items->n; i++) {
        int8_t *row = assembly->labels + i * assembly->n_classes;
        for (size_t c = 0; c < assembly->n_classes; c++)
            row[c] = items->items[i].packed.labels.state[chosen[c]];
        assembly->records[i].labels = row;
        assembly->records[i].anomaly = items->items[i].packed.labels.anomaly;
    }
}

/* Sources that have records, in the order met; rows of the recipe with the same name are one source. */
static void set_sources(struct assembly *assembly, const struct packed_items *items, const struct recipe *recipe)
{
    assembly->sources = xcalloc(recipe->n_sources, sizeof *assembly->sources);
    for (size_t i = 0; i < items->n; i++) {
        const struct recipe_source *row = &recipe->sources[items->items[i].packed.source];
        size_t s = 0;
        while (s < assembly->n_sources && strcmp(assembly->sources[s].name, row->name) != 0)
            s++;
        struct corpus_source *source = &assembly->sources[s];
        if (s == assembly->n_sources) {
            assembly->n_sources++;
            copy_text(source->name, sizeof source->name, row->name);
            copy_text(source->licence, sizeof source->licence, row->licence ? row->licence : "unknown");
        }
        struct corpus_record *record = &assembly->records[i];
        record->source = (uint16_t)s;
        snprintf(record->name, sizeof record->name, "%.40s/%05u", source->name, ++source->records);
    }
}

static void set_events(struct assembly *assembly, const struct packed_items *items)
{
    size_t total = 0;
    for (size_t i = 0; i < items->n; i++)
        total += items->items[i].packed.n_events;
    assembly->events = NEW_ARRAY(struct corpus_event, total + 1);
    for (size_t i = 0; i < items->n; i++) {
        const struct packed_item *item = &items->items[i];
        assembly->records[i].first_event = (uint32_t)assembly->n_events;
        assembly->records[i].n_events = (uint32_t)item->packed.n_events;
        if (item->packed.n_events > 0)
            memcpy(assembly->events + assembly->n_events, item->events, item->packed.n_events * sizeof *item->events);
        assembly->n_events += item->packed.n_events;
    }
}

static void set_keys(struct assembly *assembly, const struct packed_items *items)
{
    size_t total = 0;
    for (size_t i = 0; i < items->n; i++)
        total += items->items[i].packed.n_keys;
    assembly->keys = NEW_ARRAY(struct corpus_key, total + 1);
    for (size_t i = 0; i < items->n; i++)
        for (size_t k = 0; k < items->items[i].packed.n_keys; k++)
            assembly->keys[assembly->n_keys++] = (struct corpus_key){(uint32_t)i, items->items[i].keys[k]};
}

/* Warnings as counts. */
static void log_findings(const struct packed_items *items)
{
    for (unsigned w = 0; w < N_WARNINGS; w++) {
        size_t count = 0;
        for (size_t i = 0; i < items->n; i++)
            count += items->items[i].packed.warnings >> w & 1;
        if (count > 0)
            log_warning("%zu recordings %s", count, warning_text(w));
    }
}

/* Groups, splits, doubles. Shards have the numbers of their files, with gaps; the records of the view those of the
 * list.
 */
static enum status set_groups(struct assembly *assembly, const struct recipe *recipe,
                              const struct assembly_request *request, const struct shard_info *shards, size_t n_shards,
                              size_t n_records, size_t *n_groups)
{
    enum status status;
    struct corpus_record *records = assembly->records, *seen = NEW_ARRAY(struct corpus_record, n_records + 1);
    struct corpus view = {.path = (char *)request->folder,
                          .n_records = n_records,
                          .n_classes = assembly->n_classes,
                          .n_shards = n_shards,
                          .records = seen,
                          .shards = (struct shard_info *)shards};
    struct doubles doubles = {0};
    uint32_t n_numbers = 0, *place;
    view.shard_paths = xcalloc(n_shards + 1, sizeof *view.shard_paths);
    for (size_t s = 0; s < n_shards; s++)
        view.shard_paths[s] = format_text("%s/shards/%05u.h5", request->folder, shards[s].number);
    memcpy(seen, records, n_records * sizeof *seen);
    for (size_t s = 0; s < n_shards; s++)
        n_numbers = shards[s].number >= n_numbers ? shards[s].number + 1 : n_numbers;
    place = xcalloc(n_numbers + 1, sizeof *place);
    for (size_t s = 0; s < n_shards; s++)
        place[shards[s].number] = (uint32_t)s;
    for (size_t i = 0; i < n_records; i++)
        seen[i].shard = place[records[i].shard];
    TRY(doubles_find(&doubles, &view, assembly->keys, assembly->n_keys));
    *n_groups = groups_join(records, n_records, assembly->keys, assembly->n_keys, &doubles);
    assembly_set_splits(records, n_records, *n_groups, request->key, recipe->split_percent);
    if (!request->keeps_doubles)
        doubles_exclude(&doubles, records, n_records, assembly->n_classes);
    if (doubles.n_doubles > 0)
        log_warning("%zu recordings are there a second time%s", doubles.n_doubles,
                    request->keeps_doubles ? "; they are kept, as asked, in one patient group with the first"
                                           : " or lie in a longer or fuller one; they are listed and left out of all "
                                             "splits (info --splits lists them)");
fail:
    doubles_free(&doubles);
    for (size_t s = 0; s < n_shards; s++)
        free(view.shard_paths[s]);
    free(view.shard_paths);
    free(place);
    free(seen);
    return status;
}

/* On rank 0. */
static enum status write_index(const struct packed_items *items, const struct recipe *recipe,
                               const struct assembly_request *request, const struct shard_info *shards, size_t n_shards)
{
    enum status status;
    struct assembly assembly = {.records = NEW_ARRAY(struct corpus_record, items->n)};
    struct corpus_contributor own = {.program = ANYECG_VERSION};
    char *recipe_json = recipe_signal_json(recipe), recipe_hash[17];
    size_t n_groups = 0, n_refusals;
    struct refusal *counts = refusals_count(request->refusals, &n_refusals);
    for (size_t i = 0; i < items->n; i++)
        assembly.records[i] = items->items[i].packed.record;
    copy_text(own.key_id, sizeof own.key_id, request->key->id);
    copy_text(own.name, sizeof own.name, request->contributor ? request->contributor : "");
    set_labels(&assembly, items);
    set_sources(&assembly, items, recipe);
    set_events(&assembly, items);
    set_keys(&assembly, items);
    TRY(set_groups(&assembly, recipe, request, shards, n_shards, items->n, &n_groups));
    log_findings(items);
    quality_count(items, recipe, assembly.records, &assembly.findings, &assembly.n_findings);
    signal_recipe_hash(&recipe->signal, recipe_hash);
    struct corpus_description description = {
        .classes = assembly.classes,
        .n_classes = assembly.n_classes,
        .sources = assembly.sources,
        .n_sources = assembly.n_sources,
        .events = assembly.events,
        .n_events = assembly.n_events,
        .shards = shards,
        .n_shards = n_shards,
        .refusals = counts,
        .n_refusals = n_refusals,
        .contributors = &own,
        .n_contributors = 1,
        .keys = assembly.keys,
        .n_keys = assembly.n_keys,
        .findings = assembly.findings,
        .n_findings = assembly.n_findings,
        .recipe_json = recipe_json,
        .recipe_hash = recipe_hash,
        .key_id = request->key->id,
    };
    if (request->write_lists)
        TRY(request->write_lists(request->context, items, assembly.records));
    TRY(corpus_write_index(request->folder, assembly.records, items->n, &description));
    log_info("%s: %zu records of %zu patient groups in %zu shards", request->folder, items->n, n_groups, n_shards);
fail:
    free(counts);
    free(recipe_json);
    free(assembly.records);
    free(assembly.labels);
    free(assembly.sources);
    free(assembly.events);
    free(assembly.keys);
    free(assembly.findings);
    return status;
}

/* On rank 0: there is nothing to make a corpus of, so nothing is left. */
static enum status refuse_nothing(const char *folder)
{
    enum status status;
    TRY(folder_remove(folder));
    TRY(journal_remove(folder));
    status = status_set(STATUS_DATA, "no recording could be taken, so there is no corpus");
fail:
    return status;
}

enum status assemble_corpus(struct packer *packer, const struct assembly_request *request, const struct world *world)
{
    struct shard_info *own = NULL;
    size_t n_own = 0, bytes;
    char *shards = NULL;
    struct packed_items items = {0};
    enum status status;

    TRY(comm_agree(world, shard_writer_finish(packer->writer, &own, &n_own)));
    comm_gather_bytes_to_root(world, own, n_own * sizeof *own, &shards, &bytes);
    packed_gather(&items, &packer->packed, world);
    if (world->rank == 0)
        status = items.n == 0 ? refuse_nothing(request->folder)
                              : write_index(&items, packer->recipe, request, (struct shard_info *)(void *)shards,
                                            bytes / sizeof *own);
    status = comm_agree(world, status);
fail:
    packed_items_free(&items);
    free(own);
    free(shards);
    return status;
}
