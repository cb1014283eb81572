#include "infer/regression.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* a = L·Lᵀ, L in the lower triangle. */
static bool factor(double *a, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        double pivot = a[j * n + j];
        for (size_t k = 0; k < j; k++)
            pivot -= a[j * n + k] * a[j * n + k];
        if (!(pivot > 0))
            return false;
        pivot = sqrt(pivot);
        a[j * n + j] = pivot;
        for (size_t i = j + 1; i < n; i++) {
            double sum = a[i * n + j];
            for (size_t k = 0; k < j; k++)
                sum -= a[i * n + k] * a[j * n + k];
            a[i * n + j] = sum / pivot;
        }
    }
    return true;
}

bool solve_positive(double *a, double *b, size_t n, size_t columns)
{
    if (!factor(a, n))
        return false;
    for (size_t c = 0; c < columns; c++) {
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < i; k++)
                b[i * columns + c] -= a[i * n + k] * b[k * columns + c];
            b[i * columns + c] /= a[i * n + i];
        }
        for (size_t i = n; i-- > 0;) {
            for (size_t k = i + 1; k < n; k++)
                b[i * columns + c] -= a[k * n + i] * b[k * columns + c];
            b[i * columns + c] /= a[i * n + i];
        }
    }
    return true;
}

bool regression_solve(double *gram, const double *cross, size_t inputs, size_t outputs, double ridge, double *weights)
{
    double trace = 0;
    for (size_t i = 0; i < inputs; i++)
        trace += gram[i * inputs + i];
    for (size_t i = 0; i < inputs; i++)
        gram[i * inputs + i] += ridge * trace / (double)inputs + 1e-12;
    memcpy(weights, cross, inputs * outputs * sizeof *weights);
    return solve_positive(gram, weights, inputs, outputs);
}

bool logistic_fit(const double *x, const int8_t *labels, size_t count, size_t inputs, double ridge, double *weights)
{
    double *hessian = NEW_ARRAY(double, inputs *inputs), *step = NEW_ARRAY(double, inputs);
    bool converged = false;

    memset(weights, 0, inputs * sizeof *weights);
    for (int round = 0; round < 50 && !converged; round++) {
        memset(hessian, 0, inputs * inputs * sizeof *hessian);
        for (size_t i = 0; i < inputs; i++) {
            hessian[i * inputs + i] = ridge;
            step[i] = -ridge * weights[i];
        }
        for (size_t r = 0; r < count; r++) {
            if (labels[r] < 0)
                continue;
            const double *row = x + r * inputs;
            double score = 0;
            for (size_t i = 0; i < inputs; i++)
                score += weights[i] * row[i];
            double p = 1 / (1 + exp(-score)), weight = p * (1 - p) + 1e-9;
            for (size_t i = 0; i < inputs; i++) {
                step[i] += row[i] * (labels[r] - p);
                for (size_t j = 0; j <= i; j++)
                    hessian[i * inputs + j] += weight * row[i] * row[j];
            }
        }
        if (!solve_positive(hessian, step, inputs, 1))
            break;
        double largest = 0;
        for (size_t i = 0; i < inputs; i++) {
            weights[i] += step[i];
            largest = fmax(largest, fabs(step[i]));
        }
        converged = largest < 1e-8;
    }
    free(hessian);
    free(step);
    return converged;
}
