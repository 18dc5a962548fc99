/* stream.c - replies that grow: a queue between the application's threads and the transport.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything here is under the request's lock. The transport pulls; when nothing is left it
 * suspends the connection, and the next write wakes it. */
#include "http/http-priv.h"

#include <string.h>
#include <sys/socket.h>

#define BLOCK 4096      /* what the queue of a quiet stream keeps */
#define PLAIN_BLOCK 512 /* of HTTP/1.0 replies: held by each stream, used by few */

struct OrfStream {
    gatomicrefcount refs; /* the application's and the transport's */
    OrfRequest *request;
    GByteArray *queue;
    size_t taken; /* bytes of the queue that the transport has */
    size_t backlog;
    bool ended, lost;
};

static void
stream_unref(void *data)
{
    OrfStream *stream = data;
    if (!g_atomic_ref_count_dec(&stream->refs))
        return;
    atomic_fetch_sub(&stream->request->http->counters.streams, 1);
    g_byte_array_unref(stream->queue);
    orf_request_unref(stream->request);
    g_free(stream);
}

static size_t
waiting(const OrfStream *stream)
{
    return stream->queue->len - stream->taken;
}

static size_t
take_some(OrfStream *stream, char *buffer, size_t room)
{
    size_t n = MIN(waiting(stream), room);
    memcpy(buffer, stream->queue->data + stream->taken, n);
    stream->taken += n;
    if (waiting(stream))
        return n;
    stream->taken = 0;
    if (stream->queue->len > BLOCK) {
        g_byte_array_unref(stream->queue);
        stream->queue = g_byte_array_new();
    }
    g_byte_array_set_size(stream->queue, 0);
    return n;
}

static ssize_t
pull(void *data, uint64_t position, char *buffer, size_t room)
{
    (void)position;
    OrfStream *stream = data;
    OrfRequest *request = stream->request;
    ssize_t n = 0;
    g_mutex_lock(&request->lock);
    if (request->gone || stream->lost || atomic_load(&request->http->stopping))
        n = MHD_CONTENT_READER_END_WITH_ERROR;
    else if (waiting(stream))
        n = (ssize_t)take_some(stream, buffer, room);
    else if (stream->ended)
        n = MHD_CONTENT_READER_END_OF_STREAM;
    else
        orf_request_suspend(request);
    g_mutex_unlock(&request->lock);
    return n;
}

OrfStream *
orf_request_stream(OrfRequest *request, int status, const char *const *headers, size_t backlog)
{
    OrfStream *stream = g_new0(OrfStream, 1);
    g_atomic_ref_count_init(&stream->refs);
    g_atomic_ref_count_inc(&stream->refs);
    stream->request = orf_request_ref(request);
    stream->queue = g_byte_array_new();
    stream->backlog = backlog;
    atomic_fetch_add(&request->http->counters.streams, 1);
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, PLAIN_BLOCK, pull, stream, stream_unref);
    g_assert(response);
    orf_response_headers(request, response, headers);
    g_mutex_lock(&request->lock);
    stream->lost = !orf_request_offer(request, (unsigned)status, response);
    g_mutex_unlock(&request->lock);
    return stream;
}

/* A reader that is too slow: the transport may be waiting for the socket, so the socket ends.
 */
static void
lose(OrfStream *stream)
{
    stream->lost = true;
    shutdown(stream->request->link->fd, SHUT_RDWR);
    orf_request_wake(stream->request);
}

bool
orf_stream_write(OrfStream *stream, const void *data, size_t size)
{
    OrfRequest *request = stream->request;
    g_mutex_lock(&request->lock);
    if (request->gone || !request->connection)
        stream->lost = true;
    else if (!stream->lost && size > stream->backlog - MIN(waiting(stream), stream->backlog))
        lose(stream);
    bool ok = !stream->lost && !stream->ended;
    if (ok) {
        atomic_fetch_add(&request->http->counters.bytes_out, size);
        if (stream->taken > BLOCK && stream->taken > waiting(stream)) {
            g_byte_array_remove_range(stream->queue, 0, (guint)stream->taken);
            stream->taken = 0;
        }
        g_byte_array_append(stream->queue, data, (guint)size);
        orf_request_wake(request);
    }
    g_mutex_unlock(&request->lock);
    return ok;
}

size_t
orf_stream_backlog(const OrfStream *stream)
{
    g_mutex_lock(&stream->request->lock);
    size_t n = waiting(stream);
    g_mutex_unlock(&stream->request->lock);
    return n;
}

void
orf_stream_end(OrfStream *stream)
{
    if (!stream)
        return;
    g_mutex_lock(&stream->request->lock);
    stream->ended = true;
    orf_request_wake(stream->request);
    g_mutex_unlock(&stream->request->lock);
    stream_unref(stream);
}
