/* unwrap.c - texture coordinates for a whole surface.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Grow charts (charts.c), join small ones (charts-merge.c), lay them flat without flips and
 * overlap (flatten.c), pack them (pack.c). Then corners that share a vertex and a place share a
 * UV index. */
#include "unwrap-priv.h"

#include <math.h>
#include <string.h>

#define GUTTER (4.0 / 1024)
#define LEAST_CONE 30.0f /* degrees; 26 axes see every face at less */
#define MOST_CONE 75.0f
#define FACES_PER_CHART 50
#define CHARTS_AT_LEAST 8
#define MOST_COMPARED 64 /* places of one vertex that are searched for a match */

static const OrfStep steps[] = { { "charts", 50 }, { "flatten", 40 }, { "pack", 10 } };

typedef struct {
    uint32_t *start, *corners; /* corners by vertex */
    OrfVec uvs;                /* float[2] */
    uint32_t *indices;         /* [3 n_faces] */
} Indexing;

static void
indexing_clear(Indexing *indexing)
{
    orf_free(indexing->start);
    orf_free(indexing->corners);
    orf_free(indexing->indices);
    orf_vec_clear(&indexing->uvs);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Indexing, indexing_clear)

static bool
sort_corners(const OrfAtlas *atlas, Indexing *indexing, GError **error)
{
    size_t n = 3 * atlas->n_faces;
    OrfTask *task = atlas->task;
    uint32_t *start = indexing->start =
        ORF_ALLOC(task, uint32_t, atlas->n_vertices + 1, "unwrapping", error);
    indexing->corners = start ? ORF_ALLOC(task, uint32_t, n, "unwrapping", error) : NULL;
    indexing->indices =
        indexing->corners ? ORF_ALLOC(task, uint32_t, n, "unwrapping", error) : NULL;
    if (!indexing->indices)
        return false;
    for (size_t c = 0; c < n; c++)
        start[atlas->triangles[c]]++;
    for (size_t v = 0; v < atlas->n_vertices; v++)
        start[v + 1] += start[v];
    for (size_t c = n; c-- > 0;)
        indexing->corners[--start[atlas->triangles[c]]] = (uint32_t)c;
    return true;
}

/* An index for a place at which an earlier corner of the vertex lies, or a new one. */
static bool
index_corner(const OrfAtlas *atlas, Indexing *indexing, size_t first, uint32_t corner,
             GError **error)
{
    static const float nowhere[2] = { 0, 0 };
    bool lies = atlas->chart[corner / 3] != ORF_NO_CHART;
    const float *place = lies ? atlas->uv + 2 * (size_t)corner : nowhere;
    const float *known = indexing->uvs.data;
    size_t n = indexing->uvs.n, stop = n > first + MOST_COMPARED ? n - MOST_COMPARED : first;
    for (size_t i = n; i-- > stop;)
        if (known[2 * i] == place[0] && known[2 * i + 1] == place[1]) {
            indexing->indices[corner] = (uint32_t)i;
            return true;
        }
    float *fresh = orf_vec_add(atlas->task, &indexing->uvs, 1, "unwrapping", error);
    if (!fresh)
        return false;
    memcpy(fresh, place, sizeof nowhere);
    indexing->indices[corner] = (uint32_t)n;
    return true;
}

static bool
index_places(const OrfAtlas *atlas, Indexing *indexing, GError **error)
{
    indexing->uvs.item = 2 * sizeof(float);
    if (!sort_corners(atlas, indexing, error))
        return false;
    for (size_t v = 0; v < atlas->n_vertices; v++) {
        size_t first = indexing->uvs.n;
        for (uint32_t i = indexing->start[v]; i < indexing->start[v + 1]; i++)
            if (!index_corner(atlas, indexing, first, indexing->corners[i], error))
                return false;
    }
    return orf_task_check(atlas->task, error);
}

static OrfMesh *
with_uvs(OrfTask *task, const OrfMesh *mesh, Indexing *indexing, GError **error)
{
    g_auto(OrfMeshParts) parts = { 0 };
    if (!orf_mesh_copy_parts(task, mesh, &parts, error))
        return NULL;
    orf_free(parts.uvs);
    orf_free(parts.uv_triangles);
    parts.n_uvs = indexing->uvs.n;
    parts.uvs = orf_vec_steal(&indexing->uvs);
    parts.uv_triangles = g_steal_pointer(&indexing->indices);
    return orf_mesh_new_take(&parts, error);
}

/* Pieces of the surface that no edge connects: each needs a chart of its own. */
static bool
count_pieces(const OrfAtlas *atlas, size_t *ret_n, GError **error)
{
    size_t n_faces = atlas->n_faces, n = 0;
    orf_autofree uint8_t *seen = ORF_ALLOC(atlas->task, uint8_t, n_faces, "unwrapping", error);
    orf_autofree uint32_t *queue =
        seen ? ORF_ALLOC(atlas->task, uint32_t, n_faces, "unwrapping", error) : NULL;
    if (!queue)
        return false;
    for (uint32_t first = 0; first < n_faces; first++) {
        size_t begin = 0, end = 0;
        if (seen[first])
            continue;
        n++;
        seen[first] = 1;
        queue[end++] = first;
        while (begin < end) {
            uint32_t face = queue[begin++];
            for (uint32_t h = 3 * face; h < 3 * face + 3; h++) {
                uint32_t g = atlas->across[h] == ORF_NO_HALF ? face : atlas->across[h] / 3;
                if (!seen[g])
                    queue[end++] = g;
                seen[g] = 1;
            }
        }
    }
    *ret_n = n;
    return true;
}

static bool
make_charts(OrfAtlas *atlas, GError **error)
{
    size_t n_pieces, limit = atlas->n_faces / FACES_PER_CHART + CHARTS_AT_LEAST;
    return count_pieces(atlas, &n_pieces, error) && orf_atlas_grow(atlas, error) &&
           orf_atlas_merge(atlas, limit - limit / 6 + n_pieces - 1, error);
}

OrfMesh *
orf_mesh_unwrap(OrfTask *task, const OrfMesh *mesh, const OrfUnwrap *options, GError **error)
{
    if (!orf_mesh_n_triangles(mesh))
        return ORF_FAIL(error, BAD_INPUT, "unwrap: the mesh is empty; there is nothing to map");
    float gutter = options && options->gutter > 0 ? options->gutter : (float)GUTTER;
    float cone = options && options->cone_degrees > 0 ? options->cone_degrees : 60;
    g_auto(OrfAtlas) atlas = { 0 };
    g_auto(Indexing) indexing = { 0 };
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    cone = cosf(CLAMP(cone, LEAST_CONE, MOST_CONE) * (float)G_PI / 180);
    if (!orf_atlas_init(&atlas, orf_task_step(task), mesh, cone, error) ||
        !make_charts(&atlas, error))
        return NULL;
    atlas.task = orf_task_step(task);
    if (!orf_atlas_flatten(&atlas, error))
        return NULL;
    atlas.task = orf_task_step(task);
    if (!orf_atlas_pack(&atlas, gutter, error) || !index_places(&atlas, &indexing, error))
        return NULL;
    return with_uvs(task, mesh, &indexing, error);
}
