/* arrange-priv.h - triangles of several bodies cut along each other, without rounding.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_ARRANGE_PRIV_H
#define ORF_ARRANGE_PRIV_H

#include "mesh/mesh-priv.h"

#define ORF_NO_SPOT UINT32_MAX

/* --- Spots: exact places: mesh/exact.c ----------------------------------------------------
 * Vertices on the grid (32 bits; their planes fit 64) are the first; others lie where an edge
 * meets a plane or two lines cross. Each is a quotient of integers (x, y, z) / w, w > 0,
 * however long they get. One place has one number. One thread at a time. */

typedef struct {
    double at[3];    /* grid units; a place off the grid is rounded towards 0 */
    uint32_t limbs;  /* where its four numbers begin; of grid places nothing */
    int16_t size[4]; /* limbs of x, y, z, w; negative: the number is */
} OrfExactSpot;

typedef struct OrfExact OrfExact; /* numbers to reckon with */

typedef struct {
    OrfTask *task;
    OrfVec spots;    /* of OrfExactSpot */
    OrfVec limbs;    /* of 64 bits */
    uint32_t n_grid; /* the first so many are on the grid */
    uint32_t *slots; /* numbers of spots by hash, ORF_NO_SPOT: free */
    uint32_t mask;   /* slots - 1 */
    OrfExact *exact;
} OrfSpots;

bool orf_spots_init(OrfSpots *spots, OrfTask *task, GError **error);
void orf_spots_clear(OrfSpots *spots);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfSpots, orf_spots_clear)

static inline const OrfExactSpot *
orf_spot(const OrfSpots *spots, uint32_t i)
{
    return (const OrfExactSpot *)spots->spots.data + i;
}

/* Its number, new or known; ORF_NO_SPOT: error TOO_LARGE. Grid places come before all others.
 */
uint32_t orf_spots_add_grid(OrfSpots *spots, const int32_t at[3], GError **error);
/* from + (to - from) * part / whole, both on the grid, 0 < part < whole < 2^95. */
uint32_t orf_spots_add_between(OrfSpots *spots, uint32_t from, uint32_t to, __int128 part,
                               __int128 whole, GError **error);
/* Where the lines ab and cd cross, seen along `axis`, in the plane normal . x = offset. */
uint32_t
orf_spots_add_crossing(OrfSpots *spots, const uint32_t ab[2], const uint32_t cd[2], int axis,
                       const int64_t normal[3], __int128 offset, GError **error);

/* Do a, b, c turn left (1), right (-1) or not at all, seen against `axis`? */
int orf_spots_turn(OrfSpots *spots, uint32_t a, uint32_t b, uint32_t c, int axis);
/* Sign of a - b along `axis`. */
int orf_spots_compare(OrfSpots *spots, uint32_t a, uint32_t b, int axis);

/* A place inside a triangle of three spots, seen along `axis`: weights are small and positive.
 * It gets no number: there is one at a time. */
void orf_spots_set_probe(OrfSpots *spots, const uint32_t t[3], const unsigned weights[3]);
const double *orf_spots_probe(const OrfSpots *spots); /* roughly where it is */
/* Turn of a, b and the probe; both on the grid. */
int orf_spots_turn_probe(OrfSpots *spots, uint32_t a, uint32_t b, int axis);
/* Sign of the height of plane a above the probe minus that of plane b; neither is upright. */
int orf_spots_probe_heights(OrfSpots *spots, int axis, const int64_t a[3], __int128 a_offset,
                            const int64_t b[3], __int128 b_offset);

/* --- Boxes: which triangles may meet: mesh/boxes.c ---------------------------------------- */

typedef struct {
    int32_t low[3], high[3];
} OrfGridBox;

typedef struct OrfBoxes OrfBoxes; /* a tree of them; immutable */
OrfBoxes *orf_boxes_new(OrfTask *task, const OrfGridBox *boxes, uint32_t n, GError **error);
void orf_boxes_free(OrfBoxes *boxes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfBoxes, orf_boxes_free)
/* Calls for each pair of boxes that meet or touch; false stops it and is passed on. */
typedef bool (*OrfPairFn)(uint32_t a, uint32_t b, void *data);
bool orf_boxes_pairs(const OrfBoxes *boxes, OrfPairFn pair, void *data);
/* Calls for each box that a line along `axis` through `at` meets. */
typedef void (*OrfBoxFn)(uint32_t box, void *data);
void orf_boxes_column(const OrfBoxes *boxes, int axis, const double at[3], OrfBoxFn each,
                      void *data);

/* --- Arrangement: mesh/arrange.c ---------------------------------------------------------- */

typedef struct {
    uint32_t v[3]; /* spots */
    int64_t normal[3];
    __int128 offset; /* normal . x */
    uint32_t index;  /* of the triangle as given */
    uint8_t axis;    /* along which it is seen best */
} OrfPlate;

/* A triangle with corners at spots, part of plate `plate`. */
typedef struct {
    uint32_t v[3];
    uint32_t plate;
} OrfPiece;

typedef struct {
    OrfTask *task;
    OrfSpots spots;
    double origin[3], unit; /* mm: place = origin + unit * grid */
    OrfPlate *plates;       /* triangles with an area */
    uint32_t n_plates;
    uint32_t *spot_of; /* [n_vertices] */
    OrfGridBox *box_list;
    OrfBoxes *boxes; /* of plates */
    OrfVec cuts;     /* of OrfCut */
    OrfVec pieces;   /* of OrfPiece: the result */
} OrfArrangement;

/* Another surface meets a plate between two spots, or in one (both the same). */
typedef struct {
    uint32_t plate;
    uint32_t ends[2];
} OrfCut;

/* Cuts all triangles of a mesh along each other: afterwards pieces meet in whole edges, in
 * corners, or lie on each other between edges that more than two pieces have. Vertices are
 * moved by at most 2^-29 of the extent first. Errors: CANCELLED, TOO_LARGE. */
bool
orf_arrangement_init(OrfArrangement *all, OrfTask *task, const OrfMesh *mesh, GError **error);
void orf_arrangement_clear(OrfArrangement *all);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfArrangement, orf_arrangement_clear)

/* What two plates have in common goes to `cuts` of both: mesh/meet.c. */
bool orf_plates_meet(OrfArrangement *all, uint32_t a, uint32_t b, GError **error);
/* A plate as pieces between its cuts: mesh/cut.c. */
bool orf_plate_cut(OrfArrangement *all, uint32_t plate, const OrfCut *cuts, size_t n,
                   GError **error);

#endif
