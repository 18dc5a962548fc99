/* resample.c - one separable resampler behind resizing and blurring.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each output sample is a weighted sum of a run of source samples; the runs and weights of an
 * axis are computed once. Down first: it adds whole rows, which vectorises for any channel
 * count and leaves the smaller picture for the pass across. Colours are premultiplied by alpha
 * between the two ends. Weights that fall outside the frame are dropped and the rest scaled up
 * to sum 1. */
#include "image-priv.h"

#include <math.h>
#include <string.h>

typedef struct {
    unsigned first, n;
    const float *weights;
} Run;

typedef struct {
    Run *runs; /* [to] */
    float *weights;
} Axis;

static void
axis_clear(Axis *axis)
{
    orf_free(axis->runs);
    orf_free(axis->weights);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Axis, axis_clear)

static void
fill_run(Run *run, float *weights, double centre, unsigned from, const OrfKernel *kernel)
{
    double reach = kernel->support * kernel->step;
    double low = MAX(0, ceil(centre - reach - 0.5)), high = floor(centre + reach - 0.5);
    run->first = (unsigned)MIN(low, from - 1);
    run->n = (unsigned)(MIN(high, from - 1) - run->first) + 1;
    run->weights = weights;
    double sum = 0;
    for (unsigned k = 0; k < run->n; k++) {
        double x = (run->first + k + 0.5 - centre) / kernel->step;
        double weight = kernel->kernel(x, kernel->parameter);
        weights[k] = (float)weight;
        sum += weight;
    }
    for (unsigned k = 0; k < run->n; k++)
        weights[k] = sum > 0 ? (float)(weights[k] / sum) : 1.f / (float)run->n;
}

static bool
axis_init(OrfTask *task, Axis *axis, unsigned from, unsigned to, const OrfKernel *kernel,
          GError **error)
{
    size_t room = (size_t)ceil(2 * kernel->support * kernel->step) + 2;
    axis->runs = ORF_ALLOC(task, Run, to, "resampling", error);
    axis->weights =
        axis->runs ? ORF_ALLOC(task, float, (room * to), "resampling", error) : NULL;
    if (!axis->weights)
        return false;
    double scale = (double)from / to;
    for (unsigned i = 0; i < to; i++)
        fill_run(&axis->runs[i], axis->weights + room * i, (i + 0.5) * scale, from, kernel);
    return true;
}

typedef struct {
    OrfTask *task;
    const OrfImage *from;
    OrfImage *to;
    Axis down, across;
    float *between;  /* [to height][from width][channels], premultiplied */
    float low, high; /* range of the source samples */
} Resample;

/* --- Down: whole rows --------------------------------------------------------------------- */

#define ADD_PLAIN(Type)                                                                        \
    for (size_t i = 0; i < n; i++)                                                             \
    sum[i] += weight * (float)((const Type *)row)[i]

static void
add_row(float *restrict sum, const void *row, OrfSample sample, size_t n, float weight)
{
    if (sample == ORF_U8)
        ADD_PLAIN(uint8_t);
    else if (sample == ORF_U16)
        ADD_PLAIN(uint16_t);
    else
        ADD_PLAIN(float);
}

#define ADD_ALPHA(Type)                                                                        \
    for (size_t i = 0; i < n; i += channels) {                                                 \
        const Type *pixel = (const Type *)row + i;                                             \
        float alpha = weight * (float)pixel[channels - 1];                                     \
        for (unsigned c = 0; c + 1 < channels; c++)                                            \
            sum[i + c] += alpha * (float)pixel[c];                                             \
        sum[i + channels - 1] += alpha;                                                        \
    }

static void
add_alpha_row(float *restrict sum, const void *row, OrfSample sample, size_t n,
              unsigned channels, float weight)
{
    if (sample == ORF_U8)
        ADD_ALPHA(uint8_t)
    else if (sample == ORF_U16)
        ADD_ALPHA(uint16_t)
    else
        ADD_ALPHA(float)
}

static void
down_rows(size_t begin, size_t end, void *data)
{
    const Resample *job = data;
    const OrfImage *from = job->from;
    size_t n = orf_image_row_samples(from);
    bool alpha = orf_image_has_alpha(from);
    for (size_t y = begin; y < end; y++) {
        const Run *run = &job->down.runs[y];
        for (unsigned k = 0; k < run->n; k++) {
            const char *row = (const char *)from->pixels + (run->first + k) * n * from->sample;
            if (alpha)
                add_alpha_row(job->between + y * n, row, from->sample, n, from->channels,
                              run->weights[k]);
            else
                add_row(job->between + y * n, row, from->sample, n, run->weights[k]);
        }
    }
}

/* --- Across, and back to the samples of the source ---------------------------------------- */

static void
sum_pixel(const Run *run, const float *row, unsigned channels, float sum[4])
{
    const float *in = row + (size_t)run->first * channels;
    for (unsigned c = 0; c < channels; c++)
        sum[c] = 0;
    for (unsigned k = 0; k < run->n; k++, in += channels)
        for (unsigned c = 0; c < channels; c++)
            sum[c] += run->weights[k] * in[c];
}

static void
unpremultiply(float *pixel, unsigned channels)
{
    float alpha = pixel[channels - 1];
    for (unsigned c = 0; c + 1 < channels; c++)
        pixel[c] = alpha > 1e-6f ? pixel[c] / alpha : 0;
}

static void
store_pixel(const Resample *job, const float *pixel, size_t at)
{
    for (unsigned c = 0; c < job->to->channels; c++) {
        float value = CLAMP(pixel[c], job->low, job->high);
        if (job->to->sample == ORF_U8)
            ((uint8_t *)job->to->pixels)[at + c] = (uint8_t)(value + 0.5f);
        else if (job->to->sample == ORF_U16)
            ((uint16_t *)job->to->pixels)[at + c] = (uint16_t)(value + 0.5f);
        else
            ((float *)job->to->pixels)[at + c] = value;
    }
}

static void
across_rows(size_t begin, size_t end, void *data)
{
    const Resample *job = data;
    unsigned channels = job->to->channels;
    bool alpha = orf_image_has_alpha(job->to);
    for (size_t y = begin; y < end; y++) {
        const float *row = job->between + y * orf_image_row_samples(job->from);
        for (size_t x = 0; x < job->to->width; x++) {
            float pixel[4];
            sum_pixel(&job->across.runs[x], row, channels, pixel);
            if (alpha)
                unpremultiply(pixel, channels);
            store_pixel(job, pixel, (y * job->to->width + x) * channels);
        }
    }
}

/* --- Together ----------------------------------------------------------------------------- */

static void
measure_range(Resample *job)
{
    job->low = 0;
    job->high = job->from->sample == ORF_U8 ? 255 : 65535;
    if (job->from->sample != ORF_F32)
        return;
    const float *value = job->from->pixels;
    size_t n = job->from->height * orf_image_row_samples(job->from);
    job->low = job->high = value[0];
    for (size_t i = 1; i < n; i++) {
        job->low = MIN(job->low, value[i]);
        job->high = MAX(job->high, value[i]);
    }
}

static void
resample_clear(Resample *job)
{
    axis_clear(&job->down);
    axis_clear(&job->across);
    orf_free(job->between);
    orf_image_unref(job->to);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Resample, resample_clear)

static bool
prepare(Resample *job, unsigned width, unsigned height, const OrfKernel *across,
        const OrfKernel *down, GError **error)
{
    const OrfImage *from = job->from;
    job->to = orf_image_blank(job->task, width, height, from->channels, from->sample,
                              "resampled picture", error);
    if (!job->to || !axis_init(job->task, &job->down, from->height, height, down, error) ||
        !axis_init(job->task, &job->across, from->width, width, across, error))
        return false;
    job->between =
        ORF_ALLOC(job->task, float, height *orf_image_row_samples(from), "resampling", error);
    measure_range(job);
    return job->between != NULL;
}

OrfImage *
orf_image_resample(OrfTask *task, const OrfImage *image, unsigned width, unsigned height,
                   const OrfKernel *across, const OrfKernel *down, GError **error)
{
    g_auto(Resample) job = { .task = task, .from = image };
    if (!prepare(&job, width, height, across, down, error))
        return NULL;
    if (!orf_task_parallel(task, height, 16, down_rows, &job) ||
        !orf_task_parallel(task, height, 16, across_rows, &job)) {
        orf_task_check(task, error);
        return NULL;
    }
    return g_steal_pointer(&job.to);
}

/* --- Kernels ------------------------------------------------------------------------------ */

static double
sinc(double x)
{
    x *= G_PI;
    return fabs(x) < 1e-9 ? 1 : sin(x) / x;
}

static double
lanczos(double x, double lobes)
{
    return fabs(x) < lobes ? sinc(x) * sinc(x / lobes) : 0;
}

/* Catmull-Rom: passes through the samples. */
static double
cubic(double x, double unused)
{
    (void)unused;
    x = fabs(x);
    if (x < 1)
        return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static double
gaussian(double x, double unused)
{
    (void)unused;
    return exp(-0.5 * x * x);
}

static OrfKernel
resize_kernel(unsigned from, unsigned to)
{
    if (to < from)
        return (OrfKernel){ lanczos, 3, 3, (double)from / to };
    return (OrfKernel){ cubic, 0, 2, 1 };
}

static bool
check_size(unsigned width, unsigned height, const char *what, GError **error)
{
    if (width && height && width <= ORF_IMAGE_MAX_SIDE && height <= ORF_IMAGE_MAX_SIDE &&
        (uint64_t)width * height <= ORF_IMAGE_MAX_PIXELS)
        return true;
    return ORF_FALSE(error, TOO_LARGE,
                     "%s: %u x %u pixels; choose 1..%u a side and at most 64 megapixels", what,
                     width, height, ORF_IMAGE_MAX_SIDE);
}

OrfImage *
orf_image_resize(OrfTask *task, const OrfImage *image, unsigned width, unsigned height,
                 GError **error)
{
    if (!check_size(width, height, "resize", error))
        return NULL;
    OrfKernel across = resize_kernel(image->width, width);
    OrfKernel down = resize_kernel(image->height, height);
    return orf_image_resample(task, image, width, height, &across, &down, error);
}

OrfImage *
orf_image_blur(OrfTask *task, const OrfImage *image, double sigma, GError **error)
{
    sigma = CLAMP(sigma, 0.01, ORF_IMAGE_MAX_SIDE);
    OrfKernel kernel = { gaussian, 0, 3.5, sigma };
    return orf_image_resample(task, image, image->width, image->height, &kernel, &kernel,
                              error);
}
