/* carved.c - iso-surface of a field, without crumbs and hidden cavities, smoothed and
 * simplified.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/carved.h"

#include <string.h>

/* --- Shells: which triangles hang together ------------------------------------------------ */

static uint32_t
root_of(uint32_t *parent, uint32_t v)
{
    while (parent[v] != v) {
        parent[v] = parent[parent[v]];
        v = parent[v];
    }
    return v;
}

static void
join_shells(const OrfMesh *mesh, uint32_t *parent)
{
    const uint32_t *t = orf_mesh_triangles(mesh);
    for (uint32_t v = 0; v < orf_mesh_n_vertices(mesh); v++)
        parent[v] = v;
    for (size_t i = 0; i < 3 * orf_mesh_n_triangles(mesh); i += 3) {
        uint32_t a = root_of(parent, t[i]);
        for (unsigned k = 1; k < 3; k++) {
            uint32_t b = root_of(parent, t[i + k]);
            if (a < b)
                parent[b] = a;
            else
                parent[a] = b;
            a = MIN(a, b);
        }
    }
}

static double
six_volumes(const float *p, const uint32_t t[3])
{
    const float *a = p + 3 * (size_t)t[0], *b = p + 3 * (size_t)t[1], *c = p + 3 * (size_t)t[2];
    return (double)a[0] * (b[1] * c[2] - b[2] * c[1]) -
           (double)a[1] * (b[0] * c[2] - b[2] * c[0]) +
           (double)a[2] * (b[0] * c[1] - b[1] * c[0]);
}

/* Signed volume of each shell, at its root; returns the largest. Cavities are negative. */
static double
measure_shells(const OrfMesh *mesh, uint32_t *parent, double *volume)
{
    const uint32_t *t = orf_mesh_triangles(mesh);
    const float *p = orf_mesh_positions(mesh);
    double largest = 0;
    for (size_t i = 0; i < 3 * orf_mesh_n_triangles(mesh); i += 3)
        volume[root_of(parent, t[i])] += six_volumes(p, t + i);
    for (size_t v = 0; v < orf_mesh_n_vertices(mesh); v++)
        largest = MAX(largest, volume[v]);
    return largest;
}

/* The mesh of the shells with at least `least` volume. */
static OrfMesh *
keep_shells(OrfTask *task, const OrfMesh *mesh, uint32_t *parent, const double *volume,
            double least, GError **error)
{
    size_t n_vertices = orf_mesh_n_vertices(mesh), n_triangles = orf_mesh_n_triangles(mesh);
    g_auto(OrfMeshParts) parts = { 0 };
    parts.positions = ORF_ALLOC(task, float, 3 * n_vertices, "shells", error);
    parts.triangles = ORF_ALLOC(task, uint32_t, 3 * n_triangles, "shells", error);
    orf_autofree uint32_t *number = ORF_ALLOC(task, uint32_t, n_vertices, "shells", error);
    if (!parts.positions || !parts.triangles || !number)
        return NULL;
    const float *p = orf_mesh_positions(mesh);
    for (uint32_t v = 0; v < n_vertices; v++) {
        if (volume[root_of(parent, v)] < least)
            continue;
        memcpy(parts.positions + 3 * parts.n_vertices, p + 3 * (size_t)v, 3 * sizeof *p);
        number[v] = (uint32_t)parts.n_vertices++;
    }
    const uint32_t *t = orf_mesh_triangles(mesh);
    for (size_t i = 0; i < 3 * n_triangles; i += 3) {
        if (volume[root_of(parent, t[i])] < least)
            continue;
        for (unsigned k = 0; k < 3; k++)
            parts.triangles[3 * parts.n_triangles + k] = number[t[i + k]];
        parts.n_triangles++;
    }
    return orf_mesh_new_take(&parts, error);
}

static OrfMesh *
without_crumbs(OrfTask *task, OrfMesh *mesh, float crumb, GError **error)
{
    size_t n = orf_mesh_n_vertices(mesh);
    orf_autofree uint32_t *parent = ORF_ALLOC(task, uint32_t, n, "shells", error);
    orf_autofree double *volume = ORF_ALLOC(task, double, n, "shells", error);
    if (!parent || !volume)
        return NULL;
    join_shells(mesh, parent);
    double largest = measure_shells(mesh, parent, volume), least = crumb * largest;
    bool crumbs = false;
    for (uint32_t v = 0; v < n && !crumbs; v++)
        crumbs = parent[v] == v && volume[v] < least;
    return crumbs ? keep_shells(task, mesh, parent, volume, least, error) : orf_mesh_ref(mesh);
}

static OrfMesh *
warped(OrfTask *task, OrfMesh *mesh, const OrfCarved *options, GError **error)
{
    if (!options->warp)
        return orf_mesh_ref(mesh);
    size_t n = orf_mesh_n_vertices(mesh);
    float *positions = ORF_ALLOC(task, float, 3 * n, "vertices", error);
    if (!positions)
        return NULL;
    memcpy(positions, orf_mesh_positions(mesh), 3 * n * sizeof *positions);
    options->warp(positions, n, options->data);
    return orf_mesh_with_positions_take(task, mesh, positions, error);
}

static OrfMesh *
smoothed(OrfTask *task, OrfMesh *mesh, const OrfCarved *options, GError **error)
{
    if (!options->rounds)
        return orf_mesh_ref(mesh);
    return orf_mesh_smooth(task, mesh, &(OrfSmooth){ .rounds = options->rounds }, error);
}

static OrfMesh *
simplified(OrfTask *task, OrfMesh *mesh, const OrfCarved *options, GError **error)
{
    if (!options->triangles || orf_mesh_n_triangles(mesh) <= options->triangles)
        return orf_mesh_ref(mesh);
    return orf_mesh_simplify(task, mesh, &(OrfSimplify){ .triangles = options->triangles },
                             error);
}

/* The surface of a field crosses itself nowhere, but the warp, smoothing and thinning may fold
 * parts that are thinner than a cell. Such a body is repaired. */
static OrfMesh *
uncrossed(OrfTask *task, OrfMesh *mesh, GError **error)
{
    OrfMeasures measures;
    if (!orf_mesh_measure(task, mesh, true, &measures, error))
        return NULL;
    return measures.self_intersections == 0 ? orf_mesh_ref(mesh)
                                            : orf_mesh_repair(task, mesh, NULL, NULL, error);
}

OrfMesh *
orf_carved_mesh(OrfTask *task, const OrfField *field, const OrfCarved *options, GError **error)
{
    g_autoptr(OrfMesh) raw = orf_mesh_isosurface(task, field, error);
    if (!raw)
        return NULL;
    if (orf_mesh_n_triangles(raw) == 0)
        return ORF_FAIL(
            error, BAD_INPUT,
            "carve: nothing is left of the body; the pictures contradict each other "
            "or show too little");
    g_autoptr(OrfMesh) clean = without_crumbs(task, raw, MAX(options->crumb, 1e-6f), error);
    g_clear_pointer(&raw, orf_mesh_unref);
    g_autoptr(OrfMesh) placed = clean ? warped(task, clean, options, error) : NULL;
    g_clear_pointer(&clean, orf_mesh_unref);
    g_autoptr(OrfMesh) smooth = placed ? smoothed(task, placed, options, error) : NULL;
    g_clear_pointer(&placed, orf_mesh_unref);
    g_autoptr(OrfMesh) simple = smooth ? simplified(task, smooth, options, error) : NULL;
    g_clear_pointer(&smooth, orf_mesh_unref);
    return simple ? uncrossed(task, simple, error) : NULL;
}
