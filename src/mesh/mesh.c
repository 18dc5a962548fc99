/* mesh.c - the immutable triangle mesh: its blocks, its checks, its sharing.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A mesh owns its blocks, or owns only its positions and borrows the rest from a lender it
 * keeps alive: moving vertices then costs one block, not seven. A lender never borrows itself.
 */
#include "mesh-priv.h"

#include <string.h>

struct OrfMesh {
    gatomicrefcount refs;
    OrfMeshParts parts;
    OrfMesh *lender; /* owns all blocks but positions; NULL: they are ours */
    float low[3], high[3];
    unsigned n_groups;
};

/* --- Checks ------------------------------------------------------------------------------- */

static bool
all_below(const uint32_t *indices, size_t n, size_t limit)
{
    uint32_t highest = 0;
    for (size_t i = 0; i < n; i++)
        highest = MAX(highest, indices[i]);
    return n == 0 || highest < limit;
}

static bool
all_finite(const float *values, size_t n)
{
    uint32_t highest = 0;
    const uint32_t sign = 0x80000000u, infinity = 0x7f800000u;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        highest = MAX(highest, bits & ~sign);
    }
    return highest < infinity;
}

static bool
check_sizes(const OrfMeshParts *parts, GError **error)
{
    size_t n = MAX(MAX(parts->n_vertices, parts->n_triangles), parts->n_uvs);
    if (n > ORF_MESH_MAX)
        return ORF_FALSE(error, TOO_LARGE,
                         "mesh: %zu vertices or triangles, at most %zu are possible; "
                         "split the model",
                         n, ORF_MESH_MAX);
    return true;
}

static bool
check_parts(const OrfMeshParts *parts, GError **error)
{
    g_assert(parts->positions || parts->n_vertices == 0);
    g_assert(parts->triangles || parts->n_triangles == 0);
    g_assert(!parts->uvs == !parts->uv_triangles);
    if (!check_sizes(parts, error))
        return false;
    if (!all_below(parts->triangles, 3 * parts->n_triangles, parts->n_vertices))
        return ORF_FALSE(error, BAD_INPUT,
                         "mesh: a triangle names a vertex that is not there (there are %zu); "
                         "the file is damaged, export it again",
                         parts->n_vertices);
    if (parts->uvs && !all_below(parts->uv_triangles, 3 * parts->n_triangles, parts->n_uvs))
        return ORF_FALSE(error, BAD_INPUT,
                         "mesh: a triangle names a texture coordinate that is not there (there "
                         "are %zu); the file is damaged, export it again",
                         parts->n_uvs);
    if (!all_finite(parts->positions, 3 * parts->n_vertices) ||
        (parts->uvs && !all_finite(parts->uvs, 2 * parts->n_uvs)))
        return ORF_FALSE(error, BAD_INPUT,
                         "mesh: a coordinate is infinite or not a number; "
                         "repair the model in the program it came from");
    return true;
}

/* --- Make, share -------------------------------------------------------------------------- */

static void
measure_bounds(OrfMesh *mesh)
{
    const float *p = mesh->parts.positions;
    if (mesh->parts.n_vertices == 0)
        return;
    float low[3] = { p[0], p[1], p[2] }, high[3] = { p[0], p[1], p[2] };
    for (size_t v = 0; v < mesh->parts.n_vertices; v++, p += 3)
        for (int k = 0; k < 3; k++) {
            low[k] = p[k] < low[k] ? p[k] : low[k];
            high[k] = p[k] > high[k] ? p[k] : high[k];
        }
    memcpy(mesh->low, low, sizeof low);
    memcpy(mesh->high, high, sizeof high);
}

static unsigned
count_groups(const OrfMeshParts *parts)
{
    uint16_t highest = 0;
    if (parts->groups)
        for (size_t t = 0; t < parts->n_triangles; t++)
            highest = MAX(highest, parts->groups[t]);
    return highest + 1u;
}

OrfMesh *
orf_mesh_new_take(OrfMeshParts *parts, GError **error)
{
    g_auto(OrfMeshParts) own = *parts;
    memset(parts, 0, sizeof *parts);
    if (!check_parts(&own, error))
        return NULL;
    OrfMesh *mesh = g_new0(OrfMesh, 1);
    g_atomic_ref_count_init(&mesh->refs);
    mesh->parts = own;
    memset(&own, 0, sizeof own);
    mesh->n_groups = count_groups(&mesh->parts);
    measure_bounds(mesh);
    return mesh;
}

OrfMesh *
orf_mesh_with_positions_take(OrfTask *task, const OrfMesh *mesh, float *positions,
                             GError **error)
{
    orf_autofree float *own = positions;
    if (!orf_task_check(task, error))
        return NULL;
    if (!all_finite(own, 3 * mesh->parts.n_vertices))
        return ORF_FAIL(error, BAD_INPUT, "mesh: a new coordinate is infinite or not a number");
    OrfMesh *moved = g_new0(OrfMesh, 1);
    g_atomic_ref_count_init(&moved->refs);
    moved->parts = mesh->parts;
    moved->parts.positions = g_steal_pointer(&own);
    moved->lender = orf_mesh_ref(mesh->lender ? mesh->lender : (OrfMesh *)mesh);
    moved->n_groups = mesh->n_groups;
    measure_bounds(moved);
    return moved;
}

void
orf_mesh_parts_clear(OrfMeshParts *parts)
{
    orf_free(parts->positions);
    orf_free(parts->triangles);
    orf_free(parts->colors);
    orf_free(parts->uvs);
    orf_free(parts->uv_triangles);
    orf_free(parts->groups);
    memset(parts, 0, sizeof *parts);
}

static bool
copy_block(OrfTask *task, void *at, const void *from, size_t count, size_t size,
           const char *what, GError **error)
{
    if (!from)
        return true;
    void *copy = orf_task_alloc(task, count, size, what, error);
    if (!copy)
        return false;
    if (count)
        memcpy(copy, from, count * size);
    *(void **)at = copy;
    return true;
}

bool
orf_mesh_copy_parts(OrfTask *task, const OrfMesh *mesh, OrfMeshParts *ret_parts, GError **error)
{
    const OrfMeshParts *from = &mesh->parts;
    g_auto(OrfMeshParts) to = { .n_vertices = from->n_vertices,
                                .n_triangles = from->n_triangles,
                                .n_uvs = from->n_uvs };
    if (!copy_block(task, &to.positions, from->positions, from->n_vertices, 12, "vertices",
                    error) ||
        !copy_block(task, &to.triangles, from->triangles, from->n_triangles, 12, "triangles",
                    error) ||
        !copy_block(task, &to.colors, from->colors, from->n_vertices, 4, "colours", error) ||
        !copy_block(task, &to.uvs, from->uvs, from->n_uvs, 8, "texture coordinates", error) ||
        !copy_block(task, &to.uv_triangles, from->uv_triangles, from->n_triangles, 12,
                    "texture triangles", error) ||
        !copy_block(task, &to.groups, from->groups, from->n_triangles, 2, "groups", error))
        return false;
    *ret_parts = to;
    memset(&to, 0, sizeof to);
    return true;
}

OrfMesh *
orf_mesh_ref(OrfMesh *mesh)
{
    g_atomic_ref_count_inc(&mesh->refs);
    return mesh;
}

void
orf_mesh_unref(OrfMesh *mesh)
{
    if (!mesh || !g_atomic_ref_count_dec(&mesh->refs))
        return;
    if (mesh->lender) {
        orf_free(mesh->parts.positions);
        orf_mesh_unref(mesh->lender);
    } else {
        orf_mesh_parts_clear(&mesh->parts);
    }
    g_free(mesh);
}

/* --- Look --------------------------------------------------------------------------------- */

size_t
orf_mesh_n_vertices(const OrfMesh *mesh)
{
    return mesh->parts.n_vertices;
}

size_t
orf_mesh_n_triangles(const OrfMesh *mesh)
{
    return mesh->parts.n_triangles;
}

size_t
orf_mesh_n_uvs(const OrfMesh *mesh)
{
    return mesh->parts.n_uvs;
}

const float *
orf_mesh_positions(const OrfMesh *mesh)
{
    return mesh->parts.positions;
}

const uint32_t *
orf_mesh_triangles(const OrfMesh *mesh)
{
    return mesh->parts.triangles;
}

const uint8_t *
orf_mesh_colors(const OrfMesh *mesh)
{
    return mesh->parts.colors;
}

const float *
orf_mesh_uvs(const OrfMesh *mesh)
{
    return mesh->parts.uvs;
}

const uint32_t *
orf_mesh_uv_triangles(const OrfMesh *mesh)
{
    return mesh->parts.uv_triangles;
}

const uint16_t *
orf_mesh_groups(const OrfMesh *mesh)
{
    return mesh->parts.groups;
}

unsigned
orf_mesh_n_groups(const OrfMesh *mesh)
{
    return mesh->n_groups;
}

void
orf_mesh_bounds(const OrfMesh *mesh, float ret_low[3], float ret_high[3])
{
    memcpy(ret_low, mesh->low, sizeof mesh->low);
    memcpy(ret_high, mesh->high, sizeof mesh->high);
}
