#include "base/csv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

/* Reads one cell at *cursor, ends it with 0 and returns it; NULL if its quote is never closed. *is_last tells whether
 * the row ends behind it; *line counts the line breaks passed. */
static char *take_cell(char **cursor, size_t *line, bool *is_last)
{
    char *read = *cursor, *cell = read, *write = read;
    bool quoted = *read == '"';
    if (quoted)
        read++;
    while (*read) {
        if (quoted && *read == '"') {
            if (read[1] != '"') {
                quoted = false;
                read++;
                continue;
            }
            read++;
        } else if (!quoted && (*read == ',' || *read == '\n')) {
            break;
        }
        *line += *read == '\n';
        *write++ = *read++;
    }
    if (quoted)
        return NULL;
    *line += *read == '\n';
    *is_last = *read != ',';
    *cursor = *read ? read + 1 : read;
    if (write > cell && write[-1] == '\r' && *is_last)
        write--;
    *write = '\0';
    return cell;
}

/* Cuts csv->text into cells. */
static enum status cut_cells(struct csv *csv, const char *path)
{
    enum status status;
    size_t n_cells = 0, capacity = 0, line = 1;
    char *cursor = csv->text;
    if (has_prefix(cursor, "\xEF\xBB\xBF")) /* byte order mark that spreadsheets write */
        cursor += 3;
    while (*cursor) {
        size_t in_row = 0, first_line = line;
        bool is_last = false;
        while (!is_last) {
            GROW_ARRAY(csv->cells, capacity, n_cells + 1);
            char *cell = take_cell(&cursor, &line, &is_last);
            REQUIRE(cell, STATUS_DATA, "%s: line %zu: a quote is opened and never closed", path, first_line);
            csv->cells[n_cells++] = cell;
            in_row++;
        }
        if (in_row == 1 && csv->cells[n_cells - 1][0] == '\0') { /* an empty line */
            n_cells--;
            continue;
        }
        if (csv->columns == 0)
            csv->columns = in_row;
        REQUIRE(in_row == csv->columns, STATUS_DATA, "%s: line %zu has %zu cells, the heading has %zu", path,
                first_line, in_row, csv->columns);
        csv->rows++;
    }
    REQUIRE(csv->rows > 0, STATUS_DATA, "%s: is empty; a heading line is needed", path);
    return STATUS_OK;
fail:
    return status;
}

enum status csv_read(struct csv *csv, const char *path)
{
    enum status status;
    size_t bytes;
    *csv = (struct csv){0};
    TRY(file_read(path, (size_t)1 << 30, &csv->text, &bytes));
    REQUIRE(strlen(csv->text) == bytes, STATUS_DATA, "%s: has zero bytes and so is no CSV table", path);
    TRY(cut_cells(csv, path));
    return STATUS_OK;
fail:
    csv_free(csv);
    return status;
}

enum status csv_parse(struct csv *csv, const char *text, const char *what)
{
    *csv = (struct csv){.text = duplicate_text(text)};
    enum status status = cut_cells(csv, what);
    if (status != STATUS_OK)
        csv_free(csv);
    return status;
}

void csv_free(struct csv *csv)
{
    free(csv->text);
    free(csv->cells);
    *csv = (struct csv){0};
}

long csv_column(const struct csv *csv, const char *heading)
{
    for (size_t i = 0; i < csv->columns; i++)
        if (strcasecmp(csv->cells[i], heading) == 0)
            return (long)i;
    return -1;
}

const char *csv_cell(const struct csv *csv, size_t row, size_t column)
{
    return csv->cells[row * csv->columns + column];
}
