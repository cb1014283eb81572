/* HDF5 arrays that a description explains: [leads, samples], [samples, leads], or [records, …] of these. Only the main
 * thread may open them: HDF5 is not thread-safe. */
#include <hdf5.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/recording/hdf5_mapped.h"
#include "io/recording/hdf5_names.h"
#include "io/recording/raw_files.h"
#include "io/recording/sample_array.h"

enum { MOST_RECORDS = 1 << 24, MOST_DEFLATE = 1100 };

struct array_file {
    const char *path;
    hid_t file, dataset;
    char *name; /* of the dataset */
    hsize_t dims[3];
    int n_dims;
    int record_axis; /* of three dimensions, the one that counts recordings: 0 or 2 */
    hsize_t n_records;
};

static void close_array(struct array_file *array)
{
    if (array->dataset >= 0)
        H5Dclose(array->dataset);
    if (array->file >= 0)
        H5Fclose(array->file);
    free(array->name);
}

/* ---- the dataset ---------------------------------------------------------------------------------------------------
 */

struct only_dataset {
    char *found, *other;
};

static herr_t see_object(hid_t group, const char *name, const H5O_info_t *about, void *context)
{
    struct only_dataset *only = context;
    if (about->type != H5O_TYPE_DATASET)
        return 0;
    hid_t dataset = H5Dopen2(group, name, H5P_DEFAULT);
    if (dataset < 0)
        return 0;
    hid_t space = H5Dget_space(dataset);
    if (H5Sget_simple_extent_ndims(space) >= 2) {
        if (only->found)
            only->other = duplicate_text(name);
        else
            only->found = duplicate_text(name);
    }
    H5Sclose(space);
    H5Dclose(dataset);
    return only->other ? 1 : 0;
}

static enum status find_only_dataset(struct array_file *array)
{
    enum status status = STATUS_OK;
    struct only_dataset only = {0};
    H5Ovisit2(array->file, H5_INDEX_NAME, H5_ITER_INC, see_object, &only, H5O_INFO_BASIC);
    if (!only.found)
        status = status_set(STATUS_DATA, "%s: holds no array of two or three dimensions; leave it out", array->path);
    else if (only.other)
        status = status_set(
            STATUS_DATA,
            "%s: holds several arrays ('%.60s', '%.60s'); say which with 'variable:' in the description; if each is a "
            "recording, write them as one array [records, ...] or a file each",
            array->path, make_printable(only.found), make_printable(only.other));
    if (status == STATUS_OK)
        array->name = only.found;
    else
        free(only.found);
    free(only.other);
    return status;
}

/* Samples must lie in this file: a file from outside could name others of this machine. */
static bool lies_in_file(hid_t file, hid_t dataset)
{
    H5O_info_t of_root, of_dataset;
    hid_t list = H5Dget_create_plist(dataset);
    bool is_plain = list >= 0 && H5Pget_external_count(list) == 0 && H5Pget_layout(list) != H5D_VIRTUAL;
    if (list >= 0)
        H5Pclose(list);
    return is_plain && H5Oget_info2(file, &of_root, H5O_INFO_BASIC) >= 0 &&
           H5Oget_info2(dataset, &of_dataset, H5O_INFO_BASIC) >= 0 && of_root.fileno == of_dataset.fileno;
}

/* What HDF5 will take memory for, or read without asking: a chunk must be what the file can hold when it is undone,
 * numbers that lie in one piece must lie in the file. */
static enum status check_storage(const struct array_file *array, hid_t dataset, const char *name, uint64_t values,
                                 size_t number_bytes)
{
    enum status status;
    hsize_t chunk[H5S_MAX_RANK];
    uint64_t file_bytes, stored = H5Dget_storage_size(dataset), offset = 0;
    hid_t list = H5Dget_create_plist(dataset);
    H5D_layout_t layout = H5Pget_layout(list);
    int n_dims = layout == H5D_CHUNKED ? H5Pget_chunk(list, H5S_MAX_RANK, chunk) : 0;
    H5Pclose(list);
    TRY(file_size(array->path, &file_bytes));
    uint64_t room = file_bytes * MOST_DEFLATE / number_bytes;
    for (int i = 0; i < n_dims; i++) {
        REQUIRE(chunk[i] > 0 && chunk[i] <= room, STATUS_DATA,
                "%s: %s: has chunks larger than the file can hold; leave it out", array->path, name);
        room /= chunk[i];
    }
    if (layout == H5D_CONTIGUOUS)
        offset = H5Dget_offset(dataset);
    REQUIRE(layout == H5D_CHUNKED ||
                (offset <= file_bytes && stored <= file_bytes - offset && values <= stored / number_bytes),
            STATUS_DATA, "%s: %s: has %" PRIu64 " numbers, of which the file holds %" PRIu64 " bytes", array->path,
            name, values, stored);
    return STATUS_OK;
fail:
    return status;
}

static enum status check_array(struct array_file *array)
{
    enum status status;
    REQUIRE(lies_in_file(array->file, array->dataset), STATUS_DATA, "%s: %s: lies in another file; give that file",
            array->path, array->name);
    hid_t type = H5Dget_type(array->dataset), space = H5Dget_space(array->dataset);
    H5T_class_t class = H5Tget_class(type);
    size_t number_bytes = H5Tget_size(type);
    array->n_dims = H5Sget_simple_extent_ndims(space);
    if (array->n_dims >= 1 && array->n_dims <= 3)
        H5Sget_simple_extent_dims(space, array->dims, NULL);
    H5Tclose(type);
    H5Sclose(space);
    REQUIRE((class == H5T_INTEGER || class == H5T_FLOAT) && number_bytes > 0, STATUS_DATA,
            "%s: %s: is no array of numbers", array->path, array->name);
    REQUIRE(array->n_dims >= 1 && array->n_dims <= 3, STATUS_DATA, "%s: %s: has %d dimensions; 1 to 3 can be read",
            array->path, array->name, array->n_dims);
    uint64_t values = 1, stored = H5Dget_storage_size(array->dataset);
    for (int i = 0; i < array->n_dims; i++) {
        REQUIRE(array->dims[i] > 0 && array->dims[i] <= ((uint64_t)1 << 40) / values, STATUS_DATA,
                "%s: %s: dimension %d is %" PRIu64 ": empty, or more than can be", array->path, array->name, i,
                (uint64_t)array->dims[i]);
        values *= array->dims[i];
    }
    REQUIRE(values / MOST_DEFLATE <= stored, STATUS_DATA,
            "%s: %s: has %" PRIu64 " numbers, of which the file holds %" PRIu64 " bytes", array->path, array->name,
            values, stored);
    array->n_records = array->dims[array->record_axis];
    REQUIRE(array->n_dims < 3 || array->n_records <= stored, STATUS_DATA,
            "%s: %s: has %" PRIu64 " records, of which the file holds %" PRIu64 " bytes", array->path, array->name,
            (uint64_t)array->n_records, stored);
    TRY(check_storage(array, array->dataset, array->name, values, number_bytes));
    return STATUS_OK;
fail:
    return status;
}

static enum status open_array(struct array_file *array, const char *path,
                              const struct recording_description *description)
{
    enum status status;
    *array = (struct array_file){.path = path, .file = -1, .dataset = -1};
    array->record_axis = description && description->records_last ? 2 : 0;
    REQUIRE(description, STATUS_DATA, "%s: no description: %s", path, description_help);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* what is wrong is said by us */
    array->file = hdf5_open_mapped(path);
    REQUIRE(array->file >= 0, STATUS_DATA,
            "%s: is no HDF5 file that can be read (empty, cut off or damaged); leave it out", path);
    if (description->variable)
        array->name = duplicate_text(description->variable);
    else
        TRY(find_only_dataset(array));
    array->dataset = H5Dopen2(array->file, array->name, H5P_DEFAULT);
    make_printable(array->name);
    REQUIRE(array->dataset >= 0, STATUS_DATA, "%s: has no dataset '%s'; correct 'variable:' in the description", path,
            array->name);
    TRY(check_array(array));
    return STATUS_OK;
fail:
    close_array(array);
    return status;
}

/* ---- names of the records in it ------------------------------------------------------------------------------------
 */

/* Names go into paths: anything but letters, digits, - _ . would lead elsewhere. */
static bool is_plain_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] == '\0';
}

/* *names: [n_records], freed by the caller. */
static enum status list_names(const struct array_file *array, const struct recording_description *description,
                              char (**names)[RECORD_NAME_BYTES])
{
    enum status status;
    size_t n = (size_t)array->n_records;
    hid_t dataset = -1, space = -1, type = -1;
    *names = NULL;
    REQUIRE(array->n_records <= MOST_RECORDS, STATUS_DATA, "%s: %s: %" PRIu64 " records are too many for one file",
            array->path, array->name, (uint64_t)array->n_records);
    *names = xcalloc(n, sizeof **names);
    if (!description->names) {
        for (size_t i = 0; i < n; i++)
            snprintf((*names)[i], RECORD_NAME_BYTES, "%zu", i);
        return STATUS_OK;
    }
    dataset = H5Dopen2(array->file, description->names, H5P_DEFAULT);
    REQUIRE(dataset >= 0, STATUS_DATA, "%s: has no dataset '%s'; correct 'names:' in the description", array->path,
            description->names);
    REQUIRE(lies_in_file(array->file, dataset), STATUS_DATA, "%s: %s: lies in another file; give that file",
            array->path, description->names);
    space = H5Dget_space(dataset);
    type = H5Dget_type(dataset);
    REQUIRE(H5Sget_simple_extent_npoints(space) == (hssize_t)n, STATUS_DATA,
            "%s: %s has %lld names for %zu records of %s", array->path, description->names,
            (long long)H5Sget_simple_extent_npoints(space), n, array->name);
    REQUIRE(H5Tget_size(type) > 0, STATUS_DATA, "%s: %s: is damaged", array->path, description->names);
    TRY(check_storage(array, dataset, description->names, n, H5Tget_size(type)));
    TRY(hdf5_read_names(array->path, dataset, type, n, *names));
    for (size_t i = 0; i < n; i++)
        REQUIRE(is_plain_name((*names)[i]), STATUS_DATA,
                "%s: %s: the name of record %zu (not shown) is none: only letters, digits, - _ . are allowed, and no . "
                "in front",
                array->path, description->names, i);
    status = STATUS_OK;
fail:
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
    struct array_file array;
    char(*names)[RECORD_NAME_BYTES] = NULL;
    status = open_array(&array, path, description);
    if (status != STATUS_OK)
        return status;
    if (array.n_dims == 3) {
        TRY(list_names(&array, description, &names));
        for (size_t i = 0; i < (size_t)array.n_records; i++)
            listener(context, names[i]);
    }
fail:
    free(names);
    close_array(&array);
    return status;
}

/* ---- one record ----------------------------------------------------------------------------------------------------
 */

/* Records without names are numbered from 0. */
static bool find_numbered(const struct array_file *array, const char *inner, hsize_t *index)
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
static enum status find_record(const struct array_file *array, const struct recording *recording, hsize_t *index)
{
    enum status status;
    char(*names)[RECORD_NAME_BYTES] = NULL;
    const char *inner = recording->source->inner;
    *index = 0;
    if (array->n_dims == 3 && recording->source->description->names)
        TRY(list_names(array, recording->source->description, &names));
    REQUIRE(array->n_dims < 3 || *inner, STATUS_DATA,
            "%s: holds %" PRIu64 " recordings; name one as %s/NAME, or give the file to have all", array->path,
            (uint64_t)array->n_records, array->path);
    REQUIRE(array->n_dims == 3 || !*inner, STATUS_DATA, "%s: holds one recording; name the file", array->path);
    if (array->n_dims < 3)
        return STATUS_OK;
    if (!names) {
        REQUIRE(find_numbered(array, inner, index), STATUS_DATA, "%s: has no record '%s'", array->path, inner);
        return STATUS_OK;
    }
    while (*index < array->n_records && strcmp(names[*index], inner) != 0)
        ++*index;
    REQUIRE(*index < array->n_records, STATUS_DATA, "%s: has no record '%s'", array->path, inner);
    status = STATUS_OK;
fail:
    free(names);
    return status;
}

static enum status read_table(const struct array_file *array, hsize_t index, struct number_table *table)
{
    enum status status;
    int begin = array->n_dims == 3 && array->record_axis == 0; /* the first dimension of a recording */
    hsize_t first[3] = {0}, count[3] = {1, 1, 1};
    uint64_t rows = array->dims[begin], columns = array->n_dims == 1 ? 1 : array->dims[begin + 1];
    REQUIRE(rows <= MOST_ARRAY_VALUES && columns <= MOST_ARRAY_VALUES / rows, STATUS_DATA,
            "%s: %s: %" PRIu64 " x %" PRIu64 " numbers are too many for one array; divide it, or write it as WFDB",
            array->path, array->name, rows, columns);
    if (array->n_dims == 3)
        first[array->record_axis] = index;
    for (int i = 0; i < array->n_dims; i++)
        count[i] = array->n_dims == 3 && i == array->record_axis ? 1 : array->dims[i];
    *table = (struct number_table){.rows = (size_t)rows, .columns = (size_t)columns};
    table->values = NEW_ARRAY(double, table->rows * table->columns);
    hsize_t values = rows * columns;
    hid_t space = H5Dget_space(array->dataset), memory = H5Screate_simple(1, &values, NULL);
    herr_t error = -1;
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, first, NULL, count, NULL) >= 0)
        error = H5Dread(array->dataset, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, table->values);
    H5Sclose(memory);
    H5Sclose(space);
    REQUIRE(error >= 0, STATUS_DATA, "%s: %s: cannot be read: cut off, damaged, or packed by a filter unknown here",
            array->path, array->name);
    return STATUS_OK;
fail:
    return status;
}

static enum status hdf5_open(struct recording *recording)
{
    enum status status;
    struct array_file array;
    struct number_table table = {0};
    char *what = NULL;
    hsize_t index;
    status = open_array(&array, recording->source->file, recording->source->description);
    if (status != STATUS_OK)
        return status;
    TRY(find_record(&array, recording, &index));
    TRY(read_table(&array, index, &table));
    what = format_text("%s: %s%s", recording->path, array.name,
                       array.n_dims < 3        ? ""
                       : array.record_axis > 0 ? ", of whose three dimensions the last counts recordings"
                                               : ", of whose three dimensions the first counts recordings (else say "
                                                 "records_last: true)");
    recording->format = "HDF5";
    TRY(array_to_recording(recording, &table, recording->source->description, what));
fail:
    free(what);
    free(table.values);
    close_array(&array);
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
