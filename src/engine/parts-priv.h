/* parts-priv.h - what operations share that join models or make several.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_ENGINE_PARTS_PRIV_H
#define ORF_ENGINE_PARTS_PRIV_H

#include "engine/operation-priv.h"

/* Parameters of operations that make several files, one a part, in a ZIP. */
#define ORF_PARTS_PARAMS                                                                       \
    ORF_CHOICE("parts", ORF_FORMAT_CHOICES, "stl", "Format of the files in the ZIP.")

/* A mesh made by orf_mesh_join or orf_mesh_boolean of all assets, with groups of their own,
 * gets the materials of all. */
OrfAsset *orf_parts_dress(OrfMesh *mesh, GPtrArray *assets);
/* Each part (of OrfAsset) as a file: "part-1.stl", "part-2.stl", ... in a ZIP. */
bool orf_parts_save(OrfTask *task, const OrfOrder *order, GPtrArray *parts, OrfOutcome *outcome,
                    GError **error);

#endif
