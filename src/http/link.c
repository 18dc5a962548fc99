/* link.c - one TCP connection: who is there, since when, and whether they are still there.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Links are found by id, never by pointer: an event may arrive after its connection has closed.
 * The socket of a link in the table is open, because the transport tells of a closing before it
 * closes. */
#include "http/http-priv.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS 250
#define EVENTS 64

OrfLink *
orf_link_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void
write_peer(char *peer, const struct sockaddr *address)
{
    const void *bytes = address->sa_family == AF_INET6
                            ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
                            : (const void *)&((const struct sockaddr_in *)address)->sin_addr;
    if (!inet_ntop(address->sa_family, bytes, peer, INET6_ADDRSTRLEN))
        peer[0] = '\0';
}

static OrfLink *
link_new(OrfHttp *http, struct MHD_Connection *connection)
{
    OrfLink *link = g_new0(OrfLink, 1);
    link->http = http;
    link->fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    write_peer(
        link->peer,
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    g_mutex_init(&link->lock);
    orf_link_deadline(link, http->options.header_timeout_s * G_USEC_PER_SEC);
    g_mutex_lock(&http->lock);
    link->id = ++http->last_id;
    g_hash_table_insert(http->links, &link->id, link);
    g_mutex_unlock(&http->lock);
    orf_link_watch(link);
    return link;
}

static void
link_free(OrfLink *link)
{
    OrfHttp *http = link->http;
    g_mutex_lock(&http->lock);
    g_hash_table_remove(http->links, &link->id);
    if (!g_hash_table_size(http->links))
        g_cond_broadcast(&http->empty);
    g_mutex_unlock(&http->lock);
    if (link->watched)
        epoll_ctl(http->watch_epoll, EPOLL_CTL_DEL, link->fd, NULL);
    g_mutex_clear(&link->lock);
    g_free(link);
}

void
orf_link_notify(void *http, struct MHD_Connection *connection, void **link_at,
                enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        *link_at = link_new(http, connection);
    else
        link_free(*link_at);
}

void
orf_link_set_request(OrfLink *link, OrfRequest *request)
{
    g_mutex_lock(&link->lock);
    link->request = request;
    g_mutex_unlock(&link->lock);
}

void
orf_link_deadline(OrfLink *link, int64_t after_us)
{
    atomic_store(&link->deadline_us, after_us ? g_get_monotonic_time() + after_us : 0);
}

void
orf_link_watch(OrfLink *link)
{
    struct epoll_event event = { .events = EPOLLRDHUP | EPOLLONESHOT, .data.u64 = link->id };
    int how = link->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(link->http->watch_epoll, how, link->fd, &event) == 0)
        link->watched = true;
    else
        orf_log_warning("http: cannot watch a connection: %s", g_strerror(errno));
}

/* Caller holds http->lock; a reference or NULL. */
static OrfRequest *
request_of(OrfLink *link)
{
    g_mutex_lock(&link->lock);
    OrfRequest *request = link->request ? orf_request_ref(link->request) : NULL;
    g_mutex_unlock(&link->lock);
    return request;
}

/* The client sends no more. The transport may miss it: its epoll tells of changes only, and an
 * end that came with the last bytes is no change after them. Closing our ear loses nothing that
 * has arrived, and is a change; it is repeated with every tick, for it may come between a read
 * and its end. */
static void
client_left(OrfHttp *http, uint64_t id)
{
    g_mutex_lock(&http->lock);
    OrfLink *link = g_hash_table_lookup(http->links, &id);
    OrfRequest *request = link ? request_of(link) : NULL;
    if (link) {
        link->ended = true;
        shutdown(link->fd, SHUT_RD);
    }
    g_mutex_unlock(&http->lock);
    if (!request)
        return;
    orf_request_lose(request, false);
    orf_request_unref(request);
}

/* The transport sees the end of the connection and closes it. */
static void
cut_expired(OrfHttp *http)
{
    int64_t now = g_get_monotonic_time();
    GHashTableIter links;
    void *value;
    g_mutex_lock(&http->lock);
    g_hash_table_iter_init(&links, http->links);
    while (g_hash_table_iter_next(&links, NULL, &value)) {
        OrfLink *link = value;
        int64_t deadline = atomic_load(&link->deadline_us);
        if (deadline && deadline <= now) {
            atomic_store(&link->deadline_us, 0);
            shutdown(link->fd, SHUT_RDWR);
        } else if (link->ended) {
            shutdown(link->fd, SHUT_RD);
        }
    }
    g_mutex_unlock(&http->lock);
}

static void *
watch(void *data)
{
    OrfHttp *http = data;
    int64_t next_tick = 0;
    while (!atomic_load(&http->stopping)) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(http->watch_epoll, events, EVENTS, TICK_MS); /* the bell has id 0 */
        for (int i = 0; i < n; i++)
            client_left(http, events[i].data.u64);
        int64_t now = g_get_monotonic_time();
        if (now >= next_tick) {
            cut_expired(http);
            next_tick = now + TICK_MS * 1000;
        }
    }
    return NULL;
}

bool
orf_links_start(OrfHttp *http, GError **error)
{
    http->watch_epoll = epoll_create1(EPOLL_CLOEXEC);
    http->watch_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event bell = { .events = EPOLLIN };
    if (http->watch_epoll < 0 || http->watch_bell < 0 ||
        epoll_ctl(http->watch_epoll, EPOLL_CTL_ADD, http->watch_bell, &bell) != 0)
        return ORF_FALSE(error, UNAVAILABLE, "http: epoll: %s", g_strerror(errno));
    http->watch_thread = g_thread_try_new("http-watch", watch, http, error);
    return http->watch_thread != NULL;
}

void
orf_links_stop(OrfHttp *http)
{
    if (!http->watch_thread)
        return;
    eventfd_write(http->watch_bell, 1);
    g_thread_join(g_steal_pointer(&http->watch_thread));
}

void
orf_links_close(OrfHttp *http, bool all)
{
    g_autoptr(GPtrArray) waiting =
        g_ptr_array_new_with_free_func((GDestroyNotify)orf_request_unref);
    GHashTableIter links;
    void *value;
    g_mutex_lock(&http->lock);
    g_hash_table_iter_init(&links, http->links);
    while (g_hash_table_iter_next(&links, NULL, &value)) {
        OrfRequest *request = request_of(value);
        if (all || !request)
            shutdown(((OrfLink *)value)->fd, SHUT_RDWR);
        if (request)
            g_ptr_array_add(waiting, request);
    }
    g_mutex_unlock(&http->lock);
    for (size_t i = 0; all && i < waiting->len; i++)
        orf_request_lose(waiting->pdata[i], true);
}
