#include "base/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

static bool line_is_open;

double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

char *format_duration(char *text, size_t bytes, double seconds)
{
    long s = (long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, bytes, "%ld h %02ld min", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(text, bytes, "%ld min %02ld s", s / 60, s % 60);
    else
        snprintf(text, bytes, "%ld s", s);
    return text;
}

void progress_clear_line(void)
{
    if (line_is_open) {
        fputs("\r\033[K", stderr);
        line_is_open = false;
    }
}

void progress_start(struct progress *progress, const char *title, const char *unit, double total)
{
    double now = clock_seconds();
    *progress = (struct progress){.title = title, .unit = unit, .total = total, .started = now, .shown = now};
}

void progress_skip(struct progress *progress, double done)
{
    progress->total -= done;
}

static void show(struct progress *progress, bool is_last)
{
    char left[32], line[400];
    double elapsed = clock_seconds() - progress->started;
    double rate = elapsed > 0 ? progress->done / elapsed : 0;
    int used = snprintf(line, sizeof line, "%s: %.0f", progress->title, progress->done);

    if (progress->total > 0)
        used += snprintf(line + used, sizeof line - (size_t)used, " of %.0f %s (%.0f %%)", progress->total,
                         progress->unit, 100 * progress->done / progress->total);
    else
        used += snprintf(line + used, sizeof line - (size_t)used, " %s", progress->unit);
    used += snprintf(line + used, sizeof line - (size_t)used, rate < 10 ? ", %.2f/s" : ", %.0f/s", rate);
    if (is_last)
        used +=
            snprintf(line + used, sizeof line - (size_t)used, ", took %s", format_duration(left, sizeof left, elapsed));
    else if (progress->total > 0 && rate > 0)
        used += snprintf(line + used, sizeof line - (size_t)used, ", %s left",
                         format_duration(left, sizeof left, (progress->total - progress->done) / rate));
    if (progress->note[0])
        snprintf(line + used, sizeof line - (size_t)used, ", %s", progress->note);
    if (isatty(STDERR_FILENO) && !is_last) {
        fprintf(stderr, "\r\033[K%s", line);
        fflush(stderr);
        line_is_open = true;
    } else {
        log_info("%s", line);
    }
}

/* Seconds between two lines. */
static double line_interval(void)
{
    const char *text = getenv("ANYECG_PROGRESS_SECONDS");
    double seconds;
    if (isatty(STDERR_FILENO))
        return 0.25;
    return text && parse_double(text, &seconds) && seconds > 0 ? seconds : 60;
}

/* Takes the count; true if it is time to show it. */
static bool is_due(struct progress *progress, double done)
{
    double now = clock_seconds();
    progress->done = done;
    if (!log_shows(LOG_INFO) || now - progress->shown < line_interval())
        return false;
    progress->shown = now;
    return true;
}

void progress_count(struct progress *progress, double done)
{
    if (is_due(progress, done))
        show(progress, false);
}

void progress_update(struct progress *progress, double done, const char *note_format, ...)
{
    if (!is_due(progress, done))
        return;
    va_list arguments;
    va_start(arguments, note_format);
    vsnprintf(progress->note, sizeof progress->note, note_format, arguments);
    va_end(arguments);
    show(progress, false);
}

void progress_finish(struct progress *progress)
{
    progress->note[0] = '\0';
    if (log_shows(LOG_INFO))
        show(progress, true);
}
