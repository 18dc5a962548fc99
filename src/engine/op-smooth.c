/* op-smooth.c - smooth: without noise and stair-steps.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/operation-priv.h"

static const OrfParam params[] = {
    ORF_CHOICE(
        "how", "round|sharp", "round",
        "round evens out everything small and keeps the volume (Taubin); sharp takes out "
        "noise and leaves edges (bilateral)."),
    ORF_INT("rounds", 1, 500, "10", "More rounds smooth more."),
};

static const OrfStep steps[] = { { "load", 30 }, { "smooth", 70 } };

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    if (!assets)
        return false;
    OrfMesh *before = orf_asset_mesh(assets->pdata[0]);
    OrfTask *step = orf_task_step(task);
    unsigned rounds = (unsigned)orf_params_int(order->params, "rounds");
    bool sharp = g_str_equal(orf_params_text(order->params, "how"), "sharp");
    g_autoptr(OrfMesh) mesh =
        sharp ? orf_mesh_smooth_sharp(step, before, rounds, error)
              : orf_mesh_smooth(step, before, &(OrfSmooth){ .rounds = rounds }, error);
    OrfMeasures was, is;
    if (!mesh || !orf_mesh_measure(step, before, false, &was, error) ||
        !orf_mesh_measure(step, mesh, false, &is, error))
        return false;
    orf_outcome_take_asset(outcome, orf_asset_with_mesh(assets->pdata[0], mesh));
    outcome->text =
        g_strdup_printf("area %.4g cm2, before %.4g; volume %.4g cm3, before %.4g",
                        is.area / 100, was.area / 100, is.volume / 1e3, was.volume / 1e3);
    outcome->facts = g_strdup_printf(
        "{\"area\":%.9g,\"area_before\":%.9g,\"volume\":%.9g,\"volume_before\":%.9g}", is.area,
        was.area, is.volume, was.volume);
    return true;
}

const OrfOperation orf_operation_smooth = {
    .name = "smooth",
    .command = "mesh smooth",
    .title = "without noise and stair-steps",
    .help =
        "Moves vertices only: triangles, UVs and colours stay. Open edges stay where they are. "
        "Scans and voxels want \"round\", machine parts \"sharp\".",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_ASSET,
    .run = run,
};
