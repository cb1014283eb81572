/* Cardio-Sparse Attention against dense attention with a mask, in both directions. */
#include "model/kernels/attention.h"
#include "model/kernels/small_product.h"

#include "tests/unit/kernels_test.h"

struct shape {
    size_t leads, seconds, tolerance, heads, head_dim;
};

static int is_allowed(const struct shape *shape, size_t i, size_t j)
{
    size_t a = i / shape->leads, b = j / shape->leads, apart = a > b ? a - b : b - a;
    return i % shape->leads == j % shape->leads || apart <= shape->tolerance;
}

static size_t allowed_pairs(const struct shape *shape)
{
    size_t tokens = shape->leads * shape->seconds, pairs = 0;
    for (size_t i = 0; i < tokens; i++)
        for (size_t j = 0; j < tokens; j++)
            pairs += (size_t)is_allowed(shape, i, j);
    return pairs;
}

/* softmax((q·kᵀ + mask)/√d)·v and its gradient, head by head, all pairs in the plain. */
static void dense_twin(double *out, double *dqkv, const real *qkv, const real *dout, const struct shape *shape)
{
    size_t tokens = shape->leads * shape->seconds, d = shape->head_dim, width = shape->heads * d;
    double *p = NEW_ARRAY(double, tokens *tokens), *dp = NEW_ARRAY(double, tokens);
    double scale = 1 / sqrt((double)d);

    memset(out, 0, tokens * width * sizeof *out);
    memset(dqkv, 0, tokens * 3 * width * sizeof *dqkv);
    for (size_t head = 0; head < shape->heads; head++)
        for (size_t i = 0; i < tokens; i++) {
            size_t q = i * 3 * width + head * d, y = i * width + head * d;
            double most = -INFINITY, sum = 0, mean = 0;
            for (size_t j = 0; j < tokens; j++) {
                size_t k = j * 3 * width + width + head * d;
                p[j] = is_allowed(shape, i, j) ? 0 : -INFINITY;
                for (size_t c = 0; c < d; c++)
                    p[j] += scale * (double)qkv[q + c] * (double)qkv[k + c];
                most = fmax(most, p[j]);
            }
            for (size_t j = 0; j < tokens; j++)
                sum += p[j] = exp(p[j] - most);
            for (size_t j = 0; j < tokens; j++) {
                size_t v = j * 3 * width + 2 * width + head * d;
                p[j] /= sum;
                dp[j] = 0;
                for (size_t c = 0; c < d; c++) {
                    out[y + c] += p[j] * (double)qkv[v + c];
                    dp[j] += (double)dout[y + c] * (double)qkv[v + c];
                    dqkv[v + c] += p[j] * (double)dout[y + c];
                }
                mean += p[j] * dp[j];
            }
            for (size_t j = 0; j < tokens; j++) {
                size_t k = j * 3 * width + width + head * d;
                double ds = p[j] * (dp[j] - mean) * scale;
                for (size_t c = 0; c < d; c++) {
                    dqkv[q + c] += ds * (double)qkv[k + c];
                    dqkv[k + c] += ds * (double)qkv[q + c];
                }
            }
        }
    free(p), free(dp);
}

/* Runs the kernel in exactly the workspace it asks for and compares with the twin. */
static void compare_with_dense(const struct shape *shape)
{
    size_t tokens = shape->leads * shape->seconds, width = shape->heads * shape->head_dim;
    size_t room = attention_workspace(shape->leads, shape->seconds, shape->tolerance, shape->head_dim);
    real *qkv = random_array(tokens * 3 * width, 1.5), *dout = random_array(tokens * width, 1);
    real *out = random_array(tokens * width, 1), *dqkv = random_array(tokens * 3 * width, 1);
    real *log_sum_exp = random_array(tokens * shape->heads, 1), *workspace = NEW_ARRAY(real, room);
    double *out_twin = NEW_ARRAY(double, tokens *width), *dqkv_twin = NEW_ARRAY(double, tokens * 3 * width);
    struct attention_work forward, backward;

    for (size_t i = 0; i < room; i++)
        workspace[i] = NAN; /* nothing may depend on what was there */
    forward = attention_forward(out, log_sum_exp, qkv, workspace, shape->leads, shape->seconds, shape->tolerance,
                                shape->heads, shape->head_dim);
    for (size_t i = 0; i < room; i++)
        workspace[i] = NAN;
    backward = attention_backward(dqkv, dout, out, log_sum_exp, qkv, workspace, shape->leads, shape->seconds,
                                  shape->tolerance, shape->heads, shape->head_dim);
    dense_twin(out_twin, dqkv_twin, qkv, dout, shape);
    assert_close(out, out_twin, tokens * width, CLOSE);
    assert_close(dqkv, dqkv_twin, tokens * 3 * width, CLOSE);
    assert_int_equal(forward.pairs, shape->heads * allowed_pairs(shape));
    assert_int_equal(backward.pairs, forward.pairs);
    assert_int_equal(attention_pairs(shape->leads, shape->seconds, shape->tolerance), allowed_pairs(shape));
    assert_true(room <= attention_workspace_bound(tokens, shape->seconds, shape->head_dim));
    free(qkv), free(dout), free(out), free(dqkv), free(log_sum_exp), free(workspace), free(out_twin), free(dqkv_twin);
}

static void sparse_attention_equals_masked_dense_attention_for_random_spans(void **state)
{
    static const size_t tolerances[] = {0, 1, 2, 1000}, head_dims[] = {1, 5, 8, 16, 24, 32, 64, 72};

    (void)state;
    for (int round = 0; round < 160; round++) {
        struct shape shape = {
            .leads = random_size(1, 12),
            .seconds = round % 4 == 0 ? random_size(1, 4) : random_size(1, 40),
            .tolerance = tolerances[round % 4],
            .heads = random_size(1, 3),
            .head_dim = head_dims[random_below(test_random(), 8)],
        };
        while (shape.leads * shape.seconds > 160)
            shape.seconds = (shape.seconds + 1) / 2;
        compare_with_dense(&shape);
    }
}

static void every_small_grid_and_tolerance_equals_masked_dense_attention(void **state)
{
    (void)state;
    for (size_t leads = 1; leads <= 4; leads++)
        for (size_t seconds = 1; seconds <= 6; seconds++)
            for (size_t tolerance = 0; tolerance <= 7; tolerance++)
                compare_with_dense(&(struct shape){leads, seconds, tolerance, 2, 8});
}

static void long_spans_of_several_tiles_equal_masked_dense_attention(void **state)
{
    (void)state;
    compare_with_dense(&(struct shape){1, 700, 1, 1, 8});
    compare_with_dense(&(struct shape){2, 150, 1, 1, 16});
    compare_with_dense(&(struct shape){12, 40, 1, 1, 16});
    compare_with_dense(&(struct shape){16, 20, 1000, 1, 16});
}

/* PAPER 3.3: pairs of 12 × 10, 12 × 60, 12 × 85 and 1 × 1024 at w = 0, 1, 2. */
static void pairs_are_those_of_the_table_in_the_paper(void **state)
{
    static const size_t table[4][5] = {{12, 10, 2520, 4896, 7008},
                                       {12, 60, 51120, 66696, 82008},
                                       {12, 85, 97920, 120096, 142008},
                                       {1, 1024, 1048576, 1048576, 1048576}};
    (void)state;
    for (int row = 0; row < 4; row++)
        for (size_t w = 0; w < 3; w++)
            assert_int_equal(attention_pairs(table[row][0], table[row][1], w), table[row][2 + w]);
    assert_int_equal(attention_pairs(12, 10, 9), 14400);
    assert_int_equal(attention_pairs(12, 10, 1000), 14400);
}

/* Products that are computed and not used: the window in the lead part, and rows filled up to whole vectors. */
static void computed_products_grow_with_the_pairs_and_never_with_tokens_squared(void **state)
{
    static const size_t grids[][2] = {{12, 10}, {12, 60}, {12, 85}, {8, 128}, {2, 512}, {1, 1024}};

    (void)state;
    for (size_t g = 0; g < sizeof grids / sizeof *grids; g++)
        for (size_t w = 0; w < 3; w++) {
            size_t leads = grids[g][0], seconds = grids[g][1], tokens = leads * seconds, d = 8;
            real *qkv = random_array(tokens * 3 * d, 1), *out = zero_array(tokens * d), *sums = zero_array(tokens);
            real *workspace = NEW_ARRAY(real, attention_workspace(leads, seconds, w, d));
            struct attention_work work = attention_forward(out, sums, qkv, workspace, leads, seconds, w, 1, d);
            size_t counted_twice = leads == 1 ? 0 : tokens * (2 * w + 1), padding = tokens * 2 * (PRODUCT_LANES - 1);
            assert_int_equal(work.pairs, attention_pairs(leads, seconds, w));
            assert_true(work.products <= work.pairs + counted_twice + padding);
            free(qkv), free(out), free(sums), free(workspace);
        }
}

static void attention_gives_the_same_bits_at_any_address(void **state)
{
    enum { LEADS = 5, SECONDS = 13, WIDTH = 48, TOKENS = LEADS * SECONDS, SHIFTS = 9 };
    size_t room = attention_workspace(LEADS, SECONDS, 1, 16);
    real *qkv = random_array(TOKENS * 3 * WIDTH + SHIFTS, 1), *dout = random_array(TOKENS * WIDTH + SHIFTS, 1);
    real *out = zero_array(TOKENS * WIDTH + SHIFTS), *dqkv = zero_array(TOKENS * 3 * WIDTH + SHIFTS);
    real *first_out = NULL, *first_dqkv = NULL, *sums = zero_array(TOKENS * 3), *workspace = zero_array(room + SHIFTS);

    (void)state;
    for (size_t shift = 0; shift < SHIFTS; shift++) {
        if (shift > 0) {
            memmove(qkv + shift, qkv + shift - 1, TOKENS * 3 * WIDTH * sizeof(real));
            memmove(dout + shift, dout + shift - 1, TOKENS * WIDTH * sizeof(real));
        }
        attention_forward(out + shift, sums, qkv + shift, workspace + shift, LEADS, SECONDS, 1, 3, 16);
        attention_backward(dqkv + shift, dout + shift, out + shift, sums, qkv + shift, workspace + shift, LEADS,
                           SECONDS, 1, 3, 16);
        if (shift == 0) {
            first_out = copy_array(out, TOKENS * WIDTH);
            first_dqkv = copy_array(dqkv, TOKENS * 3 * WIDTH);
        }
        assert_memory_equal(out + shift, first_out, TOKENS * WIDTH * sizeof(real));
        assert_memory_equal(dqkv + shift, first_dqkv, TOKENS * 3 * WIDTH * sizeof(real));
    }
    free(qkv), free(dout), free(out), free(dqkv), free(first_out), free(first_dqkv), free(sums), free(workspace);
}

static void scores_far_apart_do_not_overflow(void **state)
{
    enum { LEADS = 3, SECONDS = 9, D = 8, TOKENS = LEADS * SECONDS };
    real *qkv = random_array(TOKENS * 3 * D, 60), *out = zero_array(TOKENS * D), *sums = zero_array(TOKENS);
    real *workspace = NEW_ARRAY(real, attention_workspace(LEADS, SECONDS, 1, D));

    (void)state;
    attention_forward(out, sums, qkv, workspace, LEADS, SECONDS, 1, 1, D);
    for (size_t i = 0; i < TOKENS * D; i++)
        assert_true(isfinite(out[i]));
    free(qkv), free(out), free(sums), free(workspace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sparse_attention_equals_masked_dense_attention_for_random_spans),
        cmocka_unit_test(every_small_grid_and_tolerance_equals_masked_dense_attention),
        cmocka_unit_test(long_spans_of_several_tiles_equal_masked_dense_attention),
        cmocka_unit_test(pairs_are_those_of_the_table_in_the_paper),
        cmocka_unit_test(computed_products_grow_with_the_pairs_and_never_with_tokens_squared),
        cmocka_unit_test(attention_gives_the_same_bits_at_any_address),
        cmocka_unit_test(scores_far_apart_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
