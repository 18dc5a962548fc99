/* op-hollow.c - hollow: a shell of even thickness, with holes to drain it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/operation-priv.h"

static const OrfParam params[] = {
    ORF_LENGTH("wall", 0.05, 1000, "2",
               "How thick the shell is; parts thinner than two walls "
               "stay solid."),
    ORF_INT("drains", 0, 16, "0",
            "Holes through the floor of the cavity; resin and powder need two, one for air."),
    ORF_LENGTH("drain-diameter", 0.1, 1000, "3", "How wide those holes are."),
};

static const OrfStep steps[] = { { "load", 10 }, { "hollow", 90 } };

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    if (!assets)
        return false;
    OrfHollow options = {
        .wall = orf_params_number(order->params, "wall"),
        .n_drains = (unsigned)orf_params_int(order->params, "drains"),
        .drain_diameter = orf_params_number(order->params, "drain-diameter"),
    };
    OrfHollowReport report;
    OrfMeasures before, after;
    OrfMesh *solid = orf_asset_mesh(assets->pdata[0]);
    OrfTask *step = orf_task_step(task);
    if (!orf_mesh_measure(step, solid, false, &before, error))
        return false;
    if (before.boundary_edges || before.misoriented_edges)
        return ORF_FALSE(error, BAD_INPUT,
                         "hollow: it is not closed (%zu open edges, %zu turned the wrong way); "
                         "repair it first: orfeas mesh repair",
                         before.boundary_edges, before.misoriented_edges);
    g_autoptr(OrfMesh) mesh = orf_mesh_hollow(step, solid, &options, &report, error);
    if (!mesh || !orf_mesh_measure(step, mesh, false, &after, error))
        return false;
    orf_outcome_take_asset(outcome, orf_asset_with_mesh(assets->pdata[0], mesh));
    outcome->text =
        g_strdup_printf("%zu cavit%s, wall %.3g mm on average, %.3g mm where it is thinnest\n"
                        "  volume       %.4g cm3, before %.4g",
                        report.cavities, report.cavities == 1 ? "y" : "ies", report.wall_mean,
                        report.wall_least, after.volume / 1e3, before.volume / 1e3);
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_int(json, "cavities", (int64_t)report.cavities);
    orf_json_add_number(json, "wall_mean", report.wall_mean);
    orf_json_add_number(json, "wall_least", report.wall_least);
    orf_json_add_number(json, "volume", after.volume);
    orf_json_add_number(json, "volume_before", before.volume);
    orf_json_end(json);
    outcome->facts = orf_json_steal(json);
    return true;
}

const OrfOperation orf_operation_hollow = {
    .name = "hollow",
    .command = "mesh hollow",
    .title = "a shell of even thickness, with holes to drain it",
    .help =
        "Saves material and time. The outside stays as it is. A closed cavity traps resin and "
        "powder: ask for drains. The first is where the cavity is lowest, others as far from it "
        "as they can be.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_ASSET,
    .heavy = true,
    .run = run,
};
