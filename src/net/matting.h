/* matting.h - cut-out nets: U2-Net, U2-Netp, IS-Net.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_NET_MATTING_H
#define ORF_NET_MATTING_H

#include "net/load.h"
#include "net/net.h"

bool orf_matting_is_isnet(const OrfMatting *matting); /* else U2-Net or U2-Netp */
/* x[batch, h, w, 3], prepared, to [batch, h, w, 1] in 0..1. Rungs: stage1.rebnconvin, ... and
 * side1, ... (before they are enlarged), h1, ..., d1. */
OrfTensor *orf_matting_forward(OrfCompute *c, const OrfMatting *matting, const OrfTensor *x);

/* --- The 8-bit resampler of the reference: net/resample.c --------------------------------- */

typedef enum { ORF_RESAMPLE_BILINEAR, ORF_RESAMPLE_BICUBIC, ORF_RESAMPLE_LANCZOS } OrfResample;
/* in[h][w][channels] to out[h2][w2][channels]: across first, rounded to bytes between. */
bool orf_resample_u8(OrfTask *task, OrfResample filter, const uint8_t *in, size_t width,
                     size_t height, size_t channels, uint8_t *out, size_t new_width,
                     size_t new_height, GError **error);

#endif
