/* terrace.h - solids from nested outlines: steps, bevels, plates with letters. Private to
 * generate.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_TERRACE_H
#define ORF_TERRACE_H

#include "generate/generate-priv.h"

/* One outline, inside the one before it. Just outside it the surface is at `low`, just inside
 * at `high` (mm above the back): they differ where a wall stands, also when `high` is the
 * lower. The first level's `low` is 0: the back. */
typedef struct {
    OrfOutline *outline; /* px, y down; owned */
    float low, high;
    uint16_t group; /* of the surface between this level and the next */
} OrfTerraceLevel;

typedef struct {
    OrfTerraceLevel levels[24];
    size_t n;
    double scale; /* mm per px */
    float shift;  /* added to every threshold: contours of a field that was raised by as much */
    bool rounded; /* corners are not put back: for outlines less than a pixel apart */
    double height; /* of the picture, px: y is turned upwards */
} OrfTerrace;

void orf_terrace_clear(OrfTerrace *terrace);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfTerrace, orf_terrace_clear)

/* Adds the `threshold` contour of `field` (one-channel ORF_F32) as the next level; an empty
 * contour is left out and `ret_added` (may be NULL) says so. */
bool orf_terrace_add(OrfTask *task, OrfTerrace *terrace, const OrfImage *field, float threshold,
                     float low, float high, uint16_t group, bool *ret_added, GError **error);

/* A copy of `field` raised by `by`, so that contours below zero can be traced. */
OrfImage *orf_terrace_raised(OrfTask *task, const OrfImage *field, float by, GError **error);

/* The solid: front faces +Z, back at z = 0. Groups are kept when any level has one.
 * Closed, manifold and oriented as long as the outlines are
 * nested and do not touch. Errors: BAD_INPUT (no outline, or they cross), CANCELLED, TOO_LARGE.
 */
OrfMesh *orf_terrace_build(OrfTask *task, const OrfTerrace *terrace, GError **error);

/* Bevels the top edge: levels at growing distance from the edge of `distance` (px, positive
 * inside), from `top` - `width` up to `top` mm. `kind` is "none", "chamfer", "round" or "cove".
 * Starts at `low`. */
bool orf_terrace_add_bevel(OrfTask *task, OrfTerrace *terrace, const OrfImage *distance,
                           const char *kind, double width, double low, double top,
                           unsigned steps, GError **error);

#endif
