/* normals.c - the normal of each vertex: the mean of its triangles, weighted by their angles.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Weighting by the angle at the vertex makes the result independent of how flat faces are cut
 * (Thürmer and Wüthrich 1998). Triangles without area have no say. */
#include "mesh-priv.h"

#include <math.h>
#include <string.h>

static double
length(const double v[3])
{
    return sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

/* Angle between u and v. Stable for tiny and for straight angles. */
static double
angle(const double u[3], const double v[3], double cross_length)
{
    return atan2(cross_length, u[0] * v[0] + u[1] * v[1] + u[2] * v[2]);
}

static void
add_triangle(const float *positions, const uint32_t t[3], float *normals)
{
    double side[3][3], angles[3]; /* side k runs from corner k to corner k + 1 */
    for (int k = 0; k < 3; k++)
        for (int axis = 0; axis < 3; axis++)
            side[k][axis] = (double)positions[3 * (size_t)t[(k + 1) % 3] + axis] -
                            positions[3 * (size_t)t[k] + axis];
    double n[3] = { side[0][1] * side[1][2] - side[0][2] * side[1][1],
                    side[0][2] * side[1][0] - side[0][0] * side[1][2],
                    side[0][0] * side[1][1] - side[0][1] * side[1][0] };
    double twice = length(n);
    if (twice <= 0)
        return;
    for (int k = 0; k < 2; k++) {
        const double *in = side[(k + 2) % 3], back[3] = { -in[0], -in[1], -in[2] };
        angles[k] = angle(side[k], back, twice);
    }
    angles[2] = G_PI - angles[0] - angles[1];
    for (int k = 0; k < 3; k++)
        for (int axis = 0; axis < 3; axis++)
            normals[3 * (size_t)t[k] + axis] += (float)(angles[k] * n[axis] / twice);
}

static void
normalise(size_t begin, size_t end, void *data)
{
    float *normals = data;
    for (size_t v = begin; v < end; v++) {
        float *n = normals + 3 * v;
        double d[3] = { n[0], n[1], n[2] }, l = length(d);
        for (int axis = 0; axis < 3; axis++)
            n[axis] = l > 1e-12 ? (float)(d[axis] / l) : 0;
    }
}

float *
orf_mesh_vertex_normals(OrfTask *task, const OrfMesh *mesh, GError **error)
{
    size_t n_vertices = orf_mesh_n_vertices(mesh), n_triangles = orf_mesh_n_triangles(mesh);
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    orf_autofree float *normals = ORF_ALLOC(task, float, 3 * n_vertices, "normals", error);
    if (!normals)
        return NULL;
    for (size_t t = 0; t < n_triangles; t++) {
        if (t % ORF_MESH_BLOCK == 0 && !orf_task_check(task, error))
            return NULL;
        add_triangle(orf_mesh_positions(mesh), triangles + 3 * t, normals);
    }
    if (!orf_task_parallel(task, n_vertices, ORF_MESH_BLOCK, normalise, normals)) {
        orf_task_check(task, error);
        return NULL;
    }
    return g_steal_pointer(&normals);
}
