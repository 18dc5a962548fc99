/* exchange.c - one request from its first byte to its end, on a transport thread.
 *
 *     uri -> head (guard, limits, begin) -> body in pieces -> complete -> reply or suspend ->
 * over
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The transport takes a reply only after the whole body. One that must not wait for it (413, a
 * refused upload) is written to the socket by us; the rest of the body is then thrown away for
 * a while, because closing at once would make the client's kernel drop the reply. */
#include "http/http-priv.h"

#include <string.h>
#include <sys/socket.h>

#define LINGER_US (5 * G_USEC_PER_SEC)
#define BODY_GRACE_US (30 * G_USEC_PER_SEC)
#define BODY_RATE 4096 /* bytes a second that a body must make on average, after the grace */

void *
orf_exchange_uri(void *http, const char *uri, struct MHD_Connection *connection)
{
    OrfLink *link = orf_link_of(connection);
    OrfRequest *request = orf_request_new(link, connection, uri);
    orf_link_set_request(link, request);
    orf_link_deadline(link, ((OrfHttp *)http)->options.header_timeout_s * G_USEC_PER_SEC);
    return request;
}

/* --- Head --------------------------------------------------------------------------------- */

static enum MHD_Result
collect(void *headers, enum MHD_ValueKind kind, const char *name, size_t name_size,
        const char *value, size_t value_size)
{
    (void)kind;
    OrfPair pair = { name, value, name_size, value ? value_size : 0 };
    g_array_append_val(headers, pair);
    return MHD_YES;
}

static OrfVerdict
check_head(const OrfRequest *request, const OrfHead *head, const OrfHead *raw)
{
    const OrfHttpOptions *options = &request->http->options;
    size_t size =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)
            ->header_size;
    if (size > options->max_header)
        return (OrfVerdict){ 431, "The headers are too large." };
    OrfVerdict verdict = orf_guard(head);
    return verdict.status ? verdict : orf_guard_layout(raw, strlen(request->uri), size);
}

static void
body_deadline(OrfRequest *request)
{
    int64_t elapsed = g_get_monotonic_time() - request->body_since_us;
    int64_t earned = (int64_t)(request->received * G_USEC_PER_SEC / BODY_RATE);
    int64_t most = request->http->options.body_timeout_s * G_USEC_PER_SEC;
    orf_link_deadline(request->link, MAX(MIN(BODY_GRACE_US + earned, most) - elapsed, 1));
}

/* Writes the raw reply; false: the connection ends here, true: the rest of the body is thrown
 * away. */
static bool
send_raw(OrfRequest *request, bool linger)
{
    size_t size;
    const void *bytes = g_bytes_get_data(request->raw, &size);
    ssize_t sent = send(request->link->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    request->delivered = sent == (ssize_t)size;
    if (!linger || request->expects_continue)
        return false;
    shutdown(request->link->fd, SHUT_WR);
    request->lingering = true;
    orf_link_deadline(request->link, LINGER_US);
    return true;
}

static const char *const problem_headers[] = { "Content-Type", "application/problem+json",
                                               NULL };

static void
reply_problem(OrfRequest *request, int status, const char *why)
{
    g_autoptr(GBytes) body = orf_problem(status, why);
    orf_request_reply(request, &(OrfReply){ status, problem_headers, body });
}

/* The application never hears of it. Queued this early, a reply is the last of its connection;
 * when the transport has found the fault too and answered, ours is dropped. */
static enum MHD_Result
refuse(OrfRequest *request, const OrfVerdict *verdict)
{
    atomic_fetch_add(&request->http->counters.refused, 1);
    g_autoptr(GBytes) body = orf_problem(verdict->status, verdict->why);
    struct MHD_Response *response =
        orf_response_of(request, &(OrfReply){ verdict->status, problem_headers, body });
    request->replied = true;
    enum MHD_Result result =
        MHD_queue_response(request->connection, (unsigned)verdict->status, response);
    MHD_destroy_response(response);
    return result;
}

/* The application had the first word. Nobody can mistake where this body ends: it is read on
 * for a while. */
static void
refuse_large_body(OrfRequest *request)
{
    g_mutex_lock(&request->lock);
    bool replied = request->replied;
    g_mutex_unlock(&request->lock);
    if (replied || request->length <= (int64_t)request->http->options.max_body)
        return;
    atomic_fetch_add(&request->http->counters.refused, 1);
    reply_problem(request, 413, "The body is larger than this server takes.");
}

static enum MHD_Result
begin(OrfRequest *request, const char *method, const char *version)
{
    OrfHttp *http = request->http;
    g_autoptr(GArray) headers = g_array_sized_new(FALSE, FALSE, sizeof(OrfPair), 16);
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, collect, headers);
    OrfHead head = { method, version, request->uri, (OrfPair *)headers->data, headers->len };
    request->headed = true;
    atomic_fetch_add(&http->counters.requests, 1);
    orf_request_keep_head(request, &head);
    OrfHead as_read = head;
    as_read.uri = g_steal_pointer(&request->raw_uri);
    head.headers = request->headers;
    OrfVerdict verdict = check_head(request, &head, &as_read);
    if (verdict.status)
        return refuse(request, &verdict);
    orf_request_read_head(request, &head);
    request->body_since_us = g_get_monotonic_time();
    if (request->has_body)
        body_deadline(request);
    else
        orf_link_deadline(request->link, 0);
    request->begun = true;
    http->app.begin(request, http->app.data);
    refuse_large_body(request);

    g_mutex_lock(&request->lock);
    bool raw = request->raw != NULL;
    g_mutex_unlock(&request->lock);
    return !raw || send_raw(request, true) ? MHD_YES : MHD_NO;
}

/* --- Body --------------------------------------------------------------------------------- */

static void
keep_piece(OrfRequest *request, const char *piece, size_t size)
{
    g_autoptr(GError) error = NULL;
    char *room = orf_vec_add(request->http->budget, &request->body, size, "bodies", &error);
    if (room)
        memcpy(room, piece, size);
    else
        reply_problem(request, 503, "The server's memory for bodies is full; try again.");
}

static void
hand_over_piece(OrfRequest *request, const char *piece, size_t size)
{
    if (request->digester)
        orf_digester_add(request->digester, piece, size);
    if (request->received > request->http->options.max_body)
        reply_problem(request, 413, "The body is larger than this server takes.");
    else if (!request->sink)
        keep_piece(request, piece, size);
    else if (!request->sink(request, piece, size, request->sink_data))
        reply_problem(request, 400, "The body was refused.");
}

static enum MHD_Result
take_piece(OrfRequest *request, const char *piece, size_t size)
{
    atomic_fetch_add(&request->http->counters.bytes_in, size);
    g_mutex_lock(&request->lock);
    request->received += size;
    bool replied = request->replied;
    g_mutex_unlock(&request->lock);
    if (request->lingering)
        return request->received <= request->http->options.max_body ? MHD_YES : MHD_NO;
    if (!replied)
        hand_over_piece(request, piece, size);
    body_deadline(request);
    g_mutex_lock(&request->lock);
    bool raw = request->raw != NULL;
    g_mutex_unlock(&request->lock);
    return !raw || send_raw(request, true) ? MHD_YES : MHD_NO;
}

/* --- Reply -------------------------------------------------------------------------------- */

static void
complete(OrfRequest *request)
{
    OrfHttp *http = request->http;
    orf_link_deadline(request->link, 0);
    if (request->digester)
        orf_digester_end(request->digester, request->digest);
    if (request->body.n) {
        size_t size = request->body.n;
        void *bytes = orf_vec_steal(&request->body);
        request->body_bytes = g_bytes_new_with_free_func(bytes, size, orf_free, bytes);
    }
    http->app.complete(request, http->app.data);
}

/* Called with the lock, gives it back. The transport calls again after orf_request_wake. */
static enum MHD_Result
answer(OrfRequest *request)
{
    enum MHD_Result result = MHD_NO;
    struct MHD_Response *response = NULL;
    if (!request->gone && !atomic_load(&request->http->stopping) && !request->raw) {
        result = MHD_YES;
        response = request->response;
        if (!response)
            orf_request_suspend(request);
    }
    bool raw = request->raw != NULL;
    g_mutex_unlock(&request->lock);
    if (raw)
        send_raw(request, false);
    if (response)
        result = MHD_queue_response(request->connection, request->status, response);
    return result;
}

static enum MHD_Result
finish(OrfRequest *request)
{
    if (request->lingering)
        return MHD_NO;
    g_mutex_lock(&request->lock);
    bool first = !request->completed;
    request->completed = true;
    bool ask = first && !request->replied;
    g_mutex_unlock(&request->lock);
    if (ask)
        complete(request);
    g_mutex_lock(&request->lock);
    return answer(request);
}

enum MHD_Result
orf_exchange(void *http, struct MHD_Connection *connection, const char *url, const char *method,
             const char *version, const char *upload, size_t *upload_size, void **request_at)
{
    (void)http, (void)connection, (void)url;
    OrfRequest *request = *request_at;
    if (!request->headed)
        return begin(request, method, version);
    if (!*upload_size)
        return finish(request);
    size_t size = *upload_size;
    *upload_size = 0;
    return take_piece(request, upload, size);
}

void
orf_exchange_over(void *data, struct MHD_Connection *connection, void **request_at,
                  enum MHD_RequestTerminationCode code)
{
    OrfHttp *http = data;
    OrfLink *link = orf_link_of(connection);
    OrfRequest *request = g_steal_pointer(request_at);
    if (!request)
        return;
    orf_link_set_request(link, NULL);
    orf_link_deadline(link, (http->options.idle_timeout_s + http->options.header_timeout_s) *
                                G_USEC_PER_SEC);
    if (atomic_load(&http->draining))
        shutdown(link->fd, SHUT_RDWR); /* what was sent still arrives */
    g_mutex_lock(&request->lock);
    request->link = NULL;
    request->connection = NULL;
    request->suspended = false;
    struct MHD_Response *response = g_steal_pointer(&request->response);
    bool early = code != MHD_REQUEST_TERMINATED_COMPLETED_OK && !request->delivered;
    g_mutex_unlock(&request->lock);
    if (response)
        MHD_destroy_response(response);
    if (request->handed_over)
        orf_request_unref(request); /* and not a word: the transport holds a lock here */
    else {
        if (request->begun)
            http->app.gone(request, early, http->app.data);
        g_clear_pointer(&request->socket, orf_socket_unref);
        orf_request_unref(request);
    }
}
