/* SPDX-License-Identifier: Apache-2.0 */
#include "api/stage_fixture.h"

#include <glib/gstdio.h>
#include <string.h>

/* --- A queue of two places, whose jobs wait ----------------------------------------------- */

typedef struct {
    char *dir, *id; /* id: of the newest job */
    OrfStore *store;
    OrfQueue *queue;
    ApiStage *stage;
} Inn;

static void
run(OrfJobRun *const *runs, size_t n, OrfJobResult **ret_results, GError **ret_errors,
    void *data)
{
    (void)ret_results, (void)data;
    for (size_t i = 0; i < n; i++) {
        while (orf_task_check(runs[i]->task, &ret_errors[i]))
            g_usleep(1000);
    }
}

static bool
add(Inn *inn)
{
    g_autoptr(GError) error = NULL;
    OrfAccepted accepted;
    g_autoptr(OrfJobRequest) request = orf_job_request_new("wait");
    OrfWish wish = { .tenant = "local", .kind = "wait", .request = request };
    if (!orf_queue_add(inn->queue, &wish, &accepted, &error)) {
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BUSY);
        return false;
    }
    g_free(inn->id);
    inn->id = accepted.id;
    return true;
}

/* Both places are taken, and both seats in the line. */
static void
fill(Inn *inn)
{
    OrfQueueStats stats;
    do {
        while (add(inn))
            ;
        orf_queue_stats(inn->queue, NULL, &stats);
        g_usleep(1000);
    } while (stats.running < 2 || orf_queue_room(inn->queue) > 0);
}

static Inn *
inn_open(void)
{
    Inn *inn = g_new0(Inn, 1);
    g_autoptr(GError) error = NULL;
    inn->dir = g_dir_make_tmp("orfeas-XXXXXX", &error);
    inn->store = orf_store_open(inn->dir, &error);
    g_assert_no_error(error);
    inn->queue = orf_queue_new(&(OrfQueueOptions){ .store = inn->store,
                                                   .work = { .run = run },
                                                   .workers = 1,
                                                   .preview_workers = 1,
                                                   .max_queued = 2 },
                               &error);
    g_assert_no_error(error);
    inn->stage = api_stage_start(&(OrfApiOptions){ .store = inn->store, .queue = inn->queue });
    return inn;
}

static void
remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *inside = g_build_filename(path, name, NULL);
        remove_tree(inside);
    }
    g_remove(path);
}

static void
inn_close(Inn *inn)
{
    orf_queue_drain(inn->queue, g_get_monotonic_time());
    api_stage_stop(inn->stage);
    orf_queue_free(inn->queue);
    orf_store_close(inn->store);
    remove_tree(inn->dir);
    g_free(inn->dir);
    g_free(inn->id);
    g_free(inn);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Inn, inn_close)

/* The answer to a wish of which only the headers are sent. */
static char *
wish(const Inn *inn, const char *headers)
{
    g_autofree char *request =
        g_strdup_printf("POST /api/v1/generate-3d HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                        "Content-Type: multipart/form-data; boundary=x\r\n%s"
                        "Content-Length: 30000000\r\n\r\n",
                        headers);
    return client_talk(inn->stage->port, request);
}

static void
expect(const char *answer, const char *text)
{
    if (!strstr(answer, text))
        g_error("no \"%s\" in: %s", text, answer);
}

/* --- Sentences ---------------------------------------------------------------------------- */

static void
refuses_early(void)
{
    g_autoptr(Inn) inn = inn_open();
    fill(inn);
    g_autofree char *answer = wish(inn, "");
    expect(answer, "HTTP/1.1 503 ");
    expect(answer, "\"code\":\"queue_full\"");
    expect(answer, "\r\nRetry-After: ");
}

static void
cancels_while_draining(void)
{
    g_autoptr(Inn) inn = inn_open();
    fill(inn);
    orf_api_drain(inn->stage->api);
    g_autofree char *answer = wish(inn, "");
    expect(answer, "\"code\":\"draining\"");
    g_autofree char *path = g_strdup_printf("/api/v1/jobs/%s/cancel", inn->id);
    g_auto(ApiAnswer) canceled = api_ask(inn->stage, "POST", path, "", NULL);
    g_assert_cmpint(canceled.status, ==, 200);
}

static void
frees_a_full_disk(void)
{
    g_autoptr(Inn) inn = inn_open();
    fill(inn);
    orf_api_set_disk(inn->stage->api, 1 << 20);
    g_autofree char *answer = wish(inn, "");
    expect(answer, "\"code\":\"storage_unavailable\"");
    g_autofree char *path = g_strdup_printf("/api/v1/jobs/%s", inn->id);
    g_auto(ApiAnswer) erased = api_ask(inn->stage, "DELETE", path, "", NULL);
    g_assert_cmpint(erased.status, ==, 204);
    g_auto(ApiAnswer) ready = api_get(inn->stage, "/readyz");
    expect(ready.body, "the disk is almost full");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/api/room/a-full-queue-refuses-before-the-body", refuses_early);
    g_test_add_func("/api/room/jobs-can-be-cancelled-while-it-drains", cancels_while_draining);
    g_test_add_func("/api/room/jobs-can-be-erased-when-the-disk-is-full", frees_a_full_disk);
    return g_test_run();
}
