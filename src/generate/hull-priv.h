/* hull-priv.h - several views of one object, and the body they agree on.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lengths are in parts of the distance from the eye to the middle of the object, which is the
 * origin; the axes are the product's (Y up, front +Z). A view from `yaw` looks along -toward.
 */
#ifndef ORF_HULL_PRIV_H
#define ORF_HULL_PRIV_H

#include "generate/generate-priv.h"

#define ORF_HULL_MAX_VIEWS 8

typedef struct {
    OrfImage *distance;     /* signed, px, of the cut-out: positive inside */
    const float *signed_px; /* its samples */
    /* [height][width][4], px: of the run of covered pixels in the row that is at or nearest to
     * the pixel: middle, half length, the same evened out over rows; half length of the
     * column's run */
    float *runs;
    unsigned width, height;
    float right[2], toward[2]; /* x and z of the picture's right and of the way to the eye */
    float center[2], focal;    /* px: x = center[0] + focal * right / depth, y downwards */
    double yaw;
} OrfHullView;

/* How sections are rounded. */
typedef struct {
    float box; /* 0 round sections, 1 the box that the views bound */
    char why[96];
} OrfHullShape;

typedef struct {
    OrfHullView views[ORF_HULL_MAX_VIEWS];
    unsigned n_views;
    OrfHullShape shape;
} OrfHull;

/* The distance field and the runs of a cut-out; parts thinner than `wall` px are thickened. The
 * camera is set by orf_hull_aim. Errors: CANCELLED, TOO_LARGE. generate/hull-view.c */
bool orf_hull_view_init(OrfTask *task, const OrfImage *alpha, float wall, OrfHullView *ret_view,
                        GError **error);
void orf_hull_view_clear(OrfHullView *view);
void orf_hull_aim(OrfHullView *view, double yaw, const float center[2], float focal);
void orf_hull_clear(OrfHull *hull);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfHull, orf_hull_clear)

/* Whether the object is box-like or round, from how straight its outlines are and from whether
 * the pictures darken towards the rims. `pictures` (RGBA, ORF_U8) belong to the views and have
 * their size. generate/hull-shape.c */
void
orf_hull_guess_shape(const OrfHull *hull, OrfImage *const *pictures, OrfHullShape *ret_shape);

/* Samples of the body, `side` along the longest axis of its box; positive inside.
 * `ret_field->field` is to be freed with orf_free. Errors: BAD_INPUT: the views have nothing in
 * common; CANCELLED; TOO_LARGE. generate/hull-field.c */
bool orf_hull_field(OrfTask *task, const OrfHull *hull, unsigned side, OrfField *ret_field,
                    GError **error);

#endif
