/* Text: strict numbers, building and cutting; lead names; messages; durations. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/lead.h"
#include "base/progress.h"
#include "base/status.h"
#include "base/text.h"

static void a_number_is_the_whole_text_and_finite(void **state)
{
    (void)state;
    static const char *const refused[] = {"",    " ",     "1.5x", "x1.5",  "1,5",    "1.5 2", "nan",
                                          "inf", "1e999", "--1",  "1.5e+", "-1e999", "."};
    double value = -7;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (parse_double(refused[i], &value) || value != -7)
            fail_msg("'%s' was read as %g", refused[i], value);
    assert_true(parse_double("1.5", &value) && value == 1.5);
    assert_true(parse_double(" -2.5e-3\r\n", &value) && value == -2.5e-3);
    assert_true(parse_double("+.5", &value) && value == 0.5);
}

static void numbers_are_read_the_same_where_the_decimal_sign_is_a_comma(void **state)
{
    (void)state;
    char folder[] = "/tmp/anyecg_locale_XXXXXX", printed[16];
    assert_non_null(mkdtemp(folder));
    char *command = format_text("localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 2>/dev/null", folder);
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && system(command) == 0) {
        setenv("LOCPATH", folder, 1);
        setlocale(LC_ALL, "de_DE.UTF-8");
    }
    free(command);
    snprintf(printed, sizeof printed, "%.1f", 1.5);
    double value = 0;
    bool is_german = strcmp(printed, "1,5") == 0, point = parse_double("1.5", &value),
         comma = parse_double("1,5", &value);
    setlocale(LC_ALL, "C");
    unsetenv("LOCPATH");
    assert_int_equal(folder_remove(folder), STATUS_OK);
    if (!is_german) {
        print_message("SKIP: no locale de_DE here, and localedef could not make one\n");
        skip();
    }
    assert_true(point);
    assert_false(comma);
    assert_true(value == 1.5);
}

static void a_whole_number_keeps_its_bounds(void **state)
{
    (void)state;
    int64_t value = -7;
    static const char *const refused[] = {"",  " ",    "1.0", "1e3", "12x",
                                          "x", "0x10", "11",  "-1",  "99999999999999999999"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (parse_int(refused[i], 0, 10, &value) || value != -7)
            fail_msg("'%s' was read as %jd", refused[i], (intmax_t)value);
    assert_true(parse_int("0", 0, 10, &value) && value == 0);
    assert_true(parse_int(" 10 \n", 0, 10, &value) && value == 10);
    assert_true(parse_int("-9223372036854775808", INT64_MIN, INT64_MAX, &value) && value == INT64_MIN);
    assert_false(parse_int("9223372036854775808", INT64_MIN, INT64_MAX, &value));
}

static void truth_has_four_words_each_way(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "Yes", "ON", "1"}, *const no[] = {"FALSE", "no", "off", "0"};
    bool value;
    for (int i = 0; i < 4; i++) {
        assert_true(parse_bool(yes[i], &value) && value);
        assert_true(parse_bool(no[i], &value) && !value);
    }
    assert_false(parse_bool("", &value) || parse_bool("2", &value) || parse_bool("true ", &value));
}

static void trim_cuts_blanks_from_both_ends_only(void **state)
{
    (void)state;
    char text[] = " \t a  b \r\n", blank[] = " \t\r\n", empty[] = "", bare[] = "ab";
    assert_string_equal(trim(text), "a  b");
    assert_string_equal(trim(blank), "");
    assert_string_equal(trim(empty), "");
    assert_string_equal(trim(bare), "ab");
}

static void a_copy_ends_in_its_buffer_and_says_if_it_was_cut(void **state)
{
    (void)state;
    char target[8];
    memset(target, '#', sizeof target);
    assert_true(copy_text(target, 4, "abc"));
    assert_string_equal(target, "abc");
    assert_false(copy_text(target, 4, "abcd"));
    assert_string_equal(target, "abc");
    assert_true(target[4] == '#');
    assert_false(copy_text(target, 1, "a"));
    assert_string_equal(target, "");
}

static void check_join(const char *folder, const char *name, const char *wanted)
{
    char *path = join_path(folder, name);
    assert_string_equal(path, wanted);
    free(path);
}

static void paths_are_joined_with_one_slash(void **state)
{
    (void)state;
    check_join("a", "b", "a/b");
    check_join("a/", "b", "a/b");
    check_join("/", "b", "/b");
    check_join("", "b", "b");
    check_join("a", "/b", "/b");
    assert_string_equal(base_name("a/b/c.hea"), "c.hea");
    assert_string_equal(base_name("c.hea"), "c.hea");
    assert_string_equal(base_name("a/"), "");
    assert_true(has_prefix("abc", "ab") && has_prefix("abc", "") && !has_prefix("a", "ab"));
    assert_true(has_suffix("abc", "bc") && has_suffix("abc", "") && !has_suffix("c", "bc"));
}

static void fields_come_one_after_another_empty_ones_too(void **state)
{
    (void)state;
    char text[] = "a,,b;", *rest = text;
    assert_string_equal(next_field(&rest, ",;"), "a");
    assert_string_equal(next_field(&rest, ",;"), "");
    assert_string_equal(next_field(&rest, ",;"), "b");
    assert_string_equal(next_field(&rest, ",;"), "");
    assert_null(next_field(&rest, ",;"));
}

static void hostile_text_is_made_printable(void **state)
{
    (void)state;
    char text[] = "a\x1b[2J\n\xc3\xa4\x7f~ ";
    assert_string_equal(make_printable(text), "a?[2J????~ ");
}

static void check_lead(const char *name, enum lead wanted)
{
    enum lead lead;
    if (!lead_from_name(name, &lead))
        fail_msg("'%s' is not known as a lead", name);
    if (lead != wanted)
        fail_msg("'%s' is %s, not %s", name, lead_name(lead), lead_name(wanted));
}

static void leads_are_found_by_name_and_alias(void **state)
{
    (void)state;
    for (int i = 0; i < N_LEADS; i++)
        check_lead(lead_name((enum lead)i), (enum lead)i);
    static const struct {
        const char *name;
        enum lead lead;
    } cases[] = {
        {"AVR", LEAD_AVR},
        {"avl", LEAD_AVL},
        {"i", LEAD_I},
        {"MLII", LEAD_II},
        {"ML2", LEAD_II},
        {"v6", LEAD_V6},
        {"C3", LEAD_V3},
        {"vx", LEAD_X},
        {"Lead II", LEAD_II},
        {"ECG V1", LEAD_V1},
        {"ECG", LEAD_OTHER},
        {"ECG1", LEAD_OTHER},
        {"ecg_2", LEAD_OTHER},
        {"ECG 3", LEAD_OTHER},
        {"CM5", LEAD_OTHER},
        {"-aVR", LEAD_OTHER},
        {"V4R", LEAD_OTHER},
        {"MLI", LEAD_OTHER},
        {"ECG_I", LEAD_I},
        {"EKG-V5", LEAD_V5},
        {"lead_aVF", LEAD_AVF},
        {"ECG II-Ref", LEAD_II},
        {"V2-REF", LEAD_V2},
        {"ECG -aVR", LEAD_OTHER},
        {"ECG1-ECG2", LEAD_OTHER},
        {"EKG L-R", LEAD_OTHER},
        {"ECG1-2", LEAD_OTHER},
        {"ECGL", LEAD_OTHER},
        {"EKG-R-EKG-L", LEAD_OTHER},
        {"ECG-Ref", LEAD_OTHER},
        {"AVR,", LEAD_AVR},
        {"II,", LEAD_II},
        {"V,", LEAD_OTHER},
        {"ML5", LEAD_OTHER},
        {"V4-V5", LEAD_OTHER},
        {"mod.V1", LEAD_OTHER},
        {"A-S", LEAD_OTHER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_lead(cases[i].name, cases[i].lead);
}

static void names_of_other_signals_are_no_leads(void **state)
{
    (void)state;
    static const char *const names[] = {"",       "ABP", "PLETH", "RESP", "V0",       "V10",    "IIII",
                                        "lead ",  "EEG", "II ",   "ECGx", "ECG rate", "EKG-HR", "ECG V1-V9",
                                        "PLETH,", ",",   "I-RA",  "-Ref", "ref",      "L-R",    "EEG-Ref"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        enum lead lead;
        if (lead_from_name(names[i], &lead))
            fail_msg("'%s' was taken for lead %s", names[i], lead_name(lead));
    }
}

/* Numbers of leads are rows of tables in checkpoints. */
static void the_numbers_of_leads_stay(void **state)
{
    (void)state;
    static const char *const order[] = {"I",  "II", "III", "aVR", "aVL", "aVF", "V1", "V2",
                                        "V3", "V4", "V5",  "V6",  "X",   "Y",   "Z",  "other"};
    assert_int_equal(N_LEADS, 16);
    assert_int_equal(N_STANDARD_LEADS, 12);
    for (int i = 0; i < N_LEADS; i++)
        assert_string_equal(lead_name((enum lead)i), order[i]);
}

static enum status fails_inside(void)
{
    enum status status;
    TRY(status_set(STATUS_DATA, "%s: gain '%d/mV'", "a.hea", 0));
    return STATUS_OK;
fail:
    status_context("record %d", 7);
    return status;
}

static void context_stands_in_front_of_the_message(void **state)
{
    (void)state;
    assert_int_equal(fails_inside(), STATUS_DATA);
    assert_string_equal(status_message(), "record 7: a.hea: gain '0/mV'");
    assert_string_equal(status_text(STATUS_DATA), "bad data");
}

static void an_overlong_message_is_cut(void **state)
{
    (void)state;
    char text[3 * STATUS_MESSAGE_BYTES];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(status_set(STATUS_IO, "%s", text), STATUS_IO);
    assert_int_equal(strlen(status_message()), STATUS_MESSAGE_BYTES - 1);
    status_context("front");
    assert_int_equal(strlen(status_message()), STATUS_MESSAGE_BYTES - 1);
    assert_memory_equal(status_message(), "front: xxx", 10);
    status_context("%s", text);
    assert_int_equal(strlen(status_message()), STATUS_MESSAGE_BYTES - 1);
    status_set(STATUS_IO, "short");
    assert_string_equal(status_message(), "short");
}

/* The exit codes that job scripts rely on. */
static void exit_codes_stay(void **state)
{
    (void)state;
    assert_int_equal(STATUS_USAGE, 2);
    assert_int_equal(STATUS_PARTIAL, 3);
    assert_int_equal(STATUS_DATA, 4);
    assert_int_equal(STATUS_CONFIG, 5);
    assert_int_equal(STATUS_IO, 6);
    assert_int_equal(STATUS_DAMAGED, 7);
    assert_int_equal(STATUS_NOT_FINITE, 8);
    assert_int_equal(STATUS_RANK_LOST, 9);
    assert_int_equal(STATUS_STOPPED, 16);
}

static void durations_are_written_in_hours_minutes_seconds(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {0, "0 s"},          {12.4, "12 s"},         {59.4, "59 s"},       {59.6, "1 min 00 s"},
        {200, "3 min 20 s"}, {3599.6, "1 h 00 min"}, {3720, "1 h 02 min"}, {360000, "100 h 00 min"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        assert_string_equal(format_duration(text, sizeof text, cases[i].seconds), cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_the_whole_text_and_finite),
        cmocka_unit_test(numbers_are_read_the_same_where_the_decimal_sign_is_a_comma),
        cmocka_unit_test(a_whole_number_keeps_its_bounds),
        cmocka_unit_test(truth_has_four_words_each_way),
        cmocka_unit_test(trim_cuts_blanks_from_both_ends_only),
        cmocka_unit_test(a_copy_ends_in_its_buffer_and_says_if_it_was_cut),
        cmocka_unit_test(paths_are_joined_with_one_slash),
        cmocka_unit_test(fields_come_one_after_another_empty_ones_too),
        cmocka_unit_test(hostile_text_is_made_printable),
        cmocka_unit_test(leads_are_found_by_name_and_alias),
        cmocka_unit_test(names_of_other_signals_are_no_leads),
        cmocka_unit_test(the_numbers_of_leads_stay),
        cmocka_unit_test(context_stands_in_front_of_the_message),
        cmocka_unit_test(an_overlong_message_is_cut),
        cmocka_unit_test(exit_codes_stay),
        cmocka_unit_test(durations_are_written_in_hours_minutes_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
