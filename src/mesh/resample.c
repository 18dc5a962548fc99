/* resample.c - an outline again, with points as far apart as asked for.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * How much a loop turns at a point is measured between two arms of 3/4 of the spacing, so that
 * the steps of pixels do not count. Sharp local maxima are corners and keep their place. The
 * runs between corners get points at equal shares of the integral of a density, which grows
 * with the square root of the bend: then the gap between chord and curve is about equal
 * everywhere. New points lie on the old polygon. */
#include "planar-priv.h"

#include <math.h>
#include <string.h>

#define ARM 0.75       /* of the spacing */
#define EASY_TURN 0.25 /* radians between the arms that need no denser points */
#define GREATEST_DENSITY 3.0
#define SMALLEST_LOOP 8 /* points of a loop without corners */

typedef struct {
    const float *points; /* of one loop */
    uint32_t n;
    double spacing, corner;
    double *along;    /* [n + 1] mm from point 0 */
    double *density;  /* [n] points per mm */
    double *turn;     /* [n] radians */
    uint8_t *corners; /* [n] */
} Loop;

static const float *
loop_point(const Loop *loop, uint32_t i)
{
    return loop->points + 2 * (size_t)(i % loop->n);
}

/* The place `s` mm after point 0 (within -perimeter..2 perimeter); `hint` is an index at or
 * before it that the next call may start from, counting on through further rounds. */
static void
place_at(const Loop *loop, double s, uint32_t *hint, double ret_place[2])
{
    double perimeter = loop->along[loop->n];
    uint32_t n = loop->n, i = *hint;
    while (i / n * perimeter + loop->along[i % n + 1] < s)
        i++;
    double begin = i / n * perimeter + loop->along[i % n];
    double length = loop->along[i % n + 1] - loop->along[i % n];
    double t = length > 0 ? CLAMP((s - begin) / length, 0, 1) : 0;
    const float *p = loop_point(loop, i), *q = loop_point(loop, i + 1);
    ret_place[0] = p[0] + t * ((double)q[0] - p[0]);
    ret_place[1] = p[1] + t * ((double)q[1] - p[1]);
    *hint = i;
}

static void
measure_lengths(Loop *loop)
{
    loop->along[0] = 0;
    for (uint32_t i = 0; i < loop->n; i++) {
        const float *p = loop_point(loop, i), *q = loop_point(loop, i + 1);
        loop->along[i + 1] = loop->along[i] + hypot((double)q[0] - p[0], (double)q[1] - p[1]);
    }
}

static void
measure_turns(Loop *loop)
{
    double perimeter = loop->along[loop->n], arm = MIN(ARM * loop->spacing, perimeter / 8);
    uint32_t before = 0, after = 0;
    for (uint32_t i = 0; i < loop->n; i++) {
        double a[2], b[2], s = loop->along[i] + perimeter;
        const float *p = loop_point(loop, i);
        place_at(loop, s - arm, &before, a);
        place_at(loop, s + arm, &after, b);
        double ax = p[0] - a[0], ay = p[1] - a[1], bx = b[0] - p[0], by = b[1] - p[1];
        loop->turn[i] = fabs(atan2(ax * by - ay * bx, ax * bx + ay * by));
    }
}

/* A corner turns sharply and more than every point within an arm of it. */
static bool
is_corner(const Loop *loop, uint32_t i)
{
    double perimeter = loop->along[loop->n], arm = MIN(ARM * loop->spacing, perimeter / 8);
    if (loop->turn[i] < loop->corner)
        return false;
    double reach = 0;
    for (uint32_t j = i; reach <= arm && j < i + loop->n; j++) {
        if (j != i && loop->turn[j % loop->n] > loop->turn[i])
            return false;
        reach += loop->along[j % loop->n + 1] - loop->along[j % loop->n];
    }
    reach = 0;
    for (uint32_t j = i + loop->n; reach <= arm && j > i; j--) {
        if (j != i + loop->n && loop->turn[j % loop->n] >= loop->turn[i])
            return false;
        reach += loop->along[(j - 1) % loop->n + 1] - loop->along[(j - 1) % loop->n];
    }
    return true;
}

static void
set_densities(Loop *loop)
{
    for (uint32_t i = 0; i < loop->n; i++) {
        double bend = loop->corners[i] ? 0 : loop->turn[i] / EASY_TURN;
        loop->density[i] = CLAMP(sqrt(bend), 1, GREATEST_DENSITY) / loop->spacing;
    }
}

/* Integral of the density over the edge that starts at point i. */
static double
weight(const Loop *loop, uint32_t i)
{
    i %= loop->n;
    double mean = (loop->density[i] + loop->density[(i + 1) % loop->n]) / 2;
    return mean * (loop->along[i + 1] - loop->along[i]);
}

/* Points of the run from `first` up to, not including, `last` (first < last <= first + n). */
static bool
sample_run(OrfTask *task, const Loop *loop, uint32_t first, uint32_t last, uint32_t least,
           OrfVec *out, GError **error)
{
    double total = 0, done = 0;
    for (uint32_t i = first; i < last; i++)
        total += weight(loop, i);
    uint32_t count = (uint32_t)MAX(least, CLAMP(total + 0.5, 1, 1e8)), made = 0;
    float *p = orf_vec_add(task, out, count, "outline", error);
    if (!p)
        return false;
    for (uint32_t i = first; i < last && made < count; i++) {
        double w = weight(loop, i);
        const float *a = loop_point(loop, i), *b = loop_point(loop, i + 1);
        for (; made < count && (made * total / count < done + w || i + 1 == last); made++) {
            double t = w > 0 ? CLAMP((made * total / count - done) / w, 0, 1) : 0;
            *p++ = (float)(a[0] + t * ((double)b[0] - a[0]));
            *p++ = (float)(a[1] + t * ((double)b[1] - a[1]));
        }
        done += w;
    }
    return true;
}

static bool
sample_loop(OrfTask *task, const Loop *loop, OrfVec *out, GError **error)
{
    uint32_t n_corners = 0, first = 0;
    for (uint32_t i = loop->n; i-- > 0;)
        if (loop->corners[i]) {
            n_corners++;
            first = i;
        }
    uint32_t least = n_corners ? (2 + n_corners) / n_corners : SMALLEST_LOOP;
    for (uint32_t i = first, j; i < first + loop->n; i = j) {
        for (j = i + 1; j < first + loop->n && !loop->corners[j % loop->n];)
            j++;
        if (!sample_run(task, loop, i, j, least, out, error))
            return false;
    }
    return orf_task_check(task, error);
}

static bool
resample_loop(OrfTask *task, Loop *loop, OrfVec *out, GError **error)
{
    size_t n = loop->n;
    orf_autofree double *along = ORF_ALLOC(task, double, n + 1, "outline", error);
    orf_autofree double *density = along ? ORF_ALLOC(task, double, n, "outline", error) : NULL;
    orf_autofree double *turn = density ? ORF_ALLOC(task, double, n, "outline", error) : NULL;
    orf_autofree uint8_t *corners = turn ? ORF_ALLOC(task, uint8_t, n, "outline", error) : NULL;
    if (!corners)
        return false;
    loop->along = along;
    loop->density = density;
    loop->turn = turn;
    loop->corners = corners;
    measure_lengths(loop);
    measure_turns(loop);
    for (uint32_t i = 0; i < loop->n; i++)
        corners[i] = is_corner(loop, i);
    set_densities(loop);
    return sample_loop(task, loop, out, error);
}

bool
orf_planar_resample(OrfTask *task, const OrfPlanar *outline, double spacing,
                    double corner_degrees, OrfPlanarMesh *ret, GError **error)
{
    g_auto(OrfVec) points = { .item = 2 * sizeof(float) };
    orf_autofree uint32_t *starts =
        ORF_ALLOC(task, uint32_t, outline->n_loops + 1, "outline", error);
    if (!starts)
        return false;
    for (size_t i = 0; i < outline->n_loops; i++) {
        uint32_t begin = outline->loop_start[i];
        Loop loop = { .points = outline->points + 2 * (size_t)begin,
                      .n = outline->loop_start[i + 1] - begin,
                      .spacing = spacing,
                      .corner = corner_degrees * G_PI / 180 };
        if (!resample_loop(task, &loop, &points, error))
            return false;
        starts[i + 1] = (uint32_t)points.n;
    }
    ret->n_points = points.n;
    ret->n_loops = outline->n_loops;
    ret->points = orf_vec_steal(&points);
    ret->loop_start = g_steal_pointer(&starts);
    return true;
}
