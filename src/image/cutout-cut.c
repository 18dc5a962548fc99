/* cutout-cut.c - from scores and contrast to a mask: the energy of the cut.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Cost = sum of scores on the wrong side + sum over separated neighbours of
 * (PRICE exp(-d^2 / scale) + LEAST) / distance. Scores are clipped: no colour alone outvotes a
 * rim. */
#include "image/cutout-priv.h"

#include <math.h>

enum { UNIT = 1024, TABLE = 512 };
static const float PRICE = 6, LEAST = 0.15f, CLIP = 6, USUAL = 30; /* the last in dE^2 */
static const int to_x[ORF_GRID_EDGES] = { 1, 0, 1, -1 }, to_y[ORF_GRID_EDGES] = { 0, 1, 1, 1 };

static inline float
difference(const float *p, const float *q)
{
    float a = p[0] - q[0], b = p[1] - q[1], c = p[2] - q[2];
    return a * a + b * b + c * c;
}

/* The smaller of the contrast in the picture and in what the background leaves of it. */
static inline float
contrast(const OrfCutoutWork *work, const float *model, size_t i, size_t j)
{
    const float *p = work->lab + 3 * i, *q = work->lab + 3 * j;
    float seen = difference(p, q);
    if (!model)
        return seen;
    const float *m = model + 3 * i, *n = model + 3 * j;
    float a = p[0] - m[0] - q[0] + n[0], b = p[1] - m[1] - q[1] + n[1];
    float c = p[2] - m[2] - q[2] + n[2];
    return MIN(seen, a * a + b * b + c * c);
}

static float
usual_contrast(const OrfCutoutWork *work)
{
    double sum = 0;
    size_t n = 0;
    for (size_t y = 0; y < work->height; y++) {
        for (size_t x = 1; x < work->width; x++, n++) {
            size_t i = y * work->width + x;
            sum += difference(work->lab + 3 * i, work->lab + 3 * (i - 1));
        }
    }
    return n ? (float)(2 * sum / (double)n) : USUAL;
}

/* Prices for contrast 0 to 8 times the scale. */
static void
fill_table(float distance, int32_t table[TABLE])
{
    for (int k = 0; k < TABLE; k++)
        table[k] =
            (int32_t)(UNIT * (PRICE * expf(-8.0f * (float)k / TABLE) + LEAST) / distance);
}

static void
price(const OrfCutoutWork *work, const float *model, float scale, int d, int32_t *ret_edge)
{
    int32_t table[TABLE];
    fill_table(d < 2 ? 1 : (float)G_SQRT2, table);
    float to_index = TABLE / (8 * scale);
    for (size_t y = 0, i = 0; y < work->height; y++) {
        for (size_t x = 0; x < work->width; x++, i++) {
            size_t ox = x + (size_t)to_x[d], oy = y + (size_t)to_y[d];
            if (ox >= work->width || oy >= work->height)
                continue;
            float at = contrast(work, model, i, oy * work->width + ox) * to_index;
            ret_edge[i] = table[at < TABLE - 1 ? (int)at : TABLE - 1];
        }
    }
}

bool
orf_cut_links_init(OrfTask *task, const OrfCutoutWork *work, const float *model, double noise,
                   OrfCutLinks *ret_links, GError **error)
{
    g_auto(OrfCutLinks) links = { 0 };
    float scale = noise > 0 ? (float)MAX(USUAL, 14 * noise * noise) : usual_contrast(work);
    for (int d = 0; d < ORF_GRID_EDGES; d++) {
        if (!(links.edge[d] = ORF_ALLOC(task, int32_t, work->n, "edges", error)))
            return false;
        price(work, model, MAX(scale, 1), d, links.edge[d]);
    }
    *ret_links = links;
    links = (OrfCutLinks){ 0 };
    return orf_task_check(task, error);
}

void
orf_cut_links_clear(OrfCutLinks *links)
{
    for (int d = 0; d < ORF_GRID_EDGES; d++)
        orf_free(links->edge[d]);
    *links = (OrfCutLinks){ 0 };
}

bool
orf_cut(OrfTask *task, const OrfCutoutWork *work, const OrfCutLinks *links, const float *score,
        uint8_t *ret_mask, GError **error)
{
    orf_autofree int32_t *node = ORF_ALLOC(task, int32_t, work->n, "cut", error);
    if (!node)
        return false;
    for (size_t i = 0; i < work->n; i++) {
        bool hard = fabsf(score[i]) >= ORF_CUT_HARD;
        node[i] = (int32_t)(UNIT * (hard ? score[i] : CLAMP(score[i], -CLIP, CLIP)));
    }
    OrfGrid grid = { .width = work->width, .height = work->height, .node = node };
    for (int d = 0; d < ORF_GRID_EDGES; d++)
        grid.edge[d] = links->edge[d];
    return orf_grid_cut(task, &grid, ret_mask, NULL, error);
}

void
orf_cut_hint(const OrfCutoutWork *work, const OrfCutoutHint *hint, float *score)
{
    if (!hint->box)
        return;
    float x0 = hint->box[0] * (float)work->width, x1 = hint->box[2] * (float)work->width;
    float y0 = hint->box[1] * (float)work->height, y1 = hint->box[3] * (float)work->height;
    for (unsigned y = 0; y < work->height; y++) {
        for (unsigned x = 0; x < work->width; x++) {
            float cx = (float)x + 0.5f, cy = (float)y + 0.5f;
            if (cx < x0 || cx > x1 || cy < y0 || cy > y1)
                score[(size_t)y * work->width + x] = -ORF_CUT_HARD;
        }
    }
}
