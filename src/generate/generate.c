/* generate.c - the table of generators and how a recipe is run.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/generate-priv.h"

#include <string.h>

static const OrfGenerator *const table[] = {
    &orf_generator_auto,       &orf_generator_inflate,
    &orf_generator_lathe,      &orf_generator_hull,
    &orf_generator_depth,      &orf_generator_relief,
    &orf_generator_lithophane, &orf_generator_extrude,
    &orf_generator_text,       NULL,
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

/* --- Run ---------------------------------------------------------------------------------- */

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

static void
hand_over_seen(OrfChoice *choice, OrfRecipe *recipe)
{
    recipe->seen = g_steal_pointer(&choice->picture);
    recipe->seen_alpha = g_steal_pointer(&choice->alpha);
    recipe->seen_how = choice->cutout;
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
    g_auto(OrfChoice) choice = { 0 };
    if (!orf_auto_choose(task, recipe, &choice, error))
        return NULL;
    tell_choice(&choice, ret_ran);
    g_autoptr(OrfRecipe) resolved = orf_recipe_for(task, recipe, choice.generator, error);
    if (resolved)
        hand_over_seen(&choice, resolved);
    if (!resolved || !(choice.height > 0) || orf_params_is_set(resolved->params, "height"))
        return g_steal_pointer(&resolved);
    char height[32];
    g_ascii_formatd(height, sizeof height, "%.2f", choice.height);
    return orf_recipe_set(resolved, "height", height, error) ? g_steal_pointer(&resolved)
                                                             : NULL;
}

/* --- Pose: what generators make stands upright; "lie" turns it on its back on the way out ---
 */

typedef struct {
    OrfTask *task;
    bool lie;
    OrfStageFn emit;
    void *data;
    OrfAsset *last;
    GError *error;
} Outlet;

static void
outlet_clear(Outlet *outlet)
{
    g_clear_pointer(&outlet->last, orf_asset_unref);
    g_clear_error(&outlet->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outlet, outlet_clear)

/* The front turned up, on the bed: (x, y, z) -> (x, z - lowest z, centre y - y). */
static OrfAsset *
laid_down(OrfTask *task, const OrfAsset *asset, GError **error)
{
    const OrfMesh *mesh = orf_asset_mesh(asset);
    size_t n = orf_mesh_n_vertices(mesh);
    const float *from = orf_mesh_positions(mesh);
    float *to = ORF_ALLOC(task, float, 3 * n, "positions", error);
    if (!to)
        return NULL;
    float low[3], high[3];
    orf_mesh_bounds(mesh, low, high);
    for (size_t i = 0; i < n; i++) {
        to[3 * i] = from[3 * i];
        to[3 * i + 1] = from[3 * i + 2] - low[2];
        to[3 * i + 2] = (low[1] + high[1]) / 2 - from[3 * i + 1];
    }
    g_autoptr(OrfMesh) lying = orf_mesh_with_positions_take(task, mesh, to, error);
    return lying ? orf_asset_with_mesh(asset, lying) : NULL;
}

static bool
let_out(OrfStage stage, OrfAsset *asset, void *data)
{
    Outlet *outlet = data;
    OrfAsset *out =
        outlet->lie ? laid_down(outlet->task, asset, &outlet->error) : orf_asset_ref(asset);
    if (!out)
        return false;
    g_clear_pointer(&outlet->last, orf_asset_unref);
    outlet->last = out;
    return !outlet->emit || outlet->emit(stage, out, outlet->data);
}

static OrfAsset *
run_posed(OrfTask *task, const OrfRecipe *recipe, OrfStageFn emit, void *data, GError **error)
{
    g_auto(Outlet) outlet = { .task = task, .emit = emit, .data = data };
    outlet.lie = g_str_equal(orf_params_text(recipe->params, "pose"), "lie");
    g_autoptr(OrfAsset) made = recipe->generator->run(task, recipe, let_out, &outlet, error);
    if (made && outlet.error) {
        g_propagate_error(error, g_steal_pointer(&outlet.error));
        return NULL;
    }
    return made ? g_steal_pointer(&outlet.last) : NULL;
}

OrfAsset *
orf_recipe_run(OrfTask *task, const OrfRecipe *recipe, OrfStageFn emit, void *data,
               OrfRan *ret_ran, GError **error)
{
    static const OrfStep steps[] = { { "look", 3 }, { "", 97 } };
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    OrfRan unused;
    if (!check_pictures(recipe, error))
        return NULL;
    g_autoptr(OrfRecipe) resolved =
        resolve(orf_task_step(task), recipe, ret_ran ? ret_ran : &unused, error);
    if (!resolved || !check_pictures(resolved, error) || !orf_task_check(task, error))
        return NULL;
    return run_posed(orf_task_step(task), resolved, emit, data, error);
}
