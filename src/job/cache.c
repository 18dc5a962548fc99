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

/* A failure is told the next time. */
static void
look_again(OrfQueue *queue, int64_t evicted)
{
    OrfCacheTotal total;
    if (!orf_cache_rows_total(queue->store, NULL, &total, NULL))
        return;
    g_mutex_lock(&queue->lock);
    queue->stats.cache_entries = (uint64_t)total.entries;
    queue->stats.cache_bytes = total.bytes;
    queue->stats.evicted += (uint64_t)evicted;
    queue->cache_shared = total.named - MIN(total.named, total.bytes);
    g_mutex_unlock(&queue->lock);
}

void
orf_queue_trim_cache(OrfQueue *queue)
{
    g_autoptr(GError) error = NULL;
    int64_t evicted = 0;
    if (!orf_cache_rows_trim(queue->store, queue->options.cache_bytes, orf_queue_steady(queue),
                             &evicted, &error))
        orf_log_warning("the cache cannot be trimmed: %s", error->message);
    look_again(queue, evicted);
}

/* What entries share is looked at when they seem too many, and every minute: it changes
 * slowly. */
void
orf_queue_cache_grew(OrfQueue *queue)
{
    OrfCacheTotal total;
    if (!orf_cache_rows_named(queue->store, &total, NULL))
        return;
    g_mutex_lock(&queue->lock);
    uint64_t bytes = total.named - MIN(total.named, queue->cache_shared);
    queue->stats.cache_entries = (uint64_t)total.entries;
    queue->stats.cache_bytes = bytes;
    g_mutex_unlock(&queue->lock);
    if (bytes > queue->options.cache_bytes)
        orf_queue_trim_cache(queue);
}

bool
orf_queue_clear_cache(OrfQueue *queue, const char *tenant, int64_t *ret_entries,
                      uint64_t *ret_bytes, GError **error)
{
    OrfCacheTotal total;
    if (!orf_cache_rows_clear(queue->store, tenant, &total, error))
        return false;
    *ret_entries = total.entries;
    *ret_bytes = total.bytes;
    look_again(queue, 0);
    return true;
}
