/* comm/bucket_sum.h — sums an array over all ranks, bucket by bucket, while its owner still fills other buckets.
 *
 * Buckets are cut from the end of the array, the order in which a backward pass finishes. Inside a node every rank owns
 * a slice of each bucket: when all ranks of the node have announced the bucket, the owner adds its slice up over the
 * ranks' copies in rank order and writes the sum back into all of them, so all ranks hold the same bits. Between nodes
 * the owners of the same slice add up with MPI_Allreduce in pieces of 1 MiB. Announcements are numbers of the round, in
 * shared memory, so nothing is reset and a fast rank may be a round ahead.
 *
 * A round: fill own array → bucket_sum_ready()... → bucket_sum_finish(). From a range's announcement to the end of
 * bucket_sum_finish() its owner must not touch it. After bucket_sum_finish() no other rank reads or writes this rank's
 * copy until it announces a range of the next round. */
#ifndef COMM_BUCKET_SUM_H
#define COMM_BUCKET_SUM_H

#include "comm/node_memory.h"

enum sum_type { SUM_FLOAT, SUM_INT64 };

struct bucket_sum;

/* bucket_bytes is rounded up to a whole number of cache lines; count may be 0. Collective; the same arguments
 * everywhere. */
struct bucket_sum *bucket_sum_create(const struct world *world, size_t count, enum sum_type type, size_t bucket_bytes);
void bucket_sum_free(struct bucket_sum *sum); /* collective */

void *bucket_sum_array(struct bucket_sum *sum); /* float or int64_t [count], zero at first */
const struct node_memory *bucket_sum_memory(const struct bucket_sum *sum);

/* A new round; the array keeps its content. Local. */
void bucket_sum_begin(struct bucket_sum *sum);

/* array[first, first + count) is final in this round; each element may be announced once. Adds up what all ranks of the
 * node have announced; never waits. Local. */
void bucket_sum_ready(struct bucket_sum *sum, size_t first, size_t count);

/* Announces all that was not announced and never waits. Local. */
void bucket_sum_ready_rest(struct bucket_sum *sum);

/* Afterwards the array holds the sum on every rank. Collective. */
void bucket_sum_finish(struct bucket_sum *sum);

#endif
