/* model/kernels/mathematics.h — exp, tanh, erf that a loop can be vectorised over.
 *
 * Float versions are short polynomials without branches, a few units in the last place from the exact value (measured
 * in tests/unit/test_kernels_mathematics.c); the double build calls the C library, so gradient checks see exact
 * functions. */
#ifndef MODEL_KERNELS_MATHEMATICS_H
#define MODEL_KERNELS_MATHEMATICS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "model/kernels/dispatch.h"
#include "model/real.h"

#ifdef ANYECG_DOUBLE

KERNEL_INLINE real real_exp(real x)
{
    return exp(x);
}

KERNEL_INLINE real real_tanh(real x)
{
    return tanh(x);
}

KERNEL_INLINE real real_erf(real x)
{
    return erf(x);
}

KERNEL_INLINE real real_log(real x)
{
    return log(x);
}

KERNEL_INLINE real real_sqrt(real x)
{
    return sqrt(x);
}

#else

KERNEL_INLINE float float_of_bits(int32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

KERNEL_INLINE int32_t bits_of_float(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* 2^n for -127 < n < 128; unsigned, as n is arbitrary where x is not a number. */
KERNEL_INLINE float power_of_two(int32_t n)
{
    return float_of_bits((int32_t)(((uint32_t)n + 127u) << 23));
}

/* exp(x): x = n·ln 2 + r with |r| ≤ ln(2)/2, a polynomial of degree 6 in r (Cephes, expf), then 2^n in two factors, as
 * n can be 128. Below -87.33, where the result would be subnormal, it is 0. */
KERNEL_INLINE real real_exp(real x)
{
    const float least = -87.33654f, most = 88.72283f;
    const float round = 12582912.0f; /* 1.5·2^23: adding it leaves the nearest integer in the low bits */
    float bounded = x < least ? least : x;
    bounded = bounded > most ? most : bounded;
    float shifted = bounded * 1.44269504f + round;
    int32_t n = (int32_t)((uint32_t)bits_of_float(shifted) - (uint32_t)bits_of_float(round));
    float rounded = shifted - round;
    float r = bounded - rounded * 0.693359375f;
    r -= rounded * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    int32_t half = n >> 1;
    p = p * power_of_two(half) * power_of_two(n - half);
    p = x < least ? 0.0f : p;
    return x > most ? INFINITY : p;
}

/* log(x) for normal x > 0: x = 2^n·(1 + r) with 1 + r between √½ and √2, a polynomial of degree 11 in r (Cephes, logf).
 * Not a number and infinity stay; 0 and subnormal x give -infinity. */
KERNEL_INLINE real real_log(real x)
{
    int32_t bits = bits_of_float(x);
    int32_t n = (int32_t)((uint32_t)bits - 0x3f3504f3u) >> 23; /* 0x3f3504f3 is √½ */
    float mantissa = float_of_bits((int32_t)((uint32_t)bits - ((uint32_t)n << 23)));
    float r = mantissa - 1.0f, square = r * r, power = (float)n;
    float p = 7.0376836292e-2f;
    p = p * r - 1.1514610310e-1f;
    p = p * r + 1.1676998740e-1f;
    p = p * r - 1.2420140846e-1f;
    p = p * r + 1.4249322787e-1f;
    p = p * r - 1.6668057665e-1f;
    p = p * r + 2.0000714765e-1f;
    p = p * r - 2.4999993993e-1f;
    p = p * r + 3.3333331174e-1f;
    p = p * r * square + power * -2.12194440e-4f - 0.5f * square;
    p = (r + p) + power * 0.693359375f;
    p = x < 1.17549435e-38f ? -INFINITY : p;
    return x < INFINITY ? p : x;
}

/* tanh(x): odd polynomial up to 0.625 (Cephes, tanhf), beyond it 1 - 2/(exp(2|x|) + 1). */
KERNEL_INLINE real real_tanh(real x)
{
    float size = fabsf(x), square = x * x;
    float p = -5.70498872745e-3f;
    p = p * square + 2.06390887954e-2f;
    p = p * square - 5.37397155531e-2f;
    p = p * square + 1.33314422036e-1f;
    p = p * square - 3.33332819422e-1f;
    p = p * square * x + x;
    float large = 1.0f - 2.0f / (real_exp(2.0f * size) + 1.0f);
    return size < 0.625f ? p : copysignf(large, x);
}

/* erf(x): polynomial up to 0.9277, beyond it 1 - exp(polynomial in |x|), both minimax fits (N. Juffa,
 * stackoverflow.com/a/35148199). */
KERNEL_INLINE real real_erf(real x)
{
    float size = fabsf(x), square = x * x;
    float q = -1.72853470e-5f * size + 3.83197126e-4f;
    float u = -3.88396438e-3f * size + 2.42546219e-2f;
    q = q * square + u;
    q = q * size - 1.06777877e-1f;
    q = q * size - 6.34846687e-1f;
    q = q * size - 1.28717512e-1f;
    q = q * size - size;
    float large = 1.0f - real_exp(q);
    float p = -5.96761703e-4f;
    p = p * square + 4.99119423e-3f;
    p = p * square - 2.67681349e-2f;
    p = p * square + 1.12819925e-1f;
    p = p * square - 3.76125336e-1f;
    p = p * square + 1.28379166e-1f;
    p = p * x + x;
    return size > 0.927734375f ? copysignf(large, x) : p;
}

KERNEL_INLINE real real_sqrt(real x)
{
    return sqrtf(x);
}

#endif

/* Cumulative distribution and density of the standard normal distribution. */
KERNEL_INLINE real normal_cumulative(real x)
{
    return REAL(0.5) + REAL(0.5) * real_erf(x * REAL(0.70710678118654752440));
}

KERNEL_INLINE real normal_density(real x)
{
    return REAL(0.39894228040143267794) * real_exp(REAL(-0.5) * x * x);
}

#endif
