/* hollow.c - a body becomes a shell of even thickness, with holes to drain it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The cavity is the body shrunk by the wall (offset.c); the outside stays as it was. Where the
 * body is thinner than two walls it stays solid. Holes go straight down from the lowest places
 * of the cavity: the first where it is lowest, others as far from those before as they can. */
#include "mesh/repair-priv.h"

#include <math.h>
#include <string.h>

#define SIDES 48  /* of a drain */
#define CRUMB 1.0 /* cubes of the wall: smaller cavities stay filled */
#define LOW 0.15  /* of the cavity's height: where further drains may begin */

/* --- The cavity --------------------------------------------------------------------------- */

/* Without the shells that are not worth it. */
static OrfMesh *
drop_crumbs(OrfTask *task, OrfMesh *cavity, double least, size_t *ret_n, GError **error)
{
    g_auto(OrfShells) shells = { 0 };
    size_t n = orf_mesh_n_triangles(cavity);
    if (!orf_shells_init(task, cavity, &shells, error))
        return NULL;
    orf_autofree uint8_t *side = ORF_ALLOC(task, uint8_t, n, "hollow", error);
    if (!side)
        return NULL;
    *ret_n = 0;
    for (size_t s = 0; s < shells.n; s++)
        *ret_n += shells.volume[s] > least;
    for (size_t t = 0; t < n; t++) /* 2: turned over, its outside is the cavity */
        side[t] = shells.volume[shells.of[t]] > least ? 2 : 0;
    return orf_repair_keep(task, cavity, side, error);
}

/* --- Drains ------------------------------------------------------------------------------- */

OrfMesh *
orf_mesh_prism(OrfTask *task, const double from[3], const double to[3], double radius,
               unsigned sides, GError **error)
{
    size_t n = 2 * (size_t)sides;
    g_auto(OrfMeshParts) parts = { .n_vertices = n + 2, .n_triangles = 2 * n };
    double axis[3], u[3], v[3], length = 0;
    for (int k = 0; k < 3; k++) {
        axis[k] = to[k] - from[k];
        length += axis[k] * axis[k];
    }
    length = sqrt(length);
    int least = 0;
    for (int k = 0; k < 3; k++) {
        axis[k] /= length;
        least = fabs(axis[k]) < fabs(axis[least]) ? k : least;
    }
    double off = 1 / sqrt(1 - axis[least] * axis[least]);
    for (int k = 0; k < 3; k++)
        u[k] = off * ((k == least) - axis[least] * axis[k]);
    for (int k = 0; k < 3; k++)
        v[k] = axis[(k + 1) % 3] * u[(k + 2) % 3] - axis[(k + 2) % 3] * u[(k + 1) % 3];
    if (!(parts.positions = ORF_ALLOC(task, float, 3 * (n + 2), "prism", error)) ||
        !(parts.triangles = ORF_ALLOC(task, uint32_t, 6 * n, "prism", error)))
        return NULL;
    for (unsigned i = 0; i < sides; i++)
        for (int end = 0; end < 2; end++)
            for (int k = 0; k < 3; k++)
                parts.positions[3 * (2 * i + (unsigned)end) + (unsigned)k] =
                    (float)((end ? to : from)[k] + radius * (cos(2 * G_PI * i / sides) * u[k] +
                                                             sin(2 * G_PI * i / sides) * v[k]));
    for (int k = 0; k < 3; k++) {
        parts.positions[3 * n + (size_t)k] = (float)from[k];
        parts.positions[3 * n + 3 + (size_t)k] = (float)to[k];
    }
    uint32_t *t = parts.triangles, bottom = (uint32_t)n, top = bottom + 1;
    for (uint32_t i = 0; i < sides; i++, t += 12) {
        uint32_t a = 2 * i, b = 2 * ((i + 1) % sides);
        memcpy(t, (uint32_t[]){ bottom, b, a, top, a + 1, b + 1, a, b, b + 1, a, b + 1, a + 1 },
               48);
    }
    return orf_mesh_new_take(&parts, error);
}

static double
distance_of(const float *a, const float *b)
{
    double x = (double)a[0] - (double)b[0], y = (double)a[1] - (double)b[1],
           z = (double)a[2] - (double)b[2];
    return sqrt(x * x + y * y + z * z);
}

/* The vertex where drain `i` begins: low, and far from those before. */
static size_t
find_low(const OrfMesh *cavity, const size_t *before, unsigned i)
{
    const float *p = orf_mesh_positions(cavity);
    float low[3], high[3];
    size_t best = 0;
    double most = -INFINITY;
    orf_mesh_bounds(cavity, low, high);
    double bottom = (double)low[1] + LOW * ((double)high[1] - (double)low[1]);
    float middle[3] = { (low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2 };
    double size = distance_of(low, high);
    for (size_t v = 0; v < orf_mesh_n_vertices(cavity); v++) {
        const float *at = p + 3 * v;
        double worth = -(double)at[1] - 1e-3 * distance_of(at, middle); /* the lowest */
        if (i > 0) {
            worth = (double)at[1] > bottom ? -INFINITY : size;
            for (unsigned b = 0; b < i && worth > -INFINITY; b++)
                worth = MIN(worth, distance_of(at, p + 3 * before[b]));
        }
        if (worth > most) {
            most = worth;
            best = v;
        }
    }
    return best;
}

static OrfMesh *
drain_at(OrfTask *task, const OrfMesh *cavity, const OrfTree *outside, size_t vertex,
         const OrfHollow *options, GError **error)
{
    const float *p = orf_mesh_positions(cavity) + 3 * vertex;
    double radius = options->drain_diameter / 2, down[3] = { 0, -1, 0 };
    double from[3] = { (double)p[0], (double)p[1], (double)p[2] },
           to[3] = { from[0], from[1], from[2] };
    double through = orf_tree_first_hit(outside, from, down, INFINITY, UINT32_MAX);
    from[1] -= (isfinite(through) ? through : options->wall) + radius + options->wall;
    to[1] += MIN(radius, options->wall) + 0.05 * options->wall;
    return orf_mesh_prism(task, from, to, radius, SIDES, error);
}

static void
mesh_unref(void *mesh)
{
    orf_mesh_unref(mesh);
}

static OrfMesh *
drain(OrfTask *task, OrfMesh *shell, const OrfMesh *cavity, const OrfTree *outside,
      const OrfHollow *options, GError **error)
{
    g_autoptr(GPtrArray) bodies = g_ptr_array_new_with_free_func(mesh_unref);
    g_autofree size_t *begin = g_new(size_t, options->n_drains);
    g_ptr_array_add(bodies, orf_mesh_ref(shell));
    for (unsigned i = 0; i < options->n_drains; i++) {
        begin[i] = find_low(cavity, begin, i);
        OrfMesh *hole = drain_at(task, cavity, outside, begin[i], options, error);
        if (!hole)
            return NULL;
        g_ptr_array_add(bodies, hole);
    }
    return orf_mesh_boolean(task, (OrfMesh **)bodies->pdata, bodies->len, ORF_DIFFERENCE, NULL,
                            error);
}

/* --- How thick it came out ---------------------------------------------------------------- */

static void
measure_wall(const OrfMesh *cavity, const OrfTree *outside, OrfHollowReport *report)
{
    const float *p = orf_mesh_positions(cavity);
    const uint32_t *t = orf_mesh_triangles(cavity);
    double sum = 0, least = INFINITY;
    size_t n = orf_mesh_n_triangles(cavity), step = n / 20000 + 1, seen = 0;
    for (size_t i = 0; i < n; i += step, seen++) {
        double middle[3] = { 0 };
        for (size_t c = 0; c < 3; c++)
            for (size_t k = 0; k < 3; k++)
                middle[k] += (double)p[3 * (size_t)t[3 * i + c] + k] / 3;
        double d = orf_tree_nearest(outside, middle, INFINITY, NULL, NULL);
        sum += d;
        least = MIN(least, d);
    }
    report->wall_mean = seen ? sum / (double)seen : 0;
    report->wall_least = seen ? least : 0;
}

static const OrfStep steps[] = { { "offset", 70 }, { "drain", 30 } };

OrfMesh *
orf_mesh_hollow(OrfTask *task, OrfMesh *mesh, const OrfHollow *options,
                OrfHollowReport *ret_report, GError **error)
{
    OrfHollowReport report = { 0 };
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    OrfTask *step = orf_task_step(task);
    g_autoptr(OrfMesh) inner =
        orf_mesh_offset(step, mesh, ORF_OFFSET_INWARDS, options->wall, error);
    double least = CRUMB * options->wall * options->wall * options->wall;
    g_autoptr(OrfMesh) cavity =
        inner ? drop_crumbs(step, inner, least, &report.cavities, error) : NULL;
    if (!cavity)
        return NULL;
    if (orf_mesh_n_triangles(cavity) == 0)
        return ORF_FAIL(error, BAD_INPUT,
                        "hollow: no part is thicker than two walls of %.3g mm; ask for a "
                        "thinner wall",
                        options->wall);
    g_autoptr(OrfTree) outside =
        orf_tree_new(step, orf_mesh_positions(mesh), orf_mesh_triangles(mesh),
                     orf_mesh_n_triangles(mesh), error);
    if (!outside)
        return NULL;
    measure_wall(cavity, outside, &report);
    g_autoptr(OrfMesh) like = orf_mesh_dressed_like(step, cavity, mesh, error);
    OrfMesh *const both[] = { mesh, like };
    g_autoptr(OrfMesh) shell = like ? orf_mesh_join(step, both, 2, false, error) : NULL;
    step = orf_task_step(task);
    if (!shell)
        return NULL;
    if (ret_report)
        *ret_report = report;
    return options->n_drains ? drain(step, shell, cavity, outside, options, error)
                             : g_steal_pointer(&shell);
}
