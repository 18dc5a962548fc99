/* save.c - pixels to PNG, JPEG or WebP bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Floats are stored as 0..1 in eight bits. JPEG has no alpha: it is laid on white. Nothing but
 * pixels is written (no date, no program name), so equal pictures give equal files. */
#include "image-priv.h"

#include <string.h>

typedef struct {
    const char *name;
    bool deep, alpha; /* keeps 16 bits; keeps alpha */
    int (*save)(VipsImage *image, void **ret_data, size_t *ret_size, int quality);
} Encoder;

static int
save_png(VipsImage *image, void **ret_data, size_t *ret_size, int quality)
{
    (void)quality;
    return vips_pngsave_buffer(image, ret_data, ret_size, "compression", 6, "filter",
                               VIPS_FOREIGN_PNG_FILTER_SUB, NULL);
}

static int
save_jpeg(VipsImage *image, void **ret_data, size_t *ret_size, int quality)
{
    return vips_jpegsave_buffer(image, ret_data, ret_size, "Q", quality, "strip", TRUE, NULL);
}

static int
save_webp(VipsImage *image, void **ret_data, size_t *ret_size, int quality)
{
    return vips_webpsave_buffer(image, ret_data, ret_size, "Q", quality, "effort", 2, "strip",
                                TRUE, NULL);
}

static const Encoder encoders[] = {
    { "png", true, true, save_png },
    { "jpeg", false, false, save_jpeg },
    { "webp", false, true, save_webp },
};

static const Encoder *
find_encoder(const char *format, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(encoders); i++)
        if (g_str_equal(encoders[i].name, format))
            return &encoders[i];
    return ORF_FAIL(error, NOT_FOUND, "encode: no picture format %s; use png, jpeg or webp",
                    format);
}

/* --- Samples an encoder takes: 8 or 16 bits ----------------------------------------------- */

static void
eight_bits(const OrfImage *image, OrfImage *to, float *row)
{
    size_t n = orf_image_row_samples(image);
    for (unsigned y = 0; y < image->height; y++) {
        orf_image_row_f32(image, y, row);
        for (size_t i = 0; i < n; i++)
            ((uint8_t *)to->pixels)[y * n + i] = orf_to_u8(row[i]);
    }
}

static OrfImage *
for_encoder(OrfTask *task, const OrfImage *image, const Encoder *encoder, GError **error)
{
    if (image->sample == ORF_U8 || (image->sample == ORF_U16 && encoder->deep))
        return orf_image_ref((OrfImage *)image);
    g_autoptr(OrfImage) to = orf_image_blank(task, image->width, image->height, image->channels,
                                             ORF_U8, "encode", error);
    orf_autofree float *row =
        to ? ORF_ALLOC(task, float, orf_image_row_samples(image), "encode", error) : NULL;
    if (!row)
        return NULL;
    eight_bits(image, to, row);
    return g_steal_pointer(&to);
}

/* --- libvips ------------------------------------------------------------------------------ */

static VipsImage *
wrap(const OrfImage *image, const Encoder *encoder)
{
    bool deep = image->sample == ORF_U16, grey = image->channels < 3;
    g_autoptr(OrfVips) raw = vips_image_new_from_memory(
        image->pixels, orf_block_size(image->pixels), (int)image->width, (int)image->height,
        (int)image->channels, deep ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR);
    VipsInterpretation space = grey
                                   ? deep ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W
                               : deep ? VIPS_INTERPRETATION_RGB16
                                      : VIPS_INTERPRETATION_sRGB;
    VipsImage *out = NULL;
    if (!raw || vips_copy(raw, &out, "interpretation", space, NULL) != 0)
        return NULL;
    if (encoder->alpha || !orf_image_has_alpha(image))
        return out;
    g_autoptr(OrfVips) clear = out;
    g_autoptr(OrfVipsNumbers) white = vips_array_double_newv(1, 255.0);
    VipsImage *opaque = NULL;
    return vips_flatten(clear, &opaque, "background", white, NULL) == 0 ? opaque : NULL;
}

static void
stop_when_cancelled(VipsImage *image, VipsProgress *progress, OrfTask *task)
{
    (void)progress;
    if (orf_task_cancelled(task))
        vips_image_set_kill(image, TRUE);
}

static void *
fail_encode(OrfTask *task, const char *format, GError **error)
{
    vips_error_clear(); /* its words are for those who write with it */
    if (!orf_task_check(task, error))
        return NULL;
    return ORF_FAIL(error, TOO_LARGE, "the picture could not be written as %s; make it smaller",
                    format);
}

GBytes *
orf_image_encode(OrfTask *task, const OrfImage *image, const char *format, unsigned quality,
                 GError **error)
{
    const Encoder *encoder = find_encoder(format, error);
    if (!encoder || !orf_image_init(error) || !orf_task_check(task, error))
        return NULL;
    g_autoptr(OrfImage) samples = for_encoder(task, image, encoder, error);
    if (!samples)
        return NULL;
    g_autoptr(OrfVips) wrapped = wrap(samples, encoder);
    if (!wrapped)
        return fail_encode(task, format, error);
    vips_image_set_progress(wrapped, TRUE);
    g_signal_connect(wrapped, "eval", G_CALLBACK(stop_when_cancelled), task);
    void *data = NULL;
    size_t size = 0;
    if (encoder->save(wrapped, &data, &size, quality ? (int)MIN(quality, 100) : 85) != 0)
        return fail_encode(task, format, error);
    return g_bytes_new_take(data, size);
}
