/* vector.h - exp, erf and their kin as straight arithmetic that compilers turn into vectors.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * exp: Cody and Waite 1980 (2^k times a polynomial on |r| <= ln 2 / 2), relative error below
 * 2e-7. erf: Abramowitz and Stegun 7.1.26, absolute error below 2e-7. */
#ifndef ORF_TENSOR_VECTOR_H
#define ORF_TENSOR_VECTOR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float
vec_exp(float x)
{
    x = x > 88.0f ? 88.0f : x < -87.0f ? -87.0f : x;
    float shifted = x * 1.44269504f + 12582912.0f; /* rounds to an integer in the low bits */
    int32_t k;
    memcpy(&k, &shifted, sizeof k);
    float whole = shifted - 12582912.0f;
    float r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    uint32_t bits = (uint32_t)(k - 0x4b400000 + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

static inline float
vec_sigmoid(float x)
{
    return 1.0f / (1.0f + vec_exp(-x));
}

static inline float
vec_erf(float x)
{
    float a = fabsf(x), t = 1.0f / (1.0f + 0.3275911f * a);
    float p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    return copysignf(1.0f - p * t * vec_exp(-a * a), x);
}

static inline float
vec_gelu(float x)
{
    return 0.5f * x * (1.0f + vec_erf(x * 0.70710678f));
}

/* tanh(u) = 1 - 2 / (exp(2u) + 1). */
static inline float
vec_gelu_tanh(float x)
{
    float u = 0.79788456f * (x + 0.044715f * x * x * x);
    return x * (1.0f - 1.0f / (vec_exp(2.0f * u) + 1.0f));
}

static inline float
vec_silu(float x)
{
    return x * vec_sigmoid(x);
}

#endif
