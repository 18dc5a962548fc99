/* stack.c - images one below the other, for contact sheets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image/image.h"

#include <string.h>

OrfImage *
orf_image_stack(OrfTask *task, OrfImage *const *images, size_t n, GError **error)
{
    g_assert(n > 0);
    size_t row = (size_t)orf_image_width(images[0]) * orf_image_channels(images[0]), height = 0;
    for (size_t i = 0; i < n; i++) {
        g_assert((size_t)orf_image_width(images[i]) * orf_image_channels(images[i]) == row);
        height += orf_image_height(images[i]);
    }
    if (height > ORF_IMAGE_MAX_SIDE)
        return ORF_FAIL(error, TOO_LARGE,
                        "contact sheet: %zu rows of pixels are too many; show fewer "
                        "files or use a smaller width",
                        height);
    uint8_t *pixels = ORF_ALLOC(task, uint8_t, row * height, "contact sheet", error);
    if (!pixels)
        return NULL;
    uint8_t *to = pixels;
    for (size_t i = 0; i < n; i++) {
        memcpy(to, orf_image_u8(images[i]), row * orf_image_height(images[i]));
        to += row * orf_image_height(images[i]);
    }
    return orf_image_new_take(orf_image_width(images[0]), (unsigned)height,
                              orf_image_channels(images[0]), ORF_U8, pixels);
}
