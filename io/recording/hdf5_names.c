#include "io/recording/hdf5_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/mapped_file.h"

/* ---- texts of any length -------------------------------------------------------------------------------------------
 * The dataset holds references to them: length (4 bytes), address of a collection (8), number in it (4). A collection
 * (HDF5 File Format Specification 3.0, III.E) is "GCOL", its size from byte 8 on, then objects from byte 16 on: number
 * (2 bytes), uses (2), 4 unused, size (8), the bytes, filled up to a multiple of 8. HDF5 itself takes as much memory as
 * a text says it has, and touches what lies outside of a damaged collection: texts are read without it. */

enum { REFERENCE_BYTES = 16, COLLECTION_HEAD = 16, OBJECT_HEAD = 16 };

struct text_reader {
    struct mapped_file file;
    uint64_t steps_left; /* objects that may be looked at: names in collections of honest size need far fewer */
};

static uint64_t little64(const uint8_t *bytes)
{
    return little32(bytes) | (uint64_t)little32(bytes + 4) << 32;
}

static bool read_text(struct text_reader *reader, const uint8_t *reference, char name[RECORD_NAME_BYTES])
{
    uint64_t length = little32(reference), at = little64(reference + 4), wanted = little32(reference + 12);
    const struct mapped_file *file = &reader->file;
    if (length == 0)
        return true; /* an empty name, or a place that was never written */
    if (length >= RECORD_NAME_BYTES || at > file->count || file->count - at < COLLECTION_HEAD ||
        memcmp(file->bytes + at, "GCOL", 4) != 0 || little64(file->bytes + at + 8) > file->count - at)
        return false;
    uint64_t size = little64(file->bytes + at + 8), place = COLLECTION_HEAD;
    for (; place <= size && size - place >= OBJECT_HEAD && reader->steps_left > 0; reader->steps_left--) {
        const uint8_t *object = file->bytes + at + place;
        uint64_t number = little16(object), bytes = little64(object + 8);
        if (number == 0 || bytes > size - place - OBJECT_HEAD)
            return false;
        if (number == wanted && length <= bytes) {
            memcpy(name, object + OBJECT_HEAD, length);
            name[length] = '\0';
            return true;
        }
        place += OBJECT_HEAD + (bytes + 7) / 8 * 8;
    }
    return false;
}

/* Names [first, ...), as many as are referred to in the bytes from `at` on; those beyond n belong to no record. */
static bool read_stretch(struct text_reader *reader, uint64_t at, uint64_t bytes, uint64_t first, size_t n,
                         char (*names)[RECORD_NAME_BYTES])
{
    if (at > reader->file.count || bytes > reader->file.count - at)
        return false;
    for (uint64_t i = 0; i < bytes / REFERENCE_BYTES && first + i < n; i++)
        if (!read_text(reader, reader->file.bytes + at + i * REFERENCE_BYTES, names[first + i]))
            return false;
    return true;
}

static bool read_chunks(struct text_reader *reader, hid_t dataset, size_t n, char (*names)[RECORD_NAME_BYTES])
{
    hsize_t n_chunks = 0, first[H5S_MAX_RANK], bytes;
    haddr_t at;
    unsigned mask;
    hid_t space = H5Dget_space(dataset);
    bool are_good = H5Sget_simple_extent_ndims(space) == 1 && H5Dget_num_chunks(dataset, space, &n_chunks) >= 0;
    for (hsize_t i = 0; i < n_chunks && are_good; i++)
        are_good = H5Dget_chunk_info(dataset, space, i, first, &mask, &at, &bytes) >= 0 && first[0] < n &&
                   read_stretch(reader, at, bytes, first[0], n, names);
    H5Sclose(space);
    return are_good;
}

/* True if addresses are places in the file, and what lies there is not packed. */
static bool is_plain(hid_t dataset, H5D_layout_t *layout)
{
    hid_t file = H5Iget_file_id(dataset), list = H5Dget_create_plist(dataset), file_list = H5Fget_create_plist(file);
    hsize_t user_block = 1;
    size_t address_bytes = 0, size_bytes = 0;
    *layout = H5Pget_layout(list);
    bool is = H5Pget_userblock(file_list, &user_block) >= 0 && user_block == 0 &&
              H5Pget_sizes(file_list, &address_bytes, &size_bytes) >= 0 && address_bytes == 8 && size_bytes == 8 &&
              H5Pget_nfilters(list) == 0 && (*layout == H5D_CONTIGUOUS || *layout == H5D_CHUNKED);
    H5Pclose(list);
    H5Pclose(file_list);
    H5Fclose(file);
    return is;
}

static enum status read_long_names(const char *path, hid_t dataset, size_t n, char (*names)[RECORD_NAME_BYTES])
{
    enum status status;
    struct text_reader reader = {.steps_left = 100000 + 4096 * (uint64_t)n};
    H5D_layout_t layout;
    REQUIRE(
        is_plain(dataset, &layout), STATUS_DATA,
        "%s: the names of its records are texts of any length in packed form; write them as texts of one length, or "
        "as integers",
        path);
    TRY(mapped_file_open(&reader.file, path));
    bool are_good = layout == H5D_CHUNKED
                        ? read_chunks(&reader, dataset, n, names)
                        : read_stretch(&reader, H5Dget_offset(dataset), (uint64_t)n * REFERENCE_BYTES, 0, n, names);
    REQUIRE(are_good, STATUS_DATA, "%s: the names of its records have more than %d characters, or are damaged", path,
            RECORD_NAME_BYTES - 1);
    status = STATUS_OK;
fail:
    mapped_file_close(&reader.file);
    return status;
}

/* ---- integers, texts of one length ---------------------------------------------------------------------------------
 */

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
        return read_long_names(path, dataset, n, names);
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
