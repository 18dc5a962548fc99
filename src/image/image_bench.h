/* image_bench.h - one line per case for the benches of this room; not part of the library.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     name<TAB>size<TAB>median_ms<TAB>p95_ms<TAB>peak_bytes<TAB>rate unit
 *
 * The size is in pixels. The peak is that of the task's budget, which libvips' buffers are
 * reserved in; benches that say "process" report the growth of the resident set instead. */
#ifndef ORF_IMAGE_BENCH_H
#define ORF_IMAGE_BENCH_H

#include "image-priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef bool (*BenchFn)(OrfTask *task, void *data);

static inline int
bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline unsigned
bench_rounds(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "--quick") == 0 ? 3 : 15;
}

static inline void
bench_case(const char *name, size_t pixels, unsigned rounds, BenchFn body, void *data)
{
    double ms[64];
    size_t peak = 0;
    rounds = MIN(rounds, (unsigned)G_N_ELEMENTS(ms));
    for (unsigned i = 0; i < rounds; i++) {
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
        int64_t begin = g_get_monotonic_time();
        g_assert_true(body(task, data));
        ms[i] = (double)(g_get_monotonic_time() - begin) / 1000;
        peak = MAX(peak, orf_task_peak_memory(task));
    }
    qsort(ms, rounds, sizeof ms[0], bench_compare);
    double median = ms[rounds / 2];
    printf("%s\t%zu\t%.2f\t%.2f\t%zu\t%.1f Mpx/s\n", name, pixels, median,
           ms[(rounds * 95 - 1) / 100], peak, (double)pixels / median / 1000);
    fflush(stdout);
}

/* Light and shade at many scales with grain, as a camera sees them: 12 megapixels at quality 85
 * take about 4 MB. */
static inline VipsImage *
bench_photo(int width, int height)
{
    uint8_t *rgb = g_malloc((size_t)width * (size_t)height * 3), *at = rgb;
    uint32_t grain = 1;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, at += 3) {
            double shade = 0, u = (double)x / width, v = (double)y / width;
            for (double scale = 3, weight = 40; scale < 1500; scale *= 2.7, weight *= 0.55)
                shade += weight * sin(scale * (u + 0.3 * v) + 3 * sin(scale * 0.7 * v));
            for (int c = 0; c < 3; c++) {
                grain = grain * 1664525 + 1013904223;
                double value = 110 + shade * (1 - 0.2 * c) + (double)(grain >> 27) * 0.9;
                at[c] = (uint8_t)CLAMP(value, 0, 255);
            }
        }
    VipsImage *raw = vips_image_new_from_memory_copy(rgb, (size_t)width * (size_t)height * 3,
                                                     width, height, 3, VIPS_FORMAT_UCHAR);
    VipsImage *image = NULL;
    g_assert_true(
        raw && vips_copy(raw, &image, "interpretation", VIPS_INTERPRETATION_sRGB, NULL) == 0);
    g_object_unref(raw);
    g_free(rgb);
    return image;
}

#endif
