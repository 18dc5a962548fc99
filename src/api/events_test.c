/* events_test.c - streams of events, over HTTP and the WebSocket.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/jobs-stage_fixture.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef void (*TestFn)(JobsStage *stage);

static void
run_test(const void *data)
{
    JobsStage *stage = jobs_stage_start();
    (*(const TestFn *)data)(stage);
    jobs_stage_stop(stage);
}

/* --- Server-sent events ------------------------------------------------------------------- */

/* The numbers of a stream rise by one from `first`; the last. */
static uint64_t
check_numbers(const char *stream, uint64_t first)
{
    uint64_t expected = first;
    for (const char *at = stream; (at = strstr(at, "\nid: ")); at += 4)
        g_assert_cmpuint(g_ascii_strtoull(at + 5, NULL, 10), ==, expected++);
    g_assert_cmpuint(expected, >, first);
    return expected - 1;
}

static unsigned
count(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

static char *
read_stream(int fd)
{
    g_autofree char *reply = client_read_all(fd, NULL);
    close(fd);
    return jobs_unchunk(reply);
}

static void
follows(JobsStage *stage)
{
    jobs_stage_add(stage, NULL);
    jobs_stage_tell_log(stage, "hello");
    int fd = jobs_open(stage, "/events", "Connection: close\r\n");
    g_autofree char *head = client_read_until(fd, "hello");
    g_assert_nonnull(strstr(head, "Content-Type: text/event-stream\r\n"));
    g_assert_nonnull(strstr(head, "Cache-Control: no-store\r\n"));
    g_assert_nonnull(strstr(head, "X-Accel-Buffering: no\r\n"));
    g_assert_nonnull(strstr(head, "retry: 2000\n"));
    g_assert_null(strstr(head, "retry: 2000\n\n")); /* an event of its own, to some readers */
    jobs_stage_finish(stage);
    g_autofree char *rest = client_read_all(fd, NULL);
    close(fd);
    g_assert_cmpuint(count(rest, "event: stage\n"), ==, 4);
    g_assert_cmpuint(count(rest, "event: done\n"), ==, 1);
    g_assert_nonnull(strstr(rest, "\"status\":\"succeeded\""));
    g_autofree char *url = g_strdup_printf("\"url\":\"%s/stages/preview\"", stage->job);
    g_assert_nonnull(strstr(rest, url));
}

/* The clock's seconds are counted by hand, so nobody waits for them. */
static void
shows_signs_of_life(JobsStage *stage)
{
    static const struct {
        const char *accept, *begins, *sign;
    } kinds[] = {
        { "", "retry: 2000\n", "\n:\n\n" },
        { "Accept: application/x-ndjson\r\n", "\"event\"", "\"event\":\"heartbeat\"" },
    };
    jobs_stage_add(stage, NULL);
    jobs_stage_tell_stage(stage, "preview", 0.25);
    jobs_stage_await(stage, "stage");
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        int fd = jobs_open(stage, "/events", kinds[i].accept);
        g_autofree char *head = client_read_until(fd, kinds[i].begins);
        g_assert_null(strstr(head, kinds[i].sign));
        for (int tick = 0; tick < BEAT_TICKS; tick++)
            orf_feeds_tick(stage->api->api);
        g_autofree char *rest = client_read_until(fd, kinds[i].sign);
        g_assert_nonnull(rest);
        close(fd);
    }
    jobs_stage_finish(stage);
}

static void
resumes(JobsStage *stage)
{
    jobs_stage_add(stage, NULL);
    jobs_stage_finish(stage);
    jobs_stage_await(stage, "done");
    g_autofree char *whole = read_stream(jobs_open(stage, "/events", "Connection: close\r\n"));
    uint64_t last = check_numbers(whole, 1);
    for (uint64_t seen = 1; seen < last; seen++) {
        g_autofree char *header = g_strdup_printf(
            "Connection: close\r\nLast-Event-ID: %" G_GUINT64_FORMAT "\r\n", seen);
        g_autofree char *query =
            g_strdup_printf("/events?last_event_id=%" G_GUINT64_FORMAT, seen);
        g_autofree char *by_header = read_stream(jobs_open(stage, "/events", header));
        g_autofree char *by_query =
            read_stream(jobs_open(stage, query, "Connection: close\r\n"));
        g_assert_cmpuint(check_numbers(by_header, seen + 1), ==, last);
        g_assert_cmpstr(by_header, ==, by_query);
        g_assert_true(g_str_has_suffix(whole, strstr(by_header, "id: ")));
    }
}

static void
ends_for_good(JobsStage *stage)
{
    jobs_stage_add(stage, NULL);
    jobs_stage_finish(stage);
    jobs_stage_await(stage, "done");
    g_autofree char *whole = read_stream(jobs_open(stage, "/events", "Connection: close\r\n"));
    g_autofree char *header =
        g_strdup_printf("Last-Event-ID: %" G_GUINT64_FORMAT "\r\n", check_numbers(whole, 1));
    g_auto(ApiAnswer) answer = jobs_get(stage, "/events", header);
    g_assert_cmpint(answer.status, ==, 204);
}

static void
comes_back_after_restart(JobsStage *stage)
{
    jobs_stage_add(stage, NULL);
    jobs_stage_tell_stage(stage, "preview", 0.25);
    jobs_stage_await(stage, "stage");
    int fd = jobs_open(stage, "/events", "");
    g_free(client_read_until(fd, "event: stage"));
    jobs_stage_restart(stage);
    g_autofree char *goodbye = client_read_all(fd, NULL);
    g_assert_nonnull(strstr(goodbye, "event: reconnect\n"));
    close(fd);

    jobs_stage_finish(stage);
    fd = jobs_open(stage, "/events", "Last-Event-ID: 2\r\nConnection: close\r\n");
    g_autofree char *stream = read_stream(fd);
    g_assert_nonnull(strstr(stream, "event: done\n"));
}

static void
ndjson(JobsStage *stage)
{
    jobs_stage_add(stage, NULL);
    jobs_stage_finish(stage);
    jobs_stage_await(stage, "done");
    g_autofree char *stream = read_stream(
        jobs_open(stage, "/events", "Accept: application/x-ndjson\r\nConnection: close\r\n"));
    g_auto(GStrv) lines = g_strsplit(stream, "\n", -1);
    json_int_t seq = 0;
    for (char **line = lines; **line; line++) {
        json_t *event = json_loads(*line, JSON_REJECT_DUPLICATES, NULL);
        g_assert_nonnull(event);
        g_assert_cmpint(json_integer_value(json_object_get(event, "seq")), ==, ++seq);
        g_assert_cmpstr(json_string_value(json_object_get(event, "job")), ==, stage->id);
        g_assert_nonnull(json_string_value(json_object_get(event, "event")));
        g_assert_nonnull(json_string_value(json_object_get(event, "time")));
        json_decref(event);
    }
    g_assert_cmpint(seq, >, 4);
}

static void
refuses(JobsStage *stage)
{
    static const struct {
        const char *target, *headers;
        int status;
        const char *code;
    } cases[] = {
        { "/api/v1/jobs/job_nobody/events", "", 404, "not_found" },
        { "/events", "Accept: text/html\r\n", 406, "not_acceptable" },
        { "/events", "Last-Event-ID: seven\r\n", 422, "invalid_params" },
        { "/events?last_event_id=-3", "", 422, "invalid_params" },
    };
    jobs_stage_add(stage, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        bool own = g_str_has_prefix(cases[i].target, "/events");
        g_autofree char *target = g_strconcat(own ? stage->job : "", cases[i].target, NULL);
        g_auto(ApiAnswer) answer = api_ask(stage->api, "GET", target, cases[i].headers, NULL);
        g_autofree char *code = api_answer_code(&answer);
        g_assert_cmpint(answer.status, ==, cases[i].status);
        g_assert_cmpstr(code, ==, cases[i].code);
    }
}

/* --- A client that reads slowly ----------------------------------------------------------- */

typedef struct {
    GMutex lock;
    GCond changed;
    GString *heard;
    size_t backlog;
    bool ended;
} Reader;

static bool
reader_send(const char *text, size_t size, void *data)
{
    Reader *reader = data;
    g_mutex_lock(&reader->lock);
    g_string_append_len(reader->heard, text, (gssize)size);
    g_cond_broadcast(&reader->changed);
    g_mutex_unlock(&reader->lock);
    return true;
}

static size_t
reader_backlog(void *data)
{
    Reader *reader = data;
    g_mutex_lock(&reader->lock);
    size_t backlog = reader->backlog;
    g_mutex_unlock(&reader->lock);
    return backlog;
}

static void
reader_end(void *data)
{
    Reader *reader = data;
    g_mutex_lock(&reader->lock);
    reader->ended = true;
    g_cond_broadcast(&reader->changed);
    g_mutex_unlock(&reader->lock);
}

/* Waits for it; how often it has come. */
static unsigned
reader_await(Reader *reader, const char *what)
{
    int64_t end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    g_mutex_lock(&reader->lock);
    while (!strstr(reader->heard->str, what))
        if (!g_cond_wait_until(&reader->changed, &reader->lock, end))
            g_error("no %s in %s", what, reader->heard->str);
    unsigned n = count(reader->heard->str, what);
    g_mutex_unlock(&reader->lock);
    return n;
}

static void
reader_set_backlog(Reader *reader, size_t backlog)
{
    g_mutex_lock(&reader->lock);
    reader->backlog = backlog;
    g_mutex_unlock(&reader->lock);
}

static void
slow_reader(JobsStage *stage)
{
    g_autoptr(GError) error = NULL;
    Reader reader = { .heard = g_string_new(NULL), .backlog = 1u << 19 };
    OrfFeedSink sink = { reader_send, reader_backlog, reader_end, &reader, .sse = true };
    jobs_stage_add(stage, NULL);
    OrfFeed *feed = orf_feed_new(stage->api->api, "local", stage->id, 0, &sink, &error);
    g_assert_no_error(error);
    jobs_stage_tell_progress(stage, 3);
    jobs_stage_tell_stage(stage, "preview", 0.25);
    reader_await(&reader, "event: stage\n"); /* never held back */
    g_assert_null(strstr(reader.heard->str, "event: progress\n"));
    jobs_stage_tell_progress(stage, 3);
    reader_set_backlog(&reader, 0); /* it has read: the newest progress follows */
    g_assert_cmpuint(reader_await(&reader, "event: progress\n"), >=, 1);
    reader_set_backlog(&reader, 1u << 19);
    jobs_stage_finish(stage);
    reader_await(&reader, "event: done\n");
    g_assert_cmpuint(count(reader.heard->str, "event: stage\n"), ==, 4);
    orf_feed_stop(feed);
    orf_feed_unref(feed);
    g_mutex_lock(&reader.lock);
    g_assert_true(reader.ended);
    g_mutex_unlock(&reader.lock);
    g_string_free(reader.heard, TRUE);
}

/* More than a megabyte unsent: closed, and nothing is lost on coming back. */
static void
stalled_reader(JobsStage *stage)
{
    int small = 65536;
    jobs_stage_add(stage, NULL);
    int fd = jobs_open(stage, "/events", "Connection: close\r\n");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    g_free(client_read_until(fd, "retry"));
    jobs_stage_tell_log_times(stage, 8000, 2000);
    jobs_stage_finish(stage);
    jobs_stage_await(stage, "done");
    g_autofree char *stream = client_read_all(fd, NULL);
    close(fd);
    g_assert_null(strstr(stream, "event: done"));
    g_autofree char *again =
        read_stream(jobs_open(stage, "/events", "Last-Event-ID: 1\r\nConnection: close\r\n"));
    g_assert_nonnull(strstr(again, "event: done"));
    g_auto(ApiAnswer) job = jobs_get(stage, "", "");
    g_assert_nonnull(strstr(job.body, "\"succeeded\""));
}

static void
many_streams(JobsStage *stage)
{
    enum { N = 200 };
    int fds[N];
    jobs_stage_add(stage, NULL);
    for (size_t i = 0; i < N; i++)
        fds[i] = jobs_open(stage, "/events", "Connection: close\r\n");
    for (size_t i = 0; i < N; i++)
        g_free(client_read_until(fds[i], "retry"));
    jobs_stage_finish(stage);
    for (size_t i = 0; i < N; i++) {
        g_autofree char *stream = client_read_all(fds[i], NULL);
        close(fds[i]);
        g_assert_cmpuint(count(stream, "event: stage\n"), ==, 4);
        g_assert_cmpuint(count(stream, "event: done\n"), ==, 1);
    }
}

/* Streams of /events never cancel; clients come and go. */
static void
leaving_is_free(JobsStage *stage)
{
    jobs_stage_add(stage, NULL);
    for (size_t i = 0; i < 20; i++) {
        int fd = jobs_open(stage, "/events", "");
        g_free(client_read_until(fd, "retry"));
        if (i % 2)
            client_reset(fd);
        else
            close(fd);
    }
    jobs_stage_finish(stage);
    jobs_stage_await(stage, "done");
    g_auto(ApiAnswer) job = jobs_get(stage, "", "");
    g_assert_nonnull(strstr(job.body, "\"succeeded\""));
}

/* --- WebSocket ---------------------------------------------------------------------------- */

static char *
hear_event(int fd)
{
    json_t *message = jobs_ws_hear(fd);
    char *event = g_strdup(json_string_value(json_object_get(message, "event")));
    g_assert_nonnull(event);
    json_decref(message);
    return event;
}

static void
expect_event(int fd, const char *wanted)
{
    g_autofree char *event = hear_event(fd);
    g_assert_cmpstr(event, ==, wanted);
}

/* Others may come before it. */
static json_t *
await_event(int fd, const char *wanted)
{
    for (;;) {
        json_t *message = jobs_ws_hear(fd);
        g_assert_nonnull(message);
        if (strcmp(json_string_value(json_object_get(message, "event")), wanted) == 0)
            return message;
        json_decref(message);
    }
}

static void
subscribe(int fd, const char *id)
{
    g_autofree char *text = g_strdup_printf("{\"type\":\"subscribe\",\"job\":\"%s\"}", id);
    jobs_ws_say(fd, text);
}

static void
socket_follows(JobsStage *stage)
{
    int fd = jobs_ws_open(stage);
    jobs_ws_say(fd, "{\"type\":\"ping\"}");
    expect_event(fd, "pong");
    jobs_stage_add(stage, NULL);
    g_autofree char *first = g_strdup(stage->id);
    subscribe(fd, first);
    expect_event(fd, "subscribed");
    jobs_stage_finish(stage);
    json_t *done = await_event(fd, "done");
    g_assert_cmpstr(json_string_value(json_object_get(done, "job")), ==, first);
    g_assert_cmpstr(json_string_value(json_object_get(done, "status")), ==, "succeeded");
    json_decref(done);
    subscribe(fd, first); /* let go of by itself: it can be followed again */
    json_decref(await_event(fd, "done"));
    close(fd);
}

static void
socket_lets_go(JobsStage *stage)
{
    int fd = jobs_ws_open(stage);
    jobs_stage_add(stage, NULL);
    subscribe(fd, stage->id);
    subscribe(fd, stage->id);
    json_t *twice = await_event(fd, "problem");
    g_assert_cmpstr(json_string_value(json_object_get(twice, "code")), ==,
                    "already_subscribed");
    json_decref(twice);
    g_autofree char *text =
        g_strdup_printf("{\"type\":\"unsubscribe\",\"job\":\"%s\"}", stage->id);
    jobs_ws_say(fd, text);
    json_decref(await_event(fd, "unsubscribed"));
    jobs_stage_finish(stage);
    jobs_stage_await(stage, "done");
    jobs_ws_say(fd, "{\"type\":\"ping\"}");
    expect_event(fd, "pong");
    jobs_ws_say(fd, text);
    expect_event(fd, "problem");
    jobs_ws_say(fd, "nonsense");
    expect_event(fd, "problem");
    subscribe(fd, "job_nobody");
    expect_event(fd, "problem");
    close(fd);
}

static void
socket_is_told_to_come_back(JobsStage *stage)
{
    int fd = jobs_ws_open(stage);
    jobs_stage_add(stage, NULL);
    subscribe(fd, stage->id);
    expect_event(fd, "subscribed");
    orf_api_end_streams(stage->api->api);
    json_decref(await_event(fd, "reconnect"));
    close(fd);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        TestFn test;
    } tests[] = {
        { "/api/events/a-stream-replays-follows-and-ends", follows },
        { "/api/events/a-waiting-stream-shows-signs-of-life", shows_signs_of_life },
        { "/api/events/a-client-resumes-after-any-event", resumes },
        { "/api/events/who-has-seen-the-end-gets-204", ends_for_good },
        { "/api/events/streams-survive-a-restart", comes_back_after_restart },
        { "/api/events/lines-of-json-say-the-same", ndjson },
        { "/api/events/what-cannot-be-streamed-is-a-problem", refuses },
        { "/api/events/a-slow-reader-misses-no-stage", slow_reader },
        { "/api/events/a-stalled-reader-is-closed-and-resumes", stalled_reader },
        { "/api/events/two-hundred-streams-hear-the-same", many_streams },
        { "/api/events/who-only-listens-cancels-nothing", leaving_is_free },
        { "/api/ws/a-socket-follows-a-job-to-its-end", socket_follows },
        { "/api/ws/a-socket-lets-go-and-says-what-is-wrong", socket_lets_go },
        { "/api/ws/a-drain-says-reconnect", socket_is_told_to_come_back },
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add_data_func(tests[i].name, &tests[i].test, run_test);
    return g_test_run();
}
