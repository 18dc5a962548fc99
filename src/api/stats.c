/* stats.c - devices, cache, where the time goes, and what to do about it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoints.h"

#include <string.h>

/* --- Devices ------------------------------------------------------------------------------ */

static void
device_stats(OrfCall *call)
{
    OrfDevices *devices = call->api->options.devices;
    bool history = strcmp(orf_call_text(call, "history"), "true") == 0;
    if (!devices) {
        orf_call_problem(call,
                         &(OrfProblem){ ORF_PROBLEM_UNAVAILABLE, "Devices are not watched." });
        return;
    }
    g_autofree char *budget = orf_devices_budget_json(devices);
    g_autofree char *all = orf_devices_json(devices, history);
    char *json = g_strdup_printf("%.*s,\"budget\":%s}", (int)strlen(all) - 1, all, budget);
    orf_call_reply_json(call, 200, NULL, json);
}

const OrfEndpoint orf_endpoint_gpu_stats = {
    .method = "GET",
    .path = "/api/v1/gpu/stats",
    .name = "getDeviceStats",
    .group = "statistics",
    .summary = "Devices and their memory",
    .help = "CUDA devices and the CPU: memory, load, trend, what is set aside for running "
            "jobs, and advice.",
    .safe = true,
    .permit = ORF_PERMIT_READ,
    .arguments =
        (const OrfArgument[]){
            { ORF_IN_QUERY,
              ORF_BOOL("history", "false", "Adds the samples of the last minutes.") },
            { 0 },
        },
    .answers =
        (const OrfAnswer[]){ { 200, "application/json", "DeviceStats", "the devices" }, { 0 } },
    .handle = device_stats,
};

/* --- Cache -------------------------------------------------------------------------------- */

static void
cache_stats(OrfCall *call)
{
    OrfQueueStats s;
    orf_queue_stats(call->api->options.queue, call->who.tenant, &s);
    uint64_t asked = s.hits + s.misses + s.coalesced;
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_int(json, "entries", (int64_t)s.cache_entries);
    orf_json_add_int(json, "bytes", (int64_t)s.cache_bytes);
    orf_json_add_int(json, "hits", (int64_t)s.hits);
    orf_json_add_int(json, "misses", (int64_t)s.misses);
    orf_json_add_int(json, "coalesced", (int64_t)s.coalesced);
    orf_json_add_int(json, "bypassed", (int64_t)s.bypassed);
    orf_json_add_int(json, "evicted", (int64_t)s.evicted);
    orf_json_add_number(json, "seconds_saved", s.seconds_saved);
    orf_json_add_number(json, "hit_ratio",
                        asked ? (double)(s.hits + s.coalesced) / (double)asked : 0);
    orf_call_reply_object(call, 200, json);
}

const OrfEndpoint orf_endpoint_cache_stats = {
    .method = "GET",
    .path = "/api/v1/cache/stats",
    .name = "getCacheStats",
    .group = "statistics",
    .summary = "The cache of finished work",
    .help = "Counts are since the start of the server; entries and bytes are now.",
    .permit = ORF_PERMIT_READ,
    .desk = true,
    .answers =
        (const OrfAnswer[]){ { 200, "application/json", "CacheStats", "the counts" }, { 0 } },
    .handle = cache_stats,
};

/* Without a body: the caller's own. False: it has replied. */
static bool
read_clear(OrfCall *call)
{
    if (!orf_request_body(call->request))
        return true;
    json_t *body = orf_call_json_body(call);
    if (!body)
        return false;
    const char *key;
    json_t *value;
    const char *wrong = NULL;
    json_object_foreach(body, key, value)
    {
        if (strcmp(key, "tenant") != 0 || !json_is_string(value) ||
            strcmp(json_string_value(value), call->who.tenant) != 0)
            wrong = key;
    }
    if (wrong) {
        g_autofree char *pointer = g_strdup_printf("#/%.64s", wrong);
        bool tenant = strcmp(wrong, "tenant") == 0;
        orf_call_problem(call,
                         &(OrfProblem){ ORF_PROBLEM_INVALID_PARAMS,
                                        tenant ? "tenant: this server has one, \"local\"."
                                               : "There is no such member; there is: tenant.",
                                        .faults = &(OrfFault){ pointer, "not known" },
                                        .n_faults = 1 });
    }
    json_decref(body);
    return !wrong;
}

static void
clear_cache(OrfCall *call)
{
    int64_t entries = 0;
    uint64_t bytes = 0;
    g_autoptr(GError) error = NULL;
    if (!read_clear(call))
        return;
    if (!orf_queue_clear_cache(call->api->options.queue, call->who.tenant, &entries, &bytes,
                               &error)) {
        orf_call_error(call, error);
        return;
    }
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_int(json, "entries", (int64_t)entries);
    orf_json_add_int(json, "bytes", (int64_t)bytes);
    orf_call_reply_object(call, 200, json);
}

const OrfEndpoint orf_endpoint_cache_clear = {
    .method = "POST",
    .path = "/api/v1/cache/clear",
    .name = "clearCache",
    .group = "statistics",
    .summary = "Forgets finished work",
    .help = "Jobs keep their results; only the next same wish runs again.",
    .permit = ORF_PERMIT_ADMIN,
    .desk = true,
    .bodies = (const OrfBodyKind[]){ { "application/json", "CacheClear" }, { 0 } },
    .answers =
        (const OrfAnswer[]){ { 200, "application/json", "CacheCleared", "what was forgotten" },
                             { 0 } },
    .handle = clear_cache,
};

/* --- Where the time goes ------------------------------------------------------------------ */

static void
add_jobs(OrfJson *json, const OrfQueueStats *s)
{
    orf_json_begin_object(json, "jobs");
    for (int i = 0; i < 6; i++)
        orf_json_add_int(json, orf_job_status_name((OrfJobStatus)i), (int64_t)s->done[i]);
    orf_json_end(json);
    orf_json_begin_object(json, "queue");
    orf_json_add_int(json, "interactive", (int64_t)s->queued[0]);
    orf_json_add_int(json, "normal", (int64_t)s->queued[1]);
    orf_json_add_int(json, "batch", (int64_t)s->queued[2]);
    orf_json_add_int(json, "running", (int64_t)s->running);
    orf_json_add_int(json, "workers", (int64_t)s->workers);
    orf_json_add_number(json, "oldest_s", s->oldest_s);
    orf_json_add_int(json, "batches", (int64_t)s->batches);
    orf_json_add_number(json, "mean_batch",
                        s->batches ? (double)s->batched_jobs / (double)s->batches : 0);
    orf_json_end(json);
}

static void
summary(OrfCall *call)
{
    OrfApi *api = call->api;
    g_autofree char *profile = orf_profile_json(api->options.meter);
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_number(json, "uptime_s",
                        (double)(g_get_monotonic_time() - api->parts->started_us) / 1e6);
    if (api->options.queue) {
        OrfQueueStats s;
        orf_queue_stats(api->options.queue, NULL, &s);
        add_jobs(json, &s);
    }
    orf_json_add_raw(json, "profile", profile);
    orf_call_reply_object(call, 200, json);
}

const OrfEndpoint orf_endpoint_performance = {
    .method = "GET",
    .path = "/api/performance/summary",
    .name = "getPerformance",
    .group = "statistics",
    .summary = "Where the time goes",
    .help = "Nested stages of the last 1000 runs with average, least, most, p95 and share; "
            "bottlenecks; the queue.",
    .safe = true,
    .permit = ORF_PERMIT_READ,
    .desk = true,
    .answers =
        (const OrfAnswer[]){ { 200, "application/json", "Performance", "the profile" }, { 0 } },
    .handle = summary,
};

/* --- Advice ------------------------------------------------------------------------------- */

static void
recommendations(OrfCall *call)
{
    const OrfApiOptions *options = &call->api->options;
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_begin_array(json, "recommendations");
    orf_profile_add_advice(options->meter, json);
    if (options->devices)
        orf_devices_add_advice(options->devices, json);
    orf_json_end(json);
    orf_call_reply_object(call, 200, json);
}

const OrfEndpoint orf_endpoint_recommendations = {
    .method = "GET",
    .path = "/api/performance/recommendations",
    .name = "getRecommendations",
    .group = "statistics",
    .summary = "What would make it faster",
    .help =
        "From the bottlenecks of the profile and the trend of memory; empty when all is well.",
    .safe = true,
    .permit = ORF_PERMIT_READ,
    .desk = true,
    .answers =
        (const OrfAnswer[]){ { 200, "application/json", "Recommendations", "the advice" },
                             { 0 } },
    .handle = recommendations,
};
