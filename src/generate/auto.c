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

void
orf_seen_clear(OrfSeen *seen)
{
    g_clear_pointer(&seen->picture, orf_image_unref);
    g_clear_pointer(&seen->alpha, orf_image_unref);
}

void
orf_choice_clear(OrfChoice *choice)
{
    orf_seen_clear(&choice->seen);
}

static bool
may_choose(const OrfGenerator *generator, OrfEngine *engine, unsigned n_pictures)
{
    return generator->suits && generator->max_pictures > 0 &&
           n_pictures >= generator->min_pictures && n_pictures <= generator->max_pictures &&
           !orf_generator_available(generator, engine);
}

/* The most that any of those it may choose would take. */
static OrfNeed
estimate(OrfEngine *engine, const OrfRecipe *recipe, OrfStage stage)
{
    OrfNeed most = { 0 };
    for (const OrfGenerator *const *g = orf_generators(); *g; g++) {
        if (!may_choose(*g, engine, recipe->pictures->len))
            continue;
        OrfNeed need = orf_generator_estimate(*g, engine, recipe, stage);
        if (need.bytes > most.bytes)
            most = need;
    }
    return most;
}

/* The choice depends on who is there to be chosen. */
static void
identify(OrfEngine *engine, const OrfRecipe *recipe, OrfDigester *digester)
{
    for (const OrfGenerator *const *g = orf_generators(); *g; g++)
        if ((*g)->identify && *g != recipe->generator &&
            may_choose(*g, engine, recipe->pictures->len)) {
            orf_digester_add(digester, (*g)->name, strlen((*g)->name) + 1);
            (*g)->identify(engine, recipe, digester);
        }
}

bool
orf_auto_choose(OrfTask *task, const OrfRecipe *recipe, OrfChoice *ret_choice, GError **error)
{
    g_auto(OrfLook) look = { 0 };
    if (!orf_look_init(task, recipe, &look, error))
        return false;
    OrfChoice choice = { 0 };
    for (const OrfGenerator *const *g = orf_generators(); *g; g++) {
        if (!may_choose(*g, orf_task_engine(task), look.n_pictures))
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
    choice.seen.picture = g_steal_pointer(&look.picture);
    choice.seen.alpha = g_steal_pointer(&look.alpha);
    choice.seen.how = look.cutout;
    *ret_choice = choice;
    return true;
}

const OrfGenerator orf_generator_auto = {
    .name = "auto",
    .title = "choose for me",
    .help = "Looks at the picture, picks a generator and says why.",
    .min_pictures = 1,
    .max_pictures = 8,
    .estimate = estimate,
    .identify = identify,
};
