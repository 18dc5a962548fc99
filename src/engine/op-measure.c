/* op-measure.c - measure: is it a printable solid? Size, volume, defects.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/describe-priv.h"
#include "engine/operation-priv.h"

#include <string.h>

static const OrfParam params[] = {
    ORF_BOOL("fast", "false", "Do not count self-intersections."),
};

static const OrfStep steps[] = { { "load", 40 }, { "measure", 60 } };

static const char *
verdict(const OrfMeasures *m)
{
    return !orf_measures_solid(m)      ? "not a solid"
           : m->self_intersections > 0 ? "a closed solid that crosses itself"
                                       : "a printable solid";
}

static void
append_defects(GString *out, const OrfMeasures *m)
{
    const struct {
        double count;
        const char *says;
    } defects[] = {
        { (double)m->boundary_edges, "open edges: holes" },
        { (double)m->nonmanifold_edges, "edges with more than two faces" },
        { (double)m->nonmanifold_vertices, "corners where parts touch in a point" },
        { (double)m->misoriented_edges, "edges between faces that disagree about outside" },
        { (double)m->degenerate, "faces without area" },
        { (double)m->duplicate, "faces that are there twice" },
        { (double)m->self_intersections, "pairs of faces that cross" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(defects); i++)
        if (defects[i].count > 0)
            g_string_append_printf(out, "\n  defect       %.0f %s", defects[i].count,
                                   defects[i].says);
}

static char *
text_of(const OrfMeasures *m)
{
    GString *out = g_string_new(verdict(m));
    double size[3];
    for (int k = 0; k < 3; k++)
        size[k] = (double)(m->high[k] - m->low[k]);
    g_string_append_printf(out, "\n  triangles    %zu (%zu vertices, %zu shell%s)",
                           (size_t)m->triangles, (size_t)m->vertices, (size_t)m->shells,
                           m->shells == 1 ? "" : "s");
    g_string_append_printf(out, "\n  size         %.4g x %.4g x %.4g mm (width, height, depth)",
                           size[0], size[1], size[2]);
    g_string_append_printf(out, "\n  volume       %.4g cm3\n  area         %.4g cm2",
                           m->volume / 1e3, m->area / 1e2);
    g_string_append_printf(out, "\n  closed       %s\n  manifold     %s\n  oriented     %s",
                           m->closed ? "yes" : "no", m->manifold ? "yes" : "no",
                           m->oriented ? "yes" : "no");
    append_defects(out, m);
    return g_string_free(out, FALSE);
}

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
    OrfMeasures m;
    if (!assets || !orf_mesh_measure(orf_task_step(task), orf_asset_mesh(assets->pdata[0]),
                                     !orf_params_bool(order->params, "fast"), &m, error))
        return false;
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    const OrfFormat *format = format_of(orf_order_input(order, 0));
    add_frame(json, task, format);
    orf_describe_measures(json, assets->pdata[0], &m);
    orf_json_end(json);
    outcome->facts = orf_json_steal(json);
    outcome->text = text_of(&m);
    tell_seen(outcome, assets->pdata[0], &m, format);
    return true;
}

const OrfOperation orf_operation_measure = {
    .name = "measure",
    .command = "mesh info",
    .title = "is it a printable solid? size, volume, defects",
    .help = "Counts what keeps a model from being printed, and measures what is there.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_FACTS,
    .effort = 0.02,
    .run = run,
};
