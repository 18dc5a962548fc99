/* lithophane.c - a picture in thickness: held against light, the plate shows it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Plastic lets through T = exp(-mu t) (Beer-Lambert), so the thickness that shows a linear
 * luminance Y is t = thin - ln(Y) / mu, cut off at `thick`. The picture is stretched to its 0.5
 * and 99.5 percentiles, sampled at the pitch a nozzle can print, and laid on a plate, an arc or
 * a cylinder. The smooth side is the inner one of arcs and cylinders and the back of plates. */
#include "generate/generate-priv.h"

#include <math.h>
#include <string.h>

static const OrfParam params[] = {
    ORF_CHOICE("shape", "flat|arc|cylinder", "flat", "Form of the plate."),
    ORF_LENGTH("thin", 0.2, 20, "0.8", "Thickness where the picture is brightest."),
    ORF_LENGTH("thick", 0.4, 50, "3.2", "Thickness where it is darkest."),
    ORF_NUMBER("absorption", 0.05, 20, "1.1",
               "How fast the plastic swallows light, per mm: white PLA 1.1."),
    ORF_LENGTH("border", 0, 50, "3", "Width of the frame; 0 for none."),
    ORF_ANGLE("angle", 10, 350, "120", "Opening of the arc."),
    ORF_BOOL("negative", "false", "Bright parts thick instead of thin."),
    ORF_BOOL("stretch", "true", "Stretch the picture's tones to the full range."),
};

typedef enum { FLAT, ARC, CYLINDER } Shape;

/* The grid of one stage. */
typedef struct {
    const OrfRecipe *recipe;
    Shape shape;
    uint32_t nx, ny;
    double width, height, radius; /* mm; radius of the smooth side */
    double angle;                 /* radians: of arc and cylinder */
    float *thickness;             /* [ny][nx] mm */
    float *outer, *inner;         /* [ny][nx][3] mm */
} Plate;

static void
plate_clear(Plate *plate)
{
    orf_free(plate->thickness);
    orf_free(plate->outer);
    orf_free(plate->inner);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plate, plate_clear)

static Shape
shape_of(const OrfRecipe *recipe)
{
    const char *name = orf_params_text(recipe->params, "shape");
    return g_str_equal(name, "flat") ? FLAT : g_str_equal(name, "arc") ? ARC : CYLINDER;
}

/* --- Size --------------------------------------------------------------------------------- */

/* Extent of the bent plate for a width of 1 and a height of `aspect`. */
static void
unit_extent(Shape shape, double angle, double aspect, double ret[3])
{
    double radius = 1 / angle;
    double half = MIN(angle / 2, G_PI);
    ret[0] = shape == FLAT ? 1 : 2 * radius * (half >= G_PI / 2 ? 1 : sin(half));
    ret[1] = aspect;
    ret[2] = shape == FLAT ? 0 : radius * (1 - cos(half));
}

/* Width and height of the picture in mm so that the longest side is about the size asked for;
 * the pose makes it exact. */
static void
size_plate(Plate *plate, const OrfImage *picture)
{
    double aspect = (double)orf_image_height(picture) / orf_image_width(picture), extent[3];
    plate->angle = plate->shape == CYLINDER
                       ? 2 * G_PI
                       : orf_params_number(plate->recipe->params, "angle") * G_PI / 180;
    unit_extent(plate->shape, plate->angle, aspect, extent);
    double longest = MAX(MAX(extent[0], extent[1]), extent[2]);
    plate->width = orf_params_number(plate->recipe->params, "size") / longest;
    plate->height = plate->width * aspect;
    plate->radius = plate->width / plate->angle;
}

/* mm between samples: what a 0.4 mm nozzle can show, coarser for early stages. */
static double
pitch_of(const OrfRecipe *recipe, OrfStage stage)
{
    const char *quality = orf_params_text(recipe->params, "quality");
    double fine = g_str_equal(quality, "draft")  ? 0.4
                  : g_str_equal(quality, "high") ? 0.12
                                                 : 0.2;
    double size = orf_params_number(recipe->params, "size");
    return stage == ORF_PREVIEW  ? size / 128
           : stage == ORF_MEDIUM ? MAX(fine, size / 256)
                                 : fine;
}

static uint32_t
samples(double length, double pitch)
{
    double blocks = ceil(length / pitch / ORF_SLAB_BLOCK);
    return (uint32_t)CLAMP(blocks, 1, 2016 / ORF_SLAB_BLOCK) * ORF_SLAB_BLOCK + 1;
}

/* --- Light -------------------------------------------------------------------------------- */

static int
by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* Luminance at the two percentiles, from a sample of at most 16384 pixels. */
static void
percentiles(const float *pixels, size_t n, float *ret_low, float *ret_high)
{
    size_t step = n / 16384 + 1, count = 0;
    g_autofree float *some = g_new(float, n / step + 1);
    for (size_t i = 0; i < n; i += step)
        some[count++] = pixels[i];
    qsort(some, count, sizeof *some, by_value);
    *ret_low = some[(size_t)(0.005 * (double)(count - 1))];
    *ret_high = some[(size_t)(0.995 * (double)(count - 1))];
}

/* Thickness of one sample for linear luminance 0..1. */
static float
thickness_for(const OrfRecipe *recipe, float luminance)
{
    double thin = orf_params_number(recipe->params, "thin");
    double thick = orf_params_number(recipe->params, "thick");
    double mu = orf_params_number(recipe->params, "absorption");
    double darkest = exp(-mu * (thick - thin));
    return (float)CLAMP(thin - log(MAX((double)luminance, darkest)) / mu, thin, thick);
}

#define TONES 4096

/* Table from luminance to thickness: the logarithm once for each tone. */
static void
fill_tones(const OrfRecipe *recipe, float low, float high, float tones[TONES + 1])
{
    bool negative = orf_params_bool(recipe->params, "negative");
    for (int i = 0; i <= TONES; i++) {
        float tone = CLAMP(((float)i / TONES - low) / MAX(high - low, 1e-4f), 0, 1);
        tones[i] = thickness_for(recipe, negative ? 1 - tone : tone);
    }
}

/* The usual frame is at most an eighth of the shorter side. */
static double
border_of(const Plate *plate)
{
    const OrfParams *p = plate->recipe->params;
    double border = orf_params_number(p, "border");
    if (orf_params_is_set(p, "border"))
        return border;
    return MIN(border, MIN(plate->width, plate->height) / 8);
}

static void
tell_frame(OrfTask *task, const Plate *plate)
{
    double border = border_of(plate), sides = plate->shape == CYLINDER ? 0 : 2 * border;
    double left = MAX(plate->width - sides, 0) * MAX(plate->height - 2 * border, 0);
    double share = 1 - left / (plate->width * plate->height);
    if (share > 0.5)
        orf_task_note(
            task,
            "lithophane: the frame of %.3g mm takes %.0f %% of a plate of %.3g x %.3g "
            "mm; set border=%.2g or less, or crop the picture less narrow",
            border, 100 * share, plate->width, plate->height,
            MIN(plate->width, plate->height) / 8);
}

static void
tell_wall(OrfTask *task, const OrfRecipe *recipe)
{
    double thin = orf_params_number(recipe->params, "thin");
    double wall = orf_params_number(recipe->params, "wall");
    if (thin < wall)
        orf_task_note(task,
                      "lithophane: bright parts are %.3g mm, thinner than wall, %.3g mm; set "
                      "thin=%.3g if your printer leaves holes there",
                      thin, wall, wall);
}

static bool
in_frame(const Plate *plate, uint32_t x, uint32_t y, double border)
{
    double dx = plate->width / (plate->nx - 1), dy = plate->height / (plate->ny - 1);
    double to_side = MIN(x, plate->nx - 1 - x) * dx, to_end = MIN(y, plate->ny - 1 - y) * dy;
    bool sides = plate->shape != CYLINDER && to_side < border;
    return sides || to_end < border;
}

static bool
fill_thickness(OrfTask *task, Plate *plate, const OrfImage *luminance, GError **error)
{
    size_t n = (size_t)plate->nx * plate->ny;
    g_autoptr(OrfImage) small = orf_image_resize(task, luminance, plate->nx, plate->ny, error);
    plate->thickness = small ? ORF_ALLOC(task, float, n, "thickness", error) : NULL;
    if (!plate->thickness)
        return false;
    float low = 0, high = 1, tones[TONES + 1];
    const float *pixels = orf_image_f32(small);
    if (orf_params_bool(plate->recipe->params, "stretch"))
        percentiles(pixels, n, &low, &high);
    fill_tones(plate->recipe, low, high, tones);
    double border = border_of(plate);
    float frame = (float)orf_params_number(plate->recipe->params, "thick");
    for (size_t i = 0; i < n; i++) {
        uint32_t x = (uint32_t)(i % plate->nx), y = (uint32_t)(i / plate->nx);
        float tone = CLAMP(pixels[i], 0, 1) * TONES;
        plate->thickness[i] =
            border > 0 && in_frame(plate, x, y, border) ? frame : tones[(int)tone];
    }
    return true;
}

/* --- Form --------------------------------------------------------------------------------- */

/* The point at column `u` and row `v` (0..1), `z` mm outside the smooth side. */
static void
place(const Plate *plate, double sine, double cosine, double u, double v, double z,
      float ret[3])
{
    double radius = plate->radius + z;
    ret[0] = (float)(plate->shape == FLAT ? plate->width * (u - 0.5) : radius * sine);
    ret[1] = (float)(plate->height * (1 - v));
    ret[2] = (float)(plate->shape == FLAT ? z : radius * cosine);
}

static bool
fill_sheets(OrfTask *task, Plate *plate, GError **error)
{
    size_t n = (size_t)plate->nx * plate->ny;
    plate->outer = ORF_ALLOC(task, float, 3 * n, "front of the plate", error);
    plate->inner =
        plate->outer ? ORF_ALLOC(task, float, 3 * n, "back of the plate", error) : NULL;
    if (!plate->inner)
        return false;
    for (uint32_t x = 0; x < plate->nx; x++) {
        double u = (double)x / (plate->nx - 1), angle = (u - 0.5) * plate->angle;
        double sine = sin(angle), cosine = cos(angle);
        uint32_t from = plate->shape == CYLINDER && x == plate->nx - 1 ? 0 : x;
        for (uint32_t y = 0; y < plate->ny; y++) {
            size_t i = (size_t)y * plate->nx + x;
            double v = (double)y / (plate->ny - 1);
            double z = plate->thickness[(size_t)y * plate->nx + from];
            place(plate, sine, cosine, u, v, z, plate->outer + 3 * i);
            place(plate, sine, cosine, u, v, 0, plate->inner + 3 * i);
        }
    }
    return true;
}

static OrfMesh *
build_plate(OrfTask *task, const OrfRecipe *recipe, const OrfImage *luminance, OrfStage stage,
            GError **error)
{
    g_auto(Plate) plate = { .recipe = recipe, .shape = shape_of(recipe) };
    double pitch = pitch_of(recipe, stage);
    size_plate(&plate, luminance);
    plate.nx = samples(plate.width, pitch);
    plate.ny = samples(plate.height, pitch);
    if (stage == ORF_PREVIEW)
        tell_frame(task, &plate);
    if (!fill_thickness(task, &plate, luminance, error) || !fill_sheets(task, &plate, error))
        return NULL;
    OrfSlab slab = { plate.outer,
                     plate.inner,
                     plate.nx,
                     plate.ny,
                     plate.shape == CYLINDER,
                     stage == ORF_PREVIEW ? 0.1f : 0.02f };
    g_autoptr(OrfMesh) mesh = orf_mesh_slab(task, &slab, error);
    return mesh ? orf_finish_pose(task, recipe, mesh, NULL, NULL, error) : NULL;
}

/* --- Run ---------------------------------------------------------------------------------- */

static OrfAsset *
make_stage(OrfTask *task, const OrfBatchItem *item, OrfStage stage, void *luminance,
           GError **error)
{
    const OrfRecipe *recipe = item->recipe;
    orf_task_step(task); /* the picture has been prepared, once for all stages */
    g_autoptr(OrfMesh) mesh = build_plate(orf_task_step(task), recipe, luminance, stage, error);
    if (!mesh)
        return NULL;
    OrfMaterial material;
    orf_material_init(&material, "white plastic");
    for (int k = 0; k < 3; k++)
        material.base_color[k] = 0.92f;
    material.roughness = 0.7f;
    OrfAsset *asset = orf_asset_new(mesh, &material, 1);
    orf_material_clear(&material);
    return asset;
}

/* A picture with alpha is laid on white: what is transparent lets the light through. */
static OrfImage *
load_luminance(OrfTask *task, const OrfRecipe *recipe, GError **error)
{
    OrfImageLoad load = { .max_side = 1024 };
    g_autoptr(OrfImage) picture = orf_recipe_load(task, recipe, 0, &load, error);
    g_autoptr(OrfImage) luminance =
        picture ? orf_image_luminance(task, picture, true, error) : NULL;
    if (!luminance || orf_image_channels(picture) < 4)
        return g_steal_pointer(&luminance);
    g_autoptr(OrfImage) alpha = orf_image_alpha(task, picture, error);
    size_t n = (size_t)orf_image_width(picture) * orf_image_height(picture);
    float *mixed = alpha ? ORF_ALLOC(task, float, n, "luminance", error) : NULL;
    if (!mixed)
        return NULL;
    const float *light = orf_image_f32(luminance), *cover = orf_image_f32(alpha);
    for (size_t i = 0; i < n; i++)
        mixed[i] = light[i] * cover[i] + 1 - cover[i];
    return orf_image_new_take(orf_image_width(picture), orf_image_height(picture), 1, ORF_F32,
                              mixed);
}

static bool
check_params(const OrfRecipe *recipe, GError **error)
{
    double thin = orf_params_number(recipe->params, "thin");
    double thick = orf_params_number(recipe->params, "thick");
    double wall = orf_params_number(recipe->params, "wall");
    if (thin >= thick)
        return ORF_FALSE(error, BAD_INPUT,
                         "thin: %g mm is not less than thick: %g mm; the picture "
                         "needs room between them",
                         thin, thick);
    if (orf_params_is_set(recipe->params, "wall") && thin < wall)
        return ORF_FALSE(error, BAD_INPUT,
                         "thin: %g mm is less than wall: %g mm; raise thin or lower wall", thin,
                         wall);
    return true;
}

static OrfAsset *
make_asset(const OrfBatchItem *item, GError **error)
{
    static const OrfStep steps[] = { { "load", 20 }, { "carve", 80 } };
    orf_task_plan(item->task, steps, G_N_ELEMENTS(steps));
    if (!check_params(item->recipe, error))
        return NULL;
    tell_wall(item->task, item->recipe);
    g_autoptr(OrfImage) luminance =
        load_luminance(orf_task_step(item->task), item->recipe, error);
    if (!luminance)
        return NULL;
    return orf_stages_run(orf_task_step(item->task), item, make_stage, luminance, error);
}

static void
run(OrfBatch *batch)
{
    orf_batch_each(batch, make_asset);
}

const OrfGenerator orf_generator_lithophane = {
    .name = "lithophane",
    .title = "a photograph as a plate that shows it against light",
    .help = "Thickness follows the logarithm of the picture's brightness; print it upright in "
            "white.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .min_pictures = 1,
    .max_pictures = 1,
    .suits = orf_suits_lithophane,
    .run = run,
};
