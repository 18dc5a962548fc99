/* save_test.c - what is written comes back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "pictures_test.h"

/* --- Save --------------------------------------------------------------------------------- */

static void
saving_keeps_pixels(void)
{
    static const struct {
        const char *format;
        unsigned channels;
        OrfSample sample;
        int tolerance;
    } cases[] = {
        { "png", 1, ORF_U8, 0 },  { "png", 2, ORF_U8, 0 },  { "png", 3, ORF_U8, 0 },
        { "png", 4, ORF_U8, 0 },  { "png", 1, ORF_U16, 0 }, { "png", 4, ORF_U16, 0 },
        { "png", 1, ORF_F32, 1 }, { "jpeg", 3, ORF_U8, 9 }, { "webp", 4, ORF_U8, 30 }
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(OrfImage) image =
            orf_image_blank(NULL, 33, 17, cases[i].channels, cases[i].sample, "test", NULL);
        size_t n = 17 * orf_image_row_samples(image);
        for (size_t k = 0; k < n; k++)
            if (cases[i].sample == ORF_U8)
                ((uint8_t *)image->pixels)[k] = (uint8_t)(100 + (int)(k * 100 / n));
            else if (cases[i].sample == ORF_U16)
                ((uint16_t *)image->pixels)[k] = (uint16_t)(k * 65535 / n);
            else
                ((float *)image->pixels)[k] = (float)k / (float)n;
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) bytes = orf_image_encode(NULL, image, cases[i].format, 95, &error);
        g_assert_no_error(error);
        g_autoptr(OrfImage) back =
            load(bytes, &(OrfImageLoad){ .keep_16 = true, .keep_grey = true });
        g_assert_cmpuint(back->channels, ==, cases[i].channels);
        if (cases[i].sample == ORF_U8)
            assert_near(image, back, cases[i].tolerance);
        else if (cases[i].sample == ORF_U16)
            g_assert_cmpint(memcmp(image->pixels, back->pixels, n * 2), ==, 0);
    }
}

static void
jpeg_lays_alpha_on_white(void)
{
    g_autoptr(OrfImage) clear = orf_image_blank(NULL, 16, 16, 4, ORF_U8, "test", NULL);
    g_autoptr(GBytes) bytes = orf_image_encode(NULL, clear, "jpeg", 0, NULL);
    g_autoptr(OrfImage) back = load(bytes, NULL);
    g_assert_cmpuint(orf_image_u8(back)[0], >=, 253);
}

static void
unknown_encoder(void)
{
    g_autoptr(OrfImage) image = orf_image_blank(NULL, 4, 4, 3, ORF_U8, "test", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_image_encode(NULL, image, "bmp", 0, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
}

int
main(int argc, char **argv)
{
    start_tests(&argc, &argv);
    g_test_add_func("/image/save/saving-keeps-pixels", saving_keeps_pixels);
    g_test_add_func("/image/save/jpeg-lays-alpha-on-white", jpeg_lays_alpha_on_white);
    g_test_add_func("/image/save/unknown-format-is-named", unknown_encoder);
    return g_test_run();
}
