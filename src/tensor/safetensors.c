/* safetensors.c - u64 header length, a JSON header, one buffer without gaps.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Stricter than the reference library on purpose: no leading space, no unknown keys, no
 * control characters in names; arrays sorted by place must tile the buffer exactly. */
#include "tensor/strict-json.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name;
    OrfDtype dtype;
    unsigned bits;
} Type;

static const Type types[] = {
    { "F32", ORF_DTYPE_F32, 32 },
    { "F16", ORF_DTYPE_F16, 16 },
    { "BF16", ORF_DTYPE_BF16, 16 },
    { "F64", ORF_DTYPE_F64, 64 },
    { "I8", ORF_DTYPE_I8, 8 },
    { "U8", ORF_DTYPE_U8, 8 },
    { "BOOL", ORF_DTYPE_BOOL, 8 },
    { "I16", ORF_DTYPE_I16, 16 },
    { "U16", ORF_DTYPE_U16, 16 },
    { "I32", ORF_DTYPE_I32, 32 },
    { "U32", ORF_DTYPE_U32, 32 },
    { "I64", ORF_DTYPE_I64, 64 },
    { "U64", ORF_DTYPE_U64, 64 },
    { "F8_E4M3", ORF_DTYPE_F8_E4M3, 8 },
    { "F8_E5M2", ORF_DTYPE_F8_E5M2, 8 },
    { "F8_E8M0", ORF_DTYPE_OTHER, 8 },
    { "F8_E4M3FNUZ", ORF_DTYPE_OTHER, 8 },
    { "F8_E5M2FNUZ", ORF_DTYPE_OTHER, 8 },
    { "C64", ORF_DTYPE_OTHER, 64 },
    { "F4", ORF_DTYPE_OTHER, 4 },
    { "F6_E2M3", ORF_DTYPE_OTHER, 6 },
    { "F6_E3M2", ORF_DTYPE_OTHER, 6 },
};

typedef struct {
    const Type *type;
    unsigned rank;
    uint64_t shape[ORF_MAX_RANK], begin, end;
    bool has_shape, has_place;
} Header;

typedef struct {
    uint64_t begin, end;
} Place;

typedef struct {
    uint64_t data; /* where the buffer begins */
    OrfVec places;
} Table;

static bool
read_type(OrfStrictJson *json, Header *header, GError **error)
{
    if (!orf_strict_string(json, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (json->text->len == strlen(types[i].name) &&
            memcmp(json->text->str, types[i].name, json->text->len) == 0)
            header->type = &types[i];
    return header->type || orf_strict_fail(json, "an unknown number format", error);
}

static bool
read_shape(OrfStrictJson *json, Header *header, GError **error)
{
    header->has_shape = true;
    if (!orf_strict_expect(json, '[', error))
        return false;
    if (orf_strict_take(json, ']'))
        return true;
    do {
        if (header->rank == ORF_MAX_RANK)
            return orf_strict_fail(json, "more than eight dimensions", error);
        if (!orf_strict_uint(json, &header->shape[header->rank++], error))
            return false;
    } while (orf_strict_take(json, ','));
    return orf_strict_expect(json, ']', error);
}

static bool
read_place(OrfStrictJson *json, Header *header, GError **error)
{
    header->has_place = true;
    return orf_strict_expect(json, '[', error) &&
           orf_strict_uint(json, &header->begin, error) &&
           orf_strict_expect(json, ',', error) && orf_strict_uint(json, &header->end, error) &&
           orf_strict_expect(json, ']', error);
}

static bool
read_member(OrfStrictJson *json, const char *key, size_t length, void *data, GError **error)
{
    Header *header = data;
    (void)length;
    if (g_str_equal(key, "dtype"))
        return read_type(json, header, error);
    if (g_str_equal(key, "shape"))
        return read_shape(json, header, error);
    if (g_str_equal(key, "data_offsets"))
        return read_place(json, header, error);
    return orf_strict_fail(json, "an unknown key in an entry", error);
}

/* end - begin is what shape and type need. */
static bool
check_size(OrfStrictJson *json, const Header *header, GError **error)
{
    uint64_t count, bits;
    if (!orf_shape_count(header->rank, header->shape, &count) ||
        __builtin_mul_overflow(count, header->type->bits, &bits))
        return orf_strict_fail(json, "a shape that overflows", error);
    if (bits % 8 || header->begin > header->end || header->end - header->begin != bits / 8)
        return orf_strict_fail(json, "a shape that does not fit its bytes", error);
    return true;
}

static bool
add_entry(OrfStrictJson *json, Table *table, const char *name, size_t length,
          const Header *header, GError **error)
{
    OrfReader *reader = json->reader;
    if (!header->type || !header->has_shape || !header->has_place)
        return orf_strict_fail(json, "an entry without dtype, shape or data_offsets", error);
    if (!check_size(json, header, error))
        return false;
    if (header->end > reader->size - table->data)
        return orf_strict_fail(json, "an array reaches past the end of the file", error);
    Place *place = orf_vec_add(reader->task, &table->places, 1, "table of arrays", error);
    if (!place)
        return false;
    *place = (Place){ header->begin, header->end };
    OrfEntryToAdd add = { .name = name,
                          .name_length = length,
                          .dtype = header->type->dtype,
                          .rank = header->rank,
                          .shape = header->shape,
                          .begin = table->data + header->begin,
                          .size = header->end - header->begin };
    return orf_reader_add(reader, json->at, &add, error);
}

static bool
read_note(OrfStrictJson *json, const char *key, size_t length, void *data, GError **error)
{
    (void)key, (void)length, (void)data;
    return orf_strict_string(json, error);
}

static bool
read_entry(OrfStrictJson *json, const char *key, size_t length, void *data, GError **error)
{
    if (strlen(key) != length)
        return orf_strict_fail(json, "a name with NUL in it", error);
    if (g_str_equal(key, "__metadata__"))
        return orf_strict_object(json, read_note, NULL, error);
    Header header = { 0 };
    return orf_strict_object(json, read_member, &header, error) &&
           add_entry(json, data, key, length, &header, error);
}

static int
by_place(const void *a, const void *b)
{
    const Place *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static bool
check_tiling(const OrfReader *reader, Table *table, GError **error)
{
    Place *places = table->places.data;
    if (table->places.n)
        qsort(places, table->places.n, sizeof *places, by_place);
    uint64_t at = 0;
    for (size_t i = 0; i < table->places.n; i++) {
        if (places[i].begin != at)
            return ORF_REFUSE(reader, table->data + places[i].begin, error,
                              "arrays overlap or leave a gap");
        at = places[i].end;
    }
    if (table->data + at != reader->size)
        return ORF_REFUSE(reader, table->data + at, error,
                          "the arrays end here, the file does not");
    return true;
}

static bool
read_header(OrfReader *reader, Table *table, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    OrfStrictJson json = { reader, 8, table->data, text };
    if (!orf_strict_object(&json, read_entry, table, error))
        return false;
    while (json.at < json.end && reader->bytes[json.at] == ' ')
        json.at++;
    if (json.at < json.end)
        return orf_strict_fail(&json, "something after the header", error);
    return check_tiling(reader, table, error);
}

bool
orf_read_safetensors(OrfReader *reader, GError **error)
{
    if (reader->size < 8)
        return ORF_REFUSE(reader, reader->size, error,
                          "too short for a checkpoint; it is cut off, fetch it again");
    uint64_t length = orf_le64(reader->bytes);
    if (length > reader->size - 8 || length > ORF_MAX_HEADER || length < 2 ||
        reader->bytes[8] != '{')
        return ORF_REFUSE(reader, 0, error,
                          "not a checkpoint that is known here (safetensors, PyTorch zip, GGUF "
                          "or ONNX), or cut off");
    Table table = { .data = 8 + length, .places = { .item = sizeof(Place) } };
    bool good = read_header(reader, &table, error);
    orf_vec_clear(&table.places);
    return good;
}

/* --- The index of a sharded set ----------------------------------------------------------- */

typedef struct {
    OrfShardFn each;
    void *data;
    uint64_t total;
    bool has_map;
} Index;

static bool
read_total(OrfStrictJson *json, const char *key, size_t length, void *data, GError **error)
{
    Index *index = data;
    (void)length;
    orf_strict_space(json);
    bool number = json->at < json->end && g_ascii_isdigit((char)json->reader->bytes[json->at]);
    if (g_str_equal(key, "total_size") && number)
        return orf_strict_uint(json, &index->total, error);
    return orf_strict_skip(json, 4, error);
}

static bool
read_pair(OrfStrictJson *json, const char *key, size_t length, void *data, GError **error)
{
    const Index *index = data;
    if (!orf_reader_name_ok(key, length))
        return orf_strict_fail(json, "a name that cannot be one", error);
    if (!orf_strict_string(json, error))
        return false;
    if (strlen(json->text->str) != json->text->len)
        return orf_strict_fail(json, "a file name with NUL in it", error);
    return index->each(key, json->text->str, index->data, error);
}

static bool
read_index_key(OrfStrictJson *json, const char *key, size_t length, void *data, GError **error)
{
    Index *index = data;
    (void)length;
    if (g_str_equal(key, "metadata"))
        return orf_strict_object(json, read_total, index, error);
    if (!g_str_equal(key, "weight_map"))
        return orf_strict_skip(json, 4, error);
    index->has_map = true;
    return orf_strict_object(json, read_pair, index, error);
}

bool
orf_read_index(OrfReader *reader, OrfShardFn each, void *data, uint64_t *ret_total,
               GError **error)
{
    if (reader->size > ORF_MAX_HEADER)
        return ORF_REFUSE(reader, 0, error, "an index of more than 64 MiB");
    g_autoptr(GString) text = g_string_new(NULL);
    OrfStrictJson json = { reader, 0, reader->size, text };
    Index index = { each, data, UINT64_MAX, false };
    if (!orf_strict_object(&json, read_index_key, &index, error))
        return false;
    orf_strict_space(&json);
    if (json.at < json.end)
        return orf_strict_fail(&json, "something after the index", error);
    if (!index.has_map)
        return orf_strict_fail(&json, "no weight_map", error);
    *ret_total = index.total;
    return true;
}
