/* sight.c - one picture as a source of colour for the points of a surface.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A point is seen when it faces the eye, is not hidden (depth map with some slack: shape and
 * picture never agree to the pixel) and does not lie on a silhouette, where the picture mixes
 * near and far. A sight from behind takes the same picture for the far side: the mirrored back.
 */
#include "asset/asset-priv.h"

#include <math.h>
#include <string.h>

#define MAP_SIDE 768 /* of the depth map */
#define FALL_OFF 8   /* px from a silhouette to full weight */
#define JUMP 0.025f  /* a step in depth, in parts of the mesh's size */
#define SLACK 0.008f

/* --- Maps --------------------------------------------------------------------------------- */

static void
keep_depth(const OrfBand *band, void *data)
{
    OrfSight *sight = data;
    for (unsigned y = band->y0; y < band->y1; y++)
        memcpy(sight->near + (size_t)y * sight->width,
               band->near + (size_t)(y - band->y0) * band->stride,
               sight->width * sizeof(float));
}

static OrfCamera
map_camera(const OrfSight *sight)
{
    OrfCamera camera = sight->camera;
    camera.scale *= sight->shrink;
    camera.center[0] *= sight->shrink;
    camera.center[1] *= sight->shrink;
    return camera;
}

static bool
draw_depth(OrfSight *sight, OrfTask *task, const OrfMesh *mesh, GError **error)
{
    OrfCamera camera = map_camera(sight);
    orf_autofree OrfSpot *spots = orf_camera_see_mesh(task, &camera, mesh, error);
    if (!spots)
        return false;
    for (size_t i = 0; sight->behind && i < orf_mesh_n_vertices(mesh); i++)
        spots[i].near = -spots[i].near;
    OrfRaster raster = { spots,
                         orf_mesh_triangles(mesh),
                         orf_mesh_n_triangles(mesh),
                         sight->width,
                         sight->height,
                         1 };
    return orf_raster(task, &raster, keep_depth, sight, error);
}

/* Millimetres towards the eye, from the value of the depth map. */
static float
millimetres(const OrfSight *sight, float near)
{
    float toward = sight->behind ? -near : near;
    if (sight->camera.distance > 0)
        toward = sight->camera.distance * (1 - 1 / toward);
    return sight->behind ? -toward : toward;
}

static bool
is_step(const OrfSight *sight, size_t at, size_t other, float jump)
{
    float a = sight->near[at], b = sight->near[other];
    return !isfinite(b) || fabsf(millimetres(sight, a) - millimetres(sight, b)) > jump;
}

/* 1 where the mesh is seen, the cut-out agrees and no neighbour is a step in depth away. */
static float
unbroken(const OrfSight *sight, const OrfImage *picture, unsigned x, unsigned y, float jump)
{
    size_t at = (size_t)y * sight->width + x, row = sight->width;
    if (!isfinite(sight->near[at]))
        return 0;
    if ((x > 0 && is_step(sight, at, at - 1, jump)) ||
        (x + 1 < sight->width && is_step(sight, at, at + 1, jump)) ||
        (y > 0 && is_step(sight, at, at - row, jump)) ||
        (y + 1 < sight->height && is_step(sight, at, at + row, jump)))
        return 0;
    unsigned channels = orf_image_channels(picture), width = orf_image_width(picture);
    unsigned px = MIN((unsigned)(((float)x + 0.5f) / sight->shrink), width - 1);
    unsigned py =
        MIN((unsigned)(((float)y + 0.5f) / sight->shrink), orf_image_height(picture) - 1);
    size_t pixel = (size_t)py * width + px;
    return channels < 4 || orf_image_u8(picture)[4 * pixel + 3] >= 128 ? 1 : 0;
}

static bool
find_silhouettes(OrfSight *sight, OrfTask *task, const OrfImage *picture, float jump,
                 GError **error)
{
    size_t n = (size_t)sight->width * sight->height;
    float *whole = ORF_ALLOC(task, float, n, "silhouettes", error);
    if (!whole)
        return false;
    for (unsigned y = 0; y < sight->height; y++)
        for (unsigned x = 0; x < sight->width; x++)
            whole[(size_t)y * sight->width + x] = unbroken(sight, picture, x, y, jump);
    g_autoptr(OrfImage) mask =
        orf_image_new_take(sight->width, sight->height, 1, ORF_F32, whole);
    sight->inner = orf_image_distance(task, mask, error);
    return sight->inner != NULL;
}

/* --- Picture ------------------------------------------------------------------------------ */

static uint8_t *
copy_rgba(OrfTask *task, const OrfImage *picture, GError **error)
{
    size_t n = (size_t)orf_image_width(picture) * orf_image_height(picture);
    unsigned channels = orf_image_channels(picture);
    const uint8_t *from = orf_image_u8(picture);
    uint8_t *rgba = ORF_ALLOC(task, uint8_t, 4 * n, "picture", error);
    if (!rgba)
        return NULL;
    for (size_t i = 0; i < n; i++, from += channels) {
        for (unsigned k = 0; k < 3; k++)
            rgba[4 * i + k] = from[channels < 3 ? 0 : k];
        rgba[4 * i + 3] = channels == 4 ? from[3] : 255;
    }
    return rgba;
}

static bool
prepare_picture(OrfSight *sight, OrfTask *task, const OrfMesh *mesh, const OrfImage *picture,
                float delight, GError **error)
{
    unsigned width = orf_image_width(picture), height = orf_image_height(picture);
    sight->rgba = copy_rgba(task, picture, error);
    if (!sight->rgba)
        return false;
    if (delight > 0 &&
        !orf_delight(task, mesh, &sight->camera, sight->rgba, width, height, delight, error))
        return false;
    if (!orf_trust_inside(task, sight->rgba, width, height, error) ||
        !orf_fill_unknown(task, sight->rgba, width, height, error))
        return false;
    sight->picture = (OrfPyramid){ .pixels = { sight->rgba },
                                   .width = { width },
                                   .height = { height },
                                   .n_levels = 1,
                                   .channels = 4 };
    return true;
}

bool
orf_sight_init(OrfSight *sight, OrfTask *task, const OrfMesh *mesh, const OrfProjection *view,
               float delight, bool behind, GError **error)
{
    unsigned width = orf_image_width(view->picture), height = orf_image_height(view->picture);
    *sight = (OrfSight){ .camera = orf_camera_of(view), .behind = behind };
    sight->shrink = MIN(1, (float)MAP_SIDE / (float)MAX(width, height));
    sight->width = MAX(1, (unsigned)((float)width * sight->shrink));
    sight->height = MAX(1, (unsigned)((float)height * sight->shrink));
    float low[3], high[3], size = 0;
    orf_mesh_bounds(mesh, low, high);
    for (int k = 0; k < 3; k++)
        size = MAX(size, high[k] - low[k]);
    sight->slack = MAX(SLACK * size, 2 / (sight->camera.scale * sight->shrink));
    sight->near =
        ORF_ALLOC(task, float, (size_t)sight->width * sight->height, "depth map", error);
    return sight->near && prepare_picture(sight, task, mesh, view->picture, delight, error) &&
           draw_depth(sight, task, mesh, error) &&
           find_silhouettes(sight, task, view->picture, JUMP * size, error);
}

void
orf_sight_clear(OrfSight *sight)
{
    orf_free(g_steal_pointer(&sight->rgba));
    orf_free(g_steal_pointer(&sight->near));
    g_clear_pointer(&sight->inner, orf_image_unref);
}

/* --- Look --------------------------------------------------------------------------------- */

/* Share of full weight at this place of the maps; 0 when the point is hidden there. */
static float
visible(const OrfSight *sight, const OrfSpot *spot)
{
    float x = spot->x * sight->shrink, y = spot->y * sight->shrink;
    if (!(x >= 0) || !(y >= 0) || x >= (float)sight->width || y >= (float)sight->height)
        return 0;
    size_t at = (size_t)y * sight->width + (size_t)x;
    float inner = orf_image_f32(sight->inner)[at];
    if (inner <= 0 || !isfinite(sight->near[at]))
        return 0;
    float own = millimetres(sight, sight->behind ? -spot->near : spot->near);
    if (own < millimetres(sight, sight->near[at]) - sight->slack)
        return 0;
    return CLAMP(inner / FALL_OFF, 0.02f, 1);
}

float
orf_sight_look(const OrfSight *sight, const float point[3], const float normal[3],
               float ret_rgb[3])
{
    float eye[3];
    orf_camera_eye(&sight->camera, point, eye);
    float facing = orf_dot3(normal, eye) * (sight->behind ? -1 : 1);
    if (!(facing > 0.02f))
        return 0;
    OrfSpot spot = orf_camera_see(&sight->camera, point);
    float share = visible(sight, &spot);
    if (share <= 0)
        return 0;
    orf_pyramid_sample(&sight->picture, 0, spot.x / (float)sight->picture.width[0],
                       spot.y / (float)sight->picture.height[0], ret_rgb);
    facing *= facing;
    return facing * facing * share;
}
