/* hunyuan-image.c - a picture as Hunyuan3D wants it, byte for byte.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The reference shrinks by area and, where an axis grows, interpolates linearly with weights of
 * eleven bits; both are rebuilt here from their formulas. Alpha is not premultiplied, and the
 * box of the object loses its last row and column. */
#include "net/hunyuan-image.h"

#include <math.h>
#include <string.h>

#define BORDER 0.15

typedef struct {
    size_t x, y, w, h; /* of the object in the picture */
} Box;

static bool
find_box(const uint8_t *rgba, size_t width, size_t height, Box *ret)
{
    size_t x0 = width, y0 = height, x1 = 0, y1 = 0;
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            if (rgba[(y * width + x) * 4 + 3]) {
                x0 = MIN(x0, x);
                y0 = MIN(y0, y);
                x1 = MAX(x1, x);
                y1 = MAX(y1, y);
            }
    if (x0 >= x1 || y0 >= y1)
        return false;
    *ret = (Box){ x0, y0, x1 - x0, y1 - y0 };
    return true;
}

/* --- Area averaging ----------------------------------------------------------------------- */

enum { MOST_TAPS = 64 };

typedef struct {
    size_t first, n;
    float weight[MOST_TAPS];
} Cells;

/* Source samples that target sample `i` covers, and how much of each. */
static void
cells_of(size_t i, size_t n_source, double scale, Cells *ret)
{
    double a = (double)i * scale, b = a + scale, width = MIN(scale, (double)n_source - a);
    long i1 = (long)ceil(a), i2 = MIN((long)floor(b), (long)n_source - 1);
    i1 = MIN(i1, i2);
    ret->n = 0;
    ret->first = (size_t)((double)i1 - a > 1e-3 ? i1 - 1 : i1);
    if ((double)i1 - a > 1e-3)
        ret->weight[ret->n++] = (float)(((double)i1 - a) / width);
    for (long k = i1; k < i2 && ret->n < MOST_TAPS - 1; k++)
        ret->weight[ret->n++] = (float)(1.0 / width);
    if (b - (double)i2 > 1e-3)
        ret->weight[ret->n++] = (float)(MIN(MIN(b - (double)i2, 1.0), width) / width);
}

typedef struct {
    const uint8_t *in; /* first pixel of the box */
    size_t row, w, h;  /* bytes of a source row; box */
    uint8_t *out;
    size_t out_w, out_h;
} Shrink;

static void
shrink_pixel(const Shrink *it, const Cells *down, size_t x, double scale_x, uint8_t *out)
{
    Cells across;
    float sums[4] = { 0 };
    cells_of(x, it->w, scale_x, &across);
    for (size_t j = 0; j < down->n; j++) {
        const uint8_t *line = it->in + (down->first + j) * it->row;
        float part[4] = { 0 };
        for (size_t k = 0; k < across.n; k++)
            for (int c = 0; c < 4; c++)
                part[c] += (float)line[(across.first + k) * 4 + (size_t)c] * across.weight[k];
        for (int c = 0; c < 4; c++)
            sums[c] += part[c] * down->weight[j];
    }
    for (int c = 0; c < 4; c++)
        out[c] = (uint8_t)CLAMP(lrintf(sums[c]), 0, 255);
}

static void
shrink(const Shrink *it)
{
    double scale_x = 1 / ((double)it->out_w / (double)it->w);
    double scale_y = 1 / ((double)it->out_h / (double)it->h);
    for (size_t y = 0; y < it->out_h; y++) {
        Cells down;
        cells_of(y, it->h, scale_y, &down);
        for (size_t x = 0; x < it->out_w; x++)
            shrink_pixel(it, &down, x, scale_x, it->out + (y * it->out_w + x) * 4);
    }
}

/* --- Linear with area coordinates, in eleven bits ----------------------------------------- */

typedef struct {
    size_t from;
    int a0, a1;
} Pair;

static Pair
pair_of(size_t i, size_t n_source, size_t n)
{
    double inverse = (double)n / (double)n_source, scale = 1 / inverse;
    long s = (long)floor((double)i * scale);
    float f = (float)((double)(i + 1) - (double)(s + 1) * inverse);
    f = f <= 0 ? 0 : f - floorf(f);
    if (s >= (long)n_source - 1) {
        s = (long)n_source - 1;
        f = 0;
    }
    return (Pair){ (size_t)s, (int)lrintf((1 - f) * 2048), (int)lrintf(f * 2048) };
}

static void
grow(const Shrink *it)
{
    for (size_t y = 0; y < it->out_h; y++) {
        Pair down = pair_of(y, it->h, it->out_h);
        const uint8_t *upper = it->in + down.from * it->row;
        const uint8_t *lower = it->in + MIN(down.from + 1, it->h - 1) * it->row;
        for (size_t x = 0; x < it->out_w; x++) {
            Pair across = pair_of(x, it->w, it->out_w);
            size_t left = across.from * 4, right = MIN(across.from + 1, it->w - 1) * 4;
            for (size_t c = 0; c < 4; c++) {
                int h0 = upper[left + c] * across.a0 + upper[right + c] * across.a1;
                int h1 = lower[left + c] * across.a0 + lower[right + c] * across.a1;
                int v =
                    (((down.a0 * (h0 >> 4)) >> 16) + ((down.a1 * (h1 >> 4)) >> 16) + 2) >> 2;
                it->out[(y * it->out_w + x) * 4 + c] = (uint8_t)CLAMP(v, 0, 255);
            }
        }
    }
}

static void
fit_box(const Shrink *it)
{
    if (it->w == it->out_w && it->h == it->out_h)
        for (size_t y = 0; y < it->h; y++)
            memcpy(it->out + y * it->w * 4, it->in + y * it->row, it->w * 4);
    else if (it->out_w <= it->w && it->out_h <= it->h)
        shrink(it);
    else
        grow(it);
}

/* --- The whole ---------------------------------------------------------------------------- */

static void
over_white(const uint8_t *rgba, size_t n, uint8_t *rgb)
{
    for (size_t i = 0; i < n * 3; i++) {
        float a = (float)rgba[i / 3 * 4 + 3] / 255.0f;
        float v = (float)rgba[i / 3 * 4 + i % 3] * a + 255.0f * (1 - a);
        rgb[i] = (uint8_t)CLAMP(v, 0, 255);
    }
}

uint8_t *
orf_hunyuan_recentre(OrfTask *task, const uint8_t *rgba, size_t width, size_t height,
                     int ret_place[8], GError **error)
{
    Box box;
    if (!find_box(rgba, width, height, &box))
        return ORF_FAIL(error, BAD_INPUT,
                        "nothing is left of the picture: its alpha hides everything");
    size_t side = MAX(width, height);
    int wanted = (int)((double)side * (1 - BORDER));
    double scale = (double)wanted / (double)MAX(box.w, box.h);
    size_t h = (size_t)MAX(1, (int)((double)box.h * scale));
    size_t w = (size_t)MAX(1, (int)((double)box.w * scale));
    size_t top = (side - h) / 2, left = (side - w) / 2;
    orf_autofree uint8_t *object = ORF_ALLOC(task, uint8_t, w * h * 4, "picture", error);
    orf_autofree uint8_t *canvas =
        object ? ORF_ALLOC(task, uint8_t, side * side * 4, "picture", error) : NULL;
    uint8_t *rgb = canvas ? ORF_ALLOC(task, uint8_t, side * side * 3, "picture", error) : NULL;
    if (!rgb)
        return NULL;
    Shrink fit = { rgba + (box.y * width + box.x) * 4, width * 4, box.w, box.h, object, w, h };
    fit_box(&fit);
    for (size_t y = 0; y < h; y++)
        memcpy(canvas + ((top + y) * side + left) * 4, object + y * w * 4, w * 4);
    over_white(canvas, side * side, rgb);
    if (ret_place) {
        const size_t place[] = { side, box.h, box.w, (size_t)wanted, h, w, top, left };
        for (int i = 0; i < 8; i++)
            ret_place[i] = (int)place[i];
    }
    return rgb;
}

static double
cubic(double x)
{
    const double a = -0.75;
    x = fabs(x);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

void
orf_hunyuan_cubic(const uint8_t *rgb, size_t side, uint8_t *out, size_t p)
{
    if (side == p) {
        memcpy(out, rgb, p * p * 3);
        return;
    }
    double scale = (double)side / (double)p;
    for (size_t y = 0; y < p; y++)
        for (size_t x = 0; x < p; x++) {
            double fy = ((double)y + 0.5) * scale - 0.5, fx = ((double)x + 0.5) * scale - 0.5;
            long iy = (long)floor(fy), ix = (long)floor(fx);
            double sums[3] = { 0 };
            for (long j = -1; j <= 2; j++)
                for (long i = -1; i <= 2; i++) {
                    size_t sy = (size_t)CLAMP(iy + j, 0, (long)side - 1);
                    size_t sx = (size_t)CLAMP(ix + i, 0, (long)side - 1);
                    double weight = cubic(fy - (double)(iy + j)) * cubic(fx - (double)(ix + i));
                    for (size_t c = 0; c < 3; c++)
                        sums[c] += weight * rgb[(sy * side + sx) * 3 + c];
                }
            for (size_t c = 0; c < 3; c++)
                out[(y * p + x) * 3 + c] = (uint8_t)CLAMP(lrint(sums[c]), 0, 255);
        }
}
