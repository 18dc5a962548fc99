/* collapse.h - the state that simplify.c prepares and collapse.c works on; private to this
 * room.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_MESH_COLLAPSE_H
#define ORF_MESH_COLLAPSE_H

#include "mesh-priv.h"

/* x'Ax + 2b'x + c: the sum over planes of area * squared distance. `weight` is the sum of
 * areas. */
typedef struct {
    double a[6], b[3], c; /* a: xx xy xz yy yz zz */
    double weight;
} OrfQuadric;

enum {
    ORF_FIXED = 1,   /* neither moves nor goes; others may be drawn into it */
    ORF_BORDER = 2,  /* on an open edge */
    ORF_TANGLED = 4, /* on an edge that branches, or has both triangles on one side */
};

#define ORF_MAX_FAN 256 /* a vertex with more triangles is fixed */

/* A triangle as one of its vertices sees it: the other two, in order. */
typedef struct {
    uint32_t a, b, corner; /* corner: of the vertex itself */
} OrfSpoke;

/* A vertex: all that a look at a ring needs, in one place. */
typedef struct {
    float position[3];
    uint32_t into; /* what it became in this pass; itself: nothing */
    uint32_t mark; /* marked when equal to the stamp */
    uint8_t flags;
    bool busy; /* took part in a collapse of this pass */
} OrfCollapsePoint;

/* A connected part. */
typedef struct {
    double volume, first; /* mm^3, signed: now and at first */
    bool closed;          /* only then does the volume mean something */
} OrfShell;

typedef struct {
    OrfMeshParts parts;       /* changed in place; one UV per vertex and chart: a wedge */
    OrfCollapsePoint *points; /* [n_vertices] */
    OrfQuadric *quadric;      /* [n_vertices] */
    double center[3];         /* origin of the quadrics */
    uint32_t *start;      /* triangles of vertex v: fan[start[v]] .. fan[start[v + 1] - 1] */
    OrfSpoke *fan;        /* [3 * n_triangles] */
    uint32_t *wedge_into; /* [n_uvs] the same for wedges; NULL without UVs */
    uint32_t stamp;       /* of the last ring marked */
    float *cost;          /* [3 * n_triangles] of the edge that begins at a corner */
    uint32_t *shell;      /* [n_vertices] the connected part that a vertex belongs to */
    OrfShell *shells;
    float *drift; /* [n_vertices] mm the surface has moved there so far; NULL: no limit */
} OrfCollapse;

/* Collapses edges, cheapest first, until `target` triangles are left or none costs less than
 * `error` mm. False when cancelled or out of memory. */
bool orf_collapse_run(OrfTask *task, OrfCollapse *state, size_t target, float error,
                      GError **gerror);
/* Files the corners by vertex. */
bool orf_collapse_file_fans(OrfTask *task, OrfCollapse *state);
/* Is there no triangle on the other side of the edge that begins at this corner? */
bool orf_collapse_is_open(const OrfCollapse *state, uint32_t corner);

/* --- Quadrics ----------------------------------------------------------------------------- */

static inline void
orf_quadric_add(OrfQuadric *q, const OrfQuadric *other)
{
    for (int i = 0; i < 6; i++)
        q->a[i] += other->a[i];
    for (int i = 0; i < 3; i++)
        q->b[i] += other->b[i];
    q->c += other->c;
    q->weight += other->weight;
}

/* The plane through p with unit normal n. */
static inline void
orf_quadric_add_plane(OrfQuadric *q, const double n[3], const double p[3], double factor)
{
    double d = -(n[0] * p[0] + n[1] * p[1] + n[2] * p[2]);
    q->a[0] += factor * n[0] * n[0];
    q->a[1] += factor * n[0] * n[1];
    q->a[2] += factor * n[0] * n[2];
    q->a[3] += factor * n[1] * n[1];
    q->a[4] += factor * n[1] * n[2];
    q->a[5] += factor * n[2] * n[2];
    for (int i = 0; i < 3; i++)
        q->b[i] += factor * d * n[i];
    q->c += factor * d * d;
}

/* Mean squared distance of x from the planes. */
static inline double
orf_quadric_error(const OrfQuadric *q, const double x[3])
{
    const double *a = q->a, *b = q->b;
    double e = x[0] * (a[0] * x[0] + 2 * (a[1] * x[1] + a[2] * x[2] + b[0])) +
               x[1] * (a[3] * x[1] + 2 * (a[4] * x[2] + b[1])) +
               x[2] * (a[5] * x[2] + 2 * b[2]) + q->c;
    return q->weight > 0 && e > 0 ? e / q->weight : 0;
}

/* The point of least error; false when the planes do not meet in a point. */
static inline bool
orf_quadric_best(const OrfQuadric *q, double ret_x[3])
{
    const double *a = q->a, *b = q->b;
    double c0 = a[3] * a[5] - a[4] * a[4], c1 = a[2] * a[4] - a[1] * a[5],
           c2 = a[1] * a[4] - a[2] * a[3];
    double det = a[0] * c0 + a[1] * c1 + a[2] * c2, trace = (a[0] + a[3] + a[5]) / 3;
    if (!(det > 1e-4 * trace * trace * trace))
        return false;
    double c3 = a[0] * a[5] - a[2] * a[2], c4 = a[1] * a[2] - a[0] * a[4],
           c5 = a[0] * a[3] - a[1] * a[1];
    ret_x[0] = -(c0 * b[0] + c1 * b[1] + c2 * b[2]) / det;
    ret_x[1] = -(c1 * b[0] + c3 * b[1] + c4 * b[2]) / det;
    ret_x[2] = -(c2 * b[0] + c4 * b[1] + c5 * b[2]) / det;
    return true;
}

/* --- One collapse ------------------------------------------------------------------------- */

/* What is to become of an edge. */
typedef struct {
    uint32_t gone, kept; /* vertices */
    float position[3], uv[2];
    double along; /* 0 at gone .. 1 at kept */
} OrfFold;

static inline uint32_t
orf_corner_after(uint32_t corner, int steps)
{
    uint32_t first = corner / 3 * 3;
    return first + (corner - first + (uint32_t)steps) % 3;
}

/* The UV of a corner as it is now. */
static inline const float *
orf_collapse_uv(const OrfCollapse *state, uint32_t corner)
{
    return state->parts.uvs + 2 * (size_t)state->wedge_into[state->parts.uv_triangles[corner]];
}

/* Seen from the origin of the quadrics. */
static inline void
orf_collapse_local(const OrfCollapse *state, const float *p, double ret_x[3])
{
    for (int k = 0; k < 3; k++)
        ret_x[k] = p[k] - state->center[k];
}

static inline double
orf_squared_distance(const double a[3], const double b[3])
{
    double x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
    return x * x + y * y + z * z;
}

/* May it collapse? fold.c. The link condition: the rings of both ends meet only in the apexes
 * of the edge's triangles. */
bool orf_fold_keeps_topology(OrfCollapse *state, const OrfFold *fold);
/* No triangle turns over, becomes a sliver, or turns over in the texture. */
bool orf_fold_keeps_shape(const OrfCollapse *state, const OrfFold *fold);
/* No closed part shrinks to less than a quarter, or turns inside out. */
bool orf_fold_keeps_volume(const OrfCollapse *state, const OrfFold *fold, double *ret_gain);
/* Notes how far the surface will have moved in all; false when that is beyond `limit` mm. */
bool orf_fold_stays_near(OrfCollapse *state, const OrfFold *fold, double limit);

#endif
