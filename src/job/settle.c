/* settle.c - the ends of jobs: decided in memory, written, then announced.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nobody hears of an end that is not on the disk. When the disk refuses, the end stays decided
 * and is written later; a process that dies before makes the run again. */
#include "job/job-priv.h"

#include <math.h>

#define AGAIN_US G_TIME_SPAN_SECOND
#define RETRY_S 2.0 /* first pause; doubles */
#define LONGEST_RETRY_S 300.0

/* --- Rows as they are to be --------------------------------------------------------------- */

static void
row_free(void *row)
{
    orf_job_row_free(row);
}

static void
hook_free(void *row)
{
    orf_hook_row_free(row);
}

OrfSettlement *
orf_settlement_new(OrfLiveWork *work)
{
    OrfSettlement *settlement = g_new0(OrfSettlement, 1);
    settlement->work = work;
    settlement->jobs = g_ptr_array_new();
    settlement->rows = g_ptr_array_new_with_free_func(row_free);
    settlement->hooks = g_ptr_array_new_with_free_func(hook_free);
    return settlement;
}

/* The jobs' references were dropped by who announced, under the lock. */
static void
settlement_free(OrfSettlement *settlement)
{
    g_ptr_array_unref(settlement->jobs);
    g_ptr_array_unref(settlement->rows);
    g_ptr_array_unref(settlement->hooks);
    orf_cache_row_free(settlement->cache);
    g_free(settlement);
}

void
orf_settlement_drop(OrfSettlement *settlement)
{
    for (guint i = 0; i < settlement->jobs->len; i++)
        orf_live_job_unref(settlement->jobs->pdata[i]);
    settlement_free(settlement);
}

OrfJobRow *
orf_end_row(OrfQueue *queue, const OrfLiveJob *job, OrfJobStatus status, const char *result,
            const char *error)
{
    OrfJobRow *row = orf_job_row_copy(&job->row);
    row->status = status;
    if (result) {
        g_free(row->result);
        row->result = g_strdup(result);
    }
    g_free(row->error);
    row->error = g_strdup(error);
    row->finished = orf_queue_wall(queue);
    row->expires = orf_queue_steady(queue) + queue->options.keep_us;
    row->not_before = 0;
    row->events = job->events.last + 1;
    if (status == ORF_JOB_SUCCEEDED)
        row->progress = 1;
    return row;
}

void
orf_settlement_add(OrfQueue *queue, OrfSettlement *settlement, OrfLiveJob *job,
                   OrfJobStatus status, const char *result, const char *error)
{
    job->decided = true;
    OrfJobRow *row = orf_end_row(queue, job, status, result, error);
    if (settlement->work)
        row->cost_s = settlement->work->cost_s;
    if (settlement->work && !job->joined) /* what it missed comes before its end */
        row->events += settlement->work->stages->len;
    g_ptr_array_add(settlement->jobs, orf_live_job_ref(job));
    g_ptr_array_add(settlement->rows, row);
    g_ptr_array_add(settlement->hooks, orf_hook_for(queue, job, row, ORF_HOOK_DONE));
    if (!settlement->work && job->work)
        orf_live_work_leave(queue, job);
}

/* --- Write -------------------------------------------------------------------------------- */

static bool
write_settlement(OrfQueue *queue, const OrfSettlement *settlement, GError **error)
{
    guint n = settlement->jobs->len;
    g_autofree OrfJobMove *moves = g_new0(OrfJobMove, n);
    for (guint i = 0; i < n; i++) {
        moves[i] = (OrfJobMove){ .to = settlement->rows->pdata[i],
                                 .attempt = settlement->work ? settlement->work->attempt : -1,
                                 .hook = settlement->hooks->pdata[i] };
    }
    OrfMoveOptions options = { .from = ORF_LIVE, .cache = settlement->cache, .durable = true };
    return orf_store_move_jobs(queue->store, moves, n, &options, error);
}

/* A job's row as the store is to have it while its work runs. */
static OrfJobRow *
running_row(OrfQueue *queue, const OrfLiveWork *work, const OrfLiveJob *job, const char *stages)
{
    OrfJobRow *row = orf_job_row_copy(&job->row);
    row->status = ORF_JOB_RUNNING;
    row->started = row->started ? row->started : orf_queue_wall(queue);
    row->attempt = work->attempt;
    row->spared = work->spared;
    row->progress = MAX(row->progress, work->progress);
    row->ceiling = MAX(row->progress, work->next_ceiling);
    if (!stages && work->stages->len)
        stages = work->stages_json;
    if (stages) {
        g_free(row->result);
        row->result = g_strdup_printf("{\"stages\":%s}", stages);
    }
    return row;
}

/* What is being written: rows, messages, and whose. */
typedef struct {
    GPtrArray *rows, *hooks, *jobs;
    double ceiling;
    int attempt;
} Writing;

static void
collect(OrfQueue *queue, const OrfLiveWork *work, OrfLiveJob *only, const char *stages,
        unsigned hook, Writing *writing)
{
    g_mutex_lock(&queue->lock);
    writing->ceiling = work->next_ceiling;
    writing->attempt = work->attempt;
    for (guint i = 0; i < work->jobs->len; i++) {
        OrfLiveJob *job = work->jobs->pdata[i];
        if (job->decided || (only && job != only))
            continue;
        OrfJobRow *row = running_row(queue, work, job, stages);
        g_ptr_array_add(writing->rows, row);
        g_ptr_array_add(writing->hooks, hook ? orf_hook_for(queue, job, row, hook) : NULL);
        g_ptr_array_add(writing->jobs, orf_live_job_ref(job));
    }
    g_mutex_unlock(&queue->lock);
}

static bool
write_running(OrfQueue *queue, const Writing *writing, GError **error)
{
    guint n = writing->rows->len;
    g_autofree OrfJobMove *moves = g_new0(OrfJobMove, n + 1);
    for (guint i = 0; i < n; i++)
        moves[i] = (OrfJobMove){ writing->rows->pdata[i], writing->attempt,
                                 writing->hooks->pdata[i], false };
    OrfMoveOptions options = { .from = ORF_LIVE };
    return n == 0 || orf_store_move_jobs(queue->store, moves, n, &options, error);
}

/* The store knows that it runs: now it is seen to. */
static void
promote(OrfQueue *queue, OrfLiveWork *work, OrfLiveJob *job, const OrfJobRow *row)
{
    if (job->work != work || job->decided)
        return;
    job->row.attempt = MAX(job->row.attempt, row->attempt);
    job->row.progress = MAX(job->row.progress, MIN(work->progress, row->ceiling));
    if (!job->row.result)
        job->row.result = g_strdup(row->result);
    if (job->row.status != ORF_JOB_RUNNING) {
        job->row.started = row->started;
        orf_job_set_status(queue, job, ORF_JOB_RUNNING);
        g_autoptr(GString) json = g_string_new("{\"stage\":null,\"progress\":");
        orf_json_number(json, job->row.progress);
        orf_publish_text(queue, job, "progress", g_string_append_c(json, '}')->str);
    }
    orf_live_work_catch_up(queue, work, job);
}

bool
orf_work_write(OrfQueue *queue, OrfLiveWork *work, OrfLiveJob *only, const char *stages,
               unsigned hook, GError **error)
{
    Writing writing = { .rows = g_ptr_array_new_with_free_func(row_free),
                        .hooks = g_ptr_array_new_with_free_func(hook_free),
                        .jobs = g_ptr_array_new() };
    collect(queue, work, only, stages, hook, &writing);
    bool ok = write_running(queue, &writing, error);
    g_mutex_lock(&queue->lock);
    if (ok && !only)
        work->ceiling = MAX(work->ceiling, writing.ceiling);
    for (guint i = 0; i < writing.jobs->len; i++) {
        if (ok)
            promote(queue, work, writing.jobs->pdata[i], writing.rows->pdata[i]);
        orf_live_job_unref(writing.jobs->pdata[i]);
    }
    g_mutex_unlock(&queue->lock);
    orf_deliver(queue);
    if (ok && hook)
        orf_hooks_wake(queue->hooks);
    g_ptr_array_unref(writing.rows);
    g_ptr_array_unref(writing.hooks);
    g_ptr_array_unref(writing.jobs);
    return ok;
}

/* --- Announce ----------------------------------------------------------------------------- */

static void
announce(OrfQueue *queue, OrfLiveJob *job, OrfJobRow *row)
{
    OrfJobStatus status = row->status;
    orf_job_set_status(queue, job, status);
    g_free(row->id); /* the table's key is the old one */
    row->id = g_steal_pointer(&job->row.id);
    orf_job_row_clear(&job->row);
    job->row = *row;
    *row = (OrfJobRow){ 0 };
    g_hash_table_remove(queue->deadlines, job);
    if (job->work) { /* still there: it ended with its work */
        OrfLiveWork *work = g_steal_pointer(&job->work);
        job->decided = false;
        orf_live_work_catch_up(queue, work, job);
        job->decided = true;
        job->stages = g_strdup(work->stages_json);
        g_ptr_array_remove(work->jobs, job);
        orf_live_job_unref(job);
    }
    if (!job->stages) /* from the cache */
        job->stages = orf_result_stages(job->row.result);
    orf_publish_text(queue, job, status == ORF_JOB_SUCCEEDED ? "done" : "error", "{}");
    queue->stats.done[status]++;
    orf_queue_remember(queue, job);
}

void
orf_announce(OrfQueue *queue, OrfLiveJob *job, OrfJobRow *row)
{
    g_mutex_lock(&queue->lock);
    announce(queue, job, row);
    g_mutex_unlock(&queue->lock);
}

static void
postpone(OrfQueue *queue, OrfSettlement *settlement, const GError *why)
{
    orf_log_warning("the end of %u jobs cannot be written, trying again: %s",
                    settlement->jobs->len, why->message);
    g_mutex_lock(&queue->lock);
    settlement->again = orf_queue_now(queue) + AGAIN_US;
    g_ptr_array_add(queue->unsettled, settlement);
    g_cond_signal(&queue->keep);
    g_cond_broadcast(&queue->quiet); /* a drain does not wait for the disk */
    g_mutex_unlock(&queue->lock);
}

static void settle_rest(OrfQueue *queue, OrfLiveWork *work);

void
orf_settle(OrfQueue *queue, OrfSettlement *settlement)
{
    g_autoptr(GError) error = NULL;
    if (settlement->jobs->len && !write_settlement(queue, settlement, &error)) {
        postpone(queue, settlement, error);
        return;
    }
    bool hooks = false, cached = settlement->cache != NULL;
    if (cached)
        orf_queue_cache_grew(queue);
    g_mutex_lock(&queue->lock);
    queue->finished += cached;
    for (guint i = 0; i < settlement->jobs->len; i++) {
        hooks |= settlement->hooks->pdata[i] != NULL;
        announce(queue, settlement->jobs->pdata[i], settlement->rows->pdata[i]);
        orf_live_job_unref(settlement->jobs->pdata[i]);
    }
    g_mutex_unlock(&queue->lock);
    orf_deliver(queue);
    if (hooks)
        orf_hooks_wake(queue->hooks);
    OrfLiveWork *work = settlement->work;
    settlement_free(settlement);
    if (work)
        settle_rest(queue, work);
}

/* --- What a work came to ------------------------------------------------------------------ */

/* With the lock held. */
static void
work_is_over(OrfQueue *queue, OrfLiveWork *work)
{
    orf_live_work_forget_twins(queue, work);
    orf_work_stops(queue, work);
    orf_live_work_unref(work);
    orf_queue_wake(queue);
}

/* Twins that came while the end was being written get the same. */
static void
settle_rest(OrfQueue *queue, OrfLiveWork *work)
{
    OrfSettlement *settlement = NULL;
    g_mutex_lock(&queue->lock);
    if (work->jobs->len == 0)
        work_is_over(queue, work);
    else
        settlement = orf_settlement_new(work);
    for (guint i = 0; settlement && i < work->jobs->len; i++)
        orf_settlement_add(queue, settlement, work->jobs->pdata[i], ORF_JOB_SUCCEEDED,
                           work->result, NULL);
    g_mutex_unlock(&queue->lock);
    if (settlement)
        orf_settle(queue, settlement);
}

/* With the lock held. */
static OrfSettlement *
succeed(OrfQueue *queue, OrfLiveWork *work, char *result)
{
    work->state = ORF_WORK_SETTLING;
    work->result = result;
    OrfSettlement *settlement = orf_settlement_new(work);
    if (work->twin_key)
        settlement->cache = orf_cache_row_of(queue, work);
    for (guint i = 0; i < work->jobs->len; i++)
        orf_settlement_add(queue, settlement, work->jobs->pdata[i], ORF_JOB_SUCCEEDED, result,
                           NULL);
    if (work->jobs->len > 1)
        queue->stats.seconds_saved += work->cost_s * (work->jobs->len - 1);
    return settlement;
}

static OrfSettlement *
fail(OrfQueue *queue, OrfLiveWork *work, const char *error)
{
    work->state = ORF_WORK_SETTLING;
    orf_live_work_forget_twins(queue, work); /* who wishes it now gets a run of its own */
    OrfSettlement *settlement = orf_settlement_new(work);
    for (guint i = 0; i < work->jobs->len; i++)
        orf_settlement_add(queue, settlement, work->jobs->pdata[i], ORF_JOB_FAILED, NULL,
                           error);
    return settlement;
}

static bool
may_try_again(const OrfLiveWork *work, const GError *error)
{
    return error->domain == ORF_ERROR &&
           (error->code == ORF_ERROR_BUSY || error->code == ORF_ERROR_UNAVAILABLE) &&
           work->attempt - work->spared < ORF_MAX_TRIES;
}

/* Doubling pauses with full jitter: who failed together does not come back together. */
static void
try_again(OrfQueue *queue, OrfLiveWork *work, const GError *error)
{
    int tries = MAX(1, work->attempt - work->spared);
    double longest = MIN(LONGEST_RETRY_S, RETRY_S * exp2(tries - 1));
    int64_t pause = (int64_t)(g_random_double() * longest * 1e6);
    g_autoptr(GString) json = g_string_new("{\"message\":");
    g_autofree char *message =
        g_strdup_printf("attempt %d failed, trying again: %s", work->attempt, error->message);
    orf_json_string(json, message);
    g_string_append_c(json, '}');
    orf_work_stops(queue, work);
    for (guint i = 0; i < work->jobs->len; i++) {
        OrfLiveJob *job = work->jobs->pdata[i];
        job->row.not_before = orf_queue_wall(queue) + pause;
        orf_publish_text(queue, job, "log", json->str);
    }
    orf_line_wait(queue, work, pause);
    orf_queue_wake(queue);
}

/* The row stays "running": the next process takes it up, and does not count this run. */
static void
put_back(OrfQueue *queue, OrfLiveWork *work)
{
    g_mutex_lock(&queue->lock);
    work->spared++;
    g_mutex_unlock(&queue->lock);
    g_autoptr(GError) error = NULL;
    if (!orf_work_write(queue, work, NULL, NULL, 0, &error)) /* it counts as a try then */
        orf_log_warning("a run was stopped, and the store did not hear of it: %s",
                        error->message);
    g_mutex_lock(&queue->lock);
    orf_work_stops(queue, work);
    orf_line_wait(queue, work, 0);
    g_mutex_unlock(&queue->lock);
}

/* What a run took, for those to come. */
static void
learn(OrfQueue *queue, const char *kind, double seconds, size_t peak)
{
    /* A history that cannot be written is only a worse guess. */
    orf_store_add_duration(queue->store, kind, seconds, peak, orf_queue_wall(queue), NULL);
    orf_queue_pace(queue, kind, true);
}

void
orf_work_ended(OrfQueue *queue, OrfLiveWork *work, char *result, const GError *error)
{
    OrfSettlement *settlement = NULL;
    g_mutex_lock(&queue->lock);
    work->cost_s =
        (double)(orf_queue_now(queue) - work->begun - work->parked_us) / G_TIME_SPAN_SECOND;
    size_t peak = MAX(work->run.peak, orf_task_peak_memory(work->task));
    OrfTask *task = g_steal_pointer(&work->task);
    g_clear_pointer(&work->step, g_free);
    bool nobody = work->jobs->len == 0, back = !nobody && work->put_back && !result;
    if (nobody) {
        work_is_over(queue, work);
    } else if (result) {
        settlement = succeed(queue, work, g_steal_pointer(&result));
    } else if (!back && may_try_again(work, error)) {
        try_again(queue, work, error);
    } else if (!back) {
        g_autofree char *json = orf_queue_describe(queue, error);
        settlement = fail(queue, work, json);
    }
    g_mutex_unlock(&queue->lock);
    orf_task_unref(task);
    g_free(result);
    orf_deliver(queue);
    if (back)
        put_back(queue, work);
    if (!settlement)
        return;
    bool good = work->result != NULL;
    double seconds = work->cost_s;
    g_autofree char *kind = g_strdup(work->kind);
    orf_settle(queue, settlement);
    if (good)
        learn(queue, kind, seconds, peak);
}
