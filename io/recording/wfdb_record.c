/* A WFDB record as a recording: which signals are leads, in which unit; checksums. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/recording/wfdb.h"

bool wfdb_is_candidate(const char *file_name)
{
    return has_suffix(file_name, ".hea") && file_name[0] != '.';
}

/* ---- leads ---- */

/* How many of the unit make 1 mV; 0: not a voltage. "MV" is a careless mV: no ECG is in megavolts. */
static double units_per_mv(const char *unit)
{
    static const struct {
        const char *unit;
        double per_mv;
    } units[] = {{"", 1},        {"mV", 1},   {"uV", 1e3}, {"\xc2\xb5V", 1e3}, {"\xce\xbcV", 1e3},
                 {"\xb5V", 1e3}, {"nV", 1e6}, {"V", 1e-3}}; /* micro sign, Greek mu, Latin-1 */
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcasecmp(unit, units[i].unit) == 0)
            return units[i].per_mv;
    return 0;
}

/* The lead a signal is; false: it is left out, and why is noted. */
static bool find_lead(struct recording *recording, size_t number, const struct wfdb_signal *signal, enum lead *lead)
{
    if (signal->description[0] == '\0') {
        recording_leave_out(recording, "signal %zu: has no lead name", number);
        return false;
    }
    if (!lead_from_name(signal->description, lead)) {
        recording_leave_out(recording, "%s: not a known lead", signal->description);
        return false;
    }
    if (units_per_mv(signal->unit) == 0) {
        recording_leave_out(recording, "%s: unit %s is not a voltage", signal->description, signal->unit);
        return false;
    }
    return true;
}

static enum status check_gain(const struct recording *recording, size_t number, const struct wfdb_signal *signal,
                              double per_mv)
{
    enum status status;
    REQUIRE(signal->gain != 0, STATUS_DATA,
            "%s: signal %zu (%s): gain is 0 or not given: the signal is uncalibrated; correct the header or leave the "
            "record out",
            recording->path, number, signal->description);
    REQUIRE(per_mv >= 1e-6 && per_mv <= 1e12, STATUS_DATA,
            "%s: signal %zu (%s): gain %g/%s: is no gain of an ECG; correct the header or leave the record out",
            recording->path, number, signal->description, signal->gain, signal->unit[0] ? signal->unit : "mV");
    return STATUS_OK;
fail:
    return status;
}

static enum status add_lead(struct wfdb_state *state, struct recording *recording, const struct wfdb_header *header,
                            size_t index)
{
    enum status status;
    const struct wfdb_signal *signal = &header->signals[index];
    enum lead lead;
    if (!find_lead(recording, index + 1, signal, &lead))
        return STATUS_OK;
    double per_mv = signal->gain * units_per_mv(signal->unit);
    TRY(check_gain(recording, index + 1, signal, per_mv));
    for (size_t i = 0; i < recording->n_leads; i++)
        REQUIRE(lead == LEAD_OTHER || recording->leads[i].lead != lead, STATUS_DATA,
                "%s: signal %zu: duplicate lead: '%s' and '%s' before it both name lead %s; correct the header",
                recording->path, index + 1, signal->description, recording->leads[i].name, lead_name(lead));
    size_t group = 0;
    while (index >= state->groups[group].first_signal + state->groups[group].n_signals)
        group++;
    state->leads[recording->n_leads] = (struct wfdb_lead){
        .group = group,
        .place = index - state->groups[group].first_signal,
        .initial = signal->initial,
        .checksum = signal->checksum,
        .initial_known = signal->initial_given,
    };
    struct recording_lead *target = &recording->leads[recording->n_leads++];
    target->lead = lead;
    copy_text(target->name, sizeof target->name, signal->description);
    target->gain_per_mv = per_mv;
    target->baseline = signal->baseline;
    target->checksum_known = signal->checksum_given;
    return STATUS_OK;
fail:
    return status;
}

static enum status add_leads(struct wfdb_state *state, struct recording *recording, const struct wfdb_header *header)
{
    enum status status;
    bool all_zero = true; /* some writers put 0 for every checksum: it means nothing then */
    recording->leads = xcalloc(header->n_signals, sizeof *recording->leads);
    for (size_t i = 0; i < header->n_signals; i++) {
        TRY(add_lead(state, recording, header, i));
        all_zero &= header->signals[i].checksum == 0;
    }
    REQUIRE(recording->n_leads > 0, STATUS_DATA,
            "%s: no signal is an ECG lead (%s%s); correct the header or leave the "
            "record out",
            recording->path, recording->left_out[0].reason, recording->n_left_out > 1 ? "; and others" : "");
    for (size_t i = 0; i < recording->n_leads; i++)
        recording->leads[i].checksum_known &= !all_zero;
    return STATUS_OK;
fail:
    return status;
}

/* ---- opening ---- */

static void warn_of_header(struct recording *recording, const struct wfdb_header *header)
{
    const char *file = base_name(recording->path);
    size_t stem = strlen(file) - strlen(".hea");
    if (strlen(recording->name) != stem || strncmp(recording->name, file, stem) != 0)
        recording_warn(recording, "%s: the header names the record %s", file, recording->name);
    if (!header->rate_is_given)
        recording_warn(recording, "%s: no sampling frequency given; 250 Hz is the default of the format", file);
    if (header->extra_lines > 0)
        recording_warn(recording, "%s: %zu lines behind the signal lines are passed over", file, header->extra_lines);
}

enum status wfdb_open(struct recording *recording)
{
    enum status status;
    char *text = NULL;
    size_t bytes;
    struct wfdb_header *header = xcalloc(1, sizeof *header);
    struct wfdb_state *state = xcalloc(1, sizeof *state);
    recording->source->state = state;
    REQUIRE(file_exists(recording->path), STATUS_IO, "%s: no such file, or not a regular one", recording->path);
    TRY(file_read(recording->path, WFDB_HEADER_MOST_BYTES, &text, &bytes));
    TRY(wfdb_header_parse(header, recording, text, bytes));
    REQUIRE(header->segments == 0, STATUS_DATA,
            "%s: record of %" PRId64 " segments: multi-segment records are not supported; give the headers of its "
            "segments",
            recording->path, header->segments);
    warn_of_header(recording, header);
    TRY(wfdb_map_signals(state, recording, header));
    TRY(add_leads(state, recording, header));
    TRY(wfdb_annotation_read(recording));
    free(header);
    free(text);
    return STATUS_OK;
fail:
    free(header);
    free(text);
    return status;
}

/* ---- checksums ---- */

/* Adds samples modulo 2^32; the low 16 bits are the checksum. Missing samples count with their mark. */
static uint32_t add_samples(uint32_t sum, const int32_t *adc, size_t count, int32_t invalid)
{
    for (size_t i = 0; i < count; i++)
        sum += (uint32_t)(adc[i] == RECORDING_INVALID ? invalid : adc[i]);
    return sum;
}

static enum status sum_leads(struct recording *recording, uint32_t sums[], int32_t first_values[])
{
    enum status status;
    const struct wfdb_state *state = recording->source->state;
    int32_t *block = recording->source->block;
    for (uint64_t done = 0; done < recording->samples;) {
        uint64_t left = recording->samples - done;
        size_t part = left < RECORDING_BLOCK ? (size_t)left : RECORDING_BLOCK;
        TRY(wfdb_read(recording, done, part, block));
        for (size_t i = 0; i < recording->n_leads; i++) {
            int32_t invalid = state->groups[state->leads[i].group].format->invalid;
            sums[i] = add_samples(sums[i], block + i * part, part, invalid);
            if (done == 0)
                first_values[i] = block[i * part] == RECORDING_INVALID ? invalid : block[i * part];
        }
        done += part;
    }
    return STATUS_OK;
fail:
    return status;
}

enum status wfdb_verify(struct recording *recording)
{
    enum status status;
    const struct wfdb_state *state = recording->source->state;
    uint32_t sums[RECORDING_MAX_LEADS] = {0};
    int32_t first_values[RECORDING_MAX_LEADS] = {0};
    TRY(sum_leads(recording, sums, first_values));
    status = STATUS_OK;
    for (size_t i = 0; i < recording->n_leads; i++) {
        struct recording_lead *lead = &recording->leads[i];
        const struct wfdb_lead *said = &state->leads[i];
        if (!lead->checksum_known)
            continue;
        lead->checksum_fails = (uint16_t)sums[i] != (uint16_t)said->checksum;
        if (lead->checksum_fails && status == STATUS_OK)
            status =
                status_set(STATUS_DATA,
                           "%s: lead %s: checksum mismatch: %d in the header, %d of the samples; restore the "
                           "files or leave the record out",
                           recording->path, lead->name, (int16_t)(uint16_t)said->checksum, (int16_t)(uint16_t)sums[i]);
        if (said->initial_known && (uint16_t)said->initial != (uint16_t)first_values[i])
            recording_warn(recording, "lead %s: first value is %" PRId64 " in the header, %d in the file", lead->name,
                           said->initial, first_values[i]);
    }
    return status;
fail:
    return status;
}
