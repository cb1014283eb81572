/* train/metrics_file.h — lines of metrics.jsonl: one JSON object each, figures with 9 digits, null for what is not
 * finite. Written with stdio alone, so that a line costs no allocation. */
#ifndef TRAIN_METRICS_FILE_H
#define TRAIN_METRICS_FILE_H

#include <stdio.h>

#include "train/run.h"

struct step_report {
    double gradient_norm, tokens_per_second, memory_mb;
    double phase_seconds[N_PHASES]; /* a step, of the slowest rank */
};

void metrics_write_step(FILE *file, const struct run *run, const struct step_report *report);

/* stage->results, with "split": "validation". */
void metrics_write_validation(FILE *file, const struct run *run);

/* Brings all lines so far to the disk, so that none of before a checkpoint is missing behind it. */
void metrics_sync(FILE *file);

/* Memory of this process in RAM, MB; 0 where /proc does not tell. */
double resident_megabytes(void);

#endif
