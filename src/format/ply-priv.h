/* ply-priv.h - PLY: the header as a table of elements and properties.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_PLY_PRIV_H
#define ORF_PLY_PRIV_H

#include "format/format-priv.h"

#define ORF_PLY_ELEMENTS 32
#define ORF_PLY_PROPERTIES 64

typedef enum {
    PLY_I8,
    PLY_U8,
    PLY_I16,
    PLY_U16,
    PLY_I32,
    PLY_U32,
    PLY_F32,
    PLY_F64
} OrfPlyType;
typedef enum { PLY_ASCII, PLY_LITTLE, PLY_BIG } OrfPlyCoding;

/* What a property means to us. */
typedef enum {
    PLY_X,
    PLY_Y,
    PLY_Z,
    PLY_RED,
    PLY_GREEN,
    PLY_BLUE,
    PLY_ALPHA,
    PLY_U,
    PLY_V,
    PLY_INDICES,
    PLY_TEXCOORDS,
    PLY_OTHER,
} OrfPlyRole;

typedef struct {
    OrfPlyRole role;
    OrfPlyType type;
    bool list;
    OrfPlyType count_type; /* of a list */
} OrfPlyProperty;

typedef struct {
    char name[32];
    uint64_t count;
    OrfPlyProperty properties[ORF_PLY_PROPERTIES];
    size_t n_properties;
} OrfPlyElement;

typedef struct {
    OrfPlyCoding coding;
    OrfPlyElement elements[ORF_PLY_ELEMENTS];
    size_t n_elements;
    char *picture;  /* "comment TextureFile ..." or NULL */
    OrfCursor body; /* what follows the header */
} OrfPlyHeader;

extern const uint8_t orf_ply_sizes[]; /* bytes of each type */

bool orf_ply_read_header(OrfPlyHeader *header, GBytes *bytes, const char *name, GError **error);
bool orf_ply_read_body(OrfAssetDraft *draft, const OrfPlyHeader *header, const char *text,
                       GError **error);
GPtrArray *
orf_ply_save(OrfTask *task, const OrfAsset *asset, const OrfSave *options, GError **error);

#endif
