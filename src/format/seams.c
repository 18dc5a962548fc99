/* seams.c - joins vertices that a file had to split for normals, colours or texture.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Closedness is a property of indices here, so copies at one place must become one vertex
 * again. A mesh that is closed by its indices is left alone: bodies that touch stay apart. */
#include "format/format-priv.h"

#include <string.h>

/* --- Closed by its indices? ----------------------------------------------------------------
 */

static uint64_t
mix(uint64_t h)
{
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    h ^= h >> 29;
    h *= UINT64_C(0xa0761d6478bd642f);
    return h ^ h >> 32;
}

static uint64_t
edge_sum(uint32_t a, uint32_t b)
{
    return mix(((uint64_t)MIN(a, b) << 32 | MAX(a, b)) + UINT64_C(0x9e3779b97f4a7c15));
}

bool
orf_edges_even(const uint32_t *triangles, size_t n_triangles)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n_triangles; i++) {
        const uint32_t *t = triangles + 3 * i;
        sum ^= edge_sum(t[0], t[1]) ^ edge_sum(t[1], t[2]) ^ edge_sum(t[2], t[0]);
    }
    return sum == 0;
}

/* --- Joining -------------------------------------------------------------------------------
 */

/* New index of every vertex as the file itself tells it; 0: it does not, else how many remain.
 */
static size_t
map_by_source(const OrfAssetDraft *draft, uint32_t *map)
{
    const uint32_t *sources = draft->sources.data;
    uint32_t next = 0;
    if (draft->sources.n != draft->positions.n)
        return 0;
    for (size_t i = 0; i < draft->sources.n; i++) {
        if (sources[i] == i)
            map[i] = next++;
        else if (sources[i] < i && sources[sources[i]] == sources[i])
            map[i] = map[sources[i]];
        else
            return 0;
    }
    return next;
}

/* The same by equal places. */
static size_t
map_by_place(const OrfAssetDraft *draft, uint32_t *map, GError **error)
{
    g_auto(OrfPoints) points;
    orf_points_init(&points, draft->task);
    bool added = orf_points_add(&points, draft->positions.data, draft->positions.n, map, error);
    return added ? points.found.n : 0;
}

/* Keeps the first item of each new index. */
static void
compact(OrfVec *vec, const uint32_t *map)
{
    char *items = vec->data;
    uint32_t next = 0;
    for (size_t i = 0; i < vec->n; i++)
        if (map[i] == next)
            memmove(items + vec->item * next++, items + vec->item * i, vec->item);
    vec->n = next;
}

/* The same texture place needs only one uv. */
static bool
join_uvs(OrfAssetDraft *draft, GError **error)
{
    size_t n = draft->uvs.n;
    g_auto(OrfPoints) points;
    orf_points_init(&points, draft->task);
    orf_autofree float(*keys)[3] =
        orf_task_alloc(draft->task, n, (sizeof *keys), "texture coordinates", error);
    orf_autofree uint32_t *map =
        keys ? ORF_ALLOC(draft->task, uint32_t, n, "texture coordinates", error) : NULL;
    if (!map)
        return false;
    for (size_t i = 0; i < n; i++)
        memcpy(keys[i], (float *)draft->uvs.data + 2 * i, 2 * sizeof(float));
    if (!orf_points_add(&points, (const float(*)[3])keys, n, map, error))
        return false;
    compact(&draft->uvs, map);
    uint32_t *corners = draft->uv_triangles.data;
    for (size_t i = 0; i < 3 * draft->triangles.n; i++)
        if (corners[i] < n)
            corners[i] = map[corners[i]];
    return true;
}

static bool
in_range(const OrfAssetDraft *draft)
{
    const uint32_t *corners = draft->triangles.data;
    for (size_t i = 0; i < 3 * draft->triangles.n; i++)
        if (corners[i] >= draft->positions.n)
            return false;
    return true;
}

bool
orf_asset_draft_join_seams(OrfAssetDraft *draft, OrfSeams seams, GError **error)
{
    size_t n = draft->positions.n, n_corners = 3 * draft->triangles.n;
    uint32_t *corners = draft->triangles.data;
    if (seams == ORF_SEAMS_AS_IS || !in_range(draft) ||
        orf_edges_even(corners, draft->triangles.n))
        return true; /* a bad index is for orf_mesh_new_take to report */
    orf_autofree uint32_t *map = ORF_ALLOC(draft->task, uint32_t, n, "vertices", error);
    orf_autofree uint32_t *joined =
        map ? ORF_ALLOC(draft->task, uint32_t, n_corners, "seams", error) : NULL;
    if (!joined)
        return false;
    size_t distinct = map_by_source(draft, map);
    if (!distinct && !(distinct = map_by_place(draft, map, error)))
        return false;
    for (size_t i = 0; i < n_corners; i++)
        joined[i] = map[corners[i]];
    if (distinct == n ||
        (seams == ORF_SEAMS_IF_CLOSES && !orf_edges_even(joined, draft->triangles.n)))
        return true;
    memcpy(corners, joined, n_corners * sizeof *corners);
    compact(&draft->positions, map);
    compact(&draft->colors, map);
    return !draft->uvs.n || join_uvs(draft, error);
}
