/* progressive.c - the first scan of a progressive JPEG: a preview without reading the rest.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first scan of a progressive file holds the DC term of every block, often less its last
 * bit: the mean colour of 8 x 8 pixels, which is the picture at an eighth of its size.
 * libjpeg's buffered- image mode stops after it; 12 megapixels cost a tenth of what all scans
 * cost. libvips has no such mode, hence libjpeg here.
 *
 * libjpeg reports errors by not returning from its callback: every call of it is below
 * `decode`, which is where longjmp comes back, and which holds nothing that needs cleaning. */
#include "image-priv.h"

#include <setjmp.h>
#include <stdio.h>
#include <jpeglib.h>

typedef struct {
    struct jpeg_error_mgr base; /* first: libjpeg sees only this */
    jmp_buf back;
} Bail;

typedef struct {
    OrfTask *task;
    struct jpeg_decompress_struct jpeg;
    Bail bail;
    OrfImage *image;
    bool refused; /* not a file for this way */
} Decoder;

static void
bail_out(j_common_ptr jpeg)
{
    longjmp(((Bail *)jpeg->err)->back, 1);
}

static void
say_nothing(j_common_ptr jpeg)
{
    (void)jpeg;
}

/* True for a progressive YCbCr or grey file whose first scan is DC of all components. */
static bool
suits(const struct jpeg_decompress_struct *jpeg)
{
    return jpeg->progressive_mode &&
           (jpeg->jpeg_color_space == JCS_YCbCr || jpeg->jpeg_color_space == JCS_GRAYSCALE);
}

static bool
first_scan_is_dc(const struct jpeg_decompress_struct *jpeg)
{
    return jpeg->Ss == 0 && jpeg->Se == 0 && jpeg->comps_in_scan == jpeg->num_components;
}

/* Runs libjpeg up to the end of scan 1; false when the file ends before or was cancelled. */
static bool
read_first_scan(Decoder *decoder)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    for (;;) {
        if (jpeg->input_iMCU_row % 16 == 0 && orf_task_cancelled(decoder->task))
            return false;
        int got = jpeg_consume_input(jpeg);
        if (got == JPEG_SCAN_COMPLETED)
            return true;
        if (got == JPEG_REACHED_EOI || got == JPEG_SUSPENDED)
            return false;
    }
}

static void
copy_rows(Decoder *decoder)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    size_t stride = orf_image_row_samples(decoder->image);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = (JSAMPROW)decoder->image->pixels + stride * jpeg->output_scanline;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
}

static OrfImage *
output_first_scan(Decoder *decoder, GError **error)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    jpeg->buffered_image = TRUE;
    jpeg->scale_num = 1;
    jpeg->scale_denom = 8;
    jpeg->do_fancy_upsampling = FALSE;
    jpeg->do_block_smoothing = FALSE;
    jpeg_start_decompress(jpeg);
    if (!first_scan_is_dc(jpeg) || !read_first_scan(decoder))
        return NULL;
    jpeg_start_output(jpeg, 1);
    decoder->image =
        orf_image_blank(decoder->task, jpeg->output_width, jpeg->output_height,
                        (unsigned)jpeg->output_components, ORF_U8, "JPEG preview", error);
    if (decoder->image)
        copy_rows(decoder);
    return decoder->image;
}

/* NULL without error: whatever is wrong, the ordinary way will say so. */
static OrfImage *
decode(Decoder *decoder, const uint8_t *data, size_t size, GError **error)
{
    if (setjmp(decoder->bail.back)) {
        orf_image_unref(decoder->image);
        return NULL;
    }
    jpeg_create_decompress(&decoder->jpeg);
    jpeg_mem_src(&decoder->jpeg, data, (unsigned long)size);
    jpeg_read_header(&decoder->jpeg, TRUE);
    return suits(&decoder->jpeg) ? output_first_scan(decoder, error) : NULL;
}

OrfImage *
orf_image_load_dc_scan(OrfTask *task, GBytes *bytes, GError **error)
{
    size_t size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    Decoder *decoder = g_new0(Decoder, 1);
    decoder->task = task;
    decoder->jpeg.err = jpeg_std_error(&decoder->bail.base);
    decoder->bail.base.error_exit = bail_out;
    decoder->bail.base.output_message = say_nothing;
    OrfImage *image = decode(decoder, data, size, error);
    jpeg_destroy_decompress(&decoder->jpeg);
    g_free(decoder);
    return image;
}
