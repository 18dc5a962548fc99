/* op-repair.c - repair: any triangles to a printable solid, its shape kept.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/describe-priv.h"
#include "engine/operation-priv.h"

static const OrfParam params[] = {
    ORF_CHOICE(
        "level", "auto|safe|full|remesh", "auto",
        "auto changes no more than it must; safe welds, cleans and closes small holes, full "
        "drops inner walls, turns and closes: no further, even when that makes no solid; "
        "remesh makes a new surface in any case."),
    ORF_CHOICE("open", "close|keep", "close",
               "close makes a solid of what is open; keep leaves every hole and only cleans."),
    ORF_INT("cells", 60, 600, "250",
            "Of the grid along the diagonal: more keep finer parts and take longer."),
    ORF_BOOL("keep-voids", "false",
             "Closed inner shells stay even when they line the outer one."),
    ORF_BOOL("keep-bottom", "false", "A flat open bottom stays open."),
};

static const OrfStep steps[] = { { "load", 10 }, { "repair", 80 }, { "colours", 10 } };

static const char *const ways[] = {
    [ORF_REPAIR_NOTHING] = "nothing",
    [ORF_REPAIR_SAFE] = "safe",
    [ORF_REPAIR_FULL] = "full",
    [ORF_REPAIR_REMESH] = "remesh",
};

/* --- What was done ------------------------------------------------------------------------ */

typedef struct {
    double count;
    const char *name, *says;
} Line;

#define N_LINES 7

static void
list_lines(const OrfRepairReport *r, Line ret[N_LINES])
{
    const Line lines[N_LINES] = {
        { (double)r->degenerate, "degenerate", "faces without area dropped" },
        { (double)r->duplicate, "duplicate", "faces that were there twice dropped" },
        { (double)r->unseen, "unseen", "faces that see no outside dropped" },
        { (double)r->turned, "turned", "faces turned over" },
        { (double)r->holes, "holes", "holes closed" },
        { (double)r->crumbs, "crumbs", "crumbs dropped" },
        { (double)r->bottom, "bottom", "open bottom closed (--keep-bottom leaves it)" },
    };
    for (size_t i = 0; i < N_LINES; i++)
        ret[i] = lines[i];
}

static char *
text_of(const OrfRepairReport *r)
{
    static const char *const says[] = {
        [ORF_REPAIR_NOTHING] = "nothing to repair",
        [ORF_REPAIR_SAFE] = "cleaned",
        [ORF_REPAIR_FULL] = "repaired, its vertices kept",
        [ORF_REPAIR_REMESH] = "remeshed: a new surface where the old one was",
    };
    GString *out = g_string_new(says[r->way]);
    Line lines[N_LINES];
    list_lines(r, lines);
    if (r->hidden > 0.02)
        g_string_append_printf(
            out,
            "\n  hidden room  %.0f %% of the inside was empty behind doors of "
            "%.3g mm",
            100 * r->hidden, r->door);
    for (size_t i = 0; i < N_LINES; i++)
        if (lines[i].count > 0)
            g_string_append_printf(out, "\n  %-12.0f %s", lines[i].count, lines[i].says);
    if (!orf_measures_solid(&r->after))
        g_string_append(out,
                        "\n  not a solid  yet: --level auto goes on, \"mesh info\" tells what "
                        "is left");
    g_string_append_printf(out, "\n  triangles    %zu, before %zu\n  volume       %.4g cm3",
                           r->after.triangles, r->before.triangles, r->after.volume / 1e3);
    return g_string_free(out, FALSE);
}

static char *
facts_of(const OrfAsset *before, const OrfAsset *after, const OrfRepairReport *r)
{
    g_autoptr(OrfJson) json = orf_json_new();
    Line lines[N_LINES];
    list_lines(r, lines);
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "way", ways[r->way]);
    for (size_t i = 0; i < N_LINES; i++)
        orf_json_add_int(json, lines[i].name, (int64_t)lines[i].count);
    orf_json_add_number(json, "hidden", r->hidden);
    orf_json_add_number(json, "door", r->door);
    orf_json_begin_object(json, "before");
    orf_describe_measures(json, before, &r->before);
    orf_json_end(json);
    orf_json_begin_object(json, "after");
    orf_describe_measures(json, after, &r->after);
    orf_json_end(json);
    orf_json_end(json);
    return orf_json_steal(json);
}

/* --- Running ------------------------------------------------------------------------------ */

static bool
has_colors(const OrfAsset *asset)
{
    bool any = orf_mesh_colors(orf_asset_mesh(asset)) || orf_asset_n_materials(asset) > 1;
    for (size_t i = 0; i < orf_asset_n_materials(asset); i++)
        any = any || orf_asset_material(asset, i)->texture;
    return any;
}

static OrfAsset *
dress(OrfTask *task, OrfAsset *asset, OrfMesh *mesh, OrfRepairLevel way, GError **error)
{
    if (way != ORF_REPAIR_REMESH)
        return orf_asset_with_mesh(asset, mesh);
    if (has_colors(asset))
        return orf_asset_transfer(task, asset, mesh, error);
    OrfAsset *plain =
        orf_asset_new(mesh, orf_asset_material(asset, 0), MIN(orf_asset_n_materials(asset), 1));
    orf_asset_set_metres(plain, orf_asset_metres(asset));
    return plain;
}

/* Rounded to plain metres, is it still a solid, also for who joins what lies at one place? */
static bool
is_solid_in_metres(OrfTask *task, OrfMesh *mesh, bool *ret_solid, GError **error)
{
    OrfMeasures split, joined;
    g_auto(OrfMeshParts) parts = { 0 };
    if (!orf_mesh_copy_parts(task, mesh, &parts, error))
        return false;
    for (size_t i = 0; i < 3 * parts.n_vertices; i++)
        parts.positions[i] = orf_metres_of(parts.positions[i]);
    g_autoptr(OrfMesh) metres = orf_mesh_new_take(&parts, error);
    g_autoptr(OrfMesh) welded = metres ? orf_mesh_weld(task, metres, 0, error) : NULL;
    if (!welded || !orf_mesh_measure(task, metres, true, &split, error) ||
        !orf_mesh_measure(task, welded, false, &joined, error))
        return false;
    *ret_solid = orf_measures_solid(&split) && joined.closed && joined.degenerate == 0 &&
                 joined.duplicate == 0;
    return true;
}

/* A solid that rounding to plain metres would break keeps its millimetres under a node. */
static bool
choose_unit(OrfTask *task, OrfAsset *asset, const OrfRepairReport *report, GError **error)
{
    bool solid = true;
    if (!orf_asset_metres(asset) || report->way == ORF_REPAIR_NOTHING ||
        !orf_measures_solid(&report->after))
        return true;
    if (!is_solid_in_metres(task, orf_asset_mesh(asset), &solid, error))
        return false;
    orf_asset_set_metres(asset, solid);
    return true;
}

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    if (!assets)
        return false;
    OrfRepairLevel level = ORF_REPAIR_AUTO;
    for (size_t i = ORF_REPAIR_SAFE; i < G_N_ELEMENTS(ways); i++)
        if (g_str_equal(orf_params_text(order->params, "level"), ways[i]))
            level = (OrfRepairLevel)i;
    OrfRepair options = {
        .level = level,
        .keep_open = g_str_equal(orf_params_text(order->params, "open"), "keep"),
        .cells = (unsigned)orf_params_int(order->params, "cells"),
        .keep_voids = orf_params_bool(order->params, "keep-voids"),
        .keep_bottom = orf_params_bool(order->params, "keep-bottom"),
    };
    OrfRepairReport report;
    g_autoptr(OrfMesh) mesh = orf_mesh_repair(
        orf_task_step(task), orf_asset_mesh(assets->pdata[0]), &options, &report, error);
    OrfAsset *asset =
        mesh ? dress(orf_task_step(task), assets->pdata[0], mesh, report.way, error) : NULL;
    if (!asset)
        return false;
    orf_outcome_take_asset(outcome, asset);
    if (!choose_unit(task, asset, &report, error))
        return false;
    outcome->unchanged = report.way == ORF_REPAIR_NOTHING;
    outcome->facts = facts_of(assets->pdata[0], asset, &report);
    outcome->text = text_of(&report);
    return true;
}

const OrfOperation orf_operation_repair = {
    .name = "repair",
    .command = "mesh repair",
    .title = "any triangles to a printable solid, the shape kept",
    .help =
        "Turns what a scanner, a network or a stranger left (holes, flipped faces, inner shells, "
        "crossings) into a closed solid. Keeps what is good, changes only what is broken, and "
        "says what was done; a sound model comes back as it was.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_ASSET,
    .effort = 0.25,
    .run = run,
};
