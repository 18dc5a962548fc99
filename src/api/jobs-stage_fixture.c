/* SPDX-License-Identifier: Apache-2.0 */
#include "api/jobs-stage_fixture.h"

#include "store/folder_test.h"

#include <string.h>
#include <unistd.h>

/* --- Work --------------------------------------------------------------------------------- */

typedef enum { STAGE, LOG, PROGRESS, FINISH, FAIL } Kind;

typedef struct {
    Kind kind;
    char *text;
    double progress;
    unsigned n;
} Order;

static void
order_free(void *data)
{
    Order *order = data;
    g_free(order->text);
    g_free(order);
}

static void
give(JobsStage *stage, Kind kind, const char *text, double progress, unsigned n)
{
    Order *order = g_new0(Order, 1);
    *order = (Order){ kind, g_strdup(text), progress, n };
    g_async_queue_push(stage->orders, order);
}

static OrfStageRow
stage_row(const JobsStage *stage, const char *name, double progress)
{
    OrfStageRow row = {
        .progress = progress, .bytes = stage->glb_size, .triangles = 4, .took_s = 0.5
    };
    g_strlcpy(row.name, name, sizeof row.name);
    g_strlcpy(row.digest, stage->glb, sizeof row.digest);
    return row;
}

static OrfJobResult *
finish(const JobsStage *stage, OrfJobRun *run)
{
    static const char *const names[] = { "preview", "medium", "final", "finished" };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        OrfStageRow row = stage_row(stage, names[i], 0.25 * (double)(i + 1));
        orf_job_run_stage(run, &row);
    }
    OrfJobResult *result = orf_job_result_new();
    result->generator = g_strdup("inflate");
    result->reason = g_strdup("it is round");
    result->confidence = 0.9;
    result->measures = g_strdup("{\"triangles\":4}");
    return result;
}

/* False: the run is over. */
static bool
obey(const JobsStage *stage, OrfJobRun *run, const Order *order, OrfJobResult **ret_result,
     GError **ret_error)
{
    OrfStageRow row = stage_row(stage, order->text ? order->text : "", order->progress);
    if (order->kind == STAGE)
        orf_job_run_stage(run, &row);
    for (unsigned i = 0; order->kind == LOG && i < order->n; i++)
        orf_job_run_log(run, order->text);
    for (unsigned i = 0; order->kind == PROGRESS && i < order->n; i++)
        orf_task_progress(orf_task_step(run->task), 0.5);
    if (order->kind == FINISH)
        *ret_result = finish(stage, run);
    else if (order->kind == FAIL)
        (void)ORF_FAIL(ret_error, BAD_INPUT, "the picture is empty");
    return order->kind < FINISH;
}

/* Each step is told at once, however quickly they follow. */
static const OrfStep steps[] = { { "one", 1 },  { "two", 1 }, { "three", 1 }, { "four", 1 },
                                 { "five", 1 }, { "six", 1 }, { "seven", 1 }, { "eight", 1 } };

static void
run(OrfJobRun *const *runs, size_t n, OrfJobResult **ret_results, GError **ret_errors,
    void *data)
{
    (void)n;
    JobsStage *stage = data;
    orf_task_plan(runs[0]->task, steps, G_N_ELEMENTS(steps));
    for (bool more = true; more;) {
        Order *order = g_async_queue_timeout_pop(stage->orders, 10000);
        if (orf_task_check(runs[0]->task, ret_errors)) {
            more = !order || obey(stage, runs[0], order, ret_results, ret_errors);
            if (order)
                order_free(order);
        } else {
            more = false;
            if (order)
                g_async_queue_push_front(stage->orders, order);
        }
    }
}

/* --- Life --------------------------------------------------------------------------------- */

static void
open_parts(JobsStage *stage)
{
    g_autoptr(GError) error = NULL;
    stage->store = orf_store_open(stage->dir, &error);
    g_assert_no_error(error);
    stage->queue = orf_queue_new(&(OrfQueueOptions){ .store = stage->store,
                                                     .work = { .run = run, .data = stage },
                                                     .workers = 1,
                                                     .cores = 1 },
                                 &error);
    g_assert_no_error(error);
    stage->meter = orf_meter_new();
    stage->runner = orf_runner_new(stage->store, stage->meter, NULL);
    stage->api = api_stage_start(&(OrfApiOptions){ .store = stage->store,
                                                   .queue = stage->queue,
                                                   .runner = stage->runner,
                                                   .max_upload = 1u << 20 });
}

static void
close_parts(JobsStage *stage)
{
    orf_queue_drain(stage->queue, g_get_monotonic_time());
    api_stage_stop(stage->api);
    orf_runner_free(stage->runner);
    orf_meter_free(stage->meter);
    orf_queue_free(stage->queue);
    orf_store_close(stage->store);
}

static void
store_glb(JobsStage *stage)
{
    static const char obj[] = "v 0 0 0\nv 10 0 0\nv 0 10 0\nv 0 0 10\n"
                              "f 1 3 2\nf 1 2 4\nf 2 3 4\nf 1 4 3\n";
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = g_bytes_new_static(obj, sizeof obj - 1);
    g_autoptr(OrfAsset) asset = orf_asset_load(NULL, bytes, "obj", &error);
    g_assert_no_error(error);
    g_autoptr(GBytes) glb = orf_asset_save(NULL, asset, "glb", &error);
    g_assert_no_error(error);
    orf_blob_put(stage->store, glb, stage->glb, &error);
    g_assert_no_error(error);
    stage->glb_size = g_bytes_get_size(glb);
}

JobsStage *
jobs_stage_start(void)
{
    JobsStage *stage = g_new0(JobsStage, 1);
    stage->dir = folder_new();
    stage->orders = g_async_queue_new_full(order_free);
    open_parts(stage);
    store_glb(stage);
    return stage;
}

void
jobs_stage_restart(JobsStage *stage)
{
    close_parts(stage);
    open_parts(stage);
}

void
jobs_stage_stop(JobsStage *stage)
{
    close_parts(stage);
    g_async_queue_unref(stage->orders);
    folder_free(stage->dir);
    g_free(stage->job);
    g_free(stage->id);
    g_free(stage);
}

/* --- Jobs --------------------------------------------------------------------------------- */

void
jobs_stage_add(JobsStage *stage, const char *key)
{
    g_autoptr(GError) error = NULL;
    OrfAccepted accepted = { 0 };
    g_autoptr(OrfJobRequest) request = orf_job_request_new("generate");
    request->generator = g_strdup("inflate");
    request->parameters = g_strdup("{\"size\":80}");
    OrfJobInput *input = g_new0(OrfJobInput, 1);
    input->digest = g_strdup(stage->glb);
    input->name = g_strdup("my cup.jpg");
    g_ptr_array_add(request->inputs, input);
    OrfWish wish = {
        .tenant = "local", .kind = "generate/inflate", .key = key, .request = request
    };
    orf_queue_add(stage->queue, &wish, &accepted, &error);
    g_assert_no_error(error);
    g_free(stage->job);
    g_free(stage->id);
    stage->id = accepted.id;
    stage->job = g_strdup_printf("/api/v1/jobs/%s", accepted.id);
}

void
jobs_stage_tell_stage(JobsStage *stage, const char *name, double progress)
{
    give(stage, STAGE, name, progress, 0);
}

void
jobs_stage_tell_log(JobsStage *stage, const char *text)
{
    give(stage, LOG, text, 0, 1);
}

void
jobs_stage_tell_log_times(JobsStage *stage, unsigned n, size_t size)
{
    g_autofree char *text = g_strnfill(size, 'x');
    give(stage, LOG, text, 0, n);
}

void
jobs_stage_tell_progress(JobsStage *stage, unsigned n)
{
    give(stage, PROGRESS, NULL, 0, n);
}

void
jobs_stage_finish(JobsStage *stage)
{
    give(stage, FINISH, NULL, 0, 0);
}

void
jobs_stage_fail(JobsStage *stage)
{
    give(stage, FAIL, NULL, 0, 0);
}

typedef struct {
    const char *wanted;
    GMutex lock;
    GCond heard;
    bool came;
} Ear;

static void
hear(const OrfJobEvent *event, void *data)
{
    Ear *ear = data;
    g_mutex_lock(&ear->lock);
    ear->came = ear->came || strcmp(event->type, ear->wanted) == 0;
    g_cond_signal(&ear->heard);
    g_mutex_unlock(&ear->lock);
}

void
jobs_stage_await(JobsStage *stage, const char *event)
{
    g_autoptr(GError) error = NULL;
    Ear ear = { .wanted = event };
    OrfListener *listener =
        orf_queue_listen(stage->queue, "local", stage->id, 0, hear, &ear, &error);
    g_assert_no_error(error);
    g_mutex_lock(&ear.lock);
    int64_t end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    while (!ear.came)
        if (!g_cond_wait_until(&ear.heard, &ear.lock, end))
            g_error("no %s came", event);
    g_mutex_unlock(&ear.lock);
    orf_listener_free(listener);
}

/* --- Talking ------------------------------------------------------------------------------ */

ApiAnswer
jobs_get(JobsStage *stage, const char *rest, const char *headers)
{
    g_autofree char *target = g_strconcat(stage->job, rest, NULL);
    return api_ask(stage->api, "GET", target, headers, NULL);
}

void
jobs_expect_body(const ApiAnswer *answer, const void *bytes, size_t size)
{
    g_assert_cmpuint(answer->size, ==, size);
    g_assert_true(memcmp(answer->body, bytes, size) == 0);
}

int
jobs_open(JobsStage *stage, const char *rest, const char *headers)
{
    int fd = client_connect(stage->api->port);
    g_autofree char *text = g_strdup_printf("GET %s%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n",
                                            stage->job, rest, stage->api->port, headers);
    client_send(fd, text);
    return fd;
}

char *
jobs_unchunk(const char *reply)
{
    GString *out = g_string_new(NULL);
    const char *at = strstr(reply, "\r\n\r\n");
    g_assert_nonnull(at);
    for (at += 4; *at;) {
        char *end;
        size_t size = (size_t)g_ascii_strtoull(at, &end, 16);
        if (!size || strlen(end + 2) < size)
            break;
        g_string_append_len(out, end + 2, (gssize)size);
        at = end + 2 + size + 2;
    }
    return g_string_free(out, FALSE);
}

/* --- WebSocket ---------------------------------------------------------------------------- */

int
jobs_ws_open(JobsStage *stage)
{
    int fd = client_connect(stage->api->port);
    g_autofree char *text = g_strdup_printf(
        "GET /api/v1/ws HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        stage->api->port);
    client_send(fd, text);
    g_autofree char *reply = client_read_until(fd, "\r\n\r\n");
    g_assert_true(g_str_has_prefix(reply, "HTTP/1.1 101 "));
    return fd;
}

void
jobs_ws_say(int fd, const char *text)
{
    size_t size = strlen(text);
    guint8 head[6] = { 0x81, (guint8)(0x80 | size) }; /* and a mask of zeros */
    g_assert_cmpuint(size, <, 126);
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_byte_array_append(out, head, sizeof head);
    g_byte_array_append(out, (const guint8 *)text, (guint)size);
    client_send_bytes(fd, out->data, out->len);
}

static size_t
read_head(int fd, unsigned *ret_first)
{
    guint8 head[2], length[8];
    client_read_exactly(fd, head, 2);
    *ret_first = head[0];
    size_t n = head[1] == 127 ? 8 : head[1] == 126 ? 2 : 0, size = n ? 0 : head[1];
    client_read_exactly(fd, length, n);
    for (size_t i = 0; i < n; i++)
        size = size << 8 | length[i];
    return size;
}

json_t *
jobs_ws_hear(int fd)
{
    for (;;) {
        unsigned first;
        size_t size = read_head(fd, &first);
        g_autofree char *bytes = g_malloc0(size + 1);
        client_read_exactly(fd, bytes, size);
        if ((first & 15) == 8)
            return NULL;
        if ((first & 15) != 1)
            continue;
        json_t *message = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
        g_assert_nonnull(message);
        return message;
    }
}
