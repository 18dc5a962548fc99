/* SPDX-License-Identifier: Apache-2.0 */
#include "generate/generate-priv.h"

#include <math.h>
#include <string.h>

#define MANY 5

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

/* A quick one; with a picture unless it writes. */
static OrfRecipe *
recipe_of(const char *generator, const char *size)
{
    OrfRecipe *recipe = orf_recipe_new(generator, NULL);
    g_autoptr(GBytes) picture = drawing();
    if (!g_str_equal(generator, "text"))
        g_assert_true(orf_recipe_add_picture(recipe, picture, "gears.svg", NAN, NULL));
    else
        g_assert_true(orf_recipe_set(recipe, "text", "A", NULL));
    g_assert_true(orf_recipe_set(recipe, "size", size, NULL));
    g_assert_true(orf_recipe_set(recipe, "texture", "false", NULL));
    g_assert_true(orf_recipe_set(recipe, "upto", "preview", NULL));
    return recipe;
}

typedef struct {
    OrfEngine *engine;
    OrfRecipe *recipes[MANY];
    OrfGenerateItem items[MANY];
} Flock;

static void
flock_init(Flock *flock, OrfEngine *engine)
{
    static const char *const generators[MANY] = { "auto", "text", "extrude", "text", "relief" };
    static const char *const sizes[MANY] = { "20", "30", "40", "50", "60" };
    *flock = (Flock){ .engine = engine };
    for (int i = 0; i < MANY; i++) {
        flock->recipes[i] = recipe_of(generators[i], sizes[i]);
        flock->items[i] = (OrfGenerateItem){
            .task = orf_task_new(&(OrfTaskOptions){ .cores = 2, .engine = engine }),
            .recipe = flock->recipes[i],
        };
    }
}

static void
flock_clear(Flock *flock)
{
    for (int i = 0; i < MANY; i++) {
        orf_recipe_unref(flock->recipes[i]);
        orf_task_unref(flock->items[i].task);
        orf_asset_unref(flock->items[i].asset);
        g_clear_error(&flock->items[i].error);
    }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Flock, flock_clear)

static void
assert_same(const OrfAsset *a, const OrfAsset *b)
{
    const OrfMesh *x = orf_asset_mesh(a), *y = orf_asset_mesh(b);
    size_t n = orf_mesh_n_vertices(x);
    g_assert_cmpuint(n, ==, orf_mesh_n_vertices(y));
    g_assert_true(memcmp(orf_mesh_positions(x), orf_mesh_positions(y), 3 * n * sizeof(float)) ==
                  0);
}

static void
together_is_as_alone(void)
{
    for (int with = 0; with < 2; with++) {
        g_autoptr(OrfEngine) engine =
            with ? orf_engine_new_bare(&(OrfEngineOptions){ .cores = 2 }) : NULL;
        g_auto(Flock) flock;
        flock_init(&flock, engine);
        orf_recipe_run_batch(engine, flock.items, MANY);
        for (int i = 0; i < MANY; i++) {
            g_assert_no_error(flock.items[i].error);
            OrfRan ran;
            g_autoptr(OrfAsset) alone =
                orf_recipe_run(NULL, flock.recipes[i], NULL, NULL, &ran, NULL);
            assert_same(alone, flock.items[i].asset);
            g_assert_cmpstr(ran.generator, ==, flock.items[i].ran.generator);
        }
        g_assert_cmpstr(flock.items[0].ran.generator, ==, "extrude");
    }
}

static void
one_that_fails_stops_no_other(void)
{
    g_autoptr(OrfEngine) engine = orf_engine_new_bare(&(OrfEngineOptions){ .cores = 2 });
    g_auto(Flock) flock;
    flock_init(&flock, engine);
    orf_task_cancel(flock.items[1].task);
    g_autoptr(OrfRecipe) hollow = orf_recipe_new("extrude", NULL);
    flock.items[2].recipe = hollow; /* it has no picture */
    orf_recipe_run_batch(engine, flock.items, MANY);
    g_assert_error(flock.items[1].error, ORF_ERROR, ORF_ERROR_CANCELLED);
    g_assert_null(flock.items[1].asset);
    g_assert_error(flock.items[2].error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    for (int i = 0; i < MANY; i++)
        if (i != 1 && i != 2)
            g_assert_nonnull(flock.items[i].asset);
}

static bool
stop(OrfStage stage, OrfAsset *asset, void *data)
{
    (void)stage, (void)asset;
    const OrfRan *ran = data;
    g_assert_cmpstr(ran->generator, ==, "extrude"); /* it is told before the first stage */
    return false;
}

static void
the_choice_is_told_before_the_first_stage(void)
{
    g_autoptr(OrfRecipe) recipe = recipe_of("auto", "20");
    OrfRan ran = { 0 };
    g_autoptr(OrfAsset) asset = orf_recipe_run(NULL, recipe, stop, &ran, &ran, NULL);
    g_assert_nonnull(asset);
}

static void
estimates_grow_with_quality_and_views(void)
{
    g_autoptr(OrfRecipe) plain = recipe_of("inflate", "20");
    g_autoptr(OrfRecipe) fine = recipe_of("inflate", "20");
    g_assert_true(orf_recipe_set(fine, "quality", "high", NULL));
    uint64_t less = orf_recipe_estimate(NULL, plain, ORF_FINISHED).bytes;
    g_assert_cmpuint(orf_recipe_estimate(NULL, fine, ORF_FINISHED).bytes, >, less);
    g_autoptr(OrfRecipe) any = recipe_of("auto", "20");
    g_assert_cmpuint(orf_recipe_estimate(NULL, any, ORF_FINISHED).bytes, >=, less);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(orf_image_init(NULL));
    g_test_add_func("/generate/batch/together-is-as-alone", together_is_as_alone);
    g_test_add_func("/generate/batch/one-that-fails-stops-no-other",
                    one_that_fails_stops_no_other);
    g_test_add_func("/generate/batch/the-choice-is-told-before-the-first-stage",
                    the_choice_is_told_before_the_first_stage);
    g_test_add_func("/generate/batch/estimates-grow-with-quality-and-views",
                    estimates_grow_with_quality_and_views);
    return g_test_run();
}
