/* apart.c - vertices that lie closer than a reader's tolerance are moved apart.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Slicers and checkers join vertices within about a millionth of the size. A mesh that is
 * closed by its indices may then fall apart where two vertices nearly coincide. Each such
 * vertex is moved by a few tolerances in a direction of its own, which changes no index and no
 * shape that anybody could see. Cells of twice the distance; a vertex looks into the eight that
 * its neighbourhood touches. */
#include "mesh/mesh.h"

#include <math.h>
#include <string.h>

#define ROUNDS 6
#define NONE UINT32_MAX

typedef struct {
    uint32_t *head; /* [mask + 1] first vertex of a bucket, or NONE */
    uint32_t *next; /* [n] */
    size_t mask;
    float *positions;
    float distance;
} Cells;

static uint32_t
hash_cell(int64_t x, int64_t y, int64_t z)
{
    uint64_t h = (uint64_t)x * 0x9E3779B97F4A7C15u ^ (uint64_t)y * 0xC2B2AE3D27D4EB4Fu ^
                 (uint64_t)z * 0x165667B19E3779F9u;
    h ^= h >> 29;
    return (uint32_t)((h * 0xBF58476D1CE4E5B9u) >> 32);
}

static int64_t
cell_of(const Cells *cells, double coordinate)
{
    return (int64_t)floor(coordinate / (2 * (double)cells->distance));
}

static bool
near(const float *a, const float *b, float distance)
{
    float dx = a[0] - b[0], dy = a[1] - b[1], dz = a[2] - b[2];
    return dx * dx + dy * dy + dz * dz < distance * distance;
}

/* A vertex seen before that is too close to `i`. */
static bool
crowded(const Cells *cells, uint32_t i)
{
    const float *p = cells->positions + 3 * (size_t)i;
    double d = cells->distance;
    int64_t low[3], high[3];
    for (int k = 0; k < 3; k++) {
        low[k] = cell_of(cells, p[k] - d);
        high[k] = cell_of(cells, p[k] + d);
    }
    for (int64_t z = low[2]; z <= high[2]; z++)
        for (int64_t y = low[1]; y <= high[1]; y++)
            for (int64_t x = low[0]; x <= high[0]; x++)
                for (uint32_t j = cells->head[hash_cell(x, y, z) & cells->mask]; j != NONE;
                     j = cells->next[j])
                    if (near(p, cells->positions + 3 * (size_t)j, cells->distance))
                        return true;
    return false;
}

static void
enter(Cells *cells, uint32_t i)
{
    const float *p = cells->positions + 3 * (size_t)i;
    uint32_t bucket =
        (uint32_t)(hash_cell(cell_of(cells, p[0]), cell_of(cells, p[1]), cell_of(cells, p[2])) &
                   cells->mask);
    cells->next[i] = cells->head[bucket];
    cells->head[bucket] = i;
}

/* A few distances in a direction that depends on the vertex and the round only. */
static void
push(float *p, uint32_t i, unsigned round, float distance)
{
    uint32_t h = hash_cell(i, round, 1);
    for (int k = 0; k < 3; k++, h = h * 1664525u + 1013904223u)
        p[k] += distance * (1.5f + (float)round) *
                ((h >> 31 ? 1.0f : -1.0f) + (float)(h >> 8 & 0xff) / 512);
}

static bool
cells_alloc(OrfTask *task, Cells *cells, size_t n, GError **error)
{
    size_t size = 1024;
    while (size < n)
        size *= 2;
    cells->mask = size - 1;
    cells->head = ORF_ALLOC(task, uint32_t, size, "vertex cells", error);
    cells->next = cells->head ? ORF_ALLOC(task, uint32_t, n, "vertex cells", error) : NULL;
    return cells->next != NULL;
}

static void
cells_clear(Cells *cells)
{
    orf_free(cells->head);
    orf_free(cells->next);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Cells, cells_clear)

static size_t
part_all(Cells *cells, size_t n)
{
    size_t moved = 0;
    memset(cells->head, 0xff, (cells->mask + 1) * sizeof *cells->head);
    for (uint32_t i = 0; i < n; i++) {
        bool touched = false;
        for (unsigned round = 0; round < ROUNDS && crowded(cells, i); round++, touched = true)
            push(cells->positions + 3 * (size_t)i, i, round, cells->distance);
        moved += touched;
        enter(cells, i);
    }
    return moved;
}

OrfMesh *
orf_mesh_keep_apart(OrfTask *task, OrfMesh *mesh, float distance, GError **error)
{
    size_t n = orf_mesh_n_vertices(mesh);
    orf_autofree float *positions = ORF_ALLOC(task, float, 3 * n, "positions", error);
    g_auto(Cells) cells = { .positions = positions, .distance = distance };
    if (!positions || !cells_alloc(task, &cells, n, error) || !orf_task_check(task, error))
        return NULL;
    memcpy(positions, orf_mesh_positions(mesh), 3 * n * sizeof *positions);
    if (!(distance > 0) || part_all(&cells, n) == 0)
        return orf_mesh_ref(mesh);
    return orf_mesh_with_positions_take(task, mesh, g_steal_pointer(&positions), error);
}
