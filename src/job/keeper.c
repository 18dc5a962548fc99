/* keeper.c - the thread of what must happen by itself: retries, deadlines, ends to be written,
 * tidying.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * It waits on the monotonic clock for the next thing that is due; turning the wall clock wakes
 * nobody. */
#include "job/job-priv.h"

#include <time.h>

#define TIDY_US (2 * G_TIME_SPAN_SECOND)
#define EXPIRE_US G_TIME_SPAN_MINUTE

typedef struct {
    int64_t tidy, expire; /* when next; monotonic */
} Chores;

/* --- Due: with the lock held -------------------------------------------------------------- */

static int64_t
line_up_due(OrfQueue *queue, int64_t now)
{
    int64_t next = INT64_MAX;
    for (guint i = 0; i < queue->waiting->len;) {
        OrfLiveWork *work = queue->waiting->pdata[i];
        if (work->not_before > now) {
            next = MIN(next, work->not_before);
            i++;
            continue;
        }
        g_ptr_array_remove_index_fast(queue->waiting, i);
        orf_line_up(queue, work);
    }
    return next;
}

static bool
take_late(OrfQueue *queue, int64_t now, GPtrArray *late, int64_t *ret_next)
{
    GHashTableIter iter;
    void *item;
    g_hash_table_iter_init(&iter, queue->deadlines);
    while (g_hash_table_iter_next(&iter, &item, NULL)) {
        OrfLiveJob *job = item;
        if (job->decided)
            continue;
        if (job->deadline <= now)
            g_ptr_array_add(late, job);
        else
            *ret_next = MIN(*ret_next, job->deadline);
    }
    return late->len > 0;
}

/* No error of a room: nobody cancelled it. */
static const OrfJobError too_late = { .code = (char *)(uintptr_t) "deadline_exceeded",
                                      .message =
                                          (char *)(uintptr_t) "not done before its deadline" };

static OrfSettlement *
expire_late(OrfQueue *queue, int64_t now, int64_t *ret_next)
{
    g_autoptr(GPtrArray) late = g_ptr_array_new();
    if (!take_late(queue, now, late, ret_next))
        return NULL;
    OrfSettlement *settlement = orf_settlement_new(NULL);
    for (guint i = 0; i < late->len; i++)
        orf_settlement_add(queue, settlement, late->pdata[i],
                           &(OrfEnd){ .status = ORF_JOB_EXPIRED, .error = &too_late });
    return settlement;
}

/* The ends that the disk refused and that may be tried again now. */
static GPtrArray *
take_unsettled(OrfQueue *queue, int64_t now, int64_t *ret_next)
{
    GPtrArray *due = g_ptr_array_new();
    for (guint i = 0; i < queue->unsettled->len;) {
        OrfSettlement *settlement = queue->unsettled->pdata[i];
        if (settlement->again > now) {
            *ret_next = MIN(*ret_next, settlement->again);
            i++;
            continue;
        }
        g_ptr_array_add(due, g_ptr_array_remove_index_fast(queue->unsettled, i));
    }
    return due;
}

/* --- Chores: without the lock ------------------------------------------------------------- */

/* Memory must not remember what the store has dropped. */
static void
forget_expired(OrfQueue *queue, int64_t steady)
{
    g_mutex_lock(&queue->lock);
    OrfLiveJob *job;
    while ((job = g_queue_peek_head(&queue->remembered)) && job->row.expires &&
           job->row.expires <= steady)
        orf_queue_forget(queue, job);
    g_mutex_unlock(&queue->lock);
}

static void
do_chores(OrfQueue *queue, Chores *chores, int64_t now)
{
    if (now >= chores->tidy) {
        orf_store_tidy(queue->store);
        chores->tidy = now + TIDY_US;
    }
    if (now < chores->expire)
        return;
    int64_t steady = orf_queue_steady(queue);
    g_autoptr(GError) error = NULL;
    if (orf_job_rows_expire(queue->store, steady, &error) < 0)
        orf_log_warning("old jobs cannot be removed: %s", error->message);
    forget_expired(queue, steady);
    orf_queue_trim_cache(queue);
    orf_queue_trim_jobs(queue);
    chores->expire = now + EXPIRE_US;
}

/* --- The thread --------------------------------------------------------------------------- */

static void
wait_until(OrfQueue *queue, int64_t when)
{
    g_cond_wait_until(&queue->keep, &queue->lock, when - queue->skew_mono);
}

void *
orf_queue_keep_thread(void *data)
{
    OrfQueue *queue = data;
    Chores chores = { 0, 0 };
    g_mutex_lock(&queue->lock);
    while (!queue->stopping) {
        int64_t now = orf_queue_now(queue), next = line_up_due(queue, now);
        OrfSettlement *late = expire_late(queue, now, &next);
        g_autoptr(GPtrArray) unsettled = take_unsettled(queue, now, &next);
        if (queue->crowded)
            chores.expire = now;
        queue->crowded = false;
        bool chore = now >= MIN(chores.tidy, chores.expire);
        if (late || unsettled->len || chore) {
            g_mutex_unlock(&queue->lock);
            if (late)
                orf_settle(queue, late);
            for (guint i = 0; i < unsettled->len; i++)
                orf_settle(queue, unsettled->pdata[i]);
            do_chores(queue, &chores, now);
            g_mutex_lock(&queue->lock);
            continue;
        }
        wait_until(queue, MIN(next, MIN(chores.tidy, chores.expire)));
    }
    g_mutex_unlock(&queue->lock);
    return NULL;
}
