/* HDF5 arrays that a description explains: [leads, samples], [samples, leads], or [records, …] of these. Only the main
 * thread may open them: HDF5 is not thread-safe. */
#include <hdf5.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/hdf5_file.h"
#include "io/recording/hdf5_names.h"
#include "io/recording/raw_files.h"
#include "io/recording/sample_array.h"

enum { MOST_RECORDS = 1 << 24 };

/* ---- names of the records in it ------------------------------------------------------------------------------------
 */

/* Names go into paths: anything but letters, digits, - _ . would lead elsewhere. */
static bool is_plain_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] == '\0';
}

/* Reads array->names, if they are not there yet. */
static enum status list_names(struct hdf5_file *array)
{
    enum status status;
    size_t n = (size_t)array->n_records;
    hid_t dataset = -1, space = -1, type = -1;
    const char *from = array->names_dataset;
    char(*names)[RECORD_NAME_BYTES] = NULL;
    if (array->names)
        return STATUS_OK;
    REQUIRE(array->n_records <= MOST_RECORDS, STATUS_DATA, "%s: %s: %" PRIu64 " records are too many for one file",
            array->path, array->name, (uint64_t)array->n_records);
    names = xcalloc(n, sizeof *names);
    for (size_t i = 0; i < n && !from; i++)
        snprintf(names[i], RECORD_NAME_BYTES, "%zu", i);
    if (!from) {
        array->names = names;
        return STATUS_OK;
    }
    dataset = H5Dopen2(array->file, from, H5P_DEFAULT);
    REQUIRE(dataset >= 0, STATUS_DATA, "%s: has no dataset '%s'; correct 'names:' in the description", array->path,
            from);
    REQUIRE(hdf5_lies_in_file(array->file, dataset), STATUS_DATA, "%s: %s: lies in another file; give that file",
            array->path, from);
    space = H5Dget_space(dataset);
    type = H5Dget_type(dataset);
    REQUIRE(H5Sget_simple_extent_npoints(space) == (hssize_t)n, STATUS_DATA,
            "%s: %s has %lld names for %zu records of %s", array->path, from,
            (long long)H5Sget_simple_extent_npoints(space), n, array->name);
    REQUIRE(H5Tget_size(type) > 0, STATUS_DATA, "%s: %s: is damaged", array->path, from);
    TRY(hdf5_check_storage(array, dataset, from, n, H5Tget_size(type)));
    TRY(hdf5_read_names(array->path, dataset, type, n, names));
    for (size_t i = 0; i < n; i++)
        REQUIRE(is_plain_name(names[i]), STATUS_DATA,
                "%s: %s: the name of record %zu (not shown) is none: only letters, digits, - _ . are allowed, and no . "
                "in front",
                array->path, from, i);
    array->names = names;
    names = NULL;
    status = STATUS_OK;
fail:
    free(names);
    if (type >= 0)
        H5Tclose(type);
    if (space >= 0)
        H5Sclose(space);
    if (dataset >= 0)
        H5Dclose(dataset);
    return status;
}

static enum status hdf5_list(const char *path, const struct recording_description *description,
                             recording_name_listener *listener, void *context)
{
    enum status status;
    struct hdf5_file *array;
    status = hdf5_file_open(&array, path, description, NULL);
    if (status != STATUS_OK)
        return status;
    if (array->n_dims == 3) {
        TRY(list_names(array));
        for (size_t i = 0; i < (size_t)array->n_records; i++)
            listener(context, array->names[i]);
    }
fail:
    hdf5_file_leave(array);
    return status;
}

/* Names, then numbers: of equal names the first recording has it. */
static int compare_names(const void *a, const void *b, void *context)
{
    const struct hdf5_file *array = context;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int by_name = strcmp(array->names[x], array->names[y]);
    return by_name ? by_name : (x > y) - (x < y);
}

/* The first recording of that name; n_records: there is none. */
static hsize_t find_named(struct hdf5_file *array, const char *inner)
{
    size_t n = (size_t)array->n_records, low = 0, high = n;
    if (!array->by_name) {
        array->by_name = NEW_ARRAY(uint32_t, n);
        for (size_t i = 0; i < n; i++)
            array->by_name[i] = (uint32_t)i;
        qsort_r(array->by_name, n, sizeof *array->by_name, compare_names, array);
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(array->names[array->by_name[middle]], inner) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && strcmp(array->names[array->by_name[low]], inner) == 0 ? array->by_name[low] : array->n_records;
}

/* ---- one record ----------------------------------------------------------------------------------------------------
 */

/* Records without names are numbered from 0. */
static bool find_numbered(const struct hdf5_file *array, const char *inner, hsize_t *index)
{
    char text[RECORD_NAME_BYTES];
    int64_t number;
    if (!parse_int(inner, 0, (int64_t)array->n_records - 1, &number))
        return false;
    snprintf(text, sizeof text, "%" PRId64, number);
    *index = (hsize_t)number;
    return strcmp(text, inner) == 0; /* one name only: neither 007 nor +7 */
}

/* Which record of the array the path names. */
static enum status find_record(struct hdf5_file *array, const char *inner, hsize_t *index)
{
    enum status status;
    *index = 0;
    if (array->n_dims == 3 && array->names_dataset)
        TRY(list_names(array)); /* names that are wrong are why a search could not name the recordings */
    REQUIRE(array->n_dims < 3 || *inner, STATUS_DATA,
            "%s: holds %" PRIu64 " recordings; name one as %s/NAME, or give the file to have all", array->path,
            (uint64_t)array->n_records, array->path);
    REQUIRE(array->n_dims == 3 || !*inner, STATUS_DATA, "%s: holds one recording; name the file", array->path);
    if (array->n_dims < 3)
        return STATUS_OK;
    if (array->names_dataset) {
        *index = find_named(array, inner);
        REQUIRE(*index < array->n_records, STATUS_DATA, "%s: has no record '%s'", array->path, inner);
    } else {
        REQUIRE(find_numbered(array, inner, index), STATUS_DATA, "%s: has no record '%s'", array->path, inner);
    }
    return STATUS_OK;
fail:
    return status;
}

/* Recordings [first, first + count), in the order of the file. */
static bool read_recordings(const struct hdf5_file *array, hsize_t first, hsize_t count, double *target)
{
    hsize_t from[3] = {0}, counts[3] = {1, 1, 1}, values = 1;
    for (int i = 0; i < array->n_dims; i++) {
        bool is_record = array->n_dims == 3 && i == array->record_axis;
        from[i] = is_record ? first : 0;
        counts[i] = is_record ? count : array->dims[i];
        values *= counts[i];
    }
    hid_t space = H5Dget_space(array->dataset), memory = H5Screate_simple(1, &values, NULL);
    bool is_read = H5Sselect_hyperslab(space, H5S_SELECT_SET, from, NULL, counts, NULL) >= 0 &&
                   H5Dread(array->dataset, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, target) >= 0;
    H5Sclose(memory);
    H5Sclose(space);
    return is_read;
}

/* Puts the block of the recording into memory, if it is not there; false if it cannot be read, and then no recording of
 * it can: they lie in the same chunks. */
static bool hold_block(struct hdf5_file *array, hsize_t index, size_t values)
{
    hsize_t group = index / array->together * array->together;
    hsize_t first = index - (index - group) % array->records_a_block, count = array->records_a_block;
    hsize_t end = group + array->together < array->n_records ? group + array->together : array->n_records;
    if (array->block_count > 0 && array->block_first == first)
        return !array->block_fails;
    if (!array->block)
        array->block = NEW_ARRAY(double, checked_multiply(values, (size_t)array->records_a_block));
    array->block_first = first;
    array->block_count = count < end - first ? count : end - first;
    array->block_fails = !read_recordings(array, first, array->block_count, array->block);
    return !array->block_fails;
}

/* One recording out of the block. */
static void take_from_block(const struct hdf5_file *array, hsize_t index, double *target, size_t values)
{
    size_t place = (size_t)(index - array->block_first), stride = (size_t)array->block_count;
    if (array->record_axis == 0)
        memcpy(target, array->block + place * values, values * sizeof *target);
    else
        for (size_t i = 0; i < values; i++)
            target[i] = array->block[i * stride + place];
}

static enum status read_table(struct hdf5_file *array, hsize_t index, struct number_table *table)
{
    enum status status;
    int begin = array->n_dims == 3 && array->record_axis == 0; /* the first dimension of a recording */
    uint64_t rows = array->dims[begin], columns = array->n_dims == 1 ? 1 : array->dims[begin + 1];
    REQUIRE(rows <= MOST_ARRAY_VALUES && columns <= MOST_ARRAY_VALUES / rows, STATUS_DATA,
            "%s: %s: %" PRIu64 " x %" PRIu64 " numbers are too many for one array; divide it, or write it as WFDB",
            array->path, array->name, rows, columns);
    *table = (struct number_table){.rows = (size_t)rows, .columns = (size_t)columns};
    size_t values = table->rows * table->columns;
    table->values = NEW_ARRAY(double, values);
    bool in_block = array->is_kept && array->records_a_block > 1;
    REQUIRE(in_block ? hold_block(array, index, values) : read_recordings(array, index, 1, table->values), STATUS_DATA,
            "%s: %s: cannot be read: cut off, damaged, or packed by a filter unknown here", array->path, array->name);
    if (in_block)
        take_from_block(array, index, table->values, values);
    return STATUS_OK;
fail:
    return status;
}

static enum status hdf5_open(struct recording *recording)
{
    enum status status;
    struct hdf5_file *array;
    struct number_table table = {0};
    const struct recording_source *source = recording->source;
    char *what = NULL;
    hsize_t index;
    status = hdf5_file_open(&array, source->file, source->description, source->keeper);
    if (status != STATUS_OK)
        return status;
    TRY(find_record(array, source->inner, &index));
    TRY(read_table(array, index, &table));
    what = format_text("%s: %s%s", recording->path, array->name,
                       array->n_dims < 3        ? ""
                       : array->record_axis > 0 ? ", of whose three dimensions the last counts recordings"
                                                : ", of whose three dimensions the first counts recordings (else say "
                                                  "records_last: true)");
    recording->format = "HDF5";
    TRY(array_to_recording(recording, &table, source->description, what));
fail:
    free(what);
    free(table.values);
    hdf5_file_leave(array);
    return status;
}

static bool hdf5_is_known_by(const struct file_head *head)
{
    return head->count >= 8 && memcmp(head->bytes, "\x89HDF\r\n\x1a\n", 8) == 0;
}

const struct recording_type hdf5_recording = {
    .name = "HDF5",
    .endings = (const char *const[]){".h5", ".hdf5", ".hdf", NULL},
    .is_known_by = hdf5_is_known_by,
    .is_array = true,
    .list = hdf5_list,
    .open = hdf5_open,
    .read = sample_array_read,
    .close = sample_array_close,
};
