/* pickle.c - the restricted pickle machine: describes tensors, runs nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A pickle is a program for a small stack machine whose GLOBAL and REDUCE can call anything. Of
 * its opcodes this machine knows those that state dictionaries are made of, and a symbol is an
 * enum: it can rebuild a tensor's description, make an ordered dictionary, and nothing else.
 * Whatever is not listed is refused. Lists are flat arrays of values, never walked deeper than
 * the tables of tensors lie. */
#include "tensor/tensor-priv.h"

#include <string.h>

enum { MAX_STACK = 65536, MAX_MEMO = 1 << 20, MAX_VALUES = 4 << 20 };

typedef enum {
    V_MARK,
    V_NONE,
    V_BOOL,
    V_INT,
    V_FLOAT,
    V_TEXT,
    V_SYMBOL,
    V_STORAGE, /* u.number: index of a Storage */
    V_TENSOR,  /* u.tensor */
    V_TUPLE,
    V_LIST,
    V_DICT,
    V_ORDERED,
    V_UNSET, /* a memo slot nobody wrote */
} Kind;

typedef enum { S_ORDERED, S_TENSOR, S_PARAMETER, S_SIZE, S_STORAGE } Symbol;

typedef struct Object Object;
typedef struct Tensor Tensor;

typedef struct {
    uint8_t kind, symbol, dtype; /* dtype of a storage symbol */
    uint32_t length;             /* of text */
    union {
        int64_t number;
        const char *text;
        Object *object;
        Tensor *tensor;
        OrfRecord *record;
    } u;
} Value;

struct Object {
    Object *next; /* all of the machine's, to be freed */
    OrfVec items; /* Value; dictionaries hold key, value, key, value */
};

struct Tensor {
    Tensor *next;
    OrfDtype dtype;
    const OrfRecord *record;
    uint64_t offset; /* elements */
    unsigned rank;
    uint64_t shape[ORF_MAX_RANK], stride[ORF_MAX_RANK];
};

typedef struct {
    OrfReader *reader;
    uint64_t at, end; /* bytes of the file */
    OrfRecordFn find;
    void *data;
    OrfVec stack, memo; /* Value */
    Object *objects;
    Tensor *tensors;
    uint64_t values; /* in all objects */
} Machine;

static bool
fail(const Machine *machine, const char *why, GError **error)
{
    return ORF_REFUSE(machine->reader, machine->at, error, "%s", why);
}

/* --- Stack and memory --------------------------------------------------------------------- */

static bool
push(Machine *machine, Value value, GError **error)
{
    if (machine->stack.n >= MAX_STACK)
        return fail(machine, "the stack grows too high", error);
    Value *top = orf_vec_add(machine->reader->task, &machine->stack, 1, "stack", error);
    if (!top)
        return false;
    *top = value;
    return true;
}

static Value *
top_of(const Machine *machine)
{
    return machine->stack.n ? (Value *)machine->stack.data + machine->stack.n - 1 : NULL;
}

static bool
pop(Machine *machine, Value *ret, GError **error)
{
    const Value *top = top_of(machine);
    if (!top || top->kind == V_MARK)
        return fail(machine, "nothing left on the stack", error);
    *ret = *top;
    machine->stack.n--;
    return true;
}

/* Values above the topmost mark, which is taken away with them. */
static bool
pop_to_mark(Machine *machine, const Value **ret_items, size_t *ret_n, GError **error)
{
    const Value *stack = machine->stack.data;
    size_t i = machine->stack.n;
    while (i > 0 && stack[i - 1].kind != V_MARK)
        i--;
    if (i == 0)
        return fail(machine, "a mark is missing", error);
    *ret_items = stack + i;
    *ret_n = machine->stack.n - i;
    machine->stack.n = i - 1;
    return true;
}

static bool
new_object(Machine *machine, Kind kind, Value *ret, GError **error)
{
    if (++machine->values > MAX_VALUES)
        return fail(machine, "too many objects", error);
    Object *object = g_new0(Object, 1);
    object->items.item = sizeof(Value);
    object->next = machine->objects;
    machine->objects = object;
    *ret = (Value){ .kind = (uint8_t)kind, .u.object = object };
    return true;
}

static bool
push_object(Machine *machine, Kind kind, GError **error)
{
    Value value;
    return new_object(machine, kind, &value, error) && push(machine, value, error);
}

/* `items` may lie above the top of the stack: they are copied before it grows. */
static bool
extend(Machine *machine, Object *object, const Value *items, size_t n, GError **error)
{
    machine->values += n;
    if (machine->values > MAX_VALUES)
        return fail(machine, "too many objects", error);
    if (!n)
        return true;
    Value *room = orf_vec_add(machine->reader->task, &object->items, n, "pickle", error);
    if (room)
        memcpy(room, items, n * sizeof *room);
    return room != NULL;
}

static bool
push_tuple(Machine *machine, const Value *items, size_t n, GError **error)
{
    Value tuple;
    return new_object(machine, V_TUPLE, &tuple, error) &&
           extend(machine, tuple.u.object, items, n, error) && push(machine, tuple, error);
}

static bool
is_dict(const Value *value)
{
    return value->kind == V_DICT || value->kind == V_ORDERED;
}

/* --- Bytes of the program ----------------------------------------------------------------- */

static bool
take(Machine *machine, uint64_t n, const uint8_t **ret, GError **error)
{
    if (n > machine->end - machine->at)
        return fail(machine, "the pickle ends inside an instruction", error);
    *ret = machine->reader->bytes + machine->at;
    machine->at += n;
    return true;
}

static bool
take_line(Machine *machine, const char **ret, size_t *ret_length, GError **error)
{
    const uint8_t *begin = machine->reader->bytes + machine->at;
    const uint8_t *stop = memchr(begin, '\n', machine->end - machine->at);
    if (!stop)
        return fail(machine, "a name that does not end", error);
    *ret = (const char *)begin;
    *ret_length = (size_t)(stop - begin);
    machine->at += *ret_length + 1;
    return true;
}

/* --- Symbols ------------------------------------------------------------------------------ */

typedef struct {
    const char *module, *name;
    Symbol symbol;
    OrfDtype dtype;
} Known;

static const Known known[] = {
    { "collections", "OrderedDict", S_ORDERED, 0 },
    { "torch._utils", "_rebuild_tensor_v2", S_TENSOR, 0 },
    { "torch._utils", "_rebuild_parameter", S_PARAMETER, 0 },
    { "torch", "Size", S_SIZE, 0 },
    { "torch", "FloatStorage", S_STORAGE, ORF_DTYPE_F32 },
    { "torch", "HalfStorage", S_STORAGE, ORF_DTYPE_F16 },
    { "torch", "BFloat16Storage", S_STORAGE, ORF_DTYPE_BF16 },
    { "torch", "DoubleStorage", S_STORAGE, ORF_DTYPE_F64 },
    { "torch", "LongStorage", S_STORAGE, ORF_DTYPE_I64 },
    { "torch", "IntStorage", S_STORAGE, ORF_DTYPE_I32 },
    { "torch", "ShortStorage", S_STORAGE, ORF_DTYPE_I16 },
    { "torch", "CharStorage", S_STORAGE, ORF_DTYPE_I8 },
    { "torch", "ByteStorage", S_STORAGE, ORF_DTYPE_U8 },
    { "torch", "BoolStorage", S_STORAGE, ORF_DTYPE_BOOL },
};

static bool
same(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

static bool
op_global(Machine *machine, GError **error)
{
    const char *module, *name;
    size_t module_length, name_length;
    if (!take_line(machine, &module, &module_length, error) ||
        !take_line(machine, &name, &name_length, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (same(module, module_length, known[i].module) &&
            same(name, name_length, known[i].name)) {
            Value symbol = { .kind = V_SYMBOL,
                             .symbol = (uint8_t)known[i].symbol,
                             .dtype = (uint8_t)known[i].dtype };
            return push(machine, symbol, error);
        }
    return fail(
        machine,
        "asks for code or a type that no plain checkpoint needs; do not trust this file, "
        "or re-save it as safetensors",
        error);
}

/* --- Tensors ------------------------------------------------------------------------------ */

static const Value *
items_of(const Value *tuple, Kind kind, size_t *ret_n)
{
    if (tuple->kind != kind)
        return NULL;
    *ret_n = tuple->u.object->items.n;
    static const Value none;
    return *ret_n ? tuple->u.object->items.data : &none;
}

static bool
unsigned_of(const Value *value, uint64_t *ret)
{
    if (value->kind != V_INT || value->u.number < 0)
        return false;
    *ret = (uint64_t)value->u.number;
    return true;
}

/* ("storage", type, key, location, elements) */
static bool
op_persistent_id(Machine *machine, GError **error)
{
    Value id;
    size_t n;
    if (!pop(machine, &id, error))
        return false;
    const Value *part = items_of(&id, V_TUPLE, &n);
    uint64_t elements, size;
    if (!part || n != 5 || part[0].kind != V_TEXT ||
        !same(part[0].u.text, part[0].length, "storage") || part[1].kind != V_SYMBOL ||
        part[1].symbol != S_STORAGE || part[2].kind != V_TEXT || part[3].kind != V_TEXT ||
        !unsigned_of(&part[4], &elements))
        return fail(machine, "a storage that is not described as one", error);
    if (part[2].length < 1 || part[2].length > 9)
        return fail(machine, "a storage key that is no number", error);
    g_autofree char *key = g_strndup(part[2].u.text, part[2].length);
    if (strspn(key, "0123456789") != part[2].length)
        return fail(machine, "a storage key that is no number", error);
    OrfRecord *record = machine->find(key, machine->data);
    OrfDtype dtype = part[1].dtype;
    if (!record || __builtin_mul_overflow(elements, orf_dtype_info(dtype)->block_size, &size) ||
        size != record->size)
        return fail(machine, "a storage whose record is missing or of another size", error);
    if (record->used_as >= 0 && (record->used_as != (int)dtype || record->elements != elements))
        return fail(machine, "one storage used as two kinds of numbers", error);
    record->used_as = (int)dtype;
    record->elements = elements;
    Value storage = { .kind = V_STORAGE, .dtype = (uint8_t)dtype, .u.record = record };
    return push(machine, storage, error);
}

static bool
read_geometry(const Value *size, const Value *stride, Tensor *tensor)
{
    size_t n, m;
    const Value *sizes = items_of(size, V_TUPLE, &n), *strides = items_of(stride, V_TUPLE, &m);
    if (!sizes || !strides || n != m || n > ORF_MAX_RANK)
        return false;
    tensor->rank = (unsigned)n;
    for (size_t i = 0; i < n; i++)
        if (!unsigned_of(&sizes[i], &tensor->shape[i]) ||
            !unsigned_of(&strides[i], &tensor->stride[i]))
            return false;
    return true;
}

static bool
is_empty_dict(const Value *value)
{
    return is_dict(value) && value->u.object->items.n == 0;
}

/* (storage, offset, size, stride, requires_grad, hooks[, metadata]) */
static bool
rebuild_tensor(Machine *machine, const Value *args, size_t n, GError **error)
{
    bool plain = n == 7 && (args[6].kind == V_NONE || is_empty_dict(&args[6]));
    Tensor tensor = { 0 };
    if ((n != 6 && !plain) || args[0].kind != V_STORAGE ||
        !unsigned_of(&args[1], &tensor.offset) || !read_geometry(&args[2], &args[3], &tensor) ||
        args[4].kind != V_BOOL || !is_empty_dict(&args[5]))
        return fail(machine, "a tensor that is not described as one", error);
    tensor.dtype = args[0].dtype;
    tensor.record = args[0].u.record;
    tensor.next = machine->tensors;
    if (++machine->values > MAX_VALUES)
        return fail(machine, "too many objects", error);
    machine->tensors = g_memdup2(&tensor, sizeof tensor);
    return push(machine, (Value){ .kind = V_TENSOR, .u.tensor = machine->tensors }, error);
}

static bool
op_reduce(Machine *machine, GError **error)
{
    Value tuple, symbol;
    size_t n = 0;
    if (!pop(machine, &tuple, error) || !pop(machine, &symbol, error))
        return false;
    const Value *args = items_of(&tuple, V_TUPLE, &n);
    if (!args || symbol.kind != V_SYMBOL)
        return fail(machine, "a call of something that cannot be called", error);
    if (symbol.symbol == S_ORDERED && n == 0)
        return push_object(machine, V_ORDERED, error);
    if (symbol.symbol == S_TENSOR)
        return rebuild_tensor(machine, args, n, error);
    if (symbol.symbol == S_PARAMETER && n == 3 && args[0].kind == V_TENSOR &&
        args[1].kind == V_BOOL && is_empty_dict(&args[2]))
        return push(machine, args[0], error);
    if (symbol.symbol == S_SIZE && n == 1 && args[0].kind == V_TUPLE)
        return push(machine, args[0], error);
    return fail(machine, "a call with arguments that do not belong", error);
}

/* --- Instructions ------------------------------------------------------------------------- */

static bool
op_text(Machine *machine, GError **error)
{
    const uint8_t *length, *text;
    if (!take(machine, 4, &length, error) || !take(machine, orf_le32(length), &text, error))
        return false;
    if (!orf_reader_utf8_ok(text, orf_le32(length)))
        return fail(machine, "text that is not UTF-8", error);
    Value value = { .kind = V_TEXT, .length = orf_le32(length), .u.text = (const char *)text };
    return push(machine, value, error);
}

static bool
push_int(Machine *machine, int64_t number, GError **error)
{
    return push(machine, (Value){ .kind = V_INT, .u.number = number }, error);
}

/* Little-endian two's complement of up to eight bytes. */
static bool
op_long(Machine *machine, GError **error)
{
    const uint8_t *length, *bytes;
    if (!take(machine, 1, &length, error))
        return false;
    if (*length > 8)
        return fail(machine, "an integer of more than 64 bits", error);
    if (!take(machine, *length, &bytes, error))
        return false;
    uint64_t value = *length && bytes[*length - 1] & 0x80 ? UINT64_MAX : 0;
    for (unsigned i = *length; i-- > 0;)
        value = value << 8 | bytes[i];
    return push_int(machine, (int64_t)value, error);
}

static bool
op_tuple(Machine *machine, size_t n, GError **error)
{
    const Value *stack = machine->stack.data;
    if (machine->stack.n < n)
        return fail(machine, "nothing left on the stack", error);
    const Value *items = stack + machine->stack.n - n;
    for (size_t i = 0; i < n; i++)
        if (items[i].kind == V_MARK)
            return fail(machine, "nothing left on the stack", error);
    machine->stack.n -= n;
    return push_tuple(machine, items, n, error);
}

static bool
op_tuple_to_mark(Machine *machine, GError **error)
{
    const Value *items;
    size_t n;
    return pop_to_mark(machine, &items, &n, error) && push_tuple(machine, items, n, error);
}

static bool
op_put(Machine *machine, uint32_t index, GError **error)
{
    const Value *top = top_of(machine);
    if (!top || top->kind == V_MARK || index >= MAX_MEMO)
        return fail(machine, "a memo that cannot be", error);
    while (machine->memo.n <= index) {
        Value *slot = orf_vec_add(machine->reader->task, &machine->memo, 1, "memo", error);
        if (!slot)
            return false;
        *slot = (Value){ .kind = V_UNSET };
    }
    ((Value *)machine->memo.data)[index] = *top_of(machine);
    return true;
}

static bool
op_get(Machine *machine, uint32_t index, GError **error)
{
    const Value *memo = machine->memo.data;
    if (index >= machine->memo.n || memo[index].kind == V_UNSET)
        return fail(machine, "a memo that nobody wrote", error);
    return push(machine, memo[index], error);
}

/* Adds to the list or dictionary below; `pairs` for a dictionary. */
static bool
add_items(Machine *machine, const Value *items, size_t n, bool pairs, GError **error)
{
    const Value *target = top_of(machine);
    bool fits = target && (pairs ? is_dict(target) && n % 2 == 0 : target->kind == V_LIST);
    if (!fits)
        return fail(machine, "items for something that takes none", error);
    return extend(machine, target->u.object, items, n, error);
}

static bool
op_items(Machine *machine, bool pairs, GError **error)
{
    const Value *items;
    size_t n;
    return pop_to_mark(machine, &items, &n, error) &&
           add_items(machine, items, n, pairs, error);
}

static bool
op_one(Machine *machine, bool pair, GError **error)
{
    Value items[2];
    size_t n = pair ? 2 : 1;
    for (size_t i = n; i-- > 0;)
        if (!pop(machine, &items[i], error))
            return false;
    return add_items(machine, items, n, pair, error);
}

/* The state of an ordered dictionary ({'_metadata': …}) is of no use here. */
static bool
op_build(Machine *machine, GError **error)
{
    Value state;
    if (!pop(machine, &state, error))
        return false;
    const Value *target = top_of(machine);
    if (!target || target->kind != V_ORDERED || !is_dict(&state))
        return fail(machine, "a state for something that has none", error);
    return true;
}

static bool
op_number(Machine *machine, unsigned bytes, GError **error)
{
    const uint8_t *at;
    if (!take(machine, bytes, &at, error))
        return false;
    int64_t value = bytes == 1   ? at[0]
                    : bytes == 2 ? orf_le16(at)
                                 : (int64_t)(int32_t)orf_le32(at);
    return push_int(machine, value, error);
}

static bool
op_memo(Machine *machine, bool put, unsigned bytes, GError **error)
{
    const uint8_t *at;
    if (!take(machine, bytes, &at, error))
        return false;
    uint32_t index = bytes == 1 ? at[0] : orf_le32(at);
    return put ? op_put(machine, index, error) : op_get(machine, index, error);
}

static bool
op_float(Machine *machine, GError **error)
{
    const uint8_t *at;
    return take(machine, 8, &at, error) && push(machine, (Value){ .kind = V_FLOAT }, error);
}

static bool
step(Machine *machine, uint8_t op, GError **error)
{
    switch (op) {
    case 0x7d:
        return push_object(machine, V_DICT, error);
    case 0x5d:
        return push_object(machine, V_LIST, error);
    case 0x29:
        return push_object(machine, V_TUPLE, error);
    case 0x28:
        return push(machine, (Value){ .kind = V_MARK }, error);
    case 0x58:
        return op_text(machine, error);
    case 0x4b:
        return op_number(machine, 1, error);
    case 0x4d:
        return op_number(machine, 2, error);
    case 0x4a:
        return op_number(machine, 4, error);
    case 0x8a:
        return op_long(machine, error);
    case 0x47:
        return op_float(machine, error);
    case 0x88:
    case 0x89:
        return push(machine, (Value){ .kind = V_BOOL, .u.number = op == 0x88 }, error);
    case 0x4e:
        return push(machine, (Value){ .kind = V_NONE }, error);
    case 0x85:
    case 0x86:
    case 0x87:
        return op_tuple(machine, op - 0x84u, error);
    case 0x74:
        return op_tuple_to_mark(machine, error);
    case 0x71:
        return op_memo(machine, true, 1, error);
    case 0x72:
        return op_memo(machine, true, 4, error);
    case 0x68:
        return op_memo(machine, false, 1, error);
    case 0x6a:
        return op_memo(machine, false, 4, error);
    case 0x63:
        return op_global(machine, error);
    case 0x51:
        return op_persistent_id(machine, error);
    case 0x52:
        return op_reduce(machine, error);
    case 0x73:
        return op_one(machine, true, error);
    case 0x75:
        return op_items(machine, true, error);
    case 0x61:
        return op_one(machine, false, error);
    case 0x65:
        return op_items(machine, false, error);
    case 0x62:
        return op_build(machine, error);
    default:
        return ORF_REFUSE(machine->reader, machine->at - 1, error,
                          "an instruction (0x%02x) that no plain checkpoint needs; re-save the "
                          "file as safetensors",
                          op);
    }
}

static bool
run(Machine *machine, Value *ret_root, GError **error)
{
    const uint8_t *op;
    if (!take(machine, 2, &op, error))
        return false;
    if (op[0] != 0x80 || op[1] < 2 || op[1] > 5)
        return fail(machine, "not a pickle of protocol 2", error);
    for (;;) {
        if (!take(machine, 1, &op, error))
            return false;
        if (*op == 0x2e)
            break;
        if (!step(machine, *op, error))
            return false;
    }
    if (machine->at != machine->end)
        return fail(machine, "something after the end of the pickle", error);
    if (!pop(machine, ret_root, error))
        return false;
    return machine->stack.n == 0 || fail(machine, "two objects instead of one", error);
}

/* --- What the root holds ------------------------------------------------------------------ */

/* The tensor's elements lie in its record: the gate checks shape, stride and bytes. */
static bool
add_tensor(Machine *machine, const char *prefix, const Value *key, const Tensor *tensor,
           GError **error)
{
    size_t size = orf_dtype_info(tensor->dtype)->block_size;
    g_autofree char *name = g_strdup_printf("%s%.*s", prefix, (int)key->length, key->u.text);
    if (strlen(name) != strlen(prefix) + key->length)
        return fail(machine, "a name with NUL in it", error);
    uint64_t elements = tensor->record->size / size;
    if (tensor->offset > elements)
        return fail(machine, "a tensor that begins past its storage", error);
    OrfEntryToAdd add = { .name = name,
                          .name_length = strlen(name),
                          .dtype = tensor->dtype,
                          .rank = tensor->rank,
                          .shape = tensor->shape,
                          .stride = tensor->stride,
                          .begin = tensor->record->begin + tensor->offset * size,
                          .size = (elements - tensor->offset) * size };
    return orf_reader_add(machine->reader, machine->at, &add, error);
}

static bool
all_keys_are_text(const Value *items, size_t n)
{
    for (size_t i = 0; i < n; i += 2)
        if (items[i].kind != V_TEXT)
            return false;
    return true;
}

static bool
check_keys(const Machine *machine, const Value *items, size_t n, GError **error)
{
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
    for (size_t i = 0; i < n; i += 2)
        if (items[i].kind == V_TEXT &&
            !g_hash_table_add(seen, g_bytes_new(items[i].u.text, items[i].length)))
            return fail(machine, "a key that occurs twice", error);
    return true;
}

static bool collect(Machine *machine, const char *prefix, const Value *dict, unsigned depth,
                    GError **error);

static bool
collect_item(Machine *machine, const char *prefix, const Value *pair, unsigned depth,
             GError **error)
{
    if (pair[1].kind == V_TENSOR)
        return add_tensor(machine, prefix, &pair[0], pair[1].u.tensor, error);
    if (!is_dict(&pair[1]) || depth == 0 || pair[0].length > ORF_MAX_NAME)
        return true;
    g_autofree char *below =
        g_strdup_printf("%s%.*s.", prefix, (int)pair[0].length, pair[0].u.text);
    return collect(machine, below, &pair[1], depth - 1, error);
}

/* Dictionaries with other keys (an optimiser's state) are passed over. */
static bool
collect(Machine *machine, const char *prefix, const Value *dict, unsigned depth, GError **error)
{
    size_t n = dict->u.object->items.n;
    const Value *items = dict->u.object->items.data;
    machine->values += n; /* one table may be named many times */
    if (machine->values > MAX_VALUES)
        return fail(machine, "too many objects", error);
    if (!all_keys_are_text(items, n))
        return true;
    if (!check_keys(machine, items, n, error))
        return false;
    for (size_t i = 0; i < n; i += 2)
        if (!collect_item(machine, prefix, &items[i], depth, error))
            return false;
    return true;
}

static const Value *
member(const Value *dict, const char *name)
{
    const Value *items = dict->u.object->items.data;
    for (size_t i = 0; i < dict->u.object->items.n; i += 2)
        if (items[i].kind == V_TEXT && same(items[i].u.text, items[i].length, name))
            return &items[i + 1];
    return NULL;
}

static bool
read_root(Machine *machine, GError **error)
{
    Value root;
    if (!run(machine, &root, error))
        return false;
    if (!is_dict(&root))
        return fail(machine, "the file holds no dictionary of tensors", error);
    const Value *state = member(&root, "state_dict");
    if (state && is_dict(state))
        return collect(machine, "", state, 0, error);
    return collect(machine, "", &root, 1, error);
}

static void
machine_clear(Machine *machine)
{
    while (machine->objects) {
        Object *next = machine->objects->next;
        orf_vec_clear(&machine->objects->items);
        g_free(machine->objects);
        machine->objects = next;
    }
    while (machine->tensors) {
        Tensor *next = machine->tensors->next;
        g_free(machine->tensors);
        machine->tensors = next;
    }
    orf_vec_clear(&machine->stack);
    orf_vec_clear(&machine->memo);
}

bool
orf_read_pickle(OrfReader *reader, uint64_t begin, uint64_t size, OrfRecordFn find, void *data,
                GError **error)
{
    if (size > ORF_MAX_HEADER)
        return ORF_REFUSE(reader, begin, error, "a pickle of more than 64 MiB");
    Machine machine = { .reader = reader,
                        .at = begin,
                        .end = begin + size,
                        .find = find,
                        .data = data,
                        .stack = { .item = sizeof(Value) },
                        .memo = { .item = sizeof(Value) } };
    bool good = read_root(&machine, error);
    machine_clear(&machine);
    return good;
}
