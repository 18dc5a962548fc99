/* load_test.c - what comes in comes in upright, sRGB and of the size asked for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "pictures_test.h"

/* --- What comes in ------------------------------------------------------------------------ */

static OrfImage *
without_alpha(const OrfImage *rgba)
{
    OrfImage *rgb = orf_image_blank(NULL, rgba->width, rgba->height, 3, ORF_U8, "test", NULL);
    for (size_t i = 0; i < (size_t)rgba->width * rgba->height; i++)
        memcpy((uint8_t *)rgb->pixels + 3 * i, (uint8_t *)rgba->pixels + 4 * i, 3);
    return rgb;
}

static void
every_format(void)
{
    static const struct {
        const char *suffix, *format;
        int tolerance;
    } cases[] = { { ".png", "png", 0 },
                  { ".png[interlace]", "png", 0 },
                  { ".tif", "tiff", 0 },
                  { ".tif[tile,compression=lzw]", "tiff", 0 },
                  { ".webp[lossless]", "webp", 0 },
                  { ".jpg[Q=98,subsample_mode=off]", "jpeg", 8 },
                  { ".jpg[Q=98,subsample_mode=off,interlace]", "jpeg", 8 },
                  { ".gif", "gif", 16 } };
    g_autoptr(GBytes) reference = picture(48, 32, ".png");
    g_autoptr(OrfImage) truth = load(reference, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GBytes) bytes = picture(48, 32, cases[i].suffix);
        g_autoptr(GError) error = NULL;
        OrfImageInfo info;
        g_assert_true(orf_image_probe(bytes, "test", &info, &error));
        g_assert_cmpstr(info.format, ==, cases[i].format);
        g_assert_cmpuint(info.width, ==, 48);
        g_assert_cmpuint(info.height, ==, 32);
        g_autoptr(OrfImage) image = load(bytes, NULL);
        g_autoptr(OrfImage) rgb = orf_image_ref(image);
        if (image->channels == 4) { /* our GIF encoder keeps room for alpha */
            orf_image_unref(rgb);
            rgb = without_alpha(image);
        }
        assert_near(rgb, truth, cases[i].tolerance);
    }
}

static void
heif_where_built(void)
{
    if (!vips_type_find("VipsOperation", "heifsave_buffer")) {
        g_test_skip("skip: needs libvips with an AVIF encoder");
        return;
    }
    g_autoptr(OrfVips) image = sample_rgb(64, 48);
    void *data;
    size_t size;
    if (vips_heifsave_buffer(image, &data, &size, "Q", 95, "compression",
                             VIPS_FOREIGN_HEIF_COMPRESSION_AV1, "effort", 0, NULL) != 0) {
        vips_error_clear();
        g_test_skip("skip: needs libheif with an AV1 encoder");
        return;
    }
    g_autoptr(GBytes) bytes = g_bytes_new_take(data, size);
    g_autoptr(GBytes) reference = picture(64, 48, ".png");
    g_autoptr(OrfImage) truth = load(reference, NULL);
    g_autoptr(OrfImage) avif = load(bytes, NULL);
    assert_near(avif, truth, 24);
}

/* Orientations 6 and 8 undo each other, the others themselves. */
static void
orientations_come_out_equal(void)
{
    static const int undo[9] = { 0, 1, 2, 3, 4, 5, 8, 7, 6 };
    g_autoptr(GBytes) reference = picture(48, 32, ".png");
    g_autoptr(OrfImage) truth = load(reference, NULL);
    for (int orientation = 1; orientation <= 8; orientation++) {
        g_autoptr(OrfVips) upright = sample_rgb(48, 32);
        g_autoptr(OrfVips) stored = NULL;
        vips_image_set_int(upright, VIPS_META_ORIENTATION, undo[orientation]);
        g_assert_cmpint(vips_autorot(upright, &stored, NULL), ==, 0);
        vips_image_set_int(stored, VIPS_META_ORIENTATION, orientation);
        g_autoptr(GBytes) tiff = saved(stored, ".tif");
        g_autoptr(OrfImage) exact = load(tiff, NULL);
        assert_near(exact, truth, 0);
        g_autoptr(GBytes) jpeg = saved(stored, ".jpg[Q=98,subsample_mode=off]");
        g_autoptr(OrfImage) near = load(jpeg, NULL);
        assert_near(near, truth, 8);
        OrfImageInfo info;
        g_assert_true(orf_image_probe(jpeg, "test", &info, NULL));
        g_assert_cmpuint(info.width, ==, 48);
        g_assert_cmpuint(info.height, ==, 32);
    }
}

static void
shrinks_on_load(void)
{
    static const char *const suffixes[] = { ".jpg", ".jpg[interlace]", ".png", ".webp" };
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++)
        for (int fast = 0; fast < 2; fast++) {
            g_autoptr(GBytes) bytes = picture(1210, 803, suffixes[i]);
            g_autoptr(OrfImage) image =
                load(bytes, &(OrfImageLoad){ .max_side = 100, .fast = fast });
            g_assert_cmpuint(image->width, ==, 100);
            g_assert_cmpuint(image->height, ==, 66);
            g_autoptr(OrfImage) full = load(bytes, NULL);
            g_autoptr(OrfImage) truth = orf_image_resize(NULL, full, 100, 66, NULL);
            g_assert_cmpfloat(mean_difference(image, truth), <, 2);
        }
}

static void
never_grows_a_raster(void)
{
    g_autoptr(GBytes) bytes = picture(48, 32, ".png");
    g_autoptr(OrfImage) image = load(bytes, &(OrfImageLoad){ .max_side = 500 });
    g_assert_cmpuint(image->width, ==, 48);
}

static void
cmyk_becomes_rgb(void)
{
    g_autoptr(OrfVips) rgb = sample_rgb(48, 32);
    g_autoptr(OrfVips) cmyk = NULL;
    g_assert_cmpint(vips_colourspace(rgb, &cmyk, VIPS_INTERPRETATION_CMYK, NULL), ==, 0);
    g_autoptr(GBytes) bytes = saved(cmyk, ".jpg[Q=98]");
    g_autoptr(OrfImage) image = load(bytes, NULL);
    g_assert_cmpuint(image->channels, ==, 3);
    g_autoptr(GBytes) reference = picture(48, 32, ".png");
    g_autoptr(OrfImage) truth = load(reference, NULL);
    g_assert_cmpfloat(mean_difference(image, truth), <, 15); /* print colours are fewer */
}

static void
sixteen_bits_and_alpha(void)
{
    double value[4] = { 65535, 32768, 257, 0x8080 };
    g_autoptr(OrfVips) deep =
        constant(5, 4, 4, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_RGB16, value);
    g_autoptr(GBytes) bytes = saved(deep, ".png");
    OrfImageInfo info;
    g_assert_true(orf_image_probe(bytes, "test", &info, NULL));
    g_assert_cmpuint(info.bits, ==, 16);
    g_assert_cmpuint(info.channels, ==, 4);
    g_assert_true(info.has_alpha);
    g_autoptr(OrfImage) kept = load(bytes, &(OrfImageLoad){ .keep_16 = true });
    for (int c = 0; c < 4; c++)
        g_assert_cmpuint(orf_image_u16(kept)[c], ==, (unsigned)value[c]);
    g_autoptr(OrfImage) eight = load(bytes, NULL);
    static const uint8_t want[4] = { 255, 128, 1, 128 };
    for (int c = 0; c < 4; c++)
        g_assert_cmpuint(orf_image_u8(eight)[c], ==, want[c]);
}

static void
grey_and_alpha(void)
{
    double value[4] = { 90, 200 };
    g_autoptr(OrfVips) grey =
        constant(5, 4, 2, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, value);
    g_autoptr(GBytes) bytes = saved(grey, ".png");
    g_autoptr(OrfImage) rgba = load(bytes, NULL);
    static const uint8_t want[4] = { 90, 90, 90, 200 };
    g_assert_cmpmem(orf_image_u8(rgba), 4, want, 4);
    g_autoptr(OrfImage) two = load(bytes, &(OrfImageLoad){ .keep_grey = true });
    g_assert_cmpuint(two->channels, ==, 2);
    g_assert_cmpuint(orf_image_u8(two)[0], ==, 90);
    g_assert_cmpuint(orf_image_u8(two)[1], ==, 200);
}

static void
grey_sixteen_is_exact(void)
{
    double value[4] = { 12345 };
    g_autoptr(OrfVips) grey =
        constant(7, 3, 1, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_GREY16, value);
    g_autoptr(GBytes) bytes = saved(grey, ".png");
    g_autoptr(OrfImage) image =
        load(bytes, &(OrfImageLoad){ .keep_16 = true, .keep_grey = true });
    g_assert_cmpuint(image->channels, ==, 1);
    for (int i = 0; i < 21; i++)
        g_assert_cmpuint(orf_image_u16(image)[i], ==, 12345);
}

static void
palette_with_transparency(void)
{
    double value[4] = { 250, 10, 20, 0 };
    g_autoptr(OrfVips) clear =
        constant(6, 6, 4, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, value);
    g_autoptr(GBytes) bytes = saved(clear, ".png[palette]");
    g_autoptr(OrfImage) image = load(bytes, NULL);
    g_assert_cmpuint(image->channels, ==, 4);
    g_assert_cmpuint(orf_image_u8(image)[3], ==, 0);
}

/* A wide-gamut profile turns full red of the file into another red of sRGB. */
static void
profiles_are_honoured(void)
{
    double value[4] = { 128, 128, 128 };
    g_autoptr(OrfVips) plain =
        constant(8, 8, 3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, value);
    g_autoptr(OrfVips) p3 = NULL;
    g_assert_cmpint(vips_icc_transform(plain, &p3, "p3", "input_profile", "srgb", NULL), ==, 0);
    g_autoptr(OrfVips) red = NULL;
    double full[3] = { 200, 60, 60 }, none[3] = { 0, 0, 0 };
    g_assert_cmpint(vips_linear(p3, &red, none, full, 3, "uchar", TRUE, NULL), ==, 0);
    g_autoptr(GBytes) bytes = saved(red, ".png");
    g_autoptr(OrfImage) image = load(bytes, NULL);
    g_assert_cmpuint(orf_image_u8(image)[0], >, 205); /* more vivid in sRGB numbers */
    g_assert_cmpuint(orf_image_u8(image)[1], <, 60);
}

static void
broken_profile_is_ignored(void)
{
    g_autoptr(OrfVips) image = sample_rgb(48, 32);
    vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, "not a profile", 13);
    g_autoptr(GBytes) bytes = saved(image, ".jpg");
    g_autoptr(OrfImage) loaded = load(bytes, NULL);
    g_assert_cmpuint(loaded->width, ==, 48);
}

static void
float_tiff_with_nan(void)
{
    float value[4] = { -100, NAN, INFINITY, 300 };
    g_autoptr(OrfVips) raw =
        vips_image_new_from_memory_copy(value, sizeof value, 2, 2, 1, VIPS_FORMAT_FLOAT);
    g_autoptr(GBytes) bytes = saved(raw, ".tif");
    g_autoptr(OrfImage) image =
        load(bytes, &(OrfImageLoad){ .keep_16 = true, .keep_grey = true });
    g_assert_cmpuint(image->channels, ==, 1);
    const uint16_t *out = orf_image_u16(image);
    static const uint16_t want[4] = { 0, 0, 0, 65535 };
    for (int i = 0; i < 4; i++)
        g_assert_cmpuint(out[i], ==, want[i]);
}

static void
first_frame_only(void)
{
    g_autoptr(OrfVips) a = sample_rgb(20, 10);
    g_autoptr(OrfVips) b = NULL, both = NULL;
    g_assert_cmpint(vips_invert(a, &b, NULL), ==, 0);
    VipsImage *frames[2] = { a, b };
    g_assert_cmpint(vips_arrayjoin(frames, &both, 2, "across", 1, NULL), ==, 0);
    vips_image_set_int(both, VIPS_META_PAGE_HEIGHT, 10);
    g_autoptr(GBytes) bytes = saved(both, ".webp[lossless]");
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(OrfImage) image = orf_image_load(task, bytes, "film.webp", NULL, NULL);
    g_assert_cmpuint(image->height, ==, 10);
    g_auto(GStrv) notes = orf_task_notes(task);
    g_assert_cmpstr(notes[0], ==, "film.webp: the first of 2 frames is used");
}

/* The pictures of tests/data, which other programs wrote. */
static void
real_pictures(void)
{
    static const struct {
        const char *name, *format;
        unsigned width, height, bits;
    } cases[] = { { "cup.jpg", "jpeg", 600, 400, 8 },
                  { "cat.jpg", "jpeg", 451, 300, 8 },
                  { "portrait.jpg", "jpeg", 512, 600, 8 },
                  { "heightmap16.png", "png", 201, 172, 16 },
                  { "gears.svg", "svg", 794, 1123, 8 } };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path =
            g_test_build_filename(G_TEST_DIST, "tests", "data", cases[i].name, NULL);
        char *data;
        size_t size;
        g_assert_true(g_file_get_contents(path, &data, &size, NULL));
        g_autoptr(GBytes) bytes = g_bytes_new_take(data, size);
        OrfImageInfo info;
        g_assert_true(orf_image_probe(bytes, cases[i].name, &info, NULL));
        g_assert_cmpstr(info.format, ==, cases[i].format);
        g_assert_cmpuint(info.width, ==, cases[i].width);
        g_assert_cmpuint(info.height, ==, cases[i].height);
        g_assert_cmpuint(info.bits, ==, cases[i].bits);
        g_autoptr(OrfImage) image =
            load(bytes, &(OrfImageLoad){ .max_side = 160, .fast = true });
        g_assert_cmpuint(MAX(image->width, image->height), ==, 160);
    }
}

/* --- SVG ---------------------------------------------------------------------------------- */

static void
svg_has_the_side_asked_for(void)
{
    g_autoptr(GBytes) bytes =
        text_bytes("<svg xmlns='http://www.w3.org/2000/svg' width='30' height='15'>"
                   "<rect width='15' height='15' fill='#ff0000'/></svg>");
    OrfImageInfo info;
    g_assert_true(orf_image_probe(bytes, "test", &info, NULL));
    g_assert_true(info.vector);
    g_assert_cmpuint(info.width, ==, 30);
    static const unsigned sides[] = { 7, 30, 333, 1001 };
    for (size_t i = 0; i < G_N_ELEMENTS(sides); i++) {
        g_autoptr(OrfImage) image = load(bytes, &(OrfImageLoad){ .max_side = sides[i] });
        g_assert_cmpuint(image->width, ==, sides[i]);
        g_assert_cmpuint(image->channels, ==, 4);
        static const uint8_t red[4] = { 255, 0, 0, 255 };
        g_assert_cmpmem(orf_image_u8(image), 4, red, 4);
        g_assert_cmpuint(orf_image_u8(image)[4 * sides[i] - 1], ==, 0);
    }
    g_autoptr(OrfImage) image = load(bytes, NULL);
    g_assert_cmpuint(image->width, ==, 2048);
}

/* Nothing of a local file may appear: entities and pictures by path stay empty. */
static void
svg_without_size_is_drawn_whole(void)
{
    static const char *const heads[] = {
        "<svg xmlns='http://www.w3.org/2000/svg'>",
        "<svg xmlns='http://www.w3.org/2000/svg' width='100%' height='100%'>",
        "<svg xmlns='http://www.w3.org/2000/svg' width='100%' height='50%' "
        "viewBox='30 40 20 10'>",
        "<svg xmlns='http://www.w3.org/2000/svg' height='25%' viewBox='30 40 20 10'>",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(heads); i++) {
        g_autofree char *text = g_strconcat(
            heads[i], "<rect x='30' y='40' width='20' height='10' fill='#ff0000'/></svg>",
            NULL);
        g_autoptr(GBytes) svg = text_bytes(text);
        g_autoptr(OrfImage) image = load(svg, &(OrfImageLoad){ .max_side = 40 });
        g_assert_cmpuint(orf_image_width(image), ==, 40);
        g_assert_cmpuint(orf_image_height(image), ==, 20);
        g_test_message("%s", heads[i]);
        const uint8_t *rgba = orf_image_u8(image);
        for (size_t k = 0; k < 800; k++)
            g_assert_cmpuint(rgba[4 * k + 3], >, 250);
    }
}

static void
svg_says_what_it_refers_to(void)
{
    g_autoptr(GBytes) all = text_bytes("<svg xmlns='http://www.w3.org/2000/svg' width='9' "
                                       "height='9'><image href='photo.png' width='9' "
                                       "height='9'/></svg>");
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_image_load(NULL, all, "x.svg", NULL, &error));
    g_assert_nonnull(strstr(error->message, "'photo.png'"));
    g_autoptr(GBytes) some = text_bytes(
        "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' "
        "width='9' height='9'><defs><rect id='r' width='9' height='9'/></defs>"
        "<a href='https://models.example/'><use xlink:href='#r'/></a></svg>");
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(OrfImage) image = orf_image_load(task, some, "x.svg", NULL, NULL);
    g_assert_nonnull(image);
    g_auto(GStrv) notes = orf_task_notes(task);
    g_assert_null(notes[0]);
}

static void
jpeg_without_end_is_whole_and_cut_is_cut(void)
{
    static const char *const kinds[] = { ".jpg[Q=90]", ".jpg[Q=90,interlace]" };
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autoptr(GBytes) whole = picture(320, 200, kinds[i]);
        size_t size = g_bytes_get_size(whole);
        g_autoptr(OrfImage) truth = load(whole, NULL);
        for (size_t cut = 1; cut <= 2; cut++) {
            g_autoptr(GBytes) open = g_bytes_new_from_bytes(whole, 0, size - cut);
            g_autoptr(OrfImage) image = load(open, NULL);
            g_assert_cmpmem(orf_image_u8(image), 320 * 200 * 3, orf_image_u8(truth),
                            320 * 200 * 3);
        }
        g_autoptr(GBytes) half = g_bytes_new_from_bytes(whole, 0, size - size / 4);
        g_autoptr(GError) error = NULL;
        g_assert_null(orf_image_load(NULL, half, "half.jpg", NULL, &error));
        g_assert_cmpstr(error->message, ==,
                        "half.jpg: the JPEG is damaged or cut short; export it again");
    }
}

static void
numbers_that_mean_nothing_is_known_are_found(void)
{
    static const struct {
        float values[8];
        bool found;
        float which;
    } cases[] = {
        { { -9999, 1, 2, 3, 4, 5, 6, 7 }, true, -9999 },
        { { 1200, 1300, 2500, 32767, 1800, 32767, 1700, 1250 }, true, 32767 },
        { { -3.4028235e38f, 0, 0, 0, 1, 0, 0, 0 }, true, -3.4028235e38f },
        { { 5, 5, 5, 1e32f, 5, 5, 5, 5 }, true, 1e32f },
        { { -777, -777, -777, -777, 1, 2, 3, 4 }, true, -777 },
        { { -777, 1, 2, 3, 4, 5, 6, 7 }, false, 0 },                /* one deep place */
        { { -9999, -9998, -9990, -9000, 0, 500, 1, 2 }, false, 0 }, /* the bottom of a sea */
        { { 0, 1, 0, 1, 0, 1, 0, 1 }, false, 0 },
        { { 3, 3, 3, 3, 3, 3, 3, 3 }, false, 0 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        float which = 0;
        g_assert_cmpint(orf_image_nodata_guess(cases[i].values, 8, &which), ==, cases[i].found);
        g_assert_cmpfloat(which, ==, cases[i].which);
    }
    g_assert_false(orf_image_nodata_guess(NULL, 0, NULL));
}

/* A little TIFF by hand: its first tag is GDAL's, of "-32" and of "-9999". */
static void
the_tag_of_gdal_is_read(void)
{
    static const uint8_t inside[] = "II*\0\10\0\0\0\1\0\201\244\2\0\4\0\0\0-32\0\0\0\0";
    static const uint8_t apart[] = "MM\0*\0\0\0\10\0\1\244\201\0\2\0\0\0\6\0\0\0\26-9999";
    g_autoptr(GBytes) a = g_bytes_new_static(inside, sizeof inside);
    g_autoptr(GBytes) b = g_bytes_new_static(apart, sizeof apart);
    double value = 0;
    g_assert_true(orf_image_nodata_tag(a, &value));
    g_assert_cmpfloat(value, ==, -32);
    g_assert_true(orf_image_nodata_tag(b, &value));
    g_assert_cmpfloat(value, ==, -9999);
    for (size_t n = 0; n < sizeof apart; n++) { /* cut anywhere: nothing is read behind it */
        g_autofree uint8_t *copy = g_memdup2(apart, n);
        g_autoptr(GBytes) cut = g_bytes_new(copy, n);
        orf_image_nodata_tag(cut, &value);
    }
}

static void
svg_reads_no_files(void)
{
    g_autofree char *folder = g_dir_make_tmp("orfeas-svg-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "red.png", NULL);
    double red[4] = { 255, 0, 0 };
    g_autoptr(OrfVips) image =
        constant(16, 16, 3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, red);
    g_autoptr(GBytes) png = saved(image, ".png");
    g_file_set_contents(path, g_bytes_get_data(png, NULL), (gssize)g_bytes_get_size(png), NULL);
    g_autofree char *text = g_strdup_printf(
        "<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY x SYSTEM 'file://%s'>]>"
        "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' "
        "xmlns:xi='http://www.w3.org/2001/XInclude' width='16' height='16'>"
        "<image xlink:href='file://%s' width='16' height='16'/>"
        "<image xlink:href='%s' width='16' height='16'/>"
        "<xi:include href='file://%s' parse='text'/></svg>",
        path, path, path, path);
    g_autoptr(GBytes) svg = text_bytes(text);
    g_autoptr(OrfImage) drawn = orf_image_load(NULL, svg, "test", NULL, NULL);
    for (size_t i = 0; drawn && i < drawn->height * orf_image_row_samples(drawn); i++)
        g_assert_cmpuint(orf_image_u8(drawn)[i], ==, 0);
    g_remove(path);
    g_rmdir(folder);
}

int
main(int argc, char **argv)
{
    start_tests(&argc, &argv);
    g_test_add_func("/image/load/every-format-gives-the-same-picture", every_format);
    g_test_add_func("/image/load/avif-where-libvips-has-it", heif_where_built);
    g_test_add_func("/image/load/all-eight-orientations-come-out-equal",
                    orientations_come_out_equal);
    g_test_add_func("/image/load/shrunk-load-equals-load-then-shrink", shrinks_on_load);
    g_test_add_func("/image/load/a-raster-never-grows", never_grows_a_raster);
    g_test_add_func("/image/load/cmyk-becomes-srgb", cmyk_becomes_rgb);
    g_test_add_func("/image/load/sixteen-bits-with-alpha", sixteen_bits_and_alpha);
    g_test_add_func("/image/load/grey-with-alpha", grey_and_alpha);
    g_test_add_func("/image/load/sixteen-bit-grey-is-exact", grey_sixteen_is_exact);
    g_test_add_func("/image/load/palette-with-transparency", palette_with_transparency);
    g_test_add_func("/image/load/icc-profiles-are-honoured", profiles_are_honoured);
    g_test_add_func("/image/load/broken-profile-is-ignored", broken_profile_is_ignored);
    g_test_add_func("/image/load/float-tiff-with-nan-becomes-finite", float_tiff_with_nan);
    g_test_add_func("/image/load/first-frame-of-many", first_frame_only);
    g_test_add_func("/image/load/real-pictures-have-their-sizes", real_pictures);
    g_test_add_func("/image/load/svg-has-the-side-asked-for", svg_has_the_side_asked_for);
    g_test_add_func("/image/load/svg-without-size-is-drawn-whole",
                    svg_without_size_is_drawn_whole);
    g_test_add_func("/image/load/svg-says-what-it-refers-to", svg_says_what_it_refers_to);
    g_test_add_func("/image/load/jpeg-without-end-is-whole-and-cut-is-cut",
                    jpeg_without_end_is_whole_and_cut_is_cut);
    g_test_add_func("/image/load/numbers-that-mean-nothing-is-known-are-found",
                    numbers_that_mean_nothing_is_known_are_found);
    g_test_add_func("/image/load/the-tag-of-gdal-is-read", the_tag_of_gdal_is_read);
    g_test_add_func("/image/load/svg-reads-no-files", svg_reads_no_files);
    return g_test_run();
}
