#include "train/stage.h"

#include <stdarg.h>
#include <stdio.h>

void stage_result(struct stage *stage, double value, const char *name_format, ...)
{
    va_list arguments;
    struct result *result;

    if (stage->n_results == MOST_RESULTS)
        return; /* classes beyond the room stay out of metrics.jsonl; the means are there */
    result = &stage->results[stage->n_results++];
    va_start(arguments, name_format);
    vsnprintf(result->name, sizeof result->name, name_format, arguments);
    va_end(arguments);
    result->value = value;
}
