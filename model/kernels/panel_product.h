/* model/kernels/panel_product.h — products of the model's sizes where vectors are 512 bits wide.
 *
 * Four vectors' worth of b's columns and some hundreds of terms are copied at a time into a panel that stays in the
 * cache; a is read where it lies, c is written once a run of terms. A library also copies a, which costs it 5 to 12 %
 * at widths of 128 to 512 (docs/PERFORMANCE.md). An element's sum runs over its terms in a fixed order of runs,
 * whatever m and n are. */
#ifndef MODEL_KERNELS_PANEL_PRODUCT_H
#define MODEL_KERNELS_PANEL_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

#include "model/kernels/product.h"

/* c[i, j] = from[i·ld_from + j] (0 if NULL) + sum over l of a[i·a_row + l·a_column] · b's element (l, j), which lies at
 * b[l·ld_b + j], or at b[j·ld_b + l] if b_is_transposed. c: [m, n], rows ld_c apart; one of a_row and a_column is 1. */
struct panel_product {
    real *c;
    const real *from, *a, *b; /* from: c itself to add to it, a bias with ld_from = 0, or NULL */
    size_t m, n, k;
    size_t ld_c, ld_from, a_row, a_column, ld_b;
    bool b_is_transposed;
};

/* Is it the faster way here? Depends on sizes and processor alone. */
bool panel_product_pays(const struct panel_product *product);

void panel_product(const struct panel_product *product);

#endif
