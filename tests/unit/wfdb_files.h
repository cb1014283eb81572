/* tests/unit/wfdb_files.h — what tests of WFDB records made in the test's folder say of them. */
#ifndef TESTS_UNIT_WFDB_FILES_H
#define TESTS_UNIT_WFDB_FILES_H

#include "tests/unit/recording_files.h"

static inline void refuse(const char *name, const char *header, const char *words)
{
    write_text(name, header);
    expect_refusal(path_of(name), STATUS_DATA, words);
}

/* The whole record must be these numbers, lead after lead; also when it is read from every place in every length. */
static inline void expect_samples(const char *name, const int32_t *wanted, size_t n_leads, size_t samples)
{
    struct recording *r = open_good(name);
    assert_int_equal(r->n_leads, n_leads);
    assert_int_equal(r->samples, samples);
    int32_t *adc = malloc(n_leads * samples * sizeof *adc);
    for (uint64_t first = 0; first < samples; first++)
        for (uint64_t count = 1; first + count <= samples; count++) {
            assert_int_equal(recording_read_adc(r, first, count, adc), STATUS_OK);
            for (size_t lead = 0; lead < n_leads; lead++)
                for (uint64_t i = 0; i < count; i++)
                    if (adc[lead * count + i] != wanted[lead * samples + first + i])
                        fail_msg("%s: lead %zu, sample %zu: %d, wanted %d", name, lead, (size_t)(first + i),
                                 adc[lead * count + i], wanted[lead * samples + first + i]);
        }
    free(adc);
    recording_close(r);
}

#endif
