/* model/optimiser.h — AdamW (Loshchilov, Hutter, arXiv 1711.05101), warm-up and cosine schedule, clipping by global
 * norm. */
#ifndef MODEL_OPTIMISER_H
#define MODEL_OPTIMISER_H

#include "model/parameters.h"

struct optimiser_config {
    double learning_rate, least_learning_rate; /* peak and end of the cosine */
    double beta1, beta2, epsilon, weight_decay;
    double clip;        /* global norm; 0 = none */
    double layer_decay; /* 1 = none: rate of layer l is multiplied by layer_decay^(layers + 1 - l) */
};

/* Rate at a step (0-based) of a schedule: linear from 0 over warmup_steps, then cosine to the least rate at
 * total_steps. */
double schedule_rate(const struct optimiser_config *config, uint64_t step, uint64_t warmup_steps, uint64_t total_steps);

/* Root of the sum of squares, accumulated in double. Not finite if any gradient is not. */
double gradient_norm(const real *gradient, size_t count);

/* One step, in one pass over memory: gradients are scaled by `scale` (clipping) first. moment1, moment2: [count].
 * step counts from 1 (bias correction). layers: number of the head's layer for layer decay. */
void adamw_step(const struct parameters *parameters, const struct optimiser_config *config, real *weights,
                const real *gradient, real *moment1, real *moment2, double rate, double scale, uint64_t step,
                int layers);

#endif
