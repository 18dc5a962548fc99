/* meet.c - what two triangles have in common: a place, a line, or part of a plane.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Corners lie on the grid, so every side is told by whole numbers of 128 bits. The line that
 * two triangles share runs between places where an edge of one passes through the other, or
 * where a corner of one lies in the other. Triangles of one plane share lines where an edge of
 * one runs over the other. */
#include "mesh/arrange-priv.h"

#include <math.h>
#include <string.h>

/* Places that both have in common: different ones, as far as they are counted. */
typedef struct {
    OrfArrangement *all;
    uint32_t a, b; /* plates */
    uint32_t found[8];
    int n;
    GError **error;
    bool failed;
} Meet;

/* --- Sides, exactly ----------------------------------------------------------------------- */

static const double *
place_of(const Meet *meet, uint32_t spot)
{
    return orf_spot(&meet->all->spots, spot)->at;
}

/* Height of a spot over a plate, times the length of its normal. */
static __int128
height_over(const Meet *meet, const OrfPlate *plate, uint32_t spot)
{
    const double *p = place_of(meet, spot);
    return (__int128)plate->normal[0] * (int64_t)p[0] +
           (__int128)plate->normal[1] * (int64_t)p[1] +
           (__int128)plate->normal[2] * (int64_t)p[2] - plate->offset;
}

static int
sign_of(__int128 value)
{
    return (value > 0) - (value < 0);
}

/* Twice the area of a, b, c seen against an axis. */
static int64_t
turn_of(const Meet *meet, uint32_t a, uint32_t b, uint32_t c, int axis)
{
    const double *p = place_of(meet, a), *q = place_of(meet, b), *r = place_of(meet, c);
    int x = (axis + 1) % 3, y = (axis + 2) % 3;
    return (int64_t)(p[x] - r[x]) * (int64_t)(q[y] - r[y]) -
           (int64_t)(p[y] - r[y]) * (int64_t)(q[x] - r[x]);
}

/* Sign of the volume of p, q, r, s. */
static int
volume_sign(const Meet *meet, uint32_t p, uint32_t q, uint32_t r, uint32_t s)
{
    const double *d = place_of(meet, s);
    int64_t u[3], v[3], w[3];
    for (int k = 0; k < 3; k++) {
        u[k] = (int64_t)(place_of(meet, p)[k] - d[k]);
        v[k] = (int64_t)(place_of(meet, q)[k] - d[k]);
        w[k] = (int64_t)(place_of(meet, r)[k] - d[k]);
    }
    __int128 sum = 0;
    for (int k = 0; k < 3; k++) {
        int i = (k + 1) % 3, j = (k + 2) % 3;
        sum += (__int128)u[k] * (v[i] * w[j] - v[j] * w[i]);
    }
    return sign_of(sum);
}

/* A spot of the plate's plane lies in it or on its rim. */
static bool
holds(const Meet *meet, const OrfPlate *plate, uint32_t spot)
{
    int way = plate->normal[plate->axis] > 0 ? 1 : -1;
    for (int k = 0; k < 3; k++)
        if (way *
                sign_of(turn_of(meet, plate->v[k], plate->v[(k + 1) % 3], spot, plate->axis)) <
            0)
            return false;
    return true;
}

/* --- Places ------------------------------------------------------------------------------- */

static void
find_place(Meet *meet, uint32_t spot)
{
    if (spot == ORF_NO_SPOT) {
        meet->failed = true;
        return;
    }
    for (int i = 0; i < meet->n; i++)
        if (meet->found[i] == spot)
            return;
    if (meet->n < (int)G_N_ELEMENTS(meet->found))
        meet->found[meet->n++] = spot;
}

/* The edge from p to q, whose ends lie on either side of the plate at heights `up` and `uq`. */
static void
pierce(Meet *meet, uint32_t p, uint32_t q, __int128 up, __int128 uq, const OrfPlate *plate)
{
    int sides[3], zeros = 0;
    bool left = false, right = false;
    if (p > q) { /* the same place from both triangles of the edge */
        uint32_t kept = p;
        __int128 height = up;
        p = q;
        q = kept;
        up = uq;
        uq = height;
    }
    for (int k = 0; k < 3; k++) {
        sides[k] = volume_sign(meet, p, q, plate->v[k], plate->v[(k + 1) % 3]);
        left |= sides[k] > 0;
        right |= sides[k] < 0;
        zeros += sides[k] == 0;
    }
    if (left && right)
        return;
    for (int k = 0; zeros == 2 && k < 3; k++) /* through the corner between two edges */
        if (sides[k] == 0 && sides[(k + 2) % 3] == 0) {
            find_place(meet, plate->v[k]);
            return;
        }
    bool turned = up < 0;
    find_place(meet, orf_spots_add_between(&meet->all->spots, p, q, turned ? -up : up,
                                           turned ? uq - up : up - uq, meet->error));
}

/* --- Cuts --------------------------------------------------------------------------------- */

static bool
is_corner(const OrfPlate *plate, uint32_t spot)
{
    return plate->v[0] == spot || plate->v[1] == spot || plate->v[2] == spot;
}

static void
add_cut(Meet *meet, uint32_t plate, uint32_t from, uint32_t to)
{
    if (from == to && is_corner(&meet->all->plates[plate], from))
        return;
    OrfCut *cut = orf_vec_add(meet->all->task, &meet->all->cuts, 1, "cuts", meet->error);
    if (cut)
        *cut = (OrfCut){ plate, { from, to } };
    else
        meet->failed = true;
}

/* The two outermost of the places found on one line, or the only one. */
static void
add_line(Meet *meet, uint32_t plate)
{
    if (meet->n == 0)
        return;
    uint32_t first = meet->found[0], last = first;
    for (int axis = 0; first == last && axis < 3; axis++)
        for (int i = 1; i < meet->n; i++) {
            if (orf_spots_compare(&meet->all->spots, meet->found[i], first, axis) < 0)
                first = meet->found[i];
            if (orf_spots_compare(&meet->all->spots, meet->found[i], last, axis) > 0)
                last = meet->found[i];
        }
    add_cut(meet, plate, first, last);
}

/* --- Different planes --------------------------------------------------------------------- */

/* Edges and corners of `mine` that pass through `other`; `height` are of its corners. */
static void
find_passing(Meet *meet, const OrfPlate *mine, const __int128 height[3], const OrfPlate *other)
{
    for (int k = 0; k < 3; k++) {
        __int128 here = height[k], next = height[(k + 1) % 3];
        if (here == 0 && holds(meet, other, mine->v[k]))
            find_place(meet, mine->v[k]);
        if ((here < 0 && next > 0) || (here > 0 && next < 0))
            pierce(meet, mine->v[k], mine->v[(k + 1) % 3], here, next, other);
    }
}

static bool
on_one_side(const __int128 height[3])
{
    return (height[0] > 0 && height[1] > 0 && height[2] > 0) ||
           (height[0] < 0 && height[1] < 0 && height[2] < 0);
}

static void
cross_planes(Meet *meet, const __int128 a_heights[3])
{
    const OrfPlate *a = &meet->all->plates[meet->a], *b = &meet->all->plates[meet->b];
    __int128 b_heights[3];
    for (int k = 0; k < 3; k++)
        b_heights[k] = height_over(meet, a, b->v[k]);
    if (on_one_side(b_heights))
        return;
    find_passing(meet, a, a_heights, b);
    find_passing(meet, b, b_heights, a);
    add_line(meet, meet->a);
    add_line(meet, meet->b);
}

/* --- One plane ---------------------------------------------------------------------------- */

/* Where two edges cross between their ends. */
static void
cross_edges(Meet *meet, uint32_t p, uint32_t q, uint32_t r, uint32_t s, int axis)
{
    int64_t up = turn_of(meet, r, s, p, axis), uq = turn_of(meet, r, s, q, axis);
    int64_t ur = turn_of(meet, p, q, r, axis), us = turn_of(meet, p, q, s, axis);
    if (!((up < 0 && uq > 0) || (up > 0 && uq < 0)) ||
        !((ur < 0 && us > 0) || (ur > 0 && us < 0)))
        return;
    find_place(meet, orf_spots_add_between(&meet->all->spots, p, q, ABS(up),
                                           (__int128)ABS(up) + ABS(uq), meet->error));
}

static bool
lies_on(const Meet *meet, uint32_t p, uint32_t q, uint32_t spot, int axis)
{
    if (turn_of(meet, p, q, spot, axis) != 0)
        return false;
    for (int k = 0; k < 3; k++) {
        double a = place_of(meet, p)[k], b = place_of(meet, q)[k], c = place_of(meet, spot)[k];
        if (c < MIN(a, b) || c > MAX(a, b))
            return false;
    }
    return true;
}

/* Edges of `lines` as they run over `plate`. */
static void
lay_edges(Meet *meet, uint32_t lines, uint32_t plate)
{
    const OrfPlate *from = &meet->all->plates[lines], *onto = &meet->all->plates[plate];
    for (int k = 0; k < 3; k++) {
        uint32_t p = from->v[k], q = from->v[(k + 1) % 3];
        meet->n = 0;
        if (holds(meet, onto, p))
            find_place(meet, p);
        if (holds(meet, onto, q))
            find_place(meet, q);
        for (int m = 0; m < 3; m++) {
            uint32_t r = onto->v[m], s = onto->v[(m + 1) % 3];
            if (lies_on(meet, p, q, r, onto->axis))
                find_place(meet, r);
            cross_edges(meet, MIN(p, q), MAX(p, q), r, s, onto->axis);
        }
        add_line(meet, plate);
    }
}

static bool
flat_neighbours_lie_apart(const Meet *meet, const OrfPlate *a, const OrfPlate *b)
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            if (a->v[i] == b->v[(j + 1) % 3] && a->v[(i + 1) % 3] == b->v[j])
                return sign_of(turn_of(meet, a->v[i], a->v[(i + 1) % 3], a->v[(i + 2) % 3],
                                       a->axis)) *
                           sign_of(turn_of(meet, a->v[i], a->v[(i + 1) % 3], b->v[(j + 2) % 3],
                                           a->axis)) <
                       0;
    return false;
}

static void
lay_together(Meet *meet)
{
    const OrfPlate *a = &meet->all->plates[meet->a], *b = &meet->all->plates[meet->b];
    if (flat_neighbours_lie_apart(meet, a, b))
        return;
    lay_edges(meet, meet->a, meet->b);
    lay_edges(meet, meet->b, meet->a);
}

/* --- Both --------------------------------------------------------------------------------- */

/* Beside corners that both have, all of `a` lies on one side: they only touch there. */
static bool
touch_in_corners(const OrfPlate *a, const OrfPlate *b, const __int128 height[3])
{
    bool above = false, below = false;
    int shared = 0;
    for (int k = 0; k < 3; k++) {
        bool both = is_corner(b, a->v[k]);
        shared += both;
        above |= height[k] > 0 || (height[k] == 0 && !both);
        below |= height[k] < 0 || (height[k] == 0 && !both);
    }
    return shared == 2 || !(above && below);
}

bool
orf_plates_meet(OrfArrangement *all, uint32_t a, uint32_t b, GError **error)
{
    Meet meet = { .all = all, .a = a, .b = b, .error = error };
    const OrfPlate *mine = &all->plates[a], *other = &all->plates[b];
    __int128 heights[3];
    bool flat = true;
    for (int k = 0; k < 3; k++) {
        heights[k] = height_over(&meet, other, mine->v[k]);
        flat = flat && heights[k] == 0;
    }
    if (!flat && touch_in_corners(mine, other, heights))
        return true;
    if (flat)
        lay_together(&meet);
    else
        cross_planes(&meet, heights);
    return !meet.failed;
}
