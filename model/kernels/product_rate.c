#include "model/kernels/product_rate.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/progress.h"
#include "model/kernels/product.h"

enum { LEAST_ROUNDS = 3 };

static real *new_numbers(size_t count)
{
    real *values = NEW_ARRAY(real, count);

    for (size_t i = 0; i < count; i++)
        values[i] = REAL(0.001) * (real)(i % 7);
    return values;
}

double product_rate(size_t tokens, size_t in, size_t out, double seconds)
{
    real *x = new_numbers(checked_multiply(tokens, in)), *y = new_numbers(checked_multiply(tokens, out));
    real *weight = new_numbers(checked_multiply(out, in)), *gradient = new_numbers(out * in);
    double began = clock_seconds(), best = 0;

    for (int round = 0; round < LEAST_ROUNDS || clock_seconds() - began < seconds; round++) {
        double clock = clock_seconds(), rate;

        product_nt(y, x, weight, PRODUCT_SET, tokens, out, in, out, in, in);
        product_tn(gradient, y, x, PRODUCT_SET, out, in, tokens, in, out, in);
        product_nn(x, y, weight, PRODUCT_SET, tokens, in, out, in, out, in);
        rate = 6.0 * (double)tokens * (double)in * (double)out / (clock_seconds() - clock);
        best = rate > best ? rate : best;
        for (size_t i = 0; i < tokens * in; i++)
            x[i] = REAL(0.001) * (real)(i % 7); /* the numbers stay as they began */
    }
    free(x);
    free(y);
    free(weight);
    free(gradient);
    return best;
}
