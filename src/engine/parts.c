/* parts.c - several models in one, one model in several files.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/parts-priv.h"

OrfAsset *
orf_parts_dress(OrfMesh *mesh, GPtrArray *assets)
{
    g_autoptr(GArray) materials = g_array_new(false, false, sizeof(OrfMaterial));
    for (guint i = 0; i < assets->len; i++) {
        const OrfAsset *asset = assets->pdata[i];
        size_t groups = orf_mesh_n_groups(orf_asset_mesh(asset));
        for (size_t g = 0; g < groups; g++) {
            size_t last = orf_asset_n_materials(asset) - 1;
            g_array_append_vals(materials, orf_asset_material(asset, MIN(g, last)), 1);
        }
    }
    return orf_asset_new(mesh, (const OrfMaterial *)materials->data, materials->len);
}

static bool
take_file(const char *name, GBytes *bytes, void *data, GError **error)
{
    (void)error;
    orf_files_add_take(data, g_strdup(name), g_bytes_ref(bytes));
    return true;
}

bool
orf_parts_save(OrfTask *task, const OrfOrder *order, GPtrArray *parts, OrfOutcome *outcome,
               GError **error)
{
    const char *format = orf_params_text(order->params, "parts");
    g_autoptr(GPtrArray) files = orf_files_new();
    for (guint i = 0; i < parts->len; i++) {
        g_autofree char *name = g_strdup_printf("part-%u", i + 1);
        if (!orf_asset_export(task, parts->pdata[i], format, name, NULL, take_file, files,
                              error))
            return false;
    }
    GBytes *zip = orf_files_zip(task, files, error);
    if (zip)
        orf_outcome_take_file(outcome, g_strdup("parts.zip"), "application/zip", zip);
    return zip;
}
