#include "train/metrics_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static void write_number(FILE *file, const char *key, double value)
{
    if (isfinite(value))
        fprintf(file, ", \"%s\": %.9g", key, value);
    else
        fprintf(file, ", \"%s\": null", key);
}

/* A disk that fills up does not end the training between two checkpoints, but it is told. */
static void flush(FILE *file)
{
    static bool has_warned;

    if (fflush(file) != 0 && !has_warned) {
        log_warning("metrics.jsonl: lines cannot be written: %s; training goes on, but a checkpoint may fail as well",
                    strerror(errno));
        has_warned = true;
    }
    clearerr(file);
}

void metrics_write_step(FILE *file, const struct run *run, const struct step_report *report)
{
    const struct stage *stage = run->stage;

    fprintf(file, "{\"step\": %" PRIu64 ", \"epoch\": %" PRIu64, run->step, run->epoch);
    for (size_t i = 0; i < stage->n_terms; i++)
        write_number(file, stage->operations->term_names[i], stage->terms[i]);
    write_number(file, "lr", run->rate);
    write_number(file, "gradient_norm", report->gradient_norm);
    write_number(file, "tokens_per_second", report->tokens_per_second);
    write_number(file, "memory_mb", report->memory_mb);
    fprintf(file, ", \"seconds\": {");
    for (int i = 0; i < N_PHASES; i++)
        fprintf(file, "%s\"%s\": %.6f", i ? ", " : "", phase_names[i], report->phase_seconds[i]);
    fprintf(file, "}}\n");
    flush(file);
}

void metrics_write_validation(FILE *file, const struct run *run)
{
    const struct stage *stage = run->stage;

    fprintf(file, "{\"step\": %" PRIu64 ", \"epoch\": %" PRIu64 ", \"split\": \"validation\"", run->step, run->epoch);
    for (size_t i = 0; i < stage->n_results; i++)
        write_number(file, stage->results[i].name, stage->results[i].value);
    fprintf(file, "}\n");
    flush(file);
}

void metrics_sync(FILE *file)
{
    flush(file);
    if (fsync(fileno(file)) != 0 && errno != EINVAL) /* EINVAL: no file but a pipe or the like */
        log_warning("metrics.jsonl: lines cannot be brought to the disk: %s", strerror(errno));
}

double resident_megabytes(void)
{
    char text[128];
    long pages = 0;
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t bytes = file >= 0 ? read(file, text, sizeof text - 1) : -1;

    if (file >= 0)
        close(file);
    if (bytes <= 0)
        return 0;
    text[bytes] = 0;
    if (sscanf(text, "%*d %ld", &pages) != 1)
        return 0;
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}
