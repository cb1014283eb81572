/* The grammar of WFDB headers (header(5)). Lines may end in CR LF; blank lines and comments may stand anywhere. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/recording/wfdb.h"

#define DEFAULT_HZ 250.0                /* of header(5) */
#define MOST_SAMPLES ((int64_t)1 << 48) /* keeps samples * signals * bytes far from overflow */
#define MOST_ADC ((int64_t)1 << 31)

enum { SHOWN = 60 }; /* characters of a bad value that are shown */

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
    char *slash = strchr(name, '/');
    if (slash) {
        *slash = '\0';
        REQUIRE(parse_int(slash + 1, 1, INT32_MAX, &header->segments), STATUS_DATA,
                "%s: record line: number of segments '%.*s': must be a whole number; correct the header",
                recording->path, SHOWN, make_printable(slash + 1));
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

static enum status parse_rate(struct recording *recording, char *word)
{
    enum status status;
    word[strcspn(word, "/")] = '\0'; /* the counter frequency has nothing to do with samples */
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
    REQUIRE(parse_int(word, 0, MOST_SAMPLES, &number), STATUS_DATA,
            "%s: record line: number of samples '%.*s': must be a whole number, at most 2^48; correct the header",
            recording->path, SHOWN, make_printable(word));
    header->samples = (uint64_t)number;
    return STATUS_OK; /* time and date stay behind: nobody needs them and they may identify */
fail:
    return status;
}

/* ---- signal lines ---- */

/* format[xsamples per frame][:skew][+offset] */
static bool parse_format(struct wfdb_signal *signal, const char *word)
{
    int64_t number;
    if (!take_digits(&word, INT32_MAX, &number))
        return false;
    signal->format = (int)number;
    signal->samples_per_frame = 1;
    if (*word == 'x' && (word++, !take_digits(&word, INT32_MAX, &signal->samples_per_frame)))
        return false;
    if (*word == ':' && (word++, !take_digits(&word, INT32_MAX, &signal->skew)))
        return false;
    number = 0;
    if (*word == '+' && (word++, !take_digits(&word, MOST_SAMPLES, &number)))
        return false;
    signal->offset = (uint64_t)number;
    return *word == '\0';
}

/* gain[(baseline)][/unit]; a gain that is not finite is none. */
static bool parse_gain(struct wfdb_signal *signal, char *word, bool *baseline_given)
{
    int64_t baseline;
    char *unit = strchr(word, '/'), *open = strchr(word, '(');
    if (unit)
        *unit++ = '\0';
    *baseline_given = open && (!unit || open < unit);
    if (*baseline_given) {
        char *close = strchr(open, ')');
        if (!close || close[1] != '\0')
            return false;
        *open = *close = '\0';
        if (!parse_int(open + 1, -MOST_ADC, MOST_ADC, &baseline))
            return false;
        signal->baseline = (double)baseline;
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
        if (!parse_int(word, -2 * MOST_ADC, 2 * MOST_ADC, &number[n]))
            break;
        rest += length;
    }
    if (!baseline_given)
        signal->baseline = (double)number[ZERO];
    /* the initial value defaults to the ADC zero, so one that is not given means nothing */
    signal->initial_given = n > INITIAL;
    signal->initial = number[INITIAL];
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

/* ---- the whole header ---- */

enum status wfdb_header_parse(struct wfdb_header *header, struct recording *recording, char *text, size_t bytes)
{
    enum status status;
    bool has_record_line = false;
    size_t n_lines = 0;
    memset(header, 0, sizeof *header);
    REQUIRE(bytes > 0, STATUS_DATA, "%s: header is empty; leave the record out or restore the file", recording->path);
    REQUIRE(strlen(text) == bytes, STATUS_DATA, "%s: header is no text (a 0 byte at place %zu); is this a WFDB header?",
            recording->path, strlen(text));
    for (char *line; (line = next_field(&text, "\n"));) {
        line = trim(line);
        if (line[0] == '#')
            TRY(wfdb_comment_parse(recording, line + 1));
        else if (line[0] == '\0')
            continue;
        else if (!has_record_line) {
            TRY(parse_record_line(header, recording, line));
            has_record_line = true;
        } else if (header->segments == 0 && n_lines < header->n_signals) {
            n_lines++;
            TRY(parse_signal_line(&header->signals[n_lines - 1], recording, n_lines, line));
        } else
            header->extra_lines++;
    }
    REQUIRE(has_record_line, STATUS_DATA, "%s: header has no record line; leave the record out or restore the file",
            recording->path);
    REQUIRE(header->segments > 0 || n_lines == header->n_signals, STATUS_DATA,
            "%s: header announces %zu signals, has %zu signal lines; restore the header", recording->path,
            header->n_signals, n_lines);
    return STATUS_OK;
fail:
    return status;
}
