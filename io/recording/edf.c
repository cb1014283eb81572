/* EDF, EDF+, BDF and BDF+ (Kemp et al. 1992; Kemp and Olivan 2003; edfplus.info; BDF: 24 bits, biosemi.com).
 *
 * A header of 256 bytes and 256 more a signal, all printable text; then data records of equal length, in each the
 * samples of signal after signal. Samples are mapped, not read, so a day takes no more memory than a minute. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/mapped_file.h"
#include "io/recording/person.h"
#include "io/recording/raw_files.h"
#include "io/recording/sample_array.h"
#include "io/recording/unit.h"

enum { BLOCK_BYTES = 256, MOST_SIGNALS = 1024, MOST_SAMPLES_A_RECORD = 1 << 26 };
enum { LEAST_SHARE = 1000 }; /* one sample in so many must be there: a few onsets may claim years */

struct edf_signal {
    char label[17], unit[9];
    double physical_least, physical_most;
    int64_t digital_least, digital_most;
    uint64_t samples; /* of a data record */
    uint64_t first;   /* bytes before it in a data record */
};

struct edf_lead {
    uint64_t first, samples; /* as in edf_signal */
    bool is_negated;         /* physical values fall as digital ones rise */
};

struct edf_state {
    struct mapped_file file;
    size_t sample_bytes; /* 2 or 3 */
    size_t header_bytes;
    uint64_t records, record_bytes;
    double record_seconds;
    bool is_plus, is_interrupted; /* EDF+D, BDF+D */
    size_t n_signals;
    struct edf_signal *signals;
    struct edf_lead leads[RECORDING_MAX_LEADS];
    uint64_t samples; /* of the recording in a data record: those of the fastest lead */
    uint64_t *starts; /* [records], first sample of each in an interrupted recording; NULL: one follows the other */
};

/* ---- header --------------------------------------------------------------------------------------------------------
 */

/* A field of the header as text without blanks at the ends. target has bytes + 1 characters. */
static char *edf_text(char *target, const uint8_t *field, size_t bytes)
{
    memcpy(target, field, bytes);
    target[bytes] = '\0';
    char *start = trim(target);
    memmove(target, start, strlen(start) + 1);
    return target;
}

static enum status edf_number(const struct recording *recording, const uint8_t *field, const char *name, double least,
                              double most, double *value)
{
    char text[9];
    edf_text(text, field, 8);
    if (parse_double(text, value) && *value >= least && *value <= most)
        return STATUS_OK;
    return status_set(STATUS_DATA, "%s: %s '%s': must be a number from %g to %g; correct the header or leave it out",
                      recording->path, name, make_printable(text), least, most);
}

static enum status edf_whole(const struct recording *recording, const uint8_t *field, const char *name, int64_t least,
                             int64_t most, int64_t *value)
{
    char text[9];
    edf_text(text, field, 8);
    if (parse_int(text, least, most, value))
        return STATUS_OK;
    return status_set(STATUS_DATA,
                      "%s: %s '%s': must be a whole number from %" PRId64 " to %" PRId64
                      "; correct the header or leave it out",
                      recording->path, name, make_printable(text), least, most);
}

/* "02-MAY-1951" */
static struct calendar_day edf_day(const char *text)
{
    static const char *const months = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
    struct calendar_day day = {0};
    char month[4] = "";
    if (sscanf(text, "%2d-%3[A-Za-z]-%4d", &day.day, month, &day.year) != 3 || strlen(month) != 3)
        return (struct calendar_day){0};
    for (int i = 0; i < 12; i++)
        if (strncasecmp(months + 3 * i, month, 3) == 0)
            day.month = i + 1;
    return day;
}

/* EDF+ says in fixed places: "code sex birthdate name", "Startdate 02-MAR-2002 …"; X is unknown. The field of plain EDF
 * is free text, of which nothing is taken. */
static enum status edf_person(struct recording *recording, const uint8_t *header)
{
    char patient[81], start[81], *words[3] = {NULL}, *rest = edf_text(patient, header + 8, 80);
    for (int i = 0; i < 3; i++)
        words[i] = next_field(&rest, " ");
    edf_text(start, header + 88, 80);
    if (words[2] && has_prefix(start, "Startdate "))
        person_set_age_between(recording, edf_day(words[2]), edf_day(start + strlen("Startdate ")));
    if (words[1] && strlen(words[1]) == 1)
        recording->sex = words[1][0] == 'M' ? SEX_MALE : words[1][0] == 'F' ? SEX_FEMALE : SEX_UNKNOWN;
    if (words[0] && strcmp(words[0], "X") != 0)
        return person_set_patient(recording, words[0]);
    return STATUS_OK;
}

static enum status read_signal(const struct recording *recording, struct edf_state *state, size_t index)
{
    enum status status;
    struct edf_signal *signal = &state->signals[index];
    const uint8_t *fields = state->file.bytes + BLOCK_BYTES;
    size_t n = state->n_signals;
    char name[64];
    int64_t samples, most = state->sample_bytes == 2 ? 32767 : 8388607;
    edf_text(signal->label, fields + 16 * index, 16);
    edf_text(signal->unit, fields + 96 * n + 8 * index, 8);
    snprintf(name, sizeof name, "signal %zu: samples of a data record", index + 1);
    TRY(edf_whole(recording, fields + 216 * n + 8 * index, name, 0, MOST_SAMPLES_A_RECORD, &samples));
    signal->samples = (uint64_t)samples;
    signal->first = state->record_bytes;
    state->record_bytes += signal->samples * state->sample_bytes;
    if (strstr(signal->label, "Annotations")) /* its limits mean nothing */
        return STATUS_OK;
    snprintf(name, sizeof name, "signal %zu: physical minimum", index + 1);
    TRY(edf_number(recording, fields + 104 * n + 8 * index, name, -1e8, 1e8, &signal->physical_least));
    snprintf(name, sizeof name, "signal %zu: physical maximum", index + 1);
    TRY(edf_number(recording, fields + 112 * n + 8 * index, name, -1e8, 1e8, &signal->physical_most));
    snprintf(name, sizeof name, "signal %zu: digital minimum", index + 1);
    TRY(edf_whole(recording, fields + 120 * n + 8 * index, name, -most - 1, most, &signal->digital_least));
    snprintf(name, sizeof name, "signal %zu: digital maximum", index + 1);
    TRY(edf_whole(recording, fields + 128 * n + 8 * index, name, -most - 1, most, &signal->digital_most));
    return STATUS_OK;
fail:
    return status;
}

static enum status edf_header(struct recording *recording, struct edf_state *state)
{
    enum status status;
    const uint8_t *bytes = state->file.bytes;
    int64_t header_bytes, n_signals, records;
    char reserved[45];
    REQUIRE(state->file.count >= BLOCK_BYTES, STATUS_DATA, "%s: has %zu bytes; an EDF header has 256: leave it out",
            recording->path, state->file.count);
    state->sample_bytes = bytes[0] == 0xff ? 3 : 2;
    edf_text(reserved, bytes + 192, 44);
    state->is_plus = has_prefix(reserved, "EDF+") || has_prefix(reserved, "BDF+");
    state->is_interrupted = state->is_plus && reserved[4] == 'D';
    recording->format = state->sample_bytes == 3 ? (state->is_plus ? "BDF+" : "BDF") : state->is_plus ? "EDF+" : "EDF";
    if (bytes[252] == ' ' && bytes[253] == ' ' && bytes[254] == ' ' && bytes[255] == ' ')
        FAIL(STATUS_DATA, "%s: number of signals: is not given; leave it out", recording->path);
    char text[5];
    edf_text(text, bytes + 252, 4);
    REQUIRE(parse_int(text, 1, MOST_SIGNALS, &n_signals), STATUS_DATA,
            "%s: number of signals '%s': must be from 1 to %d; leave it out", recording->path, make_printable(text),
            MOST_SIGNALS);
    state->n_signals = (size_t)n_signals;
    TRY(edf_whole(recording, bytes + 184, "header bytes", BLOCK_BYTES * (n_signals + 1), BLOCK_BYTES * (n_signals + 1),
                  &header_bytes));
    state->header_bytes = (size_t)header_bytes;
    REQUIRE(state->file.count >= state->header_bytes, STATUS_DATA,
            "%s: has %zu bytes, its header alone has %zu: the file is cut off", recording->path, state->file.count,
            state->header_bytes);
    TRY(edf_whole(recording, bytes + 236, "number of data records", -1, INT64_C(99999999), &records));
    TRY(edf_number(recording, bytes + 244, "seconds of a data record", 0, 1e7, &state->record_seconds));
    state->signals = xcalloc(state->n_signals, sizeof *state->signals);
    for (size_t i = 0; i < state->n_signals; i++)
        TRY(read_signal(recording, state, i));
    REQUIRE(state->record_bytes > 0, STATUS_DATA, "%s: its data records hold no samples; leave it out",
            recording->path);
    uint64_t there = (state->file.count - state->header_bytes) / state->record_bytes;
    state->records = records < 0 ? there : (uint64_t)records;
    REQUIRE(state->records <= there, STATUS_DATA,
            "%s: file is shorter than its header says: %" PRIu64 " data records of %" PRIu64 " bytes, %" PRIu64
            " are there",
            recording->path, state->records, state->record_bytes, there);
    if (records >= 0 && state->records < there)
        recording_warn(recording, "holds %" PRIu64 " data records more than the header says; they are not read",
                       there - state->records);
    if (records < 0)
        recording_warn(recording, "the header leaves the number of data records open; %" PRIu64 " are there", there);
    status = state->is_plus ? edf_person(recording, bytes) : STATUS_OK;
fail:
    return status;
}

/* ---- leads ---------------------------------------------------------------------------------------------------------
 */

static bool is_ecg(const struct edf_signal *signal, enum lead *lead)
{
    return lead_from_name(signal->label, lead) && signal->unit[0] && unit_per_mv(signal->unit) > 0;
}

/* Samples of a data record of the leads that are taken: the most that an ECG lead has. */
static uint64_t find_lead_samples(const struct edf_state *state)
{
    uint64_t most = 0;
    enum lead lead;
    for (size_t i = 0; i < state->n_signals; i++)
        if (is_ecg(&state->signals[i], &lead) && state->signals[i].samples > most)
            most = state->signals[i].samples;
    return most;
}

static enum status add_lead(struct recording *recording, struct edf_state *state, size_t index)
{
    enum status status;
    const struct edf_signal *signal = &state->signals[index];
    enum lead lead;
    bool taken;
    char label[17];
    strcpy(label, signal->label);
    make_printable(label);
    if (strstr(label, "Annotations"))
        return STATUS_OK;
    if (lead_from_name(label, &lead) && !is_ecg(signal, &lead)) {
        recording_leave_out(recording, "%s: unit '%s' is not a voltage", label, signal->unit);
        return STATUS_OK;
    }
    if (is_ecg(signal, &lead) && signal->samples == 0) {
        recording_leave_out(recording, "%s: has no samples", label);
        return STATUS_OK;
    }
    double physical =
        (signal->physical_most - signal->physical_least) / unit_per_mv(is_ecg(signal, &lead) ? signal->unit : "");
    int64_t digital = signal->digital_most - signal->digital_least;
    REQUIRE(!is_ecg(signal, &lead) || (physical != 0 && digital > 0), STATUS_DATA,
            "%s: %s: physical %g to %g, digital %" PRId64 " to %" PRId64
            ": gives no gain; correct the header or leave it out",
            recording->path, label, signal->physical_least, signal->physical_most, signal->digital_least,
            signal->digital_most);
    /* physical = (digital - digital_least) * (range / range) + physical_least */
    double gain = (double)digital / physical, sign = gain < 0 ? -1 : 1;
    double baseline = (double)signal->digital_least -
                      signal->physical_least * ((double)digital / (signal->physical_most - signal->physical_least));
    TRY(recording_add_lead(recording, label, sign * gain, sign * baseline, &taken));
    if (taken && signal->samples != state->samples)
        recording_warn(recording, "lead %s: %g samples a second are made %g, the rate of all leads", label,
                       (double)signal->samples / state->record_seconds, (double)state->samples / state->record_seconds);
    if (taken)
        state->leads[recording->n_leads - 1] = (struct edf_lead){signal->first, signal->samples, sign < 0};
    return STATUS_OK;
fail:
    return status;
}

/* ---- interrupted recordings (EDF+D) --------------------------------------------------------------------------------
 */

/* The onset of a data record: "+123.5\x14\x14" in its first annotation signal. */
static bool record_onset(const struct edf_state *state, uint64_t record, double *onset)
{
    for (size_t i = 0; i < state->n_signals; i++) {
        const struct edf_signal *signal = &state->signals[i];
        if (!strstr(signal->label, "Annotations"))
            continue;
        const uint8_t *text = state->file.bytes + state->header_bytes + record * state->record_bytes + signal->first;
        size_t bytes = signal->samples * state->sample_bytes, length = 0;
        char number[32];
        while (length < bytes && length < sizeof number - 1 && text[length] != 0x14 && text[length] != 0x15)
            length++;
        memcpy(number, text, length);
        number[length] = '\0';
        return parse_double(number, onset);
    }
    return false;
}

/* Where each data record begins. One that begins within half a sample of the end of that before follows it. */
static enum status find_starts(struct recording *recording, struct edf_state *state)
{
    enum status status;
    double first = 0, onset = 0;
    uint64_t end = 0;
    size_t n_gaps = 0;
    if (!state->is_interrupted)
        return STATUS_OK;
    state->starts = NEW_ARRAY(uint64_t, state->records);
    for (uint64_t i = 0; i < state->records; i++) {
        REQUIRE(record_onset(state, i, &onset), STATUS_DATA,
                "%s: data record %" PRIu64 " has no onset, as an interrupted recording must", recording->path, i);
        first = i == 0 ? onset : first;
        double at = (onset - first) * recording->rate_hz;
        REQUIRE(at < 0x1p53 && at >= (double)end - 0.5, STATUS_DATA,
                "%s: data record %" PRIu64 " begins at %g s, but the one before it ends at %g s; correct the onsets",
                recording->path, i, onset, first + (double)end / recording->rate_hz);
        n_gaps += at > (double)end + 0.5;
        state->starts[i] = at > (double)end + 0.5 ? (uint64_t)llround(at) : end;
        end = state->starts[i] + state->samples;
    }
    recording->samples = end;
    REQUIRE(end / LEAST_SHARE <= state->samples * state->records, STATUS_DATA,
            "%s: only %" PRIu64 " of %" PRIu64 " samples are in its data records, the others are gaps; divide it",
            recording->path, state->samples * state->records, end);
    if (n_gaps > 0)
        recording_warn(recording, "is interrupted %zu times; the gaps are missing samples", n_gaps);
    return STATUS_OK;
fail:
    return status;
}

/* ---- opening and reading -------------------------------------------------------------------------------------------
 */

static enum status edf_open(struct recording *recording)
{
    enum status status;
    struct edf_state *state = xcalloc(1, sizeof *state);
    recording->source->state = state;
    TRY(mapped_file_open(&state->file, recording->path));
    TRY(edf_header(recording, state));
    uint64_t samples = state->samples = find_lead_samples(state);
    for (size_t i = 0; i < state->n_signals; i++)
        TRY(add_lead(recording, state, i));
    TRY(recording_require_leads(recording));
    REQUIRE(samples > 0 && state->records > 0, STATUS_DATA, "%s: holds no samples of an ECG; leave it out",
            recording->path);
    recording->rate_hz = state->record_seconds > 0 ? (double)samples / state->record_seconds : 0;
    REQUIRE(recording->rate_hz > 0 && recording->rate_hz <= RECORDING_MAX_HZ, STATUS_DATA,
            "%s: %" PRIu64 " samples in a data record of %g s: is no rate from 0 to %d Hz", recording->path, samples,
            state->record_seconds, RECORDING_MAX_HZ);
    recording->samples = samples * state->records;
    recording_name_by_file(recording);
    TRY(find_starts(recording, state));
    return STATUS_OK;
fail:
    return status;
}

static int32_t edf_sample(const uint8_t *bytes, size_t sample_bytes)
{
    if (sample_bytes == 2)
        return (int16_t)little16(bytes);
    return (int32_t)((uint32_t)little16(bytes) << 8 | (uint32_t)bytes[2] << 24) >> 8;
}

/* Sample `index` of a lead, of all its samples in the file. */
static int32_t lead_sample(const struct edf_state *state, const struct edf_lead *lead, uint64_t record, uint64_t index)
{
    /* the least number of the type is what converters fill the last data record and gaps with */
    const int32_t missing = state->sample_bytes == 2 ? INT16_MIN : -8388608;
    const uint8_t *bytes = state->file.bytes + state->header_bytes + record * state->record_bytes + lead->first +
                           index * state->sample_bytes;
    int32_t value = edf_sample(bytes, state->sample_bytes);
    return value == missing ? RECORDING_INVALID : lead->is_negated ? -value : value;
}

/* A lead of fewer samples than the recording: a straight line to its next one, which may be that of the next data
 * record; behind the last one its value. */
static int32_t line_sample(const struct edf_state *state, const struct edf_lead *lead, uint64_t record, uint64_t inside)
{
    uint64_t scaled = inside * lead->samples, at = scaled / state->samples, rest = scaled % state->samples;
    int32_t left = lead_sample(state, lead, record, at), right = left;
    bool is_followed = record + 1 < state->records &&
                       (!state->starts || state->starts[record + 1] == state->starts[record] + state->samples);
    if (rest > 0 && at + 1 < lead->samples)
        right = lead_sample(state, lead, record, at + 1);
    else if (rest > 0 && is_followed)
        right = lead_sample(state, lead, record + 1, 0);
    if (left == RECORDING_INVALID || right == RECORDING_INVALID)
        return rest > 0 ? RECORDING_INVALID : left;
    return (int32_t)lround(left + ((double)right - left) * (double)rest / (double)state->samples);
}

/* The data record that sample `at` of the recording lies in or behind. */
static uint64_t find_record(const struct edf_state *state, uint64_t at)
{
    if (!state->starts)
        return at / state->samples;
    uint64_t low = 0, high = state->records - 1;
    while (low < high) {
        uint64_t middle = (low + high + 1) / 2;
        if (state->starts[middle] <= at)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* Samples of one lead from `inside` a data record on; count of them, which all lie in it, or in the gap behind it. */
static void read_part(const struct edf_state *state, const struct edf_lead *lead, uint64_t record, uint64_t inside,
                      uint64_t count, int32_t *adc)
{
    for (uint64_t k = 0; k < count; k++)
        adc[k] = inside >= state->samples          ? RECORDING_INVALID
                 : lead->samples == state->samples ? lead_sample(state, lead, record, inside + k)
                                                   : line_sample(state, lead, record, inside + k);
}

static enum status edf_read(const struct recording *recording, uint64_t first, uint64_t count, int32_t *adc)
{
    const struct edf_state *state = recording->source->state;
    for (uint64_t done = 0; done < count;) {
        uint64_t record = find_record(state, first + done);
        uint64_t inside = first + done - (state->starts ? state->starts[record] : record * state->samples);
        uint64_t part = count - done;
        if (inside < state->samples)
            part = part < state->samples - inside ? part : state->samples - inside;
        else if (record + 1 < state->records && state->starts[record + 1] - first - done < part)
            part = state->starts[record + 1] - first - done;
        for (size_t i = 0; i < recording->n_leads; i++)
            read_part(state, &state->leads[i], record, inside, part, adc + i * count + done);
        done += part;
    }
    return STATUS_OK;
}

static void edf_close(void *data)
{
    struct edf_state *state = data;
    if (!state)
        return;
    mapped_file_close(&state->file);
    free(state->signals);
    free(state->starts);
    free(state);
}

static bool edf_is_known_by(const struct file_head *head)
{
    char text[9];
    int64_t header_bytes;
    if (head->count < BLOCK_BYTES ||
        (memcmp(head->bytes, "0       ", 8) != 0 && memcmp(head->bytes, "\377BIOSEMI", 8) != 0))
        return false;
    return parse_int(edf_text(text, head->bytes + 184, 8), 2 * BLOCK_BYTES, (MOST_SIGNALS + 1) * BLOCK_BYTES,
                     &header_bytes) &&
           header_bytes % BLOCK_BYTES == 0; /* a table may begin with 0 and blanks as well */
}

const struct recording_type edf_recording = {
    .name = "EDF",
    .endings = (const char *const[]){".edf", ".bdf", NULL},
    .is_known_by = edf_is_known_by,
    .open = edf_open,
    .read = edf_read,
    .close = edf_close,
};
