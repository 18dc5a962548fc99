/* thicken.c - lines of a cut-out that are too thin to print become as wide as a wall.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the opening by a disc of half a wall loses is thin: hairs, stalks, the tips of tails;
 * and the last bit of every sharp corner, which must stay. A corner is never farther from what
 * the opening keeps than 0.42 of the disc's radius (a right angle) or so; so pixels farther
 * than 0.6 of it are thin, and a disc goes on every one of them that lies midway between two
 * edges. */
#include <math.h>
#include <string.h>

#include "generate/generate-priv.h"

typedef struct {
    long width, height;
    float radius;
    const float *depth; /* px to the edge of the subject, positive inside */
    const float *core;  /* px to what the erosion leaves, positive inside of it */
    float *out;
} Thicken;

static OrfImage *
eroded(OrfTask *task, const OrfImage *distance, float radius, GError **error)
{
    unsigned width = orf_image_width(distance), height = orf_image_height(distance);
    float *mask = ORF_ALLOC(task, float, ((size_t)width * height), "wall", error);
    if (!mask)
        return NULL;
    const float *d = orf_image_f32(distance);
    for (size_t i = 0; i < (size_t)width * height; i++)
        mask[i] = CLAMP(d[i] - radius + 0.5f, 0, 1);
    return orf_image_new_take(width, height, 1, ORF_F32, mask);
}

static bool
is_thin(const Thicken *t, long x, long y)
{
    long i = y * t->width + x;
    if (!(t->depth[i] > 0) || t->depth[i] >= t->radius)
        return false;
    return !(-t->core[i] <= 1.6f * t->radius); /* NaN and infinity: there is no core */
}

/* No neighbour lies much deeper: the pixel is on the ridge. */
static bool
is_ridge(const Thicken *t, long x, long y)
{
    float here = t->depth[y * t->width + x];
    for (long dy = -1; dy <= 1; dy++)
        for (long dx = -1; dx <= 1; dx++) {
            long px = x + dx, py = y + dy;
            if (px < 0 || py < 0 || px >= t->width || py >= t->height)
                continue;
            if (t->depth[py * t->width + px] > here + 0.7f * hypotf((float)dx, (float)dy))
                return false;
        }
    return true;
}

static void
stamp(const Thicken *t, long x, long y)
{
    long reach = (long)ceilf(t->radius) + 1;
    for (long py = MAX(y - reach, 0); py <= MIN(y + reach, t->height - 1); py++)
        for (long px = MAX(x - reach, 0); px <= MIN(x + reach, t->width - 1); px++) {
            float *out = &t->out[py * t->width + px];
            float cover = t->radius + 0.5f - hypotf((float)(px - x), (float)(py - y));
            *out = MAX(*out, CLAMP(cover, 0, 1));
        }
}

OrfImage *
orf_thicken(OrfTask *task, OrfImage *alpha, float radius, GError **error)
{
    g_autoptr(OrfImage) distance = orf_image_distance(task, alpha, error);
    g_autoptr(OrfImage) mask = distance ? eroded(task, distance, radius, error) : NULL;
    g_autoptr(OrfImage) core = mask ? orf_image_distance(task, mask, error) : NULL;
    if (!core)
        return NULL;
    Thicken t = { .width = orf_image_width(alpha),
                  .height = orf_image_height(alpha),
                  .radius = radius,
                  .depth = orf_image_f32(distance),
                  .core = orf_image_f32(core) };
    for (long y = 0; y < t.height; y++)
        for (long x = 0; x < t.width; x++) {
            if (!is_thin(&t, x, y) || !is_ridge(&t, x, y))
                continue;
            if (!t.out) {
                t.out = ORF_ALLOC(task, float, (size_t)(t.width * t.height), "wall", error);
                if (!t.out)
                    return NULL;
                memcpy(t.out, orf_image_f32(alpha),
                       (size_t)(t.width * t.height) * sizeof *t.out);
            }
            stamp(&t, x, y);
        }
    return t.out ? orf_image_new_take((unsigned)t.width, (unsigned)t.height, 1, ORF_F32, t.out)
                 : orf_image_ref(alpha);
}
