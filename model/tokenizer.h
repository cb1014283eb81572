/* model/tokenizer.h — stage 1: patches → rhythm codes → three views.
 *
 * encoder (trunk) → projection (linear W→W, tanh, linear W→d, l2 norm) → nearest codeword by cosine, straight-through →
 * three decoders (linear d→W + own lead and time tables → blocks → norm → head): waveform [300], wavelet coefficients
 * [564], age and sex of the record. Losses as in PAPER 4.1; docs/MODEL.md has every formula.
 *
 * A training step:  for each micro-batch: tokenizer_forward() → tokenizer_backward(), statistics summed up by the
 * caller; after the last: sums over ranks → tokenizer_update_codebook(). No files, no ranks here. Weights and gradients
 * are flat arrays of the caller, laid out as tokenizer_parameters() says. Single-threaded. */
#ifndef MODEL_TOKENIZER_H
#define MODEL_TOKENIZER_H

#include "model/batch.h"
#include "model/config.h"
#include "model/parameters.h"

struct tokenizer;

/* training: room for a backward pass and decoders; false: encoder and quantizer only (codes for stage 2, tokenize).
 * Allocates everything that forward and backward need for micro-batches within bounds. The config must have passed its
 * check. Names of tensors begin with "tokenizer.". */
struct tokenizer *tokenizer_create(const struct tokenizer_config *config, const struct batch_bounds *bounds,
                                   bool training);
void tokenizer_free(struct tokenizer *tokenizer);
const struct parameters *tokenizer_parameters(const struct tokenizer *tokenizer);
size_t tokenizer_memory_bytes(const struct tokenizer *tokenizer); /* activations */

/* What --dry-run prints, without allocating activations. */
size_t tokenizer_plan_memory(const struct tokenizer_config *config, const struct batch_bounds *bounds, bool training);

/* Denominators of the means: counts over the GLOBAL batch, known to all ranks from the plan. */
struct tokenizer_counts {
    double tokens;
    double spans_with_age, spans_with_sex; /* 0: the term is left out */
};

/* Per span of the micro-batch: NaN and -1 where unknown; such a span contributes nothing to that term. */
struct demography {
    const float *age_years; /* [n_spans] */
    const int8_t *sex;      /* [n_spans]: 0 male, 1 female, -1 unknown */
};

/* Contributions of this micro-batch to the means over the global batch: summed over micro-batches they are the losses.
 */
struct tokenizer_losses {
    double total, morphology, frequency, age, sex, commitment, codebook;
};

/* Forward pass with losses; needs `training`. */
void tokenizer_forward(struct tokenizer *tokenizer, const real *weights, const struct batch *batch,
                       const struct demography *demography, const struct tokenizer_counts *counts,
                       struct tokenizer_losses *losses);

/* Gradient of losses->total of the last forward pass, ADDED to gradient[]. listener may be NULL. */
void tokenizer_backward(struct tokenizer *tokenizer, const real *weights, real *gradient,
                        const struct gradient_listener *listener);

/* Codes of a micro-batch without decoders: codes[n_tokens]. Works with either kind of tokenizer. */
void tokenizer_encode(struct tokenizer *tokenizer, const real *weights, const struct batch *batch, uint32_t *codes);

/* Whether the next forward passes hand codewords to the decoders (true) or the vectors themselves, without commitment;
 * config.quantize when the tokenizer was made. */
void tokenizer_quantize(struct tokenizer *tokenizer, bool quantize);
bool tokenizer_quantizes(const struct tokenizer *tokenizer);

/* For gradient checks: forward passes to come on the same batch keep the codes, v - ĥ and all stopped terms of the last
 * one, so that the loss is a smooth function of the weights whose derivative tokenizer_backward() gives (the
 * straight-through estimator itself is no derivative). false ends that. */
void tokenizer_hold(struct tokenizer *tokenizer, bool hold);

/* Views of the last tokenizer_forward(); borrowed until the next call. tokenizer_backward() leaves them as they are. */
const uint32_t *tokenizer_codes(const struct tokenizer *tokenizer);       /* [n_tokens] */
const real *tokenizer_projections(const struct tokenizer *tokenizer);     /* [n_tokens, d], length 1 */
const real *tokenizer_waveform(const struct tokenizer *tokenizer);        /* [n_tokens, 300], standardised */
const real *tokenizer_waveform_target(const struct tokenizer *tokenizer); /* [n_tokens, 300], standardised by span */
const real *
tokenizer_demography_output(const struct tokenizer *tokenizer);          /* [n_spans, 3]: (age - 60)/20, 2 sex logits */
const real *tokenizer_wavelet(const struct tokenizer *tokenizer);        /* [n_tokens, 564], standardised */
const real *tokenizer_wavelet_target(const struct tokenizer *tokenizer); /* [n_tokens, 564], standardised by span */

/* Sums over the waveform of the last forward, to be added up over micro-batches: R² = 1 - residual/total. */
struct waveform_fit {
    double residual, total; /* sum of (output - target)², of target² (a span's target has mean 0) */
};
struct waveform_fit tokenizer_waveform_fit(const struct tokenizer *tokenizer);

/* Token features after the encoder's final norm: [n_tokens, width], of the last forward or encode; gone after a
 * backward pass. */
const real *tokenizer_features(const struct tokenizer *tokenizer);

/* --- codebook ---------------------------------------------------------------------------------------------------- */

/* Local statistics of the last forward pass, layout: counts [K], then sums of projections [K, d]. */
size_t tokenizer_statistics_count(const struct tokenizer *tokenizer);
const float *tokenizer_statistics(const struct tokenizer *tokenizer);

/* EMA step from statistics summed over the global batch (same layout); the same on every rank. Does nothing for
 * CODEBOOK_LOSS or without quantizer. */
void tokenizer_update_codebook(struct tokenizer *tokenizer, real *weights, const double *statistics);

/* k-means start, PAPER 3.5: centres[c] := given projections. One Lloyd round (cosine) is: kmeans_assign() on every
 * rank's vectors → sums over ranks → codebook_kmeans_update(). vectors: [count, d], length 1. statistics: as above,
 * added to. codebook_assign() takes memory for the call and gives it back. */
void codebook_assign(const struct tokenizer_config *config, const real *codebook, const real *vectors, size_t count,
                     uint32_t *codes /* may be NULL */, double *statistics /* may be NULL */);
void codebook_kmeans_update(const struct tokenizer_config *config, real *codebook, const double *statistics);

/* v_c := norm(keep·v_c + (1 - keep)·norm(s_c)) for every code with a count; keep = 0 is a round of k-means. */
void codebook_move(const struct tokenizer_config *config, real *codebook, const double *statistics, double keep);

/* How many codes occur and exp(entropy) of their use. counts: [n_codes]. */
struct codebook_use {
    size_t used;
    double perplexity;
};
struct codebook_use codebook_use(const double *counts, size_t n_codes);

/* The codebook inside the flat weights: [K, d]. */
real *tokenizer_codebook(const struct tokenizer *tokenizer, real *weights);

#endif
