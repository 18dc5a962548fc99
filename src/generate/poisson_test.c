/* poisson_test.c - the solver against shapes with known answers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "generate/generate-priv.h"

typedef float (*AlphaFn)(float x, float y);

static OrfImage *
draw(unsigned width, unsigned height, AlphaFn alpha)
{
    float *pixels = ORF_ALLOC(NULL, float, ((size_t)width * height), "test", NULL);
    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++)
            pixels[(size_t)y * width + x] =
                CLAMP(alpha((float)x + 0.5f, (float)y + 0.5f), 0, 1);
    return orf_image_new_take(width, height, 1, ORF_F32, pixels);
}

static float
disc(float x, float y)
{
    return 40.3f - hypotf(x - 50.2f, y - 49.7f) + 0.5f;
}

static float
strip(float x, float y)
{
    (void)y;
    return 10.25f - fabsf(x - 20) + 0.5f;
}

static float
nothing(float x, float y)
{
    (void)x, (void)y;
    return 0;
}

static void
disc_is_half_a_ball(void)
{
    g_autoptr(OrfImage) alpha = draw(101, 99, disc);
    g_autoptr(OrfImage) u = orf_poisson_inflate(NULL, alpha, NULL);
    const float *at = orf_image_f32(u);
    double worst = 0;
    for (unsigned y = 0; y < 99; y++)
        for (unsigned x = 0; x < 101; x++) {
            double r2 = pow(x + 0.5 - 50.2, 2) + pow(y + 0.5 - 49.7, 2);
            double truth = MAX(40.3 * 40.3 - r2, 0);
            worst = MAX(worst, fabs((double)at[y * 101 + x] - truth));
        }
    g_assert_cmpfloat(worst, <, 0.01 * 40.3 * 40.3);
    g_assert_cmpfloat(fabs((double)at[49 * 101 + 49] - 40.3 * 40.3), <, 6);
}

static void
long_strip_is_root_two_times_its_half_width(void)
{
    g_autoptr(OrfImage) alpha = draw(40, 400, strip);
    g_autoptr(OrfImage) u = orf_poisson_inflate(NULL, alpha, NULL);
    float top = orf_image_f32(u)[200 * 40 + 20];
    g_assert_cmpfloat(fabs(sqrt((double)top) - 1.41421 * 10.25), <, 0.2);
}

static void
is_zero_outside_and_positive_inside(void)
{
    g_autoptr(OrfImage) alpha = draw(101, 99, disc);
    g_autoptr(OrfImage) u = orf_poisson_inflate(NULL, alpha, NULL);
    for (size_t i = 0; i < 101 * 99; i++) {
        bool inside = orf_image_f32(alpha)[i] > 0.5f;
        g_assert_true(inside ? orf_image_f32(u)[i] > 0 : orf_image_f32(u)[i] == 0);
    }
}

static void
tiny_and_empty_pictures_are_fine(void)
{
    for (unsigned side = 1; side < 6; side++) {
        g_autoptr(OrfImage) empty = draw(side, 7 - side, nothing);
        g_autoptr(OrfImage) none = orf_poisson_inflate(NULL, empty, NULL);
        g_assert_nonnull(none);
        g_autoptr(OrfImage) full = draw(side, 7 - side, strip);
        g_autoptr(OrfImage) some = orf_poisson_inflate(NULL, full, NULL);
        g_assert_nonnull(some);
    }
}

/* Noise: thousands of islands, pinches and holes. The equation must hold where arms are whole.
 */
static void
random_masks_satisfy_the_equation(void)
{
    enum { W = 67, H = 45 };
    GRand *random = g_rand_new_with_seed(7);
    float *pixels = ORF_ALLOC(NULL, float, (W * H), "test", NULL);
    for (size_t i = 0; i < W * H; i++)
        pixels[i] = g_rand_double(random) < 0.8 ? 1 : 0;
    g_rand_free(random);
    g_autoptr(OrfImage) alpha = orf_image_new_take(W, H, 1, ORF_F32, pixels);
    g_autoptr(OrfImage) image = orf_poisson_inflate(NULL, alpha, NULL);
    const float *u = orf_image_f32(image), *a = orf_image_f32(alpha);
    for (size_t y = 1; y < H - 1; y++)
        for (size_t x = 1; x < W - 1; x++) {
            size_t i = y * W + x;
            if (a[i] + a[i - 1] + a[i + 1] + a[i - W] + a[i + W] < 4.5f)
                continue;
            float lap = 4 * u[i] - u[i - 1] - u[i + 1] - u[i - W] - u[i + W];
            g_assert_cmpfloat(fabs((double)lap - 4), <, 0.02);
        }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/generate/poisson/disc-is-half-a-ball", disc_is_half_a_ball);
    g_test_add_func("/generate/poisson/long-strip-is-root-two-times-its-half-width",
                    long_strip_is_root_two_times_its_half_width);
    g_test_add_func("/generate/poisson/is-zero-outside-and-positive-inside",
                    is_zero_outside_and_positive_inside);
    g_test_add_func("/generate/poisson/tiny-and-empty-pictures-are-fine",
                    tiny_and_empty_pictures_are_fine);
    g_test_add_func("/generate/poisson/random-masks-satisfy-the-equation",
                    random_masks_satisfy_the_equation);
    return g_test_run();
}
