/* tally.c - requests counted by route, method and status, and how long they took to be
 * answered.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A series is looked up once and kept in a table of pointers; after that a count is two
 * additions. Streams count when they open. */
#include "rest/rest-priv.h"

#define STATUSES 500    /* 100..599 */
#define EXEMPLAR_S 5e-3 /* faster answers leave no trace id behind */

static const double buckets[] = { .001, .005, .01, .025, .05, .075, .1, .25,
                                  .5,   .75,  1,   2.5,  5,   7.5,  10, 0 };

static const OrfMetricInfo requests_info = {
    "orfeas_http_requests_total",
    ORF_COUNTER,
    "Requests answered, by template of the path; 499: the client left before.",
    "route,method,code",
    NULL,
};
static const OrfMetricInfo duration_info = {
    "orfeas_http_request_duration_seconds",
    ORF_HISTOGRAM,
    "From the headers of a request to its answer, or to the opening of its stream.",
    "route,method",
    buckets,
};
static const OrfMetricInfo limited_info = {
    "orfeas_limited_total", ORF_COUNTER, "Requests refused by a limit.", "limit", NULL,
};

typedef struct {
    const char *route, *method;
    _Atomic(OrfSeries *) duration;
    _Atomic(OrfSeries *) by_status[STATUSES];
} Row;

struct OrfTallies {
    OrfMetric *requests, *durations;
    OrfMetric *limited;
    size_t n_rows;
    Row *rows; /* the last counts what found no endpoint */
};

OrfTallies *
orf_tallies_new(OrfMeter *meter, const OrfEndpoint *const *table)
{
    OrfTallies *tallies = g_new0(OrfTallies, 1);
    tallies->durations = orf_metric(meter, &duration_info);
    tallies->requests = orf_metric(meter, &requests_info);
    tallies->limited = orf_metric(meter, &limited_info);
    while (table[tallies->n_rows])
        tallies->n_rows++;
    tallies->rows = g_new0(Row, tallies->n_rows + 1);
    for (size_t i = 0; i <= tallies->n_rows; i++) {
        Row *row = &tallies->rows[i];
        row->route = i < tallies->n_rows ? table[i]->path : "none";
        row->method = i < tallies->n_rows ? table[i]->method : "any";
    }
    return tallies;
}

void
orf_tallies_free(OrfTallies *tallies)
{
    if (!tallies)
        return;
    g_free(tallies->rows);
    g_free(tallies);
}

static OrfSeries *
series_of(OrfTallies *tallies, Row *row, int status)
{
    _Atomic(OrfSeries *) *at = &row->by_status[CLAMP(status, 100, 599) - 100];
    OrfSeries *series = atomic_load_explicit(at, memory_order_acquire);
    if (series)
        return series;
    char code[16];
    g_snprintf(code, sizeof code, "%d", status);
    series = orf_series(tallies->requests, row->route, row->method, code, NULL);
    atomic_store_explicit(at, series, memory_order_release);
    return series;
}

static OrfSeries *
duration_of(OrfTallies *tallies, Row *row)
{
    OrfSeries *series = atomic_load_explicit(&row->duration, memory_order_acquire);
    if (series)
        return series;
    series = orf_series(tallies->durations, row->route, row->method, NULL);
    atomic_store_explicit(&row->duration, series, memory_order_release);
    return series;
}

void
orf_tallies_count(OrfTallies *tallies, int index, int status, double seconds,
                  const char *trace_id)
{
    Row *row = &tallies->rows[index < 0 ? tallies->n_rows : (size_t)index];
    orf_series_add(series_of(tallies, row, status), 1);
    orf_series_observe(duration_of(tallies, row), seconds,
                       seconds < EXEMPLAR_S ? NULL : trace_id);
}

void
orf_tallies_limited(OrfTallies *tallies, const char *limit)
{
    orf_series_add(orf_series(tallies->limited, limit, NULL), 1);
}
