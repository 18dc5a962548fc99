/* SPDX-License-Identifier: Apache-2.0 */
#include "store/folder_test.h"
#include "store/store.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

static const OrfMigration steps[] = {
    { .script = "CREATE TABLE note(id TEXT PRIMARY KEY, text TEXT);" },
};
static const OrfSchema schema = { .room = "test", .steps = steps, .n_steps = 1 };

static OrfStore *
open_store(const char *dir)
{
    g_autoptr(GError) error = NULL;
    OrfStore *store = orf_store_open(dir, &error);
    g_assert_no_error(error);
    orf_store_migrate(store, &schema, &error);
    g_assert_no_error(error);
    return store;
}

typedef struct {
    const char *id, *text;
} Note;

static bool
insert(OrfSql *sql, void *data, GError **error)
{
    const Note *note = data;
    return orf_sql_run(sql, error, "INSERT INTO note(id, text) VALUES($1, $2)", "ss", note->id,
                       note->text);
}

static bool
count(OrfSql *sql, void *data, GError **error)
{
    g_autoptr(OrfStmt) stmt = orf_sql_bind(sql, error, "SELECT COUNT(*) FROM note", "");
    if (!stmt || !orf_sql_first(stmt, error))
        return false;
    *(unsigned *)data = (unsigned)orf_sql_int(stmt, 0);
    return true;
}

static unsigned
count_notes(OrfStore *store)
{
    unsigned n = 0;
    g_assert_true(orf_store_read(store, count, &n, NULL));
    return n;
}

static bool
add(OrfStore *store, const char *id, const char *text, GError **error)
{
    return orf_store_write(store, true, insert, &(Note){ id, text }, error);
}

static void
a_second_server_on_the_same_folder_is_told_so(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_store_open(dir, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BUSY);
    g_assert_nonnull(strstr(error->message, "held by another server"));
    orf_store_close(g_steal_pointer(&store));
    store = open_store(dir);
}

static void
refuses(const char *dir, const char *why)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_store_open(dir, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CONFLICT);
    g_assert_nonnull(strstr(error->message, why));
}

static void
a_database_that_is_none_is_left_as_it_is(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autofree char *path = g_build_filename(dir, "orfeas.db", NULL), *back = NULL;
    g_assert_true(
        g_file_set_contents(path, "this is not a database, and long enough", -1, NULL));
    refuses(dir, "damaged");
    g_assert_true(g_file_get_contents(path, &back, NULL, NULL));
    g_assert_cmpstr(back, ==, "this is not a database, and long enough");
}

static void
a_damaged_page_is_found_when_opening(void)
{
    g_autoptr(Folder) dir = folder_new();
    OrfStore *store = open_store(dir);
    g_autofree char *large = g_strnfill(3000, 'x'), *bytes = NULL;
    for (int i = 0; i < 50; i++) {
        g_autofree char *id = g_strdup_printf("job_%d", i);
        g_assert_true(add(store, id, large, NULL));
    }
    orf_store_close(store);
    g_autofree char *path = g_build_filename(dir, "orfeas.db", NULL);
    size_t size;
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    memset(bytes + 4096, 0x5a, size - 4096);
    g_assert_true(g_file_set_contents(path, bytes, (gssize)size, NULL));
    refuses(dir, "damaged");
}

static void
a_newer_database_is_left_as_it_is(void)
{
    g_autoptr(Folder) dir = folder_new();
    orf_store_close(open_store(dir));
    g_autofree char *path = g_build_filename(dir, "orfeas.db", NULL);
    sqlite3 *db;
    g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL), ==,
                    SQLITE_OK);
    sqlite3_close(db);
    refuses(dir, "newer");
}

static void
tables_of_a_newer_room_are_left_as_they_are(void)
{
    static const OrfMigration more[] = { { .script = steps[0].script },
                                         { .script = "CREATE TABLE more(id TEXT);" } };
    static const OrfSchema newer = { .room = "test", .steps = more, .n_steps = 2 };
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = orf_store_open(dir, NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(orf_store_migrate(store, &newer, NULL));
    g_assert_true(orf_store_migrate(store, &newer, NULL));
    g_assert_false(orf_store_migrate(store, &schema, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CONFLICT);
    g_assert_nonnull(strstr(error->message, "newer"));
}

static void
a_step_that_fails_is_undone_and_tried_again(void)
{
    static const OrfMigration bad[] = {
        { .script = "CREATE TABLE note(id TEXT PRIMARY KEY, text TEXT); CREATE TABLE note(x);" }
    };
    static const OrfSchema broken = { .room = "test", .steps = bad, .n_steps = 1 };
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = orf_store_open(dir, NULL);
    g_assert_false(orf_store_migrate(store, &broken, NULL));
    g_assert_true(orf_store_migrate(store, &schema, NULL));
    g_assert_true(add(store, "a", "b", NULL));
}

static mode_t
mode_of(const char *dir, const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    GStatBuf about;
    g_assert_cmpint(g_stat(path, &about), ==, 0);
    return about.st_mode & 0777;
}

/* In a folder that others may enter, too. */
static void
nobody_else_can_read_the_database_or_its_log(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_chmod(dir, 0755);
    g_autoptr(OrfStore) store = open_store(dir);
    static const char *const names[] = { "orfeas.db", "orfeas.db-wal", "orfeas.db-shm" };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_cmpuint(mode_of(dir, names[i]), ==, 0600);
}

static void
a_lock_that_is_a_link_overwrites_nothing(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autofree char *target = g_build_filename(dir, "target", NULL), *kept = NULL;
    g_autofree char *lock = g_build_filename(dir, "orfeas.lock", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_set_contents(target, "precious", -1, NULL));
    g_assert_cmpint(symlink(target, lock), ==, 0);
    g_assert_null(orf_store_open(dir, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_UNAVAILABLE);
    g_assert_true(g_file_get_contents(target, &kept, NULL, NULL));
    g_assert_cmpstr(kept, ==, "precious");
}

static void
a_folder_that_cannot_be_made_is_said(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autofree char *file = g_build_filename(dir, "file", NULL),
                    *inside = g_build_filename(file, "data", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_set_contents(file, "", 0, NULL));
    g_assert_null(orf_store_open(inside, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_UNAVAILABLE);
}

/* --- Disk full: no file may grow beyond a size -------------------------------------------- */

static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    limit.rlim_cur = bytes;
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

static unsigned
add_until_it_fails(OrfStore *store, const char *request, GError **error)
{
    unsigned n = 0;
    for (;; n++) {
        g_autofree char *id = g_strdup_printf("job_%05u", n);
        if (!add(store, id, request, error))
            return n;
    }
}

static void
a_full_disk_loses_nothing_and_passes(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    g_autofree char *request = g_strnfill(2000, 'x');
    g_autoptr(GError) error = NULL, sick = NULL;
    signal(SIGXFSZ, SIG_IGN);
    limit_files(300 << 10);
    unsigned n = add_until_it_fails(store, request, &error);
    g_assert_error(error, ORF_ERROR, ORF_ERROR_UNAVAILABLE);
    g_assert_false(orf_store_healthy(store, &sick));
    g_assert_error(sick, ORF_ERROR, ORF_ERROR_UNAVAILABLE);
    g_autoptr(GError) blob_error = NULL;
    g_autofree char *large = g_malloc0(400 << 10);
    g_autoptr(GBytes) bytes = g_bytes_new_static(large, 400 << 10);
    char digest[ORF_DIGEST_SIZE] = "untouched";
    g_assert_false(orf_blob_put(store, bytes, digest, &blob_error));
    g_assert_error(blob_error, ORF_ERROR, ORF_ERROR_UNAVAILABLE);
    g_assert_cmpstr(digest, ==, "untouched");
    limit_files(RLIM_INFINITY);
    g_assert_false(orf_store_healthy(store, NULL));
    g_assert_true(orf_store_try(store, NULL));
    g_assert_true(orf_store_healthy(store, NULL));
    g_assert_true(add(store, "job_after", request, NULL));
    g_assert_true(orf_blob_put(store, bytes, digest, NULL));
    orf_store_close(g_steal_pointer(&store));
    store = open_store(dir);
    g_assert_cmpuint(count_notes(store), ==, n + 1);
}

/* --- Many at once ------------------------------------------------------------------------- */

#define THREADS 8
#define EACH 50

typedef struct {
    OrfStore *store;
    int thread;
    unsigned refused;
} Writer;

/* Every fifth id is written by all of them. */
static void *
write_many(void *data)
{
    Writer *writer = data;
    for (int i = 0; i < EACH; i++) {
        g_autofree char *id = g_strdup_printf("%d-%d", i % 5 ? writer->thread : -1, i);
        g_autoptr(GError) error = NULL;
        if (add(writer->store, id, "x", &error))
            continue;
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BUG); /* of the constraint */
        writer->refused++;
    }
    return NULL;
}

static void
one_of_many_writers_may_fail_without_the_others(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    Writer writers[THREADS];
    GThread *threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (Writer){ store, i, 0 };
        threads[i] = g_thread_new(NULL, write_many, &writers[i]);
    }
    unsigned refused = 0;
    for (int i = 0; i < THREADS; i++) {
        g_thread_join(threads[i]);
        refused += writers[i].refused;
    }
    g_assert_cmpuint(refused, ==, (THREADS - 1) * EACH / 5);
    g_assert_cmpuint(count_notes(store), ==, THREADS * EACH - refused);
}

#define TEST(name, fn) g_test_add_func("/store/fault/" name, fn)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("a-second-server-on-the-same-folder-is-told-so",
         a_second_server_on_the_same_folder_is_told_so);
    TEST("a-database-that-is-none-is-left-as-it-is", a_database_that_is_none_is_left_as_it_is);
    TEST("a-damaged-page-is-found-when-opening", a_damaged_page_is_found_when_opening);
    TEST("a-newer-database-is-left-as-it-is", a_newer_database_is_left_as_it_is);
    TEST("tables-of-a-newer-room-are-left-as-they-are",
         tables_of_a_newer_room_are_left_as_they_are);
    TEST("a-step-that-fails-is-undone-and-tried-again",
         a_step_that_fails_is_undone_and_tried_again);
    TEST("nobody-else-can-read-the-database-or-its-log",
         nobody_else_can_read_the_database_or_its_log);
    TEST("a-lock-that-is-a-link-overwrites-nothing", a_lock_that_is_a_link_overwrites_nothing);
    TEST("a-folder-that-cannot-be-made-is-said", a_folder_that_cannot_be_made_is_said);
    TEST("a-full-disk-loses-nothing-and-passes", a_full_disk_loses_nothing_and_passes);
    TEST("one-of-many-writers-may-fail-without-the-others",
         one_of_many_writers_may_fail_without_the_others);
    return g_test_run();
}
