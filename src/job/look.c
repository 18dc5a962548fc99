/* look.c - jobs as others see them; those that are over stay in memory for a while.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/job-priv.h"

#include <string.h>

#define REMEMBER_BYTES ((size_t)64 << 20)
#define REMEMBER_JOBS 20000

/* --- Memory of what is over --------------------------------------------------------------- */

static size_t
weigh(const OrfLiveJob *job)
{
    const OrfJobRow *row = &job->row;
    size_t texts = 2048; /* request and result: settings, parameters, measures */
    return sizeof *job + texts + orf_stages_n(row->stages) * sizeof(OrfStageRow) +
           (row->request ? row->request->inputs->len * 256 : 0) + job->events.bytes;
}

void
orf_queue_forget(OrfQueue *queue, OrfLiveJob *job)
{
    if (job->remembered) {
        queue->remembered_bytes -= job->weight;
        g_queue_delete_link(&queue->remembered, g_steal_pointer(&job->remembered));
    }
    if (g_hash_table_lookup(queue->jobs, job->row.id) == job) {
        g_hash_table_steal(queue->jobs, job->row.id);
        orf_live_job_unref(job);
    }
}

void
orf_queue_remember(OrfQueue *queue, OrfLiveJob *job)
{
    if (g_hash_table_lookup(queue->jobs, job->row.id) != job)
        return; /* deleted meanwhile */
    job->weight = weigh(job);
    queue->remembered_bytes += job->weight;
    g_queue_push_tail(&queue->remembered, job);
    job->remembered = queue->remembered.tail;
    while (queue->remembered_bytes > REMEMBER_BYTES || queue->remembered.length > REMEMBER_JOBS)
        orf_queue_forget(queue, g_queue_peek_head(&queue->remembered));
}

/* --- Find --------------------------------------------------------------------------------- */

/* A job that is over, as its row tells: its last event is all that is left. */
static OrfLiveJob *
revive(OrfQueue *queue, OrfJobRow *row)
{
    OrfLiveJob *job = orf_live_job_new(row);
    if (!orf_job_status_is_terminal(job->row.status))
        return job;
    job->decided = true;
    job->events.last = MAX(job->row.events, 2) - 1;
    orf_publish(queue, job, job->row.status == ORF_JOB_SUCCEEDED ? "done" : "error", NULL);
    return job;
}

/* With the lock held; the reference is the caller's. Others may have come first, or deleted it.
 */
static OrfLiveJob *
adopt(OrfQueue *queue, OrfJobRow *row, uint64_t forgotten)
{
    OrfLiveJob *known = g_hash_table_lookup(queue->jobs, row->id);
    if (known)
        return orf_live_job_ref(known);
    OrfLiveJob *job = revive(queue, row);
    if (forgotten == queue->forgotten && job->decided) {
        g_hash_table_insert(queue->jobs, job->row.id, orf_live_job_ref(job));
        orf_queue_remember(queue, job);
    }
    return job;
}

OrfLiveJob *
orf_queue_lookup(OrfQueue *queue, const char *tenant, const char *id)
{
    OrfLiveJob *job = g_hash_table_lookup(queue->jobs, id);
    return job && (!tenant || g_str_equal(job->row.tenant, tenant)) ? job : NULL;
}

OrfLiveJob *
orf_queue_find(OrfQueue *queue, const char *tenant, const char *id, GError **error)
{
    g_mutex_lock(&queue->lock);
    OrfLiveJob *job = orf_queue_lookup(queue, tenant, id);
    if (job)
        orf_live_job_ref(job);
    uint64_t forgotten = queue->forgotten;
    g_mutex_unlock(&queue->lock);
    if (job)
        return job;
    g_autoptr(OrfJobRow) row = orf_job_row_get(queue->store, tenant, id, error);
    if (!row)
        return NULL;
    g_mutex_lock(&queue->lock);
    job = adopt(queue, row, forgotten);
    g_mutex_unlock(&queue->lock);
    return job;
}

/* --- Look --------------------------------------------------------------------------------- */

static void
fill_view(OrfQueue *queue, OrfLiveJob *job, OrfJobView *view)
{
    const OrfLiveWork *work = job->work;
    g_autofree OrfJobRow *copy = orf_job_row_copy(&job->row);
    *view = (OrfJobView){
        .row = *copy,
        .step = work && work->state == ORF_WORK_RUNNING ? g_strdup(work->step) : NULL,
        .position = work && work->at ? (unsigned)g_sequence_iter_get_position(work->at) : 0,
        .version = orf_job_version(queue, job),
        .events = job->events.last,
    };
    if (work) {
        orf_stages_unref(view->row.stages);
        view->row.stages = orf_stages_ref(work->stages);
    }
    orf_queue_eta(queue, job, view->position, &view->eta_p50, &view->eta_p90);
}

bool
orf_queue_look(OrfQueue *queue, const char *tenant, const char *id, OrfJobView *ret,
               GError **error)
{
    g_mutex_lock(&queue->lock);
    OrfLiveJob *job = orf_queue_lookup(queue, tenant, id);
    if (job)
        fill_view(queue, job, ret);
    g_mutex_unlock(&queue->lock);
    if (job)
        return true;
    job = orf_queue_find(queue, tenant, id, error);
    if (!job)
        return false;
    g_mutex_lock(&queue->lock);
    fill_view(queue, job, ret);
    orf_live_job_unref(job);
    g_mutex_unlock(&queue->lock);
    return true;
}

void
orf_job_view_clear(OrfJobView *view)
{
    orf_job_row_clear(&view->row);
    g_free(view->step);
    *view = (OrfJobView){ 0 };
}

uint64_t
orf_queue_version(OrfQueue *queue, const char *tenant, const char *id)
{
    g_mutex_lock(&queue->lock);
    const OrfLiveJob *job = orf_queue_lookup(queue, tenant, id);
    uint64_t version = job ? orf_job_version(queue, job) : 0;
    g_mutex_unlock(&queue->lock);
    return version;
}

/* --- Rows alone --------------------------------------------------------------------------- */

GPtrArray *
orf_queue_recent(OrfQueue *queue, const char *tenant, int status, const char *cursor,
                 unsigned limit, GError **error)
{
    OrfJobQuery query = { tenant, status, cursor, limit, .newest_first = true };
    return orf_job_rows_list(queue->store, &query, error);
}

bool
orf_queue_durations(OrfQueue *queue, const char *kind, double *ret_p50, double *ret_p90)
{
    uint64_t peak;
    return orf_durations(queue->store, kind, ret_p50, ret_p90, &peak);
}
