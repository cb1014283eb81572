/* Any bytes as a file of the name FUZZ_FILE (a.edf if it is not set; recordings.yaml: as the description of a table):
 * the whole way of searching and opening. What is accepted must keep its promises: finite gains, samples that can be
 * read to the last. */
#include <hdf5.h>
#include <math.h>

#include "io/recording/recording.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/fuzz/library_faults.h"

/* The table and the description that the fuzzed file may need beside it. struct.mat has none: it explains itself. */
static void prepare(const char *fuzzed)
{
    static const char description[] = "{files: '*', rate_hz: 500, leads: [I, II, resp], unit: mV}\n";
    static const char names[] =
        "{files: '*', rate_hz: 500, leads: [I, II, resp], unit: mV, variable: tracings, names: exam_id}\n";
    static const char table[] = "0.1,0.2,1\n0.3,-0.4,2\nnan,0,3\n";
    if (strcmp(fuzzed, "names.h5") == 0)
        write_file("recordings.yaml", names, sizeof names - 1);
    else if (strcmp(fuzzed, "struct.mat") != 0)
        write_file("recordings.yaml", description, sizeof description - 1);
    write_file("a.csv", table, sizeof table - 1);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static void read_to_the_end(struct recording *recording)
{
    require(recording->n_leads > 0 && recording->n_leads <= RECORDING_MAX_LEADS && recording->samples > 0);
    require(recording->rate_hz > 0 && recording->rate_hz <= RECORDING_MAX_HZ);
    require(isnan(recording->age_years) || (recording->age_years >= 0 && recording->age_years <= 90));
    require(memchr(recording->name, 0, sizeof recording->name) && memchr(recording->patient, 0, 64));
    for (size_t i = 0; i < recording->n_leads; i++)
        require(isfinite(recording->leads[i].gain_per_mv) && recording->leads[i].gain_per_mv != 0);
    uint64_t count = recording->samples < 7 ? recording->samples : 7;
    float *mv = malloc(recording->n_leads * count * sizeof *mv);
    for (uint64_t first = 0; first + count <= recording->samples && first < 10000; first += count) {
        require(recording_read(recording, first, count, mv) == STATUS_OK);
        for (size_t i = 0; i < recording->n_leads * count; i++)
            require(!isinf(mv[i]));
    }
    require(recording_read(recording, recording->samples - count, count, mv) == STATUS_OK);
    free(mv);
    (void)recording_verify(recording);
}

static void open_and_read(const char *path)
{
    struct recording *recording = NULL;
    enum status status = recording_open(&recording, path);
    require((status == STATUS_OK) == (recording != NULL));
    if (status == STATUS_OK)
        read_to_the_end(recording);
    else
        require_words(status == STATUS_DATA || status == STATUS_CONFIG);
    recording_close(recording);
}

/* One of many in the file; the first few are as good as all. */
static void open_found(void *context, const char *path)
{
    int *n_found = context;
    if (strchr(path, '/') && ++*n_found < 4)
        open_and_read(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *fuzzed = fuzz_file("a.edf");
    if (enter_folder())
        prepare(fuzzed);
    write_file(fuzzed, data, size);
    int n_found = 0;
    const char *path = strcmp(fuzzed, "recordings.yaml") == 0 ? "a.csv" : fuzzed;
    open_and_read(path);
    enum status status = recording_find(path, NULL, open_found, &n_found);
    if (status != STATUS_OK)
        require_words(status == STATUS_CONFIG);
    require(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL) == 0);
    return 0;
}
