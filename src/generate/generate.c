/* generate.c - the table of generators and how a recipe is run.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/generate-priv.h"

#include <string.h>

static const OrfGenerator *const table[] = {
    &orf_generator_auto,
    NULL,
};

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

/* --- Run ---------------------------------------------------------------------------------------- */

static bool
check_pictures(const OrfRecipe *recipe, GError **error)
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
            "use the generator hull with --views",
            generator->name, generator->max_pictures, generator->max_pictures == 1 ? "" : "s",
            n);
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

/* The recipe itself, or the one auto makes of it. */
static OrfRecipe *
resolve(OrfTask *task, const OrfRecipe *recipe, OrfRan *ret_ran, GError **error)
{
    if (recipe->generator != &orf_generator_auto) {
        *ret_ran = (OrfRan){ .generator = recipe->generator->name, .confidence = 1 };
        g_strlcpy(ret_ran->reason, "asked for by name", sizeof ret_ran->reason);
        return orf_recipe_ref((OrfRecipe *)recipe);
    }
    OrfChoice choice = { 0 };
    if (!orf_auto_choose(task, recipe, &choice, error))
        return NULL;
    tell_choice(&choice, ret_ran);
    return orf_recipe_for(task, recipe, choice.generator, error);
}

OrfAsset *
orf_recipe_run(OrfTask *task, const OrfRecipe *recipe, OrfStageFn emit, void *data,
               OrfRan *ret_ran, GError **error)
{
    static const OrfStep steps[] = { { "look", 3 }, { "make", 97 } };
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    OrfRan unused;
    if (!check_pictures(recipe, error))
        return NULL;
    g_autoptr(OrfRecipe) resolved =
        resolve(orf_task_step(task), recipe, ret_ran ? ret_ran : &unused, error);
    if (!resolved || !check_pictures(resolved, error) || !orf_task_check(task, error))
        return NULL;
    return resolved->generator->run(orf_task_step(task), resolved, emit, data, error);
}
