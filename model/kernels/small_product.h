/* model/kernels/small_product.h — products too small for a BLAS call, with strides a BLAS does not take.
 *
 * c[i, j] = sum over l of a[i, l] · b[l, j] with a[i, l] = a[i·a_row + l·a_column] and rows of b and c contiguous. Rows
 * of a may overlap (a convolution as a product without im2col), a may be read transposed. Blocks of c are kept in
 * registers; the sum runs over l in order, so an element does not depend on m, n or where the arrays lie. The
 * processor's widest vectors are chosen at run time. Fastest where n is a multiple of PRODUCT_LANES. */
#ifndef MODEL_KERNELS_SMALL_PRODUCT_H
#define MODEL_KERNELS_SMALL_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

#include "model/kernels/product.h"

enum { PRODUCT_LANES = 64 / sizeof(real) }; /* of the widest vector: 16 floats */

/* `count` rounded up to whole vectors: width of arrays whose rows are computed without remainder. */
static inline size_t product_padded(size_t count)
{
    return (count + PRODUCT_LANES - 1) / PRODUCT_LANES * PRODUCT_LANES;
}

/* c: [m, n] rows ld_c apart; b: [k, n] rows ld_b apart. c must not overlap a or b. */
void small_product(real *c, const real *a, const real *b, enum product_mode mode, size_t m, size_t n, size_t k,
                   size_t ld_c, size_t a_row, size_t a_column, size_t ld_b);

/* The same added to what stands in `from`: rows ld_from apart (0: one row for all, a bias), c itself or NULL. */
void small_product_from(real *c, const real *from, size_t ld_from, const real *a, const real *b, size_t m, size_t n,
                        size_t k, size_t ld_c, size_t a_row, size_t a_column, size_t ld_b);

/* Does this processor have vectors of 512 bits? */
bool small_product_is_wide(void);

/* y[j, i] = factor·x[i, j] for i < rows, 0 for rows <= i < product_padded(rows).
 * y: [columns, product_padded(rows)] rows ld_y apart; x: [rows, columns] rows ld_x apart. */
void transpose_padded(real *y, const real *x, real factor, size_t rows, size_t columns, size_t ld_y, size_t ld_x);

#endif
