/* train/dry_run.h — what a run would take: weights, memory of a rank, steps, checkpoint size. */
#ifndef TRAIN_DRY_RUN_H
#define TRAIN_DRY_RUN_H

#include "train/run.h"

/* Prints to stdout on rank 0. run->sampler and bounds are set; no model has been made. Local. */
enum status dry_run(struct run *run);

#endif
