/* describe-inspection.c - what is wrong with a mesh, as JSON and in words.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/describe-priv.h"

#define SHOWN_FACES 16 /* of a defect, unless all are asked for */
#define SHOWN_PAIRS 100

/* --- Where -------------------------------------------------------------------------------- */

static bool
is_of_vertices(OrfDefect defect)
{
    return defect == ORF_DEFECT_PINCH || defect == ORF_DEFECT_UNUSED;
}

/* The numbers of what has the bit, at most `most`; the place of the first. */
static void
add_marked(OrfJson *json, const uint16_t *map, size_t n, OrfDefect defect, size_t most,
           size_t *ret_first)
{
    *ret_first = SIZE_MAX;
    for (size_t i = 0, listed = 0; i < n && listed < most; i++) {
        if (!(map[i] >> defect & 1))
            continue;
        if (*ret_first == SIZE_MAX)
            *ret_first = i;
        orf_json_add_int(json, NULL, (int64_t)i);
        listed++;
    }
}

static void
add_place(OrfJson *json, const OrfMesh *mesh, bool of_vertices, size_t index)
{
    const float *p = orf_mesh_positions(mesh);
    orf_json_begin_array(json, "at_mm");
    for (size_t k = 0; k < 3; k++) {
        const uint32_t *t = orf_mesh_triangles(mesh) + 3 * index;
        double place =
            of_vertices ? (double)p[3 * index + k]
                        : ((double)p[3 * (size_t)t[0] + k] + (double)p[3 * (size_t)t[1] + k] +
                           (double)p[3 * (size_t)t[2] + k]) /
                              3;
        orf_json_add_rounded(json, NULL, place, 6);
    }
    orf_json_end(json);
}

void
orf_describe_places(OrfJson *json, const OrfMesh *mesh, const OrfInspection *in,
                    OrfDefect defect, bool all)
{
    bool of_vertices = is_of_vertices(defect);
    size_t most = all ? SIZE_MAX : SHOWN_FACES, first;
    orf_json_begin_array(json, of_vertices ? "vertices" : "faces");
    add_marked(json, of_vertices ? in->corners : in->faces,
               of_vertices ? in->measures.vertices : in->measures.triangles, defect, most,
               &first);
    orf_json_end(json);
    if (first != SIZE_MAX)
        add_place(json, mesh, of_vertices, first);
}

/* --- What --------------------------------------------------------------------------------- */

static void
add_defects(OrfJson *json, const OrfMesh *mesh, const OrfInspection *in, bool all)
{
    orf_json_begin_array(json, "defects");
    for (int d = 0; d < ORF_N_DEFECTS; d++) {
        const OrfDefectInfo *info = orf_defect_info((OrfDefect)d);
        if (!in->count[d])
            continue;
        orf_json_begin_object(json, NULL);
        orf_json_add_text(json, "name", info->name);
        orf_json_add_text(json, "says", info->says);
        orf_json_add_int(json, "count", (int64_t)in->count[d]);
        orf_json_add_int(json, "points", in->cost[d]);
        orf_json_add_bool(json, "unprintable", info->unprintable);
        orf_describe_places(json, mesh, in, (OrfDefect)d, all);
        orf_json_end(json);
    }
    orf_json_end(json);
}

static void
add_pairs(OrfJson *json, const OrfInspection *in, bool all)
{
    orf_json_begin_array(json, "crossing_pairs");
    for (size_t i = 0; i < MIN(in->n_pairs, all ? SIZE_MAX : SHOWN_PAIRS); i++) {
        orf_json_begin_array(json, NULL);
        orf_json_add_int(json, NULL, in->pairs[2 * i]);
        orf_json_add_int(json, NULL, in->pairs[2 * i + 1]);
        orf_json_end(json);
    }
    orf_json_end(json);
}

void
orf_describe_inspection(OrfJson *json, const OrfAsset *asset, const OrfInspection *in, bool all)
{
    orf_json_add_text(json, "verdict", orf_inspection_verdict(in));
    orf_json_add_bool(json, "printable", orf_inspection_printable(in));
    orf_json_add_int(json, "score", in->score);
    orf_describe_measures(json, asset, &in->measures);
    add_defects(json, orf_asset_mesh(asset), in, all);
    add_pairs(json, in, all);
    if (!in->looked) /* faces disagree about outside, or nobody asked */
        orf_json_add_null(json, "hidden");
    else
        orf_json_add_rounded(json, "hidden", in->hidden, 4);
    orf_json_add_rounded(json, "door_mm", in->door, 4);
    orf_json_add_int(json, "inner_shells", (int64_t)in->count[ORF_DEFECT_INNER]);
    orf_json_add_int(json, "double_walls", (int64_t)in->count[ORF_DEFECT_DOUBLE]);
    orf_json_add_int(json, "cavities", (int64_t)in->cavities);
}

/* --- In words ----------------------------------------------------------------------------- */

static void
append_defects(GString *out, const OrfInspection *in)
{
    for (int d = 0; d < ORF_N_DEFECTS; d++)
        if (in->count[d])
            g_string_append_printf(out, "\n  defect       %zu %s (-%u)", in->count[d],
                                   orf_defect_info((OrfDefect)d)->says, in->cost[d]);
    if (in->hidden > 0.02)
        g_string_append_printf(
            out,
            "\n  hidden room  %.0f %% of the inside is empty behind doors of "
            "%.2g %% of the size (%.3g mm)",
            100 * in->hidden, 100 * in->door / MAX(in->diagonal, 1e-30), in->door);
    if (in->cavities)
        g_string_append_printf(out,
                               "\n  cavity       %zu closed room%s inside, meant as it seems",
                               in->cavities, in->cavities == 1 ? "" : "s");
    if (!in->looked && in->measures.self_intersections >= 0 && in->measures.area > 0)
        g_string_append(
            out, in->measures.misoriented_edges
                     ? "\n  not looked   for rooms inside: faces disagree about outside; "
                       "repair turns them"
                     : "\n  not looked   for rooms inside: too many walls lie over each "
                       "other");
}

char *
orf_inspection_text(const OrfInspection *in)
{
    const OrfMeasures *m = &in->measures;
    GString *out = g_string_new(orf_inspection_verdict(in));
    double size[3];
    for (int k = 0; k < 3; k++)
        size[k] = (double)(m->high[k] - m->low[k]);
    g_string_append_printf(out, "\n  score        %u of 100", in->score);
    g_string_append_printf(out, "\n  triangles    %zu (%zu vertices, %zu shell%s)",
                           m->triangles, m->vertices, m->shells, m->shells == 1 ? "" : "s");
    g_string_append_printf(out, "\n  size         %.4g x %.4g x %.4g mm (width, height, depth)",
                           size[0], size[1], size[2]);
    g_string_append_printf(out, "\n  volume       %.4g cm3\n  area         %.4g cm2",
                           m->volume / 1e3, m->area / 1e2);
    g_string_append_printf(out, "\n  closed       %s\n  manifold     %s\n  oriented     %s",
                           m->closed ? "yes" : "no", m->manifold ? "yes" : "no",
                           m->oriented ? "yes" : "no");
    append_defects(out, in);
    return g_string_free(out, FALSE);
}
