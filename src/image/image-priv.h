/* image-priv.h - what the files of the image room share: the pixels' home, formats, resampling.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_IMAGE_PRIV_H
#define ORF_IMAGE_PRIV_H

#include "image/image.h"

#include <vips/vips.h>

/* The same objects under names that g_autoptr knows; libvips learnt it after 8.14. */
typedef VipsImage OrfVips;
typedef VipsRegion OrfVipsRegion;
typedef VipsArrayDouble OrfVipsNumbers;
typedef VipsSource OrfVipsSource;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfVips, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfVipsRegion, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfVipsSource, g_object_unref)
static inline void
orf_vips_numbers_unref(OrfVipsNumbers *numbers)
{
    vips_area_unref(VIPS_AREA(numbers));
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfVipsNumbers, orf_vips_numbers_unref)

struct OrfImage {
    gatomicrefcount refs;
    unsigned width, height, channels;
    OrfSample sample;
    void *pixels; /* from orf_task_alloc; written only before the image is handed out */
};

/* A zeroed image to fill before it is handed out. Errors: TOO_LARGE, naming `what`. */
OrfImage *orf_image_blank(OrfTask *task, unsigned width, unsigned height, unsigned channels,
                          OrfSample sample, const char *what, GError **error);

static inline size_t
orf_image_row_samples(const OrfImage *image)
{
    return (size_t)image->width * image->channels;
}

static inline bool
orf_image_has_alpha(const OrfImage *image)
{
    return image->channels == 2 || image->channels == 4;
}

/* Row `y` as floats: 8 and 16 bits scaled to 0..1, floats as they are. */
void orf_image_row_f32(const OrfImage *image, unsigned y, float *ret_row);
/* 0..1 sRGB-encoded to linear light. */
float orf_srgb_to_linear(float encoded);
static inline uint8_t
orf_to_u8(float value01)
{
    return (uint8_t)(CLAMP(value01, 0.f, 1.f) * 255.f + 0.5f);
}

/* --- Formats and headers: image/probe.c --------------------------------------------------- */

typedef struct {
    double shrink;       /* 1, 2, 4 or 8: JPEG decodes at 1/shrink; WebP at any */
    const OrfTask *task; /* cancels reading; may be NULL */
    unsigned frame;      /* of GIF and WebP */
} OrfImageOpen;

/* The value that stands for "nothing is known here" by the GDAL_NODATA tag of a TIFF: in
 * nodata.c. False: none. */
bool orf_image_nodata_tag(GBytes *bytes, double *ret_value);
/* Or by the numbers: one that is set apart from all others. n may be 0. */
bool orf_image_nodata_guess(const float *values, size_t n, float *ret_value);

typedef struct {
    const char *name;  /* "jpeg" */
    const char *title; /* "JPEG" for messages */
    const char *operation;
    const char *loader; /* libvips class */
    bool (*sniff)(const uint8_t *data, size_t size);
    int (*open)(void *data, size_t size, VipsImage **ret_image,
                const OrfImageOpen *how); /* NULL: SVG */
    bool any_scale;                       /* `shrink` need not be a power of two */
    size_t most_bytes;
} OrfImageFormat;

/* Format by its first bytes; NULL sets UNSUPPORTED or BAD_INPUT. */
const OrfImageFormat *orf_image_sniff(GBytes *bytes, const char *name, GError **error);
/* A lazy libvips image whose header was read and found within limits. `bytes` must outlive it.
 */
VipsImage *orf_image_open(const OrfImageFormat *format, GBytes *bytes, const char *name,
                          const OrfImageOpen *how, GError **error);
void
orf_image_describe(const OrfImageFormat *format, VipsImage *header, OrfImageInfo *ret_info);
int orf_image_frames(VipsImage *header);
/* Numbers rather than colours: floats and integers other than 8 and 16 bits without sign. */
bool orf_image_is_data(VipsImage *header);
/* Sets BAD_INPUT with libvips' own words, taken from its error buffer. */
void *orf_image_fail_vips(const char *name, const char *title, GError **error);

/* --- Loading ------------------------------------------------------------------------------ */

/* Decodes only the first scan (DC terms) of a progressive JPEG: 1/8 of its size, RGB or grey.
 * NULL without error when the file is not such a JPEG: decode it the ordinary way. */
OrfImage *orf_image_load_dc_scan(OrfTask *task, GBytes *bytes, GError **error);

bool
orf_image_probe_svg(GBytes *bytes, const char *name, OrfImageInfo *ret_info, GError **error);
/* Straight RGBA ORF_U8, the longer side max_side; 2048 when 0. */
OrfImage *orf_image_load_svg(OrfTask *task, GBytes *bytes, const char *name, unsigned max_side,
                             GError **error);

/* --- Resampling: image/resample.c --------------------------------------------------------- */

typedef double (*OrfKernelFn)(double x, double parameter);
typedef struct {
    OrfKernelFn kernel;
    double parameter;
    double support; /* kernel is 0 beyond, in units of `step` */
    double step;    /* source pixels per unit of the kernel's argument */
} OrfKernel;

/* Separable resampling, alpha premultiplied on the way; samples stay within the range of the
 * source. */
OrfImage *
orf_image_resample(OrfTask *task, const OrfImage *image, unsigned width, unsigned height,
                   const OrfKernel *across, const OrfKernel *down, GError **error);

#endif
