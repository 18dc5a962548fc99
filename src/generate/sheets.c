/* sheets.c - an outline and two heights over every point inside it: a closed mesh.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *            ___________________________
 *        _--x        x          x       x--_      front: points lie densest at the outline
 *       x                                   x
 *       |                                   |     wall
 *       x__                               __x
 *          --x_______x__________x______x--        back: the same points
 *
 * A round body is vertical at its outline, where heights jitter most. So the outline takes the
 * height the body has a little inside it, smoothed along the way, and a low wall joins the two
 * sheets: it stays within that little of the true surface. */
#include <math.h>

#include "generate/generate-priv.h"

#define INSIDE 1.0f   /* px inside the outline where its own height is read */
#define WALL 0.92f    /* of that height */
#define COARSEST 4.0f /* spacing deep inside / spacing at the outline */

/* --- Outline ------------------------------------------------------------------------------ */

/* The traced loops, with y up; caller frees with orf_free. */
static float *
upright_points(OrfTask *task, const OrfOutline *outline, GError **error)
{
    float *points = ORF_ALLOC(task, float, 2 * outline->n_points, "mesh: outline", error);
    for (size_t i = 0; points && i < outline->n_points; i++) {
        points[2 * i] = outline->points[i].x;
        points[2 * i + 1] = -outline->points[i].y;
    }
    return points;
}

static bool
fill_outline(OrfTask *task, const OrfImage *alpha, const OrfSheetOptions *options,
             OrfPlanarMesh *net, GError **error)
{
    float spacing = options->spacing > 0 ? options->spacing : 2;
    OrfTraceOptions how = { .tolerance = 0.1f,
                            .min_area =
                                options->min_area > 0 ? options->min_area : spacing * spacing,
                            .smooth = 2 };
    g_autoptr(OrfOutline) outline = orf_image_trace(task, alpha, &how, error);
    if (!outline)
        return false;
    if (outline->n_loops == 0)
        return ORF_FALSE(error, BAD_INPUT,
                         "mesh: the cut-out has no outline; give a larger picture or a mask");
    orf_autofree float *points = upright_points(task, outline, error);
    if (!points)
        return false;
    OrfPlanar planar = { .points = points,
                         .n_points = outline->n_points,
                         .loop_start = outline->start,
                         .n_loops = outline->n_loops };
    OrfRefine refine = { .edge_rim = spacing, .edge_inside = COARSEST * spacing };
    return orf_planar_refine(task, &planar, &refine, net, error);
}

/* --- Heights ------------------------------------------------------------------------------ */

/* The inside lies to the left of the way from `from` to `to`. */
static void
rim_height(const OrfSheetOptions *options, const float at[2], const float from[2],
           const float to[2], float *ret_front, float *ret_back)
{
    float dx = to[0] - from[0], dy = to[1] - from[1], length = MAX(hypotf(dx, dy), 1e-6f);
    float front = 0, back = 0;
    options->heights(at[0] - INSIDE * dy / length, -(at[1] + INSIDE * dx / length), &front,
                     &back, options->data);
    *ret_front = MAX(WALL * front, options->rim);
    *ret_back = MIN(WALL * back, -options->rim);
}

/* Each value becomes the weighted mean of itself and its two neighbours along the loop. */
static void
smooth_loop(float *values, size_t n)
{
    float first = values[0], before = values[n - 1];
    for (size_t i = 0; i < n; i++) {
        float here = values[i], after = i + 1 < n ? values[i + 1] : first;
        values[i] = (before + 2 * here + after) / 4;
        before = here;
    }
}

static void
rim_heights(const OrfPlanarMesh *net, const OrfSheetOptions *options, float *front, float *back)
{
    for (size_t loop = 0; loop < net->n_loops; loop++) {
        size_t first = net->loop_start[loop], n = net->loop_start[loop + 1] - first;
        const float *p = net->points + 2 * first;
        for (size_t i = 0; i < n; i++)
            rim_height(options, p + 2 * i, p + 2 * ((i + n - 1) % n), p + 2 * ((i + 1) % n),
                       &front[first + i], &back[first + i]);
        for (int round = 0; round < 3; round++) {
            smooth_loop(front + first, n);
            smooth_loop(back + first, n);
        }
    }
}

static void
inside_heights(const OrfPlanarMesh *net, const OrfSheetOptions *options, float *front,
               float *back)
{
    for (size_t i = net->loop_start[net->n_loops]; i < net->n_points; i++) {
        options->heights(net->points[2 * i], -net->points[2 * i + 1], &front[i], &back[i],
                         options->data);
        front[i] = MAX(front[i], options->rim);
        back[i] = MIN(back[i], -options->rim);
    }
}

/* --- Mesh --------------------------------------------------------------------------------- */

OrfMesh *
orf_sheets_mesh(OrfTask *task, const OrfImage *alpha, const OrfSheetOptions *options,
                GError **error)
{
    g_auto(OrfPlanarMesh) net = { 0 };
    if (!fill_outline(task, alpha, options, &net, error))
        return NULL;
    orf_autofree float *front =
        ORF_ALLOC(task, float, 2 * net.n_points, "mesh: heights", error);
    if (!front || !orf_task_check(task, error))
        return NULL;
    float *back = front + net.n_points;
    rim_heights(&net, options, front, back);
    inside_heights(&net, options, front, back);
    OrfSheets sheets = { .points = net.points,
                         .n_points = net.n_points,
                         .triangles = net.triangles,
                         .n_triangles = net.n_triangles,
                         .front = front,
                         .back = back,
                         .thinnest = 0.01f };
    return orf_mesh_lift(task, &sheets, NULL, false, error);
}
