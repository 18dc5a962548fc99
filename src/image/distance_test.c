/* distance_test.c - signed distance against a disc and against every piece of outline.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image-priv.h"

#include <math.h>

static OrfImage *
blank_mask(unsigned width, unsigned height)
{
    return orf_image_blank(NULL, width, height, 1, ORF_F32, "test", NULL);
}

/* The plain version: the distance from each pixel to all crossings of all cells, as chords. */
static float
at(const OrfImage *mask, int x, int y)
{
    bool inside = x >= 0 && y >= 0 && x < (int)mask->width && y < (int)mask->height;
    return inside ? orf_image_f32(mask)[(unsigned)y * mask->width + (unsigned)x] : 0;
}

static double
to_chord(double px, double py, const double a[2], const double b[2])
{
    double dx = b[0] - a[0], dy = b[1] - a[1], n = dx * dx + dy * dy;
    double t = n > 0 ? CLAMP(((px - a[0]) * dx + (py - a[1]) * dy) / n, 0, 1) : 0;
    return hypot(px - a[0] - t * dx, py - a[1] - t * dy);
}

/* A saddle's middle belongs to the side of its mean: corners of the other side are cut off. */
static double
to_cell(const OrfImage *mask, int x, int y, double px, double py)
{
    static const int corner[5][2] = { { 0, 0 }, { 1, 0 }, { 1, 1 }, { 0, 1 }, { 0, 0 } };
    double point[4][2];
    int n = 0;
    for (int i = 0; i < 4; i++) {
        double a = at(mask, x + corner[i][0], y + corner[i][1]);
        double b = at(mask, x + corner[i + 1][0], y + corner[i + 1][1]);
        if ((a >= 0.5) == (b >= 0.5))
            continue;
        double t = (0.5 - a) / (b - a);
        point[n][0] = x + corner[i][0] + t * (corner[i + 1][0] - corner[i][0]);
        point[n++][1] = y + corner[i][1] + t * (corner[i + 1][1] - corner[i][1]);
    }
    if (n < 4)
        return n == 2 ? to_chord(px, py, point[0], point[1]) : INFINITY;
    float sum =
        at(mask, x, y) + at(mask, x + 1, y) + at(mask, x, y + 1) + at(mask, x + 1, y + 1);
    bool first_cut = (at(mask, x, y) >= 0.5) != (sum >= 2);
    int k = first_cut ? 3 : 0; /* the side where the first chord begins */
    return MIN(to_chord(px, py, point[k], point[(k + 1) % 4]),
               to_chord(px, py, point[(k + 2) % 4], point[(k + 3) % 4]));
}

static double
plain_distance(const OrfImage *mask, int px, int py)
{
    double least = INFINITY;
    for (int y = -1; y < (int)mask->height; y++)
        for (int x = -1; x < (int)mask->width; x++)
            least = MIN(least, to_cell(mask, x, y, px, py));
    return least;
}

static void
disc_is_exact(void)
{
    const double cx = 50.3, cy = 47.8, radius = 31.4;
    g_autoptr(OrfImage) mask = blank_mask(100, 100);
    for (int i = 0; i < 10000; i++) {
        double r = hypot(i % 100 - cx, i / 100 - cy);
        ((float *)mask->pixels)[i] = (float)(radius - r + 0.5);
    }
    g_autoptr(OrfImage) distance = orf_image_distance(NULL, mask, NULL);
    for (int i = 0; i < 10000; i++) {
        double truth = radius - hypot(i % 100 - cx, i / 100 - cy);
        g_assert_cmpfloat_with_epsilon(orf_image_f32(distance)[i], truth, 0.02);
    }
}

static OrfImage *
random_mask(GRand *random, unsigned width, unsigned height, double sigma)
{
    g_autoptr(OrfImage) noise = blank_mask(width, height);
    for (unsigned i = 0; i < width * height; i++)
        ((float *)noise->pixels)[i] = (float)g_rand_double(random);
    return sigma > 0 ? orf_image_blur(NULL, noise, sigma, NULL) : g_steal_pointer(&noise);
}

static void
equals_the_plain_version(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(5);
    double worst = 0;
    for (int round = 0; round < 40; round++) {
        unsigned w = (unsigned)g_rand_int_range(random, 1, 40);
        unsigned h = (unsigned)g_rand_int_range(random, 1, 40);
        g_autoptr(OrfImage) mask = random_mask(random, w, h, round % 4);
        g_autoptr(OrfImage) distance = orf_image_distance(NULL, mask, NULL);
        for (unsigned i = 0; i < w * h; i++) {
            double truth = plain_distance(mask, (int)(i % w), (int)(i / w));
            double got = orf_image_f32(distance)[i];
            g_assert_true((orf_image_f32(mask)[i] >= 0.5f) == (got >= 0) || got == 0);
            if (isinf(truth))
                g_assert_cmpfloat(got, ==, -(double)(w + h));
            else
                worst = MAX(worst, fabs(fabs(got) - truth));
        }
    }
    g_test_message("worst error %.4f px", worst);
    g_assert_cmpfloat(worst, <, 0.01);
}

static void
frame_counts_as_an_edge(void)
{
    g_autoptr(OrfImage) mask = blank_mask(9, 5);
    for (int i = 0; i < 45; i++)
        ((float *)mask->pixels)[i] = 1;
    g_autoptr(OrfImage) distance = orf_image_distance(NULL, mask, NULL);
    g_assert_cmpfloat_with_epsilon(orf_image_f32(distance)[0], sqrt(0.125), 0.2);
    g_assert_cmpfloat_with_epsilon(orf_image_f32(distance)[22], 2.5, 1e-5);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/image/distance/disc-is-exact", disc_is_exact);
    g_test_add_func("/image/distance/equals-the-plain-version", equals_the_plain_version);
    g_test_add_func("/image/distance/frame-counts-as-an-edge", frame_counts_as_an_edge);
    return g_test_run();
}
