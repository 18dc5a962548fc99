/* erase.c - jobs go, with everything that is theirs alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A client that erases a job wants its pictures and results gone now, not with the next sweep;
 * and what finished jobs take has a bound, whatever clients keep. */
#include "job/job-priv.h"

#define AT_ONE_TIME 200 /* jobs erased between two looks at what is left */

bool
orf_queue_erase(OrfQueue *queue, const char *id, int64_t finished, GError **error)
{
    g_autoptr(GPtrArray) digests = NULL;
    if (!orf_job_row_delete(queue->store, id, &digests, error))
        return false;
    g_mutex_lock(&queue->lock);
    queue->forgotten++;
    OrfLiveJob *job = g_hash_table_lookup(queue->jobs, id);
    if (job)
        orf_queue_forget(queue, job);
    g_mutex_unlock(&queue->lock);
    orf_blob_drop(queue->store, (const char *const *)digests->pdata, digests->len, finished);
    return true;
}

static bool
count_kept(OrfQueue *queue)
{
    uint64_t jobs, bytes;
    if (!orf_job_rows_total(queue->store, &jobs, &bytes, NULL)) /* tried again in a while */
        return false;
    g_mutex_lock(&queue->lock);
    queue->kept_jobs = jobs;
    queue->kept_bytes = bytes;
    g_mutex_unlock(&queue->lock);
    return jobs > queue->options.keep_jobs || bytes > queue->options.keep_bytes;
}

void
orf_queue_trim_jobs(OrfQueue *queue)
{
    while (count_kept(queue)) {
        g_autoptr(GPtrArray) ids =
            orf_job_rows_beyond(queue->store, queue->options.keep_jobs,
                                queue->options.keep_bytes, AT_ONE_TIME, NULL);
        guint gone = 0;
        for (guint i = 0; ids && i < ids->len; i++)
            gone += orf_queue_erase(queue, ids->pdata[i], 0, NULL);
        if (!gone) /* the disk refuses */
            return;
    }
}
