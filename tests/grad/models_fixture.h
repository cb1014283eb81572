/* A small mixed batch, random weights and the check of a gradient, for the tests of whole models in double. */
#ifndef TESTS_GRAD_MODELS_FIXTURE_H
#define TESTS_GRAD_MODELS_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "model/batch.h"
#include "model/config.h"
#include "model/parameters.h"

enum { FIXTURE_SPANS = 5, FIXTURE_SEED = 20240611 };

static const struct trunk_config SMALL_TRUNK = {
    .layers = 2, .width = 8, .heads = 2, .mlp = 12, .channels = 8, .tolerance = 1, .layer_scale = 0.7};

struct fixture {
    struct span spans[FIXTURE_SPANS];
    struct batch batch;
    struct batch_bounds bounds;
    real *patches;
};

/* Spans of 3, 1, 2, 12 and 1 leads; one of a single lead and second; lead identities and time offsets of all kinds.
 * Waves of another amplitude and offset in each lead. */
static void fixture_setup(struct fixture *fixture)
{
    const struct {
        uint16_t leads, seconds, first_time;
        uint8_t first_lead;
    } shapes[FIXTURE_SPANS] = {{3, 4, 5, 12}, {1, 1, 0, 1}, {2, 3, 1000, 4}, {12, 2, 7, 0}, {1, 5, 2, 15}};
    struct random random = random_stream(FIXTURE_SEED, 0, 0, RANDOM_TEST);
    size_t tokens = 0;

    *fixture = (struct fixture){.bounds = {.spans = FIXTURE_SPANS}};
    for (size_t s = 0; s < FIXTURE_SPANS; s++) {
        struct span *span = &fixture->spans[s];
        *span = (struct span){.first_token = tokens,
                              .leads = shapes[s].leads,
                              .seconds = shapes[s].seconds,
                              .first_time = shapes[s].first_time,
                              .record_index = (uint32_t)s,
                              .record = 77 + s};
        for (size_t lead = 0; lead < span->leads; lead++)
            span->lead[lead] = (uint8_t)(shapes[s].first_lead + lead);
        tokens += span_tokens(span);
        if (fixture->bounds.span_tokens < span_tokens(span))
            fixture->bounds.span_tokens = span_tokens(span);
        if (fixture->bounds.span_seconds < span->seconds)
            fixture->bounds.span_seconds = span->seconds;
    }
    fixture->bounds.tokens = tokens;
    fixture->patches = NEW_ARRAY(real, tokens * PATCH_SAMPLES);
    for (size_t t = 0; t < tokens; t++) {
        double amplitude = 0.1 + random_uniform(&random), phase = 6 * random_uniform(&random);
        double offset = 0.3 * random_normal(&random), turns = 1 + 9 * random_uniform(&random);
        for (size_t i = 0; i < PATCH_SAMPLES; i++)
            fixture->patches[t * PATCH_SAMPLES + i] =
                (real)(offset + amplitude * sin(phase + turns * 6.2831853 * (double)i / PATCH_SAMPLES) +
                       0.05 * random_normal(&random));
    }
    fixture->batch = (struct batch){
        .n_tokens = tokens, .n_spans = FIXTURE_SPANS, .spans = fixture->spans, .patches = fixture->patches};
}

static void fixture_teardown(struct fixture *fixture)
{
    free(fixture->patches);
}

/* One span of the fixture as a batch of its own. `span` holds its shifted copy. */
static inline struct batch single_span(const struct fixture *fixture, size_t s, struct span *span)
{
    *span = fixture->spans[s];
    span->first_token = 0;
    return (struct batch){.n_tokens = span_tokens(span),
                          .n_spans = 1,
                          .spans = span,
                          .patches = fixture->patches + fixture->spans[s].first_token * PATCH_SAMPLES};
}

/* Start values, moved at random so that no bias is 0 and no scale is 1. Freed by the caller. */
static real *random_weights(const struct parameters *parameters)
{
    struct random random = random_stream(FIXTURE_SEED, 1, 0, RANDOM_TEST);
    real *weights = NEW_ARRAY(real, parameters->count);
    parameters_initialise(parameters, weights, FIXTURE_SEED);
    for (size_t i = 0; i < parameters->n_tensors; i++)
        for (size_t j = 0; j < parameters->tensors[i].count; j++)
            weights[parameters->tensors[i].first + j] += (real)(0.3 * random_normal(&random));
    return weights;
}

/* loss(context, weights); the gradient of it under test. */
typedef double loss_function(void *context, const real *weights);

/* Slope of the loss along a direction: central differences of fourth order. */
static inline double numeric_slope(loss_function *loss, void *context, real *weights, const real *direction,
                                   const struct tensor *tensor)
{
    const double step = 2e-4;
    const double places[4] = {-2, -1, 1, 2}, factors[4] = {1, -8, 8, -1};
    real *saved = NEW_ARRAY(real, tensor->count), *part = weights + tensor->first;
    double sum = 0;
    memcpy(saved, part, tensor->count * sizeof *saved);
    for (int p = 0; p < 4; p++) {
        for (size_t i = 0; i < tensor->count; i++)
            part[i] = saved[i] + (real)(places[p] * step) * direction[i];
        sum += factors[p] * loss(context, weights);
    }
    memcpy(part, saved, tensor->count * sizeof *saved);
    free(saved);
    return sum / (12 * step);
}

/* A tensor whose gradient is 0: a constant added to all keys changes no softmax; `unused` is the name of one that the
 * loss does not depend on. */
static inline bool is_invariant(const char *name, const char *unused)
{
    return strstr(name, "k_norm.shift") || (unused && strstr(name, unused));
}

/* 16 random directions of length 1 in every tensor: relative error below 1e-6 of the slope, or of the size of slopes in
 * this tensor where a direction happens to be flat. */
static inline void check_gradient(const struct parameters *parameters, loss_function *loss, void *context,
                                  real *weights, const real *gradient, const char *unused)
{
    struct random random = random_stream(FIXTURE_SEED, 2, 0, RANDOM_TEST);
    double worst = 0, smallest = INFINITY;
    for (size_t k = 0; k < parameters->n_tensors; k++) {
        const struct tensor *tensor = &parameters->tensors[k];
        real *direction = NEW_ARRAY(real, tensor->count);
        double size = 0;
        for (size_t i = 0; i < tensor->count; i++)
            size += (double)gradient[tensor->first + i] * (double)gradient[tensor->first + i];
        size = sqrt(size / (double)tensor->count);
        if (!is_invariant(tensor->name, unused))
            smallest = fmin(smallest, size);
        if (size < 1e-5 && !is_invariant(tensor->name, unused))
            fail_msg("%s has no gradient", tensor->name);
        for (int d = 0; d < 16; d++) {
            double length = 0, slope = 0;
            for (size_t i = 0; i < tensor->count; i++) {
                direction[i] = (real)random_normal(&random);
                length += (double)direction[i] * (double)direction[i];
            }
            for (size_t i = 0; i < tensor->count; i++) {
                direction[i] /= (real)sqrt(length);
                slope += (double)direction[i] * (double)gradient[tensor->first + i];
            }
            double numeric = numeric_slope(loss, context, weights, direction, tensor);
            double scale = fmax(fmax(fabs(slope), fabs(numeric)), size), error = fabs(slope - numeric);
            if (error > 1e-6 * scale + 2e-11)
                fail_msg("%s, direction %d (seed %d): slope %.12g, by differences %.12g", tensor->name, d, FIXTURE_SEED,
                         slope, numeric);
            if (scale > 1e-6)
                worst = fmax(worst, error / scale);
        }
        free(direction);
    }
    print_message("largest relative error %.1e over %zu tensors, smallest slopes %.1e\n", worst, parameters->n_tensors,
                  smallest);
}

#endif
