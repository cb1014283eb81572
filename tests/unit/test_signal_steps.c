/* Single steps of the preprocessing against published coefficients and identities of the transforms. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "io/signal/steps.h"

enum { SEED = 20260103 };

static double *noise(size_t count, double sigma, uint64_t step)
{
    struct random random = random_stream(SEED, step, 0, RANDOM_TEST);
    double *x = NEW_ARRAY(double, count);

    for (size_t i = 0; i < count; i++)
        x[i] = sigma * random_normal(&random);
    return x;
}

static double energy(const double *x, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += x[i] * x[i];
    return sum;
}

static void the_band_pass_has_the_sections_of_scipy(void **state)
{
    /* scipy.signal.butter(2, [0.1, 75], 'bandpass', fs=300, output='sos'), SciPy 1.10 */
    const double b[2][3] = {{0.2922800506670609, 0.5845601013341218, 0.2922800506670609}, {1, -2, 1}};
    const double a[2][3] = {{1, -0.0012261093530746166, 0.17208287932310223},
                            {1, -1.997038084023131, 0.9970424731991715}};
    struct filter filter = filter_butterworth_bandpass(2, 0.1, 75, 300);

    (void)state;
    assert_int_equal(filter.n_sections, 2);
    for (int s = 0; s < 2; s++) {
        for (int i = 0; i < 3; i++) {
            assert_true(fabs(filter.section[s].b[i] - b[s][i]) < 1e-14);
            assert_true(fabs(filter.section[s].a[i] - a[s][i]) < 1e-14);
        }
    }
}

static void a_constant_leaves_nothing_behind_the_band_pass(void **state)
{
    struct filter filter = filter_butterworth_bandpass(2, 0.1, 75, 300);
    double x[700], work[700 + 2 * 3000];

    (void)state;
    for (size_t count = 1; count <= 700; count += 233) {
        for (size_t i = 0; i < count; i++)
            x[i] = 1000;
        filter_zero_phase(&filter, x, count, 3000, work);
        for (size_t i = 0; i < count; i++)
            assert_true(fabs(x[i]) < 1e-6);
    }
}

static void a_filter_of_three_sections_equals_its_sections_one_by_one(void **state)
{
    struct filter filter = filter_butterworth_bandpass(3, 0.5, 40, 300);
    double *x = noise(900, 1, 0), *work = NEW_ARRAY(double, filter_work_samples(900, 300)), *y = noise(900, 1, 0);

    (void)state;
    /* In the steady interior the order of the passes does not matter. */
    filter_zero_phase(&filter, x, 900, 300, work);
    for (int s = 0; s < 3; s++) {
        struct filter one = {.n_sections = 1, .section = {filter.section[s]}};
        filter_zero_phase(&one, y, 900, 300, work);
    }
    for (size_t i = 400; i < 500; i++)
        assert_true(fabs(x[i] - y[i]) < 0.02);
    free(x);
    free(y);
    free(work);
}

static void the_wavelet_and_its_inverse_give_the_signal_back(void **state)
{
    (void)state;
    for (size_t count = 1; count < 400; count++) {
        size_t n = wavelet_coefficients(count);
        double *x = noise(count, 1, count), *a = NEW_ARRAY(double, n), *d = NEW_ARRAY(double, n);
        double *back = NEW_ARRAY(double, count), *work = NEW_ARRAY(double, wavelet_work_samples(count));

        wavelet_forward(a, d, x, count, work);
        wavelet_inverse(back, a, d, count);
        for (size_t i = 0; i < count; i++)
            assert_true(fabs(x[i] - back[i]) < 1e-11);
        free(x), free(a), free(d), free(back), free(work);
    }
}

static void a_cubic_has_no_details(void **state)
{
    /* db6 has six vanishing moments: a polynomial of degree 5 gives no detail away from the mirrored ends. */
    enum { N = 200 };
    double x[N], a[N], d[N], *work = NEW_ARRAY(double, wavelet_work_samples(N));

    (void)state;
    for (int i = 0; i < N; i++)
        x[i] = pow((i - 90) / 50.0, 5) - pow(i / 60.0, 3);
    wavelet_forward(a, d, x, N, work);
    for (size_t i = 6; i < N / 2 - 1; i++)
        assert_true(fabs(d[i]) < 1e-9);
    free(work);
}

static void shrink(double *x, size_t count)
{
    double *work = NEW_ARRAY(double, denoise_work_samples(count));

    denoise_shrink(x, count, work);
    free(work);
}

static void shrinkage_takes_noise_and_leaves_slow_waves(void **state)
{
    enum { N = 6000 };
    double *x = noise(N, 0.02, 7), kept = 0, before;

    (void)state;
    before = energy(x, N);
    shrink(x, N);
    /* White noise: D1 to D3 hold 7/8 of the energy, and nearly all of them fall below the threshold. */
    kept = energy(x, N) / before;
    assert_true(kept > 0.09 && kept < 0.16);
    for (int i = 0; i < N; i++)
        x[i] = sin(2 * M_PI * 2 * i / 300.0);
    shrink(x, N);
    for (int i = 0; i < N; i++)
        assert_true(fabs(x[i] - sin(2 * M_PI * 2 * i / 300.0)) < 0.02);
    free(x);
}

static void noise_is_judged_stretch_by_stretch(void **state)
{
    /* One quiet stretch before three loud ones: a level common to all would take the waves of the quiet one as well. */
    enum { N = 12000, QUIET = 3000 };
    double *x = NEW_ARRAY(double, N), *loud = noise(N, 0.2, 8), *quiet = noise(N, 0.001, 9), worst = 0;

    (void)state;
    for (int i = 0; i < N; i++)
        x[i] = 0.05 * sin(2 * M_PI * 22 * i / 300.0) + (i < QUIET ? quiet[i] : loud[i]);
    shrink(x, N);
    for (int i = 300; i < QUIET - 300; i++)
        worst = fmax(worst, fabs(x[i] - 0.05 * sin(2 * M_PI * 22 * i / 300.0)));
    assert_true(worst < 0.035);
    free(x);
    free(loud);
    free(quiet);
}

static void mains_stand_out_from_noise_and_from_harmonics(void **state)
{
    enum { N = 3000 };
    double *x = noise(N, 0.005, 10);

    (void)state;
    assert_int_equal(mains_detect(x, N), 0);
    for (int i = 0; i < N; i++)
        x[i] += 0.01 * sin(2 * M_PI * 50 * i / 300.0);
    assert_int_equal(mains_detect(x, N), MAINS_50);
    for (int i = 0; i < N; i++)
        x[i] += 0.01 * sin(2 * M_PI * 60.2 * i / 300.0);
    assert_int_equal(mains_detect(x, N), MAINS_50 | MAINS_60);
    assert_int_equal(mains_detect(x, 599), 0); /* too short to say */
    for (int i = 0; i < N; i++) { /* pulses at 2.5 a second: harmonics at every 2.5 Hz, 50 and 60 among them */
        x[i] = i % 120 < 2 ? 1 : 0;
    }
    assert_int_equal(mains_detect(x, N), 0);
    for (int i = 0; i < N; i++) /* a line below the floor */
        x[i] = 0.0015 * sin(2 * M_PI * 50 * i / 300.0);
    assert_int_equal(mains_detect(x, N), 0);
    free(x);
}

static void where_the_mains_change_the_signal_fades(void **state)
{
    enum { N = 9000 };
    const unsigned lines[3] = {MAINS_50, 0, MAINS_50 | MAINS_60};
    double *x = NEW_ARRAY(double, N), *work = NEW_ARRAY(double, filter_work_samples(N, MAINS_PADDING) + 2 * N);

    (void)state;
    for (int i = 0; i < N; i++)
        x[i] = cos(2 * M_PI * 50 * i / 300.0);
    mains_remove(x, N, lines, 30, work);
    for (int i = 600; i < N - 600; i++) {
        double wanted = i < 3000   ? 0
                        : i < 3300 ? (i - 3000 + 0.5) / 300
                        : i < 6000 ? 1
                        : i < 6300 ? (6299.5 - i) / 300
                                   : 0;

        assert_true(fabs(x[i] - wanted * cos(2 * M_PI * 50 * i / 300.0)) < 1e-3);
    }
    free(x);
    free(work);
}

static int ascending(const void *a, const void *b)
{
    return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b);
}

static void selection_equals_sorting(void **state)
{
    struct random random = random_stream(SEED, 2, 0, RANDOM_TEST);

    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t count = 1 + random_below(&random, 40), k = random_below(&random, count);
        float values[40], sorted[40];
        double median;

        for (size_t i = 0; i < count; i++)
            values[i] = sorted[i] = (float)random_below(&random, round % 3 == 0 ? 3 : 1000);
        qsort(sorted, count, sizeof *sorted, ascending);
        assert_true(select_kth(values, count, k) == sorted[k]);
        for (size_t i = 0; i < count; i++)
            assert_true(i < k ? values[i] <= sorted[k] : values[i] >= sorted[k]);
        median = 0.5 * (sorted[(count - 1) / 2] + sorted[count / 2]);
        assert_true(select_median(values, count) == (float)median);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_band_pass_has_the_sections_of_scipy),
        cmocka_unit_test(a_constant_leaves_nothing_behind_the_band_pass),
        cmocka_unit_test(a_filter_of_three_sections_equals_its_sections_one_by_one),
        cmocka_unit_test(the_wavelet_and_its_inverse_give_the_signal_back),
        cmocka_unit_test(a_cubic_has_no_details),
        cmocka_unit_test(shrinkage_takes_noise_and_leaves_slow_waves),
        cmocka_unit_test(noise_is_judged_stretch_by_stretch),
        cmocka_unit_test(mains_stand_out_from_noise_and_from_harmonics),
        cmocka_unit_test(where_the_mains_change_the_signal_fades),
        cmocka_unit_test(selection_equals_sorting),
    };

    print_message("seed %d\n", SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
