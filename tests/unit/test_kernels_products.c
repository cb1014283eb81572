/* Products, small products with odd strides, transposes and linear layers against plain loops. */
#include "model/kernels/linear.h"
#include "model/kernels/product.h"
#include "model/kernels/small_product.h"

#include "tests/unit/kernels_test.h"

/* c[i, j] = start + sum_l a[i·a_row + l·a_column]·b[l·b_row + j·b_column]; start is c_old for PRODUCT_ADD. */
static double *product_twin(const real *c_old, const real *a, const real *b, enum product_mode mode, size_t m, size_t n,
                            size_t k, size_t ld_c, size_t a_row, size_t a_column, size_t b_row, size_t b_column)
{
    double *c = NEW_ARRAY(double, m *ld_c + 1);
    for (size_t i = 0; i < m * ld_c; i++)
        c[i] = (double)c_old[i];
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = mode == PRODUCT_ADD ? c[i * ld_c + j] : 0;
            for (size_t l = 0; l < k; l++)
                sum += (double)a[i * a_row + l * a_column] * (double)b[l * b_row + j * b_column];
            c[i * ld_c + j] = sum;
        }
    return c;
}

/* All three products of a size; rows of each matrix are `gap` elements further apart than they need be. */
static void check_products(size_t m, size_t n, size_t k, size_t gap, enum product_mode mode)
{
    size_t ld_c = n + gap, ld_a[] = {k + gap, k + gap, m + gap}, ld_b[] = {k + gap, n + gap, n + gap};
    size_t longest = (m > n ? m : n) > k ? (m > n ? m : n) : k, room = (longest + gap) * longest;
    real *a = random_array(room, 1), *b = random_array(room, 1), *start = random_array(m * ld_c, 1);

    for (int kind = 0; kind < 3; kind++) {
        real *c = copy_array(start, m * ld_c);
        double *twin;
        if (kind == 0)
            product_nt(c, a, b, mode, m, n, k, ld_c, ld_a[0], ld_b[0]);
        else if (kind == 1)
            product_nn(c, a, b, mode, m, n, k, ld_c, ld_a[1], ld_b[1]);
        else
            product_tn(c, a, b, mode, m, n, k, ld_c, ld_a[2], ld_b[2]);
        twin = product_twin(start, a, b, mode, m, n, k, ld_c, kind == 2 ? 1 : ld_a[kind], kind == 2 ? ld_a[2] : 1,
                            kind == 0 ? 1 : ld_b[kind], kind == 0 ? ld_b[0] : 1);
        assert_close(c, twin, m * ld_c, CLOSE);
        free(c), free(twin);
    }
    real *bias = random_array(n, 1), *c = zero_array(m * n), *filled = zero_array(m * n);
    for (size_t i = 0; i < m * n; i++)
        filled[i] = bias[i % n];
    double *twin = product_twin(filled, a, b, PRODUCT_ADD, m, n, k, n, ld_a[0], 1, 1, ld_b[0]);
    product_nt_bias(c, a, b, bias, m, n, k, n, ld_a[0], ld_b[0]);
    assert_close(c, twin, m * n, CLOSE);
    free(a), free(b), free(start), free(bias), free(c), free(filled), free(twin);
}

static void products_equal_three_loops_for_any_leading_dimension(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++)
        check_products(random_size(1, 40), random_size(1, 40), random_size(1, 40), random_size(0, 5),
                       round % 2 ? PRODUCT_ADD : PRODUCT_SET);
}

/* Sizes of models: b goes through panels where vectors are wide, in several runs of terms. */
static void large_products_equal_three_loops(void **state)
{
    (void)state;
    product_set_threads(1);
    for (int round = 0; round < 12; round++) {
        size_t n = random_size(16, 60) * 4 + (round % 4 == 3 ? 1 : 0); /* now and then no whole number of vectors */
        check_products(random_size(48, 130), n, random_size(16, 1100), random_size(0, 5),
                       round % 2 ? PRODUCT_ADD : PRODUCT_SET);
    }
    check_products(1024, 64, 150, 0, PRODUCT_SET); /* rows 4096 bytes apart */
    check_products(64, 1024, 513, 0, PRODUCT_ADD);
}

static void small_products_equal_three_loops_for_any_shape_and_stride(void **state)
{
    (void)state;
    for (int round = 0; round < 600; round++) {
        size_t m = random_size(1, 30), n = random_size(1, 90), k = random_size(1, 40);
        size_t ld_c = n + random_size(0, 3), ld_b = n + random_size(0, 3);
        size_t a_row = random_size(1, 9), a_column = random_size(1, 9); /* rows may overlap */
        enum product_mode mode = round % 2 ? PRODUCT_ADD : PRODUCT_SET;
        real *a = random_array(m * a_row + k * a_column, 1), *b = random_array(k * ld_b, 1);
        real *start = random_array(m * ld_c, 1), *c = copy_array(start, m * ld_c);
        double *twin = product_twin(start, a, b, mode, m, n, k, ld_c, a_row, a_column, ld_b, 1);
        small_product(c, a, b, mode, m, n, k, ld_c, a_row, a_column, ld_b);
        assert_close(c, twin, m * ld_c, CLOSE);
        free(a), free(b), free(c), free(start), free(twin);
    }
}

static void a_small_product_gives_the_same_bits_at_any_address(void **state)
{
    enum { M = 13, N = 51, K = 29, ROOM = 4000 };
    real *a = random_array(ROOM, 1), *b = random_array(ROOM, 1), *first = zero_array(ROOM), *other = zero_array(ROOM);

    (void)state;
    small_product(first, a, b, PRODUCT_SET, M, N, K, N, K, 1, N);
    for (size_t offset = 1; offset < 17; offset++) {
        memmove(a + offset, a + offset - 1, M * K * sizeof(real));
        memmove(b + offset, b + offset - 1, N * K * sizeof(real));
        small_product(other + offset, a + offset, b + offset, PRODUCT_SET, M, N, K, N, K, 1, N);
        assert_memory_equal(first, other + offset, M * N * sizeof(real));
    }
    free(a), free(b), free(first), free(other);
}

static void a_transpose_is_scaled_and_padded_with_zeros(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        size_t rows = random_size(1, 50), columns = random_size(1, 50), ld_x = columns + random_size(0, 5);
        size_t padded = product_padded(rows), ld_y = padded + random_size(0, 5);
        real *x = random_array(rows * ld_x, 1), *y = random_array(columns * ld_y, 1), *before;
        double *twin = NEW_ARRAY(double, columns *ld_y);
        before = copy_array(y, columns * ld_y);
        transpose_padded(y, x, REAL(0.5), rows, columns, ld_y, ld_x);
        for (size_t j = 0; j < columns; j++)
            for (size_t i = 0; i < ld_y; i++)
                twin[j * ld_y + i] = i < rows     ? 0.5 * (double)x[i * ld_x + j]
                                     : i < padded ? 0
                                                  : (double)before[j * ld_y + i];
        assert_close(y, twin, columns * ld_y, 0);
        free(x), free(y), free(before), free(twin);
    }
}

static void a_linear_layer_equals_its_formula_in_both_directions(void **state)
{
    (void)state;
    for (int with_bias = 0; with_bias < 2; with_bias++) {
        enum { TOKENS = 19, IN = 23, OUT = 31 };
        real *x = random_array(TOKENS * IN, 1), *weight = random_array(OUT * IN, 1), *bias = random_array(OUT, 1);
        real *y = random_array(TOKENS * OUT, 1), *dy = random_array(TOKENS * OUT, 1),
             *dx = random_array(TOKENS * IN, 1);
        real *dweight = random_array(OUT * IN, 1), *dbias = random_array(OUT, 1), *none = zero_array(TOKENS * OUT);
        double *y_twin, *dx_twin, *dweight_twin, dbias_twin[OUT];
        y_twin = product_twin(none, x, weight, PRODUCT_SET, TOKENS, OUT, IN, OUT, IN, 1, 1, IN);
        dx_twin = product_twin(none, dy, weight, PRODUCT_SET, TOKENS, IN, OUT, IN, OUT, 1, IN, 1);
        dweight_twin = product_twin(dweight, dy, x, PRODUCT_ADD, OUT, IN, TOKENS, IN, 1, OUT, IN, 1);
        for (size_t o = 0; o < OUT; o++) {
            dbias_twin[o] = (double)dbias[o];
            for (size_t t = 0; t < TOKENS; t++) {
                dbias_twin[o] += with_bias ? (double)dy[t * OUT + o] : 0;
                y_twin[t * OUT + o] += with_bias ? (double)bias[o] : 0;
            }
        }
        linear_forward(y, x, weight, with_bias ? bias : NULL, TOKENS, IN, OUT);
        linear_backward(dx, dweight, with_bias ? dbias : NULL, dy, x, weight, TOKENS, IN, OUT);
        assert_close(y, y_twin, TOKENS * OUT, CLOSE);
        assert_close(dx, dx_twin, TOKENS * IN, CLOSE);
        assert_close(dweight, dweight_twin, OUT * IN, CLOSE);
        assert_close(dbias, dbias_twin, OUT, CLOSE);
        free(x), free(weight), free(bias), free(y), free(dy), free(dx), free(dweight), free(dbias), free(none);
        free(y_twin), free(dx_twin), free(dweight_twin);
    }
}

static void the_product_library_has_a_name(void **state)
{
    (void)state;
    assert_true(strstr(product_library(), "BLAS") != NULL);
    product_set_threads(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_equal_three_loops_for_any_leading_dimension),
        cmocka_unit_test(large_products_equal_three_loops),
        cmocka_unit_test(small_products_equal_three_loops_for_any_shape_and_stride),
        cmocka_unit_test(a_small_product_gives_the_same_bits_at_any_address),
        cmocka_unit_test(a_transpose_is_scaled_and_padded_with_zeros),
        cmocka_unit_test(a_linear_layer_equals_its_formula_in_both_directions),
        cmocka_unit_test(the_product_library_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
