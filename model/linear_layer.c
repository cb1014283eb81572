#include "model/linear_layer.h"

#include <math.h>

#include "model/activations.h"
#include "model/kernels/layernorm.h"
#include "model/kernels/linear.h"

double linear_init_std(size_t in)
{
    return 0.02 * sqrt(1024.0 / (double)in);
}

struct linear_layer linear_layer_plan(struct parameters *parameters, const char *name, size_t in, size_t out, int layer,
                                      double gain)
{
    struct linear_layer linear = {.in = in, .out = out};
    linear.weight = parameters_add(parameters, (size_t[4]){out, in}, true, layer, INIT_NORMAL,
                                   gain * linear_init_std(in), "%s.weight", name);
    linear.bias = parameters_add(parameters, (size_t[4]){out}, false, layer, INIT_ZERO, 0, "%s.bias", name);
    return linear;
}

void linear_layer_forward(const struct linear_layer *linear, const real *weights, real *y, const real *x, size_t rows)
{
    if (rows > 0)
        linear_forward(y, x, weights + linear->weight, weights + linear->bias, rows, linear->in, linear->out);
}

void linear_layer_forward_no_bias(const struct linear_layer *linear, const real *weights, real *y, const real *x,
                                  size_t rows)
{
    if (rows > 0)
        linear_forward(y, x, weights + linear->weight, NULL, rows, linear->in, linear->out);
}

void linear_layer_backward(const struct linear_layer *linear, const real *weights, real *gradient, real *dx,
                           const real *dy, const real *x, size_t rows)
{
    if (rows > 0)
        linear_backward(dx, gradient + linear->weight, gradient + linear->bias, dy, x, weights + linear->weight, rows,
                        linear->in, linear->out);
}

struct norm_layer norm_layer_plan(struct parameters *parameters, const char *name, size_t width, int layer)
{
    struct norm_layer norm = {.width = width};
    norm.scale = parameters_add(parameters, (size_t[4]){width}, false, layer, INIT_ONE, 0, "%s.scale", name);
    norm.shift = parameters_add(parameters, (size_t[4]){width}, false, layer, INIT_ZERO, 0, "%s.shift", name);
    return norm;
}

void norm_layer_forward(const struct norm_layer *norm, const real *weights, real *y, real *mean, real *inverse_std,
                        const real *x, size_t rows)
{
    layernorm_forward(y, mean, inverse_std, x, weights + norm->scale, weights + norm->shift, rows, norm->width);
    profile_passes(2, rows * norm->width);
}

void norm_layer_backward(const struct norm_layer *norm, const real *weights, real *gradient, real *dx, const real *dy,
                         const real *x, const real *mean, const real *inverse_std, size_t rows)
{
    layernorm_backward(dx, gradient + norm->scale, gradient + norm->shift, dy, x, mean, inverse_std,
                       weights + norm->scale, rows, norm->width);
    profile_passes(4, rows * norm->width); /* x, dy; dx is read and written */
}
