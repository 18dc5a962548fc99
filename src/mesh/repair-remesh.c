/* repair-remesh.c - a new surface where the old one cannot be kept.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Inside is where the winding number of the kept triangles is over one half: pin holes and
 * plane openings get the flattest cap, overlapping parts unite, fins vanish. Distances are
 * exact only beside the surface, where they place it. The iso-surface is closed, manifold and
 * free of crossings by construction. Its vertices are then drawn to the planes of the triangles
 * near them, least squares with a pull to where they are (Garland and Heckbert's quadrics as Ju
 * et al. 2002 use them), which gives flat faces and sharp edges back. What crosses after a move
 * takes half of it back, then all. */
#include "mesh/repair-priv.h"

#include <math.h>
#include <string.h>

#define CAP_SLOPE                                                                              \
    4.0 /* cells the field rises by when the winding number rises by 1, in a cap */

/* --- Inside ------------------------------------------------------------------------------- */

typedef struct {
    const OrfRepairGrid *grid;
    const OrfTree *tree;
    const float *winding;
    float *field;
} Filling;

/* Is one of the six neighbours on the other side? Only there the surface is placed. */
static bool
meets_surface(const Filling *f, size_t index, const size_t at[3])
{
    const size_t *n = f->grid->n;
    const size_t step[3] = { 1, n[0], n[0] * n[1] };
    bool inside = f->winding[index] > 0.5f, meets = false;
    for (int k = 0; k < 3; k++) {
        meets = meets || (at[k] > 0 && (f->winding[index - step[k]] > 0.5f) != inside);
        meets = meets || (at[k] + 1 < n[k] && (f->winding[index + step[k]] > 0.5f) != inside);
    }
    return meets;
}

/* Where the kept triangles are far the field follows the winding number, near them their
 * distance. */
static float
value_at(const Filling *f, size_t index, const size_t at[3])
{
    double middle[3], reach = 2 * f->grid->cell;
    double over = (double)f->winding[index] - 0.5;
    double distance = (double)f->grid->distance[index];
    if (meets_surface(f, index, at)) {
        orf_grid_middle(f->grid, index, middle);
        distance =
            distance < reach ? orf_tree_nearest(f->tree, middle, reach, NULL, NULL) : reach;
    }
    double most = MIN(MIN(distance, reach), fabs(over) * CAP_SLOPE * f->grid->cell);
    most = MAX(most, 1e-3 * f->grid->cell);
    return (float)(over > 0 ? most : -most);
}

static void
fill_rows(size_t begin, size_t end, void *data)
{
    Filling *f = data;
    const size_t *n = f->grid->n;
    for (size_t row = begin; row < end; row++)
        for (size_t x = 0; x < n[0]; x++) {
            const size_t at[3] = { x, row % n[1], row / n[1] };
            f->field[row * n[0] + x] = value_at(f, row * n[0] + x, at);
        }
}

float *
orf_repair_field(OrfTask *task, const OrfTree *tree, const OrfRepairGrid *grid,
                 const float *winding, GError **error)
{
    orf_autofree float *field = ORF_ALLOC(task, float, grid->total, "repair: field", error);
    if (!field)
        return NULL;
    Filling f = { grid, tree, winding, field };
    if (!orf_task_parallel(task, grid->n[1] * grid->n[2], 64, fill_rows, &f)) {
        orf_task_check(task, error);
        return NULL;
    }
    return g_steal_pointer(&field);
}

/* --- Drawing the surface to the triangles ------------------------------------------------- */

typedef struct {
    const OrfMesh *surface;   /* as extracted */
    const OrfMesh *triangles; /* to be drawn to */
    const OrfTree *tree;
    double cell;
    const uint32_t *ring_start; /* [n + 1] into `ring`: triangles round a vertex */
    const uint32_t *ring;
    float *drawn; /* [n_vertices][3] */
} Drawing;

typedef struct {
    double a[6], b[3], n; /* sum of n n^T (xx xy xz yy yz zz) and of n (n . p) */
    double mean[3];
} Quadric;

static void
add_plane(Quadric *q, const double normal[3], const double point[3])
{
    double off = normal[0] * point[0] + normal[1] * point[1] + normal[2] * point[2];
    static const int row[6] = { 0, 0, 0, 1, 1, 2 }, column[6] = { 0, 1, 2, 1, 2, 2 };
    for (int i = 0; i < 6; i++)
        q->a[i] += normal[row[i]] * normal[column[i]];
    for (int k = 0; k < 3; k++) {
        q->b[k] += normal[k] * off;
        q->mean[k] += point[k];
    }
    q->n++;
}

/* The plane nearest to a place, when it is within two cells. */
static void
add_near(const Drawing *d, const double place[3], Quadric *q)
{
    double point[3], normal[3] = { 0 }, length = 0, u[3], v[3];
    uint32_t t;
    if (!(orf_tree_nearest(d->tree, place, 2 * d->cell, point, &t) < INFINITY))
        return;
    const uint32_t *corner = orf_mesh_triangles(d->triangles) + 3 * (size_t)t;
    const float *positions = orf_mesh_positions(d->triangles);
    for (int k = 0; k < 3; k++) {
        double a = (double)positions[3 * (size_t)corner[0] + (size_t)k];
        u[k] = (double)positions[3 * (size_t)corner[1] + (size_t)k] - a;
        v[k] = (double)positions[3 * (size_t)corner[2] + (size_t)k] - a;
    }
    for (int k = 0; k < 3; k++) {
        normal[k] = u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3];
        length += normal[k] * normal[k];
    }
    for (int k = 0; k < 3; k++)
        normal[k] /= sqrt(MAX(length, 1e-300));
    add_plane(q, normal, point);
}

/* (a + pull) x = b + pull * mean, by Cholesky; the pull keeps it solvable. */
static void
solve(const Quadric *q, double ret[3])
{
    double pull = 0.02 * q->n, m[3], b[3];
    for (int k = 0; k < 3; k++) {
        m[k] = q->mean[k] / q->n;
        b[k] = q->b[k] + pull * m[k];
    }
    double xx = q->a[0] + pull, xy = q->a[1], xz = q->a[2], yy = q->a[3] + pull, yz = q->a[4],
           zz = q->a[5] + pull;
    double l11 = sqrt(xx), l21 = xy / l11, l31 = xz / l11;
    double l22 = sqrt(yy - l21 * l21), l32 = (yz - l31 * l21) / l22;
    double l33 = sqrt(zz - l31 * l31 - l32 * l32);
    double y1 = b[0] / l11, y2 = (b[1] - l21 * y1) / l22,
           y3 = (b[2] - l31 * y1 - l32 * y2) / l33;
    ret[2] = y3 / l33;
    ret[1] = (y2 - l32 * ret[2]) / l22;
    ret[0] = (y1 - l21 * ret[1] - l31 * ret[2]) / l11;
}

static void
draw_vertex(Drawing *d, size_t v)
{
    const float *positions = orf_mesh_positions(d->surface);
    const uint32_t *triangles = orf_mesh_triangles(d->surface);
    Quadric q = { 0 };
    double own[3], place[3], found[3];
    for (int k = 0; k < 3; k++)
        own[k] = (double)positions[3 * v + (size_t)k];
    add_near(d, own, &q);
    bool near = q.n > 0;
    for (uint32_t i = d->ring_start[v]; near && i < d->ring_start[v + 1]; i++) {
        const uint32_t *t = triangles + 3 * (size_t)d->ring[i];
        for (int k = 0; k < 3; k++) /* two thirds of the way to the triangle's middle */
            place[k] = own[k] / 3 + 2 *
                                        ((double)positions[3 * (size_t)t[0] + (size_t)k] +
                                         (double)positions[3 * (size_t)t[1] + (size_t)k] +
                                         (double)positions[3 * (size_t)t[2] + (size_t)k]) /
                                        9;
        add_near(d, place, &q);
    }
    float *out = d->drawn + 3 * v;
    memcpy(out, positions + 3 * v, 3 * sizeof *out);
    if (!near)
        return;
    solve(&q, found);
    double moved = 0;
    for (int k = 0; k < 3; k++)
        moved += (found[k] - own[k]) * (found[k] - own[k]);
    if (!(moved < 2.25 * d->cell * d->cell))
        orf_tree_nearest(d->tree, own, 2 * d->cell, found, NULL);
    else if (orf_tree_nearest(d->tree, found, d->cell / 2, place, NULL) < 0.3 * d->cell)
        memcpy(found, place, sizeof found);
    for (int k = 0; k < 3; k++)
        out[k] = (float)found[k];
}

static void
draw_range(size_t begin, size_t end, void *data)
{
    for (size_t v = begin; v < end; v++)
        draw_vertex(data, v);
}

static bool
list_rings(OrfTask *task, const OrfMesh *mesh, uint32_t **ret_start, uint32_t **ret_ring,
           GError **error)
{
    size_t n = orf_mesh_n_vertices(mesh), m = 3 * orf_mesh_n_triangles(mesh);
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    orf_autofree uint32_t *start = ORF_ALLOC(task, uint32_t, n + 2, "repair: surface", error);
    orf_autofree uint32_t *ring = ORF_ALLOC(task, uint32_t, m, "repair: surface", error);
    if (!start || !ring)
        return false;
    for (size_t c = 0; c < m; c++)
        start[triangles[c] + 2]++;
    for (size_t v = 1; v < n + 2; v++)
        start[v] += start[v - 1];
    for (size_t c = 0; c < m; c++)
        ring[start[triangles[c] + 1]++] = (uint32_t)(c / 3);
    *ret_start = g_steal_pointer(&start);
    *ret_ring = g_steal_pointer(&ring);
    return true;
}

/* --- Guard -------------------------------------------------------------------------------- */

/* Marks the corners of triangles that cross another, have no area or were turned over. */
static bool
mark_bad(OrfTask *task, const OrfMesh *mesh, const OrfMesh *before, uint8_t *bad, size_t *ret_n,
         GError **error)
{
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    g_autoptr(GArray) pairs = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    if (!orf_mesh_list_crossings(task, mesh, pairs, error))
        return false;
    *ret_n = pairs->len;
    for (guint i = 0; i < pairs->len; i++)
        for (int c = 0; c < 3; c++)
            bad[triangles[3 * (size_t)g_array_index(pairs, uint32_t, i) + (size_t)c]] = 1;
    for (size_t t = 0; t < orf_mesh_n_triangles(mesh); t++) {
        if (orf_triangle_turned(orf_mesh_positions(before), orf_mesh_positions(mesh),
                                triangles + 3 * t)) {
            for (size_t c = 0; c < 3; c++)
                bad[triangles[3 * t + c]] = 1;
            (*ret_n)++;
        }
    }
    return true;
}

bool
orf_triangle_turned(const float *before, const float *after, const uint32_t t[3])
{
    double normal[2][3], size[2] = { 0 }, same = 0;
    for (int i = 0; i < 2; i++) {
        const float *p = i ? after : before;
        double u[3], v[3];
        for (size_t k = 0; k < 3; k++) {
            u[k] = (double)p[3 * (size_t)t[1] + k] - (double)p[3 * (size_t)t[0] + k];
            v[k] = (double)p[3 * (size_t)t[2] + k] - (double)p[3 * (size_t)t[0] + k];
        }
        for (int k = 0; k < 3; k++) {
            normal[i][k] = u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3];
            size[i] += normal[i][k] * normal[i][k];
        }
    }
    for (int k = 0; k < 3; k++)
        same += normal[0][k] * normal[1][k];
    return !(same > -0.2 * sqrt(size[0] * size[1])) || size[1] < 1e-12 * size[0];
}

#define ROUNDS 8

static OrfMesh *
keep_apart(OrfTask *task, const OrfMesh *surface, float *drawn, GError **error)
{
    size_t n = orf_mesh_n_vertices(surface);
    const float *from = orf_mesh_positions(surface);
    orf_autofree uint8_t *bad = ORF_ALLOC(task, uint8_t, n, "repair: surface", error);
    if (!bad)
        return NULL;
    for (int round = 0;; round++) {
        orf_autofree float *copy = ORF_ALLOC(task, float, 3 * n, "repair: surface", error);
        if (!copy)
            return NULL;
        memcpy(copy, drawn, 3 * n * sizeof *copy);
        g_autoptr(OrfMesh) mesh =
            orf_mesh_with_positions_take(task, surface, g_steal_pointer(&copy), error);
        size_t found;
        memset(bad, 0, n);
        if (!mesh || !mark_bad(task, mesh, surface, bad, &found, error))
            return NULL;
        if (found == 0 || round == 2 * ROUNDS)
            return g_steal_pointer(&mesh);
        float kept = round < ROUNDS / 2 ? 0.5f : 0;
        bool wide = round >= ROUNDS; /* then the neighbours go back, too */
        if (wide) {
            const uint32_t *t = orf_mesh_triangles(surface);
            for (size_t i = 0; i < orf_mesh_n_triangles(surface); i++, t += 3)
                if ((bad[t[0]] | bad[t[1]] | bad[t[2]]) & 1)
                    for (int c = 0; c < 3; c++)
                        bad[t[c]] |= 2;
        }
        for (size_t v = 0; v < n; v++)
            for (size_t k = 3 * v; bad[v] && k < 3 * v + 3; k++)
                drawn[k] = from[k] + kept * (drawn[k] - from[k]);
    }
}

OrfMesh *
orf_repair_surface(OrfTask *task, const OrfMesh *mesh, const OrfTree *tree,
                   const OrfRepairGrid *grid, const float *field, bool plain, GError **error)
{
    OrfField samples = { .field = field,
                         .nx = (uint32_t)grid->n[0],
                         .ny = (uint32_t)grid->n[1],
                         .nz = (uint32_t)grid->n[2],
                         .origin = { (float)grid->origin[0], (float)grid->origin[1],
                                     (float)grid->origin[2] },
                         .cell = (float)grid->cell };
    g_autoptr(OrfMesh) surface = orf_mesh_isosurface(task, &samples, error);
    if (!surface || plain || orf_mesh_n_triangles(surface) == 0)
        return g_steal_pointer(&surface);
    size_t n = orf_mesh_n_vertices(surface);
    orf_autofree uint32_t *start = NULL, *ring = NULL;
    orf_autofree float *drawn = ORF_ALLOC(task, float, 3 * n, "repair: surface", error);
    if (!drawn || !list_rings(task, surface, &start, &ring, error))
        return NULL;
    Drawing drawing = { surface, mesh, tree, grid->cell, start, ring, drawn };
    if (!orf_task_parallel(task, n, 1024, draw_range, &drawing)) {
        orf_task_check(task, error);
        return NULL;
    }
    return keep_apart(task, surface, drawn, error);
}
