/* Figures of merit against published examples and calculation by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "metrics/metrics.h"

static void ranking_figures_agree_with_hand_calculation(void **state)
{
    (void)state;
    /* The example of scikit-learn's roc_auc_score and average_precision_score: 0.75 and 0.8333. */
    const float scores[] = {0.1f, 0.4f, 0.35f, 0.8f};
    const int8_t labels[] = {0, 0, 1, 1};
    /* Ties: pairs (0.5, 0.5) count half: (0.5 + 1 + 1 + 1) / 4. */
    const float tied[] = {0.5f, 0.5f, 0.9f, 0.1f};
    const int8_t tied_labels[] = {1, 0, 1, 0};

    assert_float_equal(metric_auroc(scores, labels, 4), 0.75, 1e-12);
    assert_float_equal(metric_average_precision(scores, labels, 4), 0.5 * 2 / 3 + 0.5, 1e-12);
    assert_float_equal(metric_auroc(tied, tied_labels, 4), 3.5 / 4, 1e-12);
    assert_float_equal(metric_average_precision(tied, tied_labels, 4), 0.5 * 1 + 0.5 * 2 / 3, 1e-12);
}

static void unknown_labels_enter_no_figure(void **state)
{
    (void)state;
    const float scores[] = {0.1f, 0.99f, 0.4f, 0.35f, 0.0f, 0.8f};
    const int8_t labels[] = {0, -1, 0, 1, -1, 1};
    struct confusion confusion = metric_confusion(scores, labels, 6, (double)0.35f);

    assert_float_equal(metric_auroc(scores, labels, 6), 0.75, 1e-12);
    assert_float_equal(confusion.true_positive, 2, 0);
    assert_float_equal(confusion.false_positive, 1, 0);
    assert_float_equal(confusion.true_negative, 1, 0);
    assert_float_equal(confusion.false_negative, 0, 0);
}

static void one_kind_alone_has_no_auroc(void **state)
{
    (void)state;
    const float scores[] = {0.1f, 0.4f};
    const int8_t positive[] = {1, 1}, negative[] = {0, 0};

    assert_true(isnan(metric_auroc(scores, positive, 2)));
    assert_true(isnan(metric_auroc(scores, negative, 2)));
    assert_true(isnan(metric_average_precision(scores, negative, 2)));
    assert_true(isnan(metric_best_threshold(scores, negative, 2, THRESHOLD_F1)));
    assert_true(isnan(metric_auroc(scores, positive, 0)));
}

static void confusion_figures_follow_their_definitions(void **state)
{
    (void)state;
    /* 40 of 50 positives and 30 of 50 negatives right: kappa (0.7 - 0.5) / 0.5. */
    const struct confusion confusion = {40, 20, 30, 10};
    struct binary_metrics m = metric_binary(&confusion);
    double f1_positive = 2 * 40 / (2.0 * 40 + 20 + 10), f1_negative = 2 * 30 / (2.0 * 30 + 20 + 10);

    assert_float_equal(m.accuracy, 0.7, 1e-12);
    assert_float_equal(m.kappa, 0.4, 1e-12);
    assert_float_equal(m.balanced_accuracy, 0.7, 1e-12);
    assert_float_equal(m.f1_positive, f1_positive, 1e-12);
    assert_float_equal(m.f1_weighted, (f1_positive + f1_negative) / 2, 1e-12);
    assert_float_equal(m.precision, 40 / 60.0, 1e-12);
    assert_float_equal(m.majority_accuracy, 0.5, 1e-12);
}

static void the_best_threshold_separates_what_can_be_separated(void **state)
{
    (void)state;
    const float scores[] = {0.1f, 0.2f, 0.7f, 0.9f};
    const int8_t labels[] = {0, 0, 1, 1};
    struct confusion confusion;

    for (int rule = THRESHOLD_F1; rule <= THRESHOLD_YOUDEN; rule++) {
        double threshold = metric_best_threshold(scores, labels, 4, (enum threshold_rule)rule);

        assert_float_equal(threshold, 0.45, 1e-6);
        confusion = metric_confusion(scores, labels, 4, threshold);
        assert_float_equal(confusion.true_positive + confusion.true_negative, 4, 0);
    }
}

static void a_macro_mean_leaves_out_classes_without_positives(void **state)
{
    (void)state;
    const float scores[] = {0.1f, 0.5f, 0.4f, 0.5f, 0.35f, 0.5f, 0.8f, 0.5f};
    const int8_t labels[] = {0, 0, 0, 0, 1, 0, 1, 0};
    double auroc[2];
    size_t used;

    assert_float_equal(metric_macro_auroc(scores, labels, 4, 2, 1, auroc, NULL, &used), 0.75, 1e-12);
    assert_int_equal(used, 1);
    assert_true(isnan(auroc[1]));
}

static void a_generated_lead_is_measured_in_its_own_range(void **state)
{
    (void)state;
    enum { SAMPLES = 300 };
    float truth[SAMPLES], shifted[SAMPLES];
    struct lead_quality same, off;

    for (int i = 0; i < SAMPLES; i++) {
        truth[i] = sinf(0.1f * (float)i); /* range 2 mV, so that scaled = mV but for the last digits */
        shifted[i] = truth[i] + 0.1f;
    }
    same = metric_lead_quality(truth, truth, SAMPLES);
    off = metric_lead_quality(truth, shifted, SAMPLES);
    assert_float_equal(same.ssim, 1, 1e-9);
    assert_float_equal(same.mae_mv, 0, 1e-12);
    assert_float_equal(same.pearson, 1, 1e-9);
    assert_float_equal(off.mae_mv, 0.1, 1e-6);
    assert_float_equal(off.psnr_db, 20 * log10(2 / 0.1), 0.01); /* RMSE 0.1 in a range of 2 */
    assert_float_equal(off.pearson, 1, 1e-6);
    assert_true(off.ssim < 1);
}

static double mean_of_items(void *context, const size_t *items, size_t n)
{
    const double *values = context;
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += values[items[i]];
    return sum / (double)n;
}

static void a_bootstrap_interval_has_the_width_of_the_groups(void **state)
{
    (void)state;
    enum { GROUPS = 100, EACH = 4 };
    double values[GROUPS * EACH];
    uint32_t group[GROUPS * EACH];
    struct interval interval;

    /* Items of a group are equal, half the groups 0, half 1: standard error sqrt(0.25 / GROUPS) = 0.05, not that of 400
     * independent items, 0.025. */
    for (int i = 0; i < GROUPS * EACH; i++) {
        group[i] = (uint32_t)(i / EACH) + 7;
        values[i] = i / EACH % 2;
    }
    interval = metric_bootstrap(group, GROUPS * EACH, 2000, 1, mean_of_items, values);
    assert_float_equal(interval.low, 0.5 - 1.96 * 0.05, 0.015);
    assert_float_equal(interval.high, 0.5 + 1.96 * 0.05, 0.015);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranking_figures_agree_with_hand_calculation),
        cmocka_unit_test(unknown_labels_enter_no_figure),
        cmocka_unit_test(one_kind_alone_has_no_auroc),
        cmocka_unit_test(confusion_figures_follow_their_definitions),
        cmocka_unit_test(the_best_threshold_separates_what_can_be_separated),
        cmocka_unit_test(a_macro_mean_leaves_out_classes_without_positives),
        cmocka_unit_test(a_generated_lead_is_measured_in_its_own_range),
        cmocka_unit_test(a_bootstrap_interval_has_the_width_of_the_groups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
