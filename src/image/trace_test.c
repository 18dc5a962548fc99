/* trace_test.c - outlines close, never meet, keep their area, their holes and their corners.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image-priv.h"

#include <math.h>

/* Signed px^2, y up. */
static double
loop_area(const OrfOutline *outline, size_t loop)
{
    const OrfPoint *point = outline->points + outline->start[loop];
    size_t n = outline->start[loop + 1] - outline->start[loop];
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        OrfPoint a = point[i], b = point[i + 1 < n ? i + 1 : 0];
        sum += (double)b.x * a.y - (double)a.x * b.y;
    }
    return sum / 2;
}

static OrfImage *
blank_mask(unsigned width, unsigned height)
{
    return orf_image_blank(NULL, width, height, 1, ORF_F32, "test", NULL);
}

static OrfOutline *
trace(const OrfImage *mask, const OrfTraceOptions *options)
{
    g_autoptr(GError) error = NULL;
    OrfOutline *outline = orf_image_trace(NULL, mask, options, &error);
    g_assert_no_error(error);
    return outline;
}

/* --- Random masks: smooth, noisy, of two values, with infinities -------------------------- */

static OrfImage *
random_mask(GRand *random, unsigned width, unsigned height, int kind)
{
    g_autoptr(OrfImage) noise = blank_mask(width, height);
    for (unsigned i = 0; i < width * height; i++)
        ((float *)noise->pixels)[i] = (float)g_rand_double(random);
    g_autoptr(OrfImage) mask =
        kind % 3 ? orf_image_blur(NULL, noise, kind % 3, NULL) : orf_image_ref(noise);
    for (unsigned i = 0; kind >= 3 && i < width * height; i++)
        ((float *)mask->pixels)[i] = ((float *)mask->pixels)[i] > 0.5f;
    for (unsigned i = 0; kind == 0 && i < width * height; i += 7)
        ((float *)mask->pixels)[i] = i % 2 ? NAN : i % 3 ? INFINITY : 0.5f;
    return g_steal_pointer(&mask);
}

/* --- The plain test of meeting: every pair of edges, in integers -------------------------- */

typedef struct {
    int64_t x, y;
} Whole;

static Whole
whole(const OrfOutline *outline, size_t i)
{
    double x = (double)outline->points[i].x * 256, y = (double)outline->points[i].y * 256;
    g_assert_true(x == floor(x) && y == floor(y));
    return (Whole){ (int64_t)x, (int64_t)y };
}

static int
side(Whole a, Whole b, Whole p)
{
    int64_t area = (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
    return (area > 0) - (area < 0);
}

static bool
between(Whole a, Whole b, Whole p)
{
    return side(a, b, p) == 0 && p.x >= MIN(a.x, b.x) && p.x <= MAX(a.x, b.x) &&
           p.y >= MIN(a.y, b.y) && p.y <= MAX(a.y, b.y);
}

static bool
meet(Whole a, Whole b, Whole c, Whole d)
{
    if (side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0)
        return true;
    return between(a, b, c) || between(a, b, d) || between(c, d, a) || between(c, d, b);
}

typedef struct {
    Whole a, b;
    size_t from, to; /* point numbers */
} Edge;

static Edge *
all_edges(const OrfOutline *outline)
{
    Edge *edges = g_new(Edge, outline->n_points + 1);
    for (size_t loop = 0; loop < outline->n_loops; loop++)
        for (size_t i = outline->start[loop]; i < outline->start[loop + 1]; i++) {
            size_t to = i + 1 < outline->start[loop + 1] ? i + 1 : outline->start[loop];
            edges[i] = (Edge){ whole(outline, i), whole(outline, to), i, to };
        }
    return edges;
}

static void
assert_never_meets(const OrfOutline *outline)
{
    g_autofree Edge *edge = all_edges(outline);
    for (size_t i = 0; i < outline->n_points; i++)
        for (size_t j = i + 1; j < outline->n_points; j++) {
            Edge e = edge[i], f = edge[j];
            if (e.to == f.from && f.to == e.from)
                g_assert_not_reached(); /* a loop of two points */
            else if (e.to == f.from)
                g_assert_false(between(e.a, e.b, f.b) || between(f.a, f.b, e.a));
            else if (f.to == e.from)
                g_assert_false(between(f.a, f.b, e.b) || between(e.a, e.b, f.a));
            else
                g_assert_false(meet(e.a, e.b, f.a, f.b));
        }
}

static double
total_area(const OrfOutline *outline)
{
    double sum = 0;
    for (size_t loop = 0; loop < outline->n_loops; loop++) {
        g_assert_cmpuint(outline->start[loop + 1] - outline->start[loop], >=, 3);
        sum += loop_area(outline, loop);
    }
    return sum;
}

static void
loops_never_meet(void)
{
    static const OrfTraceOptions options[] = { { .min_area = 0.001f },
                                               { .min_area = 0.001f, .tolerance = 0.4f },
                                               { .tolerance = 3 },
                                               { .tolerance = 0.6f, .smooth = 12 },
                                               { .smooth = 5, .corner_angle = 20 },
                                               { .level = 0.3f, .tolerance = 0.2f } };
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    for (int round = 0; round < 240; round++) {
        unsigned w = (unsigned)g_rand_int_range(random, 1, 34);
        unsigned h = (unsigned)g_rand_int_range(random, 1, 34);
        g_autoptr(OrfImage) mask = random_mask(random, w, h, round % 6);
        for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
            g_autoptr(OrfOutline) outline = trace(mask, &options[i]);
            g_assert_cmpuint(outline->start[outline->n_loops], ==, outline->n_points);
            assert_never_meets(outline);
            total_area(outline);
        }
    }
}

/* --- Area --------------------------------------------------------------------------------- */

/* Inside share of the picture, sampled 9 x 9 in each cell with the two triangles of each corner
 * left out: bilinear interpolation, which marching squares approximates. */
static double
sampled_area(const OrfImage *mask)
{
    int width = (int)mask->width, height = (int)mask->height, hits = 0;
    const float *v = orf_image_f32(mask);
    for (int y = -9; y < 9 * height; y++)
        for (int x = -9; x < 9 * width; x++) {
            double fx = (x + 0.5) / 9, fy = (y + 0.5) / 9, sum = 0;
            for (int k = 0; k < 4; k++) {
                int u = (int)floor(fx) + k % 2, w = (int)floor(fy) + k / 2;
                bool in = u >= 0 && w >= 0 && u < width && w < height;
                sum += in ? v[w * width + u] * (1 - fabs(fx - u)) * (1 - fabs(fy - w)) : 0;
            }
            hits += sum >= 0.5;
        }
    return hits / 81.;
}

static void
areas_sum_to_the_mask(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(8);
    for (int round = 0; round < 20; round++) {
        g_autoptr(OrfImage) noise = random_mask(random, 60, 50, 2);
        g_autoptr(OrfImage) mask = orf_image_blur(NULL, noise, 2, NULL);
        double truth = sampled_area(mask);
        g_autoptr(OrfOutline) all = trace(mask, &(OrfTraceOptions){ .min_area = 0.01f });
        g_assert_cmpfloat_with_epsilon(total_area(all), truth, 0.015 * 3000);
        g_autoptr(OrfOutline) few =
            trace(mask, &(OrfTraceOptions){ .min_area = 0.01f, .tolerance = 0.3f });
        g_assert_cmpfloat_with_epsilon(total_area(few), total_area(all), 0.015 * 3000);
        g_assert_cmpuint(few->n_points, <, all->n_points * 2 / 3);
    }
}

/* --- Shapes that are known ---------------------------------------------------------------- */

/* Coverage of each pixel by the half planes dx * (x - px) + dy * (y - py) <= 0, 8 x 8 samples.
 */
static OrfImage *
convex_mask(unsigned size, const double (*plane)[4], int n)
{
    OrfImage *mask = blank_mask(size, size);
    for (unsigned i = 0; i < size * size; i++) {
        int hits = 0;
        for (int k = 0; k < 256; k++) {
            double x = i % size + (k % 16 + 0.5) / 16, y = i / size + (k / 16 + 0.5) / 16;
            bool in = true;
            for (int p = 0; p < n; p++)
                in &= plane[p][0] * (x - plane[p][2]) + plane[p][1] * (y - plane[p][3]) <= 0;
            hits += in;
        }
        ((float *)mask->pixels)[i] = (float)hits / 256;
    }
    return mask;
}

static double
nearest_corner(const OrfOutline *outline, double x, double y)
{
    double least = INFINITY;
    for (size_t i = 0; i < outline->n_points; i++)
        if (outline->corner[i])
            least = MIN(least, hypot(outline->points[i].x - x, outline->points[i].y - y));
    return least;
}

static void
corners_of_squares_are_found(void)
{
    static const double tilts[] = { 0, 0.05, 0.3, 0.6, G_PI / 4 };
    for (size_t t = 0; t < G_N_ELEMENTS(tilts); t++)
        for (int shift = 0; shift < 4; shift++) {
            double cx = 30 + shift * 0.23, cy = 30 + shift * 0.31, half = 15.2;
            double plane[4][4], corner[4][2];
            for (int k = 0; k < 4; k++) {
                double a = tilts[t] + k * G_PI / 2, b = a + G_PI / 4;
                plane[k][0] = cos(a);
                plane[k][1] = sin(a);
                plane[k][2] = cx + half * cos(a);
                plane[k][3] = cy + half * sin(a);
                corner[k][0] = cx + half * G_SQRT2 * cos(b);
                corner[k][1] = cy + half * G_SQRT2 * sin(b);
            }
            g_autoptr(OrfImage) mask = convex_mask(60, plane, 4);
            g_autoptr(OrfOutline) outline =
                trace(mask, &(OrfTraceOptions){ .tolerance = 0.25f });
            g_assert_cmpuint(outline->n_loops, ==, 1);
            g_assert_cmpuint(outline->n_points, <=, 16);
            int corners = 0;
            for (size_t i = 0; i < outline->n_points; i++)
                corners += outline->corner[i];
            g_assert_cmpint(corners, ==, 4);
            for (int k = 0; k < 4; k++)
                g_assert_cmpfloat(nearest_corner(outline, corner[k][0], corner[k][1]), <, 0.45);
            g_assert_cmpfloat_with_epsilon(total_area(outline), 4 * half * half, 11);
        }
}

static void
disc_is_round_and_without_corners(void)
{
    for (int binary = 0; binary < 2; binary++) {
        g_autoptr(OrfImage) mask = blank_mask(100, 100);
        for (int i = 0; i < 10000; i++) {
            double r = hypot(i % 100 + 0.5 - 50.2, i / 100 + 0.5 - 49.7);
            float value = (float)CLAMP(40.5 - r, 0, 1);
            ((float *)mask->pixels)[i] = binary ? value >= 0.5f : value;
        }
        g_autoptr(OrfOutline) outline =
            trace(mask, &(OrfTraceOptions){ .tolerance = 0.1f, .smooth = binary ? 20 : 0 });
        g_assert_cmpuint(outline->n_loops, ==, 1);
        g_assert_cmpfloat_with_epsilon(total_area(outline), G_PI * 1600, binary ? 25 : 8);
        double worst = 0;
        for (size_t i = 0; i < outline->n_points; i++) {
            double r = hypot(outline->points[i].x - 50.2, outline->points[i].y - 49.7);
            worst = MAX(worst, fabs(r - 40));
            g_assert_cmpuint(outline->corner[i], ==, 0);
        }
        g_test_message("worst radius error %.3f px with %zu points", worst, outline->n_points);
        g_assert_cmpfloat(worst, <, binary ? 0.4 : 0.1);
    }
}

static void
holes_run_the_other_way(void)
{
    g_autoptr(OrfImage) mask = blank_mask(40, 40);
    for (int i = 0; i < 1600; i++) {
        double r = hypot(i % 40 - 20, i / 40 - 20);
        ((float *)mask->pixels)[i] = (r < 15 && r > 10) || r < 5;
    }
    g_autoptr(OrfOutline) outline = trace(mask, NULL);
    g_assert_cmpuint(outline->n_loops, ==, 3);
    double area[3];
    for (size_t i = 0; i < 3; i++)
        area[i] = loop_area(outline, i);
    g_assert_cmpfloat(area[0], >, 600);
    g_assert_cmpfloat(area[1], <, -250);
    g_assert_cmpfloat(area[2], >, 50);
}

static void
specks_are_dropped(void)
{
    g_autoptr(OrfImage) mask = blank_mask(20, 20);
    float *v = mask->pixels;
    v[5 * 20 + 5] = 1; /* half a square pixel */
    for (int i = 0; i < 9; i++)
        v[(12 + i / 3) * 20 + 12 + i % 3] = 1;
    g_autoptr(OrfOutline) large = trace(mask, NULL);
    g_assert_cmpuint(large->n_loops, ==, 1);
    g_autoptr(OrfOutline) all = trace(mask, &(OrfTraceOptions){ .min_area = 0.1f });
    g_assert_cmpuint(all->n_loops, ==, 2);
}

/* A full frame is outlined half a pixel outside its last centres; an empty one has no outline.
 */
static void
frame_closes_the_outline(void)
{
    g_autoptr(OrfImage) mask = blank_mask(8, 6);
    g_autoptr(OrfOutline) nothing = trace(mask, NULL);
    g_assert_cmpuint(nothing->n_loops, ==, 0);
    g_assert_cmpuint(nothing->n_points, ==, 0);
    for (int i = 0; i < 48; i++)
        ((float *)mask->pixels)[i] = 1;
    g_autoptr(OrfOutline) full = trace(mask, &(OrfTraceOptions){ .tolerance = 0.01f });
    g_assert_cmpuint(full->n_loops, ==, 1);
    g_assert_cmpfloat_with_epsilon(total_area(full), 48, 1e-3);
    g_assert_cmpuint(full->n_points, >=, 4);
}

static double
distance_to_outline(const OrfOutline *outline, OrfPoint p)
{
    double least = INFINITY;
    for (size_t loop = 0; loop < outline->n_loops; loop++)
        for (size_t i = outline->start[loop]; i < outline->start[loop + 1]; i++) {
            OrfPoint a = outline->points[i];
            OrfPoint b =
                outline
                    ->points[i + 1 < outline->start[loop + 1] ? i + 1 : outline->start[loop]];
            double dx = b.x - a.x, dy = b.y - a.y;
            double t = ((p.x - a.x) * dx + (p.y - a.y) * dy) / (dx * dx + dy * dy);
            t = CLAMP(t, 0, 1);
            least = MIN(least, hypot(p.x - a.x - t * dx, p.y - a.y - t * dy));
        }
    return least;
}

static void
simplifying_keeps_the_tolerance(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(9);
    for (int round = 0; round < 10; round++) {
        g_autoptr(OrfImage) mask = random_mask(random, 80, 60, 2);
        g_autoptr(OrfOutline) all = trace(mask, &(OrfTraceOptions){ .min_area = 0.01f });
        for (float tolerance = 0.1f; tolerance < 2; tolerance *= 2) {
            g_autoptr(OrfOutline) few =
                trace(mask, &(OrfTraceOptions){ .min_area = 0.01f, .tolerance = tolerance });
            g_assert_cmpuint(few->n_loops, ==, all->n_loops);
            for (size_t i = 0; i < all->n_points; i++)
                g_assert_cmpfloat(distance_to_outline(few, all->points[i]), <=,
                                  tolerance + 1e-5);
        }
    }
}

static void
cancelled_trace_gives_nothing(void)
{
    g_autoptr(OrfImage) mask = blank_mask(30, 30);
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    orf_task_cancel(task);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_image_trace(task, mask, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/image/trace/loops-never-meet", loops_never_meet);
    g_test_add_func("/image/trace/areas-sum-to-the-mask", areas_sum_to_the_mask);
    g_test_add_func("/image/trace/corners-of-squares-are-found", corners_of_squares_are_found);
    g_test_add_func("/image/trace/disc-is-round-and-without-corners",
                    disc_is_round_and_without_corners);
    g_test_add_func("/image/trace/holes-run-the-other-way", holes_run_the_other_way);
    g_test_add_func("/image/trace/specks-are-dropped", specks_are_dropped);
    g_test_add_func("/image/trace/frame-closes-the-outline", frame_closes_the_outline);
    g_test_add_func("/image/trace/simplifying-keeps-the-tolerance",
                    simplifying_keeps_the_tolerance);
    g_test_add_func("/image/trace/cancelled-trace-gives-nothing",
                    cancelled_trace_gives_nothing);
    return g_test_run();
}
