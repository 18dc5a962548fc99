/* depth-body.c - front and back distances become a closed mesh.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The field is sampled in picture space (column, row, distance), where every line of sight is a
 * column of the grid and the body between front and back is one interval of it. Steps between
 * near and far parts are walls along the lines of sight, never rubber sheets. Afterwards each
 * vertex goes to its place in space: along the line of sight as far as that touches the body,
 * and straight back from there, so that the unseen half does not grow with the distance. */
#include "generate/carved.h"
#include "generate/depth-priv.h"

#include <math.h>
#include <string.h>

#define MAX_LAYERS 1024

typedef struct {
    const OrfDepthMap *map;
    const OrfDepthBack *back;
    OrfField grid; /* in picture pixels, distance scaled by `layer` */
    float *values;
    float step;    /* px between columns */
    float layer;   /* distance between layers */
    float nearest; /* distance of layer 0 */
    float pixel;   /* size of a pixel at the body */
} Body;

/* --- Sampling a map ----------------------------------------------------------------------- */

static float
sample(const float *values, unsigned width, unsigned height, float x, float y)
{
    float cx = CLAMP(x - 0.5f, 0, (float)(width - 1)),
          cy = CLAMP(y - 0.5f, 0, (float)(height - 1));
    unsigned ix = MIN((unsigned)cx, width - 2), iy = MIN((unsigned)cy, height - 2);
    const float *p = values + (size_t)iy * width + ix;
    float tx = cx - (float)ix, ty = cy - (float)iy;
    float top = p[0] + tx * (p[1] - p[0]), bottom = p[width] + tx * (p[width + 1] - p[width]);
    return top + ty * (bottom - top);
}

static float
map_sample(const Body *body, const float *values, float x, float y)
{
    return sample(values, body->map->width, body->map->height, x, y);
}

/* --- Field -------------------------------------------------------------------------------- */

static void
fill_column(const Body *body, uint32_t x, uint32_t y)
{
    float px = body->grid.origin[0] + body->step * (float)x;
    float py = body->grid.origin[1] + body->step * (float)y;
    float edge = map_sample(body, orf_image_f32(body->map->distance), px, py) * body->pixel;
    float front = map_sample(body, body->map->z, px, py);
    float back = MAX(map_sample(body, body->back->back, px, py), front + 1.2f * body->layer);
    size_t stride = (size_t)body->grid.nx * body->grid.ny;
    float *out = body->values + (size_t)y * body->grid.nx + x;
    for (uint32_t k = 0; k < body->grid.nz; k++, out += stride) {
        float distance = body->nearest + body->layer * (float)k;
        *out = MIN(edge, MIN(distance - front, back - distance));
    }
}

static void
fill_rows(size_t begin, size_t end, void *data)
{
    const Body *body = data;
    for (size_t y = begin; y < end; y++)
        for (uint32_t x = 0; x < body->grid.nx; x++)
            fill_column(body, x, (uint32_t)y);
}

static void
find_range(const OrfDepthMap *map, const OrfDepthBack *back, float *ret_low, float *ret_high)
{
    const float *distance = orf_image_f32(map->distance);
    float low = INFINITY, high = 0;
    for (size_t i = 0; i < (size_t)map->width * map->height; i++)
        if (distance[i] > 0) {
            low = MIN(low, map->z[i]);
            high = MAX(high, back->back[i]);
        }
    *ret_low = low;
    *ret_high = high;
}

static bool
make_field(OrfTask *task, Body *body, unsigned cells, GError **error)
{
    const OrfDepthMap *map = body->map;
    float low, high;
    find_range(map, body->back, &low, &high);
    body->step = (float)MAX(map->width, map->height) / (float)cells;
    body->pixel = (low + high) / 2 / map->focal;
    body->layer = MAX(body->step * body->pixel, (high - low) / (MAX_LAYERS - 8));
    body->nearest = low - 1.5f * body->layer;
    body->grid = (OrfField){ .nx = (uint32_t)((float)map->width / body->step) + 2,
                             .ny = (uint32_t)((float)map->height / body->step) + 2,
                             .nz = (uint32_t)((high - low) / body->layer) + 5,
                             .cell = 1 };
    body->grid.origin[0] = ((float)map->width - body->step * (float)(body->grid.nx - 1)) / 2;
    body->grid.origin[1] = ((float)map->height - body->step * (float)(body->grid.ny - 1)) / 2;
    body->values = ORF_ALLOC(task, float, (size_t)body->grid.nx * body->grid.ny * body->grid.nz,
                             "depth field", error);
    if (!body->values)
        return false;
    orf_task_parallel(task, body->grid.ny, 8, fill_rows, body);
    return orf_task_check(task, error);
}

/* --- To space ----------------------------------------------------------------------------- */

/* Grid coordinates, as the iso-surface counts them, to space. */
static void
to_space(float *positions, size_t n, void *data)
{
    const Body *body = data;
    const OrfDepthMap *map = body->map;
    for (float *p = positions; p < positions + 3 * n; p += 3) {
        float x = body->grid.origin[0] + body->step * p[0];
        float y = body->grid.origin[1] + body->step * p[1];
        float distance = body->nearest + body->layer * p[2];
        float touch =
            MAX(map_sample(body, body->back->touch, x, y), map_sample(body, map->z, x, y));
        float across = MIN(distance, touch) / map->focal;
        p[0] = (x - map->center[0]) * across;
        p[1] = -(y - map->center[1]) * across;
        p[2] = -distance;
    }
}

OrfMesh *
orf_depth_body(OrfTask *task, const OrfDepthMap *map, const OrfDepthBack *back, unsigned cells,
               size_t triangles, GError **error)
{
    Body body = { .map = map, .back = back };
    if (!make_field(task, &body, cells, error)) {
        orf_free(body.values);
        return NULL;
    }
    OrfField field = body.grid;
    field.field = body.values;
    memset(field.origin, 0, sizeof field.origin);
    OrfCarved how = {
        .crumb = 0.002f, .rounds = 4, .triangles = triangles, .warp = to_space, .data = &body
    };
    OrfMesh *mesh = orf_carved_mesh(task, &field, &how, error);
    orf_free(body.values);
    return mesh;
}
