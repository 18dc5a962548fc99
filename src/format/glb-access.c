/* glb-access.c - buffers, views and accessors of a glTF document, every bound checked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/glb-priv.h"

#include <math.h>
#include <string.h>

/* --- JSON values -------------------------------------------------------------------------- */

int64_t
orf_gltf_whole(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        return fallback;
    double number = json_number_value(value);
    bool whole =
        json_is_number(value) && number >= 0 && number < 1e15 && floor(number) == number;
    return whole ? (int64_t)number : -1;
}

bool
orf_gltf_numbers(const json_t *object, const char *key, double *ret, size_t n)
{
    const json_t *array = json_object_get(object, key);
    if (!json_is_array(array) || json_array_size(array) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!json_is_number(json_array_get(array, i)))
            return false;
    for (size_t i = 0; i < n; i++)
        ret[i] = json_number_value(json_array_get(array, i));
    return true;
}

json_t *
orf_gltf_item(const OrfGltf *gltf, const char *array, size_t index, GError **error)
{
    json_t *items = json_object_get(gltf->root, array);
    json_t *item = json_array_get(items, index);
    if (json_is_object(item))
        return item;
    return ORF_FAIL(error, BAD_INPUT, "%s: names %s[%zu], there are %zu; export it again",
                    gltf->name, array, index, json_array_size(items));
}

/* --- Buffers ------------------------------------------------------------------------------ */

static GBytes *
decode_data_uri(OrfGltf *gltf, const char *uri, GError **error)
{
    const char *comma = strchr(uri, ',');
    if (!comma || !g_strstr_len(uri, comma - uri, ";base64"))
        return ORF_FAIL(error, BAD_INPUT, "%s: a data URI is not base64; export it as GLB",
                        gltf->name);
    size_t n = strlen(comma + 1);
    uint8_t *bytes =
        ORF_ALLOC(gltf->draft->task, uint8_t, n / 4 * 3 + 6, "embedded data", error);
    if (!bytes)
        return NULL;
    int state = 0;
    guint save = 0;
    size_t size = g_base64_decode_step(comma + 1, n, bytes, &state, &save);
    return orf_bytes_take(bytes, size);
}

GBytes *
orf_gltf_uri(OrfGltf *gltf, const char *uri, GError **error)
{
    if (g_str_has_prefix(uri, "data:"))
        return decode_data_uri(gltf, uri, error);
    g_autofree char *name = g_uri_unescape_string(uri, NULL);
    return orf_asset_draft_sibling(gltf->draft, name ? name : uri);
}

static GBytes *
open_buffer(OrfGltf *gltf, size_t index, const json_t *buffer, GError **error)
{
    const char *uri = json_string_value(json_object_get(buffer, "uri"));
    g_autoptr(GError) problem = NULL;
    GBytes *bytes = uri ? orf_gltf_uri(gltf, uri, &problem)
                        : (!index && gltf->chunk ? g_bytes_ref(gltf->chunk) : NULL);
    if (bytes)
        return bytes;
    if (problem) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return NULL;
    }
    return ORF_FAIL(error, BAD_INPUT,
                    "%s: buffers[%zu] is not in the file nor beside it; keep its .bin file in "
                    "the same folder, or export as GLB",
                    gltf->name, index);
}

/* Borrowed. */
static GBytes *
buffer_bytes(OrfGltf *gltf, size_t index, GError **error)
{
    json_t *buffer = orf_gltf_item(gltf, "buffers", index, error);
    if (!buffer)
        return NULL;
    if (!gltf->buffers[index])
        gltf->buffers[index] = open_buffer(gltf, index, buffer, error);
    GBytes *bytes = gltf->buffers[index];
    int64_t claims = orf_gltf_whole(buffer, "byteLength", -1);
    if (!bytes || (claims >= 0 && (uint64_t)claims <= g_bytes_get_size(bytes)))
        return bytes;
    return ORF_FAIL(error, BAD_INPUT,
                    "%s: buffers[%zu] claims %" G_GINT64_FORMAT " bytes but has %zu; "
                    "the file is cut short, export it again",
                    gltf->name, index, claims, g_bytes_get_size(bytes));
}

GBytes *
orf_gltf_range(OrfGltf *gltf, size_t index, const json_t *view, GError **error)
{
    int64_t which = orf_gltf_whole(view, "buffer", -1);
    int64_t offset = orf_gltf_whole(view, "byteOffset", 0);
    int64_t length = orf_gltf_whole(view, "byteLength", -1);
    GBytes *bytes = buffer_bytes(gltf, (size_t)which, error);
    if (!bytes)
        return NULL;
    size_t size = g_bytes_get_size(bytes);
    if (offset < 0 || length < 0 || (uint64_t)offset + (uint64_t)length > size)
        return ORF_FAIL(error, BAD_INPUT,
                        "%s: bufferViews[%zu] (byte %" G_GINT64_FORMAT
                        ", length %" G_GINT64_FORMAT
                        ") reaches outside its buffer of %zu bytes; export it again",
                        gltf->name, index, offset, length, size);
    return g_bytes_new_from_bytes(bytes, (size_t)offset, (size_t)length);
}

GBytes *
orf_gltf_view(OrfGltf *gltf, size_t index, size_t *ret_stride, GError **error)
{
    json_t *view = orf_gltf_item(gltf, "bufferViews", index, error);
    if (!view)
        return NULL;
    int64_t stride = orf_gltf_whole(view, "byteStride", 0);
    if (stride < 0 || stride > 252)
        return ORF_FAIL(
            error, BAD_INPUT,
            "%s: bufferViews[%zu] has a stride that makes no sense; export it again",
            gltf->name, index);
    const json_t *packed =
        json_object_get(json_object_get(view, "extensions"), "EXT_meshopt_compression");
    if (ret_stride)
        *ret_stride = (size_t)stride;
    return json_is_object(packed) ? orf_gltf_unpacked(gltf, index, packed, error)
                                  : orf_gltf_range(gltf, index, view, error);
}

/* --- Accessors ---------------------------------------------------------------------------- */

typedef enum { I8 = 5120, U8, I16, U16, U32 = 5125, F32 } Component;

typedef struct {
    size_t index; /* for messages */
    size_t count;
    unsigned width; /* 1..4, 16 */
    Component component;
    bool normalized;
    GBytes *bytes; /* holds `data`; NULL: all zero */
    const uint8_t *data;
    size_t stride;
    const json_t *sparse; /* or NULL */
} Accessor;

static void
clear_accessor(Accessor *accessor)
{
    g_clear_pointer(&accessor->bytes, g_bytes_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Accessor, clear_accessor)

static size_t
size_of_component(int64_t component)
{
    switch (component) {
    case I8:
    case U8:
        return 1;
    case I16:
    case U16:
        return 2;
    case U32:
    case F32:
        return 4;
    default:
        return 0;
    }
}

static unsigned
width_of(const char *type)
{
    static const char *const types[] = { "SCALAR", "VEC2", "VEC3", "VEC4" };
    for (unsigned i = 0; type && i < G_N_ELEMENTS(types); i++)
        if (g_str_equal(type, types[i]))
            return i + 1;
    return type && g_str_equal(type, "MAT4") ? 16 : 0; /* joints of a skin; of floats only */
}

static bool
fail_accessor(const OrfGltf *gltf, size_t index, const char *what, GError **error)
{
    return ORF_FALSE(error, BAD_INPUT, "%s: accessors[%zu] %s; export it again", gltf->name,
                     index, what);
}

/* Points `accessor` at `count` elements of a view. */
static bool
bind(OrfGltf *gltf, Accessor *accessor, int64_t view, int64_t offset, GError **error)
{
    size_t element = accessor->width * size_of_component(accessor->component), stride, size;
    accessor->bytes = orf_gltf_view(gltf, (size_t)view, &stride, error);
    if (!accessor->bytes)
        return false;
    const uint8_t *data = g_bytes_get_data(accessor->bytes, &size);
    accessor->stride = stride ? stride : element;
    accessor->data = data + offset;
    if (!accessor->count)
        return true;
    if (offset < 0 || (uint64_t)offset > size || size - (size_t)offset < element ||
        accessor->count - 1 > (size - (size_t)offset - element) / accessor->stride)
        return fail_accessor(gltf, accessor->index, "reaches outside its bufferView", error);
    return true;
}

static bool
open_accessor(OrfGltf *gltf, size_t index, Accessor *ret, GError **error)
{
    json_t *json = orf_gltf_item(gltf, "accessors", index, error);
    if (!json)
        return false;
    int64_t count = orf_gltf_whole(json, "count", -1);
    int64_t component = orf_gltf_whole(json, "componentType", -1);
    *ret = (Accessor){
        .index = index,
        .count = (size_t)count,
        .width = width_of(json_string_value(json_object_get(json, "type"))),
        .component = (Component)component,
        .normalized = json_is_true(json_object_get(json, "normalized")),
        .sparse = json_object_get(json, "sparse"),
    };
    if (count < 0 || count > UINT32_MAX || !ret->width || !size_of_component(component))
        return fail_accessor(gltf, index, "has a count or a type that makes no sense", error);
    int64_t view = orf_gltf_whole(json, "bufferView", -2);
    if (view != -2)
        return bind(gltf, ret, view, orf_gltf_whole(json, "byteOffset", 0), error);
    if (!ret->sparse || ret->count > gltf->file_size)
        return fail_accessor(gltf, index, "has no bytes", error);
    return true;
}

static double
component_at(const Accessor *accessor, const uint8_t *at)
{
    uint16_t u16;
    uint32_t u32;
    float f32;
    switch (accessor->component) {
    case I8:
        return (int8_t)*at;
    case U8:
        return *at;
    case I16:
        memcpy(&u16, at, 2);
        return (int16_t)u16;
    case U16:
        memcpy(&u16, at, 2);
        return u16;
    case U32:
        memcpy(&u32, at, 4);
        return u32;
    case F32:
        break;
    }
    memcpy(&f32, at, 4);
    return (double)f32;
}

static double
largest_of(Component component)
{
    return component == I8 ? 127 : component == U8 ? 255 : component == I16 ? 32767 : 65535;
}

/* One element as floats; normalised integers become -1..1 or 0..1 (glTF 2.0, 3.11). */
static void
element_floats(const Accessor *accessor, const uint8_t *at, float *ret)
{
    size_t step = size_of_component(accessor->component);
    for (unsigned c = 0; c < accessor->width; c++) {
        double value = component_at(accessor, at + c * step);
        if (accessor->normalized && accessor->component < U32)
            value = MAX(value / largest_of(accessor->component), -1);
        ret[c] = (float)value;
    }
}

/* Overwrites the elements that the sparse part names. */
static bool
apply_sparse(OrfGltf *gltf, const Accessor *accessor, float *floats, unsigned width,
             GError **error)
{
    int64_t count = orf_gltf_whole(accessor->sparse, "count", -1);
    const json_t *at = json_object_get(accessor->sparse, "indices");
    const json_t *values = json_object_get(accessor->sparse, "values");
    int64_t component = orf_gltf_whole(at, "componentType", -1);
    if (count < 0 || (uint64_t)count > accessor->count ||
        (component != U8 && component != U16 && component != U32))
        return fail_accessor(gltf, accessor->index, "has a broken sparse part", error);
    g_auto(Accessor) index = { .index = accessor->index, .width = 1 };
    g_auto(Accessor) value = *accessor;
    value.bytes = NULL;
    index.count = value.count = (size_t)count;
    index.component = (Component)component;
    if (!bind(gltf, &index, orf_gltf_whole(at, "bufferView", -1),
              orf_gltf_whole(at, "byteOffset", 0), error) ||
        !bind(gltf, &value, orf_gltf_whole(values, "bufferView", -1),
              orf_gltf_whole(values, "byteOffset", 0), error))
        return false;
    for (size_t i = 0; i < index.count; i++) {
        size_t which = (size_t)component_at(&index, index.data + i * index.stride);
        if (which >= accessor->count)
            return fail_accessor(gltf, accessor->index, "has a broken sparse part", error);
        element_floats(&value, value.data + i * value.stride, floats + which * width);
    }
    return true;
}

static bool
fill_floats(OrfGltf *gltf, const Accessor *accessor, float *ret, unsigned width, GError **error)
{
    size_t n = accessor->count;
    bool packed = accessor->component == F32 && accessor->width == width &&
                  accessor->stride == width * sizeof *ret;
    if (accessor->data && packed && n)
        memcpy(ret, accessor->data, n * accessor->stride);
    for (size_t i = 0; !(accessor->data && packed) && i < n; i++) {
        for (unsigned c = accessor->width; c < width; c++)
            ret[i * width + c] = 1;
        if (accessor->data)
            element_floats(accessor, accessor->data + i * accessor->stride, ret + i * width);
    }
    return !accessor->sparse || apply_sparse(gltf, accessor, ret, width, error);
}

float *
orf_gltf_floats(OrfGltf *gltf, size_t index, unsigned least, unsigned width, size_t *ret_count,
                GError **error)
{
    g_auto(Accessor) accessor = { 0 };
    if (!open_accessor(gltf, index, &accessor, error))
        return NULL;
    if (accessor.width < least || accessor.width > width || accessor.component == U32) {
        fail_accessor(gltf, index, "has a type that does not suit its use", error);
        return NULL;
    }
    orf_autofree float *floats =
        ORF_ALLOC(gltf->draft->task, float, (accessor.count * width), "vertices", error);
    if (!floats || !fill_floats(gltf, &accessor, floats, width, error))
        return NULL;
    *ret_count = accessor.count;
    return g_steal_pointer(&floats);
}

uint32_t *
orf_gltf_wholes(OrfGltf *gltf, size_t index, unsigned width, size_t *ret_count, GError **error)
{
    g_auto(Accessor) accessor = { 0 };
    if (!open_accessor(gltf, index, &accessor, error))
        return NULL;
    Component component = accessor.component;
    if (accessor.width != width || accessor.sparse ||
        (component != U8 && component != U16 && component != U32)) {
        fail_accessor(gltf, index, "has a type that does not suit its use", error);
        return NULL;
    }
    size_t n = accessor.count, step = size_of_component(component);
    orf_autofree uint32_t *wholes =
        ORF_ALLOC(gltf->draft->task, uint32_t, n * width, "indices", error);
    if (!wholes)
        return NULL;
    for (size_t i = 0; i < n; i++)
        for (unsigned c = 0; c < width; c++)
            wholes[i * width + c] = (uint32_t)component_at(
                &accessor, accessor.data + i * accessor.stride + c * step);
    *ret_count = n;
    return g_steal_pointer(&wholes);
}
