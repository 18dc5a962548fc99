/* back.c - a plain back for a front picture: no second face behind the head.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rim of the picture stays, since it is what both sides share; what lies deeper is
 * forgotten and filled from the rim. How deep is measured against the part it belongs to, an
 * arm or a trunk, on a small map: the result is soft anyway. */
#include "project-priv.h"

#include <math.h>
#include <string.h>

#define MAP_SIDE 200 /* longer side of the map */
#define SLOPE 0.5f   /* see local_radius */

/* Distance to the outline in pixels of a map of the front. */
static OrfImage *
depth_inside(OrfTask *task, const uint8_t *alpha, const OrfLayout *layout, GError **error)
{
    const unsigned *front = layout->front;
    float shrink = MIN(1, (float)MAP_SIDE / (float)MAX(front[0], front[1]));
    unsigned width = MAX(2, (unsigned)((float)front[0] * shrink));
    unsigned height = MAX(2, (unsigned)((float)front[1] * shrink));
    float *mask =
        ORF_ALLOC(task, float, ((size_t)width * height), "back of the texture", error);
    if (!mask)
        return NULL;
    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++) {
            size_t from_y = (2 * (size_t)y + 1) * front[1] / (2 * height);
            size_t from_x = (2 * (size_t)x + 1) * front[0] / (2 * width);
            mask[(size_t)y * width + x] = (float)alpha[from_y * front[0] + from_x] / 255;
        }
    g_autoptr(OrfImage) image = orf_image_new_take(width, height, 1, ORF_F32, mask);
    return orf_image_distance(task, image, error);
}

static void
grow_from(float *radius, size_t at, ptrdiff_t step, float loss)
{
    radius[at] = MAX(radius[at], radius[(size_t)((ptrdiff_t)at + step)] - loss);
}

/* About how thick the part is that each pixel belongs to: the greatest distance to the outline
 * anywhere, less SLOPE per pixel on the way. Two passes as for a chamfer distance. */
static float *
local_radius(OrfTask *task, const OrfImage *distance, GError **error)
{
    size_t width = orf_image_width(distance), n = width * orf_image_height(distance);
    float *radius = ORF_ALLOC(task, float, n, "back of the texture", error);
    if (!radius)
        return NULL;
    memcpy(radius, orf_image_f32(distance), n * sizeof *radius);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++) {
            size_t at = pass ? n - 1 - i : i, x = at % width;
            ptrdiff_t back = pass ? 1 : -1, up = back * (ptrdiff_t)width;
            if (pass ? x + 1 < width : x > 0)
                grow_from(radius, at, back, SLOPE);
            if (i < width)
                continue;
            grow_from(radius, at, up, SLOPE);
            if (x > 0)
                grow_from(radius, at, up - 1, SLOPE * 1.414f);
            if (x + 1 < width)
                grow_from(radius, at, up + 1, SLOPE * 1.414f);
        }
    return radius;
}

/* How much of the front a pixel keeps: all at the rim, nothing from 35 % of the radius inwards.
 */
static float
kept(float distance, float radius)
{
    float share = distance / MAX(2 * radius - distance, 1); /* undoes the slope */
    float t = CLAMP((share - 0.08f) / 0.27f, 0, 1);
    return 255 * (1 - t * t * (3 - 2 * t));
}

typedef struct {
    const OrfLayout *layout;
    const uint8_t *front;
    uint8_t *back;
    const float *keep; /* the map */
    unsigned width, height;
} Rim;

/* The place of row or column `at` of `n` on `size` pixels: index and share of the next one. */
static unsigned
map_place(unsigned at, unsigned n, unsigned size, float *ret_share)
{
    float place = ((float)at + 0.5f) * (float)size / (float)n - 0.5f;
    place = CLAMP(place, 0, (float)size - 1.001f);
    *ret_share = place - floorf(place);
    return (unsigned)place;
}

static void
keep_rows(size_t begin, size_t end, void *data)
{
    const Rim *rim = data;
    const unsigned *back = rim->layout->back, *front = rim->layout->front;
    size_t next_y = back[1] < front[1], next_x = back[0] < front[0];
    for (size_t y = begin; y < end; y++) {
        float fx, fy;
        const float *map =
            rim->keep + map_place((unsigned)y, back[1], rim->height, &fy) * (size_t)rim->width;
        size_t y0 = y * front[1] / back[1], y1 = MIN(y0 + next_y, front[1] - 1u);
        uint8_t *to = rim->back + 4 * y * back[0];
        for (unsigned x = 0; x < back[0]; x++, to += 4) {
            size_t x0 = (size_t)x * front[0] / back[0], x1 = MIN(x0 + next_x, front[0] - 1u);
            const uint8_t *p = rim->front + 4 * (y0 * front[0] + x0);
            const uint8_t *q = rim->front + 4 * (y1 * front[0] + x1);
            for (int k = 0; k < 3; k++)
                to[k] = (uint8_t)((p[k] + q[k] + 1) / 2);
            const float *m = map + map_place(x, back[0], rim->width, &fx);
            float top = m[0] + fx * (m[1] - m[0]);
            float low = m[rim->width] + fx * (m[rim->width + 1] - m[rim->width]);
            to[3] = (uint8_t)(top + fy * (low - top));
        }
    }
}

uint8_t *
orf_plain_back(OrfTask *task, const uint8_t *front, const uint8_t *alpha,
               const OrfLayout *layout, GError **error)
{
    g_autoptr(OrfImage) distance = depth_inside(task, alpha, layout, error);
    orf_autofree float *keep = distance ? local_radius(task, distance, error) : NULL;
    if (!keep)
        return NULL;
    const unsigned *size = layout->back;
    orf_autofree uint8_t *back =
        ORF_ALLOC(task, uint8_t, 4 * (size_t)size[0] * size[1], "back of the texture", error);
    if (!back)
        return NULL;
    Rim rim = {
        layout, front, back, keep, orf_image_width(distance), orf_image_height(distance)
    };
    for (size_t i = 0; i < (size_t)rim.width * rim.height; i++)
        keep[i] = kept(orf_image_f32(distance)[i], keep[i]);
    if (!orf_task_parallel(task, size[1], 32, keep_rows, &rim) && !orf_task_check(task, error))
        return NULL;
    if (!orf_fill_unknown(task, back, size[0], size[1], error))
        return NULL;
    return g_steal_pointer(&back);
}
