/* pictures_test.h - pictures made in code, for the tests of loading and saving.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_IMAGE_PICTURES_TEST_H
#define ORF_IMAGE_PICTURES_TEST_H

#include "image-priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 48 x 32, no two corners alike, smooth enough for JPEG. */
static inline VipsImage *
sample_rgb(int width, int height)
{
    uint8_t *rgb = g_malloc((size_t)width * (size_t)height * 3), *at = rgb;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, at += 3) {
            at[0] = (uint8_t)(20 + 200 * x / width);
            at[1] = (uint8_t)(20 + 200 * y / height);
            at[2] = (uint8_t)(x > width / 2 ? 180 : 60);
        }
    g_autoptr(OrfVips) raw = vips_image_new_from_memory_copy(
        rgb, (size_t)width * (size_t)height * 3, width, height, 3, VIPS_FORMAT_UCHAR);
    g_free(rgb);
    VipsImage *out;
    g_assert_cmpint(vips_copy(raw, &out, "interpretation", VIPS_INTERPRETATION_sRGB, NULL), ==,
                    0);
    return out;
}

/* A picture of one pixel value; `space` decides how it is saved. */
static inline VipsImage *
constant(int width, int height, int bands, VipsBandFormat format, VipsInterpretation space,
         const double *value)
{
    g_autoptr(OrfVips) black = NULL, sum = NULL, cast = NULL;
    double ones[4] = { 1, 1, 1, 1 };
    VipsImage *out;
    g_assert_cmpint(vips_black(&black, width, height, "bands", bands, NULL), ==, 0);
    g_assert_cmpint(vips_linear(black, &sum, ones, value, bands, NULL), ==, 0);
    g_assert_cmpint(vips_cast(sum, &cast, format, NULL), ==, 0);
    g_assert_cmpint(vips_copy(cast, &out, "interpretation", space, NULL), ==, 0);
    return out;
}

static inline GBytes *
saved(VipsImage *image, const char *suffix)
{
    void *data;
    size_t size;
    g_assert_cmpint(vips_image_write_to_buffer(image, suffix, &data, &size, NULL), ==, 0);
    return g_bytes_new_take(data, size);
}

static inline GBytes *
picture(int width, int height, const char *suffix)
{
    g_autoptr(OrfVips) image = sample_rgb(width, height);
    return saved(image, suffix);
}

static inline GBytes *
truncated(GBytes *whole, double share)
{
    return g_bytes_new_from_bytes(whole, 0, (size_t)((double)g_bytes_get_size(whole) * share));
}

static inline OrfImage *
load(GBytes *bytes, const OrfImageLoad *options)
{
    g_autoptr(GError) error = NULL;
    OrfImage *image = orf_image_load(NULL, bytes, "test", options, &error);
    g_assert_no_error(error);
    return image;
}

static inline void
assert_near(const OrfImage *a, const OrfImage *b, int tolerance)
{
    g_assert_cmpuint(a->width, ==, b->width);
    g_assert_cmpuint(a->height, ==, b->height);
    g_assert_cmpuint(a->channels, ==, b->channels);
    for (size_t i = 0; i < a->height * orf_image_row_samples(a); i++)
        g_assert_cmpint(abs((int)orf_image_u8(a)[i] - (int)orf_image_u8(b)[i]), <=, tolerance);
}

static inline double
mean_difference(const OrfImage *a, const OrfImage *b)
{
    size_t n = a->height * orf_image_row_samples(a);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += abs((int)orf_image_u8(a)[i] - (int)orf_image_u8(b)[i]);
    return sum / (double)n;
}

static inline GBytes *
text_bytes(const char *text)
{
    return g_bytes_new(text, strlen(text));
}

/* libvips warns of bad files and is not heard; any other warning is our fault. */
static inline void
no_warnings(const char *domain, GLogLevelFlags level, const char *text, void *unused)
{
    (void)level, (void)unused;
    g_printerr("%s: %s\n", domain, text);
    abort();
}

/* Begins a test program whose pictures may be bad. */
static inline void
start_tests(int *argc, char ***argv)
{
    g_test_init(argc, argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK);
    g_log_set_default_handler(no_warnings, NULL);
    g_assert_true(orf_image_init(NULL));
}

#endif
