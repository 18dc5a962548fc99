/* generate-priv.h - what the generators share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_GENERATE_PRIV_H
#define ORF_GENERATE_PRIV_H

#include "generate/generate.h"

/* --- The table: one file each ----------------------------------------------------------------- */

extern const OrfGenerator orf_generator_auto, orf_generator_inflate, orf_generator_relief,
    orf_generator_lithophane, orf_generator_extrude, orf_generator_lathe, orf_generator_hull,
    orf_generator_depth, orf_generator_text;

/* --- Subject: the picture, cut out and cropped: generate/subject.c ------------------------------ */

typedef struct {
    OrfImage
        *picture;    /* RGBA ORF_U8, cropped to the subject box plus a margin of 2 px or more */
    OrfImage *alpha; /* ORF_F32, same size */
    OrfCutout how;
    float box[4];     /* x0, y0, x1, y1 of the subject (alpha > 0.5) inside `picture`, px */
    double frame[2];  /* size of the whole picture at this scale, px */
    double offset[2]; /* of the crop's top left in the whole picture at this scale, px */
} OrfSubject;

/* Picture `index` of the recipe, cut out as its parameters say, scaled so that the longer side of
 * the subject box is about `side` px (never enlarged above the source, but see SVG).
 * Errors: BAD_INPUT when there is no subject (says why and what to do). */
bool orf_subject_init(OrfTask *task, const OrfRecipe *recipe, size_t index, unsigned side,
                      OrfSubject *ret_subject, GError **error);
/* The same subject, smaller: longer side of the box about `side` px; never enlarges. */
bool orf_subject_shrink(OrfTask *task, const OrfSubject *subject, unsigned side,
                        OrfSubject *ret_subject, GError **error);
void orf_subject_clear(OrfSubject *subject);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfSubject, orf_subject_clear)

/* --- Stages ---------------------------------------------------------------------------------------- */

/* Working resolution (longer side of the subject, px) of a stage under the recipe's quality:
 * draft 128/192/320, standard 160/320/640, high 160/480/1024. */
unsigned orf_stage_side(const OrfRecipe *recipe, OrfStage stage);
/* Side of the picture to load for that stage: the texture wants more than the geometry. */
unsigned orf_stage_picture_side(const OrfRecipe *recipe, OrfStage stage);
/* The last stage the recipe wants ("upto"). */
OrfStage orf_stage_last(const OrfRecipe *recipe);

/* Scales (uniformly, so that the longest side is the recipe's size), stands on the bed, centres,
 * flips when inside out. `ret_scale`, `ret_offset` (may be NULL) tell the map applied. */
OrfMesh *orf_finish_pose(OrfTask *task, const OrfRecipe *recipe, const OrfMesh *mesh,
                         float *ret_scale, float ret_offset[3], GError **error);
/* Hands a stage to `emit` (may be NULL). `ret_more` tells whether to go on: false when this was the
 * last one wanted or the listener said stop. */
void orf_stage_emit(const OrfRecipe *recipe, OrfStage stage, OrfAsset *asset, OrfStageFn emit,
                    void *data, bool *ret_more);
/* Verifies the promise at the top of generate.h; a broken one is a BUG with the measures. */
bool orf_finish_verify(OrfTask *task, const OrfRecipe *recipe, const OrfAsset *asset,
                       GError **error);

#endif
