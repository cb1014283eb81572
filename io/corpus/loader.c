#include "io/corpus/loader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/corpus/loader_internal.h"
#include "io/corpus/sampler_internal.h"

enum { DEFAULT_BATCHES_AHEAD = 2 };

static const float mv_per_count = 1e-3f; /* 1 µV a count */

/* The buffers of joint reads, which hold all leads of a record's seconds, also those that no span takes. */
static enum status reserve_joint(struct loader *loader, size_t most_tokens, size_t most_spans)
{
    const struct sampler *sampler = loader->sampler;
    size_t wider = 1; /* leads of a record for each that its spans take, rounded up */
    uint8_t rows[MAX_SPAN_LEADS];
    for (size_t i = 0; i < sampler->n_accepted; i++) {
        const struct corpus_record *record = &loader->corpus->records[sampler->accepted[i]];
        size_t leads = sampler_span_leads(sampler, record, rows), own = (record->n_leads + leads - 1) / leads;
        wider = own > wider ? own : wider;
    }
    size_t most_rows = checked_multiply(most_tokens, wider), most_chunks = most_rows / CHUNK_ROWS + 2 * most_spans;
    GROW_ARRAY(loader->ranges, loader->ranges_capacity, most_spans);
    GROW_ARRAY(loader->frames.hashes, loader->frames.capacity, most_chunks);
    size_t largest = CHUNK_ROWS;
    for (size_t i = 0; i < loader->corpus->n_shards; i++)
        largest = loader->corpus->shards[i].rows > largest ? loader->corpus->shards[i].rows : largest;
    size_t bytes = checked_multiply(largest, PATCH_SAMPLES * sizeof *loader->joint_rows);
    void *mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        return status_set(STATUS_IO,
                          "loader: %zu MB of address space cannot be had: %s; raise `ulimit -v`, or set loader.read to "
                          "independent",
                          bytes >> 20, strerror(errno));
    loader->joint_rows = mapped;
    loader->joint_bytes = bytes;
    return STATUS_OK;
}

static enum status allocate_slots(struct loader *loader)
{
    struct batch_limits limits = sampler_limits(loader->sampler);
    size_t most_tokens = loader->sampler->settings.batch_tokens;
    if (most_tokens < limits.tokens)
        most_tokens = limits.tokens; /* a single large unit */
    if (loader->own_count * limits.tokens < most_tokens)
        most_tokens = loader->own_count * limits.tokens;
    loader->slots = xcalloc(loader->n_slots, sizeof *loader->slots);
    for (size_t i = 0; i < loader->n_slots; i++) {
        struct slot *slot = &loader->slots[i];
        slot->rows_capacity = checked_multiply(most_tokens, PATCH_SAMPLES);
        slot->rows = NEW_ARRAY(int16_t, slot->rows_capacity);
        GROW_ARRAY(slot->spans, slot->spans_capacity, loader->micro_batches * limits.spans);
        slot->micro_first = NEW_ARRAY(size_t, loader->micro_batches + 1);
        slot->own_first = NEW_ARRAY(size_t, loader->own_count + 1);
    }
    GROW_ARRAY(loader->shards, loader->shards_capacity, loader->corpus->n_shards);
    loader->signal_mv = NEW_ARRAY(float, checked_multiply(limits.tokens, PATCH_SAMPLES));
    loader->shard_batch = xcalloc(loader->corpus->n_shards + 1, sizeof *loader->shard_batch);
    if (loader->mode == READ_COLLECTIVE)
        return reserve_joint(loader, most_tokens, loader->own_count * limits.spans);
    return STATUS_OK;
}

static enum status create_local(struct loader *loader, const struct loader_settings *settings)
{
    enum status status;
    size_t ranks = (size_t)loader->world->size;
    REQUIRE(loader->micro_batches >= ranks, STATUS_CONFIG,
            "micro_batches: %zu, but there are %zu ranks; set it to %zu or a multiple", loader->micro_batches, ranks,
            ranks);
    if (loader->micro_batches % ranks != 0)
        log_warning("micro_batches: %zu is no multiple of the %zu ranks, so some will wait for others",
                    loader->micro_batches, ranks);
    loader->own_count = (loader->micro_batches - (size_t)loader->world->rank + ranks - 1) / ranks;
    loader->n_slots = (settings->batches_ahead ? settings->batches_ahead : DEFAULT_BATCHES_AHEAD) + 1;
    TRY(allocate_slots(loader));
    TRY(unpacker_create(&loader->unpacker, loader->n_slots));
    TRY(open_shards_create(&loader->open, loader->corpus, loader->world, loader->mode, settings->io_hints));
    return STATUS_OK;
fail:
    return status;
}

enum status loader_create(struct loader **out, const struct corpus *corpus, struct sampler *sampler,
                          const struct loader_settings *settings, const struct world *world)
{
    enum status status;
    struct loader *loader = xcalloc(1, sizeof *loader);
    loader->corpus = corpus;
    loader->sampler = sampler;
    loader->world = world;
    loader->mode = settings->mode;
    loader->micro_batches = sampler->settings.micro_batches;
    status = create_local(loader, settings);
    TRY(comm_agree(world, status));
    *out = loader;
    return STATUS_OK;
fail:
    loader_free(loader);
    return status;
}

void loader_free(struct loader *loader)
{
    if (!loader)
        return;
    unpacker_free(loader->unpacker);
    if (loader->open.corpus)
        open_shards_close(&loader->open);
    for (size_t i = 0; loader->slots && i < loader->n_slots; i++) {
        free(loader->slots[i].spans);
        free(loader->slots[i].micro_first);
        free(loader->slots[i].own_first);
        free(loader->slots[i].rows);
    }
    free(loader->slots);
    free(loader->shards);
    free(loader->shard_batch);
    free(loader->signal_mv);
    free(loader->frames.hashes);
    free(loader->ranges);
    if (loader->joint_rows)
        munmap(loader->joint_rows, loader->joint_bytes);
    free(loader);
}

enum status loader_each_own_span(struct loader *loader, size_t number, span_visitor visit, void *context)
{
    enum status status;
    struct slot *slot = &loader->slots[number];
    for (size_t i = 0; i < loader->own_count; i++) {
        size_t micro = loader_own_index(loader, i);
        for (size_t s = slot->plan.micro_first[micro]; s < slot->plan.micro_first[micro + 1]; s++) {
            const struct span *span = &slot->plan.spans[s];
            int16_t *tokens = slot->rows + (slot->own_first[i] + span->first_token) * PATCH_SAMPLES;
            TRY(visit(loader, number, span, tokens, context));
        }
    }
    return STATUS_OK;
fail:
    return status;
}

/* The sampler's plan lives until its next call; a slot keeps a copy. */
static void copy_plan(struct loader *loader, struct slot *slot, const struct batch_plan *plan)
{
    GROW_ARRAY(slot->spans, slot->spans_capacity, plan->n_spans);
    memcpy(slot->spans, plan->spans, plan->n_spans * sizeof *slot->spans);
    memcpy(slot->micro_first, plan->micro_first, (loader->micro_batches + 1) * sizeof *slot->micro_first);
    slot->plan = *plan;
    slot->plan.spans = slot->spans;
    slot->plan.micro_first = slot->micro_first;
    size_t tokens = 0;
    for (size_t i = 0; i < loader->own_count; i++) {
        size_t micro = loader_own_index(loader, i);
        slot->own_first[i] = tokens;
        for (size_t s = slot->micro_first[micro]; s < slot->micro_first[micro + 1]; s++)
            tokens += span_tokens(&slot->spans[s]);
    }
    slot->own_first[loader->own_count] = tokens;
    GROW_ARRAY(slot->rows, slot->rows_capacity, tokens * PATCH_SAMPLES);
    loader->counts.bytes_read += tokens * PATCH_SAMPLES * sizeof *slot->rows;
}

/* The shards of all ranks' spans, in ascending order. */
static void list_shards(struct loader *loader, const struct slot *slot)
{
    loader->n_shards = 0;
    for (size_t s = 0; s < slot->plan.n_spans; s++) {
        uint32_t number = loader->corpus->records[slot->plan.spans[s].record_index].shard;
        if (loader->shard_batch[number] == loader->batches)
            continue;
        loader->shard_batch[number] = loader->batches;
        GROW_ARRAY(loader->shards, loader->shards_capacity, loader->n_shards + 1);
        size_t place = loader->n_shards++;
        for (; place > 0 && loader->shards[place - 1] > number; place--)
            loader->shards[place] = loader->shards[place - 1];
        loader->shards[place] = number;
    }
}

/* Plans the next batch and starts to read it. Collective. *opened is false if opening failed, which all ranks know. */
static enum status fetch(struct loader *loader, bool *opened)
{
    enum status status;
    const struct batch_plan *plan = sampler_next(loader->sampler);
    *opened = true;
    if (!plan) {
        loader->ended = true;
        return STATUS_OK;
    }
    size_t number = (loader->current + loader->n_filled) % loader->n_slots;
    struct slot *slot = &loader->slots[number];
    loader->batches++;
    copy_plan(loader, slot, plan);
    list_shards(loader, slot);
    status = open_shards_require(&loader->open, loader->shards, loader->n_shards, loader->batches);
    if (status != STATUS_OK) {
        *opened = false;
        return status;
    }
    loader->n_filled++;
    return loader->mode == READ_COLLECTIVE ? loader_read_collective(loader, number)
                                           : loader_read_independent(loader, number);
}

static enum status advance(struct loader *loader)
{
    enum status status = STATUS_OK;
    bool opened = true;
    if (loader->has_current) {
        loader->current = (loader->current + 1) % loader->n_slots;
        loader->n_filled--;
        loader->has_current = false;
    }
    while (loader->n_filled < loader->n_slots && !loader->ended && opened) {
        enum status own = fetch(loader, &opened);
        if (status == STATUS_OK)
            status = own;
    }
    if (status == STATUS_OK && loader->n_filled > 0)
        status = unpacker_wait(loader->unpacker, loader->current);
    return comm_agree(loader->world, status);
}

enum status loader_next(struct loader *loader, const struct batch_plan **plan)
{
    *plan = NULL;
    if (loader->failed != STATUS_OK)
        return status_set(loader->failed, "%s", loader->message);
    enum status status = advance(loader);
    if (status != STATUS_OK) {
        loader->failed = status;
        copy_text(loader->message, sizeof loader->message, status_message());
        return status;
    }
    loader->has_current = loader->n_filled > 0;
    if (loader->has_current)
        *plan = &loader->slots[loader->current].plan;
    return STATUS_OK;
}

size_t loader_own_count(const struct loader *loader)
{
    return loader->own_count;
}

size_t loader_own_index(const struct loader *loader, size_t i)
{
    return (size_t)loader->world->rank + i * (size_t)loader->world->size;
}

enum status loader_micro_batch(struct loader *loader, size_t i, const float **signal_mv)
{
    if (!loader->has_current || i >= loader->own_count)
        return status_set(STATUS_INTERNAL, "loader: no micro-batch %zu in the current batch", i);
    const struct slot *slot = &loader->slots[loader->current];
    size_t count = (slot->own_first[i + 1] - slot->own_first[i]) * PATCH_SAMPLES;
    const int16_t *restrict samples = slot->rows + slot->own_first[i] * PATCH_SAMPLES;
    float *restrict mv = loader->signal_mv;
    for (size_t s = 0; s < count; s++)
        mv[s] = (float)samples[s] * mv_per_count;
    *signal_mv = mv;
    return STATUS_OK;
}

struct loader_counts loader_counts(const struct loader *loader)
{
    struct loader_counts counts = loader->counts;
    counts.opens = loader->open.opens;
    unpacker_times(loader->unpacker, &counts.unpack_seconds, &counts.wait_seconds);
    return counts;
}
