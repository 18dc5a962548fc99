/* auto.c - chooses the generator a person would pick, and says why.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The picture is looked at once (look.c); every generator says how well that suits it; the
 * surest wins and the next is named, so that it can be overruled. */
#include <string.h>

#include "generate/generate-priv.h"

/* Keeps the two surest generators in `choice`. */
static void
consider(OrfChoice *choice, const OrfGenerator *generator, const OrfFit *fit)
{
    if (!choice->generator || fit->confidence > choice->fit.confidence) {
        choice->runner_up = choice->generator;
        choice->runner_up_fit = choice->fit;
        choice->generator = generator;
        choice->fit = *fit;
    } else if (!choice->runner_up || fit->confidence > choice->runner_up_fit.confidence) {
        choice->runner_up = generator;
        choice->runner_up_fit = *fit;
    }
}

/* A key or a spanner is as thick as one of its size, not as thick as a sign. The largest circle
 * inside an outline is about 0.8 times as wide as the body is at its thickest. */
static double
height_of_tool(const OrfLook *look, double size)
{
    if (look->shape.elongation < 3 || look->shape.runs > 2 || look->info.vector)
        return 0;
    OrfThickness thickness;
    orf_thickness_guess(&look->shape, &thickness);
    return CLAMP((double)thickness.depth * look->shape.girth / 0.8 * size, 1, 500);
}

void
orf_choice_clear(OrfChoice *choice)
{
    g_clear_pointer(&choice->picture, orf_image_unref);
    g_clear_pointer(&choice->alpha, orf_image_unref);
}

bool
orf_auto_choose(OrfTask *task, const OrfRecipe *recipe, OrfChoice *ret_choice, GError **error)
{
    g_auto(OrfLook) look = { 0 };
    if (!orf_look_init(task, recipe, &look, error))
        return false;
    OrfChoice choice = { 0 };
    for (const OrfGenerator *const *g = orf_generators(); *g; g++) {
        bool takes = look.n_pictures >= (*g)->min_pictures &&
                     look.n_pictures <= (*g)->max_pictures && (*g)->max_pictures > 0;
        if (!(*g)->suits || !takes)
            continue;
        OrfFit fit = (*g)->suits(&look);
        if (fit.confidence > 0)
            consider(&choice, *g, &fit);
    }
    if (!choice.generator)
        return ORF_FALSE(
            error, BAD_INPUT,
            "%s: the picture shows nothing to make a body, a plate or a relief of; "
            "choose with --generator",
            orf_recipe_picture(recipe, 0)->name);
    if (choice.generator == &orf_generator_extrude)
        choice.height = height_of_tool(&look, orf_params_number(recipe->params, "size"));
    choice.picture = g_steal_pointer(&look.picture);
    choice.alpha = g_steal_pointer(&look.alpha);
    choice.cutout = look.cutout;
    *ret_choice = choice;
    return true;
}

const OrfGenerator orf_generator_auto = {
    .name = "auto",
    .title = "choose for me",
    .help = "Looks at the picture, picks a generator and says why.",
    .min_pictures = 1,
    .max_pictures = 8,
};
