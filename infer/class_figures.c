#include "infer/class_figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "infer/evaluate.h"

void class_figures_free(struct class_figures *figures)
{
    free(figures->score_buffer);
    free(figures->label_buffer);
}

static void make_room(struct class_figures *figures, size_t n)
{
    GROW_ARRAY(figures->score_buffer, figures->score_capacity, n);
    GROW_ARRAY(figures->label_buffer, figures->label_capacity, n);
}

static double over_items(struct class_figures *figures, const size_t *items, size_t n,
                         double (*figure)(const float *, const int8_t *, size_t))
{
    make_room(figures, n);
    for (size_t i = 0; i < n; i++) {
        figures->score_buffer[i] = figures->scores[items[i]];
        figures->label_buffer[i] = figures->labels[items[i]];
    }
    return figure(figures->score_buffer, figures->label_buffer, n);
}

double figure_auroc(void *figures, const size_t *items, size_t n)
{
    return over_items(figures, items, n, metric_auroc);
}

double figure_average_precision(void *figures, const size_t *items, size_t n)
{
    return over_items(figures, items, n, metric_average_precision);
}

static double within_source(struct class_figures *figures, const float *scores, const size_t *items, size_t n)
{
    double concordant = 0, pairs = 0;
    make_room(figures, n);
    for (size_t s = 0; s < figures->n_sources; s++) {
        size_t count = 0;
        double kinds[2] = {0, 0};
        for (size_t i = 0; i < n; i++) {
            int8_t label = figures->labels[items[i]];
            if (figures->source[items[i]] != s || label < 0)
                continue;
            figures->score_buffer[count] = scores[items[i]];
            figures->label_buffer[count++] = label;
            kinds[label]++;
        }
        if (kinds[0] > 0 && kinds[1] > 0) {
            concordant += metric_auroc(figures->score_buffer, figures->label_buffer, count) * kinds[0] * kinds[1];
            pairs += kinds[0] * kinds[1];
        }
    }
    return pairs > 0 ? concordant / pairs : NAN;
}

double figure_within_source(void *context, const size_t *items, size_t n)
{
    struct class_figures *figures = context;
    return within_source(figures, figures->scores, items, n);
}

double figure_within_difference(void *context, const size_t *items, size_t n)
{
    struct class_figures *figures = context;
    return within_source(figures, figures->scores, items, n) - within_source(figures, figures->other, items, n);
}

void figure_print(struct class_figures *figures, const char *title, const char *key, metric_statistic statistic,
                  json_t *report)
{
    size_t *all = NEW_ARRAY(size_t, figures->n);
    for (size_t i = 0; i < figures->n; i++)
        all[i] = i;
    double value = statistic(figures, all, figures->n);
    struct interval interval = {NAN, NAN};
    if (isfinite(value))
        interval = metric_bootstrap(figures->group, figures->n, figures->rounds, 1, statistic, figures);
    char text[64];
    printf("  %-46s %s\n", title, format_interval(text, sizeof text, value, interval.low, interval.high));
    json_object_set_new(report, key,
                        json_pack("{s:o, s:o, s:o}", "value", json_number_or_null(value), "low",
                                  json_number_or_null(interval.low), "high", json_number_or_null(interval.high)));
    free(all);
}
