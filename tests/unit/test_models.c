/* Models in float: sizes of the presets, start values, masks, codebook, readiness of gradients, configs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "model/backbone.h"
#include "model/finetune.h"
#include "model/longecg.h"
#include "model/tokenizer.h"
#include "model/trunk.h"

enum { SEED = 20240612 };

static const struct trunk_config TINY = {
    .layers = 4, .width = 128, .heads = 2, .mlp = 512, .channels = 8, .tolerance = 1, .layer_scale = 0.1};
static const struct trunk_config SMALL = {
    .layers = 8, .width = 384, .heads = 6, .mlp = 1536, .channels = 16, .tolerance = 1, .layer_scale = 0.1};
static const struct trunk_config BASE = {
    .layers = 20, .width = 1024, .heads = 16, .mlp = 4096, .channels = 32, .tolerance = 1, .layer_scale = 0.1};

static struct tokenizer_config small_tokenizer(void)
{
    return (struct tokenizer_config){
        .encoder = {.layers = 2, .width = 16, .heads = 2, .mlp = 32, .channels = 8, .tolerance = 1, .layer_scale = 0.1},
        .quantize = true,
        .codes = 32,
        .code_dimension = 8,
        .codebook_update = CODEBOOK_EMA,
        .ema_decay = 0.99,
        .commitment = 1,
        .demography_weight = 1,
        .morphology_blocks = 2,
        .frequency_blocks = 1,
        .demography_blocks = 1};
}

/* ---- presets and start values ---- */

static size_t trunk_size(const struct trunk_config *config)
{
    struct parameters parameters = {0};
    struct trunk trunk;
    trunk_plan(&trunk, &parameters, "backbone", config, true);
    size_t count = parameters_real_count(&parameters);
    trunk_free(&trunk);
    parameters_free(&parameters);
    return count;
}

static void trunks_of_the_presets_have_the_stated_sizes(void **state)
{
    (void)state;
    struct trunk_config large = BASE, extra_large = BASE, n_base = BASE;
    large.layers = 28, large.width = 1216, large.heads = 19, large.mlp = 4864;
    extra_large.layers = 44, extra_large.width = 1792, extra_large.heads = 28, extra_large.mlp = 7168;
    n_base.layers = 12, n_base.width = 768, n_base.heads = 12, n_base.mlp = 3072;
    /* PAPER 3.7: 0.97 M, 14.8 M, 254.2 M, 500.0 M, 1,700.6 M, 87 M */
    assert_true(fabs((double)trunk_size(&TINY) - 0.97e6) < 0.005e6);
    assert_true(fabs((double)trunk_size(&SMALL) - 14.8e6) < 0.05e6);
    assert_true(fabs((double)trunk_size(&BASE) - 254.2e6) < 0.05e6);
    assert_true(fabs((double)trunk_size(&large) - 500.0e6) < 0.05e6);
    assert_true(fabs((double)trunk_size(&extra_large) - 1700.6e6) < 0.05e6);
    assert_true(fabs((double)trunk_size(&n_base) - 87e6) < 0.5e6);
}

static void the_tokenizer_of_b_has_71_7_million_weights(void **state)
{
    (void)state;
    struct tokenizer_config config = small_tokenizer();
    const struct batch_bounds bounds = {.tokens = 1, .spans = 1, .span_tokens = 1, .span_seconds = 1};
    config.encoder = BASE;
    config.encoder.layers = 4, config.encoder.width = 768, config.encoder.heads = 12, config.encoder.mlp = 3072;
    config.codes = 8192, config.code_dimension = 64;
    config.frequency_blocks = 2;
    struct tokenizer *tokenizer = tokenizer_create(&config, &bounds, false);
    double count = (double)parameters_real_count(tokenizer_parameters(tokenizer));
    assert_true(fabs(count - 71.7e6) < 0.05e6);
    tokenizer_free(tokenizer);
}

static void the_code_head_of_small_has_1_58_million_weights_and_memory_is_planned_without_taking_it(void **state)
{
    (void)state;
    const struct batch_bounds bounds = {.tokens = 1u << 30, .spans = 1u << 20, .span_tokens = 1020, .span_seconds = 85};
    assert_true(backbone_plan_memory(&SMALL, 4096, &bounds) > (size_t)1 << 40); /* of no machine of ours */
    const struct batch_bounds one = {.tokens = 1, .spans = 1, .span_tokens = 1, .span_seconds = 1};
    struct backbone *backbone = backbone_create_inference(&SMALL, 4096, &one);
    const struct parameters *parameters = backbone_parameters(backbone);
    size_t head =
        parameters_find(parameters, "code_head.weight")->count + parameters_find(parameters, "code_head.bias")->count;
    assert_true(fabs((double)head - 1.58e6) < 0.005e6);
    backbone_free(backbone);
}

static void what_is_planned_is_what_is_taken(void **state)
{
    (void)state;
    const struct batch_bounds bounds = {.tokens = 40, .spans = 4, .span_tokens = 24, .span_seconds = 6};
    struct tokenizer_config config = small_tokenizer();
    struct head_config head = {.task = TASK_LEADGEN, .outputs = 300};
    for (int training = 0; training < 2; training++) {
        struct tokenizer *tokenizer = tokenizer_create(&config, &bounds, training);
        assert_int_equal(tokenizer_memory_bytes(tokenizer), tokenizer_plan_memory(&config, &bounds, training));
        tokenizer_free(tokenizer);
        struct finetune *finetune = finetune_create(&config.encoder, &head, &bounds, training);
        assert_int_equal(finetune_memory_bytes(finetune),
                         finetune_plan_memory(&config.encoder, &head, &bounds, training));
        finetune_free(finetune);
    }
}

static void start_values_depend_on_seed_and_name_only(void **state)
{
    (void)state;
    const struct batch_bounds one = {.tokens = 1, .spans = 1, .span_tokens = 1, .span_seconds = 1};
    struct head_config head = {.task = TASK_ARRHYTHMIA, .outputs = 26};
    struct backbone *backbone = backbone_create_inference(&TINY, 64, &one);
    struct finetune *finetune = finetune_create(&TINY, &head, &one, false);
    const struct parameters *a = backbone_parameters(backbone), *b = finetune_parameters(finetune);
    real *first = NEW_ARRAY(real, a->count), *second = NEW_ARRAY(real, b->count), *other = NEW_ARRAY(real, a->count);
    parameters_initialise(a, first, SEED);
    parameters_initialise(b, second, SEED);
    parameters_initialise(a, other, SEED + 1);

    size_t shared = 0;
    for (size_t i = 0; i < a->n_tensors && strncmp(a->tensors[i].name, "backbone.", 9) == 0; i++, shared++) {
        assert_string_equal(a->tensors[i].name, b->tensors[i].name);
        assert_int_equal(a->tensors[i].first, b->tensors[i].first);
        assert_memory_equal(first + a->tensors[i].first, second + b->tensors[i].first,
                            a->tensors[i].count * sizeof(real));
    }
    assert_int_equal(shared, 3 * 4 + 2 + 3 + 4 * 17 + 2);
    const struct tensor *qkv = parameters_find(a, "backbone.block.3.attention.qkv.weight");
    assert_non_null(qkv);
    assert_true(qkv->n_dims == 2 && qkv->shape[0] == 384 && qkv->shape[1] == 128 && qkv->decays && qkv->layer == 4);
    assert_memory_not_equal(first + qkv->first, other + qkv->first, qkv->count * sizeof(real));
    free(first);
    free(second);
    free(other);
    backbone_free(backbone);
    finetune_free(finetune);
}

static double deviation(const struct parameters *parameters, const real *weights, const char *name)
{
    const struct tensor *tensor = parameters_find(parameters, name);
    double sum = 0;
    assert_non_null(tensor);
    for (size_t i = 0; i < tensor->count; i++)
        sum += (double)weights[tensor->first + i] * (double)weights[tensor->first + i];
    return sqrt(sum / (double)tensor->count);
}

static void start_values_have_the_stated_spread(void **state)
{
    (void)state;
    const struct batch_bounds one = {.tokens = 1, .spans = 1, .span_tokens = 1, .span_seconds = 1};
    struct head_config head = {.task = TASK_ANOMALY, .outputs = 1};
    struct finetune *finetune = finetune_create(&TINY, &head, &one, false);
    const struct parameters *parameters = finetune_parameters(finetune);
    real *weights = NEW_ARRAY(real, parameters->count);
    parameters_initialise(parameters, weights, SEED);
    /* A normal cut at two deviations has 0.8796 of the deviation: sqrt(1 - 4φ(2)/(2Φ(2) - 1)). */
    const double cut = 0.87963, wide = 0.02 * sqrt(1024.0 / 128) * cut, narrow = 0.02 * sqrt(1024.0 / 512) * cut;
    assert_true(fabs(deviation(parameters, weights, "backbone.block.1.mlp.linear1.weight") / wide - 1) < 0.02);
    assert_true(fabs(deviation(parameters, weights, "backbone.block.2.mlp.linear2.weight") * sqrt(6) / narrow - 1) <
                0.02);
    assert_true(fabs(deviation(parameters, weights, "backbone.block.0.attention.projection.weight") * sqrt(2) / wide -
                     1) < 0.03);
    assert_true(fabs(deviation(parameters, weights, "backbone.block.0.layer_scale1") - 0.1) < 1e-6);
    assert_true(deviation(parameters, weights, "backbone.norm.scale") == 1);
    assert_true(deviation(parameters, weights, "head.linear.weight") < 1e-4);
    free(weights);
    finetune_free(finetune);
}

/* ---- masks ---- */

static const struct span SPANS[] = {
    {.first_token = 0, .leads = 12, .seconds = 10, .record = 5},
    {.first_token = 120, .leads = 1, .seconds = 7, .record = 6},
    {.first_token = 127, .leads = 3, .seconds = 1, .record = 7},
    {.first_token = 130, .leads = 1, .seconds = 1, .record = 8},
};
enum { N_SPANS = 4, N_TOKENS = 131 };
static const struct batch BATCH = {.n_tokens = N_TOKENS, .n_spans = N_SPANS, .spans = SPANS};

static void a_mask_leaves_exactly_half_of_each_span_visible(void **state)
{
    (void)state;
    uint8_t masked[N_TOKENS];
    for (int pattern = MASK_RANDOM; pattern <= MASK_SECOND; pattern++) {
        size_t total = backbone_draw_mask(&BATCH, (enum mask_pattern)pattern, SEED, 3, masked), sum = 0;
        for (size_t s = 0; s < N_SPANS; s++) {
            size_t count = 0;
            for (size_t t = 0; t < span_tokens(&SPANS[s]); t++)
                count += masked[SPANS[s].first_token + t];
            assert_int_equal(count, backbone_masked_count(&SPANS[s], (enum mask_pattern)pattern));
            sum += count;
        }
        assert_int_equal(sum, total);
    }
    assert_int_equal(backbone_masked_count(&SPANS[1], MASK_RANDOM), 4); /* floor(7/2) = 3 visible */
    assert_int_equal(backbone_masked_count(&SPANS[0], MASK_LEAD), 60);
    assert_int_equal(backbone_masked_count(&SPANS[1], MASK_LEAD), 4); /* a single lead is not hidden as a whole */
}

static void a_lead_mask_hides_whole_leads_and_a_second_mask_whole_seconds(void **state)
{
    (void)state;
    uint8_t masked[N_TOKENS];
    backbone_draw_mask(&BATCH, MASK_LEAD, SEED, 3, masked);
    for (size_t t = 12; t < 120; t++)
        assert_int_equal(masked[t], masked[t % 12]);
    backbone_draw_mask(&BATCH, MASK_SECOND, SEED, 3, masked);
    for (size_t t = 0; t < 120; t++)
        assert_int_equal(masked[t], masked[t / 12 * 12]);
}

static void a_mask_follows_the_record_not_its_place_and_every_token_is_hidden_equally_often(void **state)
{
    (void)state;
    struct span alone = SPANS[0];
    const struct batch single = {.n_tokens = 120, .n_spans = 1, .spans = &alone};
    uint8_t masked[N_TOKENS], again[N_TOKENS];
    double times[120] = {0};
    enum { DRAWS = 2000 };
    for (uint64_t step = 0; step < DRAWS; step++) {
        backbone_draw_mask(&BATCH, MASK_RANDOM, SEED, step, masked);
        backbone_draw_mask(&single, MASK_RANDOM, SEED, step, again);
        assert_memory_equal(masked, again, 120);
        for (size_t t = 0; t < 120; t++)
            times[t] += masked[t];
    }
    for (size_t t = 0; t < 120; t++) /* five deviations of a binomial: sqrt(2000)/2 = 22.4 */
        assert_true(fabs(times[t] - DRAWS / 2) < 112);
}

static void lead_generation_corrupts_one_to_six_leads_and_never_all(void **state)
{
    (void)state;
    uint8_t corrupted[N_TOKENS];
    size_t seen[8] = {0};
    for (uint64_t step = 0; step < 500; step++) {
        size_t total = leadgen_draw(&BATCH, SEED, step, corrupted), sum = 0;
        for (size_t s = 0; s < N_SPANS; s++) {
            size_t leads = 0;
            for (size_t lead = 0; lead < SPANS[s].leads; lead++)
                leads += corrupted[SPANS[s].first_token + lead];
            assert_true(leads < SPANS[s].leads && leads <= 6);
            assert_int_equal(leads * SPANS[s].seconds, leadgen_corrupted_count(&SPANS[s], SEED, step));
            sum += leads * SPANS[s].seconds;
            if (s == 0)
                seen[leads]++;
        }
        for (size_t t = 12; t < 120; t++)
            assert_int_equal(corrupted[t], corrupted[t % 12]);
        assert_int_equal(sum, total);
    }
    assert_int_equal(seen[0], 0);
    for (size_t leads = 1; leads <= 6; leads++)
        assert_true(seen[leads] > 40); /* 500/6 = 83 expected */
}

/* ---- codebook ---- */

static void the_codebook_moves_by_the_exponential_average_and_keeps_unused_codes(void **state)
{
    (void)state;
    struct tokenizer_config config = {.codes = 3, .code_dimension = 2, .ema_decay = 0.9, .quantize = true};
    real codebook[6] = {1, 0, 0, 1, -1, 0};
    const double statistics[9] = {2, 0, 1, /* sums */ 1.2, 1.6, 0, 0, 0, 0};
    codebook_move(&config, codebook, statistics, 0.9);
    double x = 0.9 * 1 + 0.1 * 0.6, y = 0.1 * 0.8, length = sqrt(x * x + y * y); /* norm(1.2, 1.6) = (0.6, 0.8) */
    assert_true(fabs(codebook[0] - x / length) < 1e-6 && fabs(codebook[1] - y / length) < 1e-6);
    assert_true(codebook[2] == 0 && codebook[3] == 1);  /* no vector */
    assert_true(codebook[4] == -1 && codebook[5] == 0); /* vectors that cancel */
}

static void k_means_rounds_find_well_parted_clusters(void **state)
{
    (void)state;
    enum { CLUSTERS = 4, EACH = 50, DIMENSION = 6 };
    struct tokenizer_config config = {.codes = CLUSTERS, .code_dimension = DIMENSION};
    struct random random = random_stream(SEED, 0, 0, RANDOM_TEST);
    real vectors[CLUSTERS * EACH][DIMENSION], codebook[CLUSTERS][DIMENSION];
    uint32_t codes[CLUSTERS * EACH];
    for (size_t i = 0; i < CLUSTERS * EACH; i++) { /* around the axes */
        double length = 0;
        for (size_t d = 0; d < DIMENSION; d++) {
            vectors[i][d] = (real)((d == i % CLUSTERS) + 0.05 * random_normal(&random));
            length += (double)vectors[i][d] * (double)vectors[i][d];
        }
        for (size_t d = 0; d < DIMENSION; d++)
            vectors[i][d] /= (real)sqrt(length);
    }
    memcpy(codebook, vectors, sizeof codebook);
    for (int round = 0; round < 10; round++) {
        double statistics[CLUSTERS * (DIMENSION + 1)] = {0};
        codebook_assign(&config, &codebook[0][0], &vectors[0][0], CLUSTERS * EACH, codes, statistics);
        codebook_kmeans_update(&config, &codebook[0][0], statistics);
        for (size_t c = 0; c < CLUSTERS; c++)
            assert_true(statistics[c] == EACH);
    }
    for (size_t i = 0; i < CLUSTERS * EACH; i++)
        assert_int_equal(codes[i], i % CLUSTERS);
    for (size_t c = 0; c < CLUSTERS; c++)
        assert_true(codebook[c][c] > 0.99);
}

static void perplexity_of_equal_use_is_the_number_of_codes_used(void **state)
{
    (void)state;
    const double counts[5] = {7, 0, 7, 7, 7};
    struct codebook_use use = codebook_use(counts, 5);
    assert_int_equal(use.used, 4);
    assert_true(fabs(use.perplexity - 4) < 1e-12);
    assert_int_equal(codebook_use((double[2]){0, 0}, 2).used, 0);
}

/* ---- a tokenizer at work ---- */

struct ready_log {
    uint8_t *times;       /* [count]: how often announced */
    const real *gradient; /* under work */
    real *when_ready;     /* [count]: gradients as they were when announced */
};

static void note_ready(void *context, size_t first, size_t count)
{
    struct ready_log *seen = context;
    for (size_t i = first; i < first + count; i++)
        seen->times[i]++;
    memcpy(seen->when_ready + first, seen->gradient + first, count * sizeof *seen->gradient);
}

static real *random_patches(size_t tokens)
{
    struct random random = random_stream(SEED, 1, 0, RANDOM_TEST);
    real *patches = NEW_ARRAY(real, tokens * PATCH_SAMPLES);
    for (size_t i = 0; i < tokens * PATCH_SAMPLES; i++)
        patches[i] = (real)(0.3 * random_normal(&random));
    return patches;
}

static void every_gradient_is_announced_once_and_final_when_it_is(void **state)
{
    (void)state;
    struct tokenizer_config config = small_tokenizer();
    const struct batch_bounds bounds = {.tokens = N_TOKENS, .spans = N_SPANS, .span_tokens = 120, .span_seconds = 10};
    const float ages[N_SPANS] = {50, 60, NAN, 20};
    const int8_t sexes[N_SPANS] = {1, 0, -1, -1};
    const struct demography demography = {.age_years = ages, .sex = sexes};
    const struct tokenizer_counts counts = {.tokens = N_TOKENS, .spans_with_age = 3, .spans_with_sex = 2};
    struct tokenizer_losses losses;
    struct tokenizer *tokenizer = tokenizer_create(&config, &bounds, true);
    size_t count = tokenizer_parameters(tokenizer)->count;
    real *weights = NEW_ARRAY(real, count), *gradient = xcalloc(count, sizeof *gradient);
    struct batch batch = BATCH;
    batch.patches = random_patches(N_TOKENS);
    struct ready_log seen = {
        .times = xcalloc(count, 1), .gradient = gradient, .when_ready = xcalloc(count, sizeof(real))};
    const struct gradient_listener listener = {.ready = note_ready, .context = &seen};

    parameters_initialise(tokenizer_parameters(tokenizer), weights, SEED);
    tokenizer_forward(tokenizer, weights, &batch, &demography, &counts, &losses);
    tokenizer_backward(tokenizer, weights, gradient, &listener);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(seen.times[i], 1);
    assert_memory_equal(seen.when_ready, gradient, count * sizeof *gradient);

    /* What the losses must be at the start: standardised targets have mean square 1, outputs are near 0. */
    assert_true(losses.morphology > 0.5 && losses.morphology < 1.2);
    assert_true(losses.frequency > 0.5 && losses.frequency < 1.2);
    assert_true(fabs(losses.sex - log(2)) < 0.1);
    assert_true(fabs(losses.age - (0.25 + 0 + 4) / 3) < 0.3);
    assert_true(losses.commitment > 0 && losses.codebook == 0);
    double counted = 0;
    for (size_t i = 0; i < config.codes; i++)
        counted += tokenizer_statistics(tokenizer)[i];
    assert_true(counted == N_TOKENS);
    struct waveform_fit fit = tokenizer_waveform_fit(tokenizer);
    assert_true(fabs(fit.residual / (N_TOKENS * 300.0) - losses.morphology) < 1e-4);
    free(seen.times);
    free(seen.when_ready);
    free(weights);
    free(gradient);
    free((void *)batch.patches);
    tokenizer_free(tokenizer);
}

static void codes_do_not_depend_on_the_kind_of_tokenizer_or_on_packing(void **state)
{
    (void)state;
    struct tokenizer_config config = small_tokenizer();
    const struct batch_bounds bounds = {.tokens = N_TOKENS, .spans = N_SPANS, .span_tokens = 120, .span_seconds = 10};
    struct tokenizer *training = tokenizer_create(&config, &bounds, true);
    struct tokenizer *inference = tokenizer_create(&config, &bounds, false);
    real *weights = NEW_ARRAY(real, tokenizer_parameters(training)->count), *patches = random_patches(N_TOKENS);
    uint32_t packed[N_TOKENS], again[N_TOKENS], alone[N_TOKENS];
    struct batch batch = BATCH;
    batch.patches = patches;
    assert_int_equal(tokenizer_parameters(training)->count, tokenizer_parameters(inference)->count);
    parameters_initialise(tokenizer_parameters(training), weights, SEED);

    tokenizer_encode(training, weights, &batch, packed);
    tokenizer_encode(inference, weights, &batch, again);
    assert_memory_equal(packed, again, sizeof packed);
    for (size_t s = 0; s < N_SPANS; s++) {
        struct span span = SPANS[s];
        span.first_token = 0;
        const struct batch single = {.n_tokens = span_tokens(&span),
                                     .n_spans = 1,
                                     .spans = &span,
                                     .patches = patches + SPANS[s].first_token * PATCH_SAMPLES};
        tokenizer_encode(inference, weights, &single, alone);
        assert_memory_equal(alone, packed + SPANS[s].first_token, single.n_tokens * sizeof *alone);
    }
    free(weights);
    free(patches);
    tokenizer_free(training);
    tokenizer_free(inference);
}

static void unknown_labels_and_demography_leave_the_loss_alone(void **state)
{
    (void)state;
    struct head_config head = {.task = TASK_ARRHYTHMIA, .outputs = 2};
    struct trunk_config trunk = small_tokenizer().encoder;
    const struct batch_bounds bounds = {.tokens = N_TOKENS, .spans = N_SPANS, .span_tokens = 120, .span_seconds = 10};
    struct finetune *finetune = finetune_create(&trunk, &head, &bounds, true);
    size_t count = finetune_parameters(finetune)->count;
    real *weights = NEW_ARRAY(real, count), *gradient = xcalloc(count, sizeof *gradient);
    struct batch batch = BATCH;
    batch.patches = random_patches(N_TOKENS);
    parameters_initialise(finetune_parameters(finetune), weights, SEED);
    const int8_t one_known[8] = {-1, -1, -1, 1, -1, -1, -1, -1}, none[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    struct finetune_targets targets = {.labels = one_known, .global_labels = 1};
    double loss;

    finetune_forward(finetune, weights, &batch, &targets, &loss);
    assert_true(fabs(loss - log(2)) < 1e-3); /* a logit near 0 */
    targets.labels = none;
    finetune_forward(finetune, weights, &batch, &targets, &loss);
    assert_true(loss == 0);
    finetune_backward(finetune, weights, gradient, NULL);
    for (size_t i = 0; i < count; i++)
        assert_true(gradient[i] == 0);
    free(weights);
    free(gradient);
    free((void *)batch.patches);
    finetune_free(finetune);
}

/* Spans of one second of one lead: the first half of a step hides all that there is, the second nothing. */
static void a_half_that_hides_nothing_has_no_loss_and_no_gradient(void **state)
{
    (void)state;
    enum { N = 3, CODES = 5 };
    struct trunk_config config = small_tokenizer().encoder;
    const struct batch_bounds bounds = {.tokens = N, .spans = N, .span_tokens = 1, .span_seconds = 1};
    struct backbone *backbone = backbone_create(&config, CODES, &bounds);
    size_t count = backbone_parameters(backbone)->count;
    real *weights = NEW_ARRAY(real, count), *gradient = xcalloc(count, sizeof *gradient);
    struct span spans[N];
    struct batch batch = {.n_tokens = N, .n_spans = N, .spans = spans, .patches = random_patches(N)};
    uint8_t masked[N];
    const uint32_t codes[N] = {0, 4, 2};
    struct backbone_losses losses;

    for (size_t s = 0; s < N; s++)
        spans[s] = (struct span){.first_token = s, .leads = 1, .seconds = 1, .lead = {1}, .record = s};
    parameters_initialise(backbone_parameters(backbone), weights, SEED);
    assert_int_equal(backbone_draw_mask(&batch, MASK_RANDOM, SEED, 0, masked), N);

    backbone_forward(backbone, weights, &batch, codes, masked, true, 0, &losses);
    assert_true(losses.loss == 0 && losses.masked == 0 && losses.correct == 0);
    backbone_backward(backbone, weights, gradient, NULL);
    for (size_t i = 0; i < count; i++)
        assert_true(gradient[i] == 0);

    /* No patch is seen, so that each code head's output is as good as any: about log K. */
    backbone_forward(backbone, weights, &batch, codes, masked, false, N, &losses);
    assert_true(losses.masked == N && fabs(losses.loss - log(CODES)) < 0.5);
    backbone_backward(backbone, weights, gradient, NULL);
    const struct tensor *patches =
        parameters_find(backbone_parameters(backbone), "backbone.patch_encoder.conv1.weight");
    const struct tensor *mask = parameters_find(backbone_parameters(backbone), "backbone.mask");
    double moved = 0;
    for (size_t i = 0; i < patches->count; i++)
        assert_true(gradient[patches->first + i] == 0);
    for (size_t i = 0; i < mask->count; i++)
        moved += fabs((double)gradient[mask->first + i]);
    assert_true(moved > 0);
    free(weights);
    free(gradient);
    free((void *)batch.patches);
    backbone_free(backbone);
}

/* ---- configs ---- */

static void a_config_that_cannot_be_built_is_refused_by_field_and_value(void **state)
{
    (void)state;
    struct tokenizer_config config = small_tokenizer();
    assert_int_equal(tokenizer_config_check(&config, "x.yaml"), STATUS_OK);
    config.encoder.heads = 3;
    assert_int_equal(tokenizer_config_check(&config, "x.yaml"), STATUS_CONFIG);
    assert_string_equal(status_message(), "x.yaml: heads: 3: must divide the width 16");
    config = small_tokenizer();
    config.encoder.channels = 6;
    assert_int_equal(tokenizer_config_check(&config, "x.yaml"), STATUS_CONFIG);
    config = small_tokenizer();
    config.ema_decay = NAN;
    assert_int_equal(tokenizer_config_check(&config, "x.yaml"), STATUS_CONFIG);
    struct head_config head = {.task = TASK_LEADGEN, .outputs = 26};
    assert_int_equal(head_config_check(&head, "x.yaml"), STATUS_CONFIG);
    head = (struct head_config){
        .task = TASK_LONGECG, .outputs = 1, .window_seconds = 30, .second_width = 256, .second_layers = 2};
    assert_int_equal(head_config_check(&head, "x.yaml"), STATUS_CONFIG); /* no heads */
    enum task task;
    assert_true(task_from_name("longecg", &task) && task == TASK_LONGECG);
    assert_false(task_from_name("longecgs", &task));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trunks_of_the_presets_have_the_stated_sizes),
        cmocka_unit_test(the_tokenizer_of_b_has_71_7_million_weights),
        cmocka_unit_test(the_code_head_of_small_has_1_58_million_weights_and_memory_is_planned_without_taking_it),
        cmocka_unit_test(what_is_planned_is_what_is_taken),
        cmocka_unit_test(start_values_depend_on_seed_and_name_only),
        cmocka_unit_test(start_values_have_the_stated_spread),
        cmocka_unit_test(a_mask_leaves_exactly_half_of_each_span_visible),
        cmocka_unit_test(a_lead_mask_hides_whole_leads_and_a_second_mask_whole_seconds),
        cmocka_unit_test(a_mask_follows_the_record_not_its_place_and_every_token_is_hidden_equally_often),
        cmocka_unit_test(lead_generation_corrupts_one_to_six_leads_and_never_all),
        cmocka_unit_test(the_codebook_moves_by_the_exponential_average_and_keeps_unused_codes),
        cmocka_unit_test(k_means_rounds_find_well_parted_clusters),
        cmocka_unit_test(perplexity_of_equal_use_is_the_number_of_codes_used),
        cmocka_unit_test(every_gradient_is_announced_once_and_final_when_it_is),
        cmocka_unit_test(codes_do_not_depend_on_the_kind_of_tokenizer_or_on_packing),
        cmocka_unit_test(unknown_labels_and_demography_leave_the_loss_alone),
        cmocka_unit_test(a_half_that_hides_nothing_has_no_loss_and_no_gradient),
        cmocka_unit_test(a_config_that_cannot_be_built_is_refused_by_field_and_value),
    };
    print_message("seed %d\n", SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
