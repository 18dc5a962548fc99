/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS                                                                                \
    60000 /* a deadline, not a pace: the engine under ThreadSanitizer needs 15 s for a stage   \
           */

/* --- Client ------------------------------------------------------------------------------- */

int
client_connect(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1;
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), ==, 0);
    return fd;
}

/* A server may close while we write: the reply tells. */
void
client_send_bytes(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size) {
        ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
        if (n < 0)
            return;
        at += n;
        size -= (size_t)n;
    }
}

void
client_send(int fd, const char *text)
{
    client_send_bytes(fd, text, strlen(text));
}

static ssize_t
read_some(int fd, char *buffer, size_t room)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    if (poll(&ready, 1, WAIT_MS) != 1)
        g_error("nothing came for %d ms", WAIT_MS);
    return recv(fd, buffer, room, 0);
}

char *
client_read_all(int fd, size_t *ret_size)
{
    GString *text = g_string_new(NULL);
    char buffer[65536];
    for (ssize_t n; (n = read_some(fd, buffer, sizeof buffer)) > 0;)
        g_string_append_len(text, buffer, n);
    if (ret_size)
        *ret_size = text->len;
    return g_string_free(text, FALSE);
}

char *
client_read_until(int fd, const char *what)
{
    GString *text = g_string_new(NULL);
    while (!strstr(text->str, what)) {
        char byte;
        if (read_some(fd, &byte, 1) != 1)
            g_error("closed before \"%s\" came, after: %s", what, text->str);
        g_string_append_c(text, byte);
    }
    return g_string_free(text, FALSE);
}

void
client_read_exactly(int fd, void *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = read_some(fd, (char *)bytes + at, size - at);
        g_assert_cmpint(n, >, 0);
        at += (size_t)n;
    }
}

bool
client_is_closed(int fd)
{
    char byte;
    return read_some(fd, &byte, 1) <= 0;
}

void
client_reset(int fd)
{
    struct linger hard = { .l_onoff = 1 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
}

char *
client_talk(uint16_t port, const char *request)
{
    int fd = client_connect(port);
    client_send(fd, request);
    char *reply = client_read_all(fd, NULL);
    close(fd);
    return reply;
}

char *
client_statuses(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *at = text; (at = strstr(at, "HTTP/1.1 ")); at += 9)
        g_string_append_printf(out, "%s%.3s", out->len ? " " : "", at + 9);
    return g_string_free(out, FALSE);
}

/* --- Application -------------------------------------------------------------------------- */

static void
change(Stage *stage)
{
    g_cond_broadcast(&stage->changed);
    g_mutex_unlock(&stage->lock);
}

void
stage_reply(OrfRequest *request, int status, const char *text)
{
    g_autoptr(GBytes) body = g_bytes_new(text, strlen(text));
    const char *const headers[] = { "Content-Type", "text/plain", NULL };
    orf_request_reply(request, &(OrfReply){ status, headers, body });
}

static bool
sink(OrfRequest *request, const void *data, size_t size, void *sink_data)
{
    (void)data;
    Stage *stage = sink_data;
    g_mutex_lock(&stage->lock);
    stage->sunk += size;
    bool more = stage->sunk <= 100000;
    change(stage);
    if (!more)
        stage_reply(request, 422, "enough");
    return more;
}

static void
begin(OrfRequest *request, void *data)
{
    Stage *stage = data;
    const char *path = orf_request_path(request);
    g_mutex_lock(&stage->lock);
    stage->n_begun++;
    g_ptr_array_add(stage->reached, g_strdup(path));
    change(stage);
    if (strcmp(path, "/refuse") == 0)
        stage_reply(request, 403, "not you");
    if (strcmp(path, "/sink") == 0)
        orf_request_set_sink(request, sink, stage);
    if (strcmp(path, "/digest") == 0)
        orf_request_digest_body(request);
}

static void
send_file(OrfRequest *request, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    g_assert_cmpint(fstat(fd, &info), ==, 0);
    orf_request_reply(request, &(OrfReply){ .status = 206,
                                            .fd = fd,
                                            .offset = 10,
                                            .length = (uint64_t)info.st_size - 10 });
}

static void
opened(OrfSocket *socket, void *data)
{
    Stage *stage = data;
    g_mutex_lock(&stage->lock);
    stage->socket = socket;
    change(stage);
}

static void
message(OrfSocket *socket, const char *text, size_t size, void *data)
{
    Stage *stage = data;
    g_mutex_lock(&stage->lock);
    g_string_append_len(stage->messages, text, (gssize)size);
    change(stage);
    orf_socket_send(socket, text, size);
}

static void
binary(OrfSocket *socket, const void *bytes, size_t size, void *data)
{
    (void)data;
    orf_socket_send_binary(socket, bytes, size);
}

static void
closed(OrfSocket *socket, void *data)
{
    Stage *stage = data;
    g_mutex_lock(&stage->lock);
    g_assert_true(stage->socket == socket);
    stage->socket = NULL;
    stage->n_closed++;
    change(stage);
}

static void
echo(OrfRequest *request)
{
    g_autoptr(GBytes) nothing = g_bytes_new(NULL, 0);
    GBytes *body = orf_request_body(request);
    orf_request_reply(request, &(OrfReply){ .status = 200, .body = body ? body : nothing });
}

static void
keep(Stage *stage, OrfRequest *request, OrfStream *stream)
{
    g_mutex_lock(&stage->lock);
    stage->waiting = request;
    stage->stream = stream;
    change(stage);
}

static void
complete(OrfRequest *request, void *data)
{
    static const char *const headers[] = { "Content-Type", "text/event-stream", NULL };
    Stage *stage = data;
    const char *path = orf_request_path(request);
    const OrfSocketApp sockets = {
        .opened = opened,
        .message = message,
        .binary = strcmp(path, "/ws-binary") == 0 ? binary : NULL,
        .closed = closed,
        .data = stage,
    };
    if (strcmp(path, "/hello") == 0)
        stage_reply(request, 200, "hello");
    else if (strcmp(path, "/echo") == 0)
        echo(request);
    else if (strcmp(path, "/later") == 0)
        keep(stage, orf_request_ref(request), NULL);
    else if (strcmp(path, "/stream") == 0)
        keep(stage, NULL, orf_request_stream(request, 200, headers, 1u << 20));
    else if (strcmp(path, "/file") == 0)
        send_file(request, stage->file);
    else if (strcmp(path, "/digest") == 0)
        stage_reply(request, 200, orf_request_body_digest(request));
    else if (g_str_has_prefix(path, "/ws"))
        orf_request_upgrade(request, &sockets, NULL);
    else if (strcmp(path, "/sink") == 0)
        stage_reply(request, 200, "all");
    else
        stage_reply(request, 404, "nothing here");
}

static void
gone(OrfRequest *request, bool early, void *data)
{
    (void)request;
    Stage *stage = data;
    g_mutex_lock(&stage->lock);
    stage->n_gone++;
    stage->n_early += early;
    change(stage);
}

Stage *
stage_start(const OrfHttpOptions *options)
{
    Stage *stage = g_new0(Stage, 1);
    g_autoptr(GError) error = NULL;
    stage->reached = g_ptr_array_new_with_free_func(g_free);
    stage->messages = g_string_new(NULL);
    stage->http =
        orf_http_start(options, &(OrfHttpApp){ begin, complete, gone, stage }, &error);
    g_assert_no_error(error);
    return stage;
}

void
stage_stop(Stage *stage)
{
    g_clear_pointer(&stage->http, orf_http_free);
    g_assert_cmpuint(stage->n_begun, ==, stage->n_gone);
    if (stage->stream)
        orf_stream_end(stage->stream);
    orf_request_unref(stage->waiting);
    g_ptr_array_unref(stage->reached);
    g_string_free(stage->messages, TRUE);
    g_free(stage);
}

uint16_t
stage_port(const Stage *stage)
{
    return orf_http_port(stage->http);
}

/* Waits under the lock until `condition` holds. */
#define WAIT_FOR(stage, condition)                                                             \
    do {                                                                                       \
        int64_t end = g_get_monotonic_time() + WAIT_MS * 1000;                                 \
        while (!(condition))                                                                   \
            if (!g_cond_wait_until(&(stage)->changed, &(stage)->lock, end))                    \
                g_error("waited for " #condition " in vain");                                  \
    } while (0)

OrfRequest *
stage_wait_request(Stage *stage)
{
    g_mutex_lock(&stage->lock);
    WAIT_FOR(stage, stage->waiting);
    OrfRequest *request = stage->waiting;
    g_mutex_unlock(&stage->lock);
    return request;
}

OrfStream *
stage_wait_stream(Stage *stage)
{
    g_mutex_lock(&stage->lock);
    WAIT_FOR(stage, stage->stream);
    OrfStream *stream = g_steal_pointer(&stage->stream);
    g_mutex_unlock(&stage->lock);
    return stream;
}

void
stage_wait_gone(Stage *stage, unsigned n)
{
    g_mutex_lock(&stage->lock);
    WAIT_FOR(stage, stage->n_gone >= n);
    g_mutex_unlock(&stage->lock);
}

OrfSocket *
stage_wait_socket(Stage *stage)
{
    g_mutex_lock(&stage->lock);
    WAIT_FOR(stage, stage->socket);
    OrfSocket *socket = stage->socket;
    g_mutex_unlock(&stage->lock);
    return socket;
}

void
stage_wait_closed(Stage *stage, unsigned n)
{
    g_mutex_lock(&stage->lock);
    WAIT_FOR(stage, stage->n_closed >= n);
    g_mutex_unlock(&stage->lock);
}

char *
stage_wait_messages(Stage *stage, size_t size)
{
    g_mutex_lock(&stage->lock);
    WAIT_FOR(stage, stage->messages->len >= size);
    char *text = g_strdup(stage->messages->str);
    g_string_set_size(stage->messages, 0);
    g_mutex_unlock(&stage->lock);
    return text;
}

char *
stage_reached(Stage *stage)
{
    g_mutex_lock(&stage->lock);
    g_ptr_array_add(stage->reached, NULL);
    char *text = g_strjoinv(" ", (char **)stage->reached->pdata);
    g_ptr_array_set_size(stage->reached, 0);
    g_mutex_unlock(&stage->lock);
    return text;
}
