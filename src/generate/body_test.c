/* body_test.c - inflate and lathe from encoded pictures, through all stages.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "generate/draw_test.h"

enum { W = 240, H = 320 };

static float
pear(float x, float y)
{
    float top = 45 - hypotf(x - 120, y - 90), low = 85 - hypotf(x - 120, y - 205);
    return MAX(MAX(top, low), draw_box(x, y, 90, 90, 150, 205));
}

static float
light(float x, float y)
{
    return 0.35f + 0.5f * expf(-(powf((x - 90) / 60, 2) + powf((y - 150) / 130, 2)));
}

static float
vase_radius(float y)
{
    return 55 + 30 * sinf(y / 45);
}

static float
vase(float x, float y)
{
    return MIN(vase_radius(y) - fabsf(x - 120), MIN(y - 20, 300 - y));
}

static float
vase_light(float x, float y)
{
    float t = CLAMP((x - 120) / vase_radius(y), -1, 1);
    return 0.15f + 0.7f * MAX(0, 0.85f * sqrtf(1 - t * t) - 0.5f * t);
}

static float
jug(float x, float y)
{
    float bow = 12 - fabsf(hypotf((x - 175) * 1.0f, y - 150) - 45);
    return MAX(MIN(60 - fabsf(x - 120), MIN(y - 20, 300 - y)), x > 150 ? bow : -1);
}

static OrfRecipe *
recipe_for(const char *generator, DrawFn shape, PaintFn paint)
{
    g_autoptr(OrfImage) picture = draw_rgba(W, H, shape, paint);
    g_autoptr(GBytes) png = orf_image_encode(NULL, picture, "png", 0, NULL);
    OrfRecipe *recipe = orf_recipe_new(generator, NULL);
    g_assert_nonnull(recipe);
    g_assert_true(orf_recipe_add_picture(recipe, png, "drawn.png", NAN, NULL));
    return recipe;
}

typedef struct {
    unsigned count;
    size_t triangles[ORF_N_STAGES];
} Stages;

static bool
each_stage(OrfStage stage, OrfAsset *asset, void *data)
{
    Stages *stages = data;
    OrfMeasures m;
    g_assert_cmpuint(stage, ==, stages->count);
    g_assert_true(orf_mesh_measure(NULL, orf_asset_mesh(asset), false, &m, NULL));
    g_assert_true(m.closed && m.manifold && m.oriented && m.volume > 0);
    float longest = MAX(MAX(m.high[0] - m.low[0], m.high[1] - m.low[1]), m.high[2] - m.low[2]);
    g_assert_cmpfloat(fabs((double)longest - 60), <, 0.01);
    g_assert_cmpfloat(fabs((double)m.low[1]), <, 0.001);
    stages->triangles[stages->count++] = m.triangles;
    return true;
}

static OrfAsset *
make(OrfRecipe *recipe, Stages *stages)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(orf_recipe_set(recipe, "size", "60mm", NULL));
    OrfAsset *asset = orf_recipe_run(NULL, recipe, each_stage, stages, NULL, &error);
    g_assert_no_error(error);
    return asset;
}

static void
measure(OrfAsset *asset, OrfMeasures *ret_measures)
{
    g_assert_true(orf_mesh_measure(NULL, orf_asset_mesh(asset), false, ret_measures, NULL));
}

static void
inflate_gives_four_complete_stages(void)
{
    g_autoptr(OrfRecipe) recipe = recipe_for("inflate", pear, light);
    Stages stages = { 0 };
    g_autoptr(OrfAsset) asset = make(recipe, &stages);
    g_assert_cmpuint(stages.count, ==, ORF_N_STAGES);
    g_assert_cmpuint(stages.triangles[ORF_PREVIEW], <, stages.triangles[ORF_FINAL]);
    g_assert_cmpuint(stages.triangles[ORF_FINAL], ==, stages.triangles[ORF_FINISHED]);
}

static double
depth_of(const char *name, const char *value)
{
    g_autoptr(OrfRecipe) recipe = recipe_for("inflate", pear, light);
    g_assert_true(orf_recipe_set(recipe, name, value, NULL));
    g_assert_true(orf_recipe_set(recipe, "quality", "draft", NULL));
    Stages stages = { 0 };
    g_autoptr(OrfAsset) asset = make(recipe, &stages);
    OrfMeasures m;
    measure(asset, &m);
    return (double)(m.high[2] - m.low[2]);
}

static void
depth_and_back_are_obeyed(void)
{
    double thin = depth_of("depth", "0.4"), thick = depth_of("depth", "0.8");
    g_assert_cmpfloat(fabs(thick / thin - 2), <, 0.06);
    g_assert_cmpfloat(fabs(depth_of("back-depth", "0") / depth_of("back-depth", "1") - 0.5), <,
                      0.06);
}

static void
lathe_turns_the_outline(void)
{
    g_autoptr(OrfRecipe) recipe = recipe_for("lathe", vase, vase_light);
    Stages stages = { 0 };
    g_autoptr(OrfAsset) asset = make(recipe, &stages);
    OrfMeasures m;
    measure(asset, &m);
    double truth = 0, scale = 60.0 / 280;
    for (float y = 20.05f; y < 300; y += 0.1f)
        truth += G_PI * pow((double)vase_radius(y) * scale, 2) * 0.1 * scale;
    g_assert_cmpfloat(fabs(m.volume / truth - 1), <, 0.02);
    g_assert_cmpfloat(fabs((double)(m.high[0] - m.low[0] - m.high[2] + m.low[2])), <, 0.3);
    g_assert_cmpuint(m.shells, ==, 1);
}

static void
hollow_vase_keeps_its_wall(void)
{
    double volume[2];
    for (int hollow = 0; hollow < 2; hollow++) {
        g_autoptr(OrfRecipe) recipe = recipe_for("lathe", vase, vase_light);
        g_assert_true(orf_recipe_set(recipe, "hollow", hollow ? "true" : "false", NULL));
        g_assert_true(orf_recipe_set(recipe, "wall", "2mm", NULL));
        Stages stages = { 0 };
        g_autoptr(OrfAsset) asset = make(recipe, &stages);
        OrfMeasures m;
        measure(asset, &m);
        volume[hollow] = m.volume;
        g_assert_cmpuint(m.shells, ==, 1);
    }
    g_assert_cmpfloat(volume[1], <, 0.6 * volume[0]);
    g_assert_cmpfloat(volume[1], >, 0.1 * volume[0]);
}

static void
handle_becomes_a_body_of_its_own(void)
{
    size_t shells[2];
    for (int keep = 0; keep < 2; keep++) {
        g_autoptr(OrfRecipe) recipe = recipe_for("lathe", jug, vase_light);
        g_assert_true(orf_recipe_set(recipe, "handles", keep ? "true" : "false", NULL));
        Stages stages = { 0 };
        g_autoptr(OrfAsset) asset = make(recipe, &stages);
        OrfMeasures m;
        measure(asset, &m);
        shells[keep] = m.shells;
    }
    g_assert_cmpuint(shells[0], ==, 1);
    g_assert_cmpuint(shells[1], ==, 2);
}

static void
auto_takes_the_lathe_for_a_vase_and_says_why(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfRecipe) recipe = recipe_for("auto", vase, vase_light);
    g_auto(OrfChoice) choice = { 0 };
    g_assert_true(orf_auto_choose(NULL, recipe, &choice, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(choice.generator->name, ==, "lathe");
    g_assert_cmpstr(choice.runner_up->name, ==, "inflate");
    g_assert_cmpuint(strlen(choice.fit.reason), >, 10);
}

static void
auto_refuses_a_picture_of_one_pixel(void)
{
    g_autoptr(GError) error = NULL;
    uint8_t *pixel = ORF_ALLOC(NULL, uint8_t, 4, "test", NULL);
    memset(pixel, 255, 4);
    g_autoptr(OrfImage) picture = orf_image_new_take(1, 1, 4, ORF_U8, pixel);
    g_autoptr(GBytes) png = orf_image_encode(NULL, picture, "png", 0, NULL);
    g_autoptr(OrfRecipe) recipe = orf_recipe_new("auto", NULL);
    g_auto(OrfChoice) choice = { 0 };
    if (orf_recipe_add_picture(recipe, png, "dot.png", NAN, &error))
        g_assert_false(orf_auto_choose(NULL, recipe, &choice, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(orf_image_init(NULL));
    g_test_add_func("/generate/inflate/gives-four-complete-stages",
                    inflate_gives_four_complete_stages);
    g_test_add_func("/generate/inflate/depth-and-back-are-obeyed", depth_and_back_are_obeyed);
    g_test_add_func("/generate/lathe/turns-the-outline", lathe_turns_the_outline);
    g_test_add_func("/generate/lathe/hollow-vase-keeps-its-wall", hollow_vase_keeps_its_wall);
    g_test_add_func("/generate/lathe/handle-becomes-a-body-of-its-own",
                    handle_becomes_a_body_of_its_own);
    g_test_add_func("/generate/auto/takes-the-lathe-for-a-vase-and-says-why",
                    auto_takes_the_lathe_for_a_vase_and_says_why);
    g_test_add_func("/generate/auto/refuses-a-picture-of-one-pixel",
                    auto_refuses_a_picture_of_one_pixel);
    return g_test_run();
}
