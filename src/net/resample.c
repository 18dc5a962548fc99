/* resample.c - the 8-bit resampler that the reference stacks prepare their pictures with, byte
 * for byte.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Weights in double, then fixed point with 22 bits; across first, rounded to bytes, then down.
 * A filter widens with the scale when shrinking. */
#include "net/matting.h"

#include <math.h>
#include <string.h>

enum { BITS = 22 };

typedef struct {
    size_t n, most;
    int64_t *first; /* of source samples */
    uint32_t *count;
    int32_t *weights; /* [n][most] */
} Axis;

static double
support_of(OrfResample filter)
{
    return filter == ORF_RESAMPLE_LANCZOS ? 3 : filter == ORF_RESAMPLE_BICUBIC ? 2 : 1;
}

static double
sinc(double x)
{
    return x == 0 ? 1 : sin(G_PI * x) / (G_PI * x);
}

static double
value_of(OrfResample filter, double x)
{
    double a = fabs(x);
    if (filter == ORF_RESAMPLE_LANCZOS)
        return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
    if (filter == ORF_RESAMPLE_BILINEAR)
        return MAX(0, 1 - a);
    const double k = -0.5;
    if (a < 1)
        return ((k + 2) * a - (k + 3)) * a * a + 1;
    return a < 2 ? (((a - 5) * a + 8) * a - 4) * k : 0;
}

static void
axis_clear(Axis *axis)
{
    orf_free(axis->first);
    orf_free(axis->count);
    orf_free(axis->weights);
}

static void
fill_sample(OrfResample filter, size_t n_source, double scale, size_t i, Axis *axis)
{
    double wide = MAX(1, scale), reach = support_of(filter) * wide;
    double centre = ((double)i + 0.5) * scale, sum = 0;
    int64_t low = MAX(0, (int64_t)(centre - reach + 0.5));
    int64_t high = MIN((int64_t)n_source, (int64_t)(centre + reach + 0.5));
    for (int64_t j = low; j < high; j++)
        sum += value_of(filter, ((double)j - centre + 0.5) / wide);
    for (int64_t j = low; j < high; j++) {
        double w = value_of(filter, ((double)j - centre + 0.5) / wide) / sum;
        axis->weights[i * axis->most + (size_t)(j - low)] =
            (int32_t)(w * (1 << BITS) + (w >= 0 ? 0.5 : -0.5));
    }
    axis->first[i] = low;
    axis->count[i] = (uint32_t)(high - low);
}

static bool
axis_init(OrfTask *task, OrfResample filter, size_t n_source, size_t n, Axis *axis,
          GError **error)
{
    double scale = (double)n_source / (double)n;
    axis->n = n;
    axis->most = (size_t)(2 * support_of(filter) * MAX(1, scale)) + 3;
    axis->first = ORF_ALLOC(task, int64_t, n, "filter", error);
    axis->count = axis->first ? ORF_ALLOC(task, uint32_t, n, "filter", error) : NULL;
    axis->weights =
        axis->count ? ORF_ALLOC(task, int32_t, n * axis->most, "filter", error) : NULL;
    for (size_t i = 0; axis->weights && i < n; i++)
        fill_sample(filter, n_source, scale, i, axis);
    return axis->weights != NULL;
}

static uint8_t
byte_of(int32_t sum)
{
    return (uint8_t)CLAMP(sum >> BITS, 0, 255);
}

typedef struct {
    const Axis *axis;
    const uint8_t *in;
    uint8_t *out;
    size_t width, channels; /* of a source row */
} Pass;

static void
across(size_t begin, size_t end, void *data)
{
    const Pass *pass = data;
    const Axis *axis = pass->axis;
    for (size_t y = begin; y < end; y++)
        for (size_t x = 0; x < axis->n; x++)
            for (size_t c = 0; c < pass->channels; c++) {
                const uint8_t *from =
                    pass->in + (y * pass->width + (size_t)axis->first[x]) * pass->channels + c;
                int32_t sum = 1 << (BITS - 1);
                for (uint32_t j = 0; j < axis->count[x]; j++)
                    sum += from[j * pass->channels] * axis->weights[x * axis->most + j];
                pass->out[(y * axis->n + x) * pass->channels + c] = byte_of(sum);
            }
}

static void
down(size_t begin, size_t end, void *data)
{
    const Pass *pass = data;
    const Axis *axis = pass->axis;
    size_t row = pass->width * pass->channels;
    for (size_t y = begin; y < end; y++)
        for (size_t i = 0; i < row; i++) {
            const uint8_t *from = pass->in + (size_t)axis->first[y] * row + i;
            int32_t sum = 1 << (BITS - 1);
            for (uint32_t j = 0; j < axis->count[y]; j++)
                sum += from[j * row] * axis->weights[y * axis->most + j];
            pass->out[y * row + i] = byte_of(sum);
        }
}

bool
orf_resample_u8(OrfTask *task, OrfResample filter, const uint8_t *in, size_t width,
                size_t height, size_t channels, uint8_t *out, size_t new_width,
                size_t new_height, GError **error)
{
    Axis x = { 0 }, y = { 0 };
    orf_autofree uint8_t *between =
        ORF_ALLOC(task, uint8_t, height * new_width * channels, "picture", error);
    bool good = between && axis_init(task, filter, width, new_width, &x, error) &&
                axis_init(task, filter, height, new_height, &y, error);
    if (good) {
        Pass first = { &x, in, between, width, channels };
        Pass second = { &y, between, out, new_width, channels };
        if (width == new_width)
            memcpy(between, in, height * width * channels);
        else
            orf_task_parallel(task, height, 16, across, &first);
        if (height == new_height)
            memcpy(out, between, height * new_width * channels);
        else
            orf_task_parallel(task, new_height, 16, down, &second);
    }
    axis_clear(&x);
    axis_clear(&y);
    return good && orf_task_check(task, error);
}
