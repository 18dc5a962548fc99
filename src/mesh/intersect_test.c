/* intersect_test.c - exact predicates against 128-bit integers, the tree against all pairs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "shapes_test.h"

static int64_t
count(const OrfMesh *mesh)
{
    int64_t n = -1;
    g_autoptr(GError) error = NULL;
    g_assert_true(orf_mesh_count_crossings(NULL, mesh, &n, &error));
    g_assert_no_error(error);
    return n;
}

/* --- Predicates --------------------------------------------------------------------------- */

static int
sign128(__int128 x)
{
    return (x > 0) - (x < 0);
}

static int
plain_orient3d(const int64_t p[4][3])
{
    __int128 m[3][3], det = 0;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            m[i][k] = p[i][k] - p[3][k];
    for (int k = 0; k < 3; k++)
        det += m[0][k] *
               (m[1][(k + 1) % 3] * m[2][(k + 2) % 3] - m[1][(k + 2) % 3] * m[2][(k + 1) % 3]);
    return sign128(det);
}

static void
predicates_are_exact(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(41);
    static const int ranges[] = { 2, 5, 1000, 1 << 24 };
    unsigned flat = 0;
    for (int round = 0; round < 400000; round++) {
        int range = ranges[round % 4];
        int64_t whole[4][3];
        float p[4][3];
        for (int i = 0; i < 4; i++)
            for (int k = 0; k < 3; k++)
                whole[i][k] = g_rand_int_range(random, -range, range + 1);
        if (round % 3 == 0) /* the last in the plane of the others, or next to it */
            for (int k = 0; k < 3; k++)
                whole[3][k] = whole[0][k] + (whole[1][k] - whole[2][k]) / 4 +
                              (k == 0 && round % 2 ? 1 : 0);
        for (int i = 0; i < 12; i++)
            p[i / 3][i % 3] = (float)whole[i / 3][i % 3];
        for (int i = 0; i < 12; i++) /* what floats cannot hold was rounded */
            whole[i / 3][i % 3] = (int64_t)p[i / 3][i % 3];
        int expected = plain_orient3d(whole);
        flat += expected == 0;
        g_assert_cmpint(orf_orient3d(p[0], p[1], p[2], p[3]), ==, expected);
        int64_t x[3] = { whole[0][1], whole[1][1], whole[2][1] },
                y[3] = { whole[0][2], whole[1][2], whole[2][2] };
        __int128 det =
            (__int128)(x[0] - x[2]) * (y[1] - y[2]) - (__int128)(y[0] - y[2]) * (x[1] - x[2]);
        g_assert_cmpint(orf_orient2d(p[0], p[1], p[2], 0), ==, sign128(det));
    }
    g_assert_cmpuint(flat, >, 1000);
}

static void
predicates_do_not_depend_on_scale(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(42);
    for (int round = 0; round < 100000; round++) {
        float p[4][3], q[4][3];
        int power = g_rand_int_range(random, -100, 100);
        for (int i = 0; i < 12; i++) {
            p[i / 3][i % 3] = (float)g_rand_int_range(random, -100, 101) / 8;
            q[i / 3][i % 3] = ldexpf(p[i / 3][i % 3], power);
        }
        int sign = orf_orient3d(p[0], p[1], p[2], p[3]);
        g_assert_cmpint(orf_orient3d(q[0], q[1], q[2], q[3]), ==, sign);
        g_assert_cmpint(orf_orient3d(q[1], q[0], q[2], q[3]), ==, -sign);
        g_assert_cmpint(orf_orient3d(q[3], q[0], q[1], q[2]), ==, -sign);
    }
}

static void
predicates_see_one_unit_in_the_last_place(void)
{
    float a[3] = { 0.1f, 0.1f, 0.1f }, b[3] = { 12.7f, 12.7f, 12.7f }, c[3] = { 24, 24, 24 },
          d[3] = { 1e-30f, 5, 1e9f };
    g_assert_cmpint(orf_orient3d(a, b, c, d), ==, 0);
    g_assert_cmpint(orf_orient2d(a, b, c, 1), ==, 0);
    float up[3] = { 24, 24, nextafterf(24, 25) };
    g_assert_cmpint(orf_orient2d(a, b, up, 0), ==, 1);
    g_assert_cmpint(orf_orient2d(b, a, up, 0), ==, -1);
}

/* --- Pairs of triangles ------------------------------------------------------------------- */

typedef struct {
    const char *name;
    float p[6][3];
    uint32_t b[3]; /* the second triangle; the first is 0 1 2 */
    bool cross;
} Pair;

static const Pair pairs[] = {
    { "apart",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 9, 9, 9 }, { 9, 8, 9 }, { 8, 9, 9 } },
      { 3, 4, 5 },
      false },
    { "through the middle",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 1, 1, -1 }, { 1, 1, 1 }, { 9, 9, 0 } },
      { 3, 4, 5 },
      true },
    { "corner on the face",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 1, 1, 0 }, { 1, 1, 1 }, { 2, 1, 1 } },
      { 3, 4, 5 },
      false },
    { "edge on the face",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 1, 1, 0 }, { 2, 1, 0 }, { 1, 1, 1 } },
      { 3, 4, 5 },
      false },
    { "edge across the whole face",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { -1, 1, 0 }, { 9, 1, 0 }, { 1, 1, 1 } },
      { 3, 4, 5 },
      false },
    { "corner passes through the face",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 1, 1, 0 }, { 9, 1, 1 }, { 9, 1, -1 } },
      { 3, 4, 5 },
      true },
    { "corners pass through each other's faces",
      { { -4, 0, 0 }, { 2, -3, 0 }, { 2, 3, 0 }, { 4, 0, 0 }, { -1, 0, 3 }, { -1, 0, -3 } },
      { 3, 4, 5 },
      true },
    { "only corners inside each other",
      { { 1, 0, 0 }, { -9, 0, 5 }, { -9, 0, -5 }, { -1, 0, 0 }, { 9, 5, 0 }, { 9, -5, 0 } },
      { 3, 4, 5 },
      true },
    { "a corner enters the face, the rest leaves at its edge",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 1, 1, 0 }, { 2, 2, 1 }, { 2, 2, -1 } },
      { 3, 4, 5 },
      true },
    { "side by side in a plane",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 4, 4, 0 }, { 4, 0.5f, 0 }, { 0.5f, 4, 0 } },
      { 3, 4, 5 },
      false },
    { "overlap in a plane",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 4, 4, 0 }, { 1, 0, 0 }, { 0, 1, 0 } },
      { 3, 4, 5 },
      true },
    { "inside in a plane",
      { { 0, 0, 0 }, { 9, 0, 0 }, { 0, 9, 0 }, { 1, 1, 0 }, { 2, 1, 0 }, { 1, 2, 0 } },
      { 3, 4, 5 },
      true },
    { "same place, other vertices",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 } },
      { 3, 4, 5 },
      true },
    { "unwelded neighbours",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 4, 0, 0 }, { 0, 0, 0 }, { 1, -1, 1 } },
      { 3, 4, 5 },
      false },
    { "share an edge, bent",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 0, 0, 4 } },
      { 1, 0, 3 },
      false },
    { "share an edge, flat",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 0, -4, 0 } },
      { 1, 0, 3 },
      false },
    { "share an edge, folded over",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 3, 1, 0 } },
      { 1, 0, 3 },
      true },
    { "share a corner",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { -4, 0, 1 }, { 0, -4, 1 } },
      { 0, 3, 4 },
      false },
    { "share a corner, pierce",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 1, 1, 1 }, { 1, 1, -1 } },
      { 0, 3, 4 },
      true },
    { "share a corner, edge in the face",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 1, 1, 0 }, { 1, 1, 1 } },
      { 0, 3, 4 },
      false },
    { "share a corner, overlap in a plane",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 4, 1, 0 }, { 1, 4, 0 } },
      { 0, 3, 4 },
      true },
    { "share a corner, side by side in a plane",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { -4, 1, 0 }, { -1, -4, 0 } },
      { 0, 3, 4 },
      false },
    { "the same", { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 } }, { 2, 1, 0 }, true },
    { "a line through the face",
      { { 0, 0, 0 }, { 4, 0, 0 }, { 0, 4, 0 }, { 1, 1, -1 }, { 1, 1, 0.5f }, { 1, 1, 1 } },
      { 3, 4, 5 },
      true },
};

static void
pairs_are_judged_right_in_any_order(void)
{
    static const uint8_t orders[6][3] = { { 0, 1, 2 }, { 1, 2, 0 }, { 2, 0, 1 },
                                          { 0, 2, 1 }, { 2, 1, 0 }, { 1, 0, 2 } };
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_test_message("%s", pairs[i].name);
        for (int order = 0; order < 36; order++) {
            uint32_t a[3], b[3];
            for (int k = 0; k < 3; k++) {
                a[k] = orders[order % 6][k];
                b[k] = pairs[i].b[orders[order / 6][k]];
            }
            g_assert_true(orf_triangles_cross(pairs[i].p[0], a, b) == pairs[i].cross);
            g_assert_true(orf_triangles_cross(pairs[i].p[0], b, a) == pairs[i].cross);
        }
    }
}

/* Few whole coordinates: corners on faces, edges through edges and planes shared are common. */
static void
pairs_that_touch_are_judged_the_same_from_both_sides(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(44);
    unsigned crossing = 0;
    for (int round = 0; round < 300000; round++) {
        float p[6][3];
        for (int i = 0; i < 18; i++)
            p[i / 3][i % 3] = (float)g_rand_int_range(random, -2, 3);
        static const uint32_t a[3] = { 0, 1, 2 }, b[3] = { 3, 4, 5 };
        bool cross = orf_triangles_cross(p[0], a, b);
        g_assert_true(orf_triangles_cross(p[0], b, a) == cross);
        crossing += cross;
    }
    g_assert_cmpuint(crossing, >, 10000);
}

/* Where the segment pq meets the plane of t, inside t: for triangles in general position. */
static bool
plainly_pierces(const float *p, const float *q, const float *t[3])
{
    double u[3], v[3], d[3], w[3], n[3];
    for (int k = 0; k < 3; k++) {
        u[k] = (double)t[1][k] - t[0][k];
        v[k] = (double)t[2][k] - t[0][k];
        d[k] = (double)q[k] - p[k];
        w[k] = (double)p[k] - t[0][k];
    }
    for (int k = 0; k < 3; k++)
        n[k] = u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3];
    double along = n[0] * d[0] + n[1] * d[1] + n[2] * d[2],
           at = -(n[0] * w[0] + n[1] * w[1] + n[2] * w[2]) / along;
    if (!(at > 0 && at < 1))
        return false;
    double uu = 0, uv = 0, vv = 0, xu = 0, xv = 0;
    for (int k = 0; k < 3; k++) {
        double x = w[k] + at * d[k];
        uu += u[k] * u[k];
        uv += u[k] * v[k];
        vv += v[k] * v[k];
        xu += x * u[k];
        xv += x * v[k];
    }
    double det = uu * vv - uv * uv, s = (vv * xu - uv * xv) / det,
           r = (uu * xv - uv * xu) / det;
    return s > 0 && r > 0 && s + r < 1;
}

static void
random_pairs_agree_with_plain_geometry(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(43);
    unsigned crossing = 0;
    for (int round = 0; round < 100000; round++) {
        float p[6][3];
        for (int i = 0; i < 18; i++)
            p[i / 3][i % 3] = (float)g_rand_double(random);
        const float *a[3] = { p[0], p[1], p[2] }, *b[3] = { p[3], p[4], p[5] };
        bool expected = false;
        for (int k = 0; k < 3; k++)
            expected |= plainly_pierces(a[k], a[(k + 1) % 3], b) ||
                        plainly_pierces(b[k], b[(k + 1) % 3], a);
        crossing += expected;
        g_assert_true(orf_triangles_cross(p[0], (uint32_t[]){ 0, 1, 2 },
                                          (uint32_t[]){ 3, 4, 5 }) == expected);
    }
    g_assert_cmpuint(crossing, >, 5000);
}

/* --- Meshes ------------------------------------------------------------------------------- */

static int64_t
count_plainly(const OrfMesh *mesh)
{
    int64_t found = 0;
    const uint32_t *t = orf_mesh_triangles(mesh);
    for (size_t a = 0; a < orf_mesh_n_triangles(mesh); a++)
        for (size_t b = 0; b < a; b++)
            found += !orf_triangle_collapsed(t + 3 * a) && !orf_triangle_collapsed(t + 3 * b) &&
                     orf_triangles_cross(orf_mesh_positions(mesh), t + 3 * a, t + 3 * b);
    return MIN(found, ORF_MAX_CROSSINGS);
}

/* Few places on a coarse grid make for every kind of contact; large ones for general position.
 */
static OrfMesh *
random_soup(GRand *random, int round)
{
    float positions[300];
    uint32_t triangles[600], n_vertices = (uint32_t)g_rand_int_range(random, 3, 101);
    size_t n = (size_t)g_rand_int_range(random, 0, 201);
    bool coarse = round % 2;
    for (size_t i = 0; i < 3 * n_vertices; i++)
        positions[i] = coarse ? (float)g_rand_int_range(random, 0, 5)
                              : (float)g_rand_double_range(random, -1e3, 1e3);
    for (size_t c = 0; c < 3 * n; c++)
        triangles[c] = (uint32_t)g_rand_int_range(random, 0, (int)n_vertices);
    return shape_new(positions, n_vertices, triangles, n);
}

static void
equals_all_pairs_on_random_soups(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(44);
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
    for (int round = 0; round < 1000; round++) {
        g_autoptr(OrfMesh) soup = random_soup(random, round);
        int64_t expected = count_plainly(soup), found = -1;
        g_assert_cmpint(count(soup), ==, expected);
        g_assert_true(orf_mesh_count_crossings(task, soup, &found, NULL));
        g_assert_cmpint(found, ==, expected);
    }
}

static int64_t
count_two_cubes(float x, float y, float z, float side)
{
    g_autoptr(OrfMesh) a = shape_cube(4, (float[3]){ 0, 0, 0 });
    g_autoptr(OrfMesh) b = shape_cube(side, (float[3]){ x, y, z });
    g_autoptr(OrfMesh) both = orf_mesh_join(NULL, (OrfMesh *[]){ a, b }, 2, false, NULL);
    g_autoptr(OrfMesh) welded = orf_mesh_weld(NULL, both, 0, NULL);
    return count(welded);
}

static void
bodies_cross_or_not(void)
{
    g_assert_cmpint(count_two_cubes(2, 1, 0.5f, 4), >, 0);
    g_assert_cmpint(count_two_cubes(1, 1, 1, 2), ==, 0); /* one inside the other */
    g_assert_cmpint(count_two_cubes(9, 0, 0, 4), ==, 0);
    g_assert_cmpint(count_two_cubes(4, 4, 4, 4), ==, 0); /* a corner in common */
    g_assert_cmpint(count_two_cubes(4, 4, 0, 4), ==, 0); /* an edge in common */
    g_assert_cmpint(count_two_cubes(4, 1, 1, 2), >, 0);  /* one stands on the other's side */
    g_autoptr(OrfMesh) ring = shape_torus(30, 10, 300, 150, 0.2f);
    g_assert_cmpint(count(ring), ==, 0);
    g_autoptr(OrfMesh) spindle = shape_torus(5, 10, 60, 30, 0);
    g_assert_cmpint(count(spindle), >, 0);
}

static void
counting_stops(void)
{
    OrfMesh *rings[2] = { shape_torus(30, 10, 1000, 800, 0), shape_torus(30, 10, 999, 801, 0) };
    g_autoptr(OrfMesh) both = orf_mesh_join(NULL, rings, 2, false, NULL);
    orf_mesh_unref(rings[0]);
    orf_mesh_unref(rings[1]);
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
    OrfMeasures measures;
    g_assert_true(orf_mesh_measure(task, both, true, &measures, NULL));
    g_assert_cmpint(measures.self_intersections, ==, ORF_MAX_CROSSINGS);
}

static void
stops_when_cancelled_and_stays_in_its_budget(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 200, 100);
    g_autoptr(OrfTask) task = orf_task_new(NULL),
                       small = orf_task_new(&(OrfTaskOptions){ .memory = 500000 });
    orf_task_cancel(task);
    g_autoptr(GError) error = NULL;
    int64_t n = -7;
    g_assert_false(orf_mesh_count_crossings(task, ball, &n, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
    g_clear_error(&error);
    g_assert_false(orf_mesh_count_crossings(small, ball, &n, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
    g_assert_cmpint(n, ==, -7);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/predicates/are-exact", predicates_are_exact);
    g_test_add_func("/mesh/predicates/do-not-depend-on-scale",
                    predicates_do_not_depend_on_scale);
    g_test_add_func("/mesh/predicates/see-one-unit-in-the-last-place",
                    predicates_see_one_unit_in_the_last_place);
    g_test_add_func("/mesh/intersect/pairs-are-judged-right-in-any-order",
                    pairs_are_judged_right_in_any_order);
    g_test_add_func("/mesh/intersect/random-pairs-agree-with-plain-geometry",
                    random_pairs_agree_with_plain_geometry);
    g_test_add_func("/mesh/intersect/equals-all-pairs-on-random-soups",
                    equals_all_pairs_on_random_soups);
    g_test_add_func("/mesh/intersect/pairs-that-touch-are-judged-the-same-from-both-sides",
                    pairs_that_touch_are_judged_the_same_from_both_sides);
    g_test_add_func("/mesh/intersect/bodies-cross-or-not", bodies_cross_or_not);
    g_test_add_func("/mesh/intersect/counting-stops", counting_stops);
    g_test_add_func("/mesh/intersect/stops-when-cancelled-and-stays-in-its-budget",
                    stops_when_cancelled_and_stays_in_its_budget);
    return g_test_run();
}
