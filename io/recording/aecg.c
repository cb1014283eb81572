/* HL7 annotated ECG (ANSI/HL7 V3 ECG R1, 2004), parsed by expat. The first set of sequences outside a derivation is the
 * recording; further ones and derived ones (median beats) are left out by name. Of the person only the subject's id,
 * sex and the age come out of it. */
#include <expat.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/recording/person.h"
#include "io/recording/raw_files.h"
#include "io/recording/sample_array.h"
#include "io/recording/unit.h"

enum { MOST_XML_BYTES = 1 << 28, MOST_DEPTH = 64, NAME_BYTES = 48, MOST_DIGIT = 1 << 30 };

struct quantity {
    double value;
    char unit[12]; /* "": not given */
};

/* A sequence under way: the time axis, or a lead. */
struct aecg_sequence {
    char code[NAME_BYTES];
    struct quantity increment, origin, scale;
    bool has_digits;
};

struct aecg {
    struct recording *recording;
    XML_Parser parser;
    enum status status;
    char stack[MOST_DEPTH][NAME_BYTES]; /* names of the open elements */
    size_t depth, derivations;          /* derivations: how many of them are open */
    size_t sets;                        /* begun so far, outside derivations */
    size_t chosen;                      /* the set whose leads are taken, from 1; 0: none yet */
    double interval;                    /* of that set, s; 0: not known yet */
    struct aecg_sequence sequence;
    bool is_reading_digits;
    char *text; /* of <digits> */
    size_t text_bytes, text_capacity;
    struct calendar_day birth, recorded;
};

static void stop(struct aecg *aecg, enum status status)
{
    aecg->status = status;
    XML_StopParser(aecg->parser, XML_FALSE);
}

/* ---- elements ------------------------------------------------------------------------------------------------------
 */

static const char *attribute(const XML_Char **attributes, const char *name)
{
    for (size_t i = 0; attributes[i]; i += 2) {
        const char *colon = strrchr(attributes[i], '|'); /* the namespace stands before it */
        if (strcmp(colon ? colon + 1 : attributes[i], name) == 0)
            return attributes[i + 1];
    }
    return "";
}

static const char *parent(const struct aecg *aecg, size_t above)
{
    return aecg->depth > above ? aecg->stack[aecg->depth - 1 - above] : "";
}

static void read_quantity(struct quantity *quantity, const XML_Char **attributes)
{
    if (!parse_double(attribute(attributes, "value"), &quantity->value))
        return;
    copy_text(quantity->unit, sizeof quantity->unit, attribute(attributes, "unit"));
    make_printable(quantity->unit);
}

static void read_person(struct aecg *aecg, const char *name, const XML_Char **attributes)
{
    struct recording *recording = aecg->recording;
    if (strcmp(name, "id") == 0 && strcmp(parent(aecg, 1), "trialSubject") == 0) {
        enum status status = person_set_patient(recording, attribute(attributes, "extension"));
        if (status != STATUS_OK)
            stop(aecg, status);
    } else if (strcmp(name, "administrativeGenderCode") == 0) {
        char sex = attribute(attributes, "code")[0];
        recording->sex = sex == 'M' ? SEX_MALE : sex == 'F' ? SEX_FEMALE : SEX_UNKNOWN;
    } else if (strcmp(name, "birthTime") == 0) {
        aecg->birth = calendar_day_of(attribute(attributes, "value"));
    } else if (strcmp(parent(aecg, 1), "effectiveTime") == 0 && strcmp(parent(aecg, 2), "AnnotatedECG") == 0 &&
               aecg->recorded.year == 0) {
        aecg->recorded = calendar_day_of(attribute(attributes, "value"));
    }
}

/* The time axis of a set that has no leads says nothing about the next. */
static void begin_set(struct aecg *aecg)
{
    if (aecg->derivations > 0)
        return;
    aecg->sets++;
    if (!aecg->chosen)
        aecg->interval = 0;
}

static void start_element(void *data, const XML_Char *full_name, const XML_Char **attributes)
{
    struct aecg *aecg = data;
    const char *bar = strrchr(full_name, '|'), *name = bar ? bar + 1 : full_name;
    if (aecg->depth == MOST_DEPTH) {
        stop(aecg,
             status_set(STATUS_DATA, "%s: elements are nested deeper than %d", aecg->recording->path, MOST_DEPTH));
        return;
    }
    copy_text(aecg->stack[aecg->depth++], NAME_BYTES, name);
    if (strcmp(name, "derivation") == 0)
        aecg->derivations++;
    else if (strcmp(name, "sequenceSet") == 0)
        begin_set(aecg);
    else if (strcmp(name, "sequence") == 0)
        aecg->sequence = (struct aecg_sequence){0};
    else if (strcmp(name, "code") == 0 && strcmp(parent(aecg, 1), "sequence") == 0)
        copy_text(aecg->sequence.code, NAME_BYTES, attribute(attributes, "code"));
    else if (strcmp(name, "increment") == 0)
        read_quantity(&aecg->sequence.increment, attributes);
    else if (strcmp(name, "origin") == 0)
        read_quantity(&aecg->sequence.origin, attributes);
    else if (strcmp(name, "scale") == 0)
        read_quantity(&aecg->sequence.scale, attributes);
    else if (strcmp(name, "digits") == 0 && strcmp(parent(aecg, 2), "sequence") == 0) {
        aecg->is_reading_digits = aecg->derivations == 0;
        aecg->sequence.has_digits = true;
        aecg->text_bytes = 0;
    } else
        read_person(aecg, name, attributes);
}

static void read_text(void *data, const XML_Char *text, int length)
{
    struct aecg *aecg = data;
    if (!aecg->is_reading_digits)
        return;
    GROW_ARRAY(aecg->text, aecg->text_capacity, aecg->text_bytes + (size_t)length + 1);
    memcpy(aecg->text + aecg->text_bytes, text, (size_t)length);
    aecg->text_bytes += (size_t)length;
}

/* ---- sequences -----------------------------------------------------------------------------------------------------
 */

/* The time axis of the set that is taken, or may be: its increment in seconds. */
static void take_axis(struct aecg *aecg)
{
    const struct quantity *step = &aecg->sequence.increment;
    double per_second = strcmp(step->unit, "s") == 0 ? 1 : strcmp(step->unit, "ms") == 0 ? 1e3 : 0;
    if (strcmp(step->unit, "us") == 0)
        per_second = 1e6;
    bool is_wanted = aecg->derivations == 0 && (!aecg->chosen || aecg->chosen == aecg->sets);
    if (is_wanted && aecg->interval == 0 && per_second > 0 && step->value > 0)
        aecg->interval = step->value / per_second;
}

/* A whole number, also if a program has written it as "-1.5e+03". */
static bool read_digit(const char *text, char **end, int32_t *sample)
{
    double value = (double)strtol(text, end, 10);
    if (**end == '.' || **end == 'e' || **end == 'E')
        value = strtod(text, end);
    if (*end == text || value != nearbyint(value) || fabs(value) > MOST_DIGIT)
        return false;
    *sample = (int32_t)value;
    return **end == '\0' || strchr(" \t\r\n", **end) != NULL;
}

/* Digits to samples; *samples is freed by the caller. */
static enum status parse_digits(const struct aecg *aecg, int32_t **samples, size_t *count)
{
    enum status status;
    size_t capacity = 0;
    *samples = NULL;
    *count = 0;
    aecg->text[aecg->text_bytes] = '\0';
    for (char *at = aecg->text;;) {
        at += strspn(at, " \t\r\n");
        if (*at == '\0')
            return STATUS_OK;
        char *end;
        int32_t value;
        REQUIRE(read_digit(at, &end, &value), STATUS_DATA, "%s: %s: sample %zu: '%.12s': must be a whole number",
                aecg->recording->path, aecg->sequence.code, *count, make_printable(at));
        GROW_ARRAY(*samples, capacity, *count + 1);
        (*samples)[(*count)++] = value;
        at = end;
    }
fail:
    free(*samples);
    *samples = NULL;
    return status;
}

static enum status store_lead(struct aecg *aecg, const char *name, const int32_t *samples, size_t count)
{
    struct recording *recording = aecg->recording;
    struct sample_array *array = recording->source->state;
    const struct quantity *scale = &aecg->sequence.scale, *origin = &aecg->sequence.origin;
    double gain = unit_per_mv(scale->unit) / scale->value;
    double origin_mv = unit_per_mv(origin->unit) > 0 ? origin->value / unit_per_mv(origin->unit) : 0;
    if (recording->n_leads > 0 && count != array->samples) {
        recording_leave_out(recording, "%s: has %zu samples, the first lead %" PRIu64, name, count, array->samples);
        return STATUS_OK;
    }
    enum status status = recording_add_lead(recording, name, gain, -origin_mv * gain, NULL);
    if (status != STATUS_OK)
        return status;
    array->samples = count;
    array->n_leads = recording->n_leads;
    array->adc = xrealloc(array->adc, checked_multiply(checked_multiply(array->n_leads, count), sizeof *array->adc));
    memcpy(array->adc + (array->n_leads - 1) * count, samples, count * sizeof *samples);
    return STATUS_OK;
}

static enum status take_lead(struct aecg *aecg)
{
    static const char prefix[] = "MDC_ECG_LEAD_";
    struct recording *recording = aecg->recording;
    char *code = make_printable(aecg->sequence.code);
    const char *name = strncasecmp(code, prefix, sizeof prefix - 1) == 0 ? code + sizeof prefix - 1 : code;
    const struct quantity *scale = &aecg->sequence.scale;
    enum lead lead;
    int32_t *samples;
    size_t count;
    if (!lead_from_name(name, &lead)) {
        recording_leave_out(recording, "%s: not a known lead", name[0] ? name : "a sequence without code");
        return STATUS_OK;
    }
    if (scale->value == 0 || !scale->unit[0] || unit_per_mv(scale->unit) == 0) {
        recording_leave_out(recording, "%s: scale %g '%s' is not a voltage", name, scale->value, scale->unit);
        return STATUS_OK;
    }
    if (aecg->chosen && aecg->chosen != aecg->sets) {
        recording_leave_out(recording, "%s of sequence set %zu: set %zu is taken", name, aecg->sets, aecg->chosen);
        return STATUS_OK;
    }
    enum status status = parse_digits(aecg, &samples, &count);
    if (status != STATUS_OK || count == 0) {
        free(samples);
        return status;
    }
    aecg->chosen = aecg->sets;
    status = store_lead(aecg, name, samples, count);
    free(samples);
    return status;
}

static void end_element(void *data, const XML_Char *full_name)
{
    struct aecg *aecg = data;
    const char *bar = strrchr(full_name, '|'), *name = bar ? bar + 1 : full_name;
    if (strcmp(name, "derivation") == 0)
        aecg->derivations--;
    else if (strcmp(name, "digits") == 0)
        aecg->is_reading_digits = false;
    else if (strcmp(name, "sequence") == 0 && has_prefix(aecg->sequence.code, "TIME_"))
        take_axis(aecg);
    else if (strcmp(name, "sequence") == 0 && aecg->sequence.has_digits && aecg->derivations == 0) {
        GROW_ARRAY(aecg->text, aecg->text_capacity, aecg->text_bytes + 1);
        enum status status = take_lead(aecg);
        if (status != STATUS_OK)
            stop(aecg, status);
    }
    aecg->depth--;
}

/* A document type that defines entities has no place in an ECG, and is how XML is made to explode. */
static void refuse_entity(void *data, const XML_Char *name, int is_parameter, const XML_Char *value, int length,
                          const XML_Char *base, const XML_Char *system, const XML_Char *public,
                          const XML_Char *notation)
{
    struct aecg *aecg = data;
    (void)name, (void)is_parameter, (void)value, (void)length, (void)base, (void)system, (void)public, (void)notation;
    stop(aecg, status_set(STATUS_DATA, "%s: defines entities, as no aECG does; leave it out", aecg->recording->path));
}

/* Pages of 8 bits and national codes that agree with ASCII where the markup stands ("windows-1252", "GB2312"): beyond
 * it there is free text, of which nothing is kept. */
static int take_encoding(void *data, const XML_Char *name, XML_Encoding *encoding)
{
    (void)data;
    if (strncasecmp(name, "UTF", 3) == 0 || strncasecmp(name, "UCS", 3) == 0 || strcasestr(name, "EBCDIC"))
        return XML_STATUS_ERROR;
    *encoding = (XML_Encoding){.data = NULL};
    for (int i = 0; i < 256; i++)
        encoding->map[i] = i;
    return XML_STATUS_OK;
}

/* ---- opening -------------------------------------------------------------------------------------------------------
 */

static enum status parse_document(struct aecg *aecg, const char *text, size_t bytes)
{
    enum status status = STATUS_OK;
    aecg->parser = XML_ParserCreateNS(NULL, '|');
    XML_SetUserData(aecg->parser, aecg);
    XML_SetElementHandler(aecg->parser, start_element, end_element);
    XML_SetCharacterDataHandler(aecg->parser, read_text);
    XML_SetEntityDeclHandler(aecg->parser, refuse_entity);
    XML_SetUnknownEncodingHandler(aecg->parser, take_encoding, NULL);
    if (XML_Parse(aecg->parser, text, (int)bytes, XML_TRUE) != XML_STATUS_OK)
        status = aecg->status != STATUS_OK
                     ? aecg->status
                     : status_set(STATUS_DATA, "%s: line %lu: %s: is no well-formed XML; the file is damaged",
                                  aecg->recording->path, (unsigned long)XML_GetCurrentLineNumber(aecg->parser),
                                  XML_ErrorString(XML_GetErrorCode(aecg->parser)));
    XML_ParserFree(aecg->parser);
    return status;
}

static enum status aecg_open(struct recording *recording)
{
    enum status status;
    struct aecg *aecg = xcalloc(1, sizeof *aecg);
    struct sample_array *array = xcalloc(1, sizeof *array);
    char *text = NULL;
    size_t bytes;
    recording->source->state = array;
    aecg->recording = recording;
    TRY(file_read(recording->path, MOST_XML_BYTES, &text, &bytes));
    TRY(parse_document(aecg, text, bytes));
    if (recording->n_leads == 0 && recording->n_left_out == 0)
        FAIL(STATUS_DATA, "%s: is an aECG without waveform; leave it out", recording->path);
    TRY(recording_require_leads(recording));
    REQUIRE(aecg->interval > 0 && 1 / aecg->interval <= RECORDING_MAX_HZ, STATUS_DATA,
            "%s: its time sequence has no increment in s, ms or us that gives a rate up to %d Hz", recording->path,
            RECORDING_MAX_HZ);
    recording->rate_hz = 1 / aecg->interval;
    recording->samples = array->samples;
    person_set_age_between(recording, aecg->birth, aecg->recorded);
    recording->format = "HL7 aECG";
    recording_name_by_file(recording);
    status = STATUS_OK;
fail:
    free(aecg->text);
    free(aecg);
    free(text);
    return status;
}

static bool holds(const struct file_head *head, const char *bytes, size_t count)
{
    return memmem(head->bytes, head->count, bytes, count) != NULL;
}

static bool aecg_is_known_by(const struct file_head *head)
{
    static const char wide[] = "A\0n\0n\0o\0t\0a\0t\0e\0d\0E\0C\0G"; /* UTF-16 of either byte order */
    if (head->count >= 2 && (memcmp(head->bytes, "\xff\xfe", 2) == 0 || memcmp(head->bytes, "\xfe\xff", 2) == 0))
        return holds(head, wide, sizeof wide - 1);
    size_t at = head->count >= 3 && memcmp(head->bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* the mark of UTF-8 */
    while (at < head->count && memchr(" \t\r\n", head->bytes[at], 4))
        at++;
    return at < head->count && head->bytes[at] == '<' && holds(head, "AnnotatedECG", 12);
}

const struct recording_type aecg_recording = {
    .name = "HL7 aECG",
    .endings = (const char *const[]){".xml", NULL},
    .is_known_by = aecg_is_known_by,
    .is_ending_vague = true,
    .open = aecg_open,
    .read = sample_array_read,
    .close = sample_array_close,
};
