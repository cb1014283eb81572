/* metrics/binary.c — ranking and confusion figures of two kinds. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"
#include "metrics/metrics.h"

struct scored {
    float score;
    int8_t label;
};

static int by_falling_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;

    return (x->score < y->score) - (x->score > y->score);
}

/* The known items in order of falling score; freed by the caller. */
static struct scored *sorted_items(const float *scores, const int8_t *labels, size_t count, size_t *known,
                                   size_t *positives)
{
    struct scored *items = NEW_ARRAY(struct scored, count);

    *known = *positives = 0;
    for (size_t i = 0; i < count; i++) {
        if (labels[i] < 0 || isnan(scores[i]))
            continue;
        items[(*known)++] = (struct scored){scores[i], labels[i]};
        *positives += labels[i] == 1;
    }
    qsort(items, *known, sizeof *items, by_falling_score);
    return items;
}

double metric_auroc(const float *scores, const int8_t *labels, size_t count)
{
    size_t known, positives;
    struct scored *items = sorted_items(scores, labels, count, &known, &positives);
    double pairs = 0, above = 0; /* above: positives with a higher score than the present tie group */

    for (size_t i = 0; i < known;) {
        double ties_positive = 0, ties_negative = 0;
        size_t j = i;

        for (; j < known && items[j].score == items[i].score; j++)
            *(items[j].label == 1 ? &ties_positive : &ties_negative) += 1;
        pairs += ties_negative * (above + 0.5 * ties_positive);
        above += ties_positive;
        i = j;
    }
    free(items);
    if (positives == 0 || positives == known)
        return NAN;
    return pairs / ((double)positives * (double)(known - positives));
}

double metric_average_precision(const float *scores, const int8_t *labels, size_t count)
{
    size_t known, positives;
    struct scored *items = sorted_items(scores, labels, count, &known, &positives);
    double hits = 0, sum = 0;

    for (size_t i = 0; i < known;) {
        double before = hits;
        size_t j = i;

        for (; j < known && items[j].score == items[i].score; j++)
            hits += items[j].label == 1;
        sum += (hits - before) * hits / (double)j;
        i = j;
    }
    free(items);
    return positives == 0 ? NAN : sum / (double)positives;
}

struct confusion metric_confusion(const float *scores, const int8_t *labels, size_t count, double threshold)
{
    struct confusion c = {0};

    for (size_t i = 0; i < count; i++) {
        bool positive = (double)scores[i] >= threshold;

        if (labels[i] < 0 || isnan(scores[i]))
            continue;
        if (labels[i] == 1)
            *(positive ? &c.true_positive : &c.false_negative) += 1;
        else
            *(positive ? &c.false_positive : &c.true_negative) += 1;
    }
    return c;
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : NAN;
}

struct binary_metrics metric_binary(const struct confusion *c)
{
    struct binary_metrics m = {0};
    double negatives = c->true_negative + c->false_positive;
    double chance;

    m.positives = c->true_positive + c->false_negative;
    m.known = m.positives + negatives;
    m.prevalence = ratio(m.positives, m.known);
    m.accuracy = ratio(c->true_positive + c->true_negative, m.known);
    m.majority_accuracy = ratio(fmax(m.positives, negatives), m.known);
    m.sensitivity = ratio(c->true_positive, m.positives);
    m.specificity = ratio(c->true_negative, negatives);
    m.precision = ratio(c->true_positive, c->true_positive + c->false_positive);
    m.balanced_accuracy = (m.sensitivity + m.specificity) / 2;
    m.f1_positive = ratio(2 * c->true_positive, 2 * c->true_positive + c->false_positive + c->false_negative);
    {
        double f1_negative = ratio(2 * c->true_negative, 2 * c->true_negative + c->false_positive + c->false_negative);
        double of_positive = m.positives > 0 ? m.positives * m.f1_positive : 0;
        double of_negative = negatives > 0 ? negatives * f1_negative : 0;

        m.f1_weighted = ratio(of_positive + of_negative, m.known);
    }
    chance =
        ratio((c->true_positive + c->false_positive) * m.positives + (c->true_negative + c->false_negative) * negatives,
              m.known * m.known);
    m.kappa = chance < 1 ? (m.accuracy - chance) / (1 - chance) : NAN;
    return m;
}

double metric_best_threshold(const float *scores, const int8_t *labels, size_t count, enum threshold_rule rule)
{
    size_t known, positives;
    struct scored *items = sorted_items(scores, labels, count, &known, &positives);
    double best = -1, threshold = NAN, hits = 0, false_hits = 0, negatives = (double)(known - positives);

    for (size_t i = 0; positives > 0 && positives < known && i < known; i++) {
        double value;

        *(items[i].label == 1 ? &hits : &false_hits) += 1;
        if (i + 1 < known && items[i + 1].score == items[i].score)
            continue;
        if (rule == THRESHOLD_F1)
            value = 2 * hits / (hits + false_hits + (double)positives);
        else
            value = hits / (double)positives - false_hits / negatives + 1;
        if (value > best) {
            best = value;
            threshold = i + 1 < known ? ((double)items[i].score + (double)items[i + 1].score) / 2 : items[i].score;
        }
    }
    free(items);
    return threshold;
}

double metric_macro_auroc(const float *scores, const int8_t *labels, size_t count, size_t classes,
                          size_t least_positives, double *auroc, double *average_precision, size_t *used)
{
    float *column = NEW_ARRAY(float, count);
    int8_t *column_labels = NEW_ARRAY(int8_t, count);
    double sum = 0;
    size_t n = 0;

    for (size_t c = 0; c < classes; c++) {
        size_t positives = 0, negatives = 0;
        double value = NAN;

        for (size_t i = 0; i < count; i++) {
            column[i] = scores[i * classes + c];
            column_labels[i] = labels[i * classes + c];
            positives += column_labels[i] == 1;
            negatives += column_labels[i] == 0;
        }
        if (positives >= least_positives && positives > 0 && negatives > 0) {
            value = metric_auroc(column, column_labels, count);
            sum += value;
            n++;
        }
        if (auroc != NULL)
            auroc[c] = value;
        if (average_precision != NULL)
            average_precision[c] = isnan(value) ? NAN : metric_average_precision(column, column_labels, count);
    }
    free(column);
    free(column_labels);
    if (used != NULL)
        *used = n;
    return n > 0 ? sum / (double)n : NAN;
}
