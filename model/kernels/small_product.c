#include "model/kernels/small_product.h"

#include <stdint.h>

#include "base/dispatch.h"

/* What the sums are added to: rows `ld` apart; NULL: nothing. */
struct product_start {
    const real *from;
    size_t ld;
};

/* A macro, as an inline function cannot be compiled for the base architecture and inlined into a wider one. */
#define START_AT(start, row, column)                                                                                   \
    ((struct product_start){(start).from != NULL ? (start).from + (row) * (start).ld + (column) : NULL, (start).ld})

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define HAS_WIDE_VECTORS 1

#pragma GCC push_options
#pragma GCC target("arch=skylake-avx512,prefer-vector-width=512")
#define VECTOR_BYTES 64
#define WIDE_BLOCKS 1
#define NAME(x) avx512_##x
#include "model/kernels/small_product_body.h"
#define VECTOR_BYTES 32
#define WIDE_BLOCKS 1
#define NAME(x) avx512_half_##x
#include "model/kernels/small_product_body.h"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("arch=haswell")
#define VECTOR_BYTES 32
#define WIDE_BLOCKS 0
#define NAME(x) avx2_##x
#include "model/kernels/small_product_body.h"
#pragma GCC pop_options
#endif

#define VECTOR_BYTES 16
#define WIDE_BLOCKS 0
#define NAME(x) base_##x
#include "model/kernels/small_product_body.h"

enum vectors { VECTORS_16, VECTORS_32, VECTORS_64 };

static enum vectors widest_vectors(void)
{
#ifdef HAS_WIDE_VECTORS
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd"))
        return VECTORS_64;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        return VECTORS_32;
#endif
    return VECTORS_16;
}

bool small_product_is_wide(void)
{
    return widest_vectors() == VECTORS_64;
}

/* Columns that no vector covers, one at a time; head dimensions and channels of real models leave none. */
KERNEL_CLONES static void scalar_columns(real *c, struct product_start start, const real *a, const real *b, size_t m,
                                         size_t n, size_t k, size_t ld_c, size_t a_row, size_t a_column, size_t ld_b)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            real sum = 0;
            for (size_t l = 0; l < k; l++)
                sum += a[i * a_row + l * a_column] * b[l * ld_b + j];
            c[i * ld_c + j] = start.from != NULL ? start.from[i * start.ld + j] + sum : sum;
        }
}

void small_product_from(real *c, const real *from, size_t ld_from, const real *a, const real *b, size_t m, size_t n,
                        size_t k, size_t ld_c, size_t a_row, size_t a_column, size_t ld_b)
{
    struct product_start start = {from, ld_from};
    size_t done = 0;

    switch (widest_vectors()) {
#ifdef HAS_WIDE_VECTORS
    case VECTORS_64:
        done = avx512_columns(c, start, a, b, m, n, k, ld_c, a_row, a_column, ld_b);
        done += avx512_half_columns(c + done, START_AT(start, 0, done), a, b + done, m, n - done, k, ld_c, a_row,
                                    a_column, ld_b);
        break;
    case VECTORS_32:
        done = avx2_columns(c, start, a, b, m, n, k, ld_c, a_row, a_column, ld_b);
        break;
#endif
    default:
        break;
    }
    done += base_columns(c + done, START_AT(start, 0, done), a, b + done, m, n - done, k, ld_c, a_row, a_column, ld_b);
    if (done < n)
        scalar_columns(c + done, START_AT(start, 0, done), a, b + done, m, n - done, k, ld_c, a_row, a_column, ld_b);
}

void small_product(real *c, const real *a, const real *b, enum product_mode mode, size_t m, size_t n, size_t k,
                   size_t ld_c, size_t a_row, size_t a_column, size_t ld_b)
{
    small_product_from(c, mode == PRODUCT_ADD ? c : NULL, ld_c, a, b, m, n, k, ld_c, a_row, a_column, ld_b);
}

void transpose_padded(real *y, const real *x, real factor, size_t rows, size_t columns, size_t ld_y, size_t ld_x)
{
    size_t done = 0;

    switch (widest_vectors()) {
#ifdef HAS_WIDE_VECTORS
    case VECTORS_64:
        done = avx512_transpose_columns(y, x, factor, rows, columns, ld_y, ld_x);
        done += avx512_half_transpose_columns(y + done * ld_y, x + done, factor, rows, columns - done, ld_y, ld_x);
        break;
    case VECTORS_32:
        done = avx2_transpose_columns(y, x, factor, rows, columns, ld_y, ld_x);
        break;
#endif
    default:
        done = base_transpose_columns(y, x, factor, rows, columns, ld_y, ld_x);
        break;
    }
    for (size_t j = done; j < columns; j++)
        for (size_t i = 0; i < product_padded(rows); i++)
            y[j * ld_y + i] = i < rows ? factor * x[i * ld_x + j] : 0;
}
