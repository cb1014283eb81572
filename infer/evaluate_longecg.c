/* Evaluation of long recordings: every second against the annotated events, by class. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/progress.h"
#include "infer/class_figures.h"
#include "infer/evaluate.h"
#include "io/corpus/second_labels.h"

enum { LONG_ROUNDS = 200 }; /* of the bootstrap: there are many seconds */

/* All seconds of the annotated records, on every rank; gathered in rank order, so each carries its record. */
struct seconds {
    size_t n, classes;
    uint32_t *group; /* [n] */
    float *scores;   /* [classes, n] */
    int8_t *labels;  /* [classes, n] */
};

/* What a rank sends: for each second its group, then per class score and label. */
struct buffer {
    char *bytes;
    size_t count, capacity;
};

static void put(struct buffer *buffer, const void *data, size_t bytes)
{
    GROW_ARRAY(buffer->bytes, buffer->capacity, buffer->count + bytes);
    memcpy(buffer->bytes + buffer->count, data, bytes);
    buffer->count += bytes;
}

static enum status score_record(struct evaluation *evaluation, size_t index, struct buffer *buffer)
{
    enum status status;
    const struct anyecg *model = evaluation->model;
    const struct corpus_record *record = &evaluation->corpus->records[index];
    size_t classes = model->n_classes;
    struct stream *stream = model->stream;
    const struct anyecg_result *result;
    int8_t *labels = NEW_ARRAY(int8_t, classes * record->seconds);

    TRY(stream_open_record(stream, evaluation->reader, evaluation->corpus, index));
    status = session_run(evaluation->model, ANYECG_LONGECG, &result);
    if (status == STATUS_DATA) { /* no usable lead */
        status = STATUS_OK;
        goto fail;
    }
    TRY(status);
    for (size_t c = 0; c < classes; c++)
        corpus_second_labels(evaluation->corpus, record, model->class_names[c], 0, record->seconds,
                             labels + c * record->seconds);
    const float *scores = session_second_probabilities(model);
    for (uint32_t second = 0; second < record->seconds; second++) {
        put(buffer, &record->group, sizeof record->group);
        for (size_t c = 0; c < classes; c++) {
            put(buffer, &scores[second * classes + c], sizeof(float));
            put(buffer, &labels[c * record->seconds + second], 1);
        }
    }
fail:
    free(labels);
    stream_close(stream);
    return status;
}

static enum status score_own(struct evaluation *evaluation, struct buffer *buffer)
{
    const struct world *world = evaluation->world;
    struct progress progress;
    enum status status = STATUS_OK;
    progress_start(&progress, "evaluating", "records", (double)evaluation->n_records);
    for (size_t r = (size_t)world->rank; r < evaluation->n_records && status == STATUS_OK; r += (size_t)world->size) {
        size_t index = evaluation->records[r];
        if (evaluation->corpus->records[index].n_events > 0)
            status = score_record(evaluation, index, buffer);
        progress_count(&progress, (double)(r + 1));
    }
    if (status == STATUS_OK)
        progress.done = (double)evaluation->n_records;
    progress_finish(&progress);
    return status;
}

static void unpack(const char *bytes, size_t total, size_t classes, struct seconds *seconds)
{
    size_t row = sizeof(uint32_t) + classes * (sizeof(float) + 1);
    *seconds = (struct seconds){.n = total / row, .classes = classes};
    seconds->group = NEW_ARRAY(uint32_t, seconds->n);
    seconds->scores = NEW_ARRAY(float, seconds->n *classes);
    seconds->labels = NEW_ARRAY(int8_t, seconds->n * classes);
    for (size_t i = 0; i < seconds->n; i++) {
        const char *from = bytes + i * row;
        memcpy(&seconds->group[i], from, sizeof(uint32_t));
        from += sizeof(uint32_t);
        for (size_t c = 0; c < classes; c++, from += sizeof(float) + 1) {
            memcpy(&seconds->scores[c * seconds->n + i], from, sizeof(float));
            memcpy(&seconds->labels[c * seconds->n + i], from + sizeof(float), 1);
        }
    }
}

static void print_class(const struct evaluation *evaluation, const struct seconds *seconds, size_t c, json_t *table)
{
    const struct anyecg *model = evaluation->model;
    size_t n = seconds->n;
    struct class_figures figures = {.scores = seconds->scores + c * n,
                                    .labels = seconds->labels + c * n,
                                    .group = seconds->group,
                                    .n = n,
                                    .rounds = LONG_ROUNDS};
    struct confusion confusion = metric_confusion(figures.scores, figures.labels, n, (double)class_threshold(model, c));
    struct binary_metrics m = metric_binary(&confusion);
    double ap = metric_average_precision(figures.scores, figures.labels, n);
    json_t *row =
        json_pack("{s:s, s:f, s:f, s:o, s:o}", "name", model->class_names[c], "seconds", m.known, "positives",
                  m.positives, "average_precision", json_number_or_null(ap), "f1", json_number_or_null(m.f1_positive));

    printf("%s: %.0f seconds with a known label, %.0f positive (prevalence %s)\n", model->class_names[c], m.known,
           m.positives, FIGURE(m.prevalence));
    figure_print(&figures, "AUROC of seconds (95 %, bootstrap by patient)", "auroc", figure_auroc, row);
    printf("  average precision %s; at threshold %.3f: F1 %s, sensitivity %s, specificity %s\n", FIGURE(ap),
           (double)class_threshold(model, c), FIGURE(m.f1_positive), FIGURE(m.sensitivity), FIGURE(m.specificity));
    json_array_append_new(table, row);
    class_figures_free(&figures);
}

enum status evaluate_longecg(struct evaluation *evaluation, json_t *report)
{
    enum status status;
    struct buffer buffer = {0};
    struct seconds seconds = {0};
    char *all = NULL;
    size_t total;

    TRY(comm_agree(evaluation->world, score_own(evaluation, &buffer)));
    comm_gather_bytes(evaluation->world, buffer.bytes, buffer.count, &all, &total);
    unpack(all, total, evaluation->model->n_classes, &seconds);
    REQUIRE(seconds.n > 0, STATUS_DATA, "%s: split %s has no record with annotated events", evaluation->corpus->path,
            split_name(evaluation->split));
    if (evaluation->world->rank == 0) {
        json_t *table = json_array();
        for (size_t c = 0; c < seconds.classes; c++)
            print_class(evaluation, &seconds, c, table);
        json_object_set_new(report, "seconds", table);
    }
    status = STATUS_OK;
fail:
    free(buffer.bytes);
    free(all);
    free(seconds.group);
    free(seconds.scores);
    free(seconds.labels);
    return status;
}
