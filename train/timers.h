/* train/timers.h — where the time of a step goes.
 *
 * At any moment the time belongs to one phase; a change of phase is also one of the profile (base/profile.h). */
#ifndef TRAIN_TIMERS_H
#define TRAIN_TIMERS_H

#include "base/profile.h"
#include "base/progress.h"

enum phase {
    PHASE_LOAD,
    PHASE_FORWARD,
    PHASE_BACKWARD,
    PHASE_REDUCE,
    PHASE_OPTIMISER,
    PHASE_VALIDATE,
    PHASE_SAVE,
    N_PHASES,
    PHASE_BETWEEN = N_PHASES /* none of them: log lines, decisions to stop */
};

static const char *const phase_names[N_PHASES] = {"load",      "forward",  "backward", "reduce",
                                                  "optimiser", "validate", "save"};

struct timers {
    double seconds[N_PHASES + 1]; /* since the last log line */
    enum phase phase;             /* whose time it is now */
    double since;
};

/* From now on the time is that of `phase`. */
static inline void timers_switch(struct timers *timers, enum phase phase)
{
    double now = clock_seconds();

    timers->seconds[timers->phase] += now - timers->since;
    timers->phase = phase;
    timers->since = now;
    profile_phase(phase);
}

/* Forgets what was counted. */
static inline void timers_reset(struct timers *timers, enum phase phase)
{
    *timers = (struct timers){.phase = phase, .since = clock_seconds()};
}

#endif
