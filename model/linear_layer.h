/* model/linear_layer.h — places of the tensors of a linear layer and of a LayerNorm in the flat arrays, and the calls
 * of the kernels with them. */
#ifndef MODEL_LINEAR_LAYER_H
#define MODEL_LINEAR_LAYER_H

#include "model/parameters.h"

#define TABLE_INIT_STD 0.02 /* tables and vectors: truncated normal (PAPER 3.4) */

/* Standard deviation of a linear layer's truncated normal: 0.02 with 1024 inputs (width of preset B), 1/√in beside, so
 * that a small model begins with signals as large as a large one's. */
double linear_init_std(size_t in);

struct linear_layer {
    size_t in, out;
    size_t weight, bias; /* [out, in]; [out] */
};

/* Adds "<name>.weight" (truncated normal, gain · linear_init_std(in)) and "<name>.bias" (zero). */
struct linear_layer linear_layer_plan(struct parameters *parameters, const char *name, size_t in, size_t out, int layer,
                                      double gain);

/* y [rows, out] = x [rows, in]·Wᵀ + b. */
void linear_layer_forward(const struct linear_layer *linear, const real *weights, real *y, const real *x, size_t rows);

/* The same without the bias, which gelu_forward() adds. */
void linear_layer_forward_no_bias(const struct linear_layer *linear, const real *weights, real *y, const real *x,
                                  size_t rows);

/* Gradients of weight and bias are added up; dx [rows, in] is set (may be the place of x, not of dy; NULL: unwanted).
 */
void linear_layer_backward(const struct linear_layer *linear, const real *weights, real *gradient, real *dx,
                           const real *dy, const real *x, size_t rows);

struct norm_layer {
    size_t width;
    size_t scale, shift; /* [width] each */
};

/* Adds "<name>.scale" (one) and "<name>.shift" (zero). */
struct norm_layer norm_layer_plan(struct parameters *parameters, const char *name, size_t width, int layer);

void norm_layer_forward(const struct norm_layer *norm, const real *weights, real *y, real *mean, real *inverse_std,
                        const real *x, size_t rows);

/* ADDS to dx. */
void norm_layer_backward(const struct norm_layer *norm, const real *weights, real *gradient, real *dx, const real *dy,
                         const real *x, const real *mean, const real *inverse_std, size_t rows);

#endif
