/* op-view.c - view: a picture of models.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/operation-priv.h"

#include "asset/asset.h"

static const OrfParam params[] = {
    ORF_INT("width", 256, 4096, "1600", "Pixels from left to right."),
    ORF_CHOICE("show", "surface|defects|thickness|curvature|inside", "surface",
               "What the colours say: the model's own, defects, walls, curvature; inside shows "
               "defects with the front half taken away."),
};

/* In the order of the choices behind "surface". */
static const struct {
    const char *name;
    OrfHeat heat;
} shows[] = {
    { "defects", ORF_HEAT_DEFECTS },
    { "thickness", ORF_HEAT_THICKNESS },
    { "curvature", ORF_HEAT_CURVATURE },
    { "inside", ORF_HEAT_INSIDE },
};

/* Each asset in the colours wished, in its place; `legend` is of all of them. */
static bool
color_all(OrfTask *task, GPtrArray *assets, const char *show, GString *legend, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(shows); i++)
        for (guint k = 0; g_str_equal(shows[i].name, show) && k < assets->len; k++) {
            g_autofree char *text = NULL;
            OrfAsset *colored = orf_asset_heat(task, orf_asset_mesh(assets->pdata[k]),
                                               shows[i].heat, &text, error);
            if (!colored)
                return false;
            orf_asset_unref(assets->pdata[k]);
            assets->pdata[k] = colored;
            g_string_append_printf(legend, "%s%s", k ? "\n" : "", text);
        }
    return true;
}

static const OrfStep steps[] = { { "load", 30 }, { "look", 20 }, { "draw", 50 } };

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    g_autoptr(GString) legend = g_string_new(NULL);
    if (!assets || !color_all(orf_task_step(task), assets,
                              orf_params_text(order->params, "show"), legend, error))
        return false;
    GBytes *png = orf_asset_view(orf_task_step(task), (OrfAsset **)assets->pdata, assets->len,
                                 (unsigned)orf_params_int(order->params, "width"), error);
    if (png)
        orf_outcome_take_file(outcome, g_strdup("view.png"), "image/png", png);
    if (png && legend->len)
        outcome->text = g_string_free(g_steal_pointer(&legend), FALSE);
    return png;
}

const OrfOperation orf_operation_view = {
    .name = "view",
    .command = "mesh view",
    .title = "a picture: front, side, top, three-quarter; a row for each file",
    .help = "Faces seen from inside are drawn red: the model is open or inside out there. Of a "
            "plate the face that can be read comes first; a lithophane is also shown lit from "
            "behind.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .letters = "w",
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 64,
    .makes = ORF_MAKES_FILES,
    .suffix = "-view.png",
    .effort = 0.02,
    .run = run,
};
