/* socket.c - the WebSockets: one thread, one epoll.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The transport hands an upgraded socket over; from then on only this thread touches its
 * frames. Others leave what they want to send in the socket's outbox and ring. A socket ends
 * here: closed, handed back, gone.
 *
 * Nothing that a client makes us say grows without its reading: while more than PAUSE bytes
 * wait, nothing of it is read, and the pieces are so small that the answers to one of them are
 * no flood. What the application sends is bounded for each socket and, beyond the first PAUSE
 * bytes of each, for all of them together. */
#include "http/http-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 64
#define TICK_MS 500
#define PING_US (20 * G_USEC_PER_SEC)
#define SILENCE_US (60 * G_USEC_PER_SEC) /* three pings unanswered */
#define CLOSE_US (2 * G_USEC_PER_SEC)    /* for the client's half of a closing */
#define MAX_BACKLOG (4u << 20)
#define MAX_ALL (64u << 20) /* of all sockets together, but for PAUSE bytes of each */
#define PAUSE (64u << 10)
#define READ_SIZE (4u << 10)

struct OrfSockets {
    OrfHttp *http; /* borrowed: outlives us */
    int epoll, bell;
    GThread *thread;
    GHashTable *open; /* set of sockets with a reference; the thread's */
    GMutex lock;      /* of the rest, and of every socket's outbox */
    GPtrArray *rung;  /* sockets with something to do, referenced */
    size_t waiting;   /* of all sockets */
    bool draining, stopped;
};

struct OrfSocket {
    gatomicrefcount refs;
    OrfSockets *sockets;
    OrfHttp *http; /* keeps `sockets` */
    OrfSocketApp app;
    OrfRequest *request; /* referenced from the hand-over to the end */

    int fd; /* the thread's from the hand-over on */
    struct MHD_UpgradeResponseHandle *handle;
    GBytes *extra; /* bytes that came behind the handshake */
    OrfWs *ws;
    bool listed;
    uint32_t awaited; /* the events that epoll tells */
    int64_t heard_us, pinged_us, closing_us;

    GQueue outbox; /* Outgoing */
    size_t waiting;
    unsigned close_code; /* 0: none asked for */
    char *close_reason;
    bool cut, dead, ringing; /* cut: it did not read */
};

typedef struct {
    GBytes *bytes;
    bool binary;
} Outgoing;

static void
outgoing_free(void *data)
{
    g_bytes_unref(((Outgoing *)data)->bytes);
    g_free(data);
}

OrfSocket *
orf_socket_ref(OrfSocket *socket)
{
    g_atomic_ref_count_inc(&socket->refs);
    return socket;
}

void
orf_socket_unref(OrfSocket *socket)
{
    if (!socket || !g_atomic_ref_count_dec(&socket->refs))
        return;
    g_queue_clear_full(&socket->outbox, outgoing_free);
    g_clear_pointer(&socket->extra, g_bytes_unref);
    orf_ws_free(socket->ws);
    g_free(socket->close_reason);
    orf_http_unref(socket->http);
    g_free(socket);
}

static void
text_in(const void *text, size_t size, void *data)
{
    OrfSocket *socket = data;
    atomic_fetch_add(&socket->http->counters.bytes_in, size);
    socket->app.message(socket, text, size, socket->app.data);
}

static void
binary_in(const void *bytes, size_t size, void *data)
{
    OrfSocket *socket = data;
    atomic_fetch_add(&socket->http->counters.bytes_in, size);
    socket->app.binary(socket, bytes, size, socket->app.data);
}

OrfSocket *
orf_socket_new(OrfSockets *sockets, OrfRequest *request, const OrfSocketApp *app)
{
    OrfSocket *socket = g_new0(OrfSocket, 1);
    g_atomic_ref_count_init(&socket->refs);
    socket->sockets = sockets;
    socket->http = orf_http_ref(request->http);
    socket->request = request; /* referenced at the hand-over */
    socket->app = *app;
    socket->fd = -1;
    socket->ws = orf_ws_new(text_in, app->binary ? binary_in : NULL, socket);
    g_queue_init(&socket->outbox);
    return socket;
}

/* --- From other threads ------------------------------------------------------------------- */

/* Caller holds the lock. */
static void
ring(OrfSocket *socket)
{
    OrfSockets *sockets = socket->sockets;
    if (socket->ringing || socket->dead || sockets->stopped)
        return;
    socket->ringing = true;
    g_ptr_array_add(sockets->rung, orf_socket_ref(socket));
    eventfd_write(sockets->bell, 1);
}

/* Caller holds the lock. */
static void
set_waiting(OrfSocket *socket, size_t size)
{
    socket->sockets->waiting += size - socket->waiting;
    socket->waiting = size;
}

static bool
send_bytes(OrfSocket *socket, const void *bytes, size_t size, bool binary)
{
    g_mutex_lock(&socket->sockets->lock);
    size_t all = socket->sockets->waiting;
    size_t most = all < MAX_ALL ? MAX_BACKLOG : PAUSE;
    bool fits = size <= most && socket->waiting <= most - size;
    bool ok = !socket->dead && !socket->close_code && fits;
    if (ok) {
        Outgoing *outgoing = g_new(Outgoing, 1);
        *outgoing = (Outgoing){ g_bytes_new(bytes, size), binary };
        g_queue_push_tail(&socket->outbox, outgoing);
        set_waiting(socket, socket->waiting + size);
    }
    socket->cut = socket->cut || !fits;
    ring(socket);
    g_mutex_unlock(&socket->sockets->lock);
    return ok;
}

bool
orf_socket_send(OrfSocket *socket, const char *text, size_t size)
{
    return send_bytes(socket, text, size, false);
}

bool
orf_socket_send_binary(OrfSocket *socket, const void *bytes, size_t size)
{
    return send_bytes(socket, bytes, size, true);
}

size_t
orf_socket_backlog(const OrfSocket *socket)
{
    g_mutex_lock(&socket->sockets->lock);
    size_t n = socket->waiting;
    g_mutex_unlock(&socket->sockets->lock);
    return n;
}

void
orf_socket_close(OrfSocket *socket, unsigned code, const char *reason)
{
    g_mutex_lock(&socket->sockets->lock);
    if (!socket->close_code) {
        socket->close_code = code;
        socket->close_reason = g_strdup(reason);
    }
    ring(socket);
    g_mutex_unlock(&socket->sockets->lock);
}

/* The transport's thread: the socket is ours now. */
void
orf_socket_upgraded(void *data, struct MHD_Connection *connection, void *request_data,
                    const char *extra, size_t extra_size, int fd,
                    struct MHD_UpgradeResponseHandle *handle)
{
    (void)connection, (void)request_data;
    OrfSocket *socket = data;
    OrfSockets *sockets = socket->sockets;
    g_mutex_lock(&sockets->lock);
    bool late = sockets->stopped;
    if (!late) {
        orf_request_ref(socket->request)->handed_over = true;
        socket->request->socket = NULL; /* its reference is the thread's now */
        socket->fd = fd;
        socket->handle = handle;
        socket->extra = g_bytes_new(extra, extra_size);
        ring(socket);
        orf_socket_unref(socket);
    }
    g_mutex_unlock(&sockets->lock);
    if (late)
        MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

/* --- On the thread ------------------------------------------------------------------------ */

static bool
is_paused(const OrfSocket *socket)
{
    return orf_ws_output(socket->ws)->len > PAUSE;
}

static void
listen_for_more(OrfSocket *socket)
{
    uint32_t in = is_paused(socket) ? 0 : EPOLLIN | EPOLLRDHUP;
    uint32_t awaited = in | (orf_ws_output(socket->ws)->len ? EPOLLOUT : 0);
    if (awaited == socket->awaited)
        return;
    struct epoll_event event = { .events = awaited, .data.ptr = socket };
    int how = socket->awaited ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    epoll_ctl(socket->sockets->epoll, how, socket->fd, &event);
    socket->awaited = awaited;
}

static void
open_socket(OrfSocket *socket)
{
    socket->listed = true;
    socket->heard_us = socket->pinged_us = g_get_monotonic_time();
    fcntl(socket->fd, F_SETFL, fcntl(socket->fd, F_GETFL) | O_NONBLOCK);
    g_hash_table_add(socket->sockets->open, orf_socket_ref(socket));
    atomic_fetch_add(&socket->http->counters.sockets, 1);
    listen_for_more(socket);
    if (socket->app.opened)
        socket->app.opened(socket, socket->app.data);
    size_t size;
    const void *bytes = g_bytes_get_data(socket->extra, &size);
    if (size)
        orf_ws_feed(socket->ws, bytes, size);
    g_clear_pointer(&socket->extra, g_bytes_unref);
}

/* The last of a socket; the caller still holds a reference. */
static void
end_socket(OrfSocket *socket)
{
    OrfRequest *request = g_steal_pointer(&socket->request);
    socket->listed = false;
    epoll_ctl(socket->sockets->epoll, EPOLL_CTL_DEL, socket->fd, NULL);
    g_mutex_lock(&socket->sockets->lock);
    socket->dead = true;
    set_waiting(socket, 0);
    g_queue_clear_full(&socket->outbox, outgoing_free);
    g_mutex_unlock(&socket->sockets->lock);
    atomic_fetch_sub(&socket->http->counters.sockets, 1);
    socket->app.closed(socket, socket->app.data); /* before a drain may see it gone */
    MHD_upgrade_action(socket->handle, MHD_UPGRADE_ACTION_CLOSE);
    request->http->app.gone(request, false, request->http->app.data);
    orf_request_unref(request);
    g_hash_table_remove(socket->sockets->open, socket);
}

/* False: the socket is to be cut. */
static bool
empty_outbox(OrfSocket *socket)
{
    g_mutex_lock(&socket->sockets->lock);
    GQueue outbox = socket->outbox;
    g_queue_init(&socket->outbox);
    unsigned code = socket->close_code;
    bool cut = socket->cut;
    g_autofree char *reason = g_steal_pointer(&socket->close_reason);
    g_mutex_unlock(&socket->sockets->lock);
    for (Outgoing *next; (next = g_queue_pop_head(&outbox)); outgoing_free(next)) {
        size_t size;
        const void *bytes = g_bytes_get_data(next->bytes, &size);
        atomic_fetch_add(&socket->http->counters.bytes_out, size);
        (next->binary ? orf_ws_send_binary : orf_ws_send)(socket->ws, bytes, size);
    }
    if (code && !orf_ws_closing(socket->ws))
        orf_ws_close(socket->ws, code, reason ? reason : "");
    return !cut;
}

/* False: the client is not there any more. */
static bool
send_some(OrfSocket *socket)
{
    const GByteArray *out = orf_ws_output(socket->ws);
    bool paused = is_paused(socket);
    ssize_t n = 0;
    if (out->len)
        n = send(socket->fd, out->data, out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return false;
    if (n > 0)
        orf_ws_sent(socket->ws, (size_t)n);
    if (n > 0 && paused)
        socket->heard_us = g_get_monotonic_time(); /* a slow reader, whose pongs wait */
    size_t waiting = orf_ws_output(socket->ws)->len;
    g_mutex_lock(&socket->sockets->lock);
    for (GList *next = socket->outbox.head; next; next = next->next)
        waiting += g_bytes_get_size(((Outgoing *)next->data)->bytes);
    set_waiting(socket, waiting);
    g_mutex_unlock(&socket->sockets->lock);
    listen_for_more(socket);
    return true;
}

static bool
receive_some(OrfSocket *socket)
{
    char buffer[READ_SIZE];
    ssize_t n = recv(socket->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        return false;
    if (n > 0) {
        socket->heard_us = g_get_monotonic_time();
        orf_ws_feed(socket->ws, buffer, (size_t)n);
    }
    return true;
}

static void
serve(OrfSocket *socket, bool readable)
{
    if (!socket->request)
        return; /* ended earlier in this round */
    if (!socket->listed)
        open_socket(socket);
    bool there = !readable || receive_some(socket);
    there = empty_outbox(socket) && there;
    if (orf_ws_closing(socket->ws) && !socket->closing_us)
        socket->closing_us = g_get_monotonic_time();
    if (!there || !send_some(socket) || orf_ws_over(socket->ws))
        end_socket(socket);
}

static void
answer_bell(OrfSockets *sockets)
{
    eventfd_t count;
    eventfd_read(sockets->bell, &count);
    g_mutex_lock(&sockets->lock);
    g_autoptr(GPtrArray) rung = sockets->rung;
    sockets->rung = g_ptr_array_new_with_free_func((GDestroyNotify)orf_socket_unref);
    for (size_t i = 0; i < rung->len; i++)
        ((OrfSocket *)rung->pdata[i])->ringing = false;
    g_mutex_unlock(&sockets->lock);
    for (size_t i = 0; i < rung->len; i++)
        if (((OrfSocket *)rung->pdata[i])->fd >= 0)
            serve(rung->pdata[i], false);
}

static void
tick(OrfSocket *socket, int64_t now, bool draining)
{
    if (draining)
        orf_socket_close(socket, 1001, "the server is stopping");
    if (now - socket->pinged_us > PING_US) {
        socket->pinged_us = now;
        orf_ws_ping(socket->ws);
        serve(socket, false);
    }
    bool silent = now - socket->heard_us > SILENCE_US;
    bool stuck = socket->closing_us && now - socket->closing_us > CLOSE_US;
    if (socket->request && (silent || stuck))
        end_socket(socket);
}

static GPtrArray *
all_open(OrfSockets *sockets)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)orf_socket_unref);
    GHashTableIter open;
    void *socket;
    g_hash_table_iter_init(&open, sockets->open);
    while (g_hash_table_iter_next(&open, &socket, NULL))
        g_ptr_array_add(all, orf_socket_ref(socket));
    return all;
}

static void
tick_all(OrfSockets *sockets, bool draining)
{
    int64_t now = g_get_monotonic_time();
    g_autoptr(GPtrArray) all = all_open(sockets);
    for (size_t i = 0; i < all->len; i++)
        tick(all->pdata[i], now, draining);
}

static void
serve_events(OrfSockets *sockets, const struct epoll_event *events, int n)
{
    /* An event's socket may end before its turn: hold them all first. */
    for (int i = 0; i < n; i++)
        if (events[i].data.ptr)
            orf_socket_ref(events[i].data.ptr);
    for (int i = 0; i < n; i++)
        if (events[i].data.ptr)
            serve(events[i].data.ptr, events[i].events & ~(uint32_t)EPOLLOUT); /* or it broke */
        else
            answer_bell(sockets);
    for (int i = 0; i < n; i++)
        orf_socket_unref(events[i].data.ptr);
}

static void *
run(void *data)
{
    OrfSockets *sockets = data;
    int64_t next_tick = 0;
    bool told = false;
    while (!atomic_load(&sockets->http->stopping)) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(sockets->epoll, events, EVENTS,
                           g_hash_table_size(sockets->open) ? TICK_MS : -1);
        serve_events(sockets, events, n);
        g_mutex_lock(&sockets->lock);
        bool draining = sockets->draining;
        g_mutex_unlock(&sockets->lock);
        if ((draining && !told) || g_get_monotonic_time() >= next_tick) {
            tick_all(sockets, draining);
            next_tick = g_get_monotonic_time() + TICK_MS * 1000;
            told = draining;
        }
    }
    g_autoptr(GPtrArray) all = all_open(sockets);
    for (size_t i = 0; i < all->len; i++)
        end_socket(all->pdata[i]);
    return NULL;
}

/* --- Life --------------------------------------------------------------------------------- */

OrfSockets *
orf_sockets_start(OrfHttp *http, GError **error)
{
    OrfSockets *sockets = g_new0(OrfSockets, 1);
    sockets->http = http;
    sockets->open = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)orf_socket_unref, NULL);
    sockets->rung = g_ptr_array_new_with_free_func((GDestroyNotify)orf_socket_unref);
    g_mutex_init(&sockets->lock);
    sockets->epoll = epoll_create1(EPOLL_CLOEXEC);
    sockets->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN };
    if (sockets->epoll < 0 || sockets->bell < 0 ||
        epoll_ctl(sockets->epoll, EPOLL_CTL_ADD, sockets->bell, &event) != 0)
        (void)ORF_FALSE(error, UNAVAILABLE, "http: epoll: %s", g_strerror(errno));
    else
        sockets->thread = g_thread_try_new("http-sockets", run, sockets, error);
    if (!sockets->thread)
        g_clear_pointer(&sockets, orf_sockets_free);
    return sockets;
}

static void
wake(OrfSockets *sockets, bool *flag)
{
    g_mutex_lock(&sockets->lock);
    *flag = true;
    eventfd_write(sockets->bell, 1);
    g_mutex_unlock(&sockets->lock);
}

void
orf_sockets_drain(OrfSockets *sockets)
{
    wake(sockets, &sockets->draining);
}

void
orf_sockets_stop(OrfSockets *sockets)
{
    bool told;
    wake(sockets, &told);
    g_thread_join(g_steal_pointer(&sockets->thread));
    g_mutex_lock(&sockets->lock);
    sockets->stopped = true;
    g_autoptr(GPtrArray) rung = sockets->rung;
    sockets->rung = g_ptr_array_new_with_free_func((GDestroyNotify)orf_socket_unref);
    g_mutex_unlock(&sockets->lock);
    for (size_t i = 0; i < rung->len; i++) {
        OrfSocket *socket = rung->pdata[i]; /* handed over, never opened */
        if (!socket->request || socket->fd < 0)
            continue;
        MHD_upgrade_action(socket->handle, MHD_UPGRADE_ACTION_CLOSE);
        OrfRequest *request = g_steal_pointer(&socket->request);
        request->http->app.gone(request, true, request->http->app.data);
        orf_request_unref(request);
    }
}

void
orf_sockets_free(OrfSockets *sockets)
{
    if (!sockets)
        return;
    g_hash_table_unref(sockets->open);
    g_ptr_array_unref(sockets->rung);
    if (sockets->epoll >= 0)
        close(sockets->epoll);
    if (sockets->bell >= 0)
        close(sockets->bell);
    g_mutex_clear(&sockets->lock);
    g_free(sockets);
}
