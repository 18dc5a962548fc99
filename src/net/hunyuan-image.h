/* hunyuan-image.h - a picture as Hunyuan3D wants it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_NET_HUNYUAN_IMAGE_H
#define ORF_NET_HUNYUAN_IMAGE_H

#include "tensor/tensor.h"

/* The object in the middle of a white square, with a border of 15 %: rgb[s][s][3] (orf_free),
 * s = the longer side. pixels[h][w][4]. `ret_place` (8 numbers, or NULL): side, rows, columns,
 * wanted, height, width, top, left. BAD_INPUT: nothing to see. */
uint8_t *orf_hunyuan_recentre(OrfTask *task, const uint8_t *rgba, size_t width, size_t height,
                              int ret_place[8], GError **error);
/* rgb[s][s][3] to out[p][p][3] by a cubic. */
void orf_hunyuan_cubic(const uint8_t *rgb, size_t side, uint8_t *out, size_t p);

#endif
