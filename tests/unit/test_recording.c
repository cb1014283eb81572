/* Reading WFDB records made here: every file is written byte by byte, every expected number is worked out by hand from
 * the format's definition (signal(5), header(5)). */
#include "tests/unit/recording_files.h"

#include <math.h>

#include "io/recording/inputs.h"

/* Three samples of two leads, I: 100 -100 1000, II: 1 2 -32768 (missing); checksums 1000 and 3 - 32768. */
static const uint8_t two_leads[] = {100, 0, 1, 0, 0x9c, 0xff, 2, 0, 0xe8, 0x03, 0x00, 0x80};
static const char two_leads_header[] = "r 2 500 3\n"
                                       "r.dat 16 1000(0)/mV 16 0 100 1000 0 I\n"
                                       "r.dat 16 500(1)/mV 16 0 1 -32765 0 II\n";

static void write_two_leads(const char *header)
{
    write_text("r.hea", header);
    write_bytes("r.dat", two_leads, sizeof two_leads);
}

static void refuse_header(const char *header, const char *words)
{
    write_two_leads(header);
    expect_refusal(path_of("r.hea"), STATUS_DATA, words);
}

static void format_16_gives_millivolts_and_missing_samples(void **state)
{
    (void)state;
    write_two_leads(two_leads_header);
    struct recording *r = open_good("r.hea");
    assert_string_equal(r->name, "r");
    assert_string_equal(r->format, "WFDB 16");
    assert_int_equal(r->samples, 3);
    assert_int_equal(r->n_leads, 2);
    assert_true(r->rate_hz == 500);
    assert_int_equal(r->leads[0].lead, LEAD_I);
    assert_int_equal(r->leads[1].lead, LEAD_II);
    float mv[6];
    assert_int_equal(recording_read(r, 0, 3, mv), STATUS_OK);
    assert_true(mv[0] == 0.1f && mv[1] == -0.1f && mv[2] == 1.0f);
    assert_true(mv[3] == 0.0f && mv[4] == 0.002f && isnan(mv[5]));
    int32_t adc[4];
    assert_int_equal(recording_read_adc(r, 1, 2, adc), STATUS_OK);
    assert_int_equal(adc[0], -100);
    assert_int_equal(adc[3], RECORDING_INVALID);
    assert_int_equal(recording_verify(r), STATUS_OK);
    recording_close(r);
}

static void format_212_unpacks_an_odd_number_of_signals(void **state)
{
    (void)state;
    /* three signals, three samples each: 1 -1 2047, -2048 (missing) 5 -6, 1024 -1024 0; the ninth takes two bytes */
    static const int values[9] = {1, -1, 2047, -2048, 5, -6, 1024, -1024, 0};
    uint8_t bytes[14] = {0};
    for (int i = 0; i < 9; i++) {
        unsigned v = (unsigned)values[i] & 0xfff;
        uint8_t *pair = bytes + i / 2 * 3;
        if (i % 2 == 0) {
            pair[0] = (uint8_t)v;
            pair[1] |= (uint8_t)(v >> 8);
        } else {
            pair[2] = (uint8_t)v;
            pair[1] |= (uint8_t)(v >> 8 << 4);
        }
    }
    write_text("s.hea", "s 3 360 3\ns.dat 212 200(0)/mV 12 0 1 0 0 I\ns.dat 212 200(0)/mV 12 0 -1 0 0 II\n"
                        "s.dat 212 200(0)/mV 12 0 2047 0 0 V1\n");
    write_bytes("s.dat", bytes, sizeof bytes);
    struct recording *r = open_good("s.hea");
    for (uint64_t first = 0; first < 3; first++) /* from every place, also in the middle of a pair */
        for (uint64_t count = 0; first + count <= 3; count++) {
            int32_t adc[9];
            assert_int_equal(recording_read_adc(r, first, count, adc), STATUS_OK);
            for (uint64_t lead = 0; lead < 3; lead++)
                for (uint64_t i = 0; i < count; i++) {
                    int32_t wanted = values[(first + i) * 3 + lead];
                    assert_int_equal(adc[lead * count + i], wanted == -2048 ? RECORDING_INVALID : wanted);
                }
        }
    recording_close(r);
    write_bytes("s.dat", bytes, sizeof bytes - 1);
    expect_refusal(path_of("s.hea"), STATUS_DATA, "14 bytes wanted,13 there");
}

/* A MATLAB v4 file: 20 bytes of header, the name "val", columns of 16-bit numbers. */
static void write_matlab(uint32_t type, uint32_t rows, uint32_t columns)
{
    uint8_t bytes[24 + sizeof two_leads] = {0};
    uint32_t words[5] = {type, rows, columns, 0, 4};
    for (int i = 0; i < 20; i++)
        bytes[i] = (uint8_t)(words[i / 4] >> 8 * (i % 4));
    memcpy(bytes + 20, "val", 4);
    memcpy(bytes + 24, two_leads, sizeof two_leads);
    write_bytes("m.mat", bytes, sizeof bytes);
}

static void matlab_files_must_agree_with_the_header(void **state)
{
    (void)state;
    write_text("m.hea",
               "m.mat 2 500 3\nm.mat 16+24 1000/mv 16 0 100 1000 0 I\nm.mat 16+24 500(1)/mV 16 0 1 -32765 0 II\n");
    write_matlab(30, 2, 3);
    struct recording *r = open_good("m.hea");
    assert_string_equal(r->name, "m"); /* the ending in the record line is cut */
    assert_string_equal(r->format, "WFDB MATLAB v4");
    float mv[6];
    assert_int_equal(recording_read(r, 0, 3, mv), STATUS_OK);
    assert_true(mv[1] == -0.1f && mv[4] == 0.002f);
    assert_int_equal(recording_verify(r), STATUS_OK);
    recording_close(r);
    write_matlab(30, 2, 4);
    expect_refusal(path_of("m.hea"), STATUS_DATA, "dimension mismatch,2 x 4");
    write_matlab(30, 3, 3);
    expect_refusal(path_of("m.hea"), STATUS_DATA, "dimension mismatch,3 x 3");
    write_matlab(0, 2, 3);
    expect_refusal(path_of("m.hea"), STATUS_DATA, "MATLAB v4,type 0");
    write_bytes("m.mat", "\x1e", 1);
    expect_refusal(path_of("m.hea"), STATUS_DATA, "shorter than a MATLAB v4 header,1 there");
}

static void a_missing_length_comes_from_the_file_size(void **state)
{
    (void)state;
    write_two_leads("# a comment first\n\nr 2 500/500(0)\r\nr.dat 16 1000(0)/mV 16 0 100 1000 0 I\r\n\r\n"
                    "r.dat 16 500(1)/mV 16 0 1 -32765 0 II\r\n");
    struct recording *r = open_good("r.hea");
    assert_int_equal(r->samples, 3);
    assert_string_equal(r->leads[1].name, "II"); /* without CR */
    assert_int_equal(recording_verify(r), STATUS_OK);
    recording_close(r);
}

static void units_of_voltage_are_converted(void **state)
{
    (void)state;
    static const struct {
        const char *gain;
        double per_mv;
    } cases[] = {{"1000/mV", 1000}, {"1000", 1000},  {"1/uV", 1000},      {"1/\xc2\xb5V", 1000}, {"1/\xce\xbcV", 1000},
                 {"2e-3/nV", 2000}, {"250/MV", 250}, {"1000000/V", 1000}, {"1.5(-7)/mv", 1.5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[200];
        snprintf(header, sizeof header, "r 2 500 3\nr.dat 16 %s 16 3 0 0 0 I\nr.dat 16 1000/mmHg 16 0 0 0 0 II\n",
                 cases[i].gain);
        write_two_leads(header);
        struct recording *r = open_good("r.hea");
        assert_true(fabs(r->leads[0].gain_per_mv / cases[i].per_mv - 1) < 1e-12);
        assert_true(r->leads[0].baseline == (strchr(cases[i].gain, '(') ? -7 : 3)); /* else the ADC zero */
        assert_int_equal(r->n_leads, 1);
        assert_int_equal(r->n_left_out, 1);
        assert_string_equal(r->left_out[0].reason, "II: unit mmHg is not a voltage");
        assert_true(warns_of(r, "mmHg"));
        recording_close(r);
    }
}

static void signals_that_are_no_lead_are_left_out_with_a_reason(void **state)
{
    (void)state;
    write_two_leads("r 2 500 3\nr.dat 16 0/bpm 16 0 0 0 0 Resp\nr.dat 16 500(1)/mV 16 0 1 -32765 0 II\n");
    struct recording *r = open_good("r.hea");
    assert_int_equal(r->n_leads, 1);
    assert_int_equal(r->leads[0].lead, LEAD_II);
    assert_string_equal(r->left_out[0].reason, "Resp: not a known lead");
    int32_t adc[2];
    assert_int_equal(recording_read_adc(r, 0, 2, adc), STATUS_OK);
    assert_int_equal(adc[1], 2); /* the place in the frame still counts */
    recording_close(r);
    refuse_header("r 1 500 3\nr.dat 16 1000/mV 16 0 0 0 0 V9x\n", "no signal is an ECG lead,V9x: not a known lead");
}

static void leads_of_several_files_are_joined(void **state)
{
    (void)state;
    static const uint8_t second[] = {0xff, 0, 7, 0, 8, 0, 9, 0};
    write_two_leads("r 3 500 3\nr.dat 16 1000/mV 16 0 0 0 0 I\nr.dat 16 1000/mV 16 0 0 0 0 II\n"
                    "q.dat 16+2 1000/mV 16 0 0 0 0 V1\n");
    write_bytes("q.dat", second, sizeof second);
    struct recording *r = open_good("r.hea");
    int32_t adc[9];
    assert_int_equal(recording_read_adc(r, 0, 3, adc), STATUS_OK);
    assert_int_equal(adc[2], 1000);
    assert_int_equal(adc[6], 7);
    assert_int_equal(adc[8], 9);
    recording_close(r);
    refuse_header("r 3 500 3\nr.dat 16 1000/mV 16 0 0 0 0 I\nq.dat 16+2 1000/mV 16 0 0 0 0 V1\n"
                  "r.dat 16 1000/mV 16 0 0 0 0 II\n",
                  "signal 3,r.dat,together");
}

static void headers_without_checksum_fields_still_name_their_leads(void **state)
{
    (void)state;
    write_two_leads("r 2 500 3\nr.dat 16 1000.0(0)/mV 16 0    I\nr.dat 16 500(1)/mV 16 0    II\n");
    struct recording *r = open_good("r.hea");
    assert_int_equal(r->leads[0].lead, LEAD_I);
    assert_int_equal(r->leads[1].lead, LEAD_II);
    assert_false(r->leads[0].checksum_known);
    assert_int_equal(recording_verify(r), STATUS_OK);
    assert_int_equal(r->n_warnings, 0);
    recording_close(r);
}

static void a_checksum_off_by_one_is_found_signed_or_not(void **state)
{
    (void)state;
    static const char header[] =
        "r 2 500 3\nr.dat 16 1000(0)/mV 16 0 100 1000 0 I\nr.dat 16 500(1)/mV 16 0 1 %d 0 II\n";
    static const struct {
        int checksum;
        bool holds;
    } cases[] = {{-32765, true}, {32771, true}, {-32766, false}, {32772, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        snprintf(text, sizeof text, header, cases[i].checksum);
        write_two_leads(text);
        struct recording *r = open_good("r.hea");
        assert_true(r->leads[1].checksum_known);
        assert_int_equal(recording_verify(r), cases[i].holds ? STATUS_OK : STATUS_DATA);
        assert_int_equal(r->leads[1].checksum_fails, !cases[i].holds);
        assert_false(r->leads[0].checksum_fails);
        if (!cases[i].holds)
            assert_non_null(strstr(status_message(), "lead II: checksum"));
        recording_close(r);
    }
}

static void checksums_that_are_all_zero_mean_nothing(void **state)
{
    (void)state;
    write_two_leads("r 2 500 3\nr.dat 16 1000/mV 16 0 77 0 0 I\nr.dat 16 1000/mV 16 0 0 0 0 II \r\n");
    struct recording *r = open_good("r.hea");
    assert_false(r->leads[0].checksum_known || r->leads[1].checksum_known);
    assert_int_equal(recording_verify(r), STATUS_OK);
    recording_close(r);
}

static void sizes_are_compared_before_anything_is_allocated(void **state)
{
    (void)state;
    refuse_header("r 2 500 4\nr.dat 16 1/mV 16 0 0 0 0 I\nr.dat 16 1/mV 16 0 0 0 0 II\n",
                  "shorter than the header says,16 bytes wanted,12 there");
    refuse_header("r 2 500 999999999999\nr.dat 16 1/mV 16 0 0 0 0 I\nr.dat 16 1/mV 16 0 0 0 0 II\n",
                  "3999999999996 bytes wanted,12 there");
    refuse_header("r 1 500 18446744073709551615\nr.dat 16 1/mV 16 0 0 0 0 I\n",
                  "number of samples,18446744073709551615");
    refuse_header("r 1 500 9223372036854775807\nr.dat 16 1/mV 16 0 0 0 0 I\n", "number of samples");
    refuse_header("r 1 500\nr.dat 16+99999999 1/mV 16 0 0 0 0 I\n", "holds no samples");
    refuse_header("r 1 500 3\nr.dat 16+18446744073709551615 1/mV 16 0 0 0 0 I\n", "signal 1,format");
    refuse_header("r 1 500 3\nmissing.dat 16 1/mV 16 0 0 0 0 I\n", "missing.dat,no such file");
    write_bytes("empty.dat", "", 0);
    refuse_header("r 1 500 3\nempty.dat 16 1/mV 16 0 0 0 0 I\n", "6 bytes wanted,0 there");
    refuse_header("r 1 500\nempty.dat 16 1/mV 16 0 0 0 0 I\n", "holds no samples");
    refuse_header("r 65 500 3\n", "65 signals,at most 64");
    refuse_header("r 99999999999999999999 500 3\n", "number of signals");
}

static void headers_against_the_grammar_are_refused_by_field(void **state)
{
    (void)state;
    refuse_header("", "empty");
    refuse_header("\n# only a comment\n", "no record line");
    refuse_header("\x01\x02 junk \xff\n", "name,is this a WFDB header");
    refuse_header("r 2 500 3\nr.dat 16 1000/mV 16 0 0 0 0 I\n", "announces 2 signals,has 1 signal lines");
    refuse_header("r 0 500 3\n", "no signals");
    refuse_header("r two 500 3\n", "number of signals 'two'");
    refuse_header("r\n", "number of signals ''");
    refuse_header("r 1 0 3\nr.dat 16 1000/mV 16 0 0 0 0 I\n", "sampling frequency,above 0");
    refuse_header("r 1 -5 3\nr.dat 16 1000/mV 16 0 0 0 0 I\n", "sampling frequency,-5");
    refuse_header("r 1 1e9 3\nr.dat 16 1000/mV 16 0 0 0 0 I\n", "sampling frequency,100000");
    refuse_header("r 1 nan 3\nr.dat 16 1000/mV 16 0 0 0 0 I\n", "sampling frequency 'nan'");
    refuse_header("r 1 500 3.5\nr.dat 16 1000/mV 16 0 0 0 0 I\n", "number of samples '3.5'");
    refuse_header("r 1 500 3\nr.dat sixteen 1000/mV 16 0 0 0 0 I\n", "signal 1,format 'sixteen'");
    refuse_header("r 1 500 3\nr.dat\n", "signal 1,before the format");
    refuse_header("r 1 500 3\nr.dat 16 nan/mV 16 0 0 0 0 I\n", "signal 1,gain 'nan/mV'");
    refuse_header("r 1 500 3\nr.dat 16 inf/mV 16 0 0 0 0 I\n", "gain 'inf/mV'");
    refuse_header("r 1 500 3\nr.dat 16 1000(x)/mV 16 0 0 0 0 I\n", "gain '1000(x)/mV'");
    refuse_header("r 1 500 3\nr.dat 16 1000(0/mV 16 0 0 0 0 I\n", "gain '1000(0/mV'");
    refuse_header("r 1 500 3\nr.dat 16 0/mV 16 0 0 0 0 I\n", "signal 1 (I),gain is 0,uncalibrated");
    refuse_header("r 1 500 3\nr.dat 16 -1e20/mV 16 0 0 0 0 I\n", "gain -1e+20/mV");
    refuse_header("r 1 500 3\nr.dat 16 1e-300/mV 16 0 0 0 0 I\n", "gain 1e-300/mV");
    write_bytes("r.hea", "r 1 500 3\0\n", 11);
    expect_refusal(path_of("r.hea"), STATUS_DATA, "0 byte at place 9");
    char longer[400];
    memset(longer, 'n', sizeof longer);
    memcpy(longer + 300, " 1 500 3\n", 10);
    refuse_header(longer, "name,1 to 127 characters");
}

static void a_lead_named_twice_is_refused(void **state)
{
    (void)state;
    refuse_header("r 2 500 3\nr.dat 16 1000/mV 16 0 0 0 0 II\nr.dat 16 1000/mV 16 0 0 0 0 MLII\n",
                  "signal 2,duplicate lead,'MLII' and 'II'");
    write_two_leads("r 2 500 3\nr.dat 16 1000/mV 16 0 0 0 0 ECG 1\nr.dat 16 1000/mV 16 0 0 0 0 ECG 2\n");
    struct recording *r = open_good("r.hea"); /* places that are not known may be different ones */
    assert_int_equal(r->n_leads, 2);
    recording_close(r);
}

static void signal_files_outside_the_folder_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"../r.dat", "/etc/passwd", "sub/r.dat", "..", ".", "r\x01.dat"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char header[200];
        snprintf(header, sizeof header, "r 1 500 3\n%s 16 1000/mV 16 0 0 0 0 I\n", names[i]);
        refuse_header(header, "signal 1,file name,plain name");
    }
    refuse_header("r 1 500 3\n~ 16 1000/mV 16 0 0 0 0 I\n", "'~',several segments");
}

static void formats_that_are_not_known_are_named(void **state)
{
    (void)state;
    refuse_header("r 1 500 3\nr.dat 999 1000/mV 16 0 0 0 0 I\n", "signal 1,format 999,16, 24");
    refuse_header("r 1 500 3\nr.dat 16x2x3 1000/mV 16 0 0 0 0 I\n", "signal 1,format '16x2x3'");
    refuse_header("r 1 500 3\nr.dat 16:-1 1000/mV 16 0 0 0 0 I\n", "signal 1,format '16:-1'");
}

static void demographics_are_read_in_every_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *comments;
        double age; /* -1: unknown */
        enum sex sex;
    } cases[] = {
        {"#Age: 56\n#Sex: Female\n", 56, SEX_FEMALE},
        {"# Age: 64\r\n# Sex: Male\r\n", 64, SEX_MALE},
        {"#<age>: 51\n#<sex>: F\n#<diagnoses>: \n", 51, SEX_FEMALE},
        {"# <age>: 25  <sex>: M  <diagnoses>: (none)  <medications>: (none)\n", 25, SEX_MALE},
        {"# note\n# 69 M 1085 1629 x1\n# Aldomet, Inderal\n", 69, SEX_MALE},
        {"# -1 F 742 654 x1\n", -1, SEX_FEMALE},
        {"#AGE: 52.5\n#SEX: m\n", 52.5, SEX_MALE},
        {"#Age: NaN\n#Sex: NaN\n", -1, SEX_UNKNOWN},
        {"#Age: Unknown\n#Sex: Unknown\n", -1, SEX_UNKNOWN},
        {"#Age: -1\n", -1, SEX_UNKNOWN},
        {"#Age: 300\n", 90, SEX_UNKNOWN},
        {"#Age: 89\n", 89, SEX_UNKNOWN},
        {"#Age: 91\n", 90, SEX_UNKNOWN},
        {"#Age:\n", -1, SEX_UNKNOWN},
        {"", -1, SEX_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[600];
        snprintf(header, sizeof header, "%s%s", two_leads_header, cases[i].comments);
        write_two_leads(header);
        struct recording *r = open_good("r.hea");
        if (cases[i].age < 0)
            assert_true(isnan(r->age_years));
        else
            assert_true(r->age_years == cases[i].age);
        assert_int_equal(r->sex, cases[i].sex);
        recording_close(r);
    }
}

static void labels_are_codes_or_class_names(void **state)
{
    (void)state;
    char header[600];
    snprintf(header, sizeof header, "%s# Dx: 164889003, 59118001 ,AF,1AVB,LAO/LAE,,PRC(S)\n# Patient ID: 990167\n",
             two_leads_header);
    write_two_leads(header);
    struct recording *r = open_good("r.hea");
    static const char *const wanted[] = {"164889003", "59118001", "AF", "1AVB", "LAO/LAE", "PRC(S)"};
    assert_int_equal(r->n_codes, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(r->codes[i], wanted[i]);
    assert_true(r->has_dx);
    assert_string_equal(r->patient, "990167");
    recording_close(r);

    static const char *const none[] = {"#Dx: \n", "#Dx: Unknown\n", "#Rx: Unknown\n", ""};
    for (size_t i = 0; i < 4; i++) {
        snprintf(header, sizeof header, "%s%s", two_leads_header, none[i]);
        write_two_leads(header);
        r = open_good("r.hea");
        assert_int_equal(r->n_codes, 0);
        assert_false(r->has_dx);
        recording_close(r);
    }
    snprintf(header, sizeof header, "%s#Dx: abc,426783006x\n", two_leads_header);
    refuse_header(header, "Dx,'426783006x'");
    snprintf(header, sizeof header, "%s#Dx: AF,see letter\n", two_leads_header);
    refuse_header(header, "Dx,'see letter'");
}

static void a_record_is_opened_by_its_name_or_header_only(void **state)
{
    (void)state;
    write_two_leads(two_leads_header);
    struct recording *r = open_good("r");
    assert_string_equal(base_name(r->path), "r.hea");
    recording_close(r);
    expect_refusal(path_of("r.dat"), STATUS_DATA, "give its header,r.hea");
    expect_refusal(path_of("nothing"), STATUS_IO, "nothing.hea");
    expect_refusal(path_of("nothing.hea"), STATUS_IO, "nothing.hea,no such file");
    write_text("letter.doc", "hello");
    expect_refusal(path_of("letter.doc"), STATUS_DATA, "letter.doc,known kind");
    assert_int_equal(count_found("r.hea"), 1);
    assert_int_equal(count_found("r.dat") + count_found("letter.doc"), 0);
}

static void a_record_whose_header_is_hidden_is_opened_by_its_name(void **state)
{
    (void)state;
    write_text(".x.hea", "x 1 500 6\nx.dat 16 200 16 0 0 0 0 I\n");
    write_bytes("x.dat", two_leads, sizeof two_leads);
    struct recording *r = open_good(".x");
    assert_int_equal(r->samples, 6);
    recording_close(r);
    r = open_good(".x.hea");
    assert_int_equal(r->samples, 6);
    recording_close(r);
    write_text(".bad.hea", "");
    expect_refusal(path_of(".bad.hea"), STATUS_DATA, ".bad.hea,header is empty");
}

static void a_search_passes_over_hidden_files_and_takes_them_by_name(void **state)
{
    (void)state;
    char *hidden[] = {(char *)path_of("searched/.x.hea")}, *searched[] = {(char *)path_of("searched")};
    struct inputs inputs;
    assert_int_equal(folder_make(searched[0]), STATUS_OK);
    write_text("searched/.x.hea", "x 1 500 6\nx.dat 16 200 16 0 0 0 0 I\n");
    assert_int_equal(inputs_expand(&inputs, searched, 1), STATUS_DATA);
    assert_non_null(strstr(status_message(), "no recordings were found"));
    assert_int_equal(inputs_expand(&inputs, hidden, 1), STATUS_OK);
    assert_int_equal(inputs.n, 1);
    inputs_free(&inputs);
}

static void a_stretch_outside_is_refused(void **state)
{
    (void)state;
    write_two_leads(two_leads_header);
    struct recording *r = open_good("r.hea");
    float mv[8];
    assert_int_equal(recording_read(r, 3, 0, mv), STATUS_OK);
    assert_int_equal(recording_read(r, 0, 4, mv), STATUS_DATA);
    assert_int_equal(recording_read(r, 4, 0, mv), STATUS_DATA);
    assert_int_equal(recording_read(r, UINT64_MAX, 2, mv), STATUS_DATA);
    assert_int_equal(recording_read(r, 2, UINT64_MAX, mv), STATUS_DATA);
    recording_close(r);
}

static void stretches_join_to_the_whole(void **state)
{
    (void)state;
    enum { SAMPLES = 5000, LEADS = 3 }; /* more than a block of the reader */
    uint8_t *bytes = malloc(SAMPLES * LEADS * 2);
    for (int i = 0; i < SAMPLES * LEADS; i++) {
        int16_t value = (int16_t)(i * 7919);
        bytes[2 * i] = (uint8_t)value;
        bytes[2 * i + 1] = (uint8_t)((uint16_t)value >> 8);
    }
    write_text("w.hea",
               "w 3 500\nw.dat 16 1/uV 16 0 0 0 0 I\nw.dat 16 1/uV 16 0 0 0 0 II\nw.dat 16 1/uV 16 0 0 0 0 V1\n");
    write_bytes("w.dat", bytes, SAMPLES * LEADS * 2);
    struct recording *r = open_good("w.hea");
    assert_int_equal(r->samples, SAMPLES);
    float *part = malloc(SAMPLES * LEADS * sizeof *part);
    for (uint64_t first = 0; first < SAMPLES; first += 1700) {
        uint64_t count = SAMPLES - first < 1700 ? SAMPLES - first : 1700;
        assert_int_equal(recording_read(r, first, count, part), STATUS_OK);
        for (uint64_t lead = 0; lead < LEADS; lead++)
            for (uint64_t i = 0; i < count; i++) {
                int16_t value = (int16_t)(((first + i) * LEADS + lead) * 7919);
                if (value == INT16_MIN)
                    assert_true(isnan(part[lead * count + i]));
                else
                    assert_true(part[lead * count + i] == (float)(value / 1000.0));
            }
    }
    recording_close(r);
    free(part);
    free(bytes);
}

static void annotations_beside_the_header_are_read(void **state)
{
    (void)state;
    /* N at sample 1, V one later, one behind the end of the signals, end mark */
    static const uint8_t atr[] = {1, 1 << 2, 1, 5 << 2, 1, 1 << 2, 0, 0};
    write_two_leads(two_leads_header);
    write_bytes("r.qrs", atr, sizeof atr);
    struct recording *r = open_good("r");
    assert_int_equal(r->n_events, 2);
    assert_string_equal(r->events[1].code, "V");
    assert_int_equal(r->events[1].sample, 2);
    assert_true(warns_of(r, "1 annotations behind the last sample"));
    recording_close(r);
    write_bytes("r.atr", atr + 2, 5); /* goes before .qrs; cut at an odd byte, no end mark */
    r = open_good("r");
    assert_int_equal(r->n_events, 2);
    assert_int_equal(r->events[0].sample, 1);
    assert_true(warns_of(r, "no end mark; 2 annotations were read"));
    recording_close(r);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, make_test_folder, remove_test_folder)
    const struct CMUnitTest tests[] = {
        TEST(format_16_gives_millivolts_and_missing_samples),
        TEST(format_212_unpacks_an_odd_number_of_signals),
        TEST(matlab_files_must_agree_with_the_header),
        TEST(a_missing_length_comes_from_the_file_size),
        TEST(units_of_voltage_are_converted),
        TEST(signals_that_are_no_lead_are_left_out_with_a_reason),
        TEST(leads_of_several_files_are_joined),
        TEST(headers_without_checksum_fields_still_name_their_leads),
        TEST(a_checksum_off_by_one_is_found_signed_or_not),
        TEST(checksums_that_are_all_zero_mean_nothing),
        TEST(sizes_are_compared_before_anything_is_allocated),
        TEST(headers_against_the_grammar_are_refused_by_field),
        TEST(a_lead_named_twice_is_refused),
        TEST(signal_files_outside_the_folder_are_refused),
        TEST(formats_that_are_not_known_are_named),
        TEST(demographics_are_read_in_every_spelling),
        TEST(labels_are_codes_or_class_names),
        TEST(a_record_is_opened_by_its_name_or_header_only),
        TEST(a_record_whose_header_is_hidden_is_opened_by_its_name),
        TEST(a_search_passes_over_hidden_files_and_takes_them_by_name),
        TEST(a_stretch_outside_is_refused),
        TEST(stretches_join_to_the_whole),
        TEST(annotations_beside_the_header_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
