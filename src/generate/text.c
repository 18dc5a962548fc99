/* text.c - lettering: alone, raised on a plate or cut into it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/terrace.h"

#include <math.h>
#include <string.h>

#define MOST_SIDE 4096 /* px of the drawn plate */

static const OrfParam params[] = {
    ORF_TEXT("text", 0, 2000, "ORFEAS", "What to write; \\n starts a new line."),
    ORF_TEXT("font", 0, 200, "DejaVu Sans Bold", "Font as Pango names it."),
    ORF_CHOICE("align", "left|center|right", "center", "Of several lines."),
    ORF_CHOICE("style", "plain|emboss|engrave", "emboss",
               "Letters alone, raised on a plate, or cut into it."),
    ORF_LENGTH("height", 0.2, 200, "3",
               "Thickness of the letters, or depth of the cut (usually half the plate)."),
    ORF_LENGTH("plate", 0.4, 200, "3", "Thickness of the plate."),
    ORF_LENGTH("margin", 0, 200, "5",
               "Plate beyond the letters; usually a tenth of small sizes."),
    ORF_LENGTH("corner", 0, 200, "3", "Radius of the plate's corners."),
    ORF_LENGTH("hole", 0, 50, "0", "Diameter of a key-ring hole; 0 for none."),
    ORF_CHOICE("bevel", "none|chamfer|round|cove", "none", "Form of the letters' edge."),
    ORF_LENGTH("bevel-width", 0.1, 20, "0.6", "Width of the bevel."),
};

typedef struct {
    const OrfParams *params;
    OrfImage *letters; /* ORF_F32 alpha, padded by `pad` px */
    int pad;
    double scale;  /* mm per px */
    double plate;  /* mm; 0: letters alone */
    double margin; /* mm */
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

/* --- Sizes -------------------------------------------------------------------------------- */

static bool
is_engraved(const OrfParams *p)
{
    return g_str_equal(orf_params_text(p, "style"), "engrave");
}

/* The usual margin of small signs is a tenth of them; one that was asked for must leave room.
 */
static bool
set_margin(Work *work, GError **error)
{
    const OrfParams *p = work->params;
    double size = orf_params_number(p, "size"), margin = orf_params_number(p, "margin");
    if (work->plate <= 0)
        margin = 0;
    else if (!orf_params_is_set(p, "margin"))
        margin = MIN(margin, size / 10);
    else if (margin > 0.45 * size)
        return ORF_FALSE(error, BAD_INPUT,
                         "text: a margin of %g mm on both sides leaves no room for letters on "
                         "%g mm; choose a margin of at most %g mm, or a larger size",
                         margin, size, floor(4.5 * size) / 10);
    work->margin = margin;
    return true;
}

/* Depth of the cut: half of the plate unless asked for, and it keeps a floor. */
static double
cut_depth(const OrfParams *p, double plate)
{
    double asked = orf_params_number(p, "height");
    double floor_z = MIN(orf_params_number(p, "wall"), plate / 2);
    if (!orf_params_is_set(p, "height"))
        asked = MIN(asked, plate / 2);
    return MIN(asked, plate - floor_z);
}

/* Pixels of the letters' longer side so that the plate, margin and all, has at most MOST_SIDE.
 */
static OrfImage *
draw_letters(OrfTask *task, const Work *work, unsigned height, GError **error)
{
    const OrfParams *p = work->params;
    g_autofree char *text = with_newlines(orf_params_text(p, "text"));
    const char *font = orf_params_text(p, "font"), *align = orf_params_text(p, "align");
    double size = orf_params_number(p, "size"), share = 1 - 2 * work->margin / size;
    OrfImage *letters = orf_image_text(task, text, font, height, align, error);
    unsigned side =
        letters ? MAX(orf_image_width(letters), orf_image_height(letters)) : MOST_SIDE;
    if (!letters || side <= MOST_SIDE * share)
        return letters;
    orf_image_unref(letters);
    height = MAX(8u, (unsigned)(height * MOST_SIDE * share / side));
    return orf_image_text(task, text, font, height, align, error);
}

static bool
prepare(OrfTask *task, const OrfRecipe *recipe, OrfStage stage, Work *work, GError **error)
{
    const OrfParams *p = work->params = recipe->params;
    unsigned height = stage == ORF_PREVIEW ? 64 : stage == ORF_MEDIUM ? 160 : 320;
    work->plate =
        g_str_equal(orf_params_text(p, "style"), "plain") ? 0 : orf_params_number(p, "plate");
    if (!set_margin(work, error))
        return false;
    g_autoptr(OrfImage) letters = draw_letters(task, work, height, error);
    if (!letters)
        return false;
    unsigned width = orf_image_width(letters), tall = orf_image_height(letters);
    double room = orf_params_number(p, "size") - 2 * work->margin;
    work->scale = room / MAX(width, tall);
    work->pad = 3 + (int)ceil(work->margin / work->scale);
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
    double wall = orf_params_number(work->params, "wall") / work->scale;
    double inset = hole + MAX(0.8 * hole, wall); /* plastic round the hole */
    double hole_x = -half_width + inset, hole_y = -half_height + inset;
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

/* --- Notes -------------------------------------------------------------------------------- */

/* Settings that nothing came of. */
static void
tell_unused(OrfTask *task, const OrfParams *p)
{
    static const char *const of_plate[] = { "hole", "plate", "margin", "corner" };
    static const char *const of_raised[] = { "bevel", "bevel-width" };
    bool plain = g_str_equal(orf_params_text(p, "style"), "plain");
    for (size_t i = 0; plain && i < G_N_ELEMENTS(of_plate); i++)
        if (orf_params_is_set(p, of_plate[i]))
            orf_task_note(task,
                          "%s was left out, loose letters have no plate; "
                          "set style=emboss or style=engrave",
                          of_plate[i]);
    for (size_t i = 0; is_engraved(p) && i < G_N_ELEMENTS(of_raised); i++)
        if (orf_params_is_set(p, of_raised[i]))
            orf_task_note(task,
                          "%s was left out, it is for raised letters; set "
                          "style=emboss or style=plain",
                          of_raised[i]);
}

static void
tell_thickness(OrfTask *task, const OrfParams *p)
{
    double wall = orf_params_number(p, "wall"), plate = orf_params_number(p, "plate");
    if (g_str_equal(orf_params_text(p, "style"), "plain"))
        return;
    double depth = cut_depth(p, plate), asked = orf_params_number(p, "height");
    if (plate < wall)
        orf_task_note(task,
                      "the plate of %.3g mm is thinner than wall, %.3g mm; set plate=%.3g",
                      plate, wall, wall);
    if (is_engraved(p) && orf_params_is_set(p, "height") && depth < asked - 1e-6)
        orf_task_note(task,
                      "cut %.3g mm deep instead of %.3g: a plate of %.3g mm keeps a floor "
                      "of %.3g mm; for the whole depth set plate=%.3g",
                      depth, asked, plate, plate - depth, asked + wall);
}

/* Where strokes are that an upright nozzle cannot draw: a stroke is as wide as twice the
 * distance to its edge in its middle. */
typedef struct {
    double usual; /* mm; a quarter of all middles are thinner */
    double share; /* of all middles, that are thinner than wall */
    double x, y;  /* of the thinnest, mm from the left and the top of the whole */
} Strokes;

static int
by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* Neither a neighbour to the left and right nor one above and below is further inside. */
static bool
is_middle(const float *d, unsigned width, size_t i)
{
    bool across = d[i] >= d[i - 1] && d[i] >= d[i + 1];
    bool down = d[i] >= d[i - width] && d[i] >= d[i + width];
    return d[i] > 0.75f && (across || down) && d[i] >= d[i - 1] - 0.5f &&
           d[i] >= d[i + 1] - 0.5f && d[i] >= d[i - width] - 0.5f &&
           d[i] >= d[i + width] - 0.5f;
}

static void
measure_strokes(const Work *work, const OrfImage *distance, Strokes *ret_strokes)
{
    unsigned width = orf_image_width(distance), height = orf_image_height(distance);
    const float *d = orf_image_f32(distance);
    double half_wall = orf_params_number(work->params, "wall") / 2 / work->scale;
    g_autoptr(GArray) middles = g_array_new(FALSE, FALSE, sizeof(float));
    size_t thin = 0, thinnest = 0;
    for (size_t y = 1; y + 1 < height; y++)
        for (size_t x = 1; x + 1 < width; x++) {
            size_t i = y * width + x;
            if (!is_middle(d, width, i))
                continue;
            g_array_append_val(middles, d[i]);
            thin += d[i] < half_wall;
            thinnest = !thinnest || d[i] < d[thinnest] ? i : thinnest;
        }
    *ret_strokes = (Strokes){ 0 };
    if (!middles->len)
        return;
    g_array_sort(middles, by_value);
    ret_strokes->usual =
        2 * work->scale * (double)g_array_index(middles, float, middles->len / 4);
    ret_strokes->share = (double)thin / middles->len;
    ret_strokes->x = (double)(thinnest % width) * work->scale;
    ret_strokes->y = (double)(thinnest / width) * work->scale;
}

/* A few thin places are serifs and ends of strokes. */
static void
tell_strokes(OrfTask *task, const Work *work, const OrfImage *distance)
{
    Strokes strokes;
    measure_strokes(work, distance, &strokes);
    double wall = orf_params_number(work->params, "wall");
    double size = orf_params_number(work->params, "size");
    if (strokes.share < 0.25 || strokes.usual >= wall)
        return;
    orf_task_note(task,
                  "strokes are thinner than wall, %.3g mm: %.0f %% of them, about %.2g "
                  "mm, thinnest %.0f mm from the left and %.0f mm from the top; write less, "
                  "take a bolder font, or a size of %.0f mm",
                  wall, 100 * strokes.share, strokes.usual, strokes.x, strokes.y,
                  ceil(size * wall / MAX(strokes.usual, 1e-3)));
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
    if (work->plate > 0 && is_engraved(p)) {
        double floor_z = base - cut_depth(p, base);
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
    if (distance && stage == ORF_FINAL)
        tell_strokes(task, work, distance);
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
    tell_unused(item->task, item->recipe->params);
    tell_thickness(item->task, item->recipe->params);
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
