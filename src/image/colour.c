/* colour.c - luminance, alpha and Lab of a picture; a picture with another alpha.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * All are pixel by pixel and share one driver: rows of normalised floats in, rows out, spread
 * over the task's cores. */
#include "image-priv.h"

#include <math.h>

#define TABLE 4096 /* steps of the tables of linear light; interpolated between */

typedef struct Work Work;
/* `in` is a row of `from` as floats, `out` the row of `to` at its own sample type. */
typedef void (*RowFn)(const Work *work, const float *in, void *out, unsigned y);

struct Work {
    const OrfImage *from;
    OrfImage *to;
    const OrfImage *other; /* second picture of the size of `from`, or NULL */
    float *rows;           /* [height of pieces] scratch, one row for each image row */
    RowFn row;
    bool linear;
    float table[TABLE + 2]; /* sRGB to linear */
};

#define GRAIN 16

static void
run_rows(size_t begin, size_t end, void *data)
{
    const Work *work = data;
    float *in = work->rows + begin / GRAIN * orf_image_row_samples(work->from);
    size_t stride = orf_image_row_samples(work->to) * work->to->sample;
    for (size_t y = begin; y < end; y++) {
        orf_image_row_f32(work->from, (unsigned)y, in);
        work->row(work, in, (char *)work->to->pixels + y * stride, (unsigned)y);
    }
}

static OrfImage *
by_rows(OrfTask *task, Work *work, unsigned channels, OrfSample sample, const char *what,
        GError **error)
{
    const OrfImage *from = work->from;
    g_autoptr(OrfImage) to =
        orf_image_blank(task, from->width, from->height, channels, sample, what, error);
    orf_autofree float *rows =
        to ? ORF_ALLOC(task, float, (from->height / GRAIN + 1) * orf_image_row_samples(from),
                       what, error)
           : NULL;
    if (!rows)
        return NULL;
    work->to = to;
    work->rows = rows;
    if (!orf_task_parallel(task, from->height, GRAIN, run_rows, work)) {
        orf_task_check(task, error);
        return NULL;
    }
    return g_steal_pointer(&to);
}

static void
fill_table(Work *work)
{
    for (int i = 0; i < TABLE + 2; i++)
        work->table[i] = orf_srgb_to_linear((float)i / TABLE);
}

static float
linear_of(const Work *work, float encoded)
{
    float at = CLAMP(encoded, 0.f, 1.f) * TABLE;
    int i = (int)at;
    return work->table[i] + (work->table[i + 1] - work->table[i]) * (at - (float)i);
}

/* --- Luminance and alpha ------------------------------------------------------------------ */

static void
luminance_row(const Work *work, const float *in, void *out, unsigned y)
{
    (void)y;
    unsigned channels = work->from->channels;
    for (size_t x = 0; x < work->from->width; x++, in += channels) {
        float v[3] = { in[0], channels < 3 ? in[0] : in[1], channels < 3 ? in[0] : in[2] };
        if (work->linear)
            for (int c = 0; c < 3; c++)
                v[c] = linear_of(work, v[c]);
        ((float *)out)[x] = 0.2126f * v[0] + 0.7152f * v[1] + 0.0722f * v[2];
    }
}

OrfImage *
orf_image_luminance(OrfTask *task, const OrfImage *image, bool linear, GError **error)
{
    Work work = { .from = image, .row = luminance_row, .linear = linear };
    if (linear)
        fill_table(&work);
    return by_rows(task, &work, 1, ORF_F32, "luminance", error);
}

static void
alpha_row(const Work *work, const float *in, void *out, unsigned y)
{
    (void)y;
    unsigned channels = work->from->channels;
    bool alpha = orf_image_has_alpha(work->from);
    for (size_t x = 0; x < work->from->width; x++)
        ((float *)out)[x] = alpha ? in[x * channels + channels - 1] : 1;
}

OrfImage *
orf_image_alpha(OrfTask *task, const OrfImage *image, GError **error)
{
    Work work = { .from = image, .row = alpha_row };
    return by_rows(task, &work, 1, ORF_F32, "alpha", error);
}

/* --- CIE L*a*b* --------------------------------------------------------------------------- */

/* Cube root for 0..2: a guess from the exponent, then Halley twice; error below 1e-6. */
static float
cube_root(float t)
{
    union {
        float f;
        uint32_t u;
    } guess = { .f = t };
    guess.u = guess.u / 3 + 0x2a514067u;
    float r = guess.f;
    for (int i = 0; i < 2; i++) {
        float cube = r * r * r;
        r *= (cube + 2 * t) / (2 * cube + t);
    }
    return r;
}

static float
lab_curve(float t)
{
    return t > 216.f / 24389 ? cube_root(t) : (24389.f / 27 * t + 16) / 116;
}

static void
lab_pixel(const float rgb[3], float out[3])
{
    /* sRGB primaries, rows divided by the D65 white */
    float x = (0.4124564f * rgb[0] + 0.3575761f * rgb[1] + 0.1804375f * rgb[2]) / 0.950470f;
    float y = 0.2126729f * rgb[0] + 0.7151522f * rgb[1] + 0.0721750f * rgb[2];
    float z = (0.0193339f * rgb[0] + 0.1191920f * rgb[1] + 0.9503041f * rgb[2]) / 1.088830f;
    float fx = lab_curve(x), fy = lab_curve(y), fz = lab_curve(z);
    out[0] = 116 * fy - 16;
    out[1] = 500 * (fx - fy);
    out[2] = 200 * (fy - fz);
}

static void
lab_row(const Work *work, const float *in, void *out, unsigned y)
{
    (void)y;
    unsigned channels = work->from->channels;
    for (size_t x = 0; x < work->from->width; x++, in += channels) {
        float rgb[3];
        for (unsigned c = 0; c < 3; c++)
            rgb[c] = linear_of(work, channels < 3 ? in[0] : in[c]);
        lab_pixel(rgb, (float *)out + 3 * x);
    }
}

OrfImage *
orf_image_lab(OrfTask *task, const OrfImage *image, GError **error)
{
    Work work = { .from = image, .row = lab_row };
    fill_table(&work);
    return by_rows(task, &work, 3, ORF_F32, "Lab colours", error);
}

/* --- Another alpha ------------------------------------------------------------------------ */

static void
with_alpha_row(const Work *work, const float *in, void *out, unsigned y)
{
    unsigned channels = work->from->channels;
    const float *alpha = (const float *)work->other->pixels + (size_t)y * work->other->width;
    for (size_t x = 0; x < work->from->width; x++, in += channels) {
        uint8_t *pixel = (uint8_t *)out + 4 * x;
        for (unsigned c = 0; c < 3; c++)
            pixel[c] = orf_to_u8(channels < 3 ? in[0] : in[c]);
        pixel[3] = orf_to_u8(alpha[x]);
    }
}

OrfImage *
orf_image_with_alpha(OrfTask *task, const OrfImage *image, const OrfImage *alpha,
                     GError **error)
{
    g_assert(alpha->sample == ORF_F32 && alpha->channels == 1);
    bool same = alpha->width == image->width && alpha->height == image->height;
    g_autoptr(OrfImage) fitted =
        same ? orf_image_ref((OrfImage *)alpha)
             : orf_image_resize(task, alpha, image->width, image->height, error);
    if (!fitted)
        return NULL;
    Work work = { .from = image, .other = fitted, .row = with_alpha_row };
    return by_rows(task, &work, 4, ORF_U8, "picture with alpha", error);
}
