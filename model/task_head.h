/* model/task_head.h — what the label heads have in common. */
#ifndef MODEL_TASK_HEAD_H
#define MODEL_TASK_HEAD_H

#include <stdint.h>
#include <string.h>

#include "model/kernels/losses.h"

/* A label head begins near 0 (PAPER 4.3). */
#define LABEL_HEAD_GAIN 0.001

/* Binary cross-entropy of the known labels, divided by their number in the global batch, and its gradient. Without
 * labels or with none in the global batch both are 0. logits, dlogits, labels: [rows, outputs]. */
static inline double label_loss(real *dlogits, const real *logits, const int8_t *labels, const float *positive_weight,
                                double global_labels, size_t rows, size_t outputs)
{
    if (labels && global_labels > 0)
        return binary_cross_entropy_loss(dlogits, logits, labels, positive_weight, 1.0 / global_labels, rows, outputs);
    memset(dlogits, 0, rows * outputs * sizeof *dlogits);
    return 0;
}

#endif
