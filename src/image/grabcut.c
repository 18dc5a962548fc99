/* grabcut.c - subject and background each as a mixture of colours, cut apart, learnt anew.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * After Rother 2004, with saliency in the place of the user's rectangle: it picks the first
 * colours and stays as a weak prior, so that the mixtures do not drift off. Nothing on the
 * frame is held to be background: a subject may leave the picture. */
#include "image/cutout-priv.h"

#include <math.h>

enum { ROUNDS = 5, FEW = 20, BINS = 256 };
static const float PRIOR = 2; /* most that saliency adds to a score, ln */

typedef struct {
    float *saliency, *score;
    uint8_t *in, *out, *before;
} Scratch;

static void
scratch_clear(Scratch *scratch)
{
    orf_free(scratch->saliency);
    orf_free(scratch->score);
    orf_free(scratch->in);
    orf_free(scratch->out);
    orf_free(scratch->before);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scratch, scratch_clear)

static bool
scratch_alloc(OrfTask *task, size_t n, Scratch *scratch, GError **error)
{
    return (scratch->saliency = ORF_ALLOC(task, float, n, "cut out", error)) &&
           (scratch->score = ORF_ALLOC(task, float, n, "cut out", error)) &&
           (scratch->in = ORF_ALLOC(task, uint8_t, n, "cut out", error)) &&
           (scratch->out = ORF_ALLOC(task, uint8_t, n, "cut out", error)) &&
           (scratch->before = ORF_ALLOC(task, uint8_t, n, "cut out", error));
}

/* The threshold that separates two groups of values 0..1 best (Otsu 1979). */
static float
otsu(const float *values, size_t n)
{
    double bins[BINS] = { 0 }, sum = 0, below = 0, sum_below = 0, best = -1;
    int at = BINS / 2;
    for (size_t i = 0; i < n; i++)
        bins[(int)(values[i] * (BINS - 1))]++;
    for (int k = 0; k < BINS; k++)
        sum += k * bins[k];
    for (int k = 0; k < BINS; k++) {
        below += bins[k];
        sum_below += k * bins[k];
        double above = (double)n - below;
        if (below < 1 || above < 1)
            continue;
        double apart = sum_below / below - (sum - sum_below) / above;
        double value = below * above * apart * apart;
        if (value > best) {
            best = value;
            at = k;
        }
    }
    return ((float)at + 0.5f) / BINS;
}

/* First guess: clearly salient, clearly not, and nothing outside the box. */
static void
first_guess(const OrfCutoutWork *work, const OrfCutoutHint *hint, float threshold, Scratch *s)
{
    memset(s->score, 0, work->n * sizeof *s->score);
    orf_cut_hint(work, hint, s->score);
    for (unsigned y = 0; y < work->height; y++) {
        for (unsigned x = 0; x < work->width; x++) {
            size_t i = (size_t)y * work->width + x;
            bool frame = !x || !y || x + 1 == work->width || y + 1 == work->height;
            bool boxed_out = s->score[i] < 0;
            s->in[i] = !boxed_out && s->saliency[i] > 1.2f * threshold;
            s->out[i] = boxed_out || frame || s->saliency[i] < 0.5f * threshold;
        }
    }
}

static void
score_pixels(const OrfCutoutWork *work, const OrfGmm *in, const OrfGmm *out, float threshold,
             const OrfCutoutHint *hint, Scratch *s)
{
    for (size_t i = 0; i < work->n; i++) {
        float prior = (s->saliency[i] - threshold) / MAX(threshold, 1e-3f);
        s->score[i] = orf_gmm_log(in, work->lab + 3 * i) - orf_gmm_log(out, work->lab + 3 * i) +
                      PRIOR * CLAMP(prior, -1, 1);
        s->score[i] = CLAMP(s->score[i], 1 - ORF_CUT_HARD, ORF_CUT_HARD - 1);
    }
    orf_cut_hint(work, hint, s->score);
}

/* True when next to nothing changed since the round before. */
static bool
learn_from(const OrfCutoutWork *work, const uint8_t *mask, Scratch *s)
{
    size_t changed = 0;
    for (size_t i = 0; i < work->n; i++) {
        changed += mask[i] != s->before[i];
        s->before[i] = s->in[i] = mask[i];
        s->out[i] = !mask[i];
    }
    return changed * 1000 < work->n;
}

static bool
enough(const OrfCutoutWork *work, const Scratch *s)
{
    return orf_mask_count(s->in, work->n) >= FEW && orf_mask_count(s->out, work->n) >= FEW;
}

static bool
cut_rounds(OrfTask *task, const OrfCutoutWork *work, const OrfCutoutHint *hint, Scratch *s,
           uint8_t *ret_mask, GError **error)
{
    g_auto(OrfCutLinks) links = { 0 };
    if (!orf_saliency(task, work, s->saliency, error) ||
        !orf_cut_links_init(task, work, NULL, 0, &links, error))
        return false;
    float threshold = otsu(s->saliency, work->n);
    first_guess(work, hint, threshold, s);
    memset(ret_mask, 0, work->n);
    for (int round = 0; round < ROUNDS && enough(work, s); round++) {
        OrfGmm in, out;
        orf_gmm_fit(work, s->in, hint->seed, &in);
        orf_gmm_fit(work, s->out, hint->seed + 1, &out);
        score_pixels(work, &in, &out, threshold, hint, s);
        if (!orf_cut(task, work, &links, s->score, ret_mask, error))
            return false;
        if (learn_from(work, ret_mask, s))
            break;
    }
    return orf_mask_clean(task, work->width, work->height, ret_mask, 0.05,
                          MAX(6, 0.001 * (double)work->n), error);
}

/* Share of pixels whose own colour, without their neighbours, puts them where the cut did. */
static double
purity(const OrfCutoutWork *work, const uint8_t *mask, const float *score)
{
    double in = 0, out = 0, in_right = 0, out_right = 0;
    for (size_t i = 0; i < work->n; i++) {
        in += mask[i];
        out += !mask[i];
        in_right += mask[i] && score[i] > 0;
        out_right += !mask[i] && score[i] < 0;
    }
    return in > 0 && out > 0 ? MIN(in_right / in, out_right / out) : 0;
}

static double
ramp(double value, double from, double to)
{
    return CLAMP((value - from) / (to - from), 0, 1);
}

/* Never more than 0.8: without a known background a photograph may always mean something else.
 */
static void
judge(const OrfMaskLook *look, double pure, OrfCutout *how)
{
    double clear = look->weak / MAX(look->clutter, 2); /* rim against edges of the background */
    how->confidence = 0.8 * ramp(pure, 0.6, 0.95) * ramp(look->contrast, 4, 20) *
                      ramp(clear, 0.3, 1.2) * (1 - ramp(look->frame, 0, 0.3)) *
                      ramp(look->largest, 0.3, 0.9) * ramp(look->coverage, 0, 0.02) *
                      (1 - ramp(look->coverage, 0.7, 0.95));
    g_snprintf(
        how->reason, sizeof how->reason,
        "colours and position set it off a mixed background: %.0f %% of the pixels agree, "
        "%.0f %% of the rim is on the frame",
        100 * pure, 100 * look->frame);
}

bool
orf_cutout_grabcut(OrfTask *task, const OrfCutoutWork *work, const OrfCutoutHint *hint,
                   uint8_t *ret_mask, OrfCutout *ret_how, GError **error)
{
    g_auto(Scratch) s = { 0 };
    OrfMaskLook look;
    if (!scratch_alloc(task, work->n, &s, error) ||
        !cut_rounds(task, work, hint, &s, ret_mask, error) ||
        !orf_mask_look(task, work, ret_mask, &look, error))
        return false;
    judge(&look, purity(work, ret_mask, s.score), ret_how);
    return true;
}
