/* operation-priv.h - what the rows of the operations table share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_ENGINE_OPERATION_PRIV_H
#define ORF_ENGINE_OPERATION_PRIV_H

#include "engine/engine.h"

#include "format/format.h"
#include "generate/generate.h"

/* In the order in which they are listed: a file and a word here each. */
#define ORF_OPERATIONS(each)                                                                   \
    each(generate) each(cutout) each(measure) each(check) each(convert) each(view)             \
        each(repair) each(simplify) each(boolean) each(hollow) each(offset) each(cut)          \
            each(divide) each(split) each(merge) each(place) each(symmetrise) each(smooth)     \
                each(subdivide) each(levels)

#define ORF_DECLARE_OPERATION(name) extern const OrfOperation orf_operation_##name;
ORF_OPERATIONS(ORF_DECLARE_OPERATION)

/* --- Order: what a row is given ----------------------------------------------------------- */

typedef struct {
    char *name;
    GBytes *bytes;
    OrfAsset *asset;
    char digest[ORF_DIGEST_SIZE]; /* "": to be taken */
    uint64_t size;
    OrfSiblingFn sibling;
    void *sibling_data;
} OrfOrderInput;

struct OrfOrder {
    const OrfOperation *operation;
    OrfParams *params; /* of the row's table; NULL: it has a recipe */
    OrfRecipe *recipe; /* of generate; else NULL */
    GPtrArray *inputs; /* of OrfOrderInput; of generate: empty */
    OrfStageFn stage;  /* while it runs */
    void *stage_data;
    OrfRan *ran;
};

/* The inputs loaded, in their order; what loaders note is noted. Caller owns. */
GPtrArray *orf_order_load(OrfTask *task, const OrfOrder *order, GError **error);
const OrfOrderInput *orf_order_input(const OrfOrder *order, size_t index);

/* --- Outcome: what a row leaves ----------------------------------------------------------- */

struct OrfOutcome {
    GPtrArray *assets; /* of OrfAsset */
    GPtrArray *files;  /* of OrfFile */
    const char *type;  /* media type of the first file; static */
    bool several;      /* it travels as a ZIP although it is one file this time */
    char *facts, *text;
    OrfRan ran;         /* generator NULL: no generator did */
    OrfAssetFacts seen; /* what was looked at, when `measures` are there: JSON */
    char *measures;
    bool unchanged; /* the asset is the input as it was */
    bool failed;    /* it was done, and the answer is no */
};

OrfOutcome *orf_outcome_new(void);
void orf_outcome_take_asset(OrfOutcome *outcome, OrfAsset *asset);
void orf_outcome_take_file(OrfOutcome *outcome, char *name, const char *type, GBytes *bytes);

#endif
