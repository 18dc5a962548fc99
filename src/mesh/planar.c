/* planar.c - triangles in the plane: neighbours, chords.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Half-edge 3 t + k leads from corner k of triangle t to the next corner. A chord joins two
 * border points through the inside. Two sheets that meet at the border would share such an
 * edge, four triangles at one edge; its midpoint parts them. A triangle has 0..3 chords, so it
 * is cut into one to four by a fixed pattern, and every edge that this makes ends at a new
 * point. */
#include "planar-priv.h"

#include <math.h>
#include <string.h>

void
orf_planar_mesh_clear(OrfPlanarMesh *planar)
{
    orf_free(planar->points);
    orf_free(planar->loop_start);
    orf_free(planar->triangles);
    *planar = (OrfPlanarMesh){ 0 };
}

/* --- Neighbours --------------------------------------------------------------------------- */

static inline uint32_t
next3(uint32_t e)
{
    return e % 3 == 2 ? e - 2 : e + 1;
}

/* start[v]..start[v + 1]: the half-edges that leave v. */
static bool
sort_by_origin(const uint32_t *triangles, size_t n_corners, size_t n_points, uint32_t *start,
               uint32_t *leaving, GError **error)
{
    for (size_t e = 0; e < n_corners; e++) {
        if (triangles[e] >= n_points)
            return ORF_FALSE(error, BAD_INPUT,
                             "planar mesh: triangle %zu names point %u of %zu; "
                             "name points that exist",
                             e / 3, triangles[e], n_points);
        start[triangles[e] + 1]++;
    }
    for (size_t v = 0; v < n_points; v++)
        start[v + 1] += start[v];
    for (size_t e = n_corners; e-- > 0;) /* backwards: start[v + 1] ends as the begin of v */
        leaving[--start[triangles[e] + 1]] = (uint32_t)e;
    memmove(start, start + 1, n_points * sizeof *start);
    start[n_points] = (uint32_t)n_corners;
    return true;
}

/* The edge v->to noted in `slots`, or ORF_NO_EDGE when what is there belongs to another v. */
static inline uint32_t
noted_edge(const uint32_t *triangles, const uint32_t *slots, uint32_t v, uint32_t to)
{
    uint32_t e = slots[to];
    return triangles[e] == v && triangles[next3(e)] == to ? e : ORF_NO_EDGE;
}

/* Pairs the n half-edges that leave v with those that enter it, which are the last edges of the
 * same triangles. False when two leave to one point. */
static bool
match_edges(const uint32_t *triangles, uint32_t v, const uint32_t *leaving, uint32_t n,
            uint32_t *slots, uint32_t *twins)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t to = triangles[next3(leaving[i])], noted = noted_edge(triangles, slots, v, to);
        if (to == v || (noted != ORF_NO_EDGE && noted != leaving[i]))
            return false;
        slots[to] = leaving[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t entering = next3(next3(leaving[i]));
        twins[entering] = noted_edge(triangles, slots, v, triangles[entering]);
    }
    return true;
}

uint32_t *
orf_planar_twins(OrfTask *task, const uint32_t *triangles, size_t n_triangles, size_t n_points,
                 GError **error)
{
    static const char what[] = "triangle neighbours";
    size_t n_corners = 3 * n_triangles;
    if (n_corners >= ORF_NO_EDGE || n_points >= ORF_NO_EDGE)
        return ORF_FAIL(error, TOO_LARGE, "planar mesh: %zu triangles; use a coarser outline",
                        n_triangles);
    orf_autofree uint32_t *start = ORF_ALLOC(task, uint32_t, n_points + 1, what, error);
    orf_autofree uint32_t *slots =
        start ? ORF_ALLOC(task, uint32_t, n_points, what, error) : NULL;
    orf_autofree uint32_t *leaving =
        slots ? ORF_ALLOC(task, uint32_t, n_corners, what, error) : NULL;
    orf_autofree uint32_t *twins =
        leaving ? ORF_ALLOC(task, uint32_t, n_corners, what, error) : NULL;
    if (!twins || !sort_by_origin(triangles, n_corners, n_points, start, leaving, error))
        return NULL;
    for (uint32_t v = 0; v < n_points; v++) {
        if (!match_edges(triangles, v, leaving + start[v], start[v + 1] - start[v], slots,
                         twins))
            return ORF_FAIL(error, BAD_INPUT,
                            "planar mesh: two triangles have the same directed edge at point "
                            "%u; give each once, counter-clockwise",
                            v);
        if (v % 8192 == 0 && !orf_task_check(task, error))
            return NULL;
    }
    return g_steal_pointer(&twins);
}

/* --- Chords ------------------------------------------------------------------------------- */

typedef struct {
    OrfTask *task;
    const OrfPlanarMesh *old;
    uint32_t *twins;
    uint8_t *border;  /* [n_points] */
    uint32_t *middle; /* [3 * n_triangles] point that splits the half-edge, or ORF_NO_EDGE */
    OrfVec points, triangles;
} Split;

static void
split_clear(Split *split)
{
    orf_free(split->twins);
    orf_free(split->border);
    orf_free(split->middle);
    orf_vec_clear(&split->points);
    orf_vec_clear(&split->triangles);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Split, split_clear)

static uint32_t
add_point(Split *split, double x, double y, GError **error)
{
    float *p = orf_vec_add(split->task, &split->points, 1, "planar mesh", error);
    if (!p)
        return ORF_NO_EDGE;
    p[0] = (float)x;
    p[1] = (float)y;
    return (uint32_t)split->points.n - 1;
}

static bool
add_triangle(Split *split, uint32_t a, uint32_t b, uint32_t c, GError **error)
{
    uint32_t *t = orf_vec_add(split->task, &split->triangles, 1, "planar mesh", error);
    if (!t)
        return false;
    t[0] = a;
    t[1] = b;
    t[2] = c;
    return true;
}

static bool
halve_chords(Split *split, GError **error)
{
    const OrfPlanarMesh *old = split->old;
    for (uint32_t e = 0; e < 3 * old->n_triangles; e++)
        split->middle[e] = ORF_NO_EDGE;
    for (uint32_t e = 0; e < 3 * old->n_triangles; e++) {
        uint32_t a = old->triangles[e], b = old->triangles[next3(e)], twin = split->twins[e];
        if (twin == ORF_NO_EDGE || twin < e || !split->border[a] || !split->border[b])
            continue;
        const float *p = old->points + 2 * (size_t)a, *q = old->points + 2 * (size_t)b;
        uint32_t m =
            add_point(split, ((double)p[0] + q[0]) / 2, ((double)p[1] + q[1]) / 2, error);
        if (m == ORF_NO_EDGE)
            return false;
        split->middle[e] = split->middle[twin] = m;
    }
    return true;
}

/* All three edges lie on the border: a point in the middle. */
static bool
cut_at_centre(Split *split, const uint32_t *t, GError **error)
{
    const float *p = split->old->points;
    double x = 0, y = 0;
    for (int k = 0; k < 3; k++) {
        x += p[2 * (size_t)t[k]] / 3.0;
        y += p[2 * (size_t)t[k] + 1] / 3.0;
    }
    uint32_t m = add_point(split, x, y, error);
    return m != ORF_NO_EDGE && add_triangle(split, t[0], t[1], m, error) &&
           add_triangle(split, t[1], t[2], m, error) &&
           add_triangle(split, t[2], t[0], m, error);
}

static bool
cut_triangle(Split *split, uint32_t t, GError **error)
{
    const uint32_t *v = split->old->triangles + 3 * (size_t)t,
                   *m = split->middle + 3 * (size_t)t;
    const uint32_t *twins = split->twins + 3 * (size_t)t;
    int chords = 0, first = 0;
    for (int k = 0; k < 3; k++)
        chords += m[k] != ORF_NO_EDGE;
    if (chords == 0 && twins[0] == ORF_NO_EDGE && twins[1] == ORF_NO_EDGE &&
        twins[2] == ORF_NO_EDGE)
        return cut_at_centre(split, v, error);
    if (chords == 0)
        return add_triangle(split, v[0], v[1], v[2], error);
    if (chords == 3)
        return add_triangle(split, v[0], m[0], m[2], error) &&
               add_triangle(split, v[1], m[1], m[0], error) &&
               add_triangle(split, v[2], m[2], m[1], error) &&
               add_triangle(split, m[0], m[1], m[2], error);
    /* Turn it so that a->b is a chord and, of two, the second is b->c. */
    while (m[first] == ORF_NO_EDGE || (chords == 2 && m[(first + 1) % 3] == ORF_NO_EDGE))
        first++;
    uint32_t a = v[first], b = v[(first + 1) % 3], c = v[(first + 2) % 3], ab = m[first];
    if (chords == 1)
        return add_triangle(split, a, ab, c, error) && add_triangle(split, ab, b, c, error);
    uint32_t bc = m[(first + 1) % 3];
    return add_triangle(split, ab, b, bc, error) && add_triangle(split, a, ab, bc, error) &&
           add_triangle(split, a, bc, c, error);
}

static bool
prepare(Split *split, GError **error)
{
    const OrfPlanarMesh *old = split->old;
    OrfTask *task = split->task;
    split->twins =
        orf_planar_twins(task, old->triangles, old->n_triangles, old->n_points, error);
    if (!split->twins)
        return false;
    split->border = ORF_ALLOC(task, uint8_t, old->n_points, "planar mesh", error);
    split->middle = ORF_ALLOC(task, uint32_t, 3 * old->n_triangles, "planar mesh", error);
    if (!split->border || !split->middle)
        return false;
    for (uint32_t e = 0; e < 3 * old->n_triangles; e++)
        if (split->twins[e] == ORF_NO_EDGE)
            split->border[old->triangles[e]] = 1;
    float *points = orf_vec_add(task, &split->points, old->n_points, "planar mesh", error);
    if (points)
        memcpy(points, old->points, 2 * old->n_points * sizeof *points);
    return points != NULL;
}

bool
orf_planar_split_chords(OrfTask *task, OrfPlanarMesh *planar, GError **error)
{
    g_auto(Split) split = { .task = task,
                            .old = planar,
                            .points.item = 2 * sizeof(float),
                            .triangles.item = 3 * sizeof(uint32_t) };
    if (!planar->n_triangles)
        return true;
    if (!prepare(&split, error) || !halve_chords(&split, error))
        return false;
    for (uint32_t t = 0; t < planar->n_triangles; t++)
        if (!cut_triangle(&split, t, error) || (t % 8192 == 0 && !orf_task_check(task, error)))
            return false;
    orf_free(planar->points);
    orf_free(planar->triangles);
    planar->n_points = split.points.n;
    planar->n_triangles = split.triangles.n;
    planar->points = orf_vec_steal(&split.points);
    planar->triangles = orf_vec_steal(&split.triangles);
    return true;
}
