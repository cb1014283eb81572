/* Norms, activations, residual sums, pooling, tables: each kernel against a plain loop over its formula. */
#include "base/lead.h"
#include "model/kernels/activation.h"
#include "model/kernels/arrays.h"
#include "model/kernels/embedding.h"
#include "model/kernels/layernorm.h"
#include "model/kernels/pooling.h"

#include "tests/unit/kernels_test.h"

/* One row of layernorm in both directions; NULL where not wanted. */
static void layernorm_row_twin(double *y, double *dx, double *dscale, double *dshift, const real *x, const real *dy,
                               const real *scale, const real *shift, size_t width)
{
    double mean = 0, variance = 0, sum = 0, product = 0;

    for (size_t c = 0; c < width; c++)
        mean += (double)x[c] / (double)width;
    for (size_t c = 0; c < width; c++)
        variance += ((double)x[c] - mean) * ((double)x[c] - mean) / (double)width;
    double inverse = 1 / sqrt(variance + 1e-6);
    for (size_t c = 0; c < width; c++) {
        double n = ((double)x[c] - mean) * inverse, g = (double)dy[c] * (double)scale[c];
        y[c] = n * (double)scale[c] + (double)shift[c];
        dscale[c] += (double)dy[c] * n;
        dshift[c] += (double)dy[c];
        sum += g / (double)width;
        product += g * n / (double)width;
    }
    for (size_t c = 0; c < width; c++) {
        double n = ((double)x[c] - mean) * inverse;
        dx[c] += inverse * ((double)dy[c] * (double)scale[c] - sum - n * product);
    }
}

static double *as_double(const real *x, size_t count)
{
    double *y = NEW_ARRAY(double, count + 1);
    for (size_t i = 0; i < count; i++)
        y[i] = (double)x[i];
    return y;
}

static void layernorm_equals_its_formula_and_adds_its_gradients(void **state)
{
    (void)state;
    for (size_t width = 5; width < 70; width += 16) {
        size_t tokens = 13, count = tokens * width;
        real *x = random_array(count, 2), *scale = random_array(width, 1), *shift = random_array(width, 1);
        real *y = zero_array(count), *mean = zero_array(tokens), *inverse = zero_array(tokens);
        real *dy = random_array(count, 1), *dx = random_array(count, 1);
        real *dscale = random_array(width, 1), *dshift = random_array(width, 1);
        double *y_twin = as_double(y, count), *dx_twin = as_double(dx, count);
        double *dscale_twin = as_double(dscale, width), *dshift_twin = as_double(dshift, width);
        for (size_t t = 0; t < tokens; t++)
            layernorm_row_twin(y_twin + t * width, dx_twin + t * width, dscale_twin, dshift_twin, x + t * width,
                               dy + t * width, scale, shift, width);
        layernorm_forward(y, mean, inverse, x, scale, shift, tokens, width);
        layernorm_backward(dx, dscale, dshift, dy, x, mean, inverse, scale, tokens, width);
        assert_close(y, y_twin, count, CLOSE);
        assert_close(dx, dx_twin, count, CLOSE);
        assert_close(dscale, dscale_twin, width, CLOSE);
        assert_close(dshift, dshift_twin, width, CLOSE);
        free(x), free(scale), free(shift), free(y), free(mean), free(inverse), free(dy), free(dx), free(dscale);
        free(dshift), free(y_twin), free(dx_twin), free(dscale_twin), free(dshift_twin);
    }
}

static void a_constant_row_is_normed_to_the_shift(void **state)
{
    real x[16], y[16], scale[16], shift[16], mean, inverse;

    (void)state;
    for (int c = 0; c < 16; c++)
        x[c] = 1000, scale[c] = 3, shift[c] = (real)c;
    layernorm_forward(y, &mean, &inverse, x, scale, shift, 1, 16);
    for (int c = 0; c < 16; c++)
        assert_true(y[c] == (real)c);
}

static void head_norm_equals_layernorm_of_each_head_and_leaves_values_alone(void **state)
{
    enum { TOKENS = 7, HEADS = 3, D = 20, WIDTH = HEADS * D, COUNT = TOKENS * 3 * WIDTH };
    real *qkv = random_array(COUNT, 2), *dqkv = random_array(COUNT, 1), *before = copy_array(qkv, COUNT);
    real *parts[4], *gradients[4], *normalised = zero_array(TOKENS * 2 * WIDTH),
                                   *inverse = zero_array(TOKENS * 2 * HEADS);
    double *y_twin = as_double(qkv, COUNT), *dx_twin = as_double(dqkv, COUNT), *gradient_twins[4];

    (void)state;
    for (int i = 0; i < 4; i++) { /* q scale, q shift, k scale, k shift */
        parts[i] = random_array(D, 1);
        gradients[i] = random_array(D, 1);
        gradient_twins[i] = as_double(gradients[i], D);
    }
    for (size_t t = 0; t < TOKENS; t++)
        for (size_t head = 0; head < 2 * HEADS; head++) {
            size_t place = t * 3 * WIDTH + head * D;
            int first = head < HEADS ? 0 : 2;
            memset(dx_twin + place, 0, D * sizeof *dx_twin);
            layernorm_row_twin(y_twin + place, dx_twin + place, gradient_twins[first], gradient_twins[first + 1],
                               before + place, dqkv + place, parts[first], parts[first + 1], D);
        }
    head_norm_forward(qkv, normalised, inverse, parts[0], parts[1], parts[2], parts[3], TOKENS, HEADS, D);
    head_norm_backward(dqkv, gradients[0], gradients[1], gradients[2], gradients[3], normalised, inverse, parts[0],
                       parts[2], TOKENS, HEADS, D);
    assert_close(qkv, y_twin, COUNT, CLOSE);
    assert_close(dqkv, dx_twin, COUNT, CLOSE);
    head_norm_forward(before, NULL, NULL, parts[0], parts[1], parts[2], parts[3], TOKENS, HEADS, D);
    assert_memory_equal(before, qkv, COUNT * sizeof(real));
    for (int i = 0; i < 4; i++) {
        assert_close(gradients[i], gradient_twins[i], D, CLOSE);
        free(parts[i]), free(gradients[i]), free(gradient_twins[i]);
    }
    free(qkv), free(dqkv), free(before), free(normalised), free(inverse), free(y_twin), free(dx_twin);
}

static void gelu_adds_the_bias_follows_the_error_function_and_keeps_its_slope(void **state)
{
    enum { TOKENS = 9, WIDTH = 37, COUNT = TOKENS * WIDTH };
    real *x = random_array(COUNT, 2), *bias = random_array(WIDTH, 1), *y = zero_array(COUNT),
         *dy = random_array(COUNT, 1);
    double *x_twin = as_double(x, COUNT), *y_twin = as_double(x, COUNT), *dx_twin = as_double(x, COUNT);

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        double z = x_twin[i] += (double)bias[i % WIDTH], phi = (1 + erf(z / sqrt(2))) / 2;
        y_twin[i] = z * phi;
        dx_twin[i] = (double)dy[i] * (phi + z * exp(-z * z / 2) / sqrt(2 * M_PI));
    }
    gelu_forward(y, NULL, x, bias, TOKENS, WIDTH);
    assert_close(x, x_twin, COUNT, CLOSE);
    assert_close(y, y_twin, COUNT, CLOSE);
    memset(y, 0, COUNT * sizeof(real));
    gelu_forward(y, x, x, NULL, TOKENS, WIDTH);
    assert_close(y, y_twin, COUNT, CLOSE);
    gelu_backward(dy, dy, x, COUNT);
    assert_close(dy, dx_twin, COUNT, CLOSE);
    free(x), free(bias), free(y), free(dy), free(x_twin), free(y_twin), free(dx_twin);
}

static void tanh_equals_that_of_the_library_in_both_directions(void **state)
{
    enum { COUNT = 1003 };
    real *x = random_array(COUNT, 2), *y = zero_array(COUNT), *dx = zero_array(COUNT), *dy = random_array(COUNT, 1);
    double y_twin[COUNT], dx_twin[COUNT];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        y_twin[i] = tanh((double)x[i]);
        dx_twin[i] = (double)dy[i] * (1 - y_twin[i] * y_twin[i]);
    }
    tanh_forward(y, x, COUNT);
    tanh_backward(dx, dy, y, COUNT);
    assert_close(y, y_twin, COUNT, CLOSE);
    assert_close(dx, dx_twin, COUNT, CLOSE);
    free(x), free(y), free(dx), free(dy);
}

static void a_branch_joins_by_layer_scale_and_a_dropped_one_leaves_no_trace(void **state)
{
    enum { TOKENS = 6, WIDTH = 21, COUNT = TOKENS * WIDTH };
    for (int with_factor = 0; with_factor < 2; with_factor++) {
        real factor[TOKENS] = {0, 1.25, 1.25, 0, 2, 1};
        real *x = random_array(COUNT, 1), *y = random_array(COUNT, 1), *gamma = random_array(WIDTH, 1);
        real *out = zero_array(COUNT), *dout = random_array(COUNT, 1), *dgamma = random_array(WIDTH, 1);
        double *out_twin = as_double(x, COUNT), *dy_twin = as_double(x, COUNT), *dgamma_twin = as_double(dgamma, WIDTH);
        if (with_factor)
            y[3] = NAN; /* of a dropped token */
        for (size_t i = 0; i < COUNT; i++) {
            double keep = with_factor ? (double)factor[i / WIDTH] : 1;
            if (keep != 0) {
                out_twin[i] += keep * (double)gamma[i % WIDTH] * (double)y[i];
                dgamma_twin[i % WIDTH] += keep * (double)dout[i] * (double)y[i];
            }
            dy_twin[i] = keep * (double)gamma[i % WIDTH] * (double)dout[i];
        }
        residual_forward(out, x, y, gamma, with_factor ? factor : NULL, TOKENS, WIDTH);
        residual_forward(x, x, y, gamma, with_factor ? factor : NULL, TOKENS, WIDTH);
        residual_backward(y, dgamma, dout, y, gamma, with_factor ? factor : NULL, TOKENS, WIDTH);
        assert_close(out, out_twin, COUNT, CLOSE);
        assert_close(x, out_twin, COUNT, CLOSE);
        assert_close(y, dy_twin, COUNT, CLOSE);
        assert_close(dgamma, dgamma_twin, WIDTH, CLOSE);
        free(x), free(y), free(gamma), free(out), free(dout), free(dgamma), free(out_twin), free(dy_twin);
        free(dgamma_twin);
    }
    (void)state;
}

/* Three spans, one after another, of other leads, lengths and offsets; lead 15 twice in the last. */
static size_t make_spans(struct span spans[3])
{
    memset(spans, 0, 3 * sizeof *spans);
    spans[0] = (struct span){.first_token = 0, .leads = 3, .seconds = 4, .first_time = 7, .lead = {0, 6, 11}};
    spans[1] = (struct span){.first_token = 12, .leads = 1, .seconds = 5, .first_time = 1019, .lead = {1}};
    spans[2] = (struct span){.first_token = 17, .leads = 2, .seconds = 2, .first_time = 8, .lead = {15, 15}};
    return 21;
}

static void pooling_is_the_mean_over_a_span_or_over_the_leads_of_a_second(void **state)
{
    enum { WIDTH = 19, ROWS = 4 + 5 + 2 };
    struct span spans[3];
    size_t tokens = make_spans(spans), row = 0;
    real *x = random_array(tokens * WIDTH, 1), *pooled = random_array(3 * WIDTH, 1),
         *seconds = random_array(ROWS * WIDTH, 1);
    real *dx = random_array(tokens * WIDTH, 1);
    double pooled_twin[3 * WIDTH] = {0}, seconds_twin[ROWS * WIDTH] = {0}, *dx_twin = as_double(dx, tokens * WIDTH);
    real *dpooled = random_array(3 * WIDTH, 1), *dseconds = random_array(ROWS * WIDTH, 1);

    (void)state;
    for (size_t s = 0; s < 3; row += spans[s].seconds, s++)
        for (size_t t = 0; t < span_tokens(&spans[s]); t++)
            for (size_t c = 0; c < WIDTH; c++) {
                size_t place = (spans[s].first_token + t) * WIDTH + c;
                size_t second = (row + t / spans[s].leads) * WIDTH + c;
                pooled_twin[s * WIDTH + c] += (double)x[place] / (double)span_tokens(&spans[s]);
                seconds_twin[second] += (double)x[place] / (double)spans[s].leads;
                dx_twin[place] += (double)dpooled[s * WIDTH + c] / (double)span_tokens(&spans[s]);
                dx_twin[place] += (double)dseconds[second] / (double)spans[s].leads;
            }
    pool_spans_forward(pooled, x, spans, 3, WIDTH);
    pool_leads_forward(seconds, x, spans, 3, WIDTH);
    pool_spans_backward(dx, dpooled, spans, 3, WIDTH);
    pool_leads_backward(dx, dseconds, spans, 3, WIDTH);
    assert_close(pooled, pooled_twin, 3 * WIDTH, CLOSE);
    assert_close(seconds, seconds_twin, ROWS * WIDTH, CLOSE);
    assert_close(dx, dx_twin, tokens * WIDTH, CLOSE);
    free(x), free(pooled), free(seconds), free(dx), free(dx_twin), free(dpooled), free(dseconds);
}

static void each_token_gets_the_rows_of_its_lead_and_its_time(void **state)
{
    enum { WIDTH = 11 };
    struct span spans[3];
    size_t tokens = make_spans(spans);
    real *x = random_array(tokens * WIDTH, 1), *leads = random_array(N_LEADS * WIDTH, 1);
    real *times = random_array(MAX_TIMES * WIDTH, 1), *dx = random_array(tokens * WIDTH, 1);
    real *dleads = random_array(N_LEADS * WIDTH, 1), *dtimes = random_array(MAX_TIMES * WIDTH, 1);
    double *x_twin = as_double(x, tokens * WIDTH), *dleads_twin = as_double(dleads, N_LEADS * WIDTH);
    double *dtimes_twin = as_double(dtimes, MAX_TIMES * WIDTH);

    (void)state;
    for (size_t s = 0; s < 3; s++)
        for (size_t t = 0; t < span_tokens(&spans[s]); t++)
            for (size_t c = 0; c < WIDTH; c++) {
                size_t place = (spans[s].first_token + t) * WIDTH + c;
                size_t lead = spans[s].lead[t % spans[s].leads] * WIDTH + c;
                size_t time = (spans[s].first_time + t / spans[s].leads) * WIDTH + c;
                x_twin[place] += (double)leads[lead] + (double)times[time];
                dleads_twin[lead] += (double)dx[place];
                dtimes_twin[time] += (double)dx[place];
            }
    embedding_forward(x, leads, times, spans, 3, WIDTH);
    embedding_backward(dleads, dtimes, dx, spans, 3, WIDTH);
    assert_close(x, x_twin, tokens * WIDTH, CLOSE);
    assert_close(dleads, dleads_twin, N_LEADS * WIDTH, CLOSE);
    assert_close(dtimes, dtimes_twin, MAX_TIMES * WIDTH, CLOSE);
    free(x), free(leads), free(times), free(dx), free(dleads), free(dtimes), free(x_twin), free(dleads_twin);
    free(dtimes_twin);
}

static void masked_tokens_are_replaced_and_their_gradient_goes_to_the_mask_vector(void **state)
{
    enum { TOKENS = 9, WIDTH = 13 };
    const uint8_t masked[TOKENS] = {0, 1, 1, 0, 0, 1, 0, 1, 0};
    for (uint8_t value = 0; value < 2; value++) {
        real *x = random_array(TOKENS * WIDTH, 1), *vector = random_array(WIDTH, 1),
             *dx = random_array(TOKENS * WIDTH, 1);
        real *dvector = random_array(WIDTH, 1);
        double *x_twin = as_double(x, TOKENS * WIDTH), *dx_twin = as_double(dx, TOKENS * WIDTH);
        double *dvector_twin = as_double(dvector, WIDTH);
        for (size_t i = 0; i < TOKENS * WIDTH; i++)
            if (masked[i / WIDTH] == value) {
                x_twin[i] = (double)vector[i % WIDTH];
                dvector_twin[i % WIDTH] += dx_twin[i];
                dx_twin[i] = 0;
            }
        mask_forward(x, vector, masked, value, TOKENS, WIDTH);
        mask_backward(dx, dvector, masked, value, TOKENS, WIDTH);
        assert_close(x, x_twin, TOKENS * WIDTH, 0);
        assert_close(dx, dx_twin, TOKENS * WIDTH, 0);
        assert_close(dvector, dvector_twin, WIDTH, CLOSE);
        free(x), free(vector), free(dx), free(dvector), free(x_twin), free(dx_twin), free(dvector_twin);
    }
    (void)state;
}

static void rows_are_gathered_scattered_summed_and_scaled(void **state)
{
    enum { ROWS = 11, WIDTH = 18, PICKED = 7 };
    const uint32_t index[PICKED] = {3, 0, 10, 3, 3, 7, 1};
    real *x = random_array(ROWS * WIDTH, 1), *y = zero_array(PICKED * WIDTH), *z = random_array(ROWS * WIDTH, 1);
    real *sum = random_array(WIDTH, 1);
    double *y_twin = as_double(y, PICKED * WIDTH), *z_twin = as_double(z, ROWS * WIDTH),
           *sum_twin = as_double(sum, WIDTH);

    (void)state;
    for (size_t i = 0; i < PICKED * WIDTH; i++) {
        y_twin[i] = (double)x[index[i / WIDTH] * WIDTH + i % WIDTH];
        z_twin[index[i / WIDTH] * WIDTH + i % WIDTH] += y_twin[i];
    }
    for (size_t i = 0; i < ROWS * WIDTH; i++) {
        sum_twin[i % WIDTH] += (double)x[i];
        z_twin[i] = -0.5 * (z_twin[i] + (double)x[i]);
    }
    gather_rows(y, x, index, PICKED, WIDTH);
    scatter_rows_add(z, y, index, PICKED, WIDTH);
    array_add(z, x, ROWS * WIDTH);
    array_scale(z, z, REAL(-0.5), ROWS * WIDTH);
    column_sum_add(sum, x, ROWS, WIDTH);
    assert_close(y, y_twin, PICKED * WIDTH, 0);
    assert_close(z, z_twin, ROWS * WIDTH, CLOSE);
    assert_close(sum, sum_twin, WIDTH, CLOSE);
    free(x), free(y), free(z), free(sum), free(y_twin), free(z_twin), free(sum_twin);
}

static void rows_close_up_to_the_front_and_spread_back_with_zeros_between(void **state)
{
    enum { ROWS = 9, WIDTH = 5, MOST = 9 };
    const uint32_t lists[][MOST] = {{2, 3, 7}, {0, 1, 8}, {0}, {8}, {0, 1, 2, 3, 4, 5, 6, 7, 8}, {0}};
    const size_t counts[] = {3, 3, 1, 1, 9, 0};

    (void)state;
    for (size_t list = 0; list < sizeof counts / sizeof *counts; list++) {
        const uint32_t *index = lists[list];
        real *x = random_array(ROWS * WIDTH, 1), *moved = copy_array(x, ROWS * WIDTH);
        bool is_listed[ROWS] = {false};
        close_rows(moved, index, counts[list], WIDTH);
        for (size_t r = 0; r < counts[list]; r++) {
            is_listed[index[r]] = true;
            assert_memory_equal(moved + r * WIDTH, x + index[r] * WIDTH, WIDTH * sizeof *x);
        }
        spread_rows(moved, index, counts[list], ROWS, WIDTH);
        for (size_t i = 0; i < ROWS * WIDTH; i++)
            assert_true(moved[i] == (is_listed[i / WIDTH] ? x[i] : 0));
        free(x), free(moved);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_close_up_to_the_front_and_spread_back_with_zeros_between),
        cmocka_unit_test(layernorm_equals_its_formula_and_adds_its_gradients),
        cmocka_unit_test(a_constant_row_is_normed_to_the_shift),
        cmocka_unit_test(head_norm_equals_layernorm_of_each_head_and_leaves_values_alone),
        cmocka_unit_test(gelu_adds_the_bias_follows_the_error_function_and_keeps_its_slope),
        cmocka_unit_test(tanh_equals_that_of_the_library_in_both_directions),
        cmocka_unit_test(a_branch_joins_by_layer_scale_and_a_dropped_one_leaves_no_trace),
        cmocka_unit_test(pooling_is_the_mean_over_a_span_or_over_the_leads_of_a_second),
        cmocka_unit_test(each_token_gets_the_rows_of_its_lead_and_its_time),
        cmocka_unit_test(masked_tokens_are_replaced_and_their_gradient_goes_to_the_mask_vector),
        cmocka_unit_test(rows_are_gathered_scattered_summed_and_scaled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
