/* Annotation files in MIT format (annot(5)).
 *
 * Words of 16 bits, low byte first: the upper 6 bits are a code, the lower 10 the samples since the last annotation.
 * Codes from 59 on are no annotations but say more of the one before them; a word of 0 ends the file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/recording/wfdb.h"

enum { CODE_NOTE = 22, CODE_SKIP = 59, CODE_NUM, CODE_SUB, CODE_CHN, CODE_AUX };
enum { CODE_ST_CHANGE = 18, CODE_T_CHANGE = 19 };

/* The symbols of the 41 codes (ecgcodes.h of the WFDB library); NULL: none is defined. */
static const char *const symbols[42] = {
    NULL, "N",  "L", "R", "a", "V", "F", "J", "A", "S", "E", "j", "/", "Q", "~", NULL, "|", NULL, "s", "T", "*",
    "D",  "\"", "=", "p", "B", "^", "t", "+", "u", "?", "!", "[", "]", "e", "n", "@",  "x", "f",  "(", ")", "r",
};

struct annotation_reader {
    struct recording *recording;
    const uint8_t *bytes;
    size_t count, place;
    int64_t sample; /* of the last annotation, in ticks of the file */
    double ticks_hz;
    int8_t number; /* NUM and CHN hold until the next one, SUB for one annotation */
    uint8_t channel;
    bool in_definitions;
    char own_symbols[64][16]; /* that the file defines; "": it does not */
    size_t capacity;          /* of recording->events */
    size_t before_start;      /* annotations left out */
    bool time_overflows;
};

static bool take_word(struct annotation_reader *reader, uint32_t *word)
{
    if (reader->count - reader->place < 2)
        return false;
    const uint8_t *b = reader->bytes + reader->place;
    *word = (uint32_t)(b[0] | b[1] << 8);
    reader->place += 2;
    return true;
}

/* The interval of a SKIP: four bytes in the order of the PDP-11, high half first. Several add up. */
static bool take_skip(struct annotation_reader *reader)
{
    uint32_t high, low;
    if (!take_word(reader, &high) || !take_word(reader, &low))
        return false;
    reader->time_overflows |=
        __builtin_add_overflow(reader->sample, (int64_t)(int32_t)(high << 16 | low), &reader->sample);
    return true;
}

/* Text of a file that is no rhythm or wave change may be anything, a name too: it is not kept. */
static bool keeps_text(int code, const char *text)
{
    return text[0] == '(' || code == CODE_ST_CHANGE || code == CODE_T_CHANGE;
}

/* The words behind an annotation that belong to it. False: the file ends in the middle. */
static bool take_modifiers(struct annotation_reader *reader, int8_t *subtype, char text[256])
{
    uint32_t word;
    text[0] = '\0';
    *subtype = 0;
    while (take_word(reader, &word)) {
        uint32_t code = word >> 10, value = word & 0x3ff;
        if (code <= CODE_SKIP) {
            reader->place -= 2;
            return true;
        }
        if (code == CODE_NUM)
            reader->number = (int8_t)(uint8_t)value;
        else if (code == CODE_SUB)
            *subtype = (int8_t)(uint8_t)value;
        else if (code == CODE_CHN)
            reader->channel = (uint8_t)value;
        else {
            size_t padded = value + value % 2, kept = value < 255 ? value : 255;
            if (reader->count - reader->place < padded)
                return false;
            memcpy(text, reader->bytes + reader->place, kept);
            text[kept] = '\0';
            reader->place += padded;
        }
    }
    return false;
}

/* "42 x what it means": a code of the file's own, and its symbol. */
static void take_own_symbol(struct annotation_reader *reader, const char *text)
{
    char line[256], *rest = line;
    int64_t code;
    copy_text(line, sizeof line, text);
    char *number = wfdb_next_word(&rest), *symbol = number ? wfdb_next_word(&rest) : NULL;
    if (!symbol || !parse_int(number, 1, CODE_SKIP - 1, &code))
        return;
    copy_text(reader->own_symbols[code], sizeof *reader->own_symbols, symbol);
    make_printable(reader->own_symbols[code]);
}

/* Notes at the start of a file may define its clock and further codes: "## time resolution: 1000", "## annotation type
 * definitions", one a note, "## end of definitions". True: it was such a note. */
static bool take_definition(struct annotation_reader *reader, int code, const char *text)
{
    static const char clock[] = "## time resolution:";
    if (code != CODE_NOTE || reader->sample != 0)
        return false;
    if (!has_prefix(text, "## ")) {
        if (reader->in_definitions)
            take_own_symbol(reader, text);
        return reader->in_definitions;
    }
    double hz;
    if (has_prefix(text, clock) && parse_double(text + sizeof clock - 1, &hz) && hz > 0)
        reader->ticks_hz = hz;
    reader->in_definitions = has_prefix(text, "## annotation type definitions") ||
                             (reader->in_definitions && !has_prefix(text, "## end of definitions"));
    return true;
}

static void add_event(struct annotation_reader *reader, int code, int8_t subtype, const char *text)
{
    struct recording *recording = reader->recording;
    if (take_definition(reader, code, text))
        return;
    double sample = (double)reader->sample;
    bool scaled = reader->ticks_hz != recording->rate_hz;
    if (scaled)
        sample = round(sample * recording->rate_hz / reader->ticks_hz);
    if (reader->sample < 0 || sample >= 0x1p62) {
        reader->before_start += reader->sample < 0;
        reader->time_overflows |= reader->sample >= 0;
        return;
    }
    GROW_ARRAY(recording->events, reader->capacity, recording->n_events + 1);
    struct recording_event *event = &recording->events[recording->n_events++];
    memset(event, 0, sizeof *event);
    event->sample = scaled ? (uint64_t)sample : (uint64_t)reader->sample;
    event->number = reader->number;
    event->subtype = subtype;
    event->channel = reader->channel;
    if (reader->own_symbols[code][0])
        copy_text(event->code, sizeof event->code, reader->own_symbols[code]);
    else if (code < 42 && symbols[code])
        copy_text(event->code, sizeof event->code, symbols[code]);
    else
        snprintf(event->code, sizeof event->code, "[%d]", code);
    if (keeps_text(code, text)) {
        copy_text(event->text, sizeof event->text, text);
        make_printable(event->text);
    }
}

struct ordered_event {
    struct recording_event event;
    size_t order; /* in the file */
};

static int compare_events(const void *a, const void *b)
{
    const struct ordered_event *x = a, *y = b;
    if (x->event.sample != y->event.sample)
        return x->event.sample < y->event.sample ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* Sorts; events at the same sample keep the order of the file. Files are nearly always sorted. */
static void sort_events(struct recording *recording)
{
    struct recording_event *events = recording->events;
    size_t n = recording->n_events, sorted = 1;
    while (sorted < n && events[sorted].sample >= events[sorted - 1].sample)
        sorted++;
    if (sorted >= n)
        return;
    struct ordered_event *ordered = NEW_ARRAY(struct ordered_event, n);
    for (size_t i = 0; i < n; i++)
        ordered[i] = (struct ordered_event){events[i], i};
    qsort(ordered, n, sizeof *ordered, compare_events);
    for (size_t i = 0; i < n; i++)
        events[i] = ordered[i].event;
    free(ordered);
}

/* True if the end mark was found. */
static bool take_annotations(struct annotation_reader *reader)
{
    uint32_t word;
    char text[256];
    int8_t subtype;
    while (!reader->time_overflows && take_word(reader, &word)) {
        int code = (int)(word >> 10);
        if (word == 0)
            return true;
        if (code == CODE_SKIP) {
            if (!take_skip(reader))
                return false;
            continue;
        }
        if (code > CODE_SKIP) { /* of no annotation: pass over */
            size_t padded = code == CODE_AUX ? (word & 0x3ff) + (word & 1) : 0;
            if (reader->count - reader->place < padded)
                return false;
            reader->place += padded;
            continue;
        }
        reader->time_overflows |= __builtin_add_overflow(reader->sample, (int64_t)(word & 0x3ff), &reader->sample);
        bool is_followed = take_modifiers(reader, &subtype, text);
        if (code != 0)
            add_event(reader, code, subtype, text);
        if (!is_followed)
            return false;
    }
    return false;
}

void wfdb_annotation_parse(struct recording *recording, double frame_hz, const char *file, const uint8_t *bytes,
                           size_t count)
{
    struct annotation_reader reader = {.recording = recording, .bytes = bytes, .count = count, .ticks_hz = frame_hz};
    bool has_end = take_annotations(&reader);
    if (reader.time_overflows)
        recording_warn(recording, "%s: times grow beyond 64 bits; %zu annotations were read", file,
                       recording->n_events);
    else if (!has_end)
        recording_warn(recording, "%s: annotation file has no end mark; %zu annotations were read", file,
                       recording->n_events);
    if (reader.before_start > 0)
        recording_warn(recording, "%s: %zu annotations before the first sample are left out", file,
                       reader.before_start);
    sort_events(recording);
}

/* The events at or behind the end of the signals mark nothing. They are the last ones. */
static void cut_events(struct recording *recording, const char *file)
{
    size_t n = recording->n_events;
    while (n > 0 && recording->events[n - 1].sample >= recording->samples)
        n--;
    if (n < recording->n_events)
        recording_warn(recording, "%s: %zu annotations behind the last sample are left out", file,
                       recording->n_events - n);
    recording->n_events = n;
}

enum status wfdb_annotation_read(struct recording *recording, double frame_hz)
{
    static const char *const endings[] = {"atr", "ATR", "qrs", "QRS", "ii", "II"}; /* as on a CD, in capitals */
    enum status status = STATUS_OK;
    int stem = (int)(strlen(recording->path) - strlen(".hea"));
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char *path = format_text("%.*s.%s", stem, recording->path, endings[i]), *content;
        bool is_there = file_exists(path);
        size_t bytes;
        if (is_there && (status = file_read(path, WFDB_ANNOTATION_MOST_BYTES, &content, &bytes)) == STATUS_OK) {
            wfdb_annotation_parse(recording, frame_hz, base_name(path), (const uint8_t *)content, bytes);
            cut_events(recording, base_name(path));
            free(content);
        }
        free(path);
        if (is_there)
            break;
    }
    return status;
}
