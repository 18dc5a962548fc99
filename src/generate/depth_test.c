/* depth_test.c - bodies from pictures of distances of known things.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/scene_test.h"

enum { SIDE = 260 };

typedef enum { FAR_BRIGHT, NEAR_BRIGHT, DISPARITY } Kind;

#define NEAR 2.25
#define FAR 3.75

/* Distances of a scene as stored by some program; 0 where nothing is. `hole` pixels are lost.
 */
static GBytes *
distances(SceneFn scene, bool wide, Kind kind, unsigned hole)
{
    size_t n = (size_t)SIDE * SIDE, size = wide ? 2 : 1;
    void *pixels = orf_task_alloc(NULL, n, size, "test", NULL);
    SceneCamera camera = scene_camera(0);
    for (unsigned i = 0; i < n; i++) {
        double hit[3], x = i % SIDE + 0.5, y = i / SIDE + 0.5;
        double z = scene_march(scene, &camera, SIDE, x, y, hit);
        if (z <= 0 || (fabs(x - SIDE / 2.0) < hole && fabs(y - SIDE / 2.0) < hole))
            continue;
        double v = kind == DISPARITY ? (1 / z - 1 / FAR) / (1 / NEAR - 1 / FAR)
                                     : (z - NEAR) / (FAR - NEAR);
        v = kind == NEAR_BRIGHT ? 1 - v : v;
        if (wide)
            ((uint16_t *)pixels)[i] = (uint16_t)(1 + lround(v * 65534));
        else
            ((uint8_t *)pixels)[i] = (uint8_t)(1 + lround(v * 254));
    }
    g_autoptr(OrfImage) image =
        orf_image_new_take(SIDE, SIDE, 1, wide ? ORF_U16 : ORF_U8, pixels);
    return orf_image_encode(NULL, image, "png", 0, NULL);
}

static OrfRecipe *
recipe_of(GBytes *png)
{
    OrfRecipe *recipe = orf_recipe_new("depth", NULL);
    g_assert_nonnull(recipe);
    g_assert_true(orf_recipe_add_picture(recipe, png, "far.png", NAN, NULL));
    g_assert_true(orf_recipe_set(recipe, "quality", "draft", NULL));
    g_assert_true(orf_recipe_set(recipe, "upto", "medium", NULL));
    return recipe;
}

static void
set(OrfRecipe *recipe, const char *name, const char *text)
{
    g_autoptr(GError) error = NULL;
    orf_recipe_set(recipe, name, text, &error);
    g_assert_no_error(error);
}

static void
set_range(OrfRecipe *recipe)
{
    set(recipe, "near", "2.25");
    set(recipe, "far", "3.75");
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
    return true;
}

static OrfMeasures
make(OrfRecipe *recipe)
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

static double
thickness(const OrfMeasures *m)
{
    return (double)(m->high[2] - m->low[2]);
}

static void
half_a_ball_becomes_a_ball(void)
{
    static const struct {
        bool wide, ranged;
        Kind kind;
        const char *meaning;
    } cases[] = {
        { true, true, FAR_BRIGHT, "auto" },         { true, false, FAR_BRIGHT, "auto" },
        { false, true, FAR_BRIGHT, "far-bright" },  { true, true, DISPARITY, "disparity" },
        { true, true, NEAR_BRIGHT, "near-bright" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GBytes) png = distances(scene_ball, cases[i].wide, cases[i].kind, 0);
        g_autoptr(OrfRecipe) recipe = recipe_of(png);
        set(recipe, "meaning", cases[i].meaning);
        if (cases[i].ranged)
            set_range(recipe);
        OrfMeasures m = make(recipe);
        g_assert_cmpfloat(thickness(&m), >, 85);
        g_assert_cmpfloat(thickness(&m), <, 115);
        g_assert_cmpfloat(m.volume, >, 0.8 * G_PI / 6 * 1e6);
        g_assert_cmpfloat(m.volume, <, 1.2 * G_PI / 6 * 1e6);
        g_assert_cmpuint(m.shells, ==, 1);
    }
}

static void
eight_bits_leave_no_terraces(void)
{
    g_autoptr(GBytes) fine = distances(scene_ball, true, FAR_BRIGHT, 0);
    g_autoptr(GBytes) coarse = distances(scene_ball, false, FAR_BRIGHT, 0);
    g_autoptr(OrfRecipe) a = recipe_of(fine), b = recipe_of(coarse);
    set_range(a);
    set_range(b);
    OrfMeasures ma = make(a), mb = make(b);
    g_assert_cmpfloat(fabs(mb.area / ma.area - 1), <, 0.03);
}

static void
lost_pixels_are_filled(void)
{
    g_autoptr(GBytes) png = distances(scene_ball, true, FAR_BRIGHT, 3);
    g_autoptr(OrfRecipe) recipe = recipe_of(png);
    set_range(recipe);
    set(recipe, "upto", "finished");
    OrfMeasures m = make(recipe);
    g_assert_cmpint(m.euler, ==, 2);
}

static void
plate_has_a_flat_back(void)
{
    g_autoptr(GBytes) png = distances(scene_ball, true, FAR_BRIGHT, 0);
    g_autoptr(OrfRecipe) recipe = recipe_of(png);
    set_range(recipe);
    set(recipe, "closing", "plate");
    OrfMeasures m = make(recipe);
    g_assert_cmpfloat(thickness(&m), <, 60);
}

static double
whole_frame(const double at[3])
{
    return MIN(scene_ball(at), at[2] + 0.6);
}

static void
frame_without_background_becomes_a_plate(void)
{
    g_autoptr(GBytes) png = distances(whole_frame, true, FAR_BRIGHT, 0);
    g_autoptr(OrfRecipe) recipe = recipe_of(png);
    set_range(recipe);
    OrfMeasures m = make(recipe);
    g_assert_cmpuint(m.shells, ==, 1);
    g_assert_cmpfloat(m.high[0] - m.low[0], >, 80);
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

static double
nothing(const double at[3])
{
    (void)at;
    return 1;
}

static void
says_what_is_wrong(void)
{
    g_autoptr(GBytes) png = distances(scene_ball, true, FAR_BRIGHT, 0);
    g_autoptr(OrfRecipe) swapped = recipe_of(png);
    set(swapped, "near", "4");
    set(swapped, "far", "2");
    assert_refused(swapped, "near");
    g_autoptr(GBytes) black = distances(nothing, true, FAR_BRIGHT, 0);
    g_autoptr(OrfRecipe) empty = recipe_of(black);
    assert_refused(empty, "far.png");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(orf_image_init(NULL));
    g_test_add_func("/generate/depth/half-a-ball-becomes-a-ball", half_a_ball_becomes_a_ball);
    g_test_add_func("/generate/depth/eight-bits-leave-no-terraces",
                    eight_bits_leave_no_terraces);
    g_test_add_func("/generate/depth/lost-pixels-are-filled", lost_pixels_are_filled);
    g_test_add_func("/generate/depth/plate-has-a-flat-back", plate_has_a_flat_back);
    g_test_add_func("/generate/depth/frame-without-background-becomes-a-plate",
                    frame_without_background_becomes_a_plate);
    g_test_add_func("/generate/depth/says-what-is-wrong", says_what_is_wrong);
    return g_test_run();
}
