/* model/batch.h — a packed micro-batch as the model sees it, and how large the planned activations must be. */
#ifndef MODEL_BATCH_H
#define MODEL_BATCH_H

#include <stdint.h>

#include "base/span.h"
#include "model/real.h"

struct batch {
    size_t n_tokens, n_spans;
    const struct span *spans; /* [n_spans]; tokens one after another, no padding */
    const real *patches;      /* [n_tokens, 300], mV */
};

/* Upper bounds over all micro-batches of a run; sizes the arena once. */
struct batch_bounds {
    size_t tokens, spans;
    size_t span_tokens, span_seconds; /* of one span */
    size_t span_pairs, pairs;         /* attended pairs E(L, K, w) of one span, of a micro-batch */
};

#endif
