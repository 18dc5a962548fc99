/* depth.c - a picture of distances becomes a closed body.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * depth-map.c reads what the values mean, depth-back.c supplies the side that was not seen, and
 * depth-body.c closes the two. A second picture, in colour and seen from the same place,
 * becomes the texture. */
#include "generate/depth-priv.h"

#include <math.h>
#include <string.h>

#define RIM_SIDE 640 /* px; coarser pictures do not show how rims turn away */

static const OrfParam params[] = {
    ORF_ANGLE(
        "fov", 0, 150, "0",
        "Field of view over the longer side of the picture; 0: from the camera's EXIF, else "
        "30."),
    ORF_NUMBER("near", 0, 1e6, "0",
               "Distance of the first level of the picture, in any unit; 0: not known."),
    ORF_NUMBER("far", 0, 1e6, "0", "Distance of the last level; 0: not known."),
    ORF_NUMBER("level", 0, 1e3, "0",
               "Distance of one level, as of depth cameras (1 mm: 1); 0: use near and far."),
    ORF_CHOICE("meaning", "auto|far-bright|near-bright|disparity", "auto",
               "What bright means; disparity is one over distance."),
    ORF_CHOICE("closing", "auto|body|plate", "auto",
               "body: a back that suits the front; plate: one flat back behind everything."),
    ORF_NUMBER("back-depth", 0, 4, "1",
               "Thickness of the unseen half: 1 as guessed, less is flatter."),
};

typedef struct {
    const OrfRecipe *recipe;
    OrfDepthMap map; /* at the size of the last stage */
    OrfDepthBack back;
    OrfImage *colors; /* of the second picture, or NULL */
    bool loaded;
} Maker;

static void
maker_clear(Maker *maker)
{
    orf_depth_map_clear(&maker->map);
    orf_depth_back_clear(&maker->back);
    g_clear_pointer(&maker->colors, orf_image_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Maker, maker_clear)

static bool
wants_plate(const Maker *maker)
{
    const char *closing = orf_params_text(maker->recipe->params, "closing");
    return g_str_equal(closing, "plate") || (g_str_equal(closing, "auto") && maker->map.framed);
}

static bool
load_colors(OrfTask *task, Maker *maker, GError **error)
{
    if (maker->recipe->pictures->len < 2 || !orf_params_bool(maker->recipe->params, "texture"))
        return true;
    unsigned side = (unsigned)orf_params_int(maker->recipe->params, "texture-size");
    maker->colors =
        orf_recipe_load(task, maker->recipe, 1, &(OrfImageLoad){ .max_side = side }, error);
    return maker->colors != NULL;
}

/* The body's longer side, in the unit of z; the margin of a map holds the mean distance. */
static float
body_side(const OrfDepthMap *map)
{
    return (float)MAX(map->width, map->height) / map->focal * map->z[0];
}

static bool
load(OrfTask *task, Maker *maker, GError **error)
{
    if (maker->loaded)
        return true;
    OrfStage last = MIN(orf_stage_last(maker->recipe), ORF_FINAL);
    unsigned side = MAX(orf_stage_side(maker->recipe, last), RIM_SIDE);
    if (!orf_depth_map_init(task, maker->recipe, side, &maker->map, error))
        return false;
    const OrfParams *set = maker->recipe->params;
    OrfDepthBackOptions options = {
        .wall = (float)(orf_params_number(set, "wall") / orf_params_number(set, "size")) *
                body_side(&maker->map),
        .depth = MAX((float)orf_params_number(set, "back-depth"), 1e-3f),
        .plate = wants_plate(maker)
    };
    if (!orf_depth_back_init(task, &maker->map, &options, &maker->back, error) ||
        !load_colors(task, maker, error))
        return false;
    orf_task_note(task, "depth: %s", maker->back.why);
    maker->loaded = true;
    return true;
}

/* --- Stages ------------------------------------------------------------------------------- */

static unsigned
stage_cells(const OrfRecipe *recipe, OrfStage stage)
{
    static const unsigned cells[3][3] = { { 64, 96, 160 }, { 80, 160, 256 }, { 80, 192, 400 } };
    const char *quality = orf_params_text(recipe->params, "quality");
    unsigned row = g_str_equal(quality, "draft") ? 0 : g_str_equal(quality, "standard") ? 1 : 2;
    return cells[row][MIN(stage, ORF_FINAL)];
}

/* The colour picture covers the frame of the distances. */
static OrfAsset *
dress(OrfTask *task, const Maker *maker, OrfMesh *posed, float scale, const float offset[3],
      GError **error)
{
    const OrfDepthMap *map = &maker->map;
    unsigned width = orf_image_width(maker->colors), height = orf_image_height(maker->colors);
    float focal = map->focal * (float)MAX(width, height) / map->frame;
    float middle = map->z[(size_t)(map->height / 2) * map->width + map->width / 2];
    OrfProjection front = { .picture = maker->colors,
                            .center = { (float)width / 2, (float)height / 2 },
                            .scale = focal / (middle * scale),
                            .target = { offset[0], offset[1], offset[2] - middle * scale },
                            .distance = middle * scale };
    unsigned side = (unsigned)orf_params_int(maker->recipe->params, "texture-size");
    OrfDress how = { .side = side, .back = ORF_BACK_PLAIN };
    return orf_asset_dress_front(task, posed, &front, &how, error);
}

static OrfAsset *
make_stage(OrfTask *task, const OrfBatchItem *item, OrfStage stage, void *data, GError **error)
{
    const OrfRecipe *recipe = item->recipe;
    static const size_t triangles[] = { 8000, 30000, 80000 };
    Maker *maker = data;
    if (!load(orf_task_step(task), maker, error))
        return NULL;
    g_autoptr(OrfMesh) shape =
        orf_depth_body(orf_task_step(task), &maker->map, &maker->back,
                       stage_cells(recipe, stage), triangles[stage], error);
    if (!shape)
        return NULL;
    OrfTask *part = orf_task_step(task);
    float scale, offset[3];
    g_autoptr(OrfMesh) posed = orf_finish_pose(part, recipe, shape, &scale, offset, error);
    if (!posed)
        return NULL;
    return maker->colors ? dress(part, maker, posed, scale, offset, error)
                         : orf_asset_new(posed, NULL, 0);
}

static OrfAsset *
make_asset(const OrfBatchItem *item, GError **error)
{
    g_auto(Maker) maker = { .recipe = item->recipe };
    return orf_stages_run(item->task, item, make_stage, &maker, error);
}

static void
run(OrfBatch *batch)
{
    orf_batch_each(batch, make_asset);
}

const OrfGenerator orf_generator_depth = {
    .name = "depth",
    .title = "body from distances",
    .help =
        "Makes a closed body of a depth picture: 8 or 16 bits, metric, relative or disparity.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .min_pictures = 1,
    .max_pictures = 2,
    .suits = orf_suits_depth,
    .run = run,
};
