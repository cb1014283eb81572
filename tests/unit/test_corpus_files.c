/* Corpora written and read again: samples, tables, folds, equal bytes, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/json.h"
#include "tests/unit/corpus_fixture.h"

static struct world world;

static uint64_t hash_of(const char *folder, const char *name)
{
    char *path = join_path(folder, name);
    uint64_t hash;
    assert_int_equal(file_hash(path, &hash, NULL), STATUS_OK);
    free(path);
    return hash;
}

static void records_come_back_sample_by_sample_and_field_by_field(void **state)
{
    (void)state;
    char *folder = fixture_folder();
    struct corpus *corpus;
    assert_int_equal(fixture_write(folder, 21, 200000, NULL), STATUS_OK);
    assert_int_equal(corpus_open(&corpus, folder, &world), STATUS_OK);
    assert_int_equal(corpus->n_records, 21);
    assert_int_equal(corpus->n_classes, 2);
    assert_string_equal(corpus->classes[1].name, "AF");
    assert_string_equal(corpus->sources[1].licence, "ODbL");
    assert_int_equal(corpus->refusals[0].count, 3);
    assert_int_equal(corpus->n_findings, 1);
    assert_true(corpus->findings[0].source == 1 && corpus->findings[0].records == 2);
    assert_string_equal(corpus->findings[0].kind, "gain of source");
    assert_string_equal(corpus->findings[0].detail, "median QRS 0.100 mV");
    assert_true(corpus->n_shards > 2);
    assert_string_equal(corpus->key_id, "fedcba9876543210");
    for (uint32_t r = 0; r < 21; r++) {
        struct corpus_record *record = &corpus->records[r], expected = fixture_record(r);
        int16_t *samples;
        assert_int_equal(record->seconds, expected.seconds);
        assert_int_equal(record->n_leads, expected.n_leads);
        assert_memory_equal(record->lead, expected.lead, sizeof expected.lead);
        assert_memory_equal(record->patient, expected.patient, sizeof expected.patient);
        assert_memory_equal(record->gain_per_mv, expected.gain_per_mv, sizeof expected.gain_per_mv);
        assert_string_equal(record->name, expected.name);
        assert_int_equal(record->split, expected.split);
        assert_int_equal(record->fold, expected.fold);
        assert_int_equal(record->n_events, expected.n_events);
        assert_int_equal(isnan(record->age_years), r % 3 == 0);
        assert_int_equal(record->labels[0], (int)(r % 3) - 1);
        assert_int_equal(record->first_row % CHUNK_ROWS, 0);
        assert_int_equal(corpus_read_record(corpus, r, &samples), STATUS_OK);
        for (uint32_t t = 0, i = 0; t < record->seconds; t++)
            for (uint32_t l = 0; l < record->n_leads; l++)
                for (uint32_t s = 0; s < PATCH_SAMPLES; s++, i++)
                    if (samples[i] != fixture_sample(r, t, l, s))
                        fail_msg("record %u, second %u, lead %u, sample %u", r, t, l, s);
        free(samples);
    }
    assert_string_equal(corpus->events[1].code, "AF");
    assert_true(corpus->events[1].offset_s == 9.0f);
    corpus_close(corpus);
    folder_remove(folder);
    free(folder);
}

static void two_builds_of_the_same_records_give_equal_bytes(void **state)
{
    (void)state;
    char *a = fixture_folder(), *b = fixture_folder(), *shards = join_path(a, "shards"), **names;
    size_t count;
    assert_int_equal(fixture_write(a, 14, 150000, NULL), STATUS_OK);
    sleep(1); /* a time stamp in whole seconds would differ now */
    assert_int_equal(fixture_write(b, 14, 150000, NULL), STATUS_OK);
    assert_true(hash_of(a, "manifest.json") == hash_of(b, "manifest.json"));
    assert_true(hash_of(a, "index.h5") == hash_of(b, "index.h5"));
    assert_int_equal(folder_list(shards, &names, &count), STATUS_OK);
    assert_true(count > 1);
    for (size_t i = 0; i < count; i++) {
        char *name = format_text("shards/%s", names[i]);
        assert_true(hash_of(a, name) == hash_of(b, name));
        free(name);
    }
    folder_free_names(names, count);
    folder_remove(a);
    folder_remove(b);
    free(shards);
    free(a);
    free(b);
}

static void shards_are_numbered_densely_and_closed_at_their_size(void **state)
{
    (void)state;
    char *folder = fixture_folder(), *shards = join_path(folder, "shards"), **names;
    size_t count;
    assert_int_equal(fixture_write(folder, 21, 100000, NULL), STATUS_OK);
    assert_int_equal(folder_list(shards, &names, &count), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "%05zu.h5", i);
        assert_string_equal(names[i], expected);
    }
    folder_free_names(names, count);
    folder_remove(folder);
    free(shards);
    free(folder);
}

static void a_corpus_without_records_can_be_read(void **state)
{
    (void)state;
    char *folder = fixture_folder();
    struct corpus *corpus;
    assert_int_equal(fixture_write(folder, 0, 100000, NULL), STATUS_OK);
    assert_int_equal(corpus_open(&corpus, folder, &world), STATUS_OK);
    assert_int_equal(corpus->n_records, 0);
    assert_int_equal(corpus->n_shards, 0);
    corpus_close(corpus);
    folder_remove(folder);
    free(folder);
}

static void a_folder_without_manifest_says_that_the_build_did_not_finish(void **state)
{
    (void)state;
    char *folder = fixture_folder(), *manifest = join_path(folder, "manifest.json");
    struct corpus *corpus;
    assert_int_equal(fixture_write(folder, 3, 100000, NULL), STATUS_OK);
    unlink(manifest);
    assert_int_equal(corpus_open(&corpus, folder, &world), STATUS_DAMAGED);
    assert_non_null(
        strstr(status_message(), "no manifest.json: the build did not finish; run anyecg-pack build again"));
    folder_remove(folder);
    free(manifest);
    free(folder);
}

static void a_finished_corpus_is_not_written_over(void **state)
{
    (void)state;
    char *folder = fixture_folder();
    struct shard_writer *writer;
    assert_int_equal(fixture_write(folder, 3, 100000, NULL), STATUS_OK);
    assert_int_equal(shard_writer_create(&writer, folder, 1000, 0, 1), STATUS_USAGE);
    folder_remove(folder);
    free(folder);
}

static void split_a_group(struct corpus_record *record, uint32_t r)
{
    if (r == 3)
        record->split = SPLIT_TEST; /* record 2 of the same group trains */
}

static void a_group_in_two_splits_is_refused(void **state)
{
    (void)state;
    char *folder = fixture_folder();
    assert_int_equal(fixture_write(folder, 6, 100000, split_a_group), STATUS_DAMAGED);
    assert_non_null(strstr(status_message(), "one group"));
    folder_remove(folder);
    free(folder);
}

static struct {
    size_t offset, bytes;
    int64_t value;
} wrong;

static void make_wrong(struct corpus_record *record, uint32_t r)
{
    if (r == 2)
        memcpy((char *)record + wrong.offset, &wrong.value, wrong.bytes);
}

static void values_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
#define WRONG(field, value_)                                                                                           \
    {                                                                                                                  \
        offsetof(struct corpus_record, field), sizeof((struct corpus_record *)0)->field, value_                        \
    }
    const struct {
        size_t offset, bytes;
        int64_t value;
    } cases[] = {WRONG(n_leads, 17), WRONG(n_leads, 0), WRONG(seconds, 0),         WRONG(split, 3),
                 WRONG(split, -2),   WRONG(source, 2),  WRONG(first_event, 3),     WRONG(n_events, 4000000000),
                 WRONG(sex, 5),      WRONG(anomaly, 2), WRONG(weight, 0xff800000), WRONG(lead[0], N_LEADS)};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *folder = fixture_folder();
        memcpy(&wrong, &cases[i], sizeof wrong);
        if (fixture_write(folder, 5, 100000, make_wrong) != STATUS_DAMAGED)
            fail_msg("case %zu was accepted", i);
        assert_non_null(strstr(status_message(), "first/00002"));
        folder_remove(folder);
        free(folder);
    }
}

static void folds_decide_splits_and_keep_groups_whole(void **state)
{
    (void)state;
    char *folder = fixture_folder();
    struct corpus *corpus;
    /* Fold of record r is r % 10, its group r / 2: folds 0 and 1 share groups. */
    struct fold_lists folds = {.train = {0, 2, 3, 5, 6, 8, 9},
                               .n_train = 7,
                               .validation = {4, 7},
                               .n_validation = 2,
                               .test = {1},
                               .n_test = 1};
    assert_int_equal(fixture_write(folder, 20, 1000000, NULL), STATUS_OK);
    assert_int_equal(corpus_open(&corpus, folder, &world), STATUS_OK);
    corpus->records[8].split = SPLIT_EXCLUDED;
    assert_int_equal(corpus_apply_folds(corpus, &folds), STATUS_OK);
    const int expected[10] = {SPLIT_TEST,       SPLIT_TEST,       SPLIT_TRAIN,      SPLIT_TRAIN, SPLIT_VALIDATION,
                              SPLIT_VALIDATION, SPLIT_VALIDATION, SPLIT_VALIDATION, SPLIT_TRAIN, SPLIT_TRAIN};
    for (uint32_t r = 0; r < 20; r++)
        assert_int_equal(corpus->records[r].split, r == 8 ? SPLIT_EXCLUDED : expected[r % 10]);
    folds.train[0] = 1;
    assert_int_equal(corpus_apply_folds(corpus, &folds), STATUS_CONFIG);
    corpus_close(corpus);
    folder_remove(folder);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_sample_by_sample_and_field_by_field),
        cmocka_unit_test(two_builds_of_the_same_records_give_equal_bytes),
        cmocka_unit_test(shards_are_numbered_densely_and_closed_at_their_size),
        cmocka_unit_test(a_corpus_without_records_can_be_read),
        cmocka_unit_test(a_folder_without_manifest_says_that_the_build_did_not_finish),
        cmocka_unit_test(a_finished_corpus_is_not_written_over),
        cmocka_unit_test(a_group_in_two_splits_is_refused),
        cmocka_unit_test(values_that_contradict_each_other_are_refused),
        cmocka_unit_test(folds_decide_splits_and_keep_groups_whole),
    };
    world_single(&world);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
