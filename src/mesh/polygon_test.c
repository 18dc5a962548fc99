/* SPDX-License-Identifier: Apache-2.0 */
#include "planar_test.h"

static double
doubled_area(const float *p, const uint32_t *corners, size_t n, int axis)
{
    int u = (axis + 1) % 3, v = (axis + 2) % 3;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const float *a = p + 3 * corners[i], *b = p + 3 * corners[(i + 1) % n];
        sum += (double)a[u] * b[v] - (double)a[v] * b[u];
    }
    return sum;
}

/* The triangles cover the polygon once: all turn its way and their areas sum up to its area. */
static void
check(const float *positions, const uint32_t *corners, size_t n, int axis)
{
    g_autofree uint32_t *triangles = g_new0(uint32_t, 3 * (n - 2));
    orf_triangulate_polygon(positions, corners, n, triangles);
    double whole = doubled_area(positions, corners, n, axis), sum = 0;
    for (size_t t = 0; t + 2 < n; t++) {
        double area = doubled_area(positions, triangles + 3 * t, 3, axis);
        g_assert_cmpfloat(area * whole, >=, -1e-9);
        sum += area;
    }
    g_assert_cmpfloat_with_epsilon(sum, whole, 1e-5 * fabs(whole));
}

static void
concave_polygons_are_covered_once(void)
{
    static const float arrow[] = { 0, 0, 1, 4, 0, 1, 4, 4, 1, 2, 1, 1, 0, 4, 1 };
    static const uint32_t ccw[] = { 0, 1, 2, 3, 4 }, cw[] = { 4, 3, 2, 1, 0 };
    for (int axis = 0; axis < 3; axis++) { /* stand it on each plane in turn */
        float turned[15];
        for (int i = 0; i < 15; i++)
            turned[i / 3 * 3 + (i % 3 + axis + 1) % 3] = arrow[i];
        check(turned, ccw, 5, axis);
        check(turned, cw, 5, axis);
    }
}

static void
random_outlines_are_covered_once(void)
{
    size_t small = 0, large = 0;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        Outline outline = outline_of_noise(random, 30, 0.5);
        g_autofree float *positions = g_new(float, 3 * outline.n_points);
        g_autofree uint32_t *corners = g_new(uint32_t, outline.n_points);
        for (uint32_t i = 0; i < outline.n_points; i++) {
            positions[3 * i] = outline.points[2 * i];
            positions[3 * i + 1] = outline.points[2 * i + 1];
            positions[3 * i + 2] = 0.3f * outline.points[2 * i];
            corners[i] = i;
        }
        for (size_t loop = 0; loop < outline.n_loops; loop++) {
            size_t n = outline.loop_start[loop + 1] - outline.loop_start[loop];
            check(positions, corners + outline.loop_start[loop], n, 2);
            small += n <= 128;
            large += n > 128;
        }
        outline_clear(&outline);
    }
    g_assert_cmpuint(small, >, 100);
    g_assert_cmpuint(large, >, 10);
}

static void
points_along_the_edges_make_no_flat_triangles(void)
{
    static const float positions[] = { 0, 0, 0, 1, 0, 0, 2, 0, 0, 2, 1, 0,
                                       2, 2, 0, 1, 2, 0, 0, 2, 0, 0, 1, 0 };
    static const uint32_t corners[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    uint32_t triangles[18];
    orf_triangulate_polygon(positions, corners, 8, triangles);
    for (int t = 0; t < 6; t++)
        g_assert_cmpfloat(doubled_area(positions, triangles + 3 * t, 3, 2), >, 0);
}

static void
hopeless_polygons_become_fans(void)
{
    enum { N = 1000 };
    g_autofree float *positions = g_new0(float, 3 * N);
    g_autofree uint32_t *corners = g_new(uint32_t, N),
                        *triangles = g_new(uint32_t, 3 * (N - 2));
    for (uint32_t i = 0; i < N; i++) {
        corners[i] = i;
        positions[3 * i] = (float)cos(2.5 * i); /* a star that crosses itself */
        positions[3 * i + 1] = (float)sin(2.5 * i);
    }
    static const size_t sizes[] = { 3, 4, 5, 100, N };
    for (size_t s = 0; s < G_N_ELEMENTS(sizes); s++) {
        orf_triangulate_polygon(positions, corners, sizes[s], triangles);
        for (size_t i = 0; i < 3 * (sizes[s] - 2); i++)
            g_assert_cmpuint(triangles[i], <, sizes[s]);
    }
    for (uint32_t i = 0; i < 3 * N; i++)
        positions[i] = i == 7 ? NAN : 0;
    orf_triangulate_polygon(positions, corners, N, triangles);
    g_assert_cmpuint(triangles[3 * (N - 2) - 1], ==, N - 1);
    orf_triangulate_polygon(positions, corners, 2, triangles); /* writes nothing */
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/polygon/concave-polygons-are-covered-once",
                    concave_polygons_are_covered_once);
    g_test_add_func("/mesh/polygon/random-outlines-are-covered-once",
                    random_outlines_are_covered_once);
    g_test_add_func("/mesh/polygon/points-along-the-edges-make-no-flat-triangles",
                    points_along_the_edges_make_no_flat_triangles);
    g_test_add_func("/mesh/polygon/hopeless-polygons-become-fans",
                    hopeless_polygons_become_fans);
    return g_test_run();
}
