/* repair-look.c - what each triangle sees.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rays leave both sides of a triangle. One that leaves the grid, or passes a place that the
 * ball called outside before it meets another triangle, has seen the outside. A triangle stays
 * when enough rays of one side have; inner walls, junk and the backs of double walls see
 * nothing. Where both sides do (a sheet, a wide hole), rays that leave altogether decide, and
 * neighbours vote with how they are wound against each other. The winding of the input is not
 * believed. */
#include "mesh/repair-priv.h"

#include <math.h>
#include <string.h>

#define RAYS 16
#define ENOUGH 0.10 /* of the rays of a side */
#define ROUNDS 4    /* of votes */
#define GOLDEN 2.399963229728653

typedef struct {
    float seen[2],
        free[2]; /* shares of the rays of front and back: that saw outside, that left */
} Sight;

typedef struct {
    const OrfMesh *mesh;
    const OrfRepairGrid *grid;
    const OrfTree *tree;
    Sight *sights;
} Look;

/* --- Rays --------------------------------------------------------------------------------- */

/* The normal, and two vectors across it. False: no area. */
static bool
frame_of(const float *const corner[3], double frame[3][3])
{
    double u[3], v[3], length = 0;
    for (int k = 0; k < 3; k++) {
        u[k] = (double)corner[1][k] - (double)corner[0][k];
        v[k] = (double)corner[2][k] - (double)corner[0][k];
    }
    for (int k = 0; k < 3; k++) {
        int a = (k + 1) % 3, b = (k + 2) % 3;
        frame[2][k] = u[a] * v[b] - u[b] * v[a];
        length += frame[2][k] * frame[2][k];
    }
    if (!(length > 0))
        return false;
    int least = 0;
    for (int k = 0; k < 3; k++) {
        frame[2][k] /= sqrt(length);
        if (fabs(frame[2][k]) < fabs(frame[2][least]))
            least = k;
    }
    double side = sqrt(1 - frame[2][least] * frame[2][least]);
    for (int k = 0; k < 3; k++)
        frame[0][k] = ((k == least) - frame[2][least] * frame[2][k]) / side;
    for (int k = 0; k < 3; k++) {
        int a = (k + 1) % 3, b = (k + 2) % 3;
        frame[1][k] = frame[2][a] * frame[0][b] - frame[2][b] * frame[0][a];
    }
    return true;
}

typedef enum { SAW_OUTSIDE, MET_LID } Saw;

/* What a ray comes to when no triangle is in its way, and how far that is. Steps of one cell.
 */
static Saw
follow(const OrfRepairGrid *grid, const double from[3], const double direction[3],
       double *ret_gone)
{
    double place[3], step[3];
    for (int k = 0; k < 3; k++) {
        place[k] = (from[k] - grid->origin[k]) / grid->cell + 0.5;
        step[k] = direction[k];
    }
    for (double gone = 1;; gone++) {
        size_t at[3];
        *ret_gone = gone * grid->cell;
        for (int k = 0; k < 3; k++) {
            double here = place[k] + gone * step[k];
            if (!(here >= 0 && here < (double)grid->n[k]))
                return SAW_OUTSIDE;
            at[k] = (size_t)here;
        }
        size_t index = (at[2] * grid->n[1] + at[1]) * grid->n[0] + at[0];
        if (grid->place[index] == ORF_PLACE_LID)
            return MET_LID;
        if (grid->place[index] == ORF_PLACE_OUTSIDE &&
            (double)grid->distance[index] >= grid->ball)
            return SAW_OUTSIDE;
    }
}

/* Ray number `ray` of a side. */
static void
aim(uint32_t t, int ray, int side, const float *const corner[3], double frame[3][3],
    double ret_point[3], double ret_direction[3])
{
    double high = sqrt(1 - (ray + 0.5) / RAYS), flat = sqrt(1 - high * high);
    double turn = GOLDEN * ray + (double)(t * 2654435761u) * 1e-9;
    double share[3] = { 1, 1, 1 }, along = flat * cos(turn), across = flat * sin(turn);
    share[ray % 3] += ray % 4; /* not all from one place of a large triangle */
    double sum = share[0] + share[1] + share[2], up = side ? -high : high;
    for (int k = 0; k < 3; k++) {
        ret_point[k] = (share[0] * (double)corner[0][k] + share[1] * (double)corner[1][k] +
                        share[2] * (double)corner[2][k]) /
                       sum;
        ret_direction[k] = along * frame[0][k] + across * frame[1][k] + up * frame[2][k];
    }
}

/* A ray that comes to the outside before it meets a triangle has seen it. Rays stop there: how
 * many leave altogether is asked only where both sides have seen something. */
static void
look_from(const Look *look, uint32_t t, const float *const corner[3], double frame[3][3],
          Sight *sight)
{
    /* every other ray first: they go to all heights, and when they agree they are enough */
    uint32_t seen[2] = { 0, 0 };
    int n_seen[2] = { 0, 0 }, n_rays = 0;
    double point[3], direction[3], gone;
    for (int i = 0; i < RAYS; i++) {
        int ray = i < RAYS / 2 ? 2 * i : 2 * (i - RAYS / 2) + 1;
        if (i == RAYS / 2 && MIN(n_seen[0], n_seen[1]) == 0 && MAX(n_seen[0], n_seen[1]) > 2)
            break;
        for (int side = 0; side < 2; side++) {
            aim(t, ray, side, corner, frame, point, direction);
            if (follow(look->grid, point, direction, &gone) != SAW_OUTSIDE ||
                orf_tree_first_hit(look->tree, point, direction, gone, t) < gone)
                continue;
            seen[side] |= 1u << ray;
            n_seen[side]++;
        }
        n_rays++;
    }
    for (int side = 0; side < 2; side++)
        sight->seen[side] = sight->free[side] = (float)n_seen[side] / (float)n_rays;
    if (n_seen[0] == 0 || n_seen[1] == 0)
        return;
    for (int side = 0; side < 2; side++) {
        int left = 0;
        for (int ray = 0; ray < RAYS; ray++) {
            aim(t, ray, side, corner, frame, point, direction);
            left += (seen[side] >> ray & 1) &&
                    !(orf_tree_first_hit(look->tree, point, direction, INFINITY, t) < INFINITY);
        }
        sight->free[side] = (float)left / (float)n_rays;
    }
}

static void
look_range(size_t begin, size_t end, void *data)
{
    Look *look = data;
    const float *positions = orf_mesh_positions(look->mesh);
    const uint32_t *triangles = orf_mesh_triangles(look->mesh);
    for (size_t t = begin; t < end; t++) {
        const float *corner[3];
        double frame[3][3];
        for (int c = 0; c < 3; c++)
            corner[c] = positions + 3 * (size_t)triangles[3 * t + (size_t)c];
        if (frame_of(corner, frame))
            look_from(look, (uint32_t)t, corner, frame, &look->sights[t]);
    }
}

/* --- Sides -------------------------------------------------------------------------------- */

/* > 0: the front. */
static float
lean_of(const Sight *sight)
{
    float free = sight->free[0] - sight->free[1], seen = sight->seen[0] - sight->seen[1];
    return fabsf(free) > 0.1f ? free : 0.5f * seen + 0.5f * free;
}

/* Each triangle hears its two-sided neighbours: those wound alike say their own side. */
static void
hear_neighbours(const OrfMesh *mesh, const OrfEdges *edges, const float *lean, float *heard)
{
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    for (size_t v = 0; v < orf_mesh_n_vertices(mesh); v++)
        for (uint32_t i = edges->start[v], next; i < edges->start[v + 1]; i = next) {
            next = orf_edge_end(edges->halves, i, edges->start[v + 1]);
            if (next - i != 2)
                continue;
            uint32_t a = edges->halves[i].half, b = edges->halves[i + 1].half;
            bool opposed = triangles[a] != triangles[b]; /* as it should be */
            float sign = opposed ? 1 : -1;
            heard[a / 3] += sign * lean[b / 3];
            heard[b / 3] += sign * lean[a / 3];
        }
}

static bool
choose_sides(OrfTask *task, const OrfMesh *mesh, const Sight *sights, uint8_t *ret_side,
             GError **error)
{
    size_t n = orf_mesh_n_triangles(mesh);
    g_auto(OrfEdges) edges = { 0 };
    orf_autofree float *lean = ORF_ALLOC(task, float, n, "repair: look", error);
    orf_autofree float *heard = ORF_ALLOC(task, float, n, "repair: look", error);
    if (!lean || !heard || !orf_edges_init(task, mesh, &edges, error))
        return false;
    for (size_t t = 0; t < n; t++)
        lean[t] = lean_of(&sights[t]);
    for (int round = 0; round < ROUNDS; round++) {
        memset(heard, 0, n * sizeof *heard);
        hear_neighbours(mesh, &edges, lean, heard);
        for (size_t t = 0; t < n; t++) {
            float own = fabsf(lean[t]) > 0.5f ? 2 : 1;
            lean[t] = CLAMP((own * lean[t] + heard[t] / 3) / own, -1, 1);
        }
    }
    for (size_t t = 0; t < n; t++) {
        float most = MAX(sights[t].seen[0], sights[t].seen[1]);
        ret_side[t] = most < (float)ENOUGH ? 0 : lean[t] >= 0 ? 1 : 2;
    }
    return true;
}

uint8_t *
orf_repair_look(OrfTask *task, const OrfMesh *mesh, const OrfRepairGrid *grid, GError **error)
{
    size_t n = orf_mesh_n_triangles(mesh);
    g_autoptr(OrfTree) tree =
        orf_tree_new(task, orf_mesh_positions(mesh), orf_mesh_triangles(mesh), n, error);
    if (!tree)
        return NULL;
    orf_autofree Sight *sights = ORF_ALLOC(task, Sight, n, "repair: look", error);
    orf_autofree uint8_t *side = ORF_ALLOC(task, uint8_t, n, "repair: look", error);
    if (!sights || !side)
        return NULL;
    Look look = { mesh, grid, tree, sights };
    if (!orf_task_parallel(task, n, 256, look_range, &look)) {
        orf_task_check(task, error);
        return NULL;
    }
    if (!choose_sides(task, mesh, sights, side, error))
        return NULL;
    return g_steal_pointer(&side);
}
