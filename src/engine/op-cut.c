/* op-cut.c - cut: in two along a plane, with pegs to put it together again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/section-priv.h"

#include <math.h>

static const OrfParam params[] = {
    ORF_LIST("normal", -1, 1, "0,1,0",
             "Which way the plane faces: 0,1,0 cuts flat, 1,0,0 from side to side."),
    ORF_LENGTH("at", -100000, 100000, "0", "Where, from the middle of the model."),
    ORF_CHOICE("keep", "both|above|below", "both",
               "Which half stays; both lie --gap apart in one file (mesh shells makes files)."),
    ORF_LENGTH("gap", 0, 1000, "10", "Between the halves."),
    ORF_SECTION_PEGS,
};

static const OrfStep steps[] = { { "load", 10 }, { "cut", 90 } };

static bool
plan_section(const OrfOrder *order, const OrfMesh *mesh, OrfSection *options, GError **error)
{
    float low[3], high[3];
    double length = 0;
    orf_section_pegs(order->params, options);
    if (orf_params_list(order->params, "normal", options->normal, 3) != 3)
        return ORF_FALSE(error, BAD_INPUT, "cut: normal takes three numbers, such as 0,1,0");
    for (int k = 0; k < 3; k++)
        length += options->normal[k] * options->normal[k];
    if (!(length > 1e-12))
        return ORF_FALSE(error, BAD_INPUT, "cut: the normal 0,0,0 faces nowhere");
    orf_mesh_bounds(mesh, low, high);
    options->offset = orf_params_number(order->params, "at");
    for (int k = 0; k < 3; k++) {
        options->normal[k] /= sqrt(length);
        options->offset += options->normal[k] * ((double)low[k] + (double)high[k]) / 2;
    }
    return true;
}

/* The halves that stay, moved apart along the normal. */
static OrfMesh *
lay_out(OrfTask *task, const OrfOrder *order, OrfMesh *const halves[2],
        const OrfSection *options, GError **error)
{
    const char *keep = orf_params_text(order->params, "keep");
    if (!g_str_equal(keep, "both"))
        return orf_mesh_ref(halves[g_str_equal(keep, "above")]);
    double by = orf_params_number(order->params, "gap") +
                (options->n_pegs && !options->dowels ? options->depth : 0);
    const float one[3] = { 1, 1, 1 }, offset[3] = { (float)(by * options->normal[0]),
                                                    (float)(by * options->normal[1]),
                                                    (float)(by * options->normal[2]) };
    g_autoptr(OrfMesh) above = orf_mesh_scale_move(task, halves[1], one, offset, error);
    OrfMesh *const both[] = { halves[0], above };
    return above ? orf_mesh_join(task, both, 2, false, error) : NULL;
}

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    OrfSection options = { 0 };
    OrfMesh *halves[2];
    unsigned pegs = 0;
    if (!assets || !plan_section(order, orf_asset_mesh(assets->pdata[0]), &options, error))
        return false;
    OrfTask *step = orf_task_step(task);
    if (!orf_mesh_section(step, orf_asset_mesh(assets->pdata[0]), &options, halves, &pegs,
                          error))
        return false;
    g_autoptr(OrfMesh) below = halves[0], above = halves[1];
    if (!orf_mesh_n_triangles(below) || !orf_mesh_n_triangles(above))
        return ORF_FALSE(error, BAD_INPUT,
                         "cut: the plane misses the model; choose --at nearer to its middle");
    g_autoptr(OrfMesh) mesh = lay_out(step, order, halves, &options, error);
    if (!mesh)
        return false;
    orf_outcome_take_asset(outcome, orf_section_dress(assets->pdata[0], mesh));
    orf_section_tell(outcome, 1, options.n_pegs ? pegs : 0, &options);
    return true;
}

const OrfOperation orf_operation_cut = {
    .name = "cut",
    .command = "mesh cut",
    .title = "in two along a plane, closed, with pegs to put it together again",
    .help =
        "Both halves are closed with the same flat cap. --pegs sets round pegs where the cap is "
        "widest, on the lower half, with holes in the upper one; --dowels makes holes in both, "
        "for pins. The model must be closed.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_ASSET,
    .run = run,
};
