/* mesh-priv.h - what the files of this room share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_MESH_PRIV_H
#define ORF_MESH_PRIV_H

#include "mesh/mesh.h"

/* At most this many triangles or vertices: a corner (3 * triangle + 0..2) then fits in 32 bits.
 */
#define ORF_MESH_MAX ((size_t)1 << 30)

/* Loops over triangles or vertices look at the cancel flag once in this many. */
#define ORF_MESH_BLOCK ((size_t)1 << 14)

static inline bool
orf_triangle_collapsed(const uint32_t t[3])
{
    return t[0] == t[1] || t[1] == t[2] || t[2] == t[0];
}

/* --- Edges: mesh/edges.c ------------------------------------------------------------------ */

/* One side of a triangle, filed under the lower of its two vertices. */
typedef struct {
    uint32_t other; /* the higher vertex */
    uint32_t
        half; /* corner (3 * triangle + k) where the side begins: it runs from k to k + 1 */
} OrfHalf;

/* The sides of all triangles: those of vertex v are halves[start[v]] .. halves[start[v + 1] -
 * 1], sorted by `other`, then by the vertex opposite: equal edges are neighbours. Triangles
 * with a repeated index are left out. Zero-initialise it. */
typedef struct {
    uint32_t *start; /* [n_vertices + 1] */
    OrfHalf *halves;
} OrfEdges;

/* Linear in time when no vertex has very many triangles. Errors: CANCELLED, TOO_LARGE. */
bool orf_edges_init(OrfTask *task, const OrfMesh *mesh, OrfEdges *edges, GError **error);
void orf_edges_clear(OrfEdges *edges);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfEdges, orf_edges_clear)

/* The side after a corner in the same triangle. */
static inline uint32_t
orf_next_corner(uint32_t corner)
{
    return corner % 3 == 2 ? corner - 2 : corner + 1;
}

/* End of the run of halves of one edge that begins at `i`, inside the list that ends at `end`.
 */
static inline uint32_t
orf_edge_end(const OrfHalf *halves, uint32_t i, uint32_t end)
{
    uint32_t other = halves[i].other;
    while (i < end && halves[i].other == other)
        i++;
    return i;
}

/* --- Exact predicates: mesh/predicates.c -------------------------------------------------- */

/* On which side of the plane through a, b, c (counter-clockwise seen from the side of sign -1)
 * does d lie? The sign of (a - d) . ((b - d) x (c - d)), exactly. */
int orf_orient3d(const float a[3], const float b[3], const float c[3], const float d[3]);
/* Do a, b, c turn left (1), right (-1) or not at all, seen along `axis` (0 x, 1 y, 2 z)?
 * Exactly. */
int orf_orient2d(const float a[3], const float b[3], const float c[3], int axis);

/* --- Crossings: mesh/intersect.c ---------------------------------------------------------- */

#define ORF_MAX_CROSSINGS 10000

/* Do two triangles, given as vertex indices, cross or overlap? Touching does not count. */
bool orf_triangles_cross(const float *positions, const uint32_t a[3], const uint32_t b[3]);
/* Pairs of triangles that cross, counted up to ORF_MAX_CROSSINGS. Errors: CANCELLED, TOO_LARGE.
 */
bool
orf_mesh_count_crossings(OrfTask *task, const OrfMesh *mesh, int64_t *ret_n, GError **error);
/* The same pairs, as far as they are counted: triangles in `ret_pairs` (of uint32_t), two by
 * two. Their order depends on the cores. */
bool
orf_mesh_list_crossings(OrfTask *task, const OrfMesh *mesh, GArray *ret_pairs, GError **error);
/* Did a triangle turn over, or lose its area, when its vertices moved? */
bool orf_triangle_turned(const float *before, const float *after, const uint32_t t[3]);

/* --- Rounded: mesh/settle.c --------------------------------------------------------------- */

/* Triangles without an area whose corner lies on a side of theirs give it to the neighbour
 * there; no vertex moves. The mesh itself when there are none. Errors: CANCELLED, TOO_LARGE. */
OrfMesh *orf_mesh_settle(OrfTask *task, OrfMesh *mesh, GError **error);

/* --- Disjoint sets: `parent` [n], each its own at first (Tarjan 1975, path halving) --------
 */

static inline uint32_t
orf_set_root(uint32_t *parent, uint32_t x)
{
    while (parent[x] != x)
        x = parent[x] = parent[parent[x]];
    return x;
}

/* The lower of two roots stands for both. */
static inline void
orf_set_unite(uint32_t *parent, uint32_t a, uint32_t b)
{
    a = orf_set_root(parent, a);
    b = orf_set_root(parent, b);
    parent[MAX(a, b)] = MIN(a, b);
}

#endif
