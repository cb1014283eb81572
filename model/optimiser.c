#include "model/optimiser.h"

#include <math.h>

#include "base/dispatch.h"

double schedule_rate(const struct optimiser_config *config, uint64_t step, uint64_t warmup_steps, uint64_t total_steps)
{
    const double pi = 3.14159265358979323846;
    double peak = config->learning_rate, least = config->least_learning_rate;
    if (step < warmup_steps)
        return peak * (double)step / (double)warmup_steps;
    if (step >= total_steps)
        return least;
    double part = (double)(step - warmup_steps) / (double)(total_steps - warmup_steps);
    return least + 0.5 * (peak - least) * (1.0 + cos(pi * part));
}

KERNEL_CLONES double gradient_norm(const real *gradient, size_t count)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < count; i++)
        sum += (double)gradient[i] * (double)gradient[i];
    return sqrt(sum);
}

/* One tensor: m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², w ← w(1 − rate·decay) − rate_m · m / (√v·inverse_root + ε). */
struct adamw_factors {
    real scale, beta1, rest1, beta2, rest2, keep, rate, inverse_root, epsilon; /* rest = 1 − β, from doubles */
};

KERNEL_CLONES static void adamw_range(const struct adamw_factors *factors, real *restrict weights,
                                      const real *restrict gradient, real *restrict moment1, real *restrict moment2,
                                      size_t count)
{
    const struct adamw_factors f = *factors;
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        real g = gradient[i] * f.scale;
        real m = f.beta1 * moment1[i] + f.rest1 * g;
        real v = f.beta2 * moment2[i] + f.rest2 * g * g;
        moment1[i] = m;
        moment2[i] = v;
#ifdef ANYECG_DOUBLE
        real root = sqrt(v);
#else
        real root = sqrtf(v);
#endif
        weights[i] = weights[i] * f.keep - f.rate * m / (root * f.inverse_root + f.epsilon);
    }
}

void adamw_step(const struct parameters *parameters, const struct optimiser_config *config, real *weights,
                const real *gradient, real *moment1, real *moment2, double rate, double scale, uint64_t step,
                int layers)
{
    double correction1 = 1.0 - pow(config->beta1, (double)step), correction2 = 1.0 - pow(config->beta2, (double)step);

    for (size_t i = 0; i < parameters->n_tensors; i++) {
        const struct tensor *tensor = &parameters->tensors[i];
        int below_head = layers > tensor->layer ? layers - tensor->layer : 0;
        double own_rate = rate * pow(config->layer_decay, below_head);
        struct adamw_factors factors = {
            .scale = (real)scale,
            .beta1 = (real)config->beta1,
            .rest1 = (real)(1.0 - config->beta1),
            .beta2 = (real)config->beta2,
            .rest2 = (real)(1.0 - config->beta2),
            .keep = (real)(tensor->decays ? 1.0 - own_rate * config->weight_decay : 1.0),
            .rate = (real)(own_rate / correction1),
            .inverse_root = (real)(1.0 / sqrt(correction2)),
            .epsilon = (real)config->epsilon,
        };
        size_t first = tensor->first;
        adamw_range(&factors, weights + first, gradient + first, moment1 + first, moment2 + first, tensor->count);
    }
}
