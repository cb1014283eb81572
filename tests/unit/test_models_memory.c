/* After creation our own code takes no memory: the linker leads malloc and its kin through the counters below
 * (-Wl,--wrap; libraries such as the BLAS are not counted). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "model/backbone.h"
#include "model/finetune.h"
#include "model/longecg.h"
#include "model/optimiser.h"
#include "model/tokenizer.h"

static size_t allocations;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *block, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);

void *__wrap_malloc(size_t bytes)
{
    allocations++;
    return __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    allocations++;
    return __real_calloc(count, bytes);
}

void *__wrap_realloc(void *block, size_t bytes)
{
    allocations++;
    return __real_realloc(block, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    allocations++;
    return __real_aligned_alloc(alignment, bytes);
}

enum { N_SPANS = 3, N_TOKENS = 41 };
static const struct span SPANS[N_SPANS] = {
    {.first_token = 0, .leads = 12, .seconds = 3, .record = 1, .record_index = 1},
    {.first_token = 36, .leads = 1, .seconds = 4, .record = 2, .record_index = 1, .first_second = 3},
    {.first_token = 40, .leads = 1, .seconds = 1, .record = 3, .record_index = 2},
};
static const struct batch_bounds BOUNDS = {.tokens = N_TOKENS, .spans = N_SPANS, .span_tokens = 36, .span_seconds = 4};
static const struct trunk_config TRUNK = {
    .layers = 2, .width = 16, .heads = 2, .mlp = 32, .channels = 8, .tolerance = 1, .layer_scale = 0.1};

struct work {
    struct batch batch;
    real *patches, *weights, *gradient, *moments;
};

static struct work begin(const struct parameters *parameters)
{
    struct random random = random_stream(4, 0, 0, RANDOM_TEST);
    struct work work = {.patches = NEW_ARRAY(real, N_TOKENS * PATCH_SAMPLES),
                        .weights = NEW_ARRAY(real, parameters->count),
                        .gradient = xcalloc(parameters->count, sizeof(real)),
                        .moments = xcalloc(2 * parameters->count, sizeof(real))};
    for (size_t i = 0; i < N_TOKENS * PATCH_SAMPLES; i++)
        work.patches[i] = (real)random_normal(&random);
    work.batch = (struct batch){.n_tokens = N_TOKENS, .n_spans = N_SPANS, .spans = SPANS, .patches = work.patches};
    parameters_initialise(parameters, work.weights, 4);
    allocations = 0;
    return work;
}

static void end(struct work *work)
{
    size_t seen = allocations;
    free(work->patches);
    free(work->weights);
    free(work->gradient);
    free(work->moments);
    assert_int_equal(seen, 0);
}

static void update(const struct parameters *parameters, struct work *work)
{
    const struct optimiser_config config = {.beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8, .layer_decay = 1};
    adamw_step(parameters, &config, work->weights, work->gradient, work->moments, work->moments + parameters->count,
               1e-3, 1, 1, 3);
}

static void a_step_of_the_tokenizer_takes_no_memory(void **state)
{
    (void)state;
    struct tokenizer_config config = {.encoder = TRUNK,
                                      .quantize = true,
                                      .codes = 16,
                                      .code_dimension = 8,
                                      .ema_decay = 0.99,
                                      .commitment = 1,
                                      .demography_weight = 1,
                                      .morphology_blocks = 1,
                                      .frequency_blocks = 1,
                                      .demography_blocks = 1};
    const float ages[N_SPANS] = {50, 60, 20};
    const int8_t sexes[N_SPANS] = {1, 0, -1};
    const struct demography demography = {.age_years = ages, .sex = sexes};
    const struct tokenizer_counts counts = {.tokens = N_TOKENS, .spans_with_age = 3, .spans_with_sex = 2};
    for (int update_kind = CODEBOOK_EMA; update_kind <= CODEBOOK_LOSS; update_kind++) {
        config.codebook_update = (enum codebook_update)update_kind;
        struct tokenizer *tokenizer = tokenizer_create(&config, &BOUNDS, true);
        double statistics[16 * 9] = {0};
        struct tokenizer_losses losses;
        struct work work = begin(tokenizer_parameters(tokenizer));
        tokenizer_forward(tokenizer, work.weights, &work.batch, &demography, &counts, &losses);
        tokenizer_backward(tokenizer, work.weights, work.gradient, NULL);
        for (size_t i = 0; i < tokenizer_statistics_count(tokenizer); i++)
            statistics[i] += tokenizer_statistics(tokenizer)[i];
        update(tokenizer_parameters(tokenizer), &work);
        tokenizer_update_codebook(tokenizer, work.weights, statistics);
        tokenizer_encode(tokenizer, work.weights, &work.batch, (uint32_t[N_TOKENS]){0});
        end(&work);
        tokenizer_free(tokenizer);
    }
}

static void a_step_of_the_backbone_takes_no_memory(void **state)
{
    (void)state;
    struct backbone *backbone = backbone_create(&TRUNK, 16, &BOUNDS);
    struct backbone_losses losses;
    uint32_t codes[N_TOKENS] = {3, 1, 4, 1, 5};
    uint8_t masked[N_TOKENS];
    struct work work = begin(backbone_parameters(backbone));
    backbone_draw_mask(&work.batch, MASK_RANDOM, 1, 1, masked);
    for (int second = 0; second < 2; second++) {
        backbone_forward(backbone, work.weights, &work.batch, codes, masked, second, 21, &losses);
        backbone_backward(backbone, work.weights, work.gradient, NULL);
    }
    update(backbone_parameters(backbone), &work);
    end(&work);
    backbone_free(backbone);
}

static void a_step_of_a_task_takes_no_memory(void **state)
{
    (void)state;
    for (int task = TASK_ANOMALY; task <= TASK_LEADGEN; task++) {
        struct head_config head = {
            .task = (enum task)task, .outputs = task == TASK_LEADGEN ? PATCH_SAMPLES : 1, .drop_path = 0.1};
        struct finetune *finetune = finetune_create(&TRUNK, &head, &BOUNDS, true);
        const int8_t labels[N_SPANS] = {1, 0, -1};
        uint8_t corrupted[N_TOKENS];
        double loss;
        struct work work = begin(finetune_parameters(finetune));
        leadgen_draw(&work.batch, 1, 1, corrupted);
        const struct finetune_targets targets = {.labels = labels, .corrupted = corrupted, .global_labels = 2};
        finetune_forward(finetune, work.weights, &work.batch, &targets, &loss);
        finetune_backward(finetune, work.weights, work.gradient, NULL);
        end(&work);
        finetune_free(finetune);
    }
}

static void a_step_of_long_recordings_takes_no_memory(void **state)
{
    (void)state;
    const struct head_config head = {.task = TASK_LONGECG,
                                     .outputs = 1,
                                     .window_seconds = 4,
                                     .second_width = 8,
                                     .second_layers = 1,
                                     .second_heads = 2,
                                     .drop_path = 0.1};
    struct longecg *longecg = longecg_create(&TRUNK, &head, &BOUNDS, 2, 1, true);
    const int8_t second_labels[8] = {1, 0, 1, -1, 0, 0, 0, 1}, record_labels[2] = {1, 0};
    const struct longecg_targets targets = {.second_labels = second_labels,
                                            .record_labels = record_labels,
                                            .global_second_labels = 7,
                                            .global_record_labels = 2};
    double loss;
    struct work work = begin(longecg_parameters(longecg));
    longecg_forward(longecg, work.weights, &work.batch, &targets, &loss);
    longecg_backward(longecg, work.weights, work.gradient, NULL);
    end(&work);
    longecg_free(longecg);
}

static void the_counter_counts(void **state)
{
    (void)state;
    allocations = 0;
    free(xmalloc(8));
    free(xcalloc(1, 8));
    assert_int_equal(allocations, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counter_counts),
        cmocka_unit_test(a_step_of_the_tokenizer_takes_no_memory),
        cmocka_unit_test(a_step_of_the_backbone_takes_no_memory),
        cmocka_unit_test(a_step_of_a_task_takes_no_memory),
        cmocka_unit_test(a_step_of_long_recordings_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
