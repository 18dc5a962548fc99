/* probes.c - is it alive, is it ready, how is it; and what each problem means.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * /livez asks the clock thread alone: a full disk or a lost device is no reason to restart. */
#include "api/endpoints.h"

#include <string.h>

static const OrfAnswer alive_answers[] = {
    { 200, "application/json", "Probe", "yes" },
    { 503, "application/json", "Probe", "no, with reasons" },
    { 0 },
};

static bool
is_alive(const OrfApi *api)
{
    return g_get_monotonic_time() - atomic_load(&api->parts->tick_us) < STUCK_US;
}

static void
add_reason(GString *out, bool is, const char *text)
{
    if (!is)
        return;
    if (out->len)
        g_string_append_c(out, ',');
    orf_json_string(out, text);
}

/* Starting is no reason: what is accepted meanwhile waits a moment. */
static bool
lacks_runner(const OrfApi *api)
{
    OrfIsolationStats s;
    return api->options.runner && orf_runner_isolation(api->options.runner, &s) && !s.pid &&
           *s.failing;
}

/* A list of strings, without its brackets; caller owns. */
static char *
reasons_not_ready(const OrfApi *api)
{
    GString *out = g_string_new(NULL);
    g_autofree char *safe =
        api->options.safe_mode ? orf_problem_scrub(api->options.safe_mode) : NULL;
    g_autoptr(GError) sick = NULL;
    g_autofree char *why = NULL;
    if (api->options.store && !orf_store_healthy(api->options.store, &sick))
        why = orf_problem_scrub(sick->message);
    add_reason(out, api->draining, "draining: about to stop");
    add_reason(out, safe != NULL, safe);
    add_reason(out, !safe && !api->options.store, "no storage");
    add_reason(out, why != NULL, why);
    add_reason(out, orf_api_low_on_disk(api), "the disk is almost full");
    add_reason(out, !is_alive(api), "the clock stands still");
    add_reason(out, lacks_runner(api), "jobs cannot run: no process for them starts");
    return g_string_free(out, FALSE);
}

bool
orf_api_is_ready(const OrfApi *api)
{
    return !api->draining && api->options.store && is_alive(api) && !orf_api_low_on_disk(api) &&
           orf_store_healthy(api->options.store, NULL) && !lacks_runner(api);
}

static void
reply_probe(OrfCall *call, bool good, const char *reasons)
{
    char *json = g_strdup_printf("{\"status\":\"%s\",\"reasons\":[%s]}",
                                 good ? "ok" : "failing", reasons);
    orf_call_reply_json(call, good ? 200 : 503, NULL, json);
}

static void
livez(OrfCall *call)
{
    bool alive = is_alive(call->api);
    reply_probe(call, alive, alive ? "" : "\"the clock stands still\"");
}

const OrfEndpoint orf_endpoint_livez = {
    .method = "GET",
    .path = "/livez",
    .name = "isAlive",
    .group = "operations",
    .summary = "Is the process alive?",
    .help = "Restart it when this fails. Asks neither storage nor devices.",
    .answers = alive_answers,
    .handle = livez,
};

static void
readyz(OrfCall *call)
{
    g_autofree char *reasons = reasons_not_ready(call->api);
    reply_probe(call, !*reasons, reasons);
}

const OrfEndpoint orf_endpoint_readyz = {
    .method = "GET",
    .path = "/readyz",
    .name = "isReady",
    .group = "operations",
    .summary = "Does it take new jobs?",
    .help = "Send no new work while this fails: it is about to stop, in safe mode, its disk is "
            "full, or no process for jobs starts.",
    .answers = alive_answers,
    .handle = readyz,
};

/* --- Problems: what the type of an answer leads to ---------------------------------------- */

static void
add_problem(OrfJson *json, OrfProblemCode code)
{
    orf_json_begin_object(json, NULL);
    orf_problem_add_members(json, code);
    orf_json_end(json);
}

static void
list_problems(OrfCall *call)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_begin_array(json, "problems");
    for (OrfProblemCode code = ORF_PROBLEM_NONE + 1; code < ORF_N_PROBLEMS; code++)
        add_problem(json, code);
    orf_json_end(json);
    orf_json_end(json);
    orf_call_reply_json(call, 200, NULL, orf_json_steal(json));
}

const OrfEndpoint orf_endpoint_problems = {
    .method = "GET",
    .path = "/api/v1/problems",
    .name = "listProblems",
    .group = "about",
    .summary = "Every code a problem can have",
    .help = "The same table as in the reference.",
    .answers =
        (const OrfAnswer[]){ { 200, "application/json", "ProblemList", "the codes" }, { 0 } },
    .handle = list_problems,
};

static void
show_problem(OrfCall *call)
{
    OrfProblemCode code = orf_problem_find(orf_call_text(call, "code"));
    if (!code) {
        orf_call_problem(call,
                         &(OrfProblem){ ORF_PROBLEM_NOT_FOUND, "No problem has this code.",
                                        "GET /api/v1/problems lists them." });
        return;
    }
    g_autoptr(OrfJson) json = orf_json_new();
    add_problem(json, code);
    orf_call_reply_json(call, 200, NULL, orf_json_steal(json));
}

const OrfEndpoint orf_endpoint_problem = {
    .method = "GET",
    .path = "/api/v1/problems/{code}",
    .name = "getProblem",
    .group = "about",
    .summary = "What a problem's code means",
    .help = "The `type` of every problem leads here.",
    .arguments =
        (const OrfArgument[]){
            { ORF_IN_PATH, ORF_TEXT("code", 1, 64, "", "The code of a problem.") },
            { 0 },
        },
    .answers =
        (const OrfAnswer[]){ { 200, "application/json", "ProblemKind", "the code" }, { 0 } },
    .handle = show_problem,
};

/* --- Health: a summary for people and dashboards ------------------------------------------ */

static void
append_http(GString *out, OrfHttp *http)
{
    OrfHttpStats s = { 0 };
    if (http)
        orf_http_stats(http, &s);
    g_string_append_printf(
        out,
        ",\"http\":{\"requests\":%" G_GUINT64_FORMAT ",\"connections\":%" G_GUINT64_FORMAT
        ",\"streams\":%" G_GUINT64_FORMAT ",\"sockets\":%" G_GUINT64_FORMAT "}",
        s.requests, s.connections, s.streams, s.sockets);
}

static void
append_queue(GString *out, OrfQueue *queue)
{
    if (!queue) {
        g_string_append(out, ",\"queue\":null");
        return;
    }
    OrfQueueStats s;
    orf_queue_stats(queue, NULL, &s);
    g_string_append_printf(out,
                           ",\"queue\":{\"queued\":%" G_GUINT64_FORMAT
                           ",\"running\":%" G_GUINT64_FORMAT ",\"workers\":%" G_GUINT64_FORMAT
                           ",\"oldest_s\":",
                           s.queued[0] + s.queued[1] + s.queued[2], s.running, s.workers);
    orf_json_number(out, s.oldest_s);
    g_string_append_c(out, '}');
}

static void
append_runner(GString *out, OrfRunner *runner)
{
    OrfIsolationStats s;
    if (!runner || !orf_runner_isolation(runner, &s)) {
        g_string_append(out, ",\"runner\":null");
        return;
    }
    g_string_append_printf(out, ",\"runner\":{\"status\":\"%s\",\"confined\":",
                           s.pid        ? "ready"
                           : *s.failing ? "failing"
                                        : "starting");
    orf_json_string(out, *s.confined ? s.confined : NULL);
    g_string_append_printf(
        out,
        ",\"processes\":%u,\"stuck\":%u,\"crashed\":%" G_GUINT64_FORMAT
        ",\"ended\":%" G_GUINT64_FORMAT ",\"replaced\":%" G_GUINT64_FORMAT
        ",\"runs_repeated\":%" G_GUINT64_FORMAT ",\"runs_given_up\":%" G_GUINT64_FORMAT "}",
        s.runners, s.stuck, s.crashed, s.ended, s.replaced, s.repeated, s.given_up);
}

static void
health(OrfCall *call)
{
    OrfApi *api = call->api;
    g_autofree char *reasons = reasons_not_ready(api);
    const char *status = api->draining         ? "draining"
                         : !api->options.store ? "safe_mode"
                         : *reasons            ? "degraded"
                                               : "ok";
    GString *out = g_string_new(NULL);
    g_string_append_printf(out, "{\"status\":\"%s\",\"version\":\"%s\",\"uptime_s\":%.3f",
                           status, orf_version(),
                           (double)(g_get_monotonic_time() - api->parts->started_us) / 1e6);
    g_string_append_printf(out, ",\"reasons\":[%s]", reasons);
    append_queue(out, api->options.queue);
    append_runner(out, api->options.runner);
    append_http(out, api->http);
    uint64_t disk = atomic_load(&api->parts->disk_free);
    if (disk != G_MAXUINT64)
        g_string_append_printf(out, ",\"disk_free_bytes\":%" G_GUINT64_FORMAT, disk);
    orf_call_reply_json(call, 200, NULL, g_string_free(g_string_append_c(out, '}'), FALSE));
}

const OrfEndpoint orf_endpoint_health = {
    .method = "GET",
    .path = "/health",
    .name = "getHealth",
    .group = "operations",
    .summary = "A summary of the server",
    .help = "Always 200; `status` is ok, degraded, draining or safe_mode.",
    .answers =
        (const OrfAnswer[]){ { 200, "application/json", "Health", "the summary" }, { 0 } },
    .handle = health,
};
