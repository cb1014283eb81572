/* ISHNE Holter files (Badilini 1998, The ISHNE Holter standard output file format): a header of 522 bytes, a block of
 * text, then int16 samples, one of each lead in turn. Samples are mapped, not read. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/checksum16.h"
#include "io/recording/mapped_file.h"
#include "io/recording/person.h"
#include "io/recording/raw_files.h"
#include "io/recording/sample_array.h"

/* Places in the file, bytes; numbers are little-endian. */
enum {
    AT_CHECKSUM = 8,
    AT_HEADER = 10, /* the checksum runs from here to the samples */
    AT_SAMPLES = 14,
    AT_BLOCK_START = 22, /* of the samples */
    AT_PATIENT = 108,
    AT_SEX = 128,
    AT_BIRTH = 132, /* day, month, year */
    AT_DAY = 138,
    AT_LEADS = 156,
    AT_LEAD_NAMES = 158,
    AT_RESOLUTION = 206, /* nV a unit */
    AT_RATE = 272,
    FIXED_BYTES = 522,
    PATIENT_BYTES = 20,
    MOST_LEADS = 12,
};

struct ishne_state {
    struct mapped_file file;
    size_t start; /* of the samples */
    size_t n_signals;
    size_t place[RECORDING_MAX_LEADS]; /* of each lead among the signals */
};

static const char *lead_text(int16_t code)
{
    static const char *const names[] = {"unknown", "ECG", "X",  "Y",  "Z",  "I",  "II", "III", "aVR", "aVL",
                                        "aVF",     "V1",  "V2", "V3", "V4", "V5", "V6", "ES",  "AS",  "AI"};
    return code >= 0 && code < (int16_t)(sizeof names / sizeof *names) ? names[code] : "unknown";
}

static struct calendar_day ishne_day(const uint8_t *bytes)
{
    return (struct calendar_day){
        .day = (int16_t)little16(bytes), .month = (int16_t)little16(bytes + 2), .year = (int16_t)little16(bytes + 4)};
}

static enum status ishne_person(struct recording *recording, const uint8_t *header)
{
    char patient[PATIENT_BYTES + 1];
    int sex = little16(header + AT_SEX);
    memcpy(patient, header + AT_PATIENT, PATIENT_BYTES);
    patient[PATIENT_BYTES] = '\0';
    recording->sex = sex == 1 ? SEX_MALE : sex == 2 ? SEX_FEMALE : SEX_UNKNOWN;
    person_set_age_between(recording, ishne_day(header + AT_BIRTH), ishne_day(header + AT_DAY));
    return person_set_patient(recording, trim(patient));
}

static enum status ishne_sizes(struct recording *recording, struct ishne_state *state)
{
    enum status status;
    const uint8_t *header = state->file.bytes;
    REQUIRE(state->file.count >= FIXED_BYTES && memcmp(header, "ISHNE1.0", 8) == 0, STATUS_DATA,
            "%s: does not begin as an ISHNE file; leave it out", recording->path);
    uint32_t start = little32(header + AT_BLOCK_START), samples = little32(header + AT_SAMPLES);
    int rate = (int16_t)little16(header + AT_RATE), n = (int16_t)little16(header + AT_LEADS);
    REQUIRE(n >= 1 && n <= MOST_LEADS, STATUS_DATA, "%s: number of leads %d: must be from 1 to 12", recording->path, n);
    REQUIRE(rate > 0, STATUS_DATA, "%s: rate %d Hz: must be above 0; correct the header", recording->path, rate);
    REQUIRE(start >= FIXED_BYTES && start < state->file.count, STATUS_DATA,
            "%s: samples begin at byte %" PRIu32 " of %zu: must be inside, behind the header", recording->path, start,
            state->file.count);
    uint64_t there = (state->file.count - start) / (2 * (uint64_t)n), said = samples;
    /* some recorders count all leads together, some leave 0 */
    if (said > there && said / (uint64_t)n == there)
        said = there;
    if (said == 0)
        said = there;
    REQUIRE(said <= there && there > 0, STATUS_DATA,
            "%s: file is shorter than its header says: %" PRIu64 " samples a lead, %" PRIu64 " are there",
            recording->path, said, there);
    state->start = start;
    state->n_signals = (size_t)n;
    recording->samples = said;
    recording->rate_hz = rate;
    return STATUS_OK;
fail:
    return status;
}

static enum status ishne_open(struct recording *recording)
{
    enum status status;
    struct ishne_state *state = xcalloc(1, sizeof *state);
    recording->source->state = state;
    TRY(mapped_file_open(&state->file, recording->path));
    TRY(ishne_sizes(recording, state));
    for (size_t i = 0; i < state->n_signals; i++) {
        const char *name = lead_text((int16_t)little16(state->file.bytes + AT_LEAD_NAMES + 2 * i));
        int nanovolts = (int16_t)little16(state->file.bytes + AT_RESOLUTION + 2 * i);
        enum lead lead;
        bool taken;
        REQUIRE(!lead_from_name(name, &lead) || nanovolts > 0, STATUS_DATA,
                "%s: lead %s: resolution %d nV: must be above 0; correct the header", recording->path, name, nanovolts);
        TRY(recording_add_lead(recording, name, nanovolts > 0 ? 1e6 / nanovolts : 1, 0, &taken));
        if (taken)
            state->place[recording->n_leads - 1] = i;
    }
    TRY(recording_require_leads(recording));
    TRY(ishne_person(recording, state->file.bytes));
    recording->format = "ISHNE";
    recording_name_by_file(recording);
    return STATUS_OK;
fail:
    return status;
}

static enum status ishne_read(const struct recording *recording, uint64_t first, uint64_t count, int32_t *adc)
{
    const struct ishne_state *state = recording->source->state;
    for (size_t i = 0; i < recording->n_leads; i++) {
        const uint8_t *bytes = state->file.bytes + state->start + 2 * (first * state->n_signals + state->place[i]);
        for (uint64_t k = 0; k < count; k++) {
            int16_t value = (int16_t)little16(bytes + 2 * k * state->n_signals);
            adc[i * count + k] = value == INT16_MIN ? RECORDING_INVALID : value;
        }
    }
    return STATUS_OK;
}

/* Only the header has a checksum. */
static enum status ishne_verify(struct recording *recording)
{
    const struct ishne_state *state = recording->source->state;
    uint16_t said = little16(state->file.bytes + AT_CHECKSUM);
    uint16_t found = checksum16(state->file.bytes + AT_HEADER, state->start - AT_HEADER);
    if (said != 0 && said != found)
        return status_set(STATUS_DATA, "%s: header: checksum mismatch: %04x in the file, %04x of its bytes; restore it",
                          recording->path, said, found);
    return STATUS_OK;
}

static void ishne_close(void *data)
{
    struct ishne_state *state = data;
    if (state)
        mapped_file_close(&state->file);
    free(state);
}

static bool ishne_is_known_by(const struct file_head *head)
{
    return head->count >= 8 && memcmp(head->bytes, "ISHNE1.0", 8) == 0;
}

const struct recording_type ishne_recording = {
    .name = "ISHNE",
    .endings = (const char *const[]){".ecg", ".ishne", NULL},
    .is_known_by = ishne_is_known_by,
    .is_ending_vague = true,
    .open = ishne_open,
    .read = ishne_read,
    .verify = ishne_verify,
    .close = ishne_close,
};
