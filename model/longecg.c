#include "model/longecg.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/kernels/activation.h"
#include "model/kernels/arrays.h"
#include "model/kernels/linear.h"
#include "model/kernels/pooling.h"
#include "model/task_head.h"
#include "model/trunk.h"

enum { CHUNK_TOKENS = 4096, MOST_WINDOWS = UINT16_MAX };

/* Windows first … first + count - 1 of the micro-batch, with places counted from the chunk's own first token. */
struct chunk {
    size_t first_window, n_windows;
    size_t first_token, n_tokens;
    size_t first_second, n_seconds; /* in the list of the seconds of all windows */
};

struct longecg {
    struct trunk_config config;
    struct head_config head;
    bool training;
    size_t chunk_tokens, max_windows;
    struct parameters parameters;
    struct arena arena;

    struct trunk trunk; /* sized for a chunk */
    struct block_scratch scratch;
    real *factors; /* [2·layers, chunk tokens] of drop-path; training only */
    size_t factor_stride;
    struct span *chunk_spans; /* [spans] */
    struct chunk *chunks;     /* [spans] */
    size_t n_chunks, loaded;  /* loaded: the chunk whose activations the trunk holds */

    struct linear_layer window_input; /* W → second_width */
    struct stack stack;               /* over windows */
    struct block_scratch second_scratch;
    struct linear_layer token_part, second_output, record_output;
    size_t state_part; /* [second_width, second_width], no bias */
    unsigned place;    /* of the head, for the profile */
    size_t head_first, head_end;

    struct span *recordings; /* [spans]: one lead, as many "seconds" as windows */
    size_t n_recordings, n_seconds;
    real *vectors, *dvectors;             /* [windows, W]: mean over the tokens of a window */
    real *seconds, *dseconds;             /* [seconds, W]: mean over the leads of a second */
    real *state_terms, *dstate_terms;     /* [windows, second_width] */
    real *activated, *slope;              /* behind GELU, and its slope if training: [seconds, second_width] */
    real *second_logits, *dsecond_logits; /* [seconds, outputs] */
    real *record_states;                  /* [recordings, second_width] */
    real *record_logits, *drecord_logits; /* [recordings, outputs] */

    struct batch batch; /* of the last forward */
    struct drop_key {
        bool drops;
        uint64_t seed, step;
    } drop_key;
};

static void plan(struct longecg *longecg, const struct trunk_config *trunk, const struct head_config *head,
                 const struct batch_bounds *bounds, size_t max_windows, size_t chunk_tokens, bool training)
{
    struct longecg *l = longecg;
    size_t second_width = head->second_width;
    int layer = (int)trunk->layers + 1;
    struct block_config blocks = {.width = second_width,
                                  .heads = head->second_heads,
                                  .mlp = 4 * second_width,
                                  .tolerance = 0, /* a single lead attends to all of itself */
                                  .layer_scale = 0.1};

    l->config = *trunk;
    l->head = *head;
    l->training = training;
    l->max_windows = max_windows < bounds->spans ? max_windows : bounds->spans;
    l->chunk_tokens = chunk_tokens ? chunk_tokens : CHUNK_TOKENS;
    if (l->chunk_tokens < bounds->span_tokens)
        l->chunk_tokens = bounds->span_tokens;
    if (l->chunk_tokens > bounds->tokens)
        l->chunk_tokens = bounds->tokens;
    trunk_plan(&l->trunk, &l->parameters, "backbone", trunk, true);
    l->head_first = l->parameters.count;
    l->window_input = linear_layer_plan(&l->parameters, "head.window_input", trunk->width, second_width, layer, 1);
    stack_plan(&l->stack, &l->parameters, "head.windows", &blocks, head->second_layers, layer);
    l->token_part = linear_layer_plan(&l->parameters, "head.token_part", trunk->width, second_width, layer, 1);
    l->state_part = parameters_add(&l->parameters, (size_t[4]){second_width, second_width}, true, layer, INIT_NORMAL,
                                   linear_init_std(second_width), "head.state_part.weight");
    l->second_output =
        linear_layer_plan(&l->parameters, "head.second_output", second_width, head->outputs, layer, LABEL_HEAD_GAIN);
    l->record_output =
        linear_layer_plan(&l->parameters, "head.record_output", second_width, head->outputs, layer, LABEL_HEAD_GAIN);
    l->head_end = l->parameters.count;
    l->place = profile_place("head");
}

/* Arrays of the second level. A window has at least a token and a second, a second at least a token. */
static void take_second_level(struct longecg *longecg, struct arena *arena, const struct batch_bounds *bounds)
{
    struct longecg *l = longecg;
    size_t windows = bounds->spans, seconds = bounds->tokens, width = l->config.width;
    size_t second_width = l->head.second_width, outputs = l->head.outputs;
    struct batch_bounds second = {
        .tokens = windows, .spans = windows, .span_tokens = l->max_windows, .span_seconds = l->max_windows};

    block_scratch_take(&l->second_scratch, arena, second_width, l->head.second_heads, &second, l->training);
    stack_take(&l->stack, arena, windows, l->training);
    l->recordings = arena_take(arena, windows * sizeof *l->recordings);
    l->vectors = take_reals(arena, checked_multiply(windows, width));
    l->seconds = take_reals(arena, checked_multiply(seconds, width));
    l->state_terms = take_reals(arena, checked_multiply(windows, second_width));
    l->activated = take_reals(arena, checked_multiply(seconds, second_width));
    l->slope = l->training ? take_reals(arena, checked_multiply(seconds, second_width)) : NULL;
    l->second_logits = take_reals(arena, checked_multiply(seconds, outputs));
    l->record_states = take_reals(arena, checked_multiply(windows, second_width));
    l->record_logits = take_reals(arena, checked_multiply(windows, outputs));
    l->dsecond_logits = take_reals(arena, checked_multiply(seconds, outputs));
    l->drecord_logits = take_reals(arena, checked_multiply(windows, outputs));
    if (l->training) {
        l->dvectors = take_reals(arena, checked_multiply(windows, width));
        l->dseconds = take_reals(arena, checked_multiply(seconds, width));
        l->dstate_terms = take_reals(arena, checked_multiply(windows, second_width));
    }
}

static void take(struct longecg *longecg, struct arena *arena, const struct batch_bounds *bounds)
{
    struct longecg *l = longecg;
    struct batch_bounds chunk = *bounds;
    chunk.tokens = l->chunk_tokens;
    block_scratch_take(&l->scratch, arena, l->config.width, l->config.heads, &chunk, l->training);
    trunk_take(&l->trunk, arena, l->chunk_tokens, l->training);
    l->factor_stride = l->chunk_tokens;
    if (l->training)
        l->factors = take_reals(arena, checked_multiply(2 * (size_t)l->config.layers, l->chunk_tokens));
    l->chunk_spans = arena_take(arena, checked_multiply(bounds->spans, sizeof *l->chunk_spans));
    l->chunks = arena_take(arena, checked_multiply(bounds->spans, sizeof *l->chunks));
    take_second_level(l, arena, bounds);
}

struct longecg *longecg_create(const struct trunk_config *trunk, const struct head_config *head,
                               const struct batch_bounds *bounds, size_t max_windows, size_t chunk_tokens,
                               bool training)
{
    struct longecg *longecg = xcalloc(1, sizeof *longecg);
    struct arena counting = arena_counting();
    assert(head->task == TASK_LONGECG && max_windows <= MOST_WINDOWS);
    plan(longecg, trunk, head, bounds, max_windows, chunk_tokens, training);
    take(longecg, &counting, bounds);
    arena_create(&longecg->arena, counting.peak);
    take(longecg, &longecg->arena, bounds);
    return longecg;
}

void longecg_free(struct longecg *longecg)
{
    if (!longecg)
        return;
    trunk_free(&longecg->trunk);
    stack_free(&longecg->stack);
    parameters_free(&longecg->parameters);
    arena_destroy(&longecg->arena);
    free(longecg);
}

const struct parameters *longecg_parameters(const struct longecg *longecg)
{
    return &longecg->parameters;
}

size_t longecg_memory_bytes(const struct longecg *longecg)
{
    return longecg->arena.capacity;
}

size_t longecg_plan_memory(const struct trunk_config *trunk, const struct head_config *head,
                           const struct batch_bounds *bounds, size_t max_windows, size_t chunk_tokens, bool training)
{
    struct longecg *longecg = xcalloc(1, sizeof *longecg);
    struct arena counting = arena_counting();
    plan(longecg, trunk, head, bounds, max_windows, chunk_tokens, training);
    take(longecg, &counting, bounds);
    longecg_free(longecg);
    return counting.peak;
}

/* ---- windows through the trunk, a chunk at a time ---- */

static void cut_into_chunks(struct longecg *longecg)
{
    const struct batch *batch = &longecg->batch;
    struct chunk *chunk = NULL;
    size_t seconds = 0;

    longecg->n_chunks = 0;
    for (size_t s = 0; s < batch->n_spans; s++) {
        size_t tokens = span_tokens(&batch->spans[s]);
        if (!chunk || chunk->n_tokens + tokens > longecg->chunk_tokens) {
            chunk = &longecg->chunks[longecg->n_chunks++];
            *chunk =
                (struct chunk){.first_window = s, .first_token = batch->spans[s].first_token, .first_second = seconds};
        }
        longecg->chunk_spans[s] = batch->spans[s];
        longecg->chunk_spans[s].first_token -= chunk->first_token;
        chunk->n_windows++;
        chunk->n_tokens += tokens;
        chunk->n_seconds += batch->spans[s].seconds;
        seconds += batch->spans[s].seconds;
    }
    longecg->n_seconds = seconds;
}

static struct batch chunk_batch(const struct longecg *longecg, const struct chunk *chunk)
{
    return (struct batch){.n_tokens = chunk->n_tokens,
                          .n_spans = chunk->n_windows,
                          .spans = longecg->chunk_spans + chunk->first_window,
                          .patches = longecg->batch.patches + chunk->first_token * PATCH_SAMPLES};
}

static struct trunk_options chunk_options(const struct longecg *longecg)
{
    return (struct trunk_options){.blocks = {.factors = longecg->drop_key.drops ? longecg->factors : NULL,
                                             .factor_stride = longecg->factor_stride}};
}

static const real *run_chunk(struct longecg *longecg, const real *weights, size_t index)
{
    const struct batch batch = chunk_batch(longecg, &longecg->chunks[index]);
    const struct trunk_options options = chunk_options(longecg);
    if (longecg->drop_key.drops)
        trunk_draw_drop_path(longecg->factors, longecg->factor_stride, longecg->config.layers, longecg->head.drop_path,
                             batch.spans, batch.n_spans, longecg->drop_key.seed, longecg->drop_key.step);
    longecg->loaded = index;
    return trunk_forward(&longecg->trunk, &longecg->scratch, weights, &batch, &options);
}

static void pool_chunk(struct longecg *longecg, const real *features, const struct chunk *chunk)
{
    const struct span *spans = longecg->chunk_spans + chunk->first_window;
    size_t width = longecg->config.width;
    pool_spans_forward(longecg->vectors + chunk->first_window * width, features, spans, chunk->n_windows, width);
    pool_leads_forward(longecg->seconds + chunk->first_second * width, features, spans, chunk->n_windows, width);
}

static void chunk_backward(struct longecg *longecg, const real *weights, real *gradient, size_t index,
                           const struct gradient_listener *listener)
{
    const struct chunk *chunk = &longecg->chunks[index];
    const struct batch batch = chunk_batch(longecg, chunk);
    const struct trunk_options options = chunk_options(longecg);
    size_t width = longecg->config.width;
    real *dfeatures = trunk_feature_gradient(&longecg->trunk);

    memset(dfeatures, 0, chunk->n_tokens * width * sizeof *dfeatures);
    pool_spans_backward(dfeatures, longecg->dvectors + chunk->first_window * width, batch.spans, batch.n_spans, width);
    pool_leads_backward(dfeatures, longecg->dseconds + chunk->first_second * width, batch.spans, batch.n_spans, width);
    trunk_backward(&longecg->trunk, &longecg->scratch, weights, gradient, &batch, &options, listener);
}

/* ---- second level ---- */

/* Runs of windows with equal record_index become spans of one lead over windows. */
static struct batch find_recordings(struct longecg *longecg)
{
    const struct batch *batch = &longecg->batch;
    struct span *recording = NULL;
    longecg->n_recordings = 0;
    for (size_t s = 0; s < batch->n_spans; s++) {
        if (!recording || batch->spans[s].record_index != batch->spans[s - 1].record_index) {
            recording = &longecg->recordings[longecg->n_recordings++];
            *recording = (struct span){.first_token = s, .leads = 1};
        }
        assert(recording->seconds < longecg->max_windows);
        recording->seconds++;
    }
    return (struct batch){.n_tokens = batch->n_spans, .n_spans = longecg->n_recordings, .spans = longecg->recordings};
}

/* x[w] += sin and cos of the window's place, in lengths of a window, at geometrically spaced wavelengths. Vaswani et
 * al. 2017 (arXiv 1706.03762), 3.5. */
static void add_window_times(const struct longecg *longecg, real *x)
{
    size_t width = longecg->head.second_width;
    for (size_t w = 0; w < longecg->batch.n_spans; w++) {
        double place = (double)longecg->batch.spans[w].first_second / longecg->head.window_seconds;
        for (size_t i = 0; i < width; i += 2) {
            double angle = place / pow(10000.0, (double)i / (double)width);
            x[w * width + i] += (real)sin(angle);
            x[w * width + i + 1] += (real)cos(angle);
        }
    }
}

/* rows[r] += terms[window of second r]. */
static void spread_over_seconds(const struct longecg *longecg, real *rows, const real *terms)
{
    size_t width = longecg->head.second_width, row = 0;
    for (size_t w = 0; w < longecg->batch.n_spans; w++)
        for (size_t second = 0; second < longecg->batch.spans[w].seconds; second++, row++)
            array_add(rows + row * width, terms + w * width, width);
}

/* terms[w] = sum of the rows of the window's seconds. */
static void gather_from_seconds(const struct longecg *longecg, real *terms, const real *rows)
{
    size_t width = longecg->head.second_width;
    memset(terms, 0, longecg->batch.n_spans * width * sizeof *terms);
    for (size_t w = 0; w < longecg->batch.n_spans; w++) {
        size_t seconds = longecg->batch.spans[w].seconds;
        column_sum_add(terms + w * width, rows, seconds, width);
        rows += seconds * width;
    }
}

static const struct block_options whole = {0}; /* all windows, nothing dropped */

static void second_level_forward(struct longecg *longecg, const real *weights)
{
    struct longecg *l = longecg;
    struct batch windows = find_recordings(l);
    size_t width = l->head.second_width;
    struct linear_layer state_part = {.in = width, .out = width, .weight = l->state_part};

    linear_layer_forward(&l->window_input, weights, l->stack.input, l->vectors, windows.n_tokens);
    add_window_times(l, l->stack.input);
    stack_forward(&l->stack, &l->second_scratch, weights, &windows, &whole);

    linear_layer_forward_no_bias(&l->token_part, weights, l->activated, l->seconds, l->n_seconds);
    linear_layer_forward_no_bias(&state_part, weights, l->state_terms, l->stack.output, windows.n_tokens);
    spread_over_seconds(l, l->activated, l->state_terms);
    gelu_forward(l->activated, l->slope, l->activated, weights + l->token_part.bias, l->n_seconds, width);
    linear_layer_forward(&l->second_output, weights, l->second_logits, l->activated, l->n_seconds);

    pool_spans_forward(l->record_states, l->stack.output, windows.spans, windows.n_spans, width);
    linear_layer_forward(&l->record_output, weights, l->record_logits, l->record_states, windows.n_spans);
}

static void second_level_backward(struct longecg *longecg, const real *weights, real *gradient)
{
    struct longecg *l = longecg;
    size_t width = l->head.second_width, n_windows = l->batch.n_spans;
    struct batch windows = {.n_tokens = n_windows, .n_spans = l->n_recordings, .spans = l->recordings};
    real *dstates = l->stack.output, *drows = l->activated;

    linear_layer_backward(&l->second_output, weights, gradient, drows, l->dsecond_logits, l->activated, l->n_seconds);
    gelu_backward(drows, drows, l->slope, l->n_seconds * width);
    gather_from_seconds(l, l->dstate_terms, drows);
    linear_layer_backward(&l->token_part, weights, gradient, l->dseconds, drows, l->seconds, l->n_seconds);
    linear_backward(dstates, gradient + l->state_part, NULL, l->dstate_terms, l->stack.output, weights + l->state_part,
                    n_windows, width, width);
    linear_layer_backward(&l->record_output, weights, gradient, l->record_states, l->drecord_logits, l->record_states,
                          l->n_recordings);
    pool_spans_backward(dstates, l->record_states, windows.spans, windows.n_spans, width);
    stack_backward(&l->stack, &l->second_scratch, weights, gradient, &windows, &whole, NULL);
    linear_layer_backward(&l->window_input, weights, gradient, l->dvectors, l->second_scratch.flow, l->vectors,
                          n_windows);
}

/* ---- the whole ---- */

void longecg_forward(struct longecg *longecg, const real *weights, const struct batch *batch,
                     const struct longecg_targets *targets, double *loss)
{
    struct longecg *l = longecg;
    l->batch = *batch;
    l->drop_key = (struct drop_key){0};
    if (l->training && targets && !targets->evaluating && l->head.drop_path > 0)
        l->drop_key = (struct drop_key){.drops = true, .seed = targets->seed, .step = targets->step};
    cut_into_chunks(l);
    for (size_t i = 0; i < l->n_chunks; i++)
        pool_chunk(l, run_chunk(l, weights, i), &l->chunks[i]);
    profile_enter(l->place, PROFILE_HEAD);
    second_level_forward(l, weights);
    *loss = label_loss(l->dsecond_logits, l->second_logits, targets ? targets->second_labels : NULL, NULL,
                       targets ? targets->global_second_labels : 0, l->n_seconds, l->head.outputs);
    *loss += label_loss(l->drecord_logits, l->record_logits, targets ? targets->record_labels : NULL, NULL,
                        targets ? targets->global_record_labels : 0, l->n_recordings, l->head.outputs);
    profile_leave();
}

/* The trunk's gradient is final only with the last chunk. The chunk that the forward pass left in the trunk comes
 * first, so it need not run again. */
void longecg_backward(struct longecg *longecg, const real *weights, real *gradient,
                      const struct gradient_listener *listener)
{
    struct longecg *l = longecg;
    assert(l->training);
    profile_enter(l->place, PROFILE_HEAD);
    second_level_backward(l, weights, gradient);
    profile_leave();
    gradient_is_ready(listener, l->head_first, l->head_end);
    for (size_t i = l->n_chunks; i-- > 0;) {
        if (l->loaded != i)
            run_chunk(l, weights, i);
        chunk_backward(l, weights, gradient, i, i == 0 ? listener : NULL);
    }
}

const real *longecg_second_logits(const struct longecg *longecg)
{
    return longecg->second_logits;
}

const real *longecg_record_logits(const struct longecg *longecg)
{
    return longecg->record_logits;
}

size_t longecg_recordings(const struct longecg *longecg)
{
    return longecg->n_recordings;
}
