/* op-convert.c - convert: a model from one format to another.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/operation-priv.h"

#include <string.h>

static const OrfParam params[] = {
    ORF_CHOICE("format", ORF_FORMAT_CHOICES, "glb", "Format of the result."),
    ORF_TEXT("variant", 0, 64, "",
             "Words that the format knows, joined by commas: text, "
             "big-endian, plain, alone."),
    ORF_INT("triangles", 0, 100000000, "0", "At most about so many; 0: as they are."),
    ORF_LENGTH("size", 0, 1000000, "0", "Longest side of the result; 0: as it is."),
    ORF_TEXT("stem", 1, 100, "model", "Name of the files, without extension."),
};

static const OrfStep steps[] = { { "load", 40 }, { "make", 60 } };

static OrfAsset *
reduce(OrfTask *task, const OrfOrder *order, OrfAsset *asset, GError **error)
{
    int64_t most = orf_params_int(order->params, "triangles");
    return most ? orf_engine_simplify(task, asset, (size_t)most, error) : orf_asset_ref(asset);
}

/* Grows or shrinks with all it is made of; itself when it says no size, or has none. */
static OrfAsset *
resize(OrfTask *task, const OrfOrder *order, OrfAsset *asset, GError **error)
{
    static const float nowhere[3];
    float low[3], high[3], size = (float)orf_params_number(order->params, "size"), longest = 0;
    orf_mesh_bounds(orf_asset_mesh(asset), low, high);
    for (int i = 0; i < 3; i++)
        longest = MAX(longest, high[i] - low[i]);
    if (!(size > 0) || !(longest > 0))
        return orf_asset_ref(asset);
    float s = size / longest;
    g_autoptr(OrfMesh) mesh = orf_mesh_scale_move(task, orf_asset_mesh(asset),
                                                  (const float[]){ s, s, s }, nowhere, error);
    return mesh ? orf_asset_with_mesh(asset, mesh) : NULL;
}

static bool
take_file(const char *name, GBytes *bytes, void *data, GError **error)
{
    (void)error;
    OrfOutcome *outcome = data;
    orf_outcome_take_file(outcome, g_strdup(name), outcome->type, g_bytes_ref(bytes));
    return true;
}

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    const char *format = orf_params_text(order->params, "format");
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    if (!assets)
        return false;
    OrfTask *step = orf_task_step(task);
    g_autoptr(OrfAsset) fewer = reduce(step, order, assets->pdata[0], error);
    g_autoptr(OrfAsset) asset = fewer ? resize(step, order, fewer, error) : NULL;
    const char *variant = orf_params_text(order->params, "variant");
    outcome->type = orf_format_by_name(format)->mime;
    /* Whoever asks for a format knows its media type before it is made. */
    outcome->several = orf_format_by_name(format)->several && !strstr(variant, "plain");
    return asset &&
           orf_asset_export(step, asset, format, orf_params_text(order->params, "stem"),
                            variant, take_file, outcome, error);
}

const OrfOperation orf_operation_convert = {
    .name = "convert",
    .command = "mesh convert",
    .title = "from one format to another",
    .help = "Keeps colours, pictures and materials as far as the format knows them.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .letters = "f",
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_FILES,
    .effort = 0.01,
    .run = run,
};
