/* Evaluation of anomaly (one label) and arrhythmia (a label a class). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "infer/class_figures.h"
#include "infer/evaluate.h"

/* All records of the evaluation with scores, on every rank. */
struct scored {
    size_t n_records, n_classes;
    float *scores;    /* [n_records, n_classes], probabilities; NaN where a record was refused */
    int8_t *labels;   /* [n_records, n_classes] */
    uint32_t *group;  /* [n_records] */
    uint16_t *source; /* [n_records] */
};

static void scored_free(struct scored *scored)
{
    free(scored->scores);
    free(scored->labels);
    free(scored->group);
    free(scored->source);
}

/* Row of the corpus vocabulary for each class of the model, -1 if it is not there; anomaly is a field of its own. */
static enum status match_classes(const struct evaluation *evaluation, enum task task, long *column)
{
    const struct anyecg *model = evaluation->model;
    for (size_t c = 0; c < model->n_classes; c++) {
        column[c] = -1;
        for (size_t i = 0; i < evaluation->corpus->n_classes && task == TASK_ARRHYTHMIA; i++)
            if (strcmp(evaluation->corpus->classes[i].code, model->class_codes[c]) == 0)
                column[c] = (long)i;
        if (task == TASK_ARRHYTHMIA && column[c] < 0)
            return status_set(STATUS_DAMAGED,
                              "%s: vocabulary: class '%s' (%s) of the checkpoint is not there; pack the corpus with a "
                              "recipe that has it",
                              evaluation->corpus->path, model->class_names[c], model->class_codes[c]);
    }
    return STATUS_OK;
}

static enum status score_own_records(struct evaluation *evaluation, enum task task, struct scored *scored)
{
    const struct world *world = evaluation->world;
    struct progress progress;
    enum anyecg_task run = task == TASK_ANOMALY ? ANYECG_ANOMALY : ANYECG_ARRHYTHMIA;
    enum status status = STATUS_OK;

    progress_start(&progress, "evaluating", "records", (double)scored->n_records);
    for (size_t r = (size_t)world->rank; r < scored->n_records; r += (size_t)world->size) {
        struct stream *stream = evaluation->model->stream;
        const struct anyecg_result *result;
        TRY(stream_open_record(stream, evaluation->reader, evaluation->corpus, evaluation->records[r]));
        status = session_run(evaluation->model, run, &result);
        if (status == STATUS_OK)
            memcpy(scored->scores + r * scored->n_classes, result->probability, scored->n_classes * sizeof(float));
        stream_close(stream);
        if (status == STATUS_DATA) /* no usable lead: stays NaN and is counted */
            status = STATUS_OK;
        TRY(status);
        progress_count(&progress, (double)(r + 1));
    }
    progress.done = (double)scored->n_records; /* the other ranks' share counts too */
    progress_finish(&progress);
fail:
    return status;
}

static enum status score_records(struct evaluation *evaluation, enum task task, struct scored *scored)
{
    enum status status;
    const struct corpus *corpus = evaluation->corpus;
    size_t n = evaluation->n_records, classes = evaluation->model->n_classes;
    long *column = NEW_ARRAY(long, classes);

    *scored = (struct scored){.n_records = n, .n_classes = classes};
    scored->scores = NEW_ARRAY(float, n *classes);
    scored->labels = NEW_ARRAY(int8_t, n * classes);
    scored->group = NEW_ARRAY(uint32_t, n);
    scored->source = NEW_ARRAY(uint16_t, n);
    for (size_t i = 0; i < n * classes; i++)
        scored->scores[i] = -INFINITY;
    TRY(match_classes(evaluation, task, column));
    TRY(comm_agree(evaluation->world, score_own_records(evaluation, task, scored)));

    double *sum = NEW_ARRAY(double, n *classes); /* every record was scored by one rank: the others hold -infinity */
    for (size_t i = 0; i < n * classes; i++)
        sum[i] = (double)scored->scores[i];
    comm_max_double(evaluation->world, sum, n * classes);
    for (size_t r = 0; r < n; r++) {
        const struct corpus_record *record = &corpus->records[evaluation->records[r]];
        scored->group[r] = record->group;
        scored->source[r] = record->source;
        for (size_t c = 0; c < classes; c++) {
            bool refused = isinf(sum[r * classes + c]);
            scored->scores[r * classes + c] = refused ? 0 : (float)sum[r * classes + c];
            int8_t label = task == TASK_ANOMALY ? record->anomaly : record->labels[column[c]];
            scored->labels[r * classes + c] = refused ? LABEL_UNKNOWN : label;
        }
    }
    free(sum);
    free(column);
    return STATUS_OK;
fail:
    free(column);
    return status;
}

static void print_binary(const struct binary_metrics *m, double threshold, json_t *report)
{
    printf("  records with a known label %.0f, positive %.0f (prevalence %s)\n", m->known, m->positives,
           FIGURE(m->prevalence));
    printf("  at threshold %.3f: accuracy %s (always the majority: %s), balanced accuracy %s, kappa %s\n"
           "    sensitivity %s, specificity %s, F1 of the positive class %s, support-weighted F1 %s\n",
           threshold, FIGURE(m->accuracy), FIGURE(m->majority_accuracy), FIGURE(m->balanced_accuracy), FIGURE(m->kappa),
           FIGURE(m->sensitivity), FIGURE(m->specificity), FIGURE(m->f1_positive), FIGURE(m->f1_weighted));
    json_object_set_new(
        report, "at_threshold",
        json_pack("{s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "threshold", threshold, "known",
                  m->known, "positives", m->positives, "prevalence", json_number_or_null(m->prevalence), "accuracy",
                  json_number_or_null(m->accuracy), "majority_accuracy", json_number_or_null(m->majority_accuracy),
                  "balanced_accuracy", json_number_or_null(m->balanced_accuracy), "kappa",
                  json_number_or_null(m->kappa), "f1_positive", json_number_or_null(m->f1_positive), "f1_weighted",
                  json_number_or_null(m->f1_weighted), "sensitivity", json_number_or_null(m->sensitivity),
                  "specificity", json_number_or_null(m->specificity)));
}

static void report_anomaly(struct evaluation *evaluation, const struct scored *scored, json_t *report)
{
    size_t n = scored->n_records;
    float *other = NEW_ARRAY(float, n);
    struct class_figures figures = {.scores = scored->scores,
                                    .other = other,
                                    .labels = scored->labels,
                                    .source = scored->source,
                                    .group = scored->group,
                                    .n = n,
                                    .n_sources = evaluation->corpus->n_sources,
                                    .rounds = evaluation->bootstrap_rounds};
    double threshold = (double)class_threshold(evaluation->model, 0);
    struct confusion confusion = metric_confusion(figures.scores, figures.labels, n, threshold);
    struct binary_metrics binary = metric_binary(&confusion);

    print_binary(&binary, threshold, report);
    printf("  %-46s value (95 %%, bootstrap by patient)\n", "");
    figure_print(&figures, "AUROC, pooled", "auroc_pooled", figure_auroc, report);
    figure_print(&figures, "average precision, pooled", "average_precision", figure_average_precision, report);
    figure_print(&figures, "AUROC within source", "auroc_within_source", figure_within_source, report);
    if (age_sex_scores(evaluation, other)) {
        figures.scores = other;
        figure_print(&figures, "age and sex alone, pooled", "age_sex_auroc_pooled", figure_auroc, report);
        figure_print(&figures, "age and sex alone, within source", "age_sex_auroc_within_source", figure_within_source,
                     report);
        figures.scores = scored->scores;
        figure_print(&figures, "difference within source (paired)", "difference_within_source",
                     figure_within_difference, report);
    } else {
        printf("  age and sex alone: not fitted (too few labels in the training split)\n");
    }
    free(other);
    class_figures_free(&figures);
}

/* --- a table of classes ------------------------------------------------------------------------------------------ */

static double macro_statistic(void *context, const size_t *items, size_t n)
{
    const struct scored *scored = context;
    size_t classes = scored->n_classes;
    float *scores = NEW_ARRAY(float, n *classes);
    int8_t *labels = NEW_ARRAY(int8_t, n * classes);
    for (size_t i = 0; i < n; i++) {
        memcpy(scores + i * classes, scored->scores + items[i] * classes, classes * sizeof *scores);
        memcpy(labels + i * classes, scored->labels + items[i] * classes, classes * sizeof *labels);
    }
    double value = metric_macro_auroc(scores, labels, n, classes, 10, NULL, NULL, NULL);
    free(scores);
    free(labels);
    return value;
}

/* Share of records all of whose known labels are met at the thresholds. */
static double exact_match(const struct anyecg *model, const struct scored *scored)
{
    double matches = 0, records = 0;
    for (size_t r = 0; r < scored->n_records; r++) {
        bool known = false, match = true;
        for (size_t c = 0; c < scored->n_classes; c++) {
            int8_t label = scored->labels[r * scored->n_classes + c];
            if (label < 0)
                continue;
            known = true;
            match &= (scored->scores[r * scored->n_classes + c] >= class_threshold(model, c)) == (label == 1);
        }
        records += known;
        matches += known && match;
    }
    return records > 0 ? matches / records : NAN;
}

static void print_class_row(const struct anyecg *model, const struct scored *scored, size_t c, double auroc, double ap,
                            json_t *table)
{
    float *scores = NEW_ARRAY(float, scored->n_records);
    int8_t *labels = NEW_ARRAY(int8_t, scored->n_records);
    for (size_t r = 0; r < scored->n_records; r++) {
        scores[r] = scored->scores[r * scored->n_classes + c];
        labels[r] = scored->labels[r * scored->n_classes + c];
    }
    struct confusion confusion = metric_confusion(scores, labels, scored->n_records, (double)class_threshold(model, c));
    struct binary_metrics m = metric_binary(&confusion);
    printf("  %-14s %7.0f %8.0f %10s %8s %8s %8s %9.3f\n", model->class_names[c], m.known, m.positives,
           FIGURE(m.prevalence), FIGURE(auroc), FIGURE(ap), FIGURE(m.f1_positive), (double)class_threshold(model, c));
    json_array_append_new(table, json_pack("{s:s, s:s, s:f, s:f, s:o, s:o, s:o}", "name", model->class_names[c], "code",
                                           model->class_codes[c], "known", m.known, "positives", m.positives, "auroc",
                                           json_number_or_null(auroc), "average_precision", json_number_or_null(ap),
                                           "f1", json_number_or_null(m.f1_positive)));
    free(scores);
    free(labels);
}

static void report_classes(struct evaluation *evaluation, struct scored *scored, json_t *report)
{
    const struct anyecg *model = evaluation->model;
    size_t classes = scored->n_classes, used, *all = NEW_ARRAY(size_t, scored->n_records);
    double *auroc = NEW_ARRAY(double, classes), *ap = NEW_ARRAY(double, classes);
    json_t *table = json_array();
    char text[64];

    for (size_t r = 0; r < scored->n_records; r++)
        all[r] = r;
    double macro =
        metric_macro_auroc(scored->scores, scored->labels, scored->n_records, classes, 10, NULL, NULL, &used);
    /* the table shows every class that has both kinds; only the mean asks for ten positives */
    metric_macro_auroc(scored->scores, scored->labels, scored->n_records, classes, 1, auroc, ap, NULL);
    struct interval interval = {NAN, NAN};
    if (isfinite(macro))
        interval = metric_bootstrap(scored->group, scored->n_records, evaluation->bootstrap_rounds, 1, macro_statistic,
                                    scored);
    printf("  %-14s %7s %8s %10s %8s %8s %8s %9s\n", "class", "known", "positive", "prevalence", "AUROC", "AP", "F1",
           "threshold");
    for (size_t c = 0; c < classes; c++)
        print_class_row(model, scored, c, auroc[c], ap[c], table);
    printf("  macro AUROC over the %zu classes with at least 10 positives: %s\n", used,
           format_interval(text, sizeof text, macro, interval.low, interval.high));
    double exact = exact_match(model, scored);
    printf("  exact-match accuracy %s\n", FIGURE(exact));
    json_object_set_new(report, "classes", table);
    json_object_set_new(report, "macro_auroc",
                        json_pack("{s:o, s:o, s:o, s:i}", "value", json_number_or_null(macro), "low",
                                  json_number_or_null(interval.low), "high", json_number_or_null(interval.high),
                                  "classes", (int)used));
    json_object_set_new(report, "exact_match_accuracy", json_number_or_null(exact));
    free(all);
    free(auroc);
    free(ap);
}

enum status evaluate_labels(struct evaluation *evaluation, enum task task, json_t *report)
{
    struct scored scored;
    enum status status = score_records(evaluation, task, &scored);
    if (status == STATUS_OK && evaluation->world->rank == 0) {
        if (task == TASK_ANOMALY)
            report_anomaly(evaluation, &scored, report);
        else
            report_classes(evaluation, &scored, report);
    }
    scored_free(&scored);
    return status;
}
