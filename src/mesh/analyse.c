/* analyse.c - is this mesh a printable solid, and if not, what is wrong with it?
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything follows from the sides of the triangles filed by edge (edges.c): how often an edge
 * is used tells borders and branchings; two sides in one direction tell a turned triangle;
 * equal apexes tell duplicates. Two disjoint-set forests grow over the same runs: corners that
 * meet in an edge belong to one fan of their vertex, triangles that share an edge to one shell.
 * The forests are shared by all cores without locks: a root is only ever hung under a lower one
 * (Anderson and Woll 1991), so the sets, and the counts, do not depend on the order of work.
 *
 * Triangles with a repeated index count as degenerate and are otherwise ignored. */
#include "mesh-priv.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

typedef struct {
    size_t edges, boundary, nonmanifold, misoriented,
        duplicate; /* of the vertices of a block */
} EdgeTally;

typedef struct {
    size_t collapsed, thin, shells; /* of the triangles of a block */
    double area, volume;
} FaceTally;

typedef struct {
    size_t used, pinched; /* vertices of a block */
    float low[3], high[3];
} VertexTally;

typedef struct {
    const float *positions;
    const uint32_t *triangles;
    size_t n_vertices, n_triangles;
    OrfEdges edges;
    _Atomic uint32_t *fan;   /* [3 * n_triangles] forest over corners */
    _Atomic uint32_t *shell; /* [n_triangles] forest over triangles */
    uint8_t *fans;           /* [n_vertices] number of fans, 2 stands for more */
    EdgeTally *edge_tallies;
    FaceTally *face_tallies;
    VertexTally *vertex_tallies;
    double center[3]; /* of the referenced vertices: origin of the volume */
} Look;

static void
look_clear(Look *look)
{
    orf_edges_clear(&look->edges);
    orf_free(look->fan);
    orf_free(look->shell);
    orf_free(look->fans);
    orf_free(look->edge_tallies);
    orf_free(look->face_tallies);
    orf_free(look->vertex_tallies);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Look, look_clear)

static size_t
n_blocks(size_t n)
{
    return (n + ORF_MESH_BLOCK - 1) / ORF_MESH_BLOCK;
}

static bool
look_init(OrfTask *task, const OrfMesh *mesh, Look *look, GError **error)
{
    size_t n_vertices = orf_mesh_n_vertices(mesh), n_triangles = orf_mesh_n_triangles(mesh);
    look->positions = orf_mesh_positions(mesh);
    look->triangles = orf_mesh_triangles(mesh);
    look->n_vertices = n_vertices;
    look->n_triangles = n_triangles;
    return (look->fan =
                ORF_ALLOC(task, _Atomic uint32_t, 3 * n_triangles, "measuring", error)) &&
           (look->shell = ORF_ALLOC(task, _Atomic uint32_t, n_triangles, "measuring", error)) &&
           (look->fans = ORF_ALLOC(task, uint8_t, n_vertices, "measuring", error)) &&
           (look->edge_tallies =
                ORF_ALLOC(task, EdgeTally, n_blocks(n_vertices), "measuring", error)) &&
           (look->face_tallies =
                ORF_ALLOC(task, FaceTally, n_blocks(n_triangles), "measuring", error)) &&
           (look->vertex_tallies =
                ORF_ALLOC(task, VertexTally, n_blocks(n_vertices), "measuring", error)) &&
           orf_edges_init(task, mesh, &look->edges, error);
}

/* --- Disjoint sets, shared without locks -------------------------------------------------- */

static uint32_t
find_root(_Atomic uint32_t *parent, uint32_t x)
{
    for (;;) {
        uint32_t up = atomic_load_explicit(&parent[x], memory_order_relaxed);
        uint32_t top = atomic_load_explicit(&parent[up], memory_order_relaxed);
        if (up == top)
            return up;
        atomic_store_explicit(&parent[x], top, memory_order_relaxed); /* any ancestor will do */
        x = top;
    }
}

static void
unite(_Atomic uint32_t *parent, uint32_t a, uint32_t b)
{
    for (;;) {
        a = find_root(parent, a);
        b = find_root(parent, b);
        if (a == b)
            return;
        uint32_t low = MIN(a, b), high = MAX(a, b), seen = high;
        if (atomic_compare_exchange_strong_explicit(&parent[high], &seen, low,
                                                    memory_order_relaxed, memory_order_relaxed))
            return;
    }
}

/* --- Edges -------------------------------------------------------------------------------- */

/* Corners of `half` at the lower and the higher vertex of its edge. */
static void
corners_at(const uint32_t *triangles, uint32_t half, uint32_t ret_corners[2])
{
    uint32_t next = orf_next_corner(half);
    bool up = triangles[half] < triangles[next];
    ret_corners[0] = up ? half : next;
    ret_corners[1] = up ? next : half;
}

static void
join_halves(Look *look, uint32_t a, uint32_t b)
{
    uint32_t at_a[2], at_b[2];
    corners_at(look->triangles, a, at_a);
    corners_at(look->triangles, b, at_b);
    unite(look->fan, at_a[0], at_b[0]);
    unite(look->fan, at_a[1], at_b[1]);
    unite(look->shell, a / 3, b / 3);
}

static uint32_t
apex(const Look *look, uint32_t half)
{
    return look->triangles[orf_next_corner(orf_next_corner(half))];
}

/* True when both triangles have the same vertices and this edge is the one of their two lowest,
 * so that each pair is seen once. */
static bool
is_duplicate(const Look *look, OrfHalf a, OrfHalf b)
{
    uint32_t apex_a = apex(look, a.half);
    return apex_a > a.other && apex_a == apex(look, b.half);
}

static bool
same_direction(const Look *look, OrfHalf a, OrfHalf b)
{
    return look->triangles[a.half] == look->triangles[b.half];
}

static void
tally_edge(Look *look, EdgeTally *tally, const OrfHalf *halves, size_t n)
{
    tally->edges++;
    tally->boundary += n == 1;
    tally->nonmanifold += n > 2;
    tally->misoriented += n == 2 && same_direction(look, halves[0], halves[1]);
    for (size_t i = 1; i < n; i++) {
        tally->duplicate += is_duplicate(look, halves[i - 1], halves[i]);
        join_halves(look, halves[i - 1].half, halves[i].half);
    }
}

static void
tally_edges(size_t begin, size_t end, void *data)
{
    Look *look = data;
    EdgeTally *tally = &look->edge_tallies[begin / ORF_MESH_BLOCK];
    const OrfHalf *halves = look->edges.halves;
    const uint32_t *start = look->edges.start;
    for (size_t v = begin; v < end; v++)
        for (uint32_t i = start[v], next; i < start[v + 1]; i = next) {
            next = orf_edge_end(halves, i, start[v + 1]);
            tally_edge(look, tally, halves + i, next - i);
        }
}

/* --- Triangles ---------------------------------------------------------------------------- */

static void
plant_forests(size_t begin, size_t end, void *data)
{
    Look *look = data;
    for (size_t t = begin; t < end; t++)
        atomic_store_explicit(&look->shell[t], (uint32_t)t, memory_order_relaxed);
    for (size_t c = 3 * begin; c < 3 * end; c++)
        atomic_store_explicit(&look->fan[c], (uint32_t)c, memory_order_relaxed);
}

static void
cross(const double a[3], const double b[3], double ret_c[3])
{
    ret_c[0] = a[1] * b[2] - a[2] * b[1];
    ret_c[1] = a[2] * b[0] - a[0] * b[2];
    ret_c[2] = a[0] * b[1] - a[1] * b[0];
}

static double
dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void
tally_triangle(const Look *look, size_t t, FaceTally *tally)
{
    const uint32_t *corner = look->triangles + 3 * t;
    double p[3][3], u[3], v[3], n[3], moment[3];
    for (int k = 0; k < 3; k++) {
        double a = look->positions[3 * (size_t)corner[0] + k],
               b = look->positions[3 * (size_t)corner[1] + k],
               c = look->positions[3 * (size_t)corner[2] + k];
        u[k] = b - a;
        v[k] = c - a;
        p[0][k] = a - look->center[k];
        p[1][k] = b - look->center[k];
        p[2][k] = c - look->center[k];
    }
    cross(u, v, n);
    double twice = sqrt(dot(n, n));
    tally->thin += twice <= 1e-12 * MAX(dot(u, u), dot(v, v)); /* in line, as floats can tell */
    tally->area += twice / 2;
    cross(p[1], p[2], moment);
    tally->volume += dot(p[0], moment) / 6;
}

static void
tally_triangles(size_t begin, size_t end, void *data)
{
    Look *look = data;
    FaceTally *tally = &look->face_tallies[begin / ORF_MESH_BLOCK];
    for (size_t t = begin; t < end; t++) {
        if (orf_triangle_collapsed(look->triangles + 3 * t)) {
            tally->collapsed++;
            continue;
        }
        tally->shells += look->shell[t] == t;
        tally_triangle(look, t, tally);
    }
}

/* --- Vertices ----------------------------------------------------------------------------- */

static bool
count_fans(OrfTask *task, Look *look)
{
    for (size_t t = 0; t < look->n_triangles; t++) {
        if (t % ORF_MESH_BLOCK == 0 && orf_task_cancelled(task))
            return false;
        if (orf_triangle_collapsed(look->triangles + 3 * t))
            continue;
        for (size_t c = 3 * t; c < 3 * t + 3; c++)
            if (look->fan[c] == c && look->fans[look->triangles[c]] < 2)
                look->fans[look->triangles[c]]++;
    }
    return true;
}

static void
tally_vertices(size_t begin, size_t end, void *data)
{
    Look *look = data;
    VertexTally *tally = &look->vertex_tallies[begin / ORF_MESH_BLOCK];
    for (size_t v = begin; v < end; v++) {
        if (look->fans[v] == 0)
            continue;
        const float *p = look->positions + 3 * v;
        for (int k = 0; k < 3; k++) {
            tally->low[k] = tally->used && tally->low[k] < p[k] ? tally->low[k] : p[k];
            tally->high[k] = tally->used && tally->high[k] > p[k] ? tally->high[k] : p[k];
        }
        tally->used++;
        tally->pinched += look->fans[v] > 1;
    }
}

/* --- Sums, in block order: the same on any number of cores -------------------------------- */

static void
sum_vertices(Look *look, OrfMeasures *measures)
{
    size_t used = 0;
    for (size_t b = 0; b < n_blocks(look->n_vertices); b++) {
        const VertexTally *tally = &look->vertex_tallies[b];
        if (tally->used == 0)
            continue;
        for (int k = 0; k < 3; k++) {
            float low = tally->low[k], high = tally->high[k];
            measures->low[k] = used && measures->low[k] < low ? measures->low[k] : low;
            measures->high[k] = used && measures->high[k] > high ? measures->high[k] : high;
        }
        used += tally->used;
        measures->nonmanifold_vertices += tally->pinched;
    }
    measures->unreferenced = look->n_vertices - used;
    for (int k = 0; k < 3; k++)
        look->center[k] = ((double)measures->low[k] + measures->high[k]) / 2;
}

static void
sum_triangles(const Look *look, OrfMeasures *measures, size_t *ret_collapsed)
{
    *ret_collapsed = 0;
    for (size_t b = 0; b < n_blocks(look->n_triangles); b++) {
        const FaceTally *tally = &look->face_tallies[b];
        *ret_collapsed += tally->collapsed;
        measures->degenerate += tally->collapsed + tally->thin;
        measures->shells += tally->shells;
        measures->area += tally->area;
        measures->volume += tally->volume;
    }
}

static size_t
sum_edges(const Look *look, OrfMeasures *measures)
{
    size_t edges = 0;
    for (size_t b = 0; b < n_blocks(look->n_vertices); b++) {
        const EdgeTally *tally = &look->edge_tallies[b];
        edges += tally->edges;
        measures->boundary_edges += tally->boundary;
        measures->nonmanifold_edges += tally->nonmanifold;
        measures->misoriented_edges += tally->misoriented;
        measures->duplicate += tally->duplicate;
    }
    return edges;
}

static void
conclude(const Look *look, size_t edges, size_t collapsed, OrfMeasures *measures)
{
    size_t used = look->n_vertices - measures->unreferenced;
    bool some = look->n_triangles > collapsed;
    measures->euler = (int64_t)used - (int64_t)edges + (int64_t)(look->n_triangles - collapsed);
    measures->closed =
        some && measures->boundary_edges == 0 && measures->nonmanifold_edges == 0;
    measures->manifold =
        measures->nonmanifold_edges == 0 && measures->nonmanifold_vertices == 0;
    measures->oriented = some && measures->misoriented_edges == 0 && measures->volume > 0;
}

static bool
survey(OrfTask *task, Look *look, OrfMeasures *measures)
{
    if (!orf_task_parallel(task, look->n_triangles, ORF_MESH_BLOCK, plant_forests, look) ||
        !orf_task_parallel(task, look->n_vertices, ORF_MESH_BLOCK, tally_edges, look) ||
        !count_fans(task, look) ||
        !orf_task_parallel(task, look->n_vertices, ORF_MESH_BLOCK, tally_vertices, look))
        return false;
    sum_vertices(look, measures);
    if (!orf_task_parallel(task, look->n_triangles, ORF_MESH_BLOCK, tally_triangles, look))
        return false;
    size_t collapsed;
    sum_triangles(look, measures, &collapsed);
    conclude(look, sum_edges(look, measures), collapsed, measures);
    return true;
}

bool
orf_mesh_measure(OrfTask *task, const OrfMesh *mesh, bool crossings, OrfMeasures *ret_measures,
                 GError **error)
{
    g_auto(Look) look = { 0 };
    OrfMeasures measures = { .vertices = orf_mesh_n_vertices(mesh),
                             .triangles = orf_mesh_n_triangles(mesh),
                             .self_intersections = -1 };
    if (!look_init(task, mesh, &look, error))
        return false;
    if (!survey(task, &look, &measures))
        return orf_task_check(task, error);
    look_clear(&look);
    memset(&look, 0, sizeof look);
    if (crossings && !orf_mesh_count_crossings(task, mesh, &measures.self_intersections, error))
        return false;
    *ret_measures = measures;
    return true;
}

bool
orf_measures_solid(const OrfMeasures *measures)
{
    return measures->closed && measures->manifold && measures->oriented &&
           measures->degenerate == 0 && measures->duplicate == 0 &&
           measures->self_intersections <= 0;
}
