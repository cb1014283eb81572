/* The format vectors of the development collection ($ECG_DATA_DIR/formats/wfdb): each decodes exactly to the values
 * beside it, which other programs wrote. Most of their signals are called "col 0" or "sig 3, fmt 80" and are no ECG
 * leads; their headers are copied with the names of leads in place, the signal files linked. */
#include "tests/unit/recording_files.h"

#include <math.h>
#include <unistd.h>

#include "base/memory.h"

static const char *data_path(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", getenv("ECG_DATA_DIR"), name);
    return path;
}

static void link_file(const char *folder, const char *file)
{
    char *from = format_text("%s/formats/wfdb/%s/%s", getenv("ECG_DATA_DIR"), folder, file);
    unlink(path_of(file));
    assert_int_equal(symlink(from, path_of(file)), 0);
    free(from);
}

/* The eight fields up to the block size, then a lead's name. */
static void rename_signal(FILE *out, const char *folder, char *line, size_t number)
{
    static const char *const leads[] = {"I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"};
    assert_true(number < 12);
    for (int field = 0; field < 8; field++) {
        char *word = strtok(field ? NULL : line, " ");
        assert_non_null(word);
        if (field == 0)
            link_file(folder, word);
        fprintf(out, "%s ", word);
    }
    fprintf(out, "%s\n", leads[number]);
}

/* A copy of a header with names of leads, opened. */
static struct recording *open_renamed(const char *folder, const char *name)
{
    char *source = format_text("formats/wfdb/%s/%s.hea", folder, name), *text, *header = format_text("%s.hea", name);
    size_t bytes, number = 0;
    assert_int_equal(file_read(data_path(source), 1 << 20, &text, &bytes), STATUS_OK);
    FILE *out = fopen(path_of(header), "w");
    assert_non_null(out);
    char *rest = text, *line = next_field(&rest, "\n");
    fprintf(out, "%s\n", line);
    while ((line = next_field(&rest, "\n")))
        if (*line && *line != '#')
            rename_signal(out, folder, line, number++);
    fclose(out);
    struct recording *recording = open_good(header);
    assert_int_equal(recording->n_leads, number);
    free(source);
    free(text);
    free(header);
    return recording;
}

/* Truth of some samples: rows of a text file, one number a column. columns[c]: the lead of column c, -1: none. */
struct truth {
    const char *file;
    uint64_t first, rows;
    int n_columns, columns[12];
    bool is_mv;      /* else ADC units */
    int32_t missing; /* what stands for a missing sample */
};

static void compare(struct recording *r, const struct truth *truth)
{
    size_t count = r->n_leads * truth->rows;
    int32_t *adc = NEW_ARRAY(int32_t, count);
    float *mv = NEW_ARRAY(float, count);
    FILE *file = fopen(data_path(truth->file), "r");
    assert_non_null(file);
    assert_int_equal(recording_read_adc(r, truth->first, truth->rows, adc), STATUS_OK);
    assert_int_equal(recording_read(r, truth->first, truth->rows, mv), STATUS_OK);
    for (size_t row = 0; row < truth->rows; row++)
        for (int c = 0; c < truth->n_columns; c++) {
            double wanted;
            assert_int_equal(fscanf(file, "%lf", &wanted), 1);
            if (truth->columns[c] < 0)
                continue;
            size_t at = (size_t)truth->columns[c] * truth->rows + row;
            double got = truth->is_mv ? (double)mv[at] : adc[at] == RECORDING_INVALID ? truth->missing : adc[at];
            if (fabs(got - wanted) > (truth->is_mv ? 5e-7 : 0)) /* mV are printed with 8 digits */
                fail_msg("%s: row %zu, column %d: %.9g, wanted %.9g", truth->file, row, c, got, wanted);
        }
    double behind;
    assert_true(fscanf(file, "%lf", &behind) != 1); /* all of it was compared */
    fclose(file);
    free(adc);
    free(mv);
}

static void expect_checksums(struct recording *r)
{
    if (recording_verify(r) != STATUS_OK)
        fail_msg("%s", status_message());
    for (size_t i = 0; i < r->n_leads; i++)
        assert_true(r->leads[i].checksum_known);
}

static void every_format_of_the_library_decodes(void **state)
{
    (void)state;
    struct recording *r = open_renamed("binformats", "binformats");
    compare(r,
            &(struct truth){
                "formats/wfdb/binformats/binformats.truth.txt", 0, 499, 10, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, false, 0});
    expect_checksums(r);
    assert_int_equal(r->n_warnings, 0);
    recording_close(r);
}

static void flac_formats_decode(void **state)
{
    (void)state;
    struct recording *r = open_renamed("flacformats", "flacformats");
    compare(r, &(struct truth){"formats/wfdb/flacformats/flacformats.truth.txt", 0, 499, 3, {0, 1, 2}, false, 0});
    expect_checksums(r);
    assert_int_equal(r->n_warnings, 0);
    recording_close(r);
}

static void ten_bit_formats_end_in_the_middle_of_a_word(void **state)
{
    (void)state;
    static const char *const names[] = {"310derive_2", "310derive_3", "311derive_2", "311derive_3", "311derive_4"};
    struct recording *r = open_renamed("derive", "310derive");
    compare(r, &(struct truth){"formats/wfdb/derive/310derive.truth.txt", 2, 1024, 2, {0, 1}, false, 0});
    expect_checksums(r);
    recording_close(r);
    r = open_renamed("derive", "311derive");
    compare(r, &(struct truth){"formats/wfdb/derive/311derive.truth.txt", 1, 977, 1, {0}, true, 0});
    expect_checksums(r);
    recording_close(r);
    for (int i = 0; i < 5; i++) {
        r = open_renamed("derive", names[i]);
        expect_checksums(r);
        recording_close(r);
    }
}

static void packed_formats_decode_to_millivolts(void **state)
{
    (void)state;
    struct recording *r = open_renamed("3000003_0003", "3000003_0003");
    compare(
        r, &(struct truth){"formats/wfdb/3000003_0003/3000003_0003.sig1.from125.truth.txt", 125, 875, 1, {1}, true, 0});
    expect_checksums(r);
    recording_close(r);
    r = open_renamed("100_3chan", "100_3chan");
    compare(r, &(struct truth){"formats/wfdb/100_3chan/100_3chan.truth.txt", 0, 999, 3, {0, 1, 2}, true, 0});
    expect_checksums(r);
    recording_close(r);
}

static struct recording *open_data(const char *name)
{
    struct recording *recording = NULL;
    if (recording_open(&recording, data_path(name)) != STATUS_OK)
        fail_msg("%s was refused: %s", name, status_message());
    return recording;
}

static void skew_and_frames_are_taken_out(void **state)
{
    (void)state;
    struct recording *r = open_data("formats/wfdb/test01/test01_00s.hea");
    compare(r, &(struct truth){"formats/wfdb/test01/test01_00s.truth.txt", 0, 4000, 4, {0, 1, 2, 3}, false, 0});
    recording_close(r);
    r = open_data("formats/wfdb/test01/test01_00s_skewframe.hea");
    assert_true(r->rate_hz == 500 && r->samples == 4000);
    compare(r, &(struct truth){"formats/wfdb/test01/test01_00s_skewframe.truth.txt", 0, 3997, 3, {0, 1, 2}, false, 0});
    int32_t end[9];
    assert_int_equal(recording_read_adc(r, 3997, 3, end), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(end[i], RECORDING_INVALID); /* of the skewed signal */
        assert_true(end[3 + i] != RECORDING_INVALID && end[6 + i] != RECORDING_INVALID);
    }
    expect_checksums(r);
    recording_close(r);
}

static void a_skewed_lead_is_the_other_one_shifted(void **state)
{
    (void)state;
    struct recording *plain = open_data("mitdb/100.hea"), *skewed = open_data("mitdb/100skew.hea");
    size_t n = plain->samples;
    int32_t *a = NEW_ARRAY(int32_t, 2 * n), *b = NEW_ARRAY(int32_t, 2 * n);
    assert_int_equal(skewed->samples, n);
    assert_int_equal(recording_read_adc(plain, 0, n, a), STATUS_OK);
    assert_int_equal(recording_read_adc(skewed, 0, n, b), STATUS_OK);
    assert_memory_equal(a, b, n * sizeof *a);
    assert_memory_equal(a + n + 3, b + n, (n - 3) * sizeof *a);
    for (size_t i = 2 * n - 3; i < 2 * n; i++)
        assert_int_equal(b[i], RECORDING_INVALID);
    expect_checksums(skewed);
    recording_close(plain);
    recording_close(skewed);
    free(a);
    free(b);
}

/* Signals of 500 Hz keep their rate beside others of 125 Hz, which are no leads; two segments join without a seam. */
static void several_segments_of_several_rates_are_one_record(void **state)
{
    (void)state;
    struct recording *r = open_data("formats/wfdb/041s/041s.hea");
    assert_true(r->rate_hz == 500 && r->samples == 8000);
    assert_int_equal(r->n_leads, 3);
    assert_string_equal(r->leads[2].name, "V");
    compare(r, &(struct truth){"formats/wfdb/041s/041s.truth.txt", 0, 8000, 3, {-1, 2, 1}, false, -2048});
    expect_checksums(r);
    static const char *const left_out[] = {"ABP", "PAP", "PLETH", "RESP"};
    assert_int_equal(r->n_left_out, 4);
    for (int i = 0; i < 4; i++)
        assert_true(has_prefix(r->left_out[i].reason, left_out[i]));
    recording_close(r);
}

/* 20 kB become 67 MB: read in stretches, forward, backward and at random, as a long record is. */
static void a_flac_file_that_expands_is_read_anywhere(void **state)
{
    (void)state;
    static const uint64_t places[] = {0, 1, 5599000, 65536, 2800000, 4096, 5000000, 3};
    struct recording *r = open_renamed("flac_3_constant", "flac_3_constant");
    int32_t adc[3 * 1000];
    assert_int_equal(r->samples, 5600000);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        assert_int_equal(recording_read_adc(r, places[i], 1000, adc), STATUS_OK);
        for (int k = 0; k < 3000; k++)
            assert_int_equal(adc[k], k < 1000 ? 25 : k < 2000 ? 50 : 75);
    }
    expect_checksums(r);
    recording_close(r);
}

int main(void)
{
    if (!getenv("ECG_DATA_DIR")) {
        puts("SKIP: ECG_DATA_DIR is not set: no recordings to read");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_of_the_library_decodes),
        cmocka_unit_test(flac_formats_decode),
        cmocka_unit_test(ten_bit_formats_end_in_the_middle_of_a_word),
        cmocka_unit_test(packed_formats_decode_to_millivolts),
        cmocka_unit_test(skew_and_frames_are_taken_out),
        cmocka_unit_test(a_skewed_lead_is_the_other_one_shifted),
        cmocka_unit_test(several_segments_of_several_rates_are_one_record),
        cmocka_unit_test(a_flac_file_that_expands_is_read_anywhere),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
