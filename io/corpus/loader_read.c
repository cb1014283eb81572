#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "base/progress.h"
#include "io/corpus/loader_internal.h"

static const struct corpus_record *record_of(const struct loader *loader, const struct span *span)
{
    return &loader->corpus->records[span->record_index];
}

static uint64_t span_first_row(const struct corpus_record *record, const struct span *span)
{
    return record->first_row + (uint64_t)span->first_second * record->n_leads;
}

static uint64_t span_rows(const struct corpus_record *record, const struct span *span)
{
    return (uint64_t)span->seconds * record->n_leads;
}

/* All rows of a span. */
static struct row_target span_target(const struct loader *loader, const struct span *span, int16_t *tokens)
{
    const struct corpus_record *record = record_of(loader, span);
    uint8_t leads[MAX_SPAN_LEADS];
    struct row_target target = {
        .tokens = tokens,
        .rows = span_rows(record, span),
        .n_leads = record->n_leads,
        .leads = span->leads,
    };
    memset(target.column, -1, sizeof target.column);
    size_t count = sampler_span_leads(loader->sampler, record, leads);
    for (size_t i = 0; i < count; i++)
        target.column[leads[i]] = (int8_t)i;
    return target;
}

static enum status read_span(struct loader *loader, size_t slot, const struct span *span, int16_t *tokens,
                             void *context)
{
    enum status status;
    (void)context;
    const struct corpus_record *record = record_of(loader, span);
    struct shard *shard = open_shards_find(&loader->open, record->shard);
    struct row_target target = span_target(loader, span, tokens);
    uint64_t row = span_first_row(record, span), end = row + span_rows(record, span);
    while (row < end) {
        uint64_t chunk = row / CHUNK_ROWS, chunk_end = (chunk + 1) * CHUNK_ROWS;
        struct unpack_job *job = unpacker_next_job(loader->unpacker);
        target.rows = (chunk_end < end ? chunk_end : end) - row;
        double began = clock_seconds();
        TRY(shard_read_frame(shard, chunk, job->frame, &job->bytes));
        loader->counts.read_seconds += clock_seconds() - began;
        loader->counts.bytes_stored += job->bytes;
        job->path = shard->path;
        job->chunk = chunk;
        job->hash = shard->chunk_hash[chunk];
        job->chunk_row = row % CHUNK_ROWS;
        job->target = target;
        job->batch = slot;
        unpacker_submit(loader->unpacker);
        target.first_row += target.rows;
        row += target.rows;
    }
    return STATUS_OK;
fail:
    return status;
}

enum status loader_read_independent(struct loader *loader, size_t slot)
{
    return loader_each_own_span(loader, slot, read_span, NULL);
}

static enum status add_range(struct loader *loader, size_t slot, const struct span *span, int16_t *tokens,
                             void *context)
{
    const struct corpus_record *record = record_of(loader, span);
    (void)slot, (void)tokens;
    if (record->shard != *(const uint32_t *)context)
        return STATUS_OK;
    struct row_range range = {.first = span_first_row(record, span), .count = span_rows(record, span)};
    GROW_ARRAY(loader->ranges, loader->ranges_capacity, loader->n_ranges + 1);
    size_t place = loader->n_ranges++;
    for (; place > 0 && loader->ranges[place - 1].first > range.first; place--)
        loader->ranges[place] = loader->ranges[place - 1];
    loader->ranges[place] = range;
    return STATUS_OK;
}

/* Joins ranges that touch; returns the rows from the first of the first to the last of the last. */
static size_t merge_ranges(struct loader *loader)
{
    struct row_range *ranges = loader->ranges;
    size_t kept = 0;
    for (size_t i = 0; i < loader->n_ranges; i++) {
        struct row_range *last = kept ? &ranges[kept - 1] : NULL;
        uint64_t end = ranges[i].first + ranges[i].count;
        if (last && ranges[i].first <= last->first + last->count) {
            if (end > last->first + last->count)
                last->count = end - last->first;
        } else {
            ranges[kept++] = ranges[i];
        }
    }
    loader->n_ranges = kept;
    return kept ? (size_t)(ranges[kept - 1].first + ranges[kept - 1].count - ranges[0].first) : 0;
}

/* The ranges, of an array that begins with row `base`. */
static enum status select_ranges(const struct loader *loader, const struct shard *shard, hid_t space, uint64_t base)
{
    enum status status;
    TRY_H5(H5Sselect_none(space), STATUS_INTERNAL, "%s: no selection", shard->path);
    for (size_t i = 0; i < loader->n_ranges; i++) {
        hsize_t start[2] = {loader->ranges[i].first - base, 0}, count[2] = {loader->ranges[i].count, PATCH_SAMPLES};
        TRY_H5(H5Sselect_hyperslab(space, i ? H5S_SELECT_OR : H5S_SELECT_SET, start, NULL, count, NULL),
               STATUS_INTERNAL, "%s: rows cannot be selected", shard->path);
    }
    return STATUS_OK;
fail:
    return status;
}

/* Every chunk that was asked for must have come through the filter with its own hash. */
static enum status check_frames(const struct loader *loader, const struct shard *shard)
{
    const struct frame_log *log = &loader->frames;
    size_t next = 0; /* they come in order, as a rule */
    for (size_t i = 0; i < loader->n_ranges; i++) {
        const struct row_range *range = &loader->ranges[i];
        for (uint64_t chunk = range->first / CHUNK_ROWS; chunk * CHUNK_ROWS < range->first + range->count; chunk++) {
            size_t tried = 0;
            while (tried < log->count && log->hashes[next % log->count] != shard->chunk_hash[chunk]) {
                tried++;
                next++;
            }
            if (tried == log->count)
                return status_set(STATUS_DAMAGED,
                                  "%s: chunk %" PRIu64 " (rows from %" PRIu64 "): XXH64 is not the %016" PRIx64
                                  " it must be; copy the shard again from where the corpus came",
                                  shard->path, chunk, chunk * CHUNK_ROWS, shard->chunk_hash[chunk]);
        }
    }
    return STATUS_OK;
}

static enum status copy_span(struct loader *loader, size_t slot, const struct span *span, int16_t *tokens,
                             void *context)
{
    const struct corpus_record *record = record_of(loader, span);
    (void)slot;
    if (record->shard != *(const uint32_t *)context)
        return STATUS_OK;
    size_t row = (size_t)(span_first_row(record, span) - loader->ranges[0].first);
    struct row_target target = span_target(loader, span, tokens);
    rows_copy(&target, loader->joint_rows + row * PATCH_SAMPLES);
    return STATUS_OK;
}

/* This rank's part in the read of one shard, whose ranges are merged; all ranks call it. The rows go to memory with the
 * gaps that they have in the file: HDF5 takes unlike selections apart sample by sample. */
static enum status read_jointly(struct loader *loader, struct shard *shard, size_t rows)
{
    enum status status;
    hid_t file_space = -1, memory_space = -1;
    hsize_t shape[2] = {rows ? rows : 1, PATCH_SAMPLES};
    REQUIRE(rows * PATCH_SAMPLES * sizeof *loader->joint_rows <= loader->joint_bytes, STATUS_DAMAGED,
            "%s: records lie beyond its %" PRIu64 " rows", shard->path, shard->rows);
    TRY_H5(file_space = H5Dget_space(shard->signal), STATUS_DAMAGED, "%s: /signal has no shape", shard->path);
    TRY_H5(memory_space = H5Screate_simple(2, shape, NULL), STATUS_INTERNAL, "%s: no memory shape", shard->path);
    TRY(select_ranges(loader, shard, file_space, 0));
    TRY(select_ranges(loader, shard, memory_space, rows ? loader->ranges[0].first : 0));
    lz4_filter_watch(&loader->frames);
    double began = clock_seconds();
    herr_t done = H5Dread(shard->signal, H5T_NATIVE_INT16, memory_space, file_space, loader->open.read_transfer,
                          loader->joint_rows);
    loader->counts.read_seconds += clock_seconds() - began;
    loader->counts.bytes_stored += loader->frames.bytes;
    TRY_H5(done, STATUS_DAMAGED, "%s: /signal cannot be read", shard->path);
    status = check_frames(loader, shard);
fail:
    lz4_filter_watch(NULL);
    hdf5_close(memory_space);
    hdf5_close(file_space);
    return status;
}

enum status loader_read_collective(struct loader *loader, size_t slot)
{
    enum status status = STATUS_OK;
    loader->frames.chunk_bytes = CHUNK_BYTES;
    for (size_t i = 0; i < loader->n_shards; i++) {
        uint32_t number = loader->shards[i];
        loader->n_ranges = 0;
        loader_each_own_span(loader, slot, add_range, &number);
        size_t rows = merge_ranges(loader);
        enum status own = read_jointly(loader, open_shards_find(&loader->open, number), rows);
        if (own == STATUS_OK)
            loader_each_own_span(loader, slot, copy_span, &number);
        else if (status == STATUS_OK)
            status = own;
        madvise(loader->joint_rows, loader->joint_bytes, MADV_DONTNEED);
    }
    return status;
}
