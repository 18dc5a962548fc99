/* asset-priv.h - cameras, the rasteriser and hole filling, shared inside the room.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_ASSET_PRIV_H
#define ORF_ASSET_PRIV_H

#include "asset/asset.h"

static inline float
orf_dot3(const float a[3], const float b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* --- Around vertices and corners: asset/fan.c --------------------------------------------- */

/* Triangles around each vertex: list[start[v]] .. list[start[v + 1] - 1]. */
typedef struct {
    uint32_t *start, *list;
} OrfFans;
bool orf_fans_init(OrfFans *fans, OrfTask *task, const OrfMesh *mesh, GError **error);
void orf_fans_clear(OrfFans *fans);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfFans, orf_fans_clear)

/* Twice the area times the unit normal. */
void orf_face_vector(const float *positions, const uint32_t corner[3], float ret_vector[3]);
/* Normals of a triangle's corners: the vertex's where the surface is smooth, else the
 * triangle's. Returns a bit for each sharp corner. `normals` are the vertices'. */
unsigned orf_corner_normals(const float *positions, const float *normals,
                            const uint32_t corner[3], float ret_normals[3][3]);

/* --- Cameras: asset/camera.c -------------------------------------------------------------- */

/* pixel = center + scale * (right, down) * (distance ? distance / depth : 1) */
typedef struct {
    float right[3], down[3], back[3]; /* unit; back points from the target to the eye */
    float target[3];                  /* mm */
    float center[2], scale;           /* px, px per mm at the target */
    float distance;                   /* mm from eye to target; 0: orthographic */
} OrfCamera;

/* Where a point is seen. `near` grows towards the eye and is linear on the screen: mm before
 * the target when orthographic, distance / depth when not. x is NaN behind the eye. */
typedef struct {
    float x, y, near;
} OrfSpot;

/* Looks at the origin from yaw and pitch (degrees), orthographic, one pixel a millimetre. */
OrfCamera orf_camera_at(float yaw, float pitch);
OrfCamera orf_camera_of(const OrfProjection *projection);
OrfSpot orf_camera_see(const OrfCamera *camera, const float point[3]);
/* Unit vector from a point to the eye. */
void orf_camera_eye(const OrfCamera *camera, const float point[3], float ret_eye[3]);
/* All vertices: caller frees with orf_free. */
OrfSpot *orf_camera_see_mesh(OrfTask *task, const OrfCamera *camera, const OrfMesh *mesh,
                             GError **error);
/* Aims at the middle of the mesh; with `fov` (degrees) from far enough to see it all. Then sets
 * scale and center so that the mesh fills width x height less `margin` (a share) on each side.
 */
bool orf_camera_fit(OrfTask *task, OrfCamera *camera, const OrfMesh *mesh, float fov,
                    const float size[2], float margin, GError **error);

/* --- Rasteriser: asset/raster.c ----------------------------------------------------------- */

#define ORF_NO_TRIANGLE UINT32_MAX
#define ORF_BAND 16 /* rows */

/* Rows y0..y1-1 of the picture, all samples. Sample s of pixel (x, y) is
 * [(y - y0) * stride + x * samples + s]. */
typedef struct {
    unsigned y0, y1, width, samples;
    size_t stride;
    const float *near;
    const uint32_t *triangle; /* nearest one, the lowest of equals, or ORF_NO_TRIANGLE */
} OrfBand;

typedef void (*OrfBandFn)(const OrfBand *band, void *data);

typedef struct {
    const OrfSpot *spots;    /* corners on the screen */
    const uint32_t *corners; /* [n_triangles][3] into spots */
    size_t n_triangles;
    unsigned width, height; /* pixels */
    unsigned samples;       /* 1 (at pixel centres) or 4 */
} OrfRaster;

/* Draws both sides of every triangle and calls `band` for each band of ORF_BAND rows, in any
 * order on any core. A sample belongs to exactly one of two triangles that share an edge.
 * Errors: CANCELLED, TOO_LARGE. */
bool
orf_raster(OrfTask *task, const OrfRaster *raster, OrfBandFn band, void *data, GError **error);
/* Perspective-correct weights of the three corners at a point on the screen, clamped to the
 * triangle. `flat`: near is not a depth to correct for (orthographic). Returns twice the signed
 * area on the screen: negative when the front side is seen (y runs down). */
float orf_raster_weights(const OrfSpot *const corners[3], bool flat, float x, float y,
                         float ret_weights[3]);

/* --- Colour: asset/tone.c ----------------------------------------------------------------- */

/* The sRGB curve as tables. */
typedef struct {
    float linear[256];  /* of a code */
    uint8_t code[4096]; /* of sqrt(linear) * 4095 */
} OrfTone;
void orf_tone_init(OrfTone *tone);
uint8_t orf_tone_code(const OrfTone *tone, float linear);

/* A texture with its halved copies; level i is one byte RGB(A) of side >> i. */
#define ORF_MAX_LEVELS 14
typedef struct {
    const uint8_t *pixels[ORF_MAX_LEVELS];
    unsigned width[ORF_MAX_LEVELS], height[ORF_MAX_LEVELS];
    unsigned n_levels, channels;
    void *owned; /* levels 1.. */
} OrfPyramid;
/* Borrows the image's pixels. Errors: TOO_LARGE. */
bool
orf_pyramid_init(OrfPyramid *pyramid, OrfTask *task, const OrfImage *image, GError **error);
void orf_pyramid_clear(OrfPyramid *pyramid);
/* Bilinear, 0..255; (0,0) is the top left corner, the border is repeated. */
void orf_pyramid_sample(const OrfPyramid *pyramid, unsigned level, float u, float v,
                        float ret_rgb[3]);

/* --- Fill: asset/fill.c ------------------------------------------------------------------- */

/* RGBA in place: colours of alpha 255 stay, of 0 come smoothly from around, between they mix;
 * alpha becomes 255. All unknown gives mid grey. Push-pull after Gortler et al. 1996; O(n).
 * Errors: CANCELLED, TOO_LARGE. */
bool
orf_fill_unknown(OrfTask *task, uint8_t *rgba, unsigned width, unsigned height, GError **error);

/* --- Dressing: what both ways share ------------------------------------------------------- */

/* asset/delight.c: the picture's pixels ([height][width][4], RGBA, straight alpha) in place,
 * less `strength` (0..1) of the shading that the mesh explains: linear light fitted by a + b.n
 * over what is seen, divided by max(0.3, a + b.n) over its mean. `camera` gives pixels of this
 * picture. Errors: CANCELLED, TOO_LARGE. */
bool orf_delight(OrfTask *task, const OrfMesh *mesh, const OrfCamera *camera, uint8_t *rgba,
                 unsigned width, unsigned height, float strength, GError **error);

/* asset/rim.c: sets alpha to how far a pixel's colour can be trusted: 255 inside, little within
 * 2 px of the edge of the cut-out, where background shines through, 0 outside; parts thinner
 * than that keep what they have. Errors: TOO_LARGE. */
bool
orf_trust_inside(OrfTask *task, uint8_t *rgba, unsigned width, unsigned height, GError **error);

/* The asset with one textured material; takes `rgb` ([height][width][3]), even on failure. */
OrfAsset *orf_dressed(OrfTask *task, OrfMesh *mesh, uint8_t *rgb, const unsigned size[2],
                      unsigned quality, GError **error);

/* --- What is behind: asset/backdrop.c ----------------------------------------------------- */

/* Light grey, and the bed with a grid and the shadow of the mesh. */
typedef struct {
    OrfCamera camera;
    unsigned width, height;
    bool bed;                      /* seen from above */
    bool ground;                   /* seen edge-on: a line at `ground_y` */
    float ground_y, ground_x[2];   /* px */
    float level, center[2], reach; /* of the bed: y, x and z of its middle, radius in mm */
    float step;                    /* mm between lines of the grid */
    float *shadow;                 /* [side][side] 0..1 over center +- reach */
    unsigned side;
} OrfAssetBackdrop;
bool orf_asset_backdrop_init(OrfAssetBackdrop *backdrop, OrfTask *task, const OrfMesh *mesh,
                             const OrfCamera *camera, const unsigned size[2], bool bed,
                             GError **error);
void orf_asset_backdrop_clear(OrfAssetBackdrop *backdrop);
/* sRGB 0..255 at a point of the screen. */
void
orf_asset_backdrop_color(const OrfAssetBackdrop *backdrop, float x, float y, float ret_rgb[3]);

/* --- One picture as a source of colour: asset/sight.c ------------------------------------- */

typedef struct {
    OrfCamera camera; /* picture pixels */
    uint8_t *rgba;    /* the picture, complete: hidden pixels are filled from inside */
    OrfPyramid picture;
    float *near;            /* depth map, -INFINITY where nothing is */
    OrfImage *inner;        /* pixels to the nearest silhouette, ORF_F32; <= 0 outside */
    unsigned width, height; /* of the two maps */
    float shrink;           /* map pixels per picture pixel */
    float slack;            /* mm a point may lie behind the depth map and still be seen */
    bool behind;            /* shows the far side, mirrored */
} OrfSight;
bool orf_sight_init(OrfSight *sight, OrfTask *task, const OrfMesh *mesh,
                    const OrfProjection *view, float delight, bool behind, GError **error);
void orf_sight_clear(OrfSight *sight);
/* How well the picture shows this point of the surface, 0: not at all; cos^4 times the fall-off
 * towards silhouettes. Sets rgb (0..255) unless 0. */
float orf_sight_look(const OrfSight *sight, const float point[3], const float normal[3],
                     float ret_rgb[3]);

/* --- Render: asset/render.c --------------------------------------------------------------- */

typedef struct {
    OrfCamera camera;
    unsigned width, height;
    bool unlit, transparent, bed;
    float relief; /* mm > 0: seen straight on, as orf_asset_shade_relief */
} OrfShot;
OrfImage *
orf_asset_shoot(OrfTask *task, const OrfAsset *asset, const OrfShot *shot, GError **error);

/* --- Plates: asset/plate.c, asset/plate-light.c ------------------------------------------- */

/* What of a flat thing is worth seeing. */
typedef struct {
    int axis;        /* the thin one, 0..2; -1: not flat */
    bool up;         /* relief is on the face towards +axis, else on the other */
    bool both;       /* the other face has nearly as much */
    float thickness; /* mm, all of it */
    float relief;    /* mm, standard deviation of the heights of that face; 0: bare */
    bool lithophane; /* meant to be held against light; also of arcs and cylinders */
} OrfAssetPlate;
void orf_asset_plate_look(const OrfAsset *asset, OrfAssetPlate *ret_plate);
/* As a shade of white plastic before a lamp, in a dark room; orthographic. RGBA ORF_U8; the
 * thinnest is white. Errors: CANCELLED, TOO_LARGE. */
OrfImage *
orf_asset_shoot_lit(OrfTask *task, const OrfAsset *asset, const OrfShot *shot, GError **error);
/* Darkens `rgba` ([height][width][4], the shot's) where something stands higher beside it, most
 * to its upper left. `relief` mm, as of the plate, > 0: shallow ones are exaggerated. */
bool orf_asset_shade_relief(OrfTask *task, const OrfMesh *mesh, const OrfShot *shot,
                            float relief, uint8_t *rgba, GError **error);

#endif
