/* op-levels.c - levels: a chain of ever coarser copies, for games and viewers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/parts-priv.h"

#include <math.h>

static const OrfParam params[] = {
    ORF_INT("levels", 1, 12, "4", "How many copies, the model itself among them."),
    ORF_NUMBER("ratio", 0.05, 0.95, "0.5", "Triangles of a level as a part of the one before."),
    ORF_NUMBER(
        "error", 0, 1000, "0",
        "How far the surface of the last level may be off, in mm, each before it half of "
        "that; 0: any."),
    ORF_PARTS_PARAMS,
};

static const OrfStep steps[] = { { "load", 20 }, { "simplify", 60 }, { "save", 20 } };

static void
asset_unref(void *asset)
{
    orf_asset_unref(asset);
}

static OrfAsset *
coarser(OrfTask *task, const OrfOrder *order, OrfAsset *finer, double step, GError **error)
{
    OrfMesh *mesh = orf_asset_mesh(finer);
    double ratio = orf_params_number(order->params, "ratio");
    OrfSimplify options = {
        .triangles = (size_t)MAX(4, ratio * (double)orf_mesh_n_triangles(mesh)),
        .error = (float)step,
    };
    g_autoptr(OrfMesh) less = orf_mesh_simplify(task, mesh, &options, error);
    return less ? orf_asset_with_mesh(finer, less) : NULL;
}

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    if (!assets)
        return false;
    OrfTask *step = orf_task_step(task);
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(asset_unref);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(OrfJson) json = orf_json_new();
    int64_t n = orf_params_int(order->params, "levels");
    orf_json_begin_object(json, NULL);
    orf_json_begin_array(json, "triangles");
    for (int64_t i = 0; i < n; i++) {
        /* errors of the steps add up to that of the level */
        double bound =
                   orf_params_number(order->params, "error") * pow(0.5, (double)(n - 1 - i)),
               part = i > 1 ? bound / 2 : bound;
        OrfAsset *level = i == 0 ? orf_asset_ref(assets->pdata[0])
                                 : coarser(step, order, parts->pdata[i - 1], part, error);
        if (!level)
            return false;
        g_ptr_array_add(parts, level);
        size_t triangles = orf_mesh_n_triangles(orf_asset_mesh(level));
        g_string_append_printf(text, "%s%zu", i ? ", " : "", triangles);
        orf_json_add_int(json, NULL, (int64_t)triangles);
    }
    orf_json_end(json);
    orf_json_end(json);
    if (!orf_parts_save(orf_task_step(task), order, parts, outcome, error))
        return false;
    outcome->text = g_strdup_printf("%u levels of %s triangles", parts->len, text->str);
    outcome->facts = orf_json_steal(json);
    return true;
}

const OrfOperation orf_operation_levels = {
    .name = "levels",
    .command = "mesh levels",
    .title = "a chain of ever coarser copies, for games and viewers",
    .help =
        "A level-of-detail chain: part-1 is the model, each further part is a simplification of "
        "the one before. Solids stay solid, UV seams stay. The files come in a ZIP.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_FILES,
    .suffix = "-levels.zip",
    .run = run,
};
