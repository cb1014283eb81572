/* Every WFDB record of the development collection ($ECG_DATA_DIR) against facts from outside: SHA-256 of the samples as
 * an independent decoder gave them (RECORDS.csv), truth files, published counts of beats and labels. */
#include "tests/unit/recording_files.h"

#include <math.h>
#include <sodium.h>

#include "base/csv.h"
#include "base/memory.h"
#include "io/recording/wfdb.h"

static const char *data_path(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", getenv("ECG_DATA_DIR"), name);
    return path;
}

/* What cannot be a recording, and the word of the refusal that says so. Everything else must open. */
static const struct {
    const char *name, *word;
} not_read[] = {
    {"formats/wfdb/binformats/binformats.hea", "no signal is an ECG lead (sig 0"},
    {"formats/wfdb/flacformats/flacformats.hea", "no signal is an ECG lead"},
    {"formats/wfdb/flac_3_constant/flac_3_constant.hea", "no signal is an ECG lead"},
    {"formats/wfdb/derive/310derive", "no signal is an ECG lead"},
    {"formats/wfdb/derive/311derive", "no signal is an ECG lead"},
    {"formats/wfdb/p000878/3269321_0001.hea", "no signal is an ECG lead (PLETH: not a known lead)"},
    {"formats/wfdb/p000878/3269321_layout.hea", "layout of a record of several segments"},
    {"formats/wfdb/p000878/p000878", "the headers of 30 are missing: 3269321_0003"},
    {"formats/wfdb/ann/1003.hea", "1003.dat: no such file"},
};

static size_t opened, refused;

static void check_header(const char *name)
{
    struct recording *r = NULL;
    const char *word = NULL;
    for (size_t i = 0; i < sizeof not_read / sizeof *not_read; i++)
        if (has_prefix(name, not_read[i].name))
            word = not_read[i].word;
    if (word) {
        expect_refusal(data_path(name), STATUS_DATA, word);
        refused++;
        return;
    }
    if (recording_open(&r, data_path(name)) != STATUS_OK)
        fail_msg("%s was refused: %s", name, status_message());
    if (recording_verify(r) != STATUS_OK)
        fail_msg("%s: %s", name, status_message());
    if (r->n_left_out > 0 && !has_prefix(name, "formats/wfdb/")) /* monitors: ABP, PLETH and others */
        fail_msg("%s: %s", name, r->left_out[0].reason);
    recording_close(r);
    opened++;
}

static void check_folder(const char *folder)
{
    char **names;
    size_t count;
    assert_int_equal(folder_list(data_path(folder), &names, &count), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        char *name = join_path(folder, names[i]);
        if (has_suffix(name, ".hea"))
            check_header(name);
        else if (strcmp(name, "broken") != 0 && folder_exists(data_path(name)))
            check_folder(name);
        free(name);
    }
    folder_free_names(names, count);
}

static void every_record_opens_and_its_checksums_hold(void **state)
{
    (void)state;
    opened = refused = 0;
    check_folder("");
    printf("%zu records opened and verified, %zu refused with a reason\n", opened, refused);
    assert_true(opened > 1500);
}

/* SHA-256 of all samples as int32, little-endian as this machine, lead after lead. Missing samples count with their
 * mark. */
static void hash_samples(char hex[65], struct recording *r)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    size_t count = checked_multiply(r->n_leads, r->samples);
    int32_t *adc = NEW_ARRAY(int32_t, count);
    int32_t mark = strcmp(r->format, "WFDB 212") == 0 ? -2048 : -32768;
    assert_int_equal(recording_read_adc(r, 0, r->samples, adc), STATUS_OK);
    for (size_t i = 0; i < count; i++)
        if (adc[i] == RECORDING_INVALID)
            adc[i] = mark;
    crypto_hash_sha256(digest, (const uint8_t *)adc, count * sizeof *adc);
    sodium_bin2hex(hex, 65, digest, sizeof digest);
    free(adc);
}

static void decoded_samples_equal_those_of_another_decoder(void **state)
{
    (void)state;
    struct csv csv;
    size_t compared = 0;
    char hex[65];
    assert_int_equal(csv_read(&csv, data_path("RECORDS.csv")), STATUS_OK);
    long hash = csv_column(&csv, "sha256_of_decoded_samples");
    assert_true(hash >= 0);
    for (size_t row = 1; row < csv.rows; row++) {
        char *name = format_text("%s/%s.hea", csv_cell(&csv, row, 0), csv_cell(&csv, row, 1));
        const char *wanted = csv_cell(&csv, row, (size_t)hash);
        struct recording *r;
        if (strlen(wanted) == 64 && file_exists(data_path(name)) && recording_open(&r, data_path(name)) == STATUS_OK) {
            hash_samples(hex, r);
            if (strcmp(hex, wanted) != 0)
                fail_msg("%s: samples differ from RECORDS.csv", name);
            recording_close(r);
            compared++;
        }
        free(name);
    }
    csv_free(&csv);
    printf("%zu records have the same samples\n", compared);
    assert_true(compared > 1500);
}

/* A text file of numbers, `columns` a line, against mV or ADC values. */
static void compare_truth(const char *header, const char *truth, bool is_mv, double tolerance)
{
    struct recording *r;
    assert_int_equal(recording_open(&r, data_path(header)), STATUS_OK);
    size_t count = r->n_leads * r->samples;
    float *mv = NEW_ARRAY(float, count);
    int32_t *adc = NEW_ARRAY(int32_t, count);
    assert_int_equal(recording_read(r, 0, r->samples, mv), STATUS_OK);
    assert_int_equal(recording_read_adc(r, 0, r->samples, adc), STATUS_OK);
    FILE *file = fopen(data_path(truth), "r");
    assert_non_null(file);
    for (size_t i = 0; i < r->samples; i++)
        for (size_t lead = 0; lead < r->n_leads; lead++) {
            double wanted, got = is_mv ? (double)mv[lead * r->samples + i] : adc[lead * r->samples + i];
            assert_int_equal(fscanf(file, "%lf", &wanted), 1);
            if (fabs(got - wanted) > tolerance)
                fail_msg("%s: sample %zu of lead %zu: %g, wanted %g", header, i, lead, got, wanted);
        }
    fclose(file);
    free(mv);
    free(adc);
    recording_close(r);
}

static void truth_files_of_the_format_vectors_agree(void **state)
{
    (void)state;
    compare_truth("formats/wfdb/100_3chan/100_3chan.hea", "formats/wfdb/100_3chan/100_3chan.truth.txt", true, 1e-6);
    compare_truth("formats/wfdb/test01/test01_00s.hea", "formats/wfdb/test01/test01_00s.truth.txt", false, 0);
}

static void a_header_without_length_reads_the_same_samples(void **state)
{
    (void)state;
    struct recording *a, *b;
    char x[65], y[65];
    assert_int_equal(recording_open(&a, data_path("mitdb/100.hea")), STATUS_OK);
    assert_int_equal(recording_open(&b, data_path("mitdb/100-no-len.hea")), STATUS_OK);
    assert_int_equal(b->samples, 650000);
    hash_samples(x, a);
    hash_samples(y, b);
    assert_string_equal(x, y);
    recording_close(a);
    recording_close(b);
}

struct count {
    const char *what;
    size_t wanted, got;
};

static void count_one(struct count *counts, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        counts[i].got += strcmp(counts[i].what, what) == 0;
}

static void expect_counts(const struct count *counts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (counts[i].got != counts[i].wanted)
            fail_msg("%s: %zu, wanted %zu", counts[i].what, counts[i].got, counts[i].wanted);
}

static void count_records(const char *folder, struct count *counts, size_t n, bool are_codes)
{
    char **names;
    size_t count;
    assert_int_equal(folder_list(data_path(folder), &names, &count), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        char *name = join_path(folder, names[i]);
        struct recording *r;
        if (has_suffix(name, ".hea") && recording_open(&r, data_path(name)) == STATUS_OK) {
            for (size_t k = 0; k < (are_codes ? r->n_codes : r->n_events); k++) {
                count_one(counts, n, are_codes ? r->codes[k] : r->events[k].code);
                if (!are_codes && strcmp(r->events[k].code, "+") == 0)
                    count_one(counts, n, r->events[k].text);
            }
            recording_close(r);
        }
        free(name);
    }
    folder_free_names(names, count);
}

static void beats_and_rhythms_of_mit_bih_are_as_many_as_published(void **state)
{
    (void)state;
    struct count whole[] = {{"N", 12985, 0}, {"V", 2454, 0}, {"L", 1457, 0}, {"!", 472, 0},  {"F", 385, 0},
                            {"A", 378, 0},   {"j", 222, 0},  {"a", 119, 0},  {"~", 109, 0},  {"E", 106, 0},
                            {"R", 86, 0},    {"x", 37, 0},   {"|", 11, 0},   {"[", 6, 0},    {"]", 6, 0},
                            {"J", 2, 0},     {"S", 2, 0},    {"Q", 2, 0},    {"(N", 156, 0}, {"(AFIB", 36, 0},
                            {"(AFL", 42, 0}, {"(T", 57, 0},  {"(VFL", 6, 0}, {"(IVR", 1, 0}};
    struct count excerpts[] = {{"N", 9300, 0}, {"R", 846, 0},   {"/", 791, 0}, {"L", 773, 0},   {"V", 630, 0},
                               {"A", 318, 0},  {"f", 128, 0},   {"\"", 31, 0}, {"e", 6, 0},     {"(N", 85, 0},
                               {"(BII", 1, 0}, {"(PREX", 8, 0}, {"(P", 11, 0}, {"(AFIB", 18, 0}};
    count_records("mitdb", whole, sizeof whole / sizeof *whole, false);
    expect_counts(whole, sizeof whole / sizeof *whole);
    count_records("mitdb-excerpt", excerpts, sizeof excerpts / sizeof *excerpts, false);
    expect_counts(excerpts, sizeof excerpts / sizeof *excerpts);
}

static void labels_of_the_challenge_headers_are_as_many_as_counted(void **state)
{
    (void)state;
    static const char *const folders[] = {"cinc2021/cpsc2018", "cinc2021/cpsc-extra", "cinc2021/ptb",
                                          "cinc2021/ptb-xl",   "cinc2021/georgia",    "cinc2021/chapman-ningbo",
                                          "cinc2020-gain"};
    /* E00015 names 284470004 twice, and twice it counts */
    struct count codes[] = {{"426783006", 56, 0}, {"426177001", 39, 0}, {"427084000", 31, 0},    {"284470004", 27, 0},
                            {"59118001", 10, 0},  {"251238007", 1, 0},  {"67741000119109", 2, 0}};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        count_records(folders[i], codes, sizeof codes / sizeof *codes, true);
    expect_counts(codes, sizeof codes / sizeof *codes);
}

static void an_annotation_beyond_32_bits_is_found(void **state)
{
    (void)state;
    char *bytes;
    size_t count;
    struct recording *r = recording_new("huge.hea");
    r->rate_hz = 360;
    assert_int_equal(file_read(data_path("formats/wfdb/ann/huge.qrs"), 1 << 20, &bytes, &count), STATUS_OK);
    wfdb_annotation_parse(r, 360, "huge.qrs", (const uint8_t *)bytes, count);
    assert_int_equal(r->n_events, 1);
    assert_int_equal(r->events[0].sample, 10000000000);
    assert_int_equal(r->n_warnings, 0);
    recording_close(r);
    free(bytes);
}

static void demographics_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double age; /* -1: unknown */
        enum sex sex;
        const char *patient;
    } cases[] = {
        {"cinc2021/georgia/E00001.hea", -1, SEX_FEMALE, ""},
        {"mitdb-excerpt/103e.hea", -1, SEX_MALE, ""},
        {"mitdb/100.hea", 69, SEX_MALE, ""},
        {"mitdb/100-no-len.hea", 69, SEX_MALE, ""},
        {"ludb/1.hea", 51, SEX_FEMALE, ""},
        {"code15/919999.hea", 47, SEX_FEMALE, "990167"},
        {"cinc2017/A00005.hea", -1, SEX_UNKNOWN, ""},
        {"formats/wfdb/test01/test01_00s.hea", 25, SEX_MALE, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct recording *r;
        assert_int_equal(recording_open(&r, data_path(cases[i].name)), STATUS_OK);
        assert_true(cases[i].age < 0 ? isnan(r->age_years) : r->age_years == cases[i].age);
        assert_int_equal(r->sex, cases[i].sex);
        assert_string_equal(r->patient, cases[i].patient);
        recording_close(r);
    }
}

int main(void)
{
    if (!getenv("ECG_DATA_DIR")) {
        puts("SKIP: ECG_DATA_DIR is not set: no recordings to read");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_opens_and_its_checksums_hold),
        cmocka_unit_test(decoded_samples_equal_those_of_another_decoder),
        cmocka_unit_test(truth_files_of_the_format_vectors_agree),
        cmocka_unit_test(a_header_without_length_reads_the_same_samples),
        cmocka_unit_test(beats_and_rhythms_of_mit_bih_are_as_many_as_published),
        cmocka_unit_test(labels_of_the_challenge_headers_are_as_many_as_counted),
        cmocka_unit_test(an_annotation_beyond_32_bits_is_found),
        cmocka_unit_test(demographics_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
