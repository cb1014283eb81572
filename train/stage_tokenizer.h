/* train/stage_tokenizer.h — stage 1 in its parts: the step (stage_tokenizer.c), the codebook's start and restarts
 * (tokenizer_codebook.c), validation (tokenizer_validation.c). */
#ifndef TRAIN_STAGE_TOKENIZER_H
#define TRAIN_STAGE_TOKENIZER_H

#include "model/tokenizer.h"
#include "train/run.h"

struct tokenizer_stage {
    struct stage stage;
    struct tokenizer_config model; /* quantize and codes as in the config */
    struct tokenizer *tokenizer;
    uint64_t step; /* of the batch at hand */

    struct tokenizer_counts counts; /* of the global batch */
    float *ages;                    /* [bounds.spans] of a micro-batch */
    int8_t *sexes;

    /* Statistics of the codebook: counts [K], sums of projections [K, d]. Made before the first step; NULL
     * where nothing is quantised. */
    struct reducer_sums *sums;
    double *statistics;
    double *use; /* [K], how often each code was chosen since the last epoch ended */

    /* Restarts: for each code a token of the present batch that would take its place. */
    bool may_restart;                    /* the batch at hand ends an epoch */
    struct reducer_sums *candidate_sums; /* [K, d] */
    double *candidates;
    size_t *candidate_token; /* [K], number within the global batch */
    size_t *micro_token;     /* [M + 1], first token of each micro-batch */
    size_t restarted;        /* codes since the last validation */
};

/* k-means over the projections of the first batches. Collective, ends in agreement. */
enum status tokenizer_start_codebook(struct tokenizer_stage *own);

/* Draws the candidates for a batch that ends an epoch. Local. */
void tokenizer_draw_candidates(struct tokenizer_stage *own, const struct batch_plan *plan);

/* Adds the candidates that lie in this micro-batch. Local, after its forward pass. */
void tokenizer_add_candidates(struct tokenizer_stage *own, size_t micro);

/* Puts candidates in place of codes that nobody chose for an epoch; begins the counting anew. */
void tokenizer_restart_codes(struct tokenizer_stage *own);

/* Ages and sexes of the spans of a micro-batch. */
struct demography tokenizer_demography(struct tokenizer_stage *own, const struct batch *batch);

/* stage_operations.validate */
enum status tokenizer_validate(struct stage *stage, bool is_final, double *figure);

#endif
