/* sweep.c - removes blobs that nothing names.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rooms told which columns name blobs, so what is to go is an anti-join of the folder and their
 * indexes. It is made for one of the 256 outer folders after the other, so memory holds the
 * names of one: about 4,000 of a million. Files are looked at only when no row names them.
 * Young blobs stay: their row may still be on its way. What is old is looked at again, under
 * the lock that renewing takes, at the moment it goes. */
#include "store/store-priv.h"

#include <dirent.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ON_ITS_WAY_US (30 * G_TIME_SPAN_SECOND)
#define MOST_POSTPONED 100000

/* --- Queries, made of what the rooms told ------------------------------------------------- */

typedef struct {
    OrfStore *store;
    const char *range, *stale, *unnamed; /* of the store's queries */
} Queries;

/* " AND NOT EXISTS (...)" for each owner of what `name` says. */
static void
add_unnamed(GString *out, const OrfStore *store, const char *name)
{
    for (guint i = 0; i < store->schemas->len; i++) {
        const OrfSchema *schema = store->schemas->pdata[i];
        for (size_t k = 0; k < schema->n_owners; k++)
            g_string_append_printf(out, " AND NOT EXISTS (SELECT 1 FROM %s o WHERE o.%s = %s)",
                                   schema->owners[k].table, schema->owners[k].column, name);
    }
}

static char *
make_range(const OrfStore *store)
{
    GString *out =
        g_string_new("SELECT digest FROM derived WHERE digest >= $1 AND digest < $2");
    for (guint i = 0; i < store->schemas->len; i++) {
        const OrfSchema *schema = store->schemas->pdata[i];
        for (size_t k = 0; k < schema->n_owners; k++) {
            const OrfBlobOwner *o = &schema->owners[k];
            g_string_append_printf(out,
                                   " UNION ALL SELECT %s FROM %s WHERE %s >= $1 AND %s < $2",
                                   o->column, o->table, o->column, o->column);
        }
    }
    return g_string_free(out, false);
}

/* Texts live as long as the store: statements are kept by their address. */
static Queries
make_queries(OrfStore *store)
{
    g_mutex_lock(&store->lock);
    if (store->queried != store->schemas->len || !store->queries->len) {
        store->queried = store->schemas->len;
        GString *stale = g_string_new("DELETE FROM derived WHERE 1 = 1");
        GString *unnamed = g_string_new(
            "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM derived d WHERE d.digest = $1)");
        add_unnamed(stale, store, "derived.source");
        add_unnamed(unnamed, store, "$1");
        g_ptr_array_add(store->queries, make_range(store));
        g_ptr_array_add(store->queries, g_string_free(stale, false));
        g_ptr_array_add(store->queries, g_string_free(unnamed, false));
    }
    char **texts = (char **)store->queries->pdata + store->queries->len - 3;
    Queries queries = { store, texts[0], texts[1], texts[2] };
    g_mutex_unlock(&store->lock);
    return queries;
}

/* --- One folder --------------------------------------------------------------------------- */

#define NAME_SIZE (ORF_DIGEST_SIZE - 1)
typedef struct {
    char text[ORF_DIGEST_SIZE];
    bool named;
} Name;

typedef struct {
    const Queries *queries;
    char first[3], next[3]; /* "ab", "ac" */
    GArray *names;          /* Name, sorted */
} Folder;

static int
compare_names(const void *a, const void *b)
{
    return memcmp(((const Name *)a)->text, ((const Name *)b)->text, NAME_SIZE);
}

static void
list_inner(Folder *folder, int outer, const char *inner)
{
    int fd = openat(outer, inner, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        Name name = { .named = false };
        if (!orf_blob_is_name(entry->d_name))
            continue;
        memcpy(name.text, entry->d_name, ORF_DIGEST_SIZE);
        g_array_append_val(folder->names, name);
    }
    if (dir)
        closedir(dir);
}

static void
list_names(Folder *folder)
{
    g_autofree char *path =
        g_build_filename(folder->queries->store->blob_dir, folder->first, NULL);
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (strlen(entry->d_name) == 2 && entry->d_name[0] != '.')
            list_inner(folder, dirfd(dir), entry->d_name);
    if (dir)
        closedir(dir);
    g_array_sort(folder->names, compare_names);
}

static bool
mark_named(OrfStmt *stmt, void *data, GError **error)
{
    (void)error;
    const Folder *folder = data;
    const char *digest = orf_sql_text(stmt, 0);
    Name key;
    if (!orf_blob_is_name(digest))
        return true;
    memcpy(key.text, digest, ORF_DIGEST_SIZE);
    Name *name =
        bsearch(&key, folder->names->data, folder->names->len, sizeof(Name), compare_names);
    if (name)
        name->named = true;
    return true;
}

static bool
read_named(OrfSql *sql, void *data, GError **error)
{
    Folder *folder = data;
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error, folder->queries->range, "ss", folder->first, folder->next);
    return orf_sql_each(stmt, mark_named, folder, error);
}

static int64_t
change_of(const char *path, uint64_t *ret_size)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return INT64_MAX;
    *ret_size = (uint64_t)about.st_size;
    return (int64_t)about.st_mtim.tv_sec * 1000000 + about.st_mtim.tv_nsec / 1000;
}

static uint64_t
remove_blob(OrfStore *store, const char *name, int64_t before)
{
    g_autofree char *path = orf_blob_path(store, name);
    uint64_t size = 0;
    g_mutex_lock(&store->sweeping);
    bool gone = change_of(path, &size) < before && g_unlink(path) == 0;
    g_mutex_unlock(&store->sweeping);
    return gone ? size : 0;
}

static bool
sweep_folder(const Queries *queries, unsigned at, int64_t before, uint64_t *freed,
             GError **error)
{
    Folder folder = { .queries = queries, .names = g_array_new(false, false, sizeof(Name)) };
    g_snprintf(folder.first, sizeof folder.first, "%02x", at);
    g_snprintf(folder.next, sizeof folder.next, at == 255 ? "g" : "%02x", at + 1);
    list_names(&folder);
    bool ok =
        folder.names->len == 0 || orf_store_read(queries->store, read_named, &folder, error);
    for (guint i = 0; ok && i < folder.names->len; i++) {
        const Name *name = &g_array_index(folder.names, Name, i);
        if (!name->named)
            *freed += remove_blob(queries->store, name->text, before);
    }
    g_array_unref(folder.names);
    return ok;
}

/* --- All of them -------------------------------------------------------------------------- */

static bool
forget_stale(OrfSql *sql, void *data, GError **error)
{
    return orf_sql_run(sql, error, ((const Queries *)data)->stale, "");
}

uint64_t
orf_blob_sweep(OrfStore *store, int64_t before, GError **error)
{
    uint64_t freed = 0;
    if (!orf_store_is_whole(store, error))
        return 0;
    Queries queries = make_queries(store);
    bool ok = orf_store_write(store, false, forget_stale, &queries, error);
    for (unsigned at = 0; ok && at < 256; at++)
        ok = sweep_folder(&queries, at, before, &freed, error);
    return freed;
}

/* --- A few of them ------------------------------------------------------------------------ */

typedef struct {
    const Queries *queries;
    const char *const *digests;
    size_t n;
    GPtrArray *gone, *made; /* made: of those that are gone */
} Drop;

static bool
is_unnamed(OrfSql *sql, const Drop *drop, const char *digest)
{
    g_autoptr(OrfStmt) stmt = orf_sql_bind(sql, NULL, drop->queries->unnamed, "s", digest);
    return stmt && orf_sql_next(stmt, NULL); /* failure: the sweep finds it later */
}

static bool
add_made(OrfStmt *stmt, void *data, GError **error)
{
    (void)error;
    g_ptr_array_add(data, orf_sql_dup(stmt, 0));
    return true;
}

/* Forgets what was made of blobs that nobody names, and lists both. */
static bool
forget(OrfSql *sql, void *data, GError **error)
{
    Drop *drop = data;
    g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < drop->n; i++) {
        if (!is_unnamed(sql, drop, drop->digests[i]))
            continue;
        g_ptr_array_add(drop->gone, g_strdup(drop->digests[i]));
        g_autoptr(OrfStmt) stmt =
            orf_sql_bind(sql, error, "DELETE FROM derived WHERE source = $1 RETURNING digest",
                         "s", drop->digests[i]);
        if (!orf_sql_each(stmt, add_made, made, error))
            return false;
    }
    for (guint i = 0; i < made->len; i++)
        if (is_unnamed(sql, drop, made->pdata[i]))
            g_ptr_array_add(drop->made, g_strdup(made->pdata[i]));
    return true;
}

/* Somebody wanted it lately, whose row may still be on its way: tried again by tidying. */
static void
postpone(OrfStore *store, const char *digest)
{
    g_autofree char *path = orf_blob_path(store, digest);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return;
    g_mutex_lock(&store->lock);
    if (!store->postponed)
        store->postponed = g_ptr_array_new_with_free_func(g_free);
    if (store->postponed->len < MOST_POSTPONED) /* the sweep finds the others */
        g_ptr_array_add(store->postponed, g_strdup(digest));
    g_mutex_unlock(&store->lock);
}

uint64_t
orf_blob_drop(OrfStore *store, const char *const *digests, size_t n, int64_t before)
{
    g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(g_free);
    uint64_t freed = 0;
    if (n == 0 || !orf_store_is_whole(store, NULL))
        return 0;
    Queries queries = make_queries(store);
    Drop drop = { &queries, digests, n, gone, made };
    if (!orf_store_write(store, false, forget, &drop, NULL)) /* the sweep finds them later */
        return 0;
    for (guint i = 0; i < gone->len; i++) {
        uint64_t size = remove_blob(store, gone->pdata[i], before);
        if (size)
            freed += size;
        else
            postpone(store, gone->pdata[i]);
    }
    for (guint i = 0; i < made->len; i++) /* renewed by looking, not because a row will come */
        freed += remove_blob(store, made->pdata[i], INT64_MAX);
    return freed;
}

void
orf_blob_drop_postponed(OrfStore *store)
{
    g_mutex_lock(&store->lock);
    g_autoptr(GPtrArray) due = g_steal_pointer(&store->postponed);
    g_mutex_unlock(&store->lock);
    if (due)
        orf_blob_drop(store, (const char *const *)due->pdata, due->len,
                      g_get_real_time() - ON_ITS_WAY_US);
}
