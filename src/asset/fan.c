/* fan.c - triangles around vertices, normals of corners.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "asset/asset-priv.h"

#include <math.h>
#include <string.h>

#define SMOOTH_COS 0.8f /* 37 degrees between a corner's face and its vertex */

bool
orf_fans_init(OrfFans *fans, OrfTask *task, const OrfMesh *mesh, GError **error)
{
    size_t n = orf_mesh_n_vertices(mesh), n_corners = 3 * orf_mesh_n_triangles(mesh);
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    orf_autofree uint32_t *start = ORF_ALLOC(task, uint32_t, n + 2, "neighbours", error);
    uint32_t *list = start ? ORF_ALLOC(task, uint32_t, n_corners, "neighbours", error) : NULL;
    if (!list)
        return false;
    for (size_t i = 0; i < n_corners; i++)
        start[triangles[i] + 2]++;
    for (size_t i = 2; i < n + 2; i++)
        start[i] += start[i - 1];
    for (size_t i = 0; i < n_corners; i++)
        list[start[triangles[i] + 1]++] = (uint32_t)(i / 3);
    *fans = (OrfFans){ g_steal_pointer(&start), list };
    return true;
}

void
orf_fans_clear(OrfFans *fans)
{
    orf_free(g_steal_pointer(&fans->start));
    orf_free(g_steal_pointer(&fans->list));
}

void
orf_face_vector(const float *positions, const uint32_t corner[3], float ret_vector[3])
{
    const float *p = positions + 3 * (size_t)corner[0], *q = positions + 3 * (size_t)corner[1];
    const float *r = positions + 3 * (size_t)corner[2];
    float a[3] = { q[0] - p[0], q[1] - p[1], q[2] - p[2] };
    float b[3] = { r[0] - p[0], r[1] - p[1], r[2] - p[2] };
    ret_vector[0] = a[1] * b[2] - a[2] * b[1];
    ret_vector[1] = a[2] * b[0] - a[0] * b[2];
    ret_vector[2] = a[0] * b[1] - a[1] * b[0];
}

unsigned
orf_corner_normals(const float *positions, const float *normals, const uint32_t corner[3],
                   float ret_normals[3][3])
{
    float face[3];
    orf_face_vector(positions, corner, face);
    float length = sqrtf(orf_dot3(face, face));
    for (int k = 0; k < 3 && length > 0; k++)
        face[k] /= length;
    unsigned sharp = 0;
    for (unsigned i = 0; i < 3; i++) {
        const float *smooth = normals + 3 * (size_t)corner[i];
        bool own = length > 0 && orf_dot3(face, smooth) < SMOOTH_COS;
        sharp |= (unsigned)own << i;
        memcpy(ret_normals[i], own ? face : smooth, sizeof face);
    }
    return sharp;
}
