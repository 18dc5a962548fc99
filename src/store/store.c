/* store.c - opens and closes the data folder.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     DIR/orfeas.lock   held (flock) by the one process that uses the folder; its number inside
 *     DIR/orfeas.db     rows, with -wal and -shm beside it
 *     DIR/blobs/ab/cd/  bytes by digest; blobs/new/ while they arrive */
#include "store/store-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define WORTH_MOVING 1000                 /* pages of the log that are worth moving */
#define CHECK_AT_ONCE ((goffset)32 << 20) /* bytes: about a tenth of a second */

bool
orf_file_fail(GError **error, const char *what, int code)
{
    const char *advice = code == ENOSPC || code == EDQUOT || code == EFBIG
                             ? "the disk is full; free space, then try again"
                             : g_strerror(code);
    return ORF_FALSE(error, UNAVAILABLE, "store: %s: %s", what, advice);
}

/* --- One process a folder ----------------------------------------------------------------- */

static bool
fail_locked(const char *path, GError **error)
{
    g_autofree char *owner = NULL;
    if (g_file_get_contents(path, &owner, NULL, NULL))
        g_strstrip(owner);
    return ORF_FALSE(error, BUSY,
                     "%s is held by another server (process %s); stop it, or choose another "
                     "data folder with --data",
                     path, owner && *owner ? owner : "unknown");
}

static bool
take_lock(OrfStore *store, GError **error)
{
    g_autofree char *path = g_build_filename(store->dir, "orfeas.lock", NULL);
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock_fd < 0)
        return orf_file_fail(error, path, errno);
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? fail_locked(path, error)
                                    : orf_file_fail(error, path, errno);
    char text[32];
    int size = g_snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(store->lock_fd, 0) != 0 || write(store->lock_fd, text, (size_t)size) != size)
        return true; /* only who it is stays unknown */
    return true;
}

/* --- Opening ------------------------------------------------------------------------------ */

static bool
make_folder(const char *path, GError **error)
{
    return g_mkdir_with_parents(path, 0700) == 0 || orf_file_fail(error, path, errno);
}

/* What was arriving when the last process ended. */
static void
remove_unfinished(const OrfStore *store)
{
    g_autofree char *path = g_build_filename(store->blob_dir, "new", NULL);
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        g_unlink(file);
    }
    if (dir)
        g_dir_close(dir);
}

static bool
make_folders(OrfStore *store, GError **error)
{
    store->blob_dir = g_build_filename(store->dir, "blobs", NULL);
    g_autofree char *arriving = g_build_filename(store->blob_dir, "new", NULL);
    return make_folder(store->dir, error) && make_folder(arriving, error) &&
           orf_folder_sync(store->blob_dir, error) && orf_folder_sync(store->dir, error);
}

static bool
count_opening(OrfSql *sql, void *data, GError **error)
{
    int64_t *ret_openings = data;
    g_autoptr(OrfStmt) stmt = orf_sql_bind(
        sql, error, "UPDATE meta SET value = value + 1 WHERE name = 'openings' RETURNING value",
        "");
    if (!stmt || !orf_sql_first(stmt, error))
        return false;
    *ret_openings = orf_sql_int(stmt, 0);
    return true;
}

/* What others may not read is never theirs to read: the log and its index get the mode that the
 * database has when they are made. */
static bool
make_private(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return orf_file_fail(error, "the database", errno);
    close(fd);
    static const char *const endings[] = { "", "-wal", "-shm" };
    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *file = g_strconcat(path, endings[i], NULL);
        g_chmod(file, 0600); /* of an earlier version; or it is not there */
    }
    return true;
}

static void *
check_database(void *data)
{
    OrfStore *store = data;
    GError *error = NULL;
    if (orf_sql_check(store->checked, &error))
        return NULL;
    g_mutex_lock(&store->lock);
    store->damaged = error;
    g_mutex_unlock(&store->lock);
    return NULL;
}

/* Damage that a look at every page finds: at once while that takes no time, else beside the
 * work, which goes on until the damage shows. */
static bool
check(OrfStore *store, GError **error)
{
    GStatBuf about = { 0 };
    if (g_stat(store->db_path, &about) == 0 && about.st_size <= CHECK_AT_ONCE)
        return orf_sql_check(store->writer, error);
    store->checked = orf_sql_open(store->db_path, false, error);
    if (store->checked)
        store->checker = g_thread_new("orfeas-check", check_database, store);
    return store->checked != NULL;
}

static bool
open_database(OrfStore *store, GError **error)
{
    store->db_path = g_build_filename(store->dir, "orfeas.db", NULL);
    if (!make_private(store->db_path, error))
        return false;
    store->writer = orf_sql_open(store->db_path, true, error);
    if (!store->writer || !check(store, error) || !orf_store_prepare(store, error))
        return false;
    store->tidier = orf_sql_open(store->db_path, false, error);
    return store->tidier &&
           orf_store_write(store, true, count_opening, &store->openings, error);
}

OrfStore *
orf_store_open(const char *dir, GError **error)
{
    g_autoptr(OrfStore) store = g_new0(OrfStore, 1);
    store->dir = g_strdup(dir);
    store->lock_fd = -1;
    store->full_sync = true;
    store->readers = g_ptr_array_new_with_free_func((GDestroyNotify)orf_sql_close);
    store->schemas = g_ptr_array_new();
    store->queries = g_ptr_array_new_with_free_func(g_free);
    g_mutex_init(&store->lock);
    g_mutex_init(&store->tidying);
    g_mutex_init(&store->sweeping);
    g_cond_init(&store->wrote);
    g_autoptr(GError) why = NULL;
    if (!make_folders(store, &why) || !take_lock(store, &why) || !open_database(store, &why)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
    }
    remove_unfinished(store);
    return g_steal_pointer(&store);
}

void
orf_store_close(OrfStore *store)
{
    if (!store)
        return;
    if (store->checker) {
        orf_sql_interrupt(store->checked);
        g_thread_join(store->checker);
    }
    orf_sql_close(store->checked);
    g_ptr_array_unref(store->readers);
    orf_sql_close(store->tidier);
    orf_sql_close(store->writer); /* the last connection moves the log into the database */
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    g_mutex_clear(&store->lock);
    g_mutex_clear(&store->tidying);
    g_mutex_clear(&store->sweeping);
    g_cond_clear(&store->wrote);
    g_ptr_array_unref(store->schemas);
    g_ptr_array_unref(store->queries);
    if (store->postponed)
        g_ptr_array_unref(store->postponed);
    g_clear_error(&store->sick);
    g_clear_error(&store->damaged);
    g_free(store->blob_dir);
    g_free(store->db_path);
    g_free(store->dir);
    g_free(store);
}

/* --- Care --------------------------------------------------------------------------------- */

int64_t
orf_store_openings(const OrfStore *store)
{
    return store->openings;
}

bool
orf_store_healthy(OrfStore *store, GError **error)
{
    g_mutex_lock(&store->lock);
    const GError *why = store->damaged ? store->damaged : store->sick;
    if (why && error)
        *error = g_error_copy(why);
    g_mutex_unlock(&store->lock);
    return !why;
}

static bool
touch(OrfSql *sql, void *data, GError **error)
{
    (void)data;
    return orf_sql_run(sql, error, "UPDATE meta SET value = value WHERE name = 'openings'", "");
}

bool
orf_store_try(OrfStore *store, GError **error)
{
    return orf_store_write(store, true, touch, NULL, error);
}

void
orf_store_tidy(OrfStore *store)
{
    orf_blob_drop_postponed(store);
    g_autofree char *log = g_strconcat(store->db_path, "-wal", NULL);
    GStatBuf about;
    if (g_stat(log, &about) != 0 || about.st_size < (goffset)WORTH_MOVING * 4096)
        return;
    g_mutex_lock(&store->tidying);
    orf_sql_checkpoint(store->tidier);
    g_mutex_unlock(&store->tidying);
}
