/* SPDX-License-Identifier: Apache-2.0 */
#include "job/fake_fixture.h"
#include "job/hook-priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

/* --- The guard ---------------------------------------------------------------------------- */

static bool
is_public(const char *text)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return orf_address_is_public((const struct sockaddr *)&v4);
    g_assert_cmpint(inet_pton(AF_INET6, text, &v6.sin6_addr), ==, 1);
    return orf_address_is_public((const struct sockaddr *)&v6);
}

static void
only_public_addresses_are_called(void)
{
    static const char *const closed[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.8.8.8",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.7",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:a9fe:a9fe",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:c0a8:101::",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "4000::1",
        "5f00::1",
    };
    static const char *const open[] = {
        "1.1.1.1",         "8.8.8.8",           "9.255.255.255",   "11.0.0.0",
        "100.63.255.255",  "100.128.0.0",       "126.255.255.255", "128.0.0.1",
        "169.253.255.255", "172.15.255.255",    "172.32.0.0",      "192.167.255.255",
        "192.169.0.0",     "198.17.255.255",    "198.20.0.0",      "223.255.255.255",
        "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8",  "64:ff9b::808:808",
        "2002:808:808::1", "2001:4860::8888",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(closed); i++) {
        g_test_message("%s", closed[i]);
        g_assert_false(is_public(closed[i]));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(open); i++) {
        g_test_message("%s", open[i]);
        g_assert_true(is_public(open[i]));
    }
}

/* Whatever the address: none of this machine's interfaces is called, the public ones too. */
static void
this_machine_is_not_called(void)
{
    struct sockaddr_in local = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
    struct sockaddr_in other = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x08080808) };
    g_assert_true(orf_address_is_ours((const struct sockaddr *)&local));
    g_assert_false(orf_address_is_foreign((const struct sockaddr *)&local));
    g_assert_false(orf_address_is_ours((const struct sockaddr *)&other));
    g_assert_true(orf_address_is_foreign((const struct sockaddr *)&other));
}

static void
urls_are_checked_before_a_job_is_accepted(void)
{
    static const char *const bad[] = {
        "",
        "hello",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com",
        "http://127.0.0.1/",
        "http://localhost:8080/x",
        "https://[::1]/",
        "http://a.localhost/",
        "http://user:word@example.com/",
        "http://169.254.169.254/latest",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::ffff:10.0.0.1]/",

    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_test_message("%s", bad[i]);
        g_assert_false(orf_hooks_check_url(bad[i], false, &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    }
    g_assert_true(orf_hooks_check_url("https://example.com/hook?a=b", false, NULL));
    g_assert_true(orf_hooks_check_url("http://8.8.8.8:8080/", false, NULL));
    g_assert_true(orf_hooks_check_url("http://127.0.0.1:80/", true, NULL));
}

/* The example of the Standard Webhooks specification. */
static void
signatures_are_those_of_the_standard(void)
{
    gsize size;
    g_autofree guint8 *bytes = g_base64_decode(SECRET + 6, &size);
    g_autoptr(GBytes) key = g_bytes_new(bytes, size);
    g_autofree char *signature = orf_hook_sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                                               "{\"test\": 2432232314}");
    g_assert_cmpstr(signature, ==, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void
ten_tries_take_about_two_hours(void)
{
    double sum = 0;
    for (int tries = 1; tries < 10; tries++) {
        int64_t pause = orf_hook_pause(tries);
        g_assert_cmpint(pause, >, 0);
        sum += (double)pause / G_TIME_SPAN_HOUR;
    }
    g_assert_cmpint(orf_hook_pause(10), ==, 0);
    g_assert_cmpfloat(sum, >, 1.7);
    g_assert_cmpfloat(sum, <, 2.4);
}

/* --- A receiver on loopback --------------------------------------------------------------- */

typedef struct {
    int fd;
    uint16_t port;
    const char *answer;
    GThread *thread;
    GMutex lock;
    GCond came;
    GPtrArray *requests; /* whole texts */
} Receiver;

static char *
read_request(int fd)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (;;) {
        char buffer[4096];
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n <= 0)
            break;
        g_string_append_len(text, buffer, n);
        const char *length = strstr(text->str, "Content-Length: "),
                   *body = strstr(text->str, "\r\n\r\n");
        if (length && body && strlen(body + 4) >= (size_t)atoi(length + 16))
            break;
    }
    return g_string_free(g_steal_pointer(&text), false);
}

static void *
receive(void *data)
{
    Receiver *receiver = data;
    int fd;
    while ((fd = accept(receiver->fd, NULL, NULL)) >= 0) {
        char *request = read_request(fd);
        g_mutex_lock(&receiver->lock);
        const char *answer = receiver->answer;
        g_ptr_array_add(receiver->requests, request);
        g_cond_broadcast(&receiver->came);
        g_mutex_unlock(&receiver->lock);
        if (write(fd, answer, strlen(answer)) < 0)
            g_test_message("the sender has gone");
        close(fd);
    }
    return NULL;
}

static void
receiver_init(Receiver *receiver, const char *answer)
{
    *receiver = (Receiver){ .answer = answer };
    g_mutex_init(&receiver->lock);
    g_cond_init(&receiver->came);
    receiver->requests = g_ptr_array_new_with_free_func(g_free);
    receiver->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    g_assert_cmpint(bind(receiver->fd, (struct sockaddr *)&address, size), ==, 0);
    g_assert_cmpint(listen(receiver->fd, 16), ==, 0);
    g_assert_cmpint(getsockname(receiver->fd, (struct sockaddr *)&address, &size), ==, 0);
    receiver->port = ntohs(address.sin_port);
    receiver->thread = g_thread_new("receiver", receive, receiver);
}

static void
receiver_clear(Receiver *receiver)
{
    shutdown(receiver->fd, SHUT_RDWR);
    g_thread_join(receiver->thread);
    close(receiver->fd);
    g_ptr_array_unref(receiver->requests);
    g_mutex_clear(&receiver->lock);
    g_cond_clear(&receiver->came);
}

static const char *
receiver_wait(Receiver *receiver, guint n)
{
    g_mutex_lock(&receiver->lock);
    while (receiver->requests->len < n)
        g_cond_wait(&receiver->came, &receiver->lock);
    const char *request = receiver->requests->pdata[n - 1];
    g_mutex_unlock(&receiver->lock);
    return request;
}

static char *
header(const char *request, const char *name)
{
    g_autofree char *start = g_strdup_printf("\r\n%s: ", name);
    const char *at = strstr(request, start);
    g_assert_nonnull(at);
    at += strlen(start);
    return g_strndup(at, strcspn(at, "\r"));
}

static char *
add_hooked(Bench *bench, uint16_t port, const char *path, unsigned events, const char *what)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u%s", port, path);
    return bench_wish(
        bench,
        (OrfWish){ .request = script(what), .webhook_url = url, .webhook_events = events });
}

/* Waits for a number of the statistics to come. */
static void
wait_for(Bench *bench, size_t offset, uint64_t value)
{
    OrfQueueStats stats;
    do {
        g_thread_yield();
        orf_queue_stats(bench->queue, NULL, &stats);
    } while (G_STRUCT_MEMBER(uint64_t, &stats, offset) != value);
}
#define WAIT_FOR(bench, member, value)                                                         \
    wait_for(bench, G_STRUCT_OFFSET(OrfQueueStats, member), value)

#define OK_ANSWER "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
#define BAD_ANSWER "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

static void
init(Bench *bench)
{
    bench_init(bench, (OrfQueueOptions){ .workers = 1,
                                         .webhook_secret = SECRET,
                                         .webhooks_may_be_local = true });
}

static void
messages_arrive_signed(void)
{
    Bench bench;
    Receiver receiver;
    receiver_init(&receiver, OK_ANSWER);
    init(&bench);
    g_autofree char *id = add_hooked(&bench, receiver.port, "/a?b=c", ORF_HOOK_DONE, "pm");
    const char *request = receiver_wait(&receiver, 1);
    g_assert_true(g_str_has_prefix(request, "POST /a?b=c HTTP/1.1\r\n"));
    g_autofree char *message = header(request, "webhook-id"),
                    *time = header(request, "webhook-timestamp"),
                    *told = header(request, "webhook-signature");
    gsize size;
    g_autofree guint8 *bytes = g_base64_decode(SECRET + 6, &size);
    g_autoptr(GBytes) key = g_bytes_new(bytes, size);
    const char *body = strstr(request, "\r\n\r\n") + 4;
    g_autofree char *right = orf_hook_sign(key, message, g_ascii_strtoll(time, NULL, 10), body);
    g_assert_cmpstr(told, ==, right);
    g_assert_nonnull(strstr(body, "{\"type\":\"job.done\""));
    g_assert_nonnull(strstr(body, "\"status\":\"succeeded\",\"progress\":1"));
    g_assert_nonnull(strstr(body, "\"name\":\"medium\""));
    g_assert_nonnull(strstr(body, id));
    WAIT_FOR(&bench, hooks_sent, 1);
    g_autofree char *all = add_hooked(&bench, receiver.port, "/", 7, "pm");
    receiver_wait(&receiver, 5); /* started, two stages, done */
    WAIT_FOR(&bench, hooks_sent, 5);
    g_assert_cmpint(orf_hook_rows_next(bench.store), ==, 0);
    bench_clear(&bench);
    receiver_clear(&receiver);
}

static void
a_failed_delivery_is_made_again_with_the_same_id(void)
{
    Bench bench;
    Receiver receiver;
    receiver_init(&receiver, BAD_ANSWER);
    init(&bench);
    g_autofree char *id = add_hooked(&bench, receiver.port, "/", ORF_HOOK_DONE, "");
    g_autofree char *first = header(receiver_wait(&receiver, 1), "webhook-id");
    WAIT_FOR(&bench, hooks_failed, 1);
    bench_reopen(&bench); /* it is not forgotten */
    g_mutex_lock(&receiver.lock);
    receiver.answer = OK_ANSWER;
    g_mutex_unlock(&receiver.lock);
    orf_queue_turn_clocks(bench.queue, G_TIME_SPAN_MINUTE, 0);
    orf_hooks_wake(bench.queue->hooks);
    g_autofree char *second = header(receiver_wait(&receiver, 2), "webhook-id");
    g_assert_cmpstr(first, ==, second);
    WAIT_FOR(&bench, hooks_sent, 1);
    bench_clear(&bench);
    receiver_clear(&receiver);
}

static void
what_nobody_takes_lands_on_the_dead_list_and_can_be_sent_again(void)
{
    Bench bench;
    Receiver receiver;
    receiver_init(&receiver, BAD_ANSWER);
    init(&bench);
    g_autofree char *id = add_hooked(&bench, receiver.port, "/", ORF_HOOK_DONE, "");
    for (unsigned i = 1; i <= 10; i++) {
        receiver_wait(&receiver, i);
        WAIT_FOR(&bench, hooks_failed, i);
        orf_queue_turn_clocks(bench.queue, 2 * G_TIME_SPAN_HOUR, 0);
        orf_hooks_wake(bench.queue->hooks);
    }
    WAIT_FOR(&bench, hooks_dead, 1);
    g_autoptr(GPtrArray) dead = orf_queue_dead_hooks(bench.queue, "local", 10, NULL);
    g_assert_cmpuint(dead->len, ==, 1);
    const OrfHookRow *row = dead->pdata[0];
    g_assert_cmpstr(row->job, ==, id);
    g_assert_cmpint(row->attempts, ==, 10);
    g_assert_cmpstr(row->last_error, ==, "answered with status 500");
    g_mutex_lock(&receiver.lock);
    receiver.answer = OK_ANSWER;
    g_mutex_unlock(&receiver.lock);
    g_assert_true(orf_queue_resend_hook(bench.queue, "local", row->id, NULL));
    receiver_wait(&receiver, 11);
    WAIT_FOR(&bench, hooks_sent, 1);
    g_assert_false(orf_queue_resend_hook(bench.queue, "local", row->id, NULL));
    bench_clear(&bench);
    receiver_clear(&receiver);
}

/* Answers that are no success: a redirect is not followed, 410 is the end, endless bytes are
 * cut off. */
static void
odd_answers_do_no_harm(void)
{
    g_autoptr(GString) flood =
        g_string_new("HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n");
    for (int i = 0; i < 900000; i++)
        g_string_append_c(flood, 'x');
    Receiver receiver, target;
    receiver_init(&target, OK_ANSWER);
    g_autofree char *redirect = g_strdup_printf(
        "HTTP/1.1 307 There\r\nLocation: http://127.0.0.1:%u/\r\nContent-Length: 0\r\n\r\n",
        target.port);
    const struct {
        const char *answer;
        uint64_t sent, failed, dead;
    } cases[] = {
        { redirect, 0, 1, 0 },
        { "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", 0, 1, 1 },
        { "nonsense\r\n\r\n", 0, 1, 0 },
        { flood->str, 1, 0, 0 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Bench bench;
        receiver_init(&receiver, cases[i].answer);
        init(&bench);
        g_autofree char *id = add_hooked(&bench, receiver.port, "/", ORF_HOOK_DONE, "");
        receiver_wait(&receiver, 1);
        WAIT_FOR(&bench, hooks_sent, cases[i].sent);
        WAIT_FOR(&bench, hooks_failed, cases[i].failed);
        WAIT_FOR(&bench, hooks_dead, cases[i].dead);
        bench_clear(&bench);
        receiver_clear(&receiver);
    }
    g_assert_cmpuint(target.requests->len, ==, 0);
    receiver_clear(&target);
}

static bool
put_hook(OrfSql *sql, void *data, GError **error)
{
    return orf_hook_row_insert(sql, data, error);
}

/* The URL passes (a name that means this machine would, too); the socket does not. */
static void
the_guard_stands_at_the_socket(void)
{
    Bench bench;
    Receiver receiver;
    receiver_init(&receiver, OK_ANSWER);
    init(&bench);
    bench.queue->options.webhooks_may_be_local = false;
    g_autofree char *id = bench_add(&bench, "", NULL);
    OrfHookRow row = {
        .job = id, .event = (char[]){ "job.done" }, .body = (char[]){ "{}" }, .next = 1
    };
    row.url = g_strdup_printf("http://127.0.0.1:%u/", receiver.port);
    g_assert_true(orf_store_write(bench.store, true, put_hook, &row, NULL));
    orf_hooks_wake(bench.queue->hooks);
    WAIT_FOR(&bench, hooks_dead, 1);
    g_autoptr(GPtrArray) dead = orf_queue_dead_hooks(bench.queue, "local", 10, NULL);
    g_assert_cmpstr(((OrfHookRow *)dead->pdata[0])->last_error, ==,
                    "the address is not a public one of another machine");
    g_assert_cmpuint(receiver.requests->len, ==, 0);
    g_free(row.url);
    bench_clear(&bench);
    receiver_clear(&receiver);
}

static void
without_a_secret_webhooks_are_refused(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    g_autoptr(GError) error = NULL, short_error = NULL;
    OrfAccepted accepted = { 0 };
    OrfWish wish = { .tenant = "local",
                     .kind = "k",
                     .request = script(""),
                     .webhook_url = "https://example.com/" };
    g_assert_false(orf_queue_add(bench.queue, &wish, &accepted, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_UNSUPPORTED);
    OrfQueueOptions options = bench.options;
    options.webhook_secret = "whsec_c2hvcnQ=";
    g_assert_null(orf_queue_new(&options, &short_error));
    g_assert_error(short_error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    bench_clear(&bench);
}

#define TEST(name, fn) g_test_add_func("/job/hooks/" name, fn)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("only-public-addresses-are-called", only_public_addresses_are_called);
    TEST("this-machine-is-not-called", this_machine_is_not_called);
    TEST("urls-are-checked-before-a-job-is-accepted",
         urls_are_checked_before_a_job_is_accepted);
    TEST("signatures-are-those-of-the-standard", signatures_are_those_of_the_standard);
    TEST("ten-tries-take-about-two-hours", ten_tries_take_about_two_hours);
    TEST("messages-arrive-signed", messages_arrive_signed);
    TEST("a-failed-delivery-is-made-again-with-the-same-id",
         a_failed_delivery_is_made_again_with_the_same_id);
    TEST("what-nobody-takes-lands-on-the-dead-list-and-can-be-sent-again",
         what_nobody_takes_lands_on_the_dead_list_and_can_be_sent_again);
    TEST("odd-answers-do-no-harm", odd_answers_do_no_harm);
    TEST("the-guard-stands-at-the-socket", the_guard_stands_at_the_socket);
    TEST("without-a-secret-webhooks-are-refused", without_a_secret_webhooks_are_refused);
    return g_test_run();
}
