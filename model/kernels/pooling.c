#include "model/kernels/pooling.h"

#include <string.h>

#include "base/dispatch.h"
#include "model/kernels/arrays.h"

/* y = mean of `rows` rows of x. */
static void mean_rows(real *y, const real *x, size_t rows, size_t width)
{
    memset(y, 0, width * sizeof(real));
    column_sum_add(y, x, rows, width);
    array_scale(y, y, 1 / (real)rows, width);
}

/* dx[r] += factor·dy for `rows` rows. */
KERNEL_CLONES static void spread_row(real *restrict dx, const real *restrict dy, real factor, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++)
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            dx[r * width + c] += factor * dy[c];
}

void pool_spans_forward(real *y, const real *x, const struct span *spans, size_t n_spans, size_t width)
{
    for (size_t s = 0; s < n_spans; s++)
        mean_rows(y + s * width, x + spans[s].first_token * width, span_tokens(&spans[s]), width);
}

void pool_spans_backward(real *dx, const real *dy, const struct span *spans, size_t n_spans, size_t width)
{
    for (size_t s = 0; s < n_spans; s++) {
        size_t tokens = span_tokens(&spans[s]);
        spread_row(dx + spans[s].first_token * width, dy + s * width, 1 / (real)tokens, tokens, width);
    }
}

void pool_leads_forward(real *y, const real *x, const struct span *spans, size_t n_spans, size_t width)
{
    for (size_t s = 0; s < n_spans; s++)
        for (size_t second = 0; second < spans[s].seconds; second++, y += width)
            mean_rows(y, x + (spans[s].first_token + second * spans[s].leads) * width, spans[s].leads, width);
}

void pool_leads_backward(real *dx, const real *dy, const struct span *spans, size_t n_spans, size_t width)
{
    for (size_t s = 0; s < n_spans; s++)
        for (size_t second = 0; second < spans[s].seconds; second++, dy += width)
            spread_row(dx + (spans[s].first_token + second * spans[s].leads) * width, dy, 1 / (real)spans[s].leads,
                       spans[s].leads, width);
}
