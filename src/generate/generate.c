/* generate.c - the table of generators; how a wish becomes one of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/generate-priv.h"

#include <string.h>

#define ROW(name) &orf_generator_##name,
static const OrfGenerator *const table[] = { ORF_GENERATORS(ROW) NULL };

const OrfGenerator *const *
orf_generators(void)
{
    return table;
}

const OrfGenerator *
orf_generator_by_name(const char *name)
{
    for (size_t i = 0; table[i]; i++)
        if (g_str_equal(table[i]->name, name))
            return table[i];
    return NULL;
}

const OrfGenerator *
orf_generator_of_views(void)
{
    const OrfGenerator *most = table[0];
    for (size_t i = 0; table[i]; i++)
        if (table[i]->suits && (!most->suits || table[i]->max_pictures > most->max_pictures))
            most = table[i];
    return most;
}

/* --- What it takes ------------------------------------------------------------------------ */

const char *
orf_generator_available(const OrfGenerator *generator, OrfEngine *engine)
{
    return generator->available ? generator->available(engine) : NULL;
}

/* Grids grow with the quality, pictures are decoded at most at 2048 px. */
OrfNeed
orf_need_of_grid(const OrfRecipe *recipe, uint64_t draft_bytes)
{
    const char *quality = orf_params_text(recipe->params, "quality");
    unsigned times = g_str_equal(quality, "high") ? 3 : g_str_equal(quality, "draft") ? 1 : 2;
    OrfNeed need = { .bytes = times * draft_bytes };
    for (guint i = 0; i < recipe->pictures->len; i++) {
        const OrfPicture *picture = recipe->pictures->pdata[i];
        uint64_t pixels = (uint64_t)picture->info.width * picture->info.height;
        need.bytes += 4 * MIN(pixels, (uint64_t)4 << 20) + picture->size;
    }
    return need;
}

OrfNeed
orf_generator_estimate(const OrfGenerator *generator, OrfEngine *engine,
                       const OrfRecipe *recipe, OrfStage stage)
{
    return generator->estimate ? generator->estimate(engine, recipe, stage)
                               : orf_need_of_grid(recipe, (uint64_t)32 << 20);
}

OrfNeed
orf_recipe_estimate(OrfEngine *engine, const OrfRecipe *recipe, OrfStage stage)
{
    return orf_generator_estimate(recipe->generator, engine, recipe, stage);
}

/* --- Check -------------------------------------------------------------------------------- */

bool
orf_recipe_check(const OrfRecipe *recipe, GError **error)
{
    const OrfGenerator *generator = recipe->generator;
    unsigned n = recipe->pictures->len;
    if (n < generator->min_pictures)
        return ORF_FALSE(error, BAD_INPUT, "%s: needs %s%u picture%s, %u given",
                         generator->name,
                         generator->max_pictures > generator->min_pictures ? "at least " : "",
                         generator->min_pictures, generator->min_pictures == 1 ? "" : "s", n);
    if (n > generator->max_pictures)
        return ORF_FALSE(
            error, BAD_INPUT,
            "%s: takes at most %u picture%s, %u given; for several views of one object "
            "use the generator %s with --views",
            generator->name, generator->max_pictures, generator->max_pictures == 1 ? "" : "s",
            n, orf_generator_of_views()->name);
    return true;
}

static void
tell_choice(const OrfChoice *choice, OrfRan *ret_ran)
{
    *ret_ran =
        (OrfRan){ .generator = choice->generator->name, .confidence = choice->fit.confidence };
    g_strlcpy(ret_ran->reason, choice->fit.reason, sizeof ret_ran->reason);
    if (!choice->runner_up)
        return;
    ret_ran->runner_up = choice->runner_up->name;
    g_strlcpy(ret_ran->runner_up_reason, choice->runner_up_fit.reason,
              sizeof ret_ran->runner_up_reason);
}

/* A length that goes with the choice, within the parameter's range. */
static bool
set_with_choice(const OrfFit *fit, OrfRecipe *recipe, GError **error)
{
    if (!fit->sets || orf_params_is_set(recipe->params, fit->sets))
        return true;
    double value = fit->share * orf_params_number(recipe->params, "size");
    const OrfParam *param = orf_params_declared(recipe->params, fit->sets);
    char text[32];
    g_ascii_formatd(text, sizeof text, "%.2f", CLAMP(value, param->min, param->max));
    return orf_recipe_set(recipe, fit->sets, text, error);
}

/* The recipe itself, or the one auto makes of it. */
OrfRecipe *
orf_recipe_resolve(OrfTask *task, const OrfRecipe *recipe, OrfSeen *ret_seen, OrfRan *ret_ran,
                   GError **error)
{
    if (recipe->generator != &orf_generator_auto) {
        *ret_ran = (OrfRan){ .generator = recipe->generator->name, .confidence = 1 };
        g_strlcpy(ret_ran->reason, "asked for by name", sizeof ret_ran->reason);
        return orf_recipe_ref((OrfRecipe *)recipe);
    }
    g_auto(OrfChoice) choice = { 0 };
    if (!orf_auto_choose(task, recipe, &choice, error))
        return NULL;
    tell_choice(&choice, ret_ran);
    g_autoptr(OrfRecipe) resolved = orf_recipe_for(task, recipe, choice.generator, error);
    if (!resolved || !set_with_choice(&choice.fit, resolved, error))
        return NULL;
    *ret_seen = choice.seen;
    choice.seen = (OrfSeen){ 0 };
    return g_steal_pointer(&resolved);
}
