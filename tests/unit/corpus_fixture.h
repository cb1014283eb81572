/* tests/unit/corpus_fixture.h — a small corpus whose every sample follows from a formula, for tests in several folders.
 *
 * Record r has SHAPES[r % N_SHAPES] seconds and leads; sample s of lead l in second t is fixture_sample(r, t, l, s). */
#ifndef TESTS_CORPUS_FIXTURE_H
#define TESTS_CORPUS_FIXTURE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/corpus/corpus.h"
#include "io/corpus/writer.h"

struct fixture_shape {
    uint32_t seconds;
    uint16_t leads;
};
static const struct fixture_shape fixture_shapes[] = {{10, 12}, {10, 12}, {7, 3}, {130, 2}, {10, 8}, {1, 1}, {33, 11}};
enum { FIXTURE_SHAPES = 7 };

/* Eleven leads do not divide the 120 rows of a chunk, so seconds cross chunk edges. The formula stands also in
 * tests/oracle/corpus_h5py.py: a smooth part that LZ4 can pack and a part that it cannot. */
static inline int16_t fixture_sample(uint32_t record, uint32_t second, uint32_t lead, uint32_t sample)
{
    uint32_t noise = (record * 2654435761u + second * 40503u + lead * 97u + sample) * 2246822519u;
    int32_t slow = (int32_t)((sample * 7 + lead * 13 + second * 5 + record * 3) % 601) - 300;
    return (int16_t)(slow * (1 + (int32_t)(record % 5)) + (int32_t)(noise >> 28));
}

static inline void fixture_fill(int16_t *samples, uint32_t record, uint32_t seconds, uint32_t leads)
{
    for (uint32_t t = 0; t < seconds; t++)
        for (uint32_t l = 0; l < leads; l++)
            for (uint32_t s = 0; s < PATCH_SAMPLES; s++)
                *samples++ = fixture_sample(record, t, l, s);
}

static const struct corpus_class fixture_classes[] = {{"426783006", "SNR"}, {"164889003", "AF"}};
static const struct corpus_source fixture_sources[] = {{"first", "CC-BY-4.0", 0, 0}, {"second", "ODbL", 0, 0}};
static const struct corpus_event fixture_events[] = {{1.5f, 1.5f, "PVC"}, {3.0f, 9.0f, "AF"}};

static inline struct corpus_record fixture_record(uint32_t r)
{
    struct corpus_record record = {
        .seconds = fixture_shapes[r % FIXTURE_SHAPES].seconds,
        .n_leads = fixture_shapes[r % FIXTURE_SHAPES].leads,
        .original_hz = 500,
        .group = r / 2,
        .source = r % 2,
        .split = (int8_t)(r / 2 % 5 == 3   ? SPLIT_VALIDATION
                          : r / 2 % 5 == 4 ? SPLIT_TEST
                                           : SPLIT_TRAIN),
        .fold = (int16_t)(r % 10),
        .age_years = r % 3 ? 40.0f + (float)(r % 50) : NAN,
        .sex = (int8_t)(r % 3) - 1,
        .weight = 1,
        .anomaly = (int8_t)(r % 3) - 1,
        .first_event = r % 4 == 0 ? 0 : 2,
        .n_events = r % 4 == 0 ? 2 : 0,
    };
    for (uint16_t l = 0; l < record.n_leads; l++) {
        record.lead[l] = (uint8_t)(record.n_leads == 1 ? LEAD_OTHER : l);
        record.gain_per_mv[l] = 1000;
    }
    memset(record.patient, (int)(r / 2), sizeof record.patient);
    snprintf(record.name, sizeof record.name, "%s/%05u", r % 2 ? "second" : "first", r);
    return record;
}

/* Changes records before they are written; NULL: none. */
typedef void (*fixture_change)(struct corpus_record *record, uint32_t r);

/* Writes the corpus; shards are closed at shard_bytes. */
static inline enum status fixture_write(const char *folder, uint32_t n_records, uint64_t shard_bytes,
                                        fixture_change change)
{
    enum status status;
    struct shard_writer *writer = NULL;
    struct shard_info *shards = NULL;
    struct corpus_record *records = xcalloc(n_records + 1, sizeof *records);
    int8_t *labels = xcalloc(n_records + 1, 2);
    size_t n_shards = 0;
    TRY(shard_writer_create(&writer, folder, shard_bytes, 0, 3)); /* as the first of three ranks: numbers with gaps */
    for (uint32_t r = 0; r < n_records; r++) {
        struct corpus_record *record = &records[r];
        *record = fixture_record(r);
        if (change)
            change(record, r);
        record->labels = labels + 2 * r;
        record->labels[0] = (int8_t)(r % 3) - 1;
        record->labels[1] = (int8_t)(r % 2);
        int16_t *samples = NEW_ARRAY(int16_t, (size_t)record->seconds * record->n_leads * PATCH_SAMPLES);
        fixture_fill(samples, r, record->seconds, record->n_leads);
        status = shard_writer_begin_record(writer, record);
        for (uint32_t t = 0; t < record->seconds && status == STATUS_OK; t += 3) { /* pieces across chunk edges */
            uint32_t take = record->seconds - t < 3 ? record->seconds - t : 3;
            status = shard_writer_append(writer, samples + (size_t)t * record->n_leads * PATCH_SAMPLES, take);
        }
        if (status == STATUS_OK)
            status = shard_writer_end_record(writer, record);
        free(samples);
        if (status != STATUS_OK)
            goto fail;
    }
    TRY(shard_writer_finish(writer, &shards, &n_shards));
    struct refusal refusal = {"signal file shorter than its header says", 3};
    struct corpus_finding finding = {1, 2, "gain of source", "median QRS 0.100 mV"};
    struct corpus_description description = {
        .classes = fixture_classes,
        .n_classes = 2,
        .sources = fixture_sources,
        .n_sources = 2,
        .events = fixture_events,
        .n_events = 2,
        .shards = shards,
        .n_shards = n_shards,
        .refusals = &refusal,
        .n_refusals = 1,
        .findings = &finding,
        .n_findings = 1,
        .recipe_json = "{\"version\": 1}",
        .recipe_hash = "0123456789abcdef",
        .key_id = "fedcba9876543210",
    };
    TRY(corpus_write_index(folder, records, n_records, &description));
    status = STATUS_OK;
fail:
    shard_writer_free(writer);
    free(shards);
    free(records);
    free(labels);
    return status;
}

/* A new empty folder below /tmp (or TMPDIR), freed by the caller; remove it with folder_remove(). */
static inline char *fixture_folder(void)
{
    const char *place = getenv("TMPDIR");
    char *folder = format_text("%s/anyecg-corpus-XXXXXX", place && *place ? place : "/tmp");
    return mkdtemp(folder);
}

#endif
