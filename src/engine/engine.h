/* engine.h - the front door as the command line and the server see it: include/orfeas.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_ENGINE_H
#define ORF_ENGINE_H

#include <orfeas.h>

/* One picture's cut-out as a PNG: RGBA, or the grey mask alone. `ret_method`, `ret_confidence`
 * and `ret_reason` (static or 160 bytes) say how. Errors as orf_image_cut_out. */
typedef struct {
    const char *method; /* "auto", "alpha", "flat", "scene", "ink", "grabcut" */
    unsigned max_side;  /* px of the result; 0: as the picture */
    bool mask_only;
    uint64_t seed;
} OrfCutoutWish;
typedef struct {
    const char *method; /* static */
    double confidence, coverage;
    char reason[160];
    unsigned width, height;
} OrfCutoutTold;
GBytes *orf_engine_cut_out(OrfTask *task, GBytes *picture, const char *name,
                           const OrfCutoutWish *wish, OrfCutoutTold *ret_told, GError **error);

/* How the asset prints best in a format of slicers (stl, 3mf): flat things that stood (a tag, a
 * relief, letters) lie on their back, with a note; everything else is as it is. A new
 * reference. `generator` is who made it. */
OrfAsset *orf_engine_for_print(OrfTask *task, OrfAsset *asset, const char *generator,
                               const char *format, GError **error);

/* --- What a server asks around a job: engine/wish.c --------------------------------------- */

typedef struct {
    unsigned width, height; /* as a person sees it: after EXIF orientation */
    const char *format;     /* "jpeg", "png", "webp", "tiff", "gif", "svg", "heif"; static */
    bool has_alpha, vector;
} OrfPictureInfo;
/* Reads the header only. Errors: BAD_INPUT, UNSUPPORTED (no picture), TOO_LARGE. */
bool
orf_engine_probe(GBytes *picture, const char *name, OrfPictureInfo *ret_info, GError **error);
/* Whether a file that begins so may be a picture: before the rest has come. UNSUPPORTED: it
 * says what it is. */
bool orf_engine_probe_head(const void *head, size_t size, const char *name, GError **error);
/* How many pictures a generator takes. Errors: NOT_FOUND. */
bool orf_engine_pictures(const char *generator, unsigned *ret_least, unsigned *ret_most,
                         GError **error);
/* {"name":value,...}, names sorted, defaults filled in; after them, as text, what was set for
 * the generators that "auto" may choose. Caller owns. */
char *orf_engine_parameters_json(const OrfRecipe *recipe);
/* A picture that is elsewhere, known by its digest and its header: for digests of recipes. */
typedef struct {
    const char *digest, *name;
    double yaw; /* degrees; NAN: not a view */
    unsigned width, height;
    uint64_t bytes;
    bool mask; /* of the first picture */
} OrfKnownPicture;
bool orf_engine_add_known(OrfRecipe *recipe, const OrfKnownPicture *picture, GError **error);
void orf_engine_count(const OrfAsset *asset, size_t *ret_vertices, size_t *ret_triangles);
/* What lists of assets show. */
typedef struct {
    uint64_t vertices, triangles;
    double size_mm[3];
    bool solid;
} OrfAssetFacts;
/* The text of orf_asset_measures_json without crossings, and the facts. Caller owns. Errors: as
 * there. */
char *orf_engine_measure(OrfTask *task, OrfAsset *asset, OrfAssetFacts *ret, GError **error);
/* The same asset with at most about `triangles`; itself when it has no more. Errors: CANCELLED,
 * TOO_LARGE. */
OrfAsset *orf_engine_simplify(OrfTask *task, OrfAsset *asset, size_t triangles, GError **error);

/* --- Model files that travel alone: engine/files.c ---------------------------------------- */

const char *
orf_engine_sniff(GBytes *bytes); /* "glb", ...; NULL: no format that is known; static */
/* Media type and extension of what orf_engine_save makes; NULL: no such format. Static. */
const char *orf_engine_file_type(const char *format, const char **ret_extension);
/* One file: a format of several (OBJ with its materials and pictures) is a ZIP of them, named
 * after `stem`. */
GBytes *orf_engine_save(OrfTask *task, OrfAsset *asset, const char *format, const char *stem,
                        GError **error);

/* What this machine's picture library is and reads, for `orfeas doctor`. */
const char *orf_engine_picture_library(void);       /* "libvips 8.14.1"; static */
bool orf_engine_reads_pictures(const char *format); /* "jpeg", "heif", "svg", ... */

#endif
