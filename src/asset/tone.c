/* tone.c - the sRGB curve and halved textures.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "asset/asset-priv.h"

#include <math.h>

void
orf_tone_init(OrfTone *tone)
{
    for (int i = 0; i < 256; i++) {
        double c = i / 255.0;
        tone->linear[i] = (float)(c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
    for (int i = 0; i < 4096; i++) {
        double l = i / 4095.0 * (i / 4095.0);
        double c = l <= 0.0031308 ? l * 12.92 : 1.055 * pow(l, 1 / 2.4) - 0.055;
        tone->code[i] = (uint8_t)(c * 255 + 0.5);
    }
}

uint8_t
orf_tone_code(const OrfTone *tone, float linear)
{
    return tone->code[(int)(sqrtf(CLAMP(linear, 0, 1)) * 4095 + 0.5f)];
}

/* --- Pyramid ------------------------------------------------------------------------------ */

/* Mean of 2 x 2 pixels; an odd last row or column is left out. */
static void
halve(const uint8_t *from, unsigned width, unsigned channels, uint8_t *to, unsigned to_width,
      unsigned to_height)
{
    size_t row = (size_t)width * channels;
    for (unsigned y = 0; y < to_height; y++)
        for (unsigned x = 0; x < to_width; x++)
            for (unsigned c = 0; c < channels; c++) {
                const uint8_t *p = from + 2 * y * row + (size_t)2 * x * channels + c;
                *to++ = (uint8_t)((p[0] + p[channels] + p[row] + p[row + channels] + 2) / 4);
            }
}

static size_t
plan_levels(OrfPyramid *pyramid)
{
    size_t bytes = 0;
    while (pyramid->n_levels < ORF_MAX_LEVELS) {
        unsigned last = pyramid->n_levels - 1;
        unsigned width = pyramid->width[last] / 2, height = pyramid->height[last] / 2;
        if (width < 4 || height < 4)
            break;
        pyramid->width[pyramid->n_levels] = width;
        pyramid->height[pyramid->n_levels++] = height;
        bytes += (size_t)width * height * pyramid->channels;
    }
    return bytes;
}

bool
orf_pyramid_init(OrfPyramid *pyramid, OrfTask *task, const OrfImage *image, GError **error)
{
    *pyramid = (OrfPyramid){ .pixels = { orf_image_u8(image) },
                             .width = { orf_image_width(image) },
                             .height = { orf_image_height(image) },
                             .n_levels = 1,
                             .channels = orf_image_channels(image) };
    g_assert(pyramid->pixels[0] != NULL);
    pyramid->owned = ORF_ALLOC(task, uint8_t, plan_levels(pyramid), "halved textures", error);
    if (!pyramid->owned)
        return false;
    uint8_t *to = pyramid->owned;
    for (unsigned i = 1; i < pyramid->n_levels; i++) {
        halve(pyramid->pixels[i - 1], pyramid->width[i - 1], pyramid->channels, to,
              pyramid->width[i], pyramid->height[i]);
        pyramid->pixels[i] = to;
        to += (size_t)pyramid->width[i] * pyramid->height[i] * pyramid->channels;
    }
    return true;
}

void
orf_pyramid_clear(OrfPyramid *pyramid)
{
    orf_free(g_steal_pointer(&pyramid->owned));
}

void
orf_pyramid_sample(const OrfPyramid *pyramid, unsigned level, float u, float v,
                   float ret_rgb[3])
{
    level = MIN(level, pyramid->n_levels - 1);
    int width = (int)pyramid->width[level], height = (int)pyramid->height[level];
    float x = CLAMP(u * (float)width - 0.5f, 0, (float)(width - 1));
    float y = CLAMP(v * (float)height - 0.5f, 0, (float)(height - 1));
    int x0 = (int)x, y0 = (int)y;
    float fx = x - (float)x0, fy = y - (float)y0;
    unsigned n = pyramid->channels;
    size_t right = x0 + 1 < width ? n : 0, below = y0 + 1 < height ? (size_t)width * n : 0;
    const uint8_t *p = pyramid->pixels[level] + ((size_t)y0 * (size_t)width + (size_t)x0) * n;
    for (unsigned i = 0; i < 3; i++) {
        unsigned c = n < 3 ? 0 : i; /* grey stands for all three */
        float top = (float)p[c] + fx * (float)(p[right + c] - p[c]);
        float low = (float)p[below + c] + fx * (float)(p[below + right + c] - p[below + c]);
        ret_rgb[i] = top + fy * (low - top);
    }
}
