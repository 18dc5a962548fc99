/* SPDX-License-Identifier: Apache-2.0 */
#include "shapes_test.h"

static OrfMeasures
measure(const OrfMesh *mesh)
{
    OrfMeasures measures;
    g_assert_true(orf_mesh_measure(NULL, mesh, false, &measures, NULL));
    return measures;
}

/* The mesh with every vertex moved by up to `by` in each direction. */
static OrfMesh *
shake(const OrfMesh *mesh, float by, guint32 seed)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    OrfMeshParts parts;
    g_assert_true(orf_mesh_copy_parts(NULL, mesh, &parts, NULL));
    for (size_t i = 0; i < 3 * parts.n_vertices; i++)
        parts.positions[i] += (float)g_rand_double_range(random, -by, by);
    return orf_mesh_new_take(&parts, NULL);
}

/* Mean distance of the vertices from a sphere of radius 10. */
static double
roughness(const OrfMesh *mesh)
{
    const float *p = orf_mesh_positions(mesh);
    double sum = 0;
    for (size_t v = 0; v < orf_mesh_n_vertices(mesh); v++)
        sum += fabs(sqrt((double)p[3 * v] * p[3 * v] + (double)p[3 * v + 1] * p[3 * v + 1] +
                         (double)p[3 * v + 2] * p[3 * v + 2]) -
                    10);
    return sum / (double)orf_mesh_n_vertices(mesh);
}

static void
takes_out_noise(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 80, 40);
    g_autoptr(OrfMesh) rough = shake(ball, 0.15f, 1);
    g_autoptr(OrfMesh) smooth = orf_mesh_smooth(NULL, rough, NULL, NULL);
    g_assert_cmpfloat(roughness(smooth), <, 0.5 * roughness(rough));
}

static void
keeps_the_volume(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 40, 20);
    g_autoptr(OrfMesh) ring = shape_torus(30, 10, 120, 60, 0.25f);
    g_autoptr(OrfMesh) thin = shape_torus(30, 1, 120, 8, 0);
    g_autoptr(OrfMesh) rough = shake(ring, 0.3f, 2);
    const OrfMesh *bodies[] = { ball, ring, thin, rough };
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        g_autoptr(OrfMesh) smooth = orf_mesh_smooth(NULL, bodies[i], NULL, NULL);
        OrfMeasures before = measure(bodies[i]), after = measure(smooth);
        g_assert_true(orf_measures_solid(&after));
        g_test_message("volume drift %.3f %%", 100 * (after.volume / before.volume - 1));
        g_assert_cmpfloat_with_epsilon(after.volume / before.volume, 1, 0.01);
    }
}

static void
keeps_borders_and_fixed_vertices(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 40, 20);
    g_autoptr(OrfMesh) open =
        shape_new(orf_mesh_positions(ball), orf_mesh_n_vertices(ball), orf_mesh_triangles(ball),
                  orf_mesh_n_triangles(ball) / 2);
    g_autoptr(OrfMesh) rough = shake(open, 0.3f, 3);
    size_t n = orf_mesh_n_vertices(rough);
    g_autofree uint8_t *fixed = g_new0(uint8_t, n);
    for (size_t v = 0; v < n; v += 5)
        fixed[v] = 1;
    g_autoptr(OrfMesh) smooth =
        orf_mesh_smooth(NULL, rough, &(OrfSmooth){ .fixed = fixed }, NULL);
    size_t stayed = 0;
    for (size_t v = 0; v < n; v++) {
        bool same = memcmp(orf_mesh_positions(rough) + 3 * v,
                           orf_mesh_positions(smooth) + 3 * v, 12) == 0;
        g_assert_true(same || !fixed[v]);
        stayed += same && !fixed[v];
    }
    g_assert_cmpuint(stayed, >=, 32); /* the border, less those given, and the unused half */
    g_assert_cmpuint(stayed, <, n * 3 / 4);
}

static void
does_not_depend_on_the_cores(void)
{
    g_autoptr(OrfMesh) ring = shape_torus(30, 10, 400, 300, 0.3f);
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 3 });
    g_autoptr(OrfMesh) one = orf_mesh_smooth(NULL, ring, NULL, NULL);
    g_autoptr(OrfMesh) three = orf_mesh_smooth(task, ring, NULL, NULL);
    g_assert_cmpint(memcmp(orf_mesh_positions(one), orf_mesh_positions(three),
                           12 * orf_mesh_n_vertices(ring)),
                    ==, 0);
}

static void
slivers_and_branching_edges_are_no_trouble(void)
{
    float positions[] = { 0, 0, 0, 1, 0, 0, 2, 0, 0, 1, 1e-20f, 0, 0, 1, 0, 1, 0, 0 };
    uint32_t triangles[] = { 0, 1, 2, 0, 2, 3, 0, 1, 4, 1, 0, 3, 0, 0, 1, 1, 5, 4 };
    g_autoptr(OrfMesh) mesh = shape_new(positions, 6, triangles, 6);
    g_autoptr(OrfMesh) smooth = orf_mesh_smooth(NULL, mesh, NULL, NULL);
    g_assert_nonnull(smooth);
}

static void
stops_when_cancelled_and_stays_in_its_budget(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 200, 100);
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    orf_task_cancel(task);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_mesh_smooth(task, ball, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
    g_clear_error(&error);
    g_autoptr(OrfTask) small = orf_task_new(&(OrfTaskOptions){ .memory = 1000000 });
    g_assert_null(orf_mesh_smooth(small, ball, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/smooth/takes-out-noise", takes_out_noise);
    g_test_add_func("/mesh/smooth/keeps-the-volume", keeps_the_volume);
    g_test_add_func("/mesh/smooth/keeps-borders-and-fixed-vertices",
                    keeps_borders_and_fixed_vertices);
    g_test_add_func("/mesh/smooth/does-not-depend-on-the-cores", does_not_depend_on_the_cores);
    g_test_add_func("/mesh/smooth/slivers-and-branching-edges-are-no-trouble",
                    slivers_and_branching_edges_are_no_trouble);
    g_test_add_func("/mesh/smooth/stops-when-cancelled-and-stays-in-its-budget",
                    stops_when_cancelled_and_stays_in_its_budget);
    return g_test_run();
}
