/* Text tables of numbers that a description explains: a line a sample, or a line a lead. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/recording/raw_files.h"
#include "io/recording/sample_array.h"
#include "io/recording/unit.h"

#define MOST_CSV_BYTES ((size_t)1 << 32)

struct csv_reader {
    const char *path;
    const char *separators; /* of next_field(); NULL: blanks, any number of them */
    bool decimal_comma;
    struct number_table *table;
    size_t capacity, line; /* line: number of the one under way */
};

static const char *find_separators(const struct recording_description *description, const char *line)
{
    static const char *const all[] = {";", "\t", ",", "|"};
    const char *said = description->delimiter;
    if (said)
        return strcmp(said, "tab") == 0 ? "\t" : strcmp(said, "blank") == 0 ? NULL : said;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strpbrk(line, all[i]) && !(description->decimal_comma && *all[i] == ','))
            return all[i];
    return NULL;
}

/* The next cell without blanks and quotes around it; NULL at the end of the line. */
static char *next_cell(const struct csv_reader *reader, char **rest)
{
    if (!reader->separators && *rest)
        *rest += strspn(*rest, " \t");
    char *cell = reader->separators ? next_field(rest, reader->separators)
                 : *rest && **rest  ? next_field(rest, " \t")
                                    : NULL;
    if (!cell)
        return NULL;
    cell = trim(cell);
    size_t length = strlen(cell);
    if (length >= 2 && cell[0] == '"' && cell[length - 1] == '"') {
        cell[length - 1] = '\0';
        cell++;
    }
    return cell;
}

/* An empty cell, nan, NA and inf are missing samples. */
static bool read_number(const struct csv_reader *reader, const char *cell, double *value)
{
    static const char *const missing[] = {"", "nan", "na", "null", "inf", "-inf", "+inf"};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        if (strcasecmp(cell, missing[i]) == 0) {
            *value = NAN;
            return true;
        }
    const char *comma = reader->decimal_comma ? strchr(cell, ',') : NULL;
    char number[32];
    if (!comma)
        return parse_double(cell, value);
    if (!copy_text(number, sizeof number, cell))
        return false;
    number[comma - cell] = '.';
    return parse_double(number, value);
}

/* "0,5" where the comma is not between cells. */
static const char *comma_help(const struct csv_reader *reader, const char *cell)
{
    bool is_comma_free = !reader->separators || *reader->separators != ',';
    return is_comma_free && !reader->decimal_comma && strchr(cell, ',') ? "; decimal_comma: true, if 0,5 is a half"
                                                                        : "";
}

/* What a message may show of a cell: nothing but what looks like a number, for it may be the name of a person. */
static const char *shown_cell(const char *cell, char text[19])
{
    size_t length = strlen(cell);
    if (length > 16 || cell[strspn(cell, "0123456789+-,eE")] != '\0')
        return "its text (not shown)";
    snprintf(text, 19, "'%s'", cell);
    return text;
}

static enum status read_row(struct csv_reader *reader, char *line)
{
    enum status status;
    struct number_table *table = reader->table;
    size_t column = 0;
    char *rest = line;
    for (char *cell; (cell = next_cell(reader, &rest)); column++) {
        double value;
        char shown[19];
        REQUIRE(read_number(reader, cell, &value), STATUS_DATA,
                "%s: line %zu, column %zu: %s is no number; correct it, or say in the description how many "
                "header_lines there are and which delimiter%s",
                reader->path, reader->line, column + 1, shown_cell(cell, shown), comma_help(reader, cell));
        size_t at = table->rows * table->columns + column;
        REQUIRE(at < MOST_ARRAY_VALUES, STATUS_DATA, "%s: holds more numbers than fit into an array; divide it",
                reader->path);
        GROW_ARRAY(table->values, reader->capacity, at + 1);
        table->values[at] = value;
    }
    if (table->rows == 0)
        table->columns = column;
    REQUIRE(column == table->columns, STATUS_DATA,
            "%s: line %zu has %zu numbers, the lines before have %zu; the file is cut off or the delimiter is wrong",
            reader->path, reader->line, column, table->columns);
    table->rows++;
    return STATUS_OK;
fail:
    return status;
}

/* "V1 [mV]" or "V1 (mV)" to "V1"; the unit must be that of the description. */
static enum status cut_unit(const struct csv_reader *reader, char *cell,
                            const struct recording_description *description)
{
    enum status status;
    char *open = strpbrk(cell, "[(");
    size_t length = strlen(cell);
    if (!open || open == cell || length == 0 || cell[length - 1] != (*open == '[' ? ']' : ')'))
        return STATUS_OK;
    cell[length - 1] = '\0';
    double said = unit_per_mv(trim(open + 1));
    REQUIRE(said == 0 || !description->unit || said == unit_per_mv(description->unit), STATUS_DATA,
            "%s: line %zu: the heading says unit '%s', the description '%s'; correct one of them", reader->path,
            reader->line, make_printable(trim(open + 1)), description->unit);
    *open = '\0';
    trim(cell);
    return STATUS_OK;
fail:
    return status;
}

/* The leads that a heading names; freed by the caller, names lie in the line. */
static enum status read_heading(struct csv_reader *reader, char *line, struct recording_description *description)
{
    enum status status;
    char *rest = line;
    description->leads = NEW_ARRAY(char *, DESCRIPTION_MOST_LEADS);
    for (char *cell; (cell = next_cell(reader, &rest));) {
        REQUIRE(description->n_leads < DESCRIPTION_MOST_LEADS, STATUS_DATA, "%s: line %zu names more than %d columns",
                reader->path, reader->line, DESCRIPTION_MOST_LEADS);
        TRY(cut_unit(reader, cell, description));
        description->leads[description->n_leads++] = cell;
    }
    description->leads_in = LEADS_IN_COLUMNS;
    return STATUS_OK;
fail:
    return status;
}

/* Reads the text (changed by that). If the description has no leads, they are those of the last heading line, and
 * description->leads is freed by the caller. */
static enum status read_text(struct csv_reader *reader, char *text, struct recording_description *description)
{
    enum status status;
    bool named_by_heading = description->n_leads == 0;
    char *rest = text, *line;
    while ((line = next_field(&rest, "\n"))) {
        bool is_heading = ++reader->line <= description->header_lines;
        const char *separators = reader->table->rows == 0 ? find_separators(description, line) : reader->separators;
        bool is_tab = separators && strcmp(separators, "\t") == 0;
        for (size_t length = strlen(line); length > 0 && line[length - 1] == '\r';)
            line[--length] = '\0';
        line += strspn(line, is_tab ? " " : " \t"); /* between tabs there may be nothing, also at both ends */
        if (!is_heading && (*line == '\0' || *line == '#'))
            continue;
        if (reader->line == description->header_lines && named_by_heading) {
            reader->separators = separators;
            TRY(read_heading(reader, line, description));
        }
        if (is_heading)
            continue;
        reader->separators = separators;
        TRY(read_row(reader, line));
    }
    REQUIRE(reader->table->rows > 0, STATUS_DATA, "%s: holds no numbers; leave it out", reader->path);
    status = STATUS_OK;
fail:
    return status;
}

/* Text is UTF-8, perhaps with its mark in front; *text is moved behind that. */
static enum status check_text(const struct recording *recording, char **text, size_t bytes)
{
    enum status status;
    REQUIRE(bytes < 2 || (memcmp(*text, "\xff\xfe", 2) != 0 && memcmp(*text, "\xfe\xff", 2) != 0), STATUS_DATA,
            "%s: is UTF-16 text; save it as UTF-8", recording->path);
    REQUIRE(strlen(*text) == bytes, STATUS_DATA, "%s: byte %zu is zero: this is no text file", recording->path,
            strlen(*text));
    if (has_prefix(*text, "\xef\xbb\xbf"))
        *text += 3;
    return STATUS_OK;
fail:
    return status;
}

static enum status csv_open(struct recording *recording)
{
    enum status status;
    struct number_table table = {0};
    struct csv_reader reader = {.path = recording->path, .table = &table};
    struct recording_description description = {0};
    char *text = NULL, *start;
    size_t bytes;
    REQUIRE(recording->source->description, STATUS_DATA, "%s: no description: %s", recording->path, description_help);
    description = *recording->source->description;
    TRY(file_read(recording->path, MOST_CSV_BYTES, &text, &bytes));
    start = text;
    TRY(check_text(recording, &start, bytes));
    reader.decimal_comma = description.decimal_comma;
    TRY(read_text(&reader, start, &description));
    recording->format = "CSV";
    TRY(array_to_recording(recording, &table, &description, recording->path));
fail:
    if (recording->source->description && description.leads != recording->source->description->leads)
        free(description.leads);
    free(table.values);
    free(text);
    return status;
}

const struct recording_type csv_recording = {
    .name = "CSV",
    .endings = (const char *const[]){".csv", ".tsv", ".txt", NULL},
    .is_ending_vague = true,
    .is_array = true,
    .open = csv_open,
    .read = sample_array_read,
    .close = sample_array_close,
};
