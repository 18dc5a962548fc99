/* glb-meshopt.c - views of a glTF document that meshoptimizer has packed.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * EXT_meshopt_compression: the bytes of a view are a stream of vertices, triangles or indices,
 * which the library unpacks and checks; what the stream stands for may be filtered besides. A
 * view is unpacked once. How large it gets is bounded by what a stream of its length can say.
 */
#include "format/glb-priv.h"

#include <meshoptimizer.h>
#include <string.h>

#define MOST_BYTES_A_BYTE 1024 /* more would be a bomb: the codecs reach some hundred */

typedef struct {
    size_t count, stride;
    const char *mode, *filter;
    const uint8_t *data;
    size_t size;
} Packed;

static bool
fail_view(const OrfGltf *gltf, size_t index, const char *what, GError **error)
{
    return ORF_FALSE(error, BAD_INPUT,
                     "%s: bufferViews[%zu] is packed by meshopt and %s; export it again",
                     gltf->name, index, what);
}

static bool
read_packed(const OrfGltf *gltf, size_t index, const json_t *json, Packed *ret, GError **error)
{
    int64_t count = orf_gltf_whole(json, "count", -1),
            stride = orf_gltf_whole(json, "byteStride", -1);
    const char *mode = json_string_value(json_object_get(json, "mode")),
               *filter = json_string_value(json_object_get(json, "filter"));
    *ret = (Packed){ .count = (size_t)count,
                     .stride = (size_t)stride,
                     .mode = mode ? mode : "",
                     .filter = filter ? filter : "NONE" };
    bool attributes = g_str_equal(ret->mode, "ATTRIBUTES"),
         triangles = g_str_equal(ret->mode, "TRIANGLES"),
         indices = g_str_equal(ret->mode, "INDICES");
    if (count < 0 || count > UINT32_MAX || (!attributes && !triangles && !indices) ||
        (attributes && (stride < 4 || stride > 256 || stride % 4)) ||
        (!attributes && stride != 2 && stride != 4) || (triangles && count % 3))
        return fail_view(gltf, index, "has a count, stride or mode that makes no sense", error);
    bool octahedral = g_str_equal(ret->filter, "OCTAHEDRAL"),
         quaternion = g_str_equal(ret->filter, "QUATERNION"),
         exponential = g_str_equal(ret->filter, "EXPONENTIAL");
    if ((!octahedral && !quaternion && !exponential && !g_str_equal(ret->filter, "NONE")) ||
        (octahedral && stride != 4 && stride != 8) || (quaternion && stride != 8) ||
        (!attributes && !g_str_equal(ret->filter, "NONE")))
        return fail_view(gltf, index, "has a filter that does not suit it", error);
    return true;
}

/* 0: it is whole. */
static int
decode(const Packed *packed, void *to)
{
    if (g_str_equal(packed->mode, "ATTRIBUTES"))
        return meshopt_decodeVertexBuffer(to, packed->count, packed->stride, packed->data,
                                          packed->size);
    if (g_str_equal(packed->mode, "TRIANGLES"))
        return meshopt_decodeIndexBuffer(to, packed->count, packed->stride, packed->data,
                                         packed->size);
    return meshopt_decodeIndexSequence(to, packed->count, packed->stride, packed->data,
                                       packed->size);
}

static void
unfilter(const Packed *packed, void *data)
{
    if (g_str_equal(packed->filter, "OCTAHEDRAL"))
        meshopt_decodeFilterOct(data, packed->count, packed->stride);
    else if (g_str_equal(packed->filter, "QUATERNION"))
        meshopt_decodeFilterQuat(data, packed->count, packed->stride);
    else if (g_str_equal(packed->filter, "EXPONENTIAL"))
        meshopt_decodeFilterExp(data, packed->count, packed->stride);
}

static GBytes *
unpack(OrfGltf *gltf, size_t index, const json_t *json, GError **error)
{
    Packed packed;
    if (!read_packed(gltf, index, json, &packed, error))
        return NULL;
    g_autoptr(GBytes) bytes = orf_gltf_range(gltf, index, json, error);
    if (!bytes)
        return NULL;
    packed.data = g_bytes_get_data(bytes, &packed.size);
    size_t size = packed.count * packed.stride;
    if (size > MOST_BYTES_A_BYTE * packed.size) {
        fail_view(gltf, index, "claims more than its bytes can hold", error);
        return NULL;
    }
    /* filters work on four elements at a time */
    orf_autofree uint8_t *data =
        ORF_ALLOC(gltf->draft->task, uint8_t, size + 4 * 256, "packed vertices", error);
    if (!data)
        return NULL;
    if (packed.count && decode(&packed, data) != 0) {
        fail_view(gltf, index, "is damaged", error);
        return NULL;
    }
    unfilter(&packed, data);
    return orf_bytes_take(g_steal_pointer(&data), size);
}

GBytes *
orf_gltf_unpacked(OrfGltf *gltf, size_t index, const json_t *json, GError **error)
{
    if (!gltf->unpacked)
        gltf->unpacked = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_bytes_unref);
    GBytes *known = g_hash_table_lookup(gltf->unpacked, GSIZE_TO_POINTER(index));
    if (!known) {
        known = unpack(gltf, index, json, error);
        if (known)
            g_hash_table_insert(gltf->unpacked, GSIZE_TO_POINTER(index), known);
    }
    return known ? g_bytes_ref(known) : NULL;
}
