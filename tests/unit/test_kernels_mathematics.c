/* The short polynomials of model/kernels/mathematics.h against the C library in double. */
#include "model/kernels/mathematics.h"

#include "tests/unit/kernels_test.h"

/* Largest error over [least, most] in units in the last place of the float result. */
static double worst_ulp(real (*function)(real), double (*exact)(double), float least, float most)
{
    double worst = 0;
    enum { POINTS = 2000003 };

    for (int i = 0; i < POINTS; i++) {
        float x = least + (most - least) * ((float)i / (POINTS - 1));
        double truth = exact((double)x), unit;
        if (fabs(truth) < 1.2e-38)
            continue;
        unit = ldexp(1, ilogb(truth) - 23);
        double error = fabs((double)function((real)x) - truth) / unit;
        worst = error > worst || isnan(error) ? error : worst;
    }
    return worst;
}

static real exp_once(real x)
{
    return real_exp(x);
}

static real tanh_once(real x)
{
    return real_tanh(x);
}

static void exp_is_within_two_units_in_the_last_place(void **state)
{
    (void)state;
    assert_true(worst_ulp(exp_once, exp, -87.33f, 88.72f) < 2);
    assert_true(worst_ulp(exp_once, exp, -1, 1) < 2);
}

static void tanh_is_within_three_units_in_the_last_place(void **state)
{
    (void)state;
    assert_true(worst_ulp(tanh_once, tanh, -10, 10) < 3);
    assert_true(worst_ulp(tanh_once, tanh, -0.7f, 0.7f) < 3);
}

/* The error in units of float's precision at max(1, |x|): what is left of x·Φ(x) far left of 0 is rounded there too. */
static void gelu_and_its_slope_are_within_three_units_of_their_rounding(void **state)
{
    enum { POINTS = 4000037 };
    double worst_value = 0, worst_slope = 0;

    (void)state;
    for (int i = 0; i < POINTS; i++) {
        float x = -14 + 28 * ((float)i / (POINTS - 1));
        struct gelu_parts parts = gelu_parts((real)x);
        double cumulative = erfc(-(double)x / sqrt(2)) / 2, density = exp(-(double)x * x / 2) / sqrt(2 * M_PI);
        double unit = ldexp(1, -23), value = fabs((double)gelu_value((real)x, parts) - (double)x * cumulative);
        double slope = fabs((double)gelu_slope((real)x, parts) - cumulative - (double)x * density);
        value /= fmax(1, fabs((double)x));
        worst_value = fmax(worst_value, value / unit), worst_slope = fmax(worst_slope, slope / unit);
    }
    assert_true(worst_value < 3);
    assert_true(worst_slope < 3);
}

static real log_once(real x)
{
    return real_log(x);
}

static void log_is_within_two_units_in_the_last_place(void **state)
{
    (void)state;
    assert_true(worst_ulp(log_once, log, 1e-37f, 1e-30f) < 2);
    assert_true(worst_ulp(log_once, log, 0.001f, 3) < 2);
    assert_true(worst_ulp(log_once, log, 1, 1100) < 2);
    assert_true(worst_ulp(log_once, log, 1e10f, 3e38f) < 2);
    assert_true(real_log(1) == 0 && isinf(real_log(0)) && isinf(real_log(INFINITY)) && isnan(real_log(NAN)));
}

static void extreme_arguments_give_limits_and_not_a_number_stays(void **state)
{
    (void)state;
    assert_true(real_exp(-INFINITY) == 0);
    assert_true(real_exp(-1000) == 0);
    assert_true(isinf(real_exp(1000)));
    assert_true(isinf(real_exp(INFINITY)));
    assert_true(isnan(real_exp(NAN)));
    assert_true(real_exp(0) == 1);
    assert_true(real_tanh(INFINITY) == 1 && real_tanh(-INFINITY) == -1 && real_tanh(0) == 0);
    assert_true(isnan(real_tanh(NAN)));
    assert_true(isnan(gelu_value(NAN, gelu_parts(NAN))) && isnan(gelu_slope(NAN, gelu_parts(NAN))));
    assert_true(isinf(gelu_value(INFINITY, gelu_parts(INFINITY))) && gelu_slope(INFINITY, gelu_parts(INFINITY)) == 1);
    assert_true(fabs((double)gelu_value(-INFINITY, gelu_parts(-INFINITY))) < 1e-25);
    assert_true(fabs((double)gelu_slope(-1000, gelu_parts(-1000))) < 1e-25);
    assert_true(gelu_value(0, gelu_parts(0)) == 0 && fabs((double)gelu_slope(0, gelu_parts(0)) - 0.5) < 1e-7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_within_two_units_in_the_last_place),
        cmocka_unit_test(tanh_is_within_three_units_in_the_last_place),
        cmocka_unit_test(gelu_and_its_slope_are_within_three_units_of_their_rounding),
        cmocka_unit_test(log_is_within_two_units_in_the_last_place),
        cmocka_unit_test(extreme_arguments_give_limits_and_not_a_number_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
