/* render.c - a picture of an asset, for people and for tests.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A visibility buffer with four samples a pixel (raster.c), then each triangle is shaded once
 * per pixel it shows in, at the place of the triangle nearest to the pixel's centre. So an
 * unlit render at the texture's scale gives the texture's own colours.
 *
 * Light: key, fill and sky travel with the camera, so every side has shape. Normals are
 * averaged over neighbours that meet at less than CREASE; the inside of a surface is painted
 * red. */
#include "asset/asset-priv.h"

#include <math.h>

#define CREASE_COS 0.75f /* 41 degrees */
#define MAX_FAN 48       /* triangles around a vertex that shape its normal */

static const float clay[3] = { 0.56f, 0.54f, 0.51f };   /* linear */
static const float inside[3] = { 0.62f, 0.07f, 0.05f }; /* linear */

typedef struct {
    const OrfMaterial *material;
    OrfPyramid pyramid;
    bool textured, exact; /* exact: the texture is not multiplied by a colour */
} Skin;

typedef struct {
    const OrfShot *shot;
    const OrfMesh *mesh;
    const OrfSpot *spots;
    const float *positions, *uvs;
    const uint32_t *triangles, *uv_triangles;
    const uint16_t *groups;
    const uint8_t *colors;
    float *faces; /* [n_triangles][3] area-weighted normals, or NULL when unlit */
    OrfFans fans;
    Skin *skins;
    size_t n_skins;
    OrfAssetBackdrop backdrop;
    OrfTone tone;
    uint8_t *pixels; /* [height][width][4] */
} Scene;

/* What is known of the triangle being shaded; kept from one pixel to the next. */
typedef struct {
    uint32_t triangle;
    const OrfSpot *spots[3];
    const Skin *skin;
    unsigned level; /* of the texture */
    bool back;      /* its inside is seen */
    float normals[3][3];
} Shader;

/* --- Normals ------------------------------------------------------------------------------ */

static void
face_vectors(size_t begin, size_t end, void *data)
{
    const Scene *scene = data;
    for (size_t t = begin; t < end; t++)
        orf_face_vector(scene->positions, scene->triangles + 3 * t, scene->faces + 3 * t);
}

static bool
gather_normals(OrfTask *task, Scene *scene, GError **error)
{
    size_t n = orf_mesh_n_triangles(scene->mesh);
    scene->faces = ORF_ALLOC(task, float, 3 * n, "face normals", error);
    if (!scene->faces || !orf_fans_init(&scene->fans, task, scene->mesh, error))
        return false;
    return orf_task_parallel(task, n, 16384, face_vectors, scene) ||
           orf_task_check(task, error);
}

/* Mean of the faces around a corner that lie within the crease angle of its own face. */
static void
corner_normal(const Scene *scene, uint32_t triangle, uint32_t vertex, float ret_normal[3])
{
    const float *own = scene->faces + 3 * (size_t)triangle;
    float size = orf_dot3(own, own), sum[3] = { own[0], own[1], own[2] };
    uint32_t begin = scene->fans.start[vertex], end = scene->fans.start[vertex + 1];
    for (uint32_t i = begin; i < MIN(end, begin + MAX_FAN); i++) {
        const float *face = scene->faces + 3 * (size_t)scene->fans.list[i];
        float along = orf_dot3(own, face);
        if (scene->fans.list[i] == triangle || along <= 0 ||
            along * along < CREASE_COS * CREASE_COS * size * orf_dot3(face, face))
            continue;
        for (int k = 0; k < 3; k++)
            sum[k] += face[k];
    }
    float length = sqrtf(orf_dot3(sum, sum));
    for (int k = 0; k < 3; k++)
        ret_normal[k] = length > 0 ? sum[k] / length : 0;
}

/* --- Colour of a point -------------------------------------------------------------------- */

static float
screen_area(const OrfSpot *const s[3])
{
    return (s[1]->x - s[0]->x) * (s[2]->y - s[0]->y) -
           (s[1]->y - s[0]->y) * (s[2]->x - s[0]->x);
}

/* The level whose pixels are about as large as the picture's. */
static unsigned
texture_level(const Scene *scene, const Shader *shader, float area)
{
    const uint32_t *corner = scene->uv_triangles + 3 * (size_t)shader->triangle;
    const float *a = scene->uvs + 2 * (size_t)corner[0],
                *b = scene->uvs + 2 * (size_t)corner[1];
    const float *c = scene->uvs + 2 * (size_t)corner[2];
    float texels = fabsf((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) *
                   (float)shader->skin->pyramid.width[0] *
                   (float)shader->skin->pyramid.height[0];
    float ratio = texels / MAX(fabsf(area), 1e-3f); /* texels a pixel */
    unsigned level = 0;
    while (ratio > 3 && level + 1 < shader->skin->pyramid.n_levels) {
        ratio /= 4;
        level++;
    }
    return level;
}

static void
shader_set(Shader *shader, const Scene *scene, uint32_t triangle)
{
    if (shader->triangle == triangle)
        return;
    shader->triangle = triangle;
    const uint32_t *corner = scene->triangles + 3 * (size_t)triangle;
    for (int i = 0; i < 3; i++)
        shader->spots[i] = &scene->spots[corner[i]];
    float area = screen_area(shader->spots);
    shader->back = area > 0;
    size_t group = scene->groups ? scene->groups[triangle] : 0;
    shader->skin = &scene->skins[MIN(group, scene->n_skins - 1)];
    if (shader->skin->textured)
        shader->level = texture_level(scene, shader, area);
    if (scene->faces)
        for (int i = 0; i < 3; i++)
            corner_normal(scene, triangle, corner[i], shader->normals[i]);
}

static void
texture_color(const Scene *scene, const Shader *shader, const float w[3], float ret_rgb[3])
{
    const uint32_t *corner = scene->uv_triangles + 3 * (size_t)shader->triangle;
    float uv[2] = { 0, 0 };
    for (int i = 0; i < 3; i++) {
        uv[0] += w[i] * scene->uvs[2 * (size_t)corner[i]];
        uv[1] += w[i] * scene->uvs[2 * (size_t)corner[i] + 1];
    }
    orf_pyramid_sample(&shader->skin->pyramid, shader->level, uv[0], uv[1], ret_rgb);
}

static float
to_linear(const OrfTone *tone, float code)
{
    int low = (int)code;
    float part = code - (float)low;
    return tone->linear[low] + part * (tone->linear[MIN(low + 1, 255)] - tone->linear[low]);
}

/* Colour without light, linear. */
static void
base_color(const Scene *scene, const Shader *shader, const float w[3], float ret_rgb[3])
{
    const float *factor = shader->skin->material->base_color;
    bool plain = !shader->skin->textured && !scene->colors;
    bool white = factor[0] > 0.999f && factor[1] > 0.999f && factor[2] > 0.999f;
    const uint32_t *corner = scene->triangles + 3 * (size_t)shader->triangle;
    float code[3] = { 255, 255, 255 };
    if (shader->skin->textured)
        texture_color(scene, shader, w, code);
    for (int k = 0; k < 3; k++) {
        if (!shader->skin->textured && scene->colors)
            code[k] = w[0] * scene->colors[4 * (size_t)corner[0] + (size_t)k] +
                      w[1] * scene->colors[4 * (size_t)corner[1] + (size_t)k] +
                      w[2] * scene->colors[4 * (size_t)corner[2] + (size_t)k];
        ret_rgb[k] = plain && white
                         ? clay[k]
                         : factor[k] * to_linear(&scene->tone, CLAMP(code[k], 0, 255));
    }
}

/* --- Light -------------------------------------------------------------------------------- */

static float
wrapped(const float n[3], float x, float y, float z)
{
    return MAX(0, (n[0] * x + n[1] * y + n[2] * z + 0.2f) / 1.2f);
}

/* In the camera's frame: x right, y up, z to the eye. About 1 where the surface faces the eye.
 */
static float
light(const float n[3])
{
    float key = wrapped(n, -0.41f, 0.59f, 0.69f), fill = wrapped(n, 0.84f, 0.11f, 0.53f);
    float sky = 0.5f + 0.5f * n[1];
    return 0.18f + 0.14f * sky + 0.76f * key + 0.20f * fill;
}

static float
gloss(const float n[3])
{
    float h = MAX(0, -0.22f * n[0] + 0.32f * n[1] + 0.92f * n[2]); /* between key and eye */
    h *= h;
    h *= h;
    h *= h;
    return h * h * h; /* to the 24th */
}

static void
lit_color(const Scene *scene, const Shader *shader, const float w[3], float ret_rgb[3])
{
    const OrfCamera *camera = &scene->shot->camera;
    float sum[3] = { 0, 0, 0 }, seen[3];
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            sum[k] += w[i] * shader->normals[i][k];
    float length = MAX(sqrtf(orf_dot3(sum, sum)), 1e-12f) * (shader->back ? -1 : 1);
    seen[0] = orf_dot3(camera->right, sum) / length;
    seen[1] = -orf_dot3(camera->down, sum) / length;
    seen[2] = orf_dot3(camera->back, sum) / length;
    base_color(scene, shader, w, ret_rgb);
    float brightness = light(seen), shine = shader->back ? 0 : 0.05f * gloss(seen);
    for (int k = 0; k < 3; k++)
        ret_rgb[k] = (shader->back ? inside[k] : ret_rgb[k]) * brightness + shine;
}

/* sRGB 0..255 of the shader's triangle at a point of the screen. */
static void
shade(const Scene *scene, const Shader *shader, float x, float y, float ret_rgb[3])
{
    float w[3], linear[3];
    orf_raster_weights(shader->spots, scene->shot->camera.distance <= 0, x, y, w);
    if (scene->shot->unlit && shader->skin->exact) {
        texture_color(scene, shader, w, ret_rgb);
        return;
    }
    (scene->shot->unlit ? base_color : lit_color)(scene, shader, w, linear);
    for (int k = 0; k < 3; k++)
        ret_rgb[k] = orf_tone_code(&scene->tone, linear[k]);
}

/* --- Pixels ------------------------------------------------------------------------------- */

/* Adds the share of one triangle (or of the backdrop) among the four samples. */
static unsigned
add_triangle(const Scene *scene, Shader *shader, const uint32_t samples[4], unsigned first,
             unsigned x, unsigned y, float sum[4])
{
    unsigned n = 0, mask = 0;
    float rgb[3] = { 0, 0, 0 }, px = (float)x + 0.5f, py = (float)y + 0.5f;
    for (unsigned s = first; s < 4; s++)
        if (samples[s] == samples[first]) {
            mask |= 1u << s;
            n++;
        }
    bool nothing = samples[first] == ORF_NO_TRIANGLE;
    if (!nothing) {
        shader_set(shader, scene, samples[first]);
        shade(scene, shader, px, py, rgb);
    } else if (!scene->shot->transparent) {
        orf_asset_backdrop_color(&scene->backdrop, px, py, rgb);
    }
    float weight = nothing && scene->shot->transparent ? 0 : (float)n;
    for (int k = 0; k < 3; k++)
        sum[k] += weight * rgb[k];
    sum[3] += weight;
    return mask;
}

static void
resolve_pixel(const Scene *scene, Shader *shader, const uint32_t samples[4], unsigned x,
              unsigned y)
{
    float sum[4] = { 0, 0, 0, 0 };
    unsigned done = 0;
    for (unsigned s = 0; s < 4; s++)
        if (!(done >> s & 1))
            done |= add_triangle(scene, shader, samples, s, x, y, sum);
    uint8_t *pixel = scene->pixels + 4 * ((size_t)y * scene->shot->width + x);
    for (int k = 0; k < 3; k++)
        pixel[k] = sum[3] > 0 ? (uint8_t)(sum[k] / sum[3] + 0.5f) : 0;
    pixel[3] = (uint8_t)(sum[3] / 4 * 255 + 0.5f);
}

static void
resolve_band(const OrfBand *band, void *data)
{
    const Scene *scene = data;
    Shader shader = { .triangle = ORF_NO_TRIANGLE };
    for (unsigned y = band->y0; y < band->y1; y++)
        for (unsigned x = 0; x < band->width; x++)
            resolve_pixel(scene, &shader,
                          band->triangle + (y - band->y0) * band->stride + 4 * (size_t)x, x, y);
}

/* --- Scene -------------------------------------------------------------------------------- */

static void
scene_clear(Scene *scene)
{
    orf_free(scene->faces);
    orf_fans_clear(&scene->fans);
    orf_free(scene->pixels);
    for (size_t i = 0; i < scene->n_skins; i++)
        orf_pyramid_clear(&scene->skins[i].pyramid);
    g_free(scene->skins);
    orf_asset_backdrop_clear(&scene->backdrop);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scene, scene_clear)

static bool
fill_skins(OrfTask *task, Scene *scene, const OrfAsset *asset, GError **error)
{
    scene->n_skins = orf_asset_n_materials(asset);
    scene->skins = g_new0(Skin, scene->n_skins);
    for (size_t i = 0; i < scene->n_skins; i++) {
        Skin *skin = &scene->skins[i];
        skin->material = orf_asset_material(asset, i);
        const float *color = skin->material->base_color;
        skin->textured = scene->uvs && skin->material->texture;
        skin->exact = skin->textured && color[0] == 1 && color[1] == 1 && color[2] == 1;
        if (skin->textured &&
            !orf_pyramid_init(&skin->pyramid, task, skin->material->texture, error))
            return false;
    }
    return true;
}

static void
scene_init(Scene *scene, const OrfAsset *asset, const OrfShot *shot)
{
    OrfMesh *mesh = orf_asset_mesh(asset);
    scene->shot = shot;
    scene->mesh = mesh;
    scene->positions = orf_mesh_positions(mesh);
    scene->triangles = orf_mesh_triangles(mesh);
    scene->uvs = orf_mesh_uvs(mesh);
    scene->uv_triangles = orf_mesh_uv_triangles(mesh);
    scene->groups = orf_mesh_groups(mesh);
    scene->colors = orf_mesh_colors(mesh);
    orf_tone_init(&scene->tone);
}

OrfImage *
orf_asset_shoot(OrfTask *task, const OrfAsset *asset, const OrfShot *shot, GError **error)
{
    g_auto(Scene) scene = { 0 };
    scene_init(&scene, asset, shot);
    if (!fill_skins(task, &scene, asset, error))
        return NULL;
    if (!shot->unlit && !gather_normals(task, &scene, error))
        return NULL;
    unsigned size[2] = { shot->width, shot->height };
    if (!shot->transparent && !orf_asset_backdrop_init(&scene.backdrop, task, scene.mesh,
                                                       &shot->camera, size, shot->bed, error))
        return NULL;
    orf_autofree OrfSpot *spots = orf_camera_see_mesh(task, &shot->camera, scene.mesh, error);
    if (spots)
        scene.pixels =
            ORF_ALLOC(task, uint8_t, (size_t)size[0] * size[1] * 4, "picture", error);
    if (!scene.pixels)
        return NULL;
    scene.spots = spots;
    OrfRaster raster = { spots,   scene.triangles, orf_mesh_n_triangles(scene.mesh),
                         size[0], size[1],         4 };
    if (!orf_raster(task, &raster, resolve_band, &scene, error))
        return NULL;
    if (shot->relief > 0 &&
        !orf_asset_shade_relief(task, scene.mesh, shot, shot->relief, scene.pixels, error))
        return NULL;
    return orf_image_new_take(size[0], size[1], 4, ORF_U8, g_steal_pointer(&scene.pixels));
}

OrfImage *
orf_asset_render(OrfTask *task, const OrfAsset *asset, const OrfView *view, GError **error)
{
    if (view->width < 1 || view->height < 1 || view->width > 8192 || view->height > 8192)
        return ORF_FAIL(error, BAD_INPUT, "render: %u x %u pixels; give 1 to 8192 each",
                        view->width, view->height);
    OrfShot shot = { orf_camera_at(view->yaw, view->pitch),
                     view->width,
                     view->height,
                     view->unlit,
                     view->transparent,
                     view->bed,
                     0 };
    float size[2] = { (float)view->width, (float)view->height };
    if (!orf_camera_fit(task, &shot.camera, orf_asset_mesh(asset), view->fov, size,
                        view->margin > 0 ? view->margin : 0.06f, error))
        return NULL;
    return orf_asset_shoot(task, asset, &shot, error);
}

OrfImage *
orf_asset_render_like(OrfTask *task, const OrfAsset *asset, const OrfProjection *like,
                      GError **error)
{
    OrfShot shot = { .camera = orf_camera_of(like),
                     .width = orf_image_width(like->picture),
                     .height = orf_image_height(like->picture),
                     .unlit = true,
                     .transparent = true };
    return orf_asset_shoot(task, asset, &shot, error);
}
