/* load_test.c - what comes in upright, sRGB and within limits, and what is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image-priv.h"

#include <math.h>
#include <string.h>

/* --- Pictures made in code ------------------------------------------------------------------------- */

/* 48 x 32, no two corners alike, smooth enough for JPEG. */
static VipsImage *
sample_rgb(int width, int height)
{
    uint8_t *rgb = g_malloc((size_t)width * (size_t)height * 3), *at = rgb;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, at += 3) {
            at[0] = (uint8_t)(20 + 200 * x / width);
            at[1] = (uint8_t)(20 + 200 * y / height);
            at[2] = (uint8_t)(x > width / 2 ? 180 : 60);
        }
    g_autoptr(OrfVips) raw = vips_image_new_from_memory_copy(
        rgb, (size_t)width * (size_t)height * 3, width, height, 3, VIPS_FORMAT_UCHAR);
    g_free(rgb);
    VipsImage *out;
    g_assert_cmpint(vips_copy(raw, &out, "interpretation", VIPS_INTERPRETATION_sRGB, NULL), ==,
                    0);
    return out;
}

/* A picture of one pixel value; `space` decides how it is saved. */
static VipsImage *
constant(int width, int height, int bands, VipsBandFormat format, VipsInterpretation space,
         const double *value)
{
    g_autoptr(OrfVips) black = NULL, sum = NULL, cast = NULL;
    double ones[4] = { 1, 1, 1, 1 };
    VipsImage *out;
    g_assert_cmpint(vips_black(&black, width, height, "bands", bands, NULL), ==, 0);
    g_assert_cmpint(vips_linear(black, &sum, ones, value, bands, NULL), ==, 0);
    g_assert_cmpint(vips_cast(sum, &cast, format, NULL), ==, 0);
    g_assert_cmpint(vips_copy(cast, &out, "interpretation", space, NULL), ==, 0);
    return out;
}

static GBytes *
saved(VipsImage *image, const char *suffix)
{
    void *data;
    size_t size;
    g_assert_cmpint(vips_image_write_to_buffer(image, suffix, &data, &size, NULL), ==, 0);
    return g_bytes_new_take(data, size);
}

static GBytes *
picture(int width, int height, const char *suffix)
{
    g_autoptr(OrfVips) image = sample_rgb(width, height);
    return saved(image, suffix);
}

static GBytes *
truncated(GBytes *whole, double share)
{
    return g_bytes_new_from_bytes(whole, 0, (size_t)((double)g_bytes_get_size(whole) * share));
}

static OrfImage *
load(GBytes *bytes, const OrfImageLoad *options)
{
    g_autoptr(GError) error = NULL;
    OrfImage *image = orf_image_load(NULL, bytes, "test", options, &error);
    g_assert_no_error(error);
    return image;
}

static void
assert_near(const OrfImage *a, const OrfImage *b, int tolerance)
{
    g_assert_cmpuint(a->width, ==, b->width);
    g_assert_cmpuint(a->height, ==, b->height);
    g_assert_cmpuint(a->channels, ==, b->channels);
    for (size_t i = 0; i < a->height * orf_image_row_samples(a); i++)
        g_assert_cmpint(abs((int)orf_image_u8(a)[i] - (int)orf_image_u8(b)[i]), <=, tolerance);
}

static double
mean_difference(const OrfImage *a, const OrfImage *b)
{
    size_t n = a->height * orf_image_row_samples(a);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += abs((int)orf_image_u8(a)[i] - (int)orf_image_u8(b)[i]);
    return sum / (double)n;
}

/* --- What comes in ------------------------------------------------------------------------------------ */

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
            rgb = orf_image_fill_hidden(NULL, image, NULL);
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

/* --- SVG ------------------------------------------------------------------------------------------------ */

static GBytes *
text_bytes(const char *text)
{
    return g_bytes_new(text, strlen(text));
}

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

/* --- What is refused ------------------------------------------------------------------------------------- */

static void
put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t
crc32_of(const uint8_t *data, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= data[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

/* A small PNG that claims another size. */
static GBytes *
lying_png(uint32_t width, uint32_t height)
{
    g_autoptr(GBytes) honest = picture(48, 32, ".png");
    size_t size = g_bytes_get_size(honest);
    uint8_t *data = g_memdup2(g_bytes_get_data(honest, NULL), size);
    put32(data + 16, width);
    put32(data + 20, height);
    put32(data + 29, crc32_of(data + 12, 17));
    return g_bytes_new_take(data, size);
}

static void
refuses(GBytes *bytes, int code, const char *words)
{
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = 128 << 20 });
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfImage) image =
        orf_image_load(task, bytes, "bad.pic", &(OrfImageLoad){ .max_side = 256 }, &error);
    g_assert_error(error, ORF_ERROR, code);
    g_assert_null(image);
    g_test_message("%s", error->message);
    g_assert_true(g_str_has_prefix(error->message, "bad.pic: "));
    g_assert_nonnull(strstr(error->message, words));
    g_assert_nonnull(strchr(error->message, ';'));
}

static void
svg_of_giant_size_is_drawn_small(void)
{
    g_autoptr(GBytes) bytes =
        text_bytes("<svg xmlns='http://www.w3.org/2000/svg' width='900000' height='300000' "
                   "viewBox='0 0 9 3'><rect width='9' height='3' fill='#00ff00'/></svg>");
    g_autoptr(OrfImage) image = load(bytes, &(OrfImageLoad){ .max_side = 90 });
    g_assert_cmpuint(image->width, ==, 90);
    g_assert_cmpuint(image->height, ==, 30);
    g_autoptr(GBytes) endless = text_bytes("<svg xmlns='http://www.w3.org/2000/svg' "
                                           "width='1e9' height='1e9'><rect/></svg>");
    refuses(endless, ORF_ERROR_TOO_LARGE, "smaller width");
}

static void
truncated_files(void)
{
    static const char *const suffixes[] = {
        ".jpg", ".jpg[interlace]",          ".png", ".png[interlace]", ".webp",
        ".tif", ".tif[compression=deflate]"
    };
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autoptr(GBytes) whole = picture(480, 320, suffixes[i]);
        static const double shares[] = { 0.9, 0.5, 0.05 };
        for (size_t k = 0; k < G_N_ELEMENTS(shares); k++) {
            g_test_message("%s cut to %g", suffixes[i], shares[k]);
            g_autoptr(GBytes) part = truncated(whole, shares[k]);
            refuses(part, ORF_ERROR_BAD_INPUT, "damaged or cut short");
        }
    }
}

static void
lying_headers(void)
{
    g_autoptr(GBytes) giant = lying_png(100000, 100000);
    refuses(giant, ORF_ERROR_TOO_LARGE, "100000 x 100000 pixels");
    g_autoptr(GBytes) tall = lying_png(48, 90000);
    refuses(tall, ORF_ERROR_TOO_LARGE, "90000");
    g_autoptr(GBytes) larger = lying_png(4000, 4000);
    refuses(larger, ORF_ERROR_BAD_INPUT, "damaged");
    g_autoptr(GBytes) empty = lying_png(0, 0);
    refuses(empty, ORF_ERROR_BAD_INPUT, "damaged");
}

static void
not_pictures(void)
{
    g_autoptr(GBytes) nothing = g_bytes_new(NULL, 0);
    refuses(nothing, ORF_ERROR_BAD_INPUT, "empty");
    g_autoptr(GBytes) text = text_bytes("dear diary, today I drew a horse\n");
    refuses(text, ORF_ERROR_UNSUPPORTED, "give a JPEG, PNG");
    g_autoptr(GBytes) pdf = text_bytes("%PDF-1.4\n");
    refuses(pdf, ORF_ERROR_UNSUPPORTED, "PDF");
    g_autoptr(GBytes) xml = text_bytes("<?xml version='1.0'?><html/>");
    refuses(xml, ORF_ERROR_UNSUPPORTED, "not a picture");
    g_autoptr(GBytes) svg = text_bytes("<svg xmlns='http://www.w3.org/2000/svg'><rect");
    refuses(svg, ORF_ERROR_BAD_INPUT, "SVG");
    g_autoptr(GBytes) flat =
        text_bytes("<svg xmlns='http://www.w3.org/2000/svg' width='0' height='0'/>");
    refuses(flat, ORF_ERROR_BAD_INPUT, "SVG");
}

static void
entity_bomb(void)
{
    g_autoptr(GString) text = g_string_new("<!DOCTYPE svg [<!ENTITY a0 'aaaaaaaaaa'>");
    for (int i = 1; i < 12; i++) {
        g_string_append_printf(text, "<!ENTITY a%d '", i);
        for (int k = 0; k < 10; k++)
            g_string_append_printf(text, "&a%d;", i - 1);
        g_string_append(text, "'>");
    }
    g_string_append(text, "]><svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>"
                          "<text>&a11;</text></svg>");
    g_autoptr(GBytes) svg = text_bytes(text->str);
    refuses(svg, ORF_ERROR_BAD_INPUT, "SVG");
}

/* An interlaced picture of 49 megapixels in a few kilobytes does not fit 128 MiB. */
static void
decompression_bomb(void)
{
    double value[4] = { 1, 2, 3 };
    g_autoptr(OrfVips) image =
        constant(7000, 7000, 3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, value);
    g_autoptr(GBytes) bytes = saved(image, ".png[interlace,compression=1]");
    refuses(bytes, ORF_ERROR_TOO_LARGE, "memory budget");
}

static void
one_pixel(void)
{
    static const char *const suffixes[] = { ".png", ".jpg", ".webp", ".tif", ".gif" };
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autoptr(GBytes) bytes = picture(1, 1, suffixes[i]);
        g_autoptr(OrfImage) image = load(bytes, &(OrfImageLoad){ .max_side = 64 });
        g_assert_cmpuint(image->width, ==, 1);
    }
}

static void
stays_within_the_budget(void)
{
    g_autoptr(GBytes) bytes = picture(2000, 1500, ".png");
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = 4 << 20 });
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfImage) full = orf_image_load(task, bytes, "test", NULL, &error);
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
    g_autoptr(OrfImage) small =
        orf_image_load(task, bytes, "test", &(OrfImageLoad){ .max_side = 300 }, NULL);
    g_assert_nonnull(small);
}

static void
cancelled_task_loads_nothing(void)
{
    g_autoptr(GBytes) bytes = picture(480, 320, ".jpg");
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    orf_task_cancel(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfImage) image = orf_image_load(task, bytes, "test", NULL, &error);
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
    g_assert_null(image);
}

/* --- Save ------------------------------------------------------------------------------------------------- */

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

/* libvips warns of bad files and is not heard; any other warning is our fault. */
static void
no_warnings(const char *domain, GLogLevelFlags level, const char *text, void *unused)
{
    (void)level, (void)unused;
    g_printerr("%s: %s\n", domain, text);
    abort();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK);
    g_log_set_default_handler(no_warnings, NULL);
    g_assert_true(orf_image_init(NULL));
    vips_operation_block_set("VipsForeignSave", FALSE);
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
    g_test_add_func("/image/load/svg-has-the-side-asked-for", svg_has_the_side_asked_for);
    g_test_add_func("/image/load/giant-svg-is-drawn-small", svg_of_giant_size_is_drawn_small);
    g_test_add_func("/image/load/svg-reads-no-files", svg_reads_no_files);
    g_test_add_func("/image/load/svg-entity-bomb-is-refused", entity_bomb);
    g_test_add_func("/image/load/truncated-files-are-refused", truncated_files);
    g_test_add_func("/image/load/lying-headers-are-refused", lying_headers);
    g_test_add_func("/image/load/what-is-no-picture-is-named", not_pictures);
    g_test_add_func("/image/load/decompression-bomb-meets-the-budget", decompression_bomb);
    g_test_add_func("/image/load/one-pixel-is-a-picture", one_pixel);
    g_test_add_func("/image/load/stays-within-the-budget", stays_within_the_budget);
    g_test_add_func("/image/load/cancelled-task-loads-nothing", cancelled_task_loads_nothing);
    g_test_add_func("/image/save/saving-keeps-pixels", saving_keeps_pixels);
    g_test_add_func("/image/save/jpeg-lays-alpha-on-white", jpeg_lays_alpha_on_white);
    g_test_add_func("/image/save/unknown-format-is-named", unknown_encoder);
    return g_test_run();
}
