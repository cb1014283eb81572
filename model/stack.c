#include "model/stack.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void stack_plan(struct stack *stack, struct parameters *parameters, const char *prefix,
                const struct block_config *config, unsigned layers, int first_layer)
{
    char name[TENSOR_NAME_BYTES];
    *stack = (struct stack){.layers = layers, .config = *config};
    stack->blocks = NEW_ARRAY(struct block, layers);
    stack->activations = xcalloc(layers, sizeof *stack->activations);
    for (unsigned i = 0; i < layers; i++) {
        snprintf(name, sizeof name, "%s.block.%u", prefix, i);
        block_plan(&stack->blocks[i], parameters, name, config, first_layer + (int)i, i + 1);
    }
    stack->norm_first = parameters->count;
    snprintf(name, sizeof name, "%s.norm", prefix);
    stack->norm = norm_layer_plan(parameters, name, config->width, first_layer + (int)layers);
    stack->norm_end = parameters->count;
    stack->place = profile_place("%s", prefix);
}

void stack_take(struct stack *stack, struct arena *arena, size_t tokens, bool training)
{
    size_t count = checked_multiply(tokens, stack->config.width);
    stack->training = training;
    if (training || stack->layers == 0)
        stack->last = take_reals(arena, count);
    for (unsigned i = 0; i < stack->layers; i++) {
        if (training || i == 0)
            block_activations_take(&stack->activations[i], arena, &stack->config, tokens, training);
        else
            stack->activations[i] = stack->activations[0];
        if (training && i > 0)
            stack->activations[i - 1].out = stack->activations[i].x;
    }
    stack->input = stack->layers ? stack->activations[0].x : stack->last;
    if (training && stack->layers)
        stack->activations[stack->layers - 1].out = stack->last;
    if (!training)
        stack->last = stack->input;
    stack->output = take_reals(arena, count);
    stack->mean = take_reals(arena, tokens);
    stack->inverse_std = take_reals(arena, tokens);
}

void stack_free(struct stack *stack)
{
    free(stack->blocks);
    free(stack->activations);
}

/* Of one block: its own drop-path factors; only the last is asked for less than all tokens. */
static struct block_options options_of(const struct stack *stack, const struct block_options *options, unsigned layer)
{
    struct block_options own = *options;
    if (own.factors)
        own.factors += 2 * layer * own.factor_stride;
    if (layer + 1 < stack->layers)
        own.wanted = NULL;
    return own;
}

static size_t rows_of_output(const struct batch *batch, const struct block_options *options)
{
    return options->wanted ? options->n_wanted : batch->n_tokens;
}

void stack_forward(const struct stack *stack, const struct block_scratch *scratch, const real *weights,
                   const struct batch *batch, const struct block_options *options)
{
    assert(!options->wanted || (stack->layers > 0 && !options->factors));
    for (unsigned i = 0; i < stack->layers; i++) {
        const struct block_options own = options_of(stack, options, i);
        block_forward(&stack->blocks[i], &stack->activations[i], scratch, weights, batch, &own);
    }
    profile_enter(stack->place, PROFILE_LAYER_NORM);
    norm_layer_forward(&stack->norm, weights, stack->output, stack->mean, stack->inverse_std, stack->last,
                       rows_of_output(batch, options));
    profile_leave();
}

void stack_backward(const struct stack *stack, const struct block_scratch *scratch, const real *weights, real *gradient,
                    const struct batch *batch, const struct block_options *options,
                    const struct gradient_listener *listener)
{
    size_t rows = rows_of_output(batch, options);

    profile_enter(stack->place, PROFILE_LAYER_NORM);
    memset(scratch->flow, 0, rows * stack->config.width * sizeof(real));
    norm_layer_backward(&stack->norm, weights, gradient, scratch->flow, stack->output, stack->last, stack->mean,
                        stack->inverse_std, rows);
    profile_leave();
    gradient_is_ready(listener, stack->norm_first, stack->norm_end);
    for (unsigned i = stack->layers; i-- > 0;) {
        const struct block_options own = options_of(stack, options, i);
        block_backward(&stack->blocks[i], &stack->activations[i], scratch, weights, gradient, batch, &own);
        gradient_is_ready(listener, stack->blocks[i].first, stack->blocks[i].end);
    }
}
