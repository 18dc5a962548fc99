/* saliency.c - where the subject probably is, when the background is not smooth.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Minimum barrier distance (Zhang 2015): the cheapest path from the frame, where a path costs
 * the range of values it meets. Regions that the frame reaches over even colours are
 * background. Three raster passes a channel, alternating direction, then a Gaussian weight for
 * the middle. */
#include "image/backdrop-priv.h"

#include <math.h>

enum { PASSES = 3 };
static const float CENTRE = 0.35f; /* standard deviation of the weight, in frames */

typedef struct {
    float high, low, cost; /* range met on the best path so far */
} Path;

static inline void
relax(const Path *from, float value, Path *to)
{
    float high = MAX(from->high, value), low = MIN(from->low, value);
    if (high - low < to->cost)
        *to = (Path){ high, low, high - low };
}

static void
pass(const OrfCutoutWork *work, int channel, bool back, Path *path)
{
    size_t w = work->width, h = work->height;
    for (size_t k = 0; k < work->n; k++) {
        size_t i = back ? work->n - 1 - k : k, x = i % w, y = i / w;
        float value = work->lab[3 * i + (size_t)channel];
        if (back ? x + 1 < w : x > 0)
            relax(&path[back ? i + 1 : i - 1], value, &path[i]);
        if (back ? y + 1 < h : y > 0)
            relax(&path[back ? i + w : i - w], value, &path[i]);
    }
}

static void
start(const OrfCutoutWork *work, int channel, Path *path)
{
    size_t w = work->width, h = work->height;
    for (size_t y = 0, i = 0; y < h; y++) {
        for (size_t x = 0; x < w; x++, i++) {
            bool frame = !x || !y || x == w - 1 || y == h - 1;
            float value = work->lab[3 * i + (size_t)channel];
            path[i] = (Path){ value, value, frame ? 0 : INFINITY };
        }
    }
}

/* Blurs, weights the middle, scales to a largest value of 1. `three` and `half` are [n][3]. */
static void
finish(const OrfCutoutWork *work, float *three, float *half, float *saliency)
{
    for (size_t i = 0; i < 3 * work->n; i++)
        three[i] = saliency[i / 3];
    orf_binomial(three, half, work->width, work->height);
    float most = 1e-6f;
    for (unsigned y = 0; y < work->height; y++) {
        for (unsigned x = 0; x < work->width; x++) {
            size_t i = (size_t)y * work->width + x;
            float u = ((float)x + 0.5f) / (float)work->width - 0.5f;
            float v = ((float)y + 0.5f) / (float)work->height - 0.5f;
            saliency[i] = three[3 * i] * expf(-(u * u + v * v) / (2 * CENTRE * CENTRE));
            most = MAX(most, saliency[i]);
        }
    }
    for (size_t i = 0; i < work->n; i++)
        saliency[i] /= most;
}

bool
orf_saliency(OrfTask *task, const OrfCutoutWork *work, float *ret_saliency, GError **error)
{
    orf_autofree Path *path = ORF_ALLOC(task, Path, work->n, "saliency", error);
    orf_autofree float *half =
        path ? ORF_ALLOC(task, float, 3 * work->n, "saliency", error) : NULL;
    if (!half)
        return false;
    memset(ret_saliency, 0, work->n * sizeof *ret_saliency);
    for (int channel = 0; channel < 3; channel++) {
        start(work, channel, path);
        for (int k = 0; k < PASSES; k++)
            pass(work, channel, k & 1, path);
        for (size_t i = 0; i < work->n; i++)
            ret_saliency[i] += path[i].cost;
        if (!orf_task_check(task, error))
            return false;
    }
    finish(work, (float *)path, half,
           ret_saliency); /* the paths are done with: 3 floats each */
    return true;
}
