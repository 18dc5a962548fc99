/* ply-save.c - writes PLY: binary little or big endian, or ASCII.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * PLY has no materials: what an asset looks like becomes colours of its vertices. */
#include "format/ply-priv.h"

#include <string.h>

#define BATCH 4096

typedef struct {
    const OrfMesh *mesh;
    const uint8_t *colors; /* or NULL */
    unsigned channels;     /* bytes of colour a vertex: 0, 3 or 4 */
    bool swap;
    size_t stride;  /* of a vertex */
    uint8_t *bytes; /* the body */
} Body;

static void
store_u32(const Body *body, uint8_t *at, const void *value)
{
    uint32_t bits;
    memcpy(&bits, value, 4);
    if (body->swap)
        bits = GUINT32_SWAP_LE_BE(bits);
    memcpy(at, &bits, 4);
}

static void
write_vertices(size_t begin, size_t end, void *data)
{
    const Body *body = data;
    for (size_t i = begin; i < end; i++) {
        uint8_t *at = body->bytes + body->stride * i;
        float p[3];
        orf_to_z_up(orf_mesh_positions(body->mesh) + 3 * i, p);
        for (unsigned c = 0; c < 3; c++)
            store_u32(body, at + 4 * c, &p[c]);
        if (body->channels)
            memcpy(at + 12, body->colors + 4 * i, body->channels);
    }
}

static void
write_faces(size_t begin, size_t end, void *data)
{
    const Body *body = data;
    const uint32_t *corners = orf_mesh_triangles(body->mesh);
    uint8_t *faces = body->bytes + body->stride * orf_mesh_n_vertices(body->mesh);
    for (size_t i = begin; i < end; i++) {
        faces[13 * i] = 3;
        for (unsigned k = 0; k < 3; k++)
            store_u32(body, faces + 13 * i + 1 + 4 * k, &corners[3 * i + k]);
    }
}

static char *
header_text(const Body *body, const char *coding)
{
    GString *text = g_string_new("ply\n");
    g_string_append_printf(text,
                           "format %s 1.0\n"
                           "comment ORFEAS " ORF_VERSION ", millimetres, Z up\n"
                           "element vertex %zu\n"
                           "property float x\nproperty float y\nproperty float z\n",
                           coding, orf_mesh_n_vertices(body->mesh));
    static const char *const names[] = { "red", "green", "blue", "alpha" };
    for (unsigned c = 0; c < body->channels; c++)
        g_string_append_printf(text, "property uchar %s\n", names[c]);
    g_string_append_printf(text,
                           "element face %zu\n"
                           "property list uchar int vertex_indices\n"
                           "end_header\n",
                           orf_mesh_n_triangles(body->mesh));
    return g_string_free(text, false);
}

static GBytes *
save_binary(OrfTask *task, Body *body, bool big, GError **error)
{
    g_autofree char *header =
        header_text(body, big ? "binary_big_endian" : "binary_little_endian");
    size_t n = strlen(header), n_vertices = orf_mesh_n_vertices(body->mesh);
    size_t n_faces = orf_mesh_n_triangles(body->mesh);
    body->stride = 12 + body->channels;
    body->swap = big != (G_BYTE_ORDER == G_BIG_ENDIAN);
    size_t size = n + body->stride * n_vertices + 13 * n_faces;
    orf_autofree uint8_t *file = ORF_ALLOC(task, uint8_t, size, "PLY file", error);
    if (!file)
        return NULL;
    memcpy(file, header, n);
    body->bytes = file + n;
    if (!orf_task_parallel(task, n_vertices, BATCH, write_vertices, body) ||
        !orf_task_parallel(task, n_faces, BATCH, write_faces, body)) {
        orf_task_check(task, error);
        return NULL;
    }
    return orf_bytes_take(g_steal_pointer(&file), size);
}

static char *
put_vertex(const Body *body, char *at, size_t i)
{
    float p[3];
    orf_to_z_up(orf_mesh_positions(body->mesh) + 3 * i, p);
    for (unsigned c = 0; c < 3 + body->channels; c++) {
        if (c)
            *at++ = ' ';
        at = c < 3 ? orf_put_float(at, p[c]) : orf_put_uint(at, body->colors[4 * i + c - 3]);
    }
    return at;
}

static char *
put_face(const Body *body, char *at, size_t i)
{
    const uint32_t *corners = orf_mesh_triangles(body->mesh) + 3 * i;
    *at++ = '3';
    for (unsigned k = 0; k < 3; k++) {
        *at++ = ' ';
        at = orf_put_uint(at, corners[k]);
    }
    return at;
}

static bool
write_lines(OrfText *text, const Body *body, size_t n,
            char *(*put)(const Body *, char *, size_t), GError **error)
{
    for (size_t i = 0; i < n; i++) {
        char *at = orf_text_room(text, 8 * (ORF_FLOAT_TEXT + 1), error);
        if (!at || (i % BATCH == 0 && !orf_task_check(text->task, error)))
            return false;
        at = put(body, at, i);
        *at++ = '\n';
        orf_text_end(text, at);
    }
    return true;
}

static GBytes *
save_ascii(OrfTask *task, const Body *body, GError **error)
{
    g_auto(OrfText) text;
    orf_text_init(&text, task);
    g_autofree char *header = header_text(body, "ascii");
    if (!orf_text_add(&text, error, "%s", header) ||
        !write_lines(&text, body, orf_mesh_n_vertices(body->mesh), put_vertex, error) ||
        !write_lines(&text, body, orf_mesh_n_triangles(body->mesh), put_face, error))
        return NULL;
    return orf_text_steal(&text);
}

static bool
is_colored(const OrfAsset *asset)
{
    if (orf_mesh_colors(orf_asset_mesh(asset)))
        return true;
    for (size_t i = 0; i < orf_asset_n_materials(asset); i++) {
        const OrfMaterial *material = orf_asset_material(asset, i);
        const float *c = material->base_color;
        if (material->texture || c[0] < 1 || c[1] < 1 || c[2] < 1 || c[3] < 1)
            return true;
    }
    return false;
}

static unsigned
channels_of(const uint8_t *colors, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (colors[4 * i + 3] != 255)
            return 4;
    return 3;
}

GPtrArray *
orf_ply_save(OrfTask *task, const OrfAsset *asset, const OrfSave *options, GError **error)
{
    Body body = { .mesh = orf_asset_mesh(asset) };
    orf_autofree uint8_t *colors = NULL;
    if (!options->plain && is_colored(asset)) {
        colors = orf_asset_vertex_colors(task, asset, error);
        if (!colors)
            return NULL;
        body.colors = colors;
        body.channels = channels_of(colors, orf_mesh_n_vertices(body.mesh));
    }
    GBytes *bytes = options->text ? save_ascii(task, &body, error)
                                  : save_binary(task, &body, options->big_endian, error);
    if (!bytes)
        return NULL;
    GPtrArray *files = orf_files_new();
    orf_files_add_take(files, g_strconcat(options->stem, ".ply", NULL), bytes);
    return files;
}
