/* inspect-map.c - which faces and vertices have which defect, as far as edges tell.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mesh/inspect-priv.h"

#include <math.h>

typedef struct {
    const OrfMesh *mesh;
    const uint32_t *triangles;
    OrfEdges edges;
    uint16_t *faces, *corners;
    uint32_t *parent; /* [3 * n] fans of corners: union-find */
    uint8_t *fans;    /* [vertices] 2 stands for more */
} Map;

static void
map_clear(Map *map)
{
    orf_edges_clear(&map->edges);
    orf_free(map->parent);
    orf_free(map->fans);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Map, map_clear)

static uint32_t
root_of(uint32_t *parent, uint32_t x)
{
    while (parent[x] != x)
        x = parent[x] = parent[parent[x]];
    return x;
}

/* Corners of two sides at the same vertex belong to one fan. */
static void
join_fans(Map *map, uint32_t a, uint32_t b)
{
    uint32_t a_end = orf_next_corner(a), b_end = orf_next_corner(b);
    bool same = map->triangles[a] == map->triangles[b];
    map->parent[root_of(map->parent, a)] = root_of(map->parent, same ? b : b_end);
    map->parent[root_of(map->parent, a_end)] = root_of(map->parent, same ? b_end : b);
}

static uint32_t
apex_of(const Map *map, uint32_t half)
{
    return map->triangles[orf_next_corner(orf_next_corner(half))];
}

static void
map_edge(Map *map, uint32_t low, const OrfHalf *halves, size_t n)
{
    bool turned = n == 2 && map->triangles[halves[0].half] == map->triangles[halves[1].half];
    uint16_t bits = (uint16_t)((n == 1 ? orf_defect_bit(ORF_DEFECT_OPEN) : 0) |
                               (n > 2 ? orf_defect_bit(ORF_DEFECT_BRANCH) : 0) |
                               (turned ? orf_defect_bit(ORF_DEFECT_TURNED) : 0));
    for (size_t i = 0; i < n; i++) {
        map->faces[halves[i].half / 3] |= bits;
        if (i == 0)
            continue;
        join_fans(map, halves[i - 1].half, halves[i].half);
        if (apex_of(map, halves[i - 1].half) == apex_of(map, halves[i].half))
            map->faces[halves[i].half / 3] |= orf_defect_bit(ORF_DEFECT_TWICE);
    }
    map->corners[low] |= bits;
    map->corners[halves[0].other] |= bits;
}

static bool
is_flat(const float *positions, const uint32_t *t)
{
    double u[3], v[3], longest[2] = { 0 }, normal = 0;
    if (orf_triangle_collapsed(t))
        return true;
    for (size_t k = 0; k < 3; k++) {
        u[k] = (double)positions[3 * (size_t)t[1] + k] - positions[3 * (size_t)t[0] + k];
        v[k] = (double)positions[3 * (size_t)t[2] + k] - positions[3 * (size_t)t[0] + k];
        longest[0] += u[k] * u[k];
        longest[1] += v[k] * v[k];
    }
    for (int k = 0; k < 3; k++) {
        double part = u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3];
        normal += part * part;
    }
    return sqrt(normal) <= 1e-12 * MAX(longest[0], longest[1]); /* as orf_mesh_measure has it */
}

static void
map_vertices(Map *map)
{
    size_t n = orf_mesh_n_triangles(map->mesh);
    for (size_t t = 0; t < n; t++)
        for (size_t c = 3 * t; c < 3 * t + 3 && !orf_triangle_collapsed(map->triangles + 3 * t);
             c++)
            if (map->parent[c] == c && map->fans[map->triangles[c]] < 2)
                map->fans[map->triangles[c]]++;
    for (size_t v = 0; v < orf_mesh_n_vertices(map->mesh); v++)
        map->corners[v] |= map->fans[v] == 0  ? orf_defect_bit(ORF_DEFECT_UNUSED)
                           : map->fans[v] > 1 ? orf_defect_bit(ORF_DEFECT_PINCH)
                                              : 0;
}

bool
orf_inspect_map(OrfTask *task, const OrfMesh *mesh, OrfInspection *in, GError **error)
{
    g_auto(Map) map = { .mesh = mesh,
                        .triangles = orf_mesh_triangles(mesh),
                        .faces = in->faces,
                        .corners = in->corners };
    size_t n = orf_mesh_n_triangles(mesh), n_vertices = orf_mesh_n_vertices(mesh);
    if (!(map.parent = ORF_ALLOC(task, uint32_t, 3 * n, "inspection", error)) ||
        !(map.fans = ORF_ALLOC(task, uint8_t, n_vertices, "inspection", error)) ||
        !orf_edges_init(task, mesh, &map.edges, error))
        return false;
    for (size_t c = 0; c < 3 * n; c++)
        map.parent[c] = (uint32_t)c;
    for (size_t v = 0; v < n_vertices; v++) {
        if (v % ORF_MESH_BLOCK == 0 && !orf_task_check(task, error))
            return false;
        for (uint32_t i = map.edges.start[v], end; i < map.edges.start[v + 1]; i = end) {
            end = orf_edge_end(map.edges.halves, i, map.edges.start[v + 1]);
            map_edge(&map, (uint32_t)v, map.edges.halves + i, end - i);
        }
    }
    map_vertices(&map);
    for (size_t t = 0; t < n; t++)
        if (is_flat(orf_mesh_positions(mesh), map.triangles + 3 * t))
            in->faces[t] |= orf_defect_bit(ORF_DEFECT_FLAT);
    for (size_t i = 0; i < 2 * in->n_pairs; i++)
        in->faces[in->pairs[i]] |= orf_defect_bit(ORF_DEFECT_CROSSING);
    return true;
}
