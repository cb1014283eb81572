#include "train/stop.h"

#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "base/progress.h"
#include "base/signals.h"
#include "base/text.h"

/* Between two looks for the file: a metadata request a second is nothing to a parallel file system, thousands are. */
static const double LOOK_SECONDS = 1.0;

void stop_start(struct stop *stop, const char *run_folder, double max_hours)
{
    const char *end = getenv("SLURM_JOB_END_TIME");
    double value;

    *stop = (struct stop){.started = clock_seconds(), .most_seconds = max_hours * 3600};
    if (run_folder != NULL)
        stop->file = join_path(run_folder, "STOP");
    if (max_hours == 0 && end != NULL && parse_double(end, &value))
        stop->job_end = value;
    signals_watch();
}

void stop_end(struct stop *stop)
{
    free(stop->file);
    stop->file = NULL;
}

/* Seconds that the rest of a step and a checkpoint may take, with room for a slow file system. */
static double time_to_save(const struct stop *stop)
{
    return 30 + 3 * stop->slowest_save + 2 * stop->slowest_step;
}

enum stop_reason stop_wanted(struct stop *stop)
{
    double now = clock_seconds();

    if (signals_received() != 0)
        return STOP_SIGNAL;
    if (stop->most_seconds > 0 && now - stop->started >= stop->most_seconds)
        return STOP_HOURS;
    if (stop->job_end > 0 && (double)time(NULL) + time_to_save(stop) >= stop->job_end)
        return STOP_SLURM;
    if (stop->file != NULL && now - stop->looked >= LOOK_SECONDS) {
        stop->looked = now;
        if (file_exists(stop->file))
            return STOP_FILE;
    }
    return STOP_NONE;
}

const char *stop_reason_text(enum stop_reason reason)
{
    switch (reason) {
    case STOP_SIGNAL:
        return "a signal asked for it";
    case STOP_FILE:
        return "the run folder holds a file STOP";
    case STOP_HOURS:
        return "--max-hours is reached";
    case STOP_SLURM:
        return "the Slurm job is about to end";
    default:
        return "nothing asked for it";
    }
}
