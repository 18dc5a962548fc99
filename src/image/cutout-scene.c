/* cutout-scene.c - the subject before one or two smooth backgrounds.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Background: the modelled colour with its noise, or that colour in shadow: any brightness
 * below 1, same chroma. Subject: any colour, then, once a first cut is there, a mixture of the
 * colours it holds. The cut follows edges that the background does not explain; a shadow's soft
 * border is none. Enclosed pixels of background colour that the flood did not reach (a hole, or
 * a lamp of the wall's colour) count as background, but less. */
#include "image/cutout-priv.h"

#include <math.h>

enum { ROUNDS = 3, FEW = 20 };
static const float ANY = -14.18f; /* ln density of a colour that may be anything */
static const float RARE = 8;      /* no background colour is this much less likely than any */
static const float ENCLOSED = 2;  /* what not being reached costs, ln */
static const float SHADOW[2] = { 0.003f, 0.3f }; /* share of pixels in shadow: above, below */
static const float TINT = 3; /* chroma noise of a shadow where the background is overexposed */
static const float HIDDEN = 0.1f; /* times that on an even ground, behind a hard edge */
static const float DARKEST = 0.3f;
static const float FITS = 14; /* squared noise units: sure background on the frame */
static const float LN_2PI = 1.837877f;

static float
in_shadow(float bright)
{
    return CLAMP((bright - DARKEST) / 0.1f, 0, 1) * CLAMP((1.03f - bright) / 0.03f, 0, 1);
}

/* Log density of every colour under the background model. */
static void
score_background(const OrfCutoutWork *work, const OrfBackdrop *back, float *ret_log)
{
    for (unsigned y = 0; y < work->height; y++) {
        for (unsigned x = 0; x < work->width; x++) {
            size_t i = (size_t)y * work->width + x;
            bool below = (float)y >= orf_backdrop_line(back, work->width, x);
            /* a single background may be the table as well as the wall */
            float share = SHADOW[below || !back->split];
            if (!back->split && !back->soft[i])
                share *= HIDDEN;
            float tint = back->clipped[below] ? TINT : 1;
            const float *noise = back->noise[below];
            float chroma_area = logf(noise[1] * noise[2]),
                  volume = logf(noise[0]) + chroma_area;
            float lit = logf(1 - share) - 0.5f * back->plain[i] - volume - 1.5f * LN_2PI;
            float light = MAX(back->colour[3 * i] + 16, 1.0f);
            float dark = logf(share * (in_shadow(back->bright[i]) + 1e-6f) / (0.7f * light)) -
                         0.5f * back->chroma[i] / (tint * tint) - chroma_area - 2 * logf(tint) -
                         LN_2PI;
            float best = MAX(lit, dark) - (back->known[i] ? 0 : ENCLOSED);
            ret_log[i] = MAX(best, ANY - RARE);
        }
    }
}

static void
score_pixels(const OrfCutoutWork *work, const OrfBackdrop *back, const OrfCutoutHint *hint,
             const float *background, const OrfGmm *subject, float *ret_score)
{
    size_t w = work->width, h = work->height;
    for (size_t y = 0, i = 0; y < h; y++) {
        for (size_t x = 0; x < w; x++, i++) {
            float in = ANY;
            if (subject->n)
                in =
                    MAX(logf(0.3f) + ANY, logf(0.7f) + orf_gmm_log(subject, work->lab + 3 * i));
            ret_score[i] = in - background[i];
            bool frame = !x || !y || x == w - 1 || y == h - 1;
            if (frame && back->plain[i] < FITS)
                ret_score[i] = -ORF_CUT_HARD;
        }
    }
    orf_cut_hint(work, hint, ret_score);
}

/* The pixels that teach the subject's colours: after the first cut only those that no
 * background explains, if there are enough. */
static void
choose_sure(const OrfCutoutWork *work, const uint8_t *mask, const float *score, bool first,
            uint8_t *ret_sure)
{
    for (size_t i = 0; i < work->n; i++)
        ret_sure[i] = mask[i] && (!first || score[i] > 1);
    if (orf_mask_count(ret_sure, work->n) < FEW)
        memcpy(ret_sure, mask, work->n);
}

typedef struct {
    float *background, *score;
    uint8_t *sure, *before;
} Scratch;

static void
scratch_clear(Scratch *scratch)
{
    orf_free(scratch->background);
    orf_free(scratch->score);
    orf_free(scratch->sure);
    orf_free(scratch->before);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scratch, scratch_clear)

static bool
scratch_alloc(OrfTask *task, size_t n, Scratch *scratch, GError **error)
{
    return (scratch->background = ORF_ALLOC(task, float, n, "cut out", error)) &&
           (scratch->score = ORF_ALLOC(task, float, n, "cut out", error)) &&
           (scratch->sure = ORF_ALLOC(task, uint8_t, n, "cut out", error)) &&
           (scratch->before = ORF_ALLOC(task, uint8_t, n, "cut out", error));
}

static size_t
changed(const uint8_t *a, const uint8_t *b, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += a[i] != b[i];
    return count;
}

static bool
cut_rounds(OrfTask *task, const OrfCutoutWork *work, const OrfBackdrop *back,
           const OrfCutoutHint *hint, uint8_t *ret_mask, GError **error)
{
    g_auto(Scratch) s = { 0 };
    g_auto(OrfCutLinks) links = { 0 };
    double noise = hypot(back->noise[0][0], hypot(back->noise[0][1], back->noise[0][2]));
    if (!scratch_alloc(task, work->n, &s, error) ||
        !orf_cut_links_init(task, work, back->colour, noise, &links, error))
        return false;
    OrfGmm subject = { 0 };
    score_background(work, back, s.background);
    for (int round = 0; round < ROUNDS; round++) {
        score_pixels(work, back, hint, s.background, &subject, s.score);
        if (!orf_cut(task, work, &links, s.score, ret_mask, error))
            return false;
        if (orf_mask_count(ret_mask, work->n) < FEW ||
            (round && changed(ret_mask, s.before, work->n) * 1000 < work->n))
            break;
        memcpy(s.before, ret_mask, work->n);
        choose_sure(work, ret_mask, s.score, !round, s.sure);
        orf_gmm_fit(work, s.sure, hint->seed, &subject);
    }
    return orf_mask_clean(task, work->width, work->height, ret_mask, 0.02,
                          MAX(6, 0.0003 * (double)work->n), error);
}

static double
ramp(double value, double from, double to)
{
    return CLAMP((value - from) / (to - from), 0, 1);
}

/* Border that fits, contrast at the rim, a subject off the frame and not in crumbs (letters are
 * pieces, too). */
static void
judge(const OrfBackdrop *back, const OrfMaskLook *look, OrfCutout *how)
{
    how->confidence = ramp(back->share, 0.5, 0.9) * ramp(back->sides, 1, 3) *
                      (0.3 + 0.7 * ramp(look->contrast, 2, 14)) * (1 - look->frame) *
                      ramp(look->largest, 0, 0.15) * ramp(look->coverage, 0, 0.005) *
                      (1 - ramp(look->coverage, 0.9, 1));
    const char *what = back->split ? "a table and a wall, or the like" : "an even background";
    g_snprintf(how->reason, sizeof how->reason,
               "stands out from %s: %.0f %% of the border fits, contrast at the rim %.0f dE",
               what, 100 * back->share, look->contrast);
}

bool
orf_cutout_scene(OrfTask *task, const OrfCutoutWork *work, const OrfBackdrop *backdrop,
                 const OrfCutoutHint *hint, uint8_t *ret_mask, OrfCutout *ret_how,
                 GError **error)
{
    OrfMaskLook look;
    if (!cut_rounds(task, work, backdrop, hint, ret_mask, error) ||
        !orf_mask_look(task, work, ret_mask, &look, error))
        return false;
    judge(backdrop, &look, ret_how);
    return true;
}
