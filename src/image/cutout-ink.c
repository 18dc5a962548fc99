/* cutout-ink.c - a drawing: lines on paper become the shape they enclose.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The flat method has found the strokes. When they are dark, thin everywhere and fence
 * something in, gaps are closed by growing them, the outside is flooded, and what is left is
 * shrunk back. The smallest growth that encloses most of what the largest would is taken. */
#include "image/cutout-priv.h"

enum { TRIES = 5 };
static const double THIN = 0.025; /* of the longer side: widest stroke */
static const double MOST = 0.6;   /* share of what the widest closing encloses */

/* Mean width of a shape made of lines: twice its area by its outline. */
static double
stroke_width(const OrfCutoutWork *work, const uint8_t *mask)
{
    size_t area = 0, outline = 0, w = work->width;
    for (size_t i = 0; i < work->n; i++) {
        area += mask[i];
        outline += i % w && mask[i] != mask[i - 1];
        outline += i >= w && mask[i] != mask[i - w];
    }
    return outline ? 2.0 * (double)area / (double)outline : 0;
}

/* Light grey paper, strokes much darker. */
static bool
is_paper(const OrfCutoutWork *work, const uint8_t *mask)
{
    double paper[3] = { 0 }, ink = 0, n_paper = 0, n_ink = 0;
    for (size_t i = 0; i < work->n; i++) {
        const float *lab = work->lab + 3 * i;
        ink += mask[i] ? lab[0] : 0;
        n_ink += mask[i];
        n_paper += !mask[i];
        for (int c = 0; c < 3; c++)
            paper[c] += mask[i] ? 0 : lab[c];
    }
    if (!n_ink || !n_paper)
        return false;
    double a = paper[1] / n_paper, b = paper[2] / n_paper;
    return paper[0] / n_paper > 65 && a * a + b * b < 15 * 15 &&
           ink / n_ink < paper[0] / n_paper - 20;
}

/* Little is left of lines when they are shrunk by more than their width. */
static bool
is_lines(OrfTask *task, const OrfCutoutWork *work, const uint8_t *mask, double width,
         bool *ret_lines, GError **error)
{
    orf_autofree uint8_t *core = ORF_ALLOC(task, uint8_t, work->n, "lines", error);
    if (!core)
        return false;
    memcpy(core, mask, work->n);
    if (!orf_mask_grow(task, work->width, work->height, core, (unsigned)(width + 0.5), true,
                       error))
        return false;
    *ret_lines = width <= THIN * MAX(work->width, work->height) &&
                 orf_mask_count(core, work->n) * 20 < orf_mask_count(mask, work->n);
    return true;
}

/* `ret` becomes the strokes and what they enclose when gaps up to 2 `radius` are closed. */
static bool
enclose(OrfTask *task, const OrfCutoutWork *work, const uint8_t *strokes, unsigned radius,
        uint8_t *ret, GError **error)
{
    unsigned w = work->width, h = work->height;
    memcpy(ret, strokes, work->n);
    if (!orf_mask_grow(task, w, h, ret, radius, false, error))
        return false;
    for (size_t i = 0; i < work->n; i++)
        ret[i] = !ret[i];
    if (!orf_mask_flood(task, w, h, ret, error))
        return false;
    for (size_t i = 0; i < work->n; i++)
        ret[i] = !ret[i];
    if (!orf_mask_grow(task, w, h, ret, radius, true, error))
        return false;
    for (size_t i = 0; i < work->n; i++)
        ret[i] |= strokes[i];
    return true;
}

/* Tries growing radii; `ret_body` is the chosen shape, `ret_inside` what it has beside strokes.
 */
static bool
choose(OrfTask *task, const OrfCutoutWork *work, const uint8_t *strokes, double width,
       uint8_t *ret_body, size_t *ret_inside, GError **error)
{
    size_t inside[TRIES], ink = orf_mask_count(strokes, work->n), most = 0;
    unsigned radius[TRIES];
    for (int k = 0; k < TRIES; k++) {
        radius[k] = (unsigned)(k * width + 0.5);
        if (!enclose(task, work, strokes, radius[k], ret_body, error))
            return false;
        inside[k] = orf_mask_count(ret_body, work->n) - ink;
        most = MAX(most, inside[k]);
    }
    int k = 0;
    while ((double)inside[k] < MOST * (double)most)
        k++;
    *ret_inside = inside[k];
    return enclose(task, work, strokes, radius[k], ret_body, error);
}

bool
orf_cutout_ink(OrfTask *task, const OrfCutoutWork *work, uint8_t *mask, OrfCutout *ret_how,
               bool *ret_done, GError **error)
{
    bool lines = false;
    double width = stroke_width(work, mask);
    *ret_done = false;
    if (!is_paper(work, mask))
        return true;
    if (!is_lines(task, work, mask, width, &lines, error))
        return false;
    orf_autofree uint8_t *body =
        lines ? ORF_ALLOC(task, uint8_t, work->n, "lines", error) : NULL;
    size_t inside = 0;
    if (!lines)
        return true;
    if (!body || !choose(task, work, mask, width, body, &inside, error))
        return false;
    size_t ink = orf_mask_count(mask, work->n);
    if (inside < ink)
        return true;
    memcpy(mask, body, work->n);
    *ret_done = true;
    ret_how->confidence = 0.85;
    g_snprintf(ret_how->reason, sizeof ret_how->reason,
               "dark lines on paper enclose %.0f times their own area",
               (double)inside / (double)ink);
    return true;
}
