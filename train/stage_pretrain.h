/* train/stage_pretrain.h — stage 2 in its parts: the step (stage_pretrain.c), validation (pretrain_validation.c). */
#ifndef TRAIN_STAGE_PRETRAIN_H
#define TRAIN_STAGE_PRETRAIN_H

#include "model/backbone.h"
#include "model/tokenizer.h"
#include "train/run.h"

struct pretrain_stage {
    struct stage stage;
    struct trunk_config model;
    struct tokenizer_config tokenizer_model; /* of the parent */
    struct checkpoint *parent;
    struct tokenizer *tokenizer; /* encoder and quantizer at work; the weights of its decoders are kept too */
    real *tokenizer_weights;
    struct backbone *backbone;
    uint32_t *codes;         /* [bounds.tokens] of a micro-batch */
    uint8_t *masked;         /* [bounds.tokens] */
    uint64_t step;           /* of the batch at hand */
    double global_masked[2]; /* tokens hidden in each half of the global batch */
};

/* stage_operations.validate */
enum status pretrain_validate(struct stage *stage, bool is_final, double *figure);

#endif
