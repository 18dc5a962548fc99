/* op-divide.c - divide: into parts that fit a printer's bed, with pegs to join them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/parts-priv.h"
#include "engine/section-priv.h"

#include <math.h>

#define MOST_PARTS 256

static const OrfParam params[] = {
    ORF_LIST("bed", 1, 100000, "200,200,200",
             "Room of the printer: width, depth, height in mm (the model's height is Y)."),
    ORF_SECTION_PEGS,
    ORF_PARTS_PARAMS,
};

static const OrfStep steps[] = { { "load", 10 }, { "cut", 70 }, { "save", 20 } };

typedef struct {
    OrfTask *task;
    OrfSection section;
    GPtrArray *parts; /* of OrfMesh */
    size_t cuts, pegs;
} Division;

static void
mesh_unref(void *mesh)
{
    orf_mesh_unref(mesh);
}

static void
asset_unref(void *asset)
{
    orf_asset_unref(asset);
}

/* One cut of part `i`; the upper half becomes part i, the lower one is finished. */
static bool
cut_part(Division *d, guint i, GPtrArray *done, GError **error)
{
    OrfMesh *halves[2];
    unsigned pegs = 0;
    if (!orf_mesh_section(d->task, d->parts->pdata[i], &d->section, halves, &pegs, error))
        return false;
    for (int h = 0; h < 2; h++)
        if (orf_mesh_n_triangles(halves[h]) == 0) { /* nothing on this side: no cut */
            orf_mesh_unref(halves[0]);
            orf_mesh_unref(halves[1]);
            return true;
        }
    g_ptr_array_add(done, halves[0]);
    orf_mesh_unref(d->parts->pdata[i]);
    d->parts->pdata[i] = halves[1];
    d->cuts++;
    d->pegs += pegs;
    return true;
}

/* Pegs stand out on top and need room as well. */
static bool
divide_along(Division *d, int axis, double room, GError **error)
{
    g_autoptr(GPtrArray) done = g_ptr_array_new_with_free_func(mesh_unref);
    double stand = d->section.n_pegs && !d->section.dowels ? d->section.depth : 0;
    for (guint i = 0; i < d->parts->len; i++) {
        float low[3], high[3];
        orf_mesh_bounds(d->parts->pdata[i], low, high);
        double extent = (double)high[axis] - (double)low[axis];
        if (extent <= room)
            continue;
        if (room - stand < 1)
            return ORF_FALSE(error, BAD_INPUT,
                             "divide: pegs %.3g mm deep leave no room on a bed of %.3g mm",
                             stand, room);
        double n = ceil(extent / (room - stand));
        if (d->parts->len + done->len + n > MOST_PARTS)
            return ORF_FALSE(
                error, TOO_LARGE,
                "divide: more than %d parts; scale the model down or name a larger "
                "bed",
                MOST_PARTS);
        for (int k = 0; k < 3; k++)
            d->section.normal[k] = k == axis;
        for (double c = 1; c < n; c++) {
            d->section.offset = (double)low[axis] + extent * c / n;
            if (!cut_part(d, i, done, error))
                return false;
        }
    }
    while (done->len)
        g_ptr_array_add(d->parts, g_ptr_array_steal_index(done, 0));
    return true;
}

static GPtrArray *
dress_all(const OrfAsset *asset, const GPtrArray *meshes)
{
    GPtrArray *parts = g_ptr_array_new_with_free_func(asset_unref);
    for (guint i = 0; i < meshes->len; i++)
        g_ptr_array_add(parts, orf_section_dress(asset, meshes->pdata[i]));
    return parts;
}

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    double bed[3];
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    g_autoptr(GPtrArray) meshes = g_ptr_array_new_with_free_func(mesh_unref);
    if (!assets)
        return false;
    if (orf_params_list(order->params, "bed", bed, 3) != 3)
        return ORF_FALSE(error, BAD_INPUT,
                         "divide: bed takes three numbers, such as 200,200,180");
    Division d = { .task = orf_task_step(task), .parts = meshes };
    orf_section_pegs(order->params, &d.section);
    g_ptr_array_add(meshes, orf_mesh_ref(orf_asset_mesh(assets->pdata[0])));
    static const int axes[3] = { 1, 0, 2 }, side[3] = { 2, 0, 1 };
    for (int i = 0; i < 3; i++)
        if (!divide_along(&d, axes[i], bed[side[i]], error))
            return false;
    g_autoptr(GPtrArray) parts = dress_all(assets->pdata[0], meshes);
    if (!orf_parts_save(orf_task_step(task), order, parts, outcome, error))
        return false;
    orf_section_tell(outcome, d.cuts, d.pegs, &d.section);
    g_autofree char *cuts = outcome->text;
    outcome->text =
        g_strdup_printf("%u part%s, %s", parts->len, parts->len == 1 ? "" : "s", cuts);
    g_free(outcome->facts);
    outcome->facts =
        g_strdup_printf("{\"parts\":%u,\"cuts\":%zu,\"pegs\":%zu}", parts->len, d.cuts, d.pegs);
    return true;
}

const OrfOperation orf_operation_divide = {
    .name = "divide",
    .command = "mesh divide",
    .title = "into parts that fit a printer, with pegs to join them",
    .help =
        "Even cuts along each axis on which the model is larger than the bed, a file for each "
        "part, in a ZIP. --pegs 4 sets up to four pegs on each cut; --dowels makes holes for pins. The "
        "model must be closed.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_FILES,
    .suffix = "-parts.zip",
    .run = run,
};
