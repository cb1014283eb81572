/* infer/class_figures.h — figures of one class as statistics for the bootstrap, and how they are printed. */
#ifndef INFER_CLASS_FIGURES_H
#define INFER_CLASS_FIGURES_H

#include <jansson.h>

#include "metrics/metrics.h"

struct class_figures {
    const float *scores, *other; /* [n]; other: of a method compared with, may be NULL */
    const int8_t *labels;        /* [n] */
    const uint16_t *source;      /* [n], rows of the sources; for the figures within source only */
    const uint32_t *group;       /* [n], patients */
    size_t n, n_sources;
    size_t rounds; /* of the bootstrap */

    float *score_buffer; /* a patient may be drawn more than once, so these grow beyond n */
    int8_t *label_buffer;
    size_t score_capacity, label_capacity;
};
void class_figures_free(struct class_figures *figures); /* the buffers */

double figure_auroc(void *figures, const size_t *items, size_t n);
double figure_average_precision(void *figures, const size_t *items, size_t n);

/* Share of concordant pairs among all pairs of a normal and an abnormal record of the same source: knowing the source
 * is of no help there. */
double figure_within_source(void *figures, const size_t *items, size_t n);

/* The same of `scores` minus that of `other`. */
double figure_within_difference(void *figures, const size_t *items, size_t n);

/* Prints "  title  value (low to high)", the interval by patient, and puts the three under `key` of the report. */
void figure_print(struct class_figures *figures, const char *title, const char *key, metric_statistic statistic,
                  json_t *report);

#endif
