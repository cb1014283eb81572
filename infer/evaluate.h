/* infer/evaluate.h — how good a checkpoint is on a split of a corpus, beside what simple methods reach on the same
 * records.
 *
 * Records are divided over ranks; rank 0 gets all results, prints the tables to stdout and fills *report (JSON, also
 * written to -o). Intervals are 95 %, bootstrap over patient groups. Collective, ends in agreement. */
#ifndef INFER_EVALUATE_H
#define INFER_EVALUATE_H

#include <jansson.h>

#include "infer/selection.h"
#include "infer/session.h"
#include "io/corpus/corpus.h"

struct evaluation {
    struct anyecg *model;
    struct corpus *corpus;
    struct record_reader *reader; /* of the corpus */
    enum split split;
    const struct world *world;
    size_t bootstrap_rounds;
    size_t n_records;
    const size_t *records; /* [n_records]: of split and sources, not excluded; the same on all ranks */
};

enum status evaluate_labels(struct evaluation *evaluation, enum task task, json_t *report); /* anomaly, arrhythmia */
enum status evaluate_leadgen(struct evaluation *evaluation, json_t *report);
enum status evaluate_longecg(struct evaluation *evaluation, json_t *report);

/* Sets up records, refuses overlap with the checkpoint's training data, runs the task's evaluation. */
enum status evaluate_run(struct anyecg *model, enum task task, struct corpus *corpus, const struct selection *selection,
                         const struct world *world, json_t *report);

/* Age and sex alone: logistic regression on age, age squared, sex and what is missing, fitted on the training split's
 * anomaly labels. scores: [n_records], log odds. False if the training split has too few of one kind. */
bool age_sex_scores(const struct evaluation *evaluation, float *scores);

/* "0.853 (0.812 to 0.894)". Returns text. */
struct interval;
char *format_interval(char *text, size_t bytes, double value, double low, double high);

/* "0.853", or "-" where a figure is not defined, as an argument of printf. */
const char *format_figure(char text[24], double value);
#define FIGURE(value) format_figure((char[24]){0}, (value))

#endif
