/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/mesh.h"

#include <math.h>

/* `n` triangles of their own corners, all within `spread` of the origin. */
static OrfMesh *
crowd(size_t n, double spread)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    OrfMeshParts parts = { .n_vertices = 3 * n, .n_triangles = n };
    parts.positions = ORF_ALLOC(NULL, float, 9 * n, "positions", NULL);
    parts.triangles = ORF_ALLOC(NULL, uint32_t, 3 * n, "triangles", NULL);
    for (size_t i = 0; i < 9 * n; i++)
        parts.positions[i] = (float)g_rand_double_range(rand, -spread, spread);
    for (uint32_t i = 0; i < 3 * n; i++)
        parts.triangles[i] = i;
    return orf_mesh_new_take(&parts, NULL);
}

static double
least_distance(const OrfMesh *mesh)
{
    const float *p = orf_mesh_positions(mesh);
    size_t n = orf_mesh_n_vertices(mesh);
    double least = INFINITY;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            least = MIN(least, hypot(hypot(p[3 * i] - p[3 * j], p[3 * i + 1] - p[3 * j + 1]),
                                     p[3 * i + 2] - p[3 * j + 2]));
    return least;
}

static void
close_vertices_part_and_stay_near(void)
{
    g_autoptr(OrfMesh) mesh = crowd(100, 0.005);
    g_assert_cmpfloat(least_distance(mesh), <, 0.0004);
    g_autoptr(OrfMesh) apart = orf_mesh_keep_apart(NULL, mesh, 0.0004f, NULL);
    g_assert_cmpfloat(least_distance(apart), >=, 0.00039);
    const float *p = orf_mesh_positions(mesh), *q = orf_mesh_positions(apart);
    for (size_t i = 0; i < 900; i++)
        g_assert_cmpfloat(fabsf(p[i] - q[i]), <, 0.02);
}

static void
a_roomy_mesh_is_left_alone(void)
{
    g_autoptr(OrfMesh) mesh = crowd(100, 100);
    g_autoptr(OrfMesh) apart = orf_mesh_keep_apart(NULL, mesh, 0.0004f, NULL);
    g_assert_true(mesh == apart);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/apart/close-vertices-part-and-stay-near",
                    close_vertices_part_and_stay_near);
    g_test_add_func("/mesh/apart/a-roomy-mesh-is-left-alone", a_roomy_mesh_is_left_alone);
    return g_test_run();
}
