/* hull_test.c - bodies carved from pictures of known things.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/scene_test.h"

enum { SIDE = 220 };

static OrfRecipe *
recipe_of(SceneFn scene, unsigned n, const double *yaws)
{
    OrfRecipe *recipe = orf_recipe_new("hull", NULL);
    g_assert_nonnull(recipe);
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("view%u.png", i);
        g_autoptr(GBytes) png = scene_picture(scene, SIDE, yaws[i]);
        g_assert_true(orf_recipe_add_picture(recipe, png, name, yaws[i], NULL));
    }
    g_assert_true(orf_recipe_set(recipe, "texture", "false", NULL));
    g_assert_true(orf_recipe_set(recipe, "quality", "draft", NULL));
    g_assert_true(orf_recipe_set(recipe, "upto", "medium", NULL));
    return recipe;
}

static bool
check_stage(OrfStage stage, OrfAsset *asset, void *data)
{
    unsigned *stages = data;
    OrfMeasures m;
    g_assert_cmpuint(stage, ==, (*stages)++);
    g_assert_true(orf_mesh_measure(NULL, orf_asset_mesh(asset), false, &m, NULL));
    g_assert_true(orf_measures_solid(&m) && m.volume > 0);
    g_assert_cmpfloat_with_epsilon(m.low[1], 0, 1e-3);
    float longest = MAX(MAX(m.high[0] - m.low[0], m.high[1] - m.low[1]), m.high[2] - m.low[2]);
    g_assert_cmpfloat_with_epsilon(longest, 100, 0.01);
    return true;
}

static OrfMeasures
carve(OrfRecipe *recipe)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
    unsigned stages = 0;
    g_autoptr(OrfAsset) asset =
        orf_recipe_run(task, recipe, check_stage, &stages, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(stages, ==, orf_stage_last(recipe) + 1);
    OrfMeasures m;
    g_assert_true(orf_mesh_measure(NULL, orf_asset_mesh(asset), false, &m, NULL));
    return m;
}

static void
assert_volume(const OrfMeasures *m, double expected, double tolerance)
{
    g_assert_cmpfloat(m->volume / expected, >, 1 - tolerance);
    g_assert_cmpfloat(m->volume / expected, <, 1 + tolerance);
}

static const double quarter[] = { 0, 90, 180, 270 };

static void
shaded_ball_comes_out_round(void)
{
    g_autoptr(OrfRecipe) recipe = recipe_of(scene_ball, 4, quarter);
    OrfMeasures m = carve(recipe);
    assert_volume(&m, G_PI / 6 * 1e6, 0.13);
}

static void
turned_rod_keeps_its_flat_ends(void)
{
    g_autoptr(OrfRecipe) recipe = recipe_of(scene_rod, 4, quarter);
    g_assert_true(orf_recipe_set(recipe, "upto", "finished", NULL));
    OrfMeasures m = carve(recipe);
    /* pi times the integral of (0.2 + 0.06 cos 8y)^2 over -0.5 .. 0.5 */
    assert_volume(&m, 117.7e3, 0.08);
}

static void
flat_shaded_box_comes_out_as_a_box(void)
{
    g_autoptr(OrfRecipe) recipe = recipe_of(scene_box, 4, quarter);
    OrfMeasures m = carve(recipe);
    assert_volume(&m, 0.7 * 0.5 * 1e6, 0.06);
}

static void
any_angles_give_a_solid(void)
{
    static const double three[] = { 0, 120, 240 }, two[] = { 10, 100 };
    static const double eight[] = { 0, 45, 90, 135, 180, 225, 270, 315 };
    g_autoptr(OrfRecipe) a = recipe_of(scene_ball, 3, three);
    OrfMeasures m = carve(a);
    assert_volume(&m, G_PI / 6 * 1e6, 0.35);
    g_autoptr(OrfRecipe) b = recipe_of(scene_rod, 2, two);
    carve(b);
    g_autoptr(OrfRecipe) c = recipe_of(scene_ball, 8, eight);
    m = carve(c);
    assert_volume(&m, G_PI / 6 * 1e6, 0.08);
}

static void
assert_refused(OrfRecipe *recipe, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_assert_null(orf_recipe_run(task, recipe, NULL, NULL, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    g_assert_nonnull(strstr(error->message, words));
}

static void
says_what_is_missing(void)
{
    static const double same[] = { 0, 90, 91 }, line[] = { 0, 180 };
    g_autoptr(OrfRecipe) one = recipe_of(scene_ball, 1, quarter);
    assert_refused(one, "inflate");
    g_autoptr(OrfRecipe) twice = recipe_of(scene_ball, 3, same);
    assert_refused(twice, "view2.png");
    g_autoptr(OrfRecipe) along = recipe_of(scene_ball, 2, line);
    assert_refused(along, "from the side");
}

static void
names_the_empty_picture(void)
{
    g_autoptr(OrfRecipe) recipe = recipe_of(scene_ball, 1, quarter);
    g_autoptr(GBytes) nothing = scene_picture(NULL, SIDE, 0);
    g_assert_true(orf_recipe_add_picture(recipe, nothing, "blank.png", 90, NULL));
    assert_refused(recipe, "blank.png");
}

static void
stops_when_cancelled(void)
{
    g_autoptr(OrfRecipe) recipe = recipe_of(scene_ball, 4, quarter);
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    orf_task_cancel(task);
    g_assert_null(orf_recipe_run(task, recipe, NULL, NULL, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(orf_image_init(NULL));
    g_test_add_func("/generate/hull/shaded-ball-comes-out-round", shaded_ball_comes_out_round);
    g_test_add_func("/generate/hull/turned-rod-keeps-its-flat-ends",
                    turned_rod_keeps_its_flat_ends);
    g_test_add_func("/generate/hull/flat-shaded-box-comes-out-as-a-box",
                    flat_shaded_box_comes_out_as_a_box);
    g_test_add_func("/generate/hull/any-angles-give-a-solid", any_angles_give_a_solid);
    g_test_add_func("/generate/hull/says-what-is-missing", says_what_is_missing);
    g_test_add_func("/generate/hull/names-the-empty-picture", names_the_empty_picture);
    g_test_add_func("/generate/hull/stops-when-cancelled", stops_when_cancelled);
    return g_test_run();
}
