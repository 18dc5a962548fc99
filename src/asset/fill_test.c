/* fill_test.c - SPDX-License-Identifier: Apache-2.0 */
#include "asset/bodies_test.h"

static uint8_t *
blank(unsigned width, unsigned height)
{
    return ORF_ALLOC(NULL, uint8_t, 4 * (size_t)width * height, "test", NULL);
}

static void
put(uint8_t *rgba, size_t at, uint8_t r, uint8_t g, uint8_t b, uint8_t a)
{
    const uint8_t color[4] = { r, g, b, a };
    memcpy(rgba + 4 * at, color, 4);
}

static void
one_color(void)
{
    static const unsigned sizes[][2] = { { 1, 1 }, { 1, 7 }, { 5, 1 }, { 33, 20 }, { 64, 64 } };
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        unsigned width = sizes[i][0], height = sizes[i][1];
        size_t n = (size_t)width * height;
        orf_autofree uint8_t *rgba = blank(width, height);
        put(rgba, n / 2, 200, 90, 30, 255);
        g_assert_true(orf_fill_unknown(NULL, rgba, width, height, NULL));
        for (size_t k = 0; k < n; k++) {
            g_assert_cmpint(ABS(rgba[4 * k] - 200), <=, 1);
            g_assert_cmpint(ABS(rgba[4 * k + 1] - 90), <=, 1);
            g_assert_cmpint(ABS(rgba[4 * k + 2] - 30), <=, 1);
            g_assert_cmpint(rgba[4 * k + 3], ==, 255);
        }
    }
}

static void
keeps_known(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(8);
    unsigned side = 61;
    orf_autofree uint8_t *rgba = blank(side, side), *before = blank(side, side);
    for (size_t i = 0; i < (size_t)side * side; i++)
        put(rgba, i, (uint8_t)g_rand_int_range(random, 100, 255), 50, 50,
            g_rand_int_range(random, 0, 4) ? 0 : 255);
    memcpy(before, rgba, 4 * (size_t)side * side);
    g_assert_true(orf_fill_unknown(NULL, rgba, side, side, NULL));
    for (size_t i = 0; i < (size_t)side * side; i++) {
        if (before[4 * i + 3] == 255)
            g_assert_true(memcmp(rgba + 4 * i, before + 4 * i, 4) == 0);
        g_assert_cmpint(rgba[4 * i], >=, 99); /* no colour from nowhere */
    }
}

static void
nothing_known(void)
{
    orf_autofree uint8_t *rgba = blank(9, 4);
    g_assert_true(orf_fill_unknown(NULL, rgba, 9, 4, NULL));
    for (size_t i = 0; i < 36; i++)
        g_assert_cmpint(rgba[4 * i], ==, 128);
}

static void
between_two(void)
{
    unsigned width = 64, height = 8;
    orf_autofree uint8_t *rgba = blank(width, height);
    for (unsigned y = 0; y < height; y++) {
        put(rgba, (size_t)y * width, 40, 40, 40, 255);
        put(rgba, (size_t)y * width + width - 1, 220, 220, 220, 255);
    }
    g_assert_true(orf_fill_unknown(NULL, rgba, width, height, NULL));
    const uint8_t *row = rgba + 4 * 3 * (size_t)width;
    g_assert_cmpint(row[4 * 8], <, 100);
    g_assert_cmpint(row[4 * 55], >, 160);
    for (unsigned x = 1; x < width; x++)
        g_assert_cmpint(row[4 * x] + 8, >=, row[4 * (x - 1)]);
}

/* --- The rim of cut-outs ------------------------------------------------------------------ */

static void
rim_is_doubted(void)
{
    g_autoptr(OrfImage) picture = disc_picture(100, 40, paint_waves);
    orf_autofree uint8_t *rgba = blank(100, 100);
    memcpy(rgba, orf_image_u8(picture), 40000);
    g_assert_true(orf_trust_inside(NULL, rgba, 100, 100, NULL));
    g_assert_cmpint(rgba[4 * (50 * 100 + 50) + 3], ==, 255);
    g_assert_cmpint(rgba[4 * (50 * 100 + 14) + 3], ==, 255); /* 3.5 px inside */
    g_assert_cmpint(rgba[4 * (50 * 100 + 11) + 3], <, 32);
    g_assert_cmpint(rgba[4 * (50 * 100 + 8) + 3], ==, 0);
}

static void
thin_parts_stay(void)
{
    orf_autofree uint8_t *rgba = blank(60, 60);
    for (unsigned x = 5; x < 55; x++)
        put(rgba, 30 * 60 + x, 250, 10, 10, 255);
    g_assert_true(orf_trust_inside(NULL, rgba, 60, 60, NULL));
    g_assert_cmpint(rgba[4 * (30 * 60 + 30) + 3], >=, 128);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/asset/fill/one-pixel-colours-all", one_color);
    g_test_add_func("/asset/fill/known-pixels-stay", keeps_known);
    g_test_add_func("/asset/fill/nothing-known-is-grey", nothing_known);
    g_test_add_func("/asset/fill/goes-smoothly-from-one-to-the-other", between_two);
    g_test_add_func("/asset/rim/doubts-two-pixels-at-the-edge", rim_is_doubted);
    g_test_add_func("/asset/rim/keeps-what-is-thinner-than-the-rim", thin_parts_stay);
    return g_test_run();
}
