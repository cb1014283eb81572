#include "io/corpus/shard.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/memory.h"

enum status shard_check_size(const char *path, const struct shard_info *info)
{
    enum status status;
    uint64_t bytes;
    REQUIRE(file_exists(path), STATUS_DAMAGED, "%s: the shard is missing; copy it again from where the corpus came",
            path);
    TRY(file_size(path, &bytes));
    REQUIRE(bytes == info->bytes, STATUS_DAMAGED,
            "%s: %ju bytes, the manifest says %ju; copy it again from where the corpus came", path, (uintmax_t)bytes,
            (uintmax_t)info->bytes);
    return STATUS_OK;
fail:
    return status;
}

/* /signal must be laid out as we write it: direct reads rely on chunk shape, type and filters. */
static enum status check_layout(struct shard *shard)
{
    enum status status;
    const char *path = shard->path;
    hid_t creation = -1, space = -1, type = -1;
    hsize_t shape[2] = {0, 0}, chunk[2] = {0, 0};
    TRY_H5(space = H5Dget_space(shard->signal), STATUS_DAMAGED, "%s: /signal has no shape", path);
    REQUIRE(H5Sget_simple_extent_ndims(space) == 2, STATUS_DAMAGED, "%s: /signal must have 2 dimensions", path);
    TRY_H5(H5Sget_simple_extent_dims(space, shape, NULL), STATUS_DAMAGED, "%s: /signal has no shape", path);
    REQUIRE(shape[0] == shard->rows && shape[1] == PATCH_SAMPLES, STATUS_DAMAGED,
            "%s: /signal is %ju x %ju, the manifest says %ju x %d", path, (uintmax_t)shape[0], (uintmax_t)shape[1],
            (uintmax_t)shard->rows, PATCH_SAMPLES);
    TRY_H5(type = H5Dget_type(shard->signal), STATUS_DAMAGED, "%s: /signal has no type", path);
    REQUIRE(H5Tequal(type, H5T_STD_I16LE) > 0, STATUS_DAMAGED, "%s: /signal must be int16, little-endian", path);
    TRY_H5(creation = H5Dget_create_plist(shard->signal), STATUS_DAMAGED, "%s: /signal has no properties", path);
    REQUIRE(H5Pget_layout(creation) == H5D_CHUNKED && H5Pget_chunk(creation, 2, chunk) == 2 && chunk[0] == CHUNK_ROWS &&
                chunk[1] == PATCH_SAMPLES,
            STATUS_DAMAGED, "%s: /signal must lie in chunks of %d x %d", path, CHUNK_ROWS, PATCH_SAMPLES);
    H5Z_filter_t filters[2] = {0, 0};
    int n_filters = H5Pget_nfilters(creation);
    for (int i = 0; i < n_filters && i < 2; i++) {
        size_t none = 0;
        filters[i] = H5Pget_filter2(creation, (unsigned)i, NULL, &none, NULL, 0, NULL, NULL);
    }
    REQUIRE(n_filters == 2 && filters[0] == H5Z_FILTER_SHUFFLE && filters[1] == LZ4_FILTER, STATUS_DAMAGED,
            "%s: /signal must have the filters shuffle and %d", path, LZ4_FILTER);
    status = STATUS_OK;
fail:
    hdf5_close(creation);
    hdf5_close(type);
    hdf5_close(space);
    return status;
}

enum status shard_open(struct shard *shard, const char *path, const struct shard_info *info,
                       const struct shard_access *access)
{
    enum status status;
    hid_t dataset_access = access ? access->dataset : H5P_DEFAULT;
    shard->path = path;
    shard->file = shard->signal = -1;
    shard->bytes = info->bytes;
    shard->rows = info->rows;
    shard->n_chunks = info->rows / CHUNK_ROWS;
    /* A chunk takes 13 bytes at the least, so this also bounds the array of hashes. */
    REQUIRE(shard->n_chunks <= info->bytes, STATUS_DAMAGED, "%s: %ju rows cannot lie in %ju bytes", path,
            (uintmax_t)info->rows, (uintmax_t)info->bytes);
    if (access)
        TRY_H5(shard->file = H5Fopen(path, H5F_ACC_RDONLY, access->file), STATUS_DAMAGED,
               "%s: cannot be opened as HDF5", path);
    else
        TRY(hdf5_open_file(&shard->file, path));
    TRY_H5(shard->signal = H5Dopen2(shard->file, "signal", dataset_access), STATUS_DAMAGED,
           "%s: dataset /signal is missing", path);
    TRY(check_layout(shard));
    GROW_ARRAY(shard->chunk_hash, shard->capacity, shard->n_chunks + 1);
    hsize_t shape[1] = {shard->n_chunks};
    TRY(hdf5_read_array(shard->file, "chunks", path, H5T_NATIVE_UINT64, 1, shape, info->bytes,
                        access ? access->transfer : H5P_DEFAULT, shard->chunk_hash));
    return STATUS_OK;
fail:
    shard_close(shard);
    return status;
}

void shard_close(struct shard *shard)
{
    if (!shard->path)
        return;
    hdf5_close(shard->signal);
    if (shard->file >= 0)
        H5Fclose(shard->file);
    shard->file = shard->signal = -1;
    shard->path = NULL;
}

void shard_free(struct shard *shard)
{
    shard_close(shard);
    free(shard->chunk_hash);
    memset(shard, 0, sizeof *shard);
}

enum status shard_read_frame(struct shard *shard, uint64_t chunk, unsigned char *frame, size_t *bytes)
{
    enum status status;
    hsize_t place[2] = {chunk * CHUNK_ROWS, 0}, stored = 0;
    uint32_t skipped_filters = 0;
    REQUIRE(chunk < shard->n_chunks, STATUS_DAMAGED, "%s: chunk %ju asked for, it has %ju", shard->path,
            (uintmax_t)chunk, (uintmax_t)shard->n_chunks);
    TRY_H5(H5Dget_chunk_storage_size(shard->signal, place, &stored), STATUS_DAMAGED, "%s: chunk %ju is not there",
           shard->path, (uintmax_t)chunk);
    REQUIRE(stored > 0 && stored <= FRAME_CAPACITY, STATUS_DAMAGED, "%s: chunk %ju takes %ju bytes, must be 1 to %d",
            shard->path, (uintmax_t)chunk, (uintmax_t)stored, FRAME_CAPACITY);
    TRY_H5(H5Dread_chunk(shard->signal, H5P_DEFAULT, place, &skipped_filters, frame), STATUS_DAMAGED,
           "%s: chunk %ju cannot be read", shard->path, (uintmax_t)chunk);
    REQUIRE(skipped_filters == 0, STATUS_DAMAGED, "%s: chunk %ju was stored without its filters", shard->path,
            (uintmax_t)chunk);
    *bytes = stored;
    return STATUS_OK;
fail:
    return status;
}

enum status chunk_undo(const char *path, uint64_t chunk, uint64_t expected_hash, const unsigned char *frame,
                       size_t bytes, unsigned char *shuffled)
{
    uint64_t hash = XXH64(frame, bytes, 0);
    if (hash != expected_hash)
        return status_set(STATUS_DAMAGED,
                          "%s: chunk %" PRIu64 " (rows from %" PRIu64 "): XXH64 is %016" PRIx64 ", must be %016" PRIx64
                          "; copy the shard again from where the corpus came",
                          path, chunk, chunk * CHUNK_ROWS, hash, expected_hash);
    if (!lz4_frame_decode(shuffled, CHUNK_BYTES, frame, bytes))
        return status_set(STATUS_DAMAGED, "%s: chunk %" PRIu64 ": is no LZ4 frame of %d bytes", path, chunk,
                          CHUNK_BYTES);
    return STATUS_OK;
}
