/* server.c - starting, draining and stopping.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* dup3 */
#include "http/http-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024
#define HEADER_ROOM                                                                            \
    (8u << 10) /* a connection's memory beyond the request's headers: the reply's */

typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} Address;

static OrfHttpOptions
with_defaults(const OrfHttpOptions *given)
{
    OrfHttpOptions o = given ? *given : (OrfHttpOptions){ 0 };
    o.address = o.address ? o.address : "127.0.0.1";
    o.threads = o.threads ? o.threads : g_get_num_processors();
    o.max_header = o.max_header ? o.max_header : 16u << 10;
    o.max_body = o.max_body ? o.max_body : 64u << 20;
    o.max_memory = o.max_memory ? o.max_memory : 256u << 20;
    o.max_connections = o.max_connections ? o.max_connections : 4096;
    o.max_per_address = o.max_per_address ? o.max_per_address : 1024;
    o.idle_timeout_s = o.idle_timeout_s ? o.idle_timeout_s : 60;
    o.header_timeout_s = o.header_timeout_s ? o.header_timeout_s : 10;
    o.body_timeout_s = o.body_timeout_s ? o.body_timeout_s : 600;
    return o;
}

/* --- Listening ---------------------------------------------------------------------------- */

static bool
parse_address(const OrfHttpOptions *options, Address *ret, GError **error)
{
    memset(ret, 0, sizeof *ret);
    if (inet_pton(AF_INET, options->address, &ret->v4.sin_addr) == 1) {
        ret->v4.sin_family = AF_INET;
        ret->v4.sin_port = htons(options->port);
    } else if (inet_pton(AF_INET6, options->address, &ret->v6.sin6_addr) == 1) {
        ret->v6.sin6_family = AF_INET6;
        ret->v6.sin6_port = htons(options->port);
    } else {
        return ORF_FALSE(error, BAD_INPUT,
                         "http: \"%s\" is no numeric address; write 127.0.0.1, 0.0.0.0 or ::1",
                         options->address);
    }
    return true;
}

static int
listen_at(Address *address, const OrfHttpOptions *options, GError **error)
{
    socklen_t size =
        address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, &address->any, size) == 0 && listen(fd, BACKLOG) == 0 &&
        getsockname(fd, &address->any, &size) == 0)
        return fd;
    int why = errno;
    if (fd >= 0)
        close(fd);
    (void)ORF_FALSE(error, UNAVAILABLE,
                    "http: cannot listen at %s port %u: %s; choose another port",
                    options->address, options->port, g_strerror(why));
    return -1;
}

static void G_GNUC_PRINTF(2, 0) log_transport(void *data, const char *format, va_list args)
{
    (void)data;
    g_autofree char *text = g_strdup_vprintf(format, args);
    orf_log_debug("http: %s", g_strchomp(text));
}

/* Escapes are decoded by us, from the raw target. */
static size_t
leave_escapes(void *data, struct MHD_Connection *connection, char *text)
{
    (void)data, (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *
start_transport(OrfHttp *http, int fd, bool v6)
{
    const OrfHttpOptions *o = &http->options;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG | (v6 ? MHD_USE_IPv6 : 0);
    return MHD_start_daemon(
        flags, 0, NULL, NULL, orf_exchange, http, MHD_OPTION_EXTERNAL_LOGGER, log_transport,
        NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_STRICT_FOR_CLIENT,
        0, /* 1 answers for want of Host, with two heads; the guard asks */
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->max_header + HEADER_ROOM,
        MHD_OPTION_CONNECTION_LIMIT, o->max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        o->max_per_address, MHD_OPTION_CONNECTION_TIMEOUT, o->idle_timeout_s,
        MHD_OPTION_NOTIFY_CONNECTION, orf_link_notify, http, MHD_OPTION_NOTIFY_COMPLETED,
        orf_exchange_over, http, MHD_OPTION_URI_LOG_CALLBACK, orf_exchange_uri, http,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL,
        o->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, o->threads,
        MHD_OPTION_END);
}

static bool
open_transport(OrfHttp *http, GError **error)
{
    Address address;
    if (!parse_address(&http->options, &address, error))
        return false;
    int fd = listen_at(&address, &http->options, error);
    if (fd < 0)
        return false;
    bool v6 = address.any.sa_family == AF_INET6;
    http->port = ntohs(v6 ? address.v6.sin6_port : address.v4.sin_port);
    http->listener = fd;
    http->daemon = start_transport(http, fd, v6);
    if (http->daemon)
        return true;
    close(fd);
    return ORF_FALSE(error, UNAVAILABLE, "http: the transport does not start: %s",
                     g_strerror(errno));
}

/* --- Life --------------------------------------------------------------------------------- */

OrfHttp *
orf_http_ref(OrfHttp *http)
{
    g_atomic_ref_count_inc(&http->refs);
    return http;
}

void
orf_http_unref(OrfHttp *http)
{
    if (!g_atomic_ref_count_dec(&http->refs))
        return;
    orf_sockets_free(http->sockets);
    if (http->watch_epoll >= 0)
        close(http->watch_epoll);
    if (http->watch_bell >= 0)
        close(http->watch_bell);
    g_hash_table_unref(http->links);
    g_mutex_clear(&http->lock);
    g_cond_clear(&http->empty);
    orf_task_unref(http->budget);
    g_free(http);
}

OrfHttp *
orf_http_start(const OrfHttpOptions *options, const OrfHttpApp *app, GError **error)
{
    g_autoptr(OrfHttp) http = g_new0(OrfHttp, 1);
    g_atomic_ref_count_init(&http->refs);
    http->options = with_defaults(options);
    http->app = *app;
    http->budget = orf_task_new(&(OrfTaskOptions){ .memory = http->options.max_memory });
    http->watch_epoll = http->watch_bell = -1;
    http->links = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_mutex_init(&http->lock);
    g_cond_init(&http->empty);
    http->sockets = orf_sockets_start(http, error);
    if (!http->sockets || !orf_links_start(http, error) || !open_transport(http, error))
        return NULL;
    http->options.address = NULL; /* the caller's */
    return g_steal_pointer(&http);
}

uint16_t
orf_http_port(const OrfHttp *http)
{
    return http->port;
}

/* The listening socket ends, and something that is never ready has its number from now on.
 * MHD_quiesce_daemon would be the way, but libmicrohttpd 0.9.75 ends the process when a thread
 * of its pool and the caller take the socket out of one epoll set at one time; here the kernel
 * does that. */
static void
stop_accepting(OrfHttp *http)
{
    if (atomic_exchange(&http->draining, true) || !http->daemon)
        return;
    int never = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (never < 0 || dup3(never, http->listener, O_CLOEXEC) < 0)
        g_warning("http: new connections are still taken: %s", g_strerror(errno));
    if (never >= 0)
        close(never);
}

void
orf_http_drain(OrfHttp *http, int64_t deadline_us)
{
    stop_accepting(http);
    orf_sockets_drain(http->sockets);
    orf_links_close(http, false);
    g_mutex_lock(&http->lock);
    bool in_time = true;
    while (in_time && g_hash_table_size(http->links))
        in_time = g_cond_wait_until(&http->empty, &http->lock, deadline_us);
    g_mutex_unlock(&http->lock);
    if (!in_time)
        orf_links_close(http, true);
}

void
orf_http_free(OrfHttp *http)
{
    if (!http)
        return;
    stop_accepting(http);
    atomic_store(&http->stopping, true);
    orf_links_stop(http);
    if (http->sockets)
        orf_sockets_stop(http->sockets);
    orf_links_close(http, true);
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    orf_http_unref(http);
}

void
orf_http_stats(const OrfHttp *http, OrfHttpStats *ret)
{
    const OrfCounters *c = &http->counters;
    GMutex *lock = (GMutex *)&http->lock;
    g_mutex_lock(lock);
    uint64_t connections = g_hash_table_size(http->links);
    g_mutex_unlock(lock);
    *ret = (OrfHttpStats){
        .requests = atomic_load(&c->requests),
        .refused_by_guard = atomic_load(&c->refused),
        .bytes_in = atomic_load(&c->bytes_in),
        .bytes_out = atomic_load(&c->bytes_out),
        .connections = connections,
        .streams = atomic_load(&c->streams),
        .sockets = atomic_load(&c->sockets),
    };
}
