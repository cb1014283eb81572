/* model/kernels/attention_softmax.h — the rows of a tile of scores, for attention.c.
 *
 * A tile is [rows, padded] with padded a multiple of PRODUCT_LANES; its row r belongs to the token r·stride of the
 * token arrays (row_max, row_sum, log_sum_exp, delta) and to row r of the outputs, ld_out apart. */
#ifndef MODEL_KERNELS_ATTENTION_SOFTMAX_H
#define MODEL_KERNELS_ATTENTION_SOFTMAX_H

#include <stddef.h>
#include <stdint.h>

#include "model/real.h"

/* Columns of a tile that count: those before `keys`, save the ones at most `window` away from first_row + r (-1: none).
 */
struct softmax_mask {
    int32_t keys, window, first_row;
};

/* Scores become exp(s - max) of the row, columns that do not count 0; row_max and row_sum are set. */
void softmax_begin(real *scores, real *row_max, real *row_sum, struct softmax_mask mask, size_t rows, size_t padded);

/* Joins further scores to rows begun before (row_sum 0: not begun, out not yet set) and closes them: scores become
 * probabilities, out is rescaled to match, log_sum_exp is set. */
void softmax_join(real *scores, real *out, real *log_sum_exp, const real *row_max, const real *row_sum,
                  struct softmax_mask mask, size_t rows, size_t padded, size_t stride, size_t ld_out, size_t head_dim);

/* Closes rows begun and not joined: out /= row_sum, log_sum_exp is set. */
void softmax_close(real *out, real *log_sum_exp, const real *row_max, const real *row_sum, size_t rows, size_t ld_out,
                   size_t head_dim);

/* p = exp(s - log_sum_exp), 0 where a column does not count, takes the place of the scores, ds = p·(dp - delta) that of
 * dp: [rows, padded] each. */
void softmax_gradient(real *scores, real *dp, const real *log_sum_exp, const real *delta, struct softmax_mask mask,
                      size_t rows, size_t padded, size_t stride);

/* delta[r] = sum of dout·out over a head: what softmax's gradient subtracts (Dao et al. 2022, arXiv 2205.14135, eq. 4).
 */
void softmax_delta(real *delta, const real *dout, const real *out, size_t rows, size_t ld_out, size_t head_dim);

#endif
