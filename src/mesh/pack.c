/* pack.c - lays charts out in the unit square.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A chart is turned where that makes its box clearly smaller. Boxes, highest first, go to the
 * lowest place along a skyline, or on shelves when there are thousands; the scale, the same for
 * all charts, is found by bisection. */
#include "unwrap-priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TURNS 18          /* angles tried in a quarter turn */
#define WORTH_TURNING 0.9 /* share of the box that must not be exceeded */
#define MOST_SKYLINE 3000 /* charts */
#define BISECTIONS 14

typedef struct {
    double low[2], size[2]; /* mm, of the turned chart */
    double cosine, sine;
    double at[2]; /* place in the unit square, without the gutter */
    uint32_t chart;
} Box;

typedef struct {
    double x, y, width;
} Step;

typedef struct {
    OrfAtlas *atlas;
    Box *boxes;    /* [n] highest first */
    Step *skyline; /* [n + 2] */
    size_t n, n_steps;
    double gutter;
} Packing;

static void
packing_clear(Packing *packing)
{
    orf_free(packing->boxes);
    orf_free(packing->skyline);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Packing, packing_clear)

/* --- Boxes -------------------------------------------------------------------------------- */

static Box
box_at(const OrfAtlas *atlas, uint32_t index, double angle)
{
    const OrfChart *chart = orf_atlas_chart(atlas, index);
    double low[2] = { INFINITY, INFINITY }, high[2] = { -INFINITY, -INFINITY };
    Box box = { .cosine = cos(angle), .sine = sin(angle), .chart = index };
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++) {
        const float *uv = atlas->uv + 6 * (size_t)atlas->order[i];
        for (int k = 0; k < 3; k++, uv += 2) {
            double x = box.cosine * uv[0] - box.sine * uv[1];
            double y = box.sine * uv[0] + box.cosine * uv[1];
            low[0] = MIN(low[0], x);
            low[1] = MIN(low[1], y);
            high[0] = MAX(high[0], x);
            high[1] = MAX(high[1], y);
        }
    }
    for (int k = 0; k < 2; k++) {
        box.low[k] = low[k];
        box.size[k] = high[k] - low[k];
    }
    return box;
}

/* Upright unless another angle saves a tenth; lying rather than standing when it is long. */
static Box
best_box(const OrfAtlas *atlas, uint32_t index)
{
    Box upright = box_at(atlas, index, 0), best = upright;
    double angle = 0;
    for (int turn = 1; turn < TURNS; turn++) {
        Box box = box_at(atlas, index, turn * G_PI / 2 / TURNS);
        if (box.size[0] * box.size[1] >= best.size[0] * best.size[1])
            continue;
        best = box;
        angle = turn * G_PI / 2 / TURNS;
    }
    if (best.size[0] * best.size[1] > WORTH_TURNING * upright.size[0] * upright.size[1]) {
        best = upright;
        angle = 0;
    }
    return best.size[1] > 1.5 * best.size[0] ? box_at(atlas, index, angle + G_PI / 2) : best;
}

static void
fill_boxes(size_t begin, size_t end, void *data)
{
    Packing *packing = data;
    for (size_t i = begin; i < end; i++)
        packing->boxes[i] = best_box(packing->atlas, (uint32_t)i);
}

static int
by_height(const void *a, const void *b)
{
    const Box *x = a, *y = b;
    if (x->size[1] != y->size[1])
        return x->size[1] > y->size[1] ? -1 : 1;
    return (x->chart > y->chart) - (x->chart < y->chart);
}

/* --- Places ------------------------------------------------------------------------------- */

/* Height at which a box of this width could stand on the steps from `first` on. */
static double
rest_height(const Packing *packing, size_t first, double width)
{
    double y = 0, left = width;
    for (size_t i = first; left > 1e-12; left -= packing->skyline[i++].width) {
        if (i == packing->n_steps)
            return INFINITY;
        y = MAX(y, packing->skyline[i].y);
    }
    return y;
}

/* Puts a step of this width and height in place of what it covers from `first` on. */
static void
raise_skyline(Packing *packing, size_t first, double width, double top)
{
    Step *steps = packing->skyline, fresh = { steps[first].x, top, width };
    size_t last = first;
    double left = width;
    while (last < packing->n_steps && left >= steps[last].width - 1e-12)
        left -= steps[last++].width;
    if (last < packing->n_steps && left > 0) {
        steps[last].x += left;
        steps[last].width -= left;
    }
    size_t tail = packing->n_steps - last;
    memmove(steps + first + 1, steps + last, tail * sizeof *steps);
    steps[first] = fresh;
    packing->n_steps = first + 1 + tail;
}

static bool
fits_skyline(Packing *packing, double scale)
{
    packing->skyline[0] = (Step){ 0, 0, 1 };
    packing->n_steps = 1;
    for (size_t b = 0; b < packing->n; b++) {
        Box *box = &packing->boxes[b];
        double width = box->size[0] * scale + packing->gutter, best = INFINITY;
        double height = box->size[1] * scale + packing->gutter;
        size_t place = 0;
        for (size_t i = 0; i < packing->n_steps; i++) {
            double y = packing->skyline[i].y < best ? rest_height(packing, i, width) : INFINITY;
            if (y < best) {
                best = y;
                place = i;
            }
        }
        if (best + height > 1)
            return false;
        box->at[0] = packing->skyline[place].x;
        box->at[1] = best;
        raise_skyline(packing, place, width, best + height);
    }
    return true;
}

static bool
fits_shelves(Packing *packing, double scale)
{
    double x = 0, y = 0, shelf = 0;
    for (size_t b = 0; b < packing->n; b++) {
        Box *box = &packing->boxes[b];
        double width = box->size[0] * scale + packing->gutter;
        double height = box->size[1] * scale + packing->gutter;
        if (x + width > 1) {
            y += shelf;
            x = shelf = 0;
        }
        shelf = MAX(shelf, height);
        if (width > 1 || y + height > 1)
            return false;
        box->at[0] = x;
        box->at[1] = y;
        x += width;
    }
    return true;
}

static bool
fits(Packing *packing, double scale)
{
    return packing->n > MOST_SKYLINE ? fits_shelves(packing, scale)
                                     : fits_skyline(packing, scale);
}

/* The greatest scale found, with the boxes placed for it; 0 when there is nothing to place. */
static double
find_scale(Packing *packing)
{
    double area = 0, longest = 0;
    for (size_t b = 0; b < packing->n; b++) {
        area += packing->boxes[b].size[0] * packing->boxes[b].size[1];
        longest = MAX(longest, MAX(packing->boxes[b].size[0], packing->boxes[b].size[1]));
    }
    if (!(longest > 0))
        return 0;
    double low = 0, high = 1 / MAX(sqrt(area), longest);
    for (int i = 0; i < BISECTIONS; i++) {
        double middle = i ? (low + high) / 2 : high * 0.8;
        if (fits(packing, middle))
            low = middle;
        else
            high = middle;
    }
    fits(packing, low);
    return low;
}

static void
write_places(const Packing *packing, double scale)
{
    OrfAtlas *atlas = packing->atlas;
    for (size_t b = 0; b < packing->n; b++) {
        const Box *box = &packing->boxes[b];
        const OrfChart *chart = orf_atlas_chart(atlas, box->chart);
        for (uint32_t i = chart->first; i < chart->first + chart->n; i++) {
            float *uv = atlas->uv + 6 * (size_t)atlas->order[i];
            for (int k = 0; k < 3; k++, uv += 2) {
                double x = box->cosine * uv[0] - box->sine * uv[1] - box->low[0];
                double y = box->sine * uv[0] + box->cosine * uv[1] - box->low[1];
                double u = box->at[0] + packing->gutter / 2 + scale * x;
                double v = box->at[1] + packing->gutter / 2 + scale * (box->size[1] - y);
                uv[0] = (float)CLAMP(u, 0, 1);
                uv[1] = (float)CLAMP(v, 0, 1);
            }
        }
    }
}

bool
orf_atlas_pack(OrfAtlas *atlas, double gutter, GError **error)
{
    size_t n = atlas->charts.n;
    g_auto(Packing) packing = { .atlas = atlas, .n = n };
    packing.gutter =
        MIN(gutter, 0.5 / sqrt((double)n + 1)); /* a quarter of the square at most */
    packing.boxes = ORF_ALLOC(atlas->task, Box, n, "unwrapping", error);
    packing.skyline = ORF_ALLOC(atlas->task, Step, n + 2, "unwrapping", error);
    if (!packing.boxes || !packing.skyline)
        return false;
    if (!orf_task_parallel(atlas->task, n, 1, fill_boxes, &packing))
        return orf_task_check(atlas->task, error);
    qsort(packing.boxes, n, sizeof *packing.boxes, by_height);
    write_places(&packing, find_scale(&packing));
    return orf_task_check(atlas->task, error);
}
