/* asset.h - what we make: a mesh with materials and textures; projection, baking, views.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An OrfAsset is immutable and reference-counted: share it freely between threads. */
#ifndef ORF_ASSET_H
#define ORF_ASSET_H

#include "image/image.h"
#include "mesh/mesh.h"

/* --- Materials: metallic-roughness as in glTF 2.0, section 3.9 ---------------------------- */

typedef struct {
    char name[64];
    float base_color[4]; /* linear RGB + alpha, 0..1 */
    float metallic, roughness;
    OrfImage
        *texture; /* base colour, sRGB ORF_U8 RGB or RGBA, or NULL; the material's reference */
    GBytes *encoded; /* the same picture as PNG, JPEG or WebP bytes when known, or NULL */
} OrfMaterial;

/* White, rough, no texture. */
void orf_material_init(OrfMaterial *material, const char *name);
void orf_material_clear(OrfMaterial *material);

/* --- Assets ------------------------------------------------------------------------------- */

/* Takes references of its own to mesh, textures and bytes. Material i serves group i of the
 * mesh; none given: one plain material. A group without a material takes the last.
 */
OrfAsset *orf_asset_new(OrfMesh *mesh, const OrfMaterial *materials, size_t n_materials);
OrfMesh *orf_asset_mesh(const OrfAsset *asset); /* borrowed */
size_t orf_asset_n_materials(const OrfAsset *asset);
const OrfMaterial *orf_asset_material(const OrfAsset *asset, size_t i); /* borrowed */
/* It came from a file of plain metres (a glTF whose nodes move nothing), and goes back into one
 * with the same numbers. Set before it is shared. */
void orf_asset_set_metres(OrfAsset *asset, bool metres);
bool orf_asset_metres(const OrfAsset *asset);
/* The number that is read as these millimetres again; where there is none, the nearest. */
float orf_metres_of(float mm);
/* The same materials on another mesh with the same groups and UVs. */
OrfAsset *orf_asset_with_mesh(const OrfAsset *asset, OrfMesh *mesh);

/* Colours of the vertices as [n][4] sRGB: vertex colours, else the texture sampled at the UVs,
 * else the material's colour; for formats without textures. Caller frees with orf_free. */
uint8_t *orf_asset_vertex_colors(OrfTask *task, const OrfAsset *asset, GError **error);

/* `onto`, a surface that lies where the asset's does, with the colours of the nearest places:
 * in a texture of its own where the asset has textures (it is unwrapped), else at the vertices.
 * Errors: CANCELLED, TOO_LARGE. */
OrfAsset *
orf_asset_transfer(OrfTask *task, const OrfAsset *asset, OrfMesh *onto, GError **error);

/* --- Dress: project pictures onto a mesh and bake an atlas: asset/project.c, asset/bake.c ---
 */

/* A pinhole or orthographic picture of the mesh. */
typedef struct {
    OrfImage *picture; /* RGBA ORF_U8: alpha is the cut-out; borrowed for the call */
    float yaw;         /* degrees; 0 front (+Z), 90 from +X */
    /* picture pixel = center + scale * (right, down) * (perspective ? distance / depth : 1) */
    float center[2], scale; /* px, px per mm */
    float target[3];        /* mm: the point of the mesh that is seen at `center` */
    float distance;         /* mm from eye to target; 0: orthographic */
} OrfProjection;

typedef enum {
    ORF_BACK_MIRROR, /* the unseen back shows the front, mirrored */
    ORF_BACK_PLAIN,  /* inner part refilled from the rim: no second face behind the head */
} OrfBack;

typedef struct {
    unsigned side; /* atlas side in pixels; 0: 1024 */
    OrfBack back;
    float delight;    /* 0..1: how much of the shading to take out */
    unsigned quality; /* JPEG quality of the encoded texture; 0: 85 */
} OrfDress;

/* Fast path for a body seen from the front: the picture itself is the texture, UVs by
 * projection, the back mirrored or refilled in a second half of the atlas; seams along the
 * outline; rim pixels filled from inside so that no background shows. One view. */
OrfAsset *orf_asset_dress_front(OrfTask *task, OrfMesh *mesh, const OrfProjection *front,
                                const OrfDress *options, GError **error);

/* General path: unwraps, then bakes 1..8 views with visibility and cos^4 weights, fills the
 * unseen by push-pull. Errors: BAD_INPUT (no view), CANCELLED, TOO_LARGE. */
OrfAsset *orf_asset_dress_views(OrfTask *task, OrfMesh *mesh, const OrfProjection *views,
                                size_t n_views, const OrfDress *options, GError **error);

/* --- Look at it: asset/render.c: a software rasteriser ------------------------------------ */

typedef struct {
    unsigned width, height; /* pixels */
    float yaw, pitch;       /* degrees: from where to look; 0, 0 = from the front (+Z) */
    float margin;           /* share of the frame left free; 0: 0.06 */
    float fov;              /* degrees; 0: orthographic */
    bool unlit;             /* texture colours as they are: for comparing with the picture */
    bool transparent;       /* alpha 0 where nothing is; otherwise a light backdrop */
    bool bed;               /* draw the bed plane and its shadow */
} OrfView;

/* RGBA ORF_U8, 4 samples a pixel. */
OrfImage *
orf_asset_render(OrfTask *task, const OrfAsset *asset, const OrfView *view, GError **error);
/* The asset as `like` shows it: in the size of its picture, unlit, transparent around it; for
 * comparing the two pixel by pixel. */
OrfImage *orf_asset_render_like(OrfTask *task, const OrfAsset *asset, const OrfProjection *like,
                                GError **error);
/* What a picture of a mesh can show. */
typedef enum {
    ORF_HEAT_DEFECTS,
    ORF_HEAT_THICKNESS, /* of walls, along a ray inwards */
    ORF_HEAT_CURVATURE,
    ORF_HEAT_INSIDE, /* defects; what lies in front of the middle is taken away */
} OrfHeat;
/* The faces in colours that say so, and a legend (caller owns): asset/heat.c. Errors:
 * CANCELLED, TOO_LARGE. */
OrfAsset *
orf_asset_heat(OrfTask *task, OrfMesh *mesh, OrfHeat what, char **ret_legend, GError **error);
/* Four views in a row with captions and sizes: front, side, top, three-quarter; of a plate the
 * face that can be read first, of a lithophane how it looks lit from behind second. RGBA
 * ORF_U8. */
OrfImage *
orf_asset_contact_sheet(OrfTask *task, const OrfAsset *asset, unsigned width, GError **error);

#endif
