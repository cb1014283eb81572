/* model/kernels/embedding.h — learned tables of leads and times, and the mask vector (PAPER 3.2, 4.2). */
#ifndef MODEL_KERNELS_EMBEDDING_H
#define MODEL_KERNELS_EMBEDDING_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "model/real.h"

/* x[t] += lead_table[lead of t] + time_table[first_time + second of t].
 * x: [tokens, width]; lead_table: [N_LEADS, width]; time_table: [MAX_TIMES, width]. */
void embedding_forward(real *x, const real *lead_table, const real *time_table, const struct span *spans,
                       size_t n_spans, size_t width);

/* dlead_table, dtime_table += the sums of dx over the tokens that used each row. dx itself passes unchanged. */
void embedding_backward(real *dlead_table, real *dtime_table, const real *dx, const struct span *spans, size_t n_spans,
                        size_t width);

/* x[t] = mask_vector where masked[t] == value. masked: [tokens]; mask_vector: [width]. */
void mask_forward(real *x, const real *mask_vector, const uint8_t *masked, uint8_t value, size_t tokens, size_t width);

/* dmask_vector += sum of dx over those tokens, whose dx then becomes 0 (nothing flows to what was replaced). */
void mask_backward(real *dx, real *dmask_vector, const uint8_t *masked, uint8_t value, size_t tokens, size_t width);

#endif
