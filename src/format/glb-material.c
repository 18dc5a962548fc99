/* glb-material.c - materials of a glTF document and the pictures they name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/glb-priv.h"

#include <math.h>

static void
read_factor(const json_t *object, const char *key, float *ret)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_number(value))
        *ret = (float)CLAMP(json_number_value(value), 0, 1);
}

static void
read_factors(const json_t *pbr, OrfMaterial *material)
{
    double color[4];
    if (orf_gltf_numbers(pbr, "baseColorFactor", color, 4))
        for (unsigned c = 0; c < 4; c++)
            material->base_color[c] = (float)CLAMP(color[c], 0, 1);
    material->metallic = 1; /* what glTF means by leaving it out */
    read_factor(pbr, "metallicFactor", &material->metallic);
    read_factor(pbr, "roughnessFactor", &material->roughness);
}

/* --- Pictures ----------------------------------------------------------------------------- */

/* NULL without error: it is missing, and noted. */
static GBytes *
image_bytes(OrfGltf *gltf, const json_t *image, GError **error)
{
    int64_t view = orf_gltf_whole(image, "bufferView", -2);
    if (view != -2)
        return orf_gltf_view(gltf, (size_t)view, NULL, error);
    const char *uri = json_string_value(json_object_get(image, "uri"));
    return uri ? orf_gltf_uri(gltf, uri, error) : NULL;
}

static bool
read_picture(OrfGltf *gltf, size_t index, GError **error)
{
    OrfGltfPicture *picture = &gltf->pictures[index];
    picture->tried = true;
    g_autoptr(GError) problem = NULL;
    const json_t *image = orf_gltf_item(gltf, "images", index, &problem);
    g_autoptr(GBytes) bytes = image ? image_bytes(gltf, image, &problem) : NULL;
    if (problem) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    OrfMaterial material = { 0 };
    g_autofree char *name = g_strdup_printf("images[%zu]", index);
    if (bytes && !orf_asset_draft_picture(gltf->draft, &material, bytes, name, error))
        return false;
    picture->texture = material.texture;
    picture->encoded = material.encoded;
    return true;
}

/* The image of a texture; WebP when that is given. -1: none. */
static int64_t
image_of(const json_t *texture)
{
    const json_t *webp =
        json_object_get(json_object_get(texture, "extensions"), "EXT_texture_webp");
    int64_t source = orf_gltf_whole(webp, "source", -1);
    return source >= 0 ? source : orf_gltf_whole(texture, "source", -1);
}

static bool
read_texture(OrfGltf *gltf, const json_t *info, OrfMaterial *material, GError **error)
{
    json_t *texture =
        orf_gltf_item(gltf, "textures", (size_t)orf_gltf_whole(info, "index", -1), error);
    if (!texture)
        return false;
    int64_t image = image_of(texture);
    if (image < 0)
        return true;
    if (!orf_gltf_item(gltf, "images", (size_t)image, error))
        return false;
    OrfGltfPicture *picture = &gltf->pictures[image];
    if (!picture->tried && !read_picture(gltf, (size_t)image, error))
        return false;
    material->texture = picture->texture ? orf_image_ref(picture->texture) : NULL;
    material->encoded = picture->encoded ? g_bytes_ref(picture->encoded) : NULL;
    return true;
}

/* What the older model of materials says; NULL when the file uses today's. */
static const json_t *
diffuse_of(const json_t *material)
{
    const json_t *extensions = json_object_get(material, "extensions");
    return json_object_get(material, "pbrMetallicRoughness")
               ? NULL
               : json_object_get(extensions, "KHR_materials_pbrSpecularGlossiness");
}

static const json_t *
base_texture(const json_t *material)
{
    const json_t *older = diffuse_of(material);
    return older ? json_object_get(older, "diffuseTexture")
                 : json_object_get(json_object_get(material, "pbrMetallicRoughness"),
                                   "baseColorTexture");
}

/* --- Materials ---------------------------------------------------------------------------- */

static bool
read_material(OrfGltf *gltf, size_t index, GError **error)
{
    json_t *json = orf_gltf_item(gltf, "materials", index, error);
    if (!json)
        return false;
    const char *name = json_string_value(json_object_get(json, "name"));
    OrfMaterial *material = orf_asset_draft_material(gltf->draft, name ? name : "", error);
    if (!material)
        return false;
    const json_t *pbr = json_object_get(json, "pbrMetallicRoughness");
    read_factors(pbr, material);
    const json_t *older = diffuse_of(json);
    double color[4];
    for (unsigned c = 0; older && c < 4; c++)
        material->base_color[c] = orf_gltf_numbers(older, "diffuseFactor", color, 4)
                                      ? (float)CLAMP(color[c], 0, 1)
                                      : 1;
    if (older)
        material->metallic = 0;
    const json_t *info = base_texture(json);
    return !json_is_object(info) || read_texture(gltf, info, material, error);
}

bool
orf_gltf_materials(OrfGltf *gltf, GError **error)
{
    for (size_t i = 0; i < gltf->n_materials; i++)
        if (!read_material(gltf, i, error))
            return false;
    return true;
}

OrfGltfPlacing
orf_gltf_placing(const OrfGltf *gltf, int64_t material)
{
    OrfGltfPlacing placing = { .set = -1, .scale = { 1, 1 } };
    if (material < 0)
        return placing;
    const json_t *json =
        json_array_get(json_object_get(gltf->root, "materials"), (size_t)material);
    const json_t *info = base_texture(json);
    if (!json_is_object(info))
        return placing;
    placing.set = orf_gltf_whole(info, "texCoord", 0);
    const json_t *moved =
        json_object_get(json_object_get(info, "extensions"), "KHR_texture_transform");
    orf_gltf_numbers(moved, "offset", placing.offset, 2);
    orf_gltf_numbers(moved, "scale", placing.scale, 2);
    placing.angle = json_number_value(json_object_get(moved, "rotation"));
    placing.set = orf_gltf_whole(moved, "texCoord", placing.set);
    return placing;
}
