/* repair-grid.c - which part of space is outside.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Distances to the nearest triangle are exact in the cells that triangles pass and are handed
 * on from cell to cell with the nearest point itself (Danielsson 1980).
 *
 * A ball rolls in from the border. Cells are taken from the widest place to the narrowest, and
 * joined to rooms as they touch (a merge tree by union-find): the place where two rooms first
 * touch is the door between them, and its distance is the radius of the largest ball that
 * passes. A room whose door to the outside is narrow beside its own width is hidden: pin holes
 * of a hollow shell are so closed, while slots, loops and bays stay open. One radius could not
 * tell the two apart. Below the smallest ball nothing is joined any more; places only grow. */
#include "mesh/repair-priv.h"

#include <math.h>
#include <string.h>

#define MARGIN 4           /* cells round everything */
#define NARROW 0.35        /* door / room: below it the room is hidden */
#define SMALLEST 0.008     /* of the diagonal: the smallest ball */
#define SUSPECT_NARROW 0.8 /* the same for a mesh that is known to be hollow */
#define SUSPECT_SMALLEST 0.016
#define LEVELS_A_CELL 8.0 /* how finely cells are sorted by width */

void
orf_grid_clear(OrfRepairGrid *grid)
{
    g_clear_pointer(&grid->distance, orf_free);
    g_clear_pointer(&grid->place, orf_free);
}

/* --- Distances ---------------------------------------------------------------------------- */

/* Lengths in cells from the middle of the first one, until the end. */
typedef struct {
    OrfRepairGrid *grid;
    float *nearest; /* [total][3] the nearest point known */
} Reach;

static inline void
offer(Reach *reach, size_t index, const float middle[3], const float point[3])
{
    float x = middle[0] - point[0], y = middle[1] - point[1], z = middle[2] - point[2];
    float sum = x * x + y * y + z * z;
    if (!(sum < reach->grid->distance[index]))
        return;
    reach->grid->distance[index] = sum; /* squared until the end */
    float *own = reach->nearest + 3 * index;
    own[0] = point[0];
    own[1] = point[1];
    own[2] = point[2];
}

static void
offer_point(Reach *reach, const float point[3])
{
    const size_t *n = reach->grid->n;
    size_t x = (size_t)(point[0] + 0.5f), y = (size_t)(point[1] + 0.5f),
           z = (size_t)(point[2] + 0.5f);
    if (x < 1 || y < 1 || z < 1 || x + 1 >= n[0] || y + 1 >= n[1] || z + 1 >= n[2])
        return;
    for (size_t k = z - 1; k < z + 2; k++)
        for (size_t j = y - 1; j < y + 2; j++)
            for (size_t i = x - 1; i < x + 2; i++) {
                const float middle[3] = { (float)i, (float)j, (float)k };
                offer(reach, (k * n[1] + j) * n[0] + i, middle, point);
            }
}

/* Points of a triangle no further apart than half a cell, offered to the cells round them. */
static bool
offer_triangles(OrfTask *task, Reach *reach, const float *positions, const uint32_t *triangles,
                size_t n, GError **error)
{
    const OrfRepairGrid *grid = reach->grid;
    for (size_t t = 0; t < n; t++) {
        if (t % 256 == 0 && !orf_task_check(task, error))
            return false;
        float p[3][3], longest = 0, point[3];
        for (size_t c = 0; c < 3; c++)
            for (size_t k = 0; k < 3; k++)
                p[c][k] = (float)(((double)positions[3 * (size_t)triangles[3 * t + c] + k] -
                                   grid->origin[k]) /
                                  grid->cell);
        for (int k = 0; k < 3; k++) {
            longest = MAX(longest, fabsf(p[1][k] - p[0][k]));
            longest = MAX(longest, fabsf(p[2][k] - p[0][k]));
            longest = MAX(longest, fabsf(p[2][k] - p[1][k]));
        }
        size_t parts = longest < 0.3f ? 1 : (size_t)ceilf(longest * 2) + 1;
        for (size_t i = 0; i <= parts; i++)
            for (size_t j = 0; j <= parts - i; j++) {
                float u = (float)i / (float)parts, v = (float)j / (float)parts;
                for (int k = 0; k < 3; k++)
                    point[k] = p[0][k] + u * (p[1][k] - p[0][k]) + v * (p[2][k] - p[0][k]);
                offer_point(reach, point);
            }
    }
    return true;
}

/* One row, from both of its ends' neighbours; see sweep. */
static void
sweep_row(Reach *reach, unsigned order, size_t y, size_t z, bool has_y, bool has_z)
{
    OrfRepairGrid *grid = reach->grid;
    size_t nx = grid->n[0], row = (z * grid->n[1] + y) * nx;
    ptrdiff_t step_x = order & 1 ? -1 : 1;
    ptrdiff_t step_y = (order & 2 ? -1 : 1) * (ptrdiff_t)nx;
    ptrdiff_t step_z = (order & 4 ? -1 : 1) * (ptrdiff_t)(nx * grid->n[1]);
    for (size_t i = 0; i < nx; i++) {
        size_t x = order & 1 ? nx - 1 - i : i, index = row + x;
        const float middle[3] = { (float)x, (float)y, (float)z };
        const size_t from[3] = { index - (size_t)step_x, index - (size_t)step_y,
                                 index - (size_t)step_z };
        const bool has[3] = { i > 0, has_y, has_z };
        for (int k = 0; k < 3; k++)
            if (has[k] && grid->distance[from[k]] < INFINITY)
                offer(reach, index, middle, reach->nearest + 3 * from[k]);
    }
}

/* Hands nearest points on from three neighbours, in one of the eight orders of the axes. */
static void
sweep(Reach *reach, unsigned order)
{
    const size_t *n = reach->grid->n;
    for (size_t z = 0; z < n[2]; z++)
        for (size_t y = 0; y < n[1]; y++)
            sweep_row(reach, order, order & 2 ? n[1] - 1 - y : y, order & 4 ? n[2] - 1 - z : z,
                      y > 0, z > 0);
}

static bool
find_distances(OrfTask *task, OrfRepairGrid *grid, const float *positions,
               const uint32_t *triangles, size_t n, GError **error)
{
    orf_autofree float *nearest =
        ORF_ALLOC(task, float, 3 * grid->total, "repair: grid", error);
    if (!nearest)
        return false;
    Reach reach = { grid, nearest };
    for (size_t i = 0; i < grid->total; i++)
        grid->distance[i] = INFINITY;
    if (!offer_triangles(task, &reach, positions, triangles, n, error))
        return false;
    for (unsigned order = 0; order < 8; order++) {
        sweep(&reach, order);
        if (!orf_task_check(task, error))
            return false;
    }
    for (size_t i = 0; i < grid->total; i++)
        grid->distance[i] = sqrtf(grid->distance[i]) * (float)grid->cell;
    return true;
}

bool
orf_grid_init(OrfTask *task, const float *positions, const uint32_t *triangles, size_t n,
              unsigned cells, OrfRepairGrid *grid, GError **error)
{
    double low[3] = { INFINITY, INFINITY, INFINITY };
    double high[3] = { -INFINITY, -INFINITY, -INFINITY }, diagonal = 0;
    for (size_t i = 0; i < 3 * n; i++)
        for (int k = 0; k < 3; k++) {
            double value = (double)positions[3 * (size_t)triangles[i] + (size_t)k];
            low[k] = MIN(low[k], value);
            high[k] = MAX(high[k], value);
        }
    for (int k = 0; k < 3; k++)
        diagonal += (high[k] - low[k]) * (high[k] - low[k]);
    diagonal = sqrt(diagonal);
    if (!(diagonal > 0))
        return ORF_FALSE(error, BAD_INPUT, "repair: all triangles lie in one point");
    grid->cell = diagonal / cells;
    grid->diagonal = diagonal;
    grid->total = 1;
    for (int k = 0; k < 3; k++) {
        grid->n[k] = (size_t)ceil((high[k] - low[k]) / grid->cell) + 2 * MARGIN + 1;
        grid->origin[k] = low[k] - MARGIN * grid->cell;
        grid->total *= grid->n[k];
    }
    return (grid->distance = ORF_ALLOC(task, float, grid->total, "repair: grid", error)) &&
           find_distances(task, grid, positions, triangles, n, error);
}

/* --- Rooms -------------------------------------------------------------------------------- */

#define NO_ROOM UINT32_MAX

typedef struct {
    uint32_t parent; /* union-find */
    float width;     /* mm: radius of the largest ball that fits */
    bool outside, hidden;
} Room;

typedef struct {
    OrfTask *task;
    OrfRepairGrid *grid;
    uint32_t *order; /* [total] cells, the widest first */
    uint32_t *room;  /* [total] NO_ROOM: not taken yet */
    GArray *rooms;   /* of Room */
    float narrow;    /* door / room */
} Flood;

static uint32_t
root_of(Flood *flood, uint32_t room)
{
    Room *rooms = (Room *)(void *)flood->rooms->data;
    while (rooms[room].parent != room)
        room = rooms[room].parent = rooms[rooms[room].parent].parent;
    return room;
}

/* By counting: as many levels as eighths of a cell in the greatest distance. */
static bool
sort_cells(Flood *flood, GError **error)
{
    OrfRepairGrid *grid = flood->grid;
    float most = 0, scale = (float)(LEVELS_A_CELL / grid->cell);
    for (size_t i = 0; i < grid->total; i++)
        most = MAX(most, grid->distance[i]);
    size_t levels = (size_t)(most * scale) + 2;
    orf_autofree uint32_t *start =
        ORF_ALLOC(flood->task, uint32_t, levels + 1, "repair: rooms", error);
    if (!start)
        return false;
    for (size_t i = 0; i < grid->total; i++)
        start[levels - 1 - (size_t)(grid->distance[i] * scale)]++;
    uint32_t sum = 0;
    for (size_t l = 0; l < levels; l++) {
        uint32_t n = start[l];
        start[l] = sum;
        sum += n;
    }
    for (size_t i = 0; i < grid->total; i++)
        flood->order[start[levels - 1 - (size_t)(grid->distance[i] * scale)]++] = (uint32_t)i;
    return true;
}

/* Two rooms touch at a place of this width. */
static void
meet(Flood *flood, uint32_t a, uint32_t b, float width)
{
    Room *rooms = (Room *)(void *)flood->rooms->data;
    if (rooms[b].outside || (!rooms[a].outside && rooms[b].width > rooms[a].width)) {
        uint32_t kept = a;
        a = b;
        b = kept; /* b is the lesser one */
    }
    if (rooms[b].outside) {
        rooms[b].parent = a; /* both are */
        return;
    }
    if (rooms[a].outside && rooms[b].hidden)
        return;
    if (width < flood->narrow * rooms[b].width) {
        if (!rooms[a].outside)
            return;
        rooms[b].hidden = true;
        flood->grid->door = MAX(flood->grid->door, (double)width);
        return;
    }
    rooms[b].parent = a;
    rooms[a].hidden = rooms[a].hidden || rooms[b].hidden;
}

static bool
is_border(const OrfRepairGrid *grid, size_t index)
{
    size_t x = index % grid->n[0], y = index / grid->n[0] % grid->n[1];
    size_t z = index / grid->n[0] / grid->n[1];
    return x == 0 || y == 0 || z == 0 || x + 1 == grid->n[0] || y + 1 == grid->n[1] ||
           z + 1 == grid->n[2];
}

static void
take_cell(Flood *flood, uint32_t index)
{
    OrfRepairGrid *grid = flood->grid;
    float width = grid->distance[index];
    bool joins = (double)width >= grid->ball;
    ptrdiff_t step[3] = { 1, (ptrdiff_t)grid->n[0], (ptrdiff_t)(grid->n[0] * grid->n[1]) };
    uint32_t home = NO_ROOM;
    float widest = -1;
    for (int side = 0; side < 6; side++) {
        size_t next = index + (size_t)(side & 1 ? step[side / 2] : -step[side / 2]);
        if (flood->room[next] == NO_ROOM)
            continue;
        uint32_t room = root_of(flood, flood->room[next]);
        if (home != NO_ROOM && room != home && joins)
            meet(flood, room, home, width);
        if (home == NO_ROOM || grid->distance[next] > widest) {
            home = room;
            widest = grid->distance[next];
        }
        home = root_of(flood, home);
    }
    if (home == NO_ROOM) {
        Room room = { .parent = flood->rooms->len, .width = width };
        home = room.parent;
        g_array_append_val(flood->rooms, room);
    }
    flood->room[index] = home;
}

/* The border is one room, the first; its neighbours come in their turn. */
static void
open_border(Flood *flood)
{
    Room outside = { .parent = 0, .width = INFINITY, .outside = true };
    g_array_append_val(flood->rooms, outside);
    for (size_t i = 0; i < flood->grid->total; i++)
        flood->room[i] = is_border(flood->grid, i) ? 0 : NO_ROOM;
}

static OrfRepairPlace
place_of(const Flood *flood, const Room *room)
{
    if (room->outside)
        return ORF_PLACE_OUTSIDE;
    if (room->hidden)
        return ORF_PLACE_HIDDEN;
    return (double)room->width >= flood->grid->ball ? ORF_PLACE_INSIDE : ORF_PLACE_UNKNOWN;
}

static bool
flood_rooms(Flood *flood, GError **error)
{
    OrfRepairGrid *grid = flood->grid;
    if (!sort_cells(flood, error))
        return false;
    open_border(flood);
    for (size_t i = 0; i < grid->total; i++) {
        if (i % ORF_MESH_BLOCK == 0 && !orf_task_check(flood->task, error))
            return false;
        if (flood->room[flood->order[i]] == NO_ROOM)
            take_cell(flood, flood->order[i]);
    }
    const Room *rooms = (const Room *)(void *)flood->rooms->data;
    for (size_t i = 0; i < grid->total; i++)
        grid->place[i] = (uint8_t)place_of(flood, &rooms[root_of(flood, flood->room[i])]);
    return true;
}

bool
orf_grid_find_outside(OrfTask *task, OrfRepairGrid *grid, bool suspect, GError **error)
{
    g_autoptr(GArray) rooms = g_array_new(FALSE, FALSE, sizeof(Room));
    orf_autofree uint32_t *order = NULL, *room = NULL;
    orf_free(g_steal_pointer(&grid->place));
    grid->ball = (suspect ? SUSPECT_SMALLEST : SMALLEST) * grid->diagonal;
    grid->door = 0;
    if (!(grid->place = ORF_ALLOC(task, uint8_t, grid->total, "repair: rooms", error)) ||
        !(order = ORF_ALLOC(task, uint32_t, grid->total, "repair: rooms", error)) ||
        !(room = ORF_ALLOC(task, uint32_t, grid->total, "repair: rooms", error)))
        return false;
    Flood flood = {
        task, grid, order, room, rooms, (float)(suspect ? SUSPECT_NARROW : NARROW)
    };
    return flood_rooms(&flood, error);
}
