/* cancel.c - the end that a client asks for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/job-priv.h"

/* Its end is decided here; what it shared goes on for others. */
static OrfSettlement *
decide(OrfQueue *queue, OrfLiveJob *job)
{
    if (job->decided || orf_job_status_is_terminal(job->row.status))
        return NULL;
    g_autoptr(GError) why =
        g_error_new(ORF_ERROR, ORF_ERROR_CANCELLED, "cancelled by the client");
    g_autofree char *json = orf_queue_describe(queue, why);
    OrfSettlement *settlement = orf_settlement_new(NULL);
    orf_settlement_add(queue, settlement, job, ORF_JOB_CANCELED, NULL, json);
    return settlement;
}

bool
orf_queue_cancel(OrfQueue *queue, const char *id, GError **error)
{
    OrfLiveJob *job = orf_queue_find(queue, id, error);
    if (!job)
        return false;
    g_mutex_lock(&queue->lock);
    OrfSettlement *settlement = decide(queue, job);
    orf_live_job_unref(job);
    g_mutex_unlock(&queue->lock);
    if (settlement)
        orf_settle(queue, settlement);
    return true;
}

bool
orf_queue_delete(OrfQueue *queue, const char *id, GError **error)
{
    if (!orf_queue_cancel(queue, id, error) || !orf_store_delete_job(queue->store, id, error))
        return false;
    g_mutex_lock(&queue->lock);
    queue->forgotten++;
    OrfLiveJob *job = g_hash_table_lookup(queue->jobs, id);
    if (job)
        orf_queue_forget(queue, job);
    g_mutex_unlock(&queue->lock);
    return true;
}
