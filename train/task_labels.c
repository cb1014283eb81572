#include "train/task_labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "io/corpus/second_labels.h"

/* A class seen once in thousands would drown the others. */
static const double MOST_WEIGHT = 20;

void task_labels_free(struct task_labels *labels)
{
    free(labels->classes);
    free(labels->labels);
    free(labels->positive_weight);
    *labels = (struct task_labels){0};
}

static void add_class(struct task_labels *labels, const char *code, const char *name, long column)
{
    struct task_class *class;

    labels->classes = xrealloc(labels->classes, (labels->n_classes + 1) * sizeof *labels->classes);
    class = &labels->classes[labels->n_classes++];
    *class = (struct task_class){.column = column, .threshold = NAN};
    copy_text(class->code, sizeof class->code, code);
    copy_text(class->name, sizeof class->name, name);
}

/* Training records that show a class of the vocabulary. */
static size_t count_present(const struct corpus *corpus, size_t column)
{
    size_t present = 0;

    for (size_t i = 0; i < corpus->n_records; i++)
        present += corpus->records[i].split == SPLIT_TRAIN && corpus->records[i].labels[column] == LABEL_PRESENT;
    return present;
}

static enum status choose_arrhythmias(struct task_labels *labels, const struct corpus *corpus, unsigned least)
{
    for (size_t c = 0; c < corpus->n_classes; c++)
        if (count_present(corpus, c) >= least)
            add_class(labels, corpus->classes[c].code, corpus->classes[c].name, (long)c);
    if (labels->n_classes > 0)
        return STATUS_OK;
    return status_set(STATUS_DATA,
                      "%s: none of the %zu classes is present in %u or more training records; lower "
                      "finetune.least_positives, or build the corpus with labels",
                      corpus->path, corpus->n_classes, least);
}

static void choose_events(struct task_labels *labels, const struct corpus *corpus, const struct longecg_config *config)
{
    for (unsigned i = 0; i < config->n_classes; i++) {
        long column = -1;

        for (size_t c = 0; c < corpus->n_classes; c++)
            if (strcasecmp(corpus->classes[c].name, config->classes[i]) == 0)
                column = (long)c;
        add_class(labels, column >= 0 ? corpus->classes[column].code : "",
                  column >= 0 ? corpus->classes[column].name : config->classes[i], column);
    }
}

static int8_t record_label(const struct corpus_record *record, enum task task, const struct task_class *class)
{
    if (task == TASK_ANOMALY)
        return record->anomaly;
    return class->column >= 0 ? record->labels[class->column] : (int8_t)LABEL_UNKNOWN;
}

static bool is_known(const int8_t *row, size_t n)
{
    for (size_t c = 0; c < n; c++)
        if (row[c] != LABEL_UNKNOWN)
            return true;
    return false;
}

/* The control run: the same labels on other records of the training split. */
static void shuffle(struct task_labels *labels, const struct corpus *corpus, uint64_t seed)
{
    struct random random = random_stream(seed, 0, 0, RANDOM_SHUFFLE_LABELS);
    size_t n_classes = labels->n_classes, n = 0;
    size_t *records = NEW_ARRAY(size_t, corpus->n_records), *order = NEW_ARRAY(size_t, corpus->n_records);
    int8_t *rows = NEW_ARRAY(int8_t, corpus->n_records * n_classes);

    for (size_t i = 0; i < corpus->n_records; i++)
        if (corpus->records[i].split == SPLIT_TRAIN && is_known(labels->labels + i * n_classes, n_classes))
            records[n++] = i;
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    random_shuffle(&random, order, n);
    memcpy(rows, labels->labels, corpus->n_records * n_classes);
    for (size_t i = 0; i < n; i++)
        memcpy(labels->labels + records[i] * n_classes, rows + records[order[i]] * n_classes, n_classes);
    log_warning("finetune.shuffle_labels: the labels of %zu training records are permuted; this is a control run", n);
    free(records);
    free(order);
    free(rows);
}

/* Training records that are known to show a class, and not to. */
struct kinds {
    size_t present, absent;
};

static struct kinds count_kinds(const struct task_labels *labels, const struct corpus *corpus, size_t class)
{
    struct kinds kinds = {0};

    for (size_t i = 0; i < corpus->n_records; i++) {
        int8_t label = labels->labels[i * labels->n_classes + class];

        if (corpus->records[i].split == SPLIT_TRAIN && label != LABEL_UNKNOWN)
            *(label == LABEL_PRESENT ? &kinds.present : &kinds.absent) += 1;
    }
    return kinds;
}

static void weigh(struct task_labels *labels, const struct corpus *corpus, bool balance)
{
    labels->positive_weight = NEW_ARRAY(float, labels->n_classes + 1);
    for (size_t c = 0; c < labels->n_classes; c++) {
        struct kinds kinds = count_kinds(labels, corpus, c);
        double present = (double)kinds.present, absent = (double)kinds.absent;

        labels->positive_weight[c] =
            balance && present > 0 ? (float)fmin(fmax(absent / present, 1 / MOST_WEIGHT), MOST_WEIGHT) : 1.0f;
        log_debug("class %s: %.0f training records show it, %.0f do not", labels->classes[c].name, present, absent);
    }
}

static enum status refuse_one_kind(const struct task_labels *labels, const struct corpus *corpus, enum task task)
{
    struct kinds kinds = {0};

    for (size_t c = 0; c < labels->n_classes; c++) {
        kinds = count_kinds(labels, corpus, c);
        if (kinds.present > 0 && kinds.absent > 0)
            return STATUS_OK;
    }
    if (task == TASK_ANOMALY)
        return status_set(
            STATUS_DATA,
            "%s: anomaly: of the training records %zu are abnormal and %zu normal; both kinds are needed: "
            "add labels with `anyecg-pack label`, or build with --labels",
            corpus->path, kinds.present, kinds.absent);
    return status_set(STATUS_DATA,
                      "%s: arrhythmia: each of the %zu classes is present in all training records with a known label, "
                      "so there is nothing to tell apart; add records without them, or label their absence",
                      corpus->path, labels->n_classes);
}

/* Seconds of training records that show a class. */
static size_t count_seconds(const struct corpus *corpus, const char *class_name)
{
    size_t present = 0, capacity = 0;
    int8_t *seconds = NULL;

    for (size_t i = 0; i < corpus->n_records; i++) {
        const struct corpus_record *record = &corpus->records[i];

        if (record->split != SPLIT_TRAIN || record->n_events == 0)
            continue;
        GROW_ARRAY(seconds, capacity, (size_t)record->seconds + 1);
        corpus_second_labels(corpus, record, class_name, 0, record->seconds, seconds);
        for (uint32_t second = 0; second < record->seconds; second++)
            present += seconds[second] == LABEL_PRESENT;
    }
    free(seconds);
    return present;
}

/* A class that no training record shows is warned of; if that is all of them, nothing can be learned. */
static enum status refuse_no_episodes(const struct task_labels *labels, const struct corpus *corpus)
{
    size_t records = 0, annotated = 0, shown = 0;
    char missing[512] = "";

    for (size_t i = 0; i < corpus->n_records; i++) {
        records += corpus->records[i].split == SPLIT_TRAIN;
        annotated += corpus->records[i].split == SPLIT_TRAIN && corpus->records[i].n_events > 0;
    }
    for (size_t c = 0; c < labels->n_classes; c++) {
        if (count_kinds(labels, corpus, c).present > 0 || count_seconds(corpus, labels->classes[c].name) > 0) {
            shown++;
            continue;
        }
        size_t used = strlen(missing);
        snprintf(missing + used, sizeof missing - used, "%s%s", used > 0 ? ", " : "", labels->classes[c].name);
    }
    if (shown == 0)
        return status_set(STATUS_DATA,
                          "%s: longecg: 0 of the %zu training records (%zu with annotated events) show %s; build with "
                          "annotated recordings, or name classes that occur in finetune.longecg.classes",
                          corpus->path, records, annotated, missing);
    if (missing[0] != '\0')
        log_warning("longecg: no training record shows %s; that is learned as never there", missing);
    return STATUS_OK;
}

enum status task_labels_create(struct task_labels *labels, const struct corpus *corpus, enum task task,
                               const struct config *config)
{
    const struct finetune_stage_config *finetune = &config->finetune;
    size_t n;
    enum status status = STATUS_OK;

    *labels = (struct task_labels){0};
    if (task == TASK_ANOMALY)
        add_class(labels, "", "anomaly", -1);
    else if (task == TASK_ARRHYTHMIA)
        TRY(choose_arrhythmias(labels, corpus, finetune->least_positives));
    else if (task == TASK_LONGECG)
        choose_events(labels, corpus, &finetune->longecg);
    n = labels->n_classes;
    labels->labels = NEW_ARRAY(int8_t, corpus->n_records * n + 1);
    for (size_t i = 0; i < corpus->n_records; i++)
        for (size_t c = 0; c < n; c++)
            labels->labels[i * n + c] = record_label(&corpus->records[i], task, &labels->classes[c]);
    if (finetune->shuffle_labels && n > 0)
        shuffle(labels, corpus, config->seed);
    weigh(labels, corpus, finetune->balance);
    if (task == TASK_LONGECG)
        TRY(refuse_no_episodes(labels, corpus));
    else if (task != TASK_LEADGEN)
        TRY(refuse_one_kind(labels, corpus, task));
fail:
    return status;
}

bool task_labels_known(const struct task_labels *labels, const struct corpus *corpus,
                       const struct corpus_record *record)
{
    return is_known(labels->labels + (size_t)(record - corpus->records) * labels->n_classes, labels->n_classes);
}
