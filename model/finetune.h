/* model/finetune.h — the tasks: the pretrained trunk with a head.
 *
 * anomaly, arrhythmia: mean over tokens → LayerNorm → linear; binary cross-entropy. leadgen: per-token linear W→W,
 * GELU, linear → 300 mV for the tokens of corrupted leads; mean square, scaled by the record's σ. longecg: longecg.h.
 * Tensors: "backbone.…" exactly as in stage 2 (so the trunk is one range), then "head.…". */
#ifndef MODEL_FINETUNE_H
#define MODEL_FINETUNE_H

#include "model/batch.h"
#include "model/config.h"
#include "model/parameters.h"

struct finetune;

struct finetune *finetune_create(const struct trunk_config *trunk, const struct head_config *head,
                                 const struct batch_bounds *bounds, bool training);
void finetune_free(struct finetune *finetune);
const struct parameters *finetune_parameters(const struct finetune *finetune);
size_t finetune_memory_bytes(const struct finetune *finetune);
size_t finetune_plan_memory(const struct trunk_config *trunk, const struct head_config *head,
                            const struct batch_bounds *bounds, bool training);

/* Targets of a micro-batch; what a task does not use may be NULL. */
struct finetune_targets {
    const int8_t *labels;         /* [n_spans, outputs]: 1 present, 0 absent, -1 unknown (in no loss) */
    const uint8_t *corrupted;     /* [n_tokens]: 1 = a lead to be generated (its token becomes the mask vector) */
    const float *positive_weight; /* [outputs], weight of the positive class; NULL: 1 */
    double global_labels;         /* known labels (label tasks) or corrupted tokens (leadgen) in the global batch */
    uint64_t seed, step;          /* key of drop-path */
    bool evaluating;              /* validation: no drop-path */
};

/* loss: contribution to the mean over the global batch. Inference: targets->labels NULL (label
 * tasks), global_labels 0 (leadgen), or targets NULL where nothing is corrupted; the loss is then 0 and no backward
 * pass may follow. Arrays of batch and targets must stay until backward. */
void finetune_forward(struct finetune *finetune, const real *weights, const struct batch *batch,
                      const struct finetune_targets *targets, double *loss);
void finetune_backward(struct finetune *finetune, const real *weights, real *gradient,
                       const struct gradient_listener *listener);

/* Views of the last forward; borrowed. */
const real *finetune_logits(const struct finetune *finetune);    /* [n_spans, outputs] */
const real *finetune_generated(const struct finetune *finetune); /* [n_tokens, 300] mV; only corrupted tokens are set */
const real *finetune_embeddings(const struct finetune *finetune); /* [n_spans, width], mean over tokens */

/* Draws which leads of each span are corrupted while training leadgen: 1 to 6 of them, never all. corrupted[n_tokens].
 * Returns the number of corrupted tokens. The same for any rank. */
size_t leadgen_draw(const struct batch *batch, uint64_t seed, uint64_t step, uint8_t *corrupted);
size_t leadgen_corrupted_count(const struct span *span, uint64_t seed, uint64_t step); /* for denominators */

#endif
