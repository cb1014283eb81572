/* base/log.h — log lines go to stderr, and to a file if one is set; results go to stdout and never pass here.
 *
 * One rank prints: ranks other than 0 call log_silence(). Warnings of other ranks reach the user through agreement
 * (comm/world.h) or counts. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdio.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Sets what is shown: -q LOG_WARNING, default LOG_INFO, -v LOG_DEBUG. */
void log_set_level(enum log_level level);
bool log_shows(enum log_level level);

/* This process prints nothing from now on (a rank other than 0). */
void log_silence(void);

/* Log lines are also appended to `file` with the time in front; NULL ends that. The caller keeps ownership. */
void log_set_file(FILE *file);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
