/* model/kernels/wavelet_targets.h — wavelet targets of the frequency view: Daubechies-6 analysis of patches
 * (PAPER 4.1).
 *
 * Four levels of a periodised transform (as PyWavelets, wavelet 'db6', mode 'periodization'), approximation and detail
 * of every level: A1 150, A2 75, A3 38, A4 19, D1 150, D2 75, D3 38, D4 19 = 564 coefficients in this order. At odd
 * lengths the last sample is repeated before the period closes. */
#ifndef MODEL_KERNELS_WAVELET_TARGETS_H
#define MODEL_KERNELS_WAVELET_TARGETS_H

#include <stddef.h>

#include "base/span.h"
#include "model/real.h"

enum { WAVELET_LEVELS = 4, WAVELET_GROUPS = 2 * WAVELET_LEVELS, WAVELET_TARGETS = 564 };

/* Where a group (A1 … A4, D1 … D4) begins and how many coefficients it has. */
extern const size_t wavelet_group_first[WAVELET_GROUPS], wavelet_group_count[WAVELET_GROUPS];

/* coefficients: [n_patches, 564], mV; patches: [n_patches, 300], mV. */
void wavelet_analyse(real *coefficients, const real *patches, size_t n_patches);

/* In place: every group gets mean 0 and standard deviation 1 over the span; sigma at least SIGMA_FLOOR_MV
 * (standardise.h). coefficients: [tokens, 564]. */
void wavelet_standardise(real *coefficients, const struct span *spans, size_t n_spans);

/* Weights for mse_loss(): 1/(8·count of the coefficient's group), so that a row's loss is the mean over the groups of
 * their mean squares. column_scale: [564]. */
void wavelet_column_scale(real *column_scale);

#endif
