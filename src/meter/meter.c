/* meter.c - the families and their series: found without a lock, made under one.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A family keeps its series in a hash table that only grows. Whoever looks a series up reads an
 * atomic pointer to the table and atomic slots; whoever makes one holds the family's lock, and
 * publishes a slot, or a larger table, when it is complete. Nothing is taken away before the
 * meter goes. */
#include "meter/meter-priv.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#define FIRST_SLOTS 8
#define MAX_KEY (MAX_LABELS * (MAX_LABEL_BYTES + 1))

/* --- Naming rules: a table that breaks them is our mistake -------------------------------- */

static bool
is_name(const char *text, bool colons)
{
    if (!g_ascii_isalpha(*text) && *text != '_')
        return false;
    for (; *text; text++)
        if (!g_ascii_isalnum(*text) && *text != '_' && !(colons && *text == ':'))
            return false;
    return true;
}

static void
check_info(const OrfMetricInfo *info)
{
    g_assert(is_name(info->name, true) && info->help && *info->help);
    g_assert(g_str_has_suffix(info->name, "_total") == (info->type == ORF_COUNTER));
    g_assert((info->buckets != NULL) == (info->type == ORF_HISTOGRAM));
    for (const double *bucket = info->buckets; bucket && *bucket; bucket++)
        g_assert(*bucket > (bucket > info->buckets ? bucket[-1] : 0) && isfinite(*bucket));
}

/* --- Families ----------------------------------------------------------------------------- */

static SeriesTable *
table_new(size_t n_slots, SeriesTable *outgrown)
{
    SeriesTable *table = g_malloc0(sizeof *table + n_slots * sizeof table->slots[0]);
    table->mask = n_slots - 1;
    table->outgrown = outgrown;
    return table;
}

static void
read_labels(OrfMetric *metric)
{
    if (!metric->info->labels)
        return;
    g_auto(GStrv) names = g_strsplit(metric->info->labels, ",", -1);
    for (char **name = names; *name; name++) {
        g_assert(metric->n_labels < MAX_LABELS && is_name(*name, false));
        g_assert(!g_str_has_prefix(*name, "__") && strcmp(*name, "le") != 0);
        metric->labels[metric->n_labels++] = g_strdup(*name);
    }
}

/* The text format writes 1, OpenMetrics asks for 1.0. */
static char *
bucket_label(double bound, bool openmetrics)
{
    g_autoptr(GString) text = g_string_new("le=\"");
    orf_text_number(text, bound);
    if (openmetrics && bound == floor(bound) && isfinite(bound))
        g_string_append(text, ".0");
    g_string_append_c(text, '"');
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void
read_buckets(OrfMetric *metric)
{
    const double *bounds = metric->info->buckets;
    for (; bounds && bounds[metric->n_buckets]; metric->n_buckets++)
        g_assert(metric->n_buckets < MAX_BUCKETS);
    for (size_t i = 0; bounds && i <= metric->n_buckets; i++)
        for (unsigned format = 0; format < 2; format++)
            metric->le[i][format] =
                bucket_label(i < metric->n_buckets ? bounds[i] : INFINITY, format);
    size_t size = sizeof(double);
    if (bounds)
        size += (metric->n_buckets + 1) * sizeof(uint64_t);
    metric->shard_size = (size + LINE - 1) / LINE * LINE;
}

static OrfMetric *
metric_new(OrfMeter *meter, const OrfMetricInfo *info)
{
    check_info(info);
    OrfMetric *metric = g_new0(OrfMetric, 1);
    metric->meter = meter;
    metric->info = info;
    g_mutex_init(&metric->lock);
    read_labels(metric);
    read_buckets(metric);
    metric->table = table_new(FIRST_SLOTS, NULL);
    return metric;
}

static void
metric_free(void *data)
{
    OrfMetric *metric = data;
    for (OrfSeries *series = metric->first, *next; series; series = next) {
        next = series->next;
        orf_series_free(series);
    }
    for (SeriesTable *table = metric->table, *outgrown; table; table = outgrown) {
        outgrown = table->outgrown;
        g_free(table);
    }
    for (size_t i = 0; i < metric->n_labels; i++)
        g_free(metric->labels[i]);
    for (size_t i = 0; i <= metric->n_buckets; i++)
        for (unsigned format = 0; format < 2; format++)
            g_free(metric->le[i][format]);
    g_mutex_clear(&metric->lock);
    g_free(metric);
}

OrfMetric *
orf_metric(OrfMeter *meter, const OrfMetricInfo *info)
{
    g_mutex_lock(&meter->lock);
    OrfMetric *metric = g_hash_table_lookup(meter->by_name, info->name);
    if (!metric) {
        metric = metric_new(meter, info);
        g_hash_table_insert(meter->by_name, (char *)info->name, metric);
        g_ptr_array_add(meter->families, metric);
    }
    g_assert(metric->info->type == info->type);
    g_assert(g_strcmp0(metric->info->labels, info->labels) == 0);
    g_mutex_unlock(&meter->lock);
    return metric;
}

/* --- Series ------------------------------------------------------------------------------- */

static OrfSeries *
find(const SeriesTable *table, const char *key, size_t size, unsigned hash)
{
    for (size_t at = hash & table->mask;; at = (at + 1) & table->mask) {
        OrfSeries *series = atomic_load_explicit(&table->slots[at], memory_order_acquire);
        if (!series || (series->hash == hash && series->key_size == size &&
                        (!size || memcmp(series->key, key, size) == 0)))
            return series;
    }
}

static void
place(SeriesTable *table, OrfSeries *series)
{
    size_t at = series->hash & table->mask;
    while (atomic_load_explicit(&table->slots[at], memory_order_relaxed))
        at = (at + 1) & table->mask;
    atomic_store_explicit(&table->slots[at], series, memory_order_release);
}

/* Half of the slots stay free. */
static void
make_room(OrfMetric *metric)
{
    SeriesTable *old = metric->table;
    if ((metric->n_series + 1) * 2 <= old->mask + 1)
        return;
    SeriesTable *table = table_new((old->mask + 1) * 2, old);
    for (OrfSeries *series = metric->first; series; series = series->next)
        place(table, series);
    atomic_store_explicit(&metric->table, table, memory_order_release);
}

static OrfSeries *
append(OrfMetric *metric, const char *key, size_t size, unsigned hash)
{
    OrfSeries *series = orf_series_create(metric, key, size, hash);
    make_room(metric);
    place(metric->table, series);
    atomic_store_explicit(metric->last ? &metric->last->next : &metric->first, series,
                          memory_order_release);
    metric->last = series;
    metric->n_series++;
    return series;
}

/* FNV-1a. */
static unsigned
hash_of(const char *key, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)key[i]) * 16777619u;
    return hash;
}

/* Under the lock. All beyond MAX_SERIES share one. */
static OrfSeries *
find_or_make(OrfMetric *metric, const char *key, size_t size)
{
    unsigned hash = hash_of(key, size);
    OrfSeries *series = find(metric->table, key, size, hash);
    if (series)
        return series;
    if (metric->n_series < MAX_SERIES)
        return append(metric, key, size, hash);
    static const char names[] = "other\0other\0other\0other";
    size = metric->n_labels * sizeof "other";
    hash = hash_of(names, size);
    series = find(metric->table, names, size, hash);
    if (!series)
        series = append(metric, names, size, hash);
    atomic_store_explicit(&metric->other, series, memory_order_release);
    return series;
}

/* Yields the bytes copied: the value, cut between characters, and its NUL. */
static size_t
append_value(char *key, const char *value)
{
    size_t size = strnlen(value, MAX_LABEL_BYTES + 1);
    if (size > MAX_LABEL_BYTES)
        for (size = MAX_LABEL_BYTES; size && ((unsigned char)value[size] & 0xC0) == 0x80;)
            size--;
    memcpy(key, value, size);
    key[size] = 0;
    return size + 1;
}

OrfSeries *
orf_series(OrfMetric *metric, ...)
{
    char key[MAX_KEY];
    size_t size = 0, n = 0;
    va_list values;
    va_start(values, metric);
    for (const char *value; (value = va_arg(values, const char *)); n++) {
        g_assert(n < metric->n_labels);
        size += append_value(key + size, value);
    }
    va_end(values);
    g_assert(n == metric->n_labels);
    /* In this order: once there are others no series is made, so the table read after it is the
     * last one. */
    OrfSeries *other = atomic_load_explicit(&metric->other, memory_order_acquire);
    const SeriesTable *table = atomic_load_explicit(&metric->table, memory_order_acquire);
    OrfSeries *series = find(table, key, size, hash_of(key, size));
    if (series || other)
        return series ? series : other;
    g_mutex_lock(&metric->lock);
    series = find_or_make(metric, key, size);
    g_mutex_unlock(&metric->lock);
    return series;
}

/* --- The meter ---------------------------------------------------------------------------- */

void
orf_meter_on_scrape(OrfMeter *meter, void (*refresh)(OrfMeter *meter, void *data), void *data)
{
    g_mutex_lock(&meter->lock);
    Refresh added = { refresh, data };
    g_array_append_val(meter->refreshers, added);
    g_mutex_unlock(&meter->lock);
}

static int64_t
monotonic(void *data)
{
    (void)data;
    return g_get_monotonic_time();
}

static unsigned
shards_for(unsigned cores)
{
    unsigned n = 1;
    while (n < cores && n < 16)
        n *= 2;
    return n;
}

OrfMeter *
orf_meter_new(void)
{
    OrfMeter *meter = g_new0(OrfMeter, 1);
    meter->n_shards = shards_for(g_get_num_processors());
    g_mutex_init(&meter->lock);
    meter->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    meter->families = g_ptr_array_new_with_free_func(metric_free);
    meter->refreshers = g_array_new(FALSE, FALSE, sizeof(Refresh));
    meter->profile = orf_profile_new();
    meter->now_us = monotonic;
    return meter;
}

void
orf_meter_free(OrfMeter *meter)
{
    if (!meter)
        return;
    g_hash_table_unref(meter->by_name);
    g_ptr_array_unref(meter->families);
    g_array_unref(meter->refreshers);
    orf_profile_free(meter->profile);
    g_mutex_clear(&meter->lock);
    g_free(meter);
}
