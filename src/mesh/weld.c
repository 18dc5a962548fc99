/* weld.c - merges vertices that lie in one place.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Exactly equal positions: points.c gives them one index, and each vertex learns the first
 * vertex at its place.
 *
 * Within a distance: the vertices that are left go, in order, into a grid of cells twice as
 * wide as the distance (Teschner et al. 2003). A vertex joins the nearest kept vertex in reach,
 * which can only lie in 8 cells, or is kept itself. So no vertex moves further than the
 * distance, and kept vertices are further apart than that. */
#include "mesh-priv.h"

#include <math.h>
#include <string.h>

#define GRAIN ((size_t)1 << 16) /* vertices between looks at the task */
#define NONE UINT32_MAX

/* --- Exactly equal positions -------------------------------------------------------------- */

/* first[v] becomes the first vertex in the place of v. */
static bool
find_equal(OrfTask *task, const OrfMesh *mesh, uint32_t *first, GError **error)
{
    g_auto(OrfPoints) points;
    orf_points_init(&points, task);
    size_t n = orf_mesh_n_vertices(mesh);
    const float(*positions)[3] = (const float(*)[3])orf_mesh_positions(mesh);
    if (!orf_points_add(&points, positions, n, first, error))
        return false;
    orf_autofree uint32_t *vertex = ORF_ALLOC(task, uint32_t, points.found.n, "weld", error);
    if (!vertex)
        return false;
    for (uint32_t v = 0, n_found = 0; v < n;
         v++) { /* the index is new where it is first used */
        if (first[v] == n_found)
            vertex[n_found++] = v;
        first[v] = vertex[first[v]];
    }
    return true;
}

/* --- Within a distance -------------------------------------------------------------------- */

typedef struct {
    const float *positions;
    double distance, cell; /* cell = 2 * distance */
    uint32_t *table;       /* [size] last kept vertex of the cells that hash here */
    uint32_t *older;       /* [n_vertices] the one kept before it, or NONE */
    size_t size;           /* a power of two */
} Grid;

static void
grid_clear(Grid *grid)
{
    orf_free(grid->table);
    orf_free(grid->older);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Grid, grid_clear)

/* Cell numbers are whole doubles: no coordinate is too large for them. */
static size_t
grid_slot(const Grid *grid, const double cell[3])
{
    uint64_t h = 0;
    for (int k = 0; k < 3; k++) {
        double number = cell[k] + 0.0;
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        h = (h ^ bits) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    return h & (grid->size - 1);
}

static double
squared_distance(const float *a, const float *b)
{
    double x = (double)a[0] - b[0], y = (double)a[1] - b[1], z = (double)a[2] - b[2];
    return x * x + y * y + z * z;
}

/* The nearest kept vertex in the list of one slot that is nearer than *nearest. */
static void
search_slot(const Grid *grid, size_t slot, const float *p, uint32_t *found, double *nearest)
{
    for (uint32_t v = grid->table[slot]; v != NONE; v = grid->older[v]) {
        double d = squared_distance(p, grid->positions + 3 * (size_t)v);
        if (d < *nearest || (d == *nearest && v < *found)) {
            *nearest = d;
            *found = v;
        }
    }
}

/* The nearest kept vertex within the distance, or NONE. */
static uint32_t
search_grid(const Grid *grid, const float *p)
{
    double low[3];
    for (int k = 0; k < 3; k++)
        low[k] = floor((p[k] - grid->distance) / grid->cell);
    uint32_t found = NONE;
    double nearest = grid->distance * grid->distance;
    for (int corner = 0; corner < 8; corner++) {
        double cell[3] = { low[0] + (corner & 1), low[1] + (corner >> 1 & 1),
                           low[2] + (corner >> 2) };
        search_slot(grid, grid_slot(grid, cell), p, &found, &nearest);
    }
    return found;
}

static void
keep_vertex(Grid *grid, uint32_t v)
{
    double cell[3];
    for (int k = 0; k < 3; k++)
        cell[k] = floor(grid->positions[3 * (size_t)v + k] / grid->cell);
    size_t slot = grid_slot(grid, cell);
    grid->older[v] = grid->table[slot];
    grid->table[slot] = v;
}

static bool
grid_init(OrfTask *task, const OrfMesh *mesh, double distance, Grid *grid, GError **error)
{
    size_t n = orf_mesh_n_vertices(mesh);
    *grid = (Grid){ .positions = orf_mesh_positions(mesh),
                    .distance = distance,
                    .cell = 2 * distance,
                    .size = 64 };
    while (grid->size < n)
        grid->size *= 2;
    if (!(grid->table = ORF_ALLOC(task, uint32_t, grid->size, "weld", error)) ||
        !(grid->older = ORF_ALLOC(task, uint32_t, n, "weld", error)))
        return false;
    memset(grid->table, 0xff, grid->size * sizeof *grid->table);
    return true;
}

/* Points first[v] further, to the kept vertex that v joins; looks at vertices in order of use.
 */
static bool
find_near(OrfTask *task, const OrfMesh *mesh, double distance, uint32_t *first, GError **error)
{
    g_auto(Grid) grid = { 0 };
    size_t n = orf_mesh_n_vertices(mesh), n_corners = 3 * orf_mesh_n_triangles(mesh);
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    orf_autofree uint32_t *joins = ORF_ALLOC(task, uint32_t, n, "weld", error);
    if (!joins || !grid_init(task, mesh, distance, &grid, error))
        return false;
    memset(joins, 0xff, n * sizeof *joins);
    for (size_t c = 0; c < n_corners; c++) {
        if (c % 4096 == 0 && !orf_task_check(task, error))
            return false;
        uint32_t v = first[triangles[c]];
        if (joins[v] != NONE)
            continue;
        uint32_t near = search_grid(&grid, grid.positions + 3 * (size_t)v);
        joins[v] = near == NONE ? v : near;
        if (near == NONE)
            keep_vertex(&grid, v);
    }
    for (size_t v = 0; v < n; v++) {
        if (v % GRAIN == 0 && !orf_task_check(task, error))
            return false;
        first[v] = joins[first[v]] == NONE ? first[v] : joins[first[v]];
    }
    return true;
}

/* --- The welded mesh ---------------------------------------------------------------------- */

typedef struct {
    const OrfMesh *mesh;
    const uint32_t *first; /* [n_vertices] vertex that stands for each vertex */
    uint32_t *number; /* [n_vertices] new number + 1 of those that stand for some, else 0 */
    OrfMeshParts parts;
} Build;

static void
build_clear(Build *build)
{
    orf_free(build->number);
    orf_mesh_parts_clear(&build->parts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Build, build_clear)

static bool
build_init(OrfTask *task, const OrfMesh *mesh, const uint32_t *first, Build *build,
           GError **error)
{
    OrfMeshParts *parts = &build->parts;
    size_t n = orf_mesh_n_triangles(mesh), n_uvs = orf_mesh_n_uvs(mesh);
    bool has_uvs = orf_mesh_uvs(mesh), has_groups = orf_mesh_groups(mesh);
    build->mesh = mesh;
    build->first = first;
    if (!(build->number =
              ORF_ALLOC(task, uint32_t, orf_mesh_n_vertices(mesh), "weld", error)) ||
        !(parts->triangles = ORF_ALLOC(task, uint32_t, 3 * n, "triangles", error)))
        return false;
    if (has_uvs && (!(parts->uvs = ORF_ALLOC(task, float, 2 * n_uvs, "UVs", error)) ||
                    !(parts->uv_triangles = ORF_ALLOC(task, uint32_t, 3 * n, "UVs", error))))
        return false;
    if (has_groups && !(parts->groups = ORF_ALLOC(task, uint16_t, n, "groups", error)))
        return false;
    parts->n_uvs = n_uvs;
    if (n_uvs)
        memcpy(parts->uvs, orf_mesh_uvs(mesh), 2 * n_uvs * sizeof(float));
    return true;
}

static uint32_t
number_vertex(Build *build, uint32_t v)
{
    if (!build->number[v])
        build->number[v] = (uint32_t)++build->parts.n_vertices;
    return build->number[v] - 1;
}

static void
add_triangle(Build *build, size_t t, const uint32_t corners[3])
{
    OrfMeshParts *parts = &build->parts;
    size_t to = parts->n_triangles++;
    for (int k = 0; k < 3; k++)
        parts->triangles[3 * to + k] = number_vertex(build, corners[k]);
    if (parts->uv_triangles)
        memcpy(parts->uv_triangles + 3 * to, orf_mesh_uv_triangles(build->mesh) + 3 * t, 12);
    if (parts->groups)
        parts->groups[to] = orf_mesh_groups(build->mesh)[t];
}

/* Numbers the vertices in order of first use; triangles that collapse are left out. */
static bool
build_triangles(OrfTask *task, Build *build, GError **error)
{
    size_t n = orf_mesh_n_triangles(build->mesh);
    const uint32_t *from = orf_mesh_triangles(build->mesh);
    for (size_t t = 0; t < n; t++, from += 3) {
        if (t % ORF_MESH_BLOCK == 0 && !orf_task_check(task, error))
            return false;
        uint32_t corners[3] = { build->first[from[0]], build->first[from[1]],
                                build->first[from[2]] };
        if (!orf_triangle_collapsed(corners))
            add_triangle(build, t, corners);
    }
    return true;
}

static void
build_vertices(size_t begin, size_t end, void *data)
{
    Build *build = data;
    const float *positions = orf_mesh_positions(build->mesh);
    const uint8_t *colors = orf_mesh_colors(build->mesh);
    for (size_t v = begin; v < end; v++) {
        if (!build->number[v])
            continue;
        size_t to = build->number[v] - 1;
        memcpy(build->parts.positions + 3 * to, positions + 3 * v, 12);
        if (colors)
            memcpy(build->parts.colors + 4 * to, colors + 4 * v, 4);
    }
}

static OrfMesh *
rebuild(OrfTask *task, const OrfMesh *mesh, const uint32_t *first, GError **error)
{
    g_auto(Build) build = { 0 };
    OrfMeshParts *parts = &build.parts;
    if (!build_init(task, mesh, first, &build, error) || !build_triangles(task, &build, error))
        return NULL;
    parts->positions = ORF_ALLOC(task, float, 3 * parts->n_vertices, "vertices", error);
    if (!parts->positions)
        return NULL;
    if (orf_mesh_colors(mesh)) {
        parts->colors = ORF_ALLOC(task, uint8_t, 4 * parts->n_vertices, "colours", error);
        if (!parts->colors)
            return NULL;
    }
    size_t n_vertices = orf_mesh_n_vertices(mesh);
    if (!orf_task_parallel(task, n_vertices, GRAIN, build_vertices, &build)) {
        orf_task_check(task, error);
        return NULL;
    }
    return orf_mesh_new_take(parts, error);
}

OrfMesh *
orf_mesh_weld(OrfTask *task, const OrfMesh *mesh, float distance, GError **error)
{
    orf_autofree uint32_t *first =
        ORF_ALLOC(task, uint32_t, orf_mesh_n_vertices(mesh), "weld", error);
    if (!first || !find_equal(task, mesh, first, error))
        return NULL;
    orf_task_progress(task, 0.6);
    if (distance > 0 && !find_near(task, mesh, distance, first, error))
        return NULL;
    OrfMesh *welded = rebuild(task, mesh, first, error);
    orf_task_progress(task, 1);
    return welded;
}
