/* The deliberately broken records of the development collection ($ECG_DATA_DIR/broken): every row of EXPECTED.csv must
 * meet the reaction that this table states for it. */
#include "tests/unit/recording_files.h"

#include <math.h>

#include "base/csv.h"

enum reaction { REFUSED, OPENS, CHECKSUM_FAILS };

static const struct {
    const char *name;
    enum reaction reaction;
    const char *words; /* of the message, comma between; for OPENS of a warning */
} expected[] = {
    {"trunc_dat", REFUSED, "trunc_dat.dat,shorter than the header says,24000 bytes wanted,14407 there"},
    {"missing_dat", REFUSED, "missing_dat.dat,no such file"},
    {"long_header", REFUSED, "long_header.dat,shorter than the header says,48000 bytes wanted"},
    {"huge_header", REFUSED, "huge_header.dat,23999999999976 bytes wanted"},
    {"unknown_lead", OPENS, "V9x: not a known lead"},
    {"dup_lead", REFUSED, "signal 3,duplicate lead,II"},
    {"gain_zero", REFUSED, "signal 1,gain is 0"},
    {"gain_nan", REFUSED, "signal 1,gain 'nan/mV'"},
    {"zero_length", REFUSED, "24000 bytes wanted,0 there"},
    {"bad_checksum", CHECKSUM_FAILS, "lead V1: checksum"},
    {"bit_flip", CHECKSUM_FAILS, "lead ,checksum mismatch"},
    {"wrong_unit", OPENS, "V1: unit mmHg is not a voltage"},
    {"unit_uV", OPENS, ""},
    {"flat_all", OPENS, ""},
    {"saturated", OPENS, ""},
    {"all_invalid", OPENS, ""},
    {"dup_a", OPENS, "names the record dup"},
    {"dup_b", OPENS, "names the record dup"},
    {"few_lines", REFUSED, "12 signals,10 signal lines"},
    {"fs_zero", REFUSED, "sampling frequency 0"},
    {"path_escape", REFUSED, "signal 1,../ptbxl-original/records100/00001_lr.dat,plain name"},
    {"junk", REFUSED, "junk.hea,header"},
    {"empty", REFUSED, "empty.hea,header is empty"},
    {"crlf", OPENS, ""},
    {"mat_dims", REFUSED, "dimension mismatch,12 x 1500"},
};
enum { N_EXPECTED = sizeof expected / sizeof *expected };

static const char *data_path(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", getenv("ECG_DATA_DIR"), name);
    return path;
}

static struct recording *open_data(const char *name)
{
    struct recording *recording = NULL;
    if (recording_open(&recording, data_path(name)) != STATUS_OK)
        fail_msg("%s was refused: %s", name, status_message());
    return recording;
}

static void expect_reaction(size_t i)
{
    char name[64];
    snprintf(name, sizeof name, "broken/%s.hea", expected[i].name);
    if (expected[i].reaction == REFUSED) {
        expect_refusal(data_path(name), STATUS_DATA, expected[i].words);
        return;
    }
    struct recording *r = open_data(name);
    enum status status = recording_verify(r);
    if (expected[i].reaction == OPENS) {
        if (status != STATUS_OK)
            fail_msg("%s: %s", name, status_message());
        if (expected[i].words[0] && !warns_of(r, expected[i].words))
            fail_msg("%s: no warning '%s'", name, expected[i].words);
    } else {
        size_t failing = 0;
        for (size_t lead = 0; lead < r->n_leads; lead++)
            failing += r->leads[lead].checksum_fails;
        assert_int_equal(status, STATUS_DATA);
        assert_int_equal(failing, 1);
        assert_non_null(strstr(status_message(), "checksum"));
        if (strcmp(expected[i].name, "bad_checksum") == 0)
            assert_non_null(strstr(status_message(), "lead V1"));
    }
    recording_close(r);
}

static void every_broken_record_meets_its_reaction(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EXPECTED; i++)
        expect_reaction(i);
}

static void no_row_of_the_list_is_passed_over(void **state)
{
    (void)state;
    struct csv csv;
    assert_int_equal(csv_read(&csv, data_path("broken/EXPECTED.csv")), STATUS_OK);
    assert_int_equal(csv.rows - 1, 25);
    for (size_t row = 1; row < csv.rows; row++) {
        char *names = duplicate_text(csv_cell(&csv, row, 0)), *rest = names;
        for (char *name; (name = next_field(&rest, ","));) {
            bool is_known = strcmp(trim(name), "trunc_atr.atr") == 0; /* has a test of its own */
            for (size_t i = 0; i < N_EXPECTED; i++)
                is_known |= strcmp(expected[i].name, trim(name)) == 0;
            if (!is_known)
                fail_msg("EXPECTED.csv: %s has no test", name);
        }
        free(names);
    }
    csv_free(&csv);
}

static void microvolts_are_the_same_millivolts(void **state)
{
    (void)state;
    struct recording *a = open_data("broken/unit_uV.hea");
    struct recording *b = open_data("ptbxl-original/records100/00001_lr.hea");
    static float x[12 * 1000], y[12 * 1000];
    assert_int_equal(recording_read(a, 0, 1000, x), STATUS_OK);
    assert_int_equal(recording_read(b, 0, 1000, y), STATUS_OK);
    assert_memory_equal(x, y, sizeof x);
    recording_close(a);
    recording_close(b);
}

static void invalid_samples_are_not_a_number(void **state)
{
    (void)state;
    struct recording *r = open_data("broken/all_invalid.hea");
    static float mv[12 * 1000];
    assert_int_equal(recording_read(r, 0, 1000, mv), STATUS_OK);
    for (size_t i = 0; i < 12 * 1000; i++)
        assert_true(isnan(mv[i]));
    recording_close(r);
}

static void a_left_out_lead_is_missing_not_guessed(void **state)
{
    (void)state;
    static const char *const names[] = {"broken/unknown_lead.hea", "broken/wrong_unit.hea"};
    for (size_t i = 0; i < 2; i++) {
        struct recording *r = open_data(names[i]);
        assert_int_equal(r->n_leads, 11);
        assert_int_equal(r->n_left_out, 1);
        for (size_t lead = 0; lead < r->n_leads; lead++)
            assert_int_not_equal(r->leads[lead].lead, LEAD_V1);
        recording_close(r);
    }
}

/* The cut annotation file of MIT-BIH, put beside a header of its own. */
static void a_cut_annotation_file_gives_what_is_whole(void **state)
{
    (void)state;
    char *bytes;
    size_t count;
    assert_int_equal(file_read(data_path("broken/trunc_atr.atr"), 1 << 20, &bytes, &count), STATUS_OK);
    write_bytes("cut.atr", bytes, count);
    free(bytes);
    enum { SAMPLES = 650000 };
    char *zeros = calloc(SAMPLES, 2);
    write_bytes("cut.dat", zeros, SAMPLES * 2);
    free(zeros);
    write_text("cut.hea", "cut 1 360 650000\ncut.dat 16 200/mV 16 0 0 0 0 MLII\n");
    struct recording *r = open_good("cut.hea");
    /* 157 words and half a one; a text takes three of them, two are subtypes */
    assert_true(warns_of(r, "no end mark"));
    assert_int_equal(count, 315);
    assert_int_equal(r->n_events, 157 - 3 - 2);
    assert_string_equal(r->events[0].code, "+");
    assert_string_equal(r->events[0].text, "(N");
    recording_close(r);
}

int main(void)
{
    if (!getenv("ECG_DATA_DIR")) {
        puts("SKIP: ECG_DATA_DIR is not set: no recordings to read");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_broken_record_meets_its_reaction),
        cmocka_unit_test(no_row_of_the_list_is_passed_over),
        cmocka_unit_test(microvolts_are_the_same_millivolts),
        cmocka_unit_test(invalid_samples_are_not_a_number),
        cmocka_unit_test(a_left_out_lead_is_missing_not_guessed),
        cmocka_unit_test_setup_teardown(a_cut_annotation_file_gives_what_is_whole, make_test_folder,
                                        remove_test_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
