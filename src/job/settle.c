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
orf_end_row(OrfQueue *queue, const OrfLiveJob *job, const OrfEnd *end)
{
    OrfJobRow *row = orf_job_row_copy(&job->row);
    row->status = end->status;
    if (end->stages) {
        orf_stages_unref(row->stages);
        row->stages = orf_stages_ref(end->stages);
    }
    row->result = orf_job_result_ref(end->result);
    orf_job_error_clear(&row->error);
    if (end->error)
        row->error = (OrfJobError){ g_strdup(end->error->code), g_strdup(end->error->message),
                                    end->error->retryable };
    row->finished = orf_queue_wall(queue);
    row->expires = orf_queue_steady(queue) + queue->options.keep_us;
    row->not_before = 0;
    row->events = job->events.last + 1;
    if (end->status == ORF_JOB_SUCCEEDED)
        row->progress = 1;
    return row;
}

void
orf_settlement_add(OrfQueue *queue, OrfSettlement *settlement, OrfLiveJob *job,
                   const OrfEnd *end)
{
    job->decided = true;
    OrfJobRow *row = orf_end_row(queue, job, end);
    if (settlement->work)
        row->cost_s = settlement->work->cost_s;
    if (settlement->work && !job->joined) /* what it missed comes before its end */
        row->events += orf_stages_n(settlement->work->stages);
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
    return orf_job_rows_move(queue->store, moves, n, &options, error);
}

/* A job's row as the store is to have it while its work runs. */
static OrfJobRow *
running_row(OrfQueue *queue, const OrfLiveWork *work, const OrfLiveJob *job, OrfStages *stages)
{
    OrfJobRow *row = orf_job_row_copy(&job->row);
    row->status = ORF_JOB_RUNNING;
    row->started = row->started ? row->started : orf_queue_wall(queue);
    row->attempt = work->attempt;
    row->spared = work->spared;
    row->progress = MAX(row->progress, work->progress);
    row->ceiling = MAX(row->progress, work->next_ceiling);
    orf_stages_unref(row->stages);
    row->stages = orf_stages_ref(stages ? stages : work->stages);
    return row;
}

/* What is being written: rows, messages, and whose. */
typedef struct {
    GPtrArray *rows, *hooks, *jobs;
    double ceiling;
    int attempt;
} Batch;

static void
collect(OrfQueue *queue, const OrfLiveWork *work, const OrfWriting *what, Batch *batch)
{
    g_mutex_lock(&queue->lock);
    batch->ceiling = work->next_ceiling;
    batch->attempt = work->attempt;
    for (guint i = 0; i < work->jobs->len; i++) {
        OrfLiveJob *job = work->jobs->pdata[i];
        if (job->decided || (what->only && job != what->only))
            continue;
        OrfJobRow *row = running_row(queue, work, job, what->stages);
        g_ptr_array_add(batch->rows, row);
        g_ptr_array_add(batch->hooks,
                        what->hook ? orf_hook_for(queue, job, row, what->hook) : NULL);
        g_ptr_array_add(batch->jobs, orf_live_job_ref(job));
    }
    g_mutex_unlock(&queue->lock);
}

static bool
write_running(OrfQueue *queue, const Batch *batch, size_t first_stage, GError **error)
{
    guint n = batch->rows->len;
    g_autofree OrfJobMove *moves = g_new0(OrfJobMove, n + 1);
    for (guint i = 0; i < n; i++)
        moves[i] = (OrfJobMove){ .to = batch->rows->pdata[i],
                                 .attempt = batch->attempt,
                                 .first_stage = first_stage,
                                 .hook = batch->hooks->pdata[i] };
    OrfMoveOptions options = { .from = ORF_LIVE };
    return n == 0 || orf_job_rows_move(queue->store, moves, n, &options, error);
}

/* The store knows that it runs: now it is seen to. */
static void
promote(OrfQueue *queue, OrfLiveWork *work, OrfLiveJob *job, const OrfJobRow *row)
{
    if (job->work != work || job->decided)
        return;
    job->row.attempt = MAX(job->row.attempt, row->attempt);
    job->row.progress = MAX(job->row.progress, MIN(work->progress, row->ceiling));
    if (!job->row.stages)
        job->row.stages = orf_stages_ref(row->stages);
    if (job->row.status != ORF_JOB_RUNNING) {
        job->row.started = row->started;
        orf_job_set_status(queue, job, ORF_JOB_RUNNING);
        orf_publish_take(queue, job, "progress", orf_told_progress(NULL, job->row.progress));
    }
    orf_live_work_catch_up(queue, work, job);
}

bool
orf_work_write(OrfQueue *queue, OrfLiveWork *work, const OrfWriting *what, GError **error)
{
    Batch batch = { .rows = g_ptr_array_new_with_free_func(row_free),
                    .hooks = g_ptr_array_new_with_free_func(hook_free),
                    .jobs = g_ptr_array_new() };
    collect(queue, work, what, &batch);
    bool ok = write_running(queue, &batch, what->from, error);
    g_mutex_lock(&queue->lock);
    if (ok && !what->only)
        work->ceiling = MAX(work->ceiling, batch.ceiling);
    for (guint i = 0; i < batch.jobs->len; i++) {
        if (ok)
            promote(queue, work, batch.jobs->pdata[i], batch.rows->pdata[i]);
        orf_live_job_unref(batch.jobs->pdata[i]);
    }
    g_mutex_unlock(&queue->lock);
    orf_deliver(queue);
    if (ok && what->hook)
        orf_hooks_wake(queue->hooks);
    g_ptr_array_unref(batch.rows);
    g_ptr_array_unref(batch.hooks);
    g_ptr_array_unref(batch.jobs);
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
        g_ptr_array_remove(work->jobs, job);
        orf_live_job_unref(job);
    }
    orf_publish(queue, job, status == ORF_JOB_SUCCEEDED ? "done" : "error", NULL);
    queue->stats.done[status]++;
    orf_queue_count_kept(queue);
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
        orf_settlement_add(queue, settlement, work->jobs->pdata[i],
                           &(OrfEnd){ ORF_JOB_SUCCEEDED, work->stages, work->result, NULL });
    g_mutex_unlock(&queue->lock);
    if (settlement)
        orf_settle(queue, settlement);
}

/* With the lock held. */
static OrfSettlement *
succeed(OrfQueue *queue, OrfLiveWork *work, OrfJobResult *result)
{
    work->state = ORF_WORK_SETTLING;
    work->result = result;
    OrfSettlement *settlement = orf_settlement_new(work);
    if (work->twin_key)
        settlement->cache = orf_cache_row_of(queue, work);
    for (guint i = 0; i < work->jobs->len; i++)
        orf_settlement_add(queue, settlement, work->jobs->pdata[i],
                           &(OrfEnd){ ORF_JOB_SUCCEEDED, work->stages, result, NULL });
    if (work->jobs->len > 1)
        queue->stats.seconds_saved += work->cost_s * (work->jobs->len - 1);
    return settlement;
}

static OrfSettlement *
fail(OrfQueue *queue, OrfLiveWork *work, const OrfJobError *error)
{
    work->state = ORF_WORK_SETTLING;
    orf_live_work_forget_twins(queue, work); /* who wishes it now gets a run of its own */
    OrfSettlement *settlement = orf_settlement_new(work);
    for (guint i = 0; i < work->jobs->len; i++)
        orf_settlement_add(
            queue, settlement, work->jobs->pdata[i],
            &(OrfEnd){ .status = ORF_JOB_FAILED, .stages = work->stages, .error = error });
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
    g_autofree char *message =
        g_strdup_printf("attempt %d failed, trying again: %s", work->attempt, error->message);
    OrfTold *told = orf_told_log(message);
    orf_work_stops(queue, work);
    for (guint i = 0; i < work->jobs->len; i++) {
        OrfLiveJob *job = work->jobs->pdata[i];
        job->row.not_before = orf_queue_wall(queue) + pause;
        orf_publish(queue, job, "log", told);
    }
    orf_told_unref(told);
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
    if (!orf_work_write(queue, work, &(OrfWriting){ .from = SIZE_MAX },
                        &error)) /* it counts as a try then */
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
    orf_duration_add(queue->store, kind, seconds, peak, orf_queue_wall(queue), NULL);
    orf_queue_pace(queue, kind, true);
}

/* Stages that came while the last of its jobs was being erased: no row names them. */
static void
drop_stages(OrfQueue *queue, const OrfStages *stages)
{
    for (size_t i = 0; i < orf_stages_n(stages); i++) {
        const char *digest = stages->rows[i].digest;
        orf_blob_drop(queue->store, &digest, 1, orf_queue_wall(queue));
    }
}

void
orf_work_ended(OrfQueue *queue, OrfLiveWork *work, OrfJobResult *result, const GError *error)
{
    OrfSettlement *settlement = NULL;
    g_mutex_lock(&queue->lock);
    work->cost_s =
        (double)(orf_queue_now(queue) - work->begun - work->parked_us) / G_TIME_SPAN_SECOND;
    size_t peak = MAX(work->run.peak, orf_task_peak_memory(work->task));
    OrfTask *task = g_steal_pointer(&work->task);
    g_clear_pointer(&work->step, g_free);
    g_autoptr(OrfStages) left = work->jobs->len ? NULL : orf_stages_ref(work->stages);
    bool nobody = work->jobs->len == 0, back = !nobody && work->put_back && !result;
    if (nobody) {
        work_is_over(queue, work);
    } else if (result) {
        settlement = succeed(queue, work, g_steal_pointer(&result));
    } else if (!back && may_try_again(work, error)) {
        try_again(queue, work, error);
    } else if (!back) {
        g_auto(OrfJobError) told = { 0 };
        orf_queue_describe(queue, error, &told);
        settlement = fail(queue, work, &told);
    }
    g_mutex_unlock(&queue->lock);
    orf_task_unref(task);
    orf_job_result_unref(result);
    orf_deliver(queue);
    drop_stages(queue, left);
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
