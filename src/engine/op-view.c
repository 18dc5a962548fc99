/* op-view.c - view: a picture of models.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/operation-priv.h"

static const OrfParam params[] = {
    ORF_INT("width", 256, 4096, "1600", "Pixels from left to right."),
};

static const OrfStep steps[] = { { "load", 40 }, { "draw", 60 } };

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    if (!assets)
        return false;
    GBytes *png = orf_asset_view(orf_task_step(task), (OrfAsset **)assets->pdata, assets->len,
                                 (unsigned)orf_params_int(order->params, "width"), error);
    if (png)
        orf_outcome_take_file(outcome, g_strdup("view.png"), "image/png", png);
    return png;
}

const OrfOperation orf_operation_view = {
    .name = "view",
    .command = "mesh view",
    .title = "a picture: front, side, top, three-quarter; a row for each file",
    .help = "Faces seen from inside are drawn red: the model is open or inside out there. Of a "
            "plate the face that can be read comes first; a lithophane is also shown lit from "
            "behind.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .letters = "w",
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 64,
    .makes = ORF_MAKES_FILES,
    .suffix = "-view.png",
    .effort = 0.02,
    .run = run,
};
