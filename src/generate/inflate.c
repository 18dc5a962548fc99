/* inflate.c - a cut-out becomes a round body: outline, thickness, two sheets, the picture on
 * it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The outline and its shading say how deep the body probably is (thickness.c); round.c gives
 * the height over every point; sheets.c the mesh. What the guess got wrong the user sets with
 * `depth` and `roundness`. After Joshi and Carr 2008, and Baran and Lehtinen 2009. */
#include <math.h>
#include <string.h>

#include "generate/generate-priv.h"

static const OrfParam params[] = {
    ORF_NUMBER("depth", 0, 4, "0",
               "Thickness / width of the widest part: 1 is as deep as wide; 0 guesses from "
               "the picture."),
    ORF_NUMBER("roundness", 0, 1, "0",
               "1 gives round sections, towards 0 a flat face with steep sides; 0 guesses."),
    ORF_NUMBER("back-depth", 0, 2, "1",
               "Depth of the back / depth of the front: 1 the same, 0 a flat back."),
};

typedef struct {
    const OrfRecipe *recipe;
    OrfThickness thickness; /* guessed at the first stage, kept for the others */
    bool guessed;
    OrfSubject kept; /* of the final picture, from medium on */
} Inflate;

/* --- Thickness ---------------------------------------------------------------------------- */

static bool
guess_thickness(OrfTask *task, Inflate *inflate, const OrfSubject *subject, GError **error)
{
    if (inflate->guessed)
        return true;
    g_auto(OrfSubject) small = { 0 };
    OrfSubjectShape shape;
    if (!orf_subject_shrink(task, subject, orf_stage_side(inflate->recipe, ORF_PREVIEW), &small,
                            error) ||
        !orf_shape_init(task, small.picture, small.alpha, &shape, error))
        return false;
    const OrfParams *set = inflate->recipe->params;
    orf_thickness_guess(&shape, &inflate->thickness);
    if (orf_params_number(set, "depth") > 0)
        inflate->thickness.depth = (float)orf_params_number(set, "depth");
    if (orf_params_number(set, "roundness") > 0)
        inflate->thickness.power = (float)orf_params_number(set, "roundness");
    orf_task_note(
        task, "how deep and how round it is was guessed (%s); depth and roundness change it",
        inflate->thickness.why);
    inflate->guessed = true;
    return true;
}

/* --- Shape -------------------------------------------------------------------------------- */

typedef struct {
    OrfRound round;
    float rim, back;
} Body;

static void
body_heights(float x, float y, float *ret_front, float *ret_back, void *data)
{
    const Body *body = data;
    float z = orf_round_height(&body->round, x, y), back = body->back * z;
    *ret_front = sqrtf(z * z + body->rim * body->rim);
    *ret_back = -sqrtf(back * back + body->rim * body->rim);
}

static OrfMesh *
make_shape(OrfTask *task, const Inflate *inflate, const OrfSubject *subject, float spacing,
           GError **error)
{
    Body body = { .rim = orf_stages_half_wall(inflate->recipe, subject),
                  .back = (float)orf_params_number(inflate->recipe->params, "back-depth") };
    g_autoptr(OrfImage) alpha = orf_thicken(task, subject->alpha, body.rim, error);
    if (!alpha || !orf_round_init(task, alpha, &inflate->thickness, &body.round, error))
        return NULL;
    OrfSheetOptions options = {
        .spacing = spacing, .rim = body.rim, .heights = body_heights, .data = &body
    };
    OrfMesh *mesh = orf_sheets_mesh(task, alpha, &options, error);
    orf_round_clear(&body.round);
    return mesh;
}

/* --- Back --------------------------------------------------------------------------------- */

static OrfBack
back_of(const OrfRecipe *recipe, const OrfThickness *thickness)
{
    const char *back = orf_params_text(recipe->params, "back");
    if (g_str_equal(back, "auto")) /* a second face behind a head looks wrong */
        return thickness->depth > 0.75f ? ORF_BACK_PLAIN : ORF_BACK_MIRROR;
    return g_str_equal(back, "plain") ? ORF_BACK_PLAIN : ORF_BACK_MIRROR;
}

/* --- Stages ------------------------------------------------------------------------------- */

/* Distance of points at the outline, px of the working picture. */
static float
spacing_of(OrfStage stage)
{
    return stage == ORF_PREVIEW ? 1.6f : 2;
}

static OrfAsset *
make_stage(OrfTask *task, const OrfBatchItem *item, OrfStage stage, void *data, GError **error)
{
    const OrfRecipe *recipe = item->recipe;
    Inflate *inflate = data;
    g_auto(OrfSubject) subject = { 0 };
    g_auto(OrfSubject) small = { 0 };
    OrfTask *part = orf_task_step(task);
    if (!orf_subject_for_stage(part, item, stage, &inflate->kept, &subject, error) ||
        !orf_subject_shrink(part, &subject, orf_stage_side(recipe, stage), &small, error) ||
        !guess_thickness(part, inflate, &small, error))
        return NULL;
    g_autoptr(OrfMesh) shape =
        make_shape(orf_task_step(task), inflate, &small, spacing_of(stage), error);
    if (!shape || !orf_task_check(task, error))
        return NULL;
    return orf_stages_dress(orf_task_step(task), recipe, &subject, orf_image_width(small.alpha),
                            shape, back_of(recipe, &inflate->thickness), error);
}

static OrfAsset *
make_asset(const OrfBatchItem *item, GError **error)
{
    Inflate inflate = { .recipe = item->recipe };
    OrfAsset *asset = orf_stages_run(item->task, item, make_stage, &inflate, error);
    orf_subject_clear(&inflate.kept);
    return asset;
}

static void
run(OrfBatch *batch)
{
    orf_batch_each(batch, make_asset);
}

const OrfGenerator orf_generator_inflate = {
    .name = "inflate",
    .title = "round body",
    .help = "Cuts the subject out and gives it a round body: figures, animals, things, toys.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .min_pictures = 1,
    .max_pictures = 1,
    .suits = orf_suits_inflate,
    .run = run,
};
