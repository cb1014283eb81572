/* model/longecg.h — ultra-long recordings: windows → window vectors → an encoder over windows → logits.
 *
 * Every window (a span of at most window_seconds) goes through the trunk; the mean over its tokens is its vector; a
 * small transformer (second_width, sinusoidal time) runs over the windows of a recording; logits per second come from
 * the mean over leads of the second's tokens and the window's state; logits per recording from the mean state. Trained
 * in two passes (all windows forward to vectors; second level; each window again with its gradient), so memory is that
 * of one chunk of windows whatever the recording's length. */
#ifndef MODEL_LONGECG_H
#define MODEL_LONGECG_H

#include "model/batch.h"
#include "model/config.h"
#include "model/parameters.h"

struct longecg;

/* bounds: of one micro-batch, which holds all windows of its recordings; max_windows of one recording, at most 65535.
 * chunk_tokens: tokens that go through the trunk at once (0: 4096). Tensors: "backbone.…", "head.…". */
struct longecg *longecg_create(const struct trunk_config *trunk, const struct head_config *head,
                               const struct batch_bounds *bounds, size_t max_windows, size_t chunk_tokens,
                               bool training);
void longecg_free(struct longecg *longecg);
const struct parameters *longecg_parameters(const struct longecg *longecg);
size_t longecg_memory_bytes(const struct longecg *longecg);
size_t longecg_plan_memory(const struct trunk_config *trunk, const struct head_config *head,
                           const struct batch_bounds *bounds, size_t max_windows, size_t chunk_tokens, bool training);

struct longecg_targets {
    const int8_t *second_labels; /* [total seconds of all spans, outputs], span after span; -1 unknown */
    const int8_t *record_labels; /* [recordings, outputs]; a recording = a run of spans with equal record_index */
    double global_second_labels, global_record_labels; /* known ones in the global batch */
    uint64_t seed, step;                               /* key of drop-path */
    bool evaluating;                                   /* validation: no drop-path */
};

/* Forward pass over all recordings of the micro-batch. targets NULL: inference. A label array that is NULL leaves its
 * term out. Arrays of batch and targets must stay until backward. */
void longecg_forward(struct longecg *longecg, const real *weights, const struct batch *batch,
                     const struct longecg_targets *targets, double *loss);
void longecg_backward(struct longecg *longecg, const real *weights, real *gradient,
                      const struct gradient_listener *listener);

const real *longecg_second_logits(const struct longecg *longecg); /* [total seconds, outputs] */
const real *longecg_record_logits(const struct longecg *longecg); /* [recordings, outputs] */
size_t longecg_recordings(const struct longecg *longecg);         /* in the last batch */

#endif
