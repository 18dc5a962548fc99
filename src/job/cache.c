/* cache.c - results: what they name, and room for those of finished work.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/job-priv.h"

#include <jansson.h>
#include <string.h>

/* --- A result ----------------------------------------------------------------------------- */

char *
orf_result_stages(const char *result)
{
    json_t *root = result ? json_loads(result, 0, NULL) : NULL;
    json_t *stages = json_object_get(root, "stages");
    char *text = json_is_array(stages) ? json_dumps(stages, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

GPtrArray *
orf_result_stage_list(const char *result)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(free);
    json_t *root = json_loads(result, 0, NULL), *stage;
    size_t i;
    json_array_foreach(json_object_get(root, "stages"), i, stage)
        g_ptr_array_add(list, json_dumps(stage, JSON_COMPACT));
    json_decref(root);
    return list;
}

bool
orf_result_is_whole(OrfStore *store, const char *result)
{
    bool whole = true;
    json_t *root = json_loads(result, 0, NULL), *stage;
    size_t i;
    json_array_foreach(json_object_get(root, "stages"), i, stage)
    {
        const char *digest = json_string_value(json_object_get(stage, "sha256"));
        whole = whole && (!digest || orf_blob_has(store, digest));
    }
    json_decref(root);
    return whole;
}

/* Bytes of the stages that a result names. */
static uint64_t
result_bytes(const char *result)
{
    json_t *root = json_loads(result, 0, NULL), *stage;
    size_t i;
    uint64_t bytes = strlen(result);
    json_array_foreach(json_object_get(root, "stages"), i, stage) bytes +=
        (uint64_t)MAX(0, json_integer_value(json_object_get(stage, "bytes")));
    json_decref(root);
    return bytes;
}

OrfCacheRow *
orf_cache_row_of(OrfQueue *queue, const OrfLiveWork *work)
{
    OrfCacheRow *row = g_new0(OrfCacheRow, 1);
    int64_t now = orf_queue_steady(queue);
    row->key = g_strdup(work->twin_key);
    row->result = g_strdup(work->result);
    row->bytes = result_bytes(work->result);
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
    if (!orf_store_cache_totals(queue->store, &entries, ret_bytes,
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
    if (!orf_store_cache_trim(queue->store, queue->options.cache_bytes, orf_queue_steady(queue),
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
    if (!orf_store_cache_clear(queue->store, tenant, ret_entries, ret_bytes, error))
        return false;
    uint64_t left;
    read_totals(queue, 0, &left);
    return true;
}
