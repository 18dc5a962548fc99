/* obj-save.c - writes OBJ, with its material library when there is something to say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/obj-priv.h"

#include <string.h>

#define BATCH 4096
#define LINE (6 * (ORF_FLOAT_TEXT + 1) + 16)

typedef struct {
    OrfTask *task;
    const OrfMesh *mesh;
    OrfText text;
    const uint8_t *colors;  /* or NULL */
    const float *uvs;       /* or NULL */
    const uint16_t *groups; /* or NULL */
    char **names;           /* of materials, or NULL */
    size_t n_names;
} Obj;

static char *
put_numbers(char *at, const char *word, const float *numbers, unsigned n)
{
    at = orf_put_text(at, word);
    for (unsigned i = 0; i < n; i++) {
        *at++ = ' ';
        at = orf_put_float(at, numbers[i]);
    }
    return at;
}

static char *
put_vertex(const Obj *obj, char *at, size_t i)
{
    float values[6];
    orf_to_z_up(orf_mesh_positions(obj->mesh) + 3 * i, values);
    for (unsigned c = 0; obj->colors && c < 3; c++)
        values[3 + c] = (float)obj->colors[4 * i + c] / 255;
    return put_numbers(at, "v", values, obj->colors ? 6 : 3);
}

static char *
put_uv(const Obj *obj, char *at, size_t i)
{
    float values[] = { obj->uvs[2 * i], 1 - obj->uvs[2 * i + 1] };
    return put_numbers(at, "vt", values, 2);
}

static char *
put_face(const Obj *obj, char *at, size_t i)
{
    const uint32_t *corners = orf_mesh_triangles(obj->mesh) + 3 * i;
    const uint32_t *uvs = orf_mesh_uv_triangles(obj->mesh);
    *at++ = 'f';
    for (unsigned k = 0; k < 3; k++) {
        *at++ = ' ';
        at = orf_put_uint(at, corners[k] + 1);
        if (obj->uvs) {
            *at++ = '/';
            at = orf_put_uint(at, uvs[3 * i + k] + 1);
        }
    }
    return at;
}

static bool
write_lines(Obj *obj, char *(*put)(const Obj *, char *, size_t), size_t begin, size_t end,
            GError **error)
{
    for (size_t i = begin; i < end; i++) {
        char *at = orf_text_room(&obj->text, LINE, error);
        if (!at || (i % BATCH == 0 && !orf_task_check(obj->task, error)))
            return false;
        at = put(obj, at, i);
        *at++ = '\n';
        orf_text_end(&obj->text, at);
    }
    return true;
}

/* Runs of faces with one material. */
static bool
write_faces(Obj *obj, GError **error)
{
    size_t n = orf_mesh_n_triangles(obj->mesh);
    for (size_t begin = 0, end; begin < n; begin = end) {
        size_t group = obj->groups ? obj->groups[begin] : 0;
        for (end = begin + 1; end < n && obj->groups && obj->groups[end] == group;)
            end++;
        if (!obj->groups)
            end = n;
        if (obj->names && !orf_text_add(&obj->text, error, "usemtl %s\n",
                                        obj->names[MIN(group, obj->n_names - 1)]))
            return false;
        if (!write_lines(obj, put_face, begin, end, error))
            return false;
    }
    return true;
}

/* What the file brings, so that whoever writes it again knows these files for its own. */
static bool
write_record(Obj *obj, const GPtrArray *others, GError **error)
{
    for (guint i = 0; i < others->len; i++) {
        const OrfFile *other = others->pdata[i];
        g_autofree char *digest = orf_digest_bytes(other->bytes);
        if (!orf_text_add(&obj->text, error, "# " ORF_WROTE "%s %s\n", other->name, digest))
            return false;
    }
    return true;
}

static bool
write_file(Obj *obj, const char *stem, const GPtrArray *others, GError **error)
{
    bool head =
        orf_text_add(&obj->text, error, "# ORFEAS " ORF_VERSION ", millimetres, Z up\n") &&
        write_record(obj, others, error);
    if (head && obj->names)
        head = orf_text_add(&obj->text, error, "mtllib %s.mtl\n", stem);
    return head && orf_text_add(&obj->text, error, "o %s\n", stem) &&
           write_lines(obj, put_vertex, 0, orf_mesh_n_vertices(obj->mesh), error) &&
           (!obj->uvs || write_lines(obj, put_uv, 0, orf_mesh_n_uvs(obj->mesh), error)) &&
           write_faces(obj, error);
}

static bool
needs_materials(const OrfAsset *asset)
{
    const OrfMaterial *first = orf_asset_material(asset, 0);
    const float *c = first->base_color;
    return orf_asset_n_materials(asset) > 1 || first->texture || c[0] < 1 || c[1] < 1 ||
           c[2] < 1 || c[3] < 1 || first->metallic > 0 || first->roughness < 1;
}

static bool
write_asset(Obj *obj, const OrfAsset *asset, const char *stem, bool plain, GPtrArray *files,
            GError **error)
{
    if (!plain) {
        obj->colors = orf_mesh_colors(obj->mesh);
        obj->uvs = orf_mesh_uvs(obj->mesh);
        obj->groups = orf_mesh_groups(obj->mesh);
        obj->n_names = orf_asset_n_materials(asset);
        if (needs_materials(asset) &&
            !orf_mtl_write(obj->task, asset, stem, files, &obj->names, error))
            return false;
    }
    return write_file(obj, stem, files, error);
}

GPtrArray *
orf_obj_save(OrfTask *task, const OrfAsset *asset, const OrfSave *options, GError **error)
{
    g_autofree char *stem = orf_plain_stem(options->stem);
    g_autoptr(GPtrArray) others = orf_files_new();
    Obj obj = { .task = task, .mesh = orf_asset_mesh(asset) };
    orf_text_init(&obj.text, task);
    GPtrArray *files = NULL;
    if (write_asset(&obj, asset, stem, options->plain, others, error)) {
        files = orf_files_new();
        orf_files_add_take(files, g_strconcat(options->stem, ".obj", NULL),
                           orf_text_steal(&obj.text));
        g_ptr_array_extend_and_steal(files, g_steal_pointer(&others));
    }
    orf_text_clear(&obj.text);
    g_strfreev(obj.names);
    return files;
}
