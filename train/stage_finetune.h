/* train/stage_finetune.h — anomaly, arrhythmia and leadgen: the step (stage_finetune.c), validation
 * (finetune_validation.c). */
#ifndef TRAIN_STAGE_FINETUNE_H
#define TRAIN_STAGE_FINETUNE_H

#include "model/finetune.h"
#include "train/run.h"
#include "train/task_trunk.h"

struct finetune_stage {
    struct task_stage base;
    struct finetune *finetune;
    int8_t *batch_labels; /* [bounds.spans, classes] of a micro-batch */
    uint8_t *corrupted;   /* [bounds.tokens]; leadgen */
    uint64_t step;        /* of the batch at hand */
    double global_labels; /* known labels or corrupted tokens of the global batch */
};

/* Labels of the spans of a micro-batch into batch_labels. */
void finetune_take_labels(struct finetune_stage *own, const struct batch *batch);

/* stage_operations.validate */
enum status finetune_validate(struct stage *stage, bool is_final, double *figure);

#endif
