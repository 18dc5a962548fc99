/* boxes.c - a tree over boxes of whole numbers: which of them meet?
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Split at the median of the centres along the longest side, eight boxes a leaf. The tree is
 * implied by the order of the boxes: a node of n has its first n / 2, rounded up to leaves, on
 * the left. Pairs come from walking two branches down at once. */
#include "mesh/arrange-priv.h"

#include <math.h>
#include <string.h>

#define LEAF 8

struct OrfBoxes {
    OrfTask *task;
    const OrfGridBox *boxes; /* as given: borrowed */
    uint32_t *order;
    OrfGridBox *nodes; /* children of i: 2 i + 1 and 2 i + 2 */
    uint32_t n, n_nodes;
};

/* A branch of the tree: boxes begin .. end - 1 of the order. */
typedef struct {
    uint32_t node, begin, end;
} Branch;

/* --- Building ----------------------------------------------------------------------------- */

static bool
is_leaf(Branch b)
{
    return b.end - b.begin <= LEAF;
}

static void
halves_of(Branch b, Branch ret[2])
{
    uint32_t middle = b.begin + (b.end - b.begin + 1) / 2;
    ret[0] = (Branch){ 2 * b.node + 1, b.begin, middle };
    ret[1] = (Branch){ 2 * b.node + 2, middle, b.end };
}

static int64_t
centre_of(const OrfBoxes *all, uint32_t at, int axis)
{
    const OrfGridBox *box = &all->boxes[all->order[at]];
    return (int64_t)box->low[axis] + box->high[axis];
}

/* Puts the box of rank `middle` in its place (Hoare 1961). */
static void
select_middle(OrfBoxes *all, uint32_t begin, uint32_t end, uint32_t middle, int axis)
{
    int64_t low = begin, high = (int64_t)end - 1;
    while (low < high) {
        int64_t pivot = centre_of(all, (uint32_t)((low + high) / 2), axis), i = low, j = high;
        while (i <= j) {
            while (centre_of(all, (uint32_t)i, axis) < pivot)
                i++;
            while (centre_of(all, (uint32_t)j, axis) > pivot)
                j--;
            if (i > j)
                break;
            uint32_t kept = all->order[i];
            all->order[i++] = all->order[j];
            all->order[j--] = kept;
        }
        if (middle <= j)
            high = j;
        else if (middle >= i)
            low = i;
        else
            return;
    }
}

static OrfGridBox
box_round(const OrfBoxes *all, Branch b)
{
    OrfGridBox box = all->boxes[all->order[b.begin]];
    for (uint32_t i = b.begin + 1; i < b.end; i++)
        for (int k = 0; k < 3; k++) {
            const OrfGridBox *each = &all->boxes[all->order[i]];
            box.low[k] = MIN(box.low[k], each->low[k]);
            box.high[k] = MAX(box.high[k], each->high[k]);
        }
    return box;
}

/* As deep as the number of boxes halves: 30 at most. */
static void
split(OrfBoxes *all, Branch b)
{
    OrfGridBox box = box_round(all, b);
    all->nodes[b.node] = box;
    if (is_leaf(b) || orf_task_cancelled(all->task))
        return;
    int axis = 0;
    for (int k = 1; k < 3; k++)
        if ((int64_t)box.high[k] - box.low[k] > (int64_t)box.high[axis] - box.low[axis])
            axis = k;
    Branch half[2];
    halves_of(b, half);
    select_middle(all, b.begin, b.end, half[0].end, axis);
    split(all, half[0]);
    split(all, half[1]);
}

OrfBoxes *
orf_boxes_new(OrfTask *task, const OrfGridBox *boxes, uint32_t n, GError **error)
{
    g_autoptr(OrfBoxes) all = g_new0(OrfBoxes, 1);
    *all = (OrfBoxes){ .task = task, .boxes = boxes, .n = n, .n_nodes = 1 };
    for (uint32_t left = n; left > LEAF; left = (left + 1) / 2)
        all->n_nodes = 2 * all->n_nodes + 1;
    all->order = ORF_ALLOC(task, uint32_t, n, "boxes", error);
    all->nodes = all->order ? ORF_ALLOC(task, OrfGridBox, all->n_nodes, "boxes", error) : NULL;
    if (!all->nodes)
        return NULL;
    for (uint32_t i = 0; i < n; i++)
        all->order[i] = i;
    if (n > 0)
        split(all, (Branch){ 0, 0, n });
    return orf_task_check(task, error) ? g_steal_pointer(&all) : NULL;
}

void
orf_boxes_free(OrfBoxes *all)
{
    if (!all)
        return;
    orf_free(all->order);
    orf_free(all->nodes);
    g_free(all);
}

/* --- Pairs -------------------------------------------------------------------------------- */

static bool
boxes_meet(const OrfGridBox *a, const OrfGridBox *b)
{
    return a->low[0] <= b->high[0] && b->low[0] <= a->high[0] && a->low[1] <= b->high[1] &&
           b->low[1] <= a->high[1] && a->low[2] <= b->high[2] && b->low[2] <= a->high[2];
}

typedef struct {
    const OrfBoxes *all;
    OrfPairFn pair;
    void *data;
} Walk;

static bool
compare_leaves(const Walk *walk, Branch a, Branch b)
{
    const OrfBoxes *all = walk->all;
    for (uint32_t i = a.begin; i < a.end; i++)
        for (uint32_t j = a.node == b.node ? i + 1 : b.begin; j < b.end; j++) {
            uint32_t first = all->order[i], second = all->order[j];
            if (boxes_meet(&all->boxes[first], &all->boxes[second]) &&
                !walk->pair(MIN(first, second), MAX(first, second), walk->data))
                return false;
        }
    return !orf_task_cancelled(all->task);
}

static bool
walk_two(const Walk *walk, Branch a, Branch b)
{
    const OrfGridBox *nodes = walk->all->nodes;
    if (!boxes_meet(&nodes[a.node], &nodes[b.node]))
        return true;
    if (is_leaf(a) && is_leaf(b))
        return compare_leaves(walk, a, b);
    Branch half[2];
    if (is_leaf(b) || (!is_leaf(a) && a.end - a.begin >= b.end - b.begin)) {
        halves_of(a, half);
        return walk_two(walk, half[0], b) && walk_two(walk, half[1], b);
    }
    halves_of(b, half);
    return walk_two(walk, a, half[0]) && walk_two(walk, a, half[1]);
}

static bool
walk_one(const Walk *walk, Branch a)
{
    if (is_leaf(a))
        return compare_leaves(walk, a, a);
    Branch half[2];
    halves_of(a, half);
    return walk_one(walk, half[0]) && walk_one(walk, half[1]) &&
           walk_two(walk, half[0], half[1]);
}

bool
orf_boxes_pairs(const OrfBoxes *all, OrfPairFn pair, void *data)
{
    Walk walk = { all, pair, data };
    return all->n == 0 || walk_one(&walk, (Branch){ 0, 0, all->n });
}

/* --- Columns ------------------------------------------------------------------------------ */

static bool
column_meets(const OrfGridBox *box, int axis, const double at[3])
{
    int x = (axis + 1) % 3, y = (axis + 2) % 3;
    return box->low[x] <= at[x] + 1 && at[x] - 1 <= box->high[x] && box->low[y] <= at[y] + 1 &&
           at[y] - 1 <= box->high[y];
}

void
orf_boxes_column(const OrfBoxes *all, int axis, const double at[3], OrfBoxFn each, void *data)
{
    Branch stack[64];
    size_t n = 0;
    if (all->n > 0)
        stack[n++] = (Branch){ 0, 0, all->n };
    while (n > 0) {
        Branch b = stack[--n];
        if (!column_meets(&all->nodes[b.node], axis, at))
            continue;
        if (!is_leaf(b)) {
            halves_of(b, stack + n);
            n += 2;
            continue;
        }
        for (uint32_t i = b.begin; i < b.end; i++)
            if (column_meets(&all->boxes[all->order[i]], axis, at))
                each(all->order[i], data);
    }
}
