/* Losses, the quantizer's arithmetic and the targets against plain loops over their formulas. */
#include "model/kernels/losses.h"
#include "model/kernels/quantize.h"
#include "model/kernels/standardise.h"
#include "model/kernels/wavelet_targets.h"

#include "tests/unit/kernels_test.h"

static void mean_square_weighs_rows_and_columns_and_skips_missing_targets(void **state)
{
    enum { ROWS = 7, WIDTH = 23, COUNT = ROWS * WIDTH };
    real rows[ROWS] = {1, 0, 0.5, 2, 0, 1, 3}, *columns = random_array(WIDTH, 1), *output = random_array(COUNT, 1);
    real *target = random_array(COUNT, 1), *doutput = random_array(COUNT, 1);
    double sum = 0, gradient[COUNT];

    (void)state;
    target[WIDTH + 3] = NAN; /* row 1 has weight 0 */
    for (size_t i = 0; i < COUNT; i++) {
        double weight = (double)rows[i / WIDTH] * (double)columns[i % WIDTH];
        double difference = (double)output[i] - (double)target[i];
        sum += weight != 0 ? 0.01 * weight * difference * difference : 0;
        gradient[i] = weight != 0 ? 0.02 * weight * difference : 0;
    }
    assert_near(mse_loss(doutput, output, target, rows, columns, 0.01, ROWS, WIDTH), sum, CLOSE);
    assert_close(doutput, gradient, COUNT, CLOSE);
    assert_near(mse_loss(NULL, output, target, rows, columns, 0.01, ROWS, WIDTH), sum, CLOSE);
    target[WIDTH + 3] = 0;
    sum = 0;
    for (size_t i = 0; i < COUNT; i++)
        sum += pow((double)output[i] - (double)target[i], 2);
    assert_near(mse_loss(output, output, target, NULL, NULL, 1, ROWS, WIDTH), sum, CLOSE);
    free(columns), free(output), free(target), free(doutput);
}

static void cross_entropy_twin(double *loss, double *gradient, size_t *correct, const real *z, const uint32_t *labels,
                               double smoothing, double scale, size_t rows, size_t classes)
{
    *loss = 0;
    *correct = 0;
    for (size_t r = 0; r < rows; r++, z += classes, gradient += classes) {
        double sum = 0;
        size_t best = 0;
        for (size_t c = 0; c < classes; c++) {
            sum += exp((double)z[c]);
            best = z[c] > z[best] ? c : best;
            gradient[c] = 0;
        }
        for (size_t c = 0; c < classes && labels[r] != LABEL_UNKNOWN; c++) {
            double target = smoothing / (double)classes + (c == labels[r] ? 1 - smoothing : 0);
            *loss -= scale * target * log(exp((double)z[c]) / sum);
            gradient[c] = scale * (exp((double)z[c]) / sum - target);
        }
        *correct += best == labels[r];
    }
}

static void cross_entropy_equals_its_formula_with_smoothing_and_unknown_labels(void **state)
{
    static const size_t sizes[] = {2, 3, 26, 1000, 8192};
    (void)state;
    for (size_t size = 0; size < 5; size++)
        for (int smooth = 0; smooth < 2; smooth++) {
            enum { ROWS = 6 };
            size_t classes = sizes[size], count = ROWS * classes, correct = 0, correct_twin;
            real *logits = random_array(count, 2), *dlogits = random_array(count, 1);
            uint32_t labels[ROWS];
            double loss_twin, *twin = NEW_ARRAY(double, count), smoothing = smooth ? 0.1 : 0, loss;
            for (size_t r = 0; r < ROWS; r++)
                labels[r] = r == 2 ? LABEL_UNKNOWN : (uint32_t)random_size(0, classes - 1);
            logits[labels[0]] = 30;
            cross_entropy_twin(&loss_twin, twin, &correct_twin, logits, labels, smoothing, 0.3, ROWS, classes);
            loss = cross_entropy_loss(dlogits, &correct, logits, labels, smoothing, 0.3, ROWS, classes);
            assert_near(loss, loss_twin, CLOSE);
            assert_close(dlogits, twin, count, CLOSE);
            assert_int_equal(correct, correct_twin);
            assert_true(correct >= 1);
            assert_near(cross_entropy_loss(NULL, NULL, logits, labels, smoothing, 0.3, ROWS, classes), loss_twin,
                        CLOSE);
            cross_entropy_loss(logits, NULL, logits, labels, smoothing, 0.3, ROWS, classes);
            assert_close(logits, twin, count, CLOSE);
            free(logits), free(dlogits), free(twin);
        }
}

static void cross_entropy_of_equal_logits_is_the_logarithm_of_the_classes(void **state)
{
    real logits[8192] = {0};
    uint32_t label = 17;

    (void)state;
    assert_near(cross_entropy_loss(NULL, NULL, logits, &label, 0, 1, 1, 8192), 9.010913347279288, CLOSE);
}

static void cross_entropy_of_large_logits_stays_finite(void **state)
{
    real logits[4] = {1000, -1000, 990, 0}, gradient[4];
    uint32_t label = 1;

    (void)state;
    assert_near(cross_entropy_loss(gradient, NULL, logits, &label, 0, 1, 1, 4), 2000 + log1p(exp(-10)), CLOSE);
    assert_near((double)gradient[1], -1, CLOSE);
}

static void binary_cross_entropy_weighs_positives_and_skips_unknown_labels(void **state)
{
    enum { ROWS = 9, OUTPUTS = 5, COUNT = ROWS * OUTPUTS };
    real *logits = random_array(COUNT, 3), *dlogits = random_array(COUNT, 1);
    const float weight[OUTPUTS] = {1, 2, 0.5F, 4, 1};
    int8_t labels[COUNT];
    double sum = 0, gradient[COUNT];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        double p = 1 / (1 + exp(-(double)logits[i])), w = (double)weight[i % OUTPUTS];
        labels[i] = (int8_t)((int)random_size(0, 2) - 1);
        sum -= labels[i] > 0 ? 0.2 * w * log(p) : labels[i] == 0 ? 0.2 * log(1 - p) : 0;
        gradient[i] = labels[i] > 0 ? 0.2 * w * (p - 1) : labels[i] == 0 ? 0.2 * p : 0;
    }
    assert_near(binary_cross_entropy_loss(dlogits, logits, labels, weight, 0.2, ROWS, OUTPUTS), sum, CLOSE);
    assert_close(dlogits, gradient, COUNT, CLOSE);
    logits[0] = 5000;
    labels[0] = 0;
    assert_near(binary_cross_entropy_loss(NULL, logits, labels, NULL, 1, 1, 1), 5000, CLOSE);
    free(logits), free(dlogits);
}

static void rows_get_length_one_and_a_zero_row_stays_zero(void **state)
{
    enum { ROWS = 9, WIDTH = 21 };
    real *x = random_array(ROWS * WIDTH, 3), *y = zero_array(ROWS * WIDTH), *inverse = zero_array(ROWS);
    double twin[ROWS * WIDTH];

    (void)state;
    memset(x + WIDTH, 0, WIDTH * sizeof(real));
    for (size_t r = 0; r < ROWS; r++) {
        double squares = 0;
        for (size_t c = 0; c < WIDTH; c++)
            squares += pow((double)x[r * WIDTH + c], 2);
        for (size_t c = 0; c < WIDTH; c++)
            twin[r * WIDTH + c] = (double)x[r * WIDTH + c] / fmax(sqrt(squares), 1e-12);
    }
    normalise_rows_forward(y, inverse, x, ROWS, WIDTH);
    assert_close(y, twin, ROWS * WIDTH, CLOSE);
    free(x), free(y), free(inverse);
}

static void the_nearest_codeword_has_the_largest_cosine_and_the_lowest_index(void **state)
{
    enum { CODES = 1100, D = 16, COUNT = 150 };
    real *codebook = random_array(CODES * D, 1), *vectors = random_array(COUNT * D, 1);
    real *workspace = NEW_ARRAY(real, quantize_workspace(CODES));
    float *statistics = xcalloc(CODES * (1 + D), sizeof *statistics);
    double *sums = xcalloc(CODES * (1 + D), sizeof *sums), total = 0;
    uint32_t codes[COUNT];

    (void)state;
    normalise_rows_forward(codebook, NULL, codebook, CODES, D);
    normalise_rows_forward(vectors, NULL, vectors, COUNT, D);
    memcpy(codebook + 900 * D, codebook + 40 * D, D * sizeof(real)); /* a tie over two tiles … */
    memcpy(codebook + 41 * D, codebook + 40 * D, D * sizeof(real));  /* … and within one */
    memcpy(vectors, codebook + 40 * D, D * sizeof(real));
    quantize_nearest(codes, vectors, codebook, workspace, COUNT, CODES, D);
    assert_int_equal(codes[0], 40);
    for (size_t v = 0; v < COUNT; v++) {
        double best = -2, chosen = 0;
        for (size_t k = 0; k < CODES; k++) {
            double cosine = 0;
            for (size_t c = 0; c < D; c++)
                cosine += (double)vectors[v * D + c] * (double)codebook[k * D + c];
            best = fmax(best, cosine);
            chosen = k == codes[v] ? cosine : chosen;
        }
        assert_near(chosen, best, CLOSE);
    }
    quantize_statistics(statistics, codes, vectors, COUNT, CODES, D);
    quantize_statistics_double(sums, codes, vectors, COUNT, CODES, D);
    for (size_t i = 0; i < CODES * (1 + D); i++) {
        double twin = 0;
        for (size_t v = 0; v < COUNT; v++)
            if (i < CODES)
                twin += codes[v] == i;
            else if (codes[v] == (i - CODES) / D)
                twin += (double)vectors[v * D + (i - CODES) % D];
        assert_near((double)statistics[i], twin, 1e-5);
        assert_near(sums[i], twin, 1e-12);
        total += i < CODES ? sums[i] : 0;
    }
    assert_true(total == COUNT);
    free(codebook), free(vectors), free(workspace), free(statistics), free(sums);
}

/* Two spans; the second is flat, so sigma is the floor. */
static const struct span two_spans[2] = {{.first_token = 0, .leads = 2, .seconds = 2},
                                         {.first_token = 4, .leads = 1, .seconds = 3}};

static void a_span_is_standardised_as_a_whole_with_a_floor_for_flat_ones(void **state)
{
    enum { TOKENS = 7, COUNT = TOKENS * PATCH_SAMPLES };
    real *x = random_array(COUNT, 0.4), *y = zero_array(COUNT), mean_mv[2], sigma_mv[2];
    double *twin = NEW_ARRAY(double, COUNT);

    (void)state;
    for (size_t i = 4 * PATCH_SAMPLES; i < COUNT; i++)
        x[i] = (real)0.7 + (real)1e-4 * (real)(i % 2);
    for (size_t s = 0; s < 2; s++) {
        size_t first = two_spans[s].first_token * PATCH_SAMPLES, end = s == 0 ? 4 * PATCH_SAMPLES : COUNT;
        double n = (double)(end - first), mean = 0, variance = 0, sigma;
        for (size_t i = first; i < end; i++)
            mean += (double)x[i] / n;
        for (size_t i = first; i < end; i++)
            variance += pow((double)x[i] - mean, 2) / n;
        sigma = fmax(sqrt(variance), 0.01);
        for (size_t i = first; i < end; i++)
            twin[i] = ((double)x[i] - mean) / sigma;
    }
    standardise_spans(y, mean_mv, sigma_mv, x, two_spans, 2);
    assert_close(y, twin, COUNT, CLOSE);
    assert_near((double)sigma_mv[1], 0.01, CLOSE);
    assert_near((double)mean_mv[1], 0.70005, CLOSE);
    standardise_spans(x, NULL, NULL, x, two_spans, 2);
    assert_close(x, twin, COUNT, CLOSE);
    free(x), free(y), free(twin);
}

/* Reconstruction filter of 'db6' as published by PyWavelets; analysis uses it backwards, details with changing sign. */
static const double db6[12] = {0.11154074335008017,   0.4946238903983854,   0.7511339080215775,
                               0.3152503517092432,    -0.22626469396516913, -0.12976686756709563,
                               0.09750160558707936,   0.02752286553001629,  -0.031582039318031156,
                               0.0005538422009938016, 0.004777257511010651, -0.00107730108499558};

/* One level of the periodised transform by its sum, index by index. Returns the number of coefficients. */
static size_t wavelet_level_twin(double *approximation, double *detail, const double *x, size_t count)
{
    size_t even = count + count % 2;

    for (size_t n = 0; n < even / 2; n++) {
        approximation[n] = detail[n] = 0;
        for (size_t j = 0; j < 12; j++) {
            size_t place = (2 * n + 6 + 12 * even - j) % even;
            double sample = place < count ? x[place] : x[count - 1];
            approximation[n] += db6[11 - j] * sample;
            detail[n] += (j % 2 ? 1 : -1) * db6[j] * sample;
        }
    }
    return even / 2;
}

static void wavelet_coefficients_equal_the_periodised_sums_and_keep_the_energy(void **state)
{
    enum { N = 6 };
    real *patches = random_array(N * PATCH_SAMPLES, 1), *coefficients = zero_array(N * WAVELET_TARGETS);

    (void)state;
    wavelet_analyse(coefficients, patches, N);
    for (size_t p = 0; p < N; p++) {
        double x[PATCH_SAMPLES], a[150], d[150], twin[WAVELET_TARGETS], energy = 0, kept = 0;
        size_t count = PATCH_SAMPLES, low = 0, high = 282;
        for (size_t i = 0; i < PATCH_SAMPLES; i++)
            x[i] = (double)patches[p * PATCH_SAMPLES + i], energy += x[i] * x[i];
        for (int level = 0; level < 4; level++) {
            count = wavelet_level_twin(a, d, x, count);
            memcpy(twin + low, a, count * sizeof *a);
            memcpy(twin + high, d, count * sizeof *d);
            memcpy(x, a, count * sizeof *a);
            low += count, high += count;
        }
        assert_int_equal(high, WAVELET_TARGETS);
        assert_close(coefficients + p * WAVELET_TARGETS, twin, WAVELET_TARGETS, fmax(CLOSE, 1e-10));
        for (size_t i = 0; i < 150; i++) /* the first level is orthonormal */
            kept += pow((double)coefficients[p * WAVELET_TARGETS + i], 2) +
                    pow((double)coefficients[p * WAVELET_TARGETS + 282 + i], 2);
        assert_near(kept, energy, fmax(CLOSE, 1e-9));
    }
    free(patches), free(coefficients);
}

static void wavelet_targets_are_z_scores_of_each_group_over_a_span(void **state)
{
    enum { TOKENS = 7, COUNT = TOKENS * WAVELET_TARGETS };
    real *x = random_array(COUNT, 0.4), columns[WAVELET_TARGETS];
    double *twin = NEW_ARRAY(double, COUNT), weights = 0;

    (void)state;
    for (size_t t = 4; t < TOKENS; t++) /* D1 of the second span is almost nothing */
        for (size_t c = 282; c < 432; c++)
            x[t * WAVELET_TARGETS + c] *= REAL(1e-3);
    for (size_t s = 0; s < 2; s++)
        for (size_t group = 0; group < WAVELET_GROUPS; group++) {
            size_t first = s * 4, end = s == 0 ? 4 : TOKENS, from = wavelet_group_first[group];
            size_t to = from + wavelet_group_count[group];
            double n = (double)((end - first) * (to - from)), mean = 0, variance = 0;
            for (size_t t = first; t < end; t++)
                for (size_t c = from; c < to; c++)
                    mean += (double)x[t * WAVELET_TARGETS + c] / n;
            for (size_t t = first; t < end; t++)
                for (size_t c = from; c < to; c++)
                    variance += pow((double)x[t * WAVELET_TARGETS + c] - mean, 2) / n;
            for (size_t t = first; t < end; t++)
                for (size_t c = from; c < to; c++)
                    twin[t * WAVELET_TARGETS + c] =
                        ((double)x[t * WAVELET_TARGETS + c] - mean) / fmax(sqrt(variance), 0.01);
        }
    wavelet_standardise(x, two_spans, 2);
    assert_close(x, twin, COUNT, CLOSE);
    wavelet_column_scale(columns);
    for (size_t c = 0; c < WAVELET_TARGETS; c++)
        weights += (double)columns[c];
    assert_near(weights, 1, CLOSE);
    assert_near((double)columns[0], 1.0 / (8 * 150), CLOSE);
    assert_near((double)columns[563], 1.0 / (8 * 19), CLOSE);
    free(x), free(twin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_square_weighs_rows_and_columns_and_skips_missing_targets),
        cmocka_unit_test(cross_entropy_equals_its_formula_with_smoothing_and_unknown_labels),
        cmocka_unit_test(cross_entropy_of_equal_logits_is_the_logarithm_of_the_classes),
        cmocka_unit_test(cross_entropy_of_large_logits_stays_finite),
        cmocka_unit_test(binary_cross_entropy_weighs_positives_and_skips_unknown_labels),
        cmocka_unit_test(rows_get_length_one_and_a_zero_row_stays_zero),
        cmocka_unit_test(the_nearest_codeword_has_the_largest_cosine_and_the_lowest_index),
        cmocka_unit_test(a_span_is_standardised_as_a_whole_with_a_floor_for_flat_ones),
        cmocka_unit_test(wavelet_coefficients_equal_the_periodised_sums_and_keep_the_energy),
        cmocka_unit_test(wavelet_targets_are_z_scores_of_each_group_over_a_span),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
