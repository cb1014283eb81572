/* train/pretrain_validation.c — stage 2 on the validation split; at the end beside what needs no model: the frequencies
 * of the codes, and the code of the neighbouring second. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "train/stage_pretrain.h"
#include "train/visit.h"

/* Places in the sums; then how often each code occurs. */
enum { FIRST_LOSS, SECOND_LOSS, FIRST_COUNT, SECOND_COUNT, CORRECT, COPIED, COPIES, CODES };

/* Frequencies need no more than this, however large the training split is. */
enum { MOST_FREQUENCY_BATCHES = 1000 };

struct pass {
    struct pretrain_stage *own;
    struct reducer_sums *sums; /* [CODES + K] */
    double *values;            /* [CODES + K] */
};

/* How often the second before (of the first second: after) has the same code in the same lead, hidden or not. */
static void count_copies(const struct batch *batch, const uint32_t *codes, double *copied, double *copies)
{
    for (size_t s = 0; s < batch->n_spans; s++) {
        const struct span *span = &batch->spans[s];
        const uint32_t *own = codes + span->first_token;
        size_t leads = span->leads, tokens = span_tokens(span);

        for (size_t t = 0; span->seconds > 1 && t < tokens; t++) {
            size_t neighbour = t >= leads ? t - leads : t + leads;

            *copied += own[t] == own[neighbour];
            *copies += 1;
        }
    }
}

static void measure(void *context, const struct batch *batch, size_t micro)
{
    struct pass *pass = context;
    struct pretrain_stage *own = pass->own;
    const struct config *config = own->stage.run->config;
    double *values = pass->values;

    (void)micro;
    memset(values, 0, (CODES + own->tokenizer_model.codes) * sizeof *values);
    tokenizer_encode(own->tokenizer, own->tokenizer_weights, batch, own->codes);
    backbone_draw_mask(batch, config->pretrain.mask, config->seed, 0, own->masked);
    for (int half = 0; half < 2; half++) {
        struct backbone_losses losses;

        backbone_forward(own->backbone, own->stage.weights, batch, own->codes, own->masked, half == 1, 1, &losses);
        values[FIRST_LOSS + half] = losses.loss;
        values[FIRST_COUNT + half] = losses.masked;
        values[CORRECT] += losses.correct;
    }
    count_copies(batch, own->codes, &values[COPIED], &values[COPIES]);
    for (size_t t = 0; t < batch->n_tokens; t++)
        values[CODES + own->codes[t]]++;
    reducer_sums_add(pass->sums, values);
}

static void count_codes(void *context, const struct batch *batch, size_t micro)
{
    struct pass *pass = context;
    struct pretrain_stage *own = pass->own;

    (void)micro;
    memset(pass->values, 0, (CODES + own->tokenizer_model.codes) * sizeof *pass->values);
    tokenizer_encode(own->tokenizer, own->tokenizer_weights, batch, own->codes);
    for (size_t t = 0; t < batch->n_tokens; t++)
        pass->values[CODES + own->codes[t]]++;
    reducer_sums_add(pass->sums, pass->values);
}

static double divide(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

/* Guessing by how often each training code occurs (one more of each, so that none is impossible). */
static enum status compare_frequencies(struct pass *pass, const double *validation, double *entropy, double *accuracy)
{
    struct run *run = pass->own->stage.run;
    struct sampler_settings settings = run_sampler_settings(run, SPLIT_TRAIN, false);
    struct visitor visitor = {pass, NULL, count_codes};
    size_t codes = pass->own->tokenizer_model.codes, best = 0;
    double trained = 0, seen = 0, sum = 0;
    const double *training = pass->values + CODES;
    enum status status;

    reducer_sums_reset(pass->sums);
    TRY(visit_records(run, &settings, MOST_FREQUENCY_BATCHES, &visitor));
    TRY(reducer_sums_finish(pass->sums, pass->values));
    for (size_t c = 0; c < codes; c++) {
        trained += training[c] + 1;
        seen += validation[c];
        if (training[c] > training[best])
            best = c;
    }
    for (size_t c = 0; c < codes; c++)
        sum -= validation[c] * log((training[c] + 1) / trained);
    *entropy = divide(sum, seen);
    *accuracy = divide(validation[best], seen);
fail:
    return status;
}

static void print_table(double ce, double accuracy, double code_ce, double code_accuracy, double copy_accuracy)
{
    printf("%-52s %14s %9s\n", "hidden codes of the validation split", "cross-entropy", "accuracy");
    printf("%-52s %14.4f %9.4f\n", "model", ce, accuracy);
    printf("%-52s %14.4f %9.4f\n", "frequencies of the training codes", code_ce, code_accuracy);
    printf("%-52s %14s %9.4f\n", "code of the neighbouring second, same lead", "-", copy_accuracy);
    fflush(stdout);
}

static enum status report(struct pass *pass, const double *values, bool is_final)
{
    struct stage *stage = &pass->own->stage;
    double first = divide(values[FIRST_LOSS], values[FIRST_COUNT]);
    double second = divide(values[SECOND_LOSS], values[SECOND_COUNT]);
    double hidden = values[FIRST_COUNT] + values[SECOND_COUNT];
    double ce = divide(values[FIRST_LOSS] + values[SECOND_LOSS], hidden), accuracy = divide(values[CORRECT], hidden);
    double copy_accuracy = divide(values[COPIED], values[COPIES]), code_ce, code_accuracy;
    enum status status = STATUS_OK;

    stage_result(stage, first + second, "loss");
    stage_result(stage, ce, "cross_entropy");
    stage_result(stage, accuracy, "accuracy");
    stage_result(stage, copy_accuracy, "copy_accuracy");
    log_info("validation, step %" PRIu64 ": loss %.4f, cross-entropy %.4f, accuracy %.4f (copying %.4f)",
             stage->run->step, first + second, ce, accuracy, copy_accuracy);
    if (is_final) {
        TRY(compare_frequencies(pass, values + CODES, &code_ce, &code_accuracy));
        stage_result(stage, code_ce, "frequency_cross_entropy");
        stage_result(stage, code_accuracy, "frequency_accuracy");
        if (stage->run->world->rank == 0)
            print_table(ce, accuracy, code_ce, code_accuracy, copy_accuracy);
    }
fail:
    return status;
}

enum status pretrain_validate(struct stage *stage, bool is_final, double *figure)
{
    struct pretrain_stage *own = (struct pretrain_stage *)stage;
    struct run *run = stage->run;
    struct sampler_settings settings = run_sampler_settings(run, SPLIT_VALIDATION, false);
    size_t count = CODES + own->tokenizer_model.codes;
    struct pass pass = {own, reducer_sums_create(run->reducer, count), NEW_ARRAY(double, count)};
    struct visitor visitor = {&pass, NULL, measure};
    double *values = NEW_ARRAY(double, count);
    enum status status;

    TRY(visit_records(run, &settings, run->config->validation.most_batches, &visitor));
    TRY(reducer_sums_finish(pass.sums, values));
    *figure = -divide(values[FIRST_LOSS] + values[SECOND_LOSS], values[FIRST_COUNT] + values[SECOND_COUNT]);
    TRY(report(&pass, values, is_final));
fail:
    reducer_sums_free(pass.sums);
    free(pass.values);
    free(values);
    return status;
}
