/* image.h - pixels: load, orient, colour, resize, cut out the subject, trace its outline.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An OrfImage is immutable and reference-counted: share it freely between threads. Rows run
 * from the top, pixels are interleaved and tightly packed, channels are 1 grey, 2 grey + alpha,
 * 3 RGB or 4 RGBA. Eight-bit and sixteen-bit samples are sRGB-encoded; float samples say what
 * they hold at the call that makes them. Alpha is straight, not premultiplied. libvips is used
 * in this room only. */
#ifndef ORF_IMAGE_H
#define ORF_IMAGE_H

#include "base/base.h"

typedef struct OrfImage OrfImage;
typedef enum { ORF_U8 = 1, ORF_U16 = 2, ORF_F32 = 4 } OrfSample; /* value = bytes a sample */

/* --- Make, share -------------------------------------------------------------------------- */

/* Takes `pixels` (from orf_task_alloc, width*height*channels samples), even on failure. */
OrfImage *orf_image_new_take(unsigned width, unsigned height, unsigned channels,
                             OrfSample sample, void *pixels);
OrfImage *orf_image_ref(OrfImage *image);
void orf_image_unref(OrfImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfImage, orf_image_unref)

/* --- Look: borrowed, valid while you hold a reference ------------------------------------- */

unsigned orf_image_width(const OrfImage *image);
unsigned orf_image_height(const OrfImage *image);
unsigned orf_image_channels(const OrfImage *image);
OrfSample orf_image_sample(const OrfImage *image);
const uint8_t *orf_image_u8(const OrfImage *image);   /* NULL unless ORF_U8 */
const uint16_t *orf_image_u16(const OrfImage *image); /* NULL unless ORF_U16 */
const float *orf_image_f32(const OrfImage *image);    /* NULL unless ORF_F32 */

/* --- Load and save: image/load.c, image/save.c
 * ------------------------------------------------ JPEG, PNG 8/16, WebP, TIFF, GIF (first
 * frame), SVG, HEIC/AVIF where libvips has them. Loaders that libvips marks untrusted are
 * blocked. Limits are checked on the header, before decoding. */

#define ORF_IMAGE_MAX_BYTES (256u << 20) /* encoded */
#define ORF_IMAGE_MAX_PIXELS (64u << 20) /* 64 MP declared */
#define ORF_IMAGE_MAX_SIDE 65500u

/* Once per process, before any other call of this room; thread-safe, repeatable. */
bool orf_image_init(GError **error);
const char *orf_image_library(void); /* "libvips 8.14.1"; static */
bool
orf_image_reads(const char *format); /* "jpeg", "png", "webp", "tiff", "gif", "svg", "heif" */

typedef struct {
    unsigned width, height; /* as a person sees it: after EXIF orientation */
    unsigned channels;      /* 1..4 after conversion to sRGB or grey */
    unsigned bits;          /* 8, 16 or 32 a sample in the file */
    bool has_alpha;
    bool vector;        /* SVG */
    bool camera;        /* EXIF names a camera: a photograph */
    double focal_35mm;  /* EXIF focal length as for 35 mm film; 0 unknown */
    const char *format; /* "jpeg", "png", "webp", "tiff", "gif", "svg", "heif"; static */
} OrfImageInfo;

/* Reads the header only. Errors: BAD_INPUT, UNSUPPORTED, TOO_LARGE. `name` is for messages. */
bool orf_image_probe(GBytes *bytes, const char *name, OrfImageInfo *ret_info, GError **error);
/* Whether a file that begins so may be a picture: before the rest has come. UNSUPPORTED: it
 * says what it is. Too few bytes to tell: true. */
bool orf_image_probe_head(const void *head, size_t size, const char *name, GError **error);

typedef struct {
    unsigned
        max_side;   /* shrink-on-load so that the longer side is at most this; 0: full size */
    bool keep_16;   /* keep 16-bit samples; otherwise the result is ORF_U8 */
    bool keep_grey; /* keep 1 or 2 channels; otherwise the result has 3 or 4 */
    bool fast;      /* progressive JPEG may stop after its first scans: a preview */
} OrfImageLoad;

/* Upright, sRGB (ICC profile and CMYK converted), straight alpha. SVG is rendered so that its
 * longer side is max_side (2048 when 0). Grey of 16 bits that is kept (keep_16) is data: no
 * profile is applied. Floats and other integers are data too: values within 0..1 are kept,
 * others are stretched to it; NaN and infinity become the least value. Errors: BAD_INPUT,
 * UNSUPPORTED, TOO_LARGE, CANCELLED. */
OrfImage *orf_image_load(OrfTask *task, GBytes *bytes, const char *name,
                         const OrfImageLoad *options, GError **error);

/* `format` is "png", "jpeg" or "webp"; quality 1..100 for the last two, 0: 85. */
GBytes *orf_image_encode(OrfTask *task, const OrfImage *image, const char *format,
                         unsigned quality, GError **error);

/* --- Change: each returns a new image, or NULL and sets error: image/change.c ------------- */

/* Lanczos when shrinking, cubic when growing; premultiplies alpha on the way. */
OrfImage *orf_image_resize(OrfTask *task, const OrfImage *image, unsigned width,
                           unsigned height, GError **error);
/* The box may reach outside: such pixels are transparent, black or 0. */
OrfImage *orf_image_crop(OrfTask *task, const OrfImage *image, int x, int y, unsigned width,
                         unsigned height, GError **error);
/* Any to ORF_F32 luminance or alpha, one channel, 0..1. `linear` undoes the sRGB curve. */
OrfImage *
orf_image_luminance(OrfTask *task, const OrfImage *image, bool linear, GError **error);
/* Alpha as ORF_F32 0..1; all ones without an alpha channel. */
OrfImage *orf_image_alpha(OrfTask *task, const OrfImage *image, GError **error);
/* RGB(A) ORF_U8 to CIE L*a*b* (D65) as three ORF_F32 channels: L 0..100. */
OrfImage *orf_image_lab(OrfTask *task, const OrfImage *image, GError **error);
/* RGB or RGBA with `alpha` (ORF_F32, any size: resized) as its new alpha; RGBA ORF_U8. */
OrfImage *orf_image_with_alpha(OrfTask *task, const OrfImage *image, const OrfImage *alpha,
                               GError **error);
/* ORF_U8 images of equal width and channels, one below the other. */
OrfImage *orf_image_stack(OrfTask *task, OrfImage *const *images, size_t n, GError **error);
/* Gaussian blur of an ORF_F32 image, sigma in pixels. */
OrfImage *orf_image_blur(OrfTask *task, const OrfImage *image, double sigma, GError **error);

/* Signed Euclidean distance in pixels to the 0.5 level of a one-channel ORF_F32 mask, positive
 * inside, sub-pixel at the edge; Felzenszwalb-Huttenlocher 2012. O(n). Outside the frame the
 * mask counts as 0; a mask without any edge is -(width + height) all over. */
OrfImage *orf_image_distance(OrfTask *task, const OrfImage *mask, GError **error);

/* Lettering by Pango: alpha of the text as one-channel ORF_F32. `font` such as "DejaVu Sans
 * Bold"; `height` is the height of one line (ascent + descent) in pixels, 4..8192; lines are
 * split at \n and aligned "left", "center" (NULL) or "right". A font that is not installed is
 * replaced, with a note on the task. Errors: BAD_INPUT (empty, not UTF-8), NOT_FOUND (no font,
 * no letters), TOO_LARGE. */
OrfImage *orf_image_text(OrfTask *task, const char *text, const char *font, unsigned height,
                         const char *align, GError **error);

/* --- Cut out the subject: image/cutout.c -------------------------------------------------- */

typedef enum {
    ORF_CUTOUT_NONE,    /* no subject: the whole frame is the picture */
    ORF_CUTOUT_GIVEN,   /* the user's mask */
    ORF_CUTOUT_ALPHA,   /* the picture's own alpha */
    ORF_CUTOUT_FLAT,    /* one smooth background: paper, studio, plain colour */
    ORF_CUTOUT_SCENE,   /* two smooth backgrounds one above the other: a table before a wall */
    ORF_CUTOUT_INK,     /* lines on paper, outside flooded */
    ORF_CUTOUT_GRABCUT, /* saliency, then GrabCut */
    ORF_CUTOUT_NET,     /* a network that is installed */
} OrfCutoutMethod;
const char *orf_cutout_method_name(OrfCutoutMethod method);

typedef struct {
    OrfCutoutMethod method;
    double confidence; /* 0..1; below 0.3 nothing that looks like a subject was found */
    double coverage;   /* subject share of the frame, 0..1 */
    char reason[160];  /* one line for the user */
} OrfCutout;

/* A network's cut-out, asked at most once a call. Alpha as one-channel ORF_F32 of any size over
 * the same frame; fills `how`. NULL without error: there is none to ask. */
typedef OrfImage *(*OrfCutoutFn)(OrfTask *task, const OrfImage *image, OrfCutout *how,
                                 void *data, GError **error);

/* What an engine offers as "cutout": networks that are installed in its folders. */
typedef struct {
    /* Its data: OrfCutoutWish. */
    OrfCutoutFn cut;
    /* Adds what decides its result; nothing when no such net is there. */
    void (*identify)(OrfEngine *engine, const char *net, OrfDigester *digester);
} OrfCutoutNets;
typedef struct {
    const char *net; /* a family, "isnet"; "": whichever is installed */
    const char *key; /* names the picture: asked again, the mask is at hand; NULL: asked once */
    /* The picture as the net should see it, at most ORF_CUTOUT_NET_SIDE, called when the mask
     * is not at hand; NULL: the one that is cut out. */
    OrfImage *(*picture)(OrfTask *task, void *data, GError **error);
    void *data;
} OrfCutoutWish;
#define ORF_CUTOUT_OFFER "cutout" /* orf_engine_offered: OrfCutoutNets */
#define ORF_CUTOUT_NET_SIDE 1024  /* px: what nets see at most */

typedef struct {
    OrfCutoutMethod force; /* NONE: the first method of the cascade that is confident */
    unsigned work_side;    /* longer side of the working picture, at most 1024; 0: 256 */
    uint64_t seed;
    const float
        *box; /* optional hint: x0, y0, x1, y1 in 0..1 of the frame; subject is inside */
    const OrfImage *mask; /* optional, the user's: its alpha when that says something, else its
                             brightness; ORF_U8 or ORF_F32, any size. Wins over everything */
    OrfCutoutFn net;      /* optional: asked where one smooth background is not sure enough, and
                             under ORF_CUTOUT_NET; where it is unsure itself, the cascade goes on */
    void *net_data;
} OrfCutoutOptions;

/* One-channel ORF_F32 alpha of the size of `image` (RGB or RGBA, ORF_U8). Of one colour all
 * over and nothing forced: method NONE, confidence 0, alpha all ones. Same seed, same alpha.
 * Errors: BAD_INPUT when the picture or the mask is fully transparent, or has nothing to cut
 * out under a forced method; CANCELLED; TOO_LARGE. Rother 2004, Boykov-Kolmogorov 2004, Sun
 * 2006, Zhang 2015, He 2015; docs/decisions. */
OrfImage *
orf_image_cut_out(OrfTask *task, const OrfImage *image, const OrfCutoutOptions *options,
                  OrfCutout *ret_how, GError **error);

/* --- Trace: image/trace.c
 * ------------------------------------------------------------------------ The `level` contour
 * of a one-channel ORF_F32 image as closed polygons, by marching squares with linear
 * interpolation. Coordinates are pixels, x right, y down, pixel centres at +0.5; values outside
 * the frame count as 0. Outer loops have positive area in (x right, y up), holes negative;
 * loops never touch or cross themselves or each other. Coordinates are whole multiples of 1/256
 * px. Tips of corners, which marching squares cuts off, are put back. */

typedef struct {
    float x, y;
} OrfPoint;

typedef struct {
    OrfPoint *points; /* n_points of all loops, one after the other */
    uint8_t *corner;  /* [n_points] 1 where the outline has a sharp corner */
    uint32_t *start;  /* [n_loops + 1] first point of each loop */
    size_t n_points, n_loops;
} OrfOutline;

typedef struct {
    float level;        /* 0: 0.5 */
    float tolerance;    /* simplify: greatest distance in pixels; 0: every crossing is kept */
    float corner_angle; /* turning in degrees that makes a corner; 0: 40 */
    float min_area;     /* loops below are dropped, px^2; 0: 2 */
    float smooth;       /* rounds of corner-keeping smoothing of stair-steps; 0: none */
} OrfTraceOptions;

OrfOutline *orf_image_trace(OrfTask *task, const OrfImage *image,
                            const OrfTraceOptions *options, GError **error);
void orf_outline_free(OrfOutline *outline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfOutline, orf_outline_free)

/* Splits a picture (RGB or RGBA, ORF_U8) into at most `max_colors` flat colours, 1..16; 0 finds
 * how many, at most 8 (k-means++ in Lab, elbow). Antialiased edge pixels go to the nearer side.
 * Returns one-channel ORF_U8 labels, 0 = transparent, 1.. = palette entry, largest area first;
 * `ret_palette` has room for 16 sRGB colours. Same seed, same result.
 * Errors: BAD_INPUT when nothing is visible, TOO_LARGE, CANCELLED. Arthur-Vassilvitskii 2007.
 */
OrfImage *
orf_image_palette(OrfTask *task, const OrfImage *image, unsigned max_colors, uint64_t seed,
                  uint8_t (*ret_palette)[3], unsigned *ret_n, GError **error);

#endif
