/* svg_test.c - drawings that would take minutes are refused before they are drawn, others not.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image/pictures_test.h"
#include "image/svg-priv.h"

#include <string.h>

#define HEAD                                                                                   \
    "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' "      \
    "width='100' height='100'>"
#define RECT "<rect width='99' height='99' filter='url(#f)'/>"
#define FILTER(primitives) "<filter id='f'>" primitives "</filter>"

/* `piece` comes `times` times between the others. */
typedef struct {
    const char *name, *before, *piece, *after;
    unsigned times;
    const char *refused; /* a word of the message; NULL: it is drawn */
} Case;

static const Case cases[] = {
    { "plain", "<rect width='9' height='9'/>", "", "", 0, NULL },
    { "a-shadow", FILTER("<feGaussianBlur stdDeviation='2'/>") RECT, "", "", 0, NULL },
    { "noise", FILTER("<feTurbulence numOctaves='5' baseFrequency='.9'/>") RECT, "", "", 0,
      NULL },
    { "thousand-copies", "<g id='a'><rect width='9' height='9'/></g>", "<use href='#a'/>", "",
      1000, NULL },
    { "a-style-for-a-class",
      "<style>.b{filter:url(#f)}</style>" FILTER("<feMorphology radius='2'/>"),
      "<rect class='a' width='9' height='9'/>", "", 500, NULL },
    { "octaves", FILTER("<feTurbulence numOctaves='99999999' baseFrequency='.9'/>") RECT, "",
      "", 0, "octaves" },
    { "twin-of-octaves", "<filter id='f'>",
      "<feTurbulence numOctaves='10' baseFrequency='.9'/>", "</filter>" RECT, 200,
      "feTurbulence" },
    { "a-large-kernel", FILTER("<feConvolveMatrix order='999'/>") RECT, "", "", 0,
      "feConvolveMatrix" },
    { "many-filtered", FILTER("<feGaussianBlur stdDeviation='2'/>"), RECT, "", 400,
      "many times over" },
    { "filtered-by-a-rule",
      "<style>.a{filter:url(#f)}</style>" FILTER("<feMorphology radius='2'/>"),
      "<rect class='a' width='9' height='9'/>", "", 500, "feMorphology" },
    { "filter-functions", "", "<g style='filter:blur(3px) drop-shadow(1px 1px 1px)'/>", "", 500,
      "<g>" },
    { "masks-upon-masks", "<mask id='m'><rect width='9' height='9'/></mask>",
      "<rect mask='url(#m)' width='9' height='9'/>", "", 3000, "<rect>" },
    { "copies-of-copies",
      "<g id='a0'><rect width='9' height='9'/></g><g id='a1'><use href='#a0'/>"
      "<use href='#a0'/></g>",
      "", "<use href='#a1'/>", 0, NULL },
    { "deep", "", "<g>", "", 300, "deep" },
    { "letters", "<text>", "hello ", "</text>", 5000, "letters" },
    { "dashes", "<path stroke-dasharray='.01' d='M0 0H1e6'/>", "", "", 0, "dashes" },
    { "dashes-in-a-style", "<circle r='1e6' style='stroke-dasharray:.1,.1'/>", "", "", 0,
      "dashes" },
    { "an-import", "<style>@import url(data:text/css,a)</style>", "", "", 0, "@import" },
    { "markers",
      "<marker id='m'><g filter='url(#f)'/></marker>" FILTER(
          "<feGaussianBlur/>") "<path marker-mid='url(#m)' d='M0 0",
      "l1 1", "'/>", 500, "many times over" },
};

static GBytes *
drawing(const Case *c)
{
    GString *text = g_string_new(HEAD);
    g_string_append(text, c->before);
    for (unsigned i = 0; i < c->times; i++)
        g_string_append(text, c->piece);
    g_string_append(text, c->after);
    for (unsigned i = 0; g_str_equal(c->piece, "<g>") && i < c->times; i++)
        g_string_append(text, "</g>");
    g_string_append(text, "</svg>");
    return g_string_free_to_bytes(text);
}

static void
expect(GBytes *svg, const char *refused)
{
    g_autoptr(GError) error = NULL;
    OrfImageInfo info;
    bool ok = orf_image_probe(svg, "a.svg", &info, &error);
    if (!refused) {
        g_assert_no_error(error);
        g_assert_true(ok);
        return;
    }
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
    if (!strstr(error->message, refused))
        g_error("\"%s\" does not say %s", error->message, refused);
}

static void
run(const void *data)
{
    const Case *c = data;
    g_autoptr(GBytes) svg = drawing(c);
    expect(svg, c->refused);
}

/* Twenty lines make a million copies. */
static void
refuses_exponential_copies(void)
{
    static const char *const links[] = { "<use href='#a%u'/><use xlink:href='#a%u'/>",
                                         "<rect width='9' height='9' fill='url(#a%u)' "
                                         "stroke='url(#a%u)'/>" };
    for (size_t l = 0; l < G_N_ELEMENTS(links); l++) {
        g_autoptr(GString) text =
            g_string_new(HEAD "<defs><g id='a0'><path d='M0 0h9v9'/></g>");
        for (unsigned i = 1; i < 26; i++) {
            g_string_append_printf(text, "<pattern id='a%u' width='9' height='9'>", i);
            g_autoptr(GString) link = g_string_new(links[l]);
            g_autofree char *number = g_strdup_printf("%u", i - 1);
            g_string_replace(link, "%u", number, 0);
            g_string_append_printf(text, "%s</pattern>", link->str);
        }
        g_string_append(text, "</defs><rect width='9' height='9' fill='url(#a25)'/></svg>");
        g_autoptr(GBytes) svg = g_bytes_new(text->str, text->len);
        expect(svg, "many times over");
    }
}

/* As many points, of which only the long ones cross. */
static void
refuses_paths_that_cross_themselves(void)
{
    for (unsigned far = 0; far < 2; far++) {
        g_autoptr(GString) text = g_string_new(HEAD "<path d='M50 50");
        uint32_t seed = 1;
        for (unsigned i = 0; i < 20000; i++) {
            unsigned x = (seed = seed * 1664525 + 1013904223) >> 24;
            unsigned y = (seed = seed * 1664525 + 1013904223) >> 24;
            if (far)
                g_string_append_printf(text, "L%u %u", x, y);
            else
                g_string_append_printf(text, "l%.2f %.2f", x / 256. - .5, y / 256. - .5);
        }
        g_string_append(text, "'/></svg>");
        g_autoptr(GBytes) svg = g_bytes_new(text->str, text->len);
        expect(svg, far ? "crosses itself" : NULL);
    }
}

/* Only the head is read, so the head is enough. */
static void
limits_hold_for_pictures_inside(void)
{
    static const char data[] =
        "iVBORw0KGgoAAAANSUhEUgAALuAAAC7gCAAAAAB0LtMtAAAADElEQVR4nGNgoD0AAABkAAGGZDw1";
    g_autofree char *inner = g_strdup_printf(
        HEAD "<image width='9' height='9' xlink:href='data:image/png;base64,%s'/>"
             "</svg>",
        data);
    g_autoptr(GBytes) svg = g_bytes_new(inner, strlen(inner));
    expect(svg, "megapixels");
    g_autofree char *packed = g_base64_encode((const guchar *)inner, strlen(inner));
    g_autofree char *outer = g_strdup_printf(
        HEAD "<image width='9' height='9' href='data:image/svg+xml;base64,%s'/></svg>", packed);
    g_autoptr(GBytes) nested = g_bytes_new(outer, strlen(outer));
    expect(nested, "megapixels");
}

int
main(int argc, char **argv)
{
    start_tests(&argc, &argv);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf(
            "/image/svg/%s/%s", cases[i].refused ? "refuses" : "draws", cases[i].name);
        g_test_add_data_func(path, &cases[i], run);
    }
    g_test_add_func("/image/svg/refuses/exponential-copies", refuses_exponential_copies);
    g_test_add_func("/image/svg/refuses/paths-that-cross-themselves",
                    refuses_paths_that_cross_themselves);
    g_test_add_func("/image/svg/limits-hold-for-pictures-inside",
                    limits_hold_for_pictures_inside);
    return g_test_run();
}
