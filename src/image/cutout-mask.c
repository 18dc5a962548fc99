/* cutout-mask.c - regions, holes, growing and judging of small binary masks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image/cutout-priv.h"

#include <math.h>

size_t
orf_mask_count(const uint8_t *mask, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += mask[i];
    return count;
}

/* Everything equal to mask[seed] and connected with it gets `label`; `queue` has room for all.
 */
static uint32_t
spread(unsigned width, unsigned height, const uint8_t *mask, bool eight, uint32_t seed,
       int32_t label, int32_t *labels, uint32_t *queue)
{
    static const int to_x[8] = { 1, -1, 0, 0, 1, 1, -1, -1 },
                     to_y[8] = { 0, 0, 1, -1, 1, -1, 1, -1 };
    uint32_t head = 0, tail = 0;
    queue[tail++] = seed;
    labels[seed] = label;
    while (head < tail) {
        uint32_t at = queue[head++];
        unsigned x = at % width, y = at / width;
        for (int d = 0; d < (eight ? 8 : 4); d++) {
            unsigned ox = x + (unsigned)to_x[d], oy = y + (unsigned)to_y[d];
            uint32_t other = oy * width + ox;
            if (ox >= width || oy >= height || labels[other] || !mask[other])
                continue;
            labels[other] = label;
            queue[tail++] = other;
        }
    }
    return tail;
}

bool
orf_mask_label(OrfTask *task, unsigned width, unsigned height, const uint8_t *mask, bool eight,
               int32_t *ret_label, uint32_t **ret_area, unsigned *ret_count, GError **error)
{
    size_t n = (size_t)width * height;
    orf_autofree uint32_t *queue = ORF_ALLOC(task, uint32_t, n, "regions", error);
    if (!queue)
        return false;
    g_auto(OrfVec) areas = { .item = sizeof(uint32_t) };
    uint32_t *outside = orf_vec_add(task, &areas, 1, "regions", error);
    if (!outside)
        return false;
    *outside = 0;
    memset(ret_label, 0, n * sizeof *ret_label);
    for (uint32_t i = 0; i < n; i++) {
        if (!mask[i] || ret_label[i])
            continue;
        uint32_t *area = orf_vec_add(task, &areas, 1, "regions", error);
        if (!area)
            return false;
        *area = spread(width, height, mask, eight, i, (int32_t)areas.n - 1, ret_label, queue);
    }
    *ret_count = (unsigned)areas.n - 1;
    *ret_area = orf_vec_steal(&areas);
    return true;
}

/* Sets pixels of regions smaller than `least` to `value`. */
static bool
drop_small(OrfTask *task, unsigned width, unsigned height, uint8_t *mask, bool holes,
           double share, double least, GError **error)
{
    size_t n = (size_t)width * height;
    orf_autofree int32_t *label = ORF_ALLOC(task, int32_t, n, "regions", error);
    orf_autofree uint8_t *look = label ? ORF_ALLOC(task, uint8_t, n, "regions", error) : NULL;
    orf_autofree uint32_t *area = NULL;
    unsigned count;
    if (!look)
        return false;
    for (size_t i = 0; i < n; i++)
        look[i] = mask[i] ^ (uint8_t)holes;
    if (!orf_mask_label(task, width, height, look, !holes, label, &area, &count, error))
        return false;
    uint32_t largest = 0;
    for (unsigned k = 1; k <= count; k++)
        largest = MAX(largest, area[k]);
    for (size_t i = 0; i < n; i++)
        if (label[i] && area[label[i]] < MAX(least, share * largest))
            mask[i] = holes;
    return true;
}

bool
orf_mask_clean(OrfTask *task, unsigned width, unsigned height, uint8_t *mask, double keep,
               double hole, GError **error)
{
    return drop_small(task, width, height, mask, false, keep, 0, error) &&
           drop_small(task, width, height, mask, true, 0, hole, error);
}

bool
orf_mask_flood(OrfTask *task, unsigned width, unsigned height, uint8_t *mask, GError **error)
{
    size_t n = (size_t)width * height;
    orf_autofree int32_t *label = ORF_ALLOC(task, int32_t, n, "flood", error);
    orf_autofree uint32_t *queue = label ? ORF_ALLOC(task, uint32_t, n, "flood", error) : NULL;
    if (!queue)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        unsigned x = i % width, y = i / width;
        bool frame = !x || !y || x == width - 1 || y == height - 1;
        if (frame && mask[i] && !label[i])
            spread(width, height, mask, false, i, 1, label, queue);
    }
    for (size_t i = 0; i < n; i++)
        mask[i] = label[i] == 1;
    return true;
}

/* The largest (or least) of three rows, or of three neighbours: bytes of 0 and 1, so | and &
 * do. */
static void
join(const uint8_t *a, const uint8_t *b, const uint8_t *c, uint8_t *to, size_t n, bool shrink)
{
    for (size_t i = 0; i < n && shrink; i++)
        to[i] = a[i] & b[i] & c[i];
    for (size_t i = 0; i < n && !shrink; i++)
        to[i] = a[i] | b[i] | c[i];
}

/* One round. `line` is a padded row, `edge` a row of what lies outside. */
static void
grow_once(size_t w, size_t h, uint8_t *mask, uint8_t *half, uint8_t *line, const uint8_t *edge,
          bool shrink)
{
    for (size_t y = 0; y < h; y++) {
        line[0] = line[w + 1] = edge[0];
        memcpy(line + 1, mask + y * w, w);
        join(line, line + 1, line + 2, half + y * w, w, shrink);
    }
    for (size_t y = 0; y < h; y++)
        join(y ? half + (y - 1) * w : edge, half + y * w, y + 1 < h ? half + (y + 1) * w : edge,
             mask + y * w, w, shrink);
}

bool
orf_mask_grow(OrfTask *task, unsigned width, unsigned height, uint8_t *mask, unsigned rounds,
              bool shrink, GError **error)
{
    size_t n = (size_t)width * height;
    orf_autofree uint8_t *half =
        ORF_ALLOC(task, uint8_t, n + 2 * ((size_t)width + 2), "mask", error);
    if (!half)
        return false;
    uint8_t *line = half + n, *edge = line + width + 2;
    memset(edge, shrink, width + 2);
    for (unsigned round = 0; round < rounds; round++)
        grow_once(width, height, mask, half, line, edge, shrink);
    return orf_task_check(task, error);
}

/* --- Judging ------------------------------------------------------------------------------ */

enum {
    BINS = 256,
    AWAY = 4
}; /* bins of half a dE; pixels from the rim to the background proper */

/* Colour difference over three steps of `step` around pixel i, as a bin. */
static unsigned
difference_bin(const OrfCutoutWork *work, size_t i, size_t step)
{
    const float *p = work->lab + 3 * (i - step), *q = work->lab + 3 * (i + 2 * step);
    float a = p[0] - q[0], b = p[1] - q[1], c = p[2] - q[2];
    return MIN(BINS - 1, (unsigned)(2 * sqrtf(a * a + b * b + c * c)));
}

static double
percentile(const uint32_t *bins, double share)
{
    uint64_t all = 0, seen = 0;
    for (int i = 0; i < BINS; i++)
        all += bins[i];
    for (int i = 0; i < BINS && all; i++)
        if ((double)(seen += bins[i]) >= share * (double)all)
            return (i + 0.5) / 2;
    return 0;
}

/* Contrast across the rim, and the background's own; `near` is the mask grown by AWAY. */
static void
look_at_contrast(const OrfCutoutWork *work, const uint8_t *mask, const uint8_t *near,
                 OrfMaskLook *look)
{
    uint32_t rim[BINS] = { 0 }, rest[BINS] = { 0 };
    for (size_t y = 1; y + 2 < work->height; y++) {
        for (size_t x = 1; x + 2 < work->width; x++) {
            size_t i = y * work->width + x, w = work->width;
            if (!near[i])
                rest[MAX(difference_bin(work, i, 1), difference_bin(work, i, w))]++;
            if (mask[i] != mask[i + 1])
                rim[difference_bin(work, i, 1)]++;
            if (mask[i] != mask[i + w])
                rim[difference_bin(work, i, w)]++;
        }
    }
    look->contrast = percentile(rim, 0.5);
    look->weak = percentile(rim, 0.2);
    look->clutter = percentile(rest, 0.9);
}

/* Rim pixels on the frame, and all of them. */
static double
share_on_frame(const OrfCutoutWork *work, const uint8_t *mask)
{
    size_t frame = 0, rim = 0, w = work->width, h = work->height;
    for (size_t y = 0, i = 0; y < h; y++) {
        for (size_t x = 0; x < w; x++, i++) {
            if (!mask[i])
                continue;
            bool edge = !x || !y || x == w - 1 || y == h - 1;
            frame += edge;
            rim += edge || !mask[i - 1] || !mask[i + 1] || !mask[i - w] || !mask[i + w];
        }
    }
    return rim ? (double)frame / (double)rim : 0;
}

static bool
share_of_largest(OrfTask *task, const OrfCutoutWork *work, const uint8_t *mask,
                 double *ret_share, GError **error)
{
    orf_autofree int32_t *label = ORF_ALLOC(task, int32_t, work->n, "regions", error);
    orf_autofree uint32_t *area = NULL;
    unsigned count;
    if (!label || !orf_mask_label(task, work->width, work->height, mask, true, label, &area,
                                  &count, error))
        return false;
    uint32_t largest = 0, all = 0;
    for (unsigned k = 1; k <= count; k++) {
        largest = MAX(largest, area[k]);
        all += area[k];
    }
    *ret_share = all ? (double)largest / all : 0;
    return true;
}

bool
orf_mask_look(OrfTask *task, const OrfCutoutWork *work, const uint8_t *mask,
              OrfMaskLook *ret_look, GError **error)
{
    orf_autofree uint8_t *near = ORF_ALLOC(task, uint8_t, work->n, "regions", error);
    if (!near)
        return false;
    memcpy(near, mask, work->n);
    if (!orf_mask_grow(task, work->width, work->height, near, AWAY, false, error))
        return false;
    look_at_contrast(work, mask, near, ret_look);
    ret_look->coverage = (double)orf_mask_count(mask, work->n) / (double)work->n;
    ret_look->frame = share_on_frame(work, mask);
    return share_of_largest(task, work, mask, &ret_look->largest, error);
}
