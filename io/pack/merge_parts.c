#include "io/pack/merge_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/pack/patients.h"

enum status parts_open(struct part *parts, char *const *paths, size_t n_parts)
{
    enum status status;
    struct world alone;
    world_single(&alone);
    for (size_t p = 0; p < n_parts; p++) {
        TRY(corpus_open(&parts[p].corpus, paths[p], &alone));
        TRY(corpus_read_keys(parts[p].corpus, &parts[p].keys, &parts[p].n_keys));
        if (parts[p].n_keys == 0)
            log_warning("%s: was made by a program that kept no keys; persons and doubles are known by their hashes "
                        "alone, excerpts and other forms are not found",
                        paths[p]);
    }
    return STATUS_OK;
fail:
    return status;
}

void parts_close(struct part *parts, size_t n_parts)
{
    for (size_t p = 0; p < n_parts; p++) {
        corpus_close(parts[p].corpus);
        free(parts[p].keys);
    }
}

/* ---- comparison ----------------------------------------------------------------------------------------------------
 */

/* "low_hz: 0.1 and 0.5; denoise: true and false" */
static char *recipe_differences(const struct corpus *a, const struct corpus *b)
{
    char *text = NULL;
    size_t bytes;
    FILE *stream = open_memstream(&text, &bytes);
    json_t *x = json_loads(a->recipe_json, 0, NULL), *y = json_loads(b->recipe_json, 0, NULL), *value;
    const char *key, *between = "";
    for (int side = 0; side < 2; side++)
        json_object_foreach(side == 0 ? x : y, key, value)
        {
            json_t *other = json_object_get(side == 0 ? y : x, key);
            if (side == 0 ? json_equal(value, other) : other != NULL)
                continue;
            char *own = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
            char *their = other ? json_dumps(other, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
            fprintf(stream, "%s%s: %s and %s", between, key, side == 0 ? own : "nothing",
                    side == 0 ? (their ? their : "nothing") : own);
            between = "; ";
            free(own);
            free(their);
        }
    json_decref(x);
    json_decref(y);
    fclose(stream);
    return text;
}

static long find_class(const struct corpus_class *classes, size_t n_classes, const char *code)
{
    for (size_t c = 0; c < n_classes; c++)
        if (strcmp(classes[c].code, code) == 0)
            return (long)c;
    return -1;
}

static void tell_differences(const struct corpus *a, const struct corpus *b)
{
    for (int side = 0; side < 2; side++) {
        const struct corpus *has = side == 0 ? a : b, *lacks = side == 0 ? b : a;
        for (size_t c = 0; c < has->n_classes; c++) {
            const struct corpus_class *class = &has->classes[c];
            long other = find_class(lacks->classes, lacks->n_classes, class->code);
            if (other < 0)
                log_info("class %s (%s) of %s is not in %s: unknown for its records", class->name, class->code,
                         has->path, lacks->path);
            else if (side == 0 && strcmp(class->name, lacks->classes[other].name) != 0)
                log_info("class %s is called %s in %s and %s in %s; the first name is kept", class->code, class->name,
                         has->path, lacks->classes[other].name, lacks->path);
        }
    }
    if (strcmp(a->key_id, b->key_id) != 0)
        log_info("%s and %s have different patient keys (%s, %s): a person of both is known by equal samples only",
                 a->path, b->path, a->key_id, b->key_id);
    if (strcmp(a->contributors[0].program, b->contributors[0].program) != 0)
        log_info("%s was built by version %s, %s by version %s, with the same preprocessing", a->path,
                 a->contributors[0].program, b->path, b->contributors[0].program);
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Who and what a corpus has withdrawn; `theirs`: the ECGs that left with a source. All sorted. */
struct withdrawn {
    uint64_t *persons, *records, *theirs;
    size_t n_persons, n_records, n_theirs;
};

static void list_withdrawn(struct withdrawn *list, const struct corpus *corpus)
{
    size_t n = corpus->n_withdrawals + 1;
    *list = (struct withdrawn){NEW_ARRAY(uint64_t, n), NEW_ARRAY(uint64_t, n), NEW_ARRAY(uint64_t, n), 0, 0, 0};
    for (size_t w = 0; w < corpus->n_withdrawals; w++) {
        const struct withdrawal *withdrawal = &corpus->withdrawals[w];
        if (withdrawal->kind == WITHDRAWN_PATIENT)
            list->persons[list->n_persons++] = key_of_person(withdrawal->patient);
        if (withdrawal->kind == WITHDRAWN_SOURCE)
            list->theirs[list->n_theirs++] = withdrawal->content;
        else
            list->records[list->n_records++] = withdrawal->content;
    }
    qsort(list->persons, list->n_persons, sizeof *list->persons, compare_hashes);
    qsort(list->records, list->n_records, sizeof *list->records, compare_hashes);
    qsort(list->theirs, list->n_theirs, sizeof *list->theirs, compare_hashes);
}

static bool is_among(uint64_t hash, const uint64_t *hashes, size_t n)
{
    return n > 0 && bsearch(&hash, hashes, n, sizeof *hashes, compare_hashes);
}

/* What one site has taken out must not come in again by another: a person under any of the names he has there, nor the
 * same samples. What left with a source of its own may be another site's by right; that is told. */
static enum status refuse_withdrawn(const struct part *part, const struct corpus *withdrew)
{
    const struct corpus *has = part->corpus;
    struct withdrawn out;
    size_t first = SIZE_MAX, n_theirs = 0;
    list_withdrawn(&out, withdrew);
    for (size_t k = 0; k < part->n_keys; k++)
        if (part->keys[k].record < first && is_among(part->keys[k].key, out.persons, out.n_persons))
            first = part->keys[k].record;
    for (size_t i = 0; i < has->n_records; i++) {
        const struct corpus_record *record = &has->records[i];
        bool is_out = is_among(key_of_person(record->patient), out.persons, out.n_persons) ||
                      is_among(record->content, out.records, out.n_records);
        if (is_out && i < first)
            first = i;
        n_theirs += is_among(record->content, out.theirs, out.n_theirs);
    }
    free(out.persons);
    free(out.records);
    free(out.theirs);
    if (n_theirs > 0)
        log_warning("%s: %zu of its records hold ECGs that were withdrawn from %s with their source; if it is the same "
                    "source, remove that first: anyecg-pack remove --source NAME %s",
                    has->path, n_theirs, withdrew->path, has->path);
    if (first == SIZE_MAX)
        return STATUS_OK;
    const char *name = has->records[first].name;
    return status_set(STATUS_DATA,
                      "%s: record '%s' was withdrawn from %s; take it out first: anyecg-pack remove --record %s %s",
                      has->path, name, withdrew->path, name, has->path);
}

enum status parts_compare(const struct part *parts, size_t n_parts)
{
    enum status status;
    for (size_t p = 1; p < n_parts; p++) {
        const struct corpus *first = parts[0].corpus, *other = parts[p].corpus;
        if (strcmp(first->recipe_hash, other->recipe_hash) != 0) {
            char *differences = recipe_differences(first, other);
            status = status_set(STATUS_DAMAGED,
                                "%s and %s were preprocessed differently (%s): their samples do not belong into one "
                                "corpus; build one of them again with the other's recipe",
                                first->path, other->path, differences);
            free(differences);
            return status;
        }
        tell_differences(first, other);
    }
    for (size_t p = 0; p < n_parts; p++)
        for (size_t q = 0; q < n_parts; q++) {
            REQUIRE(p == q || parts[p].corpus->hash != parts[q].corpus->hash, STATUS_USAGE,
                    "%s and %s are the same corpus; name it once", parts[p].corpus->path, parts[q].corpus->path);
            if (p != q)
                TRY(refuse_withdrawn(&parts[p], parts[q].corpus));
        }
    return STATUS_OK;
fail:
    return status;
}

/* ---- joining -------------------------------------------------------------------------------------------------------
 */

void merged_add_key(struct merged *merged, uint32_t record, uint64_t key)
{
    GROW_ARRAY(merged->keys, merged->keys_capacity, merged->n_keys + 1);
    merged->keys[merged->n_keys++] = (struct corpus_key){record, key};
}

uint64_t key_of_group(const uint64_t name[2])
{
    return key_make(KEY_SAMPLES, XXH64(name, 2 * sizeof *name, 4));
}

static void join_classes(struct merged *merged, const struct corpus *corpus)
{
    for (size_t c = 0; c < corpus->n_classes; c++)
        if (find_class(merged->classes, merged->n_classes, corpus->classes[c].code) < 0)
            merged->classes[merged->n_classes++] = corpus->classes[c];
}

/* Contributors by name, key and program: a corpus merged before brings several. */
static uint16_t join_contributor(struct merged *merged, const struct corpus *corpus, size_t index)
{
    struct corpus_contributor contributor = corpus->contributors[index];
    if (contributor.hash == 0)
        contributor.hash = corpus->hash;
    for (size_t i = 0; i < merged->n_contributors; i++) {
        const struct corpus_contributor *known = &merged->contributors[i];
        if (known->hash == contributor.hash && strcmp(known->name, contributor.name) == 0 &&
            strcmp(known->key_id, contributor.key_id) == 0)
            return (uint16_t)i;
    }
    merged->contributors[merged->n_contributors] = contributor;
    return (uint16_t)merged->n_contributors++;
}

/* A source keeps its name if nobody else has it, else it gets a number behind; names of records follow. */
static uint16_t join_source(struct merged *merged, const struct corpus_source *source, uint16_t contributor)
{
    struct corpus_source *target = &merged->sources[merged->n_sources];
    *target = *source;
    target->contributor = contributor;
    for (unsigned number = 2, i = 0; i < merged->n_sources; i++)
        if (strcmp(merged->sources[i].name, target->name) == 0) {
            snprintf(target->name, sizeof target->name, "%.36s-%u", source->name, number++);
            i = (unsigned)-1; /* once more from the first */
        }
    if (strcmp(target->name, source->name) != 0)
        log_info("source '%s' is there already: the second one is called '%s'", source->name, target->name);
    return (uint16_t)merged->n_sources++;
}

static void join_records(struct merged *merged, const struct part *part)
{
    const struct corpus *corpus = part->corpus;
    size_t first = merged->n_records, first_event = merged->n_events;
    uint16_t *sources = NEW_ARRAY(uint16_t, corpus->n_sources + 1);
    for (size_t s = 0; s < corpus->n_sources; s++)
        sources[s] =
            join_source(merged, &corpus->sources[s], join_contributor(merged, corpus, corpus->sources[s].contributor));
    for (size_t i = 0; i < corpus->n_records; i++) {
        struct corpus_record *record = &merged->records[merged->n_records++];
        *record = corpus->records[i];
        const char *number = strrchr(record->name, '/');
        char name[sizeof record->name];
        record->source = sources[record->source];
        snprintf(name, sizeof name, "%.40s%.23s", merged->sources[record->source].name, number ? number : "");
        memcpy(record->name, name, sizeof name);
        record->shard += (uint32_t)merged->n_shards;
        record->first_event += (uint32_t)first_event;
        record->double_of += record->excluded == EXCLUDED_DOUBLE ? (uint32_t)first : 0;
        record->labels = merged->labels + (first + i) * merged->n_classes;
        memset(record->labels, LABEL_UNKNOWN, merged->n_classes);
        for (size_t c = 0; c < corpus->n_classes; c++)
            record->labels[find_class(merged->classes, merged->n_classes, corpus->classes[c].code)] =
                corpus->records[i].labels[c];
    }
    for (size_t i = 0; i < corpus->n_events; i++)
        merged->events[merged->n_events++] = corpus->events[i];
    for (size_t s = 0; s < corpus->n_shards; s++) {
        merged->shards[merged->n_shards] = corpus->shards[s];
        merged->shards[merged->n_shards].number = (uint32_t)merged->n_shards;
        merged->shards[merged->n_shards].revision = 0;
        merged->n_shards++;
    }
    for (size_t f = 0; f < corpus->n_findings; f++) {
        merged->findings[merged->n_findings] = corpus->findings[f];
        merged->findings[merged->n_findings++].source = (uint16_t)sources[corpus->findings[f].source];
    }
    for (size_t k = 0; k < part->n_keys; k++)
        merged_add_key(merged, (uint32_t)first + part->keys[k].record, part->keys[k].key);
    free(sources);
}

static void join_refusals(struct merged *merged, const struct corpus *corpus)
{
    for (size_t i = 0; i < corpus->n_refusals; i++) {
        size_t k = 0;
        while (k < merged->n_refusals && strcmp(merged->refusals[k].reason, corpus->refusals[i].reason) != 0)
            k++;
        if (k == merged->n_refusals)
            merged->refusals[merged->n_refusals++] = (struct refusal){.count = 0};
        memcpy(merged->refusals[k].reason, corpus->refusals[i].reason, sizeof merged->refusals[k].reason);
        merged->refusals[k].count += corpus->refusals[i].count;
    }
    for (size_t i = 0; i < corpus->n_withdrawals; i++)
        merged->withdrawals[merged->n_withdrawals++] = corpus->withdrawals[i];
}

void merged_join(struct merged *merged, const struct part *parts, size_t n_parts)
{
    struct corpus sum = {0};
    for (size_t p = 0; p < n_parts; p++) {
        const struct corpus *corpus = parts[p].corpus;
        sum.n_records += corpus->n_records;
        sum.n_classes += corpus->n_classes;
        sum.n_sources += corpus->n_sources;
        sum.n_contributors += corpus->n_contributors;
        sum.n_events += corpus->n_events;
        sum.n_shards += corpus->n_shards;
        sum.n_refusals += corpus->n_refusals;
        sum.n_withdrawals += corpus->n_withdrawals;
        sum.n_findings += corpus->n_findings;
    }
    *merged = (struct merged){0};
    merged->records = xcalloc(sum.n_records + 1, sizeof *merged->records);
    merged->classes = xcalloc(sum.n_classes + 1, sizeof *merged->classes);
    merged->sources = xcalloc(sum.n_sources + 1, sizeof *merged->sources);
    merged->contributors = xcalloc(sum.n_contributors + 1, sizeof *merged->contributors);
    merged->events = xcalloc(sum.n_events + 1, sizeof *merged->events);
    merged->shards = xcalloc(sum.n_shards + 1, sizeof *merged->shards);
    merged->refusals = xcalloc(sum.n_refusals + 1, sizeof *merged->refusals);
    merged->withdrawals = xcalloc(sum.n_withdrawals + 1, sizeof *merged->withdrawals);
    merged->findings = xcalloc(sum.n_findings + 1, sizeof *merged->findings);
    for (size_t p = 0; p < n_parts; p++)
        join_classes(merged, parts[p].corpus);
    merged->labels = xmalloc(checked_multiply(sum.n_records + 1, merged->n_classes + 1));
    memcpy(merged->key_id, parts[0].corpus->key_id, sizeof merged->key_id);
    for (size_t p = 0; p < n_parts; p++) {
        join_records(merged, &parts[p]);
        join_refusals(merged, parts[p].corpus);
        if (strcmp(merged->key_id, parts[p].corpus->key_id) != 0)
            copy_text(merged->key_id, sizeof merged->key_id, "several");
    }
}

void merged_free(struct merged *merged)
{
    free(merged->records);
    free(merged->labels);
    free(merged->classes);
    free(merged->sources);
    free(merged->contributors);
    free(merged->events);
    free(merged->shards);
    free(merged->refusals);
    free(merged->withdrawals);
    free(merged->findings);
    free(merged->keys);
}

struct corpus merged_view(const struct merged *merged, const char *folder)
{
    return (struct corpus){
        .path = (char *)folder,
        .n_records = merged->n_records,
        .n_classes = merged->n_classes,
        .n_shards = merged->n_shards,
        .records = merged->records,
        .shards = merged->shards,
    };
}

enum status merged_paths(struct corpus *view, const struct part *parts, size_t n_parts)
{
    size_t n = 0;
    view->shard_paths = xcalloc(view->n_shards + 1, sizeof *view->shard_paths);
    for (size_t p = 0; p < n_parts; p++)
        for (size_t s = 0; s < parts[p].corpus->n_shards; s++)
            view->shard_paths[n++] = duplicate_text(parts[p].corpus->shard_paths[s]);
    return STATUS_OK;
}

struct corpus_description merged_describe(const struct merged *merged, const struct part *parts)
{
    return (struct corpus_description){
        .classes = merged->classes,
        .n_classes = merged->n_classes,
        .sources = merged->sources,
        .n_sources = merged->n_sources,
        .events = merged->events,
        .n_events = merged->n_events,
        .shards = merged->shards,
        .n_shards = merged->n_shards,
        .refusals = merged->refusals,
        .n_refusals = merged->n_refusals,
        .contributors = merged->contributors,
        .n_contributors = merged->n_contributors,
        .withdrawals = merged->withdrawals,
        .n_withdrawals = merged->n_withdrawals,
        .findings = merged->findings,
        .n_findings = merged->n_findings,
        .keys = merged->keys,
        .n_keys = merged->n_keys,
        .recipe_json = parts[0].corpus->recipe_json,
        .recipe_hash = parts[0].corpus->recipe_hash,
        .key_id = merged->key_id,
    };
}
