/* orfeas.h - the front door of liborfeas: pictures in, printable 3D assets out.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything a program needs is here: describe a wish as a recipe, run it on a task, receive an
 * asset in stages, measure it, save it. Bytes go in and bytes come out; the library opens no
 * socket and reads no file, clock or environment variable by itself.
 *
 *     g_autoptr(OrfTask)   task   = orf_task_new(NULL);
 *     g_autoptr(OrfRecipe) recipe = orf_recipe_new("auto", &error);
 *     orf_recipe_add_picture(recipe, bytes, "cup.jpg", 0, &error);
 *     g_autoptr(OrfAsset)  asset  = orf_generate(task, recipe, NULL, NULL, NULL, &error);
 *     g_autoptr(GBytes)    glb    = orf_asset_save(task, asset, "glb", &error);
 *
 * Lengths are millimetres, Y is up and the front of an object faces +Z. */
#ifndef ORFEAS_H
#define ORFEAS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#pragma GCC visibility push(default) /* what this header declares is exported, nothing else */

typedef struct OrfEngine OrfEngine;
typedef struct OrfTask OrfTask;
typedef struct OrfRecipe OrfRecipe;
typedef struct OrfAsset OrfAsset;

/* --- Errors: one domain; the code says whose move it is ----------------------------------- */

#define ORF_ERROR (orf_error_quark())
GQuark orf_error_quark(void);

typedef enum {
    ORF_ERROR_BAD_INPUT,   /* the input is wrong: mend it */
    ORF_ERROR_UNSUPPORTED, /* the input may be right, this build cannot do it */
    ORF_ERROR_NOT_FOUND,   /* no such file, generator, format, ... */
    ORF_ERROR_DENIED,      /* permission */
    ORF_ERROR_CONFLICT,    /* the state changed meanwhile */
    ORF_ERROR_TOO_LARGE,   /* over a limit or the memory budget: the message names the remedy */
    ORF_ERROR_BUSY,        /* try again later */
    ORF_ERROR_CANCELLED,   /* somebody asked for it */
    ORF_ERROR_UNAVAILABLE, /* device, disk or peer is missing or full */
    ORF_ERROR_BUG,         /* our mistake */
    ORF_N_ERRORS
} OrfErrorCode;

/* --- Engine: what lasts longer than a run. Thread-safe ------------------------------------
 * Devices with a budget each, what stays resident between runs, threads that all runs share. A
 * program has one, and hands it to its tasks; without one every built-in generator runs. */

typedef struct {
    const char *const *devices; /* NULL-terminated, beside "cpu", which is always there */
    const char *const *nets;    /* NULL-terminated folders of installed nets; NULL: none */
    size_t memory;  /* bytes that runs and residents may hold together; 0: no limit */
    unsigned cores; /* threads that help all runs together; 0: one */
} OrfEngineOptions;

/* `options` NULL: the defaults above. Errors: UNAVAILABLE: a device that is not here. */
OrfEngine *orf_engine_new(const OrfEngineOptions *options, GError **error);
OrfEngine *orf_engine_ref(OrfEngine *engine);
void orf_engine_unref(OrfEngine *engine);

/* --- Task: cancel, progress, memory and cores of one run. Thread-safe; one run at a time ---
 */

/* Called from the thread that does the work. `step` is the path of the running step, such as
 * "final: mesh"; `fraction` is 0..1 of the whole task and never falls. */
typedef void (*OrfProgressFn)(const char *step, double fraction, void *data);

typedef struct {
    unsigned cores;         /* 0: one */
    size_t memory;          /* bytes the task may hold at one time; 0: no limit */
    OrfProgressFn progress; /* may be NULL */
    void *progress_data;
    OrfEngine *engine; /* the task keeps a reference; NULL: none */
} OrfTaskOptions;

OrfTask *orf_task_new(const OrfTaskOptions *options); /* NULL: the defaults above */
OrfTask *orf_task_ref(OrfTask *task);
void orf_task_unref(OrfTask *task);
void orf_task_cancel(OrfTask *task); /* async-signal-safe */
bool orf_task_cancelled(const OrfTask *task);
OrfEngine *orf_task_engine(const OrfTask *task);  /* borrowed; NULL: none */
size_t orf_task_peak_memory(const OrfTask *task); /* bytes, of what was drawn from the budget */
char **orf_task_notes(OrfTask *task); /* remarks for the user; caller owns (g_strfreev) */

/* --- Recipe: a generator, all its parameters, the inputs. One thread at a time ------------ */

/* `generator` is a name of orf_generators_json() or "auto". Errors: NOT_FOUND. */
OrfRecipe *orf_recipe_new(const char *generator, GError **error);
OrfRecipe *orf_recipe_ref(OrfRecipe *recipe);
void orf_recipe_unref(OrfRecipe *recipe);

/* Sets one parameter from its text form ("80mm", "0.6", "true"). Errors: BAD_INPUT with the
 * range; NOT_FOUND with the nearest known name. */
bool orf_recipe_set(OrfRecipe *recipe, const char *name, const char *text, GError **error);

/* Adds a picture, encoded (JPEG, PNG, ...). `name` is for messages. `yaw` in degrees says from
 * where it was seen: 0 front, 90 the viewer's right; NAN when it is not a view. */
bool orf_recipe_add_picture(OrfRecipe *recipe, GBytes *bytes, const char *name, double yaw,
                            GError **error);

/* Gives the cut-out of the first picture: any picture, light (or opaque) is subject. */
void orf_recipe_set_mask(OrfRecipe *recipe, GBytes *bytes, const char *name);

/* SHA-256 (64 hex digits) of the canonical JSON (RFC 8785) of version, generator, all
 * parameters, inputs, and what else decides the result on this engine, such as the net that is
 * installed; caller owns. Equal digests give equal assets on one machine. */
char *orf_recipe_digest(OrfEngine *engine, const OrfRecipe *recipe);

/* --- Generate ----------------------------------------------------------------------------- */

typedef enum { ORF_PREVIEW, ORF_MEDIUM, ORF_FINAL, ORF_FINISHED, ORF_N_STAGES } OrfStage;
const char *orf_stage_name(OrfStage stage);

/* Receives each stage, a complete asset, as soon as it exists; borrowed, take a reference to
 * keep it. Return false to stop after this stage. */
typedef bool (*OrfStageFn)(OrfStage stage, OrfAsset *asset, void *data);

/* Who did it and why. Strings are static or inside. */
typedef struct {
    const char *generator; /* the one that ran: never "auto" */
    double confidence;     /* 0..1; 1 when the user named the generator */
    char reason[160];
    const char *runner_up; /* what auto would have taken next; NULL: nothing fits */
    char runner_up_reason[160];
} OrfRan;

/* Runs the recipe; returns the last stage. `stage` and `ret_ran` may be NULL; `ret_ran` is
 * filled in as soon as the generator is chosen, before the first stage. Errors: BAD_INPUT,
 * UNSUPPORTED, TOO_LARGE, CANCELLED. */
OrfAsset *orf_generate(OrfTask *task, const OrfRecipe *recipe, OrfStageFn stage, void *data,
                       OrfRan *ret_ran, GError **error);

/* One of several runs that go together. `stage` may be NULL. */
typedef struct {
    OrfTask *task; /* of its own; its cores are shared out */
    const OrfRecipe *recipe;
    OrfStageFn stage;
    void *data;
    OrfRan ran;      /* told as soon as the generator is chosen */
    OrfAsset *asset; /* the last stage, yours; or */
    GError *error;   /* why there is none, yours */
} OrfGenerateItem;

/* Runs them at one time, on the engine's threads and the caller's; what ends up with one
 * generator is one batch of it. Each has its own end: none stops another. */
void orf_generate_batch(OrfEngine *engine, OrfGenerateItem *items, size_t n);

/* JSON (caller owns): every generator with title, help and parameters (name, type, range, unit,
 * default, help). */
char *orf_generators_json(void);

/* --- Asset: mesh, materials, textures. Immutable ------------------------------------------ */

OrfAsset *orf_asset_ref(OrfAsset *asset);
void orf_asset_unref(OrfAsset *asset);

/* Loads a model file; `format` NULL sniffs it. Errors: BAD_INPUT, UNSUPPORTED, TOO_LARGE. */
OrfAsset *orf_asset_load(OrfTask *task, GBytes *bytes, const char *format, GError **error);

/* Finds a file that a model names (an MTL, a texture, a .bin) by its name relative to the
 * model's own folder, which it never leaves; NULL: not there. */
typedef GBytes *(*OrfSiblingFn)(const char *name, void *data);

/* The same with the files beside it. `name` is for messages, and its extension decides where
 * the content does not. What is left out is noted at the task. `sibling` may be NULL. */
OrfAsset *orf_asset_import(OrfTask *task, GBytes *bytes, const char *name, OrfSiblingFn sibling,
                           void *data, GError **error);

/* Saves as "stl", "obj", "glb", "ply" or "3mf" in one piece. Errors: NOT_FOUND, TOO_LARGE. */
GBytes *orf_asset_save(OrfTask *task, OrfAsset *asset, const char *format, GError **error);

/* Receives the files of one asset (an OBJ brings its MTL and texture); the first is the main
 * one. */
typedef bool (*OrfFileFn)(const char *name, GBytes *bytes, void *data, GError **error);

/* Saves as one or more files named after `stem`, each handed to `file`. `variant` is NULL or
 * words out of "text", "big-endian", "plain", "alone" joined by commas. Errors: as above, and
 * `file`'s.
 */
bool orf_asset_export(OrfTask *task, OrfAsset *asset, const char *format, const char *stem,
                      const char *variant, OrfFileFn file, void *data, GError **error);

/* The NULL-terminated names of the formats, static. */
const char *const *orf_format_names(void);
/* The format of a path by its extension; NULL when there is none. Static. */
const char *orf_format_of_path(const char *path);

/* JSON (caller owns): counts, bounds in mm, volume, area, closed, manifold, oriented, shells...
 * `crossings` also counts self-intersections, which takes longer than all the rest. */
char *orf_asset_measures_json(OrfTask *task, OrfAsset *asset, bool crossings, GError **error);

/* A PNG contact sheet: front, side, top, three-quarter; one row for each of the 1..64 assets.
 * `width` in pixels, 256..4096. Errors: BAD_INPUT, TOO_LARGE, CANCELLED. */
GBytes *orf_asset_view(OrfTask *task, OrfAsset *const *assets, size_t n, unsigned width,
                       GError **error);

/* --- About -------------------------------------------------------------------------------- */

const char *orf_version(void); /* "0.1.0" */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfEngine, orf_engine_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfTask, orf_task_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfRecipe, orf_recipe_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfAsset, orf_asset_unref)

#pragma GCC visibility pop

G_END_DECLS

#endif
