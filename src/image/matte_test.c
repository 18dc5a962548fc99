/* SPDX-License-Identifier: Apache-2.0 */
#include "image/cutout-priv.h"
#include "image/scenes_test.h"

enum { SIDE = 300, FINE = 8 };

/* How much of a pixel the disc covers, by counting. */
static double
cover(unsigned x, unsigned y)
{
    unsigned in = 0;
    for (unsigned k = 0; k < FINE * FINE; k++) {
        double u = x + (k % FINE + 0.5) / FINE, v = y + (k / FINE + 0.5) / FINE;
        in += hypot(u - 150.3, v - 149.8) < 90.4;
    }
    return (double)in / (FINE * FINE);
}

/* A disc with soft edge pixels, mixed in codes as graphics and resized pictures are. */
static OrfImage *
soft_disc(const double in[3], const double out[3])
{
    Canvas canvas = canvas_new(SIDE, SIDE, 3);
    for (unsigned y = 0; y < SIDE; y++) {
        for (unsigned x = 0; x < SIDE; x++) {
            double a = cover(x, y), rgb[3];
            for (int c = 0; c < 3; c++)
                rgb[c] = a * in[c] + (1 - a) * out[c];
            put(&canvas, x, y, rgb, 2);
        }
    }
    return canvas_finish(&canvas);
}

/* Mean difference of alpha and cover along the rim. */
static double
rim_error(const OrfImage *alpha)
{
    double sum = 0, n = 0;
    for (unsigned y = 0; y < SIDE; y++) {
        for (unsigned x = 0; x < SIDE; x++) {
            double a = cover(x, y), got = orf_image_f32(alpha)[y * SIDE + x];
            bool rim = (a > 0 && a < 1) || (got > 0 && got < 1);
            sum += rim ? fabs(a - got) : 0;
            n += rim;
        }
    }
    return sum / n;
}

static void
alpha_of_a_soft_edge_is_sub_pixel(void)
{
    static const struct {
        double in[3], out[3], error;
    } cases[] = {
        { { 200, 40, 40 }, { 190, 200, 210 }, 0.04 },
        { { 40, 60, 160 }, { 230, 225, 220 }, 0.04 },
        { { 130, 130, 130 }, { 160, 160, 160 }, 0.1 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (unsigned side = 100; side <= 300; side += 100) {
            g_autoptr(OrfImage) image = soft_disc(cases[i].in, cases[i].out);
            OrfCutoutOptions options = { .work_side = side };
            g_autoptr(OrfImage) alpha = orf_image_cut_out(NULL, image, &options, NULL, NULL);
            g_test_message("case %zu at %u: %.3f", i, side, rim_error(alpha));
            g_assert_cmpfloat(rim_error(alpha), <=, cases[i].error);
        }
    }
}

static void
no_contrast_still_gives_the_mask(void)
{
    g_autoptr(OrfImage) image = plain(64, 64, 3, 128);
    g_auto(OrfCutoutWork) work = { 0 };
    uint8_t mask[64 * 64] = { 0 };
    for (int i = 0; i < 64 * 64; i++)
        mask[i] = i % 64 >= 20 && i % 64 < 44 && i / 64 >= 20 && i / 64 < 44;
    g_assert_true(orf_work_init(NULL, image, 64, &work, NULL));
    g_autoptr(OrfImage) alpha = orf_matte(NULL, image, &work, mask, NULL);
    double wrong = 0;
    for (int i = 0; i < 64 * 64; i++)
        wrong += (orf_image_f32(alpha)[i] > 0.5f) != mask[i];
    g_assert_cmpfloat(wrong, <=, 32); /* corners are rounded */
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/image/matte/alpha-of-a-soft-edge-is-sub-pixel",
                    alpha_of_a_soft_edge_is_sub_pixel);
    g_test_add_func("/image/matte/no-contrast-still-gives-the-mask",
                    no_contrast_still_gives_the_mask);
    return g_test_run();
}
