/* draft.c - an asset while it is read: arrays that grow, then become a mesh with materials.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Optional arrays (colours, uvs, groups) may lag behind: what a file leaves out is filled in
 * later, so that a reader only speaks of what it found. */
#include "format/format-priv.h"

#include <string.h>

#define FAN_OVER 4096 /* corners; ear clipping costs their square */

static void
clear_material(gpointer material)
{
    orf_material_clear(material);
}

void
orf_asset_draft_init(OrfAssetDraft *draft, OrfTask *task, const OrfLoad *options)
{
    *draft = (OrfAssetDraft){
        .task = task,
        .options = options,
        .positions.item = 3 * sizeof(float),
        .colors.item = 4,
        .triangles.item = 3 * sizeof(uint32_t),
        .uvs.item = 2 * sizeof(float),
        .uv_triangles.item = 3 * sizeof(uint32_t),
        .groups.item = sizeof(uint16_t),
        .sources.item = sizeof(uint32_t),
        .materials = g_array_new(false, true, sizeof(OrfMaterial)),
    };
    g_array_set_clear_func(draft->materials, clear_material);
}

void
orf_asset_draft_clear(OrfAssetDraft *draft)
{
    orf_vec_clear(&draft->positions);
    orf_vec_clear(&draft->colors);
    orf_vec_clear(&draft->triangles);
    orf_vec_clear(&draft->uvs);
    orf_vec_clear(&draft->uv_triangles);
    orf_vec_clear(&draft->groups);
    orf_vec_clear(&draft->sources);
    g_clear_pointer(&draft->materials, g_array_unref);
}

/* --- Growing ------------------------------------------------------------------------------ */

float *
orf_asset_draft_positions(OrfAssetDraft *draft, size_t n, GError **error)
{
    return orf_vec_add(draft->task, &draft->positions, n, "vertices", error);
}

uint32_t *
orf_asset_draft_triangles(OrfAssetDraft *draft, size_t n, GError **error)
{
    return orf_vec_add(draft->task, &draft->triangles, n, "triangles", error);
}

float *
orf_asset_draft_uvs(OrfAssetDraft *draft, size_t n, GError **error)
{
    return orf_vec_add(draft->task, &draft->uvs, n, "texture coordinates", error);
}

/* Brings vec to at least `n` items; new ones get every byte set to `byte`. */
static bool
pad(OrfTask *task, OrfVec *vec, size_t n, int byte, GError **error)
{
    if (vec->n >= n)
        return true;
    size_t missing = n - vec->n;
    void *added = orf_vec_add(task, vec, missing, "colours and groups", error);
    if (!added)
        return false;
    memset(added, byte, missing * vec->item);
    return true;
}

uint8_t *
orf_asset_draft_colors(OrfAssetDraft *draft, size_t n, GError **error)
{
    if (!pad(draft->task, &draft->colors, draft->positions.n, 255, error))
        return NULL;
    return orf_vec_add(draft->task, &draft->colors, n, "colours", error);
}

uint32_t *
orf_asset_draft_uv_triangles(OrfAssetDraft *draft, size_t n, GError **error)
{
    if (!pad(draft->task, &draft->uv_triangles, draft->triangles.n, 255, error))
        return NULL;
    return orf_vec_add(draft->task, &draft->uv_triangles, n, "texture coordinates", error);
}

bool
orf_asset_draft_groups(OrfAssetDraft *draft, size_t n, size_t group, GError **error)
{
    if (!group && !draft->groups.n)
        return true;
    if (!pad(draft->task, &draft->groups, draft->triangles.n, 0, error))
        return false;
    uint16_t *groups = orf_vec_add(draft->task, &draft->groups, n, "groups", error);
    for (size_t i = 0; groups && i < n; i++)
        groups[i] = (uint16_t)group;
    return groups != NULL;
}

/* Numbers of the polygon's own corners, 0..n-1, three a triangle. */
static void
split_polygon(const OrfAssetDraft *draft, const uint32_t *corners, size_t n, float *flat,
              uint32_t *own, uint32_t *ret)
{
    for (size_t i = 0; n > FAN_OVER && i < n - 2; i++) {
        uint32_t *t = ret + 3 * i;
        t[0] = 0, t[1] = (uint32_t)i + 1, t[2] = (uint32_t)i + 2;
    }
    if (n > FAN_OVER)
        return;
    const float *positions = draft->positions.data;
    for (size_t i = 0; i < n; i++) {
        memcpy(flat + 3 * i, positions + 3 * (size_t)corners[i], 3 * sizeof *flat);
        own[i] = (uint32_t)i;
    }
    orf_triangulate_polygon(flat, own, n, ret);
}

static bool
add_corners(OrfAssetDraft *draft, const uint32_t *corners, const uint32_t *uvs,
            const uint32_t *pieces, size_t n, size_t group, GError **error)
{
    uint32_t *uv_triangles = NULL;
    if (!orf_asset_draft_groups(draft, n, group, error))
        return false;
    if ((uvs || draft->uv_triangles.n) &&
        !(uv_triangles = orf_asset_draft_uv_triangles(draft, n, error)))
        return false;
    uint32_t *triangles = orf_asset_draft_triangles(draft, n, error);
    if (!triangles)
        return false;
    for (size_t i = 0; i < 3 * n; i++) {
        triangles[i] = corners[pieces[i]];
        if (uv_triangles)
            uv_triangles[i] = uvs ? uvs[pieces[i]] : ORF_NO_UV;
    }
    return true;
}

bool
orf_asset_draft_polygon(OrfAssetDraft *draft, const uint32_t *corners, const uint32_t *uvs,
                        size_t n, size_t group, GError **error)
{
    static const uint32_t one[] = { 0, 1, 2 };
    if (n < 3)
        return true;
    if (n == 3)
        return add_corners(draft, corners, uvs, one, 1, group, error);
    orf_autofree float *flat =
        ORF_ALLOC(draft->task, float, 3 * MIN(n, FAN_OVER), "polygon", error);
    orf_autofree uint32_t *own =
        flat ? ORF_ALLOC(draft->task, uint32_t, 4 * n, "polygon", error) : NULL;
    if (!own)
        return false;
    split_polygon(draft, corners, n, flat, own, own + n);
    return add_corners(draft, corners, uvs, own + n, n - 2, group, error);
}

/* --- Materials and the files they name ---------------------------------------------------- */

OrfMaterial *
orf_asset_draft_material(OrfAssetDraft *draft, const char *name, GError **error)
{
    if (draft->materials->len >= UINT16_MAX)
        return ORF_FAIL(error, TOO_LARGE, "%s: more than 65535 materials; merge some",
                        draft->options->name);
    g_array_set_size(draft->materials, draft->materials->len + 1);
    OrfMaterial *material =
        &g_array_index(draft->materials, OrfMaterial, draft->materials->len - 1);
    orf_material_init(material, name);
    return material;
}

bool
orf_asset_draft_picture(OrfAssetDraft *draft, OrfMaterial *material, GBytes *bytes,
                        const char *name, GError **error)
{
    g_autoptr(GError) problem = NULL;
    OrfImage *texture =
        orf_image_load(draft->task, bytes, name, &(OrfImageLoad){ 0 }, &problem);
    if (texture) {
        material->texture = texture;
        material->encoded = orf_picture_type(bytes) ? g_bytes_ref(bytes) : NULL;
        return true;
    }
    if (orf_task_cancelled(draft->task)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    orf_task_note(draft->task, "%s: picture left out: %s", draft->options->name,
                  problem->message);
    return true;
}

static bool
stays_in_folder(const char *name)
{
    g_auto(GStrv) parts = g_strsplit(name, "/", -1);
    for (char **part = parts; *part; part++)
        if (g_str_equal(*part, ".."))
            return false;
    return *name && *name != '/' && !strchr(name, ':') && g_utf8_validate(name, -1, NULL);
}

/* "maps\\Green.PNG" and "./a b.png" as names with slashes, without quotes around. */
static char *
plain_path(const char *name)
{
    size_t n = strlen(name);
    bool quoted = n > 2 && (*name == '"' || *name == '\'') && name[n - 1] == *name;
    g_autofree char *bare = quoted ? g_strndup(name + 1, n - 2) : g_strdup(name);
    g_strdelimit(bare, "\\", '/');
    return g_strdup(g_str_has_prefix(bare, "./") ? bare + 2 : bare);
}

static GBytes *
look_up(const OrfLoad *options, const char *name)
{
    return options->sibling && stays_in_folder(name)
               ? options->sibling(name, options->sibling_data)
               : NULL;
}

/* Where the file says, else beside the model: files move between machines with their model, and
 * their paths stay behind. */
GBytes *
orf_asset_draft_sibling(OrfAssetDraft *draft, const char *name)
{
    g_autofree char *path = plain_path(name);
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
    const char *colon = strchr(last, ':'); /* "C:green.png" */
    const OrfLoad *options = draft->options;
    GBytes *bytes = look_up(options, path);
    if (!bytes && (slash || colon))
        bytes = look_up(options, colon ? colon + 1 : last);
    if (bytes)
        return bytes;
    g_autofree char *shown = g_utf8_make_valid(name, (gssize)MIN(strlen(name), 80));
    if (stays_in_folder(path))
        orf_task_note(draft->task, "%s: '%s' is missing: loaded without it", options->name,
                      shown);
    else
        orf_task_note(draft->task,
                      "%s: names a file outside its folder, '%s': loaded without it; put that "
                      "file beside it",
                      options->name, shown);
    return NULL;
}

/* --- Finish ------------------------------------------------------------------------------- */

/* Corners without uv get one of their own; no uvs at all: no list. */
static bool
complete_uvs(OrfAssetDraft *draft, GError **error)
{
    size_t n = draft->uvs.n;
    if (!n || !draft->uv_triangles.n) {
        orf_vec_clear(&draft->uvs);
        orf_vec_clear(&draft->uv_triangles);
        return true;
    }
    if (!pad(draft->task, &draft->uv_triangles, draft->triangles.n, 255, error) ||
        !pad(draft->task, &draft->uvs, n + 1, 0, error))
        return false;
    uint32_t *corners = draft->uv_triangles.data;
    bool any = false;
    for (size_t i = 0; i < 3 * draft->triangles.n; i++)
        if (corners[i] == ORF_NO_UV) {
            corners[i] = (uint32_t)n;
            any = true;
        }
    draft->uvs.n = n + any;
    float *uvs = draft->uvs.data;
    for (size_t i = 0; i < 2 * draft->uvs.n; i++)
        if (!(uvs[i] - uvs[i] == 0))
            uvs[i] = 0;
    return true;
}

static void
move_to_parts(OrfAssetDraft *draft, OrfMeshParts *parts)
{
    size_t n_vertices = draft->positions.n, n_triangles = draft->triangles.n;
    size_t n_uvs = draft->uvs.n; /* stealing resets the counts */
    *parts = (OrfMeshParts){
        .positions = orf_vec_steal(&draft->positions),
        .triangles = orf_vec_steal(&draft->triangles),
        .colors = orf_vec_steal(&draft->colors),
        .uvs = orf_vec_steal(&draft->uvs),
        .uv_triangles = orf_vec_steal(&draft->uv_triangles),
        .groups = orf_vec_steal(&draft->groups),
        .n_vertices = n_vertices,
        .n_triangles = n_triangles,
        .n_uvs = n_uvs,
    };
}

OrfAsset *
orf_asset_draft_finish(OrfAssetDraft *draft, OrfSeams seams, GError **error)
{
    const char *name = draft->options->name;
    if (!draft->triangles.n)
        return ORF_FAIL(error, BAD_INPUT, "%s: holds no triangles; export it as a mesh", name);
    if (!orf_task_check(draft->task, error))
        return NULL;
    size_t n = draft->positions.n;
    if ((draft->colors.n && !pad(draft->task, &draft->colors, n, 255, error)) ||
        (draft->groups.n && !pad(draft->task, &draft->groups, draft->triangles.n, 0, error)) ||
        !complete_uvs(draft, error) || !orf_asset_draft_join_seams(draft, seams, error))
        return NULL;
    g_auto(OrfMeshParts) parts;
    move_to_parts(draft, &parts);
    g_autoptr(OrfMesh) mesh = orf_mesh_new_take(&parts, error);
    if (!mesh) {
        g_prefix_error(error, "%s: ", name);
        return NULL;
    }
    OrfAsset *asset = orf_asset_new(mesh, (OrfMaterial *)(void *)draft->materials->data,
                                    draft->materials->len);
    orf_asset_set_metres(asset, draft->metres && !draft->moved);
    return asset;
}
