/* dtype.c - number formats as they lie in files, and their way to f32.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One table; whatever can be turned into f32 has a function. Subnormals, infinities and NaN of
 * the small formats are exact: published weights hold many subnormal halves. */
#include "tensor/tensor-priv.h"

#include <math.h>
#include <string.h>

static float
from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t
to_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Exponent and mantissa moved to f32's places, then scaled by a power of two: exact, also for
 * subnormals, because f32 has normal numbers there. */
float
orf_dtype_f16(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, rest = (uint32_t)(bits & 0x7fff) << 13;
    if (rest >= 0x0f800000) /* infinity and NaN */
        return from_bits(sign | 0x7f800000 | (rest & 0x007fffff));
    return from_bits(sign | to_bits(from_bits(rest) * 0x1p112f));
}

static void
f32_of_f32(const uint8_t *in, float *out, size_t n)
{
    memcpy(out, in, n * sizeof *out);
}

static void
f32_of_f16(const uint8_t *in, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t bits;
        memcpy(&bits, in + 2 * i, sizeof bits);
        uint32_t sign = (uint32_t)(bits & 0x8000) << 16, rest = (uint32_t)(bits & 0x7fff) << 13;
        uint32_t finite = to_bits(from_bits(rest) * 0x1p112f);
        uint32_t special = 0x7f800000 | (rest & 0x007fffff);
        out[i] = from_bits(sign | (rest >= 0x0f800000 ? special : finite));
    }
}

static void
f32_of_bf16(const uint8_t *in, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t bits;
        memcpy(&bits, in + 2 * i, sizeof bits);
        out[i] = from_bits((uint32_t)bits << 16);
    }
}

static void
f32_of_f64(const uint8_t *in, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double value;
        memcpy(&value, in + 8 * i, sizeof value);
        out[i] = (float)value;
    }
}

/* [-]1.m * 2^(e-bias), or m * 2^(1-bias) when e is 0. */
static float
small_float(uint8_t bits, unsigned mantissa_bits, int bias)
{
    int exponent = (bits & 0x7f) >> mantissa_bits;
    int mantissa = bits & ((1 << mantissa_bits) - 1);
    int whole = exponent ? mantissa + (1 << mantissa_bits) : mantissa;
    float value = ldexpf((float)whole, MAX(exponent, 1) - bias - (int)mantissa_bits);
    return bits & 0x80 ? -value : value;
}

/* No infinity; all ones is NaN (OCP 8-bit floating point, 2023). */
static void
f32_of_e4m3(const uint8_t *in, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (in[i] & 0x7f) == 0x7f ? NAN : small_float(in[i], 3, 7);
}

static void
f32_of_e5m2(const uint8_t *in, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = orf_dtype_f16((uint16_t)(in[i] << 8));
}

#define INTEGER(name, Type)                                                                    \
    static void f32_of_##name(const uint8_t *in, float *out, size_t n)                         \
    {                                                                                          \
        for (size_t i = 0; i < n; i++) {                                                       \
            Type value;                                                                        \
            memcpy(&value, in + i * sizeof value, sizeof value);                               \
            out[i] = (float)value;                                                             \
        }                                                                                      \
    }
INTEGER(i8, int8_t)
INTEGER(u8, uint8_t)
INTEGER(i16, int16_t)
INTEGER(u16, uint16_t)
INTEGER(i32, int32_t)
INTEGER(u32, uint32_t)
INTEGER(i64, int64_t)
INTEGER(u64, uint64_t)

static const OrfDtypeInfo table[ORF_N_DTYPES] = {
    [ORF_DTYPE_F32] = { "f32", 1, 4, f32_of_f32 },
    [ORF_DTYPE_F16] = { "f16", 1, 2, f32_of_f16 },
    [ORF_DTYPE_BF16] = { "bf16", 1, 2, f32_of_bf16 },
    [ORF_DTYPE_F64] = { "f64", 1, 8, f32_of_f64 },
    [ORF_DTYPE_I8] = { "i8", 1, 1, f32_of_i8 },
    [ORF_DTYPE_U8] = { "u8", 1, 1, f32_of_u8 },
    [ORF_DTYPE_BOOL] = { "bool", 1, 1, f32_of_u8 },
    [ORF_DTYPE_I16] = { "i16", 1, 2, f32_of_i16 },
    [ORF_DTYPE_U16] = { "u16", 1, 2, f32_of_u16 },
    [ORF_DTYPE_I32] = { "i32", 1, 4, f32_of_i32 },
    [ORF_DTYPE_U32] = { "u32", 1, 4, f32_of_u32 },
    [ORF_DTYPE_I64] = { "i64", 1, 8, f32_of_i64 },
    [ORF_DTYPE_U64] = { "u64", 1, 8, f32_of_u64 },
    [ORF_DTYPE_F8_E4M3] = { "f8_e4m3", 1, 1, f32_of_e4m3 },
    [ORF_DTYPE_F8_E5M2] = { "f8_e5m2", 1, 1, f32_of_e5m2 },
    [ORF_DTYPE_Q8_0] = { "q8_0", 32, 34, orf_blocks_q8_0 },
    [ORF_DTYPE_Q4_0] = { "q4_0", 32, 18, orf_blocks_q4_0 },
    [ORF_DTYPE_Q4_K] = { "q4_k", 256, 144, orf_blocks_q4_k },
    [ORF_DTYPE_Q5_K] = { "q5_k", 256, 176, orf_blocks_q5_k },
    [ORF_DTYPE_Q6_K] = { "q6_k", 256, 210, orf_blocks_q6_k },
    [ORF_DTYPE_OTHER] = { "a type this program does not read", 1, 0, NULL },
};

const OrfDtypeInfo *
orf_dtype_info(OrfDtype dtype)
{
    g_assert((unsigned)dtype < ORF_N_DTYPES);
    return &table[dtype];
}

void
orf_dtype_f32_to_bf16(const float *in, uint16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = to_bits(in[i]);
        uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
        bool nan = (bits & 0x7fffffff) > 0x7f800000;
        out[i] = (uint16_t)(nan ? bits >> 16 | 0x40 : rounded);
    }
}

static uint16_t
half_of(float value)
{
    uint32_t bits = to_bits(value), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    if (rest > 0x7f800000)
        return (uint16_t)(sign | 0x7e00);
    if (rest >= 0x477ff000) /* 65520 and above round to infinity */
        return (uint16_t)(sign | 0x7c00);
    if (rest < 0x38800000) { /* below 2^-14: a multiple of 2^-24, rounded by the adder */
        uint32_t shifted = to_bits(from_bits(rest) + 0.5f) - to_bits(0.5f);
        return (uint16_t)(sign | shifted);
    }
    return (uint16_t)(sign | (rest - 0x38000000 + 0xfff + (rest >> 13 & 1)) >> 13);
}

void
orf_dtype_f32_to_f16(const float *in, uint16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = half_of(in[i]);
}
