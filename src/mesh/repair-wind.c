/* repair-wind.c - how often the triangles wind round every cell of the grid.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Open edges are a sum of loops. Each loop is closed by a cap, a fan round its middle. With the
 * caps the surface is closed, and its winding number is whole: rows of cells are walked along x
 * and each triangle they pass changes it by one. What the caps themselves wind is then taken
 * off; far from all of them it is interpolated, near them asked cell by cell. So a closed mesh
 * costs no solid angle at all, and a torn one as many as it has holes (the idea of Martens and
 * Bessmeltsev 2025, with caps in place of their rays to infinity).
 *
 * Whether a row passes left or right of an edge is decided once for the edge, with ties broken
 * by moving the row up by an infinitely small step: triangles that share it never disagree. */
#include "mesh/repair-priv.h"

#include <math.h>
#include <string.h>

#define BLOCK 4    /* cells on a side */
#define FAR_OFF 9  /* cells from a cap to the middle of a block that is interpolated */
#define SPECK 0.01 /* of a cell's face: caps with less area wind nothing that counts */
#define NONE UINT32_MAX

typedef struct {
    uint32_t from, to;
} Arc;

typedef struct {
    OrfTask *task;
    const OrfMesh *mesh;
    const OrfRepairGrid *grid;
    OrfVec caps; /* of float[9]: triangles */
    OrfTree *tree;
    float *number;
    size_t n[3];   /* corners of blocks along each axis */
    float *corner; /* what the caps wind there */
} Wind;

static void
wind_clear(Wind *wind)
{
    orf_vec_clear(&wind->caps);
    orf_tree_free(wind->tree);
    orf_free(wind->corner);
    orf_free(wind->number);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wind, wind_clear)

/* --- Loops of open edges ------------------------------------------------------------------ */

typedef struct {
    uint32_t *start, *to; /* ways out of vertex v: to[start[v]] .. to[end[v] - 1] not taken */
    uint32_t *end;
    uint32_t *place; /* of a vertex in the path, or NONE */
    uint32_t *path;
    size_t n_path;
} Ways;

static void
ways_clear(Ways *ways)
{
    orf_free(ways->start);
    orf_free(ways->to);
    orf_free(ways->end);
    orf_free(ways->place);
    orf_free(ways->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Ways, ways_clear)

/* Edges that triangles run more often one way than the other, as often as that. */
static bool
list_arcs(OrfTask *task, const OrfMesh *mesh, OrfVec *arcs, GError **error)
{
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    g_auto(OrfEdges) edges = { 0 };
    if (!orf_edges_init(task, mesh, &edges, error))
        return false;
    for (size_t v = 0; v < orf_mesh_n_vertices(mesh); v++)
        for (uint32_t i = edges.start[v], end; i < edges.start[v + 1]; i = end) {
            uint32_t other = edges.halves[i].other;
            int net = 0;
            end = orf_edge_end(edges.halves, i, edges.start[v + 1]);
            for (uint32_t h = i; h < end; h++)
                net += triangles[edges.halves[h].half] == v ? 1 : -1;
            for (int more = abs(net); more > 0; more--) {
                Arc *arc = orf_vec_add(task, arcs, 1, "repair: open edges", error);
                if (!arc)
                    return false;
                *arc = net > 0 ? (Arc){ (uint32_t)v, other } : (Arc){ other, (uint32_t)v };
            }
        }
    return true;
}

static bool
ways_init(OrfTask *task, const Arc *arcs, size_t n_arcs, size_t n, Ways *ways, GError **error)
{
    if (!(ways->start = ORF_ALLOC(task, uint32_t, n + 1, "repair: open edges", error)) ||
        !(ways->end = ORF_ALLOC(task, uint32_t, n, "repair: open edges", error)) ||
        !(ways->place = ORF_ALLOC(task, uint32_t, n, "repair: open edges", error)) ||
        !(ways->path = ORF_ALLOC(task, uint32_t, n, "repair: open edges", error)) ||
        !(ways->to = ORF_ALLOC(task, uint32_t, n_arcs, "repair: open edges", error)))
        return false;
    for (size_t i = 0; i < n_arcs; i++)
        ways->start[arcs[i].from + 1]++;
    for (size_t v = 0; v < n; v++) {
        ways->start[v + 1] += ways->start[v];
        ways->end[v] = ways->start[v];
        ways->place[v] = NONE;
    }
    for (size_t i = 0; i < n_arcs; i++)
        ways->to[ways->end[arcs[i].from]++] = arcs[i].to;
    return true;
}

static double
squared_between(const float *a, const float *b)
{
    double sum = 0;
    for (int k = 0; k < 3; k++)
        sum += ((double)a[k] - (double)b[k]) * ((double)a[k] - (double)b[k]);
    return sum;
}

/* Takes the way out of `v` that leads nearest to `home`: loops stay short. */
static uint32_t
take_way(Ways *ways, const float *positions, uint32_t v, uint32_t home)
{
    uint32_t best = ways->start[v];
    double least = INFINITY;
    for (uint32_t i = ways->start[v]; i < ways->end[v] && i < ways->start[v] + 16; i++) {
        double off =
            squared_between(positions + 3 * (size_t)ways->to[i], positions + 3 * (size_t)home);
        if (off < least) {
            least = off;
            best = i;
        }
    }
    uint32_t to = ways->to[best];
    ways->to[best] = ways->to[--ways->end[v]];
    return to;
}

static bool
add_cap(Wind *wind, const float *a, const float *b, const float *c, GError **error)
{
    float *cap = orf_vec_add(wind->task, &wind->caps, 1, "repair: caps", error);
    if (!cap)
        return false;
    memcpy(cap, a, 3 * sizeof *a);
    memcpy(cap + 3, b, 3 * sizeof *b);
    memcpy(cap + 6, c, 3 * sizeof *c);
    return true;
}

static bool
cap_loop(Wind *wind, const uint32_t *loop, size_t n, GError **error)
{
    const float *p = orf_mesh_positions(wind->mesh);
    double sum[3] = { 0 };
    if (n < 3)
        return true;
    if (n == 3)
        return add_cap(wind, p + 3 * (size_t)loop[2], p + 3 * (size_t)loop[1],
                       p + 3 * (size_t)loop[0], error);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 3; k++)
            sum[k] += (double)p[3 * (size_t)loop[i] + k] / (double)n;
    const float middle[3] = { (float)sum[0], (float)sum[1], (float)sum[2] };
    for (size_t i = 0; i < n; i++)
        if (!add_cap(wind, p + 3 * (size_t)loop[(i + 1) % n], p + 3 * (size_t)loop[i], middle,
                     error))
            return false;
    return true;
}

/* Walks from `v` and caps every loop as soon as the path meets itself, until no way is left. */
static bool
peel_loops(Wind *wind, Ways *ways, uint32_t v, GError **error)
{
    const float *positions = orf_mesh_positions(wind->mesh);
    ways->path[0] = v;
    ways->place[v] = 0;
    ways->n_path = 1;
    while (ways->n_path > 0) {
        uint32_t at = ways->path[ways->n_path - 1];
        if (ways->start[at] == ways->end[at]) {
            ways->place[at] = NONE;
            ways->n_path--;
            continue;
        }
        uint32_t to = take_way(ways, positions, at, v);
        if (ways->place[to] == NONE) {
            ways->place[to] = (uint32_t)ways->n_path;
            ways->path[ways->n_path++] = to;
            continue;
        }
        size_t first = ways->place[to];
        if (!cap_loop(wind, ways->path + first, ways->n_path - first, error))
            return false;
        while (ways->n_path > first + 1)
            ways->place[ways->path[--ways->n_path]] = NONE;
    }
    return true;
}

static bool
close_loops(Wind *wind, GError **error)
{
    g_auto(OrfVec) arcs = { .item = sizeof(Arc) };
    g_auto(Ways) ways = { 0 };
    size_t n = orf_mesh_n_vertices(wind->mesh);
    if (!list_arcs(wind->task, wind->mesh, &arcs, error))
        return false;
    if (arcs.n == 0)
        return true;
    if (!ways_init(wind->task, arcs.data, arcs.n, n, &ways, error))
        return false;
    for (size_t v = 0; v < n; v++) {
        if (v % ORF_MESH_BLOCK == 0 && !orf_task_check(wind->task, error))
            return false;
        if (ways.start[v] < ways.end[v] && !peel_loops(wind, &ways, (uint32_t)v, error))
            return false;
    }
    return true;
}

/* --- Rows of cells ------------------------------------------------------------------------ */

/* On which side of p -> q, seen along x, does the row pass? `ret_area` is twice the area. */
static int
side_of(const float *p, const float *q, double y, double z, double *ret_area)
{
    bool turned = p[1] > q[1] || (p[1] == q[1] && p[2] > q[2]);
    const float *a = turned ? q : p, *b = turned ? p : q;
    double by = (double)b[1] - (double)a[1], bz = (double)b[2] - (double)a[2];
    double area = by * (z - (double)a[2]) - bz * (y - (double)a[1]);
    int side = area > 0 ? 1 : area < 0 ? -1 : bz < 0 ? 1 : bz > 0 ? -1 : by > 0 ? 1 : 0;
    *ret_area = turned ? -area : area;
    return turned ? -side : side;
}

static void
cross_row(Wind *wind, const float *const p[3], size_t row_y, size_t row_z)
{
    const OrfRepairGrid *grid = wind->grid;
    double y = grid->origin[1] + grid->cell * (double)row_y;
    double z = grid->origin[2] + grid->cell * (double)row_z;
    double area[3], x = 0, sum = 0;
    int side = side_of(p[0], p[1], y, z, &area[2]);
    if (side == 0 || side_of(p[1], p[2], y, z, &area[0]) != side ||
        side_of(p[2], p[0], y, z, &area[1]) != side)
        return;
    for (int c = 0; c < 3; c++) {
        x += area[c] * (double)p[c][0];
        sum += area[c];
    }
    x = sum != 0 ? x / sum : (double)p[0][0];
    double place = ceil((x - grid->origin[0]) / grid->cell);
    if (place < (double)grid->n[0])
        wind->number[(row_z * grid->n[1] + row_y) * grid->n[0] + (size_t)MAX(place, 0)] -=
            (float)side;
}

/* The first and the end of the rows that lie between two values. */
static void
find_rows(const OrfRepairGrid *grid, int axis, const float *const p[3], size_t ret[2])
{
    double low = MIN(MIN(p[0][axis], p[1][axis]), p[2][axis]);
    double high = MAX(MAX(p[0][axis], p[1][axis]), p[2][axis]);
    double first = floor((low - grid->origin[axis]) / grid->cell);
    double end = ceil((high - grid->origin[axis]) / grid->cell) + 1;
    ret[0] = (size_t)CLAMP(first, 0, (double)grid->n[axis]);
    ret[1] = (size_t)CLAMP(end, 0, (double)grid->n[axis]);
}

static void
cross_rows(Wind *wind, const float *a, const float *b, const float *c)
{
    const float *const p[3] = { a, b, c };
    size_t y[2], z[2];
    find_rows(wind->grid, 1, p, y);
    find_rows(wind->grid, 2, p, z);
    for (size_t row_z = z[0]; row_z < z[1]; row_z++)
        for (size_t row_y = y[0]; row_y < y[1]; row_y++)
            cross_row(wind, p, row_y, row_z);
}

static bool
walk_rows(Wind *wind, GError **error)
{
    const float *p = orf_mesh_positions(wind->mesh);
    const uint32_t *t = orf_mesh_triangles(wind->mesh);
    for (size_t i = 0; i < orf_mesh_n_triangles(wind->mesh); i++, t += 3) {
        if (i % 256 == 0 && !orf_task_check(wind->task, error))
            return false;
        cross_rows(wind, p + 3 * (size_t)t[0], p + 3 * (size_t)t[1], p + 3 * (size_t)t[2]);
    }
    const float *cap = wind->caps.data;
    for (size_t i = 0; i < wind->caps.n; i++, cap += 9) {
        if (i % 256 == 0 && !orf_task_check(wind->task, error))
            return false;
        cross_rows(wind, cap, cap + 3, cap + 6);
    }
    for (size_t row = 0; row < wind->grid->total; row += wind->grid->n[0])
        for (size_t x = 1; x < wind->grid->n[0]; x++)
            wind->number[row + x] += wind->number[row + x - 1];
    return true;
}

/* --- What the caps wind ------------------------------------------------------------------- */

static bool
is_speck(const Wind *wind, const float *cap)
{
    double u[3], v[3], sum = 0, face = wind->grid->cell * wind->grid->cell;
    for (int k = 0; k < 3; k++) {
        u[k] = (double)cap[3 + k] - (double)cap[k];
        v[k] = (double)cap[6 + k] - (double)cap[k];
    }
    for (int k = 0; k < 3; k++) {
        double part = u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3];
        sum += part * part;
    }
    return sqrt(sum) / 2 < SPECK * face;
}

static bool
plant_tree(Wind *wind, GError **error)
{
    size_t n = 0, corners = 1;
    orf_autofree uint32_t *corner =
        ORF_ALLOC(wind->task, uint32_t, 3 * wind->caps.n, "repair: caps", error);
    if (!corner)
        return false;
    for (size_t i = 0; i < wind->caps.n; i++)
        if (!is_speck(wind, (const float *)wind->caps.data + 9 * i))
            for (size_t c = 0; c < 3; c++)
                corner[n++] = (uint32_t)(3 * i + c);
    for (int k = 0; k < 3; k++) {
        wind->n[k] = (wind->grid->n[k] + BLOCK - 1) / BLOCK + 1;
        corners *= wind->n[k];
    }
    return (wind->corner = ORF_ALLOC(wind->task, float, corners, "repair: caps", error)) &&
           (wind->tree = orf_tree_new(wind->task, wind->caps.data, corner, n / 3, error));
}

static void
place_of(const Wind *wind, const double cell[3], double ret[3])
{
    for (int k = 0; k < 3; k++)
        ret[k] = wind->grid->origin[k] + wind->grid->cell * cell[k];
}

static void
wind_corners(size_t begin, size_t end, void *data)
{
    Wind *wind = data;
    for (size_t i = begin; i < end; i++) {
        const size_t at[3] = { i % wind->n[0], i / wind->n[0] % wind->n[1],
                               i / wind->n[0] / wind->n[1] };
        const double cell[3] = { (double)(BLOCK * at[0]), (double)(BLOCK * at[1]),
                                 (double)(BLOCK * at[2]) };
        double point[3];
        place_of(wind, cell, point);
        wind->corner[i] = (float)orf_tree_winding(wind->tree, point);
    }
}

static float
between_corners(const Wind *wind, const size_t block[3], const float share[3])
{
    size_t row = wind->n[0], slice = wind->n[0] * wind->n[1];
    const float *at = wind->corner + block[2] * slice + block[1] * row + block[0];
    float edge[4];
    for (int i = 0; i < 4; i++) {
        const float *low = at + (i & 1 ? row : 0) + (i & 2 ? slice : 0);
        edge[i] = low[0] + share[0] * (low[1] - low[0]);
    }
    float near = edge[0] + share[1] * (edge[1] - edge[0]);
    float away = edge[2] + share[1] * (edge[3] - edge[2]);
    return near + share[2] * (away - near);
}

static void
take_off_block(Wind *wind, const size_t block[3])
{
    const OrfRepairGrid *grid = wind->grid;
    double cell[3], point[3];
    for (int k = 0; k < 3; k++)
        cell[k] = (double)(BLOCK * block[k]) + BLOCK / 2.0;
    place_of(wind, cell, point);
    bool near =
        orf_tree_nearest(wind->tree, point, FAR_OFF * grid->cell, NULL, NULL) < INFINITY;
    size_t at[3];
    for (size_t z = 0; z < BLOCK && (at[2] = BLOCK * block[2] + z) < grid->n[2]; z++)
        for (size_t y = 0; y < BLOCK && (at[1] = BLOCK * block[1] + y) < grid->n[1]; y++)
            for (size_t x = 0; x < BLOCK && (at[0] = BLOCK * block[0] + x) < grid->n[0]; x++) {
                size_t index = (at[2] * grid->n[1] + at[1]) * grid->n[0] + at[0];
                const float share[3] = { (float)x / BLOCK, (float)y / BLOCK, (float)z / BLOCK };
                orf_grid_middle(grid, index, point);
                wind->number[index] -= near ? (float)orf_tree_winding(wind->tree, point)
                                            : between_corners(wind, block, share);
            }
}

static void
take_off_blocks(size_t begin, size_t end, void *data)
{
    Wind *wind = data;
    size_t nx = wind->n[0] - 1, ny = wind->n[1] - 1;
    for (size_t i = begin; i < end; i++)
        take_off_block(wind, (const size_t[3]){ i % nx, i / nx % ny, i / nx / ny });
}

static bool
take_off_caps(Wind *wind, GError **error)
{
    if (wind->caps.n == 0)
        return true;
    if (!plant_tree(wind, error))
        return false;
    size_t corners = wind->n[0] * wind->n[1] * wind->n[2];
    size_t blocks = (wind->n[0] - 1) * (wind->n[1] - 1) * (wind->n[2] - 1);
    if (!orf_task_parallel(wind->task, corners, 256, wind_corners, wind) ||
        !orf_task_parallel(wind->task, blocks, 64, take_off_blocks, wind))
        return orf_task_check(wind->task, error);
    return true;
}

float *
orf_grid_wind(OrfTask *task, const OrfMesh *mesh, const OrfRepairGrid *grid, GError **error)
{
    g_auto(Wind) wind = {
        .task = task, .mesh = mesh, .grid = grid, .caps = { .item = 9 * sizeof(float) }
    };
    if (!(wind.number = ORF_ALLOC(task, float, grid->total, "repair: inside", error)) ||
        !close_loops(&wind, error) || !walk_rows(&wind, error) || !take_off_caps(&wind, error))
        return NULL;
    return g_steal_pointer(&wind.number);
}

double
orf_grid_hidden(const OrfRepairGrid *grid, const float *winding, bool open)
{
    size_t empty = 0, full = 0;
    for (size_t i = 0; i < grid->total; i++) {
        bool hidden = grid->place[i] == ORF_PLACE_HIDDEN;
        if (!hidden && grid->place[i] != ORF_PLACE_INSIDE)
            continue;
        if ((hidden || open) && winding[i] < 0.5f)
            empty++;
        else
            full++;
    }
    return empty ? (double)empty / (double)(empty + full) : 0;
}
