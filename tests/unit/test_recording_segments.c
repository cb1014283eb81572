/* Frames, skew, segments and spellings of WFDB records made here, as header(5) defines them. */
#include <math.h>

#include "tests/unit/wfdb_files.h"

/* ---- frames and skew ---- */

/* Numbers of 16 bits as format 16. */
static void write_words(const char *name, const int16_t *words, size_t count)
{
    uint8_t bytes[400];
    for (size_t i = 0; i < count; i++) {
        bytes[2 * i] = (uint8_t)words[i];
        bytes[2 * i + 1] = (uint8_t)((uint16_t)words[i] >> 8);
    }
    write_bytes(name, bytes, 2 * count);
}

static void leads_of_one_rate_keep_it_beside_slower_signals(void **state)
{
    (void)state;
    static const int16_t words[] = {10, 11, 12, 500, 20, 21, 22, 13, 14, 15, 501, 23, 24, 25};
    static const int32_t wanted[] = {10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25};
    write_words("w.dat", words, 14);
    write_text("w.hea", "w 3 125 2\nw.dat 16x3 200 16 0 10 75 0 I\nw.dat 16 1/mmHg 16 0 500 1001 0 ABP\n"
                        "w.dat 16x3 200 16 0 20 135 0 II\n");
    struct recording *r = open_good("w.hea");
    assert_true(r->rate_hz == 375);
    assert_string_equal(r->left_out[0].reason, "ABP: not a known lead");
    assert_int_equal(recording_verify(r), STATUS_OK); /* sums count all samples of all frames */
    assert_true(r->leads[0].checksum_known);
    recording_close(r);
    expect_samples("w.hea", wanted, 2, 6);
}

static void faster_leads_are_averaged_where_the_slower_rate_is_enough(void **state)
{
    (void)state;
    /* means: 7/2 = 3, -7/2 = -3 (cut towards 0), missing samples do not count, both missing: missing */
    static const int16_t words[] = {3, 4, 1, -3, -4, 2, -32768, 9, 3, -32768, -32768, 4};
    static const int32_t wanted[] = {3, -3, 9, RECORDING_INVALID, 1, 2, 3, 4};
    write_words("w.dat", words, 12);
    write_text("w.hea", "w 2 250 4\nw.dat 16x2 200 16 0 0 0 0 I\nw.dat 16 200 16 0 0 0 0 II\n");
    expect_samples("w.hea", wanted, 2, 4);
    struct recording *r = open_good("w.hea");
    assert_true(r->rate_hz == 250);
    assert_true(warns_of(r, "lead I: 500 samples a second are made 250"));
    recording_close(r);
}

static void slower_leads_are_interpolated_where_their_rate_is_too_low(void **state)
{
    (void)state;
    static const int16_t words[] = {1, 2, 3, 4, 100, 5, 6, 7, 8, 200, 9, 10, 11, 12, -32768};
    static const int32_t wanted[] = {1,
                                     2,
                                     3,
                                     4,
                                     5,
                                     6,
                                     7,
                                     8,
                                     9,
                                     10,
                                     11,
                                     12,
                                     100,
                                     125,
                                     150,
                                     175,
                                     200,
                                     RECORDING_INVALID,
                                     RECORDING_INVALID,
                                     RECORDING_INVALID,
                                     RECORDING_INVALID,
                                     RECORDING_INVALID,
                                     RECORDING_INVALID,
                                     RECORDING_INVALID};
    write_words("w.dat", words, 15);
    write_text("w.hea", "w 2 125 3\nw.dat 16x4 200 16 0 0 0 0 I\nw.dat 16 200 16 0 0 0 0 II\n");
    struct recording *r = open_good("w.hea");
    assert_true(r->rate_hz == 500);
    recording_close(r);
    expect_samples("w.hea", wanted, 2, 12);
}

static void skew_moves_a_lead_by_frames(void **state)
{
    (void)state;
    static const int16_t words[] = {1, 2, 101, 3, 4, 102, 5, 6, 103, 7, 8, 104};
    static const int32_t wanted[] = {5, 7, RECORDING_INVALID, RECORDING_INVALID, 101, 102, 103, 104};
    write_words("w.dat", words, 12);
    write_text("w.hea", "w 2 250 4\nw.dat 16:2x2 200 16 0 1 36 0 I\nw.dat 16 200 16 0 101 410 0 II\n");
    expect_samples("w.hea", wanted, 2, 4);
    struct recording *r = open_good("w.hea");
    assert_int_equal(recording_verify(r), STATUS_OK);
    recording_close(r);
    refuse("w.hea", "w 2 250 4\nw.dat 16:4x2 200 16 0 1 36 0 I\nw.dat 16 200 16 0 101 410 0 II\n",
           "signal 1,skew of 4 samples,only 4");
}

static void frames_that_are_too_long_are_refused(void **state)
{
    (void)state;
    refuse("w.hea", "w 1 250 4\nw.dat 16x70000 200 16 0 0 0 0 I\n", "signal 1,70000 samples per frame,1 to 65536");
    refuse("w.hea", "w 2 250 4\nw.dat 16x65536 200 16 0 0 0 0 I\nw.dat 16 200 16 0 0 0 0 II\n",
           "signal 2,more than 65536");
    refuse("w.hea", "w 1 250 1\nw.dat 16x65536 200 16 0 0 0 0 I\n", "131072 bytes wanted,24 there");
    refuse("w.hea", "w 1 90000 2\nw.dat 16x2 200 16 0 0 0 0 I\n", "2 samples per frame,100000");
}

static void files_of_different_length_are_refused_by_name(void **state)
{
    (void)state;
    static const int16_t words[] = {1, 2, 3, 4, 5};
    write_words("a.dat", words, 5);
    write_words("b.dat", words, 4);
    refuse("w.hea", "w 2 250\na.dat 16 200 16 0 0 0 0 I\nb.dat 16 200 16 0 0 0 0 II\n", "a.dat,b.dat,5 and 4");
    refuse("w.hea", "w 2 250 5\na.dat 16 200 16 0 0 0 0 I\nb.dat 16 200 16 0 0 0 0 II\n",
           "b.dat,10 bytes wanted,8 there");
}

/* ---- segments ---- */

static void write_segments(void)
{
    static const int16_t one[] = {1, 11, 2, 12, 3, 13}, two[] = {21, 31, 22, 32};
    write_words("s1.dat", one, 6);
    write_words("s2.dat", two, 4);
    write_text("s1.hea", "s1 2 500 3\ns1.dat 16 200 16 0 1 6 0 I\ns1.dat 16 200 16 0 11 36 0 II\n");
    write_text("s2.hea", "s2 2 500 2\ns2.dat 16 200 16 0 21 43 0 I\ns2.dat 16 200 16 0 31 63 0 II\n");
}

static void segments_of_one_layout_follow_one_another(void **state)
{
    (void)state;
    static const int32_t wanted[] = {1, 2, 3, 21, 22, 11, 12, 13, 31, 32};
    static const int32_t gap[] = {1,  2,  3,  RECORDING_INVALID, RECORDING_INVALID, 21, 22,
                                  11, 12, 13, RECORDING_INVALID, RECORDING_INVALID, 31, 32};
    write_segments();
    write_text("r.hea", "r/2 2 500 5 10:00:00 01/01/2001\ns1 3\ns2 2\n#Age: 50\n#Sex: M\n");
    struct recording *r = open_good("r.hea");
    assert_true(r->age_years == 50 && r->sex == SEX_MALE);
    assert_int_equal(recording_verify(r), STATUS_OK);
    assert_true(r->leads[0].checksum_known && r->n_warnings == 0);
    recording_close(r);
    expect_samples("r.hea", wanted, 2, 5);
    write_text("r.hea", "r/3 2 500\ns1 3\n~ 2\ns2 2\n");
    expect_samples("r.hea", gap, 2, 7);
    r = open_good("r.hea");
    assert_int_equal(r->n_parts, 2);
    assert_true(r->parts[0].first == 0 && r->parts[0].samples == 3);
    assert_true(r->parts[1].first == 5 && r->parts[1].samples == 2);
    recording_close(r);
}

static void segments_of_variable_layout_have_some_of_the_leads(void **state)
{
    (void)state;
    /* V1 stands in the second segment only; II is half as fine there, with another baseline */
    static const int16_t one[] = {10, 20, 30}, two[] = {5, 7, 6, 8};
    static const int32_t M = RECORDING_INVALID;
    /* II: (7 + 3) / 100 mV are 20 / 200 mV, (8 + 3) / 100 are 22 / 200 */
    const int32_t wanted[] = {10, 20, 30, M, 20, 22, M, M, M, M, 5, 6};
    write_words("v1.dat", one, 3);
    write_words("v2.dat", two, 4);
    write_text("layout.hea", "layout 3 500 0\n~ 0 200/mV 12 0 0 0 0 II\n~ 0 100/mV 12 0 0 0 0 V1\n"
                             "~ 0 1/mmHg 12 0 0 0 0 ABP\n");
    write_text("v1.hea", "v1 1 500 3\nv1.dat 16 200/mV 16 0 10 60 0 II\n");
    write_text("v2.hea", "v2 2 500 2\nv2.dat 16 200/mV 16 0 5 11 0 V1\nv2.dat 16 100(-3)/mV 16 0 7 15 0 II\n");
    write_text("v.hea", "v/4 3 500 6\nlayout 0\nv1 3\n~ 1\nv2 2\n");
    struct recording *r = open_good("v.hea");
    assert_int_equal(r->n_leads, 2);
    assert_string_equal(r->left_out[0].reason, "ABP: not a known lead");
    assert_true(r->leads[0].gain_per_mv == 200 && r->leads[0].baseline == 0);
    assert_int_equal(recording_verify(r), STATUS_OK);
    int32_t adc[12];
    assert_int_equal(recording_read_adc(r, 0, 6, adc), STATUS_OK);
    assert_memory_equal(adc, wanted, sizeof wanted);
    recording_close(r);
}

static void records_of_segments_that_contradict_themselves_are_refused(void **state)
{
    (void)state;
    write_segments();
    refuse("r.hea", "r/3 2 500\ns1 3\nnot_there 5\nneither 6\n", "2 are missing,not_there, neither");
    refuse("r.hea", "r/2 2 500 6\ns1 3\ns2 2\n", "6 samples,5 together");
    refuse("r.hea", "r/2 2 500\ns1 3\ns2 4\n", "segment 2,4 samples,but 2,s2.hea");
    refuse("r.hea", "r/2 2 250\ns1 3\ns2 2\n", "segment 1,sampling frequency 500,250");
    refuse("r.hea", "r/2 3 500\ns1 3\ns2 2\n", "segment 1,2 signals,3");
    refuse("r.hea", "r/3 2 500\ns1 3\ns2 2\n", "announces 3 segments,has 2 segment lines");
    refuse("r.hea", "r/2 2 500\ns1 3\n../s2 2\n", "segment 2,'../s2',plain name");
    refuse("r.hea", "r/2 2 500\ns1 3\ns2\n", "segment 2,number of samples ''");
    refuse("r.hea", "r/2 2 500\ns1 3\nr 2\n", "segment 2,itself a record of several segments");
    refuse("r.hea", "r/2 2 500\ns1 3\n~ 1000000\n", "only 3 of 1000003 samples");
    refuse("r.hea", "r/2 2 500\n~ 5\n~ 6\n", "0 of them in files");
    refuse("r.hea", "r/99999999 2 500\n~ 5\n", "number of segments '99999999',at most 65536");
    write_text("s2.hea", "s2 2 500 2\ns2.dat 16 200 16 0 21 43 0 II\ns2.dat 16 200 16 0 31 63 0 I\n");
    refuse("r.hea", "r/2 2 500\ns1 3\ns2 2\n", "s2.hea,signal 1,'II','I' in the first segment");
    write_text("s2.hea", "s2 2 500\ns2.dat 16 200 16 0 21 43 0 I\ns2.dat 16 200 16 0 31 63 0 II\n");
    refuse("r.hea", "r/2 2 500\ns1 3\ns2 9\n", "s2.dat,shorter,36 bytes wanted,8 there");
    write_text("layout.hea", "layout 1 500 0\n~ 0 200/mV 12 0 0 0 0 II\n");
    refuse("r.hea", "r/2 2 500\nlayout 0\ns1 3\n", "lists 1 signals,says 2");
}

static void a_wrong_checksum_in_a_segment_is_named(void **state)
{
    (void)state;
    write_segments();
    write_text("s2.hea", "s2 2 500 2\ns2.dat 16 200 16 0 21 43 0 I\ns2.dat 16 200 16 0 30 64 0 II\n");
    write_text("r.hea", "r/2 2 500 5\ns1 3\ns2 2\n");
    struct recording *r = open_good("r.hea");
    assert_int_equal(recording_verify(r), STATUS_DATA);
    assert_non_null(
        strstr(status_message(), "s2.hea: lead II: checksum mismatch: 64 in the header, 63 of the samples"));
    assert_true(r->leads[1].checksum_fails && !r->leads[0].checksum_fails);
    assert_true(warns_of(r, "s2.hea: lead II: first value is 30 in the header, 31 in the file"));
    recording_close(r);
}

/* ---- spellings ---- */

static void counters_and_base_times_are_passed_over(void **state)
{
    (void)state;
    static const int16_t words[] = {1, 2, 3};
    static const char *const lines[] = {"w 1 500/250 3", "w 1 500/24(10.5) 3 9:30 1/1/2001",
                                        "w 1 500/0(-7) 3 9:30:01.5", "w 1 5e2 3 24:00:00", "w 1 500.000 3"};
    write_words("w.dat", words, 3);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char header[200];
        snprintf(header, sizeof header, "%s\nw.dat 16 200 16 0 1 6 0 I\n", lines[i]);
        write_text("w.hea", header);
        struct recording *r = open_good("w.hea");
        assert_true(r->rate_hz == 500 && r->samples == 3);
        assert_int_equal(r->n_warnings, 0);
        recording_close(r);
    }
    write_text("w.hea", "w 1 500/abc 3\nw.dat 16 200 16 0 1 6 0 I\n");
    struct recording *r = open_good("w.hea");
    assert_true(warns_of(r, "counter frequency"));
    recording_close(r);
}

static void gains_and_baselines_are_read_in_every_spelling(void **state)
{
    (void)state;
    static const int16_t words[] = {1, 2, 3};
    static const struct {
        const char *fields;
        double gain, baseline;
    } cases[] = {{"200", 200, 0},
                 {"200(1024)", 200, 1024},
                 {"200.5(-1024)/mV", 200.5, -1024},
                 {"2e2/mV", 200, 0},
                 {"200(0.0)/mV", 200, 0},
                 {"0.2/uV 16 7", 200, 7},
                 {"200/mV 16 -9 1", 200, -9},
                 {"200(5)/mV 16 -9 1 6 0", 200, 5},
                 {"30061.276794035417(-161790)/mV", 30061.276794035417, -161790}};
    write_words("w.dat", words, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[200];
        snprintf(header, sizeof header, "w 1 500 3\nw.dat 16 %s I\n", cases[i].fields);
        write_text("w.hea", header);
        struct recording *r = open_good("w.hea");
        assert_true(r->leads[0].gain_per_mv == cases[i].gain && r->leads[0].baseline == cases[i].baseline);
        recording_close(r);
    }
}

static void a_negative_gain_turns_a_signal_over(void **state)
{
    (void)state;
    static const int16_t words[] = {110, -90, -32768};
    float mv[3];
    write_words("w.dat", words, 3);
    write_text("w.hea", "w 1 500 3\nw.dat 16 -200(10)/mV 16 0 110 20 0 I\n");
    struct recording *r = open_good("w.hea");
    assert_int_equal(recording_read(r, 0, 3, mv), STATUS_OK);
    assert_true(mv[0] == -0.5F && mv[1] == 0.5F && isnan(mv[2]));
    assert_true(r->leads[0].gain_per_mv == 200 && r->leads[0].baseline == -10);
    recording_close(r);
}

static void annotations_count_frames(void **state)
{
    (void)state;
    static const int16_t words[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t atr[] = {1, 1 << 2, 0, 0}; /* N at frame 1 */
    write_words("w.dat", words, 8);
    write_bytes("w.atr", atr, sizeof atr);
    write_text("w.hea", "w 1 125 2\nw.dat 16x4 200 16 0 0 0 0 I\n");
    struct recording *r = open_good("w.hea");
    assert_int_equal(r->n_events, 1);
    assert_int_equal(r->events[0].sample, 4);
    recording_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leads_of_one_rate_keep_it_beside_slower_signals),
        cmocka_unit_test(faster_leads_are_averaged_where_the_slower_rate_is_enough),
        cmocka_unit_test(slower_leads_are_interpolated_where_their_rate_is_too_low),
        cmocka_unit_test(skew_moves_a_lead_by_frames),
        cmocka_unit_test(frames_that_are_too_long_are_refused),
        cmocka_unit_test(files_of_different_length_are_refused_by_name),
        cmocka_unit_test(segments_of_one_layout_follow_one_another),
        cmocka_unit_test(segments_of_variable_layout_have_some_of_the_leads),
        cmocka_unit_test(records_of_segments_that_contradict_themselves_are_refused),
        cmocka_unit_test(a_wrong_checksum_in_a_segment_is_named),
        cmocka_unit_test(counters_and_base_times_are_passed_over),
        cmocka_unit_test(gains_and_baselines_are_read_in_every_spelling),
        cmocka_unit_test(a_negative_gain_turns_a_signal_over),
        cmocka_unit_test(annotations_count_frames),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
