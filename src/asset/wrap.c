/* wrap.c - texture coordinates from the picture's projection.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where the surface turns away from the viewer the coordinates move outwards, into colours that
 * push-pull drew out of the rim: sides get soft colour instead of streaks. They stop half way
 * to the next part of the cut-out. Geometry is untouched: UVs have indices of their own. */
#include "project-priv.h"

#include <math.h>

#define TURNED 0.5f /* n.eye below which UVs move outwards */

typedef struct {
    const OrfLayout *layout;
    const uint8_t *alpha; /* of the front part */
    OrfCamera camera;     /* of the front part */
    const float *positions, *normals;
    const uint32_t *triangles;
    uint32_t *shared[2]; /* UV of a vertex in front and back + 1; 0: none yet */
    OrfVec uvs;
} Wrap;

static void
wrap_clear(Wrap *wrap)
{
    orf_free(wrap->shared[0]);
    orf_free(wrap->shared[1]);
    orf_vec_clear(&wrap->uvs);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wrap, wrap_clear)

static bool
is_subject(const Wrap *wrap, float x, float y)
{
    const unsigned *size = wrap->layout->front;
    if (!(x >= 0) || !(y >= 0) || x >= (float)size[0] || y >= (float)size[1])
        return false;
    return wrap->alpha[(size_t)y * size[0] + (size_t)x] >= 128;
}

/* How far of `push` pixels along the unit vector `way` a coordinate may go: half way to the
 * next part, and not at all where the picture goes on beyond the edge. */
static float
room_outwards(const Wrap *wrap, const float at[2], const float way[2], float push)
{
    float left = -1; /* where the way leaves the subject */
    for (float d = 1; d < 2 * push; d += 1.5f) {
        bool subject = is_subject(wrap, at[0] + d * way[0], at[1] + d * way[1]);
        if (left < 0 && !subject)
            left = d;
        if (left < 0 && d > 5)
            return 0;
        if (left >= 0 && subject)
            return MIN(push, (left + d) / 2);
    }
    return push;
}

/* The front's place of a point whose surface looks along `normal`. */
static void
project(const Wrap *wrap, const float point[3], const float normal[3], float ret_place[2])
{
    float eye[3];
    OrfSpot spot = orf_camera_see(&wrap->camera, point);
    orf_camera_eye(&wrap->camera, point, eye);
    float at[2] = { spot.x, spot.y }, way[2] = { orf_dot3(wrap->camera.right, normal),
                                                 orf_dot3(wrap->camera.down, normal) };
    float length = MAX(sqrtf(way[0] * way[0] + way[1] * way[1]), 1e-6f);
    float turned = CLAMP(1 - fabsf(orf_dot3(normal, eye)) / TURNED, 0, 1);
    float push = wrap->layout->outwards * turned * turned * turned;
    for (int i = 0; i < 2; i++)
        way[i] /= length;
    if (push > 1)
        push = room_outwards(wrap, at, way, push);
    for (int i = 0; i < 2; i++) {
        float size = (float)wrap->layout->front[i];
        float place = isfinite(at[i]) ? at[i] + push * way[i] : size / 2;
        ret_place[i] = CLAMP(place, 0.5f, size - 0.5f);
    }
}

static bool
add_uv(OrfTask *task, Wrap *wrap, uint32_t vertex, const float normal[3], bool back,
       GError **error)
{
    const OrfLayout *layout = wrap->layout;
    float *uv = orf_vec_add(task, &wrap->uvs, 1, "texture coordinates", error), place[2];
    if (!uv)
        return false;
    project(wrap, wrap->positions + 3 * (size_t)vertex, normal, place);
    for (int i = 0; i < 2; i++) {
        if (back) {
            float within = place[i] * (float)layout->back[i] / (float)layout->front[i];
            place[i] =
                CLAMP(within, 1, (float)layout->back[i] - 1) + (float)layout->back_place[i];
        }
        uv[i] = place[i] / (float)layout->atlas[i];
    }
    return true;
}

/* By the vertices' normals, which are smooth: the seam follows the outline, not single faces.
 */
static bool
is_back(const Wrap *wrap, const uint32_t corner[3])
{
    float facing = 0, eye[3];
    for (int i = 0; i < 3; i++) {
        orf_camera_eye(&wrap->camera, wrap->positions + 3 * (size_t)corner[i], eye);
        facing += orf_dot3(wrap->normals + 3 * (size_t)corner[i], eye);
    }
    return facing < -0.03f;
}

static bool
wrap_triangle(OrfTask *task, Wrap *wrap, size_t triangle, uint32_t ret_uvs[3], GError **error)
{
    const uint32_t *corner = wrap->triangles + 3 * triangle;
    bool back = wrap->layout->back[0] && is_back(wrap, corner);
    float normals[3][3];
    unsigned sharp = orf_corner_normals(wrap->positions, wrap->normals, corner, normals);
    for (unsigned i = 0; i < 3; i++) {
        uint32_t *shared = &wrap->shared[back][corner[i]];
        bool own = sharp >> i & 1;
        if ((own || !*shared) && !add_uv(task, wrap, corner[i], normals[i], back, error))
            return false;
        if (!own && !*shared)
            *shared = (uint32_t)wrap->uvs.n;
        ret_uvs[i] = (own ? (uint32_t)wrap->uvs.n : *shared) - 1;
    }
    return true;
}

static bool
wrap_mesh(OrfTask *task, const OrfMesh *mesh, const Wrap *given, OrfMeshParts *parts,
          GError **error)
{
    size_t n = orf_mesh_n_vertices(mesh), n_triangles = orf_mesh_n_triangles(mesh);
    g_auto(Wrap) wrap = *given;
    orf_autofree float *normals = orf_mesh_vertex_normals(task, mesh, error);
    if (!normals)
        return false;
    wrap.normals = normals;
    for (int i = 0; i < 2; i++)
        if (!(wrap.shared[i] = ORF_ALLOC(task, uint32_t, n, "texture coordinates", error)))
            return false;
    parts->uv_triangles =
        ORF_ALLOC(task, uint32_t, 3 * n_triangles, "texture coordinates", error);
    if (!parts->uv_triangles)
        return false;
    for (size_t t = 0; t < n_triangles; t++) {
        if (t % 65536 == 0 && !orf_task_check(task, error))
            return false;
        if (!wrap_triangle(task, &wrap, t, parts->uv_triangles + 3 * t, error))
            return false;
    }
    parts->n_uvs = wrap.uvs.n;
    parts->uvs = orf_vec_steal(&wrap.uvs);
    return true;
}

OrfMesh *
orf_wrap_front(OrfTask *task, const OrfMesh *mesh, const OrfLayout *layout,
               const uint8_t *alpha, GError **error)
{
    g_auto(OrfMeshParts) parts = { 0 };
    if (!orf_mesh_copy_parts(task, mesh, &parts, error))
        return NULL;
    orf_free(g_steal_pointer(&parts.uvs));
    orf_free(g_steal_pointer(&parts.uv_triangles));
    orf_free(g_steal_pointer(&parts.colors));
    orf_free(g_steal_pointer(&parts.groups));
    Wrap wrap = { .layout = layout,
                  .alpha = alpha,
                  .camera = orf_layout_camera(layout),
                  .positions = orf_mesh_positions(mesh),
                  .triangles = orf_mesh_triangles(mesh),
                  .uvs = { .item = 2 * sizeof(float) } };
    if (!wrap_mesh(task, mesh, &wrap, &parts, error))
        return NULL;
    return orf_mesh_new_take(&parts, error);
}
