/* transfer.c - the colours of one surface on another that lies where it was.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each vertex takes the colour of the nearest place of the old surface, mixed of its triangle's
 * corners, or of the texture there. */
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

static void
transfer_range(size_t begin, size_t end, void *data)
{
    Transfer *t = data;
    const float *from = orf_mesh_positions(t->from);
    for (size_t v = begin; v < end; v++) {
        double place[3], point[3], share[3];
        uint32_t triangle = 0;
        for (size_t k = 0; k < 3; k++)
            place[k] = (double)orf_mesh_positions(t->onto)[3 * v + k];
        uint8_t *ret = t->ret + 4 * v;
        if (!(orf_tree_nearest(t->tree, place, INFINITY, point, &triangle) < INFINITY))
            continue;
        const uint32_t *corner = orf_mesh_triangles(t->from) + 3 * (size_t)triangle;
        const float *corners[3];
        for (int c = 0; c < 3; c++)
            corners[c] = from + 3 * (size_t)corner[c];
        find_shares(corners, point, share);
        if (read_texture(t, triangle, share, ret))
            continue;
        for (int k = 0; k < 4; k++) {
            double sum = 0;
            for (int c = 0; c < 3; c++)
                sum += share[c] * t->colors[4 * (size_t)corner[c] + (size_t)k];
            ret[k] = (uint8_t)(sum + 0.5);
        }
    }
}

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

OrfAsset *
orf_asset_transfer(OrfTask *task, const OrfAsset *asset, OrfMesh *onto, GError **error)
{
    OrfMesh *from = orf_asset_mesh(asset);
    size_t n = orf_mesh_n_vertices(onto);
    g_autoptr(OrfTree) tree =
        orf_tree_new(task, orf_mesh_positions(from), orf_mesh_triangles(from),
                     orf_mesh_n_triangles(from), error);
    orf_autofree uint8_t *colors = tree ? orf_asset_vertex_colors(task, asset, error) : NULL;
    orf_autofree uint8_t *ret =
        colors ? ORF_ALLOC(task, uint8_t, 4 * n, "colours", error) : NULL;
    if (!ret)
        return NULL;
    Transfer transfer = { from, onto, tree, colors, asset, ret };
    if (!orf_task_parallel(task, n, 4096, transfer_range, &transfer)) {
        orf_task_check(task, error);
        return NULL;
    }
    return with_colors(task, onto, &ret, error);
}
