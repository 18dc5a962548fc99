/* polygon.c - one flat polygon in space becomes triangles, for files that hold polygons.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The polygon is seen along the axis nearest to its normal (Newell's). Small ones lose one ear
 * after the other (Meisters 1975); large ones go through the constrained triangulation, because
 * ears cost n^2. What neither can do, because the polygon is not simple, becomes a fan. */
#include "mesh/mesh.h"

#include <math.h>
#include <string.h>

#define MOST_EARS 128 /* corners; above, n^2 starts to count */

typedef struct {
    double x, y;
} Flat;

typedef struct {
    const uint32_t *corners;
    Flat at[MOST_EARS];
    uint16_t left[MOST_EARS]; /* positions of the corners not yet cut off, in order */
    size_t n_left;
    uint32_t *out;
} Ears;

/* The two axes to look at so that the polygon turns left; false when it has no area. */
static bool
choose_axes(const float *positions, const uint32_t *corners, size_t n, int ret_axes[2])
{
    double normal[3] = { 0 };
    const float *origin = positions + 3 * (size_t)corners[0];
    for (size_t i = 1; i + 1 < n; i++) {
        const float *p = positions + 3 * (size_t)corners[i];
        const float *q = positions + 3 * (size_t)corners[i + 1];
        for (int k = 0; k < 3; k++) {
            int u = (k + 1) % 3, v = (k + 2) % 3;
            normal[k] += ((double)p[u] - origin[u]) * ((double)q[v] - origin[v]) -
                         ((double)p[v] - origin[v]) * ((double)q[u] - origin[u]);
        }
    }
    int axis = fabs(normal[0]) > fabs(normal[1]) ? 0 : 1;
    axis = fabs(normal[2]) >= fabs(normal[axis]) ? 2 : axis;
    ret_axes[0] = (axis + (normal[axis] > 0 ? 1 : 2)) % 3;
    ret_axes[1] = (axis + (normal[axis] > 0 ? 2 : 1)) % 3;
    return fabs(normal[axis]) > 0 && isfinite(normal[axis]);
}

static uint32_t *
fan(const uint32_t *corners, size_t n, uint32_t *out)
{
    for (size_t i = 1; i + 1 < n; i++) {
        *out++ = corners[0];
        *out++ = corners[i];
        *out++ = corners[i + 1];
    }
    return out;
}

/* --- Ears --------------------------------------------------------------------------------- */

static double
turn(Flat a, Flat b, Flat c)
{
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

static bool
same(Flat a, Flat b)
{
    return a.x == b.x && a.y == b.y;
}

/* The corner at place i of those left is convex and its triangle holds no other corner. */
static bool
is_ear(const Ears *ears, size_t i)
{
    size_t n = ears->n_left;
    Flat a = ears->at[ears->left[(i + n - 1) % n]], b = ears->at[ears->left[i]];
    Flat c = ears->at[ears->left[(i + 1) % n]];
    if (!(turn(a, b, c) > 0))
        return false;
    for (size_t k = 2; k + 1 < n; k++) {
        Flat p = ears->at[ears->left[(i + k) % n]];
        if (!same(p, a) && !same(p, b) && !same(p, c) && turn(a, b, p) >= 0 &&
            turn(b, c, p) >= 0 && turn(c, a, p) >= 0)
            return false;
    }
    return true;
}

static void
cut_ear(Ears *ears, size_t i)
{
    size_t n = ears->n_left;
    *ears->out++ = ears->corners[ears->left[(i + n - 1) % n]];
    *ears->out++ = ears->corners[ears->left[i]];
    *ears->out++ = ears->corners[ears->left[(i + 1) % n]];
    memmove(ears->left + i, ears->left + i + 1, (n - i - 1) * sizeof *ears->left);
    ears->n_left--;
}

/* Goes round, so that ears are taken all over rather than from one corner. */
static void
cut_ears(const float *positions, const uint32_t *corners, size_t n, const int axes[2],
         uint32_t *out)
{
    Ears ears = { .corners = corners, .n_left = n, .out = out };
    for (size_t i = 0; i < n; i++) {
        const float *p = positions + 3 * (size_t)corners[i];
        ears.at[i] = (Flat){ p[axes[0]], p[axes[1]] };
        ears.left[i] = (uint16_t)i;
    }
    for (size_t i = 0, refused = 0; ears.n_left > 3 && refused < ears.n_left; i++) {
        i %= ears.n_left;
        refused = is_ear(&ears, i) ? 0 : refused + 1;
        if (!refused)
            cut_ear(&ears, i);
    }
    uint32_t rest[MOST_EARS];
    for (size_t i = 0; i < ears.n_left; i++)
        rest[i] = corners[ears.left[i]];
    fan(rest, ears.n_left, ears.out);
}

/* --- Large polygons ----------------------------------------------------------------------- */

static bool
triangulate_large(const float *positions, const uint32_t *corners, size_t n, const int axes[2],
                  uint32_t *out)
{
    orf_autofree float *points = ORF_ALLOC(NULL, float, 2 * n, "polygon", NULL);
    if (!points || n > UINT32_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < 2; k++)
            points[2 * i + (size_t)k] = positions[3 * (size_t)corners[i] + axes[k]];
    uint32_t starts[] = { 0, (uint32_t)n };
    OrfPlanar planar = { points, n, starts, 1, NULL, 0 };
    size_t n_triangles = 0;
    orf_autofree uint32_t *triangles = orf_triangulate(NULL, &planar, &n_triangles, NULL);
    if (!triangles || n_triangles != n - 2)
        return false;
    for (size_t i = 0; i < 3 * n_triangles; i++)
        out[i] = corners[triangles[i]];
    return true;
}

void
orf_triangulate_polygon(const float *positions, const uint32_t *corners, size_t n,
                        uint32_t *ret_triangles)
{
    int axes[2];
    if (n < 3)
        return;
    if (n == 3 || !choose_axes(positions, corners, n, axes))
        fan(corners, n, ret_triangles);
    else if (n <= MOST_EARS)
        cut_ears(positions, corners, n, axes, ret_triangles);
    else if (!triangulate_large(positions, corners, n, axes, ret_triangles))
        fan(corners, n, ret_triangles);
}
