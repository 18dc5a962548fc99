/* trace.c - the outline of a mask as closed polygons that never touch.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Marching squares (Lorensen and Cline 1987, in the plane) over the cells between four pixel
 * centres. Each grid edge whose ends lie on both sides of the level carries one crossing,
 * strictly between them; a cell joins its crossings so that the inside is on the left. A saddle
 * cell asks the mean of its corners, and both pieces keep to their own half of the cell. So
 * every crossing has one successor, the successors form closed loops, and no two pieces meet.
 *
 *      a --0-- b       side i runs from corner i to corner i + 1, clockwise as seen;
 *      |       |       the outline enters through side i when corner i + 1 is inside,
 *      3       1       and leaves when corner i is.
 *      |       |
 *      d --2-- c */
#include "trace-priv.h"

#include <math.h>
#include <string.h>

#define NONE UINT32_MAX

typedef struct {
    OrfTraced *traced;
    OrfVec crossings;        /* OrfKnot, in order of discovery */
    OrfVec next;             /* uint32_t, for each crossing */
    uint32_t *above, *below; /* [width + 1] crossings on the grid edges of two rows of pixels */
    uint8_t *upper, *lower;  /* [width + 2] inside? of two rows, with the frame around them */
} Sweep;

static void
sweep_clear(Sweep *sweep)
{
    orf_vec_clear(&sweep->crossings);
    orf_vec_clear(&sweep->next);
    orf_free(sweep->above);
    orf_free(sweep->below);
    orf_free(sweep->upper);
    orf_free(sweep->lower);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sweep, sweep_clear)

static void
traced_clear(OrfTraced *traced)
{
    orf_vec_clear(&traced->knots);
    orf_vec_clear(&traced->starts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfTraced, traced_clear)

/* --- Crossings ---------------------------------------------------------------------------- */

/* From `a` at 0 to `b` at 256: strictly between. */
static int32_t
crossing_at(float a, float b, float level)
{
    float at = ORF_KNOT_ONE * ((level - a) / (b - a));
    if (!(at >= 1)) /* also NaN, of infinite values */
        return 1;
    return (int32_t)(MIN(at, ORF_KNOT_ONE - 1.f) + 0.5f);
}

static bool
add_crossing(Sweep *sweep, int x, int y, bool slides_x, uint32_t *ret_id, GError **error)
{
    OrfTraced *traced = sweep->traced;
    OrfKnot *knot = orf_vec_add(traced->task, &sweep->crossings, 1, "outline", error);
    uint32_t *next = knot ? orf_vec_add(traced->task, &sweep->next, 1, "outline", error) : NULL;
    if (!next)
        return false;
    int32_t at =
        crossing_at(orf_traced_value(traced, x, y),
                    orf_traced_value(traced, x + slides_x, y + !slides_x), traced->level);
    *knot = (OrfKnot){ .x = x * ORF_KNOT_ONE + ORF_KNOT_ONE / 2 + (slides_x ? at : 0),
                       .y = y * ORF_KNOT_ONE + ORF_KNOT_ONE / 2 + (slides_x ? 0 : at),
                       .slides_x = slides_x };
    *next = NONE;
    *ret_id = (uint32_t)sweep->crossings.n - 1;
    return true;
}

/* --- Cells -------------------------------------------------------------------------------- */

static bool
middle_inside(const OrfTraced *traced, int x, int y)
{
    float sum = orf_traced_value(traced, x, y) + orf_traced_value(traced, x + 1, y) +
                orf_traced_value(traced, x, y + 1) + orf_traced_value(traced, x + 1, y + 1);
    return sum >= 4 * traced->level;
}

static void
join(Sweep *sweep, const bool inside[4], const uint32_t side[4], int x, int y)
{
    uint32_t *next = sweep->next.data;
    unsigned entries[2], n = 0, leave = 0;
    for (unsigned i = 0; i < 4; i++)
        if (!inside[i] && inside[(i + 1) % 4])
            entries[n++] = i;
        else if (inside[i] && !inside[(i + 1) % 4])
            leave = i;
    if (n == 1)
        next[side[entries[0]]] = side[leave];
    unsigned turn = n == 2 && middle_inside(sweep->traced, x, y) ? 3 : 1;
    for (unsigned i = 0; n == 2 && i < 2; i++)
        next[side[entries[i]]] = side[(entries[i] + turn) % 4];
}

/* The cell with corner pixels (x, y) .. (x + 1, y + 1); `left` is its left crossing and becomes
 * its right one. */
static bool
visit_cell(Sweep *sweep, const bool inside[4], int x, int y, uint32_t *left, GError **error)
{
    uint32_t side[4] = { sweep->above[x + 1], NONE, NONE, *left };
    if (inside[1] != inside[2] && !add_crossing(sweep, x + 1, y, false, &side[1], error))
        return false;
    if (inside[2] != inside[3] && !add_crossing(sweep, x, y + 1, true, &side[2], error))
        return false;
    join(sweep, inside, side, x, y);
    sweep->below[x + 1] = side[2];
    *left = side[1];
    return true;
}

static void
fill_flags(const OrfTraced *traced, int y, uint8_t *flags)
{
    memset(flags, 0, (size_t)traced->width + 2);
    if (y >= traced->height)
        return;
    const float *row = traced->values + (size_t)y * (size_t)traced->width;
    for (int x = 0; x < traced->width; x++)
        flags[x + 1] = row[x] >= traced->level; /* NaN is not */
}

static void
next_row(Sweep *sweep)
{
    uint32_t *crossings = sweep->above;
    sweep->above = sweep->below;
    sweep->below = crossings;
    uint8_t *flags = sweep->upper;
    sweep->upper = sweep->lower;
    sweep->lower = flags;
}

static bool
visit_row(Sweep *sweep, int y, GError **error)
{
    const uint8_t *upper = sweep->upper, *lower = sweep->lower;
    uint32_t left = NONE;
    fill_flags(sweep->traced, y + 1, sweep->lower);
    for (int x = 0; x <= sweep->traced->width; x++) {
        unsigned n = (unsigned)upper[x] + upper[x + 1] + lower[x] + lower[x + 1];
        if (n % 4 == 0)
            continue;
        bool inside[4] = { upper[x], upper[x + 1], lower[x + 1], lower[x] };
        if (!visit_cell(sweep, inside, x - 1, y, &left, error))
            return false;
    }
    next_row(sweep);
    return orf_task_check(sweep->traced->task, error);
}

/* --- Loops -------------------------------------------------------------------------------- */

/* Twice the area in 1/65536 px^2, positive when it runs counter-clockwise as seen. */
static int64_t
area2(const OrfKnot *knot, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        const OrfKnot *a = &knot[i], *b = &knot[i + 1 < n ? i + 1 : 0];
        sum += (int64_t)b->x * a->y - (int64_t)a->x * b->y;
    }
    return sum;
}

static bool
is_large(const OrfKnot *knot, size_t n, double min_area)
{
    return (double)llabs(area2(knot, n)) >= min_area * 2 * ORF_KNOT_ONE * ORF_KNOT_ONE;
}

/* Moves the loop through crossing `first` to the end of traced->knots; too small ones vanish.
 */
static bool
take_loop(Sweep *sweep, uint32_t first, double min_area, GError **error)
{
    OrfTraced *traced = sweep->traced;
    size_t begin = traced->knots.n;
    uint32_t *next = sweep->next.data;
    for (uint32_t id = first; next[id] != NONE;) {
        OrfKnot *knot = orf_vec_add(traced->task, &traced->knots, 1, "outline", error);
        if (!knot)
            return false;
        *knot = ((OrfKnot *)sweep->crossings.data)[id];
        uint32_t after = next[id];
        next[id] = NONE;
        id = after;
    }
    size_t n = traced->knots.n - begin;
    if (!is_large((OrfKnot *)traced->knots.data + begin, n, min_area)) {
        traced->knots.n = begin;
        return true;
    }
    uint32_t *start = orf_vec_add(traced->task, &traced->starts, 1, "outline", error);
    if (start)
        *start = (uint32_t)traced->knots.n;
    return start != NULL;
}

static bool
march(OrfTraced *traced, double min_area, GError **error)
{
    size_t row = (size_t)traced->width + 1;
    g_auto(Sweep) sweep = { .traced = traced };
    sweep.crossings.item = sizeof(OrfKnot);
    sweep.next.item = sizeof(uint32_t);
    sweep.above = ORF_ALLOC(traced->task, uint32_t, row, "outline", error);
    sweep.below = sweep.above ? ORF_ALLOC(traced->task, uint32_t, row, "outline", error) : NULL;
    sweep.upper =
        sweep.below ? ORF_ALLOC(traced->task, uint8_t, row + 1, "outline", error) : NULL;
    sweep.lower =
        sweep.upper ? ORF_ALLOC(traced->task, uint8_t, row + 1, "outline", error) : NULL;
    uint32_t *start =
        sweep.lower ? orf_vec_add(traced->task, &traced->starts, 1, "outline", error) : NULL;
    if (!start)
        return false;
    *start = 0;
    for (int y = -1; y < traced->height; y++)
        if (!visit_row(&sweep, y, error))
            return false;
    for (uint32_t id = 0; id < sweep.crossings.n; id++)
        if (((uint32_t *)sweep.next.data)[id] != NONE &&
            !take_loop(&sweep, id, min_area, error))
            return false;
    return true;
}

/* --- Result ------------------------------------------------------------------------------- */

static OrfOutline *
to_outline(const OrfTraced *traced, GError **error)
{
    g_autoptr(OrfOutline) outline = g_new0(OrfOutline, 1);
    size_t n = traced->knots.n, n_loops = orf_traced_n_loops(traced);
    outline->points = ORF_ALLOC(traced->task, OrfPoint, n, "outline", error);
    outline->corner =
        outline->points ? ORF_ALLOC(traced->task, uint8_t, n, "outline", error) : NULL;
    outline->start = outline->corner
                         ? ORF_ALLOC(traced->task, uint32_t, n_loops + 1, "outline", error)
                         : NULL;
    if (!outline->start)
        return NULL;
    const OrfKnot *knot = traced->knots.data;
    for (size_t i = 0; i < n; i++) {
        outline->points[i] =
            (OrfPoint){ (float)knot[i].x / ORF_KNOT_ONE, (float)knot[i].y / ORF_KNOT_ONE };
        outline->corner[i] = knot[i].corner;
    }
    memcpy(outline->start, traced->starts.data, (n_loops + 1) * sizeof(uint32_t));
    outline->n_points = n;
    outline->n_loops = n_loops;
    return g_steal_pointer(&outline);
}

OrfOutline *
orf_image_trace(OrfTask *task, const OrfImage *image, const OrfTraceOptions *options,
                GError **error)
{
    static const OrfTraceOptions none = { 0 };
    const OrfTraceOptions *how = options ? options : &none;
    g_assert(image->sample == ORF_F32 && image->channels == 1 && how->level >= 0);
    g_auto(OrfTraced) traced = { .task = task,
                                 .values = image->pixels,
                                 .width = (int)image->width,
                                 .height = (int)image->height,
                                 .level = how->level > 0 ? how->level : 0.5f,
                                 .knots = { .item = sizeof(OrfKnot) },
                                 .starts = { .item = sizeof(uint32_t) } };
    if (!march(&traced, how->min_area > 0 ? how->min_area : 2, error) ||
        !orf_trace_corners(&traced, how, error) ||
        (how->tolerance > 0 && !orf_trace_simplify(&traced, how->tolerance, error)))
        return NULL;
    return to_outline(&traced, error);
}

void
orf_outline_free(OrfOutline *outline)
{
    if (!outline)
        return;
    orf_free(outline->points);
    orf_free(outline->corner);
    orf_free(outline->start);
    g_free(outline);
}
