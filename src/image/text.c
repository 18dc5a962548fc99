/* text.c - lettering: UTF-8 text to the alpha of its letters.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pango lays the text out (shaping, scripts, right-to-left), Cairo fills it into an 8-bit alpha
 * surface. The size is chosen so that ascent + descent of the font are the line height asked
 * for, measured once at a large size. vips_text does the same job but crops to the ink, so that
 * "a" and "A" would come out equally high; lettering needs lines of one height. */
#include "cairo-priv.h"
#include "image-priv.h"

#include <math.h>
#include <pango/pangocairo.h>

#define MOST_BYTES 4096
#define MEASURE_SIZE 256 /* pixels */

typedef PangoContext OrfPango;
typedef cairo_font_options_t OrfFontOptions;
typedef PangoFontDescription OrfFont;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfPango, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfFontOptions, cairo_font_options_destroy)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfFont, pango_font_description_free)

static bool
check_text(const char *text, unsigned height, GError **error)
{
    size_t size = strlen(text);
    if (!size || size > MOST_BYTES)
        return ORF_FALSE(error, BAD_INPUT, "text: %zu bytes; give 1 to %d", size, MOST_BYTES);
    if (!g_utf8_validate(text, -1, NULL))
        return ORF_FALSE(error, BAD_INPUT, "text: not UTF-8; save it as UTF-8");
    if (height < 4 || height > 8192)
        return ORF_FALSE(error, BAD_INPUT, "text: a line of %u pixels; give 4 to 8192", height);
    return true;
}

/* Without any font Pango draws boxes: say so instead. */
static bool
have_fonts(GError **error)
{
    PangoFontFamily **families = NULL;
    int n = 0;
    pango_font_map_list_families(pango_cairo_font_map_get_default(), &families, &n);
    g_free(families);
    if (n > 0)
        return true;
    return ORF_FALSE(error, NOT_FOUND,
                     "text: no font is installed; install one, such as fonts-dejavu-core");
}

static bool
set_align(PangoLayout *layout, const char *align, GError **error)
{
    static const struct {
        const char *name;
        PangoAlignment value;
    } table[] = { { "left", PANGO_ALIGN_LEFT },
                  { "center", PANGO_ALIGN_CENTER },
                  { "right", PANGO_ALIGN_RIGHT } };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        if (!align || !*align || g_str_equal(align, table[i].name)) {
            pango_layout_set_alignment(layout,
                                       align && *align ? table[i].value : PANGO_ALIGN_CENTER);
            return true;
        }
    return ORF_FALSE(error, BAD_INPUT, "text: align %s; use left, center or right", align);
}

/* Sets the size at which ascent + descent are `height` pixels. */
static void
fit_font(PangoLayout *layout, OrfFont *font, unsigned height)
{
    PangoContext *context = pango_layout_get_context(layout);
    pango_font_description_set_absolute_size(font, MEASURE_SIZE * PANGO_SCALE);
    PangoFontMetrics *metrics = pango_context_get_metrics(context, font, NULL);
    double line =
        pango_font_metrics_get_ascent(metrics) + pango_font_metrics_get_descent(metrics);
    pango_font_metrics_unref(metrics);
    double size = line > 0 ? MEASURE_SIZE * (height * PANGO_SCALE / line) : height;
    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    pango_layout_set_font_description(layout, font);
}

/* Shapes as drawn by the font's designer: not bent to the pixel grid, which prints do not have.
 */
static PangoContext *
new_context(void)
{
    PangoContext *context = pango_font_map_create_context(pango_cairo_font_map_get_default());
    g_autoptr(OrfFontOptions) options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    pango_cairo_context_set_font_options(context, options);
    return context;
}

/* Fontconfig silently puts another font in the place of a missing one. */
static void
note_stand_in(OrfTask *task, PangoContext *context, const OrfFont *want)
{
    static const char *const generic[] = { "Sans", "Serif", "Monospace" };
    const char *family = pango_font_description_get_family(want);
    for (size_t i = 0; family && i < G_N_ELEMENTS(generic); i++)
        if (g_ascii_strcasecmp(family, generic[i]) == 0)
            return;
    g_autoptr(PangoFont) font = pango_context_load_font(context, want);
    g_autoptr(OrfFont) got = font ? pango_font_describe(font) : NULL;
    const char *used = got ? pango_font_description_get_family(got) : NULL;
    if (family && used && g_ascii_strcasecmp(family, used) != 0)
        orf_task_note(task, "text: the font %s is not installed, %s is used", family, used);
}

/* Letters without a glyph would be printed as boxes. */
static bool
check_glyphs(OrfTask *task, PangoLayout *layout, const char *font, GError **error)
{
    int unknown = pango_layout_get_unknown_glyphs_count(layout);
    int letters = pango_layout_get_character_count(layout);
    if (unknown >= letters)
        return ORF_FALSE(error, NOT_FOUND,
                         "text: no installed font has these letters; install one that has");
    if (unknown)
        orf_task_note(task, "text: %d letters are missing in %s and its stand-ins", unknown,
                      font);
    return true;
}

/* The box that holds both the lines and all ink (italics lean out of their lines). */
static PangoRectangle
box_of(PangoLayout *layout)
{
    PangoRectangle ink, lines;
    pango_layout_get_pixel_extents(layout, &ink, &lines);
    int left = MIN(ink.x, lines.x), top = MIN(ink.y, lines.y);
    int right = MAX(ink.x + ink.width, lines.x + lines.width);
    int bottom = MAX(ink.y + ink.height, lines.y + lines.height);
    return (PangoRectangle){ left, top, right - left, bottom - top };
}

static void
copy_alpha(const uint8_t *rows, size_t stride, OrfImage *to)
{
    float *out = to->pixels;
    for (unsigned y = 0; y < to->height; y++)
        for (unsigned x = 0; x < to->width; x++)
            *out++ = (float)rows[y * stride + x] / 255;
}

static OrfImage *
draw(OrfTask *task, PangoLayout *layout, GError **error)
{
    PangoRectangle box = box_of(layout);
    if (box.width < 1 || box.height < 1 || box.width > 32000 || box.height > 32000 ||
        (uint64_t)box.width * (uint64_t)box.height > ORF_IMAGE_MAX_PIXELS)
        return ORF_FAIL(error, TOO_LARGE,
                        "text: %d x %d pixels; use shorter text or smaller letters", box.width,
                        box.height);
    g_autoptr(OrfImage) out = orf_image_blank(task, (unsigned)box.width, (unsigned)box.height,
                                              1, ORF_F32, "text", error);
    size_t stride = (size_t)cairo_format_stride_for_width(CAIRO_FORMAT_A8, box.width);
    orf_autofree uint8_t *rows =
        out ? orf_task_alloc(task, (size_t)box.height, stride, "text", error) : NULL;
    if (!rows)
        return NULL;
    g_autoptr(OrfCairoSurface) surface = cairo_image_surface_create_for_data(
        rows, CAIRO_FORMAT_A8, box.width, box.height, (int)stride);
    g_autoptr(OrfCairo) cairo = cairo_create(surface);
    cairo_translate(cairo, -box.x, -box.y);
    pango_cairo_show_layout(cairo, layout);
    cairo_surface_flush(surface);
    if (cairo_status(cairo) != CAIRO_STATUS_SUCCESS)
        return ORF_FAIL(error, TOO_LARGE, "text: cannot be drawn (%s); use smaller letters",
                        cairo_status_to_string(cairo_status(cairo)));
    copy_alpha(rows, stride, out);
    return g_steal_pointer(&out);
}

OrfImage *
orf_image_text(OrfTask *task, const char *text, const char *font, unsigned height,
               const char *align, GError **error)
{
    if (!check_text(text, height, error) || !have_fonts(error) || !orf_task_check(task, error))
        return NULL;
    g_autoptr(OrfPango) context = new_context();
    g_autoptr(PangoLayout) layout = pango_layout_new(context);
    g_autoptr(OrfFont) description = pango_font_description_from_string(font ? font : "Sans");
    if (!set_align(layout, align, error))
        return NULL;
    fit_font(layout, description, height);
    note_stand_in(task, context, description);
    pango_layout_set_text(layout, text, -1);
    if (!check_glyphs(task, layout, font ? font : "Sans", error))
        return NULL;
    return draw(task, layout, error);
}
