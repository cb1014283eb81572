/* HDF5 files of many recordings, opened one after the other with a keeper: each has the numbers and the name it was
 * written with, in whatever order, layout and company it is asked for. */
#include <hdf5.h>
#include <math.h>

#include "recording_files.h"

enum { RECORDS = 11, SAMPLES = 8, LEADS = 2 };

struct layout {
    const char *name;
    int record_axis;  /* 0 or 2 */
    hsize_t chunk[3]; /* 0: one piece */
    bool is_packed;
};

static const struct layout layouts[] = {
    {"in one piece", 0, {0}, false},
    {"a chunk a recording", 0, {1, SAMPLES, LEADS}, true},
    {"chunks of four recordings", 0, {4, 3, 1}, true},
    {"one chunk longer than the array", 0, {16, SAMPLES, LEADS}, false},
    {"recordings last, in one piece", 2, {0}, false},
    {"recordings last, in chunks", 2, {3, LEADS, 5}, true},
};

/* mV of a sample; `shift` tells arrays apart. */
static double value_of(int record, int sample, int lead, int shift)
{
    return (record * 100 + sample * 10 + lead + shift) / 1000.0;
}

static void write_array(hid_t file, const char *name, const struct layout *layout, int shift)
{
    hsize_t dims[3] = {RECORDS, SAMPLES, LEADS}, most[3] = {RECORDS + 9, SAMPLES, LEADS}; /* a chunk may be longer */
    bool is_last = layout->record_axis == 2;
    float values[RECORDS * SAMPLES * LEADS];
    for (int r = 0, i = 0; r < RECORDS; r++)
        for (int s = 0; s < SAMPLES; s++)
            for (int l = 0; l < LEADS; l++, i++)
                values[is_last ? (s * LEADS + l) * RECORDS + r : i] = (float)value_of(r, s, l, shift);
    if (is_last) {
        memcpy(dims, (hsize_t[]){SAMPLES, LEADS, RECORDS}, sizeof dims);
        memcpy(most, dims, sizeof most);
    }
    hid_t space = H5Screate_simple(3, dims, layout->chunk[0] ? most : NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    if (layout->chunk[0])
        assert_true(H5Pset_chunk(list, 3, layout->chunk) >= 0);
    if (layout->is_packed)
        assert_true(H5Pset_deflate(list, 1) >= 0);
    hid_t set = H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    assert_true(set >= 0);
    assert_true(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(set);
    H5Pclose(list);
    H5Sclose(space);
}

/* Record i is called (first + 7 i) mod 11: neither in the order of numbers nor in that of texts. */
static int name_of(int record, int first)
{
    return (first + 7 * record) % RECORDS;
}

static void write_file(const char *name, const struct layout *layout, int first, int shift)
{
    int64_t names[RECORDS];
    char description[256];
    for (int r = 0; r < RECORDS; r++)
        names[r] = name_of(r, first);
    remove(path_of(name)); /* a new file, also for those who still have the old one open */
    hid_t file = H5Fcreate(path_of(name), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    write_array(file, "a", layout, shift);
    write_array(file, "b", layout, shift + 1);
    hid_t space = H5Screate_simple(1, (hsize_t[]){RECORDS}, NULL);
    hid_t set = H5Dcreate2(file, "ids", H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, names) >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Fclose(file);
    snprintf(description, sizeof description,
             "{files: '*.h5', variable: a, names: ids, rate_hz: 100, leads: [I, II], unit: mV, leads_in: columns%s}\n",
             layout->record_axis ? ", records_last: true" : "");
    write_text("recordings.yaml", description);
}

static struct recording *open_kept(const char *file, int name, struct recording_keeper *keeper)
{
    const struct recording_options options = {.keeper = keeper};
    struct recording *recording = NULL;
    char *path = format_text("%s/%d", path_of(file), name);
    if (recording_open_with(&recording, path, &options) != STATUS_OK)
        fail_msg("%s: %s", path, status_message());
    free(path);
    return recording;
}

static void expect_record(const char *file, int record, int first, int shift, struct recording_keeper *keeper)
{
    float mv[LEADS * SAMPLES];
    struct recording *recording = open_kept(file, name_of(record, first), keeper);
    assert_int_equal(recording->n_leads, LEADS);
    assert_int_equal(recording->samples, SAMPLES);
    assert_int_equal(recording_read(recording, 0, SAMPLES, mv), STATUS_OK);
    for (int l = 0; l < LEADS; l++)
        for (int s = 0; s < SAMPLES; s++)
            if (fabs(mv[l * SAMPLES + s] - value_of(record, s, l, shift)) > 1e-6)
                fail_msg("%s: record %d, lead %d, sample %d: %g, must be %g", file, record, l, s,
                         (double)mv[l * SAMPLES + s], value_of(record, s, l, shift));
    recording_close(recording);
}

static void each_recording_has_its_numbers_in_any_order_and_layout(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        struct recording_keeper *keeper = recording_keeper_create();
        write_file("a.h5", &layouts[i], 3, 0);
        for (int r = 0; r < RECORDS; r++)
            expect_record("a.h5", r, 3, 0, keeper);
        for (int r = 0; r < RECORDS; r++)
            expect_record("a.h5", r * 5 % RECORDS, 3, 0, keeper);
        expect_record("a.h5", 4, 3, 0, NULL);
        recording_keeper_free(keeper);
    }
}

static void a_recording_stays_open_when_another_file_is_taken_up(void **state)
{
    (void)state;
    struct recording_keeper *keeper = recording_keeper_create();
    float mv[LEADS * SAMPLES];
    write_file("a.h5", &layouts[2], 3, 0);
    write_file("b.h5", &layouts[2], 5, 40);
    struct recording *recording = open_kept("a.h5", name_of(6, 3), keeper);
    expect_record("b.h5", 6, 5, 40, keeper);
    expect_record("a.h5", 2, 3, 0, keeper);
    recording_keeper_free(keeper);
    assert_int_equal(recording_read(recording, 0, SAMPLES, mv), STATUS_OK);
    assert_true(fabs(mv[0] - value_of(6, 0, 0, 0)) < 1e-6);
    recording_close(recording);
}

static void a_file_that_was_written_anew_is_read_anew(void **state)
{
    (void)state;
    struct recording_keeper *keeper = recording_keeper_create();
    write_file("a.h5", &layouts[2], 3, 0);
    expect_record("a.h5", 1, 3, 0, keeper);
    write_file("a.h5", &layouts[2], 8, 500); /* of the same size */
    expect_record("a.h5", 1, 8, 500, keeper);
    recording_keeper_free(keeper);
}

static void another_description_finds_another_array(void **state)
{
    (void)state;
    struct recording_keeper *keeper = recording_keeper_create();
    write_file("a.h5", &layouts[2], 3, 0);
    expect_record("a.h5", 9, 3, 0, keeper);
    write_text("recordings.yaml", "{files: '*.h5', variable: b, names: ids, rate_hz: 100, leads: [I, II], unit: mV, "
                                  "leads_in: columns}\n");
    expect_record("a.h5", 9, 3, 1, keeper);
    write_text("recordings.yaml", "{files: '*.h5', variable: b, rate_hz: 100, leads: [I, II], unit: mV, leads_in: "
                                  "columns}\n");
    struct recording *recording = open_kept("a.h5", 9, keeper); /* the number now, not the name */
    float mv[LEADS * SAMPLES];
    assert_int_equal(recording_read(recording, 0, SAMPLES, mv), STATUS_OK);
    assert_true(fabs(mv[0] - value_of(9, 0, 0, 1)) < 1e-6);
    recording_close(recording);
    recording_keeper_free(keeper);
}

static void a_name_that_is_not_there_is_refused_and_the_next_one_read(void **state)
{
    (void)state;
    struct recording_keeper *keeper = recording_keeper_create();
    const struct recording_options options = {.keeper = keeper};
    struct recording *recording = NULL;
    write_file("a.h5", &layouts[2], 3, 0);
    expect_record("a.h5", 0, 3, 0, keeper);
    char *path = format_text("%s/%d", path_of("a.h5"), RECORDS);
    assert_int_equal(recording_open_with(&recording, path, &options), STATUS_DATA);
    assert_non_null(strstr(status_message(), "has no record '11'"));
    free(path);
    expect_record("a.h5", 10, 3, 0, keeper);
    recording_keeper_free(keeper);
}

/* The first bytes of what deflate made of each chunk are 78 01. */
static void damage_first_packed_chunk(const char *name)
{
    char *bytes;
    size_t count, at = 0;
    assert_int_equal(file_read(path_of(name), 1 << 20, &bytes, &count), STATUS_OK);
    while (at + 1 < count && !(bytes[at] == 0x78 && bytes[at + 1] == 0x01))
        at++;
    assert_true(at + 1 < count);
    bytes[at] = 0;
    write_bytes(name, bytes, count);
    free(bytes);
}

static void a_damaged_chunk_refuses_its_recordings_only(void **state)
{
    (void)state;
    static const struct layout layout = {"chunks of four whole recordings", 0, {4, SAMPLES, LEADS}, true};
    struct recording_keeper *keeper = recording_keeper_create();
    const struct recording_options options = {.keeper = keeper};
    int n_refused = 0;
    write_file("a.h5", &layout, 3, 0);
    damage_first_packed_chunk("a.h5");
    for (int r = 0; r < RECORDS; r++) {
        struct recording *recording = NULL;
        char *path = format_text("%s/%d", path_of("a.h5"), name_of(r, 3));
        enum status status = recording_open_with(&recording, path, &options);
        free(path);
        recording_close(recording);
        assert_true(status == STATUS_OK || status == STATUS_DATA);
        if (status == STATUS_OK)
            expect_record("a.h5", r, 3, 0, keeper);
        n_refused += status == STATUS_DATA;
    }
    assert_true(n_refused == 4 || n_refused == 3); /* the last chunk has 3 */
    recording_keeper_free(keeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_recording_has_its_numbers_in_any_order_and_layout),
        cmocka_unit_test(a_recording_stays_open_when_another_file_is_taken_up),
        cmocka_unit_test(a_file_that_was_written_anew_is_read_anew),
        cmocka_unit_test(another_description_finds_another_array),
        cmocka_unit_test(a_name_that_is_not_there_is_refused_and_the_next_one_read),
        cmocka_unit_test(a_damaged_chunk_refuses_its_recordings_only),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
