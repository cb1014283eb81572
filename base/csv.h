/* base/csv.h — comma-separated tables with a heading line (RFC 4180: quotes, doubled quotes, line breaks in quotes). */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include <stddef.h>

#include "base/status.h"

struct csv {
    char *text;           /* the file, cut into cells */
    char **cells;         /* [rows][columns], the heading is row 0; empty cells are "" */
    size_t rows, columns; /* rows count the heading */
};

/* Reads the whole file. A row with another number of cells than the heading is an error that names its line. */
enum status csv_read(struct csv *csv, const char *path);
/* The same for a text that is already in memory; what: its name, for messages. */
enum status csv_parse(struct csv *csv, const char *text, const char *what);
void csv_free(struct csv *csv);

/* The number of the column with this heading (case ignored), or -1. */
long csv_column(const struct csv *csv, const char *heading);

const char *csv_cell(const struct csv *csv, size_t row, size_t column);

#endif
