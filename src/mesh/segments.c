/* segments.c - forces segments into a Delaunay triangulation.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The faces that a segment crosses are taken out; what they leave are two pseudo-polygons, one
 * on each side, with the segment as common base. Each is filled again by choosing for a base
 * the apex whose circle holds no other point of the chain, then the two chains beside it
 * (Anglada 1997). The new faces take the slots of the old ones and are constrained Delaunay at
 * once. */
#include "planar-priv.h"

#include <stdlib.h>

typedef struct {
    uint64_t key;  /* from << 32 | to */
    uint32_t edge; /* old edges: what lay beyond; new edges: their slot */
    bool fixed;
} DirectedEdge;

/* Faces still to be made: base u->v with the chain items lo..hi-1 on its left. */
typedef struct {
    uint32_t u, v;
    size_t lo, hi;
} Pocket;

typedef struct {
    OrfVec faces;       /* uint32_t: slots of the faces taken out */
    OrfVec left, right; /* uint32_t: the chains, from a to c */
    OrfVec old, fresh;  /* DirectedEdge */
    OrfVec pockets;     /* Pocket */
    uint32_t a, c;
    size_t made; /* faces refilled so far */
} Cavity;

static void
cavity_clear(Cavity *cavity)
{
    orf_vec_clear(&cavity->faces);
    orf_vec_clear(&cavity->left);
    orf_vec_clear(&cavity->right);
    orf_vec_clear(&cavity->old);
    orf_vec_clear(&cavity->fresh);
    orf_vec_clear(&cavity->pockets);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Cavity, cavity_clear)

static bool
push(OrfCdt *cdt, OrfVec *vec, uint32_t value, GError **error)
{
    uint32_t *item = orf_vec_add(cdt->task, vec, 1, "triangulation", error);
    if (!item)
        return false;
    *item = value;
    return true;
}

uint32_t
orf_cdt_edge_towards(const OrfCdt *cdt, uint32_t a, uint32_t b, uint32_t *ret_across)
{
    OrfGridPoint pa = cdt->points[a], pb = cdt->points[b];
    uint32_t e = cdt->edge_at[a];
    for (;;) {
        uint32_t d = orf_cdt_to(cdt, e), back = orf_cdt_prev(e);
        OrfGridPoint pd = cdt->points[d], pl = cdt->points[orf_cdt_from(cdt, back)];
        int64_t side = orf_cdt_side(pa, pd, pb);
        if (side == 0 &&
            (int64_t)(pb.x - pa.x) * (pd.x - pa.x) + (int64_t)(pb.y - pa.y) * (pd.y - pa.y) > 0)
            return e;
        if (side > 0 && orf_cdt_side(pa, pl, pb) < 0) {
            *ret_across = orf_cdt_next(e);
            return ORF_NO_EDGE;
        }
        e = orf_cdt_twin(cdt, back);
    }
}

static void
fix(OrfCdt *cdt, uint32_t e)
{
    uint32_t f = orf_cdt_twin(cdt, e);
    cdt->faces[e >> 2].fixed |= 1U << (e & 3);
    cdt->faces[f >> 2].fixed |= 1U << (f & 3);
}

/* Walks from the first crossed edge to the first point on the segment: faces and chains. */
static bool
collect(OrfCdt *cdt, Cavity *cavity, uint32_t across, uint32_t b, GError **error)
{
    OrfGridPoint pa = cdt->points[cavity->a], pb = cdt->points[b];
    bool ok = push(cdt, &cavity->faces, across >> 2, error) &&
              push(cdt, &cavity->right, orf_cdt_from(cdt, across), error) &&
              push(cdt, &cavity->left, orf_cdt_to(cdt, across), error);
    while (ok) {
        if (orf_cdt_fixed(cdt, across)) {
            cdt->crossed[0] = orf_cdt_from(cdt, across);
            cdt->crossed[1] = orf_cdt_to(cdt, across);
            return false;
        }
        uint32_t entry = orf_cdt_twin(cdt, across);
        uint32_t apex = orf_cdt_from(cdt, orf_cdt_prev(entry));
        int64_t side = orf_cdt_side(pa, pb, cdt->points[apex]);
        ok = push(cdt, &cavity->faces, entry >> 2, error);
        if (side == 0) {
            cavity->c = apex;
            return ok;
        }
        ok = ok && push(cdt, side > 0 ? &cavity->left : &cavity->right, apex, error);
        across = side > 0 ? orf_cdt_next(entry) : orf_cdt_prev(entry);
    }
    return false;
}

static void
reverse(uint32_t *items, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        uint32_t held = items[i];
        items[i] = items[n - 1 - i];
        items[n - 1 - i] = held;
    }
}

static size_t
choose_apex(const OrfCdt *cdt, const Pocket *pocket, const uint32_t *chain)
{
    size_t best = pocket->lo;
    for (size_t i = pocket->lo + 1; i < pocket->hi; i++)
        if (orf_cdt_in_circle(cdt->points[pocket->u], cdt->points[pocket->v],
                              cdt->points[chain[best]], cdt->points[chain[i]]))
            best = i;
    return best;
}

static bool
push_pocket(OrfCdt *cdt, Cavity *cavity, Pocket pocket, GError **error)
{
    if (pocket.lo == pocket.hi)
        return true;
    Pocket *item = orf_vec_add(cdt->task, &cavity->pockets, 1, "triangulation", error);
    if (!item)
        return false;
    *item = pocket;
    return true;
}

/* Fills the polygon on the left of u->v, whose other corners are the chain from u to v. */
static bool
refill(OrfCdt *cdt, Cavity *cavity, uint32_t u, uint32_t v, const OrfVec *chain, GError **error)
{
    const uint32_t *corners = chain->data, *slots = cavity->faces.data;
    bool ok = push_pocket(cdt, cavity, (Pocket){ u, v, 0, chain->n }, error);
    while (ok && cavity->pockets.n) {
        Pocket pocket = ((Pocket *)cavity->pockets.data)[--cavity->pockets.n];
        size_t best = choose_apex(cdt, &pocket, corners);
        uint32_t apex = corners[best];
        cdt->faces[slots[cavity->made++]] =
            (OrfFace){ { pocket.u, pocket.v, apex }, 0, { 0 }, 0 };
        ok = push_pocket(cdt, cavity, (Pocket){ pocket.u, apex, pocket.lo, best }, error) &&
             push_pocket(cdt, cavity, (Pocket){ apex, pocket.v, best + 1, pocket.hi }, error) &&
             orf_task_check(cdt->task, error);
    }
    return ok;
}

/* --- Sewing the new faces in -------------------------------------------------------------- */

static int
by_key(const void *a, const void *b)
{
    uint64_t ka = ((const DirectedEdge *)a)->key, kb = ((const DirectedEdge *)b)->key;
    return (ka > kb) - (ka < kb);
}

/* All edges of the cavity's faces, sorted; with `beyond` their twins, else their own slots. */
static bool
list_edges(OrfCdt *cdt, const OrfVec *faces, bool beyond, OrfVec *ret_edges, GError **error)
{
    const uint32_t *slots = faces->data;
    DirectedEdge *edges =
        orf_vec_add(cdt->task, ret_edges, 3 * faces->n, "triangulation", error);
    if (!edges)
        return false;
    for (size_t i = 0; i < 3 * faces->n; i++) {
        uint32_t e = 4 * slots[i / 3] + (uint32_t)(i % 3);
        uint64_t from = orf_cdt_from(cdt, e), to = orf_cdt_to(cdt, e);
        edges[i] = (DirectedEdge){ from << 32 | to, beyond ? orf_cdt_twin(cdt, e) : e,
                                   orf_cdt_fixed(cdt, e) };
    }
    qsort(edges, 3 * faces->n, sizeof *edges, by_key);
    return true;
}

static const DirectedEdge *
find(const OrfVec *edges, uint64_t key)
{
    DirectedEdge wanted = { .key = key };
    return bsearch(&wanted, edges->data, edges->n, sizeof wanted, by_key);
}

static void
sew(OrfCdt *cdt, const Cavity *cavity)
{
    const DirectedEdge *fresh = cavity->fresh.data;
    for (size_t i = 0; i < cavity->fresh.n; i++) {
        uint32_t e = fresh[i].edge;
        const DirectedEdge *opposite =
            find(&cavity->fresh, fresh[i].key << 32 | fresh[i].key >> 32);
        const DirectedEdge *old = find(&cavity->old, fresh[i].key);
        orf_cdt_link(cdt, e, opposite ? opposite->edge : old->edge);
        if (old && old->fixed)
            cdt->faces[e >> 2].fixed |= 1U << (e & 3);
        cdt->edge_at[fresh[i].key >> 32] = e;
    }
}

/* Opens the way from a to the first point c on a->b. */
static bool
open_way(OrfCdt *cdt, uint32_t a, uint32_t b, uint32_t across, GError **error)
{
    g_auto(Cavity) cavity = { .faces.item = sizeof(uint32_t),
                              .left.item = sizeof(uint32_t),
                              .right.item = sizeof(uint32_t),
                              .old.item = sizeof(DirectedEdge),
                              .fresh.item = sizeof(DirectedEdge),
                              .pockets.item = sizeof(Pocket),
                              .a = a };
    if (!collect(cdt, &cavity, across, b, error) ||
        !list_edges(cdt, &cavity.faces, true, &cavity.old, error))
        return false;
    reverse(cavity.right.data, cavity.right.n);
    if (!refill(cdt, &cavity, a, cavity.c, &cavity.left, error) ||
        !refill(cdt, &cavity, cavity.c, a, &cavity.right, error) ||
        !list_edges(cdt, &cavity.faces, false, &cavity.fresh, error))
        return false;
    sew(cdt, &cavity);
    return true;
}

bool
orf_cdt_add_segment(OrfCdt *cdt, uint32_t a, uint32_t b, GError **error)
{
    while (a != b) {
        uint32_t across, e = orf_cdt_edge_towards(cdt, a, b, &across);
        if (e != ORF_NO_EDGE) {
            fix(cdt, e);
            a = orf_cdt_to(cdt, e);
        } else if (!open_way(cdt, a, b, across, error)) {
            return false;
        }
    }
    return true;
}
