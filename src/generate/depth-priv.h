/* depth-priv.h - one distance per pixel, and the body behind it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Distances run from the eye along the viewing axis, in any one unit. */
#ifndef ORF_DEPTH_PRIV_H
#define ORF_DEPTH_PRIV_H

#include "generate/generate-priv.h"

/* The subject's pixels with a margin of some outside ones. Zero-initialise it. */
typedef struct {
    unsigned width, height;
    OrfImage *alpha;        /* ORF_F32: covered or not */
    OrfImage *distance;     /* ORF_F32: signed, px, positive inside */
    float *z;               /* [height][width]; outside the value of the nearest inside */
    float center[2], focal; /* px: x = center[0] + focal * right / z, y downwards */
    float frame;            /* longer side of the whole picture, px */
    bool framed;            /* no background: the whole frame is covered */
} OrfDepthMap;

/* Reads the recipe's first picture by its parameters; longer side of the subject about `side`
 * px at most. Errors: BAD_INPUT: nothing covered, near >= far; CANCELLED; TOO_LARGE.
 * generate/depth-map.c */
bool orf_depth_map_init(OrfTask *task, const OrfRecipe *recipe, unsigned side,
                        OrfDepthMap *ret_map, GError **error);
void orf_depth_map_clear(OrfDepthMap *map);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfDepthMap, orf_depth_map_clear)

/* The unseen side: [height][width] distances of the back and of the place where lines of sight
 * touch the body, from which on it goes straight back. Zero-initialise it. */
typedef struct {
    float *back, *touch;
    char why[120];
} OrfDepthBack;

typedef struct {
    float wall;  /* least thickness, in the unit of z */
    float depth; /* factor on the thickness of the back; 0: 1 */
    bool plate;  /* one flat back instead */
} OrfDepthBackOptions;

/* generate/depth-back.c. Errors: CANCELLED, TOO_LARGE. */
bool
orf_depth_back_init(OrfTask *task, const OrfDepthMap *map, const OrfDepthBackOptions *options,
                    OrfDepthBack *ret_back, GError **error);
void orf_depth_back_clear(OrfDepthBack *back);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfDepthBack, orf_depth_back_clear)

/* The closed body, `cells` along the longer side of the picture; x right, y up, z towards the
 * eye, which is the origin. generate/depth-body.c. Errors: BAD_INPUT, CANCELLED, TOO_LARGE. */
OrfMesh *orf_depth_body(OrfTask *task, const OrfDepthMap *map, const OrfDepthBack *back,
                        unsigned cells, size_t triangles, GError **error);

#endif
