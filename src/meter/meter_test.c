/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/meter-priv.h"

#include <math.h>
#include <string.h>

#define THREADS 8
#define ROUNDS 20000

static const double bounds[] = { 0.1, 1, 10, 0 };
static const OrfMetricInfo hits = { "hits_total", ORF_COUNTER, "Hits.", "route,code" };
static const OrfMetricInfo plain = { "plain_total", ORF_COUNTER, "Without labels." };
static const OrfMetricInfo level = { "level", ORF_GAUGE, "A gauge." };
static const OrfMetricInfo took = { "took_seconds", ORF_HISTOGRAM, "Times.", "route", bounds };

static void
run_threads(GThreadFunc body, void *data)
{
    GThread *threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = g_thread_new("count", body, data);
    for (size_t i = 0; i < THREADS; i++)
        g_thread_join(threads[i]);
}

static void
the_same_name_is_the_same_family(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    static const OrfMetricInfo twin = { "hits_total", ORF_COUNTER, "Hits.", "route,code" };
    OrfMetric *metric = orf_metric(meter, &hits);
    g_assert_true(orf_metric(meter, &twin) == metric);
    OrfSeries *series = orf_series(metric, "/", "200", NULL);
    g_assert_true(orf_series(metric, "/", "200", NULL) == series);
    g_assert_true(orf_series(metric, "/2", "00", NULL) != series);
}

static void *
count_hits(void *data)
{
    OrfSeries *series = orf_series(data, "/", "200", NULL);
    for (size_t i = 0; i < ROUNDS; i++)
        orf_series_add(series, 1);
    return NULL;
}

static void
counts_of_many_threads_add_up(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    OrfMetric *metric = orf_metric(meter, &hits);
    run_threads(count_hits, metric);
    double value = orf_series_value(orf_series(metric, "/", "200", NULL));
    g_assert_cmpfloat(value, ==, (double)THREADS * ROUNDS);
}

static void *
observe_times(void *data)
{
    for (size_t i = 0; i < ROUNDS; i++) /* 0.05, 0.5, 5 and 50 in turn */
        orf_series_observe(data, 0.05 * pow(10, (double)(i % 4)), i % 100 ? NULL : "cafe");
    return NULL;
}

static void
observations_of_many_threads_add_up(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    OrfSeries *series = orf_series(orf_metric(meter, &took), "/", NULL);
    run_threads(observe_times, series);
    uint64_t counts[MAX_BUCKETS + 1];
    double sum = orf_series_buckets(series, counts);
    for (size_t i = 0; i < 4; i++)
        g_assert_cmpuint(counts[i], ==, THREADS * ROUNDS / 4);
    g_assert_cmpfloat_with_epsilon(sum, THREADS * ROUNDS / 4 * 55.55, 1e-3);
    Exemplar exemplar;
    g_assert_true(orf_series_exemplar(series, 0, &exemplar));
    g_assert_cmpstr(exemplar.trace_id, ==, "cafe");
}

/* Every thread makes the same 1200 series, in another order. */
static void *
make_series(void *data)
{
    OrfMetric *metric = data;
    size_t start = (size_t)g_random_int_range(0, 1200);
    for (size_t i = 0; i < 1200; i++) {
        char route[16];
        g_snprintf(route, sizeof route, "/%zu", (start + i) % 1200);
        orf_series_add(orf_series(metric, route, "200", NULL), 1);
    }
    return NULL;
}

static void
series_made_by_many_threads_are_made_once(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    OrfMetric *metric = orf_metric(meter, &hits);
    run_threads(make_series, metric);
    double sum = 0;
    size_t n = 0;
    for (OrfSeries *series = metric->first; series; series = series->next, n++) {
        double value = orf_series_value(series);
        g_assert_true(series == metric->other || value == THREADS);
        sum += value;
    }
    g_assert_cmpuint(n, ==, MAX_SERIES + 1);
    g_assert_cmpfloat(sum, ==, THREADS * 1200);
    g_assert_cmpfloat(orf_series_value(metric->other), ==, THREADS * 200);
    g_assert_cmpstr(metric->other->labels, ==, "route=\"other\",code=\"other\"");
    g_assert_true(orf_series(metric, "other", "other", NULL) == metric->other);
}

static void *
scrape(void *data)
{
    for (size_t i = 0; i < 50; i++)
        g_free(orf_meter_text(data, i % 2));
    return NULL;
}

static void
scraping_and_counting_go_together(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    OrfSeries *series = orf_series(orf_metric(meter, &took), "/", NULL);
    GThread *scraper = g_thread_new("scrape", scrape, meter);
    GThread *maker = g_thread_new("make", make_series, orf_metric(meter, &hits));
    observe_times(series);
    g_thread_join(maker);
    g_thread_join(scraper);
    g_autofree char *text = orf_meter_text(meter, false);
    g_assert_nonnull(strstr(text, "took_seconds_count{route=\"/\"} 20000\n"));
}

static void
gauges_go_up_and_down(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    OrfSeries *series = orf_series(orf_metric(meter, &level), NULL);
    orf_series_add(series, 3);
    orf_series_add(series, -5);
    g_assert_cmpfloat(orf_series_value(series), ==, -2);
    orf_series_set(series, 7);
    orf_series_add(series, NAN);
    g_assert_cmpfloat(orf_series_value(series), ==, 7);
}

static void
counters_never_fall(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    OrfSeries *series = orf_series(orf_metric(meter, &plain), NULL);
    orf_series_add(series, 2.5);
    orf_series_add(series, -1);
    orf_series_add(series, NAN);
    g_assert_cmpfloat(orf_series_value(series), ==, 2.5);
}

static void
odd_observations_do_no_harm(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    OrfSeries *series = orf_series(orf_metric(meter, &took), "/", NULL);
    orf_series_observe(series, NAN, NULL);
    orf_series_observe(series, -3, NULL);
    orf_series_observe(series, 0.1, NULL); /* bounds belong to their bucket */
    orf_series_observe(series, 11, "not \"a\" trace");
    uint64_t counts[MAX_BUCKETS + 1];
    g_assert_cmpfloat_with_epsilon(orf_series_buckets(series, counts), 11.1, 1e-9);
    g_assert_cmpuint(counts[0], ==, 2);
    g_assert_cmpuint(counts[3], ==, 1);
    Exemplar exemplar;
    g_assert_false(orf_series_exemplar(series, 3, &exemplar));
}

static void
long_values_are_cut_between_characters(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    g_autoptr(GString) value = g_string_new("x");
    for (size_t i = 0; i < 100; i++)
        g_string_append(value, "é");
    OrfSeries *series = orf_series(orf_metric(meter, &took), value->str, NULL);
    g_assert_cmpuint(series->key_size, ==, MAX_LABEL_BYTES); /* 127 bytes and the NUL */
    g_assert_true(g_utf8_validate(series->labels, -1, NULL));
}

static void
set_level(OrfMeter *meter, void *data)
{
    orf_series_set(orf_series(orf_metric(meter, &level), NULL), ++*(double *)data);
}

static void
gauges_are_refreshed_before_every_exposition(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    double calls = 0;
    orf_meter_on_scrape(meter, set_level, &calls);
    g_free(orf_meter_text(meter, false));
    g_autofree char *text = orf_meter_text(meter, false);
    g_assert_nonnull(strstr(text, "\nlevel 2\n"));
}

static void
the_process_is_told(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    orf_meter_add_process(meter);
    g_autofree char *text = orf_meter_text(meter, false);
    const char *resident = strstr(text, "\nprocess_resident_memory_bytes ");
    g_assert_nonnull(resident);
    g_assert_cmpfloat(g_ascii_strtod(strchr(resident, ' '), NULL), >, 1e5);
    const char *started = strstr(text, "\nprocess_start_time_seconds ");
    double age = (double)g_get_real_time() / 1e6 - g_ascii_strtod(strchr(started, ' '), NULL);
    g_assert_cmpfloat(fabs(age), <, 86400 * 365);
    g_assert_nonnull(strstr(text, "\n# TYPE process_cpu_seconds_total counter\n"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name, function) g_test_add_func("/meter/meter/" name, function)
    TEST("the-same-name-is-the-same-family", the_same_name_is_the_same_family);
    TEST("counts-of-many-threads-add-up", counts_of_many_threads_add_up);
    TEST("observations-of-many-threads-add-up", observations_of_many_threads_add_up);
    TEST("series-made-by-many-threads-are-made-once",
         series_made_by_many_threads_are_made_once);
    TEST("scraping-and-counting-go-together", scraping_and_counting_go_together);
    TEST("gauges-go-up-and-down", gauges_go_up_and_down);
    TEST("counters-never-fall", counters_never_fall);
    TEST("odd-observations-do-no-harm", odd_observations_do_no_harm);
    TEST("long-values-are-cut-between-characters", long_values_are_cut_between_characters);
    TEST("gauges-are-refreshed-before-every-exposition",
         gauges_are_refreshed_before_every_exposition);
    TEST("the-process-is-told", the_process_is_told);
    return g_test_run();
}
