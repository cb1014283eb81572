#include "io/corpus/open_shards.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* As many as a pool of the sampler has stretches, twice: the pool being used and the next one being read ahead. */
enum { MOST_OPEN = 64 };

/* "key=value,key=value" into an MPI_Info. */
static enum status read_hints(const char *io_hints, MPI_Info info)
{
    enum status status = STATUS_OK;
    char *text = duplicate_text(io_hints), *rest = text, *hint;
    while (status == STATUS_OK && (hint = next_field(&rest, ","))) {
        char *value = strchr(hint, '=');
        if (value)
            *value++ = '\0';
        hint = trim(hint);
        value = value ? trim(value) : NULL;
        if (!value || !*hint || !*value || strlen(hint) > MPI_MAX_INFO_KEY || strlen(value) > MPI_MAX_INFO_VAL)
            status = status_set(STATUS_CONFIG, "io.hints: '%s': must be a list 'key=value,key=value'", io_hints);
        else
            MPI_Info_set(info, hint, value);
    }
    free(text);
    return status;
}

static enum status set_drivers(struct open_shards *open, enum read_mode mode, MPI_Info info)
{
    enum status status;
    if (open->world->comm == MPI_COMM_NULL)
        return STATUS_OK;
    TRY_H5(H5Pset_fapl_mpio(open->access.file, open->world->comm, info), STATUS_INTERNAL, "HDF5: no MPI-IO driver");
    /* Metadata are read by one rank and broadcast. Set on the file it holds for every later access too, also for the
     * look-up of a chunk, which ranks that read independently do not make together: there it may be set on what is
     * opened jointly only, or the first look-up would wait for ever. */
    if (mode == READ_COLLECTIVE)
        TRY_H5(H5Pset_all_coll_metadata_ops(open->access.file, true), STATUS_INTERNAL, "HDF5: collective metadata");
    TRY_H5(H5Pset_all_coll_metadata_ops(open->access.dataset, true), STATUS_INTERNAL, "HDF5: collective metadata");
    TRY_H5(H5Pset_dxpl_mpio(open->access.transfer, H5FD_MPIO_COLLECTIVE), STATUS_INTERNAL, "HDF5: collective reads");
    TRY_H5(H5Pset_dxpl_mpio(open->read_transfer, H5FD_MPIO_COLLECTIVE), STATUS_INTERNAL, "HDF5: collective reads");
    return STATUS_OK;
fail:
    return status;
}

enum status open_shards_create(struct open_shards *open, const struct corpus *corpus, const struct world *world,
                               enum read_mode mode, const char *io_hints)
{
    enum status status;
    MPI_Info info = MPI_INFO_NULL;
    *open = (struct open_shards){.corpus = corpus, .world = world, .access = {-1, -1, -1}, .read_transfer = -1};
    TRY(hdf5_start());
    TRY(hdf5_file_access(&open->access.file));
    TRY_H5(open->access.dataset = H5Pcreate(H5P_DATASET_ACCESS), STATUS_INTERNAL, "HDF5: no access properties");
    TRY_H5(open->access.transfer = H5Pcreate(H5P_DATASET_XFER), STATUS_INTERNAL, "HDF5: no transfer properties");
    TRY_H5(open->read_transfer = H5Pcreate(H5P_DATASET_XFER), STATUS_INTERNAL, "HDF5: no transfer properties");
    /* Without a chunk cache every read passes through the filter, where its hash is taken. */
    TRY_H5(H5Pset_chunk_cache(open->access.dataset, 1, 0, H5D_CHUNK_CACHE_W0_DEFAULT), STATUS_INTERNAL,
           "HDF5: chunk cache");
    if (io_hints && *io_hints && world->comm != MPI_COMM_NULL) {
        MPI_Info_create(&info);
        TRY(read_hints(io_hints, info));
    }
    TRY(set_drivers(open, mode, info));
    status = STATUS_OK;
fail:
    if (info != MPI_INFO_NULL)
        MPI_Info_free(&info);
    return status;
}

void open_shards_close(struct open_shards *open)
{
    for (size_t i = 0; i < open->capacity; i++)
        shard_free(&open->entries[i].shard);
    free(open->entries);
    hdf5_close(open->access.file);
    hdf5_close(open->access.dataset);
    hdf5_close(open->access.transfer);
    hdf5_close(open->read_transfer);
    memset(open, 0, sizeof *open);
}

static struct open_shard *find_entry(struct open_shards *open, uint32_t number)
{
    for (size_t i = 0; i < open->count; i++)
        if (open->entries[i].shard.path && open->entries[i].number == number)
            return &open->entries[i];
    return NULL;
}

struct shard *open_shards_find(struct open_shards *open, uint32_t number)
{
    return &find_entry(open, number)->shard;
}

/* An entry for a further shard: an empty one, else that which was used longest ago, else (all are needed) a new one. */
static struct open_shard *free_entry(struct open_shards *open, uint64_t batch)
{
    struct open_shard *oldest = NULL;
    for (size_t i = 0; i < open->count; i++) {
        struct open_shard *entry = &open->entries[i];
        if (!entry->shard.path)
            return entry;
        if (entry->last_used < batch && (!oldest || entry->last_used < oldest->last_used))
            oldest = entry;
    }
    if (open->count >= MOST_OPEN && oldest) {
        shard_close(&oldest->shard);
        return oldest;
    }
    if (open->count == open->capacity) {
        size_t before = open->capacity;
        GROW_ARRAY(open->entries, open->capacity, before + MOST_OPEN);
        memset(open->entries + before, 0, (open->capacity - before) * sizeof *open->entries);
    }
    return &open->entries[open->count++];
}

enum status open_shards_require(struct open_shards *open, const uint32_t *numbers, size_t count, uint64_t batch)
{
    enum status status = STATUS_OK;
    size_t missing = 0;
    for (size_t i = 0; i < count; i++) {
        struct open_shard *entry = find_entry(open, numbers[i]);
        if (entry)
            entry->last_used = batch;
        else if (missing++, status == STATUS_OK)
            status = shard_check_size(open->corpus->shard_paths[numbers[i]], &open->corpus->shards[numbers[i]]);
    }
    if (missing == 0)
        return STATUS_OK;
    /* Agreed before the joint open, which a rank that cannot see the file would never reach. */
    status = comm_agree(open->world, status);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (find_entry(open, numbers[i]))
            continue;
        struct open_shard *entry = free_entry(open, batch);
        status = shard_open(&entry->shard, open->corpus->shard_paths[numbers[i]], &open->corpus->shards[numbers[i]],
                            &open->access);
        entry->number = numbers[i];
        entry->last_used = batch;
        open->opens++;
        status = comm_agree(open->world, status);
    }
    return status;
}
