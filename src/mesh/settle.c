/* settle.c - triangles that rounding left without an area.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A triangle whose third corner came to lie on its longest side hides a corner from the
 * neighbour across that side. Turning the side gives the neighbour the corner and leaves two
 * triangles with an area. Two corners at one place become one, where that joins nothing else.
 * Nothing moves. Those that touch wait for the next round. */
#include "mesh/mesh-priv.h"

#include <math.h>
#include <string.h>

#define ROUNDS 16

typedef struct {
    OrfMeshParts parts;
    OrfEdges edges;
    uint32_t *start, *corners; /* those of vertex v: corners[start[v]] .. */
    uint8_t *touched;          /* [n_vertices] in this round */
    uint8_t *gone;             /* [n_triangles] */
    size_t uv_room;
} Settling;

static void
settling_clear(Settling *s)
{
    orf_mesh_parts_clear(&s->parts);
    orf_edges_clear(&s->edges);
    orf_free(s->start);
    orf_free(s->corners);
    orf_free(s->touched);
    orf_free(s->gone);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Settling, settling_clear)

static const float *
at(const Settling *s, uint32_t v)
{
    return s->parts.positions + 3 * (size_t)v;
}

static bool
is_flat(const Settling *s, const uint32_t t[3])
{
    for (int axis = 0; axis < 3; axis++)
        if (orf_orient2d(at(s, t[0]), at(s, t[1]), at(s, t[2]), axis) != 0)
            return false;
    return true;
}

static double
length_of(const Settling *s, uint32_t a, uint32_t b)
{
    double sum = 0;
    for (int k = 0; k < 3; k++)
        sum += ((double)at(s, a)[k] - (double)at(s, b)[k]) *
               ((double)at(s, a)[k] - (double)at(s, b)[k]);
    return sqrt(sum);
}

/* The sides of the edge a, b; how many. */
static uint32_t
find_sides(const Settling *s, uint32_t a, uint32_t b, const OrfHalf **ret)
{
    uint32_t low = MIN(a, b), end = s->edges.start[low + 1];
    for (uint32_t i = s->edges.start[low], next; i < end; i = next) {
        next = orf_edge_end(s->edges.halves, i, end);
        if (s->edges.halves[i].other == MAX(a, b)) {
            *ret = s->edges.halves + i;
            return next - i;
        }
    }
    return 0;
}

/* Corner `to` takes the place of `from` on the way to `end`, by `share`. */
static bool
add_uv(Settling *s, OrfTask *task, uint32_t from, uint32_t end, double share, uint32_t *ret,
       GError **error)
{
    OrfMeshParts *parts = &s->parts;
    if (parts->n_uvs == s->uv_room) {
        size_t room = s->uv_room + 256;
        float *uvs = orf_task_realloc(task, parts->uvs, room, 8, "settle", error);
        if (!uvs)
            return false;
        parts->uvs = uvs;
        s->uv_room = room;
    }
    for (size_t k = 0; k < 2; k++) {
        double a = (double)parts->uvs[2 * (size_t)parts->uv_triangles[from] + k];
        double b = (double)parts->uvs[2 * (size_t)parts->uv_triangles[end] + k];
        parts->uvs[2 * parts->n_uvs + k] = (float)(a + share * (b - a));
    }
    *ret = (uint32_t)parts->n_uvs++;
    return true;
}

/* Corner a -> b of the flat triangle, whose corner c lies between; b -> a of the other. */
static bool
turn_side(Settling *s, OrfTask *task, uint32_t flat, uint32_t other, GError **error)
{
    OrfMeshParts *parts = &s->parts;
    uint32_t *t = parts->triangles, *u = parts->uv_triangles;
    uint32_t next = orf_next_corner(other), last = orf_next_corner(next);
    uint32_t a = t[flat], b = t[other], c = t[orf_next_corner(orf_next_corner(flat))],
             d = t[last], uv[4] = { 0 };
    double whole = length_of(s, a, b);
    if (u) {
        uv[0] = u[next];
        uv[1] = u[other];
        uv[3] = u[last];
        if (!add_uv(s, task, next, other, whole > 0 ? length_of(s, a, c) / whole : 0, &uv[2],
                    error))
            return false;
    }
    uint32_t first = 3 * (flat / 3), second = 3 * (other / 3);
    memcpy(t + first, (uint32_t[]){ a, d, c }, 12);
    memcpy(t + second, (uint32_t[]){ d, b, c }, 12);
    if (u) {
        memcpy(u + first, (uint32_t[]){ uv[0], uv[3], uv[2] }, 12);
        memcpy(u + second, (uint32_t[]){ uv[3], uv[1], uv[2] }, 12);
    }
    if (parts->groups)
        parts->groups[flat / 3] = parts->groups[other / 3];
    s->touched[a] = s->touched[b] = s->touched[c] = s->touched[d] = 1;
    return true;
}

/* Turns the longest side of a triangle when its neighbour allows it. */
static bool
settle_one(Settling *s, OrfTask *task, size_t i, size_t *turned, GError **error)
{
    const uint32_t *t = s->parts.triangles + 3 * i;
    const OrfHalf *sides = NULL, *across = NULL;
    uint32_t k = 0;
    for (uint32_t m = 1; m < 3; m++)
        if (length_of(s, t[m], t[(m + 1) % 3]) > length_of(s, t[k], t[(k + 1) % 3]))
            k = m;
    uint32_t flat = 3 * (uint32_t)i + k, a = t[k], b = t[(k + 1) % 3], c = t[(k + 2) % 3];
    if (find_sides(s, a, b, &sides) != 2)
        return true;
    uint32_t other = sides[0].half == flat ? sides[1].half : sides[0].half;
    uint32_t d = s->parts.triangles[orf_next_corner(orf_next_corner(other))];
    if (s->parts.triangles[other] != b || c == d || s->touched[a] || s->touched[b] ||
        s->touched[c] || s->touched[d] || find_sides(s, c, d, &across) > 0)
        return true;
    ++*turned;
    return turn_side(s, task, flat, other, error);
}

/* --- Two corners at one place ------------------------------------------------------------- */

static bool
list_corners(Settling *s, OrfTask *task, GError **error)
{
    size_t n = s->parts.n_vertices, n_corners = 3 * s->parts.n_triangles;
    const uint32_t *t = s->parts.triangles;
    if (!(s->start = ORF_ALLOC(task, uint32_t, n + 1, "settle", error)) ||
        !(s->corners = ORF_ALLOC(task, uint32_t, n_corners, "settle", error)))
        return false;
    for (size_t c = 0; c < n_corners; c++)
        s->start[t[c] + 1]++;
    for (size_t v = 0; v < n; v++)
        s->start[v + 1] += s->start[v];
    for (size_t c = n_corners; c-- > 0;) /* ends of the lists, moving to their beginnings */
        s->corners[--s->start[t[c] + 1]] = (uint32_t)c;
    memmove(s->start, s->start + 1, n * sizeof *s->start);
    s->start[n] = (uint32_t)n_corners;
    return true;
}

/* Marks the neighbours of a vertex with `mark`; how many of them had `had` before. */
static unsigned
mark_neighbours(Settling *s, uint32_t v, uint8_t had, uint8_t mark)
{
    unsigned n = 0;
    for (uint32_t i = s->start[v]; i < s->start[v + 1]; i++) {
        const uint32_t *t = s->parts.triangles + 3 * (size_t)(s->corners[i] / 3);
        for (int k = 0; k < 3; k++) {
            if (t[k] == v || s->touched[t[k]] != had)
                continue;
            s->touched[t[k]] = mark;
            n++;
        }
    }
    return n;
}

static bool
is_any_touched(const Settling *s, uint32_t v)
{
    for (uint32_t i = s->start[v]; i < s->start[v + 1]; i++) {
        const uint32_t *t = s->parts.triangles + 3 * (size_t)(s->corners[i] / 3);
        if (s->touched[t[0]] || s->touched[t[1]] || s->touched[t[2]])
            return true;
    }
    return false;
}

/* b becomes a, when only the two triangles between them hold both to a third (link condition:
 * Dey, Edelsbrunner, Guha and Nekhayev 1999). */
static bool
merge(Settling *s, uint32_t a, uint32_t b)
{
    const OrfHalf *sides;
    if (find_sides(s, a, b, &sides) != 2 || is_any_touched(s, a) || is_any_touched(s, b))
        return false;
    mark_neighbours(s, a, 0, 2);
    unsigned shared = mark_neighbours(s, b, 2, 3);
    mark_neighbours(s, b, 0, 1);
    if (shared != 2)
        return false;
    s->gone[sides[0].half / 3] = s->gone[sides[1].half / 3] = 1;
    for (uint32_t i = s->start[b]; i < s->start[b + 1]; i++)
        s->parts.triangles[s->corners[i]] = a;
    return true;
}

static void
drop_gone(Settling *s)
{
    OrfMeshParts *parts = &s->parts;
    size_t n = 0;
    for (size_t t = 0; t < parts->n_triangles; t++) {
        if (s->gone[t])
            continue;
        memmove(parts->triangles + 3 * n, parts->triangles + 3 * t, 12);
        if (parts->uv_triangles)
            memmove(parts->uv_triangles + 3 * n, parts->uv_triangles + 3 * t, 12);
        if (parts->groups)
            parts->groups[n] = parts->groups[t];
        n++;
    }
    parts->n_triangles = n;
}

/* --- Rounds ------------------------------------------------------------------------------- */

static bool
settle_any(Settling *s, OrfTask *task, size_t i, size_t *done, GError **error)
{
    const uint32_t *t = s->parts.triangles + 3 * i;
    for (int k = 0; k < 3; k++)
        if (length_of(s, t[k], t[(k + 1) % 3]) <= 0) {
            *done += merge(s, t[k], t[(k + 1) % 3]);
            return true;
        }
    return settle_one(s, task, i, done, error);
}

static bool
settling_init(Settling *s, OrfTask *task, const OrfMesh *mesh, GError **error)
{
    s->uv_room = orf_mesh_n_uvs(mesh);
    return orf_mesh_copy_parts(task, mesh, &s->parts, error) &&
           orf_edges_init(task, mesh, &s->edges, error) && list_corners(s, task, error) &&
           (s->touched =
                ORF_ALLOC(task, uint8_t, orf_mesh_n_vertices(mesh), "settle", error)) &&
           (s->gone = ORF_ALLOC(task, uint8_t, orf_mesh_n_triangles(mesh), "settle", error));
}

/* Vertices that were merged away are left out. */
static void
drop_merged(Settling *s)
{
    OrfMeshParts *parts = &s->parts;
    uint32_t n = 0, *number = s->start; /* no longer needed as it was */
    memset(s->touched, 0, parts->n_vertices);
    for (size_t c = 0; c < 3 * parts->n_triangles; c++)
        s->touched[parts->triangles[c]] = 1;
    for (size_t v = 0; v < parts->n_vertices; v++) {
        number[v] = n;
        if (!s->touched[v])
            continue;
        memmove(parts->positions + 3 * (size_t)n, parts->positions + 3 * v, 12);
        if (parts->colors)
            memmove(parts->colors + 4 * (size_t)n, parts->colors + 4 * v, 4);
        n++;
    }
    for (size_t c = 0; c < 3 * parts->n_triangles; c++)
        parts->triangles[c] = number[parts->triangles[c]];
    parts->n_vertices = n;
}

static OrfMesh *
settled_mesh(Settling *s, GError **error)
{
    drop_gone(s);
    drop_merged(s);
    return orf_mesh_new_take(&s->parts, error);
}

OrfMesh *
orf_mesh_settle(OrfTask *task, OrfMesh *mesh, GError **error)
{
    g_autoptr(OrfMesh) settled = orf_mesh_ref(mesh);
    for (int round = 0; round < ROUNDS; round++) {
        g_auto(Settling) s = { 0 };
        size_t done = 0;
        if (!settling_init(&s, task, settled, error))
            return NULL;
        for (size_t i = 0; i < s.parts.n_triangles; i++)
            if (!s.gone[i] && is_flat(&s, s.parts.triangles + 3 * i) &&
                !settle_any(&s, task, i, &done, error))
                return NULL;
        if (done == 0)
            break;
        OrfMesh *next = settled_mesh(&s, error);
        if (!next)
            return NULL;
        orf_mesh_unref(settled);
        settled = next;
    }
    return g_steal_pointer(&settled);
}
