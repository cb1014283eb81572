/* train/timers.h — where the time of a step goes. */
#ifndef TRAIN_TIMERS_H
#define TRAIN_TIMERS_H

#include "base/progress.h"

enum phase {
    PHASE_LOAD,
    PHASE_FORWARD,
    PHASE_BACKWARD,
    PHASE_REDUCE,
    PHASE_OPTIMISER,
    PHASE_VALIDATE,
    PHASE_SAVE,
    N_PHASES
};

static const char *const phase_names[N_PHASES] = {"load",      "forward",  "backward", "reduce",
                                                  "optimiser", "validate", "save"};

struct timers {
    double seconds[N_PHASES]; /* since the last log line */
};

/* Adds the time since `started` to a phase; returns the present time. */
static inline double timers_add(struct timers *timers, enum phase phase, double started)
{
    double now = clock_seconds();

    timers->seconds[phase] += now - started;
    return now;
}

#endif
