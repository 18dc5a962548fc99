/* cache.c - results of finished work: are they whole, and is there room for them?
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/job-priv.h"

bool
orf_stages_are_whole(OrfStore *store, const OrfStages *stages)
{
    for (size_t i = 0; i < orf_stages_n(stages); i++)
        if (*stages->rows[i].digest && !orf_blob_has(store, stages->rows[i].digest))
            return false;
    return true;
}

OrfCacheRow *
orf_cache_row_of(OrfQueue *queue, const OrfLiveWork *work)
{
    OrfCacheRow *row = g_new0(OrfCacheRow, 1);
    int64_t now = orf_queue_steady(queue);
    row->tenant = g_strdup(work->tenant);
    row->key = g_strdup(work->key);
    row->bytes = orf_stages_bytes(work->stages);
    row->cost_s = work->cost_s;
    row->stored = row->used = now;
    row->expires = now + queue->options.cache_ttl_us;
    return row;
}

/* --- Room --------------------------------------------------------------------------------- */

static void
read_totals(OrfQueue *queue, int64_t evicted, uint64_t *ret_bytes)
{
    int64_t entries;
    *ret_bytes = 0;
    if (!orf_cache_rows_total(queue->store, NULL, &entries, ret_bytes,
                              NULL)) /* told the next time */
        return;
    g_mutex_lock(&queue->lock);
    queue->stats.cache_entries = (uint64_t)entries;
    queue->stats.cache_bytes = *ret_bytes;
    queue->stats.evicted += (uint64_t)evicted;
    g_mutex_unlock(&queue->lock);
}

void
orf_queue_trim_cache(OrfQueue *queue)
{
    g_autoptr(GError) error = NULL;
    int64_t evicted = 0;
    uint64_t bytes;
    if (!orf_cache_rows_trim(queue->store, queue->options.cache_bytes, orf_queue_steady(queue),
                             &evicted, &error))
        orf_log_warning("the cache cannot be trimmed: %s", error->message);
    read_totals(queue, evicted, &bytes);
}

void
orf_queue_cache_grew(OrfQueue *queue)
{
    uint64_t bytes;
    read_totals(queue, 0, &bytes);
    if (bytes > queue->options.cache_bytes)
        orf_queue_trim_cache(queue);
}

bool
orf_queue_clear_cache(OrfQueue *queue, const char *tenant, int64_t *ret_entries,
                      uint64_t *ret_bytes, GError **error)
{
    if (!orf_cache_rows_clear(queue->store, tenant, ret_entries, ret_bytes, error))
        return false;
    uint64_t left;
    read_totals(queue, 0, &left);
    return true;
}
