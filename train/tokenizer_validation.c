/* train/tokenizer_validation.c — stage 1 on the validation split: losses, how much of the waveform comes back, how the
 * codes are used; at the end plain k-means beside it. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "train/kmeans_baseline.h"
#include "train/stage_tokenizer.h"
#include "train/visit.h"

/* Places in the sums; counts of the codes follow. */
enum { MORPHOLOGY, FREQUENCY, AGE, SEX, COMMITMENT, CODEBOOK, RESIDUAL, TOTAL, TOKENS, AGES, SEXES, CODES };

struct pass {
    struct tokenizer_stage *own;
    struct reducer_sums *sums; /* [CODES + K] */
    double *values;
};

static void measure(void *context, const struct batch *batch, size_t micro)
{
    struct pass *pass = context;
    struct tokenizer_stage *own = pass->own;
    const struct tokenizer_counts ones = {1, 1, 1}; /* contributions are then plain sums */
    struct demography demography = tokenizer_demography(own, batch);
    struct tokenizer_losses losses;
    struct waveform_fit fit;
    double *values = pass->values;

    (void)micro;
    tokenizer_forward(own->tokenizer, own->stage.weights, batch, &demography, &ones, &losses);
    fit = tokenizer_waveform_fit(own->tokenizer);
    memset(values, 0, (CODES + own->model.codes) * sizeof *values);
    values[MORPHOLOGY] = losses.morphology;
    values[FREQUENCY] = losses.frequency;
    values[AGE] = losses.age;
    values[SEX] = losses.sex;
    values[COMMITMENT] = losses.commitment;
    values[CODEBOOK] = losses.codebook;
    values[RESIDUAL] = fit.residual;
    values[TOTAL] = fit.total;
    values[TOKENS] = (double)batch->n_tokens;
    for (size_t i = 0; i < batch->n_spans; i++) {
        values[AGES] += !isnan(demography.age_years[i]);
        values[SEXES] += demography.sex[i] >= 0;
    }
    for (size_t i = 0; tokenizer_quantizes(own->tokenizer) && i < batch->n_tokens; i++)
        values[CODES + tokenizer_codes(own->tokenizer)[i]]++;
    reducer_sums_add(pass->sums, values);
}

static double mean_of(const double *values, int term, int count)
{
    return values[count] > 0 ? values[term] / values[count] : 0;
}

/* Sums to figures; returns R². */
static double report(struct tokenizer_stage *own, const double *values)
{
    struct stage *stage = &own->stage;
    double morphology = mean_of(values, MORPHOLOGY, TOKENS), frequency = mean_of(values, FREQUENCY, TOKENS);
    double age = mean_of(values, AGE, AGES), sex = mean_of(values, SEX, SEXES);
    double commitment = mean_of(values, COMMITMENT, TOKENS), codebook = mean_of(values, CODEBOOK, TOKENS);
    double r2 = 1 - values[RESIDUAL] / values[TOTAL];

    stage_result(stage, morphology + frequency + age + sex + commitment + codebook, "loss");
    stage_result(stage, morphology, "morphology");
    stage_result(stage, frequency, "frequency");
    stage_result(stage, age, "age");
    stage_result(stage, sex, "sex");
    stage_result(stage, commitment, "commitment");
    stage_result(stage, codebook, "codebook");
    stage_result(stage, r2, "r2");
    if (tokenizer_quantizes(own->tokenizer)) {
        struct codebook_use use = codebook_use(values + CODES, own->model.codes);

        stage_result(stage, (double)use.used / own->model.codes, "codes_used");
        stage_result(stage, use.perplexity, "perplexity");
        stage_result(stage, (double)own->restarted, "codes_restarted");
        log_info("validation, step %" PRIu64 ": R2 %.4f, %zu of %u codes used, perplexity %.1f, %zu restarts since the "
                 "last",
                 stage->run->step, r2, use.used, own->model.codes, use.perplexity, own->restarted);
        own->restarted = 0;
    } else {
        log_info("validation, step %" PRIu64 ": R2 %.4f, without quantizer", stage->run->step, r2);
    }
    return r2;
}

static enum status compare_with_kmeans(struct tokenizer_stage *own, double r2)
{
    struct run *run = own->stage.run;
    size_t patches = run->config->tokenizer.baseline_patches, codes = own->model.codes;
    double baseline;
    enum status status = STATUS_OK;

    if (patches == 0 || !own->model.quantize)
        return STATUS_OK;
    TRY(kmeans_baseline(run, codes, patches, &baseline));
    stage_result(&own->stage, baseline, "kmeans_r2");
    if (run->world->rank == 0) {
        printf("%-44s %8s\n", "standardised patches of the validation split", "R2");
        printf("%-44s %8.4f\n", "tokenizer", r2);
        printf("k-means, %zu codes, Euclidean%*s %8.4f\n", codes, (int)(44 - 27 - snprintf(NULL, 0, "%zu", codes)), "",
               baseline);
        fflush(stdout);
    }
fail:
    return status;
}

enum status tokenizer_validate(struct stage *stage, bool is_final, double *figure)
{
    struct tokenizer_stage *own = (struct tokenizer_stage *)stage;
    struct run *run = stage->run;
    struct sampler_settings settings = run_sampler_settings(run, SPLIT_VALIDATION, false);
    size_t count = CODES + own->model.codes;
    struct pass pass = {own, reducer_sums_create(run->reducer, count), NEW_ARRAY(double, count)};
    struct visitor visitor = {&pass, NULL, measure};
    enum status status;

    TRY(visit_records(run, &settings, run->config->validation.most_batches, &visitor));
    TRY(reducer_sums_finish(pass.sums, pass.values));
    *figure = report(own, pass.values);
    if (is_final)
        TRY(compare_with_kmeans(own, *figure));
fail:
    reducer_sums_free(pass.sums);
    free(pass.values);
    return status;
}
