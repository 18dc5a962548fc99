/* inspect.c - everything that keeps a mesh from being printed, and where it is.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Counts are those of orf_mesh_measure. The score begins at 100; each defect takes off a share
 * for being there and one for how much of the mesh it touches. */
#include "mesh/inspect-priv.h"

#include <math.h>

typedef struct {
    OrfDefectInfo info;
    unsigned there, much; /* points: for being there; at most for how much */
} Row;

static const Row rows[ORF_N_DEFECTS] = {
    [ORF_DEFECT_OPEN] = { { "open-edges", "open edges: holes", true }, 20, 20 },
    [ORF_DEFECT_BRANCH] = { { "nonmanifold-edges", "edges with more than two faces", true },
                            15,
                            15 },
    [ORF_DEFECT_PINCH] = { { "nonmanifold-vertices", "corners where parts touch in a point",
                             true },
                           5,
                           5 },
    [ORF_DEFECT_TURNED] = { { "misoriented", "edges between faces that disagree about outside",
                              true },
                            15,
                            15 },
    [ORF_DEFECT_FLAT] = { { "degenerate", "faces without area", true }, 4, 6 },
    [ORF_DEFECT_TWICE] = { { "duplicate", "faces that are there twice", true }, 4, 6 },
    [ORF_DEFECT_CROSSING] = { { "crossings", "pairs of faces that cross", true }, 15, 20 },
    [ORF_DEFECT_INVERTED] = { { "inverted", "faces turned inside out: all of them", true },
                              25,
                              0 },
    [ORF_DEFECT_HIDDEN] = { { "hidden-rooms", "faces that wall in a hidden room", true },
                            20,
                            20 },
    [ORF_DEFECT_INNER] = { { "inner-shells", "shells inside the solid", true }, 10, 10 },
    [ORF_DEFECT_DOUBLE] = { { "double-walls", "shells that line the outer wall", true }, 5, 5 },
    [ORF_DEFECT_CRUMB] = { { "crumbs", "shells that are next to nothing", false }, 3, 4 },
    [ORF_DEFECT_UNUSED] = { { "unused-vertices", "vertices that no face uses", false }, 1, 1 },
};

const OrfDefectInfo *
orf_defect_info(OrfDefect defect)
{
    return &rows[defect].info;
}

void
orf_inspection_clear(OrfInspection *in)
{
    g_clear_pointer(&in->faces, orf_free);
    g_clear_pointer(&in->corners, orf_free);
    g_clear_pointer(&in->pairs, orf_free);
}

/* --- Counts ------------------------------------------------------------------------------- */

static bool
list_pairs(OrfTask *task, const OrfMesh *mesh, OrfInspection *in, GError **error)
{
    g_autoptr(GArray) pairs = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    if (!orf_mesh_list_crossings(task, mesh, pairs, error))
        return false;
    in->n_pairs = MIN(pairs->len / 2, ORF_MAX_CROSSINGS);
    in->measures.self_intersections = (int64_t)in->n_pairs;
    in->pairs = ORF_ALLOC(task, uint32_t, 2 * in->n_pairs, "inspection", error);
    for (size_t i = 0; in->pairs && i < 2 * in->n_pairs; i++)
        in->pairs[i] = g_array_index(pairs, uint32_t, i);
    return in->pairs != NULL;
}

static void
count_defects(OrfInspection *in)
{
    const OrfMeasures *m = &in->measures;
    in->count[ORF_DEFECT_OPEN] = m->boundary_edges;
    in->count[ORF_DEFECT_BRANCH] = m->nonmanifold_edges;
    in->count[ORF_DEFECT_PINCH] = m->nonmanifold_vertices;
    in->count[ORF_DEFECT_TURNED] = m->misoriented_edges;
    in->count[ORF_DEFECT_FLAT] = m->degenerate;
    in->count[ORF_DEFECT_TWICE] = m->duplicate;
    in->count[ORF_DEFECT_CROSSING] = (size_t)MAX(m->self_intersections, 0);
    in->count[ORF_DEFECT_UNUSED] = m->unreferenced;
    bool inverted = m->closed && m->misoriented_edges == 0 && m->volume < 0;
    in->count[ORF_DEFECT_INVERTED] = inverted ? m->triangles : 0;
}

/* Vertices have the defects of their faces, too. */
static void
hand_on(const OrfMesh *mesh, OrfInspection *in)
{
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    uint16_t all = in->count[ORF_DEFECT_INVERTED] ? orf_defect_bit(ORF_DEFECT_INVERTED) : 0;
    uint16_t edges = orf_defect_bit(ORF_DEFECT_OPEN) | orf_defect_bit(ORF_DEFECT_BRANCH) |
                     orf_defect_bit(ORF_DEFECT_TURNED); /* only their own ends */
    for (size_t t = 0; t < orf_mesh_n_triangles(mesh); t++) {
        in->faces[t] |= all;
        for (size_t c = 0; c < 3; c++)
            in->corners[triangles[3 * t + c]] |= in->faces[t] & (uint16_t)~edges;
    }
}

static void
judge(OrfInspection *in)
{
    unsigned sum = 0;
    for (int d = 0; d < ORF_N_DEFECTS; d++) {
        double share = (double)in->count[d] / (double)MAX(in->measures.triangles, 1);
        if (d == ORF_DEFECT_HIDDEN)
            share = in->hidden / 5;
        if (d == ORF_DEFECT_INNER || d == ORF_DEFECT_DOUBLE || d == ORF_DEFECT_CRUMB)
            share = (double)in->count[d] / 50;
        in->cost[d] = in->count[d]
                          ? rows[d].there + (unsigned)lround(rows[d].much * MIN(5 * share, 1))
                          : 0;
        sum += in->cost[d];
    }
    in->score = in->measures.triangles == 0 ? 0 : 100 - MIN(sum, 100);
}

bool
orf_mesh_inspect(OrfTask *task, const OrfMesh *mesh, bool fast, OrfInspection *ret,
                 GError **error)
{
    g_auto(OrfInspection) in = { 0 };
    double sum = 0;
    if (!orf_mesh_measure(task, mesh, false, &in.measures, error) ||
        !(in.faces =
              ORF_ALLOC(task, uint16_t, orf_mesh_n_triangles(mesh), "inspection", error)) ||
        !(in.corners =
              ORF_ALLOC(task, uint16_t, orf_mesh_n_vertices(mesh), "inspection", error)))
        return false;
    for (int k = 0; k < 3; k++) {
        double side = (double)in.measures.high[k] - (double)in.measures.low[k];
        sum += side * side;
    }
    in.diagonal = sqrt(sum);
    if (!fast && !list_pairs(task, mesh, &in, error))
        return false;
    count_defects(&in);
    if (!orf_inspect_map(task, mesh, &in, error) ||
        (!fast && !orf_inspect_rooms(task, mesh, &in, error)))
        return false;
    hand_on(mesh, &in);
    judge(&in);
    *ret = in;
    in = (OrfInspection){ 0 };
    return true;
}

/* --- Words -------------------------------------------------------------------------------- */

bool
orf_inspection_printable(const OrfInspection *in)
{
    for (int d = 0; d < ORF_N_DEFECTS; d++)
        if (rows[d].info.unprintable && in->count[d] > 0)
            return false;
    return orf_measures_solid(&in->measures) && in->measures.self_intersections == 0;
}

const char *
orf_inspection_verdict(const OrfInspection *in)
{
    OrfMeasures but_for_crossings = in->measures;
    but_for_crossings.self_intersections = -1;
    if (!orf_measures_solid(&but_for_crossings))
        return "not a solid";
    if (in->measures.self_intersections < 0)
        return "closed; crossings and rooms inside were not looked for";
    if (in->measures.self_intersections > 0)
        return "closed, but it crosses itself";
    if (in->count[ORF_DEFECT_HIDDEN])
        return "closed, but hollow behind small doors";
    if (in->count[ORF_DEFECT_INNER])
        return "closed, but with shells inside";
    return "a printable solid";
}
