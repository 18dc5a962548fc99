/* fill.c - colours for pixels nobody saw, from those around them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pull: each level holds the weighted mean of 2 x 2 pixels of the level below, its weight their
 * sum, at most 1. Push: from the top down, what a pixel lacks to weight 1 comes from the level
 * above, bilinear, so that large holes get smooth colours. After Gortler et al. 1996. */
#include "asset/asset-priv.h"

#define MAX_LEVELS 20

typedef float Color __attribute__((vector_size(16))); /* r, g, b times weight; weight 0..1 */

typedef struct {
    uint8_t *rgba; /* level 0 */
    Color *colors[MAX_LEVELS];
    unsigned width[MAX_LEVELS], height[MAX_LEVELS];
    unsigned n_levels, level; /* level: the one being written */
} Pyramid;

static inline Color
pixel_color(const uint8_t *p)
{
    float weight = (float)p[3] / 255;
    Color color = { (float)p[0], (float)p[1], (float)p[2], 1 };
    return color * (Color){ weight, weight, weight, weight };
}

static inline Color
color_at(const Pyramid *pyramid, unsigned level, size_t at)
{
    return level ? pyramid->colors[level][at] : pixel_color(pyramid->rgba + 4 * at);
}

/* Brings the weight of a sum to at most 1. */
static inline Color
limited(Color sum)
{
    float factor = sum[3] > 1 ? 1 / sum[3] : 1;
    return sum * (Color){ factor, factor, factor, factor };
}

static void
pull_rows(size_t begin, size_t end, void *data)
{
    const Pyramid *pyramid = data;
    unsigned level = pyramid->level, below = level - 1;
    unsigned width = pyramid->width[below], height = pyramid->height[below];
    for (size_t y = begin; y < end; y++) {
        Color *to = pyramid->colors[level] + y * pyramid->width[level];
        size_t top = 2 * y * width, low = MIN(2 * y + 1, height - 1) * (size_t)width;
        for (unsigned x = 0; x < pyramid->width[level]; x++) {
            unsigned left = 2 * x, right = MIN(2 * x + 1, width - 1);
            to[x] = limited(
                color_at(pyramid, below, top + left) + color_at(pyramid, below, top + right) +
                color_at(pyramid, below, low + left) + color_at(pyramid, below, low + right));
        }
    }
}

/* The level above at pixel (x, y), bilinear; all its weights are 1. */
static inline Color
from_above(const Color *above, unsigned width, unsigned height, unsigned x, size_t y)
{
    unsigned x0 = x / 2, y0 = (unsigned)(y / 2);
    unsigned x1 = x & 1 ? MIN(x0 + 1, width - 1) : x0 ? x0 - 1 : 0;
    unsigned y1 = y & 1 ? MIN(y0 + 1, height - 1) : y0 ? y0 - 1 : 0;
    const Color *near = above + (size_t)y0 * width, *far = above + (size_t)y1 * width;
    Color nine = { 9, 9, 9, 9 }, three = { 3, 3, 3, 3 },
          sixteenth = { .0625f, .0625f, .0625f, .0625f };
    return (nine * near[x0] + three * (near[x1] + far[x0]) + far[x1]) * sixteenth;
}

static inline Color
completed(Color color, Color above)
{
    float lack = 1 - color[3];
    return color + above * (Color){ lack, lack, lack, lack };
}

static void
push_rows(size_t begin, size_t end, void *data)
{
    const Pyramid *pyramid = data;
    unsigned level = pyramid->level, width = pyramid->width[level];
    const Color *above = pyramid->colors[level + 1];
    unsigned above_width = pyramid->width[level + 1], above_height = pyramid->height[level + 1];
    for (size_t y = begin; y < end; y++) {
        Color *row = pyramid->colors[level] + y * width;
        for (unsigned x = 0; x < width; x++)
            if (row[x][3] < 1)
                row[x] = completed(row[x], from_above(above, above_width, above_height, x, y));
    }
}

static void
push_pixels(size_t begin, size_t end, void *data)
{
    const Pyramid *pyramid = data;
    for (size_t y = begin; y < end; y++) {
        uint8_t *p = pyramid->rgba + 4 * y * pyramid->width[0];
        for (unsigned x = 0; x < pyramid->width[0]; x++, p += 4) {
            if (p[3] == 255)
                continue;
            Color color =
                completed(pixel_color(p), from_above(pyramid->colors[1], pyramid->width[1],
                                                     pyramid->height[1], x, y));
            for (int k = 0; k < 3; k++)
                p[k] = (uint8_t)(color[k] + 0.5f);
            p[3] = 255;
        }
    }
}

/* Halves the size until one pixel is left; returns the pixels of all levels but the first. */
static size_t
plan(Pyramid *pyramid)
{
    size_t n = 0;
    do {
        unsigned last = pyramid->n_levels - 1;
        pyramid->width[last + 1] = (pyramid->width[last] + 1) / 2;
        pyramid->height[last + 1] = (pyramid->height[last] + 1) / 2;
        n += (size_t)pyramid->width[last + 1] * pyramid->height[last + 1];
        pyramid->n_levels++;
    } while (pyramid->width[pyramid->n_levels - 1] > 1 ||
             pyramid->height[pyramid->n_levels - 1] > 1);
    return n;
}

static bool
over_rows(OrfTask *task, Pyramid *pyramid, unsigned level, OrfRangeFn body)
{
    pyramid->level = level;
    size_t grain = 65536 / pyramid->width[level] + 1;
    return orf_task_parallel(task, pyramid->height[level], grain, body, pyramid);
}

static bool
push_and_pull(OrfTask *task, Pyramid *pyramid)
{
    unsigned top = pyramid->n_levels - 1;
    for (unsigned level = 1; level <= top; level++)
        if (!over_rows(task, pyramid, level, pull_rows))
            return false;
    Color grey = { 128, 128, 128, 1 }, *apex = pyramid->colors[top];
    float weight = (*apex)[3] > 0 ? 1 / (*apex)[3] : 0;
    *apex = weight > 0 ? *apex * (Color){ weight, weight, weight, weight } : grey;
    for (unsigned level = top - 1; level > 0; level--)
        if (!over_rows(task, pyramid, level, push_rows))
            return false;
    return over_rows(task, pyramid, 0, push_pixels);
}

bool
orf_fill_unknown(OrfTask *task, uint8_t *rgba, unsigned width, unsigned height, GError **error)
{
    Pyramid pyramid = { .rgba = rgba, .width = { width }, .height = { height }, .n_levels = 1 };
    orf_autofree Color *colors = ORF_ALLOC(task, Color, plan(&pyramid), "fill", error);
    if (!colors)
        return false;
    Color *at = colors;
    for (unsigned level = 1; level < pyramid.n_levels; level++) {
        pyramid.colors[level] = at;
        at += (size_t)pyramid.width[level] * pyramid.height[level];
    }
    return push_and_pull(task, &pyramid) || orf_task_check(task, error);
}
