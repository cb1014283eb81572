/* comm/reducer.h — sums gradients over all micro-batches and ranks.
 *
 * `fast`: each rank adds the gradients of its micro-batches up in the storage lent by reducer_create(); during its last
 * micro-batch the backward pass calls reducer_ready() as soon as a range is final. Ranges are joined to buckets in
 * layout order from the end; buckets whose ranges are ready on all ranks of the node are summed in shared memory while
 * the backward pass goes on, reducer_finish() sums what is left and does the part between nodes (blocking, 1 MiB
 * pieces). Rounding differs with the number of ranks. `exact`: each micro-batch's gradient is scaled by 2^44, rounded
 * to int64 and added up; reducer_finish() sums the integers over ranks and scales back: the same bits at any number of
 * ranks. STATUS_NOT_FINITE if the largest |gradient| of each micro-batch, summed over the global batch, reaches 2^18:
 * int64 might overflow.
 *
 * Order of calls in a step:
 *     for each micro-batch of mine: reducer_begin_micro(is_last) → backward, with reducer_ready() → reducer_end_micro()
 *     comm_agree() → reducer_finish()
 * reducer_ready() never waits for another rank, so a rank that fails can stop early; the others meet it in
 * comm_agree(). */
#ifndef COMM_REDUCER_H
#define COMM_REDUCER_H

#include "comm/world.h"

enum reduction { REDUCTION_FAST, REDUCTION_EXACT };

struct reducer;

/* Makes a reducer for `count` gradients and lends their storage in *gradient (float[count], zeroed; shared memory of
 * the node where `fast` and more than one rank a node; gone with reducer_free). bucket_bytes: a bucket is summed when
 * it has grown to this size; 0 means 16 MiB. Collective. STATUS_CONFIG if ranks disagree on count, mode or
 * bucket_bytes. */
enum status reducer_create(struct reducer **out, float **gradient, const struct world *world, size_t count,
                           enum reduction mode, size_t bucket_bytes);
void reducer_free(struct reducer *reducer);

/* Before the first micro-batch of a step: gradients and sums become zero. Local. */
void reducer_begin_step(struct reducer *reducer);

/* Before a micro-batch; `is_last`: no further one of this rank in this step. In `exact` the gradient storage is zeroed
 * here, since each micro-batch is rounded by itself. Local. */
void reducer_begin_micro(struct reducer *reducer, bool is_last);

/* gradient[first, first + count) of this micro-batch is final; no element may be handed over twice. `first` is a
 * multiple of 16, as tensors begin (model/parameters.h), and the padding up to the next multiple counts as handed over
 * too. Local; may sum buckets that all ranks have ready, so the range must not be touched until reducer_finish(). */
void reducer_ready(struct reducer *reducer, size_t first, size_t count);

/* All gradients of this micro-batch are final, those never handed to reducer_ready() too. Local. STATUS_NOT_FINITE in
 * `exact` if a value cannot be held. */
enum status reducer_end_micro(struct reducer *reducer);

/* Afterwards gradient[] holds the sum over all micro-batches of all ranks, the same bits on every rank. Collective. */
enum status reducer_finish(struct reducer *reducer);

/* Adds float sums (losses, codebook statistics) over ranks in the reducer's own way: in `exact` contributions are
 * rounded to multiples of 2^-44 before they are added. add: one micro-batch's contribution, local; finish: collective,
 * result in values. An accumulator of `count` doubles made by reducer_sums_create(); reducer_begin_step() does not
 * touch it, reducer_sums_reset() zeroes it. */
struct reducer_sums;
struct reducer_sums *reducer_sums_create(struct reducer *reducer, size_t count);
void reducer_sums_free(struct reducer_sums *sums);
void reducer_sums_reset(struct reducer_sums *sums);
void reducer_sums_add(struct reducer_sums *sums, const double *contribution);
void reducer_sums_add_float(struct reducer_sums *sums, size_t first, const float *contribution, size_t count);
enum status reducer_sums_finish(struct reducer_sums *sums, double *values);

/* What is printed at the start: "shared memory of 1 node, buckets of 16 MiB" and the like. Borrowed, local. */
const char *reducer_description(const struct reducer *reducer);

#endif
