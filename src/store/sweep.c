/* sweep.c - removes blobs that nothing names.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rows name blobs inside their JSON, which this room does not understand; so any 64 hex digits
 * in a row keep the blob of that name. That may keep too much, never too little. Young blobs
 * stay: their row may still be on its way. What is old is looked at again, under the lock that
 * renewing takes, at the moment it goes. */
#include "store/store-priv.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_SIZE (ORF_DIGEST_SIZE - 1)

/* --- What is named ------------------------------------------------------------------------ */

static void
add_names(GHashTable *named, const char *text)
{
    while (text && *text) {
        size_t n = strspn(text, "0123456789abcdef");
        if (n == NAME_SIZE)
            g_hash_table_add(named, g_strndup(text, n));
        text += n + (text[n] != 0);
    }
}

/* Statements whose columns are texts that name blobs. */
static const char *const sources[] = {
    "SELECT request, result FROM job WHERE request IS NOT NULL OR result IS NOT NULL",
    "SELECT result, NULL FROM cache",
    "SELECT digest, facts FROM file",
};

/* What was made of a named blob, and of that, until nothing new comes. */
static bool
add_derived(OrfSql *sql, GHashTable *named, GError **error)
{
    guint before;
    do {
        before = g_hash_table_size(named);
        g_auto(OrfStmt) stmt =
            orf_sql_bind(sql, error, "SELECT source, digest FROM derived", "");
        if (!stmt)
            return false;
        g_autoptr(GError) why = NULL;
        while (orf_sql_next(sql, stmt, &why))
            if (g_hash_table_contains(named, sqlite3_column_text(stmt, 0)))
                add_names(named, (const char *)sqlite3_column_text(stmt, 1));
        if (why) {
            g_propagate_error(error, g_steal_pointer(&why));
            return false;
        }
    } while (g_hash_table_size(named) > before);
    return true;
}

static bool
collect(OrfSql *sql, void *data, GError **error)
{
    GHashTable *named = data;
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
        g_auto(OrfStmt) stmt = orf_sql_bind(sql, error, sources[i], "");
        if (!stmt)
            return false;
        g_autoptr(GError) why = NULL;
        while (orf_sql_next(sql, stmt, &why)) {
            add_names(named, (const char *)sqlite3_column_text(stmt, 0));
            add_names(named, (const char *)sqlite3_column_text(stmt, 1));
        }
        if (why) {
            g_propagate_error(error, g_steal_pointer(&why));
            return false;
        }
    }
    return add_derived(sql, named, error);
}

/* --- What is there ------------------------------------------------------------------------ */

typedef struct {
    GPtrArray *old; /* names of old blobs */
    int64_t before;
} Walk;

static int64_t
change_of(const char *path, uint64_t *ret_size)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return INT64_MAX;
    *ret_size = (uint64_t)about.st_size;
    return (int64_t)about.st_mtim.tv_sec * 1000000 + about.st_mtim.tv_nsec / 1000;
}

static void
walk(Walk *state, const char *folder, unsigned depth)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        uint64_t size;
        if (depth < 2 && strlen(name) == 2)
            walk(state, path, depth + 1);
        else if (depth == 2 && orf_blob_is_name(name) && change_of(path, &size) < state->before)
            g_ptr_array_add(state->old, g_strdup(name));
    }
    if (dir)
        g_dir_close(dir);
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

/* Rows of what was made of blobs that have gone. */
static bool
forget_derived(OrfSql *sql, void *data, GError **error)
{
    return orf_sql_run(sql, error, "DELETE FROM derived WHERE source = ?1 OR digest = ?1", "s",
                       (const char *)data);
}

uint64_t
orf_blob_sweep(OrfStore *store, int64_t before, GError **error)
{
    g_autoptr(GPtrArray) old = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) named = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    walk(&(Walk){ old, before }, store->blob_dir, 0);
    if (old->len == 0 || !orf_store_read(store, collect, named, error))
        return 0;
    uint64_t freed = 0;
    for (guint i = 0; i < old->len; i++) {
        char *name = old->pdata[i];
        uint64_t size =
            g_hash_table_contains(named, name) ? 0 : remove_blob(store, name, before);
        if (size)
            orf_store_write(store, false, forget_derived, name, NULL); /* found out by get */
        freed += size;
    }
    return freed;
}
