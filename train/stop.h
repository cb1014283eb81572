/* train/stop.h — when a run should save and end early: signals, a file STOP in the run folder, the time allowed. */
#ifndef TRAIN_STOP_H
#define TRAIN_STOP_H

#include <stdbool.h>

enum stop_reason { STOP_NONE, STOP_SIGNAL, STOP_FILE, STOP_HOURS, STOP_SLURM };

struct stop {
    char *file;                        /* RUN/STOP; NULL on ranks that do not look */
    double started;                    /* monotonic seconds */
    double most_seconds;               /* --max-hours; 0: none */
    double job_end;                    /* SLURM_JOB_END_TIME, seconds since 1970; 0: not known */
    double looked;                     /* when the file was looked for last */
    double slowest_save, slowest_step; /* seconds; set by the step loop */
};

/* Watches signals. run_folder NULL: no file is looked for (ranks other than 0). max_hours 0: SLURM_JOB_END_TIME, if
 * set. */
void stop_start(struct stop *stop, const char *run_folder, double max_hours);
void stop_end(struct stop *stop);

/* Why this rank would stop now. Local; the ranks take the greatest. */
enum stop_reason stop_wanted(struct stop *stop);

const char *stop_reason_text(enum stop_reason reason);

#endif
