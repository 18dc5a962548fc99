/* topics.c - one WebSocket that follows many things.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a client says comes on the one thread of the sockets, which must not wait for a disk:
 * messages go into the client's inbox, and one at a time is obeyed by the listeners, in order
 * and by turns with other clients. What is said to the client goes out from any thread. Closing
 * is the last thing in the inbox, so nothing is followed for a client that has gone. */
#include "rest/rest-priv.h"

#include <string.h>

#define MOST 256                  /* subscriptions of one socket */
#define MOST_WAITING 1024         /* messages not obeyed yet */
#define BACKLOG ((size_t)1 << 20) /* bytes unsent that close a socket */

/* The call, the open socket, each subscription and the listener at work hold it. */
typedef struct {
    gatomicrefcount refs;
    OrfRest *rest;
    OrfIdentity who;
    const OrfTopic *const *topics;
    OrfSocket *socket;         /* NULL before `opened` */
    GMutex lock;               /* of the rest */
    GHashTable *subscriptions; /* "job/ID" -> OrfSubscription, borrowed */
    GQueue inbox;              /* OrfTopicMessage */
    bool busy, closed;
} Client;

/* The table's entry, the topic, and the listener at work hold it. */
struct OrfSubscription {
    gatomicrefcount refs;
    Client *client;
    const OrfTopic *topic;
    void *following; /* of the topic; NULL: it never began */
    char id[ORF_TOPIC_ID];
    char *key;
};

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
    g_hash_table_unref(client->subscriptions);
    g_queue_clear_full(&client->inbox, g_free);
    g_mutex_clear(&client->lock);
    g_free(client);
}

static void
subscription_unref(void *data)
{
    OrfSubscription *subscription = data;
    if (!g_atomic_ref_count_dec(&subscription->refs))
        return;
    if (subscription->following)
        subscription->topic->unref(subscription->following);
    client_unref(subscription->client);
    g_free(subscription->key);
    g_free(subscription);
}

/* --- What topics do ----------------------------------------------------------------------- */

bool
orf_subscription_say(OrfSubscription *subscription, const char *text, size_t size)
{
    OrfSocket *socket = subscription->client->socket;
    if (orf_socket_backlog(socket) + size > BACKLOG)
        orf_socket_close(socket, 1013, "read faster; resume with last_event_id");
    return orf_socket_send(socket, text, size);
}

size_t
orf_subscription_backlog(const OrfSubscription *subscription)
{
    return orf_socket_backlog(subscription->client->socket);
}

/* Takes it out of the table, when it is still there; the caller gets the table's reference. */
static OrfSubscription *
take_out(Client *client, const char *key, const OrfSubscription *only)
{
    g_mutex_lock(&client->lock);
    OrfSubscription *subscription = g_hash_table_lookup(client->subscriptions, key);
    if (only && subscription != only)
        subscription = NULL;
    if (subscription)
        g_hash_table_steal(client->subscriptions, key);
    g_mutex_unlock(&client->lock);
    return subscription;
}

void
orf_subscription_let_go(OrfSubscription *subscription)
{
    OrfSubscription *listed = take_out(subscription->client, subscription->key, subscription);
    if (listed)
        subscription_unref(listed);
}

void
orf_subscription_end(OrfSubscription *subscription)
{
    orf_subscription_let_go(subscription);
    subscription_unref(subscription);
}

/* --- What the socket says by itself ------------------------------------------------------- */

static void
add_topic(OrfJson *json, const OrfTopicMessage *message)
{
    if (!message->topic)
        return;
    g_autofree char *topic = g_strdup_printf("%s/%s", message->topic->name, message->id);
    orf_json_add_text(json, "topic", topic);
    orf_json_add_text(json, message->topic->name, message->id);
}

static void
send_json(Client *client, OrfJson *json)
{
    orf_json_end(json);
    g_autofree char *text = orf_json_steal(json);
    orf_socket_send(client->socket, text, strlen(text));
}

static void
answer(Client *client, const char *event, const OrfTopicMessage *message)
{
    char time[ORF_TIME_SIZE];
    g_autoptr(OrfJson) json = orf_json_new();
    orf_time_text(g_get_real_time(), time);
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "event", event);
    add_topic(json, message);
    orf_json_add_text(json, "time", time);
    send_json(client, json);
}

static void
complain(Client *client, const char *code, const char *detail, const OrfTopicMessage *message)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "event", "problem");
    orf_json_add_text(json, "code", code);
    orf_json_add_text(json, "detail", detail);
    add_topic(json, message);
    send_json(client, json);
}

/* --- Messages, on a listener -------------------------------------------------------------- */

static OrfSubscription *
subscription_new(Client *client, const OrfTopicMessage *message, char *key)
{
    OrfSubscription *subscription = g_new0(OrfSubscription, 1);
    g_atomic_ref_count_init(&subscription->refs);
    subscription->client = client_ref(client);
    subscription->topic = message->topic;
    subscription->key = key;
    g_strlcpy(subscription->id, message->id, sizeof subscription->id);
    return subscription;
}

/* With the caller's reference; NULL: it is followed already, or there are too many, and the
 * client knows. */
static OrfSubscription *
list_subscription(Client *client, const OrfTopicMessage *message)
{
    char *key = g_strdup_printf("%s/%s", message->topic->name, message->id);
    g_mutex_lock(&client->lock);
    bool there = g_hash_table_contains(client->subscriptions, key);
    bool full = g_hash_table_size(client->subscriptions) >= MOST;
    OrfSubscription *subscription = NULL;
    if (!there && !full) {
        subscription = subscription_new(client, message, g_steal_pointer(&key));
        g_atomic_ref_count_inc(&subscription->refs);
        g_hash_table_insert(client->subscriptions, subscription->key, subscription);
    }
    g_mutex_unlock(&client->lock);
    g_free(key);
    if (there)
        complain(client, "already_subscribed", "This socket follows it already.", message);
    else if (full)
        complain(client, "too_many_subscriptions", "One socket follows at most 256 things.",
                 message);
    return subscription;
}

static void
subscribe(Client *client, const OrfTopicMessage *message)
{
    OrfApi *api = client->rest->options.api;
    const OrfTopic *topic = message->topic;
    if (!orf_identity_may(&client->who, topic->permit)) {
        complain(client, "insufficient_scope", orf_permit_name(topic->permit), message);
        return;
    }
    if (!topic->find(api, &client->who, message->id, NULL)) {
        complain(client, "not_found", topic->missing, message);
        return;
    }
    OrfSubscription *subscription = list_subscription(client, message);
    if (!subscription)
        return;
    answer(client, "subscribed", message);
    g_atomic_ref_count_inc(&subscription->refs); /* the topic's */
    subscription->following =
        topic->open(api, &client->who, message->id, message->after, subscription, NULL);
    if (!subscription->following)
        complain(client, "not_found", topic->missing, message);
    subscription_unref(subscription);
}

static void
unsubscribe(Client *client, const OrfTopicMessage *message)
{
    g_autofree char *key = g_strdup_printf("%s/%s", message->topic->name, message->id);
    OrfSubscription *subscription = take_out(client, key, NULL);
    if (!subscription) {
        complain(client, "not_subscribed", "This socket does not follow it.", message);
        return;
    }
    if (subscription->following)
        subscription->topic->stop(subscription->following);
    subscription_unref(subscription);
    answer(client, "unsubscribed", message);
}

static void
obey(Client *client, const OrfTopicMessage *message)
{
    if (message->type == ORF_TOPIC_SUBSCRIBE)
        subscribe(client, message);
    else if (message->type == ORF_TOPIC_UNSUBSCRIBE)
        unsubscribe(client, message);
    else
        answer(client, "pong", message);
}

static void
stop_all(Client *client)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(subscription_unref);
    GHashTableIter iter;
    void *at;
    g_mutex_lock(&client->lock);
    g_hash_table_iter_init(&iter, client->subscriptions);
    while (g_hash_table_iter_next(&iter, NULL, &at)) {
        g_ptr_array_add(all, at);
        g_hash_table_iter_steal(&iter);
    }
    g_mutex_unlock(&client->lock);
    for (size_t i = 0; i < all->len; i++) {
        OrfSubscription *subscription = all->pdata[i];
        if (subscription->following)
            subscription->topic->stop(subscription->following);
    }
}

/* One message, or the end; then it is another client's turn. */
static void
listen_once(void *data)
{
    Client *client = data;
    g_mutex_lock(&client->lock);
    bool closed = client->closed;
    OrfTopicMessage *message = closed ? NULL : g_queue_pop_head(&client->inbox);
    g_mutex_unlock(&client->lock);
    if (closed)
        stop_all(client);
    else if (message)
        obey(client, message);
    g_free(message);
    g_mutex_lock(&client->lock);
    client->busy = !closed && (client->closed || client->inbox.length);
    bool more = client->busy;
    g_mutex_unlock(&client->lock);
    if (more)
        orf_workers_add(client->rest->listeners, listen_once, client);
    else
        client_unref(client);
}

/* --- On the thread of the sockets --------------------------------------------------------- */

/* Calls a listener unless one is at work for this client. With the lock. */
static void
call_listener(Client *client)
{
    if (client->busy)
        return;
    client->busy = true;
    orf_workers_add(client->rest->listeners, listen_once, client_ref(client));
}

static void
on_message(OrfSocket *socket, const char *text, size_t size, void *data)
{
    Client *client = data;
    g_autofree OrfTopicMessage *message = g_new(OrfTopicMessage, 1);
    const char *wrong = orf_topic_message_read(text, size, client->topics, message);
    if (wrong) {
        complain(client, "bad_message", wrong, &(OrfTopicMessage){ 0 });
        return;
    }
    g_mutex_lock(&client->lock);
    bool fits = client->inbox.length < MOST_WAITING;
    if (fits) {
        g_queue_push_tail(&client->inbox, g_steal_pointer(&message));
        call_listener(client);
    }
    g_mutex_unlock(&client->lock);
    if (!fits)
        orf_socket_close(socket, 1008, "messages come faster than they are read");
}

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
    client->closed = true;
    call_listener(client);
    g_mutex_unlock(&client->lock);
}

void
orf_call_topics(OrfCall *call, const OrfTopic *const *topics)
{
    Client *client = g_new0(Client, 1);
    g_atomic_ref_count_init(&client->refs);
    client->rest = call->rest;
    client->who = call->who;
    client->topics = topics;
    client->subscriptions = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&client->inbox);
    g_mutex_init(&client->lock);
    call->data = client;
    call->free_data = client_unref;
    orf_call_upgrade(call, &(OrfSocketApp){ .opened = on_open,
                                            .message = on_message,
                                            .closed = on_close,
                                            .data = client });
}
