/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "base/base.h"

#include <math.h>
#include <string.h>

static GBytes *
read_picture(const char *name)
{
    g_autofree char *path =
        g_build_filename(g_getenv("G_TEST_SRCDIR"), "tests", "data", name, NULL);
    char *data;
    gsize size;
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    return g_bytes_new_take(data, size);
}

static void
headers(void)
{
    static const struct {
        const char *file, *format;
        bool vector;
    } cases[] = { { "cup.jpg", "jpeg", false },
                  { "chair.png", "png", false },
                  { "gears.svg", "svg", true } };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GBytes) bytes = read_picture(cases[i].file);
        g_autoptr(GError) error = NULL;
        OrfPictureInfo info;
        g_assert_true(orf_engine_probe(bytes, cases[i].file, &info, &error));
        g_assert_cmpstr(info.format, ==, cases[i].format);
        g_assert_true(info.vector == cases[i].vector);
        g_assert_cmpuint(info.width, >, 0);
        g_assert_cmpuint(info.height, >, 0);
    }
}

static void
no_picture(void)
{
    g_autoptr(GBytes) bytes = g_bytes_new_static("%PDF-1.7", 8);
    g_autoptr(GError) error = NULL;
    OrfPictureInfo info;
    g_assert_false(orf_engine_probe(bytes, "letter", &info, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_UNSUPPORTED);
}

static void
first_bytes(void)
{
    static const struct {
        const char *head;
        bool picture;
    } cases[] = {
        { "\xff\xd8\xff\xe0----JFIF", true },
        { "GIF89a------", true },
        { "  <svg xmlns='", true },
        { "\xef\xbb\xbf<svg ---", true },
        { "%PDF-1.7 ----", false },
        { "PK\x03\x04--------", false },
        { "hello, world", false },
        { "hello", true /* it is early yet */ },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        bool told = orf_engine_probe_head(cases[i].head, strlen(cases[i].head), "file", &error);
        g_assert_true(told == cases[i].picture);
        g_assert_true(told || g_error_matches(error, ORF_ERROR, ORF_ERROR_UNSUPPORTED));
    }
}

static void
counts_of_pictures(void)
{
    unsigned least, most;
    g_autoptr(GError) error = NULL;
    g_assert_true(orf_engine_pictures("hull", &least, &most, &error));
    g_assert_cmpuint(most, ==, 8);
    g_assert_true(orf_engine_pictures("text", &least, &most, &error));
    g_assert_cmpuint(most, ==, 0);
    g_assert_false(orf_engine_pictures("magic", &least, &most, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
}

/* What auto may hand on counts, and the last word on it. */
static void
settings_for_another_generator(void)
{
    g_autoptr(OrfOrder) plain = orf_order_new("generate", NULL),
                        deep = orf_order_new("generate", NULL);
    g_assert_true(orf_order_set(plain, "generator", "auto", NULL));
    g_assert_true(orf_order_set(deep, "generator", "auto", NULL));
    g_assert_true(orf_order_set(deep, "depth", "1", NULL));
    g_assert_true(orf_order_set(deep, "size", "8cm", NULL));
    g_assert_true(orf_order_set(deep, "depth", "2", NULL));
    g_autofree char *json = orf_order_parameters(deep);
    g_assert_nonnull(strstr(json, "\"size\":80,"));
    g_assert_true(g_str_has_suffix(json, ",\"depth\":\"2\"}"));
    g_assert_nonnull(strstr(json, "\"depth\""));
    g_autofree char *a = orf_order_digest(NULL, plain), *b = orf_order_digest(NULL, deep);
    g_assert_cmpstr(a, !=, b);
}

static void
fewer_triangles(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfRecipe) recipe = orf_recipe_new("text", &error);
    g_assert_true(orf_recipe_set(recipe, "quality", "draft", &error));
    g_autoptr(OrfAsset) asset = orf_generate(NULL, recipe, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
    size_t vertices, before, after;
    orf_engine_count(asset, &vertices, &before);
    g_autoptr(OrfAsset) same = orf_engine_simplify(NULL, asset, before, &error);
    g_assert_true(same == asset);
    g_autoptr(OrfAsset) fewer = orf_engine_simplify(NULL, asset, before / 2, &error);
    g_assert_no_error(error);
    orf_engine_count(fewer, &vertices, &after);
    g_assert_cmpuint(after, <, before);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engine/wish/reads-the-header-of-a-picture", headers);
    g_test_add_func("/engine/wish/refuses-what-is-no-picture", no_picture);
    g_test_add_func("/engine/wish/the-first-bytes-tell-what-is-no-picture", first_bytes);
    g_test_add_func("/engine/wish/knows-how-many-pictures-a-generator-takes",
                    counts_of_pictures);
    g_test_add_func("/engine/wish/settings-that-auto-may-hand-on-belong-to-the-digest",
                    settings_for_another_generator);
    g_test_add_func("/engine/wish/simplifies-only-what-has-too-many-triangles",
                    fewer_triangles);
    return g_test_run();
}
