/* The trunk against a twin in plain loops with dense masked attention, and what packing, micro-batches and chunks must
 * not change; in double. */
#include "models_fixture.h"

#include "base/lead.h"
#include "model/backbone.h"
#include "model/finetune.h"
#include "model/longecg.h"
#include "model/tokenizer.h"

static void check_close(const real *values, const real *expected, size_t count, double tolerance, const char *what)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)values[i] - (double)expected[i]) <= tolerance * fmax(1, fabs((double)expected[i]))))
            fail_msg("%s[%zu]: %.15g is not %.15g", what, i, (double)values[i], (double)expected[i]);
}

/* ---- the twin: formulas of docs/MODEL.md, tensors by name ---- */

struct twin {
    const struct parameters *parameters;
    const real *weights;
    const struct trunk_config *config;
};

static const real *tensor(const struct twin *twin, const char *format, int i)
{
    char name[TENSOR_NAME_BYTES];
    snprintf(name, sizeof name, format, i);
    const struct tensor *found = parameters_find(twin->parameters, name);
    if (!found)
        fail_msg("no tensor %s", name);
    return twin->weights + found->first;
}

static double gelu(double x)
{
    return x * 0.5 * (1 + erf(x / sqrt(2)));
}

/* y = (x − mean)/sqrt(variance + 1e-6)·scale + shift over n numbers. */
static void twin_norm(double *y, const double *x, const real *scale, const real *shift, size_t n)
{
    double mean = 0, variance = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += (x[i] - mean) * (x[i] - mean) / (double)n;
    for (size_t i = 0; i < n; i++)
        y[i] = (x[i] - mean) / sqrt(variance + 1e-6) * scale[i] + shift[i];
}

static void twin_linear(double *y, const double *x, const real *weight, const real *bias, size_t in, size_t out)
{
    for (size_t o = 0; o < out; o++) {
        y[o] = bias ? bias[o] : 0;
        for (size_t i = 0; i < in; i++)
            y[o] += x[i] * weight[o * in + i];
    }
}

/* Group normalisation (eps 1e-5) over positions and channels of each of 4 groups, then GELU, in place on [38, C]. */
static void twin_group_norm(double *x, const real *scale, const real *shift, size_t channels)
{
    size_t group = channels / 4;
    for (size_t g = 0; g < 4; g++) {
        double mean = 0, variance = 0, n = 38.0 * (double)group;
        for (size_t p = 0; p < 38; p++)
            for (size_t c = g * group; c < (g + 1) * group; c++)
                mean += x[p * channels + c] / n;
        for (size_t p = 0; p < 38; p++)
            for (size_t c = g * group; c < (g + 1) * group; c++)
                variance += pow(x[p * channels + c] - mean, 2) / n;
        for (size_t p = 0; p < 38; p++)
            for (size_t c = g * group; c < (g + 1) * group; c++) {
                double *value = &x[p * channels + c];
                *value = gelu((*value - mean) / sqrt(variance + 1e-5) * scale[c] + shift[c]);
            }
    }
}

/* features [38·C + 2] of a patch. */
static void twin_patch(const struct twin *twin, double *features, const real *patch)
{
    size_t channels = twin->config->channels;
    double *x = calloc(38 * channels, sizeof *x), *y = calloc(38 * channels, sizeof *y), square = 0, mean = 0;
    for (int layer = 1; layer <= 3; layer++) {
        const real *weight = tensor(twin, "backbone.patch_encoder.conv%d.weight", layer);
        const real *bias = tensor(twin, "backbone.patch_encoder.conv%d.bias", layer);
        for (long p = 0; p < 38; p++)
            for (size_t c = 0; c < channels; c++) {
                double sum = bias[c];
                if (layer == 1)
                    for (long k = 0; k < 15; k++) {
                        long at = 8 * p + k - 7;
                        sum += at >= 0 && at < 300 ? weight[c * 15 + (size_t)k] * patch[at] : 0;
                    }
                else
                    for (long k = 0; k < 3; k++)
                        for (size_t in = 0; in < channels; in++) {
                            long at = p + k - 1;
                            if (at >= 0 && at < 38)
                                sum += weight[(c * 3 + (size_t)k) * channels + in] * x[(size_t)at * channels + in];
                        }
                y[(size_t)p * channels + c] = sum;
            }
        twin_group_norm(y, tensor(twin, "backbone.patch_encoder.norm%d.scale", layer),
                        tensor(twin, "backbone.patch_encoder.norm%d.shift", layer), channels);
        memcpy(x, y, 38 * channels * sizeof *x);
    }
    memcpy(features, x, 38 * channels * sizeof *x);
    for (size_t i = 0; i < 300; i++) {
        square += patch[i] * patch[i] / 300;
        mean += patch[i] / 300;
    }
    features[38 * channels] = log(sqrt(square) + 0.001);
    features[38 * channels + 1] = mean;
    free(x);
    free(y);
}

/* x [tokens, W]: patches of one span, the mask vector where masked is 1, and the tables. */
static void twin_embed(const struct twin *twin, double *x, const struct span *span, const real *patches,
                       const uint8_t *masked)
{
    size_t width = twin->config->width, n_features = 38 * twin->config->channels + 2;
    double *features = calloc(n_features, sizeof *features);
    for (size_t t = 0; t < span_tokens(span); t++) {
        double *row = x + t * width;
        const real *time = tensor(twin, "backbone.time_table", 0) + (span->first_time + t / span->leads) * width;
        const real *lead = tensor(twin, "backbone.lead_table", 0) + span->lead[t % span->leads] * width;
        twin_patch(twin, features, patches + t * PATCH_SAMPLES);
        twin_linear(row, features, tensor(twin, "backbone.patch_encoder.linear.weight", 0),
                    tensor(twin, "backbone.patch_encoder.linear.bias", 0), n_features, width);
        for (size_t i = 0; i < width; i++)
            row[i] = (masked && masked[t] ? tensor(twin, "backbone.mask", 0)[i] : gelu(row[i])) + time[i] + lead[i];
    }
    free(features);
}

/* out [tokens, W] = softmax((q·kᵀ + M)/√d)·v with the full matrix of pairs; qkv: [tokens, 3W]. */
static void twin_attention(const struct twin *twin, double *out, const double *qkv, const struct span *span)
{
    size_t width = twin->config->width, heads = twin->config->heads, dim = width / heads, n = span_tokens(span);
    double *score = calloc(n, sizeof *score);
    memset(out, 0, n * width * sizeof *out);
    for (size_t h = 0; h < heads; h++)
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t j = 0; j < n; j++) {
                long apart = labs((long)(i / span->leads) - (long)(j / span->leads));
                bool allowed = i % span->leads == j % span->leads || apart <= (long)twin->config->tolerance;
                double dot = 0;
                for (size_t d = 0; d < dim; d++)
                    dot += qkv[i * 3 * width + h * dim + d] * qkv[j * 3 * width + width + h * dim + d];
                score[j] = allowed ? exp(dot / sqrt((double)dim)) : 0;
                sum += score[j];
            }
            for (size_t j = 0; j < n; j++)
                for (size_t d = 0; d < dim; d++)
                    out[i * width + h * dim + d] += score[j] / sum * qkv[j * 3 * width + 2 * width + h * dim + d];
        }
    free(score);
}

static void twin_block(const struct twin *twin, double *x, const struct span *span, int block)
{
    size_t width = twin->config->width, mlp = twin->config->mlp, n = span_tokens(span);
    size_t heads = twin->config->heads, dim = width / heads;
    double *qkv = calloc(n * 3 * width, sizeof *qkv), *attended = calloc(n * width, sizeof *attended);
    double *normed = calloc(width, sizeof *normed), *branch = calloc(width, sizeof *branch);
    double *hidden = calloc(mlp, sizeof *hidden);
#define T(name) tensor(twin, "backbone.block.%d." name, block)
    for (size_t t = 0; t < n; t++) {
        twin_norm(normed, x + t * width, T("norm1.scale"), T("norm1.shift"), width);
        twin_linear(qkv + t * 3 * width, normed, T("attention.qkv.weight"), NULL, width, 3 * width);
        for (size_t h = 0; h < heads; h++) {
            double *q = qkv + t * 3 * width + h * dim, *k = q + width;
            twin_norm(q, q, T("attention.q_norm.scale"), T("attention.q_norm.shift"), dim);
            twin_norm(k, k, T("attention.k_norm.scale"), T("attention.k_norm.shift"), dim);
        }
    }
    twin_attention(twin, attended, qkv, span);
    for (size_t t = 0; t < n; t++) {
        double *row = x + t * width;
        twin_linear(branch, attended + t * width, T("attention.projection.weight"), T("attention.projection.bias"),
                    width, width);
        for (size_t i = 0; i < width; i++)
            row[i] += T("layer_scale1")[i] * branch[i];
        twin_norm(normed, row, T("norm2.scale"), T("norm2.shift"), width);
        twin_linear(hidden, normed, T("mlp.linear1.weight"), T("mlp.linear1.bias"), width, mlp);
        for (size_t i = 0; i < mlp; i++)
            hidden[i] = gelu(hidden[i]);
        twin_linear(branch, hidden, T("mlp.linear2.weight"), T("mlp.linear2.bias"), mlp, width);
        for (size_t i = 0; i < width; i++)
            row[i] += T("layer_scale2")[i] * branch[i];
    }
#undef T
    free(qkv);
    free(attended);
    free(normed);
    free(branch);
    free(hidden);
}

/* features [tokens of the batch, W]. */
static void twin_trunk(const struct twin *twin, real *features, const struct batch *batch, const uint8_t *masked)
{
    size_t width = twin->config->width;
    for (size_t s = 0; s < batch->n_spans; s++) {
        const struct span *span = &batch->spans[s];
        size_t first = span->first_token, n = span_tokens(span);
        double *x = calloc(n * width, sizeof *x), *y = calloc(width, sizeof *y);
        twin_embed(twin, x, span, batch->patches + first * PATCH_SAMPLES, masked ? masked + first : NULL);
        for (unsigned block = 0; block < twin->config->layers; block++)
            twin_block(twin, x, span, (int)block);
        for (size_t t = 0; t < n; t++) {
            twin_norm(y, x + t * width, tensor(twin, "backbone.norm.scale", 0), tensor(twin, "backbone.norm.shift", 0),
                      width);
            for (size_t i = 0; i < width; i++)
                features[(first + t) * width + i] = (real)y[i];
        }
        free(x);
        free(y);
    }
}

static void the_trunk_equals_plain_loops_with_dense_masked_attention(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_setup(&fixture);
    for (unsigned tolerance = 0; tolerance < 3; tolerance++) {
        struct trunk_config config = SMALL_TRUNK;
        config.tolerance = tolerance;
        struct backbone *backbone = backbone_create_inference(&config, 10, &fixture.bounds);
        real *weights = random_weights(backbone_parameters(backbone));
        struct twin twin = {.parameters = backbone_parameters(backbone), .weights = weights, .config = &config};
        size_t count = fixture.batch.n_tokens * config.width;
        real *expected = NEW_ARRAY(real, count);

        twin_trunk(&twin, expected, &fixture.batch, NULL);
        check_close(backbone_features(backbone, weights, &fixture.batch), expected, count, 1e-10, "feature");
        free(expected);
        free(weights);
        backbone_free(backbone);
    }
    fixture_teardown(&fixture);
}

static void the_loss_of_a_half_is_the_cross_entropy_of_the_twins_hidden_tokens(void **state)
{
    (void)state;
    enum { CODES = 10 };
    struct fixture fixture;
    fixture_setup(&fixture);
    size_t tokens = fixture.batch.n_tokens, width = SMALL_TRUNK.width;
    struct backbone *backbone = backbone_create(&SMALL_TRUNK, CODES, &fixture.bounds);
    real *weights = random_weights(backbone_parameters(backbone)), *features = NEW_ARRAY(real, tokens * width);
    struct twin twin = {.parameters = backbone_parameters(backbone), .weights = weights, .config = &SMALL_TRUNK};
    uint32_t *codes = NEW_ARRAY(uint32_t, tokens);
    uint8_t *masked = NEW_ARRAY(uint8_t, tokens), *hidden = NEW_ARRAY(uint8_t, tokens);
    backbone_draw_mask(&fixture.batch, MASK_RANDOM, 4, 5, masked);
    for (size_t t = 0; t < tokens; t++)
        codes[t] = (uint32_t)(t * 3 % CODES);

    for (int second = 0; second < 2; second++) {
        double expected = 0, n_hidden = 0, correct = 0;
        struct backbone_losses losses;
        for (size_t t = 0; t < tokens; t++)
            hidden[t] = second ? !masked[t] : masked[t];
        twin_trunk(&twin, features, &fixture.batch, hidden);
        for (size_t t = 0; t < tokens; t++) {
            double x[64], logit[CODES], sum = 0;
            size_t best = 0;
            for (size_t i = 0; i < width; i++)
                x[i] = features[t * width + i];
            twin_linear(logit, x, tensor(&twin, "code_head.weight", 0), tensor(&twin, "code_head.bias", 0), width,
                        CODES);
            for (size_t c = 0; c < CODES; c++) {
                sum += exp(logit[c]);
                best = logit[c] > logit[best] ? c : best;
            }
            if (hidden[t]) {
                expected += log(sum) - logit[codes[t]];
                n_hidden++;
                correct += best == codes[t];
            }
        }
        backbone_forward(backbone, weights, &fixture.batch, codes, masked, second, 50, &losses);
        assert_true(fabs(losses.loss - expected / 50) < 1e-10 * expected);
        assert_true(losses.masked == n_hidden && losses.correct == correct);
    }
    free(features);
    free(codes);
    free(masked);
    free(hidden);
    free(weights);
    backbone_free(backbone);
    fixture_teardown(&fixture);
}

/* ---- packing and micro-batches ---- */

static void a_span_gets_the_same_features_packed_or_alone(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_setup(&fixture);
    size_t width = SMALL_TRUNK.width, count = fixture.batch.n_tokens * width;
    struct backbone *backbone = backbone_create_inference(&SMALL_TRUNK, 10, &fixture.bounds);
    real *weights = random_weights(backbone_parameters(backbone)), *packed = NEW_ARRAY(real, count);
    memcpy(packed, backbone_features(backbone, weights, &fixture.batch), count * sizeof *packed);

    for (size_t s = 0; s < FIXTURE_SPANS; s++) {
        struct span span;
        struct batch alone = single_span(&fixture, s, &span);
        check_close(backbone_features(backbone, weights, &alone), packed + fixture.spans[s].first_token * width,
                    alone.n_tokens * width, 1e-13, "feature");
    }
    free(packed);
    free(weights);
    backbone_free(backbone);
    fixture_teardown(&fixture);
}

static const struct tokenizer_config TOKENIZER = {
    .encoder = {.layers = 1, .width = 8, .heads = 2, .mlp = 12, .channels = 8, .tolerance = 1, .layer_scale = 0.7},
    .quantize = true,
    .codes = 12,
    .code_dimension = 6,
    .codebook_update = CODEBOOK_LOSS,
    .commitment = 0.8,
    .demography_weight = 0.7,
    .morphology_blocks = 1,
    .frequency_blocks = 1,
    .demography_blocks = 1};

/* Adds losses, statistics and gradient of one micro-batch; ages and sexes are those of its spans. */
static double run_micro_batch(struct tokenizer *tokenizer, const real *weights, real *gradient, double *statistics,
                              const struct batch *batch, const float *ages, const int8_t *sexes)
{
    const struct tokenizer_counts counts = {.tokens = 40, .spans_with_age = 4, .spans_with_sex = 3};
    struct demography demography = {.age_years = ages, .sex = sexes};
    struct tokenizer_losses losses;
    tokenizer_forward(tokenizer, weights, batch, &demography, &counts, &losses);
    for (size_t i = 0; i < tokenizer_statistics_count(tokenizer); i++)
        statistics[i] += (double)tokenizer_statistics(tokenizer)[i];
    tokenizer_backward(tokenizer, weights, gradient, NULL);
    return losses.total;
}

static void micro_batches_add_up_to_the_whole_batch(void **state)
{
    (void)state;
    const float ages[FIXTURE_SPANS] = {31, NAN, 77, 54, 90};
    const int8_t sexes[FIXTURE_SPANS] = {0, 1, -1, 1, -1};
    struct fixture fixture;
    fixture_setup(&fixture);
    struct tokenizer *tokenizer = tokenizer_create(&TOKENIZER, &fixture.bounds, true);
    size_t count = tokenizer_parameters(tokenizer)->count, n_statistics = tokenizer_statistics_count(tokenizer);
    real *weights = random_weights(tokenizer_parameters(tokenizer));
    real *whole = xcalloc(count, sizeof *whole), *parts = xcalloc(count, sizeof *parts);
    double *whole_statistics = xcalloc(n_statistics, sizeof(double)), loss = 0;
    double *part_statistics = xcalloc(n_statistics, sizeof(double));

    double whole_loss = run_micro_batch(tokenizer, weights, whole, whole_statistics, &fixture.batch, ages, sexes);
    for (size_t s = 0; s < FIXTURE_SPANS; s++) {
        struct span span;
        struct batch alone = single_span(&fixture, s, &span);
        loss += run_micro_batch(tokenizer, weights, parts, part_statistics, &alone, ages + s, sexes + s);
    }
    assert_true(fabs(loss - whole_loss) < 1e-12 * whole_loss);
    check_close(parts, whole, count, 1e-11, "gradient");
    for (size_t i = 0; i < n_statistics; i++)
        assert_true(fabs(part_statistics[i] - whole_statistics[i]) < 1e-5);
    free(whole);
    free(parts);
    free(whole_statistics);
    free(part_statistics);
    free(weights);
    tokenizer_free(tokenizer);
    fixture_teardown(&fixture);
}

static void hidden_patches_have_no_influence_and_no_gradient(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_setup(&fixture);
    size_t tokens = fixture.batch.n_tokens;
    struct backbone *backbone = backbone_create(&SMALL_TRUNK, 10, &fixture.bounds);
    const struct parameters *parameters = backbone_parameters(backbone);
    real *weights = random_weights(parameters), *gradient = xcalloc(parameters->count, sizeof *gradient);
    uint32_t *codes = xcalloc(tokens, sizeof *codes);
    uint8_t *masked = NEW_ARRAY(uint8_t, tokens);
    struct backbone_losses before, after;
    backbone_draw_mask(&fixture.batch, MASK_SECOND, 4, 5, masked);
    backbone_forward(backbone, weights, &fixture.batch, codes, masked, false, 20, &before);
    for (size_t i = 0; i < tokens * PATCH_SAMPLES; i++)
        if (masked[i / PATCH_SAMPLES])
            fixture.patches[i] += 1 + (real)(i % 7);
    backbone_forward(backbone, weights, &fixture.batch, codes, masked, false, 20, &after);
    assert_true(before.loss == after.loss);

    memset(masked, 1, tokens); /* nothing visible: the patch encoder takes no part in the loss */
    backbone_forward(backbone, weights, &fixture.batch, codes, masked, false, 20, &after);
    backbone_backward(backbone, weights, gradient, NULL);
    const struct tensor *last = parameters_find(parameters, "backbone.patch_encoder.linear.bias");
    for (size_t i = 0; i < last->first + last->count; i++)
        assert_true(gradient[i] == 0);
    free(codes);
    free(masked);
    free(weights);
    free(gradient);
    backbone_free(backbone);
    fixture_teardown(&fixture);
}

/* ---- ultra-long ---- */

static void two_passes_over_chunks_equal_one_pass(void **state)
{
    (void)state;
    struct fixture fixture;
    struct head_config head = {.task = TASK_LONGECG,
                               .outputs = 2,
                               .window_seconds = 5,
                               .second_width = 6,
                               .second_layers = 2,
                               .second_heads = 2,
                               .drop_path = 0.3};
    int8_t second_labels[128], record_labels[4] = {1, 0, -1, 1};
    real *gradients[2], *logits[2];
    double losses[2];
    size_t seconds = 0;
    fixture_setup(&fixture);
    for (size_t s = 0; s < FIXTURE_SPANS; s++) {
        fixture.spans[s].record_index = s < 2 ? 1 : 2;
        fixture.spans[s].first_second = (uint32_t)s * 3;
        seconds += fixture.spans[s].seconds;
    }
    for (int i = 0; i < 128; i++)
        second_labels[i] = (int8_t)(i % 3 - 1);
    const struct longecg_targets targets = {.second_labels = second_labels,
                                            .record_labels = record_labels,
                                            .global_second_labels = 20,
                                            .global_record_labels = 3};
    for (int way = 0; way < 2; way++) {
        struct longecg *longecg =
            longecg_create(&SMALL_TRUNK, &head, &fixture.bounds, FIXTURE_SPANS, way ? 1 : 0, true);
        size_t count = longecg_parameters(longecg)->count;
        real *weights = random_weights(longecg_parameters(longecg));
        gradients[way] = xcalloc(count, sizeof(real));
        logits[way] = NEW_ARRAY(real, seconds * 2);
        longecg_forward(longecg, weights, &fixture.batch, &targets, &losses[way]);
        memcpy(logits[way], longecg_second_logits(longecg), seconds * 2 * sizeof(real));
        longecg_backward(longecg, weights, gradients[way], NULL);
        if (way)
            check_close(gradients[1], gradients[0], count, 1e-12, "gradient");
        free(weights);
        longecg_free(longecg);
    }
    check_close(logits[1], logits[0], seconds * 2, 1e-13, "logit");
    assert_true(fabs(losses[0] - losses[1]) < 1e-13);
    for (int way = 0; way < 2; way++) {
        free(gradients[way]);
        free(logits[way]);
    }
    fixture_teardown(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_trunk_equals_plain_loops_with_dense_masked_attention),
        cmocka_unit_test(the_loss_of_a_half_is_the_cross_entropy_of_the_twins_hidden_tokens),
        cmocka_unit_test(a_span_gets_the_same_features_packed_or_alone),
        cmocka_unit_test(micro_batches_add_up_to_the_whole_batch),
        cmocka_unit_test(hidden_patches_have_no_influence_and_no_gradient),
        cmocka_unit_test(two_passes_over_chunks_equal_one_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
