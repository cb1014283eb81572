/* DICOM waveforms (PS3.3 C.10.9): 12-lead, general and ambulatory ECG, and the ECG among pressures of a catheter
 * laboratory. The first group of original samples with ECG leads is the recording, with the groups that were sampled
 * together with it; derived ones (median beats) and the others are left out by name. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/dicom_element.h"
#include "io/recording/dicom_inflate.h"
#include "io/recording/lead_code.h"
#include "io/recording/mapped_file.h"
#include "io/recording/person.h"
#include "io/recording/raw_files.h"
#include "io/recording/sample_array.h"
#include "io/recording/unit.h"

enum { PREAMBLE_BYTES = 128, MOST_CHANNELS = 256, MOST_GROUPS = 256 };

#define TRANSFER_SYNTAX DICOM_TAG(0x0002, 0x0010)
#define STUDY_DATE DICOM_TAG(0x0008, 0x0020)
#define CODE_VALUE DICOM_TAG(0x0008, 0x0100)
#define CODE_MEANING DICOM_TAG(0x0008, 0x0104)
#define PATIENT_ID DICOM_TAG(0x0010, 0x0020)
#define BIRTH_DATE DICOM_TAG(0x0010, 0x0030)
#define PATIENT_SEX DICOM_TAG(0x0010, 0x0040)
#define PATIENT_AGE DICOM_TAG(0x0010, 0x1010)
#define TIME_OFFSET DICOM_TAG(0x0018, 0x1068)
#define ORIGINALITY DICOM_TAG(0x003a, 0x0004)
#define N_CHANNELS DICOM_TAG(0x003a, 0x0005)
#define N_SAMPLES DICOM_TAG(0x003a, 0x0010)
#define SAMPLING_FREQUENCY DICOM_TAG(0x003a, 0x001a)
#define CHANNELS DICOM_TAG(0x003a, 0x0200)
#define CHANNEL_LABEL DICOM_TAG(0x003a, 0x0203)
#define CHANNEL_SOURCE DICOM_TAG(0x003a, 0x0208)
#define SENSITIVITY DICOM_TAG(0x003a, 0x0210)
#define SENSITIVITY_UNITS DICOM_TAG(0x003a, 0x0211)
#define SENSITIVITY_CORRECTION DICOM_TAG(0x003a, 0x0212)
#define CHANNEL_BASELINE DICOM_TAG(0x003a, 0x0213)
#define WAVEFORMS DICOM_TAG(0x5400, 0x0100)
#define BITS_ALLOCATED DICOM_TAG(0x5400, 0x1004)
#define INTERPRETATION DICOM_TAG(0x5400, 0x1006)
#define PADDING_VALUE DICOM_TAG(0x5400, 0x100a)
#define WAVEFORM_DATA DICOM_TAG(0x5400, 0x1010)

/* ---- the data set --------------------------------------------------------------------------------------------------
 */

struct data_set {
    struct mapped_file file;
    uint8_t *inflated; /* NULL: it is not deflated */
    struct dicom_range range;
};

/* Sets the byte order of the range, and whether elements name their type. */
static enum status use_syntax(const struct recording *recording, const char *syntax, struct dicom_range *range,
                              bool *is_deflated)
{
    static const char root[] = "1.2.840.10008.1.2";
    const char *form = has_prefix(syntax, root) ? syntax + strlen(root) : "?";
    *is_deflated = strcmp(form, ".1.99") == 0;
    range->is_big = strcmp(form, ".2") == 0;
    range->is_explicit = *form != '\0';
    /* .4 and .5 pack pictures; the other elements, waveforms among them, stand there as in .1 */
    if (!*form || strcmp(form, ".1") == 0 || range->is_big || *is_deflated || has_prefix(form, ".4.") ||
        strcmp(form, ".5") == 0)
        return STATUS_OK;
    return status_set(STATUS_DATA, "%s: transfer syntax '%s': is not known; export it as 1.2.840.10008.1.2.1",
                      recording->path, syntax);
}

/* Old files have neither preamble nor meta information: the first element says how it is written. */
static void guess_syntax(struct data_set *set)
{
    const uint8_t *bytes = set->file.bytes;
    bool is_long = set->file.count > 6;
    set->range = (struct dicom_range){
        .at = bytes,
        .end = bytes + set->file.count,
        .is_explicit = is_long && bytes[4] >= 'A' && bytes[4] <= 'Z' && bytes[5] >= 'A' && bytes[5] <= 'Z',
        .is_big = is_long && bytes[0] == 0 && bytes[1] != 0,
    };
}

/* The elements behind preamble and file meta information, which is always explicit and little-endian. */
static enum status open_data_set(const struct recording *recording, struct data_set *set)
{
    enum status status;
    const struct mapped_file *file = &set->file;
    TRY(mapped_file_open(&set->file, recording->path));
    if (file->count < PREAMBLE_BYTES + 4 || memcmp(file->bytes + PREAMBLE_BYTES, "DICM", 4) != 0) {
        guess_syntax(set);
        return STATUS_OK;
    }
    struct dicom_range in = {file->bytes + PREAMBLE_BYTES + 4, file->bytes + file->count, true, false}, value;
    char syntax[65] = "";
    uint32_t tag;
    bool is_deflated;
    size_t inflated_bytes;
    set->range = in;
    while (dicom_next(&in, &tag, &value) && tag >> 16 == 0x0002) {
        if (tag == TRANSFER_SYNTAX)
            dicom_text(set->range, TRANSFER_SYNTAX, syntax, sizeof syntax);
        set->range.at = in.at;
    }
    make_printable(syntax);
    TRY(use_syntax(recording, syntax[0] ? syntax : "1.2.840.10008.1.2", &set->range, &is_deflated));
    if (is_deflated) {
        TRY(dicom_inflate(&set->inflated, &inflated_bytes, set->range.at, (size_t)(set->range.end - set->range.at),
                          recording->path));
        set->range.at = set->inflated;
        set->range.end = set->inflated + inflated_bytes;
    }
    return STATUS_OK;
fail:
    return status;
}

static void close_data_set(struct data_set *set)
{
    free(set->inflated);
    mapped_file_close(&set->file);
}

static enum status dicom_person(struct recording *recording, struct dicom_range set)
{
    char text[72], recorded[16];
    char unit = 'Y';
    int age;
    dicom_text(set, PATIENT_SEX, text, sizeof text);
    recording->sex = text[0] == 'M' ? SEX_MALE : text[0] == 'F' ? SEX_FEMALE : SEX_UNKNOWN;
    dicom_text(set, PATIENT_AGE, text, sizeof text); /* "045Y" */
    if (sscanf(text, "%3d%c", &age, &unit) == 2)
        person_set_age(recording, unit == 'Y'   ? age
                                  : unit == 'M' ? age / 12.0
                                  : unit == 'W' ? age / 52.18
                                  : unit == 'D' ? age / 365.25
                                                : -1);
    else
        person_set_age_between(recording, calendar_day_of(dicom_text(set, BIRTH_DATE, text, sizeof text)),
                               calendar_day_of(dicom_text(set, STUDY_DATE, recorded, sizeof recorded)));
    return person_set_patient(recording, dicom_text(set, PATIENT_ID, text, sizeof text));
}

/* ---- channels ------------------------------------------------------------------------------------------------------
 */

/* "Lead I (Einthoven)" to "I"; SCP-ECG codes "5.6.3-9-61" and MDC codes "2:61" by their last number. */
static void channel_name(struct dicom_range channel, char *name, size_t bytes)
{
    struct dicom_range sequence, source;
    char code[40] = "", meaning[72] = "";
    if (dicom_find(channel, CHANNEL_SOURCE, &sequence) && dicom_next_item(&sequence, &source)) {
        dicom_text(source, CODE_VALUE, code, sizeof code);
        dicom_text(source, CODE_MEANING, meaning, sizeof meaning);
    }
    const char *number = has_prefix(code, "5.6.3-9-") ? code + 8 : has_prefix(code, "2:") ? code + 2 : "";
    int64_t value;
    enum lead lead;
    if (parse_int(number, 1, 255, &value) && lead_from_name(lead_code_text((long)value), &lead)) {
        copy_text(name, bytes, lead_code_text((long)value));
        return;
    }
    char *bracket = strchr(meaning, '(');
    if (bracket)
        *bracket = '\0';
    copy_text(name, bytes, trim(meaning));
    dicom_text(channel, CHANNEL_LABEL, meaning, sizeof meaning);
    if (!name[0] || (!lead_from_name(name, &lead) && lead_from_name(meaning, &lead)))
        copy_text(name, bytes, meaning);
    make_printable(name);
}

struct waveform {
    uint16_t channels, bits;
    uint32_t samples, padding;
    bool is_unsigned, has_padding;
    struct dicom_range definitions, data;
};

/* Gain and baseline of a channel: value = sample * sensitivity * correction + baseline, in its unit. */
static enum status add_channel(struct recording *recording, struct dicom_range channel, bool *taken)
{
    struct dicom_range sequence, item;
    char name[72], unit[20] = "";
    double sensitivity, correction, baseline;
    enum lead lead;
    *taken = false;
    channel_name(channel, name, sizeof name);
    if (dicom_find(channel, SENSITIVITY_UNITS, &sequence) && dicom_next_item(&sequence, &item))
        make_printable(dicom_text(item, CODE_VALUE, unit, sizeof unit));
    if (!lead_from_name(name, &lead))
        return recording_add_lead(recording, name, 1, 0, taken);
    if (!dicom_decimal(channel, SENSITIVITY, &sensitivity) || sensitivity == 0) {
        recording_leave_out(recording, "%s: has no sensitivity: uncalibrated", name);
        return STATUS_OK;
    }
    if (!unit[0] || unit_per_mv(unit) == 0) {
        recording_leave_out(recording, "%s: unit '%s' is not a voltage", name, unit);
        return STATUS_OK;
    }
    if (dicom_decimal(channel, SENSITIVITY_CORRECTION, &correction) && correction != 0)
        sensitivity *= correction;
    if (!dicom_decimal(channel, CHANNEL_BASELINE, &baseline))
        baseline = 0;
    return recording_add_lead(recording, name, unit_per_mv(unit) / sensitivity, -baseline / sensitivity, taken);
}

static uint32_t word_of(const struct dicom_range *data, const uint8_t *bytes, unsigned bits)
{
    return bits == 8 ? *bytes : bits == 16 ? dicom_word16(data, bytes) : dicom_word32(data, bytes);
}

static int32_t waveform_sample(const struct waveform *waveform, uint64_t index)
{
    unsigned bits = waveform->bits;
    uint32_t value = word_of(&waveform->data, waveform->data.at + index * (bits / 8), bits);
    if (waveform->has_padding && value == waveform->padding)
        return RECORDING_INVALID;
    if (waveform->is_unsigned || bits == 32) /* of 32 bits there are signed ones only */
        return (int32_t)value;
    return bits == 16 ? (int16_t)value : (int8_t)value;
}

/* Appends the leads of the waveform to those that are there. */
static enum status decode_waveform(struct recording *recording, struct waveform *waveform)
{
    enum status status;
    struct sample_array *array = recording->source->state;
    size_t room = recording->n_leads + waveform->channels;
    room = room < RECORDING_MAX_LEADS ? room : RECORDING_MAX_LEADS;
    array->samples = waveform->samples;
    array->adc = xrealloc(array->adc, checked_multiply(checked_multiply(room, array->samples), sizeof *array->adc));
    struct dicom_range channel;
    for (uint64_t i = 0; i < waveform->channels; i++) {
        bool taken;
        REQUIRE(dicom_next_item(&waveform->definitions, &channel), STATUS_DATA,
                "%s: describes %" PRIu64 " of its %u channels; it is damaged", recording->path, i, waveform->channels);
        TRY(add_channel(recording, channel, &taken));
        if (!taken)
            continue;
        int32_t *target = array->adc + (recording->n_leads - 1) * array->samples;
        for (uint64_t k = 0; k < array->samples; k++)
            target[k] = waveform_sample(waveform, k * waveform->channels + i);
    }
    array->n_leads = recording->n_leads;
    recording->samples = array->samples;
    return STATUS_OK;
fail:
    return status;
}

/* ---- waveform groups -----------------------------------------------------------------------------------------------
 */

static enum status read_waveform(struct recording *recording, struct dicom_range group)
{
    enum status status;
    struct waveform waveform = {0};
    char kind[20];
    REQUIRE(dicom_uint16(group, N_CHANNELS, &waveform.channels) && waveform.channels >= 1 &&
                waveform.channels <= MOST_CHANNELS,
            STATUS_DATA, "%s: number of waveform channels: must be there, from 1 to %d", recording->path,
            MOST_CHANNELS);
    REQUIRE(dicom_uint32(group, N_SAMPLES, &waveform.samples) && waveform.samples > 0, STATUS_DATA,
            "%s: number of waveform samples: must be there and above 0", recording->path);
    REQUIRE(dicom_decimal(group, SAMPLING_FREQUENCY, &recording->rate_hz) && recording->rate_hz > 0 &&
                recording->rate_hz <= RECORDING_MAX_HZ,
            STATUS_DATA, "%s: sampling frequency: must be there, above 0 and at most %d Hz", recording->path,
            RECORDING_MAX_HZ);
    dicom_text(group, INTERPRETATION, kind, sizeof kind);
    waveform.is_unsigned = kind[0] == 'U';
    REQUIRE(dicom_uint16(group, BITS_ALLOCATED, &waveform.bits) &&
                ((waveform.bits == 16 && (strcmp(kind, "SS") == 0 || strcmp(kind, "US") == 0)) ||
                 (waveform.bits == 8 && (strcmp(kind, "SB") == 0 || strcmp(kind, "UB") == 0)) ||
                 (waveform.bits == 32 && strcmp(kind, "SL") == 0)),
            STATUS_DATA,
            "%s: samples of type '%s', %u bits: linear samples of 8 or 16 bits and signed ones of 32 can be read",
            recording->path, make_printable(kind), waveform.bits);
    REQUIRE(dicom_find(group, CHANNELS, &waveform.definitions) && dicom_find(group, WAVEFORM_DATA, &waveform.data),
            STATUS_DATA, "%s: waveform without channel definitions or without data", recording->path);
    uint64_t wanted = (uint64_t)waveform.samples * waveform.channels * (waveform.bits / 8);
    uint64_t there = (uint64_t)(waveform.data.end - waveform.data.at);
    REQUIRE(wanted <= there, STATUS_DATA,
            "%s: waveform is shorter than its header says: %" PRIu64 " bytes wanted, %" PRIu64 " are there",
            recording->path, wanted, there);
    struct dicom_range padding;
    if (dicom_find(group, PADDING_VALUE, &padding) && padding.end - padding.at >= waveform.bits / 8) {
        waveform.padding = word_of(&padding, padding.at, waveform.bits);
        waveform.has_padding = waveform.padding != 0; /* some writers say 0 where 0 is a sample like others */
    }
    return decode_waveform(recording, &waveform);
fail:
    return status;
}

static bool is_derived(struct dicom_range group)
{
    char originality[20];
    return strcasecmp(dicom_text(group, ORIGINALITY, originality, sizeof originality), "DERIVED") == 0;
}

/* True if a channel of the group is a lead; only those that the recording does not have: `is_new`. */
static bool has_leads(const struct recording *recording, struct dicom_range group, bool is_new)
{
    struct dicom_range channels, channel;
    char name[72];
    enum lead lead;
    bool has_one = false;
    if (!dicom_find(group, CHANNELS, &channels))
        return false;
    while (dicom_next_item(&channels, &channel)) {
        channel_name(channel, name, sizeof name);
        if (!lead_from_name(name, &lead))
            continue;
        has_one = true;
        for (size_t i = 0; is_new && lead != LEAD_OTHER && i < recording->n_leads; i++)
            if (recording->leads[i].lead == lead)
                return false;
    }
    return has_one;
}

/* Number of the first original group with leads, else of a derived one, else of the first group; 0: there is none. */
static size_t choose_group(const struct recording *recording, struct dicom_range groups, struct dicom_range *chosen)
{
    struct dicom_range group;
    size_t choice = 0;
    bool choice_has_leads = false;
    for (size_t i = 1; i <= MOST_GROUPS && dicom_next_item(&groups, &group); i++) {
        bool has = has_leads(recording, group, false);
        if (choice > 0 && !(has && (!choice_has_leads || (is_derived(*chosen) && !is_derived(group)))))
            continue;
        choice = i;
        choice_has_leads = has;
        *chosen = group;
    }
    return choice;
}

/* True if the leads of both groups were sampled together: equal rate, number of samples and begin. */
static bool are_simultaneous(struct dicom_range a, struct dicom_range b)
{
    uint32_t samples[2] = {0};
    double rate[2] = {0}, offset[2] = {0};
    if (!dicom_uint32(a, N_SAMPLES, &samples[0]) || !dicom_uint32(b, N_SAMPLES, &samples[1]) ||
        !dicom_decimal(a, SAMPLING_FREQUENCY, &rate[0]) || !dicom_decimal(b, SAMPLING_FREQUENCY, &rate[1]))
        return false;
    if (!dicom_decimal(a, TIME_OFFSET, &offset[0]))
        offset[0] = 0;
    if (!dicom_decimal(b, TIME_OFFSET, &offset[1]))
        offset[1] = 0;
    return samples[0] == samples[1] && rate[0] == rate[1] && offset[0] == offset[1] && is_derived(a) == is_derived(b);
}

static void leave_group_out(struct recording *recording, struct dicom_range group, size_t number)
{
    uint16_t channels = 0;
    uint32_t samples = 0;
    char originality[20];
    dicom_uint16(group, N_CHANNELS, &channels);
    dicom_uint32(group, N_SAMPLES, &samples);
    make_printable(dicom_text(group, ORIGINALITY, originality, sizeof originality));
    recording_leave_out(recording, "waveform group %zu (%s, %u channels of %u samples): another one is taken", number,
                        originality, channels, samples);
}

static enum status read_groups(struct recording *recording, struct dicom_range groups)
{
    enum status status;
    struct dicom_range chosen, group;
    size_t choice = choose_group(recording, groups, &chosen);
    REQUIRE(choice > 0, STATUS_DATA, "%s: its waveform sequence is empty; leave it out", recording->path);
    TRY(read_waveform(recording, chosen));
    for (size_t i = 1; i <= MOST_GROUPS && dicom_next_item(&groups, &group); i++) {
        if (i == choice)
            continue;
        if (recording->n_leads > 0 && are_simultaneous(chosen, group) && has_leads(recording, group, true))
            TRY(read_waveform(recording, group));
        else
            leave_group_out(recording, group, i);
    }
    return recording_require_leads(recording);
fail:
    return status;
}

static enum status dicom_open(struct recording *recording)
{
    enum status status;
    struct data_set set = {0};
    struct dicom_range groups;
    recording->source->state = xcalloc(1, sizeof(struct sample_array));
    TRY(open_data_set(recording, &set));
    REQUIRE(dicom_find(set.range, WAVEFORMS, &groups), STATUS_DATA,
            "%s: is a DICOM file without waveform, or damaged before it; leave it out", recording->path);
    TRY(read_groups(recording, groups));
    TRY(dicom_person(recording, set.range));
    recording->format = "DICOM";
    recording_name_by_file(recording);
fail:
    close_data_set(&set);
    return status;
}

static bool dicom_is_known_by(const struct file_head *head)
{
    return head->count >= PREAMBLE_BYTES + 4 && memcmp(head->bytes + PREAMBLE_BYTES, "DICM", 4) == 0;
}

const struct recording_type dicom_recording = {
    .name = "DICOM",
    .endings = (const char *const[]){".dcm", ".dicom", NULL},
    .is_known_by = dicom_is_known_by,
    .open = dicom_open,
    .read = sample_array_read,
    .close = sample_array_close,
};
