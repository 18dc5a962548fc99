/* text.c - the exposition: Prometheus text 0.0.4 and OpenMetrics 1.0.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What differs in OpenMetrics: a counter's family is named without "_total"; units are told;
 * help escapes quotes; counters and histograms say when they were created; buckets carry
 * exemplars; the end is marked. */
#include "meter/meter-priv.h"

#include <math.h>
#include <string.h>

/* --- Words and numbers -------------------------------------------------------------------- */

static void
escape(GString *out, const char *text, bool quotes)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    for (const char *p = valid; *p; p++)
        if (*p == '\\')
            g_string_append(out, "\\\\");
        else if (*p == '\n')
            g_string_append(out, "\\n");
        else if (*p == '"' && quotes)
            g_string_append(out, "\\\"");
        else
            g_string_append_c(out, *p);
}

void
orf_text_escape(GString *out, const char *text)
{
    escape(out, text, true);
}

static void
append_count(GString *out, uint64_t value)
{
    char digits[20], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + value % 10);
    while (value /= 10);
    g_string_append_len(out, at, digits + sizeof digits - at);
}

/* 15 digits where they say it all (0.1), else 17. */
void
orf_text_number(GString *out, double value)
{
    if (!isfinite(value)) {
        g_string_append(out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
        return;
    }
    if (value == floor(value) && value >= 0 && value < 1e15) {
        append_count(out, (uint64_t)value);
        return;
    }
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    g_ascii_formatd(text, sizeof text, "%.15g", value);
    if (g_ascii_strtod(text, NULL) != value)
        g_ascii_dtostr(text, sizeof text, value);
    g_string_append(out, text);
}

/* A moment, in seconds with milliseconds. */
static void
append_time(GString *out, double seconds)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append(out, g_ascii_formatd(text, sizeof text, "%.3f", seconds));
}

/* --- Samples ------------------------------------------------------------------------------ */

typedef struct {
    GString *out;
    const OrfMetric *metric;
    size_t name; /* bytes of the family's name without "_total" */
    bool openmetrics;
} Writer;

/* "name_suffix{labels,extra} ", without what is empty. */
static void
begin_sample(const Writer *writer, const OrfSeries *series, const char *suffix,
             const char *extra)
{
    GString *out = writer->out;
    g_string_append_len(out, writer->metric->info->name, (gssize)writer->name);
    g_string_append(out, suffix);
    if (series->labels[0] || extra[0]) {
        g_string_append_c(out, '{');
        g_string_append(out, series->labels);
        if (series->labels[0] && extra[0])
            g_string_append_c(out, ',');
        g_string_append(out, extra);
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ' ');
}

static void
write_created(const Writer *writer, const OrfSeries *series)
{
    if (!writer->openmetrics || writer->metric->info->type == ORF_GAUGE)
        return;
    begin_sample(writer, series, "_created", "");
    append_time(writer->out, series->created);
    g_string_append_c(writer->out, '\n');
}

static void
write_value(const Writer *writer, const OrfSeries *series)
{
    begin_sample(writer, series, writer->metric->info->type == ORF_COUNTER ? "_total" : "", "");
    orf_text_number(writer->out, orf_series_value(series));
    g_string_append_c(writer->out, '\n');
}

static void
write_exemplar(const Writer *writer, const OrfSeries *series, size_t bucket)
{
    Exemplar exemplar;
    if (!writer->openmetrics || !orf_series_exemplar(series, bucket, &exemplar))
        return;
    g_string_append(writer->out, " # {trace_id=\"");
    g_string_append(writer->out, exemplar.trace_id);
    g_string_append(writer->out, "\"} ");
    orf_text_number(writer->out, exemplar.value);
    g_string_append_c(writer->out, ' ');
    append_time(writer->out, exemplar.time);
}

static void
write_histogram(const Writer *writer, const OrfSeries *series)
{
    uint64_t counts[MAX_BUCKETS + 1], total = 0;
    double sum = orf_series_buckets(series, counts);
    for (size_t i = 0; i <= writer->metric->n_buckets; i++) {
        total += counts[i];
        begin_sample(writer, series, "_bucket", writer->metric->le[i][writer->openmetrics]);
        append_count(writer->out, total);
        write_exemplar(writer, series, i);
        g_string_append_c(writer->out, '\n');
    }
    begin_sample(writer, series, "_sum", "");
    orf_text_number(writer->out, sum);
    g_string_append_c(writer->out, '\n');
    begin_sample(writer, series, "_count", "");
    append_count(writer->out, total);
    g_string_append_c(writer->out, '\n');
}

/* --- Families ----------------------------------------------------------------------------- */

/* The unit that the name ends in; NULL when it has none. */
static const char *
unit_of(const char *name, size_t size)
{
    static const char *const units[] = { "seconds", "bytes", "ratio", "celsius", "watts" };
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        size_t n = strlen(units[i]);
        if (size > n + 1 && name[size - n - 1] == '_' &&
            memcmp(name + size - n, units[i], n) == 0)
            return units[i];
    }
    return NULL;
}

static void
write_head(const Writer *writer)
{
    static const char *const types[] = { "counter", "gauge", "histogram" };
    const OrfMetricInfo *info = writer->metric->info;
    const char *total = info->type == ORF_COUNTER && !writer->openmetrics ? "_total" : "";
    g_string_append_printf(writer->out, "# HELP %.*s%s ", (int)writer->name, info->name, total);
    escape(writer->out, info->help, writer->openmetrics);
    g_string_append_printf(writer->out, "\n# TYPE %.*s%s %s\n", (int)writer->name, info->name,
                           total, types[info->type]);
    const char *unit = unit_of(info->name, writer->name);
    if (unit && writer->openmetrics)
        g_string_append_printf(writer->out, "# UNIT %.*s %s\n", (int)writer->name, info->name,
                               unit);
}

static void
write_family(GString *out, const OrfMetric *metric, bool openmetrics)
{
    size_t name = strlen(metric->info->name);
    if (metric->info->type == ORF_COUNTER)
        name -= strlen("_total");
    Writer writer = { out, metric, name, openmetrics };
    write_head(&writer);
    const OrfSeries *series = atomic_load_explicit(&metric->first, memory_order_acquire);
    for (; series; series = atomic_load_explicit(&series->next, memory_order_acquire)) {
        if (metric->info->type == ORF_HISTOGRAM)
            write_histogram(&writer, series);
        else
            write_value(&writer, series);
        write_created(&writer, series);
    }
}

static void
refresh(OrfMeter *meter)
{
    g_mutex_lock(&meter->lock);
    g_autoptr(GArray) refreshers = g_array_copy(meter->refreshers);
    g_mutex_unlock(&meter->lock);
    for (guint i = 0; i < refreshers->len; i++) {
        const Refresh *one = &g_array_index(refreshers, Refresh, i);
        one->refresh(meter, one->data);
    }
}

char *
orf_meter_text(OrfMeter *meter, bool openmetrics)
{
    refresh(meter);
    g_mutex_lock(&meter->lock);
    g_autoptr(GPtrArray) families = g_ptr_array_sized_new(meter->families->len + 1);
    for (guint i = 0; i < meter->families->len; i++)
        g_ptr_array_add(families, meter->families->pdata[i]);
    g_mutex_unlock(&meter->lock);
    g_autoptr(GString) out = g_string_sized_new(16384);
    for (guint i = 0; i < families->len; i++)
        write_family(out, families->pdata[i], openmetrics);
    if (openmetrics)
        g_string_append(out, "# EOF\n");
    return g_string_free(g_steal_pointer(&out), FALSE);
}
