/* tests/bench/bench_model.h — one kind of step on one made-up micro-batch shape, as the programs take it, timed step by
 * step.
 *
 * bench_model.c is the program (batch, ranks, optimiser, protocol), bench_steps.c what the kinds of step do. */
#ifndef TESTS_BENCH_MODEL_H
#define TESTS_BENCH_MODEL_H

#include "comm/reducer.h"
#include "model/batch.h"
#include "model/parameters.h"
#include "train/config.h"

struct bench;

/* A kind of step: tokenizer, pretrain, finetune, infer. */
struct bench_task {
    const char *name;
    bool trains;
    const struct stage_config *(*schedule)(const struct config *config);
    /* Makes the model for these bounds; sets parameters, trunk_layers. */
    void (*create)(struct bench *bench, const struct batch_bounds *bounds);
    void (*weights)(struct bench *bench); /* start values of what is not trained; may be NULL */
    /* Forward, and backward if it trains, of one micro-batch; returns its contribution to the loss. */
    double (*micro_batch)(struct bench *bench, const struct gradient_listener *listener);
    void (*after_step)(struct bench *bench); /* may be NULL */
    void (*free)(struct bench *bench);
};

struct bench {
    const struct bench_task *task;
    struct config *config;
    struct world world;
    unsigned micro_batches; /* of this rank in a step */
    struct batch batch;
    double global_tokens; /* of all micro-batches of all ranks */
    uint64_t step;

    const struct parameters *parameters;
    int trunk_layers;
    real *weights, *gradient, *moment1, *moment2;
    struct reducer *reducer;

    struct tokenizer *tokenizer; /* of stage 1; the frozen one of stage 2 */
    real *frozen_weights;
    struct backbone *backbone;
    struct finetune *finetune;
    float *ages;
    int8_t *sexes, *labels;
    uint32_t *codes;
    uint8_t *masked;
    struct reducer_sums *sums; /* of the codebook's statistics */
    double *statistics;
};

/* The kind of that name, or NULL. */
const struct bench_task *bench_task_find(const char *name);

#endif
