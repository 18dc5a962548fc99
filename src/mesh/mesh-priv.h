/* mesh-priv.h - what the files of this room share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_MESH_PRIV_H
#define ORF_MESH_PRIV_H

#include "mesh/mesh.h"

/* At most this many triangles or vertices: a corner (3 * triangle + 0..2) then fits in 32 bits. */
#define ORF_MESH_MAX ((size_t)1 << 30)

/* Loops over triangles or vertices look at the cancel flag once in this many. */
#define ORF_MESH_BLOCK ((size_t)1 << 14)

static inline bool
orf_triangle_collapsed(const uint32_t t[3])
{
    return t[0] == t[1] || t[1] == t[2] || t[2] == t[0];
}

/* --- Edges: mesh/edges.c ------------------------------------------------------------------------ */

/* One side of a triangle, filed under the lower of its two vertices. */
typedef struct {
    uint32_t other; /* the higher vertex */
    uint32_t
        half; /* corner (3 * triangle + k) where the side begins: it runs from k to k + 1 */
} OrfHalf;

/* The sides of all triangles: those of vertex v are halves[start[v]] .. halves[start[v + 1] - 1],
 * sorted by `other`, then by the vertex opposite: equal edges are neighbours. Triangles with a
 * repeated index are left out. Zero-initialise it. */
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

/* End of the run of halves of one edge that begins at `i`, inside the list that ends at `end`. */
static inline uint32_t
orf_edge_end(const OrfHalf *halves, uint32_t i, uint32_t end)
{
    uint32_t other = halves[i].other;
    while (i < end && halves[i].other == other)
        i++;
    return i;
}

#endif
