/* planar-priv.h - the triangulation under construction, shared by the planar files of this
 * room.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Half-edge e lies in face e / 4 at corner e % 4 (0..2, counter-clockwise); it starts at
 * orf_cdt_from(cdt, e) and the same edge seen from the other side is orf_cdt_twin(cdt, e).
 * Coordinates are integers in 0..2^30, so side tests are exact in 64 bits and circle tests in
 * 128. */
#ifndef ORF_PLANAR_PRIV_H
#define ORF_PLANAR_PRIV_H

#include "mesh/mesh.h"

#define ORF_NO_EDGE UINT32_MAX

typedef struct {
    int32_t x, y;
} OrfGridPoint;

typedef struct {
    uint32_t from[3];
    uint32_t fixed; /* bit k: edge k is a constraint */
    uint32_t twin[3];
    int32_t winding; /* set by the flood that tells inside from outside */
} OrfFace;

/* One thread at a time. */
typedef struct {
    OrfTask *task;
    OrfGridPoint *points; /* [n_points + 4] the last four are the corners of the frame */
    uint32_t n_points;
    OrfFace *faces; /* [2 * n_points + 2] */
    uint32_t n_faces;
    uint32_t *edge_at;   /* [n_points + 4] an edge that starts at the point */
    uint32_t hint;       /* edge where the last search ended */
    uint32_t crossed[2]; /* ends of the constraint that orf_cdt_add_segment ran into */
} OrfCdt;

static inline uint32_t
orf_cdt_next(uint32_t e)
{
    return (e & 3) == 2 ? e - 2 : e + 1;
}

static inline uint32_t
orf_cdt_prev(uint32_t e)
{
    return (e & 3) == 0 ? e + 2 : e - 1;
}

static inline uint32_t
orf_cdt_from(const OrfCdt *cdt, uint32_t e)
{
    return cdt->faces[e >> 2].from[e & 3];
}

static inline uint32_t
orf_cdt_to(const OrfCdt *cdt, uint32_t e)
{
    return orf_cdt_from(cdt, orf_cdt_next(e));
}

static inline uint32_t
orf_cdt_twin(const OrfCdt *cdt, uint32_t e)
{
    return cdt->faces[e >> 2].twin[e & 3];
}

static inline bool
orf_cdt_fixed(const OrfCdt *cdt, uint32_t e)
{
    return cdt->faces[e >> 2].fixed >> (e & 3) & 1;
}

static inline void
orf_cdt_link(OrfCdt *cdt, uint32_t e, uint32_t f)
{
    cdt->faces[e >> 2].twin[e & 3] = f;
    if (f != ORF_NO_EDGE)
        cdt->faces[f >> 2].twin[f & 3] = e;
}

/* > 0 when c lies left of a->b, 0 on the line: twice the area. */
static inline int64_t
orf_cdt_side(OrfGridPoint a, OrfGridPoint b, OrfGridPoint c)
{
    return (int64_t)(b.x - a.x) * (c.y - a.y) - (int64_t)(b.y - a.y) * (c.x - a.x);
}

/* d lies strictly inside the circle through a, b, c (counter-clockwise). */
static inline bool
orf_cdt_in_circle(OrfGridPoint a, OrfGridPoint b, OrfGridPoint c, OrfGridPoint d)
{
    int64_t ax = a.x - d.x, ay = a.y - d.y, bx = b.x - d.x, by = b.y - d.y;
    int64_t cx = c.x - d.x, cy = c.y - d.y;
    return (__int128)(ax * ax + ay * ay) * (bx * cy - by * cx) +
               (__int128)(bx * bx + by * by) * (cx * ay - cy * ax) +
               (__int128)(cx * cx + cy * cy) * (ax * by - ay * bx) >
           0;
}

/* --- mesh/delaunay.c ---------------------------------------------------------------------- */

/* Delaunay triangles of all points, inserted in their order, inside a square frame. The points
 * (a block of n_points + 4, the last four unset) are taken. `ret_same[i]` is the earlier point
 * that i coincides with, or i itself. Errors: CANCELLED, TOO_LARGE. */
bool orf_cdt_init(OrfCdt *cdt, OrfTask *task, OrfGridPoint *points, uint32_t n_points,
                  uint32_t *ret_same, GError **error);
void orf_cdt_clear(OrfCdt *cdt);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfCdt, orf_cdt_clear)

/* --- mesh/segments.c ---------------------------------------------------------------------- */

/* The edge that leaves a along the way to b, or ORF_NO_EDGE when the way leads through a face;
 * then `ret_across` is the edge of that face which it crosses. */
uint32_t orf_cdt_edge_towards(const OrfCdt *cdt, uint32_t a, uint32_t b, uint32_t *ret_across);
/* Makes a->b an edge, or a chain of edges where points lie on it, and keeps it from now on.
 * False without an error: it crosses the constraint `crossed`.
 * Errors: CANCELLED, TOO_LARGE. */
bool orf_cdt_add_segment(OrfCdt *cdt, uint32_t a, uint32_t b, GError **error);

/* --- mesh/planar.c ------------------------------------------------------------------------ */

/* [3 * n_triangles] the half-edge across each half-edge 3 t + k, ORF_NO_EDGE at the border;
 * caller frees with orf_free. Errors: BAD_INPUT (index out of range, two triangles with the
 * same directed edge), CANCELLED, TOO_LARGE. */
uint32_t *orf_planar_twins(OrfTask *task, const uint32_t *triangles, size_t n_triangles,
                           size_t n_points, GError **error);

/* --- mesh/resample.c ---------------------------------------------------------------------- */

/* The loops of `outline` again with points about `spacing` mm apart. Points and starts go to
 * `ret`, which must be empty. Errors: CANCELLED, TOO_LARGE. */
bool orf_planar_resample(OrfTask *task, const OrfPlanar *outline, double spacing,
                         double corner_degrees, OrfPlanarMesh *ret, GError **error);

/* --- mesh/near.c -------------------------------------------------------------------------- */

/* How far a place is from the nearest segment of a set of loops. Immutable. */
typedef struct OrfNear OrfNear;

/* `reach` mm: distances up to it are exact, greater ones are right to about a third. The loops
 * must outlive it. Errors: CANCELLED, TOO_LARGE. */
OrfNear *orf_near_new(OrfTask *task, const OrfPlanarMesh *loops, double reach, GError **error);
double orf_near_distance(const OrfNear *near, double x, double y);
void orf_near_free(OrfNear *near);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfNear, orf_near_free)

#endif
