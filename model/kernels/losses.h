/* model/kernels/losses.h — loss and gradient in one pass.
 *
 * Each returns the loss, summed in double, and sets the gradient of it. `scale` carries 1/(count in the global batch)
 * and any weight, so contributions of micro-batches and ranks add up to the mean. Gradient arrays may be NULL
 * (validation) or lie in the place of the outputs. */
#ifndef MODEL_KERNELS_LOSSES_H
#define MODEL_KERNELS_LOSSES_H

#include <stddef.h>
#include <stdint.h>

#include "model/real.h"

#define LABEL_UNKNOWN UINT32_MAX

/* scale·sum_{r,c} row_scale[r]·column_scale[c]·(output - target)². doutput, output, target: [rows, width].
 * row_scale: [rows] or NULL (1); rows of 0 are not read: a missing value may be NaN. column_scale: [width] or NULL (1).
 */
double mse_loss(real *doutput, const real *output, const real *target, const real *row_scale, const real *column_scale,
                double scale, size_t rows, size_t width);

/* scale·sum_r -log softmax(logits[r])[label], with label smoothing s: target (1-s) at the label plus s/classes
 * everywhere. logits: [rows, classes]; labels: [rows], LABEL_UNKNOWN contributes nothing (gradient 0). correct (may be
 * NULL) is increased by the rows whose largest logit (ties: the first) is the label. */
double cross_entropy_loss(real *dlogits, size_t *correct, const real *logits, const uint32_t *labels, double smoothing,
                          double scale, size_t rows, size_t classes);

/* scale·sum over known labels of w·softplus(-z) (present) or softplus(z) (absent), z the logit, w = positive_weight[c].
 * logits: [rows, outputs]; labels: [rows, outputs] 1 present, 0 absent, -1 unknown (nothing); positive_weight:
 * [outputs] or NULL (1). */
double binary_cross_entropy_loss(real *dlogits, const real *logits, const int8_t *labels, const float *positive_weight,
                                 double scale, size_t rows, size_t outputs);

#endif
