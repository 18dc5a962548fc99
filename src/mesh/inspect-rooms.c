/* inspect-rooms.c - what is inside: rooms behind narrow doors, shells within, crumbs.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rooms are found as repair finds them, on a coarser grid. A shell lies within the solid when
 * the winding number just before and just behind its faces says "inside"; it is the wall of a
 * cavity when only what is behind does and it is turned inwards. A few faces of each are asked.
 * All of this needs faces that agree about outside; else only the crumbs are counted. */
#include "mesh/inspect-priv.h"
#include "mesh/repair-priv.h"

#include <math.h>
#include <string.h>

#define MOST_AREA 100 /* times the diagonal squared; a cube has 2, a sponge 30 */

#define CELLS 160    /* of the grid along the diagonal */
#define EMPTY 0.02   /* share of the inside that may lie behind a narrow door */
#define ASKED 5      /* faces of a shell */
#define FOLLOWERS 40 /* faces of an inner shell, asked whether it follows the outer one */
#define MOST_SHELLS 20000
#define FOLLOWS 0.02 /* of the diagonal */
#define DUST 0.0001  /* of the largest shell's volume */
#define BESIDE 1e-4  /* of the diagonal: how far before and behind a face is asked */

typedef struct {
    OrfTask *task;
    const OrfMesh *mesh; /* exactly welded, all triangles */
    OrfInspection *in;
    OrfRepairGrid grid;
    OrfShells shells;
    uint8_t *kind;     /* [triangles of a shell are alike] 0, INNER or CAVITY, by shell */
    uint32_t *n_faces; /* by shell */
} Rooms;

enum { OUTER, INNER, CAVITY };

static void
rooms_clear(Rooms *rooms)
{
    orf_grid_clear(&rooms->grid);
    orf_shells_clear(&rooms->shells);
    orf_free(rooms->kind);
    orf_free(rooms->n_faces);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rooms, rooms_clear)

/* All triangles of the mesh over vertices that stand for all at their place. */
static OrfMesh *
join_places(OrfTask *task, const OrfMesh *mesh, GError **error)
{
    g_auto(OrfPoints) points = { 0 };
    g_auto(OrfMeshParts) parts = { .n_triangles = orf_mesh_n_triangles(mesh) };
    size_t n = orf_mesh_n_vertices(mesh);
    orf_autofree uint32_t *index = ORF_ALLOC(task, uint32_t, n, "inspection", error);
    orf_points_init(&points, task);
    if (!index ||
        !orf_points_add(&points, (const float(*)[3])(const void *)orf_mesh_positions(mesh), n,
                        index, error) ||
        !(parts.triangles =
              ORF_ALLOC(task, uint32_t, 3 * parts.n_triangles, "inspection", error)))
        return NULL;
    for (size_t c = 0; c < 3 * parts.n_triangles; c++)
        parts.triangles[c] = index[orf_mesh_triangles(mesh)[c]];
    parts.n_vertices = points.found.n;
    parts.positions = orf_vec_steal(&points.found);
    return orf_mesh_new_take(&parts, error);
}

/* Middle and unit normal of a face. False: no area. */
static bool
face_at(const OrfMesh *mesh, size_t t, double ret_middle[3], double ret_normal[3])
{
    const uint32_t *corner = orf_mesh_triangles(mesh) + 3 * t;
    const float *p[3];
    double length = 0;
    for (int c = 0; c < 3; c++)
        p[c] = orf_mesh_positions(mesh) + 3 * (size_t)corner[c];
    for (int k = 0; k < 3; k++) {
        int i = (k + 1) % 3, j = (k + 2) % 3;
        ret_middle[k] = ((double)p[0][k] + (double)p[1][k] + (double)p[2][k]) / 3;
        ret_normal[k] = ((double)p[1][i] - p[0][i]) * ((double)p[2][j] - p[0][j]) -
                        ((double)p[1][j] - p[0][j]) * ((double)p[2][i] - p[0][i]);
        length += ret_normal[k] * ret_normal[k];
    }
    length = sqrt(length);
    for (int k = 0; k < 3; k++)
        ret_normal[k] /= length > 0 ? length : 1;
    return length > 0;
}

/* --- Rooms behind doors ------------------------------------------------------------------- */

static bool
is_hidden_room(const Rooms *rooms, const float *winding, const double point[3])
{
    size_t at = orf_grid_at(&rooms->grid, point);
    if (at == SIZE_MAX || !(winding[at] < 0.5f))
        return false;
    bool open = !rooms->in->measures.closed;
    return rooms->grid.place[at] == ORF_PLACE_HIDDEN ||
           (open && rooms->grid.place[at] == ORF_PLACE_INSIDE);
}

static void
mark_hidden_walls(Rooms *rooms, const float *winding)
{
    for (size_t t = 0; t < orf_mesh_n_triangles(rooms->mesh); t++) {
        double middle[3], normal[3], point[3];
        bool wall = false;
        if (!face_at(rooms->mesh, t, middle, normal))
            continue;
        for (int side = -1; side <= 1; side += 2) {
            for (int k = 0; k < 3; k++)
                point[k] = middle[k] + 1.2 * side * rooms->grid.cell * normal[k];
            wall = wall || is_hidden_room(rooms, winding, point);
        }
        if (wall) {
            rooms->in->faces[t] |= orf_defect_bit(ORF_DEFECT_HIDDEN);
            rooms->in->count[ORF_DEFECT_HIDDEN]++;
        }
    }
}

static bool
find_rooms(Rooms *rooms, GError **error)
{
    const OrfMesh *mesh = rooms->mesh;
    if (!orf_grid_init(rooms->task, orf_mesh_positions(mesh), orf_mesh_triangles(mesh),
                       orf_mesh_n_triangles(mesh), CELLS, &rooms->grid, error) ||
        !orf_grid_find_outside(rooms->task, &rooms->grid, false, error))
        return false;
    orf_autofree float *winding = orf_grid_wind(rooms->task, mesh, &rooms->grid, error);
    if (!winding)
        return false;
    rooms->in->hidden = orf_grid_hidden(&rooms->grid, winding, !rooms->in->measures.closed);
    rooms->in->door = rooms->in->hidden > 0 ? 2 * rooms->grid.door : 0;
    if (rooms->in->hidden > EMPTY) {
        mark_hidden_walls(rooms, winding);
        rooms->in->count[ORF_DEFECT_HIDDEN] = MAX(rooms->in->count[ORF_DEFECT_HIDDEN], 1);
    }
    return true;
}

/* --- Shells ------------------------------------------------------------------------------- */

static OrfTree *
tree_of(Rooms *rooms, bool outer_only, GError **error)
{
    const uint32_t *triangles = orf_mesh_triangles(rooms->mesh);
    size_t n = orf_mesh_n_triangles(rooms->mesh), kept = 0;
    if (!outer_only)
        return orf_tree_new(rooms->task, orf_mesh_positions(rooms->mesh), triangles, n, error);
    orf_autofree uint32_t *some = ORF_ALLOC(rooms->task, uint32_t, 3 * n, "inspection", error);
    if (!some)
        return NULL;
    for (size_t t = 0; t < n; t++)
        if (rooms->kind[rooms->shells.of[t]] == OUTER)
            memcpy(some + 3 * kept++, triangles + 3 * t, 3 * sizeof *some);
    return orf_tree_new(rooms->task, orf_mesh_positions(rooms->mesh), some, kept, error);
}

static bool
is_inside(const OrfTree *tree, const double middle[3], const double normal[3], double off)
{
    double point[3];
    for (int k = 0; k < 3; k++)
        point[k] = middle[k] + off * normal[k];
    return orf_tree_winding(tree, point) > 0.5;
}

/* Is it face number 0, 1 step, 2 steps, ... of its shell, of at most `most`? `seen` counts. */
static bool
is_asked(const Rooms *rooms, uint32_t *seen, uint32_t shell, uint32_t most)
{
    uint32_t step = rooms->n_faces[shell] / most + 1;
    return seen[shell]++ % step == 0;
}

static bool
choose_kinds(Rooms *rooms, GError **error)
{
    size_t n = orf_mesh_n_triangles(rooms->mesh), n_shells = rooms->shells.n;
    g_autoptr(OrfTree) tree = tree_of(rooms, false, error);
    orf_autofree uint32_t *seen = ORF_ALLOC(rooms->task, uint32_t, n_shells, "shells", error);
    orf_autofree int *within = ORF_ALLOC(rooms->task, int, n_shells, "shells", error);
    orf_autofree int *lined = ORF_ALLOC(rooms->task, int, n_shells, "shells", error);
    if (!tree || !seen || !within || !lined)
        return false;
    double off = BESIDE * rooms->in->diagonal;
    for (size_t t = 0; t < n; t++) {
        uint32_t shell = rooms->shells.of[t];
        double middle[3], normal[3];
        if (t % 4096 == 0 && !orf_task_check(rooms->task, error))
            return false;
        if (shell >= MOST_SHELLS || !is_asked(rooms, seen, shell, ASKED) ||
            !face_at(rooms->mesh, t, middle, normal))
            continue;
        bool front = is_inside(tree, middle, normal, off);
        bool back = is_inside(tree, middle, normal, -off);
        within[shell] += front && back ? 1 : -1;
        lined[shell] += !front && back ? 1 : -1;
    }
    for (size_t s = 0; s < n_shells; s++)
        rooms->kind[s] = within[s] > 0                                 ? INNER
                         : lined[s] > 0 && rooms->shells.volume[s] < 0 ? CAVITY
                                                                       : OUTER;
    return true;
}

/* Shells within that follow the outer surface closely: double walls. */
static bool
find_doubles(Rooms *rooms, GError **error)
{
    size_t n = orf_mesh_n_triangles(rooms->mesh), n_shells = rooms->shells.n;
    g_autoptr(OrfTree) tree = tree_of(rooms, true, error);
    orf_autofree uint32_t *seen = ORF_ALLOC(rooms->task, uint32_t, n_shells, "shells", error);
    orf_autofree uint32_t *asked = ORF_ALLOC(rooms->task, uint32_t, n_shells, "shells", error);
    orf_autofree uint32_t *close = ORF_ALLOC(rooms->task, uint32_t, n_shells, "shells", error);
    if (!tree || !seen || !asked || !close)
        return false;
    for (size_t t = 0; t < n; t++) {
        uint32_t shell = rooms->shells.of[t];
        double middle[3], normal[3];
        if (rooms->kind[shell] == OUTER || !is_asked(rooms, seen, shell, FOLLOWERS) ||
            !face_at(rooms->mesh, t, middle, normal))
            continue;
        asked[shell]++;
        close[shell] += orf_tree_nearest(tree, middle, FOLLOWS * rooms->in->diagonal, NULL,
                                         NULL) < INFINITY;
    }
    uint16_t inner = orf_defect_bit(ORF_DEFECT_INNER), twin = orf_defect_bit(ORF_DEFECT_DOUBLE);
    for (size_t t = 0; t < n; t++) {
        uint32_t s = rooms->shells.of[t];
        bool follows = asked[s] > 0 && close[s] > asked[s] * 4 / 5;
        if (rooms->kind[s] == INNER || (rooms->kind[s] == CAVITY && follows))
            rooms->in->faces[t] |= (uint16_t)(inner | (follows ? twin : 0));
    }
    for (size_t s = 0; s < n_shells; s++) {
        bool follows = asked[s] > 0 && close[s] > asked[s] * 4 / 5;
        rooms->in->count[ORF_DEFECT_INNER] +=
            rooms->kind[s] == INNER || (rooms->kind[s] == CAVITY && follows);
        rooms->in->count[ORF_DEFECT_DOUBLE] += rooms->kind[s] != OUTER && follows;
        rooms->in->cavities += rooms->kind[s] == CAVITY && !follows;
    }
    return orf_task_check(rooms->task, error);
}

static void
find_crumbs(Rooms *rooms)
{
    const OrfShells *shells = &rooms->shells;
    double largest = 0;
    for (size_t s = 0; s < shells->n; s++)
        largest = MAX(largest, fabs(shells->volume[s]));
    for (size_t s = 0; s < shells->n; s++)
        rooms->in->count[ORF_DEFECT_CRUMB] += fabs(shells->volume[s]) < DUST * largest;
    for (size_t t = 0; t < orf_mesh_n_triangles(rooms->mesh); t++)
        if (fabs(shells->volume[shells->of[t]]) < DUST * largest)
            rooms->in->faces[t] |= orf_defect_bit(ORF_DEFECT_CRUMB);
}

static bool
find_shells(Rooms *rooms, GError **error)
{
    OrfShells *shells = &rooms->shells;
    if (!orf_shells_init(rooms->task, rooms->mesh, shells, error))
        return false;
    if (shells->n < 2)
        return true;
    find_crumbs(rooms);
    if (!rooms->in->looked)
        return true;
    if (!(rooms->kind = ORF_ALLOC(rooms->task, uint8_t, shells->n, "shells", error)) ||
        !(rooms->n_faces = ORF_ALLOC(rooms->task, uint32_t, shells->n, "shells", error)))
        return false;
    for (size_t t = 0; t < orf_mesh_n_triangles(rooms->mesh); t++)
        rooms->n_faces[shells->of[t]]++;
    return choose_kinds(rooms, error) && find_doubles(rooms, error);
}

bool
orf_inspect_rooms(OrfTask *task, const OrfMesh *mesh, OrfInspection *in, GError **error)
{
    if (!(in->diagonal > 0) || !(in->measures.area > 0))
        return true;
    g_autoptr(OrfMesh) joined = join_places(task, mesh, error);
    g_auto(Rooms) rooms = { .task = task, .mesh = joined, .in = in };
    if (!joined)
        return false;
    /* A surface many times as large as any body's would fill the grid over and over. */
    bool heaped = in->measures.area > MOST_AREA * in->diagonal * in->diagonal;
    in->looked = in->measures.misoriented_edges == 0 && !heaped;
    return (!in->looked || find_rooms(&rooms, error)) && find_shells(&rooms, error);
}
