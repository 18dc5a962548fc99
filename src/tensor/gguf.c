/* gguf.c - GGUF, versions 2 and 3: key-value pairs, a table of arrays, aligned data.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One pass over memory: every count is checked against the bytes that are left before anything
 * is made of it, and metadata nobody wants is stepped over, not stored. Dimensions lie fastest
 * first and are turned round; a shape that was flattened comes back from the key
 * "comfy.gguf.orig_shape.NAME". */
#include "tensor/tensor-priv.h"

#include <stdlib.h>
#include <string.h>

enum {
    T_U8,
    T_I8,
    T_U16,
    T_I16,
    T_U32,
    T_I32,
    T_F32,
    T_BOOL,
    T_STRING,
    T_ARRAY,
    T_U64,
    T_I64,
    T_F64,
    N_TYPES
};

static const uint8_t type_size[N_TYPES] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

#define SHAPE_KEY "comfy.gguf.orig_shape."

typedef struct {
    unsigned id;
    OrfDtype dtype;
    unsigned block, block_size;
} Type;

/* Ids for sizes only are OTHER: the container is valid, the array cannot be read. */
static const Type types[] = {
    { 0, ORF_DTYPE_F32, 1, 4 },        { 1, ORF_DTYPE_F16, 1, 2 },
    { 30, ORF_DTYPE_BF16, 1, 2 },      { 8, ORF_DTYPE_Q8_0, 32, 34 },
    { 2, ORF_DTYPE_Q4_0, 32, 18 },     { 12, ORF_DTYPE_Q4_K, 256, 144 },
    { 13, ORF_DTYPE_Q5_K, 256, 176 },  { 14, ORF_DTYPE_Q6_K, 256, 210 },
    { 3, ORF_DTYPE_OTHER, 32, 20 },    { 6, ORF_DTYPE_OTHER, 32, 22 },
    { 7, ORF_DTYPE_OTHER, 32, 24 },    { 9, ORF_DTYPE_OTHER, 32, 36 },
    { 10, ORF_DTYPE_OTHER, 256, 84 },  { 11, ORF_DTYPE_OTHER, 256, 110 },
    { 15, ORF_DTYPE_OTHER, 256, 292 }, { 20, ORF_DTYPE_OTHER, 32, 18 },
    { 23, ORF_DTYPE_OTHER, 256, 136 }, { 24, ORF_DTYPE_I8, 1, 1 },
    { 25, ORF_DTYPE_I16, 1, 2 },       { 26, ORF_DTYPE_I32, 1, 4 },
    { 27, ORF_DTYPE_I64, 1, 8 },       { 28, ORF_DTYPE_F64, 1, 8 },
};

typedef struct {
    const uint8_t *text;
    uint64_t length;
} Text;

typedef struct {
    unsigned rank;
    uint64_t shape[ORF_MAX_RANK];
} Shape;

typedef struct {
    uint64_t begin, end;
} Span;

typedef struct {
    OrfReader *reader;
    uint64_t at, alignment;
    GHashTable *keys;   /* seen so far */
    GHashTable *shapes; /* array name to Shape: as it was before it was flattened */
    OrfVec infos;       /* Info */
} File;

typedef struct {
    Text name;
    const Type *type;
    unsigned rank;
    uint64_t shape[ORF_MAX_RANK], count, offset, place;
} Info;

static bool
fail(const File *file, const char *why, GError **error)
{
    return ORF_REFUSE(file->reader, file->at, error, "%s", why);
}

static bool
take(File *file, uint64_t n, const uint8_t **ret, GError **error)
{
    if (n > file->reader->size - file->at)
        return fail(file, "the file ends too early", error);
    *ret = file->reader->bytes + file->at;
    file->at += n;
    return true;
}

static bool
take_u32(File *file, uint32_t *ret, GError **error)
{
    const uint8_t *at;
    if (!take(file, 4, &at, error))
        return false;
    *ret = orf_le32(at);
    return true;
}

static bool
take_u64(File *file, uint64_t *ret, GError **error)
{
    const uint8_t *at;
    if (!take(file, 8, &at, error))
        return false;
    *ret = orf_le64(at);
    return true;
}

static bool
take_text(File *file, uint64_t limit, Text *ret, GError **error)
{
    if (!take_u64(file, &ret->length, error))
        return false;
    if (ret->length > limit)
        return fail(file, "text of an impossible length", error);
    if (!take(file, ret->length, &ret->text, error))
        return false;
    return orf_reader_utf8_ok(ret->text, ret->length) ||
           fail(file, "text that is not UTF-8", error);
}

/* --- Key-value pairs ---------------------------------------------------------------------- */

static bool
skip_strings(File *file, uint64_t count, GError **error)
{
    if (count > 1 << 24 || count > (file->reader->size - file->at) / 8)
        return fail(file, "a list longer than the file", error);
    for (uint64_t i = 0; i < count; i++) {
        Text text;
        if (!take_text(file, ORF_MAX_HEADER, &text, error))
            return false;
    }
    return true;
}

static bool
skip_bools(File *file, uint64_t count, GError **error)
{
    const uint8_t *at;
    if (!take(file, count, &at, error))
        return false;
    for (uint64_t i = 0; i < count; i++)
        if (at[i] > 1)
            return fail(file, "a truth value that is neither 0 nor 1", error);
    return true;
}

static bool
skip_array(File *file, unsigned depth, GError **error)
{
    uint32_t type;
    uint64_t count, size;
    const uint8_t *at;
    if (!depth)
        return fail(file, "lists nested too deep", error);
    if (!take_u32(file, &type, error) || !take_u64(file, &count, error))
        return false;
    if (type >= N_TYPES)
        return fail(file, "an unknown type of value", error);
    if (type == T_STRING)
        return skip_strings(file, count, error);
    if (type == T_BOOL)
        return skip_bools(file, count, error);
    if (type != T_ARRAY) {
        if (__builtin_mul_overflow(count, type_size[type], &size))
            return fail(file, "a list longer than the file", error);
        return take(file, size, &at, error);
    }
    if (count > (file->reader->size - file->at) / 12)
        return fail(file, "a list longer than the file", error);
    for (uint64_t i = 0; i < count; i++)
        if (!skip_array(file, depth - 1, error))
            return false;
    return true;
}

static bool
skip_value(File *file, uint32_t type, unsigned depth, GError **error)
{
    Text text;
    const uint8_t *at;
    if (type >= N_TYPES)
        return fail(file, "an unknown type of value", error);
    if (type == T_STRING)
        return take_text(file, ORF_MAX_HEADER, &text, error);
    if (type == T_ARRAY)
        return skip_array(file, depth, error);
    if (type == T_BOOL)
        return skip_bools(file, 1, error);
    return take(file, type_size[type], &at, error);
}

static bool
read_alignment(File *file, uint32_t type, GError **error)
{
    uint32_t value;
    if (type != T_U32)
        return fail(file, "an alignment of a wrong type", error);
    if (!take_u32(file, &value, error))
        return false;
    if (value < 8 || value > 65536 || (value & (value - 1)))
        return fail(file, "an alignment that is no power of two from 8 to 65536", error);
    file->alignment = value;
    return true;
}

static bool
read_split(File *file, uint32_t type, GError **error)
{
    const uint8_t *at;
    if (type != T_U16)
        return skip_value(file, type, 4, error);
    if (!take(file, 2, &at, error))
        return false;
    if (orf_le16(at) > 1)
        return fail(file, "one part of several; merge them first (gguf-split --merge)", error);
    return true;
}

/* i32[rank], every entry at least 1. */
static bool
read_shape(File *file, uint32_t type, const char *name, GError **error)
{
    uint32_t item, entry;
    uint64_t count;
    if (type != T_ARRAY)
        return fail(file, "an original shape that cannot be one", error);
    if (!take_u32(file, &item, error) || !take_u64(file, &count, error))
        return false;
    if (item != T_I32 || count > ORF_MAX_RANK)
        return fail(file, "an original shape that cannot be one", error);
    g_autofree Shape *shape = g_new0(Shape, 1);
    shape->rank = (unsigned)count;
    for (uint64_t i = 0; i < count; i++) {
        if (!take_u32(file, &entry, error))
            return false;
        if (entry < 1 || entry > INT32_MAX)
            return fail(file, "an original shape that cannot be one", error);
        shape->shape[i] = entry;
    }
    g_hash_table_insert(file->shapes, g_strdup(name), g_steal_pointer(&shape));
    return true;
}

static bool
read_value(File *file, const char *key, uint32_t type, GError **error)
{
    if (g_str_equal(key, "general.alignment"))
        return read_alignment(file, type, error);
    if (g_str_equal(key, "general.architecture") && type != T_STRING)
        return fail(file, "an architecture that is no text", error);
    if (g_str_equal(key, "split.count"))
        return read_split(file, type, error);
    if (g_str_has_prefix(key, SHAPE_KEY))
        return read_shape(file, type, key + strlen(SHAPE_KEY), error);
    return skip_value(file, type, 4, error);
}

static bool
read_pair(File *file, GError **error)
{
    Text key;
    uint32_t type;
    if (!take_text(file, 65535, &key, error))
        return false;
    for (uint64_t i = 0; i < key.length; i++)
        if (key.text[i] < 0x20 || key.text[i] == 0x7f)
            return fail(file, "a key with control characters", error);
    if (!key.length)
        return fail(file, "a key without a name", error);
    g_autofree char *name = g_strndup((const char *)key.text, key.length);
    if (!g_hash_table_add(file->keys, g_strdup(name)))
        return fail(file, "a key that occurs twice", error);
    return take_u32(file, &type, error) && read_value(file, name, type, error);
}

/* --- The table of arrays ------------------------------------------------------------------ */

static const Type *
find_type(uint32_t id)
{
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (types[i].id == id)
            return &types[i];
    return NULL;
}

static bool
read_dims(File *file, Info *info, GError **error)
{
    uint32_t rank;
    if (!take_u32(file, &rank, error))
        return false;
    if (rank < 1 || rank > 4)
        return fail(file, "a rank that is not 1 to 4", error);
    info->rank = rank;
    for (unsigned i = rank; i-- > 0;) {
        if (!take_u64(file, &info->shape[i], error))
            return false;
        if (!info->shape[i])
            return fail(file, "an empty dimension", error);
    }
    return orf_shape_count(rank, info->shape, &info->count) ||
           fail(file, "a shape of more than 2^40 elements", error);
}

static bool
read_info(File *file, Info *info, GError **error)
{
    uint32_t type;
    *info = (Info){ .place = file->at };
    if (!take_text(file, ORF_MAX_NAME, &info->name, error) || !read_dims(file, info, error) ||
        !take_u32(file, &type, error) || !take_u64(file, &info->offset, error))
        return false;
    info->type = find_type(type);
    if (!info->name.length)
        return fail(file, "an array without a name", error);
    if (!info->type)
        return ORF_REFUSE(file->reader, info->place, error, "an unknown type of array (%u)",
                          type);
    if (info->shape[info->rank - 1] % info->type->block)
        return fail(file, "rows that are no whole blocks", error);
    return true;
}

/* The shape it had before it was flattened, when the file tells it. */
static bool
restore_shape(const File *file, Info *info, GError **error)
{
    g_autofree char *name = g_strndup((const char *)info->name.text, info->name.length);
    const Shape *shape = g_hash_table_lookup(file->shapes, name);
    uint64_t count;
    if (!shape)
        return true;
    if (!orf_shape_count(shape->rank, shape->shape, &count) || count != info->count)
        return ORF_REFUSE(file->reader, info->place, error,
                          "an original shape with another number of elements");
    info->rank = shape->rank;
    memcpy(info->shape, shape->shape, sizeof info->shape);
    return true;
}

static bool
add_info(File *file, Info *info, uint64_t data, Span *ret, GError **error)
{
    OrfReader *reader = file->reader;
    uint64_t size;
    if (__builtin_mul_overflow(info->count / info->type->block, info->type->block_size,
                               &size) ||
        info->offset % file->alignment || data > reader->size ||
        info->offset > reader->size - data || size > reader->size - data - info->offset)
        return ORF_REFUSE(reader, info->place, error,
                          "an array that is not aligned or reaches past the end");
    if (!restore_shape(file, info, error))
        return false;
    *ret = (Span){ data + info->offset, data + info->offset + size };
    OrfEntryToAdd add = { .name = (const char *)info->name.text,
                          .name_length = info->name.length,
                          .dtype = info->type->dtype,
                          .rank = info->rank,
                          .shape = info->shape,
                          .begin = ret->begin,
                          .size = size };
    return orf_reader_add(reader, info->place, &add, error);
}

static int
by_begin(const void *a, const void *b)
{
    const Span *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static bool
add_all(File *file, GError **error)
{
    uint64_t data = (file->at + file->alignment - 1) / file->alignment * file->alignment;
    size_t n = file->infos.n;
    orf_autofree Span *spans =
        ORF_ALLOC(file->reader->task, Span, MAX(n, 1), "table of arrays", error);
    if (!spans)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!add_info(file, (Info *)file->infos.data + i, data, &spans[i], error))
            return false;
    qsort(spans, n, sizeof *spans, by_begin);
    for (size_t i = 1; i < n; i++)
        if (spans[i].begin < spans[i - 1].end)
            return ORF_REFUSE(file->reader, spans[i].begin, error, "arrays that overlap");
    return true;
}

static bool
check_version(File *file, GError **error)
{
    uint32_t version;
    if (!take_u32(file, &version, error))
        return false;
    if (version && (version & 0xffff) == 0)
        return ORF_FALSE(error, UNSUPPORTED,
                         "%s: a big-endian GGUF file; convert it to little-endian",
                         file->reader->name);
    if (version == 2 || version == 3)
        return true;
    return ORF_FALSE(error, UNSUPPORTED, "%s: GGUF version %u; 2 and 3 are read here",
                     file->reader->name, version);
}

static bool
read_file(File *file, GError **error)
{
    uint64_t n_arrays, n_pairs;
    if (!check_version(file, error) || !take_u64(file, &n_arrays, error) ||
        !take_u64(file, &n_pairs, error))
        return false;
    uint64_t left = file->reader->size - file->at;
    if (n_arrays > ORF_MAX_TENSORS || n_pairs > ORF_MAX_TENSORS || n_pairs > left / 12 ||
        n_arrays > left / 33)
        return fail(file, "more entries than the file can hold", error);
    for (uint64_t i = 0; i < n_pairs; i++)
        if (!read_pair(file, error))
            return false;
    for (uint64_t i = 0; i < n_arrays; i++) {
        Info *info = orf_vec_add(file->reader->task, &file->infos, 1, "table of arrays", error);
        if (!info || !read_info(file, info, error))
            return false;
    }
    return add_all(file, error);
}

bool
orf_read_gguf(OrfReader *reader, GError **error)
{
    File file = {
        .reader = reader,
        .at = 4,
        .alignment = 32,
        .keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .shapes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
        .infos = { .item = sizeof(Info) },
    };
    bool good = read_file(&file, error);
    g_hash_table_unref(file.keys);
    g_hash_table_unref(file.shapes);
    orf_vec_clear(&file.infos);
    return good;
}
