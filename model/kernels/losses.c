#include "model/kernels/losses.h"

#include <string.h>

#include "model/kernels/mathematics.h"

/* Sum of column_scale·(output - target)² of a row; doutput = factor·column_scale·(output - target) if wanted. */
KERNEL_CLONES static double square_row(real *doutput, const real *output, const real *target, const real *column_scale,
                                       real factor, size_t width)
{
    double sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t c = 0; c < width; c++) {
        real difference = output[c] - target[c];
        real weighted = column_scale != NULL ? column_scale[c] * difference : difference;
        sum += (double)(weighted * difference);
        if (doutput != NULL)
            doutput[c] = factor * weighted;
    }
    return sum;
}

double mse_loss(real *doutput, const real *output, const real *target, const real *row_scale, const real *column_scale,
                double scale, size_t rows, size_t width)
{
    double sum = 0;

    for (size_t r = 0; r < rows; r++) {
        real *drow = doutput != NULL ? doutput + r * width : NULL;
        real weight = row_scale != NULL ? row_scale[r] : 1;
        if (weight != 0)
            sum += (double)weight * square_row(drow, output + r * width, target + r * width, column_scale,
                                               (real)(2 * scale) * weight, width);
        else if (drow != NULL)
            memset(drow, 0, width * sizeof(real));
    }
    return scale * sum;
}

KERNEL_CLONES static real largest(const real *z, size_t classes)
{
    real most = -INFINITY;

#pragma omp simd reduction(max : most)
    for (size_t c = 0; c < classes; c++)
        most = z[c] > most ? z[c] : most;
    return most;
}

KERNEL_CLONES static double exponential_sum(const real *z, real most, size_t classes)
{
    real sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t c = 0; c < classes; c++)
        sum += real_exp(z[c] - most);
    return (double)sum;
}

KERNEL_CLONES static double plain_sum(const real *z, size_t classes)
{
    double sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t c = 0; c < classes; c++)
        sum += (double)z[c];
    return sum;
}

/* dz = scale·(softmax(z) - floor). */
KERNEL_CLONES static void softmax_minus(real *dz, const real *z, real most, real inverse_sum, real floor_share,
                                        real scale, size_t classes)
{
#pragma omp simd
    for (size_t c = 0; c < classes; c++)
        dz[c] = scale * (real_exp(z[c] - most) * inverse_sum - floor_share);
}

static size_t first_place(const real *z, real value, size_t classes)
{
    for (size_t c = 0; c < classes; c++)
        if (z[c] == value)
            return c;
    return classes;
}

double cross_entropy_loss(real *dlogits, size_t *correct, const real *logits, const uint32_t *labels, double smoothing,
                          double scale, size_t rows, size_t classes)
{
    double loss = 0;

    for (size_t r = 0; r < rows; r++) {
        const real *z = logits + r * classes;
        real *dz = dlogits != NULL ? dlogits + r * classes : NULL;
        if (labels[r] == LABEL_UNKNOWN) {
            if (dz != NULL)
                memset(dz, 0, classes * sizeof(real));
            continue;
        }
        real most = largest(z, classes);
        double sum = exponential_sum(z, most, classes), log_sum = (double)most + log(sum);
        loss += (1 - smoothing) * (log_sum - (double)z[labels[r]]);
        if (smoothing > 0)
            loss += smoothing * (log_sum - plain_sum(z, classes) / (double)classes);
        if (correct != NULL && first_place(z, most, classes) == labels[r])
            ++*correct;
        if (dz != NULL) {
            softmax_minus(dz, z, most, (real)(1 / sum), (real)(smoothing / (double)classes), (real)scale, classes);
            dz[labels[r]] -= (real)(scale * (1 - smoothing));
        }
    }
    return scale * loss;
}

double binary_cross_entropy_loss(real *dlogits, const real *logits, const int8_t *labels, const float *positive_weight,
                                 double scale, size_t rows, size_t outputs)
{
    double loss = 0;

    for (size_t i = 0; i < rows * outputs; i++) {
        double gradient = 0;
        if (labels[i] >= 0) {
            double z = (double)logits[i], tail = exp(-fabs(z)), softplus = log1p(tail);
            double probability = z >= 0 ? 1 / (1 + tail) : tail / (1 + tail);
            double weight = labels[i] > 0 && positive_weight != NULL ? (double)positive_weight[i % outputs] : 1;
            /* -log of the probability of what is the case, without cancellation */
            loss += weight * (labels[i] > 0 ? softplus + fmax(-z, 0) : softplus + fmax(z, 0));
            gradient = weight * (probability - (labels[i] > 0));
        }
        if (dlogits != NULL)
            dlogits[i] = (real)(scale * gradient);
    }
    return scale * loss;
}
