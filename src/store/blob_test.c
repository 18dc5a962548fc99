/* SPDX-License-Identifier: Apache-2.0 */
#include "store/folder_test.h"
#include "store/store.h"

#include <unistd.h>
#include <utime.h>

static const OrfMigration steps[] = {
    { .script = "CREATE TABLE keep(digest TEXT); CREATE INDEX keep_digest ON keep(digest);" },
};
static const OrfBlobOwner owners[] = { { "keep", "digest" } };
static const OrfSchema schema = { "test", steps, 1, owners, 1 };

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

static bool
insert(OrfSql *sql, void *data, GError **error)
{
    return orf_sql_run(sql, error, "INSERT INTO keep(digest) VALUES($1)", "s",
                       (const char *)data);
}

/* A row that names the blob. */
static void
keep(OrfStore *store, char *digest)
{
    g_assert_true(orf_store_write(store, false, insert, digest, NULL));
}

static void
put(OrfStore *store, const char *text, char digest[ORF_DIGEST_SIZE])
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
    orf_blob_put(store, bytes, digest, &error);
    g_assert_no_error(error);
}

static char *
path_of(const char *dir, const char *digest)
{
    return g_strdup_printf("%s/blobs/%.2s/%.2s/%s", dir, digest, digest + 2, digest);
}

/* As if it had been put long ago. */
static void
make_old(const char *dir, const char *digest)
{
    g_autofree char *path = path_of(dir, digest);
    g_assert_cmpint(utime(path, &(struct utimbuf){ 1000, 1000 }), ==, 0);
}

static void
bytes_come_back_by_their_digest(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    for (size_t size = 0; size < 1u << 20; size = size * 5 + 1) {
        g_autofree char *data = g_malloc0(size + 1);
        g_autoptr(GBytes) bytes = g_bytes_new(data, size);
        char digest[ORF_DIGEST_SIZE], again[ORF_DIGEST_SIZE];
        g_assert_true(orf_blob_put(store, bytes, digest, NULL));
        g_assert_true(orf_blob_put(store, bytes, again, NULL));
        g_assert_cmpstr(digest, ==, again);
        g_autoptr(GBytes) back = orf_blob_get(store, digest, NULL);
        g_assert_true(g_bytes_equal(bytes, back));
        uint64_t told;
        int fd = orf_blob_open(store, digest, &told, NULL);
        g_assert_cmpuint(told, ==, size);
        close(fd);
    }
}

/* What is in memory stays, whatever becomes of the file. */
static void
bytes_in_memory_outlive_a_file_that_is_cut_short(void)
{
    enum { SIZE = 1 << 20 };
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    g_autoptr(GBytes) bytes = g_bytes_new_take(g_malloc0(SIZE), SIZE);
    char digest[ORF_DIGEST_SIZE];
    g_assert_true(orf_blob_put(store, bytes, digest, NULL));
    g_autoptr(GBytes) before = orf_blob_get(store, digest, NULL);
    g_autofree char *path =
        g_strdup_printf("%s/blobs/%.2s/%.2s/%s", dir, digest, digest + 2, digest);
    g_assert_cmpint(truncate(path, 100), ==, 0);
    g_assert_true(g_bytes_equal(bytes, before));
    g_autoptr(GBytes) after = orf_blob_get(store, digest, NULL);
    g_assert_cmpuint(g_bytes_get_size(after), ==, 100);
}

static void
names_that_are_no_digests_find_nothing(void)
{
    static const char *const names[] = {
        "",
        "../../../etc/passwd",
        "ABCDEF",
        NULL,
        "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    };
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(orf_blob_has(store, names[i]));
        g_assert_null(orf_blob_get(store, names[i], &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
    }
}

static unsigned
count_files(const char *path)
{
    unsigned n = 0;
    GDir *dir = g_dir_open(path, 0, NULL);
    while (dir && g_dir_read_name(dir))
        n++;
    if (dir)
        g_dir_close(dir);
    return n;
}

static void
what_is_too_large_or_left_unfinished_leaves_nothing(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    g_autofree char *arriving = g_build_filename(dir, "blobs", "new", NULL);
    g_autoptr(GError) error = NULL;
    OrfBlobWriter *writer = orf_blob_writer_new(store, 10, NULL);
    g_assert_true(orf_blob_writer_add(writer, "12345678", 8, NULL));
    g_assert_false(orf_blob_writer_add(writer, "123", 3, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
    g_assert_cmpuint(count_files(arriving), ==, 1);
    orf_blob_writer_free(writer);
    g_assert_cmpuint(count_files(arriving), ==, 0);
    writer = orf_blob_writer_new(store, 3, NULL);
    char digest[ORF_DIGEST_SIZE];
    g_assert_true(orf_blob_writer_add(writer, "a", 1, NULL));
    g_assert_true(orf_blob_writer_add(writer, "bc", 2, NULL));
    g_assert_true(orf_blob_writer_finish(writer, digest, NULL));
    orf_blob_writer_free(writer);
    g_assert_cmpuint(count_files(arriving), ==, 0);
    g_assert_true(g_str_has_prefix(digest, "ba7816bf"));
    g_assert_true(orf_blob_has(store, digest));
}

static void
put_derived(OrfStore *store, const char *source, const char *made)
{
    OrfDerived derived = { .type = "model/stl", .extension = "stl" };
    g_strlcpy(derived.digest, made, sizeof derived.digest);
    g_assert_true(orf_blob_put_derived(store, source, "stl", &derived, NULL));
}

static void
a_sweep_takes_only_what_no_row_names(void)
{
    enum { NAMED, DERIVED, OF_ORPHAN, ORPHAN, RENEWED, YOUNG, N };
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    char digest[N][ORF_DIGEST_SIZE];
    for (int i = 0; i < N; i++) {
        char text[] = { (char)('a' + i), 0 };
        put(store, text, digest[i]);
        if (i != YOUNG)
            make_old(dir, digest[i]);
    }
    keep(store, digest[NAMED]);
    put_derived(store, digest[NAMED], digest[DERIVED]);
    put_derived(store, digest[ORPHAN], digest[OF_ORPHAN]);
    g_assert_true(orf_blob_has(store, digest[RENEWED]));
    g_autoptr(GError) error = NULL;
    uint64_t freed = orf_blob_sweep(store, (int64_t)2000 * 1000000, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(freed, ==, 2);
    for (int i = 0; i < N; i++)
        g_assert_cmpint(orf_blob_has(store, digest[i]), ==, i != ORPHAN && i != OF_ORPHAN);
}

/* Each of the 256 folders, the first and the last included. */
static void
a_sweep_sees_every_folder(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    unsigned n = 2000;
    for (unsigned i = 0; i < n; i++) {
        char text[16], digest[ORF_DIGEST_SIZE];
        g_snprintf(text, sizeof text, "%u", i);
        orf_digest(text, strlen(text), digest);
        g_autofree char *path = path_of(dir, digest), *folder = g_path_get_dirname(path);
        g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
        make_old(dir, digest);
        if (i % 2)
            keep(store, digest);
    }
    g_assert_cmpuint(orf_blob_sweep(store, (int64_t)2000 * 1000000, NULL), >, n / 2);
    for (unsigned i = 0; i < n; i++) {
        char text[16], digest[ORF_DIGEST_SIZE];
        g_snprintf(text, sizeof text, "%u", i);
        orf_digest(text, strlen(text), digest);
        g_assert_cmpint(orf_blob_has(store, digest), ==, i % 2);
    }
}

static void
nothing_is_swept_while_a_room_is_not_open(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    g_autoptr(GError) error = NULL;
    char digest[ORF_DIGEST_SIZE];
    put(store, "a", digest);
    make_old(dir, digest);
    orf_store_close(g_steal_pointer(&store));
    store = orf_store_open(dir, NULL);
    g_assert_cmpuint(orf_blob_sweep(store, (int64_t)2000 * 1000000, &error), ==, 0);
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CONFLICT);
    g_assert_true(orf_blob_has(store, digest));
}

static void
what_was_made_of_a_blob_goes_with_it(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    char source[ORF_DIGEST_SIZE], made[ORF_DIGEST_SIZE];
    OrfDerived found;
    put(store, "source", source);
    put(store, "made", made);
    put_derived(store, source, made);
    g_assert_true(orf_blob_get_derived(store, source, "stl", &found));
    g_assert_cmpstr(found.digest, ==, made);
    g_assert_cmpstr(found.type, ==, "model/stl");
    g_assert_cmpstr(found.extension, ==, "stl");
    make_old(dir, source);
    make_old(dir, made);
    g_assert_cmpuint(orf_blob_sweep(store, (int64_t)2000 * 1000000, NULL), ==, 10);
    g_assert_false(orf_blob_get_derived(store, source, "stl", &found));
}

static void
what_is_dropped_goes_at_once_unless_somebody_wants_it(void)
{
    enum { ALONE, MADE, NAMED, YOUNG, N };
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    char digest[N][ORF_DIGEST_SIZE];
    const char *all[N];
    for (int i = 0; i < N; i++) {
        char text[] = { (char)('a' + i), 0 };
        put(store, text, digest[i]);
        all[i] = digest[i];
    }
    make_old(dir, digest[ALONE]);
    make_old(dir, digest[MADE]);
    put_derived(store, digest[ALONE], digest[MADE]);
    keep(store, digest[NAMED]);
    g_assert_cmpuint(orf_blob_drop(store, all, N, (int64_t)2000 * 1000000), ==, 2);
    for (int i = 0; i < N; i++)
        g_assert_cmpint(orf_blob_has(store, digest[i]), ==, i == NAMED || i == YOUNG);
    make_old(dir,
             digest[YOUNG]); /* its row has not come: tidying goes on where that left off */
    orf_store_tidy(store);
    g_assert_false(orf_blob_has(store, digest[YOUNG]));
    g_assert_true(orf_blob_has(store, digest[NAMED]));
}

static void
what_was_arriving_when_a_process_ended_is_removed(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    g_autofree char *arriving = g_build_filename(dir, "blobs", "new", NULL);
    g_autofree char *left = g_build_filename(arriving, "left", NULL);
    orf_store_close(g_steal_pointer(&store));
    g_assert_true(g_file_set_contents(left, "half", -1, NULL));
    store = open_store(dir);
    g_assert_cmpuint(count_files(arriving), ==, 0);
}

#define TEST(name, fn) g_test_add_func("/store/blob/" name, fn)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("bytes-come-back-by-their-digest", bytes_come_back_by_their_digest);
    TEST("bytes-in-memory-outlive-a-file-that-is-cut-short",
         bytes_in_memory_outlive_a_file_that_is_cut_short);
    TEST("names-that-are-no-digests-find-nothing", names_that_are_no_digests_find_nothing);
    TEST("what-is-too-large-or-left-unfinished-leaves-nothing",
         what_is_too_large_or_left_unfinished_leaves_nothing);
    TEST("a-sweep-takes-only-what-no-row-names", a_sweep_takes_only_what_no_row_names);
    TEST("what-was-made-of-a-blob-goes-with-it", what_was_made_of_a_blob_goes_with_it);
    TEST("a-sweep-sees-every-folder", a_sweep_sees_every_folder);
    TEST("nothing-is-swept-while-a-room-is-not-open",
         nothing_is_swept_while_a_room_is_not_open);
    TEST("what-is-dropped-goes-at-once-unless-somebody-wants-it",
         what_is_dropped_goes_at_once_unless_somebody_wants_it);
    TEST("what-was-arriving-when-a-process-ended-is-removed",
         what_was_arriving_when_a_process_ended_is_removed);
    return g_test_run();
}
