/* scene_test.h - balls, boxes and rods seen by a pinhole camera: pictures and distances for
 * tests.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The eye is 3 units from the origin, the field of view 30 degrees. */
#ifndef ORF_SCENE_TEST_H
#define ORF_SCENE_TEST_H

#include <math.h>
#include <string.h>

#include "generate/generate-priv.h"

#define SCENE_EYE 3.0

/* Distance to the surface, negative inside. */
typedef double (*SceneFn)(const double at[3]);

static inline double
scene_ball(const double at[3])
{
    return sqrt(at[0] * at[0] + at[1] * at[1] + at[2] * at[2]) - 0.5;
}

static inline double
scene_box(const double at[3])
{
    double x = fabs(at[0]) - 0.5, y = fabs(at[1]) - 0.35, z = fabs(at[2]) - 0.25;
    return MAX(MAX(x, y), z);
}

/* A turned vase-like rod. */
static inline double
scene_rod(const double at[3])
{
    double radius = 0.2 + 0.06 * cos(8 * at[1]);
    return MAX(0.8 * (hypot(at[0], at[2]) - radius), fabs(at[1]) - 0.5);
}

typedef struct {
    double eye[3], right[3], toward[3];
} SceneCamera;

static inline SceneCamera
scene_camera(double yaw)
{
    double c = cos(yaw * G_PI / 180), s = sin(yaw * G_PI / 180);
    return (SceneCamera){ { SCENE_EYE * s, 0, SCENE_EYE * c }, { c, 0, -s }, { s, 0, c } };
}

/* Walks along the line of sight of a pixel; distance along the viewing axis, 0: nothing. */
static inline double
scene_march(SceneFn scene, const SceneCamera *camera, unsigned side, double x, double y,
            double hit[3])
{
    double focal = side / 2.0 / tan(15 * G_PI / 180);
    double u = (x - side / 2.0) / focal, v = -(y - side / 2.0) / focal;
    for (double depth = SCENE_EYE - 1; depth < SCENE_EYE + 1;) {
        for (unsigned a = 0; a < 3; a++)
            hit[a] = camera->eye[a] + depth * (u * camera->right[a] - camera->toward[a]);
        hit[1] = depth * v;
        double distance = scene(hit);
        if (distance < 5e-4)
            return depth;
        depth += 0.9 * distance;
    }
    return 0;
}

static inline double
scene_light(SceneFn scene, const SceneCamera *camera, const double hit[3])
{
    double n[3], length = 0, light = 0;
    for (unsigned a = 0; a < 3; a++) {
        double low[3] = { hit[0], hit[1], hit[2] }, high[3] = { hit[0], hit[1], hit[2] };
        low[a] -= 1e-3;
        high[a] += 1e-3;
        n[a] = scene(high) - scene(low);
        length += n[a] * n[a];
    }
    for (unsigned a = 0; a < 3; a++)
        light += n[a] / sqrt(length) * (0.8 * camera->toward[a] - 0.5 * camera->right[a]);
    return 0.25 + 0.6 * MAX(light, 0);
}

/* RGBA picture from one side; nothing but transparency for a NULL scene. */
static inline GBytes *
scene_picture(SceneFn scene, unsigned side, double yaw)
{
    uint8_t *pixels = ORF_ALLOC(NULL, uint8_t, 4 * (size_t)side * side, "test", NULL);
    SceneCamera camera = scene_camera(yaw);
    for (unsigned i = 0; scene && i < side * side; i++) {
        double hit[3];
        if (scene_march(scene, &camera, side, i % side + 0.5, i / side + 0.5, hit) <= 0)
            continue;
        double light = scene_light(scene, &camera, hit);
        memset(pixels + 4 * (size_t)i, (int)(255 * pow(light, 1 / 2.2)), 3);
        pixels[4 * (size_t)i + 3] = 255;
    }
    g_autoptr(OrfImage) image = orf_image_new_take(side, side, 4, ORF_U8, pixels);
    return orf_image_encode(NULL, image, "png", 0, NULL);
}

#endif
