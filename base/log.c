#include "base/log.h"

#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include "base/progress.h"

static enum log_level shown = LOG_INFO;
static bool silent;
static FILE *log_file;

void log_set_level(enum log_level level)
{
    shown = level;
}

bool log_shows(enum log_level level)
{
    return !silent && level <= shown;
}

void log_silence(void)
{
    silent = true;
}

void log_set_file(FILE *file)
{
    log_file = file;
}

static void print(enum log_level level, const char *prefix, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    if (log_shows(level)) {
        progress_clear_line();
        fputs(prefix, stderr);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
    }
    if (log_file && !silent) {
        char stamp[32];
        time_t now = time(NULL);
        struct tm utc;
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
        fprintf(log_file, "%s %s", stamp, prefix);
        vfprintf(log_file, format, again);
        fputc('\n', log_file);
        fflush(log_file);
    }
    va_end(again);
}

#define DEFINE_LOG(name, level, prefix)                                                                                \
    void log_##name(const char *format, ...)                                                                           \
    {                                                                                                                  \
        va_list arguments;                                                                                             \
        va_start(arguments, format);                                                                                   \
        print(level, prefix, format, arguments);                                                                       \
        va_end(arguments);                                                                                             \
    }

DEFINE_LOG(error, LOG_ERROR, "error: ")
DEFINE_LOG(warning, LOG_WARNING, "warning: ")
DEFINE_LOG(info, LOG_INFO, "")
DEFINE_LOG(debug, LOG_DEBUG, "debug: ")
