/* analyse_test.c - measures of small bodies, checked by hand and against the plain definitions.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "shapes_test.h"

#include <stdlib.h>

static OrfMeasures
measure(const OrfMesh *mesh)
{
    OrfMeasures measures;
    g_autoptr(GError) error = NULL;
    g_assert_true(orf_mesh_measure(NULL, mesh, false, &measures, &error));
    g_assert_no_error(error);
    return measures;
}

/* A cube and a second one that touches or repeats it, welded. */
static OrfMeasures
measure_two_cubes(float x, float y, float z)
{
    g_autoptr(OrfMesh) a = shape_cube(1, (float[3]){ 0, 0, 0 });
    g_autoptr(OrfMesh) b = shape_cube(1, (float[3]){ x, y, z });
    g_autoptr(OrfMesh) both = orf_mesh_join(NULL, (OrfMesh *[]){ a, b }, 2, false, NULL);
    g_autoptr(OrfMesh) welded = orf_mesh_weld(NULL, both, 0, NULL);
    return measure(welded);
}

/* --- By hand ------------------------------------------------------------------------------ */

static void
a_cube_is_solid(void)
{
    g_autoptr(OrfMesh) cube = shape_cube(2, (float[3]){ 1, 1, 1 });
    OrfMeasures m = measure(cube);
    g_assert_true(orf_measures_solid(&m));
    g_assert_true(m.closed && m.manifold && m.oriented);
    g_assert_cmpint(m.euler, ==, 2);
    g_assert_cmpuint(m.shells, ==, 1);
    g_assert_cmpfloat_with_epsilon(m.volume, 8, 1e-12);
    g_assert_cmpfloat_with_epsilon(m.area, 24, 1e-12);
    g_assert_cmpfloat(m.high[1], ==, 3);
    g_assert_cmpint(m.self_intersections, ==, -1);
}

static void
a_missing_triangle_opens_three_edges(void)
{
    g_autoptr(OrfMesh) cube = shape_cube(1, (float[3]){ 0, 0, 0 });
    g_autoptr(OrfMesh) open =
        shape_new(orf_mesh_positions(cube), 8, orf_mesh_triangles(cube), 11);
    OrfMeasures m = measure(open);
    g_assert_cmpuint(m.boundary_edges, ==, 3);
    g_assert_false(m.closed);
    g_assert_true(m.manifold);
    g_assert_false(orf_measures_solid(&m));
}

static void
a_turned_triangle_is_noticed(void)
{
    uint32_t triangles[36];
    memcpy(triangles, shape_cube_triangles, sizeof triangles);
    triangles[1] = shape_cube_triangles[2];
    triangles[2] = shape_cube_triangles[1];
    g_autoptr(OrfMesh) cube = shape_cube(1, (float[3]){ 0, 0, 0 });
    g_autoptr(OrfMesh) turned = shape_new(orf_mesh_positions(cube), 8, triangles, 12);
    OrfMeasures m = measure(turned);
    g_assert_cmpuint(m.misoriented_edges, ==, 3);
    g_assert_true(m.closed);
    g_assert_false(m.oriented);
}

static void
inside_out_is_not_oriented(void)
{
    uint32_t triangles[36];
    for (size_t i = 0; i < 36; i++)
        triangles[i] = shape_cube_triangles[35 - i];
    g_autoptr(OrfMesh) cube = shape_cube(1, (float[3]){ 0, 0, 0 });
    g_autoptr(OrfMesh) turned = shape_new(orf_mesh_positions(cube), 8, triangles, 12);
    OrfMeasures m = measure(turned);
    g_assert_cmpfloat_with_epsilon(m.volume, -1, 1e-12);
    g_assert_cmpuint(m.misoriented_edges, ==, 0);
    g_assert_false(m.oriented);
}

static void
touching_cubes_are_not_manifold(void)
{
    OrfMeasures edge = measure_two_cubes(1, 1, 0), vertex = measure_two_cubes(1, 1, 1);
    g_assert_cmpuint(edge.nonmanifold_edges, ==, 1);
    g_assert_cmpuint(edge.shells, ==, 1);
    g_assert_false(edge.closed);
    g_assert_cmpuint(vertex.nonmanifold_edges, ==, 0);
    g_assert_cmpuint(vertex.nonmanifold_vertices, ==, 1);
    g_assert_cmpuint(vertex.shells, ==, 2);
    g_assert_true(vertex.closed);
    g_assert_false(orf_measures_solid(&vertex));
}

static void
repeated_triangles_are_counted(void)
{
    OrfMeasures same = measure_two_cubes(0, 0, 0);
    g_assert_cmpuint(same.duplicate, ==, 12);
    uint32_t triangles[] = { 0, 1, 2, 2, 1, 0, 1, 2, 0, 0, 3, 1, 5, 3, 4 };
    float positions[18] = { 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3 };
    g_autoptr(OrfMesh) mesh = shape_new(positions, 6, triangles, 5);
    g_assert_cmpuint(measure(mesh).duplicate, ==, 2);
}

static void
triangles_without_area_are_degenerate(void)
{
    float positions[] = {
        0, 0, 0, 1, 0, 0, 2, 0, 0, 0.1f, 0.1f, 0.1f, 0.3f, 0.3f, 0.3f, 9, 9, 9
    };
    uint32_t triangles[] = { 0, 1, 2, 0, 0, 1, 0, 3, 4, 1, 3, 2 };
    g_autoptr(OrfMesh) mesh = shape_new(positions, 6, triangles, 4);
    OrfMeasures m = measure(mesh);
    g_assert_cmpuint(m.degenerate, ==, 3);
    g_assert_cmpuint(m.unreferenced, ==, 1);
    g_assert_cmpfloat(m.high[0], ==, 2);
}

static void
a_ring_has_euler_number_zero(void)
{
    g_autoptr(OrfMesh) ring = shape_torus(30, 10, 200, 100, 0);
    OrfMeasures m = measure(ring);
    g_assert_true(orf_measures_solid(&m));
    g_assert_cmpint(m.euler, ==, 0);
    g_assert_cmpfloat_with_epsilon(m.volume, 2 * G_PI * G_PI * 30 * 100, 100);
    g_assert_cmpfloat_with_epsilon(m.area, 4 * G_PI * G_PI * 30 * 10, 10);
}

static void
a_crowded_vertex_is_no_trouble(void)
{
    enum { N = 100000 };
    g_autoptr(OrfMesh) spindle = shape_ball(10, N, 2);
    OrfMeasures m = measure(spindle);
    g_assert_true(m.closed && m.manifold);
    g_assert_cmpuint(m.triangles, ==, 2 * N);
    g_assert_cmpint(m.euler, ==, 2);
}

/* --- Against the plain definitions -------------------------------------------------------- */

typedef struct {
    size_t edges, boundary, nonmanifold, misoriented, duplicate, collapsed, pinched, shells;
} Plain;

static bool
has(const uint32_t *t, uint32_t v)
{
    return t[0] == v || t[1] == v || t[2] == v;
}

/* Marks everything that can be reached from triangle `t` over edges (through `at` only, if
 * given). */
static void
spread(const uint32_t *triangles, size_t n, size_t t, int64_t at, bool *seen)
{
    seen[t] = true;
    for (size_t o = 0; o < n; o++) {
        const uint32_t *a = triangles + 3 * t, *b = triangles + 3 * o;
        if (seen[o] || orf_triangle_collapsed(b) || (at >= 0 && !has(b, (uint32_t)at)))
            continue;
        int shared = 0;
        for (int k = 0; k < 3; k++)
            shared += has(b, a[k]);
        if (shared >= 2)
            spread(triangles, n, o, at, seen);
    }
}

static size_t
count_parts(const uint32_t *triangles, size_t n, int64_t at)
{
    g_autofree bool *seen = g_new0(bool, n);
    size_t parts = 0;
    for (size_t t = 0; t < n; t++)
        if (!seen[t] && !orf_triangle_collapsed(triangles + 3 * t) &&
            (at < 0 || has(triangles + 3 * t, (uint32_t)at))) {
            spread(triangles, n, t, at, seen);
            parts++;
        }
    return parts;
}

static void
count_edge(const uint32_t *triangles, size_t n, uint32_t a, uint32_t b, Plain *plain)
{
    size_t up = 0, down = 0;
    for (size_t t = 0; t < n; t++)
        for (int k = 0; k < 3 && !orf_triangle_collapsed(triangles + 3 * t); k++) {
            uint32_t from = triangles[3 * t + k], to = triangles[3 * t + (k + 1) % 3];
            up += from == a && to == b;
            down += from == b && to == a;
        }
    plain->edges += up + down > 0;
    plain->boundary += up + down == 1;
    plain->nonmanifold += up + down > 2;
    plain->misoriented += up + down == 2 && up != 1;
}

static Plain
measure_plainly(const uint32_t *triangles, size_t n, uint32_t n_vertices)
{
    Plain plain = { 0 };
    for (uint32_t a = 0; a < n_vertices; a++)
        for (uint32_t b = a + 1; b < n_vertices; b++)
            count_edge(triangles, n, a, b, &plain);
    for (size_t t = 0; t < n; t++) {
        const uint32_t *a = triangles + 3 * t;
        bool again = false;
        for (size_t o = 0; o < t; o++)
            again |= has(triangles + 3 * o, a[0]) && has(triangles + 3 * o, a[1]) &&
                     has(triangles + 3 * o, a[2]);
        plain.collapsed += orf_triangle_collapsed(a);
        plain.duplicate += again && !orf_triangle_collapsed(a);
    }
    for (uint32_t v = 0; v < n_vertices; v++)
        plain.pinched += count_parts(triangles, n, v) > 1;
    plain.shells = count_parts(triangles, n, -1);
    return plain;
}

static void
equals_the_plain_definitions(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(21);
    float positions[30];
    for (int i = 0; i < 30; i++)
        positions[i] = (float)g_rand_double(random);
    for (int round = 0; round < 2000; round++) {
        uint32_t triangles[60], n_vertices = (uint32_t)g_rand_int_range(random, 3, 11);
        size_t n = (size_t)g_rand_int_range(random, 1, 21);
        for (size_t c = 0; c < 3 * n; c++)
            triangles[c] = (uint32_t)g_rand_int_range(random, 0, (int)n_vertices);
        Plain plain = measure_plainly(triangles, n, n_vertices);
        g_autoptr(OrfMesh) mesh = shape_new(positions, n_vertices, triangles, n);
        OrfMeasures m = measure(mesh);
        g_assert_cmpuint(m.boundary_edges, ==, plain.boundary);
        g_assert_cmpuint(m.nonmanifold_edges, ==, plain.nonmanifold);
        g_assert_cmpuint(m.misoriented_edges, ==, plain.misoriented);
        g_assert_cmpuint(m.duplicate, ==, plain.duplicate);
        g_assert_cmpuint(m.degenerate, ==, plain.collapsed);
        g_assert_cmpuint(m.nonmanifold_vertices, ==, plain.pinched);
        g_assert_cmpuint(m.shells, ==, plain.shells);
        g_assert_cmpint(m.euler, ==,
                        (int64_t)(n_vertices - m.unreferenced) - (int64_t)plain.edges +
                            (int64_t)(n - plain.collapsed));
    }
}

static void
does_not_depend_on_the_cores(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(22);
    g_autoptr(OrfMesh) ring = shape_torus(30, 10, 400, 300, 0.3f);
    g_autoptr(OrfMesh) soup = shape_soup(ring, random);
    g_autoptr(OrfMesh) shuffled = orf_mesh_weld(NULL, soup, 0, NULL);
    OrfMeasures one = measure(shuffled);
    for (unsigned cores = 2; cores < 5; cores++) {
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = cores });
        OrfMeasures more;
        g_assert_true(orf_mesh_measure(task, shuffled, false, &more, NULL));
        g_assert_cmpfloat(one.volume, ==, more.volume);
        g_assert_cmpfloat(one.area, ==, more.area);
        g_assert_cmpuint(one.shells, ==, more.shells);
        g_assert_true(orf_measures_solid(&more));
    }
}

static void
stops_when_cancelled(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 200, 100);
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    orf_task_cancel(task);
    g_autoptr(GError) error = NULL;
    OrfMeasures measures = { .vertices = 77 };
    g_assert_false(orf_mesh_measure(task, ball, true, &measures, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
    g_assert_cmpuint(measures.vertices, ==, 77);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/analyse/a-cube-is-solid", a_cube_is_solid);
    g_test_add_func("/mesh/analyse/a-missing-triangle-opens-three-edges",
                    a_missing_triangle_opens_three_edges);
    g_test_add_func("/mesh/analyse/a-turned-triangle-is-noticed", a_turned_triangle_is_noticed);
    g_test_add_func("/mesh/analyse/inside-out-is-not-oriented", inside_out_is_not_oriented);
    g_test_add_func("/mesh/analyse/touching-cubes-are-not-manifold",
                    touching_cubes_are_not_manifold);
    g_test_add_func("/mesh/analyse/repeated-triangles-are-counted",
                    repeated_triangles_are_counted);
    g_test_add_func("/mesh/analyse/triangles-without-area-are-degenerate",
                    triangles_without_area_are_degenerate);
    g_test_add_func("/mesh/analyse/a-ring-has-euler-number-zero", a_ring_has_euler_number_zero);
    g_test_add_func("/mesh/analyse/a-crowded-vertex-is-no-trouble",
                    a_crowded_vertex_is_no_trouble);
    g_test_add_func("/mesh/analyse/equals-the-plain-definitions", equals_the_plain_definitions);
    g_test_add_func("/mesh/analyse/does-not-depend-on-the-cores", does_not_depend_on_the_cores);
    g_test_add_func("/mesh/analyse/stops-when-cancelled", stops_when_cancelled);
    return g_test_run();
}
