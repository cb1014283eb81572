#include "io/corpus/columns.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/corpus/corpus.h"

#define RECORD(name, field, kind, count)                                                                               \
    {                                                                                                                  \
        name, offsetof(struct corpus_record, field), kind, count, false                                                \
    }
#define LATER(name, field, kind)                                                                                       \
    {                                                                                                                  \
        name, offsetof(struct corpus_record, field), kind, 1, true                                                     \
    }
#define KEY(name, field, kind)                                                                                         \
    {                                                                                                                  \
        name, offsetof(struct corpus_key, field), kind, 1, false                                                       \
    }
#define EVENT(name, field, kind, count)                                                                                \
    {                                                                                                                  \
        name, offsetof(struct corpus_event, field), kind, count, false                                                 \
    }

/* The columns of a shard come first, in the same order in both tables. */
#define SHARD_COLUMNS                                                                                                  \
    RECORD("first_row", first_row, COLUMN_U64, 1), RECORD("seconds", seconds, COLUMN_U32, 1),                          \
        RECORD("n_leads", n_leads, COLUMN_U16, 1), RECORD("leads", lead, COLUMN_U8, MAX_SPAN_LEADS),                   \
        RECORD("quality", quality, COLUMN_U16, MAX_SPAN_LEADS), RECORD("original_hz", original_hz, COLUMN_F64, 1),     \
        RECORD("gain_per_mv", gain_per_mv, COLUMN_F32, MAX_SPAN_LEADS), RECORD("content", content, COLUMN_U64, 1)

static const struct column shard_columns[] = {SHARD_COLUMNS};

static const struct column record_columns[] = {
    SHARD_COLUMNS,
    RECORD("shard", shard, COLUMN_U32, 1),
    RECORD("row", row, COLUMN_U32, 1),
    RECORD("patient", patient, COLUMN_U8, PATIENT_HASH_BYTES),
    RECORD("group", group, COLUMN_U32, 1),
    RECORD("source", source, COLUMN_U16, 1),
    RECORD("split", split, COLUMN_I8, 1),
    RECORD("fold", fold, COLUMN_I16, 1),
    RECORD("age_years", age_years, COLUMN_F32, 1),
    RECORD("sex", sex, COLUMN_I8, 1),
    RECORD("weight", weight, COLUMN_F32, 1),
    RECORD("anomaly", anomaly, COLUMN_I8, 1),
    RECORD("first_event", first_event, COLUMN_U32, 1),
    RECORD("n_events", n_events, COLUMN_U32, 1),
    RECORD("name", name, COLUMN_TEXT, sizeof((struct corpus_record *)0)->name),
    LATER("excluded", excluded, COLUMN_U8),
    LATER("double_of", double_of, COLUMN_U32),
};

static const struct column event_columns[] = {
    EVENT("onset_s", onset_s, COLUMN_F32, 1),
    EVENT("offset_s", offset_s, COLUMN_F32, 1),
    EVENT("code", code, COLUMN_TEXT, sizeof((struct corpus_event *)0)->code),
};

static const struct column key_columns[] = {
    KEY("record", record, COLUMN_U32),
    KEY("key", key, COLUMN_U64),
};

#define COUNT(array) (sizeof(array) / sizeof *(array))
const struct table shard_table = {"records", shard_columns, COUNT(shard_columns), sizeof(struct corpus_record)};
const struct table record_table = {"records", record_columns, COUNT(record_columns), sizeof(struct corpus_record)};
const struct table event_table = {"events", event_columns, COUNT(event_columns), sizeof(struct corpus_event)};
const struct table key_table = {"keys", key_columns, COUNT(key_columns), sizeof(struct corpus_key)};

static size_t element_bytes(enum column_kind kind)
{
    static const size_t bytes[] = {1, 2, 1, 2, 4, 8, 4, 8, 1};
    return bytes[kind];
}

static size_t column_bytes(const struct column *column)
{
    return element_bytes(column->kind) * column->count;
}

/* A type of HDF5, closed by the caller: in files always little-endian, which is also what memory has. */
static hid_t column_type(const struct column *column, bool in_file)
{
    if (column->kind == COLUMN_TEXT) {
        hid_t text = H5Tcopy(H5T_C_S1);
        H5Tset_size(text, column->count);
        H5Tset_strpad(text, in_file ? H5T_STR_NULLPAD : H5T_STR_NULLTERM);
        return text;
    }
    switch (column->kind) {
    case COLUMN_I8:
        return H5Tcopy(H5T_STD_I8LE);
    case COLUMN_I16:
        return H5Tcopy(H5T_STD_I16LE);
    case COLUMN_U8:
        return H5Tcopy(H5T_STD_U8LE);
    case COLUMN_U16:
        return H5Tcopy(H5T_STD_U16LE);
    case COLUMN_U32:
        return H5Tcopy(H5T_STD_U32LE);
    case COLUMN_U64:
        return H5Tcopy(H5T_STD_U64LE);
    case COLUMN_F32:
        return H5Tcopy(H5T_IEEE_F32LE);
    default:
        return H5Tcopy(H5T_IEEE_F64LE);
    }
}

static int column_shape(const struct column *column, size_t count, hsize_t shape[2])
{
    shape[0] = count;
    shape[1] = column->count;
    return column->kind == COLUMN_TEXT || column->count == 1 ? 1 : 2;
}

enum status table_write(const struct table *table, hid_t file, const char *path, const void *rows, size_t count)
{
    enum status status;
    hid_t group = -1, stored = -1, memory = -1;
    char *values = NULL;
    TRY(hdf5_create_group(&group, file, table->group, path));
    for (size_t c = 0; c < table->n_columns; c++) {
        const struct column *column = &table->columns[c];
        size_t bytes = column_bytes(column);
        hsize_t shape[2];
        int rank = column_shape(column, count, shape);
        values = xcalloc(count + 1, bytes);
        for (size_t i = 0; i < count; i++) {
            const char *field = (const char *)rows + i * table->row_bytes + column->offset;
            /* Of a text only what counts is stored: bytes behind its end would make equal tables differ. */
            memcpy(values + i * bytes, field, column->kind == COLUMN_TEXT ? strnlen(field, bytes - 1) : bytes);
        }
        stored = column_type(column, true);
        memory = column_type(column, false);
        TRY(hdf5_write_array(group, column->name, path, stored, memory, rank, shape, values));
        hdf5_close(memory);
        hdf5_close(stored);
        memory = stored = -1;
        free(values);
        values = NULL;
    }
    status = STATUS_OK;
fail:
    free(values);
    hdf5_close(memory);
    hdf5_close(stored);
    hdf5_close(group);
    return status;
}

enum status table_read(const struct table *table, hid_t file, const char *path, uint64_t file_bytes, void *rows,
                       size_t count)
{
    enum status status;
    hid_t group = -1, memory = -1;
    char *values = NULL;
    TRY_H5(group = H5Gopen2(file, table->group, H5P_DEFAULT), STATUS_DAMAGED, "%s: group %s is missing", path,
           table->group);
    for (size_t c = 0; c < table->n_columns; c++) {
        const struct column *column = &table->columns[c];
        size_t bytes = column_bytes(column);
        hsize_t shape[2];
        int rank = column_shape(column, count, shape);
        if (column->is_optional && H5Lexists(group, column->name, H5P_DEFAULT) == 0)
            continue;
        values = xcalloc(count + 1, bytes);
        memory = column_type(column, false);
        TRY(hdf5_read_array(group, column->name, path, memory, rank, shape, file_bytes, H5P_DEFAULT, values));
        for (size_t i = 0; i < count; i++) {
            char *field = (char *)rows + i * table->row_bytes + column->offset;
            memcpy(field, values + i * bytes, bytes);
            if (column->kind == COLUMN_TEXT) {
                field[bytes - 1] = '\0';
                make_printable(field);
            }
        }
        hdf5_close(memory);
        memory = -1;
        free(values);
        values = NULL;
    }
    status = STATUS_OK;
fail:
    free(values);
    hdf5_close(memory);
    hdf5_close(group);
    return status;
}

enum status table_length(const struct table *table, hid_t file, const char *path, uint64_t file_bytes, uint64_t *count)
{
    enum status status;
    hid_t group = -1;
    TRY_H5(group = H5Gopen2(file, table->group, H5P_DEFAULT), STATUS_DAMAGED, "%s: group %s is missing", path,
           table->group);
    status = hdf5_length(group, table->columns[0].name, path, file_bytes, count);
fail:
    hdf5_close(group);
    return status;
}

const struct column *table_compare(const struct table *table, const void *a, const void *b)
{
    for (size_t c = 0; c < table->n_columns; c++) {
        const struct column *column = &table->columns[c];
        if (memcmp((const char *)a + column->offset, (const char *)b + column->offset, column_bytes(column)) != 0)
            return column;
    }
    return NULL;
}
