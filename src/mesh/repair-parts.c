/* repair-parts.c - some triangles of a mesh, and its shells.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mesh/repair-priv.h"

#include <math.h>
#include <string.h>

/* --- Some triangles ----------------------------------------------------------------------- */

static void
copy_triangle(OrfMeshParts *parts, size_t to, size_t from, bool turned)
{
    uint32_t t[3], uv[3] = { 0 };
    for (size_t c = 0; c < 3; c++) {
        size_t corner = 3 * from + (turned ? (3 - c) % 3 : c);
        t[c] = parts->triangles[corner];
        if (parts->uv_triangles)
            uv[c] = parts->uv_triangles[corner];
    }
    memcpy(parts->triangles + 3 * to, t, sizeof t);
    if (parts->uv_triangles)
        memcpy(parts->uv_triangles + 3 * to, uv, sizeof uv);
    if (parts->groups)
        parts->groups[to] = parts->groups[from];
}

OrfMesh *
orf_repair_keep(OrfTask *task, const OrfMesh *mesh, const uint8_t *side, GError **error)
{
    g_auto(OrfMeshParts) parts = { 0 };
    if (!orf_mesh_copy_parts(task, mesh, &parts, error))
        return NULL;
    size_t kept = 0;
    for (size_t t = 0; t < parts.n_triangles; t++)
        if (side[t])
            copy_triangle(&parts, kept++, t, side[t] == 2);
    parts.n_triangles = kept;
    g_autoptr(OrfMesh) some = orf_mesh_new_take(&parts, error);
    return some ? orf_mesh_weld(task, some, 0, error) : NULL;
}

/* --- Triangles that say nothing ----------------------------------------------------------- */

typedef struct {
    uint32_t v[3]; /* sorted */
    uint32_t triangle;
} Key;

static int
by_corners(const void *a, const void *b)
{
    const Key *x = a, *y = b;
    for (int k = 0; k < 3; k++)
        if (x->v[k] != y->v[k])
            return x->v[k] < y->v[k] ? -1 : 1;
    return (x->triangle > y->triangle) - (x->triangle < y->triangle);
}

static Key
key_of(const uint32_t *t, size_t index)
{
    Key key = { { t[0], t[1], t[2] }, (uint32_t)index };
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            if (key.v[k] > key.v[k + 1]) {
                uint32_t v = key.v[k];
                key.v[k] = key.v[k + 1];
                key.v[k + 1] = v;
            }
    return key;
}

static bool
has_area(const float *p, const uint32_t *t)
{
    double normal[3], u[3], v[3], sum = 0;
    for (size_t k = 0; k < 3; k++) {
        u[k] = (double)p[3 * (size_t)t[1] + k] - (double)p[3 * (size_t)t[0] + k];
        v[k] = (double)p[3 * (size_t)t[2] + k] - (double)p[3 * (size_t)t[0] + k];
    }
    for (int k = 0; k < 3; k++) {
        normal[k] = u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3];
        sum += normal[k] * normal[k];
    }
    return sum > 0;
}

OrfMesh *
orf_repair_clean(OrfTask *task, const OrfMesh *mesh, size_t *ret_flat, size_t *ret_twice,
                 GError **error)
{
    g_autoptr(OrfMesh) welded = orf_mesh_weld(task, mesh, 0, error);
    if (!welded)
        return NULL;
    size_t n = orf_mesh_n_triangles(welded);
    const uint32_t *triangles = orf_mesh_triangles(welded);
    orf_autofree Key *keys = ORF_ALLOC(task, Key, n, "repair: duplicates", error);
    orf_autofree uint8_t *side = ORF_ALLOC(task, uint8_t, n, "repair: duplicates", error);
    if (!keys || !side)
        return NULL;
    for (size_t t = 0; t < n; t++)
        keys[t] = key_of(triangles + 3 * t, t);
    qsort(keys, n, sizeof *keys, by_corners);
    *ret_flat = orf_mesh_n_triangles(mesh) - n;
    *ret_twice = 0;
    for (size_t i = 0; i < n; i++) {
        bool twice = i > 0 && memcmp(keys[i].v, keys[i - 1].v, sizeof keys[i].v) == 0;
        bool flat = !has_area(orf_mesh_positions(welded), keys[i].v);
        *ret_twice += twice;
        *ret_flat += flat && !twice;
        side[keys[i].triangle] = !twice && !flat;
    }
    return *ret_flat + *ret_twice ? orf_repair_keep(task, welded, side, error)
                                  : g_steal_pointer(&welded);
}

/* --- Shells ------------------------------------------------------------------------------- */

void
orf_shells_clear(OrfShells *shells)
{
    g_clear_pointer(&shells->of, orf_free);
    g_clear_pointer(&shells->volume, g_free);
    g_clear_pointer(&shells->area, g_free);
}

bool
orf_shells_init(OrfTask *task, const OrfMesh *mesh, OrfShells *shells, GError **error)
{
    size_t n = orf_mesh_n_triangles(mesh), n_vertices = orf_mesh_n_vertices(mesh);
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    const float *p = orf_mesh_positions(mesh);
    orf_autofree uint32_t *parent =
        ORF_ALLOC(task, uint32_t, n_vertices, "repair: shells", error);
    if (!parent || !(shells->of = ORF_ALLOC(task, uint32_t, n, "repair: shells", error)))
        return false;
    for (size_t v = 0; v < n_vertices; v++)
        parent[v] = (uint32_t)v;
    for (size_t t = 0; t < n; t++)
        for (size_t c = 1; c < 3; c++)
            parent[orf_set_root(parent, triangles[3 * t])] =
                orf_set_root(parent, triangles[3 * t + c]);
    for (size_t t = 0; t < n; t++)
        shells->of[t] = orf_set_root(parent, triangles[3 * t]);
    for (size_t v = 0; v < n_vertices; v++) /* roots become numbers */
        parent[v] = UINT32_MAX;
    for (size_t t = 0; t < n; t++) {
        if (parent[shells->of[t]] == UINT32_MAX)
            parent[shells->of[t]] = (uint32_t)shells->n++;
        shells->of[t] = parent[shells->of[t]];
    }
    shells->volume = g_new0(double, MAX(shells->n, 1));
    shells->area = g_new0(double, MAX(shells->n, 1));
    for (size_t t = 0; t < n; t++) {
        const float *a = p + 3 * (size_t)triangles[3 * t];
        const float *b = p + 3 * (size_t)triangles[3 * t + 1];
        const float *c = p + 3 * (size_t)triangles[3 * t + 2];
        double normal[3], size = 0, sum = 0;
        for (int k = 0; k < 3; k++) {
            int i = (k + 1) % 3, j = (k + 2) % 3;
            normal[k] = ((double)b[i] - a[i]) * ((double)c[j] - a[j]) -
                        ((double)b[j] - a[j]) * ((double)c[i] - a[i]);
            size += normal[k] * normal[k];
            sum += normal[k] * ((double)a[k] - p[k]);
        }
        shells->area[shells->of[t]] += sqrt(size) / 2;
        shells->volume[shells->of[t]] += sum / 6;
    }
    return true;
}
