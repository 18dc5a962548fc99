/* delight.c - takes out of a picture the light that its shape explains.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Brightness in linear light is fitted as a + b.n over the visible surface (Lambert under a far
 * light and a grey sky), twice, the second time without what lies far off. The shading is kept
 * at WORK pixels and read in between. */
#include "asset/asset-priv.h"

#include <math.h>
#include <string.h>

#define WORK 192 /* longer side of the working picture */
#define DARKEST 0.3f

typedef struct {
    const OrfMesh *mesh;
    OrfCamera camera; /* of the working picture */
    const OrfSpot *spots;
    const float *normals;
    unsigned width, height;
    float *samples; /* [height][width][5]: normal, brightness, 1 where seen */
    uint8_t *rgba;
    unsigned picture_width, picture_height;
    OrfTone tone;
} Light;

static float
brightness(const Light *light, unsigned x, unsigned y, bool *ret_seen)
{
    size_t px = (size_t)x * light->picture_width / light->width;
    size_t py = (size_t)y * light->picture_height / light->height;
    const uint8_t *p = light->rgba + 4 * (py * light->picture_width + px);
    *ret_seen = p[3] >= 250;
    return 0.2126f * light->tone.linear[p[0]] + 0.7152f * light->tone.linear[p[1]] +
           0.0722f * light->tone.linear[p[2]];
}

static void
keep_normals(const OrfBand *band, void *data)
{
    Light *light = data;
    for (unsigned y = band->y0; y < band->y1; y++)
        for (unsigned x = 0; x < band->width; x++) {
            uint32_t triangle = band->triangle[(y - band->y0) * band->stride + x];
            float *sample = light->samples + 5 * ((size_t)y * light->width + x);
            if (triangle == ORF_NO_TRIANGLE)
                continue;
            const uint32_t *corner = orf_mesh_triangles(light->mesh) + 3 * (size_t)triangle;
            const OrfSpot *spots[3] = { &light->spots[corner[0]], &light->spots[corner[1]],
                                        &light->spots[corner[2]] };
            float w[3];
            orf_raster_weights(spots, light->camera.distance <= 0, (float)x + 0.5f,
                               (float)y + 0.5f, w);
            for (int i = 0; i < 3; i++)
                for (int k = 0; k < 3; k++)
                    sample[k] += w[i] * light->normals[3 * (size_t)corner[i] + (size_t)k];
            bool seen;
            sample[3] = brightness(light, x, y, &seen);
            sample[4] = seen ? 1 : 0.5f;
        }
}

/* Solves the symmetric 4 x 4 system in place; a little is added to the diagonal. */
static void
solve4(double m[4][5])
{
    for (int i = 0; i < 4; i++)
        m[i][i] += 1e-3 * m[0][0] + 1e-9;
    for (int i = 0; i < 4; i++)
        for (int r = 0; r < 4; r++) {
            double factor = r == i ? 0 : m[r][i] / m[i][i];
            for (int c = i; c < 5 && r != i; c++)
                m[r][c] -= factor * m[i][c];
        }
    for (int i = 0; i < 4; i++)
        m[i][4] /= m[i][i];
}

static float
predicted(const float fit[4], const float normal[3])
{
    return fit[0] + fit[1] * normal[0] + fit[2] * normal[1] + fit[3] * normal[2];
}

/* a, b of brightness = a + b.n; samples further than `limit` from the fit so far are left out.
 * Returns the mean distance. */
static float
fit_light(const Light *light, float fit[4], float limit)
{
    double m[4][5] = { { 0 } }, far = 0, n = 0;
    for (size_t i = 0; i < (size_t)light->width * light->height; i++) {
        const float *s = light->samples + 5 * i;
        float off = fabsf(s[3] - predicted(fit, s));
        if (s[4] < 1 || off > limit)
            continue;
        double row[5] = { 1, s[0], s[1], s[2], s[3] };
        for (int r = 0; r < 4; r++)
            for (int c = 0; c < 5; c++)
                m[r][c] += row[r] * row[c];
    }
    solve4(m);
    for (int i = 0; i < 4; i++)
        fit[i] = (float)m[i][4];
    for (size_t i = 0; i < (size_t)light->width * light->height; i++) {
        const float *s = light->samples + 5 * i;
        far += s[4] < 1 ? 0 : fabsf(s[3] - predicted(fit, s));
        n += s[4] < 1 ? 0 : 1;
    }
    return (float)(far / MAX(n, 1));
}

/* RGBA picture of shading / mean shading * 100, complete. */
static uint8_t *
shading_picture(OrfTask *task, const Light *light, const float fit[4], GError **error)
{
    size_t n = (size_t)light->width * light->height;
    orf_autofree uint8_t *shading = ORF_ALLOC(task, uint8_t, 4 * n, "shading", error);
    if (!shading)
        return NULL;
    double sum = 0, count = 0;
    for (size_t i = 0; i < n; i++) {
        const float *s = light->samples + 5 * i;
        sum += s[4] < 1 ? 0 : MAX(DARKEST * fit[0], predicted(fit, s));
        count += s[4] < 1 ? 0 : 1;
    }
    float mean = (float)(sum / MAX(count, 1));
    for (size_t i = 0; i < n; i++) {
        const float *s = light->samples + 5 * i;
        float value = MAX(DARKEST, predicted(fit, s) / MAX(mean, 1e-4f));
        memset(shading + 4 * i, (int)CLAMP(value * 100 + 0.5f, 0, 255), 3);
        shading[4 * i + 3] = s[4] > 0 ? 255 : 0;
    }
    if (!orf_fill_unknown(task, shading, light->width, light->height, error))
        return NULL;
    return g_steal_pointer(&shading);
}

typedef struct {
    const Light *light;
    OrfPyramid shading;
    float strength;
} Divide;

static void
divide_rows(size_t begin, size_t end, void *data)
{
    const Divide *divide = data;
    const Light *light = divide->light;
    for (size_t y = begin; y < end; y++) {
        uint8_t *p = light->rgba + 4 * y * light->picture_width;
        float v = ((float)y + 0.5f) / (float)light->picture_height, shading[3];
        for (unsigned x = 0; x < light->picture_width; x++, p += 4) {
            float u = ((float)x + 0.5f) / (float)light->picture_width;
            orf_pyramid_sample(&divide->shading, 0, u, v, shading);
            float gain = 1 / (1 + divide->strength * (shading[0] / 100 - 1));
            for (int k = 0; k < 3; k++)
                p[k] = orf_tone_code(&light->tone, light->tone.linear[p[k]] * gain);
        }
    }
}

static bool
sample_light(OrfTask *task, Light *light, GError **error)
{
    orf_autofree float *normals = orf_mesh_vertex_normals(task, light->mesh, error);
    orf_autofree OrfSpot *spots =
        normals ? orf_camera_see_mesh(task, &light->camera, light->mesh, error) : NULL;
    if (!spots)
        return false;
    light->normals = normals;
    light->spots = spots;
    OrfRaster raster = { spots,
                         orf_mesh_triangles(light->mesh),
                         orf_mesh_n_triangles(light->mesh),
                         light->width,
                         light->height,
                         1 };
    return orf_raster(task, &raster, keep_normals, light, error);
}

bool
orf_delight(OrfTask *task, const OrfMesh *mesh, const OrfCamera *camera, uint8_t *rgba,
            unsigned width, unsigned height, float strength, GError **error)
{
    Light light = { .mesh = mesh,
                    .camera = *camera,
                    .rgba = rgba,
                    .picture_width = width,
                    .picture_height = height };
    float shrink = MIN(1, WORK / (float)MAX(width, height));
    light.width = MAX(1, (unsigned)((float)width * shrink));
    light.height = MAX(1, (unsigned)((float)height * shrink));
    light.camera.scale *= shrink;
    for (int i = 0; i < 2; i++)
        light.camera.center[i] *= shrink;
    orf_tone_init(&light.tone);
    orf_autofree float *samples =
        ORF_ALLOC(task, float, 5 * (size_t)light.width * light.height, "shading", error);
    light.samples = samples;
    if (!samples || !sample_light(task, &light, error))
        return false;
    float fit[4] = { 0 };
    float far = fit_light(&light, fit, INFINITY);
    fit_light(&light, fit, 1.5f * far);
    orf_autofree uint8_t *shading = shading_picture(task, &light, fit, error);
    if (!shading)
        return false;
    Divide divide = { &light,
                      { .pixels = { shading },
                        .width = { light.width },
                        .height = { light.height },
                        .n_levels = 1,
                        .channels = 4 },
                      CLAMP(strength, 0, 1) };
    return orf_task_parallel(task, height, 32, divide_rows, &divide) ||
           orf_task_check(task, error);
}
