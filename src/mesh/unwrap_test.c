/* SPDX-License-Identifier: Apache-2.0 */
#include "planar_test.h"
#include "unwrap-check.h"

typedef struct {
    double stretch; /* limit of the 95 % */
    size_t pieces;  /* separate pieces of the surface beyond the first: one chart more each */
} Limits;

static UnwrapReport
check(const char *name, const OrfMesh *mesh, Limits limits)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfMesh) mapped = orf_mesh_unwrap(NULL, mesh, NULL, &error);
    g_assert_no_error(error);
    size_t n = orf_mesh_n_triangles(mesh);
    g_assert_cmpuint(orf_mesh_n_triangles(mapped), ==, n);
    g_assert_cmpint(memcmp(orf_mesh_triangles(mapped), orf_mesh_triangles(mesh), 12 * n), ==,
                    0);
    UnwrapReport report = unwrap_report(mapped);
    g_test_message("%s: %zu faces, %zu charts, %zu flipped, %zu pixels overlap, "
                   "stretch %.2f, %.0f %% used",
                   name, n, report.charts, report.flipped, report.overlap, report.stretch,
                   100 * report.used);
    g_assert_cmpuint(report.outside, ==, 0);
    g_assert_cmpuint(report.flipped, ==, 0);
    g_assert_cmpuint(report.overlap, ==, 0);
    g_assert_cmpfloat(report.stretch, <, limits.stretch);
    g_assert_cmpuint(report.charts, <=, n / 50 + 8 + limits.pieces);
    return report;
}

/* Moves every vertex by up to `amount` mm. */
static OrfMesh *
shaken(const OrfMesh *mesh, double amount)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(11);
    OrfMeshParts parts = { 0 };
    g_assert_true(orf_mesh_copy_parts(NULL, mesh, &parts, NULL));
    for (size_t i = 0; i < 3 * parts.n_vertices; i++)
        parts.positions[i] += (float)g_rand_double_range(random, -amount, amount);
    return orf_mesh_new_take(&parts, NULL);
}

/* An inflated (or with `wall` > 0 extruded) outline of noise. */
static OrfMesh *
noise_body(uint32_t seed, int side, float edge, float wall)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    Outline outline = outline_of_noise(random, side, 0.52);
    OrfPlanar loops = {
        outline.points, outline.n_points, outline.loop_start, outline.n_loops, NULL, 0
    };
    g_auto(OrfPlanarMesh) planar = { 0 };
    g_assert_true(
        orf_planar_refine(NULL, &loops, &(OrfRefine){ .edge_rim = edge }, &planar, NULL));
    g_autoptr(OrfNear) near = orf_near_new(NULL, &planar, 1, NULL);
    g_autofree float *front = g_new0(float, planar.n_points);
    g_autofree float *back = g_new0(float, planar.n_points);
    for (size_t i = 0; i < planar.n_points; i++) {
        double depth =
            i < planar.loop_start[planar.n_loops]
                ? 0
                : orf_near_distance(near, planar.points[2 * i], planar.points[2 * i + 1]);
        front[i] = wall + (float)sqrt(2 * depth);
        back[i] = wall > 0 ? 0 : -front[i];
    }
    OrfSheets sheets = {
        planar.points, planar.n_points, planar.triangles, planar.n_triangles, front, back, 0
    };
    OrfMesh *mesh = orf_mesh_lift(NULL, &sheets, NULL, false, NULL);
    outline_clear(&outline);
    return mesh;
}

static size_t
shells_of(const OrfMesh *mesh)
{
    OrfMeasures measures;
    g_assert_true(orf_mesh_measure(NULL, mesh, false, &measures, NULL));
    return measures.shells;
}

/* --- Cases -------------------------------------------------------------------------------- */

static void
a_cube_has_six_square_charts(void)
{
    g_autoptr(OrfMesh) cube = shape_cube(10, (float[]){ 0, 0, 0 });
    UnwrapReport report = check("cube", cube, (Limits){ 1.01, 0 });
    g_assert_cmpuint(report.charts, ==, 6);
    g_assert_cmpfloat(report.used, >, 0.6);
}

static void
round_bodies_keep_their_promises(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(20, 60, 40), ring = shape_torus(30, 10, 120, 40, 0.2f);
    g_autoptr(OrfMesh) rough = shaken(ball, 0.3);
    check("ball", ball, (Limits){ 2, 0 });
    check("ring", ring, (Limits){ 2, 0 });
    check("rough ball", rough, (Limits){ 2, 0 });
}

static void
bodies_from_outlines_keep_their_promises(void)
{
    for (uint32_t seed = 1; seed <= 6; seed++) {
        g_autoptr(OrfMesh) puffed = noise_body(seed, 20, 0.25f, 0);
        g_autoptr(OrfMesh) plate = noise_body(seed, 20, 0.5f, 2);
        check("puffed", puffed, (Limits){ 2, shells_of(puffed) });
        check("plate", plate, (Limits){ 2, shells_of(plate) });
    }
}

/* A prism over a star with few faces: many walls, which must share charts. */
static OrfMesh *
star_prism(void)
{
    enum { N = 40 };
    float points[2 * N], front[N], back[N];
    for (int i = 0; i < N; i++) {
        double angle = 2 * G_PI * i / N, radius = i % 2 ? 10 : 20;
        points[2 * i] = (float)(radius * cos(angle));
        points[2 * i + 1] = (float)(radius * sin(angle));
        front[i] = 5;
        back[i] = 0;
    }
    uint32_t starts[] = { 0, N };
    size_t n;
    orf_autofree uint32_t *triangles =
        orf_triangulate(NULL, &(OrfPlanar){ points, N, starts, 1, NULL, 0 }, &n, NULL);
    OrfSheets sheets = { points, N, triangles, n, front, back, 0 };
    return orf_mesh_lift(NULL, &sheets, NULL, false, NULL);
}

static void
walls_of_a_star_share_charts(void)
{
    g_autoptr(OrfMesh) star = star_prism();
    check("star", star, (Limits){ 2, 0 });
}

/* Cuts every second triangle at the middle of its first side and closes the gap to the
 * neighbour there with a triangle that has no area, as CAD programs do. */
static OrfMesh *
with_needles(const OrfMesh *mesh)
{
    size_t n = orf_mesh_n_triangles(mesh), v = orf_mesh_n_vertices(mesh), t = 0;
    OrfMeshParts parts = { .positions = ORF_ALLOC(NULL, float, 3 * (v + n), "test", NULL),
                           .triangles = ORF_ALLOC(NULL, uint32_t, 9 * n, "test", NULL) };
    memcpy(parts.positions, orf_mesh_positions(mesh), 12 * v);
    for (size_t i = 0; i < n; i++) {
        const uint32_t *c = orf_mesh_triangles(mesh) + 3 * i;
        if (i % 2) {
            memcpy(parts.triangles + 3 * t++, c, 12);
            continue;
        }
        uint32_t m = (uint32_t)v++;
        for (uint32_t k = 0; k < 3; k++)
            parts.positions[3 * m + k] =
                (parts.positions[3 * c[0] + k] + parts.positions[3 * c[1] + k]) / 2;
        memcpy(parts.triangles + 3 * t,
               (uint32_t[]){ c[0], m, c[2], m, c[1], c[2], c[0], c[1], m }, 36);
        t += 3;
    }
    parts.n_vertices = v;
    parts.n_triangles = t;
    return orf_mesh_new_take(&parts, NULL);
}

static void
faces_without_area_hide_no_overlap(void)
{
    g_autoptr(OrfMesh) star = star_prism(), needled = with_needles(star);
    check("needled star", needled, (Limits){ 2, 8 });
    g_autoptr(OrfMesh) plate = noise_body(3, 20, 0.5f, 2), needled_plate = with_needles(plate);
    check("needled plate", needled_plate, (Limits){ 2, shells_of(plate) + 20 });
}

/* A ramp that winds up: seen from above it covers itself. */
static void
a_spiral_does_not_cover_itself(void)
{
    enum { TURNS = 5, STEPS = 60, N = TURNS * STEPS };
    float positions[6 * (N + 1)];
    uint32_t triangles[6 * N];
    for (uint32_t i = 0; i <= N; i++) {
        double angle = 2 * G_PI * i / STEPS;
        for (int k = 0; k < 2; k++) {
            positions[6 * i + 3 * k] = (float)((k ? 20 : 10) * cos(angle));
            positions[6 * i + 3 * k + 1] = (float)(2 * angle);
            positions[6 * i + 3 * k + 2] = (float)((k ? 20 : 10) * sin(angle));
        }
        if (i < N)
            memcpy(triangles + 6 * i,
                   (uint32_t[]){ 2 * i, 2 * i + 2, 2 * i + 1, 2 * i + 1, 2 * i + 2, 2 * i + 3 },
                   24);
    }
    g_autoptr(OrfMesh) ramp = shape_new(positions, 2 * (N + 1), triangles, 2 * N);
    check("spiral", ramp, (Limits){ 2, 0 });
}

static void
bad_meshes_are_mapped_all_the_same(void)
{
    static const float fan[] = { 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, -1, 0, 0, 5, 5, 5 };
    static const uint32_t wings[] = { 0, 1, 2, 1, 0, 3, 0, 1, 4, 5, 5, 5, 0, 2, 2, 3, 4, 0 };
    g_autoptr(OrfMesh) book =
        shape_new(fan, 6, wings, 6); /* three at one edge, two collapsed */
    check("book", book, (Limits){ 2, 0 });
    g_autoptr(OrfMesh) ball = shape_ball(20, 30, 20);
    g_autoptr(OrfMesh) soup = shape_soup(ball, NULL);
    check("soup", soup, (Limits){ 2, orf_mesh_n_triangles(soup) });
    g_autoptr(OrfMesh) crumpled = shaken(ball, 8);
    check("crumpled", crumpled, (Limits){ 4, orf_mesh_n_triangles(soup) });
    static const float flat[] = { 0, 0, 0, 1, 0, 0, 2, 0, 0 };
    static const uint32_t line[] = { 0, 1, 2 };
    g_autoptr(OrfMesh) needle = shape_new(flat, 3, line, 1);
    check("needle", needle, (Limits){ 2, 0 });
}

/* All triangles meet in one point, the worst case for anything that lists neighbours. */
static void
a_large_fan_is_one_chart(void)
{
    enum { N = 700 };
    float positions[3 * (N + 1)] = { 0 };
    uint32_t triangles[3 * N];
    for (uint32_t i = 0; i < N; i++) {
        positions[3 * i + 3] = (float)cos(2 * G_PI * i / N);
        positions[3 * i + 4] = (float)sin(2 * G_PI * i / N);
        memcpy(triangles + 3 * i, (uint32_t[]){ 0, i + 1, (i + 1) % N + 1 }, 12);
    }
    g_autoptr(OrfMesh) fan = shape_new(positions, N + 1, triangles, N);
    g_assert_cmpuint(check("fan", fan, (Limits){ 1.01, 0 }).charts, ==, 1);
}

static void
an_empty_mesh_is_refused(void)
{
    g_autoptr(OrfMesh) empty = shape_new(NULL, 0, NULL, 0);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_mesh_unwrap(NULL, empty, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
}

static void
cancelling_and_small_budgets_fail_politely(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(20, 60, 40);
    for (size_t budget = 100000; budget < 2000000; budget += 150000) {
        g_autoptr(GError) error = NULL;
        OrfTask *task = orf_task_new(&(OrfTaskOptions){ .memory = budget });
        g_autoptr(OrfMesh) mapped = orf_mesh_unwrap(task, ball, NULL, &error);
        if (!mapped)
            g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
        orf_task_unref(task);
    }
    g_autoptr(GError) error = NULL;
    OrfTask *task = orf_task_new(NULL);
    orf_task_cancel(task);
    g_assert_null(orf_mesh_unwrap(task, ball, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
    orf_task_unref(task);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/unwrap/a-cube-has-six-square-charts", a_cube_has_six_square_charts);
    g_test_add_func("/mesh/unwrap/round-bodies-keep-their-promises",
                    round_bodies_keep_their_promises);
    g_test_add_func("/mesh/unwrap/bodies-from-outlines-keep-their-promises",
                    bodies_from_outlines_keep_their_promises);
    g_test_add_func("/mesh/unwrap/walls-of-a-star-share-charts", walls_of_a_star_share_charts);
    g_test_add_func("/mesh/unwrap/faces-without-area-hide-no-overlap",
                    faces_without_area_hide_no_overlap);
    g_test_add_func("/mesh/unwrap/a-spiral-does-not-cover-itself",
                    a_spiral_does_not_cover_itself);
    g_test_add_func("/mesh/unwrap/bad-meshes-are-mapped-all-the-same",
                    bad_meshes_are_mapped_all_the_same);
    g_test_add_func("/mesh/unwrap/a-large-fan-is-one-chart", a_large_fan_is_one_chart);
    g_test_add_func("/mesh/unwrap/an-empty-mesh-is-refused", an_empty_mesh_is_refused);
    g_test_add_func("/mesh/unwrap/cancelling-and-small-budgets-fail-politely",
                    cancelling_and_small_budgets_fail_politely);
    return g_test_run();
}
