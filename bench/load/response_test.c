/* response_test.c - responses and events, whole and byte by byte.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <string.h>

typedef struct {
    const char *name, *bytes;
    int status;
    const char *body;
    bool to_end; /* complete only when the connection ends */
    LoadProgress progress;
} Case;

static const Case cases[] = {
    { "length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello" },
    { "no-body", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", 304, "" },
    { "empty", "HTTP/1.1 202 Accepted\r\ncontent-length:0\r\n\r\n", 202, "" },
    { "continue",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 2\r\n\r\nok", 201,
      "ok" },
    { "chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n "
      "world\r\n0\r\nA: b\r\n\r\n",
      200, "hello world" },
    { "to-end", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil here", 200, "until here",
      .to_end = true },
    { "no-status", "HELLO\r\n\r\n", 0, "", .progress = LOAD_BROKEN },
    { "no-colon", "HTTP/1.1 200 OK\r\nbroken\r\n\r\n", 200, "", .progress = LOAD_BROKEN },
    { "no-size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 200, "",
      .progress = LOAD_BROKEN },
    { "long-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", 200,
      "ab", .progress = LOAD_BROKEN },
};

static void
keep(const char *piece, size_t size, void *data)
{
    g_string_append_len(data, piece, (gssize)size);
}

static LoadProgress
feed_in_steps(LoadParser *parser, const char *bytes, size_t step)
{
    LoadProgress progress = LOAD_MORE;
    size_t size = strlen(bytes), used;
    for (size_t i = 0; i < size && progress == LOAD_MORE; i += used)
        progress = load_parser_feed(parser, bytes + i, MIN(step, size - i), &used);
    return progress;
}

/* The whole of it, head and body. */
static LoadProgress
feed_all(LoadParser *parser, const char *bytes, size_t size, size_t *ret_used)
{
    size_t head, body = 0;
    LoadProgress progress = load_parser_feed(parser, bytes, size, &head);
    if (progress == LOAD_MORE)
        progress = load_parser_feed(parser, bytes + head, size - head, &body);
    *ret_used = head + body;
    return progress;
}

static void
check(const Case *c, size_t step)
{
    g_autoptr(GString) body = g_string_new(NULL);
    g_autoptr(LoadParser) parser = load_parser_new(keep, body);
    LoadProgress progress = feed_in_steps(parser, c->bytes, step);
    if (c->to_end) {
        g_assert_cmpint(progress, ==, LOAD_MORE);
        progress = load_parser_end(parser);
    }
    g_assert_cmpint(progress, ==, c->progress == LOAD_BROKEN ? LOAD_BROKEN : LOAD_WHOLE);
    g_assert_cmpint(load_parser_response(parser)->status, ==, c->status);
    g_assert_cmpstr(body->str, ==, c->body);
}

static void
test_any_pieces(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        for (size_t step = 1; step < 200; step = step * 2 + 1)
            check(&cases[i], step);
}

static void
test_headers(void)
{
    static const char bytes[] = "HTTP/1.1 503 Later\r\nretry-after:  7 \r\nETag: W/\"j-1\"\r\n"
                                "Location: /jobs/1\r\nConnection: close\r\n"
                                "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n";
    g_autoptr(LoadParser) parser = load_parser_new(NULL, NULL);
    size_t used;
    g_assert_cmpint(feed_all(parser, bytes, strlen(bytes), &used), ==, LOAD_WHOLE);
    const LoadResponse *r = load_parser_response(parser);
    g_assert_cmpint(r->retry_after, ==, 7);
    g_assert_true(r->close);
    g_assert_cmpstr(r->etag, ==, "W/\"j-1\"");
    g_assert_cmpstr(r->location, ==, "/jobs/1");
    g_assert_cmpstr(r->type, ==, "application/json");
}

static void
test_next_response_is_left(void)
{
    static const char bytes[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 404 "
                                "No\r\nContent-Length: 0\r\n\r\n";
    g_autoptr(LoadParser) parser = load_parser_new(NULL, NULL);
    size_t used, size = strlen(bytes);
    g_assert_cmpint(feed_all(parser, bytes, size, &used), ==, LOAD_WHOLE);
    load_parser_reset(parser, NULL, NULL);
    size_t more;
    g_assert_cmpint(feed_all(parser, bytes + used, size - used, &more), ==, LOAD_WHOLE);
    g_assert_cmpint(load_parser_response(parser)->status, ==, 404);
    g_assert_cmpint(load_parser_response(parser)->retry_after, ==, -1);
    g_assert_cmpuint(used + more, ==, size);
}

static void
test_skip(void)
{
    static const char bytes[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nab";
    g_autoptr(LoadParser) parser = load_parser_new(NULL, NULL);
    size_t used;
    g_assert_cmpint(feed_all(parser, bytes, strlen(bytes), &used), ==, LOAD_MORE);
    g_assert_cmpuint(load_parser_skippable(parser), ==, 98);
    g_assert_cmpint(load_parser_skip(parser, 90), ==, LOAD_MORE);
    g_assert_cmpint(load_parser_skip(parser, 8), ==, LOAD_WHOLE);
    g_assert_cmpuint(load_parser_response(parser)->bytes, ==, 100);
}

typedef struct {
    LoadParser *parser;
    unsigned pieces;
} Once;

static void
hear_once(const char *piece, size_t size, void *data)
{
    (void)piece, (void)size;
    Once *once = data;
    once->pieces++;
    load_parser_mute(once->parser);
}

static void
test_muted(void)
{
    static const char bytes[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "1\r\na\r\n1\r\nb\r\n0\r\n\r\n";
    Once once = { 0 };
    g_autoptr(LoadParser) parser = load_parser_new(hear_once, &once);
    once.parser = parser;
    size_t used;
    g_assert_cmpint(feed_all(parser, bytes, strlen(bytes), &used), ==, LOAD_WHOLE);
    g_assert_cmpuint(once.pieces, ==, 1);
}

static void
test_cut(void)
{
    static const char bytes[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nab";
    g_autoptr(LoadParser) parser = load_parser_new(NULL, NULL);
    g_assert_false(load_parser_began(parser));
    size_t used;
    load_parser_feed(parser, bytes, 10, &used);
    g_assert_true(load_parser_began(parser));
    g_assert_false(load_parser_headed(parser));
    feed_all(parser, bytes + 10, strlen(bytes) - 10, &used);
    g_assert_true(load_parser_headed(parser));
    g_assert_cmpint(load_parser_end(parser), ==, LOAD_BROKEN);
}

static void
note(const LoadEvent *event, void *data)
{
    g_string_append_printf(data, "[%s|%s|%s]", event->name, event->id, event->data);
}

static void
test_events(void)
{
    static const char bytes[] =
        "retry: 2000\n\n: beat\n\nid: 1\nevent: stage\ndata: {\"a\":1}\n\n"
        "id:2\r\ndata: x\r\ndata: y\r\n\r\nevent: done\ndata\n\nevent: cut\ndata: z\n";
    for (size_t step = 1; step < 200; step = step * 2 + 1) {
        g_autoptr(GString) seen = g_string_new(NULL);
        g_autoptr(LoadEvents) events = load_events_new(note, seen);
        for (size_t i = 0; i < strlen(bytes); i += step)
            load_events_feed(events, bytes + i, MIN(step, strlen(bytes) - i));
        g_assert_cmpstr(seen->str, ==, "[stage|1|{\"a\":1}][message|2|x\ny][done|2|]");
    }
}

static void
test_event_time(void)
{
    g_assert_cmpint(load_event_time("{\"seq\":1,\"time\":\"1970-01-01T00:00:01.250500Z\"}"), ==,
                    1250500);
    g_assert_cmpint(load_event_time("{\"time\": \"1970-01-02T00:00:00Z\"}"), ==, 86400000000);
    g_assert_cmpint(load_event_time("{\"seq\":1}"), ==, 0);
    g_assert_cmpint(load_event_time("{\"time\":\"soon\"}"), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/load/response/same-in-any-pieces", test_any_pieces);
    g_test_add_func("/load/response/headers-are-read", test_headers);
    g_test_add_func("/load/response/next-response-is-left", test_next_response_is_left);
    g_test_add_func("/load/response/unwanted-bodies-are-skipped", test_skip);
    g_test_add_func("/load/response/who-leaves-hears-no-more", test_muted);
    g_test_add_func("/load/response/cut-short-is-broken", test_cut);
    g_test_add_func("/load/events/same-in-any-pieces", test_events);
    g_test_add_func("/load/events/time-of-sending", test_event_time);
    return g_test_run();
}
