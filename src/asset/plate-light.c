/* plate-light.c - light that shows plates: from behind, and from the side.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * From behind: a sight passes from the first face turned to the eye to the last one turned
 * away, and exp(-mu t) of the lamp comes through (Beer-Lambert). Two passes of the rasteriser,
 * one for each kind of face, give t. What is as deep as wide is a shade round a lamp: its far
 * half does not count.
 *
 * From the side: every pixel is darkened by what stands higher around it, most by what stands
 * towards the light at the upper left; steps of one colour become readable. */
#include "asset/asset-priv.h"

#include <math.h>
#include <string.h>

#define MU 1.1f        /* per mm: white PLA, as the generator's "absorption" */
#define SAMPLES 4      /* a pixel */
#define ROOM 26        /* sRGB of the dark room */
#define SHADE 0.6f     /* as deep as that share of the width, or deeper */
#define WHITE_SHARE 25 /* one sample in so many is white */
#define SLIVER 0.5f    /* of what is white: thinner ones are grazed edges, no wall */

/* --- From behind -------------------------------------------------------------------------- */

typedef struct {
    unsigned width;
    float *near; /* [height][width][SAMPLES] */
} Depths;

static void
keep_near(const OrfBand *band, void *data)
{
    const Depths *depths = data;
    size_t row = (size_t)depths->width * band->samples;
    for (unsigned y = band->y0; y < band->y1; y++)
        memcpy(depths->near + y * row, band->near + (y - band->y0) * band->stride,
               row * sizeof *depths->near);
}

/* Corners of the triangles that are turned to the eye, or away from it and before `from`. */
static size_t
pick_facing(const OrfMesh *mesh, const OrfSpot *spots, bool front, float from,
            uint32_t *corners)
{
    const uint32_t *t = orf_mesh_triangles(mesh);
    size_t n = 0;
    for (size_t i = 0; i < orf_mesh_n_triangles(mesh); i++, t += 3) {
        const OrfSpot *a = &spots[t[0]], *b = &spots[t[1]], *c = &spots[t[2]];
        float area = (b->x - a->x) * (c->y - a->y) - (b->y - a->y) * (c->x - a->x);
        if (area == 0 || (area < 0) != front) /* y runs down: the front is negative */
            continue;
        if (!front && MIN(MIN(a->near, b->near), c->near) < from)
            continue;
        memcpy(corners + 3 * n++, t, 3 * sizeof *t);
    }
    return n;
}

/* Where the far half begins, mm before the target: of shades only. */
static float
middle_of(const OrfSpot *spots, size_t n, float scale)
{
    float low[2] = { INFINITY, INFINITY }, high[2] = { -INFINITY, -INFINITY };
    for (size_t i = 0; i < n; i++) {
        float at[2] = { spots[i].x / scale, spots[i].near };
        for (int k = 0; k < 2; k++) {
            low[k] = MIN(low[k], at[k]);
            high[k] = MAX(high[k], at[k]);
        }
    }
    bool shade = high[1] - low[1] > SHADE * (high[0] - low[0]);
    return shade ? (low[1] + high[1]) / 2 : -INFINITY;
}

static void
turn_depths(OrfSpot *spots, size_t n)
{
    for (size_t i = 0; i < n; i++)
        spots[i].near = -spots[i].near;
}

/* mm of plastic, negative where nothing is; [height][width][SAMPLES]. */
static float *
measure_thickness(OrfTask *task, const OrfMesh *mesh, const OrfShot *shot, GError **error)
{
    size_t n = (size_t)shot->width * shot->height * SAMPLES,
           n_spots = orf_mesh_n_vertices(mesh);
    orf_autofree OrfSpot *spots = orf_camera_see_mesh(task, &shot->camera, mesh, error);
    orf_autofree uint32_t *corners =
        spots ? ORF_ALLOC(task, uint32_t, 3 * orf_mesh_n_triangles(mesh), "faces", error)
              : NULL;
    orf_autofree float *front = corners ? ORF_ALLOC(task, float, n, "light", error) : NULL;
    orf_autofree float *back = front ? ORF_ALLOC(task, float, n, "light", error) : NULL;
    if (!back)
        return NULL;
    float middle = middle_of(spots, n_spots, shot->camera.scale);
    OrfRaster raster = { spots, corners, 0, shot->width, shot->height, SAMPLES };
    Depths nearest = { shot->width, front }, furthest = { shot->width, back };
    raster.n_triangles = pick_facing(mesh, spots, true, middle, corners);
    if (!orf_raster(task, &raster, keep_near, &nearest, error))
        return NULL;
    raster.n_triangles = pick_facing(mesh, spots, false, middle, corners);
    turn_depths(spots, n_spots);
    if (!orf_raster(task, &raster, keep_near, &furthest, error))
        return NULL;
    for (size_t i = 0; i < n; i++)
        front[i] = isfinite(front[i]) && isfinite(back[i]) ? MAX(front[i] + back[i], 0) : -1;
    return g_steal_pointer(&front);
}

static int
by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* The thickness that is shown white: few places are thinner. */
static float
white_thickness(const float *thickness, size_t n)
{
    size_t step = n / 65536 + 1, count = 0;
    g_autofree float *some = g_new(float, n / step + 1);
    for (size_t i = 0; i < n; i += step)
        if (thickness[i] >= 0)
            some[count++] = thickness[i];
    qsort(some, count, sizeof *some, by_value);
    return count ? some[count / WHITE_SHARE] : 0;
}

static void
paint_lit(const OrfShot *shot, const float *thickness, uint8_t *rgba)
{
    static const float lamp[3] = { 1, 0.95f, 0.87f }; /* linear */
    OrfTone tone;
    orf_tone_init(&tone);
    size_t n = (size_t)shot->width * shot->height;
    float white = white_thickness(thickness, n * SAMPLES);
    for (size_t i = 0; i < n; i++) {
        float light = 0, room = 0;
        for (int s = 0; s < SAMPLES; s++) {
            float t = thickness[i * SAMPLES + (size_t)s];
            light += t < SLIVER * white ? 0 : MIN(expf(-MU * (t - white)), 1) / SAMPLES;
            room += t < 0 ? 1.0f / SAMPLES : 0;
        }
        for (int k = 0; k < 3; k++)
            rgba[4 * i + (size_t)k] =
                orf_tone_code(&tone, light * lamp[k] + room * tone.linear[ROOM]);
        rgba[4 * i + 3] = 255;
    }
}

OrfImage *
orf_asset_shoot_lit(OrfTask *task, const OrfAsset *asset, const OrfShot *shot, GError **error)
{
    g_assert(shot->camera.distance <= 0);
    orf_autofree float *thickness = measure_thickness(task, orf_asset_mesh(asset), shot, error);
    if (!thickness)
        return NULL;
    uint8_t *rgba =
        ORF_ALLOC(task, uint8_t, 4 * (size_t)shot->width * shot->height, "picture", error);
    if (!rgba)
        return NULL;
    paint_lit(shot, thickness, rgba);
    return orf_image_new_take(shot->width, shot->height, 4, ORF_U8, rgba);
}

/* --- From the side ------------------------------------------------------------------------ */

typedef struct {
    const float *near; /* mm, [height][width]; -INFINITY where nothing is */
    int width, height, reach;
    float gain; /* px of height per mm */
} Heights;

/* The steepest rise from (x, y) along (dx, dy), px per px; nothing stands around a plate. */
static float
horizon(const Heights *map, int x, int y, int dx, int dy)
{
    float own = map->near[(size_t)y * (size_t)map->width + (size_t)x], steepest = 0;
    float step = dx && dy ? 1.414f : 1;
    for (int i = 1; i <= map->reach; i++) {
        int u = x + i * dx, v = y + i * dy;
        if (u < 0 || v < 0 || u >= map->width || v >= map->height)
            break;
        float rise = map->near[(size_t)v * (size_t)map->width + (size_t)u] - own;
        float fade = 1 - (float)(i - 1) / (float)map->reach;
        steepest = MAX(steepest, fade * rise * map->gain / ((float)i * step));
    }
    return steepest;
}

static float
dimming(const Heights *map, int x, int y)
{
    static const struct {
        int x, y;
        float weight;
    } ways[] = { { -1, -1, 0.34f }, { -1, 0, 0.13f }, { 0, -1, 0.13f }, { 1, -1, 0.06f },
                 { -1, 1, 0.06f },  { 1, 0, 0.04f },  { 0, 1, 0.04f },  { 1, 1, 0.03f } };
    float dark = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(ways); i++)
        dark += ways[i].weight * MIN(horizon(map, x, y, ways[i].x, ways[i].y), 1);
    return 1 - dark;
}

static void
dim_pixels(const Heights *map, uint8_t *rgba)
{
    for (int y = 0; y < map->height; y++)
        for (int x = 0; x < map->width; x++) {
            size_t i = (size_t)y * (size_t)map->width + (size_t)x;
            if (!isfinite(map->near[i]))
                continue;
            float light = dimming(map, x, y);
            for (int k = 0; k < 3; k++)
                rgba[4 * i + (size_t)k] =
                    (uint8_t)((float)rgba[4 * i + (size_t)k] * light + 0.5f);
        }
}

bool
orf_asset_shade_relief(OrfTask *task, const OrfMesh *mesh, const OrfShot *shot, float relief,
                       uint8_t *rgba, GError **error)
{
    size_t n = (size_t)shot->width * shot->height;
    orf_autofree OrfSpot *spots = orf_camera_see_mesh(task, &shot->camera, mesh, error);
    orf_autofree float *near = spots ? ORF_ALLOC(task, float, n, "light", error) : NULL;
    if (!near)
        return false;
    OrfRaster raster = {
        spots, orf_mesh_triangles(mesh), orf_mesh_n_triangles(mesh), shot->width, shot->height,
        1
    };
    Depths depths = { shot->width, near };
    if (!orf_raster(task, &raster, keep_near, &depths, error))
        return false;
    int side = (int)MIN(shot->width, shot->height);
    float shown = 0.012f * (float)side; /* px: shallow relief is shown as high as that */
    Heights map = { .near = near,
                    .width = (int)shot->width,
                    .height = (int)shot->height,
                    .reach = MAX(3, side / 40),
                    .gain =
                        CLAMP(shown / relief, shot->camera.scale, 40 * shot->camera.scale) };
    dim_pixels(&map, rgba);
    return true;
}
