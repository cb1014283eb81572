#include "io/recording/hdf5_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/recording/hdf5_mapped.h"

enum { MOST_DEFLATE = 1100 };

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

static enum status find_only_dataset(struct hdf5_file *array)
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

bool hdf5_lies_in_file(hid_t file, hid_t dataset)
{
    H5O_info_t of_root, of_dataset;
    hid_t list = H5Dget_create_plist(dataset);
    bool is_plain = list >= 0 && H5Pget_external_count(list) == 0 && H5Pget_layout(list) != H5D_VIRTUAL;
    if (list >= 0)
        H5Pclose(list);
    return is_plain && H5Oget_info2(file, &of_root, H5O_INFO_BASIC) >= 0 &&
           H5Oget_info2(dataset, &of_dataset, H5O_INFO_BASIC) >= 0 && of_root.fileno == of_dataset.fileno;
}

enum status hdf5_check_storage(const struct hdf5_file *array, hid_t dataset, const char *name, uint64_t values,
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

static enum status check_array(struct hdf5_file *array)
{
    enum status status;
    REQUIRE(hdf5_lies_in_file(array->file, array->dataset), STATUS_DATA, "%s: %s: lies in another file; give that file",
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
    TRY(hdf5_check_storage(array, array->dataset, array->name, values, number_bytes));
    return STATUS_OK;
fail:
    return status;
}

/* How many recordings one look at the file takes. Where numbers of several lie in one chunk, or are mixed, each look
 * for one of them would have to touch the same bytes again: all of the chunk, as far as that is not too much. */
static void plan_blocks(struct hdf5_file *array)
{
    hsize_t chunk[H5S_MAX_RANK] = {0}, together = 1;
    uint64_t bytes = sizeof(double), most;
    hid_t list = H5Dget_create_plist(array->dataset);
    if (H5Pget_layout(list) == H5D_CHUNKED && H5Pget_chunk(list, H5S_MAX_RANK, chunk) == array->n_dims)
        together = chunk[array->record_axis];
    else if (array->record_axis > 0)
        together = array->n_records;
    H5Pclose(list);
    for (int i = 0; i < 3; i++)
        if (i != array->record_axis)
            bytes *= array->dims[i]; /* below 2^43: check_array() */
    most = MOST_BLOCK_BYTES / bytes;
    if (together > array->n_records)
        together = array->n_records;
    array->together = together;
    if (together > most && most > 0) /* in parts of equal size */
        together = (together + (together + most - 1) / most - 1) / ((together + most - 1) / most);
    array->records_a_block = most > 0 ? together : 1;
}

static enum status open_file(struct hdf5_file *array, const struct recording_description *description)
{
    enum status status;
    const char *path = array->path;
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
    if (array->n_dims == 3)
        plan_blocks(array);
    return STATUS_OK;
fail:
    return status;
}

/* ---- keeping -------------------------------------------------------------------------------------------------------
 */

static void close_file(void *kept)
{
    struct hdf5_file *array = kept;
    if (array->dataset >= 0)
        H5Dclose(array->dataset);
    if (array->file >= 0)
        H5Fclose(array->file);
    free(array->path);
    free(array->variable);
    free(array->names_dataset);
    free(array->name);
    free(array->names);
    free(array->by_name);
    free(array->block);
    free(array);
}

static struct hdf5_identity identify(const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return (struct hdf5_identity){0};
    return (struct hdf5_identity){about.st_dev, about.st_ino, about.st_size, about.st_mtim.tv_sec,
                                  about.st_mtim.tv_nsec};
}

static bool is_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

/* True if it is open as the description wants it, and the file is what it was. */
static bool is_same(const struct hdf5_file *array, const char *path, const struct recording_description *description)
{
    struct hdf5_identity now = identify(path);
    return strcmp(array->path, path) == 0 && is_text(array->variable, description->variable) &&
           is_text(array->names_dataset, description->names) &&
           array->record_axis == (description->records_last ? 2 : 0) && array->identity.bytes == now.bytes &&
           array->identity.device == now.device && array->identity.number == now.number &&
           array->identity.seconds == now.seconds && array->identity.nanoseconds == now.nanoseconds;
}

enum status hdf5_file_open(struct hdf5_file **out, const char *path, const struct recording_description *description,
                           struct recording_keeper *keeper)
{
    enum status status;
    struct hdf5_file *array = keeper_find(keeper, close_file);
    REQUIRE(description, STATUS_DATA, "%s: no description: %s", path, description_help);
    if (array && is_same(array, path, description)) {
        *out = array;
        return STATUS_OK;
    }
    if (keeper)
        keeper_keep(keeper, NULL, close_file);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* what is wrong is said by us */
    array = xcalloc(1, sizeof *array);
    array->file = array->dataset = -1;
    array->path = duplicate_text(path);
    array->identity = identify(path);
    array->record_axis = description->records_last ? 2 : 0;
    array->variable = description->variable ? duplicate_text(description->variable) : NULL;
    array->names_dataset = description->names ? duplicate_text(description->names) : NULL;
    status = open_file(array, description);
    if (status != STATUS_OK) {
        close_file(array);
        return status;
    }
    array->is_kept = keeper != NULL;
    if (keeper)
        keeper_keep(keeper, array, close_file);
    *out = array;
    return STATUS_OK;
fail:
    return status;
}

void hdf5_file_leave(struct hdf5_file *array)
{
    if (!array->is_kept)
        close_file(array);
}
