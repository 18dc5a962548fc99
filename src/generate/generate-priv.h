/* generate-priv.h - what the generators share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_GENERATE_PRIV_H
#define ORF_GENERATE_PRIV_H

#include "generate/generate.h"

/* --- The table: one file each ------------------------------------------------------------- */

/* In the order in which they are listed. */
#define ORF_GENERATORS(each)                                                                   \
    each(auto) each(inflate) each(lathe) each(hull) each(depth) each(relief) each(lithophane)  \
        each(extrude) each(text)

#define ORF_DECLARE_GENERATOR(name) extern const OrfGenerator orf_generator_##name;
ORF_GENERATORS(ORF_DECLARE_GENERATOR)

/* The one that takes most pictures of one thing. */
const OrfGenerator *orf_generator_of_views(void);
/* The recipe itself, or the one auto makes of it. Errors: as orf_auto_choose. */
OrfRecipe *orf_recipe_resolve(OrfTask *task, const OrfRecipe *recipe, OrfSeen *ret_seen,
                              OrfRan *ret_ran, GError **error);
/* Three times the bytes of a draft at high quality, twice at standard; and the pictures. */
OrfNeed orf_need_of_grid(const OrfRecipe *recipe, uint64_t draft_bytes);

/* --- Subject: the picture, cut out and cropped: generate/subject.c ------------------------ */

typedef struct {
    OrfImage
        *picture;    /* RGBA ORF_U8, cropped to the subject box plus a margin of 2 px or more */
    OrfImage *alpha; /* ORF_F32, same size */
    OrfCutout how;
    float box[4];     /* x0, y0, x1, y1 of the subject (alpha > 0.5) inside `picture`, px */
    double frame[2];  /* size of the whole picture at this scale, px */
    double offset[2]; /* of the crop's top left in the whole picture at this scale, px */
} OrfSubject;

/* Picture `index` of the recipe, cut out as its parameters say, scaled so that the longer side
 * of the subject box is about `side` px (never enlarged above the source, but see SVG). Errors:
 * BAD_INPUT when there is no subject (says why and what to do). */
bool orf_subject_init(OrfTask *task, const OrfBatchItem *item, size_t index, unsigned side,
                      OrfSubject *ret_subject, GError **error);
#define ORF_FAST_CUTOUT 160 /* px, to work at: 0.002 of IoU for half the time or less */
/* The cut-out of picture `index` loaded as `picture`: the user's mask, or as the recipe's
 * parameters say. `work_side` as in OrfCutoutOptions. */
OrfImage *
orf_subject_alpha(OrfTask *task, const OrfRecipe *recipe, size_t index, const OrfImage *picture,
                  unsigned work_side, OrfCutout *ret_how, GError **error);
/* Adds the net that a picture of this recipe is cut out by; nothing when there is none. */
void orf_subject_identify(OrfEngine *engine, const OrfRecipe *recipe, OrfDigester *digester);
/* The same subject, smaller: longer side of the box about `side` px; never enlarges. */
bool orf_subject_shrink(OrfTask *task, const OrfSubject *subject, unsigned side,
                        OrfSubject *ret_subject, GError **error);
/* Picture 0 for a stage: the preview cuts out a small copy, fast; all later stages share one
 * cut-out, made for the last stage wanted and kept in `kept` (zeroed before the first stage,
 * the caller's to clear). */
bool orf_subject_for_stage(OrfTask *task, const OrfBatchItem *item, OrfStage stage,
                           OrfSubject *kept, OrfSubject *ret_subject, GError **error);
void orf_subject_clear(OrfSubject *subject);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfSubject, orf_subject_clear)

/* --- What auto knows: measured once at 256 px: generate/look.c ---------------------------- */

/* Numbers of the outline, from the 0.5 level of an alpha of about 160..256 px. */
typedef struct {
    double area;       /* share of the subject box that is covered */
    double aspect;     /* height / width of the box */
    double solidity;   /* area / area of the convex hull */
    double elongation; /* ratio of the principal axes, at least 1 */
    double mirror;     /* overlap with its mirror image about the best upright axis, 0..1 */
    double lathe;      /* sum of the smaller half widths of rows / sum of the larger, 0..1 */
    double runs;       /* mean number of covered runs in a row */
    double split;      /* share of rows that are empty at the mirror axis: between legs */
    double girth;      /* diameter of the largest inside circle / longer side of the box */
    double straight;   /* share of the outline in straight runs of a tenth of the box or more */
    double level;      /* of it, share within 4 degrees of the axes of the picture */
    double shade;  /* how far rows darken towards one rim, log luminance; 0: flat, 0.3: round */
    double even;   /* share of rows that are as light at both ends as in the middle */
    double axis;   /* where that mirror axis is, share of the width of the box */
    double banded; /* how little the paint changes along a row, 1: bands only, as on turned
                      things */
    double ring;   /* contrast (Lab) of a border that follows the outline all round; 0: none */
    unsigned holes; /* enclosed gaps above 0.2 % of the area */
} OrfSubjectShape;

struct OrfLook {
    OrfImage *picture, *alpha; /* of the first picture as it was looked at; alpha may be NULL */
    unsigned n_pictures;
    unsigned n_views;  /* pictures with a yaw */
    OrfImageInfo info; /* of the first picture */
    bool grey;         /* the first picture has no colour */
    double midtones;   /* grey: share of levels that are neither paper nor ink, 0..1 */
    double texture; /* share of energy in fine detail: height maps < 0.02, photographs > 0.05 */
    double border;  /* share of the frame's edge that differs from its main colour */
    unsigned colors;  /* flat colours that cover 90 % of the flat part of the subject, 1..16 */
    double flat;      /* share of the subject that has no gradient at all */
    double ink;       /* share of dark strokes on light paper; 0 when there is no paper */
    double chroma;    /* mean chroma of the subject, Lab */
    double lightness; /* mean lightness of the subject, Lab, 0..100 */
    OrfCutout cutout; /* method, confidence, coverage */
    double framed;    /* share of the subject's outline that lies on the frame */
    OrfSubjectShape shape; /* of the subject; all 0 when there is none */
};

/* Numbers of an outline and its shading. `rgba` (ORF_U8) and `alpha` (ORF_F32) have one size.
 */
bool orf_shape_init(OrfTask *task, const OrfImage *rgba, const OrfImage *alpha,
                    OrfSubjectShape *ret_shape, GError **error);
/* Errors: BAD_INPUT: nothing to make anything of (fully transparent, one colour, too small). */
void orf_look_clear(OrfLook *look);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfLook, orf_look_clear)
bool orf_look_init(OrfTask *task, const OrfRecipe *recipe, OrfLook *ret_look, GError **error);

/* How sure it is that one thing stands out and stands free: 0..1. */
double orf_look_subject(const OrfLook *look);

/* Rules of thumb, 0..1: upright, symmetrical and shaded round; strokes round light paper; few
 * colours without any shading; grey, smooth, reaching the frame on all sides; strokes only. */
double orf_look_turned(const OrfLook *look);
double orf_look_drawn(const OrfLook *look);
double orf_look_flat_art(const OrfLook *look);
double orf_look_terrain(const OrfLook *look);
double orf_look_strokes(const OrfLook *look);

/* The same numbers scaled to about 0..1, and how likely a person would pick each generator by
 * them (the scores add up to 1): generate/look-score.c. */
#define ORF_LOOK_NUMBERS 41
typedef enum {
    ORF_SCORE_INFLATE,
    ORF_SCORE_LATHE,
    ORF_SCORE_EXTRUDE,
    ORF_SCORE_RELIEF,
    ORF_SCORE_LITHOPHANE,
    ORF_SCORE_DEPTH,
    ORF_LOOK_N_SCORES
} OrfLookScore;
const char *orf_look_number_name(size_t index);
void orf_look_numbers(const OrfLook *look, double ret_numbers[ORF_LOOK_NUMBERS]);
void orf_look_scores(const OrfLook *look, double ret_scores[ORF_LOOK_N_SCORES]);

/* How well each generator suits a picture: judged against each other, so in one place:
 * generate/suits.c. 0: not at all. */
OrfFit orf_suits_inflate(const OrfLook *look);
OrfFit orf_suits_relief(const OrfLook *look);
OrfFit orf_suits_lithophane(const OrfLook *look);
OrfFit orf_suits_extrude(const OrfLook *look);
OrfFit orf_suits_lathe(const OrfLook *look);
OrfFit orf_suits_hull(const OrfLook *look);
OrfFit orf_suits_depth(const OrfLook *look);

/* 0 at `from`, 1 at `to`, linear between; from > to falls. */
static inline double
orf_ramp(double value, double from, double to)
{
    return CLAMP((value - from) / (to - from), 0, 1);
}

/* --- Thickness: generate/thickness.c; see docs/decisions on thickness --------------------- */

/* How deep a body is that shows this outline. Half depth z = depth * top * (w / top)^power,
 * where w blends the round-section field (sqrt of the Poisson solution) with the chords of
 * rows, as much as `rows` says, and top is the largest w. */
typedef struct {
    float depth; /* half depth at the thickest place / half width there */
    float power; /* 1 round section, towards 0 a flat face with steep sides */
    float rows;  /* 0..1: each row a round section of its own, as of something turned */
    char why[80];
} OrfThickness;
void orf_thickness_guess(const OrfSubjectShape *shape, OrfThickness *ret_thickness);

/* Solves -lap u = 4 where alpha > 0.5 with u = 0 on the sub-pixel edge; pixels, u in px^2; u is
 * 0 outside. Multigrid; Shortley and Weller 1938. One-channel ORF_F32 of the size of `alpha`.
 * generate/poisson.c. Errors: CANCELLED, TOO_LARGE. */
OrfImage *orf_poisson_inflate(OrfTask *task, const OrfImage *alpha, GError **error);

/* `alpha` itself, or a copy in which lines thinner than 2 * `radius` px are that wide; corners
 * stay. generate/thicken.c */
OrfImage *orf_thicken(OrfTask *task, OrfImage *alpha, float radius, GError **error);

/* --- Round bodies: generate/round.c, generate/sheets.c ------------------------------------ */

/* Half depth over every point of an outline. Zero-initialise it. */
typedef struct {
    unsigned width, height; /* of the picture it was made from */
    float *body,
        *turned; /* squared half widths with ghost values outside; turned may be NULL */
    float top;   /* largest half width, px */
    OrfThickness thickness;
} OrfRound;
bool orf_round_init(OrfTask *task, const OrfImage *alpha, const OrfThickness *thickness,
                    OrfRound *ret_round, GError **error);
void orf_round_clear(OrfRound *round);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfRound, orf_round_clear)
/* Half depth in px at (x, y) px from the top left; 0 outside. */
float orf_round_height(const OrfRound *round, float x, float y);

/* Front (z > 0) and back (z < 0) in px over the point (x, y) px of the picture. */
typedef void (*OrfSheetFn)(float x, float y, float *ret_front, float *ret_back, void *data);
typedef struct {
    float spacing;  /* of points at the outline, px; 4 times that deep inside; 0: 2 */
    float rim;      /* least half depth of the outline itself, px: a wall of twice that */
    float min_area; /* smaller islands and holes are dropped, px^2; 0: spacing squared */
    OrfSheetFn heights;
    void *data;
} OrfSheetOptions;
/* The 0.5 level of alpha between two sheets that share its outline (or are joined by a wall
 * there): closed by construction. Pixels; x right, y up: -row; z towards the viewer. Errors:
 * BAD_INPUT: no outline; CANCELLED, TOO_LARGE. */
OrfMesh *orf_sheets_mesh(OrfTask *task, const OrfImage *alpha, const OrfSheetOptions *options,
                         GError **error);

/* --- Stages ------------------------------------------------------------------------------- */

/* Working resolution (longer side of the subject, px) of a stage under the recipe's quality:
 * draft 128/192/320, standard 160/320/640, high 160/480/1024. */
unsigned orf_stage_side(const OrfRecipe *recipe, OrfStage stage);
/* Side of the picture to load for that stage: the texture wants more than the geometry. */
unsigned orf_stage_picture_side(const OrfRecipe *recipe, OrfStage stage);
/* The last stage the recipe wants ("upto"). */
OrfStage orf_stage_last(const OrfRecipe *recipe);

/* Scales (uniformly, so that the longest side is the recipe's size), stands on the bed,
 * centres, flips when inside out. `ret_scale`, `ret_offset` (may be NULL) tell the map applied.
 */
OrfMesh *orf_finish_pose(OrfTask *task, const OrfRecipe *recipe, const OrfMesh *mesh,
                         float *ret_scale, float ret_offset[3], GError **error);
/* Hands a stage to the listener. Whether to go on: false when this was the last one wanted or
 * the listener said stop. */
bool orf_stage_emit(const OrfBatchItem *item, OrfStage stage, OrfAsset *asset);
/* The usual course: `make` for preview, medium and final, each handed to `emit`; then the
 * promise is verified and the final asset handed on as finished. Returns the last asset. The
 * task of `make` has three steps to take in this order, as far as it needs them: prepare,
 * shape, dress. generate/stages.c */
typedef OrfAsset *(*OrfMakeStageFn)(OrfTask *task, const OrfBatchItem *item, OrfStage stage,
                                    void *data, GError **error);
OrfAsset *orf_stages_run(OrfTask *task, const OrfBatchItem *item, OrfMakeStageFn make,
                         void *make_data, GError **error);
/* Poses `shape`, made in pixels of a `width` px wide copy of the subject (x right, y up: -row),
 * and puts the subject's picture on it unless the recipe wants none. */
OrfAsset *orf_stages_dress(OrfTask *task, const OrfRecipe *recipe, const OrfSubject *subject,
                           unsigned width, const OrfMesh *shape, OrfBack back, GError **error);
/* Half of the least wall of the recipe in px of `subject`. */
float orf_stages_half_wall(const OrfRecipe *recipe, const OrfSubject *subject);
/* Verifies the promise at the top of generate.h; a broken one is a BUG with the measures. */
bool orf_finish_verify(OrfTask *task, const OrfRecipe *recipe, const OrfAsset *asset,
                       GError **error);

#endif
