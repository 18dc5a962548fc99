/* simplify.c - fewer triangles, the same shape.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Prepares what collapse.c works on and makes a mesh of what it leaves. Preparing means: one UV
 * per vertex and chart (a wedge), so that a vertex may move in the texture without its
 * namesakes; and flags for what must not be eaten: ends of texture seams, of borders between
 * groups, of branching or misoriented edges, vertices that pinch the surface, open borders when
 * asked for. */
#include "collapse.h"

#include <math.h>
#include <string.h>

#define BORDER_FACTOR                                                                          \
    10.0 /* weight of the wall that stands on an open edge, over its length squared */

static void
state_clear(OrfCollapse *state)
{
    orf_mesh_parts_clear(&state->parts);
    orf_free(state->points);
    orf_free(state->quadric);
    orf_free(state->start);
    orf_free(state->fan);
    orf_free(state->wedge_into);
    orf_free(state->cost);
    orf_free(state->drift);
    orf_free(state->shell);
    orf_free(state->shells);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfCollapse, state_clear)

/* --- Wedges ------------------------------------------------------------------------------- */

typedef struct {
    uint32_t uv, next; /* next wedge of the same vertex + 1 */
} Wedge;

static uint32_t
find_wedge(OrfVec *wedges, uint32_t *head, uint32_t uv)
{
    Wedge *all = wedges->data;
    for (uint32_t w = *head; w; w = all[w - 1].next)
        if (all[w - 1].uv == uv)
            return w - 1;
    all[wedges->n] = (Wedge){ uv, *head };
    *head = (uint32_t)++wedges->n;
    return *head - 1;
}

/* Gives every vertex UVs of its own. */
static bool
split_uvs(OrfTask *task, OrfMeshParts *parts, GError **error)
{
    size_t n_corners = 3 * parts->n_triangles;
    g_auto(OrfVec) wedges = { .item = sizeof(Wedge) };
    orf_autofree uint32_t *head =
        ORF_ALLOC(task, uint32_t, parts->n_vertices, "simplify", error);
    if (!head || !orf_vec_add(task, &wedges, n_corners, "simplify", error))
        return false;
    wedges.n = 0;
    for (size_t c = 0; c < n_corners; c++) {
        if (c % ORF_MESH_BLOCK == 0 && !orf_task_check(task, error))
            return false;
        uint32_t *of = &head[parts->triangles[c]];
        parts->uv_triangles[c] = find_wedge(&wedges, of, parts->uv_triangles[c]);
    }
    float *uvs = ORF_ALLOC(task, float, 2 * wedges.n, "texture coordinates", error);
    if (!uvs)
        return false;
    for (size_t w = 0; w < wedges.n; w++)
        memcpy(uvs + 2 * w, parts->uvs + 2 * (size_t)((Wedge *)wedges.data)[w].uv, 8);
    orf_free(parts->uvs);
    parts->uvs = uvs;
    parts->n_uvs = wedges.n;
    return true;
}

/* --- Flags -------------------------------------------------------------------------------- */

/* Is the edge of these two halves inside one chart and one group, and used in both directions?
 */
static bool
is_plain_edge(const OrfMeshParts *parts, uint32_t a, uint32_t b)
{
    uint32_t a_next = orf_next_corner(a), b_next = orf_next_corner(b);
    if (parts->triangles[a] != parts->triangles[b_next])
        return false;
    if (parts->groups && parts->groups[a / 3] != parts->groups[b / 3])
        return false;
    return !parts->uvs || (parts->uv_triangles[a] == parts->uv_triangles[b_next] &&
                           parts->uv_triangles[a_next] == parts->uv_triangles[b]);
}

static uint8_t
edge_flags(const OrfMeshParts *parts, const OrfHalf *halves, size_t n, bool keep_borders)
{
    if (n == 1)
        return keep_borders ? ORF_BORDER | ORF_FIXED : ORF_BORDER;
    if (n == 2 && is_plain_edge(parts, halves[0].half, halves[1].half))
        return 0;
    bool paired =
        n == 2 && parts->triangles[halves[0].half] != parts->triangles[halves[1].half];
    return paired ? ORF_FIXED : ORF_FIXED | ORF_TANGLED;
}

static bool
flag_edges(OrfTask *task, const OrfMesh *mesh, OrfCollapse *state, bool keep_borders,
           GError **error)
{
    g_auto(OrfEdges) edges = { 0 };
    if (!orf_edges_init(task, mesh, &edges, error))
        return false;
    for (uint32_t v = 0; v < state->parts.n_vertices; v++) {
        if (v % ORF_MESH_BLOCK == 0 && !orf_task_check(task, error))
            return false;
        for (uint32_t i = edges.start[v], next; i < edges.start[v + 1]; i = next) {
            next = orf_edge_end(edges.halves, i, edges.start[v + 1]);
            uint8_t flags = edge_flags(&state->parts, edges.halves + i, next - i, keep_borders);
            state->points[v].flags |= flags;
            state->points[edges.halves[i].other].flags |= flags;
        }
    }
    return true;
}

/* The triangle of v's fan that has `side` after v (step 1) or before it (step 2), or -1. */
static int64_t
fan_step(const OrfCollapse *state, uint32_t v, uint32_t side, int step, uint32_t *ret_next)
{
    for (uint32_t i = state->start[v]; i < state->start[v + 1]; i++) {
        uint32_t a = state->fan[i].a, b = state->fan[i].b;
        if ((step == 1 ? a : b) == side) {
            *ret_next = step == 1 ? b : a;
            return i;
        }
    }
    return -1;
}

/* Do the triangles at v form one fan? For vertices of plain and of open edges only: there a
 * side names the next triangle. */
static bool
is_one_fan(const OrfCollapse *state, uint32_t v)
{
    uint32_t begin = state->start[v], n = state->start[v + 1] - begin, reached = 1;
    for (int step = 1; step <= 2; step++) {
        uint32_t side = step == 1 ? state->fan[begin].b : state->fan[begin].a;
        int64_t at;
        while ((at = fan_step(state, v, side, step, &side)) >= 0 && at != begin)
            reached++;
        if (at == begin)
            break; /* all the way round */
    }
    return reached == n;
}

static void
flag_fans(size_t begin, size_t end, void *data)
{
    OrfCollapse *state = data;
    for (size_t v = begin; v < end; v++) {
        uint32_t n = state->start[v + 1] - state->start[v];
        if (n > ORF_MAX_FAN ||
            (n > 0 && !(state->points[v].flags & ORF_FIXED) && !is_one_fan(state, (uint32_t)v)))
            state->points[v].flags |= ORF_FIXED;
    }
}

/* --- Shells ------------------------------------------------------------------------------- */

/* Hangs each vertex under the lowest of its part. */
static bool
unite_vertices(OrfTask *task, const OrfMeshParts *parts, uint32_t *parent)
{
    for (size_t v = 0; v < parts->n_vertices; v++)
        parent[v] = (uint32_t)v;
    for (size_t c = 0; c < 3 * parts->n_triangles; c++) {
        if (c % ORF_MESH_BLOCK == 0 && orf_task_cancelled(task))
            return false;
        orf_set_unite(parent, parts->triangles[c],
                      parts->triangles[orf_next_corner((uint32_t)c)]);
    }
    return true;
}

/* Numbers the parts: state->shell[v] becomes the number of v's part. */
static size_t
number_shells(OrfCollapse *state)
{
    uint32_t *shell = state->shell, n = 0;
    for (size_t v = 0; v < state->parts.n_vertices;
         v++) /* a root comes before what hangs there */
        shell[v] = shell[v] == v ? n++ : shell[shell[v]];
    return n;
}

static void
measure_shells(OrfTask *task, OrfCollapse *state, size_t n_shells)
{
    const OrfMeshParts *parts = &state->parts;
    for (size_t s = 0; s < n_shells; s++)
        state->shells[s].closed = true;
    for (size_t v = 0; v < parts->n_vertices; v++)
        if (state->points[v].flags & (ORF_BORDER | ORF_TANGLED))
            state->shells[state->shell[v]].closed = false;
    for (size_t t = 0; t < parts->n_triangles; t++) {
        if (t % ORF_MESH_BLOCK == 0 && orf_task_cancelled(task))
            return;
        const uint32_t *corner = parts->triangles + 3 * t;
        double p[3][3], volume = 0;
        for (int k = 0; k < 3; k++)
            orf_collapse_local(state, parts->positions + 3 * (size_t)corner[k], p[k]);
        for (int k = 0; k < 3; k++)
            volume += p[0][k] * (p[1][(k + 1) % 3] * p[2][(k + 2) % 3] -
                                 p[1][(k + 2) % 3] * p[2][(k + 1) % 3]);
        state->shells[state->shell[corner[0]]].volume += volume / 6;
    }
    for (size_t s = 0; s < n_shells; s++)
        state->shells[s].first = state->shells[s].volume;
}

static bool
find_shells(OrfTask *task, OrfCollapse *state, GError **error)
{
    state->shell = ORF_ALLOC(task, uint32_t, state->parts.n_vertices, "simplify", error);
    if (!state->shell)
        return false;
    if (!unite_vertices(task, &state->parts, state->shell))
        return orf_task_check(task, error);
    for (size_t v = 0; v < state->parts.n_vertices; v++)
        state->shell[v] = orf_set_root(state->shell, (uint32_t)v);
    size_t n = number_shells(state);
    state->shells = ORF_ALLOC(task, OrfShell, n, "simplify", error);
    if (!state->shells)
        return false;
    measure_shells(task, state, n);
    return orf_task_check(task, error);
}

/* --- First quadrics ----------------------------------------------------------------------- */

typedef struct {
    double p[3][3], normal[3], twice_area;
} Face;

static void
load_face(const OrfCollapse *state, size_t t, Face *face)
{
    double u[3], v[3], *n = face->normal;
    for (int k = 0; k < 3; k++) {
        const float *p = state->parts.positions + 3 * (size_t)state->parts.triangles[3 * t + k];
        for (int axis = 0; axis < 3; axis++)
            face->p[k][axis] = p[axis] - state->center[axis];
    }
    for (int k = 0; k < 3; k++) {
        u[k] = face->p[1][k] - face->p[0][k];
        v[k] = face->p[2][k] - face->p[0][k];
    }
    n[0] = u[1] * v[2] - u[2] * v[1];
    n[1] = u[2] * v[0] - u[0] * v[2];
    n[2] = u[0] * v[1] - u[1] * v[0];
    face->twice_area = sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
    for (int k = 0; k < 3 && face->twice_area > 0; k++)
        n[k] /= face->twice_area;
}

/* The wall that stands on side k of a face, square to it: keeps open edges in place. */
static void
add_wall(OrfQuadric *q, const Face *face, int k)
{
    const double *a = face->p[k], *b = face->p[(k + 1) % 3], *n = face->normal;
    double along[3], wall[3], length = 0;
    for (int i = 0; i < 3; i++) {
        along[i] = b[i] - a[i];
        length += along[i] * along[i];
    }
    if (length <= 0)
        return;
    wall[0] = along[1] * n[2] - along[2] * n[1];
    wall[1] = along[2] * n[0] - along[0] * n[2];
    wall[2] = along[0] * n[1] - along[1] * n[0];
    for (int i = 0; i < 3; i++)
        wall[i] /= sqrt(length);
    orf_quadric_add_plane(q, wall, a, BORDER_FACTOR * length);
}

static void
add_face(const OrfCollapse *state, uint32_t corner, OrfQuadric *q)
{
    Face face;
    load_face(state, corner / 3, &face);
    orf_quadric_add_plane(q, face.normal, face.p[0], face.twice_area / 2);
    q->weight += face.twice_area / 2;
    uint32_t side[2] = { corner,
                         corner % 3 ? corner - 1 : corner + 2 }; /* those that meet here */
    for (int k = 0; k < 2; k++)
        if (orf_collapse_is_open(state, side[k]))
            add_wall(q, &face, (int)(side[k] % 3));
}

static void
fill_quadrics(size_t begin, size_t end, void *data)
{
    OrfCollapse *state = data;
    for (size_t v = begin; v < end; v++)
        for (uint32_t i = state->start[v]; i < state->start[v + 1]; i++)
            add_face(state, state->fan[i].corner, &state->quadric[v]);
}

/* --- Preparing ---------------------------------------------------------------------------- */

static bool
alloc_state(OrfTask *task, OrfCollapse *state, GError **error)
{
    size_t n = state->parts.n_vertices, n_corners = 3 * state->parts.n_triangles;
    return (state->points = ORF_ALLOC(task, OrfCollapsePoint, n, "simplify", error)) &&
           (state->quadric = ORF_ALLOC(task, OrfQuadric, n, "simplify", error)) &&
           (state->start = ORF_ALLOC(task, uint32_t, n + 1, "simplify", error)) &&
           (state->fan = ORF_ALLOC(task, OrfSpoke, n_corners, "simplify", error)) &&
           (state->cost = ORF_ALLOC(task, float, n_corners, "simplify", error)) &&
           (!state->parts.uvs || (state->wedge_into = ORF_ALLOC(
                                      task, uint32_t, state->parts.n_uvs, "simplify", error)));
}

/* Triangles with a repeated index would confuse the fans. */
static void
drop_collapsed(OrfMeshParts *parts)
{
    size_t n = 0;
    for (size_t t = 0; t < parts->n_triangles; t++) {
        if (orf_triangle_collapsed(parts->triangles + 3 * t))
            continue;
        memmove(parts->triangles + 3 * n, parts->triangles + 3 * t, 12);
        if (parts->uv_triangles)
            memmove(parts->uv_triangles + 3 * n, parts->uv_triangles + 3 * t, 12);
        if (parts->groups)
            parts->groups[n] = parts->groups[t];
        n++;
    }
    parts->n_triangles = n;
}

static bool
prepare(OrfTask *task, const OrfMesh *mesh, bool keep_borders, OrfCollapse *state,
        GError **error)
{
    float low[3], high[3];
    if (!orf_mesh_copy_parts(task, mesh, &state->parts, error) ||
        (state->parts.uvs && !split_uvs(task, &state->parts, error)) ||
        !alloc_state(task, state, error) || !flag_edges(task, mesh, state, keep_borders, error))
        return false;
    drop_collapsed(&state->parts);
    if (!orf_task_check(task, error))
        return false;
    orf_mesh_bounds(mesh, low, high);
    for (int k = 0; k < 3; k++)
        state->center[k] = ((double)low[k] + high[k]) / 2;
    if (!find_shells(task, state, error))
        return false;
    size_t n = state->parts.n_vertices;
    for (size_t v = 0; v < n; v++)
        memcpy(state->points[v].position, state->parts.positions + 3 * v, 12);
    if (!orf_collapse_file_fans(task, state) ||
        !orf_task_parallel(task, n, ORF_MESH_BLOCK / 8, flag_fans, state) ||
        !orf_task_parallel(task, n, ORF_MESH_BLOCK / 8, fill_quadrics, state))
        return orf_task_check(task, error);
    return true;
}

/* --- The mesh that is left ---------------------------------------------------------------- */

/* Numbers items in order of first use in `indices`, which is rewritten; `ret_sources[i]` is
 * what item i was. `number` is scratch, all 0. How many there are. */
static size_t
renumber(uint32_t *indices, size_t n, uint32_t *number, uint32_t *ret_sources)
{
    uint32_t n_used = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t old = indices[i];
        if (!number[old]) {
            ret_sources[n_used] = old;
            number[old] = ++n_used;
        }
        indices[i] = number[old] - 1;
    }
    return n_used;
}

/* A block of `n` items of `size` bytes picked from `from`. */
static void *
gather(OrfTask *task, const void *from, const uint32_t *sources, size_t n, size_t size,
       GError **error)
{
    char *to = orf_task_alloc(task, n, size, "simplified mesh", error);
    for (size_t i = 0; to && i < n; i++)
        memcpy(to + i * size, (const char *)from + sources[i] * size, size);
    return to;
}

/* Keeps of `items` ([n_items] of `size` bytes, replaced) and its twin (may be NULL) those that
 * `indices` name. */
static bool
keep_used(OrfTask *task, uint32_t *indices, size_t n_corners, void *items, void *twin,
          size_t size, size_t twin_size, size_t *n_items, GError **error)
{
    orf_autofree uint32_t *number = ORF_ALLOC(task, uint32_t, *n_items, "simplify", error);
    orf_autofree uint32_t *sources =
        number ? ORF_ALLOC(task, uint32_t, *n_items, "simplify", error) : NULL;
    if (!sources || !orf_task_check(task, error))
        return false;
    size_t n = renumber(indices, n_corners, number, sources);
    void **blocks[2] = { items, twin };
    size_t sizes[2] = { size, twin_size };
    for (int i = 0; i < 2; i++) {
        if (!blocks[i] || !*blocks[i])
            continue;
        if (!orf_task_check(task, error))
            return false;
        void *kept = gather(task, *blocks[i], sources, n, sizes[i], error);
        if (!kept)
            return false;
        orf_free(*blocks[i]);
        *blocks[i] = kept;
    }
    *n_items = n;
    return true;
}

static OrfMesh *
finish(OrfTask *task, OrfCollapse *state, GError **error)
{
    for (size_t v = 0; v < state->parts.n_vertices; v++)
        memcpy(state->parts.positions + 3 * v, state->points[v].position, 12);
    g_auto(OrfMeshParts) parts = state->parts;
    memset(&state->parts, 0, sizeof state->parts);
    state_clear(state);
    memset(state, 0, sizeof *state);
    size_t n_corners = 3 * parts.n_triangles;
    if (!keep_used(task, parts.triangles, n_corners, &parts.positions, &parts.colors, 12, 4,
                   &parts.n_vertices, error))
        return NULL;
    if (parts.uvs && !keep_used(task, parts.uv_triangles, n_corners, &parts.uvs, NULL, 8, 0,
                                &parts.n_uvs, error))
        return NULL;
    return orf_mesh_new_take(&parts, error);
}

OrfMesh *
orf_mesh_simplify(OrfTask *task, const OrfMesh *mesh, const OrfSimplify *options,
                  GError **error)
{
    if (options->triangles == 0 && !(options->error > 0))
        return ORF_FAIL(error, BAD_INPUT,
                        "simplify: neither a number of triangles nor an error in mm is given; "
                        "give one of them");
    if (!orf_task_check(task, error))
        return NULL;
    if (options->triangles >= orf_mesh_n_triangles(mesh))
        return orf_mesh_ref((OrfMesh *)mesh);
    g_auto(OrfCollapse) state = { 0 };
    if (options->error > 0 &&
        !(state.drift = ORF_ALLOC(task, float, orf_mesh_n_vertices(mesh), "simplify", error)))
        return NULL;
    if (!prepare(task, mesh, options->keep_borders, &state, error) ||
        !orf_collapse_run(task, &state, options->triangles, options->error, error))
        return NULL;
    return finish(task, &state, error);
}
