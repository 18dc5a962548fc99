/* subdivide.c - each triangle in four, the surface rounded (Loop 1987).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * New vertices lie on the edges, old ones move towards their neighbours: weights after Loop
 * 1987 inside (Warren 1995 for their simpler form), after Hoppe et al. 1994 along open edges,
 * which become smooth curves of their own. Edges that branch stay where they are. UVs have a
 * net of their own and are halved evenly, so seams stay seams. */
#include "mesh/mesh-priv.h"

#include <string.h>

/* The edges of a net of triangles, numbered. */
typedef struct {
    OrfEdges edges;
    uint32_t *of; /* [3 * n_triangles] the edge that begins at a corner */
    size_t n;
} Numbered;

static void
numbered_clear(Numbered *numbered)
{
    orf_edges_clear(&numbered->edges);
    orf_free(numbered->of);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Numbered, numbered_clear)

typedef struct {
    const OrfMesh *mesh;
    Numbered net;
    double (*sum)[3];    /* [n_vertices] of neighbours; of those along open edges instead */
    uint32_t *n, *n_rim; /* [n_vertices] neighbours, open edges */
    OrfMeshParts parts;
} Subdivision;

static void
subdivision_clear(Subdivision *s)
{
    numbered_clear(&s->net);
    orf_free(s->sum);
    orf_free(s->n);
    orf_free(s->n_rim);
    orf_mesh_parts_clear(&s->parts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Subdivision, subdivision_clear)

/* --- Edges -------------------------------------------------------------------------------- */

typedef void (*EdgeFn)(uint32_t low, const OrfHalf *halves, uint32_t n, size_t edge,
                       void *data);

static void
each_edge(const OrfMesh *net, const OrfEdges *edges, EdgeFn each, void *data)
{
    size_t edge = 0;
    for (size_t v = 0; v < orf_mesh_n_vertices(net); v++)
        for (uint32_t i = edges->start[v], end; i < edges->start[v + 1]; i = end) {
            end = orf_edge_end(edges->halves, i, edges->start[v + 1]);
            each((uint32_t)v, edges->halves + i, end - i, edge++, data);
        }
}

static void
number_edge(uint32_t low, const OrfHalf *halves, uint32_t n, size_t edge, void *data)
{
    (void)low;
    Numbered *numbered = data;
    for (uint32_t i = 0; i < n; i++)
        numbered->of[halves[i].half] = (uint32_t)edge;
    numbered->n = edge + 1;
}

static bool
number_edges(OrfTask *task, const OrfMesh *net, Numbered *numbered, GError **error)
{
    numbered->of = ORF_ALLOC(task, uint32_t, 3 * orf_mesh_n_triangles(net), "subdivide", error);
    if (!numbered->of || !orf_edges_init(task, net, &numbered->edges, error))
        return false;
    each_edge(net, &numbered->edges, number_edge, numbered);
    return orf_task_check(task, error);
}

/* Four triangles for each: corners keep their numbers, edges follow after `n_old`. */
static void
split_triangles(const uint32_t *from, const uint32_t *edge_of, size_t n, size_t n_old,
                uint32_t *to)
{
    for (size_t t = 0; t < n; t++, from += 3, edge_of += 3, to += 12) {
        uint32_t e[3];
        for (int k = 0; k < 3; k++)
            e[k] = (uint32_t)(n_old + edge_of[k]);
        memcpy(to,
               (uint32_t[]){ from[0], e[0], e[2], from[1], e[1], e[0], from[2], e[2], e[1],
                             e[0], e[1], e[2] },
               48);
    }
}

/* --- Places ------------------------------------------------------------------------------- */

static void
add_to(Subdivision *s, uint32_t v, uint32_t other)
{
    const float *q = orf_mesh_positions(s->mesh) + 3 * (size_t)other;
    for (int k = 0; k < 3; k++)
        s->sum[v][k] += (double)q[k];
}

static void
count_rim(uint32_t low, const OrfHalf *halves, uint32_t n, size_t edge, void *data)
{
    (void)edge;
    Subdivision *s = data;
    s->n[low]++;
    s->n[halves->other]++;
    s->n_rim[low] += n != 2;
    s->n_rim[halves->other] += n != 2;
}

static void
sum_neighbours(uint32_t low, const OrfHalf *halves, uint32_t n, size_t edge, void *data)
{
    (void)edge;
    Subdivision *s = data;
    uint32_t high = halves->other;
    if (n != 2 || s->n_rim[low] == 0)
        add_to(s, low, high);
    if (n != 2 || s->n_rim[high] == 0)
        add_to(s, high, low);
}

static void
place_edge(uint32_t low, const OrfHalf *halves, uint32_t n, size_t edge, void *data)
{
    Subdivision *s = data;
    const float *p = orf_mesh_positions(s->mesh);
    const uint32_t *t = orf_mesh_triangles(s->mesh);
    size_t at = orf_mesh_n_vertices(s->mesh) + edge, ends[2] = { low, halves->other };
    for (size_t k = 0; k < 3; k++) {
        double both = (double)p[3 * ends[0] + k] + (double)p[3 * ends[1] + k], across = 0;
        for (uint32_t i = 0; n == 2 && i < 2; i++)
            across +=
                (double)p[3 * (size_t)t[orf_next_corner(orf_next_corner(halves[i].half))] + k];
        s->parts.positions[3 * at + k] = (float)(n == 2 ? 3 * both / 8 + across / 8 : both / 2);
    }
    if (s->parts.colors)
        for (size_t k = 0; k < 4; k++)
            s->parts.colors[4 * at + k] = (uint8_t)((s->parts.colors[4 * ends[0] + k] +
                                                     s->parts.colors[4 * ends[1] + k] + 1) /
                                                    2);
}

static void
place_vertices(Subdivision *s)
{
    const float *p = orf_mesh_positions(s->mesh);
    for (size_t v = 0; v < orf_mesh_n_vertices(s->mesh); v++) {
        bool rim = s->n_rim[v] == 2, inside = s->n_rim[v] == 0 && s->n[v] >= 3;
        double weight = rim      ? 1.0 / 8
                        : inside ? (s->n[v] == 3 ? 3.0 / 16 : 3.0 / 8 / s->n[v])
                                 : 0,
               own = 1 - weight * (rim ? 2 : s->n[v]);
        for (size_t k = 0; k < 3; k++)
            s->parts.positions[3 * v + k] =
                (float)((weight > 0 ? own : 1) * (double)p[3 * v + k] + weight * s->sum[v][k]);
    }
}

static bool
make_parts(OrfTask *task, Subdivision *s, GError **error)
{
    const OrfMesh *mesh = s->mesh;
    OrfMeshParts *parts = &s->parts;
    size_t n_old = orf_mesh_n_vertices(mesh), n = orf_mesh_n_triangles(mesh);
    parts->n_vertices = n_old + s->net.n;
    parts->n_triangles = 4 * n;
    if (parts->n_triangles > ORF_MESH_MAX)
        return ORF_FALSE(error, TOO_LARGE, "subdivide: %zu triangles would be too many",
                         parts->n_triangles);
    if (!(parts->positions =
              ORF_ALLOC(task, float, 3 * parts->n_vertices, "subdivide", error)) ||
        !(parts->triangles = ORF_ALLOC(task, uint32_t, 12 * n, "subdivide", error)) ||
        !(s->sum = orf_task_alloc(task, n_old, sizeof *s->sum, "subdivide", error)) ||
        !(s->n = ORF_ALLOC(task, uint32_t, n_old, "subdivide", error)) ||
        !(s->n_rim = ORF_ALLOC(task, uint32_t, n_old, "subdivide", error)) ||
        (orf_mesh_colors(mesh) &&
         !(parts->colors =
               ORF_ALLOC(task, uint8_t, 4 * parts->n_vertices, "subdivide", error))) ||
        (orf_mesh_groups(mesh) &&
         !(parts->groups = ORF_ALLOC(task, uint16_t, 4 * n, "subdivide", error))))
        return false;
    if (parts->colors)
        memcpy(parts->colors, orf_mesh_colors(mesh), 4 * n_old);
    for (size_t t = 0; parts->groups && t < 4 * n; t++)
        parts->groups[t] = orf_mesh_groups(mesh)[t / 4];
    return true;
}

/* --- UVs ---------------------------------------------------------------------------------- */

static OrfMesh *
net_of_uvs(OrfTask *task, const OrfMesh *mesh, GError **error)
{
    size_t n = orf_mesh_n_triangles(mesh), n_uvs = orf_mesh_n_uvs(mesh);
    g_auto(OrfMeshParts) parts = { .n_vertices = n_uvs, .n_triangles = n };
    if (!(parts.positions = ORF_ALLOC(task, float, 3 * n_uvs, "subdivide", error)) ||
        !(parts.triangles = ORF_ALLOC(task, uint32_t, 3 * n, "subdivide", error)))
        return NULL;
    memcpy(parts.triangles, orf_mesh_uv_triangles(mesh), 12 * n);
    return orf_mesh_new_take(&parts, error);
}

static void
place_uv(uint32_t low, const OrfHalf *halves, uint32_t n, size_t edge, void *data)
{
    (void)n;
    Subdivision *s = data;
    float *uvs = s->parts.uvs;
    size_t at = orf_mesh_n_uvs(s->mesh) + edge, high = halves->other;
    for (size_t k = 0; k < 2; k++)
        uvs[2 * at + k] = (uvs[2 * (size_t)low + k] + uvs[2 * high + k]) / 2;
}

/* A triangle whose UVs repeat has no edges there: its new corners take the first. */
static bool
split_uvs(OrfTask *task, Subdivision *s, GError **error)
{
    g_auto(Numbered) numbered = { 0 };
    g_autoptr(OrfMesh) net = net_of_uvs(task, s->mesh, error);
    size_t n = orf_mesh_n_triangles(s->mesh), n_uvs = orf_mesh_n_uvs(s->mesh);
    const uint32_t *t = orf_mesh_uv_triangles(s->mesh);
    if (!net || !number_edges(task, net, &numbered, error) ||
        !(s->parts.uvs =
              ORF_ALLOC(task, float, 2 * (n_uvs + numbered.n), "subdivide", error)) ||
        !(s->parts.uv_triangles = ORF_ALLOC(task, uint32_t, 12 * n, "subdivide", error)))
        return false;
    s->parts.n_uvs = n_uvs + numbered.n;
    memcpy(s->parts.uvs, orf_mesh_uvs(s->mesh), 8 * n_uvs);
    each_edge(net, &numbered.edges, place_uv, s);
    split_triangles(t, numbered.of, n, n_uvs, s->parts.uv_triangles);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; orf_triangle_collapsed(t + 3 * i) && c < 12; c++)
            s->parts.uv_triangles[12 * i + c] = t[3 * i];
    return true;
}

/* --- All ---------------------------------------------------------------------------------- */

OrfMesh *
orf_mesh_subdivide(OrfTask *task, const OrfMesh *mesh, GError **error)
{
    g_auto(Subdivision) s = { .mesh = mesh };
    size_t n = orf_mesh_n_triangles(mesh);
    for (size_t t = 0; t < n; t++)
        if (orf_triangle_collapsed(orf_mesh_triangles(mesh) + 3 * t))
            return ORF_FAIL(error, BAD_INPUT,
                            "subdivide: triangle %zu uses a vertex twice; repair it first", t);
    if (!number_edges(task, mesh, &s.net, error) || !make_parts(task, &s, error))
        return NULL;
    each_edge(mesh, &s.net.edges, count_rim, &s);
    each_edge(mesh, &s.net.edges, sum_neighbours, &s);
    each_edge(mesh, &s.net.edges, place_edge, &s);
    place_vertices(&s);
    split_triangles(orf_mesh_triangles(mesh), s.net.of, n, orf_mesh_n_vertices(mesh),
                    s.parts.triangles);
    if (orf_mesh_uvs(mesh) && !split_uvs(task, &s, error))
        return NULL;
    return orf_task_check(task, error) ? orf_mesh_new_take(&s.parts, error) : NULL;
}
