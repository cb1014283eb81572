#include "model/parameters.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

enum { TENSOR_ALIGNMENT = 16 /* floats: one cache line */ };

static size_t aligned(size_t count)
{
    return (count + TENSOR_ALIGNMENT - 1) / TENSOR_ALIGNMENT * TENSOR_ALIGNMENT;
}

size_t parameters_add(struct parameters *parameters, const size_t shape[TENSOR_MAX_DIMS], bool decays, int layer,
                      enum tensor_init init, double scale, const char *name_format, ...)
{
    GROW_ARRAY(parameters->tensors, parameters->capacity, parameters->n_tensors + 1);
    struct tensor *tensor = &parameters->tensors[parameters->n_tensors++];
    *tensor = (struct tensor){
        .first = parameters->count, .count = 1, .decays = decays, .layer = layer, .init = init, .scale = scale};
    while (tensor->n_dims < TENSOR_MAX_DIMS && shape[tensor->n_dims] > 0) {
        tensor->shape[tensor->n_dims] = shape[tensor->n_dims];
        tensor->count = checked_multiply(tensor->count, shape[tensor->n_dims]);
        tensor->n_dims++;
    }
    va_list arguments;
    va_start(arguments, name_format);
    int length = vsnprintf(tensor->name, sizeof tensor->name, name_format, arguments);
    va_end(arguments);
    assert(length > 0 && length < TENSOR_NAME_BYTES);
    (void)length;
    parameters->count += aligned(tensor->count);
    return tensor->first;
}

void parameters_free(struct parameters *parameters)
{
    free(parameters->tensors);
    *parameters = (struct parameters){0};
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo): the stream of a tensor's start values is named by its name. */
static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001B3u;
    return hash;
}

/* Rows of length 1, directions uniform on the sphere. */
static void fill_sphere(real *values, size_t rows, size_t columns, struct random *random)
{
    for (size_t row = 0; row < rows; row++, values += columns) {
        double sum = 0;
        for (size_t i = 0; i < columns; i++) {
            double value = random_normal(random);
            values[i] = (real)value;
            sum += value * value;
        }
        for (size_t i = 0; i < columns; i++)
            values[i] = (real)(values[i] / sqrt(sum));
    }
}

static void initialise_tensor(const struct tensor *tensor, real *values, uint64_t seed)
{
    struct random random = random_stream(seed, 0, hash_name(tensor->name), RANDOM_INIT);
    double constant = tensor->init == INIT_ONE ? 1.0 : tensor->init == INIT_CONSTANT ? tensor->scale : 0.0;
    switch (tensor->init) {
    case INIT_ZERO:
    case INIT_ONE:
    case INIT_CONSTANT:
        for (size_t i = 0; i < tensor->count; i++)
            values[i] = (real)constant;
        break;
    case INIT_NORMAL:
        for (size_t i = 0; i < tensor->count; i++)
            values[i] = (real)(tensor->scale * random_truncated_normal(&random));
        break;
    case INIT_SPHERE:
        fill_sphere(values, tensor->shape[0], tensor->count / tensor->shape[0], &random);
        break;
    }
    for (size_t i = tensor->count; i < aligned(tensor->count); i++)
        values[i] = 0;
}

void parameters_initialise(const struct parameters *parameters, real *weights, uint64_t seed)
{
    for (size_t i = 0; i < parameters->n_tensors; i++)
        initialise_tensor(&parameters->tensors[i], weights + parameters->tensors[i].first, seed);
}

const struct tensor *parameters_find(const struct parameters *parameters, const char *name)
{
    for (size_t i = 0; i < parameters->n_tensors; i++)
        if (strcmp(parameters->tensors[i].name, name) == 0)
            return &parameters->tensors[i];
    return NULL;
}

size_t parameters_real_count(const struct parameters *parameters)
{
    size_t count = 0;
    for (size_t i = 0; i < parameters->n_tensors; i++)
        count += parameters->tensors[i].count;
    return count;
}
