/* glb-split.c - normals with a crease angle, and the copies of vertices they ask for.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each vertex first gets the area-weighted mean of its faces. Where every face lies within half
 * the crease angle of that mean (nearly everywhere on a fine mesh) it is the normal. The other
 * vertices, and those on a uv seam, are looked at one by one: faces joined by an edge flatter
 * than the crease angle share a normal, and each pair of normal and uv becomes a vertex of its
 * own. */
#include "format/glb-priv.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CREASE_COS 0.766044443118978 /* of 40 degrees */
#define CALM_COS 0.939692620785908f  /* of half of it */
#define GRAIN ((size_t)1 << 14)

typedef struct {
    OrfTask *task;
    const OrfMesh *mesh;
    const float *positions;
    const uint32_t *triangles;
    const uint32_t *uv_triangles; /* or NULL */
    size_t n_vertices, n_triangles, n_pieces;
    float *faces;       /* [n_triangles][3] normals as long as twice the area */
    float *normals;     /* [n_vertices][3] */
    uint32_t *uvs;      /* [n_vertices] uv of the first corner, or NULL */
    _Atomic bool *torn; /* [n_vertices] 1: creased or on a seam */
    uint32_t *list;     /* [n_torn] vertices */
    uint32_t *place;    /* [n_vertices] place in list */
    size_t *start;      /* [n_torn + 1] into around */
    uint32_t *around;   /* corners at each torn vertex */
    uint32_t *labels;   /* of each of them: which of the vertex's copies */
    uint32_t *n_labels; /* [n_torn] */
    uint32_t *first;    /* [n_torn] first copy */
    uint64_t *scratch;  /* 2 for each of around */
    size_t n_torn;
    OrfGlbSplit *ret;
} Split;

static float
dot(const float *a, const float *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void
normalize(float *n)
{
    float length = sqrtf(dot(n, n));
    bool usable = length > 0 && length - length == 0;
    for (unsigned c = 0; c < 3; c++)
        n[c] = usable ? n[c] / length : c == 1;
    if (!usable || fabsf(dot(n, n) - 1) < 1e-4f)
        return;
    memcpy(n, (const float[]){ 0, 1, 0 }, 3 * sizeof *n); /* too short to divide by */
}

/* --- Calm vertices ------------------------------------------------------------------------ */

static void
find_faces(size_t begin, size_t end, void *data)
{
    const Split *split = data;
    for (size_t i = begin; i < end; i++) {
        const uint32_t *t = split->triangles + 3 * i;
        const float *a = split->positions + 3 * (size_t)t[0];
        const float *b = split->positions + 3 * (size_t)t[1];
        const float *c = split->positions + 3 * (size_t)t[2];
        float u[3] = { b[0] - a[0], b[1] - a[1], b[2] - a[2] };
        float v[3] = { c[0] - a[0], c[1] - a[1], c[2] - a[2] };
        float *n = split->faces + 3 * i;
        n[0] = u[1] * v[2] - u[2] * v[1];
        n[1] = u[2] * v[0] - u[0] * v[2];
        n[2] = u[0] * v[1] - u[1] * v[0];
    }
}

/* A piece owns a range of vertices and looks at every triangle: no two write the same sum, and
 * each sum runs in the order of triangles however many cores there are. */
static void
sum_piece(const Split *split, uint32_t low, uint32_t high)
{
    for (size_t i = 0; i < split->n_triangles; i++) {
        const float *face = split->faces + 3 * i;
        for (unsigned k = 0; k < 3; k++) {
            uint32_t v = split->triangles[3 * i + k];
            if (v < low || v >= high)
                continue;
            float *n = split->normals + 3 * (size_t)v;
            n[0] += face[0], n[1] += face[1], n[2] += face[2];
            if (!split->uvs)
                continue;
            uint32_t uv = split->uv_triangles[3 * i + k];
            if (split->uvs[v] == ORF_NO_UV)
                split->uvs[v] = uv;
            else if (split->uvs[v] != uv)
                atomic_store_explicit(&split->torn[v], true, memory_order_relaxed);
        }
        if (i % (GRAIN * 4) == 0 && orf_task_cancelled(split->task))
            return;
    }
}

static void
sum_faces(size_t begin, size_t end, void *data)
{
    const Split *split = data;
    for (size_t i = begin; i < end; i++) {
        size_t low = split->n_vertices * i / split->n_pieces;
        size_t high = split->n_vertices * (i + 1) / split->n_pieces;
        sum_piece(split, (uint32_t)low, (uint32_t)high);
    }
}

static void
normalize_vertices(size_t begin, size_t end, void *data)
{
    const Split *split = data;
    for (size_t i = begin; i < end; i++)
        normalize(split->normals + 3 * i);
}

static void
find_creases(size_t begin, size_t end, void *data)
{
    const Split *split = data;
    for (size_t i = begin; i < end; i++) {
        const float *face = split->faces + 3 * i;
        float least = CALM_COS * sqrtf(dot(face, face));
        for (unsigned k = 0; k < 3; k++) {
            uint32_t v = split->triangles[3 * i + k];
            if (dot(face, split->normals + 3 * (size_t)v) < least)
                atomic_store_explicit(&split->torn[v], true, memory_order_relaxed);
        }
    }
}

static bool
look_at_all(Split *split, GError **error)
{
    OrfTask *task = split->task;
    split->n_pieces = orf_task_cores(task);
    if (split->uvs)
        memset(split->uvs, 255, split->n_vertices * sizeof *split->uvs);
    return (orf_task_parallel(task, split->n_triangles, GRAIN, find_faces, split) &&
            orf_task_parallel(task, split->n_pieces, 1, sum_faces, split) &&
            orf_task_parallel(task, split->n_vertices, GRAIN, normalize_vertices, split) &&
            orf_task_parallel(task, split->n_triangles, GRAIN, find_creases, split)) ||
           orf_task_check(task, error);
}

/* --- Torn vertices ------------------------------------------------------------------------ */

static bool
gather(Split *split, GError **error)
{
    OrfTask *task = split->task;
    for (size_t i = 0; i < split->n_vertices; i++)
        split->n_torn += split->torn[i];
    if (!split->n_torn)
        return true;
    size_t n = split->n_torn, total = 0;
    if (!(split->list = ORF_ALLOC(task, uint32_t, n, "seams", error)) ||
        !(split->place = ORF_ALLOC(task, uint32_t, split->n_vertices, "seams", error)) ||
        !(split->start = ORF_ALLOC(task, size_t, n + 2, "seams", error)))
        return false;
    for (size_t i = 0, at = 0; i < split->n_vertices; i++)
        if (split->torn[i]) {
            split->place[i] = (uint32_t)at;
            split->list[at++] = (uint32_t)i;
        }
    size_t *start = split->start + 1; /* filled one ahead, so that filling leaves it right */
    for (size_t i = 0; i < 3 * split->n_triangles; i++)
        if (split->torn[split->triangles[i]]) {
            start[split->place[split->triangles[i]] + 1]++;
            total++;
        }
    for (size_t i = 0; i < n; i++)
        start[i + 1] += start[i];
    if (!(split->around = ORF_ALLOC(task, uint32_t, total, "seams", error)) ||
        !(split->labels = ORF_ALLOC(task, uint32_t, total, "seams", error)) ||
        !(split->n_labels = ORF_ALLOC(task, uint32_t, n, "seams", error)) ||
        !(split->first = ORF_ALLOC(task, uint32_t, n, "seams", error)) ||
        !(split->scratch = ORF_ALLOC(task, uint64_t, 2 * total, "seams", error)))
        return false;
    for (size_t i = 0; i < 3 * split->n_triangles; i++)
        if (split->torn[split->triangles[i]])
            split->around[start[split->place[split->triangles[i]]]++] = (uint32_t)i;
    return orf_task_check(task, error);
}

static int
compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void
sort(uint64_t *keys, size_t n)
{
    if (n > 24) {
        qsort(keys, n, sizeof *keys, compare_u64);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        uint64_t key = keys[i];
        size_t at = i;
        for (; at && keys[at - 1] > key; at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

static uint32_t
root_of(uint32_t *parents, uint32_t i)
{
    while (parents[i] != i)
        i = parents[i] = parents[parents[i]];
    return i;
}

static bool
is_flat(const Split *split, uint32_t corner, uint32_t other)
{
    const float *a = split->faces + 3 * (size_t)(corner / 3);
    const float *b = split->faces + 3 * (size_t)(other / 3);
    double lengths = sqrt((double)dot(a, a) * (double)dot(b, b));
    return (double)dot(a, b) >= CREASE_COS * lengths;
}

/* Corners of one vertex, joined over flat edges: the lower root wins, so roots do not depend on
 * order. */
static void
join_flat(const Split *split, const uint32_t *corners, size_t n, uint32_t *parents,
          uint64_t *keys)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t face = corners[i] / 3 * 3, k = corners[i] % 3;
        parents[i] = i;
        keys[2 * i] = (uint64_t)split->triangles[face + (k + 1) % 3] << 32 | i;
        keys[2 * i + 1] = (uint64_t)split->triangles[face + (k + 2) % 3] << 32 | i;
    }
    sort(keys, 2 * n);
    for (size_t i = 1; i < 2 * n; i++) {
        uint32_t a = (uint32_t)keys[i - 1], b = (uint32_t)keys[i];
        if (keys[i - 1] >> 32 != keys[i] >> 32 || !is_flat(split, corners[a], corners[b]))
            continue;
        a = root_of(parents, a), b = root_of(parents, b);
        parents[MAX(a, b)] = MIN(a, b);
    }
}

/* Numbers the pairs of smooth part and uv among the corners of one vertex. `labels` holds the
 * roots before; equal roots give equal numbers, and the first corner's pair is number 0. */
static uint32_t
number_pairs(const Split *split, const uint32_t *corners, size_t n, uint32_t *labels,
             uint64_t *keys)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < n; i++)
        keys[i] = (uint64_t)root_of(labels, i) << 32 | i;
    sort(keys, n);
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin; end < n && keys[end] >> 32 == keys[begin] >> 32; end++) {
            uint32_t i = (uint32_t)keys[end];
            uint32_t uv = split->uvs ? split->uv_triangles[corners[i]] : 0;
            keys[n + end] = (uint64_t)uv << 32 | i;
        }
        sort(keys + n + begin, end - begin);
        for (size_t i = begin; i < end; i++) {
            next += i > begin && keys[n + i] >> 32 != keys[n + i - 1] >> 32;
            labels[(uint32_t)keys[n + i]] = next;
        }
        next++;
    }
    uint32_t own = labels[0];
    for (size_t i = 0; i < n; i++)
        labels[i] = labels[i] == own ? 0 : labels[i] + (labels[i] < own);
    return next;
}

static void
label_vertices(size_t begin, size_t end, void *data)
{
    const Split *split = data;
    for (size_t i = begin; i < end; i++) {
        size_t from = split->start[i], n = split->start[i + 1] - from;
        uint64_t *keys = split->scratch + 2 * from;
        join_flat(split, split->around + from, n, split->labels + from, keys);
        split->n_labels[i] =
            number_pairs(split, split->around + from, n, split->labels + from, keys);
    }
}

/* --- Copies ------------------------------------------------------------------------------- */

static void
write_copies(size_t begin, size_t end, void *data)
{
    const Split *split = data;
    OrfGlbSplit *ret = split->ret;
    for (size_t i = begin; i < end; i++) {
        uint32_t vertex = split->list[i];
        for (size_t k = split->start[i]; k < split->start[i + 1]; k++) {
            uint32_t corner = split->around[k], label = split->labels[k];
            uint32_t copy = label ? split->first[i] + label - 1 : vertex;
            ret->corners[corner] = copy;
            if (label)
                ret->sources[copy - split->n_vertices] = vertex;
            if (ret->uvs)
                ret->uvs[copy] = split->uv_triangles[corner];
        }
    }
}

/* Normals of one vertex and its copies: each the sum of a smooth part. Faces of all uvs belong
 * to it, so a seam in the texture is none in the light. */
static void
light_copies(size_t begin, size_t end, void *data)
{
    const Split *split = data;
    float *normals = split->ret->normals;
    for (size_t i = begin; i < end; i++) {
        const uint32_t *corners = split->around + split->start[i];
        size_t n = split->start[i + 1] - split->start[i];
        uint32_t *roots = split->labels + split->start[i]; /* no longer needed as labels */
        join_flat(split, corners, n, roots, split->scratch + 2 * split->start[i]);
        for (uint32_t k = 0; k < n; k++) /* each root's sum lies at the copy of its corner */
            memset(normals + 3 * (size_t)split->ret->corners[corners[k]], 0,
                   3 * sizeof *normals);
        for (uint32_t k = 0; k < n; k++) {
            float *sum = normals + 3 * (size_t)split->ret->corners[corners[root_of(roots, k)]];
            const float *face = split->faces + 3 * (size_t)(corners[k] / 3);
            sum[0] += face[0], sum[1] += face[1], sum[2] += face[2];
        }
        for (uint32_t k = 0; k < n; k++)
            if (root_of(roots, k) == k)
                normalize(normals + 3 * (size_t)split->ret->corners[corners[k]]);
        for (uint32_t k = 0; k < n; k++) {
            uint32_t root = split->ret->corners[corners[root_of(roots, k)]];
            uint32_t copy = split->ret->corners[corners[k]];
            if (copy != root)
                memcpy(normals + 3 * (size_t)copy, normals + 3 * (size_t)root,
                       3 * sizeof *normals);
        }
    }
}

/* Grows what is counted by vertex from n_vertices to n. */
static bool
grow(Split *split, size_t n, GError **error)
{
    OrfTask *task = split->task;
    OrfGlbSplit *ret = split->ret;
    float *normals =
        orf_task_realloc(task, ret->normals, 3 * n, sizeof *normals, "normals", error);
    if (!normals)
        return false;
    ret->normals = split->normals = normals;
    if (ret->uvs) {
        uint32_t *uvs = orf_task_realloc(task, ret->uvs, n, sizeof *uvs, "seams", error);
        if (!uvs)
            return false;
        ret->uvs = split->uvs = uvs;
    }
    ret->n = n;
    size_t copies = n - split->n_vertices, n_corners = 3 * split->n_triangles;
    ret->sources = ORF_ALLOC(task, uint32_t, copies, "seams", error);
    ret->corners = ret->sources ? ORF_ALLOC(task, uint32_t, n_corners, "indices", error) : NULL;
    if (ret->corners)
        memcpy(ret->corners, split->triangles, n_corners * sizeof *ret->corners);
    return ret->corners != NULL;
}

static bool
tear(Split *split, GError **error)
{
    if (!gather(split, error))
        return false;
    if (!split->n_torn)
        return true;
    if (!orf_task_parallel(split->task, split->n_torn, 1 << 10, label_vertices, split))
        return orf_task_check(split->task, error);
    size_t n = split->n_vertices;
    for (size_t i = 0; i < split->n_torn; i++) {
        split->first[i] = (uint32_t)n;
        n += split->n_labels[i] - 1;
    }
    if (n >= UINT32_MAX)
        return ORF_FALSE(error, TOO_LARGE, "glb: too many vertices; simplify the model");
    if (n == split->n_vertices)
        return true;
    return grow(split, n, error) &&
           ((orf_task_parallel(split->task, split->n_torn, 1 << 10, write_copies, split) &&
             orf_task_parallel(split->task, split->n_torn, 1 << 10, light_copies, split)) ||
            orf_task_check(split->task, error));
}

static void
clear(Split *split)
{
    orf_free(split->faces);
    orf_free(split->torn);
    orf_free(split->list);
    orf_free(split->place);
    orf_free(split->start);
    orf_free(split->around);
    orf_free(split->labels);
    orf_free(split->n_labels);
    orf_free(split->first);
    orf_free(split->scratch);
}

bool
orf_glb_split(OrfTask *task, const OrfMesh *mesh, bool uvs, OrfGlbSplit *ret, GError **error)
{
    Split split = {
        .task = task,
        .mesh = mesh,
        .positions = orf_mesh_positions(mesh),
        .triangles = orf_mesh_triangles(mesh),
        .uv_triangles = uvs ? orf_mesh_uv_triangles(mesh) : NULL,
        .n_vertices = orf_mesh_n_vertices(mesh),
        .n_triangles = orf_mesh_n_triangles(mesh),
        .ret = ret,
    };
    *ret = (OrfGlbSplit){ .n = split.n_vertices };
    bool ready =
        (split.faces = ORF_ALLOC(task, float, 3 * split.n_triangles, "normals", error)) &&
        (split.torn = ORF_ALLOC(task, _Atomic bool, split.n_vertices, "seams", error)) &&
        (ret->normals = ORF_ALLOC(task, float, 3 * split.n_vertices, "normals", error)) &&
        (!uvs || (ret->uvs = ORF_ALLOC(task, uint32_t, split.n_vertices, "seams", error)));
    split.normals = ret->normals;
    split.uvs = ret->uvs;
    ready = ready && look_at_all(&split, error) && tear(&split, error);
    clear(&split);
    if (!ready)
        orf_glb_split_clear(ret);
    return ready;
}

void
orf_glb_split_clear(OrfGlbSplit *split)
{
    orf_free(split->sources);
    orf_free(split->uvs);
    orf_free(split->normals);
    orf_free(split->corners);
    *split = (OrfGlbSplit){ 0 };
}
