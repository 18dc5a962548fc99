/* triangulate.c - constrained Delaunay triangles of a region bounded by loops.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. Snap the points to an integer grid by a power of two, so that what lay on a line stays on
 * it.
 * 2. Order them: random rounds of doubling size, each along a Hilbert curve (BRIO, Amenta, Choi
 * and Rote 2003), so that insertion stays n log n for any input and touches memory in order.
 * 3. Triangulate (delaunay.c), force the loops and segments in (segments.c).
 * 4. Flood from the frame, counting how often loops turn round each face; keep what is not 0.
 */
#include "planar-priv.h"

#include <math.h>
#include <string.h>

#define RANGE (1 << 29) /* the points lie in the middle of the frame of 2^30 */
#define MARGIN (1 << 28)
#define MAX_POINTS (1U << 28)
#define HILBERT_BITS 20
#define ROUND_BITS 4
#define FIRST_ROUND 512
#define CHECK_EVERY 8192

typedef struct {
    OrfTask *task;
    const OrfPlanar *planar;
    uint32_t n;
    double low[2], scale;
    uint32_t *order; /* [n] input index of each rank */
    uint32_t *rank;  /* [n] rank that stands for each input point */
    OrfCdt cdt;      /* points by rank */
} Work;

static void
work_clear(Work *work)
{
    orf_free(g_steal_pointer(&work->order));
    orf_free(g_steal_pointer(&work->rank));
    orf_cdt_clear(&work->cdt);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Work, work_clear)

/* --- Checks ------------------------------------------------------------------------------- */

static size_t
n_loop_points(const OrfPlanar *planar)
{
    return planar->loop_start[planar->n_loops];
}

static size_t
loop_of(const OrfPlanar *planar, uint32_t point)
{
    size_t loop = 0;
    while (loop + 1 < planar->n_loops && planar->loop_start[loop + 1] <= point)
        loop++;
    return loop;
}

static bool
check_loops(const OrfPlanar *planar, GError **error)
{
    if (!planar->n_loops || planar->loop_start[0] != 0 ||
        n_loop_points(planar) > planar->n_points)
        return ORF_FALSE(error, BAD_INPUT,
                         "triangulate: the loops do not fit the %zu points; "
                         "give loop starts from 0 to the number of loop points",
                         planar->n_points);
    for (size_t i = 0; i < planar->n_loops; i++)
        if (planar->loop_start[i + 1] < planar->loop_start[i] ||
            planar->loop_start[i + 1] - planar->loop_start[i] < 3)
            return ORF_FALSE(error, BAD_INPUT,
                             "triangulate: loop %zu has fewer than 3 points; leave it out", i);
    for (size_t i = 0; i < 2 * planar->n_segments; i++)
        if (planar->segments[i] >= planar->n_points)
            return ORF_FALSE(error, BAD_INPUT,
                             "triangulate: segment %zu names point %u of %zu; "
                             "name points that exist",
                             i / 2, planar->segments[i], planar->n_points);
    return true;
}

static bool
find_scale(Work *work, GError **error)
{
    const float *points = work->planar->points;
    double low[2] = { points[0], points[1] }, high[2] = { points[0], points[1] };
    for (size_t i = 0; i < 2 * (size_t)work->n; i++) {
        if (!isfinite(points[i]))
            return ORF_FALSE(error, BAD_INPUT,
                             "triangulate: point %zu is not a finite number; mend the outline",
                             i / 2);
        low[i & 1] = MIN(low[i & 1], points[i]);
        high[i & 1] = MAX(high[i & 1], points[i]);
    }
    double extent = MAX(high[0] - low[0], high[1] - low[1]);
    if (!(extent > 0))
        return ORF_FALSE(error, BAD_INPUT,
                         "triangulate: all points coincide; an outline needs an area");
    int exponent;
    frexp(extent, &exponent); /* extent <= 2^exponent */
    work->scale = ldexp(RANGE, -exponent);
    memcpy(work->low, low, sizeof low);
    return true;
}

/* --- Order of insertion ------------------------------------------------------------------- */

typedef struct {
    uint64_t key;
    uint32_t index;
} Keyed;

/* Place along the Hilbert curve of a square of 2^HILBERT_BITS cells. */
static uint64_t
hilbert(uint32_t x, uint32_t y)
{
    /* For each state (0..3) and quadrant (2x + y): next state * 4 + rank of the quadrant. */
    static const uint8_t steps[16] = { 1 * 4 + 0, 0 * 4 + 1, 3 * 4 + 3, 0 * 4 + 2,
                                       0 * 4 + 0, 2 * 4 + 3, 1 * 4 + 1, 1 * 4 + 2,
                                       2 * 4 + 2, 1 * 4 + 3, 2 * 4 + 1, 3 * 4 + 0,
                                       3 * 4 + 2, 3 * 4 + 1, 0 * 4 + 3, 2 * 4 + 0 };
    uint64_t place = 0;
    unsigned state = 0;
    for (int bit = HILBERT_BITS - 1; bit >= 0; bit--) {
        unsigned step = steps[state * 4 + 2 * (x >> bit & 1) + (y >> bit & 1)];
        place = place << 2 | (step & 3);
        state = step >> 2;
    }
    return place;
}

/* Round of a point: the last takes one half of all, the one before a quarter, and so on. */
static unsigned
round_of(uint32_t index, unsigned last_round)
{
    uint32_t hash = index * 2654435769U;
    hash = (hash ^ hash >> 15) * 2246822519U;
    hash ^= hash >> 13;
    unsigned before_last = (unsigned)__builtin_ctz(hash | 1U << 31);
    return before_last > last_round ? 0 : last_round - before_last;
}

/* Least significant digit first, 11 bits a time. */
static void
radix_sort(Keyed *items, Keyed *scratch, size_t n)
{
    for (int shift = 0; shift < 2 * HILBERT_BITS + ROUND_BITS; shift += 11) {
        size_t start[2049] = { 0 };
        for (size_t i = 0; i < n; i++)
            start[(items[i].key >> shift & 2047) + 1]++;
        for (size_t d = 0; d < 2048; d++)
            start[d + 1] += start[d];
        for (size_t i = 0; i < n; i++)
            scratch[start[items[i].key >> shift & 2047]++] = items[i];
        Keyed *held = items;
        items = scratch;
        scratch = held;
    }
}
G_STATIC_ASSERT((2 * HILBERT_BITS + ROUND_BITS + 10) / 11 % 2 == 0); /* ends where it began */

static OrfGridPoint
snap(const Work *work, size_t i)
{
    const float *p = work->planar->points + 2 * i;
    return (OrfGridPoint){ (int32_t)lrint((p[0] - work->low[0]) * work->scale) + MARGIN,
                           (int32_t)lrint((p[1] - work->low[1]) * work->scale) + MARGIN };
}

static bool
order_points(Work *work, GError **error)
{
    size_t n = work->n;
    orf_autofree Keyed *items = ORF_ALLOC(work->task, Keyed, n, "triangulation", error);
    orf_autofree Keyed *scratch =
        items ? ORF_ALLOC(work->task, Keyed, n, "triangulation", error) : NULL;
    work->order = scratch ? ORF_ALLOC(work->task, uint32_t, n, "triangulation", error) : NULL;
    if (!work->order)
        return false;
    unsigned last_round = 0;
    while (last_round < (1 << ROUND_BITS) - 1 && n >> last_round > FIRST_ROUND)
        last_round++;
    for (uint32_t i = 0; i < n; i++) {
        OrfGridPoint p = snap(work, i);
        uint32_t x = (uint32_t)(p.x - MARGIN) >> (29 - HILBERT_BITS);
        uint32_t y = (uint32_t)(p.y - MARGIN) >> (29 - HILBERT_BITS);
        uint64_t round = round_of(i, last_round);
        items[i] = (Keyed){ round << (2 * HILBERT_BITS) | hilbert(x, y), i };
    }
    radix_sort(items, scratch, n);
    for (size_t i = 0; i < n; i++)
        work->order[i] = items[i].index;
    return true;
}

/* --- Points ------------------------------------------------------------------------------- */

/* Free points may coincide with others; points of loops may not: which one would a wall use? */
static bool
merge_same(Work *work, const uint32_t *same, GError **error)
{
    size_t outline = n_loop_points(work->planar);
    for (uint32_t r = 0; r < work->n; r++) {
        uint32_t i = work->order[r], s = same[r], j = work->order[s];
        work->rank[i] = s;
        if (s == r || i >= outline)
            continue;
        if (j < outline)
            return ORF_FALSE(error, BAD_INPUT,
                             "triangulate: points %u and %u of the outline coincide at "
                             "(%g, %g); merge or move one",
                             MIN(i, j), MAX(i, j), (double)work->planar->points[2 * i],
                             (double)work->planar->points[2 * i + 1]);
        work->order[s] = i; /* the outline's point stands for both */
    }
    return true;
}

static bool
place_points(Work *work, GError **error)
{
    OrfTask *task = work->task;
    if (!order_points(work, error))
        return false;
    work->rank = ORF_ALLOC(task, uint32_t, work->n, "triangulation", error);
    orf_autofree uint32_t *same =
        work->rank ? ORF_ALLOC(task, uint32_t, work->n, "triangulation", error) : NULL;
    OrfGridPoint *points =
        same ? ORF_ALLOC(task, OrfGridPoint, (size_t)work->n + 4, "triangulation", error)
             : NULL;
    if (!points)
        return false;
    for (uint32_t r = 0; r < work->n; r++)
        points[r] = snap(work, work->order[r]);
    return orf_cdt_init(&work->cdt, task, points, work->n, same, error) &&
           merge_same(work, same, error);
}

/* --- Constraints -------------------------------------------------------------------------- */

/* Where a->b meets the constraint it ran into. */
static void
crossing_place(const Work *work, uint32_t a, uint32_t b, double ret_place[2])
{
    const OrfCdt *cdt = &work->cdt;
    OrfGridPoint pa = cdt->points[work->rank[a]], pb = cdt->points[work->rank[b]];
    OrfGridPoint pc = cdt->points[cdt->crossed[0]], pd = cdt->points[cdt->crossed[1]];
    double from = (double)orf_cdt_side(pc, pd, pa), to = (double)orf_cdt_side(pc, pd, pb);
    double t = from / (from - to);
    ret_place[0] = work->low[0] + (pa.x + t * (pb.x - pa.x) - MARGIN) / work->scale;
    ret_place[1] = work->low[1] + (pa.y + t * (pb.y - pa.y) - MARGIN) / work->scale;
}

static bool
report_crossing(const Work *work, const char *what, size_t which, uint32_t a, uint32_t b,
                GError **error)
{
    size_t outline = n_loop_points(work->planar);
    uint32_t c = work->order[work->cdt.crossed[0]], d = work->order[work->cdt.crossed[1]];
    double place[2];
    crossing_place(work, a, b, place);
    g_autofree char *other = c < outline && d < outline
                                 ? g_strdup_printf("loop %zu", loop_of(work->planar, c))
                                 : g_strdup("a segment");
    return ORF_FALSE(error, BAD_INPUT,
                     "triangulate: %s %zu crosses %s at (%g, %g); "
                     "unite or separate the outlines first",
                     what, which, other, place[0], place[1]);
}

static bool
add_constraint(Work *work, const char *what, size_t which, uint32_t a, uint32_t b,
               GError **error)
{
    GError *failure = NULL;
    if (orf_cdt_add_segment(&work->cdt, work->rank[a], work->rank[b], &failure))
        return true;
    if (!failure)
        return report_crossing(work, what, which, a, b, error);
    g_propagate_error(error, failure);
    return false;
}

static uint32_t
after_in_loop(const OrfPlanar *planar, size_t loop, uint32_t i)
{
    return i + 1 < planar->loop_start[loop + 1] ? i + 1 : planar->loop_start[loop];
}

static bool
add_constraints(Work *work, GError **error)
{
    const OrfPlanar *planar = work->planar;
    for (size_t loop = 0; loop < planar->n_loops; loop++)
        for (uint32_t i = planar->loop_start[loop]; i < planar->loop_start[loop + 1]; i++) {
            if (i % CHECK_EVERY == 0 && !orf_task_check(work->task, error))
                return false;
            if (!add_constraint(work, "loop", loop, i, after_in_loop(planar, loop, i), error))
                return false;
        }
    for (size_t i = 0; i < planar->n_segments; i++) {
        if (i % CHECK_EVERY == 0 && !orf_task_check(work->task, error))
            return false;
        if (!add_constraint(work, "segment", i, planar->segments[2 * i],
                            planar->segments[2 * i + 1], error))
            return false;
    }
    return true;
}

/* --- Inside ------------------------------------------------------------------------------- */

/* What a step over each edge, from its left to its right, adds to the winding number. */
static int32_t *
count_turns(Work *work, GError **error)
{
    const OrfPlanar *planar = work->planar;
    OrfCdt *cdt = &work->cdt;
    int32_t *turns =
        ORF_ALLOC(work->task, int32_t, 4 * (size_t)cdt->n_faces, "triangulation", error);
    if (!turns)
        return NULL;
    for (size_t loop = 0; loop < planar->n_loops; loop++)
        for (uint32_t i = planar->loop_start[loop]; i < planar->loop_start[loop + 1]; i++) {
            uint32_t b = work->rank[after_in_loop(planar, loop, i)], across;
            for (uint32_t a = work->rank[i]; a != b;) {
                uint32_t e = orf_cdt_edge_towards(cdt, a, b, &across);
                turns[e]--;
                turns[orf_cdt_twin(cdt, e)]++;
                a = orf_cdt_to(cdt, e);
            }
        }
    return turns;
}

/* Sets the winding number of every face; the two faces of the frame's sides have 0. */
static bool
flood(Work *work, const int32_t *turns, GError **error)
{
    OrfCdt *cdt = &work->cdt;
    orf_autofree uint32_t *queue =
        ORF_ALLOC(work->task, uint32_t, cdt->n_faces, "triangulation", error);
    if (!queue)
        return false;
    for (uint32_t t = 0; t < cdt->n_faces; t++)
        cdt->faces[t].winding = INT32_MIN;
    uint32_t first = cdt->edge_at[cdt->n_points] >> 2, n = 0;
    cdt->faces[first].winding = 0;
    queue[n++] = first;
    for (uint32_t done = 0; done < n; done++)
        for (uint32_t k = 0; k < 3; k++) {
            uint32_t e = 4 * queue[done] + k, f = orf_cdt_twin(cdt, e);
            if (f == ORF_NO_EDGE || cdt->faces[f >> 2].winding != INT32_MIN)
                continue;
            cdt->faces[f >> 2].winding = cdt->faces[queue[done]].winding + turns[e];
            queue[n++] = f >> 2;
        }
    return true;
}

static uint32_t *
list_inside(Work *work, size_t *ret_n, GError **error)
{
    const OrfCdt *cdt = &work->cdt;
    size_t n = 0;
    for (uint32_t t = 0; t < cdt->n_faces; t++)
        n += cdt->faces[t].winding != 0;
    uint32_t *triangles = ORF_ALLOC(work->task, uint32_t, 3 * n, "triangles", error);
    if (!triangles)
        return NULL;
    uint32_t *out = triangles;
    for (uint32_t t = 0; t < cdt->n_faces; t++)
        if (cdt->faces[t].winding != 0)
            for (int k = 0; k < 3; k++)
                *out++ = work->order[cdt->faces[t].from[k]];
    *ret_n = n;
    return triangles;
}

uint32_t *
orf_triangulate(OrfTask *task, const OrfPlanar *planar, size_t *ret_n, GError **error)
{
    if (planar->n_points > MAX_POINTS)
        return ORF_FAIL(error, TOO_LARGE,
                        "triangulate: %zu points, at most %u; use a coarser outline",
                        planar->n_points, MAX_POINTS);
    g_auto(Work) work = { .task = task, .planar = planar, .n = (uint32_t)planar->n_points };
    if (!check_loops(planar, error) || !find_scale(&work, error) ||
        !place_points(&work, error) || !add_constraints(&work, error))
        return NULL;
    orf_autofree int32_t *turns = count_turns(&work, error);
    if (!turns || !flood(&work, turns, error))
        return NULL;
    return list_inside(&work, ret_n, error);
}
