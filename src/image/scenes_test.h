/* scenes_test.h - pictures with a known subject, for the tests and the bench of cutting out;
 * not part of the library.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_SCENES_TEST_H
#define ORF_SCENES_TEST_H

#include "image/image.h"

#include <math.h>

typedef struct {
    unsigned width, height, channels;
    uint8_t *pixels;
    GRand *rand;
} Canvas;

static inline Canvas
canvas_new(unsigned width, unsigned height, unsigned channels)
{
    size_t bytes = (size_t)width * height * channels;
    return (Canvas){ width, height, channels, orf_task_alloc(NULL, bytes, 1, "test", NULL),
                     g_rand_new_with_seed(7) };
}

static inline OrfImage *
canvas_finish(Canvas *canvas)
{
    g_rand_free(canvas->rand);
    return orf_image_new_take(canvas->width, canvas->height, canvas->channels, ORF_U8,
                              canvas->pixels);
}

static inline void
put(Canvas *canvas, unsigned x, unsigned y, const double rgb[3], double noise)
{
    uint8_t *p = canvas->pixels + ((size_t)y * canvas->width + x) * canvas->channels;
    for (unsigned c = 0; c < 3; c++) {
        double grain = noise * (g_rand_double(canvas->rand) - 0.5);
        p[c] = (uint8_t)CLAMP(rgb[c] + grain, 0, 255);
    }
    if (canvas->channels == 4)
        p[3] = 255;
}

/* Whether the subject covers a point; u, v in 0..1 of the frame. */
typedef bool (*Shape)(double u, double v);

static inline bool
disc(double u, double v)
{
    return hypot(u - 0.5, v - 0.55) < 0.28;
}

static inline bool
ring(double u, double v)
{
    return disc(u, v) && hypot(u - 0.5, v - 0.55) > 0.13;
}

static inline bool
bar(double u, double v)
{
    return fabs(u - 0.5) < 0.03 && v > 0.15 && v < 0.85;
}

static inline void
even_ground(double u, double v, double rgb[3])
{
    rgb[0] = 200 + 20 * u;
    rgb[1] = 205 + 10 * v;
    rgb[2] = 210;
}

static inline void
table_and_wall(double u, double v, double rgb[3])
{
    bool table = v > 0.6;
    double shade = table ? 1 - 0.5 * exp(-hypot(u - 0.6, 3 * (v - 0.85)) * 8) : 1;
    rgb[0] = shade * (table ? 150 : 190);
    rgb[1] = shade * (table ? 110 : 200);
    rgb[2] = shade * (table ? 70 : 210 - 20 * u);
}

static inline void
checks(double u, double v, double rgb[3])
{
    bool odd = ((int)(u * 12) + (int)(v * 12)) & 1;
    rgb[0] = odd ? 40 : 90;
    rgb[1] = odd ? 90 : 130;
    rgb[2] = odd ? 50 : 60;
}

static inline OrfImage *
paint(unsigned side, Shape shape, void (*ground)(double u, double v, double rgb[3]))
{
    static const double red[3] = { 190, 40, 50 };
    Canvas canvas = canvas_new(side, side * 3 / 4, 3);
    for (unsigned y = 0; y < canvas.height; y++) {
        for (unsigned x = 0; x < canvas.width; x++) {
            double u = (x + 0.5) / canvas.width, v = (y + 0.5) / canvas.height, rgb[3];
            ground(u, v, rgb);
            put(&canvas, x, y, shape && shape(u, v) ? red : rgb, 6);
        }
    }
    return canvas_finish(&canvas);
}

static inline OrfImage *
plain(unsigned width, unsigned height, unsigned channels, uint8_t value)
{
    Canvas canvas = canvas_new(width, height, channels);
    memset(canvas.pixels, value, (size_t)width * height * channels);
    return canvas_finish(&canvas);
}

#endif
