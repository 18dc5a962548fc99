/* trace-priv.h - a contour while it is being traced: integer points on the pixel grid.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Coordinates are 1/256 pixel, x right, y down; pixel centres are at 128 + 256 k. Integers make
 * every test of sides exact: 2^24 per coordinate, 2^50 in an area. */
#ifndef ORF_TRACE_PRIV_H
#define ORF_TRACE_PRIV_H

#include "image-priv.h"

#define ORF_KNOT_ONE 256 /* units in a pixel */

typedef struct {
    int32_t x, y;
    bool slides_x; /* on a grid edge from one pixel centre to the next in x; else in y */
    bool corner;
    bool inside_cell; /* a restored corner: not on a grid edge */
} OrfKnot;

typedef struct {
    OrfTask *task;
    const float *values; /* [height][width] */
    int width, height;
    float level;
    OrfVec knots;  /* OrfKnot, loop after loop */
    OrfVec starts; /* uint32_t [n_loops + 1] */
} OrfTraced;

static inline OrfKnot *
orf_traced_loop(const OrfTraced *traced, size_t loop, size_t *ret_n)
{
    const uint32_t *start = traced->starts.data;
    *ret_n = start[loop + 1] - start[loop];
    return (OrfKnot *)traced->knots.data + start[loop];
}

static inline size_t
orf_traced_n_loops(const OrfTraced *traced)
{
    return traced->starts.n - 1;
}

static inline float
orf_traced_value(const OrfTraced *traced, int x, int y)
{
    if (x < 0 || y < 0 || x >= traced->width || y >= traced->height)
        return 0;
    float value = traced->values[(size_t)y * (size_t)traced->width + (size_t)x];
    return value == value ? value : 0; /* NaN is outside */
}

/* Pixel whose centre is at or before the coordinate. */
static inline int
orf_knot_cell(int32_t coordinate)
{
    return (coordinate + ORF_KNOT_ONE / 2 + ORF_KNOT_ONE) / ORF_KNOT_ONE - 2;
}

/* Slides knots along their grid edges to take out stair-steps; they cannot leave them, so loops
 * cannot meet. Then finds corners and restores their tips: image/trace-corner.c. */
bool orf_trace_corners(OrfTraced *traced, const OrfTraceOptions *options, GError **error);

/* Removes knots while what is left stays within `tolerance` pixels and no loop meets another:
 * image/trace-simplify.c. */
bool orf_trace_simplify(OrfTraced *traced, double tolerance, GError **error);

#endif
