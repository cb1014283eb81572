/* model/parameters.h — all weights of a model in one flat array, each tensor with its name, shape and place.
 *
 * A part's _plan() adds its tensors in reading order (patch encoder … head) and keeps their offsets; gradients,
 * optimiser states and files use the same layout. Tensors are row-major; a weight of a linear layer is [out, in]. */
#ifndef MODEL_PARAMETERS_H
#define MODEL_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/real.h"

enum { TENSOR_NAME_BYTES = 96, TENSOR_MAX_DIMS = 4 };

enum tensor_init {
    INIT_ZERO,
    INIT_ONE,
    INIT_CONSTANT,
    INIT_NORMAL /* truncated at 2 sigma */,
    INIT_SPHERE /* rows of length 1 */
};

struct tensor {
    char name[TENSOR_NAME_BYTES]; /* "backbone.block.3.attention.qkv.weight" */
    unsigned n_dims;
    size_t shape[TENSOR_MAX_DIMS];
    size_t first, count; /* in the flat array; first is a multiple of 16 */
    bool decays;         /* weight decay applies: matrices only, not vectors, tables, codebook */
    int layer;           /* for layer decay: 0 patch encoder and tables, 1 … blocks, layers + 1 head */
    enum tensor_init init;
    double scale; /* standard deviation or constant */
};

struct parameters {
    size_t n_tensors, capacity;
    struct tensor *tensors; /* [n_tensors], in layout order */
    size_t count;           /* of the flat array, padding between tensors included (always zero) */
};

/* Adds a tensor behind the others; shape ends at the first 0. Returns `first`. The name is printf-style. */
size_t parameters_add(struct parameters *parameters, const size_t shape[TENSOR_MAX_DIMS], bool decays, int layer,
                      enum tensor_init init, double scale, const char *name_format, ...)
    __attribute__((format(printf, 7, 8)));
void parameters_free(struct parameters *parameters);

/* Start values of all tensors; each depends on (seed, name) only. Padding is zeroed. */
void parameters_initialise(const struct parameters *parameters, real *weights, uint64_t seed);

/* The tensor of this name, or NULL. */
const struct tensor *parameters_find(const struct parameters *parameters, const char *name);

/* Weights without padding, for "0.97 M". */
size_t parameters_real_count(const struct parameters *parameters);

/* Called by backward passes as soon as gradient[first, first + count) of this micro-batch is final. */
struct gradient_listener {
    void (*ready)(void *context, size_t first, size_t count);
    void *context;
};

#endif
