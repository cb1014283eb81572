#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "io/corpus/layout.h"

enum status check_record_shape(const struct corpus_record *record, const char *path)
{
    enum status status;
    const char *name = record->name;
    REQUIRE(record->n_leads >= 1 && record->n_leads <= MAX_SPAN_LEADS, STATUS_DAMAGED,
            "%s: record '%s': n_leads %u, must be 1 to %d", path, name, record->n_leads, MAX_SPAN_LEADS);
    for (size_t i = 0; i < record->n_leads; i++)
        REQUIRE(record->lead[i] < N_LEADS, STATUS_DAMAGED, "%s: record '%s': lead %zu is %u, must be below %d", path,
                name, i, record->lead[i], N_LEADS);
    REQUIRE(record->seconds >= 1, STATUS_DAMAGED, "%s: record '%s': seconds 0, must be 1 at least", path, name);
    REQUIRE(isfinite(record->weight) && record->weight >= 0 && record->weight <= MAX_WEIGHT, STATUS_DAMAGED,
            "%s: record '%s': weight %g, must be 0 to %d", path, name, (double)record->weight, MAX_WEIGHT);
    REQUIRE(record->split >= SPLIT_EXCLUDED && record->split <= SPLIT_TEST, STATUS_DAMAGED,
            "%s: record '%s': split %d, must be -1 to 2", path, name, record->split);
    REQUIRE(record->excluded < N_EXCLUSIONS && (!record->excluded || record->split == SPLIT_EXCLUDED), STATUS_DAMAGED,
            "%s: record '%s': excluded %u with split %s, must be below %d and only with split excluded", path, name,
            record->excluded, split_name((enum split)record->split), N_EXCLUSIONS);
    REQUIRE(record->sex >= -1 && record->sex <= 1, STATUS_DAMAGED, "%s: record '%s': sex %d, must be -1, 0 or 1", path,
            name, record->sex);
    REQUIRE(isnan(record->age_years) || (record->age_years >= 0 && record->age_years <= 150), STATUS_DAMAGED,
            "%s: record '%s': age_years %g, must be 0 to 150 or NaN", path, name, (double)record->age_years);
    REQUIRE(record->anomaly >= LABEL_UNKNOWN && record->anomaly <= LABEL_PRESENT, STATUS_DAMAGED,
            "%s: record '%s': anomaly %d, must be -1, 0 or 1", path, name, record->anomaly);
    return STATUS_OK;
fail:
    return status;
}

static enum status check_references(const struct corpus *corpus, const struct corpus_record *record)
{
    enum status status;
    const char *path = corpus->path, *name = record->name;
    REQUIRE(record->shard < corpus->n_shards, STATUS_DAMAGED, "%s: record '%s': shard %u, there are %zu", path, name,
            record->shard, corpus->n_shards);
    const struct shard_info *shard = &corpus->shards[record->shard];
    uint64_t rows = (uint64_t)record->seconds * record->n_leads;
    REQUIRE(record->first_row % CHUNK_ROWS == 0 && record->first_row <= shard->rows &&
                rows <= shard->rows - record->first_row,
            STATUS_DAMAGED,
            "%s: record '%s': first_row %" PRIu64 " with %" PRIu64 " rows does not lie in shard %u of %" PRIu64
            " rows, or not on a chunk's edge",
            path, name, record->first_row, rows, record->shard, shard->rows);
    REQUIRE(record->row < shard->records, STATUS_DAMAGED, "%s: record '%s': row %u of a shard with %" PRIu64 " records",
            path, name, record->row, shard->records);
    REQUIRE(record->source < corpus->n_sources, STATUS_DAMAGED, "%s: record '%s': source %u, there are %zu", path, name,
            record->source, corpus->n_sources);
    REQUIRE(record->excluded != EXCLUDED_DOUBLE || record->double_of < corpus->n_records, STATUS_DAMAGED,
            "%s: record '%s': double of record %u, there are %zu", path, name, record->double_of, corpus->n_records);
    REQUIRE(record->first_event <= corpus->n_events && record->n_events <= corpus->n_events - record->first_event,
            STATUS_DAMAGED, "%s: record '%s': events %u to %" PRIu64 ", there are %zu", path, name, record->first_event,
            (uint64_t)record->first_event + record->n_events, corpus->n_events);
    for (size_t c = 0; c < corpus->n_classes; c++)
        REQUIRE(record->labels[c] >= LABEL_UNKNOWN && record->labels[c] <= LABEL_PRESENT, STATUS_DAMAGED,
                "%s: record '%s': label '%s' is %d, must be -1, 0 or 1", path, name, corpus->classes[c].name,
                record->labels[c]);
    for (uint32_t i = 0; i < record->n_events; i++) {
        const struct corpus_event *event = &corpus->events[record->first_event + i];
        REQUIRE(event->onset_s >= 0 && event->offset_s >= event->onset_s && isfinite(event->offset_s), STATUS_DAMAGED,
                "%s: record '%s': event %u from %g to %g s, must be finite and in order", path, name, i,
                (double)event->onset_s, (double)event->offset_s);
    }
    return STATUS_OK;
fail:
    return status;
}

static int compare_places(const void *a, const void *b)
{
    const struct group_place *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return x->record < y->record ? -1 : x->record > y->record;
}

size_t group_places(const struct corpus *corpus, struct group_place *places)
{
    size_t count = 0;
    for (size_t i = 0; i < corpus->n_records; i++)
        if (corpus->records[i].split != SPLIT_EXCLUDED)
            places[count++] = (struct group_place){corpus->records[i].group, (uint32_t)i};
    qsort(places, count, sizeof *places, compare_places);
    return count;
}

/* A group in two splits would let a patient of the test set be learnt by heart. */
static enum status check_groups(const struct corpus *corpus)
{
    enum status status;
    struct group_place *places = NEW_ARRAY(struct group_place, corpus->n_records + 1);
    size_t count = group_places(corpus, places);
    for (size_t i = 1; i < count; i++) {
        const struct corpus_record *a = &corpus->records[places[i - 1].record];
        const struct corpus_record *b = &corpus->records[places[i].record];
        if (places[i].group == places[i - 1].group && a->split != b->split)
            FAIL(STATUS_DAMAGED, "%s: records '%s' (%s) and '%s' (%s) belong to one group, which must have one split",
                 corpus->path, a->name, split_name(a->split), b->name, split_name(b->split));
    }
    status = STATUS_OK;
fail:
    free(places);
    return status;
}

enum status corpus_check(const struct corpus *corpus)
{
    enum status status;
    REQUIRE(corpus->n_records < UINT32_MAX, STATUS_DAMAGED, "%s: too many records", corpus->path);
    for (size_t i = 0; i < corpus->n_sources; i++)
        REQUIRE(corpus->sources[i].contributor < corpus->n_contributors, STATUS_DAMAGED,
                "%s: source '%s': contributor %u, there are %zu", corpus->path, corpus->sources[i].name,
                corpus->sources[i].contributor, corpus->n_contributors);
    for (size_t i = 0; i < corpus->n_records; i++) {
        TRY(check_record_shape(&corpus->records[i], corpus->path));
        TRY(check_references(corpus, &corpus->records[i]));
    }
    TRY(check_groups(corpus));
    return STATUS_OK;
fail:
    return status;
}
