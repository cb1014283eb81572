/* The simple methods and figures of evaluations, against closed forms, exact relations and scikit-learn 1.2.1. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "infer/class_figures.h"
#include "infer/lead_baselines.h"
#include "infer/lead_writer.h"
#include "infer/regression.h"
#include "metrics/metrics.h"

/* 200 scores in steps of 0.05, so with many ties, and labels that depend on them; the generator is that of the C
 * standard's example with 31 bits, so that any language makes the same numbers. */
enum { SCORED = 200 };

static unsigned next_number(uint64_t *state)
{
    *state = (*state * 1103515245u + 12345u) % (UINT64_C(1) << 31);
    return (unsigned)(*state >> 16);
}

static void make_scores(float *scores, int8_t *labels)
{
    uint64_t state = 12345;
    for (int i = 0; i < SCORED; i++) {
        unsigned score = next_number(&state) % 20;
        labels[i] = next_number(&state) % 40 < score + 10;
        scores[i] = (float)score / 20.0f;
    }
}

static void figures_agree_with_scikit_learn(void **state)
{
    (void)state;
    float scores[SCORED];
    int8_t labels[SCORED];
    make_scores(scores, labels);
    struct confusion confusion = metric_confusion(scores, labels, SCORED, 0.5);
    struct binary_metrics m = metric_binary(&confusion);

    assert_float_equal(metric_auroc(scores, labels, SCORED), 0.709788440126, 1e-11);
    assert_float_equal(metric_average_precision(scores, labels, SCORED), 0.641731936715, 1e-11);
    assert_float_equal(m.kappa, 0.337814788803, 1e-11);
    assert_float_equal(m.f1_weighted, 0.670928549894, 1e-11);
    assert_float_equal(m.f1_positive, 0.645161290323, 1e-11);
    assert_float_equal(m.balanced_accuracy, 0.670411985019, 1e-11);
}

/* Gaussian of 11 taps and sigma 1.5 by scipy.ndimage.correlate1d, windows wholly inside. */
static void likeness_of_leads_agrees_with_scipy(void **state)
{
    (void)state;
    enum { N = 300 };
    float truth[N], output[N];
    for (int t = 0; t < N; t++) {
        truth[t] = (float)(sin(t * 0.11) + 0.3 * cos(t * 0.7));
        output[t] = (float)(0.8 * sin(t * 0.11 + 0.2) + 0.1);
    }
    struct lead_quality q = metric_lead_quality(truth, output, N);
    assert_float_equal(q.ssim, 0.250734769, 1e-7);
    assert_float_equal(q.psnr_db, 18.766361757, 1e-6);
    assert_float_equal(q.mae_mv, 0.244939646, 1e-7);
    assert_float_equal(q.pearson, 0.939082225, 1e-7);
}

/* --- regression -------------------------------------------------------------------------------------------------- */

static void a_positive_system_is_solved(void **state)
{
    (void)state;
    /* The inverse of the Hilbert matrix of order 3 has whole numbers (known since Collar 1951). */
    double a[9], b[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    const double inverse[9] = {9, -36, 30, -36, 192, -180, 30, -180, 180};
    for (int i = 0; i < 9; i++)
        a[i] = 1.0 / (i / 3 + i % 3 + 1);
    assert_true(solve_positive(a, b, 3, 3));
    for (int i = 0; i < 9; i++)
        assert_float_equal(b[i], inverse[i], 1e-9);

    double indefinite[4] = {1, 2, 2, 1}, right[2] = {1, 1};
    assert_false(solve_positive(indefinite, right, 2, 1));
}

static void ridge_shrinks_by_the_closed_form(void **state)
{
    (void)state;
    /* Orthogonal inputs: w = xy / (xx + ridge · mean of the diagonal). */
    double gram[4] = {4, 0, 0, 8}, weights[4];
    const double cross[4] = {2, -4, 8, 1};
    assert_true(regression_solve(gram, cross, 2, 2, 0.5, weights));
    const double shrunk = 0.5 * (4 + 8) / 2;
    assert_float_equal(weights[0], 2 / (4 + shrunk), 1e-9);
    assert_float_equal(weights[1], -4 / (4 + shrunk), 1e-9);
    assert_float_equal(weights[2], 8 / (8 + shrunk), 1e-9);
    assert_float_equal(weights[3], 1 / (8 + shrunk), 1e-9);
}

static void logistic_regression_agrees_with_scikit_learn(void **state)
{
    (void)state;
    /* LogisticRegression(C=2, fit_intercept=False) on constant, score, score squared, every third. */
    const double wanted[4] = {-1.212858457, 1.306912217, 1.156785917, 0.027051745};
    float scores[SCORED];
    int8_t labels[SCORED + 1];
    double x[(SCORED + 1) * 4], weights[4];
    make_scores(scores, labels);
    for (int i = 0; i < SCORED; i++) {
        double s = scores[i], row[4] = {1, s, s * s, i % 3 == 0};
        memcpy(x + (size_t)i * 4, row, sizeof row);
    }
    memcpy(x + (size_t)SCORED * 4, (double[4]){1, 50, 2500, 1}, 4 * sizeof *x);
    labels[SCORED] = -1; /* a row with an unknown label changes nothing */
    assert_true(logistic_fit(x, labels, SCORED + 1, 4, 0.5, weights));
    for (int i = 0; i < 4; i++)
        assert_float_equal(weights[i], wanted[i], 1e-5);
}

static void two_groups_give_their_log_odds(void **state)
{
    (void)state;
    /* 3 of 4 positive without, 1 of 5 positive with the mark: log 3 and log(1/4) - log 3. */
    double x[18], weights[2];
    const int8_t labels[9] = {1, 1, 1, 0, 1, 0, 0, 0, 0};
    for (int i = 0; i < 9; i++) {
        x[2 * i] = 1;
        x[2 * i + 1] = i >= 4;
    }
    assert_true(logistic_fit(x, labels, 9, 2, 0, weights));
    assert_float_equal(weights[0], log(3), 1e-7);
    assert_float_equal(weights[1], log(0.25) - log(3), 1e-7);
}

/* --- simple lead generation -------------------------------------------------------------------------------------- */

static void make_leads(float *mv, uint64_t record)
{
    struct random random = random_stream(4711, 0, record, RANDOM_TEST);
    float *lead[STANDARD_LEADS];
    for (size_t i = 0; i < STANDARD_LEADS; i++) {
        lead[i] = mv + i * BASELINE_SAMPLES;
        for (size_t t = 0; t < BASELINE_SAMPLES; t++)
            lead[i][t] = (float)random_normal(&random);
    }
    for (size_t t = 0; t < BASELINE_SAMPLES; t++) {
        lead[LEAD_III][t] = lead[LEAD_II][t] - lead[LEAD_I][t];
        lead[LEAD_V3][t] = 0.5f * lead[LEAD_V2][t] - 0.25f * lead[LEAD_I][t];
        lead[LEAD_V6][t] = lead[LEAD_V5][t < 3 ? 0 : t - 3]; /* 10 ms later */
        lead[LEAD_AVR][t] = -lead[LEAD_AVL][t] + 0.1f * lead[LEAD_V1][t];
    }
}

static double error_of(struct lead_baselines *baselines, enum lead_baseline method, unsigned inputs, enum lead target,
                       const float *mv)
{
    float made[BASELINE_SAMPLES];
    lead_baselines_make(baselines, method, inputs, target, mv, made);
    return metric_lead_quality(mv + (size_t)target * BASELINE_SAMPLES, made, BASELINE_SAMPLES).mae_mv;
}

static void exact_relations_between_leads_are_found(void **state)
{
    (void)state;
    enum { ALL = (1 << STANDARD_LEADS) - 1 };
    float *mv = NEW_ARRAY(float, STANDARD_LEADS *BASELINE_SAMPLES);
    struct lead_baselines *baselines = lead_baselines_create();
    for (uint64_t record = 0; record < 3; record++) {
        make_leads(mv, record);
        lead_baselines_add(baselines, mv);
    }
    assert_int_equal(lead_baselines_records(baselines), 3);
    make_leads(mv, 99); /* one that was not fitted on */

    assert_true(error_of(baselines, BASELINE_SQUARES, ALL & ~(1u << LEAD_III), LEAD_III, mv) < 2e-3);
    assert_true(error_of(baselines, BASELINE_SQUARES, 1u << LEAD_I | 1u << LEAD_V2, LEAD_V3, mv) < 2e-3);
    assert_true(error_of(baselines, BASELINE_LAGGED, ALL & ~(1u << LEAD_V6), LEAD_V6, mv) < 2e-2);
    assert_true(error_of(baselines, BASELINE_SQUARES, ALL & ~(1u << LEAD_V6), LEAD_V6, mv) > 0.5);
    /* without V2, V3 follows from I alone as far as it goes */
    assert_true(error_of(baselines, BASELINE_SQUARES, 1u << LEAD_I, LEAD_V3, mv) > 0.2);

    /* |x| of a normal number is sqrt(2 / pi) on average */
    assert_float_equal(error_of(baselines, BASELINE_ZERO, ALL, LEAD_V1, mv), sqrt(2 / M_PI), 0.03);
    /* V3 is nearest to V2; aVR is the inverse of aVL, which is no likeness, and has a little of V1 */
    float made[BASELINE_SAMPLES];
    lead_baselines_make(baselines, BASELINE_NEAREST, ALL & ~(1u << LEAD_V3), LEAD_V3, mv, made);
    assert_memory_equal(made, mv + (size_t)LEAD_V2 * BASELINE_SAMPLES, sizeof made);
    lead_baselines_make(baselines, BASELINE_NEAREST, 1u << LEAD_AVL | 1u << LEAD_V1, LEAD_AVR, mv, made);
    assert_memory_equal(made, mv + (size_t)LEAD_V1 * BASELINE_SAMPLES, sizeof made);
    lead_baselines_make(baselines, BASELINE_MEAN, 1u << LEAD_I | 1u << LEAD_V2, LEAD_V3, mv, made);
    for (size_t t = 0; t < BASELINE_SAMPLES; t++)
        assert_float_equal(made[t], (mv[t] + mv[(size_t)LEAD_V2 * BASELINE_SAMPLES + t]) / 2, 1e-6);
    lead_baselines_free(baselines);
    free(mv);
}

/* --- within source ----------------------------------------------------------------------------------------------- */

static void knowing_the_source_is_of_no_help_within_it(void **state)
{
    (void)state;
    /* Source 0: mostly normal, low scores; source 1: mostly abnormal, high scores; inside each the order is wrong. */
    const float by_source[8] = {0.10f, 0.11f, 0.12f, 0.09f, 0.91f, 0.92f, 0.93f, 0.94f};
    const int8_t labels[8] = {0, 0, 0, 1, 1, 1, 1, 0};
    const uint16_t source[8] = {0, 0, 0, 0, 1, 1, 1, 1};
    const float better[8] = {0.1f, 0.2f, 0.4f, 0.3f, 0.5f, 0.6f, 0.7f, 0.4f};
    const uint32_t group[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    size_t all[8] = {0, 1, 2, 3, 4, 5, 6, 7}, twice[4] = {0, 3, 3, 2}, one_kind[2] = {3, 0};
    struct class_figures figures = {.scores = better,
                                    .other = by_source,
                                    .labels = labels,
                                    .source = source,
                                    .group = group,
                                    .n = 8,
                                    .n_sources = 2};

    /* pairs inside source 0: 3 (abnormal above 2 of 3 normal ones), inside source 1: 3, all right */
    assert_float_equal(figure_within_source(&figures, all, 8), 5.0 / 6, 1e-12);
    assert_float_equal(figure_within_difference(&figures, all, 8), 5.0 / 6 - 0, 1e-12);
    /* drawn twice counts twice: (0 and 2) against (3 and 3): 1, 1, 0, 0 */
    assert_float_equal(figure_within_source(&figures, twice, 4), 0.5, 1e-12);
    assert_float_equal(figure_auroc(&figures, twice, 4), 0.5, 1e-12);
    assert_float_equal(figure_within_source(&figures, one_kind, 2), 1, 1e-12);
    assert_true(isnan(figure_within_source(&figures, one_kind, 1)));
    figures.scores = by_source;
    assert_float_equal(figure_auroc(&figures, all, 8), 9.0 / 16, 1e-12);
    assert_float_equal(figure_within_source(&figures, all, 8), 0, 1e-12);
    class_figures_free(&figures);
}

/* --- file names -------------------------------------------------------------------------------------------------- */

static void names_of_outputs_are_plain_and_differ(void **state)
{
    (void)state;
    const char *const inputs[] = {"a/1.hea", "b/1.hea", "a_1",     "unnamed/00001",
                                  "x y.hea", ".hidden", "a/1.hea", "a_1_3"};
    const char *const wanted[] = {"a_1", "b_1", "a_1_3_3", "unnamed_00001", "x_y", "_hidden", "a_1_7", "a_1_3"};
    char **names = lead_writer_names(inputs, 8);
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < i; j++)
            assert_string_not_equal(names[i], names[j]);
        if (i != 2 && i != 7) /* which of the two equal ones keeps its name does not matter */
            assert_string_equal(names[i], wanted[i]);
    }
    for (int i = 0; i < 8; i++)
        free(names[i]);
    free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_agree_with_scikit_learn),
        cmocka_unit_test(likeness_of_leads_agrees_with_scipy),
        cmocka_unit_test(a_positive_system_is_solved),
        cmocka_unit_test(ridge_shrinks_by_the_closed_form),
        cmocka_unit_test(logistic_regression_agrees_with_scikit_learn),
        cmocka_unit_test(two_groups_give_their_log_odds),
        cmocka_unit_test(exact_relations_between_leads_are_found),
        cmocka_unit_test(knowing_the_source_is_of_no_help_within_it),
        cmocka_unit_test(names_of_outputs_are_plain_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
