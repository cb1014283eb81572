/* train/finetune_validation.c — the short tasks on the validation split. A record of several windows has the mean of
 * their probabilities. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "train/stage_finetune.h"
#include "train/visit.h"

struct pass {
    struct finetune_stage *own;
    struct reducer_sums *sums;
    double *values;
    size_t n_records;
    size_t *row; /* [corpus records]: place among the validation records, SIZE_MAX: none */
};

/* --- labels ------------------------------------------------------------------------------------------------------- */

static void add_probabilities(void *context, const struct batch *batch, size_t micro)
{
    struct pass *pass = context;
    struct finetune_stage *own = pass->own;
    const struct finetune_targets targets = {.evaluating = true};
    size_t classes = own->base.labels.n_classes;
    const real *logits;
    double loss;

    (void)micro;
    finetune_forward(own->finetune, own->base.stage.weights, batch, &targets, &loss);
    logits = finetune_logits(own->finetune);
    memset(pass->values, 0, pass->n_records * (classes + 1) * sizeof *pass->values);
    for (size_t i = 0; i < batch->n_spans; i++) {
        double *sum = pass->values + pass->row[batch->spans[i].record_index] * (classes + 1);

        for (size_t c = 0; c < classes; c++)
            sum[c] += 1 / (1 + exp(-(double)logits[i * classes + c]));
        sum[classes] += 1;
    }
    reducer_sums_add(pass->sums, pass->values);
}

static void number_records(struct pass *pass)
{
    const struct run *run = pass->own->base.stage.run;
    const struct corpus *corpus = run->corpus;

    pass->row = NEW_ARRAY(size_t, corpus->n_records);
    for (size_t i = 0; i < corpus->n_records; i++) {
        bool is_used = corpus->records[i].split == SPLIT_VALIDATION &&
                       task_labels_known(&pass->own->base.labels, corpus, &corpus->records[i]);

        pass->row[i] = is_used ? pass->n_records++ : SIZE_MAX;
    }
}

/* Means of the probabilities, and labels; records without a window (all leads bad) stay unknown. */
static void collect_rows(const struct pass *pass, float *scores, int8_t *known)
{
    const struct task_labels *labels = &pass->own->base.labels;
    size_t classes = labels->n_classes;

    for (size_t i = 0; i < pass->own->base.stage.run->corpus->n_records; i++) {
        size_t row = pass->row[i];
        const double *sum = pass->values + row * (classes + 1);

        for (size_t c = 0; row != SIZE_MAX && c < classes; c++) {
            bool is_seen = sum[classes] > 0;

            scores[row * classes + c] = is_seen ? (float)(sum[c] / sum[classes]) : 0;
            known[row * classes + c] = is_seen ? labels->labels[i * classes + c] : (int8_t)LABEL_UNKNOWN;
        }
    }
}

static enum status validate_labels(struct finetune_stage *own, bool is_final, double *figure)
{
    struct run *run = own->base.stage.run;
    struct sampler_settings settings = run_sampler_settings(run, SPLIT_VALIDATION, false);
    struct pass pass = {.own = own};
    struct visitor visitor = {&pass, NULL, add_probabilities};
    size_t classes = own->base.labels.n_classes, count;
    float *scores = NULL;
    int8_t *known = NULL;
    enum status status;

    number_records(&pass);
    count = pass.n_records * (classes + 1);
    pass.sums = reducer_sums_create(run->reducer, count);
    pass.values = NEW_ARRAY(double, count);
    TRY(visit_records(run, &settings, run->config->validation.most_batches, &visitor));
    TRY(reducer_sums_finish(pass.sums, pass.values));
    scores = NEW_ARRAY(float, pass.n_records *classes);
    known = NEW_ARRAY(int8_t, pass.n_records * classes);
    collect_rows(&pass, scores, known);
    *figure = task_label_figures(&own->base.stage, &own->base.labels, scores, known, pass.n_records, "record", true,
                                 is_final);
fail:
    reducer_sums_free(pass.sums);
    free(pass.values);
    free(pass.row);
    free(scores);
    free(known);
    return status;
}

/* --- generated leads ---------------------------------------------------------------------------------------------- */

enum { MODEL, ZERO, MEAN, N_METHODS };
enum { MAE, PSNR, PEARSON, PEARSONS, FIGURES };
static const char *const method_names[N_METHODS] = {"model", "zero line", "mean of the other leads"};

struct lead_pass {
    struct finetune_stage *own;
    struct reducer_sums *sums; /* [N_METHODS, FIGURES] and the number of leads */
    double values[N_METHODS * FIGURES + 1];
    float *truth, *made[N_METHODS]; /* [MAX_SPAN_TOKENS · 300] of one lead */
};

/* One corrupted lead of a span: the true signal and what each method puts in its place. */
static void lay_out_lead(struct lead_pass *pass, const struct batch *batch, const struct span *span, size_t lead)
{
    const real *generated = finetune_generated(pass->own->finetune);
    const uint8_t *corrupted = pass->own->corrupted;

    for (size_t second = 0; second < span->seconds; second++) {
        size_t first = span->first_token + second * span->leads, token = first + lead, place = second * PATCH_SAMPLES;
        float *mean = pass->made[MEAN] + place;
        size_t others = 0;

        memcpy(pass->truth + place, batch->patches + token * PATCH_SAMPLES, PATCH_SAMPLES * sizeof(float));
        memcpy(pass->made[MODEL] + place, generated + token * PATCH_SAMPLES, PATCH_SAMPLES * sizeof(float));
        memset(pass->made[ZERO] + place, 0, PATCH_SAMPLES * sizeof(float));
        memset(mean, 0, PATCH_SAMPLES * sizeof(float));
        for (size_t other = 0; other < span->leads; other++) {
            if (corrupted[first + other])
                continue;
            others++;
            for (size_t i = 0; i < PATCH_SAMPLES; i++)
                mean[i] += batch->patches[(first + other) * PATCH_SAMPLES + i];
        }
        for (size_t i = 0; others > 0 && i < PATCH_SAMPLES; i++)
            mean[i] /= (float)others;
    }
}

static void measure_leads(void *context, const struct batch *batch, size_t micro)
{
    struct lead_pass *pass = context;
    struct finetune_stage *own = pass->own;
    struct finetune_targets targets = {.corrupted = own->corrupted, .evaluating = true};
    double loss, *values = pass->values;

    (void)micro;
    leadgen_draw(batch, own->base.stage.run->config->seed, 0, own->corrupted);
    finetune_forward(own->finetune, own->base.stage.weights, batch, &targets, &loss);
    memset(values, 0, sizeof pass->values);
    for (size_t s = 0; s < batch->n_spans; s++) {
        const struct span *span = &batch->spans[s];

        for (size_t lead = 0; lead < span->leads; lead++) {
            if (!own->corrupted[span->first_token + lead])
                continue;
            lay_out_lead(pass, batch, span, lead);
            values[N_METHODS * FIGURES]++;
            for (int method = 0; method < N_METHODS; method++) {
                double *sums = values + method * FIGURES;
                struct lead_quality quality =
                    metric_lead_quality(pass->truth, pass->made[method], (size_t)span->seconds * PATCH_SAMPLES);

                sums[MAE] += quality.mae_mv;
                sums[PSNR] += quality.psnr_db;
                sums[PEARSON] += isnan(quality.pearson) ? 0 : quality.pearson;
                sums[PEARSONS] += !isnan(quality.pearson);
            }
        }
    }
    reducer_sums_add(pass->sums, values);
}

static double report_leads(struct stage *stage, const double *values, bool is_final)
{
    static const char *const keys[N_METHODS] = {"", "zero_", "mean_"};
    double leads = values[N_METHODS * FIGURES];
    bool prints = is_final && stage->run->world->rank == 0;

    if (leads == 0)
        return NAN;
    if (prints)
        printf("%-28s %9s %9s %9s   %.0f leads of the validation split\n", "corrupted leads", "MAE mV", "PSNR dB", "r",
               leads);
    for (int method = 0; method < N_METHODS; method++) {
        const double *sums = values + method * FIGURES;
        double pearson = sums[PEARSONS] > 0 ? sums[PEARSON] / sums[PEARSONS] : NAN;

        stage_result(stage, sums[MAE] / leads, "%smae_mv", keys[method]);
        stage_result(stage, sums[PSNR] / leads, "%spsnr_db", keys[method]);
        stage_result(stage, pearson, "%spearson", keys[method]);
        if (prints)
            printf("%-28s %9.4f %9.2f %9.4f\n", method_names[method], sums[MAE] / leads, sums[PSNR] / leads, pearson);
    }
    if (prints)
        fflush(stdout);
    log_info("validation, step %" PRIu64 ": MAE %.4f mV (zero line %.4f, mean of the others %.4f)", stage->run->step,
             values[MAE] / leads, values[ZERO * FIGURES + MAE] / leads, values[MEAN * FIGURES + MAE] / leads);
    return -values[MAE] / leads;
}

static enum status validate_leads(struct finetune_stage *own, bool is_final, double *figure)
{
    struct run *run = own->base.stage.run;
    struct sampler_settings settings = run_sampler_settings(run, SPLIT_VALIDATION, false);
    struct lead_pass pass = {.own = own};
    struct visitor visitor = {&pass, NULL, measure_leads};
    size_t samples = (size_t)MAX_SPAN_TOKENS * PATCH_SAMPLES;
    enum status status;

    pass.sums = reducer_sums_create(run->reducer, N_METHODS * FIGURES + 1);
    pass.truth = NEW_ARRAY(float, samples *(1 + N_METHODS));
    for (int method = 0; method < N_METHODS; method++)
        pass.made[method] = pass.truth + samples * (size_t)(1 + method);
    TRY(visit_records(run, &settings, run->config->validation.most_batches, &visitor));
    TRY(reducer_sums_finish(pass.sums, pass.values));
    *figure = report_leads(&own->base.stage, pass.values, is_final);
fail:
    reducer_sums_free(pass.sums);
    free(pass.truth);
    return status;
}

enum status finetune_validate(struct stage *stage, bool is_final, double *figure)
{
    struct finetune_stage *own = (struct finetune_stage *)stage;

    return own->base.head.task == TASK_LEADGEN ? validate_leads(own, is_final, figure)
                                               : validate_labels(own, is_final, figure);
}
