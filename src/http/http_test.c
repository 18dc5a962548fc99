/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client_fixture.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLOSE "Host: a\r\nConnection: close\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" CLOSE "\r\n"
#define KEEP(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

typedef void (*TestFn)(Stage *stage, int fd);

static void
expect_reply(const char *reply, const char *statuses, const char *body)
{
    g_autofree char *found = client_statuses(reply);
    g_assert_cmpstr(found, ==, statuses);
    if (!g_str_has_suffix(reply, body))
        g_error("no \"%s\" at the end of: %s", body, reply);
}

static void
talk(Stage *stage, const char *request, const char *statuses, const char *body)
{
    g_autofree char *reply = client_talk(stage_port(stage), request);
    expect_reply(reply, statuses, body);
}

/* --- Requests and replies ----------------------------------------------------------------- */

static void
answers(Stage *stage, int fd)
{
    (void)fd;
    talk(stage, GET("/hello"), "200", "\r\n\r\nhello");
    talk(stage, GET("/nowhere"), "404", "nothing here");
    talk(stage, "HEAD /hello HTTP/1.1\r\n" CLOSE "\r\n", "200", "\r\n\r\n");
    talk(stage, "GET /hello HTTP/1.0\r\n\r\n", "200", "hello");
}

static void
see_query(const char *name, const char *value, void *data)
{
    g_string_append_printf(data, "%s=%s;", name, value);
}

static void
shows_request(Stage *stage, int fd)
{
    client_send(fd, "GET /later?a=1&b=%c3%a4+x&c HTTP/1.1\r\nhOsT: a\r\nX-Y:  z \r\n\r\n");
    OrfRequest *request = stage_wait_request(stage);
    g_autoptr(GString) query = g_string_new(NULL);
    orf_request_each_query(request, see_query, query);
    g_assert_cmpstr(orf_request_method(request), ==, "GET");
    g_assert_cmpstr(orf_request_path(request), ==, "/later");
    g_assert_cmpstr(query->str, ==, "a=1;b=ä x;c=;");
    g_assert_cmpstr(orf_request_query(request, "b"), ==, "ä x");
    g_assert_null(orf_request_query(request, "d"));
    g_assert_cmpstr(orf_request_header(request, "x-y"), ==, "z");
    g_assert_cmpstr(orf_request_peer(request), ==, "127.0.0.1");
    g_assert_cmpint(orf_request_length(request), ==, -1);
    stage_reply(request, 200, "seen");
    g_free(client_read_until(fd, "seen"));
    /* And after its connection has closed. */
    shutdown(fd, SHUT_RDWR);
    stage_wait_gone(stage, 1);
    g_assert_cmpstr(orf_request_header(request, "x-y"), ==, "z");
}

static void
replies_later(Stage *stage, int fd)
{
    client_send(fd, KEEP("/later"));
    stage_reply(stage_wait_request(stage), 200, "at last");
    g_autofree char *reply = client_read_until(fd, "at last");
    client_send(fd, GET("/hello")); /* the connection lives on */
    g_autofree char *more = client_read_all(fd, NULL);
    expect_reply(more, "200", "hello");
}

static void
sends_files(Stage *stage, int fd)
{
    g_autofree char *bytes = g_strnfill(300000, 'f');
    g_autoptr(GError) error = NULL;
    int file = g_file_open_tmp("orfeas-http-XXXXXX", &stage->file, &error);
    g_assert_no_error(error);
    close(file);
    g_file_set_contents(stage->file, bytes, 300000, &error);
    g_assert_no_error(error);
    client_send(fd, GET("/file"));
    size_t size;
    g_autofree char *reply = client_read_all(fd, &size);
    g_assert_nonnull(strstr(reply, "Content-Length: 299990"));
    g_assert_cmpuint(size - (size_t)(strstr(reply, "\r\n\r\n") + 4 - reply), ==, 299990);
    unlink(stage->file);
    g_clear_pointer(&stage->file, g_free);
}

static void
pipelines(Stage *stage, int fd)
{
    client_send(fd, KEEP("/later") KEEP("/hello") GET("/nowhere"));
    OrfRequest *first = stage_wait_request(stage);
    stage_reply(first, 201, "first");
    g_autofree char *reply = client_read_all(fd, NULL);
    expect_reply(reply, "201 200 404", "nothing here");
}

/* --- Bodies ------------------------------------------------------------------------------- */

static void
takes_bodies(Stage *stage, int fd)
{
    (void)fd;
    talk(stage, "POST /echo HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\n\r\n12345", "200",
         "12345");
    talk(stage, "POST /echo HTTP/1.1\r\n" CLOSE "Content-Length: 0\r\n\r\n", "200", "\r\n\r\n");
    talk(stage,
         "POST /echo HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n"
         "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n",
         "200", "abcde");
}

static void
continues(Stage *stage, int fd)
{
    client_send(fd, "POST /echo HTTP/1.1\r\n" CLOSE
                    "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    g_free(client_read_until(fd, "HTTP/1.1 100 Continue\r\n\r\n"));
    client_send(fd, "abc");
    g_autofree char *reply = client_read_all(fd, NULL);
    expect_reply(reply, "200", "abc");
    (void)stage;
}

static void
refuses_before_body(Stage *stage, int fd)
{
    client_send(fd, "POST /refuse HTTP/1.1\r\nHost: a\r\n"
                    "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n");
    g_autofree char *reply = client_read_all(fd, NULL);
    expect_reply(reply, "403", "not you");
    int other = client_connect(stage_port(stage));
    client_send(other, "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    g_autofree char *second = client_read_all(other, NULL); /* not a byte of the body sent */
    expect_reply(second, "403", "not you");
    close(other);
    stage_wait_gone(stage, 1);
    g_assert_cmpuint(stage->n_early, ==, 0);
}

/* A short body is read first, and the connection goes on. */
static void
refuses_and_goes_on(Stage *stage, int fd)
{
    (void)stage;
    client_send(
        fd, "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" GET("/hello"));
    g_autofree char *reply = client_read_all(fd, NULL);
    expect_reply(reply, "403 200", "hello");
}

static void
too_large(Stage *stage, int fd)
{
    (void)fd;
    talk(stage, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", "413",
         "}");
    talk(stage,
         "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
         "1048577\r\n\r\n",
         "413", "}");
    stage_wait_gone(stage, 2); /* it was asked first, and does not hear of a body */
    g_autofree char *reached = stage_reached(stage);
    g_assert_cmpstr(reached, ==, "/echo /echo");
    OrfHttpStats stats;
    orf_http_stats(stage->http, &stats);
    g_assert_cmpuint(stats.refused_by_guard, ==, 2);
}

static void
send_chunks(int fd, unsigned n)
{
    g_autofree char *filler = g_strnfill(0x4000, 'x');
    for (unsigned i = 0; i < n; i++) {
        client_send(fd, "4000\r\n");
        client_send(fd, filler);
        client_send(fd, "\r\n");
    }
}

static void
too_large_chunks(Stage *stage, int fd)
{
    client_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    send_chunks(fd, 65);
    g_autofree char *reply = client_read_all(fd, NULL);
    expect_reply(reply, "413", "}");
    stage_wait_gone(stage, 1);
    g_assert_cmpuint(stage->n_early, ==, 0); /* it has its answer */
}

static void
sinks(Stage *stage, int fd)
{
    (void)fd;
    talk(stage, "PUT /sink HTTP/1.1\r\n" CLOSE "Content-Length: 4\r\n\r\nabcd", "200", "all");
    g_assert_cmpuint(stage->sunk, ==, 4);
    int other = client_connect(stage_port(stage));
    client_send(other, "PUT /sink HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    send_chunks(other, 7);
    g_autofree char *reply = client_read_all(other, NULL);
    expect_reply(reply, "422", "enough");
    close(other);
}

static void
digests(Stage *stage, int fd)
{
    (void)fd;
    static const char *const bodies[] = {
        "Content-Length: 0\r\n\r\n",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "Content-Length: 3\r\n\r\nabc",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i += 2) {
        g_autofree char *request =
            g_strconcat("POST /digest HTTP/1.1\r\n" CLOSE, bodies[i], NULL);
        talk(stage, request, "200", bodies[i + 1]);
    }
}

static void
memory_is_bounded(Stage *stage, int fd)
{
    (void)fd;
    g_autofree char *body = g_strnfill(200000, 'x');
    g_autofree char *request = g_strdup_printf(
        "POST /echo HTTP/1.1\r\n" CLOSE "Content-Length: 200000\r\n\r\n%s", body);
    talk(stage, request, "503", "}");
    talk(stage, "POST /echo HTTP/1.1\r\n" CLOSE "Content-Length: 3\r\n\r\nabc", "200", "abc");
}

/* --- Limits ------------------------------------------------------------------------------- */

static void
large_headers(Stage *stage, int fd)
{
    (void)fd;
    for (size_t size = 17000; size <= 68000; size *= 2) {
        g_autofree char *filler = g_strnfill(size, 'x');
        g_autofree char *request =
            g_strdup_printf("GET /hello HTTP/1.1\r\n" CLOSE "X: %s\r\n\r\n", filler);
        g_autofree char *reply = client_talk(stage_port(stage), request);
        g_autofree char *statuses = client_statuses(reply);
        g_assert_cmpstr(statuses, ==, "431");
    }
    g_autofree char *reached = stage_reached(stage);
    g_assert_cmpstr(reached, ==, "");
}

/* One byte a moment never ends, so the deadline must. */
static void
slow_headers(Stage *stage, int fd)
{
    (void)stage;
    client_send(fd, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ");
    g_assert_true(client_is_closed(fd));
}

static void
slow_bodies_and_idle(Stage *stage, int fd)
{
    client_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    g_assert_true(client_is_closed(fd));
    stage_wait_gone(stage, 1);
    g_assert_cmpuint(stage->n_early, ==, 1);
}

/* A byte now and then is never idle. */
static void
trickling_bodies(Stage *stage, int fd)
{
    client_send(fd, "PUT /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    struct pollfd end = { .fd = fd, .events = POLLIN };
    while (poll(&end, 1, 20) == 0 && send(fd, "a", 1, MSG_NOSIGNAL) == 1)
        continue;
    g_assert_true(client_is_closed(fd));
    stage_wait_gone(stage, 1);
    g_assert_cmpuint(stage->n_early, ==, 1);
}

static void
too_many(Stage *stage, int fd)
{
    (void)fd;
    int third = client_connect(stage_port(stage));
    int fourth = client_connect(stage_port(stage));
    g_assert_true(client_is_closed(fourth));
    client_send(third, GET("/hello"));
    g_autofree char *reply = client_read_all(third, NULL);
    expect_reply(reply, "200", "hello");
    close(third);
    close(fourth);
}

/* --- Clients that leave ------------------------------------------------------------------- */

static void
leaves_waiting(Stage *stage, int fd)
{
    client_send(fd, KEEP("/later"));
    OrfRequest *request = stage_wait_request(stage);
    shutdown(fd, SHUT_RDWR);
    stage_wait_gone(stage, 1);
    g_assert_cmpuint(stage->n_early, ==, 1);
    stage_reply(request, 200, "too late"); /* dropped */
}

/* The end of the connection comes with the bytes before it. */
static void
leaves_in_mid_body(Stage *stage, int fd)
{
    const char *half = "POST /sink HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nhalf";
    int fds[20];
    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
        fds[i] = client_connect(stage_port(stage));
        client_send(fds[i], half);
        shutdown(fds[i], SHUT_WR);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
        g_assert_true(client_is_closed(fds[i]));
        close(fds[i]);
    }
    stage_wait_gone(stage, G_N_ELEMENTS(fds));
    g_assert_cmpuint(stage->n_early, ==, G_N_ELEMENTS(fds));
    client_send(fd, "GET /hello HTTP/1.1\r\n" CLOSE "\r\n");
    g_autofree char *reply = client_read_all(fd, NULL);
    expect_reply(reply, "200", "hello");
}

static void
resets_waiting(Stage *stage, int fd)
{
    int other = client_connect(stage_port(stage));
    client_send(other, KEEP("/later"));
    stage_wait_request(stage);
    client_reset(other);
    stage_wait_gone(stage, 1);
    g_assert_cmpuint(stage->n_early, ==, 1);
    (void)fd;
}

/* Pipelined bytes that nobody reads must not hide the leaving. */
static void
leaves_with_bytes_unread(Stage *stage, int fd)
{
    g_autofree char *filler = g_strnfill(100000, 'x');
    client_send(fd, KEEP("/later"));
    stage_wait_request(stage);
    client_send(fd, filler);
    shutdown(fd, SHUT_WR);
    stage_wait_gone(stage, 1);
    g_assert_cmpuint(stage->n_early, ==, 1);
}

static void
half_closes(Stage *stage, int fd)
{
    client_send(fd, GET("/hello"));
    shutdown(fd, SHUT_WR);
    g_autofree char *reply = client_read_all(fd, NULL);
    expect_reply(reply, "200", "hello");
    int waiting = client_connect(stage_port(stage));
    client_send(waiting, KEEP("/later"));
    shutdown(waiting, SHUT_WR);
    stage_wait_gone(stage, 2);
    g_assert_cmpuint(stage->n_early, ==, 1);
    close(waiting);
}

static void
leaves_stream(Stage *stage, int fd)
{
    client_send(fd, KEEP("/stream"));
    OrfStream *stream = stage_wait_stream(stage);
    g_assert_true(orf_stream_write(stream, "one\n", 4));
    g_free(client_read_until(fd, "one\n"));
    shutdown(fd, SHUT_RDWR);
    stage_wait_gone(stage, 1);
    g_assert_cmpuint(stage->n_early, ==, 1);
    g_assert_false(orf_stream_write(stream, "two\n", 4));
    orf_stream_end(stream);
}

/* --- Streams ------------------------------------------------------------------------------ */

static void
streams(Stage *stage, int fd)
{
    client_send(fd, KEEP("/stream"));
    OrfStream *stream = stage_wait_stream(stage);
    g_free(client_read_until(fd, "\r\n\r\n")); /* the head comes before the first byte */
    for (unsigned i = 0; i < 100; i++) {
        g_autofree char *line = g_strdup_printf("line %u\n", i);
        g_assert_true(orf_stream_write(stream, line, strlen(line)));
        g_free(client_read_until(fd, line));
    }
    orf_stream_end(stream);
    g_free(client_read_until(fd, "0\r\n\r\n"));
    stage_wait_gone(stage, 1);
    g_assert_cmpuint(stage->n_early, ==, 0);
    client_send(fd, GET("/hello"));
    g_autofree char *reply = client_read_all(fd, NULL);
    expect_reply(reply, "200", "hello");
}

static void
streams_to_old_clients(Stage *stage, int fd)
{
    client_send(fd, "GET /stream HTTP/1.0\r\n\r\n");
    OrfStream *stream = stage_wait_stream(stage);
    orf_stream_write(stream, "all of it", 9);
    orf_stream_end(stream);
    g_autofree char *reply = client_read_all(fd, NULL);
    g_assert_true(g_str_has_suffix(reply, "\r\n\r\nall of it"));
}

static void
cuts_slow_readers(Stage *stage, int fd)
{
    g_autofree char *filler = g_strnfill(100000, 'x');
    client_send(fd, KEEP("/stream"));
    OrfStream *stream = stage_wait_stream(stage);
    uint64_t written = 0;
    while (orf_stream_write(stream, filler, 100000)) {
        written += 100000;
        g_assert_cmpuint(orf_stream_backlog(stream), <=, 1u << 20);
        g_assert_cmpuint(written, <, 1u << 30);
    }
    stage_wait_gone(stage, 1);
    g_assert_cmpuint(stage->n_early, ==, 1);
    orf_stream_end(stream);
}

/* --- Drain -------------------------------------------------------------------------------- */

static void *
drain(void *stage)
{
    orf_http_drain(((Stage *)stage)->http, g_get_monotonic_time() + 8 * G_USEC_PER_SEC);
    return NULL;
}

static void
drains(Stage *stage, int fd)
{
    int idle = client_connect(stage_port(stage)), streaming = client_connect(stage_port(stage));
    client_send(idle, KEEP("/hello"));
    g_free(client_read_until(idle, "hello"));
    client_send(streaming, KEEP("/stream"));
    OrfStream *stream = stage_wait_stream(stage);
    client_send(fd, KEEP("/later"));
    OrfRequest *request = stage_wait_request(stage);
    GThread *thread = g_thread_new("drain", drain, stage);
    g_assert_true(client_is_closed(idle));
    orf_stream_write(stream, "last word", 9);
    orf_stream_end(stream);
    g_autofree char *streamed = client_read_all(streaming, NULL);
    g_assert_nonnull(strstr(streamed, "last word"));
    stage_reply(request, 200, "still served");
    g_autofree char *reply = client_read_all(fd, NULL);
    expect_reply(reply, "200", "still served");
    g_thread_join(thread);
    close(idle);
    close(streaming);
    g_assert_cmpuint(stage->n_early, ==, 0);
}

static void
drain_ends(Stage *stage, int fd)
{
    client_send(fd, KEEP("/later"));
    stage_wait_request(stage);
    orf_http_drain(stage->http, g_get_monotonic_time() + 1000);
    g_assert_true(client_is_closed(fd));
    stage_wait_gone(stage, 1);
    g_assert_cmpuint(stage->n_early, ==, 1);
}

static void
stops_while_busy(Stage *stage, int fd)
{
    client_send(fd, KEEP("/stream"));
    OrfStream *stream = stage_wait_stream(stage);
    int other = client_connect(stage_port(stage));
    client_send(other, KEEP("/later"));
    OrfRequest *request = stage_wait_request(stage);
    g_clear_pointer(&stage->http, orf_http_free);
    g_assert_false(orf_stream_write(stream, "x", 1));
    stage_reply(request, 200, "nobody hears");
    orf_stream_end(stream);
    close(other);
}

static void
addresses(void)
{
    const OrfHttpApp app = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfHttp) none =
        orf_http_start(&(OrfHttpOptions){ .address = "localhost" }, &app, &error);
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    g_clear_error(&error);
    g_autoptr(OrfHttp) first = orf_http_start(NULL, &app, &error);
    g_assert_no_error(error);
    OrfHttpOptions same = { .port = orf_http_port(first) };
    g_autoptr(OrfHttp) second = orf_http_start(&same, &app, &error);
    g_assert_null(second);
    g_assert_error(error, ORF_ERROR, ORF_ERROR_UNAVAILABLE);
}

/* --- Table -------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    TestFn run;
    OrfHttpOptions options;
} Case;

static const Case cases[] = {
    { "reply/answers-at-once", answers },
    { "reply/shows-the-request-even-later", shows_request },
    { "reply/comes-from-another-thread", replies_later },
    { "reply/sends-part-of-a-file", sends_files },
    { "reply/keeps-the-order-of-a-pipeline", pipelines },
    { "body/comes-with-length-or-in-chunks", takes_bodies },
    { "body/waits-for-100-continue", continues },
    { "body/is-refused-before-it-comes", refuses_before_body },
    { "body/a-short-one-is-read-before-refusing", refuses_and_goes_on },
    { "body/too-large-by-its-length", too_large, { .max_body = 1 << 20 } },
    { "body/too-large-by-its-chunks", too_large_chunks, { .max_body = 1 << 20 } },
    { "body/goes-to-a-sink-that-may-refuse", sinks },
    { "body/has-a-digest-when-somebody-asked", digests },
    { "body/in-memory-is-bounded", memory_is_bounded, { .max_memory = 100000 } },
    { "limit/headers-too-large", large_headers },
    { "limit/headers-too-slow", slow_headers, { .header_timeout_s = 1, .threads = 1 } },
    { "limit/body-that-stops", slow_bodies_and_idle, { .idle_timeout_s = 1 } },
    { "limit/body-that-trickles", trickling_bodies, { .body_timeout_s = 1 } },
    { "limit/connections-of-an-address", too_many, { .max_per_address = 2, .threads = 1 } },
    { "gone/closes-while-waiting", leaves_waiting },
    { "gone/resets-while-waiting", resets_waiting },
    { "gone/leaves-in-mid-body", leaves_in_mid_body },
    { "gone/leaves-with-bytes-unread", leaves_with_bytes_unread },
    { "gone/half-closed-is-answered-at-once-but-does-not-wait", half_closes },
    { "gone/leaves-a-stream", leaves_stream },
    { "stream/arrives-line-by-line", streams },
    { "stream/reaches-http-1-0", streams_to_old_clients },
    { "stream/cuts-slow-readers", cuts_slow_readers },
    { "drain/serves-what-it-has", drains },
    { "drain/ends-at-its-deadline", drain_ends },
    { "stop/while-requests-wait", stops_while_busy },
};

static void
run(const void *data)
{
    const Case *c = data;
    Stage *stage = stage_start(&c->options);
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
        g_autofree char *path = g_strdup_printf("/http/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], run);
    }
    g_test_add_func("/http/start/says-why-it-cannot-listen", addresses);
    return g_test_run();
}
