/* train/task_trunk.h — where the trunk of a task comes from: a checkpoint of pretrain or finetune, or nothing. */
#ifndef TRAIN_TASK_TRUNK_H
#define TRAIN_TASK_TRUNK_H

#include "train/run.h"
#include "train/task_labels.h"

struct task_trunk {
    struct trunk_config model;
    struct checkpoint *parent; /* NULL: --init none */
};

/* Opens --init; the shape of an untrained trunk is that of pretrain.model. Collective, ends in agreement. */
enum status task_trunk_open(struct task_trunk *trunk, struct run *run);
void task_trunk_close(struct task_trunk *trunk);

/* Start values of all tensors, the parent's over those of the trunk. Collective, ends in agreement. */
enum status task_trunk_weights(const struct task_trunk *trunk, struct stage *stage);

/* Trunk, head and classes into a checkpoint's message. Local. */
void task_trunk_describe(const struct task_trunk *trunk, const struct head_config *head,
                         const struct task_labels *labels, struct message_store *store);

/* Takes the thresholds back from the message's vocabulary. STATUS_DAMAGED if classes differ. */
enum status task_trunk_restore(struct task_labels *labels, const Anyecg__Checkpoint *message);

/* Figures of label tasks: scores (probabilities) and labels [rows, classes]. Fills results of the stage with `what` in
 * front ("record", "second"), thresholds where `sets_thresholds`. Returns the macro AUROC. */
double task_label_figures(struct stage *stage, struct task_labels *labels, const float *scores, const int8_t *known,
                          size_t rows, const char *what, bool sets_thresholds, bool prints);

#endif
