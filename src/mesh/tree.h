/* tree.h - a tree of boxes over triangles: nearest place, first hit of a ray, winding number.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to the room. The triangles are copied; immutable once built, thread-safe. */
#ifndef ORF_MESH_TREE_H
#define ORF_MESH_TREE_H

#include "mesh/mesh-priv.h"

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

#endif
