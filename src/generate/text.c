/* text.c - lettering: alone, raised on a plate or cut into it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/terrace.h"

#include <math.h>
#include <string.h>

static const OrfParam params[] = {
    ORF_TEXT("text", 0, 2000, "ORFEAS", "What to write; \\n starts a new line."),
    ORF_TEXT("font", 0, 200, "DejaVu Sans Bold", "Font as Pango names it."),
    ORF_CHOICE("align", "left|center|right", "center", "Of several lines."),
    ORF_CHOICE("style", "plain|emboss|engrave", "emboss",
               "Letters alone, raised on a plate, or cut into it."),
    ORF_LENGTH("height", 0.2, 200, "3", "Thickness of the letters, or depth of the cut."),
    ORF_LENGTH("plate", 0.4, 200, "3", "Thickness of the plate."),
    ORF_LENGTH("margin", 0, 200, "5", "Plate beyond the letters."),
    ORF_LENGTH("corner", 0, 200, "3", "Radius of the plate's corners."),
    ORF_LENGTH("hole", 0, 50, "0", "Diameter of a key-ring hole; 0 for none."),
    ORF_CHOICE("bevel", "none|chamfer|round|cove", "none", "Form of the letters' edge."),
    ORF_LENGTH("bevel-width", 0.1, 20, "0.6", "Width of the bevel."),
};

typedef struct {
    const OrfParams *params;
    OrfImage *letters; /* ORF_F32 alpha, padded by `pad` px */
    int pad;
    double scale; /* mm per px */
    double plate; /* mm; 0: letters alone */
} Work;

static void
work_clear(Work *work)
{
    g_clear_pointer(&work->letters, orf_image_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Work, work_clear)

/* "\n" as two characters is what a shell passes on. */
static char *
with_newlines(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\\n", -1);
    return g_strjoinv("\n", lines);
}

static bool
prepare(OrfTask *task, const OrfRecipe *recipe, OrfStage stage, Work *work, GError **error)
{
    const OrfParams *p = work->params = recipe->params;
    g_autofree char *text = with_newlines(orf_params_text(p, "text"));
    unsigned height = stage == ORF_PREVIEW ? 64 : stage == ORF_MEDIUM ? 160 : 320;
    g_autoptr(OrfImage) letters = orf_image_text(task, text, orf_params_text(p, "font"), height,
                                                 orf_params_text(p, "align"), error);
    if (!letters)
        return false;
    unsigned width = orf_image_width(letters), tall = orf_image_height(letters);
    work->plate =
        g_str_equal(orf_params_text(p, "style"), "plain") ? 0 : orf_params_number(p, "plate");
    double margin = work->plate > 0 ? orf_params_number(p, "margin") : 0;
    double room = MAX(orf_params_number(p, "size") - 2 * margin, 1);
    work->scale = room / MAX(width, tall);
    work->pad = 3 + (int)ceil(margin / work->scale);
    work->letters =
        orf_image_crop(task, letters, -work->pad, -work->pad, width + 2 * (unsigned)work->pad,
                       tall + 2 * (unsigned)work->pad, error);
    return work->letters != NULL;
}

/* --- The plate ---------------------------------------------------------------------------- */

/* Signed distance to a rounded rectangle about the origin, negative inside. */
static double
rounded_box(double x, double y, double half_width, double half_height, double radius)
{
    double dx = fabs(x) - half_width + radius, dy = fabs(y) - half_height + radius;
    return hypot(MAX(dx, 0), MAX(dy, 0)) + MIN(MAX(dx, dy), 0) - radius;
}

/* Distance to the plate's edge in px, positive inside, with the key-ring hole taken out. */
static OrfImage *
plate_field(OrfTask *task, const Work *work, GError **error)
{
    unsigned width = orf_image_width(work->letters), height = orf_image_height(work->letters);
    float *field = ORF_ALLOC(task, float, ((size_t)width * height), "plate", error);
    if (!field)
        return NULL;
    double half_width = width / 2.0 - 2.5, half_height = height / 2.0 - 2.5;
    double corner = MIN(orf_params_number(work->params, "corner") / work->scale,
                        0.98 * MIN(half_width, half_height));
    double hole = orf_params_number(work->params, "hole") / 2 / work->scale;
    double hole_x = -half_width + 1.8 * hole, hole_y = -half_height + 1.8 * hole;
    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++) {
            double px = x + 0.5 - width / 2.0, py = y + 0.5 - height / 2.0;
            double inside = -rounded_box(px, py, half_width, half_height, corner);
            if (hole > 0)
                inside = MIN(inside, hypot(px - hole_x, py - hole_y) - hole);
            field[(size_t)y * width + x] = (float)inside;
        }
    return orf_image_new_take(width, height, 1, ORF_F32, field);
}

/* What of the letters lies on the plate: both fields at once, so that outlines stay nested. */
static OrfImage *
letters_on_plate(OrfTask *task, const OrfImage *letters, const OrfImage *plate, GError **error)
{
    unsigned width = orf_image_width(letters), height = orf_image_height(letters);
    float *field = ORF_ALLOC(task, float, ((size_t)width * height), "letters", error);
    if (!field)
        return NULL;
    const float *a = orf_image_f32(letters), *b = orf_image_f32(plate);
    for (size_t i = 0; i < (size_t)width * height; i++)
        field[i] = MIN(a[i], b[i] - 2);
    return orf_image_new_take(width, height, 1, ORF_F32, field);
}

/* --- Run ---------------------------------------------------------------------------------- */

static bool
add_letters(OrfTask *task, const Work *work, const OrfImage *distance, double base,
            unsigned steps, OrfTerrace *terrace, GError **error)
{
    const OrfParams *p = work->params;
    double height = orf_params_number(p, "height");
    size_t first = terrace->n;
    bool done;
    if (work->plate > 0 && g_str_equal(orf_params_text(p, "style"), "engrave")) {
        double floor_z = MAX(base - height, MIN(0.4, base / 2));
        done = orf_terrace_add(task, terrace, distance, 1e-4f, (float)base, (float)floor_z, 1,
                               NULL, error);
    } else {
        done = orf_terrace_add_bevel(task, terrace, distance, orf_params_text(p, "bevel"),
                                     MIN(orf_params_number(p, "bevel-width"), 0.9 * height),
                                     base, base + height, steps, error);
    }
    for (size_t i = first; i < terrace->n; i++)
        terrace->levels[i].group = work->plate > 0;
    return done;
}

static OrfMesh *
build(OrfTask *task, const Work *work, OrfStage stage, GError **error)
{
    g_auto(OrfTerrace)
        terrace = { .scale = work->scale, .height = orf_image_height(work->letters) };
    g_autoptr(OrfImage) plate = NULL, letters = orf_image_ref(work->letters);
    if (work->plate > 0) {
        plate = plate_field(task, work, error);
        orf_image_unref(letters);
        letters = plate ? letters_on_plate(task, work->letters, plate, error) : NULL;
        if (!letters || !orf_terrace_add(task, &terrace, plate, 1e-4f, 0, (float)work->plate, 0,
                                         NULL, error))
            return NULL;
    }
    g_autoptr(OrfImage) distance = orf_image_distance(task, letters, error);
    if (!distance || !add_letters(task, work, distance, work->plate,
                                  stage == ORF_PREVIEW ? 2 : 6, &terrace, error))
        return NULL;
    return orf_terrace_build(task, &terrace, error);
}

static OrfAsset *
dress(OrfMesh *mesh, bool plate)
{
    OrfMaterial materials[2];
    orf_material_init(&materials[0], plate ? "plate" : "letters");
    orf_material_init(&materials[1], "letters");
    const float dark[3] = { 0.035f, 0.065f, 0.12f }, light[3] = { 0.85f, 0.83f, 0.78f };
    memcpy(materials[0].base_color, plate ? light : dark, sizeof dark);
    memcpy(materials[1].base_color, dark, sizeof dark);
    OrfAsset *asset = orf_asset_new(mesh, materials, plate ? 2 : 1);
    orf_material_clear(&materials[0]);
    orf_material_clear(&materials[1]);
    return asset;
}

static OrfAsset *
make_stage(OrfTask *task, const OrfBatchItem *item, OrfStage stage, void *unused,
           GError **error)
{
    const OrfRecipe *recipe = item->recipe;
    (void)unused;
    g_auto(Work) work = { 0 };
    if (!prepare(orf_task_step(task), recipe, stage, &work, error))
        return NULL;
    g_autoptr(OrfMesh) solid = build(orf_task_step(task), &work, stage, error);
    g_autoptr(OrfMesh) mesh =
        solid ? orf_finish_pose(orf_task_step(task), recipe, solid, NULL, NULL, error) : NULL;
    return mesh ? dress(mesh, work.plate > 0) : NULL;
}

static OrfAsset *
make_asset(const OrfBatchItem *item, GError **error)
{
    if (!orf_image_init(error))
        return NULL;
    return orf_stages_run(item->task, item, make_stage, NULL, error);
}

static void
run(OrfBatch *batch)
{
    orf_batch_each(batch, make_asset);
}

const OrfGenerator orf_generator_text = {
    .name = "text",
    .title = "lettering, alone or on a plate",
    .help = "Writes in any installed font and script; raised, engraved or as loose letters.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .min_pictures = 0,
    .max_pictures = 0,
    .run = run,
};
