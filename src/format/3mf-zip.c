/* 3mf-zip.c - the ZIP container of 3MF, read with suspicion and written the same every time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing is unpacked to disk. Sizes in the directory are rumours: bytes are counted as they
 * come out, and an entry that grows beyond its declared size or a plausible ratio is refused as
 * a bomb. */
#include "format/3mf-priv.h"

#include <string.h>
#include <zip.h>

#define ENTRIES_MOST 65534
#define ENTRY_COST 512                 /* bytes of directory in memory an entry */
#define ENTRY_MOST ((uint64_t)4 << 30) /* unpacked */
#define RATIO_MOST 200
#define RATIO_FREE ((uint64_t)16 << 20) /* below this any ratio will do */
#define PIECE ((size_t)1 << 16)
#define TAIL (22 + 65535 + 20)

struct OrfZip {
    OrfTask *task;
    const char *name; /* of the file, for messages; borrowed */
    GBytes *bytes;
    zip_t *zip;
    void *reserve;     /* what libzip may take for the directory */
    GHashTable *names; /* plain name in lower case -> index + 1 */
};

/* --- Open --------------------------------------------------------------------------------- */

/* Entries by the end records in the tail; -1: no such record. A directory that needs the 64-bit
 * form has more entries than any 3MF. */
static int64_t
count_entries(const uint8_t *data, size_t size)
{
    int64_t most = -1;
    for (size_t i = size > TAIL ? size - TAIL : 0; i + 22 <= size; i++)
        if (data[i] == 'P' && !memcmp(data + i, "PK\5\6", 4))
            most = MAX(most, data[i + 10] | data[i + 11] << 8);
    return most;
}

/* Programs on Windows write "3D\\3dmodel.model" or "/3D/3dmodel.model" and mean the same entry.
 * Normalised first, judged then; the case of names does not count in 3MF. */
static char *
plain_name(const char *name)
{
    char *lower = g_ascii_strdown(name, -1);
    g_strdelimit(lower, "\\", '/');
    size_t skip = strspn(lower, "/");
    if (!strncmp(lower + skip, "./", 2))
        skip += 2;
    memmove(lower, lower + skip, strlen(lower + skip) + 1);
    return lower;
}

static bool
climbs_out(const char *name)
{
    if (g_ascii_isalpha(*name) && name[1] == ':')
        return true;
    for (const char *at = name; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (!strncmp(at, "..", 2) && (at[2] == '/' || !at[2]))
            return true;
    }
    return false;
}

static bool
check_entry(OrfZip *zip, zip_uint64_t i, GError **error)
{
    zip_stat_t stat;
    if (zip_stat_index(zip->zip, i, 0, &stat) || !stat.name)
        return ORF_FALSE(error, BAD_INPUT, "%s: its ZIP directory is broken; export it again",
                         zip->name);
    g_autofree char *shown = g_utf8_make_valid(stat.name, (gssize)MIN(strlen(stat.name), 80));
    g_autofree char *plain = plain_name(stat.name);
    if (climbs_out(plain))
        return ORF_FALSE(error, BAD_INPUT,
                         "%s: the entry '%s' points outside the container; do not trust this "
                         "file",
                         zip->name, shown);
    if (stat.encryption_method != ZIP_EM_NONE)
        return ORF_FALSE(error, UNSUPPORTED,
                         "%s: the entry '%s' is encrypted; save it without a password",
                         zip->name, shown);
    if (!g_hash_table_contains(zip->names, plain))
        g_hash_table_insert(zip->names, g_steal_pointer(&plain),
                            GSIZE_TO_POINTER((size_t)i + 1));
    return true;
}

static bool
open_bytes(OrfZip *zip, GError **error)
{
    size_t size;
    const void *data = g_bytes_get_data(zip->bytes, &size);
    zip_source_t *source = zip_source_buffer_create(data, size, 0, NULL);
    if (source)
        zip->zip = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, NULL);
    if (!zip->zip) {
        zip_source_free(source);
        return ORF_FALSE(error, BAD_INPUT,
                         "%s: is not a whole ZIP container; it is cut short or damaged, "
                         "export it again",
                         zip->name);
    }
    for (zip_int64_t i = 0; i < zip_get_num_entries(zip->zip, 0); i++)
        if (!check_entry(zip, (zip_uint64_t)i, error))
            return false;
    return true;
}

OrfZip *
orf_zip_open(OrfTask *task, GBytes *bytes, const char *name, GError **error)
{
    size_t size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    int64_t n = count_entries(data, size);
    if (n < 0)
        return ORF_FAIL(error, BAD_INPUT,
                        "%s: has no ZIP directory at its end; it is cut short or not 3MF, "
                        "export it again",
                        name);
    if (n > ENTRIES_MOST)
        return ORF_FAIL(error, TOO_LARGE, "%s: has more than %d entries; it is no usual 3MF",
                        name, ENTRIES_MOST);
    g_autoptr(OrfZip) zip = g_new0(OrfZip, 1);
    zip->task = task;
    zip->name = name;
    zip->bytes = g_bytes_ref(bytes);
    zip->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    zip->reserve = orf_task_alloc(task, (size_t)n + 1, ENTRY_COST, "ZIP directory", error);
    if (!zip->reserve || !open_bytes(zip, error))
        return NULL;
    return g_steal_pointer(&zip);
}

void
orf_zip_close(OrfZip *zip)
{
    if (!zip)
        return;
    if (zip->zip)
        zip_discard(zip->zip);
    g_bytes_unref(zip->bytes);
    g_hash_table_unref(zip->names);
    orf_free(zip->reserve);
    g_free(zip);
}

const char *
orf_zip_find(OrfZip *zip, const char *ending)
{
    for (zip_int64_t i = 0; i < zip_get_num_entries(zip->zip, 0); i++) {
        const char *name = zip_get_name(zip->zip, (zip_uint64_t)i, 0);
        if (name && g_str_has_suffix(name, ending))
            return name;
    }
    return NULL;
}

/* --- Read --------------------------------------------------------------------------------- */

static zip_int64_t
locate(OrfZip *zip, const char *entry)
{
    g_autofree char *plain = plain_name(entry);
    return (zip_int64_t)GPOINTER_TO_SIZE(g_hash_table_lookup(zip->names, plain)) - 1;
}

bool
orf_zip_has(OrfZip *zip, const char *entry)
{
    return locate(zip, entry) >= 0;
}

static bool
fail_entry(const OrfZip *zip, const char *entry, const char *what, GError **error)
{
    g_autofree char *shown = g_utf8_make_valid(entry, (gssize)MIN(strlen(entry), 80));
    return ORF_FALSE(error, BAD_INPUT, "%s: '%s' %s; export it again", zip->name, shown, what);
}

static bool
fail_bomb(const OrfZip *zip, const char *entry, GError **error)
{
    return ORF_FALSE(error, TOO_LARGE,
                     "%s: '%.80s' unpacks to far more than it should; do not trust this file",
                     zip->name, entry);
}

/* Hands over until the end; libzip checks the sum at the end. */
static bool
pump(OrfZip *zip, zip_file_t *file, const zip_stat_t *stat, OrfZipSink sink, void *data,
     GError **error)
{
    g_autofree char *piece = g_malloc(PIECE);
    uint64_t total = 0;
    zip_int64_t got;
    while ((got = zip_fread(file, piece, PIECE)) > 0) {
        total += (uint64_t)got;
        if (total > stat->size || (total > RATIO_FREE && total / RATIO_MOST > stat->comp_size))
            return fail_bomb(zip, stat->name, error);
        if (!orf_task_check(zip->task, error) || !sink(piece, (size_t)got, data, error))
            return false;
    }
    if (got < 0 || total != stat->size)
        return fail_entry(zip, stat->name, "is damaged", error);
    return true;
}

bool
orf_zip_read(OrfZip *zip, const char *entry, OrfZipSink sink, void *data, GError **error)
{
    zip_int64_t index = locate(zip, entry);
    zip_stat_t stat;
    if (index < 0 || zip_stat_index(zip->zip, (zip_uint64_t)index, 0, &stat))
        return fail_entry(zip, entry, "is missing", error);
    if (stat.size > ENTRY_MOST ||
        (stat.size > RATIO_FREE && stat.size / RATIO_MOST > stat.comp_size))
        return fail_bomb(zip, stat.name, error);
    zip_file_t *file = zip_fopen_index(zip->zip, (zip_uint64_t)index, 0);
    if (!file)
        return fail_entry(zip, entry, "cannot be unpacked", error);
    bool read = pump(zip, file, &stat, sink, data, error);
    zip_fclose(file);
    return read;
}

typedef struct {
    OrfTask *task;
    OrfVec bytes;
    size_t most;
} Gather;

static bool
gather(const char *piece, size_t size, void *data, GError **error)
{
    Gather *gathered = data;
    if (gathered->bytes.n + size > gathered->most)
        return ORF_FALSE(error, TOO_LARGE, "3mf: an entry has over %zu bytes; make it smaller",
                         gathered->most);
    char *at = orf_vec_add(gathered->task, &gathered->bytes, size, "entry of the ZIP", error);
    if (at)
        memcpy(at, piece, size);
    return at != NULL;
}

GBytes *
orf_zip_load(OrfZip *zip, const char *entry, size_t most, GError **error)
{
    Gather gathered = { .task = zip->task, .bytes.item = 1, .most = most };
    bool read = orf_zip_read(zip, entry, gather, &gathered, error);
    size_t n = gathered.bytes.n;
    if (read && n)
        return orf_bytes_take(orf_vec_steal(&gathered.bytes), n);
    orf_vec_clear(&gathered.bytes);
    if (read)
        fail_entry(zip, entry, "is empty", error);
    return NULL;
}

/* --- Write -------------------------------------------------------------------------------- */

static bool
add_entry(zip_t *zip, const OrfZipEntry *entry)
{
    size_t size;
    const void *data = g_bytes_get_data(entry->bytes, &size);
    zip_source_t *source = zip_source_buffer(zip, data, size, 0);
    zip_int64_t index = source ? zip_file_add(zip, entry->name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0) {
        zip_source_free(source);
        return false;
    }
    zip_uint64_t at = (zip_uint64_t)index;
    zip_int32_t method = entry->pressed ? ZIP_CM_STORE : ZIP_CM_DEFLATE;
    /* 1 January 1980, noon: what ZIP can say first, whatever the clock and the time zone are */
    return !zip_set_file_compression(zip, at, method, entry->pressed ? 0 : 3) &&
           !zip_file_set_dostime(zip, at, 12 << 11, 1 << 5 | 1, 0) &&
           !zip_file_set_external_attributes(zip, at, 0, ZIP_OPSYS_DOS, 0);
}

static int
cancelled(zip_t *zip, void *task)
{
    (void)zip;
    return orf_task_cancelled(task);
}

static GBytes *
read_back(OrfTask *task, zip_source_t *source, GError **error)
{
    zip_stat_t stat;
    if (zip_source_stat(source, &stat) || zip_source_open(source))
        return ORF_FAIL(error, UNAVAILABLE, "3mf: the container cannot be made");
    orf_autofree char *file = ORF_ALLOC(task, char, stat.size, "3MF file", error);
    zip_int64_t got = file ? zip_source_read(source, file, stat.size) : -1;
    zip_source_close(source);
    if (!file)
        return NULL;
    if (got < 0 || (zip_uint64_t)got != stat.size)
        return ORF_FAIL(error, UNAVAILABLE, "3mf: the container cannot be made");
    return orf_bytes_take(g_steal_pointer(&file), stat.size);
}

static bool
fill(OrfTask *task, zip_source_t *source, const OrfZipEntry *entries, size_t n, GError **error)
{
    zip_t *zip = zip_open_from_source(source, ZIP_TRUNCATE, NULL);
    if (!zip)
        return ORF_FALSE(error, UNAVAILABLE, "3mf: the container cannot be made");
    zip_source_keep(source); /* zip_close lets go of its own reference */
    zip_register_cancel_callback_with_state(zip, cancelled, NULL, task);
    bool added = true;
    for (size_t i = 0; added && i < n; i++)
        added = add_entry(zip, &entries[i]);
    if (added && !zip_close(zip))
        return true;
    zip_discard(zip);
    if (!orf_task_check(task, error))
        return false;
    return ORF_FALSE(error, UNAVAILABLE, "3mf: the container cannot be made");
}

GBytes *
orf_zip_write(OrfTask *task, const OrfZipEntry *entries, size_t n, GError **error)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += g_bytes_get_size(entries[i].bytes) / (entries[i].pressed ? 1 : 3);
    orf_autofree void *reserve = orf_task_alloc(task, total, 1, "3MF container", error);
    if (!reserve)
        return NULL;
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
    if (!source)
        return ORF_FAIL(error, UNAVAILABLE, "3mf: the container cannot be made");
    GBytes *bytes = NULL;
    if (fill(task, source, entries, n, error))
        bytes = read_back(task, source, error);
    zip_source_free(source);
    return bytes;
}
