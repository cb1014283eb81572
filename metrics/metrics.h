/* metrics/metrics.h — figures of merit of the four tasks, for validation while training and for evaluation.
 *
 * Scores are probabilities or logits (higher = more positive), labels are 1 present, 0 absent, -1 unknown; unknown ones
 * enter no figure. Where a figure is undefined (one kind is missing, a constant signal) it is NaN. Everything is local
 * and allocates what it needs for the call; docs/MODEL.md has the definitions. */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include <stddef.h>
#include <stdint.h>

/* --- two kinds --------------------------------------------------------------------------------------------------- */

/* Probability that a random positive scores higher than a random negative, ties count half (Mann-Whitney). */
double metric_auroc(const float *scores, const int8_t *labels, size_t count);

/* Average precision: sum over thresholds of (recall step) * precision, equal scores taken together (as scikit-learn).
 */
double metric_average_precision(const float *scores, const int8_t *labels, size_t count);

struct confusion {
    double true_positive, false_positive, true_negative, false_negative;
};

/* Counts at score >= threshold. */
struct confusion metric_confusion(const float *scores, const int8_t *labels, size_t count, double threshold);

struct binary_metrics {
    double known, positives, prevalence;
    double accuracy, majority_accuracy; /* majority: always answering the more frequent kind */
    double balanced_accuracy, kappa;    /* Cohen's */
    double precision, sensitivity, specificity;
    double f1_positive, f1_weighted; /* of the positive kind; mean of both kinds weighted by their counts */
};
struct binary_metrics metric_binary(const struct confusion *confusion);

enum threshold_rule { THRESHOLD_F1, THRESHOLD_YOUDEN };

/* The threshold (half-way between two neighbouring scores) with the greatest F1 of the positive kind, or the greatest
 * sensitivity + specificity. NaN if one kind is missing. */
double metric_best_threshold(const float *scores, const int8_t *labels, size_t count, enum threshold_rule rule);

/* Mean over the classes with at least least_positives positives and one negative. scores, labels: [count, classes].
 * auroc, average_precision: [classes] each, NaN where left out; may be NULL. *used: classes in the mean; may be NULL.
 */
double metric_macro_auroc(const float *scores, const int8_t *labels, size_t count, size_t classes,
                          size_t least_positives, double *auroc, double *average_precision, size_t *used);

/* --- generated leads --------------------------------------------------------------------------------------------- */

/* One lead and window: truth mapped to [-1, 1] by its own least and greatest value (range at least 0.1 mV), the output
 * by the same map. */
struct lead_quality {
    double psnr_db; /* 20 log10(2 / RMSE) */
    double ssim;    /* 1-D, Gaussian of sigma 1.5 and 11 taps, K1 0.01, K2 0.03, range 2 */
    double mae_scaled, mae_mv;
    double pearson;
};
struct lead_quality metric_lead_quality(const float *truth_mv, const float *output_mv, size_t samples);

double metric_pearson(const float *a, const float *b, size_t count);

/* --- intervals --------------------------------------------------------------------------------------------------- */

struct interval {
    double low, high;
};

/* The figure of a sample: items[n] are indices that may repeat. */
typedef double (*metric_statistic)(void *context, const size_t *items, size_t n);

/* Percentile interval (0.95) of a statistic, resampling whole groups (patients) with replacement. group: [count], any
 * numbers, equal = same patient. Rounds in which the statistic is NaN are left out; NaN if fewer than half are left.
 * Depends on (seed) only. */
struct interval metric_bootstrap(const uint32_t *group, size_t count, size_t rounds, uint64_t seed,
                                 metric_statistic statistic, void *context);

#endif
