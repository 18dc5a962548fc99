/* SPDX-License-Identifier: Apache-2.0 */
#include "planar_test.h"

#include <string.h>

/* --- The plain check: every promise of the contract, by brute force ----------------------- */

static double
area2(const float *p, const uint32_t *t)
{
    const float *a = p + 2 * t[0], *b = p + 2 * t[1], *c = p + 2 * t[2];
    return ((double)b[0] - a[0]) * ((double)c[1] - a[1]) -
           ((double)b[1] - a[1]) * ((double)c[0] - a[0]);
}

static double
loops_area2(const OrfPlanar *planar)
{
    double sum = 0;
    for (size_t loop = 0; loop < planar->n_loops; loop++) {
        uint32_t begin = planar->loop_start[loop], end = planar->loop_start[loop + 1];
        for (uint32_t i = begin; i < end; i++) {
            const float *a = planar->points + 2 * i;
            const float *b = planar->points + 2 * (i + 1 < end ? i + 1 : begin);
            sum += (double)a[0] * b[1] - (double)a[1] * b[0];
        }
    }
    return sum;
}

/* Directed edge "from to" -> index of the corner opposite it, plus 1. */
static GHashTable *
edge_table(const uint32_t *triangles, size_t n)
{
    GHashTable *table = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    for (size_t c = 0; c < 3 * n; c++) {
        size_t next = c % 3 == 2 ? c - 2 : c + 1, prev = c % 3 == 0 ? c + 2 : c - 1;
        gint64 *key = g_new(gint64, 1);
        *key = (gint64)triangles[c] << 32 | triangles[next];
        g_assert_true(g_hash_table_insert(table, key, GSIZE_TO_POINTER(prev + 1)));
    }
    return table;
}

static size_t
opposite(GHashTable *edges, uint32_t from, uint32_t to)
{
    gint64 key = (gint64)from << 32 | to;
    return GPOINTER_TO_SIZE(g_hash_table_lookup(edges, &key));
}

static bool
is_constraint(const OrfPlanar *planar, uint32_t a, uint32_t b)
{
    for (size_t loop = 0; loop < planar->n_loops; loop++) {
        uint32_t begin = planar->loop_start[loop], end = planar->loop_start[loop + 1];
        for (uint32_t i = begin; i < end; i++) {
            uint32_t j = i + 1 < end ? i + 1 : begin;
            if ((i == a && j == b) || (i == b && j == a))
                return true;
        }
    }
    for (size_t i = 0; i < planar->n_segments; i++) {
        const uint32_t *s = planar->segments + 2 * i;
        if ((s[0] == a && s[1] == b) || (s[0] == b && s[1] == a))
            return true;
    }
    return false;
}

/* How far d lies inside the circle of a, b, c, against rounding. */
static bool
clearly_in_circle(const float *a, const float *b, const float *c, const float *d)
{
    long double ax = (long double)a[0] - d[0], ay = (long double)a[1] - d[1];
    long double bx = (long double)b[0] - d[0], by = (long double)b[1] - d[1];
    long double cx = (long double)c[0] - d[0], cy = (long double)c[1] - d[1];
    long double la = ax * ax + ay * ay, lb = bx * bx + by * by, lc = cx * cx + cy * cy;
    long double det =
        la * (bx * cy - by * cx) + lb * (cx * ay - cy * ax) + lc * (ax * by - ay * bx);
    return det > 1e-6L * (la * lb + lb * lc + lc * la);
}

static void
check_delaunay(const OrfPlanar *planar, GHashTable *edges, const uint32_t *triangles, size_t n)
{
    const float *p = planar->points;
    for (size_t c = 0; c < 3 * n; c++) {
        uint32_t a = triangles[c], b = triangles[c % 3 == 2 ? c - 2 : c + 1];
        uint32_t apex = triangles[c % 3 == 0 ? c + 2 : c - 1];
        size_t across = opposite(edges, b, a);
        if (!across || is_constraint(planar, a, b))
            continue;
        const float *beyond = p + 2 * triangles[across - 1];
        g_assert_false(clearly_in_circle(p + 2 * a, p + 2 * b, p + 2 * apex, beyond));
    }
}

static void
check_loops_are_edges(const OrfPlanar *planar, GHashTable *edges)
{
    for (size_t loop = 0; loop < planar->n_loops; loop++) {
        uint32_t begin = planar->loop_start[loop], end = planar->loop_start[loop + 1];
        for (uint32_t i = begin; i < end; i++) {
            uint32_t j = i + 1 < end ? i + 1 : begin;
            g_assert_true(opposite(edges, i, j) || opposite(edges, j, i));
        }
    }
}

/* Loops must be apart from each other, outer ones counter-clockwise and holes clockwise. */
static void
check(const OrfPlanar *planar)
{
    g_autoptr(GError) error = NULL;
    size_t n = 0;
    orf_autofree uint32_t *triangles = orf_triangulate(NULL, planar, &n, &error);
    g_assert_no_error(error);
    double sum = 0;
    for (size_t t = 0; t < n; t++) {
        double area = area2(planar->points, triangles + 3 * t);
        g_assert_cmpfloat(area, >, -1e-6);
        sum += area;
    }
    double wanted = loops_area2(planar);
    g_assert_cmpfloat_with_epsilon(sum, wanted, 1e-6 * wanted + 1e-9);
    g_autoptr(GHashTable) edges = edge_table(triangles, n);
    check_loops_are_edges(planar, edges);
    check_delaunay(planar, edges, triangles, n);
}

/* --- Cases -------------------------------------------------------------------------------- */

static const float square[] = { 0, 0, 10, 0, 10, 10, 0, 10 };
static const uint32_t one_loop[] = { 0, 4 };

static void
a_square_is_two_triangles(void)
{
    size_t n;
    orf_autofree uint32_t *triangles =
        orf_triangulate(NULL, &(OrfPlanar){ square, 4, one_loop, 1, NULL, 0 }, &n, NULL);
    g_assert_cmpuint(n, ==, 2);
    g_assert_nonnull(triangles);
}

static void
clockwise_outline_counts_as_inside(void)
{
    static const float points[] = { 0, 10, 10, 10, 10, 0, 0, 0 };
    size_t n;
    orf_autofree uint32_t *triangles =
        orf_triangulate(NULL, &(OrfPlanar){ points, 4, one_loop, 1, NULL, 0 }, &n, NULL);
    g_assert_cmpuint(n, ==, 2);
    for (size_t t = 0; t < n; t++)
        g_assert_cmpfloat(area2(points, triangles + 3 * t), >, 0);
}

static void
holes_stay_open_and_islands_are_filled(void)
{
    static const float points[] = { 0, 0, 10, 0, 10, 10, 0, 10, /* outer */
                                    2, 2, 2,  8, 8,  8,  8, 2,  /* hole */
                                    4, 4, 6,  4, 6,  6,  4, 6 };
    static const uint32_t starts[] = { 0, 4, 8, 12 };
    check(&(OrfPlanar){ points, 12, starts, 3, NULL, 0 });
}

/* A comb: every tooth is cut by the plain Delaunay triangles of its points. */
static void
long_constraints_cut_through(void)
{
    g_autoptr(GArray) points = g_array_new(FALSE, FALSE, sizeof(float));
    enum { TEETH = 40 };
    for (int i = 0; i < TEETH; i++) {
        float pair[8] = { (float)i,        0,  (float)i + 0.3f, 50,
                          (float)i + 0.6f, 50, (float)i + 0.9f, 0 };
        g_array_append_vals(points, pair, 8);
    }
    float closing[4] = { TEETH, -1, 0, -1 };
    g_array_append_vals(points, closing, 4);
    uint32_t starts[] = { 0, points->len / 2 };
    float *p = (float *)points->data;
    for (guint i = 0; i < points->len / 2; i++) { /* left to right is clockwise here: mirror */
        p[2 * i + 1] = -p[2 * i + 1];
    }
    check(&(OrfPlanar){ p, points->len / 2, starts, 1, NULL, 0 });
}

static void
random_blobs_keep_every_promise(void)
{
    for (uint32_t seed = 1; seed <= 60; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        Outline outline = outline_of_noise(random, 12 + (int)seed, 0.35 + 0.005 * seed);
        if (outline.n_loops) {
            scatter_free_points(&outline, random, (int)(seed % 4) * 50);
            check(&(OrfPlanar){ outline.points, outline.n_points, outline.loop_start,
                                outline.n_loops, NULL, 0 });
        }
        outline_clear(&outline);
    }
}

/* Spokes of random length from the centre: segments that share points and cut many triangles.
 */
static void
segments_become_edges(void)
{
    enum { SPOKES = 30, NOISE = 400, N = 4 + 1 + SPOKES + NOISE };
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    float points[2 * N] = { 0, 0, 100, 0, 100, 100, 0, 100, 50, 50 };
    uint32_t segments[2 * SPOKES];
    for (int i = 0; i < SPOKES; i++) {
        double angle = 2 * G_PI * i / SPOKES, length = g_rand_double_range(random, 20, 48);
        points[2 * (5 + i)] = (float)(50 + length * cos(angle));
        points[2 * (5 + i) + 1] = (float)(50 + length * sin(angle));
        segments[2 * i] = 4;
        segments[2 * i + 1] = (uint32_t)(5 + i);
    }
    for (int i = 2 * (5 + SPOKES); i < 2 * N; i++)
        points[i] = (float)g_rand_double_range(random, 1, 99);
    OrfPlanar planar = { points, N, one_loop, 1, segments, SPOKES };
    check(&planar);
    size_t n;
    orf_autofree uint32_t *triangles = orf_triangulate(NULL, &planar, &n, NULL);
    g_autoptr(GHashTable) edges = edge_table(triangles, n);
    for (int i = 0; i < SPOKES; i++)
        g_assert_true(opposite(edges, 4, segments[2 * i + 1]));
}

static void
grids_full_of_ties_terminate(void)
{
    enum { SIDE = 60 };
    g_autofree float *points = g_new(float, 2 * (4 + SIDE * SIDE));
    float frame[8] = { -1, -1, SIDE, -1, SIDE, SIDE, -1, SIDE };
    memcpy(points, frame, sizeof frame);
    for (int i = 0; i < SIDE * SIDE; i++) {
        points[8 + 2 * i] = (float)(i % SIDE);
        points[8 + 2 * i + 1] = (float)(i / SIDE);
    }
    uint32_t diagonal[] = { 4, 4 + SIDE * SIDE - 1, 5, 4 + 7 * SIDE + 30 };
    check(&(OrfPlanar){ points, 4 + SIDE * SIDE, one_loop, 1, diagonal, 2 });
}

static void
free_points_at_the_same_place_are_merged(void)
{
    static const float points[] = { 0, 0, 10, 0, 10, 10, 0, 10, 5, 5, 5, 5, 10, 10 };
    size_t n;
    orf_autofree uint32_t *triangles =
        orf_triangulate(NULL, &(OrfPlanar){ points, 7, one_loop, 1, NULL, 0 }, &n, NULL);
    g_assert_cmpuint(n, ==, 4);
    for (size_t i = 0; i < 3 * n; i++) /* the outline's own point 2, never its double 6 */
        g_assert_cmpuint(triangles[i], !=, 6);
}

static void
a_hole_that_touches_splits_the_edge(void)
{
    static const float points[] = { 0, 0, 10, 0, 10, 10, 0, 10, 5, 0, 3, 5, 7, 5 };
    static const uint32_t starts[] = { 0, 4, 7 };
    OrfPlanar planar = { points, 7, starts, 2, NULL, 0 };
    size_t n;
    orf_autofree uint32_t *triangles = orf_triangulate(NULL, &planar, &n, NULL);
    double sum = 0;
    for (size_t t = 0; t < n; t++)
        sum += area2(points, triangles + 3 * t);
    g_assert_cmpfloat_with_epsilon(sum, 200 - 20, 1e-9);
    g_autoptr(GHashTable) edges = edge_table(triangles, n);
    g_assert_true(opposite(edges, 0, 4) && opposite(edges, 4, 1));
}

static void
wrong_outlines_are_named(void)
{
    static const float bow[] = { 0, 0, 10, 10, 10, 0, 0, 10 };
    static const float doubled[] = { 0, 0, 10, 0, 10, 0, 10, 10 };
    static const float spot[] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    static const float hole[] = { 0, 0, NAN, 0, 10, 10, 0, 10 };
    static const uint32_t two_loops[] = { 0, 2, 4 }, far[] = { 0, 9 };
    static const struct {
        OrfPlanar planar;
        const char *says;
    } cases[] = {
        { { bow, 4, one_loop, 1, NULL, 0 }, "crosses loop 0 at (5, 5)" },
        { { doubled, 4, one_loop, 1, NULL, 0 }, "points 1 and 2" },
        { { spot, 4, one_loop, 1, NULL, 0 }, "coincide" },
        { { hole, 4, one_loop, 1, NULL, 0 }, "finite" },
        { { square, 4, two_loops, 2, NULL, 0 }, "fewer than 3" },
        { { square, 4, far, 1, NULL, 0 }, "do not fit" },
        { { square, 4, one_loop, 1, far, 1 }, "segment 0 names point 9" },
        { { square, 4, one_loop, 0, NULL, 0 }, "do not fit" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        size_t n = 77;
        g_assert_null(orf_triangulate(NULL, &cases[i].planar, &n, &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
        g_assert_nonnull(strstr(error->message, cases[i].says));
        g_assert_cmpuint(n, ==, 77);
    }
}

static void
small_budgets_and_cancelling_fail_politely(void)
{
    OrfPlanar planar = { square, 4, one_loop, 1, NULL, 0 };
    size_t n;
    for (size_t budget = 1; budget < 1200; budget += 50) {
        g_autoptr(GError) error = NULL;
        OrfTask *task = orf_task_new(&(OrfTaskOptions){ .memory = budget });
        orf_autofree uint32_t *triangles = orf_triangulate(task, &planar, &n, &error);
        if (!triangles)
            g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
        orf_task_unref(task);
    }
    g_autoptr(GError) error = NULL;
    OrfTask *task = orf_task_new(NULL);
    orf_task_cancel(task);
    g_assert_null(orf_triangulate(task, &planar, &n, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
    orf_task_unref(task);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/triangulate/a-square-is-two-triangles", a_square_is_two_triangles);
    g_test_add_func("/mesh/triangulate/clockwise-outline-counts-as-inside",
                    clockwise_outline_counts_as_inside);
    g_test_add_func("/mesh/triangulate/holes-stay-open-and-islands-are-filled",
                    holes_stay_open_and_islands_are_filled);
    g_test_add_func("/mesh/triangulate/long-constraints-cut-through",
                    long_constraints_cut_through);
    g_test_add_func("/mesh/triangulate/random-blobs-keep-every-promise",
                    random_blobs_keep_every_promise);
    g_test_add_func("/mesh/triangulate/segments-become-edges", segments_become_edges);
    g_test_add_func("/mesh/triangulate/grids-full-of-ties-terminate",
                    grids_full_of_ties_terminate);
    g_test_add_func("/mesh/triangulate/free-points-at-the-same-place-are-merged",
                    free_points_at_the_same_place_are_merged);
    g_test_add_func("/mesh/triangulate/a-hole-that-touches-splits-the-edge",
                    a_hole_that_touches_splits_the_edge);
    g_test_add_func("/mesh/triangulate/wrong-outlines-are-named", wrong_outlines_are_named);
    g_test_add_func("/mesh/triangulate/small-budgets-and-cancelling-fail-politely",
                    small_budgets_and_cancelling_fail_politely);
    return g_test_run();
}
