/* blocks.c - the block formats of GGUF: a row is whole blocks of 32 or 256 elements that share
 * scales.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic is f32 in the order written, so that results equal those of the format's own
 * package bit for bit. */
#include "tensor/tensor-priv.h"

void
orf_blocks_q8_0(const uint8_t *in, float *out, size_t n)
{
    for (size_t b = 0; b < n / 32; b++, in += 34, out += 32) {
        float d = orf_dtype_f16(orf_le16(in));
        for (size_t i = 0; i < 32; i++)
            out[i] = d * (float)(int8_t)in[2 + i];
    }
}

/* Low nibbles are the first half, high nibbles the second. */
void
orf_blocks_q4_0(const uint8_t *in, float *out, size_t n)
{
    for (size_t b = 0; b < n / 32; b++, in += 18, out += 32) {
        float d = orf_dtype_f16(orf_le16(in));
        for (size_t i = 0; i < 16; i++) {
            out[i] = d * (float)((in[2 + i] & 15) - 8);
            out[i + 16] = d * (float)((in[2 + i] >> 4) - 8);
        }
    }
}

/* Scale and minimum of group j: six bits each, packed in twelve bytes. */
static void
scale_of_group(const uint8_t s[12], unsigned j, float *ret_scale, float *ret_minimum)
{
    unsigned scale, minimum;
    if (j < 4) {
        scale = s[j] & 63;
        minimum = s[j + 4] & 63;
    } else {
        scale = (s[j + 4] & 15) | (unsigned)(s[j - 4] >> 6) << 4;
        minimum = (unsigned)(s[j + 4] >> 4) | (unsigned)(s[j] >> 6) << 4;
    }
    *ret_scale = (float)scale;
    *ret_minimum = (float)minimum;
}

/* `high` holds the fifth bit of each element, or is NULL. */
static void
eight_groups(const uint8_t *in, const uint8_t *high, const uint8_t *low, float *out)
{
    float d = orf_dtype_f16(orf_le16(in)), dmin = orf_dtype_f16(orf_le16(in + 2));
    for (unsigned j = 0; j < 8; j++) {
        float scale, minimum;
        scale_of_group(in + 4, j, &scale, &minimum);
        scale *= d;
        minimum *= dmin;
        for (unsigned i = 0; i < 32; i++) {
            unsigned byte = low[32 * (j / 2) + i], v = j % 2 ? byte >> 4 : byte & 15;
            if (high)
                v |= (high[i] >> j & 1u) << 4;
            out[32 * j + i] = scale * (float)v - minimum;
        }
    }
}

void
orf_blocks_q4_k(const uint8_t *in, float *out, size_t n)
{
    for (size_t b = 0; b < n / 256; b++, in += 144, out += 256)
        eight_groups(in, NULL, in + 16, out);
}

void
orf_blocks_q5_k(const uint8_t *in, float *out, size_t n)
{
    for (size_t b = 0; b < n / 256; b++, in += 176, out += 256)
        eight_groups(in, in + 16, in + 48, out);
}

/* l[128] low nibbles, h[64] two high bits, s[16] signed scales, then d. */
void
orf_blocks_q6_k(const uint8_t *in, float *out, size_t n)
{
    for (size_t b = 0; b < n / 256; b++, in += 210, out += 256) {
        const uint8_t *low = in, *high = in + 128;
        const int8_t *scales = (const int8_t *)in + 192;
        float d = orf_dtype_f16(orf_le16(in + 208));
        for (unsigned e = 0; e < 256; e++) {
            unsigned a = e / 128, k = e / 32 % 4, i = e % 32;
            unsigned byte = low[64 * a + 32 * (k & 1) + i],
                     nibble = k < 2 ? byte & 15 : byte >> 4;
            int v = (int)(nibble | (high[32 * a + i] >> 2 * k & 3u) << 4) - 32;
            out[e] = d * (float)scales[8 * a + 2 * k + i / 16] * (float)v;
        }
    }
}
