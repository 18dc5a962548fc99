/* section.c - a body cut by a plane into two closed ones that fit together again.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each half is what the body and a large box on that side share, or do not, so both get the
 * same cap (boolean.c). Pegs stand where the cap is widest: on a grid over it, the place
 * farthest from its rim, then the next, away from those before. */
#include "mesh/mesh-priv.h"

#include <math.h>
#include <string.h>

#define GRID 64  /* places along the longer side of a cap that a peg may take */
#define SIDES 32 /* of a peg */
#define RIM 0.6  /* of a peg's radius that is left round its hole */

typedef struct {
    OrfTask *task;
    const OrfSection *options;
    double normal[3], u[3], v[3]; /* of length 1, at right angles */
    double reach;                 /* mm: more than the body extends */
    double middle[3];             /* of the body, moved into the plane */
} Section;

/* --- The plane ---------------------------------------------------------------------------- */

static double
dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static bool
set_plane(Section *s, const OrfMesh *mesh, GError **error)
{
    float low[3], high[3];
    double length = sqrt(dot(s->options->normal, s->options->normal));
    if (!(length > 1e-9))
        return ORF_FALSE(error, BAD_INPUT, "cut: the normal of the plane has no length");
    orf_mesh_bounds(mesh, low, high);
    int least = 0;
    for (int k = 0; k < 3; k++) {
        s->normal[k] = s->options->normal[k] / length;
        least = fabs(s->normal[k]) < fabs(s->normal[least]) ? k : least;
        s->middle[k] = ((double)low[k] + (double)high[k]) / 2;
        s->reach += ((double)high[k] - (double)low[k]) * 1.01;
    }
    double off = 1 / sqrt(1 - s->normal[least] * s->normal[least]);
    for (int k = 0; k < 3; k++)
        s->u[k] = off * ((k == least) - s->normal[least] * s->normal[k]);
    for (int k = 0; k < 3; k++)
        s->v[k] = s->normal[(k + 1) % 3] * s->u[(k + 2) % 3] -
                  s->normal[(k + 2) % 3] * s->u[(k + 1) % 3];
    double lift = s->options->offset - dot(s->normal, s->middle);
    for (int k = 0; k < 3; k++)
        s->middle[k] += lift * s->normal[k];
    return true;
}

/* A box over the plane that holds all of the body there. */
static OrfMesh *
upper_box(const Section *s, GError **error)
{
    static const uint32_t triangles[36] = { 0, 1, 3, 0, 3, 2, 4, 6, 7, 4, 7, 5,
                                            0, 4, 5, 0, 5, 1, 2, 3, 7, 2, 7, 6,
                                            0, 2, 6, 0, 6, 4, 1, 5, 7, 1, 7, 3 };
    g_auto(OrfMeshParts) parts = { .n_vertices = 8, .n_triangles = 12 };
    if (!(parts.positions = ORF_ALLOC(s->task, float, 24, "cut", error)) ||
        !(parts.triangles = ORF_ALLOC(s->task, uint32_t, 36, "cut", error)))
        return NULL;
    for (int i = 0; i < 8; i++) /* u, v, normal are right-handed */
        for (int k = 0; k < 3; k++)
            parts.positions[3 * i + k] =
                (float)(s->middle[k] + (i & 4 ? s->reach : -s->reach) * s->u[k] +
                        (i & 2 ? s->reach : -s->reach) * s->v[k] +
                        (i & 1 ? s->reach : 0) * s->normal[k]);
    memcpy(parts.triangles, triangles, sizeof triangles);
    return orf_mesh_new_take(&parts, error);
}

/* --- Places for pegs ---------------------------------------------------------------------- */

typedef struct {
    double x, y;
} Flat;

typedef struct {
    const Section *s;
    GArray *triangles; /* of Flat[3] */
    GArray *rim;       /* of Flat[2] */
    Flat low, high;
} Cap;

static Flat
flat_of(const Section *s, const float *p)
{
    double d[3];
    for (int k = 0; k < 3; k++)
        d[k] = (double)p[k] - s->middle[k];
    return (Flat){ dot(d, s->u), dot(d, s->v) };
}

static bool
lies_in_plane(const Section *s, const OrfMesh *half, const uint32_t t[3])
{
    for (int k = 0; k < 3; k++) {
        const float *p = orf_mesh_positions(half) + 3 * (size_t)t[k];
        double d[3] = { (double)p[0] - s->middle[0], (double)p[1] - s->middle[1],
                        (double)p[2] - s->middle[2] };
        if (fabs(dot(d, s->normal)) > 1e-5 * s->reach)
            return false;
    }
    return true;
}

static bool
list_cap(Cap *cap, const OrfMesh *half, GError **error)
{
    const Section *s = cap->s;
    size_t n = orf_mesh_n_triangles(half);
    const uint32_t *t = orf_mesh_triangles(half);
    g_auto(OrfEdges) edges = { 0 };
    orf_autofree uint8_t *in_cap = ORF_ALLOC(s->task, uint8_t, n, "cut", error);
    if (!in_cap || !orf_edges_init(s->task, half, &edges, error))
        return false;
    for (size_t i = 0; i < n; i++)
        in_cap[i] = lies_in_plane(s, half, t + 3 * i);
    for (size_t i = 0; i < n; i++) {
        if (!in_cap[i])
            continue;
        Flat corner[3];
        for (size_t k = 0; k < 3; k++) {
            Flat f = corner[k] =
                flat_of(s, orf_mesh_positions(half) + 3 * (size_t)t[3 * i + k]);
            cap->low = (Flat){ MIN(cap->low.x, f.x), MIN(cap->low.y, f.y) };
            cap->high = (Flat){ MAX(cap->high.x, f.x), MAX(cap->high.y, f.y) };
        }
        g_array_append_vals(cap->triangles, corner, 3);
    }
    for (size_t v = 0; v < orf_mesh_n_vertices(half); v++)
        for (uint32_t i = edges.start[v], end; i < edges.start[v + 1]; i = end) {
            unsigned inside = 0;
            end = orf_edge_end(edges.halves, i, edges.start[v + 1]);
            for (uint32_t j = i; j < end; j++)
                inside += in_cap[edges.halves[j].half / 3];
            if (inside == 0 || inside == end - i)
                continue;
            Flat side[2] = { flat_of(s, orf_mesh_positions(half) + 3 * v),
                             flat_of(s, orf_mesh_positions(half) +
                                            3 * (size_t)edges.halves[i].other) };
            g_array_append_vals(cap->rim, side, 2);
        }
    return true;
}

static double
turn_of(Flat a, Flat b, Flat c)
{
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

static bool
is_on_cap(const Cap *cap, Flat p)
{
    const Flat *t = (const Flat *)cap->triangles->data;
    for (guint i = 0; i < cap->triangles->len; i += 3) {
        double a = turn_of(t[i], t[i + 1], p), b = turn_of(t[i + 1], t[i + 2], p),
               c = turn_of(t[i + 2], t[i], p);
        if ((a >= 0 && b >= 0 && c >= 0) || (a <= 0 && b <= 0 && c <= 0))
            return true;
    }
    return false;
}

static double
rim_distance(const Cap *cap, Flat p)
{
    const Flat *side = (const Flat *)cap->rim->data;
    double least = INFINITY;
    for (guint i = 0; i < cap->rim->len; i += 2) {
        double x = side[i + 1].x - side[i].x, y = side[i + 1].y - side[i].y;
        double length = x * x + y * y;
        double share =
            length > 0 ? ((p.x - side[i].x) * x + (p.y - side[i].y) * y) / length : 0;
        share = CLAMP(share, 0, 1);
        least = MIN(least, hypot(side[i].x + share * x - p.x, side[i].y + share * y - p.y));
    }
    return least;
}

static bool
best_place(const Cap *cap, const GArray *taken, double needs, Flat *ret)
{
    double step = MAX(cap->high.x - cap->low.x, cap->high.y - cap->low.y) / GRID, most = needs;
    bool found = false;
    for (double y = cap->low.y + step / 2; step > 0 && y < cap->high.y; y += step)
        for (double x = cap->low.x + step / 2; x < cap->high.x; x += step) {
            Flat p = { x, y };
            double worth = INFINITY;
            for (guint i = 0; i < taken->len; i++) {
                Flat other = g_array_index(taken, Flat, i);
                worth = MIN(worth, hypot(other.x - x, other.y - y) / 2);
            }
            if (worth > most)
                worth = MIN(worth, rim_distance(cap, p));
            if (worth > most && is_on_cap(cap, p)) {
                most = worth;
                *ret = p;
                found = true;
            }
        }
    return found;
}

static GArray *
find_places(const Section *s, const OrfMesh *half, GError **error)
{
    g_autoptr(GArray) triangles = g_array_new(false, false, sizeof(Flat));
    g_autoptr(GArray) rim = g_array_new(false, false, sizeof(Flat));
    g_autoptr(GArray) places = g_array_new(false, false, sizeof(Flat));
    Cap cap = { s, triangles, rim, { INFINITY, INFINITY }, { -INFINITY, -INFINITY } };
    double needs = s->options->diameter / 2 * (1 + RIM) + s->options->clearance;
    if (!list_cap(&cap, half, error))
        return NULL;
    for (unsigned i = 0; i < s->options->n_pegs; i++) {
        Flat place;
        if (!orf_task_check(s->task, error))
            return NULL;
        if (!best_place(&cap, places, needs, &place))
            break;
        g_array_append_val(places, place);
    }
    return g_steal_pointer(&places);
}

/* --- Pegs --------------------------------------------------------------------------------- */

static void
mesh_unref(void *mesh)
{
    orf_mesh_unref(mesh);
}

/* The half with cylinders added or taken away at all places, from `begin` to `end` mm over the
 * plane. */
static OrfMesh *
with_pegs(const Section *s, OrfMesh *half, const GArray *places, OrfBooleanKind kind,
          double radius, double begin, double end, GError **error)
{
    g_autoptr(GPtrArray) bodies = g_ptr_array_new_with_free_func(mesh_unref);
    g_ptr_array_add(bodies, orf_mesh_ref(half));
    for (guint i = 0; i < places->len; i++) {
        Flat at = g_array_index(places, Flat, i);
        double from[3], to[3];
        for (int k = 0; k < 3; k++) {
            double foot = s->middle[k] + at.x * s->u[k] + at.y * s->v[k];
            from[k] = foot + begin * s->normal[k];
            to[k] = foot + end * s->normal[k];
        }
        OrfMesh *peg = orf_mesh_prism(s->task, from, to, radius, SIDES, error);
        if (!peg)
            return NULL;
        g_ptr_array_add(bodies, peg);
    }
    return orf_mesh_boolean(s->task, (OrfMesh **)bodies->pdata, bodies->len, kind, NULL, error);
}

/* Pegs stand on the lower half and go into the upper one; dowels go into both. */
static bool
set_pegs(const Section *s, OrfMesh *halves[2], unsigned *ret_n, GError **error)
{
    const OrfSection *o = s->options;
    g_autoptr(GArray) places = find_places(s, halves[0], error);
    if (!places)
        return false;
    *ret_n = places->len;
    if (places->len == 0)
        return true;
    double radius = o->diameter / 2, wide = radius + o->clearance,
           deep = o->depth + o->clearance;
    OrfMesh *lower =
        o->dowels ? with_pegs(s, halves[0], places, ORF_DIFFERENCE, wide, -deep, deep, error)
                  : with_pegs(s, halves[0], places, ORF_UNION, radius, -o->depth / 2, o->depth,
                              error);
    OrfMesh *upper =
        lower ? with_pegs(s, halves[1], places, ORF_DIFFERENCE, wide, -deep, deep, error)
              : NULL;
    if (!upper) {
        orf_mesh_unref(lower);
        return false;
    }
    orf_mesh_unref(halves[0]);
    orf_mesh_unref(halves[1]);
    halves[0] = lower;
    halves[1] = upper;
    return true;
}

bool
orf_mesh_section(OrfTask *task, OrfMesh *mesh, const OrfSection *options,
                 OrfMesh *ret_halves[2], unsigned *ret_pegs, GError **error)
{
    Section s = { .task = task, .options = options };
    OrfMesh *halves[2] = { NULL, NULL };
    unsigned pegs = 0;
    if (!set_plane(&s, mesh, error))
        return false;
    g_autoptr(OrfMesh) box = upper_box(&s, error);
    OrfMesh *const both[] = { mesh, box };
    if (!box)
        return false;
    halves[0] = orf_mesh_boolean(task, both, 2, ORF_DIFFERENCE, NULL, error);
    halves[1] =
        halves[0] ? orf_mesh_boolean(task, both, 2, ORF_INTERSECTION, NULL, error) : NULL;
    bool whole = !halves[1] || orf_mesh_n_triangles(halves[0]) == 0 ||
                 orf_mesh_n_triangles(halves[1]) == 0;
    if (!halves[1] || (!whole && options->n_pegs && !set_pegs(&s, halves, &pegs, error))) {
        orf_mesh_unref(halves[0]);
        orf_mesh_unref(halves[1]);
        return false;
    }
    ret_halves[0] = halves[0];
    ret_halves[1] = halves[1];
    if (ret_pegs)
        *ret_pegs = pegs;
    return true;
}
