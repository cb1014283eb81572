/* model/config.h — what determines the shapes and the computation of a model. Plain values; configs, checkpoints and
 * tests fill them, model_config_check() says what is wrong with them. */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Patch encoder, tables, blocks and final norm: the encoder of the tokenizer and the trunk of stage 2 and of the tasks.
 */
struct trunk_config {
    unsigned layers, width, heads, mlp; /* width = heads * head dimension; mlp usually 4 * width */
    unsigned channels;                  /* C of the patch encoder; a multiple of 4 (GroupNorm has 4 groups) */
    unsigned tolerance; /* w: seconds by which a token sees other leads before and after its own second */
    double layer_scale; /* start value of LayerScale: 0.1; deep trunks 1e-5 */
};

/* What updates the codebook. */
enum codebook_update { CODEBOOK_EMA, CODEBOOK_LOSS };

struct tokenizer_config {
    struct trunk_config encoder;
    bool quantize;                  /* false: the normalised projection goes to the decoders as it is */
    unsigned codes, code_dimension; /* K, d */
    enum codebook_update codebook_update;
    double ema_decay;                                                /* 0.99 */
    double commitment;                                               /* beta, 1 */
    double demography_weight;                                        /* of age and sex in the sum of losses, 1 */
    unsigned morphology_blocks, frequency_blocks, demography_blocks; /* 2, 2, 1; width, heads, mlp as the encoder */
};

enum task { TASK_ANOMALY, TASK_ARRHYTHMIA, TASK_LEADGEN, TASK_LONGECG, N_TASKS };
const char *task_name(enum task task);
bool task_from_name(const char *name, enum task *task);

struct head_config {
    enum task task;
    unsigned outputs;                                   /* logits: 1, classes; leadgen: 300 */
    unsigned window_seconds;                            /* longecg: length of a window, 30 */
    unsigned second_width, second_layers, second_heads; /* longecg: encoder over windows, 256, 2, 4 */
    double drop_path;                                   /* 0.1 while fine-tuning */
};

enum status trunk_config_check(const struct trunk_config *config, const char *where);
enum status tokenizer_config_check(const struct tokenizer_config *config, const char *where);
enum status head_config_check(const struct head_config *config, const char *where);

#endif
