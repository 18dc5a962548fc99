/* SPDX-License-Identifier: Apache-2.0 */
#include "generate/generate-priv.h"

#include <math.h>

static GBytes *
drawing(void)
{
    g_autofree char *path =
        g_build_filename(g_getenv("G_TEST_SRCDIR"), "tests", "data", "gears.svg", NULL);
    char *data;
    gsize size;
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    return g_bytes_new_take(data, size);
}

static OrfRecipe *
recipe_of(const char *generator, const char *const *settings)
{
    OrfRecipe *recipe = orf_recipe_new(generator, NULL);
    for (; *settings; settings += 2)
        g_assert_true(orf_recipe_set(recipe, settings[0], settings[1], NULL));
    return recipe;
}

static void
assert_alike(const OrfRecipe *a, const OrfRecipe *b, bool alike)
{
    g_autofree char *x = orf_recipe_digest(NULL, a), *y = orf_recipe_digest(NULL, b);
    g_assert_true(g_str_equal(x, y) == alike);
}

static void
the_digest_knows_no_order_and_no_spelling(void)
{
    static const struct {
        const char *generator, *one[7], *other[7];
        bool alike;
    } cases[] = {
        { "relief", { "size", "60mm", "seed", "3" }, { "seed", "3", "size", "6cm" }, true },
        { "relief", { "size", "100" }, { NULL }, true }, /* the default said aloud */
        { "relief", { "size", "5", "size", "7" }, { "size", "7" }, true },
        { "relief", { "size", "60" }, { "size", "61" }, false },
        { "auto",
          { "bevel-width", "1", "colors", "2" },
          { "colors", "2", "bevel-width", "1" },
          true },
        { "auto", { "bevel-width", "1" }, { "bevel-width", "2" }, false },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(OrfRecipe) one = recipe_of(cases[i].generator, cases[i].one);
        g_autoptr(OrfRecipe) other = recipe_of(cases[i].generator, cases[i].other);
        assert_alike(one, other, cases[i].alike);
    }
}

static void
a_picture_elsewhere_has_the_digest_of_one_that_is_here(void)
{
    static const char *const plain[] = { NULL };
    g_autoptr(GBytes) bytes = drawing();
    g_autofree char *digest = orf_digest_bytes(bytes);
    g_autoptr(OrfRecipe) here = recipe_of("extrude", plain);
    g_autoptr(OrfRecipe) elsewhere = recipe_of("extrude", plain);
    g_autoptr(OrfRecipe) aside = recipe_of("extrude", plain);
    g_assert_true(orf_recipe_add_picture(here, bytes, "a.svg", NAN, NULL));
    g_assert_true(orf_recipe_add_picture(aside, bytes, "a.svg", 90, NULL));
    orf_recipe_set_mask(here, bytes, "m.svg");
    OrfPicture known = { .name = (char *)"b.svg", .yaw = NAN, .size = g_bytes_get_size(bytes) };
    g_strlcpy(known.digest, digest, sizeof known.digest);
    known.info = orf_recipe_picture(here, 0)->info;
    g_assert_true(orf_recipe_add_input(elsewhere, &known, NULL));
    orf_recipe_set_mask_input(elsewhere, &known);
    assert_alike(here, elsewhere, true);
    assert_alike(here, aside, false);
    g_assert_cmpuint(orf_recipe_estimate(NULL, here, ORF_FINISHED).bytes, ==,
                     orf_recipe_estimate(NULL, elsewhere, ORF_FINISHED).bytes);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_recipe_run(NULL, elsewhere, NULL, NULL, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BUG);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(orf_image_init(NULL));
    g_test_add_func("/generate/recipe/the-digest-knows-no-order-and-no-spelling",
                    the_digest_knows_no_order_and_no_spelling);
    g_test_add_func("/generate/recipe/a-picture-elsewhere-has-the-digest-of-one-that-is-here",
                    a_picture_elsewhere_has_the_digest_of_one_that_is_here);
    return g_test_run();
}
