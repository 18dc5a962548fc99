/* atlas.c - what the steps of unwrapping share: neighbours, normals, lists of charts.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only edges that exactly two faces use, in opposite directions, join faces: everything else is
 * a seam. So a mesh that is not manifold costs no more than one that is. */
#include "unwrap-priv.h"

#include <math.h>
#include <string.h>

void
orf_atlas_clear(OrfAtlas *atlas)
{
    orf_free(atlas->across);
    orf_free(atlas->normals);
    orf_free(atlas->areas);
    orf_free(atlas->chart);
    orf_free(atlas->order);
    orf_free(atlas->uv);
    orf_free(atlas->side);
    orf_vec_clear(&atlas->joins);
    orf_vec_clear(&atlas->charts);
    *atlas = (OrfAtlas){ 0 };
}

static bool
allocate(OrfAtlas *atlas, GError **error)
{
    static const char what[] = "unwrapping";
    size_t n = atlas->n_faces;
    OrfTask *task = atlas->task;
    return (atlas->across = ORF_ALLOC(task, uint32_t, 3 * n, what, error)) &&
           (atlas->normals = ORF_ALLOC(task, float, 3 * n, what, error)) &&
           (atlas->areas = ORF_ALLOC(task, float, n, what, error)) &&
           (atlas->chart = ORF_ALLOC(task, uint32_t, n, what, error)) &&
           (atlas->order = ORF_ALLOC(task, uint32_t, n, what, error)) &&
           (atlas->side = ORF_ALLOC(task, uint32_t, n, what, error)) &&
           (atlas->uv = ORF_ALLOC(task, float, 6 * n, what, error));
}

static bool
find_neighbours(OrfAtlas *atlas, const OrfMesh *mesh, GError **error)
{
    g_auto(OrfEdges) edges = { 0 };
    if (!orf_edges_init(atlas->task, mesh, &edges, error))
        return false;
    for (size_t h = 0; h < 3 * atlas->n_faces; h++)
        atlas->across[h] = ORF_NO_HALF;
    for (size_t v = 0; v < atlas->n_vertices; v++)
        for (uint32_t i = edges.start[v], end; i < edges.start[v + 1]; i = end) {
            end = orf_edge_end(edges.halves, i, edges.start[v + 1]);
            uint32_t a = edges.halves[i].half, b = edges.halves[end - 1].half;
            if (end - i != 2 || atlas->triangles[a] == atlas->triangles[b])
                continue;
            atlas->across[a] = b;
            atlas->across[b] = a;
        }
    return orf_task_check(atlas->task, error);
}

/* Height over its longest side at which a face is a line, within the rounding of its corners.
 */
static double
flat_height(const float *a, const float *b, const float *c, double longest)
{
    float reach = 0;
    for (int k = 0; k < 3; k++)
        reach = MAX(reach, MAX(fabsf(a[k]), MAX(fabsf(b[k]), fabsf(c[k]))));
    return MAX(1e-6 * longest, 3e-7 * (double)reach);
}

static void
measure_faces(size_t begin, size_t end, void *data)
{
    OrfAtlas *atlas = data;
    for (size_t f = begin; f < end; f++) {
        const uint32_t *t = atlas->triangles + 3 * f;
        const float *a = atlas->positions + 3 * (size_t)t[0];
        const float *b = atlas->positions + 3 * (size_t)t[1];
        const float *c = atlas->positions + 3 * (size_t)t[2];
        double u[3], v[3], uu = 0, vv = 0, ww = 0;
        for (int k = 0; k < 3; k++) {
            u[k] = (double)b[k] - a[k];
            v[k] = (double)c[k] - a[k];
            uu += u[k] * u[k];
            vv += v[k] * v[k];
            ww += (u[k] - v[k]) * (u[k] - v[k]);
        }
        double n[3] = { u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2],
                        u[0] * v[1] - u[1] * v[0] };
        double length = sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
        double longest = sqrt(MAX(uu, MAX(vv, ww)));
        if (!(length > flat_height(a, b, c, longest) * longest))
            continue;
        atlas->areas[f] = (float)(length / 2);
        for (int k = 0; k < 3; k++)
            atlas->normals[3 * f + (size_t)k] = (float)(n[k] / length);
    }
}

bool
orf_atlas_init(OrfAtlas *atlas, OrfTask *task, const OrfMesh *mesh, float cone, GError **error)
{
    *atlas = (OrfAtlas){ .task = task,
                         .positions = orf_mesh_positions(mesh),
                         .triangles = orf_mesh_triangles(mesh),
                         .n_vertices = orf_mesh_n_vertices(mesh),
                         .n_faces = orf_mesh_n_triangles(mesh),
                         .cone = cone,
                         .charts.item = sizeof(OrfChart),
                         .joins.item = sizeof(OrfJoin) };
    if (!allocate(atlas, error) || !find_neighbours(atlas, mesh, error))
        return false;
    for (size_t f = 0; f < atlas->n_faces; f++)
        atlas->chart[f] = atlas->side[f] = ORF_NO_CHART;
    if (!orf_task_parallel(task, atlas->n_faces, ORF_MESH_BLOCK, measure_faces, atlas))
        return orf_task_check(task, error);
    return true;
}

uint32_t
orf_atlas_add_chart(OrfAtlas *atlas, const float axis[3], bool bent, GError **error)
{
    OrfChart *chart = orf_vec_add(atlas->task, &atlas->charts, 1, "unwrapping", error);
    if (!chart)
        return ORF_NO_CHART;
    *chart =
        (OrfChart){ .axis = { axis[0], axis[1], axis[2] }, .bent = bent, .join = ORF_NO_JOIN };
    return (uint32_t)atlas->charts.n - 1;
}

static void
drop_empty(OrfAtlas *atlas, uint32_t *renamed)
{
    OrfChart *charts = atlas->charts.data;
    uint32_t kept = 0;
    for (uint32_t c = 0; c < atlas->charts.n; c++) {
        if (!charts[c].n)
            continue;
        charts[kept] = charts[c];
        renamed[c] = kept++;
    }
    atlas->charts.n = kept;
    for (size_t f = 0; f < atlas->n_faces; f++)
        if (atlas->chart[f] != ORF_NO_CHART)
            atlas->chart[f] = renamed[atlas->chart[f]];
}

bool
orf_atlas_list_faces(OrfAtlas *atlas, GError **error)
{
    OrfChart *charts = atlas->charts.data;
    orf_autofree uint32_t *renamed =
        ORF_ALLOC(atlas->task, uint32_t, atlas->charts.n, "unwrapping", error);
    if (!renamed)
        return false;
    for (size_t c = 0; c < atlas->charts.n; c++)
        charts[c].n = 0;
    for (size_t f = 0; f < atlas->n_faces; f++)
        if (atlas->chart[f] != ORF_NO_CHART)
            charts[atlas->chart[f]].n++;
    drop_empty(atlas, renamed);
    for (size_t c = 0, first = 0; c < atlas->charts.n; c++) {
        charts[c].first = (uint32_t)first;
        first += charts[c].n;
        charts[c].n = 0;
    }
    for (uint32_t f = 0; f < atlas->n_faces; f++) {
        if (atlas->chart[f] == ORF_NO_CHART)
            continue;
        OrfChart *chart = &charts[atlas->chart[f]];
        atlas->order[chart->first + chart->n++] = f;
    }
    return orf_task_check(atlas->task, error);
}

void
orf_atlas_add_normals(const OrfAtlas *atlas, uint32_t index, double sum[3])
{
    const OrfChart *chart = orf_atlas_chart(atlas, index);
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++) {
        uint32_t f = atlas->order[i];
        for (size_t k = 0; k < 3; k++)
            sum[k] += (double)atlas->areas[f] * atlas->normals[3 * (size_t)f + k];
    }
}

void
orf_atlas_mean_normal(const OrfAtlas *atlas, uint32_t index, float axis[3])
{
    double sum[3] = { 0 };
    orf_atlas_add_normals(atlas, index, sum);
    double length = sqrt(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]);
    for (int k = 0; k < 3 && length > 0; k++)
        axis[k] = (float)(sum[k] / length);
}

/* --- Joining and parting ------------------------------------------------------------------ */

/* Everything of a chart lies on this side of a join from now on. */
static void
note_side(OrfAtlas *atlas, const OrfChart *chart, uint32_t side)
{
    if (chart->join != ORF_NO_JOIN) {
        ((OrfJoin *)atlas->joins.data)[chart->join].into = side;
        return;
    }
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++)
        atlas->side[atlas->order[i]] = side;
}

bool
orf_atlas_join(OrfAtlas *atlas, uint32_t host, uint32_t guest, GError **error)
{
    OrfJoin *join = orf_vec_add(atlas->task, &atlas->joins, 1, "unwrapping", error);
    if (!join)
        return false;
    join->into = ORF_NO_JOIN;
    for (uint32_t k = 0; k < 2; k++) {
        const OrfChart *chart = orf_atlas_chart(atlas, k ? guest : host);
        memcpy(join->was[k].axis, chart->axis, sizeof chart->axis);
        join->was[k].bent = chart->bent;
        join->was[k].join = chart->join;
        note_side(atlas, chart, 2 * (uint32_t)(atlas->joins.n - 1) + k);
    }
    const OrfChart *chart = orf_atlas_chart(atlas, guest);
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++)
        atlas->chart[atlas->order[i]] = host;
    orf_atlas_chart(atlas, host)->join = (uint32_t)atlas->joins.n - 1;
    return true;
}

static uint32_t
side_in_join(const OrfAtlas *atlas, uint32_t face, uint32_t join)
{
    uint32_t side = atlas->side[face];
    while (side / 2 != join)
        side = ((const OrfJoin *)atlas->joins.data)[side / 2].into;
    return side & 1;
}

/* Moves the faces of one side to the front of the chart's list; how many they are. */
static uint32_t
sort_by_side(OrfAtlas *atlas, const OrfChart *chart)
{
    uint32_t *faces = atlas->order + chart->first, n = 0;
    for (uint32_t i = 0; i < chart->n; i++) {
        uint32_t face = faces[i];
        if (side_in_join(atlas, face, chart->join) == 1)
            continue;
        faces[i] = faces[n];
        faces[n++] = face;
    }
    return n;
}

bool
orf_atlas_part(OrfAtlas *atlas, uint32_t index, GError **error)
{
    if (orf_atlas_chart(atlas, index)->join == ORF_NO_JOIN)
        return false;
    const OrfJoin *join =
        (const OrfJoin *)atlas->joins.data + orf_atlas_chart(atlas, index)->join;
    uint32_t fresh = orf_atlas_add_chart(atlas, join->was[1].axis, join->was[1].bent, error);
    if (fresh == ORF_NO_CHART)
        return false;
    OrfChart *first = orf_atlas_chart(atlas, index), *second = orf_atlas_chart(atlas, fresh);
    uint32_t n = sort_by_side(atlas, first);
    second->first = first->first + n;
    second->n = first->n - n;
    second->join = join->was[1].join;
    first->n = n;
    first->join = join->was[0].join;
    first->bent = join->was[0].bent;
    memcpy(first->axis, join->was[0].axis, sizeof first->axis);
    for (uint32_t i = second->first; i < second->first + second->n; i++)
        atlas->chart[atlas->order[i]] = fresh;
    return true;
}
