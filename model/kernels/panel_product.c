#include "model/kernels/panel_product.h"

#include "base/dispatch.h"
#include "model/kernels/small_product.h"

enum {
    PANEL_COLUMNS = 4 * PRODUCT_LANES,
    TERMS = 512, /* of a run, where a row of a is contiguous: a panel takes an eighth of a second-level cache */
    TRANSPOSED_TERMS = 128, /* where a is read down its columns: the rows read stay in the cache too */
    LEAST_ROWS = 48,        /* fewer do not earn the copy of b */
    LEAST_TERMS = 16,
    CACHE_WAY_BYTES = 4096, /* rows so far apart, or a multiple of it, push each other out of the first-level cache */
};

bool panel_product_pays(const struct panel_product *product)
{
    const struct panel_product *p = product;
    bool collides = p->a_column != 1 && p->a_column * sizeof(real) % CACHE_WAY_BYTES == 0;

    return small_product_is_wide() && p->m >= LEAST_ROWS && p->n >= PANEL_COLUMNS && p->n % (PRODUCT_LANES / 4) == 0 &&
           p->k >= LEAST_TERMS && !collides;
}

/* `terms` rows of b, `columns` of each. */
KERNEL_CLONES static void copy_terms(real *restrict panel, const real *restrict b, size_t terms, size_t columns,
                                     size_t ld_b)
{
    for (size_t l = 0; l < terms; l++)
#pragma omp simd
        for (size_t j = 0; j < columns; j++)
            panel[l * PANEL_COLUMNS + j] = b[l * ld_b + j];
}

static void fill_panel(real *panel, const struct panel_product *p, size_t first_term, size_t terms, size_t first_column,
                       size_t columns)
{
    if (p->b_is_transposed)
        transpose_padded(panel, p->b + first_column * p->ld_b + first_term, 1, columns, terms, PANEL_COLUMNS, p->ld_b);
    else
        copy_terms(panel, p->b + first_term * p->ld_b + first_column, terms, columns, p->ld_b);
}

void panel_product(const struct panel_product *product)
{
    static _Thread_local real panel[TERMS * PANEL_COLUMNS] __attribute__((aligned(64)));
    const struct panel_product *p = product;
    size_t most = p->a_column == 1 ? TERMS : TRANSPOSED_TERMS;

    for (size_t l = 0; l < p->k; l += most) {
        size_t terms = p->k - l < most ? p->k - l : most;
        const real *from = l == 0 ? p->from : p->c;
        size_t ld_from = l == 0 ? p->ld_from : p->ld_c;
        for (size_t j = 0; j < p->n; j += PANEL_COLUMNS) {
            size_t columns = p->n - j < PANEL_COLUMNS ? p->n - j : PANEL_COLUMNS;
            fill_panel(panel, p, l, terms, j, columns);
            small_product_from(p->c + j, from != NULL ? from + j : NULL, ld_from, p->a + l * p->a_column, panel, p->m,
                               columns, terms, p->ld_c, p->a_row, p->a_column, PANEL_COLUMNS);
        }
    }
}
