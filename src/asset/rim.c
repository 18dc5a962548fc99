/* rim.c - which pixels of a cut-out show the subject alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The cut-out is shrunk by SHRINK pixels; what the shrinking wipes out altogether (whiskers,
 * legs of insects) has no better pixels than its own, so it keeps them. */
#include "asset/asset-priv.h"

#include <string.h>

#define SHRINK 2
#define SOLID 230 /* alpha of a pixel with next to no background in it */

static void
take_larger(uint8_t *restrict to, const uint8_t *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = MAX(to[i], from[i]);
}

/* `to` becomes the largest value of `from` within a square of 2 radius + 1 pixels. */
static void
spread(const uint8_t *from, uint8_t *to, uint8_t *work, size_t width, size_t height,
       size_t radius)
{
    memcpy(work, from, width * height);
    for (size_t y = 0; y < height; y++)
        for (size_t r = 1; r <= MIN(radius, width - 1); r++) {
            take_larger(work + y * width, from + y * width + r, width - r);
            take_larger(work + y * width + r, from + y * width, width - r);
        }
    memcpy(to, work, width * height);
    for (size_t y = 0; y < height; y++)
        for (size_t r = 1; r <= radius; r++) {
            if (y + r < height)
                take_larger(to + y * width, work + (y + r) * width, width);
            if (y >= r)
                take_larger(to + y * width, work + (y - r) * width, width);
        }
}

static uint8_t
trust(uint8_t alpha, bool inside, bool thin)
{
    if (inside)
        return 255;
    if (thin)
        return alpha >= SOLID ? 200 : alpha >= 128 ? 60 : 0;
    return alpha >= SOLID ? 16 : alpha >= 128 ? 4 : 0;
}

bool
orf_trust_inside(OrfTask *task, uint8_t *rgba, unsigned width, unsigned height, GError **error)
{
    size_t n = (size_t)width * height;
    orf_autofree uint8_t *masks = ORF_ALLOC(task, uint8_t, n * 4, "rim", error);
    if (!masks)
        return false;
    uint8_t *hazy = masks, *rim = hazy + n, *inside = rim + n, *work = inside + n;
    for (size_t i = 0; i < n; i++)
        hazy[i] = rgba[4 * i + 3] < SOLID;
    spread(hazy, rim, work, width, height, SHRINK);
    for (size_t i = 0; i < n; i++)
        hazy[i] = !rim[i];
    spread(hazy, inside, work, width, height, 2 * SHRINK + 1); /* inside, or close to it */
    for (size_t i = 0; i < n; i++)
        rgba[4 * i + 3] = trust(rgba[4 * i + 3], !rim[i], !inside[i]);
    return true;
}
