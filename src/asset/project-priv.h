/* project-priv.h - how the front picture lies in its texture.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_ASSET_PROJECT_PRIV_H
#define ORF_ASSET_PROJECT_PRIV_H

#include "asset/asset-priv.h"

typedef struct {
    OrfCamera camera;       /* picture pixels */
    int left, top;          /* the crop, in picture pixels */
    unsigned crop[2];       /* its size */
    unsigned front[2];      /* its size in the atlas */
    unsigned back[2];       /* size of the back; 0 when mirrored */
    unsigned back_place[2]; /* where in the atlas */
    unsigned atlas[2];
    float outwards; /* px, of UVs at surfaces seen edge-on */
} OrfLayout;

/* asset/wrap.c: the mesh with UVs for this layout, and without colours and groups, since one
 * texture serves all. `alpha` is the cut-out at the size of the front part. Errors: CANCELLED,
 * TOO_LARGE. */
OrfMesh *orf_wrap_front(OrfTask *task, const OrfMesh *mesh, const OrfLayout *layout,
                        const uint8_t *alpha, GError **error);
/* asset/back.c: RGBA pixels of the plain back from those of the front: its rim, halved one way,
 * the inner part filled from the rim. Errors: CANCELLED, TOO_LARGE. */
uint8_t *orf_plain_back(OrfTask *task, const uint8_t *front, const uint8_t *alpha,
                        const OrfLayout *layout, GError **error);
/* The camera in pixels of the front part. */
OrfCamera orf_layout_camera(const OrfLayout *layout);

#endif
