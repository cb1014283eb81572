/* train/task_trunk.h — what the stages of all tasks share: a trunk from a checkpoint of pretrain or finetune or from
 * nothing, a head, labels. */
#ifndef TRAIN_TASK_TRUNK_H
#define TRAIN_TASK_TRUNK_H

#include "train/run.h"
#include "train/task_labels.h"

struct task_trunk {
    struct trunk_config model;
    struct checkpoint *parent; /* NULL: --init none */
};

/* The stage of a task begins with this. */
struct task_stage {
    struct stage stage;
    struct task_trunk trunk;
    struct head_config head;
    struct task_labels labels; /* of records */
};

/* Opens --init and the labels of the task; the shape of an untrained trunk is that of pretrain.model. The head is the
 * caller's. Collective, ends in agreement. */
enum status task_stage_open(struct task_stage *own, enum task task);
void task_stage_close(struct task_stage *own);

/* Operations of struct stage_operations. Weights: start values of all tensors, the parent's over those of the trunk.
 * Describe: trunk, head and classes. Restore: thresholds, from the message's vocabulary. */
enum status task_stage_weights(struct stage *stage);
void task_stage_describe(struct stage *stage, struct message_store *store);
enum status task_stage_restore(struct stage *stage, const Anyecg__Checkpoint *message);

/* Figures of label tasks: scores (probabilities) and labels [rows, classes]. Fills results of the stage with `what` in
 * front ("record", "second"), thresholds where `sets_thresholds`. Returns the macro AUROC. */
double task_label_figures(struct stage *stage, struct task_labels *labels, const float *scores, const int8_t *known,
                          size_t rows, const char *what, bool sets_thresholds, bool prints);

#endif
