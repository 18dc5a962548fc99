/* extrude.c - logos, icons and drawings as solids: bevels, holes, a base, several heights by
 * colour.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The outline is the half-covered contour of the cut-out (docs/decisions/0004). One colour:
 * levels of the distance field make the bevel. Several colours: each colour gets a rank, and
 * the contours of the blurred rank image between ranks are the steps; being contours of one
 * field they are nested. */
#include "generate/terrace.h"

#include <math.h>
#include <string.h>

#define MAX_COLORS 8

static const OrfParam params[] = {
    ORF_LENGTH("height", 0.2, 500, "5", "Thickness of the solid, without the base."),
    ORF_CHOICE("bevel", "none|chamfer|round|cove", "none", "Form of the top edge."),
    ORF_LENGTH("bevel-width", 0.1, 50, "1", "Width of the bevel."),
    ORF_INT("colors", 1, MAX_COLORS, "1",
            "Split into that many flat colours, each at a height of its own."),
    ORF_LIST(
        "heights", 0.2, 500, "",
        "Height of each colour in mm, from the darkest to the lightest; sets colors as well."),
    ORF_LENGTH("base", 0, 100, "0", "Thickness of a plate under it; 0 for none."),
    ORF_LENGTH("base-margin", 0, 200, "3", "How far the base reaches beyond the outline."),
    ORF_CHOICE("strokes", "fill|ink", "fill",
               "Of a line drawing: the filled shape, or the ink itself."),
};

/* What one stage works on. */
typedef struct {
    const OrfRecipe *recipe;
    OrfSubject subject;
    OrfImage *mask; /* ORF_F32: what becomes solid; with room for the base around it */
    double scale;   /* mm per px, so that the longest side is about the size asked for */
    double height, base, margin;
} Work;

static void
work_clear(Work *work)
{
    orf_subject_clear(&work->subject);
    g_clear_pointer(&work->mask, orf_image_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Work, work_clear)

static unsigned
trace_side(const OrfRecipe *recipe, OrfStage stage)
{
    return stage == ORF_PREVIEW ? 320 : MIN(2 * orf_stage_side(recipe, stage), 2048);
}

/* --- The mask ----------------------------------------------------------------------------- */

static bool
wants_ink(const Work *work)
{
    return g_str_equal(orf_params_text(work->recipe->params, "strokes"), "ink");
}

/* Dark on light: 1 where the luminance is below the middle between paper and ink. */
static OrfImage *
ink_mask(OrfTask *task, const OrfSubject *subject, GError **error)
{
    g_autoptr(OrfImage) light = orf_image_luminance(task, subject->picture, false, error);
    if (!light)
        return NULL;
    unsigned width = orf_image_width(light), height = orf_image_height(light);
    float *mask = ORF_ALLOC(task, float, ((size_t)width * height), "ink", error);
    if (!mask)
        return NULL;
    const float *from = orf_image_f32(light), *alpha = orf_image_f32(subject->alpha);
    for (size_t i = 0; i < (size_t)width * height; i++)
        mask[i] = CLAMP((0.95f - from[i]) / 0.9f, 0, 1) * alpha[i];
    return orf_image_new_take(width, height, 1, ORF_F32, mask);
}

/* Room for the base on all sides, and at least 2 px so that contours close. */
static int
pad_of(const Work *work)
{
    return 2 + (work->base > 0 ? (int)ceil(work->margin / work->scale) : 0);
}

static bool
prepare(OrfTask *task, const OrfBatchItem *item, OrfStage stage, Work *work, GError **error)
{
    const OrfRecipe *recipe = item->recipe;
    const OrfParams *p = recipe->params;
    work->recipe = recipe;
    work->height = orf_params_number(p, "height");
    work->base = orf_params_number(p, "base");
    work->margin = orf_params_number(p, "base-margin");
    if (!orf_subject_init(task, item, 0, trace_side(recipe, stage), &work->subject, error))
        return false;
    const float *box = work->subject.box;
    double reach = MAX(box[2] - box[0], box[3] - box[1]);
    double room = work->base > 0 ? 2 * work->margin : 0;
    work->scale = MAX(orf_params_number(p, "size") - room, 1) / reach;
    g_autoptr(OrfImage) mask = wants_ink(work) ? ink_mask(task, &work->subject, error)
                                               : orf_image_ref(work->subject.alpha);
    int pad = pad_of(work);
    work->mask =
        mask ? orf_image_crop(task, mask, -pad, -pad, orf_image_width(mask) + 2 * (unsigned)pad,
                              orf_image_height(mask) + 2 * (unsigned)pad, error)
             : NULL;
    return work->mask != NULL;
}

static void
place_terrace(const Work *work, OrfTerrace *terrace)
{
    terrace->scale = work->scale;
    terrace->height = orf_image_height(work->mask);
}

/* --- One colour --------------------------------------------------------------------------- */

/* Distance to the outline, raised so that the base's edge outside of it can be traced too. */
static OrfImage *
raised_distance(OrfTask *task, const Work *work, OrfTerrace *terrace, GError **error)
{
    g_autoptr(OrfImage) distance = orf_image_distance(task, work->mask, error);
    if (!distance)
        return NULL;
    terrace->shift = work->base > 0 ? (float)(work->margin / work->scale) + 1 : 0;
    return terrace->shift > 0 ? orf_terrace_raised(task, distance, terrace->shift, error)
                              : g_steal_pointer(&distance);
}

static bool
add_base(OrfTask *task, const Work *work, const OrfImage *distance, OrfTerrace *terrace,
         GError **error)
{
    if (work->base <= 0)
        return true;
    float level = (float)-(work->margin / work->scale) - 0.01f;
    return orf_terrace_add(task, terrace, distance, level, 0, (float)work->base, 0, NULL,
                           error);
}

static OrfMesh *
build_plain(OrfTask *task, const Work *work, OrfStage stage, GError **error)
{
    const OrfParams *p = work->recipe->params;
    g_auto(OrfTerrace) terrace = { 0 };
    place_terrace(work, &terrace);
    g_autoptr(OrfImage) distance = raised_distance(task, work, &terrace, error);
    if (!distance)
        return NULL;
    double top = work->base + work->height;
    double width = MIN(orf_params_number(p, "bevel-width"), 0.9 * work->height);
    unsigned steps = stage == ORF_PREVIEW ? 3 : 8;
    if (!add_base(task, work, distance, &terrace, error) ||
        !orf_terrace_add_bevel(task, &terrace, distance, orf_params_text(p, "bevel"), width,
                               work->base, top, steps, error))
        return NULL;
    return orf_terrace_build(task, &terrace, error);
}

/* --- Several colours ---------------------------------------------------------------------- */

typedef struct {
    uint8_t colors[MAX_COLORS][3]; /* sRGB, by rank from 1 */
    double heights[MAX_COLORS];    /* mm above the base, rising with the rank */
    unsigned n;
    uint8_t rank_of[MAX_COLORS + 1]; /* palette label to rank; 0 stays 0 */
} Ranks;

static unsigned
wanted_colors(const OrfRecipe *recipe)
{
    size_t n = orf_params_list(recipe->params, "heights", NULL, 0);
    return n ? (unsigned)MIN(n, MAX_COLORS)
             : (unsigned)orf_params_int(recipe->params, "colors");
}

static double
lightness(const uint8_t color[3])
{
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2];
}

/* Heights of the palette entries: as given from dark to light, else rising from light to dark.
 */
static void
give_heights(const OrfRecipe *recipe, const uint8_t (*palette)[3], unsigned n, double *heights)
{
    double given[MAX_COLORS];
    size_t n_given = orf_params_list(recipe->params, "heights", given, MAX_COLORS);
    double top = orf_params_number(recipe->params, "height");
    for (unsigned i = 0; i < n; i++) {
        unsigned darker = 0;
        for (unsigned j = 0; j < n; j++)
            darker += lightness(palette[j]) < lightness(palette[i]) ||
                      (lightness(palette[j]) == lightness(palette[i]) && j < i);
        heights[i] =
            n_given ? given[MIN(darker, n_given - 1)] : top * (0.5 + 0.5 * (n - darker) / n);
    }
}

/* Orders the palette by height; equal heights are told apart by a hair so that ranks stay
 * ranks. */
static void
rank_palette(const OrfRecipe *recipe, const uint8_t (*palette)[3], unsigned n, Ranks *ranks)
{
    double heights[MAX_COLORS];
    give_heights(recipe, palette, n, heights);
    ranks->n = n;
    ranks->rank_of[0] = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned rank = 1;
        for (unsigned j = 0; j < n; j++)
            rank += heights[j] < heights[i] || (heights[j] == heights[i] && j < i);
        ranks->rank_of[i + 1] = (uint8_t)rank;
        ranks->heights[rank - 1] = heights[i];
        memcpy(ranks->colors[rank - 1], palette[i], 3);
    }
    for (unsigned i = 1; i < n; i++)
        ranks->heights[i] = MAX(ranks->heights[i], ranks->heights[i - 1] + 0.02);
}

/* Ranks as a picture, softened by a pixel so that contours are smooth, in the padded frame. */
static OrfImage *
rank_field(OrfTask *task, const Work *work, const OrfImage *labels, const Ranks *ranks,
           GError **error)
{
    unsigned width = orf_image_width(labels), height = orf_image_height(labels);
    float *field = ORF_ALLOC(task, float, ((size_t)width * height), "heights", error);
    if (!field)
        return NULL;
    const uint8_t *label = orf_image_u8(labels);
    for (size_t i = 0; i < (size_t)width * height; i++)
        field[i] = ranks->rank_of[MIN(label[i], ranks->n)];
    g_autoptr(OrfImage) hard = orf_image_new_take(width, height, 1, ORF_F32, field);
    int pad = pad_of(work);
    g_autoptr(OrfImage) padded = orf_image_crop(
        task, hard, -pad, -pad, width + 2 * (unsigned)pad, height + 2 * (unsigned)pad, error);
    return padded ? orf_image_blur(task, padded, 1.0, error) : NULL;
}

static bool
add_steps(OrfTask *task, const Work *work, const OrfImage *field, const Ranks *ranks,
          OrfTerrace *terrace, GError **error)
{
    double below = work->base;
    terrace->shift = 0; /* ranks are above zero as they are */
    uint16_t first = work->base > 0 ? 1 : 0;
    for (unsigned i = 0; i < ranks->n; i++) {
        double above = work->base + ranks->heights[i];
        if (!orf_terrace_add(task, terrace, field, (float)i + 0.5f, (float)below, (float)above,
                             (uint16_t)(first + i), NULL, error))
            return false;
        below = above;
    }
    return true;
}

static OrfMesh *
build_colored(OrfTask *task, const Work *work, Ranks *ranks, GError **error)
{
    uint8_t palette[16][3];
    unsigned n = 0;
    g_autoptr(OrfImage) labels = orf_image_palette(
        task, work->subject.picture, wanted_colors(work->recipe),
        (uint64_t)orf_params_int(work->recipe->params, "seed"), palette, &n, error);
    if (!labels)
        return NULL;
    rank_palette(work->recipe, palette, MIN(n, MAX_COLORS), ranks);
    g_autoptr(OrfImage) field = rank_field(task, work, labels, ranks, error);
    g_auto(OrfTerrace) terrace = { .rounded = true };
    place_terrace(work, &terrace);
    g_autoptr(OrfImage) distance = field ? raised_distance(task, work, &terrace, error) : NULL;
    if (!distance)
        return NULL;
    if (!add_base(task, work, distance, &terrace, error) ||
        !add_steps(task, work, field, ranks, &terrace, error))
        return NULL;
    return orf_terrace_build(task, &terrace, error);
}

/* --- Colours on it ------------------------------------------------------------------------ */

static float
linear(uint8_t code)
{
    double v = code / 255.0;
    return (float)(v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
}

static OrfAsset *
dress_groups(OrfMesh *mesh, const Work *work, const Ranks *ranks)
{
    OrfMaterial materials[MAX_COLORS + 1];
    unsigned n = 0;
    if (work->base > 0)
        orf_material_init(&materials[n++], "base");
    for (unsigned i = 0; i < ranks->n; i++, n++) {
        g_autofree char *name = g_strdup_printf("colour %u", i + 1);
        orf_material_init(&materials[n], name);
        for (int k = 0; k < 3; k++)
            materials[n].base_color[k] = linear(ranks->colors[i][k]);
    }
    OrfAsset *asset = orf_asset_new(mesh, materials, n);
    for (unsigned i = 0; i < n; i++)
        orf_material_clear(&materials[i]);
    return asset;
}

/* The picture itself on the front; `moved` tells where the pose put the mesh. */
static OrfAsset *
dress_picture(OrfTask *task, OrfMesh *mesh, const Work *work, float pose_scale,
              const float offset[3], GError **error)
{
    int pad = pad_of(work);
    unsigned width = orf_image_width(work->subject.picture);
    unsigned height = orf_image_height(work->subject.picture);
    double px_per_mm = 1 / (work->scale * pose_scale);
    OrfProjection front = { .picture = work->subject.picture, .scale = (float)px_per_mm };
    front.center[0] = (float)width / 2;
    front.center[1] = (float)height / 2;
    double middle_x = work->scale * (width / 2.0 + pad);
    double middle_y = work->scale * (height / 2.0 + pad);
    front.target[0] = (float)(middle_x * pose_scale + offset[0]);
    front.target[1] = (float)(middle_y * pose_scale + offset[1]);
    OrfDress dress = { .side = (unsigned)orf_params_int(work->recipe->params, "texture-size"),
                       .back = ORF_BACK_MIRROR };
    return orf_asset_dress_front(task, mesh, &front, &dress, error);
}

/* --- Run ---------------------------------------------------------------------------------- */

static OrfAsset *
make_stage(OrfTask *task, const OrfBatchItem *item, OrfStage stage, void *unused,
           GError **error)
{
    const OrfRecipe *recipe = item->recipe;
    (void)unused;
    g_auto(Work) work = { 0 };
    Ranks ranks = { 0 };
    if (!prepare(orf_task_step(task), item, stage, &work, error))
        return NULL;
    bool colored = wanted_colors(recipe) > 1;
    OrfTask *part = orf_task_step(task);
    g_autoptr(OrfMesh) solid = colored ? build_colored(part, &work, &ranks, error)
                                       : build_plain(part, &work, stage, error);
    part = orf_task_step(task);
    float scale, offset[3];
    g_autoptr(OrfMesh) mesh =
        solid ? orf_finish_pose(part, recipe, solid, &scale, offset, error) : NULL;
    if (!mesh)
        return NULL;
    if (colored)
        return dress_groups(mesh, &work, &ranks);
    if (!orf_params_bool(recipe->params, "texture"))
        return orf_asset_new(mesh, NULL, 0);
    return dress_picture(part, mesh, &work, scale, offset, error);
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

const OrfGenerator orf_generator_extrude = {
    .name = "extrude",
    .title = "a logo, icon or drawing as a solid with straight walls",
    .help =
        "Traces the outline, holes and all; bevels the edge, adds a base, raises each colour.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .min_pictures = 1,
    .max_pictures = 1,
    .suits = orf_suits_extrude,
    .run = run,
};
