/* live.c - jobs and works in memory; the line they stand in.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A work's place in line is fixed when it joins: now, plus PRIORITY_STEP for each step of lower
 * priority. That is ageing without a clock: a batch job is overtaken by interactive ones that
 * come up to a minute after it, by none that come later. */
#include "job/job-priv.h"

#include <string.h>

#define PRIORITY_STEP (30 * G_TIME_SPAN_SECOND)

/* --- Jobs --------------------------------------------------------------------------------- */

OrfLiveJob *
orf_live_job_new(OrfJobRow *row)
{
    OrfLiveJob *job = g_new0(OrfLiveJob, 1);
    job->refs = 1;
    job->row = *row;
    *row = (OrfJobRow){ 0 };
    return job;
}

OrfLiveJob *
orf_live_job_ref(OrfLiveJob *job)
{
    job->refs++;
    return job;
}

void
orf_live_job_unref(OrfLiveJob *job)
{
    if (!job || --job->refs > 0)
        return;
    orf_job_row_clear(&job->row);
    orf_events_clear(&job->events);
    if (job->listeners)
        g_ptr_array_unref(job->listeners);
    g_free(job);
}

/* --- Works -------------------------------------------------------------------------------- */

OrfLiveWork *
orf_live_work_new(OrfQueue *queue, OrfLiveJob *job, OrfPace *pace)
{
    const OrfJobRow *row = &job->row;
    OrfLiveWork *work = g_new0(OrfLiveWork, 1);
    work->refs = 1;
    work->state = ORF_WORK_CLAIMED;
    work->jobs = g_ptr_array_new();
    work->id = g_strdup(row->id);
    work->tenant = g_strdup(row->tenant);
    work->kind = g_strdup(row->kind);
    work->key = g_strdup(row->key);
    work->request = orf_job_request_ref(row->request);
    /* What an attempt of an earlier process has shown stays shown until this one shows it. */
    work->stages = orf_stages_ref(row->stages);
    work->twin_key = row->key ? g_strdup_printf("%s/%s", row->tenant, row->key) : NULL;
    work->pace = pace;
    work->early = !queue->work.early || !row->request ||
                  queue->work.early(row->request, queue->work.data);
    work->attempt = row->attempt;
    work->spared = row->spared;
    work->progress = row->progress;
    work->started = row->status == ORF_JOB_RUNNING;
    work->order = orf_queue_now(queue) + row->priority * PRIORITY_STEP;
    if (work->twin_key && !g_hash_table_contains(queue->twins, work->twin_key))
        g_hash_table_insert(queue->twins, work->twin_key, work);
    return work;
}

OrfLiveWork *
orf_live_work_ref(OrfLiveWork *work)
{
    work->refs++;
    return work;
}

void
orf_live_work_unref(OrfLiveWork *work)
{
    if (!work || --work->refs > 0)
        return;
    for (guint i = 0; i < work->jobs->len; i++)
        orf_live_job_unref(work->jobs->pdata[i]);
    g_ptr_array_unref(work->jobs);
    orf_stages_unref(work->stages);
    g_free(work->id);
    g_free(work->tenant);
    g_free(work->kind);
    g_free(work->key);
    orf_job_request_unref(work->request);
    g_free(work->twin_key);
    g_free(work->step);
    orf_job_result_unref(work->result);
    g_free(work);
}

void
orf_live_work_forget_twins(OrfQueue *queue, OrfLiveWork *work)
{
    if (work->twin_key && g_hash_table_lookup(queue->twins, work->twin_key) == work)
        g_hash_table_remove(queue->twins, work->twin_key);
}

static int
compare_works(const void *a, const void *b, void *unused)
{
    (void)unused;
    const OrfLiveWork *x = a, *y = b;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return strcmp(x->id, y->id);
}

static void
leave_line(OrfQueue *queue, OrfLiveWork *work)
{
    if (work->at)
        g_sequence_remove(g_steal_pointer(&work->at));
    else
        g_ptr_array_remove_fast(queue->waiting, work);
    queue->turns++;
}

void
orf_line_up(OrfQueue *queue, OrfLiveWork *work)
{
    work->state = ORF_WORK_LINED;
    work->at = g_sequence_insert_sorted(queue->line, work, compare_works, NULL);
    queue->turns++;
    orf_queue_wake(queue);
}

void
orf_line_wait(OrfQueue *queue, OrfLiveWork *work, int64_t delay_us)
{
    work->state = ORF_WORK_WAITING;
    work->not_before = orf_queue_now(queue) + delay_us;
    g_ptr_array_add(queue->waiting, work);
    g_cond_signal(&queue->keep);
}

void
orf_line_take(OrfQueue *queue, OrfLiveWork *work)
{
    leave_line(queue, work);
    work->state = ORF_WORK_CLAIMED;
}

/* --- Jobs that share a work --------------------------------------------------------------- */

void
orf_job_set_status(OrfQueue *queue, OrfLiveJob *job, OrfJobStatus status)
{
    if (job->row.status == status)
        return;
    if (job->row.status == ORF_JOB_QUEUED)
        queue->n_queued[job->row.priority]--;
    job->row.status = status;
    job->version += queue->turns + 1; /* so that it rises although the line no longer counts */
}

void
orf_live_work_catch_up(OrfQueue *queue, OrfLiveWork *work, OrfLiveJob *job)
{
    if (!job->joined)
        for (size_t i = 0; i < orf_stages_n(work->stages); i++)
            orf_publish_take(queue, job, "stage", orf_told_stage(&work->stages->rows[i]));
    job->joined = true;
}

/* A twin of higher priority pulls the work forward. */
static void
pull(OrfQueue *queue, OrfLiveWork *work, const OrfLiveJob *job)
{
    int64_t order = orf_queue_now(queue) + job->row.priority * PRIORITY_STEP;
    if (order >= work->order)
        return;
    work->order = order;
    if (work->at)
        g_sequence_sort_changed(work->at, compare_works, NULL);
    queue->turns++;
}

void
orf_live_work_join(OrfQueue *queue, OrfLiveWork *work, OrfLiveJob *job)
{
    if (work->jobs->len) {
        job->row.coalesced = true;
        g_free(job->row.leader);
        job->row.leader = g_strdup(work->id);
    }
    g_ptr_array_add(work->jobs, orf_live_job_ref(job));
    job->work = work;
    job->joined = job->row.status == ORF_JOB_RUNNING;
    pull(queue, work, job);
}

static void
stop(OrfQueue *queue, OrfLiveWork *work)
{
    orf_live_work_forget_twins(queue, work);
    if (work->state == ORF_WORK_LINED || work->state == ORF_WORK_WAITING) {
        leave_line(queue, work);
        orf_live_work_unref(work);
        return;
    }
    if (work->task) /* who runs it finds it without jobs, and frees it */
        orf_task_cancel(work->task);
    g_cond_broadcast(&queue->place_free);
}

void
orf_live_work_leave(OrfQueue *queue, OrfLiveJob *job)
{
    OrfLiveWork *work = g_steal_pointer(&job->work);
    orf_stages_unref(job->row.stages);
    job->row.stages = orf_stages_ref(work->stages);
    job->version += queue->turns + 1;
    g_ptr_array_remove(work->jobs, job);
    orf_live_job_unref(job); /* the caller has one */
    if (work->jobs->len == 0 && work->state != ORF_WORK_SETTLING)
        stop(queue, work);
}

#define OVER ((uint64_t)1 << 62) /* the version of all that is over: it no longer changes */

uint64_t
orf_job_version(const OrfQueue *queue, const OrfLiveJob *job)
{
    if (orf_job_status_is_terminal(job->row.status))
        return OVER;
    bool in_line = job->row.status == ORF_JOB_QUEUED || (job->work && job->work->at);
    return queue->base_version + job->version + (in_line ? queue->turns : 0);
}
