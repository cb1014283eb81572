#include "io/pack/doubles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/pack/likeness.h"
#include "io/pack/patients.h"

/* Of many records with one key each is compared with so many before it. */
enum { NEIGHBOURS = 8 };

struct pair {
    uint32_t first, second; /* first < second */
    enum likeness_relation relation;
};

struct pair_list {
    struct pair *pairs;
    size_t n, capacity;
};

static int compare_keys(const void *a, const void *b)
{
    const struct corpus_key *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->record < y->record ? -1 : x->record > y->record;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->second < y->second ? -1 : x->second > y->second;
}

/* Every two records with a key of samples or likeness in common, each once. The hash of a record's samples is such a
 * key too, also where a corpus has no others. */
static void list_pairs(struct pair_list *list, const struct corpus *corpus, const struct corpus_key *keys,
                       size_t n_keys)
{
    struct corpus_key *sorted = NEW_ARRAY(struct corpus_key, n_keys + corpus->n_records + 1);
    size_t n = 0, n_unique = 0;
    for (size_t i = 0; i < n_keys; i++)
        if (key_kind(keys[i].key) != KEY_PERSON)
            sorted[n++] = keys[i];
    for (size_t i = 0; i < corpus->n_records; i++)
        sorted[n++] = (struct corpus_key){(uint32_t)i, key_make(KEY_SAMPLES, corpus->records[i].content)};
    qsort(sorted, n, sizeof *sorted, compare_keys);
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && i - k < NEIGHBOURS && sorted[k - 1].key == sorted[i].key; k--) {
            if (sorted[k - 1].record == sorted[i].record)
                continue;
            GROW_ARRAY(list->pairs, list->capacity, list->n + 1);
            list->pairs[list->n++] = (struct pair){sorted[k - 1].record, sorted[i].record, LIKENESS_NONE};
        }
    free(sorted);
    if (list->n > 0)
        qsort(list->pairs, list->n, sizeof *list->pairs, compare_pairs);
    for (size_t i = 0; i < list->n; i++)
        if (n_unique == 0 || compare_pairs(&list->pairs[n_unique - 1], &list->pairs[i]) != 0)
            list->pairs[n_unique++] = list->pairs[i];
    list->n = n_unique;
}

/* ---- which one is kept ---------------------------------------------------------------------------------------------
 */

struct rank {
    uint32_t record;
    size_t leads, seconds, known;
    double hz;
};

static struct rank rank_of(const struct corpus *corpus, uint32_t index)
{
    const struct corpus_record *record = &corpus->records[index];
    struct rank rank = {index, record->n_leads, record->seconds, record->anomaly != LABEL_UNKNOWN, record->original_hz};
    for (size_t c = 0; c < corpus->n_classes; c++)
        rank.known += record->labels[c] != LABEL_UNKNOWN;
    return rank;
}

static int compare_ranks(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->leads != y->leads)
        return x->leads > y->leads ? -1 : 1;
    if (x->seconds != y->seconds)
        return x->seconds > y->seconds ? -1 : 1;
    if (x->hz != y->hz)
        return x->hz > y->hz ? -1 : 1;
    if (x->known != y->known)
        return x->known > y->known ? -1 : 1;
    return x->record < y->record ? -1 : x->record > y->record;
}

/* From the best record down: what it holds, and is not given to a better one yet, is its double. */
static void choose(struct doubles *doubles, const struct corpus *corpus, const struct pair_list *list)
{
    size_t n = corpus->n_records, *first = xcalloc(n + 2, sizeof *first);
    struct rank *ranks = NEW_ARRAY(struct rank, n + 1);
    uint32_t *held = NEW_ARRAY(uint32_t, 2 * list->n + 1);
    for (int pass = 0; pass < 2; pass++) { /* counts, then places: lists of what each record holds */
        for (size_t i = 0; i < list->n; i++) {
            const struct pair *pair = &list->pairs[i];
            if (pair->relation == LIKENESS_EQUAL || pair->relation == LIKENESS_HOLDS) {
                if (pass == 1)
                    held[first[pair->first]] = pair->second;
                first[pass == 0 ? pair->first + 1 : pair->first]++;
            }
            if (pair->relation == LIKENESS_EQUAL || pair->relation == LIKENESS_LIES_IN) {
                if (pass == 1)
                    held[first[pair->second]] = pair->first;
                first[pass == 0 ? pair->second + 1 : pair->second]++;
            }
        }
        for (size_t i = 0; i < n && pass == 0; i++)
            first[i + 1] += first[i];
    }
    for (size_t i = 0; i < n; i++) {
        doubles->kept[i] = (uint32_t)i;
        ranks[i] = rank_of(corpus, (uint32_t)i);
    }
    qsort(ranks, n, sizeof *ranks, compare_ranks);
    for (size_t r = 0; r < n; r++) {
        uint32_t record = ranks[r].record;
        size_t begin = record > 0 ? first[record - 1] : 0; /* after the second pass first[i] is the end of i's list */
        for (size_t i = begin; i < first[record]; i++) {
            uint32_t other = held[i];
            if (doubles->kept[other] == other && doubles->kept[record] != other) {
                doubles->kept[other] = doubles->kept[record];
                doubles->n_doubles++;
            }
        }
    }
    free(held);
    free(ranks);
    free(first);
}

static enum status compare_all(struct doubles *doubles, const struct corpus *corpus, struct pair_list *list)
{
    enum status status;
    size_t capacity = 0;
    for (size_t i = 0; i < list->n; i++) {
        struct pair *pair = &list->pairs[i];
        TRY(likeness_compare(corpus, pair->first, pair->second, &pair->relation));
        if (pair->relation == LIKENESS_NONE)
            continue;
        uint64_t link = key_make(KEY_SAMPLES, XXH64(pair, 2 * sizeof(uint32_t), 3));
        GROW_ARRAY(doubles->links, capacity, doubles->n_links + 2);
        doubles->links[doubles->n_links++] = (struct corpus_key){pair->first, link};
        doubles->links[doubles->n_links++] = (struct corpus_key){pair->second, link};
    }
    return STATUS_OK;
fail:
    return status;
}

enum status doubles_find(struct doubles *doubles, const struct corpus *corpus, const struct corpus_key *keys,
                         size_t n_keys)
{
    enum status status;
    struct pair_list list = {0};
    *doubles = (struct doubles){.kept = NEW_ARRAY(uint32_t, corpus->n_records + 1)};
    list_pairs(&list, corpus, keys, n_keys);
    if (list.n > 0)
        log_debug("%s: %zu pairs of records are compared", corpus->path, list.n);
    TRY(compare_all(doubles, corpus, &list));
    choose(doubles, corpus, &list);
fail:
    free(list.pairs);
    return status;
}

void doubles_free(struct doubles *doubles)
{
    free(doubles->kept);
    free(doubles->links);
    *doubles = (struct doubles){0};
}

size_t groups_join(struct corpus_record *records, size_t n_records, const struct corpus_key *keys, size_t n_keys,
                   const struct doubles *doubles)
{
    size_t n = 0, most = n_records + n_keys + doubles->n_links;
    uint64_t *values = NEW_ARRAY(uint64_t, most + 1);
    uint32_t *owners = NEW_ARRAY(uint32_t, most + 1), *group = NEW_ARRAY(uint32_t, n_records + 1);
    for (size_t i = 0; i < n_records; i++) {
        values[n] = key_of_person(records[i].patient);
        owners[n++] = (uint32_t)i;
    }
    for (size_t i = 0; i < n_keys; i++)
        if (key_kind(keys[i].key) != KEY_LIKENESS) {
            values[n] = keys[i].key;
            owners[n++] = keys[i].record;
        }
    for (size_t i = 0; i < doubles->n_links; i++) {
        values[n] = doubles->links[i].key;
        owners[n++] = doubles->links[i].record;
    }
    size_t n_groups = join_groups(group, n_records, values, owners, n);
    for (size_t i = 0; i < n_records; i++)
        records[i].group = group[i];
    free(values);
    free(owners);
    free(group);
    return n_groups;
}

void doubles_exclude(const struct doubles *doubles, struct corpus_record *records, size_t n_records, size_t n_classes)
{
    for (size_t i = 0; i < n_records; i++) {
        struct corpus_record *record = &records[i], *kept = &records[doubles->kept[i]];
        if (record == kept)
            continue;
        record->split = SPLIT_EXCLUDED;
        record->excluded = EXCLUDED_DOUBLE;
        record->double_of = doubles->kept[i];
        if (record->seconds + 1 < kept->seconds) /* an excerpt says nothing of the rest */
            continue;
        if (record->source != kept->source) /* whose withdrawal would leave here what it had said */
            continue;
        if (isnan(kept->age_years))
            kept->age_years = record->age_years;
        if (kept->sex < 0)
            kept->sex = record->sex;
        if (kept->anomaly == LABEL_UNKNOWN)
            kept->anomaly = record->anomaly;
        for (size_t c = 0; c < n_classes; c++)
            if (kept->labels[c] == LABEL_UNKNOWN)
                kept->labels[c] = record->labels[c];
    }
}
