#include "infer/output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/span.h"
#include "base/text.h"
#include "io/recording/wfdb_writer.h"

static const char *const task_names[] = {"anomaly", "arrhythmia", "leadgen", "longecg", "tokenize", "embed"};

static json_t *text_list(const char *const *texts, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(texts[i]));
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
    json_object_set_new(object, "record", json_string(result->record));
    json_object_set_new(object, "source", json_string(result->source));
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

/* --- WFDB -------------------------------------------------------------------------------------------------------- */

/* A lead of the output and where its samples lie. */
struct column {
    enum lead lead;
    const float *mv;
};

static int by_lead(const void *a, const void *b)
{
    return (int)((const struct column *)a)->lead - (int)((const struct column *)b)->lead;
}

/* Measured leads that were not made again, and the made ones, in the standard order. */
static size_t list_columns(const struct anyecg_result *result, struct column *columns)
{
    size_t n = 0, samples = (size_t)result->seconds * PATCH_SAMPLES;
    for (size_t i = 0; i < result->n_leads; i++) {
        bool is_made = false;
        for (size_t j = 0; j < result->n_made; j++)
            is_made |= strcmp(result->leads[i], result->made[j]) == 0;
        if (!is_made && lead_from_name(result->leads[i], &columns[n].lead))
            columns[n++].mv = result->measured_mv + i * samples;
    }
    for (size_t j = 0; j < result->n_made; j++)
        if (lead_from_name(result->made[j], &columns[n].lead))
            columns[n++].mv = result->made_mv + j * samples;
    qsort(columns, n, sizeof *columns, by_lead);
    return n;
}

static char *plain_name(const char *record)
{
    char *name = duplicate_text(record);
    for (char *c = name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *c))
            *c = '_';
    return name;
}

static char *made_comment(const struct anyecg_result *result)
{
    char *text = duplicate_text(result->n_made ? "made by the model:" : "no lead was made by the model");
    for (size_t j = 0; j < result->n_made; j++) {
        char *longer = format_text("%s %s", text, result->made[j]);
        free(text);
        text = longer;
    }
    return text;
}

enum status write_generated(const struct anyecg_result *result, const char *folder)
{
    enum status status;
    struct column columns[MAX_SPAN_LEADS + N_LEADS];
    enum lead leads[MAX_SPAN_LEADS + N_LEADS];
    size_t n = list_columns(result, columns), samples = (size_t)result->seconds * PATCH_SAMPLES;
    char *name = plain_name(result->record), *comment = made_comment(result);
    int16_t *frames = NEW_ARRAY(int16_t, PATCH_SAMPLES * n);
    struct wfdb_writer *writer = NULL;

    for (size_t i = 0; i < n; i++)
        leads[i] = columns[i].lead;
    TRY(wfdb_writer_open(&writer, folder, name, SAMPLE_RATE_HZ, leads, n));
    for (size_t first = 0; first < samples; first += PATCH_SAMPLES) {
        for (size_t t = 0; t < PATCH_SAMPLES; t++)
            for (size_t i = 0; i < n; i++)
                frames[t * n + i] = (int16_t)lrintf(fmaxf(-32767, fminf(32767, 1000 * columns[i].mv[first + t])));
        TRY(wfdb_writer_append(writer, frames, PATCH_SAMPLES));
    }
    const char *comments[] = {comment};
    status = wfdb_writer_close(writer, comments, 1);
    writer = NULL;
fail:
    wfdb_writer_abandon(writer);
    free(name);
    free(comment);
    free(frames);
    return status;
}
