/* model/kernels/mathematics.h — exp, log, tanh, GELU that a loop can be vectorised over.
 *
 * Float versions are short polynomials without branches, a few units in the last place from the exact value (measured
 * in tests/unit/test_kernels_mathematics.c); the double build calls the C library, so gradient checks see exact
 * functions. */
#ifndef MODEL_KERNELS_MATHEMATICS_H
#define MODEL_KERNELS_MATHEMATICS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/dispatch.h"
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

KERNEL_INLINE real real_log(real x)
{
    return log(x);
}

KERNEL_INLINE real normal_bell(real x)
{
    return exp(-x * x / 2);
}

KERNEL_INLINE real normal_tail_ratio(real x)
{
    return erfc(x * 0.70710678118654752440) / 2 * exp(x * x / 2);
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

/* exp(-x²/2) for 0 ≤ x ≤ 12: 2^(n + r) with |r| ≤ 1/2, a minimax polynomial of degree 5 in r (relative error 7.5e-8).
 */
KERNEL_INLINE real normal_bell(real x)
{
    const float round = 12582912.0f; /* as in real_exp() */
    float power = x * x * -0.72134752f, shifted = power + round;
    int32_t n = (int32_t)((uint32_t)bits_of_float(shifted) - (uint32_t)bits_of_float(round));
    float r = power - (shifted - round);
    float p = 1.32764755e-3f;
    p = p * r + 9.6755415e-3f;
    p = p * r + 5.55071326e-2f;
    p = p * r + 2.40221197e-1f;
    p = p * r + 6.93146967e-1f;
    p = p * r + 1.00000007f;
    return float_of_bits((int32_t)((uint32_t)bits_of_float(p) + ((uint32_t)n << 23)));
}

/* Φ(-x)·exp(x²/2) for 0 ≤ x ≤ 12, so that bell·ratio is within 3.2e-8 / max(1, x) of Φ(-x): a polynomial of degree 11,
 * minimax in that error. */
KERNEL_INLINE real normal_tail_ratio(real x)
{
    float p = -2.44230925e-7f;
    p = p * x + 6.28781523e-6f;
    p = p * x - 7.27701668e-5f;
    p = p * x + 5.0747345e-4f;
    p = p * x - 2.43004178e-3f;
    p = p * x + 8.71703939e-3f;
    p = p * x - 2.51489511e-2f;
    p = p * x + 6.17025467e-2f;
    p = p * x - 1.32719355e-1f;
    p = p * x + 2.4995569e-1f;
    p = p * x - 3.98939346e-1f;
    return p * x + 0.5f;
}

KERNEL_INLINE real real_sqrt(real x)
{
    return sqrtf(x);
}

#endif

/* GELU and its slope of one x share all that is costly:
 *     x·Φ(x) = max(x, 0) - |x|·Φ(-|x|),   Φ(x) + x·φ(x) with Φ(x) = 1/2 ± (1/2 - Φ(-|x|)).
 * Beyond ±12 the size stays 12, which leaves either within 1e-25 of its limit. */
struct gelu_parts {
    real size, bell, tail; /* |x| up to 12, exp(-size²/2), Φ(-size) */
};

KERNEL_INLINE struct gelu_parts gelu_parts(real x)
{
    struct gelu_parts parts;
    real size = x < 0 ? -x : x;
    parts.size = size > 12 ? 12 : size;
    parts.bell = normal_bell(parts.size);
    parts.tail = parts.bell * normal_tail_ratio(parts.size);
    return parts;
}

KERNEL_INLINE real gelu_value(real x, struct gelu_parts parts)
{
    return (x < 0 ? 0 : x) - parts.size * parts.tail;
}

KERNEL_INLINE real gelu_slope(real x, struct gelu_parts parts)
{
    real swing = REAL(0.39894228040143267794) * parts.size * parts.bell - parts.tail; /* odd part, less 1/2 */
    return x < 0 ? -swing : 1 + swing;
}

#endif
