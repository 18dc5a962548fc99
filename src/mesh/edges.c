/* edges.c - the sides of all triangles, filed by edge.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A counting sort by the lower vertex of each side, then a small sort inside each list. Lists
 * are short (three on average), so the whole is linear; a vertex with a million triangles costs
 * a heap sort. Sides of one edge end up side by side, in an order that does not depend on the
 * cores. */
#include "mesh-priv.h"

typedef struct {
    const uint32_t *triangles;
    size_t n_vertices, n_triangles;
    const OrfEdges *edges;
} Filing;

void
orf_edges_clear(OrfEdges *edges)
{
    orf_free(edges->start);
    orf_free(edges->halves);
    *edges = (OrfEdges){ 0 };
}

/* --- Filing under the lower vertex -------------------------------------------------------- */

/* start[v + 1] = number of sides whose lower vertex is v, for all v. */
static bool
count_sides(OrfTask *task, const Filing *filing, uint32_t *start)
{
    const uint32_t *t = filing->triangles;
    for (size_t i = 0; i < filing->n_triangles; i++, t += 3) {
        if (i % ORF_MESH_BLOCK == 0 && orf_task_cancelled(task))
            return false;
        if (orf_triangle_collapsed(t))
            continue;
        start[MIN(t[0], t[1]) + 1]++;
        start[MIN(t[1], t[2]) + 1]++;
        start[MIN(t[2], t[0]) + 1]++;
    }
    for (size_t v = 0; v < filing->n_vertices; v++)
        start[v + 1] += start[v];
    return true;
}

static void
file_side(uint32_t *start, OrfHalf *halves, uint32_t from, uint32_t to, uint32_t corner)
{
    uint32_t low = MIN(from, to), high = MAX(from, to);
    halves[start[low]++] = (OrfHalf){ high, corner };
}

/* Fills the lists; start[v] moves to where the list of v ends. */
static bool
file_sides(OrfTask *task, const Filing *filing, uint32_t *start, OrfHalf *halves)
{
    const uint32_t *t = filing->triangles;
    for (size_t i = 0; i < filing->n_triangles; i++, t += 3) {
        if (i % ORF_MESH_BLOCK == 0 && orf_task_cancelled(task))
            return false;
        if (orf_triangle_collapsed(t))
            continue;
        uint32_t corner = (uint32_t)(3 * i);
        file_side(start, halves, t[0], t[1], corner);
        file_side(start, halves, t[1], t[2], corner + 1);
        file_side(start, halves, t[2], t[0], corner + 2);
    }
    for (size_t v = filing->n_vertices; v > 0; v--)
        start[v] = start[v - 1];
    start[0] = 0;
    return true;
}

/* --- Order inside a list ------------------------------------------------------------------ */

static uint32_t
opposite(const uint32_t *triangles, uint32_t half)
{
    return triangles[orf_next_corner(orf_next_corner(half))];
}

static bool
before(const uint32_t *triangles, OrfHalf a, OrfHalf b)
{
    if (a.other != b.other)
        return a.other < b.other;
    uint32_t apex_a = opposite(triangles, a.half), apex_b = opposite(triangles, b.half);
    return apex_a != apex_b ? apex_a < apex_b : a.half < b.half;
}

static void
insertion_sort(const uint32_t *triangles, OrfHalf *list, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        OrfHalf half = list[i];
        size_t j = i;
        for (; j > 0 && before(triangles, half, list[j - 1]); j--)
            list[j] = list[j - 1];
        list[j] = half;
    }
}

static void
sift_down(const uint32_t *triangles, OrfHalf *heap, size_t i, size_t n)
{
    OrfHalf half = heap[i];
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && before(triangles, heap[child], heap[child + 1]))
            child++;
        if (!before(triangles, half, heap[child]))
            break;
        heap[i] = heap[child];
    }
    heap[i] = half;
}

static void
heap_sort(const uint32_t *triangles, OrfHalf *list, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(triangles, list, i, n);
    for (size_t end = n; end-- > 1;) {
        OrfHalf last = list[end];
        list[end] = list[0];
        list[0] = last;
        sift_down(triangles, list, 0, end);
    }
}

static void
sort_lists(size_t begin, size_t end, void *data)
{
    const Filing *filing = data;
    const uint32_t *start = filing->edges->start;
    for (size_t v = begin; v < end; v++) {
        size_t n = start[v + 1] - start[v];
        OrfHalf *list = filing->edges->halves + start[v];
        if (n <= 32)
            insertion_sort(filing->triangles, list, n);
        else
            heap_sort(filing->triangles, list, n);
    }
}

bool
orf_edges_init(OrfTask *task, const OrfMesh *mesh, OrfEdges *edges, GError **error)
{
    size_t n_vertices = orf_mesh_n_vertices(mesh), n_triangles = orf_mesh_n_triangles(mesh);
    g_auto(OrfEdges) own = { 0 };
    Filing filing = { orf_mesh_triangles(mesh), n_vertices, n_triangles, &own };
    own.start = ORF_ALLOC(task, uint32_t, n_vertices + 1, "edges", error);
    own.halves = own.start ? ORF_ALLOC(task, OrfHalf, 3 * n_triangles, "edges", error) : NULL;
    if (!own.halves)
        return false;
    if (!count_sides(task, &filing, own.start) ||
        !file_sides(task, &filing, own.start, own.halves) ||
        !orf_task_parallel(task, n_vertices, ORF_MESH_BLOCK, sort_lists, &filing))
        return orf_task_check(task, error);
    *edges = own;
    own = (OrfEdges){ 0 };
    return true;
}
