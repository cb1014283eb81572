#include "model/quantizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/kernels/activation.h"
#include "model/kernels/arrays.h"
#include "model/kernels/losses.h"
#include "model/kernels/quantize.h"

/* What stays fixed while the gradient is checked: the straight-through estimator and stopped terms are constants of a
 * surrogate loss whose derivative the backward pass gives. */
struct quantizer_hold {
    real *vectors, *codewords; /* [T, d]: ĥ and v when the hold began */
    real *output;              /* [T, d]: ĥ now + v then − ĥ then */
};

void quantizer_plan(struct quantizer *quantizer, struct parameters *parameters, const char *prefix,
                    const struct tokenizer_config *config, int layer)
{
    char name[TENSOR_NAME_BYTES];
    size_t width = config->encoder.width, dimension = config->code_dimension;
    *quantizer = (struct quantizer){.place = profile_place("%s.quantizer", prefix),
                                    .width = width,
                                    .codes_count = config->codes,
                                    .dimension = dimension,
                                    .quantize = config->quantize,
                                    .learns_codebook = config->codebook_update == CODEBOOK_LOSS,
                                    .commitment = config->commitment};
    quantizer->projection_first = parameters->count;
    snprintf(name, sizeof name, "%s.projection.linear1", prefix);
    quantizer->linear1 = linear_layer_plan(parameters, name, width, width, layer, 1);
    snprintf(name, sizeof name, "%s.projection.linear2", prefix);
    quantizer->linear2 = linear_layer_plan(parameters, name, width, dimension, layer, 1);
    quantizer->projection_end = quantizer->codebook_first = parameters->count;
    quantizer->codebook = parameters_add(parameters, (size_t[4]){config->codes, dimension}, false, layer, INIT_SPHERE,
                                         1, "%s.codebook", prefix);
    quantizer->codebook_end = parameters->count;
}

void quantizer_take(struct quantizer *quantizer, struct arena *arena, size_t tokens, bool training)
{
    struct quantizer *q = quantizer;
    size_t rows = checked_multiply(tokens, q->dimension), table = q->codes_count * q->dimension;
    q->hidden = take_reals(arena, checked_multiply(tokens, q->width));
    q->vectors = take_reals(arena, rows);
    q->inverse_norm = take_reals(arena, tokens);
    q->codes = arena_take(arena, tokens * sizeof *q->codes);
    q->workspace = take_reals(arena, quantize_workspace(q->codes_count));
    if (q->learns_codebook) {
        q->unit_codebook = take_reals(arena, table);
        q->codebook_inverse_norm = take_reals(arena, q->codes_count);
    }
    if (!training)
        return;
    q->codewords = take_reals(arena, rows);
    q->dvectors = take_reals(arena, rows);
    q->statistics = arena_take(arena, (q->codes_count + table) * sizeof *q->statistics);
    if (q->learns_codebook) {
        q->dcodewords = take_reals(arena, rows);
        q->dcodebook = take_reals(arena, table);
    }
}

static void hold_free(struct quantizer_hold *hold)
{
    if (!hold)
        return;
    free(hold->vectors);
    free(hold->codewords);
    free(hold->output);
    free(hold);
}

void quantizer_free(struct quantizer *quantizer)
{
    hold_free(quantizer->hold);
}

void quantizer_hold(struct quantizer *quantizer, bool hold, size_t tokens)
{
    size_t rows = tokens * quantizer->dimension;
    hold_free(quantizer->hold);
    quantizer->hold = NULL;
    if (!hold)
        return;
    quantizer->hold = xcalloc(1, sizeof *quantizer->hold);
    quantizer->hold->vectors = NEW_ARRAY(real, rows);
    quantizer->hold->codewords = NEW_ARRAY(real, rows);
    quantizer->hold->output = NEW_ARRAY(real, rows);
    memcpy(quantizer->hold->vectors, quantizer->vectors, rows * sizeof(real));
    memcpy(quantizer->hold->codewords, quantizer->codewords, rows * sizeof(real));
}

void quantizer_forward(struct quantizer *quantizer, const real *weights, const real *features, size_t tokens)
{
    struct quantizer *q = quantizer;
    const real *codebook = weights + q->codebook;

    profile_enter(q->place, PROFILE_QUANTIZER);
    linear_layer_forward(&q->linear1, weights, q->hidden, features, tokens);
    tanh_forward(q->hidden, q->hidden, tokens * q->width);
    linear_layer_forward(&q->linear2, weights, q->vectors, q->hidden, tokens);
    normalise_rows_forward(q->vectors, q->inverse_norm, q->vectors, tokens, q->dimension);
    if (q->learns_codebook) {
        normalise_rows_forward(q->unit_codebook, q->codebook_inverse_norm, codebook, q->codes_count, q->dimension);
        codebook = q->unit_codebook;
    }
    if (!q->hold)
        quantize_nearest(q->codes, q->vectors, codebook, q->workspace, tokens, q->codes_count, q->dimension);
    if (q->codewords)
        gather_rows(q->codewords, codebook, q->codes, tokens, q->dimension);
    profile_leave();
}

const real *quantizer_output(struct quantizer *quantizer, size_t tokens)
{
    struct quantizer *q = quantizer;
    profile_enter(q->place, PROFILE_QUANTIZER);
    memset(q->statistics, 0, q->codes_count * (q->dimension + 1) * sizeof *q->statistics);
    quantize_statistics(q->statistics, q->codes, q->vectors, tokens, q->codes_count, q->dimension);
    profile_leave();
    if (!q->quantize)
        return q->vectors;
    if (!q->hold)
        return q->codewords;
    for (size_t i = 0; i < tokens * q->dimension; i++)
        q->hold->output[i] = q->vectors[i] + (q->hold->codewords[i] - q->hold->vectors[i]);
    return q->hold->output;
}

void quantizer_losses(struct quantizer *quantizer, double global_tokens, size_t tokens, double *commitment,
                      double *codebook)
{
    struct quantizer *q = quantizer;
    double scale = 1.0 / (global_tokens * (double)q->dimension);
    const real *codewords = q->hold ? q->hold->codewords : q->codewords;
    const real *vectors = q->hold ? q->hold->vectors : q->vectors;

    *commitment = *codebook = 0;
    if (!q->quantize) {
        memset(q->dvectors, 0, tokens * q->dimension * sizeof(real));
        return;
    }
    *commitment = mse_loss(q->dvectors, q->vectors, codewords, NULL, NULL, q->commitment * scale, tokens, q->dimension);
    if (q->learns_codebook)
        *codebook = mse_loss(q->dcodewords, q->codewords, vectors, NULL, NULL, scale, tokens, q->dimension);
}

/* Gradient of the codebook loss through the length of the codewords. */
static void codebook_backward(struct quantizer *quantizer, real *gradient, size_t tokens)
{
    struct quantizer *q = quantizer;
    size_t table = q->codes_count * q->dimension;
    memset(q->dcodebook, 0, table * sizeof(real));
    scatter_rows_add(q->dcodebook, q->dcodewords, q->codes, tokens, q->dimension);
    normalise_rows_backward(q->dcodebook, q->dcodebook, q->unit_codebook, q->codebook_inverse_norm, q->codes_count,
                            q->dimension);
    array_add(gradient + q->codebook, q->dcodebook, table);
}

void quantizer_backward(struct quantizer *quantizer, const real *weights, real *gradient, const real *doutput,
                        real *dfeatures, const real *features, real *scratch, size_t tokens,
                        const struct gradient_listener *listener)
{
    struct quantizer *q = quantizer;
    profile_enter(q->place, PROFILE_QUANTIZER);
    if (q->quantize && q->learns_codebook)
        codebook_backward(q, gradient, tokens);
    gradient_is_ready(listener, q->codebook_first, q->codebook_end);

    /* Straight through: what reaches the codeword goes on to ĥ as it is. */
    array_add(q->dvectors, doutput, tokens * q->dimension);
    normalise_rows_backward(q->dvectors, q->dvectors, q->vectors, q->inverse_norm, tokens, q->dimension);
    linear_layer_backward(&q->linear2, weights, gradient, scratch, q->dvectors, q->hidden, tokens);
    tanh_backward(scratch, scratch, q->hidden, tokens * q->width);
    linear_layer_backward(&q->linear1, weights, gradient, dfeatures, scratch, features, tokens);
    profile_leave();
    gradient_is_ready(listener, q->projection_first, q->projection_end);
}
