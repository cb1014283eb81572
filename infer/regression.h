/* infer/regression.h — the simple methods that evaluations print beside the model: ridge least squares and logistic
 * regression, both by normal equations in double. Small (at most some hundred unknowns), so plain Cholesky. */
#ifndef INFER_REGRESSION_H
#define INFER_REGRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Solves a·x = b for symmetric positive definite a [n, n]; b [n, columns] becomes x, a is overwritten. False if a is
 * not positive definite. */
bool solve_positive(double *a, double *b, size_t n, size_t columns);

/* Weights [inputs, outputs] of y = w·x from the sums xᵀx (gram) and xᵀy (cross); ridge is relative to the mean
 * diagonal. Overwrites gram. False: singular. */
bool regression_solve(double *gram, const double *cross, size_t inputs, size_t outputs, double ridge, double *weights);

/* Logistic regression (iteratively reweighted least squares, at most 50 rounds): labels 1 or 0, others are left out.
 * x: [count, inputs], a constant column included by the caller. weights: [inputs]. False: it did not converge. */
bool logistic_fit(const double *x, const int8_t *labels, size_t count, size_t inputs, double ridge, double *weights);

#endif
