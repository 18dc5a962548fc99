/* erase.c - jobs go, with everything that is theirs alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A client that erases a job wants its pictures and results gone now, not with the next sweep;
 * and what finished jobs take has a bound, whatever clients keep. */
#include "job/job-priv.h"

#define AT_ONE_TIME 200 /* jobs of one transaction */
#define SLACK 1000      /* jobs beyond the bound that wake the keeper */

static bool
erase(OrfQueue *queue, const char *const *ids, size_t n, bool durable, int64_t finished,
      GError **error)
{
    g_autoptr(GPtrArray) digests = NULL;
    if (!orf_job_rows_delete(queue->store, ids, n, durable, &digests, error))
        return false;
    g_mutex_lock(&queue->lock);
    queue->forgotten++;
    for (size_t i = 0; i < n; i++) {
        OrfLiveJob *job = g_hash_table_lookup(queue->jobs, ids[i]);
        if (job)
            orf_queue_forget(queue, job);
    }
    g_mutex_unlock(&queue->lock);
    orf_blob_drop(queue->store, (const char *const *)digests->pdata, digests->len, finished);
    return true;
}

bool
orf_queue_erase(OrfQueue *queue, const char *id, int64_t finished, GError **error)
{
    return erase(queue, &id, 1, true, finished, error);
}

static uint64_t
excess(uint64_t is, uint64_t bound)
{
    return is > bound ? is - bound : 0;
}

void
orf_queue_trim_jobs(OrfQueue *queue)
{
    const OrfQueueOptions *options = &queue->options;
    uint64_t jobs, bytes;
    while (orf_job_rows_total(queue->store, &jobs, &bytes, NULL)) {
        g_mutex_lock(&queue->lock);
        queue->kept = jobs;
        g_mutex_unlock(&queue->lock);
        g_autoptr(GPtrArray) ids =
            orf_job_rows_oldest(queue->store, excess(jobs, options->keep_jobs),
                                excess(bytes, options->keep_bytes), AT_ONE_TIME, NULL);
        if (!ids || !ids->len ||
            !erase(queue, (const char *const *)ids->pdata, ids->len, false, 0, NULL))
            return; /* enough, or the disk refuses: tried again in a minute */
    }
}

void
orf_queue_count_kept(OrfQueue *queue)
{
    if (++queue->kept > queue->options.keep_jobs + SLACK && !queue->crowded) {
        queue->crowded = true;
        g_cond_signal(&queue->keep);
    }
}
