/* op-measure.c - measure: is it a printable solid? Size, volume, defects.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/describe-priv.h"
#include "engine/operation-priv.h"

#include <string.h>

static const OrfParam params[] = {
    ORF_BOOL("fast", "false", "Neither count self-intersections nor look for rooms inside."),
    ORF_BOOL("all", "false", "In JSON, list every face of a defect, not the first sixteen."),
};

static const OrfStep steps[] = { { "load", 40 }, { "measure", 60 } };

static const OrfFormat *
format_of(const OrfOrderInput *input)
{
    const OrfFormat *format = input->bytes ? orf_format_sniff(input->bytes) : NULL;
    return format || !input->name ? format : orf_format_by_path(input->name);
}

/* How to read the measures: whatever axes the file has, here Y is up. */
static void
add_frame(OrfJson *json, OrfTask *task, const OrfFormat *format)
{
    orf_json_add_text(json, "unit", "mm");
    orf_json_add_text(json, "axes", "x width, y height (up), z depth");
    if (format)
        orf_json_add_text(json, "file_up", strstr(format->extensions, "gl") ? "y" : "z");
    else
        orf_json_add_null(json, "file_up");
    g_auto(GStrv) notes = orf_task_notes(task);
    orf_json_add_texts(json, "notes", (const char *const *)notes, g_strv_length(notes));
}

/* For who keeps lists of models. */
static void
tell_seen(OrfOutcome *outcome, const OrfAsset *asset, const OrfMeasures *m,
          const OrfFormat *format)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_describe_measures(json, asset, m);
    orf_json_end(json);
    outcome->measures = orf_json_steal(json);
    outcome->seen = (OrfAssetFacts){ .vertices = m->vertices,
                                     .triangles = m->triangles,
                                     .solid = orf_measures_solid(m),
                                     .format = format ? format->name : NULL };
    for (int i = 0; i < 3; i++)
        outcome->seen.size_mm[i] = (double)(m->high[i] - m->low[i]);
}

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    g_auto(OrfInspection) in = { 0 };
    if (!assets || !orf_mesh_inspect(orf_task_step(task), orf_asset_mesh(assets->pdata[0]),
                                     orf_params_bool(order->params, "fast"), &in, error))
        return false;
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    const OrfFormat *format = format_of(orf_order_input(order, 0));
    add_frame(json, task, format);
    orf_describe_inspection(json, assets->pdata[0], &in, orf_params_bool(order->params, "all"));
    orf_json_end(json);
    outcome->facts = orf_json_steal(json);
    outcome->text = orf_inspection_text(&in);
    tell_seen(outcome, assets->pdata[0], &in.measures, format);
    return true;
}

const OrfOperation orf_operation_measure = {
    .name = "measure",
    .command = "mesh info",
    .title = "is it a printable solid? size, volume, defects",
    .help =
        "Counts what keeps a model from being printed, says where it is, gives a score from "
        "0 to 100 with its reasons, and measures what is there.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_FACTS,
    .effort = 0.02,
    .run = run,
};
