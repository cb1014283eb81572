/* io/pack/noise.c — what electrodes and recorder add to the simulated heart: wander, muscle, mains, lost leads. */
#include <math.h>

#include "base/random.h"
#include "io/pack/simulator.h"

void simulate_recorder(struct simulated_record *record)
{
    struct random random = random_stream(record->settings.seed, 6, record->number, RANDOM_SIMULATOR);
    double noise = record->settings.noise;
    record->wander_mv = noise * 0.04 * exp(0.6 * random_truncated_normal(&random));
    record->muscle_mv = noise * 0.006 * exp(0.6 * random_truncated_normal(&random));
    record->mains_mv = noise * 0.006 * exp(0.8 * random_truncated_normal(&random));
    record->mains_phase = 2 * M_PI * random_uniform(&random);
    for (int i = 0; i < 3; i++)
        record->wander_hz[i] = 0.05 + 0.35 * random_uniform(&random);
    record->wander_hz[0] = record->respiration_hz;
    for (unsigned e = 0; e < N_ELECTRODES; e++) {
        record->mains_share[e] = 0.3 + random_uniform(&random);
        for (int i = 0; i < 3; i++)
            record->wander_phase[e][i] = 2 * M_PI * random_uniform(&random);
    }
    if (noise > 0 && random_uniform(&random) < 0.02)
        record->lost_electrodes = 1u << (ELECTRODE_V1 + random_below(&random, 6));
}

/* White noise of one electrode, second by second from its own stream, so that any stretch is the same however it is
 * read. Its strength swells and falls as muscles tighten. */
static void add_muscle(const struct simulated_record *record, unsigned electrode, uint64_t first, uint64_t count,
                       double *mv)
{
    double rate = record->settings.rate_hz;
    uint64_t per_block = (uint64_t)ceil(rate), end = first + count;
    for (uint64_t block = first / per_block; block * per_block < end; block++) {
        struct random random = random_stream(record->settings.seed, 1000 + block * N_ELECTRODES + electrode,
                                             record->number, RANDOM_SIMULATOR);
        for (uint64_t sample = block * per_block; sample < (block + 1) * per_block && sample < end; sample++) {
            double value = random_uniform(&random) + random_uniform(&random) + random_uniform(&random) - 1.5;
            if (sample < first)
                continue;
            double t = (double)sample / rate;
            double strength = 1 + 0.5 * sin(2 * M_PI * 0.13 * t + record->wander_phase[electrode][1]);
            mv[sample - first] += record->muscle_mv * 2 * strength * value; /* the sum above has deviation 0.5 */
        }
    }
}

void add_noise(const struct simulated_record *record, unsigned electrode, uint64_t first, uint64_t count, double *mv)
{
    if (record->settings.noise <= 0)
        return;
    double mains = 2 * M_PI * record->settings.mains_hz;
    for (uint64_t i = 0; i < count; i++) {
        double t = (double)(first + i) / record->settings.rate_hz, wander = 0;
        for (int k = 0; k < 3; k++)
            wander += sin(2 * M_PI * record->wander_hz[k] * t + record->wander_phase[electrode][k]);
        mv[i] += record->wander_mv * wander +
                 record->mains_mv * record->mains_share[electrode] * sin(mains * t + record->mains_phase);
    }
    add_muscle(record, electrode, first, count, mv);
}
