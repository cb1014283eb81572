#include "io/corpus/hdf5_access.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"
#include "io/corpus/lz4_filter.h"

enum status hdf5_start(void)
{
    static bool started;
    enum status status;
    if (started)
        return STATUS_OK;
    /* Shards never change once they are there; file systems of clusters often have no locks, and HDF5 would then refuse
     * to open. HDF5 reads the variable when it opens a file; a user's own setting stands. */
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
    TRY_H5(H5open(), STATUS_INTERNAL, "HDF5 cannot be started");
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    TRY(lz4_filter_register());
    started = true;
    return STATUS_OK;
fail:
    return status;
}

static herr_t take_first(unsigned depth, const H5E_error2_t *error, void *text)
{
    (void)depth;
    if (error->desc)
        copy_text(text, 160, error->desc);
    return 1; /* ends the walk */
}

enum status hdf5_failure(enum status status, const char *format, ...)
{
    char reason[160] = "", message[STATUS_MESSAGE_BYTES];
    va_list arguments;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, reason);
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return reason[0] ? status_set(status, "%s (HDF5: %s)", message, make_printable(reason))
                     : status_set(status, "%s", message);
}

enum status hdf5_file_access(hid_t *access)
{
    enum status status;
    TRY(hdf5_start());
    TRY_H5(*access = H5Pcreate(H5P_FILE_ACCESS), STATUS_INTERNAL, "HDF5: no file access properties");
    TRY_H5(H5Pset_libver_bounds(*access, H5F_LIBVER_V110, H5F_LIBVER_V110), STATUS_INTERNAL, "HDF5: no 1.10 format");
    return STATUS_OK;
fail:
    return status;
}

enum status hdf5_create_file(hid_t *file, const char *path)
{
    enum status status;
    hid_t access = -1, creation = -1;
    TRY(hdf5_file_access(&access));
    TRY_H5(creation = H5Pcreate(H5P_FILE_CREATE), STATUS_INTERNAL, "%s: no creation properties", path);
    TRY_H5(H5Pset_obj_track_times(creation, false), STATUS_INTERNAL, "%s: time stamps cannot be left out", path);
    TRY_H5(*file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access), STATUS_IO, "%s: cannot be made", path);
    status = STATUS_OK;
fail:
    hdf5_close(creation);
    hdf5_close(access);
    return status;
}

void hdf5_give_up_file(hid_t file)
{
    void *handle;
    if (file < 0 || H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) < 0)
        return;
    int memory = memfd_create("given up", MFD_CLOEXEC); /* the serial driver's handle is its file descriptor */
    if (memory < 0)
        return;
    (void)dup2(memory, *(int *)handle);
    close(memory);
}

enum status hdf5_open_file(hid_t *file, const char *path)
{
    enum status status;
    hid_t access = -1;
    TRY(hdf5_file_access(&access));
    TRY_H5(*file = H5Fopen(path, H5F_ACC_RDONLY, access), STATUS_DAMAGED, "%s: cannot be opened as HDF5", path);
    status = STATUS_OK;
fail:
    hdf5_close(access);
    return status;
}

enum status hdf5_create_group(hid_t *group, hid_t parent, const char *name, const char *path)
{
    enum status status;
    hid_t creation = -1;
    TRY_H5(creation = H5Pcreate(H5P_GROUP_CREATE), STATUS_INTERNAL, "%s: no group properties", path);
    TRY_H5(H5Pset_obj_track_times(creation, false), STATUS_INTERNAL, "%s: time stamps cannot be left out", path);
    TRY_H5(*group = H5Gcreate2(parent, name, H5P_DEFAULT, creation, H5P_DEFAULT), STATUS_IO,
           "%s: group %s cannot be made", path, name);
    status = STATUS_OK;
fail:
    hdf5_close(creation);
    return status;
}

enum status hdf5_write_array(hid_t parent, const char *name, const char *path, hid_t stored_type, hid_t memory_type,
                             int rank, const hsize_t *shape, const void *data)
{
    enum status status;
    hid_t creation = -1, space = -1, dataset = -1;
    TRY_H5(creation = H5Pcreate(H5P_DATASET_CREATE), STATUS_INTERNAL, "%s: no dataset properties", path);
    TRY_H5(H5Pset_obj_track_times(creation, false), STATUS_INTERNAL, "%s: time stamps cannot be left out", path);
    TRY_H5(space = H5Screate_simple(rank, shape, NULL), STATUS_INTERNAL, "%s: %s: no such shape", path, name);
    TRY_H5(dataset = H5Dcreate2(parent, name, stored_type, space, H5P_DEFAULT, creation, H5P_DEFAULT), STATUS_IO,
           "%s: dataset %s cannot be made", path, name);
    hssize_t count = H5Sget_simple_extent_npoints(space);
    if (count > 0)
        TRY_H5(H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), STATUS_IO,
               "%s: %s cannot be written; is the disk full?", path, name);
    status = STATUS_OK;
fail:
    hdf5_close(dataset);
    hdf5_close(space);
    hdf5_close(creation);
    return status;
}

/* Opens a plain dataset: its bytes lie in this very file, unfiltered, and no more of them than the file has. Without
 * these checks a file could make us allocate without bound or read other files (external and virtual layouts). */
static enum status open_plain(hid_t *out, hid_t parent, const char *name, const char *path, uint64_t file_bytes,
                              int *rank, hsize_t shape[2])
{
    enum status status;
    hid_t dataset = -1, creation = -1, space = -1, type = -1;
    TRY_H5(dataset = H5Dopen2(parent, name, H5P_DEFAULT), STATUS_DAMAGED, "%s: dataset %s is missing", path, name);
    TRY_H5(creation = H5Dget_create_plist(dataset), STATUS_DAMAGED, "%s: %s: no properties", path, name);
    H5D_layout_t layout = H5Pget_layout(creation);
    REQUIRE((layout == H5D_CONTIGUOUS || layout == H5D_COMPACT) && H5Pget_external_count(creation) == 0 &&
                H5Pget_nfilters(creation) == 0,
            STATUS_DAMAGED, "%s: %s: must be a contiguous dataset without filters", path, name);
    TRY_H5(space = H5Dget_space(dataset), STATUS_DAMAGED, "%s: %s: no shape", path, name);
    TRY_H5(*rank = H5Sget_simple_extent_ndims(space), STATUS_DAMAGED, "%s: %s: no shape", path, name);
    REQUIRE(*rank == 1 || *rank == 2, STATUS_DAMAGED, "%s: %s: %d dimensions, must be 1 or 2", path, name, *rank);
    shape[1] = 1;
    TRY_H5(H5Sget_simple_extent_dims(space, shape, NULL), STATUS_DAMAGED, "%s: %s: no shape", path, name);
    TRY_H5(type = H5Dget_type(dataset), STATUS_DAMAGED, "%s: %s: no type", path, name);
    uint64_t element = H5Tget_size(type), room = element ? file_bytes / element : 0;
    REQUIRE(element > 0 && (shape[1] == 0 || shape[0] <= room / shape[1]), STATUS_DAMAGED,
            "%s: %s: %ju x %ju elements do not fit into a file of %ju bytes", path, name, (uintmax_t)shape[0],
            (uintmax_t)shape[1], (uintmax_t)file_bytes);
    *out = dataset;
    dataset = -1;
    status = STATUS_OK;
fail:
    hdf5_close(type);
    hdf5_close(space);
    hdf5_close(creation);
    hdf5_close(dataset);
    return status;
}

static bool types_agree(hid_t stored, hid_t memory)
{
    H5T_class_t class = H5Tget_class(memory);
    if (H5Tget_class(stored) != class)
        return false;
    return class != H5T_STRING || (!H5Tis_variable_str(stored) && H5Tget_size(stored) == H5Tget_size(memory));
}

enum status hdf5_read_array(hid_t parent, const char *name, const char *path, hid_t memory_type, int rank,
                            const hsize_t *shape, uint64_t file_bytes, hid_t transfer, void *data)
{
    enum status status;
    hid_t dataset = -1, type = -1;
    hsize_t found[2] = {0, 1}, wanted[2] = {shape[0], rank == 2 ? shape[1] : 1};
    int found_rank;
    TRY(open_plain(&dataset, parent, name, path, file_bytes, &found_rank, found));
    REQUIRE(found_rank == rank && found[0] == wanted[0] && found[1] == wanted[1], STATUS_DAMAGED,
            "%s: %s: shape %ju x %ju, must be %ju x %ju", path, name, (uintmax_t)found[0], (uintmax_t)found[1],
            (uintmax_t)wanted[0], (uintmax_t)wanted[1]);
    TRY_H5(type = H5Dget_type(dataset), STATUS_DAMAGED, "%s: %s: no type", path, name);
    REQUIRE(types_agree(type, memory_type), STATUS_DAMAGED, "%s: %s: wrong type of element", path, name);
    if (wanted[0] > 0 && wanted[1] > 0)
        TRY_H5(H5Dread(dataset, memory_type, H5S_ALL, H5S_ALL, transfer, data), STATUS_DAMAGED, "%s: %s cannot be read",
               path, name);
    status = STATUS_OK;
fail:
    hdf5_close(type);
    hdf5_close(dataset);
    return status;
}

enum status hdf5_length(hid_t parent, const char *name, const char *path, uint64_t file_bytes, uint64_t *length)
{
    hsize_t shape[2] = {0, 1};
    hid_t dataset = -1;
    int rank;
    enum status status = open_plain(&dataset, parent, name, path, file_bytes, &rank, shape);
    if (status == STATUS_OK)
        *length = shape[0];
    hdf5_close(dataset);
    return status;
}

void hdf5_close(hid_t handle)
{
    if (handle >= 0 && H5Iis_valid(handle) > 0)
        H5Idec_ref(handle);
}
