/* matte.c - from a mask of the working picture to alpha at full size.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only a thin band along the rim is looked at. There the local colours of subject F and
 * background B (spread from where they are sure) are known, and alpha is where the pixel lies
 * on the line from B to F. The line is drawn in Lab: edges of graphics, renders and resized
 * photographs are mixed in sRGB codes, and Lab is close to these (in linear light the same
 * edges come out a quarter pixel off). Pixels off that line (texture) or a short line (no
 * contrast) fall back to a guided filter.
 *
 *      background  | band |  subject        B spreads from the left, F from the right
 *      B B B B B B ? ? ? ? ? F F F F */
#include "image/cutout-priv.h"

#include <math.h>

enum { INSIDE = 2, OUTSIDE = 1, SURE_IN = 1, SURE_OUT = 2, RADIUS = 3 };
static const float EPSILON = 1e-3f;
static const float SHORT = 16, LONG = 216;    /* dE^2 of a line of no and of full weight */
static const float LOW = 0.05f, HIGH = 0.95f; /* alpha beyond is snapped to 0 and 1 */

/* --- Push-pull: colours spread into pixels without one (Gortler 1996) --------------------- */

/* [h][w][4]: colour times weight, weight 0..1. */
static void
pull(const float *fine, size_t w, size_t h, float *coarse, size_t cw)
{
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++)
            for (size_t c = 0; c < 4; c++)
                coarse[4 * ((y / 2) * cw + x / 2) + c] += fine[4 * (y * w + x) + c];
    for (size_t i = 0; i < cw * ((h + 1) / 2); i++) {
        float scale = 1 / MAX(1.0f, coarse[4 * i + 3]);
        for (size_t c = 0; c < 4; c++)
            coarse[4 * i + c] *= scale;
    }
}

static void
push(float *fine, size_t w, size_t h, const float *coarse, size_t cw)
{
    for (size_t y = 0; y < h; y++) {
        for (size_t x = 0; x < w; x++) {
            float *p = fine + 4 * (y * w + x), left = 1 - p[3];
            const float *q = coarse + 4 * ((y / 2) * cw + x / 2);
            for (int c = 0; c < 4; c++)
                p[c] += left * q[c];
        }
    }
}

static bool
spread(OrfTask *task, float *colour, size_t w, size_t h, GError **error)
{
    if (w * h == 1) {
        for (int c = 0; c < 4 && colour[3] > 0; c++)
            colour[c] /= MAX(colour[3], 1e-6f);
        return true;
    }
    size_t cw = (w + 1) / 2, ch = (h + 1) / 2;
    orf_autofree float *coarse = ORF_ALLOC(task, float, cw *ch * 4, "edges", error);
    if (!coarse)
        return false;
    pull(colour, w, h, coarse, cw);
    if (!spread(task, coarse, cw, ch, error))
        return false;
    push(colour, w, h, coarse, cw);
    return true;
}

static bool
spread_from(OrfTask *task, const OrfCutoutWork *work, const uint8_t *sure, float *ret,
            GError **error)
{
    for (size_t i = 0; i < work->n; i++) {
        ret[4 * i + 3] = sure[i];
        for (size_t c = 0; c < 3; c++)
            ret[4 * i + c] = sure[i] ? work->lab[3 * i + c] : 0;
    }
    return spread(task, ret, work->width, work->height, error);
}

/* --- The band ----------------------------------------------------------------------------- */

typedef struct {
    const OrfCutoutWork *work;
    const uint8_t *mask;
    uint8_t *band;                       /* [n] 1: look closely */
    float *subject, *background, *model; /* [n][4] */
    const uint8_t *pixels;
    unsigned width, height, channels;
    float linear[256];
    float *alpha; /* the result */
} Matte;

static void
matte_clear(Matte *matte)
{
    orf_free(matte->band);
    orf_free(matte->subject);
    orf_free(matte->background);
    orf_free(matte->model);
    orf_free(matte->alpha);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Matte, matte_clear)

/* `ret` is the mask grown by `rounds`, or shrunk. */
static bool
resized(OrfTask *task, const Matte *matte, unsigned rounds, bool shrink, uint8_t *ret,
        GError **error)
{
    memcpy(ret, matte->mask, matte->work->n);
    return orf_mask_grow(task, matte->work->width, matte->work->height, ret, rounds, shrink,
                         error);
}

static bool
find_band(OrfTask *task, Matte *matte, uint8_t *scratch, GError **error)
{
    if (!resized(task, matte, OUTSIDE, false, matte->band, error) ||
        !resized(task, matte, INSIDE, true, scratch, error))
        return false;
    for (size_t i = 0; i < matte->work->n; i++)
        matte->band[i] &= (uint8_t)!scratch[i];
    return true;
}

static bool
find_colours(OrfTask *task, Matte *matte, uint8_t *scratch, GError **error)
{
    const OrfCutoutWork *work = matte->work;
    if (!resized(task, matte, SURE_IN, true, scratch, error))
        return false;
    if (!orf_mask_count(scratch, work->n)) /* thin all over */
        memcpy(scratch, matte->mask, work->n);
    if (!spread_from(task, work, scratch, matte->subject, error) ||
        !resized(task, matte, SURE_OUT, false, scratch, error))
        return false;
    for (size_t i = 0; i < work->n; i++)
        scratch[i] = !scratch[i];
    return spread_from(task, work, scratch, matte->background, error);
}

static bool
find_model(OrfTask *task, Matte *matte, GError **error)
{
    orf_autofree float *mask = ORF_ALLOC(task, float, matte->work->n, "edges", error);
    if (!mask)
        return false;
    for (size_t i = 0; i < matte->work->n; i++)
        mask[i] = matte->mask[i];
    return orf_guided_model(task, matte->work, mask, RADIUS, EPSILON, matte->model, error);
}

/* --- Full size ---------------------------------------------------------------------------- */

typedef struct {
    size_t corner[4];
    float weight[4];
} Taps;

static Taps
taps_at(const Matte *matte, unsigned x, unsigned y)
{
    const OrfCutoutWork *work = matte->work;
    float u = ((float)x + 0.5f) * (float)work->width / (float)matte->width - 0.5f;
    float v = ((float)y + 0.5f) * (float)work->height / (float)matte->height - 0.5f;
    u = CLAMP(u, 0, (float)(work->width - 1));
    v = CLAMP(v, 0, (float)(work->height - 1));
    size_t x0 = (size_t)u, y0 = (size_t)v;
    size_t x1 = MIN(x0 + 1, work->width - 1), y1 = MIN(y0 + 1, work->height - 1);
    float fx = u - (float)x0, fy = v - (float)y0;
    return (Taps){ { y0 * work->width + x0, y0 * work->width + x1, y1 * work->width + x0,
                     y1 * work->width + x1 },
                   { (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy } };
}

static void
sample(const float *map, const Taps *taps, float ret[4])
{
    for (int c = 0; c < 4; c++) {
        ret[c] = 0;
        for (int k = 0; k < 4; k++)
            ret[c] += taps->weight[k] * map[4 * taps->corner[k] + (size_t)c];
    }
}

static float
guided_at(const Matte *matte, const Taps *taps, const float lab[3])
{
    float model[4];
    sample(matte->model, taps, model);
    float alpha = (model[0] * lab[0] + model[1] * lab[1] + model[2] * lab[2]) / 100 + model[3];
    return CLAMP(alpha, 0, 1);
}

/* Where `at` lies on the line from `from` to `to`; `ret_off` is its squared distance from the
 * line in squared lengths of it. */
static float
place_on_line(const float at[3], const float from[3], const float to[3], float *ret_off)
{
    float length = 1e-6f, along = 0, off = 0;
    for (int c = 0; c < 3; c++) {
        length += (to[c] - from[c]) * (to[c] - from[c]);
        along += (at[c] - from[c]) * (to[c] - from[c]);
    }
    float t = CLAMP(along / length, 0, 1);
    for (int c = 0; c < 3; c++) {
        float d = at[c] - from[c] - t * (to[c] - from[c]);
        off += d * d;
    }
    *ret_off = off / length;
    return t;
}

static float
alpha_at(const Matte *matte, unsigned x, unsigned y)
{
    const uint8_t *p = matte->pixels + ((size_t)y * matte->width + x) * matte->channels;
    bool colour = matte->channels >= 3;
    float rgb[3], lab[3], in[4], out[4], length = 0, off;
    for (int c = 0; c < 3; c++)
        rgb[c] = matte->linear[p[colour ? c : 0]];
    orf_lab_from_linear(rgb, lab);
    Taps taps = taps_at(matte, x, y);
    sample(matte->subject, &taps, in);
    sample(matte->background, &taps, out);
    for (int c = 0; c < 3; c++)
        length += (in[c] - out[c]) * (in[c] - out[c]);
    float t = place_on_line(lab, out, in, &off);
    float trust = CLAMP((length - SHORT) / (LONG - SHORT), 0, 1) * CLAMP(1.5f - 2 * off, 0, 1);
    float alpha = trust < 1 ? trust * t + (1 - trust) * guided_at(matte, &taps, lab) : t;
    return alpha < LOW ? 0 : alpha > HIGH ? 1 : alpha;
}

static void
alpha_rows(size_t begin, size_t end, void *data)
{
    const Matte *matte = data;
    const OrfCutoutWork *work = matte->work;
    float across = (float)work->width / (float)matte->width;
    float down = (float)work->height / (float)matte->height;
    for (size_t y = begin; y < end; y++) {
        size_t row = MIN((size_t)(((float)y + 0.5f) * down), work->height - 1) * work->width;
        float *to = matte->alpha + y * matte->width;
        for (unsigned x = 0; x < matte->width; x++) {
            size_t i = row + MIN((size_t)(((float)x + 0.5f) * across), work->width - 1);
            to[x] = matte->band[i] ? alpha_at(matte, x, (unsigned)y) : matte->mask[i];
        }
    }
}

static bool
matte_alloc(OrfTask *task, Matte *matte, GError **error)
{
    size_t n = matte->work->n;
    return (matte->band = ORF_ALLOC(task, uint8_t, n, "edges", error)) &&
           (matte->subject = ORF_ALLOC(task, float, n * 4, "edges", error)) &&
           (matte->background = ORF_ALLOC(task, float, n * 4, "edges", error)) &&
           (matte->model = ORF_ALLOC(task, float, n * 4, "edges", error)) &&
           (matte->alpha =
                ORF_ALLOC(task, float, (size_t)matte->width * matte->height, "alpha", error));
}

OrfImage *
orf_matte(OrfTask *task, const OrfImage *image, const OrfCutoutWork *work, const uint8_t *mask,
          GError **error)
{
    g_auto(Matte) matte = { .work = work,
                            .mask = mask,
                            .pixels = orf_image_u8(image),
                            .width = orf_image_width(image),
                            .height = orf_image_height(image),
                            .channels = orf_image_channels(image) };
    orf_autofree uint8_t *scratch = ORF_ALLOC(task, uint8_t, work->n, "edges", error);
    if (!scratch || !matte_alloc(task, &matte, error) ||
        !find_band(task, &matte, scratch, error) ||
        !find_colours(task, &matte, scratch, error) || !find_model(task, &matte, error))
        return NULL;
    orf_linear_fill(matte.linear);
    if (!orf_task_parallel(task, matte.height, 16, alpha_rows, &matte)) {
        orf_task_check(task, error);
        return NULL;
    }
    return orf_image_new_take(matte.width, matte.height, 1, ORF_F32,
                              g_steal_pointer(&matte.alpha));
}
