/* bilateral.c - takes out noise and leaves edges sharp.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fleishman, Drori and Cohen-Or 2003: a vertex moves along its normal by the heights of its
 * neighbours over its tangent plane, those that are near and of about its own height counting
 * most. Heights beyond the noise, as across an edge, hardly count. How large the noise is says
 * the median of all heights. Vertices of open edges stay. */
#include "mesh/mesh-priv.h"

#include <math.h>
#include <string.h>

#define ROUNDS 5
#define NOISE 2.0 /* medians of the heights: what still counts as noise */

typedef struct {
    const float *positions, *normals;
    float *moved;
    uint32_t *start, *neighbour; /* those of vertex v: neighbour[start[v]] .. */
    uint8_t *rim;                /* [n_vertices] */
    double reach, noise;         /* mm */
    size_t n;
} Bilateral;

static void
bilateral_clear(Bilateral *b)
{
    orf_free(b->start);
    orf_free(b->neighbour);
    orf_free(b->rim);
    orf_free(b->moved);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Bilateral, bilateral_clear)

static bool
list_neighbours(OrfTask *task, const OrfMesh *mesh, Bilateral *b, GError **error)
{
    g_auto(OrfEdges) edges = { 0 };
    if (!orf_edges_init(task, mesh, &edges, error) ||
        !(b->start = ORF_ALLOC(task, uint32_t, b->n + 2, "smooth", error)) ||
        !(b->rim = ORF_ALLOC(task, uint8_t, b->n, "smooth", error)) ||
        !(b->neighbour =
              ORF_ALLOC(task, uint32_t, 6 * orf_mesh_n_triangles(mesh), "smooth", error)))
        return false;
    for (int pass = 0; pass < 2; pass++) { /* counted in start[v + 2], filed by start[v + 1] */
        for (uint32_t v = 0; v < b->n; v++)
            for (uint32_t i = edges.start[v], end; i < edges.start[v + 1]; i = end) {
                uint32_t other = edges.halves[i].other;
                end = orf_edge_end(edges.halves, i, edges.start[v + 1]);
                if (pass == 0) {
                    b->start[v + 2]++;
                    b->start[other + 2]++;
                    b->rim[v] |= end - i != 2;
                    b->rim[other] |= end - i != 2;
                } else {
                    b->neighbour[b->start[v + 1]++] = other;
                    b->neighbour[b->start[other + 1]++] = v;
                }
            }
        for (size_t v = 0; pass == 0 && v < b->n; v++)
            b->start[v + 2] += b->start[v + 1];
    }
    return orf_task_check(task, error);
}

static double
height_of(const Bilateral *b, size_t v, size_t other, double *ret_distance)
{
    double height = 0, square = 0;
    for (size_t k = 0; k < 3; k++) {
        double d = (double)b->positions[3 * other + k] - (double)b->positions[3 * v + k];
        height += d * (double)b->normals[3 * v + k];
        square += d * d;
    }
    *ret_distance = sqrt(square);
    return height;
}

static int
by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Mean distance of neighbours and median of their heights, of some of the vertices. */
static void
measure_noise(Bilateral *b)
{
    size_t step = b->n / 5000 + 1, n = 0;
    g_autoptr(GArray) heights = g_array_new(false, false, sizeof(float));
    double sum = 0;
    for (size_t v = 0; v < b->n; v += step)
        for (uint32_t i = b->start[v]; i < b->start[v + 1]; i++, n++) {
            double distance;
            float height = (float)fabs(height_of(b, v, b->neighbour[i], &distance));
            g_array_append_val(heights, height);
            sum += distance;
        }
    if (heights->len)
        qsort(heights->data, heights->len, sizeof(float), by_size);
    b->reach = n ? sum / (double)n : 0;
    b->noise =
        heights->len ? NOISE * (double)g_array_index(heights, float, heights->len / 2) : 0;
    b->noise = MAX(b->noise, 1e-6 * b->reach);
}

static void
move_vertices(size_t begin, size_t end, void *data)
{
    const Bilateral *b = data;
    for (size_t v = begin; v < end; v++) {
        double sum = 0, total = 1; /* its own height is 0 */
        for (uint32_t i = b->start[v]; i < b->start[v + 1] && !b->rim[v]; i++) {
            double distance, height = height_of(b, v, b->neighbour[i], &distance);
            double weight = exp(-distance * distance / (2 * b->reach * b->reach) -
                                height * height / (2 * b->noise * b->noise));
            sum += weight * height;
            total += weight;
        }
        for (size_t k = 0; k < 3; k++)
            b->moved[3 * v + k] =
                b->positions[3 * v + k] + (float)(sum / total * (double)b->normals[3 * v + k]);
    }
}

static OrfMesh *
smooth_once(OrfTask *task, Bilateral *b, const OrfMesh *mesh, bool first, GError **error)
{
    orf_autofree float *normals = orf_mesh_vertex_normals(task, mesh, error);
    if (!normals || !(b->moved = ORF_ALLOC(task, float, 3 * b->n, "smooth", error)))
        return NULL;
    b->positions = orf_mesh_positions(mesh);
    b->normals = normals;
    if (first)
        measure_noise(b);
    if (b->reach > 0 && !orf_task_parallel(task, b->n, ORF_MESH_BLOCK, move_vertices, b)) {
        orf_task_check(task, error);
        return NULL;
    }
    if (!(b->reach > 0))
        return orf_mesh_ref((OrfMesh *)mesh);
    return orf_mesh_with_positions_take(task, mesh, g_steal_pointer(&b->moved), error);
}

OrfMesh *
orf_mesh_smooth_sharp(OrfTask *task, const OrfMesh *mesh, unsigned rounds, GError **error)
{
    g_auto(Bilateral) b = { .n = orf_mesh_n_vertices(mesh) };
    g_autoptr(OrfMesh) smooth = orf_mesh_ref((OrfMesh *)mesh);
    rounds = rounds ? rounds : ROUNDS;
    if (!list_neighbours(task, mesh, &b, error))
        return NULL;
    for (unsigned i = 0; i < rounds; i++) {
        OrfMesh *next = smooth_once(task, &b, smooth, i == 0, error);
        if (!next)
            return NULL;
        orf_free(g_steal_pointer(&b.moved));
        orf_mesh_unref(smooth);
        smooth = next;
        orf_task_progress(task, (double)(i + 1) / rounds);
    }
    return g_steal_pointer(&smooth);
}
