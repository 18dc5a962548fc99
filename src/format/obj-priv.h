/* obj-priv.h - OBJ and its material library.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_OBJ_PRIV_H
#define ORF_OBJ_PRIV_H

#include "format/format-priv.h"

/* Adds the materials of an MTL file to the draft; `names` maps each name to its index + 1. */
bool orf_mtl_read(OrfAssetDraft *draft, GBytes *bytes, GHashTable *names, GError **error);

/* The MTL file and its pictures into `files`; `ret_names` (caller frees, NULL-terminated) are
 * the names for usemtl, one a material. */
bool orf_mtl_write(OrfTask *task, const OrfAsset *asset, const char *stem, GPtrArray *files,
                   char ***ret_names, GError **error);

GPtrArray *
orf_obj_save(OrfTask *task, const OrfAsset *asset, const OrfSave *options, GError **error);

#endif
