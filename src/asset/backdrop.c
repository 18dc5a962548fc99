/* backdrop.c - what a render shows behind the asset: grey, the bed, its grid, a soft shadow.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The shadow is a picture of the mesh from below, faded with its height above the bed and
 * blurred: once narrow for the contact, once wide for the light it keeps away. */
#include "asset/asset-priv.h"

#include <math.h>

#define SIDE 160 /* of the shadow */

/* --- Shadow ------------------------------------------------------------------------------- */

static void
keep_heights(const OrfBand *band, void *data)
{
    float *heights = data;
    for (unsigned y = band->y0; y < band->y1; y++)
        for (unsigned x = 0; x < band->width; x++)
            heights[(size_t)y * SIDE + x] = -band->near[(y - band->y0) * band->stride + x];
}

/* Mean of 2 radius + 1 values along each row, into the columns of `to`: twice gives both ways.
 */
static void
blur_turn(const float *from, float *to, int radius)
{
    for (int y = 0; y < SIDE; y++) {
        const float *row = from + (size_t)y * SIDE;
        float sum = 0;
        for (int x = -radius; x < SIDE; x++) {
            sum += x + radius < SIDE ? row[x + radius] : 0;
            if (x < 0)
                continue;
            to[(size_t)x * SIDE + (size_t)y] = sum / (float)(2 * radius + 1);
            sum -= x - radius >= 0 ? row[x - radius] : 0;
        }
    }
}

/* Adds strength * blurred exp(-height / fade), as one layer of grey glass over another. */
static void
add_shadow(OrfAssetBackdrop *backdrop, const float *heights, float *work, float fade,
           int radius, float strength)
{
    size_t n = (size_t)SIDE * SIDE;
    for (size_t i = 0; i < n; i++)
        work[i] = expf(-MAX(heights[i], 0) / fade);
    for (int round = 0; round < 3; round++) {
        blur_turn(work, work + n, radius);
        blur_turn(work + n, work, radius);
    }
    for (size_t i = 0; i < n; i++)
        backdrop->shadow[i] = 1 - (1 - backdrop->shadow[i]) * (1 - strength * work[i]);
}

static bool
cast_shadow(OrfAssetBackdrop *backdrop, OrfTask *task, const OrfMesh *mesh, GError **error)
{
    OrfCamera below = orf_camera_at(0, -90);
    below.target[0] = backdrop->center[0];
    below.target[1] = backdrop->level;
    below.target[2] = backdrop->center[1];
    below.center[0] = below.center[1] = SIDE / 2.0f;
    below.scale = SIDE / (2 * backdrop->reach);
    size_t n = (size_t)SIDE * SIDE;
    backdrop->shadow = ORF_ALLOC(task, float, n, "shadow", error);
    orf_autofree float *heights =
        backdrop->shadow ? ORF_ALLOC(task, float, n * 3, "shadow", error) : NULL;
    orf_autofree OrfSpot *spots =
        heights ? orf_camera_see_mesh(task, &below, mesh, error) : NULL;
    if (!spots)
        return false;
    OrfRaster raster = {
        spots, orf_mesh_triangles(mesh), orf_mesh_n_triangles(mesh), SIDE, SIDE, 1
    };
    if (!orf_raster(task, &raster, keep_heights, heights, error))
        return false;
    add_shadow(backdrop, heights, heights + n, 0.04f * backdrop->reach, 1, 0.55f);
    add_shadow(backdrop, heights, heights + n, 0.5f * backdrop->reach, SIDE / 20, 0.36f);
    return true;
}

/* --- The bed ------------------------------------------------------------------------------ */

/* 1, 2 or 5 times a power of ten, at least five to the reach. */
static float
grid_step(float reach)
{
    float decade = powf(10, floorf(log10f(MAX(reach / 5, 1e-6f))));
    float rest = reach / 5 / decade;
    return decade * (rest >= 5 ? 5 : rest >= 2 ? 2 : 1);
}

static void
place_bed(OrfAssetBackdrop *backdrop, const OrfMesh *mesh)
{
    float low[3], high[3];
    orf_mesh_bounds(mesh, low, high);
    float width = high[0] - low[0], depth = high[2] - low[2];
    float longest = MAX(MAX(width, depth), high[1] - low[1]);
    backdrop->level = low[1];
    backdrop->center[0] = (low[0] + high[0]) / 2;
    backdrop->center[1] = (low[2] + high[2]) / 2;
    backdrop->reach = 0.6f * sqrtf(width * width + depth * depth) + 0.25f * MAX(longest, 1e-3f);
    backdrop->step = grid_step(backdrop->reach);
    OrfSpot middle = orf_camera_see(
        &backdrop->camera, (float[3]){ backdrop->center[0], low[1], backdrop->center[1] });
    float half = 0.62f * longest * backdrop->camera.scale;
    backdrop->ground_y = middle.y;
    backdrop->ground_x[0] = middle.x - half;
    backdrop->ground_x[1] = middle.x + half;
}

bool
orf_asset_backdrop_init(OrfAssetBackdrop *backdrop, OrfTask *task, const OrfMesh *mesh,
                        const OrfCamera *camera, const unsigned size[2], bool bed,
                        GError **error)
{
    *backdrop = (OrfAssetBackdrop){
        .camera = *camera, .width = size[0], .height = size[1], .side = SIDE
    };
    place_bed(backdrop, mesh);
    backdrop->bed = bed && camera->back[1] > 0.05f;
    backdrop->ground = bed && fabsf(camera->back[1]) < 1e-3f && camera->distance <= 0;
    return !backdrop->bed || cast_shadow(backdrop, task, mesh, error);
}

void
orf_asset_backdrop_clear(OrfAssetBackdrop *backdrop)
{
    orf_free(g_steal_pointer(&backdrop->shadow));
}

/* Where the sight through (x, y) meets the bed, from its middle; false when it does not. */
static bool
bed_point(const OrfAssetBackdrop *backdrop, float x, float y, float ret_point[2])
{
    const OrfCamera *camera = &backdrop->camera;
    float u = (x - camera->center[0]) / camera->scale,
          v = (y - camera->center[1]) / camera->scale;
    float from[3], way[3];
    for (int i = 0; i < 3; i++) {
        float side = u * camera->right[i] + v * camera->down[i];
        from[i] = camera->target[i] +
                  (camera->distance > 0 ? camera->distance * camera->back[i] : side);
        way[i] =
            camera->distance > 0 ? side - camera->distance * camera->back[i] : -camera->back[i];
    }
    if (way[1] > -1e-6f)
        return false;
    float t = (backdrop->level - from[1]) / way[1];
    ret_point[0] = from[0] + t * way[0] - backdrop->center[0];
    ret_point[1] = from[2] + t * way[2] - backdrop->center[1];
    return camera->distance <= 0 || t > 0;
}

static float
shadow_at(const OrfAssetBackdrop *backdrop, const float point[2])
{
    float x = (point[0] / backdrop->reach + 1) * SIDE / 2 - 0.5f;
    float y = (1 - point[1] / backdrop->reach) * SIDE / 2 - 0.5f;
    if (!(x >= 0) || !(y >= 0) || x >= SIDE - 1 || y >= SIDE - 1)
        return 0;
    int x0 = (int)x, y0 = (int)y;
    float fx = x - (float)x0, fy = y - (float)y0;
    const float *p = backdrop->shadow + (size_t)y0 * SIDE + (size_t)x0;
    float top = p[0] + fx * (p[1] - p[0]), low = p[SIDE] + fx * (p[SIDE + 1] - p[SIDE]);
    return top + fy * (low - top);
}

/* 1 on a line of the grid, 0 beside it; `pixel`: mm a pixel along this axis. */
static float
grid_line(float at, float step, float pixel)
{
    float from_line = fabsf(at / step - rintf(at / step)) * step;
    float cover = CLAMP(0.5f + 0.55f - from_line / MAX(pixel, 1e-9f), 0, 1);
    return cover * CLAMP(1.5f - 3 * pixel / step, 0, 1); /* fade lines too close together */
}

static void
paint_bed(const OrfAssetBackdrop *backdrop, float x, float y, float rgb[3])
{
    float at[2], right[2], below[2];
    if (!bed_point(backdrop, x, y, at) || !bed_point(backdrop, x + 1, y, right) ||
        !bed_point(backdrop, x, y + 1, below))
        return;
    float away = sqrtf(at[0] * at[0] + at[1] * at[1]) / backdrop->reach;
    if (!(away < 1))
        return;
    float fade = 1 - away * away;
    float line = 0;
    for (int i = 0; i < 2; i++) {
        float pixel = fabsf(right[i] - at[i]) + fabsf(below[i] - at[i]);
        line = MAX(line, grid_line(at[i], backdrop->step, pixel));
    }
    float tint = 1 - fade * (0.035f + 0.10f * line);
    float shade = tint * (1 - MIN(1, 3 * fade) * shadow_at(backdrop, at));
    rgb[0] *= shade;
    rgb[1] *= shade;
    rgb[2] *= 1 - 0.94f * (1 - shade); /* a trace of blue */
}

void
orf_asset_backdrop_color(const OrfAssetBackdrop *backdrop, float x, float y, float ret_rgb[3])
{
    float u = x / (float)backdrop->width - 0.5f, v = y / (float)backdrop->height;
    float grey = 235 - 16 * v - 14 * u * u;
    ret_rgb[0] = grey;
    ret_rgb[1] = grey;
    ret_rgb[2] = grey + 2;
    if (backdrop->bed)
        paint_bed(backdrop, x, y, ret_rgb);
    bool on_line = backdrop->ground && fabsf(y - backdrop->ground_y - 0.5f) < 0.6f;
    if (on_line && x > backdrop->ground_x[0] && x < backdrop->ground_x[1])
        for (int i = 0; i < 3; i++)
            ret_rgb[i] *= 0.78f;
}
