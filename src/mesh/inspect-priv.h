/* inspect-priv.h - what the files of inspection share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_INSPECT_PRIV_H
#define ORF_INSPECT_PRIV_H

#include "mesh/mesh-priv.h"

static inline uint16_t
orf_defect_bit(OrfDefect defect)
{
    return (uint16_t)(1u << defect);
}

/* Bits that edges, vertices and areas tell, and those of `pairs`: inspect-map.c. */
bool
orf_inspect_map(OrfTask *task, const OrfMesh *mesh, OrfInspection *inspection, GError **error);
/* Rooms behind doors, shells within and crumbs: inspect-rooms.c. */
bool orf_inspect_rooms(OrfTask *task, const OrfMesh *mesh, OrfInspection *inspection,
                       GError **error);

#endif
