/* train/stage.h — what the step loop asks of a stage: tokenizer, pretrain, finetune (three tasks) and longecg.
 *
 * Order of calls: choose → create → weights → in every step: before_step, begin_batch, micro_batch for each
 * micro-batch of this rank, reduce, after_step → validate now and then → describe whenever a checkpoint is
 * written. A stage is a struct whose first member is struct stage. */
#ifndef TRAIN_STAGE_H
#define TRAIN_STAGE_H

#include "comm/reducer.h"
#include "io/checkpoint/checkpoint.h"
#include "io/corpus/sampler.h"
#include "model/batch.h"
#include "model/config.h"
#include "model/parameters.h"

struct run;
struct stage;
struct message_store;

enum { MOST_TERMS = 12, MOST_RESULTS = 256, RESULT_NAME_BYTES = 64 };

/* A figure of the last validation, for metrics.jsonl and the checkpoint. */
struct result {
    char name[RESULT_NAME_BYTES];
    double value;
};

struct stage_operations {
    size_t bytes;                       /* of the struct that begins with struct stage */
    const char *term_names[MOST_TERMS]; /* [0] is "loss"; NULL behind the last */
    /* Sets trunk, reads parents, chooses classes, prepares labels; local to each rank or collective, ends in agreement.
     */
    enum status (*choose)(struct stage *stage);
    /* Whether a record can be used; `context` is the stage. */
    bool (*accepts)(const struct corpus_record *record, void *context);
    /* Refines the settings of a sampler (windows). May be NULL. */
    void (*sampling)(const struct stage *stage, struct sampler_settings *settings);
    /* Makes the model for these bounds and sets parameters. */
    enum status (*create)(struct stage *stage, const struct batch_bounds *bounds);
    /* Bytes of activations for these bounds. */
    size_t (*memory)(const struct stage *stage, const struct batch_bounds *bounds);
    /* Start values into weights: random numbers or the parent's. Collective, ends in agreement. */
    enum status (*weights)(struct stage *stage);
    /* Before step run->step (k-means). Collective, ends in agreement. May be NULL. */
    enum status (*before_step)(struct stage *stage);
    /* Denominators of the global batch. Local. */
    void (*begin_batch)(struct stage *stage, const struct batch_plan *plan, uint64_t step);
    /* Forward and backward of micro-batch `micro` of the plan; terms[n_terms]: its contributions. Entered in
     * PHASE_FORWARD, changes to PHASE_BACKWARD. Local. */
    void (*micro_batch)(struct stage *stage, const struct batch *batch, size_t micro,
                        const struct gradient_listener *listener, double *terms);
    /* Sums of the stage's own over ranks, after the gradients'. Collective. May be NULL. */
    enum status (*reduce)(struct stage *stage);
    /* After the optimiser (codebook). ends_epoch: the next batch begins in a later epoch. May be NULL. */
    void (*after_step)(struct stage *stage, bool ends_epoch);
    /* Fills results[], *figure (higher is better; NaN: none). is_final: at the end of the run, with tables. Collective.
     */
    enum status (*validate)(struct stage *stage, bool is_final, double *figure);
    /* The stage's part of a checkpoint's message. Local. */
    void (*describe)(struct stage *stage, struct message_store *store);
    /* Takes its training state back. STATUS_DAMAGED if it does not fit. May be NULL. */
    enum status (*restore)(struct stage *stage, const Anyecg__Checkpoint *message);
    /* What the stage holds; not the stage. */
    void (*free)(struct stage *stage);
};

struct stage {
    const struct stage_operations *operations;
    struct run *run;
    const struct parameters *parameters;        /* of what is trained; borrowed from the model */
    real *weights;                              /* [parameters->count] */
    const struct parameters *frozen_parameters; /* written into checkpoints beside them; NULL: none */
    real *frozen_weights;
    const struct trunk_config *trunk; /* its shape; borrowed from the stage's own part */
    bool keeps_best;

    size_t n_terms;
    double terms[MOST_TERMS]; /* of the last step, summed over the global batch */

    size_t n_results;
    struct result results[MOST_RESULTS]; /* of the last validation */
    double best_figure;                  /* NaN: none yet */
    uint64_t best_step;
};

extern const struct stage_operations tokenizer_stage_operations, pretrain_stage_operations, finetune_stage_operations,
    longecg_stage_operations;

struct stage *stage_new(const struct stage_operations *operations, struct run *run);
void stage_free(struct stage *stage);

/* stage_operations.accepts of stages that need no labels. */
bool stage_accepts_all(const struct corpus_record *record, void *context);

/* Adds a figure to results[]. The name is printf-style. */
void stage_result(struct stage *stage, double value, const char *name_format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
