/* op-symmetrise.c - symmetrise: one half, and its mirror image for the other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/parts-priv.h"
#include "engine/section-priv.h"

static const OrfParam params[] = {
    ORF_CHOICE("axis", "x|y|z", "x", "Across which plane: x makes left and right alike."),
    ORF_CHOICE("side", "plus|minus", "plus",
               "Which half stays: plus is where the axis points."),
    ORF_LENGTH("at", -100000, 100000, "0", "Where the plane is, from the middle of the model."),
};

static const OrfStep steps[] = { { "load", 10 }, { "cut", 45 }, { "join", 45 } };

static OrfMesh *
half_of(OrfTask *task, OrfMesh *mesh, int axis, double at, bool plus, GError **error)
{
    OrfSection plane = { .offset = at };
    OrfMesh *halves[2];
    plane.normal[axis] = 1;
    if (!orf_mesh_section(task, mesh, &plane, halves, NULL, error))
        return NULL;
    g_autoptr(OrfMesh) below = halves[0], above = halves[1];
    OrfMesh *half = plus ? above : below;
    if (orf_mesh_n_triangles(half) == 0)
        return ORF_FAIL(error, BAD_INPUT, "symmetrise: nothing lies on that side of the plane");
    return orf_mesh_ref(half);
}

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    if (!assets)
        return false;
    OrfMesh *mesh = orf_asset_mesh(assets->pdata[0]);
    int axis = orf_params_text(order->params, "axis")[0] - 'x';
    bool plus = g_str_equal(orf_params_text(order->params, "side"), "plus");
    float low[3], high[3], scale[3] = { 1, 1, 1 }, offset[3] = { 0 };
    orf_mesh_bounds(mesh, low, high);
    /* a float, so that the mirror image of a place on the plane is that place */
    float at = (float)(((double)low[axis] + (double)high[axis]) / 2 +
                       orf_params_number(order->params, "at"));
    scale[axis] = -1;
    offset[axis] = 2 * at;
    g_autoptr(OrfMesh) half = half_of(orf_task_step(task), mesh, axis, (double)at, plus, error);
    OrfTask *step = half ? orf_task_step(task) : NULL;
    g_autoptr(OrfMesh) image =
        half ? orf_mesh_scale_move(step, half, scale, offset, error) : NULL;
    OrfMesh *const both[] = { half, image };
    g_autoptr(OrfMesh) whole =
        image ? orf_mesh_boolean(step, both, 2, ORF_UNION, NULL, error) : NULL;
    if (!whole)
        return false;
    g_autoptr(OrfAsset) dressed = orf_section_dress(assets->pdata[0], half);
    g_autoptr(GPtrArray) twice = g_ptr_array_new();
    g_ptr_array_add(twice, dressed);
    g_ptr_array_add(twice, dressed);
    orf_outcome_take_asset(outcome, orf_parts_dress(whole, twice));
    outcome->text = g_strdup_printf("%zu triangles, before %zu", orf_mesh_n_triangles(whole),
                                    orf_mesh_n_triangles(mesh));
    outcome->facts = g_strdup_printf("{\"triangles\":%zu,\"before\":%zu}",
                                     orf_mesh_n_triangles(whole), orf_mesh_n_triangles(mesh));
    return true;
}

const OrfOperation orf_operation_symmetrise = {
    .name = "symmetrise",
    .command = "mesh symmetrise",
    .title = "one half, and its mirror image for the other",
    .help =
        "Cuts the model through its middle, throws one half away and joins the other with its "
        "mirror image; no seam is left inside. The model must be closed.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_ASSET,
    .run = run,
};
