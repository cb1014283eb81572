/* AdamW, schedule and norm against PyTorch 1.13 (torch.optim.AdamW, CosineAnnealingLR, float64) and plain formulas. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/optimiser.h"

static const struct optimiser_config TORCH_CONFIG = {
    .learning_rate = 0.01, .beta1 = 0.9, .beta2 = 0.98, .epsilon = 1e-8, .weight_decay = 0.05, .layer_decay = 1};

static void check_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.17g is not %.17g", value, expected);
}

static void three_adamw_steps_give_the_weights_of_pytorch(void **state)
{
    (void)state;
    const double gradients[3][4] = {{0.1, -0.2, 0.3, 0.0}, {-0.05, 0.4, 1e-3, 2.0}, {0.7, 0.7, -0.7, -3.0}};
    const double expected[3][4] = {{0.48975000099999993, -1.2393750005000002, 1.9890000003333335, 0.09995000000000001},
                                   {0.48683404920286016, -1.2424058520143837, 1.981247604240113, 0.09249410543133144},
                                   {0.48001804274588783, -1.248648952887226, 1.9840581571640619, 0.09456029604802221}};
    struct parameters parameters = {0};
    parameters_add(&parameters, (size_t[4]){4}, true, 0, INIT_ZERO, 0, "weight");
    real weights[16] = {0.5, -1.25, 2, REAL(0.1)}, moment1[16] = {0}, moment2[16] = {0}, gradient[16] = {0};

    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < 4; i++) /* twice the gradient and scale 1/2: clipping is applied on the way */
            gradient[i] = (real)(2 * gradients[step][i]);
        adamw_step(&parameters, &TORCH_CONFIG, weights, gradient, moment1, moment2, 0.01, 0.5, (uint64_t)step + 1, 5);
        for (int i = 0; i < 4; i++)
            check_near(weights[i], expected[step][i], 3e-7);
    }
    parameters_free(&parameters);
}

static void decay_reaches_only_tensors_that_ask_for_it_and_padding_stays_zero(void **state)
{
    (void)state;
    struct parameters parameters = {0};
    size_t matrix = parameters_add(&parameters, (size_t[4]){3, 3}, true, 0, INIT_ZERO, 0, "matrix");
    size_t vector = parameters_add(&parameters, (size_t[4]){5}, false, 0, INIT_ZERO, 0, "vector");
    real weights[32], gradient[32] = {0}, moment1[32] = {0}, moment2[32] = {0};
    assert_int_equal(parameters.count, 32);
    for (size_t i = 0; i < 32; i++)
        weights[i] = 1;
    weights[9] = weights[31] = 0; /* padding behind matrix and vector */

    adamw_step(&parameters, &TORCH_CONFIG, weights, gradient, moment1, moment2, 0.1, 1, 1, 0);
    check_near(weights[matrix], 1 - 0.1 * 0.05, 1e-7);
    check_near(weights[matrix + 8], 1 - 0.1 * 0.05, 1e-7);
    check_near(weights[vector], 1, 0);
    check_near(weights[9], 0, 0);
    check_near(weights[31], 0, 0);
    parameters_free(&parameters);
}

static void layer_decay_lowers_the_rate_by_a_factor_a_layer(void **state)
{
    (void)state;
    struct optimiser_config config = TORCH_CONFIG;
    struct parameters parameters = {0};
    real weights[64] = {0}, gradient[64], moment1[64] = {0}, moment2[64] = {0};
    config.layer_decay = 0.65;
    for (int layer = 0; layer < 4; layer++) /* trunk of two blocks: embedding 0, blocks 1 and 2, head 3 */
        parameters_add(&parameters, (size_t[4]){16}, false, layer, INIT_ZERO, 0, "layer%d", layer);
    for (size_t i = 0; i < 64; i++)
        gradient[i] = 1;

    adamw_step(&parameters, &config, weights, gradient, moment1, moment2, 0.1, 1, 1, 3);
    for (int layer = 0; layer < 4; layer++) /* the first step of Adam with a gradient of 1 has the length of the rate */
        check_near(weights[16 * layer], -0.1 * pow(0.65, 3 - layer), 1e-7);
    parameters_free(&parameters);
}

static void the_schedule_rises_linearly_and_falls_as_a_cosine(void **state)
{
    (void)state;
    struct optimiser_config config = {.learning_rate = 1, .least_learning_rate = 0.1};
    check_near(schedule_rate(&config, 0, 10, 90), 0, 0);
    check_near(schedule_rate(&config, 5, 10, 90), 0.5, 1e-15);
    check_near(schedule_rate(&config, 10, 10, 90), 1, 1e-15);
    /* CosineAnnealingLR(T_max=80, eta_min=0.1) after 20, 40 and 79 steps */
    check_near(schedule_rate(&config, 30, 10, 90), 0.8681980515339462, 1e-12);
    check_near(schedule_rate(&config, 50, 10, 90), 0.55, 1e-12);
    check_near(schedule_rate(&config, 89, 10, 90), 0.1003469336916747, 1e-12);
    check_near(schedule_rate(&config, 90, 10, 90), 0.1, 1e-15);
    check_near(schedule_rate(&config, 1000, 10, 90), 0.1, 1e-15);
    check_near(schedule_rate(&config, 0, 0, 0), 0.1, 1e-15);
}

static void the_norm_sums_in_double_and_shows_what_is_not_finite(void **state)
{
    (void)state;
    enum { COUNT = 1 << 20 };
    real *gradient = calloc(COUNT, sizeof *gradient);
    for (size_t i = 0; i < COUNT; i++)
        gradient[i] = REAL(0.1);
    check_near(gradient_norm(gradient, COUNT), (double)REAL(0.1) * 1024, 1e-9);
    check_near(gradient_norm((real[]){3, 4}, 2), 5, 0);
    gradient[COUNT / 2 + 3] = (real)NAN;
    assert_false(isfinite(gradient_norm(gradient, COUNT)));
    gradient[COUNT / 2 + 3] = -(real)INFINITY;
    assert_false(isfinite(gradient_norm(gradient, COUNT)));
    free(gradient);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_adamw_steps_give_the_weights_of_pytorch),
        cmocka_unit_test(decay_reaches_only_tensors_that_ask_for_it_and_padding_stays_zero),
        cmocka_unit_test(layer_decay_lowers_the_rate_by_a_factor_a_layer),
        cmocka_unit_test(the_schedule_rises_linearly_and_falls_as_a_cosine),
        cmocka_unit_test(the_norm_sums_in_double_and_shows_what_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
