/* smooth.c - takes out noise and stair-steps without shrinking the body.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Taubin 1995: each round moves every vertex towards the mean of its neighbours by lambda, then
 * away by mu, which together pass low frequencies. The mean is weighted by cotangents (Pinkall
 * and Polthier 1993), so vertices hardly slide inside smooth faces; weights of the first shape
 * serve all rounds, clamped to 0 .. 100 against slivers. Vertices of open and of branching
 * edges stay.
 *
 * Thin parts, whose cross-section is itself a high frequency, still shrink: at the end the
 * vertices of a closed body are moved along its normals until the volume is what it was. */
#include "mesh-priv.h"

#include <math.h>
#include <string.h>

#define MAX_WEIGHT 100.0f

/* Neighbours of vertex v: neighbour[start[v]] .. neighbour[start[v + 1] - 1]. */
typedef struct {
    OrfTask *task;
    const float *positions;
    const uint32_t *triangles;
    size_t n_vertices, n_triangles;
    const uint8_t *given; /* [n_vertices] 1 = stays, or NULL */
    OrfEdges edges;
    uint8_t *fixed; /* [n_vertices] */
    uint32_t *start, *neighbour;
    float *weight;
    float *from, *to; /* positions before and after a step */
    float step;
    bool closed; /* each edge has two triangles, in opposite directions */
} Smoothing;

static void
smoothing_clear(Smoothing *smoothing)
{
    orf_edges_clear(&smoothing->edges);
    orf_free(smoothing->fixed);
    orf_free(smoothing->start);
    orf_free(smoothing->neighbour);
    orf_free(smoothing->weight);
    orf_free(smoothing->from);
    orf_free(smoothing->to);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Smoothing, smoothing_clear)

/* False, once in a while, when the task was cancelled. */
static bool
goes_on(const Smoothing *smoothing, size_t i)
{
    return i % ORF_MESH_BLOCK != 0 || !orf_task_cancelled(smoothing->task);
}

/* --- Neighbours and weights --------------------------------------------------------------- */

/* Half the cotangent of the angle opposite a side. */
static double
half_cotangent(const Smoothing *smoothing, uint32_t half)
{
    uint32_t next = orf_next_corner(half), last = orf_next_corner(next);
    const float *a = smoothing->positions + 3 * (size_t)smoothing->triangles[half],
                *b = smoothing->positions + 3 * (size_t)smoothing->triangles[next],
                *c = smoothing->positions + 3 * (size_t)smoothing->triangles[last];
    double u[3], v[3];
    for (int k = 0; k < 3; k++) {
        u[k] = (double)a[k] - c[k];
        v[k] = (double)b[k] - c[k];
    }
    double x = u[1] * v[2] - u[2] * v[1], y = u[2] * v[0] - u[0] * v[2],
           z = u[0] * v[1] - u[1] * v[0];
    double area = sqrt(x * x + y * y + z * z), along = u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
    return area > 0 ? along / area / 2 : 0;
}

static float
edge_weight(const Smoothing *smoothing, const OrfHalf *halves, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += half_cotangent(smoothing, halves[i].half);
    return (float)CLAMP(sum, 0, MAX_WEIGHT);
}

static bool
is_inner(const Smoothing *smoothing, const OrfHalf *halves, size_t n)
{
    return n == 2 &&
           smoothing->triangles[halves[0].half] != smoothing->triangles[halves[1].half];
}

/* Counts the neighbours of each vertex in start[v + 1], and fixes the ends of edges that do not
 * have two triangles. Keeps one half per edge, with its weight where `half` was. Stops when
 * cancelled. */
static void
survey_edges(Smoothing *smoothing)
{
    uint32_t *first = smoothing->edges.start, kept = 0, begin = 0;
    OrfHalf *halves = smoothing->edges.halves;
    for (uint32_t v = 0; v < smoothing->n_vertices && goes_on(smoothing, v); v++) {
        uint32_t end = first[v + 1];
        for (uint32_t i = begin, next; i < end; i = next) {
            next = orf_edge_end(halves, i, end);
            float weight = edge_weight(smoothing, halves + i, next - i);
            smoothing->closed &= is_inner(smoothing, halves + i, next - i);
            uint32_t other = halves[i].other, bits;
            smoothing->start[v + 1]++;
            smoothing->start[other + 1]++;
            if (next - i != 2)
                smoothing->fixed[v] = smoothing->fixed[other] = 1;
            memcpy(&bits, &weight, sizeof bits);
            halves[kept++] = (OrfHalf){ other, bits };
        }
        begin = end;
        first[v + 1] = kept;
    }
}

static void
add_neighbour(Smoothing *smoothing, uint32_t of, uint32_t neighbour, uint32_t weight)
{
    uint32_t at = smoothing->start[of]++;
    smoothing->neighbour[at] = neighbour;
    memcpy(&smoothing->weight[at], &weight, sizeof weight);
}

static void
list_neighbours(Smoothing *smoothing)
{
    uint32_t *start = smoothing->start;
    size_t n = smoothing->n_vertices;
    for (size_t v = 0; v < n; v++)
        start[v + 1] += start[v];
    for (uint32_t v = 0; v < n && goes_on(smoothing, v); v++)
        for (uint32_t i = smoothing->edges.start[v]; i < smoothing->edges.start[v + 1]; i++) {
            OrfHalf half = smoothing->edges.halves[i];
            add_neighbour(smoothing, v, half.other, half.half);
            add_neighbour(smoothing, half.other, v, half.half);
        }
    for (size_t v = n; v > 0; v--)
        start[v] = start[v - 1];
    start[0] = 0;
}

static bool
smoothing_init(OrfTask *task, const OrfMesh *mesh, Smoothing *smoothing, GError **error)
{
    size_t n = orf_mesh_n_vertices(mesh);
    smoothing->positions = orf_mesh_positions(mesh);
    smoothing->triangles = orf_mesh_triangles(mesh);
    smoothing->n_vertices = n;
    smoothing->n_triangles = orf_mesh_n_triangles(mesh);
    smoothing->closed = true;
    if (!(smoothing->fixed = ORF_ALLOC(task, uint8_t, n, "smoothing", error)) ||
        !(smoothing->start = ORF_ALLOC(task, uint32_t, n + 1, "smoothing", error)) ||
        !orf_edges_init(task, mesh, &smoothing->edges, error))
        return false;
    survey_edges(smoothing);
    if (!orf_task_check(task, error))
        return false;
    size_t n_edges = smoothing->edges.start[n];
    if (!(smoothing->neighbour = ORF_ALLOC(task, uint32_t, 2 * n_edges, "smoothing", error)) ||
        !(smoothing->weight = ORF_ALLOC(task, float, 2 * n_edges, "smoothing", error)))
        return false;
    list_neighbours(smoothing);
    orf_edges_clear(&smoothing->edges);
    if (!(smoothing->from = ORF_ALLOC(task, float, 3 * n, "smoothing", error)) ||
        !(smoothing->to = ORF_ALLOC(task, float, 3 * n, "smoothing", error)))
        return false;
    if (n)
        memcpy(smoothing->from, smoothing->positions, n * 12);
    return orf_task_check(task, error);
}

/* --- Rounds ------------------------------------------------------------------------------- */

/* Where the neighbours of v pull it; uniform weights where all cotangents were clamped away. */
static void
pull(const Smoothing *smoothing, size_t v, float ret_pull[3])
{
    uint32_t begin = smoothing->start[v], end = smoothing->start[v + 1];
    const float *p = smoothing->from + 3 * v;
    float total = 0, sum[3] = { 0 }, plain[3] = { 0 };
    for (uint32_t i = begin; i < end; i++) {
        const float *q = smoothing->from + 3 * (size_t)smoothing->neighbour[i];
        float weight = smoothing->weight[i];
        total += weight;
        for (int k = 0; k < 3; k++) {
            sum[k] += weight * (q[k] - p[k]);
            plain[k] += q[k] - p[k];
        }
    }
    bool weighted = total > 1e-6f;
    float divisor = weighted ? total : (float)MAX(end - begin, 1);
    for (int k = 0; k < 3; k++)
        ret_pull[k] = (weighted ? sum[k] : plain[k]) / divisor;
}

static bool
stays(const Smoothing *smoothing, size_t v)
{
    return smoothing->fixed[v] || (smoothing->given && smoothing->given[v]);
}

static void
step_vertices(size_t begin, size_t end, void *data)
{
    Smoothing *smoothing = data;
    for (size_t v = begin; v < end; v++) {
        float move[3] = { 0 };
        if (!stays(smoothing, v))
            pull(smoothing, v, move);
        for (int k = 0; k < 3; k++)
            smoothing->to[3 * v + k] = smoothing->from[3 * v + k] + smoothing->step * move[k];
    }
}

static bool
take_step(OrfTask *task, Smoothing *smoothing, float step)
{
    smoothing->step = step;
    if (!orf_task_parallel(task, smoothing->n_vertices, ORF_MESH_BLOCK, step_vertices,
                           smoothing))
        return false;
    float *moved = smoothing->to;
    smoothing->to = smoothing->from;
    smoothing->from = moved;
    return true;
}

/* --- Volume ------------------------------------------------------------------------------- */

/* The volume of the shape in `positions`; its gradient, [n_vertices][3], is added to
 * `gradient`. */
static double
volume_of(const Smoothing *smoothing, const float *positions, float *gradient)
{
    double volume = 0;
    const uint32_t *t = smoothing->triangles;
    for (size_t i = 0; i < smoothing->n_triangles && goes_on(smoothing, i); i++, t += 3) {
        const float *a = positions + 3 * (size_t)t[0];
        double u[3], v[3];
        for (int k = 0; k < 3; k++) {
            u[k] = (double)positions[3 * (size_t)t[1] + k] - a[k];
            v[k] = (double)positions[3 * (size_t)t[2] + k] - a[k];
        }
        double n[3] = { u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2],
                        u[0] * v[1] - u[1] * v[0] };
        for (int k = 0; k < 3; k++) {
            volume += n[k] * ((double)a[k] - positions[k]) / 6; /* about the first vertex */
            for (int corner = 0; gradient && corner < 3; corner++)
                gradient[3 * (size_t)t[corner] + k] += (float)(n[k] / 6);
        }
    }
    return volume;
}

static double
length(const float v[3])
{
    return sqrt((double)v[0] * v[0] + (double)v[1] * v[1] + (double)v[2] * v[2]);
}

/* One Newton step: all free vertices move by the same distance along their normals. */
static void
approach_volume(Smoothing *smoothing, double volume)
{
    float *p = smoothing->from, *gradient = smoothing->to;
    size_t n = smoothing->n_vertices;
    memset(gradient, 0, n * 12);
    double missing = volume - volume_of(smoothing, p, gradient), area = 0;
    for (size_t v = 0; v < n; v++)
        area += stays(smoothing, v) ? 0 : length(gradient + 3 * v);
    for (size_t v = 0; v < n && area > 0; v++) {
        double l = length(gradient + 3 * v);
        for (int k = 0; k < 3 && l > 0 && !stays(smoothing, v); k++)
            p[3 * v + k] += (float)(missing / area * gradient[3 * v + k] / l);
    }
}

static bool
restore_volume(OrfTask *task, Smoothing *smoothing, GError **error)
{
    if (!smoothing->closed || smoothing->n_triangles == 0)
        return true;
    double volume = volume_of(smoothing, smoothing->positions, NULL);
    for (int i = 0; i < 2; i++) {
        if (!orf_task_check(task, error))
            return false;
        approach_volume(smoothing, volume);
    }
    return orf_task_check(task, error);
}

OrfMesh *
orf_mesh_smooth(OrfTask *task, const OrfMesh *mesh, const OrfSmooth *options, GError **error)
{
    static const OrfSmooth usual = { 0 };
    options = options ? options : &usual;
    unsigned rounds = options->rounds ? options->rounds : 10;
    float lambda = options->lambda != 0 ? options->lambda : 0.5f;
    float mu = options->mu != 0 ? options->mu : -0.53f;
    g_auto(Smoothing) smoothing = { .task = task, .given = options->fixed };
    if (!smoothing_init(task, mesh, &smoothing, error))
        return NULL;
    for (unsigned i = 0; i < rounds; i++) {
        if (!take_step(task, &smoothing, lambda) || !take_step(task, &smoothing, mu)) {
            orf_task_check(task, error);
            return NULL;
        }
        orf_task_progress(task, (i + 1.0) / rounds);
    }
    if (!restore_volume(task, &smoothing, error))
        return NULL;
    return orf_mesh_with_positions_take(task, mesh, g_steal_pointer(&smoothing.from), error);
}
