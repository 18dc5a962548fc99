/* ws.c - WS /api/v1/ws: the events of many jobs on one socket.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the server sends are the objects of NDJSON streams; besides them "subscribed",
 * "unsubscribed", "pong" and "problem". Messages come on the one thread of the sockets, in
 * order; words of jobs go out from any thread. */
#include "api/jobs-priv.h"

#include <string.h>

#define MOST 256                  /* subscriptions of one socket */
#define BACKLOG ((size_t)1 << 20) /* bytes unsent that close a socket */

/* The call, the open socket and each subscription's sink hold it. */
typedef struct {
    gatomicrefcount refs;
    OrfApi *api;
    char *tenant;
    OrfSocket *socket; /* NULL before `opened` */
    GMutex lock;       /* of the rest */
    GHashTable *subs;  /* job -> Sub, borrowed */
} Client;

/* The table's entry and the feed's sink hold it. */
typedef struct {
    gatomicrefcount refs;
    Client *client;
    OrfFeed *feed;
    char job[ORF_WS_ID_SIZE];
} Sub;

static Client *
client_ref(Client *client)
{
    g_atomic_ref_count_inc(&client->refs);
    return client;
}

static void
client_unref(void *data)
{
    Client *client = data;
    if (!g_atomic_ref_count_dec(&client->refs))
        return;
    if (client->socket)
        orf_socket_unref(client->socket);
    g_hash_table_unref(client->subs);
    g_mutex_clear(&client->lock);
    g_free(client->tenant);
    g_free(client);
}

static void
sub_unref(void *data)
{
    Sub *sub = data;
    if (!g_atomic_ref_count_dec(&sub->refs))
        return;
    orf_feed_unref(sub->feed);
    client_unref(sub->client);
    g_free(sub);
}

/* --- A subscription's sink ---------------------------------------------------------------- */

static bool
send_text(const char *text, size_t size, void *data)
{
    OrfSocket *socket = ((Sub *)data)->client->socket;
    if (orf_socket_backlog(socket) + size > BACKLOG)
        orf_socket_close(socket, 1013, "read faster; resume with last_event_id");
    return orf_socket_send(socket, text, size);
}

static size_t
backlog(void *data)
{
    return orf_socket_backlog(((Sub *)data)->client->socket);
}

/* Takes it out of the table, when it is still there; the caller gets the table's reference. */
static Sub *
take_out(Client *client, const char *job, const Sub *only)
{
    g_mutex_lock(&client->lock);
    Sub *sub = g_hash_table_lookup(client->subs, job);
    if (only && sub != only)
        sub = NULL;
    if (sub)
        g_hash_table_steal(client->subs, job);
    g_mutex_unlock(&client->lock);
    return sub;
}

/* Before the client hears of the end, so that it may follow the job again at once. */
static void
let_go(void *data)
{
    Sub *sub = data;
    Sub *listed = take_out(sub->client, sub->job, sub);
    if (listed)
        sub_unref(listed);
}

static void
end(void *data)
{
    let_go(data);
    sub_unref(data);
}

/* --- What the socket says by itself ------------------------------------------------------- */

static void
answer(Client *client, const char *event, const char *job)
{
    char time[ORF_TIME_SIZE];
    orf_time_text(g_get_real_time(), time);
    g_autoptr(GString) out = g_string_new(NULL);
    g_string_append_printf(out, "{\"event\":\"%s\",", event);
    if (job)
        g_string_append_printf(out, "\"job\":\"%s\",", job);
    g_string_append_printf(out, "\"time\":\"%s\"}", time);
    orf_socket_send(client->socket, out->str, out->len);
}

static void
complain(Client *client, const char *code, const char *detail, const char *job)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_string_append_printf(out, "{\"event\":\"problem\",\"code\":\"%s\",\"detail\":", code);
    orf_json_string(out, detail);
    if (job)
        g_string_append_printf(out, ",\"job\":\"%s\"", job);
    g_string_append_c(out, '}');
    orf_socket_send(client->socket, out->str, out->len);
}

/* --- Messages ----------------------------------------------------------------------------- */

/* NULL: it is followed already, or there are too many, and the client knows. */
static Sub *
sub_new(Client *client, const char *job)
{
    g_mutex_lock(&client->lock);
    bool there = g_hash_table_contains(client->subs, job);
    bool full = g_hash_table_size(client->subs) >= MOST;
    Sub *sub = NULL;
    if (!there && !full) {
        sub = g_new0(Sub, 1);
        g_atomic_ref_count_init(&sub->refs);
        sub->client = client_ref(client);
        g_strlcpy(sub->job, job, sizeof sub->job);
        g_atomic_ref_count_inc(&sub->refs); /* the caller's */
        g_hash_table_insert(client->subs, sub->job, sub);
    }
    g_mutex_unlock(&client->lock);
    if (there)
        complain(client, "already_subscribed", "This socket follows the job already.", job);
    else if (full)
        complain(client, "too_many_subscriptions", "One socket follows at most 256 jobs.", job);
    return sub;
}

static void
subscribe(Client *client, const OrfWsMessage *message)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfShown) shown = orf_show_job(client->api, client->tenant, message->job, &error);
    if (!shown) {
        complain(client, "not_found", "No job has this id.", message->job);
        return;
    }
    Sub *sub = sub_new(client, message->job);
    if (!sub)
        return;
    answer(client, "subscribed", message->job);
    g_atomic_ref_count_inc(&sub->refs);
    OrfFeedSink sink = { .send = send_text,
                         .backlog = backlog,
                         .last = let_go,
                         .end = end,
                         .data = sub,
                         .bare = true };
    sub->feed = orf_feed_new(client->api, message->job, message->after, &sink, &error);
    if (!sub->feed)
        complain(client, "not_found", "No job has this id.", message->job);
    sub_unref(sub);
}

static void
unsubscribe(Client *client, const char *job)
{
    Sub *sub = take_out(client, job, NULL);
    if (!sub) {
        complain(client, "not_subscribed", "This socket does not follow the job.", job);
        return;
    }
    orf_feed_stop(sub->feed);
    sub_unref(sub);
    answer(client, "unsubscribed", job);
}

static void
on_message(OrfSocket *socket, const char *text, size_t size, void *data)
{
    (void)socket;
    Client *client = data;
    OrfWsMessage message;
    const char *wrong = orf_ws_message_read(text, size, &message);
    if (wrong)
        complain(client, "bad_message", wrong, NULL);
    else if (message.type == ORF_WS_SUBSCRIBE)
        subscribe(client, &message);
    else if (message.type == ORF_WS_UNSUBSCRIBE)
        unsubscribe(client, message.job);
    else
        answer(client, "pong", NULL);
}

/* --- Life --------------------------------------------------------------------------------- */

static void
on_open(OrfSocket *socket, void *data)
{
    ((Client *)data)->socket = orf_socket_ref(socket);
}

static void
on_close(OrfSocket *socket, void *data)
{
    (void)socket;
    Client *client = data;
    g_mutex_lock(&client->lock);
    g_autoptr(GPtrArray) subs = g_ptr_array_new_with_free_func(sub_unref);
    GHashTableIter iter;
    void *sub;
    g_hash_table_iter_init(&iter, client->subs);
    while (g_hash_table_iter_next(&iter, NULL, &sub)) {
        g_ptr_array_add(subs, sub);
        g_hash_table_iter_steal(&iter);
    }
    g_mutex_unlock(&client->lock);
    for (size_t i = 0; i < subs->len; i++)
        orf_feed_stop(((Sub *)subs->pdata[i])->feed);
}

static void
open_socket(OrfCall *call)
{
    Client *client = g_new0(Client, 1);
    g_atomic_ref_count_init(&client->refs);
    client->api = call->api;
    client->tenant = g_strdup(call->who.tenant);
    client->subs = g_hash_table_new(g_str_hash, g_str_equal);
    g_mutex_init(&client->lock);
    call->data = client;
    call->free_data = client_unref;
    orf_call_upgrade(call, &(OrfSocketApp){ .opened = on_open,
                                            .message = on_message,
                                            .closed = on_close,
                                            .data = client });
}

const OrfEndpoint orf_endpoint_ws = {
    .method = "GET",
    .path = "/api/v1/ws",
    .name = "openSocket",
    .group = "jobs",
    .summary = "Follow many jobs on one WebSocket",
    .help =
        "Upgrades to a WebSocket (RFC 6455). Send "
        "`{\"type\":\"subscribe\",\"job\":ID,\"last_event_id\":N}`, "
        "`{\"type\":\"unsubscribe\",\"job\":ID}` or `{\"type\":\"ping\"}`. The server sends "
        "the objects of the "
        "NDJSON stream, and `subscribed`, `unsubscribed`, `pong` and `problem`. One socket "
        "follows at most "
        "256 jobs; a job that is over is let go by itself. Pages of other origins are refused.",
    .permit = ORF_PERMIT_READ,
    .answers =
        (const OrfAnswer[]){
            { 101, NULL, NULL, "The connection is a WebSocket from here on" },
            { 426, "application/problem+json", "Problem", "The request asks for no WebSocket" },
            { 0 },
        },
    .handle = open_socket,
};
