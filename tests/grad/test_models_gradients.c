/* Gradients of whole models and all heads against central differences, in double. */
#include "models_fixture.h"

#include "model/backbone.h"
#include "model/finetune.h"
#include "model/longecg.h"
#include "model/tokenizer.h"

static const struct tokenizer_config SMALL_TOKENIZER = {
    .encoder = {.layers = 1, .width = 8, .heads = 2, .mlp = 12, .channels = 8, .tolerance = 1, .layer_scale = 0.7},
    .quantize = true,
    .codes = 12,
    .code_dimension = 6,
    .codebook_update = CODEBOOK_EMA,
    .ema_decay = 0.99,
    .commitment = 0.8,
    .demography_weight = 0.7,
    .morphology_blocks = 1,
    .frequency_blocks = 1,
    .demography_blocks = 1};

/* ---- stage 1 ---- */

struct tokenizer_case {
    struct fixture fixture;
    struct tokenizer *tokenizer;
    float ages[FIXTURE_SPANS];
    int8_t sexes[FIXTURE_SPANS];
};

static double tokenizer_loss(void *context, const real *weights)
{
    struct tokenizer_case *c = context;
    struct demography demography = {.age_years = c->ages, .sex = c->sexes};
    struct tokenizer_counts counts = {.tokens = 90, .spans_with_age = 7, .spans_with_sex = 9};
    struct tokenizer_losses losses;
    tokenizer_forward(c->tokenizer, weights, &c->fixture.batch, &demography, &counts, &losses);
    return losses.total;
}

static void check_tokenizer(struct tokenizer_config config)
{
    struct tokenizer_case c = {.ages = {31, NAN, 77, 54, 90}, .sexes = {0, 1, -1, 1, 0}};
    fixture_setup(&c.fixture);
    c.tokenizer = tokenizer_create(&config, &c.fixture.bounds, true);
    const struct parameters *parameters = tokenizer_parameters(c.tokenizer);
    real *weights = random_weights(parameters), *gradient = xcalloc(parameters->count, sizeof *gradient);

    tokenizer_loss(&c, weights);
    tokenizer_backward(c.tokenizer, weights, gradient, NULL);
    tokenizer_loss(&c, weights); /* the hold takes over what the last forward computed */
    tokenizer_hold(c.tokenizer, true);
    bool moves_codebook = config.quantize && config.codebook_update == CODEBOOK_LOSS;
    check_gradient(parameters, tokenizer_loss, &c, weights, gradient, moves_codebook ? NULL : "codebook");

    free(weights);
    free(gradient);
    tokenizer_free(c.tokenizer);
    fixture_teardown(&c.fixture);
}

static void tokenizer_gradient_is_that_of_the_surrogate_loss(void **state)
{
    (void)state;
    check_tokenizer(SMALL_TOKENIZER);
}

static void tokenizer_gradient_with_codebook_loss_reaches_the_codebook(void **state)
{
    struct tokenizer_config config = SMALL_TOKENIZER;
    (void)state;
    config.codebook_update = CODEBOOK_LOSS;
    config.morphology_blocks = 2;
    config.frequency_blocks = 0;
    check_tokenizer(config);
}

static void tokenizer_gradient_without_quantizer_is_exact(void **state)
{
    struct tokenizer_config config = SMALL_TOKENIZER;
    (void)state;
    config.quantize = false;
    check_tokenizer(config);
}

/* ---- stage 2 ---- */

struct backbone_case {
    struct fixture fixture;
    struct backbone *backbone;
    uint32_t codes[128];
    uint8_t masked[128];
    bool second;
};

static double backbone_loss(void *context, const real *weights)
{
    struct backbone_case *c = context;
    struct backbone_losses losses;
    backbone_forward(c->backbone, weights, &c->fixture.batch, c->codes, c->masked, c->second, 31, &losses);
    return losses.loss;
}

static void backbone_gradient_of_both_halves_is_the_slope_of_the_loss(void **state)
{
    struct backbone_case c = {0};
    (void)state;
    fixture_setup(&c.fixture);
    assert_true(c.fixture.batch.n_tokens <= 128);
    c.backbone = backbone_create(&SMALL_TRUNK, 10, &c.fixture.bounds);
    const struct parameters *parameters = backbone_parameters(c.backbone);
    real *weights = random_weights(parameters), *gradient = xcalloc(parameters->count, sizeof *gradient);
    for (size_t t = 0; t < c.fixture.batch.n_tokens; t++)
        c.codes[t] = (uint32_t)(t * 7 % 10);
    backbone_draw_mask(&c.fixture.batch, MASK_RANDOM, 1, 2, c.masked);

    for (int half = 0; half < 2; half++) {
        c.second = half;
        memset(gradient, 0, parameters->count * sizeof *gradient);
        backbone_loss(&c, weights);
        backbone_backward(c.backbone, weights, gradient, NULL);
        check_gradient(parameters, backbone_loss, &c, weights, gradient, NULL);
    }
    free(weights);
    free(gradient);
    backbone_free(c.backbone);
    fixture_teardown(&c.fixture);
}

/* ---- tasks ---- */

struct finetune_case {
    struct fixture fixture;
    struct finetune *finetune;
    int8_t labels[FIXTURE_SPANS * 3];
    float positive_weight[3];
    uint8_t corrupted[128];
    struct finetune_targets targets;
};

static double finetune_loss(void *context, const real *weights)
{
    struct finetune_case *c = context;
    double loss;
    finetune_forward(c->finetune, weights, &c->fixture.batch, &c->targets, &loss);
    return loss;
}

static void check_finetune(enum task task, unsigned outputs)
{
    struct finetune_case c = {.labels = {1, 0, -1, 0, 0, 1, -1, -1, -1, 1, 1, 0, 0, 1, 1},
                              .positive_weight = {1, 2.5f, 0.5f}};
    struct head_config head = {.task = task, .outputs = outputs, .drop_path = 0.3};
    fixture_setup(&c.fixture);
    c.finetune = finetune_create(&SMALL_TRUNK, &head, &c.fixture.bounds, true);
    const struct parameters *parameters = finetune_parameters(c.finetune);
    real *weights = random_weights(parameters), *gradient = xcalloc(parameters->count, sizeof *gradient);
    leadgen_draw(&c.fixture.batch, 5, 6, c.corrupted);
    c.targets = (struct finetune_targets){.labels = c.labels,
                                          .corrupted = c.corrupted,
                                          .positive_weight = outputs == 3 ? c.positive_weight : NULL,
                                          .global_labels = 17,
                                          .seed = 12,
                                          .step = 4};

    finetune_loss(&c, weights);
    finetune_backward(c.finetune, weights, gradient, NULL);
    check_gradient(parameters, finetune_loss, &c, weights, gradient, task == TASK_LEADGEN ? NULL : "backbone.mask");
    free(weights);
    free(gradient);
    finetune_free(c.finetune);
    fixture_teardown(&c.fixture);
}

static void anomaly_gradient_is_the_slope_of_the_loss(void **state)
{
    (void)state;
    check_finetune(TASK_ANOMALY, 1);
}

static void arrhythmia_gradient_is_the_slope_of_the_loss(void **state)
{
    (void)state;
    check_finetune(TASK_ARRHYTHMIA, 3);
}

static void lead_generation_gradient_is_the_slope_of_the_loss(void **state)
{
    (void)state;
    check_finetune(TASK_LEADGEN, PATCH_SAMPLES);
}

struct longecg_case {
    struct fixture fixture;
    struct longecg *longecg;
    int8_t second_labels[64 * 2], record_labels[FIXTURE_SPANS * 2];
    struct longecg_targets targets;
};

static double longecg_loss(void *context, const real *weights)
{
    struct longecg_case *c = context;
    double loss;
    longecg_forward(c->longecg, weights, &c->fixture.batch, &c->targets, &loss);
    return loss;
}

/* The five spans as windows of two recordings: 3 and 2 windows. */
static void check_longecg(size_t chunk_tokens)
{
    struct longecg_case c = {.record_labels = {1, -1, 0, 1}};
    struct head_config head = {.task = TASK_LONGECG,
                               .outputs = 2,
                               .window_seconds = 5,
                               .second_width = 6,
                               .second_layers = 1,
                               .second_heads = 2,
                               .drop_path = 0.3};
    fixture_setup(&c.fixture);
    for (size_t s = 0; s < FIXTURE_SPANS; s++) {
        c.fixture.spans[s].record_index = s < 3 ? 8 : 9;
        c.fixture.spans[s].first_second = (uint32_t)(5 * s);
    }
    c.longecg = longecg_create(&SMALL_TRUNK, &head, &c.fixture.bounds, 4, chunk_tokens, true);
    const struct parameters *parameters = longecg_parameters(c.longecg);
    real *weights = random_weights(parameters), *gradient = xcalloc(parameters->count, sizeof *gradient);
    for (int i = 0; i < 128; i++)
        c.second_labels[i] = (int8_t)(i * 5 % 3 - 1);
    c.targets = (struct longecg_targets){.second_labels = c.second_labels,
                                         .record_labels = c.record_labels,
                                         .global_second_labels = 23,
                                         .global_record_labels = 5,
                                         .seed = 8,
                                         .step = 9};
    longecg_loss(&c, weights);
    longecg_backward(c.longecg, weights, gradient, NULL);
    assert_int_equal(longecg_recordings(c.longecg), 2);
    check_gradient(parameters, longecg_loss, &c, weights, gradient, "backbone.mask");
    free(weights);
    free(gradient);
    longecg_free(c.longecg);
    fixture_teardown(&c.fixture);
}

static void longecg_gradient_in_two_passes_is_the_slope_of_the_loss(void **state)
{
    (void)state;
    check_longecg(1); /* raised to one window at a time */
}

static void longecg_gradient_in_one_pass_is_the_slope_of_the_loss(void **state)
{
    (void)state;
    check_longecg(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokenizer_gradient_is_that_of_the_surrogate_loss),
        cmocka_unit_test(tokenizer_gradient_with_codebook_loss_reaches_the_codebook),
        cmocka_unit_test(tokenizer_gradient_without_quantizer_is_exact),
        cmocka_unit_test(backbone_gradient_of_both_halves_is_the_slope_of_the_loss),
        cmocka_unit_test(anomaly_gradient_is_the_slope_of_the_loss),
        cmocka_unit_test(arrhythmia_gradient_is_the_slope_of_the_loss),
        cmocka_unit_test(lead_generation_gradient_is_the_slope_of_the_loss),
        cmocka_unit_test(longecg_gradient_in_two_passes_is_the_slope_of_the_loss),
        cmocka_unit_test(longecg_gradient_in_one_pass_is_the_slope_of_the_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
