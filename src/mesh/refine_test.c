/* SPDX-License-Identifier: Apache-2.0 */
#include "planar_test.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    double least, p01, p10; /* smallest angles of the triangles, degrees */
} Angles;

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double
smallest_angle(const float *points, const uint32_t *t)
{
    double least = 180;
    for (int k = 0; k < 3; k++) {
        const float *a = points + 2 * t[k], *b = points + 2 * t[(k + 1) % 3];
        const float *c = points + 2 * t[(k + 2) % 3];
        double ux = (double)b[0] - a[0], uy = (double)b[1] - a[1];
        double vx = (double)c[0] - a[0], vy = (double)c[1] - a[1];
        least = MIN(least, fabs(atan2(ux * vy - uy * vx, ux * vx + uy * vy)) * 180 / G_PI);
    }
    return least;
}

static Angles
angles_of(const OrfPlanarMesh *planar)
{
    size_t n = planar->n_triangles;
    g_autofree double *list = g_new(double, n);
    for (size_t t = 0; t < n; t++)
        list[t] = smallest_angle(planar->points, planar->triangles + 3 * t);
    qsort(list, n, sizeof *list, by_value);
    return (Angles){ list[0], list[n / 100], list[n / 10] };
}

static double
area_of(const OrfPlanarMesh *planar)
{
    double sum = 0;
    for (size_t t = 0; t < planar->n_triangles; t++) {
        const uint32_t *v = planar->triangles + 3 * t;
        const float *a = planar->points + 2 * v[0], *b = planar->points + 2 * v[1];
        const float *c = planar->points + 2 * v[2];
        sum += (((double)b[0] - a[0]) * ((double)c[1] - a[1]) -
                ((double)b[1] - a[1]) * ((double)c[0] - a[0])) /
               2;
    }
    return sum;
}

/* Heights that meet at the outline: the strictest case of lift. */
static void
check_lifts(const OrfPlanarMesh *planar)
{
    g_autofree float *front = g_new0(float, planar->n_points);
    g_autofree float *back = g_new0(float, planar->n_points);
    for (size_t i = planar->loop_start[planar->n_loops]; i < planar->n_points; i++) {
        front[i] = 1;
        back[i] = -1;
    }
    OrfSheets sheets = {
        planar->points, planar->n_points, planar->triangles, planar->n_triangles, front, back, 0
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfMesh) mesh = orf_mesh_lift(NULL, &sheets, NULL, false, &error);
    g_assert_no_error(error);
    OrfMeasures measures;
    g_assert_true(orf_mesh_measure(NULL, mesh, false, &measures, NULL));
    g_assert_true(orf_measures_solid(&measures));
    g_assert_cmpuint(measures.unreferenced, ==, 0);
}

static void
refine(const float *points, const uint32_t *starts, size_t n_loops, const OrfRefine *options,
       OrfPlanarMesh *ret)
{
    OrfPlanar outline = { points, starts[n_loops], starts, n_loops, NULL, 0 };
    g_autoptr(GError) error = NULL;
    g_assert_true(orf_planar_refine(NULL, &outline, options, ret, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(ret->n_loops, ==, n_loops);
    check_lifts(ret);
}

/* Points of a wobbly circle, like pixels give. */
static float *
ring_points(size_t n, double radius, double x, double y, double noise, bool clockwise)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    float *points = g_new(float, 2 * n);
    for (size_t i = 0; i < n; i++) {
        double angle = 2 * G_PI * (double)(clockwise ? n - i : i) / (double)n;
        double r = radius + g_rand_double_range(random, -1, 1) * noise;
        points[2 * i] = (float)(x + r * cos(angle));
        points[2 * i + 1] = (float)(y + r * sin(angle));
    }
    return points;
}

/* --- Cases -------------------------------------------------------------------------------- */

static void
a_disc_gets_good_triangles(void)
{
    g_autofree float *points = ring_points(700, 50, 0, 0, 0.1, false);
    uint32_t starts[] = { 0, 700 };
    g_auto(OrfPlanarMesh) planar = { 0 };
    refine(points, starts, 1, &(OrfRefine){ .edge_rim = 1 }, &planar);
    Angles angles = angles_of(&planar);
    g_test_message("disc: %zu points, smallest angles %.1f, 1 %% %.1f, 10 %% %.1f",
                   planar.n_points, angles.least, angles.p01, angles.p10);
    g_assert_cmpfloat(angles.least, >, 18);
    g_assert_cmpfloat(angles.p01, >, 25);
    g_assert_cmpfloat(angles.p10, >, 29);
    g_assert_cmpfloat_with_epsilon(area_of(&planar), G_PI * 2500, 20);
    uint32_t rim = planar.loop_start[1];
    g_assert_true(rim > 290 && rim < 380);
    g_assert_true(planar.n_points < 3000);
}

static void
corners_stay_where_they_are(void)
{
    static const float points[] = { 0, 0, 100, 0, 100, 60, 50, 20, 0, 60 };
    static const uint32_t starts[] = { 0, 5 };
    g_auto(OrfPlanarMesh) planar = { 0 };
    refine(points, starts, 1, &(OrfRefine){ .edge_rim = 3 }, &planar);
    for (int c = 0; c < 5; c++) {
        bool found = false;
        for (uint32_t i = 0; i < planar.loop_start[1]; i++)
            found |= planar.points[2 * i] == points[2 * c] &&
                     planar.points[2 * i + 1] == points[2 * c + 1];
        g_assert_true(found);
    }
    g_assert_cmpfloat_with_epsilon(area_of(&planar), 4000, 1e-2);
    g_assert_cmpfloat(angles_of(&planar).p10, >, 28);
}

static void
thin_walls_and_small_holes_survive_a_coarse_spacing(void)
{
    enum { N = 400 };
    g_autofree float *outer = ring_points(N, 50, 0, 0, 0, false);
    g_autofree float *inner = ring_points(N, 49.6, 0, 0, 0, true);
    g_autofree float *speck = ring_points(30, 0.1, 49.8, 0, 0, true);
    float points[2 * (2 * N + 30)];
    memcpy(points, outer, 2 * N * sizeof(float));
    memcpy(points + 2 * N, inner, 2 * N * sizeof(float));
    memcpy(points + 4 * N, speck, 60 * sizeof(float));
    static const uint32_t starts[] = { 0, N, 2 * N, 2 * N + 30 };
    g_auto(OrfPlanarMesh) planar = { 0 };
    refine(points, starts, 3, &(OrfRefine){ .edge_rim = 8 }, &planar);
    g_assert_cmpfloat_with_epsilon(area_of(&planar), G_PI * (2500 - 49.6 * 49.6), 5);
}

static void
random_masks_can_be_lifted(void)
{
    for (uint32_t seed = 1; seed <= 24; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        Outline outline = outline_of_noise(random, 12 + (int)seed, 0.4 + 0.007 * seed);
        for (int i = 0; i < 3 && outline.n_loops; i++) {
            g_auto(OrfPlanarMesh) planar = { 0 };
            OrfRefine options = { .edge_rim = (float[]){ 0.1f, 0.5f, 2 }[i],
                                  .keep_outline = seed % 3 == 0 };
            if (seed % 2)
                options.rings[0] = 0.05f, options.rings[1] = 0.15f;
            refine(outline.points, outline.loop_start, outline.n_loops, &options, &planar);
            if (options.keep_outline)
                g_assert_cmpint(
                    memcmp(planar.points, outline.points, 2 * sizeof(float) * outline.n_points),
                    ==, 0);
        }
        outline_clear(&outline);
    }
}

static void
points_stay_below_the_limit(void)
{
    g_autofree float *points = ring_points(700, 50, 0, 0, 0, false);
    uint32_t starts[] = { 0, 700 };
    g_auto(OrfPlanarMesh) planar = { 0 };
    refine(points, starts, 1,
           &(OrfRefine){ .edge_rim = 0.01f, .edge_inside = 0.01f, .max_points = 5000 },
           &planar);
    g_assert_cmpuint(planar.n_points, <, 5100);
    g_assert_cmpuint(planar.n_points, >, 1500);
}

static void
rings_lie_at_their_distance(void)
{
    g_autofree float *points = ring_points(700, 50, 0, 0, 0, false);
    uint32_t starts[] = { 0, 700 };
    g_auto(OrfPlanarMesh) planar = { 0 };
    refine(points, starts, 1, &(OrfRefine){ .edge_rim = 1, .rings = { 0.1f, 0.4f } }, &planar);
    size_t near = 0, far = 0, rim = planar.loop_start[1];
    for (size_t i = rim; i < planar.n_points; i++) {
        double depth = 50 - hypot(planar.points[2 * i], planar.points[2 * i + 1]);
        near += fabs(depth - 0.1) < 0.02;
        far += fabs(depth - 0.4) < 0.02;
    }
    g_assert_cmpuint(near, >, rim * 9 / 10);
    g_assert_cmpuint(far, >, rim * 9 / 10);
}

static void
hopeless_outlines_are_refused(void)
{
    static const float bow[] = { 0, 0, 10, 10, 10, 0, 0, 10 }, dot[8] = { 0 };
    static const float wild[] = { 0, 0, INFINITY, 0, 1, 1 };
    static const uint32_t four[] = { 0, 4 }, three[] = { 0, 3 };
    OrfPlanar cases[] = { { bow, 4, four, 1, NULL, 0 },
                          { dot, 4, four, 1, NULL, 0 },
                          { wild, 3, three, 1, NULL, 0 },
                          { bow, 4, four, 0, NULL, 0 } };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(OrfPlanarMesh) planar = { 0 };
        g_autoptr(GError) error = NULL;
        g_assert_false(orf_planar_refine(NULL, &cases[i], &(OrfRefine){ 0 }, &planar, &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
        g_assert_null(planar.points);
    }
}

static void
small_budgets_fail_politely(void)
{
    g_autofree float *points = ring_points(300, 50, 0, 0, 0, false);
    uint32_t starts[] = { 0, 300 };
    OrfPlanar outline = { points, 300, starts, 1, NULL, 0 };
    size_t done = 0;
    for (size_t budget = 1000; budget < 400000; budget += 7000) {
        g_auto(OrfPlanarMesh) planar = { 0 };
        g_autoptr(GError) error = NULL;
        OrfTask *task = orf_task_new(&(OrfTaskOptions){ .memory = budget });
        if (orf_planar_refine(task, &outline, &(OrfRefine){ .edge_rim = 2 }, &planar, &error))
            done++;
        else
            g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
        orf_task_unref(task);
    }
    g_assert_cmpuint(done, >, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/refine/a-disc-gets-good-triangles", a_disc_gets_good_triangles);
    g_test_add_func("/mesh/refine/corners-stay-where-they-are", corners_stay_where_they_are);
    g_test_add_func("/mesh/refine/thin-walls-and-small-holes-survive-a-coarse-spacing",
                    thin_walls_and_small_holes_survive_a_coarse_spacing);
    g_test_add_func("/mesh/refine/random-masks-can-be-lifted", random_masks_can_be_lifted);
    g_test_add_func("/mesh/refine/points-stay-below-the-limit", points_stay_below_the_limit);
    g_test_add_func("/mesh/refine/rings-lie-at-their-distance", rings_lie_at_their_distance);
    g_test_add_func("/mesh/refine/hopeless-outlines-are-refused",
                    hopeless_outlines_are_refused);
    g_test_add_func("/mesh/refine/small-budgets-fail-politely", small_budgets_fail_politely);
    return g_test_run();
}
