#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static _Thread_local char message[STATUS_MESSAGE_BYTES];

enum status status_set(enum status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return status;
}

void status_context(const char *format, ...)
{
    char old[STATUS_MESSAGE_BYTES], context[STATUS_MESSAGE_BYTES];
    va_list arguments;

    memcpy(old, message, sizeof old);
    va_start(arguments, format);
    vsnprintf(context, sizeof context, format, arguments);
    va_end(arguments);
    copy_text(message, sizeof message, context);
    size_t used = strlen(message);
    copy_text(message + used, sizeof message - used, ": ");
    used = strlen(message);
    copy_text(message + used, sizeof message - used, old);
}

const char *status_message(void)
{
    return message;
}

const char *status_text(enum status status)
{
    switch (status) {
#define X(name, code, text)                                                                                            \
    case STATUS_##name:                                                                                                \
        return text;
        STATUS_LIST(X)
#undef X
    }
    return "unknown status";
}
