/* project.c - the front picture as the texture of a body.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     +------------------+   The subject box of the picture, with a gutter, not resampled
 * unless the |      front       |   atlas would grow too large. Both sides of the body use it
 * (mirror), or |                  |   the back has a place of its own at half the height (or,
 * of tall
 *     +------------------+   pictures, half the width), where the inner part is refilled from
 * the |  back (plain)    |   rim. Along the outline both show the same colours.
 *     +------------------+
 *
 * UVs are the projected positions (wrap.c); push-pull fills what was hidden from the rim, so no
 * background shows. */
#include "project-priv.h"

#include <math.h>
#include <string.h>

#define GUTTER 20 /* px around the subject */

/* --- Layout ------------------------------------------------------------------------------- */

static uint8_t
alpha_at(const OrfImage *picture, unsigned x, unsigned y)
{
    unsigned channels = orf_image_channels(picture);
    size_t at = (size_t)y * orf_image_width(picture) + x;
    return channels == 4 ? orf_image_u8(picture)[4 * at + 3] : 255;
}

/* Left, top, right, bottom of what is opaque; false when nothing is. */
static bool
subject_box(const OrfImage *picture, int ret_box[4])
{
    unsigned width = orf_image_width(picture), height = orf_image_height(picture);
    int box[4] = { INT_MAX, INT_MAX, -1, -1 };
    for (unsigned y = 0; y < height; y++) {
        unsigned first = 0, last = width;
        while (first < width && alpha_at(picture, first, y) < 128)
            first++;
        while (last > first && alpha_at(picture, last - 1, y) < 128)
            last--;
        if (first == last)
            continue;
        box[0] = MIN(box[0], (int)first);
        box[2] = MAX(box[2], (int)last);
        box[1] = MIN(box[1], (int)y);
        box[3] = (int)y + 1;
    }
    memcpy(ret_box, box, sizeof box);
    return box[2] > 0;
}

static unsigned
scaled(unsigned length, float zoom)
{
    return MAX(2, (unsigned)lrintf((float)length * zoom));
}

/* Sizes in the atlas of a crop of this size at this zoom. */
static void
place_parts(OrfLayout *layout, float zoom, OrfBack back)
{
    bool tall = layout->crop[1] > layout->crop[0];
    unsigned along = tall ? 0 : 1; /* the back goes below, or to the right */
    for (int i = 0; i < 2; i++)
        layout->atlas[i] = layout->front[i] = scaled(layout->crop[i], zoom);
    if (back == ORF_BACK_MIRROR)
        return;
    layout->back[!along] = layout->front[!along];
    layout->back[along] = (layout->front[along] + 1) / 2;
    layout->back_place[along] = layout->front[along];
    layout->atlas[along] += layout->back[along];
}

static void
set_crop(OrfLayout *layout, const int box[4], int gutter)
{
    layout->left = box[0] - gutter;
    layout->top = box[1] - gutter;
    for (int i = 0; i < 2; i++)
        layout->crop[i] = (unsigned)(box[2 + i] - box[i] + 2 * gutter);
}

static bool
plan_layout(OrfLayout *layout, const OrfProjection *front, const OrfDress *options,
            GError **error)
{
    int box[4];
    if (!subject_box(front->picture, box))
        return ORF_FALSE(error, BAD_INPUT,
                         "dress: the picture is transparent all over; "
                         "give one that shows the subject");
    layout->camera = orf_camera_of(front);
    unsigned side = CLAMP(options->side ? options->side : 1024, 64, 8192);
    set_crop(layout, box, GUTTER);
    place_parts(layout, 1, options->back);
    unsigned longest = MAX(layout->atlas[0], layout->atlas[1]);
    if (longest > side) {
        float zoom = (float)side / (float)longest;
        set_crop(layout, box, (int)ceilf(GUTTER / zoom));
        place_parts(layout, 1, options->back);
        zoom = ((float)side - 2) / (float)MAX(layout->atlas[0], layout->atlas[1]);
        place_parts(layout, zoom, options->back);
    }
    layout->outwards =
        CLAMP(0.025f * (float)MAX(layout->front[0], layout->front[1]), 2, GUTTER - 2);
    return true;
}

/* --- Pixels ------------------------------------------------------------------------------- */

/* One row of the crop; outside of the picture is transparent. */
static void
copy_row(const OrfImage *picture, const OrfLayout *layout, unsigned y, uint8_t *to)
{
    int width = (int)orf_image_width(picture), from_y = layout->top + (int)y;
    unsigned channels = orf_image_channels(picture);
    if (from_y < 0 || from_y >= (int)orf_image_height(picture))
        return;
    const uint8_t *row = orf_image_u8(picture) + (size_t)from_y * (size_t)width * channels;
    int end = MIN((int)layout->crop[0], width - layout->left);
    for (int x = MAX(0, -layout->left); x < end; x++) {
        const uint8_t *from = row + (size_t)(layout->left + x) * channels;
        uint8_t *pixel = to + 4 * (size_t)x;
        for (unsigned k = 0; k < 3; k++)
            pixel[k] = from[channels < 3 ? 0 : k];
        pixel[3] = channels == 4 ? from[3] : 255;
    }
}

static OrfImage *
crop_picture(OrfTask *task, const OrfImage *picture, const OrfLayout *layout, GError **error)
{
    size_t row = 4 * (size_t)layout->crop[0];
    uint8_t *pixels = ORF_ALLOC(task, uint8_t, row * layout->crop[1], "texture", error);
    if (!pixels)
        return NULL;
    for (unsigned y = 0; y < layout->crop[1]; y++)
        copy_row(picture, layout, y, pixels + y * row);
    g_autoptr(OrfImage) crop =
        orf_image_new_take(layout->crop[0], layout->crop[1], 4, ORF_U8, pixels);
    if (layout->crop[0] == layout->front[0] && layout->crop[1] == layout->front[1])
        return g_steal_pointer(&crop);
    return orf_image_resize(task, crop, layout->front[0], layout->front[1], error);
}

OrfCamera
orf_layout_camera(const OrfLayout *layout)
{
    OrfCamera camera = layout->camera;
    float zoom = (float)layout->front[0] / (float)layout->crop[0];
    camera.scale *= zoom;
    camera.center[0] = (camera.center[0] - (float)layout->left) * zoom;
    camera.center[1] = (camera.center[1] - (float)layout->top) * zoom;
    return camera;
}

/* RGBA of the front, complete: what was hidden is filled from inside. */
static uint8_t *
front_pixels(OrfTask *task, const OrfMesh *mesh, const OrfProjection *front,
             const OrfDress *options, const OrfLayout *layout, uint8_t **ret_alpha,
             GError **error)
{
    g_autoptr(OrfImage) crop = crop_picture(task, front->picture, layout, error);
    if (!crop)
        return NULL;
    unsigned width = layout->front[0], height = layout->front[1];
    size_t n = (size_t)width * height;
    orf_autofree uint8_t *rgba = ORF_ALLOC(task, uint8_t, 4 * n, "texture", error);
    orf_autofree uint8_t *alpha = rgba ? ORF_ALLOC(task, uint8_t, n, "texture", error) : NULL;
    if (!alpha)
        return NULL;
    memcpy(rgba, orf_image_u8(crop), 4 * n);
    for (size_t i = 0; i < n; i++)
        alpha[i] = rgba[4 * i + 3];
    OrfCamera camera = orf_layout_camera(layout);
    if (options->delight > 0 &&
        !orf_delight(task, mesh, &camera, rgba, width, height, options->delight, error))
        return NULL;
    if (!orf_trust_inside(task, rgba, width, height, error) ||
        !orf_fill_unknown(task, rgba, width, height, error))
        return NULL;
    *ret_alpha = g_steal_pointer(&alpha);
    return g_steal_pointer(&rgba);
}

static void
paste(uint8_t *atlas, const OrfLayout *layout, const uint8_t *rgba, const unsigned size[2],
      const unsigned place[2])
{
    for (unsigned y = 0; y < size[1]; y++) {
        uint8_t *to = atlas + 3 * ((size_t)(place[1] + y) * layout->atlas[0] + place[0]);
        for (unsigned x = 0; x < size[0]; x++, rgba += 4, to += 3)
            memcpy(to, rgba, 3);
    }
}

/* RGB of the whole atlas; `ret_alpha`: the cut-out at the size of the front. */
static uint8_t *
atlas_pixels(OrfTask *task, const OrfMesh *mesh, const OrfProjection *front,
             const OrfDress *options, const OrfLayout *layout, uint8_t **ret_alpha,
             GError **error)
{
    orf_autofree uint8_t *alpha = NULL, *back = NULL;
    orf_autofree uint8_t *rgba =
        front_pixels(task, mesh, front, options, layout, &alpha, error);
    if (!rgba)
        return NULL;
    if (layout->back[0] && !(back = orf_plain_back(task, rgba, alpha, layout, error)))
        return NULL;
    size_t n = (size_t)layout->atlas[0] * layout->atlas[1];
    uint8_t *atlas = ORF_ALLOC(task, uint8_t, 3 * n, "texture", error);
    if (!atlas)
        return NULL;
    paste(atlas, layout, rgba, layout->front, (unsigned[2]){ 0, 0 });
    if (back)
        paste(atlas, layout, back, layout->back, layout->back_place);
    *ret_alpha = g_steal_pointer(&alpha);
    return atlas;
}

/* --- Together ----------------------------------------------------------------------------- */

OrfAsset *
orf_dressed(OrfTask *task, OrfMesh *mesh, uint8_t *rgb, const unsigned size[2],
            unsigned quality, GError **error)
{
    OrfMaterial material;
    orf_material_init(&material, "picture");
    material.texture = orf_image_new_take(size[0], size[1], 3, ORF_U8, rgb);
    material.encoded =
        orf_image_encode(task, material.texture, "jpeg", quality ? quality : 85, error);
    OrfAsset *asset = material.encoded ? orf_asset_new(mesh, &material, 1) : NULL;
    orf_material_clear(&material);
    return asset;
}

OrfAsset *
orf_asset_dress_front(OrfTask *task, OrfMesh *mesh, const OrfProjection *front,
                      const OrfDress *options, GError **error)
{
    static const OrfDress plain = { 0 };
    OrfLayout layout = { 0 };
    options = options ? options : &plain;
    if (!plan_layout(&layout, front, options, error))
        return NULL;
    orf_autofree uint8_t *alpha = NULL;
    orf_autofree uint8_t *atlas =
        atlas_pixels(task, mesh, front, options, &layout, &alpha, error);
    g_autoptr(OrfMesh) wrapped =
        atlas ? orf_wrap_front(task, mesh, &layout, alpha, error) : NULL;
    if (!wrapped)
        return NULL;
    return orf_dressed(task, wrapped, g_steal_pointer(&atlas), layout.atlas, options->quality,
                       error);
}
