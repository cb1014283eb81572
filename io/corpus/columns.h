/* io/corpus/columns.h — a table kept as one dataset a column, so that every HDF5 tool can read and edit it.
 *
 * A table describes where its columns lie in an array of structs; writing and reading go column by column. */
#ifndef IO_CORPUS_COLUMNS_H
#define IO_CORPUS_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/corpus/hdf5_access.h"

enum column_kind {
    COLUMN_I8,
    COLUMN_I16,
    COLUMN_U8,
    COLUMN_U16,
    COLUMN_U32,
    COLUMN_U64,
    COLUMN_F32,
    COLUMN_F64,
    COLUMN_TEXT /* `count` bytes, filled up with 0; the last one is always 0 in memory */
};

struct column {
    const char *name;
    size_t offset; /* in the struct */
    enum column_kind kind;
    unsigned count;   /* elements a row; 1: the dataset is [rows], else [rows, count] */
    bool is_optional; /* came with a later version: where it is missing, fields stay as they are */
};

struct table {
    const char *group;
    const struct column *columns;
    size_t n_columns, row_bytes; /* row_bytes: size of the struct */
};

/* /records of a shard and of the index (struct corpus_record; the shard's is the immutable part), /events of the index
 * (struct corpus_event), /keys of the index (struct corpus_key; indexes of older programs have none). */
extern const struct table shard_table, record_table, event_table, key_table;

/* rows: array of `count` structs. Local. */
enum status table_write(const struct table *table, hid_t file, const char *path, const void *rows, size_t count);

/* Fills the columns of `count` structs that the caller made; other fields stay. Every column must have `count` rows. */
enum status table_read(const struct table *table, hid_t file, const char *path, uint64_t file_bytes, void *rows,
                       size_t count);

/* Rows of the table's first column. */
enum status table_length(const struct table *table, hid_t file, const char *path, uint64_t file_bytes, uint64_t *count);

/* The first column in which two rows differ, or NULL. */
const struct column *table_compare(const struct table *table, const void *a, const void *b);

#endif
