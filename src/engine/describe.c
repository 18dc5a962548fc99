/* describe.c - what the engine says of generators and assets, as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "generate/generate.h"

#include <string.h>

/* --- A small writer: members of one object, commas kept ----------------------------------- */

static void
key(GString *json, const char *name)
{
    char last = json->len ? json->str[json->len - 1] : '{';
    if (last != '{' && last != '[')
        g_string_append_c(json, ',');
    orf_json_string(json, name);
    g_string_append_c(json, ':');
}

static void
member_text(GString *json, const char *name, const char *text)
{
    key(json, name);
    orf_json_string(json, text);
}

static void
member_number(GString *json, const char *name, double value)
{
    key(json, name);
    orf_json_number(json, value);
}

static void
member_bool(GString *json, const char *name, bool value)
{
    key(json, name);
    g_string_append(json, value ? "true" : "false");
}

static void
member_floats(GString *json, const char *name, const float *values, int n)
{
    key(json, name);
    g_string_append_c(json, '[');
    for (int i = 0; i < n; i++) {
        char text[32];
        g_ascii_formatd(text, sizeof text, "%.6g", (double)values[i]);
        g_string_append_printf(json, "%s%s", i ? "," : "", text);
    }
    g_string_append_c(json, ']');
}

static void
member_rounded(GString *json, const char *name, double value)
{
    char text[32];
    key(json, name);
    g_string_append(json, g_ascii_formatd(text, sizeof text, "%.6g", value));
}

/* --- Generators --------------------------------------------------------------------------- */

static void
append_choices(GString *json, const char *choices)
{
    g_auto(GStrv) list = g_strsplit(choices, "|", -1);
    key(json, "choices");
    g_string_append_c(json, '[');
    for (char **choice = list; *choice; choice++) {
        if (choice != list)
            g_string_append_c(json, ',');
        orf_json_string(json, *choice);
    }
    g_string_append_c(json, ']');
}

static bool
has_range(OrfParamType type)
{
    return type != ORF_PARAM_BOOL && type != ORF_PARAM_CHOICE && type != ORF_PARAM_TEXT;
}

static void
append_param(GString *json, const OrfParam *param)
{
    g_string_append_c(json, '{');
    member_text(json, "name", param->name);
    member_text(json, "type", orf_param_type_name(param->type));
    if (*orf_param_unit(param->type))
        member_text(json, "unit", orf_param_unit(param->type));
    if (has_range(param->type)) {
        member_number(json, "minimum", param->min);
        member_number(json, "maximum", param->max);
    }
    if (param->choices)
        append_choices(json, param->choices);
    member_text(json, "default", param->fallback);
    member_text(json, "help", param->help);
    g_string_append_c(json, '}');
}

static void
append_params(GString *json, const char *name, const OrfParam *params, size_t n)
{
    key(json, name);
    g_string_append_c(json, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            g_string_append_c(json, ',');
        append_param(json, &params[i]);
    }
    g_string_append_c(json, ']');
}

static void
append_generator(GString *json, const OrfGenerator *generator)
{
    g_string_append_c(json, '{');
    member_text(json, "name", generator->name);
    member_text(json, "title", generator->title);
    member_text(json, "help", generator->help);
    member_number(json, "min_pictures", generator->min_pictures);
    member_number(json, "max_pictures", generator->max_pictures);
    append_params(json, "parameters", generator->params, generator->n_params);
    g_string_append_c(json, '}');
}

char *
orf_generators_json(void)
{
    GString *json = g_string_new("{");
    key(json, "generators");
    g_string_append_c(json, '[');
    for (const OrfGenerator *const *g = orf_generators(); *g; g++) {
        if (g != orf_generators())
            g_string_append_c(json, ',');
        append_generator(json, *g);
    }
    g_string_append_c(json, ']');
    append_params(json, "common", orf_common_params, orf_n_common_params);
    g_string_append_c(json, '}');
    return g_string_free(json, FALSE);
}

/* --- Measures ----------------------------------------------------------------------------- */

static void
append_counts(GString *json, const OrfMeasures *m)
{
    const struct {
        const char *name;
        double value;
    } counts[] = {
        { "vertices", (double)m->vertices },
        { "triangles", (double)m->triangles },
        { "shells", (double)m->shells },
        { "euler", (double)m->euler },
        { "boundary_edges", (double)m->boundary_edges },
        { "nonmanifold_edges", (double)m->nonmanifold_edges },
        { "nonmanifold_vertices", (double)m->nonmanifold_vertices },
        { "misoriented_edges", (double)m->misoriented_edges },
        { "degenerate", (double)m->degenerate },
        { "duplicate", (double)m->duplicate },
        { "unreferenced", (double)m->unreferenced },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
        member_number(json, counts[i].name, counts[i].value);
    key(json, "self_intersections");
    if (m->self_intersections < 0)
        g_string_append(json, "null");
    else
        orf_json_number(json, (double)m->self_intersections);
}

char *
orf_asset_measures_json(OrfTask *task, OrfAsset *asset, bool crossings, GError **error)
{
    OrfMeasures m;
    if (!orf_mesh_measure(task, orf_asset_mesh(asset), crossings, &m, error))
        return NULL;
    float size[3] = { m.high[0] - m.low[0], m.high[1] - m.low[1], m.high[2] - m.low[2] };
    GString *json = g_string_new("{");
    append_counts(json, &m);
    member_bool(json, "closed", m.closed);
    member_bool(json, "manifold", m.manifold);
    member_bool(json, "oriented", m.oriented);
    member_bool(json, "solid", orf_measures_solid(&m));
    member_rounded(json, "volume_mm3", m.volume);
    member_rounded(json, "area_mm2", m.area);
    member_floats(json, "low_mm", m.low, 3);
    member_floats(json, "high_mm", m.high, 3);
    member_floats(json, "size_mm", size, 3);
    member_number(json, "materials", (double)orf_asset_n_materials(asset));
    member_bool(json, "uvs", orf_mesh_n_uvs(orf_asset_mesh(asset)) > 0);
    member_bool(json, "colors", orf_mesh_colors(orf_asset_mesh(asset)) != NULL);
    g_string_append_c(json, '}');
    return g_string_free(json, FALSE);
}
