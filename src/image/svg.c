/* svg.c - drawings: SVG to straight RGBA at the size asked for.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * librsvg itself rather than through libvips, whose sizes are limited integers: a drawing's own
 * width and height are only its shape here, and any of them is drawn at max_side. From memory
 * without a base address librsvg opens no other file, neither by href nor by entity; its own
 * limits on XML stay on. It cannot be stopped while it draws: svg-cost.c says before what it
 * would cost. */
#include "image/cairo-priv.h"
#include "image/svg-priv.h"

#include <librsvg/rsvg.h>
#include <math.h>
#include <string.h>

#define SIDE 2048      /* when none is asked for */
#define MOST_UNITS 1e6 /* of a drawing's own side */
#define LEAST_UNITS 1e-3

typedef RsvgHandle OrfSvg;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfSvg, g_object_unref)

static RsvgHandle *
parse(GBytes *bytes, const char *name, GError **error)
{
    g_autoptr(GInputStream) stream = g_memory_input_stream_new_from_bytes(bytes);
    g_autoptr(GError) why = NULL;
    RsvgHandle *svg =
        rsvg_handle_new_from_stream_sync(stream, NULL, RSVG_HANDLE_FLAGS_NONE, NULL, &why);
    if (!svg)
        return ORF_FAIL(error, BAD_INPUT,
                        "%s: the SVG is damaged or cut short (%s); export it again", name,
                        g_strstrip(why->message));
    rsvg_handle_set_dpi(svg, 96);
    return svg;
}

/* What is drawn of an SVG, and where. */
typedef struct {
    double width, height; /* of it, px of 1/96 inch */
    bool fitted;          /* has no size of its own: what it draws is fitted to the picture */
} Sheet;

/* Its own size, or that of its viewBox, or of what it draws. Percentages say nothing here: the
 * window that they count from is made to fit. */
static bool
natural_size(RsvgHandle *svg, Sheet *ret)
{
    *ret = (Sheet){ 0 };
    if (rsvg_handle_get_intrinsic_size_in_pixels(svg, &ret->width, &ret->height))
        return true;
    gboolean has_box = FALSE;
    RsvgRectangle box = { 0 };
    rsvg_handle_get_intrinsic_dimensions(svg, NULL, NULL, NULL, NULL, &has_box, &box);
    ret->fitted = !has_box;
    if (!has_box && !rsvg_handle_get_geometry_for_element(svg, NULL, &box, NULL, NULL))
        return false;
    ret->width = box.width;
    ret->height = box.height;
    return true;
}

static bool
measure(RsvgHandle *svg, const char *name, Sheet *ret, GError **error)
{
    bool known = natural_size(svg, ret);
    if (!known || !(MIN(ret->width, ret->height) >= LEAST_UNITS)) /* also NaN */
        return ORF_FALSE(error, BAD_INPUT,
                         "%s: the SVG has no size and draws nothing; give it a viewBox", name);
    if (MAX(ret->width, ret->height) > MOST_UNITS)
        return ORF_FALSE(error, TOO_LARGE,
                         "%s: the SVG says it is %g x %g pixels, at most %g a side; "
                         "give it a smaller width and height",
                         name, ret->width, ret->height, MOST_UNITS);
    return true;
}

bool
orf_image_probe_svg(GBytes *bytes, const char *name, OrfImageInfo *ret_info, GError **error)
{
    Sheet sheet;
    OrfSvgCost cost;
    if (!orf_svg_cost(bytes, name, (double)SIDE * SIDE, &cost, error))
        return false;
    g_autoptr(OrfSvg) svg = parse(bytes, name, error);
    if (!svg || !measure(svg, name, &sheet, error))
        return false;
    *ret_info = (OrfImageInfo){ .width = (unsigned)MAX(1, lround(sheet.width)),
                                .height = (unsigned)MAX(1, lround(sheet.height)),
                                .channels = 4,
                                .bits = 8,
                                .has_alpha = true,
                                .vector = true,
                                .format = "svg" };
    return true;
}

/* --- Drawing ------------------------------------------------------------------------------ */

/* Cairo keeps premultiplied 0xAARRGGBB in the byte order of the machine. */
static void
straighten(const uint32_t *in, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++, out += 4) {
        uint32_t alpha = in[i] >> 24;
        for (int c = 0; c < 3; c++) {
            uint32_t value = in[i] >> (16 - 8 * c) & 0xff;
            out[c] = (uint8_t)(alpha ? MIN(255, (value * 255 + alpha / 2) / alpha) : 0);
        }
        out[3] = (uint8_t)alpha;
    }
}

static bool
render(RsvgHandle *svg, const char *name, const Sheet *sheet, uint32_t *pixels, unsigned width,
       unsigned height, GError **error)
{
    g_autoptr(OrfCairoSurface) surface = cairo_image_surface_create_for_data(
        (unsigned char *)pixels, CAIRO_FORMAT_ARGB32, (int)width, (int)height, (int)width * 4);
    g_autoptr(OrfCairo) cairo = cairo_create(surface);
    g_autoptr(GError) why = NULL;
    /* Whole pixels change its proportions a little: stretched, or its rim would be half clear.
     */
    RsvgRectangle frame = { 0, 0, sheet->width, sheet->height };
    cairo_scale(cairo, width / sheet->width, height / sheet->height);
    bool drawn = sheet->fitted ? rsvg_handle_render_element(svg, cairo, NULL, &frame, &why)
                               : rsvg_handle_render_document(svg, cairo, &frame, &why);
    if (!drawn)
        return ORF_FALSE(error, BAD_INPUT, "%s: the SVG cannot be drawn (%s); simplify it",
                         name, g_strstrip(why->message));
    cairo_surface_flush(surface);
    if (cairo_status(cairo) != CAIRO_STATUS_SUCCESS)
        return ORF_FALSE(error, BAD_INPUT, "%s: the SVG cannot be drawn (%s); simplify it",
                         name, cairo_status_to_string(cairo_status(cairo)));
    return true;
}

/* --- What it refers to -------------------------------------------------------------------- */

/* The first file or address that an href names; NULL: all it needs is inside. Caller owns. */
static char *
find_reference(GBytes *bytes)
{
    size_t size;
    const char *text = g_bytes_get_data(bytes, &size), *end = text + size;
    for (const char *at = text; (at = g_strstr_len(at, end - at, "href"));) {
        at += 4;
        while (at < end && (g_ascii_isspace(*at) || *at == '='))
            at++;
        if (end - at < 2 || (*at != '"' && *at != '\''))
            continue;
        const char *close = memchr(at + 1, *at, (size_t)(end - at - 1));
        g_autofree char *value =
            close ? g_strstrip(g_strndup(at + 1, (size_t)(close - at - 1))) : NULL;
        /* links of text (a href) lead somewhere, but draw nothing */
        const char *tag = g_strrstr_len(text, at - text, "<");
        bool link = tag && end - tag > 2 && tag[1] == 'a' && g_ascii_isspace(tag[2]);
        if (value && *value && *value != '#' && !link && !g_str_has_prefix(value, "data:"))
            return g_utf8_make_valid(value, (gssize)MIN(strlen(value), 80));
    }
    return NULL;
}

static bool
draws_nothing(const uint32_t *pixels, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (pixels[i] >> 24)
            return false;
    return true;
}

static bool
tell_what_is_missing(OrfTask *task, GBytes *bytes, const char *name, const uint32_t *pixels,
                     size_t n, GError **error)
{
    g_autofree char *reference = find_reference(bytes);
    if (!reference)
        return true;
    if (draws_nothing(pixels, n))
        return ORF_FALSE(error, BAD_INPUT,
                         "%s: the SVG shows another file, '%s', and no other file is read; "
                         "embed it in the SVG, or give that file",
                         name, reference);
    orf_task_note(task, "%s: the SVG refers to another file, '%s': drawn without it", name,
                  reference);
    return true;
}

OrfImage *
orf_image_load_svg(OrfTask *task, GBytes *bytes, const char *name, unsigned max_side,
                   GError **error)
{
    Sheet sheet;
    unsigned side = max_side ? MIN(max_side, 8192) : SIDE;
    OrfSvgCost cost;
    if (!orf_svg_cost(bytes, name, (double)side * side, &cost, error))
        return NULL;
    g_autoptr(OrfSvg) svg = parse(bytes, name, error);
    if (!svg || !measure(svg, name, &sheet, error) || !orf_task_check(task, error))
        return NULL;
    double scale = side / MAX(sheet.width, sheet.height);
    unsigned width = (unsigned)MAX(1, lround(sheet.width * scale));
    unsigned height = (unsigned)MAX(1, lround(sheet.height * scale));
    g_autoptr(OrfImage) image = orf_image_blank(task, width, height, 4, ORF_U8, name, error);
    orf_autofree uint32_t *pixels =
        image ? ORF_ALLOC(task, uint32_t, (size_t)width * height, name, error) : NULL;
    /* What librsvg takes beside it, for which nobody else answers. */
    size_t beside = (size_t)width * height * (cost.primitives ? cost.primitives + 4 : 1) +
                    2 * (size_t)cost.picture_pixels;
    orf_autofree uint32_t *room =
        pixels ? ORF_ALLOC(task, uint32_t, beside, name, error) : NULL;
    if (!room || !render(svg, name, &sheet, pixels, width, height, error))
        return NULL;
    if (!tell_what_is_missing(task, bytes, name, pixels, (size_t)width * height, error))
        return NULL;
    straighten(pixels, (size_t)width * height, image->pixels);
    return orf_task_check(task, error) ? g_steal_pointer(&image) : NULL;
}
