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
    g_auto(OrfJobError) told = { 0 };
    orf_queue_describe(queue, why, &told);
    OrfSettlement *settlement = orf_settlement_new(NULL);
    orf_settlement_add(queue, settlement, job,
                       &(OrfEnd){ .status = ORF_JOB_CANCELED, .error = &told });
    return settlement;
}

/* `ret_finished`: when it was over; or NULL. */
static bool
cancel(OrfQueue *queue, const char *tenant, const char *id, int64_t *ret_finished,
       GError **error)
{
    OrfLiveJob *job = orf_queue_find(queue, tenant, id, error);
    if (!job)
        return false;
    g_mutex_lock(&queue->lock);
    OrfSettlement *settlement = decide(queue, job);
    if (ret_finished)
        *ret_finished = settlement ? orf_queue_wall(queue) : job->row.finished;
    orf_live_job_unref(job);
    g_mutex_unlock(&queue->lock);
    if (settlement)
        orf_settle(queue, settlement);
    return true;
}

bool
orf_queue_cancel(OrfQueue *queue, const char *tenant, const char *id, GError **error)
{
    return cancel(queue, tenant, id, NULL, error);
}

bool
orf_queue_delete(OrfQueue *queue, const char *tenant, const char *id, GError **error)
{
    int64_t finished;
    return cancel(queue, tenant, id, &finished, error) &&
           orf_queue_erase(queue, id, finished, error);
}
