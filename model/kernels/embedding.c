#include "model/kernels/embedding.h"

#include <string.h>

#include "base/dispatch.h"
#include "model/kernels/arrays.h"

KERNEL_CLONES static void add_two(real *restrict x, const real *restrict first, const real *restrict second,
                                  size_t width)
{
#pragma omp simd
    for (size_t c = 0; c < width; c++)
        x[c] += first[c] + second[c];
}

void embedding_forward(real *x, const real *lead_table, const real *time_table, const struct span *spans,
                       size_t n_spans, size_t width)
{
    for (size_t s = 0; s < n_spans; s++) {
        const struct span *span = &spans[s];
        real *row = x + span->first_token * width;
        for (size_t second = 0; second < span->seconds; second++)
            for (size_t lead = 0; lead < span->leads; lead++, row += width)
                add_two(row, lead_table + span->lead[lead] * width, time_table + (span->first_time + second) * width,
                        width);
    }
}

void embedding_backward(real *dlead_table, real *dtime_table, const real *dx, const struct span *spans, size_t n_spans,
                        size_t width)
{
    for (size_t s = 0; s < n_spans; s++) {
        const struct span *span = &spans[s];
        const real *row = dx + span->first_token * width;
        for (size_t second = 0; second < span->seconds; second++) {
            column_sum_add(dtime_table + (span->first_time + second) * width, row, span->leads, width);
            for (size_t lead = 0; lead < span->leads; lead++, row += width)
                array_add(dlead_table + span->lead[lead] * width, row, width);
        }
    }
}

void mask_forward(real *x, const real *mask_vector, const uint8_t *masked, uint8_t value, size_t tokens, size_t width)
{
    for (size_t t = 0; t < tokens; t++)
        if (masked[t] == value)
            memcpy(x + t * width, mask_vector, width * sizeof(real));
}

void mask_backward(real *dx, real *dmask_vector, const uint8_t *masked, uint8_t value, size_t tokens, size_t width)
{
    for (size_t t = 0; t < tokens; t++)
        if (masked[t] == value) {
            array_add(dmask_vector, dx + t * width, width);
            memset(dx + t * width, 0, width * sizeof(real));
        }
}
