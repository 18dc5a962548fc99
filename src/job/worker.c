/* worker.c - places, batches, threads.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     normal places    run works to their end
 *     preview places   run works to their first stage; then the work is parked: its thread
 * waits for a normal place
 *
 * So a preview waits for other previews at most, never for somebody's final. What tells nothing
 * before its end has no preview, and runs in normal places alone. Parked works hold
 * memory, hence their bound: beyond it no work starts in a preview place. A batch takes one
 * place. */
#include "job/job-priv.h"

#include <math.h>
#include <sys/resource.h>

#define MAX_BATCH 64
#define GENTLE 10 /* nice value of threads that run jobs */

/* --- Places ------------------------------------------------------------------------------- */

static OrfPlace
free_place(const OrfQueue *queue)
{
    if (queue->normal_used < queue->limit && queue->parked->len == 0)
        return ORF_PLACE_NORMAL;
    bool room = queue->parked->len + queue->preview_used < queue->options.max_parked;
    return queue->preview_used < queue->options.preview_workers && room ? ORF_PLACE_PREVIEW
                                                                        : ORF_PLACE_NONE;
}

static void
take_place(OrfQueue *queue, OrfJobBatch *batch, OrfPlace place)
{
    batch->place = place;
    queue->normal_used += place == ORF_PLACE_NORMAL;
    queue->preview_used += place == ORF_PLACE_PREVIEW;
}

static void
give_place(OrfQueue *queue, OrfJobBatch *batch)
{
    queue->normal_used -= batch->place == ORF_PLACE_NORMAL;
    queue->preview_used -= batch->place == ORF_PLACE_PREVIEW;
    batch->place = ORF_PLACE_NONE;
}

/* The parked batch that was in line first. */
static void
unpark(OrfQueue *queue)
{
    OrfJobBatch *best = NULL;
    for (guint i = 0; i < queue->parked->len; i++) {
        OrfJobBatch *batch = queue->parked->pdata[i];
        if (!best || batch->order < best->order)
            best = batch;
    }
    g_ptr_array_remove_fast(queue->parked, best);
    take_place(queue, best, ORF_PLACE_NORMAL);
}

static void *work_thread(void *data);

void
orf_queue_wake(OrfQueue *queue)
{
    bool moved = false;
    for (; queue->parked->len && queue->normal_used < queue->limit; moved = true)
        unpark(queue);
    if (moved)
        g_cond_broadcast(&queue->place_free);
    if (queue->draining || g_sequence_is_empty(queue->line) ||
        free_place(queue) == ORF_PLACE_NONE)
        return;
    unsigned most = queue->limit + queue->options.preview_workers + queue->options.max_parked;
    if (queue->idle) {
        g_cond_signal(&queue->work_ready);
    } else if (!queue->starting && queue->threads->len < most) {
        queue->starting++;
        g_ptr_array_add(queue->threads, g_thread_new("orfeas-run", work_thread, queue));
    }
}

static bool
is_wanted(const OrfJobBatch *batch)
{
    for (size_t i = 0; i < batch->n; i++)
        if (batch->works[i]->task && !orf_task_cancelled(batch->works[i]->task))
            return true;
    return false;
}

void
orf_batch_park(OrfQueue *queue, OrfJobBatch *batch)
{
    if (batch->place != ORF_PLACE_PREVIEW)
        return;
    int64_t since = orf_queue_now(queue);
    give_place(queue, batch);
    g_ptr_array_add(queue->parked, batch);
    orf_queue_wake(queue);
    while (batch->place == ORF_PLACE_NONE && is_wanted(batch))
        g_cond_wait(&queue->place_free, &queue->lock);
    g_ptr_array_remove_fast(queue->parked, batch);
    int64_t parked = orf_queue_now(queue) - since;
    for (size_t i = 0; i < batch->n; i++)
        batch->works[i]->parked_us += parked;
}

/* --- Batches ------------------------------------------------------------------------------ */

static uint64_t
queued(const OrfQueue *queue)
{
    return (uint64_t)g_sequence_get_length(queue->line);
}

/* The first in line that may have the place and whose kind may find memory; `kind` NULL: of any
 * kind. */
static OrfLiveWork *
first_in_line(OrfQueue *queue, const char *kind, OrfPlace place)
{
    GSequenceIter *at = g_sequence_get_begin_iter(queue->line);
    for (; !g_sequence_iter_is_end(at); at = g_sequence_iter_next(at)) {
        OrfLiveWork *work = g_sequence_get(at);
        if (place == ORF_PLACE_PREVIEW && !work->early)
            continue;
        if (kind ? g_str_equal(work->kind, kind)
                 : !g_hash_table_contains(queue->full, work->kind))
            return work;
    }
    return NULL;
}

/* Sets memory aside. When nothing runs a work starts without: else it would wait for ever. Left
 * without the lock. */
static bool
reserve(OrfQueue *queue, OrfLiveWork *work)
{
    if (!queue->work.reserve)
        return true;
    g_mutex_unlock(&queue->lock);
    uint64_t ticket = queue->work.reserve(work->kind, work->request, queue->work.data);
    g_mutex_lock(&queue->lock);
    work->ticket = ticket;
    return ticket || queue->running->len == 0;
}

static void
give_back_ticket(OrfQueue *queue, OrfLiveWork *work, size_t peak, double seconds)
{
    uint64_t ticket = work->ticket;
    work->ticket = 0;
    if (ticket && queue->work.release)
        queue->work.release(ticket, work->kind, peak, seconds, queue->work.data);
}

static unsigned
ask_batch(OrfQueue *queue, const OrfLiveWork *work)
{
    if (!queue->work.batch)
        return 1;
    uint64_t n = queued(queue) + 1;
    g_mutex_unlock(&queue->lock);
    unsigned most = queue->work.batch(work->kind, n, queue->work.data);
    g_mutex_lock(&queue->lock);
    return CLAMP(most, 1, MAX_BATCH);
}

static void
ask_concurrency(OrfQueue *queue)
{
    if (!queue->work.concurrency)
        return;
    uint64_t n = queued(queue);
    g_mutex_unlock(&queue->lock);
    unsigned limit = queue->work.concurrency(n, queue->work.data);
    g_mutex_lock(&queue->lock);
    queue->limit = CLAMP(limit, 1, queue->options.workers * 8);
}

/* Back in line, unless nobody wants it any more. */
static void
unclaim(OrfQueue *queue, OrfLiveWork *work)
{
    if (work->jobs->len)
        orf_line_up(queue, work);
    else
        orf_live_work_unref(work);
}

void
orf_work_stops(OrfQueue *queue, OrfLiveWork *work)
{
    g_ptr_array_remove_fast(queue->running, work);
    g_cond_broadcast(&queue->quiet);
    if (queue->running->len)
        return;
    g_hash_table_remove_all(queue->full); /* who found no memory beside it may start without */
    orf_queue_wake(queue);
}

static void
add_to_batch(OrfQueue *queue, OrfJobBatch *batch, OrfLiveWork *work)
{
    work->state = ORF_WORK_RUNNING;
    work->batch = batch;
    batch->works[batch->n++] = work;
    g_ptr_array_add(queue->running, work);
}

/* Takes more of the kind, as long as memory is left for each. */
static void
fill_batch(OrfQueue *queue, OrfJobBatch *batch, const char *kind, unsigned most)
{
    while (batch->n < most && !queue->draining) {
        OrfLiveWork *work = first_in_line(queue, kind, batch->place);
        if (!work)
            return;
        orf_line_take(queue, work);
        if (!reserve(queue, work) || work->jobs->len == 0 || queue->draining) {
            give_back_ticket(queue, work, 0, 0);
            unclaim(queue, work);
            return;
        }
        add_to_batch(queue, batch, work);
    }
}

static void
batch_free(OrfJobBatch *batch)
{
    g_free(batch->works);
    g_free(batch);
}

/* NULL: nothing can start now. */
static OrfJobBatch *
take_batch(OrfQueue *queue)
{
    ask_concurrency(queue);
    OrfPlace place = free_place(queue);
    OrfLiveWork *work = queue->draining ? NULL : first_in_line(queue, NULL, place);
    if (!work || place == ORF_PLACE_NONE)
        return NULL;
    orf_line_take(queue, work);
    OrfJobBatch *batch = g_new0(OrfJobBatch, 1);
    batch->order = work->order;
    take_place(queue, batch, place);
    unsigned most = ask_batch(queue, work);
    batch->works = g_new0(OrfLiveWork *, most);
    if (reserve(queue, work) && work->jobs->len && !queue->draining) {
        add_to_batch(queue, batch, work);
        fill_batch(queue, batch, work->kind, most);
        batch->untold = (unsigned)batch->n;
        orf_queue_wake(queue); /* one place, one thread: the next wakes the next */
        return batch;
    }
    if (work->jobs->len)
        g_hash_table_add(queue->full, g_strdup(work->kind));
    give_back_ticket(queue, work, 0, 0);
    unclaim(queue, work);
    give_place(queue, batch);
    batch_free(batch);
    orf_queue_wake(queue);
    return NULL;
}

/* --- Runs --------------------------------------------------------------------------------- */

/* With the lock held. */
static void
prepare_run(OrfQueue *queue, OrfLiveWork *work)
{
    work->attempt++;
    work->started = true;
    work->begun = orf_queue_now(queue);
    work->parked_us = 0;
    work->told_first = false;
    work->next_ceiling = MAX(work->next_ceiling, orf_progress_ceiling(work->progress));
    work->task = orf_task_new(&(OrfTaskOptions){ .cores = queue->options.cores,
                                                 .memory = queue->options.memory,
                                                 .progress = orf_work_progress,
                                                 .progress_data = work });
    work->put_back = queue->halting;
    if (work->jobs->len == 0 || queue->halting)
        orf_task_cancel(work->task);
    int64_t waited = 0;
    for (guint i = 0; i < work->jobs->len; i++) {
        OrfLiveJob *job = work->jobs->pdata[i];
        job->row.not_before = 0;
        waited = MAX(waited, orf_queue_wall(queue) - job->row.created);
    }
    work->run = (OrfJobRun){ .id = work->id,
                             .tenant = work->tenant,
                             .kind = work->kind,
                             .request = work->request,
                             .attempt = work->attempt,
                             .waited_s = (double)waited / G_TIME_SPAN_SECOND,
                             .task = work->task,
                             .private = queue };
}

/* The store knows that a run began before anybody else does: numbers of attempts never fall,
 * not even when the process dies. */
static bool
begin(OrfQueue *queue, OrfJobBatch *batch, GError **error)
{
    g_mutex_lock(&queue->lock);
    for (size_t i = 0; i < batch->n; i++)
        prepare_run(queue, batch->works[i]);
    queue->stats.batches++;
    queue->stats.batched_jobs += batch->n;
    g_mutex_unlock(&queue->lock);
    for (size_t i = 0; i < batch->n; i++)
        if (!orf_work_write(queue, batch->works[i],
                            &(OrfWriting){ .from = SIZE_MAX, .hook = ORF_HOOK_STARTED }, error))
            return false;
    return true;
}

/* The disk refuses: the jobs wait, this was no run. */
static void
call_off(OrfQueue *queue, OrfJobBatch *batch, const GError *why)
{
    orf_log_warning("jobs cannot start, trying again: %s", why->message);
    for (size_t i = 0; i < batch->n; i++) {
        OrfLiveWork *work = batch->works[i];
        give_back_ticket(queue, work, 0, 0);
        g_mutex_lock(&queue->lock);
        OrfTask *task = g_steal_pointer(&work->task);
        orf_work_stops(queue, work);
        work->spared++; /* the attempt's number is spent, the try is not */
        if (work->jobs->len)
            orf_line_wait(queue, work, G_TIME_SPAN_SECOND);
        else
            orf_live_work_unref(work);
        g_mutex_unlock(&queue->lock);
        orf_task_unref(task);
    }
}

static void
run(OrfQueue *queue, OrfJobBatch *batch)
{
    OrfJobRun *runs[MAX_BATCH];
    OrfJobResult *results[MAX_BATCH] = { 0 };
    GError *errors[MAX_BATCH] = { 0 };
    for (size_t i = 0; i < batch->n; i++)
        runs[i] = &batch->works[i]->run;
    queue->work.run(runs, batch->n, results, errors, queue->work.data);
    for (size_t i = 0; i < batch->n; i++) {
        OrfLiveWork *work = batch->works[i];
        if (!results[i] && !errors[i])
            errors[i] = g_error_new(ORF_ERROR, ORF_ERROR_BUG, "the run ended without a result");
        double seconds =
            (double)(orf_queue_now(queue) - work->begun - work->parked_us) / G_TIME_SPAN_SECOND;
        size_t peak = MAX(work->run.peak, orf_task_peak_memory(work->task));
        give_back_ticket(queue, work, peak, seconds);
    }
    g_mutex_lock(&queue->lock); /* the next may begin while the ends are written */
    give_place(queue, batch);
    g_hash_table_remove_all(queue->full);
    orf_queue_wake(queue);
    g_mutex_unlock(&queue->lock);
    for (size_t i = 0; i < batch->n; i++) {
        orf_work_ended(queue, batch->works[i], results[i], errors[i]);
        g_clear_error(&errors[i]);
    }
}

static void
run_batch(OrfQueue *queue, OrfJobBatch *batch)
{
    g_autoptr(GError) error = NULL;
    if (begin(queue, batch, &error)) {
        run(queue, batch);
    } else {
        call_off(queue, batch, error);
        g_mutex_lock(&queue->lock);
        give_place(queue, batch);
        g_hash_table_remove_all(queue->full);
        orf_queue_wake(queue);
        g_mutex_unlock(&queue->lock);
    }
    batch_free(batch);
}

static void *
work_thread(void *data)
{
    OrfQueue *queue = data;
    setpriority(PRIO_PROCESS, 0, GENTLE); /* of this thread: clients are answered first */
    g_mutex_lock(&queue->lock);
    queue->starting--;
    while (!queue->stopping) {
        OrfJobBatch *batch = take_batch(queue);
        if (batch) {
            g_mutex_unlock(&queue->lock);
            run_batch(queue, batch);
            g_mutex_lock(&queue->lock);
        } else if (!queue->stopping) { /* taking leaves the lock for a while */
            queue->idle++;
            g_cond_wait(&queue->work_ready, &queue->lock);
            queue->idle--;
        }
    }
    g_mutex_unlock(&queue->lock);
    return NULL;
}
