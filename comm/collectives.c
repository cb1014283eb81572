/* The small collective operations of comm/world.h: agreement, sums, gathers. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "comm/world.h"

/* Faults by exit code, above a wish to stop, above refused inputs. */
static uint64_t severity(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return 0;
    case STATUS_PARTIAL:
        return 1;
    case STATUS_STOPPED:
        return 2;
    default:
        return 2 + (uint64_t)status;
    }
}

/* severity, status and rank in one number, so that one maximum tells all; 0 when all is well. */
static uint64_t verdict_pack(const struct world *world, enum status status)
{
    if (status == STATUS_OK)
        return 0;
    return severity(status) << 48 | (uint64_t)status << 40 | (uint64_t)(world->size - 1 - world->rank);
}

enum status comm_agree(const struct world *world, enum status status)
{
    if (world->comm == MPI_COMM_NULL || world->size == 1)
        return status;
    uint64_t verdict = verdict_pack(world, status);
    MPI_Allreduce(MPI_IN_PLACE, &verdict, 1, MPI_UINT64_T, MPI_MAX, world->comm);
    if (verdict == 0)
        return STATUS_OK;

    enum status worst = (enum status)(verdict >> 40 & 0xff);
    int teller = world->size - 1 - (int)(verdict & 0xffffffff);
    char message[STATUS_MESSAGE_BYTES] = {0};
    if (world->rank == teller)
        strncpy(message, status_message(), sizeof message - 1);
    MPI_Bcast(message, sizeof message, MPI_CHAR, teller, world->comm);
    int is_alike = status == worst && strcmp(message, status_message()) == 0;
    MPI_Allreduce(MPI_IN_PLACE, &is_alike, 1, MPI_INT, MPI_LAND, world->comm);
    status_set(worst, "%s", message);
    if (!is_alike)
        status_context("rank %d", teller);
    return worst;
}

static void reduce(const struct world *world, void *values, size_t count, size_t bytes, MPI_Datatype type, MPI_Op op)
{
    enum { PIECE_BYTES = 1 << 20 }; /* larger calls map a fresh buffer each time */
    if (world->comm == MPI_COMM_NULL || world->size == 1)
        return;
    size_t piece = PIECE_BYTES / bytes;
    for (size_t i = 0; i < count; i += piece)
        MPI_Allreduce(MPI_IN_PLACE, (char *)values + i * bytes, (int)(count - i < piece ? count - i : piece), type, op,
                      world->comm);
}

void comm_sum_double(const struct world *world, double *values, size_t count)
{
    reduce(world, values, count, sizeof *values, MPI_DOUBLE, MPI_SUM);
}

void comm_sum_int64(const struct world *world, int64_t *values, size_t count)
{
    reduce(world, values, count, sizeof *values, MPI_INT64_T, MPI_SUM);
}

void comm_max_double(const struct world *world, double *values, size_t count)
{
    reduce(world, values, count, sizeof *values, MPI_DOUBLE, MPI_MAX);
}

void comm_min_double(const struct world *world, double *values, size_t count)
{
    reduce(world, values, count, sizeof *values, MPI_DOUBLE, MPI_MIN);
}

void comm_broadcast(const struct world *world, void *data, size_t bytes, int root)
{
    enum { PIECE_BYTES = 16 << 20 };
    if (world->comm == MPI_COMM_NULL || world->size == 1)
        return;
    for (size_t i = 0; i < bytes; i += PIECE_BYTES)
        MPI_Bcast((char *)data + i, (int)(bytes - i < PIECE_BYTES ? bytes - i : PIECE_BYTES), MPI_BYTE, root,
                  world->comm);
}

void comm_barrier(const struct world *world)
{
    if (world->comm != MPI_COMM_NULL && world->size > 1)
        MPI_Barrier(world->comm);
}

void comm_gather_double(const struct world *world, const double *own, double *values, size_t count)
{
    if (world->comm == MPI_COMM_NULL || world->size == 1)
        memcpy(values, own, count * sizeof *own);
    else
        MPI_Allgather(own, (int)count, MPI_DOUBLE, values, (int)count, MPI_DOUBLE, world->comm);
}

/* One broadcast a rank instead of MPI_Allgatherv, whose int displacements end at 2 GiB. */
void comm_gather_bytes(const struct world *world, const void *own, size_t bytes, char **all, size_t *total)
{
    uint64_t *sizes = xcalloc((size_t)world->size, sizeof *sizes), own_size = bytes;
    sizes[world->rank] = bytes;
    if (world->size > 1)
        MPI_Allgather(&own_size, 1, MPI_UINT64_T, sizes, 1, MPI_UINT64_T, world->comm);
    size_t sum = 0;
    for (int r = 0; r < world->size; r++)
        sum += sizes[r];
    char *joined = xmalloc(sum);
    for (size_t offset = 0, r = 0; r < (size_t)world->size; offset += sizes[r++]) {
        if ((int)r == world->rank && bytes > 0)
            memcpy(joined + offset, own, bytes);
        comm_broadcast(world, joined + offset, sizes[r], (int)r);
    }
    free(sizes);
    *all = joined;
    *total = sum;
}

/* Point to point in pieces, as MPI_Gatherv counts and displaces in int. */
void comm_gather_bytes_to_root(const struct world *world, const void *own, size_t bytes, char **all, size_t *total)
{
    enum { PIECE_BYTES = 16 << 20, TAG = 71 };
    uint64_t *sizes = xcalloc((size_t)world->size, sizeof *sizes), own_size = bytes;
    size_t sum = 0;
    char *joined = NULL;
    sizes[0] = bytes;
    if (world->size > 1)
        MPI_Gather(&own_size, 1, MPI_UINT64_T, sizes, 1, MPI_UINT64_T, 0, world->comm);
    for (int r = 0; world->rank == 0 && r < world->size; r++)
        sum += sizes[r];
    if (world->rank == 0) {
        joined = xmalloc(sum);
        if (bytes > 0)
            memcpy(joined, own, bytes);
    }
    for (size_t i = 0; world->rank != 0 && i < bytes; i += PIECE_BYTES)
        MPI_Send((const char *)own + i, (int)(bytes - i < PIECE_BYTES ? bytes - i : PIECE_BYTES), MPI_BYTE, 0, TAG,
                 world->comm);
    size_t offset = sizes[0];
    for (int r = 1; world->rank == 0 && r < world->size; offset += sizes[r++])
        for (size_t i = 0; i < sizes[r]; i += PIECE_BYTES)
            MPI_Recv(joined + offset + i, (int)(sizes[r] - i < PIECE_BYTES ? sizes[r] - i : PIECE_BYTES), MPI_BYTE, r,
                     TAG, world->comm, MPI_STATUS_IGNORE);
    free(sizes);
    *all = joined;
    *total = sum;
}
