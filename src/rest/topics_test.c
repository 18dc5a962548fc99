/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/rest.h"

#include "http/client_fixture.h"

#include <string.h>
#include <unistd.h>

/* What the topics of this test share: "slow" ones wait for the gate. */
struct OrfApi {
    OrfMeter *meter;
    OrfRest *rest;
    OrfHttp *http;
    GMutex lock;
    GCond changed;
    bool open;
    unsigned n_waiting, n_stopped;
};

/* --- Topics ------------------------------------------------------------------------------- */

typedef struct {
    OrfApi *api;
    OrfSubscription *subscription;
} Following;

static bool
find(OrfApi *api, const OrfIdentity *who, const char *id, GError **error)
{
    (void)api, (void)who;
    return !g_str_equal(id, "nobody") || ORF_FALSE(error, NOT_FOUND, "nobody");
}

static void *
follow(OrfApi *api, const OrfIdentity *who, const char *id, uint64_t after,
       OrfSubscription *subscription, GError **error)
{
    (void)who, (void)id, (void)after, (void)error;
    static const char hello[] = "{\"event\":\"hello\"}";
    Following *following = g_new(Following, 1);
    *following = (Following){ api, subscription };
    orf_subscription_say(subscription, hello, strlen(hello));
    return following;
}

static void *
follow_slowly(OrfApi *api, const OrfIdentity *who, const char *id, uint64_t after,
              OrfSubscription *subscription, GError **error)
{
    g_mutex_lock(&api->lock);
    api->n_waiting++;
    g_cond_broadcast(&api->changed);
    while (!api->open)
        g_cond_wait(&api->changed, &api->lock);
    g_mutex_unlock(&api->lock);
    return follow(api, who, id, after, subscription, error);
}

static void
stop(void *data)
{
    Following *following = data;
    OrfApi *api = following->api;
    orf_subscription_end(following->subscription);
    g_mutex_lock(&api->lock);
    api->n_stopped++;
    g_cond_broadcast(&api->changed);
    g_mutex_unlock(&api->lock);
}

#define TOPIC(name_, permit_, open_)                                                           \
    {                                                                                          \
        .name = (name_), .missing = "not there", .permit = (permit_), .find = find,            \
        .open = (open_), .stop = stop, .unref = g_free                                         \
    }
static const OrfTopic quick = TOPIC("quick", ORF_PERMIT_READ, follow);
static const OrfTopic slow = TOPIC("slow", ORF_PERMIT_READ, follow_slowly);
static const OrfTopic secret = TOPIC("secret", ORF_PERMIT_ADMIN, follow);
static const OrfTopic *const topics[] = { &quick, &slow, &secret, NULL };

/* --- A server ----------------------------------------------------------------------------- */

static void
open_socket(OrfCall *call)
{
    orf_call_topics(call, topics);
}

static const OrfEndpoint endpoint = { .method = "GET",
                                      .path = "/ws",
                                      .name = "ws",
                                      .permit = ORF_PERMIT_READ,
                                      .handle = open_socket };
static const OrfEndpoint *const table[] = { &endpoint, NULL };

static bool
identify(OrfCall *call, OrfIdentity *ret)
{
    (void)call;
    *ret = (OrfIdentity){ .tenant = "t", .permits = 1u << ORF_PERMIT_READ };
    return true;
}

static OrfApi *
server_start(void)
{
    OrfApi *api = g_new0(OrfApi, 1);
    g_autoptr(GError) error = NULL;
    g_mutex_init(&api->lock);
    g_cond_init(&api->changed);
    api->meter = orf_meter_new();
    api->rest = orf_rest_new(&(OrfRestOptions){
        .table = table, .meter = api->meter, .api = api, .identify = identify });
    api->http = orf_http_start(NULL, orf_rest_app(api->rest), &error);
    g_assert_no_error(error);
    return api;
}

static void
server_stop(OrfApi *api)
{
    orf_http_free(api->http);
    orf_rest_free(api->rest);
    orf_meter_free(api->meter);
    g_cond_clear(&api->changed);
    g_mutex_clear(&api->lock);
    g_free(api);
}

static void
wait_for(OrfApi *api, const unsigned *count, unsigned n)
{
    g_mutex_lock(&api->lock);
    while (*count < n)
        g_cond_wait(&api->changed, &api->lock);
    g_mutex_unlock(&api->lock);
}

static void
open_gate(OrfApi *api)
{
    g_mutex_lock(&api->lock);
    api->open = true;
    g_cond_broadcast(&api->changed);
    g_mutex_unlock(&api->lock);
}

/* --- A client ----------------------------------------------------------------------------- */

static int
client_open(const OrfApi *api)
{
    int fd = client_connect(orf_http_port(api->http));
    client_send(fd, "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    g_autofree char *reply = client_read_until(fd, "\r\n\r\n");
    g_assert_true(g_str_has_prefix(reply, "HTTP/1.1 101 "));
    return fd;
}

static void
client_say(int fd, const char *type, const char *topic)
{
    g_autofree char *text =
        g_strdup_printf("{\"type\":\"%s\"%s%s%s}", type, topic ? ",\"topic\":\"" : "",
                        topic ? topic : "", topic ? "\"" : "");
    size_t size = strlen(text);
    g_assert_cmpuint(size, <, 126);
    guint8 head[6] = { 0x81, (guint8)(0x80 | size) }; /* and a mask of zeros */
    client_send_bytes(fd, head, sizeof head);
    client_send_bytes(fd, text, size);
}

/* The next message has this event (and code, if it is a problem). */
static void
client_hears(int fd, const char *event)
{
    guint8 head[4];
    client_read_exactly(fd, head, 2);
    g_assert_cmpuint(head[0], ==, 0x81);
    size_t size = head[1];
    if (size == 126) {
        client_read_exactly(fd, head, 2);
        size = (size_t)head[0] << 8 | head[1];
    }
    g_autofree char *bytes = g_malloc0(size + 1);
    client_read_exactly(fd, bytes, size);
    json_t *message = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
    const char *told = json_string_value(json_object_get(message, "event"));
    const char *code = json_string_value(json_object_get(message, "code"));
    g_assert_cmpstr(code ? code : told, ==, event);
    json_decref(message);
}

/* --- Tests -------------------------------------------------------------------------------- */

static void
follows(void)
{
    OrfApi *api = server_start();
    int fd = client_open(api);
    client_say(fd, "subscribe", "quick/a");
    client_hears(fd, "subscribed");
    client_hears(fd, "hello");
    client_say(fd, "subscribe", "quick/a");
    client_hears(fd, "already_subscribed");
    client_say(fd, "subscribe", "quick/nobody");
    client_hears(fd, "not_found");
    client_say(fd, "subscribe", "secret/a");
    client_hears(fd, "insufficient_scope");
    client_say(fd, "unsubscribe", "quick/a");
    client_hears(fd, "unsubscribed");
    g_assert_cmpuint(api->n_stopped, ==, 1);
    client_say(fd, "unsubscribe", "quick/a");
    client_hears(fd, "not_subscribed");
    close(fd);
    server_stop(api);
}

/* Messages of one client are obeyed in order, those of others do not wait. */
static void
blocks_nobody(void)
{
    OrfApi *api = server_start();
    int waiting = client_open(api), other = client_open(api);
    client_say(waiting, "subscribe", "slow/a");
    client_say(waiting, "ping", NULL);
    client_hears(waiting, "subscribed");
    wait_for(api, &api->n_waiting, 1);
    client_say(other, "subscribe", "quick/b");
    client_hears(other, "subscribed");
    client_hears(other, "hello");
    client_say(other, "ping", NULL);
    client_hears(other, "pong");
    open_gate(api);
    client_hears(waiting, "hello");
    client_hears(waiting, "pong");
    close(waiting);
    close(other);
    wait_for(api, &api->n_stopped, 2);
    server_stop(api);
}

static void
stops_for_who_has_gone(void)
{
    OrfApi *api = server_start();
    int fd = client_open(api);
    client_say(fd, "subscribe", "slow/a");
    client_say(fd, "subscribe", "quick/never");
    client_hears(fd, "subscribed");
    wait_for(api, &api->n_waiting, 1);
    close(fd);
    OrfHttpStats stats = { .sockets = 1 };
    while (stats.sockets) { /* until the server has noticed */
        orf_http_stats(api->http, &stats);
        g_thread_yield();
    }
    open_gate(api);
    wait_for(api, &api->n_stopped, 1);
    server_stop(api); /* and nothing was begun for it since */
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rest/topics/a-client-follows-what-is-there-and-permitted", follows);
    g_test_add_func("/rest/topics/one-that-waits-for-the-disk-holds-up-nobody", blocks_nobody);
    g_test_add_func("/rest/topics/who-has-gone-follows-nothing", stops_for_who_has_gone);
    return g_test_run();
}
