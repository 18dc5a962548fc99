/* intersect.c - pairs of triangles that cross each other.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The triangles lie, four to a leaf, along a Morton curve; the boxes of leaves, of pairs of
 * leaves and so on form a binary tree that needs no pointers. Each leaf asks the tree for later
 * leaves whose boxes meet its own. Pairs of triangles are then judged by exact predicates
 * alone, so a result does not depend on rounding, scale or place:
 *
 *   no vertex shared: an edge of one strictly crosses the plane of the other and meets it, or a
 *                     corner that passes through the plane lies inside, or they overlap in a
 * plane; one shared:       the edge opposite to it crosses the other, or they overlap in a
 * plane; two shared:       they are folded onto each other; three shared:     they are the
 * same.
 *
 * Triangles that only touch do not cross. */
#include "mesh-priv.h"

#include <math.h>
#include <string.h>

#define LEAF 4 /* triangles */

/* --- Two triangles ------------------------------------------------------------------------ */

typedef const float *Corners[3];

static void
corners_of(const float *positions, const uint32_t t[3], Corners ret_corners)
{
    for (int k = 0; k < 3; k++)
        ret_corners[k] = positions + 3 * (size_t)t[k];
}

/* Sides of the corners of `t` as seen from the plane of `plane`. */
static void
sides_of(Corners plane, Corners t, int ret_sides[3])
{
    for (int k = 0; k < 3; k++)
        ret_sides[k] = orf_orient3d(plane[0], plane[1], plane[2], t[k]);
}

/* Nothing on one of the sides: the triangle lies in the plane or touches it at most. */
static bool
keeps_to_one_side(const int sides[3])
{
    return (sides[0] >= 0 && sides[1] >= 0 && sides[2] >= 0) ||
           (sides[0] <= 0 && sides[1] <= 0 && sides[2] <= 0);
}

static bool
lies_in_plane(const int sides[3])
{
    return sides[0] == 0 && sides[1] == 0 && sides[2] == 0;
}

/* Does the line from p to q, whose ends are on either side of the plane, meet the triangle? */
static bool
line_meets(const float *p, const float *q, Corners t)
{
    int sides[3];
    for (int k = 0; k < 3; k++)
        sides[k] = orf_orient3d(p, q, t[k], t[(k + 1) % 3]);
    return keeps_to_one_side(sides);
}

static bool
edge_crosses(Corners a, const int sides[3], int k, Corners b)
{
    int next = (k + 1) % 3;
    return sides[k] * sides[next] < 0 && line_meets(a[k], a[next], b);
}

/* The axis along which a triangle is seen best; -1 when it has no area at all. */
static int
best_axis(Corners t)
{
    double u[3], v[3];
    for (int k = 0; k < 3; k++) {
        u[k] = (double)t[1][k] - t[0][k];
        v[k] = (double)t[2][k] - t[0][k];
    }
    double n[3];
    for (int k = 0; k < 3; k++)
        n[k] = fabs(u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3]);
    int best = n[0] >= n[1] ? (n[0] >= n[2] ? 0 : 2) : (n[1] >= n[2] ? 1 : 2);
    for (int k = 0; k < 3; k++)
        if (orf_orient2d(t[0], t[1], t[2], (best + k) % 3) != 0)
            return (best + k) % 3;
    return -1;
}

/* Is all of `b` on the outer side of a side of `a`, or on it? */
static bool
side_separates(Corners a, Corners b, int axis)
{
    int turn = orf_orient2d(a[0], a[1], a[2], axis);
    for (int k = 0; k < 3; k++) {
        bool outside = true;
        for (int m = 0; m < 3; m++)
            outside &= turn * orf_orient2d(a[k], a[(k + 1) % 3], b[m], axis) <= 0;
        if (outside)
            return true;
    }
    return false;
}

/* Two triangles of one plane. */
static bool
overlap(Corners a, Corners b)
{
    int axis = best_axis(a);
    return axis >= 0 && !side_separates(a, b, axis) && !side_separates(b, a, axis);
}

/* Does a corner of `a` that lies in the plane of `b`, with the others on either side of it, lie
 * strictly inside `b`? */
static bool
corner_pierces(Corners a, const int sides[3], Corners b)
{
    for (int k = 0; k < 3; k++) {
        if (sides[k] != 0 || sides[(k + 1) % 3] * sides[(k + 2) % 3] >= 0)
            continue;
        int axis = best_axis(b), turn = axis < 0 ? 0 : orf_orient2d(b[0], b[1], b[2], axis);
        bool inside = turn != 0;
        for (int m = 0; m < 3 && inside; m++)
            inside = turn * orf_orient2d(b[m], b[(m + 1) % 3], a[k], axis) > 0;
        return inside;
    }
    return false;
}

typedef enum { APART, IN_ONE_PLANE, ON_BOTH_SIDES } Meeting;

/* How the triangles lie to each other's planes. The plane of a triangle without area holds all.
 */
static Meeting
meeting_of(Corners a, Corners b, int ret_a_sides[3], int ret_b_sides[3])
{
    sides_of(b, a, ret_a_sides);
    bool a_lies = lies_in_plane(ret_a_sides);
    if (keeps_to_one_side(ret_a_sides) && !a_lies)
        return APART;
    sides_of(a, b, ret_b_sides);
    bool b_lies = lies_in_plane(ret_b_sides);
    if (keeps_to_one_side(ret_b_sides) && !b_lies)
        return APART;
    return a_lies && b_lies ? IN_ONE_PLANE : ON_BOTH_SIDES;
}

/* Each triangle cuts the line where the planes meet in an interval. An end of it that lies on
 * an edge, and in the other triangle or on its rim, is found by edge_crosses. Where the
 * intervals overlap between two corners instead, one is of `a` and inside `b`, the other of `b`
 * and inside `a`: it is enough to ask for one of them. */
static bool
strangers_cross(Corners a, Corners b)
{
    int a_sides[3], b_sides[3];
    Meeting meeting = meeting_of(a, b, a_sides, b_sides);
    if (meeting != ON_BOTH_SIDES)
        return meeting == IN_ONE_PLANE && overlap(a, b);
    for (int k = 0; k < 3; k++)
        if (edge_crosses(a, a_sides, k, b) || edge_crosses(b, b_sides, k, a))
            return true;
    return corner_pierces(a, a_sides, b);
}

/* Both begin at the shared corner. */
static bool
neighbours_cross(Corners a, Corners b)
{
    int a_sides[3], b_sides[3];
    Meeting meeting = meeting_of(a, b, a_sides, b_sides);
    if (meeting != ON_BOTH_SIDES)
        return meeting == IN_ONE_PLANE && overlap(a, b);
    return edge_crosses(a, a_sides, 1, b) || edge_crosses(b, b_sides, 1, a);
}

/* `a` and `b` share their last two corners. */
static bool
twins_fold(Corners a, Corners b)
{
    if (orf_orient3d(a[1], a[2], a[0], b[0]) != 0)
        return false;
    int axis = best_axis(a);
    return axis >= 0 &&
           orf_orient2d(a[1], a[2], a[0], axis) * orf_orient2d(a[1], a[2], b[0], axis) > 0;
}

/* Turns a triangle so that corner k comes first. */
static void
turn(Corners t, int k)
{
    Corners turned = { t[k], t[(k + 1) % 3], t[(k + 2) % 3] };
    memcpy(t, turned, sizeof turned);
}

bool
orf_triangles_cross(const float *positions, const uint32_t a[3], const uint32_t b[3])
{
    unsigned in_a = 0, in_b = 0; /* bit k: corner k is shared */
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            if (a[i] == b[j]) {
                in_a |= 1u << i;
                in_b |= 1u << j;
            }
    static const uint8_t only[8] = { 0, 0, 1, 2, 2, 1, 0, 0 }; /* the corner that differs */
    Corners p, q;
    corners_of(positions, a, p);
    corners_of(positions, b, q);
    turn(p, only[in_a]);
    turn(q, only[in_b]);
    switch (__builtin_popcount(in_a)) {
    case 0:
        return strangers_cross(p, q);
    case 1:
        return neighbours_cross(p, q);
    case 2:
        return twins_fold(p, q);
    default:
        return true;
    }
}

/* --- The tree ----------------------------------------------------------------------------- */

typedef struct {
    float low[3], high[3];
} Box;

typedef struct {
    uint64_t code;
    uint32_t triangle;
} Place;

typedef struct {
    OrfTask *task;
    const float *positions;
    const uint32_t *triangles;
    size_t n;          /* triangles that are not collapsed */
    Place *places;     /* [n] along the curve */
    Box *boxes;        /* [n] of the triangles */
    Box *nodes;        /* levels one after the other, leaves first */
    size_t level[34];  /* where each level begins; n_levels + 1 entries */
    unsigned n_levels; /* the last has one node */
    float low[3];
    double scale[3]; /* to 0 .. 65535 */
    _Atomic int64_t found;
    GArray *pairs; /* of triangles, two by two, under the lock; or NULL */
    GMutex lock;
    _Atomic size_t done; /* leaves */
} Tree;

static void
tree_clear(Tree *tree)
{
    g_mutex_clear(&tree->lock);
    orf_free(tree->places);
    orf_free(tree->boxes);
    orf_free(tree->nodes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Tree, tree_clear)

static Box
box_of(const Tree *tree, size_t t)
{
    Corners corners;
    Box box;
    corners_of(tree->positions, tree->triangles + 3 * t, corners);
    for (int k = 0; k < 3; k++) {
        box.low[k] = MIN(MIN(corners[0][k], corners[1][k]), corners[2][k]);
        box.high[k] = MAX(MAX(corners[0][k], corners[1][k]), corners[2][k]);
    }
    return box;
}

/* Spreads 16 bits to every third place. */
static uint64_t
spread_bits(uint64_t x)
{
    x = (x | x << 16) & 0x0000ff0000ff;
    x = (x | x << 8) & 0x00f00f00f00f;
    x = (x | x << 4) & 0x0c30c30c30c3;
    return (x | x << 2) & 0x249249249249;
}

static void
find_places(size_t begin, size_t end, void *data)
{
    Tree *tree = data;
    for (size_t i = begin; i < end; i++) {
        Box box = box_of(tree, tree->places[i].triangle);
        uint64_t code = 0;
        for (int k = 0; k < 3; k++) {
            double middle = ((double)box.low[k] + box.high[k]) / 2 - tree->low[k];
            code |= spread_bits((uint64_t)CLAMP(middle * tree->scale[k], 0, 65535)) << k;
        }
        tree->places[i].code = code;
    }
}

/* Sorts by code, keeping the order of equals: four rounds of 12 bits; `spare` is of the same
 * size. Stops when cancelled. */
static void
sort_places(OrfTask *task, Place *list, Place *spare, size_t n)
{
    for (unsigned shift = 0; shift < 48 && !orf_task_cancelled(task); shift += 12) {
        size_t at[4097] = { 0 };
        for (size_t i = 0; i < n; i++)
            at[(list[i].code >> shift & 4095) + 1]++;
        for (size_t b = 0; b < 4096; b++)
            at[b + 1] += at[b];
        for (size_t i = 0; i < n; i++)
            spare[at[list[i].code >> shift & 4095]++] = list[i];
        Place *sorted = spare;
        spare = list;
        list = sorted;
    }
}

static Box
box_round(const Box *boxes, size_t n)
{
    Box box = boxes[0];
    for (size_t i = 1; i < n; i++)
        for (int k = 0; k < 3; k++) {
            box.low[k] = MIN(box.low[k], boxes[i].low[k]);
            box.high[k] = MAX(box.high[k], boxes[i].high[k]);
        }
    return box;
}

static void
fill_leaves(size_t begin, size_t end, void *data)
{
    Tree *tree = data;
    for (size_t leaf = begin; leaf < end; leaf++) {
        size_t first = leaf * LEAF, n = MIN(LEAF, tree->n - first);
        for (size_t i = first; i < first + n; i++)
            tree->boxes[i] = box_of(tree, tree->places[i].triangle);
        tree->nodes[leaf] = box_round(tree->boxes + first, n);
    }
}

static void
fill_levels(Tree *tree)
{
    for (unsigned l = 0; l + 1 < tree->n_levels; l++) {
        size_t n = tree->level[l + 1] - tree->level[l];
        const Box *below = tree->nodes + tree->level[l];
        Box *nodes = tree->nodes + tree->level[l + 1];
        for (size_t i = 0; i < (n + 1) / 2; i++)
            nodes[i] = box_round(below + 2 * i, MIN(2, n - 2 * i));
    }
}

static void
lay_out(Tree *tree)
{
    size_t n = (tree->n + LEAF - 1) / LEAF, total = 0;
    tree->n_levels = 0;
    for (;; n = (n + 1) / 2) {
        tree->level[tree->n_levels++] = total;
        total += n;
        if (n <= 1)
            break;
    }
    tree->level[tree->n_levels] = total;
}

static bool
list_triangles(OrfTask *task, const OrfMesh *mesh, Tree *tree, GError **error)
{
    size_t n = orf_mesh_n_triangles(mesh);
    float high[3];
    tree->task = task;
    tree->positions = orf_mesh_positions(mesh);
    tree->triangles = orf_mesh_triangles(mesh);
    orf_mesh_bounds(mesh, tree->low, high);
    for (int k = 0; k < 3; k++) {
        double extent = (double)high[k] - tree->low[k];
        tree->scale[k] = extent > 0 ? 65535 / extent : 0;
    }
    tree->places = ORF_ALLOC(task, Place, n, "crossings", error);
    if (!tree->places)
        return false;
    for (size_t t = 0; t < n; t++)
        if (!orf_triangle_collapsed(tree->triangles + 3 * t))
            tree->places[tree->n++].triangle = (uint32_t)t;
    return true;
}

static bool
tree_init(OrfTask *task, const OrfMesh *mesh, Tree *tree, GError **error)
{
    if (!list_triangles(task, mesh, tree, error))
        return false;
    if (!orf_task_parallel(task, tree->n, ORF_MESH_BLOCK, find_places, tree))
        return orf_task_check(task, error);
    orf_autofree Place *spare = ORF_ALLOC(task, Place, tree->n, "crossings", error);
    if (!spare)
        return false;
    sort_places(task, tree->places, spare, tree->n);
    orf_free(g_steal_pointer(&spare));
    lay_out(tree);
    size_t n_nodes = tree->level[tree->n_levels];
    if (!(tree->boxes = ORF_ALLOC(task, Box, tree->n, "crossings", error)) ||
        !(tree->nodes = ORF_ALLOC(task, Box, n_nodes, "crossings", error)))
        return false;
    size_t n_leaves = (tree->n + LEAF - 1) / LEAF;
    if (!orf_task_parallel(task, n_leaves, ORF_MESH_BLOCK / LEAF, fill_leaves, tree))
        return orf_task_check(task, error);
    fill_levels(tree);
    return orf_task_check(task, error);
}

/* --- Pairs -------------------------------------------------------------------------------- */

static bool
boxes_meet(const Box *a, const Box *b)
{
    return a->low[0] <= b->high[0] && b->low[0] <= a->high[0] && a->low[1] <= b->high[1] &&
           b->low[1] <= a->high[1] && a->low[2] <= b->high[2] && b->low[2] <= a->high[2];
}

static void
count_pair(Tree *tree, uint32_t a, uint32_t b)
{
    tree->found++;
    if (!tree->pairs)
        return;
    uint32_t pair[2] = { a, b };
    g_mutex_lock(&tree->lock);
    g_array_append_vals(tree->pairs, pair, 2);
    g_mutex_unlock(&tree->lock);
}

static void
compare_leaves(Tree *tree, size_t a, size_t b)
{
    size_t a_end = MIN((a + 1) * LEAF, tree->n), b_end = MIN((b + 1) * LEAF, tree->n);
    for (size_t i = a * LEAF; i < a_end; i++)
        for (size_t j = a == b ? i + 1 : b * LEAF; j < b_end; j++)
            if (boxes_meet(&tree->boxes[i], &tree->boxes[j]) &&
                orf_triangles_cross(tree->positions,
                                    tree->triangles + 3 * (size_t)tree->places[i].triangle,
                                    tree->triangles + 3 * (size_t)tree->places[j].triangle))
                count_pair(tree, tree->places[i].triangle, tree->places[j].triangle);
}

static bool
enough(const Tree *tree)
{
    return tree->found >= ORF_MAX_CROSSINGS || orf_task_cancelled(tree->task);
}

/* Compares a leaf with itself and all later ones whose boxes meet its own. */
static void
search_tree(Tree *tree, size_t leaf)
{
    struct {
        unsigned level;
        size_t node;
    } stack[70];
    const Box *box = &tree->nodes[leaf];
    size_t n = 0, compared = 0;
    stack[n].level = tree->n_levels - 1;
    stack[n++].node = 0;
    while (n > 0) {
        unsigned level = stack[--n].level;
        size_t node = stack[n].node;
        if (((node + 1) << level) <= leaf ||
            !boxes_meet(box, &tree->nodes[tree->level[level] + node]))
            continue;
        if (level == 0) {
            compare_leaves(tree, leaf, node);
            if (++compared % 1024 == 0 && enough(tree))
                return;
            continue;
        }
        size_t n_below = tree->level[level] - tree->level[level - 1];
        for (size_t child = 2 * node; child < MIN(2 * node + 2, n_below); child++) {
            stack[n].level = level - 1;
            stack[n++].node = child;
        }
    }
}

static void
search_leaves(size_t begin, size_t end, void *data)
{
    Tree *tree = data;
    for (size_t leaf = begin; leaf < end && !enough(tree); leaf++)
        search_tree(tree, leaf);
    tree->done += end - begin;
    orf_task_progress(tree->task, (double)(tree->done * LEAF) / (double)(tree->n + LEAF));
}

static bool
find_crossings(OrfTask *task, const OrfMesh *mesh, GArray *pairs, int64_t *ret_n,
               GError **error)
{
    g_auto(Tree) tree = { .pairs = pairs };
    g_mutex_init(&tree.lock);
    if (!tree_init(task, mesh, &tree, error))
        return false;
    size_t n_leaves = (tree.n + LEAF - 1) / LEAF;
    if (!orf_task_parallel(task, n_leaves, 256, search_leaves, &tree))
        return orf_task_check(task, error);
    *ret_n = MIN(tree.found, ORF_MAX_CROSSINGS);
    return true;
}

bool
orf_mesh_count_crossings(OrfTask *task, const OrfMesh *mesh, int64_t *ret_n, GError **error)
{
    return find_crossings(task, mesh, NULL, ret_n, error);
}

bool
orf_mesh_list_crossings(OrfTask *task, const OrfMesh *mesh, GArray *ret_pairs, GError **error)
{
    int64_t n;
    return find_crossings(task, mesh, ret_pairs, &n, error);
}
