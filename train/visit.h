/* train/visit.h — goes through records of a corpus once, micro-batch by micro-batch, for validation and for statistics.
 */
#ifndef TRAIN_VISIT_H
#define TRAIN_VISIT_H

#include "train/run.h"

struct visitor {
    void *context;
    void (*batch)(void *context, const struct batch_plan *plan); /* every global batch, on every rank; may be NULL */
    void (*micro)(void *context, const struct batch *batch,
                  size_t micro); /* of this rank; micro: its place in the plan */
};

/* most_batches: 0 = to the end of the order (which must not be shuffled). Collective, ends in agreement. */
enum status visit_records(struct run *run, const struct sampler_settings *settings, size_t most_batches,
                          const struct visitor *visitor);

#endif
