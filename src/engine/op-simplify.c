/* op-simplify.c - simplify: fewer triangles, still a solid.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/operation-priv.h"

static const OrfParam params[] = {
    ORF_INT("triangles", 0, 100000000, "0",
            "At most about so many; 0: half as many, or as many as the error asks."),
    ORF_NUMBER("error", 0, 100, "0", "How far the surface may move, in mm; 0: any."),
    ORF_BOOL("keep-borders", "false", "Open borders stay as they are."),
};

static const OrfStep steps[] = { { "load", 20 }, { "simplify", 80 } };

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    OrfSimplify options = {
        .triangles = (size_t)orf_params_int(order->params, "triangles"),
        .error = (float)orf_params_number(order->params, "error"),
        .keep_borders = orf_params_bool(order->params, "keep-borders"),
    };
    if (!assets)
        return false;
    OrfMesh *before = orf_asset_mesh(assets->pdata[0]);
    if (!options.triangles && !(options.error > 0))
        options.triangles = (orf_mesh_n_triangles(before) + 1) / 2;
    g_autoptr(OrfMesh) mesh = orf_mesh_simplify(orf_task_step(task), before, &options, error);
    if (!mesh)
        return false;
    orf_outcome_take_asset(outcome, orf_asset_with_mesh(assets->pdata[0], mesh));
    outcome->text = g_strdup_printf("%zu triangles, before %zu", orf_mesh_n_triangles(mesh),
                                    orf_mesh_n_triangles(before));
    outcome->facts = g_strdup_printf("{\"triangles\":%zu,\"before\":%zu}",
                                     orf_mesh_n_triangles(mesh), orf_mesh_n_triangles(before));
    return true;
}

const OrfOperation orf_operation_simplify = {
    .name = "simplify",
    .command = "mesh simplify",
    .title = "fewer triangles, closed as before",
    .help =
        "Collapses edges where that changes the surface least. Shells, holes and handles stay, a "
        "solid stays one; UV seams and borders between materials are locked.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_ASSET,
    .effort = 0.02,
    .run = run,
};
