/* image.c - the picture as a value: immutable, reference-counted, tightly packed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image-priv.h"

#include <math.h>

OrfImage *
orf_image_new_take(unsigned width, unsigned height, unsigned channels, OrfSample sample,
                   void *pixels)
{
    g_assert(pixels && width && height && channels >= 1 && channels <= 4);
    g_assert(orf_block_size(pixels) >= (size_t)width * height * channels * sample);
    OrfImage *image = g_new0(OrfImage, 1);
    g_atomic_ref_count_init(&image->refs);
    image->width = width;
    image->height = height;
    image->channels = channels;
    image->sample = sample;
    image->pixels = pixels;
    return image;
}

OrfImage *
orf_image_blank(OrfTask *task, unsigned width, unsigned height, unsigned channels,
                OrfSample sample, const char *what, GError **error)
{
    void *pixels =
        orf_task_alloc(task, (size_t)width * height, channels * (size_t)sample, what, error);
    if (!pixels)
        return NULL;
    return orf_image_new_take(width, height, channels, sample, pixels);
}

OrfImage *
orf_image_ref(OrfImage *image)
{
    g_atomic_ref_count_inc(&image->refs);
    return image;
}

void
orf_image_unref(OrfImage *image)
{
    if (!image || !g_atomic_ref_count_dec(&image->refs))
        return;
    orf_free(image->pixels);
    g_free(image);
}

/* --- Look --------------------------------------------------------------------------------- */

unsigned
orf_image_width(const OrfImage *image)
{
    return image->width;
}

unsigned
orf_image_height(const OrfImage *image)
{
    return image->height;
}

unsigned
orf_image_channels(const OrfImage *image)
{
    return image->channels;
}

OrfSample
orf_image_sample(const OrfImage *image)
{
    return image->sample;
}

const uint8_t *
orf_image_u8(const OrfImage *image)
{
    return image->sample == ORF_U8 ? image->pixels : NULL;
}

const uint16_t *
orf_image_u16(const OrfImage *image)
{
    return image->sample == ORF_U16 ? image->pixels : NULL;
}

const float *
orf_image_f32(const OrfImage *image)
{
    return image->sample == ORF_F32 ? image->pixels : NULL;
}

void
orf_image_row_f32(const OrfImage *image, unsigned y, float *ret_row)
{
    size_t n = orf_image_row_samples(image);
    if (image->sample == ORF_U8) {
        const uint8_t *row = (const uint8_t *)image->pixels + n * y;
        for (size_t i = 0; i < n; i++)
            ret_row[i] = (float)row[i] * (1 / 255.f);
    } else if (image->sample == ORF_U16) {
        const uint16_t *row = (const uint16_t *)image->pixels + n * y;
        for (size_t i = 0; i < n; i++)
            ret_row[i] = (float)row[i] * (1 / 65535.f);
    } else {
        const float *row = (const float *)image->pixels + n * y;
        for (size_t i = 0; i < n; i++)
            ret_row[i] = row[i];
    }
}

float
orf_srgb_to_linear(float encoded)
{
    if (encoded <= 0.04045f)
        return encoded / 12.92f;
    return powf((encoded + 0.055f) / 1.055f, 2.4f);
}
