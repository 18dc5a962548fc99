/* 3mf-save.c - writes 3MF: core specification, colours and pictures by the materials extension.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where each material has a closed body of its own, each becomes an object, and one object made
 * of these components is built: slicers then show parts that keep their place. Otherwise the
 * mesh is one object, closed, and its triangles say what they look like. */
#include "format/3mf-priv.h"

#include <math.h>
#include <string.h>

#define BATCH 4096
#define LINE 256
#define ID_BASE 1
#define ID_COLORS 2
#define ID_FIRST 3

typedef struct {
    size_t group;
    size_t vertex, n_vertices;    /* range */
    size_t triangle, n_triangles; /* range */
} Body;

typedef struct {
    OrfTask *task;
    const OrfAsset *asset;
    const OrfMesh *mesh;
    const OrfSave *options;
    OrfText text;
    const uint16_t *groups; /* or NULL */
    bool base, colors;      /* what is said of the look */
    GArray *bodies;         /* Body */
    uint32_t *color_at;     /* [n_vertices] into the colour group, or NULL */
    uint32_t *uv_at;        /* [n_triangles][3] into the uvs of the triangle's group, or NULL */
    uint32_t *uv_ids;       /* [n_materials] id of the texture2dgroup; 0: no picture */
    GPtrArray *pictures;    /* OrfZipEntry * */
    uint32_t next_id;
} Model;

/* --- Text --------------------------------------------------------------------------------- */

static char *
put_attribute(char *at, const char *name, uint32_t value)
{
    at = orf_put_text(at, name);
    at = orf_put_uint(at, value);
    *at++ = '"';
    return at;
}

/* Escaped for an attribute; characters XML cannot hold are left out. */
static char *
escaped(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    for (char *c = valid; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    return g_markup_escape_text(valid, -1);
}

static uint8_t
to_srgb(float linear)
{
    double c = (double)CLAMP(linear, 0, 1);
    c = c <= 0.0031308 ? c * 12.92 : 1.055 * pow(c, 1 / 2.4) - 0.055;
    return (uint8_t)(c * 255 + 0.5);
}

/* --- Looks -------------------------------------------------------------------------------- */

static bool
write_base(Model *model, GError **error)
{
    if (!orf_text_add(&model->text, error, "  <basematerials id=\"%d\">\n", ID_BASE))
        return false;
    for (size_t i = 0; i < orf_asset_n_materials(model->asset); i++) {
        const OrfMaterial *material = orf_asset_material(model->asset, i);
        const float *c = material->base_color;
        g_autofree char *name = escaped(*material->name ? material->name : "material");
        if (!orf_text_add(&model->text, error,
                          "   <base name=\"%s\" displaycolor=\"#%02X%02X%02X%02X\"/>\n", name,
                          to_srgb(c[0]), to_srgb(c[1]), to_srgb(c[2]),
                          (uint8_t)(CLAMP(c[3], 0, 1) * 255 + 0.5f)))
            return false;
    }
    return orf_text_add(&model->text, error, "  </basematerials>\n");
}

/* Every colour once; color_at says which is whose. */
static bool
write_colors(Model *model, GError **error)
{
    size_t n = orf_mesh_n_vertices(model->mesh);
    const uint8_t(*colors)[4] = (const uint8_t(*)[4])orf_mesh_colors(model->mesh);
    model->color_at = ORF_ALLOC(model->task, uint32_t, n, "colours", error);
    if (!model->color_at ||
        !orf_text_add(&model->text, error, "  <m:colorgroup id=\"%d\">\n", ID_COLORS))
        return false;
    g_autoptr(GHashTable) known = g_hash_table_new(NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        uint32_t code;
        memcpy(&code, colors[i], 4);
        size_t at = GPOINTER_TO_SIZE(g_hash_table_lookup(known, GUINT_TO_POINTER(code)));
        if (!at) {
            at = g_hash_table_size(known) + 1;
            g_hash_table_insert(known, GUINT_TO_POINTER(code), GSIZE_TO_POINTER(at));
            if (!orf_text_add(&model->text, error,
                              "   <m:color color=\"#%02X%02X%02X%02X\"/>\n", colors[i][0],
                              colors[i][1], colors[i][2], colors[i][3]))
                return false;
        }
        model->color_at[i] = (uint32_t)at - 1;
    }
    return orf_text_add(&model->text, error, "  </m:colorgroup>\n");
}

static size_t
group_of(const Model *model, size_t triangle)
{
    size_t group = model->groups ? model->groups[triangle] : 0;
    return MIN(group, orf_asset_n_materials(model->asset) - 1);
}

static bool
write_uv(Model *model, const float uv[2], GError **error)
{
    char *at = orf_text_room(&model->text, LINE, error);
    if (!at)
        return false;
    at = orf_put_text(at, "   <m:tex2coord u=\"");
    at = orf_put_float(at, uv[0]);
    at = orf_put_text(at, "\" v=\"");
    at = orf_put_float(at, 1 - uv[1]);
    orf_text_end(&model->text, orf_put_text(at, "\"/>\n"));
    return true;
}

/* The uvs that triangles of `group` use, each once, in order of use; `place` is scratch:
 * [n_uvs]. */
static bool
write_uvs(Model *model, size_t group, uint32_t *place, GError **error)
{
    const uint32_t *corners = orf_mesh_uv_triangles(model->mesh);
    const float *uvs = orf_mesh_uvs(model->mesh);
    uint32_t next = 0;
    memset(place, 255, orf_mesh_n_uvs(model->mesh) * sizeof *place);
    for (size_t i = 0; i < 3 * orf_mesh_n_triangles(model->mesh); i++) {
        if (i % (3 * BATCH) == 0 && !orf_task_check(model->task, error))
            return false;
        if (group_of(model, i / 3) != group)
            continue;
        if (place[corners[i]] == UINT32_MAX) {
            place[corners[i]] = next++;
            if (!write_uv(model, uvs + 2 * (size_t)corners[i], error))
                return false;
        }
        model->uv_at[i] = place[corners[i]];
    }
    return true;
}

static bool
write_picture(Model *model, size_t group, uint32_t *place, GError **error)
{
    const OrfMaterial *material = orf_asset_material(model->asset, group);
    GBytes *bytes = orf_picture_bytes(model->task, material, false, error);
    if (!bytes)
        return false;
    const char *type = orf_picture_type(bytes);
    OrfZipEntry *entry = g_new0(OrfZipEntry, 1);
    *entry = (OrfZipEntry){ .bytes = bytes, .pressed = true };
    entry->name = g_strdup_printf("3D/Textures/texture-%u.%s", model->pictures->len + 1, type);
    g_ptr_array_add(model->pictures, entry);
    uint32_t picture = model->next_id++;
    model->uv_ids[group] = model->next_id++;
    return orf_text_add(&model->text, error,
                        "  <m:texture2d id=\"%u\" path=\"/%s\" contenttype=\"image/%s\"/>\n"
                        "  <m:texture2dgroup id=\"%u\" texid=\"%u\">\n",
                        picture, entry->name, g_str_equal(type, "jpg") ? "jpeg" : "png",
                        model->uv_ids[group], picture) &&
           write_uvs(model, group, place, error) &&
           orf_text_add(&model->text, error, "  </m:texture2dgroup>\n");
}

static bool
write_pictures(Model *model, GError **error)
{
    size_t n = orf_asset_n_materials(model->asset), textured = 0;
    model->uv_ids = ORF_ALLOC(model->task, uint32_t, n, "pictures", error);
    for (size_t i = 0; model->uv_ids && i < n; i++)
        textured += orf_asset_material(model->asset, i)->texture != NULL;
    if (!model->uv_ids || !textured || !orf_mesh_uvs(model->mesh))
        return model->uv_ids != NULL;
    model->uv_at = ORF_ALLOC(model->task, uint32_t, 3 * orf_mesh_n_triangles(model->mesh),
                             "texture coordinates", error);
    if (!model->uv_at)
        return false;
    orf_autofree uint32_t *place = ORF_ALLOC(model->task, uint32_t, orf_mesh_n_uvs(model->mesh),
                                             "texture coordinates", error);
    if (!place)
        return false;
    for (size_t i = 0; i < n; i++)
        if (orf_asset_material(model->asset, i)->texture &&
            !write_picture(model, i, place, error))
            return false;
    return true;
}

static bool
is_plain(const OrfAsset *asset)
{
    const OrfMaterial *first = orf_asset_material(asset, 0);
    const float *c = first->base_color;
    return orf_asset_n_materials(asset) == 1 && c[0] == 1 && c[1] == 1 && c[2] == 1 &&
           c[3] == 1;
}

static bool
write_looks(Model *model, GError **error)
{
    if (model->options->plain)
        return true;
    model->groups = orf_mesh_groups(model->mesh);
    model->base = !is_plain(model->asset);
    model->colors = orf_mesh_colors(model->mesh) != NULL;
    return (!model->base || write_base(model, error)) &&
           (!model->colors || write_colors(model, error)) && write_pictures(model, error);
}

/* --- Bodies ------------------------------------------------------------------------------- */

/* One body a group when groups follow each other, share no vertex and are closed each. */
static bool
find_bodies(Model *model)
{
    size_t n = orf_mesh_n_triangles(model->mesh), n_vertices = orf_mesh_n_vertices(model->mesh);
    const uint32_t *triangles = orf_mesh_triangles(model->mesh);
    g_array_set_size(model->bodies, 0);
    size_t next_vertex = 0;
    for (size_t i = 0, end; i < n; i = end) {
        size_t high = 0, low = SIZE_MAX, group = model->groups[i];
        for (end = i; end < n && model->groups[end] == group; end++)
            for (unsigned k = 0; k < 3; k++) {
                low = MIN(low, triangles[3 * end + k]);
                high = MAX(high, triangles[3 * end + k]);
            }
        if (low < next_vertex || !orf_edges_even(triangles + 3 * i, end - i) ||
            (i && group <= model->groups[i - 1]))
            return false;
        Body body = { group, next_vertex, high + 1 - next_vertex, i, end - i };
        g_array_append_val(model->bodies, body);
        next_vertex = high + 1;
    }
    Body *last = &g_array_index(model->bodies, Body, model->bodies->len - 1);
    last->n_vertices = n_vertices - last->vertex;
    return true;
}

static void
plan_bodies(Model *model)
{
    if (model->groups && find_bodies(model))
        return;
    Body whole = { .n_vertices = orf_mesh_n_vertices(model->mesh),
                   .n_triangles = orf_mesh_n_triangles(model->mesh) };
    g_array_set_size(model->bodies, 0);
    g_array_append_val(model->bodies, whole);
}

static char *
put_vertex(const Model *model, char *at, const Body *body, size_t i)
{
    static const char *const names[] = { "     <vertex x=\"", "\" y=\"", "\" z=\"" };
    float p[3];
    orf_to_z_up(orf_mesh_positions(model->mesh) + 3 * (body->vertex + i), p);
    for (unsigned c = 0; c < 3; c++)
        at = orf_put_float(orf_put_text(at, names[c]), p[c]);
    return orf_put_text(at, "\"/>\n");
}

/* pid and p1..p3: the picture, else colours of corners, else the base material. */
static char *
put_look(const Model *model, char *at, size_t triangle)
{
    const uint32_t *corners = orf_mesh_triangles(model->mesh) + 3 * triangle;
    size_t group = group_of(model, triangle);
    if (model->uv_at && model->uv_ids[group]) {
        const uint32_t *uvs = model->uv_at + 3 * triangle;
        at = put_attribute(at, " pid=\"", model->uv_ids[group]);
        at = put_attribute(at, " p1=\"", uvs[0]);
        at = put_attribute(at, " p2=\"", uvs[1]);
        return put_attribute(at, " p3=\"", uvs[2]);
    }
    if (model->colors) {
        at = put_attribute(at, " pid=\"", ID_COLORS);
        at = put_attribute(at, " p1=\"", model->color_at[corners[0]]);
        at = put_attribute(at, " p2=\"", model->color_at[corners[1]]);
        return put_attribute(at, " p3=\"", model->color_at[corners[2]]);
    }
    if (!model->base || !model->groups)
        return at;
    return put_attribute(put_attribute(at, " pid=\"", ID_BASE), " p1=\"", (uint32_t)group);
}

static char *
put_triangle(const Model *model, char *at, const Body *body, size_t i)
{
    const uint32_t *t = orf_mesh_triangles(model->mesh) + 3 * (body->triangle + i);
    at = put_attribute(at, "     <triangle v1=\"", t[0] - (uint32_t)body->vertex);
    at = put_attribute(at, " v2=\"", t[1] - (uint32_t)body->vertex);
    at = put_attribute(at, " v3=\"", t[2] - (uint32_t)body->vertex);
    return orf_put_text(put_look(model, at, body->triangle + i), "/>\n");
}

static bool
write_lines(Model *model, const Body *body, size_t n,
            char *(*put)(const Model *, char *, const Body *, size_t), GError **error)
{
    for (size_t i = 0; i < n; i++) {
        char *at = orf_text_room(&model->text, LINE, error);
        if (!at || (i % BATCH == 0 && !orf_task_check(model->task, error)))
            return false;
        orf_text_end(&model->text, put(model, at, body, i));
    }
    return true;
}

static bool
write_body(Model *model, const Body *body, uint32_t id, GError **error)
{
    g_autofree char *look =
        model->base ? g_strdup_printf(" pid=\"%d\" pindex=\"%zu\"", ID_BASE,
                                      MIN(body->group, orf_asset_n_materials(model->asset) - 1))
                    : g_strdup("");
    g_autofree char *name =
        escaped(model->bodies->len > 1 ? orf_asset_material(model->asset, body->group)->name
                                       : model->options->stem);
    return orf_text_add(&model->text, error,
                        "  <object id=\"%u\" name=\"%s\" type=\"model\"%s>\n"
                        "   <mesh>\n    <vertices>\n",
                        id, name, look) &&
           write_lines(model, body, body->n_vertices, put_vertex, error) &&
           orf_text_add(&model->text, error, "    </vertices>\n    <triangles>\n") &&
           write_lines(model, body, body->n_triangles, put_triangle, error) &&
           orf_text_add(&model->text, error, "    </triangles>\n   </mesh>\n  </object>\n");
}

static bool
write_components(Model *model, uint32_t first, GError **error)
{
    g_autofree char *name = escaped(model->options->stem);
    if (!orf_text_add(&model->text, error,
                      "  <object id=\"%u\" name=\"%s\" type=\"model\">\n   <components>\n",
                      model->next_id, name))
        return false;
    for (uint32_t i = 0; i < model->bodies->len; i++)
        if (!orf_text_add(&model->text, error, "    <component objectid=\"%u\"/>\n", first + i))
            return false;
    return orf_text_add(&model->text, error, "   </components>\n  </object>\n");
}

static bool
write_bodies(Model *model, GError **error)
{
    plan_bodies(model);
    uint32_t first = model->next_id;
    for (uint32_t i = 0; i < model->bodies->len; i++)
        if (!write_body(model, &g_array_index(model->bodies, Body, i), model->next_id++, error))
            return false;
    if (model->bodies->len == 1) {
        model->next_id = first;
        return true;
    }
    return write_components(model, first, error);
}

/* --- Container ---------------------------------------------------------------------------- */

static bool
write_model(Model *model, GError **error)
{
    return orf_text_add(&model->text, error,
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<model unit=\"millimeter\" xml:lang=\"en-US\" xmlns=\"" ORF_3MF_CORE
                        "\" xmlns:m=\"" ORF_3MF_MATERIAL "\">\n"
                        " <metadata name=\"Application\">ORFEAS " ORF_VERSION "</metadata>\n"
                        " <resources>\n") &&
           write_looks(model, error) && write_bodies(model, error) &&
           orf_text_add(&model->text, error,
                        " </resources>\n <build>\n  <item objectid=\"%u\"/>\n </build>\n"
                        "</model>\n",
                        model->next_id);
}

static GBytes *
static_text(const char *text)
{
    return g_bytes_new_static(text, strlen(text));
}

static GBytes *
picture_relations(const Model *model)
{
    GString *text = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                 "<Relationships xmlns=\"" ORF_3MF_RELATIONS "\">\n");
    for (guint i = 0; i < model->pictures->len; i++) {
        const OrfZipEntry *entry = model->pictures->pdata[i];
        g_string_append_printf(
            text,
            " <Relationship Target=\"/%s\" Id=\"rel%u\" Type=\"" ORF_3MF_IS_TEXTURE "\"/>\n",
            entry->name, i + 1);
    }
    g_string_append(text, "</Relationships>\n");
    return g_string_free_to_bytes(text);
}

static const char content_types[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\n"
    " <Default Extension=\"rels\" "
    "ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\n"
    " <Default Extension=\"model\" "
    "ContentType=\"application/vnd.ms-package.3dmanufacturing-3dmodel+xml\"/>\n"
    " <Default Extension=\"png\" ContentType=\"image/png\"/>\n"
    " <Default Extension=\"jpg\" ContentType=\"image/jpeg\"/>\n"
    "</Types>\n";

static const char root_relations[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<Relationships xmlns=\"" ORF_3MF_RELATIONS "\">\n"
    " <Relationship Target=\"/3D/3dmodel.model\" Id=\"rel0\" Type=\"" ORF_3MF_IS_MODEL "\"/>\n"
    "</Relationships>\n";

static GBytes *
pack(Model *model, GError **error)
{
    g_autoptr(GBytes) text = orf_text_steal(&model->text);
    g_autoptr(GBytes) types = static_text(content_types);
    g_autoptr(GBytes) relations = static_text(root_relations);
    g_autoptr(GBytes) pictures = picture_relations(model);
    g_autoptr(GArray) entries = g_array_new(false, false, sizeof(OrfZipEntry));
    OrfZipEntry head[] = { { (char *)"[Content_Types].xml", types, false },
                           { (char *)"_rels/.rels", relations, false },
                           { (char *)"3D/3dmodel.model", text, false },
                           { (char *)"3D/_rels/3dmodel.model.rels", pictures, false } };
    g_array_append_vals(entries, head, model->pictures->len ? 4 : 3);
    for (guint i = 0; i < model->pictures->len; i++)
        g_array_append_vals(entries, model->pictures->pdata[i], 1);
    return orf_zip_write(model->task, (OrfZipEntry *)(void *)entries->data, entries->len,
                         error);
}

static void
free_entry(gpointer data)
{
    OrfZipEntry *entry = data;
    g_free(entry->name);
    g_bytes_unref(entry->bytes);
    g_free(entry);
}

static void
clear(Model *model)
{
    orf_text_clear(&model->text);
    orf_free(model->color_at);
    orf_free(model->uv_at);
    orf_free(model->uv_ids);
    g_array_unref(model->bodies);
    g_ptr_array_unref(model->pictures);
}

GPtrArray *
orf_3mf_save(OrfTask *task, const OrfAsset *asset, const OrfSave *options, GError **error)
{
    Model model = {
        .task = task,
        .asset = asset,
        .mesh = orf_asset_mesh(asset),
        .options = options,
        .bodies = g_array_new(false, false, sizeof(Body)),
        .pictures = g_ptr_array_new_with_free_func(free_entry),
        .next_id = ID_FIRST,
    };
    orf_text_init(&model.text, task);
    GBytes *bytes = write_model(&model, error) ? pack(&model, error) : NULL;
    clear(&model);
    if (!bytes)
        return NULL;
    GPtrArray *files = orf_files_new();
    orf_files_add_take(files, g_strconcat(options->stem, ".3mf", NULL), bytes);
    return files;
}
