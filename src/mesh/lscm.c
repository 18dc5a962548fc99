/* lscm.c - least squares conformal maps (Levy, Petitjean, Ray and Maillot 2002) of bent charts.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * With the corners of a face in its own plane as complex numbers, a map of the plane is
 * conformal on it when sum w_j U_j = 0, w_j being the side opposite to corner j and U_j where
 * the corner goes. The squares of these sums over all faces are minimised by conjugate
 * gradients on the normal equations, never formed, with the diagonal as preconditioner; two far
 * corners stay where the projection had them. */
#include "unwrap-priv.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define STEPS(n) (50 + 20 * (int)sqrt((double)(n))) /* of the conjugate gradients */
#define NEEDLE_WEIGHT 5.0
#define ENOUGH 1e-14 /* squared, of the first gradient */

typedef struct {
    uint32_t corner[3];
    double w[3][2];
} Row;

typedef struct {
    const OrfAtlas *atlas;
    const OrfChart *chart;
    uint32_t n_rows, n; /* equations, vertices */
    Row *rows;
    double *x, *residual;               /* [n][2] and [n_rows][2] */
    double *gradient, *step, *diagonal; /* [n][2], [n][2], [n] */
    double *change;                     /* [n_rows][2] */
    uint32_t pins[2];
} System;

static void
system_clear(System *system)
{
    orf_free(system->rows);
    orf_free(system->x);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(System, system_clear)

/* Numbers the vertices of the chart in `local`, which is ORF_NO_HALF all over before. */
static uint32_t
number_vertices(const OrfAtlas *atlas, const OrfChart *chart, uint32_t *local)
{
    uint32_t n = 0;
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++)
        for (size_t k = 0; k < 3; k++) {
            uint32_t v = atlas->triangles[3 * (size_t)atlas->order[i] + k];
            if (local[v] == ORF_NO_HALF)
                local[v] = n++;
        }
    return n;
}

static bool
allocate(System *system, GError **error)
{
    OrfTask *task = system->atlas->task;
    size_t n = system->n, m = system->chart->n;
    system->rows = ORF_ALLOC(task, Row, m, "unwrapping", error);
    system->x =
        system->rows ? ORF_ALLOC(task, double, 7 * n + 4 * m, "unwrapping", error) : NULL;
    if (!system->x)
        return false;
    system->gradient = system->x + 2 * n;
    system->step = system->gradient + 2 * n;
    system->diagonal = system->step + 2 * n;
    system->residual = system->diagonal + n;
    system->change = system->residual + 2 * m;
    return true;
}

static double
dot_difference(const float *o, const float *p, const float *q)
{
    double sum = 0;
    for (int k = 0; k < 3; k++)
        sum += ((double)p[k] - o[k]) * ((double)q[k] - o[k]);
    return sum;
}

static void
make_row(System *system, uint32_t face, const uint32_t *local)
{
    const OrfAtlas *atlas = system->atlas;
    const uint32_t *t = atlas->triangles + 3 * (size_t)face;
    const float *p[3];
    for (int k = 0; k < 3; k++)
        p[k] = atlas->positions + 3 * (size_t)t[k];
    double area2 = 2 * (double)atlas->areas[face], root = sqrt(area2);
    double length = sqrt(dot_difference(p[0], p[1], p[1]));
    double x = dot_difference(p[0], p[1], p[2]) / length, y = area2 / length;
    Row *row = &system->rows[system->n_rows++];
    *row = (Row){
        { local[t[0]], local[t[1]], local[t[2]] },
        { { (x - length) / root, y / root }, { -x / root, -y / root }, { length / root, 0 } }
    };
    for (int k = 0; k < 3; k++)
        system->diagonal[row->corner[k]] +=
            row->w[k][0] * row->w[k][0] + row->w[k][1] * row->w[k][1];
}

/* A face without an area keeps its middle corner on its longest side. */
static void
make_needle_row(System *system, uint32_t face, const uint32_t *local)
{
    const OrfAtlas *atlas = system->atlas;
    const uint32_t *t = atlas->triangles + 3 * (size_t)face;
    const float *p[3];
    double longest = 0;
    int m = 0; /* the corner opposite the longest side */
    for (int k = 0; k < 3; k++)
        p[k] = atlas->positions + 3 * (size_t)t[k];
    for (int k = 0; k < 3; k++) {
        const float *a = p[(k + 1) % 3], *b = p[(k + 2) % 3];
        double length2 = dot_difference(a, b, b);
        m = length2 > longest ? k : m;
        longest = MAX(longest, length2);
    }
    if (!(longest > 0))
        return;
    int a = (m + 1) % 3, b = (m + 2) % 3;
    double along = dot_difference(p[a], p[b], p[m]) / longest;
    Row *row = &system->rows[system->n_rows++];
    *row = (Row){ .corner = { local[t[m]], local[t[a]], local[t[b]] } };
    row->w[0][0] = NEEDLE_WEIGHT;
    row->w[1][0] = -NEEDLE_WEIGHT * (1 - along);
    row->w[2][0] = -NEEDLE_WEIGHT * along;
    for (int k = 0; k < 3; k++)
        system->diagonal[row->corner[k]] += row->w[k][0] * row->w[k][0];
}

/* Starts from the projection; pins the vertices farthest apart along its longer side. */
static void
set_up(System *system, const uint32_t *local)
{
    const OrfAtlas *atlas = system->atlas;
    const OrfChart *chart = system->chart;
    double low[2] = { DBL_MAX, DBL_MAX }, high[2] = { -DBL_MAX, -DBL_MAX };
    uint32_t lowest[2] = { 0 }, highest[2] = { 0 };
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++) {
        uint32_t face = atlas->order[i];
        for (size_t c = 3 * (size_t)face; c < 3 * (size_t)face + 3; c++) {
            uint32_t v = local[atlas->triangles[c]];
            for (size_t k = 0; k < 2; k++) {
                double at = system->x[2 * (size_t)v + k] = (double)atlas->uv[2 * c + k];
                if (at < low[k])
                    low[k] = at, lowest[k] = v;
                if (at > high[k])
                    high[k] = at, highest[k] = v;
            }
        }
        if (atlas->areas[face] > 0)
            make_row(system, face, local);
        else
            make_needle_row(system, face, local);
    }
    int longer = high[1] - low[1] > high[0] - low[0];
    system->pins[0] = lowest[longer];
    system->pins[1] = highest[longer];
}

/* to = A from */
static void
apply(const System *system, const double *from, double *to)
{
    for (uint32_t i = 0; i < system->n_rows; i++) {
        const Row *row = &system->rows[i];
        double re = 0, im = 0;
        for (int k = 0; k < 3; k++) {
            const double *u = from + 2 * (size_t)row->corner[k], *w = row->w[k];
            re += w[0] * u[0] - w[1] * u[1];
            im += w[0] * u[1] + w[1] * u[0];
        }
        to[2 * (size_t)i] = re;
        to[2 * (size_t)i + 1] = im;
    }
}

/* to = transposed A from, 0 at the pins */
static void
apply_transposed(const System *system, const double *from, double *to)
{
    memset(to, 0, 2 * (size_t)system->n * sizeof *to);
    for (uint32_t i = 0; i < system->n_rows; i++) {
        const Row *row = &system->rows[i];
        const double *r = from + 2 * (size_t)i;
        for (int k = 0; k < 3; k++) {
            double *g = to + 2 * (size_t)row->corner[k];
            g[0] += row->w[k][0] * r[0] + row->w[k][1] * r[1];
            g[1] += row->w[k][0] * r[1] - row->w[k][1] * r[0];
        }
    }
    for (int i = 0; i < 2; i++)
        to[2 * (size_t)system->pins[i]] = to[2 * (size_t)system->pins[i] + 1] = 0;
}

/* Sum of gradient^2 / diagonal. */
static double
weighted_square(const System *system)
{
    double sum = 0;
    for (size_t v = 0; v < system->n; v++) {
        const double *g = system->gradient + 2 * v;
        if (system->diagonal[v] > 0)
            sum += (g[0] * g[0] + g[1] * g[1]) / system->diagonal[v];
    }
    return sum;
}

/* step = gradient / diagonal + keep * step */
static void
turn_step(System *system, double keep)
{
    for (size_t i = 0; i < 2 * (size_t)system->n; i++) {
        double diagonal = system->diagonal[i / 2];
        double fresh = diagonal > 0 ? system->gradient[i] / diagonal : 0;
        system->step[i] = fresh + keep * system->step[i];
    }
}

static bool
solve(System *system, GError **error)
{
    apply(system, system->x, system->residual);
    for (size_t i = 0; i < 2 * (size_t)system->n_rows; i++)
        system->residual[i] = -system->residual[i];
    apply_transposed(system, system->residual, system->gradient);
    double square = weighted_square(system), first = square;
    turn_step(system, 0);
    for (int i = 0; i < STEPS(system->n) && square > ENOUGH * first; i++) {
        double curvature = 0;
        apply(system, system->step, system->change);
        for (size_t k = 0; k < 2 * (size_t)system->n_rows; k++)
            curvature += system->change[k] * system->change[k];
        if (!(curvature > 0))
            break;
        double far = square / curvature, last = square;
        for (size_t k = 0; k < 2 * (size_t)system->n; k++)
            system->x[k] += far * system->step[k];
        for (size_t k = 0; k < 2 * (size_t)system->n_rows; k++)
            system->residual[k] -= far * system->change[k];
        apply_transposed(system, system->residual, system->gradient);
        square = weighted_square(system);
        turn_step(system, square / last);
        if (i % 16 == 0 && !orf_task_check(system->atlas->task, error))
            return false;
    }
    return true;
}

/* Writes the map, scaled so that its area is that of the surface. */
static void
write_back(const System *system, OrfAtlas *atlas, const uint32_t *local)
{
    const OrfChart *chart = system->chart;
    double area = 0, mapped = 0;
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++) {
        const uint32_t *t = atlas->triangles + 3 * (size_t)atlas->order[i];
        const double *a = system->x + 2 * (size_t)local[t[0]];
        const double *b = system->x + 2 * (size_t)local[t[1]];
        const double *c = system->x + 2 * (size_t)local[t[2]];
        mapped += fabs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) / 2;
        area += (double)atlas->areas[atlas->order[i]];
    }
    double scale = mapped > 0 ? sqrt(area / mapped) : 1;
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++)
        for (size_t c = 3 * (size_t)atlas->order[i]; c < 3 * (size_t)atlas->order[i] + 3; c++)
            for (size_t k = 0; k < 2; k++) {
                double at = scale * system->x[2 * (size_t)local[atlas->triangles[c]] + k];
                atlas->uv[2 * c + k] = isfinite(at) ? (float)at : 0;
            }
}

bool
orf_atlas_conform(OrfAtlas *atlas, uint32_t index, uint32_t *local, GError **error)
{
    const OrfChart *chart = orf_atlas_chart(atlas, index);
    g_auto(System) system = { .atlas = atlas, .chart = chart };
    system.n = number_vertices(atlas, chart, local);
    bool ok = allocate(&system, error);
    if (ok) {
        set_up(&system, local);
        ok = solve(&system, error);
    }
    if (ok)
        write_back(&system, atlas, local);
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++)
        for (size_t k = 0; k < 3; k++)
            local[atlas->triangles[3 * (size_t)atlas->order[i] + k]] = ORF_NO_HALF;
    return ok;
}
