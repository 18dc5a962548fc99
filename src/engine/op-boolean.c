/* op-boolean.c - boolean: bodies added, taken away, or what they share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/describe-priv.h"
#include "engine/operation-priv.h"
#include "engine/parts-priv.h"

static const OrfParam params[] = {
    ORF_CHOICE("what", "union|difference|intersection", "union",
               "union joins all bodies into one; difference takes all others away from the "
               "first; intersection keeps what all have in common."),
};

static const OrfStep steps[] = { { "load", 20 }, { "boolean", 70 }, { "check", 10 } };

static const char *const kinds[] = {
    [ORF_UNION] = "union",
    [ORF_DIFFERENCE] = "difference",
    [ORF_INTERSECTION] = "intersection",
};

static OrfBooleanKind
kind_of(const OrfOrder *order)
{
    const char *what = orf_params_text(order->params, "what");
    for (OrfBooleanKind kind = ORF_UNION; kind < ORF_INTERSECTION; kind++)
        if (g_str_equal(what, kinds[kind]))
            return kind;
    return ORF_INTERSECTION;
}

static OrfMesh *
combine(OrfTask *task, GPtrArray *assets, OrfBooleanKind kind, OrfBooleanReport *report,
        GError **error)
{
    g_autofree OrfMesh **meshes = g_new(OrfMesh *, assets->len);
    for (guint i = 0; i < assets->len; i++)
        meshes[i] = orf_asset_mesh(assets->pdata[i]);
    g_autoptr(OrfMesh) mesh = orf_mesh_boolean(task, meshes, assets->len, kind, report, error);
    if (mesh && orf_mesh_n_triangles(mesh) == 0)
        return ORF_FAIL(error, BAD_INPUT, "%s: nothing is left of the bodies%s", kinds[kind],
                        kind == ORF_INTERSECTION ? "; they share no space"
                                                 : "; the others hold all of the first");
    return g_steal_pointer(&mesh);
}

/* Places are rounded to floats in the end: where that folded a sliver, it is mended. */
static OrfMesh *
check(OrfTask *task, OrfMesh *mesh, OrfMeasures *ret, GError **error)
{
    if (!orf_mesh_measure(task, mesh, true, ret, error))
        return NULL;
    if (orf_measures_solid(ret) && ret->self_intersections == 0)
        return orf_mesh_ref(mesh);
    OrfRepairReport report;
    g_autoptr(OrfMesh) mended = orf_mesh_repair(task, mesh, NULL, &report, error);
    if (!mended)
        return NULL;
    if (report.way == ORF_REPAIR_REMESH) { /* its vertices would be lost */
        orf_task_note(task,
                      "slivers that rounding had folded are left; \"mesh repair\" makes a "
                      "new surface of it");
        return orf_mesh_ref(mesh);
    }
    orf_task_note(task, "slivers that rounding had folded were repaired");
    *ret = report.after;
    return g_steal_pointer(&mended);
}

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    OrfBooleanKind kind = kind_of(order);
    OrfBooleanReport report;
    OrfMeasures m;
    g_autoptr(OrfMesh) raw =
        assets ? combine(orf_task_step(task), assets, kind, &report, error) : NULL;
    g_autoptr(OrfMesh) mesh = raw ? check(orf_task_step(task), raw, &m, error) : NULL;
    if (!mesh)
        return false;
    OrfAsset *asset = orf_parts_dress(mesh, assets);
    orf_outcome_take_asset(outcome, asset);
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "what", kinds[kind]);
    orf_json_add_number(json, "volume", report.volume);
    orf_json_add_int(json, "cuts", (int64_t)report.cuts);
    orf_json_begin_object(json, "after");
    orf_describe_measures(json, asset, &m);
    orf_json_end(json);
    orf_json_end(json);
    outcome->facts = orf_json_steal(json);
    outcome->text = g_strdup_printf("%s of %u bodies: %zu triangles, %.4g cm3", kinds[kind],
                                    assets->len, m.triangles, report.volume / 1e3);
    return true;
}

const OrfOperation orf_operation_boolean = {
    .name = "boolean",
    .command = "mesh boolean",
    .title = "bodies joined, taken away from each other, or what they share",
    .help =
        "Reckons without rounding, so bodies may touch, share planes or cross themselves. Each "
        "must be closed (orfeas mesh repair makes it so). Surfaces keep their colours, pictures "
        "and materials.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 64,
    .makes = ORF_MAKES_ASSET,
    .run = run,
};
