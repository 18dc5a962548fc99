/* draw_test.h - pictures drawn for the tests of this room.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_DRAW_TEST_H
#define ORF_DRAW_TEST_H

#include <math.h>

#include "generate/generate-priv.h"

/* Signed distance to a shape in px, positive inside. */
typedef float (*DrawFn)(float x, float y);
/* Brightness 0..1 at a point. */
typedef float (*PaintFn)(float x, float y);

static inline OrfImage *
draw_alpha(unsigned width, unsigned height, DrawFn shape)
{
    float *pixels = ORF_ALLOC(NULL, float, ((size_t)width * height), "test", NULL);
    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++)
            pixels[(size_t)y * width + x] =
                CLAMP(shape((float)x + 0.5f, (float)y + 0.5f) + 0.5f, 0, 1);
    return orf_image_new_take(width, height, 1, ORF_F32, pixels);
}

static inline OrfImage *
draw_rgba(unsigned width, unsigned height, DrawFn shape, PaintFn paint)
{
    uint8_t *pixels = ORF_ALLOC(NULL, uint8_t, 4 * (size_t)width * height, "test", NULL);
    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++) {
            float px = (float)x + 0.5f, py = (float)y + 0.5f;
            uint8_t *p = pixels + 4 * ((size_t)y * width + x);
            p[0] = p[1] = p[2] = (uint8_t)(255 * CLAMP(paint(px, py), 0, 1));
            p[3] = (uint8_t)(255 * CLAMP(shape(px, py) + 0.5f, 0, 1));
        }
    return orf_image_new_take(width, height, 4, ORF_U8, pixels);
}

static inline float
draw_flat(float x, float y)
{
    (void)x, (void)y;
    return 0.6f;
}

static inline float
draw_box(float x, float y, float x0, float y0, float x1, float y1)
{
    return MIN(MIN(x - x0, x1 - x), MIN(y - y0, y1 - y));
}

#endif
