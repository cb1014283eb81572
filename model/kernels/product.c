#include "model/kernels/product.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/profile.h"
#include "model/kernels/panel_product.h"
#include "model/kernels/small_product.h"

/* Weak: another CBLAS links as well and then has none of these. */
extern char *openblas_get_config(void) __attribute__((weak));
extern char *openblas_get_corename(void) __attribute__((weak));
extern void openblas_set_num_threads(int threads) __attribute__((weak));
extern int openblas_get_num_threads(void) __attribute__((weak));

#ifdef ANYECG_DOUBLE
#define GEMM cblas_dgemm
#else
#define GEMM cblas_sgemm
#endif

/* Several threads a rank are the library's business. */
static bool has_one_thread(void)
{
    return openblas_get_num_threads == NULL || openblas_get_num_threads() == 1;
}

static int int_size(size_t size)
{
    assert(size <= INT_MAX);
    return (int)size;
}

/* c = from + op(a)·op(b); from: c itself, a bias (ld_from = 0), or NULL. */
static void product(CBLAS_TRANSPOSE transpose_a, CBLAS_TRANSPOSE transpose_b, real *c, const real *from, size_t ld_from,
                    const real *a, const real *b, size_t m, size_t n, size_t k, size_t ld_c, size_t ld_a, size_t ld_b)
{
    bool a_is_transposed = transpose_a == CblasTrans;
    const struct panel_product panels = {
        .c = c,
        .from = from,
        .a = a,
        .b = b,
        .m = m,
        .n = n,
        .k = k,
        .ld_c = ld_c,
        .ld_from = ld_from,
        .a_row = a_is_transposed ? 1 : ld_a,
        .a_column = a_is_transposed ? ld_a : 1,
        .ld_b = ld_b,
        .b_is_transposed = transpose_b == CblasTrans,
    };

    if (m == 0 || n == 0)
        return;
    if (has_one_thread() && panel_product_pays(&panels)) {
        panel_product(&panels);
    } else {
        for (size_t i = 0; from != NULL && from != c && i < m; i++)
            memcpy(c + i * ld_c, from + i * ld_from, n * sizeof(real));
        GEMM(CblasRowMajor, transpose_a, transpose_b, int_size(m), int_size(n), int_size(k), 1, a, int_size(ld_a), b,
             int_size(ld_b), from != NULL ? 1 : 0, c, int_size(ld_c));
    }
    profile_count(2.0 * (double)m * (double)n * (double)k,
                  (double)sizeof(real) * ((double)m * (double)k + (double)k * (double)n +
                                          (from == c ? 2.0 : 1.0) * (double)m * (double)n));
}

static const real *start_of(const real *c, enum product_mode mode)
{
    return mode == PRODUCT_ADD ? c : NULL;
}

void product_nt(real *c, const real *a, const real *b, enum product_mode mode, size_t m, size_t n, size_t k,
                size_t ld_c, size_t ld_a, size_t ld_b)
{
    product(CblasNoTrans, CblasTrans, c, start_of(c, mode), ld_c, a, b, m, n, k, ld_c, ld_a, ld_b);
}

void product_nt_bias(real *c, const real *a, const real *b, const real *bias, size_t m, size_t n, size_t k, size_t ld_c,
                     size_t ld_a, size_t ld_b)
{
    product(CblasNoTrans, CblasTrans, c, bias, 0, a, b, m, n, k, ld_c, ld_a, ld_b);
}

void product_nn(real *c, const real *a, const real *b, enum product_mode mode, size_t m, size_t n, size_t k,
                size_t ld_c, size_t ld_a, size_t ld_b)
{
    product(CblasNoTrans, CblasNoTrans, c, start_of(c, mode), ld_c, a, b, m, n, k, ld_c, ld_a, ld_b);
}

void product_tn(real *c, const real *a, const real *b, enum product_mode mode, size_t m, size_t n, size_t k,
                size_t ld_c, size_t ld_a, size_t ld_b)
{
    product(CblasTrans, CblasNoTrans, c, start_of(c, mode), ld_c, a, b, m, n, k, ld_c, ld_a, ld_b);
}

void product_set_threads(int threads)
{
    if (openblas_set_num_threads != NULL)
        openblas_set_num_threads(threads);
}

const char *product_library(void)
{
    static char name[96];
    char version[32] = "";
    const char *panels = small_product_is_wide() && has_one_thread() ? "512-bit panels, " : "";

    if (openblas_get_config == NULL || openblas_get_corename == NULL) {
        snprintf(name, sizeof name, "%sCBLAS of unknown make", panels);
        return name;
    }
    sscanf(openblas_get_config(), "OpenBLAS %31s", version);
    snprintf(name, sizeof name, "%sOpenBLAS %s %s", panels, version, openblas_get_corename());
    return name;
}
