/* model/quantizer.h — from features to codewords (PAPER 3.5, 4.1).
 *
 *     ĥ = norm(tanh(f·W1ᵀ + b1)·W2ᵀ + b2),   code = argmax_c ĥ·v_c,   z = ĥ + sg(v_code − ĥ)
 * v_c: codewords of length 1. Commitment β·mean((ĥ − sg(v))²); with CODEBOOK_LOSS also mean((sg(ĥ) − v)²), whose
 * gradient goes to the codebook through its normalisation; with CODEBOOK_EMA the codebook has no gradient. */
#ifndef MODEL_QUANTIZER_H
#define MODEL_QUANTIZER_H

#include "model/activations.h"
#include "model/config.h"
#include "model/linear_layer.h"

struct quantizer {
    size_t width, codes_count, dimension; /* W, K, d */
    bool quantize, learns_codebook;       /* learns: CODEBOOK_LOSS */
    double commitment;
    size_t projection_first, projection_end, codebook_first, codebook_end;
    unsigned place; /* of the profile */
    struct linear_layer linear1, linear2;
    size_t codebook;                             /* [K, d] */
    real *hidden;                                /* [T, W]: tanh(f·W1ᵀ + b1) */
    real *vectors;                               /* [T, d]: ĥ */
    real *inverse_norm;                          /* [T] */
    uint32_t *codes;                             /* [T] */
    real *codewords;                             /* [T, d]: v of each token's code */
    real *unit_codebook, *codebook_inverse_norm; /* [K, d], [K]; CODEBOOK_LOSS only */
    real *workspace;
    real *dvectors, *dcodewords, *dcodebook; /* [T, d], [T, d], [K, d]; training, the last two with CODEBOOK_LOSS */
    float *statistics;                       /* [K + K·d]: counts, sums of ĥ; training only */
    struct quantizer_hold *hold;             /* owned; NULL unless quantizer_hold() */
};

void quantizer_plan(struct quantizer *quantizer, struct parameters *parameters, const char *prefix,
                    const struct tokenizer_config *config, int layer);
void quantizer_take(struct quantizer *quantizer, struct arena *arena, size_t tokens, bool training);
void quantizer_free(struct quantizer *quantizer);

/* features [T, W] → codes, vectors, codewords. */
void quantizer_forward(struct quantizer *quantizer, const real *weights, const real *features, size_t tokens);

/* What the decoders read: codewords [T, d], or vectors without quantizing; and statistics of the codes. */
const real *quantizer_output(struct quantizer *quantizer, size_t tokens);

/* Commitment and codebook loss, divided by the tokens of the global batch; gradients are kept for backward. */
void quantizer_losses(struct quantizer *quantizer, double global_tokens, size_t tokens, double *commitment,
                      double *codebook);

/* doutput: [T, d], gradient of quantizer_output(). dfeatures: [T, W], set; may be the place of features. scratch: [T,
 * W].
 */
void quantizer_backward(struct quantizer *quantizer, const real *weights, real *gradient, const real *doutput,
                        real *dfeatures, const real *features, real *scratch, size_t tokens,
                        const struct gradient_listener *listener);

/* Codes, v − ĥ and all stopped terms stay as they are now in the forward passes to come (hold), or not any longer. */
void quantizer_hold(struct quantizer *quantizer, bool hold, size_t tokens);

#endif
