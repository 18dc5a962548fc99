/* carved.h - from a sampled field to a body worth printing: what hull and depth share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_CARVED_H
#define ORF_CARVED_H

#include "generate/generate-priv.h"

typedef struct {
    float crumb; /* shells below this share of the largest one's volume are dropped; cavities
                         always are */
    unsigned rounds;  /* of smoothing */
    size_t triangles; /* at most; 0: all */
    /* Moves vertices once the crumbs are gone; keeps the orientation. May be NULL. */
    void (*warp)(float *positions, size_t n, void *data);
    void *data;
} OrfCarved;

/* Iso-surface, crumbs dropped, smoothed, simplified, crossing itself nowhere; in the units of
 * the field. Errors: BAD_INPUT: nothing inside; CANCELLED; TOO_LARGE. */
OrfMesh *
orf_carved_mesh(OrfTask *task, const OrfField *field, const OrfCarved *options, GError **error);

#endif
