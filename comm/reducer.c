#include "comm/reducer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "comm/reducer_internal.h"

/* 2^18 units of 2^-44 are 2^62: a sum below it cannot overflow. */
static const double exact_limit = 0x1p18;

static enum status check_agreement(const struct world *world, size_t count, enum reduction mode, size_t bucket_bytes)
{
    double most[3] = {(double)count, (double)mode, (double)bucket_bytes}, least[3];
    memcpy(least, most, sizeof least);
    comm_max_double(world, most, 3);
    comm_min_double(world, least, 3);
    static const char *const names[] = {"gradients", "the reduction mode", "bucket bytes"};
    for (size_t i = 0; i < 3; i++)
        if (least[i] != most[i])
            return status_set(STATUS_CONFIG, "%s: ranks differ (%.0f to %.0f); start all ranks with the same config",
                              names[i], least[i], most[i]);
    return STATUS_OK;
}

static void describe(struct reducer *reducer, size_t bucket_bytes)
{
    const struct world *world = reducer->world;
    const struct node_memory *memory = bucket_sum_memory(reducer->sum);
    char way[120];

    if (world->size == 1)
        snprintf(way, sizeof way, "one rank, nothing to sum");
    else if (memory->why_private)
        snprintf(way, sizeof way, "MPI in pieces of 1 MiB, no shared memory (%s)", memory->why_private);
    else if (world->size == world->n_nodes)
        snprintf(way, sizeof way, "MPI in pieces of 1 MiB between %d nodes", world->n_nodes);
    else if (world->n_nodes == 1)
        snprintf(way, sizeof way, "shared memory of 1 node, buckets of %.4g MiB", (double)bucket_bytes / 0x1p20);
    else
        snprintf(way, sizeof way, "shared memory in %d nodes, buckets of %.4g MiB, MPI between them", world->n_nodes,
                 (double)bucket_bytes / 0x1p20);
    snprintf(reducer->description, sizeof reducer->description, "%s%s",
             reducer->mode == REDUCTION_EXACT ? "exact: " : "", way);
}

enum status reducer_create(struct reducer **out, float **gradient, const struct world *world, size_t count,
                           enum reduction mode, size_t bucket_bytes)
{
    enum { DEFAULT_BUCKET_BYTES = 16 << 20 };
    if (bucket_bytes == 0)
        bucket_bytes = DEFAULT_BUCKET_BYTES;
    enum status status = check_agreement(world, count, mode, bucket_bytes);
    if (status != STATUS_OK)
        return status;

    struct reducer *reducer = xcalloc(1, sizeof *reducer);
    reducer->world = world;
    reducer->mode = mode;
    reducer->count = count;
    if (mode == REDUCTION_FAST) {
        reducer->sum = bucket_sum_create(world, count, SUM_FLOAT, bucket_bytes);
        reducer->gradient = bucket_sum_array(reducer->sum);
    } else {
        reducer->sum = bucket_sum_create(world, count, SUM_INT64, bucket_bytes);
        arena_create(&reducer->arena, arena_rounded(checked_multiply(count, sizeof(float))));
        reducer->gradient = arena_take(&reducer->arena, count * sizeof(float));
        memset(reducer->gradient, 0, count * sizeof(float));
    }
    describe(reducer, bucket_bytes);
    *gradient = reducer->gradient;
    *out = reducer;
    return STATUS_OK;
}

void reducer_free(struct reducer *reducer)
{
    if (!reducer)
        return;
    bucket_sum_free(reducer->sum);
    arena_destroy(&reducer->arena);
    free(reducer);
}

const char *reducer_description(const struct reducer *reducer)
{
    return reducer->description;
}

void reducer_begin_step(struct reducer *reducer)
{
    size_t element = reducer->mode == REDUCTION_FAST ? sizeof(float) : sizeof(int64_t);
    bucket_sum_begin(reducer->sum);
    memset(bucket_sum_array(reducer->sum), 0, reducer->count * element);
    reducer->is_last = false;
    reducer->bound = 0;
}

void reducer_begin_micro(struct reducer *reducer, bool is_last)
{
    reducer->is_last = is_last;
    if (reducer->mode == REDUCTION_EXACT)
        memset(reducer->gradient, 0, reducer->count * sizeof(float));
}

void reducer_ready(struct reducer *reducer, size_t first, size_t count)
{
    enum { TENSOR_ALIGNMENT = 16 };
    if (reducer->mode != REDUCTION_FAST || !reducer->is_last)
        return;
    assert(first % TENSOR_ALIGNMENT == 0 && first <= reducer->count && count <= reducer->count - first);
    size_t padded = (count + TENSOR_ALIGNMENT - 1) / TENSOR_ALIGNMENT * TENSOR_ALIGNMENT;
    bucket_sum_ready(reducer->sum, first, padded < reducer->count - first ? padded : reducer->count - first);
}

/* total[i] += round(gradient[i] · 2^44); returns the largest |gradient[i]|, infinity if a value cannot be held. */
static float add_exactly(int64_t *restrict total, const float *restrict gradient, size_t count)
{
    float largest = 0;
    bool is_bad = false;
    for (size_t i = 0; i < count; i++) {
        float size = fabsf(gradient[i]);
        bool holds = size < (float)exact_limit; /* false for NaN */
        is_bad |= !holds;
        largest = size > largest ? size : largest;
        total[i] += holds ? lrint((double)gradient[i] * EXACT_SCALE) : 0;
    }
    return is_bad ? INFINITY : largest;
}

static enum status check_bound(double bound)
{
    if (bound < exact_limit)
        return STATUS_OK;
    return status_set(STATUS_NOT_FINITE,
                      "gradients of this step reach %g, the limit of `reduction: exact` is %g; lower the learning rate "
                      "or use `reduction: fast`",
                      bound, exact_limit);
}

enum status reducer_end_micro(struct reducer *reducer)
{
    if (reducer->mode == REDUCTION_FAST) {
        if (reducer->is_last)
            bucket_sum_ready_rest(reducer->sum);
        return STATUS_OK;
    }
    reducer->bound += (double)add_exactly(bucket_sum_array(reducer->sum), reducer->gradient, reducer->count);
    return check_bound(reducer->bound);
}

enum status reducer_finish(struct reducer *reducer)
{
    if (reducer->mode == REDUCTION_EXACT) {
        /* Micro-batches below the limit one by one may pass it together. */
        comm_sum_double(reducer->world, &reducer->bound, 1);
        enum status status = check_bound(reducer->bound);
        if (status != STATUS_OK)
            return status;
    }
    bucket_sum_finish(reducer->sum);
    if (reducer->mode == REDUCTION_EXACT) {
        const int64_t *total = bucket_sum_array(reducer->sum);
        for (size_t i = 0; i < reducer->count; i++)
            reducer->gradient[i] = (float)((double)total[i] * EXACT_UNIT);
    }
    return STATUS_OK;
}
