/* camera.c - from millimetres to pixels: orthographic or pinhole.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "asset/asset-priv.h"

#include <math.h>

#define RADIANS (G_PI / 180)

OrfCamera
orf_camera_at(float yaw, float pitch)
{
    float sy = (float)sin(yaw * RADIANS), cy = (float)cos(yaw * RADIANS);
    float sp = (float)sin(pitch * RADIANS), cp = (float)cos(pitch * RADIANS);
    return (OrfCamera){
        .right = { cy, 0, -sy },
        .down = { sy * sp, -cp, cy * sp },
        .back = { sy * cp, sp, cy * cp },
        .scale = 1,
    };
}

OrfCamera
orf_camera_of(const OrfProjection *projection)
{
    OrfCamera camera = orf_camera_at(projection->yaw, 0);
    for (int i = 0; i < 3; i++)
        camera.target[i] = projection->target[i];
    camera.center[0] = projection->center[0];
    camera.center[1] = projection->center[1];
    camera.scale = projection->scale;
    camera.distance = projection->distance;
    return camera;
}

OrfSpot
orf_camera_see(const OrfCamera *camera, const float point[3])
{
    float from[3];
    for (int i = 0; i < 3; i++)
        from[i] = point[i] - camera->target[i];
    float x = orf_dot3(camera->right, from), y = orf_dot3(camera->down, from);
    float z = orf_dot3(camera->back, from);
    float zoom = camera->scale, near = z;
    if (camera->distance > 0) {
        float depth = camera->distance - z;
        if (!(depth > 1e-3f * camera->distance))
            return (OrfSpot){ NAN, NAN, 0 };
        near = camera->distance / depth;
        zoom *= near;
    }
    return (OrfSpot){ camera->center[0] + zoom * x, camera->center[1] + zoom * y, near };
}

void
orf_camera_eye(const OrfCamera *camera, const float point[3], float ret_eye[3])
{
    float length = 0;
    for (int i = 0; i < 3; i++) {
        ret_eye[i] = camera->back[i];
        if (camera->distance > 0)
            ret_eye[i] = camera->target[i] + camera->distance * camera->back[i] - point[i];
        length += ret_eye[i] * ret_eye[i];
    }
    length = sqrtf(MAX(length, 1e-20f));
    for (int i = 0; i < 3; i++)
        ret_eye[i] /= length;
}

typedef struct {
    const OrfCamera *camera;
    const float *positions;
    OrfSpot *spots;
} See;

static void
see_range(size_t begin, size_t end, void *data)
{
    See *see = data;
    for (size_t i = begin; i < end; i++)
        see->spots[i] = orf_camera_see(see->camera, see->positions + 3 * i);
}

OrfSpot *
orf_camera_see_mesh(OrfTask *task, const OrfCamera *camera, const OrfMesh *mesh, GError **error)
{
    size_t n = orf_mesh_n_vertices(mesh);
    orf_autofree OrfSpot *spots = ORF_ALLOC(task, OrfSpot, n, "projected vertices", error);
    if (!spots)
        return NULL;
    See see = { camera, orf_mesh_positions(mesh), spots };
    if (!orf_task_parallel(task, n, 16384, see_range, &see) && !orf_task_check(task, error))
        return NULL;
    return g_steal_pointer(&spots);
}

/* Bounds on the screen: left, top, right, bottom; false when nothing is seen. */
static bool
screen_bounds(const OrfSpot *spots, size_t n, float ret_bounds[4])
{
    float b[4] = { INFINITY, INFINITY, -INFINITY, -INFINITY };
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(spots[i].x) || !isfinite(spots[i].y))
            continue;
        b[0] = MIN(b[0], spots[i].x);
        b[1] = MIN(b[1], spots[i].y);
        b[2] = MAX(b[2], spots[i].x);
        b[3] = MAX(b[3], spots[i].y);
    }
    for (int i = 0; i < 4; i++)
        ret_bounds[i] = b[i];
    return b[0] <= b[2];
}

bool
orf_camera_fit(OrfTask *task, OrfCamera *camera, const OrfMesh *mesh, float fov,
               const float size[2], float margin, GError **error)
{
    float low[3], high[3], radius = 0;
    orf_mesh_bounds(mesh, low, high);
    for (int i = 0; i < 3; i++) {
        camera->target[i] = (low[i] + high[i]) / 2;
        radius += (high[i] - low[i]) * (high[i] - low[i]) / 4;
    }
    radius = MAX(sqrtf(radius), 1e-3f);
    camera->center[0] = camera->center[1] = 0;
    camera->scale = 1;
    camera->distance = 0;
    if (fov > 0)
        camera->distance = radius / (float)sin(MIN(fov, 150.0f) / 2 * RADIANS);
    orf_autofree OrfSpot *spots = orf_camera_see_mesh(task, camera, mesh, error);
    if (!spots)
        return false;
    float b[4] = { 0 }, free_share = 1 - 2 * CLAMP(margin, 0, 0.45f);
    if (!screen_bounds(spots, orf_mesh_n_vertices(mesh), b))
        b[0] = b[1] = b[2] = b[3] = 0;
    camera->scale = MIN(free_share * size[0] / MAX(b[2] - b[0], 1e-6f),
                        free_share * size[1] / MAX(b[3] - b[1], 1e-6f));
    camera->scale = MIN(camera->scale, free_share * MAX(size[0], size[1]) / (radius * 1e-3f));
    camera->center[0] = size[0] / 2 - camera->scale * (b[0] + b[2]) / 2;
    camera->center[1] = size[1] / 2 - camera->scale * (b[1] + b[3]) / 2;
    return true;
}
