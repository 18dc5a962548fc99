/* job_bench.c - accepting, looking, first stages, and whether the ETA keeps its word.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The engine does nothing (or waits, for the ETA): what is measured is the queue and its store.
 */
#include "job/job-priv.h"
#include "store/folder_test.h"

#include <math.h>
#include <stdio.h>

typedef struct {
    OrfStore *store;
    OrfQueue *queue;
    int n;
    const char *key; /* NULL: every wish is another */
    char *id;
} Bench;

typedef struct {
    const Bench *bench;
    double *ms; /* [n] */
} Client;

/* --- Engines ------------------------------------------------------------------------------ */

static void
do_nothing(OrfJobRun *const *runs, size_t n, OrfJobResult **ret_results, GError **ret_errors,
           void *data)
{
    (void)ret_errors, (void)data;
    for (size_t i = 0; i < n; i++) {
        orf_job_run_stage(runs[i], &(OrfStageRow){ "preview", 0.25, .bytes = 1000 });
        orf_job_run_stage(runs[i], &(OrfStageRow){ "finished", 1, .bytes = 1000 });
        ret_results[i] = orf_job_result_new();
    }
}

/* Takes 20 to 200 ms, most often 40. */
static void
take_time(OrfJobRun *const *runs, size_t n, OrfJobResult **ret_results, GError **ret_errors,
          void *data)
{
    (void)ret_errors, (void)data;
    for (size_t i = 0; i < n; i++) {
        double normal = -6;
        for (int k = 0; k < 12; k++)
            normal += g_random_double();
        g_usleep((gulong)(40000 * CLAMP(exp(0.5 * normal), 0.5, 5)));
        orf_job_run_stage(runs[i], &(OrfStageRow){ "preview", 0.25 });
        ret_results[i] = orf_job_result_new();
    }
}

/* --- Cases -------------------------------------------------------------------------------- */

static void
add_one(const Bench *bench, OrfAccepted *ret)
{
    g_autoptr(OrfJobRequest) request = orf_job_request_new("k");
    OrfWish wish = { .tenant = "local", .kind = "k", .request = request, .key = bench->key };
    g_assert_true(orf_queue_add(bench->queue, &wish, ret, NULL));
}

static void *
accept_jobs(void *data)
{
    const Client *client = data;
    for (int i = 0; i < client->bench->n; i++) {
        OrfAccepted accepted = { 0 };
        int64_t begun = g_get_monotonic_time();
        add_one(client->bench, &accepted);
        client->ms[i] = (double)(g_get_monotonic_time() - begun) / 1000;
        g_free(accepted.id);
    }
    return NULL;
}

#define LOOKS 1000 /* timed together: one is shorter than the clock's step */

static void *
look(void *data)
{
    const Client *client = data;
    for (int i = 0; i < client->bench->n; i++) {
        int64_t begun = g_get_monotonic_time();
        for (int k = 0; k < LOOKS; k++) {
            g_auto(OrfJobView) view = { 0 };
            g_assert_true(
                orf_queue_look(client->bench->queue, "local", client->bench->id, &view, NULL));
        }
        client->ms[i] = (double)(g_get_monotonic_time() - begun) / 1000 / LOOKS;
    }
    return NULL;
}

static void *
look_at_version(void *data)
{
    const Client *client = data;
    for (int i = 0; i < client->bench->n; i++) {
        int64_t begun = g_get_monotonic_time();
        for (int k = 0; k < LOOKS; k++)
            g_assert_cmpuint(
                orf_queue_version(client->bench->queue, "local", client->bench->id), >, 0);
        client->ms[i] = (double)(g_get_monotonic_time() - begun) / 1000 / LOOKS;
    }
    return NULL;
}

typedef struct {
    GMutex lock;
    GCond heard;
    bool stage, over;
} Ear;

static void
hear(const OrfJobEvent *event, void *data)
{
    Ear *ear = data;
    g_mutex_lock(&ear->lock);
    ear->stage |= g_str_equal(event->type, "stage");
    ear->over |= g_str_equal(event->type, "done") || g_str_equal(event->type, "error");
    g_cond_broadcast(&ear->heard);
    g_mutex_unlock(&ear->lock);
}

static void
listen_until(const Bench *bench, const char *id, bool end)
{
    Ear ear = { 0 };
    OrfListener *listener = orf_queue_listen(bench->queue, "local", id, 0, hear, &ear, NULL);
    g_mutex_lock(&ear.lock);
    while (!ear.over && (end || !ear.stage))
        g_cond_wait(&ear.heard, &ear.lock);
    g_mutex_unlock(&ear.lock);
    orf_listener_free(listener);
}

static void *
first_stage(void *data)
{
    const Client *client = data;
    for (int i = 0; i < client->bench->n; i++) {
        OrfAccepted accepted = { 0 };
        int64_t begun = g_get_monotonic_time();
        add_one(client->bench, &accepted);
        listen_until(client->bench, accepted.id, false);
        client->ms[i] = (double)(g_get_monotonic_time() - begun) / 1000;
        listen_until(client->bench, accepted.id, true);
        g_free(accepted.id);
    }
    return NULL;
}

/* --- Measuring ---------------------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
measure(const char *name, const Bench *bench, void *(*body)(void *), int threads, int each)
{
    int total = threads * bench->n;
    g_autofree double *ms = g_new0(double, total);
    Client clients[64];
    GThread *handles[64];
    int64_t begun = g_get_monotonic_time();
    for (int i = 0; i < threads; i++) {
        clients[i] = (Client){ bench, ms + i * bench->n };
        handles[i] = g_thread_new(NULL, body, &clients[i]);
    }
    for (int i = 0; i < threads; i++)
        g_thread_join(handles[i]);
    double seconds = (double)(g_get_monotonic_time() - begun) / 1e6;
    qsort(ms, (size_t)total, sizeof *ms, compare);
    printf("%s\t%d\t%.4f\t%.4f\t0\t%.0f 1/s\n", name, threads, ms[total / 2],
           ms[total * 95 / 100], total * each / seconds);
}

static void
open_queue(Bench *bench, const char *dir,
           void (*run)(OrfJobRun *const *, size_t, char **, GError **, void *))
{
    bench->store = orf_store_open(dir, NULL);
    bench->queue = orf_queue_new(&(OrfQueueOptions){ .store = bench->store,
                                                     .work = { .run = run },
                                                     .workers = 2,
                                                     .cores = 1,
                                                     .max_queued = 1000000 },
                                 NULL);
}

static void
close_queue(Bench *bench)
{
    orf_queue_free(bench->queue);
    orf_store_close(bench->store);
}

/* Jobs come three at a time; how many of a hundred end within the time that p90 promised when
 * they were accepted. */
static void
calibrate(Bench *bench, int n)
{
    int kept = 0, asked = 0;
    for (int i = 0; i < n; i++) {
        OrfAccepted accepted[3] = { 0 };
        double p90[3];
        for (int k = 0; k < 3; k++) {
            add_one(bench, &accepted[k]);
            g_auto(OrfJobView) view = { 0 };
            orf_queue_look(bench->queue, "local", accepted[k].id, &view, NULL);
            p90[k] = view.eta_p90 + (double)(view.row.created - g_get_real_time()) / 1e6;
        }
        for (int k = 0; k < 3; k++) {
            listen_until(bench, accepted[k].id, true);
            g_auto(OrfJobView) view = { 0 };
            orf_queue_look(bench->queue, "local", accepted[k].id, &view, NULL);
            double took = (double)(view.row.finished - view.row.created) / 1e6;
            asked += i >= n / 4 && p90[k] > 0;
            kept += i >= n / 4 && p90[k] > 0 && took <= p90[k];
            g_free(accepted[k].id);
        }
    }
    printf("eta/p90-kept\t%d\t0\t0\t0\t%.0f %%\n", asked, 100.0 * kept / MAX(asked, 1));
}

int
main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(Folder) other = folder_new();
    Bench bench = { .n = quick ? 20 : 300 };
    open_queue(&bench, dir, do_nothing);
    measure("first-stage", &bench, first_stage, 1, 1);
    measure("accept", &bench, accept_jobs, 1, 1);
    measure("accept", &bench, accept_jobs, 16, 1);
    bench.key = "recipe";
    measure("cached", &bench, accept_jobs, 1, 1);
    measure("cached", &bench, accept_jobs, 16, 1);
    OrfAccepted accepted = { 0 };
    add_one(&bench, &accepted);
    bench.id = accepted.id;
    listen_until(&bench, bench.id, true);
    measure("look", &bench, look, 1, LOOKS);
    measure("look", &bench, look, 4, LOOKS);
    measure("version", &bench, look_at_version, 1, LOOKS);
    measure("version", &bench, look_at_version, 4, LOOKS);
    close_queue(&bench);
    g_free(accepted.id);
    bench.key = NULL;
    open_queue(&bench, other, take_time);
    calibrate(&bench, quick ? 10 : 80);
    close_queue(&bench);
    return 0;
}
