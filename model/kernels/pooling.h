/* model/kernels/pooling.h — means over the tokens of a span, and over the leads of each second. */
#ifndef MODEL_KERNELS_POOLING_H
#define MODEL_KERNELS_POOLING_H

#include <stddef.h>

#include "base/span.h"
#include "model/real.h"

/* y[s] = mean over the tokens of span s of x. y: [n_spans, width]; x: [tokens, width]. */
void pool_spans_forward(real *y, const real *x, const struct span *spans, size_t n_spans, size_t width);

/* dx[t] += dy[s]/tokens(s). ADDS to dx. */
void pool_spans_backward(real *dx, const real *dy, const struct span *spans, size_t n_spans, size_t width);

/* y[r] = mean over the leads of one second of x; r counts the seconds of all spans, span after span.
 * y: [total seconds, width]; x: [tokens, width]. */
void pool_leads_forward(real *y, const real *x, const struct span *spans, size_t n_spans, size_t width);

/* dx[t] += dy[r]/leads. ADDS to dx. */
void pool_leads_backward(real *dx, const real *dy, const struct span *spans, size_t n_spans, size_t width);

#endif
