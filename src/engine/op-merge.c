/* op-merge.c - merge: several models in one file, each as it is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/parts-priv.h"

#include <math.h>

static const OrfParam params[] = {
    ORF_LENGTH("gap", -1, 1000, "-1mm",
               "Side by side from left to right, so far apart; below 0: where they are."),
};

static const OrfStep steps[] = { { "load", 60 }, { "merge", 40 } };

static void
mesh_unref(void *mesh)
{
    orf_mesh_unref(mesh);
}

/* Moves a mesh so that it begins at x and stands on the bed. */
static OrfMesh *
set_beside(OrfTask *task, const OrfMesh *mesh, double *x, double gap, GError **error)
{
    float low[3], high[3];
    orf_mesh_bounds(mesh, low, high);
    const float one[3] = { 1, 1, 1 },
                offset[3] = { (float)*x - low[0], -low[1], -(low[2] + high[2]) / 2 };
    *x += (double)high[0] - (double)low[0] + gap;
    return orf_mesh_scale_move(task, mesh, one, offset, error);
}

static OrfMesh *
merge(OrfTask *task, GPtrArray *assets, double gap, GError **error)
{
    g_autoptr(GPtrArray) meshes = g_ptr_array_new_with_free_func(mesh_unref);
    g_autoptr(GPtrArray) dressed = g_ptr_array_new_with_free_func(mesh_unref);
    double x = 0;
    for (guint i = 0; i < assets->len; i++) {
        OrfMesh *own = orf_asset_mesh(assets->pdata[i]);
        OrfMesh *mesh = gap < 0 ? orf_mesh_ref(own) : set_beside(task, own, &x, gap, error);
        if (!mesh)
            return NULL;
        g_ptr_array_add(meshes, mesh);
    }
    for (guint i = 0; i < meshes->len; i++) {
        OrfMesh *mesh = orf_mesh_ref(meshes->pdata[i]);
        for (guint j = 0; mesh && j < meshes->len; j++) {
            OrfMesh *like = orf_mesh_dressed_like(task, mesh, meshes->pdata[j], error);
            orf_mesh_unref(mesh);
            mesh = like;
        }
        if (!mesh)
            return NULL;
        g_ptr_array_add(dressed, mesh);
    }
    return orf_mesh_join(task, (OrfMesh **)dressed->pdata, dressed->len, true, error);
}

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    g_autoptr(OrfMesh) mesh = assets ? merge(orf_task_step(task), assets,
                                             orf_params_number(order->params, "gap"), error)
                                     : NULL;
    if (!mesh)
        return false;
    orf_outcome_take_asset(outcome, orf_parts_dress(mesh, assets));
    outcome->text =
        g_strdup_printf("%u models, %zu triangles", assets->len, orf_mesh_n_triangles(mesh));
    outcome->facts = g_strdup_printf("{\"models\":%u,\"triangles\":%zu}", assets->len,
                                     orf_mesh_n_triangles(mesh));
    return true;
}

const OrfOperation orf_operation_merge = {
    .name = "merge",
    .command = "mesh merge",
    .title = "several models in one file, each as it is",
    .help =
        "Nothing is joined where they cross: \"mesh boolean\" does that. With --gap they are "
        "set on the bed side by side, to print them together.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 64,
    .makes = ORF_MAKES_ASSET,
    .run = run,
};
