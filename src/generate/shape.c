/* shape.c - numbers of an outline and of the shading inside it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * They tell round from flat, front from side, body from tool; thickness.c and auto.c read them.
 * Everything is a share or a ratio, so the size of the picture does not matter; 128..256 px are
 * plenty. O(pixels) but for the mirror axis, which is searched on 48 rows first. */
#include <math.h>
#include <string.h>

#include "generate/generate-priv.h"

#define SECTORS 36 /* of the rim, seen from the centre */
#define BAND 0.015 /* width of a band along the rim / longer side */
#define MAX_BANDS 16

typedef struct {
    const uint8_t *rgba;
    const float *alpha;
    int width, height;
    int x0, y0, x1, y1; /* box of alpha > 0.5, x1 and y1 beyond it */
    double side;        /* longer side of the box */
    size_t count;
} Mask;

static inline bool
inside(const Mask *m, int x, int y)
{
    return x >= 0 && y >= 0 && x < m->width && y < m->height &&
           m->alpha[(size_t)y * (size_t)m->width + (size_t)x] > 0.5f;
}

static void
find_box(Mask *m)
{
    m->x0 = m->width;
    m->y0 = m->height;
    for (int y = 0; y < m->height; y++)
        for (int x = 0; x < m->width; x++)
            if (inside(m, x, y)) {
                m->x0 = MIN(m->x0, x);
                m->x1 = MAX(m->x1, x + 1);
                m->y0 = MIN(m->y0, y);
                m->y1 = MAX(m->y1, y + 1);
                m->count++;
            }
    m->side = MAX(m->x1 - m->x0, m->y1 - m->y0);
}

static int
compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value at the share `at` of the sorted row; sorts `values`. */
static double
quantile(double *values, size_t n, double at)
{
    if (n == 0)
        return 0;
    qsort(values, n, sizeof *values, compare_double);
    return values[(size_t)(at * (double)(n - 1) + 0.5)];
}

/* --- Outline ------------------------------------------------------------------------------ */

static void
measure_axes(const Mask *m, OrfSubjectShape *shape)
{
    double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0, n = (double)m->count;
    for (int y = m->y0; y < m->y1; y++)
        for (int x = m->x0; x < m->x1; x++)
            if (inside(m, x, y)) {
                sx += x;
                sy += y;
                xx += (double)x * x;
                yy += (double)y * y;
                xy += (double)x * y;
            }
    xx = xx / n - sx / n * sx / n + 1.0 / 12; /* a pixel has a size: no zero for one row */
    yy = yy / n - sy / n * sy / n + 1.0 / 12;
    xy = xy / n - sx / n * sy / n;
    double middle = (xx + yy) / 2, spread = hypot((xx - yy) / 2, xy);
    shape->elongation = sqrt((middle + spread) / MAX(middle - spread, 1e-3));
}

typedef struct {
    int x, y;
} Corner;

/* Twice the area that the row ends' convex hull has on one side; Andrew's monotone chain. */
static double
half_hull(const Mask *m, Corner *stack, int sign)
{
    size_t n = 0;
    for (int y = m->y0; y < m->y1; y++) {
        int x = sign < 0 ? m->x0 : m->x1 - 1;
        while (x >= m->x0 && x < m->x1 && !inside(m, x, y))
            x -= sign;
        if (x < m->x0 || x >= m->x1)
            continue;
        for (int k = 0; k < 2; k++) {
            Corner c = { sign * (sign < 0 ? x : x + 1), y + k };
            while (n >= 2) {
                Corner a = stack[n - 2], b = stack[n - 1];
                if ((int64_t)(b.x - a.x) * (c.y - a.y) > (int64_t)(c.x - a.x) * (b.y - a.y))
                    break;
                n--;
            }
            stack[n++] = c;
        }
    }
    double area = 0;
    for (size_t i = 1; i < n; i++)
        area += (double)(stack[i].x + stack[i - 1].x) * (stack[i].y - stack[i - 1].y);
    return area;
}

static bool
measure_hull(OrfTask *task, const Mask *m, OrfSubjectShape *shape, GError **error)
{
    orf_autofree Corner *stack =
        ORF_ALLOC(task, Corner, 2 * (size_t)(m->y1 - m->y0) + 2, "shape: hull", error);
    if (!stack)
        return false;
    double twice = half_hull(m, stack, 1) + half_hull(m, stack, -1);
    shape->solidity = MIN(1, 2 * (double)m->count / MAX(twice, 1));
    return true;
}

/* Overlap with the mirror image about the line x = sum / 2 through pixel edges, of every
 * `step`-th row. */
static double
mirror_overlap(const Mask *m, int sum, int step)
{
    size_t both = 0, count = 0;
    for (int y = m->y0; y < m->y1; y += step)
        for (int x = m->x0; x < m->x1; x++) {
            bool here = inside(m, x, y);
            count += here;
            both += here && inside(m, sum - 1 - x, y);
        }
    return (double)both / (double)MAX(2 * count - both, 1);
}

/* The best of the axes up to `reach` from `middle`; nearer ones win ties. */
static int
best_mirror(const Mask *m, int middle, int reach, int step, double *ret_overlap)
{
    int best = middle;
    *ret_overlap = 0;
    for (int k = 0; k <= 2 * reach; k++) {
        int sum = middle + (k % 2 ? (k + 1) / 2 : -k / 2);
        double overlap = mirror_overlap(m, sum, step);
        if (overlap > *ret_overlap) {
            *ret_overlap = overlap;
            best = sum;
        }
    }
    return best;
}

/* A quarter of the width to either side: a cup with one handle has its axis there. */
static int
measure_mirror(const Mask *m, OrfSubjectShape *shape)
{
    int width = m->x1 - m->x0, step = MAX(1, (m->y1 - m->y0) / 48);
    int rough = best_mirror(m, m->x0 + m->x1, width / 4, step, &shape->mirror);
    return best_mirror(m, rough, 3, 1, &shape->mirror);
}

static void
measure_rows(const Mask *m, int axis_sum, OrfSubjectShape *shape)
{
    double smaller = 0, larger = 0, runs = 0, rows = 0, split = 0;
    for (int y = m->y0; y < m->y1; y++) {
        int first = -1, last = -1;
        for (int x = m->x0; x < m->x1; x++) {
            if (!inside(m, x, y))
                continue;
            first = first < 0 ? x : first;
            last = x + 1;
            runs += !inside(m, x - 1, y);
        }
        if (first < 0)
            continue;
        double left = axis_sum / 2.0 - first, right = last - axis_sum / 2.0;
        smaller += MAX(0, MIN(left, right));
        larger += MAX(left, right);
        split += !inside(m, axis_sum / 2, y);
        rows++;
    }
    shape->split = split / MAX(rows, 1);
    shape->axis = (axis_sum / 2.0 - m->x0) / MAX(m->x1 - m->x0, 1);
    shape->lathe = smaller / MAX(larger, 1e-9);
    shape->runs = runs / MAX(rows, 1);
}

/* --- Holes -------------------------------------------------------------------------------- */

typedef struct {
    uint8_t *seen;
    Corner *stack;
} Flood;

/* Pixels of the gap at (x, y); 0 when it reaches the frame. */
static size_t
flood_gap(const Mask *m, Flood *flood, int x, int y)
{
    size_t n = 0, area = 0;
    bool open = false;
    flood->stack[n++] = (Corner){ x, y };
    flood->seen[(size_t)y * (size_t)m->width + (size_t)x] = 1;
    while (n > 0) {
        Corner c = flood->stack[--n];
        area++;
        static const Corner step[4] = { { 1, 0 }, { -1, 0 }, { 0, 1 }, { 0, -1 } };
        for (int k = 0; k < 4; k++) {
            int px = c.x + step[k].x, py = c.y + step[k].y;
            if (px < 0 || py < 0 || px >= m->width || py >= m->height) {
                open = true;
                continue;
            }
            uint8_t *seen = &flood->seen[(size_t)py * (size_t)m->width + (size_t)px];
            if (*seen || inside(m, px, py))
                continue;
            *seen = 1;
            flood->stack[n++] = (Corner){ px, py };
        }
    }
    return open ? 0 : area;
}

static bool
measure_holes(OrfTask *task, const Mask *m, OrfSubjectShape *shape, GError **error)
{
    size_t n = (size_t)m->width * (size_t)m->height;
    orf_autofree uint8_t *seen = ORF_ALLOC(task, uint8_t, n, "shape: gaps", error);
    orf_autofree Corner *stack = seen ? ORF_ALLOC(task, Corner, n, "shape: gaps", error) : NULL;
    if (!stack)
        return false;
    Flood flood = { seen, stack };
    for (int y = 0; y < m->height; y++)
        for (int x = 0; x < m->width; x++)
            if (!inside(m, x, y) && !seen[(size_t)y * (size_t)m->width + (size_t)x])
                shape->holes += (double)flood_gap(m, &flood, x, y) > 0.002 * (double)m->count;
    return true;
}

/* --- Straight runs ------------------------------------------------------------------------ */

typedef struct {
    double total, straight, level;
} Edges;

/* Whether the `window` steps from point i are straight within 0.4 % of the side. */
static bool
is_straight(const OrfPoint *p, size_t n, size_t i, size_t window, double side,
            double *ret_angle)
{
    OrfPoint a = p[i % n], b = p[(i + window) % n];
    double dx = (double)(b.x - a.x), dy = (double)(b.y - a.y), length = hypot(dx, dy);
    if (length < 0.08 * side)
        return false;
    for (size_t k = 1; k < window; k++) {
        OrfPoint c = p[(i + k) % n];
        double off = ((double)(c.x - a.x) * dy - (double)(c.y - a.y) * dx) / length;
        if (fabs(off) > 0.004 * side + 0.3)
            return false;
    }
    *ret_angle = atan2(fabs(dy), fabs(dx)) * 180 / G_PI;
    return true;
}

static void
count_straight(const OrfPoint *p, size_t n, double side, uint8_t *mark, Edges *edges)
{
    const size_t window = 10;
    memset(mark, 0, n);
    for (size_t i = 0; i < n; i++) {
        double angle;
        if (!is_straight(p, n, i, window, side, &angle))
            continue;
        uint8_t bits = MIN(angle, 90 - angle) < 4 ? 3 : 1;
        for (size_t k = 0; k < window; k++)
            mark[(i + k) % n] |= bits;
    }
    edges->total += (double)n;
    for (size_t i = 0; i < n; i++) {
        edges->straight += mark[i] & 1;
        edges->level += mark[i] >> 1;
    }
}

/* Points a hundredth of the side apart along a closed loop; gives how many. */
static size_t
resample(const OrfPoint *loop, size_t n, double spacing, OrfPoint *out, size_t room)
{
    size_t made = 0;
    double due = 0;
    for (size_t i = 0; i < n && made < room; i++) {
        OrfPoint a = loop[i], b = loop[(i + 1) % n];
        double length = hypot((double)(b.x - a.x), (double)(b.y - a.y));
        for (; due < length && made < room; due += spacing) {
            float t = (float)(due / length);
            out[made++] = (OrfPoint){ a.x + t * (b.x - a.x), a.y + t * (b.y - a.y) };
        }
        due -= length;
    }
    return made;
}

static bool
measure_edges(OrfTask *task, const OrfImage *alpha, const Mask *m, OrfSubjectShape *shape,
              GError **error)
{
    g_autoptr(OrfOutline) outline =
        orf_image_trace(task, alpha, &(OrfTraceOptions){ 0 }, error);
    if (!outline)
        return false;
    enum { ROOM = 8192 };
    orf_autofree OrfPoint *points = ORF_ALLOC(task, OrfPoint, ROOM, "shape: edges", error);
    orf_autofree uint8_t *mark =
        points ? ORF_ALLOC(task, uint8_t, ROOM, "shape: edges", error) : NULL;
    if (!mark)
        return false;
    Edges edges = { 0 };
    for (size_t i = 0; i < outline->n_loops; i++) {
        const OrfPoint *loop = outline->points + outline->start[i];
        size_t length = outline->start[i + 1] - outline->start[i];
        size_t n = resample(loop, length, m->side / 100, points, ROOM);
        if (n >= 16)
            count_straight(points, n, m->side, mark, &edges);
    }
    shape->straight = edges.straight / MAX(edges.total, 1);
    shape->level = edges.level / MAX(edges.total, 1);
    return true;
}

/* --- Shading ------------------------------------------------------------------------------ */

static double
linear(uint8_t code)
{
    double c = code / 255.0;
    return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static double
log_luminance(const Mask *m, const double curve[256], int x, int y)
{
    const uint8_t *p = m->rgba + 4 * ((size_t)y * (size_t)m->width + (size_t)x);
    return log(0.02 + 0.2126 * curve[p[0]] + 0.7152 * curve[p[1]] + 0.0722 * curve[p[2]]);
}

/* The longest run of whole pixels of row y without its two end pixels. */
static int
longest_run(const Mask *m, int y, int *ret_first)
{
    int best = 0, first = m->x0;
    for (int x = m->x0; x <= m->x1; x++) {
        bool whole =
            inside(m, x, y) && m->alpha[(size_t)y * (size_t)m->width + (size_t)x] > 0.98f;
        if (whole)
            continue;
        if (x - first - 2 > best) {
            best = x - first - 2;
            *ret_first = first + 1;
        }
        first = x + 1;
    }
    return best;
}

static double
mean_luminance(const Mask *m, const double curve[256], int y, int from, int to)
{
    double sum = 0;
    for (int x = from; x < to; x++)
        sum += log_luminance(m, curve, x, y);
    return sum / MAX(to - from, 1);
}

/* How much the end tenth of a row, `side` -1 or 1, falls below the middle fifth. */
static double
fall(const Mask *m, const double curve[256], int y, int first, int run, int side)
{
    int tenth = run / 10, end = side < 0 ? first : first + run - tenth;
    return mean_luminance(m, curve, y, first + 4 * run / 10, first + 6 * run / 10) -
           mean_luminance(m, curve, y, end, end + tenth);
}

/* Medians over rows of the fall at either end; the greater. And the share of rows without any.
 */
static bool
measure_shade(OrfTask *task, const Mask *m, OrfSubjectShape *shape, GError **error)
{
    double curve[256];
    for (int i = 0; i < 256; i++)
        curve[i] = linear((uint8_t)i);
    size_t rows = (size_t)(m->y1 - m->y0), n = 0;
    double even = 0;
    orf_autofree double *ends = ORF_ALLOC(task, double, 2 * rows, "shape: shading", error);
    if (!ends)
        return false;
    for (int y = m->y0; y < m->y1; y++) {
        int first = 0, run = longest_run(m, y, &first);
        if (run < 10)
            continue;
        ends[n] = fall(m, curve, y, first, run, -1);
        ends[rows + n] = fall(m, curve, y, first, run, 1);
        even += fabs(ends[n]) < 0.06 && fabs(ends[rows + n]) < 0.06;
        n++;
    }
    shape->even = n >= 5 ? even / (double)n : 0;
    if (n >= 5)
        shape->shade = MAX(0, MAX(quantile(ends, n, 0.5), quantile(ends + rows, n, 0.5)));
    return true;
}

/* --- Bands of paint ----------------------------------------------------------------------- */

typedef struct {
    double n, sum[2], squares;
} Spread;

static void
spread_add(Spread *s, const float *lab)
{
    s->n++;
    for (int k = 0; k < 2; k++) {
        double value = 50 * (double)lab[k + 1] / MAX((double)lab[0], 20);
        s->sum[k] += value;
        s->squares += value * value;
    }
}

/* Sum of squared distances from the mean. */
static double
spread_total(const Spread *s)
{
    double means = s->sum[0] * s->sum[0] + s->sum[1] * s->sum[1];
    return s->n > 0 ? MAX(0, s->squares - means / s->n) : 0;
}

/* Share of the spread of colour (chroma / lightness: shading does not change it) that lies
 * between rows, not within them. A little of it counts as noise, so that a thing of one colour
 * is banded. */
static void
measure_bands(const Mask *m, const float *lab, OrfSubjectShape *shape)
{
    Spread all = { 0 };
    double within = 0;
    for (int y = m->y0; y < m->y1; y++) {
        Spread row = { 0 };
        for (int x = m->x0; x < m->x1; x++) {
            size_t i = (size_t)y * (size_t)m->width + (size_t)x;
            if (m->alpha[i] <= 0.98f)
                continue;
            spread_add(&row, lab + 3 * i);
            spread_add(&all, lab + 3 * i);
        }
        within += spread_total(&row);
    }
    double noise = 36 * all.n;
    shape->banded = 1 - MAX(0, within - noise) / MAX(spread_total(&all), noise + 1);
}

/* --- A border along the rim --------------------------------------------------------------- */

typedef struct {
    double sum[3], n;
} Patch;

typedef Patch Bands[SECTORS][MAX_BANDS];

static void
collect_bands(const Mask *m, const float *distance, const float *lab, Bands bands)
{
    double cx = (m->x0 + m->x1) / 2.0, cy = (m->y0 + m->y1) / 2.0;
    for (int y = m->y0; y < m->y1; y++)
        for (int x = m->x0; x < m->x1; x++) {
            size_t i = (size_t)y * (size_t)m->width + (size_t)x;
            int band = (int)floor((double)distance[i] / m->side / BAND);
            if (!inside(m, x, y) || band < 0 || band >= MAX_BANDS)
                continue;
            double turn = atan2(y + 0.5 - cy, x + 0.5 - cx) / (2 * G_PI) + 0.5;
            Patch *patch = &bands[MIN((int)(turn * SECTORS), SECTORS - 1)][band];
            for (int k = 0; k < 3; k++)
                patch->sum[k] += (double)lab[3 * i + (size_t)k];
            patch->n++;
        }
}

/* Difference of colour across band `b` in one sector; false where there is too little of it. */
static bool
step_across(const Patch *sector, int b, double ret_step[3])
{
    const Patch *outer[2] = { &sector[b - 1], &sector[MAX(b - 2, 0)] };
    const Patch *inner[2] = { &sector[b + 1], &sector[b + 2] };
    if (MIN(MIN(outer[0]->n, outer[1]->n), MIN(inner[0]->n, inner[1]->n)) < 2)
        return false;
    for (int k = 0; k < 3; k++)
        ret_step[k] = (inner[0]->sum[k] / inner[0]->n + inner[1]->sum[k] / inner[1]->n -
                       outer[0]->sum[k] / outer[0]->n - outer[1]->sum[k] / outer[1]->n) /
                      2;
    ret_step[0] /= 2; /* lightness also changes with shading */
    return true;
}

/* Contrast that nearly every sector has across band `b`, times how much they agree. */
static double
ring_contrast(Bands bands, int b)
{
    double norms[SECTORS], mean[3] = { 0 }, total = 0;
    size_t n = 0;
    for (int s = 0; s < SECTORS; s++) {
        double step[3];
        if (!step_across(bands[s], b, step))
            continue;
        norms[n] = sqrt(step[0] * step[0] + step[1] * step[1] + step[2] * step[2]);
        total += norms[n++];
        for (int k = 0; k < 3; k++)
            mean[k] += step[k];
    }
    if (n < SECTORS - 6 || !(total > 0))
        return 0;
    double agreement = sqrt(mean[0] * mean[0] + mean[1] * mean[1] + mean[2] * mean[2]) / total;
    return quantile(norms, n, 0.25) * agreement;
}

/* The sharpest of the borders: shading changes by nearly as much a few bands on, a border does
 * not. */
static double
measure_ring(Bands bands)
{
    double contrast[MAX_BANDS] = { 0 }, best = 0;
    for (int b = 1; b + 2 < MAX_BANDS; b++)
        contrast[b] = ring_contrast(bands, b);
    for (int b = 1; b + 2 < MAX_BANDS; b++) {
        double before = b > 3 ? contrast[b - 3] : 0;
        double after = b + 5 < MAX_BANDS ? contrast[b + 3] : 0;
        best = MAX(best, contrast[b] - MAX(before, after));
    }
    return best;
}

static bool
measure_rim(OrfTask *task, const OrfImage *rgba, const OrfImage *alpha, const Mask *m,
            OrfSubjectShape *shape, GError **error)
{
    g_autoptr(OrfImage) distance = orf_image_distance(task, alpha, error);
    g_autoptr(OrfImage) lab = distance ? orf_image_lab(task, rgba, error) : NULL;
    if (!lab)
        return false;
    const float *d = orf_image_f32(distance);
    measure_bands(m, orf_image_f32(lab), shape);
    float deepest = 0;
    for (size_t i = 0; i < (size_t)m->width * (size_t)m->height; i++)
        deepest = MAX(deepest, d[i]);
    shape->girth = 2 * (double)deepest / m->side;
    Bands bands = { 0 };
    collect_bands(m, d, orf_image_f32(lab), bands);
    shape->ring = measure_ring(bands);
    return true;
}

/* --- All of it ---------------------------------------------------------------------------- */

bool
orf_shape_init(OrfTask *task, const OrfImage *rgba, const OrfImage *alpha,
               OrfSubjectShape *ret_shape, GError **error)
{
    Mask m = { .rgba = orf_image_u8(rgba),
               .alpha = orf_image_f32(alpha),
               .width = (int)orf_image_width(alpha),
               .height = (int)orf_image_height(alpha) };
    OrfSubjectShape shape = { 0 };
    find_box(&m);
    if (m.count == 0) {
        *ret_shape = shape;
        return true;
    }
    double width = m.x1 - m.x0, height = m.y1 - m.y0;
    shape.area = (double)m.count / (width * height);
    shape.aspect = height / width;
    measure_axes(&m, &shape);
    measure_rows(&m, measure_mirror(&m, &shape), &shape);
    if (!measure_hull(task, &m, &shape, error) || !measure_holes(task, &m, &shape, error) ||
        !measure_edges(task, alpha, &m, &shape, error) ||
        !measure_shade(task, &m, &shape, error) ||
        !measure_rim(task, rgba, alpha, &m, &shape, error))
        return false;
    *ret_shape = shape;
    return true;
}
