/* output.h - what a run writes: all names are planned before any work, all files written at
 * the end.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The one rule: a file that was there before is changed only when the user named it with -o,
 * and never when the run reads it. Names of our own are free ones ("cup.glb", else
 * "cup-2.glb"), no two results of a run share one, and what belongs to a main file (MTL,
 * textures, .bin) is named after it by the same rule. --overwrite lets names of our own
 * replace files, inputs excepted. */
#ifndef ORF_CLI_OUTPUT_H
#define ORF_CLI_OUTPUT_H

#include "engine/engine.h"

#include "base/base.h"

/* --- Plan: cli/output.c. One thread at a time --------------------------------------------- */

typedef struct OrfOutput OrfOutput; /* of one run of the program */
typedef struct OrfResult OrfResult; /* files of it that belong together */

OrfOutput *orf_output_new(bool overwrite);
void orf_output_free(OrfOutput *output); /* after its results */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfOutput, orf_output_free)

/* The run reads `path`: nothing is written over it. "-" and what is not there are ignored. */
void orf_output_protect(OrfOutput *output, const char *path);
void orf_output_protect_all(OrfOutput *output, char **paths); /* NULL-terminated, or NULL */

typedef struct {
    const char *named;          /* -o: a path, "-", or NULL: a name of our own */
    const char *folder;         /* of names of our own; NULL: here, or beside `named` */
    const char *stem;           /* of names of our own, before the ending; NULL: `named`'s */
    const char *const *endings; /* a file each, NULL-terminated: ".glb", "-sheet.png"; the first
                                 * is the one that `named` names. Those of formats of several
                                 * files (".obj", ".gltf") make room for what they bring. */
    bool one_file; /* such a format may bring nothing: a stream is refused when it does */
} OrfResultWish;

/* Nothing is written yet. Errors: BAD_INPUT: `named` is an input, a folder, taken by another
 * result of the run, or takes one file where there are several; NOT_FOUND, UNAVAILABLE: no
 * folder to write to. */
OrfResult *orf_output_plan(OrfOutput *output, const OrfResultWish *wish, GError **error);
void orf_result_free(OrfResult *result); /* what was not committed is dropped */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfResult, orf_result_free)

/* The format that `named` (or NULL) and --format (or NULL) agree on, static; `otherwise` when
 * neither says one (NULL: that is an error). Errors: BAD_INPUT: they disagree. */
const char *
orf_output_format(const char *named, const char *format, const char *otherwise, GError **error);
/* `named` may be written as `ending` (".png"): it ends so, in nothing, or is no regular file.
 */
bool orf_output_named_as(const char *named, const char *ending, GError **error);
/* "-", a pipe, a device: takes one stream of bytes, no files beside it. */
bool orf_output_is_stream(const char *named);

/* --- Fill and write ----------------------------------------------------------------------- */

/* What file `i` of the wish is called in files that name others: for orf_asset_export. */
const char *orf_result_stem(const OrfResult *result, size_t i);
/* Saves `asset` as file `i`, with what belongs to it. */
bool orf_result_export(OrfResult *result, size_t i, OrfTask *task, OrfAsset *asset,
                       const char *format, const char *variant, GError **error);
/* What an operation made, as file `i` with what belongs to it. */
bool orf_result_take(OrfResult *result, size_t i, const OrfOutcome *outcome, GError **error);
void orf_result_put(OrfResult *result, size_t i, GBytes *bytes);

/* SHA-256 of what was put as file `i`; caller owns. */
char *orf_result_digest(const OrfResult *result, size_t i);

/* Writes what was put since the last time: every file complete, or none of them. */
bool orf_result_commit(OrfResult *result, GError **error);
/* Removes the files that this result created; those it replaced stay as they are. */
void orf_result_undo(OrfResult *result);
/* Paths written so far, in order; borrowed, NULL-terminated. */
char **orf_result_paths(const OrfResult *result);
const char *orf_result_main_path(const OrfResult *result); /* of file 0 */

/* --- One file: cli/write.c ---------------------------------------------------------------- */

typedef enum {
    ORF_WRITE_NEW,  /* nothing may be there */
    ORF_WRITE_OVER, /* a regular file is replaced: mode and owner kept, links followed */
} OrfWriteKind;

typedef struct OrfWrite OrfWrite;

/* Makes ready to write: for a regular file, a temporary one beside it that holds the bytes.
 * Errors: CONFLICT: something is there; G_FILE_ERROR. */
OrfWrite *orf_write_prepare(const char *path, GBytes *bytes, OrfWriteKind kind, GError **error);
/* Renames it into place; pipes, devices and files of several names are written in place. */
bool orf_write_commit(OrfWrite *write, bool *ret_created, GError **error);
void orf_write_free(OrfWrite *write);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfWrite, orf_write_free)

#endif
