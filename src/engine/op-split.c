/* op-split.c - split: each body of a model in a file of its own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/parts-priv.h"

static const OrfParam params[] = {
    ORF_PARTS_PARAMS,
    ORF_INT("most", 1, 256, "64", "At most so many files; what is smaller shares the last."),
};

static const OrfStep steps[] = { { "load", 30 }, { "split", 40 }, { "save", 30 } };

static void
asset_unref(void *asset)
{
    orf_asset_unref(asset);
}

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    if (!assets)
        return false;
    OrfMesh *mesh = orf_asset_mesh(assets->pdata[0]);
    if (orf_mesh_n_triangles(mesh) == 0)
        return ORF_FALSE(error, BAD_INPUT, "split: it has no triangles");
    g_autoptr(GPtrArray) shells = orf_mesh_shells(
        orf_task_step(task), mesh, (size_t)orf_params_int(order->params, "most"), error);
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(asset_unref);
    for (guint i = 0; shells && i < shells->len; i++)
        g_ptr_array_add(parts, orf_asset_with_mesh(assets->pdata[0], shells->pdata[i]));
    if (!shells || !orf_parts_save(orf_task_step(task), order, parts, outcome, error))
        return false;
    outcome->text = g_strdup_printf("%u part%s", parts->len, parts->len == 1 ? "" : "s");
    outcome->facts = g_strdup_printf("{\"parts\":%u}", parts->len);
    return true;
}

const OrfOperation orf_operation_split = {
    .name = "split",
    .command = "mesh split",
    .title = "each body of a model in a file of its own",
    .help =
        "Bodies are what hangs together; a cavity goes with the body round it. The first part "
        "is the largest. The files come in a ZIP.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_FILES,
    .suffix = "-parts.zip",
    .run = run,
};
