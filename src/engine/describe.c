/* describe.c - what the engine says of generators and assets, as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/describe-priv.h"

#include "engine/engine.h"

#include "generate/generate.h"

/* --- Generators --------------------------------------------------------------------------- */

static bool
has_range(OrfParamType type)
{
    return type != ORF_PARAM_BOOL && type != ORF_PARAM_CHOICE && type != ORF_PARAM_TEXT;
}

static void
add_param(OrfJson *json, const OrfParam *param)
{
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "name", param->name);
    orf_json_add_text(json, "type", orf_param_type_name(param->type));
    if (*orf_param_unit(param->type))
        orf_json_add_text(json, "unit", orf_param_unit(param->type));
    if (has_range(param->type)) {
        orf_json_add_number(json, "minimum", param->min);
        orf_json_add_number(json, "maximum", param->max);
    }
    if (param->choices) {
        g_auto(GStrv) list = g_strsplit(param->choices, "|", -1);
        orf_json_add_texts(json, "choices", (const char *const *)list, g_strv_length(list));
    }
    orf_json_add_text(json, "default", param->fallback);
    orf_json_add_text(json, "help", param->help);
    orf_json_end(json);
}

void
orf_describe_params(OrfJson *json, const char *key, const OrfParam *params, size_t n)
{
    orf_json_begin_array(json, key);
    for (size_t i = 0; i < n; i++)
        add_param(json, &params[i]);
    orf_json_end(json);
}

static void
add_generator(OrfJson *json, const OrfGenerator *generator)
{
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "name", generator->name);
    orf_json_add_text(json, "title", generator->title);
    orf_json_add_text(json, "help", generator->help);
    orf_json_add_int(json, "min_pictures", generator->min_pictures);
    orf_json_add_int(json, "max_pictures", generator->max_pictures);
    orf_describe_params(json, "parameters", generator->params, generator->n_params);
    orf_json_end(json);
}

char *
orf_generators_json(void)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_begin_array(json, "generators");
    for (const OrfGenerator *const *g = orf_generators(); *g; g++)
        add_generator(json, *g);
    orf_json_end(json);
    orf_describe_params(json, "common", orf_common_params, orf_n_common_params);
    orf_json_end(json);
    return orf_json_steal(json);
}

/* --- Measures ----------------------------------------------------------------------------- */

#define DIGITS 6 /* of lengths, areas, volumes */

static void
add_counts(OrfJson *json, const OrfMeasures *m)
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
        orf_json_add_number(json, counts[i].name, counts[i].value);
    if (m->self_intersections < 0)
        orf_json_add_null(json, "self_intersections");
    else
        orf_json_add_int(json, "self_intersections", m->self_intersections);
}

static void
add_vector(OrfJson *json, const char *key, const float vector[3])
{
    orf_json_begin_array(json, key);
    for (int i = 0; i < 3; i++)
        orf_json_add_rounded(json, NULL, (double)vector[i], DIGITS);
    orf_json_end(json);
}

void
orf_describe_measures(OrfJson *json, const OrfAsset *asset, const OrfMeasures *m)
{
    float size[3] = { m->high[0] - m->low[0], m->high[1] - m->low[1], m->high[2] - m->low[2] };
    add_counts(json, m);
    orf_json_add_bool(json, "closed", m->closed);
    orf_json_add_bool(json, "manifold", m->manifold);
    orf_json_add_bool(json, "oriented", m->oriented);
    if (m->self_intersections < 0 && orf_measures_solid(m))
        orf_json_add_null(json, "solid"); /* it is one unless it crosses itself */
    else
        orf_json_add_bool(json, "solid", orf_measures_solid(m));
    orf_json_add_rounded(json, "volume_mm3", m->volume, DIGITS);
    orf_json_add_rounded(json, "area_mm2", m->area, DIGITS);
    add_vector(json, "low_mm", m->low);
    add_vector(json, "high_mm", m->high);
    add_vector(json, "size_mm", size);
    orf_json_add_int(json, "materials", orf_asset_n_materials(asset));
    orf_json_add_bool(json, "uvs", orf_mesh_n_uvs(orf_asset_mesh(asset)) > 0);
    orf_json_add_bool(json, "colors", orf_mesh_colors(orf_asset_mesh(asset)) != NULL);
}

char *
orf_asset_measures_json(OrfTask *task, OrfAsset *asset, bool crossings, GError **error)
{
    OrfMeasures m;
    if (!orf_mesh_measure(task, orf_asset_mesh(asset), crossings, &m, error))
        return NULL;
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_describe_measures(json, asset, &m);
    orf_json_end(json);
    return orf_json_steal(json);
}
