/* stats.c - devices, cache, where the time goes, and what to do about it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoints.h"

#include <string.h>

/* --- Small JSON --------------------------------------------------------------------------- */

static void
add_count(GString *out, const char *name, uint64_t value)
{
    g_string_append_printf(out, "%s\"%s\":%" G_GUINT64_FORMAT,
                           out->len && out->str[out->len - 1] != '{' ? "," : "", name, value);
}

static void
add_number(GString *out, const char *name, double value)
{
    g_string_append_printf(out, "%s\"%s\":", out->str[out->len - 1] != '{' ? "," : "", name);
    orf_json_number(out, value);
}

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
    char *all = orf_devices_json(devices, history);
    GString *out = g_string_new_len(all, (gssize)strlen(all) - 1);
    g_free(all);
    g_string_append_printf(out, ",\"budget\":%s}", budget);
    orf_call_reply_json(call, 200, NULL, g_string_free(out, FALSE));
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
    GString *out = g_string_new("{");
    add_count(out, "entries", s.cache_entries);
    add_count(out, "bytes", s.cache_bytes);
    add_count(out, "hits", s.hits);
    add_count(out, "misses", s.misses);
    add_count(out, "coalesced", s.coalesced);
    add_count(out, "bypassed", s.bypassed);
    add_count(out, "evicted", s.evicted);
    add_number(out, "seconds_saved", s.seconds_saved);
    add_number(out, "hit_ratio", asked ? (double)(s.hits + s.coalesced) / (double)asked : 0);
    orf_call_reply_json(call, 200, NULL, g_string_free(g_string_append_c(out, '}'), FALSE));
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
    GString *out = g_string_new("{");
    add_count(out, "entries", (uint64_t)entries);
    add_count(out, "bytes", bytes);
    orf_call_reply_json(call, 200, NULL, g_string_free(g_string_append_c(out, '}'), FALSE));
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
append_jobs(GString *out, const OrfQueueStats *s)
{
    g_string_append(out, ",\"jobs\":{");
    for (int i = 0; i < 6; i++)
        add_count(out, orf_job_status_name((OrfJobStatus)i), s->done[i]);
    g_string_append(out, "},\"queue\":{");
    add_count(out, "interactive", s->queued[0]);
    add_count(out, "normal", s->queued[1]);
    add_count(out, "batch", s->queued[2]);
    add_count(out, "running", s->running);
    add_count(out, "workers", s->workers);
    add_number(out, "oldest_s", s->oldest_s);
    add_count(out, "batches", s->batches);
    add_number(out, "mean_batch",
               s->batches ? (double)s->batched_jobs / (double)s->batches : 0);
    g_string_append_c(out, '}');
}

static void
summary(OrfCall *call)
{
    OrfApi *api = call->api;
    g_autofree char *profile = orf_profile_json(api->options.meter);
    GString *out = g_string_new("{");
    add_number(out, "uptime_s",
               (double)(g_get_monotonic_time() - api->parts->started_us) / 1e6);
    if (api->options.queue) {
        OrfQueueStats s;
        orf_queue_stats(api->options.queue, NULL, &s);
        append_jobs(out, &s);
    }
    g_string_append_printf(out, ",\"profile\":%s}", profile);
    orf_call_reply_json(call, 200, NULL, g_string_free(out, FALSE));
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
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_begin_array(json, "recommendations");
    orf_profile_add_advice(call->api->options.meter, json);
    if (call->api->options.devices)
        orf_devices_add_advice(call->api->options.devices, json);
    orf_json_end(json);
    orf_json_end(json);
    orf_call_reply_json(call, 200, NULL, orf_json_steal(json));
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
