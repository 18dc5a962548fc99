/* refuse_test.c - bad pictures are refused with a reason, in little time and memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "pictures_test.h"

/* --- What is refused ---------------------------------------------------------------------- */

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
    refuses(svg, ORF_ERROR_TOO_LARGE, "SVG");
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

/* The smallest GIF, its one frame repeated. */
static GBytes *
film(unsigned frames)
{
    static const uint8_t head[] = "GIF89a\1\0\1\0\x80\0\0\xff\0\0\0\0\xff";
    static const uint8_t frame[] = ",\0\0\0\0\1\0\1\0\0\2\2\x44\1";
    GByteArray *file = g_byte_array_new();
    g_byte_array_append(file, head, sizeof head - 1);
    for (unsigned i = 0; i < frames; i++)
        g_byte_array_append(file, frame, sizeof frame); /* the NUL ends its data */
    g_byte_array_append(file, (const uint8_t *)";", 1);
    return g_byte_array_free_to_bytes(file);
}

static void
endless_films(void)
{
    g_autoptr(GBytes) some = film(500);
    g_autoptr(OrfImage) image = load(some, NULL);
    g_assert_cmpuint(image->height, ==, 1);
    g_autoptr(GBytes) endless = film(5000);
    refuses(endless, ORF_ERROR_TOO_LARGE, "more than 4096 frames");
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
    g_assert_null(orf_image_load(task, bytes, "test", NULL, &error));
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

static void
cancel_early(const char *step, double fraction, void *task_at)
{
    (void)step;
    if (fraction > 0.2)
        orf_task_cancel(*(OrfTask **)task_at);
}

static void
cancelled_while_decoding(void)
{
    static const char *const suffixes[] = { ".jpg", ".png", ".tif" };
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autoptr(GBytes) bytes = picture(480, 320, suffixes[i]);
        OrfTask *listened = NULL;
        g_autoptr(OrfTask) task = orf_task_new(
            &(OrfTaskOptions){ .progress = cancel_early, .progress_data = &listened });
        listened = task;
        g_autoptr(GError) error = NULL;
        g_assert_null(orf_image_load(task, bytes, "test", NULL, &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
    }
}

int
main(int argc, char **argv)
{
    start_tests(&argc, &argv);
    g_test_add_func("/image/refuse/giant-svg-is-drawn-small", svg_of_giant_size_is_drawn_small);
    g_test_add_func("/image/refuse/svg-entity-bomb-is-refused", entity_bomb);
    g_test_add_func("/image/refuse/truncated-files-are-refused", truncated_files);
    g_test_add_func("/image/refuse/lying-headers-are-refused", lying_headers);
    g_test_add_func("/image/refuse/what-is-no-picture-is-named", not_pictures);
    g_test_add_func("/image/refuse/decompression-bomb-meets-the-budget", decompression_bomb);
    g_test_add_func("/image/refuse/films-of-thousands-of-frames", endless_films);
    g_test_add_func("/image/refuse/one-pixel-is-a-picture", one_pixel);
    g_test_add_func("/image/refuse/stays-within-the-budget", stays_within_the_budget);
    g_test_add_func("/image/refuse/cancelled-task-loads-nothing", cancelled_task_loads_nothing);
    g_test_add_func("/image/refuse/cancel-stops-a-decoder-midway", cancelled_while_decoding);
    return g_test_run();
}
