/* call.c - a request from its headers to its handler: found, allowed, understood.
 *
 *     route -> host, origin -> method -> arguments -> body's kind and length
 *           -> state of the server -> limit of the address -> who asks -> permit
 *           -> limit of the key -> share of bodies -> begin -> body -> its signature -> handle
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything is decided on the headers, before a body is read. */
#include "rest/rest-priv.h"

#include <string.h>

static void
call_free(void *data)
{
    OrfCall *call = data;
    if (call->free_data)
        call->free_data(call->data);
    g_clear_pointer(&call->made, g_ptr_array_unref);
    g_clear_pointer(&call->added, g_ptr_array_unref);
    g_mutex_clear(&call->lock);
    g_free(call);
}

OrfCall *
orf_call_new(OrfRest *rest, OrfRequest *request)
{
    OrfCall *call = g_new0(OrfCall, 1);
    call->rest = rest;
    call->api = rest->options.api;
    call->request = request;
    call->began_us = g_get_monotonic_time();
    g_mutex_init(&call->lock);
    orf_traceparent_read(orf_request_header(request, "traceparent"), &rest->seed,
                         call->trace_id);
    OrfRoute route = orf_router_find(rest->router, orf_request_method(request),
                                     orf_request_path(request), call->cut);
    call->index = route.index;
    call->methods = route.methods;
    call->endpoint = route.index < 0 ? NULL : rest->options.table[route.index];
    for (size_t i = 0; i < ORF_PATH_VALUES; i++)
        call->path_values[i] = (char *)route.values[i];
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
    /* A job's webhook may name this server by a name that only the outside knows. */
    if (is_unsafe(orf_request_method(call->request)) &&
        orf_request_header(call->request, "webhook-signature")) {
        orf_call_problem(call, &(OrfProblem){ ORF_PROBLEM_ORIGIN_NOT_ALLOWED,
                                              "This is the message of a webhook.",
                                              "This server sends them and takes none." });
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
                              "Authorization, Cache-Control, Content-Type, Idempotency-Key, "
                              "If-Match, If-None-Match, If-Range, Last-Event-ID, Prefer, "
                              "Range, traceparent",
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

static bool
reply_limited(OrfCall *call, const OrfLimitTold *told, const char *limit)
{
    orf_tallies_limited(call->rest->tallies, limit);
    g_autofree char *detail = g_strdup_printf("More than %u in a minute.", told->quota);
    orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_RATE_LIMITED,
                                          .detail = detail,
                                          .hint = "Wait as long as Retry-After says.",
                                          .retry_after = told->retry_after_s });
    return false;
}

static bool
check_address_limit(OrfCall *call, unsigned cost)
{
    char key[ORF_ADDRESS_KEY];
    unsigned quota = call->rest->options.rate;
    if (!quota || !cost)
        return true;
    orf_client_key(call, key);
    call->of_address = orf_limiter_take(call->rest->limiter, key, quota, cost, call->began_us);
    return call->of_address.allowed || reply_limited(call, &call->of_address, "address");
}

static bool
check_key_limit(OrfCall *call, unsigned cost)
{
    unsigned quota = call->who.quota;
    if (!quota || !cost)
        return true;
    g_autofree char *key = g_strconcat("key ", call->who.key, NULL);
    call->of_key = orf_limiter_take(call->rest->limiter, key, quota, cost, call->began_us);
    return call->of_key.allowed || reply_limited(call, &call->of_key, "key");
}

bool
orf_call_charge(OrfCall *call, unsigned cost)
{
    return check_address_limit(call, cost) && check_key_limit(call, cost);
}

/* --- Who asks, and may they --------------------------------------------------------------- */

const char *
orf_permit_name(OrfPermit permit)
{
    static const char *const names[ORF_N_PERMITS] = { "none", "jobs:read", "jobs:create",
                                                      "admin" };
    return names[permit];
}

bool
orf_identity_may(const OrfIdentity *who, OrfPermit permit)
{
    return permit == ORF_PERMIT_OPEN || who->permits & 1u << permit;
}

static bool
check_identity(OrfCall *call)
{
    OrfPermit permit = call->endpoint->permit;
    if (permit == ORF_PERMIT_OPEN)
        return true;
    if (!call->rest->options.identify(call, &call->who))
        return false;
    g_assert(*call->who.tenant);
    if (orf_identity_may(&call->who, permit))
        return true;
    g_autofree char *detail =
        g_strdup_printf("This needs the permission %s.", orf_permit_name(permit));
    orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_INSUFFICIENT_SCOPE,
                                          .detail = detail,
                                          .hint = "Ask whoever runs this server for it." });
    return false;
}

/* False: it has replied. */
static bool
check_signature(OrfCall *call)
{
    return !call->who.signs_body ||
           call->rest->options.verify(call, orf_request_body_digest(call->request));
}

/* --- Begin, complete, gone ---------------------------------------------------------------- */

static bool
is_ready(OrfCall *call)
{
    return !call->rest->options.ready || call->rest->options.ready(call);
}

static bool
admit(OrfCall *call)
{
    return check_place(call) && check_method(call, call->methods) &&
           orf_call_read_arguments(call) && check_body(call) && is_ready(call) &&
           check_address_limit(call, call->endpoint->cost) && check_identity(call) &&
           check_key_limit(call, call->endpoint->cost) && orf_client_may_send(call);
}

void
orf_call_begin(OrfRequest *request, void *rest)
{
    OrfCall *call = orf_call_new(rest, request);
    if (!admit(call))
        return;
    call->begun = true;
    if (call->who.signs_body)
        orf_request_digest_body(request);
    if (call->endpoint->begin)
        call->endpoint->begin(call);
}

void
orf_call_complete(OrfRequest *request, void *rest)
{
    (void)rest;
    OrfCall *call = orf_request_data(request);
    orf_client_has_sent(call);
    if (!check_signature(call))
        return;
    if (call->endpoint->desk)
        orf_call_desk(call, call->endpoint->handle);
    else
        call->endpoint->handle(call);
}

void
orf_call_follow(OrfCall *call, OrfFollower *follower)
{
    g_mutex_lock(&call->lock);
    follower->next = call->followers;
    call->followers = follower;
    g_mutex_unlock(&call->lock);
}

/* The first of them, or the first with this function; NULL: none. */
static OrfFollower *
take_follower(OrfCall *call, void (*gone)(OrfFollower *self, OrfCall *call, bool early))
{
    g_mutex_lock(&call->lock);
    OrfFollower **at = &call->followers;
    while (*at && gone && (*at)->gone != gone)
        at = &(*at)->next;
    OrfFollower *taken = *at;
    if (taken)
        *at = taken->next;
    g_mutex_unlock(&call->lock);
    return taken;
}

void
orf_call_release(OrfCall *call, void (*gone)(OrfFollower *self, OrfCall *call, bool early))
{
    OrfFollower *follower = take_follower(call, gone);
    if (follower)
        gone(follower, call, false);
}

static void
tell_gone(OrfCall *call)
{
    OrfFollower *follower;
    while ((follower = take_follower(call, NULL)))
        follower->gone(follower, call, call->early);
    bool first = !call->told;
    call->told = true;
    if (first && call->begun && call->endpoint->gone)
        call->endpoint->gone(call, call->early);
}

#define CLIENT_LEFT 499

void
orf_call_gone(OrfRequest *request, bool early, void *rest)
{
    (void)rest;
    OrfCall *call = orf_request_data(request);
    g_mutex_lock(&call->lock);
    call->over = true;
    call->early = early;
    bool now = !call->works;
    g_mutex_unlock(&call->lock);
    orf_call_count(call, CLIENT_LEFT);
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
    OrfCall *call = (OrfCall *)errand.call;
    errand.work(errand.call);
    g_mutex_lock(&call->lock);
    bool last = --call->works == 0 && call->over;
    g_mutex_unlock(&call->lock);
    if (last)
        tell_gone(call);
    orf_request_unref(call->request);
}

void
orf_call_desk(OrfCall *call, void (*work)(OrfCall *call))
{
    Errand *errand = g_new(Errand, 1);
    *errand = (Errand){ call, work };
    g_mutex_lock(&call->lock);
    call->works++;
    g_mutex_unlock(&call->lock);
    orf_request_ref(call->request);
    if (orf_workers_add(call->rest->desk, do_errand, errand))
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
