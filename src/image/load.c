/* load.c - encoded bytes to upright sRGB pixels, never larger than asked for.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     header -> plan -> [shrink while decoding] -> resize -> sRGB -> drain
 *
 * libvips runs all but the last step lazily, a few rows at a time; `drain` pulls strips of rows
 * and puts each pixel where EXIF says it belongs, so rotation costs no copy and a cancelled
 * task stops at the next strip. What decoders keep to themselves (a whole interlaced PNG, the
 * coefficients of a progressive JPEG) is reserved in the task's budget before it is decoded.
 *
 * Samples that are neither 8 nor 16 bit unsigned are data (elevation, depth), unless their
 * colour space says otherwise: values are kept if they lie in 0..1, else stretched to it; NaN
 * and infinity become the least value. They take a second way: drained to floats, cleaned, then
 * resized. */
#include "image-priv.h"

#include <math.h>
#include <string.h>

#define MOST_SHRINK 1000.0 /* libvips takes no more */
#define STRIP 32           /* rows pulled at a time */
#define FRAMES_TRIED 16u   /* of an animation, until one shows something */

typedef struct {
    OrfTask *task;
    const char *name;
    const OrfImageFormat *format;
    const OrfImageLoad *options;
    GBytes *bytes;
    unsigned width, height; /* as stored: before orientation */
    unsigned to_width, to_height;
    int orientation; /* EXIF 1..8 */
    bool data;       /* neither 8 nor 16 bit */
    unsigned bits;   /* 8 or 16 in the result */
    bool grey;       /* of one colour channel in the file */
    unsigned frame;  /* of an animation */
} Plan;

/* --- Plan --------------------------------------------------------------------------------- */

static void
plan_size(Plan *plan)
{
    unsigned side = MAX(plan->width, plan->height), want = plan->options->max_side;
    double scale = want && want < side ? (double)want / side : 1;
    plan->to_width = MAX(1, (unsigned)(plan->width * scale + 0.5));
    plan->to_height = MAX(1, (unsigned)(plan->height * scale + 0.5));
}

/* One band of whole numbers of which one is said to mean nothing: heights, not a picture. */
static bool
has_gaps(const Plan *plan, VipsImage *header)
{
    double value;
    return vips_image_get_bands(header) == 1 && orf_image_nodata_tag(plan->bytes, &value);
}

static void
plan_load(Plan *plan, VipsImage *header)
{
    OrfImageInfo info;
    orf_image_describe(plan->format, header, &info);
    plan->width = (unsigned)vips_image_get_width(header);
    plan->height = (unsigned)vips_image_get_height(header);
    plan->orientation = vips_image_get_orientation(header);
    plan->data = orf_image_is_data(header) || has_gaps(plan, header);
    plan->bits = plan->options->keep_16 && info.bits > 8 ? 16 : 8;
    plan->grey = info.channels < 3;
    plan_size(plan);
}

/* The shrink that the decoder does: at least the wanted size is left. */
static double
decoder_shrink(const Plan *plan)
{
    double shrink =
        MIN((double)plan->width / plan->to_width, (double)plan->height / plan->to_height);
    if (plan->format->any_scale)
        return MIN(shrink, MOST_SHRINK);
    return shrink >= 8 ? 8 : shrink >= 4 ? 4 : shrink >= 2 ? 2 : 1;
}

static bool
has_flag(VipsImage *image, const char *field)
{
    int value = 0;
    return vips_image_get_typeof(image, field) &&
           vips_image_get_int(image, field, &value) == 0 && value;
}

/* Bytes a decoder may hold for itself: worst cases, by format. */
static size_t
decoder_bytes(const Plan *plan, VipsImage *image)
{
    size_t row = VIPS_IMAGE_SIZEOF_LINE(image), pixels = (size_t)plan->width * plan->height;
    if (g_str_equal(plan->format->name, "jpeg")) {
        bool progressive = has_flag(image, "interlaced") || has_flag(image, "jpeg-multiscan");
        return progressive ? pixels * 6 : row * 64;
    }
    bool rows = g_str_equal(plan->format->name, "png") && !has_flag(image, "interlaced");
    return rows ? row * 64 : (size_t)VIPS_IMAGE_SIZEOF_IMAGE(image);
}

/* --- libvips steps: each replaces *image by what it makes of it --------------------------- */

typedef int (*StepFn)(VipsImage *in, VipsImage **ret_out, const Plan *plan);

static bool
apply(VipsImage **image, StepFn step, const Plan *plan)
{
    VipsImage *out = NULL;
    if (step(*image, &out, plan) != 0)
        return false;
    g_object_unref(*image);
    *image = out;
    return true;
}

/* Multispectral and other odd band counts: the first ones are the picture. */
static int
keep_bands(VipsImage *in, VipsImage **ret_out, const Plan *plan)
{
    int bands = vips_image_get_bands(in);
    int most = vips_image_get_interpretation(in) == VIPS_INTERPRETATION_CMYK ? 5 : 4;
    if (plan->data)
        most = plan->grey ? 1 : 3;
    return vips_extract_band(in, ret_out, 0, "n", MIN(bands, most), NULL);
}

static int
to_float(VipsImage *in, VipsImage **ret_out, const Plan *plan)
{
    (void)plan;
    return vips_cast_float(in, ret_out, NULL);
}

static int
resize_plain(VipsImage *in, VipsImage **ret_out, const Plan *plan)
{
    double across = (double)plan->to_width / vips_image_get_width(in);
    double down = (double)plan->to_height / vips_image_get_height(in);
    return vips_resize(in, ret_out, across, "vscale", down, NULL);
}

static int
resize_alpha(VipsImage *in, VipsImage **ret_out, const Plan *plan)
{
    g_autoptr(OrfVips) weighted = NULL, small = NULL, straight = NULL;
    return vips_premultiply(in, &weighted, NULL) || resize_plain(weighted, &small, plan) ||
           vips_unpremultiply(small, &straight, NULL) ||
           vips_cast(straight, ret_out, vips_image_get_format(in), NULL);
}

static int
to_srgb(VipsImage *in, VipsImage **ret_out, const Plan *plan)
{
    VipsInterpretation space =
        plan->bits == 16 ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
    return vips_colourspace(in, ret_out, space, NULL);
}

static int
by_profile(VipsImage *in, VipsImage **ret_out, const Plan *plan)
{
    return vips_icc_transform(in, ret_out, "srgb", "embedded", TRUE, "intent",
                              VIPS_INTENT_RELATIVE, "black_point_compensation", TRUE, "depth",
                              (int)plan->bits, NULL);
}

/* Grey and RGB of 8 or 16 bits: `finish` does the rest. */
static bool
is_plain(VipsImage *image)
{
    VipsInterpretation space = vips_image_guess_interpretation(image);
    return space == VIPS_INTERPRETATION_B_W || space == VIPS_INTERPRETATION_sRGB ||
           space == VIPS_INTERPRETATION_GREY16 || space == VIPS_INTERPRETATION_RGB16 ||
           space == VIPS_INTERPRETATION_MULTIBAND;
}

/* A profile that lcms refuses is ignored: the picture is worth more than its exact hue. */
static bool
convert_colour(VipsImage **image, const Plan *plan)
{
    bool profile = vips_image_get_typeof(*image, VIPS_META_ICC_NAME) != 0;
    bool height = plan->grey && plan->bits == 16; /* such samples are data: left as they are */
    if (profile && !height && apply(image, by_profile, plan))
        return true;
    if (profile && !height)
        vips_error_clear();
    return is_plain(*image) || apply(image, to_srgb, plan);
}

static VipsImage *
build(const Plan *plan, VipsImage *decoded, GError **error)
{
    g_autoptr(OrfVips) image = g_object_ref(decoded);
    bool same = vips_image_get_width(image) == (int)plan->to_width &&
                vips_image_get_height(image) == (int)plan->to_height;
    StepFn resize = vips_image_hasalpha(image) ? resize_alpha : resize_plain;
    bool ok =
        apply(&image, keep_bands, plan) &&
        (plan->data ? apply(&image, to_float, plan)
                    : ((same || apply(&image, resize, plan)) && convert_colour(&image, plan)));
    if (!ok)
        return orf_image_fail_vips(plan->name, plan->format->title, error);
    return g_steal_pointer(&image);
}

/* --- Drain: rows to upright pixels -------------------------------------------------------- */

/* Where stored pixel (x, y) goes: first + x*right + y*down, in pixels of the upright picture.
 */
typedef struct {
    ptrdiff_t first, right, down;
    unsigned width, height; /* upright */
} Upright;

static Upright
upright_of(int orientation, ptrdiff_t w, ptrdiff_t h)
{
    unsigned uw = (unsigned)w, uh = (unsigned)h;
    switch (orientation) {
    case 2:
        return (Upright){ w - 1, -1, w, uw, uh };
    case 3:
        return (Upright){ w * h - 1, -1, -w, uw, uh };
    case 4:
        return (Upright){ w * (h - 1), 1, -w, uw, uh };
    case 5:
        return (Upright){ 0, h, 1, uh, uw };
    case 6:
        return (Upright){ h - 1, h, -1, uh, uw };
    case 7:
        return (Upright){ h * w - 1, -h, -1, uh, uw };
    case 8:
        return (Upright){ h * (w - 1), -h, 1, uh, uw };
    default:
        return (Upright){ 0, 1, w, uw, uh };
    }
}

static void
place_row(const uint8_t *row, unsigned width, size_t pixel, const Upright *to, unsigned y,
          uint8_t *out)
{
    uint8_t *at = out + (to->first + to->down * (ptrdiff_t)y) * (ptrdiff_t)pixel;
    if (to->right == 1) {
        memcpy(at, row, width * pixel);
        return;
    }
    for (unsigned x = 0; x < width; x++)
        memcpy(at + to->right * (ptrdiff_t)(x * pixel), row + x * pixel, pixel);
}

static bool
drain_strip(const Plan *plan, VipsRegion *region, const VipsRect *area, const Upright *to,
            size_t pixel, uint8_t *out, GError **error)
{
    if (vips_region_prepare(region, area) != 0) {
        if (!orf_task_check(plan->task, error))
            return false;
        return orf_image_fail_vips(plan->name, plan->format->title, error);
    }
    for (int y = area->top; y < area->top + area->height; y++)
        place_row(VIPS_REGION_ADDR(region, 0, y), (unsigned)area->width, pixel, to, (unsigned)y,
                  out);
    return true;
}

static bool
drain_all(const Plan *plan, VipsImage *image, const Upright *to, uint8_t *out, GError **error)
{
    g_autoptr(OrfVipsRegion) region = vips_region_new(image);
    int width = vips_image_get_width(image), height = vips_image_get_height(image);
    size_t pixel = VIPS_IMAGE_SIZEOF_PEL(image);
    for (int y = 0; y < height; y += STRIP) {
        VipsRect area = { 0, y, width, MIN(STRIP, height - y) };
        if (!orf_task_check(plan->task, error) ||
            !drain_strip(plan, region, &area, to, pixel, out, error))
            return false;
        orf_task_progress(plan->task, (double)(y + area.height) / height);
    }
    return true;
}

static OrfSample
sample_of(VipsImage *image)
{
    size_t size = vips_format_sizeof(vips_image_get_format(image));
    return size == 1 ? ORF_U8 : size == 2 ? ORF_U16 : ORF_F32;
}

static OrfImage *
drain(const Plan *plan, VipsImage *image, GError **error)
{
    Upright to = upright_of(plan->orientation, vips_image_get_width(image),
                            vips_image_get_height(image));
    g_autoptr(OrfImage) out =
        orf_image_blank(plan->task, to.width, to.height, (unsigned)vips_image_get_bands(image),
                        sample_of(image), plan->name, error);
    if (!out || !drain_all(plan, image, &to, out->pixels, error))
        return NULL;
    return g_steal_pointer(&out);
}

/* --- Data: finite and 0..1 ---------------------------------------------------------------- */

static void
measure_range(const float *value, size_t n, float *ret_low, float *ret_high)
{
    *ret_low = INFINITY;
    *ret_high = -INFINITY;
    for (size_t i = 0; i < n; i++)
        if (isfinite(value[i])) {
            *ret_low = MIN(*ret_low, value[i]);
            *ret_high = MAX(*ret_high, value[i]);
        }
}

/* Pixels where nothing is known become NaN, which later is the least value. */
static void
drop_unknown(const Plan *plan, float *value, size_t n)
{
    double tag;
    float none;
    bool tagged = orf_image_nodata_tag(plan->bytes, &tag);
    if (tagged)
        none = (float)tag;
    size_t dropped = 0;
    /* a second kind of gap, or an absurd number, may be left beside the tagged one */
    for (int round = 0; round < 2; round++) {
        if (!tagged && !orf_image_nodata_guess(value, n, &none))
            break;
        tagged = false;
        for (size_t i = 0; i < n; i++)
            if (value[i] == none) {
                value[i] = NAN;
                dropped++;
            }
    }
    if (dropped)
        orf_task_note(plan->task,
                      "%s: %zu pixels hold no data (%g); they were taken as the lowest value "
                      "of the others",
                      plan->name, dropped, (double)none);
}

static OrfImage *
settle_data(const Plan *plan, OrfImage *image, GError **error)
{
    float *value = image->pixels, low, high;
    size_t n = image->height * orf_image_row_samples(image);
    drop_unknown(plan, value, n);
    measure_range(value, n, &low, &high);
    if (low > high)
        return ORF_FAIL(error, BAD_INPUT, "%s: no finite value in the %s; export it again",
                        plan->name, plan->format->title);
    bool kept = low >= 0 && high <= 1;
    float from = kept ? 0 : low, gain = kept ? 1 : high > low ? 1 / (high - low) : 0;
    for (size_t i = 0; i < n; i++)
        value[i] = ((isfinite(value[i]) ? value[i] : low) - from) * gain;
    if (plan->to_width == plan->width && plan->to_height == plan->height)
        return orf_image_ref(image);
    bool turned = plan->orientation >= 5;
    return orf_image_resize(plan->task, image, turned ? plan->to_height : plan->to_width,
                            turned ? plan->to_width : plan->to_height, error);
}

/* --- Last touches: sample type and channel count asked for -------------------------------- */

static float
channel_of(const float *pixel, unsigned from, unsigned to, unsigned channel)
{
    bool alpha = channel + 1 == to && (to == 2 || to == 4);
    return pixel[alpha ? from - 1 : from < 3 ? 0 : to < 3 ? 1 : channel];
}

static void
finish_row(const OrfImage *from, OrfImage *to, float *row, unsigned y)
{
    orf_image_row_f32(from, y, row);
    size_t at = y * orf_image_row_samples(to);
    for (size_t x = 0; x < to->width; x++)
        for (unsigned c = 0; c < to->channels; c++, at++) {
            float value = channel_of(row + x * from->channels, from->channels, to->channels, c);
            if (to->sample == ORF_U8)
                ((uint8_t *)to->pixels)[at] = orf_to_u8(value);
            else
                ((uint16_t *)to->pixels)[at] =
                    (uint16_t)(CLAMP(value, 0.f, 1.f) * 65535.f + 0.5f);
        }
}

static OrfImage *
finish(const Plan *plan, OrfImage *image, GError **error)
{
    bool alpha = orf_image_has_alpha(image);
    unsigned channels = (plan->grey && plan->options->keep_grey ? 1 : 3) + alpha;
    OrfSample sample = plan->bits == 16 ? ORF_U16 : ORF_U8;
    if (channels == image->channels && sample == image->sample)
        return orf_image_ref(image);
    g_autoptr(OrfImage) out = orf_image_blank(plan->task, image->width, image->height, channels,
                                              sample, plan->name, error);
    orf_autofree float *row =
        out ? ORF_ALLOC(plan->task, float, orf_image_row_samples(image), plan->name, error)
            : NULL;
    if (!row)
        return NULL;
    for (unsigned y = 0; y < image->height; y++)
        finish_row(image, out, row, y);
    return g_steal_pointer(&out);
}

/* --- Load --------------------------------------------------------------------------------- */

static OrfImage *
load_from(const Plan *plan, VipsImage *decoded, GError **error)
{
    g_autoptr(OrfVips) image = build(plan, decoded, error);
    g_autoptr(OrfImage) raw = image ? drain(plan, image, error) : NULL;
    if (!raw || !plan->data)
        return raw ? finish(plan, raw, error) : NULL;
    g_autoptr(OrfImage) settled = settle_data(plan, raw, error);
    return settled ? finish(plan, settled, error) : NULL;
}

static OrfImage *
load_decoded(const Plan *plan, VipsImage *header, GError **error)
{
    orf_autofree void *reserve =
        orf_task_alloc(plan->task, decoder_bytes(plan, header), 1, plan->name, error);
    if (!reserve)
        return NULL;
    OrfImageOpen how = { decoder_shrink(plan), plan->task, plan->frame };
    if (how.shrink == 1)
        return load_from(plan, header, error);
    g_autoptr(OrfVips) small =
        orf_image_open(plan->format, plan->bytes, plan->name, &how, error);
    return small ? load_from(plan, small, error) : NULL;
}

/* The preview of a progressive JPEG, when an eighth of its size is enough. */
static OrfImage *
load_first_scan(const Plan *plan, VipsImage *header, GError **error)
{
    g_autoptr(OrfImage) coarse = orf_image_load_dc_scan(plan->task, plan->bytes, error);
    if (!coarse)
        return NULL;
    g_autoptr(OrfVips) pixels = vips_image_new_from_memory(
        coarse->pixels, orf_block_size(coarse->pixels), (int)coarse->width, (int)coarse->height,
        (int)coarse->channels, VIPS_FORMAT_UCHAR);
    g_autoptr(OrfVips) image = NULL;
    VipsInterpretation space =
        coarse->channels == 1 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
    if (!pixels || vips_copy(pixels, &image, "interpretation", space, NULL) != 0)
        return orf_image_fail_vips(plan->name, plan->format->title, error);
    const void *profile;
    size_t size;
    if (vips_image_get_typeof(header, VIPS_META_ICC_NAME) &&
        vips_image_get_blob(header, VIPS_META_ICC_NAME, &profile, &size) == 0)
        vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, profile, size);
    return load_from(plan, image, error);
}

/* Every pixel is the same: nothing is shown. */
static bool
is_blank(const OrfImage *image)
{
    size_t bytes = image->sample == ORF_U8 ? 1 : image->sample == ORF_U16 ? 2 : 4;
    size_t pixel = image->channels * bytes;
    size_t n = (size_t)image->width * image->height;
    const uint8_t *at = image->pixels;
    bool alpha = orf_image_has_alpha(image);
    bool clear = alpha && image->sample == ORF_U8;
    for (size_t i = 0; clear && i < n; i++)
        clear = at[i * pixel + pixel - 1] == 0;
    if (clear)
        return true;
    for (size_t i = 1; i < n; i++)
        if (memcmp(at, at + i * pixel, pixel) != 0)
            return false;
    return true;
}

static OrfImage *
load_planned(const Plan *plan, VipsImage *header, GError **error)
{
    bool coarse = plan->options->fast && g_str_equal(plan->format->name, "jpeg") &&
                  decoder_shrink(plan) == 8;
    if (coarse) {
        GError *failure = NULL;
        OrfImage *image = load_first_scan(plan, header, &failure);
        if (image)
            return image;
        if (failure) {
            g_propagate_error(error, failure);
            return NULL;
        }
    }
    return load_decoded(plan, header, error);
}

static OrfImage *
load_frame(Plan *plan, unsigned *ret_frames, GError **error)
{
    OrfImageOpen how = { 1, plan->task, plan->frame };
    g_autoptr(OrfVips) header =
        orf_image_open(plan->format, plan->bytes, plan->name, &how, error);
    if (!header)
        return NULL;
    plan_load(plan, header);
    *ret_frames = (unsigned)orf_image_frames(header);
    return load_planned(plan, header, error);
}

/* The first frame; where animations fade in, the first that shows something. */
static OrfImage *
load_frames(Plan *plan, GError **error)
{
    unsigned frames = 1;
    g_autoptr(OrfImage) first = load_frame(plan, &frames, error);
    if (!first || frames < 2)
        return g_steal_pointer(&first);
    bool animation =
        g_str_equal(plan->format->name, "gif") || g_str_equal(plan->format->name, "webp");
    g_autoptr(OrfImage) shown = orf_image_ref(first);
    while (animation && is_blank(shown) && plan->frame + 1 < MIN(frames, FRAMES_TRIED)) {
        plan->frame++;
        g_clear_pointer(&shown, orf_image_unref);
        if (!(shown = load_frame(plan, &frames, error)))
            return NULL;
    }
    bool all_blank = is_blank(shown);
    unsigned frame = all_blank ? 0 : plan->frame;
    if (frame)
        orf_task_note(plan->task, "%s: frame %u of %u is used; those before it are empty",
                      plan->name, frame + 1, frames);
    else
        orf_task_note(plan->task, "%s: the first of %u frames is used", plan->name, frames);
    return all_blank ? g_steal_pointer(&first) : g_steal_pointer(&shown);
}

OrfImage *
orf_image_load(OrfTask *task, GBytes *bytes, const char *name, const OrfImageLoad *options,
               GError **error)
{
    static const OrfImageLoad none = { 0 };
    Plan plan = { .task = task, .name = name, .bytes = bytes };
    plan.options = options ? options : &none;
    if (!orf_image_init(error))
        return NULL;
    plan.format = orf_image_sniff(bytes, name, error);
    if (!plan.format)
        return NULL;
    if (!plan.format->open)
        return orf_image_load_svg(task, bytes, name, plan.options->max_side, error);
    return load_frames(&plan, error);
}
