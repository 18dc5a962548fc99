/* meter_bench.c - what counting, looking up, tracing and scraping cost.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Median and p95 are of blocks of ROUNDS calls (milliseconds a block); the rate is nanoseconds
 * a call. */
#include "meter/meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 41
#define ROUNDS 10000
#define THREADS 4

static const double bounds[] = { .005, .01, .025, .05, .075, .1, .25, .5,
                                 .75,  1,   2.5,  5,   7.5,  10, 0 };
static const OrfMetricInfo hits = { "hits_total", ORF_COUNTER, "Hits.", "route,method,code" };
static const OrfMetricInfo took = { "took_seconds", ORF_HISTOGRAM, "Times.", "route", bounds };

typedef struct {
    OrfMeter *meter;
    OrfMetric *hits;
    OrfSeries *count, *time;
    OrfTrace *trace;
} Bench;

typedef void (*BenchFn)(Bench *bench);

static void
add(Bench *bench)
{
    for (size_t i = 0; i < ROUNDS; i++)
        orf_series_add(bench->count, 1);
}

static void
look_up_and_add(Bench *bench)
{
    for (size_t i = 0; i < ROUNDS; i++)
        orf_series_add(orf_series(bench->hits, "/api/v1/jobs/{id}", "GET", "200", NULL), 1);
}

static void
observe(Bench *bench)
{
    for (size_t i = 0; i < ROUNDS; i++)
        orf_series_observe(bench->time, (double)(i & 1023) / 100, NULL);
}

static void
observe_with_exemplar(Bench *bench)
{
    for (size_t i = 0; i < ROUNDS; i++)
        orf_series_observe(bench->time, (double)(i & 1023) / 100,
                           "4bf92f3577b34da6a3ce929d0e0e4736");
}

static void
step_to_another_stage(Bench *bench)
{
    static const char *const paths[] = { "medium: mesh", "medium: dress", "final",
                                         "final: mesh" };
    for (size_t i = 0; i < ROUNDS; i++)
        orf_trace_step(bench->trace, paths[i & 3]);
}

static void
step_to_the_same_stage(Bench *bench)
{
    for (size_t i = 0; i < ROUNDS; i++)
        orf_trace_step(bench->trace, "medium: mesh");
}

static void
whole_run_of_eight_steps(Bench *bench)
{
    static const char *const stages[] = { "look",         "preview: mesh", "preview: dress",
                                          "medium: mesh", "medium: dress", "final: mesh",
                                          "final: dress", "finished: mesh" };
    for (size_t i = 0; i < ROUNDS / 100; i++) {
        g_autoptr(OrfTrace) trace = orf_trace_new(bench->meter, "generate/inflate");
        for (size_t stage = 0; stage < G_N_ELEMENTS(stages); stage++)
            orf_trace_step(trace, stages[stage]);
    }
}

static void *
add_in_thread(void *data)
{
    add(data);
    return NULL;
}

static void
add_on_four_threads(Bench *bench)
{
    GThread *threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = g_thread_new("add", add_in_thread, bench);
    for (size_t i = 0; i < THREADS; i++)
        g_thread_join(threads[i]);
}

static void
scrape_text(Bench *bench)
{
    g_free(orf_meter_text(bench->meter, false));
}

static void
scrape_openmetrics(Bench *bench)
{
    g_free(orf_meter_text(bench->meter, true));
}

static void
profile(Bench *bench)
{
    g_free(orf_profile_json(bench->meter));
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
measure(Bench *bench, const char *name, size_t calls, BenchFn body)
{
    double ms[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        int64_t begun = g_get_monotonic_time();
        body(bench);
        ms[i] = (double)(g_get_monotonic_time() - begun) / 1000;
    }
    qsort(ms, BLOCKS, sizeof ms[0], compare);
    printf("%s\t%zu\t%.3f\t%.3f\t0\t%.1f ns\n", name, calls, ms[BLOCKS / 2],
           ms[BLOCKS * 95 / 100], ms[BLOCKS / 2] * 1e6 / (double)calls);
}

/* 1000 counters and `n_times` histograms of 15 buckets. */
static void
fill(Bench *bench, size_t n_times)
{
    char route[32];
    for (size_t i = 0; i < 1000; i++) {
        g_snprintf(route, sizeof route, "/route/%zu", i);
        orf_series_add(orf_series(bench->hits, route, "GET", "200", NULL), (double)i * 1000);
    }
    for (size_t i = 0; i < n_times; i++) {
        g_snprintf(route, sizeof route, "/route/%zu", i);
        orf_series_observe(orf_series(orf_metric(bench->meter, &took), route, NULL),
                           0.001 * (double)i, "4bf92f3577b34da6a3ce929d0e0e4736");
    }
}

int
main(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    Bench bench = { .meter = meter, .hits = orf_metric(meter, &hits) };
    bench.count = orf_series(bench.hits, "/api/v1/jobs/{id}", "GET", "200", NULL);
    bench.time = orf_series(orf_metric(meter, &took), "/api/v1/jobs/{id}", NULL);
    measure(&bench, "add", ROUNDS, add);
    measure(&bench, "add/four-threads", (size_t)ROUNDS * THREADS, add_on_four_threads);
    measure(&bench, "look-up-and-add", ROUNDS, look_up_and_add);
    measure(&bench, "observe", ROUNDS, observe);
    measure(&bench, "observe/exemplar", ROUNDS, observe_with_exemplar);
    bench.trace = orf_trace_new(meter, "generate/inflate");
    measure(&bench, "step/another", ROUNDS, step_to_another_stage);
    measure(&bench, "step/same", ROUNDS, step_to_the_same_stage);
    orf_trace_free(bench.trace);
    measure(&bench, "run/eight-steps", ROUNDS / 100, whole_run_of_eight_steps);
    measure(&bench, "profile/1000-runs", 1, profile);
    fill(&bench, 200);
    measure(&bench, "scrape/text-4400-lines", 1, scrape_text);
    measure(&bench, "scrape/openmetrics-5600-lines", 1, scrape_openmetrics);
    fill(&bench, 900);
    measure(&bench, "scrape/text-16300-lines", 1, scrape_text);
    return 0;
}
