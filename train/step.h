/* train/step.h — the step loop: from run->step to run->last_step.
 *
 * A step: batch → forward and backward of this rank's micro-batches → sums over ranks → guard → clipping → AdamW →
 * codebook. Between steps: log line, validation, checkpoint, early stop. After the first step nothing here allocates.
 */
#ifndef TRAIN_STEP_H
#define TRAIN_STEP_H

#include "train/run.h"

/* STATUS_STOPPED if it was asked to stop and has saved; STATUS_NOT_FINITE names step and value. Collective. */
enum status train_steps(struct run *run);

#endif
