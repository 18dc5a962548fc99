/* repair-holes.c - open loops closed with triangles between their own vertices.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Dynamic programming over the loop: the best triangulation of vertices i..j takes the vertex
 * between them whose triangle and both rests bend and cover least. Bend comes first, then area
 * (Liepa 2003): flat caps for flat holes. Cubic in the loop's length, so `longest` bounds it.
 */
#include "mesh/repair-priv.h"

#include <math.h>
#include <string.h>

typedef struct {
    float bend, area; /* greatest angle to a neighbour, as 1 - cos; sum */
} Cost;

typedef struct {
    OrfTask *task;
    const float *positions;
    const uint32_t *loop;  /* [n] vertices, in the order in which new triangles use the edges */
    const OrfEdges *edges; /* of the mesh: no cap may use one of them again */
    const double *beside;  /* [n][3] normal of the triangle beyond edge i -> i + 1 */
    size_t n;
    Cost *cost;     /* [n][n] */
    uint16_t *pick; /* [n][n] */
} Cap;

/* --- Loops -------------------------------------------------------------------------------- */

/* next[v]: where the open edge at v leads when the hole's own triangles use it; UINT32_MAX:
 * none. Vertices at which several holes touch are left out: their loops stay open. */
static bool
find_open(OrfTask *task, const OrfMesh *mesh, OrfEdges *edges, uint32_t **ret_next,
          uint32_t **ret_half, GError **error)
{
    size_t n = orf_mesh_n_vertices(mesh);
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    orf_autofree uint32_t *next = ORF_ALLOC(task, uint32_t, n, "repair: holes", error);
    orf_autofree uint32_t *half = ORF_ALLOC(task, uint32_t, n, "repair: holes", error);
    if (!next || !half || !orf_edges_init(task, mesh, edges, error))
        return false;
    memset(next, 0xff, n * sizeof *next);
    for (size_t v = 0; v < n; v++)
        for (uint32_t i = edges->start[v], end; i < edges->start[v + 1]; i = end) {
            end = orf_edge_end(edges->halves, i, edges->start[v + 1]);
            if (end - i != 1)
                continue;
            uint32_t corner = edges->halves[i].half;
            uint32_t from = triangles[orf_next_corner(corner)], to = triangles[corner];
            next[from] = next[from] == UINT32_MAX ? to : UINT32_MAX - 1;
            half[from] = corner;
        }
    for (size_t v = 0; v < n; v++)
        if (next[v] == UINT32_MAX - 1)
            next[v] = UINT32_MAX;
    *ret_next = g_steal_pointer(&next);
    *ret_half = g_steal_pointer(&half);
    return true;
}

/* Follows an open loop from `v`, taking its edges away; 0: it does not come back. */
static size_t
take_loop(uint32_t *next, uint32_t v, GArray *ret_loop)
{
    g_array_set_size(ret_loop, 0);
    for (uint32_t at = v;;) {
        g_array_append_val(ret_loop, at);
        uint32_t to = next[at];
        next[at] = UINT32_MAX;
        if (to == v)
            return ret_loop->len;
        if (to == UINT32_MAX)
            return 0;
        at = to;
    }
}

/* --- One cap ------------------------------------------------------------------------------ */

static double
normal_of(const float *a, const float *b, const float *c, double ret[3])
{
    double u[3], v[3], length = 0;
    for (int k = 0; k < 3; k++) {
        u[k] = (double)b[k] - (double)a[k];
        v[k] = (double)c[k] - (double)a[k];
    }
    for (int k = 0; k < 3; k++) {
        int x = (k + 1) % 3, y = (k + 2) % 3;
        ret[k] = u[x] * v[y] - u[y] * v[x];
        length += ret[k] * ret[k];
    }
    length = sqrt(length);
    for (int k = 0; k < 3; k++)
        ret[k] = length > 0 ? ret[k] / length : 0;
    return length / 2;
}

static const float *
at(const Cap *cap, size_t i)
{
    return cap->positions + 3 * (size_t)cap->loop[i];
}

static double
bend_between(const double a[3], const double b[3])
{
    return 1 - (a[0] * b[0] + a[1] * b[1] + a[2] * b[2]);
}

/* The normal beyond the side i..j: of the mesh, or of the best triangle over it. */
static void
normal_over(const Cap *cap, size_t i, size_t j, double ret[3])
{
    if (j == i + 1)
        memcpy(ret, cap->beside + 3 * i, 3 * sizeof *ret);
    else
        normal_of(at(cap, i), at(cap, cap->pick[i * cap->n + j]), at(cap, j), ret);
}

static bool
is_edge(const OrfEdges *edges, uint32_t a, uint32_t b)
{
    uint32_t low = MIN(a, b), high = MAX(a, b);
    for (uint32_t i = edges->start[low]; i < edges->start[low + 1]; i++)
        if (edges->halves[i].other == high)
            return true;
    return false;
}

static void
choose(Cap *cap, size_t i, size_t j)
{
    Cost best = { INFINITY, INFINITY };
    size_t picked = i + 1;
    bool whole = i == 0 && j + 1 == cap->n;
    bool taken = !whole && is_edge(cap->edges, cap->loop[i], cap->loop[j]);
    for (size_t k = i + 1; k < j && !taken; k++) {
        double own[3], left[3], right[3];
        double area = normal_of(at(cap, i), at(cap, k), at(cap, j), own);
        if (!(area > 0))
            continue;
        normal_over(cap, i, k, left);
        normal_over(cap, k, j, right);
        const Cost *a = &cap->cost[i * cap->n + k], *b = &cap->cost[k * cap->n + j];
        double bend = MAX(MAX(bend_between(own, left), bend_between(own, right)),
                          (double)MAX(a->bend, b->bend));
        if (whole)
            bend = MAX(bend, bend_between(own, cap->beside + 3 * j));
        double sum = area + (double)a->area + (double)b->area;
        double much = (double)best.bend;
        if (bend < much - 1e-4 || (bend < much + 1e-4 && sum < (double)best.area)) {
            best = (Cost){ (float)bend, (float)sum };
            picked = k;
        }
    }
    cap->cost[i * cap->n + j] = best;
    cap->pick[i * cap->n + j] = (uint16_t)picked;
}

static void
write_cap(const Cap *cap, GArray *out)
{
    struct {
        uint16_t i, j;
    } stack[1024];
    size_t top = 0;
    stack[top].i = 0;
    stack[top++].j = (uint16_t)(cap->n - 1);
    while (top > 0) {
        uint16_t i = stack[--top].i, j = stack[top].j, k;
        if (j < i + 2)
            continue;
        k = cap->pick[i * cap->n + j];
        uint32_t triangle[3] = { cap->loop[i], cap->loop[k], cap->loop[j] };
        g_array_append_vals(out, triangle, 3);
        stack[top].i = i;
        stack[top++].j = k;
        stack[top].i = k;
        stack[top++].j = j;
    }
}

/* False with `error` unset: it cannot be closed so. */
static bool
close_loop(OrfTask *task, const float *positions, const OrfEdges *edges, const uint32_t *loop,
           const double *beside, size_t n, GArray *out, GError **error)
{
    orf_autofree Cost *cost = ORF_ALLOC(task, Cost, n * n, "repair: holes", error);
    orf_autofree uint16_t *pick = ORF_ALLOC(task, uint16_t, n * n, "repair: holes", error);
    if (!cost || !pick)
        return false;
    Cap cap = { task, positions, loop, edges, beside, n, cost, pick };
    for (size_t span = 2; span < n; span++) {
        if (!orf_task_check(task, error))
            return false;
        for (size_t i = 0; i + span < n; i++)
            choose(&cap, i, i + span);
    }
    if (!(cost[n - 1].area < INFINITY))
        return false;
    write_cap(&cap, out);
    return true;
}

/* --- All of them -------------------------------------------------------------------------- */

static void
find_beside(const OrfMesh *mesh, const uint32_t *half, const GArray *loop, double *beside)
{
    const float *positions = orf_mesh_positions(mesh);
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    for (guint i = 0; i < loop->len; i++) {
        const uint32_t *t = triangles + half[g_array_index(loop, uint32_t, i)] / 3 * 3;
        normal_of(positions + 3 * (size_t)t[0], positions + 3 * (size_t)t[1],
                  positions + 3 * (size_t)t[2], beside + 3 * i);
    }
}

static OrfMesh *
with_caps(OrfTask *task, const OrfMesh *mesh, const GArray *caps, const uint32_t *half,
          GError **error)
{
    g_auto(OrfMeshParts) parts = { 0 };
    if (!orf_mesh_copy_parts(task, mesh, &parts, error))
        return NULL;
    size_t n = parts.n_triangles, more = caps->len / 3;
    uint32_t *triangles = orf_task_realloc(task, parts.triangles, 3 * (n + more),
                                           sizeof *triangles, "repair: holes", error);
    if (!triangles)
        return NULL;
    parts.triangles = triangles;
    if (more)
        memcpy(triangles + 3 * n, caps->data, caps->len * sizeof *triangles);
    if (parts.groups) {
        uint16_t *groups = orf_task_realloc(task, parts.groups, n + more, sizeof *groups,
                                            "repair: holes", error);
        if (!groups)
            return NULL;
        parts.groups = groups;
        memset(groups + n, 0, more * sizeof *groups);
    }
    if (parts.uv_triangles) {
        uint32_t *uvs = orf_task_realloc(task, parts.uv_triangles, 3 * (n + more), sizeof *uvs,
                                         "repair: holes", error);
        if (!uvs)
            return NULL;
        parts.uv_triangles = uvs;
        for (size_t i = 0; i < 3 * more; i++) /* a cap wears what its rim wears */
            uvs[3 * n + i] = uvs[orf_next_corner(half[triangles[3 * n + i]])];
    }
    parts.n_triangles = n + more;
    return orf_mesh_new_take(&parts, error);
}

OrfMesh *
orf_repair_fill(OrfTask *task, const OrfMesh *mesh, size_t longest, size_t *ret_filled,
                GError **error)
{
    g_auto(OrfEdges) edges = { 0 };
    orf_autofree uint32_t *next = NULL, *half = NULL;
    if (!find_open(task, mesh, &edges, &next, &half, error))
        return NULL;
    g_autoptr(GArray) loop = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    g_autoptr(GArray) caps = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    *ret_filled = 0;
    for (size_t v = 0; v < orf_mesh_n_vertices(mesh); v++) {
        if (next[v] == UINT32_MAX)
            continue;
        size_t n = take_loop(next, (uint32_t)v, loop);
        if (n < 3 || n > MIN(longest, 1000))
            continue;
        g_autofree double *beside = g_new(double, 3 * n);
        g_autoptr(GError) why = NULL;
        find_beside(mesh, half, loop, beside);
        if (close_loop(task, orf_mesh_positions(mesh), &edges, (uint32_t *)(void *)loop->data,
                       beside, n, caps, &why))
            (*ret_filled)++;
        if (why) {
            g_propagate_error(error, g_steal_pointer(&why));
            return NULL;
        }
    }
    return with_caps(task, mesh, caps, half, error);
}
