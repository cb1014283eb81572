/* Weights of sources, temperature and held-out sources of a training config. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/corpus/sampler.h"
#include "train/source_weights.h"

enum { N_RECORDS = 105 };

/* 80 records of source big, 20 of small, 5 of other; two to a group, the last of big with the first of small. */
static struct corpus_record records[N_RECORDS];
static struct corpus_source sources[] = {{"big", "", 80, 0}, {"small", "", 20, 0}, {"other", "", 5, 0}};
static struct corpus corpus = {.path = "here", .n_records = N_RECORDS, .n_sources = 3};

static int fill(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < N_RECORDS; i++)
        records[i] = (struct corpus_record){.source = i < 80    ? 0
                                                      : i < 100 ? 1
                                                                : 2,
                                            .group = (i + 1) / 2,
                                            .seconds = 10,
                                            .n_leads = 1,
                                            .content = i,
                                            .weight = 1,
                                            .split = i % 10 == 9 ? SPLIT_TEST : SPLIT_TRAIN};
    corpus.records = records;
    corpus.sources = sources;
    return 0;
}

static double sum_of(uint16_t source)
{
    double sum = 0;
    for (size_t i = 0; i < N_RECORDS; i++)
        if (records[i].source == source && records[i].split == SPLIT_TRAIN)
            sum += (double)records[i].weight;
    return sum;
}

static void a_factor_multiplies_the_training_weight_of_its_source_alone(void **state)
{
    (void)state;
    char *weights[] = {"sm*=2.5"};
    struct data_config data = {.temperature = 1, .source_weights = weights, .n_source_weights = 1};
    double big = sum_of(0), small = sum_of(1);
    assert_int_equal(source_weights_apply(&corpus, &data), STATUS_OK);
    assert_true(fabs(sum_of(0) - big) < 1e-9);
    assert_true(fabs(sum_of(1) - 2.5 * small) < 1e-4);
    assert_true((double)records[89].weight == 1); /* test */
}

static void temperature_two_takes_the_root_and_keeps_the_length_of_an_epoch(void **state)
{
    (void)state;
    struct data_config data = {.temperature = 2};
    double big = sum_of(0), small = sum_of(1), other = sum_of(2), total = big + small + other;
    assert_int_equal(source_weights_apply(&corpus, &data), STATUS_OK);
    assert_true(fabs(sum_of(0) / sum_of(1) - sqrt(big / small)) < 1e-4);
    assert_true(fabs(sum_of(1) / sum_of(2) - sqrt(small / other)) < 1e-4);
    assert_true(fabs(sum_of(0) + sum_of(1) + sum_of(2) - total) < 1e-2);
}

static void a_held_out_source_takes_its_patients_along_and_keeps_its_test_split(void **state)
{
    (void)state;
    char *names[] = {"small"};
    struct data_config data = {.temperature = 1, .hold_out_sources = names, .n_hold_out_sources = 1};
    assert_int_equal(records[79].group, records[80].group);
    records[79].split = SPLIT_TRAIN;
    assert_int_equal(source_weights_apply(&corpus, &data), STATUS_OK);
    for (size_t i = 80; i < 100; i++)
        assert_int_equal(records[i].split, i % 10 == 9 ? SPLIT_TEST : SPLIT_EXCLUDED);
    assert_int_equal(records[79].split, SPLIT_EXCLUDED);
    assert_int_equal(records[78].split, SPLIT_TRAIN);
}

static void a_source_that_is_not_there_is_refused_with_those_that_are(void **state)
{
    (void)state;
    char *names[] = {"smal"}, *weights[] = {"huge=2"};
    struct data_config held = {.temperature = 1, .hold_out_sources = names, .n_hold_out_sources = 1};
    struct data_config weighted = {.temperature = 1, .source_weights = weights, .n_source_weights = 1};
    assert_int_equal(source_weights_apply(&corpus, &held), STATUS_CONFIG);
    assert_non_null(strstr(status_message(), "big, small, other"));
    assert_int_equal(source_weights_apply(&corpus, &weighted), STATUS_CONFIG);
    assert_non_null(strstr(status_message(), "huge"));
}

static void factors_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"big", "=2", "big=", "big=-1", "big=nan", "big=1001", "big=two"};
    char *name = NULL;
    double factor;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (source_weight_parse(wrong[i], &name, &factor))
            fail_msg("'%s' is taken", wrong[i]);
    assert_true(source_weight_parse("a=b=0.5", &name, &factor));
    assert_string_equal(name, "a=b");
    free(name);
}

/* The expected count of a record in an epoch is its weight, whatever the epoch; and an epoch is always the same. */
static void spans_of_a_source_come_as_often_as_its_factor_says(void **state)
{
    (void)state;
    char *weights[] = {"small=3", "other=0"};
    struct data_config data = {.temperature = 1, .source_weights = weights, .n_source_weights = 2};
    struct sampler_settings settings = {.seed = 5,
                                        .split = SPLIT_TRAIN,
                                        .micro_batches = 1,
                                        .batch_tokens = 200,
                                        .window_seconds = 10,
                                        .shuffle = true,
                                        .width = 8};
    uint64_t counts[2][3] = {{0}};
    assert_int_equal(source_weights_apply(&corpus, &data), STATUS_OK);
    for (int run = 0; run < 2; run++) {
        struct sampler *sampler;
        const struct batch_plan *plan;
        assert_int_equal(sampler_create(&sampler, &corpus, &settings), STATUS_OK);
        do {
            plan = sampler_next(sampler);
            for (size_t s = 0; s < plan->n_spans; s++)
                counts[run][records[plan->spans[s].record_index].source]++;
        } while (plan->epoch < 20);
        sampler_free(sampler);
    }
    assert_memory_equal(counts[0], counts[1], sizeof counts[0]);
    double ratio = (double)counts[0][1] / (double)counts[0][0], wanted = 3.0 * 18 / 72;
    assert_true(fabs(ratio / wanted - 1) < 0.05);
    assert_int_equal(counts[0][2], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_factor_multiplies_the_training_weight_of_its_source_alone, fill),
        cmocka_unit_test_setup(temperature_two_takes_the_root_and_keeps_the_length_of_an_epoch, fill),
        cmocka_unit_test_setup(a_held_out_source_takes_its_patients_along_and_keeps_its_test_split, fill),
        cmocka_unit_test_setup(a_source_that_is_not_there_is_refused_with_those_that_are, fill),
        cmocka_unit_test(factors_that_are_none_are_refused),
        cmocka_unit_test_setup(spans_of_a_source_come_as_often_as_its_factor_says, fill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
