/* cutout-work.c - the working picture: a small copy in Lab, averaged in linear light.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every working pixel is the area average of the source pixels below it, premultiplied by
 * alpha; where more than eight source pixels fall on a side, an even choice of them is taken.
 */
#include "image/cutout-priv.h"

#include <math.h>

static const float CLIPPED = 0.97f; /* linear light */

void
orf_linear_fill(float ret_table[256])
{
    for (int i = 0; i < 256; i++) {
        double c = i / 255.0;
        ret_table[i] = (float)(c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
}

/* Of a positive number, by a guess from the exponent and two steps of Halley; 1e-6 relative. */
static inline float
cube_root(float x)
{
    union {
        float f;
        uint32_t u;
    } guess = { .f = x };
    guess.u = guess.u / 3 + 0x2a5137a0u;
    float y = guess.f;
    for (int i = 0; i < 2; i++) {
        float cube = y * y * y;
        y *= (cube + 2 * x) / (2 * cube + x);
    }
    return y;
}

static inline float
lab_curve(float t)
{
    return t > 0.008856452f ? cube_root(t) : t * 7.787037f + 16.0f / 116.0f;
}

void
orf_lab_from_linear(const float rgb[3], float ret_lab[3])
{
    float r = rgb[0], g = rgb[1], b = rgb[2];
    float x = lab_curve(0.4339499f * r + 0.3762098f * g + 0.1898403f * b);
    float y = lab_curve(0.2126729f * r + 0.7151522f * g + 0.0721750f * b);
    float z = lab_curve(0.0177566f * r + 0.1094680f * g + 0.8727755f * b);
    ret_lab[0] = 116 * y - 16;
    ret_lab[1] = 500 * (x - y);
    ret_lab[2] = 200 * (y - z);
}

/* Source pixels first..last under working pixel i, `step` apart; the outer two count in part.
 */
typedef struct {
    unsigned first, last, step;
    float head, tail;
} Span;

static Span
span_of(unsigned i, unsigned from, unsigned to)
{
    double scale = (double)from / to, begin = i * scale, end = MIN(begin + scale, (double)from);
    Span span = { .first = (unsigned)begin, .step = 1 };
    span.last = MAX((unsigned)ceil(end - 1e-6), span.first + 1) - 1;
    span.last = MIN(span.last, from - 1);
    span.head = (float)(span.first + 1 - begin);
    span.tail = (float)(end - span.last);
    if (span.first == span.last)
        span.head = span.tail = 1;
    if (scale > 8) {
        span.step = (unsigned)(scale / 4);
        span.head = span.tail = 1;
    }
    return span;
}

static inline float
weight_at(const Span *span, unsigned i)
{
    return i == span->first ? span->head : i == span->last ? span->tail : 1;
}

typedef struct {
    const OrfCutoutWork *work;
    const uint8_t *pixels;
    unsigned width, height, channels;
    float linear[256];
} Shrink;

static void
average(const Shrink *shrink, const Span *down, const Span *across, float ret_rgb[3],
        float *ret_alpha)
{
    float sum[3] = { 0 }, alpha = 0, all = 0;
    unsigned channels = shrink->channels;
    bool colour = channels >= 3, has_alpha = channels == 2 || channels == 4;
    for (unsigned y = down->first; y <= down->last; y += down->step) {
        const uint8_t *row = shrink->pixels + (size_t)y * shrink->width * channels;
        float wy = weight_at(down, y);
        for (unsigned x = across->first; x <= across->last; x += across->step) {
            const uint8_t *p = row + (size_t)x * channels;
            float w = wy * weight_at(across, x);
            float a = has_alpha ? w * (1 / 255.0f) * p[channels - 1] : w;
            sum[0] += a * shrink->linear[p[0]];
            sum[1] += a * shrink->linear[p[colour ? 1 : 0]];
            sum[2] += a * shrink->linear[p[colour ? 2 : 0]];
            alpha += a;
            all += w;
        }
    }
    for (int c = 0; c < 3; c++)
        ret_rgb[c] = alpha > 0 ? sum[c] / alpha : 0;
    *ret_alpha = alpha / all;
}

static void
shrink_rows(size_t begin, size_t end, void *data)
{
    const Shrink *shrink = data;
    const OrfCutoutWork *work = shrink->work;
    for (size_t y = begin; y < end; y++) {
        Span down = span_of((unsigned)y, shrink->height, work->height);
        for (unsigned x = 0; x < work->width; x++) {
            Span across = span_of(x, shrink->width, work->width);
            float rgb[3], alpha;
            average(shrink, &down, &across, rgb, &alpha);
            size_t i = y * work->width + x;
            orf_lab_from_linear(rgb, work->lab + 3 * i);
            work->clipped[i] = MAX(rgb[0], MAX(rgb[1], rgb[2])) > CLIPPED;
            if (work->alpha)
                work->alpha[i] = alpha;
        }
    }
}

/* How much of the picture its own alpha shows and hides; looked at on a grid of a million. */
static void
look_at_alpha(const Shrink *shrink, OrfCutoutWork *work)
{
    unsigned step = MAX(1, MAX(shrink->width, shrink->height) / 1024);
    size_t all = 0, opaque = 0, transparent = 0;
    for (unsigned y = 0; y < shrink->height; y += step) {
        for (unsigned x = 0; x < shrink->width; x += step) {
            size_t i = (size_t)y * shrink->width + x;
            uint8_t a = shrink->pixels[i * shrink->channels + shrink->channels - 1];
            all++;
            opaque += a >= 243;
            transparent += a < 13;
        }
    }
    work->opaque = (double)opaque / (double)all;
    work->transparent = (double)transparent / (double)all;
}

static void
set_size(const OrfImage *image, unsigned side, OrfCutoutWork *work)
{
    unsigned width = orf_image_width(image), height = orf_image_height(image);
    double scale = MIN(1.0, side / (double)MAX(width, height));
    work->width = MAX(1, (unsigned)(width * scale + 0.5));
    work->height = MAX(1, (unsigned)(height * scale + 0.5));
    work->n = (size_t)work->width * work->height;
    work->opaque = 1;
}

bool
orf_work_init(OrfTask *task, const OrfImage *image, unsigned side, OrfCutoutWork *ret_work,
              GError **error)
{
    if (!orf_image_u8(image))
        return ORF_FALSE(error, BUG, "cut out: wants 8 bits a sample");
    g_auto(OrfCutoutWork) work = { 0 };
    set_size(image, side, &work);
    Shrink shrink = { &work,
                      orf_image_u8(image),
                      orf_image_width(image),
                      orf_image_height(image),
                      orf_image_channels(image),
                      { 0 } };
    orf_linear_fill(shrink.linear);
    bool has_alpha = shrink.channels == 2 || shrink.channels == 4;
    if (!(work.lab = ORF_ALLOC(task, float, work.n * 3, "working picture", error)) ||
        !(work.clipped = ORF_ALLOC(task, uint8_t, work.n, "working picture", error)) ||
        (has_alpha && !(work.alpha = ORF_ALLOC(task, float, work.n, "working alpha", error))))
        return false;
    if (has_alpha)
        look_at_alpha(&shrink, &work);
    if (!orf_task_parallel(task, work.height, 8, shrink_rows, &shrink))
        return orf_task_check(task, error);
    *ret_work = work;
    work = (OrfCutoutWork){ 0 };
    return true;
}

void
orf_work_clear(OrfCutoutWork *work)
{
    orf_free(work->lab);
    orf_free(work->alpha);
    orf_free(work->clipped);
    *work = (OrfCutoutWork){ 0 };
}
