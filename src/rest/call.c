/* call.c - a request from its headers to its handler: found, allowed, understood.
 *
 *     route -> host, origin -> method -> arguments -> body's kind and length -> state of the
 * server -> limit -> begin
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything is decided on the headers, before a body is read. */
#include "rest/rest-priv.h"

#include <string.h>

static void
call_free(void *data)
{
    Call *call = data;
    if (call->call.free_data)
        call->call.free_data(call->call.data);
    g_clear_pointer(&call->made, g_ptr_array_unref);
    g_clear_pointer(&call->added, g_ptr_array_unref);
    g_mutex_clear(&call->lock);
    g_free(call);
}

Call *
orf_call_new(OrfRest *rest, OrfRequest *request)
{
    Call *call = g_new0(Call, 1);
    call->call.rest = rest;
    call->call.api = rest->options.api;
    call->call.request = request;
    call->call.tenant = "local";
    call->call.began_us = g_get_monotonic_time();
    g_mutex_init(&call->lock);
    orf_traceparent_read(orf_request_header(request, "traceparent"), &rest->seed,
                         call->call.trace_id);
    OrfRoute route = orf_router_find(rest->router, orf_request_method(request),
                                     orf_request_path(request), call->cut);
    call->index = route.index;
    call->methods = route.methods;
    call->call.endpoint = route.index < 0 ? NULL : rest->options.table[route.index];
    for (size_t i = 0; i < ROUTE_VALUES; i++)
        call->call.path_values[i] = (char *)route.values[i];
    orf_request_set_data(request, call, call_free);
    return call;
}

/* --- Who asks from where ------------------------------------------------------------------ */

static bool
is_unsafe(const char *method)
{
    return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
           strcmp(method, "OPTIONS") != 0;
}

static bool
check_place(OrfCall *call)
{
    const OrfRestOptions *options = &call->rest->options;
    if (options->loopback &&
        !orf_host_is_ours(orf_request_header(call->request, "Host"), options->origins)) {
        orf_call_problem(
            call, &(OrfProblem){ ORF_PROBLEM_HOST_NOT_ALLOWED,
                                 "The Host header names neither this machine nor a site that "
                                 "may use it.",
                                 "Use 127.0.0.1 or localhost, or start the server with "
                                 "--allow-origin https://NAME." });
        return false;
    }
    if (is_unsafe(orf_request_method(call->request)) &&
        !orf_origin_is_ours(call->request, options->origins)) {
        orf_call_problem(call,
                         &(OrfProblem){ ORF_PROBLEM_ORIGIN_NOT_ALLOWED,
                                        "A page of another site sent this.",
                                        "Start the server with --allow-origin and that site's "
                                        "origin to let its pages in." });
        return false;
    }
    return true;
}

/* --- Methods ------------------------------------------------------------------------------ */

static void
reply_options(OrfCall *call, unsigned methods)
{
    g_autofree char *allow = orf_router_allow(methods);
    const char *headers[] = { "Allow",
                              allow,
                              "Access-Control-Allow-Methods",
                              allow,
                              "Access-Control-Allow-Headers",
                              "Content-Type, Idempotency-Key, Last-Event-ID, Prefer, "
                              "traceparent",
                              "Access-Control-Max-Age",
                              "600",
                              NULL };
    bool listed = orf_origin_listed(call->request, call->rest->options.origins) != NULL;
    if (!listed)
        headers[2] = NULL;
    orf_call_reply(call, &(OrfReply){ 204, headers });
}

static bool
check_method(OrfCall *call, unsigned methods)
{
    const char *method = orf_request_method(call->request);
    if (methods && strcmp(method, "OPTIONS") == 0) {
        reply_options(call, methods);
        return false;
    }
    if (call->endpoint)
        return true;
    if (!methods) {
        orf_call_problem(call,
                         &(OrfProblem){ ORF_PROBLEM_NOT_FOUND, "There is nothing at this path.",
                                        "GET /api/v1/openapi.json lists the paths." });
        return false;
    }
    g_autofree char *allow = orf_router_allow(methods);
    g_autofree char *detail = g_strdup_printf("%s is not among: %s.", method, allow);
    orf_call_problem_with(call, &(OrfProblem){ ORF_PROBLEM_METHOD_NOT_ALLOWED, detail },
                          "Allow", allow);
    return false;
}

/* --- The body's kind and length ----------------------------------------------------------- */

/* "text/plain; charset=utf-8" is of kind "text/plain", "text/" and "*". */
static bool
is_kind(const char *type, const char *kind)
{
    size_t size = strcspn(type, "; \t"), n = strlen(kind);
    if (strcmp(kind, "*/*") == 0)
        return true;
    if (n > 2 && kind[n - 1] == '*')
        return size >= n && g_ascii_strncasecmp(type, kind, n - 1) == 0;
    return size == n && g_ascii_strncasecmp(type, kind, n) == 0;
}

static bool
fail_kind(OrfCall *call, const char *type)
{
    g_autoptr(GString) list = g_string_new(NULL);
    for (const OrfBodyKind *body = call->endpoint->bodies; body && body->type; body++)
        g_string_append_printf(list, "%s%s", list->len ? ", " : "", body->type);
    g_autofree char *detail =
        !list->len ? g_strdup("This takes no body.")
        : type     ? g_strdup_printf("The body is %.100s; this takes: %s.", type, list->str)
               : g_strdup_printf("The body has no Content-Type; this takes: %s.", list->str);
    orf_call_problem(call, &(OrfProblem){ ORF_PROBLEM_UNSUPPORTED_MEDIA_TYPE, detail });
    return false;
}

static bool
check_body(OrfCall *call)
{
    const OrfRequest *request = call->request;
    int64_t length = orf_request_length(request);
    if (length <= 0 && !orf_request_header(request, "Transfer-Encoding"))
        return true;
    const char *type = orf_request_header(request, "Content-Type");
    bool known = false;
    for (const OrfBodyKind *body = call->endpoint->bodies; body && body->type; body++)
        known = known || (type && is_kind(type, body->type)) || strcmp(body->type, "*/*") == 0;
    if (!known)
        return fail_kind(call, type);
    uint64_t most = call->rest->options.max_upload;
    if (length < 0 || (uint64_t)length <= most)
        return true;
    g_autofree char *detail = g_strdup_printf(
        "%" G_GINT64_FORMAT " bytes; at most %" G_GUINT64_FORMAT " are taken.", length, most);
    orf_call_problem(call, &(OrfProblem){ ORF_PROBLEM_BODY_TOO_LARGE, detail });
    return false;
}

/* --- The client's share ------------------------------------------------------------------- */

static const char *
client_of(const OrfCall *call)
{
    const char *peer = orf_request_peer(call->request);
    if (!call->rest->options.proxied)
        return peer;
    const char *list = orf_request_header(call->request, "X-Forwarded-For");
    const char *last = list ? strrchr(list, ',') : NULL;
    const char *client = last ? last + 1 : list;
    return client && *client ? client + strspn(client, " ") : peer;
}

static bool
check_limit(Call *call)
{
    OrfRest *rest = call->call.rest;
    unsigned cost = call->call.endpoint->cost;
    if (!rest->limiter || !cost)
        return true;
    call->limit =
        orf_limiter_take(rest->limiter, client_of(&call->call), cost, call->call.began_us);
    if (call->limit.allowed)
        return true;
    orf_tallies_limited(rest->tallies);
    g_autofree char *detail = g_strdup_printf("More than %u in a minute.", call->limit.quota);
    orf_call_problem(&call->call, &(OrfProblem){ ORF_PROBLEM_RATE_LIMITED, detail,
                                                 "Wait as long as Retry-After says.",
                                                 .retry_after = call->limit.retry_after_s });
    return false;
}

/* --- Begin, complete, gone ---------------------------------------------------------------- */

static bool
is_ready(OrfCall *call)
{
    return !call->rest->options.ready || call->rest->options.ready(call);
}

static bool
admit(Call *call)
{
    return check_place(&call->call) && check_method(&call->call, call->methods) &&
           orf_call_read_arguments(&call->call) && check_body(&call->call) &&
           is_ready(&call->call) && check_limit(call);
}

void
orf_call_begin(OrfRequest *request, void *rest)
{
    Call *call = orf_call_new(rest, request);
    if (!admit(call))
        return;
    call->begun = true;
    if (call->call.endpoint->begin)
        call->call.endpoint->begin(&call->call);
}

void
orf_call_complete(OrfRequest *request, void *rest)
{
    (void)rest;
    OrfCall *call = orf_request_data(request);
    if (call->endpoint->desk)
        orf_call_desk(call, call->endpoint->handle);
    else
        call->endpoint->handle(call);
}

static void
tell_gone(Call *call)
{
    if (call->call.rest->options.gone)
        call->call.rest->options.gone(&call->call, call->early);
    if (call->begun && call->call.endpoint->gone)
        call->call.endpoint->gone(&call->call, call->early);
}

#define CLIENT_LEFT 499

void
orf_call_gone(OrfRequest *request, bool early, void *rest)
{
    (void)rest;
    Call *call = orf_request_data(request);
    g_mutex_lock(&call->lock);
    call->over = true;
    call->early = early;
    bool now = !call->works;
    g_mutex_unlock(&call->lock);
    orf_call_count(&call->call, CLIENT_LEFT);
    if (now)
        tell_gone(call);
}

/* --- The desk ----------------------------------------------------------------------------- */

typedef struct {
    OrfCall *call;
    void (*work)(OrfCall *call);
} Errand;

static void
do_errand(void *data)
{
    Errand errand = *(Errand *)data;
    g_free(data);
    Call *call = (Call *)errand.call;
    errand.work(errand.call);
    g_mutex_lock(&call->lock);
    bool last = --call->works == 0 && call->over;
    g_mutex_unlock(&call->lock);
    if (last)
        tell_gone(call);
    orf_request_unref(call->call.request);
}

void
orf_call_desk(OrfCall *public, void (*work)(OrfCall *call))
{
    Call *call = (Call *)public;
    Errand *errand = g_new(Errand, 1);
    *errand = (Errand){ public, work };
    g_mutex_lock(&call->lock);
    call->works++;
    g_mutex_unlock(&call->lock);
    orf_request_ref(public->request);
    if (orf_desk_add(public->rest->desk, do_errand, errand))
        return;
    errand->work = orf_call_busy;
    do_errand(errand);
}

void
orf_call_busy(OrfCall *call)
{
    orf_call_problem(call,
                     &(OrfProblem){ ORF_PROBLEM_SERVER_BUSY,
                                    "Too many requests wait for the disk.", .retry_after = 1 });
}
