/* train/profile_table.h — the table at the end of the log of `anyecg-train --profile`: time, operations and bytes of a
 * step by phase and part, and by layer, over all ranks. docs/PERFORMANCE.md says how to read it. */
#ifndef TRAIN_PROFILE_TABLE_H
#define TRAIN_PROFILE_TABLE_H

#include "train/run.h"

/* Measures the rate of matrix products at the sizes of this run's trunk (a fifth of a second) and starts the profile.
 * Returns the rate, operations a second of this rank. Collective: all ranks measure at the same time. */
double profile_begin(const struct run *run);

/* Ends the profile and prints it. steps: taken since profile_begin(), more than 0; rate: what that returned.
 * Collective. */
void profile_print(const struct run *run, uint64_t steps, double rate);

#endif
