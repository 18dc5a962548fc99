/* hook-send.c - the thread that delivers messages: a few at a time, none waits for a slow one.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Never through a proxy of the environment, never redirected, only to addresses that the guard
 * lets pass: curl asks it with the very address that the socket will be connected to. */
#include "job/hook-priv.h"

#include <curl/curl.h>
#include <string.h>
#include <unistd.h>

#define AT_A_TIME 16
#define TRY_MS 15000L
#define CONNECT_MS 5000L
#define MAX_ANSWER (64u << 10)
#define MAX_IDLE_MS 60000

/* One delivery on its way. */
typedef struct {
    OrfHooks *hooks;
    OrfHookRow *row;
    CURL *easy;
    struct curl_slist *headers;
    size_t answered; /* bytes */
    bool refused;    /* by the guard */
} Delivery;

static void
delivery_free(Delivery *delivery)
{
    curl_easy_cleanup(delivery->easy);
    curl_slist_free_all(delivery->headers);
    orf_hook_row_free(delivery->row);
    g_free(delivery);
}

/* --- A request ---------------------------------------------------------------------------- */

static curl_socket_t
open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    Delivery *delivery = data;
    bool local = delivery->hooks->queue->options.webhooks_may_be_local;
    if (!local && !orf_address_is_foreign(&address->addr)) {
        delivery->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t
take_answer(char *bytes, size_t size, size_t n, void *data)
{
    (void)bytes;
    Delivery *delivery = data;
    delivery->answered += size * n;
    return delivery->answered > MAX_ANSWER ? 0 : size * n;
}

static void
add_header(Delivery *delivery, const char *name, const char *value)
{
    g_autofree char *line = g_strdup_printf("%s: %s", name, value);
    struct curl_slist *list = curl_slist_append(delivery->headers, line);
    if (list)
        delivery->headers = list;
}

static void
add_headers(Delivery *delivery)
{
    OrfHooks *hooks = delivery->hooks;
    int64_t now = orf_queue_wall(hooks->queue) / G_TIME_SPAN_SECOND;
    g_autofree char *id = orf_hook_message_id(delivery->row);
    g_autofree char *timestamp = g_strdup_printf("%" G_GINT64_FORMAT, now);
    g_autofree char *signature = orf_hook_sign(hooks->key, id, now, delivery->row->body);
    add_header(delivery, "webhook-id", id);
    add_header(delivery, "webhook-timestamp", timestamp);
    add_header(delivery, "webhook-signature", signature);
    add_header(delivery, "Content-Type", "application/json");
    add_header(delivery, "Expect", "");
}

static void
set_up(Delivery *delivery)
{
    CURL *easy = delivery->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, delivery);
    curl_easy_setopt(easy, CURLOPT_URL, delivery->row->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TRY_MS);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L); /* each connection meets the guard */
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, delivery);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, delivery);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "orfeas/" ORF_VERSION);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, delivery->row->body);
    add_headers(delivery);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, delivery->headers);
}

static void
begin(OrfHooks *hooks, GHashTable *under_way, OrfHookRow *row)
{
    Delivery *delivery = g_new0(Delivery, 1);
    delivery->hooks = hooks;
    delivery->row = row;
    delivery->easy = curl_easy_init();
    set_up(delivery);
    curl_multi_add_handle(hooks->multi, delivery->easy);
    g_hash_table_insert(under_way, &row->id, delivery);
}

/* --- What became of it -------------------------------------------------------------------- */

/* In the words of whoever looks at the list. */
static const char *
failure(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "the host's name is not known";
    case CURLE_COULDNT_CONNECT:
        return "nobody takes a connection there";
    case CURLE_OPERATION_TIMEDOUT:
        return "no answer within 15 seconds";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
        return "its certificate is not trusted, or it speaks no TLS";
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
        return "the connection broke";
    default:
        return "the answer is no HTTP";
    }
}

static char *
describe(const Delivery *delivery, CURLcode code, long status)
{
    if (delivery->refused)
        return g_strdup("the address is not a public one of another machine");
    if (delivery->answered > MAX_ANSWER)
        return g_strdup("the answer is too long");
    if (code != CURLE_OK)
        return g_strdup(failure(code));
    return g_strdup_printf("answered with status %ld", status);
}

static void
count(OrfHooks *hooks, bool good, bool dead)
{
    OrfQueue *queue = hooks->queue;
    g_mutex_lock(&queue->lock);
    queue->stats.hooks_sent += good;
    queue->stats.hooks_failed += !good;
    queue->stats.hooks_dead += dead;
    g_mutex_unlock(&queue->lock);
}

/* 410 says that nobody wants it any more. */
static void
finish(Delivery *delivery, CURLcode code)
{
    OrfHooks *hooks = delivery->hooks;
    OrfHookRow *row = delivery->row;
    long status = 0;
    curl_easy_getinfo(delivery->easy, CURLINFO_RESPONSE_CODE, &status);
    bool good =
        status >= 200 && status < 300 && (code == CURLE_OK || delivery->answered > MAX_ANSWER);
    row->attempts++;
    int64_t pause = status == 410 || delivery->refused ? 0 : orf_hook_pause(row->attempts);
    row->next = good ? 0 : pause ? orf_queue_steady(hooks->queue) + pause : -1;
    g_free(row->last_error);
    row->last_error = good ? NULL : describe(delivery, code, status);
    g_autoptr(GError) error = NULL;
    if (!orf_hook_row_move(hooks->queue->store, row, &error))
        orf_log_warning("a delivery cannot be written down, it will be made again: %s",
                        error->message);
    count(hooks, good, row->next < 0);
}

static void
finish_done(OrfHooks *hooks, GHashTable *under_way)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(hooks->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        char *private = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        Delivery *delivery = (Delivery *)(void *)private;
        curl_multi_remove_handle(hooks->multi, delivery->easy);
        finish(delivery, code);
        g_hash_table_steal(under_way, &delivery->row->id);
        delivery_free(delivery);
    }
}

/* --- The thread --------------------------------------------------------------------------- */

/* Begins what is due; how long nothing else will be, in milliseconds. */
static int
begin_due(OrfHooks *hooks, GHashTable *under_way)
{
    OrfQueue *queue = hooks->queue;
    guint busy = g_hash_table_size(under_way);
    if (busy >= AT_A_TIME)
        return MAX_IDLE_MS;
    int64_t now = orf_queue_steady(queue);
    /* Those under way are due as well, and come first. */
    g_autoptr(GPtrArray) due = orf_hook_rows_due(queue->store, now, AT_A_TIME + busy, NULL);
    for (guint i = 0; due && i < due->len && g_hash_table_size(under_way) < AT_A_TIME; i++) {
        OrfHookRow *row = due->pdata[i];
        if (g_hash_table_contains(under_way, &row->id))
            continue;
        due->pdata[i] = NULL;
        begin(hooks, under_way, row);
    }
    int64_t next = orf_hook_rows_next(queue->store);
    if (next == 0 || g_hash_table_size(under_way))
        return MAX_IDLE_MS; /* the end of one under way looks again */
    return (int)CLAMP((next - now) / 1000 + 1, due ? 1 : 1000, MAX_IDLE_MS);
}

static void
drop_under_way(OrfHooks *hooks, GHashTable *under_way)
{
    GHashTableIter iter;
    void *item;
    g_hash_table_iter_init(&iter, under_way);
    while (g_hash_table_iter_next(&iter, NULL, &item)) {
        Delivery *delivery = item;
        curl_multi_remove_handle(hooks->multi, delivery->easy);
        delivery_free(delivery);
    }
}

void *
orf_hook_send_thread(void *data)
{
    OrfHooks *hooks = data;
    g_autoptr(GHashTable) under_way = g_hash_table_new(g_int64_hash, g_int64_equal);
    while (!hooks->stopping) {
        int wait = begin_due(hooks, under_way), running;
        curl_multi_perform(hooks->multi, &running);
        finish_done(hooks, under_way);
        if (running == (int)g_hash_table_size(under_way))
            curl_multi_poll(hooks->multi, NULL, 0, wait, NULL);
    }
    drop_under_way(hooks, under_way);
    return NULL;
}
