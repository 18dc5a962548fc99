/* series.c - one series: values spread over shards, exemplars.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A thread counts in the shard its identity hashes to, with relaxed atomics: two threads that
 * share a shard are still right, only slower. Reading adds the shards up. */
#include "meter/meter-priv.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

static void
append_labels(GString *out, const OrfMetric *metric, const char *key)
{
    for (size_t i = 0; i < metric->n_labels; i++, key += strlen(key) + 1) {
        g_string_append_printf(out, "%s%s=\"", i ? "," : "", metric->labels[i]);
        orf_text_escape(out, key);
        g_string_append_c(out, '"');
    }
}

OrfSeries *
orf_series_create(OrfMetric *metric, const char *key, size_t size, unsigned hash)
{
    g_autoptr(GString) labels = g_string_new(NULL);
    append_labels(labels, metric, key);
    OrfSeries *series = g_new0(OrfSeries, 1);
    series->metric = metric;
    series->key = g_memdup2(key, size);
    series->key_size = size;
    series->hash = hash;
    series->labels = g_string_free(g_steal_pointer(&labels), FALSE);
    series->created = (double)g_get_real_time() / 1e6;
    series->shards = g_aligned_alloc0(metric->meter->n_shards, metric->shard_size, LINE);
    return series;
}

void
orf_series_free(OrfSeries *series)
{
    g_aligned_free(series->shards);
    g_free(series->exemplars);
    g_free(series->labels);
    g_free(series->key);
    g_free(series);
}

/* --- Shards ------------------------------------------------------------------------------- */

static _Atomic double *
value_in(const OrfSeries *series, size_t shard)
{
    return (_Atomic double *)(void *)(series->shards + shard * series->metric->shard_size);
}

static _Atomic uint64_t *
counts_in(const OrfSeries *series, size_t shard)
{
    return (_Atomic uint64_t *)(void *)(value_in(series, shard) + 1);
}

/* The thread's identity is an address; the high bits of the product depend on all of its bits.
 */
static size_t
own_shard(const OrfSeries *series)
{
    uint64_t mixed = (uint64_t)pthread_self() * UINT64_C(0x9E3779B97F4A7C15);
    return mixed >> 60 & (series->metric->meter->n_shards - 1);
}

static void
add_to(_Atomic double *sum, double amount)
{
    double old = atomic_load_explicit(sum, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(sum, &old, old + amount, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

/* --- Counting ----------------------------------------------------------------------------- */

/* A gauge lives in its first shard, so that setting it is one store. */
void
orf_series_add(OrfSeries *series, double amount)
{
    bool counter = series->metric->info->type == ORF_COUNTER;
    g_assert(series->metric->info->type != ORF_HISTOGRAM);
    if (isnan(amount) || (counter && amount < 0))
        return;
    add_to(value_in(series, counter ? own_shard(series) : 0), amount);
}

void
orf_series_set(OrfSeries *series, double value)
{
    g_assert(series->metric->info->type != ORF_HISTOGRAM);
    atomic_store_explicit(value_in(series, 0), value, memory_order_relaxed);
}

static bool
is_trace_id(const char *text)
{
    size_t n = 0;
    for (; text[n]; n++)
        if (n == MAX_TRACE_ID || (!g_ascii_isalnum(text[n]) && text[n] != '-'))
            return false;
    return n > 0;
}

/* The first who needs them makes them; who comes second at the same moment takes those. */
static Exemplar *
exemplars_of(OrfSeries *series)
{
    Exemplar *there = atomic_load_explicit(&series->exemplars, memory_order_acquire);
    if (there)
        return there;
    Exemplar *made = g_new0(Exemplar, series->metric->n_buckets + 1);
    for (size_t i = 0; i <= series->metric->n_buckets; i++)
        atomic_flag_clear(&made[i].busy);
    if (atomic_compare_exchange_strong(&series->exemplars, &there, made))
        return made;
    g_free(made);
    return there;
}

static void
remember(OrfSeries *series, size_t bucket, double value, const char *trace_id)
{
    Exemplar *exemplar = exemplars_of(series) + bucket;
    if (atomic_flag_test_and_set_explicit(&exemplar->busy, memory_order_acquire))
        return;
    exemplar->value = value;
    exemplar->time = (double)g_get_real_time() / 1e6;
    g_strlcpy(exemplar->trace_id, trace_id, sizeof exemplar->trace_id);
    atomic_flag_clear_explicit(&exemplar->busy, memory_order_release);
}

void
orf_series_observe(OrfSeries *series, double value, const char *trace_id)
{
    const OrfMetric *metric = series->metric;
    g_assert(metric->info->type == ORF_HISTOGRAM);
    if (isnan(value))
        return;
    value = MAX(value, 0);
    size_t bucket = 0, shard = own_shard(series);
    while (bucket < metric->n_buckets && value > metric->info->buckets[bucket])
        bucket++;
    atomic_fetch_add_explicit(&counts_in(series, shard)[bucket], 1, memory_order_relaxed);
    add_to(value_in(series, shard), value);
    if (trace_id && is_trace_id(trace_id))
        remember(series, bucket, value, trace_id);
}

/* --- Reading ------------------------------------------------------------------------------ */

double
orf_series_value(const OrfSeries *series)
{
    double sum = 0;
    for (size_t i = 0; i < series->metric->meter->n_shards; i++)
        sum += atomic_load_explicit(value_in(series, i), memory_order_relaxed);
    return sum;
}

double
orf_series_buckets(const OrfSeries *series, uint64_t ret_counts[MAX_BUCKETS + 1])
{
    size_t n = series->metric->n_buckets + 1;
    memset(ret_counts, 0, n * sizeof ret_counts[0]);
    for (size_t shard = 0; shard < series->metric->meter->n_shards; shard++)
        for (size_t i = 0; i < n; i++)
            ret_counts[i] +=
                atomic_load_explicit(&counts_in(series, shard)[i], memory_order_relaxed);
    return orf_series_value(series);
}

bool
orf_series_exemplar(const OrfSeries *series, size_t bucket, Exemplar *ret)
{
    Exemplar *exemplar = atomic_load_explicit(&series->exemplars, memory_order_acquire);
    if (!exemplar)
        return false;
    exemplar += bucket;
    if (atomic_flag_test_and_set_explicit(&exemplar->busy, memory_order_acquire))
        return false;
    ret->value = exemplar->value;
    ret->time = exemplar->time;
    memcpy(ret->trace_id, exemplar->trace_id, sizeof ret->trace_id);
    atomic_flag_clear_explicit(&exemplar->busy, memory_order_release);
    return ret->trace_id[0] != 0;
}
