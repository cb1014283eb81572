/* Any bytes as a file of the name FUZZ_FILE (a.edf if it is not set; recordings.yaml: as the description of a table):
 * the whole way of opening. What is accepted must keep its promises: finite gains, samples that can be read to the
 * last.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/recording/recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void write_file(const char *name, const void *bytes, size_t count)
{
    FILE *file = fopen(name, "wb");
    require(file && fwrite(bytes, 1, count, file) == count);
    fclose(file);
}

static void remove_files(void)
{
    static const char *const names[] = {"recordings.yaml", "a.csv"};
    const char *fuzzed = getenv("FUZZ_FILE");
    for (int i = 0; i < 2; i++)
        unlink(names[i]);
    unlink(fuzzed && *fuzzed ? fuzzed : "a.edf");
    rmdir(folder);
}

/* A folder of the process, with the table and the description that the fuzzed file may need beside it. */
static void prepare(void)
{
    static const char description[] = "{files: '*', rate_hz: 500, leads: [I, II, resp], unit: mV}\n";
    static const char table[] = "0.1,0.2,1\n0.3,-0.4,2\nnan,0,3\n";
    snprintf(folder, sizeof folder, "/tmp/fuzz_raw_files.XXXXXX");
    require(mkdtemp(folder) && chdir(folder) == 0);
    write_file("recordings.yaml", description, sizeof description - 1);
    write_file("a.csv", table, sizeof table - 1);
    atexit(remove_files);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *fuzzed = getenv("FUZZ_FILE");
    if (!fuzzed || !*fuzzed)
        fuzzed = "a.edf";
    if (!folder[0])
        prepare();
    write_file(fuzzed, data, size);
    struct recording *recording = NULL;
    enum status status = recording_open(&recording, strcmp(fuzzed, "recordings.yaml") == 0 ? "a.csv" : fuzzed);
    require((status == STATUS_OK) == (recording != NULL));
    if (status == STATUS_OK)
        read_to_the_end(recording);
    else
        require((status == STATUS_DATA || status == STATUS_CONFIG) && status_message()[0] != '\0');
    recording_close(recording);
    return 0;
}
