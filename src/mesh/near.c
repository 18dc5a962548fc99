/* near.c - distance to an outline.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Segments are listed in the square cells that they pass; a query looks at the nine cells round
 * its place, which is exact up to the side of a cell. Farther places read a chamfer distance
 * map of the cells (Borgefors 1986). */
#include "planar-priv.h"

#include <math.h>

#define MAX_CELLS 2048 /* along the longer side */

struct OrfNear {
    const OrfPlanarMesh *loops;
    double low[2], cell;
    int nx, ny;
    uint32_t *start;    /* [nx * ny + 1] into segments */
    uint32_t *segments; /* points at which the listed segments begin */
    uint32_t *follows;  /* [n outline points] the next point of the loop */
    float *coarse;      /* [nx * ny] cells to the nearest segment */
};

void
orf_near_free(OrfNear *near)
{
    if (!near)
        return;
    orf_free(near->start);
    orf_free(near->segments);
    orf_free(near->follows);
    orf_free(near->coarse);
    g_free(near);
}

/* One cell of margin on each side. */
static void
lay_grid(OrfNear *near, double reach)
{
    const OrfPlanarMesh *loops = near->loops;
    double high[2] = { -INFINITY, -INFINITY };
    near->low[0] = near->low[1] = INFINITY;
    for (size_t i = 0; i < 2 * (size_t)loops->loop_start[loops->n_loops]; i++) {
        near->low[i & 1] = MIN(near->low[i & 1], loops->points[i]);
        high[i & 1] = MAX(high[i & 1], loops->points[i]);
    }
    double width = high[0] - near->low[0], height = high[1] - near->low[1];
    near->cell = MAX(reach, MAX(width, height) / (MAX_CELLS - 4));
    near->low[0] -= 1.5 * near->cell;
    near->low[1] -= 1.5 * near->cell;
    near->nx = (int)(width / near->cell) + 4;
    near->ny = (int)(height / near->cell) + 4;
}

/* Calls for every cell that the segment at point i may pass: row by row, its span of x. */
static void
visit_cells(const OrfNear *near, uint32_t i, uint32_t *counts, uint32_t *list)
{
    const float *points = near->loops->points;
    const float *p = points + 2 * (size_t)i, *q = points + 2 * (size_t)near->follows[i];
    double ax = (p[0] - near->low[0]) / near->cell, ay = (p[1] - near->low[1]) / near->cell;
    double bx = (q[0] - near->low[0]) / near->cell, by = (q[1] - near->low[1]) / near->cell;
    if (ay > by) {
        double x = ax, y = ay;
        ax = bx, ay = by, bx = x, by = y;
    }
    for (int row = (int)ay; row <= (int)by; row++) {
        double from = by > ay ? ax + (bx - ax) * (MAX(row, ay) - ay) / (by - ay) : ax;
        double to = by > ay ? ax + (bx - ax) * (MIN(row + 1, by) - ay) / (by - ay) : bx;
        for (int x = (int)MIN(from, to); x <= (int)MAX(from, to); x++) {
            uint32_t *count = counts + (size_t)row * near->nx + x;
            if (list)
                list[--*count] = i;
            else
                ++*count;
        }
    }
}

static bool
list_segments(OrfNear *near, OrfTask *task, GError **error)
{
    uint32_t n = near->loops->loop_start[near->loops->n_loops];
    size_t n_cells = (size_t)near->nx * near->ny, total = 0;
    for (uint32_t i = 0; i < n; i++)
        visit_cells(near, i, near->start, NULL);
    for (size_t c = 0; c < n_cells; c++) {
        total += near->start[c];
        near->start[c] = (uint32_t)total;
    }
    near->start[n_cells] = (uint32_t)total;
    near->segments = ORF_ALLOC(task, uint32_t, total, "distance to the outline", error);
    if (!near->segments)
        return false;
    for (uint32_t i = 0; i < n; i++)
        visit_cells(near, i, near->start, near->segments);
    return orf_task_check(task, error);
}

/* One step of the chamfer from the cells before (`back` -1) or after (1) in reading order. */
static inline void
relax(float *here, ptrdiff_t row, ptrdiff_t back)
{
    const float diagonal = 1.3507f, straight = 0.9553f; /* least error of a 3 x 3 chamfer */
    float near = MIN(here[back], here[back * row]) + straight;
    float far = MIN(here[back * row - 1], here[back * row + 1]) + diagonal;
    *here = MIN(*here, MIN(near, far));
}

/* The outermost cells are empty and stay far: they are never asked. */
static void
spread(OrfNear *near)
{
    ptrdiff_t nx = near->nx, ny = near->ny;
    for (ptrdiff_t c = 0; c < nx * ny; c++)
        near->coarse[c] = near->start[c + 1] > near->start[c] ? 0 : 1e9f;
    for (ptrdiff_t y = 1; y < ny - 1; y++)
        for (ptrdiff_t x = 1; x < nx - 1; x++)
            relax(near->coarse + y * nx + x, nx, -1);
    for (ptrdiff_t y = ny - 2; y > 0; y--)
        for (ptrdiff_t x = nx - 2; x > 0; x--)
            relax(near->coarse + y * nx + x, nx, 1);
}

static void
note_followers(OrfNear *near)
{
    const OrfPlanarMesh *loops = near->loops;
    for (size_t loop = 0; loop < loops->n_loops; loop++) {
        uint32_t begin = loops->loop_start[loop], end = loops->loop_start[loop + 1];
        for (uint32_t i = begin; i < end; i++)
            near->follows[i] = i + 1 < end ? i + 1 : begin;
    }
}

OrfNear *
orf_near_new(OrfTask *task, const OrfPlanarMesh *loops, double reach, GError **error)
{
    static const char what[] = "distance to the outline";
    g_autoptr(OrfNear) near = g_new0(OrfNear, 1);
    near->loops = loops;
    lay_grid(near, reach);
    size_t n_cells = (size_t)near->nx * near->ny;
    near->follows = ORF_ALLOC(task, uint32_t, loops->loop_start[loops->n_loops], what, error);
    near->start = near->follows ? ORF_ALLOC(task, uint32_t, n_cells + 1, what, error) : NULL;
    near->coarse = near->start ? ORF_ALLOC(task, float, n_cells, what, error) : NULL;
    if (!near->coarse)
        return NULL;
    note_followers(near);
    if (!list_segments(near, task, error))
        return NULL;
    spread(near);
    return g_steal_pointer(&near);
}

static double
segment_distance2(const float *p, const float *q, double x, double y)
{
    double dx = q[0] - (double)p[0], dy = q[1] - (double)p[1], px = x - p[0], py = y - p[1];
    double length2 = dx * dx + dy * dy;
    double t = length2 > 0 ? CLAMP((px * dx + py * dy) / length2, 0, 1) : 0;
    px -= t * dx;
    py -= t * dy;
    return px * px + py * py;
}

double
orf_near_distance(const OrfNear *near, double x, double y)
{
    int cx = (int)((x - near->low[0]) / near->cell),
        cy = (int)((y - near->low[1]) / near->cell);
    cx = CLAMP(cx, 1, near->nx - 2);
    cy = CLAMP(cy, 1, near->ny - 2);
    double coarse = near->coarse[(size_t)cy * near->nx + cx];
    if (coarse > 1.5) /* none in the nine cells */
        return coarse * near->cell;
    const float *points = near->loops->points;
    double best2 = 4 * near->cell * near->cell;
    for (int row = cy - 1; row <= cy + 1; row++) {
        size_t first = (size_t)row * near->nx + cx - 1;
        for (uint32_t k = near->start[first]; k < near->start[first + 3]; k++) {
            uint32_t i = near->segments[k];
            double d2 = segment_distance2(points + 2 * (size_t)i,
                                          points + 2 * (size_t)near->follows[i], x, y);
            best2 = MIN(best2, d2);
        }
    }
    return sqrt(best2);
}
