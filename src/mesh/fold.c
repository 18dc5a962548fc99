/* fold.c - may an edge collapse?
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The link condition (Dey, Edelsbrunner, Guha and Nekhayev 1999) keeps a manifold a manifold.
 * No triangle may turn by more than about 78 degrees, become a sliver, or turn over in the
 * texture. Many small turns may still add up to a thin body turned inside out: its volume
 * tells. With an error to keep, the old ends must lie near the new triangles and the new end
 * near the old ones; what the surface moved is summed up vertex by vertex. */
#include "collapse.h"

#include <math.h>

#define MAX_RING 48       /* neighbours that a collapse may leave */
#define LEAST_COSINE 0.2  /* between a triangle's normals before and after */
#define LEAST_SHAPE 0.02  /* twice the area over the longest side squared; equilateral: 0.87 */
#define LEAST_VOLUME 0.25 /* of what a closed part had at first */

/* --- Is a collapse allowed? --------------------------------------------------------------- */

/* Marks the ring of `v`; the number of its triangles, 0 when it takes part in none. */
static unsigned
mark_ring(OrfCollapse *state, uint32_t v)
{
    unsigned n = 0;
    state->stamp++;
    for (uint32_t i = state->start[v]; i < state->start[v + 1]; i++) {
        uint32_t a = state->points[state->fan[i].a].into,
                 b = state->points[state->fan[i].b].into;
        if (a == b)
            continue;
        state->points[a].mark = state->points[b].mark = state->stamp;
        n++;
    }
    return n;
}

typedef struct {
    unsigned n_apexes, n_common, n_triangles;
    uint32_t apex[2];
} Link;

/* What the rings of both ends have in common, and the apexes of the edge's own triangles. */
static Link
link_of(OrfCollapse *state, uint32_t gone, uint32_t kept)
{
    Link link = { .n_triangles = mark_ring(state, gone) };
    uint32_t marked = state->stamp++;
    for (uint32_t i = state->start[kept]; i < state->start[kept + 1]; i++) {
        uint32_t ring[2] = { state->points[state->fan[i].a].into,
                             state->points[state->fan[i].b].into };
        if (ring[0] == ring[1])
            continue;
        link.n_triangles++;
        for (int k = 0; k < 2; k++) {
            link.n_common += state->points[ring[k]].mark == marked;
            state->points[ring[k]].mark = state->points[ring[k]].mark == marked
                                              ? state->stamp
                                              : state->points[ring[k]].mark;
            if (ring[k] == gone && link.n_apexes++ < 2)
                link.apex[link.n_apexes - 1] = ring[1 - k];
        }
    }
    return link;
}

static bool
has_triangle(const OrfCollapse *state, uint32_t v, uint32_t a, uint32_t b)
{
    for (uint32_t i = state->start[v]; i < state->start[v + 1]; i++) {
        uint32_t x = state->points[state->fan[i].a].into,
                 y = state->points[state->fan[i].b].into;
        if ((x == a && y == b) || (x == b && y == a))
            return true;
    }
    return false;
}

/* Triangles at v that also have `other`. */
static unsigned
count_triangles(const OrfCollapse *state, uint32_t v, uint32_t other)
{
    unsigned n = 0;
    for (uint32_t i = state->start[v]; i < state->start[v + 1]; i++) {
        uint32_t a = state->points[state->fan[i].a].into,
                 b = state->points[state->fan[i].b].into;
        n += a != b && (a == other || b == other);
    }
    return n;
}

bool
orf_fold_keeps_topology(OrfCollapse *state, const OrfFold *fold)
{
    Link link = link_of(state, fold->gone, fold->kept);
    bool both_border =
        state->points[fold->gone].flags & state->points[fold->kept].flags & ORF_BORDER;
    if (link.n_apexes != (both_border ? 1 : 2) || link.n_common != link.n_apexes ||
        link.n_triangles > MAX_RING + 2 * link.n_apexes)
        return false;
    if (both_border) /* else the triangle's other edges are open, too: it stands alone */
        return count_triangles(state, fold->gone, link.apex[0]) > 1 ||
               count_triangles(state, fold->kept, link.apex[0]) > 1;
    return !has_triangle(state, fold->gone, link.apex[0], link.apex[1]) ||
           !has_triangle(state, fold->kept, link.apex[0], link.apex[1]);
}

static void
normal_of(const float *p, const float *a, const float *b, double ret_n[3], double *ret_longest)
{
    double u[3], v[3], w = 0, uu = 0, vv = 0;
    for (int k = 0; k < 3; k++) {
        u[k] = (double)a[k] - p[k];
        v[k] = (double)b[k] - p[k];
        uu += u[k] * u[k];
        vv += v[k] * v[k];
        w += (u[k] - v[k]) * (u[k] - v[k]);
    }
    ret_n[0] = u[1] * v[2] - u[2] * v[1];
    ret_n[1] = u[2] * v[0] - u[0] * v[2];
    ret_n[2] = u[0] * v[1] - u[1] * v[0];
    *ret_longest = MAX(MAX(uu, vv), w);
}

/* May the triangle (p, a, b) become (q, a, b)? */
static bool
triangle_survives(const float *p, const float *q, const float *a, const float *b)
{
    double before[3], after[3], longest_before, longest;
    normal_of(p, a, b, before, &longest_before);
    normal_of(q, a, b, after, &longest);
    double dot = 0, nn = 0, mm = 0;
    for (int k = 0; k < 3; k++) {
        dot += before[k] * after[k];
        nn += before[k] * before[k];
        mm += after[k] * after[k];
    }
    double shape_before = sqrt(nn) / longest_before, shape = sqrt(mm) / longest;
    if (!(shape >= LEAST_SHAPE) && !(shape >= shape_before && shape > 1e-5))
        return false;
    return shape_before < 1e-6 || dot > LEAST_COSINE * sqrt(nn * mm);
}

static double
uv_area(const float *p, const float *a, const float *b)
{
    return ((double)a[0] - p[0]) * ((double)b[1] - p[1]) -
           ((double)a[1] - p[1]) * ((double)b[0] - p[0]);
}

static bool
uvs_survive(const OrfCollapse *state, uint32_t corner, const float *uv)
{
    const float *a = orf_collapse_uv(state, orf_corner_after(corner, 1)),
                *b = orf_collapse_uv(state, orf_corner_after(corner, 2));
    double before = uv_area(orf_collapse_uv(state, corner), a, b), after = uv_area(uv, a, b);
    return before == 0 || before * after > 0;
}

/* Do the triangles round `pivot` that do not have `other` bear the new position? */
static bool
fan_survives(const OrfCollapse *state, const OrfFold *fold, uint32_t pivot, uint32_t other)
{
    for (uint32_t i = state->start[pivot]; i < state->start[pivot + 1]; i++) {
        uint32_t a = state->points[state->fan[i].a].into,
                 b = state->points[state->fan[i].b].into;
        if (a == b || a == other || b == other)
            continue;
        if (!triangle_survives(state->points[pivot].position, fold->position,
                               state->points[a].position, state->points[b].position))
            return false;
        if (state->parts.uvs && !uvs_survive(state, state->fan[i].corner, fold->uv))
            return false;
    }
    return true;
}

bool
orf_fold_keeps_shape(const OrfCollapse *state, const OrfFold *fold)
{
    if (!fan_survives(state, fold, fold->gone, fold->kept))
        return false;
    return state->points[fold->kept].flags & ORF_FIXED || /* it does not move */
           fan_survives(state, fold, fold->kept, fold->gone);
}

/* --- Volume ------------------------------------------------------------------------------- */

/* Six times the volume between the origin of the quadrics and the triangles round `pivot`, were
 * it to lie at `at`; those that have `without` are left out. */
static double
fan_volume(const OrfCollapse *state, uint32_t pivot, const float *at, uint32_t without)
{
    double p[3], a[3], b[3], volume = 0;
    orf_collapse_local(state, at, p);
    for (uint32_t i = state->start[pivot]; i < state->start[pivot + 1]; i++) {
        uint32_t v = state->points[state->fan[i].a].into,
                 w = state->points[state->fan[i].b].into;
        if (v == w || v == without || w == without)
            continue;
        orf_collapse_local(state, state->points[v].position, a);
        orf_collapse_local(state, state->points[w].position, b);
        for (int k = 0; k < 3; k++)
            volume +=
                p[k] * (a[(k + 1) % 3] * b[(k + 2) % 3] - a[(k + 2) % 3] * b[(k + 1) % 3]);
    }
    return volume;
}

bool
orf_fold_keeps_volume(const OrfCollapse *state, const OrfFold *fold, double *ret_gain)
{
    const OrfShell *shell = &state->shells[state->shell[fold->kept]];
    if (!shell->closed)
        return true;
    uint32_t gone = fold->gone, kept = fold->kept;
    double before = fan_volume(state, gone, state->points[gone].position, UINT32_MAX) +
                    fan_volume(state, kept, state->points[kept].position, gone),
           after = fan_volume(state, gone, fold->position, kept) +
                   fan_volume(state, kept, fold->position, gone);
    *ret_gain = (after - before) / 6;
    return (shell->volume + *ret_gain) * shell->first >=
           LEAST_VOLUME * shell->first * shell->first;
}

/* --- How far does the surface move? ------------------------------------------------------- */

static double
squared_to_segment(const double p[3], const double a[3], const double b[3])
{
    double along = 0, length = orf_squared_distance(a, b), sum = 0;
    for (int k = 0; k < 3; k++)
        along += (p[k] - a[k]) * (b[k] - a[k]);
    double t = length > 0 ? CLAMP(along / length, 0, 1) : 0;
    for (int k = 0; k < 3; k++) {
        double d = p[k] - a[k] - t * (b[k] - a[k]);
        sum += d * d;
    }
    return sum;
}

static double
squared_to_triangle(const double p[3], const double a[3], const double b[3], const double c[3])
{
    double uu = 0, uv = 0, vv = 0, uw = 0, vw = 0, sum = 0;
    for (int k = 0; k < 3; k++) {
        double u = b[k] - a[k], v = c[k] - a[k], w = p[k] - a[k];
        uu += u * u;
        uv += u * v;
        vv += v * v;
        uw += u * w;
        vw += v * w;
    }
    double det = uu * vv - uv * uv, s = vv * uw - uv * vw, t = uu * vw - uv * uw;
    if (!(det > 0) || s < 0 || t < 0 || s + t > det)
        return MIN(squared_to_segment(p, a, b),
                   MIN(squared_to_segment(p, b, c), squared_to_segment(p, c, a)));
    for (int k = 0; k < 3; k++) {
        double d = p[k] - a[k] - (s * (b[k] - a[k]) + t * (c[k] - a[k])) / det;
        sum += d * d;
    }
    return sum;
}

/* The least squared distance of `p` from the triangles round `pivot`, which lies at `at`; those
 * that have `without` are left out. */
static double
squared_to_fan(const OrfCollapse *state, uint32_t pivot, const double at[3], uint32_t without,
               const double p[3])
{
    double least = INFINITY;
    for (uint32_t i = state->start[pivot]; i < state->start[pivot + 1]; i++) {
        uint32_t a = state->points[state->fan[i].a].into,
                 b = state->points[state->fan[i].b].into;
        if (a == b || a == without || b == without)
            continue;
        double x[3], y[3];
        orf_collapse_local(state, state->points[a].position, x);
        orf_collapse_local(state, state->points[b].position, y);
        least = MIN(least, squared_to_triangle(p, at, x, y));
    }
    return least;
}

/* How far the surface moves: the old ends from the new triangles, the new end from the old
 * ones. */
static double
drift_of(const OrfCollapse *state, const OrfFold *fold)
{
    double gone[3], kept[3], placed[3], worst = 0;
    orf_collapse_local(state, state->points[fold->gone].position, gone);
    orf_collapse_local(state, state->points[fold->kept].position, kept);
    orf_collapse_local(state, fold->position, placed);
    const double *ends[2] = { gone, kept };
    for (int i = 0; i < 2; i++)
        worst = MAX(worst, MIN(squared_to_fan(state, fold->gone, placed, fold->kept, ends[i]),
                               squared_to_fan(state, fold->kept, placed, fold->gone, ends[i])));
    worst = MAX(worst, MIN(squared_to_fan(state, fold->gone, gone, UINT32_MAX, placed),
                           squared_to_fan(state, fold->kept, kept, UINT32_MAX, placed)));
    return sqrt(worst);
}

/* The triangles that reach to the neighbours have moved, too: by `drift` at most. */
static void
note_drift(OrfCollapse *state, uint32_t v, float drift)
{
    for (uint32_t i = state->start[v]; i < state->start[v + 1]; i++) {
        float *at = &state->drift[state->points[state->fan[i].a].into];
        *at = MAX(*at, drift);
    }
}

/* The sum of the moves of one vertex leaves out most of what its neighbours do; collapse.c
 * keeps a quarter in reserve for that: bodies under test come out at 0.3 to 1.2 of the error
 * asked for. */
bool
orf_fold_stays_near(OrfCollapse *state, const OrfFold *fold, double limit)
{
    if (!state->drift)
        return true;
    double before = MAX(state->drift[fold->gone], state->drift[fold->kept]);
    if (before > limit)
        return false;
    double drift = drift_of(state, fold);
    if (before + drift > limit)
        return false;
    note_drift(state, fold->gone, (float)drift);
    note_drift(state, fold->kept, (float)drift);
    state->drift[fold->kept] = (float)(before + drift);
    return true;
}
