/* format.h - asset files in and out: STL, OBJ, GLB, glTF, PLY, 3MF.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * In memory an asset is in millimetres, Y up. Files: STL, OBJ, PLY and 3MF hold millimetres
 * with Z up (x, y, z) -> (x, -z, y); GLB holds metres with Y up: positions stay in millimetres,
 * bit for bit, under a root node whose scale is 0.001 (an asset that came in plain metres goes
 * back in them). So load(save(asset)) keeps every coordinate exactly. */
#ifndef ORF_FORMAT_H
#define ORF_FORMAT_H

#include "asset/asset.h"

typedef struct {
    const char *name;     /* of the file, for messages; NULL: the format's name */
    OrfSiblingFn sibling; /* what it does not find is left out, with a note at the task */
    void *sibling_data;
} OrfLoad;

typedef struct {
    const char
        *stem; /* file name without extension, for files that name others; NULL: "asset" */
    bool text; /* ASCII variant of STL and PLY */
    bool big_endian; /* PLY */
    bool plain;      /* geometry only: no textures, colours */
    bool alone;      /* glTF: its bytes inside, no .bin beside it */
} OrfSave;

/* One or more files that belong together; the first is the main one. */
typedef struct {
    char *name; /* "cup.obj", "cup.mtl" */
    GBytes *bytes;
} OrfFile;
GPtrArray *orf_files_new(void); /* of OrfFile *, freed with the array */
void orf_files_add_take(GPtrArray *files, char *name, GBytes *bytes);
/* All of them in one ZIP, the same bytes every time: format/bundle.c. */
GBytes *orf_files_zip(OrfTask *task, const GPtrArray *files, GError **error);

typedef struct {
    const char *name;  /* "glb"; also the file name extension */
    const char *title; /* "glTF 2.0, binary" */
    const char *use;   /* what people take it for, in a word or two; NULL: few do */
    const char *mime;
    const char *extensions; /* "stl" or "jpg|jpeg": lower case, the first is written */
    const char *variants;   /* "text|big-endian": words of OrfSave it knows; NULL: none */
    bool several;           /* it writes more than one file, which travel alone as a ZIP */
    bool (*sniff)(const uint8_t *data, size_t size); /* looks at no more than the first 4 KiB */
    OrfAsset *(*load)(OrfTask *task, GBytes *bytes, const OrfLoad *options, GError **error);
    GPtrArray *(*save)(OrfTask *task, const OrfAsset *asset, const OrfSave *options,
                       GError **error);
} OrfFormat;

/* A file and a word here each; in the order of sniffing: the surest signs first. */
#define ORF_FORMATS(first, each) first(glb) each(gltf) each(3mf) each(ply) each(stl) each(obj)

#define ORF_FIRST_CHOICE(name) #name
#define ORF_OTHER_CHOICE(name) "|" #name
/* "glb|3mf|...": for a parameter that chooses a format. */
#define ORF_FORMAT_CHOICES ORF_FORMATS(ORF_FIRST_CHOICE, ORF_OTHER_CHOICE)

/* The table, NULL-terminated. */
const OrfFormat *const *orf_formats(void);
const OrfFormat *orf_format_by_name(const char *name); /* NULL when unknown */
const OrfFormat *orf_format_by_path(const char *path); /* by extension; NULL when unknown */
const OrfFormat *orf_format_sniff(GBytes *bytes);      /* by content; NULL when unknown */

#define ORF_FORMAT_MAX_BYTES ((size_t)1 << 31) /* of an input file */

/* Loads any known format: by `format` name, else by content, else by the extension of
 * options->name. Errors: BAD_INPUT (says where), UNSUPPORTED, TOO_LARGE, CANCELLED. */
OrfAsset *orf_format_load(OrfTask *task, GBytes *bytes, const char *format,
                          const OrfLoad *options, GError **error);
GPtrArray *orf_format_save(OrfTask *task, const OrfAsset *asset, const char *format,
                           const OrfSave *options, GError **error);

#endif
