#include "model/kernels/linear.h"

#include "model/kernels/arrays.h"
#include "model/kernels/product.h"

void linear_forward(real *y, const real *x, const real *weight, const real *bias, size_t tokens, size_t in, size_t out)
{
    product_nt_bias(y, x, weight, bias, tokens, out, in, out, in, in);
}

void linear_backward(real *dx, real *dweight, real *dbias, const real *dy, const real *x, const real *weight,
                     size_t tokens, size_t in, size_t out)
{
    product_tn(dweight, dy, x, PRODUCT_ADD, out, in, tokens, in, out, in);
    if (dbias != NULL)
        column_sum_add(dbias, dy, tokens, out);
    if (dx != NULL)
        product_nn(dx, dy, weight, PRODUCT_SET, tokens, in, out, in, out, in);
}
