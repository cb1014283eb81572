/* base/progress.h — how far a long job is, how fast it goes and how long it will still take.
 *
 * On a terminal one line is redrawn a few times a second; elsewhere one log line a minute, or every
 * ANYECG_PROGRESS_SECONDS of the environment. Prints only where log_shows(LOG_INFO). */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct progress {
    const char *title, *unit; /* "packing", "records"; borrowed */
    double total, done;       /* in `unit`; total 0 = not known */
    double started, shown;    /* seconds, monotonic */
    char note[160];           /* shown behind the figures */
};

void progress_start(struct progress *progress, const char *title, const char *unit, double total);

/* The work counted before this run (a resumed job): neither rate nor remaining time count it. */
void progress_skip(struct progress *progress, double done);

void progress_update(struct progress *progress, double done, const char *note_format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with nothing behind the figures. */
void progress_count(struct progress *progress, double done);

/* Ends the line; the last state stays on the screen. */
void progress_finish(struct progress *progress);

/* Clears an unfinished progress line before something else is printed. */
void progress_clear_line(void);

/* Seconds on a monotonic clock. */
double clock_seconds(void);

/* "1 h 02 min", "3 min 20 s", "12 s". Returns `text`. */
char *format_duration(char *text, size_t bytes, double seconds);

#endif
