/* onnx.c - the weights of an ONNX file, named by the modules that use them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The graph is never run: published exporters write folded convolutions whose initialisers have
 * opaque names, but each node is named by its module's path
 * ("/stage1/rebnconvin/conv_s1/Conv"). So the nodes give names to the initialisers, and the net
 * that knows the architecture does the rest. Protobuf is read without a schema compiler: tag =
 * field << 3 | wire type. */
#include "tensor/tensor-priv.h"

#include <string.h>

typedef struct {
    const uint8_t *at, *end;
} Bytes;

typedef struct {
    unsigned field, wire;
    uint64_t number; /* wire types 0, 1 and 5 */
    Bytes bytes;     /* wire type 2 */
} Field;

typedef struct {
    Bytes name;
    OrfDtype dtype;
    unsigned rank;
    uint64_t shape[ORF_MAX_RANK], count;
    Bytes data;
} Initializer;

typedef struct {
    OrfReader *reader;
    GHashTable *by_name; /* initialiser's name to Initializer */
    Bytes graph;
} File;

static bool
fail(const File *file, const uint8_t *at, const char *why, GError **error)
{
    return ORF_REFUSE(file->reader, at - file->reader->bytes, error, "%s", why);
}

/* --- Protobuf ----------------------------------------------------------------------------- */

static bool
take_varint(Bytes *in, uint64_t *ret)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 10 && in->at < in->end; i++) {
        uint8_t byte = *in->at++;
        value |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (!(byte & 0x80)) {
            *ret = value;
            return i < 9 || byte <= 1;
        }
    }
    return false;
}

static bool
take_fixed(Bytes *in, unsigned n, Field *ret)
{
    if (in->end - in->at < (ptrdiff_t)n)
        return false;
    ret->number = n == 4 ? orf_le32(in->at) : orf_le64(in->at);
    in->at += n;
    return true;
}

static bool
take_field(Bytes *in, Field *ret)
{
    uint64_t tag, length;
    if (!take_varint(in, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return false;
    *ret = (Field){ .field = (unsigned)(tag >> 3), .wire = (unsigned)(tag & 7) };
    if (ret->wire == 0)
        return take_varint(in, &ret->number);
    if (ret->wire == 1 || ret->wire == 5)
        return take_fixed(in, ret->wire == 1 ? 8 : 4, ret);
    if (ret->wire != 2 || !take_varint(in, &length) || length > (uint64_t)(in->end - in->at))
        return false;
    ret->bytes = (Bytes){ in->at, in->at + length };
    in->at += length;
    return true;
}

typedef bool (*FieldFn)(File *file, const Field *field, void *data, GError **error);

static bool
each_field(File *file, Bytes message, FieldFn each, void *data, GError **error)
{
    Field field;
    while (message.at < message.end) {
        const uint8_t *at = message.at;
        if (!take_field(&message, &field))
            return fail(file, at, "no ONNX file, or a damaged one", error);
        if (!each(file, &field, data, error))
            return false;
    }
    return true;
}

static uint64_t
length_of(Bytes bytes)
{
    return (uint64_t)(bytes.end - bytes.at);
}

static bool
is_text(Bytes bytes, const char *word)
{
    return length_of(bytes) == strlen(word) && memcmp(bytes.at, word, strlen(word)) == 0;
}

static char *
text_of(Bytes bytes)
{
    return g_strndup((const char *)bytes.at, length_of(bytes));
}

/* --- Initialisers ------------------------------------------------------------------------- */

static bool
dtype_of(uint64_t type, OrfDtype *ret)
{
    static const struct {
        unsigned type;
        OrfDtype dtype;
    } table[] = {
        { 1, ORF_DTYPE_F32 },   { 2, ORF_DTYPE_U8 },   { 3, ORF_DTYPE_I8 },
        { 5, ORF_DTYPE_I16 },   { 6, ORF_DTYPE_I32 },  { 7, ORF_DTYPE_I64 },
        { 9, ORF_DTYPE_BOOL },  { 10, ORF_DTYPE_F16 }, { 11, ORF_DTYPE_F64 },
        { 16, ORF_DTYPE_BF16 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        if (table[i].type == type) {
            *ret = table[i].dtype;
            return true;
        }
    return false;
}

typedef struct {
    Initializer init;
    uint64_t type;
    Bytes floats; /* float_data, packed */
    bool has_raw;
} Reading;

static bool
add_dim(Reading *reading, uint64_t dim)
{
    Initializer *init = &reading->init;
    if (init->rank == ORF_MAX_RANK || dim > ORF_MAX_DIM)
        return false;
    init->shape[init->rank++] = dim;
    return true;
}

static bool
read_dims(File *file, const Field *field, Reading *reading, GError **error)
{
    if (field->wire == 0)
        return add_dim(reading, field->number) ||
               fail(file, file->graph.at, "an impossible shape", error);
    Bytes packed = field->bytes;
    while (packed.at < packed.end) {
        uint64_t dim;
        if (field->wire != 2 || !take_varint(&packed, &dim) || !add_dim(reading, dim))
            return fail(file, packed.at, "an impossible shape", error);
    }
    return true;
}

static bool
read_tensor_field(File *file, const Field *field, void *data, GError **error)
{
    Reading *reading = data;
    if (field->field == 1)
        return read_dims(file, field, reading, error);
    if (field->field == 2 && field->wire == 0)
        reading->type = field->number;
    if (field->field == 8 && field->wire == 2)
        reading->init.name = field->bytes;
    if (field->field == 9 && field->wire == 2) {
        reading->init.data = field->bytes;
        reading->has_raw = true;
    }
    if (field->field == 4 && field->wire == 2) {
        if (reading->floats.at)
            return fail(file, field->bytes.at, "weights in several pieces", error);
        reading->floats = field->bytes;
    }
    bool outside = field->field == 13 || (field->field == 14 && field->number == 1);
    if (outside || field->field == 3)
        return fail(file, file->graph.at, "weights outside of the file are not read", error);
    return true;
}

/* Floats may lie packed in float_data instead of raw_data: the bytes are the same. */
static bool
finish_tensor(File *file, Reading *reading, GError **error)
{
    Initializer *init = &reading->init;
    const uint8_t *at = init->name.at ? init->name.at : file->graph.at;
    uint64_t size;
    if (!orf_reader_name_ok((const char *)init->name.at, length_of(init->name)))
        return fail(file, at, "an initialiser whose name cannot be one", error);
    if (!orf_shape_count(init->rank, init->shape, &init->count))
        return fail(file, at, "an impossible shape", error);
    if (!dtype_of(reading->type, &init->dtype))
        return fail(file, at, "an unknown type of initialiser", error);
    if (!reading->has_raw && init->dtype == ORF_DTYPE_F32 && reading->floats.at)
        init->data = reading->floats;
    else if (!reading->has_raw)
        return true; /* small integers in fields of their own: no weights */
    if (__builtin_mul_overflow(init->count, orf_dtype_info(init->dtype)->block_size, &size) ||
        size != length_of(init->data))
        return fail(file, at, "an initialiser that does not fit its bytes", error);
    return true;
}

static bool
read_initializer(File *file, Bytes message, GError **error)
{
    Reading reading = { .init.name = { message.at, message.at } };
    if (!each_field(file, message, read_tensor_field, &reading, error) ||
        !finish_tensor(file, &reading, error))
        return false;
    if (g_hash_table_size(file->by_name) > ORF_MAX_TENSORS)
        return fail(file, message.at, "too many initialisers", error);
    char *name = text_of(reading.init.name);
    if (!g_hash_table_insert(file->by_name, name,
                             g_memdup2(&reading.init, sizeof reading.init)))
        return fail(file, message.at, "two initialisers of one name", error);
    return true;
}

static bool
read_graph_field(File *file, const Field *field, void *data, GError **error)
{
    (void)data;
    if (field->field == 15)
        return fail(file, file->graph.at, "sparse weights are not read", error);
    return field->field != 5 || field->wire != 2 || read_initializer(file, field->bytes, error);
}

/* --- Nodes -------------------------------------------------------------------------------- */

enum { MAX_INPUTS = 8 };

typedef struct {
    Bytes inputs[MAX_INPUTS], name, type;
    unsigned n_inputs;
    uint64_t group, dilation, step;
    bool uneven; /* an attribute differs between the axes */
} Node;

typedef struct {
    Bytes name;
    uint64_t number, ints[8];
    unsigned n_ints;
} Attribute;

static bool
read_attribute_field(File *file, const Field *field, void *data, GError **error)
{
    Attribute *attribute = data;
    if (field->field == 1 && field->wire == 2)
        attribute->name = field->bytes;
    if (field->field == 3 && field->wire == 0)
        attribute->number = field->number;
    if (field->field != 8)
        return true;
    Bytes packed = field->bytes;
    if (field->wire == 0 && attribute->n_ints < 8)
        attribute->ints[attribute->n_ints++] = field->number;
    while (field->wire == 2 && packed.at < packed.end) {
        uint64_t value;
        if (!take_varint(&packed, &value))
            return fail(file, packed.at, "a damaged attribute", error);
        if (attribute->n_ints < 8)
            attribute->ints[attribute->n_ints++] = value;
    }
    return true;
}

static bool
read_attribute(File *file, Bytes message, Node *node, GError **error)
{
    Attribute attribute = { .name = { message.at, message.at } };
    if (!each_field(file, message, read_attribute_field, &attribute, error))
        return false;
    bool dilations = is_text(attribute.name, "dilations");
    bool strides = is_text(attribute.name, "strides");
    if (is_text(attribute.name, "group"))
        node->group = attribute.number;
    if ((dilations || strides) && attribute.n_ints == 2) {
        *(dilations ? &node->dilation : &node->step) = attribute.ints[0];
        node->uneven |= attribute.ints[0] != attribute.ints[1];
    }
    return true;
}

static bool
read_node_field(File *file, const Field *field, void *data, GError **error)
{
    Node *node = data;
    if (field->wire != 2)
        return true;
    if (field->field == 1 && node->n_inputs < MAX_INPUTS)
        node->inputs[node->n_inputs++] = field->bytes;
    if (field->field == 3)
        node->name = field->bytes;
    if (field->field == 4)
        node->type = field->bytes;
    return field->field != 5 || read_attribute(file, field->bytes, node, error);
}

/* "/stage1/rebnconvin/conv_s1/Conv" to "stage1.rebnconvin.conv_s1". */
static char *
module_of(const Node *node)
{
    g_autofree char *name = text_of(node->name);
    char *slash = strrchr(name, '/');
    if (slash && slash > name)
        *slash = '\0';
    return g_strdelimit(g_strdup(*name == '/' ? name + 1 : name), "/", '.');
}

static bool
add_input(File *file, const Node *node, unsigned i, const char *module, const char *part,
          GError **error)
{
    if (i >= node->n_inputs)
        return true;
    g_autofree char *input = text_of(node->inputs[i]);
    const Initializer *init = g_hash_table_lookup(file->by_name, input);
    if (!init || !init->data.at)
        return true; /* computed by another node: what the net needs and misses, it says */
    g_autofree char *name = g_strconcat(module, ".", part, NULL);
    OrfEntryToAdd add = {
        .name = name,
        .name_length = strlen(name),
        .dtype = init->dtype,
        .rank = init->rank,
        .shape = init->shape,
        .begin = (uint64_t)(init->data.at - file->reader->bytes),
        .size = length_of(init->data),
        .dilation = (unsigned)MIN(node->dilation, 1024),
        .step = (unsigned)MIN(node->step, 1024),
    };
    return orf_reader_add(file->reader, add.begin, &add, error);
}

static bool
add_node(File *file, const Node *node, GError **error)
{
    static const char *const parts[] = { "weight", "bias", "running_mean", "running_var" };
    bool conv = is_text(node->type, "Conv");
    if (!conv && !is_text(node->type, "BatchNormalization"))
        return true;
    if (conv && (node->group > 1 || node->uneven))
        return fail(file, node->type.at, "a convolution of a kind no net here has", error);
    g_autofree char *module = module_of(node);
    for (unsigned i = 1; i <= (conv ? 2u : 4u); i++)
        if (!add_input(file, node, i, module, parts[i - 1], error))
            return false;
    return true;
}

static bool
read_nodes(File *file, const Field *field, void *data, GError **error)
{
    (void)data;
    if (field->field != 1 || field->wire != 2)
        return true;
    Bytes none = { field->bytes.at, field->bytes.at };
    Node node = { .name = none, .type = none, .dilation = 1, .step = 1 };
    return each_field(file, field->bytes, read_node_field, &node, error) &&
           add_node(file, &node, error);
}

/* --- The file ----------------------------------------------------------------------------- */

static bool
read_model_field(File *file, const Field *field, void *data, GError **error)
{
    (void)data;
    if (field->field != 7 || field->wire != 2)
        return true;
    if (file->graph.at)
        return fail(file, field->bytes.at, "two graphs", error);
    file->graph = field->bytes;
    return true;
}

static bool
read_model(File *file, GError **error)
{
    Bytes all = { file->reader->bytes, file->reader->bytes + file->reader->size };
    if (!each_field(file, all, read_model_field, NULL, error))
        return false;
    if (!file->graph.at)
        return fail(file, all.at, "no ONNX file: the graph is missing", error);
    return each_field(file, file->graph, read_graph_field, NULL, error) &&
           each_field(file, file->graph, read_nodes, NULL, error);
}

bool
orf_read_onnx(OrfReader *reader, GError **error)
{
    File file = { .reader = reader,
                  .by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free) };
    bool good = read_model(&file, error);
    g_hash_table_unref(file.by_name);
    return good;
}
