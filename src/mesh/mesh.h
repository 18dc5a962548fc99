/* mesh.h - triangle geometry: build, look, weld, smooth, simplify, triangulate, unwrap.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Millimetres, Y up, front +Z, counter-clockwise seen from outside. An OrfMesh is immutable and
 * reference-counted: share it freely between threads. Positions are shared by index across
 * texture seams (UVs have indices of their own), so closedness is a property of the indices. */
#ifndef ORF_MESH_H
#define ORF_MESH_H

#include "base/base.h"

typedef struct OrfMesh OrfMesh;

/* --- Make, share -------------------------------------------------------------------------- */

/* What a mesh is made of. All blocks come from orf_task_alloc. Zero-initialise it. */
typedef struct {
    float *positions;       /* [n_vertices][3] */
    uint32_t *triangles;    /* [n_triangles][3] vertex indices */
    uint8_t *colors;        /* [n_vertices][4] sRGB + alpha, or NULL */
    float *uvs;             /* [n_uvs][2], (0,0) is the top left of the picture, or NULL */
    uint32_t *uv_triangles; /* [n_triangles][3] uv indices; NULL exactly when uvs is */
    uint16_t *groups;       /* [n_triangles] material slot of each triangle, or NULL: all 0 */
    size_t n_vertices, n_triangles, n_uvs;
} OrfMeshParts;

/* Takes the blocks (even on failure) and clears `parts`. Errors: BAD_INPUT: an index out of
 * range or a coordinate that is not finite; TOO_LARGE: over 2^30 triangles or vertices. */
OrfMesh *orf_mesh_new_take(OrfMeshParts *parts, GError **error);
void orf_mesh_parts_clear(OrfMeshParts *parts);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfMeshParts, orf_mesh_parts_clear)
/* Deep copy, to change and make new. */
bool orf_mesh_copy_parts(OrfTask *task, const OrfMesh *mesh, OrfMeshParts *ret_parts,
                         GError **error);
OrfMesh *orf_mesh_ref(OrfMesh *mesh);
void orf_mesh_unref(OrfMesh *mesh);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfMesh, orf_mesh_unref)

/* --- Look: borrowed, valid while you hold a reference ------------------------------------- */

size_t orf_mesh_n_vertices(const OrfMesh *mesh);
size_t orf_mesh_n_triangles(const OrfMesh *mesh);
size_t orf_mesh_n_uvs(const OrfMesh *mesh);
const float *orf_mesh_positions(const OrfMesh *mesh);       /* [n_vertices][3] */
const uint32_t *orf_mesh_triangles(const OrfMesh *mesh);    /* [n_triangles][3] */
const uint8_t *orf_mesh_colors(const OrfMesh *mesh);        /* [n_vertices][4] or NULL */
const float *orf_mesh_uvs(const OrfMesh *mesh);             /* [n_uvs][2] or NULL */
const uint32_t *orf_mesh_uv_triangles(const OrfMesh *mesh); /* [n_triangles][3] or NULL */
const uint16_t *orf_mesh_groups(const OrfMesh *mesh);       /* [n_triangles] or NULL */
unsigned orf_mesh_n_groups(const OrfMesh *mesh);            /* highest group + 1, at least 1 */
void
orf_mesh_bounds(const OrfMesh *mesh, float ret_low[3], float ret_high[3]); /* 0 when empty */

/* --- Analyse: mesh/analyse.c, mesh/intersect.c -------------------------------------------- */

typedef struct {
    size_t vertices, triangles;
    size_t boundary_edges;           /* used by one triangle */
    size_t nonmanifold_edges;        /* used by three or more */
    size_t nonmanifold_vertices;     /* whose triangles form more than one fan */
    size_t misoriented_edges;        /* used twice in the same direction */
    size_t degenerate;               /* area zero or repeated index */
    size_t duplicate;                /* same three vertices as another, any winding */
    size_t unreferenced;             /* vertices no triangle uses */
    size_t shells;                   /* connected components over shared edges */
    int64_t euler;                   /* V - E + F of the referenced part */
    double volume, area;             /* mm^3, mm^2; volume is signed, meaningful when closed */
    float low[3], high[3];           /* of the referenced vertices; 0 when there are none */
    int64_t self_intersections;      /* pairs that cross, not only touch; -1: not counted */
    bool closed, manifold, oriented; /* oriented: consistently, and volume > 0 */
} OrfMeasures;

/* `crossings` also counts self-intersections (n log n; counting stops at 10 000).
 * Errors: CANCELLED, TOO_LARGE. */
bool orf_mesh_measure(OrfTask *task, const OrfMesh *mesh, bool crossings,
                      OrfMeasures *ret_measures, GError **error);
/* closed, manifold (edges and vertices), oriented, no degenerate or duplicate triangle, and no
 * crossing where they were counted. */
bool orf_measures_solid(const OrfMeasures *measures);

/* Normal of each vertex, angle-weighted (Thürmer and Wüthrich 1998): [n_vertices][3] of length
 * 1, 0 where no triangle has area; caller frees with orf_free. Errors: CANCELLED, TOO_LARGE. */
float *orf_mesh_vertex_normals(OrfTask *task, const OrfMesh *mesh, GError **error);

/* --- Change: each returns a new mesh, or NULL and sets error ------------------------------ */

/* Merges vertices within `distance` mm (0: exactly equal positions; -0 equals 0), drops
 * triangles that collapse, keeps UV indices, colours (of the first) and groups; vertices come
 * in order of first use, those no triangle uses are dropped. No vertex moves further than
 * `distance`, and those left are further apart. Errors: CANCELLED, TOO_LARGE. Cell hashing
 * after Teschner et al. 2003. */
OrfMesh *orf_mesh_weld(OrfTask *task, const OrfMesh *mesh, float distance, GError **error);

/* Points as they come, equal ones under one index: mesh/points.c. `found` holds the distinct
 * ones in order of first use. -0 equals 0, NaN equals nothing. One thread at a time. */
typedef struct {
    OrfTask *task;
    OrfVec found; /* float[3] */
    uint64_t *slots;
    size_t mask; /* slots - 1 */
} OrfPoints;
void orf_points_init(OrfPoints *points, OrfTask *task);
void orf_points_clear(OrfPoints *points);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfPoints, orf_points_clear)
/* Errors: CANCELLED, TOO_LARGE. */
bool orf_points_add(OrfPoints *points, const float (*items)[3], size_t n, uint32_t *ret_indices,
                    GError **error);

/* positions * scale, then + offset. A negative product of scales also flips the winding. */
OrfMesh *orf_mesh_scale_move(OrfTask *task, const OrfMesh *mesh, const float scale[3],
                             const float offset[3], GError **error);
/* New positions ([n_vertices][3], from orf_task_alloc; taken), all else shared or copied. */
OrfMesh *orf_mesh_with_positions_take(OrfTask *task, const OrfMesh *mesh, float *positions,
                                      GError **error);
/* All meshes in one; groups of later ones are raised by the count of those before when
 * `separate_groups`. UVs and colours are kept when every mesh has them. */
OrfMesh *orf_mesh_join(OrfTask *task, OrfMesh *const *meshes, size_t n, bool separate_groups,
                       GError **error);

/* The mesh with UVs (all at one place) and colours (white) where `like` has some: what is
 * joined to a dressed mesh must not undress it. */
OrfMesh *
orf_mesh_dressed_like(OrfTask *task, OrfMesh *mesh, const OrfMesh *like, GError **error);
/* A closed prism of `sides` round the line between two places. */
OrfMesh *orf_mesh_prism(OrfTask *task, const double from[3], const double to[3], double radius,
                        unsigned sides, GError **error);

/* Vertices closer than `distance` mm are moved apart by a few times as much, indices stay: for
 * readers that join what nearly coincides. The mesh itself when there are none. Errors:
 * CANCELLED, TOO_LARGE. */
OrfMesh *orf_mesh_keep_apart(OrfTask *task, OrfMesh *mesh, float distance, GError **error);

typedef struct {
    unsigned rounds;      /* 0: 10 */
    float lambda, mu;     /* 0: 0.5 and -0.53 */
    const uint8_t *fixed; /* [n_vertices] 1 = stays, or NULL */
} OrfSmooth;
/* Taubin 1995 with cotangent weights clamped to >= 0; vertices of open borders stay; a closed
 * body keeps its volume. `options` may be NULL. Errors: CANCELLED, TOO_LARGE. */
OrfMesh *
orf_mesh_smooth(OrfTask *task, const OrfMesh *mesh, const OrfSmooth *options, GError **error);

/* The same for noise on bodies with sharp edges, which stay; `rounds` 0: 5. Open borders stay.
 * Fleishman, Drori and Cohen-Or 2003. Errors: CANCELLED, TOO_LARGE. */
OrfMesh *
orf_mesh_smooth_sharp(OrfTask *task, const OrfMesh *mesh, unsigned rounds, GError **error);

/* Each triangle in four, the surface rounded; open edges become smooth curves, edges that
 * branch stay, UV seams and groups too. Errors: BAD_INPUT (a triangle that uses a vertex
 * twice), CANCELLED, TOO_LARGE. Loop 1987, Warren 1995. */
OrfMesh *orf_mesh_subdivide(OrfTask *task, const OrfMesh *mesh, GError **error);

typedef struct {
    size_t triangles; /* target; 0: no target */
    float error; /* how far the surface may move, in mm; 0: any when `triangles` is given */
    bool keep_borders; /* vertices of open borders stay, too */
} OrfSimplify;
/* Fewer triangles by collapsing edges (Garland and Heckbert 1997, link condition): every shell,
 * hole and handle stays, a closed manifold stays one, oriented as it was, without degenerate
 * triangles. Stops at the target or the error, whichever comes first, or when nothing may go.
 * The error is summed as the surface moves: measured, it comes out at up to 1.25 of what was
 * asked. UV seams and borders between groups are locked; UVs and colours move along. The result
 * does not depend on the cores. Errors: CANCELLED, TOO_LARGE, BAD_INPUT (neither target nor
 * error). */
OrfMesh *orf_mesh_simplify(OrfTask *task, const OrfMesh *mesh, const OrfSimplify *options,
                           GError **error);

/* New UVs for the whole surface, from charts that are flat without flips or overlap, all at one
 * scale, packed into the unit square; indices, colours and groups stay. Edges that not exactly
 * two triangles share are seams, triangles without an area map to a line or point. The aim is
 * at most n_triangles/50 + 8 charts and one for each shell beyond the first; there are more
 * where joining further ones would fold or stretch them (coarse or crumpled surfaces). 95 % of
 * the triangles are stretched less than twice, save on crumpled surfaces. Errors: CANCELLED,
 * TOO_LARGE, BAD_INPUT (empty). Levy, Petitjean, Ray and Maillot 2002 (bent charts). */
typedef struct {
    float gutter;       /* between charts, in parts of the side; 0: 4/1024 */
    float cone_degrees; /* greatest angle between a chart's faces and its axis: 30..75; 0: 60 */
} OrfUnwrap;
OrfMesh *
orf_mesh_unwrap(OrfTask *task, const OrfMesh *mesh, const OrfUnwrap *options, GError **error);

/* --- Ask: a tree of boxes over triangles: mesh/tree.c. Immutable, thread-safe --------------
 */

typedef struct OrfTree OrfTree;

/* Over `n` triangles (vertex indices); those without an area are left out. Errors: CANCELLED,
 * TOO_LARGE. */
OrfTree *orf_tree_new(OrfTask *task, const float *positions, const uint32_t *triangles,
                      size_t n, GError **error);
void orf_tree_free(OrfTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfTree, orf_tree_free)

/* Distance to the nearest triangle, INFINITY when none is nearer than `most`. `ret_point` and
 * `ret_triangle` (index as given) may be NULL. Ericson 2005, 5.1.5. */
double orf_tree_nearest(const OrfTree *tree, const double point[3], double most,
                        double ret_point[3], uint32_t *ret_triangle);
/* Distance along the unit vector `direction` to the first triangle other than `skip`
 * (UINT32_MAX: none), INFINITY when there is none within `most`. Möller and Trumbore 1997. */
double orf_tree_first_hit(const OrfTree *tree, const double point[3], const double direction[3],
                          double most, uint32_t skip);
/* How often the triangles wind round the point: 1 inside a closed outward surface, 0 outside, a
 * share of it where the surface has holes. Far branches count as dipoles (Barill, Dickson,
 * Schmidt, Levin and Jacobson 2018, order 1, beta 2). */
double orf_tree_winding(const OrfTree *tree, const double point[3]);

/* --- Inspect: mesh/inspect.c -------------------------------------------------------------- */

/* What can be wrong: bits of the maps are 1 << defect. */
typedef enum {
    ORF_DEFECT_OPEN,     /* faces at edges that one face uses */
    ORF_DEFECT_BRANCH,   /* at edges that three or more use */
    ORF_DEFECT_PINCH,    /* corners where parts touch in a point (vertices only) */
    ORF_DEFECT_TURNED,   /* at edges whose two faces disagree about outside */
    ORF_DEFECT_FLAT,     /* no area */
    ORF_DEFECT_TWICE,    /* the same corners as another */
    ORF_DEFECT_CROSSING, /* crosses another face */
    ORF_DEFECT_INVERTED, /* all: closed, but inside out */
    ORF_DEFECT_HIDDEN,   /* wall of a room behind narrow doors */
    ORF_DEFECT_INNER,    /* of a shell that lies within the solid */
    ORF_DEFECT_DOUBLE,   /* of an inner shell that lines the outer one */
    ORF_DEFECT_CRUMB,    /* of a shell that is next to nothing */
    ORF_DEFECT_UNUSED,   /* vertices no face uses (vertices only) */
    ORF_N_DEFECTS
} OrfDefect;

/* The row of a defect. Strings are static. */
typedef struct {
    const char *name; /* "open-edges" */
    const char *says; /* "open edges: holes" */
    bool unprintable; /* no printable solid while it is there */
} OrfDefectInfo;
const OrfDefectInfo *orf_defect_info(OrfDefect defect);

typedef struct {
    OrfMeasures measures;        /* self_intersections counted unless `fast` */
    size_t count[ORF_N_DEFECTS]; /* edges, vertices, faces, pairs or shells; HIDDEN: faces */
    size_t cavities;             /* closed rooms that somebody meant: no defect */
    bool looked;       /* rooms and shells were looked at; needs faces that agree about
                          outside, and no heap of walls */
    double hidden;     /* share of the inside that is empty behind narrow doors, 0..1 */
    double door;       /* mm: the widest of them; 0: none */
    double diagonal;   /* mm */
    uint16_t *faces;   /* [triangles] bits */
    uint16_t *corners; /* [vertices] bits: their own, and those of their faces */
    uint32_t *pairs;   /* [n_pairs][2] triangles that cross, counting stops at 10 000 */
    size_t n_pairs;
    unsigned score;               /* 100: nothing is wrong; 0 */
    unsigned cost[ORF_N_DEFECTS]; /* what each defect takes off, before the sum is cut at 100 */
} OrfInspection;
void orf_inspection_clear(OrfInspection *inspection);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfInspection, orf_inspection_clear)

/* Everything that keeps a mesh from being printed, and where. `fast`: neither crossings nor
 * rooms. Zero-initialise `ret`. Errors: CANCELLED, TOO_LARGE. docs/decisions/0072-inspect.md.
 */
bool orf_mesh_inspect(OrfTask *task, const OrfMesh *mesh, bool fast, OrfInspection *ret,
                      GError **error);
/* One line: "a printable solid". Static. */
const char *orf_inspection_verdict(const OrfInspection *inspection);
/* Solid, crosses nowhere and has no defect that is unprintable. */
bool orf_inspection_printable(const OrfInspection *inspection);

/* --- Repair: mesh/repair.c ---------------------------------------------------------------- */

typedef enum {
    ORF_REPAIR_AUTO,    /* wish: climbs only as far as it must */
    ORF_REPAIR_NOTHING, /* report: it was sound, and came back as it was */
    ORF_REPAIR_SAFE,    /* welded, cleaned, small holes closed */
    ORF_REPAIR_FULL,    /* what sees no outside dropped, the rest turned outwards and closed */
    ORF_REPAIR_REMESH,  /* a new surface of what the triangles wind round */
} OrfRepairLevel;

typedef struct {
    /* AUTO; SAFE and FULL: no further than that, be the result a solid or not (`after` tells);
     * REMESH: a new surface in any case */
    OrfRepairLevel level;
    unsigned cells;   /* of the grid along the diagonal; 0: 250 */
    bool keep_voids;  /* closed inner shells stay even when they line the outer one */
    bool keep_bottom; /* a flat open bottom with a thin rim stays open */
    bool keep_open;   /* no hole is closed: welded, cleaned, no further than SAFE */
} OrfRepair;

typedef struct {
    OrfRepairLevel way; /* the rung that gave the result */
    OrfMeasures before, after;
    size_t degenerate, duplicate; /* triangles dropped */
    size_t unseen, turned;        /* triangles that saw no outside; that were turned over */
    size_t holes, crumbs;         /* loops closed, small pieces dropped */
    bool bottom;                  /* a flat open bottom was closed */
    double hidden; /* share of the inside that is empty behind narrow doors, 0..1 */
    double door;   /* mm: the widest of them; 0: none */
} OrfRepairReport;

/* Makes a closed, manifold, oriented solid without crossings of any triangles (as far as the
 * level and `keep_open` let it), changing no more than it must: sound meshes come back as the
 * same object, kept triangles keep their vertices, UVs, colours and groups. A remeshed surface
 * has none of them. `options` and `ret_report` may be NULL. Errors: BAD_INPUT (nothing with an
 * area), CANCELLED, TOO_LARGE. docs/decisions/0070-repair.md. */
OrfMesh *orf_mesh_repair(OrfTask *task, OrfMesh *mesh, const OrfRepair *options,
                         OrfRepairReport *ret_report, GError **error);

/* --- Boolean: mesh/boolean.c -------------------------------------------------------------- */

typedef enum {
    ORF_UNION,        /* what is in any body */
    ORF_DIFFERENCE,   /* what is in the first and in no other */
    ORF_INTERSECTION, /* what is in all */
} OrfBooleanKind;

typedef struct {
    double volume; /* mm^3, before places were rounded to floats */
    size_t cuts;   /* how often triangles meet each other */
} OrfBooleanReport;

/* Bodies may cross themselves and each other, touch, or share planes; each must be closed. What
 * is cut off keeps its vertices, UVs, colours and groups (of later bodies raised, as
 * orf_mesh_join does); new vertices lie where surfaces meet. Empty (0 triangles) where nothing
 * is left. The result is closed and oriented; rounding to floats may fold slivers. `ret_report`
 * may be NULL. Errors: BAD_INPUT (a body that is open or empty), CANCELLED, TOO_LARGE.
 * Zhou, Grinspun, Zorin and Jacobson 2016; docs/decisions/0074-booleans.md. */
OrfMesh *orf_mesh_boolean(OrfTask *task, OrfMesh *const *meshes, size_t n, OrfBooleanKind kind,
                          OrfBooleanReport *ret_report, GError **error);

/* --- Offset, hollow: mesh/offset.c, mesh/hollow.c ----------------------------------------- */

typedef enum {
    ORF_OFFSET_OUTWARDS, /* the body and all within the distance of it: rounded outside */
    ORF_OFFSET_INWARDS,  /* what lies deeper in it than the distance */
    ORF_OFFSET_BOTH,     /* all within the distance of the surface, open or closed */
} OrfOffsetKind;

/* A closed surface at `distance` mm (> 0) from the triangles, without UVs or colours; empty (0
 * triangles) where nothing is so deep. Its vertices are at that distance to 0.5 %; a grid of up
 * to 60 M cells decides how small parts may be. Errors: BAD_INPUT (empty), CANCELLED,
 * TOO_LARGE. */
OrfMesh *orf_mesh_offset(OrfTask *task, const OrfMesh *mesh, OrfOffsetKind kind,
                         double distance, GError **error);

typedef struct {
    double wall;           /* mm > 0 */
    unsigned n_drains;     /* holes through the floor of the cavity */
    double drain_diameter; /* mm > 0 when there are some */
} OrfHollow;

typedef struct {
    size_t cavities;
    double wall_least, wall_mean; /* mm, measured from the cavity to the outside */
} OrfHollowReport;

/* The same outside with an even wall; parts thinner than two walls stay solid. Errors:
 * BAD_INPUT (no part is thick enough; with drains: open), CANCELLED, TOO_LARGE. */
OrfMesh *orf_mesh_hollow(OrfTask *task, OrfMesh *mesh, const OrfHollow *options,
                         OrfHollowReport *ret_report, GError **error);

/* The bodies of a mesh (of OrfMesh), the largest first; a cavity goes with the body round it.
 * Those beyond `most` (>= 1) are one. Caller owns. Errors: CANCELLED, TOO_LARGE. */
GPtrArray *orf_mesh_shells(OrfTask *task, OrfMesh *mesh, size_t most, GError **error);

/* --- Section: mesh/section.c -------------------------------------------------------------- */

typedef struct {
    double normal[3], offset;          /* the plane normal . x = offset (normal of length 1) */
    unsigned n_pegs;                   /* at most; fewer where the cut is narrow */
    bool dowels;                       /* holes in both halves, for pins of their own */
    double diameter, depth, clearance; /* mm, of pegs; a hole is wider by 2 clearances */
} OrfSection;

/* The closed halves below and above the plane, either maybe empty; pegs stand on the lower one.
 * Caps are a material of their own, the last group. `ret_pegs` may be NULL. Errors: BAD_INPUT
 * (open), CANCELLED, TOO_LARGE. */
bool orf_mesh_section(OrfTask *task, OrfMesh *mesh, const OrfSection *options,
                      OrfMesh *ret_halves[2], unsigned *ret_pegs, GError **error);

/* --- Iso-surface: mesh/isosurface.c ------------------------------------------------------- */

/* Samples of a field on a regular grid, x fastest: field[(z*ny + y)*nx + x]; above 0 is inside.
 * Sample (0,0,0) lies at `origin`, neighbours are `cell` mm apart. */
typedef struct {
    const float *field;
    uint32_t nx, ny, nz; /* 2..2048 each */
    float origin[3], cell;
} OrfField;

/* The zero surface: always closed, manifold and outward-oriented, the border counts as outside;
 * empty (0 triangles) when nothing is inside. NaN counts as outside. Errors: CANCELLED,
 * TOO_LARGE. */
OrfMesh *orf_mesh_isosurface(OrfTask *task, const OrfField *field, GError **error);

/* --- Triangulation in the plane: mesh/triangulate.c --------------------------------------- */

/* A planar straight-line graph. Loops are closed polygons; constrained lines and free points
 * may lie inside. Inside is decided by winding number (non-zero) of the loops. */
typedef struct {
    const float *points; /* [n_points][2] loops first, one after the other, then the rest */
    size_t n_points;
    const uint32_t *loop_start; /* [n_loops + 1] into points */
    size_t n_loops;
    const uint32_t *segments; /* [n_segments][2] further constraints between points, or NULL */
    size_t n_segments;
} OrfPlanar;

/* Constrained Delaunay triangles of the inside, counter-clockwise for y up, every given loop
 * point used, no point added; where a point lies on a loop edge or segment, that is split
 * there. Coordinates are snapped to a grid of at most 2^-28 of the extent and predicates are
 * exact (128-bit), so any input terminates. `ret_n` triangles; caller frees with orf_free.
 * Errors: BAD_INPUT: loops or segments that cross (says where), two loop points at one place
 * (free points may coincide: one stands for all), a loop of fewer than 3 points, a coordinate
 * that is not finite; CANCELLED; TOO_LARGE: over 2^28 points, or memory.
 * Lawson 1977, Anglada 1997 (constraints), Amenta, Choi and Rote 2003 (order). */
uint32_t *
orf_triangulate(OrfTask *task, const OrfPlanar *planar, size_t *ret_n, GError **error);

/* Triangles in the plane with their points; blocks come from orf_task_alloc. Zero-initialise.
 */
typedef struct {
    float *points; /* [n_points][2] the outline first, in loop order, then inside points */
    uint32_t *loop_start; /* [n_loops + 1] */
    uint32_t *triangles;  /* [n_triangles][3] */
    size_t n_points, n_loops, n_triangles;
} OrfPlanarMesh;
void orf_planar_mesh_clear(OrfPlanarMesh *planar);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfPlanarMesh, orf_planar_mesh_clear)

/* How a region is filled with points. Zero-initialise it. */
typedef struct {
    float edge_rim;       /* mm between points of the outline; 0: extent / 200 */
    float edge_inside;    /* mm: greatest distance inside; 0: 4 * edge_rim */
    float grow;           /* spacing gained per mm away from the outline; 0: 0.3 */
    float corner_degrees; /* sharper turns of the outline keep their point; 0: 40 */
    bool keep_outline;    /* outline points are used as given */
    float rings[4];       /* mm: rows of points left of the loops at these distances, ascending,
                           * 0 ends the list: where a surface is steep at its rim */
    size_t max_points;    /* about; 0: 1 000 000. Spacings are widened to stay below */
} OrfRefine;

/* Good triangles for a region: the loops of `outline` (free points and segments are not read;
 * outer loops counter-clockwise, holes clockwise) resampled at `edge_rim`, denser where they
 * bend, with corners kept; inside a graded hexagonal grid that keeps away from the outline. No
 * chord is left, so the result can be lifted. In open places angles are 30 degrees or more;
 * only sharp corners, rings and strips thinner than `edge_rim` are worse. Where the coarser
 * outline would cross itself, a finer one is taken. `ret` is filled: clear it. Errors:
 * BAD_INPUT as orf_triangulate; CANCELLED; TOO_LARGE. */
bool orf_planar_refine(OrfTask *task, const OrfPlanar *outline, const OrfRefine *options,
                       OrfPlanarMesh *ret, GError **error);

/* Inserts, in place, the midpoint of every chord (an edge through the inside between two border
 * points) and the centre of every triangle that has only border edges. Afterwards each triangle
 * has an inside point and no chord is left: what orf_mesh_lift needs where front and back meet
 * at the outline. Old points keep their indices. Errors: BAD_INPUT (index out of range, an edge
 * used twice in one direction), CANCELLED, TOO_LARGE; then `planar` is as before. */
bool orf_planar_split_chords(OrfTask *task, OrfPlanarMesh *planar, GError **error);

/* One flat polygon in space, for file formats that hold polygons: ear clipping on the dominant
 * plane, or orf_triangulate when it is large. `corners` are indices into positions; writes
 * 3*(n-2) indices to ret_triangles (none below 3 corners). A fan when the polygon is not simple
 * or the memory is short. Meisters 1975. */
void orf_triangulate_polygon(const float *positions, const uint32_t *corners, size_t n,
                             uint32_t *ret_triangles);

/* --- Sheets over a planar region: mesh/lift.c --------------------------------------------- */

/* A body bounded by a front and a back sheet over one planar triangulation. Border points (on
 * an edge of one triangle) are shared by both sheets where front == back there, else a wall
 * joins them. A point where the border touches itself becomes one vertex per side, points that
 * no triangle uses are left out. Closed, manifold and oriented by construction, and the sheets
 * never cross. x right, y up in the plane; front faces +Z. */
typedef struct {
    const float *points; /* [n_points][2] mm */
    size_t n_points;
    const uint32_t *triangles; /* [n_triangles][3] from orf_triangulate or orf_planar_refine */
    size_t n_triangles;
    const float *front, *back; /* [n_points] z in mm, front >= back */
    float thinnest; /* mm: inside points thinner than this are thickened evenly; 0: refused
                     * where front == back */
} OrfSheets;
/* `uvs` (optional, [n_points][2]) become the UVs of both sheets; groups: front 0, back 1, wall
 * 2 when `grouped`, else none. Errors: BAD_INPUT (front < back; front == back inside; a chord
 * between two border points where front == back: use orf_planar_split_chords; a directed edge
 * given twice), CANCELLED, TOO_LARGE. */
OrfMesh *orf_mesh_lift(OrfTask *task, const OrfSheets *sheets, const float *uvs, bool grouped,
                       GError **error);

/* --- Slabs: two sheets over one grid: mesh/slab.c ----------------------------------------- */

/* A plate, arc or tube: an outer and an inner sheet sampled on one grid of nx x ny points, both
 * [ny][nx][3] mm. Looking at the outer sheet from outside, x runs right and y down. Cells are
 * merged where the sheet stays within `error` mm (right-triangulated irregular network, Evans,
 * Kirkpatrick and Townsend 2001), so flat parts cost little. nx - 1 and ny - 1 are multiples of
 * ORF_SLAB_BLOCK. */
#define ORF_SLAB_BLOCK 32u
typedef struct {
    const float *outer, *inner;
    uint32_t nx, ny;
    bool wrap;   /* column nx - 1 is column 0 again: a tube */
    float error; /* mm; 0: every point is kept */
} OrfSlab;
/* Closed, manifold and oriented when the sheets do not touch. UVs are (x, y) / (n - 1) on both.
 * Errors: CANCELLED, TOO_LARGE. */
OrfMesh *orf_mesh_slab(OrfTask *task, const OrfSlab *slab, GError **error);

#endif
