/* asset.c - materials, the asset type, colours of vertices.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "asset/asset.h"

#include <math.h>
#include <string.h>

struct OrfAsset {
    gatomicrefcount refs;
    OrfMesh *mesh;
    OrfMaterial *materials; /* n_materials, at least one */
    size_t n_materials;
    bool metres; /* see orf_asset_set_metres */
};

/* --- Materials ---------------------------------------------------------------------------- */

void
orf_material_init(OrfMaterial *material, const char *name)
{
    *material = (OrfMaterial){ .base_color = { 1, 1, 1, 1 }, .roughness = 1 };
    g_strlcpy(material->name, name ? name : "", sizeof material->name);
}

void
orf_material_clear(OrfMaterial *material)
{
    if (material->texture)
        orf_image_unref(material->texture);
    if (material->encoded)
        g_bytes_unref(material->encoded);
    *material = (OrfMaterial){ 0 };
}

static void
copy_material(OrfMaterial *to, const OrfMaterial *from)
{
    *to = *from;
    if (to->texture)
        orf_image_ref(to->texture);
    if (to->encoded)
        g_bytes_ref(to->encoded);
}

/* --- Assets ------------------------------------------------------------------------------- */

OrfAsset *
orf_asset_new(OrfMesh *mesh, const OrfMaterial *materials, size_t n_materials)
{
    OrfAsset *asset = g_new0(OrfAsset, 1);
    g_atomic_ref_count_init(&asset->refs);
    asset->mesh = orf_mesh_ref(mesh);
    asset->n_materials = MAX(n_materials, 1);
    asset->materials = g_new0(OrfMaterial, asset->n_materials);
    if (!n_materials)
        orf_material_init(asset->materials, "plain");
    for (size_t i = 0; i < n_materials; i++)
        copy_material(&asset->materials[i], &materials[i]);
    return asset;
}

OrfAsset *
orf_asset_ref(OrfAsset *asset)
{
    g_atomic_ref_count_inc(&asset->refs);
    return asset;
}

void
orf_asset_unref(OrfAsset *asset)
{
    if (!asset || !g_atomic_ref_count_dec(&asset->refs))
        return;
    for (size_t i = 0; i < asset->n_materials; i++)
        orf_material_clear(&asset->materials[i]);
    g_free(asset->materials);
    orf_mesh_unref(asset->mesh);
    g_free(asset);
}

OrfMesh *
orf_asset_mesh(const OrfAsset *asset)
{
    return asset->mesh;
}

size_t
orf_asset_n_materials(const OrfAsset *asset)
{
    return asset->n_materials;
}

const OrfMaterial *
orf_asset_material(const OrfAsset *asset, size_t i)
{
    return &asset->materials[MIN(i, asset->n_materials - 1)];
}

OrfAsset *
orf_asset_with_mesh(const OrfAsset *asset, OrfMesh *mesh)
{
    OrfAsset *other = orf_asset_new(mesh, asset->materials, asset->n_materials);
    other->metres = asset->metres;
    return other;
}

float
orf_metres_of(float mm)
{
    float near = (float)((double)mm / 1000);
    const float each[3] = { near, nextafterf(near, -INFINITY), nextafterf(near, INFINITY) };
    for (int i = 0; i < 3; i++)
        if ((float)((double)each[i] * 1000) == mm)
            return each[i];
    return near;
}

void
orf_asset_set_metres(OrfAsset *asset, bool metres)
{
    asset->metres = metres;
}

bool
orf_asset_metres(const OrfAsset *asset)
{
    return asset->metres;
}

/* --- Colours of vertices ------------------------------------------------------------------ */

static double
to_linear(uint8_t srgb)
{
    double c = srgb / 255.0;
    return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static uint8_t
to_srgb(double linear)
{
    double c = CLAMP(linear, 0, 1);
    c = c <= 0.0031308 ? c * 12.92 : 1.055 * pow(c, 1 / 2.4) - 0.055;
    return (uint8_t)(c * 255 + 0.5);
}

/* A picture repeats outside 0..1, and its border pixels reach to the border. */
static void
place(float at, unsigned side, unsigned ret_pixel[2], float *ret_share)
{
    float inside = at >= 0 && at <= 1 ? at : at - floorf(at);
    float pixel = CLAMP(inside * (float)side - 0.5f, 0, (float)(side - 1));
    ret_pixel[0] = MIN((unsigned)pixel, side - 1);
    ret_pixel[1] = MIN(ret_pixel[0] + 1, side - 1);
    *ret_share = pixel - (float)ret_pixel[0];
}

static void
sample(const OrfImage *image, const float uv[2], uint8_t ret[4])
{
    unsigned x[2], y[2], channels = orf_image_channels(image);
    float fx, fy;
    place(uv[0], orf_image_width(image), x, &fx);
    place(uv[1], orf_image_height(image), y, &fy);
    const uint8_t *pixels = orf_image_u8(image);
    size_t row = (size_t)orf_image_width(image) * channels;
    for (unsigned c = 0; c < 4; c++) {
        if (c >= channels) {
            ret[c] = c == 3 ? 255 : ret[0];
            continue;
        }
        const uint8_t *top = pixels + y[0] * row + c, *low = pixels + y[1] * row + c;
        float a = (float)top[x[0] * channels] * (1 - fx) + (float)top[x[1] * channels] * fx;
        float b = (float)low[x[0] * channels] * (1 - fx) + (float)low[x[1] * channels] * fx;
        ret[c] = (uint8_t)(a * (1 - fy) + b * fy + 0.5f);
    }
}

/* What the corners of one group look like: the material's colour with or without its picture.
 */
typedef struct {
    const OrfImage *picture; /* NULL: plain */
    uint8_t plain[4];
    bool tinted;
    const float *factor;
} Paint;

static void
mix_paint(const OrfMaterial *material, bool with_uvs, Paint *ret)
{
    *ret = (Paint){ .factor = material->base_color };
    for (unsigned c = 0; c < 3; c++)
        ret->plain[c] = to_srgb(material->base_color[c]);
    ret->plain[3] = (uint8_t)(CLAMP(material->base_color[3], 0, 1) * 255 + 0.5f);
    ret->tinted = memcmp(ret->plain, "\377\377\377\377", 4) != 0;
    const OrfImage *texture = material->texture;
    if (with_uvs && texture && orf_image_u8(texture) && orf_image_channels(texture) >= 3)
        ret->picture = texture;
}

static void
paint_corner(const Paint *paint, const float *uv, uint8_t ret[4])
{
    if (!paint->picture) {
        memcpy(ret, paint->plain, 4);
        return;
    }
    sample(paint->picture, uv, ret);
    for (unsigned c = 0; c < 3 && paint->tinted; c++)
        ret[c] = to_srgb(to_linear(ret[c]) * (double)paint->factor[c]);
    ret[3] = (uint8_t)((ret[3] * paint->plain[3] + 127) / 255);
}

/* The first corner that uses a vertex decides. */
static bool
paint_vertices(OrfTask *task, const OrfMesh *mesh, const Paint *paints, size_t n_paints,
               uint8_t *colors, uint8_t *seen, GError **error)
{
    const uint32_t *corners = orf_mesh_triangles(mesh);
    const uint32_t *uv_corners = orf_mesh_uv_triangles(mesh);
    const uint16_t *groups = orf_mesh_groups(mesh);
    const float *uvs = orf_mesh_uvs(mesh);
    size_t n = orf_mesh_n_triangles(mesh) * 3;
    for (size_t i = 0; i < n; i++) {
        if (i % (1 << 16) == 0 && !orf_task_check(task, error))
            return false;
        if (seen[corners[i]])
            continue;
        seen[corners[i]] = 1;
        const Paint *paint = &paints[MIN(groups ? groups[i / 3] : 0, n_paints - 1)];
        const float *uv = uvs ? uvs + 2 * (size_t)uv_corners[i] : NULL;
        paint_corner(paint, uv, colors + 4 * (size_t)corners[i]);
    }
    return true;
}

uint8_t *
orf_asset_vertex_colors(OrfTask *task, const OrfAsset *asset, GError **error)
{
    const OrfMesh *mesh = asset->mesh;
    size_t n = orf_mesh_n_vertices(mesh);
    orf_autofree uint8_t *colors = ORF_ALLOC(task, uint8_t, MAX(n, 1) * 4, "colours", error);
    if (!colors)
        return NULL;
    if (orf_mesh_colors(mesh)) {
        memcpy(colors, orf_mesh_colors(mesh), n * 4);
        return g_steal_pointer(&colors);
    }
    orf_autofree uint8_t *seen = ORF_ALLOC(task, uint8_t, MAX(n, 1), "colours", error);
    if (!seen)
        return NULL;
    g_autofree Paint *paints = g_new0(Paint, asset->n_materials);
    for (size_t i = 0; i < asset->n_materials; i++)
        mix_paint(&asset->materials[i], orf_mesh_uvs(mesh) != NULL, &paints[i]);
    memset(colors, 255, n * 4);
    if (!paint_vertices(task, mesh, paints, asset->n_materials, colors, seen, error))
        return NULL;
    return g_steal_pointer(&colors);
}
