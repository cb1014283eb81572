#include "infer/output.h"

#include "base/json.h"

static const char *const task_names[] = {"anomaly", "arrhythmia", "leadgen", "longecg", "tokenize", "embed"};

static json_t *text_list(const char *const *texts, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_any_text(texts[i]));
    return list;
}

static void add_classes(json_t *object, const struct anyecg_result *result)
{
    json_t *probability = json_object(), *positive = json_array(), *events = json_array();
    for (size_t c = 0; c < result->n_classes; c++) {
        json_object_set_new(probability, result->classes[c], json_number_or_null((double)result->probability[c]));
        if (result->probability[c] >= result->threshold[c])
            json_array_append_new(positive, json_string(result->classes[c]));
    }
    for (size_t i = 0; i < result->n_events; i++) {
        const struct anyecg_event *event = &result->events[i];
        json_array_append_new(events,
                              json_pack("{s:f, s:f, s:s, s:f}", "onset_s", event->onset_s, "offset_s", event->offset_s,
                                        "code", event->code, "probability", (double)event->probability));
    }
    json_object_set_new(object, "probability", probability);
    json_object_set_new(object, "positive", positive);
    json_object_set_new(object, "events", events);
}

/* One list of codes a lead, in the order of "leads". */
static json_t *code_lists(const struct anyecg_result *result)
{
    json_t *lists = json_array();
    for (size_t lead = 0; lead < result->n_leads; lead++) {
        json_t *codes = json_array();
        for (size_t second = 0; second < result->seconds; second++)
            json_array_append_new(codes, json_integer(result->codes[second * result->n_leads + lead]));
        json_array_append_new(lists, codes);
    }
    return lists;
}

json_t *result_to_json(const struct anyecg_result *result, enum anyecg_task task)
{
    json_t *object = json_object();
    json_object_set_new(object, "record", json_any_text(result->record));
    json_object_set_new(object, "source", json_any_text(result->source));
    json_object_set_new(object, "leads", text_list(result->leads, result->n_leads));
    json_object_set_new(object, "seconds", json_integer(result->seconds));
    json_object_set_new(object, "task", json_string(task_names[task]));
    if (task == ANYECG_ANOMALY || task == ANYECG_ARRHYTHMIA || task == ANYECG_LONGECG)
        add_classes(object, result);
    if (task == ANYECG_TOKENIZE)
        json_object_set_new(object, "codes", code_lists(result));
    if (task == ANYECG_LEADGEN)
        json_object_set_new(object, "made", text_list(result->made, result->n_made));
    if (task == ANYECG_EMBED) {
        json_t *embedding = json_array();
        for (size_t i = 0; i < result->width; i++)
            json_array_append_new(embedding, json_number_or_null((double)result->embedding[i]));
        json_object_set_new(object, "embedding", embedding);
    }
    json_object_set_new(object, "warnings", text_list(result->warnings, result->n_warnings));
    return object;
}
