/* infer/session.h — an opened checkpoint inside the program: models, weights, buffers, and the running of tasks on
 * streams. The public face is anyecg.h. */
#ifndef INFER_SESSION_H
#define INFER_SESSION_H

#include "infer/anyecg.h"
#include "infer/stream.h"
#include "infer/windows.h"
#include "io/checkpoint/checkpoint.h"
#include "model/backbone.h"
#include "model/finetune.h"
#include "model/longecg.h"
#include "model/tokenizer.h"

enum {
    STRETCH_WINDOWS = 60, /* of a long recording that are seen together: 30 min of 30-s windows */
};

enum stage { STAGE_TOKENIZER, STAGE_PRETRAIN, STAGE_FINETUNE };

struct anyecg {
    struct checkpoint *checkpoint;
    const Anyecg__Checkpoint *message; /* of the checkpoint */
    enum stage stage;
    enum task task; /* STAGE_FINETUNE */
    struct signal_recipe recipe;
    unsigned window_seconds; /* that it was trained with */
    unsigned known_leads;    /* that it was trained with, bits 1 << enum lead */

    struct tokenizer *tokenizer; /* those of the stage; the others are NULL */
    struct backbone *backbone;
    struct finetune *finetune;
    struct longecg *longecg;
    real *weights, *tokenizer_weights;
    unsigned width;
    struct windows windows;
    struct stream *stream; /* for one recording at a time */

    size_t n_wanted; /* leads to be made, anyecg_set_leads() */
    enum lead wanted[N_LEADS];

    size_t n_classes;
    char (*class_names)[64];
    char (*class_codes)[64];
    struct result_store *store;
    struct anyecg_result result;
};

/* Runs a task on model->stream, which is open; *result is borrowed until the next run. */
enum status session_run(struct anyecg *model, enum anyecg_task task, const struct anyecg_result **result);

/* Some seconds of a recording, as measured and as made: float [seconds, leads, 300] mV each. */
struct generated_piece {
    uint32_t first_second, seconds;
    size_t n_leads, n_made;
    const float *measured_mv; /* all leads of the stream */
    const float *made_mv;
};

/* Takes the pieces of a recording in order. result: what is known at the start: record, leads, made, seconds. */
typedef enum status (*generated_sink)(void *context, const struct anyecg_result *result,
                                      const struct generated_piece *piece);

/* Lead generation piece by piece, so that memory does not depend on the recording's length; the result has no samples.
 */
enum status session_generate(struct anyecg *model, generated_sink sink, void *context,
                             const struct anyecg_result **result);

/* Makes leads (enum lead numbers) from those of `inputs` for the first `seconds` of the stream, in the trained windows:
 * float [n_made, seconds * 300] mV, borrowed. A lead that is there but is no input stays unseen. */
enum status session_make_leads(struct anyecg *model, const struct lead_choice *inputs, const enum lead *made,
                               size_t n_made, uint32_t seconds, const float **made_mv);

/* A probability from here on is positive: the threshold of the checkpoint, 0.5 without one. */
float class_threshold(const struct anyecg *model, size_t class);

/* Probabilities of every second of the last longecg run, for evaluation: float [seconds, n_classes]; borrowed. */
const float *session_second_probabilities(const struct anyecg *model);

/* What a corpus must share with the checkpoint: the preprocessing recipe. Its splits are made those of the training
 * run. STATUS_DAMAGED: another recipe. */
enum status session_match_corpus(const struct anyecg *model, struct corpus *corpus);

#endif
