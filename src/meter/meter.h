/* meter.h - counters, gauges and histograms for Prometheus; a profiler of nested stages.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Thread-safe. Counting takes no lock and shares no cache line between threads. Names follow
 * the Prometheus naming rules (base units, `_total`); exposition follows the text format 0.0.4
 * and OpenMetrics 1.0. */
#ifndef ORF_METER_H
#define ORF_METER_H

#include "base/base.h"

typedef struct OrfMeter OrfMeter;
OrfMeter *orf_meter_new(void);
void orf_meter_free(OrfMeter *meter); /* its families and series with it */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfMeter, orf_meter_free)

/* --- Metrics ------------------------------------------------------------------------------ */

typedef enum { ORF_COUNTER, ORF_GAUGE, ORF_HISTOGRAM } OrfMetricType;
/* Static tables, one row a family. Names of counters, and of nothing else, end in "_total". */
typedef struct {
    const char *name; /* "orfeas_http_requests_total" */
    OrfMetricType type;
    const char *help;
    const char *labels;    /* "route,method,code"; at most 4; NULL: none */
    const double *buckets; /* rising, above 0, at most 31, ends with 0; histograms only */
} OrfMetricInfo;
typedef struct OrfMetric OrfMetric; /* a family */

/* Registers; the same name twice, with the same type and labels, gives the same family. `info`
 * is static. */
OrfMetric *orf_metric(OrfMeter *meter, const OrfMetricInfo *info);
/* One series of a family by its label values (in order, NULL-terminated list); valid as long as
 * the meter. Finding a series takes no lock either, but hashes its values: keep it where you
 * can. Values are cut after 128 bytes. At most 1000 series a family: further ones are counted
 * together, every label "other". */
typedef struct OrfSeries OrfSeries;
OrfSeries *orf_series(OrfMetric *metric, ...) G_GNUC_NULL_TERMINATED;
/* Counters and gauges. A counter ignores what is below 0; NaN is ignored. */
void orf_series_add(OrfSeries *series, double amount);
/* Gauges; counters that are counted elsewhere (such a series is never added to). */
void orf_series_set(OrfSeries *series, double value);
/* Histograms; what is below 0 counts as 0. `trace_id` becomes the exemplar of the bucket: at
 * most 64 letters, digits and "-"; or NULL. */
void orf_series_observe(OrfSeries *series, double value, const char *trace_id);

/* Called at the start of every exposition, to set gauges; from the thread that asked for it,
 * under no lock. */
void
orf_meter_on_scrape(OrfMeter *meter, void (*refresh)(OrfMeter *meter, void *data), void *data);
/* The families every Prometheus client has: process_cpu_seconds_total,
 * process_resident_memory_bytes, ... */
void orf_meter_add_process(OrfMeter *meter);
/* The exposition; `openmetrics` chooses the format. Caller owns. */
char *orf_meter_text(OrfMeter *meter, bool openmetrics);
#define ORF_METER_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define ORF_METER_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* --- Profiler: spans within spans, aggregated by path ------------------------------------- */

/* One run being measured. One thread at a time. */
typedef struct OrfTrace OrfTrace;
OrfTrace *orf_trace_new(OrfMeter *meter, const char *root); /* "generate/inflate" */
/* The running step is now `path`, levels parted by ": " ("final: mesh"); what of the old path
 * is not in it ends. The same path again costs a comparison, so progress callbacks may call
 * this as often as they like. */
void orf_trace_step(OrfTrace *trace, const char *path);
void orf_trace_free(OrfTrace *trace); /* ends every span and adds them to the profile */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfTrace, orf_trace_free)

/* JSON (caller owns) over the last 1000 runs:
 *   {"runs", "total_s",
 *    "stages":[{"path","name","depth","count","avg_s","min_s","max_s","p95_s","total_s","share","own_share"}],
 *    "bottlenecks":[{"path","share","avg_s","severity":"medium|high|critical","advice"}]}
 * Times are of one run: a stage that was entered several times in a run counts with the sum;
 * `count` is the number of runs that had it. Shares, 0..1, are of the time of the stage's root;
 * `own_share` leaves out the stages within. A bottleneck is a stage whose own time is over 20 %
 * (medium), over 30 % (high) or over 40 % (critical). */
char *orf_profile_json(OrfMeter *meter);
/* Its bottlenecks as advice, into an array: {"source":"profile","code":"bottleneck","severity",
 * "text","stage","share"}. */
void orf_profile_add_advice(OrfMeter *meter, OrfJson *json);
/* Advice for a stage, by the last name in its path; static table, printed in the JSON. */
typedef struct {
    const char *stage, *advice;
} OrfAdvice;
void orf_profile_set_advice(OrfMeter *meter, const OrfAdvice *table, size_t n);

#endif
