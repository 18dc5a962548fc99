/* op-subdivide.c - subdivide: four triangles for each, the surface rounded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/operation-priv.h"

static const OrfParam params[] = {
    ORF_INT("rounds", 1, 6, "1", "Each makes four times as many triangles."),
};

static const OrfStep steps[] = { { "load", 30 }, { "subdivide", 70 } };

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    if (!assets)
        return false;
    OrfTask *step = orf_task_step(task);
    OrfMesh *before = orf_asset_mesh(assets->pdata[0]);
    g_autoptr(OrfMesh) mesh = orf_mesh_ref(before);
    for (int64_t i = 0; i < orf_params_int(order->params, "rounds"); i++) {
        OrfMesh *finer = orf_mesh_subdivide(step, mesh, error);
        if (!finer)
            return false;
        orf_mesh_unref(mesh);
        mesh = finer;
    }
    orf_outcome_take_asset(outcome, orf_asset_with_mesh(assets->pdata[0], mesh));
    outcome->text = g_strdup_printf("%zu triangles, before %zu", orf_mesh_n_triangles(mesh),
                                    orf_mesh_n_triangles(before));
    outcome->facts = g_strdup_printf("{\"triangles\":%zu,\"before\":%zu}",
                                     orf_mesh_n_triangles(mesh), orf_mesh_n_triangles(before));
    return true;
}

const OrfOperation orf_operation_subdivide = {
    .name = "subdivide",
    .command = "mesh subdivide",
    .title = "four triangles for each, the surface rounded (Loop)",
    .help =
        "A coarse cage becomes a smooth body; all corners are rounded. Open edges become smooth "
        "curves, UV seams and materials stay.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_ASSET,
    .run = run,
};
