/* Which signals of a WFDB record are leads, where they stand in its segments, in which unit and at which rate. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/unit.h"
#include "io/recording/wfdb.h"

/* ---- one lead ---- */

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
    if (unit_per_mv(signal->unit) == 0) {
        recording_leave_out(recording, "%s: unit %s is not a voltage", signal->description, signal->unit);
        return false;
    }
    return true;
}

static double gain_per_mv(const struct wfdb_signal *signal)
{
    return signal->gain * unit_per_mv(signal->unit);
}

/* path: of the header that the signal stands in. */
static enum status check_gain(const char *path, size_t number, const struct wfdb_signal *signal)
{
    enum status status;
    double per_mv = fabs(gain_per_mv(signal));
    REQUIRE(unit_per_mv(signal->unit) != 0, STATUS_DATA,
            "%s: signal %zu (%s): unit %s is not a voltage, but that of the record's header is; correct the headers",
            path, number, signal->description, signal->unit);
    REQUIRE(signal->gain != 0, STATUS_DATA,
            "%s: signal %zu (%s): gain is 0 or not given: the signal is uncalibrated; correct the header or leave the "
            "record out",
            path, number, signal->description);
    REQUIRE(per_mv >= 1e-6 && per_mv <= 1e12, STATUS_DATA,
            "%s: signal %zu (%s): gain %g/%s: is no gain of an ECG; correct the header or leave the record out", path,
            number, signal->description, signal->gain, signal->unit[0] ? signal->unit : "mV");
    return STATUS_OK;
fail:
    return status;
}

/* Looks for a signal of the record in a segment. */
static enum status find_signal(const struct wfdb_state *state, const struct wfdb_segment *segment,
                               const struct wfdb_header *shown, size_t index, struct wfdb_channel *channel)
{
    enum status status;
    const struct wfdb_header *own = &segment->header;
    const char *wanted = shown->signals[index].description;
    channel->signal = state->has_layout ? 0 : index;
    if (state->has_layout)
        while (channel->signal < own->n_signals && strcmp(own->signals[channel->signal].description, wanted) != 0)
            channel->signal++;
    if (channel->signal == own->n_signals)
        return STATUS_OK;
    const struct wfdb_signal *signal = &own->signals[channel->signal];
    REQUIRE(strcmp(signal->description, wanted) == 0, STATUS_DATA,
            "%s: signal %zu: is '%s', but '%s' in the first segment; correct the headers", segment->part->path,
            index + 1, signal->description, wanted);
    TRY(check_gain(segment->part->path, channel->signal + 1, signal));
    channel->is_there = true;
    channel->samples_per_frame = (size_t)signal->samples_per_frame;
    channel->skew = (uint64_t)signal->skew;
    for (size_t i = 0; i < channel->signal; i++) {
        bool is_same_file = strcmp(own->signals[i].file, own->signals[i + 1].file) == 0;
        channel->place = is_same_file ? channel->place + (size_t)own->signals[i].samples_per_frame : 0;
        channel->group += !is_same_file;
    }
    return STATUS_OK;
fail:
    return status;
}

/* Gain and baseline of a lead: those of the segment with the finest gain. The values of others are converted, and so
 * are those of a signal that stands upside down (of negative gain). */
static void choose_gain(struct wfdb_state *state, size_t lead_index, struct recording_lead *lead)
{
    for (size_t i = 0; i < state->n_segments; i++) {
        const struct wfdb_segment *segment = &state->segments[i];
        if (!segment->channels || !segment->channels[lead_index].is_there)
            continue;
        const struct wfdb_signal *signal = &segment->header.signals[segment->channels[lead_index].signal];
        double gain = gain_per_mv(signal);
        if (fabs(gain) > lead->gain_per_mv) {
            lead->gain_per_mv = fabs(gain);
            lead->baseline = gain < 0 ? -signal->baseline : signal->baseline;
        }
        lead->checksum_known |= signal->checksum_given && !segment->checksums_mean_nothing;
    }
    for (size_t i = 0; i < state->n_segments; i++) {
        struct wfdb_channel *channel = state->segments[i].channels ? &state->segments[i].channels[lead_index] : NULL;
        if (!channel || !channel->is_there)
            continue;
        const struct wfdb_signal *signal = &state->segments[i].header.signals[channel->signal];
        channel->is_scaled = gain_per_mv(signal) != lead->gain_per_mv || signal->baseline != lead->baseline;
        channel->scale = lead->gain_per_mv / gain_per_mv(signal);
        channel->shift = lead->baseline - channel->scale * signal->baseline;
    }
}

static enum status add_lead(struct wfdb_state *state, struct recording *recording, const struct wfdb_header *shown,
                            size_t index)
{
    enum status status;
    const struct wfdb_signal *signal = &shown->signals[index];
    size_t n = recording->n_leads;
    bool is_there = false;
    enum lead lead;
    if (!find_lead(recording, index + 1, signal, &lead))
        return STATUS_OK;
    for (size_t i = 0; i < state->n_segments; i++)
        if (state->segments[i].channels) {
            TRY(find_signal(state, &state->segments[i], shown, index, &state->segments[i].channels[n]));
            is_there |= state->segments[i].channels[n].is_there;
        }
    if (!is_there) {
        recording_leave_out(recording, "%s: in no segment", signal->description);
        return STATUS_OK;
    }
    for (size_t i = 0; i < n; i++)
        REQUIRE(lead == LEAD_OTHER || recording->leads[i].lead != lead, STATUS_DATA,
                "%s: signal %zu: duplicate lead: '%s' and '%s' before it both name lead %s; correct the header",
                recording->path, index + 1, signal->description, recording->leads[i].name, lead_name(lead));
    recording->leads[n].lead = lead;
    copy_text(recording->leads[n].name, sizeof recording->leads[n].name, signal->description);
    choose_gain(state, n, &recording->leads[n]);
    recording->n_leads++;
    return STATUS_OK;
fail:
    return status;
}

/* ---- the common rate ---- */

/* Below this rate the band of an ECG (to 75 Hz) would suffer. */
#define RATE_ENOUGH_HZ 200.0

static size_t greatest_divisor(size_t a, size_t b)
{
    while (b) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Samples of a frame that the recording has. Leads of one rate keep it. Of several rates the greatest common divisor is
 * taken, and samples within it averaged as the WFDB library does in a frame, if that rate is enough; else the highest
 * rate, and the others are interpolated. Signals that are no leads have no say. */
static size_t choose_rate(const struct wfdb_state *state, size_t n_leads)
{
    size_t divisor = 0, most = 1;
    for (size_t i = 0; i < state->n_segments; i++)
        for (size_t k = 0; state->segments[i].channels && k < n_leads; k++) {
            const struct wfdb_channel *channel = &state->segments[i].channels[k];
            if (!channel->is_there)
                continue;
            divisor = greatest_divisor(channel->samples_per_frame, divisor);
            most = channel->samples_per_frame > most ? channel->samples_per_frame : most;
        }
    return (double)divisor * state->frame_hz >= RATE_ENOUGH_HZ ? divisor : most;
}

static enum status set_rate(struct wfdb_state *state, struct recording *recording)
{
    enum status status;
    uint64_t frames = 0;
    for (size_t i = 0; i < state->n_segments; i++)
        frames += state->segments[i].frames;
    state->rate_factor = choose_rate(state, recording->n_leads);
    recording->rate_hz = state->frame_hz * (double)state->rate_factor;
    REQUIRE(recording->rate_hz <= RECORDING_MAX_HZ, STATUS_DATA,
            "%s: %zu samples per frame at %g frames a second: must be at most %d samples a second; correct the header",
            recording->path, state->rate_factor, state->frame_hz, RECORDING_MAX_HZ);
    recording->samples = frames * state->rate_factor; /* at most 2^40 * 2^16 */
    for (size_t i = 0; i < recording->n_leads; i++)
        for (size_t k = 0; k < state->n_segments; k++) {
            const struct wfdb_channel *channel = state->segments[k].channels ? &state->segments[k].channels[i] : NULL;
            if (channel && channel->is_there && channel->samples_per_frame != state->rate_factor) {
                recording_warn(recording, "lead %s: %g samples a second are made %g, the rate of all leads",
                               recording->leads[i].name, state->frame_hz * (double)channel->samples_per_frame,
                               recording->rate_hz);
                break;
            }
        }
    return STATUS_OK;
fail:
    return status;
}

/* ---- all leads ---- */

/* "ABP: unit mmHg is not a voltage; RESP: not a known lead", as far as there is room. */
static const char *list_left_out(const struct recording *recording, char *text, size_t bytes)
{
    size_t used = 0;
    for (size_t i = 0; i < recording->n_left_out && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%s", i ? "; " : "", recording->left_out[i].reason);
    return text;
}

static void prepare_segment(struct wfdb_segment *segment, size_t n_signals)
{
    const struct wfdb_header *header = &segment->header;
    if (header->n_signals == 0)
        return;
    segment->channels = xcalloc(n_signals, sizeof *segment->channels);
    segment->checksums_mean_nothing = true; /* some writers put 0 for every checksum */
    for (size_t i = 0; i < header->n_signals; i++)
        segment->checksums_mean_nothing &= header->signals[i].checksum == 0;
}

static const char *format_of(const struct wfdb_state *state)
{
    size_t i = 0;
    while (state->segments[i].header.n_signals == 0)
        i++;
    const struct wfdb_signal *signal = &state->segments[i].header.signals[0];
    return has_suffix(signal->file, ".mat") ? "WFDB MATLAB v4" : sample_format_find(signal->format)->description;
}

enum status wfdb_leads_find(struct wfdb_state *state, struct recording *recording, const struct wfdb_header *shown)
{
    enum status status;
    char reasons[600];
    for (size_t i = 0; i < state->n_segments; i++)
        prepare_segment(&state->segments[i], shown->n_signals);
    recording->leads = xcalloc(shown->n_signals, sizeof *recording->leads);
    for (size_t i = 0; i < shown->n_signals; i++)
        TRY(add_lead(state, recording, shown, i));
    REQUIRE(recording->n_leads > 0, STATUS_DATA,
            "%s: no signal is an ECG lead (%s); correct the header or leave the record out", recording->path,
            list_left_out(recording, reasons, sizeof reasons));
    TRY(set_rate(state, recording));
    recording->format = format_of(state);
    return STATUS_OK;
fail:
    return status;
}
