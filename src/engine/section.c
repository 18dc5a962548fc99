/* section.c - pegs, materials and words of operations that cut.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/section-priv.h"

void
orf_section_pegs(const OrfParams *params, OrfSection *ret)
{
    ret->n_pegs = (unsigned)orf_params_int(params, "pegs");
    ret->dowels = orf_params_bool(params, "dowels");
    ret->diameter = orf_params_number(params, "peg-diameter");
    ret->depth = orf_params_number(params, "peg-depth");
    ret->clearance = orf_params_number(params, "clearance");
}

OrfAsset *
orf_section_dress(const OrfAsset *asset, OrfMesh *mesh)
{
    g_autoptr(GArray) materials = g_array_new(false, false, sizeof(OrfMaterial));
    size_t own = orf_mesh_n_groups(orf_asset_mesh(asset)), groups = orf_mesh_n_groups(mesh);
    OrfMaterial plain;
    orf_material_init(&plain, "cut");
    for (size_t g = 0; g < own; g++)
        g_array_append_vals(
            materials, orf_asset_material(asset, MIN(g, orf_asset_n_materials(asset) - 1)), 1);
    for (size_t g = own; g < groups; g++)
        g_array_append_val(materials, plain);
    OrfAsset *dressed =
        orf_asset_new(mesh, (const OrfMaterial *)materials->data, materials->len);
    orf_material_clear(&plain);
    return dressed;
}

void
orf_section_tell(OrfOutcome *outcome, size_t cuts, size_t pegs, const OrfSection *options)
{
    GString *text = g_string_new(NULL);
    g_string_printf(text, "%zu cut%s", cuts, cuts == 1 ? "" : "s");
    if (options->n_pegs && pegs == 0)
        g_string_append(text, ", too narrow for a peg of this size");
    else if (options->n_pegs)
        g_string_append_printf(text, ", %zu %s%s of %.3g mm", pegs,
                               options->dowels ? "place" : "peg", pegs == 1 ? "" : "s",
                               options->diameter);
    if (options->dowels && pegs)
        g_string_append_printf(text, " for pins %.3g mm long", 2 * options->depth);
    outcome->text = g_string_free(text, FALSE);
    outcome->facts = g_strdup_printf("{\"cuts\":%zu,\"pegs\":%zu}", cuts, pegs);
}
