/* arrange.c - triangles cut along each other, from a mesh to pieces that cross nowhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Vertices go to a grid so fine that floats hardly notice; from there on nothing is rounded
 * until the pieces are used (Zhou, Grinspun, Zorin and Jacobson 2016 reckon so throughout).
 * Pairs of triangles whose boxes meet say where they cut each other (meet.c), then each
 * triangle falls into pieces (cut.c). The same place has the same number wherever it was found,
 * so pieces of different triangles fit. */
#include "mesh/arrange-priv.h"

#include <math.h>
#include <string.h>

/* --- Onto the grid ------------------------------------------------------------------------ */

/* A power of two, so that most floats lie on the grid as they are. */
static void
choose_grid(OrfArrangement *all, const OrfMesh *mesh)
{
    float low[3], high[3];
    double extent = 0;
    orf_mesh_bounds(mesh, low, high);
    for (int k = 0; k < 3; k++)
        extent = MAX(extent, (double)high[k] - (double)low[k]);
    int exponent = 0;
    frexp(extent / 2, &exponent);
    all->unit = extent > 0 ? ldexp(1, exponent - 29) : 1;
    for (int k = 0; k < 3; k++) {
        double coarse = all->unit * 1024;
        all->origin[k] = rint(((double)low[k] + (double)high[k]) / 2 / coarse) * coarse;
    }
}

static bool
place_vertices(OrfArrangement *all, const OrfMesh *mesh, GError **error)
{
    size_t n = orf_mesh_n_vertices(mesh);
    const float *p = orf_mesh_positions(mesh);
    all->spot_of = ORF_ALLOC(all->task, uint32_t, n, "exact places", error);
    if (!all->spot_of)
        return false;
    for (size_t v = 0; v < n; v++, p += 3) {
        int32_t at[3];
        for (int k = 0; k < 3; k++)
            at[k] = (int32_t)rint(((double)p[k] - all->origin[k]) / all->unit);
        if (v % ORF_MESH_BLOCK == 0 && !orf_task_check(all->task, error))
            return false;
        if ((all->spot_of[v] = orf_spots_add_grid(&all->spots, at, error)) == ORF_NO_SPOT)
            return false;
    }
    return true;
}

/* --- Plates ------------------------------------------------------------------------------- */

/* False: it has no area. */
static bool
set_plate(const OrfArrangement *all, const uint32_t v[3], OrfPlate *plate)
{
    const double *p[3];
    int64_t a[3], b[3];
    for (int k = 0; k < 3; k++)
        p[k] = orf_spot(&all->spots, v[k])->at;
    for (int k = 0; k < 3; k++) {
        a[k] = (int64_t)(p[1][k] - p[0][k]);
        b[k] = (int64_t)(p[2][k] - p[0][k]);
    }
    plate->offset = 0;
    plate->axis = 0;
    for (int k = 0; k < 3; k++) {
        int i = (k + 1) % 3, j = (k + 2) % 3;
        plate->normal[k] = a[i] * b[j] - a[j] * b[i];
        plate->offset += (__int128)plate->normal[k] * (int64_t)p[0][k];
        if (ABS(plate->normal[k]) > ABS(plate->normal[plate->axis]))
            plate->axis = (uint8_t)k;
    }
    memcpy(plate->v, v, sizeof plate->v);
    return plate->normal[plate->axis] != 0;
}

static bool
list_plates(OrfArrangement *all, const OrfMesh *mesh, GError **error)
{
    size_t n = orf_mesh_n_triangles(mesh);
    const uint32_t *t = orf_mesh_triangles(mesh);
    all->plates = ORF_ALLOC(all->task, OrfPlate, n, "plates", error);
    if (!all->plates)
        return false;
    for (size_t i = 0; i < n; i++, t += 3) {
        uint32_t v[3] = { all->spot_of[t[0]], all->spot_of[t[1]], all->spot_of[t[2]] };
        OrfPlate *plate = &all->plates[all->n_plates];
        plate->index = (uint32_t)i;
        all->n_plates += set_plate(all, v, plate);
    }
    return orf_task_check(all->task, error);
}

static bool
box_plates(OrfArrangement *all, GError **error)
{
    all->box_list = ORF_ALLOC(all->task, OrfGridBox, all->n_plates, "boxes", error);
    if (!all->box_list)
        return false;
    for (uint32_t i = 0; i < all->n_plates; i++)
        for (int k = 0; k < 3; k++) {
            const uint32_t *v = all->plates[i].v;
            double a = orf_spot(&all->spots, v[0])->at[k],
                   b = orf_spot(&all->spots, v[1])->at[k],
                   c = orf_spot(&all->spots, v[2])->at[k];
            all->box_list[i].low[k] = (int32_t)MIN(MIN(a, b), c);
            all->box_list[i].high[k] = (int32_t)MAX(MAX(a, b), c);
        }
    all->boxes = orf_boxes_new(all->task, all->box_list, all->n_plates, error);
    return all->boxes;
}

/* --- Cuts --------------------------------------------------------------------------------- */

typedef struct {
    OrfArrangement *all;
    GError **error;
} Pairing;

static bool
meet_pair(uint32_t a, uint32_t b, void *data)
{
    Pairing *pairing = data;
    return orf_plates_meet(pairing->all, a, b, pairing->error);
}

static bool
find_cuts(OrfArrangement *all, GError **error)
{
    GError *why = NULL;
    Pairing pairing = { all, &why };
    if (orf_boxes_pairs(all->boxes, meet_pair, &pairing))
        return orf_task_check(all->task, error);
    if (why)
        g_propagate_error(error, why);
    else
        orf_task_check(all->task, error);
    return false;
}

static int
by_plate(const void *a, const void *b)
{
    const OrfCut *p = a, *q = b;
    if (p->plate != q->plate)
        return p->plate < q->plate ? -1 : 1;
    for (int k = 0; k < 2; k++)
        if (p->ends[k] != q->ends[k])
            return p->ends[k] < q->ends[k] ? -1 : 1;
    return 0;
}

/* Cuts by plate, each once. */
static void
sort_cuts(OrfArrangement *all)
{
    OrfCut *cuts = all->cuts.data;
    size_t n = 0;
    for (size_t i = 0; i < all->cuts.n; i++)
        if (cuts[i].ends[0] > cuts[i].ends[1]) {
            uint32_t kept = cuts[i].ends[0];
            cuts[i].ends[0] = cuts[i].ends[1];
            cuts[i].ends[1] = kept;
        }
    if (all->cuts.n)
        qsort(cuts, all->cuts.n, sizeof *cuts, by_plate);
    for (size_t i = 0; i < all->cuts.n; i++)
        if (n == 0 || by_plate(&cuts[i], &cuts[n - 1]) != 0)
            cuts[n++] = cuts[i];
    all->cuts.n = n;
}

static bool
keep_whole(OrfArrangement *all, uint32_t plate, GError **error)
{
    OrfPiece *piece = orf_vec_add(all->task, &all->pieces, 1, "pieces", error);
    if (piece) {
        memcpy(piece->v, all->plates[plate].v, sizeof piece->v);
        piece->plate = plate;
    }
    return piece;
}

static bool
cut_plates(OrfArrangement *all, GError **error)
{
    const OrfCut *cuts = all->cuts.data;
    size_t at = 0;
    for (uint32_t plate = 0; plate < all->n_plates; plate++) {
        size_t begin = at;
        while (at < all->cuts.n && cuts[at].plate == plate)
            at++;
        if (plate % 1024 == 0) {
            orf_task_progress(all->task, 0.5 + 0.5 * plate / all->n_plates);
            if (!orf_task_check(all->task, error))
                return false;
        }
        if (begin == at ? !keep_whole(all, plate, error)
                        : !orf_plate_cut(all, plate, cuts + begin, at - begin, error))
            return false;
    }
    return true;
}

/* --- All ---------------------------------------------------------------------------------- */

bool
orf_arrangement_init(OrfArrangement *all, OrfTask *task, const OrfMesh *mesh, GError **error)
{
    *all = (OrfArrangement){ .task = task,
                             .cuts.item = sizeof(OrfCut),
                             .pieces.item = sizeof(OrfPiece) };
    choose_grid(all, mesh);
    if (!orf_spots_init(&all->spots, task, error) || !place_vertices(all, mesh, error) ||
        !list_plates(all, mesh, error) || !box_plates(all, error))
        return false;
    orf_task_progress(task, 0.1);
    if (!find_cuts(all, error))
        return false;
    orf_task_progress(task, 0.5);
    sort_cuts(all);
    return cut_plates(all, error);
}

void
orf_arrangement_clear(OrfArrangement *all)
{
    orf_boxes_free(all->boxes);
    orf_free(all->box_list);
    orf_free(all->plates);
    orf_free(all->spot_of);
    orf_vec_clear(&all->cuts);
    orf_vec_clear(&all->pieces);
    orf_spots_clear(&all->spots);
}
