/* The profile: time belongs to one cell, operations are those of docs/MODEL.md, and nothing is computed differently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/profile.h"
#include "base/progress.h"
#include "base/random.h"
#include "model/backbone.h"

enum { OTHER, FORWARD, BACKWARD };
enum { WIDTH = 32, HEADS = 2, MLP = 128, LAYERS = 2, CHANNELS = 8, CODES = 40, TOLERANCE = 1, SPANS = 3 };

static const struct trunk_config config = {.layers = LAYERS,
                                           .width = WIDTH,
                                           .heads = HEADS,
                                           .mlp = MLP,
                                           .channels = CHANNELS,
                                           .tolerance = TOLERANCE,
                                           .layer_scale = 0.1};

/* Spans of mixed shapes with random patches, and one pass of half 1 forward and backward. */
struct pass {
    struct span spans[SPANS];
    struct batch batch;
    size_t pairs, hidden; /* attended pairs of all spans; hidden tokens */
    struct backbone *backbone;
    real *weights, *gradient, *patches;
    uint32_t *codes;
    uint8_t *masked;
};

static void make_spans(struct pass *pass)
{
    static const unsigned leads[SPANS] = {12, 1, 3}, seconds[SPANS] = {4, 9, 2};

    for (int s = 0; s < SPANS; s++) {
        size_t l = leads[s], n = seconds[s], w = TOLERANCE;

        pass->spans[s] = (struct span){.first_token = pass->batch.n_tokens,
                                       .leads = (uint16_t)l,
                                       .seconds = (uint16_t)n,
                                       .record = (uint64_t)s + 1};
        pass->batch.n_tokens += l * n;
        pass->pairs += l * n * n + l * (l - 1) * (n * (2 * w + 1) - w * (w + 1)); /* docs/MODEL.md 3.3 */
    }
    pass->batch.n_spans = SPANS;
    pass->batch.spans = pass->spans;
}

static void start(struct pass *pass)
{
    struct batch_bounds bounds = {.spans = SPANS, .span_tokens = 48, .span_seconds = 9};
    struct random random = random_stream(1, 0, 0, RANDOM_TEST);
    size_t tokens;

    *pass = (struct pass){0};
    make_spans(pass);
    tokens = bounds.tokens = pass->batch.n_tokens;
    bounds.pairs = bounds.span_pairs = pass->pairs;
    pass->backbone = backbone_create(&config, CODES, &bounds);
    pass->weights = NEW_ARRAY(real, backbone_parameters(pass->backbone)->count);
    pass->gradient = xcalloc(backbone_parameters(pass->backbone)->count, sizeof(real));
    parameters_initialise(backbone_parameters(pass->backbone), pass->weights, 3);
    pass->patches = NEW_ARRAY(real, tokens * PATCH_SAMPLES);
    for (size_t i = 0; i < tokens * PATCH_SAMPLES; i++)
        pass->patches[i] = (real)random_normal(&random);
    pass->batch.patches = pass->patches;
    pass->codes = xcalloc(tokens, sizeof *pass->codes);
    pass->masked = NEW_ARRAY(uint8_t, tokens);
    pass->hidden = backbone_draw_mask(&pass->batch, MASK_RANDOM, 1, 0, pass->masked);
}

static void run(struct pass *pass)
{
    struct backbone_losses losses;

    profile_phase(FORWARD);
    backbone_forward(pass->backbone, pass->weights, &pass->batch, pass->codes, pass->masked, false,
                     (double)pass->hidden, &losses);
    profile_phase(BACKWARD);
    backbone_backward(pass->backbone, pass->weights, pass->gradient, NULL);
    profile_phase(OTHER);
}

static void end(struct pass *pass)
{
    backbone_free(pass->backbone);
    free(pass->weights);
    free(pass->gradient);
    free(pass->patches);
    free(pass->codes);
    free(pass->masked);
}

static double operations(unsigned phase, const char *place, enum profile_part part)
{
    return profile_cell(phase, profile_place("%s", place), part).operations;
}

/* Forward and backward of one linear layer: y = x·Wᵀ; the gradients of W and of x. */
static void assert_linear(const char *place, enum profile_part part, double rows, double weights, double more_forward,
                          double more_backward)
{
    assert_true(operations(FORWARD, place, part) == 2 * rows * weights + more_forward);
    assert_true(operations(BACKWARD, place, part) == 4 * rows * weights + more_backward);
}

static void operations_are_those_of_the_formulas(void **state)
{
    struct pass pass;
    double tokens, visible, convolutions;

    (void)state;
    start(&pass);
    profile_start(OTHER);
    run(&pass);
    profile_stop();
    tokens = (double)pass.batch.n_tokens;
    for (int layer = 0; layer < LAYERS; layer++) {
        const char *place = layer == 0 ? "backbone.block.0" : "backbone.block.1";
        double product = 2 * (double)pass.pairs * WIDTH; /* over all heads: HEADS · D = WIDTH */
        /* Behind the last attention hidden tokens alone go on. */
        double rows = layer + 1 < LAYERS ? tokens : (double)pass.hidden;

        assert_linear(place, PROFILE_QKV, tokens, 3 * WIDTH * WIDTH, 0, 0);
        assert_linear(place, PROFILE_PROJECTION, rows, WIDTH * WIDTH, 0, 0);
        assert_linear(place, PROFILE_MLP, rows, 2 * WIDTH * MLP, 0, 0);
        assert_true(operations(FORWARD, place, PROFILE_ATTENTION) == 2 * product);
        assert_true(operations(BACKWARD, place, PROFILE_ATTENTION) == 5 * product);
    }
    /* Visible patches only. 38 positions: 15 taps of the patch, then twice 3 taps of C channels; the patch itself needs
     * no gradient. */
    visible = tokens - (double)pass.hidden;
    convolutions = 2 * visible * 38 * CHANNELS;
    assert_linear("backbone", PROFILE_PATCH_ENCODER, visible, (38 * CHANNELS + 2) * WIDTH,
                  convolutions * (15 + 2 * 3 * CHANNELS), convolutions * (15 + 4 * 3 * CHANNELS));
    assert_linear("code_head", PROFILE_HEAD, (double)pass.hidden, CODES * WIDTH, 0, 0);
    end(&pass);
}

static void profiling_does_not_change_a_bit(void **state)
{
    struct pass plain, profiled;
    size_t bytes;

    (void)state;
    start(&plain);
    run(&plain);
    start(&profiled);
    profile_start(OTHER);
    run(&profiled);
    profile_stop();
    bytes = backbone_parameters(plain.backbone)->count * sizeof(real);
    assert_memory_equal(plain.gradient, profiled.gradient, bytes);
    end(&plain);
    end(&profiled);
}

static double all_seconds(void)
{
    double sum = 0;

    for (unsigned phase = 0; phase < MOST_PROFILE_PHASES; phase++)
        for (unsigned place = 0; place < profile_places(); place++)
            for (unsigned part = 0; part < N_PROFILE_PARTS; part++)
                sum += profile_cell(phase, place, (enum profile_part)part).seconds;
    return sum;
}

static void all_cells_add_up_to_the_time_between_start_and_stop(void **state)
{
    double before = clock_seconds(), within, outer, inner, sum;
    struct pass pass;

    (void)state;
    start(&pass);
    before = clock_seconds();
    profile_start(OTHER);
    within = clock_seconds();
    run(&pass);
    profile_enter(0, PROFILE_REDUCE);
    inner = clock_seconds() - within;
    profile_stop();
    outer = clock_seconds() - before;
    sum = all_seconds();
    assert_true(sum >= inner - 1e-6 && sum <= outer + 1e-6);
    end(&pass);
}

static void an_inner_part_takes_the_time_over_and_gives_it_back(void **state)
{
    unsigned layer = profile_place("layer %d", 1);

    (void)state;
    assert_int_equal(profile_place("layer 1"), layer);
    assert_string_equal(profile_place_name(layer), "layer 1");
    profile_start(FORWARD);
    profile_enter(layer, PROFILE_QKV);
    profile_count(1, 10);
    profile_enter(0, PROFILE_REDUCE);
    profile_count(2, 20);
    profile_leave();
    profile_count(3, 30);
    profile_next(PROFILE_MLP);
    profile_count(4, 40);
    profile_leave();
    profile_phase(BACKWARD);
    profile_count(5, 50);
    profile_stop();
    profile_count(100, 100);
    assert_true(profile_cell(FORWARD, layer, PROFILE_QKV).operations == 4);
    assert_true(profile_cell(FORWARD, layer, PROFILE_QKV).bytes == 40);
    assert_true(profile_cell(FORWARD, 0, PROFILE_REDUCE).operations == 2);
    assert_true(profile_cell(FORWARD, layer, PROFILE_MLP).operations == 4);
    assert_true(profile_cell(BACKWARD, 0, PROFILE_REST).operations == 5);
    assert_true(profile_cell(FORWARD, 0, PROFILE_REST).operations == 0);
}

static void places_beyond_the_last_share_the_first(void **state)
{
    (void)state;
    while (profile_places() < MOST_PROFILE_PLACES)
        assert_true(profile_place("filler %u", profile_places()) > 0);
    assert_int_equal(profile_place("one too many"), 0);
    assert_int_equal(profile_places(), MOST_PROFILE_PLACES);
    assert_true(profile_place("filler %d", MOST_PROFILE_PLACES - 1) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_are_those_of_the_formulas),
        cmocka_unit_test(profiling_does_not_change_a_bit),
        cmocka_unit_test(all_cells_add_up_to_the_time_between_start_and_stop),
        cmocka_unit_test(an_inner_part_takes_the_time_over_and_gives_it_back),
        cmocka_unit_test(places_beyond_the_last_share_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
