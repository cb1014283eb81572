/* train/kmeans_baseline.h — what plain k-means over standardised patches reaches with as many codes as the tokenizer:
 * the row that a learned codebook must beat. */
#ifndef TRAIN_KMEANS_BASELINE_H
#define TRAIN_KMEANS_BASELINE_H

#include "train/run.h"

/* Lloyd's algorithm by Euclidean distance, 20 rounds over up to `patches` training patches; *r2 = 1 - Σ(x - c)²/Σx² on
 * the validation patches. Divided over ranks. Collective, ends in agreement. */
enum status kmeans_baseline(struct run *run, size_t codes, size_t patches, double *r2);

#endif
