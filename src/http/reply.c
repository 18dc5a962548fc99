/* reply.c - replies, from any thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Order of locks: request->lock, then the transport's own. A request is suspended under its
 * lock and resumed under it, and remembers which: a reply that comes before the suspension is
 * found by it. */
#include "http/http-priv.h"

#include <string.h>
#include <unistd.h>

#define SWALLOW (64u << 10) /* a shorter rest of a body is read before the reply */

void
orf_request_suspend(OrfRequest *request)
{
    request->suspended = true;
    MHD_suspend_connection(request->connection);
    orf_link_watch(request->link);
}

void
orf_request_wake(OrfRequest *request)
{
    if (!request->suspended)
        return;
    request->suspended = false;
    MHD_resume_connection(request->connection);
}

void
orf_request_lose(OrfRequest *request, bool all)
{
    g_mutex_lock(&request->lock);
    if (request->suspended || all) {
        request->gone = true;
        orf_request_wake(request);
    }
    g_mutex_unlock(&request->lock);
}

bool
orf_request_offer(OrfRequest *request, unsigned status, struct MHD_Response *response)
{
    if (request->replied || request->gone || !request->connection) {
        MHD_destroy_response(response);
        return false;
    }
    request->replied = true;
    request->status = status;
    request->response = response;
    orf_request_wake(request);
    return true;
}

void
orf_response_headers(const OrfRequest *request, struct MHD_Response *response,
                     const char *const *headers)
{
    for (size_t i = 0; headers && headers[i]; i += 2)
        if (!MHD_add_response_header(response, headers[i], headers[i + 1]))
            orf_log_warning("http: reply header %s is malformed; left out", headers[i]);
    if (atomic_load(&request->http->draining) || request->is_chunked) /* see guard.c */
        MHD_add_response_header(response, "Connection", "close");
}

static void
unref_bytes(void *bytes)
{
    g_bytes_unref(bytes);
}

struct MHD_Response *
orf_response_of(OrfRequest *request, const OrfReply *reply)
{
    struct MHD_Response *response;
    if (reply->fd > 0) {
        response =
            MHD_create_response_from_fd_at_offset64(reply->length, reply->fd, reply->offset);
    } else if (reply->body && g_bytes_get_size(reply->body)) {
        size_t size;
        void *bytes = (void *)g_bytes_get_data(reply->body, &size); /* only read */
        response = MHD_create_response_from_buffer_with_free_callback_cls(
            size, bytes, unref_bytes, g_bytes_ref(reply->body));
    } else {
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    g_assert(response);
    orf_response_headers(request, response, reply->headers);
    return response;
}

/* Whether so much of the body is still to come that the reply cannot wait. */
static bool
is_early(const OrfRequest *request)
{
    if (!request->has_body || request->completed)
        return false;
    return request->expects_continue || request->length < 0 ||
           (uint64_t)request->length - request->received > SWALLOW;
}

static uint64_t
reply_size(const OrfReply *reply)
{
    return reply->fd > 0 ? reply->length : reply->body ? g_bytes_get_size(reply->body) : 0;
}

void
orf_request_reply(OrfRequest *request, const OrfReply *reply)
{
    atomic_fetch_add(&request->http->counters.bytes_out, reply_size(reply));
    g_mutex_lock(&request->lock);
    bool wanted = !request->replied && !request->gone && request->connection;
    bool early = wanted && is_early(request);
    if (early) {
        request->raw = orf_reply_raw(request, reply);
        request->replied = true;
    } else if (wanted) {
        orf_request_offer(request, (unsigned)reply->status, orf_response_of(request, reply));
    }
    g_mutex_unlock(&request->lock);
    if (reply->fd > 0 && (early || !wanted))
        close(reply->fd);
}

GBytes *
orf_reply_raw(const OrfRequest *request, const OrfReply *reply)
{
    GString *out = g_string_new(NULL);
    size_t size = 0;
    const void *bytes =
        reply->body && reply->fd <= 0 ? g_bytes_get_data(reply->body, &size) : NULL;
    g_string_append_printf(out, "HTTP/1.1 %d %s\r\n", reply->status,
                           MHD_get_reason_phrase_for((unsigned)reply->status));
    for (size_t i = 0; reply->headers && reply->headers[i]; i += 2)
        if (!strpbrk(reply->headers[i], "\r\n") && !strpbrk(reply->headers[i + 1], "\r\n"))
            g_string_append_printf(out, "%s: %s\r\n", reply->headers[i], reply->headers[i + 1]);
    g_string_append_printf(out, "Content-Length: %zu\r\nConnection: close\r\n\r\n", size);
    if (size && strcmp(request->method, "HEAD") != 0)
        g_string_append_len(out, bytes, (gssize)size);
    return g_string_free_to_bytes(out);
}

GBytes *
orf_problem(int status, const char *why)
{
    const char *code = status == 413   ? "body_too_large"
                       : status == 431 ? "headers_too_large"
                       : status == 503 ? "memory_full"
                                       : "request_refused";
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "type", "about:blank");
    orf_json_add_text(json, "title", MHD_get_reason_phrase_for((unsigned)status));
    orf_json_add_int(json, "status", status);
    orf_json_add_text(json, "detail", why);
    orf_json_add_text(json, "code", code);
    orf_json_add_bool(json, "retryable", status == 503);
    orf_json_end(json);
    return orf_json_steal_bytes(json);
}
