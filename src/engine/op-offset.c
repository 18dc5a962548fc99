/* op-offset.c - offset: a body grown, shrunk, or a surface made thick.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/operation-priv.h"

static const OrfParam params[] = {
    ORF_CHOICE(
        "how", "grow|shrink|thicken", "grow",
        "grow adds the distance all round; shrink takes it away; thicken makes a wall of "
        "that thickness of any surface, open ones too, half of it on either side."),
    ORF_LENGTH("distance", 0.01, 1000, "1", "How far; with thicken, how thick."),
};

static const OrfStep steps[] = { { "load", 10 }, { "offset", 70 }, { "colours", 20 } };

static OrfMesh *
offset(OrfTask *task, const OrfOrder *order, OrfMesh *mesh, GError **error)
{
    const char *how = orf_params_text(order->params, "how");
    double distance = orf_params_number(order->params, "distance");
    OrfOffsetKind kind = g_str_equal(how, "grow")     ? ORF_OFFSET_OUTWARDS
                         : g_str_equal(how, "shrink") ? ORF_OFFSET_INWARDS
                                                      : ORF_OFFSET_BOTH;
    if (kind == ORF_OFFSET_BOTH)
        distance /= 2;
    g_autoptr(OrfMesh) made = orf_mesh_offset(task, mesh, kind, distance, error);
    if (made && orf_mesh_n_triangles(made) == 0)
        return ORF_FAIL(error, BAD_INPUT,
                        "offset: nothing lies %.3g mm deep in it; shrink it by less", distance);
    return g_steal_pointer(&made);
}

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    OrfMeasures m;
    g_autoptr(OrfMesh) mesh =
        assets ? offset(orf_task_step(task), order, orf_asset_mesh(assets->pdata[0]), error)
               : NULL;
    OrfTask *step = mesh ? orf_task_step(task) : NULL;
    if (!mesh || !orf_mesh_measure(step, mesh, false, &m, error))
        return false;
    OrfAsset *asset = orf_asset_transfer(step, assets->pdata[0], mesh, error);
    if (!asset)
        return false;
    orf_outcome_take_asset(outcome, asset);
    outcome->text = g_strdup_printf("%zu triangles, %.4g cm3", m.triangles, m.volume / 1e3);
    outcome->facts =
        g_strdup_printf("{\"triangles\":%zu,\"volume\":%.9g}", m.triangles, m.volume);
    return true;
}

const OrfOperation orf_operation_offset = {
    .name = "offset",
    .command = "mesh offset",
    .title = "grown or shrunk by a distance, or a surface made thick",
    .help =
        "A new closed surface at the same distance everywhere. Outer edges come out round. For "
        "fits: shrink a peg by its play. An open sheet becomes a solid with --how thicken. "
        "Colours move to the vertices.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_ASSET,
    .heavy = true,
    .run = run,
};
