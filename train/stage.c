#include "train/stage.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

struct stage *stage_new(const struct stage_operations *operations, struct run *run)
{
    struct stage *stage = xcalloc(1, operations->bytes);

    stage->operations = operations;
    stage->run = run;
    stage->best_figure = NAN;
    while (stage->n_terms < MOST_TERMS && operations->term_names[stage->n_terms] != NULL)
        stage->n_terms++;
    return stage;
}

void stage_free(struct stage *stage)
{
    if (stage == NULL)
        return;
    stage->operations->free(stage);
    free(stage->weights);
    free(stage);
}

bool stage_accepts_all(const struct corpus_record *record, void *context)
{
    (void)context;
    return record->seconds > 0;
}

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
