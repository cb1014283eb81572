/* model/kernels/standardise.h — waveform targets: a span's patches with mean 0 and standard deviation 1 (PAPER 4.1). */
#ifndef MODEL_KERNELS_STANDARDISE_H
#define MODEL_KERNELS_STANDARDISE_H

#include <stddef.h>

#include "base/span.h"
#include "model/real.h"

#define SIGMA_FLOOR_MV 0.01 /* an almost flat span is not blown up */

/* y = (patches - mean[s])/sigma[s] with mean and standard deviation (sums in double) over all samples of span s, sigma
 * at least SIGMA_FLOOR_MV. y: [tokens, 300] (NULL: statistics only; may be patches); mean_mv, sigma_mv: [n_spans] or
 * NULL. */
void standardise_spans(real *y, real *mean_mv, real *sigma_mv, const real *patches, const struct span *spans,
                       size_t n_spans);

#endif
