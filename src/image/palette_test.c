/* palette_test.c - flat colours are found again, smooth edges make no colours of their own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image-priv.h"

#include <math.h>
#include <string.h>

static const uint8_t ink[5][3] = {
    { 255, 255, 255 }, { 20, 20, 25 }, { 210, 40, 30 }, { 30, 90, 200 }, { 128, 128, 128 }
};

/* Four discs on white, antialiased; the last one grey only where `grey`. */
static OrfImage *
discs(bool grey, double noise, GRand *random)
{
    OrfImage *image = orf_image_blank(NULL, 120, 120, 3, ORF_U8, "test", NULL);
    for (unsigned i = 0; i < 14400; i++) {
        double value[3] = { ink[0][0], ink[0][1], ink[0][2] };
        for (int k = 1; k < (grey ? 5 : 4); k++) {
            double cx = k % 2 ? 33.3 : 85.1, cy = k < 3 ? 34.2 : 86.7;
            double r = hypot(i % 120 - cx, i / 120 - cy), share = CLAMP(24.5 - r, 0, 1);
            for (int c = 0; c < 3; c++)
                value[c] += share * (ink[k][c] - value[c]);
        }
        for (int c = 0; c < 3; c++) {
            double wobble = noise > 0 ? g_rand_double_range(random, -noise, noise) : 0;
            ((uint8_t *)image->pixels)[3 * i + (unsigned)c] =
                (uint8_t)CLAMP(value[c] + wobble + 0.5, 0, 255);
        }
    }
    return image;
}

static OrfImage *
palette(const OrfImage *image, unsigned max_colors, uint8_t colors[16][3], unsigned *ret_n)
{
    g_autoptr(GError) error = NULL;
    OrfImage *labels = orf_image_palette(NULL, image, max_colors, 1, colors, ret_n, &error);
    g_assert_no_error(error);
    return labels;
}

static unsigned
nearest_ink(const uint8_t color[3], int *ret_apart)
{
    unsigned best = 0;
    *ret_apart = 1000;
    for (unsigned k = 0; k < 5; k++) {
        int apart = 0;
        for (int c = 0; c < 3; c++)
            apart = MAX(apart, abs(color[c] - ink[k][c]));
        if (apart < *ret_apart) {
            *ret_apart = apart;
            best = k;
        }
    }
    return best;
}

static void
colours_are_found_again(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    for (int grey = 0; grey < 2; grey++)
        for (double noise = 0; noise <= 6; noise += 3) {
            g_autoptr(OrfImage) image = discs(grey, noise, random);
            uint8_t colors[16][3];
            unsigned n = 0;
            g_autoptr(OrfImage) labels = palette(image, 0, colors, &n);
            g_assert_cmpuint(n, ==, grey ? 5 : 4);
            g_assert_cmpuint(orf_image_u8(labels)[0], ==, 1);
            g_assert_cmpuint(colors[0][0], >=, 245); /* the largest area first */
            unsigned seen = 0;
            for (unsigned k = 0; k < n; k++) {
                int apart;
                seen |= 1u << nearest_ink(colors[k], &apart);
                g_assert_cmpint(apart, <=, 8);
            }
            g_assert_cmpuint(seen, ==, grey ? 31 : 15);
        }
}

/* The rim of the black disc passes through grey; no pixel of it may get the grey disc's label.
 */
static void
antialias_goes_to_the_nearer(void)
{
    g_autoptr(OrfImage) image = discs(true, 0, NULL);
    uint8_t colors[16][3];
    unsigned n = 0, grey = 0;
    g_autoptr(OrfImage) labels = palette(image, 0, colors, &n);
    for (unsigned k = 0; k < n; k++) {
        int apart;
        if (nearest_ink(colors[k], &apart) == 4)
            grey = k + 1;
    }
    g_assert_cmpuint(grey, >, 0);
    for (unsigned i = 0; i < 14400; i++)
        if (hypot(i % 120 - 33.3, i / 120 - 34.2) < 30)
            g_assert_cmpuint(orf_image_u8(labels)[i], !=, grey);
}

/* A line of one pixel is no antialias, though nothing of it is flat. */
static void
thin_lines_stay(void)
{
    g_autoptr(OrfImage) image = discs(false, 0, NULL);
    for (unsigned x = 5; x < 115; x++)
        memcpy((uint8_t *)image->pixels + 3 * (60 * 120 + x), ink[2], 3);
    uint8_t colors[16][3];
    unsigned n = 0;
    g_autoptr(OrfImage) labels = palette(image, 0, colors, &n);
    int apart;
    uint8_t at = orf_image_u8(labels)[60 * 120 + 10];
    g_assert_cmpuint(nearest_ink(colors[at - 1], &apart), ==, 2);
}

static void
hidden_pixels_have_label_zero(void)
{
    g_autoptr(OrfImage) image = orf_image_blank(NULL, 20, 20, 4, ORF_U8, "test", NULL);
    uint8_t colors[16][3];
    unsigned n = 0;
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_image_palette(NULL, image, 0, 1, colors, &n, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    for (unsigned i = 0; i < 200; i++)
        memcpy((uint8_t *)image->pixels + 4 * i, (uint8_t[4]){ 9, 200, 50, 255 }, 4);
    g_autoptr(OrfImage) labels = palette(image, 0, colors, &n);
    g_assert_cmpuint(n, ==, 1);
    g_assert_cmpuint(orf_image_u8(labels)[0], ==, 1);
    g_assert_cmpuint(orf_image_u8(labels)[399], ==, 0);
    g_assert_cmpuint(colors[0][1], ==, 200);
}

static void
the_limit_holds_and_seeds_repeat(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    g_autoptr(OrfImage) image = orf_image_blank(NULL, 64, 64, 3, ORF_U8, "test", NULL);
    for (unsigned i = 0; i < 64 * 64 * 3; i++)
        ((uint8_t *)image->pixels)[i] = (uint8_t)g_rand_int_range(random, 0, 256);
    for (unsigned most = 1; most <= 16; most += 5) {
        uint8_t one[16][3] = { 0 }, two[16][3] = { 0 };
        unsigned n = 0, m = 0;
        g_autoptr(OrfImage) a = palette(image, most, one, &n);
        g_autoptr(OrfImage) b = palette(image, most, two, &m);
        g_assert_cmpuint(n, <=, most);
        g_assert_cmpuint(n, ==, m);
        g_assert_cmpmem(one, sizeof one, two, sizeof two);
        g_assert_cmpmem(a->pixels, 64 * 64, b->pixels, 64 * 64);
        for (unsigned i = 0; i < 64 * 64; i++)
            g_assert_cmpuint(orf_image_u8(a)[i], <=, n);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/image/palette/colours-are-found-again", colours_are_found_again);
    g_test_add_func("/image/palette/antialias-goes-to-the-nearer",
                    antialias_goes_to_the_nearer);
    g_test_add_func("/image/palette/thin-lines-stay", thin_lines_stay);
    g_test_add_func("/image/palette/hidden-pixels-have-label-zero",
                    hidden_pixels_have_label_zero);
    g_test_add_func("/image/palette/the-limit-holds-and-seeds-repeat",
                    the_limit_holds_and_seeds_repeat);
    return g_test_run();
}
