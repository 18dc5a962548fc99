/* maxflow.c - minimum cut of a picture: who belongs to the subject, at the least cost.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every pixel is a node with eight neighbours and one terminal link. Two trees of unsaturated
 * links grow from the source and the sink; where they meet, flow is pushed along the path,
 * saturated links break branches off, and these orphans look for a new parent in their own tree
 * (Boykov and Kolmogorov 2004). The grid is implicit: no edge records, a parent is a direction.
 * A rim of dead nodes with capacity 0 saves the bounds checks.
 *
 * Invariant: every node of a tree reaches its terminal over unsaturated links, except orphans.
 */
#include "image/cutout-priv.h"

enum { FREE, SOURCE, SINK };
enum { TERMINAL = 8, NONE, ORPHAN }; /* after the eight directions; opposite of d is d ^ 4 */
enum { QUIET = -1 };                 /* not in the active list */

typedef struct {
    int32_t width;    /* of the padded grid */
    int32_t n;        /* padded nodes */
    int32_t delta[8]; /* index step of a direction */
    int32_t *cap;     /* [n][8] what the link to that neighbour still takes */
    int32_t *rest;    /* [n] what the terminal link still takes: > 0 source, < 0 sink */
    int32_t *next;    /* [n] active list: QUIET, or the next one, the last names itself */
    int32_t *orphan;  /* [n] queue, a ring */
    uint32_t *stamp;  /* [n] when `far` was last known to be right */
    uint32_t *far;    /* [n] steps to the terminal, an estimate */
    uint8_t *tree, *parent;
    int32_t first, last; /* of the active list */
    int32_t head, tail;  /* of the orphan ring */
    uint32_t now;
    int64_t flow;
} Cut;

static void
cut_clear(Cut *cut)
{
    orf_free(cut->cap);
    orf_free(cut->rest);
    orf_free(cut->next);
    orf_free(cut->orphan);
    orf_free(cut->stamp);
    orf_free(cut->far);
    orf_free(cut->tree);
    orf_free(cut->parent);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Cut, cut_clear)

static bool
cut_alloc(OrfTask *task, const OrfGrid *grid, Cut *cut, GError **error)
{
    size_t n = ((size_t)grid->width + 2) * ((size_t)grid->height + 2);
    if (n > INT32_MAX / 8)
        return ORF_FALSE(error, TOO_LARGE,
                         "cut out: %u x %u pixels are too many to cut; "
                         "use a smaller working size",
                         grid->width, grid->height);
    cut->width = (int32_t)grid->width + 2;
    cut->n = (int32_t)n;
    int32_t w = cut->width, step[8] = { 1, w, w + 1, w - 1, -1, -w, -w - 1, 1 - w };
    memcpy(cut->delta, step, sizeof step);
    return (cut->cap = ORF_ALLOC(task, int32_t, n * 8, "cut", error)) &&
           (cut->rest = ORF_ALLOC(task, int32_t, n, "cut", error)) &&
           (cut->next = ORF_ALLOC(task, int32_t, n, "cut", error)) &&
           (cut->orphan = ORF_ALLOC(task, int32_t, n, "cut", error)) &&
           (cut->stamp = ORF_ALLOC(task, uint32_t, n, "cut", error)) &&
           (cut->far = ORF_ALLOC(task, uint32_t, n, "cut", error)) &&
           (cut->tree = ORF_ALLOC(task, uint8_t, n, "cut", error)) &&
           (cut->parent = ORF_ALLOC(task, uint8_t, n, "cut", error));
}

static void
wake(Cut *cut, int32_t node)
{
    if (cut->next[node] != QUIET)
        return;
    if (cut->last == QUIET)
        cut->first = node;
    else
        cut->next[cut->last] = node;
    cut->last = node;
    cut->next[node] = node;
}

/* The next active node that still is in a tree; QUIET when there is none. */
static int32_t
next_active(Cut *cut)
{
    while (cut->first != QUIET) {
        int32_t node = cut->first;
        cut->first = cut->next[node] == node ? QUIET : cut->next[node];
        if (cut->first == QUIET)
            cut->last = QUIET;
        cut->next[node] = QUIET;
        if (cut->tree[node] != FREE)
            return node;
    }
    return QUIET;
}

static void
make_orphan(Cut *cut, int32_t node)
{
    cut->parent[node] = ORPHAN;
    cut->orphan[cut->tail] = node;
    cut->tail = cut->tail + 1 == cut->n ? 0 : cut->tail + 1;
}

static void
fill(const OrfGrid *grid, Cut *cut)
{
    static const int to_x[ORF_GRID_EDGES] = { 1, 0, 1, -1 },
                     to_y[ORF_GRID_EDGES] = { 0, 1, 1, 1 };
    memset(cut->next, 0xff, (size_t)cut->n * sizeof *cut->next);
    memset(cut->parent, NONE, (size_t)cut->n);
    cut->first = cut->last = QUIET;
    for (unsigned y = 0, i = 0; y < grid->height; y++) {
        for (unsigned x = 0; x < grid->width; x++, i++) {
            int32_t node = ((int32_t)y + 1) * cut->width + (int32_t)x + 1;
            for (int d = 0; d < ORF_GRID_EDGES; d++) {
                bool inside =
                    x + (unsigned)to_x[d] < grid->width && y + (unsigned)to_y[d] < grid->height;
                int32_t cap = inside ? grid->edge[d][i] : 0;
                cut->cap[node * 8 + d] = cap;
                if (inside)
                    cut->cap[(node + cut->delta[d]) * 8 + d + 4] = cap;
            }
            cut->rest[node] = grid->node[i];
            if (!grid->node[i])
                continue;
            cut->tree[node] = grid->node[i] > 0 ? SOURCE : SINK;
            cut->parent[node] = TERMINAL;
            cut->far[node] = 1;
            wake(cut, node);
        }
    }
}

/* The link that carries flow between `node` and its neighbour in direction d, seen from the
 * tree of `node`: away from the source, towards the sink. */
static inline int32_t *
link_down(Cut *cut, int32_t node, int d)
{
    return cut->tree[node] == SOURCE ? &cut->cap[node * 8 + d]
                                     : &cut->cap[(node + cut->delta[d]) * 8 + (d ^ 4)];
}

/* The link between `node` and its parent in direction d, in the direction of the flow. */
static inline int32_t *
link_up(Cut *cut, int32_t node, int d)
{
    return cut->tree[node] == SOURCE ? &cut->cap[(node + cut->delta[d]) * 8 + (d ^ 4)]
                                     : &cut->cap[node * 8 + d];
}

/* Grows the tree of `node`. Returns the direction of a neighbour in the other tree, or -1. */
static int
grow(Cut *cut, int32_t node)
{
    for (int d = 0; d < 8; d++) {
        if (!*link_down(cut, node, d))
            continue;
        int32_t other = node + cut->delta[d];
        if (cut->tree[other] == FREE) {
            cut->tree[other] = cut->tree[node];
            cut->parent[other] = (uint8_t)(d ^ 4);
            cut->far[other] = cut->far[node] + 1;
            cut->stamp[other] = cut->stamp[node];
            wake(cut, other);
        } else if (cut->tree[other] != cut->tree[node]) {
            return d;
        } else if (cut->stamp[other] <= cut->stamp[node] &&
                   cut->far[other] > cut->far[node] + 1 && cut->parent[other] < TERMINAL) {
            cut->parent[other] = (uint8_t)(d ^ 4); /* a shorter way home */
            cut->far[other] = cut->far[node] + 1;
            cut->stamp[other] = cut->stamp[node];
        }
    }
    return -1;
}

static int32_t
least_above(Cut *cut, int32_t node, int32_t least)
{
    for (; cut->parent[node] != TERMINAL; node += cut->delta[cut->parent[node]])
        least = MIN(least, *link_up(cut, node, cut->parent[node]));
    return MIN(least, ABS(cut->rest[node]));
}

static void
push_above(Cut *cut, int32_t node, int32_t amount)
{
    bool source = cut->tree[node] == SOURCE;
    while (cut->parent[node] != TERMINAL) {
        int d = cut->parent[node];
        int32_t up = node + cut->delta[d];
        int32_t *with = link_up(cut, node, d);
        int32_t *against = source ? &cut->cap[node * 8 + d] : &cut->cap[up * 8 + (d ^ 4)];
        *with -= amount;
        *against += amount;
        if (!*with)
            make_orphan(cut, node);
        node = up;
    }
    cut->rest[node] += source ? -amount : amount;
    if (!cut->rest[node])
        make_orphan(cut, node);
}

/* Pushes what fits along the path through the link from `node` in direction d. */
static void
augment(Cut *cut, int32_t node, int d)
{
    int32_t other = node + cut->delta[d];
    int32_t *with = link_down(cut, node, d);
    int32_t *against =
        cut->tree[node] == SOURCE ? &cut->cap[other * 8 + (d ^ 4)] : &cut->cap[node * 8 + d];
    int32_t amount = least_above(cut, other, least_above(cut, node, *with));
    *with -= amount;
    *against += amount;
    push_above(cut, node, amount);
    push_above(cut, other, amount);
    cut->flow += amount;
}

/* Steps from `node` to its terminal, 0 when its branch ends in an orphan. Marks the way. */
static uint32_t
steps_home(Cut *cut, int32_t node)
{
    uint32_t steps = 0;
    int32_t at = node;
    while (cut->stamp[at] != cut->now && cut->parent[at] < TERMINAL) {
        steps++;
        at += cut->delta[cut->parent[at]];
    }
    if (cut->parent[at] >= NONE)
        return 0;
    steps += cut->stamp[at] == cut->now ? cut->far[at] : 1;
    uint32_t far = steps;
    for (; cut->stamp[node] != cut->now; node += cut->delta[cut->parent[node]]) {
        cut->stamp[node] = cut->now;
        cut->far[node] = far--;
        if (cut->parent[node] == TERMINAL)
            break;
    }
    return steps;
}

/* Frees an orphan nobody adopts: its neighbours may grow there again, its children are orphans.
 */
static void
let_go(Cut *cut, int32_t node)
{
    for (int d = 0; d < 8; d++) {
        int32_t other = node + cut->delta[d];
        if (cut->tree[other] != cut->tree[node])
            continue;
        if (*link_up(cut, node, d))
            wake(cut, other);
        if (cut->parent[other] == (d ^ 4))
            make_orphan(cut, other);
    }
    cut->tree[node] = FREE;
    cut->parent[node] = NONE;
}

static void
adopt(Cut *cut)
{
    int32_t node = cut->orphan[cut->head];
    cut->head = cut->head + 1 == cut->n ? 0 : cut->head + 1;
    uint32_t best = UINT32_MAX;
    int parent = NONE;
    for (int d = 0; d < 8; d++) {
        int32_t other = node + cut->delta[d];
        if (cut->tree[other] != cut->tree[node] || !*link_up(cut, node, d))
            continue;
        uint32_t steps = steps_home(cut, other);
        if (steps && steps < best) {
            best = steps;
            parent = d;
        }
    }
    if (parent == NONE) {
        let_go(cut, node);
        return;
    }
    cut->parent[node] = (uint8_t)parent;
    cut->stamp[node] = cut->now;
    cut->far[node] = best + 1;
}

static bool
run(OrfTask *task, Cut *cut, GError **error)
{
    for (int32_t node; (node = next_active(cut)) != QUIET;) {
        int d;
        while (cut->tree[node] != FREE && (d = grow(cut, node)) >= 0) {
            cut->now++;
            augment(cut, node, d);
            while (cut->head != cut->tail)
                adopt(cut);
            if (!(cut->now & 1023) && !orf_task_check(task, error))
                return false;
        }
    }
    return true;
}

bool
orf_grid_cut(OrfTask *task, const OrfGrid *grid, uint8_t *ret_side, int64_t *ret_flow,
             GError **error)
{
    g_auto(Cut) cut = { 0 };
    if (!cut_alloc(task, grid, &cut, error))
        return false;
    fill(grid, &cut);
    if (!run(task, &cut, error))
        return false;
    for (unsigned y = 0; y < grid->height; y++)
        for (unsigned x = 0; x < grid->width; x++)
            ret_side[(size_t)y * grid->width + x] =
                cut.tree[((int32_t)y + 1) * cut.width + (int32_t)x + 1] == SOURCE;
    if (ret_flow)
        *ret_flow = cut.flow;
    return orf_task_check(task, error);
}
