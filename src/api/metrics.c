/* metrics.c - GET /metrics: what the parts know about themselves, read when somebody asks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoints.h"

#include <math.h>
#include <string.h>

/* --- Families ----------------------------------------------------------------------------- */

typedef enum {
    BUILD,
    UPTIME,
    READY,
    HTTP_REFUSED,
    HTTP_CONNECTIONS,
    HTTP_BYTES,
    STREAMS,
    JOBS,
    QUEUE_DEPTH,
    QUEUE_OLDEST,
    RUNNING,
    WORKERS,
    BATCHES,
    BATCHED,
    CACHE_REQUESTS,
    CACHE_ENTRIES,
    CACHE_BYTES,
    CACHE_EVICTED,
    CACHE_SAVED,
    HOOKS,
    DEAD_LETTERS,
    DISK_FREE,
    RUNNERS,
    RUNNERS_ENDED,
    RUNS_STUCK,
    RUNS_GIVEN_UP,
    RUNS_REPEATED,
    DEVICE_MEMORY,
    DEVICE_LOAD,
    DEVICE_TEMPERATURE,
    DEVICE_POWER,
    N_FAMILIES
} Family;

static const OrfMetricInfo infos[N_FAMILIES] = {
    [BUILD] = { "orfeas_build_info", ORF_GAUGE, "Always 1; the version is in the label.",
                "version" },
    [UPTIME] = { "orfeas_uptime_seconds", ORF_GAUGE, "Since the start of the server." },
    [READY] = { "orfeas_ready", ORF_GAUGE, "1 when new jobs are taken." },
    [HTTP_REFUSED] = { "orfeas_http_refused_total", ORF_COUNTER,
                       "Requests that the guard against malformed HTTP refused." },
    [HTTP_CONNECTIONS] = { "orfeas_http_connections", ORF_GAUGE, "Open connections." },
    [HTTP_BYTES] = { "orfeas_http_bytes_total", ORF_COUNTER, "Bytes of bodies.", "direction" },
    [STREAMS] = { "orfeas_stream_clients", ORF_GAUGE, "Clients that follow jobs now.",
                  "transport" },
    [JOBS] = { "orfeas_jobs_ended_total", ORF_COUNTER,
               "Jobs that ended, those that never ran counted in.", "status" },
    [QUEUE_DEPTH] = { "orfeas_queue_depth", ORF_GAUGE, "Jobs that wait.", "priority" },
    [QUEUE_OLDEST] = { "orfeas_queue_oldest_seconds", ORF_GAUGE,
                       "How long the longest waiting job has waited." },
    [RUNNING] = { "orfeas_jobs_running", ORF_GAUGE, "Jobs that run." },
    [WORKERS] = { "orfeas_workers", ORF_GAUGE, "Jobs that may run at one time." },
    [BATCHES] = { "orfeas_batches_total", ORF_COUNTER, "Batches that ran." },
    [BATCHED] = { "orfeas_batched_jobs_total", ORF_COUNTER, "Jobs in them." },
    [CACHE_REQUESTS] = { "orfeas_cache_requests_total", ORF_COUNTER,
                         "Jobs by what the cache of finished work had for them.", "result" },
    [CACHE_ENTRIES] = { "orfeas_cache_entries", ORF_GAUGE,
                        "Results kept for whoever asks again." },
    [CACHE_BYTES] = { "orfeas_cache_bytes", ORF_GAUGE, "Their size." },
    [CACHE_EVICTED] = { "orfeas_cache_evicted_total", ORF_COUNTER, "Results that gave way." },
    [CACHE_SAVED] = { "orfeas_cache_saved_seconds_total", ORF_COUNTER,
                      "Engine time that hits spared." },
    [HOOKS] = { "orfeas_webhooks_total", ORF_COUNTER, "Webhook deliveries.", "outcome" },
    [DEAD_LETTERS] = { "orfeas_dead_letter_depth", ORF_GAUGE, "Webhooks given up." },
    [RUNNERS] = { "orfeas_runners", ORF_GAUGE, "Processes that jobs run in." },
    [RUNNERS_ENDED] = { "orfeas_runners_ended_total", ORF_COUNTER,
                        "Processes that had to be replaced.", "reason" },
    [RUNS_STUCK] = { "orfeas_runs_stuck", ORF_GAUGE,
                     "Runs that were given up, because they did not stop, and still go on." },
    [RUNS_GIVEN_UP] = { "orfeas_runs_given_up_total", ORF_COUNTER,
                        "Runs that did not stop when they should." },
    [RUNS_REPEATED] = { "orfeas_runs_repeated_total", ORF_COUNTER,
                        "Runs that started again in another process." },
    [DISK_FREE] = { "orfeas_disk_free_bytes", ORF_GAUGE, "Where jobs and results are stored." },
    [DEVICE_MEMORY] = { "orfeas_gpu_memory_bytes", ORF_GAUGE,
                        "Memory of devices; the CPU is device 0.", "device,kind" },
    [DEVICE_LOAD] = { "orfeas_gpu_utilization_ratio", ORF_GAUGE,
                      "Load of devices; the CPU is device 0.", "device" },
    [DEVICE_TEMPERATURE] = { "orfeas_gpu_temperature_celsius", ORF_GAUGE,
                             "Temperature of devices that tell it.", "device" },
    [DEVICE_POWER] = { "orfeas_gpu_power_watts", ORF_GAUGE, "Power that devices draw.",
                       "device" },
};

static void
set(OrfMeter *meter, Family family, const char *label, double value)
{
    orf_series_set(orf_series(orf_metric(meter, &infos[family]), label, NULL), value);
}

/* --- Reading ------------------------------------------------------------------------------ */

static void
read_http(OrfMeter *meter, OrfHttp *http)
{
    OrfHttpStats s;
    if (!http)
        return;
    orf_http_stats(http, &s);
    set(meter, HTTP_REFUSED, NULL, (double)s.refused_by_guard);
    set(meter, HTTP_CONNECTIONS, NULL, (double)s.connections);
    set(meter, HTTP_BYTES, "in", (double)s.bytes_in);
    set(meter, HTTP_BYTES, "out", (double)s.bytes_out);
    set(meter, STREAMS, "stream", (double)s.streams);
    set(meter, STREAMS, "websocket", (double)s.sockets);
}

static void
read_cache(OrfMeter *meter, const OrfQueueStats *s)
{
    set(meter, CACHE_REQUESTS, "hit", (double)s->hits);
    set(meter, CACHE_REQUESTS, "miss", (double)s->misses);
    set(meter, CACHE_REQUESTS, "coalesced", (double)s->coalesced);
    set(meter, CACHE_REQUESTS, "bypass", (double)s->bypassed);
    set(meter, CACHE_ENTRIES, NULL, (double)s->cache_entries);
    set(meter, CACHE_BYTES, NULL, (double)s->cache_bytes);
    set(meter, CACHE_EVICTED, NULL, (double)s->evicted);
    set(meter, CACHE_SAVED, NULL, s->seconds_saved);
}

static void
read_queue(OrfMeter *meter, OrfQueue *queue)
{
    static const char *const priorities[] = { "interactive", "normal", "batch" };
    OrfQueueStats s;
    if (!queue)
        return;
    orf_queue_stats(queue, NULL, &s);
    for (int i = 0; i < 6; i++)
        if (orf_job_status_is_terminal((OrfJobStatus)i))
            set(meter, JOBS, orf_job_status_name((OrfJobStatus)i), (double)s.done[i]);
    for (int i = 0; i < 3; i++)
        set(meter, QUEUE_DEPTH, priorities[i], (double)s.queued[i]);
    set(meter, QUEUE_OLDEST, NULL, s.oldest_s);
    set(meter, RUNNING, NULL, (double)s.running);
    set(meter, WORKERS, NULL, (double)s.workers);
    set(meter, BATCHES, NULL, (double)s.batches);
    set(meter, BATCHED, NULL, (double)s.batched_jobs);
    set(meter, HOOKS, "sent", (double)s.hooks_sent);
    set(meter, HOOKS, "failed", (double)s.hooks_failed);
    set(meter, DEAD_LETTERS, NULL, (double)s.hooks_dead);
    read_cache(meter, &s);
}

static void
set_memory(OrfMeter *meter, const char *device, const char *kind, uint64_t bytes)
{
    OrfMetric *metric = orf_metric(meter, &infos[DEVICE_MEMORY]);
    orf_series_set(orf_series(metric, device, kind, NULL), (double)bytes);
}

static void
read_devices(OrfMeter *meter, OrfDevices *devices)
{
    size_t n = devices ? orf_devices_count(devices) : 0;
    for (size_t i = 0; i < n; i++) {
        OrfDeviceStats s;
        char device[16];
        if (!orf_devices_stats(devices, i, &s))
            continue;
        g_snprintf(device, sizeof device, "%u", s.index);
        set_memory(meter, device, "total", s.memory_total);
        set_memory(meter, device, "used", s.memory_used);
        set_memory(meter, device, "reserved", s.reserved);
        if (s.utilization >= 0)
            set(meter, DEVICE_LOAD, device, s.utilization);
        if (!isnan(s.temperature_c))
            set(meter, DEVICE_TEMPERATURE, device, s.temperature_c);
        if (!isnan(s.power_w))
            set(meter, DEVICE_POWER, device, s.power_w);
    }
}

static void
read_runner(OrfMeter *meter, OrfRunner *runner)
{
    OrfIsolationStats s;
    if (!runner || !orf_runner_isolation(runner, &s))
        return;
    set(meter, RUNNERS, NULL, s.runners);
    set(meter, RUNNERS_ENDED, "crashed", (double)s.crashed);
    set(meter, RUNNERS_ENDED, "outside", (double)s.ended);
    set(meter, RUNNERS_ENDED, "replaced", (double)s.replaced);
    set(meter, RUNS_STUCK, NULL, s.stuck);
    set(meter, RUNS_GIVEN_UP, NULL, (double)s.given_up);
    set(meter, RUNS_REPEATED, NULL, (double)s.repeated);
}

static void
refresh(OrfMeter *meter, void *data)
{
    OrfApi *api = data;
    set(meter, BUILD, orf_version(), 1);
    set(meter, UPTIME, NULL, (double)(g_get_monotonic_time() - api->parts->started_us) / 1e6);
    set(meter, READY, NULL, orf_api_is_ready(api) ? 1 : 0);
    uint64_t disk = atomic_load(&api->parts->disk_free);
    if (disk != G_MAXUINT64)
        set(meter, DISK_FREE, NULL, (double)disk);
    read_http(meter, api->http);
    read_queue(meter, api->options.queue);
    read_devices(meter, api->options.devices);
    read_runner(meter, api->options.runner);
}

void
orf_metrics_begin(OrfApi *api)
{
    orf_meter_add_process(api->options.meter);
    orf_meter_on_scrape(api->options.meter, refresh, api);
}

/* --- The endpoint ------------------------------------------------------------------------- */

static void
show(OrfCall *call)
{
    static const char *const types[] = { "text/plain", "application/openmetrics-text", NULL };
    bool openmetrics = orf_call_accepts(call, types) == 1;
    const char *headers[] = { "Content-Type",
                              openmetrics ? ORF_METER_OPENMETRICS : ORF_METER_TEXT, NULL };
    char *text = orf_meter_text(call->api->options.meter, openmetrics);
    g_autoptr(GBytes) body = g_bytes_new_take(text, strlen(text));
    orf_call_reply(call, &(OrfReply){ 200, headers, body });
}

const OrfEndpoint orf_endpoint_metrics = {
    .method = "GET",
    .path = "/metrics",
    .name = "getMetrics",
    .group = "operations",
    .summary = "Metrics for Prometheus",
    .help = "Text format 0.0.4, or OpenMetrics 1.0 when Accept asks for it.",
    .desk = true,
    .answers =
        (const OrfAnswer[]){
            { 200, "text/plain", NULL, "the text format" },
            { 200, "application/openmetrics-text", NULL, "OpenMetrics" },
            { 0 },
        },
    .handle = show,
};
