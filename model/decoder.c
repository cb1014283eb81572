#include "model/decoder.h"

#include <stdio.h>
#include <string.h>

#include "base/lead.h"
#include "model/kernels/activation.h"
#include "model/kernels/embedding.h"
#include "model/kernels/pooling.h"

void decoder_plan(struct decoder *decoder, struct parameters *parameters, const char *prefix,
                  const struct block_config *blocks, unsigned layers, size_t dimension, size_t outputs, bool pooled,
                  int layer)
{
    char name[TENSOR_NAME_BYTES];
    size_t width = blocks->width;
    *decoder = (struct decoder){
        .outputs = outputs, .pooled = pooled, .place = profile_place("%s", prefix), .first = parameters->count};
    snprintf(name, sizeof name, "%s.input", prefix);
    decoder->input = linear_layer_plan(parameters, name, dimension, width, layer, 1);
    decoder->time_table = parameters_add(parameters, (size_t[4]){MAX_TIMES, width}, false, layer, INIT_NORMAL,
                                         TABLE_INIT_STD, "%s.time_table", prefix);
    decoder->lead_table = parameters_add(parameters, (size_t[4]){N_LEADS, width}, false, layer, INIT_NORMAL,
                                         TABLE_INIT_STD, "%s.lead_table", prefix);
    decoder->input_end = parameters->count;
    stack_plan(&decoder->stack, parameters, prefix, blocks, layers, layer);
    decoder->head_first = parameters->count;
    snprintf(name, sizeof name, "%s.head.linear1", prefix);
    decoder->head1 = linear_layer_plan(parameters, name, width, width, layer, 1);
    snprintf(name, sizeof name, "%s.head.linear2", prefix);
    decoder->head2 = linear_layer_plan(parameters, name, width, outputs, layer, 1);
    decoder->end = parameters->count;
}

void decoder_take(struct decoder *decoder, struct arena *arena, const struct batch_bounds *bounds)
{
    size_t width = decoder->stack.config.width, rows = decoder->pooled ? bounds->spans : bounds->tokens;
    stack_take(&decoder->stack, arena, bounds->tokens, true);
    if (decoder->pooled)
        decoder->pool = take_reals(arena, checked_multiply(bounds->spans, width));
    decoder->hidden = take_reals(arena, checked_multiply(rows, width));
    decoder->output = take_reals(arena, checked_multiply(rows, decoder->outputs));
}

void decoder_free(struct decoder *decoder)
{
    stack_free(&decoder->stack);
}

static const struct block_options whole = {0}; /* all tokens, nothing dropped */

void decoder_forward(const struct decoder *decoder, const struct block_scratch *scratch, const real *weights,
                     const struct batch *batch, const real *z)
{
    const struct stack *stack = &decoder->stack;
    size_t width = stack->config.width, rows = decoder->pooled ? batch->n_spans : batch->n_tokens;

    profile_enter(decoder->place, PROFILE_DECODER);
    linear_layer_forward(&decoder->input, weights, stack->input, z, batch->n_tokens);
    embedding_forward(stack->input, weights + decoder->lead_table, weights + decoder->time_table, batch->spans,
                      batch->n_spans, width);
    stack_forward(stack, scratch, weights, batch, &whole);
    if (decoder->pooled)
        pool_spans_forward(decoder->pool, stack->output, batch->spans, batch->n_spans, width);
    linear_layer_forward(&decoder->head1, weights, decoder->hidden, decoder->pooled ? decoder->pool : stack->output,
                         rows);
    tanh_forward(decoder->hidden, decoder->hidden, rows * width);
    linear_layer_forward(&decoder->head2, weights, decoder->output, decoder->hidden, rows);
    profile_leave();
}

void decoder_backward(const struct decoder *decoder, const struct block_scratch *scratch, const real *weights,
                      real *gradient, const struct batch *batch, const real *z, const real *doutput, real *dz,
                      const struct gradient_listener *listener)
{
    const struct stack *stack = &decoder->stack;
    size_t width = stack->config.width, rows = decoder->pooled ? batch->n_spans : batch->n_tokens;
    real *head_input = decoder->pooled ? decoder->pool : stack->output, *dhidden = scratch->wide;

    profile_enter(decoder->place, PROFILE_DECODER);
    linear_layer_backward(&decoder->head2, weights, gradient, dhidden, doutput, decoder->hidden, rows);
    tanh_backward(dhidden, dhidden, decoder->hidden, rows * width);
    linear_layer_backward(&decoder->head1, weights, gradient, head_input, dhidden, head_input, rows);
    gradient_is_ready(listener, decoder->head_first, decoder->end);
    if (decoder->pooled) {
        memset(stack->output, 0, batch->n_tokens * width * sizeof(real));
        pool_spans_backward(stack->output, decoder->pool, batch->spans, batch->n_spans, width);
    }
    stack_backward(stack, scratch, weights, gradient, batch, &whole, listener);
    embedding_backward(gradient + decoder->lead_table, gradient + decoder->time_table, scratch->flow, batch->spans,
                       batch->n_spans, width);
    linear_layer_backward(&decoder->input, weights, gradient, dz, scratch->flow, z, batch->n_tokens);
    profile_leave();
    gradient_is_ready(listener, decoder->first, decoder->input_end);
}
