/* slab.c - plates, arcs and tubes with few triangles: two adaptive sheets sharing one border.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The grid is cut into square blocks. In each, right triangles are split at the middle of their
 * hypotenuse as long as the surface is farther than `error` from it. Middles are of two kinds,
 * coarse to fine:
 *
 *     C(s)  the centre of a square of side s, on its diagonal     +---S---+
 *     S(s)  the middle of a side of such a square                 |\     /|    s = block .. 2
 *                                                                 S  C    S
 * A centre of side s/2 needs the two S(s) next to it; an S(s)     |/     \|
 * needs the centres C(s) on both sides. So errors are carried     +---S---+
 * upwards from fine to coarse: a middle is kept exactly when its carried error is over the
 * limit, and what it needs is then kept as well: no cracks. Border middles take the greater
 * error of both sheets, so both sheets have the same border and the walls fit. */
#include "mesh/mesh.h"

#include <math.h>
#include <string.h>

#define BLOCK ((int)ORF_SLAB_BLOCK)
#define NONE UINT32_MAX

typedef struct {
    OrfTask *task;
    const OrfSlab *slab;
    int nx, ny;
    const float *sheet[2]; /* outer, inner */
    float *carried[2]; /* [ny][nx] error of the middle at this point and of all that needs it */
    uint32_t *index[2]; /* [ny][nx] vertex, or NONE */
    uint32_t *uv_index; /* [ny][nx] */
    OrfVec positions, uvs, triangles, uv_triangles;
} Build;

static inline size_t
at(const Build *b, int x, int y)
{
    return (size_t)y * (size_t)b->nx + (size_t)x;
}

/* --- Errors, fine to coarse --------------------------------------------------------------- */

static float
middle_error(const Build *b, int sheet, size_t middle, size_t from, size_t to)
{
    const float *p = b->sheet[sheet];
    float sum = 0;
    for (int k = 0; k < 3; k++) {
        float d = p[3 * middle + k] - 0.5f * (p[3 * from + k] + p[3 * to + k]);
        sum += d * d;
    }
    return sqrtf(sum);
}

/* Greatest carried error of the centres C(s/2) around the side middle (x, y). */
static float
centres_around(const Build *b, int sheet, int x, int y, int s)
{
    const int q = s / 4;
    float greatest = 0;
    for (int dy = -q; dy <= q; dy += 2 * q)
        for (int dx = -q; dx <= q; dx += 2 * q)
            if (x + dx > 0 && x + dx < b->nx && y + dy > 0 && y + dy < b->ny)
                greatest = MAX(greatest, b->carried[sheet][at(b, x + dx, y + dy)]);
    return greatest;
}

static void
carry_side(Build *b, int sheet, int x, int y, int s, bool horizontal)
{
    size_t middle = at(b, x, y);
    size_t half = horizontal ? (size_t)s / 2 : (size_t)s / 2 * (size_t)b->nx;
    float own = middle_error(b, sheet, middle, middle - half, middle + half);
    float below = s >= 4 ? centres_around(b, sheet, x, y, s) : 0;
    b->carried[sheet][middle] = MAX(own, below);
}

static void
carry_sides(Build *b, int sheet, int s)
{
    for (int y = 0; y < b->ny; y += s)
        for (int x = s / 2; x < b->nx; x += s)
            carry_side(b, sheet, x, y, s, true);
    for (int y = s / 2; y < b->ny; y += s)
        for (int x = 0; x < b->nx; x += s)
            carry_side(b, sheet, x, y, s, false);
}

/* The diagonal of the square centred at (x, y): towards the centre of the square it is a
 * quarter of. */
static int
diagonal_sign(int x, int y, int s)
{
    if (s == BLOCK)
        return 1;
    int right = (x / s) % 2, low = (y / s) % 2;
    return right == low ? 1 : -1; /* 1: from top left to bottom right */
}

static void
carry_centre(Build *b, int sheet, int x, int y, int s)
{
    int h = s / 2, sign = diagonal_sign(x, y, s);
    size_t middle = at(b, x, y);
    float greatest =
        middle_error(b, sheet, middle, at(b, x - h, y - sign * h), at(b, x + h, y + sign * h));
    const float *carried = b->carried[sheet];
    greatest = MAX(greatest, MAX(carried[at(b, x - h, y)], carried[at(b, x + h, y)]));
    greatest = MAX(greatest, MAX(carried[at(b, x, y - h)], carried[at(b, x, y + h)]));
    b->carried[sheet][middle] = greatest;
}

static void
carry_centres(Build *b, int sheet, int s)
{
    for (int y = s / 2; y < b->ny; y += s)
        for (int x = s / 2; x < b->nx; x += s)
            carry_centre(b, sheet, x, y, s);
}

static void
share(float *a, float *c)
{
    *a = *c = MAX(*a, *c);
}

/* Both sheets agree on the border; a tube's first and last columns are one. */
static void
share_border(Build *b, int s)
{
    for (int y = s / 2; y < b->ny; y += s) {
        size_t left = at(b, 0, y), right = at(b, b->nx - 1, y);
        for (int sheet = 0; b->slab->wrap && sheet < 2; sheet++)
            share(&b->carried[sheet][left], &b->carried[sheet][right]);
        if (b->slab->wrap)
            continue;
        share(&b->carried[0][left], &b->carried[1][left]);
        share(&b->carried[0][right], &b->carried[1][right]);
    }
    for (int x = s / 2; x < b->nx; x += s) {
        share(&b->carried[0][at(b, x, 0)], &b->carried[1][at(b, x, 0)]);
        share(&b->carried[0][at(b, x, b->ny - 1)], &b->carried[1][at(b, x, b->ny - 1)]);
    }
}

static bool
carry_errors(Build *b, GError **error)
{
    for (int s = 2; s <= BLOCK; s *= 2) {
        for (int sheet = 0; sheet < 2; sheet++) {
            carry_sides(b, sheet, s);
            if (!orf_task_check(b->task, error))
                return false;
        }
        share_border(b, s);
        for (int sheet = 0; sheet < 2; sheet++)
            carry_centres(b, sheet, s);
    }
    return true;
}

/* --- Triangles ---------------------------------------------------------------------------- */

typedef struct {
    int x, y;
} Spot;

static bool
kept(const Build *b, int sheet, Spot p)
{
    return b->slab->error <= 0 || b->carried[sheet][at(b, p.x, p.y)] > b->slab->error;
}

static uint32_t
vertex_of(Build *b, int sheet, Spot p, GError **error)
{
    if (b->slab->wrap && p.x == b->nx - 1)
        p.x = 0;
    uint32_t *index = &b->index[sheet][at(b, p.x, p.y)];
    if (*index != NONE)
        return *index;
    float *to = orf_vec_add(b->task, &b->positions, 3, "slab vertices", error);
    if (!to)
        return NONE;
    memcpy(to, b->sheet[sheet] + 3 * at(b, p.x, p.y), 3 * sizeof *to);
    return *index = (uint32_t)(b->positions.n / 3 - 1);
}

static uint32_t
uv_of(Build *b, Spot p, GError **error)
{
    uint32_t *index = &b->uv_index[at(b, p.x, p.y)];
    if (*index != NONE)
        return *index;
    float *to = orf_vec_add(b->task, &b->uvs, 2, "slab UVs", error);
    if (!to)
        return NONE;
    to[0] = (float)p.x / (float)(b->nx - 1);
    to[1] = (float)p.y / (float)(b->ny - 1);
    return *index = (uint32_t)(b->uvs.n / 2 - 1);
}

/* Corners with the sheet of each. */
static bool
emit(Build *b, const Spot spots[3], const int sheets[3], GError **error)
{
    uint32_t *triangle = orf_vec_add(b->task, &b->triangles, 3, "slab triangles", error);
    uint32_t *uv =
        triangle ? orf_vec_add(b->task, &b->uv_triangles, 3, "slab UVs", error) : NULL;
    if (!uv)
        return false;
    size_t first = b->triangles.n - 3;
    for (int k = 0; k < 3; k++) {
        uint32_t vertex = vertex_of(b, sheets[k], spots[k], error);
        uint32_t uv_vertex = vertex == NONE ? NONE : uv_of(b, spots[k], error);
        if (uv_vertex == NONE)
            return false;
        ((uint32_t *)b->triangles.data)[first + (size_t)k] = vertex;
        ((uint32_t *)b->uv_triangles.data)[first + (size_t)k] = uv_vertex;
    }
    return true;
}

/* Right angle at c, hypotenuse from a to d; anticlockwise on the screen (y down) for the outer
 * sheet. */
static bool
split(Build *b, int sheet, Spot a, Spot d, Spot c, GError **error)
{
    Spot m = { (a.x + d.x) / 2, (a.y + d.y) / 2 };
    bool divisible = ABS(a.x - d.x) > 1 || ABS(a.y - d.y) > 1;
    if (divisible && kept(b, sheet, m))
        return split(b, sheet, c, a, m, error) && split(b, sheet, d, c, m, error);
    int sheets[3] = { sheet, sheet, sheet };
    Spot spots[3] = { a, sheet ? c : d, sheet ? d : c };
    return emit(b, spots, sheets, error);
}

static bool
build_sheet(Build *b, int sheet, GError **error)
{
    for (int y = 0; y + 1 < b->ny; y += BLOCK) {
        for (int x = 0; x + 1 < b->nx; x += BLOCK) {
            Spot low = { x, y }, high = { x + BLOCK, y + BLOCK };
            if (!split(b, sheet, high, low, (Spot){ x, y + BLOCK }, error) ||
                !split(b, sheet, low, high, (Spot){ x + BLOCK, y }, error))
                return false;
        }
        if (!orf_task_check(b->task, error))
            return false;
    }
    return true;
}

/* --- Walls -------------------------------------------------------------------------------- */

static bool
on_border_used(const Build *b, Spot p)
{
    int x = b->slab->wrap && p.x == b->nx - 1 ? 0 : p.x;
    return b->index[0][at(b, x, p.y)] != NONE;
}

/* A wall along the border from `from`, n steps; the outer sheet lies to the left on the screen.
 */
static bool
build_wall(Build *b, Spot from, int dx, int dy, int n, GError **error)
{
    Spot last = from;
    for (int i = 1; i <= n; i++) {
        Spot next = { from.x + i * dx, from.y + i * dy };
        if (!on_border_used(b, next))
            continue;
        if (!emit(b, (Spot[]){ next, last, last }, (int[]){ 0, 0, 1 }, error) ||
            !emit(b, (Spot[]){ next, last, next }, (int[]){ 0, 1, 1 }, error))
            return false;
        last = next;
    }
    return true;
}

static bool
build_walls(Build *b, GError **error)
{
    int right = b->nx - 1, bottom = b->ny - 1;
    if (!build_wall(b, (Spot){ right, 0 }, -1, 0, right, error) ||
        !build_wall(b, (Spot){ 0, bottom }, 1, 0, right, error))
        return false;
    return b->slab->wrap || (build_wall(b, (Spot){ 0, 0 }, 0, 1, bottom, error) &&
                             build_wall(b, (Spot){ right, bottom }, 0, -1, bottom, error));
}

/* --- All of it ---------------------------------------------------------------------------- */

static bool
alloc_grids(Build *b, GError **error)
{
    size_t n = (size_t)b->nx * (size_t)b->ny;
    for (int sheet = 0; sheet < 2; sheet++) {
        b->carried[sheet] = ORF_ALLOC(b->task, float, n, "slab errors", error);
        b->index[sheet] =
            b->carried[sheet] ? ORF_ALLOC(b->task, uint32_t, n, "slab vertices", error) : NULL;
        if (!b->index[sheet])
            return false;
        memset(b->index[sheet], 0xff, n * sizeof(uint32_t));
    }
    b->uv_index = ORF_ALLOC(b->task, uint32_t, n, "slab UVs", error);
    if (b->uv_index)
        memset(b->uv_index, 0xff, n * sizeof(uint32_t));
    return b->uv_index != NULL;
}

static void
build_clear(Build *b)
{
    for (int sheet = 0; sheet < 2; sheet++) {
        orf_free(b->carried[sheet]);
        orf_free(b->index[sheet]);
    }
    orf_free(b->uv_index);
    orf_vec_clear(&b->positions);
    orf_vec_clear(&b->uvs);
    orf_vec_clear(&b->triangles);
    orf_vec_clear(&b->uv_triangles);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Build, build_clear)

static OrfMesh *
take_mesh(Build *b, GError **error)
{
    OrfMeshParts parts = { .n_vertices = b->positions.n / 3,
                           .n_triangles = b->triangles.n / 3,
                           .n_uvs = b->uvs.n / 2 };
    parts.positions = orf_vec_steal(&b->positions);
    parts.triangles = orf_vec_steal(&b->triangles);
    parts.uvs = orf_vec_steal(&b->uvs);
    parts.uv_triangles = orf_vec_steal(&b->uv_triangles);
    return orf_mesh_new_take(&parts, error);
}

OrfMesh *
orf_mesh_slab(OrfTask *task, const OrfSlab *slab, GError **error)
{
    g_assert(slab->nx > 1 && (slab->nx - 1) % ORF_SLAB_BLOCK == 0);
    g_assert(slab->ny > 1 && (slab->ny - 1) % ORF_SLAB_BLOCK == 0);
    g_auto(Build) b = { .task = task,
                        .slab = slab,
                        .nx = (int)slab->nx,
                        .ny = (int)slab->ny,
                        .sheet = { slab->outer, slab->inner },
                        .positions.item = sizeof(float),
                        .uvs.item = sizeof(float),
                        .triangles.item = sizeof(uint32_t),
                        .uv_triangles.item = sizeof(uint32_t) };
    if (!alloc_grids(&b, error) || !carry_errors(&b, error) || !build_sheet(&b, 0, error) ||
        !build_sheet(&b, 1, error) || !build_walls(&b, error))
        return NULL;
    return take_mesh(&b, error);
}
