/* 3mf-model.c - one model part of a 3MF file: XML to objects and properties.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Streamed through expat. Document types are refused, and with them every entity trick; depth
 * and the length of a token are bounded, because expat's own memory is not in our budget. */
#include "format/3mf-priv.h"

#include <expat.h>
#include <math.h>
#include <string.h>

#define DEEPEST 32
#define TOKEN_MOST ((XML_Index)4 << 20)
#define SEPARATOR '|'

typedef struct {
    OrfTask *task;
    const char *name; /* of the file */
    const char *path; /* of the part */
    XML_Parser parser;
    Orf3mfPart *part;
    Orf3mfObject *object;     /* the open one, or NULL */
    Orf3mfProperty *property; /* the open one, or NULL */
    double unit;              /* millimetres */
    unsigned depth;
    GHashTable *spaces; /* prefix -> namespace, for requiredextensions */
    XML_Index fed;
    GError *error;
} Model;

/* --- Errors and attributes ---------------------------------------------------------------- */

static void
stop(Model *model)
{
    XML_StopParser(model->parser, XML_FALSE);
}

static void G_GNUC_PRINTF(2, 3) fail(Model *model, const char *format, ...)
{
    if (model->error)
        return;
    va_list list;
    va_start(list, format);
    g_autofree char *what = g_strdup_vprintf(format, list);
    va_end(list);
    g_autofree char *valid = g_utf8_make_valid(what, -1);
    g_set_error(&model->error, ORF_ERROR, ORF_ERROR_BAD_INPUT,
                "%s: %s line %lu: %s; export it again", model->name, model->path,
                (unsigned long)XML_GetCurrentLineNumber(model->parser), valid);
    stop(model);
}

static const char *
attribute(const char **attributes, const char *key)
{
    for (; *attributes; attributes += 2)
        if (!strcmp(attributes[0], key))
            return attributes[1];
    return NULL;
}

static bool
number_of(const char *text, double *ret)
{
    OrfCursor cursor = { text, text + strlen(text) };
    return orf_cursor_number(&cursor, ret);
}

static bool
whole_of(const char *text, uint32_t *ret)
{
    uint64_t value = 0;
    const char *at = text;
    for (; (unsigned char)(*at - '0') < 10 && at - text < 11; at++)
        value = value * 10 + (unsigned char)(*at - '0');
    *ret = (uint32_t)value;
    return at > text && value < UINT32_MAX;
}

static bool
whole(Model *model, const char **attributes, const char *key, uint32_t *ret)
{
    const char *text = attribute(attributes, key);
    if (text && whole_of(text, ret))
        return true;
    fail(model, "'%s' is missing or not a whole number", key);
    return false;
}

/* "m00 m01 m02 m10 ... m32"; left as it is when missing. */
static void
read_pose(Model *model, const char **attributes, Orf3mfPose *pose)
{
    const char *text = attribute(attributes, "transform");
    *pose = (Orf3mfPose){ { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } } };
    OrfCursor cursor = { text, text ? text + strlen(text) : NULL };
    for (unsigned i = 0; text && i < 12; i++) {
        orf_cursor_space(&cursor);
        if (!orf_cursor_number(&cursor, &pose->m[i / 3][i % 3]) ||
            !isfinite(pose->m[i / 3][i % 3])) {
            fail(model, "a transform does not hold twelve numbers");
            return;
        }
    }
    for (unsigned c = 0; c < 3; c++)
        pose->m[3][c] *= model->unit;
}

/* "#RRGGBB" or "#RRGGBBAA". */
static bool
read_color(const char *text, uint8_t ret[4])
{
    size_t n = text ? strlen(text) : 0;
    if ((n != 7 && n != 9) || *text != '#')
        return false;
    ret[3] = 255;
    for (size_t i = 0; i < n / 2; i++) {
        int high = g_ascii_xdigit_value(text[1 + 2 * i]);
        int low = g_ascii_xdigit_value(text[2 + 2 * i]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

/* --- Elements: the mesh ------------------------------------------------------------------- */

static void
on_vertex(Model *model, const char **attributes)
{
    static const char *const keys[] = { "x", "y", "z" };
    if (!model->object)
        return;
    float p[3];
    for (unsigned c = 0; c < 3; c++) {
        const char *text = attribute(attributes, keys[c]);
        double value;
        if (!text || !number_of(text, &value)) {
            fail(model, "vertex %zu has no number '%s'", model->object->positions.n, keys[c]);
            return;
        }
        p[c] = (float)(value * model->unit);
    }
    if (!orf_finite3(p)) {
        fail(model, "vertex %zu is not finite", model->object->positions.n);
        return;
    }
    float *position =
        orf_vec_add(model->task, &model->object->positions, 1, "vertices", &model->error);
    if (position)
        memcpy(position, p, sizeof p);
    else
        stop(model);
}

static bool
corner_of(Model *model, const char *text, size_t n, uint32_t *ret)
{
    if (!text || !whole_of(text, ret))
        fail(model, "triangle %zu lacks a corner", model->object->triangles.n);
    else if (*ret >= n)
        fail(model, "triangle %zu names vertex %u of %zu", model->object->triangles.n, *ret, n);
    else
        return true;
    return false;
}

/* Looks of the triangles before that had none. */
static bool
pad_looks(Model *model, Orf3mfObject *object)
{
    size_t missing = object->triangles.n - object->looks.n;
    Orf3mfLook *looks =
        orf_vec_add(model->task, &object->looks, missing, "looks", &model->error);
    for (size_t i = 0; looks && i < missing; i++)
        looks[i] = (Orf3mfLook){ 0 };
    return looks != NULL;
}

static void
read_look(Model *model, const char *const text[4], Orf3mfLook *ret)
{
    *ret = model->object->look;
    if (text[0] && !whole_of(text[0], &ret->property))
        ret->property = 0;
    if (!text[1])
        return;
    for (unsigned k = 0; k < 3; k++)
        if (!text[1 + k] || !whole_of(text[1 + k], &ret->at[k]))
            ret->at[k] = ret->at[0];
    const Orf3mfProperty *property =
        g_hash_table_lookup(model->part->properties, GUINT_TO_POINTER(ret->property));
    model->part->varied |= property && property->kind == ORF_3MF_COLORS &&
                           (ret->at[0] != ret->at[1] || ret->at[0] != ret->at[2]);
}

static void
on_triangle(Model *model, const char **attributes)
{
    Orf3mfObject *object = model->object;
    const char *corners[3] = { 0 }, *look[4] = { 0 };
    for (; *attributes; attributes += 2) {
        const char *key = attributes[0];
        if (*key == 'v' && key[1] >= '1' && key[1] <= '3' && !key[2])
            corners[key[1] - '1'] = attributes[1];
        else if (*key == 'p' && key[1] >= '1' && key[1] <= '3' && !key[2])
            look[key[1] - '0'] = attributes[1];
        else if (!strcmp(key, "pid"))
            look[0] = attributes[1];
    }
    uint32_t t[3];
    for (unsigned k = 0; k < 3; k++)
        if (!object || !corner_of(model, corners[k], object->positions.n, &t[k]))
            return;
    if (look[0] || look[1] || object->look.property) {
        Orf3mfLook *own = NULL;
        if (pad_looks(model, object))
            own = orf_vec_add(model->task, &object->looks, 1, "looks", &model->error);
        if (!own) {
            stop(model);
            return;
        }
        read_look(model, look, own);
    }
    uint32_t *triangle =
        orf_vec_add(model->task, &object->triangles, 1, "triangles", &model->error);
    if (triangle)
        memcpy(triangle, t, sizeof t);
    else
        stop(model);
}

/* --- Elements: objects and what is built of them ------------------------------------------ */

static void
free_object(gpointer data)
{
    Orf3mfObject *object = data;
    orf_vec_clear(&object->positions);
    orf_vec_clear(&object->triangles);
    orf_vec_clear(&object->looks);
    g_array_unref(object->uses);
    g_free(object);
}

static void
clear_use(gpointer use)
{
    g_free(((Orf3mfUse *)use)->path);
}

static GArray *
new_uses(void)
{
    GArray *uses = g_array_new(false, true, sizeof(Orf3mfUse));
    g_array_set_clear_func(uses, clear_use);
    return uses;
}

static void
on_object(Model *model, const char **attributes)
{
    uint32_t id;
    if (!whole(model, attributes, "id", &id))
        return;
    Orf3mfObject *object = g_new0(Orf3mfObject, 1);
    object->positions.item = 3 * sizeof(float);
    object->triangles.item = 3 * sizeof(uint32_t);
    object->looks.item = sizeof(Orf3mfLook);
    object->uses = new_uses();
    const char *pid = attribute(attributes, "pid");
    const char *pindex = attribute(attributes, "pindex");
    uint32_t at = 0;
    if (pid && whole_of(pid, &object->look.property) && pindex && whole_of(pindex, &at))
        object->look.at[0] = object->look.at[1] = object->look.at[2] = at;
    const char *type = attribute(attributes, "type");
    object->left_out = type && strcmp(type, "model") && strcmp(type, "solidsupport");
    g_hash_table_replace(model->part->objects, GUINT_TO_POINTER(id), object);
    model->object = object;
}

static void
add_use(Model *model, GArray *uses, const char **attributes)
{
    Orf3mfUse use = { 0 };
    if (!whole(model, attributes, "objectid", &use.object))
        return;
    read_pose(model, attributes, &use.pose);
    use.path = g_strdup(attribute(attributes, ORF_3MF_PRODUCTION "|path"));
    g_array_append_val(uses, use);
}

static void
on_component(Model *model, const char **attributes)
{
    if (model->object)
        add_use(model, model->object->uses, attributes);
}

static void
on_item(Model *model, const char **attributes)
{
    add_use(model, model->part->items, attributes);
}

/* --- Elements: properties ----------------------------------------------------------------- */

static void
free_property(gpointer data)
{
    Orf3mfProperty *property = data;
    orf_vec_clear(&property->colors);
    orf_vec_clear(&property->uvs);
    g_clear_pointer(&property->names, g_ptr_array_unref);
    g_free(property->path);
    g_free(property);
}

static void
begin_property(Model *model, const char **attributes, Orf3mfKind kind)
{
    uint32_t id;
    if (!whole(model, attributes, "id", &id))
        return;
    Orf3mfProperty *property = g_new0(Orf3mfProperty, 1);
    property->kind = kind;
    property->colors.item = 4;
    property->uvs.item = 2 * sizeof(float);
    property->names = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_replace(model->part->properties, GUINT_TO_POINTER(id), property);
    model->property = property;
}

static void
on_base_materials(Model *model, const char **attributes)
{
    begin_property(model, attributes, ORF_3MF_BASE);
}

static void
on_color_group(Model *model, const char **attributes)
{
    begin_property(model, attributes, ORF_3MF_COLORS);
}

static void
on_uv_group(Model *model, const char **attributes)
{
    begin_property(model, attributes, ORF_3MF_UVS);
    const char *picture = attribute(attributes, "texid");
    if (model->property && (!picture || !whole_of(picture, &model->property->picture)))
        fail(model, "a texture2dgroup names no picture");
}

static void
on_picture(Model *model, const char **attributes)
{
    begin_property(model, attributes, ORF_3MF_PICTURE);
    if (model->property)
        model->property->path = g_strdup(attribute(attributes, "path"));
    model->property = NULL;
}

static void
add_color(Model *model, const char *text)
{
    uint8_t *color =
        orf_vec_add(model->task, &model->property->colors, 1, "colours", &model->error);
    if (!color)
        stop(model);
    else if (!read_color(text, color))
        fail(model, "a colour is not written as #RRGGBB or #RRGGBBAA");
}

static void
on_base(Model *model, const char **attributes)
{
    if (!model->property || model->property->kind != ORF_3MF_BASE)
        return;
    const char *name = attribute(attributes, "name");
    g_ptr_array_add(model->property->names, g_strndup(name ? name : "", 63));
    add_color(model, attribute(attributes, "displaycolor"));
}

static void
on_color(Model *model, const char **attributes)
{
    if (model->property && model->property->kind == ORF_3MF_COLORS)
        add_color(model, attribute(attributes, "color"));
}

static void
on_uv(Model *model, const char **attributes)
{
    if (!model->property || model->property->kind != ORF_3MF_UVS)
        return;
    const char *u = attribute(attributes, "u"), *v = attribute(attributes, "v");
    double at[2];
    if (!u || !v || !number_of(u, &at[0]) || !number_of(v, &at[1])) {
        fail(model, "a tex2coord lacks a number");
        return;
    }
    float *uv = orf_vec_add(model->task, &model->property->uvs, 1, "texture coordinates",
                            &model->error);
    if (!uv) {
        stop(model);
        return;
    }
    uv[0] = (float)at[0];
    uv[1] = (float)(1 - at[1]); /* its origin is at the lower left */
}

/* --- Elements: the model ------------------------------------------------------------------ */

static void
check_extensions(Model *model, const char *required)
{
    static const char *const known[] = {
        ORF_3MF_MATERIAL,
        ORF_3MF_PRODUCTION,
        ORF_3MF_CORE,
        "http://schemas.microsoft.com/3dmanufacturing/slice/2015/07",
    };
    g_auto(GStrv) prefixes = g_strsplit_set(required, " \t\r\n", -1);
    for (char **prefix = prefixes; *prefix; prefix++) {
        const char *space = g_hash_table_lookup(model->spaces, *prefix);
        bool fine = !**prefix;
        for (size_t i = 0; space && i < G_N_ELEMENTS(known); i++)
            fine |= g_str_equal(space, known[i]);
        if (fine || model->error)
            continue;
        g_autofree char *shown = g_strndup(space ? space : *prefix, 120);
        g_set_error(&model->error, ORF_ERROR, ORF_ERROR_UNSUPPORTED,
                    "%s: needs the 3MF extension %s, which cannot be read here; export it as a "
                    "plain mesh",
                    model->name, shown);
        stop(model);
    }
}

static void
on_model(Model *model, const char **attributes)
{
    static const struct {
        const char *name;
        double size;
    } units[] = { { "micron", 0.001 }, { "millimeter", 1 }, { "centimeter", 10 },
                  { "inch", 25.4 },    { "foot", 304.8 },   { "meter", 1000 } };
    const char *unit = attribute(attributes, "unit");
    for (size_t i = 0; unit && i < G_N_ELEMENTS(units); i++)
        if (g_str_equal(unit, units[i].name)) {
            model->unit = units[i].size;
            unit = NULL;
        }
    if (unit)
        fail(model, "the unit '%.20s' is unknown", unit);
    const char *required = attribute(attributes, "requiredextensions");
    if (required)
        check_extensions(model, required);
}

typedef struct {
    const char *name;
    void (*begin)(Model *model, const char **attributes);
} Element;

static const Element elements[] = {
    { ORF_3MF_CORE "|vertex", on_vertex }, /* the frequent ones first */
    { ORF_3MF_CORE "|triangle", on_triangle },
    { ORF_3MF_MATERIAL "|tex2coord", on_uv },
    { ORF_3MF_MATERIAL "|color", on_color },
    { ORF_3MF_CORE "|base", on_base },
    { ORF_3MF_CORE "|component", on_component },
    { ORF_3MF_CORE "|item", on_item },
    { ORF_3MF_CORE "|object", on_object },
    { ORF_3MF_CORE "|basematerials", on_base_materials },
    { ORF_3MF_MATERIAL "|colorgroup", on_color_group },
    { ORF_3MF_MATERIAL "|texture2d", on_picture },
    { ORF_3MF_MATERIAL "|texture2dgroup", on_uv_group },
    { ORF_3MF_CORE "|model", on_model },
};

/* --- expat -------------------------------------------------------------------------------- */

static void XMLCALL
on_begin(void *data, const char *name, const char **attributes)
{
    Model *model = data;
    if (model->error)
        return; /* expat may still call after it was stopped */
    if (++model->depth > DEEPEST) {
        fail(model, "elements lie deeper than 32");
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(elements); i++)
        if (!strcmp(name, elements[i].name)) {
            elements[i].begin(model, attributes);
            return;
        }
}

static void XMLCALL
on_end(void *data, const char *name)
{
    Model *model = data;
    model->depth--;
    if (g_str_has_suffix(name, "|object"))
        model->object = NULL;
    else if (g_str_has_suffix(name, "group") || g_str_has_suffix(name, "|basematerials"))
        model->property = NULL;
}

static void XMLCALL
on_space(void *data, const char *prefix, const char *uri)
{
    Model *model = data;
    if (prefix && uri && g_hash_table_size(model->spaces) < 64)
        g_hash_table_replace(model->spaces, g_strdup(prefix), g_strdup(uri));
}

static void XMLCALL
on_doctype(void *data, const char *name, const char *system, const char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    fail(data, "holds a document type, which 3MF forbids; do not trust this file");
}

static bool
feed(const char *piece, size_t size, void *data, GError **error)
{
    Model *model = data;
    enum XML_Status status = XML_Parse(model->parser, piece, (int)size, size == 0);
    model->fed += (XML_Index)size;
    if (status != XML_STATUS_OK && !model->error)
        fail(model, "broken XML: %s", XML_ErrorString(XML_GetErrorCode(model->parser)));
    else if (model->fed - XML_GetCurrentByteIndex(model->parser) > TOKEN_MOST)
        fail(model, "an element or a text has over 4 MiB");
    if (!model->error)
        return true;
    g_propagate_error(error, g_steal_pointer(&model->error));
    return false;
}

static void
connect(Model *model)
{
    XML_SetUserData(model->parser, model);
    XML_SetElementHandler(model->parser, on_begin, on_end);
    XML_SetStartNamespaceDeclHandler(model->parser, on_space);
    XML_SetStartDoctypeDeclHandler(model->parser, on_doctype);
}

void
orf_3mf_part_free(Orf3mfPart *part)
{
    if (!part)
        return;
    g_hash_table_unref(part->objects);
    g_hash_table_unref(part->properties);
    g_array_unref(part->items);
    g_free(part);
}

Orf3mfPart *
orf_3mf_part_load(OrfTask *task, OrfZip *zip, const char *path, const char *name,
                  GError **error)
{
    Orf3mfPart *part = g_new0(Orf3mfPart, 1);
    part->objects = g_hash_table_new_full(NULL, NULL, NULL, free_object);
    part->properties = g_hash_table_new_full(NULL, NULL, NULL, free_property);
    part->items = new_uses();
    g_autoptr(GHashTable) spaces =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    Model model = { .task = task,
                    .name = name,
                    .path = path,
                    .part = part,
                    .unit = 1,
                    .spaces = spaces,
                    .parser = XML_ParserCreateNS(NULL, SEPARATOR) };
    connect(&model);
    bool read = orf_zip_read(zip, path, feed, &model, error) && feed("", 0, &model, error);
    XML_ParserFree(model.parser);
    g_clear_error(&model.error);
    if (read)
        return part;
    orf_3mf_part_free(part);
    return NULL;
}
