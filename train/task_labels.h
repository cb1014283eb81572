/* train/task_labels.h — the classes of a task and what each record is known to be. */
#ifndef TRAIN_TASK_LABELS_H
#define TRAIN_TASK_LABELS_H

#include "io/corpus/corpus.h"
#include "model/config.h"
#include "train/config.h"

struct task_class {
    char code[32], name[CLASS_NAME_BYTES];
    long column;      /* in the corpus vocabulary; -1: not there */
    double threshold; /* of the probability, chosen on validation; NaN: not yet */
};

struct task_labels {
    size_t n_classes;
    struct task_class *classes;
    int8_t *labels;         /* [n_records, n_classes], enum label_state */
    float *positive_weight; /* [n_classes] */
};

/* anomaly: one class. arrhythmia: classes of the vocabulary with enough training records that show them. longecg: those
 * of the config, by name. leadgen: none. Labels of training records are permuted for finetune.shuffle_labels.
 * STATUS_DATA if no class is left, or if nothing can be learned from the training split: anomaly and arrhythmia need a
 * class that some records show and others do not, longecg one that any shows. Local, the same on all ranks. */
enum status task_labels_create(struct task_labels *labels, const struct corpus *corpus, enum task task,
                               const struct config *config);
void task_labels_free(struct task_labels *labels);

/* Whether anything is known of this record. */
bool task_labels_known(const struct task_labels *labels, const struct corpus *corpus,
                       const struct corpus_record *record);

#endif
