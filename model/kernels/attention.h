/* model/kernels/attention.h — Cardio-Sparse Attention of one span.
 *
 * A span is a grid of leads × seconds, token = second·leads + lead. A token attends to the tokens of its own lead (any
 * second) and to those of any lead at most `tolerance` seconds away (PAPER 3.3):
 *     out[i] = sum_{j in A(i)} softmax_j(q[i]·k[j]/√head_dim)·v[j],  A(i) = {j : lead equal or |second_i - second_j| ≤
 * w}. "Same lead" means the same position in the span; two leads of identity LEAD_OTHER are two leads. The softmax is
 * joint over both kinds of pairs, a pair of both kinds counts once. tolerance ≥ seconds - 1 is dense attention.
 *
 * Works on the packed qkv array in place, [tokens, 3·heads·head_dim] (q, then k, then v, heads side by side); scores
 * exist only for a tile of queries at a time. Work and memory traffic grow with attention_pairs(), never with tokens².
 */
#ifndef MODEL_KERNELS_ATTENTION_H
#define MODEL_KERNELS_ATTENTION_H

#include <stddef.h>

#include "model/real.h"

/* E(L, K, w) = L·K² + L(L-1)·[K(2w+1) - w(w+1)], w taken as at most K-1: allowed pairs of a span and head. */
size_t attention_pairs(size_t leads, size_t seconds, size_t tolerance);

/* What a call did, summed over heads: pairs that entered a softmax, and score products computed, masked and padding
 * ones included. */
struct attention_work {
    size_t pairs, products;
};

/* Elements (of type real) of workspace that forward and backward need. */
size_t attention_workspace(size_t leads, size_t seconds, size_t tolerance, size_t head_dim);

/* The same for any span within these bounds and any tolerance. */
size_t attention_workspace_bound(size_t span_tokens, size_t span_seconds, size_t head_dim);

/* out: [tokens, heads·head_dim]; log_sum_exp: [heads, tokens], kept for the backward pass, never NULL. */
struct attention_work attention_forward(real *out, real *log_sum_exp, const real *qkv, real *workspace, size_t leads,
                                        size_t seconds, size_t tolerance, size_t heads, size_t head_dim);

/* Sets all of dqkv [tokens, 3·heads·head_dim]; scores are computed again from log_sum_exp. dqkv must not be qkv. */
struct attention_work attention_backward(real *dqkv, const real *dout, const real *out, const real *log_sum_exp,
                                         const real *qkv, real *workspace, size_t leads, size_t seconds,
                                         size_t tolerance, size_t heads, size_t head_dim);

#endif
