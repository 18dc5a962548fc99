/* generate.h - recipes: picture in, asset out, in stages.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each generator is one const table entry. Every result is closed, manifold, oriented outwards,
 * of positive volume, stands on the bed (lowest y = 0), is centred on x = z = 0, has the size
 * asked for and no wall thinner than asked. */
#ifndef ORF_GENERATE_H
#define ORF_GENERATE_H

#include "asset/asset.h"

/* --- What goes in ------------------------------------------------------------------------- */

typedef struct {
    GBytes *bytes;     /* encoded; NULL: it is elsewhere, and nothing can be made of it here */
    char *name;        /* for messages */
    double yaw;        /* degrees; NAN: not a view */
    OrfImageInfo info; /* from the header */
    uint64_t size;     /* bytes of the file */
    char digest[ORF_DIGEST_SIZE]; /* "": to be taken */
} OrfPicture;

typedef struct OrfGenerator OrfGenerator;

/* A wish. Built by orf_recipe_*, then read-only. */
struct OrfRecipe {
    gatomicrefcount refs;
    const OrfGenerator *generator;
    OrfParams *params;   /* common parameters and the generator's own */
    GPtrArray *settings; /* what the user set: name, text, name, text ... */
    GPtrArray *pictures; /* of OrfPicture * */
    GBytes *mask;        /* NULL: cut out by the program, or elsewhere */
    char *mask_name;
    char mask_digest[ORF_DIGEST_SIZE]; /* "": to be taken, if there is one */
};

/* The same wish for another generator; settings it does not know become notes of the task. */
OrfRecipe *orf_recipe_for(OrfTask *task, const OrfRecipe *recipe, const OrfGenerator *generator,
                          GError **error);
/* A picture that is elsewhere, or whose digest is known: `digest` NULL: to be taken of `bytes`;
 * `bytes` NULL: elsewhere, then `info` and `size` say what is known of it. */
bool orf_recipe_add_input(OrfRecipe *recipe, const OrfPicture *picture, GError **error);
/* The same of the mask. */
void orf_recipe_set_mask_input(OrfRecipe *recipe, const OrfPicture *mask);
/* Settings, pictures and mask into a fresh recipe. Errors: NOT_FOUND: a setting that its
 * generator does not know. */
bool orf_recipe_copy(const OrfRecipe *from, OrfRecipe *to, GError **error);
/* Enough pictures, and not too many. */
bool orf_recipe_check(const OrfRecipe *recipe, GError **error);
/* "hull", "auto/high/preview": what takes alike. Caller owns. */
char *orf_recipe_kind(const OrfRecipe *recipe);
/* {"name":value,...}, names sorted, defaults filled in; then, as text and in the order given,
 * what was set for other generators that auto may choose. Caller owns. */
char *orf_recipe_parameters(const OrfRecipe *recipe);
/* Picture `index` as a whole, at most `max_side` px (0: full size). */
OrfImage *orf_recipe_load(OrfTask *task, const OrfRecipe *recipe, size_t index,
                          const OrfImageLoad *options, GError **error);
const OrfPicture *orf_recipe_picture(const OrfRecipe *recipe, size_t index);

/* Parameters every generator understands (generate/recipe.c):
 *   size      length  100 mm   longest side of the result
 *   quality   choice  standard draft|standard|high
 *   seed      int     0
 *   wall      length  0.8 mm   no part thinner than this
 *   texture   bool    true
 *   texture-size int  1024     side of the texture in pixels
 *   cutout    choice  auto     auto|classic|isnet|u2net|alpha|flat|scene|ink|grabcut|none
 *   back      choice  auto     auto|mirror|plain: what the unseen back shows
 *   pose      choice  stand    stand|lie: upright, or on its back (front up)
 *   upto      choice  finished last stage wanted */
extern const OrfParam orf_common_params[];
extern const size_t orf_n_common_params;

/* --- What a generator is ------------------------------------------------------------------ */

/* What `auto` knows of the input, measured once at 256 px (generate/look.c). */
typedef struct OrfLook OrfLook;

typedef struct {
    double confidence; /* 0..1: how well this generator suits the input */
    char reason[160];  /* one line for the user */
    /* A length that auto sets unless the user did, as a share of "size"; NULL: none. */
    const char *sets;
    double share;
} OrfFit;

/* What auto saw of the first picture, for the preview; NULL, NULL: it did not look. */
typedef struct {
    OrfImage *picture, *alpha;
    OrfCutout how;
} OrfSeen;

/* One run: what it is given and, in the end, either the last stage's asset or an error. */
typedef struct {
    OrfTask *task; /* of its own: cancel, progress, memory, cores */
    const OrfRecipe *recipe;
    OrfSeen seen;
    OrfStageFn emit; /* for each stage; may be NULL */
    void *data;
    OrfAsset *asset; /* to be set, owned by who made the batch */
    GError *error;   /* the same */
} OrfBatchItem;

/* Recipes of one generator that are run together. */
typedef struct {
    OrfEngine *engine; /* NULL: none */
    OrfBatchItem *items;
    size_t n;
} OrfBatch;

struct OrfGenerator {
    const char *name, *title, *help;
    const OrfParam *params; /* its own, beside the common ones */
    size_t n_params;
    unsigned min_pictures, max_pictures;
    OrfFit (*suits)(const OrfLook *look); /* NULL: never chosen by auto */
    /* Runs all items, each to its own end: one that fails or is cancelled stops no other.
     * orf_batch_each is for generators that make one at a time. */
    void (*run)(OrfBatch *batch);
    /* Why it cannot run here (a net that is not installed), or NULL; static or inside
     * `engine`. NULL: always can. */
    const char *(*available)(OrfEngine *engine);
    /* What it takes to get to `stage`. NULL: 32 MB on a standard grid, and the pictures. */
    OrfNeed (*estimate)(OrfEngine *engine, const OrfRecipe *recipe, OrfStage stage);
    /* Adds what decides the result beside parameters and inputs: a net's digest. NULL: nothing.
     */
    void (*identify)(OrfEngine *engine, const OrfRecipe *recipe, OrfDigester *digester);
};

/* Runs `make` for every item: on the engine's threads, at one time; each has its share of the
 * cores. */
typedef OrfAsset *(*OrfMakeFn)(const OrfBatchItem *item, GError **error);
void orf_batch_each(OrfBatch *batch, OrfMakeFn make);
/* NULL: it can run. */
const char *orf_generator_available(const OrfGenerator *generator, OrfEngine *engine);
OrfNeed orf_generator_estimate(const OrfGenerator *generator, OrfEngine *engine,
                               const OrfRecipe *recipe, OrfStage stage);
OrfNeed orf_recipe_estimate(OrfEngine *engine, const OrfRecipe *recipe, OrfStage stage);

/* The table, NULL-terminated; `auto` is its first entry. */
const OrfGenerator *const *orf_generators(void);
const OrfGenerator *orf_generator_by_name(const char *name); /* NULL when unknown */

/* --- What auto says ----------------------------------------------------------------------- */

typedef struct {
    const OrfGenerator *generator, *runner_up; /* runner_up may be NULL */
    OrfFit fit, runner_up_fit;
    OrfSeen seen; /* what was looked at, owned; alpha NULL: no subject */
} OrfChoice;

void orf_seen_clear(OrfSeen *seen);
void orf_choice_clear(OrfChoice *choice);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfChoice, orf_choice_clear)

/* Chooses a generator for the recipe's pictures. Errors: BAD_INPUT: nothing to make anything
 * of. */
bool
orf_auto_choose(OrfTask *task, const OrfRecipe *recipe, OrfChoice *ret_choice, GError **error);

/* --- Run ---------------------------------------------------------------------------------- */

/* Checks the recipe, resolves auto, runs. `ret_ran` may be NULL. */
OrfAsset *orf_recipe_run(OrfTask *task, const OrfRecipe *recipe, OrfStageFn emit, void *data,
                         OrfRan *ret_ran, GError **error);
/* The asset on its back, its front turned up, on the bed. */
OrfAsset *orf_lay_down(OrfTask *task, const OrfAsset *asset, GError **error);
/* Runs of their own together: those that end up with one generator as one batch of it. */
void orf_recipe_run_batch(OrfEngine *engine, OrfGenerateItem *items, size_t n);

#endif
