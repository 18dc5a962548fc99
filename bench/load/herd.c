/* herd.c - many streams that say nothing: what each costs the server in memory, and all of them
 * in time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Opens them a few at a time, waits until each has its head, lets everything settle, then only
 * watches. */
#include "load.h"

#include <stdio.h>
#include <string.h>

#define AT_A_TIME 64
#define SETTLE_US (1500 * 1000)
#define FOR_EVER ((int64_t)24 * 3600 * G_USEC_PER_SEC)

typedef struct {
    const LoadOptions *options;
    LoadLoop *loop;
    LoadMessage *message;
    LoadCall *calls;
    unsigned started, opened, refused, lost;
    uint64_t bytes;
    bool over;
    LoadHistogram opening;
    LoadProcess before, idle_from, idle_to;
    int64_t idle_from_us, idle_to_us;
} Herd;

static void
start_next(Herd *herd)
{
    if (herd->started == (unsigned)herd->options->agents)
        return;
    LoadCall *call = &herd->calls[herd->started++];
    call->due_us = g_get_monotonic_time();
    load_loop_call(herd->loop, call);
}

static void
stop_idling(void *data, int64_t now_us)
{
    Herd *herd = data;
    load_process_look(herd->options->pid, &herd->idle_to);
    herd->idle_to_us = now_us;
    herd->over = true;
    load_loop_stop(herd->loop);
}

static void
begin_idling(void *data, int64_t now_us)
{
    Herd *herd = data;
    load_process_look(herd->options->pid, &herd->idle_from);
    herd->idle_from_us = now_us;
    load_loop_at(herd->loop, now_us + (int64_t)(herd->options->seconds * 1e6), stop_idling,
                 herd);
}

static void
one_more(Herd *herd)
{
    start_next(herd);
    if (herd->opened + herd->refused == (unsigned)herd->options->agents)
        load_loop_at(herd->loop, g_get_monotonic_time() + SETTLE_US, begin_idling, herd);
}

static void
headed(LoadCall *call)
{
    Herd *herd = call->data;
    if (call->response.status != 200)
        return; /* `done` counts it */
    herd->opened++;
    load_histogram_add(&herd->opening, (uint64_t)(g_get_monotonic_time() - call->due_us));
    one_more(herd);
}

static void
listen_on(const char *piece, size_t size, void *data)
{
    (void)piece;
    ((Herd *)data)->bytes += size;
}

static void
done(LoadCall *call)
{
    Herd *herd = call->data;
    if (herd->over)
        return;
    if (call->response.status == 200) {
        herd->lost++;
        return;
    }
    herd->refused++;
    one_more(herd);
}

static json_t *
report_of(const Herd *herd)
{
    double seconds = (double)(herd->idle_to_us - herd->idle_from_us) / 1e6;
    double each =
        herd->opened
            ? ((double)herd->idle_to.resident - (double)herd->before.resident) / herd->opened
            : 0;
    json_t *report =
        json_pack("{s:i, s:i, s:i, s:I, s:f, s:I, s:I, s:f, s:f, s:i, s:i}", "opened",
                  (int)herd->opened, "refused", (int)herd->refused, "lost", (int)herd->lost,
                  "bytes_heard", (json_int_t)herd->bytes, "bytes_each", each, "rss_before",
                  (json_int_t)herd->before.resident, "rss_after",
                  (json_int_t)herd->idle_to.resident, "idle_s", seconds, "cpu_share",
                  seconds > 0 ? (herd->idle_to.cpu_s - herd->idle_from.cpu_s) / seconds : 0,
                  "files", (int)herd->idle_to.files, "threads", (int)herd->idle_to.threads);
    json_object_set_new(report, "size", json_integer(herd->options->agents));
    json_object_set_new(report, "line_ms", load_report_histogram(&herd->opening));
    return report;
}

json_t *
load_herd(const LoadOptions *options, GError **error)
{
    g_autoptr(LoadLoop) loop = load_loop_new(options->url, (unsigned)options->agents,
                                             (unsigned)options->sources, error);
    if (!loop)
        return NULL;
    g_autofree char *request = g_strdup_printf("GET %s", options->get);
    g_autoptr(LoadMessage) message =
        load_message_new(&(LoadWish){ .request = request,
                                      .host = load_loop_host(loop),
                                      .headers = (const char *const *)options->headers },
                         error);
    g_autofree LoadCall *calls = g_new0(LoadCall, (size_t)options->agents);
    g_autofree Herd *herd = g_new0(Herd, 1);
    *herd = (Herd){ .options = options, .loop = loop, .message = message, .calls = calls };
    for (int i = 0; i < options->agents; i++)
        calls[i] = (LoadCall){ .message = message,
                               .timeout_us = FOR_EVER,
                               .piece = listen_on,
                               .headed = headed,
                               .done = done,
                               .data = herd };
    if (!load_process_look(options->pid, &herd->before))
        g_message("load: no process %d; give --pid to see its memory", options->pid);
    for (int i = 0; i < AT_A_TIME; i++)
        start_next(herd);
    load_loop_run(loop);
    return report_of(herd);
}
