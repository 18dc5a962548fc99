/* glb-priv.h - glTF 2.0: buffers and accessors of a document, materials, split vertices.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_GLB_PRIV_H
#define ORF_GLB_PRIV_H

#include "format/format-priv.h"

#include <jansson.h>

#define ORF_GLB_SCALE 0.001 /* of our root node: metres a millimetre */

/* --- A document while it is read: glb-access.c. One thread at a time ---------------------- */

typedef struct {
    OrfImage *texture;
    GBytes *encoded;
    bool tried;
} OrfGltfPicture;

typedef struct {
    OrfAssetDraft *draft;
    const char *name; /* of the file */
    size_t file_size; /* bytes: bounds what has no bytes of its own */
    json_t *root;
    GBytes *chunk;    /* of a GLB, or NULL */
    GBytes **buffers; /* [n_buffers], each NULL until it is used */
    size_t n_buffers;
    GHashTable *unpacked;     /* view -> GBytes, of those packed by meshopt; or NULL */
    OrfGltfPicture *pictures; /* [n_pictures] */
    size_t n_pictures;
    size_t n_materials; /* of the document; group n_materials is the default material */
    uint8_t *visited;   /* [n_nodes] */
    bool left_out;      /* points or lines were noted */
    bool baseless;      /* a skin without weights was noted */
} OrfGltf;

/* Rows of a matrix that moves points: 3 of 4. */
typedef struct {
    double m[3][4];
} OrfGltfPose;
OrfGltfPose orf_gltf_pose(const json_t *node); /* within the node above it */
void orf_gltf_multiply(const OrfGltfPose *a, const OrfGltfPose *b, OrfGltfPose *ret);

/* One element of a top-level array; NULL and BAD_INPUT when there is none. Borrowed. */
json_t *orf_gltf_item(const OrfGltf *gltf, const char *array, size_t index, GError **error);
/* An index or a count; `fallback` when the key is missing; -1: not a whole number >= 0. */
int64_t orf_gltf_whole(const json_t *object, const char *key, int64_t fallback);
/* Numbers of an array of exactly n; false (and outputs untouched) when it is anything else. */
bool orf_gltf_numbers(const json_t *object, const char *key, double *ret, size_t n);

/* Bytes of the buffer that a view, or what packs one, names. */
GBytes *orf_gltf_range(OrfGltf *gltf, size_t index, const json_t *view, GError **error);
GBytes *orf_gltf_view(OrfGltf *gltf, size_t index, size_t *ret_stride, GError **error);
/* What a URI holds: data: or a file beside ours (NULL without error when that is missing). */
GBytes *orf_gltf_uri(OrfGltf *gltf, const char *uri, GError **error);

/* [count][width] floats; missing components are 1. `least` is the smallest width allowed. */
float *orf_gltf_floats(OrfGltf *gltf, size_t accessor, unsigned least, unsigned width,
                       size_t *ret_count, GError **error);
/* [count][width] whole numbers, as they are. */
uint32_t *orf_gltf_wholes(OrfGltf *gltf, size_t accessor, unsigned width, size_t *ret_count,
                          GError **error);

/* A view packed by EXT_meshopt_compression (`json`), unpacked: glb-meshopt.c. Errors:
 * BAD_INPUT, TOO_LARGE. */
GBytes *orf_gltf_unpacked(OrfGltf *gltf, size_t index, const json_t *json, GError **error);

/* --- Materials and pictures: glb-material.c ----------------------------------------------- */

bool orf_gltf_materials(OrfGltf *gltf, GError **error);
/* Where a material's base colour picture looks for its coordinates. */
typedef struct {
    int64_t set; /* TEXCOORD_set; -1: no picture */
    double offset[2], scale[2], angle;
} OrfGltfPlacing;
OrfGltfPlacing orf_gltf_placing(const OrfGltf *gltf, int64_t material);

/* --- What moves vertices before their node does: glb-skin.c ------------------------------- */

/* Adds the morph targets at their default weights to [n][3] positions. `node` may say others
 * than `mesh`. */
bool orf_gltf_morph(OrfGltf *gltf, const json_t *part, const json_t *mesh, const json_t *node,
                    float *positions, size_t n, GError **error);
/* Puts [n][3] positions in metres where the joints of a skin hold them, in the world. False
 * without error (*ret_done false): the part has no weights, the skin no joints. */
bool orf_gltf_skin(OrfGltf *gltf, int64_t skin, const json_t *attributes, float *positions,
                   size_t n, bool *ret_done, GError **error);

/* --- Nodes and meshes: glb-load.c --------------------------------------------------------- */

bool orf_gltf_scene(OrfGltf *gltf, GError **error);

/* --- Save: glb-save.c, glb-split.c -------------------------------------------------------- */

/* Names of copies: the vertex each one comes from, as two 16-bit halves. Written only when some
 * vertices that are not copies lie at the same place, so that places alone cannot tell. */
#define ORF_GLB_SOURCE "_SOURCE"

/* Vertices as a graphics card wants them: one position, normal and uv each. The first
 * n_vertices are those of the mesh, in order; copies follow. */
typedef struct {
    size_t n;
    uint32_t *sources; /* [n - n_vertices] mesh vertex of each copy; NULL when none */
    uint32_t *uvs;     /* [n] uv index, or NULL */
    float *normals;    /* [n][3] */
    uint32_t *corners; /* [n_triangles][3]; NULL: as the mesh has them */
} OrfGlbSplit;

bool
orf_glb_split(OrfTask *task, const OrfMesh *mesh, bool uvs, OrfGlbSplit *ret, GError **error);
void orf_glb_split_clear(OrfGlbSplit *split);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfGlbSplit, orf_glb_split_clear)

GPtrArray *
orf_glb_save(OrfTask *task, const OrfAsset *asset, const OrfSave *options, GError **error);
GPtrArray *
orf_gltf_save(OrfTask *task, const OrfAsset *asset, const OrfSave *options, GError **error);

#endif
