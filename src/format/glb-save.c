/* glb-save.c - writes glTF 2.0: as GLB, as JSON with a .bin beside it or inside it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One mesh under a root node that scales millimetres to metres (none for an asset that came in
 * plain metres: they go back as they were); a primitive for each run of
 * triangles with one material, all sharing the vertex attributes. The size of everything is
 * known before the first byte is written, so the file is made in one block. */
#include "format/glb-priv.h"

#include <math.h>
#include <string.h>

#define GRAIN ((size_t)1 << 15)
#define RUNS_MOST 4 /* a group; more often interleaved triangles are sorted by group */

typedef struct {
    size_t offset, size;
    const char *mime; /* of a picture; NULL: attributes or indices */
    unsigned target;  /* 34962 attributes, 34963 indices, 0 */
    GBytes *bytes;    /* of a picture */
} View;

typedef struct {
    size_t group, begin, end; /* triangles */
} Run;

typedef struct {
    OrfTask *task;
    const OrfAsset *asset;
    const OrfMesh *mesh;
    const OrfSave *options;
    OrfGlbSplit split;
    bool uvs, colors, sources, wide; /* wide: 32-bit indices */
    GArray *runs;                    /* Run */
    uint32_t *order;                 /* [n_triangles] or NULL: as they are */
    GArray *views;       /* View; the first ones are indices, positions, normals, then
                          * uvs, colours, sources as present, then pictures */
    GPtrArray *pictures; /* OrfImage *, one a picture view; borrowed */
    size_t n_attributes; /* views that are not pictures */
    bool webp;
    GString *json;
    uint8_t *file, *bin;
} Glb;

/* --- Runs of one material ----------------------------------------------------------------- */

static void
list_runs(Glb *glb, const uint16_t *groups, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t group = groups ? groups[glb->order ? glb->order[i] : i] : 0;
        Run *last = glb->runs->len ? &g_array_index(glb->runs, Run, glb->runs->len - 1) : NULL;
        if (!last || last->group != group) {
            Run run = { group, i, i };
            g_array_append_val(glb->runs, run);
            last = &g_array_index(glb->runs, Run, glb->runs->len - 1);
        }
        last->end = groups ? i + 1 : n;
        if (!groups)
            return;
    }
}

static size_t
count_runs(const uint16_t *groups, size_t n)
{
    size_t runs = 1;
    for (size_t i = 1; groups && i < n; i++)
        runs += groups[i] != groups[i - 1];
    return runs;
}

/* Triangles in order of group, otherwise as they were. */
static bool
sort_by_group(Glb *glb, const uint16_t *groups, size_t n, GError **error)
{
    glb->order = ORF_ALLOC(glb->task, uint32_t, n, "order of triangles", error);
    if (!glb->order)
        return false;
    size_t n_groups = orf_mesh_n_groups(glb->mesh);
    g_autofree size_t *next = g_new0(size_t, n_groups + 1);
    for (size_t i = 0; i < n; i++)
        next[groups[i] + 1]++;
    for (size_t i = 0; i < n_groups; i++)
        next[i + 1] += next[i];
    for (size_t i = 0; i < n; i++)
        glb->order[next[groups[i]]++] = (uint32_t)i;
    return true;
}

static bool
plan_runs(Glb *glb, GError **error)
{
    const uint16_t *groups = glb->options->plain ? NULL : orf_mesh_groups(glb->mesh);
    size_t n = orf_mesh_n_triangles(glb->mesh);
    if (count_runs(groups, n) > RUNS_MOST * orf_mesh_n_groups(glb->mesh) &&
        !sort_by_group(glb, groups, n, error))
        return false;
    list_runs(glb, groups, n);
    return true;
}

/* --- Views -------------------------------------------------------------------------------- */

static void
add_view(Glb *glb, size_t size, unsigned target)
{
    View view = { .size = size, .target = target };
    g_array_append_val(glb->views, view);
}

static const char *
mime_of(const char *type)
{
    return g_str_equal(type, "jpg")   ? "image/jpeg"
           : g_str_equal(type, "png") ? "image/png"
                                      : "image/webp";
}

static bool
add_picture(Glb *glb, const OrfMaterial *material, GError **error)
{
    if (!material->texture || g_ptr_array_find(glb->pictures, material->texture, NULL))
        return true;
    GBytes *bytes = orf_picture_bytes(glb->task, material, true, error);
    if (!bytes)
        return false;
    View view = { .size = g_bytes_get_size(bytes),
                  .mime = mime_of(orf_picture_type(bytes)),
                  .bytes = bytes };
    glb->webp |= g_str_equal(view.mime, "image/webp");
    g_array_append_val(glb->views, view);
    g_ptr_array_add(glb->pictures, material->texture);
    return true;
}

/* Copies at a place where the mesh itself has several vertices need their source written down.
 */
static bool
find_doubles(Glb *glb, GError **error)
{
    if (!glb->split.sources)
        return true;
    size_t n = orf_mesh_n_vertices(glb->mesh);
    g_auto(OrfPoints) points;
    orf_points_init(&points, glb->task);
    orf_autofree uint32_t *map = ORF_ALLOC(glb->task, uint32_t, n, "vertices", error);
    const float(*positions)[3] = (const float(*)[3])orf_mesh_positions(glb->mesh);
    if (!map || !orf_points_add(&points, positions, n, map, error))
        return false;
    glb->sources = points.found.n < n;
    return true;
}

static bool
plan_views(Glb *glb, GError **error)
{
    size_t n = glb->split.n, n_indices = 3 * orf_mesh_n_triangles(glb->mesh);
    glb->wide = n > 65535; /* 65535 itself is reserved */
    add_view(glb, n_indices * (glb->wide ? 4 : 2), 34963);
    add_view(glb, n * 12, 34962);
    add_view(glb, n * 12, 34962);
    if (glb->uvs)
        add_view(glb, n * 8, 34962);
    if (glb->colors)
        add_view(glb, n * 8, 34962);
    if (glb->sources)
        add_view(glb, n * 4, 34962);
    glb->n_attributes = glb->views->len;
    for (size_t i = 0; glb->uvs && i < orf_asset_n_materials(glb->asset); i++)
        if (!add_picture(glb, orf_asset_material(glb->asset, i), error))
            return false;
    size_t at = 0;
    for (size_t i = 0; i < glb->views->len; i++) {
        View *view = &g_array_index(glb->views, View, i);
        view->offset = at;
        at += (view->size + 3) & ~(size_t)3;
    }
    return true;
}

/* --- JSON --------------------------------------------------------------------------------- */

static void G_GNUC_PRINTF(2, 3) say(Glb *glb, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    g_string_append_vprintf(glb->json, format, list);
    va_end(list);
}

static void
say_numbers(Glb *glb, const char *key, const float *numbers, size_t n)
{
    say(glb, "\"%s\":[", key);
    for (size_t i = 0; i < n; i++) {
        char text[ORF_FLOAT_TEXT];
        const char *end = orf_put_float(text, numbers[i]);
        say(glb, "%s%.*s", i ? "," : "", (int)(end - text), text);
    }
    say(glb, "]");
}

/* The view of attribute accessor `k`: 0 positions, 1 normals, then as present. Accessors of
 * runs of indices come after those of attributes. */
static void
say_part(Glb *glb, size_t run, size_t n_accessors)
{
    size_t k = 2;
    say(glb, "%s{\"attributes\":{\"POSITION\":0,\"NORMAL\":1", run ? "," : "");
    if (glb->uvs)
        say(glb, ",\"TEXCOORD_0\":%zu", k++);
    if (glb->colors)
        say(glb, ",\"COLOR_0\":%zu", k++);
    if (glb->sources)
        say(glb, ",\"" ORF_GLB_SOURCE "\":%zu", k++);
    size_t group = g_array_index(glb->runs, Run, run).group;
    say(glb, "},\"indices\":%zu", n_accessors + run);
    if (!glb->options->plain)
        say(glb, ",\"material\":%zu", MIN(group, orf_asset_n_materials(glb->asset) - 1));
    say(glb, "}");
}

static void
say_scene(Glb *glb)
{
    size_t n_accessors = glb->n_attributes - 1;
    say(glb, "{\"asset\":{\"version\":\"2.0\",\"generator\":\"ORFEAS " ORF_VERSION "\"},"
             "\"scene\":0,\"scenes\":[{\"nodes\":[0]}],"
             "\"nodes\":[{\"mesh\":0,\"name\":");
    orf_json_string(glb->json, glb->options->stem);
    if (!orf_asset_metres(glb->asset))
        say(glb, ",\"scale\":[0.001,0.001,0.001]");
    say(glb, "}],\"meshes\":[{\"primitives\":[");
    for (size_t i = 0; i < glb->runs->len; i++)
        say_part(glb, i, n_accessors);
    say(glb, "]}]");
}

static void
say_texture(Glb *glb, const OrfMaterial *material)
{
    guint index;
    if (material->texture && glb->uvs &&
        g_ptr_array_find(glb->pictures, material->texture, &index))
        say(glb, ",\"baseColorTexture\":{\"index\":%u}", index);
}

static void
say_materials(Glb *glb)
{
    if (glb->options->plain)
        return;
    say(glb, ",\"materials\":[");
    for (size_t i = 0; i < orf_asset_n_materials(glb->asset); i++) {
        const OrfMaterial *material = orf_asset_material(glb->asset, i);
        float color[4],
            shares[] = { CLAMP(material->metallic, 0, 1), CLAMP(material->roughness, 0, 1) };
        for (unsigned c = 0; c < 4; c++)
            color[c] = CLAMP(material->base_color[c], 0, 1);
        say(glb, "%s{\"name\":", i ? "," : "");
        orf_json_string(glb->json, material->name);
        say(glb, ",\"pbrMetallicRoughness\":{");
        say_numbers(glb, "baseColorFactor", color, 4);
        for (unsigned k = 0; k < 2; k++) {
            char text[ORF_FLOAT_TEXT];
            const char *end = orf_put_float(text, shares[k]);
            say(glb, ",\"%s\":%.*s", k ? "roughnessFactor" : "metallicFactor",
                (int)(end - text), text);
        }
        say_texture(glb, material);
        say(glb, "}%s}", color[3] < 1 ? ",\"alphaMode\":\"BLEND\"" : "");
    }
    say(glb, "]");
}

static void
say_pictures(Glb *glb)
{
    size_t n = glb->pictures->len;
    if (!n)
        return;
    say(glb, ",\"samplers\":[{\"magFilter\":9729,\"minFilter\":9987}],\"textures\":[");
    for (size_t i = 0; i < n; i++) {
        const View *view = &g_array_index(glb->views, View, glb->n_attributes + i);
        if (g_str_equal(view->mime, "image/webp"))
            say(glb, "%s{\"sampler\":0,\"extensions\":{\"EXT_texture_webp\":{\"source\":%zu}}}",
                i ? "," : "", i);
        else
            say(glb, "%s{\"sampler\":0,\"source\":%zu}", i ? "," : "", i);
    }
    say(glb, "],\"images\":[");
    for (size_t i = 0; i < n; i++)
        say(glb, "%s{\"mimeType\":\"%s\",\"bufferView\":%zu}", i ? "," : "",
            g_array_index(glb->views, View, glb->n_attributes + i).mime, glb->n_attributes + i);
    say(glb, "]");
    if (glb->webp)
        say(glb, ",\"extensionsUsed\":[\"EXT_texture_webp\"],"
                 "\"extensionsRequired\":[\"EXT_texture_webp\"]");
}

static void
say_attribute(Glb *glb, size_t view, unsigned component, bool normalized, const char *type)
{
    say(glb, ",{\"bufferView\":%zu,\"componentType\":%u,%s\"count\":%zu,\"type\":\"%s\"}", view,
        component, normalized ? "\"normalized\":true," : "", glb->split.n, type);
}

static void
say_accessors(Glb *glb)
{
    float low[3], high[3];
    size_t k = 3;
    orf_mesh_bounds(glb->mesh, low, high);
    for (int i = 0; orf_asset_metres(glb->asset) && i < 3; i++) {
        low[i] = orf_metres_of(low[i]);
        high[i] = orf_metres_of(high[i]);
    }
    say(glb,
        ",\"accessors\":[{\"bufferView\":1,\"componentType\":5126,\"count\":%zu,"
        "\"type\":\"VEC3\",",
        glb->split.n);
    say_numbers(glb, "min", low, 3);
    say(glb, ",");
    say_numbers(glb, "max", high, 3);
    say(glb, "}");
    say_attribute(glb, 2, 5126, false, "VEC3");
    if (glb->uvs)
        say_attribute(glb, k++, 5126, false, "VEC2");
    if (glb->colors)
        say_attribute(glb, k++, 5123, true, "VEC4");
    if (glb->sources)
        say_attribute(glb, k++, 5123, false, "VEC2");
    size_t index = glb->wide ? 4 : 2;
    for (size_t i = 0; i < glb->runs->len; i++) {
        const Run *run = &g_array_index(glb->runs, Run, i);
        say(glb,
            ",{\"bufferView\":0,\"byteOffset\":%zu,\"componentType\":%u,\"count\":%zu,"
            "\"type\":\"SCALAR\"}",
            3 * run->begin * index, glb->wide ? 5125 : 5123, 3 * (run->end - run->begin));
    }
    say(glb, "]");
}

static size_t
bin_size(const Glb *glb)
{
    const View *last = &g_array_index(glb->views, View, glb->views->len - 1);
    return (last->offset + last->size + 3) & ~(size_t)3;
}

static void
say_views(Glb *glb)
{
    say(glb, ",\"bufferViews\":[");
    for (size_t i = 0; i < glb->views->len; i++) {
        const View *view = &g_array_index(glb->views, View, i);
        say(glb, "%s{\"buffer\":0,\"byteOffset\":%zu,\"byteLength\":%zu", i ? "," : "",
            view->offset, view->size);
        if (view->target)
            say(glb, ",\"target\":%u", view->target);
        say(glb, "}");
    }
    say(glb, "],\"buffers\":[{\"byteLength\":%zu", bin_size(glb));
}

static void
end_json(Glb *glb)
{
    say(glb, "}]}");
    while (glb->json->len % 4)
        g_string_append_c(glb->json, ' ');
}

static void
say_all(Glb *glb)
{
    say_scene(glb);
    say_materials(glb);
    say_pictures(glb);
    say_accessors(glb);
    say_views(glb);
}

/* --- Bytes -------------------------------------------------------------------------------- */

static uint8_t *
view_bytes(const Glb *glb, size_t view)
{
    return glb->bin + g_array_index(glb->views, View, view).offset;
}

static void
write_indices(size_t begin, size_t end, void *data)
{
    const Glb *glb = data;
    const uint32_t *corners =
        glb->split.corners ? glb->split.corners : orf_mesh_triangles(glb->mesh);
    uint32_t *wide = (uint32_t *)(void *)view_bytes(glb, 0);
    uint16_t *narrow = (uint16_t *)(void *)wide;
    if (glb->wide && !glb->order) {
        memcpy(wide + 3 * begin, corners + 3 * begin, (end - begin) * 12);
        return;
    }
    for (size_t i = begin; i < end; i++)
        for (size_t k = 0; k < 3; k++) {
            uint32_t corner = corners[3 * (glb->order ? glb->order[i] : i) + k];
            if (glb->wide)
                wide[3 * i + k] = corner;
            else
                narrow[3 * i + k] = (uint16_t)corner;
        }
}

static uint16_t
to_linear(uint8_t srgb)
{
    double c = srgb / 255.0;
    c = c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
    return (uint16_t)(c * 65535 + 0.5);
}

static void
write_color(const Glb *glb, const uint16_t linear[256], size_t source, uint16_t *ret)
{
    const uint8_t *color = orf_mesh_colors(glb->mesh) + 4 * source;
    for (unsigned c = 0; c < 3; c++)
        ret[c] = linear[color[c]];
    ret[3] = (uint16_t)(color[3] * 257);
}

static void
write_vertices(size_t begin, size_t end, void *data)
{
    const Glb *glb = data;
    const OrfGlbSplit *split = &glb->split;
    size_t n_vertices = orf_mesh_n_vertices(glb->mesh), k = 3;
    float(*positions)[3] = (void *)view_bytes(glb, 1);
    float(*normals)[3] = (void *)view_bytes(glb, 2);
    float(*uvs)[2] = (void *)(glb->uvs ? view_bytes(glb, k++) : NULL);
    uint16_t(*colors)[4] = (void *)(glb->colors ? view_bytes(glb, k++) : NULL);
    uint16_t(*sources)[2] = (void *)(glb->sources ? view_bytes(glb, k++) : NULL);
    bool metres = orf_asset_metres(glb->asset);
    uint16_t linear[256];
    for (unsigned i = 0; colors && i < 256; i++)
        linear[i] = to_linear((uint8_t)i);
    for (size_t i = begin; i < end; i++) {
        size_t source = i < n_vertices ? i : split->sources[i - n_vertices];
        memcpy(positions[i], orf_mesh_positions(glb->mesh) + 3 * source, 12);
        for (int c = 0; metres && c < 3; c++)
            positions[i][c] = orf_metres_of(positions[i][c]);
        memcpy(normals[i], split->normals + 3 * i, 12);
        if (uvs && split->uvs[i] != ORF_NO_UV)
            memcpy(uvs[i], orf_mesh_uvs(glb->mesh) + 2 * (size_t)split->uvs[i], 8);
        if (colors)
            write_color(glb, linear, source, colors[i]);
        if (sources)
            sources[i][0] = (uint16_t)source, sources[i][1] = (uint16_t)(source >> 16);
    }
}

static void
store_u32(uint8_t *at, size_t value)
{
    uint32_t bits = (uint32_t)value;
    memcpy(at, &bits, sizeof bits);
}

/* All views at glb->bin, which has room for them. */
static bool
fill_bin(Glb *glb, GError **error)
{
    for (size_t i = glb->n_attributes; i < glb->views->len; i++) {
        const View *view = &g_array_index(glb->views, View, i);
        memcpy(glb->bin + view->offset, g_bytes_get_data(view->bytes, NULL), view->size);
    }
    size_t n = orf_mesh_n_triangles(glb->mesh);
    return (orf_task_parallel(glb->task, n, GRAIN, write_indices, glb) &&
            orf_task_parallel(glb->task, glb->split.n, GRAIN, write_vertices, glb)) ||
           orf_task_check(glb->task, error);
}

static bool
write_container(Glb *glb, GPtrArray *files, GError **error)
{
    say_all(glb);
    end_json(glb);
    size_t json = glb->json->len, bin = bin_size(glb), size = 28 + json + bin;
    if (size > UINT32_MAX)
        return ORF_FALSE(error, TOO_LARGE,
                         "glb: the file would have %zu bytes, more than GLB can hold; "
                         "simplify the model or shrink its pictures",
                         size);
    if (!(glb->file = ORF_ALLOC(glb->task, uint8_t, size, "GLB file", error)))
        return false;
    memcpy(glb->file, "glTF\2\0\0\0", 8);
    store_u32(glb->file + 8, size);
    store_u32(glb->file + 12, json);
    memcpy(glb->file + 16, "JSON", 4);
    memcpy(glb->file + 20, glb->json->str, json);
    store_u32(glb->file + 20 + json, bin);
    memcpy(glb->file + 24 + json, "BIN\0", 4);
    glb->bin = glb->file + 28 + json;
    if (!fill_bin(glb, error))
        return false;
    orf_files_add_take(files, g_strconcat(glb->options->stem, ".glb", NULL),
                       orf_bytes_take(g_steal_pointer(&glb->file), size));
    return true;
}

/* --- JSON with its bytes apart ------------------------------------------------------------ */

static bool
say_inside(Glb *glb, size_t size, GError **error)
{
    /* text grows by a third, and the encoder makes its own copy first */
    orf_autofree void *reserve =
        orf_task_alloc(glb->task, size / 3 * 8 + 16, 1, "glTF text", error);
    if (!reserve)
        return false;
    g_autofree char *text = g_base64_encode(glb->bin, size);
    say(glb, ",\"uri\":\"data:application/octet-stream;base64,");
    g_string_append(glb->json, text);
    say(glb, "\"");
    return true;
}

static void
say_beside(Glb *glb, const char *name, GBytes *bytes)
{
    g_autofree char *uri = g_uri_escape_string(name, NULL, true);
    g_autofree char *digest = orf_digest_bytes(bytes);
    say(glb, ",\"uri\":\"%s\",\"extras\":{\"is\":\"" ORF_WROTE "%s %s\"}", uri, name, digest);
}

static bool
write_apart(Glb *glb, GPtrArray *files, GError **error)
{
    size_t size = bin_size(glb);
    g_autoptr(GBytes) bin = NULL;
    if (!(glb->file = ORF_ALLOC(glb->task, uint8_t, size, "glTF bytes", error)))
        return false;
    glb->bin = glb->file;
    if (!fill_bin(glb, error))
        return false;
    bin = orf_bytes_take(g_steal_pointer(&glb->file), size);
    g_autofree char *plain = orf_plain_stem(glb->options->stem);
    g_autofree char *name = g_strconcat(plain, ".bin", NULL);
    say_all(glb);
    if (!glb->options->alone)
        say_beside(glb, name, bin);
    else if (!say_inside(glb, size, error))
        return false;
    end_json(glb);
    orf_files_add_take(files, g_strconcat(glb->options->stem, ".gltf", NULL),
                       g_string_free_to_bytes(g_steal_pointer(&glb->json)));
    if (!glb->options->alone)
        orf_files_add_take(files, g_steal_pointer(&name), g_steal_pointer(&bin));
    return true;
}

/* --- Save --------------------------------------------------------------------------------- */

static bool
plan_asset(Glb *glb, GError **error)
{
    bool plain = glb->options->plain;
    glb->uvs = !plain && orf_mesh_uvs(glb->mesh);
    glb->colors = !plain && orf_mesh_colors(glb->mesh);
    return orf_glb_split(glb->task, glb->mesh, glb->uvs, &glb->split, error) &&
           find_doubles(glb, error) && plan_runs(glb, error) && plan_views(glb, error);
}

static void
clear_view(gpointer view)
{
    g_clear_pointer(&((View *)view)->bytes, g_bytes_unref);
}

static void
clear(Glb *glb)
{
    orf_glb_split_clear(&glb->split);
    g_array_unref(glb->runs);
    g_array_unref(glb->views);
    g_ptr_array_unref(glb->pictures);
    if (glb->json)
        g_string_free(glb->json, true);
    orf_free(glb->order);
    orf_free(glb->file);
}

static GPtrArray *
save(OrfTask *task, const OrfAsset *asset, const OrfSave *options,
     bool (*write)(Glb *, GPtrArray *, GError **), GError **error)
{
    Glb glb = {
        .task = task,
        .asset = asset,
        .mesh = orf_asset_mesh(asset),
        .options = options,
        .runs = g_array_new(false, false, sizeof(Run)),
        .views = g_array_new(false, true, sizeof(View)),
        .pictures = g_ptr_array_new(),
        .json = g_string_new(NULL),
    };
    g_array_set_clear_func(glb.views, clear_view);
    g_autoptr(GPtrArray) files = orf_files_new();
    bool done = plan_asset(&glb, error) && write(&glb, files, error);
    clear(&glb);
    return done ? g_steal_pointer(&files) : NULL;
}

GPtrArray *
orf_glb_save(OrfTask *task, const OrfAsset *asset, const OrfSave *options, GError **error)
{
    return save(task, asset, options, write_container, error);
}

GPtrArray *
orf_gltf_save(OrfTask *task, const OrfAsset *asset, const OrfSave *options, GError **error)
{
    return save(task, asset, options, write_apart, error);
}
