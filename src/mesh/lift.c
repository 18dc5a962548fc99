/* lift.c - a closed body from two height sheets over one planar triangulation.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A node is a planar point as one fan of triangles sees it; where the border touches itself a
 * point has several. Each node becomes a front and a back vertex, or one vertex for both where
 * the sheets meet at the border (a seam node).
 *
 *     front   fa ------ fb      every front edge has its mirror in the back sheet; at the
 * border |  wall / |      a wall joins the two, or nothing where both ends are seams. |     / |
 *     back    ba ------ bb
 *
 * So each edge has two triangles: closed. Each vertex has one umbrella, because its node has
 * one fan: manifold, as long as no edge joins two seam nodes through the inside, which is
 * checked. */
#include "planar-priv.h"

#include <math.h>

#define CHECK_EVERY 65536

typedef struct {
    OrfTask *task;
    const OrfSheets *sheets;
    uint32_t *twins;  /* [3 * n_triangles] */
    uint32_t *node;   /* [3 * n_triangles] of each corner */
    uint32_t *point;  /* [n_nodes] */
    uint8_t *border;  /* [n_nodes] */
    uint32_t *vertex; /* [2 * n_nodes] front, back; ORF_NO_EDGE: not used */
    size_t n_nodes, n_corners, n_front, n_walls;
    OrfMeshParts parts;
    size_t n_out; /* triangles written */
} Lift;

static void
lift_clear(Lift *lift)
{
    orf_free(lift->twins);
    orf_free(lift->node);
    orf_free(lift->point);
    orf_free(lift->border);
    orf_free(lift->vertex);
    orf_mesh_parts_clear(&lift->parts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Lift, lift_clear)

static inline size_t
next3(size_t e)
{
    return e % 3 == 2 ? e - 2 : e + 1;
}

static inline size_t
prev3(size_t e)
{
    return e % 3 == 0 ? e + 2 : e - 1;
}

/* --- Nodes -------------------------------------------------------------------------------- */

/* Gives the fan that starts at border edge e to `node`. */
static void
claim_fan(Lift *lift, uint32_t e, uint32_t node)
{
    for (uint32_t corner = e; corner != ORF_NO_EDGE; corner = lift->twins[prev3(corner)])
        lift->node[corner] = node;
    lift->border[node] = 1;
}

static bool
make_nodes(Lift *lift, GError **error)
{
    const OrfSheets *sheets = lift->sheets;
    OrfTask *task = lift->task;
    size_t n_border = 0;
    lift->twins =
        orf_planar_twins(task, sheets->triangles, sheets->n_triangles, sheets->n_points, error);
    if (!lift->twins)
        return false;
    for (size_t e = 0; e < lift->n_corners; e++)
        n_border += lift->twins[e] == ORF_NO_EDGE;
    size_t most = sheets->n_points + n_border;
    lift->node = ORF_ALLOC(task, uint32_t, lift->n_corners, "body", error);
    lift->point = lift->node ? ORF_ALLOC(task, uint32_t, most, "body", error) : NULL;
    lift->border = lift->point ? ORF_ALLOC(task, uint8_t, most, "body", error) : NULL;
    if (!lift->border)
        return false;
    lift->n_nodes = sheets->n_points;
    for (uint32_t v = 0; v < sheets->n_points; v++)
        lift->point[v] = v;
    for (size_t e = 0; e < lift->n_corners; e++)
        lift->node[e] = sheets->triangles[e];
    for (uint32_t e = 0; e < lift->n_corners; e++) {
        uint32_t v = sheets->triangles[e];
        if (lift->twins[e] != ORF_NO_EDGE)
            continue;
        if (lift->border[v])
            lift->point[lift->n_nodes++] = v;
        claim_fan(lift, e, lift->border[v] ? (uint32_t)lift->n_nodes - 1 : v);
    }
    return true;
}

/* --- Heights ------------------------------------------------------------------------------ */

/* Heights of a node: the given ones, thickened where they must be. */
static bool
heights(const Lift *lift, size_t node, float ret_z[2], GError **error)
{
    const OrfSheets *sheets = lift->sheets;
    size_t v = lift->point[node];
    double front = sheets->front[v], back = sheets->back[v];
    if (!(front >= back))
        return ORF_FALSE(error, BAD_INPUT,
                         "lift: front %g lies behind back %g at point %zu (%g, %g); "
                         "front must be at least back",
                         front, back, v, (double)sheets->points[2 * v],
                         (double)sheets->points[2 * v + 1]);
    if (!lift->border[node] && front - back < sheets->thinnest) {
        double middle = (front + back) / 2;
        front = middle + sheets->thinnest / 2;
        back = middle - sheets->thinnest / 2;
    }
    ret_z[0] = (float)front;
    ret_z[1] = (float)back;
    if (!lift->border[node] && !(ret_z[0] > ret_z[1]))
        return ORF_FALSE(error, BAD_INPUT,
                         "lift: no thickness at inside point %zu (%g, %g); "
                         "raise the front there or set `thinnest`",
                         v, (double)sheets->points[2 * v], (double)sheets->points[2 * v + 1]);
    return true;
}

static inline bool
is_seam(const Lift *lift, size_t node)
{
    return lift->vertex[2 * node] == lift->vertex[2 * node + 1];
}

/* Numbers the vertices: all front ones in the order of nodes, then the back ones. */
static bool
number_vertices(Lift *lift, GError **error)
{
    size_t n = lift->n_nodes, n_back = 0;
    lift->vertex = ORF_ALLOC(lift->task, uint32_t, 2 * n, "body", error);
    if (!lift->vertex)
        return false;
    for (size_t e = 0; e < lift->n_corners; e++)
        lift->vertex[2 * (size_t)lift->node[e]] = 1;
    for (size_t i = 0; i < n; i++)
        lift->vertex[2 * i] = lift->vertex[2 * i] ? (uint32_t)lift->n_front++ : ORF_NO_EDGE;
    for (size_t i = 0; i < n; i++) {
        float z[2];
        lift->vertex[2 * i + 1] = lift->vertex[2 * i];
        if (lift->vertex[2 * i] == ORF_NO_EDGE)
            continue;
        if (!heights(lift, i, z, error))
            return false;
        if (z[0] > z[1])
            lift->vertex[2 * i + 1] = (uint32_t)(lift->n_front + n_back++);
    }
    lift->parts.n_vertices = lift->n_front + n_back;
    return true;
}

/* --- What would not be manifold ----------------------------------------------------------- */

static bool
check_seams(const Lift *lift, GError **error)
{
    const OrfSheets *sheets = lift->sheets;
    for (size_t e = 0; e < lift->n_corners; e++) {
        size_t a = lift->node[e], b = lift->node[next3(e)];
        bool flat = is_seam(lift, a) && is_seam(lift, b) && is_seam(lift, lift->node[prev3(e)]);
        if (!flat && (lift->twins[e] == ORF_NO_EDGE || !is_seam(lift, a) || !is_seam(lift, b)))
            continue;
        const float *p = sheets->points + 2 * (size_t)lift->point[a];
        const float *q = sheets->points + 2 * (size_t)lift->point[b];
        return ORF_FALSE(error, BAD_INPUT,
                         "lift: front and back touch along a chord from (%g, %g) to (%g, %g); "
                         "split chords with orf_planar_split_chords first",
                         (double)p[0], (double)p[1], (double)q[0], (double)q[1]);
    }
    return true;
}

/* --- Output ------------------------------------------------------------------------------- */

static size_t
count_walls(const Lift *lift)
{
    size_t n = 0;
    for (size_t e = 0; e < lift->n_corners; e++)
        if (lift->twins[e] == ORF_NO_EDGE)
            n += !is_seam(lift, lift->node[e]) + !is_seam(lift, lift->node[next3(e)]);
    return n;
}

static bool
make_room(Lift *lift, bool with_uvs, bool grouped, GError **error)
{
    OrfMeshParts *parts = &lift->parts;
    OrfTask *task = lift->task;
    lift->n_walls = count_walls(lift);
    parts->n_triangles = 2 * lift->sheets->n_triangles + lift->n_walls;
    parts->n_uvs = with_uvs ? lift->n_front : 0;
    parts->positions = ORF_ALLOC(task, float, 3 * parts->n_vertices, "body", error);
    parts->triangles = parts->positions
                           ? ORF_ALLOC(task, uint32_t, 3 * parts->n_triangles, "body", error)
                           : NULL;
    if (!parts->triangles)
        return false;
    if (grouped &&
        !(parts->groups = ORF_ALLOC(task, uint16_t, parts->n_triangles, "body", error)))
        return false;
    if (!with_uvs)
        return true;
    parts->uvs = ORF_ALLOC(task, float, 2 * parts->n_uvs, "body", error);
    parts->uv_triangles =
        parts->uvs ? ORF_ALLOC(task, uint32_t, 3 * parts->n_triangles, "body", error) : NULL;
    return parts->uv_triangles != NULL;
}

static bool
write_vertices(Lift *lift, const float *uvs, GError **error)
{
    for (size_t i = 0; i < lift->n_nodes; i++) {
        const uint32_t *vertex = lift->vertex + 2 * i;
        const float *p = lift->sheets->points + 2 * (size_t)lift->point[i];
        float z[2];
        if (vertex[0] == ORF_NO_EDGE)
            continue;
        if (!heights(lift, i, z, error))
            return false;
        for (int side = 0; side < 2; side++) {
            float *out = lift->parts.positions + 3 * (size_t)vertex[side];
            out[0] = p[0];
            out[1] = p[1];
            out[2] = z[side];
        }
        for (int k = 0; uvs && k < 2; k++)
            lift->parts.uvs[2 * (size_t)vertex[0] + k] = uvs[2 * (size_t)lift->point[i] + k];
    }
    return true;
}

/* Corners are given as 2 * node + side (0 front, 1 back). */
static void
emit(Lift *lift, size_t a, size_t b, size_t c, uint16_t group)
{
    OrfMeshParts *parts = &lift->parts;
    const size_t corners[3] = { a, b, c };
    for (size_t k = 0; k < 3; k++) {
        parts->triangles[3 * lift->n_out + k] = lift->vertex[corners[k]];
        if (parts->uv_triangles) /* UVs are numbered as the front vertices */
            parts->uv_triangles[3 * lift->n_out + k] = lift->vertex[corners[k] & ~(size_t)1];
    }
    if (parts->groups)
        parts->groups[lift->n_out] = group;
    lift->n_out++;
}

static void
emit_wall(Lift *lift, size_t e)
{
    size_t a = lift->node[e], b = lift->node[next3(e)];
    if (!is_seam(lift, a))
        emit(lift, 2 * b, 2 * a, 2 * a + 1, 2);
    if (!is_seam(lift, b))
        emit(lift, 2 * b, 2 * a + 1, 2 * b + 1, 2);
}

static bool
write_triangles(Lift *lift, GError **error)
{
    const uint32_t *node = lift->node;
    for (size_t e = 0; e < lift->n_corners; e += 3)
        emit(lift, 2 * (size_t)node[e], 2 * (size_t)node[e + 1], 2 * (size_t)node[e + 2], 0);
    if (!orf_task_check(lift->task, error))
        return false;
    for (size_t e = 0; e < lift->n_corners; e += 3)
        emit(lift, 2 * (size_t)node[e] + 1, 2 * (size_t)node[e + 2] + 1,
             2 * (size_t)node[e + 1] + 1, 1);
    for (size_t e = 0; e < lift->n_corners; e++)
        if (lift->twins[e] == ORF_NO_EDGE)
            emit_wall(lift, e);
    return orf_task_check(lift->task, error);
}

OrfMesh *
orf_mesh_lift(OrfTask *task, const OrfSheets *sheets, const float *uvs, bool grouped,
              GError **error)
{
    g_auto(Lift)
        lift = { .task = task, .sheets = sheets, .n_corners = 3 * sheets->n_triangles };
    if (!make_nodes(&lift, error) || !number_vertices(&lift, error) ||
        !check_seams(&lift, error) || !make_room(&lift, uvs != NULL, grouped, error) ||
        !write_vertices(&lift, uvs, error) || !write_triangles(&lift, error))
        return NULL;
    return orf_mesh_new_take(&lift.parts, error);
}
