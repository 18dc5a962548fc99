/* parallel.c - spreads a range over the task's cores.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The caller and up to cores - 1 helpers take pieces from one atomic counter. The caller waits
 * only for helpers that have begun: one that comes late finds nothing and leaves, so calls may
 * nest without deadlock even when every helper is busy. What is handed over goes through
 * atomics of our own, so that ThreadSanitizer, which cannot see into GLib's locks, sees the
 * order of things. */
#include "base-priv.h"

#include <stdatomic.h>
#include <sys/resource.h>

typedef struct {
    OrfPoolItem head; /* first: the pool calls its `run` */
    atomic_uint refs;
    OrfTask *task;
    OrfRangeFn body;
    void *data;
    size_t n_items, grain;
    int gentle; /* nice value of the caller */
    _Atomic size_t next;
    GMutex lock;
    GCond idle;
    atomic_uint running; /* helpers inside work(); changed under lock */
    atomic_bool closed;  /* the caller has left: late helpers must not begin */
} Job;

static void
job_unref(Job *job)
{
    if (atomic_fetch_sub(&job->refs, 1) != 1)
        return;
    g_mutex_clear(&job->lock);
    g_cond_clear(&job->idle);
    g_free(job);
}

static void
work(Job *job)
{
    while (!orf_task_cancelled(job->task)) {
        size_t begin = job->next;
        do {
            if (begin >= job->n_items)
                return;
        } while (!atomic_compare_exchange_weak(&job->next, &begin,
                                               begin + MIN(job->grain, job->n_items - begin)));
        job->body(begin, begin + MIN(job->grain, job->n_items - begin), job->data);
    }
}

static bool
helper_begins(Job *job)
{
    g_mutex_lock(&job->lock);
    bool begins = !job->closed;
    job->running += begins;
    g_mutex_unlock(&job->lock);
    return begins;
}

/* A helper is as gentle as who it helps; it cannot go back, but then pools of one process do
 * one kind of work. */
static void
be_gentle(int gentle)
{
    if (gentle > getpriority(PRIO_PROCESS, 0))
        setpriority(PRIO_PROCESS, 0, gentle);
}

static void
help(void *item)
{
    Job *job = item;
    be_gentle(job->gentle);
    if (helper_begins(job)) {
        work(job);
        g_mutex_lock(&job->lock);
        if (--job->running == 0)
            g_cond_signal(&job->idle);
        g_mutex_unlock(&job->lock);
    }
    job_unref(job);
}

static void
wait_for_helpers(Job *job)
{
    g_mutex_lock(&job->lock);
    job->closed = true;
    while (job->running)
        g_cond_wait(&job->idle, &job->lock);
    g_mutex_unlock(&job->lock);
}

/* With up to `helpers` threads of the pool beside this one. */
static void
spread(GThreadPool *pool, size_t helpers, OrfTask *task, size_t n_items, size_t grain,
       OrfRangeFn body, void *data)
{
    Job *job = g_new0(Job, 1);
    *job =
        (Job){ .task = task, .body = body, .data = data, .n_items = n_items, .grain = grain };
    job->refs = 1;
    job->gentle = getpriority(PRIO_PROCESS, 0);
    g_mutex_init(&job->lock);
    g_cond_init(&job->idle);
    job->head.run = help;
    helpers = MIN(helpers, (n_items - 1) / grain);
    for (size_t i = 0; i < helpers; i++) {
        job->refs++;
        g_thread_pool_push(pool, job, NULL);
    }
    work(job);
    wait_for_helpers(job);
    job_unref(job);
}

bool
orf_task_parallel(OrfTask *task, size_t n_items, size_t grain, OrfRangeFn body, void *data)
{
    grain = MAX(grain, 1);
    if (orf_task_cores(task) > 1 && n_items > grain) {
        spread(task->core->pool, task->core->cores - 1, task, n_items, grain, body, data);
        return !orf_task_cancelled(task);
    }
    for (size_t begin = 0; begin < n_items && !orf_task_cancelled(task); begin += grain)
        body(begin, MIN(begin + grain, n_items), data);
    return !orf_task_cancelled(task);
}

/* --- Items of an engine ------------------------------------------------------------------- */

typedef struct {
    OrfEachFn body;
    void *data;
} Each;

static void
each_of(size_t begin, size_t end, void *data)
{
    const Each *each = data;
    for (size_t i = begin; i < end; i++)
        each->body(i, each->data);
}

void
orf_engine_each(OrfEngine *engine, size_t n, OrfEachFn body, void *data)
{
    Each each = { body, data };
    if (engine && n > 1)
        spread(engine->pool, n - 1, NULL, n, 1, each_of, &each);
    else
        each_of(0, n, &each);
}
