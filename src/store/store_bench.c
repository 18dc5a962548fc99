/* store_bench.c - durable accepts by many clients, looks, blobs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/folder_test.h"
#include "store/store.h"

#include <stdio.h>

typedef struct {
    OrfStore *store;
    double *ms; /* [n] */
    int thread, n;
} Client;

static void *
accept_jobs(void *data)
{
    Client *client = data;
    for (int i = 0; i < client->n; i++) {
        char id[64];
        g_snprintf(id, sizeof id, "job_%02d_%06d", client->thread, i);
        OrfJobRow row = { .id = id,
                          .tenant = (char[]){ "local" },
                          .kind = (char[]){ "k" },
                          .request = (char[]){ "{\"v\":1}" },
                          .created = 1 };
        int64_t begun = g_get_monotonic_time();
        g_assert_true(orf_store_add_job(client->store, &row, id, "print", NULL, NULL, NULL));
        client->ms[i] = (double)(g_get_monotonic_time() - begun) / 1000;
    }
    return NULL;
}

static void *
look_at_jobs(void *data)
{
    Client *client = data;
    for (int i = 0; i < client->n; i++) {
        char id[64];
        g_snprintf(id, sizeof id, "job_%02d_%06d", 0, i);
        int64_t begun = g_get_monotonic_time();
        orf_job_row_free(orf_store_get_job(client->store, id, NULL));
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
    g_autofree double *ms = g_new0(double, threads *n);
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

int
main(int argc, char **argv)
{
    int n = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 50 : 1000;
    static const int threads[] = { 1, 8, 64 };
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
        g_autoptr(Folder) dir = folder_new();
        g_autoptr(OrfStore) store = orf_store_open(dir, NULL);
        measure("accept", store, accept_jobs, threads[i], n);
        measure("look", store, look_at_jobs, MIN(threads[i], 8), n);
        measure("blob-2MB", store, put_blobs, MIN(threads[i], 8), n / 20);
    }
    return 0;
}
