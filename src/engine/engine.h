/* engine.h - the front door as the command line and the server see it: include/orfeas.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_ENGINE_H
#define ORF_ENGINE_H

#include "base/base.h"

/* --- Operations: what can be done to pictures and assets: engine/operation.c --------------
 * A row each. Command line, API, job kinds, page, documents and fuzzers walk the table. */

typedef enum { ORF_TAKES_NOTHING, ORF_TAKES_PICTURES, ORF_TAKES_ASSETS } OrfTakes;
typedef enum { ORF_MAKES_ASSET, ORF_MAKES_FILES, ORF_MAKES_FACTS } OrfMakes;

typedef struct OrfOrder OrfOrder;     /* an operation with its settings and inputs */
typedef struct OrfOutcome OrfOutcome; /* what came of it */

typedef struct {
    const char *name;    /* "measure": in requests, digests, documents */
    const char *command; /* "mesh info": on the command line */
    const char *title;   /* one line */
    const char *help;    /* a sentence or more */
    const OrfParam *params;
    size_t n_params;
    const char *letters; /* "w": short options of the parameters in their order; or NULL */
    OrfTakes takes;
    unsigned least, most; /* inputs */
    OrfMakes makes;
    const char *suffix; /* of the file it makes, unless told: "-cutout.png"; NULL: it must be */
    bool recipe;        /* a generator decides which parameters there are, and tells stages */
    bool heavy;         /* takes seconds whatever goes in */
    double effort;      /* s for each MB that goes in; 0: too little to count */
    /* NULL: four times the bytes of the inputs, and 64 MB; `effort`. */
    OrfNeed (*estimate)(OrfEngine *engine, const OrfOrder *order);
    bool (*run)(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error);
} OrfOperation;

const OrfOperation *const *orf_operations(void);             /* NULL-terminated */
const OrfOperation *orf_operation_by_name(const char *name); /* NULL: unknown */
/* JSON (caller owns): {"operations":[{"name","title","help","takes","least","most","makes",
 * "stages","heavy","seconds_per_mb","parameters":[...]}]}. */
char *orf_operations_json(void);
/* A row of its table of parameters; NULL: it has none of this name. */
const OrfParam *orf_operation_param(const OrfOperation *operation, const char *name);

/* --- Order: engine/order.c. One thread at a time ------------------------------------------ */

/* Something that goes in. `bytes` NULL: it is elsewhere; then `digest`, and for estimates what
 * is known of it; such an order has a digest but cannot be run. */
typedef struct {
    const char *name; /* of the file, for messages and formats */
    GBytes *bytes;
    OrfAsset *asset;    /* instead of bytes */
    const char *digest; /* SHA-256 of the file; NULL: taken of the bytes */
    double yaw;         /* of a picture; NAN: not a view */
    bool mask;          /* a picture that cuts out the first one; it is not counted */
    unsigned width, height;
    uint64_t size;
    OrfSiblingFn sibling; /* files beside an asset; may be NULL */
    void *sibling_data;
} OrfInput;

/* Errors: NOT_FOUND. */
OrfOrder *orf_order_new(const char *operation, GError **error);
void orf_order_free(OrfOrder *order);
const OrfOperation *orf_order_operation(const OrfOrder *order);
/* Errors: NOT_FOUND: no such parameter; BAD_INPUT with the range. */
bool orf_order_set(OrfOrder *order, const char *name, const char *text, GError **error);
/* Takes references. Errors: BAD_INPUT, UNSUPPORTED: no picture. */
bool orf_order_add(OrfOrder *order, const OrfInput *input, GError **error);
/* As many inputs as it takes. Errors: BAD_INPUT. */
bool orf_order_check(const OrfOrder *order, GError **error);
/* {"name":value,...}: all that count. Caller owns. */
char *orf_order_parameters(const OrfOrder *order);
/* SHA-256 (64 hex digits) of the canonical JSON (RFC 8785) of operation, version, parameters
 * and inputs; of "generate" it is orf_recipe_digest. Caller owns. */
char *orf_order_digest(OrfEngine *engine, const OrfOrder *order);
OrfNeed orf_order_estimate(OrfEngine *engine, const OrfOrder *order);
/* It takes a second or more, as far as can be told: better queued than waited for. */
bool orf_order_is_heavy(OrfEngine *engine, const OrfOrder *order);
/* "generate/hull/high", "measure": what takes alike. Caller owns. */
char *orf_order_kind(const OrfOrder *order);
/* Checks and runs. `stage` is told of assets on the way and at the end; may be NULL. Errors:
 * the operation's. */
OrfOutcome *orf_order_run(OrfTask *task, const OrfOrder *order, OrfStageFn stage, void *data,
                          GError **error);
/* The same; `ret_ran` is told who makes it before the first stage, and when it fails. */
OrfOutcome *orf_order_run_told(OrfTask *task, const OrfOrder *order, OrfStageFn stage,
                               void *data, OrfRan *ret_ran, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfOrder, orf_order_free)

/* --- Outcome: engine/outcome.c. Immutable ------------------------------------------------- */

void orf_outcome_free(OrfOutcome *outcome);
size_t orf_outcome_n_assets(const OrfOutcome *outcome);
OrfAsset *orf_outcome_asset(const OrfOutcome *outcome, size_t index); /* borrowed */
/* The files, first the main one. */
bool orf_outcome_files(const OrfOutcome *outcome, OrfFileFn file, void *data, GError **error);
/* One file that travels alone: several in a ZIP. `ret_type`, `ret_extension` are static. NULL
 * with no error: it makes none. */
GBytes *orf_outcome_pack(OrfTask *task, const OrfOutcome *outcome, const char **ret_type,
                         const char **ret_extension, GError **error);
/* The same of any outcome: without files it is its assets as GLB, without those its facts. */
GBytes *orf_outcome_deliver(OrfTask *task, const OrfOutcome *outcome, const char **ret_type,
                            const char **ret_extension, GError **error);
/* What lists of assets show. */
typedef struct {
    uint64_t vertices, triangles;
    double size_mm[3];
    bool solid;
    const char *format; /* of the file it was read from; static; NULL: not known */
} OrfAssetFacts;
/* The model that was looked at, and its measures as orf_asset_measures_json tells them; NULL:
 * none was. */
const OrfAssetFacts *orf_outcome_seen(const OrfOutcome *outcome, const char **ret_measures);
/* The asset is the input as it was: its file can go on byte by byte. */
bool orf_outcome_unchanged(const OrfOutcome *outcome);
/* What was checked does not pass: the exit code is 1. */
bool orf_outcome_failed(const OrfOutcome *outcome);
const char *orf_outcome_facts(const OrfOutcome *outcome); /* a JSON object; NULL: none */
const char *orf_outcome_text(const OrfOutcome *outcome);  /* the same for people; NULL */
const OrfRan *orf_outcome_ran(const OrfOutcome *outcome); /* of generate; else NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfOutcome, orf_outcome_free)

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
/* A row of the table of generators. Strings and parameters are static. */
typedef struct {
    const char *name, *title, *help;
    const OrfParam *params; /* its own, beside the common ones */
    size_t n_params;
    unsigned min_pictures, max_pictures;
} OrfGeneratorInfo;
bool orf_engine_generator(size_t index, OrfGeneratorInfo *ret); /* false: there are no more */
const OrfParam *orf_engine_common_params(size_t *ret_n);
/* How many pictures a generator takes. Errors: NOT_FOUND. */
bool orf_engine_pictures(const char *generator, unsigned *ret_least, unsigned *ret_most,
                         GError **error);
void orf_engine_count(const OrfAsset *asset, size_t *ret_vertices, size_t *ret_triangles);
/* The text of orf_asset_measures_json with crossings, and the facts. Caller owns. Errors: as
 * there. */
char *orf_engine_measure(OrfTask *task, OrfAsset *asset, OrfAssetFacts *ret, GError **error);
/* The same asset with at most about `triangles`; itself when it has no more. Errors: CANCELLED,
 * TOO_LARGE. */
OrfAsset *orf_engine_simplify(OrfTask *task, OrfAsset *asset, size_t triangles, GError **error);

/* --- Model files that travel alone: engine/files.c ---------------------------------------- */

/* "|glb|stl|...": none, or a format by name; a choice of formats begins behind the first bar.
 */
extern const char orf_engine_formats[];
/* A row of the table of formats. Strings are static. */
typedef struct {
    const char *name, *title; /* "glb", "glTF 2.0, binary" */
    const char *use;          /* "any slicer"; NULL: few take it */
    const char *mime;         /* of its main file */
    const char *extensions;   /* "glb|gltf" */
    const char *variants;     /* "text|big-endian": words for orf_asset_export; "": none */
    const char *alone;        /* media type when it travels alone: several files are a ZIP */
    const char *alone_extension;
} OrfFormatInfo;
/* False: there are no more. */
bool orf_engine_format(size_t index, OrfFormatInfo *ret);

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
