/* trace-simplify.c - fewer points, same outline within a tolerance, and never a touch.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Points are taken out one at a time, cheapest first. Taking b out of a-b-c sweeps the triangle
 * abc: when no other point lies in it or on its rim, no edge can cross the new edge ac either,
 * so loops that did not meet before do not meet after. The test is exact in integers; nothing
 * has to be repaired afterwards. The cost is the greatest distance of the traced points between
 * a and c to the edge ac; over long chains, the sum of what was lost before and now, which is
 * never less.
 *
 * Points are found through a grid of buckets of 4 px. A swept triangle is thin: it is walked
 * bucket row by bucket row, so a long edge costs its length, not its square. */
#include "trace-priv.h"

#include <math.h>

#define BUCKET (4 * ORF_KNOT_ONE)
#define EXACT_CHAIN 40
#define BLOCKED INFINITY

typedef struct {
    uint32_t before, after; /* neighbours that are left */
    uint32_t loop;
    float lost; /* error of the edge to `after`, px */
    float cost; /* of taking this one out; BLOCKED: never, or not now */
    bool gone;
} Node;

typedef struct {
    float cost;
    uint32_t node;
} Entry;

typedef struct {
    OrfTraced *traced;
    const OrfKnot *knots;
    Node *nodes;
    uint32_t *left;            /* points left of each loop */
    OrfVec heap;               /* Entry, least cost first; stale entries are skipped */
    uint32_t *bucket, *member; /* bucket[i]..bucket[i + 1] in member */
    int columns, rows;
    float tolerance;
} Thinner;

static void
thinner_clear(Thinner *thinner)
{
    orf_free(thinner->nodes);
    orf_free(thinner->left);
    orf_vec_clear(&thinner->heap);
    orf_free(thinner->bucket);
    orf_free(thinner->member);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Thinner, thinner_clear)

/* --- Buckets ------------------------------------------------------------------------------ */

static int
bucket_of(int32_t coordinate, int n)
{
    return CLAMP((coordinate + BUCKET) / BUCKET, 0, n - 1); /* -128 is the least */
}

static size_t
bucket_index(const Thinner *thinner, const OrfKnot *knot)
{
    return (size_t)bucket_of(knot->y, thinner->rows) * (size_t)thinner->columns +
           (size_t)bucket_of(knot->x, thinner->columns);
}

static bool
fill_buckets(Thinner *thinner, GError **error)
{
    OrfTask *task = thinner->traced->task;
    size_t n = thinner->traced->knots.n;
    thinner->columns = thinner->traced->width * ORF_KNOT_ONE / BUCKET + 3;
    thinner->rows = thinner->traced->height * ORF_KNOT_ONE / BUCKET + 3;
    size_t buckets = (size_t)thinner->columns * (size_t)thinner->rows;
    thinner->bucket = ORF_ALLOC(task, uint32_t, buckets + 1, "outline", error);
    thinner->member = thinner->bucket ? ORF_ALLOC(task, uint32_t, n, "outline", error) : NULL;
    if (!thinner->member)
        return false;
    uint32_t *end = thinner->bucket;
    for (size_t i = 0; i < n; i++)
        end[bucket_index(thinner, &thinner->knots[i])]++;
    for (size_t i = 0, sum = 0; i <= buckets; i++) {
        sum += i < buckets ? end[i] : 0;
        end[i] = (uint32_t)sum;
    }
    for (size_t i = n; i-- > 0;)
        thinner->member[--end[bucket_index(thinner, &thinner->knots[i])]] = (uint32_t)i;
    return true;
}

/* --- The swept triangle ------------------------------------------------------------------- */

/* Twice the signed area of pqr. */
static int64_t
side_of(const OrfKnot *p, const OrfKnot *q, const OrfKnot *r)
{
    return (int64_t)(q->x - p->x) * (r->y - p->y) - (int64_t)(q->y - p->y) * (r->x - p->x);
}

static bool
within(int32_t value, int32_t a, int32_t b, int32_t c)
{
    return value >= MIN(MIN(a, b), c) && value <= MAX(MAX(a, b), c);
}

/* In the closed triangle, also of no area. */
static bool
in_triangle(const OrfKnot *p, const OrfKnot *const corner[3])
{
    const OrfKnot *a = corner[0], *b = corner[1], *c = corner[2];
    if (!within(p->x, a->x, b->x, c->x) || !within(p->y, a->y, b->y, c->y))
        return false;
    int64_t u = side_of(a, b, p), v = side_of(b, c, p), w = side_of(c, a, p);
    return (u >= 0 && v >= 0 && w >= 0) || (u <= 0 && v <= 0 && w <= 0);
}

/* Widens low..high by the part of edge pq in the band top..bottom. */
static void
span_in_band(const OrfKnot *p, const OrfKnot *q, double top, double bottom, double *low,
             double *high)
{
    double from = MAX(MIN(p->y, q->y), top), to = MIN(MAX(p->y, q->y), bottom);
    if (from > to)
        return;
    double slope = p->y == q->y ? 0 : (double)(q->x - p->x) / (q->y - p->y);
    double a = p->y == q->y ? p->x : p->x + slope * (from - p->y);
    double b = p->y == q->y ? q->x : p->x + slope * (to - p->y);
    *low = MIN(*low, MIN(a, b));
    *high = MAX(*high, MAX(a, b));
}

static bool
bucket_has(const Thinner *thinner, size_t bucket, const OrfKnot *const corner[3])
{
    for (uint32_t i = thinner->bucket[bucket]; i < thinner->bucket[bucket + 1]; i++) {
        const OrfKnot *knot = &thinner->knots[thinner->member[i]];
        bool own = knot == corner[0] || knot == corner[1] || knot == corner[2];
        if (!own && !thinner->nodes[thinner->member[i]].gone && in_triangle(knot, corner))
            return true;
    }
    return false;
}

static bool
row_has(const Thinner *thinner, int row, const OrfKnot *const corner[3])
{
    double top = ((double)row - 1) * BUCKET - 1, bottom = top + BUCKET + 2;
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < 3; i++)
        span_in_band(corner[i], corner[(i + 1) % 3], top, bottom, &low, &high);
    if (low > high)
        return false;
    int first = bucket_of((int32_t)floor(low) - 1, thinner->columns);
    int last = bucket_of((int32_t)ceil(high) + 1, thinner->columns);
    for (int column = first; column <= last; column++)
        if (bucket_has(thinner, (size_t)row * (size_t)thinner->columns + (size_t)column,
                       corner))
            return true;
    return false;
}

static bool
sweeps_nothing(const Thinner *thinner, uint32_t b)
{
    const Node *node = &thinner->nodes[b];
    const OrfKnot *const corner[3] = { &thinner->knots[node->before], &thinner->knots[b],
                                       &thinner->knots[node->after] };
    int32_t top = MIN(MIN(corner[0]->y, corner[1]->y), corner[2]->y);
    int32_t bottom = MAX(MAX(corner[0]->y, corner[1]->y), corner[2]->y);
    for (int row = bucket_of(top, thinner->rows); row <= bucket_of(bottom, thinner->rows);
         row++)
        if (row_has(thinner, row, corner))
            return false;
    return true;
}

/* --- Costs -------------------------------------------------------------------------------- */

/* Pixels from p to the segment ac. */
static double
distance_to(const OrfKnot *p, const OrfKnot *a, const OrfKnot *c)
{
    double dx = c->x - a->x, dy = c->y - a->y, px = p->x - a->x, py = p->y - a->y;
    double length2 = dx * dx + dy * dy;
    double t = length2 > 0 ? CLAMP((px * dx + py * dy) / length2, 0, 1) : 0;
    double x = px - t * dx, y = py - t * dy;
    return sqrt(x * x + y * y) / ORF_KNOT_ONE;
}

/* Traced points strictly between nodes a and c of one loop. */
static uint32_t
chain_length(const Thinner *thinner, uint32_t loop, uint32_t a, uint32_t c)
{
    const uint32_t *start = thinner->traced->starts.data;
    uint32_t n = start[loop + 1] - start[loop];
    return (c + n - a) % n - 1;
}

static double
chain_error(const Thinner *thinner, uint32_t loop, uint32_t a, uint32_t c, uint32_t count)
{
    const uint32_t *start = thinner->traced->starts.data;
    double worst = 0;
    uint32_t at = a;
    for (uint32_t k = 0; k < count; k++) {
        at = at + 1 < start[loop + 1] ? at + 1 : start[loop];
        double distance =
            distance_to(&thinner->knots[at], &thinner->knots[a], &thinner->knots[c]);
        worst = MAX(worst, distance);
    }
    return worst;
}

static double
error_without(const Thinner *thinner, uint32_t b)
{
    const Node *node = &thinner->nodes[b];
    uint32_t a = node->before, c = node->after;
    double now = distance_to(&thinner->knots[b], &thinner->knots[a], &thinner->knots[c]);
    if (now > thinner->tolerance)
        return now;
    uint32_t count = chain_length(thinner, node->loop, a, c);
    if (count <= EXACT_CHAIN)
        return chain_error(thinner, node->loop, a, c, count);
    return now + MAX(thinner->nodes[a].lost, node->lost);
}

/* A tiny share of the length lets equal costs merge evenly instead of from one end. */
static void
price(Thinner *thinner, uint32_t b)
{
    Node *node = &thinner->nodes[b];
    const OrfKnot *a = &thinner->knots[node->before], *c = &thinner->knots[node->after];
    double dx = c->x - a->x, dy = c->y - a->y;
    double length = sqrt(dx * dx + dy * dy) / ORF_KNOT_ONE;
    double cost = error_without(thinner, b);
    bool fixed = thinner->knots[b].corner || cost > thinner->tolerance;
    node->cost = fixed ? BLOCKED : (float)(cost + 1e-6 * length);
}

/* --- Heap --------------------------------------------------------------------------------- */

static bool
push(Thinner *thinner, uint32_t node, GError **error)
{
    price(thinner, node);
    Entry entry = { thinner->nodes[node].cost, node };
    if (entry.cost == BLOCKED)
        return true;
    if (!orf_vec_add(thinner->traced->task, &thinner->heap, 1, "outline", error))
        return false;
    Entry *heap = thinner->heap.data;
    size_t at = thinner->heap.n - 1;
    for (; at > 0 && heap[(at - 1) / 2].cost > entry.cost; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = entry;
    return true;
}

static Entry
pop(Thinner *thinner)
{
    Entry *heap = thinner->heap.data, least = heap[0], last = heap[--thinner->heap.n];
    size_t n = thinner->heap.n, at = 0;
    for (size_t child = 1; child < n; child = 2 * at + 1) {
        child += child + 1 < n && heap[child + 1].cost < heap[child].cost;
        if (heap[child].cost >= last.cost)
            break;
        heap[at] = heap[child];
        at = child;
    }
    if (n)
        heap[at] = last;
    return least;
}

/* --- Together ----------------------------------------------------------------------------- */

static bool
take_out(Thinner *thinner, uint32_t b, GError **error)
{
    Node *node = &thinner->nodes[b];
    uint32_t a = node->before, c = node->after;
    thinner->nodes[a].lost = (float)error_without(thinner, b);
    thinner->nodes[a].after = c;
    thinner->nodes[c].before = a;
    node->gone = true;
    thinner->left[node->loop]--;
    return push(thinner, a, error) && push(thinner, c, error);
}

static bool
thin(Thinner *thinner, GError **error)
{
    for (size_t round = 0; thinner->heap.n; round++) {
        if (round % 4096 == 0 && !orf_task_check(thinner->traced->task, error))
            return false;
        Entry entry = pop(thinner);
        Node *node = &thinner->nodes[entry.node];
        if (node->gone || entry.cost != node->cost || thinner->left[node->loop] <= 3)
            continue;
        if (!sweeps_nothing(thinner, entry.node))
            node->cost = BLOCKED; /* until a neighbour goes */
        else if (!take_out(thinner, entry.node, error))
            return false;
    }
    return true;
}

static bool
prepare(Thinner *thinner, GError **error)
{
    OrfTraced *traced = thinner->traced;
    size_t n_loops = orf_traced_n_loops(traced);
    const uint32_t *start = traced->starts.data;
    thinner->nodes = ORF_ALLOC(traced->task, Node, traced->knots.n, "outline", error);
    thinner->left =
        thinner->nodes ? ORF_ALLOC(traced->task, uint32_t, n_loops, "outline", error) : NULL;
    if (!thinner->left || !fill_buckets(thinner, error))
        return false;
    for (uint32_t loop = 0; loop < n_loops; loop++) {
        uint32_t first = start[loop], last = start[loop + 1] - 1;
        thinner->left[loop] = last + 1 - first;
        for (uint32_t i = first; i <= last; i++)
            thinner->nodes[i] = (Node){ .before = i > first ? i - 1 : last,
                                        .after = i < last ? i + 1 : first,
                                        .loop = loop };
    }
    for (uint32_t i = 0; i < traced->knots.n; i++)
        if (!push(thinner, i, error))
            return false;
    return true;
}

static void
compact(const Thinner *thinner)
{
    OrfTraced *traced = thinner->traced;
    OrfKnot *knots = traced->knots.data;
    uint32_t *start = traced->starts.data, to = 0, from = 0;
    for (size_t loop = 0; loop < orf_traced_n_loops(traced); loop++) {
        for (; from < start[loop + 1]; from++)
            if (!thinner->nodes[from].gone)
                knots[to++] = knots[from];
        start[loop + 1] = to;
    }
    traced->knots.n = to;
}

bool
orf_trace_simplify(OrfTraced *traced, double tolerance, GError **error)
{
    g_auto(Thinner) thinner = { .traced = traced,
                                .knots = traced->knots.data,
                                .heap = { .item = sizeof(Entry) },
                                .tolerance = (float)tolerance };
    if (!prepare(&thinner, error) || !thin(&thinner, error))
        return false;
    compact(&thinner);
    return true;
}
