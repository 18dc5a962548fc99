/* hull-shape.c - round or box-like? Outlines from a few sides cannot tell, shading can.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A round thing darkens (or brightens) towards its rims along each row; a flat face does not.
 * So the logarithm of luminance is fitted, within parts of rows that have one chroma, to a tau
 * + b sqrt(1 - tau^2), tau = place in the run, -1..1. Paint is robustly ignored. Where pictures
 * carry no shading at all, straight upright and level outlines decide. */
#include "generate/hull-priv.h"

#include <math.h>
#include <string.h>

#define RIM 0.93f        /* |tau| beyond: antialiasing, highlights of the edge */
#define MIN_HALF 12      /* px; narrower runs tell nothing */
#define MIN_SAMPLES 6    /* of one chroma in a run */
#define TYPICAL 0.12f    /* scale of the robust fit, log luminance */
#define NO_SHADING 0.004 /* rms of log luminance within rows */
#define ROUND_SURE 0.028f
#define BOX_SURE 0.008f

/* --- Shading ------------------------------------------------------------------------------ */

typedef struct {
    float tau, arch, light; /* arch = sqrt(1 - tau^2); all less their mean in the group */
} Sample;

static float
linear(uint8_t value)
{
    float v = (float)value / 255;
    return v <= 0.04045f ? v / 12.92f : powf((v + 0.055f) / 1.055f, 2.4f);
}

/* A code of the chroma, coarse enough for noise. */
static int
chroma_code(const float rgb[3], float mean)
{
    int r = (int)lroundf(3 * logf((rgb[0] + 0.01f) / (mean + 0.01f)));
    int g = (int)lroundf(3 * logf((rgb[1] + 0.01f) / (mean + 0.01f)));
    return r * 64 + g;
}

/* Ends a group of samples of one chroma in one run: centres it, or drops it when small. */
static void
close_group(GArray *samples, guint begin)
{
    guint n = samples->len - begin;
    if (n < MIN_SAMPLES) {
        g_array_set_size(samples, begin);
        return;
    }
    Sample mean = { 0 }, *s = &g_array_index(samples, Sample, begin);
    for (guint i = 0; i < n; i++) {
        mean.tau += s[i].tau / (float)n;
        mean.arch += s[i].arch / (float)n;
        mean.light += s[i].light / (float)n;
    }
    for (guint i = 0; i < n; i++) {
        s[i].tau -= mean.tau;
        s[i].arch -= mean.arch;
        s[i].light = CLAMP(s[i].light - mean.light, -0.6f, 0.6f);
    }
}

typedef struct {
    const OrfHullView *view;
    const uint8_t *rgba;
    const float *lookup; /* linear light of a byte */
} Shaded;

/* Collects the samples of one row whose chroma is that of `code`, from x on, within one run;
 * marks them. */
static void
gather_group(const Shaded *shaded, const int *codes, bool *seen, unsigned y, unsigned from,
             unsigned to, GArray *samples)
{
    const OrfHullView *view = shaded->view;
    const float *runs = view->runs + 4 * (size_t)y * view->width;
    guint begin = samples->len;
    for (unsigned x = from; x < to; x += 2) {
        if (seen[x] || codes[x] != codes[from])
            continue;
        seen[x] = true;
        const uint8_t *p = shaded->rgba + 4 * ((size_t)y * view->width + x);
        float tau = ((float)x + 0.5f - runs[4 * x]) / runs[4 * x + 1];
        float mean = (shaded->lookup[p[0]] + shaded->lookup[p[1]] + shaded->lookup[p[2]]) / 3;
        Sample sample = { tau, sqrtf(MAX(0, 1 - tau * tau)), logf(mean + 0.005f) };
        g_array_append_val(samples, sample);
    }
    close_group(samples, begin);
}

static void
gather_run(const Shaded *shaded, int *codes, bool *seen, unsigned y, unsigned from, unsigned to,
           GArray *samples)
{
    const OrfHullView *view = shaded->view;
    for (unsigned x = from; x < to; x += 2) {
        const uint8_t *p = shaded->rgba + 4 * ((size_t)y * view->width + x);
        const float rgb[3] = { shaded->lookup[p[0]], shaded->lookup[p[1]],
                               shaded->lookup[p[2]] };
        seen[x] = p[3] < 250;
        codes[x] = chroma_code(rgb, (rgb[0] + rgb[1] + rgb[2]) / 3);
    }
    for (unsigned x = from; x < to; x += 2)
        if (!seen[x])
            gather_group(shaded, codes, seen, y, x, to, samples);
}

static void
gather(const Shaded *shaded, GArray *samples)
{
    const OrfHullView *view = shaded->view;
    g_autofree int *codes = g_new(int, view->width);
    g_autofree bool *seen = g_new(bool, view->width);
    unsigned step = MAX(1, view->height / 160);
    for (unsigned y = step / 2; y < view->height; y += step) {
        const float *runs = view->runs + 4 * (size_t)y * view->width;
        const float *distance = view->signed_px + (size_t)y * view->width;
        for (unsigned x = 0; x < view->width; x++) {
            if (distance[x] <= 0)
                continue;
            float middle = runs[4 * x], half = runs[4 * x + 1];
            unsigned end = (unsigned)CLAMP(middle + half, (float)x + 1, (float)view->width);
            if (half >= MIN_HALF)
                gather_run(shaded, codes, seen, y, (unsigned)MAX(middle - RIM * half, (float)x),
                           MIN(end, (unsigned)(middle + RIM * half)), samples);
            x = end;
        }
    }
}

typedef struct {
    double left, all; /* what is not paint: unexplained, in total */
    double strength;  /* of the shading, summed over samples */
    double energy;    /* of all light, paint too */
    double n;
} Fit;

/* Robust fit of light = a tau + b arch, added to `fit`. */
static void
fit_shading(const GArray *samples, Fit *fit)
{
    double a = 0, b = 0, left = 0, all = 1e-9;
    for (unsigned round = 0; round < 6; round++) {
        double m[5] = { 5e-3 * samples->len, 0, 5e-3 * samples->len, 0, 0 };
        left = 0;
        all = 1e-9;
        for (guint i = 0; i < samples->len; i++) {
            const Sample *s = &g_array_index(samples, Sample, i);
            double r = s->light - a * s->tau - b * s->arch;
            double w = 1 / (1 + r * r / (TYPICAL * TYPICAL));
            m[0] += w * s->tau * s->tau;
            m[1] += w * s->tau * s->arch;
            m[2] += w * s->arch * s->arch;
            m[3] += w * s->tau * s->light;
            m[4] += w * s->arch * s->light;
            left += w * r * r;
            all += w * s->light * s->light;
        }
        double det = m[0] * m[2] - m[1] * m[1];
        a = (m[3] * m[2] - m[4] * m[1]) / det;
        b = (m[4] * m[0] - m[3] * m[1]) / det;
    }
    fit->left += left;
    fit->all += all;
    fit->strength += sqrt(a * a + b * b) * samples->len;
    fit->n += samples->len;
    for (guint i = 0; i < samples->len; i++) {
        float light = g_array_index(samples, Sample, i).light;
        fit->energy += (double)(light * light);
    }
}

/* Strength times share explained. False: there is no shading to be seen. */
static bool
shading_roundness(const OrfHull *hull, OrfImage *const *pictures, float *ret_round)
{
    float lookup[256];
    for (unsigned i = 0; i < 256; i++)
        lookup[i] = linear((uint8_t)i);
    g_autoptr(GArray) samples = g_array_new(false, false, sizeof(Sample));
    Fit fit = { 0 };
    for (unsigned v = 0; v < hull->n_views; v++) {
        Shaded shaded = { &hull->views[v], orf_image_u8(pictures[v]), lookup };
        g_array_set_size(samples, 0);
        gather(&shaded, samples);
        if (samples->len >= 100)
            fit_shading(samples, &fit);
    }
    if (fit.n == 0 || sqrt(fit.energy / fit.n) < NO_SHADING)
        return false;
    *ret_round = (float)(fit.strength / fit.n * MAX(0, 1 - fit.left / fit.all));
    return true;
}

/* --- Straight outlines -------------------------------------------------------------------- */

/* Share of places on two opposite sides of an outline that lie on straight stretches of 8 % of
 * its size, within about 8 degrees of the axis. `edge[i]` < 0: nothing there. */
static float
straight_share(const float *edge, unsigned n, unsigned window)
{
    if (n <= window)
        return 0;
    g_autofree uint8_t *straight = g_new0(uint8_t, n);
    float spread = 0;
    for (unsigned i = 0; i < window; i++) {
        float x = (float)i - (float)(window - 1) / 2;
        spread += x * x;
    }
    for (unsigned i = 0; i + window <= n; i++) {
        float mean = 0, slope = 0, worst = 0;
        for (unsigned k = 0; k < window; k++)
            mean += edge[i + k] / (float)window;
        for (unsigned k = 0; k < window; k++)
            slope += ((float)k - (float)(window - 1) / 2) * (edge[i + k] - mean) / spread;
        for (unsigned k = 0; k < window; k++) {
            float r = edge[i + k] - mean - slope * ((float)k - (float)(window - 1) / 2);
            worst = MAX(worst, fabsf(r));
        }
        if (fabsf(slope) < 0.15f && worst < 1)
            memset(straight + i, 1, window);
    }
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++)
        count += straight[i];
    return (float)count / (float)n;
}

/* First or last covered place of each line of the picture; lines are rows, or columns. */
static unsigned
trace_side(const OrfHullView *view, bool columns, bool last, float *edge)
{
    const float *distance = view->signed_px;
    unsigned lines = columns ? view->width : view->height, n = 0;
    unsigned along = columns ? view->height : view->width;
    size_t line_step = columns ? 1 : view->width, step = columns ? view->width : 1;
    for (unsigned i = 0; i < lines; i++) {
        unsigned k = 0;
        while (k < along && distance[i * line_step + (last ? along - 1 - k : k) * step] <= 0)
            k++;
        if (k < along)
            edge[n++] = (float)(last ? along - 1 - k : k);
    }
    return n;
}

static float
straightness(const OrfHull *hull)
{
    float sum = 0;
    for (unsigned v = 0; v < hull->n_views; v++) {
        const OrfHullView *view = &hull->views[v];
        unsigned longest = MAX(view->width, view->height), window = MAX(8, longest * 8 / 100);
        g_autofree float *edge = g_new(float, longest);
        for (unsigned side = 0; side < 4; side++) {
            unsigned n = trace_side(view, side & 1, side & 2, edge);
            sum += straight_share(edge, n, window) / (4 * (float)hull->n_views);
        }
    }
    return sum;
}

/* --- Both --------------------------------------------------------------------------------- */

void
orf_hull_guess_shape(const OrfHull *hull, OrfImage *const *pictures, OrfHullShape *ret_shape)
{
    float straight = straightness(hull), round = 0;
    bool shaded = shading_roundness(hull, pictures, &round);
    float score =
        shaded ? round - 0.1f * (straight - 0.3f) : (straight < 0.5f ? ROUND_SURE : BOX_SURE);
    float box = CLAMP((ROUND_SURE - score) / (ROUND_SURE - BOX_SURE), 0, 1);
    ret_shape->box = box;
    g_snprintf(ret_shape->why, sizeof ret_shape->why,
               "%s sections (shading %.3f, straight outline %.0f %%)",
               box > 0.66f   ? "box-like"
               : box > 0.33f ? "half-round"
                             : "round",
               (double)round, (double)(100 * straight));
}
