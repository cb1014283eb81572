/* train/parent.h — the checkpoint that a run starts from: the tokenizer of pretrain, the trunk of finetune. */
#ifndef TRAIN_PARENT_H
#define TRAIN_PARENT_H

#include "train/run.h"

/* Opens the checkpoint at `path`; checks that its signals were prepared as the corpus's; adds those it was trained on
 * to run->subjects; sets run->parent_hash. Collective, ends in agreement. */
enum status parent_open(struct checkpoint **out, const char *path, struct run *run);

/* Reads the tensors whose names begin with `prefix` into weights: rank 0 reads, all receive. Collective, ends in
 * agreement. */
enum status parent_weights(const struct checkpoint *checkpoint, const struct parameters *parameters, real *weights,
                           const char *prefix, const struct world *world);

#endif
