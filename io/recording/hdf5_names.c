#include "io/recording/hdf5_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/mapped_file.h"

/* ---- lengths -------------------------------------------------------------------------------------------------------
 */

/* References to texts: length (4 bytes), where it lies. Those of a chunk that was not filled up are 0. */
static bool are_short(const struct mapped_file *file, uint64_t at, uint64_t bytes, size_t reference_bytes)
{
    if (at > file->count || bytes > file->count - at)
        return false;
    for (uint64_t i = 0; i + reference_bytes <= bytes; i += reference_bytes)
        if (little32(file->bytes + at + i) >= RECORD_NAME_BYTES)
            return false;
    return true;
}

static bool are_chunks_short(const struct mapped_file *file, hid_t dataset, size_t reference_bytes)
{
    hsize_t n_chunks = 0, offset[H5S_MAX_RANK], bytes;
    haddr_t at;
    unsigned mask;
    hid_t space = H5Dget_space(dataset);
    bool are_good = H5Dget_num_chunks(dataset, space, &n_chunks) >= 0;
    for (hsize_t i = 0; i < n_chunks && are_good; i++)
        are_good = H5Dget_chunk_info(dataset, space, i, offset, &mask, &at, &bytes) >= 0 &&
                   are_short(file, at, bytes, reference_bytes);
    H5Sclose(space);
    return are_good;
}

/* HDF5 takes as much memory as a text of any length says it has: they are looked at before it is asked. */
static enum status check_lengths(const char *path, hid_t dataset, size_t reference_bytes, size_t n)
{
    enum status status;
    struct mapped_file map = {0};
    hid_t file = H5Iget_file_id(dataset), list = H5Dget_create_plist(dataset), file_list = H5Fget_create_plist(file);
    H5D_layout_t layout = H5Pget_layout(list);
    hsize_t user_block = 1;
    bool is_plain = H5Pget_userblock(file_list, &user_block) >= 0 && user_block == 0 && H5Pget_nfilters(list) == 0 &&
                    (layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED) && reference_bytes >= 8;
    H5Pclose(list);
    H5Pclose(file_list);
    H5Fclose(file);
    REQUIRE(
        is_plain, STATUS_DATA,
        "%s: the names of its records are texts of any length in packed form; write them as texts of one length, or "
        "as integers",
        path);
    TRY(mapped_file_open(&map, path));
    bool are_good = layout == H5D_CHUNKED
                        ? are_chunks_short(&map, dataset, reference_bytes)
                        : are_short(&map, H5Dget_offset(dataset), (uint64_t)n * reference_bytes, reference_bytes);
    REQUIRE(are_good, STATUS_DATA, "%s: the names of its records have more than %d characters, or are damaged", path,
            RECORD_NAME_BYTES - 1);
    status = STATUS_OK;
fail:
    mapped_file_close(&map);
    return status;
}

/* ---- texts ---------------------------------------------------------------------------------------------------------
 */

/* Room for the texts that HDF5 makes of names: a file may say any length, so often as there are names. */
struct name_room {
    char *bytes;
    size_t used, count;
};

static void *take_room(size_t bytes, void *context)
{
    struct name_room *room = context;
    if (bytes > room->count - room->used)
        return NULL;
    room->used += bytes;
    return room->bytes + room->used - bytes;
}

static void leave_room(void *text, void *context)
{
    (void)text, (void)context; /* all at once, in the end */
}

static enum status read_long_names(const char *path, hid_t dataset, hid_t type, size_t n,
                                   char (*names)[RECORD_NAME_BYTES])
{
    enum status status = check_lengths(path, dataset, H5Tget_size(type), n);
    if (status != STATUS_OK)
        return status;
    struct name_room room = {.count = checked_multiply(n + 1, RECORD_NAME_BYTES)};
    char **texts = xcalloc(n + 1, sizeof *texts);
    hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
    room.bytes = xcalloc(room.count, 1);
    H5Pset_vlen_mem_manager(transfer, take_room, &room, leave_room, &room);
    herr_t error = -1;
    error = H5Dread(dataset, type, H5S_ALL, H5S_ALL, transfer, texts);
    for (size_t i = 0; error >= 0 && i < n; i++)
        if (!copy_text(names[i], RECORD_NAME_BYTES, texts[i] ? texts[i] : ""))
            error = -1;
    if (error < 0)
        status = status_set(STATUS_DATA, "%s: the names of its records cannot be read, or have more than %d characters",
                            path, RECORD_NAME_BYTES - 1);
    H5Pclose(transfer);
    free(room.bytes);
    free(texts);
    return status;
}

enum status hdf5_read_names(const char *path, hid_t dataset, hid_t type, size_t n, char (*names)[RECORD_NAME_BYTES])
{
    enum status status;
    H5T_class_t class = H5Tget_class(type);
    if (class == H5T_INTEGER) {
        int64_t *numbers = NEW_ARRAY(int64_t, n);
        herr_t error = H5Dread(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers);
        for (size_t i = 0; error >= 0 && i < n; i++)
            snprintf(names[i], RECORD_NAME_BYTES, "%" PRId64, numbers[i]);
        free(numbers);
        REQUIRE(error >= 0, STATUS_DATA, "%s: the names of its records cannot be read", path);
        return STATUS_OK;
    }
    if (class == H5T_STRING && H5Tis_variable_str(type) > 0)
        return read_long_names(path, dataset, type, n, names);
    REQUIRE(class == H5T_STRING && H5Tget_size(type) < RECORD_NAME_BYTES, STATUS_DATA,
            "%s: the names of its records must be integers or text (below %d bytes)", path, RECORD_NAME_BYTES);
    size_t bytes = H5Tget_size(type);
    char *texts = xcalloc(n + 1, bytes);
    herr_t error = H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts);
    for (size_t i = 0; error >= 0 && i < n; i++)
        snprintf(names[i], RECORD_NAME_BYTES, "%.*s", (int)bytes, texts + i * bytes);
    free(texts);
    REQUIRE(error >= 0, STATUS_DATA, "%s: the names of its records cannot be read", path);
    return STATUS_OK;
fail:
    return status;
}
