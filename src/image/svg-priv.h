/* svg-priv.h - what drawing an SVG would cost: svg-cost.c, svg-path.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_IMAGE_SVG_PRIV_H
#define ORF_IMAGE_SVG_PRIV_H

#include "image/image-priv.h"

typedef struct {
    double ns;             /* of one core, about */
    double picture_pixels; /* of the pictures inside, together */
    unsigned primitives; /* of its largest filter: each keeps a picture of the drawing's size */
} OrfSvgCost;

/* Refuses what would take minutes to draw on `pixels`, says which element it is. Errors:
 * TOO_LARGE, BAD_INPUT (no XML). */
bool orf_svg_cost(GBytes *bytes, const char *name, double pixels, OrfSvgCost *ret_cost,
                  GError **error);
/* Of an SVG `level` deep in others; adds to the pictures of `ret_cost`. */
bool orf_svg_cost_inner(GBytes *bytes, const char *name, double pixels, unsigned level,
                        OrfSvgCost *ret_cost, GError **error);

typedef struct {
    double points, length;
    double crossings; /* of its pieces with each other, estimated */
} OrfSvgPath;
/* `data` is the d of a path, or (`polygon`) the points of one; reads on after what is wrong. */
void orf_svg_path_read(const char *data, bool polygon, OrfSvgPath *ret_path);

#endif
