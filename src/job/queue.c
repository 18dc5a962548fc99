/* queue.c - opens the queue, takes up what an earlier process left, drains, closes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/job-priv.h"

#include <string.h>

#define PAGE 500 /* rows read at one time */

/* --- Clocks ------------------------------------------------------------------------------- */

int64_t
orf_queue_now(OrfQueue *queue)
{
    return g_get_monotonic_time() + queue->skew_mono;
}

int64_t
orf_queue_wall(OrfQueue *queue)
{
    return g_get_real_time() + queue->skew_wall;
}

int64_t
orf_queue_steady(OrfQueue *queue)
{
    return queue->start_wall + (orf_queue_now(queue) - queue->start_mono);
}

void
orf_queue_turn_clocks(OrfQueue *queue, int64_t monotonic_us, int64_t wall_us)
{
    g_mutex_lock(&queue->lock);
    queue->skew_mono += monotonic_us;
    queue->skew_wall += wall_us;
    g_cond_signal(&queue->keep);
    g_mutex_unlock(&queue->lock);
}

/* --- Errors of jobs ----------------------------------------------------------------------- */

void
orf_queue_describe(OrfQueue *queue, const GError *error, OrfJobError *ret)
{
    if (queue->work.describe) {
        queue->work.describe(error, ret, queue->work.data);
        return;
    }
    int code = error->domain == ORF_ERROR ? error->code : ORF_ERROR_BUG;
    *ret = (OrfJobError){ g_strdup(orf_error_info(code)->name), g_strdup(error->message),
                          code == ORF_ERROR_BUSY || code == ORF_ERROR_UNAVAILABLE };
}

/* --- What an earlier process left --------------------------------------------------------- */

/* Its place in line is that of the time it was accepted, in this process's time. */
static void
keep_order(OrfQueue *queue, OrfLiveJob *job)
{
    int64_t age = CLAMP(orf_queue_wall(queue) - job->row.created, 0, G_TIME_SPAN_DAY);
    if (!job->work || job->work->jobs->pdata[0] != job)
        return;
    OrfLiveWork *work = job->work;
    orf_line_take(queue, work);
    work->order -= age;
    orf_line_up(queue, work);
}

static void
take_up(OrfQueue *queue, OrfJobRow *row)
{
    OrfPace *pace = orf_queue_pace(queue, row->kind, false);
    g_mutex_lock(&queue->lock);
    /* The run that was under way did not fail: the server stopped, for reasons of its own. */
    row->spared += row->status == ORF_JOB_RUNNING;
    row->progress = MAX(row->progress, row->ceiling);
    OrfLiveJob *job = orf_live_job_new(row);
    job->events.last = queue->first_number;
    job->row.priority = CLAMP(job->row.priority, 0, 2);
    g_hash_table_insert(queue->jobs, job->row.id, job);
    if (job->row.status == ORF_JOB_QUEUED)
        queue->n_queued[job->row.priority]++;
    orf_publish(queue, job, "snapshot", NULL);
    orf_queue_start(queue, job, pace);
    keep_order(queue, job);
    g_mutex_unlock(&queue->lock);
}

static bool
take_up_all(OrfQueue *queue, OrfJobStatus status, GError **error)
{
    g_autofree char *cursor = NULL;
    for (;;) {
        g_autoptr(GPtrArray) rows = orf_job_rows_list(
            queue->store, &(OrfJobQuery){ NULL, (int)status, cursor, PAGE, false }, error);
        if (!rows)
            return false;
        if (rows->len == 0)
            return true;
        OrfJobRow *last = rows->pdata[rows->len - 1];
        g_free(cursor);
        cursor = g_strdup(last->id);
        for (guint i = 0; i < rows->len; i++)
            take_up(queue, rows->pdata[i]);
    }
}

/* --- Open --------------------------------------------------------------------------------- */

static void
init_conditions(OrfQueue *queue)
{
    g_mutex_init(&queue->lock);
    g_cond_init(&queue->work_ready);
    g_cond_init(&queue->place_free);
    g_cond_init(&queue->delivered);
    g_cond_init(&queue->keep);
    g_cond_init(&queue->quiet);
}

static void
job_unref(void *job)
{
    orf_live_job_unref(job);
}

static void
init_tables(OrfQueue *queue)
{
    queue->jobs = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, job_unref);
    queue->twins = g_hash_table_new(g_str_hash, g_str_equal);
    queue->paces = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    queue->deadlines = g_hash_table_new(NULL, NULL);
    queue->full = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    queue->line = g_sequence_new(NULL);
    queue->waiting = g_ptr_array_new();
    queue->running = g_ptr_array_new();
    queue->parked = g_ptr_array_new();
    queue->unsettled = g_ptr_array_new();
    queue->threads = g_ptr_array_new();
}

static void
fill_defaults(OrfQueueOptions *options)
{
    options->workers = options->workers ? options->workers : g_get_num_processors();
    options->preview_workers = options->preview_workers ? options->preview_workers : 1;
    options->max_parked = options->max_parked ? options->max_parked : 32;
    options->cores = options->cores ? options->cores : g_get_num_processors();
    options->max_queued = options->max_queued ? options->max_queued : 1000;
    options->cache_ttl_us = options->cache_ttl_us ? options->cache_ttl_us : G_TIME_SPAN_HOUR;
    options->cache_bytes = options->cache_bytes ? options->cache_bytes : (uint64_t)1 << 30;
    options->keep_us = options->keep_us ? options->keep_us : G_TIME_SPAN_DAY;
    options->keep_jobs = options->keep_jobs ? options->keep_jobs : 100000;
    options->keep_bytes = options->keep_bytes ? options->keep_bytes : (uint64_t)16 << 30;
}

OrfQueue *
orf_queue_new(const OrfQueueOptions *options, GError **error)
{
    g_autoptr(OrfQueue) queue = g_new0(OrfQueue, 1);
    queue->options = *options;
    fill_defaults(&queue->options);
    queue->store = options->store;
    queue->work = options->work;
    queue->limit = queue->options.workers;
    queue->start_wall = g_get_real_time();
    queue->start_mono = g_get_monotonic_time();
    queue->first_number = (uint64_t)orf_store_openings(queue->store) << 20;
    queue->base_version = (uint64_t)orf_store_openings(queue->store) << 40;
    init_conditions(queue);
    init_tables(queue);
    if (options->webhook_secret)
        queue->hooks = orf_hooks_new(queue, options->webhook_secret, error);
    if (options->webhook_secret && !queue->hooks)
        return NULL;
    if (!orf_store_migrate(queue->store, &orf_job_schema, error))
        return NULL;
    queue->draining = true; /* nothing starts before all have been taken up */
    if (!take_up_all(queue, ORF_JOB_RUNNING, error) ||
        !take_up_all(queue, ORF_JOB_QUEUED, error))
        return NULL;
    orf_queue_trim_cache(queue);
    orf_queue_trim_jobs(queue);
    queue->keeper = g_thread_new("orfeas-keep", orf_queue_keep_thread, queue);
    g_mutex_lock(&queue->lock);
    queue->draining = false;
    orf_queue_wake(queue);
    g_mutex_unlock(&queue->lock);
    return g_steal_pointer(&queue);
}

/* --- Close -------------------------------------------------------------------------------- */

static void
stop_runs(OrfQueue *queue)
{
    queue->halting = true;
    for (guint i = 0; i < queue->running->len; i++) {
        OrfLiveWork *work = queue->running->pdata[i];
        if (!work->task)
            continue;
        work->put_back = true;
        orf_task_cancel(work->task);
    }
    g_cond_broadcast(&queue->place_free);
}

/* What is settling counts, unless the disk refuses it. */
static bool
is_quiet(const OrfQueue *queue)
{
    size_t stuck = 0;
    for (guint i = 0; i < queue->unsettled->len; i++)
        stuck += ((const OrfSettlement *)queue->unsettled->pdata[i])->work != NULL;
    return queue->running->len <= stuck;
}

void
orf_queue_drain(OrfQueue *queue, int64_t deadline_us)
{
    g_mutex_lock(&queue->lock);
    queue->draining = true;
    while (!is_quiet(queue) && g_get_monotonic_time() < deadline_us)
        g_cond_wait_until(&queue->quiet, &queue->lock, deadline_us);
    stop_runs(queue);
    while (!is_quiet(queue))
        g_cond_wait(&queue->quiet, &queue->lock);
    g_mutex_unlock(&queue->lock);
}

static void
end_threads(OrfQueue *queue)
{
    g_mutex_lock(&queue->lock);
    queue->stopping = true;
    g_cond_broadcast(&queue->work_ready);
    g_cond_broadcast(&queue->keep);
    g_mutex_unlock(&queue->lock);
    if (queue->keeper)
        g_thread_join(queue->keeper);
    for (guint i = 0; i < queue->threads->len; i++)
        g_thread_join(queue->threads->pdata[i]);
    orf_hooks_free(queue->hooks);
}

static void
free_works(OrfQueue *queue)
{
    for (guint i = 0; i < queue->unsettled->len; i++)
        orf_settlement_drop(queue->unsettled->pdata[i]);
    for (guint i = 0; i < queue->waiting->len; i++)
        orf_live_work_unref(queue->waiting->pdata[i]);
    for (guint i = 0; i < queue->running->len; i++)
        orf_live_work_unref(queue->running->pdata[i]);
    GSequenceIter *at = g_sequence_get_begin_iter(queue->line);
    for (; !g_sequence_iter_is_end(at); at = g_sequence_iter_next(at))
        orf_live_work_unref(g_sequence_get(at));
}

static void
free_tables(OrfQueue *queue)
{
    g_sequence_free(queue->line);
    g_ptr_array_unref(queue->waiting);
    g_ptr_array_unref(queue->running);
    g_ptr_array_unref(queue->parked);
    g_ptr_array_unref(queue->unsettled);
    g_ptr_array_unref(queue->threads);
    g_queue_clear(&queue->remembered);
    g_hash_table_unref(queue->deadlines);
    g_hash_table_unref(queue->twins);
    g_hash_table_unref(queue->full);
    g_hash_table_unref(queue->jobs);
    g_hash_table_unref(queue->paces);
}

void
orf_queue_free(OrfQueue *queue)
{
    if (!queue)
        return;
    orf_queue_drain(queue, 0);
    end_threads(queue);
    free_works(queue);
    free_tables(queue);
    g_mutex_clear(&queue->lock);
    g_cond_clear(&queue->work_ready);
    g_cond_clear(&queue->place_free);
    g_cond_clear(&queue->delivered);
    g_cond_clear(&queue->keep);
    g_cond_clear(&queue->quiet);
    g_free(queue);
}

/* --- Statistics --------------------------------------------------------------------------- */

static double
oldest(OrfQueue *queue)
{
    int64_t created = INT64_MAX;
    GSequenceIter *at = g_sequence_get_begin_iter(queue->line);
    for (; !g_sequence_iter_is_end(at); at = g_sequence_iter_next(at)) {
        const OrfLiveWork *work = g_sequence_get(at);
        for (guint i = 0; i < work->jobs->len; i++)
            created = MIN(created, ((const OrfLiveJob *)work->jobs->pdata[i])->row.created);
    }
    if (created == INT64_MAX)
        return 0;
    return MAX(0, (double)(orf_queue_wall(queue) - created) / G_TIME_SPAN_SECOND);
}

void
orf_queue_stats(OrfQueue *queue, const char *tenant, OrfQueueStats *ret)
{
    OrfCacheTotal cache;
    bool own = tenant && orf_cache_rows_total(queue->store, tenant, &cache, NULL);
    g_mutex_lock(&queue->lock);
    *ret = queue->stats;
    for (int i = 0; i < 3; i++)
        ret->queued[i] = queue->n_queued[i];
    ret->running = queue->running->len;
    ret->workers = queue->limit;
    ret->oldest_s = oldest(queue);
    if (own) {
        ret->cache_entries = (uint64_t)cache.entries;
        ret->cache_bytes = cache.bytes;
    }
    g_mutex_unlock(&queue->lock);
}
