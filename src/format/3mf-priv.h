/* 3mf-priv.h - 3MF: the container, the model as it is read, the model as it is written.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_3MF_PRIV_H
#define ORF_3MF_PRIV_H

#include "format/format-priv.h"

#define ORF_3MF_CORE "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
#define ORF_3MF_MATERIAL "http://schemas.microsoft.com/3dmanufacturing/material/2015/02"
#define ORF_3MF_PRODUCTION "http://schemas.microsoft.com/3dmanufacturing/production/2015/06"
#define ORF_3MF_RELATIONS "http://schemas.openxmlformats.org/package/2006/relationships"
#define ORF_3MF_IS_MODEL "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
#define ORF_3MF_IS_TEXTURE "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dtexture"

/* --- Container: 3mf-zip.c. One thread at a time ------------------------------------------- */

typedef struct OrfZip OrfZip;

/* Errors: BAD_INPUT (no ZIP, names that climb out), UNSUPPORTED (encrypted), TOO_LARGE. */
OrfZip *orf_zip_open(OrfTask *task, GBytes *bytes, const char *name, GError **error);
void orf_zip_close(OrfZip *zip);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfZip, orf_zip_close)
/* The first entry whose name ends so; NULL: none. Borrowed. */
const char *orf_zip_find(OrfZip *zip, const char *ending);
/* Hands the entry over piece by piece; `sink` returns false and sets error to stop. A leading
 * '/' is passed over, letters match in either case. Errors: BAD_INPUT (missing, broken),
 * TOO_LARGE (bomb). */
typedef bool (*OrfZipSink)(const char *piece, size_t size, void *data, GError **error);
bool orf_zip_read(OrfZip *zip, const char *entry, OrfZipSink sink, void *data, GError **error);
bool orf_zip_has(OrfZip *zip, const char *entry);
GBytes *orf_zip_load(OrfZip *zip, const char *entry, size_t most, GError **error);

typedef struct {
    char *name;
    GBytes *bytes;
    bool pressed; /* already: a picture */
} OrfZipEntry;
/* The same entries give the same bytes on any machine at any time. */
GBytes *orf_zip_write(OrfTask *task, const OrfZipEntry *entries, size_t n, GError **error);

/* --- Model: 3mf-model.c ------------------------------------------------------------------- */

typedef struct {
    double m[4][3]; /* row vectors: (x y z 1) * m */
} Orf3mfPose;

typedef struct {
    uint32_t object;
    char *path; /* of the part that holds it; NULL: this one */
    Orf3mfPose pose;
} Orf3mfUse;

typedef enum { ORF_3MF_BASE, ORF_3MF_COLORS, ORF_3MF_PICTURE, ORF_3MF_UVS } Orf3mfKind;

typedef struct {
    Orf3mfKind kind;
    OrfVec colors;    /* uint8_t[4], of base and colours */
    GPtrArray *names; /* char *, of base */
    char *path;       /* of a picture */
    uint32_t picture; /* id, of uvs */
    OrfVec uvs;       /* float[2] */
    size_t index;     /* while it is used: first material + 1, or first uv + 1 of the draft */
    size_t material;  /* material + 1 of uvs */
} Orf3mfProperty;

typedef struct {
    uint32_t property, at[3];
} Orf3mfLook; /* of a triangle; property 0: none */

typedef struct {
    OrfVec positions; /* float[3], millimetres, Z up */
    OrfVec triangles; /* uint32_t[3] */
    OrfVec looks;     /* Orf3mfLook; may be shorter than triangles: the rest has none */
    GArray *uses;     /* Orf3mfUse: components */
    Orf3mfLook look;  /* of triangles that say nothing */
    bool left_out;    /* a support */
} Orf3mfObject;

typedef struct {
    GHashTable *objects;    /* id -> Orf3mfObject */
    GHashTable *properties; /* id -> Orf3mfProperty */
    GArray *items;          /* Orf3mfUse: what is built */
    bool varied;            /* some triangle has different colours at its corners */
} Orf3mfPart;

/* Reads one model part. Errors: BAD_INPUT (with the line), UNSUPPORTED, TOO_LARGE, CANCELLED.
 */
Orf3mfPart *orf_3mf_part_load(OrfTask *task, OrfZip *zip, const char *path, const char *name,
                              GError **error);
void orf_3mf_part_free(Orf3mfPart *part);

/* --- To and from assets: 3mf-load.c, 3mf-save.c ------------------------------------------- */

bool orf_3mf_build(OrfAssetDraft *draft, OrfZip *zip, const char *root, GError **error);
GPtrArray *
orf_3mf_save(OrfTask *task, const OrfAsset *asset, const OrfSave *options, GError **error);

#endif
