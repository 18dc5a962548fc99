/* events.c - what happened to a job, numbered, and who listens.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A listener is a number: what it has to hear next. Whoever published calls the listeners that
 * have something to hear, one event after the other, never under the lock, never two threads in
 * one listener. So events arrive in order, and a new listener's replay and its live part are
 * the same loop. */
#include "job/job-priv.h"

#include <string.h>

#define KEEP 1000
#define SLACK 200 /* forgotten at one time */
/* Events in one life of the process: what comes after a restart has greater numbers. */
#define LIFE ((uint64_t)1 << 20)

struct OrfListener {
    OrfQueue *queue;
    OrfLiveJob *job;
    uint64_t next; /* number */
    OrfEventFn fn;
    void *data;
    bool queued, delivering, dead, ended;
};

static OrfTold *
told_new(const char *text, double progress, const OrfStageRow *stage)
{
    OrfTold *told = g_new0(OrfTold, 1);
    told->refs = 1;
    told->size = sizeof *told + (text ? strlen(text) : 0);
    told->progress = progress;
    told->text = g_strdup(text);
    if (stage)
        told->stage = *stage;
    return told;
}

OrfTold *
orf_told_progress(const char *step, double progress)
{
    return told_new(step, progress, NULL);
}

OrfTold *
orf_told_stage(const OrfStageRow *stage)
{
    return told_new(NULL, stage->progress, stage);
}

OrfTold *
orf_told_log(const char *message)
{
    return told_new(message, 0, NULL);
}

void
orf_told_unref(OrfTold *told)
{
    if (!told || --told->refs > 0)
        return;
    g_free(told->text);
    g_free(told);
}

static size_t
size_of(const OrfTold *told)
{
    return sizeof(OrfKept) + (told ? told->size : 0);
}

static bool
is_end(const char *type)
{
    return strcmp(type, "done") == 0 || strcmp(type, "error") == 0;
}

static OrfKept *
kept_at(const OrfEvents *events, uint64_t number)
{
    return &g_array_index(events->kept, OrfKept, number - events->first);
}

static bool
is_over(const OrfEvents *events)
{
    return events->kept && events->kept->len && is_end(kept_at(events, events->last)->type);
}

/* --- Publish ------------------------------------------------------------------------------ */

static void
drop_oldest(OrfEvents *events, guint n)
{
    for (guint i = 0; i < n; i++) {
        OrfTold *told = g_array_index(events->kept, OrfKept, i).told;
        events->bytes -= size_of(told);
        orf_told_unref(told);
    }
    g_array_remove_range(events->kept, 0, n);
    events->first += n;
}

static void
append(OrfEvents *events, OrfKept kept)
{
    if (!events->kept) {
        events->kept = g_array_new(false, false, sizeof(OrfKept));
        events->first = events->last + 1;
    }
    if (kept.told)
        kept.told->refs++;
    g_array_append_val(events->kept, kept);
    events->last++;
    events->bytes += size_of(kept.told);
    if (events->kept->len >= KEEP + SLACK)
        drop_oldest(events, SLACK);
}

static void
mark(OrfQueue *queue, OrfListener *listener)
{
    if (listener->queued || listener->dead)
        return;
    listener->queued = true;
    g_queue_push_tail(&queue->dirty, listener);
}

void
orf_publish(OrfQueue *queue, OrfLiveJob *job, const char *type, OrfTold *told)
{
    bool end = is_end(type);
    if (is_over(&job->events) || (!end && job->decided))
        return;
    if (!end && job->events.last % LIFE == LIFE - 2) /* room for the end */
        return;
    append(&job->events, (OrfKept){ told, type, orf_queue_wall(queue) });
    job->version++;
    for (guint i = 0; job->listeners && i < job->listeners->len; i++)
        mark(queue, job->listeners->pdata[i]);
}

void
orf_publish_take(OrfQueue *queue, OrfLiveJob *job, const char *type, OrfTold *told)
{
    orf_publish(queue, job, type, told);
    orf_told_unref(told);
}

void
orf_events_clear(OrfEvents *events)
{
    if (!events->kept)
        return;
    drop_oldest(events, events->kept->len);
    g_array_unref(events->kept);
    events->kept = NULL;
}

/* --- Deliver ------------------------------------------------------------------------------ */

/* Something is missing: the listener looks at the job as it is, and goes on from there. */
static void
snapshot(OrfListener *listener, OrfJobEvent *ret)
{
    const OrfEvents *events = &listener->job->events;
    uint64_t number = events->last - is_over(events);
    *ret = (OrfJobEvent){ .seq = number,
                          .type = "snapshot",
                          .time = kept_at(events, events->last)->time };
    listener->next = number + 1;
}

static bool
next_event(OrfListener *listener, OrfJobEvent *ret, OrfTold **ret_told)
{
    const OrfEvents *events = &listener->job->events;
    if (listener->dead || listener->ended || !events->kept || !events->kept->len)
        return false;
    if (listener->next == events->last + 1) {
        if (!is_over(events))
            return false;
        listener->next = events->last;
    }
    *ret_told = NULL;
    if (listener->next < events->first || listener->next > events->last) {
        snapshot(listener, ret);
        return true;
    }
    const OrfKept *kept = kept_at(events, listener->next);
    OrfTold *told = kept->told;
    *ret = (OrfJobEvent){ .seq = listener->next++, .type = kept->type, .time = kept->time };
    if (told) {
        ret->progress = told->progress;
        ret->text = told->text;
        ret->stage = strcmp(kept->type, "stage") == 0 ? &told->stage : NULL;
        told->refs++;
    }
    *ret_told = told;
    listener->ended = is_end(kept->type);
    return true;
}

static void
deliver_to(OrfQueue *queue, OrfListener *listener)
{
    OrfJobEvent event;
    OrfTold *told;
    listener->delivering = true;
    while (next_event(listener, &event, &told)) {
        g_mutex_unlock(&queue->lock);
        listener->fn(&event, listener->data);
        g_mutex_lock(&queue->lock);
        orf_told_unref(told);
    }
    listener->delivering = false;
    if (listener->dead)
        g_cond_broadcast(&queue->delivered);
}

void
orf_deliver(OrfQueue *queue)
{
    OrfListener *listener;
    g_mutex_lock(&queue->lock);
    while ((listener = g_queue_pop_head(&queue->dirty))) {
        listener->queued = false;
        if (!listener->delivering) /* else that thread sees the new events */
            deliver_to(queue, listener);
    }
    g_mutex_unlock(&queue->lock);
}

/* --- Listen ------------------------------------------------------------------------------- */

OrfListener *
orf_queue_listen(OrfQueue *queue, const char *tenant, const char *id, uint64_t after,
                 OrfEventFn event, void *data, GError **error)
{
    OrfLiveJob *job = orf_queue_find(queue, tenant, id, error);
    if (!job)
        return NULL;
    OrfListener *listener = g_new(OrfListener, 1);
    *listener = (OrfListener){
        .queue = queue, .job = job, .next = after + 1, .fn = event, .data = data
    };
    g_mutex_lock(&queue->lock);
    if (!job->listeners)
        job->listeners = g_ptr_array_new();
    g_ptr_array_add(job->listeners, listener);
    deliver_to(queue, listener);
    g_mutex_unlock(&queue->lock);
    return listener;
}

void
orf_listener_free(OrfListener *listener)
{
    if (!listener)
        return;
    OrfQueue *queue = listener->queue;
    g_mutex_lock(&queue->lock);
    listener->dead = true;
    if (listener->queued)
        g_queue_remove(&queue->dirty, listener);
    while (listener->delivering)
        g_cond_wait(&queue->delivered, &queue->lock);
    g_ptr_array_remove_fast(listener->job->listeners, listener);
    orf_live_job_unref(listener->job);
    g_mutex_unlock(&queue->lock);
    g_free(listener);
}
