/* meter-priv.h - what the files of this room share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_METER_PRIV_H
#define ORF_METER_PRIV_H

#include "meter/meter.h"

#include <stdatomic.h>

#define MAX_LABELS 4
#define MAX_BUCKETS 31
#define MAX_SERIES 1000
#define MAX_LABEL_BYTES 128
#define MAX_TRACE_ID 64
#define LINE 64 /* bytes of a cache line */

/* --- Series ------------------------------------------------------------------------------- */

typedef struct {
    atomic_flag busy; /* held for a few stores; who finds it held goes on without */
    double value, time;
    char trace_id[MAX_TRACE_ID + 1]; /* "": none yet */
} Exemplar;

/* Values are spread over shards, one thread (mostly) each; their sum is the series. A shard of
 * a counter or gauge is one line; a histogram's is its sum, then the count of every bucket and
 * of +Inf, rounded up to lines. */
struct OrfSeries {
    OrfMetric *metric;
    _Atomic(OrfSeries *) next; /* in order of creation */
    char *key;                 /* the values, each with its NUL */
    size_t key_size;
    unsigned hash;
    char *labels;   /* `route="/",code="200"`, escaped; "": none */
    double created; /* seconds since 1970 */
    char *shards;
    _Atomic(Exemplar *) exemplars; /* one a bucket; NULL until the first */
};

/* Open addressing over the family's series. Readers take no lock, so a table that was outgrown
 * stays until the family goes; together they are no larger than the newest. */
typedef struct SeriesTable SeriesTable;
struct SeriesTable {
    SeriesTable *outgrown;
    size_t mask;
    _Atomic(OrfSeries *) slots[];
};

struct OrfMetric {
    OrfMeter *meter;
    const OrfMetricInfo *info;
    char *labels[MAX_LABELS];
    size_t n_labels, n_buckets;
    char *le[MAX_BUCKETS + 1][2]; /* `le="0.5"` in the text format and in OpenMetrics */
    size_t shard_size;
    GMutex lock; /* creation of series */
    size_t n_series;
    _Atomic(SeriesTable *) table;
    _Atomic(OrfSeries *) first;
    OrfSeries *last;
    _Atomic(OrfSeries *) other;
};

OrfSeries *orf_series_create(OrfMetric *metric, const char *key, size_t size, unsigned hash);
void orf_series_free(OrfSeries *series);
double orf_series_value(const OrfSeries *series);
/* Counts of every bucket, not cumulative, the last is +Inf; yields the sum of what was
 * observed. */
double orf_series_buckets(const OrfSeries *series, uint64_t ret_counts[MAX_BUCKETS + 1]);
/* A copy of the exemplar of a bucket; false when there is none. */
bool orf_series_exemplar(const OrfSeries *series, size_t bucket, Exemplar *ret);

/* --- Text --------------------------------------------------------------------------------- */

void
orf_text_escape(GString *out, const char *text); /* label values: backslash, quote, newline */
void orf_text_number(GString *out, double value);

/* --- Profile ------------------------------------------------------------------------------ */

#define PROFILE_RUNS 1000
#define PROFILE_STAGES 1024 /* paths known; what is beyond counts for the stage around it */
#define RUN_STAGES 128      /* stages of one run */
#define RUN_DEPTH 16
#define MAX_STAGE_NAME 96

/* One path. Immutable, and stays as long as the meter: traces point at it. */
typedef struct Stage Stage;
struct Stage {
    char *path, *name; /* "generate/inflate: final: mesh", "mesh" */
    Stage *parent, *root;
    unsigned depth, index;
};

typedef struct {
    const Stage *stage;
    int64_t us;
} StageTime;

typedef struct OrfProfile OrfProfile;
OrfProfile *orf_profile_new(void);
void orf_profile_free(OrfProfile *profile);
/* The stage `name` within `parent` (NULL: a root), made when new; `parent` when there are too
 * many. */
const Stage *
orf_profile_stage(OrfProfile *profile, const Stage *parent, const char *name, size_t size);
/* A run that ended. Copies. */
void orf_profile_add_run(OrfProfile *profile, const StageTime *times, size_t n);

/* --- The meter ---------------------------------------------------------------------------- */

typedef struct {
    void (*refresh)(OrfMeter *meter, void *data);
    void *data;
} Refresh;

struct OrfMeter {
    unsigned n_shards; /* a power of two */
    GMutex lock;       /* families, refreshers */
    GHashTable *by_name;
    GPtrArray *families; /* in order of registration */
    GArray *refreshers;
    OrfProfile *profile;
    int64_t (*now_us)(void *data); /* the clock of traces; tests give their own */
    void *now_data;
};

#endif
