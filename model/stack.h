/* model/stack.h — transformer blocks one after another and the LayerNorm behind them: the body of trunks and decoders.
 */
#ifndef MODEL_STACK_H
#define MODEL_STACK_H

#include "model/block.h"

struct stack {
    unsigned layers;
    bool training;
    struct block_config config;
    struct block *blocks;                  /* [layers], owned */
    struct block_activations *activations; /* [layers], owned; without training all the same arrays */
    struct norm_layer norm;
    size_t norm_first, norm_end; /* range of the norm's tensors */
    unsigned place;              /* of the norm, for the profile */
    real *input;                 /* [T, W]: written by the caller before stack_forward() */
    real *last;                  /* [T, W]: what the last block puts out */
    real *output;                /* [T, W]: its norm; before stack_backward() the caller puts the gradient here */
    real *mean, *inverse_std;    /* [T] */
};

/* Adds "<prefix>.block.<n>.…" and "<prefix>.norm.…". first_layer: for layer decay, of the first block. */
void stack_plan(struct stack *stack, struct parameters *parameters, const char *prefix,
                const struct block_config *config, unsigned layers, int first_layer);
void stack_take(struct stack *stack, struct arena *arena, size_t tokens, bool training);
void stack_free(struct stack *stack);

/* input → output, of the wanted tokens (a stack of at least one layer) or of all. */
void stack_forward(const struct stack *stack, const struct block_scratch *scratch, const real *weights,
                   const struct batch *batch, const struct block_options *options);

/* Gradient of the output in stack->output → gradient of the input in scratch->flow. Tells the listener of the norm and
 * of each block. */
void stack_backward(const struct stack *stack, const struct block_scratch *scratch, const real *weights, real *gradient,
                    const struct batch *batch, const struct block_options *options,
                    const struct gradient_listener *listener);

#endif
