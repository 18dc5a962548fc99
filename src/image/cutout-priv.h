/* cutout-priv.h - the parts of cutting out the subject, from working picture to alpha.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything here works on a small copy of the picture, the working picture: width * height
 * pixels, row by row from the top. Masks are uint8_t, 0 or 1. One thread at a time. */
#ifndef ORF_CUTOUT_PRIV_H
#define ORF_CUTOUT_PRIV_H

#include "image/image.h"

/* --- Working picture: image/cutout-work.c ------------------------------------------------- */

typedef struct {
    unsigned width, height;
    size_t n;           /* width * height */
    float *lab;         /* [n][3] CIE L*a*b*, D65 */
    float *alpha;       /* [n] the picture's own, 0..1; NULL without */
    uint8_t *clipped;   /* [n] 1 where a colour channel is as bright as it gets */
    double opaque;      /* share of its pixels with alpha >= 0.95, before shrinking */
    double transparent; /* share with alpha < 0.05 */
} OrfCutoutWork;

/* Area average in linear light, premultiplied, to `side` pixels on the longer side; a smaller
 * picture keeps its size. */
bool orf_work_init(OrfTask *task, const OrfImage *image, unsigned side, OrfCutoutWork *ret_work,
                   GError **error);
void orf_work_clear(OrfCutoutWork *work);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfCutoutWork, orf_work_clear)

/* Linear light 0..1 of every sRGB byte. */
void orf_linear_fill(float ret_table[256]);
/* Lab of linear RGB, D65. */
void orf_lab_from_linear(const float rgb[3], float ret_lab[3]);

/* --- Masks: image/cutout-mask.c ----------------------------------------------------------- */

/* Labels 4- or 8-connected regions of `mask` 1.. into `ret_label` [n] and counts them; 0 is
 * outside. `ret_area` gets [count + 1] sizes: free with orf_free. */
bool
orf_mask_label(OrfTask *task, unsigned width, unsigned height, const uint8_t *mask, bool eight,
               int32_t *ret_label, uint32_t **ret_area, unsigned *ret_count, GError **error);
/* Keeps regions of at least `keep` times the largest, fills holes below `hole` pixels. */
bool orf_mask_clean(OrfTask *task, unsigned width, unsigned height, uint8_t *mask, double keep,
                    double hole, GError **error);
/* Keeps only what is 4-connected with a pixel of the frame. */
bool
orf_mask_flood(OrfTask *task, unsigned width, unsigned height, uint8_t *mask, GError **error);
/* 3x3 square, `rounds` times; outside the frame counts as empty when growing, full when
 * shrinking. */
bool orf_mask_grow(OrfTask *task, unsigned width, unsigned height, uint8_t *mask,
                   unsigned rounds, bool shrink, GError **error);
size_t orf_mask_count(const uint8_t *mask, size_t n);

/* --- Minimum cut on a grid: image/maxflow.c ----------------------------------------------- */

/* The four forward neighbours, and back in the same order + 4: right, down, down right, down
 * left. */
enum { ORF_GRID_E, ORF_GRID_S, ORF_GRID_SE, ORF_GRID_SW, ORF_GRID_EDGES };

typedef struct {
    unsigned width, height;
    const int32_t *node; /* [n] > 0: capacity from the source, < 0: to the sink */
    const int32_t *edge[ORF_GRID_EDGES]; /* [n] both ways; what leaves the frame is ignored */
} OrfGrid;

/* Sets `ret_side` [n] to 1 for pixels on the source's side of a minimum cut (the smallest such
 * side), `ret_flow` (may be NULL) to its value. Capacities below 2^20.
 * Boykov and Kolmogorov 2004 on an implicit grid. Errors: CANCELLED, TOO_LARGE. */
bool orf_grid_cut(OrfTask *task, const OrfGrid *grid, uint8_t *ret_side, int64_t *ret_flow,
                  GError **error);

/* --- Colours of a region: image/gmm.c ----------------------------------------------------- */

#define ORF_GMM_MAX 5
typedef struct {
    unsigned n;
    struct {
        float mean[3], inverse[6]; /* xx xy xz yy yz zz */
        float offset;              /* ln weight - ln det / 2 - 3/2 ln 2 pi */
    } part[ORF_GMM_MAX];
} OrfGmm;

/* Fits at most ORF_GMM_MAX Gaussians to the pixels of `mask` (k-means++ on a sample of 4096).
 * n is 0 when the mask is empty. */
void
orf_gmm_fit(const OrfCutoutWork *work, const uint8_t *mask, uint64_t seed, OrfGmm *ret_gmm);
/* Log density of the nearest part; a large negative number when n is 0. */
float orf_gmm_log(const OrfGmm *gmm, const float lab[3]);

/* --- Where the subject probably is: image/saliency.c -------------------------------------- */

/* Minimum barrier distance to the frame, centre-weighted, 0..1. Zhang 2015. */
bool
orf_saliency(OrfTask *task, const OrfCutoutWork *work, float *ret_saliency, GError **error);

/* --- Smooth backgrounds: image/backdrop.c ------------------------------------------------- */

typedef struct {
    bool split;            /* two regions: above and below the line */
    float line[2];         /* y of the line at the left and right border, pixels */
    double share;          /* of the border ring within 6 dE of the model */
    unsigned sides;        /* of the four with at least half of it within 6 dE */
    float noise[2][3];     /* standard deviation per region and channel */
    bool clipped[2];       /* overexposed: a shadow there has another hue, too */
    float *colour;         /* [n][3] the background as it would be without the subject, Lab */
    float *plain, *chroma; /* [n] squared distances in noise units: all, without brightness */
    float *bright;         /* [n] brightness relative to the background */
    uint8_t *known;        /* [n] background reached from the frame without crossing an edge */
    uint8_t *soft;         /* [n] the same through what may be shadow */
} OrfBackdrop;

/* Fits one smooth region to the border, or two where `may_split` and the border says so, and
 * grows them inward. Pictures below 8 x 8 get share 0. */
bool orf_backdrop_init(OrfTask *task, const OrfCutoutWork *work, bool may_split,
                       OrfBackdrop *ret, GError **error);
void orf_backdrop_clear(OrfBackdrop *backdrop);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfBackdrop, orf_backdrop_clear)
/* Height of the line in that column, pixels from the top; far below the frame without one. */
float orf_backdrop_line(const OrfBackdrop *backdrop, unsigned width, unsigned x);

/* --- Methods: each fills `ret_mask` [n] and ret_how (not method, coverage) ---------------- */

typedef struct {
    uint64_t seed;
    const float *box; /* as in OrfCutoutOptions */
} OrfCutoutHint;

/* image/cutout-scene.c: subject before one or two smooth backgrounds. */
bool orf_cutout_scene(OrfTask *task, const OrfCutoutWork *work, const OrfBackdrop *backdrop,
                      const OrfCutoutHint *hint, uint8_t *ret_mask, OrfCutout *ret_how,
                      GError **error);
/* image/cutout-ink.c: turns dark thin lines in `mask` into the shape they enclose. When they
 * are none, `ret_done` is false and all stays as it is. */
bool orf_cutout_ink(OrfTask *task, const OrfCutoutWork *work, uint8_t *mask, OrfCutout *ret_how,
                    bool *ret_done, GError **error);
/* image/grabcut.c: saliency, then two colour mixtures and a minimum cut, repeated. */
bool orf_cutout_grabcut(OrfTask *task, const OrfCutoutWork *work, const OrfCutoutHint *hint,
                        uint8_t *ret_mask, OrfCutout *ret_how, GError **error);

/* --- The cut: image/cutout-cut.c ---------------------------------------------------------- */

#define ORF_CUT_HARD 50.0f /* a score that settles the matter */

/* Prices of separating neighbours: cheap where colours differ. */
typedef struct {
    int32_t *edge[ORF_GRID_EDGES]; /* [n] */
} OrfCutLinks;
/* `model` [n][3] is the background or NULL: what differs in the picture only because the
 * background does is no edge (Sun 2006). Differences well above `noise` dE are edges; 0: what
 * is usual here. */
bool orf_cut_links_init(OrfTask *task, const OrfCutoutWork *work, const float *model,
                        double noise, OrfCutLinks *ret_links, GError **error);
void orf_cut_links_clear(OrfCutLinks *links);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfCutLinks, orf_cut_links_clear)
/* `score` [n] is ln p(subject) - ln p(background), at most ORF_CUT_HARD either way. */
bool orf_cut(OrfTask *task, const OrfCutoutWork *work, const OrfCutLinks *links,
             const float *score, uint8_t *ret_mask, GError **error);
/* Adds the hint: outside the box there is no subject. */
void orf_cut_hint(const OrfCutoutWork *work, const OrfCutoutHint *hint, float *score);

/* What all methods say of a finished mask. */
typedef struct {
    double coverage; /* share of the frame */
    double frame;    /* share of the subject's rim that lies on the frame */
    double contrast; /* median colour difference across the rim, dE */
    double weak;     /* one fifth of the rim has less than this, dE */
    double
        clutter; /* nine tenths of the background away from the rim have less than this, dE */
    double largest; /* share of the largest region in the subject */
} OrfMaskLook;
bool orf_mask_look(OrfTask *task, const OrfCutoutWork *work, const uint8_t *mask,
                   OrfMaskLook *ret_look, GError **error);

/* --- Edges at full size: image/matte.c, image/guided.c ------------------------------------ */

/* Alpha of the size of `image` from a mask of the working picture: the colour line between
 * local subject and background colours in a thin band, a guided filter where these do not
 * explain it. */
OrfImage *orf_matte(OrfTask *task, const OrfImage *image, const OrfCutoutWork *work,
                    const uint8_t *mask, GError **error);

/* Local linear model of `mask` in Lab: alpha = model[0..2] . lab/100 + model[3], [n][4].
 * He, Sun, Tang 2010; fast variant: the model is made small and used at full size (2015). */
bool orf_guided_model(OrfTask *task, const OrfCutoutWork *work, const float *mask,
                      unsigned radius, float epsilon, float *ret_model, GError **error);

#endif
