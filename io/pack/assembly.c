#include "io/pack/assembly.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

/* ---- the folder ----------------------------------------------------------------------------------------------------
 */

static bool is_own_name(const char *name)
{
    return strcmp(name, "shards") == 0 || strcmp(name, "index.h5") == 0 || strcmp(name, "manifest.json.xxh64") == 0 ||
           has_suffix(name, ".tmp");
}

static enum status prepare_folder(const char *folder, bool overwrite)
{
    char **names = NULL, *manifest = join_path(folder, "manifest.json");
    size_t n = 0;
    enum status status;
    REQUIRE(!file_exists(folder) || folder_exists(folder), STATUS_USAGE, "-o %s: is a file; name a folder", folder);
    REQUIRE(!file_exists(manifest), STATUS_USAGE,
            "-o %s: already holds a corpus; name another folder, or remove that one first", folder);
    if (folder_exists(folder))
        TRY(folder_list(folder, &names, &n));
    for (size_t i = 0; i < n; i++)
        REQUIRE(is_own_name(names[i]), STATUS_USAGE, "-o %s: is not empty (%s); name another folder", folder, names[i]);
    REQUIRE(n == 0 || overwrite, STATUS_USAGE,
            "-o %s: holds what an interrupted build left (no manifest); start afresh with --overwrite, or name another "
            "folder",
            folder);
    if (n > 0) {
        log_info("%s: removing what an interrupted build left", folder);
        TRY(folder_remove(folder));
    }
    TRY(folder_make(folder));
fail:
    folder_free_names(names, n);
    free(manifest);
    return status;
}

enum status prepare_corpus_folder(const char *folder, bool overwrite, const struct world *world)
{
    return comm_agree(world, world->rank == 0 ? prepare_folder(folder, overwrite) : STATUS_OK);
}

/* ---- groups and splits ---------------------------------------------------------------------------------------------
 */

static uint64_t first_bytes(const uint8_t hash[PATIENT_HASH_BYTES])
{
    uint64_t number;
    memcpy(&number, hash, sizeof number);
    return number;
}

static void set_groups(struct corpus_record *records, const struct packed_items *items, size_t *n_groups)
{
    size_t n_keys = 0, total = items->n;
    for (size_t i = 0; i < items->n; i++)
        total += items->items[i].packed.n_keys;
    uint64_t *keys = NEW_ARRAY(uint64_t, total + 1);
    uint32_t *owners = NEW_ARRAY(uint32_t, total + 1), *group = NEW_ARRAY(uint32_t, items->n + 1);
    for (size_t i = 0; i < items->n; i++) {
        const struct packed_item *item = &items->items[i];
        keys[n_keys] = first_bytes(item->packed.record.patient);
        owners[n_keys++] = (uint32_t)i;
        for (size_t k = 0; k < item->packed.n_keys; k++) {
            keys[n_keys] = item->keys[k];
            owners[n_keys++] = (uint32_t)i;
        }
    }
    *n_groups = join_groups(group, items->n, keys, owners, n_keys);
    for (size_t i = 0; i < items->n; i++)
        records[i].group = group[i];
    free(keys);
    free(owners);
    free(group);
}

/* A group's split comes from its smallest patient hash, its fold from its records: the lowest where they differ. */
static void set_splits(struct corpus_record *records, size_t n_records, size_t n_groups, const struct site_key *key,
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

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Warnings as counts, and records that are the same samples in all leads. */
static void log_findings(const struct packed_items *items)
{
    uint64_t *wholes = NEW_ARRAY(uint64_t, items->n + 1);
    size_t n_wholes = 0, n_doubles = 0;
    for (unsigned w = 0; w < N_WARNINGS; w++) {
        size_t count = 0;
        for (size_t i = 0; i < items->n; i++)
            count += items->items[i].packed.warnings >> w & 1;
        if (count > 0)
            log_warning("%zu recordings %s", count, warning_text(w));
    }
    for (size_t i = 0; i < items->n; i++)
        if (items->items[i].packed.whole)
            wholes[n_wholes++] = items->items[i].packed.whole;
    qsort(wholes, n_wholes, sizeof *wholes, compare_u64);
    for (size_t i = 1; i < n_wholes; i++)
        n_doubles += wholes[i] == wholes[i - 1];
    if (n_doubles > 0)
        log_warning("%zu recordings hold the same samples as another one; all are kept, doubles in one patient group",
                    n_doubles);
    free(wholes);
}

/* On rank 0. */
static enum status write_index(const struct packed_items *items, const struct recipe *recipe, const char *folder,
                               const struct site_key *key, const struct refusals *refusals,
                               const struct shard_info *shards, size_t n_shards)
{
    struct assembly assembly = {.records = NEW_ARRAY(struct corpus_record, items->n)};
    struct corpus_description description = {.shards = shards, .n_shards = n_shards, .key_id = key->id};
    char *recipe_json = recipe_signal_json(recipe), recipe_hash[17];
    size_t n_groups, n_refusals;
    for (size_t i = 0; i < items->n; i++)
        assembly.records[i] = items->items[i].packed.record;
    set_groups(assembly.records, items, &n_groups);
    set_splits(assembly.records, items->n, n_groups, key, recipe->split_percent);
    set_labels(&assembly, items);
    set_sources(&assembly, items, recipe);
    set_events(&assembly, items);
    log_findings(items);
    signal_recipe_hash(&recipe->signal, recipe_hash);
    struct refusal *counts = refusals_count(refusals, &n_refusals);
    description.classes = assembly.classes;
    description.n_classes = assembly.n_classes;
    description.sources = assembly.sources;
    description.n_sources = assembly.n_sources;
    description.events = assembly.events;
    description.n_events = assembly.n_events;
    description.refusals = counts;
    description.n_refusals = n_refusals;
    description.recipe_json = recipe_json;
    description.recipe_hash = recipe_hash;
    enum status status = corpus_write_index(folder, assembly.records, items->n, &description);
    if (status == STATUS_OK)
        log_info("%s: %zu records of %zu patient groups in %zu shards", folder, items->n, n_groups, n_shards);
    free(counts);
    free(recipe_json);
    free(assembly.records);
    free(assembly.labels);
    free(assembly.sources);
    free(assembly.events);
    return status;
}

enum status assemble_corpus(struct packer *packer, const char *folder, const struct site_key *key,
                            const struct refusals *refusals, const struct world *world)
{
    struct shard_info *own = NULL;
    size_t n_own = 0, bytes;
    char *shards = NULL;
    struct packed_items items = {0};
    enum status status;

    TRY(comm_agree(world, shard_writer_finish(packer->writer, &own, &n_own)));
    comm_gather_bytes(world, own, n_own * sizeof *own, &shards, &bytes);
    packed_gather(&items, &packer->packed, world);
    if (items.n == 0) {
        status = world->rank == 0 ? folder_remove(folder) : STATUS_OK;
        if (status == STATUS_OK)
            status = status_set(STATUS_DATA, "no recording could be taken, so there is no corpus");
    } else if (world->rank == 0)
        status = write_index(&items, packer->recipe, folder, key, refusals, (struct shard_info *)(void *)shards,
                             bytes / sizeof *own);
    if (status == STATUS_OK && world->rank == 0 && packer->report)
        status = quality_report(&items, packer->recipe, packer->paths, packer->report);
    status = comm_agree(world, status);
fail:
    packed_items_free(&items);
    free(own);
    free(shards);
    return status;
}
