/* store_bench.c - durable writes by many clients, reads, blobs; sweeping a large folder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/folder_test.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const OrfMigration steps[] = {
    { .script =
          "CREATE TABLE note(id TEXT PRIMARY KEY, text TEXT);"
          "CREATE TABLE keep(job TEXT, place INTEGER, digest TEXT, PRIMARY KEY(job, place)) "
          "WITHOUT ROWID; CREATE INDEX keep_digest ON keep(digest);" },
};
static const OrfBlobOwner owners[] = { { "keep", "digest" } };
static const OrfSchema schema = { "bench", steps, 1, owners, 1 };

static bool
insert(OrfSql *sql, void *data, GError **error)
{
    return orf_sql_run(sql, error, "INSERT INTO note(id, text) VALUES($1, 'text')", "s",
                       (const char *)data);
}

static bool
look(OrfSql *sql, void *data, GError **error)
{
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error, "SELECT text FROM note WHERE id = $1", "s", (char *)data);
    return stmt && orf_sql_first(stmt, error);
}

typedef struct {
    OrfStore *store;
    double *ms; /* [n] */
    int thread, n;
} Client;

static void *
write_rows(void *data)
{
    Client *client = data;
    for (int i = 0; i < client->n; i++) {
        char id[64];
        g_snprintf(id, sizeof id, "job_%02d_%06d", client->thread, i);
        int64_t begun = g_get_monotonic_time();
        g_assert_true(orf_store_write(client->store, true, insert, id, NULL));
        client->ms[i] = (double)(g_get_monotonic_time() - begun) / 1000;
    }
    return NULL;
}

static void *
read_rows(void *data)
{
    Client *client = data;
    for (int i = 0; i < client->n; i++) {
        char id[64];
        g_snprintf(id, sizeof id, "job_%02d_%06d", 0, i);
        int64_t begun = g_get_monotonic_time();
        g_assert_true(orf_store_read(client->store, look, id, NULL));
        client->ms[i] = (double)(g_get_monotonic_time() - begun) / 1000;
    }
    return NULL;
}

static void *
put_blobs(void *data)
{
    Client *client = data;
    size_t size = 2u << 20;
    g_autofree guint32 *bytes = g_malloc0(size);
    for (int i = 0; i < client->n; i++) {
        bytes[0] = (guint32)(client->thread * 1000000 + i);
        g_autoptr(GBytes) blob = g_bytes_new_static(bytes, size);
        char digest[ORF_DIGEST_SIZE];
        int64_t begun = g_get_monotonic_time();
        g_assert_true(orf_blob_put(client->store, blob, digest, NULL));
        client->ms[i] = (double)(g_get_monotonic_time() - begun) / 1000;
    }
    return NULL;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
measure(const char *name, OrfStore *store, void *(*body)(void *), int threads, int n)
{
    g_autofree double *ms = g_new0(double, (threads * n));
    Client clients[64];
    GThread *handles[64];
    int64_t begun = g_get_monotonic_time();
    for (int i = 0; i < threads; i++) {
        clients[i] = (Client){ store, ms + i * n, i, n };
        handles[i] = g_thread_new(NULL, body, &clients[i]);
    }
    for (int i = 0; i < threads; i++)
        g_thread_join(handles[i]);
    double seconds = (double)(g_get_monotonic_time() - begun) / 1e6;
    int total = threads * n;
    qsort(ms, (size_t)total, sizeof *ms, compare);
    printf("%s\t%d\t%.3f\t%.3f\t0\t%.0f 1/s\n", name, threads, ms[total / 2],
           ms[total * 95 / 100], total / seconds);
}

/* --- The sweep ---------------------------------------------------------------------------- */

typedef struct {
    int jobs, each, orphans; /* blobs of each job; one in so many blobs has no row */
    char *folder;
} Large;

/* Names are what counts, so the files are empty. */
static void
make_blob(const Large *large, int number, char digest[ORF_DIGEST_SIZE])
{
    static const struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
    orf_digest(&number, sizeof number, digest);
    g_autofree char *outer = g_strdup_printf("%s/%.2s", large->folder, digest);
    g_autofree char *inner = g_strdup_printf("%s/%.2s", outer, digest + 2);
    g_autofree char *path = g_strdup_printf("%s/%s", inner, digest);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd < 0) {
        g_mkdir_with_parents(inner, 0700);
        fd = open(path, O_WRONLY | O_CREAT, 0600);
    }
    futimens(fd, old);
    close(fd);
}

static bool
fill(OrfSql *sql, void *data, GError **error)
{
    const Large *large = data;
    for (int job = 0, n = 0; job < large->jobs; job++) {
        char id[32], digest[ORF_DIGEST_SIZE];
        g_snprintf(id, sizeof id, "job_%08d", job);
        for (int i = 0; i < large->each; i++, n++) {
            make_blob(large, n, digest);
            if (n % large->orphans &&
                !orf_sql_run(sql, error, "INSERT INTO keep VALUES($1, $2, $3)", "sis", id,
                             (int64_t)i, digest))
                return false;
        }
    }
    return true;
}

static double
peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static void
measure_sweep(const char *name, OrfStore *store, int n)
{
    double before = peak_mib();
    int64_t begun = g_get_monotonic_time();
    orf_blob_sweep(store, (int64_t)2000 * 1000000, NULL);
    double ms = (double)(g_get_monotonic_time() - begun) / 1000;
    printf("%s\t%d\t%.0f\t%.0f\t%.0f\tpeak grew by %.1f MiB\n", name, n, ms, ms,
           peak_mib() * (1 << 20), peak_mib() - before);
}

static void
sweep(bool quick)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = orf_store_open(dir, NULL);
    g_autofree char *folder = g_build_filename(dir, "blobs", NULL);
    Large large = { quick ? 100 : 100000, 10, 100, folder };
    g_assert_true(orf_store_migrate(store, &schema, NULL));
    g_assert_true(orf_store_write(store, false, fill, &large, NULL));
    measure_sweep("sweep-1-percent", store, large.jobs * large.each);
    measure_sweep("sweep-nothing", store, large.jobs * large.each);
}

int
main(int argc, char **argv)
{
    int n = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 50 : 1000;
    static const int threads[] = { 1, 8, 64 };
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
        g_autoptr(Folder) dir = folder_new();
        g_autoptr(OrfStore) store = orf_store_open(dir, NULL);
        g_assert_true(orf_store_migrate(store, &schema, NULL));
        measure("write", store, write_rows, threads[i], n);
        measure("read", store, read_rows, MIN(threads[i], 8), n);
        measure("blob-2MB", store, put_blobs, MIN(threads[i], 8), n / 20);
    }
    sweep(n < 1000);
    return 0;
}
