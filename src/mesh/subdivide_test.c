/* subdivide_test.c - finer surfaces, and smoothing that leaves edges.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "shapes_test.h"

static OrfMeasures
measure(const OrfMesh *mesh)
{
    OrfMeasures m;
    g_assert_true(orf_mesh_measure(NULL, mesh, true, &m, NULL));
    return m;
}

static OrfMesh *
subdivided(const OrfMesh *mesh)
{
    g_autoptr(GError) error = NULL;
    OrfMesh *finer = orf_mesh_subdivide(NULL, mesh, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(orf_mesh_n_triangles(finer), ==, 4 * orf_mesh_n_triangles(mesh));
    return finer;
}

static OrfMesh *
cube(void)
{
    return shape_cube(10, (float[]){ -5, -5, -5 });
}

/* --- Loop --------------------------------------------------------------------------------- */

static void
solids_stay_solid_and_shrink_less_each_time(void)
{
    g_autoptr(OrfMesh) mesh = shape_torus(20, 7, 16, 12, 0);
    double before = measure(mesh).volume, lost = INFINITY;
    for (int i = 0; i < 3; i++) {
        OrfMesh *finer = subdivided(mesh);
        OrfMeasures m = measure(finer);
        g_assert_true(orf_measures_solid(&m));
        g_assert_cmpint(m.self_intersections, ==, 0);
        g_assert_cmpint(m.euler, ==, 0);
        g_assert_cmpfloat(m.volume, <, before);
        g_assert_cmpfloat(before - m.volume, <, lost / 2);
        lost = before - m.volume;
        before = m.volume;
        orf_mesh_unref(mesh);
        mesh = finer;
    }
}

static void
a_plane_stays_a_plane_and_its_rim_is_a_curve(void)
{
    static const float corners[] = { 0, 0, 0, 10, 0, 0, 10, 10, 0, 0, 10, 0, 5, 5, 0 };
    static const uint32_t triangles[] = { 0, 1, 4, 1, 2, 4, 2, 3, 4, 3, 0, 4 };
    g_autoptr(OrfMesh) sheet = shape_new(corners, 5, triangles, 4);
    g_autoptr(OrfMesh) finer = subdivided(sheet);
    g_assert_cmpuint(measure(finer).boundary_edges, ==, 8);
    for (size_t v = 0; v < orf_mesh_n_vertices(finer); v++)
        g_assert_cmpfloat(orf_mesh_positions(finer)[3 * v + 2], ==, 0);
    /* a corner moves to 3/4 of itself and 1/8 of each neighbour on the rim */
    g_assert_cmpfloat(orf_mesh_positions(finer)[0], ==, 1.25f);
    g_assert_cmpfloat(orf_mesh_positions(finer)[1], ==, 1.25f);
    g_assert_cmpfloat(orf_mesh_positions(finer)[12], ==, 5);
}

static void
uvs_stay_on_their_charts(void)
{
    g_autoptr(OrfMesh) plain = cube(), mesh = orf_mesh_unwrap(NULL, plain, NULL, NULL);
    g_autoptr(OrfMesh) finer = subdivided(mesh);
    for (size_t t = 0; t < orf_mesh_n_triangles(mesh); t++)
        for (int k = 0; k < 2; k++) {
            float low = INFINITY, high = -INFINITY;
            for (int c = 0; c < 3; c++) {
                float uv = orf_mesh_uvs(
                    mesh)[2 * (size_t)orf_mesh_uv_triangles(mesh)[3 * t + (size_t)c] +
                          (size_t)k];
                low = MIN(low, uv);
                high = MAX(high, uv);
            }
            for (size_t c = 0; c < 12; c++) {
                float uv = orf_mesh_uvs(
                    finer)[2 * (size_t)orf_mesh_uv_triangles(finer)[12 * t + c] + (size_t)k];
                g_assert_cmpfloat(uv, >=, low);
                g_assert_cmpfloat(uv, <=, high);
            }
        }
}

static void
a_triangle_that_repeats_a_vertex_is_refused(void)
{
    g_autoptr(OrfMesh) bad =
        shape_new((float[]){ 0, 0, 0, 1, 0, 0 }, 2, (uint32_t[]){ 0, 1, 1 }, 1);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_mesh_subdivide(NULL, bad, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
}

/* --- Bilateral ---------------------------------------------------------------------------- */

/* A cube of many triangles whose vertices are shaken; those of its edges and corners as well.
 */
static OrfMesh *
shaken_cube(double by)
{
    g_autoptr(OrfMesh) mesh = cube();
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    OrfMeshParts parts = { 0 };
    for (int i = 0; i < 5; i++) {
        OrfMesh *finer = subdivided(mesh);
        orf_mesh_unref(mesh);
        mesh = finer;
    }
    g_assert_true(orf_mesh_copy_parts(NULL, mesh, &parts, NULL));
    for (size_t v = 0; v < parts.n_vertices; v++) { /* rounded by Loop: pressed out again */
        float *p = parts.positions + 3 * v, most = 0;
        for (int k = 0; k < 3; k++)
            most = MAX(most, fabsf(p[k]));
        for (int k = 0; k < 3; k++)
            p[k] = 5 * p[k] / most + (float)g_rand_double_range(random, -by, by);
    }
    return orf_mesh_new_take(&parts, NULL);
}

/* Mean distance of the vertices from the surface of the cube. */
static double
roughness(const OrfMesh *mesh)
{
    const float *p = orf_mesh_positions(mesh);
    double sum = 0;
    for (size_t v = 0; v < orf_mesh_n_vertices(mesh); v++) {
        double most = 0;
        for (size_t k = 0; k < 3; k++)
            most = MAX(most, fabs((double)p[3 * v + k]));
        sum += fabs(most - 5);
    }
    return sum / (double)orf_mesh_n_vertices(mesh);
}

static void
noise_goes_and_edges_stay(void)
{
    g_autoptr(OrfMesh) noisy = shaken_cube(0.04);
    g_autoptr(OrfMesh) sharp = orf_mesh_smooth_sharp(NULL, noisy, 0, NULL);
    g_assert_cmpfloat(roughness(sharp), <, 0.6 * roughness(noisy));
    g_autoptr(OrfMesh) clean = shaken_cube(0);
    g_autoptr(OrfMesh) kept = orf_mesh_smooth_sharp(NULL, clean, 0, NULL);
    g_assert_cmpfloat(roughness(kept), <, 0.01);
    g_assert_cmpfloat_with_epsilon(measure(kept).volume, measure(clean).volume, 5);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        { "subdivide/solids-stay-solid-and-shrink-less-each-time",
          solids_stay_solid_and_shrink_less_each_time },
        { "subdivide/a-plane-stays-a-plane-and-its-rim-is-a-curve",
          a_plane_stays_a_plane_and_its_rim_is_a_curve },
        { "subdivide/uvs-stay-on-their-charts", uvs_stay_on_their_charts },
        { "subdivide/a-triangle-that-repeats-a-vertex-is-refused",
          a_triangle_that_repeats_a_vertex_is_refused },
        { "smooth/noise-goes-and-edges-stay", noise_goes_and_edges_stay },
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/mesh/", tests[i].name, NULL);
        g_test_add_func(path, tests[i].run);
    }
    return g_test_run();
}
