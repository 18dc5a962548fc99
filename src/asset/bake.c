/* bake.c - several pictures of a body into one atlas.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each texel is a point of the surface. It takes its colour from the picture that shows it
 * best; near the border between two pictures they are mixed, but only there, since pictures
 * never fit to the pixel and averages would show ghosts: weights are raised to a power before
 * they are shared out. What no picture shows gets its colour along the surface: colours of
 * vertices are spread from seen to unseen ones and smoothed. Gutters are filled by push-pull.
 */
#include "asset/asset-priv.h"

#include <math.h>
#include <string.h>

#define MAX_SIGHTS 8
#define SMOOTHINGS 24

typedef struct {
    const OrfMesh *mesh; /* unwrapped */
    const float *positions, *normals;
    const uint32_t *triangles, *uv_triangles;
    OrfSight sights[MAX_SIGHTS]; /* one picture and its mirror image, or all pictures */
    size_t n_sights;
    OrfSpot *texels;    /* UVs in texels */
    float (*colors)[4]; /* of the vertices: 0..255, and how sure */
    uint8_t *rgba;      /* [side][side] */
    unsigned side;
} Bake;

static void
bake_clear(Bake *bake)
{
    for (size_t i = 0; i < MAX_SIGHTS; i++)
        orf_sight_clear(&bake->sights[i]);
    orf_free(bake->texels);
    orf_free(bake->colors);
    orf_free(bake->rgba);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Bake, bake_clear)

/* --- Points of the surface ---------------------------------------------------------------- */

/* 1 when seen well, less where only at a grazing angle (best is a cosine to the fourth). */
static float
sureness(float best)
{
    float t = CLAMP((sqrtf(sqrtf(best)) - 0.08f) / 0.17f, 0, 1);
    return t * t * (3 - 2 * t);
}

/* Colour of a point from all pictures; returns how sure it is, 0: unseen. */
static float
look(const Bake *bake, const float point[3], const float normal[3], float ret_rgb[3])
{
    float sum = 0, best = 0, rgb[3] = { 0, 0, 0 };
    for (size_t i = 0; i < bake->n_sights; i++) {
        float seen[3], weight = orf_sight_look(&bake->sights[i], point, normal, seen);
        if (weight <= 0)
            continue;
        best = MAX(best, weight);
        weight = weight * weight * weight;
        sum += weight;
        for (int k = 0; k < 3; k++)
            rgb[k] += weight * seen[k];
    }
    for (int k = 0; k < 3 && sum > 0; k++)
        ret_rgb[k] = rgb[k] / sum;
    return sum > 0 ? sureness(best) : 0;
}

/* --- Vertices ----------------------------------------------------------------------------- */

static void
look_at_vertices(size_t begin, size_t end, void *data)
{
    const Bake *bake = data;
    for (size_t i = begin; i < end; i++)
        bake->colors[i][3] =
            look(bake, bake->positions + 3 * i, bake->normals + 3 * i, bake->colors[i]);
}

typedef struct {
    const Bake *bake;
    OrfFans fans;
    float (*given)[4]; /* colours as seen */
    uint32_t *order;   /* vertices, unsure ones by their way from the sure ones */
    size_t n_order, n_sure;
    uint8_t *reached;
} Spread;

static void
spread_clear(Spread *spread)
{
    orf_fans_clear(&spread->fans);
    orf_free(spread->given);
    orf_free(spread->order);
    orf_free(spread->reached);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Spread, spread_clear)

/* Breadth first from the sure vertices, over edges. */
static void
find_order(Spread *spread, size_t n)
{
    const Bake *bake = spread->bake;
    for (size_t i = 0; i < n; i++)
        if (bake->colors[i][3] >= 1) {
            spread->order[spread->n_order++] = (uint32_t)i;
            spread->reached[i] = 1;
        }
    spread->n_sure = spread->n_order;
    for (size_t at = 0; at < spread->n_order; at++) {
        uint32_t vertex = spread->order[at];
        for (uint32_t f = spread->fans.start[vertex]; f < spread->fans.start[vertex + 1]; f++)
            for (int k = 0; k < 3; k++) {
                uint32_t next = bake->triangles[3 * (size_t)spread->fans.list[f] + (size_t)k];
                if (!spread->reached[next])
                    spread->order[spread->n_order++] = next;
                spread->reached[next] = 1;
            }
    }
}

/* Mean colour of the neighbours that have one; false when none has. */
static bool
mean_around(const Spread *spread, uint32_t vertex, float ret_mean[3])
{
    const Bake *bake = spread->bake;
    float sum[3] = { 0, 0, 0 }, n = 0;
    for (uint32_t f = spread->fans.start[vertex]; f < spread->fans.start[vertex + 1]; f++)
        for (int k = 0; k < 3; k++) {
            uint32_t other = bake->triangles[3 * (size_t)spread->fans.list[f] + (size_t)k];
            if (other == vertex || !spread->reached[other])
                continue;
            for (int c = 0; c < 3; c++)
                sum[c] += bake->colors[other][c];
            n++;
        }
    for (int c = 0; c < 3 && n > 0; c++)
        ret_mean[c] = sum[c] / n;
    return n > 0;
}

/* What was seen counts by how sure it is, the neighbours make up the rest. */
static void
settle(Spread *spread, uint32_t vertex)
{
    float mean[3] = { 0 }, *color = spread->bake->colors[vertex];
    const float *given = spread->given[vertex];
    if (mean_around(spread, vertex, mean))
        for (int c = 0; c < 3; c++)
            color[c] = mean[c] + given[3] * (given[c] - mean[c]);
    spread->reached[vertex] = 1;
}

/* Shells without a sure vertex: what little was seen of them, else the mean of all. */
static void
settle_lost(Spread *spread, size_t n)
{
    double sum[3] = { 0, 0, 0 };
    for (size_t i = 0; i < spread->n_sure; i++)
        for (int c = 0; c < 3; c++)
            sum[c] += spread->bake->colors[spread->order[i]][c];
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < 3 && !spread->reached[i] && spread->given[i][3] <= 0; c++)
            spread->bake->colors[i][c] =
                spread->n_sure ? (float)(sum[c] / (double)spread->n_sure) : 128;
}

static bool
spread_colors(OrfTask *task, Bake *bake, GError **error)
{
    size_t n = orf_mesh_n_vertices(bake->mesh);
    g_auto(Spread) spread = { .bake = bake };
    spread.given = (float(*)[4])ORF_ALLOC(task, float, 4 * n, "vertex colours", error);
    if (spread.given)
        spread.order = ORF_ALLOC(task, uint32_t, n, "vertex colours", error);
    if (spread.order)
        spread.reached = ORF_ALLOC(task, uint8_t, n, "vertex colours", error);
    if (!spread.reached || !orf_fans_init(&spread.fans, task, bake->mesh, error))
        return false;
    memcpy(spread.given, bake->colors, n * sizeof *bake->colors);
    find_order(&spread, n);
    settle_lost(&spread, n);
    for (size_t at = spread.n_sure; at < spread.n_order; at++)
        spread.reached[spread.order[at]] = 0;
    for (int round = 0; round <= SMOOTHINGS; round++) {
        for (size_t at = spread.n_sure; at < spread.n_order; at++) {
            size_t turn = spread.n_sure + spread.n_order - 1 - at;
            settle(&spread, spread.order[round % 2 ? turn : at]);
        }
        if (!orf_task_check(task, error))
            return false;
    }
    return true;
}

static bool
color_vertices(OrfTask *task, Bake *bake, GError **error)
{
    size_t n = orf_mesh_n_vertices(bake->mesh);
    bake->colors = (float(*)[4])ORF_ALLOC(task, float, 4 * n, "vertex colours", error);
    if (!bake->colors)
        return false;
    if (!orf_task_parallel(task, n, 4096, look_at_vertices, bake))
        return orf_task_check(task, error);
    return spread_colors(task, bake, error);
}

/* --- Texels ------------------------------------------------------------------------------- */

typedef struct {
    uint32_t triangle;
    const uint32_t *corner;
    const OrfSpot *spots[3];
    float normals[3][3];
} Patch;

static void
patch_set(Patch *patch, const Bake *bake, uint32_t triangle)
{
    if (patch->triangle == triangle)
        return;
    patch->triangle = triangle;
    patch->corner = bake->triangles + 3 * (size_t)triangle;
    for (int i = 0; i < 3; i++)
        patch->spots[i] = &bake->texels[bake->uv_triangles[3 * (size_t)triangle + (size_t)i]];
    orf_corner_normals(bake->positions, bake->normals, patch->corner, patch->normals);
}

static void
bake_texel(const Bake *bake, const Patch *patch, unsigned x, unsigned y)
{
    float w[3], point[3] = { 0 }, normal[3] = { 0 }, around[3] = { 0 }, rgb[3] = { 0 };
    orf_raster_weights(patch->spots, true, (float)x + 0.5f, (float)y + 0.5f, w);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            point[k] += w[i] * bake->positions[3 * (size_t)patch->corner[i] + (size_t)k];
            normal[k] += w[i] * patch->normals[i][k];
            around[k] += w[i] * bake->colors[patch->corner[i]][k];
        }
    float length = MAX(sqrtf(orf_dot3(normal, normal)), 1e-12f);
    for (int k = 0; k < 3; k++)
        normal[k] /= length;
    float sure = look(bake, point, normal, rgb);
    uint8_t *texel = bake->rgba + 4 * ((size_t)y * bake->side + x);
    for (int k = 0; k < 3; k++)
        texel[k] = (uint8_t)CLAMP(around[k] + sure * (rgb[k] - around[k]) + 0.5f, 0, 255);
    texel[3] = 255;
}

static void
bake_band(const OrfBand *band, void *data)
{
    const Bake *bake = data;
    Patch patch = { .triangle = ORF_NO_TRIANGLE };
    for (unsigned y = band->y0; y < band->y1; y++)
        for (unsigned x = 0; x < band->width; x++) {
            uint32_t triangle = band->triangle[(y - band->y0) * band->stride + x];
            if (triangle == ORF_NO_TRIANGLE)
                continue;
            patch_set(&patch, bake, triangle);
            bake_texel(bake, &patch, x, y);
        }
}

static bool
bake_texels(OrfTask *task, Bake *bake, GError **error)
{
    size_t n = orf_mesh_n_uvs(bake->mesh);
    const float *uvs = orf_mesh_uvs(bake->mesh);
    bake->texels = ORF_ALLOC(task, OrfSpot, n, "texture coordinates", error);
    if (bake->texels)
        bake->rgba =
            ORF_ALLOC(task, uint8_t, 4 * (size_t)bake->side * bake->side, "texture", error);
    if (!bake->rgba)
        return false;
    for (size_t i = 0; i < n; i++)
        bake->texels[i] =
            (OrfSpot){ uvs[2 * i] * (float)bake->side, uvs[2 * i + 1] * (float)bake->side, 0 };
    OrfRaster raster = { bake->texels, bake->uv_triangles, orf_mesh_n_triangles(bake->mesh),
                         bake->side,   bake->side,         1 };
    return orf_raster(task, &raster, bake_band, bake, error) &&
           orf_fill_unknown(task, bake->rgba, bake->side, bake->side, error);
}

/* --- Together ----------------------------------------------------------------------------- */

typedef struct {
    OrfTask *task;
    Bake *bake;
    const OrfProjection *views;
    size_t n_views;
    float delight;
    GError *errors[MAX_SIGHTS];
} Open;

static void
open_range(size_t begin, size_t end, void *data)
{
    Open *open = data;
    for (size_t i = begin; i < end; i++) {
        bool behind = i == open->n_views;
        orf_sight_init(&open->bake->sights[i], open->task, open->bake->mesh,
                       &open->views[behind ? 0 : i], open->delight, behind, &open->errors[i]);
    }
}

/* A single picture also serves the far side, unless the back is to be plain. */
static bool
open_sights(OrfTask *task, Bake *bake, const OrfProjection *views, size_t n_views,
            const OrfDress *options, GError **error)
{
    bool mirror = n_views == 1 && options->back == ORF_BACK_MIRROR;
    Open open = { task, bake, views, n_views, options->delight, { NULL } };
    bake->n_sights = n_views + mirror;
    orf_task_parallel(task, bake->n_sights, 1, open_range, &open);
    GError *first = NULL;
    for (size_t i = 0; i < MAX_SIGHTS; i++) {
        if (!first)
            first = g_steal_pointer(&open.errors[i]);
        g_clear_error(&open.errors[i]);
    }
    if (first)
        g_propagate_error(error, first);
    return !first && orf_task_check(task, error);
}

static uint8_t *
bake_atlas(OrfTask *task, const OrfMesh *mesh, const OrfProjection *views, size_t n_views,
           const OrfDress *options, unsigned side, GError **error)
{
    g_auto(Bake) bake = { .mesh = mesh,
                          .positions = orf_mesh_positions(mesh),
                          .triangles = orf_mesh_triangles(mesh),
                          .uv_triangles = orf_mesh_uv_triangles(mesh),
                          .side = side };
    orf_autofree float *normals = orf_mesh_vertex_normals(task, mesh, error);
    bake.normals = normals;
    if (!normals || !open_sights(task, &bake, views, n_views, options, error) ||
        !color_vertices(task, &bake, error) || !bake_texels(task, &bake, error))
        return NULL;
    size_t n = (size_t)side * side;
    uint8_t *rgb = ORF_ALLOC(task, uint8_t, 3 * n, "texture", error);
    for (size_t i = 0; rgb && i < n; i++)
        memcpy(rgb + 3 * i, bake.rgba + 4 * i, 3);
    return rgb;
}

/* Unwrapped, and without colours or groups: one texture serves all. */
static OrfMesh *
unwrap(OrfTask *task, const OrfMesh *mesh, unsigned side, GError **error)
{
    g_auto(OrfMeshParts) parts = { 0 };
    g_autoptr(OrfMesh) wrapped =
        orf_mesh_unwrap(task, mesh, &(OrfUnwrap){ .gutter = 4 / (float)side }, error);
    if (!wrapped || (!orf_mesh_colors(wrapped) && !orf_mesh_groups(wrapped)))
        return g_steal_pointer(&wrapped);
    if (!orf_mesh_copy_parts(task, wrapped, &parts, error))
        return NULL;
    orf_free(g_steal_pointer(&parts.colors));
    orf_free(g_steal_pointer(&parts.groups));
    return orf_mesh_new_take(&parts, error);
}

OrfAsset *
orf_asset_dress_views(OrfTask *task, OrfMesh *mesh, const OrfProjection *views, size_t n_views,
                      const OrfDress *options, GError **error)
{
    static const OrfDress plain = { 0 };
    options = options ? options : &plain;
    if (n_views < 1 || n_views > MAX_SIGHTS)
        return ORF_FAIL(error, BAD_INPUT, "dress: %zu views; give 1 to %d pictures", n_views,
                        MAX_SIGHTS);
    unsigned side = CLAMP(options->side ? options->side : 1024, 64, 8192);
    g_autoptr(OrfMesh) wrapped = unwrap(task, mesh, side, error);
    uint8_t *rgb =
        wrapped ? bake_atlas(task, wrapped, views, n_views, options, side, error) : NULL;
    unsigned size[2] = { side, side };
    return rgb ? orf_dressed(task, wrapped, rgb, size, options->quality, error) : NULL;
}
