/* raster.c - which triangle is nearest at every sample of a picture.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Triangles are sorted into bands of rows; each band is drawn by one core into a buffer of its
 * own, in the order of the mesh, so the result does not depend on the number of cores. Corners
 * are snapped to 1/256 pixel and the edge functions (Pineda 1988) are exact in 64 bits with the
 * top-left rule: no sample is drawn twice or missed along a shared edge.
 *
 * Four lanes run side by side: the four samples of one pixel, or four pixels with one sample.
 * Shading is left to the caller, who knows triangle and place (a visibility buffer). */
#include "asset/asset-priv.h"

#include <math.h>

#define SUB 256        /* steps a pixel */
#define GUARD 32000.0f /* pixels; triangles that reach further are left out */
#define SIXTEENTH (SUB / 16)

typedef int64_t Long2 __attribute__((vector_size(16)));
typedef int32_t Int4 __attribute__((vector_size(16)));
typedef float Float4 __attribute__((vector_size(16)));

/* Rotated grid, in 1/16 pixel from the pixel's corner. */
static const int32_t grid4[4][2] = { { 6, 2 }, { 14, 6 }, { 2, 10 }, { 10, 14 } };

float
orf_raster_weights(const OrfSpot *const c[3], bool flat, float x, float y, float ret_weights[3])
{
    float ax = c[1]->x - c[0]->x, ay = c[1]->y - c[0]->y;
    float bx = c[2]->x - c[0]->x, by = c[2]->y - c[0]->y;
    float px = x - c[0]->x, py = y - c[0]->y;
    float area = ax * by - ay * bx, inverse = area != 0 ? 1 / area : 0;
    float w1 = CLAMP((px * by - py * bx) * inverse, 0, 1);
    float w2 = CLAMP((ax * py - ay * px) * inverse, 0, 1);
    float w[3] = { MAX(1 - w1 - w2, 0), w1, w2 };
    if (!flat)
        for (int i = 0; i < 3; i++)
            w[i] *= c[i]->near;
    float sum = w[0] + w[1] + w[2];
    for (int i = 0; i < 3; i++)
        ret_weights[i] = w[i] / sum;
    return area;
}

/* --- Bands -------------------------------------------------------------------------------- */

typedef struct {
    const OrfRaster *raster;
    OrfTask *task;
    OrfBandFn band;
    void *data;
    unsigned n_bands;
    size_t *start;  /* [n_bands + 1] into list */
    uint32_t *list; /* triangles of each band, rising */
    size_t stride;  /* lanes a row */
    _Atomic bool failed;
} Job;

/* First and last band a triangle touches; false when it is not drawn. */
static bool
bands_of(const Job *job, size_t triangle, unsigned ret_range[2])
{
    const uint32_t *corner = job->raster->corners + 3 * triangle;
    const OrfSpot *spots = job->raster->spots;
    float low[2] = { GUARD, GUARD }, high[2] = { -GUARD, -GUARD };
    for (int i = 0; i < 3; i++) {
        const OrfSpot *spot = &spots[corner[i]];
        if (!(fabsf(spot->x) < GUARD) || !(fabsf(spot->y) < GUARD))
            return false;
        low[0] = MIN(low[0], spot->x);
        low[1] = MIN(low[1], spot->y);
        high[0] = MAX(high[0], spot->x);
        high[1] = MAX(high[1], spot->y);
    }
    float width = (float)job->raster->width, height = (float)job->raster->height;
    if (high[0] < 0 || high[1] < 0 || low[0] > width || low[1] > height)
        return false;
    ret_range[0] = (unsigned)(MAX(low[1], 0) / ORF_BAND);
    ret_range[1] = MIN((unsigned)(high[1] / ORF_BAND), job->n_bands - 1);
    return ret_range[0] < job->n_bands;
}

static bool
sort_into_bands(Job *job, GError **error)
{
    job->start = ORF_ALLOC(job->task, size_t, (size_t)job->n_bands + 2, "bands", error);
    if (!job->start)
        return false;
    unsigned range[2];
    for (size_t t = 0; t < job->raster->n_triangles; t++)
        if (bands_of(job, t, range))
            for (unsigned b = range[0]; b <= range[1]; b++)
                job->start[b + 2]++;
    for (unsigned b = 2; b < job->n_bands + 2; b++)
        job->start[b] += job->start[b - 1];
    job->list = ORF_ALLOC(job->task, uint32_t, job->start[job->n_bands + 1], "bands", error);
    if (!job->list)
        return false;
    for (size_t t = 0; t < job->raster->n_triangles; t++)
        if (bands_of(job, t, range))
            for (unsigned b = range[0]; b <= range[1]; b++)
                job->list[job->start[b + 1]++] = (uint32_t)t;
    return true;
}

/* --- One triangle ------------------------------------------------------------------------- */

/* An edge function for four lanes: value at the lanes of a quad, steps to the next quad and
 * row. */
typedef struct {
    Long2 at[2], across, down;
} Edge;

typedef struct {
    Edge edge[3];
    Float4 near, near_across, near_down; /* `near` at the lanes */
    int x0, x1, y0, y1;                  /* quads and rows, inclusive */
} Setup;

typedef struct {
    int64_t x, y; /* 1/256 pixel */
    float near;
} Corner;

typedef struct {
    unsigned y0, y1; /* rows */
    size_t stride;   /* lanes */
    float *near;
    uint32_t *triangle;
} Target;

/* Lane l of the quad at column q: its sample, in 1/256 pixel. */
static inline void
lane_place(unsigned samples, unsigned lane, int64_t ret_place[2])
{
    ret_place[0] = samples == 4 ? grid4[lane][0] * SIXTEENTH : (int64_t)lane * SUB + SUB / 2;
    ret_place[1] = samples == 4 ? grid4[lane][1] * SIXTEENTH : SUB / 2;
}

static void
setup_edge(Edge *edge, const Corner *a, const Corner *b, int64_t x, int64_t y, unsigned samples)
{
    int64_t dx = b->x - a->x, dy = b->y - a->y;
    int64_t bias = dy < 0 || (dy == 0 && dx > 0) ? 0 : 1, at[4]; /* 0: top or left */
    for (unsigned lane = 0; lane < 4; lane++) {
        int64_t place[2];
        lane_place(samples, lane, place);
        at[lane] = dx * (y + place[1] - a->y) - dy * (x + place[0] - a->x) - bias;
    }
    edge->at[0] = (Long2){ at[0], at[1] };
    edge->at[1] = (Long2){ at[2], at[3] };
    int64_t across = -dy * SUB * (samples == 4 ? 1 : 4), down = dx * SUB;
    edge->across = (Long2){ across, across };
    edge->down = (Long2){ down, down };
}

static void
setup_near(Setup *setup, const Corner c[3], int64_t area, int64_t x, int64_t y,
           unsigned samples)
{
    double ax = (double)(c[1].x - c[0].x), ay = (double)(c[1].y - c[0].y);
    double bx = (double)(c[2].x - c[0].x), by = (double)(c[2].y - c[0].y);
    double a = (double)c[1].near - c[0].near, b = (double)c[2].near - c[0].near;
    double by_x = (a * by - b * ay) / (double)area, by_y = (b * ax - a * bx) / (double)area;
    for (unsigned lane = 0; lane < 4; lane++) {
        int64_t place[2];
        lane_place(samples, lane, place);
        setup->near[lane] = (float)(c[0].near + by_x * (double)(x + place[0] - c[0].x) +
                                    by_y * (double)(y + place[1] - c[0].y));
    }
    float across = (float)(by_x * SUB * (samples == 4 ? 1 : 4)), down = (float)(by_y * SUB);
    setup->near_across = (Float4){ across, across, across, across };
    setup->near_down = (Float4){ down, down, down, down };
}

/* False when the triangle has no area or misses the band. */
static bool
set_up(const OrfRaster *raster, size_t triangle, const Target *target, Setup *ret_setup)
{
    Corner c[3];
    int64_t low[2] = { INT64_MAX, INT64_MAX }, high[2] = { INT64_MIN, INT64_MIN };
    for (int i = 0; i < 3; i++) {
        const OrfSpot *spot = &raster->spots[raster->corners[3 * triangle + i]];
        c[i] = (Corner){ lrintf(spot->x * SUB), lrintf(spot->y * SUB), spot->near };
        low[0] = MIN(low[0], c[i].x);
        low[1] = MIN(low[1], c[i].y);
        high[0] = MAX(high[0], c[i].x);
        high[1] = MAX(high[1], c[i].y);
    }
    int64_t area =
        (c[1].x - c[0].x) * (c[2].y - c[0].y) - (c[1].y - c[0].y) * (c[2].x - c[0].x);
    int quad = raster->samples == 4 ? 1 : 4;
    ret_setup->x0 = (int)(MAX(low[0], 0) / SUB) / quad;
    ret_setup->x1 = MIN((int)(high[0] / SUB), (int)raster->width - 1) / quad;
    ret_setup->y0 = MAX((int)(MAX(low[1], 0) / SUB), (int)target->y0);
    ret_setup->y1 = MIN((int)(high[1] / SUB), (int)target->y1 - 1);
    if (area == 0 || high[0] < 0 || ret_setup->x0 > ret_setup->x1 ||
        ret_setup->y0 > ret_setup->y1)
        return false;
    if (area < 0) {
        Corner swap = c[1];
        c[1] = c[2];
        c[2] = swap;
        area = -area;
    }
    int64_t x = (int64_t)ret_setup->x0 * quad * SUB, y = (int64_t)ret_setup->y0 * SUB;
    for (int i = 0; i < 3; i++)
        setup_edge(&ret_setup->edge[i], &c[i], &c[(i + 1) % 3], x, y, raster->samples);
    setup_near(ret_setup, c, area, x, y, raster->samples);
    return true;
}

static inline Int4
pick(Int4 mask, Int4 yes, Int4 no)
{
    return (mask & yes) | (~mask & no);
}

/* One row of quads from setup's running values. */
static inline void
fill_row(const Setup *setup, const Edge edge[3], Float4 near, uint32_t triangle,
         const Target *target, size_t row)
{
    Long2 a[2] = { edge[0].at[0], edge[0].at[1] };
    Long2 b[2] = { edge[1].at[0], edge[1].at[1] };
    Long2 c[2] = { edge[2].at[0], edge[2].at[1] };
    Int4 id = { (int)triangle, (int)triangle, (int)triangle, (int)triangle };
    Float4 *near_at = (Float4 *)(target->near + row * target->stride);
    Int4 *id_at = (Int4 *)(target->triangle + row * target->stride);
    for (int q = setup->x0; q <= setup->x1; q++) {
        Int4 first = (Int4)(a[0] | b[0] | c[0]), second = (Int4)(a[1] | b[1] | c[1]);
        Int4 outside = __builtin_shufflevector(first, second, 1, 3, 5, 7) >> 31;
        Int4 drawn = ~outside & (Int4)(near > near_at[q]);
        near_at[q] = (Float4)pick(drawn, (Int4)near, (Int4)near_at[q]);
        id_at[q] = pick(drawn, id, id_at[q]);
        for (int i = 0; i < 2; i++) {
            a[i] += edge[0].across;
            b[i] += edge[1].across;
            c[i] += edge[2].across;
        }
        near += setup->near_across;
    }
}

static void
draw(const OrfRaster *raster, uint32_t triangle, const Target *target)
{
    Setup setup;
    if (!set_up(raster, triangle, target, &setup))
        return;
    for (int y = setup.y0; y <= setup.y1; y++) {
        fill_row(&setup, setup.edge, setup.near, triangle, target, (size_t)y - target->y0);
        for (int i = 0; i < 3; i++) {
            setup.edge[i].at[0] += setup.edge[i].down;
            setup.edge[i].at[1] += setup.edge[i].down;
        }
        setup.near += setup.near_down;
    }
}

/* --- One band ----------------------------------------------------------------------------- */

static bool
draw_triangles(const Job *job, unsigned band, const Target *target)
{
    for (size_t i = job->start[band]; i < job->start[band + 1]; i++) {
        if (i % 1024 == 0 && orf_task_cancelled(job->task))
            return false;
        draw(job->raster, job->list[i], target);
    }
    return true;
}

static bool
draw_band(Job *job, unsigned index)
{
    const OrfRaster *raster = job->raster;
    size_t n = job->stride * ORF_BAND;
    orf_autofree float *near = ORF_ALLOC(job->task, float, n, "depth buffer", NULL);
    orf_autofree uint32_t *ids = ORF_ALLOC(job->task, uint32_t, n, "depth buffer", NULL);
    if (!near || !ids)
        return false;
    for (size_t i = 0; i < n; i++) {
        near[i] = -INFINITY;
        ids[i] = ORF_NO_TRIANGLE;
    }
    unsigned y0 = index * ORF_BAND;
    Target target = { y0, MIN(y0 + ORF_BAND, raster->height), job->stride, near, ids };
    if (!draw_triangles(job, index, &target))
        return true;
    OrfBand band = { target.y0, target.y1, raster->width, raster->samples, job->stride,
                     near,      ids };
    job->band(&band, job->data);
    return true;
}

static void
draw_bands(size_t begin, size_t end, void *data)
{
    Job *job = data;
    for (size_t i = begin; i < end; i++)
        if (!draw_band(job, (unsigned)i))
            job->failed = true;
}

static void
job_clear(Job *job)
{
    orf_free(job->start);
    orf_free(job->list);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Job, job_clear)

bool
orf_raster(OrfTask *task, const OrfRaster *raster, OrfBandFn band, void *data, GError **error)
{
    g_auto(Job) job = {
        .raster = raster,
        .task = task,
        .band = band,
        .data = data,
        .n_bands = (raster->height + ORF_BAND - 1) / ORF_BAND,
        .stride = raster->samples == 4 ? (size_t)raster->width * 4
                                       : ((size_t)raster->width + 3) / 4 * 4,
    };
    if (!sort_into_bands(&job, error))
        return false;
    if (!orf_task_parallel(task, job.n_bands, 1, draw_bands, &job))
        return orf_task_check(task, error);
    if (job.failed)
        return ORF_FALSE(error, TOO_LARGE,
                         "render: no memory left for a depth buffer of %u columns; use a "
                         "smaller picture or a larger --memory",
                         raster->width);
    return true;
}
