/* glb.c - glTF 2.0: the container, what a file may ask of its reader, the line in the table.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A GLB is a header, a chunk of JSON and a chunk of bytes; a .gltf is the JSON alone. The JSON
 * becomes a tree in memory many times its size, so that much is set aside in the budget while
 * it stands. */
#include "format/glb-priv.h"

#include <string.h>

#define JSON_MOST ((size_t)256 << 20)
#define VALUE_COST 96 /* bytes a JSON value takes in memory, key included */
#define CHUNK_JSON 0x4E4F534Au
#define CHUNK_BIN 0x004E4942u

static uint32_t
read_u32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static bool
is_container(const uint8_t *data, size_t size)
{
    return size >= 4 && !memcmp(data, "glTF", 4);
}

static bool
sniff_json(const uint8_t *data, size_t size)
{
    OrfCursor cursor = { (const char *)data, (const char *)data + MIN(size, 4096) };
    orf_cursor_space(&cursor);
    static const char *const keys[] = { "\"asset\"", "\"accessors\"", "\"scenes\"",
                                        "\"buffers\"" };
    for (size_t i = 0; cursor.at < cursor.end && *cursor.at == '{' && i < G_N_ELEMENTS(keys);
         i++)
        if (g_strstr_len(cursor.at, cursor.end - cursor.at, keys[i]))
            return true;
    return false;
}

/* --- The container ------------------------------------------------------------------------ */

typedef struct {
    GBytes *json, *bin; /* bin may be NULL */
} Chunks;

static bool
take_chunk(Chunks *chunks, GBytes *file, const char *name, size_t *at, size_t end,
           GError **error)
{
    const uint8_t *data = g_bytes_get_data(file, NULL);
    size_t length = read_u32(data + *at), left = end - *at - 8;
    uint32_t type = read_u32(data + *at + 4);
    if (length > left)
        return ORF_FALSE(error, BAD_INPUT,
                         "%s: the chunk at byte %zu claims %zu bytes but %zu are left; "
                         "the file is cut short, export it again",
                         name, *at, length, left);
    GBytes **slot = type == CHUNK_JSON  ? &chunks->json
                    : type == CHUNK_BIN ? &chunks->bin
                                        : NULL;
    if (slot && !*slot)
        *slot = g_bytes_new_from_bytes(file, *at + 8, length);
    *at += 8 + length;
    return true;
}

static bool
open_container(Chunks *chunks, GBytes *file, const char *name, GError **error)
{
    size_t size;
    const uint8_t *data = g_bytes_get_data(file, &size);
    if (size < 20)
        return ORF_FALSE(error, BAD_INPUT, "%s: %zu bytes are too few for GLB; export it again",
                         name, size);
    if (read_u32(data + 4) != 2)
        return ORF_FALSE(error, UNSUPPORTED,
                         "%s: is glTF version %u; only 2 can be read, export it as glTF 2.0",
                         name, read_u32(data + 4));
    size_t length = read_u32(data + 8);
    if (length > size)
        return ORF_FALSE(error, BAD_INPUT,
                         "%s: the header claims %zu bytes but the file has %zu; "
                         "it is cut short, export it again",
                         name, length, size);
    for (size_t at = 12; at + 8 <= length;)
        if (!take_chunk(chunks, file, name, &at, length, error))
            return false;
    if (!chunks->json)
        return ORF_FALSE(error, BAD_INPUT, "%s: has no JSON chunk; export it again", name);
    return true;
}

/* --- JSON --------------------------------------------------------------------------------- */

/* An upper bound of the values in the text: what separates them also stands in strings. */
static size_t
count_values(const char *text, size_t size)
{
    size_t n = 1;
    for (size_t i = 0; i < size; i++)
        n += text[i] == ',' || text[i] == '[' || text[i] == '{' || text[i] == ':';
    return n;
}

static json_t *
parse(OrfTask *task, GBytes *bytes, const char *name, void **ret_reserve, GError **error)
{
    size_t size;
    const char *text = g_bytes_get_data(bytes, &size);
    while (size && !text[size - 1])
        size--;
    if (size > JSON_MOST)
        return ORF_FAIL(error, TOO_LARGE, "%s: its JSON has %zu bytes; export it as GLB", name,
                        size);
    *ret_reserve =
        orf_task_alloc(task, count_values(text, size) * VALUE_COST + size, 1, "JSON", error);
    if (!*ret_reserve)
        return NULL;
    json_error_t fault;
    json_t *root = json_loadb(text, size, 0, &fault);
    if (root && json_is_object(root))
        return root;
    if (root)
        g_strlcpy(fault.text, "the top is not an object", sizeof fault.text);
    json_decref(root);
    g_autofree char *shown = g_utf8_make_valid(fault.text, -1);
    return ORF_FAIL(error, BAD_INPUT, "%s: its JSON is broken at line %d: %s; export it again",
                    name, root ? 1 : fault.line, shown);
}

/* Extensions a file may require: the rest changes what its bytes mean. */
static bool
can_read(const char *extension)
{
    static const char *const known[] = {
        "KHR_mesh_quantization",   "EXT_texture_webp",    "KHR_texture_transform",
        "EXT_meshopt_compression", "KHR_lights_punctual", "KHR_node_visibility",
        "KHR_animation_pointer",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (g_str_equal(extension, known[i]))
            return true;
    return g_str_has_prefix(extension, "KHR_materials_");
}

static bool
check_required(const OrfGltf *gltf, GError **error)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(gltf->root, "extensionsRequired"), i, item)
    {
        const char *extension = json_string_value(item);
        if (extension && !can_read(extension)) {
            g_autofree char *shown = g_strndup(extension, 80);
            return ORF_FALSE(error, UNSUPPORTED,
                             "%s: needs the extension %s, which cannot be read here; "
                             "export it without compression or that extension",
                             gltf->name, shown);
        }
    }
    return true;
}

/* Required, read, but without what they ask for. */
static bool
is_read_in_part(const char *extension)
{
    static const char *const whole[] = {
        "KHR_mesh_quantization",
        "EXT_texture_webp",
        "EXT_meshopt_compression",
        "KHR_texture_transform",
        "KHR_materials_pbrSpecularGlossiness",
        "KHR_lights_punctual", /* lights are no part of an asset */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(whole); i++)
        if (g_str_equal(extension, whole[i]))
            return false;
    return true;
}

/* What is in the file and will not be in the asset. */
static void
note_left_out(const OrfGltf *gltf)
{
    OrfTask *task = gltf->draft->task;
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(gltf->root, "extensionsRequired"), i, item)
    {
        const char *extension = json_string_value(item);
        g_autofree char *shown = extension ? g_strndup(extension, 80) : NULL;
        if (shown && is_read_in_part(shown))
            orf_task_note(task, "%s: asks for %s, which is left out: it may look different",
                          gltf->name, shown);
    }
    static const struct {
        const char *array, *says;
    } others[] = {
        { "animations", "its animations were left out; it is shown at rest" },
        { "skins", "has a skeleton: it is shown in its pose at rest" },
    };
    for (i = 0; i < G_N_ELEMENTS(others); i++)
        if (json_array_size(json_object_get(gltf->root, others[i].array)))
            orf_task_note(task, "%s: %s", gltf->name, others[i].says);
    json_array_foreach(json_object_get(gltf->root, "extensionsUsed"), i, item)
    {
        if (!g_strcmp0(json_string_value(item), "EXT_mesh_gpu_instancing"))
            orf_task_note(task, "%s: copies by EXT_mesh_gpu_instancing were left out",
                          gltf->name);
        if (!g_strcmp0(json_string_value(item), "KHR_materials_variants"))
            orf_task_note(task, "%s: of its material variants the first is used", gltf->name);
    }
    json_array_foreach(
        json_object_get(gltf->root, "meshes"), i,
        item) if (json_object_get(json_array_get(json_object_get(item, "primitives"), 0),
                                  "targets"))
    {
        orf_task_note(task, "%s: morph targets were applied at their default weights",
                      gltf->name);
        break;
    }
}

static bool
check_version(const OrfGltf *gltf, GError **error)
{
    const json_t *asset = json_object_get(gltf->root, "asset");
    const char *version = json_string_value(json_object_get(asset, "version"));
    if (version && g_str_has_prefix(version, "2."))
        return true;
    g_autofree char *shown = g_strndup(version ? version : "unknown", 20);
    return ORF_FALSE(error, UNSUPPORTED,
                     "%s: is glTF version %s; only 2.x can be read, export it as glTF 2.0",
                     gltf->name, shown);
}

/* --- Load --------------------------------------------------------------------------------- */

static size_t
length_of(const OrfGltf *gltf, const char *array)
{
    return json_array_size(json_object_get(gltf->root, array));
}

static bool
read_document(OrfGltf *gltf, GError **error)
{
    OrfTask *task = gltf->draft->task;
    gltf->n_buffers = length_of(gltf, "buffers");
    gltf->n_pictures = length_of(gltf, "images");
    gltf->n_materials = length_of(gltf, "materials");
    return (gltf->buffers = ORF_ALLOC(task, GBytes *, gltf->n_buffers, "buffers", error)) &&
           (gltf->pictures =
                ORF_ALLOC(task, OrfGltfPicture, gltf->n_pictures, "pictures", error)) &&
           (gltf->visited =
                ORF_ALLOC(task, uint8_t, length_of(gltf, "nodes"), "nodes", error)) &&
           check_version(gltf, error) && check_required(gltf, error) &&
           (note_left_out(gltf), true) && orf_gltf_materials(gltf, error) &&
           orf_gltf_scene(gltf, error);
}

static void
close_document(OrfGltf *gltf)
{
    for (size_t i = 0; gltf->buffers && i < gltf->n_buffers; i++)
        g_clear_pointer(&gltf->buffers[i], g_bytes_unref);
    for (size_t i = 0; gltf->pictures && i < gltf->n_pictures; i++) {
        g_clear_pointer(&gltf->pictures[i].texture, orf_image_unref);
        g_clear_pointer(&gltf->pictures[i].encoded, g_bytes_unref);
    }
    orf_free(gltf->buffers);
    g_clear_pointer(&gltf->unpacked, g_hash_table_unref);
    orf_free(gltf->pictures);
    orf_free(gltf->visited);
    json_decref(gltf->root);
}

static OrfAsset *
load_chunks(OrfTask *task, const Chunks *chunks, size_t file_size, const OrfLoad *options,
            GError **error)
{
    g_auto(OrfAssetDraft) draft;
    orf_asset_draft_init(&draft, task, options);
    orf_autofree void *reserve = NULL;
    OrfGltf gltf = {
        .draft = &draft, .name = options->name, .file_size = file_size, .chunk = chunks->bin
    };
    gltf.root = parse(task, chunks->json, options->name, &reserve, error);
    bool read = gltf.root && read_document(&gltf, error);
    close_document(&gltf);
    return read ? orf_asset_draft_finish(&draft, ORF_SEAMS_JOIN, error) : NULL;
}

static OrfAsset *
load(OrfTask *task, GBytes *bytes, const OrfLoad *options, GError **error)
{
    size_t size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    Chunks chunks = { 0 };
    if (!is_container(data, size))
        chunks.json = g_bytes_ref(bytes);
    OrfAsset *asset = NULL;
    if (chunks.json || open_container(&chunks, bytes, options->name, error))
        asset = load_chunks(task, &chunks, size, options, error);
    g_clear_pointer(&chunks.json, g_bytes_unref);
    g_clear_pointer(&chunks.bin, g_bytes_unref);
    return asset;
}

const OrfFormat orf_format_glb = {
    .name = "glb",
    .title = "glTF 2.0, binary",
    .use = "web, AR, Blender",
    .mime = "model/gltf-binary",
    .extensions = "glb",
    .variants = "plain",
    .sniff = is_container,
    .load = load,
    .save = orf_glb_save,
};

const OrfFormat orf_format_gltf = {
    .name = "gltf",
    .title = "glTF 2.0, JSON with a .bin",
    .mime = "model/gltf+json",
    .extensions = "gltf",
    .variants = "plain|alone",
    .sniff = sniff_json,
    .load = load,
    .save = orf_gltf_save,
};
