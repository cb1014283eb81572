#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/corpus/columns.h"
#include "io/corpus/hdf5_access.h"
#include "io/corpus/layout.h"
#include "io/corpus/lz4_filter.h"
#include "io/corpus/writer.h"

struct shard_writer {
    char *folder, *path, *temporary; /* path: of the open shard; NULL if none is open */
    uint64_t shard_bytes;
    uint32_t next_number, stride, revision;
    hid_t file, signal;
    uint64_t rows, stored; /* of the open shard: rows given out, bytes of its chunks */
    struct corpus_record *records;
    size_t n_records, records_capacity;
    uint64_t *chunk_hash;
    size_t n_chunks, chunks_capacity;
    struct shard_info *shards;
    size_t n_shards, shards_capacity;
    bool in_record;
    struct corpus_record record; /* the one being written */
    size_t seconds_left, filled; /* filled: rows of the chunk being collected */
    XXH64_state_t *content;
    int16_t *chunk;          /* [CHUNK_ROWS, 300] */
    unsigned char *shuffled; /* [CHUNK_BYTES] */
    unsigned char *frame;    /* [FRAME_CAPACITY] */
};

static struct shard_writer *make_writer(const char *folder, uint64_t shard_bytes, uint32_t first_number,
                                        uint32_t stride)
{
    struct shard_writer *writer = xcalloc(1, sizeof *writer);
    writer->folder = duplicate_text(folder);
    writer->shard_bytes = shard_bytes;
    writer->next_number = first_number;
    writer->stride = stride ? stride : 1;
    writer->file = writer->signal = -1;
    writer->content = XXH64_createState();
    writer->chunk = NEW_ARRAY(int16_t, CHUNK_SAMPLES);
    writer->shuffled = xmalloc(CHUNK_BYTES);
    writer->frame = xmalloc(FRAME_CAPACITY);
    return writer;
}

enum status shard_writer_create(struct shard_writer **out, const char *folder, uint64_t shard_bytes,
                                uint32_t first_number, uint32_t stride)
{
    enum status status;
    char *manifest = corpus_file_path(folder, MANIFEST_NAME), *shards = corpus_file_path(folder, SHARD_FOLDER);
    TRY(hdf5_start());
    REQUIRE(!file_exists(manifest), STATUS_USAGE,
            "%s: holds a finished corpus; choose another folder or remove it first", folder);
    TRY(folder_make(shards));
    *out = make_writer(folder, shard_bytes, first_number, stride);
    status = STATUS_OK;
fail:
    free(shards);
    free(manifest);
    return status;
}

const struct shard_info *shard_writer_finished(const struct shard_writer *writer, size_t *n_shards)
{
    *n_shards = writer->n_shards;
    return writer->shards;
}

void shard_writer_resume(struct shard_writer *writer, const struct shard_info *shards, size_t n_shards)
{
    GROW_ARRAY(writer->shards, writer->shards_capacity, writer->n_shards + n_shards + 1);
    for (size_t i = 0; i < n_shards; i++) {
        writer->shards[writer->n_shards++] = shards[i];
        writer->next_number = shards[i].number + writer->stride;
    }
}

static void forget_shard(struct shard_writer *writer)
{
    hdf5_give_up_file(writer->file); /* open only if it was not finished */
    hdf5_close(writer->signal);
    hdf5_close(writer->file);
    writer->signal = writer->file = -1;
    free(writer->path);
    free(writer->temporary);
    writer->path = writer->temporary = NULL;
    writer->n_records = writer->n_chunks = 0;
    writer->rows = writer->stored = 0;
}

static enum status create_signal(struct shard_writer *writer)
{
    enum status status;
    const char *path = writer->temporary;
    hid_t creation = -1, space = -1;
    hsize_t none[2] = {0, PATCH_SAMPLES}, most[2] = {H5S_UNLIMITED, PATCH_SAMPLES};
    hsize_t chunk[2] = {CHUNK_ROWS, PATCH_SAMPLES};
    TRY_H5(space = H5Screate_simple(2, none, most), STATUS_INTERNAL, "%s: /signal: no shape", path);
    TRY_H5(creation = H5Pcreate(H5P_DATASET_CREATE), STATUS_INTERNAL, "%s: /signal: no properties", path);
    TRY_H5(H5Pset_obj_track_times(creation, false), STATUS_INTERNAL, "%s: /signal: time stamps remain", path);
    TRY_H5(H5Pset_chunk(creation, 2, chunk), STATUS_INTERNAL, "%s: /signal: no chunks", path);
    TRY_H5(H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER), STATUS_INTERNAL, "%s: /signal: fill time", path);
    TRY_H5(H5Pset_shuffle(creation), STATUS_INTERNAL, "%s: /signal: no shuffle filter", path);
    TRY_H5(H5Pset_filter(creation, LZ4_FILTER, H5Z_FLAG_MANDATORY, 0, NULL), STATUS_INTERNAL,
           "%s: /signal: no LZ4 filter", path);
    TRY_H5(writer->signal =
               H5Dcreate2(writer->file, "signal", H5T_STD_I16LE, space, H5P_DEFAULT, creation, H5P_DEFAULT),
           STATUS_IO, "%s: /signal cannot be made", path);
    status = STATUS_OK;
fail:
    hdf5_close(creation);
    hdf5_close(space);
    return status;
}

static enum status open_shard(struct shard_writer *writer)
{
    enum status status;
    char name[SHARD_NAME_BYTES];
    writer->path = corpus_file_path(writer->folder, shard_file_name(name, writer->next_number, writer->revision));
    writer->temporary = format_text("%s.tmp", writer->path);
    TRY(hdf5_create_file(&writer->file, writer->temporary));
    TRY(create_signal(writer));
    return STATUS_OK;
fail:
    forget_shard(writer);
    return status;
}

enum status shard_writer_create_revision(struct shard_writer **out, const char *folder, uint32_t number,
                                         uint32_t revision)
{
    enum status status = hdf5_start();
    if (status != STATUS_OK)
        return status;
    *out = make_writer(folder, UINT64_MAX, number, 1);
    (*out)->revision = revision;
    return open_shard(*out); /* now, as it may stay empty */
}

static enum status close_shard(struct shard_writer *writer)
{
    enum status status;
    hsize_t shape[1] = {writer->n_chunks};
    struct shard_info info = {.number = writer->next_number,
                              .revision = writer->revision,
                              .records = writer->n_records,
                              .rows = writer->rows};
    TRY(hdf5_write_array(writer->file, "chunks", writer->temporary, H5T_STD_U64LE, H5T_NATIVE_UINT64, 1, shape,
                         writer->chunk_hash));
    TRY(table_write(&shard_table, writer->file, writer->temporary, writer->records, writer->n_records));
    hdf5_close(writer->signal);
    writer->signal = -1;
    TRY_H5(H5Fflush(writer->file, H5F_SCOPE_LOCAL), STATUS_IO, "%s: cannot be written out; is the disk full?",
           writer->temporary);
    herr_t closed = H5Fclose(writer->file);
    writer->file = -1;
    TRY_H5(closed, STATUS_IO, "%s: cannot be written out; is the disk full?", writer->temporary);
    TRY(file_sync(writer->temporary));
    TRY(file_hash(writer->temporary, &info.hash, &info.bytes));
    TRY(file_rename(writer->temporary, writer->path));
    GROW_ARRAY(writer->shards, writer->shards_capacity, writer->n_shards + 1);
    writer->shards[writer->n_shards++] = info;
    writer->next_number += writer->stride;
    status = STATUS_OK;
fail:
    if (status != STATUS_OK && writer->temporary)
        unlink(writer->temporary);
    forget_shard(writer);
    return status;
}

static enum status write_chunk(struct shard_writer *writer)
{
    enum status status;
    hsize_t place[2] = {writer->rows, 0}, shape[2] = {writer->rows + CHUNK_ROWS, PATCH_SAMPLES};
    memset(writer->chunk + writer->filled * PATCH_SAMPLES, 0,
           (CHUNK_ROWS - writer->filled) * PATCH_SAMPLES * sizeof *writer->chunk);
    shuffle_samples(writer->shuffled, writer->chunk, CHUNK_SAMPLES);
    size_t bytes = lz4_frame_encode(writer->frame, writer->shuffled, CHUNK_BYTES);
    TRY_H5(H5Dset_extent(writer->signal, shape), STATUS_IO, "%s: /signal cannot grow", writer->temporary);
    TRY_H5(H5Dwrite_chunk(writer->signal, H5P_DEFAULT, 0, place, bytes, writer->frame), STATUS_IO,
           "%s: row %" PRIu64 ": chunk cannot be written; is the disk full?", writer->temporary, writer->rows);
    GROW_ARRAY(writer->chunk_hash, writer->chunks_capacity, writer->n_chunks + 1);
    writer->chunk_hash[writer->n_chunks++] = XXH64(writer->frame, bytes, 0);
    writer->rows += CHUNK_ROWS;
    writer->stored += bytes;
    writer->filled = 0;
    return STATUS_OK;
fail:
    return status;
}

enum status shard_writer_begin_record(struct shard_writer *writer, const struct corpus_record *record)
{
    enum status status;
    REQUIRE(!writer->in_record, STATUS_INTERNAL, "%s: a record is begun inside another", writer->folder);
    TRY(check_record_shape(record, writer->folder));
    uint64_t raw = (uint64_t)record->seconds * record->n_leads * PATCH_SAMPLES * 2;
    /* A record never spans two shards; one that may fill a shard by itself stands alone. */
    if (writer->path && (writer->stored >= writer->shard_bytes || raw >= writer->shard_bytes))
        TRY(close_shard(writer));
    if (!writer->path)
        TRY(open_shard(writer));
    writer->record = *record;
    writer->record.shard = writer->next_number;
    writer->record.row = (uint32_t)writer->n_records;
    writer->record.first_row = writer->rows;
    writer->seconds_left = record->seconds;
    writer->filled = 0;
    writer->in_record = true;
    XXH64_reset(writer->content, 0);
    return STATUS_OK;
fail:
    return status;
}

enum status shard_writer_append(struct shard_writer *writer, const int16_t *samples, size_t seconds)
{
    enum status status;
    REQUIRE(writer->in_record && seconds <= writer->seconds_left, STATUS_INTERNAL,
            "%s: record '%s': more seconds than the %u announced", writer->folder, writer->record.name,
            writer->record.seconds);
    size_t rows = seconds * writer->record.n_leads;
    XXH64_update(writer->content, samples, rows * PATCH_SAMPLES * sizeof *samples);
    while (rows > 0) {
        size_t room = CHUNK_ROWS - writer->filled, take = rows < room ? rows : room;
        memcpy(writer->chunk + writer->filled * PATCH_SAMPLES, samples, take * PATCH_SAMPLES * sizeof *samples);
        writer->filled += take;
        samples += take * PATCH_SAMPLES;
        rows -= take;
        if (writer->filled == CHUNK_ROWS)
            TRY(write_chunk(writer));
    }
    writer->seconds_left -= seconds;
    return STATUS_OK;
fail:
    return status;
}

enum status shard_writer_end_record(struct shard_writer *writer, struct corpus_record *record)
{
    enum status status;
    REQUIRE(writer->in_record && writer->seconds_left == 0, STATUS_INTERNAL,
            "%s: record '%s': %zu of its %u seconds are missing", writer->folder, writer->record.name,
            writer->seconds_left, writer->record.seconds);
    if (writer->filled > 0)
        TRY(write_chunk(writer));
    writer->record.content = XXH64_digest(writer->content);
    GROW_ARRAY(writer->records, writer->records_capacity, writer->n_records + 1);
    writer->records[writer->n_records++] = writer->record;
    writer->in_record = false;
    record->shard = writer->record.shard;
    record->row = writer->record.row;
    record->first_row = writer->record.first_row;
    record->content = writer->record.content;
    if (writer->stored >= writer->shard_bytes)
        TRY(close_shard(writer));
    return STATUS_OK;
fail:
    return status;
}

enum status shard_writer_finish(struct shard_writer *writer, struct shard_info **shards, size_t *n_shards)
{
    enum status status;
    REQUIRE(!writer->in_record, STATUS_INTERNAL, "%s: record '%s' was not ended", writer->folder, writer->record.name);
    if (writer->path)
        TRY(close_shard(writer));
    *shards = writer->shards;
    *n_shards = writer->n_shards;
    writer->shards = NULL;
    writer->n_shards = writer->shards_capacity = 0;
    return STATUS_OK;
fail:
    return status;
}

void shard_writer_free(struct shard_writer *writer)
{
    if (!writer)
        return;
    if (writer->temporary)
        unlink(writer->temporary); /* a shard that was not finished */
    forget_shard(writer);
    free(writer->folder);
    free(writer->records);
    free(writer->chunk_hash);
    free(writer->shards);
    XXH64_freeState(writer->content);
    free(writer->chunk);
    free(writer->shuffled);
    free(writer->frame);
    free(writer);
}
