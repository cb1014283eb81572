/* Any bytes as a WFDB header: the grammar, the comments, then the whole way of opening with signal files that hold a
 * few hundred bytes. What is accepted must keep its promises: finite gains, samples that can be read to the last. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/recording/recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Files that the seeds and the dictionary name; in a folder of the process. */
static const char *test_folder(void)
{
    static char folder[64];
    if (folder[0])
        return folder;
    snprintf(folder, sizeof folder, "/tmp/fuzz_wfdb_header.XXXXXX");
    if (!mkdtemp(folder) || chdir(folder) < 0)
        abort();
    static const char *const names[] = {"a.dat", "b.dat", "a.mat"};
    for (int i = 0; i < 3; i++) {
        FILE *file = fopen(names[i], "wb");
        /* the MATLAB v4 header of 2 x 100 numbers; as good as any beginning for the others */
        static const uint8_t matrix[24] = {30, 0, 0, 0, 2, 0, 0, 0, 100, 0,   0,  0,
                                           0,  0, 0, 0, 4, 0, 0, 0, 'v', 'a', 'l'};
        fwrite(matrix, 1, sizeof matrix, file);
        for (int k = 0; k < 400; k++)
            fputc(k * 37, file);
        fclose(file);
    }
    return folder;
}

static void remove_files(void)
{
    char name[100];
    static const char *const names[] = {"a.dat", "b.dat", "a.mat", "a.hea"};
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s/%s", test_folder(), names[i]);
        unlink(name);
    }
    rmdir(test_folder());
}

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void read_to_the_end(struct recording *recording)
{
    require(recording->n_leads > 0 && recording->n_leads <= RECORDING_MAX_LEADS && recording->samples > 0);
    require(recording->rate_hz > 0 && recording->rate_hz <= RECORDING_MAX_HZ);
    require(isnan(recording->age_years) || (recording->age_years >= 0 && recording->age_years <= 90));
    uint64_t count = recording->samples < 7 ? recording->samples : 7;
    float *mv = malloc(recording->n_leads * count * sizeof *mv);
    for (uint64_t first = 0; first + count <= recording->samples; first += count) {
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
    static bool is_prepared;
    if (!is_prepared) {
        test_folder();
        atexit(remove_files);
        is_prepared = true;
    }
    FILE *file = fopen("a.hea", "wb");
    require(file && fwrite(data, 1, size, file) == size);
    fclose(file);
    struct recording *recording = NULL;
    enum status status = recording_open(&recording, "a.hea");
    require((status == STATUS_OK) == (recording != NULL));
    if (status == STATUS_OK)
        read_to_the_end(recording);
    else
        require(status == STATUS_DATA && status_message()[0] != '\0');
    recording_close(recording);
    return 0;
}
