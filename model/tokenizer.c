#include "model/tokenizer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/decoder.h"
#include "model/kernels/arrays.h"
#include "model/kernels/losses.h"
#include "model/kernels/standardise.h"
#include "model/kernels/wavelet_targets.h"
#include "model/quantizer.h"
#include "model/trunk.h"

enum { VIEW_MORPHOLOGY, VIEW_FREQUENCY, VIEW_DEMOGRAPHY, N_VIEWS };
enum { DEMOGRAPHY_OUTPUTS = 3, OUTPUT_AGE = 0, OUTPUT_SEX = 1 };

struct tokenizer {
    struct tokenizer_config config;
    bool training;
    unsigned place; /* of the profile */
    struct parameters parameters;
    struct arena arena;
    struct trunk encoder;
    struct quantizer quantizer;
    struct decoder decoders[N_VIEWS];
    struct block_scratch scratch;
    real *target[N_VIEWS], *doutput[N_VIEWS]; /* [T, 300], [T, 564], [spans, 3]; targets of demography are not stored */
    real *dz, *dz_sum;                        /* [T, d] */
    real wavelet_scale[WAVELET_TARGETS];
    struct batch batch; /* of the last forward; its arrays are the caller's */
    const real *z;      /* [T, d]: what the decoders read */
};

/* Tensors and activations; on an arena that only counts, or on the real one. */
static void tokenizer_plan(struct tokenizer *tokenizer, const struct tokenizer_config *config, bool training)
{
    struct block_config blocks = {.width = config->encoder.width,
                                  .heads = config->encoder.heads,
                                  .mlp = config->encoder.mlp,
                                  .tolerance = config->encoder.tolerance,
                                  .layer_scale = config->encoder.layer_scale};
    const char *names[N_VIEWS] = {"tokenizer.morphology", "tokenizer.frequency", "tokenizer.demography"};
    size_t outputs[N_VIEWS] = {PATCH_SAMPLES, WAVELET_TARGETS, DEMOGRAPHY_OUTPUTS};
    unsigned layers[N_VIEWS] = {config->morphology_blocks, config->frequency_blocks, config->demography_blocks};
    int head_layer = (int)config->encoder.layers + 1;

    tokenizer->config = *config;
    tokenizer->training = training;
    tokenizer->place = profile_place("tokenizer");
    trunk_plan(&tokenizer->encoder, &tokenizer->parameters, "tokenizer.encoder", &config->encoder, false);
    quantizer_plan(&tokenizer->quantizer, &tokenizer->parameters, "tokenizer", config, head_layer);
    for (int view = 0; view < N_VIEWS; view++)
        decoder_plan(&tokenizer->decoders[view], &tokenizer->parameters, names[view], &blocks, layers[view],
                     config->code_dimension, outputs[view], view == VIEW_DEMOGRAPHY, head_layer);
    wavelet_column_scale(tokenizer->wavelet_scale);
}

static void tokenizer_take(struct tokenizer *tokenizer, struct arena *arena, const struct batch_bounds *bounds)
{
    struct tokenizer *t = tokenizer;
    size_t codewords = checked_multiply(bounds->tokens, t->config.code_dimension);
    block_scratch_take(&t->scratch, arena, t->config.encoder.width, t->config.encoder.heads, bounds, t->training);
    trunk_take(&t->encoder, arena, bounds->tokens, t->training);
    quantizer_take(&t->quantizer, arena, bounds->tokens, t->training);
    if (!t->training)
        return;
    for (int view = 0; view < N_VIEWS; view++) {
        size_t rows = view == VIEW_DEMOGRAPHY ? bounds->spans : bounds->tokens;
        decoder_take(&t->decoders[view], arena, bounds);
        if (view != VIEW_DEMOGRAPHY)
            t->target[view] = take_reals(arena, rows * t->decoders[view].outputs);
        t->doutput[view] = take_reals(arena, rows * t->decoders[view].outputs);
    }
    t->dz = take_reals(arena, codewords);
    t->dz_sum = take_reals(arena, codewords);
}

struct tokenizer *tokenizer_create(const struct tokenizer_config *config, const struct batch_bounds *bounds,
                                   bool training)
{
    struct tokenizer *tokenizer = xcalloc(1, sizeof *tokenizer);
    struct arena counting = arena_counting();
    tokenizer_plan(tokenizer, config, training);
    tokenizer_take(tokenizer, &counting, bounds);
    arena_create(&tokenizer->arena, counting.peak);
    tokenizer_take(tokenizer, &tokenizer->arena, bounds);
    return tokenizer;
}

void tokenizer_free(struct tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    trunk_free(&tokenizer->encoder);
    quantizer_free(&tokenizer->quantizer);
    for (int view = 0; view < N_VIEWS; view++)
        decoder_free(&tokenizer->decoders[view]);
    parameters_free(&tokenizer->parameters);
    arena_destroy(&tokenizer->arena);
    free(tokenizer);
}

size_t tokenizer_plan_memory(const struct tokenizer_config *config, const struct batch_bounds *bounds, bool training)
{
    struct tokenizer *tokenizer = xcalloc(1, sizeof *tokenizer);
    struct arena counting = arena_counting();
    tokenizer_plan(tokenizer, config, training);
    tokenizer_take(tokenizer, &counting, bounds);
    tokenizer_free(tokenizer);
    return counting.peak;
}

const struct parameters *tokenizer_parameters(const struct tokenizer *tokenizer)
{
    return &tokenizer->parameters;
}

size_t tokenizer_memory_bytes(const struct tokenizer *tokenizer)
{
    return tokenizer->arena.capacity;
}

/* log(1 + e^x) without overflow. */
static double softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

/* Age: square of the difference of (age − 60)/20; sex: cross-entropy of two logits. Unknown values are left out. */
static void demography_losses(struct tokenizer *tokenizer, const struct demography *demography,
                              const struct tokenizer_counts *counts, struct tokenizer_losses *losses)
{
    double weight = tokenizer->config.demography_weight;
    for (size_t s = 0; s < tokenizer->batch.n_spans; s++) {
        const real *output = tokenizer->decoders[VIEW_DEMOGRAPHY].output + s * DEMOGRAPHY_OUTPUTS;
        real *gradient = tokenizer->doutput[VIEW_DEMOGRAPHY] + s * DEMOGRAPHY_OUTPUTS;
        memset(gradient, 0, DEMOGRAPHY_OUTPUTS * sizeof *gradient);
        if (!isnan(demography->age_years[s]) && counts->spans_with_age > 0) {
            double difference = output[OUTPUT_AGE] - (demography->age_years[s] - 60.0) / 20.0;
            losses->age += difference * difference / counts->spans_with_age;
            gradient[OUTPUT_AGE] = (real)(weight * 2 * difference / counts->spans_with_age);
        }
        int sex = demography->sex[s];
        if ((sex == 0 || sex == 1) && counts->spans_with_sex > 0) {
            double lead = (double)output[OUTPUT_SEX + sex] - (double)output[OUTPUT_SEX + 1 - sex];
            double slope = weight / (1.0 + exp(lead)) / counts->spans_with_sex;
            losses->sex += softplus(-lead) / counts->spans_with_sex;
            gradient[OUTPUT_SEX + sex] = (real)-slope;
            gradient[OUTPUT_SEX + 1 - sex] = (real)slope;
        }
    }
}

static void make_targets(struct tokenizer *tokenizer)
{
    const struct batch *batch = &tokenizer->batch;
    standardise_spans(tokenizer->target[VIEW_MORPHOLOGY], NULL, NULL, batch->patches, batch->spans, batch->n_spans);
    wavelet_analyse(tokenizer->target[VIEW_FREQUENCY], batch->patches, batch->n_tokens);
    wavelet_standardise(tokenizer->target[VIEW_FREQUENCY], batch->spans, batch->n_spans);
}

static void encode(struct tokenizer *tokenizer, const real *weights, const struct batch *batch)
{
    const struct trunk_options options = {0};
    const real *features = trunk_forward(&tokenizer->encoder, &tokenizer->scratch, weights, batch, &options);
    quantizer_forward(&tokenizer->quantizer, weights, features, batch->n_tokens);
    tokenizer->batch = *batch;
}

void tokenizer_forward(struct tokenizer *tokenizer, const real *weights, const struct batch *batch,
                       const struct demography *demography, const struct tokenizer_counts *counts,
                       struct tokenizer_losses *losses)
{
    struct tokenizer *t = tokenizer;
    const struct decoder *decoders = t->decoders;

    assert(t->training);
    encode(t, weights, batch);
    t->z = quantizer_output(&t->quantizer, batch->n_tokens);
    for (int view = 0; view < N_VIEWS; view++)
        decoder_forward(&decoders[view], &t->scratch, weights, batch, t->z);

    *losses = (struct tokenizer_losses){0};
    profile_enter(t->place, PROFILE_TARGETS);
    make_targets(t);
    profile_passes(3, batch->n_tokens * (PATCH_SAMPLES + WAVELET_TARGETS));
    profile_next(PROFILE_LOSS);
    losses->morphology =
        mse_loss(t->doutput[VIEW_MORPHOLOGY], decoders[VIEW_MORPHOLOGY].output, t->target[VIEW_MORPHOLOGY], NULL, NULL,
                 1.0 / (counts->tokens * PATCH_SAMPLES), batch->n_tokens, PATCH_SAMPLES);
    losses->frequency = mse_loss(t->doutput[VIEW_FREQUENCY], decoders[VIEW_FREQUENCY].output, t->target[VIEW_FREQUENCY],
                                 NULL, t->wavelet_scale, 1.0 / counts->tokens, batch->n_tokens, WAVELET_TARGETS);
    demography_losses(t, demography, counts, losses);
    quantizer_losses(&t->quantizer, counts->tokens, batch->n_tokens, &losses->commitment, &losses->codebook);
    losses->total = losses->morphology + losses->frequency + t->config.demography_weight * (losses->age + losses->sex) +
                    losses->commitment + losses->codebook;
    profile_passes(3, batch->n_tokens * (PATCH_SAMPLES + WAVELET_TARGETS));
    profile_leave();
}

void tokenizer_backward(struct tokenizer *tokenizer, const real *weights, real *gradient,
                        const struct gradient_listener *listener)
{
    struct tokenizer *t = tokenizer;
    const struct batch *batch = &t->batch;
    const struct trunk_options options = {0};
    size_t count = batch->n_tokens * t->config.code_dimension;
    real *features = trunk_feature_gradient(&t->encoder);

    profile_enter(t->place, PROFILE_DECODER); /* what no decoder claims: their gradients are added up */
    memset(t->dz_sum, 0, count * sizeof *t->dz_sum);
    for (int view = N_VIEWS; view-- > 0;) {
        decoder_backward(&t->decoders[view], &t->scratch, weights, gradient, batch, t->z, t->doutput[view], t->dz,
                         listener);
        array_add(t->dz_sum, t->dz, count);
    }
    profile_leave();
    quantizer_backward(&t->quantizer, weights, gradient, t->dz_sum, features, features, t->scratch.wide,
                       batch->n_tokens, listener);
    trunk_backward(&t->encoder, &t->scratch, weights, gradient, batch, &options, listener);
}

void tokenizer_encode(struct tokenizer *tokenizer, const real *weights, const struct batch *batch, uint32_t *codes)
{
    encode(tokenizer, weights, batch);
    memcpy(codes, tokenizer->quantizer.codes, batch->n_tokens * sizeof *codes);
}

void tokenizer_quantize(struct tokenizer *tokenizer, bool quantize)
{
    tokenizer->quantizer.quantize = quantize;
}

bool tokenizer_quantizes(const struct tokenizer *tokenizer)
{
    return tokenizer->quantizer.quantize;
}

void tokenizer_hold(struct tokenizer *tokenizer, bool hold)
{
    quantizer_hold(&tokenizer->quantizer, hold, tokenizer->batch.n_tokens);
}

/* ---- views ---- */

const uint32_t *tokenizer_codes(const struct tokenizer *tokenizer)
{
    return tokenizer->quantizer.codes;
}

const real *tokenizer_projections(const struct tokenizer *tokenizer)
{
    return tokenizer->quantizer.vectors;
}

const real *tokenizer_waveform(const struct tokenizer *tokenizer)
{
    return tokenizer->decoders[VIEW_MORPHOLOGY].output;
}

const real *tokenizer_waveform_target(const struct tokenizer *tokenizer)
{
    return tokenizer->target[VIEW_MORPHOLOGY];
}

const real *tokenizer_wavelet(const struct tokenizer *tokenizer)
{
    return tokenizer->decoders[VIEW_FREQUENCY].output;
}

const real *tokenizer_wavelet_target(const struct tokenizer *tokenizer)
{
    return tokenizer->target[VIEW_FREQUENCY];
}

const real *tokenizer_demography_output(const struct tokenizer *tokenizer)
{
    return tokenizer->decoders[VIEW_DEMOGRAPHY].output;
}

const real *tokenizer_features(const struct tokenizer *tokenizer)
{
    return tokenizer->encoder.stack.output;
}

struct waveform_fit tokenizer_waveform_fit(const struct tokenizer *tokenizer)
{
    const real *output = tokenizer_waveform(tokenizer), *target = tokenizer_waveform_target(tokenizer);
    double residual = 0, total = 0;
    for (size_t i = 0; i < tokenizer->batch.n_tokens * PATCH_SAMPLES; i++) {
        double difference = (double)output[i] - (double)target[i];
        residual += difference * difference;
        total += (double)target[i] * (double)target[i];
    }
    return (struct waveform_fit){.residual = residual, .total = total};
}

size_t tokenizer_statistics_count(const struct tokenizer *tokenizer)
{
    return (size_t)tokenizer->config.codes * (tokenizer->config.code_dimension + 1);
}

const float *tokenizer_statistics(const struct tokenizer *tokenizer)
{
    return tokenizer->quantizer.statistics;
}

void tokenizer_update_codebook(struct tokenizer *tokenizer, real *weights, const double *statistics)
{
    const struct tokenizer_config *config = &tokenizer->config;
    if (config->quantize && config->codebook_update == CODEBOOK_EMA)
        codebook_move(config, tokenizer_codebook(tokenizer, weights), statistics, config->ema_decay);
}

real *tokenizer_codebook(const struct tokenizer *tokenizer, real *weights)
{
    return weights + tokenizer->quantizer.codebook;
}
