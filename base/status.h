/* base/status.h — what went wrong, for the caller and for the user.
 *
 * A function that can fail returns `enum status`; 0 is success. Where the fault is seen it calls status_set() once,
 * with a message that names file, field, value and remedy. Callers forward with TRY(); they may put context in front
 * with status_context(), never replace the message. The message is kept per thread until the next status_set(). */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>

/* name, exit code of the program, short text. Exit codes are a contract with job scripts: never renumber. */
#define STATUS_LIST(X)                                                                                                 \
    X(OK, 0, "done")                                                                                                   \
    X(INTERNAL, 1, "internal error")                                                                                   \
    X(USAGE, 2, "wrong command line")                                                                                  \
    X(PARTIAL, 3, "done, but some inputs were refused")                                                                \
    X(DATA, 4, "bad data")                                                                                             \
    X(CONFIG, 5, "bad configuration")                                                                                  \
    X(IO, 6, "input or output failed")                                                                                 \
    X(DAMAGED, 7, "checkpoint or corpus damaged or not matching")                                                      \
    X(NOT_FINITE, 8, "numbers are not finite")                                                                         \
    X(RANK_LOST, 9, "a rank died or hung")                                                                             \
    X(STOPPED, 16, "stopped by signal or time limit, saved, can be resumed")

enum status {
#define X(name, code, text) STATUS_##name = code,
    STATUS_LIST(X)
#undef X
};

enum { STATUS_MESSAGE_BYTES = 1024 };

/* Sets the message of this thread and returns `status`, so that `return status_set(...)` reads well. */
enum status status_set(enum status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front of the message of this thread. */
void status_context(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The message of this thread; "" if none was set. */
const char *status_message(void);

/* The short text of a status, for example "bad data". */
const char *status_text(enum status status);

/* Forwards a failure to the label `fail`; a variable `enum status status` must be in scope. */
#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        if ((status = (expression)) != STATUS_OK)                                                                      \
            goto fail;                                                                                                 \
    } while (0)

/* Fails with a message of its own: FAIL(STATUS_DATA, "%s: ...", ...). */
#define FAIL(code, ...)                                                                                                \
    do {                                                                                                               \
        status = status_set(code, __VA_ARGS__);                                                                        \
        goto fail;                                                                                                     \
    } while (0)

/* Fails unless the condition holds. */
#define REQUIRE(condition, code, ...)                                                                                  \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            FAIL(code, __VA_ARGS__);                                                                                   \
    } while (0)

#endif
