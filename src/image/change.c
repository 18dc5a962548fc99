/* change.c - crop and flip: pixels change place, not value.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image-priv.h"

#include <string.h>

/* The part of 0..size that `length` pixels from `start` cover. */
static void
overlap(int64_t start, int64_t length, int64_t size, int64_t *ret_first, int64_t *ret_n)
{
    *ret_first = CLAMP(start, 0, size);
    *ret_n = CLAMP(start + length, 0, size) - *ret_first;
}

static void
copy_box(const OrfImage *image, OrfImage *to, int64_t x, int64_t y)
{
    int64_t left, across, top, down;
    overlap(x, to->width, image->width, &left, &across);
    overlap(y, to->height, image->height, &top, &down);
    size_t pixel = (size_t)image->channels * image->sample;
    for (int64_t row = top; row < top + down && across > 0; row++) {
        const char *in = (const char *)image->pixels + (row * image->width + left) * pixel;
        char *out = (char *)to->pixels + ((row - y) * to->width + (left - x)) * pixel;
        memcpy(out, in, across * pixel);
    }
}

OrfImage *
orf_image_crop(OrfTask *task, const OrfImage *image, int x, int y, unsigned width,
               unsigned height, GError **error)
{
    if (!width || !height || (uint64_t)width * height > ORF_IMAGE_MAX_PIXELS)
        return ORF_FAIL(error, TOO_LARGE,
                        "crop: a box of %u x %u pixels; choose 1 to 64 megapixels", width,
                        height);
    OrfImage *to =
        orf_image_blank(task, width, height, image->channels, image->sample, "crop", error);
    if (to)
        copy_box(image, to, x, y);
    return to;
}
