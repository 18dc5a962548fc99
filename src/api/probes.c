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

/* Starting is no reason: what is accepted meanwhile waits a moment. */
static bool
lacks_runner(const OrfApi *api)
{
    OrfIsolationStats s;
    return api->options.runner && orf_runner_isolation(api->options.runner, &s) && !s.pid &&
           *s.failing;
}

/* Why it takes no new jobs; empty: it does. */
static GPtrArray *
reasons_not_ready(const OrfApi *api)
{
    GPtrArray *reasons = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) sick = NULL;
    if (api->draining)
        g_ptr_array_add(reasons, g_strdup("draining: about to stop"));
    if (api->options.safe_mode)
        g_ptr_array_add(reasons, orf_problem_scrub(api->options.safe_mode));
    else if (!api->options.store)
        g_ptr_array_add(reasons, g_strdup("no storage"));
    if (api->options.store && !orf_store_healthy(api->options.store, &sick))
        g_ptr_array_add(reasons, orf_problem_scrub(sick->message));
    if (orf_api_low_on_disk(api))
        g_ptr_array_add(reasons, g_strdup("the disk is almost full"));
    if (!is_alive(api))
        g_ptr_array_add(reasons, g_strdup("the clock stands still"));
    if (lacks_runner(api))
        g_ptr_array_add(reasons, g_strdup("jobs cannot run: no process for them starts"));
    return reasons;
}

/* What it gets over by itself: new jobs are taken all the same. */
static void
add_worries(const OrfApi *api, GPtrArray *reasons)
{
    OrfIsolationStats s;
    if (api->options.runner && orf_runner_isolation(api->options.runner, &s) && s.stuck)
        g_ptr_array_add(reasons, g_strdup_printf("jobs that were given up still run: %u; their "
                                                 "process is being replaced",
                                                 s.stuck));
}

static void
add_reasons(OrfJson *json, const GPtrArray *reasons)
{
    orf_json_add_texts(json, "reasons", (const char *const *)reasons->pdata, reasons->len);
}

bool
orf_api_is_ready(const OrfApi *api)
{
    return !api->draining && api->options.store && is_alive(api) && !orf_api_low_on_disk(api) &&
           orf_store_healthy(api->options.store, NULL) && !lacks_runner(api);
}

static void
reply_probe(OrfCall *call, bool yes, const char *const *reasons, size_t n)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "status", !yes ? "failing" : n ? "degraded" : "ok");
    orf_json_add_texts(json, "reasons", reasons, n);
    orf_call_reply_object(call, yes ? 200 : 503, json);
}

static void
livez(OrfCall *call)
{
    static const char *const reasons[] = { "the clock stands still" };
    bool alive = is_alive(call->api);
    reply_probe(call, alive, reasons, alive ? 0 : 1);
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
    g_autoptr(GPtrArray) reasons = reasons_not_ready(call->api);
    bool ready = !reasons->len;
    add_worries(call->api, reasons);
    reply_probe(call, ready, (const char *const *)reasons->pdata, reasons->len);
}

const OrfEndpoint orf_endpoint_readyz = {
    .method = "GET",
    .path = "/readyz",
    .name = "isReady",
    .group = "operations",
    .summary = "Does it take new jobs?",
    .help =
        "Send no new work while this fails: it is about to stop, in safe mode, its disk is "
        "full, or no process for jobs starts. `degraded` (200): it does, but runs that were "
        "given up still go on.",
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
add_http(OrfJson *json, OrfHttp *http)
{
    OrfHttpStats s = { 0 };
    if (http)
        orf_http_stats(http, &s);
    orf_json_begin_object(json, "http");
    orf_json_add_int(json, "requests", (int64_t)s.requests);
    orf_json_add_int(json, "connections", (int64_t)s.connections);
    orf_json_add_int(json, "streams", (int64_t)s.streams);
    orf_json_add_int(json, "sockets", (int64_t)s.sockets);
    orf_json_end(json);
}

static void
add_queue(OrfJson *json, OrfQueue *queue)
{
    OrfQueueStats s;
    if (!queue) {
        orf_json_add_null(json, "queue");
        return;
    }
    orf_queue_stats(queue, NULL, &s);
    orf_json_begin_object(json, "queue");
    orf_json_add_int(json, "queued", (int64_t)(s.queued[0] + s.queued[1] + s.queued[2]));
    orf_json_add_int(json, "running", (int64_t)s.running);
    orf_json_add_int(json, "workers", (int64_t)s.workers);
    orf_json_add_number(json, "oldest_s", s.oldest_s);
    orf_json_end(json);
}

static void
add_runner(OrfJson *json, OrfRunner *runner)
{
    OrfIsolationStats s;
    if (!runner || !orf_runner_isolation(runner, &s)) {
        orf_json_add_null(json, "runner");
        return;
    }
    orf_json_begin_object(json, "runner");
    orf_json_add_text(json, "status", s.pid ? "ready" : *s.failing ? "failing" : "starting");
    orf_json_add_text(json, "confined", *s.confined ? s.confined : NULL);
    orf_json_add_int(json, "processes", s.runners);
    orf_json_add_int(json, "stuck", s.stuck);
    orf_json_add_int(json, "crashed", (int64_t)s.crashed);
    orf_json_add_int(json, "ended", (int64_t)s.ended);
    orf_json_add_int(json, "replaced", (int64_t)s.replaced);
    orf_json_add_int(json, "runs_repeated", (int64_t)s.repeated);
    orf_json_add_int(json, "runs_given_up", (int64_t)s.given_up);
    orf_json_end(json);
}

static void
health(OrfCall *call)
{
    OrfApi *api = call->api;
    g_autoptr(GPtrArray) reasons = reasons_not_ready(api);
    add_worries(api, reasons);
    double uptime = (double)(g_get_monotonic_time() - api->parts->started_us) / 1e6;
    uint64_t disk = atomic_load(&api->parts->disk_free);
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "status",
                      api->draining         ? "draining"
                      : !api->options.store ? "safe_mode"
                      : reasons->len        ? "degraded"
                                            : "ok");
    orf_json_add_text(json, "version", orf_version());
    orf_json_add_fixed(json, "uptime_s", uptime, 3);
    add_reasons(json, reasons);
    add_queue(json, api->options.queue);
    add_runner(json, api->options.runner);
    add_http(json, api->http);
    if (disk != G_MAXUINT64)
        orf_json_add_int(json, "disk_free_bytes", (int64_t)disk);
    orf_call_reply_object(call, 200, json);
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
