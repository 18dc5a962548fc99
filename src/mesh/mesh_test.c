/* SPDX-License-Identifier: Apache-2.0 */
#include "shapes_test.h"

static void
refuses_an_index_out_of_range(void)
{
    OrfMeshParts parts = { .positions = ORF_ALLOC(NULL, float, 9, "test", NULL),
                           .triangles = ORF_ALLOC(NULL, uint32_t, 3, "test", NULL),
                           .n_vertices = 3,
                           .n_triangles = 1 };
    parts.triangles[2] = 3;
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_mesh_new_take(&parts, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    g_assert_null(parts.positions);
}

static void
refuses_what_is_not_finite(void)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        OrfMeshParts parts = { .positions = ORF_ALLOC(NULL, float, 9, "test", NULL),
                               .n_vertices = 3 };
        parts.positions[7] = bad[i];
        g_assert_null(orf_mesh_new_take(&parts, &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    }
}

static void
an_empty_mesh_is_a_mesh(void)
{
    OrfMeshParts parts = { 0 };
    g_autoptr(OrfMesh) mesh = orf_mesh_new_take(&parts, NULL);
    g_assert_nonnull(mesh);
    float low[3], high[3];
    orf_mesh_bounds(mesh, low, high);
    g_assert_cmpfloat(low[0], ==, 0);
    g_assert_cmpfloat(high[2], ==, 0);
    OrfMeasures measures;
    g_assert_true(orf_mesh_measure(NULL, mesh, false, &measures, NULL));
    g_assert_false(orf_measures_solid(&measures));
    g_autoptr(OrfMesh) welded = orf_mesh_weld(NULL, mesh, 0.1f, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(welded), ==, 0);
}

static void
too_many_triangles_are_refused(void)
{
    OrfMeshParts parts = { .positions = ORF_ALLOC(NULL, float, 9, "test", NULL),
                           .triangles = ORF_ALLOC(NULL, uint32_t, 3, "test", NULL),
                           .n_vertices = 3,
                           .n_triangles = ((size_t)1 << 30) + 1 };
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_mesh_new_take(&parts, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
}

static void
copies_outlive_the_original(void)
{
    OrfMeshParts parts = { 0 };
    {
        g_autoptr(OrfMesh) cube = shape_cube(2, (float[3]){ 1, 2, 3 });
        g_assert_true(orf_mesh_copy_parts(NULL, cube, &parts, NULL));
    }
    g_autoptr(OrfMesh) copy = orf_mesh_new_take(&parts, NULL);
    float low[3], high[3];
    orf_mesh_bounds(copy, low, high);
    g_assert_cmpfloat(low[1], ==, 2);
    g_assert_cmpfloat(high[2], ==, 5);
}

static void
moved_meshes_outlive_the_original(void)
{
    g_autoptr(OrfMesh) moved = NULL;
    {
        g_autoptr(OrfMesh) cube = shape_cube(1, (float[3]){ 0, 0, 0 });
        g_autoptr(OrfMesh) once =
            orf_mesh_scale_move(NULL, cube, (float[3]){ 2, 2, 2 }, (float[3]){ 0, 0, 1 }, NULL);
        moved =
            orf_mesh_scale_move(NULL, once, (float[3]){ 1, 1, 1 }, (float[3]){ 5, 0, 0 }, NULL);
    }
    OrfMeasures measures;
    g_assert_true(orf_mesh_measure(NULL, moved, false, &measures, NULL));
    g_assert_true(orf_measures_solid(&measures));
    g_assert_cmpfloat_with_epsilon(measures.volume, 8, 1e-9);
    g_assert_cmpfloat(measures.low[0], ==, 5);
    g_assert_cmpfloat(measures.high[2], ==, 3);
}

static void
a_mirror_keeps_the_outside_out(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 24, 12);
    for (int mirror = 0; mirror < 8; mirror++) {
        float scale[3] = { mirror & 1 ? -1 : 1, mirror & 2 ? -2 : 2, mirror & 4 ? -1 : 1 };
        g_autoptr(OrfMesh) other =
            orf_mesh_scale_move(NULL, ball, scale, (float[3]){ 0, 0, 0 }, NULL);
        OrfMeasures measures;
        g_assert_true(orf_mesh_measure(NULL, other, false, &measures, NULL));
        g_assert_true(orf_measures_solid(&measures));
    }
}

static void
scaling_to_infinity_is_refused(void)
{
    g_autoptr(OrfMesh) cube = shape_cube(1e30f, (float[3]){ 0, 0, 0 });
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_mesh_scale_move(NULL, cube, (float[3]){ 1e30f, 1, 1 },
                                      (float[3]){ 0, 0, 0 }, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
}

static void
join_raises_indices_and_groups(void)
{
    g_autoptr(OrfMesh) a = shape_cube(1, (float[3]){ 0, 0, 0 });
    g_autoptr(OrfMesh) b = shape_cube(2, (float[3]){ 5, 0, 0 });
    OrfMesh *both[2] = { a, b };
    g_autoptr(OrfMesh) joined = orf_mesh_join(NULL, both, 2, true, NULL);
    OrfMeasures measures;
    g_assert_true(orf_mesh_measure(NULL, joined, false, &measures, NULL));
    g_assert_true(orf_measures_solid(&measures));
    g_assert_cmpuint(measures.shells, ==, 2);
    g_assert_cmpfloat_with_epsilon(measures.volume, 9, 1e-9);
    g_assert_cmpuint(orf_mesh_n_groups(joined), ==, 2);
    g_assert_cmpuint(orf_mesh_groups(joined)[11], ==, 0);
    g_assert_cmpuint(orf_mesh_groups(joined)[12], ==, 1);
    g_autoptr(OrfMesh) plain = orf_mesh_join(NULL, both, 2, false, NULL);
    g_assert_null(orf_mesh_groups(plain));
    g_autoptr(OrfMesh) nothing = orf_mesh_join(NULL, NULL, 0, true, NULL);
    g_assert_cmpuint(orf_mesh_n_vertices(nothing), ==, 0);
}

static void
vertex_normals_do_not_depend_on_how_faces_are_cut(void)
{
    g_autoptr(OrfMesh) cube = shape_cube(3, (float[3]){ 0, 0, 0 });
    orf_autofree float *normals = orf_mesh_vertex_normals(NULL, cube, NULL);
    for (int v = 0; v < 8; v++)
        for (int k = 0; k < 3; k++) {
            float sign = v & (4 >> k) ? 1 : -1;
            g_assert_cmpfloat_with_epsilon(normals[3 * v + k], sign / sqrtf(3), 1e-6);
        }
}

static void
a_small_budget_is_refused_politely(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 100, 100);
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = 10000 });
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_mesh_vertex_normals(task, ball, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
    g_clear_error(&error);
    OrfMeasures measures;
    g_assert_false(orf_mesh_measure(task, ball, true, &measures, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/new/refuses-an-index-out-of-range", refuses_an_index_out_of_range);
    g_test_add_func("/mesh/new/refuses-what-is-not-finite", refuses_what_is_not_finite);
    g_test_add_func("/mesh/new/an-empty-mesh-is-a-mesh", an_empty_mesh_is_a_mesh);
    g_test_add_func("/mesh/new/too-many-triangles-are-refused", too_many_triangles_are_refused);
    g_test_add_func("/mesh/new/copies-outlive-the-original", copies_outlive_the_original);
    g_test_add_func("/mesh/move/moved-meshes-outlive-the-original",
                    moved_meshes_outlive_the_original);
    g_test_add_func("/mesh/move/a-mirror-keeps-the-outside-out",
                    a_mirror_keeps_the_outside_out);
    g_test_add_func("/mesh/move/scaling-to-infinity-is-refused",
                    scaling_to_infinity_is_refused);
    g_test_add_func("/mesh/join/raises-indices-and-groups", join_raises_indices_and_groups);
    g_test_add_func("/mesh/normals/do-not-depend-on-how-faces-are-cut",
                    vertex_normals_do_not_depend_on_how_faces_are_cut);
    g_test_add_func("/mesh/budget/a-small-one-is-refused-politely",
                    a_small_budget_is_refused_politely);
    return g_test_run();
}
