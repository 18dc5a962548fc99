/* add.c - a wish becomes a job: known before, known result, twin on its way, or a run of its
 * own.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Three things that are often confused stay apart: the idempotency key (the same wish, sent
 * again), coalescing (the same work, on its way) and the cache (the same work, done). The row
 * is written before anybody hears of the job; only then it joins a twin or the line. */
#include "job/job-priv.h"

/* --- Is there room? ----------------------------------------------------------------------- */

static unsigned
total_queued(const OrfQueue *queue)
{
    return queue->n_queued[0] + queue->n_queued[1] + queue->n_queued[2];
}

/* With the lock held. */
static bool
has_room(OrfQueue *queue, GError **error)
{
    if (queue->draining)
        return ORF_FALSE(error, BUSY, "the server is about to stop; send it again in a moment");
    if (total_queued(queue) >= queue->options.max_queued)
        return ORF_FALSE(error, BUSY,
                         "%u jobs are waiting, that is all there is room for; "
                         "send it again later",
                         queue->options.max_queued);
    return true;
}

unsigned
orf_queue_room(OrfQueue *queue)
{
    g_mutex_lock(&queue->lock);
    unsigned taken = queue->draining ? queue->options.max_queued : total_queued(queue);
    unsigned room = queue->options.max_queued - MIN(taken, queue->options.max_queued);
    g_mutex_unlock(&queue->lock);
    return room;
}

unsigned
orf_queue_retry_after(OrfQueue *queue)
{
    g_mutex_lock(&queue->lock);
    double rate = queue->line_p50 > 0 ? queue->line_p50 / MAX(queue->limit, 1) : 1;
    /* Until a tenth of the line has gone: whoever comes then finds room. */
    double seconds = queue->draining ? 10 : rate * g_sequence_get_length(queue->line) / 10;
    g_mutex_unlock(&queue->lock);
    return (unsigned)CLAMP(seconds + 1, 1, 60);
}

/* --- The row ------------------------------------------------------------------------------ */

static OrfJobRow
row_of(OrfQueue *queue, const OrfWish *wish)
{
    return (OrfJobRow){
        .id = orf_queue_new_id(queue),
        .tenant = g_strdup(wish->tenant),
        .status = ORF_JOB_QUEUED,
        .priority = CLAMP(wish->priority, 0, 2),
        .kind = g_strdup(wish->kind),
        .key = g_strdup(wish->key),
        .request = orf_job_request_ref(wish->request),
        .no_cache = wish->no_cache,
        .webhook_url = g_strdup(wish->webhook_url),
        .webhook_events = wish->webhook_url
                              ? (wish->webhook_events ? wish->webhook_events : ORF_HOOK_DONE)
                              : 0,
        .created = orf_queue_wall(queue),
        .deadline = wish->deadline_us,
    };
}

static OrfCacheRow *
find_result(OrfQueue *queue, const OrfWish *wish)
{
    if (!wish->key || wish->no_cache)
        return NULL;
    int64_t now = orf_queue_steady(queue);
    g_autoptr(OrfCacheRow) hit = orf_cache_row_get(queue->store, wish->tenant, wish->key, now,
                                                   NULL);         /* failure: a miss */
    if (!hit || !orf_stages_are_whole(queue->store, hit->stages)) /* the run replaces it */
        return NULL;
    orf_cache_row_hit(queue->store, wish->tenant, wish->key, now,
                      NULL); /* worse eviction at most */
    return g_steal_pointer(&hit);
}

/* --- Enter -------------------------------------------------------------------------------- */

/* In the table before it is in the store: who sends the key again finds it. Caller owns a
 * reference. */
static OrfLiveJob *
enter(OrfQueue *queue, const OrfWish *wish, GError **error)
{
    OrfLiveJob *job = NULL;
    g_mutex_lock(&queue->lock);
    if (has_room(queue, error)) {
        OrfJobRow row = row_of(queue, wish);
        job = orf_live_job_new(&row);
        g_hash_table_insert(queue->jobs, job->row.id, orf_live_job_ref(job));
        queue->n_queued[job->row.priority]++;
        orf_publish(queue, job, "snapshot", NULL);
    }
    g_mutex_unlock(&queue->lock);
    return job;
}

static void
withdraw(OrfQueue *queue, OrfLiveJob *job)
{
    g_mutex_lock(&queue->lock);
    queue->n_queued[job->row.priority]--;
    orf_queue_forget(queue, job);
    orf_live_job_unref(job);
    g_mutex_unlock(&queue->lock);
}

/* A cached job tells everything at once. With the lock held. */
static void
tell_cached(OrfQueue *queue, OrfLiveJob *job, const OrfCacheRow *hit)
{
    for (size_t i = 0; i < orf_stages_n(hit->stages); i++)
        orf_publish_take(queue, job, "stage", orf_told_stage(&hit->stages->rows[i]));
    job->row.cached = true;
    job->row.started = job->row.created;
    queue->stats.hits++;
    queue->stats.seconds_saved += hit->cost_s;
}

/* The row to be inserted, as it ends or as it is. */
static OrfJobRow *
first_row(OrfQueue *queue, OrfLiveJob *job, const OrfCacheRow *hit, OrfHookRow **ret_hook)
{
    OrfJobRow *row;
    g_mutex_lock(&queue->lock);
    if (hit) {
        OrfEnd end = { ORF_JOB_SUCCEEDED, hit->stages, hit->result, NULL };
        tell_cached(queue, job, hit);
        job->decided = true;
        row = orf_end_row(queue, job, &end);
        *ret_hook = orf_hook_for(queue, job, row, ORF_HOOK_DONE);
    } else {
        row = orf_job_row_copy(&job->row);
    }
    g_mutex_unlock(&queue->lock);
    return row;
}

/* --- After it is in the store: with the lock held ----------------------------------------- */

static OrfLiveWork *
find_twin(OrfQueue *queue, const OrfLiveJob *job)
{
    if (!job->row.key || job->row.no_cache)
        return NULL;
    g_autofree char *key = g_strdup_printf("%s/%s", job->row.tenant, job->row.key);
    return g_hash_table_lookup(queue->twins, key);
}

void
orf_queue_set_deadline(OrfQueue *queue, OrfLiveJob *job)
{
    if (!job->row.deadline)
        return;
    /* A clock that was turned back since must not lengthen it. */
    int64_t left =
        MIN(job->row.deadline - orf_queue_wall(queue), job->row.deadline - job->row.created);
    job->deadline = orf_queue_now(queue) + left;
    g_hash_table_add(queue->deadlines, job);
    g_cond_signal(&queue->keep);
}

void
orf_queue_start(OrfQueue *queue, OrfLiveJob *job, OrfPace *pace)
{
    orf_queue_set_deadline(queue, job);
    OrfLiveWork *work = find_twin(queue, job);
    if (work) {
        orf_live_work_join(queue, work, job);
        return;
    }
    work = orf_live_work_new(queue, job, pace);
    orf_live_work_join(queue, work, job);
    orf_line_up(queue, work);
}

static void
count(OrfQueue *queue, const OrfLiveJob *job)
{
    if (job->row.coalesced)
        queue->stats.coalesced++;
    else if (job->row.key && job->row.no_cache)
        queue->stats.bypassed++;
    else if (job->row.key)
        queue->stats.misses++;
}

/* A twin may have finished while the row was written. */
static bool
settle_late_hit(OrfQueue *queue, OrfLiveJob *job, const OrfWish *wish)
{
    g_autoptr(OrfCacheRow) hit = find_result(queue, wish);
    if (!hit)
        return false;
    OrfSettlement *settlement = NULL;
    g_mutex_lock(&queue->lock);
    if (!job->decided) {
        tell_cached(queue, job, hit);
        settlement = orf_settlement_new(NULL);
        orf_settlement_add(queue, settlement, job,
                           &(OrfEnd){ ORF_JOB_SUCCEEDED, hit->stages, hit->result, NULL });
    }
    g_mutex_unlock(&queue->lock);
    if (settlement)
        orf_settle(queue, settlement);
    return true;
}

/* It is seen to run once its row says so; when the disk refuses, with the next stage. */
static void
join_under_way(OrfQueue *queue, OrfLiveJob *job, OrfLiveWork *work)
{
    orf_work_write(queue, work, &(OrfWriting){ .only = job }, NULL);
    g_mutex_lock(&queue->lock);
    orf_live_work_unref(work);
    g_mutex_unlock(&queue->lock);
}

static void
start(OrfQueue *queue, OrfLiveJob *job, const OrfWish *wish, OrfPace *pace, uint64_t finished)
{
    g_mutex_lock(&queue->lock);
    bool missed = queue->finished != finished && !find_twin(queue, job);
    g_mutex_unlock(&queue->lock);
    if (missed && settle_late_hit(queue, job, wish))
        return;
    g_mutex_lock(&queue->lock);
    OrfLiveWork *under_way = NULL;
    if (!job->decided) { /* else cancelled by who knew it from an earlier answer */
        orf_queue_start(queue, job, pace);
        count(queue, job);
        if (job->work->state == ORF_WORK_RUNNING && job->work->started)
            under_way = orf_live_work_ref(job->work);
    }
    g_mutex_unlock(&queue->lock);
    if (under_way)
        join_under_way(queue, job, under_way);
}

/* --- Add ---------------------------------------------------------------------------------- */

/* False with error NULL: new. */
static bool
was_sent_before(OrfQueue *queue, const OrfWish *wish, OrfAccepted *ret, GError **error)
{
    if (!wish->idempotency_key)
        return false;
    ret->id = orf_claim_find(queue->store, wish->tenant, wish->idempotency_key,
                             wish->fingerprint, orf_queue_wall(queue), error);
    ret->replayed = ret->id != NULL;
    return ret->replayed;
}

static bool
check_webhook(OrfQueue *queue, const OrfWish *wish, GError **error)
{
    if (!wish->webhook_url)
        return true;
    if (!queue->hooks)
        return ORF_FALSE(error, UNSUPPORTED,
                         "webhooks are off: the server was started without a webhook secret");
    return orf_hooks_check_url(wish->webhook_url, queue->options.webhooks_may_be_local, error);
}

static bool
accept_new(OrfQueue *queue, const OrfWish *wish, OrfAccepted *ret, GError **error)
{
    g_mutex_lock(&queue->lock);
    uint64_t finished = queue->finished;
    g_mutex_unlock(&queue->lock);
    OrfLiveJob *job = enter(queue, wish, error);
    if (!job)
        return false;
    g_autoptr(OrfCacheRow) hit = find_result(queue, wish);
    OrfPace *pace = orf_queue_pace(queue, wish->kind, false);
    g_autoptr(OrfHookRow) hook = NULL;
    g_autoptr(OrfJobRow) row = first_row(queue, job, hit, &hook);
    bool ok = orf_job_row_add(queue->store, row, wish->idempotency_key, wish->fingerprint, hook,
                              &ret->id, error);
    if (!ok || ret->id) {
        ret->replayed = ret->id != NULL;
        withdraw(queue, job);
        return ok;
    }
    ret->id = g_strdup(row->id);
    if (hit)
        orf_announce(queue, job, row);
    else
        start(queue, job, wish, pace, finished);
    if (hook)
        orf_hooks_wake(queue->hooks);
    g_mutex_lock(&queue->lock);
    ret->cached = job->row.cached;
    ret->coalesced = job->row.coalesced;
    orf_live_job_unref(job);
    g_mutex_unlock(&queue->lock);
    orf_deliver(queue);
    return true;
}

bool
orf_queue_add(OrfQueue *queue, const OrfWish *wish, OrfAccepted *ret, GError **error)
{
    OrfAccepted accepted = { 0 };
    g_autoptr(GError) why = NULL;
    if (!check_webhook(queue, wish, &why) ||
        (!was_sent_before(queue, wish, &accepted, &why) &&
         (why || !accept_new(queue, wish, &accepted, &why)))) {
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
    }
    *ret = accepted;
    return true;
}
