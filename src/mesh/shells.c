/* shells.c - a mesh taken apart into the bodies it holds.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Triangles that hang together at vertices are a shell. One that is inside out is the wall of a
 * cavity and goes with the smallest shell whose box holds its own. */
#include "mesh/repair-priv.h"

#include <math.h>
#include <string.h>

typedef struct {
    float low[3], high[3];
    double volume, area;
    uint32_t body; /* shell that it goes with */
} Shell;

static void
bound_shells(const OrfMesh *mesh, const OrfShells *shells, Shell *list)
{
    const uint32_t *t = orf_mesh_triangles(mesh);
    for (size_t s = 0; s < shells->n; s++) {
        list[s] = (Shell){ { INFINITY, INFINITY, INFINITY },
                           { -INFINITY, -INFINITY, -INFINITY },
                           shells->volume[s],
                           shells->area[s],
                           (uint32_t)s };
    }
    for (size_t c = 0; c < 3 * orf_mesh_n_triangles(mesh); c++) {
        const float *p = orf_mesh_positions(mesh) + 3 * (size_t)t[c];
        Shell *shell = &list[shells->of[c / 3]];
        for (int k = 0; k < 3; k++) {
            shell->low[k] = MIN(shell->low[k], p[k]);
            shell->high[k] = MAX(shell->high[k], p[k]);
        }
    }
}

static bool
holds(const Shell *outer, const Shell *inner)
{
    for (int k = 0; k < 3; k++)
        if (outer->low[k] > inner->low[k] || outer->high[k] < inner->high[k])
            return false;
    return true;
}

static void
find_bodies(Shell *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; list[i].volume < 0 && j < n; j++)
            if (list[j].volume > 0 && holds(&list[j], &list[i]) &&
                (list[i].body == i || list[j].volume < list[list[i].body].volume))
                list[i].body = (uint32_t)j;
}

static int
by_area(const void *a, const void *b, void *data)
{
    const Shell *list = data;
    double x = list[*(const uint32_t *)a].area, y = list[*(const uint32_t *)b].area;
    return (x < y) - (x > y);
}

static void
mesh_unref(void *mesh)
{
    orf_mesh_unref(mesh);
}

/* Number of the part of each shell, the largest first; those beyond `most` share the last. */
static size_t
number_parts(Shell *list, size_t n, size_t most, uint32_t *part)
{
    g_autofree uint32_t *order = g_new(uint32_t, n);
    size_t bodies = 0, numbered = 0;
    for (size_t i = 0; i < n; i++)
        if (list[i].body == i)
            order[bodies++] = (uint32_t)i;
    g_qsort_with_data(order, (int)bodies, sizeof *order, by_area, list);
    for (size_t i = 0; i < bodies; i++) {
        part[order[i]] = (uint32_t)MIN(i, most - 1);
        numbered = MIN(i, most - 1) + 1;
    }
    for (size_t i = 0; i < n; i++)
        part[i] = part[list[i].body];
    return numbered;
}

GPtrArray *
orf_mesh_shells(OrfTask *task, OrfMesh *mesh, size_t most, GError **error)
{
    g_auto(OrfShells) shells = { 0 };
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(mesh_unref);
    size_t n = orf_mesh_n_triangles(mesh);
    if (!orf_shells_init(task, mesh, &shells, error))
        return NULL;
    orf_autofree Shell *list = ORF_ALLOC(task, Shell, shells.n, "shells", error);
    orf_autofree uint32_t *part =
        list ? ORF_ALLOC(task, uint32_t, shells.n, "shells", error) : NULL;
    orf_autofree uint8_t *kept = part ? ORF_ALLOC(task, uint8_t, n, "shells", error) : NULL;
    if (!kept)
        return NULL;
    bound_shells(mesh, &shells, list);
    if (shells.n <= 4096) /* more are dust: cavities among them stay by themselves */
        find_bodies(list, shells.n);
    size_t n_parts = number_parts(list, shells.n, most, part);
    for (size_t i = 0; i < n_parts; i++) {
        for (size_t t = 0; t < n; t++)
            kept[t] = part[shells.of[t]] == i;
        OrfMesh *some = orf_repair_keep(task, mesh, kept, error);
        if (!some)
            return NULL;
        g_ptr_array_add(parts, some);
        orf_task_progress(task, (double)(i + 1) / (double)n_parts);
    }
    return g_steal_pointer(&parts);
}
