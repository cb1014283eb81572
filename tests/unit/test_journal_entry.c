/* Entries of a build's journal that somebody else has sealed: nothing in them is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "io/pack/journal_entry.h"
#include "io/pack/packer.h"
#include "io/pack/unknown_codes.h"

static const struct journal_bounds bounds = {10, 3};

/* One record with one event and one key, as in a packed_list. */
static struct entry {
    struct packed packed;
    struct corpus_event event;
    uint64_t key;
} entry;

_Static_assert(sizeof entry == sizeof(struct packed) + sizeof(struct corpus_event) + sizeof(uint64_t), "no gaps");

static bool is_taken(size_t bytes, uint64_t n)
{
    return journal_items_are_sound((const char *)&entry, bytes, n, 7, &bounds);
}

static void make_sound(void)
{
    memset(&entry, 0, sizeof entry);
    entry.packed.order = 9;
    entry.packed.source = 2;
    entry.packed.record.shard = 7;
    entry.packed.record.n_leads = 2;
    entry.packed.n_events = entry.packed.n_keys = 1;
    strcpy(entry.event.code, "AF");
}

static void records_that_are_whole_are_taken(void **state)
{
    (void)state;
    make_sound();
    assert_true(is_taken(sizeof entry, 1));
    assert_true(is_taken(0, 0));
}

static void records_that_reach_beyond_the_entry_are_refused(void **state)
{
    (void)state;
    make_sound();
    assert_false(is_taken(sizeof entry, 2));
    assert_false(is_taken(sizeof entry - 8, 1));
    assert_false(is_taken(sizeof entry.packed - 8, 1));
    entry.packed.n_events = SIZE_MAX / sizeof(struct corpus_event) + 2; /* whose size wraps to a small one */
    assert_false(is_taken(sizeof entry, 1));
    make_sound();
    entry.packed.n_keys = SIZE_MAX / 8 + 2;
    assert_false(is_taken(sizeof entry, 1));
}

static void records_that_name_what_is_not_there_are_refused(void **state)
{
    (void)state;
    make_sound();
    entry.packed.order = 10;
    assert_false(is_taken(sizeof entry, 1));
    make_sound();
    entry.packed.source = 3;
    assert_false(is_taken(sizeof entry, 1));
    make_sound();
    entry.packed.record.shard = 8;
    assert_false(is_taken(sizeof entry, 1));
    make_sound();
    entry.packed.record.n_leads = MAX_SPAN_LEADS + 1;
    assert_false(is_taken(sizeof entry, 1));
    make_sound();
    entry.packed.quality.n_person_keys = 2;
    assert_false(is_taken(sizeof entry, 1));
    make_sound();
    entry.packed.labels.state[N_VOCABULARY_CLASSES - 1] = 2;
    assert_false(is_taken(sizeof entry, 1));
    make_sound();
    memset(entry.event.code, 'a', sizeof entry.event.code);
    assert_false(is_taken(sizeof entry, 1));
}

static void refusals_without_an_end_are_refused(void **state)
{
    (void)state;
    static const char two[] = "\1\0\0\0\0\0\0\0a\0\2\0\0\0\0\0\0\0";
    assert_true(journal_refusals_are_sound(two, 10, 1, &bounds));
    assert_true(journal_refusals_are_sound(two, sizeof two, 2, &bounds)); /* the last 0 is that of the literal */
    assert_false(journal_refusals_are_sound(two, sizeof two, 1, &bounds));
    assert_false(journal_refusals_are_sound(two, sizeof two - 1, 2, &bounds));
    assert_false(journal_refusals_are_sound(two, 9, 1, &bounds));
    assert_false(journal_refusals_are_sound("\12\0\0\0\0\0\0\0", 9, 1, &bounds));
}

static void codes_without_an_end_are_refused(void **state)
{
    (void)state;
    struct unknown_code codes[2] = {{"a", "b", 1}, {"a", "c", 1}};
    assert_true(journal_codes_are_sound((const char *)codes, 2));
    memset(codes[1].code, 'x', sizeof codes[1].code);
    assert_false(journal_codes_are_sound((const char *)codes, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_that_are_whole_are_taken),
        cmocka_unit_test(records_that_reach_beyond_the_entry_are_refused),
        cmocka_unit_test(records_that_name_what_is_not_there_are_refused),
        cmocka_unit_test(refusals_without_an_end_are_refused),
        cmocka_unit_test(codes_without_an_end_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
