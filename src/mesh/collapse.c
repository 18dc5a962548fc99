/* collapse.c - takes triangles out of a mesh by drawing the ends of edges together.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Quadric error metric of Garland and Heckbert 1997, in passes: every edge gets its cost (on
 * all cores), the cheapest are sorted and collapsed one after the other, each vertex at most
 * once in a pass. So the quadrics, and with them the costs, stay exact inside a pass, and the
 * ring of a vertex that has not taken part is its old ring with each vertex replaced by what it
 * became.
 *
 * An edge collapses only when that keeps the mesh what it is: fold.c. */
#include "collapse.h"

#include <math.h>
#include <string.h>

#define DRIFT_SHARE 0.75  /* of the error asked for */
#define LENGTH_SHARE 1e-6 /* of an edge's squared length in its cost: short ones go first */

/* --- Fans --------------------------------------------------------------------------------- */

bool
orf_collapse_file_fans(OrfTask *task, OrfCollapse *state)
{
    size_t n_vertices = state->parts.n_vertices, n_corners = 3 * state->parts.n_triangles;
    const uint32_t *triangles = state->parts.triangles;
    uint32_t *start = state->start;
    memset(start, 0, (n_vertices + 1) * sizeof *start);
    for (size_t c = 0; c < n_corners; c++)
        start[triangles[c] + 1]++;
    for (size_t v = 0; v < n_vertices; v++)
        start[v + 1] += start[v];
    const uint32_t *t = triangles;
    for (size_t c = 0; c < n_corners; c += 3, t += 3) {
        if (c % (3 * ORF_MESH_BLOCK) == 0 && orf_task_cancelled(task))
            return false;
        state->fan[start[t[0]]++] = (OrfSpoke){ t[1], t[2], (uint32_t)c };
        state->fan[start[t[1]]++] = (OrfSpoke){ t[2], t[0], (uint32_t)c + 1 };
        state->fan[start[t[2]]++] = (OrfSpoke){ t[0], t[1], (uint32_t)c + 2 };
    }
    for (size_t v = n_vertices; v > 0; v--)
        start[v] = start[v - 1];
    start[0] = 0;
    return true;
}

/* --- Where to, and at what cost ----------------------------------------------------------- */

/* The better of both ends and the middle. */
static void
best_of_three(const OrfQuadric *q, const double a[3], const double b[3], double ret_x[3])
{
    double middle[3], least = INFINITY;
    for (int k = 0; k < 3; k++)
        middle[k] = (a[k] + b[k]) / 2;
    const double *choices[3] = { middle, a, b };
    for (int i = 0; i < 3; i++) {
        double error = orf_quadric_error(q, choices[i]);
        if (error < least) {
            least = error;
            memcpy(ret_x, choices[i], 3 * sizeof *ret_x);
        }
    }
}

/* Anywhere near the edge from a to b. */
static void
place_freely(const OrfQuadric *q, const double a[3], const double b[3], double ret_x[3])
{
    double middle[3];
    for (int k = 0; k < 3; k++)
        middle[k] = (a[k] + b[k]) / 2;
    if (!orf_quadric_best(q, ret_x) ||
        orf_squared_distance(ret_x, middle) > orf_squared_distance(a, b))
        best_of_three(q, a, b, ret_x);
}

/* Must the end with flags `a` stay where it is, when the other has flags `b`? */
static bool
is_bound(uint8_t a, uint8_t b)
{
    return a & ORF_FIXED || (a & ORF_BORDER && !(b & ORF_BORDER));
}

/* Decides which end goes and where the other comes to lie; the mean squared distance in mm^2,
 * or infinity. */
static double
place(const OrfCollapse *state, uint32_t u, uint32_t v, OrfFold *ret_fold)
{
    bool u_bound = is_bound(state->points[u].flags, state->points[v].flags),
         v_bound = is_bound(state->points[v].flags, state->points[u].flags);
    if (u_bound && v_bound)
        return INFINITY;
    uint32_t gone = u_bound ? v : u, kept = u_bound ? u : v;
    const float *from = state->points[gone].position, *to = state->points[kept].position;
    OrfQuadric q = state->quadric[gone];
    orf_quadric_add(&q, &state->quadric[kept]);
    double a[3], b[3], x[3];
    orf_collapse_local(state, from, a);
    orf_collapse_local(state, to, b);
    *ret_fold = (OrfFold){ .gone = gone, .kept = kept, .along = 1 };
    if (u_bound || v_bound) {
        memcpy(ret_fold->position, to, sizeof ret_fold->position);
        return orf_quadric_error(&q, b);
    }
    place_freely(&q, a, b, x);
    for (int k = 0; k < 3; k++)
        ret_fold->position[k] = (float)(x[k] + state->center[k]);
    orf_collapse_local(state, ret_fold->position, x);
    double length = orf_squared_distance(a, b), along = 0;
    for (int k = 0; k < 3; k++)
        along += (x[k] - a[k]) * (b[k] - a[k]);
    ret_fold->along = length > 0 ? CLAMP(along / length, 0, 1) : 0.5;
    return orf_quadric_error(&q, x);
}

bool
orf_collapse_is_open(const OrfCollapse *state, uint32_t corner)
{
    const uint32_t *triangles = state->parts.triangles;
    uint32_t u = triangles[corner], v = triangles[orf_corner_after(corner, 1)];
    for (uint32_t i = state->start[v]; i < state->start[v + 1]; i++)
        if (state->fan[i].a == u)
            return false;
    return true;
}

/* Each edge is weighed once: where it runs from the lower to the higher vertex, or is open. */
static bool
is_weighed_here(const OrfCollapse *state, uint32_t corner, uint32_t u, uint32_t v)
{
    if (state->points[u].flags & state->points[v].flags & ORF_BORDER)
        return orf_collapse_is_open(state, corner);
    return u < v;
}

/* The cost of an edge; infinite when it must not collapse. `limit` in mm. */
static float
weigh_edge(const OrfCollapse *state, uint32_t corner, double limit)
{
    const uint32_t *triangles = state->parts.triangles;
    uint32_t u = triangles[corner], v = triangles[orf_corner_after(corner, 1)];
    if (!is_weighed_here(state, corner, u, v))
        return INFINITY;
    double left = limit - (state->drift ? MAX(state->drift[u], state->drift[v]) : 0);
    if (left <= 0)
        return INFINITY;
    OrfFold fold;
    double error = place(state, u, v, &fold), a[3], b[3];
    if (error > left * left)
        return INFINITY;
    orf_collapse_local(state, state->points[u].position, a);
    orf_collapse_local(state, state->points[v].position, b);
    return (float)(error + LENGTH_SHARE * orf_squared_distance(a, b));
}

typedef struct {
    OrfCollapse *state;
    double limit;
} Weighing;

static void
weigh_edges(size_t begin, size_t end, void *data)
{
    const Weighing *weighing = data;
    for (size_t c = 3 * begin; c < 3 * end; c++)
        weighing->state->cost[c] = weigh_edge(weighing->state, (uint32_t)c, weighing->limit);
}

/* --- Collapse ----------------------------------------------------------------------------- */

/* A corner of `v` in a live triangle that also has `other`. */
static uint32_t
corner_towards(const OrfCollapse *state, uint32_t v, uint32_t other)
{
    for (uint32_t i = state->start[v]; i < state->start[v + 1]; i++) {
        uint32_t a = state->points[state->fan[i].a].into,
                 b = state->points[state->fan[i].b].into;
        if (a != b && (a == other || b == other))
            return state->fan[i].corner;
    }
    return state->fan[state->start[v]].corner;
}

static void
blend_uvs(const OrfCollapse *state, OrfFold *fold)
{
    const float *from = orf_collapse_uv(state, corner_towards(state, fold->gone, fold->kept)),
                *to = orf_collapse_uv(state, corner_towards(state, fold->kept, fold->gone));
    for (int k = 0; k < 2; k++)
        fold->uv[k] = (float)(from[k] + fold->along * ((double)to[k] - from[k]));
}

static void
blend_colors(OrfCollapse *state, const OrfFold *fold)
{
    const uint8_t *from = state->parts.colors + 4 * (size_t)fold->gone;
    uint8_t *to = state->parts.colors + 4 * (size_t)fold->kept;
    for (int k = 0; k < 4; k++)
        to[k] = (uint8_t)lrint(from[k] + fold->along * (to[k] - from[k]));
}

static void
commit(OrfCollapse *state, const OrfFold *fold)
{
    uint32_t gone = fold->gone, kept = fold->kept;
    if (state->parts.uvs) {
        uint32_t from = state->parts.uv_triangles[corner_towards(state, gone, kept)],
                 to = state->parts.uv_triangles[corner_towards(state, kept, gone)];
        state->wedge_into[from] = to;
        memcpy(state->parts.uvs + 2 * (size_t)to, fold->uv, sizeof fold->uv);
    }
    if (state->parts.colors)
        blend_colors(state, fold);
    memcpy(state->points[kept].position, fold->position, sizeof fold->position);
    orf_quadric_add(&state->quadric[kept], &state->quadric[gone]);
    state->points[kept].flags |= state->points[gone].flags & ORF_BORDER;
    state->points[gone].into = kept;
    state->points[gone].busy = state->points[kept].busy = 1;
}

/* The number of triangles that went; `limit` in mm. */
static size_t
try_collapse(OrfCollapse *state, uint32_t corner, double limit)
{
    uint32_t u = state->parts.triangles[corner],
             v = state->parts.triangles[orf_corner_after(corner, 1)];
    if (state->points[u].busy || state->points[v].busy)
        return 0;
    OrfFold fold;
    place(state, u, v, &fold);
    if (!orf_fold_keeps_topology(state, &fold))
        return 0;
    if (state->parts.uvs)
        blend_uvs(state, &fold);
    double gain = 0;
    if (!orf_fold_keeps_shape(state, &fold) || !orf_fold_keeps_volume(state, &fold, &gain) ||
        !orf_fold_stays_near(state, &fold, limit))
        return 0;
    state->shells[state->shell[fold.kept]].volume += gain;
    size_t went = state->points[u].flags & state->points[v].flags & ORF_BORDER ? 1 : 2;
    commit(state, &fold);
    return went;
}

/* --- Passes ------------------------------------------------------------------------------- */

typedef struct {
    uint32_t key; /* bits of the cost: floats above 0 sort like integers */
    uint32_t corner;
} Candidate;

static uint32_t
key_of(float cost)
{
    uint32_t bits;
    memcpy(&bits, &cost, sizeof bits);
    return bits;
}

/* One and a half times the cost of the `goal`-th cheapest edge, about; no more than infinity.
 */
static float
cost_limit(const OrfCollapse *state, size_t goal, uint32_t *histogram)
{
    size_t n_corners = 3 * state->parts.n_triangles, seen = 0;
    uint32_t bin = 0;
    memset(histogram, 0, 65536 * sizeof *histogram);
    for (size_t c = 0; c < n_corners; c++)
        histogram[key_of(state->cost[c]) >> 16]++;
    while (bin < 65535 && (seen += histogram[bin]) < goal)
        bin++;
    float cost;
    uint32_t bits = (bin + 1) << 16;
    memcpy(&cost, &bits, sizeof cost);
    return bin >= 0x7f80 - 1 ? G_MAXFLOAT : MIN(cost * 1.5f, G_MAXFLOAT);
}

/* Sorts by key, keeping the order of equals: three rounds of 11 bits. Stops when cancelled. */
static void
sort_candidates(OrfTask *task, Candidate *list, Candidate *spare, size_t n)
{
    for (unsigned shift = 0; shift < 33 && !orf_task_cancelled(task); shift += 11) {
        size_t place[2049] = { 0 };
        for (size_t i = 0; i < n; i++)
            place[(list[i].key >> shift & 2047) + 1]++;
        for (size_t b = 0; b < 2048; b++)
            place[b + 1] += place[b];
        for (size_t i = 0; i < n; i++)
            spare[place[list[i].key >> shift & 2047]++] = list[i];
        Candidate *sorted = spare;
        spare = list;
        list = sorted;
    }
}

static size_t
count_candidates(const OrfCollapse *state, float limit)
{
    size_t n = 0;
    for (size_t c = 0; c < 3 * state->parts.n_triangles; c++)
        n += state->cost[c] <= limit;
    return n;
}

/* The edges that cost no more than `limit`, cheapest first; caller frees. */
static Candidate *
list_candidates(OrfTask *task, const OrfCollapse *state, float limit, size_t *ret_n,
                GError **error)
{
    size_t n = count_candidates(state, limit), filled = 0;
    orf_autofree Candidate *list = ORF_ALLOC(task, Candidate, n, "simplify", error);
    orf_autofree Candidate *spare =
        list ? ORF_ALLOC(task, Candidate, n, "simplify", error) : NULL;
    if (!spare)
        return NULL;
    for (size_t c = 0; c < 3 * state->parts.n_triangles; c++)
        if (state->cost[c] <= limit)
            list[filled++] = (Candidate){ key_of(state->cost[c]), (uint32_t)c };
    sort_candidates(task, list, spare, n);
    *ret_n = n;
    return g_steal_pointer(&spare); /* an odd number of rounds ends there */
}

/* Rewrites the corners as what their vertices became, leaves out triangles that collapsed. */
static void
compact(OrfCollapse *state)
{
    OrfMeshParts *parts = &state->parts;
    size_t n = 0;
    for (size_t t = 0; t < parts->n_triangles; t++) {
        uint32_t corners[3];
        for (int k = 0; k < 3; k++)
            corners[k] = state->points[parts->triangles[3 * t + k]].into;
        if (orf_triangle_collapsed(corners))
            continue;
        memcpy(parts->triangles + 3 * n, corners, sizeof corners);
        for (int k = 0; k < 3 && parts->uvs; k++)
            parts->uv_triangles[3 * n + k] = state->wedge_into[parts->uv_triangles[3 * t + k]];
        if (parts->groups)
            parts->groups[n] = parts->groups[t];
        n++;
    }
    parts->n_triangles = n;
}

static void
reset_pass(OrfCollapse *state)
{
    for (size_t v = 0; v < state->parts.n_vertices; v++) {
        state->points[v].into = (uint32_t)v;
        state->points[v].busy = false;
    }
    for (size_t w = 0; w < state->parts.n_uvs && state->wedge_into; w++)
        state->wedge_into[w] = (uint32_t)w;
}

typedef struct {
    size_t target;       /* triangles */
    double limit;        /* mm */
    uint32_t *histogram; /* [65536] scratch */
} Aim;

/* Candidates lie anywhere in memory: asks for what those to come need, step by step, since each
 * block is found through the one before. */
static void
fetch_vertex(const OrfCollapse *state, uint32_t v)
{
    __builtin_prefetch(&state->points[v]);
    __builtin_prefetch(&state->start[v]);
    __builtin_prefetch(&state->quadric[v]);
    __builtin_prefetch((const char *)&state->quadric[v] + 64);
}

static void
fetch_fan(const OrfCollapse *state, uint32_t v)
{
    const char *fan = (const char *)&state->fan[state->start[v]];
    __builtin_prefetch(fan);
    __builtin_prefetch(fan + 64);
}

static void
fetch_ring(const OrfCollapse *state, uint32_t v)
{
    if (!state->points[v].busy)
        for (uint32_t i = state->start[v]; i < state->start[v + 1]; i++)
            __builtin_prefetch(&state->points[state->fan[i].a]);
}

static void
fetch_ahead(const OrfCollapse *state, const Candidate *list, size_t i, size_t n)
{
    const uint32_t *triangles = state->parts.triangles;
    if (i + 48 < n)
        __builtin_prefetch(&triangles[list[i + 48].corner]);
    for (int k = 0; k < 2 && i + 36 < n; k++) {
        fetch_vertex(state, triangles[orf_corner_after(list[i + 36].corner, k)]);
        fetch_fan(state, triangles[orf_corner_after(list[i + 24].corner, k)]);
        fetch_ring(state, triangles[orf_corner_after(list[i + 12].corner, k)]);
    }
}

/* Tries the cheapest edges, or `all` of them. `ret_went` triangles went in this pass. */
static bool
run_pass(OrfTask *task, OrfCollapse *state, const Aim *aim, bool all, size_t *ret_went,
         GError **error)
{
    size_t n_triangles = state->parts.n_triangles, n, went = 0, target = aim->target;
    Weighing weighing = { state, aim->limit };
    reset_pass(state);
    if (!orf_task_check(task, error))
        return false;
    if (!orf_collapse_file_fans(task, state) ||
        !orf_task_parallel(task, n_triangles, ORF_MESH_BLOCK / 4, weigh_edges, &weighing))
        return orf_task_check(task, error);
    size_t goal = MIN((n_triangles - target + 1) / 2, MAX(n_triangles / 3, 16));
    float most = all ? G_MAXFLOAT : cost_limit(state, goal, aim->histogram);
    orf_autofree Candidate *list = list_candidates(task, state, most, &n, error);
    if (!list)
        return false;
    for (size_t i = 0; i < n && n_triangles - went > target; i++) {
        if (i % 1024 == 0 && !orf_task_check(task, error))
            return false;
        fetch_ahead(state, list, i, n);
        went += try_collapse(state, list[i].corner, aim->limit);
    }
    compact(state);
    *ret_went = went;
    return true;
}

bool
orf_collapse_run(OrfTask *task, OrfCollapse *state, size_t target, float error, GError **gerror)
{
    size_t n_before = state->parts.n_triangles;
    orf_autofree uint32_t *histogram = ORF_ALLOC(task, uint32_t, 65536, "simplify", gerror);
    if (!histogram)
        return false;
    Aim aim = { target, error > 0 ? DRIFT_SHARE * error : INFINITY, histogram };
    for (bool all = false, done = false; !done && state->parts.n_triangles > target;) {
        size_t went = 0, n = state->parts.n_triangles;
        if (!run_pass(task, state, &aim, all, &went, gerror))
            return false;
        done = all && went <= (error > 0 ? n / 256 : 0);
        all = went <= n / 64;
        orf_task_progress(task,
                          (double)(n_before - n + went) / (double)MAX(n_before - target, 1));
    }
    return true;
}
