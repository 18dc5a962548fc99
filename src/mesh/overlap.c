/* overlap.c - whether what lies flat lies side by side.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A whole chart of upright faces covers nothing twice when its border crosses nothing and turns
 * left round one loop only: how often a place is covered is then how often the border winds
 * round it, 0 or 1. Where that fails, faces are placed one by one and compared with those
 * before: two are apart when all of one lies on the outer side of a side of the other. Either
 * way candidates come from a grid of lists, and neighbours share floats, so nothing needs a
 * tolerance. */
#include "unwrap-priv.h"

#include <math.h>
#include <string.h>

#define MOST_CELLS 4096 /* along a side */
#define MOST_TESTS 64   /* per item on average: a mesh made to be slow becomes more charts */
#define LEAST_TESTS 4096

typedef struct {
    uint32_t item, next; /* next: index + 1 in the list of the cell, 0 ends it */
} Listed;

void
orf_flat_grid_clear(OrfFlatGrid *grid)
{
    orf_vec_clear(&grid->cells);
    orf_vec_clear(&grid->listed);
}

/* Lays an empty grid over the chart for n items, with at most 16 n cells of at least `cell` mm.
 */
static bool
begin(OrfFlatGrid *grid, const OrfAtlas *atlas, const OrfChart *chart, size_t n, double cell,
      OrfMeets meets, GError **error)
{
    double high[2] = { -INFINITY, -INFINITY };
    grid->atlas = atlas;
    grid->meets = meets;
    grid->tests_left = MOST_TESTS * n + LEAST_TESTS;
    grid->low[0] = grid->low[1] = INFINITY;
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++)
        for (size_t k = 0; k < 6; k++) {
            double at = (double)atlas->uv[6 * (size_t)atlas->order[i] + k];
            grid->low[k & 1] = MIN(grid->low[k & 1], at);
            high[k & 1] = MAX(high[k & 1], at);
        }
    double width = high[0] - grid->low[0], height = high[1] - grid->low[1];
    cell = MAX(cell, sqrt(width * height / (16.0 * (double)n)));
    grid->cell = MAX(MAX(cell, MAX(width, height) / MOST_CELLS), 1e-30);
    grid->nx = (int)(width / grid->cell) + 1;
    grid->ny = (int)(height / grid->cell) + 1;
    grid->cells.item = sizeof(uint32_t);
    grid->listed.item = sizeof(Listed);
    grid->cells.n = grid->listed.n = 0;
    size_t n_cells = (size_t)grid->nx * (size_t)grid->ny;
    uint32_t *cells = orf_vec_add(atlas->task, &grid->cells, n_cells, "unwrapping", error);
    if (cells)
        memset(cells, 0, n_cells * grid->cells.item);
    return cells != NULL;
}

/* --- Cells -------------------------------------------------------------------------------- */

/* Extent in x of what a triangle has between two heights, in cells. */
static void
extent_between(const double p[3][2], double y0, double y1, double *ret_low, double *ret_high)
{
    *ret_low = INFINITY;
    *ret_high = -INFINITY;
    for (int i = 0; i < 3; i++) {
        const double *a = p[i], *b = p[(i + 1) % 3];
        if (MAX(a[1], b[1]) < y0 || MIN(a[1], b[1]) > y1)
            continue;
        double t0 = 0, t1 = 1, rise = b[1] - a[1];
        if (rise != 0) {
            t0 = CLAMP((y0 - a[1]) / rise, 0, 1);
            t1 = CLAMP((y1 - a[1]) / rise, 0, 1);
        }
        double x0 = a[0] + t0 * (b[0] - a[0]), x1 = a[0] + t1 * (b[0] - a[0]);
        *ret_low = MIN(*ret_low, MIN(x0, x1));
        *ret_high = MAX(*ret_high, MAX(x0, x1));
    }
}

/* True when the item meets one in the cell, or when too many were compared. */
static bool
cell_refuses(OrfFlatGrid *grid, size_t cell, uint32_t item)
{
    const Listed *listed = grid->listed.data;
    for (uint32_t i = ((const uint32_t *)grid->cells.data)[cell]; i; i = listed[i - 1].next) {
        if (!grid->tests_left || grid->meets(grid->atlas, item, listed[i - 1].item))
            return true;
        grid->tests_left--;
    }
    return false;
}

static bool
list_in_cell(OrfFlatGrid *grid, size_t cell, uint32_t item, GError **error)
{
    Listed *entry = orf_vec_add(grid->atlas->task, &grid->listed, 1, "unwrapping", error);
    if (!entry)
        return false;
    uint32_t *head = (uint32_t *)grid->cells.data + cell;
    *entry = (Listed){ item, *head };
    *head = (uint32_t)grid->listed.n;
    return true;
}

/* Goes through the cells of a triangle: to ask, or with `list` to enter it. False ends it. */
static bool
visit_cells(OrfFlatGrid *grid, const float *const corners[3], uint32_t item, bool list,
            GError **error)
{
    double p[3][2], low = INFINITY, high = -INFINITY;
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 2; k++)
            p[i][k] = ((double)corners[i][k] - grid->low[k]) / grid->cell;
        low = MIN(low, p[i][1]);
        high = MAX(high, p[i][1]);
    }
    for (int y = (int)low; y <= MIN((int)high, grid->ny - 1); y++) {
        double from, to;
        extent_between(p, y, y + 1.0, &from, &to);
        for (int x = (int)MAX(from, 0); x <= MIN((int)to, grid->nx - 1); x++) {
            size_t cell = (size_t)y * (size_t)grid->nx + (size_t)x;
            if (list ? !list_in_cell(grid, cell, item, error) : cell_refuses(grid, cell, item))
                return false;
        }
    }
    return true;
}

/* --- Face by face ------------------------------------------------------------------------- */

static double
side_of(const float *a, const float *b, const float *p)
{
    return ((double)b[0] - a[0]) * ((double)p[1] - a[1]) -
           ((double)b[1] - a[1]) * ((double)p[0] - a[0]);
}

/* All of the other face lies on the outer side of a side of this one. */
static bool
keeps_out(const float *face, const float *other)
{
    for (int i = 0; i < 3; i++) {
        const float *a = face + 2 * i, *b = face + 2 * ((i + 1) % 3);
        if (side_of(a, b, other) <= 0 && side_of(a, b, other + 2) <= 0 &&
            side_of(a, b, other + 4) <= 0)
            return true;
    }
    return false;
}

static bool
faces_meet(const OrfAtlas *atlas, uint32_t face, uint32_t other)
{
    const float *p = atlas->uv + 6 * (size_t)face, *q = atlas->uv + 6 * (size_t)other;
    return !keeps_out(p, q) && !keeps_out(q, p);
}

bool
orf_flat_grid_begin(OrfFlatGrid *grid, const OrfAtlas *atlas, const OrfChart *chart,
                    GError **error)
{
    double area = 0;
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++)
        area += (double)atlas->areas[atlas->order[i]];
    return begin(grid, atlas, chart, chart->n, sqrt(area / chart->n), faces_meet, error);
}

bool
orf_flat_grid_place(OrfFlatGrid *grid, uint32_t face, bool *ret_placed, GError **error)
{
    const float *uv = grid->atlas->uv + 6 * (size_t)face;
    const float *const corners[3] = { uv, uv + 2, uv + 4 };
    *ret_placed = visit_cells(grid, corners, face, false, NULL);
    return !*ret_placed || visit_cells(grid, corners, face, true, error);
}

/* --- By the border ------------------------------------------------------------------------ */

static const float *
start_of(const OrfAtlas *atlas, uint32_t half)
{
    return atlas->uv + 2 * (size_t)half;
}

static bool
same_place(const float *a, const float *b)
{
    return a[0] == b[0] && a[1] == b[1];
}

/* Two sides that begin at o run over each other. */
static bool
run_together(const float *o, const float *p, const float *q)
{
    return side_of(o, p, q) == 0 && ((double)p[0] - o[0]) * ((double)q[0] - o[0]) +
                                            ((double)p[1] - o[1]) * ((double)q[1] - o[1]) >
                                        0;
}

/* Two border edges cross, touch or run together, but for a common end. */
static bool
edges_meet(const OrfAtlas *atlas, uint32_t half, uint32_t other)
{
    const float *a = start_of(atlas, half), *b = start_of(atlas, orf_next_corner(half));
    const float *c = start_of(atlas, other), *d = start_of(atlas, orf_next_corner(other));
    if (same_place(a, c) || same_place(b, d))
        return (same_place(a, c) && (same_place(b, d) || run_together(a, b, d))) ||
               (same_place(b, d) && run_together(b, a, c));
    if (same_place(a, d) || same_place(b, c))
        return (same_place(a, d) && (same_place(b, c) || run_together(a, b, c))) ||
               (same_place(b, c) && run_together(b, a, d));
    for (int k = 0; k < 2; k++)
        if (MAX(a[k], b[k]) < MIN(c[k], d[k]) || MAX(c[k], d[k]) < MIN(a[k], b[k]))
            return false;
    double ac = side_of(a, b, c), ad = side_of(a, b, d);
    double ca = side_of(c, d, a), cb = side_of(c, d, b);
    return !((ac > 0 && ad > 0) || (ac < 0 && ad < 0) || (ca > 0 && cb > 0) ||
             (ca < 0 && cb < 0));
}

static bool
is_border(const OrfAtlas *atlas, uint32_t half)
{
    uint32_t across = atlas->across[half];
    return across == ORF_NO_HALF || atlas->chart[across / 3] != atlas->chart[half / 3];
}

/* The next border half after one, inside the same chart. */
static uint32_t
follow_border(const OrfAtlas *atlas, uint32_t half)
{
    uint32_t h = orf_next_corner(half);
    while (!is_border(atlas, h))
        h = orf_next_corner(atlas->across[h]);
    return h;
}

/* Notes for each vertex of the border the half that leaves it; false when two do. */
static bool
note_border(const OrfAtlas *atlas, const OrfChart *chart, uint32_t *leaving, size_t *ret_n,
            double *ret_length)
{
    size_t n = 0;
    double length = 0;
    for (uint32_t i = 3 * chart->first; i < 3 * (chart->first + chart->n); i++) {
        uint32_t h = 3 * atlas->order[i / 3] + i % 3;
        if (!is_border(atlas, h))
            continue;
        if (leaving[atlas->triangles[h]] != ORF_NO_HALF)
            return false;
        leaving[atlas->triangles[h]] = h;
        const float *a = start_of(atlas, h), *b = start_of(atlas, orf_next_corner(h));
        length += hypot((double)b[0] - a[0], (double)b[1] - a[1]);
        n++;
    }
    *ret_n = n;
    *ret_length = length;
    return n > 0;
}

/* Walks round every loop, forgetting its halves, and counts those that turn left. */
static size_t
count_left_loops(const OrfAtlas *atlas, const OrfChart *chart, uint32_t *leaving)
{
    size_t n = 0;
    for (uint32_t i = 3 * chart->first; i < 3 * (chart->first + chart->n); i++) {
        uint32_t first = 3 * atlas->order[i / 3] + i % 3, h = first;
        if (leaving[atlas->triangles[first]] != first)
            continue;
        double area = 0;
        const float *o = start_of(atlas, first);
        do {
            leaving[atlas->triangles[h]] = ORF_NO_HALF;
            area += side_of(o, start_of(atlas, h), start_of(atlas, orf_next_corner(h)));
            h = follow_border(atlas, h);
        } while (h != first);
        n += area >= 0;
    }
    return n;
}

static bool
border_is_free(OrfFlatGrid *grid, const OrfAtlas *atlas, const OrfChart *chart, bool *ret_free,
               GError **error)
{
    *ret_free = true;
    for (uint32_t i = 3 * chart->first; i < 3 * (chart->first + chart->n) && *ret_free; i++) {
        uint32_t h = 3 * atlas->order[i / 3] + i % 3;
        const float *a = start_of(atlas, h), *b = start_of(atlas, orf_next_corner(h));
        const float *const corners[3] = { a, b, b };
        if (!is_border(atlas, h))
            continue;
        *ret_free = visit_cells(grid, corners, h, false, NULL);
        if (*ret_free && !visit_cells(grid, corners, h, true, error))
            return false;
    }
    return true;
}

bool
orf_flat_border_is_simple(OrfFlatGrid *grid, const OrfAtlas *atlas, const OrfChart *chart,
                          uint32_t *leaving, bool *ret_simple, GError **error)
{
    size_t n = 0;
    double length = 0;
    *ret_simple = note_border(atlas, chart, leaving, &n, &length) &&
                  count_left_loops(atlas, chart, leaving) == 1;
    for (uint32_t i = 3 * chart->first; i < 3 * (chart->first + chart->n); i++)
        leaving[atlas->triangles[3 * (size_t)atlas->order[i / 3] + i % 3]] = ORF_NO_HALF;
    if (!*ret_simple)
        return true;
    return begin(grid, atlas, chart, n, 2 * length / (double)n, edges_meet, error) &&
           border_is_free(grid, atlas, chart, ret_simple, error);
}
