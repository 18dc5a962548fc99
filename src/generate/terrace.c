/* terrace.c - solids from nested outlines.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Contours of one scalar field at rising levels are nested and never touch. The surface between
 * two of them is a ring, triangulated in the plane and lifted: flat for steps, sloped for
 * bevels. Every outline point is one vertex where the surface is continuous and two where a
 * wall stands, so the result is closed by its indices:
 *
 *                 ___high 2___            ring 1 joins high 1 to low 2;
 *         high 1 |  = low 2   |           a wall stands on level 1;
 *        ________|            |____       level 2 is the edge of a slope
 *       | low 1 = 0 (the back)     |                                          */
#include "generate/terrace.h"

#include <math.h>
#include <string.h>

void
orf_terrace_clear(OrfTerrace *terrace)
{
    for (size_t i = 0; i < terrace->n; i++)
        orf_outline_free(terrace->levels[i].outline);
    terrace->n = 0;
}

/* --- Levels ------------------------------------------------------------------------------- */

bool
orf_terrace_add(OrfTask *task, OrfTerrace *terrace, const OrfImage *field, float threshold,
                float low, float high, uint16_t group, bool *ret_added, GError **error)
{
    g_assert(terrace->n < G_N_ELEMENTS(terrace->levels));
    OrfTraceOptions trace = { .level = threshold + terrace->shift,
                              .tolerance = terrace->rounded ? 0.03f : 0.15f,
                              .corner_angle = terrace->rounded ? 179 : 0,
                              .min_area = 4 };
    g_autoptr(OrfOutline) outline = orf_image_trace(task, field, &trace, error);
    if (!outline)
        return false;
    bool added = outline->n_loops > 0;
    if (added)
        terrace->levels[terrace->n++] =
            (OrfTerraceLevel){ g_steal_pointer(&outline), low, high, group };
    if (ret_added)
        *ret_added = added;
    return true;
}

OrfImage *
orf_terrace_raised(OrfTask *task, const OrfImage *field, float by, GError **error)
{
    unsigned width = orf_image_width(field), height = orf_image_height(field);
    float *to = ORF_ALLOC(task, float, ((size_t)width * height), "outline field", error);
    if (!to)
        return NULL;
    const float *from = orf_image_f32(field);
    for (size_t i = 0; i < (size_t)width * height; i++)
        to[i] = MAX(from[i] + by, 0);
    return orf_image_new_take(width, height, 1, ORF_F32, to);
}

/* Height gained at share `t` (0 edge, 1 inner end) of a bevel of width 1. */
static double
profile(const char *kind, double t)
{
    if (g_str_equal(kind, "round"))
        return sqrt(MAX(0, 1 - (1 - t) * (1 - t)));
    if (g_str_equal(kind, "cove"))
        return 1 - sqrt(MAX(0, 1 - t * t));
    return t;
}

bool
orf_terrace_add_bevel(OrfTask *task, OrfTerrace *terrace, const OrfImage *distance,
                      const char *kind, double width, double low, double top, unsigned steps,
                      GError **error)
{
    double width_px = width / terrace->scale;
    if (g_str_equal(kind, "none") || width_px < 1.5)
        return orf_terrace_add(task, terrace, distance, 1e-4f, (float)low, (float)top, 0, NULL,
                               error);
    if (g_str_equal(kind, "chamfer"))
        steps = 1;
    steps = MIN(steps, (unsigned)width_px);
    for (unsigned i = 0; i <= steps; i++) {
        double t = (double)i / steps;
        double z = top - width + width * profile(kind, t);
        bool added = false;
        if (!orf_terrace_add(task, terrace, distance, (float)MAX(t * width_px, 1e-4),
                             (float)(i ? z : low), (float)z, 0, &added, error))
            return false;
        if (!added)
            break;
        terrace->rounded = true; /* inner edges follow the first at a distance */
    }
    return true;
}

/* --- Building ----------------------------------------------------------------------------- */

typedef struct {
    OrfTask *task;
    const OrfTerrace *terrace;
    OrfVec positions, triangles, groups;
    uint32_t low[24], high[24]; /* first vertex of each level's points on either side */
} Build;

static void
build_clear(Build *b)
{
    orf_vec_clear(&b->positions);
    orf_vec_clear(&b->triangles);
    orf_vec_clear(&b->groups);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Build, build_clear)

static void
to_plane(const OrfTerrace *terrace, OrfPoint point, float ret[2])
{
    ret[0] = (float)(point.x * terrace->scale);
    ret[1] = (float)((terrace->height - point.y) * terrace->scale);
}

static bool
add_points(Build *b, const OrfTerraceLevel *level, float z, uint32_t *ret_first, GError **error)
{
    size_t n = level->outline->n_points;
    *ret_first = (uint32_t)(b->positions.n / 3);
    float *to = orf_vec_add(b->task, &b->positions, 3 * n, "outline vertices", error);
    if (!to)
        return false;
    for (size_t i = 0; i < n; i++, to += 3) {
        to_plane(b->terrace, level->outline->points[i], to);
        to[2] = z;
    }
    return true;
}

static bool
add_vertices(Build *b, GError **error)
{
    for (size_t i = 0; i < b->terrace->n; i++) {
        const OrfTerraceLevel *level = &b->terrace->levels[i];
        if (!add_points(b, level, level->low, &b->low[i], error))
            return false;
        b->high[i] = b->low[i];
        if (level->high != level->low && !add_points(b, level, level->high, &b->high[i], error))
            return false;
    }
    return true;
}

static bool
add_triangle(Build *b, uint32_t p, uint32_t q, uint32_t r, uint16_t group, GError **error)
{
    uint32_t *triangle = orf_vec_add(b->task, &b->triangles, 3, "solid triangles", error);
    uint16_t *of = triangle ? orf_vec_add(b->task, &b->groups, 1, "solid groups", error) : NULL;
    if (!of)
        return false;
    triangle[0] = p;
    triangle[1] = q;
    triangle[2] = r;
    *of = group;
    return true;
}

static bool
add_wall(Build *b, size_t level, GError **error)
{
    const OrfOutline *outline = b->terrace->levels[level].outline;
    uint32_t low = b->low[level], high = b->high[level];
    uint16_t group = b->terrace->levels[level].group;
    for (size_t loop = 0; loop < outline->n_loops && low != high; loop++) {
        uint32_t begin = outline->start[loop], end = outline->start[loop + 1];
        for (uint32_t i = begin; i < end; i++) {
            uint32_t next = i + 1 < end ? i + 1 : begin;
            if (!add_triangle(b, low + i, low + next, high + next, group, error) ||
                !add_triangle(b, low + i, high + next, high + i, group, error))
                return false;
        }
    }
    return true;
}

/* Loops of one or two levels as a planar graph: the inner ones turn into holes by being
 * reversed. */
typedef struct {
    float *points;
    uint32_t *loop_start, *vertex; /* vertex: of the solid, for each point */
    size_t n_points, n_loops;
} Region;

static void
region_clear(Region *region)
{
    orf_free(region->points);
    orf_free(region->loop_start);
    orf_free(region->vertex);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Region, region_clear)

static bool
region_alloc(OrfTask *task, Region *region, size_t points, size_t loops, GError **error)
{
    region->points = ORF_ALLOC(task, float, 2 * points, "outline", error);
    region->vertex =
        region->points ? ORF_ALLOC(task, uint32_t, points, "outline", error) : NULL;
    region->loop_start =
        region->vertex ? ORF_ALLOC(task, uint32_t, loops + 1, "outline", error) : NULL;
    return region->loop_start != NULL;
}

static void
region_add(Region *region, const OrfTerrace *terrace, const OrfOutline *outline, uint32_t first,
           bool reversed)
{
    for (size_t loop = 0; loop < outline->n_loops; loop++) {
        uint32_t begin = outline->start[loop], end = outline->start[loop + 1];
        for (uint32_t i = begin; i < end; i++) {
            uint32_t from = reversed ? end - 1 - (i - begin) : i;
            to_plane(terrace, outline->points[from], region->points + 2 * region->n_points);
            region->vertex[region->n_points++] = first + from;
        }
        region->loop_start[++region->n_loops] = (uint32_t)region->n_points;
    }
}

static bool
add_region(Build *b, const Region *region, bool turned, uint16_t group, GError **error)
{
    OrfPlanar planar = { .points = region->points,
                         .n_points = region->n_points,
                         .loop_start = region->loop_start,
                         .n_loops = region->n_loops };
    size_t n = 0;
    orf_autofree uint32_t *triangles = orf_triangulate(b->task, &planar, &n, error);
    if (!triangles)
        return false;
    for (size_t i = 0; i < n; i++) {
        const uint32_t *t = triangles + 3 * i;
        uint32_t p = region->vertex[t[0]], q = region->vertex[t[1]], r = region->vertex[t[2]];
        if (!add_triangle(b, p, turned ? r : q, turned ? q : r, group, error))
            return false;
    }
    return true;
}

/* The surface from level i inwards to level i + 1, or all of the inside of the last. */
static bool
add_ring(Build *b, size_t level, GError **error)
{
    const OrfTerrace *terrace = b->terrace;
    const OrfOutline *outer = terrace->levels[level].outline;
    const OrfOutline *inner =
        level + 1 < terrace->n ? terrace->levels[level + 1].outline : NULL;
    g_auto(Region) region = { 0 };
    if (!region_alloc(b->task, &region, outer->n_points + (inner ? inner->n_points : 0),
                      outer->n_loops + (inner ? inner->n_loops : 0), error))
        return false;
    region_add(&region, terrace, outer, b->high[level], false);
    if (inner)
        region_add(&region, terrace, inner, b->low[level + 1], true);
    return add_region(b, &region, false, terrace->levels[level].group, error);
}

static bool
add_back(Build *b, GError **error)
{
    const OrfOutline *outline = b->terrace->levels[0].outline;
    g_auto(Region) region = { 0 };
    if (!region_alloc(b->task, &region, outline->n_points, outline->n_loops, error))
        return false;
    region_add(&region, b->terrace, outline, b->low[0], false);
    return add_region(b, &region, true, b->terrace->levels[0].group, error);
}

static bool
has_groups(const OrfTerrace *terrace)
{
    for (size_t i = 0; i < terrace->n; i++)
        if (terrace->levels[i].group)
            return true;
    return false;
}

OrfMesh *
orf_terrace_build(OrfTask *task, const OrfTerrace *terrace, GError **error)
{
    if (terrace->n == 0)
        return ORF_FAIL(error, BAD_INPUT,
                        "the outline is empty; the picture shows no shape to trace");
    g_auto(Build) b = { .task = task,
                        .terrace = terrace,
                        .positions.item = sizeof(float),
                        .triangles.item = sizeof(uint32_t),
                        .groups.item = sizeof(uint16_t) };
    if (!add_vertices(&b, error) || !add_back(&b, error))
        return NULL;
    for (size_t i = 0; i < terrace->n; i++)
        if (!add_wall(&b, i, error) || !add_ring(&b, i, error) || !orf_task_check(task, error))
            return NULL;
    OrfMeshParts parts = { .n_vertices = b.positions.n / 3, .n_triangles = b.triangles.n / 3 };
    parts.positions = orf_vec_steal(&b.positions);
    parts.triangles = orf_vec_steal(&b.triangles);
    if (has_groups(terrace))
        parts.groups = orf_vec_steal(&b.groups);
    return orf_mesh_new_take(&parts, error);
}
