/* Any bytes as a WFDB header: the grammar, the comments, then the whole way of opening with signal files that hold a
 * few hundred bytes. What is accepted must keep its promises: finite gains, samples that can be read to the last. */
#include <math.h>

#include "io/recording/recording.h"
#include "tests/fuzz/fuzzing.h"

/* The signal files that the seeds and the dictionary name. */
static void prepare(void)
{
    static const char *const names[] = {"a.dat", "b.dat", "a.mat"};
    /* the MATLAB v4 header of 2 x 100 numbers; as good as any beginning for the others */
    uint8_t bytes[424] = {30, 0, 0, 0, 2, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 'v', 'a', 'l'};
    for (int k = 0; k < 400; k++)
        bytes[24 + k] = (uint8_t)(k * 37);
    for (int i = 0; i < 3; i++)
        write_file(names[i], bytes, sizeof bytes);
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
    if (enter_folder())
        prepare();
    write_file("a.hea", data, size);
    struct recording *recording = NULL;
    enum status status = recording_open(&recording, "a.hea");
    require((status == STATUS_OK) == (recording != NULL));
    if (status == STATUS_OK)
        read_to_the_end(recording);
    else
        require_words(status == STATUS_DATA);
    recording_close(recording);
    return 0;
}
