/* Events of a record as labels of its seconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above */
#include <cmocka.h>
#include <string.h>

#include "io/corpus/second_labels.h"

static struct corpus_event events[] = {
    {.onset_s = 2.0f, .offset_s = 4.0f, .code = "AF"},
    {.onset_s = 6.9f, .offset_s = 6.9f, .code = "beat:V"},
    {.onset_s = 8.2f, .offset_s = 8.2f, .code = "beat:N"},
    {.onset_s = 9.0f, .offset_s = 9.0f, .code = "beat:A"},
};
static const struct corpus corpus = {.events = events, .n_events = 4};
static const struct corpus_record annotated = {.seconds = 10, .first_event = 0, .n_events = 4};

static void expect(const char *class_name, uint32_t first, uint32_t seconds, const int8_t *wanted)
{
    int8_t labels[16];
    corpus_second_labels(&corpus, &annotated, class_name, first, seconds, labels);
    assert_memory_equal(labels, wanted, seconds);
}

static void an_episode_covers_its_seconds_and_not_the_one_it_ends_before(void **state)
{
    (void)state;
    expect("AF", 0, 10, (const int8_t[]){0, 0, 1, 1, 0, 0, 0, 0, 0, 0});
    expect("AF", 3, 4, (const int8_t[]){1, 0, 0, 0});
}

static void beats_count_for_the_class_of_their_symbol(void **state)
{
    (void)state;
    expect("PVC", 0, 10, (const int8_t[]){0, 0, 0, 0, 0, 0, 1, 0, 0, 0});
    expect("PAC", 0, 10, (const int8_t[]){0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
    expect("LBBB", 0, 10, (const int8_t[]){0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
}

static void a_record_that_nobody_annotated_is_unknown(void **state)
{
    (void)state;
    const struct corpus_record silent = {.seconds = 3};
    int8_t labels[3];
    corpus_second_labels(&corpus, &silent, "AF", 0, 3, labels);
    assert_memory_equal(labels, ((const int8_t[]){-1, -1, -1}), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_episode_covers_its_seconds_and_not_the_one_it_ends_before),
        cmocka_unit_test(beats_count_for_the_class_of_their_symbol),
        cmocka_unit_test(a_record_that_nobody_annotated_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
