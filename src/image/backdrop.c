/* backdrop.c - the background as it would be without the subject: one smooth region, or two,
 * one above the other (a table before a wall).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *        left strip          right strip        1 steps in both strips give the line
 *          |  wall              |               2 a robust plane per region from the border
 * ring |      +------+      |               3 flood from the frame through what fits and does
 *          +------|      |------+  line           not cross an edge; refit a quadric to the
 *          |      |      |      |                 flooded pixels; twice
 *          |  table ------      |
 *
 * The flood is stopped by weak edges that a colour test does not see: a lamp of the wall's
 * colour would otherwise teach the model its own colour. Regions keep their own noise. */
#include "image/backdrop-priv.h"

#include <math.h>

enum { ROUNDS = 2 };
static const float FAR = 6;       /* dE: the border fits the model below this */
static const float NEAR = 14;     /* squared noise units: fits while flooding */
static const float NEAR_RING = 9; /* the same at the border, where edges do not stop */
static const float EDGE = 1.5f;   /* noise units per two pixels that stop the flood */
static const float HARD = 5;   /* noise units per two pixels that a shadow's edge stays below */
static const float TINT = 100; /* squared noise units of chroma that a shadow stays below */
static const float SPREAD = 1.3f; /* noise is taken this much larger than measured */
static const float LEAST[3] = { 1, 0.75f, 0.75f }; /* dE */
static const float BAND = 2.5f; /* pixels beside the line where both regions mix */
static const float STEP = 4;    /* dE: smallest step that is a line */

/* --- The line ----------------------------------------------------------------------------- */

/* Size of the colour step at each row of a strip `wide` pixels wide that begins at column x. */
static void
steps_of(const OrfCutoutWork *work, unsigned x, unsigned wide, float (*sum)[3], float *ret_step)
{
    unsigned h = work->height, k = MAX(3, h / 40);
    for (unsigned y = 0; y < h; y++) {
        for (int c = 0; c < 3; c++) {
            float row = 0;
            for (unsigned i = 0; i < wide; i++)
                row += work->lab[3 * ((size_t)y * work->width + x + i) + (size_t)c];
            sum[y + 1][c] = sum[y][c] + row / (float)wide;
        }
    }
    for (unsigned y = 0; y < h; y++) {
        ret_step[y] = 0;
        for (int c = 0; c < 3 && y >= 2 * k && y + 2 * k < h; c++) {
            float d = (sum[y + k][c] - 2 * sum[y][c] + sum[y - k][c]) / (float)k;
            ret_step[y] += d * d;
        }
        ret_step[y] = sqrtf(ret_step[y]);
    }
}

/* Picks a row on each side: strong steps on both, nearly level. */
static bool
pick_line(const float *left, const float *right, unsigned h, float ret_line[2])
{
    float best = 0;
    for (unsigned l = 0; l < h; l++) {
        unsigned from = l > h / 8 ? l - h / 8 : 0, to = MIN(h, l + h / 8);
        for (unsigned r = from; r < to && left[l] >= STEP; r++) {
            float value = MIN(left[l], right[r]) + 0.25f * (left[l] + right[r]) -
                          0.3f * (float)ABS((int)l - (int)r);
            if (right[r] < STEP || value <= best)
                continue;
            best = value;
            ret_line[0] = (float)l;
            ret_line[1] = (float)r;
        }
    }
    return best > 0;
}

static bool
find_line(OrfTask *task, const OrfCutoutWork *work, bool *ret_found, float ret_line[2],
          GError **error)
{
    unsigned h = work->height, wide = MAX(2, work->width / 50);
    orf_autofree float *step = ORF_ALLOC(task, float, 5 * (size_t)h + 3, "border", error);
    if (!step)
        return false;
    float *left = step, *right = step + h;
    steps_of(work, 0, wide, (float(*)[3])(step + 2 * h), left);
    memset(step + 2 * h, 0, 3 * sizeof *step);
    steps_of(work, work->width - wide, wide, (float(*)[3])(step + 2 * h), right);
    *ret_found = pick_line(left, right, h, ret_line);
    return true;
}

float
orf_backdrop_line(const OrfBackdrop *backdrop, unsigned width, unsigned x)
{
    if (!backdrop->split)
        return 1e9f;
    return backdrop->line[0] +
           (backdrop->line[1] - backdrop->line[0]) * (float)x / (float)width;
}

/* --- First guess: a plane through the border ring ----------------------------------------- */

static bool
on_ring(const OrfCutoutWork *work, unsigned x, unsigned y)
{
    unsigned ring = MAX(2, work->width / 50);
    return x < ring || y < ring || x + ring >= work->width || y + ring >= work->height;
}

/* The next column of the ring after x in that row. */
static unsigned
next_on_ring(const OrfCutoutWork *work, unsigned x, unsigned y)
{
    return on_ring(work, x + 1, y) ? x + 1 : work->width - MAX(2, work->width / 50);
}

/* Region 0 or 1 of a pixel; -1 in the mixed band beside the line. */
static int
region_of(const OrfBackdrop *backdrop, unsigned width, unsigned x, unsigned y)
{
    float below = (float)y - orf_backdrop_line(backdrop, width, x);
    return fabsf(below) < BAND ? -1 : below > 0;
}

static float
residual(const OrfBackdropSurface *surface, const OrfCutoutWork *work, unsigned x, unsigned y)
{
    float model[3];
    orf_surface_at(surface, work, x, y, model);
    const float *lab = work->lab + 3 * ((size_t)y * work->width + x);
    float a = lab[0] - model[0], b = lab[1] - model[1], c = lab[2] - model[2];
    return sqrtf(a * a + b * b + c * c);
}

/* Tukey's weights, the scale from the median residual, six rounds. */
static void
fit_ring(const OrfCutoutWork *work, const OrfBackdrop *backdrop, int region,
         OrfBackdropSurface *surface)
{
    float scale = 0;
    for (int round = 0; round < 6; round++) {
        OrfBackdropFit fit = { .terms = 3 };
        OrfHistogram rest = { 0 };
        for (unsigned y = 0; y < work->height; y++) {
            for (unsigned x = 0; x < work->width; x = next_on_ring(work, x, y)) {
                if (region_of(backdrop, work->width, x, y) != region)
                    continue;
                float r = round ? residual(surface, work, x, y) : 0;
                float u = round > 1 ? r / (4.7f * scale) : 0;
                orf_histogram_add(&rest, r);
                if (u < 1)
                    orf_fit_add(&fit, work, x, y, (1 - u * u) * (1 - u * u));
            }
        }
        orf_fit_solve(&fit, surface);
        scale = MAX(0.5f, 1.4826f * orf_histogram_median(&rest));
    }
}

/* --- The model over the whole picture ----------------------------------------------------- */

static void
paint(const OrfCutoutWork *work, const OrfBackdropSurface surface[2], OrfBackdrop *backdrop)
{
    for (unsigned y = 0; y < work->height; y++)
        for (unsigned x = 0; x < work->width; x++)
            orf_surface_at(&surface[(float)y >= orf_backdrop_line(backdrop, work->width, x)],
                           work, x, y, backdrop->colour + 3 * ((size_t)y * work->width + x));
}

/* Distance of a colour beside the line to the mixture of both regions there. */
static float
mixed(const float *lab, const float *up, const float *down, const float *noise)
{
    float along = 0, length = 1e-3f, sum = 0;
    for (int c = 0; c < 3; c++) {
        along += (lab[c] - up[c]) * (down[c] - up[c]);
        length += (down[c] - up[c]) * (down[c] - up[c]);
    }
    float t = CLAMP(along / length, 0, 1);
    for (int c = 0; c < 3; c++) {
        float d = (lab[c] - up[c] - t * (down[c] - up[c])) / noise[c];
        sum += d * d;
    }
    return sum;
}

/* Splits the difference to the model into brightness and the rest. Lab scales evenly about L =
 * -16 when light fades, so a shadow moves a colour along the line to that point. */
static void
compare(const float *lab, const float *model, const float *noise, float *ret_plain,
        float *ret_chroma, float *ret_bright)
{
    float p[3] = { lab[0] + 16, lab[1], lab[2] }, q[3] = { model[0] + 16, model[1], model[2] };
    float bright = (p[0] * q[0] + p[1] * q[1] + p[2] * q[2]) /
                   (q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + 1e-6f);
    float plain = 0, chroma = 0;
    for (int c = 0; c < 3; c++) {
        float d = (p[c] - q[c]) / noise[c], e = (p[c] - bright * q[c]) / noise[c];
        plain += d * d;
        chroma += e * e;
    }
    *ret_plain = plain;
    *ret_chroma = chroma;
    *ret_bright = bright;
}

static void
measure(const OrfCutoutWork *work, const OrfBackdropSurface surface[2], OrfBackdrop *backdrop)
{
    for (unsigned y = 0; y < work->height; y++) {
        for (unsigned x = 0; x < work->width; x++) {
            size_t i = (size_t)y * work->width + x;
            float below = (float)y - orf_backdrop_line(backdrop, work->width, x);
            const float *noise = backdrop->noise[below >= 0], *lab = work->lab + 3 * i;
            compare(lab, backdrop->colour + 3 * i, noise, &backdrop->plain[i],
                    &backdrop->chroma[i], &backdrop->bright[i]);
            if (fabsf(below) >= BAND)
                continue;
            float up[3], down[3];
            orf_surface_at(&surface[0], work, x, y, up);
            orf_surface_at(&surface[1], work, x, y, down);
            backdrop->plain[i] = MIN(backdrop->plain[i], mixed(lab, up, down, noise));
        }
    }
}

/* --- Growing inward ----------------------------------------------------------------------- */

/* Difference to the model in noise units, blurred a little; `half` is scratch. [n][3] */
static void
smooth_rest(const OrfCutoutWork *work, const OrfBackdrop *backdrop, float *half,
            float *ret_rest)
{
    size_t w = work->width, h = work->height;
    for (unsigned y = 0; y < h; y++) {
        for (unsigned x = 0; x < w; x++) {
            size_t i = 3 * (y * w + x);
            const float *noise =
                backdrop->noise[(float)y >= orf_backdrop_line(backdrop, work->width, x)];
            for (size_t c = 0; c < 3; c++)
                ret_rest[i + c] = (work->lab[i + c] - backdrop->colour[i + c]) / noise[c];
        }
    }
    orf_binomial(ret_rest, half, w, h);
}

static float
slope_at(const float *rest, size_t w, size_t h, size_t x, size_t y)
{
    size_t left = y * w + (x ? x - 1 : x), right = y * w + MIN(x + 1, w - 1);
    size_t up = (y ? y - 1 : y) * w + x, down = MIN(y + 1, h - 1) * w + x;
    float sum = 0;
    for (size_t c = 0; c < 3; c++) {
        float dx = rest[3 * right + c] - rest[3 * left + c];
        float dy = rest[3 * down + c] - rest[3 * up + c];
        sum += dx * dx + dy * dy;
    }
    return sum;
}

static bool
flood(OrfTask *task, const OrfCutoutWork *work, OrfBackdrop *backdrop, float *rest, float *half,
      GError **error)
{
    smooth_rest(work, backdrop, half, rest);
    for (unsigned y = 0; y < work->height; y++) {
        for (unsigned x = 0; x < work->width; x++) {
            size_t i = (size_t)y * work->width + x;
            bool line = region_of(backdrop, work->width, x, y) < 0;
            bool even = line || slope_at(rest, work->width, work->height, x, y) < EDGE * EDGE;
            bool ring = backdrop->plain[i] < NEAR_RING && on_ring(work, x, y);
            backdrop->known[i] = ring || (even && backdrop->plain[i] < NEAR);
        }
    }
    return orf_mask_flood(task, work->width, work->height, backdrop->known, error);
}

/* What may be shadow and is reached from the frame over no hard edge; `rest` is still smooth.
 */
static bool
flood_shadow(OrfTask *task, const OrfCutoutWork *work, OrfBackdrop *backdrop, const float *rest,
             GError **error)
{
    for (unsigned y = 0; y < work->height; y++) {
        for (unsigned x = 0; x < work->width; x++) {
            size_t i = (size_t)y * work->width + x;
            bool line = region_of(backdrop, work->width, x, y) < 0;
            bool even = line || slope_at(rest, work->width, work->height, x, y) < HARD * HARD;
            bool shade = backdrop->bright[i] < 1.03f && backdrop->chroma[i] < TINT;
            backdrop->soft[i] = backdrop->known[i] || (even && shade);
        }
    }
    return orf_mask_flood(task, work->width, work->height, backdrop->soft, error);
}

static void
refit(const OrfCutoutWork *work, OrfBackdrop *backdrop, int region, OrfBackdropSurface *surface)
{
    OrfBackdropFit fit = { .terms = 6 };
    for (unsigned y = 0; y < work->height; y++)
        for (unsigned x = y & 1; x < work->width; x += 2)
            if (backdrop->known[(size_t)y * work->width + x] &&
                region_of(backdrop, work->width, x, y) == region)
                orf_fit_add(&fit, work, x, y, 1);
    if (fit.n >= 60)
        orf_fit_solve(&fit, surface);
}

/* Median absolute difference of the known pixels, as a standard deviation; are they
 * overexposed? */
static void
measure_noise(const OrfCutoutWork *work, const OrfBackdropSurface *surface, int region,
              OrfBackdrop *backdrop)
{
    OrfHistogram rest[3] = { 0 };
    unsigned clipped = 0;
    for (unsigned y = 0; y < work->height; y++) {
        for (unsigned x = y & 1; x < work->width; x += 2) {
            size_t i = (size_t)y * work->width + x;
            if (!backdrop->known[i] || region_of(backdrop, work->width, x, y) != region)
                continue;
            float model[3];
            orf_surface_at(surface, work, x, y, model);
            clipped += work->clipped[i];
            for (int c = 0; c < 3; c++)
                orf_histogram_add(&rest[c], fabsf(work->lab[3 * i + (size_t)c] - model[c]));
        }
    }
    for (int c = 0; c < 3; c++)
        backdrop->noise[region][c] =
            MAX(LEAST[c], SPREAD * 1.4826f * orf_histogram_median(&rest[c]));
    backdrop->clipped[region] = clipped * 5 > rest[0].n;
}

/* --- Judging and building ----------------------------------------------------------------- */

static void
judge(const OrfCutoutWork *work, OrfBackdrop *backdrop)
{
    unsigned all[5] = { 0 }, fits[5] = { 0 }, w = work->width, h = work->height;
    for (unsigned y = 0; y < h; y++) {
        for (unsigned x = 0; x < w; x = next_on_ring(work, x, y)) {
            const float *p = work->lab + 3 * ((size_t)y * w + x);
            const float *q = backdrop->colour + 3 * ((size_t)y * w + x);
            float a = p[0] - q[0], b = p[1] - q[1], c = p[2] - q[2];
            bool mix = region_of(backdrop, w, x, y) < 0;
            bool fit = mix || a * a + b * b + c * c < FAR * FAR;
            unsigned ring = MAX(2, w / 50);
            bool on[5] = { x < ring, x + ring >= w, y < ring, y + ring >= h, true };
            for (int s = 0; s < 5; s++) {
                all[s] += on[s];
                fits[s] += on[s] && fit;
            }
        }
    }
    backdrop->share = (double)fits[4] / MAX(all[4], 1u);
    backdrop->sides = 0;
    for (int s = 0; s < 4; s++)
        backdrop->sides += 2 * fits[s] >= all[s];
}

static bool
backdrop_alloc(OrfTask *task, const OrfCutoutWork *work, OrfBackdrop *backdrop, GError **error)
{
    const char *what = "background";
    return (backdrop->colour = ORF_ALLOC(task, float, work->n * 3, what, error)) &&
           (backdrop->plain = ORF_ALLOC(task, float, work->n, what, error)) &&
           (backdrop->chroma = ORF_ALLOC(task, float, work->n, what, error)) &&
           (backdrop->bright = ORF_ALLOC(task, float, work->n, what, error)) &&
           (backdrop->known = ORF_ALLOC(task, uint8_t, work->n, what, error)) &&
           (backdrop->soft = ORF_ALLOC(task, uint8_t, work->n, what, error));
}

static bool
grow_model(OrfTask *task, const OrfCutoutWork *work, OrfBackdrop *backdrop,
           OrfBackdropSurface surface[2], GError **error)
{
    orf_autofree float *rest = ORF_ALLOC(task, float, work->n * 3, "background", error);
    orf_autofree float *half =
        rest ? ORF_ALLOC(task, float, work->n * 3, "background", error) : NULL;
    if (!half)
        return false;
    for (int round = 0; round < ROUNDS; round++) {
        paint(work, surface, backdrop);
        measure(work, surface, backdrop);
        if (!flood(task, work, backdrop, rest, half, error) || !orf_task_check(task, error))
            return false;
        if (round + 1 == ROUNDS)
            break; /* `rest` belongs to the last model */
        for (int region = 0; region <= backdrop->split; region++) {
            refit(work, backdrop, region, &surface[region]);
            measure_noise(work, &surface[region], region, backdrop);
        }
    }
    judge(work, backdrop);
    return flood_shadow(task, work, backdrop, rest, error);
}

/* Planes and noise of the border ring alone. */
static void
fit_border(const OrfCutoutWork *work, OrfBackdrop *backdrop, OrfBackdropSurface surface[2])
{
    for (unsigned y = 0; y < work->height; y++)
        for (unsigned x = 0; x < work->width; x++)
            backdrop->known[(size_t)y * work->width + x] = on_ring(work, x, y);
    for (int region = 0; region <= backdrop->split; region++) {
        fit_ring(work, backdrop, region, &surface[region]);
        measure_noise(work, &surface[region], region, backdrop);
    }
}

bool
orf_backdrop_init(OrfTask *task, const OrfCutoutWork *work, bool may_split, OrfBackdrop *ret,
                  GError **error)
{
    g_auto(OrfBackdrop) backdrop = { 0 };
    OrfBackdropSurface surface[2] = { 0 };
    if (!backdrop_alloc(task, work, &backdrop, error))
        return false;
    if (work->width >= 8 && work->height >= 8) {
        if (may_split && !find_line(task, work, &backdrop.split, backdrop.line, error))
            return false;
        fit_border(work, &backdrop, surface);
        if (!grow_model(task, work, &backdrop, surface, error))
            return false;
    }
    *ret = backdrop;
    backdrop = (OrfBackdrop){ 0 };
    return true;
}

void
orf_backdrop_clear(OrfBackdrop *backdrop)
{
    orf_free(backdrop->colour);
    orf_free(backdrop->plain);
    orf_free(backdrop->chroma);
    orf_free(backdrop->bright);
    orf_free(backdrop->known);
    orf_free(backdrop->soft);
    *backdrop = (OrfBackdrop){ 0 };
}
