/* Any bytes as a WFDB record: its header a.hea, a 0 byte, the header s.hea of a segment, a 0 byte, the signal file
 * a.dat. What is accepted must keep its promises: every stretch can be read or the file is said to be damaged, the same
 * stretch twice gives the same samples, a part of it gives a part of them. */
#include "io/recording/recording.h"
#include "tests/fuzz/fuzzing.h"

/* The part up to the next 0 byte; moves *data behind that. */
static size_t take_text(const uint8_t **data, size_t *size)
{
    const uint8_t *end = memchr(*data, 0, *size);
    size_t length = end ? (size_t)(end - *data) : *size, taken = end ? length + 1 : length;
    *data += taken;
    *size -= taken;
    return length;
}

/* Short records are read whole, of long ones (a FLAC stream may expand) the beginning and the end. */
static void read_stretches(struct recording *recording)
{
    enum { MOST = 3000 };
    uint64_t n = recording->samples, count = n < MOST ? n : MOST;
    size_t leads = recording->n_leads;
    int32_t *whole = malloc(leads * count * sizeof *whole), *part = malloc(leads * count * sizeof *part);
    const uint64_t firsts[] = {0, n - count, (n - count) / 2, 0};
    for (int i = 0; i < 4; i++) {
        enum status status = recording_read_adc(recording, firsts[i], count, whole);
        require(status == STATUS_OK || status == STATUS_DATA);
        uint64_t skip = count / 3, rest = count - skip;
        if (status != STATUS_OK || recording_read_adc(recording, firsts[i] + skip, rest, part) != STATUS_OK)
            continue;
        for (size_t k = 0; k < leads; k++)
            require(memcmp(part + k * rest, whole + k * count + skip, rest * sizeof *part) == 0);
    }
    free(whole);
    free(part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)enter_folder();
    const uint8_t *text = data;
    write_file("a.hea", text, take_text(&data, &size));
    text = data;
    write_file("s.hea", text, take_text(&data, &size));
    write_file("a.dat", data, size);
    struct recording *recording = NULL;
    enum status status = recording_open(&recording, "a.hea");
    require((status == STATUS_OK) == (recording != NULL));
    if (status == STATUS_OK) {
        read_stretches(recording);
        if (recording->samples < 1 << 20)
            (void)recording_verify(recording);
    } else {
        require_words(status == STATUS_DATA);
    }
    recording_close(recording);
    return 0;
}
