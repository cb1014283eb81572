/* model/backbone.h — stage 2: a larger trunk predicts the codes of masked patches.
 *
 * trunk with mask vector → linear W→K → softmax. Loss of a half: cross-entropy, mean over its masked tokens of the
 * global batch; both halves are added (PAPER 4.2). No files, no ranks. */
#ifndef MODEL_BACKBONE_H
#define MODEL_BACKBONE_H

#include "model/batch.h"
#include "model/config.h"
#include "model/parameters.h"

struct backbone;

/* codes: K of the tokenizer whose codes are predicted. Names of tensors: "backbone.…", then "code_head.weight/bias". */
struct backbone *backbone_create(const struct trunk_config *config, unsigned codes, const struct batch_bounds *bounds);

/* For backbone_features() only: no room for heads and gradients. The tensors are the same. */
struct backbone *backbone_create_inference(const struct trunk_config *config, unsigned codes,
                                           const struct batch_bounds *bounds);
void backbone_free(struct backbone *backbone);
const struct parameters *backbone_parameters(const struct backbone *backbone);
size_t backbone_memory_bytes(const struct backbone *backbone);
size_t backbone_plan_memory(const struct trunk_config *config, unsigned codes, const struct batch_bounds *bounds);

/* How tokens are hidden. RANDOM: floor(N/2) visible, at random in each span; LEAD, SECOND: whole leads or seconds, half
 * of them (rounded as above). */
enum mask_pattern { MASK_RANDOM, MASK_LEAD, MASK_SECOND };

/* masked[n_tokens] = 1 for hidden tokens of the first half; the second half hides the others. Keyed by (seed, step,
 * span.record), so the same for any rank. Returns the number of masked tokens. */
size_t backbone_draw_mask(const struct batch *batch, enum mask_pattern pattern, uint64_t seed, uint64_t step,
                          uint8_t *masked);

/* Masked tokens of a span in the first half: N - floor(N/2) for MASK_RANDOM. For denominators without drawing. */
size_t backbone_masked_count(const struct span *span, enum mask_pattern pattern);

struct backbone_losses {
    double loss;            /* contribution to the mean over the global batch */
    double masked, correct; /* masked tokens of this half and how many the most probable code hits */
};

/* One half. second = false: tokens with masked[t] = 1 are hidden behind the mask vector and predicted; true: the
 * others. global_masked: masked tokens of this half in the global batch (the mean's denominator). The arrays of the
 * batch and the mask must stay until backward. */
void backbone_forward(struct backbone *backbone, const real *weights, const struct batch *batch, const uint32_t *codes,
                      const uint8_t *masked, bool second, double global_masked, struct backbone_losses *losses);

/* Gradient of the last forward's loss, ADDED to gradient[]. */
void backbone_backward(struct backbone *backbone, const real *weights, real *gradient,
                       const struct gradient_listener *listener);

/* Features of unmasked tokens after the final norm, [n_tokens, width]; borrowed. For `embed`. */
const real *backbone_features(struct backbone *backbone, const real *weights, const struct batch *batch);

#endif
