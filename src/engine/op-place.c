/* op-place.c - place: scaled to a size, turned, mirrored, centred on the bed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/operation-priv.h"

#include <math.h>

static const OrfParam params[] = {
    ORF_LENGTH("size", 0, 100000, "0", "Its longest side becomes so long; 0: as it is."),
    ORF_LENGTH("height", 0, 100000, "0", "It becomes so high (Y), the rest in proportion."),
    ORF_NUMBER("scale", 0.000001, 1000000, "1", "Larger by this factor, before the others."),
    ORF_LIST("turn", -360, 360, "0,0,0", "Degrees about X, then Y, then Z, before all else."),
    ORF_CHOICE("mirror", "none|x|y|z", "none", "x swaps left and right, y above and below."),
    ORF_BOOL("stay", "false", "Not centred, and not set on the bed."),
};

static const OrfStep steps[] = { { "load", 40 }, { "place", 60 } };

/* --- Turning ------------------------------------------------------------------------------ */

static void
turn_point(const double degrees[3], float p[3])
{
    for (int axis = 0; axis < 3; axis++) {
        int i = (axis + 1) % 3, j = (axis + 2) % 3;
        double c = cos(degrees[axis] * G_PI / 180), s = sin(degrees[axis] * G_PI / 180);
        if (fmod(degrees[axis], 90) == 0) { /* exactly */
            c = rint(c);
            s = rint(s);
        }
        double a = (double)p[i], b = (double)p[j];
        p[i] = (float)(c * a - s * b);
        p[j] = (float)(s * a + c * b);
    }
}

static OrfMesh *
turn(OrfTask *task, const OrfOrder *order, OrfMesh *mesh, GError **error)
{
    double degrees[3];
    if (orf_params_list(order->params, "turn", degrees, 3) != 3)
        return ORF_FAIL(error, BAD_INPUT, "place: turn takes three numbers, such as 0,90,0");
    if (degrees[0] == 0 && degrees[1] == 0 && degrees[2] == 0)
        return orf_mesh_ref(mesh);
    size_t n = orf_mesh_n_vertices(mesh);
    orf_autofree float *moved = ORF_ALLOC(task, float, 3 * n, "place", error);
    if (!moved)
        return NULL;
    for (size_t v = 0; v < n; v++) {
        for (size_t k = 0; k < 3; k++)
            moved[3 * v + k] = orf_mesh_positions(mesh)[3 * v + k];
        turn_point(degrees, moved + 3 * v);
    }
    return orf_mesh_with_positions_take(task, mesh, g_steal_pointer(&moved), error);
}

/* --- Size and place ----------------------------------------------------------------------- */

static bool
choose_scale(const OrfOrder *order, const float extent[3], double *ret, GError **error)
{
    double size = orf_params_number(order->params, "size"),
           height = orf_params_number(order->params, "height"),
           longest = (double)MAX(MAX(extent[0], extent[1]), extent[2]);
    *ret = orf_params_number(order->params, "scale");
    if (size > 0 && height > 0)
        return ORF_FALSE(error, BAD_INPUT, "place: give a size or a height, not both");
    if ((size > 0 && !(longest > 0)) || (height > 0 && !(extent[1] > 0)))
        return ORF_FALSE(error, BAD_INPUT, "place: it has no extent that could be scaled");
    if (size > 0)
        *ret = size / longest;
    if (height > 0)
        *ret = height / (double)extent[1];
    return true;
}

static OrfMesh *
scale_and_set(OrfTask *task, const OrfOrder *order, const OrfMesh *mesh, double *ret_scale,
              GError **error)
{
    const char *mirror = orf_params_text(order->params, "mirror");
    float low[3], high[3], extent[3], scale[3], offset[3];
    orf_mesh_bounds(mesh, low, high);
    for (int k = 0; k < 3; k++)
        extent[k] = high[k] - low[k];
    if (!choose_scale(order, extent, ret_scale, error))
        return NULL;
    for (int k = 0; k < 3; k++) {
        bool mirrored = mirror[0] == 'x' + k && mirror[1] == '\0';
        scale[k] = (float)(mirrored ? -*ret_scale : *ret_scale);
        double middle = ((double)low[k] + (double)high[k]) / 2 * (double)scale[k],
               half = (double)extent[k] / 2 * *ret_scale;
        offset[k] = (float)(k == 1 ? half - middle : -middle);
        if (orf_params_bool(order->params, "stay"))
            offset[k] = 0;
    }
    return orf_mesh_scale_move(task, mesh, scale, offset, error);
}

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    if (!assets)
        return false;
    OrfTask *step = orf_task_step(task);
    double scale;
    g_autoptr(OrfMesh) turned = turn(step, order, orf_asset_mesh(assets->pdata[0]), error);
    g_autoptr(OrfMesh) mesh = turned ? scale_and_set(step, order, turned, &scale, error) : NULL;
    if (!mesh)
        return false;
    float low[3], high[3];
    orf_mesh_bounds(mesh, low, high);
    orf_outcome_take_asset(outcome, orf_asset_with_mesh(assets->pdata[0], mesh));
    double size[3] = { (double)high[0] - (double)low[0], (double)high[1] - (double)low[1],
                       (double)high[2] - (double)low[2] };
    outcome->text =
        g_strdup_printf("%.4g x %.4g x %.4g mm (width, height, depth), scaled by %.4g", size[0],
                        size[1], size[2], scale);
    outcome->facts = g_strdup_printf("{\"size_mm\":[%.9g,%.9g,%.9g],\"scale\":%.9g}", size[0],
                                     size[1], size[2], scale);
    return true;
}

const OrfOperation orf_operation_place = {
    .name = "place",
    .command = "mesh place",
    .title = "scaled to a size, turned, mirrored, centred on the bed",
    .help =
        "Without options it is centred and dropped to the bed (Y = 0). Units in files are a "
        "guess: --size 80mm makes sure.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_ASSET,
    .run = run,
};
