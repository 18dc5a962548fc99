/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/meter-priv.h"

#include <math.h>
#include <string.h>

static const double bounds[] = { 0.25, 1, 0 };
static const OrfMetricInfo hits = { "hits_total", ORF_COUNTER, "Hits, \"quoted\"\nand \\ more.",
                                    "route,code" };
static const OrfMetricInfo memory = { "memory_bytes", ORF_GAUGE, "Memory." };
static const OrfMetricInfo took = { "took_seconds", ORF_HISTOGRAM, "Times.", "route", bounds };

static OrfMeter *
small_meter(void)
{
    OrfMeter *meter = orf_meter_new();
    orf_series_add(orf_series(orf_metric(meter, &hits), "/a", "200", NULL), 3);
    orf_series_set(orf_series(orf_metric(meter, &memory), NULL), 1.5e9);
    OrfSeries *times = orf_series(orf_metric(meter, &took), "/a", NULL);
    orf_series_observe(times, 0.125, NULL);
    orf_series_observe(times, 0.5, "4bf92f3577b34da6a3ce929d0e0e4736");
    orf_series_observe(times, 2, NULL);
    return meter;
}

/* Moments are not the same twice: digits after `mark` become T. */
static char *
without_moments(const char *text)
{
    g_autoptr(GRegex) regex =
        g_regex_new("(_created(?:\\{[^}]*\\})? |\"\\} [0-9.]+ )[0-9]+\\.[0-9]{3}$",
                    G_REGEX_MULTILINE, 0, NULL);
    return g_regex_replace(regex, text, -1, 0, "\\1T", 0, NULL);
}

static void
the_text_format_is_as_prometheus_reads_it(void)
{
    g_autoptr(OrfMeter) meter = small_meter();
    g_autofree char *text = orf_meter_text(meter, false);
    g_assert_cmpstr(text, ==,
                    "# HELP hits_total Hits, \"quoted\"\\nand \\\\ more.\n"
                    "# TYPE hits_total counter\n"
                    "hits_total{route=\"/a\",code=\"200\"} 3\n"
                    "# HELP memory_bytes Memory.\n"
                    "# TYPE memory_bytes gauge\n"
                    "memory_bytes 1500000000\n"
                    "# HELP took_seconds Times.\n"
                    "# TYPE took_seconds histogram\n"
                    "took_seconds_bucket{route=\"/a\",le=\"0.25\"} 1\n"
                    "took_seconds_bucket{route=\"/a\",le=\"1\"} 2\n"
                    "took_seconds_bucket{route=\"/a\",le=\"+Inf\"} 3\n"
                    "took_seconds_sum{route=\"/a\"} 2.625\n"
                    "took_seconds_count{route=\"/a\"} 3\n");
}

static void
openmetrics_names_units_moments_and_exemplars(void)
{
    g_autoptr(OrfMeter) meter = small_meter();
    g_autofree char *text = orf_meter_text(meter, true);
    g_autofree char *timeless = without_moments(text);
    g_assert_cmpstr(timeless, ==,
                    "# HELP hits Hits, \\\"quoted\\\"\\nand \\\\ more.\n"
                    "# TYPE hits counter\n"
                    "hits_total{route=\"/a\",code=\"200\"} 3\n"
                    "hits_created{route=\"/a\",code=\"200\"} T\n"
                    "# HELP memory_bytes Memory.\n"
                    "# TYPE memory_bytes gauge\n"
                    "# UNIT memory_bytes bytes\n"
                    "memory_bytes 1500000000\n"
                    "# HELP took_seconds Times.\n"
                    "# TYPE took_seconds histogram\n"
                    "# UNIT took_seconds seconds\n"
                    "took_seconds_bucket{route=\"/a\",le=\"0.25\"} 1\n"
                    "took_seconds_bucket{route=\"/a\",le=\"1.0\"} 2"
                    " # {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"} 0.5 T\n"
                    "took_seconds_bucket{route=\"/a\",le=\"+Inf\"} 3\n"
                    "took_seconds_sum{route=\"/a\"} 2.625\n"
                    "took_seconds_count{route=\"/a\"} 3\n"
                    "took_seconds_created{route=\"/a\"} T\n"
                    "# EOF\n");
}

static void
label_values_are_escaped(void)
{
    static const struct {
        const char *value, *escaped;
    } cases[] = {
        { "", "" },
        { "a\"b", "a\\\"b" },
        { "a\\b", "a\\\\b" },
        { "a\nb", "a\\nb" },
        { "a} 1\nhits 2", "a} 1\\nhits 2" },
        { "caf\xc3\xa9", "caf\xc3\xa9" },
        { "bad \xff byte", "bad \xef\xbf\xbd byte" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        orf_text_escape(out, cases[i].value);
        g_assert_cmpstr(out->str, ==, cases[i].escaped);
    }
}

static void
numbers_read_back_as_they_were(void)
{
    static const double numbers[] = { 0,     0.1,  -2,      1e14, 123456789012345678.0,
                                      1e300, 1e-9, 1.0 / 3, -0.5, 4503599627.5 };
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        orf_text_number(out, numbers[i]);
        g_assert_cmpfloat(g_ascii_strtod(out->str, NULL), ==, numbers[i]);
    }
    g_autoptr(GString) odd = g_string_new(NULL);
    orf_text_number(odd, 0.1);
    orf_text_number(odd, INFINITY);
    orf_text_number(odd, -INFINITY);
    orf_text_number(odd, NAN);
    g_assert_cmpstr(odd->str, ==, "0.1+Inf-InfNaN");
}

static void
a_family_without_series_is_announced(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    orf_metric(meter, &took);
    g_autofree char *text = orf_meter_text(meter, false);
    g_assert_cmpstr(text, ==, "# HELP took_seconds Times.\n# TYPE took_seconds histogram\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name, function) g_test_add_func("/meter/text/" name, function)
    TEST("the-text-format-is-as-prometheus-reads-it",
         the_text_format_is_as_prometheus_reads_it);
    TEST("openmetrics-names-units-moments-and-exemplars",
         openmetrics_names_units_moments_and_exemplars);
    TEST("label-values-are-escaped", label_values_are_escaped);
    TEST("numbers-read-back-as-they-were", numbers_read_back_as_they_were);
    TEST("a-family-without-series-is-announced", a_family_without_series_is_announced);
    return g_test_run();
}
