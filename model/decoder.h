/* model/decoder.h — one of the tokenizer's decoders (PAPER 3.6): from codewords to a view of the recording.
 *
 *     x = z·Wᵀ + b + time_table[time] + lead_table[lead] → blocks → LayerNorm → linear W→W, tanh, linear W→outputs
 * A pooled decoder takes the mean over the tokens of a span before the last three. */
#ifndef MODEL_DECODER_H
#define MODEL_DECODER_H

#include "model/stack.h"

struct decoder {
    size_t outputs;
    bool pooled;
    unsigned place;                           /* of the profile */
    size_t first, input_end, head_first, end; /* input [first, input_end), blocks and norm, head [head_first, end) */
    struct linear_layer input, head1, head2;
    size_t time_table, lead_table;
    struct stack stack;
    real *pool;   /* [spans, W]; pooled only */
    real *hidden; /* [rows, W]; rows = tokens, or spans if pooled */
    real *output; /* [rows, outputs] */
};

void decoder_plan(struct decoder *decoder, struct parameters *parameters, const char *prefix,
                  const struct block_config *blocks, unsigned layers, size_t dimension, size_t outputs, bool pooled,
                  int layer);
void decoder_take(struct decoder *decoder, struct arena *arena, const struct batch_bounds *bounds);
void decoder_free(struct decoder *decoder);

/* z: [T, dimension] → decoder->output. */
void decoder_forward(const struct decoder *decoder, const struct block_scratch *scratch, const real *weights,
                     const struct batch *batch, const real *z);

/* doutput: [rows, outputs] → dz [T, dimension], set. */
void decoder_backward(const struct decoder *decoder, const struct block_scratch *scratch, const real *weights,
                      real *gradient, const struct batch *batch, const real *z, const real *doutput, real *dz,
                      const struct gradient_listener *listener);

#endif
