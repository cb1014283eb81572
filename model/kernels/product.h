/* model/kernels/product.h — the one door to matrix products.
 *
 * Behind it stand panel_product.h, where it is the faster way and a rank has one thread, and any CBLAS (OpenBLAS by
 * default) for all else. All matrices are row-major; a leading dimension (ld_) is the
 * distance of two rows in elements and at least the row's length. Sizes beyond int are refused by an assert: they come
 * from the plan. */
#ifndef MODEL_KERNELS_PRODUCT_H
#define MODEL_KERNELS_PRODUCT_H

#include <stddef.h>

#include "model/real.h"

enum product_mode { PRODUCT_SET, PRODUCT_ADD }; /* c = a·b or c += a·b */

/* c[m, n] = a[m, k] · b[n, k]^T: a linear layer forward, b its weight [out, in]. */
void product_nt(real *c, const real *a, const real *b, enum product_mode mode, size_t m, size_t n, size_t k,
                size_t ld_c, size_t ld_a, size_t ld_b);

/* c[m, n] = bias[n] in every row + a[m, k] · b[n, k]^T. bias NULL: 0. */
void product_nt_bias(real *c, const real *a, const real *b, const real *bias, size_t m, size_t n, size_t k, size_t ld_c,
                     size_t ld_a, size_t ld_b);

/* c[m, n] = a[m, k] · b[k, n]: gradient of a linear layer's input, b its weight [out, in]. */
void product_nn(real *c, const real *a, const real *b, enum product_mode mode, size_t m, size_t n, size_t k,
                size_t ld_c, size_t ld_a, size_t ld_b);

/* c[m, n] = a[k, m]^T · b[k, n]: gradient of a linear layer's weight, a = dy [tokens, out], b = x [tokens, in]. */
void product_tn(real *c, const real *a, const real *b, enum product_mode mode, size_t m, size_t n, size_t k,
                size_t ld_c, size_t ld_a, size_t ld_b);

/* Threads of the library; 1 unless a rank owns several cores. No effect on a CBLAS without such a call. */
void product_set_threads(int threads);

/* For the log: "512-bit panels, OpenBLAS 0.3.21 SkylakeX", or "CBLAS of unknown make". Rounding differs between
 * libraries and cores. */
const char *product_library(void);

#endif
