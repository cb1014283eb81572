#include "infer/result_store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

struct result_store *result_store_create(void)
{
    return xcalloc(1, sizeof(struct result_store));
}

void result_store_free(struct result_store *store)
{
    if (!store)
        return;
    free(store->probability);
    free(store->threshold);
    free(store->classes);
    free(store->warnings);
    free(store->warning_texts);
    free(store->codes);
    free(store->embedding);
    free(store->sums);
    free(store->piece);
    free(store->made_mv);
    free(store->measured_mv);
    free(store->seconds);
    free(store->events);
    free(store);
}

void result_warn(struct anyecg *model, const char *format, ...)
{
    struct result_store *store = model->store;
    va_list arguments;
    GROW_ARRAY(store->warning_texts, store->warning_texts_capacity, store->n_warnings + 1);
    va_start(arguments, format);
    vsnprintf(store->warning_texts[store->n_warnings++], sizeof *store->warning_texts, format, arguments);
    va_end(arguments);
}

float class_threshold(const struct anyecg *model, size_t class)
{
    const Anyecg__Class *stored = model->message->vocabulary[class];
    return stored->has_threshold ? (float)stored->threshold : 0.5f;
}

static void set_classes(struct anyecg *model)
{
    struct result_store *store = model->store;
    GROW_ARRAY(store->probability, store->probability_capacity, model->n_classes);
    GROW_ARRAY(store->threshold, store->threshold_capacity, model->n_classes);
    GROW_ARRAY(store->classes, store->classes_capacity, model->n_classes);
    for (size_t i = 0; i < model->n_classes; i++) {
        store->classes[i] = model->class_names[i];
        store->threshold[i] = class_threshold(model, i);
        store->probability[i] = 0;
    }
    model->result.n_classes = model->n_classes;
    model->result.classes = store->classes;
    model->result.probability = store->probability;
    model->result.threshold = store->threshold;
}

void result_begin(struct anyecg *model, const struct stream_info *info)
{
    struct result_store *store = model->store;

    copy_text(store->record, sizeof store->record, info->record);
    copy_text(store->source, sizeof store->source, info->source);
    for (size_t i = 0; i < info->n_leads; i++)
        store->leads[i] = lead_name(info->lead[i]);
    store->n_warnings = store->n_events = 0;
    model->result = (struct anyecg_result){.record = store->record,
                                           .source = store->source,
                                           .n_leads = info->n_leads,
                                           .leads = store->leads,
                                           .seconds = info->seconds};
    for (size_t i = 0; i < info->n_warnings; i++)
        result_warn(model, "%s", info->warnings[i]);
    set_classes(model);
}

void result_end(struct anyecg *model)
{
    struct result_store *store = model->store;
    GROW_ARRAY(store->warnings, store->warnings_capacity, store->n_warnings);
    for (size_t i = 0; i < store->n_warnings; i++)
        store->warnings[i] = store->warning_texts[i];
    model->result.n_warnings = store->n_warnings;
    model->result.warnings = store->warnings;
    model->result.n_events = store->n_events;
    model->result.events = store->events;
}
