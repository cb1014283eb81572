#include "comm/bucket_sum.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    LINE_BYTES = 64,
    BLOCK_BYTES = 8192, /* stays in the first-level cache while the ranks' copies stream past */
    PIECE_BYTES = 1 << 20,
};

/* At the head of every rank's shared memory, before the array; each value is the number of a round. */
struct announcements {
    _Atomic uint64_t finished; /* all slices of this rank are spread */
    char line[LINE_BYTES - sizeof(uint64_t)];
    _Atomic uint64_t ready[]; /* [n_buckets] */
};

struct bucket_sum {
    const struct world *world;
    MPI_Comm between; /* the owners of this rank's slices on all nodes; borrowed */
    int n_groups;     /* ranks in `between` */
    int n_owners;     /* ranks of the node that own slices */
    size_t count, element_bytes, bucket_count, n_buckets;
    enum sum_type type;
    uint64_t round;
    size_t *missing; /* [n_buckets] elements not announced yet in this round */
    bool *is_summed; /* [n_buckets] own slice, within the node */
    size_t n_summed;
    struct announcements **announced; /* [memory.ranks] */
    char **array;                     /* [memory.ranks] */
    struct node_memory memory;
};

/* A range of elements. */
struct range {
    size_t first, end;
};

/* Bucket 0 ends at the end of the array. */
static struct range bucket_range(const struct bucket_sum *sum, size_t bucket)
{
    size_t end = sum->count - bucket * sum->bucket_count;
    return (struct range){end > sum->bucket_count ? end - sum->bucket_count : 0, end};
}

/* The slice of a bucket that this rank owns: whole cache lines, in the order of ranks; empty for ranks that own none.
 */
static struct range own_slice(const struct bucket_sum *sum, size_t bucket)
{
    struct range range = bucket_range(sum, bucket);
    size_t line = LINE_BYTES / sum->element_bytes, owners = (size_t)sum->n_owners, owner = (size_t)sum->memory.own;
    size_t lines = (range.end - range.first + line - 1) / line;
    if (owner >= owners)
        return (struct range){range.end, range.end};
    size_t first = range.first + lines * owner / owners * line;
    size_t end = range.first + lines * (owner + 1) / owners * line;
    return (struct range){first < range.end ? first : range.end, end < range.end ? end : range.end};
}

struct bucket_sum *bucket_sum_create(const struct world *world, size_t count, enum sum_type type, size_t bucket_bytes)
{
    struct bucket_sum *sum = xcalloc(1, sizeof *sum);
    sum->world = world;
    sum->count = count;
    sum->type = type;
    sum->element_bytes = type == SUM_FLOAT ? sizeof(float) : sizeof(int64_t);
    sum->bucket_count = (bucket_bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES / sum->element_bytes;
    sum->n_buckets = (count + sum->bucket_count - 1) / sum->bucket_count;
    sum->missing = NEW_ARRAY(size_t, sum->n_buckets);
    sum->is_summed = NEW_ARRAY(bool, sum->n_buckets);

    size_t head = arena_rounded(sizeof(struct announcements) + sum->n_buckets * sizeof(uint64_t));
    node_memory_create(&sum->memory, world, head + checked_multiply(count, sum->element_bytes));
    bool is_shared = sum->memory.window != MPI_WIN_NULL;
    bool is_alone_on_nodes = world->size == world->n_nodes;
    sum->n_owners = is_shared ? world->least_node_size : 1;
    sum->between = is_shared ? world->peers : world->comm;
    sum->n_groups = is_shared || is_alone_on_nodes ? world->n_nodes : world->size;
    sum->announced = NEW_ARRAY(struct announcements *, (size_t)sum->memory.ranks);
    sum->array = NEW_ARRAY(char *, (size_t)sum->memory.ranks);
    for (int r = 0; r < sum->memory.ranks; r++) {
        sum->announced[r] = (struct announcements *)sum->memory.base[r];
        sum->array[r] = sum->memory.base[r] + head;
    }
    return sum;
}

void bucket_sum_free(struct bucket_sum *sum)
{
    if (!sum)
        return;
    node_memory_free(&sum->memory);
    free(sum->announced);
    free(sum->array);
    free(sum->missing);
    free(sum->is_summed);
    free(sum);
}

void *bucket_sum_array(struct bucket_sum *sum)
{
    return sum->array[sum->memory.own];
}

const struct node_memory *bucket_sum_memory(const struct bucket_sum *sum)
{
    return &sum->memory;
}

void bucket_sum_begin(struct bucket_sum *sum)
{
    sum->round++;
    sum->n_summed = 0;
    for (size_t b = 0; b < sum->n_buckets; b++) {
        struct range range = bucket_range(sum, b);
        sum->missing[b] = range.end - range.first;
        sum->is_summed[b] = false;
    }
}

static void add_floats(float *restrict total, const float *restrict part, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        total[i] += part[i];
}

static void add_integers(int64_t *restrict total, const int64_t *restrict part, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        total[i] += part[i];
}

/* Adds own slice up over the ranks of the node. The sum goes to all copies, or with several nodes to the own one only,
 * since it is not the last word yet. */
static void sum_slice(struct bucket_sum *sum, size_t bucket)
{
    _Alignas(LINE_BYTES) char total[BLOCK_BYTES];
    struct range slice = own_slice(sum, bucket);
    size_t end = slice.end * sum->element_bytes;

    for (size_t at = slice.first * sum->element_bytes; at < end; at += BLOCK_BYTES) {
        size_t bytes = end - at < BLOCK_BYTES ? end - at : BLOCK_BYTES;
        memcpy(total, sum->array[0] + at, bytes);
        for (int r = 1; r < sum->memory.ranks; r++) {
            if (sum->type == SUM_FLOAT)
                add_floats((float *)total, (const float *)(sum->array[r] + at), bytes / sizeof(float));
            else
                add_integers((int64_t *)total, (const int64_t *)(sum->array[r] + at), bytes / sizeof(int64_t));
        }
        for (int r = 0; r < sum->memory.ranks; r++)
            if (sum->n_groups == 1 || r == sum->memory.own)
                memcpy(sum->array[r] + at, total, bytes);
    }
}

static bool is_ready_everywhere(const struct bucket_sum *sum, size_t bucket)
{
    for (int r = 0; r < sum->memory.ranks; r++)
        if (atomic_load_explicit(&sum->announced[r]->ready[bucket], memory_order_acquire) < sum->round)
            return false;
    return true;
}

/* Sums the own slices of all buckets that every rank of the node has announced. */
static void advance(struct bucket_sum *sum)
{
    for (size_t b = 0; b < sum->n_buckets; b++) {
        if (sum->is_summed[b] || sum->missing[b] > 0 || !is_ready_everywhere(sum, b))
            continue;
        if (sum->memory.ranks > 1)
            sum_slice(sum, b);
        sum->is_summed[b] = true;
        sum->n_summed++;
    }
}

static void announce(struct bucket_sum *sum, size_t bucket)
{
    atomic_store_explicit(&sum->announced[sum->memory.own]->ready[bucket], sum->round, memory_order_release);
}

void bucket_sum_ready(struct bucket_sum *sum, size_t first, size_t count)
{
    assert(count <= sum->count && first <= sum->count - count);
    size_t end = first + count;
    if (count == 0)
        return;
    for (size_t b = (sum->count - end) / sum->bucket_count; b < sum->n_buckets; b++) {
        struct range range = bucket_range(sum, b);
        if (range.end <= first)
            break;
        size_t from = first > range.first ? first : range.first, to = end < range.end ? end : range.end;
        assert(to - from <= sum->missing[b] && "a range was announced twice");
        sum->missing[b] -= to - from;
        if (sum->missing[b] == 0)
            announce(sum, b);
    }
    advance(sum);
}

void bucket_sum_ready_rest(struct bucket_sum *sum)
{
    for (size_t b = 0; b < sum->n_buckets; b++)
        if (sum->missing[b] > 0) {
            sum->missing[b] = 0;
            announce(sum, b);
        }
    advance(sum);
}

/* Adds own slices up over the nodes and hands them to the other ranks of this one. */
static void sum_between_nodes(struct bucket_sum *sum)
{
    MPI_Datatype type = sum->type == SUM_FLOAT ? MPI_FLOAT : MPI_INT64_T;
    char *own = sum->array[sum->memory.own];

    for (size_t b = 0; b < sum->n_buckets; b++) {
        struct range slice = own_slice(sum, b);
        size_t end = slice.end * sum->element_bytes;
        for (size_t at = slice.first * sum->element_bytes; at < end; at += PIECE_BYTES) {
            size_t bytes = end - at < PIECE_BYTES ? end - at : PIECE_BYTES;
            MPI_Allreduce(MPI_IN_PLACE, own + at, (int)(bytes / sum->element_bytes), type, MPI_SUM, sum->between);
            for (int r = 0; r < sum->memory.ranks; r++)
                if (r != sum->memory.own)
                    memcpy(sum->array[r] + at, own + at, bytes);
        }
    }
}

void bucket_sum_finish(struct bucket_sum *sum)
{
    bucket_sum_ready_rest(sum);
    while (sum->n_summed < sum->n_buckets) {
        sched_yield(); /* ranks may share a core */
        advance(sum);
    }
    if (sum->n_groups > 1)
        sum_between_nodes(sum);
    atomic_store_explicit(&sum->announced[sum->memory.own]->finished, sum->round, memory_order_release);
    for (int r = 0; r < sum->memory.ranks; r++)
        while (atomic_load_explicit(&sum->announced[r]->finished, memory_order_acquire) < sum->round)
            sched_yield();
}
