/* op-generate.c - generate: pictures in, a printable model out, in stages.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/operation-priv.h"

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    OrfAsset *asset =
        orf_recipe_run(task, order->recipe, order->stage, order->stage_data, order->ran, error);
    outcome->ran = *order->ran;
    if (asset)
        orf_outcome_take_asset(outcome, asset);
    return asset;
}

static OrfNeed
estimate(OrfEngine *engine, const OrfOrder *order)
{
    return orf_recipe_estimate(engine, order->recipe, ORF_FINISHED);
}

/* Which parameters there are beside these, the generator says. */
static const OrfParam params[] = {
    ORF_TEXT("generator", 1, 64, "auto", "How to make it; \"auto\" looks and chooses."),
};

const OrfOperation orf_operation_generate = {
    .name = "generate",
    .command = "generate",
    .title = "pictures to printable 3D models",
    .help = "Looks at the picture, or does as it is told, and makes a closed solid of it.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_PICTURES,
    .least = 0,
    .most = 8,
    .makes = ORF_MAKES_ASSET,
    .recipe = true,
    .heavy = true,
    .estimate = estimate,
    .run = run,
};
