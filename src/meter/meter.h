/* meter.h - counters, gauges and histograms for Prometheus; a profiler of nested stages.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Thread-safe. Counting costs no lock shared between threads. Names follow the Prometheus naming rules (base
 * units, `_total`); exposition follows the text format 0.0.4 and OpenMetrics 1.0. */
#ifndef ORF_METER_H
#define ORF_METER_H

#include "base/base.h"

typedef struct OrfMeter OrfMeter;
OrfMeter *orf_meter_new(void);
void orf_meter_free(OrfMeter *meter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfMeter, orf_meter_free)

/* --- Metrics ------------------------------------------------------------------------------------------- */

typedef enum { ORF_COUNTER, ORF_GAUGE, ORF_HISTOGRAM } OrfMetricType;
/* Static tables, one row a family. */
typedef struct {
    const char *name; /* "orfeas_http_requests_total" */
    OrfMetricType type;
    const char *help;
    const char *labels;    /* "route,method,code"; at most 4; NULL: none */
    const double *buckets; /* rising, ends with 0; histograms only */
} OrfMetricInfo;
typedef struct OrfMetric OrfMetric; /* a family */

/* Registers; the same name twice gives the same family. `info` is static. */
OrfMetric *orf_metric(OrfMeter *meter, const OrfMetricInfo *info);
/* One series of a family by its label values (in order, NULL-terminated list); cheap to keep, valid as long as the
 * meter. At most 1000 series a family: further ones are counted together under "other". */
typedef struct OrfSeries OrfSeries;
OrfSeries *orf_series(OrfMetric *metric, ...) G_GNUC_NULL_TERMINATED;
void orf_series_add(OrfSeries *series, double amount); /* counters (amount >= 0), gauges */
void orf_series_set(OrfSeries *series, double value);  /* gauges; counters read elsewhere */
void orf_series_observe(OrfSeries *series, double value,
                        const char *trace_id); /* exemplar; or NULL */

/* Called at the start of every exposition, to set gauges. */
void
orf_meter_on_scrape(OrfMeter *meter, void (*refresh)(OrfMeter *meter, void *data), void *data);
/* The exposition; `openmetrics` chooses the format. Caller owns. */
char *orf_meter_text(OrfMeter *meter, bool openmetrics);

/* --- Profiler: spans within spans, aggregated by path ----------------------------------------------------- */

/* One run being measured. One thread at a time. */
typedef struct OrfTrace OrfTrace;
OrfTrace *orf_trace_new(OrfMeter *meter, const char *root); /* "generate/inflate" */
/* The running step is now `path`, levels parted by ": " ("final: mesh"); what of the old path is not in it ends. */
void orf_trace_step(OrfTrace *trace, const char *path);
void orf_trace_free(OrfTrace *trace); /* ends every span and adds them to the profile */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfTrace, orf_trace_free)

/* JSON (caller owns): {"runs", "total_s", "stages":[{"path","depth","count","avg_s","min_s","max_s","p95_s",
 * "share"}], "bottlenecks":[{"path","share","severity":"medium|high|critical","advice"}]} over the last 1000 runs.
 * Shares are of the root's own time; leaf stages over 20 % are medium, over 30 % high, over 40 % critical. */
char *orf_profile_json(OrfMeter *meter);
void orf_profile_reset(OrfMeter *meter);
/* Advice for a stage, by the last name in its path; static table, printed in the JSON. */
typedef struct {
    const char *stage, *advice;
} OrfAdvice;
void orf_profile_set_advice(OrfMeter *meter, const OrfAdvice *table, size_t n);

#endif
