/* offset.c - surfaces at a distance: grown, shrunk, thickened, hollowed.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The distance to the triangles is found on a grid, only where it is near the one wanted: a
 * block of cells whose middle is farther off than its size holds no part of the result, others
 * are asked eighth by eighth. Whether a cell farther off than that distance lies inside is
 * asked once and handed on from cell to cell, because no surface passes between two such
 * neighbours. The iso-surface's vertices then go to where the distance is exactly what was
 * asked. */
#include "mesh/mesh-priv.h"

#include <math.h>
#include <string.h>

#define BLOCK 16         /* cells */
#define MOST_CELLS 60e6  /* of the grid: 240 MB */
#define CELLS_A_WALL 4.0 /* cells across the distance, while there is room */
#define SLACK 0.004      /* of the distance: what simplifying may move */

typedef struct {
    OrfTask *task;
    const OrfTree *tree;
    OrfOffsetKind kind;
    double distance;
    float *field;
    size_t n[3], blocks[3];
    double origin[3], cell;
    _Atomic size_t done;
} Offset;

/* --- The grid ----------------------------------------------------------------------------- */

static double
room_round(const Offset *o)
{
    return o->kind == ORF_OFFSET_INWARDS ? 2 : 2 + o->distance / o->cell;
}

static void
lay_grid(Offset *o, const OrfMesh *mesh)
{
    float low[3], high[3];
    orf_mesh_bounds(mesh, low, high);
    o->cell = o->distance / CELLS_A_WALL;
    for (;; o->cell *= 1.1) {
        double total = 1, longest = 0, margin = room_round(o);
        for (int k = 0; k < 3; k++) {
            double cells = ((double)high[k] - (double)low[k]) / o->cell + 2 * margin;
            o->origin[k] = (double)low[k] - margin * o->cell;
            o->n[k] = (size_t)fmin(cells, 1e6) + 2;
            o->blocks[k] = (o->n[k] + BLOCK - 1) / BLOCK;
            total *= cells + 2;
            longest = MAX(longest, cells + 2);
        }
        if (total <= MOST_CELLS && longest < 2048)
            return;
    }
}

static void
middle_of(const Offset *o, const size_t at[3], double ret[3])
{
    for (int k = 0; k < 3; k++)
        ret[k] = o->origin[k] + o->cell * (double)at[k];
}

static float *
cell_at(const Offset *o, size_t x, size_t y, size_t z)
{
    return o->field + (z * o->n[1] + y) * o->n[0] + x;
}

/* --- Distances ---------------------------------------------------------------------------- */

static void
fill_cells(const Offset *o, const size_t low[3], size_t size, double d)
{
    for (size_t z = low[2]; z < MIN(low[2] + size, o->n[2]); z++)
        for (size_t y = low[1]; y < MIN(low[1] + size, o->n[1]); y++)
            for (size_t x = low[0]; x < MIN(low[0] + size, o->n[0]); x++)
                *cell_at(o, x, y, z) = (float)d;
}

/* Distances of the cells of a block, which all lie nearer than `most`: one for all where none
 * can be near the one wanted, else those of its eighths. */
static void
measure_block(const Offset *o, const size_t low[3], size_t size, double most)
{
    double middle[3], half = sqrt(3) / 2 * (double)size * o->cell;
    for (int k = 0; k < 3; k++) {
        if (low[k] >= o->n[k])
            return;
        middle[k] = o->origin[k] + o->cell * ((double)low[k] + ((double)size - 1) / 2);
    }
    double d = orf_tree_nearest(o->tree, middle, most * 1.0001, NULL, NULL);
    if (size == 1 || fabs(d - o->distance) > half + o->cell) {
        fill_cells(o, low, size, d);
        return;
    }
    for (size_t i = 0; i < 8; i++) {
        size_t at[3];
        for (size_t k = 0; k < 3; k++)
            at[k] = low[k] + (i >> k & 1) * size / 2;
        measure_block(o, at, size / 2, d + half);
    }
}

static void
measure_blocks(size_t begin, size_t end, void *data)
{
    Offset *o = data;
    for (size_t b = begin; b < end && !orf_task_cancelled(o->task); b++) {
        size_t low[3] = { b % o->blocks[0] * BLOCK, b / o->blocks[0] % o->blocks[1] * BLOCK,
                          b / o->blocks[0] / o->blocks[1] * BLOCK };
        measure_block(o, low, BLOCK, INFINITY);
    }
    o->done += end - begin;
    orf_task_progress(o->task, 0.5 * (double)o->done /
                                   (double)(o->blocks[0] * o->blocks[1] * o->blocks[2]));
}

/* --- Inside or not ------------------------------------------------------------------------ */

/* A value for a cell farther from the surface than the distance: its sign says inside. */
static float
far_value(const Offset *o, bool inside, double d)
{
    double beyond = d - o->distance;
    if (o->kind == ORF_OFFSET_BOTH || !inside)
        return (float)-beyond;
    return (float)beyond;
}

/* Cells within the distance belong to what grows and not to what shrinks. */
static float
near_value(const Offset *o, double d)
{
    double within = o->distance - d;
    return (float)(o->kind == ORF_OFFSET_INWARDS ? -within : within);
}

/* In place, in the order of the cells: those before x are values, the rest distances. `known`
 * holds what the last two layers said: 1 inside, 2 outside, 0 near the surface. */
static void
tell_row(const Offset *o, size_t y, size_t z, uint8_t *known, const uint8_t *below)
{
    uint8_t *row = known + y * o->n[0];
    for (size_t x = 0; x < o->n[0]; x++) {
        float *value = cell_at(o, x, y, z);
        double d = (double)*value;
        if (d < o->distance) {
            row[x] = 0;
            *value = near_value(o, d);
            continue;
        }
        uint8_t side = x > 0 ? row[x - 1] : 0;
        side = !side && y > 0 ? row[x - o->n[0]] : side;
        side = !side && z > 0 ? below[y * o->n[0] + x] : side;
        if (!side && o->kind != ORF_OFFSET_BOTH) {
            double p[3];
            middle_of(o, (size_t[]){ x, y, z }, p);
            side = orf_tree_winding(o->tree, p) > 0.5 ? 1 : 2;
        }
        row[x] = side;
        *value = far_value(o, side == 1, d);
    }
}

static bool
tell_sides(Offset *o, GError **error)
{
    size_t layer = o->n[0] * o->n[1];
    orf_autofree uint8_t *sides = ORF_ALLOC(o->task, uint8_t, 2 * layer, "offset", error);
    if (!sides)
        return false;
    for (size_t z = 0; z < o->n[2]; z++) {
        if (!orf_task_check(o->task, error))
            return false;
        for (size_t y = 0; y < o->n[1]; y++)
            tell_row(o, y, z, sides + z % 2 * layer, sides + (z + 1) % 2 * layer);
    }
    return true;
}

/* --- The surface -------------------------------------------------------------------------- */

typedef struct {
    const Offset *o;
    float *positions;
} Draw;

/* Vertices to the distance asked, along the way from the nearest place. */
static void
draw_vertices(size_t begin, size_t end, void *data)
{
    const Draw *draw = data;
    const Offset *o = draw->o;
    for (size_t v = begin; v < end; v++) {
        float *p = draw->positions + 3 * v;
        for (int round = 0; round < 3; round++) {
            double at[3] = { (double)p[0], (double)p[1], (double)p[2] }, near[3];
            double d = orf_tree_nearest(o->tree, at, INFINITY, near, NULL);
            double move = o->distance - d;
            if (!(d > 0.2 * o->distance) || fabs(move) < 1e-5 * o->distance)
                break;
            move = CLAMP(move, -0.4 * o->cell, 0.4 * o->cell);
            for (int k = 0; k < 3; k++)
                p[k] = (float)(at[k] + (at[k] - near[k]) / d * move);
        }
    }
}

static OrfMesh *
draw_to_distance(const Offset *o, const OrfMesh *mesh, GError **error)
{
    size_t n = orf_mesh_n_vertices(mesh);
    orf_autofree float *positions = ORF_ALLOC(o->task, float, 3 * n, "offset", error);
    Draw draw = { o, positions };
    if (!positions)
        return NULL;
    if (n)
        memcpy(positions, orf_mesh_positions(mesh), 12 * n);
    if (!orf_task_parallel(o->task, n, 1024, draw_vertices, &draw)) {
        orf_task_check(o->task, error);
        return NULL;
    }
    return orf_mesh_with_positions_take(o->task, mesh, g_steal_pointer(&positions), error);
}

/* Drawn vertices may fold where the surface bends within a cell: then the plain one is kept. */
static OrfMesh *
choose_drawn(const Offset *o, OrfMesh *plain, GError **error)
{
    g_autoptr(OrfMesh) drawn = draw_to_distance(o, plain, error);
    int64_t crossings;
    if (!drawn || !orf_mesh_count_crossings(o->task, drawn, &crossings, error))
        return NULL;
    return crossings == 0 ? g_steal_pointer(&drawn) : orf_mesh_ref(plain);
}

static OrfMesh *
thin_out(const Offset *o, const OrfMesh *mesh, GError **error)
{
    OrfSimplify options = { .error = (float)(SLACK * o->distance) };
    g_autoptr(OrfMesh) thinned = orf_mesh_simplify(o->task, mesh, &options, error);
    int64_t crossings;
    if (!thinned || !orf_mesh_count_crossings(o->task, thinned, &crossings, error))
        return NULL;
    return crossings == 0 ? g_steal_pointer(&thinned) : orf_mesh_ref((OrfMesh *)mesh);
}

static bool
measure_field(Offset *o, GError **error)
{
    o->field = ORF_ALLOC(o->task, float, o->n[0] * o->n[1] * o->n[2], "offset", error);
    if (!o->field)
        return false;
    if (!orf_task_parallel(o->task, o->blocks[0] * o->blocks[1] * o->blocks[2], 16,
                           measure_blocks, o))
        return orf_task_check(o->task, error);
    return tell_sides(o, error);
}

static OrfMesh *
surface_of(Offset *o, GError **error)
{
    if (!measure_field(o, error))
        return NULL;
    OrfField field = { .field = o->field,
                       .nx = (uint32_t)o->n[0],
                       .ny = (uint32_t)o->n[1],
                       .nz = (uint32_t)o->n[2],
                       .origin = { (float)o->origin[0], (float)o->origin[1],
                                   (float)o->origin[2] },
                       .cell = (float)o->cell };
    g_autoptr(OrfMesh) plain = orf_mesh_isosurface(o->task, &field, error);
    orf_free(g_steal_pointer(&o->field));
    if (!plain || orf_mesh_n_triangles(plain) == 0)
        return g_steal_pointer(&plain);
    g_autoptr(OrfMesh) drawn = choose_drawn(o, plain, error);
    return drawn ? thin_out(o, drawn, error) : NULL;
}

OrfMesh *
orf_mesh_offset(OrfTask *task, const OrfMesh *mesh, OrfOffsetKind kind, double distance,
                GError **error)
{
    g_assert(distance > 0);
    g_autoptr(OrfTree) tree =
        orf_tree_new(task, orf_mesh_positions(mesh), orf_mesh_triangles(mesh),
                     orf_mesh_n_triangles(mesh), error);
    if (!tree)
        return NULL;
    if (orf_mesh_n_triangles(mesh) == 0)
        return ORF_FAIL(error, BAD_INPUT, "offset: it has no triangles");
    Offset o = { .task = task, .tree = tree, .kind = kind, .distance = distance };
    lay_grid(&o, mesh);
    if (kind != ORF_OFFSET_INWARDS && o.cell > 0.51 * distance)
        orf_task_note(
            task,
            "%.3g mm is little for a body of this size: the grid is %.3g mm wide, and "
            "the distance is rougher than usual",
            distance, o.cell);
    OrfMesh *surface = surface_of(&o, error);
    orf_free(o.field);
    return surface;
}
