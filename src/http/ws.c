/* ws.c - a WebSocket as bytes in, bytes out (RFC 6455), on wslay.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * wslay checks masks, lengths, fragments, UTF-8 and the order of frames, and answers pings and
 * closes. It asks for bytes by callback; here they come from the piece being fed and go to a
 * buffer. Messages are put together here: wslay would take some fifty bytes for every fragment
 * of one. What an unfinished message may hold is MAX_MESSAGE; what waits to be sent is the
 * caller's to bound, who stops feeding. */
#include "http/http-priv.h"

#include <string.h>
#include <wslay/wslay.h>

#define MAX_MESSAGE (8u << 10)
#define KEPT_ROOM (16u << 10) /* of the buffer when all is sent */

struct OrfWs {
    wslay_event_context_ptr context;
    OrfWsFn text, binary;
    void *data;
    const uint8_t *piece; /* being fed */
    size_t left;
    GByteArray *in;  /* of the message that is coming in */
    bool in_control; /* the frame that is coming in is no message's */
    GByteArray *out;
    bool closing, broken;
};

static ssize_t
give(wslay_event_context_ptr context, uint8_t *buffer, size_t room, int flags, void *data)
{
    (void)flags;
    OrfWs *ws = data;
    size_t n = MIN(ws->left, room);
    if (!n) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(buffer, ws->piece, n);
    ws->piece += n;
    ws->left -= n;
    return (ssize_t)n;
}

static ssize_t
put(wslay_event_context_ptr context, const uint8_t *bytes, size_t size, int flags, void *data)
{
    (void)context, (void)flags;
    g_byte_array_append(((OrfWs *)data)->out, bytes, (guint)size);
    return (ssize_t)size;
}

static void
frame_begins(wslay_event_context_ptr context,
             const struct wslay_event_on_frame_recv_start_arg *frame, void *data)
{
    (void)context;
    OrfWs *ws = data;
    ws->in_control = wslay_is_ctrl_frame(frame->opcode);
    if (!ws->in_control && frame->payload_length > MAX_MESSAGE - ws->in->len)
        orf_ws_close(ws, WSLAY_CODE_MESSAGE_TOO_BIG, "messages are at most 8 KiB");
}

static void
frame_goes_on(wslay_event_context_ptr context,
              const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *data)
{
    (void)context;
    OrfWs *ws = data;
    if (!ws->in_control && !ws->closing)
        g_byte_array_append(ws->in, chunk->data, (guint)chunk->data_length);
}

static void
received(wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *message,
         void *data)
{
    (void)context;
    OrfWs *ws = data;
    if (ws->closing || wslay_is_ctrl_frame(message->opcode))
        return;
    OrfWsFn take = message->opcode == WSLAY_TEXT_FRAME ? ws->text : ws->binary;
    if (take)
        take(ws->in->data, ws->in->len, ws->data);
    else
        orf_ws_close(ws, WSLAY_CODE_UNSUPPORTED_DATA, "text messages only");
    g_byte_array_set_size(ws->in, 0);
}

OrfWs *
orf_ws_new(OrfWsFn text, OrfWsFn binary, void *data)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = give,
        .send_callback = put,
        .on_frame_recv_start_callback = frame_begins,
        .on_frame_recv_chunk_callback = frame_goes_on,
        .on_msg_recv_callback = received,
    };
    OrfWs *ws = g_new0(OrfWs, 1);
    ws->text = text;
    ws->binary = binary;
    ws->data = data;
    ws->in = g_byte_array_new();
    ws->out = g_byte_array_new();
    if (wslay_event_context_server_init(&ws->context, &callbacks, ws) != 0)
        g_error("http: no memory for a WebSocket");
    wslay_event_config_set_no_buffering(ws->context, 1);
    wslay_event_config_set_max_recv_msg_length(ws->context, MAX_MESSAGE);
    return ws;
}

void
orf_ws_free(OrfWs *ws)
{
    if (!ws)
        return;
    wslay_event_context_free(ws->context);
    g_byte_array_unref(ws->in);
    g_byte_array_unref(ws->out);
    g_free(ws);
}

/* Everything queued becomes bytes at once: `put` never refuses. */
static void
flush(OrfWs *ws)
{
    if (wslay_event_send(ws->context) != 0)
        ws->broken = true;
    ws->closing = ws->closing || wslay_event_get_close_sent(ws->context);
}

void
orf_ws_feed(OrfWs *ws, const void *bytes, size_t size)
{
    ws->piece = bytes;
    ws->left = size;
    if (wslay_event_recv(ws->context) != 0)
        ws->broken = true;
    ws->piece = NULL;
    ws->left = 0;
    flush(ws);
}

static void
send_message(OrfWs *ws, const struct wslay_event_msg *message)
{
    if (!ws->closing && wslay_event_queue_msg(ws->context, message) == 0)
        flush(ws);
}

void
orf_ws_send(OrfWs *ws, const void *text, size_t size)
{
    send_message(ws, &(struct wslay_event_msg){ WSLAY_TEXT_FRAME, text, size });
}

void
orf_ws_send_binary(OrfWs *ws, const void *bytes, size_t size)
{
    send_message(ws, &(struct wslay_event_msg){ WSLAY_BINARY_FRAME, bytes, size });
}

void
orf_ws_ping(OrfWs *ws)
{
    send_message(ws, &(struct wslay_event_msg){ WSLAY_PING });
}

void
orf_ws_close(OrfWs *ws, unsigned code, const char *reason)
{
    size_t size = MIN(strlen(reason), 123);
    if (!ws->closing)
        wslay_event_queue_close(ws->context, (uint16_t)code, (const uint8_t *)reason, size);
    ws->closing = true;
    flush(ws);
}

const GByteArray *
orf_ws_output(const OrfWs *ws)
{
    return ws->out;
}

void
orf_ws_sent(OrfWs *ws, size_t size)
{
    bool was_large = ws->out->len > KEPT_ROOM;
    g_byte_array_remove_range(ws->out, 0, (guint)size);
    if (ws->out->len || !was_large)
        return;
    g_byte_array_unref(ws->out);
    ws->out = g_byte_array_new();
}

bool
orf_ws_closing(const OrfWs *ws)
{
    return ws->closing;
}

bool
orf_ws_over(const OrfWs *ws)
{
    return ws->broken || (!wslay_event_want_read(ws->context) && !ws->out->len);
}
