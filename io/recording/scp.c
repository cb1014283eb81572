/* SCP-ECG (EN 1064, ISO 11073-91064): sections 1 (person), 2 (Huffman tables), 3 (leads), 4 (where beats are), 5 (the
 * reference beat), 6 (rhythm), little-endian.
 *
 * A file is a checksum, its length, then sections of a 16-byte head (checksum, number, length, versions, reserved); the
 * first one says where the others lie. Samples of a lead are Huffman codes, or int16, of values or their first or
 * second differences; the reference beat may have been taken away from them. What thins samples out between beats
 * ("bimodal compression") is refused. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/checksum16.h"
#include "io/recording/lead_code.h"
#include "io/recording/mapped_file.h"
#include "io/recording/person.h"
#include "io/recording/raw_files.h"
#include "io/recording/sample_array.h"
#include "io/recording/scp_huffman.h"

enum { FILE_HEAD = 6, SECTION_HEAD = 16, N_SECTIONS = 12, POINTER_BYTES = 10 };
enum { LEAD_BYTES = 9, SIGNALS_HEAD = 6, BEATS_HEAD = 6, COMPLEX_BYTES = 14, MOST_SCP_SAMPLES = 1 << 28 };
enum { SECTION_LONG_RHYTHM = 12 };

struct scp_section {
    const uint8_t *bytes; /* behind its head; NULL: not there */
    size_t count;
};

struct scp_file {
    const char *path;
    struct mapped_file file;
    struct scp_section sections[N_SECTIONS];
    bool checksum_fails;
    bool has_long_rhythm;
};

/* ---- sections ------------------------------------------------------------------------------------------------------
 */

static enum status find_sections(struct scp_file *scp)
{
    enum status status;
    const uint8_t *bytes = scp->file.bytes;
    size_t count = scp->file.count;
    REQUIRE(count >= FILE_HEAD + SECTION_HEAD, STATUS_DATA, "%s: has %zu bytes: too short for SCP-ECG; leave it out",
            scp->path, count);
    uint32_t said = little32(bytes + 2), first = little32(bytes + FILE_HEAD + 4);
    REQUIRE(little16(bytes + FILE_HEAD + 2) == 0 && first >= SECTION_HEAD && first <= count - FILE_HEAD, STATUS_DATA,
            "%s: does not begin with section 0 of SCP-ECG; leave it out", scp->path);
    REQUIRE(said <= count, STATUS_DATA, "%s: file is shorter than it says: %" PRIu32 " bytes wanted, %zu are there",
            scp->path, said, count);
    scp->checksum_fails = said >= FILE_HEAD && checksum16(bytes + 2, said - 2) != little16(bytes);
    for (size_t at = FILE_HEAD + SECTION_HEAD; at + POINTER_BYTES <= FILE_HEAD + (size_t)first; at += POINTER_BYTES) {
        unsigned number = little16(bytes + at);
        uint64_t length = little32(bytes + at + 2), start = little32(bytes + at + 6); /* start counts from 1 */
        scp->has_long_rhythm |= number == SECTION_LONG_RHYTHM && length > SECTION_HEAD;
        if (number == 0 || number >= N_SECTIONS || length < SECTION_HEAD || start == 0)
            continue;
        REQUIRE(start - 1 <= count && length <= count - (start - 1), STATUS_DATA,
                "%s: section %u: bytes %" PRIu64 " to %" PRIu64 " lie behind the end of the file (%zu)", scp->path,
                number, start - 1, start - 1 + length, count);
        REQUIRE(little16(bytes + start - 1 + 2) == number, STATUS_DATA,
                "%s: section %u: is not where section 0 says; the file is damaged", scp->path, number);
        scp->sections[number] = (struct scp_section){bytes + start - 1 + SECTION_HEAD, length - SECTION_HEAD};
    }
    return STATUS_OK;
fail:
    return status;
}

/* Section 1: tag (1 byte), length (2), value; of these id, age, birth, sex and the day of recording. */
static enum status scp_person(struct recording *recording, struct scp_section section)
{
    struct calendar_day birth = {0}, recorded = {0};
    char patient[72] = "";
    double age = -1;
    for (size_t at = 0; at + 3 <= section.count && section.bytes[at] != 255;) {
        unsigned tag = section.bytes[at];
        size_t length = little16(section.bytes + at + 1);
        const uint8_t *value = section.bytes + at + 3;
        if (length > section.count - at - 3)
            break;
        if (tag == 2)
            snprintf(patient, sizeof patient, "%.*s", (int)length, (const char *)value);
        else if (tag == 4 && length >= 3 && value[2] >= 1 && value[2] <= 5) { /* 0: not said */
            static const double a_year[] = {1, 1, 12, 52.18, 365.25, 8766};
            age = little16(value) / a_year[value[2]];
        } else if (tag == 5 && length >= 4)
            birth = (struct calendar_day){little16(value), value[2], value[3]};
        else if (tag == 8 && length >= 1)
            recording->sex = value[0] == 1 ? SEX_MALE : value[0] == 2 ? SEX_FEMALE : SEX_UNKNOWN;
        else if (tag == 25 && length >= 4)
            recorded = (struct calendar_day){little16(value), value[2], value[3]};
        at += 3 + length;
    }
    if (age > 0)
        person_set_age(recording, age);
    else
        person_set_age_between(recording, birth, recorded);
    return person_set_patient(recording, trim(patient));
}

/* ---- rhythm and reference beat ------------------------------------------------------------------------------------
 */

/* Section 5 or 6: the samples of all leads. */
struct scp_signals {
    unsigned nanovolts, microseconds; /* of a unit, between samples */
    int differences;                  /* 0 to 2 */
    const uint8_t *lengths;           /* [n_leads] uint16, bytes of each lead's data */
    const uint8_t *data, *end;
};

/* Section 4: where the reference beat was taken away. */
struct scp_beats {
    const uint8_t *complexes; /* [n, COMPLEX_BYTES]: type, first sample, fiducial sample, last sample, from 1 */
    size_t n;
    int64_t fiducial; /* sample of the reference beat, from 1 */
    size_t samples;   /* of the reference beat */
    struct scp_signals signals;
};

struct scp_rhythm {
    size_t n_leads;
    const uint8_t *leads; /* [n_leads, 9] of section 3: first and last sample (from 1), lead number */
    struct scp_signals signals;
    bool has_beats;
    struct scp_beats beats;
    unsigned unit_nanovolts; /* of what the leads are kept in */
};

static enum status read_signals(struct scp_signals *signals, const struct scp_file *scp, int number, size_t n_leads)
{
    enum status status;
    struct scp_section section = scp->sections[number];
    REQUIRE(section.bytes && section.count >= SIGNALS_HEAD + 2 * n_leads, STATUS_DATA,
            "%s: %zu leads do not fit into section %d of %zu bytes; the file is damaged", scp->path, n_leads, number,
            section.count);
    signals->nanovolts = little16(section.bytes);
    signals->microseconds = little16(section.bytes + 2);
    signals->differences = section.bytes[4];
    signals->lengths = section.bytes + SIGNALS_HEAD;
    signals->data = signals->lengths + 2 * n_leads;
    signals->end = section.bytes + section.count;
    REQUIRE(signals->nanovolts > 0, STATUS_DATA, "%s: section %d: 0 nV a unit: must be above 0", scp->path, number);
    REQUIRE(signals->microseconds >= 1000000 / RECORDING_MAX_HZ, STATUS_DATA,
            "%s: section %d: %u us between samples: must be at least %d", scp->path, number, signals->microseconds,
            1000000 / RECORDING_MAX_HZ);
    REQUIRE(signals->differences <= 2, STATUS_DATA, "%s: section %d: differences of order %d: 0, 1 or 2 are known",
            scp->path, number, signals->differences);
    return STATUS_OK;
fail:
    return status;
}

static enum status read_beats(struct scp_beats *beats, const struct scp_file *scp, const struct scp_rhythm *rhythm)
{
    enum status status;
    struct scp_section section = scp->sections[4];
    REQUIRE(section.bytes && scp->sections[5].bytes && section.count >= BEATS_HEAD, STATUS_DATA,
            "%s: section 3 says that reference beats were taken away, but there is no section 4 or 5 with them; export "
            "it without compression",
            scp->path);
    TRY(read_signals(&beats->signals, scp, 5, rhythm->n_leads));
    REQUIRE(beats->signals.microseconds == rhythm->signals.microseconds, STATUS_DATA,
            "%s: reference beat with %u us between samples, rhythm with %u us: they must be equal; export it without "
            "compression",
            scp->path, beats->signals.microseconds, rhythm->signals.microseconds);
    beats->samples = (size_t)little16(section.bytes) * 1000 / beats->signals.microseconds;
    beats->fiducial = little16(section.bytes + 2);
    beats->n = little16(section.bytes + 4);
    beats->complexes = section.bytes + BEATS_HEAD;
    REQUIRE(beats->n <= (section.count - BEATS_HEAD) / COMPLEX_BYTES, STATUS_DATA,
            "%s: %zu beats do not fit into section 4 of %zu bytes; the file is damaged", scp->path, beats->n,
            section.count);
    return STATUS_OK;
fail:
    return status;
}

static unsigned greatest_divisor(unsigned a, unsigned b)
{
    while (b) {
        unsigned rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static enum status check_rhythm(struct recording *recording, const struct scp_file *scp, struct scp_rhythm *rhythm)
{
    enum status status;
    struct scp_section leads = scp->sections[3], data = scp->sections[6];
    REQUIRE(data.bytes || !scp->has_long_rhythm, STATUS_DATA,
            "%s: its samples are in section 12 (long-term rhythm of SCP-ECG 3), which cannot be read; export it as "
            "SCP-ECG 2 or another format",
            scp->path);
    REQUIRE(leads.bytes && leads.count >= 2 && data.bytes && data.count >= SIGNALS_HEAD, STATUS_DATA,
            "%s: has no section 3 (leads) or no section 6 (rhythm): no samples; leave it out", scp->path);
    rhythm->n_leads = leads.bytes[0];
    REQUIRE(rhythm->n_leads > 0 && 2 + rhythm->n_leads * LEAD_BYTES <= leads.count, STATUS_DATA,
            "%s: %zu leads do not fit into section 3 of %zu bytes; the file is damaged", scp->path, rhythm->n_leads,
            leads.count);
    REQUIRE(
        data.bytes[5] == 0, STATUS_DATA,
        "%s: section 6: bimodal compression %d: thinned-out samples between beats cannot be read; export it without "
        "high compression",
        scp->path, data.bytes[5]);
    rhythm->leads = leads.bytes + 2;
    TRY(read_signals(&rhythm->signals, scp, 6, rhythm->n_leads));
    rhythm->unit_nanovolts = rhythm->signals.nanovolts;
    rhythm->has_beats = leads.bytes[1] & 1;
    if (rhythm->has_beats) {
        TRY(read_beats(&rhythm->beats, scp, rhythm));
        rhythm->unit_nanovolts = greatest_divisor(rhythm->unit_nanovolts, rhythm->beats.signals.nanovolts);
    }
    recording->rate_hz = 1e6 / rhythm->signals.microseconds;
    return STATUS_OK;
fail:
    return status;
}

/* Sums the differences up, in 64 bits: hostile ones would leave 32. */
static bool undo_differences(int32_t *samples, size_t count, int order)
{
    for (size_t i = (size_t)order; order > 0 && i < count; i++) {
        int64_t value = order == 1 ? (int64_t)samples[i] + samples[i - 1]
                                   : (int64_t)samples[i] + 2 * (int64_t)samples[i - 1] - samples[i - 2];
        if (value < -(1 << 30) || value > 1 << 30)
            return false;
        samples[i] = (int32_t)value;
    }
    return true;
}

/* Samples of lead `index` (from 0) of section 5 or 6. */
static enum status decode_samples(const struct scp_file *scp, const struct scp_huffman *huffman,
                                  const struct scp_signals *signals, size_t index, int32_t *samples, size_t count)
{
    enum status status;
    const uint8_t *data = signals->data;
    for (size_t i = 0; i < index; i++) {
        size_t before = little16(signals->lengths + 2 * i), left = (size_t)(signals->end - data);
        data += before < left ? before : left;
    }
    size_t bytes = little16(signals->lengths + 2 * index), decoded = count;
    REQUIRE(bytes <= (size_t)(signals->end - data), STATUS_DATA,
            "%s: lead %zu: its %zu bytes lie behind the end of their section", scp->path, index + 1, bytes);
    if (huffman->n_tables > 0)
        decoded = scp_huffman_decode(huffman, data, bytes, samples, count);
    else if (bytes < 2 * count)
        decoded = bytes / 2;
    else
        for (size_t i = 0; i < count; i++)
            samples[i] = (int16_t)little16(data + 2 * i);
    REQUIRE(decoded == count, STATUS_DATA, "%s: lead %zu: %zu samples of %zu are there; the file is damaged", scp->path,
            index + 1, decoded, count);
    REQUIRE(undo_differences(samples, count, signals->differences), STATUS_DATA,
            "%s: lead %zu: its samples leave any range; the file is damaged", scp->path, index + 1);
    return STATUS_OK;
fail:
    return status;
}

/* *sample = *sample * factor + more; false if that is beyond 2^30. */
static bool add_scaled(int32_t *sample, unsigned factor, int64_t more)
{
    int64_t value = (int64_t)*sample * factor + more;
    *sample = (int32_t)value;
    return value >= -(1 << 30) && value <= 1 << 30;
}

/* Puts the reference beat back where it was taken away. first: number of samples[0]. */
static enum status add_beats(const struct scp_file *scp, const struct scp_huffman *huffman,
                             const struct scp_rhythm *rhythm, size_t index, int32_t *samples, uint64_t first,
                             uint64_t count)
{
    enum status status;
    const struct scp_beats *beats = &rhythm->beats;
    unsigned factor = rhythm->signals.nanovolts / rhythm->unit_nanovolts;
    int64_t beat_factor = beats->signals.nanovolts / rhythm->unit_nanovolts;
    int32_t *beat = NEW_ARRAY(int32_t, beats->samples + 1);
    bool is_in_range = true;
    TRY(decode_samples(scp, huffman, &beats->signals, index, beat, beats->samples));
    for (uint64_t i = 0; i < count; i++)
        is_in_range &= add_scaled(&samples[i], factor, 0);
    for (size_t i = 0; i < beats->n; i++) {
        const uint8_t *complex = beats->complexes + i * COMPLEX_BYTES;
        if (little16(complex) != 0) /* of another type: no reference beat was taken away */
            continue;
        int64_t begin = little32(complex + 2), fiducial = little32(complex + 6), last = little32(complex + 10);
        int64_t shift = beats->fiducial - fiducial - 1;
        begin = begin > (int64_t)first ? begin : (int64_t)first;
        begin = begin + shift > 0 ? begin : -shift;
        for (int64_t at = begin;
             at <= last && at - (int64_t)first < (int64_t)count && at + shift < (int64_t)beats->samples; at++)
            is_in_range &= add_scaled(&samples[at - (int64_t)first], 1, beat_factor * beat[at + shift]);
    }
    REQUIRE(is_in_range, STATUS_DATA, "%s: lead %zu: its samples leave any range; the file is damaged", scp->path,
            index + 1);
    status = STATUS_OK;
fail:
    free(beat);
    return status;
}

/* All leads that run over the same samples as the first one. */
static enum status decode_leads(struct recording *recording, const struct scp_file *scp,
                                const struct scp_huffman *huffman, const struct scp_rhythm *rhythm)
{
    enum status status;
    uint64_t first = little32(rhythm->leads), last = little32(rhythm->leads + 4);
    uint64_t most =
        (uint64_t)little16(rhythm->signals.lengths) * 8; /* of the first lead; a code has one bit at least */
    size_t room = rhythm->n_leads < RECORDING_MAX_LEADS ? rhythm->n_leads : RECORDING_MAX_LEADS;
    REQUIRE(last >= first && last - first < MOST_SCP_SAMPLES && last - first < most, STATUS_DATA,
            "%s: section 3: samples %" PRIu64 " to %" PRIu64 ": more than its data can hold", scp->path, first, last);
    struct sample_array *array = xcalloc(1, sizeof *array);
    recording->source->state = array;
    array->samples = last - first + 1;
    array->adc = NEW_ARRAY(int32_t, checked_multiply(room, array->samples));
    for (size_t i = 0; i < rhythm->n_leads; i++) {
        const uint8_t *lead = rhythm->leads + i * LEAD_BYTES;
        const char *name = lead_code_text(lead[8]);
        bool taken = false;
        if (little32(lead) != first || little32(lead + 4) != last)
            recording_leave_out(recording, "%s: runs over samples %u to %u, the first lead over %u to %u", name,
                                little32(lead), little32(lead + 4), (unsigned)first, (unsigned)last);
        else
            TRY(recording_add_lead(recording, name, 1e6 / rhythm->unit_nanovolts, 0, &taken));
        if (!taken)
            continue;
        int32_t *samples = array->adc + (recording->n_leads - 1) * array->samples;
        TRY(decode_samples(scp, huffman, &rhythm->signals, i, samples, (size_t)array->samples));
        if (rhythm->has_beats)
            TRY(add_beats(scp, huffman, rhythm, i, samples, first, array->samples));
    }
    array->n_leads = recording->n_leads;
    recording->samples = array->samples;
    return recording_require_leads(recording);
fail:
    return status;
}

static enum status scp_open(struct recording *recording)
{
    enum status status;
    struct scp_file scp = {.path = recording->path};
    struct scp_huffman *huffman = xcalloc(1, sizeof *huffman);
    struct scp_rhythm rhythm = {0};
    TRY(mapped_file_open(&scp.file, recording->path));
    TRY(find_sections(&scp));
    TRY(check_rhythm(recording, &scp, &rhythm));
    REQUIRE(scp_huffman_read(huffman, scp.sections[2].bytes, scp.sections[2].count), STATUS_DATA,
            "%s: section 2: no Huffman table that can be", scp.path);
    TRY(decode_leads(recording, &scp, huffman, &rhythm));
    if (scp.sections[1].bytes)
        TRY(scp_person(recording, scp.sections[1]));
    if (scp.checksum_fails)
        recording_warn(recording, "the file's checksum does not hold");
    recording->format = "SCP-ECG";
    recording_name_by_file(recording);
    status = STATUS_OK;
fail:
    mapped_file_close(&scp.file);
    free(huffman);
    return status;
}

/* Section 0 has number 0 and, from version 1.3 on, "SCPECG" in its reserved bytes. */
static bool scp_is_known_by(const struct file_head *head)
{
    return head->count >= FILE_HEAD + SECTION_HEAD && memcmp(head->bytes + FILE_HEAD + 10, "SCPECG", 6) == 0;
}

const struct recording_type scp_recording = {
    .name = "SCP-ECG",
    .endings = (const char *const[]){".scp", NULL},
    .is_known_by = scp_is_known_by,
    .open = scp_open,
    .read = sample_array_read,
    .close = sample_array_close,
};
