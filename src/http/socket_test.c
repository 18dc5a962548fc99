/* socket_test.c - WebSockets with frames written by hand.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "http/client_fixture.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY "dGhlIHNhbXBsZSBub25jZQ==" /* of RFC 6455, section 1.3 */
#define WAY                                                                                    \
    " HTTP/1.1\r\nHost: a:1\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
#define OPEN "GET /ws" WAY
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define ASK OPEN VERSION "Sec-WebSocket-Key: " KEY "\r\n"

enum { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, FIN = 0x80 };

typedef struct {
    unsigned first; /* FIN and opcode */
    size_t size;
    char *bytes;
} Frame;

static void
frame_clear(Frame *frame)
{
    g_free(frame->bytes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Frame, frame_clear)

static void
append_length(GByteArray *out, size_t size, guint8 mask)
{
    guint8 head[9] = { mask };
    size_t n = size < 126 ? 0 : size < 65536 ? 2 : 8;
    head[0] |= (guint8)(n == 0 ? size : n == 2 ? 126 : 127);
    for (size_t i = 0; i < n; i++)
        head[1 + i] = (guint8)(size >> 8 * (n - 1 - i));
    g_byte_array_append(out, head, (guint)(1 + n));
}

static void
send_frame(int fd, unsigned first, const void *bytes, size_t size)
{
    static const guint8 mask[4] = { 1, 2, 3, 4 };
    g_autoptr(GByteArray) out = g_byte_array_new();
    guint8 byte = (guint8)first;
    g_byte_array_append(out, &byte, 1);
    append_length(out, size, 0x80);
    g_byte_array_append(out, mask, 4);
    for (size_t i = 0; i < size; i++) {
        byte = ((const guint8 *)bytes)[i] ^ mask[i % 4];
        g_byte_array_append(out, &byte, 1);
    }
    client_send_bytes(fd, out->data, out->len);
}

static void
send_text(int fd, const char *text)
{
    send_frame(fd, FIN | TEXT, text, strlen(text));
}

static Frame
read_frame(int fd)
{
    guint8 head[2], length[8];
    client_read_exactly(fd, head, 2);
    g_assert_cmpuint(head[1] & 0x80, ==, 0); /* servers do not mask */
    Frame frame = { .first = head[0], .size = head[1] };
    size_t n = frame.size == 127 ? 8 : frame.size == 126 ? 2 : 0;
    client_read_exactly(fd, length, n);
    for (size_t i = 0; i < n; i++)
        frame.size = i ? frame.size << 8 | length[i] : length[i];
    frame.bytes = g_malloc0(frame.size + 1);
    client_read_exactly(fd, frame.bytes, frame.size);
    return frame;
}

static void
expect_frame(int fd, unsigned first, const char *text)
{
    g_auto(Frame) frame = read_frame(fd);
    g_assert_cmpuint(frame.first, ==, first);
    g_assert_cmpstr(frame.bytes, ==, text);
}

static void
expect_close(int fd, unsigned code)
{
    g_auto(Frame) frame = read_frame(fd);
    g_assert_cmpuint(frame.first, ==, FIN | CLOSE);
    if (!code) {
        g_assert_cmpuint(frame.size, ==, 0);
        return;
    }
    g_assert_cmpuint(frame.size, >=, 2);
    g_assert_cmpuint((guint8)frame.bytes[0] << 8 | (guint8)frame.bytes[1], ==, code);
}

static void
open_socket(int fd)
{
    client_send(fd, ASK "\r\n");
    g_autofree char *reply = client_read_until(fd, "\r\n\r\n");
    g_assert_true(g_str_has_prefix(reply, "HTTP/1.1 101 "));
    g_assert_nonnull(strstr(reply, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

/* --- Handshake ---------------------------------------------------------------------------- */

static void
handshakes(Stage *stage, int fd)
{
    static const char *const cases[][2] = {
        { "GET /ws HTTP/1.1\r\nHost: a\r\n" VERSION "\r\n", "426" },
        { OPEN "Sec-WebSocket-Key: " KEY "\r\n\r\n", "426" },
        { OPEN "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: " KEY "\r\n\r\n", "426" },
        { OPEN VERSION "\r\n", "400" },
        { OPEN VERSION "Sec-WebSocket-Key: short\r\n\r\n", "400" },
        { ASK "Origin: http://evil.example\r\n\r\n", "403" },
        { ASK "Origin: null\r\n\r\n", "403" },
        { ASK "Origin: http://a:1\r\n\r\n", "101" },
    };
    (void)fd;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        int other = client_connect(stage_port(stage));
        client_send(other, cases[i][0]);
        g_autofree char *reply = client_read_until(other, "\r\n\r\n");
        g_autofree char *status = client_statuses(reply);
        g_assert_cmpstr(status, ==, cases[i][1]);
        close(other);
    }
}

/* A frame may come in one piece with the handshake. */
static void
eager(Stage *stage, int fd)
{
    static const char both[] = ASK "\r\n\x81\x82\0\0\0\0hi";
    (void)stage;
    client_send_bytes(fd, both, sizeof both - 1);
    g_free(client_read_until(fd, "\r\n\r\n"));
    expect_frame(fd, FIN | TEXT, "hi");
}

/* --- Messages ----------------------------------------------------------------------------- */

static void
echoes(Stage *stage, int fd)
{
    (void)stage;
    static const size_t sizes[] = { 0, 1, 125, 126, 8191, 8192 };
    open_socket(fd);
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *text = g_strnfill(sizes[i], 'a');
        send_text(fd, text);
        expect_frame(fd, FIN | TEXT, text);
    }
}

static void
echoes_binary(Stage *stage, int fd)
{
    (void)stage;
    client_send(fd, "GET /ws-binary" WAY VERSION "Sec-WebSocket-Key: " KEY "\r\n\r\n");
    g_free(client_read_until(fd, "\r\n\r\n"));
    send_frame(fd, FIN | BINARY, "a\xff\0z", 4);
    g_auto(Frame) frame = read_frame(fd);
    g_assert_cmpuint(frame.first, ==, FIN | BINARY);
    g_assert_cmpmem(frame.bytes, (int)frame.size, "a\xff\0z", 4);
    send_text(fd, "words");
    expect_frame(fd, FIN | TEXT, "words");
}

static void
fragments(Stage *stage, int fd)
{
    (void)stage;
    open_socket(fd);
    send_frame(fd, TEXT, "a\xc3", 2); /* a letter cut in two */
    send_frame(fd, FIN | PING, "are you there", 13);
    send_frame(fd, CONTINUATION, "\xa4", 1);
    send_frame(fd, FIN | CONTINUATION, "z", 1);
    expect_frame(fd, FIN | PONG, "are you there");
    expect_frame(fd, FIN | TEXT, "aäz");
}

static void
pushes(Stage *stage, int fd)
{
    open_socket(fd);
    OrfSocket *socket = orf_socket_ref(stage_wait_socket(stage));
    g_assert_true(orf_socket_send(socket, "news", 4));
    expect_frame(fd, FIN | TEXT, "news");
    orf_socket_close(socket, 1008, "who are you");
    expect_close(fd, 1008);
    g_assert_false(orf_socket_send(socket, "more", 4));
    send_frame(fd, FIN | CLOSE, "\x03\xf0", 2);
    g_assert_true(client_is_closed(fd));
    stage_wait_gone(stage, 1);
    g_assert_false(orf_socket_send(socket, "more", 4));
    orf_socket_unref(socket);
    g_assert_cmpuint(stage->n_closed, ==, 1);
}

static void
bounds_backlog(Stage *stage, int fd)
{
    open_socket(fd);
    OrfSocket *socket = orf_socket_ref(stage_wait_socket(stage));
    g_autofree char *text = g_strnfill(100000, 'x');
    size_t sent = 0;
    while (orf_socket_send(socket, text, 100000)) {
        sent += 100000;
        g_assert_cmpuint(orf_socket_backlog(socket), <=, 4u << 20);
        g_assert_cmpuint(sent, <, 1u << 30);
    }
    stage_wait_closed(stage, 1);
    orf_socket_unref(socket);
}

#define FLOOD ((size_t)256 << 20) /* more than the kernel keeps for both ends */

static const char ping[131] = { '\x89', '\xfd' }; /* masked with zeros */

/* Sends pings until the server has not taken one for a second; how many. */
static size_t
ping_until_stuck(int fd)
{
    size_t sent = 0;
    struct pollfd room = { .fd = fd, .events = POLLOUT };
    while (sent < FLOOD && poll(&room, 1, 1000) == 1) {
        ssize_t n = send(fd, ping + sent % 131, 131 - sent % 131, MSG_DONTWAIT);
        sent += n > 0 ? (size_t)n : 0;
    }
    g_assert_cmpuint(sent, <, FLOOD);
    return sent;
}

/* Nothing of what is said is kept without bound, and all of it is answered when it reads. */
static void
bounds_pongs(Stage *stage, int fd)
{
    (void)stage;
    open_socket(fd);
    size_t sent = ping_until_stuck(fd);
    for (size_t i = 0; i < sent / 131; i++) {
        g_auto(Frame) frame = read_frame(fd);
        g_assert_cmpuint(frame.first, ==, FIN | PONG);
    }
    if (sent % 131) {
        client_send_bytes(fd, ping + sent % 131, 131 - sent % 131);
        g_auto(Frame) last = read_frame(fd);
        g_assert_cmpuint(last.first, ==, FIN | PONG);
    }
    send_text(fd, "hello");
    expect_frame(fd, FIN | TEXT, "hello");
}

/* --- Wrong frames ------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    unsigned first;
    const char *bytes;
    size_t size;
    unsigned code;
} Wrong;

static const Wrong wrongs[] = {
    { "text-that-is-not-utf8", FIN | TEXT, "a\xff", 2, 1007 },
    { "text-that-ends-inside-a-letter", FIN | TEXT, "a\xc3", 2, 1007 },
    { "a-binary-message", FIN | BINARY, "ab", 2, 1003 },
    { "a-reserved-bit", FIN | 0x40 | TEXT, "ab", 2, 1002 },
    { "an-unknown-opcode", FIN | 3, "ab", 2, 1002 },
    { "a-continuation-of-nothing", FIN | CONTINUATION, "ab", 2, 1002 },
    { "a-fragmented-ping", PING, "ab", 2, 0 }, /* wslay closes without a code */
    { "a-close-code-of-one-byte", FIN | CLOSE, "a", 1, 0 },
    { "a-close-code-that-is-reserved", FIN | CLOSE, "\x03\xed", 2, 1002 },
};

static void
run_wrong(const void *data)
{
    const Wrong *wrong = data;
    Stage *stage = stage_start(NULL);
    int fd = client_connect(stage_port(stage));
    open_socket(fd);
    send_frame(fd, wrong->first, wrong->bytes, wrong->size);
    expect_close(fd, wrong->code);
    shutdown(fd, SHUT_WR);
    g_assert_true(client_is_closed(fd));
    close(fd);
    stage_wait_closed(stage, 1);
    g_assert_cmpuint(stage->messages->len, ==, 0);
    stage_stop(stage);
}

static void
unmasked(Stage *stage, int fd)
{
    (void)stage;
    open_socket(fd);
    client_send_bytes(fd, "\x81\x02hi", 4);
    expect_close(fd, 1002);
}

static void
too_long(Stage *stage, int fd)
{
    (void)stage;
    open_socket(fd);
    client_send_bytes(fd, "\x81\xfe\x20\x01\1\2\3\4x", 9); /* of 8 KiB and 1 */
    expect_close(fd, 1009);
}

static void
too_long_in_pieces(Stage *stage, int fd)
{
    open_socket(fd);
    send_frame(fd, TEXT, "a", 1);
    for (size_t i = 0; i < 8192; i++)
        send_frame(fd, CONTINUATION, "a", 1);
    expect_close(fd, 1009);
    g_assert_cmpuint(stage->messages->len, ==, 0);
}

/* --- Leaving and stopping ----------------------------------------------------------------- */

static void
says_goodbye(Stage *stage, int fd)
{
    open_socket(fd);
    send_frame(fd, FIN | CLOSE, "\x03\xe8", 2);
    expect_close(fd, 1000);
    g_assert_true(client_is_closed(fd));
    stage_wait_gone(stage, 1);
    g_assert_cmpuint(stage->n_closed, ==, 1);
}

static void
vanishes(Stage *stage, int fd)
{
    open_socket(fd);
    stage_wait_socket(stage);
    shutdown(fd, SHUT_RDWR);
    stage_wait_closed(stage, 1);
    stage_wait_gone(stage, 1);
}

static void *
drain(void *stage)
{
    orf_http_drain(((Stage *)stage)->http, g_get_monotonic_time() + 8 * G_USEC_PER_SEC);
    return NULL;
}

static void
drains(Stage *stage, int fd)
{
    open_socket(fd);
    stage_wait_socket(stage);
    GThread *thread = g_thread_new("drain", drain, stage);
    expect_close(fd, 1001);
    send_frame(fd, FIN | CLOSE, "\x03\xe9", 2);
    g_assert_true(client_is_closed(fd));
    g_thread_join(thread);
    g_assert_cmpuint(stage->n_closed, ==, 1);
}

static void
stops(Stage *stage, int fd)
{
    open_socket(fd);
    OrfSocket *socket = orf_socket_ref(stage_wait_socket(stage));
    g_clear_pointer(&stage->http, orf_http_free);
    g_assert_false(orf_socket_send(socket, "x", 1));
    orf_socket_unref(socket);
    g_assert_cmpuint(stage->n_closed, ==, 1);
}

/* --- Table -------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    void (*run)(Stage *stage, int fd);
} Case;

static const Case cases[] = {
    { "answers-the-handshake-or-says-why-not", handshakes },
    { "reads-what-came-with-the-handshake", eager },
    { "echoes-every-length-form", echoes },
    { "brings-binary-messages-to-who-takes-them", echoes_binary },
    { "joins-fragments-around-a-ping", fragments },
    { "pushes-and-closes-from-another-thread", pushes },
    { "cuts-a-client-that-does-not-read", bounds_backlog },
    { "does-not-read-a-client-that-does-not-read", bounds_pongs },
    { "refuses-unmasked-frames", unmasked },
    { "refuses-messages-over-8-kib", too_long },
    { "refuses-long-messages-in-small-pieces", too_long_in_pieces },
    { "answers-a-close", says_goodbye },
    { "notices-a-client-that-vanishes", vanishes },
    { "drains-with-1001", drains },
    { "stops-with-sockets-open", stops },
};

static void
run(const void *data)
{
    const Case *c = data;
    Stage *stage = stage_start(NULL);
    int fd = client_connect(stage_port(stage));
    c->run(stage, fd);
    close(fd);
    stage_stop(stage);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/http/socket/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], run);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(wrongs); i++) {
        g_autofree char *path = g_strdup_printf("/http/socket/refuses/%s", wrongs[i].name);
        g_test_add_data_func(path, &wrongs[i], run_wrong);
    }
    return g_test_run();
}
