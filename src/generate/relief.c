/* relief.c - a picture raised from a plate: plaque, cut-out or coin; and height maps as they
 * are.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Of a photograph, height is mixed from what one can know of shape: the inflated subject,
 * compressed as sculptors do (small depths kept, great ones flattened; after Weyrich 2007), its
 * tones, and its fine detail. Of a height map, brightness is height. A plate is a slab over the
 * whole frame; other outlines are triangulated in the plane and lifted. */
#include "generate/generate-priv.h"

#include <math.h>
#include <string.h>

static const OrfParam params[] = {
    ORF_LENGTH("depth", 0.1, 200, "4", "How far the highest point rises above the plate."),
    ORF_LENGTH("base", 0.2, 200, "2", "Thickness of the plate under it."),
    ORF_CHOICE("outline", "auto|plate|subject|coin", "auto",
               "The whole frame, the subject's own outline, or a disc with a rim."),
    ORF_CHOICE("source", "auto|picture|height", "auto",
               "A picture to carve, or a height map whose brightness is height."),
    ORF_NUMBER("detail", 0, 1, "0.3", "Share of fine detail in a picture's height."),
    ORF_BOOL("negative", "false", "Bright is low."),
};

typedef enum { PLATE, SUBJECT, COIN } Outline;

/* What one stage works on: height 0..1 and cover 0..1 on one grid, and the picture to put on
 * it. */
typedef struct {
    const OrfBatchItem *item;
    const OrfRecipe *recipe;  /* the item's */
    OrfImage *height, *cover; /* ORF_F32 */
    OrfImage *picture;        /* RGB(A), the same extent */
    float box[4];             /* of the cover, px */
    Outline outline;
    double scale; /* mm per px */
} Work;

static void
work_clear(Work *work)
{
    g_clear_pointer(&work->height, orf_image_unref);
    g_clear_pointer(&work->cover, orf_image_unref);
    g_clear_pointer(&work->picture, orf_image_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Work, work_clear)

static OrfImage *
new_like(OrfTask *task, const OrfImage *image, float **ret_pixels, GError **error)
{
    unsigned width = orf_image_width(image), height = orf_image_height(image);
    float *pixels = ORF_ALLOC(task, float, ((size_t)width * height), "relief", error);
    *ret_pixels = pixels;
    return pixels ? orf_image_new_take(width, height, 1, ORF_F32, pixels) : NULL;
}

static size_t
n_pixels(const OrfImage *image)
{
    return (size_t)orf_image_width(image) * orf_image_height(image);
}

/* --- Height maps -------------------------------------------------------------------------- */

static bool
is_height_map(const OrfRecipe *recipe)
{
    const char *source = orf_params_text(recipe->params, "source");
    const OrfImageInfo *info = &orf_recipe_picture(recipe, 0)->info;
    return g_str_equal(source, "height") ||
           (g_str_equal(source, "auto") && info->bits == 16 && info->channels <= 2);
}

/* Samples as 0..1, stretched to the full range. */
static OrfImage *
stretched(OrfTask *task, const OrfImage *grey, bool negative, GError **error)
{
    float *to;
    g_autoptr(OrfImage) image = new_like(task, grey, &to, error);
    if (!image)
        return NULL;
    size_t n = n_pixels(grey), step = orf_image_channels(grey);
    const uint16_t *wide = orf_image_u16(grey);
    const uint8_t *narrow = orf_image_u8(grey);
    float low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        to[i] = wide ? wide[i * step] : narrow[i * step];
        low = MIN(low, to[i]);
        high = MAX(high, to[i]);
    }
    float range = MAX(high - low, 1e-6f);
    for (size_t i = 0; i < n; i++)
        to[i] = negative ? (high - to[i]) / range : (to[i] - low) / range;
    return g_steal_pointer(&image);
}

static OrfImage *
all_covered(OrfTask *task, const OrfImage *like, GError **error)
{
    float *pixels;
    OrfImage *cover = new_like(task, like, &pixels, error);
    for (size_t i = 0; cover && i < n_pixels(like); i++)
        pixels[i] = 1;
    return cover;
}

static bool
load_height_map(OrfTask *task, Work *work, unsigned side, GError **error)
{
    OrfImageLoad load = { .max_side = side, .keep_16 = true, .keep_grey = true };
    g_autoptr(OrfImage) grey = orf_recipe_load(task, work->recipe, 0, &load, error);
    if (!grey)
        return false;
    bool negative = orf_params_bool(work->recipe->params, "negative");
    g_autoptr(OrfImage) height = stretched(task, grey, negative, error);
    if (!height)
        return false;
    /* eight bits are terraces: half a code of smoothing takes them away */
    work->height = orf_image_sample(grey) == ORF_U8 ? orf_image_blur(task, height, 1.2, error)
                                                    : g_steal_pointer(&height);
    work->cover = work->height ? all_covered(task, work->height, error) : NULL;
    return work->cover != NULL;
}

/* --- Pictures ----------------------------------------------------------------------------- */

/* The inflated subject, 0..1, compressed. */
static OrfImage *
body_of(OrfTask *task, const OrfImage *cover, GError **error)
{
    g_autoptr(OrfImage) inflated = orf_poisson_inflate(task, cover, error);
    float *to;
    g_autoptr(OrfImage) body = inflated ? new_like(task, cover, &to, error) : NULL;
    if (!body)
        return NULL;
    const float *u = orf_image_f32(inflated);
    float highest = 1e-6f;
    for (size_t i = 0; i < n_pixels(cover); i++)
        highest = MAX(highest, u[i]);
    for (size_t i = 0; i < n_pixels(cover); i++)
        to[i] = log1pf(4 * sqrtf(MAX(u[i], 0) / highest)) / log1pf(4);
    return g_steal_pointer(&body);
}

/* Mean and deviation of what is covered. */
static void
statistics(const float *values, const float *cover, size_t n, float *ret_mean,
           float *ret_spread)
{
    double weight = 1e-9, sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        weight += cover[i];
        sum += cover[i] * values[i];
        squares += cover[i] * values[i] * values[i];
    }
    *ret_mean = (float)(sum / weight);
    *ret_spread = (float)sqrt(MAX(squares / weight - (sum / weight) * (sum / weight), 1e-8));
}

/* Mixes body, tones and detail into 0..1; 0 outside the cover. */
static void
mix(const Work *work, const OrfImage *body, const OrfImage *light, const OrfImage *soft,
    float *to)
{
    size_t n = n_pixels(light);
    const float *b = body ? orf_image_f32(body) : NULL, *l = orf_image_f32(light);
    const float *s = orf_image_f32(soft), *cover = orf_image_f32(work->cover);
    float mean, spread, sign = orf_params_bool(work->recipe->params, "negative") ? -1 : 1;
    statistics(l, cover, n, &mean, &spread);
    float detail = (float)orf_params_number(work->recipe->params, "detail");
    float shape = b ? 0.65f * (1 - detail) : 0, tone = 1 - detail - shape;
    for (size_t i = 0; i < n; i++) {
        float t = 0.5f + CLAMP(sign * (s[i] - mean) / (5 * spread), -0.5f, 0.5f);
        float d = 0.5f + CLAMP(sign * (l[i] - s[i]) / (3 * spread), -0.5f, 0.5f);
        to[i] = CLAMP((b ? shape * b[i] : 0) + tone * t + detail * d, 0, 1) * cover[i];
    }
}

static bool
carve(OrfTask *task, Work *work, bool subject, GError **error)
{
    g_autoptr(OrfImage) light = orf_image_luminance(task, work->picture, false, error);
    double sigma = light ? MAX(orf_image_width(light), orf_image_height(light)) / 40.0 : 1;
    g_autoptr(OrfImage) soft = light ? orf_image_blur(task, light, sigma, error) : NULL;
    g_autoptr(OrfImage) fine = soft ? orf_image_blur(task, light, 0.8, error) : NULL;
    if (!fine)
        return false;
    g_autoptr(OrfImage) body = subject ? body_of(task, work->cover, error) : NULL;
    if (subject && !body)
        return false;
    float *to;
    work->height = new_like(task, light, &to, error);
    if (work->height)
        mix(work, body, fine, soft, to);
    return work->height != NULL;
}

static Outline
wanted_outline(const OrfRecipe *recipe, bool subject)
{
    const char *outline = orf_params_text(recipe->params, "outline");
    if (g_str_equal(outline, "auto"))
        return subject ? SUBJECT : PLATE;
    return g_str_equal(outline, "plate")     ? PLATE
           : g_str_equal(outline, "subject") ? SUBJECT
                                             : COIN;
}

/* The subject when it stands out or is asked for, else the whole frame. */
static bool
load_picture(OrfTask *task, Work *work, unsigned side, GError **error)
{
    g_auto(OrfSubject) subject = { 0 };
    const char *asked = orf_params_text(work->recipe->params, "outline");
    bool must = g_str_equal(asked, "subject") || work->recipe->mask != NULL;
    g_autoptr(GError) why = NULL;
    bool found = orf_subject_init(task, work->item, 0, side, &subject, &why);
    if (!found && (must || !g_error_matches(why, ORF_ERROR, ORF_ERROR_BAD_INPUT))) {
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
    }
    bool stands_out = found && (must || subject.how.confidence >= 0.5) &&
                      subject.how.method != ORF_CUTOUT_NONE;
    bool whole = g_str_equal(asked, "plate") || !stands_out;
    if (whole) {
        OrfImageLoad load = { .max_side = side };
        work->picture = orf_recipe_load(task, work->recipe, 0, &load, error);
        work->cover = work->picture ? all_covered(task, work->picture, error) : NULL;
    } else {
        work->picture = g_steal_pointer(&subject.picture);
        work->cover = g_steal_pointer(&subject.alpha);
        memcpy(work->box, subject.box, sizeof work->box);
    }
    work->outline = wanted_outline(work->recipe, !whole);
    return work->cover && carve(task, work, !whole, error);
}

static bool
prepare(OrfTask *task, const OrfBatchItem *item, OrfStage stage, Work *work, GError **error)
{
    const OrfRecipe *recipe = item->recipe;
    unsigned side = orf_stage_side(recipe, stage);
    work->item = item;
    work->recipe = recipe;
    bool map = is_height_map(recipe);
    if (map ? !load_height_map(task, work, side, error)
            : !load_picture(task, work, side, error))
        return false;
    if (map)
        work->outline = wanted_outline(recipe, false);
    double width = orf_image_width(work->height), height = orf_image_height(work->height);
    if (work->box[2] <= work->box[0])
        memcpy(work->box, (float[]){ 0, 0, (float)width, (float)height }, sizeof work->box);
    double reach = MAX(work->box[2] - work->box[0], work->box[3] - work->box[1]);
    work->scale = orf_params_number(recipe->params, "size") / reach;
    return true;
}

/* --- Plates: a slab over the frame -------------------------------------------------------- */

static uint32_t
blocks(unsigned pixels)
{
    return MAX(1u, (pixels + ORF_SLAB_BLOCK / 2) / ORF_SLAB_BLOCK) * ORF_SLAB_BLOCK + 1;
}

static OrfMesh *
build_plate(OrfTask *task, const Work *work, GError **error)
{
    uint32_t nx = blocks(orf_image_width(work->height)),
             ny = blocks(orf_image_height(work->height));
    g_autoptr(OrfImage) grid = orf_image_resize(task, work->height, nx, ny, error);
    orf_autofree float *outer =
        grid ? ORF_ALLOC(task, float, 3 * (size_t)nx * ny, "front of the plate", error) : NULL;
    orf_autofree float *inner =
        outer ? ORF_ALLOC(task, float, 3 * (size_t)nx * ny, "back of the plate", error) : NULL;
    if (!inner)
        return NULL;
    float width = (float)(orf_image_width(work->height) * work->scale);
    float height = (float)(orf_image_height(work->height) * work->scale);
    float base = (float)orf_params_number(work->recipe->params, "base");
    float depth = (float)orf_params_number(work->recipe->params, "depth");
    const float *h = orf_image_f32(grid);
    for (size_t i = 0; i < (size_t)nx * ny; i++) {
        float x = width * (float)(i % nx) / (float)(nx - 1);
        float y = height * (1 - (float)(i / nx) / (float)(ny - 1));
        memcpy(outer + 3 * i, (float[]){ x, y, base + depth * CLAMP(h[i], 0, 1) }, 12);
        memcpy(inner + 3 * i, (float[]){ x, y, 0 }, 12);
    }
    float limit = (float)(orf_params_number(work->recipe->params, "size") / 5000);
    return orf_mesh_slab(task, &(OrfSlab){ outer, inner, nx, ny, false, limit }, error);
}

/* --- Other outlines: triangulated and lifted ---------------------------------------------- */

static float
bilinear(const OrfImage *image, float x, float y)
{
    int width = (int)orf_image_width(image), height = (int)orf_image_height(image);
    x = CLAMP(x - 0.5f, 0, (float)(width - 1));
    y = CLAMP(y - 0.5f, 0, (float)(height - 1));
    int x0 = MIN((int)x, MAX(width - 2, 0)), y0 = MIN((int)y, MAX(height - 2, 0));
    int x1 = MIN(x0 + 1, width - 1), y1 = MIN(y0 + 1, height - 1);
    float fx = x - (float)x0, fy = y - (float)y0;
    const float *p = orf_image_f32(image);
    float above = p[y0 * width + x0] * (1 - fx) + p[y0 * width + x1] * fx;
    float below = p[y1 * width + x0] * (1 - fx) + p[y1 * width + x1] * fx;
    return above * (1 - fy) + below * fy;
}

/* A disc round the cover's box as an outline in px, 256 corners. */
static OrfOutline *
coin_outline(OrfTask *task, const Work *work, GError **error)
{
    float width = (float)orf_image_width(work->height),
          height = (float)orf_image_height(work->height);
    unsigned side = (unsigned)(1.35f * MAX(width, height)) + 8;
    float *field = ORF_ALLOC(task, float, ((size_t)side * side), "coin", error);
    if (!field)
        return NULL;
    for (size_t i = 0; i < (size_t)side * side; i++) {
        double x = (double)(i % side) + 0.5 - side / 2.0,
               y = (double)(i / side) + 0.5 - side / 2.0;
        field[i] = (float)(side / 2.0 - 3 - hypot(x, y));
    }
    g_autoptr(OrfImage) disc = orf_image_new_take(side, side, 1, ORF_F32, field);
    OrfOutline *outline = orf_image_trace(
        task, disc, &(OrfTraceOptions){ .level = 1e-4f, .tolerance = 0.05f }, error);
    for (size_t i = 0; outline && i < outline->n_points; i++) {
        outline->points[i].x += width / 2 - (float)side / 2;
        outline->points[i].y += height / 2 - (float)side / 2;
    }
    return outline;
}

static OrfOutline *
find_outline(OrfTask *task, const Work *work, GError **error)
{
    if (work->outline == COIN)
        return coin_outline(task, work, error);
    return orf_image_trace(task, work->cover,
                           &(OrfTraceOptions){ .tolerance = 0.2f, .min_area = 12 }, error);
}

/* Height in mm at a point of the plane. */
static float
height_at(const Work *work, float x, float y)
{
    float base = (float)orf_params_number(work->recipe->params, "base");
    float depth = (float)orf_params_number(work->recipe->params, "depth");
    float width = (float)orf_image_width(work->height),
          height = (float)orf_image_height(work->height);
    bool inside = x >= 0 && y >= 0 && x <= width && y <= height;
    float raised = inside ? depth * CLAMP(bilinear(work->height, x, y), 0, 1) : 0;
    if (work->outline == COIN) {
        float radius = (1.35f * MAX(width, height) + 8) / 2 - 3;
        float from_rim = (radius - hypotf(x - width / 2, y - height / 2)) / radius;
        if (from_rim < 0.06f)
            raised = MAX(raised, depth * 0.8f * CLAMP((0.06f - from_rim) / 0.015f, 0, 1));
    }
    return base + raised;
}

static bool
refine(OrfTask *task, const Work *work, const OrfOutline *outline, OrfPlanarMesh *planar,
       GError **error)
{
    orf_autofree float *points =
        ORF_ALLOC(task, float, 2 * outline->n_points, "outline", error);
    if (!points)
        return false;
    double height = orf_image_height(work->height);
    for (size_t i = 0; i < outline->n_points; i++) {
        points[2 * i] = (float)(outline->points[i].x * work->scale);
        points[2 * i + 1] = (float)((height - outline->points[i].y) * work->scale);
    }
    OrfPlanar loops = { .points = points,
                        .n_points = outline->n_points,
                        .loop_start = outline->start,
                        .n_loops = outline->n_loops };
    float edge =
        (float)MAX(1.6 * work->scale, orf_params_number(work->recipe->params, "size") / 320);
    OrfRefine options = { .edge_rim = edge, .edge_inside = edge, .max_points = 400000 };
    return orf_planar_refine(task, &loops, &options, planar, error);
}

static OrfMesh *
build_outline(OrfTask *task, const Work *work, GError **error)
{
    g_autoptr(OrfOutline) outline = find_outline(task, work, error);
    if (!outline)
        return NULL;
    if (outline->n_loops == 0)
        return ORF_FAIL(error, BAD_INPUT,
                        "the subject is too small to have an outline; use "
                        "--set outline=plate");
    g_auto(OrfPlanarMesh) planar = { 0 };
    if (!refine(task, work, outline, &planar, error))
        return NULL;
    orf_autofree float *front = ORF_ALLOC(task, float, planar.n_points, "relief", error);
    orf_autofree float *back =
        front ? ORF_ALLOC(task, float, planar.n_points, "relief", error) : NULL;
    if (!back)
        return NULL;
    float height = (float)orf_image_height(work->height), scale = (float)work->scale;
    for (size_t i = 0; i < planar.n_points; i++)
        front[i] = height_at(work, planar.points[2 * i] / scale,
                             height - planar.points[2 * i + 1] / scale);
    OrfSheets sheets = { .points = planar.points,
                         .n_points = planar.n_points,
                         .triangles = planar.triangles,
                         .n_triangles = planar.n_triangles,
                         .front = front,
                         .back = back };
    return orf_mesh_lift(task, &sheets, NULL, false, error);
}

/* --- Run ---------------------------------------------------------------------------------- */

/* The frame itself as the texture: a slab's UVs are the picture's. */
static OrfAsset *
dress_plate(OrfTask *task, const Work *work, OrfMesh *mesh, GError **error)
{
    OrfMaterial material;
    orf_material_init(&material, "picture");
    material.texture = orf_image_ref(work->picture);
    material.encoded = orf_image_encode(task, work->picture, "jpeg", 85, error);
    OrfAsset *asset = material.encoded ? orf_asset_new(mesh, &material, 1) : NULL;
    orf_material_clear(&material);
    return asset;
}

static OrfAsset *
dress_outline(OrfTask *task, const Work *work, OrfMesh *mesh, float pose_scale,
              const float offset[3], GError **error)
{
    g_autoptr(OrfImage) rgba = orf_image_with_alpha(task, work->picture, work->cover, error);
    if (!rgba)
        return NULL;
    float width = (float)orf_image_width(rgba), height = (float)orf_image_height(rgba);
    float mm = (float)work->scale * pose_scale;
    OrfProjection front = { .picture = rgba, .scale = 1 / mm };
    front.center[0] = width / 2;
    front.center[1] = height / 2;
    front.target[0] = width / 2 * mm + offset[0];
    front.target[1] = height / 2 * mm + offset[1];
    OrfDress dress = { .side = (unsigned)orf_params_int(work->recipe->params, "texture-size"),
                       .back = ORF_BACK_PLAIN };
    return orf_asset_dress_front(task, mesh, &front, &dress, error);
}

static OrfAsset *
make_stage(OrfTask *task, const OrfBatchItem *item, OrfStage stage, void *unused,
           GError **error)
{
    const OrfRecipe *recipe = item->recipe;
    (void)unused;
    g_auto(Work) work = { 0 };
    if (!prepare(orf_task_step(task), item, stage, &work, error))
        return NULL;
    bool plate = work.outline == PLATE;
    OrfTask *part = orf_task_step(task);
    g_autoptr(OrfMesh) solid =
        plate ? build_plate(part, &work, error) : build_outline(part, &work, error);
    part = orf_task_step(task);
    float scale, offset[3];
    g_autoptr(OrfMesh) mesh =
        solid ? orf_finish_pose(part, recipe, solid, &scale, offset, error) : NULL;
    if (!mesh)
        return NULL;
    if (!work.picture || !orf_params_bool(recipe->params, "texture"))
        return orf_asset_new(mesh, NULL, 0);
    return plate ? dress_plate(part, &work, mesh, error)
                 : dress_outline(part, &work, mesh, scale, offset, error);
}

static OrfAsset *
make_asset(const OrfBatchItem *item, GError **error)
{
    return orf_stages_run(item->task, item, make_stage, NULL, error);
}

static void
run(OrfBatch *batch)
{
    orf_batch_each(batch, make_asset);
}

const OrfGenerator orf_generator_relief = {
    .name = "relief",
    .title = "a picture raised from a plate, a coin, a height map",
    .help = "Carves shape, tones and detail of a picture; takes a height map as it is.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .min_pictures = 1,
    .max_pictures = 1,
    .suits = orf_suits_relief,
    .run = run,
};
