/* checkpoint.c - a table of named arrays in mapped files, whatever container holds them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first bytes choose the reader. Readers only describe: orf_reader_add is the single gate
 * through which an entry comes in, and it proves that the entry's bytes lie inside the file and
 * that limits hold. Nothing is copied until somebody reads an entry. */
#include "tensor/tensor-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct OrfCheckpoint {
    gatomicrefcount refs;
    char *name, *warning;
    const char *format;
    GPtrArray *files; /* GBytes */
    GPtrArray *entries;
    GHashTable *by_name;
    GStringChunk *names;
    uint64_t bytes, expanded, max_expanded;
};

/* --- Making ------------------------------------------------------------------------------- */

static OrfCheckpoint *
checkpoint_new(const char *name, const OrfCheckpointOpen *options)
{
    OrfCheckpoint *checkpoint = g_new0(OrfCheckpoint, 1);
    g_atomic_ref_count_init(&checkpoint->refs);
    checkpoint->name = g_strdup(name);
    checkpoint->files = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    checkpoint->entries = g_ptr_array_new_with_free_func(g_free);
    checkpoint->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    checkpoint->names = g_string_chunk_new(4096);
    checkpoint->max_expanded = options->max_bytes ? options->max_bytes : (uint64_t)64 << 30;
    return checkpoint;
}

OrfCheckpoint *
orf_checkpoint_ref(OrfCheckpoint *checkpoint)
{
    g_atomic_ref_count_inc(&checkpoint->refs);
    return checkpoint;
}

void
orf_checkpoint_unref(OrfCheckpoint *checkpoint)
{
    if (!checkpoint || !g_atomic_ref_count_dec(&checkpoint->refs))
        return;
    g_hash_table_unref(checkpoint->by_name);
    g_ptr_array_unref(checkpoint->entries);
    g_ptr_array_unref(checkpoint->files);
    g_string_chunk_free(checkpoint->names);
    g_free(checkpoint->name);
    g_free(checkpoint->warning);
    g_free(checkpoint);
}

void
orf_checkpoint_warn(OrfCheckpoint *checkpoint, const char *format, ...)
{
    if (checkpoint->warning)
        return;
    va_list args;
    va_start(args, format);
    checkpoint->warning = g_strdup_vprintf(format, args);
    va_end(args);
}

void
orf_reader_refuse(const OrfReader *reader, uint64_t at, GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *why = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT, "%s: byte %" G_GUINT64_FORMAT ": %s",
                reader->name, at, why);
}

bool
orf_reader_utf8_ok(const uint8_t *text, size_t length)
{
    const char *at = (const char *)text, *end = at + length;
    while (at < end) { /* GLib's check stops at NUL, which a value may hold */
        const char *stop;
        if (g_utf8_validate_len(at, (gsize)(end - at), &stop))
            return true;
        if (stop == end || *stop)
            return false;
        at = stop + 1;
    }
    return true;
}

bool
orf_reader_name_ok(const char *name, size_t length)
{
    if (length > ORF_MAX_NAME || !g_utf8_validate_len(name, length, NULL))
        return false;
    for (size_t i = 0; i < length; i++)
        if ((uint8_t)name[i] < 0x20 || name[i] == 0x7f)
            return false;
    return true;
}

bool
orf_shape_count(unsigned rank, const uint64_t *shape, uint64_t *ret_count)
{
    uint64_t count = 1;
    bool empty = false;
    for (unsigned i = 0; i < rank; i++) {
        if (shape[i] > ORF_MAX_DIM)
            return false;
        empty |= shape[i] == 0;
        if (__builtin_mul_overflow(count, MAX(shape[i], 1), &count) || count > ORF_MAX_DIM)
            return false;
    }
    *ret_count = empty ? 0 : count;
    return true;
}

/* Elements between the first and the last one, both included; false when it overflows. */
static bool
span_of(const OrfEntry *entry, uint64_t *ret_span)
{
    uint64_t span = 1;
    for (unsigned i = 0; i < entry->rank; i++) {
        uint64_t reach;
        if (__builtin_mul_overflow(entry->shape[i] - 1, entry->stride[i], &reach) ||
            __builtin_add_overflow(span, reach, &span))
            return false;
    }
    *ret_span = span;
    return true;
}

static void
set_row_major(OrfEntry *entry)
{
    uint64_t stride = 1;
    for (unsigned i = entry->rank; i-- > 0;) {
        entry->stride[i] = stride;
        stride *= MAX(entry->shape[i], 1);
    }
}

static bool
is_row_major(const OrfEntry *entry)
{
    OrfEntry plain = *entry;
    set_row_major(&plain);
    for (unsigned i = 0; i < entry->rank; i++)
        if (entry->shape[i] != 1 && entry->stride[i] != plain.stride[i])
            return false;
    return true;
}

/* The entry's elements lie in the bytes it claims, and the bytes in the file. */
static bool
check_extent(const OrfReader *reader, uint64_t at, const OrfEntryToAdd *add, OrfEntry *entry,
             GError **error)
{
    const OrfDtypeInfo *info = orf_dtype_info(entry->dtype);
    if (add->begin > reader->size || add->size > reader->size - add->begin)
        return ORF_REFUSE(reader, at, error, "an array reaches past the end of the file");
    if (!entry->count || !info->block_size)
        return true;
    uint64_t span;
    if (!span_of(entry, &span) || span > UINT64_MAX / 8 ||
        span / info->block * info->block_size > add->size || span % info->block)
        return ORF_REFUSE(reader, at, error, "an array reaches past its storage");
    return true;
}

static bool
count_expanded(const OrfReader *reader, const OrfEntry *entry, GError **error)
{
    const OrfDtypeInfo *info = orf_dtype_info(entry->dtype);
    OrfCheckpoint *checkpoint = reader->checkpoint;
    checkpoint->expanded += entry->count / info->block * MAX(info->block_size, 1);
    if (checkpoint->expanded <= checkpoint->max_expanded)
        return true;
    return ORF_FALSE(error, BAD_INPUT,
                     "%s: its arrays need more than %" G_GUINT64_FORMAT " MiB when expanded; "
                     "this is no honest checkpoint",
                     reader->name, checkpoint->max_expanded >> 20);
}

static bool
fill_entry(const OrfReader *reader, uint64_t at, const OrfEntryToAdd *add, OrfEntry *entry,
           GError **error)
{
    if (add->rank > ORF_MAX_RANK)
        return ORF_REFUSE(reader, at, error, "rank %u, at most %d", add->rank, ORF_MAX_RANK);
    entry->dtype = add->dtype;
    entry->rank = add->rank;
    entry->dilation = add->dilation;
    entry->step = add->step;
    for (unsigned i = 0; i < add->rank; i++)
        entry->shape[i] = add->shape[i];
    if (!orf_shape_count(entry->rank, entry->shape, &entry->count))
        return ORF_REFUSE(reader, at, error, "a shape of more than 2^40 elements");
    set_row_major(entry);
    for (unsigned i = 0; add->stride && i < add->rank; i++)
        entry->stride[i] = add->stride[i];
    entry->data = reader->bytes + add->begin;
    entry->size = add->size;
    return check_extent(reader, at, add, entry, error);
}

bool
orf_reader_add(OrfReader *reader, uint64_t at, const OrfEntryToAdd *add, GError **error)
{
    OrfCheckpoint *checkpoint = reader->checkpoint;
    if (checkpoint->entries->len >= ORF_MAX_TENSORS)
        return ORF_REFUSE(reader, at, error, "more than %u arrays", ORF_MAX_TENSORS);
    if (!orf_reader_name_ok(add->name, add->name_length))
        return ORF_REFUSE(reader, at, error,
                          "a name that is too long, not UTF-8, or holds control characters");
    g_autofree OrfEntry *entry = g_new0(OrfEntry, 1);
    if (!fill_entry(reader, at, add, entry, error) || !count_expanded(reader, entry, error))
        return false;
    entry->name =
        g_string_chunk_insert_len(checkpoint->names, add->name, (gssize)add->name_length);
    if (g_hash_table_contains(checkpoint->by_name, entry->name))
        return ORF_REFUSE(reader, at, error, "two arrays have the same name");
    g_hash_table_insert(checkpoint->by_name, (char *)entry->name, entry);
    g_ptr_array_add(checkpoint->entries, g_steal_pointer(&entry));
    return true;
}

static int
by_name(const void *a, const void *b)
{
    const OrfEntry *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* --- What is it? -------------------------------------------------------------------------- */

typedef bool (*ReadFn)(OrfReader *reader, GError **error);

typedef struct {
    const char *magic;
    size_t length;
    const char *what; /* "…; what to do" */
} Foreign;

static const Foreign foreign[] = {
    { "version https://git-lfs", 23,
      "a Git LFS pointer, not the file itself; fetch it with git lfs pull" },
    { "<!DOCTYPE", 9, "a web page, not a checkpoint; download the file itself" },
    { "<!doctype", 9, "a web page, not a checkpoint; download the file itself" },
    { "<html", 5, "a web page, not a checkpoint; download the file itself" },
    { "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20", 10,
      "a PyTorch file of the old kind; re-save it as safetensors" },
    { "\x80\x02", 2, "a bare pickle; re-save it as safetensors" },
    { "lmgg", 4, "an old GGML file; convert it to GGUF" },
    { "fmgg", 4, "an old GGML file; convert it to GGUF" },
    { "tjgg", 4, "an old GGML file; convert it to GGUF" },
};

static bool
begins(const OrfReader *reader, const char *magic, size_t length)
{
    return reader->size >= length && memcmp(reader->bytes, magic, length) == 0;
}

/* ONNX has no magic: a message whose first field is ir_version (a small varint). */
static bool
looks_like_onnx(const OrfReader *reader)
{
    return reader->size >= 4 && reader->bytes[0] == 0x08 && reader->bytes[1] < 0x20 &&
           (reader->bytes[2] & 7) == 2;
}

static ReadFn
choose_reader(const OrfReader *reader, const char **ret_format)
{
    *ret_format = "pytorch";
    if (begins(reader, "PK", 2))
        return orf_read_torch;
    *ret_format = "gguf";
    if (begins(reader, "GGUF", 4))
        return orf_read_gguf;
    *ret_format = "onnx";
    if (looks_like_onnx(reader))
        return orf_read_onnx;
    *ret_format = "safetensors";
    return orf_read_safetensors;
}

static bool
refuse_foreign(const OrfReader *reader, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++)
        if (begins(reader, foreign[i].magic, foreign[i].length))
            return ORF_FALSE(error, UNSUPPORTED, "%s: this is %s", reader->name,
                             foreign[i].what);
    if (g_str_has_suffix(reader->name, ".gguf") && !begins(reader, "GGUF", 4))
        return ORF_FALSE(error, BAD_INPUT, "%s: named .gguf, but no GGUF file", reader->name);
    return true;
}

static bool
all_finite(const OrfCheckpoint *checkpoint, GError **error)
{
    float part[1024];
    for (guint i = 0; i < checkpoint->entries->len; i++) {
        const OrfEntry *entry = checkpoint->entries->pdata[i];
        if (!orf_dtype_info(entry->dtype)->block_size || !is_row_major(entry))
            continue;
        for (uint64_t at = 0; at < entry->count; at += 1024) {
            uint64_t n = MIN(1024, entry->count - at);
            if (!orf_entry_read_part(entry, at, n, part, error))
                return false;
            for (uint64_t k = 0; k < n; k++)
                if (!isfinite(part[k]))
                    return ORF_FALSE(
                        error, BAD_INPUT,
                        "%s: \"%s\" holds a number that is not finite; the file is "
                        "damaged, fetch it again",
                        checkpoint->name, entry->name);
        }
    }
    return true;
}

/* Reads one file into `checkpoint`, which keeps `bytes`. */
static bool
read_into(OrfTask *task, OrfCheckpoint *checkpoint, GBytes *bytes, const char *name,
          const OrfCheckpointOpen *options, GError **error)
{
    gsize size;
    OrfReader reader = {
        .task = task,
        .name = name,
        .bytes = g_bytes_get_data(bytes, &size),
        .options = options,
        .checkpoint = checkpoint,
    };
    reader.size = size;
    g_ptr_array_add(checkpoint->files, g_bytes_ref(bytes));
    checkpoint->bytes += size;
    return refuse_foreign(&reader, error) &&
           choose_reader(&reader, &checkpoint->format)(&reader, error);
}

static const OrfCheckpointOpen none = { 0 };

OrfCheckpoint *
orf_checkpoint_parse(OrfTask *task, GBytes *bytes, const char *name,
                     const OrfCheckpointOpen *options, GError **error)
{
    options = options ? options : &none;
    g_autoptr(OrfCheckpoint) checkpoint = checkpoint_new(name, options);
    if (!read_into(task, checkpoint, bytes, name, options, error))
        return NULL;
    g_ptr_array_sort(checkpoint->entries, by_name);
    if (options->check && !all_finite(checkpoint, error))
        return NULL;
    return g_steal_pointer(&checkpoint);
}

/* --- Files -------------------------------------------------------------------------------- */

/* Maps a file of a folder; links are not followed when `strict`. */
static GBytes *
map_file(int folder, const char *name, bool strict, GError **error)
{
    int fd =
        openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (strict ? O_NOFOLLOW : 0));
    if (fd < 0)
        return ORF_FAIL(error, NOT_FOUND, "%s: %s", name, g_strerror(errno));
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return ORF_FAIL(error, BAD_INPUT, "%s: not a regular file", name);
    }
    g_autoptr(GError) why = NULL;
    GMappedFile *map = g_mapped_file_new_from_fd(fd, FALSE, &why);
    close(fd);
    if (!map)
        return ORF_FAIL(error, UNAVAILABLE, "%s: %s", name, why->message);
    GBytes *bytes = g_mapped_file_get_bytes(map);
    g_mapped_file_unref(map);
    return bytes;
}

typedef struct {
    GHashTable *shard_of; /* name to file */
    GPtrArray *shards;    /* files in order of first use */
    const char *index;
} ShardMap;

/* A bare name in the same folder. */
static bool
bare_name(const char *file)
{
    size_t length = strlen(file);
    return length && length <= 255 && file[0] != '.' && !strpbrk(file, "/\\:");
}

static bool
note_shard(const char *name, const char *file, void *data, GError **error)
{
    ShardMap *map = data;
    if (!bare_name(file))
        return ORF_FALSE(error, BAD_INPUT,
                         "%s: a part must be a plain file name in the same folder", map->index);
    if (!g_hash_table_insert(map->shard_of, g_strdup(name), g_strdup(file)))
        return ORF_FALSE(error, BAD_INPUT, "%s: \"%s\" is listed twice", map->index, name);
    if (!g_ptr_array_find_with_equal_func(map->shards, file, g_str_equal, NULL))
        g_ptr_array_add(map->shards, g_strdup(file));
    if (map->shards->len > ORF_MAX_SHARDS || g_hash_table_size(map->shard_of) > ORF_MAX_TENSORS)
        return ORF_FALSE(error, BAD_INPUT, "%s: too many parts or names", map->index);
    return true;
}

/* Every name of the index is in the part it names, and no part holds another. */
static bool
check_shard(const ShardMap *map, const OrfCheckpoint *checkpoint, guint from, const char *shard,
            GError **error)
{
    for (guint i = from; i < checkpoint->entries->len; i++) {
        const OrfEntry *entry = checkpoint->entries->pdata[i];
        const char *told = g_hash_table_lookup(map->shard_of, entry->name);
        if (!told || !g_str_equal(told, shard))
            return ORF_FALSE(error, BAD_INPUT,
                             "%s holds \"%s\", which the index does not place there", shard,
                             entry->name);
    }
    return true;
}

static bool
read_shards(OrfTask *task, OrfCheckpoint *checkpoint, const ShardMap *map, int folder,
            const OrfCheckpointOpen *options, GError **error)
{
    for (guint i = 0; i < map->shards->len; i++) {
        const char *shard = map->shards->pdata[i];
        guint from = checkpoint->entries->len;
        g_autoptr(GBytes) bytes = map_file(folder, shard, true, error);
        if (!bytes || !read_into(task, checkpoint, bytes, shard, options, error) ||
            !check_shard(map, checkpoint, from, shard, error))
            return false;
        if (!g_str_equal(checkpoint->format, "safetensors"))
            return ORF_FALSE(error, BAD_INPUT, "%s: a part must be a safetensors file", shard);
    }
    if (checkpoint->entries->len != g_hash_table_size(map->shard_of))
        return ORF_FALSE(error, BAD_INPUT, "%s: names %u arrays, its parts hold %u", map->index,
                         g_hash_table_size(map->shard_of), checkpoint->entries->len);
    return true;
}

static uint64_t
sum_sizes(const OrfCheckpoint *checkpoint)
{
    uint64_t sum = 0;
    for (guint i = 0; i < checkpoint->entries->len; i++)
        sum += ((const OrfEntry *)checkpoint->entries->pdata[i])->size;
    return sum;
}

static OrfCheckpoint *
open_sharded(OrfTask *task, int folder, GBytes *index, const char *name,
             const OrfCheckpointOpen *options, GError **error)
{
    g_autoptr(GHashTable) shard_of =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GPtrArray) shards = g_ptr_array_new_with_free_func(g_free);
    ShardMap map = { shard_of, shards, name };
    gsize size;
    OrfReader reader = {
        .task = task, .name = name, .bytes = g_bytes_get_data(index, &size), .options = options
    };
    reader.size = size;
    uint64_t total;
    if (!orf_read_index(&reader, note_shard, &map, &total, error))
        return NULL;
    g_autoptr(OrfCheckpoint) checkpoint = checkpoint_new(name, options);
    checkpoint->format = "safetensors";
    if (!read_shards(task, checkpoint, &map, folder, options, error))
        return NULL;
    if (total != UINT64_MAX && total != sum_sizes(checkpoint))
        orf_checkpoint_warn(checkpoint, "%s: total_size is wrong", name);
    g_ptr_array_sort(checkpoint->entries, by_name);
    if (options->check && !all_finite(checkpoint, error))
        return NULL;
    return g_steal_pointer(&checkpoint);
}

OrfCheckpoint *
orf_checkpoint_open(OrfTask *task, const char *path, const OrfCheckpointOpen *options,
                    GError **error)
{
    options = options ? options : &none;
    g_autoptr(GBytes) bytes = map_file(AT_FDCWD, path, false, error);
    if (!bytes)
        return NULL;
    if (!g_str_has_suffix(path, ".index.json"))
        return orf_checkpoint_parse(task, bytes, path, options, error);
    g_autofree char *dir = g_path_get_dirname(path);
    int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return ORF_FAIL(error, NOT_FOUND, "%s: %s", dir, g_strerror(errno));
    OrfCheckpoint *checkpoint = open_sharded(task, folder, bytes, path, options, error);
    close(folder);
    return checkpoint;
}

/* --- Looking ------------------------------------------------------------------------------ */

const char *
orf_checkpoint_name(const OrfCheckpoint *checkpoint)
{
    return checkpoint->name;
}

const char *
orf_checkpoint_format(const OrfCheckpoint *checkpoint)
{
    return checkpoint->format;
}

uint64_t
orf_checkpoint_bytes(const OrfCheckpoint *checkpoint)
{
    return checkpoint->bytes;
}

size_t
orf_checkpoint_n(const OrfCheckpoint *checkpoint)
{
    return checkpoint->entries->len;
}

const OrfEntry *
orf_checkpoint_entry(const OrfCheckpoint *checkpoint, size_t i)
{
    g_assert(i < checkpoint->entries->len);
    return checkpoint->entries->pdata[i];
}

const OrfEntry *
orf_checkpoint_find(const OrfCheckpoint *checkpoint, const char *name)
{
    return g_hash_table_lookup(checkpoint->by_name, name);
}

const char *
orf_checkpoint_warning(const OrfCheckpoint *checkpoint)
{
    return checkpoint->warning;
}

static bool
readable(const OrfEntry *entry, GError **error)
{
    if (orf_dtype_info(entry->dtype)->block_size)
        return true;
    return ORF_FALSE(error, UNSUPPORTED, "\"%s\" is stored in %s", entry->name,
                     orf_dtype_info(entry->dtype)->name);
}

bool
orf_entry_read_part(const OrfEntry *entry, uint64_t begin, uint64_t n, float *out,
                    GError **error)
{
    if (!readable(entry, error))
        return false;
    const OrfDtypeInfo *info = orf_dtype_info(entry->dtype);
    g_assert(is_row_major(entry) && begin % info->block == 0 && n % info->block == 0);
    g_assert(begin <= entry->count && n <= entry->count - begin);
    info->to_f32(entry->data + begin / info->block * info->block_size, out, n);
    return true;
}

/* Gathers a strided view one element at a time: rare, and never large in published files. */
static void
read_strided(const OrfEntry *entry, float *out)
{
    const OrfDtypeInfo *info = orf_dtype_info(entry->dtype);
    uint64_t index[ORF_MAX_RANK] = { 0 }, at = 0;
    for (uint64_t i = 0; i < entry->count; i++) {
        info->to_f32(entry->data + at * info->block_size, out + i, 1);
        for (unsigned d = entry->rank; d-- > 0;) {
            at += entry->stride[d];
            if (++index[d] < entry->shape[d])
                break;
            at -= entry->stride[d] * entry->shape[d];
            index[d] = 0;
        }
    }
}

bool
orf_entry_read(const OrfEntry *entry, float *out, GError **error)
{
    if (!readable(entry, error))
        return false;
    if (is_row_major(entry))
        return orf_entry_read_part(entry, 0, entry->count, out, error);
    read_strided(entry, out);
    return true;
}
