/* transfer.c - the colours of one surface on another that lies where it was.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A place takes the colour of the nearest one of the old surface, mixed of its triangle's
 * corners, or of the texture there. Where the old surface has textures the new one is unwrapped
 * and gets one of its own, baked texel by texel; else its vertices get the colours. */
#include "asset/asset-priv.h"

#include <math.h>
#include <string.h>

typedef struct {
    const OrfMesh *from, *onto;
    const OrfTree *tree;
    const uint8_t *colors; /* [vertices of `from`][4] */
    const OrfAsset *asset;
    uint8_t *ret; /* [vertices of `onto`][4] */
} Transfer;

/* Shares of the corners at a point of the triangle's plane. */
static void
find_shares(const float *const corner[3], const double point[3], double ret[3])
{
    double u[3], v[3], w[3], uu = 0, uv = 0, vv = 0, wu = 0, wv = 0;
    for (int k = 0; k < 3; k++) {
        u[k] = (double)corner[1][k] - (double)corner[0][k];
        v[k] = (double)corner[2][k] - (double)corner[0][k];
        w[k] = point[k] - (double)corner[0][k];
        uu += u[k] * u[k];
        uv += u[k] * v[k];
        vv += v[k] * v[k];
        wu += w[k] * u[k];
        wv += w[k] * v[k];
    }
    double below = uu * vv - uv * uv;
    ret[1] = below > 0 ? CLAMP((vv * wu - uv * wv) / below, 0, 1) : 0;
    ret[2] = below > 0 ? CLAMP((uu * wv - uv * wu) / below, 0, 1 - ret[1]) : 0;
    ret[0] = 1 - ret[1] - ret[2];
}

static const OrfImage *
texture_of(const Transfer *t, uint32_t triangle)
{
    const uint16_t *groups = orf_mesh_groups(t->from);
    size_t n = orf_asset_n_materials(t->asset), group = groups ? groups[triangle] : 0;
    return orf_asset_material(t->asset, MIN(group, n - 1))->texture;
}

/* The texel at the mixed UVs. False: there is none. */
static bool
read_texture(const Transfer *t, uint32_t triangle, const double share[3], uint8_t ret[4])
{
    const OrfImage *texture = texture_of(t, triangle);
    if (!texture || !orf_mesh_uvs(t->from))
        return false;
    double at[2] = { 0, 0 };
    for (int c = 0; c < 3; c++) {
        uint32_t uv = orf_mesh_uv_triangles(t->from)[3 * (size_t)triangle + (size_t)c];
        for (int k = 0; k < 2; k++)
            at[k] += share[c] * (double)orf_mesh_uvs(t->from)[2 * (size_t)uv + (size_t)k];
    }
    size_t width = orf_image_width(texture), height = orf_image_height(texture);
    size_t channels = orf_image_channels(texture);
    size_t x = MIN((size_t)((at[0] - floor(at[0])) * (double)width), width - 1);
    size_t y = MIN((size_t)((at[1] - floor(at[1])) * (double)height), height - 1);
    const uint8_t *texel = orf_image_u8(texture) + (y * width + x) * channels;
    for (size_t k = 0; k < 4; k++)
        ret[k] = k < channels ? texel[k] : 255;
    return true;
}

/* The colour of the old surface nearest to a place. `most` bounds the search; returns the
 * distance, INFINITY: none, and nothing is written. */
static double
find_color(const Transfer *t, const double place[3], double most, uint8_t ret[4])
{
    const float *from = orf_mesh_positions(t->from), *corners[3];
    double point[3], share[3];
    uint32_t triangle = 0;
    double distance = orf_tree_nearest(t->tree, place, most, point, &triangle);
    if (!(distance < INFINITY))
        return INFINITY;
    const uint32_t *corner = orf_mesh_triangles(t->from) + 3 * (size_t)triangle;
    for (int c = 0; c < 3; c++)
        corners[c] = from + 3 * (size_t)corner[c];
    find_shares(corners, point, share);
    if (read_texture(t, triangle, share, ret))
        return distance;
    for (int k = 0; k < 4; k++) {
        double sum = 0;
        for (int c = 0; c < 3; c++)
            sum += share[c] * t->colors[4 * (size_t)corner[c] + (size_t)k];
        ret[k] = (uint8_t)(sum + 0.5);
    }
    return distance;
}

static void
transfer_range(size_t begin, size_t end, void *data)
{
    Transfer *t = data;
    for (size_t v = begin; v < end; v++) {
        double place[3];
        for (size_t k = 0; k < 3; k++)
            place[k] = (double)orf_mesh_positions(t->onto)[3 * v + k];
        find_color(t, place, INFINITY, t->ret + 4 * v);
    }
}

/* --- A texture of its own ----------------------------------------------------------------- */

typedef struct {
    Transfer transfer; /* `onto` is unwrapped, `ret` is [side][side][4] */
    OrfSpot *texels;   /* UVs in texels */
    unsigned side;
} Atlas;

static void
bake_texel(const Atlas *atlas, uint32_t triangle, unsigned x, unsigned y, double last[4])
{
    const OrfMesh *mesh = atlas->transfer.onto;
    const uint32_t *uv = orf_mesh_uv_triangles(mesh) + 3 * (size_t)triangle;
    const uint32_t *corner = orf_mesh_triangles(mesh) + 3 * (size_t)triangle;
    const OrfSpot *spots[3];
    float weight[3];
    double place[3] = { 0 }, moved = 0;
    for (int c = 0; c < 3; c++)
        spots[c] = &atlas->texels[uv[c]];
    orf_raster_weights(spots, true, (float)x + 0.5f, (float)y + 0.5f, weight);
    for (int c = 0; c < 3; c++)
        for (size_t k = 0; k < 3; k++)
            place[k] +=
                (double)weight[c] * (double)orf_mesh_positions(mesh)[3 * (size_t)corner[c] + k];
    for (int k = 0; k < 3; k++)
        moved += (place[k] - last[k]) * (place[k] - last[k]);
    uint8_t *texel = atlas->transfer.ret + 4 * ((size_t)y * atlas->side + x);
    double most = (last[3] + sqrt(moved)) * 1.001 + 1e-6; /* as far as from the last place */
    double distance = find_color(&atlas->transfer, place, most, texel);
    if (!(distance < INFINITY))
        distance = find_color(&atlas->transfer, place, INFINITY, texel);
    texel[3] = 255;
    for (int k = 0; k < 3; k++)
        last[k] = place[k];
    last[3] = distance;
}

static void
bake_band(const OrfBand *band, void *data)
{
    const Atlas *atlas = data;
    double last[4] = { 0, 0, 0,
                       INFINITY }; /* a place, and how far it was from the old surface */
    for (unsigned y = band->y0; y < band->y1; y++)
        for (unsigned x = 0; x < band->width; x++) {
            uint32_t triangle = band->triangle[(y - band->y0) * band->stride + x];
            if (triangle != ORF_NO_TRIANGLE)
                bake_texel(atlas, triangle, x, y, last);
        }
}

/* As fine as the old textures together, within reason. */
static unsigned
side_for(const OrfAsset *asset)
{
    double area = 0;
    for (size_t i = 0; i < orf_asset_n_materials(asset); i++) {
        const OrfImage *texture = orf_asset_material(asset, i)->texture;
        if (texture)
            area += (double)orf_image_width(texture) * orf_image_height(texture);
    }
    return CLAMP((unsigned)sqrt(area * 1.5), 512, 4096); /* gaps between charts hold nothing */
}

static uint8_t *
bake_atlas(OrfTask *task, Atlas *atlas, GError **error)
{
    OrfMesh *mesh = (OrfMesh *)atlas->transfer.onto;
    size_t n = orf_mesh_n_uvs(mesh), texels = (size_t)atlas->side * atlas->side;
    const float *uvs = orf_mesh_uvs(mesh);
    orf_autofree OrfSpot *spots = ORF_ALLOC(task, OrfSpot, n, "texture coordinates", error);
    orf_autofree uint8_t *rgba = ORF_ALLOC(task, uint8_t, 4 * texels, "texture", error);
    if (!spots || !rgba)
        return NULL;
    for (size_t i = 0; i < n; i++)
        spots[i] = (OrfSpot){ uvs[2 * i] * (float)atlas->side,
                              uvs[2 * i + 1] * (float)atlas->side, 0 };
    atlas->texels = spots;
    atlas->transfer.ret = rgba;
    OrfRaster raster = { spots,
                         orf_mesh_uv_triangles(mesh),
                         orf_mesh_n_triangles(mesh),
                         atlas->side,
                         atlas->side,
                         1 };
    if (!orf_raster(task, &raster, bake_band, atlas, error) ||
        !orf_fill_unknown(task, rgba, atlas->side, atlas->side, error))
        return NULL;
    for (size_t i = 1; i < texels; i++) /* to RGB, in place */
        memmove(rgba + 3 * i, rgba + 4 * i, 3);
    return g_steal_pointer(&rgba);
}

static OrfAsset *
with_texture(OrfTask *task, const Transfer *transfer, GError **error)
{
    unsigned side = side_for(transfer->asset), size[2] = { side, side };
    g_autoptr(OrfMesh) wrapped =
        orf_mesh_unwrap(task, transfer->onto, &(OrfUnwrap){ .gutter = 4 / (float)side }, error);
    if (!wrapped)
        return NULL;
    Atlas atlas = { *transfer, NULL, side };
    atlas.transfer.onto = wrapped;
    uint8_t *rgb = bake_atlas(task, &atlas, error);
    return rgb ? orf_dressed(task, wrapped, rgb, size, 92, error) : NULL;
}

static bool
has_textures(const OrfAsset *asset)
{
    bool any = false;
    for (size_t i = 0; i < orf_asset_n_materials(asset); i++)
        any = any || orf_asset_material(asset, i)->texture;
    return any && orf_mesh_uvs(orf_asset_mesh(asset));
}

/* --- Colours at vertices ------------------------------------------------------------------ */

static OrfAsset *
with_colors(OrfTask *task, OrfMesh *onto, uint8_t **colors, GError **error)
{
    g_auto(OrfMeshParts) parts = { 0 };
    if (!orf_mesh_copy_parts(task, onto, &parts, error))
        return NULL;
    orf_free(parts.colors);
    parts.colors = g_steal_pointer(colors);
    g_autoptr(OrfMesh) mesh = orf_mesh_new_take(&parts, error);
    return mesh ? orf_asset_new(mesh, NULL, 0) : NULL;
}

static OrfAsset *
transfer(OrfTask *task, const OrfAsset *asset, OrfMesh *onto, GError **error)
{
    OrfMesh *from = orf_asset_mesh(asset);
    size_t n = orf_mesh_n_vertices(onto);
    g_autoptr(OrfTree) tree =
        orf_tree_new(task, orf_mesh_positions(from), orf_mesh_triangles(from),
                     orf_mesh_n_triangles(from), error);
    orf_autofree uint8_t *colors = tree ? orf_asset_vertex_colors(task, asset, error) : NULL;
    if (!colors)
        return NULL;
    Transfer transfer = { from, onto, tree, colors, asset, NULL };
    if (has_textures(asset))
        return with_texture(task, &transfer, error);
    orf_autofree uint8_t *ret = ORF_ALLOC(task, uint8_t, 4 * n, "colours", error);
    transfer.ret = ret;
    if (!ret)
        return NULL;
    if (!orf_task_parallel(task, n, 4096, transfer_range, &transfer)) {
        orf_task_check(task, error);
        return NULL;
    }
    return with_colors(task, onto, &ret, error);
}

OrfAsset *
orf_asset_transfer(OrfTask *task, const OrfAsset *asset, OrfMesh *onto, GError **error)
{
    OrfAsset *result = transfer(task, asset, onto, error);
    if (result)
        orf_asset_set_metres(result, orf_asset_metres(asset));
    return result;
}
