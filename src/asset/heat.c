/* heat.c - what a mesh is like, as colours on its faces: for pictures.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every face gets corners of its own, so that colours end where faces do. Defects spread over
 * the faces round them: one bad face of a hundred thousand could not be seen. */
#include "asset/asset-priv.h"

#include <math.h>
#include <string.h>

typedef struct {
    const OrfMesh *mesh;
    const OrfTree *tree;
    uint8_t (*faces)[4];
} Heat;

static const uint8_t plain[4] = { 200, 202, 206, 255 };

/* In the order in which they hide each other, the worst last. */
static const struct {
    OrfDefect defect;
    uint8_t color[4];
    const char *name;
} paints[] = {
    { ORF_DEFECT_CRUMB, { 150, 120, 90, 255 }, "brown" },
    { ORF_DEFECT_HIDDEN, { 150, 90, 200, 255 }, "violet" },
    { ORF_DEFECT_INNER, { 60, 110, 230, 255 }, "blue" },
    { ORF_DEFECT_DOUBLE, { 40, 190, 220, 255 }, "cyan" },
    { ORF_DEFECT_TWICE, { 120, 200, 60, 255 }, "green" },
    { ORF_DEFECT_FLAT, { 120, 200, 60, 255 }, "green" },
    { ORF_DEFECT_TURNED, { 250, 205, 40, 255 }, "yellow" },
    { ORF_DEFECT_INVERTED, { 250, 205, 40, 255 }, "yellow" },
    { ORF_DEFECT_BRANCH, { 240, 90, 200, 255 }, "pink" },
    { ORF_DEFECT_CROSSING, { 250, 140, 30, 255 }, "orange" },
    { ORF_DEFECT_OPEN, { 225, 40, 40, 255 }, "red" },
};

/* --- Colours ------------------------------------------------------------------------------ */

/* 0 red, through yellow and green, to 1 blue. */
static void
set_ramp(double at, uint8_t ret[4])
{
    static const double stops[5][3] = {
        { 215, 35, 35 }, { 245, 150, 40 }, { 245, 225, 70 }, { 90, 185, 90 }, { 50, 110, 200 }
    };
    double place = CLAMP(at, 0, 1) * 4;
    int low = MIN((int)place, 3);
    for (int k = 0; k < 3; k++)
        ret[k] = (uint8_t)(stops[low][k] + (place - low) * (stops[low + 1][k] - stops[low][k]));
    ret[3] = 255;
}

/* -1 hollow: blue; 0 flat: grey; 1 bulging: red. */
static void
set_bend(double bend, uint8_t ret[4])
{
    static const double ends[2][3] = { { 45, 95, 210 }, { 210, 55, 45 } };
    double share = MIN(fabs(bend), 1);
    for (int k = 0; k < 3; k++)
        ret[k] = (uint8_t)(plain[k] + share * (ends[bend > 0][k] - plain[k]));
    ret[3] = 255;
}

/* --- Defects ------------------------------------------------------------------------------ */

static bool
paint_defects(OrfTask *task, Heat *heat, GString *legend, GError **error)
{
    const OrfMesh *mesh = heat->mesh;
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    size_t n = orf_mesh_n_triangles(mesh);
    g_auto(OrfInspection) in = { 0 };
    orf_autofree uint16_t *near =
        ORF_ALLOC(task, uint16_t, orf_mesh_n_vertices(mesh), "colours", error);
    if (!near || !orf_mesh_inspect(task, mesh, false, &in, error))
        return false;
    for (size_t t = 0; t < n; t++)
        for (size_t c = 0; c < 3; c++)
            near[triangles[3 * t + c]] |= in.faces[t];
    g_string_append(legend, orf_inspection_verdict(&in));
    for (size_t i = 0; i < G_N_ELEMENTS(paints); i++) {
        bool wide = in.count[paints[i].defect] * 50 < n; /* few: their neighbours, too */
        if (in.count[paints[i].defect])
            g_string_append_printf(legend, "\n  %-8s %zu %s", paints[i].name,
                                   in.count[paints[i].defect],
                                   orf_defect_info(paints[i].defect)->says);
        for (size_t t = 0; t < n; t++) {
            const uint32_t *v = triangles + 3 * t;
            uint16_t bits =
                (uint16_t)(in.faces[t] | (wide ? near[v[0]] | near[v[1]] | near[v[2]] : 0));
            if (bits >> paints[i].defect & 1)
                memcpy(heat->faces[t], paints[i].color, 4);
        }
    }
    return true;
}

/* --- Thickness ---------------------------------------------------------------------------- */

#define THIN 0.4   /* mm: red */
#define THICK 10.0 /* mm: blue */

static void
paint_thickness(size_t begin, size_t end, void *data)
{
    Heat *heat = data;
    const float *positions = orf_mesh_positions(heat->mesh);
    const uint32_t *triangles = orf_mesh_triangles(heat->mesh);
    for (size_t t = begin; t < end; t++) {
        const uint32_t *corner = triangles + 3 * t;
        double middle[3], direction[3];
        float vector[3];
        orf_face_vector(positions, corner, vector);
        double length = sqrt((double)orf_dot3(vector, vector));
        for (int k = 0; k < 3; k++) {
            middle[k] = ((double)positions[3 * (size_t)corner[0] + (size_t)k] +
                         (double)positions[3 * (size_t)corner[1] + (size_t)k] +
                         (double)positions[3 * (size_t)corner[2] + (size_t)k]) /
                        3;
            direction[k] = -(double)vector[k] / MAX(length, 1e-30);
        }
        double wall = length > 0 ? orf_tree_first_hit(heat->tree, middle, direction, INFINITY,
                                                      (uint32_t)t)
                                 : INFINITY;
        if (wall < INFINITY)
            set_ramp(log(MAX(wall, 1e-6) / THIN) / log(THICK / THIN), heat->faces[t]);
    }
}

static bool
measure_thickness(OrfTask *task, Heat *heat, GString *legend, GError **error)
{
    size_t n = orf_mesh_n_triangles(heat->mesh);
    g_autoptr(OrfTree) tree = orf_tree_new(task, orf_mesh_positions(heat->mesh),
                                           orf_mesh_triangles(heat->mesh), n, error);
    heat->tree = tree;
    if (!tree)
        return false;
    if (!orf_task_parallel(task, n, 1024, paint_thickness, heat))
        return orf_task_check(task, error);
    g_string_append(legend, "walls: red 0.4 mm and less, orange 0.9, yellow 2, green 4.5, blue "
                            "10 mm and more; grey: nothing behind");
    return true;
}

/* --- Curvature ---------------------------------------------------------------------------- */

/* By how vertex normals turn along the sides of the faces: 1 / mm, positive where it bulges. */
static bool
paint_curvature(OrfTask *task, Heat *heat, GString *legend, GError **error)
{
    const float *p = orf_mesh_positions(heat->mesh);
    const uint32_t *triangles = orf_mesh_triangles(heat->mesh);
    float low[3], high[3];
    double size = 0;
    orf_autofree float *normals = orf_mesh_vertex_normals(task, heat->mesh, error);
    if (!normals)
        return false;
    orf_mesh_bounds(heat->mesh, low, high);
    for (int k = 0; k < 3; k++)
        size = MAX(size, (double)high[k] - (double)low[k]);
    for (size_t t = 0; t < orf_mesh_n_triangles(heat->mesh); t++) {
        double turn = 0, length = 0;
        for (size_t c = 0; c < 3; c++) {
            size_t a = 3 * (size_t)triangles[3 * t + c];
            size_t b = 3 * (size_t)triangles[3 * t + (c + 1) % 3];
            for (size_t k = 0; k < 3; k++) {
                double along = (double)p[b + k] - (double)p[a + k];
                turn += ((double)normals[b + k] - (double)normals[a + k]) * along;
                length += along * along;
            }
        }
        double bend = length > 0 ? turn / length * size : 0; /* 2: a ball of this size */
        set_bend(tanh(bend / 12), heat->faces[t]);
    }
    g_string_append(legend, "curvature: red bulges, blue is hollow, grey is flat");
    return true;
}

/* --- A mesh of coloured faces ------------------------------------------------------------- */

/* `cut`: only what lies behind the middle, so that the inside is seen from the front. */
static OrfAsset *
with_faces(OrfTask *task, const Heat *heat, bool cut, GError **error)
{
    const float *p = orf_mesh_positions(heat->mesh);
    const uint32_t *t = orf_mesh_triangles(heat->mesh);
    size_t n = orf_mesh_n_triangles(heat->mesh), kept = 0;
    float low[3], high[3];
    g_auto(OrfMeshParts) parts = { 0 };
    orf_mesh_bounds(heat->mesh, low, high);
    if (!(parts.positions = ORF_ALLOC(task, float, 9 * n, "colours", error)) ||
        !(parts.triangles = ORF_ALLOC(task, uint32_t, 3 * n, "colours", error)) ||
        !(parts.colors = ORF_ALLOC(task, uint8_t, 12 * n, "colours", error)))
        return NULL;
    for (size_t i = 0; i < n; i++, t += 3) {
        float depth =
            (p[3 * (size_t)t[0] + 2] + p[3 * (size_t)t[1] + 2] + p[3 * (size_t)t[2] + 2]) / 3;
        if (cut && depth > (low[2] + high[2]) / 2)
            continue;
        for (size_t c = 0; c < 3; c++) {
            size_t v = 3 * kept + c;
            memcpy(parts.positions + 3 * v, p + 3 * (size_t)t[c], 3 * sizeof *p);
            memcpy(parts.colors + 4 * v, heat->faces[i], 4);
            parts.triangles[v] = (uint32_t)v;
        }
        kept++;
    }
    parts.n_triangles = kept;
    parts.n_vertices = 3 * kept;
    g_autoptr(OrfMesh) mesh = orf_mesh_new_take(&parts, error);
    return mesh ? orf_asset_new(mesh, NULL, 0) : NULL;
}

OrfAsset *
orf_asset_heat(OrfTask *task, OrfMesh *mesh, OrfHeat what, char **ret_legend, GError **error)
{
    size_t n = orf_mesh_n_triangles(mesh);
    orf_autofree uint8_t *faces = ORF_ALLOC(task, uint8_t, 4 * n, "colours", error);
    g_autoptr(GString) legend = g_string_new(NULL);
    Heat heat = { mesh, NULL, (uint8_t(*)[4])(void *)faces };
    if (!faces)
        return NULL;
    for (size_t t = 0; t < n; t++)
        memcpy(heat.faces[t], plain, sizeof plain);
    bool done = what == ORF_HEAT_THICKNESS   ? measure_thickness(task, &heat, legend, error)
                : what == ORF_HEAT_CURVATURE ? paint_curvature(task, &heat, legend, error)
                                             : paint_defects(task, &heat, legend, error);
    OrfAsset *asset = done ? with_faces(task, &heat, what == ORF_HEAT_INSIDE, error) : NULL;
    if (asset)
        *ret_legend = g_string_free(g_steal_pointer(&legend), FALSE);
    return asset;
}
