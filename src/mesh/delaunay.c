/* delaunay.c - Delaunay triangles of points on an integer grid.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Points are inserted one by one into a square frame that no point touches: walk from the last
 * place to the face of the new point, split it in three, then flip edges that violate the empty
 * circle until none is left (Lawson 1977; the star of the new point is walked as in Guibas and
 * Stolfi 1985). All tests are exact, so the walk ends and every face keeps a positive area. The
 * caller sorts the points so that neighbours follow each other: then a walk takes a few steps.
 */
#include "planar-priv.h"

#define FRAME (1 << 30) /* side of the frame */
#define CHECK_EVERY 8192

static inline OrfGridPoint
point_at(const OrfCdt *cdt, uint32_t v)
{
    return cdt->points[v];
}

static inline int64_t
side_of(const OrfCdt *cdt, uint32_t e, OrfGridPoint p)
{
    return orf_cdt_side(point_at(cdt, orf_cdt_from(cdt, e)), point_at(cdt, orf_cdt_to(cdt, e)),
                        p);
}

/* Two faces: corners 0, 1, 2 and 0, 2, 3 of the frame. */
static void
make_frame(OrfCdt *cdt)
{
    uint32_t n = cdt->n_points;
    cdt->points[n] = (OrfGridPoint){ 0, 0 };
    cdt->points[n + 1] = (OrfGridPoint){ FRAME, 0 };
    cdt->points[n + 2] = (OrfGridPoint){ FRAME, FRAME };
    cdt->points[n + 3] = (OrfGridPoint){ 0, FRAME };
    cdt->faces[0] =
        (OrfFace){ { n, n + 1, n + 2 }, 0, { ORF_NO_EDGE, ORF_NO_EDGE, ORF_NO_EDGE }, 0 };
    cdt->faces[1] =
        (OrfFace){ { n, n + 2, n + 3 }, 0, { ORF_NO_EDGE, ORF_NO_EDGE, ORF_NO_EDGE }, 0 };
    orf_cdt_link(cdt, 2, 4);
    cdt->n_faces = 2;
    cdt->hint = 0;
}

/* Visibility walk: an edge of the face that holds p; p lies left of it or on it. */
static uint32_t
walk_to(const OrfCdt *cdt, OrfGridPoint p)
{
    uint32_t e = cdt->hint;
    if (side_of(cdt, e, p) < 0)
        e = orf_cdt_twin(cdt, e);
    for (;;) {
        uint32_t n = orf_cdt_next(e), m = orf_cdt_prev(e);
        if (side_of(cdt, n, p) < 0)
            e = orf_cdt_twin(cdt, n);
        else if (side_of(cdt, m, p) < 0)
            e = orf_cdt_twin(cdt, m);
        else
            return e;
    }
}

/* Turns the diagonal of the two faces at e = a->b by one step: with apexes c (face of e) and d,
 * e becomes d->b in face (d, b, c) and its twin becomes c->a in face (c, a, d). */
static void
flip(OrfCdt *cdt, uint32_t e)
{
    uint32_t f = orf_cdt_twin(cdt, e), em = orf_cdt_prev(e), fm = orf_cdt_prev(f);
    uint32_t c = orf_cdt_from(cdt, em), d = orf_cdt_from(cdt, fm);
    uint32_t beyond_em = orf_cdt_twin(cdt, em), beyond_fm = orf_cdt_twin(cdt, fm);
    cdt->faces[e >> 2].from[e & 3] = d;
    cdt->faces[f >> 2].from[f & 3] = c;
    orf_cdt_link(cdt, e, beyond_fm);
    orf_cdt_link(cdt, f, beyond_em);
    orf_cdt_link(cdt, em, fm);
}

/* Splits the face of e = a->b into three around v; e keeps its place, opposite v. */
static void
split_face(OrfCdt *cdt, uint32_t e, uint32_t v)
{
    uint32_t n = orf_cdt_next(e), m = orf_cdt_prev(e), t1 = cdt->n_faces++, t2 = cdt->n_faces++;
    uint32_t a = orf_cdt_from(cdt, e), b = orf_cdt_from(cdt, n), c = orf_cdt_from(cdt, m);
    cdt->faces[t1] = (OrfFace){ { b, c, v }, 0, { 0 }, 0 };
    cdt->faces[t2] = (OrfFace){ { c, a, v }, 0, { 0 }, 0 };
    orf_cdt_link(cdt, 4 * t1, orf_cdt_twin(cdt, n));
    orf_cdt_link(cdt, 4 * t2, orf_cdt_twin(cdt, m));
    cdt->faces[m >> 2].from[m & 3] = v;
    orf_cdt_link(cdt, n, 4 * t1 + 2);
    orf_cdt_link(cdt, 4 * t1 + 1, 4 * t2 + 2);
    orf_cdt_link(cdt, 4 * t2 + 1, m);
}

/* Goes once round v, whose link contains e, and flips what violates the empty circle. */
static void
legalise(OrfCdt *cdt, uint32_t e, uint32_t v)
{
    uint32_t start = orf_cdt_from(cdt, e);
    OrfGridPoint p = point_at(cdt, v);
    do {
        uint32_t f = orf_cdt_twin(cdt, e);
        if (f != ORF_NO_EDGE &&
            orf_cdt_in_circle(point_at(cdt, orf_cdt_from(cdt, e)),
                              point_at(cdt, orf_cdt_to(cdt, e)), p,
                              point_at(cdt, orf_cdt_from(cdt, orf_cdt_prev(f))))) {
            flip(cdt, e);
            e = orf_cdt_next(f);
        } else {
            e = orf_cdt_next(orf_cdt_twin(cdt, orf_cdt_next(e)));
            if (orf_cdt_from(cdt, e) == start)
                break;
        }
    } while (true);
    cdt->hint = e;
}

/* Returns the point v stands for: itself, or an earlier one at the same place. */
static uint32_t
insert(OrfCdt *cdt, uint32_t v)
{
    OrfGridPoint p = point_at(cdt, v);
    uint32_t e = walk_to(cdt, p);
    for (int k = 0; k < 3; k++, e = orf_cdt_next(e)) {
        uint32_t corner = orf_cdt_from(cdt, e);
        if (point_at(cdt, corner).x == p.x && point_at(cdt, corner).y == p.y)
            return corner;
    }
    bool on_edge = false;
    for (int k = 0; k < 3 && !on_edge; k++) {
        on_edge = side_of(cdt, e, p) == 0;
        e = on_edge ? e : orf_cdt_next(e);
    }
    split_face(cdt, e, v);
    if (on_edge) /* the face at e is flat: give it the one beyond */
        flip(cdt, e);
    legalise(cdt, e, v);
    return v;
}

static void
note_edges(OrfCdt *cdt)
{
    for (uint32_t t = 0; t < cdt->n_faces; t++)
        for (uint32_t k = 0; k < 3; k++)
            cdt->edge_at[cdt->faces[t].from[k]] = 4 * t + k;
}

bool
orf_cdt_init(OrfCdt *cdt, OrfTask *task, OrfGridPoint *points, uint32_t n_points,
             uint32_t *ret_same, GError **error)
{
    *cdt = (OrfCdt){ .task = task, .points = points, .n_points = n_points };
    cdt->faces = ORF_ALLOC(task, OrfFace, 2 * (size_t)n_points + 2, "triangulation", error);
    if (!cdt->faces)
        return false;
    cdt->edge_at = ORF_ALLOC(task, uint32_t, (size_t)n_points + 4, "triangulation", error);
    if (!cdt->edge_at)
        return false;
    make_frame(cdt);
    for (uint32_t v = 0; v < n_points; v++) {
        if (v % CHECK_EVERY == 0 && !orf_task_check(task, error))
            return false;
        ret_same[v] = insert(cdt, v);
    }
    note_edges(cdt);
    return true;
}

void
orf_cdt_clear(OrfCdt *cdt)
{
    orf_free(g_steal_pointer(&cdt->points));
    orf_free(g_steal_pointer(&cdt->faces));
    orf_free(g_steal_pointer(&cdt->edge_at));
}
