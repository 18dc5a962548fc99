/* repair-lid.c - a flat open bottom.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Busts of networks are shells without a floor: the ball rolls in from below, and every inner
 * wall sees daylight. A slice just above the lowest point shows a thin ring there whose inside
 * is empty and free downwards. Lid cells are laid over it; they stay when the room above is no
 * longer outside with them: the hole of a ring or the bore of a tube has another way out and
 * keeps it. Only downwards and only thin rims: a cup that stands on its foot is not touched. */
#include "mesh/repair-priv.h"

#include <math.h>
#include <string.h>

#define LOWEST 0.035 /* of the height: where the ring is looked for */
#define WALL 0.9     /* cells: nearer to a triangle is wall */
#define LEAST 0.02   /* of the slice: smaller openings are holes like others */
#define THIN_CELLS 7 /* a rim this wide is no thin rim */
#define MOST 0.8     /* of the cells of an opening have to be so */

typedef enum { PLAIN, WALLED, REACHED, OPENING } Kind;

typedef struct {
    OrfTask *task;
    OrfRepairGrid *grid;
    size_t nx, nz;
    uint8_t *kind;   /* [nz * nx] of the slice */
    uint32_t *queue; /* [nz * nx] */
} Slice;

static size_t
cell_of(const Slice *slice, size_t at, size_t y)
{
    size_t x = at % slice->nx, z = at / slice->nx;
    return (z * slice->grid->n[1] + y) * slice->nx + x;
}

static bool
is_wall(const Slice *slice, size_t at, size_t y)
{
    return (double)slice->grid->distance[cell_of(slice, at, y)] < WALL * slice->grid->cell;
}

/* From `at` over all PLAIN cells that hang together; how many. They are in the queue. */
static size_t
spread(Slice *slice, size_t at, Kind kind)
{
    size_t n = 0, done = 0;
    slice->queue[n++] = (uint32_t)at;
    slice->kind[at] = (uint8_t)kind;
    while (done < n) {
        size_t here = slice->queue[done++], x = here % slice->nx, z = here / slice->nx;
        size_t next[4] = { x > 0 ? here - 1 : here, x + 1 < slice->nx ? here + 1 : here,
                           z > 0 ? here - slice->nx : here,
                           z + 1 < slice->nz ? here + slice->nx : here };
        for (int i = 0; i < 4; i++)
            if (slice->kind[next[i]] == PLAIN) {
                slice->kind[next[i]] = (uint8_t)kind;
                slice->queue[n++] = (uint32_t)next[i];
            }
    }
    return n;
}

static bool
is_free_below(const Slice *slice, size_t at, size_t y)
{
    for (size_t below = 0; below < y; below++)
        if (is_wall(slice, at, below))
            return false;
    return true;
}

/* Is there open ground across the wall beside this cell? */
static bool
has_thin_rim(const Slice *slice, size_t at)
{
    ptrdiff_t x0 = (ptrdiff_t)(at % slice->nx), z0 = (ptrdiff_t)(at / slice->nx);
    for (ptrdiff_t dz = -THIN_CELLS; dz <= THIN_CELLS; dz++)
        for (ptrdiff_t dx = -THIN_CELLS; dx <= THIN_CELLS; dx++) {
            ptrdiff_t x = x0 + dx, z = z0 + dz;
            if (x >= 0 && z >= 0 && x < (ptrdiff_t)slice->nx && z < (ptrdiff_t)slice->nz &&
                slice->kind[(size_t)z * slice->nx + (size_t)x] == REACHED)
                return true;
        }
    return false;
}

static bool
touches_wall(const Slice *slice, size_t at)
{
    return slice->kind[at - 1] == WALLED || slice->kind[at + 1] == WALLED ||
           slice->kind[at - slice->nx] == WALLED || slice->kind[at + slice->nx] == WALLED;
}

/* The first `n` cells in the queue: an opening downwards with a thin rim, into which the ball
 * came? */
static bool
is_opening(const Slice *slice, size_t n, size_t y)
{
    size_t open = 0, outside = 0, rim = 0, thin = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = slice->queue[i];
        open += is_free_below(slice, at, y);
        outside += slice->grid->place[cell_of(slice, at, y)] == ORF_PLACE_OUTSIDE;
        if (!touches_wall(slice, at))
            continue;
        rim++;
        thin += has_thin_rim(slice, at);
    }
    return (double)open > MOST * (double)n && (double)outside > MOST * (double)n &&
           (double)thin > MOST * (double)rim;
}

/* Marks the openings of the slice at `y`; how many cells they have. */
static size_t
find_openings(Slice *slice, size_t y)
{
    size_t n = slice->nx * slice->nz, found = 0;
    for (size_t at = 0; at < n; at++)
        slice->kind[at] = is_wall(slice, at, y) ? WALLED : PLAIN;
    spread(slice, 0, REACHED);
    for (size_t at = 0; at < n; at++) {
        if (slice->kind[at] != PLAIN)
            continue;
        size_t cells = spread(slice, at, OPENING);
        if ((double)cells > LEAST * (double)n && is_opening(slice, cells, y))
            found += cells;
        else
            for (size_t i = 0; i < cells; i++)
                slice->kind[slice->queue[i]] = WALLED;
    }
    return found;
}

/* Lays lid cells into the slice at `y`, and over the wall round them. */
static void
lay_lid(Slice *slice, size_t y)
{
    find_openings(slice, y);
    for (size_t at = 0; at < slice->nx * slice->nz; at++)
        if (slice->kind[at] == OPENING)
            slice->grid->distance[cell_of(slice, at, y)] = 0;
}

/* With the lid: is the room above it no longer outside? */
static bool
holds(Slice *slice, size_t y)
{
    size_t closed = 0, all = 0;
    for (size_t at = 0; at < slice->nx * slice->nz; at++) {
        if (slice->kind[at] != OPENING || is_wall(slice, at, y + 3))
            continue;
        all++;
        closed += slice->grid->place[cell_of(slice, at, y + 3)] != ORF_PLACE_OUTSIDE;
    }
    return (double)closed > MOST * (double)all && all > 0;
}

static bool
try_lid(Slice *slice, size_t low, size_t y, bool *ret_laid, GError **error)
{
    OrfRepairGrid *grid = slice->grid;
    size_t n = slice->nx * slice->nz;
    orf_autofree float *kept = ORF_ALLOC(slice->task, float, n, "repair: lid", error);
    if (!kept)
        return false;
    for (size_t at = 0; at < n; at++)
        kept[at] = grid->distance[cell_of(slice, at, y)];
    lay_lid(slice, y);
    if (!orf_grid_find_outside(slice->task, grid, false, error))
        return false;
    *ret_laid = holds(slice, y);
    for (size_t at = 0; at < n; at++)
        grid->distance[cell_of(slice, at, y)] = kept[at];
    if (!*ret_laid)
        return orf_grid_find_outside(slice->task, grid, false, error);
    for (size_t at = 0; at < n; at++) /* down to where the ragged rim ends */
        for (size_t below = low; below <= y && slice->kind[at] == OPENING; below++)
            grid->place[cell_of(slice, at, below)] = ORF_PLACE_LID;
    return true;
}

bool
orf_grid_close_bottom(OrfTask *task, OrfRepairGrid *grid, bool *ret_laid, GError **error)
{
    size_t n = grid->n[0] * grid->n[2], low = 0, best = 0, least = 0;
    orf_autofree uint8_t *kind = ORF_ALLOC(task, uint8_t, n, "repair: lid", error);
    orf_autofree uint32_t *queue = ORF_ALLOC(task, uint32_t, n, "repair: lid", error);
    *ret_laid = false;
    if (!kind || !queue)
        return false;
    Slice slice = { task, grid, grid->n[0], grid->n[2], kind, queue };
    while (low < grid->n[1] && find_openings(&slice, low) == 0) {
        bool any = false;
        for (size_t at = 0; at < n && !any; at++)
            any = is_wall(&slice, at, low);
        if (any)
            break;
        low++;
    }
    size_t rows = MAX((size_t)(LOWEST * (double)grid->n[1]), 3);
    for (size_t y = low; y < MIN(low + rows, grid->n[1] - 4); y++)
        best = MAX(best, find_openings(&slice, y));
    if (best == 0)
        return orf_task_check(task, error);
    for (least = low; find_openings(&slice, least) * 10 < best * 9; least++)
        ;
    return try_lid(&slice, low, least, ret_laid, error);
}
