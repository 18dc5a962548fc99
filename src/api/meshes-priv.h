/* meshes-priv.h - uploaded model files: what mesh-upload.c and meshes.c share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_API_MESHES_PRIV_H
#define ORF_API_MESHES_PRIV_H

#include "api/jobs-priv.h"

/* The mesh object of the client contract; caller owns. */
char *orf_mesh_row_json(const OrfFileRow *row, const OrfModelRow *model);

#endif
