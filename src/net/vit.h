/* vit.h - the picture encoders: DINO ViT-B/16, DINOv2 large and giant.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_NET_VIT_H
#define ORF_NET_VIT_H

#include "net/load.h"

typedef struct {
    unsigned heads;
    double eps;
    bool stretched_grid; /* the position table is stretched by (grid + 0.1) / table, as older
                            libraries did; else by the sizes */
} OrfVitOptions;

typedef struct OrfVit OrfVit;
/* Sizes, depth, kind of feed-forward and names come from the checkpoint. NULL: see compute. */
OrfVit *orf_vit_new(OrfCompute *c, const OrfCheckpoint *checkpoint, const char *prefix,
                    const OrfVitOptions *options);
void orf_vit_free(OrfVit *vit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfVit, orf_vit_free)
size_t orf_vit_width(const OrfVit *vit);
unsigned orf_vit_patch(const OrfVit *vit);
/* pixels[batch, 3, h, w], normalised, to [batch, 1 + patches, width]: class token first, after
 * the last norm. Rungs: patch, pos, embed, l0.norm1, l0.q, l0.k, l0.v, l0.attn, l0.mid,
 * l0.ffn_in, l0.ffn_act, l0.out, l1.out, ... */
OrfTensor *orf_vit_forward(OrfCompute *c, const OrfVit *vit, const OrfTensor *pixels);

#endif
