/* The grammar of WFDB headers (header(5)). Lines may end in CR LF; blank lines and comments may stand anywhere. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/recording/wfdb.h"

#define DEFAULT_HZ 250.0 /* of header(5) */
#define MOST_ADC 2147483648.0
#define MOST_FIELD ((int64_t)1 << 32) /* signed or unsigned, as writers please */

enum {
    SHOWN = 60, /* characters of a bad value that are shown */
    MOST_SEGMENTS = 1 << 16,
};

char *wfdb_next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");
    if (!*word)
        return NULL;
    char *end = word + strcspn(word, " \t");
    *rest = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

/* A whole number at *text, of digits only, up to `most`; *text is moved behind it. */
static bool take_digits(const char **text, int64_t most, int64_t *value)
{
    int64_t number = 0;
    const char *c = *text;
    if (!isdigit((unsigned char)*c))
        return false;
    for (; isdigit((unsigned char)*c); c++) {
        number = number * 10 + (*c - '0');
        if (number > most)
            return false;
    }
    *text = c;
    *value = number;
    return true;
}

/* ---- record line: name[/segments] n_signals [rate[/counter rate[(base)]] [samples [time [date]]]] ---- */

/* Cuts "E00001.mat", as early CinC headers name the record, to "E00001". */
static void cut_ending(char *name)
{
    static const char *const endings[] = {".mat", ".dat", ".hea"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (has_suffix(name, endings[i]) && strlen(name) > strlen(endings[i])) {
            name[strlen(name) - strlen(endings[i])] = '\0';
            return;
        }
}

static enum status parse_record_name(struct wfdb_header *header, struct recording *recording, char *name)
{
    enum status status;
    int64_t number;
    char *slash = strchr(name, '/');
    if (slash) {
        *slash = '\0';
        REQUIRE(parse_int(slash + 1, 1, MOST_SEGMENTS, &number), STATUS_DATA,
                "%s: record line: number of segments '%.*s': must be a whole number, at most %d; correct the header",
                recording->path, SHOWN, make_printable(slash + 1), MOST_SEGMENTS);
        header->n_segments = (size_t)number;
    }
    for (const char *c = name; *c; c++)
        REQUIRE(
            isalnum((unsigned char)*c) || strchr("_-.+", *c), STATUS_DATA,
            "%s: record line: name '%.*s': only letters, digits and _ - . + may stand there; is this a WFDB header?",
            recording->path, SHOWN, make_printable(name));
    cut_ending(name);
    REQUIRE(*name && copy_text(recording->name, sizeof recording->name, name), STATUS_DATA,
            "%s: record line: name '%.*s...': must have 1 to %d characters; correct the header", recording->path, SHOWN,
            name, RECORDING_NAME_BYTES - 1);
    return STATUS_OK;
fail:
    return status;
}

/* The counter of a tape deck, counter rate[(base)], has nothing to do with samples: it is only looked at. */
static void look_at_counter(struct recording *recording, char *word)
{
    double number;
    char *open = strchr(word, '('), *close = open ? strchr(open, ')') : NULL;
    bool is_good = !open || (close && close[1] == '\0');
    if (open && close) {
        *open = *close = '\0';
        is_good &= parse_double(open + 1, &number);
    }
    if (!is_good || !parse_double(word, &number))
        recording_warn(recording, "record line: counter frequency is no number, perhaps with a base in brackets; it is "
                                  "passed over");
}

/* rate[/counter rate[(base)]] */
static enum status parse_rate(struct recording *recording, char *word)
{
    enum status status;
    char *counter = strchr(word, '/');
    if (counter) {
        *counter = '\0';
        look_at_counter(recording, counter + 1);
    }
    REQUIRE(parse_double(word, &recording->rate_hz), STATUS_DATA,
            "%s: record line: sampling frequency '%.*s': must be a number; correct the header", recording->path, SHOWN,
            make_printable(word));
    REQUIRE(recording->rate_hz > 0 && recording->rate_hz <= RECORDING_MAX_HZ, STATUS_DATA,
            "%s: record line: sampling frequency %g: must be above 0 and at most %d Hz; correct the header",
            recording->path, recording->rate_hz, RECORDING_MAX_HZ);
    return STATUS_OK;
fail:
    return status;
}

static enum status parse_record_line(struct wfdb_header *header, struct recording *recording, char *line)
{
    enum status status;
    int64_t number;
    char *word = wfdb_next_word(&line);
    TRY(parse_record_name(header, recording, word));
    word = wfdb_next_word(&line);
    REQUIRE(word && parse_int(word, 0, INT64_MAX, &number), STATUS_DATA,
            "%s: record line: number of signals '%.*s': must be a whole number; correct the header", recording->path,
            SHOWN, word ? make_printable(word) : "");
    REQUIRE(number > 0, STATUS_DATA, "%s: record line: the record has no signals; leave it out", recording->path);
    REQUIRE(number <= RECORDING_MAX_LEADS, STATUS_DATA,
            "%s: record line: %" PRId64 " signals, at most %d are read; correct the header or divide the record",
            recording->path, number, RECORDING_MAX_LEADS);
    header->n_signals = (size_t)number;
    word = wfdb_next_word(&line);
    recording->rate_hz = DEFAULT_HZ;
    header->rate_is_given = word != NULL;
    if (!word)
        return STATUS_OK;
    TRY(parse_rate(recording, word));
    word = wfdb_next_word(&line);
    if (!word)
        return STATUS_OK;
    REQUIRE(parse_int(word, 0, WFDB_MOST_SAMPLES, &number), STATUS_DATA,
            "%s: record line: number of samples '%.*s': must be a whole number, at most 2^40; correct the header",
            recording->path, SHOWN, make_printable(word));
    header->frames = (uint64_t)number;
    return STATUS_OK; /* time and date stay behind: nobody needs them and they may identify */
fail:
    return status;
}

/* ---- signal lines ---- */

/* format[xsamples per frame][:skew][+offset], the three in any order, each once */
static bool parse_format(struct wfdb_signal *signal, const char *word)
{
    int64_t number, per_frame = -1, skew = -1, offset = -1;
    if (!take_digits(&word, INT32_MAX, &number))
        return false;
    signal->format = (int)number;
    while (*word) {
        char kind = *word++;
        int64_t *value = kind == 'x' ? &per_frame : kind == ':' ? &skew : kind == '+' ? &offset : NULL;
        if (!value || *value >= 0 || !take_digits(&word, kind == '+' ? (int64_t)1 << 48 : INT32_MAX, value))
            return false;
    }
    signal->samples_per_frame = per_frame > 0 ? per_frame : 1; /* 0 is written for 1 */
    signal->skew = skew > 0 ? skew : 0;
    signal->offset = offset > 0 ? (uint64_t)offset : 0;
    return true;
}

/* gain[(baseline)][/unit]; a gain that is not finite is none. */
static bool parse_gain(struct wfdb_signal *signal, char *word, bool *baseline_given)
{
    char *unit = strchr(word, '/'), *open = strchr(word, '(');
    if (unit)
        *unit++ = '\0';
    *baseline_given = open && (!unit || open < unit);
    if (*baseline_given) {
        char *close = strchr(open, ')');
        if (!close || close[1] != '\0')
            return false;
        *open = *close = '\0';
        if (!parse_double(open + 1, &signal->baseline) || fabs(signal->baseline) > MOST_ADC)
            return false;
    }
    return parse_double(word, &signal->gain) && (!unit || copy_text(signal->unit, sizeof signal->unit, unit));
}

/* The whole numbers behind the gain, as far as there are any. Some headers leave the last ones out: the first word that
 * is no number begins the description. */
static void parse_numbers_and_description(struct wfdb_signal *signal, char *rest, bool baseline_given)
{
    enum { RESOLUTION, ZERO, INITIAL, CHECKSUM, BLOCK_SIZE, N_NUMBERS };
    int64_t number[N_NUMBERS] = {0};
    int n = 0;
    for (; n < N_NUMBERS; n++) {
        rest += strspn(rest, " \t");
        size_t length = strcspn(rest, " \t");
        char word[24];
        if (length == 0 || length >= sizeof word)
            break;
        memcpy(word, rest, length);
        word[length] = '\0';
        if (!parse_int(word, -MOST_FIELD, MOST_FIELD, &number[n]))
            break;
        rest += length;
    }
    if (!baseline_given)
        signal->baseline = (double)number[ZERO];
    signal->initial_given = n > INITIAL;
    signal->initial = number[n > INITIAL ? INITIAL : ZERO];
    signal->checksum_given = n > CHECKSUM;
    signal->checksum = number[CHECKSUM];
    copy_text(signal->description, sizeof signal->description, trim(rest));
    make_printable(signal->description);
}

static enum status parse_signal_line(struct wfdb_signal *signal, const struct recording *recording, size_t number,
                                     char *line)
{
    enum status status;
    bool baseline_given = false;
    char shown[SHOWN + 1];
    char *word = wfdb_next_word(&line);
    REQUIRE(copy_text(signal->file, sizeof signal->file, word), STATUS_DATA,
            "%s: signal %zu: file name has more than %d characters; rename the file", recording->path, number,
            WFDB_FILE_NAME_BYTES - 1);
    word = wfdb_next_word(&line);
    REQUIRE(word, STATUS_DATA, "%s: signal %zu: the line ends before the format; correct the header", recording->path,
            number);
    copy_text(shown, sizeof shown, word);
    REQUIRE(parse_format(signal, word), STATUS_DATA,
            "%s: signal %zu: format '%s': must be a number with perhaps x, : and + parts; correct the header",
            recording->path, number, make_printable(shown));
    word = wfdb_next_word(&line);
    if (!word)
        return STATUS_OK;
    copy_text(shown, sizeof shown, word);
    REQUIRE(
        parse_gain(signal, word, &baseline_given), STATUS_DATA,
        "%s: signal %zu: gain '%s': must be a finite number, perhaps with (baseline) and /unit; correct the header or "
        "leave the record out",
        recording->path, number, make_printable(shown));
    parse_numbers_and_description(signal, line, baseline_given);
    return STATUS_OK;
fail:
    return status;
}

/* ---- segment lines: name samples ---- */

static enum status parse_segment_line(struct wfdb_segment_line *segment, const struct recording *recording,
                                      size_t number, char *line)
{
    enum status status;
    int64_t frames;
    char shown[SHOWN + 1];
    char *name = wfdb_next_word(&line), *word = wfdb_next_word(&line);
    bool is_plain = strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    for (const char *c = name; *c; c++)
        is_plain &= isalnum((unsigned char)*c) || strchr("_-.+", *c);
    copy_text(shown, sizeof shown, name);
    REQUIRE(is_plain || strcmp(name, "~") == 0, STATUS_DATA,
            "%s: segment %zu: name '%s': must be the plain name of a record beside the header, or ~ for a gap; correct "
            "the header",
            recording->path, number, make_printable(shown));
    REQUIRE(copy_text(segment->name, sizeof segment->name, name), STATUS_DATA,
            "%s: segment %zu: name '%s...': has more than %d characters; rename the segment", recording->path, number,
            make_printable(shown), WFDB_FILE_NAME_BYTES - 1);
    REQUIRE(word && parse_int(word, 0, WFDB_MOST_SAMPLES, &frames), STATUS_DATA,
            "%s: segment %zu (%s): number of samples '%.*s': must be a whole number, at most 2^40; correct the header",
            recording->path, number, segment->name, SHOWN, word ? make_printable(word) : "");
    segment->frames = (uint64_t)frames;
    return STATUS_OK;
fail:
    return status;
}

/* ---- the whole header ---- */

static enum status parse_line(struct wfdb_header *header, struct recording *recording, size_t number, char *line)
{
    if (number == 0) {
        enum status status = parse_record_line(header, recording, line);
        if (status != STATUS_OK)
            return status;
        if (header->n_segments)
            header->segments = xcalloc(header->n_segments, sizeof *header->segments);
        else
            header->signals = xcalloc(header->n_signals, sizeof *header->signals);
        return STATUS_OK;
    }
    if (header->n_segments && number <= header->n_segments)
        return parse_segment_line(&header->segments[number - 1], recording, number, line);
    if (!header->n_segments && number <= header->n_signals)
        return parse_signal_line(&header->signals[number - 1], recording, number, line);
    header->extra_lines++;
    return STATUS_OK;
}

enum status wfdb_header_parse(struct wfdb_header *header, struct recording *recording, char *text, size_t bytes)
{
    enum status status;
    size_t n_lines = 0;
    memset(header, 0, sizeof *header);
    if (has_prefix(text, "\xef\xbb\xbf")) { /* an editor's mark of UTF-8 */
        text += 3;
        bytes -= 3;
    }
    REQUIRE(bytes > 0, STATUS_DATA, "%s: header is empty; leave the record out or restore the file", recording->path);
    REQUIRE(strlen(text) == bytes, STATUS_DATA, "%s: header is no text (a 0 byte at place %zu); is this a WFDB header?",
            recording->path, strlen(text));
    for (char *line; (line = next_field(&text, "\n"));) {
        line = trim(line);
        if (line[0] == '#')
            TRY(wfdb_comment_parse(recording, line + 1));
        else if (line[0] != '\0')
            TRY(parse_line(header, recording, n_lines++, line));
    }
    REQUIRE(n_lines > 0, STATUS_DATA, "%s: header has no record line; leave the record out or restore the file",
            recording->path);
    REQUIRE(n_lines > header->n_segments, STATUS_DATA,
            "%s: header announces %zu segments, has %zu segment lines; restore the header", recording->path,
            header->n_segments, n_lines - 1);
    REQUIRE(header->n_segments || n_lines > header->n_signals, STATUS_DATA,
            "%s: header announces %zu signals, has %zu signal lines; restore the header", recording->path,
            header->n_signals, n_lines - 1);
    return STATUS_OK;
fail:
    return status;
}

enum status wfdb_header_read(struct wfdb_header *header, struct recording *recording, size_t *bytes)
{
    enum status status;
    char *text = NULL;
    memset(header, 0, sizeof *header);
    REQUIRE(file_exists(recording->path), STATUS_IO, "%s: no such file, or not a regular one", recording->path);
    TRY(file_read(recording->path, WFDB_HEADER_MOST_BYTES, &text, bytes));
    TRY(wfdb_header_parse(header, recording, text, *bytes));
fail:
    free(text);
    return status;
}

void wfdb_header_free(struct wfdb_header *header)
{
    free(header->segments);
    free(header->signals);
    *header = (struct wfdb_header){0};
}
