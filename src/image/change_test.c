/* change_test.c - resize, crop, colour conversions.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image-priv.h"

#include <math.h>

static OrfImage *
random_image(GRand *random, unsigned width, unsigned height, unsigned channels,
             OrfSample sample)
{
    OrfImage *image = orf_image_blank(NULL, width, height, channels, sample, "test", NULL);
    for (size_t i = 0; i < height * orf_image_row_samples(image); i++)
        if (sample == ORF_U8)
            ((uint8_t *)image->pixels)[i] = (uint8_t)g_rand_int_range(random, 0, 256);
        else if (sample == ORF_U16)
            ((uint16_t *)image->pixels)[i] = (uint16_t)g_rand_int_range(random, 0, 65536);
        else
            ((float *)image->pixels)[i] = (float)g_rand_double(random);
    return image;
}

static OrfImage *
constant(unsigned width, unsigned height, unsigned channels, const uint8_t *value)
{
    OrfImage *image = orf_image_blank(NULL, width, height, channels, ORF_U8, "test", NULL);
    for (size_t i = 0; i < height * orf_image_row_samples(image); i++)
        ((uint8_t *)image->pixels)[i] = value[i % channels];
    return image;
}

/* --- Resize ------------------------------------------------------------------------------- */

static void
resize_keeps_a_constant(void)
{
    static const unsigned sizes[][2] = { { 1, 1 },   { 1, 50 },  { 13, 7 },
                                         { 40, 30 }, { 41, 29 }, { 200, 3 } };
    static const uint8_t value[4] = { 200, 100, 7, 90 };
    for (unsigned channels = 1; channels <= 4; channels++)
        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
            g_autoptr(OrfImage) image = constant(40, 30, channels, value);
            g_autoptr(OrfImage) other =
                orf_image_resize(NULL, image, sizes[i][0], sizes[i][1], NULL);
            g_assert_cmpuint(other->width, ==, sizes[i][0]);
            g_assert_cmpuint(other->height, ==, sizes[i][1]);
            for (size_t k = 0; k < other->height * orf_image_row_samples(other); k++)
                g_assert_cmpint(abs((int)orf_image_u8(other)[k] - (int)value[k % channels]), <=,
                                1);
        }
}

static void
resize_to_same_size_changes_nothing(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    g_autoptr(OrfImage) image = random_image(random, 31, 17, 3, ORF_U16);
    g_autoptr(OrfImage) same = orf_image_resize(NULL, image, 31, 17, NULL);
    for (size_t i = 0; i < 31 * 17 * 3; i++)
        g_assert_cmpuint(orf_image_u16(same)[i], ==, orf_image_u16(image)[i]);
}

/* A ramp stays a ramp: the grid of pixel centres is kept, nothing shifts by half a pixel. */
static void
resize_keeps_places(void)
{
    g_autoptr(OrfImage) ramp = orf_image_blank(NULL, 120, 4, 1, ORF_F32, "test", NULL);
    for (unsigned i = 0; i < 480; i++)
        ((float *)ramp->pixels)[i] = ((float)(i % 120) + 0.5f) / 120;
    static const unsigned widths[] = { 30, 77, 240 };
    for (size_t k = 0; k < G_N_ELEMENTS(widths); k++) {
        g_autoptr(OrfImage) other = orf_image_resize(NULL, ramp, widths[k], 4, NULL);
        unsigned margin = widths[k] / 10;
        for (unsigned x = margin; x < widths[k] - margin; x++)
            g_assert_cmpfloat_with_epsilon(orf_image_f32(other)[x],
                                           ((double)x + 0.5) / widths[k], 0.002);
    }
}

static void
hidden_colour_does_not_bleed(void)
{
    g_autoptr(OrfImage) image = orf_image_blank(NULL, 40, 40, 4, ORF_U8, "test", NULL);
    for (unsigned i = 0; i < 1600; i++) {
        uint8_t *pixel = (uint8_t *)image->pixels + 4 * i;
        bool seen = i % 40 >= 20;
        pixel[0] = seen ? 255 : 0;
        pixel[1] = seen ? 0 : 255; /* green hides where alpha is 0 */
        pixel[3] = seen ? 255 : 0;
    }
    g_autoptr(OrfImage) small = orf_image_resize(NULL, image, 13, 13, NULL);
    for (unsigned i = 0; i < 169; i++)
        if (orf_image_u8(small)[4 * i + 3] > 8)
            g_assert_cmpuint(orf_image_u8(small)[4 * i + 1], <=, 2);
}

static void
absurd_sizes_are_refused(void)
{
    g_autoptr(OrfImage) image = orf_image_blank(NULL, 4, 4, 3, ORF_U8, "test", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_image_resize(NULL, image, 60000, 60000, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
}

/* --- Crop --------------------------------------------------------------------------------- */

static void
crop_reaches_outside(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(2);
    g_autoptr(OrfImage) image = random_image(random, 10, 8, 4, ORF_U8);
    static const int at[][2] = { { -3, -2 }, { 5, 5 }, { 100, 0 }, { -40, -40 }, { 0, 0 } };
    for (size_t i = 0; i < G_N_ELEMENTS(at); i++) {
        g_autoptr(OrfImage) box = orf_image_crop(NULL, image, at[i][0], at[i][1], 12, 9, NULL);
        for (int y = 0; y < 9; y++)
            for (int x = 0; x < 12; x++) {
                int u = x + at[i][0], v = y + at[i][1];
                bool inside = u >= 0 && v >= 0 && u < 10 && v < 8;
                uint8_t want = inside ? orf_image_u8(image)[4 * (v * 10 + u) + 1] : 0;
                g_assert_cmpuint(orf_image_u8(box)[4 * (y * 12 + x) + 1], ==, want);
            }
    }
}

/* --- Colour ------------------------------------------------------------------------------- */

static void
lab_of_known_colours(void)
{
    static const struct {
        uint8_t rgb[3];
        double lab[3];
    } cases[] = { { { 255, 255, 255 }, { 100, 0, 0 } },
                  { { 0, 0, 0 }, { 0, 0, 0 } },
                  { { 255, 0, 0 }, { 53.24, 80.09, 67.20 } },
                  { { 0, 255, 0 }, { 87.73, -86.18, 83.18 } },
                  { { 0, 0, 255 }, { 32.30, 79.19, -107.86 } },
                  { { 119, 119, 119 }, { 50.03, 0, 0 } } };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(OrfImage) image = constant(3, 2, 3, cases[i].rgb);
        g_autoptr(OrfImage) lab = orf_image_lab(NULL, image, NULL);
        for (int c = 0; c < 3; c++)
            g_assert_cmpfloat_with_epsilon(orf_image_f32(lab)[c], cases[i].lab[c], 0.05);
    }
}

static void
luminance_of_known_colours(void)
{
    static const uint8_t grey[2] = { 188, 77 };
    for (unsigned channels = 1; channels <= 2; channels++) {
        g_autoptr(OrfImage) image = constant(40, 40, channels, grey);
        g_autoptr(OrfImage) linear = orf_image_luminance(NULL, image, true, NULL);
        g_autoptr(OrfImage) encoded = orf_image_luminance(NULL, image, false, NULL);
        g_autoptr(OrfImage) alpha = orf_image_alpha(NULL, image, NULL);
        g_assert_cmpfloat_with_epsilon(orf_image_f32(linear)[1599], 0.5029, 0.0005);
        g_assert_cmpfloat_with_epsilon(orf_image_f32(encoded)[1599], 188 / 255., 1e-5);
        g_assert_cmpfloat_with_epsilon(orf_image_f32(alpha)[1599],
                                       channels == 2 ? 77 / 255. : 1, 1e-5);
    }
}

static void
alpha_of_another_size_is_fitted(void)
{
    static const uint8_t rgb[3] = { 10, 20, 30 };
    g_autoptr(OrfImage) image = constant(20, 10, 3, rgb);
    g_autoptr(OrfImage) alpha = orf_image_blank(NULL, 4, 2, 1, ORF_F32, "test", NULL);
    for (int i = 0; i < 8; i++)
        ((float *)alpha->pixels)[i] = i % 4 >= 2;
    g_autoptr(OrfImage) rgba = orf_image_with_alpha(NULL, image, alpha, NULL);
    static const uint8_t left[4] = { 10, 20, 30, 0 }, right[4] = { 10, 20, 30, 255 };
    g_assert_cmpmem(orf_image_u8(rgba), 4, left, 4);
    g_assert_cmpmem(orf_image_u8(rgba) + 4 * 19, 4, right, 4);
}

/* --- Hidden colours, blur ----------------------------------------------------------------- */

static void
blur_spreads_as_a_gaussian(void)
{
    g_autoptr(OrfImage) dot = orf_image_blank(NULL, 61, 61, 1, ORF_F32, "test", NULL);
    ((float *)dot->pixels)[30 * 61 + 30] = 1;
    g_autoptr(OrfImage) image = orf_image_blur(NULL, dot, 3, NULL);
    double sum = 0, spread = 0;
    for (int y = 0; y < 61; y++)
        for (int x = 0; x < 61; x++) {
            double value = orf_image_f32(image)[y * 61 + x];
            sum += value;
            spread += value * (x - 30) * (x - 30);
        }
    g_assert_cmpfloat_with_epsilon(sum, 1, 1e-3);
    g_assert_cmpfloat_with_epsilon(sqrt(spread), 3, 0.05);
}

static void
results_do_not_depend_on_cores(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(4);
    g_autoptr(OrfTask) two = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
    g_autoptr(OrfImage) image = random_image(random, 150, 97, 4, ORF_U8);
    g_autoptr(OrfImage) a = orf_image_resize(NULL, image, 71, 44, NULL);
    g_autoptr(OrfImage) b = orf_image_resize(two, image, 71, 44, NULL);
    g_assert_cmpmem(a->pixels, 71 * 44 * 4, b->pixels, 71 * 44 * 4);
    g_autoptr(OrfImage) c = orf_image_lab(NULL, image, NULL);
    g_autoptr(OrfImage) d = orf_image_lab(two, image, NULL);
    g_assert_cmpmem(c->pixels, 150 * 97 * 12, d->pixels, 150 * 97 * 12);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/image/change/resize-keeps-a-constant", resize_keeps_a_constant);
    g_test_add_func("/image/change/resize-to-same-size-changes-nothing",
                    resize_to_same_size_changes_nothing);
    g_test_add_func("/image/change/resize-keeps-places", resize_keeps_places);
    g_test_add_func("/image/change/hidden-colour-does-not-bleed", hidden_colour_does_not_bleed);
    g_test_add_func("/image/change/absurd-sizes-are-refused", absurd_sizes_are_refused);
    g_test_add_func("/image/change/crop-reaches-outside", crop_reaches_outside);
    g_test_add_func("/image/change/lab-of-known-colours", lab_of_known_colours);
    g_test_add_func("/image/change/luminance-of-known-colours", luminance_of_known_colours);
    g_test_add_func("/image/change/alpha-of-another-size-is-fitted",
                    alpha_of_another_size_is_fitted);
    g_test_add_func("/image/change/blur-spreads-as-a-gaussian", blur_spreads_as_a_gaussian);
    g_test_add_func("/image/change/results-do-not-depend-on-cores",
                    results_do_not_depend_on_cores);
    return g_test_run();
}
