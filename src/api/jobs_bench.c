/* jobs_bench.c - polls, downloads and idle streams through the whole API.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Client and server share the process and the cores: trust ratios. */
#include "api/jobs-stage_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

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
    fflush(stdout);
}

/* --- Many small requests on kept connections ---------------------------------------------- */

enum { CONNECTIONS = 64 };

/* Reads one reply; how many bytes it had. A 304 has no body whatever its head says. */
static size_t
read_reply(int fd)
{
    static char buffer[1 << 16];
    size_t at = 0, size = SIZE_MAX;
    while (at < size) {
        ssize_t n = read(fd, buffer + (at < 4096 ? at : 0), at < 4096 ? 4096 : sizeof buffer);
        g_assert_cmpint(n, >, 0);
        at += (size_t)n;
        const char *end =
            size == SIZE_MAX ? g_strstr_len(buffer, (gssize)at, "\r\n\r\n") : NULL;
        const char *length =
            end ? g_strstr_len(buffer, end - buffer, "Content-Length: ") : NULL;
        if (end)
            size = (size_t)(end + 4 - buffer) +
                   (length ? (size_t)g_ascii_strtoull(length + 16, NULL, 10) : 0);
    }
    return at;
}

static void
requests(JobsStage *stage, const char *name, const char *target, const char *headers,
         size_t rounds)
{
    int fds[CONNECTIONS];
    size_t size = 0;
    g_autofree double *ms = g_new(double, rounds);
    g_autofree char *request = g_strdup_printf(
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n", target, stage->api->port, headers);
    size_t length = strlen(request);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        fds[i] = client_connect(stage->api->port);
        client_send(fds[i], request);
        size = read_reply(fds[i]);
    }
    int64_t start = g_get_monotonic_time();
    for (size_t round = 0; round < rounds; round++) {
        int64_t begun = g_get_monotonic_time();
        for (size_t i = 0; i < CONNECTIONS; i++)
            g_assert_cmpint(write(fds[i], request, length), ==, (ssize_t)length);
        for (size_t i = 0; i < CONNECTIONS; i++)
            read_reply(fds[i]);
        ms[round] = (double)(g_get_monotonic_time() - begun) / 1000;
    }
    double seconds = (double)(g_get_monotonic_time() - start) / 1e6;
    for (size_t i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    print(name, size, ms, rounds, 0, (double)(rounds * CONNECTIONS) / seconds, "1/s");
}

static void
polls(JobsStage *stage, size_t rounds)
{
    jobs_stage_add(stage, NULL);
    jobs_stage_tell_stage(stage, "preview", 0.25);
    jobs_stage_await(stage, "stage");
    g_auto(ApiAnswer) answer = jobs_get(stage, "", "");
    g_autofree char *etag = api_answer_header(&answer, "ETag");
    g_autofree char *condition = g_strdup_printf("If-None-Match: %s\r\n", etag);
    requests(stage, "poll/livez", "/livez", "", rounds);
    requests(stage, "poll/304", stage->job, condition, rounds);
    requests(stage, "poll/200", stage->job, "", rounds);
    jobs_stage_finish(stage);
    jobs_stage_await(stage, "done");
    requests(stage, "poll/200-finished", stage->job, "", rounds);
}

/* --- Downloads ---------------------------------------------------------------------------- */

static void
downloads(JobsStage *stage, size_t rounds)
{
    enum { SIZE = 2 << 20 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = g_bytes_new_take(g_malloc0(SIZE), SIZE);
    orf_blob_put(stage->store, bytes, stage->glb, &error);
    g_assert_no_error(error);
    stage->glb_size = SIZE;
    jobs_stage_add(stage, NULL);
    jobs_stage_finish(stage);
    jobs_stage_await(stage, "done");
    g_autofree char *target = g_strconcat(stage->job, "/result", NULL);
    requests(stage, "result/2-MiB", target, "", rounds);
}

/* --- Idle streams ------------------------------------------------------------------------- */

static size_t
resident(void)
{
    g_autofree char *text = NULL;
    unsigned long total = 0, pages = 0;
    g_file_get_contents("/proc/self/statm", &text, NULL, NULL);
    g_assert_cmpint(sscanf(text, "%lu %lu", &total, &pages), ==, 2);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static double
cpu_seconds(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void
idle_streams(JobsStage *stage, size_t n, unsigned seconds)
{
    g_autofree int *fds = g_new(int, n);
    g_autofree double *ms = g_new(double, n);
    jobs_stage_add(stage, NULL);
    jobs_stage_tell_log(stage, "hello");
    jobs_stage_await(stage, "log");
    size_t before = resident();
    for (size_t i = 0; i < n; i++) {
        int64_t begun = g_get_monotonic_time();
        fds[i] = jobs_open(stage, "/events", "Connection: close\r\n");
        g_free(client_read_until(fds[i], "hello"));
        ms[i] = (double)(g_get_monotonic_time() - begun) / 1000;
    }
    size_t each = (resident() - before) / n;
    print("stream/idle-memory-each", n, ms, n, each, (double)each, "B");
    double used = cpu_seconds();
    g_usleep(seconds * G_USEC_PER_SEC);
    double idle_ms = (cpu_seconds() - used) * 1000 / seconds;
    print("stream/idle-cpu-ms-a-second", n, &idle_ms, 1, 0, idle_ms, "ms/s");
    int64_t begun = g_get_monotonic_time();
    jobs_stage_finish(stage);
    for (size_t i = 0; i < n; i++) {
        g_free(client_read_all(fds[i], NULL));
        close(fds[i]);
    }
    double all = (double)(g_get_monotonic_time() - begun) / 1000;
    print("stream/five-events-to-all", n, &all, 1, 0, (double)n * 5 / all * 1000, "events/s");
}

int
main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    JobsStage *stage = jobs_stage_start();
    polls(stage, quick ? 20 : 1000);
    downloads(stage, quick ? 2 : 20);
    idle_streams(stage, quick ? 100 : 900, quick ? 1 : 24);
    jobs_stage_stop(stage);
    return 0;
}
