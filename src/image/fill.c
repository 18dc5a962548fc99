/* fill.c - colours for what alpha hides, spread from the visible neighbours.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Push-pull (Gortler 1996): pull builds a pyramid of weighted means, push goes back down and
 * lets each level show through where the finer one has no weight. Pixels of alpha 0.5 and less
 * have weight 0, those of 0.95 and more keep their colour exactly; a rim between, which still
 * holds some of the old background, is blended. Level 0 is never stored as floats: it is read
 * from the picture and written to the result. */
#include "image-priv.h"

#include <math.h>

#define LEVELS 17

typedef struct {
    unsigned width, height;
    float *pixels; /* [height][width][4]: colour times weight, weight 0..1 */
} Level;

typedef struct {
    const OrfImage *from; /* RGBA */
    OrfImage *to;         /* RGB */
    Level level[LEVELS];  /* level[0].pixels is NULL */
    unsigned n_levels;
} Pyramid;

static void
pyramid_clear(Pyramid *pyramid)
{
    for (unsigned i = 0; i < pyramid->n_levels; i++)
        orf_free(pyramid->level[i].pixels);
    orf_image_unref(pyramid->to);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pyramid, pyramid_clear)

static float
weight_of(uint8_t alpha)
{
    return CLAMP(((float)alpha - 127.5f) / (0.45f * 255), 0.f, 1.f);
}

static void
read_pixel(const Pyramid *pyramid, unsigned k, size_t at, float out[4])
{
    if (k > 0) {
        const float *pixel = pyramid->level[k].pixels + 4 * at;
        for (int c = 0; c < 4; c++)
            out[c] = pixel[c];
        return;
    }
    const uint8_t *pixel = (const uint8_t *)pyramid->from->pixels + 4 * at;
    float weight = weight_of(pixel[3]);
    for (int c = 0; c < 3; c++)
        out[c] = weight * (float)pixel[c];
    out[3] = weight;
}

/* --- Pull: finer to coarser --------------------------------------------------------------- */

static void
pull_pixel(const Pyramid *pyramid, unsigned k, unsigned x, unsigned y, float *out)
{
    const Level *fine = &pyramid->level[k - 1];
    float sum[4] = { 0 };
    for (unsigned v = 2 * y; v < MIN(2 * y + 2, fine->height); v++)
        for (unsigned u = 2 * x; u < MIN(2 * x + 2, fine->width); u++) {
            float pixel[4];
            read_pixel(pyramid, k - 1, (size_t)v * fine->width + u, pixel);
            for (int c = 0; c < 4; c++)
                sum[c] += pixel[c];
        }
    float scale = sum[3] > 1 ? 1 / sum[3] : 1; /* weight of a level never exceeds 1 */
    for (int c = 0; c < 4; c++)
        out[c] = sum[c] * scale;
}

static void
pull(Pyramid *pyramid, unsigned k)
{
    Level *level = &pyramid->level[k];
    for (unsigned y = 0; y < level->height; y++)
        for (unsigned x = 0; x < level->width; x++)
            pull_pixel(pyramid, k, x, y, level->pixels + 4 * ((size_t)y * level->width + x));
}

/* --- Push: coarser to finer --------------------------------------------------------------- */

/* The two coarse neighbours of fine position `i` and the share of the farther one. */
static void
neighbours(unsigned i, unsigned size, unsigned ret_at[2])
{
    unsigned near = i / 2, far = i & 1 ? near + 1 : near ? near - 1 : 0;
    ret_at[0] = MIN(near, size - 1);
    ret_at[1] = MIN(far, size - 1);
}

/* Bilinear (9 3 3 1) / 16 of the level above, whose weights are all 1 by now. */
static void
sample_coarse(const Level *coarse, unsigned x, unsigned y, float out[3])
{
    unsigned u[2], v[2];
    neighbours(x, coarse->width, u);
    neighbours(y, coarse->height, v);
    for (int c = 0; c < 3; c++) {
        float top = 0.75f * coarse->pixels[4 * ((size_t)v[0] * coarse->width + u[0]) + c] +
                    0.25f * coarse->pixels[4 * ((size_t)v[0] * coarse->width + u[1]) + c];
        float low = 0.75f * coarse->pixels[4 * ((size_t)v[1] * coarse->width + u[0]) + c] +
                    0.25f * coarse->pixels[4 * ((size_t)v[1] * coarse->width + u[1]) + c];
        out[c] = 0.75f * top + 0.25f * low;
    }
}

static void
push_level(Pyramid *pyramid, unsigned k)
{
    Level *level = &pyramid->level[k];
    for (unsigned y = 0; y < level->height; y++)
        for (unsigned x = 0; x < level->width; x++) {
            float *pixel = level->pixels + 4 * ((size_t)y * level->width + x), under[3];
            sample_coarse(&pyramid->level[k + 1], x, y, under);
            for (int c = 0; c < 3; c++)
                pixel[c] += (1 - pixel[3]) * under[c];
            pixel[3] = 1;
        }
}

static void
write_row(const Pyramid *pyramid, unsigned y)
{
    unsigned width = pyramid->from->width;
    for (unsigned x = 0; x < width; x++) {
        size_t at = (size_t)y * width + x;
        const uint8_t *in = (const uint8_t *)pyramid->from->pixels + 4 * at;
        uint8_t *out = (uint8_t *)pyramid->to->pixels + 3 * at;
        float weight = weight_of(in[3]), under[3];
        sample_coarse(&pyramid->level[1], x, y, under);
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)(weight * (float)in[c] + (1 - weight) * under[c] + 0.5f);
    }
}

/* --- Together ----------------------------------------------------------------------------- */

static bool
prepare(OrfTask *task, Pyramid *pyramid, GError **error)
{
    unsigned width = pyramid->from->width, height = pyramid->from->height;
    pyramid->to = orf_image_blank(task, width, height, 3, ORF_U8, "filled picture", error);
    if (!pyramid->to)
        return false;
    pyramid->level[0] = (Level){ width, height, NULL };
    unsigned k = 1;
    do {
        width = (width + 1) / 2;
        height = (height + 1) / 2;
        float *pixels =
            ORF_ALLOC(task, float, (size_t)width *height * 4, "filled picture", error);
        if (!pixels)
            return false;
        pyramid->level[k++] = (Level){ width, height, pixels };
        pyramid->n_levels = k;
    } while (width > 1 || height > 1);
    return true;
}

/* Nothing visible at all: middle grey. */
static void
settle_top(Level *top)
{
    for (int c = 0; c < 3; c++)
        top->pixels[c] = top->pixels[3] > 0 ? top->pixels[c] / top->pixels[3] : 128;
    top->pixels[3] = 1;
}

OrfImage *
orf_image_fill_hidden(OrfTask *task, const OrfImage *rgba, GError **error)
{
    g_assert(rgba->channels == 4 && rgba->sample == ORF_U8);
    g_auto(Pyramid) pyramid = { .from = rgba };
    if (!prepare(task, &pyramid, error))
        return NULL;
    for (unsigned k = 1; k < pyramid.n_levels; k++) {
        if (!orf_task_check(task, error))
            return NULL;
        pull(&pyramid, k);
    }
    settle_top(&pyramid.level[pyramid.n_levels - 1]);
    for (unsigned k = pyramid.n_levels - 2; k > 0; k--)
        push_level(&pyramid, k);
    for (unsigned y = 0; y < rgba->height; y++) {
        if (y % 64 == 0 && !orf_task_check(task, error))
            return NULL;
        write_row(&pyramid, y);
    }
    return g_steal_pointer(&pyramid.to);
}
