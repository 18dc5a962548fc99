/* join.c - scales, moves and joins meshes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mesh-priv.h"

#include <string.h>

/* --- Scale and move ----------------------------------------------------------------------- */

typedef struct {
    const float *from, *scale, *offset;
    float *to;
} Move;

static void
move_vertices(size_t begin, size_t end, void *data)
{
    const Move *move = data;
    for (size_t v = begin; v < end; v++)
        for (int k = 0; k < 3; k++)
            move->to[3 * v + k] = move->from[3 * v + k] * move->scale[k] + move->offset[k];
}

static void
turn_triangles(uint32_t *triangles, size_t n)
{
    for (size_t t = 0; t < n; t++) {
        uint32_t second = triangles[3 * t + 1];
        triangles[3 * t + 1] = triangles[3 * t + 2];
        triangles[3 * t + 2] = second;
    }
}

/* The same mesh, inside out. */
static OrfMesh *
turn(OrfTask *task, const OrfMesh *mesh, GError **error)
{
    g_auto(OrfMeshParts) parts = { 0 };
    if (!orf_mesh_copy_parts(task, mesh, &parts, error))
        return NULL;
    turn_triangles(parts.triangles, parts.n_triangles);
    if (parts.uv_triangles)
        turn_triangles(parts.uv_triangles, parts.n_triangles);
    return orf_mesh_new_take(&parts, error);
}

OrfMesh *
orf_mesh_scale_move(OrfTask *task, const OrfMesh *mesh, const float scale[3],
                    const float offset[3], GError **error)
{
    size_t n = orf_mesh_n_vertices(mesh);
    orf_autofree float *moved = ORF_ALLOC(task, float, 3 * n, "vertices", error);
    if (!moved)
        return NULL;
    Move move = { orf_mesh_positions(mesh), scale, offset, moved };
    if (!orf_task_parallel(task, n, ORF_MESH_BLOCK, move_vertices, &move)) {
        orf_task_check(task, error);
        return NULL;
    }
    g_autoptr(OrfMesh) result =
        orf_mesh_with_positions_take(task, mesh, g_steal_pointer(&moved), error);
    bool mirrored = (scale[0] < 0) ^ (scale[1] < 0) ^ (scale[2] < 0);
    if (!result || !mirrored)
        return g_steal_pointer(&result);
    return turn(task, result, error);
}

/* The same with UVs (all at 0, 0) and colours (white) where the other has some: what is joined
 * to a dressed mesh must not undress it. */
OrfMesh *
orf_mesh_dressed_like(OrfTask *task, OrfMesh *mesh, const OrfMesh *like, GError **error)
{
    bool uvs = orf_mesh_uvs(like) && !orf_mesh_uvs(mesh),
         colors = orf_mesh_colors(like) && !orf_mesh_colors(mesh);
    g_auto(OrfMeshParts) parts = { 0 };
    if (!uvs && !colors)
        return orf_mesh_ref(mesh);
    if (!orf_mesh_copy_parts(task, mesh, &parts, error) ||
        (colors &&
         !(parts.colors = ORF_ALLOC(task, uint8_t, 4 * parts.n_vertices, "dress", error))) ||
        (uvs && !(parts.uvs = ORF_ALLOC(task, float, 2, "dress", error))) ||
        (uvs && !(parts.uv_triangles =
                      ORF_ALLOC(task, uint32_t, 3 * parts.n_triangles, "dress", error))))
        return NULL;
    if (colors)
        memset(parts.colors, 0xff, 4 * parts.n_vertices);
    parts.n_uvs = uvs ? 1 : parts.n_uvs;
    return orf_mesh_new_take(&parts, error);
}

/* --- Join --------------------------------------------------------------------------------- */

typedef struct {
    OrfMeshParts parts;
    size_t n_vertices, n_triangles, n_uvs; /* filled so far */
    unsigned n_groups;
} Join;

static void
join_clear(Join *join)
{
    orf_mesh_parts_clear(&join->parts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Join, join_clear)

static bool
join_init(OrfTask *task, OrfMesh *const *meshes, size_t n, bool grouped, Join *join,
          GError **error)
{
    OrfMeshParts *parts = &join->parts;
    bool uvs = n > 0, colors = n > 0;
    for (size_t i = 0; i < n; i++) {
        parts->n_vertices += orf_mesh_n_vertices(meshes[i]);
        parts->n_triangles += orf_mesh_n_triangles(meshes[i]);
        parts->n_uvs += orf_mesh_n_uvs(meshes[i]);
        uvs = uvs && orf_mesh_uvs(meshes[i]);
        colors = colors && orf_mesh_colors(meshes[i]);
        grouped = grouped || orf_mesh_groups(meshes[i]);
    }
    parts->n_uvs = uvs ? parts->n_uvs : 0;
    size_t corners = 3 * parts->n_triangles;
    return (parts->positions = ORF_ALLOC(task, float, 3 * parts->n_vertices, "join", error)) &&
           (parts->triangles = ORF_ALLOC(task, uint32_t, corners, "join", error)) &&
           (!colors ||
            (parts->colors = ORF_ALLOC(task, uint8_t, 4 * parts->n_vertices, "join", error))) &&
           (!uvs || (parts->uvs = ORF_ALLOC(task, float, 2 * parts->n_uvs, "join", error))) &&
           (!uvs ||
            (parts->uv_triangles = ORF_ALLOC(task, uint32_t, corners, "join", error))) &&
           (!grouped ||
            (parts->groups = ORF_ALLOC(task, uint16_t, parts->n_triangles, "join", error)));
}

static void
copy_raised(uint32_t *to, const uint32_t *from, size_t n, size_t by)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[i] + (uint32_t)by;
}

static void
copy_groups(Join *join, const OrfMesh *mesh, unsigned by)
{
    const uint16_t *groups = orf_mesh_groups(mesh);
    uint16_t *to = join->parts.groups + join->n_triangles;
    for (size_t t = 0; t < orf_mesh_n_triangles(mesh); t++)
        to[t] = (uint16_t)((groups ? groups[t] : 0) + by);
}

static void
add_mesh(Join *join, const OrfMesh *mesh, unsigned raise)
{
    OrfMeshParts *parts = &join->parts;
    size_t n_vertices = orf_mesh_n_vertices(mesh), n_triangles = orf_mesh_n_triangles(mesh);
    size_t n_uvs = orf_mesh_n_uvs(mesh), corner = 3 * join->n_triangles;
    if (n_vertices)
        memcpy(parts->positions + 3 * join->n_vertices, orf_mesh_positions(mesh),
               n_vertices * 12);
    if (n_vertices && parts->colors)
        memcpy(parts->colors + 4 * join->n_vertices, orf_mesh_colors(mesh), n_vertices * 4);
    copy_raised(parts->triangles + corner, orf_mesh_triangles(mesh), 3 * n_triangles,
                join->n_vertices);
    if (parts->uvs) {
        if (n_uvs)
            memcpy(parts->uvs + 2 * join->n_uvs, orf_mesh_uvs(mesh), n_uvs * 8);
        copy_raised(parts->uv_triangles + corner, orf_mesh_uv_triangles(mesh), 3 * n_triangles,
                    join->n_uvs);
        join->n_uvs += n_uvs;
    }
    if (parts->groups)
        copy_groups(join, mesh, raise);
    join->n_vertices += n_vertices;
    join->n_triangles += n_triangles;
}

OrfMesh *
orf_mesh_join(OrfTask *task, OrfMesh *const *meshes, size_t n, bool separate_groups,
              GError **error)
{
    g_auto(Join) join = { 0 };
    unsigned n_groups = 0;
    for (size_t i = 0; i < n; i++)
        n_groups += orf_mesh_n_groups(meshes[i]);
    if (separate_groups && n_groups > UINT16_MAX)
        return ORF_FAIL(error, TOO_LARGE,
                        "join: %u material groups, at most %u are possible; join fewer meshes",
                        n_groups, UINT16_MAX);
    if (!join_init(task, meshes, n, separate_groups && n_groups > 1, &join, error))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (!orf_task_check(task, error))
            return NULL;
        add_mesh(&join, meshes[i], join.n_groups);
        join.n_groups += separate_groups ? orf_mesh_n_groups(meshes[i]) : 0;
        orf_task_progress(task, (double)(i + 1) / (double)n);
    }
    return orf_mesh_new_take(&join.parts, error);
}
