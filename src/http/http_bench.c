/* http_bench.c - small replies on kept connections, first bytes of streams, memory of idle
 * streams.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Client and server share the process and the cores: trust ratios. */
#include "http/client_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define HELLO "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
#define STREAM "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"

typedef struct {
    GMutex lock;
    GPtrArray *streams;
} Bench;

static void
begin(OrfRequest *request, void *data)
{
    (void)request, (void)data;
}

static void
complete(OrfRequest *request, void *data)
{
    Bench *bench = data;
    if (strcmp(orf_request_path(request), "/hello") == 0) {
        stage_reply(request, 200, "{\"status\":\"running\"}");
        return;
    }
    OrfStream *stream = orf_request_stream(request, 200, NULL, 1u << 20);
    orf_stream_write(stream, "data: hello\n\n", 13);
    g_mutex_lock(&bench->lock);
    g_ptr_array_add(bench->streams, stream);
    g_mutex_unlock(&bench->lock);
}

static void
gone(OrfRequest *request, bool early, void *data)
{
    (void)request, (void)early, (void)data;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
print(const char *name, size_t size, double *ms, size_t n, size_t bytes, double rate,
      const char *unit)
{
    qsort(ms, n, sizeof *ms, compare);
    printf("%s\t%zu\t%.3f\t%.3f\t%zu\t%.0f %s\n", name, size, ms[n / 2], ms[n * 95 / 100],
           bytes, rate, unit);
}

static void
replies(uint16_t port, size_t n)
{
    g_autofree double *ms = g_new(double, n);
    int fd = client_connect(port);
    int64_t start = g_get_monotonic_time();
    for (size_t i = 0; i < n; i++) {
        char buffer[1024];
        int64_t begun = g_get_monotonic_time();
        client_send(fd, HELLO);
        g_assert_cmpint(read(fd, buffer, sizeof buffer), >, 0);
        ms[i] = (double)(g_get_monotonic_time() - begun) / 1000;
    }
    double seconds = (double)(g_get_monotonic_time() - start) / 1e6;
    close(fd);
    print("reply/one-connection", n, ms, n, 0, (double)n / seconds, "1/s");
}

static void
pipelined(uint16_t port, size_t rounds)
{
    enum { DEPTH = 32 };
    g_autoptr(GString) many = g_string_new(NULL);
    for (unsigned i = 0; i < DEPTH; i++)
        g_string_append(many, HELLO);
    int fd = client_connect(port);
    client_send(fd, HELLO);
    char buffer[65536];
    size_t reply = (size_t)read(fd, buffer, sizeof buffer);
    g_autofree double *ms = g_new(double, rounds);
    int64_t start = g_get_monotonic_time();
    for (size_t i = 0; i < rounds; i++) {
        int64_t begun = g_get_monotonic_time();
        client_send(fd, many->str);
        for (size_t size = 0; size < DEPTH * reply;)
            size += (size_t)read(fd, buffer, sizeof buffer);
        ms[i] = (double)(g_get_monotonic_time() - begun) / 1000;
    }
    double seconds = (double)(g_get_monotonic_time() - start) / 1e6;
    close(fd);
    print("reply/pipelined-by-32", rounds, ms, rounds, 0, (double)(rounds * DEPTH) / seconds,
          "1/s");
}

static size_t
resident(void)
{
    g_autofree char *text = NULL;
    unsigned long total = 0, pages = 0;
    g_file_get_contents("/proc/self/statm", &text, NULL, NULL);
    g_assert_cmpint(sscanf(text, "%lu %lu", &total, &pages), ==, 2);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* All clients leave at once: until the server has nothing of them left. */
static void
leave(OrfHttp *http, const int *fds, size_t n)
{
    int64_t begun = g_get_monotonic_time();
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
    OrfHttpStats stats;
    do {
        g_usleep(1000);
        orf_http_stats(http, &stats);
    } while (stats.connections);
    double ms = (double)(g_get_monotonic_time() - begun) / 1000;
    print("stream/all-leave", n, &ms, 1, 0, (double)n / ms * 1000, "1/s");
}

static void
idle_streams(OrfHttp *http, size_t n)
{
    uint16_t port = orf_http_port(http);
    g_autofree int *fds = g_new(int, n);
    g_autofree double *ms = g_new(double, n);
    size_t before = resident();
    for (size_t i = 0; i < n; i++) {
        int64_t begun = g_get_monotonic_time();
        fds[i] = client_connect(port);
        client_send(fds[i], STREAM);
        g_free(client_read_until(fds[i], "hello"));
        ms[i] = (double)(g_get_monotonic_time() - begun) / 1000;
    }
    size_t each = (resident() - before) / n;
    print("stream/idle-memory-each", n, ms, n, each, (double)each, "B");
    leave(http, fds, n);
}

int
main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    Bench bench = { .streams = g_ptr_array_new() };
    g_autoptr(GError) error = NULL;
    OrfHttpOptions options = { .max_per_address = 4096 };
    OrfHttp *http =
        orf_http_start(&options, &(OrfHttpApp){ begin, complete, gone, &bench }, &error);
    g_assert_no_error(error);
    replies(orf_http_port(http), quick ? 1000 : 20000);
    pipelined(orf_http_port(http), quick ? 100 : 2000);
    idle_streams(http, quick ? 100 : 1000);
    orf_http_free(http);
    for (size_t i = 0; i < bench.streams->len; i++)
        orf_stream_end(bench.streams->pdata[i]);
    g_ptr_array_unref(bench.streams);
    return 0;
}
