#include "model/kernels/product.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

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

static void product(CBLAS_TRANSPOSE transpose_a, CBLAS_TRANSPOSE transpose_b, real *c, const real *a, const real *b,
                    enum product_mode mode, size_t m, size_t n, size_t k, size_t ld_c, size_t ld_a, size_t ld_b)
{
    if (m == 0 || n == 0)
        return;
    struct panel_product panels = {.c = c,
                                   .a = a,
                                   .b = b,
                                   .mode = mode,
                                   .m = m,
                                   .n = n,
                                   .k = k,
                                   .ld_c = ld_c,
                                   .a_row = transpose_a == CblasTrans ? 1 : ld_a,
                                   .a_column = transpose_a == CblasTrans ? ld_a : 1,
                                   .ld_b = ld_b,
                                   .b_is_transposed = transpose_b == CblasTrans};
    if (has_one_thread() && panel_product_pays(&panels))
        panel_product(&panels);
    else
        GEMM(CblasRowMajor, transpose_a, transpose_b, int_size(m), int_size(n), int_size(k), 1, a, int_size(ld_a), b,
             int_size(ld_b), mode == PRODUCT_ADD ? 1 : 0, c, int_size(ld_c));
    profile_count(2.0 * (double)m * (double)n * (double)k,
                  (double)sizeof(real) * ((double)m * (double)k + (double)k * (double)n +
                                          (mode == PRODUCT_ADD ? 2.0 : 1.0) * (double)m * (double)n));
}

void product_nt(real *c, const real *a, const real *b, enum product_mode mode, size_t m, size_t n, size_t k,
                size_t ld_c, size_t ld_a, size_t ld_b)
{
    product(CblasNoTrans, CblasTrans, c, a, b, mode, m, n, k, ld_c, ld_a, ld_b);
}

void product_nn(real *c, const real *a, const real *b, enum product_mode mode, size_t m, size_t n, size_t k,
                size_t ld_c, size_t ld_a, size_t ld_b)
{
    product(CblasNoTrans, CblasNoTrans, c, a, b, mode, m, n, k, ld_c, ld_a, ld_b);
}

void product_tn(real *c, const real *a, const real *b, enum product_mode mode, size_t m, size_t n, size_t k,
                size_t ld_c, size_t ld_a, size_t ld_b)
{
    product(CblasTrans, CblasNoTrans, c, a, b, mode, m, n, k, ld_c, ld_a, ld_b);
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
