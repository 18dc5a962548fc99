/* boolean.c - union, difference and intersection of any number of bodies.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * All triangles are cut along each other exactly (arrange.c). Pieces that hang together without
 * meeting a third one form a patch: all of it lies in or outside each body alike. One place of
 * it is looked at: a line through it counts how often each body winds round its two sides
 * (Zhou et al. 2016). A patch is kept where exactly one side belongs to the result, of patches
 * that lie on each other one. Only then are places rounded to floats. */
#include "mesh/arrange-priv.h"
#include "mesh/repair-priv.h"

#include <math.h>
#include <string.h>

#define TRIES 64

typedef struct {
    OrfTask *task;
    OrfBooleanKind kind;
    size_t n_bodies;
    OrfMesh *joined;
    uint32_t *first; /* [n_bodies + 1] triangles of each body in `joined` */
    int *sense;      /* [n_bodies] -1: it is inside out */
    uint32_t *shell; /* [n_vertices of joined] a vertex that stands for its shell */
    OrfArrangement all;
    uint32_t *patch; /* [n_pieces] a piece that stands for it */
    int8_t *kept;    /* [n_pieces] of the patch: 1 as it is, -1 turned over, 0 not */
} Boolean;

static void
boolean_clear(Boolean *b)
{
    orf_mesh_unref(b->joined);
    g_free(b->first);
    g_free(b->sense);
    orf_free(b->shell);
    orf_free(b->patch);
    orf_free(b->kept);
    orf_arrangement_clear(&b->all);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Boolean, boolean_clear)

/* --- Bodies ------------------------------------------------------------------------------- */

static bool
check_body(Boolean *b, const OrfMesh *mesh, size_t i, GError **error)
{
    OrfMeasures m;
    if (!orf_mesh_measure(b->task, mesh, false, &m, error))
        return false;
    if (m.triangles == 0)
        return ORF_FALSE(error, BAD_INPUT, "body %zu has no triangles", i + 1);
    if (m.boundary_edges || m.misoriented_edges)
        return ORF_FALSE(
            error, BAD_INPUT,
            "body %zu is not closed (%zu open edges, %zu turned the wrong way), so "
            "it has no inside; repair it first",
            i + 1, m.boundary_edges, m.misoriented_edges);
    b->sense[i] = m.volume < 0 ? -1 : 1;
    if (m.volume < 0)
        orf_task_note(b->task, "body %zu is inside out and was taken the other way round",
                      i + 1);
    return true;
}

static void
mesh_unref(void *mesh)
{
    orf_mesh_unref(mesh);
}

/* Bodies with UVs and colours where any has some. */
static GPtrArray *
dress_bodies(Boolean *b, OrfMesh *const *meshes, GError **error)
{
    g_autoptr(GPtrArray) dressed = g_ptr_array_new_with_free_func(mesh_unref);
    for (size_t i = 0; i < b->n_bodies; i++) {
        g_autoptr(OrfMesh) mesh = orf_mesh_ref(meshes[i]);
        for (size_t j = 0; j < b->n_bodies; j++) {
            OrfMesh *like = orf_mesh_dressed_like(b->task, mesh, meshes[j], error);
            if (!like)
                return NULL;
            orf_mesh_unref(mesh);
            mesh = like;
        }
        g_ptr_array_add(dressed, g_steal_pointer(&mesh));
    }
    return g_steal_pointer(&dressed);
}

static bool
join_bodies(Boolean *b, OrfMesh *const *meshes, GError **error)
{
    b->first = g_new0(uint32_t, b->n_bodies + 1);
    b->sense = g_new0(int, b->n_bodies);
    for (size_t i = 0; i < b->n_bodies; i++) {
        if (!check_body(b, meshes[i], i, error))
            return false;
        b->first[i + 1] = b->first[i] + (uint32_t)orf_mesh_n_triangles(meshes[i]);
    }
    g_autoptr(GPtrArray) dressed = dress_bodies(b, meshes, error);
    b->joined =
        dressed ? orf_mesh_join(b->task, (OrfMesh **)dressed->pdata, b->n_bodies, true, error)
                : NULL;
    return b->joined;
}

static bool
find_shells(Boolean *b, GError **error)
{
    size_t n = orf_mesh_n_vertices(b->joined), n_triangles = orf_mesh_n_triangles(b->joined);
    const uint32_t *t = orf_mesh_triangles(b->joined);
    b->shell = ORF_ALLOC(b->task, uint32_t, n, "shells", error);
    if (!b->shell)
        return false;
    for (size_t v = 0; v < n; v++)
        b->shell[v] = (uint32_t)v;
    for (size_t i = 0; i < n_triangles; i++, t += 3) {
        orf_set_unite(b->shell, t[0], t[1]);
        orf_set_unite(b->shell, t[0], t[2]);
    }
    for (size_t v = 0; v < n; v++)
        b->shell[v] = orf_set_root(b->shell, (uint32_t)v);
    return true;
}

static size_t
body_of(const Boolean *b, const OrfPlate *plate)
{
    size_t low = 0, high = b->n_bodies;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (b->first[middle] <= plate->index)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static uint32_t
shell_of(const Boolean *b, const OrfPlate *plate)
{
    return b->shell[orf_mesh_triangles(b->joined)[3 * (size_t)plate->index]];
}

/* --- Patches ------------------------------------------------------------------------------ */

static const OrfPiece *
piece_at(const Boolean *b, size_t i)
{
    return (const OrfPiece *)b->all.pieces.data + i;
}

/* The pieces as a mesh of spots; where they lie does not matter for their edges. */
static OrfMesh *
mesh_of_pieces(Boolean *b, GError **error)
{
    size_t n = b->all.pieces.n, n_spots = b->all.spots.spots.n;
    g_auto(OrfMeshParts) parts = { .n_vertices = n_spots, .n_triangles = n };
    parts.positions = ORF_ALLOC(b->task, float, 3 * n_spots, "pieces", error);
    parts.triangles =
        parts.positions ? ORF_ALLOC(b->task, uint32_t, 3 * n, "pieces", error) : NULL;
    if (!parts.triangles)
        return NULL;
    for (size_t i = 0; i < n; i++)
        memcpy(parts.triangles + 3 * i, piece_at(b, i)->v, 12);
    return orf_mesh_new_take(&parts, error);
}

/* Pieces hang together over edges that no third one has. */
static bool
find_patches(Boolean *b, GError **error)
{
    g_auto(OrfEdges) edges = { 0 };
    g_autoptr(OrfMesh) mesh = mesh_of_pieces(b, error);
    size_t n = b->all.pieces.n;
    if (!mesh || !orf_edges_init(b->task, mesh, &edges, error) ||
        !(b->patch = ORF_ALLOC(b->task, uint32_t, n, "patches", error)))
        return false;
    for (size_t i = 0; i < n; i++)
        b->patch[i] = (uint32_t)i;
    for (size_t v = 0; v < orf_mesh_n_vertices(mesh); v++)
        for (uint32_t i = edges.start[v], end; i < edges.start[v + 1]; i = end) {
            end = orf_edge_end(edges.halves, i, edges.start[v + 1]);
            if (end - i == 2)
                orf_set_unite(b->patch, edges.halves[i].half / 3, edges.halves[i + 1].half / 3);
        }
    for (size_t i = 0; i < n; i++)
        b->patch[i] = orf_set_root(b->patch, (uint32_t)i);
    return orf_task_check(b->task, error);
}

/* --- Inside or not ------------------------------------------------------------------------ */

/* A line through a place of one piece, along the axis of its plate. */
typedef struct {
    Boolean *b;
    const OrfPlate *plate;
    int axis;
    int *above, *on; /* [n_bodies] how often their surfaces leave upwards there */
    bool first;      /* of those that lie on each other, this one counts */
    bool unlucky;    /* it runs through an edge */
} Probe;

static int
sign_64(int64_t value)
{
    return (value > 0) - (value < 0);
}

static void
pass_plate(uint32_t i, void *data)
{
    Probe *probe = data;
    Boolean *b = probe->b;
    const OrfPlate *plate = &b->all.plates[i];
    int way = sign_64(plate->normal[probe->axis]);
    size_t body = body_of(b, plate);
    bool own = plate == probe->plate, through = false;
    for (int k = 0; way != 0 && !own && k < 3; k++) {
        int side = way * orf_spots_turn_probe(&b->all.spots, plate->v[k], plate->v[(k + 1) % 3],
                                              probe->axis);
        if (side < 0)
            return;
        through |= side == 0;
    }
    probe->unlucky |= through;
    if (way == 0 || through)
        return;
    int above =
        own ? 0
            : orf_spots_probe_heights(&b->all.spots, probe->axis, plate->normal, plate->offset,
                                      probe->plate->normal, probe->plate->offset);
    if (above > 0)
        probe->above[body] += way * b->sense[body];
    if (above != 0)
        return;
    probe->on[body] += way * b->sense[body];
    uint32_t mine = shell_of(b, probe->plate), other = shell_of(b, plate);
    if (other < mine || (other == mine && plate->index < probe->plate->index))
        probe->first = false;
}

/* Is a place that body i winds round `winding[i]` times part of the result? */
static bool
belongs(const Boolean *b, const int *winding)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n_bodies; i++)
        n += winding[i] > 0;
    if (b->kind == ORF_UNION)
        return n > 0;
    return b->kind == ORF_INTERSECTION ? n == b->n_bodies : n == 1 && winding[0] > 0;
}

static void
judge(Probe *probe, int8_t *ret_kept)
{
    Boolean *b = probe->b;
    bool above = belongs(b, probe->above);
    for (size_t i = 0; i < b->n_bodies; i++)
        probe->above[i] += probe->on[i];
    bool below = belongs(b, probe->above);
    int wanted = below && !above ? 1 : above && !below ? -1 : 0;
    int way = sign_64(probe->plate->normal[probe->axis]);
    *ret_kept = (int8_t)(probe->first ? wanted * way : 0);
}

static bool
look(Boolean *b, const OrfPiece *piece, GRand *random, int8_t *ret_kept, GError **error)
{
    g_autofree int *above = g_new(int, b->n_bodies), *on = g_new(int, b->n_bodies);
    const OrfPlate *plate = &b->all.plates[piece->plate];
    unsigned weights[3] = { 1, 1, 1 };
    for (int i = 0; i < TRIES; i++) {
        Probe probe = { b, plate, plate->axis, above, on, .first = true };
        memset(above, 0, b->n_bodies * sizeof *above);
        memset(on, 0, b->n_bodies * sizeof *on);
        orf_spots_set_probe(&b->all.spots, piece->v, weights);
        orf_boxes_column(b->all.boxes, probe.axis, orf_spots_probe(&b->all.spots), pass_plate,
                         &probe);
        if (!probe.unlucky) {
            judge(&probe, ret_kept);
            return orf_task_check(b->task, error);
        }
        for (int k = 0; k < 3; k++)
            weights[k] = (unsigned)g_rand_int_range(random, 1, 1000);
    }
    return ORF_FALSE(error, BUG, "boolean: no line misses all edges");
}

/* Roughly, seen along its plate's axis. */
static double
area_of(const Boolean *b, const OrfPiece *piece)
{
    int axis = b->all.plates[piece->plate].axis, x = (axis + 1) % 3, y = (axis + 2) % 3;
    const double *p = orf_spot(&b->all.spots, piece->v[0])->at,
                 *q = orf_spot(&b->all.spots, piece->v[1])->at,
                 *r = orf_spot(&b->all.spots, piece->v[2])->at;
    return fabs((p[x] - r[x]) * (q[y] - r[y]) - (p[y] - r[y]) * (q[x] - r[x]));
}

/* The largest piece of each patch speaks for it. */
static bool
judge_patches(Boolean *b, GError **error)
{
    size_t n = b->all.pieces.n;
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    orf_autofree uint32_t *largest = ORF_ALLOC(b->task, uint32_t, n, "patches", error);
    orf_autofree double *area =
        largest ? ORF_ALLOC(b->task, double, n, "patches", error) : NULL;
    if (!area || !(b->kept = ORF_ALLOC(b->task, int8_t, n, "patches", error)))
        return false;
    for (size_t i = 0; i < n; i++) {
        double own = area_of(b, piece_at(b, i));
        uint32_t patch = b->patch[i];
        if (own > area[patch] || patch == i) {
            area[patch] = MAX(own, area[patch]);
            largest[patch] = (uint32_t)i;
        }
    }
    for (size_t i = 0; i < n; i++)
        if (b->patch[i] == i && !look(b, piece_at(b, largest[i]), random, &b->kept[i], error))
            return false;
    for (size_t i = 0; i < n; i++)
        b->kept[i] = b->kept[b->patch[i]];
    return true;
}

/* --- The result --------------------------------------------------------------------------- */

typedef struct {
    Boolean *b;
    OrfMeshParts parts;
    uint32_t *vertex;   /* [n_spots] number in the result, or UINT32_MAX */
    uint32_t *original; /* [n_spots] vertex of `joined` that lies there, or UINT32_MAX */
} Result;

static void
result_clear(Result *result)
{
    orf_mesh_parts_clear(&result->parts);
    orf_free(result->vertex);
    orf_free(result->original);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Result, result_clear)

static bool
result_init(Result *result, size_t n_kept, GError **error)
{
    Boolean *b = result->b;
    OrfTask *task = b->task;
    size_t n_spots = b->all.spots.spots.n, most = MIN(3 * n_kept, n_spots);
    OrfMeshParts *parts = &result->parts;
    bool uvs = orf_mesh_uvs(b->joined);
    if (!(result->vertex = ORF_ALLOC(task, uint32_t, n_spots, "result", error)) ||
        !(result->original = ORF_ALLOC(task, uint32_t, n_spots, "result", error)) ||
        !(parts->positions = ORF_ALLOC(task, float, 3 * most, "result", error)) ||
        !(parts->triangles = ORF_ALLOC(task, uint32_t, 3 * n_kept, "result", error)) ||
        (orf_mesh_colors(b->joined) &&
         !(parts->colors = ORF_ALLOC(task, uint8_t, 4 * most, "result", error))) ||
        (orf_mesh_groups(b->joined) &&
         !(parts->groups = ORF_ALLOC(task, uint16_t, n_kept, "result", error))) ||
        (uvs && !(parts->uvs = ORF_ALLOC(task, float, 6 * n_kept, "result", error))) ||
        (uvs &&
         !(parts->uv_triangles = ORF_ALLOC(task, uint32_t, 3 * n_kept, "result", error))))
        return false;
    memset(result->vertex, 0xff, n_spots * sizeof *result->vertex);
    memset(result->original, 0xff, n_spots * sizeof *result->original);
    for (size_t v = orf_mesh_n_vertices(b->joined); v-- > 0;)
        result->original[b->all.spot_of[v]] = (uint32_t)v;
    return true;
}

/* Shares of the plate's corners at a spot. */
static void
shares_at(const Boolean *b, const OrfPlate *plate, uint32_t spot, double ret[3])
{
    int x = (plate->axis + 1) % 3, y = (plate->axis + 2) % 3;
    const double *at = orf_spot(&b->all.spots, spot)->at;
    double sum = 0;
    for (int k = 0; k < 3; k++) {
        const double *p = orf_spot(&b->all.spots, plate->v[(k + 1) % 3])->at,
                     *q = orf_spot(&b->all.spots, plate->v[(k + 2) % 3])->at;
        ret[k] = (p[x] - at[x]) * (q[y] - at[y]) - (p[y] - at[y]) * (q[x] - at[x]);
        sum += ret[k];
    }
    for (int k = 0; k < 3; k++)
        ret[k] = sum != 0 ? ret[k] / sum : 1.0 / 3;
}

static void
color_vertex(Result *result, const OrfPlate *plate, uint32_t spot, uint8_t ret[4])
{
    const uint8_t *colors = orf_mesh_colors(result->b->joined);
    const uint32_t *t = orf_mesh_triangles(result->b->joined) + 3 * (size_t)plate->index;
    double shares[3];
    shares_at(result->b, plate, spot, shares);
    for (int k = 0; k < 4; k++) {
        double sum = 0;
        for (int m = 0; m < 3; m++)
            sum += shares[m] * colors[4 * (size_t)t[m] + (size_t)k];
        ret[k] = (uint8_t)CLAMP(lrint(sum), 0, 255);
    }
}

static uint32_t
add_vertex(Result *result, const OrfPlate *plate, uint32_t spot)
{
    Boolean *b = result->b;
    OrfMeshParts *parts = &result->parts;
    if (result->vertex[spot] != UINT32_MAX)
        return result->vertex[spot];
    size_t n = parts->n_vertices++;
    uint32_t original = result->original[spot];
    if (original != UINT32_MAX) {
        memcpy(parts->positions + 3 * n, orf_mesh_positions(b->joined) + 3 * (size_t)original,
               12);
    } else {
        const double *at = orf_spot(&b->all.spots, spot)->at;
        for (int k = 0; k < 3; k++)
            parts->positions[3 * n + (size_t)k] =
                (float)(b->all.origin[k] + b->all.unit * at[k]);
    }
    if (parts->colors && original != UINT32_MAX)
        memcpy(parts->colors + 4 * n, orf_mesh_colors(b->joined) + 4 * (size_t)original, 4);
    else if (parts->colors)
        color_vertex(result, plate, spot, parts->colors + 4 * n);
    return result->vertex[spot] = (uint32_t)n;
}

static void
add_uv(Result *result, const OrfPlate *plate, uint32_t spot, size_t corner)
{
    OrfMeshParts *parts = &result->parts;
    const float *uvs = orf_mesh_uvs(result->b->joined);
    const uint32_t *t = orf_mesh_uv_triangles(result->b->joined) + 3 * (size_t)plate->index;
    double shares[3];
    shares_at(result->b, plate, spot, shares);
    float *to = parts->uvs + 2 * parts->n_uvs;
    for (size_t k = 0; k < 2; k++)
        to[k] = (float)(shares[0] * (double)uvs[2 * (size_t)t[0] + k] +
                        shares[1] * (double)uvs[2 * (size_t)t[1] + k] +
                        shares[2] * (double)uvs[2 * (size_t)t[2] + k]);
    parts->uv_triangles[corner] = (uint32_t)parts->n_uvs++;
}

static void
add_piece(Result *result, size_t i)
{
    Boolean *b = result->b;
    OrfMeshParts *parts = &result->parts;
    const OrfPiece *piece = piece_at(b, i);
    const OrfPlate *plate = &b->all.plates[piece->plate];
    for (int k = 0; k < 3; k++) {
        uint32_t spot = piece->v[b->kept[i] > 0 || k == 0 ? k : 3 - k];
        size_t corner = 3 * parts->n_triangles + (size_t)k;
        parts->triangles[corner] = add_vertex(result, plate, spot);
        if (parts->uvs)
            add_uv(result, plate, spot, corner);
    }
    if (parts->groups)
        parts->groups[parts->n_triangles] = orf_mesh_groups(b->joined)[plate->index];
    parts->n_triangles++;
}

/* A vertex where it was given, other places as they were reckoned. */
static void
place_of(const Result *result, uint32_t spot, double ret[3])
{
    const OrfArrangement *all = &result->b->all;
    const double *at = orf_spot(&all->spots, spot)->at;
    uint32_t original = result->original[spot];
    const float *p = orf_mesh_positions(result->b->joined) + 3 * (size_t)original;
    for (int k = 0; k < 3; k++)
        ret[k] = original == UINT32_MAX ? all->unit * at[k] : (double)p[k] - all->origin[k];
}

/* Six times the volume under a piece, places not yet rounded. */
static double
volume_under(const Result *result, const OrfPiece *piece)
{
    double p[3], q[3], r[3];
    place_of(result, piece->v[0], p);
    place_of(result, piece->v[1], q);
    place_of(result, piece->v[2], r);
    return p[0] * (q[1] * r[2] - q[2] * r[1]) + p[1] * (q[2] * r[0] - q[0] * r[2]) +
           p[2] * (q[0] * r[1] - q[1] * r[0]);
}

static OrfMesh *
assemble(Boolean *b, OrfBooleanReport *report, GError **error)
{
    g_auto(Result) result = { .b = b };
    size_t n = b->all.pieces.n, n_kept = 0;
    double volume = 0;
    for (size_t i = 0; i < n; i++)
        n_kept += b->kept[i] != 0;
    if (!result_init(&result, n_kept, error))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (b->kept[i] == 0)
            continue;
        volume += b->kept[i] * volume_under(&result, piece_at(b, i));
        add_piece(&result, i);
    }
    report->volume = volume / 6;
    return orf_mesh_new_take(&result.parts, error);
}

/* Edges and vertices at which the result touches itself are taken apart, and triangles that
 * rounding left without an area go. */
static OrfMesh *
tidy(Boolean *b, OrfMesh *mesh, GError **error)
{
    OrfMeasures m;
    if (!orf_mesh_measure(b->task, mesh, false, &m, error))
        return NULL;
    g_autoptr(OrfMesh) apart =
        m.manifold ? orf_mesh_ref(mesh) : orf_repair_split(b->task, mesh, error);
    if (!apart || !m.degenerate)
        return g_steal_pointer(&apart);
    return orf_mesh_settle(b->task, apart, error);
}

/* --- All ---------------------------------------------------------------------------------- */

static const OrfStep steps[] = { { "join", 10 }, { "cut", 70 }, { "choose", 20 } };

OrfMesh *
orf_mesh_boolean(OrfTask *task, OrfMesh *const *meshes, size_t n, OrfBooleanKind kind,
                 OrfBooleanReport *ret_report, GError **error)
{
    OrfBooleanReport report = { 0 };
    g_auto(Boolean) b = { .task = task, .kind = kind, .n_bodies = n };
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    b.task = orf_task_step(task);
    if (!join_bodies(&b, meshes, error) || !find_shells(&b, error))
        return NULL;
    b.task = orf_task_step(task);
    if (!orf_arrangement_init(&b.all, b.task, b.joined, error))
        return NULL;
    report.cuts = b.all.cuts.n;
    b.task = orf_task_step(task);
    if (!find_patches(&b, error) || !judge_patches(&b, error))
        return NULL;
    g_autoptr(OrfMesh) mesh = assemble(&b, &report, error);
    if (ret_report)
        *ret_report = report;
    return mesh ? tidy(&b, mesh, error) : NULL;
}
