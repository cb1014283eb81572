/* MATLAB and HDF5 arrays: those that scipy and h5py wrote (tests/fuzz/make_seeds.py) have the numbers they were made
 * of; those whose sizes lie are refused before a library takes memory or reads by them. Hostile ones were found by
 * fuzzing. */
#include <math.h>
#include <sys/resource.h>

#include "recording_files.h"
#include "tests/library_sanitizers.h"

#define SEEDS SOURCE_FOLDER "/tests/fuzz/seeds/"

/* The seed as a file of the test's folder, with or without a description beside it; NULL if it is refused. */
static struct recording *open_seed(const char *seed, const char *name, const char *description)
{
    char *bytes;
    size_t count;
    struct recording *recording = NULL;
    assert_int_equal(file_read(seed, 1 << 20, &bytes, &count), STATUS_OK);
    assert_int_equal(file_write_atomic(path_of(name), bytes, count), STATUS_OK);
    free(bytes);
    remove(path_of("recordings.yaml"));
    if (description)
        assert_int_equal(file_write_atomic(path_of("recordings.yaml"), description, strlen(description)), STATUS_OK);
    enum status status = recording_open(&recording, path_of(name));
    assert_true(status == STATUS_OK || status == STATUS_DATA);
    return recording;
}

static const char three_leads[] = "{files: '*', rate_hz: 500, leads: [I, II, III], unit: mV}\n";

/* Row r, column i of the made table is (12 r + i) / 10 - 1. whole: as int16. */
static void expect_table(const char *seed, const char *name, bool whole)
{
    float mv[36];
    struct recording *recording = open_seed(seed, name, three_leads);
    if (!recording)
        fail_msg("%s: %s", seed, status_message());
    assert_int_equal(recording->n_leads, 3);
    assert_int_equal(recording->samples, 12);
    assert_int_equal(recording_read(recording, 0, 12, mv), STATUS_OK);
    for (int i = 0; i < 36; i++) {
        double value = whole ? trunc(i * 0.1 - 1) : i * 0.1 - 1;
        if (fabs(mv[i] - value) > 1e-6)
            fail_msg("%s: sample %d: %g, must be %g", seed, i, (double)mv[i], value);
    }
    recording_close(recording);
}

static void arrays_have_the_numbers_they_were_made_of(void **state)
{
    (void)state;
    expect_table(SEEDS "matlab/v4.mat", "a.mat", false);
    expect_table(SEEDS "matlab/v5.mat", "a.mat", true);
    expect_table(SEEDS "matlab/v5_compressed.mat", "a.mat", false);
    expect_table(SEEDS "matlab/v73.mat", "a.mat", false);
    expect_table(SEEDS "hdf5/contiguous.h5", "a.h5", false);
    expect_table(SEEDS "hdf5/new.h5", "a.h5", false);
    expect_table(SEEDS "hdf5/compact.h5", "a.h5", false);
}

static void a_struct_of_the_challenge_of_2018_needs_no_description(void **state)
{
    (void)state;
    static const char *const seeds[] = {SEEDS "matlab/struct.mat", SEEDS "matlab/struct_compressed.mat"};
    for (size_t s = 0; s < 2; s++) {
        float mv[12 * 6];
        struct recording *recording = open_seed(seeds[s], "a.mat", NULL);
        assert_non_null(recording);
        assert_int_equal(recording->n_leads, 12);
        assert_int_equal(recording->sex, SEX_MALE);
        assert_true(recording->age_years == 74);
        assert_int_equal(recording_read(recording, 0, 6, mv), STATUS_OK);
        for (int i = 0; i < 72; i++)
            assert_true(fabs(mv[i] - i % 6 * 0.1) < 1e-6);
        recording_close(recording);
    }
}

static void sizes_that_lie_are_refused_without_taking_memory(void **state)
{
    (void)state;
    static const struct {
        const char *seed, *name;
    } rows[] = {{SEEDS "matlab/dims_of_a_struct", "a.mat"},  {SEEDS "matlab/wrong_version", "a.mat"},
                {SEEDS "hdf5/huge_length.h5", "a.h5"},       {SEEDS "hdf5/huge_chunk.h5", "a.h5"},
                {SEEDS "hdf5/undefined_address.h5", "a.h5"}, {SEEDS "hdf5/outside_the_file.h5", "a.h5"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct recording *recording = open_seed(rows[i].seed, rows[i].name, three_leads);
        if (recording)
            fail_msg("%s was taken", rows[i].seed);
        assert_non_null(strstr(status_message(), rows[i].name));
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    assert_true(usage.ru_maxrss < 512 * 1024); /* KiB; before, 2 GiB were zeroed for one chunk */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_have_the_numbers_they_were_made_of),
        cmocka_unit_test(a_struct_of_the_challenge_of_2018_needs_no_description),
        cmocka_unit_test(sizes_that_lie_are_refused_without_taking_memory),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
