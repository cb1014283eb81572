/* Annotation files in MIT format, written word by word as annot(5) defines them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/recording/wfdb.h"

enum { SKIP = 59, NUM = 60, SUB = 61, CHN = 62, AUX = 63 };

static struct {
    uint8_t bytes[512];
    size_t count;
} file;

static void put_word(unsigned word)
{
    file.bytes[file.count++] = (uint8_t)word;
    file.bytes[file.count++] = (uint8_t)(word >> 8);
}

static void put(unsigned code, unsigned low)
{
    put_word(code << 10 | low);
}

static void put_skip(int32_t interval)
{
    put(SKIP, 0);
    put_word((uint32_t)interval >> 16); /* the high half comes first */
    put_word((uint32_t)interval & 0xffff);
}

static void put_text(const char *text)
{
    size_t length = strlen(text);
    put(AUX, (unsigned)length);
    memcpy(file.bytes + file.count, text, length);
    file.count += length;
    if (length % 2)
        file.bytes[file.count++] = 0;
}

/* Parses what was put, as of a record at 360 Hz, and empties the file. */
static struct recording *parse(void)
{
    struct recording *recording = recording_new("test.hea");
    recording->rate_hz = 360;
    /* a copy of exactly that size, so that AddressSanitizer sees a read behind the end */
    uint8_t *copy = malloc(file.count ? file.count : 1);
    memcpy(copy, file.bytes, file.count);
    wfdb_annotation_parse(recording, 360, "test.atr", copy, file.count);
    free(copy);
    file.count = 0;
    return recording;
}

static void expect_event(const struct recording *recording, size_t i, uint64_t sample, const char *code,
                         const char *text)
{
    assert_true(i < recording->n_events);
    assert_int_equal(recording->events[i].sample, sample);
    assert_string_equal(recording->events[i].code, code);
    assert_string_equal(recording->events[i].text, text);
}

static void intervals_add_up_and_codes_have_their_symbols(void **state)
{
    (void)state;
    put(28, 18); /* rhythm change */
    put_text("(N");
    put(1, 59);
    put(8, 1023);
    put(12, 5);
    put(38, 1);
    put(41, 0);
    put_word(0);
    struct recording *r = parse();
    assert_int_equal(r->n_events, 6);
    expect_event(r, 0, 18, "+", "(N");
    expect_event(r, 1, 77, "N", "");
    expect_event(r, 2, 1100, "A", "");
    expect_event(r, 3, 1105, "/", "");
    expect_event(r, 4, 1106, "f", "");
    expect_event(r, 5, 1106, "r", "");
    assert_int_equal(r->n_warnings, 0);
    recording_close(r);
}

static void skips_add_up_beyond_32_bits(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        put_skip(INT32_MAX);
    put_skip(1410065412);
    put(1, 3);
    put_skip(-3);
    put(5, 0);
    put_word(0);
    struct recording *r = parse();
    assert_int_equal(r->n_events, 2);
    expect_event(r, 0, 10000000000, "V", ""); /* sorted */
    expect_event(r, 1, 10000000003, "N", "");
    recording_close(r);
}

static void modifiers_are_no_annotations(void **state)
{
    (void)state;
    put(1, 10);
    put(NUM, 2);
    put(SUB, 1);
    put(CHN, 1);
    put_text("(AFIB");
    put(1, 10);
    put(42, 1);
    put(0, 1); /* no code: time passes */
    put(5, 1);
    put_word(0);
    struct recording *r = parse();
    assert_int_equal(r->n_events, 4);
    expect_event(r, 0, 10, "N", "(AFIB");
    expect_event(r, 1, 20, "N", "");
    expect_event(r, 2, 21, "[42]", "");
    expect_event(r, 3, 23, "V", "");
    recording_close(r);
}

static void number_and_channel_hold_until_they_change_and_subtype_does_not(void **state)
{
    (void)state;
    put(14, 10);           /* noise */
    put(NUM, 0x80 | 0x7f); /* -1 as 8 bits */
    put(SUB, 17);
    put(CHN, 2);
    put(1, 10);
    put(1, 10);
    put(CHN, 0);
    put_word(0);
    struct recording *r = parse();
    static const int wanted[3][3] = {{-1, 17, 2}, {-1, 0, 2}, {-1, 0, 0}};
    assert_int_equal(r->n_events, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(r->events[i].number, wanted[i][0]);
        assert_int_equal(r->events[i].subtype, wanted[i][1]);
        assert_int_equal(r->events[i].channel, wanted[i][2]);
    }
    recording_close(r);
}

static void codes_that_a_file_defines_have_its_symbols(void **state)
{
    (void)state;
    static const char *const notes[] = {"## annotation type definitions", "42 xx a kind of its own", "43 y another",
                                        "## end of definitions"};
    for (int i = 0; i < 4; i++) {
        put(22, 0);
        put_text(notes[i]);
    }
    put(42, 5);
    put(43, 5);
    put(44, 5);
    put_word(0);
    struct recording *r = parse();
    assert_int_equal(r->n_events, 3);
    expect_event(r, 0, 5, "xx", "");
    expect_event(r, 1, 10, "y", "");
    expect_event(r, 2, 15, "[44]", "");
    recording_close(r);
}

static void free_text_is_not_kept(void **state)
{
    (void)state;
    put(22, 10);
    put_text("seen by Dr. Who");
    put(28, 10);
    put_text("(VT\x01\xff");
    put_word(0);
    struct recording *r = parse();
    expect_event(r, 0, 10, "\"", "");
    expect_event(r, 1, 20, "+", "(VT??");
    recording_close(r);
}

static void events_of_equal_time_keep_their_order(void **state)
{
    (void)state;
    put(1, 10);
    put(5, 0);
    put_skip(-5);
    put(8, 0);
    put(4, 0);
    put_word(0);
    struct recording *r = parse();
    expect_event(r, 0, 5, "A", "");
    expect_event(r, 1, 5, "a", "");
    expect_event(r, 2, 10, "N", "");
    expect_event(r, 3, 10, "V", "");
    recording_close(r);
}

static void another_clock_is_converted(void **state)
{
    (void)state;
    put(22, 0);
    put_text("## time resolution: 720");
    put(1, 100);
    put_word(0);
    struct recording *r = parse();
    assert_int_equal(r->n_events, 1);
    expect_event(r, 0, 50, "N", ""); /* 100 ticks of 720 Hz at 360 Hz */
    recording_close(r);
}

static void every_cut_of_a_file_gives_the_whole_annotations_and_a_warning(void **state)
{
    (void)state;
    /* ends of the words: 2 4 6 8, text to 10, skip 12 to 16, N to 18, end mark to 20 */
    static const size_t events_at[21] = {0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3};
    for (size_t length = 0; length <= 20; length++) {
        put(1, 10);
        put(28, 10);
        put(CHN, 0);
        put_text("(T");
        put_skip(1000);
        put(1, 0);
        put_word(0);
        assert_int_equal(file.count, 20);
        file.count = length;
        struct recording *r = parse();
        assert_int_equal(r->n_events, events_at[length]);
        assert_int_equal(r->n_warnings, length < 20);
        if (length < 20) {
            char wanted[64];
            snprintf(wanted, sizeof wanted, "no end mark; %zu annotations were read", events_at[length]);
            assert_non_null(strstr(r->warnings[0], wanted));
        }
        recording_close(r);
    }
}

static void marks_before_the_start_are_left_out(void **state)
{
    (void)state;
    put_skip(-100);
    put(1, 0);
    put(1, 150);
    put_word(0);
    struct recording *r = parse();
    assert_int_equal(r->n_events, 1);
    expect_event(r, 0, 50, "N", "");
    assert_non_null(strstr(r->warnings[0], "1 annotations before the first sample"));
    recording_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_add_up_and_codes_have_their_symbols),
        cmocka_unit_test(skips_add_up_beyond_32_bits),
        cmocka_unit_test(modifiers_are_no_annotations),
        cmocka_unit_test(number_and_channel_hold_until_they_change_and_subtype_does_not),
        cmocka_unit_test(codes_that_a_file_defines_have_its_symbols),
        cmocka_unit_test(free_text_is_not_kept),
        cmocka_unit_test(events_of_equal_time_keep_their_order),
        cmocka_unit_test(another_clock_is_converted),
        cmocka_unit_test(every_cut_of_a_file_gives_the_whole_annotations_and_a_warning),
        cmocka_unit_test(marks_before_the_start_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
