/* triposr.h - TripoSR: one picture to a coloured field in one pass.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_NET_TRIPOSR_H
#define ORF_NET_TRIPOSR_H

#include "net/load.h"

typedef struct {
    unsigned image_side, heads, vit_heads;
    double radius, density_bias;
} OrfTripoSrOptions; /* 0: as published */

typedef struct OrfTripoSr OrfTripoSr;
OrfTripoSr *orf_triposr_new(OrfCompute *c, const OrfCheckpoint *checkpoint,
                            const OrfTripoSrOptions *options);
void orf_triposr_free(OrfTripoSr *net);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfTripoSr, orf_triposr_free)
double orf_triposr_radius(const OrfTripoSr *net);
unsigned orf_triposr_image_side(const OrfTripoSr *net);

/* --- The picture -------------------------------------------------------------------------- */

/* Cut to what alpha shows and framed so that it fills `ratio` (0: 0.85) of a square: straight
 * RGBA, *ret_side on a side (orf_free). The last row and column are dropped, as the reference
 * does. BAD_INPUT: nothing to see. */
uint8_t *orf_triposr_crop(OrfTask *task, const uint8_t *rgba, size_t width, size_t height,
                          double ratio, size_t *ret_side, GError **error);
/* Over mid grey; rgb[pixels][3]. Truncates: pure background is 127. */
void orf_triposr_composite(const uint8_t *rgba, size_t pixels, uint8_t *rgb);
/* rgb[h][w][3] to [1, 3, side, side], normalised. */
OrfTensor *orf_triposr_pixels(OrfCompute *c, const OrfTripoSr *net, const uint8_t *rgb,
                              size_t width, size_t height);

/* --- The field ---------------------------------------------------------------------------- */

/* Tokens of the picture, [batch, n, width]. */
OrfTensor *orf_triposr_encode(OrfCompute *c, const OrfTripoSr *net, const OrfTensor *pixels);
/* The scene as three planes, [3, side, side, channels]. tokens: [1, n, width]. */
OrfTensor *orf_triposr_planes(OrfCompute *c, const OrfTripoSr *net, const OrfTensor *tokens);
/* points[n][3] within the box to raw[n][4]: density and colour before their activations.
 * planes: host copy of the above. */
OrfTensor *orf_triposr_query(OrfCompute *c, const OrfTripoSr *net, const float *planes,
                             const float *points, size_t n);
float orf_triposr_density(const OrfTripoSr *net, float raw); /* exp(raw + bias), bounded */

#endif
