/* refine.c - fills a region with points that make good triangles.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Inside points come from one hexagonal lattice with the rim's spacing: at depth d the spacing
 * wanted is h = rim + grow d, and where h reaches 2^k times the rim's, only lattice points
 * whose two coordinates 2^k divides are kept. These are hexagonal lattices again, so angles
 * stay good, and each is part of the finer one, so the bands between levels fit. Rows are
 * walked inside the outline only and jump over places where their points are not wanted. */
#include "planar-priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ATTEMPTS 4 /* with an outline of half the spacing each time */
#define MAX_WIDENINGS 8
#define KEEP_AWAY 0.62 /* least distance of lattice points from the outline, in spacings */
#define CHECK_EVERY 64 /* rows */
#define ROW_HEIGHT 0.8660254 /* of the hexagonal lattice */
#define MAX_LEVEL 12

typedef struct {
    double rim, inside, grow, corner,
        away; /* away: lattice points keep this from the outline */
    const float *rings;
    size_t max_points;
} Spacing;

typedef struct {
    double x;
    int turns; /* winding number gained when it is passed to the right */
} Crossing;

typedef struct {
    OrfTask *task;
    const Spacing *spacing;
    const OrfPlanarMesh *outline;
    OrfNear *near;
    OrfVec points;    /* float[2]: the outline, rings, lattice */
    OrfVec rows;      /* Crossing */
    uint32_t *starts; /* [n_rows + 1] crossings of each row */
    double low[2];
    size_t n_rows;
} Fill;

static void
fill_clear(Fill *fill)
{
    orf_near_free(fill->near);
    orf_vec_clear(&fill->points);
    orf_vec_clear(&fill->rows);
    orf_free(fill->starts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fill, fill_clear)

static bool
add_point(Fill *fill, double x, double y, GError **error)
{
    float *p = orf_vec_add(fill->task, &fill->points, 1, "points", error);
    if (!p)
        return false;
    p[0] = (float)x;
    p[1] = (float)y;
    return true;
}

/* --- Rings -------------------------------------------------------------------------------- */

/* Unit vector to the left of a loop at b, between its edges a->b and b->c. */
static bool
inward(const float *a, const float *b, const float *c, double ret_normal[2])
{
    double ux = (double)b[0] - a[0], uy = (double)b[1] - a[1], u = hypot(ux, uy);
    double vx = (double)c[0] - b[0], vy = (double)c[1] - b[1], v = hypot(vx, vy);
    if (!(u > 0 && v > 0))
        return false;
    double x = -uy / u - vy / v, y = ux / u + vx / v, length = hypot(x, y);
    if (length < 0.3) /* a spike: no room inside */
        return false;
    ret_normal[0] = x / length;
    ret_normal[1] = y / length;
    return true;
}

/* One row of points at `distance`; leaves out what is too near to the outline on another side.
 */
static bool
add_ring(Fill *fill, size_t loop, double distance, GError **error)
{
    const OrfPlanarMesh *outline = fill->outline;
    uint32_t begin = outline->loop_start[loop], n = outline->loop_start[loop + 1] - begin;
    double last[2] = { INFINITY, INFINITY };
    for (uint32_t i = 0; i < n; i++) {
        const float *b = outline->points + 2 * (size_t)(begin + i);
        const float *a = outline->points + 2 * (size_t)(begin + (i + n - 1) % n);
        const float *c = outline->points + 2 * (size_t)(begin + (i + 1) % n);
        double normal[2], apart = 0.4 * hypot((double)c[0] - a[0], (double)c[1] - a[1]) / 2;
        if (!inward(a, b, c, normal))
            continue;
        double x = b[0] + distance * normal[0], y = b[1] + distance * normal[1];
        double beyond = orf_near_distance(fill->near, x + 0.5 * distance * normal[0],
                                          y + 0.5 * distance * normal[1]);
        if (orf_near_distance(fill->near, x, y) < 0.8 * distance || beyond < 1.2 * distance ||
            hypot(x - last[0], y - last[1]) < apart)
            continue;
        if (!add_point(fill, x, y, error))
            return false;
        last[0] = x;
        last[1] = y;
    }
    return true;
}

static bool
add_rings(Fill *fill, GError **error)
{
    for (int r = 0; r < 4 && fill->spacing->rings[r] > 0; r++)
        for (size_t loop = 0; loop < fill->outline->n_loops; loop++)
            if (!add_ring(fill, loop, (double)fill->spacing->rings[r], error))
                return false;
    return true;
}

/* --- Rows of the lattice inside the outline ----------------------------------------------- */

/* First row at or above y. */
static double
row_at(const Fill *fill, double y)
{
    return ceil((y - fill->low[1]) / (ROW_HEIGHT * fill->spacing->rim));
}

static void
find_extent(Fill *fill)
{
    const OrfPlanarMesh *outline = fill->outline;
    double high = -INFINITY;
    fill->low[0] = fill->low[1] = INFINITY;
    for (size_t i = 0; i < outline->loop_start[outline->n_loops]; i++) {
        fill->low[0] = MIN(fill->low[0], outline->points[2 * i]);
        fill->low[1] = MIN(fill->low[1], outline->points[2 * i + 1]);
        high = MAX(high, outline->points[2 * i + 1]);
    }
    fill->n_rows = (size_t)row_at(fill, high) + 1;
}

/* Adds (or, without `list`, counts) the crossings of the segment p->q with the rows. */
static void
cross_rows(const Fill *fill, const float *p, const float *q, uint32_t *counts, Crossing *list)
{
    const float *lower = p[1] < q[1] ? p : q, *upper = p[1] < q[1] ? q : p;
    size_t last = (size_t)row_at(fill, upper[1]); /* rows below the upper end: half open */
    for (size_t row = (size_t)row_at(fill, lower[1]); row < last; row++) {
        if (!list) {
            counts[row]++;
            continue;
        }
        double y = fill->low[1] + (double)row * ROW_HEIGHT * fill->spacing->rim;
        double t = (y - lower[1]) / ((double)upper[1] - lower[1]);
        list[--counts[row]] =
            (Crossing){ lower[0] + t * ((double)upper[0] - lower[0]), p == lower ? -1 : 1 };
    }
}

static void
cross_all(const Fill *fill, uint32_t *counts, Crossing *list)
{
    const OrfPlanarMesh *outline = fill->outline;
    for (size_t loop = 0; loop < outline->n_loops; loop++) {
        uint32_t begin = outline->loop_start[loop], end = outline->loop_start[loop + 1];
        for (uint32_t i = begin; i < end; i++)
            cross_rows(fill, outline->points + 2 * (size_t)i,
                       outline->points + 2 * (size_t)(i + 1 < end ? i + 1 : begin), counts,
                       list);
    }
}

static int
by_x(const void *a, const void *b)
{
    double xa = ((const Crossing *)a)->x, xb = ((const Crossing *)b)->x;
    return (xa > xb) - (xa < xb);
}

static bool
list_crossings(Fill *fill, GError **error)
{
    find_extent(fill);
    fill->starts = ORF_ALLOC(fill->task, uint32_t, fill->n_rows + 1, "points", error);
    if (!fill->starts)
        return false;
    cross_all(fill, fill->starts, NULL);
    uint32_t total = 0;
    for (size_t row = 0; row <= fill->n_rows; row++)
        fill->starts[row] = total += fill->starts[row];
    Crossing *list = orf_vec_add(fill->task, &fill->rows, total, "points", error);
    if (!list)
        return false;
    cross_all(fill, fill->starts, list);
    for (size_t row = 0; row < fill->n_rows; row++)
        qsort(list + fill->starts[row], fill->starts[row + 1] - fill->starts[row], sizeof *list,
              by_x);
    return orf_task_check(fill->task, error);
}

/* --- The lattice -------------------------------------------------------------------------- */

static unsigned
level_of(uint32_t i)
{
    return i ? MIN(MAX_LEVEL, (unsigned)__builtin_ctz(i)) : MAX_LEVEL;
}

/* Lattice points of one row with from < x < to. `i` counts in units of the finest spacing, and
 * only every 2^level of the row's own level can ever be wanted. */
static bool
fill_span(Fill *fill, size_t row, double from, double to, GError **error)
{
    const Spacing *spacing = fill->spacing;
    double h = spacing->rim, y = fill->low[1] + (double)row * ROW_HEIGHT * h;
    double x0 = fill->low[0] - (double)(row & 1) * h / 2;
    uint32_t shift = (uint32_t)(row / 2); /* x = low + (i + row / 2) h, i kept positive */
    unsigned row_level = level_of((uint32_t)row);
    double too_deep = ((double)(2U << row_level) - 1) * h / spacing->grow;
    double most = spacing->inside;
    double first = ceil((from - x0) / h), last = floor((to - x0) / h);
    for (double c = MAX(first, 0); c <= last;) {
        double x = x0 + c * h, depth = orf_near_distance(fill->near, x, y);
        double wanted = MIN(most, h + spacing->grow * depth) / h;
        if (wanted >= 2U << row_level) { /* this row has nothing to give here */
            c += MAX(1, floor(0.6 * (depth - too_deep) / h));
            continue;
        }
        uint32_t i = (uint32_t)c + (1U << 30) - shift - (uint32_t)(row & 1);
        unsigned level = MIN(row_level, level_of(i));
        if (depth >= spacing->away && wanted < 2U << level && !add_point(fill, x, y, error))
            return false;
        c += 1;
    }
    return true;
}

static bool
fill_lattice(Fill *fill, GError **error)
{
    const Crossing *list = fill->rows.data;
    for (size_t row = 0; row < fill->n_rows; row++) {
        int turns = 0;
        for (uint32_t k = fill->starts[row]; k < fill->starts[row + 1]; k++) {
            turns += list[k].turns;
            if (turns != 0 && k + 1 < fill->starts[row + 1] &&
                !fill_span(fill, row, list[k].x, list[k + 1].x, error))
                return false;
        }
        if (fill->points.n > 8 * fill->spacing->max_points)
            return true; /* hopeless: the caller widens */
        if (row % CHECK_EVERY == 0 && !orf_task_check(fill->task, error))
            return false;
    }
    return true;
}

/* --- Together ----------------------------------------------------------------------------- */

/* Moves the inside points behind the outline of `planar`. */
static bool
add_inside_points(OrfTask *task, OrfPlanarMesh *planar, const Spacing *spacing, GError **error)
{
    g_auto(Fill) fill = { .task = task,
                          .spacing = spacing,
                          .outline = planar,
                          .points.item = 2 * sizeof(float),
                          .rows.item = sizeof(Crossing) };
    float *points = orf_vec_add(task, &fill.points, planar->n_points, "points", error);
    if (!points)
        return false;
    memcpy(points, planar->points, 2 * planar->n_points * sizeof *points);
    fill.near = orf_near_new(task, planar, 2 * MAX(spacing->rim, spacing->away), error);
    if (!fill.near || !add_rings(&fill, error) || !list_crossings(&fill, error) ||
        !fill_lattice(&fill, error))
        return false;
    orf_free(planar->points);
    planar->n_points = fill.points.n;
    planar->points = orf_vec_steal(&fill.points);
    return true;
}

/* Drops inside points that no triangle uses (rings that fell outside). */
static bool
drop_unused(OrfTask *task, OrfPlanarMesh *planar, GError **error)
{
    size_t n_outline = planar->loop_start[planar->n_loops], n = 0;
    orf_autofree uint32_t *renamed =
        ORF_ALLOC(task, uint32_t, planar->n_points, "points", error);
    if (!renamed)
        return false;
    for (size_t i = 0; i < 3 * planar->n_triangles; i++)
        renamed[planar->triangles[i]] = 1;
    for (size_t i = 0; i < planar->n_points; i++)
        if (renamed[i] || i < n_outline) {
            memmove(planar->points + 2 * n, planar->points + 2 * i, 2 * sizeof(float));
            renamed[i] = (uint32_t)n++;
        }
    for (size_t i = 0; i < 3 * planar->n_triangles; i++)
        planar->triangles[i] = renamed[planar->triangles[i]];
    planar->n_points = n;
    return true;
}

static bool
copy_outline(OrfTask *task, const OrfPlanar *outline, OrfPlanarMesh *ret, GError **error)
{
    ret->n_loops = outline->n_loops;
    ret->n_points = outline->loop_start[outline->n_loops];
    ret->loop_start = ORF_ALLOC(task, uint32_t, ret->n_loops + 1, "outline", error);
    ret->points =
        ret->loop_start ? ORF_ALLOC(task, float, 2 * ret->n_points, "outline", error) : NULL;
    if (!ret->points)
        return false;
    memcpy(ret->loop_start, outline->loop_start, (ret->n_loops + 1) * sizeof(uint32_t));
    memcpy(ret->points, outline->points, 2 * ret->n_points * sizeof(float));
    return true;
}

/* Outline and inside points, as many as allowed; `edge` 0 keeps the outline as it is. */
static bool
place_points(OrfTask *task, const OrfPlanar *outline, Spacing spacing, double edge,
             OrfPlanarMesh *planar, GError **error)
{
    for (int round = 0;; round++) {
        bool ok = edge > 0
                      ? orf_planar_resample(task, outline, edge, spacing.corner, planar, error)
                      : copy_outline(task, outline, planar, error);
        if (!ok || !add_inside_points(task, planar, &spacing, error))
            return false;
        if (planar->n_points <= spacing.max_points || round == MAX_WIDENINGS)
            return true;
        double excess = (double)planar->n_points / (double)spacing.max_points;
        double wider = CLAMP(1.1 * sqrt(excess), 1.2, 3);
        edge *= wider;
        spacing.rim *= wider;
        spacing.inside *= wider;
        spacing.away *= wider;
        orf_planar_mesh_clear(planar);
    }
}

static bool
attempt(OrfTask *task, const OrfPlanar *outline, Spacing spacing, double edge,
        OrfPlanarMesh *ret, GError **error)
{
    g_auto(OrfPlanarMesh) planar = { 0 };
    if (!place_points(task, outline, spacing, edge, &planar, error))
        return false;
    OrfPlanar filled = {
        planar.points, planar.n_points, planar.loop_start, planar.n_loops, NULL, 0
    };
    planar.triangles = orf_triangulate(task, &filled, &planar.n_triangles, error);
    if (!planar.triangles || !drop_unused(task, &planar, error) ||
        !orf_planar_split_chords(task, &planar, error))
        return false;
    *ret = planar;
    planar = (OrfPlanarMesh){ 0 };
    return true;
}

static bool
check_outline(const OrfPlanar *outline, double *ret_extent, GError **error)
{
    double low[2] = { INFINITY, INFINITY }, high[2] = { -INFINITY, -INFINITY };
    size_t n = outline->n_loops ? outline->loop_start[outline->n_loops] : 0;
    bool finite = true;
    for (size_t i = 0; i < 2 * n && n <= outline->n_points; i++) {
        finite = finite && isfinite(outline->points[i]);
        low[i & 1] = MIN(low[i & 1], outline->points[i]);
        high[i & 1] = MAX(high[i & 1], outline->points[i]);
    }
    for (size_t i = 0; i < outline->n_loops; i++)
        finite = finite && outline->loop_start[i + 1] >= outline->loop_start[i] + 3;
    *ret_extent = MAX(high[0] - low[0], high[1] - low[1]);
    if (finite && *ret_extent > 0 && outline->loop_start[0] == 0)
        return true;
    return ORF_FALSE(error, BAD_INPUT,
                     "refine: the outline has no area, a loop of fewer than 3 points or a "
                     "number that is not finite; trace it again");
}

static Spacing
spacing_of(const OrfRefine *options, double extent)
{
    Spacing spacing = { .rim = options->edge_rim > 0 ? options->edge_rim : extent / 200,
                        .grow = options->grow > 0 ? options->grow : 0.3,
                        .corner = options->corner_degrees > 0 ? options->corner_degrees : 40,
                        .rings = options->rings,
                        .max_points = options->max_points ? options->max_points : 1000000 };
    spacing.rim = MAX(spacing.rim, extent / 1e5);
    spacing.inside = options->edge_inside > 0 ? options->edge_inside : 4 * spacing.rim;
    spacing.inside = MAX(spacing.inside, spacing.rim);
    spacing.away = KEEP_AWAY * spacing.rim;
    for (int r = 0; r < 4 && options->rings[r] > 0; r++)
        spacing.away = MAX(spacing.away, (double)options->rings[r] + 0.5 * spacing.rim);
    return spacing;
}

bool
orf_planar_refine(OrfTask *task, const OrfPlanar *outline, const OrfRefine *options,
                  OrfPlanarMesh *ret, GError **error)
{
    double extent;
    if (!check_outline(outline, &extent, error))
        return false;
    Spacing spacing = spacing_of(options, extent);
    double edge = options->keep_outline ? 0 : spacing.rim;
    for (int i = 0; i < ATTEMPTS && edge > 0; i++, edge /= 2) {
        g_autoptr(GError) failure = NULL;
        if (attempt(task, outline, spacing, edge, ret, &failure))
            return true;
        if (!g_error_matches(failure, ORF_ERROR, ORF_ERROR_BAD_INPUT)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
    }
    return attempt(task, outline, spacing, 0, ret, error);
}
