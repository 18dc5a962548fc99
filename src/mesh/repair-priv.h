/* repair-priv.h - what the files of repair share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_REPAIR_PRIV_H
#define ORF_REPAIR_PRIV_H

#include "mesh/mesh-priv.h"

/* --- Grid: the space round the triangles in cells: repair-grid.c ----------------------------
 */

typedef enum {
    ORF_PLACE_UNKNOWN, /* in a gap too narrow for the smallest ball */
    ORF_PLACE_INSIDE,  /* a room that no ball enters: the inside of a solid, too */
    ORF_PLACE_HIDDEN,  /* a room behind a door that is narrow for it */
    ORF_PLACE_OUTSIDE,
    ORF_PLACE_LID, /* over an open bottom: no ray passes */
} OrfRepairPlace;

typedef struct {
    size_t n[3];      /* cells along each axis */
    size_t total;     /* n[0] * n[1] * n[2], x fastest */
    double origin[3]; /* middle of cell 0 */
    double cell;      /* mm */
    double diagonal;  /* mm, of the triangles */
    double ball;      /* mm: radius of the smallest ball that feels its way */
    float *distance;  /* [total] to the nearest triangle, mm */
    uint8_t *place;   /* [total] OrfRepairPlace */
    double door;      /* mm: radius of the widest door to a hidden room; 0: none */
} OrfRepairGrid;

void orf_grid_clear(OrfRepairGrid *grid);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfRepairGrid, orf_grid_clear)

/* Lays a grid with `cells` along the diagonal of the box round the triangles, with distances.
 */
bool orf_grid_init(OrfTask *task, const float *positions, const uint32_t *triangles, size_t n,
                   unsigned cells, OrfRepairGrid *grid, GError **error);
/* Fills in `place`: a ball of shrinking radius feels its way in from the border. `suspect`: the
 * mesh is known to be hollow, so its doors are doubted more. */
bool orf_grid_find_outside(OrfTask *task, OrfRepairGrid *grid, bool suspect, GError **error);

/* Lays a lid under a flat open bottom (-Y), when there is one: repair-lid.c. After
 * orf_grid_find_outside. */
bool orf_grid_close_bottom(OrfTask *task, OrfRepairGrid *grid, bool *ret_laid, GError **error);

static inline void
orf_grid_middle(const OrfRepairGrid *grid, size_t index, double ret[3])
{
    ret[0] = grid->origin[0] + grid->cell * (double)(index % grid->n[0]);
    ret[1] = grid->origin[1] + grid->cell * (double)(index / grid->n[0] % grid->n[1]);
    ret[2] = grid->origin[2] + grid->cell * (double)(index / grid->n[0] / grid->n[1]);
}

/* The cell that holds a point; SIZE_MAX: it lies beyond the border. */
static inline size_t
orf_grid_at(const OrfRepairGrid *grid, const double point[3])
{
    size_t at[3];
    for (int k = 0; k < 3; k++) {
        double place = (point[k] - grid->origin[k]) / grid->cell + 0.5;
        if (!(place >= 0 && place < (double)grid->n[k]))
            return SIZE_MAX;
        at[k] = (size_t)place;
    }
    return (at[2] * grid->n[1] + at[1]) * grid->n[0] + at[0];
}

/* --- Winding: repair-wind.c -----------------------------------------------------------------
 */

/* How often the triangles of an exactly welded mesh wind round the middle of each cell: whole
 * where it is closed, to within 0.05 elsewhere. [total], caller frees. */
float *
orf_grid_wind(OrfTask *task, const OrfMesh *mesh, const OrfRepairGrid *grid, GError **error);

/* The share of the enclosed space that is empty, by cells: rooms that the ball found behind a
 * narrow door and that nothing winds round. In an `open` mesh every empty room has a door, be
 * it too narrow for any ball; in a closed one it is a cavity somebody meant. */
double orf_grid_hidden(const OrfRepairGrid *grid, const float *winding, bool open);

/* --- Look: what each triangle sees: repair-look.c -------------------------------------------
 */

/* [n] 0: no side sees the outside; 1: its front does; 2: its back does. Caller frees. */
uint8_t *
orf_repair_look(OrfTask *task, const OrfMesh *mesh, const OrfRepairGrid *grid, GError **error);

/* --- Parts: repair-parts.c ------------------------------------------------------------------
 */

/* The triangles whose `side` is not 0, turned over where it is 2, exactly welded. */
OrfMesh *
orf_repair_keep(OrfTask *task, const OrfMesh *mesh, const uint8_t *side, GError **error);
/* Exactly welded, without triangles that have no area or stand there twice. */
OrfMesh *orf_repair_clean(OrfTask *task, const OrfMesh *mesh, size_t *ret_flat,
                          size_t *ret_twice, GError **error);

/* Pieces that hang together at vertices. Zero-initialise it. */
typedef struct {
    uint32_t *of;          /* [n_triangles] number of its shell */
    double *volume, *area; /* [n] signed mm^3, mm^2 */
    size_t n;
} OrfShells;
bool orf_shells_init(OrfTask *task, const OrfMesh *mesh, OrfShells *shells, GError **error);
void orf_shells_clear(OrfShells *shells);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfShells, orf_shells_clear)

/* --- Split: repair-split.c ------------------------------------------------------------------
 */

/* The same triangles with vertices of their own for each surface: at most two triangles an
 * edge, one fan a vertex. */
OrfMesh *orf_repair_split(OrfTask *task, const OrfMesh *mesh, GError **error);

/* --- Holes: repair-holes.c ------------------------------------------------------------------
 */

/* Closes the open loops of an oriented mesh that branches nowhere: each of at most `longest`
 * edges by the triangles of least area and bend (Barequet and Sharir 1995; Liepa 2003), and
 * adds no vertex. `ret_filled` counts loops. Loops that cannot be closed stay open. */
OrfMesh *orf_repair_fill(OrfTask *task, const OrfMesh *mesh, size_t longest, size_t *ret_filled,
                         GError **error);

/* --- Remesh: repair-remesh.c ----------------------------------------------------------------
 */

/* What is inside by the winding numbers of the (kept, turned) triangles in `tree`, on the grid:
 * above 0 is inside, about the distance in mm. Caller frees. */
float *orf_repair_field(OrfTask *task, const OrfTree *tree, const OrfRepairGrid *grid,
                        const float *winding, GError **error);
/* The surface of that field, drawn to the triangles and their edges where they are near, proven
 * free of crossings. */
OrfMesh *
orf_repair_surface(OrfTask *task, const OrfMesh *mesh, const OrfTree *tree,
                   const OrfRepairGrid *grid, const float *field, bool plain, GError **error);

#endif
