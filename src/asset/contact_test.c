/* contact_test.c - SPDX-License-Identifier: Apache-2.0 */
#include "asset/bodies_test.h"

static const uint8_t *
pixel(const OrfImage *image, unsigned x, unsigned y)
{
    return orf_image_u8(image) + 4 * ((size_t)y * orf_image_width(image) + x);
}

static void
sheet_has_four_views(void)
{
    g_autoptr(OrfMesh) mesh = box(40, 20, 10);
    g_autoptr(OrfAsset) asset = orf_asset_new(mesh, NULL, 0);
    g_autoptr(OrfTask) three = orf_task_new(&(OrfTaskOptions){ .cores = 3 });
    g_autoptr(OrfImage) sheet = orf_asset_contact_sheet(NULL, asset, 801, NULL);
    g_autoptr(OrfImage) again = orf_asset_contact_sheet(three, asset, 801, NULL);
    g_assert_cmpuint(orf_image_width(sheet), ==, 801);
    size_t bytes = 4 * (size_t)801 * orf_image_height(sheet);
    g_assert_true(memcmp(orf_image_u8(sheet), orf_image_u8(again), bytes) == 0);
    /* One scale for all: width of the middle row of each view in pixels, 80 : 20 : 80 mm. */
    int run[3] = { 0 };
    for (unsigned x = 0; x < 600; x++)
        run[x / 200] += pixel(sheet, x, 100)[0] > pixel(sheet, x, 100)[2]; /* clay is warm */
    g_assert_cmpint(ABS(run[0] - 4 * run[1]), <, 12);
    g_assert_cmpint(ABS(run[0] - run[2]), <, 6);
    for (size_t i = 0; i < bytes / 4; i++)
        g_assert_cmpint(orf_image_u8(sheet)[4 * i + 3], ==, 255);
}

static void
has_captions(void)
{
    g_autoptr(OrfMesh) mesh = box(40, 20, 10);
    g_autoptr(OrfAsset) asset = orf_asset_new(mesh, NULL, 0);
    g_autoptr(OrfImage) text = orf_image_text(NULL, "x", "DejaVu Sans", 20, "center", NULL);
    if (!text) {
        g_test_skip("needs a font");
        return;
    }
    g_autoptr(OrfImage) sheet = orf_asset_contact_sheet(NULL, asset, 1200, NULL);
    for (unsigned cell = 0; cell < 4; cell++) {
        unsigned dark = 0;
        for (unsigned y = 302; y < orf_image_height(sheet); y++)
            for (unsigned x = 300 * cell + 20; x < 300 * cell + 280; x++)
                dark += pixel(sheet, x, y)[1] < 150;
        g_assert_cmpuint(dark, >, 100);
    }
}

static void
bad_sizes(void)
{
    g_autoptr(OrfMesh) mesh = box(1, 1, 1);
    g_autoptr(OrfAsset) asset = orf_asset_new(mesh, NULL, 0);
    static const unsigned widths[] = { 0, 100, 20000 };
    for (unsigned i = 0; i < G_N_ELEMENTS(widths); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(orf_asset_contact_sheet(NULL, asset, widths[i], &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!orf_image_init(NULL))
        return 1;
    g_test_add_func("/asset/contact/shows-four-views-at-one-scale", sheet_has_four_views);
    g_test_add_func("/asset/contact/names-views-and-sizes", has_captions);
    g_test_add_func("/asset/contact/refuses-impossible-widths", bad_sizes);
    return g_test_run();
}
